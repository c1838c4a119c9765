"""A client under test: a program that takes a command a line, and answers a line."""
import contextlib
import os
import queue
import signal
import subprocess
import tempfile
import threading
import time


class Refused(Exception):
    """The client is wrong. The text is a sentence that says how."""


class Client:
    def __init__(self, command, lease, patience, port=None):
        environment = dict(
            os.environ, PGHOST="127.0.0.1", PGUSER="conformance", PGAPPNAME=f"conformance-{id(self)}",
            PGPORT=str(port or os.environ["PGPORT"]), PYTHONDONTWRITEBYTECODE="1",
            CONFORMANCE_LEASE=str(round(lease * 1000)))
        self.application = environment["PGAPPNAME"]
        self._patience = patience
        self._errors = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self._errors, text=True, bufsize=1, start_new_session=True)
        self.asked = self.command = None
        self.killed = False
        self._lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self._process.stdout:
            self._lines.put((line.rstrip("\n"), time.monotonic_ns()))
        self._lines.put((None, 0))

    def send(self, *command):
        self.command, self.asked = " ".join(command), time.monotonic()
        try:
            self._process.stdin.write("\t".join(command) + "\n")
        except BrokenPipeError:
            pass                                # answer() says what happened

    def answer(self, limit=None):
        """The answer to what was sent, split at spaces."""
        try:
            line, _ = self._lines.get(timeout=limit or self._patience)
        except queue.Empty:
            raise Refused(f"It does not answer to “{self.command}” within "
                          f"{limit or self._patience:.0f} s.") from None
        if line is None:
            self._errors.seek(0)
            said = self._errors.read().strip().splitlines()
            raise Refused(f"It ends at “{self.command}”"
                          + (f", and says: {said[-1]}" if said else "."))
        return line.split(" ")

    def answered(self):
        return not self._lines.empty()

    def ask(self, *command, limit=None):
        self.send(*command)
        return self.answer(limit)

    def alive(self):
        return not self.killed and self._process.poll() is None

    def signal(self, number):
        os.killpg(self._process.pid, number)

    def kill(self):
        self.killed = True
        self.signal(signal.SIGKILL)
        self._process.wait()

    def close(self):
        if self.alive():
            self.signal(signal.SIGCONT)
            self.kill()
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._errors.close()
