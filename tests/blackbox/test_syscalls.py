"""In steady state a message costs what a bare relay pays: epoll_wait, read, write per hop; and a
handshake little more than one."""

import os
import re
import shutil
import signal
import subprocess
import time
import unittest

from harness import process, tokens
from harness.backend import EchoLoop
from harness.case import Case
from harness.gateway import sanitized
from harness.peer import PATIENCE
from harness.wire import handshake

TICK = 0.1  # s: a worker looks at its deadlines that often


class Tracer:
    """`strace -c -f` on a running process; an error when it may not trace."""

    def __init__(self, pid, path):
        self.pid = pid
        self.path = path
        self.process = subprocess.Popen(
            ["strace", "-c", "-f", "-o", path, "-p", str(pid)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        line = self.process.stderr.readline().decode()
        if "attached" not in line:
            self.process.kill()
            self.process.wait()
            raise unittest.SkipTest(f"strace cannot attach: {line.strip()}")
        time.sleep(0.3)  # the other threads

    def await_sleep(self):
        """A call counts when it returns, and strace may be behind: until all threads sleep in one."""
        deadline, looks = time.monotonic() + PATIENCE, 0
        while looks < 5 and time.monotonic() < deadline:
            looks = looks + 1 if process.states(self.pid) == {"S"} else 0
            time.sleep(0.02)

    def counts(self):
        """{system call: times}"""
        self.await_sleep()
        self.process.send_signal(signal.SIGINT)
        self.process.communicate()
        found = {}
        with open(self.path, encoding="ascii") as lines:
            for line in lines:
                row = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", line)
                if row and row[2] != "total":
                    found[row[2]] = int(row[1])
        return found


@unittest.skipUnless(shutil.which("strace"), "strace is not installed")
@unittest.skipUnless(os.path.exists("/proc/self/ns/pid"), "no /proc")
class SystemCalls(Case):
    frames = "opaque"

    def cost(self, connections, rounds):
        """The gateway's system calls for `connections` times `rounds` echoed messages, and the seconds that
        somebody watched."""
        service = EchoLoop()
        self.backends.append(service)
        gate = self.gateway(service, threads=1, route={"tunnel": {"frames": self.frames}})
        clients = [self.client(gate, handshake("/ws")) for _ in range(connections)]
        for client in clients:
            self.check_switched(client.read_response())
        self.exchange(clients, 3)
        gate.await_lines(connections, "handshake")
        time.sleep(0.5)  # the log is written
        start = time.monotonic()
        tracer = Tracer(gate.pid, gate.path("strace"))
        self.exchange(clients, rounds)
        counts = tracer.counts()
        return counts, time.monotonic() - start

    # For one opening handshake and its end, by FIN from the client: what a bare relay calls, and a
    # FIN passed on, the answer to it read, and two descriptors taken out of the loop.
    HANDSHAKE = {
        "sendto": 2,
        "socket": 1,
        "setsockopt": 1,
        "connect": 1,
        "epoll_ctl": 4,
        "shutdown": 1,
        "close": 2,
    }

    def test_handshake(self):
        """17 calls, with four reads and one accept4, but for epoll_wait and what the log's writer does. One
        at a time, each wake-up also asks for a second connection; and a request may come after its own."""
        rounds = 200
        service = EchoLoop()
        self.backends.append(service)
        checked = {"tunnel": {"frames": "checked"}}
        gate = self.gateway(service, threads=1, route=checked, **self.jwt())
        token = tokens.hs()
        request = handshake("/ws", f"Authorization: Bearer {token}")
        self.open_and_leave(gate, request, 10)
        tracer = Tracer(gate.pid, gate.path("strace"))
        self.open_and_leave(gate, request, rounds)
        gate.await_lines(10 + rounds, "tunnel")
        counts = tracer.counts()
        for others in ("epoll_wait", "futex", "clock_nanosleep", "writev", "write", "restart_syscall"):
            counts.pop(others, None)
        reads, accepts = counts.pop("recvfrom"), counts.pop("accept4")
        self.assertIn(reads, range(4 * rounds, 5 * rounds + 1))
        self.assertIn(accepts, range(rounds, 2 * rounds + 1))
        if not sanitized():
            self.assertEqual(counts, {name: n * rounds for name, n in self.HANDSHAKE.items()})

    def open_and_leave(self, gate, request, rounds):
        for _ in range(rounds):
            client = self.client(gate, request)
            self.check_switched(client.read_response())
            client.close()

    def exchange(self, clients, rounds):
        payload = b"m" * 64
        for _ in range(rounds):
            for client in clients:
                client.send_frame(payload, masked=True)
            for client in clients:
                self.assertEqual(client.read_frame(), (2, payload))

    def judge(self, counts, seconds, messages, waits):
        """Two reads and two writes for each message, not one more; for each at most `waits` times
        epoll_wait, beside the worker's ticks; nothing else. The control thread sleeps."""
        reads = sum(counts.pop(name, 0) for name in ("recvfrom", "read", "recvmsg"))
        writes = sum(counts.pop(name, 0) for name in ("sendto", "write", "sendmsg"))
        polls = sum(counts.pop(name, 0) for name in ("epoll_wait", "epoll_pwait"))
        counts.pop("restart_syscall", None)  # strace's coming, to a thread that slept
        if sanitized():
            counts.clear()  # the sanitizer's own
        self.assertEqual((reads, writes), (2 * messages, 2 * messages))
        self.assertEqual(counts, {})
        ticks = seconds / TICK + 2
        self.assertLessEqual(polls, waits * messages + ticks)

    def test_alone(self):
        """6.0 calls a message, but for the ticks."""
        self.judge(*self.cost(1, 1000), 1000, 2)

    def test_sixty_four_at_a_time(self):
        """At most 4.5: a wake-up serves many."""
        self.judge(*self.cost(64, 50), 64 * 50, 0.5)


class Checked(SystemCalls):
    """Frames that are followed cost not one more."""

    frames = "checked"
