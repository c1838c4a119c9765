"""python_lease.py BUG: clients that take leases, with one mistake each, as in python.py."""
import os, sys, time

import psycopg

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../clients"))
import python_lease as client

recipe, Lease = client.recipe, client.recipe.Lease


# frozen_at_grant: from the moment in which the question was sent
def lease_from_the_answer():
    def extend(self, statement, *values):
        answer = self._ask(statement, *values)
        self._until = time.clock_gettime(time.CLOCK_BOOTTIME) + self._ttl * 29 / 30
        return answer
    Lease._extend = extend


# broken: does not say so within a lease
def acquires_again():
    extend = Lease._extend

    def renew(self):
        while not self._over.wait(self._ttl / 5):
            if not extend(self, "SELECT renew_lease(%s, %s, %s)", self.token):
                extend(self, "SELECT acquire_lease(%s, %s, make_interval(secs => %s))", self._ttl)
                self._until = time.clock_gettime(time.CLOCK_BOOTTIME) + self._ttl
    Lease._renew = renew


# one_at_a_time: the server says that no session has it
def never_committed():
    kept = []

    def ask(self, statement, *values):
        kept[:] = [psycopg.connect("")]     # the one before is closed, and rolled back
        answer = kept[0].execute(statement, self._name + values).fetchone()[0]
        kept[0].rollback()
        return answer
    Lease._ask = ask


# kept: three times in a lease
def no_renewal():
    Lease._renew = lambda self: None


if __name__ == "__main__":
    globals()[sys.argv[1]]()
    client.Client().serve()
