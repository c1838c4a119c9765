"""Run this on one node, without a session: behind a pooler in transaction mode, with psycopg 3.
Copy this file.  docs/contract.md says why.  Each question takes a connection from the pool.

    with try_lease(pool.connection, "jobs", "nightly-close") as lease:
        for book in books if lease else []:  # None: another node has the lock
            lease.check()                    # raises LeaseLost: stop the work
            close(book, lease.token)
"""
import contextlib, threading, time
import psycopg

class LeaseLost(Exception): pass

class Lease:
    def __init__(self, connect, name, ttl):
        self._connect, self._name, self._ttl = connect, name, ttl
        self._until, self._over = float("inf"), threading.Event()
        self.token = self._extend("SELECT acquire_lease(%s, %s, make_interval(secs => %s))", ttl)
        if self.token:
            threading.Thread(target=self._renew, daemon=True).start()

    def held(self):                          # asks only the clock, so it is right after a freeze
        return not self._over.is_set() and time.clock_gettime(time.CLOCK_BOOTTIME) < self._until

    def check(self):
        if not self.held():
            raise LeaseLost("lease of %s/%s is lost" % self._name)

    def _ask(self, statement, *values):
        with self._connect() as conn:        # commits, without which there is no lease
            conn.prepare_threshold = None    # another server session does not know the statement
            return conn.execute(statement, self._name + values).fetchone()[0]

    def _extend(self, statement, *values):   # the lease counts from the question
        until = time.clock_gettime(time.CLOCK_BOOTTIME) + self._ttl * 29 / 30
        answer = self._ask(statement, *values)
        self.check()                         # a late answer brings nothing back
        self._until = until
        return answer

    def _release(self):
        return self._ask("SELECT release_lease(%s, %s, %s)", self.token)

    def _renew(self):
        while self.held():
            with contextlib.suppress(psycopg.Error, LeaseLost):  # another connection may be better
                if not self._extend("SELECT renew_lease(%s, %s, %s)", self.token):
                    self._over.set()
            self._over.wait(self._ttl / 5)

@contextlib.contextmanager
def try_lease(connect, namespace, key, ttl=15.0):
    lease = Lease(connect, (namespace, key), ttl)
    try:
        yield lease if lease.token else None
    finally:
        held = lease.held()
        lease._over.set()
        if lease.token and not (held and lease._release()):
            raise LeaseLost("lease of %s/%s was lost" % lease._name)
