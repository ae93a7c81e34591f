"""Where each client can put a token, and what it sees when it is turned away."""

from harness import tokens
from parts.meeting import Meeting, browsers, message, receive, send

HELLO = [send("hello"), receive()]


class Sources:
    def check_source(self, by, subprotocols=(), answered=""):
        gate = self.gate()
        offered = list(subprotocols)
        self.check_events(self.talk(gate, HELLO, by=by, subprotocols=offered), message("hello"))
        self.assertEqual(self.opened["subprotocol"], answered)
        wrong = tokens.flip(self.token, 2)
        answer = self.ask(self.request(gate, "/orders", HELLO, wrong, by, subprotocols=offered))
        self.check_turned_away(answer, 401)
        gate.await_line("handshake", status=401)

    def test_cookie(self):
        self.check_source("cookie")

    def test_query(self):
        self.check_source("query")

    def test_subprotocol_pair(self):
        self.check_source("pair", ["chat.v1"], "chat.v1")

    def test_subprotocol_pair_alone(self):
        """The backend hears of no subprotocol and chooses none: the client is answered `bearer`."""
        self.check_source("pair", answered="bearer")

    def test_subprotocol_pair_and_one_that_the_backend_does_not_know(self):
        self.check_source("pair", ["unheard.of"], "bearer")

    def test_subprotocol_kubernetes(self):
        self.check_source("kubernetes", ["chat.v2", "chat.v1"], "chat.v2")

    def test_subprotocol_kubernetes_alone(self):
        """Nothing is left to choose, so Kubernetes refuses it, and so do we."""
        gate = self.gate()
        answer = self.ask(self.request(gate, "/orders", HELLO, by="kubernetes"))
        self.check_turned_away(answer, 400, gate)

    def test_refused_by_a_close(self):
        """What JavaScript sees of a refusal where the route asks for that: the code and the word."""
        gate = self.gate(route={"reject_with": "close"})
        wrong = tokens.flip(self.token, 2)
        rows = (
            ("query", [], ""),
            ("pair", [], "bearer"),
            ("pair", ["chat.v1"], "chat.v1"),
            ("kubernetes", ["chat.v2", "chat.v1"], "chat.v2"),
        )
        for by, offered, named in rows:
            with self.subTest(by=by, offered=offered):
                steps = [{"do": "await_close"}]
                events = self.talk(gate, steps, token=wrong, by=by, subprotocols=offered)
                self.check_events(events, {"closed": 4401, "reason": "token-signature"})
                self.assertEqual(self.opened["subprotocol"], named)
        self.assertEqual(
            {line["close_code"] for line in gate.await_lines(4, "handshake", status=401)}, {4401}
        )
        self.assertEqual(gate.lines("tunnel"), [])

    def test_expired(self):
        gate = self.gate()
        answer = self.ask(self.request(gate, "/echo", HELLO, tokens.hs(tokens.claims(-60))))
        self.check_turned_away(answer, 401, gate)

    def test_two_tokens(self):
        """One that is meant and one that is smuggled in: which is which, nobody can say."""
        gate = self.gate()
        request = self.request(gate, "/echo", HELLO, by="query")
        request["url"] += f"&access_token={self.token}"
        self.check_turned_away(self.ask(request), 400, gate)

    def test_address(self):
        gate = self.gate(near={"allow": ["192.0.2.0/24"]})
        self.check_turned_away(self.ask(self.request(gate, "/echo", HELLO)), 403, gate)

    def test_no_route(self):
        gate = self.gate()
        self.check_turned_away(self.ask(self.request(gate, "/nowhere", HELLO)), 404, gate)

    def test_the_tunnel_ends_with_its_token(self):
        gate = self.gate(jwt={"leeway": "0s"})
        self.check_events(self.talk(gate, HELLO), message("hello"))
        # The client is at work, so nothing of this one's life (3 to 4 s) goes into a start.
        token = tokens.hs(tokens.claims(4))
        events = self.talk(gate, [*HELLO, {"do": "await_close"}], token=token)
        self.check_events(events, message("hello"), {"closed": 1006})
        gate.await_line("tunnel", reason="expired")


class Headers:
    """What only a program can do."""

    def test_header(self):
        self.check_source("header")

    def test_origin(self):
        gate = self.gate()
        request = self.request(gate, "/echo", HELLO, origin="http://evil.test")
        self.check_turned_away(self.ask(request), 403, gate)

    def test_no_origin(self):
        gate = self.gate()
        request = self.request(gate, "/echo", HELLO)
        del request["origin"]
        self.check_turned_away(self.ask(request), 403, gate)


class Pages:
    """What a browser does by itself: the Origin, and when it sends a cookie."""

    def setUp(self):
        super().setUp()
        self.addCleanup(self.go_home)

    def go_home(self):
        browser = browsers.get("chromium")
        browser.visit(browser.home)

    def test_page_of_another_origin(self):
        """With a good token, and on the same machine: the page alone decides."""
        browser = self.other()
        gate = self.gate()
        browser.visit(browser.elsewhere)
        self.check_turned_away(self.ask(self.request(gate, "/echo", HELLO)), 403, gate)

    def test_two_origins_allowed(self):
        browser = self.other()
        gate = self.gate(origins=[browser.elsewhere])
        for origin in (browser.elsewhere, browser.home):
            browser.visit(origin)
            self.check_events(self.talk(gate, HELLO), message("hello"))

    def test_the_token_of_an_open_websocket_expires(self):
        """What a page needs to know that it is to fetch a new one."""
        gate = self.gate(jwt={"leeway": "0s"}, route={"tunnel": {"frames": "checked"}})
        pair = {"by": "pair", "subprotocols": ["chat.v1"]}
        self.check_events(self.talk(gate, HELLO, **pair), message("hello"))
        # The page is at work, so nothing of this one's life (3 to 4 s) goes into a start.
        token = tokens.hs(tokens.claims(4))
        events = self.talk(gate, [*HELLO, {"do": "await_close"}], token=token, **pair)
        end = {"closed": 4401, "reason": "expired", "clean": True}
        self.check_events(events, message("hello"), end)
        gate.await_line("tunnel", reason="expired", close_code=4401)

    def test_cookie_of_another_site(self):
        """SameSite=Strict: a page elsewhere, were it allowed, has no token to bring."""
        browser = self.other()
        gate = self.gate(origins=[browser.elsewhere])
        browser.visit(browser.elsewhere)
        answer = self.ask(self.request(gate, "/echo", HELLO, by="cookie"))
        self.check_turned_away(answer, 401, gate)


CLIENTS = {"python": (Headers, Sources), "ws": (Headers, Sources), "chromium": (Pages, Sources)}

for client, abilities in CLIENTS.items():
    names = {"client_name": client, "backend_name": "ws", "__module__": __name__}
    globals()[client] = type(client, (*abilities, Meeting), names)
