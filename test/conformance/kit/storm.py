"""Case: clients compete for a lock while faults strike at random, and their history is judged.

The history can be judged by the checker of test/stress, too: CONFORMANCE_CHECKER names it.
"""
import json
import os
import random
import signal
import subprocess
import tempfile
import threading
import time

from .case import case
from .client import Refused
from .server import Session, SqlError, literal

SECONDS = float(os.environ.get("CONFORMANCE_STORM", 20))
CLIENTS = 3
FAULTS = ("kill", "freeze", "freeze", "terminate", "cancel")
LEAST_GRANTS = 10       # fewer say nothing; on a busy machine they take their time


class Grant:
    def __init__(self, node, token, pid, asked, granted):
        self.node, self.token, self.pid = node, token, pid
        self.asked, self.granted = asked, granted
        self.steps, self.ended = [], None       # when the server was certainly told of the end


class History:
    """What happened, in the order of the answers. Times are CLOCK_MONOTONIC, in nanoseconds."""

    def __init__(self, name):
        self.name, self.grants, self.events, self.excused = name, [], [], {}
        self.lock = threading.Lock()

    def event(self, t, node, op, ev, **more):
        with self.lock:
            self.events.append({"t": t, "node": node, "op": op, "ev": ev, **more})

    def write(self, file):
        for event in sorted(self.events, key=lambda event: event["t"]):
            file.write(json.dumps(event) + "\n")
        file.flush()


class Worker(threading.Thread):
    """Drives one client, and starts it again when it was killed."""

    def __init__(self, kit, number, history, over):
        super().__init__(daemon=True)
        self.kit, self.number, self.history, self.over = kit, number, history, over
        self.client, self.refusal, self.life = None, None, 0

    @property
    def node(self):
        return f"client-{self.number}.{self.life}"

    def run(self):
        session = Session()
        try:
            while not self.over.is_set():
                self.life += 1
                self.client = None
                try:
                    self.client = self.kit.client()
                    while not self.over.is_set() and self.client.alive():
                        self.turn(session)
                except Refused as refusal:
                    if self.client is None or self.client.alive():
                        self.refusal = refusal  # a client that was killed says nothing more
                        break
        finally:
            session.close()

    def turn(self, session):
        asked = time.monotonic_ns()
        more = {"name": self.history.name, "mode": "exclusive"}
        self.history.event(asked, self.node, "acquire", "invoke", **more)
        answer = self.client.ask("acquire", self.kit.namespace, self.kit.key)
        granted = time.monotonic_ns()
        if answer[0] != "acquired":
            self.history.event(granted, self.node, "acquire",
                               "fail" if answer[0] == "busy" else "unknown", **more)
            time.sleep(random.uniform(0.01, 0.1))
            return
        token = int(answer[1])
        rows = session("SELECT token, pid FROM the_extension.lock_holder("
                       f"{literal(self.kit.namespace)}, {literal(self.kit.key)})")
        pid = int(rows[0][1] or 0) if rows and rows[0][0] == answer[1] else 0
        grant = Grant(self.node, token, pid, asked, granted)
        self.history.grants.append(grant)
        self.history.event(granted, self.node, "acquire", "ok", token=token, pid=pid, **more)
        self.work(grant, more)

    def work(self, grant, more):
        with tempfile.NamedTemporaryFile(prefix="pg_exclusive-witness.") as file:
            milliseconds = random.choice((50, 300, 1200)) * self.kit.lease / 3
            try:
                self.client.ask("work", file.name, str(round(milliseconds)),
                                limit=milliseconds / 1000 + 2 * self.kit.lease + self.kit.patience)
                told = time.monotonic_ns()
                self.history.event(told, self.node, "release", "invoke", token=grant.token, **more)
                answer = self.client.ask("release")
                good = answer == ["released"]
                grant.ended = told if good else None
                self.history.event(time.monotonic_ns(), self.node, "release",
                                   "ok" if good else "fail", token=grant.token, **more)
            finally:
                with open(file.name) as lines:
                    for line in lines:
                        if line.endswith("\n"):     # the last one may be cut by a kill
                            grant.steps.append(int(line.split()[0]))
                for t in grant.steps:
                    self.history.event(t, grant.node, "believe", "ok", token=grant.token, **more)


def strike(kit, workers, history, session):
    """One fault at random."""
    worker, fault = random.choice(workers), random.choice(FAULTS)
    client, node = worker.client, worker.node
    if client is None or not client.alive():
        return
    begun = time.monotonic_ns()
    more = {"name": fault, "target": node}
    if fault == "kill":
        history.event(begun, "nemesis", "fault", "invoke", slot="kills", **more)
        client.kill()
        history.event(time.monotonic_ns(), "nemesis", "fault", "ok", slot="kills", **more)
    elif fault == "freeze":
        history.event(begun, "nemesis", "fault", "invoke", slot="freezes", **more)
        client.signal(signal.SIGSTOP)
        time.sleep(random.choice((0.3, 1.3)) * kit.lease)
        client.signal(signal.SIGCONT)
        history.event(time.monotonic_ns(), "nemesis", "fault", "ok", slot="freezes", **more)
    else:
        function = f"pg_{fault}_backend"
        pids = [int(row[0]) for row in session(
            f"SELECT pid FROM pg_stat_activity WHERE application_name = '{client.application}'")]
        for pid in pids:
            ends = {"slot": "ends"} if fault == "terminate" else {}
            history.event(time.monotonic_ns(), "nemesis", "fault", "invoke", name=fault, pid=pid, **ends)
            session(f"SELECT {function}({pid})")
            now = time.monotonic_ns()
            history.event(now, "nemesis", "fault", "ok", name=fault, pid=pid, **ends)
            if fault == "terminate":
                history.excused[pid] = now      # until it is told, within a renewal


def judge(kit, history):
    grants = sorted(history.grants, key=lambda grant: grant.token)
    if len(grants) < LEAST_GRANTS:
        raise Refused(f"It was granted the lock only {len(grants)} times while faults struck.")
    for before, after in zip(grants, grants[1:]):
        if after.granted < before.asked:
            raise Refused(f"The token {after.token} was granted before {before.token}.")
        excused = history.excused.get(before.pid, 0) + kit.lease * 1e9 if before.pid else 0
        late = [t for t in before.steps if t > max(after.granted, excused)]
        if late:
            raise Refused(f"Among random faults it goes on working for "
                          f"{(late[-1] - after.granted) / 1e6:.1f} ms beside the next holder.")


def judge_by_checker(history):
    with tempfile.NamedTemporaryFile("w", prefix="pg_exclusive-history.") as file:
        history.write(file)
        output = subprocess.run([os.environ["CONFORMANCE_CHECKER"], "check", file.name],
                                capture_output=True, text=True).stdout
    if "operations" not in output:
        raise RuntimeError(f"the checker did not judge: {output}")
    found = [line for line in output.splitlines() if line.startswith("violations")]
    if found:
        raise Refused(f"The checker of the stress tests says: {'; '.join(found)}.")


@case("under random faults no client works beside the next holder")
def storm(kit):
    history = History(f"{kit.namespace}/{kit.key}")
    over, began = threading.Event(), time.monotonic()
    workers = [Worker(kit, number, history, over) for number in range(CLIENTS)]
    for worker in workers:
        worker.start()
    with Session() as session:
        while (passed := time.monotonic() - began) < SECONDS or (
                len(history.grants) < LEAST_GRANTS and passed < SECONDS * 10):
            time.sleep(random.uniform(0.2, 0.8))
            try:
                strike(kit, workers, history, session)
            except (SqlError, ProcessLookupError):
                pass                            # the victim has gone by itself
    over.set()
    for worker in workers:
        worker.join(kit.patience * 5)
        if worker.refusal:
            raise worker.refusal
    judge(kit, history)
    if os.environ.get("CONFORMANCE_CHECKER"):
        judge_by_checker(history)
