"""What a case has at hand: clients, the kit's own session, and the server's opinion."""
import contextlib
import os
import tempfile
import time
import uuid

from .client import Client, Refused
from .server import Gate, Hold, Session, literal

CASES = []
NAMESPACES = {"session": "conformance", "lease": "conformance of leases"}


def case(sentence, alone=False, forms=("session", "lease")):
    """Registers a case. alone: nothing else may run beside it. forms: of locks, that have it."""
    def register(function):
        function.sentence, function.alone, function.forms = sentence, alone, forms
        CASES.append(function)
        return function
    return register


class Case:
    def __init__(self, options):
        self.command, self.lease, self.patience = options.command, options.lease, options.patience
        self.form, self.namespace = options.form, NAMESPACES[options.form]
        self.key = f"case {uuid.uuid4().hex[:8]}"
        self._stack = contextlib.ExitStack()
        self.sql = self.enter(Session())

    def enter(self, context):
        return self._stack.enter_context(context)

    def close(self):
        self._stack.close()

    def client(self, port=None):
        client = Client(self.command, self.lease, self.patience, port)
        self._stack.callback(client.close)
        answer = client.ask("report")       # it has started, so what it does next is timed rightly
        if answer != ["idle"]:
            raise Refused(f"It has no lock yet, and reports “{' '.join(answer)}”.")
        return client

    def holder(self, key=None, namespace=None):
        """Token and backend of who has the lock, as the server says."""
        rows = self.sql("SELECT token, coalesce(pid, 0) FROM the_extension.lock_holder("
                        f"{literal(namespace or self.namespace)}, {literal(key or self.key)})")
        return (int(rows[0][0]), int(rows[0][1])) if rows else (0, 0)

    def acquire(self, client, key=None, namespace=None):
        """Has the client take a lock that is free, and returns its token."""
        return self.acquired(
            client.ask("acquire", namespace or self.namespace, key or self.key), key, namespace)

    def acquired(self, answer, key=None, namespace=None):
        if answer[0] != "acquired":
            raise Refused(f"It answers “{' '.join(answer)}” for a lock that is free.")
        token, _ = self.holder(key, namespace)
        if not token:
            raise Refused("It says that it has the lock, and the server says that no session has "
                          "it. A lock that was taken with try_xact_lock outside a transaction "
                          "block is free at once, and a lease needs a COMMIT.")
        if str(token) != answer[1]:
            raise Refused(f"It says that its token is {answer[1]}, and the server says {token}.")
        return token

    def taken(self, limit, why):
        """The kit takes the lock, as the next holder, and keeps it to the end of the case."""
        hold = self.enter(Hold(self.namespace, self.key, limit))
        if not hold.taken:
            raise Refused(why)
        return hold

    def gate(self, call, moment):
        return self.enter(Gate(self.key, call, moment))

    def hanging(self, gate, limit, why):
        """Waits until the client's call hangs at the gate, and returns its backend."""
        return int(self.until(gate.hanging, limit, why))

    def until(self, condition, limit, why):
        end = time.monotonic() + limit
        while not (result := condition()):
            if time.monotonic() > end:
                raise Refused(why)
            time.sleep(0.02)
        return result

    def witness(self):
        """A file for work, and what was written to it, as (time in ns, token)."""
        file = self.enter(tempfile.NamedTemporaryFile(prefix="pg_exclusive-witness."))

        def steps():
            with open(file.name) as lines:
                return [tuple(map(int, line.split())) for line in lines]
        return file.name, steps

    def working(self, client):
        """Has the client work until it is stopped, and returns what it writes."""
        file, steps = self.witness()
        client.send("work", file, "600000")
        self.until(steps, self.patience, "It does no work under a lock that it has.")
        return steps

    def lost(self, client, limit, why):
        """The client has to answer that the lock is lost, after hold or work."""
        end = time.monotonic() + limit
        while not client.answered():
            if time.monotonic() > end:
                raise Refused(why)
            time.sleep(0.01)
        answer = client.answer()
        if answer[0] != "lost":
            raise Refused(f"{why} It answers “{' '.join(answer)}”.")

    def release_lost(self, client):
        answer = client.ask("release")
        if answer[0] != "lost":
            raise Refused("The lock was lost before the work had ended, and the release answers "
                          f"“{' '.join(answer)}”. The caller has to hear of it.")

    def alone_since(self, steps, hold):
        """No step of the client's work was made while the next holder had the lock."""
        late = [t for t, _ in steps() if t > hold.granted]
        if late:
            raise Refused(f"It goes on working for {(late[-1] - hold.granted) / 1e6:.1f} ms beside "
                          "the next holder. Belief has to end by the clock, a lease after the "
                          "last question that the server has answered was sent.")
