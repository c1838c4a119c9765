"""Drives examples/python/exclusive.py for the kit: a command a line, an answer a line."""
import contextlib, os, sys, time

import psycopg

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../../examples/python"))
import exclusive as recipe

LEASE = int(os.environ["CONFORMANCE_LEASE"]) / 1000


class TaskFailed(Exception):
    pass


class Client:
    Lost = recipe.LockLost

    @staticmethod
    def try_lock(namespace, key):
        return recipe.try_lock("", namespace, key, LEASE)

    def __init__(self):
        self.stack, self.lock = contextlib.ExitStack(), None

    def acquire(self, namespace, key):
        self.lock = self.stack.enter_context(self.try_lock(namespace, key))
        if self.lock:
            return f"acquired {self.lock.token}"
        self.stack.close()
        return "busy"

    def hold(self, milliseconds):
        end = time.monotonic() + int(milliseconds) / 1000
        while self.lock.held() and time.monotonic() < end:
            time.sleep(0.01)
        return "held" if self.lock.held() else "lost"

    def work(self, file, milliseconds):
        end = time.monotonic() + int(milliseconds) / 1000
        witness, steps = os.open(file, os.O_WRONLY | os.O_APPEND), 0
        with contextlib.closing(os.fdopen(witness, "wb", 0)) as out:
            while time.monotonic() < end:
                now = time.monotonic_ns()   # before the check, so that nobody is accused wrongly
                if not self.lock.held():
                    return f"lost {steps}"
                out.write(b"%d %d\n" % (now, self.lock.token))
                steps += 1
                time.sleep(0.005)
        return f"worked {steps}"

    def report(self):
        if not self.lock:
            return "idle"
        return f"held {self.lock.token}" if self.lock.held() else "lost"

    def release(self):
        stack, self.stack = self.stack, contextlib.ExitStack()
        try:
            stack.close()
        except (self.Lost, psycopg.OperationalError):
            return "lost"
        return "released"

    def fail(self):
        stack, self.stack = self.stack, contextlib.ExitStack()
        try:
            with stack:
                raise TaskFailed
        except Exception:
            return "raised"

    def once(self, namespace, key, slot, fail=None):
        try:
            with psycopg.connect("") as conn:
                if not recipe.once(conn, namespace, key, slot):
                    return "skipped"
                conn.execute("INSERT INTO work_done VALUES (%s, %s)", (key, slot))
                if fail:
                    raise TaskFailed
        except TaskFailed:
            return "raised"
        return "ran"

    def serve(self):
        for line in sys.stdin:
            command, *arguments = line.rstrip("\n").split("\t")
            try:
                answer = getattr(self, command)(*arguments)
            except psycopg.Error as error:
                answer = f"failed {error.sqlstate or '08006'}"
            except self.Lost:
                answer = "lost"
            print(answer, flush=True)


if __name__ == "__main__":
    Client().serve()
