"""A service of forward_auth that is slow, dead or gone: who waits, who leaves, and who is not delayed."""

import os
import shlex
import socket
import subprocess
import sys
import threading

from harness import process, silent_resolver
from harness.authorised import Authorised
from harness.backend import echo
from harness.gateway import program, sanitized
from harness.service import CLOSE, FINISH, reply
from harness.wire import handshake

COUNT = 1000  # as many as may wait on a worker
TIMEOUT, BROKEN = (504, "forward-auth-timeout"), (503, "forward-auth-unreachable")


class Connections(Authorised):
    def gate_and(self, *answers, **options):
        """A gateway, and its service with one answer after the other, the last one for ever."""
        answers = list(answers)
        service = self.service_that(lambda _: answers.pop(0) if len(answers) > 1 else answers[0])
        return self.gate(service, **options), service

    def test_dead(self):
        gate, service = self.gate_and([reply()])
        self.passed(gate)
        service.close()
        for _ in range(3):
            self.refused(gate, *BROKEN)

    def test_black_hole(self):
        """Its address takes no connection and refuses none."""
        with socket.create_server(("127.0.0.1", 0), backlog=0) as hole:
            knocks = [socket.socket() for _ in range(8)]
            for knock in knocks:
                knock.setblocking(False)
                knock.connect_ex(hole.getsockname())
            gate = self.gate("http://127.0.0.1:%d/" % hole.getsockname()[1], timeout="300ms")
            self.refused(gate, *TIMEOUT)
            for knock in knocks:
                knock.close()

    def test_closed_after_each_answer(self):
        """With a word and without one."""
        for answer in ([reply(fields=["Connection: close"]), CLOSE], [reply(), CLOSE], [reply(), FINISH]):
            gate, service = self.gate_and(answer)
            for _ in range(5):
                self.passed(gate)
            self.assertEqual(len(service.requests), 5)

    def test_closed_as_it_is_asked_again(self):
        """The question was read, and the kept connection ends: it is asked once more, on another."""
        for method in ("GET", "HEAD", "POST"):
            for end in (CLOSE, FINISH):
                gate, service = self.gate_and([reply()], [end], [reply()], method=method)
                self.passed(gate)
                self.passed(gate)
                self.assertEqual((len(service.requests), service.connections), (3, 2))

    def test_closed_always(self):
        """A new connection that ends says something, and nobody asks for ever."""
        for end in (CLOSE, FINISH):
            gate, service = self.gate_and([end])
            self.refused(gate, *BROKEN)
            self.assertEqual(len(service.requests), 1)
            gate, service = self.gate_and([reply()], [end])
            self.passed(gate)
            self.refused(gate, *BROKEN)
            self.assertEqual(len(service.requests), 3)

    def test_half_closed_within_an_answer(self):
        for part in (b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"):
            gate, service = self.gate_and([part, FINISH])
            self.refused(gate, *BROKEN)
            self.assertEqual(len(service.requests), 1)


class Waiting(Authorised):
    weight = 3

    def test_clients_that_leave(self):
        """
        As many as may wait, for a service that does not answer; all leave, and others come. Meanwhile another
        route, another instance, and a tunnel go on: nobody has been answered when they are through.
        """
        stuck = threading.Event()
        slow = self.service_that(lambda request: [stuck, reply()] if request.field("X-Slow") else [reply()])
        quick = self.service(reply(fields=["X-User: ann"]))
        instances = {name: {"forward_auth": {"url": service.url("/check"), "timeout": "60s", **more}}
                     for name, service, more in (("ask", slow, {"copy_headers": ["X-Slow"]}),
                                                 ("quick", quick, {"identity_header": "X-User"}))}
        routes = [self.route("/ws", ["ask"]), self.route("/free"), self.route("/quick", ["quick"])]
        gate = self.gateway(threads=1, middleware=instances, routes=routes, timeouts={"auth": "60s"})
        gate.baseline += 40
        tunnel = self.client(gate, handshake("/free"))
        self.check_switched(tunnel.read_response())
        memory = []
        for leave in ("reset", "close") * 3:
            self.leaving = [self.client(gate, handshake("/ws", "X-Slow: 1")) for _ in range(COUNT)]
            slow.await_requests(1)
            for _ in range(5):
                self.passed(gate, target="/free")
                self.passed(gate, target="/quick")
                self.check_echo(tunnel)
            self.await_full(gate)
            self.assertEqual(gate.lines("handshake", path="/ws", status=101), [])
            gone = len(gate.lines("handshake", reason="client-gone"))
            for client in self.leaving:
                getattr(client, leave)()
            gate.await_lines(gone + COUNT, "handshake", reason="client-gone")
            memory.append(gate.memory("Anonymous"))
        if not sanitized():
            self.assertLess(memory[5] - memory[3], 2 << 20, "once they have been there, it takes no more")
        self.passed(gate)
        tunnel.close()
        gate.await_idle()
        stuck.set()

    def await_full(self, gate):
        """All wait: one more is refused."""
        answer = self.ask(gate, "X-Slow: 1")
        line = gate.await_line("handshake", id=answer.get("X-Request-Id"))
        self.assertEqual((answer.status, line["reason"]), (503, "forward-auth-full"))


class SilentResolver(Authorised):
    """In a network namespace of its own, so over Unix sockets; the gateway alone is in there."""

    def start_in_silence(self, **options):
        path = os.path.join(self.directory, "gate.sock")
        wrapper = self.file("wsgate", f"#!/bin/sh\nexec {shlex.quote(sys.executable)} -B "
                                      f"{shlex.quote(os.path.abspath(silent_resolver.__file__))} "
                                      f"{shlex.quote(program())} \"$@\"\n")
        os.chmod(wrapper, 0o755)
        probe = subprocess.run([wrapper, "-V"], capture_output=True, timeout=60, check=False)
        if probe.returncode == silent_resolver.NOT_ALLOWED:
            self.skipTest("no namespaces here")
        instances = {"ask": {"forward_auth": {"url": "https://auth.example.com/check"} | options}}
        backend = self.backend(echo(), path=os.path.join(self.directory, "backend.sock"))
        config = self.config(backend, middleware=instances, routes=[self.route("/ws", ["ask"]), self.route("/free")],
                             threads=1, listeners=[{"name": "main", "address": f"unix:{path}"}],
                             timeouts={"auth": "60s"})
        gate = self.start(config, binary=wrapper)
        gate.baseline += 3 * 32  # look-ups that go on: their sockets and the resolver's
        return gate

    def test_it_never_answers(self):
        gate = self.start_in_silence(timeout="300ms")
        self.refused(gate, *TIMEOUT)
        self.passed(gate, target="/free")
        self.assertIn("looked up", gate.output("stderr").decode())

    def test_clients_that_leave(self):
        """However many ask and leave: no more look-ups than connections, and others go on."""
        gate = self.start_in_silence(timeout="50s")
        tunnel = self.client(gate, handshake("/free"))
        self.check_switched(tunnel.read_response())
        for leave in ("reset", "close", "reset"):
            clients = [self.client(gate, handshake("/ws")) for _ in range(200)]
            self.passed(gate, target="/free")
            self.check_echo(tunnel)
            gone = len(gate.lines("handshake", reason="client-gone"))
            for client in clients:
                getattr(client, leave)()
            gate.await_lines(gone + 200, "handshake", reason="client-gone")
            self.assertLessEqual(process.threads(gate.pid), 32 + 8)
        self.passed(gate, target="/free")
        tunnel.close()
