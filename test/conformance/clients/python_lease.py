"""Drives examples/python/lease.py for the kit, each question on a connection of its own."""
import psycopg

import python as client
import lease as recipe


class Client(client.Client):
    Lost = recipe.LeaseLost

    @staticmethod
    def try_lock(namespace, key):
        return recipe.try_lease(lambda: psycopg.connect(""), namespace, key, client.LEASE)


if __name__ == "__main__":
    Client().serve()
