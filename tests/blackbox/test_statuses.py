"""Every situation has its status and its headers, in text and in JSON."""

from harness import tokens
from harness.backend import answer
from harness.case import Case
from harness.wire import handshake, head

JSON = "Accept: application/json"


def bearer(token):
    return f"Authorization: Bearer {token}"


class Statuses(Case):
    def statuses_gateway(self):
        echo, silent, broken = (
            self.echo_backend(),
            self.backend(answer(then="hold")),
            self.backend(answer(b"garbage\r\n\r\n")),
        )
        parts = self.jwt(issuer="https://id.test", audience=["chat"], leeway="0s")
        nowhere = self.backend()
        nowhere.close()
        config = self.config(
            echo,
            middleware=parts["middleware"]
            | {
                "office": {"ip_allowlist": {"allow": ["192.0.2.0/24"]}},
                "web": {"origin": {"allow": ["https://app.test"], "missing": "deny"}},
            },
            routes=[
                self.route("/open"),
                self.route("/users", ["users"]),
                self.route("/office", ["office"]),
                self.route("/web", ["web"]),
                self.route("/silent", backend="silent"),
                self.route("/broken", backend="broken"),
                self.route("/nowhere", backend="nowhere"),
            ],
            limits={"uri": "1KiB", "head": "4KiB", "headers": 50},
        )
        config["backends"] |= {
            "silent": {"servers": [silent.text], "handshake_timeout": "1s"},
            "broken": {"servers": [broken.text]},
            "nowhere": {"servers": [nowhere.text]},
        }
        return self.start(config)

    def rows(self):
        """name, request, status; what else a row promises is checked by the name's own method."""
        right = tokens.claims(iss="https://id.test", aud="chat")
        return [
            ("no Host", handshake("/open", drop=["Host"]), 400),
            ("two Hosts", handshake("/open", "Host: b.test"), 400),
            ("a length", handshake("/open", "Content-Length: 0"), 400),
            ("a coding", handshake("/open", "Transfer-Encoding: chunked"), 400),
            ("HTTP/1.0", handshake("/open").replace(b"HTTP/1.1", b"HTTP/1.0"), 400),
            ("two keys", handshake("/open", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="), 400),
            ("a short key", handshake("/open", key="AAAA"), 400),
            ("no key", handshake("/open", drop=["Sec-WebSocket-Key"]), 400),
            ("a path with dots", handshake("/open/../x"), 400),
            (
                "two origins",
                handshake("/web", "Origin: https://app.test", "Origin: https://b.test"),
                400,
            ),
            ("no token", handshake("/users"), 401),
            ("another scheme", handshake("/users", "Authorization: Basic YTpi"), 401),
            ("not a token", handshake("/users", bearer("nonsense")), 401),
            ("expired", handshake("/users", bearer(tokens.hs(right | {"exp": 1000}))), 401),
            ("wrong issuer", handshake("/users", bearer(tokens.hs(right | {"iss": "x"}))), 401),
            ("wrong audience", handshake("/users", bearer(tokens.hs(right | {"aud": "x"}))), 401),
            ("wrong key", handshake("/users", bearer(tokens.hs(right, tokens.OTHER_SECRET))), 401),
            (
                "two credentials",
                handshake("/users", bearer(tokens.hs(right)), bearer(tokens.hs(right))),
                400,
            ),
            ("address", handshake("/office"), 403),
            ("origin", handshake("/web", "Origin: https://other.test"), 403),
            ("no origin", handshake("/web"), 403),
            ("no route", handshake("/none"), 404),
            ("POST", handshake("/open", method="POST"), 405),
            ("an unknown method", handshake("/open", method="BREW"), 405),
            ("long URI", handshake("/open?" + "q" * 1100), 414),
            ("long head", handshake("/open", "X-Long: " + "v" * 5000), 431),
            ("many headers", handshake("/open", *(f"X-{i}: v" for i in range(60))), 431),
            ("no upgrade", handshake("/open", drop=["Upgrade"]), 426),
            ("no Connection", handshake("/open", drop=["Connection"]), 426),
            ("plain GET", head("GET /open HTTP/1.1", "Host: gate.test"), 426),
            ("version 8", handshake("/open", version="8"), 426),
            ("no version", handshake("/open", drop=["Sec-WebSocket-Version"]), 426),
            ("broken backend", handshake("/broken"), 502),
            ("backend refuses to connect", handshake("/nowhere"), 502),
            ("silent backend", handshake("/silent"), 504),
        ]

    NOT_PRESENTED = {"no token", "another scheme"}

    def check_row(self, name, reply):
        challenge = reply.get("WWW-Authenticate")
        if reply.status == 401:
            self.assertTrue(challenge.startswith("Bearer realm="), challenge)
            if name in self.NOT_PRESENTED:
                self.assertNotIn("error", challenge)
            else:
                self.assertIn('error="invalid_token"', challenge)
                self.assertRegex(challenge, r'error_description="[^"]+"')
        elif name == "two credentials":
            self.assertIn('error="invalid_request"', challenge)
        else:
            self.assertIsNone(challenge)
        self.assertEqual(reply.get("Allow"), "GET" if reply.status == 405 else None)
        if reply.status == 426:
            self.assertEqual(reply.get("Upgrade"), "websocket")
            self.assertEqual(reply.get("Sec-WebSocket-Version"), "13")
        else:
            self.assertIsNone(reply.get("Upgrade"))

    def test_text(self):
        gate = self.statuses_gateway()
        for name, request, status in self.rows():
            with self.subTest(name):
                reply = gate.ask(request)
                self.check_refused(reply, status)
                self.check_row(name, reply)

    def test_json(self):
        gate = self.statuses_gateway()
        for name, request, status in self.rows():
            if name == "long head":
                continue  # the Accept behind it is never read
            with self.subTest(name):
                reply = gate.ask(request[:-2] + JSON.encode() + b"\r\n\r\n")
                # A head that was never understood has no Accept either: text will do there.
                if status in (400, 414, 431) and reply.kind() == "text/plain":
                    self.check_refused(reply, status)
                else:
                    self.check_refused(reply, status, accept="json")

    def test_accept_is_a_list_with_parameters(self):
        gate = self.statuses_gateway()
        for value in ("text/html, application/json", "application/json;q=0.9", "APPLICATION/JSON"):
            with self.subTest(value):
                self.check_refused(gate.ask(handshake("/none", f"Accept: {value}")), 404, "json")
        for value in ("text/html", "*/*", "application/jsonp"):
            with self.subTest(value):
                self.check_refused(gate.ask(handshake("/none", f"Accept: {value}")), 404)

    def test_a_good_handshake_is_accepted(self):
        gate = self.statuses_gateway()
        token = tokens.hs(tokens.claims(iss="https://id.test", aud=["x", "chat"]))
        for request in (
            handshake("/open"),
            handshake("/users", bearer(token)),
            handshake("/web", "Origin: https://app.test"),
        ):
            with self.subTest(request):
                client = self.client(gate, request)
                self.check_switched(client.read_response())
                self.check_echo(client)

    def test_the_answer_to_head_has_no_body(self):
        gate = self.statuses_gateway()
        client = self.client(gate, handshake("/open", method="HEAD"))
        reply = client.read_head()
        self.assertEqual((reply.status, reply.get("Allow")), (405, "GET"))
        client.expect_end()

    def test_request_ids_differ_and_are_in_the_log(self):
        gate = self.statuses_gateway()
        ids = [gate.ask(handshake("/none")).get("X-Request-Id") for _ in range(20)]
        self.assertEqual(len(set(ids)), 20)
        lines = gate.await_lines(20, "handshake")
        self.assertEqual(sorted(ids), sorted(line["id"] for line in lines))


class Order(Case):
    """Where several rows apply: the head, then 405, 426, 404, then the chain."""

    def test_order(self):
        backend = self.backend()
        gate = self.gateway(backend, **self.jwt())
        rows = [
            ("head before method", handshake("/ws", "Host: b.test", method="POST"), 400),
            ("length before method", handshake("/ws", "Content-Length: 3", method="POST"), 400),
            ("path before method", handshake("/a/../b", method="POST"), 400),
            ("method before upgrade", handshake("/ws", method="POST", drop=["Upgrade"]), 405),
            ("method before route", handshake("/none", method="POST"), 405),
            ("upgrade before route", handshake("/none", drop=["Upgrade"]), 426),
            ("version before route", handshake("/none", version="12"), 426),
            ("route before chain", handshake("/none"), 404),
            ("chain", handshake("/ws"), 401),
        ]
        for name, request, status in rows:
            with self.subTest(name):
                self.assertEqual(gate.ask(request).status, status)
        self.assertEqual(backend.connects, 0)
