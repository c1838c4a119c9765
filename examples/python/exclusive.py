"""Run this on one node, with psycopg 3.  Copy this file.  docs/contract.md says why.

    with try_lock("service=app", "jobs", "nightly-close") as lock:
        for book in books if lock else []:  # None: another node has the lock
            lock.check()                    # raises LockLost: stop the work
            close(book, lock.token)
    with psycopg.connect("service=app") as conn:
        if once(conn, "jobs", "nightly-close", "2026-11-28"):
            conn.execute("INSERT INTO ledger VALUES ('2026-11-28')")
"""
import contextlib, select, threading, time
import psycopg

class LockLost(Exception): pass

class Lock:
    def __init__(self, conn, name, lease):
        self._conn, self._name, self._lease = conn, name, lease
        self._until, self._over = float("inf"), threading.Event()
        self.token = self._ask("""SELECT CASE WHEN try_lock(n, k) THEN fencing_token(n, k) END
            FROM (SELECT %s AS n, %s AS k) name""")
        if self.token:
            threading.Thread(target=self._renew, daemon=True).start()

    def held(self):                         # asks only the clock, so it is right after a freeze
        return not self._over.is_set() and time.clock_gettime(time.CLOCK_BOOTTIME) < self._until

    def check(self):
        if not self.held():
            raise LockLost("lock %s/%s is lost" % self._name)

    def _ask(self, statement):              # the lease counts from the question
        until = time.clock_gettime(time.CLOCK_BOOTTIME) + self._lease * 29 / 30
        answer = self._conn.execute(statement, self._name).fetchone()[0]
        self.check()                        # a late answer brings nothing back
        self._until = until
        return answer

    def _renew(self):
        with contextlib.suppress(psycopg.Error, LockLost, ValueError):
            while self._ask("SELECT fencing_token(%s, %s)") == self.token:
                select.select([self._conn], [], [], self._lease / 3)  # or the server says goodbye
        self._over.set()

@contextlib.contextmanager
def try_lock(conninfo, namespace, key, lease=15.0):
    options = f"-c idle_session_timeout={lease * 1000:.0f}"
    with contextlib.closing(psycopg.connect(conninfo, autocommit=True, options=options)) as conn:
        lock = Lock(conn, (namespace, key), lease)
        try:
            yield lock if lock.token else None
        finally:                            # if this fails, the session ends, and the lock with it
            held = lock.token and lock.held()   # belief ends before the lock does
            lock._over.set()
            unlocked = held and conn.execute("SELECT unlock(%s, %s)", lock._name).fetchone()[0]
            if lock.token and not unlocked:
                raise LockLost("lock %s/%s was lost" % lock._name)

def once(conn, *run):                       # (namespace, key, slot), in the caller's transaction
    return conn.execute("SELECT try_run_once(%s, %s, %s, 'SELECT')", run).fetchone()[0]
