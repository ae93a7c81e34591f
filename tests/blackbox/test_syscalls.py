"""In steady state a message costs what a bare relay pays: epoll_wait, read, write per hop."""

import os
import re
import shutil
import signal
import subprocess
import time
import unittest

from harness.backend import EchoLoop
from harness.case import Case
from harness.wire import handshake


class Tracer:
    """`strace -c -f` on a running process; an error when it may not trace."""

    def __init__(self, pid, path):
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

    def counts(self):
        """{system call: times}"""
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
    def cost(self, connections, rounds):
        """System calls of the gateway per echoed message."""
        service = EchoLoop()
        self.backends.append(service)
        gate = self.gateway(service, threads=1)
        clients = [self.client(gate, handshake("/ws")) for _ in range(connections)]
        for client in clients:
            self.check_switched(client.read_response())
        self.exchange(clients, 3)
        gate.await_lines(connections, "handshake")
        time.sleep(0.5)  # the log is written
        tracer = Tracer(gate.pid, gate.path("strace"))
        self.exchange(clients, rounds)
        counts = tracer.counts()
        messages = connections * rounds
        return sum(counts.values()) / messages, counts

    def exchange(self, clients, rounds):
        payload = b"m" * 64
        for _ in range(rounds):
            for client in clients:
                client.send_frame(payload, masked=True)
            for client in clients:
                self.assertEqual(client.read_frame(), (2, payload))

    def test_alone(self):
        cost, counts = self.cost(1, 1000)
        self.assertLessEqual(cost, 6.2, counts)

    def test_sixty_four_at_a_time(self):
        cost, counts = self.cost(64, 50)
        self.assertLessEqual(cost, 4.5, counts)
