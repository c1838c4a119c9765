"""Run this on one node, with asyncio and psycopg 3.  Copy this file.  docs/contract.md says why.

    async with try_lock("service=app", "jobs", "nightly-close") as lock:
        if lock: await close(lock.token)    # None: taken. Cancelled when it is lost; raises LockLost
    async with await psycopg.AsyncConnection.connect("service=app") as conn:
        if await once(conn, "jobs", "nightly-close", "2026-11-28"):
            await conn.execute("INSERT INTO ledger VALUES ('2026-11-28')")
"""
import asyncio, contextlib, time, psycopg

class LockLost(Exception): pass

async def ask(conn, statement, values):
    return (await (await conn.execute(statement, values)).fetchone())[0]

async def once(conn, *run):                 # (namespace, key, slot), in the caller's transaction
    return await ask(conn, "SELECT try_run_once(%s, %s, %s, 'SELECT')", run)

class Lock:
    def __init__(self, conn, name, lease, belief):
        self._conn, self._name, self._lease, self._belief = conn, name, lease, belief
        self._until = float("inf")

    def held(self):                         # asks only the clock, so it is right after a freeze
        return time.clock_gettime(time.CLOCK_BOOTTIME) < self._until

    async def _ask(self, statement):        # the lease counts from the question
        until = time.clock_gettime(time.CLOCK_BOOTTIME) + self._lease * 29 / 30
        answer = await ask(self._conn, statement, self._name)
        if not self.held():                 # a late answer brings nothing back
            raise LockLost("lock %s/%s is lost" % self._name)
        self._until, left = until, until - time.clock_gettime(time.CLOCK_BOOTTIME)
        self._belief.reschedule(asyncio.get_running_loop().time() + left)
        return answer

    async def _renew(self):
        with contextlib.suppress(psycopg.Error, LockLost):
            while await self._ask("SELECT fencing_token(%s, %s)") == self.token:
                await asyncio.sleep(self._lease / 3)
        if self._until:                     # 0 when the body has ended
            self._until = self._belief.reschedule(0) or 0           # cancels the body

@contextlib.asynccontextmanager
async def try_lock(conninfo, namespace, key, lease=15.0):
    options = f"-c idle_session_timeout={lease * 1000:.0f}"
    conn = await psycopg.AsyncConnection.connect(conninfo, autocommit=True, options=options)
    try:
        async with asyncio.timeout(lease) as belief:
            lock = Lock(conn, (namespace, key), lease, belief)
            lock.token = await lock._ask("""SELECT CASE WHEN try_lock(n, k) THEN fencing_token(n, k) END
                FROM (SELECT %s AS n, %s AS k) name""")
            renewal = lock.token and asyncio.create_task(lock._renew()) or belief.reschedule(None)
            try:
                yield lock if lock.token else None
            finally:
                held, lock._until = renewal and lock.held(), 0  # belief ends before the lock does
                if renewal and not (held and await ask(conn, "SELECT unlock(%s, %s)", lock._name)):
                    raise LockLost("lock %s/%s was lost" % lock._name)
    finally:                                # the session ends, and the lock with it
        await conn.close()
