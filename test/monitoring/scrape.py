"""scrape.py MONITORING_DIRECTORY - beside a server, as test/lib/with-server
starts one: runs the exporter while sessions lock, and compares what it says
with the views.  Exits with a sentence for what does not agree."""
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

FOLDER = sys.argv[1]
PATIENCE = 120  # seconds


def sql(statement):
    """The rows of a statement, a list of texts each."""
    out = subprocess.run(["psql", "-XAtqc", statement], check=True,
                         capture_output=True, text=True).stdout
    return [line.split("|") for line in out.splitlines()]


def eventually(what, condition):
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        result = condition()
        if result:
            return result
        time.sleep(0.05)
    sys.exit(f"waited {PATIENCE} s in vain: {what}")


def session(statements):
    """A psql that stays until it is closed."""
    psql = subprocess.Popen(["psql", "-XAtq"], stdin=subprocess.PIPE,
                            stdout=subprocess.DEVNULL, text=True)
    psql.stdin.write(statements + "\n")
    psql.stdin.flush()
    return psql


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Exporter:
    def __init__(self):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/metrics"
        source = (f"host={os.environ['PGHOST']} port={os.environ['PGPORT']} "
                  "user=monitor dbname=test sslmode=disable")
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            ["prometheus-postgres-exporter", f"--web.listen-address=127.0.0.1:{port}",
             "--disable-default-metrics", "--disable-settings-metrics",
             f"--extend.query-path={FOLDER}/queries.yaml"],
            env={**os.environ, "DATA_SOURCE_NAME": source},
            stdout=self.log, stderr=self.log)
        eventually("the exporter answers", self.answers)

    def answers(self):
        if self.process.poll() is not None:
            self.log.seek(0)
            sys.exit("the exporter ended: " + self.log.read())
        try:
            return self.scrape()
        except OSError:
            return None

    def scrape(self):
        """Value by metric and labels (without those of the exporter)."""
        with urllib.request.urlopen(self.url, timeout=PATIENCE) as page:
            text = page.read().decode()
        found = {}
        for name, labels, value in re.findall(
                r"^(\w+)(?:\{(.*)\})? (\S+)$", text, re.M):
            pairs = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels))
            pairs.pop("server", None)
            found[(name, tuple(sorted(pairs.items())))] = float(value)
        return found

    def stop(self):
        self.process.terminate()
        self.process.wait()


def expect(found, name, labels, value, slack=0.0):
    key = (name, tuple(sorted(labels.items())))
    if key not in found:
        sys.exit(f"there is no {name} with {labels}")
    if abs(found[key] - value) > slack:
        sys.exit(f"{name} with {labels} is {found[key]}, and the view says {value}")


def compare(found):
    for row in sql("SELECT namespace, grants, refusals, timeouts, collisions, unclean_releases FROM lock_stats"):
        kinds = ("grants", "refusals", "timeouts", "collisions", "unclean_releases")
        for kind, value in zip(kinds, row[1:]):
            expect(found, f"pg_exclusive_namespace_{kind}_total", {"namespace": row[0]}, float(value))
    for ns, measure, le, count, total in sql(
            "SELECT namespace, measure, coalesce(extract(epoch FROM upper_bound)::float8::text, '+Inf'), "
            "cumulative_count, extract(epoch FROM total) FROM lock_histograms"):
        name = f"pg_exclusive_{measure}_seconds"
        bound = le if le == "+Inf" else f"{float(le):g}"
        labels = {"namespace": ns}
        if le == "+Inf":
            expect(found, name + "_sum", labels, float(total), 0.001)
            expect(found, name + "_count", labels, float(count))
        buckets = [v for (n, pairs), v in found.items() if n == name + "_bucket"
                   and dict(pairs)["namespace"] == ns
                   and f"{float(dict(pairs)['le']):g}" == f"{float(bound):g}"]
        if buckets != [float(count)]:
            sys.exit(f"bucket {bound} of {measure} in {ns} is {buckets}, and the view says {count}")
    for ns, held, leases in sql("SELECT namespace, count(*), count(*) FILTER (WHERE scope = 'lease') FROM lock_holders GROUP BY 1"):
        expect(found, "pg_exclusive_held_locks", {"namespace": ns}, float(held))
        expect(found, "pg_exclusive_held_leases", {"namespace": ns}, float(leases))
    for ns, waiting in sql("SELECT namespace, count(*) FROM lock_waiters GROUP BY 1"):
        expect(found, "pg_exclusive_waiting_sessions", {"namespace": ns}, float(waiting))
    for ns, key, kind, age, running in sql(
            "SELECT namespace, key, kind, extract(epoch FROM clock_timestamp() - last_success), "
            "extract(epoch FROM clock_timestamp() - running_since) FROM lock_jobs"):
        labels = {"namespace": ns, "key": key, "kind": kind}
        if age:
            expect(found, "pg_exclusive_job_success_age_seconds", labels, float(age), PATIENCE)
        if running:
            expect(found, "pg_exclusive_job_running_seconds", labels, float(running), PATIENCE)


def names_used():
    """Every metric of the alerts and of the dashboard."""
    with open(f"{FOLDER}/dashboard.json", encoding="utf-8") as file:
        dashboard = json.load(file)
    expressions = [t["expr"] for p in dashboard["panels"] for t in p["targets"]]
    with open(f"{FOLDER}/alerts.yml", encoding="utf-8") as file:
        expressions += re.findall(r"expr: (.*)", file.read())
    return set(re.findall(r"pg_exclusive_\w+", " ".join(expressions)))


def main():
    sql("CREATE ROLE monitor LOGIN; GRANT pg_monitor TO monitor; "
        "SELECT lock_namespace('jobs'), lock_namespace('load')")
    holder = session("SELECT try_lock('jobs', 'close'), begin_run('jobs', 'close', 'monday');"
                     "SELECT try_lock('jobs', 'other'), begin_run('jobs', 'other', 'x');"
                     "SELECT finish_run('jobs', 'other', 'x', false);")
    left = session("SELECT try_lock('jobs', 'left'), begin_run('jobs', 'left', 'x');")
    sql("SELECT try_run_every('jobs', 'nightly', '1 day', 'SELECT 1')")
    eventually("locks are held", lambda: len(sql("SELECT 1 FROM lock_holders")) == 3)
    waiters = [session("SELECT try_lock('jobs', 'close', wait => '1 h');") for _ in range(3)]
    left.stdin.close()
    eventually("sessions wait", lambda: len(sql("SELECT 1 FROM lock_waiters")) == 3)
    eventually("a run is left", lambda: sql("SELECT 1 FROM lock_jobs WHERE crashed_since IS NOT NULL"))

    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write("\\set n random(1, 3)\nSELECT CASE WHEN try_lock('load', ':n') THEN unlock('load', ':n') END;\n")
        script.flush()
        load = subprocess.Popen(["pgbench", "-n", "-c", "4", "-T", "4", "-f", script.name],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        exporter = Exporter()
        before = exporter.scrape()
        while load.poll() is None:
            now = exporter.scrape()
            for key, value in before.items():
                if key[0].endswith("_total") and key in now and now[key] < value:
                    sys.exit(f"{key} fell from {value} to {now[key]}")
            before = now
    eventually("the load has ended", lambda: not sql(
        "SELECT 1 FROM lock_holders WHERE namespace = 'load'"))
    found = exporter.scrape()
    compare(found)
    missing = names_used() - {name for name, _ in found}
    if missing:
        sys.exit(f"alerts or dashboard use what the exporter does not have: {sorted(missing)}")
    exporter.stop()
    for psql in [holder, *waiters]:
        psql.kill()
        psql.wait()


if __name__ == "__main__":
    main()
