"""python.py BUG: clients as people write them, each with one mistake. The kit has to refuse them.

Each function below makes the mistake in the recipe, which is right without it. Its comment is what
the kit has to say; test/conformance/refusals compares.
"""
import contextlib, os, sys, time

import psycopg

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../clients"))
import python as client

recipe, Lock = client.recipe, client.recipe.Lock
right = {"ask": Lock._ask, "connect": psycopg.connect, "once": recipe.once, "try_lock": recipe.try_lock}


def replace_in_statements(old, new):
    Lock._ask = lambda self, statement: right["ask"](self, statement.replace(old, new))


def one_connection_for_all():
    """psycopg.connect() of lock sessions comes from a pool of one, and close() goes back to it."""
    pooled = []

    def connect(conninfo, **options):
        if not options:
            return right["connect"](conninfo)
        if not pooled or pooled[0].broken:
            pooled[:] = [right["connect"](conninfo, **options)]
        return pooled[0]
    psycopg.connect = connect
    recipe.contextlib.closing = contextlib.nullcontext


# one_at_a_time: try_xact_lock outside a transaction
def lock_of_a_transaction():
    replace_in_statements("try_lock", "try_xact_lock")


# one_at_a_time: its token is
def token_of_32_bits():
    def ask(self, statement):
        answer = right["ask"](self, statement)
        return answer and answer % 2**32 or answer
    Lock._ask = ask


# one_at_a_time: for a lock that another client has
def busy_is_an_error():
    @contextlib.contextmanager
    def try_lock(*name):
        with right["try_lock"](*name) as lock:
            if not lock:
                raise recipe.LockLost
            yield lock
    recipe.try_lock = try_lock


# names: It was asked to lock
def ascii_names():
    recipe.try_lock = lambda conninfo, namespace, key, lease: right["try_lock"](
        conninfo, namespace, key.encode("ascii", "replace").decode(), lease)


# errors: where the server says 42704
def every_error_is_busy():
    @contextlib.contextmanager
    def try_lock(*name):
        with contextlib.ExitStack() as stack:
            try:
                lock = stack.enter_context(right["try_lock"](*name))
            except psycopg.Error:
                lock = None
            yield lock
    recipe.try_lock = try_lock


# kept: three times in a lease
def no_renewal():
    Lock._renew = lambda self: None


# released: goes back to its pool only after
def pool_without_unlock():
    one_connection_for_all()
    execute = psycopg.Connection.execute
    psycopg.Connection.execute = lambda self, statement, *name: execute(
        self, *(("SELECT true",) if "unlock" in statement else (statement, *name)))


# task_fails: Release it on every way out
def release_only_after_success():
    one_connection_for_all()
    managers = []

    @contextlib.contextmanager
    def try_lock(*name):
        managers.append(right["try_lock"](*name))
        yield managers[-1].__enter__()
        managers.pop().__exit__(None, None, None)
    recipe.try_lock = try_lock


# cancelled_at_grant: After an error, call unlock_all() or close
def session_goes_on_after_an_error():
    one_connection_for_all()


# frozen_at_work: needs idle_session_timeout
def no_timeout_on_the_server():
    psycopg.connect = lambda conninfo, autocommit=False, options="": right["connect"](
        conninfo, autocommit=autocommit)


# frozen_at_work: no open transaction
def transaction_left_open():
    psycopg.connect = lambda conninfo, autocommit=False, **options: right["connect"](
        conninfo, **options)


# frozen_at_work: beside the next holder
def no_clock():
    Lock.held = lambda self: not self._over.is_set()


# silent_server: The server was silent for longer than a lease
def late_answer_brings_it_back():
    def ask(self, statement):
        until = time.clock_gettime(time.CLOCK_BOOTTIME) + self._lease * 29 / 30
        answer = self._conn.execute(statement, self._name).fetchone()[0]
        self._until = until
        return answer
    Lock._ask = ask
    Lock.held = lambda self: not self._over.is_set()


# terminated: What reconnects or asks again has a new lock
def reconnects():
    def renew(self):
        while not self._over.wait(self._lease / 3):
            try:
                self._ask("SELECT fencing_token(%s, %s)")
            except psycopg.Error:
                self._conn = right["connect"](
                    "", autocommit=True, options=f"-c idle_session_timeout={self._lease * 1000:.0f}")
                self._conn.execute("SELECT try_lock(%s, %s)", self._name)
    Lock._renew = renew


# terminated: before the work had ended, and the release answers
def loss_is_not_told():
    release = client.Client.release
    client.Client.release = lambda self: release(self) and "released"


# unlocked: SELECT 1 only shows that the session lives
def renewal_is_select_1():
    def renew(self):
        with contextlib.suppress(psycopg.Error, recipe.LockLost):
            while self._ask("SELECT 1 FROM (SELECT %s, %s) name"):
                time.sleep(self._lease / 3)
        self._over.set()
    Lock._renew = renew


# behind_a_pooler: another client uses the same session
def timeout_set_in_a_session_of_many():
    def connect(conninfo, options="", **rest):
        conn = right["connect"](conninfo, **rest)
        conn.prepare_threshold = None
        if options:
            conn.execute(f"SET {options[3:].replace('=', ' = ')}")
        return conn
    psycopg.connect = connect


# replaced: Compare the token
def renewal_is_holds_lock():
    def renew(self):
        with contextlib.suppress(psycopg.Error, recipe.LockLost):
            while self._ask("SELECT holds_lock(%s, %s)"):
                time.sleep(self._lease / 3)
        self._over.set()
    Lock._renew = renew


# once_fails: Record and work have to be in one transaction
def record_in_a_transaction_of_its_own():
    def once(conn, *run):
        with right["connect"]("") as other:
            return right["once"](other, *run)
    recipe.once = once


# once_killed: does not call try_run_once
def look_and_then_run():
    recipe.once = lambda conn, namespace, key, slot: not conn.execute(
        "SELECT 1 FROM work_done WHERE (key, slot) = (%s, %s)", (key, slot)).fetchone()


if __name__ == "__main__":
    globals()[sys.argv[1]]()
    client.Client().serve()
