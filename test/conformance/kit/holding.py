"""Cases: one holder at a time, names, errors, and what is left behind."""
from .case import case
from .client import Refused

GOLDEN = [("billing", "nightly", -4857304600860246807), ("a/b", "c", 5884018112297427615),
          ("é", "ключ", -4950525707655477489)]


@case("one client at a time has the lock, and the next has a larger token")
def one_at_a_time(kit):
    first, second = kit.client(), kit.client()
    token = kit.acquire(first)
    answer = second.ask("acquire", kit.namespace, kit.key)
    if answer[0] != "busy":
        raise Refused(f"It answers “{' '.join(answer)}” for a lock that another client has. "
                      "The answer is “busy”.")
    if first.ask("report") != ["held", str(token)]:
        raise Refused("It does not report the lock that it has.")
    if first.ask("release") != ["released"]:
        raise Refused("It says that a lock is lost that it had to the end.")
    if kit.acquire(second) <= token:
        raise Refused("The token of the next holder is not larger.")


@case("names are taken as they are")
def names(kit):
    client = kit.client()
    ours = [(kit.namespace, key, None) for key in (
        f"{kit.key} o'clock, \"50 %\" of $1, %s, ? and :x\\", f"  {kit.key} ", f"{kit.key} Job",
        kit.key.ljust(1024, "x"))]
    for namespace, key, number in ours + (GOLDEN if kit.form == "session" else []):
        answer = client.ask("acquire", namespace, key)
        if answer[0] != "acquired":
            raise Refused(f"It answers “{' '.join(answer)}” for a lock that is free.")
        rows = kit.sql("SELECT namespace, key, lock_id FROM the_extension.lock_holders "
                       f"WHERE application_name = '{client.application}'")
        if not rows or rows[0][:2] != [namespace, key]:
            raise Refused(f"It was asked to lock {namespace}/{key}, and locks "
                          f"{'/'.join(rows[0][:2]) if rows else 'nothing'}. Names are compared "
                          "byte by byte, in UTF-8.")
        if number and rows[0][2] != str(number):
            raise Refused(f"The id of {namespace}/{key} is {rows[0][2]}, and not {number}.")
        client.ask("release")


@case("a name that cannot be locked is an error with its SQLSTATE, and not a lock")
def errors(kit):
    client = kit.client()
    for namespace, key, state in (("no such namespace", "k", "42704"), ("not ours", "k", "42501"),
                                  (kit.namespace, kit.key.ljust(1025, "x"), "42622")):
        answer = client.ask("acquire", namespace, key)
        if answer != ["failed", state]:
            raise Refused(f"It answers “{' '.join(answer)}” where the server says {state}.")
    kit.acquire(client)                     # an error ends neither it nor what it does next


@case("a lock is kept for as long as the work takes")
def kept(kit):
    client = kit.client()
    token = kit.acquire(client)
    answer = client.ask("hold", str(round(kit.lease * 2500)), limit=kit.lease * 2.5 + kit.patience)
    if answer[0] != "held":
        raise Refused("It loses a lock under which work goes on for longer than a lease. It has to "
                      "ask the server for the lock three times in a lease.")
    if kit.holder()[0] != token:
        raise Refused("It says that it still has the lock, and the server says otherwise.")
    if client.ask("release") != ["released"]:
        raise Refused("It says that a lock is lost that it had to the end.")


@case("a release leaves nothing on a connection that is used again")
def released(kit):
    first, second = kit.client(), kit.client()
    for _ in range(2):
        token = kit.acquire(first)
        first.ask("release")
        if first.ask("report")[0] == "held":
            raise Refused("It has released the lock, and says that it has it. Belief has to end "
                          "before the lock is released.")
        left = kit.sql("SELECT classid FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE "
                       f"locktype = 'advisory' AND application_name = '{first.application}'")
        if left or kit.holder()[0] == token:
            raise Refused("It has released the lock, and the server says that its session still "
                          "has it. A connection goes back to its pool only after unlock(), or "
                          "unlock_all().")
        kit.acquire(second)
        second.ask("release")


@case("a task that fails frees the lock")
def task_fails(kit):
    client = kit.client()
    kit.acquire(client)
    answer = client.ask("fail")
    if answer[0] != "raised":
        raise Refused(f"The task has failed, and the caller hears “{' '.join(answer)}”.")
    kit.taken(kit.lease * 0.6, "A task that fails leaves the lock behind. Release it on every way "
                               "out of the task.")


@case("a client that is killed frees the lock at once, and the next token is larger")
def killed(kit):
    client = kit.client()
    token = kit.acquire(client)
    client.send("hold", "600000")
    client.kill()
    hold = kit.taken(kit.patience, "The lock stays after its client was killed.")
    if hold.token <= token:
        raise Refused("The token of the next holder is not larger.")
