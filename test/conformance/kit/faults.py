"""Cases: the client freezes, or the server ends, cancels or forgets something."""
import signal
import time

from .case import case
from .client import Refused
from .server import frozen, restart

FOREVER = ("A client that was frozen keeps the lock for longer than two leases. Its session needs "
           "idle_session_timeout, and no open transaction, in which that does not count.")
NO_RENEWAL = ("It does not ask the server for its lock within a lease. Call fencing_token() three "
              "times in a lease.")


@case("a client that is frozen at work loses the lock, and knows it first")
def frozen_at_work(kit):
    client = kit.client()
    kit.acquire(client)
    steps = kit.working(client)
    client.signal(signal.SIGSTOP)
    hold = kit.taken(kit.lease * 2, FOREVER)
    client.signal(signal.SIGCONT)
    kit.lost(client, kit.patience, "It was frozen until the next holder had the lock, and does not "
                                   "say that it has lost it.")
    kit.alone_since(steps, hold)
    kit.release_lost(client)


@case("a client that is frozen in the moment of its grant does not believe in it afterwards")
def frozen_at_grant(kit):
    client, gate = kit.client(), kit.gate("acquire", "after")
    client.send("acquire", kit.namespace, kit.key)
    client.send("report")                   # it waits in the pipe, to be asked at once
    kit.hanging(gate, kit.patience, "It does not call try_lock().")
    client.signal(signal.SIGSTOP)
    gate.open()
    kit.taken(kit.lease * 2, FOREVER)
    client.signal(signal.SIGCONT)
    client.answer()
    if client.answer()[0] == "held":
        raise Refused("It believes in a grant whose answer it has read too late. The lease counts "
                      "from the moment in which the question was sent.")


@case("a client that is frozen while it asks for its lock does not believe in the answer")
def frozen_in_renewal(kit):
    client = kit.client()
    kit.acquire(client)
    steps, gate = kit.working(client), kit.gate("renew", "before")
    kit.hanging(gate, kit.lease, NO_RENEWAL)
    client.signal(signal.SIGSTOP)
    gate.open()
    hold = kit.taken(kit.lease * 2, FOREVER)
    client.signal(signal.SIGCONT)
    kit.lost(client, kit.patience, "It believes in a renewal whose answer it has read too late.")
    kit.alone_since(steps, hold)


@case("belief ends a lease after the server has fallen silent, and stays ended",
      forms=("session",))
def silent_server(kit):
    client = kit.client()
    kit.acquire(client)
    steps = kit.working(client)
    with frozen(kit.holder()[1]):
        since = time.monotonic_ns()
        time.sleep(kit.lease * 1.3)
    why = "The server was silent for longer than a lease, and it does not say that its lock is lost."
    kit.lost(client, kit.patience, why)
    late = [t for t, _ in steps() if t > since + kit.lease * 1e9]
    if late:
        raise Refused(f"{why} It went on for {(late[-1] - since) / 1e9 - kit.lease:.2f} s.")
    if client.ask("report")[0] != "lost":
        raise Refused("A lock that it has called lost is held again.")
    kit.release_lost(client)
    kit.taken(kit.lease * 2, "It has lost the lock, and keeps the session that has it.")


@case("the end of its session is told within a renewal, and nothing goes on in a new session",
      forms=("session",))
def terminated(kit):
    client = kit.client()
    token, pid = kit.acquire(client), kit.holder()[1]
    client.send("hold", "600000")
    kit.sql(f"SELECT pg_terminate_backend({pid})")
    kit.lost(client, kit.lease, "The server has ended its session, and it does not say within a "
                                "lease that its lock is lost. What reconnects or asks again has a "
                                "new lock, or none.")
    kit.release_lost(client)
    if kit.acquire(client) <= token:
        raise Refused("The token of the next grant is not larger.")


@case("a session that ends in the moment of the grant is an error, and the client goes on")
def terminated_at_grant(kit):
    client, gate = kit.client(), kit.gate("acquire", "after")
    client.send("acquire", kit.namespace, kit.key)
    pid = kit.hanging(gate, kit.patience, "It does not call try_lock().")
    gate.forget()
    kit.sql(f"SELECT pg_terminate_backend({pid})")
    answer = client.answer()
    if answer[0] == "acquired":
        token, _ = kit.holder()
        if str(token) != answer[1]:
            raise Refused("Its session ended before the answer, and it says that it has the lock.")
        client.ask("release")
    kit.acquire(client)


@case("a statement that is cancelled in the moment of its grant leaves no lock")
def cancelled_at_grant(kit):
    client, gate = kit.client(), kit.gate("acquire", "after")
    client.send("acquire", kit.namespace, kit.key)
    pid = kit.hanging(gate, kit.patience, "It does not call try_lock().")
    gate.forget()
    kit.sql(f"SELECT pg_cancel_backend({pid})")
    answer = client.answer()
    if answer[0] != "failed":
        raise Refused(f"Its statement was cancelled, and it answers “{' '.join(answer)}”.")
    with kit.taken(kit.lease * 0.6, "The statement was cancelled after its grant, and the session "
                                    "keeps the lock. After an error, call unlock_all() or close "
                                    "the session."):
        pass
    kit.acquire(client)


@case("a renewal that is cancelled is either made up for or a loss")
def cancelled_renewal(kit):
    client = kit.client()
    kit.acquire(client)
    gate = kit.gate("renew", "before")
    client.send("hold", str(round(kit.lease * 2500)))
    pid = kit.hanging(gate, kit.lease, NO_RENEWAL)
    gate.forget()
    kit.sql(f"SELECT pg_cancel_backend({pid})")
    answer = client.answer(kit.lease * 2.5 + kit.patience)
    if answer[0] == "held" and not kit.holder()[0]:
        raise Refused("Its renewal was cancelled. It says that it has the lock, and the server "
                      "says that no session has it.")
    client.ask("release")
    kit.taken(kit.lease * 2, "Its renewal was cancelled, and its session keeps the lock.")


def within_a_lease(kit, fault, why):
    client = kit.client()
    kit.acquire(client)
    kit.sql(f"INSERT INTO kit.fault VALUES ('{kit.key}', 'renew', 'before', '{fault}')")
    client.send("hold", "600000")
    kit.lost(client, kit.lease * 1.5, why)
    kit.release_lost(client)


@case("a lock that was freed in its session, as DISCARD ALL does, is lost",
      forms=("session",))
def unlocked(kit):
    within_a_lease(kit, "unlock", "Its session no longer has the lock, and it does not say so "
                                  "within a lease. A renewal has to ask for the lock, as "
                                  "fencing_token() does. SELECT 1 only shows that the session "
                                  "lives.")


@case("a lock that was freed and taken again in its session is another one",
      forms=("session",))
def replaced(kit):
    within_a_lease(kit, "replace", "Its session has the lock again by another grant, and it does "
                                   "not say within a lease that its own is lost. Compare the token "
                                   "with that of the grant.")


@case("a lock that an operator breaks is lost within a renewal")
def broken(kit):
    client = kit.client()
    kit.acquire(client)
    client.send("hold", "600000")
    kit.sql(f"SELECT the_extension.break_lock('{kit.namespace}', '{kit.key}', 'conformance')")
    kit.lost(client, kit.lease * 1.5, "Its lock was broken with break_lock(), and it does not say so "
                                      "within a lease.")
    kit.release_lost(client)


@case("a restart of the server is a loss, and the client goes on afterwards", alone=True)
def restarted(kit):
    client = kit.client()
    token = kit.acquire(client)
    client.send("hold", "600000")
    restart()
    kit.lost(client, kit.lease, "The server was restarted, and it does not say within a lease that "
                                "its lock is lost.")
    kit.release_lost(client)
    kit.sql.reconnect()
    # The names of leases are shut for max_lease after a start.
    answer = kit.until(lambda: (a := client.ask("acquire", kit.namespace, kit.key)) != ["busy"] and a,
                       kit.patience, "It does not get a lock that is free after a restart.")
    if kit.acquired(answer) <= token:
        raise Refused("The token of the next grant is not larger.")
