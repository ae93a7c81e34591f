"""
The real program, started for one test and judged at its end: it must exit with 0, without a word
of a sanitizer, with no descriptor more than before the load, and with nothing but JSON in its logs.
"""

import functools
import json
import os
import re
import signal
import socket
import subprocess
import time

from . import process
from .peer import PATIENCE, connect
from .ports import Port

SANITIZER = re.compile(
    rb"ERROR: (Address|Leak|Memory|Thread|UndefinedBehavior)Sanitizer|LeakSanitizer"
    rb"|WARNING: ThreadSanitizer|runtime error:|SUMMARY: \w+Sanitizer|Assertion .* failed"
    rb"|stack smashing|double free|malloc\(\)|free\(\):|corrupted"
)
START_LIMIT = 20.0
STOP_LIMIT = 20.0
DRAIN_LIMIT = 20.0  # until the descriptors of connections that both sides left must be gone


def program():
    return os.path.abspath(os.environ.get("WSGATE", "./wsgate"))


def test_program():
    """The second program, whose module table has the test-only modules."""
    beside = os.path.join(os.path.dirname(program()), "tests", "wsgate-test")
    return os.path.abspath(os.environ.get("WSGATE_TEST", beside))


def options_program():
    """Prints the options that the program knows."""
    beside = os.path.join(os.path.dirname(program()), "tests", "options_list")
    return os.path.abspath(os.environ.get("WSGATE_OPTIONS", beside))


@functools.cache
def sanitized():
    """Is this a build whose memory says nothing? By WSGATE_SANITIZED, or by what is linked in."""
    if "WSGATE_SANITIZED" in os.environ:
        return os.environ["WSGATE_SANITIZED"] == "1"
    with open(program(), "rb") as file:
        data = file.read()
    return b"__asan_init" in data or b"__tsan_init" in data


class GatewayError(AssertionError):
    pass


class Gateway:
    """
    `config` is the configuration as a dict. A listener without an address gets a port of its own;
    `directory` is where its files go.
    """

    def __init__(self, config, directory, binary=None):
        self.directory = directory
        self.binary = binary or program()
        self.config = config
        self.ports = []
        self.addresses = {}
        self.secure = {}
        self.stopped = False
        self._listeners()
        self.file = self.write("wsgate.json", json.dumps(config, indent=1))
        self.stdout, self.stderr = self.path("stdout"), self.path("stderr")
        self._notify = self._notify_socket()
        environment = dict(
            os.environ, UBSAN_OPTIONS="print_stacktrace=1", NOTIFY_SOCKET=self.path("notify")
        )
        with open(self.stdout, "ab") as out, open(self.stderr, "ab") as err:
            self.process = subprocess.Popen(
                [self.binary, "-c", self.file],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=directory,
                env=environment,
            )
        self.pid = self.process.pid
        self._await_start()
        self.baseline = self._settled_descriptors()

    # ---- start ----

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text):
        path = self.path(name)
        with open(path, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        return path

    def _listeners(self):
        for i, listener in enumerate(self.config["listeners"]):
            text = listener.get("address")
            if text and text.startswith("unix:"):
                address = text[5:]
            elif text and not text.endswith(":0"):
                ip, _, number = text.rpartition(":")
                address = (ip.strip("[]"), int(number))
            else:
                port = Port("::1" if text and "::1" in text else "127.0.0.1")
                self.ports.append(port)
                listener["address"], address = port.text, port.address
            self.addresses[listener.get("name", i)] = address
            self.secure[listener.get("name", i)] = "tls" in listener

    @property
    def tls(self):
        """Does the first listener speak TLS?"""
        return next(iter(self.secure.values()))

    @property
    def address(self):
        return next(iter(self.addresses.values()))

    def _notify_socket(self):
        """Where it says READY=1, as to a service manager (sd_notify(3))."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        sock.bind(self.path("notify"))
        return sock

    def _await_start(self):
        deadline = time.monotonic() + START_LIMIT
        self._notify.settimeout(0.1)
        while time.monotonic() < deadline:
            try:
                if b"READY=1" in self._notify.recv(4096).split(b"\n"):
                    return
            except TimeoutError:
                pass
            if self.process.poll() is not None:
                raise GatewayError(f"it ended at start with {self.process.returncode}{self.logs()}")
        self.kill()
        raise GatewayError(f"it was not ready after {START_LIMIT:.0f} s{self.logs()}")

    def await_reload(self):
        """Waits for the end of a reload, as a service manager does. Returns what it was told."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                lines = self._notify.recv(4096).decode().split("\n")
            except TimeoutError:
                continue
            if "READY=1" in lines:
                return dict(line.partition("=")[::2] for line in lines).get("STATUS")
        raise GatewayError(f"the reload has no end{self.logs()}")

    def _settled_descriptors(self):
        seen = []
        while len(seen) < 4 or len(set(seen[-4:])) > 1:
            seen.append(len(process.descriptors(self.pid)))
            time.sleep(0.005)
        return seen[-1]

    # ---- use ----

    def client(self, data=b"", listener=None, **options):
        name = listener if listener is not None else next(iter(self.addresses))
        if self.secure.get(name):
            options.setdefault("secure", True)
        peer = connect(self.addresses[name], **options)
        if data:
            peer.send(data)
        return peer

    def ask(self, data, listener=None, **options):
        """Sends a head, reads the answer; then the gateway must close, unless it is a 101."""
        peer = self.client(data, listener, **options)
        answer = peer.read_response()
        if answer.status != 101:
            peer.expect_end()
        peer.close()
        return answer

    def memory(self, field="Rss"):
        return process.memory(self.pid, field)

    # ---- logs ----

    def output(self, name="stdout"):
        path = {"stdout": self.stdout, "stderr": self.stderr}.get(name) or self.path(name)
        try:
            with open(path, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return b""

    def logs(self):
        def tail(name):
            text = self.output(name)
            return (b"... " if len(text) > 6000 else b"") + text[-6000:]

        config = json.dumps(self.config)
        return (
            f"\n--- configuration\n{config}\n--- stdout\n{tail('stdout').decode(errors='replace')}"
            f"\n--- stderr\n{tail('stderr').decode(errors='replace')}"
        )

    def lines(self, event=None, name="stdout", **fields):
        """The whole JSON lines of a log, those with this event and these fields."""
        text = self.output(name)
        found = []
        for line in text[: text.rfind(b"\n") + 1].splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                raise GatewayError(f"a log line that is no JSON: {line!r}") from None
            if event in (None, entry.get("event")) and fields.items() <= entry.items():
                found.append(entry)
        return found

    def await_lines(self, count, event, name="stdout", **fields):
        """Waits until there are (at least) so many, for the writer takes its time."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = self.lines(event, name, **fields)
            if len(found) >= count:
                return found
            time.sleep(0.01)
        raise GatewayError(
            f"{len(found)} instead of {count} lines {event} {fields} in the log{self.logs()}"
        )

    def await_line(self, event, **fields):
        return self.await_lines(1, event, **fields)[0]

    # ---- end ----

    def send_signal(self, number):
        self.process.send_signal(number)

    def freeze(self):
        """So that what happens meanwhile is found in one wake-up."""
        self.send_signal(signal.SIGSTOP)
        while True:
            with open(f"/proc/{self.pid}/stat", encoding="ascii", errors="replace") as file:
                if file.read().rpartition(")")[2].split()[0] in "Tt":
                    return
            time.sleep(0.001)

    def thaw(self):
        self.send_signal(signal.SIGCONT)

    def await_idle(self):
        """All connections are gone: their descriptors too. Else says which are left."""
        deadline = time.monotonic() + DRAIN_LIMIT
        while True:
            left = process.descriptors(self.pid)
            if len(left) <= self.baseline:
                return
            if time.monotonic() > deadline:
                raise GatewayError(
                    f"{len(left)} descriptors are open, {self.baseline} were before: {left}"
                )
            time.sleep(0.01)

    def await_exit(self):
        try:
            return self.process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            self.kill()
            raise GatewayError(f"it did not end in {STOP_LIMIT:.0f} s") from None

    def stop(self, number=signal.SIGTERM, idle=True):
        """Ends it and judges what it leaves behind. Harmless when called again."""
        if self.stopped:
            return
        self.stopped = True
        try:
            if self.process.poll() is None:
                if idle:
                    self.await_idle()
                self.send_signal(number)
            self.judge(self.await_exit())
        finally:
            self.close()

    def judge(self, status):
        self.stopped = True
        for name in ("stdout", "stderr"):
            if SANITIZER.search(self.output(name)):
                raise GatewayError(f"a sanitizer or the C library complained{self.logs()}")
        if status != 0:
            raise GatewayError(f"it ended with {status} instead of 0{self.logs()}")
        if self.config.get("log", {}).get("access", "stdout") == "stdout":
            self.lines()
        if self.config.get("log", {}).get("error", "stderr") == "stderr":
            self.lines(name="stderr")

    def close(self):
        self.kill()
        self._notify.close()
        for port in self.ports:
            port.close()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
