"""Case: a pooler in transaction mode, which lends one session of the server to many clients."""
import contextlib
import os
import socket
import subprocess
import tempfile
import time

from .case import case
from .client import Refused

CONFIGURATION = """[databases]
* = host=127.0.0.1 port={server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 1
server_reset_query_always = 0
logfile =
pidfile =
"""


@contextlib.contextmanager
def pooler():
    """Runs PgBouncer with one server session, as the owner of the server, and gives its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    owner = os.stat(os.environ["PGDATA"]).st_uid
    with tempfile.NamedTemporaryFile("w", prefix="pg_exclusive-pooler.") as file:
        file.write(CONFIGURATION.format(server=os.environ["PGPORT"], port=port).replace(
            "host=127.0.0.1", "host=127.0.0.1 user=conformance"))
        file.flush()
        os.chmod(file.name, 0o644)
        process = subprocess.Popen(
            ["/usr/sbin/pgbouncer", file.name], user=None if owner == os.getuid() else owner,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            end = time.monotonic() + 30
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                if process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError("PgBouncer does not start")
                time.sleep(0.05)
            yield port
        finally:
            process.kill()
            process.wait()


@case("behind a pooler in transaction mode it is right, or says that it cannot be")
def behind_a_pooler(kit):
    port = kit.enter(pooler())
    first, second = kit.client(port=port), kit.client(port=port)
    answer = first.ask("acquire", kit.namespace, kit.key)
    if answer[0] == "failed":
        return                                  # it says that it cannot work here
    if answer[0] != "acquired":
        raise Refused(f"It answers “{' '.join(answer)}” for a lock that is free.")
    shared = ("Behind a pooler in transaction mode another client uses the same session. Ask for "
              "idle_session_timeout at the start of the session, which such a pooler refuses, or "
              "use a lease.")
    first.send("hold", str(round(kit.lease * 1500)))
    other = second.ask("acquire", kit.namespace, kit.key)
    if other[0] != "busy":
        raise Refused(f"{shared} The second client hears “{' '.join(other)}”.")
    if first.answer(kit.lease * 1.5 + kit.patience)[0] != "held":
        raise Refused(f"{shared} The lock is lost while its client works.")
    first.ask("release")
    if second.ask("acquire", kit.namespace, kit.key)[0] != "acquired":
        raise Refused(f"{shared} The lock stays after its release.")
