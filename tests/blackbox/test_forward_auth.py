"""A service that decides: what it is told, what it may say, and what is kept of that."""

import time

from harness import secure, tokens
from harness.authorised import Authorised
from harness.service import reply
from harness.wire import handshake

# What it is told of every request, beside what belongs to the question itself.
ABOUT = ["X-Forwarded-Method", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Uri", "X-Forwarded-For"]
QUESTION = ["Host", "User-Agent", "Accept", "Accept-Encoding"]


class Told(Authorised):
    def told(self, gate, *lines, **options):
        """The request that the service got."""
        before = len(self.seen)
        self.passed(gate, *lines, **options)
        self.assertEqual(len(self.seen), before + 1)
        return self.seen[-1]

    def test_nothing_else(self):
        """Neither of the connection nor of the handshake, whatever a client sends."""
        gate = self.gate(self.service(reply()))
        told = self.told(
            gate, "Origin: http://a.test", "Sec-WebSocket-Protocol: bearer, secret", "Keep-Alive: 1",
            "Sec-WebSocket-Extensions: permessage-deflate", "Proxy-Authorization: Basic QQ==", "Proxy: x",
            "TE: trailers", "X-Real-IP: 192.0.2.1", "X-Request-Id: 1", "Forwarded: for=192.0.2.1",
            "X_Forwarded_For: 192.0.2.1", "X-Forwarded-Port: 1", "X-Custom: 1")
        self.assertEqual(sorted(name for name, _ in told.fields), sorted(QUESTION + ABOUT))
        self.assertEqual(told.body, b"")

    def test_methods(self):
        for method in ("GET", "HEAD", "POST"):
            service = self.service(reply())
            gate = self.gate(service, method=method)
            for _ in range(2):
                told = self.told(gate)
                self.assertEqual((told.method, told.body), (method, b""))
                self.assertEqual(told.field("X-Forwarded-Method"), "GET")
            self.assertEqual(service.connections, 1)

    def test_who_stands_between(self):
        """Trusted proxies are believed, strangers are not; the port is told where it says something."""
        lines = ["X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: https"]
        for trusted, client, scheme in ((["127.0.0.1"], "192.0.2.7", "https"), ([], "127.0.0.1", "http")):
            gate = self.gate(self.service(reply()), parts={"trusted_proxies": trusted})
            told = self.told(gate, *lines, host="GATE.test.:8443")
            self.assertEqual([told.field(name) for name in ABOUT],
                             ["GET", scheme, "gate.test:8443", "/ws", client])

    def test_tls(self):
        listeners = [{"name": "main", "tls": secure.listener_tls()}]
        gate = self.gate(self.service(reply()), parts={"listeners": listeners})
        told = self.told(gate, host="gate.test:443")
        self.assertEqual((told.field("X-Forwarded-Proto"), told.field("X-Forwarded-Host")),
                         ("https", "gate.test"))

    def test_headers_that_it_sees(self):
        """As the client sent them, all of one name; but not those for one hop, and none of the gateway's."""
        names = ["X-Tenant", "X-Auth-Subject", "X-Forwarded-User", "Authorization"]
        gate = self.gate(self.service(reply()), copy_headers=names)
        for lines, seen in (
            (["x-tenant: a", "X-TENANT: b"], [("X-Tenant", "a"), ("X-Tenant", "b")]),
            (["X_Tenant: a"], []),
            (["X-Tenant: a", "Connection: X-TENANT"], []),
            (["Authorization: Basic QQ==", "Connection: close, authorization, x"], []),
            (["X-Auth-Subject: root", "X_Auth_Subject: root", "X-Forwarded-User: root"], []),
        ):
            told = self.told(gate, *lines)
            self.assertEqual([field for field in told.fields if field[0] in names], seen, lines)

    def test_who_it_is_by_a_module_before(self):
        """Of an identity header the service sees what was verified, never a client's copy."""
        before = self.jwt(forward_claims={"sub": "X-User"})
        before["require"].append("tier")
        before["middleware"]["tier"] = {"headers": {"set": {"X-Tier": "gold"}}}
        gate = self.gate(self.service(reply()), before=before,
                         copy_headers=["X-User", "X-Tier", "Authorization"])
        token = tokens.hs(tokens.claims(60, sub="alice"))
        told = self.told(gate, f"Authorization: Bearer {token}", "X-User: root", "X_User: root", "X-Tier: lead")
        self.assertEqual([told.field(name) for name in ("X-User", "X-Tier", "Authorization")],
                         ["alice", "gold", f"Bearer {token}"])


class ForwardAuth(Authorised):
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

    def test_all_challenges(self):
        """Of several fields the client may choose; a body in another encoding than ours is not handed on."""
        service = self.service(reply(b"\x1f\x8b", 401, (
            "WWW-Authenticate: Negotiate", 'WWW-Authenticate: Basic realm="a, b"', "Content-Encoding: gzip")))
        answer = self.refused(self.gate(service), 401, "forward-auth-refused")
        self.assertEqual(answer.get("WWW-Authenticate"), 'Negotiate, Basic realm="a, b"')
        self.check_refused(answer, 401)

    def test_long_words(self):
        """A body that is too long for a refusal is replaced by ours."""
        gate = self.gate(self.service(reply(b"x" * 16385, 403)))
        self.check_refused(self.refused(gate, 403, "forward-auth-refused"), 403)
        gate = self.gate(self.service(reply(b"x" * 16384, 403)))
        self.assertEqual(len(self.refused(gate, 403, "forward-auth-refused").body), 16384)

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

    def test_cache_of_all_workers(self):
        service = self.service(reply(fields=("X-User: ann",)))
        gate = self.gate(service, identity_header="X-User", cache={"time": "1h", "by": ["path"]},
                         parts={"threads": 2})
        self.passed(gate)
        clients = [self.client(gate, handshake("/ws")) for _ in range(40)]
        for client in clients:
            self.check_switched(client.read_response())
        self.assertEqual(len(service.requests), 1)
        gate.await_lines(41, "handshake", subject="ann")

    def test_cache_of_another(self):
        """A yes for who has a credential is none for who has not, wherever the service looks for one."""
        def answer(request):
            good = ("secret" in (request.field("Authorization") or "") + request.field("X-Forwarded-Uri")
                    + (request.field("Cookie") or ""))
            return [reply(status=200 if good else 401)]

        for by in (["path"], ["address", "host"], ["header:X-Other"]):
            gate = self.gate(self.service_that(answer), cache={"time": "1h", "by": by})
            for lines, target in ((["Authorization: Basic secret"], "/ws"), (["Cookie: a=secret"], "/ws"),
                                  ([], "/ws?token=secret")):
                for _ in range(2):
                    self.passed(gate, *lines, target=target)
                self.refused(gate, 401, "forward-auth-refused")
                self.refused(gate, 401, "forward-auth-refused", *[line[:-1] for line in lines])
                self.refused(gate, 401, "forward-auth-refused", target="/ws?token=x")
            self.assertEqual(len(self.services[-1].requests), 3 + 3 * 3)

    def test_cache_of_what_is_named(self):
        """Other cookies and arguments do not count then; two of that name are not kept by."""
        service = self.service(reply())
        gate = self.gate(service, cache={"time": "1h", "by": ["cookie:session", "query:room"]})
        for target, cookie in (("/ws?room=a&x=1", "session=s; y=1"), ("/ws?room=a&x=2", "session=s; y=2"),
                               ("/ws?room=a", "session=s")):
            self.passed(gate, f"Cookie: {cookie}", target=target)
        self.assertEqual(len(service.requests), 1)
        for target, cookie in (("/ws?room=a&room=b", "session=s"), ("/ws?room=a&roo%6D=b", "session=s"),
                               ("/ws?room=a", "session=s; session=s"), ("/ws?room=a", "session=t"),
                               ("/ws?room=b", "session=s")):
            before = len(service.requests)
            self.passed(gate, f"Cookie: {cookie}", target=target)
            self.assertEqual(len(service.requests), before + 1, (target, cookie))

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

    def test_deadline_and_cache(self):
        """What is kept holds no longer than the answer said."""
        service = self.service()
        gate = self.gate(service, deadline_header="X-Until", cache={"time": "1h", "by": ["path"]})
        moment = reply(fields=(f"X-Until: {int(time.time()) + 4}",))
        service.answer = lambda _: [moment]
        clients = []
        for _ in range(2):
            clients.append(self.client(gate, handshake("/ws")))
            self.check_switched(clients[-1].read_response())
        self.assertEqual(len(service.requests), 1)
        for client in clients:
            client.read_rest()
        gate.await_lines(2, "tunnel", reason="expired")
        service.answer = lambda request: [reply()]
        self.passed(gate)

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
