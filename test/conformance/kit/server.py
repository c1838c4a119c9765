"""The server that the kit breaks, and sessions of the kit on it."""
import contextlib
import os
import queue
import signal
import subprocess
import threading
import time


class Session:
    """A session of psql. Rows are lists of strings; an error is raised as SqlError."""

    def __init__(self):
        self.reconnect()

    def reconnect(self):
        self._psql = subprocess.Popen(
            ["psql", "-XqAtw", "-F", "\t", "-v", "VERBOSITY=sqlstate"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1)
        self._lines = queue.Queue()
        threading.Thread(
            target=self._read, args=(self._psql.stdout, self._lines), daemon=True).start()

    @staticmethod
    def _read(output, lines):
        for line in output:
            lines.put(line.rstrip("\n"))
        lines.put(None)

    def send(self, sql):
        with contextlib.suppress(BrokenPipeError):
            self._psql.stdin.write(f"{sql.rstrip(';')};\n\\echo \x01\n")

    def answer(self, limit=60):
        rows, error, end = [], None, time.monotonic() + limit
        while True:
            try:
                line = self._lines.get(timeout=max(0.01, end - time.monotonic()))
            except queue.Empty:
                raise SqlError("the server did not answer the kit") from None
            if line is None or "connection to server was lost" in line:
                raise SqlError("the server closed the kit's connection")
            if line == "\x01":
                break
            if line.startswith(("ERROR:", "FATAL:", "PANIC:")):
                error = error or line
            elif not line.startswith(("WARNING:", "NOTICE:", "DETAIL:", "psql:")):
                rows.append(line.split("\t"))
        if error:
            raise SqlError(error)
        return rows

    def __call__(self, sql, limit=60):
        self.send(sql)
        return self.answer(limit)

    def value(self, sql, limit=60):
        rows = self(sql, limit)
        return rows[0][0] if rows else None

    def close(self):
        self._psql.kill()
        self._psql.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class SqlError(Exception):
    pass


def literal(text):
    return "'" + text.replace("'", "''") + "'"


class Hold:
    """A lock that the kit itself takes, to be the next holder."""

    def __init__(self, namespace, key, limit):
        self._session = Session()
        self.name = f"{literal(namespace)}, {literal(key)}"
        taken = self._session.value(
            f"SELECT the_extension.try_lock({self.name}, wait => '{limit:.3f} s')", limit + 60)
        self.granted = time.monotonic_ns()
        self.taken = taken == "t"
        self.token = int(self._session.value(
            f"SELECT the_extension.fencing_token({self.name})") or 0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._session.close()


class Gate:
    """Lets calls for a key hang in the server until it opens."""

    def __init__(self, key, call, moment):
        self._session, self._key = Session(), key
        self.number = self._session.value(
            "SELECT pg_backend_pid()")          # a number that nobody else uses
        self._session(f"SELECT pg_advisory_lock({self.number})")
        self._session(f"INSERT INTO kit.fault VALUES ({literal(key)}, '{call}', '{moment}', "
                      f"'hang', {self.number})")

    def hanging(self):
        """The backend that hangs here, or None."""
        return self._session.value(
            "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND classid = 0 "
            f"AND objid = {self.number} AND objsubid = 1")

    def forget(self):
        """Later calls pass; those that hang go on hanging."""
        self._session(f"DELETE FROM kit.fault WHERE gate = {self.number}")

    def open(self):
        self.forget()
        self._session(f"SELECT pg_advisory_unlock({self.number})")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(SqlError):
            self.open()
        self._session.close()


@contextlib.contextmanager
def frozen(pid):
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def restart():
    """Restarts the server that PGDATA names, as its owner, as pg_ctl does by default."""
    data = os.environ["PGDATA"]
    owner = os.stat(data).st_uid
    become = ([] if owner == os.getuid() else
              ["setpriv", f"--reuid={owner}", f"--regid={os.stat(data).st_gid}", "--init-groups"])
    with open(os.environ.get("SERVER_LOG", os.devnull), "a") as log:
        subprocess.run(
            [*become, "env", "HOME=/tmp", "pg_ctl", "restart", "-s", "-w", "-m", "fast", "-D", data,
             "-o", f"-p {os.environ['PGPORT']}"],
            check=True, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
