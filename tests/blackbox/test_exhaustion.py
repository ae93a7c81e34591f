"""Out of descriptors it refuses new work, keeps what it has, does not spin, and recovers."""

import json
import os
import re
import resource
import subprocess
import time

from harness.case import Case
from harness.gateway import SANITIZER, program
from harness.process import descriptors
from harness.wire import WireError, handshake

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Descriptors(Case):
    def exhausted(self, spare, **parts):
        """A gateway with one tunnel and only so many descriptors to spare."""
        service = self.backend()
        gate = self.gateway(service, **parts)
        client, peer = self.tunnel(gate, service, handshake("/ws"))
        self.limit(gate, max(descriptors(gate.pid)) + 1 + spare)
        return gate, service, client, peer

    @staticmethod
    def limit(gate, soft):
        _, hard = resource.prlimit(gate.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(gate.pid, resource.RLIMIT_NOFILE, (soft, hard))

    def still_works(self, client, peer):
        client.send(b"x")
        self.assertEqual(peer.read(1), b"x")
        peer.send(b"y")
        self.assertEqual(client.read(1), b"y")

    def test_no_descriptor_for_a_client(self):
        gate, service, client, peer = self.exhausted(0)
        waiting = [self.client(gate, handshake("/ws")) for _ in range(20)]
        self.still_works(client, peer)
        before = cpu_seconds(gate.pid)
        time.sleep(2)
        spent = cpu_seconds(gate.pid) - before
        self.assertLess(spent, 1, "it spins while it has no descriptors")
        self.still_works(client, peer)
        self.assertEqual(len(service.peers), 1)
        for one in waiting:
            one.close()
        self.limit(gate, 1024)
        late = self.client(gate, handshake("/none"))
        self.assertEqual(late.read_response().status, 404)
        for other in service.peers[1:]:
            other.close()

    def test_no_descriptor_for_a_backend(self):
        """The client is told that it is the gateway's lack, and other tunnels do not notice."""
        gate, service, client, peer = self.exhausted(1)
        for _ in range(5):
            try:
                late = self.client(gate, handshake("/ws"))
                self.check_refused(late.read_response(), 503)
                late.expect_end()
            finally:
                late.close()
            self.still_works(client, peer)
        self.assertEqual(len(service.peers), 1)
        gate.await_lines(5, "handshake", reason="no-descriptors")
        client.close()
        peer.expect_end()
        peer.close()
        gate.await_lines(1, "tunnel")
        again, other = self.tunnel(gate, service, handshake("/ws"))
        self.still_works(again, other)

    def test_a_crowd_at_the_limit(self):
        """More clients than descriptors, coming and going: the tunnel lives, nothing leaks."""
        gate, service, client, peer = self.exhausted(20, timeouts={"head": "1s"})
        for _ in range(5):
            crowd = [self.client(gate, handshake("/none")) for _ in range(60)]
            for one in crowd:
                try:
                    self.assertIn(one.read_response().status, (404, 429, 503))
                except WireError:
                    pass  # closed without a word
                one.close()
        self.still_works(client, peer)


class Limit(Case):
    """What the descriptor limit allows is known at the start, whatever the gateway needs itself."""

    def limited(self, limit):
        """The program under that limit, as a script of its own."""
        path = self.file("limited", f'#!/bin/sh\nulimit -n {limit}\nexec {program()} "$@"\n')
        os.chmod(path, 0o700)
        return path

    def crowd_config(self, service, threads, listeners):
        many = [{"name": f"l{i}"} for i in range(listeners)]
        return self.config(service, threads=threads, listeners=many)

    def test_as_many_connections_as_promised(self):
        service = self.echo_backend()
        for threads, listeners, limit in ((1, 1, 64), (8, 4, 160), (16, 2, 200)):
            with self.subTest(threads=threads, limit=limit):
                config = self.crowd_config(service, threads, listeners)
                gate = self.start(config, binary=self.limited(limit))
                line = gate.lines("limits", "stderr")[0]
                possible = int(re.search(r"(\d+) possible", line["message"])[1])
                self.assertGreater(possible, 0)
                clients = [self.client(gate, handshake("/ws")) for _ in range(possible)]
                for client in clients:
                    self.check_switched(client.read_response())
                for _ in range(3):
                    self.check_refused(gate.ask(handshake("/ws")), 503)
                lines = gate.await_lines(possible + 3, "handshake")
                self.assertEqual({line["reason"] for line in lines}, {"upgraded", "limit-connections"})
                for client in clients:
                    client.close()
                gate.await_idle()

    def test_too_few_for_the_start(self):
        """A line that says so, in the log's form; nothing is left of the sockets."""
        service = self.echo_backend()
        socket = os.path.join(self.directory, "gate.sock")
        failed = 0
        for limit in range(20, 110, 3):
            config = self.crowd_config(service, 16, 1)
            config["listeners"] = [{"name": "main", "address": f"unix:{socket}"}]
            file = self.file("few.json", json.dumps(config))
            with self.subTest(limit), subprocess.Popen(
                [self.limited(limit), "-c", file],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                cwd=self.directory,
            ) as gate:
                lines = []
                for line in gate.stderr:
                    lines.append(json.loads(line))
                    if lines[-1]["event"] == "start":
                        gate.terminate()
                self.assertIsNone(SANITIZER.search(json.dumps(lines).encode()))
                if gate.wait() == 0:
                    self.assertIn("start", [line["event"] for line in lines])
                else:
                    failed += 1
                    self.assertEqual(gate.returncode, 1)
                    self.assertIn("error", [line["level"] for line in lines])
                self.assertFalse(os.path.exists(socket))
        self.assertGreater(failed, 10)
