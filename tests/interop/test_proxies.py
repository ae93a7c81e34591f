"""HAProxy and nginx in front of the gateway, as most people have one, and behind it."""

import json
from types import SimpleNamespace

from harness.ports import Port
from parts.meeting import Meeting, message, message_sized, receive, send, send_sized
from parts.program import backends
from parts.proxies import HAPROXY_FROM

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


class Named:
    """A PROXY header says whose connection it is: the allowlist, the log and the backend know."""

    send = None
    between = "{0} in front, PROXY header"

    def gate_behind(self, **more):
        self.inner = self.gate(
            near={"allow": ["127.0.0.1"]},
            listeners=[{"name": "main", "proxy_protocol": True}],
            trusted_proxies=[HAPROXY_FROM],
            **more,
        )
        return self.proxy(self.send, "%s:%d" % self.inner.address)

    def test_the_client(self):
        steps = [send("/headers"), receive(), send_sized("binary", LARGE), receive()]
        events = self.talk(self.gate_behind(), steps)
        self.check_events(events[1:], message_sized("binary", LARGE))
        seen = json.loads(events[0]["data"])
        self.assertEqual((seen["x-forwarded-for"], seen["x-real-ip"]), ("127.0.0.1",) * 2)
        line = self.inner.await_line("handshake", status=101)
        self.assertTrue(line["peer"].startswith(HAPROXY_FROM + ":"), line)
        self.assertTrue(line["client"].startswith("127.0.0.1:"), line)

    def test_health_checks(self):
        """In version 1 they name HAProxy itself; LOCAL of version 2 is no line in the log."""
        front = self.gate_behind()
        front.await_log("Layer4 check passed")
        self.talk(front, [send("x"), receive()])
        self.inner.await_line("handshake", status=101)
        lines = self.inner.lines("handshake", reason="client-gone")
        own = [line for line in lines if line.get("client", line["peer"]) == line["peer"]]
        self.assertEqual(bool(own), self.send == "haproxy send-proxy", lines)

    def test_a_stranger(self):
        self.gate_behind()
        steps = self.request(self.inner, "/orders", [])
        answer = self.ask(steps)
        self.assertFalse(answer.get("opened"), answer)
        self.inner.await_line("handshake", reason="proxy-not-trusted")


class Telling:
    """The gateway sends one to HAProxy, which believes it and tells the backend."""

    version = None
    between = "{0} behind, PROXY header"

    def test_the_client(self):
        inner = self.proxy("haproxy accept-proxy", backends.get(self.backend_name).text)
        gate = self.gate(SimpleNamespace(text=inner.text), pool={"send_proxy": self.version})
        steps = [send("/headers"), receive(), send_sized("text", LARGE), receive()]
        events = self.talk(gate, steps)
        self.check_events(events[1:], message_sized("text", LARGE))
        line = gate.await_line("handshake", status=101)
        told = json.loads(events[0]["data"])["x-told"]
        self.assertEqual(told, "%s-%s:%d" % (line["peer"], *gate.address))


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
for version in ("", "-v2"):
    who = {"client_name": "python", "backend_name": "ws", "others": ("haproxy",)}
    meeting(f"haproxy_names{version}", Named, send=f"haproxy send-proxy{version}", **who)
    meeting(f"haproxy_told{version}", Telling, version=version.lstrip("-") or "v1", **who)
meeting("site_haproxy", SiteOverHTTP2, others=("haproxy",))
meeting("site_nginx", Site, others=("nginx",))
