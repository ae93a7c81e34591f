"""Other people's programs as child processes: backends that listen, clients that answer."""

import atexit
import ctypes
import json
import os
import select
import signal
import subprocess
import tempfile
import time

from . import prepare

HERE = prepare.HERE
ANSWER_LIMIT = 60.0  # seconds; the programs' own waits are shorter


class ProgramError(AssertionError):
    pass


libc = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def die_with_parent():
    """For the child between fork and exec: nothing outlives a test process that was killed."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Program:
    """Speaks JSON lines; ends with its input. What it writes to stderr is kept for a failure."""

    def __init__(self, name, *command):
        self.name = name
        self._buffer = b""
        self._errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=os.environ | {"NODE_PATH": prepare.node_modules(), "PYTHONDONTWRITEBYTECODE": "1"},
            preexec_fn=die_with_parent,
        )
        os.set_blocking(self.process.stdout.fileno(), False)
        atexit.register(self.stop)

    def read(self):
        """The next line, parsed."""
        deadline = time.monotonic() + ANSWER_LIMIT
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                self.stop()
                raise ProgramError(f"{self.name}: silent for {ANSWER_LIMIT:.0f} s{self.errors()}")
            data = self.process.stdout.read()
            if not data:
                raise ProgramError(f"{self.name} ended{self.errors()}")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return json.loads(line)

    def ask(self, request):
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()
        return self.read()

    def running(self):
        return self.process.poll() is None

    def errors(self):
        self._errors.seek(0)
        text = self._errors.read().decode(errors="replace")
        return f"\n--- stderr of {self.name}\n{text[-4000:]}"

    def stop(self):
        if self.running():
            self.process.stdin.close()
            try:
                self.process.wait(2)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Backend(Program):
    """`text` is its address, as a configuration of the gateway names it."""

    def __init__(self, name, *command):
        super().__init__(name, *command)
        self.port = self.read()["port"]
        self.text = f"127.0.0.1:{self.port}"


def python(name):
    return ("/usr/bin/python3", os.path.join(HERE, "python", name))


def node(name):
    return ("node", os.path.join(HERE, "node", name))


BACKENDS = {
    "python": python("backend.py"),
    "ws": node("ws_backend.js"),
    "gin": (prepare.gin_program(),),
    "socketio": node("socketio_backend.js"),
    "graphql": node("graphql_backend.js"),
    "http.server": python("authoriser.py"),
}

CLIENTS = {
    "python": python("client.py"),
    "ws": node("ws_client.js"),
    "socketio": node("socketio_client.js"),
    "graphql": node("graphql_client.js"),
}


class Keeper:
    """One of each in a test process; started anew, but not for ever, where a test left it dead."""

    STARTS = 4

    def __init__(self, make):
        self._make = make
        self._made = {}
        self._starts = {}

    def get(self, name):
        if name not in self._made or not self._made[name].running():
            self._starts[name] = self._starts.get(name, 0) + 1
            if self._starts[name] > self.STARTS:
                raise ProgramError(f"{name} was started {self.STARTS} times in vain")
            self._made[name] = self._make(name)
        return self._made[name]


backends = Keeper(lambda name: Backend(name, *BACKENDS[name]))
clients = Keeper(lambda name: Program(name, *CLIENTS[name]))
