"""A service that decides: what it says, says late, wrongly, or not at all; and who leaves meanwhile."""

import os
import threading
import time

from harness.case import Case
from harness.service import CLOSE, HANG, Service, reply
from harness.wire import handshake

FULL = os.environ.get("WSGATE_FULL") == "1"


class ForwardAuth(Case):
    def setUp(self):
        super().setUp()
        self.services, self.seen = [], []

    def _finish(self):
        super()._finish()
        for service in self.services:
            service.close()

    def service(self, *parts):
        """Answers always so."""
        def answer(request):
            self.seen.append(request)
            return list(parts)

        made = Service(answer)
        self.services.append(made)
        return made

    def gate(self, service, backend=None, parts=None, **options):
        made = self.gateway(backend, require=["ask"], threads=1,
                            middleware={"ask": {"forward_auth": {"url": service.url("/check"), "timeout": "20s"}
                                                | options}},
                            **(parts or {}))
        made.baseline += 40  # connections to the service that are kept
        return made

    def refused(self, gate, status, reason, *lines):
        answer = gate.ask(handshake("/ws", *lines))
        self.assertEqual(answer.status, status, answer)
        line = gate.await_line("handshake", id=answer.get("X-Request-Id"))
        self.assertEqual((line["status"], line["reason"], line["module"]), (status, reason, "ask"))
        return answer

    def test_yes(self):
        """What the service is told, and what the backend is told by it."""
        service = self.service(reply(fields=("X-User: ann", "X-Role: admin", "X-Other: no")))
        backend = self.backend()
        gate = self.gate(service, backend, forward_headers=["X-Role"], identity_header="X-User",
                         parts={"route": {"path": "/ws/*"}})
        client = self.client(gate, handshake(
            "/ws/%61?token=secret&x=1", "Authorization: Basic abc", "Cookie: a=b", "X-Role: root",
            "X-Forwarded-Uri: /else", "X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.1"))
        head = backend.next().read_head()
        self.assertEqual(head.all("X-Role"), ["admin"])
        self.assertIsNone(head.get("X-Other"))
        client.close()
        asked = self.seen[0]
        self.assertEqual((asked.method, asked.target), ("GET", "/check"))
        for name, value in {"X-Forwarded-Method": "GET", "X-Forwarded-Proto": "http",
                            "X-Forwarded-Host": "gate.test", "X-Forwarded-Uri": "/ws/a?token=secret&x=1",
                            "X-Forwarded-For": "127.0.0.1", "Authorization": "Basic abc", "Cookie": "a=b",
                            "Sec-WebSocket-Key": None, "Upgrade": None, "Forwarded": None,
                            "X-Role": None}.items():
            self.assertEqual(asked.field(name), value, name)
        gate.await_line("handshake", subject="ann")

    def test_no(self):
        """In its own words, and nothing else of them."""
        service = self.service(reply(b'{"error":"who?"}', 401,
                                     ('WWW-Authenticate: Bearer realm="there"', "Set-Cookie: a=b",
                                      "Content-Type: application/json")))
        backend = self.backend()
        gate = self.gate(service, backend)
        answer = self.refused(gate, 401, "forward-auth-refused")
        self.assertEqual(answer.body, b'{"error":"who?"}')
        self.assertEqual(answer.get("Content-Type"), "application/json")
        self.assertEqual(answer.get("WWW-Authenticate"), 'Bearer realm="there"')
        self.assertIsNone(answer.get("Set-Cookie"))
        self.assertEqual(backend.connects, 0)

    def test_long_words(self):
        """A body that is too long for a refusal is replaced by ours."""
        gate = self.gate(self.service(reply(b"x" * 16385, 403)))
        self.check_refused(self.refused(gate, 403, "forward-auth-refused"), 403)

    def test_no_answer(self):
        """Whatever it does but answer: the status, and pass where the operator wants that."""
        gigabyte = b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n" + b"x" * 300000
        for name, parts, status, reason in (
            ("slow", [HANG], 504, "forward-auth-timeout"),
            ("half", [b"HTTP/1.1 200 OK\r\nContent-Le", HANG], 504, "forward-auth-timeout"),
            ("dies", [CLOSE], 503, "forward-auth-unreachable"),
            ("gigabyte", [gigabyte, CLOSE], 503, "forward-auth-garbled"),
            ("endless", [b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 300000, CLOSE], 503, "forward-auth-garbled"),
            ("head", [b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20000, CLOSE], 503, "forward-auth-garbled"),
            ("redirect", [reply(status=302, fields=("Location: file:///etc/passwd",))], 503,
             "forward-auth-status"),
            ("elsewhere", [reply(status=307, fields=("Location: http://127.0.0.1:9/",))], 503,
             "forward-auth-status"),
            ("missing", [reply(status=404)], 503, "forward-auth-status"),
            ("broken", [reply(status=500)], 503, "forward-auth-status"),
            ("nonsense", [b"what?\r\n\r\n", CLOSE], 503, "forward-auth-unreachable"),
        ):
            with self.subTest(name):
                service = self.service(*parts)
                timeout = "300ms" if status == 504 else "20s"
                self.refused(self.gate(service, timeout=timeout), status, reason)
                answer = self.gate(service, timeout=timeout, on_error="pass").ask(handshake("/ws"))
                self.assertEqual(answer.status, 101, answer)

    def test_dead(self):
        service = self.service(reply())
        gate = self.gate(service)
        self.assertEqual(gate.ask(handshake("/ws")).status, 101)
        service.close()
        self.refused(gate, 503, "forward-auth-unreachable")

    def test_connection_is_kept(self):
        service = self.service(reply())
        gate = self.gate(service)
        for _ in range(10):
            self.assertEqual(gate.ask(handshake("/ws")).status, 101)
        self.assertEqual((len(service.requests), service.connections), (10, 1))

    def test_cache(self):
        service = self.service(reply(fields=("X-User: ann",)))
        gate = self.gate(service, identity_header="X-User",
                         cache={"time": "1h", "by": ["header:Authorization"]})
        for value in ("a", "a", "b", "a", "b"):
            self.assertEqual(gate.ask(handshake("/ws", f"Authorization: Basic {value}")).status, 101)
        self.assertEqual(len(service.requests), 2)
        gate.await_lines(5, "handshake", subject="ann")

    def test_deadline(self):
        """The answer's moment ends the tunnel; one that has passed ends the handshake."""
        service = self.service()
        gate = self.gate(service, deadline_header="X-Until")
        moment = reply(fields=(f"X-Until: {int(time.time()) + 3}",))
        service.answer = lambda _: [moment]
        client = self.client(gate, handshake("/ws"))
        self.check_switched(client.read_response())
        client.read_rest()
        gate.await_line("tunnel", reason="expired")
        self.refused(gate, 401, "forward-auth-expired")

    def test_judged_again(self):
        """Asked with the same words; a no ends the tunnel."""
        service = self.service(reply())
        gate = self.gate(service, parts={"route": {"revalidate": "300ms"}})
        client = self.client(gate, handshake("/ws", "Authorization: Basic abc"))
        self.check_switched(client.read_response())
        service.await_requests(3)
        self.assertEqual({request.field("Authorization") for request in self.seen}, {"Basic abc"})
        service.answer = lambda request: [reply(status=403)]
        client.read_rest()
        gate.await_line("tunnel", reason="revalidation-refused")

    def test_clients_that_leave(self):
        """Their calls end with them; who comes later is not kept waiting."""
        count = 1000 if FULL else 200
        stuck = threading.Event()
        service = self.service()
        service.answer = lambda request: (
            [stuck, reply()] if request.field("X-Slow") else [reply()])
        gate = self.gate(service, copy_headers=["X-Slow"], timeout="60s", parts={"timeouts": {"auth": "60s"}})
        clients = [self.client(gate, handshake("/ws", "X-Slow: 1")) for _ in range(count)]
        service.await_requests(20)
        for client in clients:
            client.reset()
        gate.await_lines(count, "handshake", reason="client-gone")
        self.assertEqual(gate.ask(handshake("/ws")).status, 101)
        stuck.set()
