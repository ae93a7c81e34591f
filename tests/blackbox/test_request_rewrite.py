"""What the backend gets is written anew: no hop-by-hop field, credential, borrowed identity."""

from harness import tokens
from harness.case import Case
from harness.gateway import GatewayError
from harness.secure import in_four_forms
from harness.wire import KEY, handshake, switching


class Rewrite(Case):
    def sent(self, gate, service, request, listener=None, **options):
        """The head that the backend got for this request."""
        client = self.client(gate, request, listener, **options)
        peer = service.next()
        head = peer.read_head()
        peer.send(switching(head))
        self.check_switched(client.read_response())
        self.assertEqual(bytes(peer.unread), b"")
        client.close()
        peer.close()
        return head

    def one(self, request, **parts):
        service = self.backend()
        return self.sent(self.gateway(service, **parts), service, request)


@in_four_forms()
class Fields(Rewrite):
    def test_the_handshake_itself(self):
        head = self.one(handshake("/ws?a=1&b=%20c", "User-Agent: tests", "Accept-Language: de"))
        self.assertEqual((head.method, head.target), ("GET", "/ws?a=1&b=%20c"))
        self.assertEqual(head.get("Host"), "gate.test")
        self.assertEqual(head.get("Upgrade").lower(), "websocket")
        self.assertEqual([t.lower() for t in head.tokens("Connection")], ["upgrade"])
        self.assertEqual(head.get("Sec-WebSocket-Version"), "13")
        self.assertEqual(head.get("Sec-WebSocket-Key"), KEY)
        self.assertEqual(head.get("User-Agent"), "tests")
        self.assertEqual(head.get("Accept-Language"), "de")
        for name in ("Content-Length", "Transfer-Encoding"):
            self.assertIsNone(head.get(name))

    def test_hop_by_hop_fields(self):
        head = self.one(
            handshake(
                "/ws",
                "Connection: Upgrade, X-Mine , keep-alive",
                "Connection: x-other",
                "X-Mine: 1",
                "x-mine: 2",
                "X-Other: 3",
                "X-Stays: 4",
                "Keep-Alive: timeout=5",
                "Proxy-Connection: keep-alive",
                "TE: trailers",
                "Trailer: X-T",
                drop=["Connection"],
            )
        )
        for name in ("X-Mine", "X-Other", "Keep-Alive", "Proxy-Connection", "TE", "Trailer"):
            self.assertEqual(head.all(name), [], name)
        self.assertEqual(head.get("X-Stays"), "4")
        self.assertEqual([t.lower() for t in head.tokens("Connection")], ["upgrade"])

    def test_connection_cannot_name_what_the_gateway_sets(self):
        parts = self.jwt(forward_claims={"sub": "X-Auth-Subject"})
        head = self.one(
            handshake(
                "/ws",
                "Connection: Upgrade, X-Auth-Subject, X-Forwarded-For, X-Request-Id, Host, "
                "Sec-WebSocket-Key, Sec-WebSocket-Version",
                f"Authorization: Bearer {tokens.hs()}",
                drop=["Connection"],
            ),
            **parts,
        )
        self.assertEqual(head.get("X-Auth-Subject"), "alice")
        self.assertEqual(head.get("X-Forwarded-For"), "127.0.0.1")
        self.assertTrue(head.get("X-Request-Id"))
        self.assertEqual(head.get("Host"), "gate.test")
        self.assertEqual(head.get("Sec-WebSocket-Key"), KEY)

    def test_upgrade_names_websocket_alone(self):
        head = self.one(handshake("/ws", "Upgrade: h2c, WebSocket", drop=["Upgrade"]))
        self.assertEqual(head.get("Upgrade").lower(), "websocket")

    def test_forwarding_fields_come_from_the_peer(self):
        service = self.backend()
        gate = self.gateway(service)
        head = self.sent(
            gate,
            service,
            handshake(
                "/ws",
                "X-Forwarded-For: 192.0.2.1",
                "X-Forwarded-For: 192.0.2.2",
                "X-Forwarded-Proto: mine",
                "X-Forwarded-Host: admin.test",
                "Forwarded: for=192.0.2.1",
                "X-Real-IP: 192.0.2.1",
                "X-Request-Id: mine",
                host="Gate.Test:8080",
            ),
            source="127.0.0.3",
        )
        self.assertEqual(head.get("X-Forwarded-For"), "127.0.0.3")
        self.assertEqual(
            head.get("X-Forwarded-Proto"), "https" if self.secure_client else "http"
        )
        self.assertEqual(head.get("X-Forwarded-Host"), "gate.test:8080")
        self.assertEqual(head.all("Forwarded"), [])
        self.assertEqual(head.get("X-Real-IP"), "127.0.0.3")
        self.assertNotIn("mine", head.get("X-Request-Id"))
        line = gate.await_line("handshake")
        self.assertEqual(line["id"], head.get("X-Request-Id"))

    def test_forwarding_fields_in_odd_spelling(self):
        head = self.one(
            handshake(
                "/ws",
                "x_forwarded_for: 192.0.2.1",
                "X-Forwarded_For: 192.0.2.1",
                "x-FORWARDED-proto: 192.0.2.1",
                "x_real_ip: 192.0.2.1",
                "X.Forwarded.For: 192.0.2.1",
                "X!Forwarded~For: 192.0.2.1",
                "X.Real-IP: 192.0.2.1",
            )
        )
        self.assertNotIn("192.0.2.1", head.raw.decode())

    def test_identity_in_odd_spelling(self):
        parts = self.jwt(forward_claims={"sub": "X-Person"})
        spellings = ("X.Auth.User", "X-Auth_User", "X|Auth-User", "x.person", "X_Person", "X'Person")
        lines = [f"{name}: mallory" for name in spellings]
        head = self.one(
            handshake("/ws", f"Authorization: Bearer {tokens.hs()}", *lines, "X.Stays: 1"), **parts
        )
        self.assertNotIn("mallory", head.raw.decode())
        self.assertEqual(head.get("X-Person"), "alice")
        self.assertEqual(head.get("X.Stays"), "1")

    def test_a_proxy_of_the_clients_choice(self):
        head = self.one(handshake("/ws", "Proxy: http://192.0.2.1", "pROXY: 192.0.2.1"))
        self.assertNotIn("192.0.2.1", head.raw.decode())

    def test_forwarded_host_is_the_judged_one(self):
        own, other = (443, 80) if self.secure_client else (80, 443)
        rows = {
            f"GATE.Test.:{own}": "gate.test",
            "gate.test:": "gate.test",
            f"Gate.test:{other}": f"gate.test:{other}",
        }
        for sent, judged in rows.items():
            with self.subTest(sent):
                head = self.one(handshake("/ws", host=sent))
                self.assertEqual((head.get("Host"), head.get("X-Forwarded-Host")), (judged,) * 2)

    def test_peer_by_ipv6(self):
        service = self.backend(ip="::1")
        gate = self.gateway(service, listeners=[{"name": "six", "address": "[::1]:0"}])
        head = self.sent(gate, service, handshake("/ws"))
        self.assertEqual(head.get("X-Forwarded-For"), "::1")

    def test_host_of_the_backend(self):
        head = self.one(handshake("/ws", host="gate.test:81"), pool={"host": "chat.internal"})
        self.assertEqual(head.get("Host"), "chat.internal")
        self.assertEqual(head.get("X-Forwarded-Host"), "gate.test:81")

    def test_absolute_form_becomes_origin_form(self):
        for target in ("http://gate.test/ws?x=1", "ws://GATE.test:80/ws?x=1"):
            with self.subTest(target):
                head = self.one(handshake(target))
                self.assertEqual(head.target, "/ws?x=1")
                self.assertEqual(head.get("Host").lower(), "gate.test")

    def test_strip_prefix(self):
        service = self.backend()
        config = self.config(
            service,
            routes=[
                self.route("/chat/*", strip_prefix="/chat"),
                self.route("/exact", strip_prefix="/exact"),
                self.route("/a/b/{room}", strip_prefix="/a"),
            ],
        )
        gate = self.start(config)
        rows = {
            "/chat/": "/",
            "/chat/x/y?q=/chat": "/x/y?q=/chat",
            "/chat/chat/z": "/chat/z",
            "/exact": "/",
            "/exact?q": "/?q",
            "/a/b/c": "/b/c",
        }
        for target, expected in rows.items():
            with self.subTest(target):
                self.assertEqual(self.sent(gate, service, handshake(target)).target, expected)

    def test_no_field_is_joined_or_split(self):
        head = self.one(handshake("/ws", "X-A: 1", "X-B: , ,", "X-A: 2", "X-Empty:"))
        self.assertEqual(head.all("X-A"), ["1", "2"])
        self.assertEqual(head.all("X-B"), [", ,"])
        self.assertEqual(head.all("X-Empty"), [""])

    def test_bytes_over_ascii_pass_as_they_are(self):
        head = self.one(handshake("/ws", b"X-Bytes: \xe4\xff \xc3\xa4", "X-Tab: a\tb"))
        self.assertEqual(head.get("X-Bytes").encode("latin-1"), b"\xe4\xff \xc3\xa4")
        self.assertEqual(head.get("X-Tab"), "a\tb")

    def test_subprotocols_and_extensions_pass(self):
        head = self.one(
            handshake(
                "/ws",
                "Sec-WebSocket-Protocol: chat",
                "Sec-WebSocket-Protocol: log, v2",
                "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
            )
        )
        self.assertEqual(head.tokens("Sec-WebSocket-Protocol"), ["chat", "log", "v2"])
        self.assertEqual(
            head.get("Sec-WebSocket-Extensions").replace(" ", ""),
            "permessage-deflate;client_max_window_bits",
        )


@in_four_forms()
class Identity(Rewrite):
    SPELLINGS = (
        "X-Auth-Subject: mallory",
        "x-auth-subject: mallory",
        "X_Auth_Subject: mallory",
        "X-Auth_Subject: mallory",
        "x_auth-ROLES: mallory",
        "X-AUTH-ANYTHING: mallory",
    )

    def test_removed_on_an_open_route(self):
        head = self.one(handshake("/ws", *self.SPELLINGS, "X-Authentic: yes"))
        self.assertNotIn("mallory", head.raw.decode())
        self.assertEqual(head.get("X-Authentic"), "yes")

    def test_list_of_the_configuration(self):
        head = self.one(
            handshake(
                "/ws", "X-User: mallory", "x_user: mallory", "Remote-User: mallory", "X-Users: yes"
            ),
            identity_headers=["X-User", "Remote-*"],
        )
        self.assertNotIn("mallory", head.raw.decode())
        self.assertEqual(head.get("X-Users"), "yes")

    def test_forward_claims_names_are_removed_on_every_route(self):
        service = self.backend()
        parts = self.jwt(forward_claims={"sub": "X-Person", "realm_access.roles": "X-Roles"})
        config = self.config(
            service,
            middleware=parts["middleware"],
            routes=[self.route("/open"), self.route("/ws", ["users"])],
        )
        gate = self.start(config)
        fakes = ("X-Person: mallory", "x_person: mallory", "X-ROLES: mallory")
        head = self.sent(gate, service, handshake("/open", *fakes))
        self.assertNotIn("mallory", head.raw.decode())
        self.assertEqual(head.all("X-Person"), [])
        token = tokens.hs(tokens.claims(realm_access={"roles": ["user", "admin"]}))
        head = self.sent(gate, service, handshake("/ws", *fakes, f"Authorization: Bearer {token}"))
        self.assertNotIn("mallory", head.raw.decode())
        self.assertEqual(head.get("X-Person"), "alice")
        self.assertEqual(head.get("X-Roles").replace(" ", ""), "user,admin")

    def test_two_modules_cannot_set_one_header(self):
        """The backend would have to choose who the client is; the configuration is refused."""
        service = self.backend()
        ann = self.jwt(forward_claims={"sub": "X-Person"})["middleware"]["users"]
        bob = self.jwt(forward_claims={"sub": "x-person"})["middleware"]["users"]
        bob["jwt"]["token_from"] = ["query:t"]
        with self.assertRaises(GatewayError) as caught:
            self.start(
                self.config(service, require=["ann", "bob"], middleware={"ann": ann, "bob": bob})
            )
        self.assertRegex(
            str(caught.exception),
            r"\.json:\d+:\d+: `require`: `bob` sets the header `x-person`, as `ann` does",
        )

    def test_a_claim_that_is_absent_leaves_no_header(self):
        parts = self.jwt(forward_claims={"sub": "X-Auth-Subject", "email": "X-Auth-Email"})
        head = self.one(
            handshake("/ws", "X-Auth-Email: m@x", f"Authorization: Bearer {tokens.hs()}"), **parts
        )
        self.assertEqual(head.get("X-Auth-Subject"), "alice")
        self.assertEqual(head.all("X-Auth-Email"), [])

    def test_a_claim_cannot_break_the_head(self):
        parts = self.jwt(forward_claims={"sub": "X-Auth-Subject"})
        for sub in ("a\r\nX-Evil: 1", "a\nX-Evil: 1", "a\0b"):
            with self.subTest(sub):
                service = self.backend()
                gate = self.gateway(service, **parts)
                token = tokens.hs(tokens.claims(sub=sub))
                client = self.client(gate, handshake("/ws", f"Authorization: Bearer {token}"))
                reply = self.early_end(client, service)
                self.assertNotIn("X-Evil", reply)

    @staticmethod
    def early_end(client, service):
        """The head at the backend, or nothing when the gateway refused: both are safe."""
        while True:
            if service.peers:
                head = service.next().read_head()
                return head.names()
            if client.ends_within(0.01):
                if client.read_response().status in (400, 401, 403):
                    return []
                raise AssertionError("neither refused nor connected")


@in_four_forms()
class Credentials(Rewrite):
    """A token that was read is gone from what the backend sees, wherever it stood."""

    def setUp(self):
        super().setUp()
        self.token = tokens.hs(tokens.claims(jti=tokens.unguessable().decode()))
        self.parts = self.jwt(
            token_from=["header", "cookie:session", "query:access_token", "subprotocol"]
        )

    def check_gone(self, head):
        for piece in self.token.split("."):
            self.assertNotIn(piece, head.raw.decode("latin-1"))

    def test_header(self):
        head = self.one(
            handshake("/ws", f"Authorization: Bearer {self.token}", "X-Stays: 1"), **self.parts
        )
        self.check_gone(head)
        self.assertEqual(head.all("Authorization"), [])
        self.assertEqual(head.get("X-Stays"), "1")

    def test_cookie(self):
        rows = {
            f"a=1; session={self.token}; b=2": "a=1; b=2",
            f"session={self.token}; b=2": "b=2",
            f"a=1; session={self.token}": "a=1",
            f'a=1; session="{self.token}"': "a=1",
            f"sessions=1; Session=2; session={self.token}": "sessions=1; Session=2",
            f"session={self.token}": None,
        }
        for cookie, expected in rows.items():
            with self.subTest(expected):
                head = self.one(handshake("/ws", f"Cookie: {cookie}"), **self.parts)
                self.check_gone(head)
                self.assertEqual(head.get("Cookie"), expected)

    def test_query(self):
        rows = {
            f"?access_token={self.token}": ("/ws", "/ws?"),
            f"?a=1&access_token={self.token}&b=%20": ("/ws?a=1&b=%20",),
            f"?access_token={self.token}&a=1": ("/ws?a=1",),
            f"?a=1&access_token={self.token}": ("/ws?a=1",),
            f"?a=1&access%5Ftoken={self.token}&b": ("/ws?a=1&b",),
            f"?access_tokens=1&access_token={self.token}": ("/ws?access_tokens=1",),
        }
        for query, expected in rows.items():
            with self.subTest(expected):
                head = self.one(handshake("/ws" + query), **self.parts)
                self.check_gone(head)
                self.assertIn(head.target, expected)

    def test_subprotocol(self):
        head = self.one(
            handshake("/ws", f"Sec-WebSocket-Protocol: bearer, {self.token}, chat"), **self.parts
        )
        self.check_gone(head)
        self.assertEqual(head.tokens("Sec-WebSocket-Protocol"), ["chat"])

    def test_another_scheme_is_not_ours_and_stays(self):
        head = self.one(
            handshake("/ws", "Authorization: Basic YTpi", f"Cookie: session={self.token}"),
            **self.parts,
        )
        self.check_gone(head)
        self.assertEqual(head.all("Authorization"), ["Basic YTpi"])

    def test_an_open_route_leaves_credentials_alone(self):
        head = self.one(handshake("/ws", "Authorization: Bearer x.y.z", "Cookie: session=x"))
        self.assertEqual(head.get("Authorization"), "Bearer x.y.z")
        self.assertEqual(head.get("Cookie"), "session=x")
