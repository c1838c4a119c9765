"""picture.py MONITORING_DIRECTORY OUTPUT - loads a server for a minute, and
writes what the exporter says each second to OUTPUT/data."""
import subprocess
import sys
import tempfile
import time

import scrape

SECONDS = 60


def load(name, hold, clients, seconds):
    """Sessions that take one of three locks for a while, again and again."""
    script = tempfile.NamedTemporaryFile("w", suffix=".sql")
    script.write("\\set n random(1, 3)\n\\set ms random(1, %d)\n"
                 "SELECT try_lock('%s', ':n', wait => '1 s') AS got \\gset\n"
                 "\\sleep :ms ms\nSELECT unlock_all('%s');\n" % (hold, name, name))
    script.flush()
    return script, subprocess.Popen(
        ["pgbench", "-n", "-c", str(clients), "-T", str(seconds), "-f", script.name],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def main():
    scrape.sql("CREATE ROLE monitor LOGIN; GRANT pg_monitor TO monitor; "
               "SELECT lock_namespace('jobs'), lock_namespace('imports')")
    exporter = scrape.Exporter()
    loads = [load("jobs", 200, 6, SECONDS), load("imports", 600, 4, SECONDS)]
    with open(sys.argv[2] + "/data", "w", encoding="ascii") as out:
        began = time.monotonic()
        last = None
        while time.monotonic() - began < SECONDS:
            now = exporter.scrape()
            row = [round(time.monotonic() - began, 2)]
            for ns in ("jobs", "imports"):
                def value(name, found, ns=ns):
                    return found[(name, (("namespace", ns),))]
                total = "pg_exclusive_namespace_grants_total"
                row += [value("pg_exclusive_waiting_sessions", now),
                        value("pg_exclusive_waiting_oldest_seconds", now),
                        value("pg_exclusive_held_oldest_seconds", now),
                        value(total, now) - value(total, last or now)]
            print(*row, file=out)
            last = now
            time.sleep(1)
    for _, process in loads:
        process.wait()
    exporter.stop()


main()
