"""HAProxy and nginx in front of the gateway, as most people have one, and behind it."""

from types import SimpleNamespace

from harness.ports import Port
from parts.meeting import Meeting, message, message_sized, receive, send, send_sized
from parts.program import backends

LARGE = 1 << 20


class Between:
    """`passage()` is where the client connects; it must be as if nobody stood there."""

    def passage(self):
        raise NotImplementedError

    def test_messages(self):
        sizes = [("text", 10), ("binary", 70000), ("text", LARGE)]
        steps = [step for kind, size in sizes for step in (send_sized(kind, size), receive())]
        events = self.talk(self.passage(), steps)
        self.check_events(events, *(message_sized(kind, size) for kind, size in sizes))
        self.assertIn("permessage-deflate", self.opened["extensions"])

    def test_pings(self):
        events = self.talk(self.passage(), [send("/ping are you there"), receive()])
        self.check_events(events, message("pong are you there"))

    def test_close_by_the_client(self):
        where = self.passage()
        steps = [{"do": "close", "code": 4000, "reason": self.id()}]
        self.check_events(self.talk(where, steps), {"closed": 4000})
        noted = self.last_close(where, self.id())
        self.assertEqual(noted, {"code": 4000, "reason": self.id()})

    def test_close_by_the_backend(self):
        steps = [send("/close 4444 enough"), {"do": "await_close"}]
        self.check_events(self.talk(self.passage(), steps), {"closed": 4444, "reason": "enough"})

    def test_end_without_close_by_the_backend(self):
        steps = [send("/abort"), {"do": "await_close"}]
        self.check_events(self.talk(self.passage(), steps), {"closed": 1006})

    def test_subprotocol_token(self):
        events = self.talk(
            self.passage(), [send("x"), receive()], by="pair", subprotocols=["chat.v1"]
        )
        self.check_events(events, message("x"))
        self.assertEqual(self.opened["subprotocol"], "chat.v1")

    def test_no_token(self):
        answer = self.ask(self.request(self.passage(), "/orders", [], token=""))
        self.check_turned_away(answer, 401, self.gateways[0])
        if answer["refused"]:
            self.assertRegex(answer["refused"]["headers"]["www-authenticate"], '^Bearer realm="')


class InFront(Between):
    between = "{0} in front"
    tls = False

    def passage(self):
        gate = self.gate()
        return self.proxy(self.others[0], "%s:%d" % gate.address, tls=self.tls)


class InFrontWithTLS(InFront):
    between = "{0} in front, wss://"
    tls = True


class Behind(Between):
    between = "{0} behind"

    def passage(self):
        inner = self.proxy(self.others[0], backends.get(self.backend_name).text)
        return self.gate(SimpleNamespace(text=inner.text))


class Site:
    """
    A site as it is deployed: the proxy has the page and passes the rest on, so that page and
    WebSocket have one origin. A backend that compares Origin with Host, as gorilla does unless told
    not to, agrees only if the client's Host reaches it.
    """

    client_name, backend_name = "chromium", "gin"
    between = "{0} in front, with the page"

    def tearDown(self):
        # The page must be gone from the proxy before the proxy ends.
        self.other().visit(self.other().home)
        super().tearDown()

    def site(self, tls):
        """The page is open when this returns."""
        port = Port()
        origin = f"{'https' if tls else 'http'}://{port.text}"
        gate = self.gate(origins=[origin])
        page = self.other().text
        front = self.proxy(self.others[0], "%s:%d" % gate.address, page=page, tls=tls, port=port)
        self.other().visit(origin)
        return front

    def check_site(self, tls):
        front = self.site(tls)
        for by in ("cookie", "query"):
            events = self.talk(front, [send("x"), receive()], path="/same-origin", by=by)
            self.check_events(events, message("x"))
        answer = self.ask(self.request(front, "/same-origin", [], token=""))
        self.check_turned_away(answer, 401)
        return front

    def test_plain(self):
        self.check_site(False)

    def test_tls(self):
        self.check_site(True)


class SiteOverHTTP2(Site):
    def test_extended_connect(self):
        """RFC 8441: the WebSocket is a stream of the page's connection; HAProxy translates."""
        front = self.check_site(True)
        self.assertIn("HTTP/2 GET /same-origin 101", front.log())


def meeting(name, *parts, **names):
    globals()[name] = type(name, (*parts, Meeting), names | {"__module__": __name__})


for proxy in ("haproxy", "nginx"):
    for client in ("python", "ws", "chromium"):
        who = {"client_name": client, "backend_name": "gin", "others": (proxy,)}
        meeting(f"{client}_{proxy}", InFront, **who)
        meeting(f"{client}_{proxy}_tls", InFrontWithTLS, **who)
for client in ("python", "ws"):
    who = {"client_name": client, "backend_name": "ws", "others": ("haproxy",)}
    meeting(f"{client}_behind_haproxy", Behind, **who)
meeting("site_haproxy", SiteOverHTTP2, others=("haproxy",))
meeting("site_nginx", Site, others=("nginx",))
