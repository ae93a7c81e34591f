"""
The case in which a client and a backend of other people meet, with the gateway between them.

Every gateway here has the chain ip_allowlist, origin, jwt on its routes. A conversation is a list
of steps, which each client takes in its own way:

    {"do": "send", "kind": "text" | "binary", "data": TEXT | HEX}
                                           or "size": N instead of "data" (python/patterns.py), then
                                           "kind" may be "mixed"; "pieces": N: in fragments
    {"do": "receive", "count": N}              -> {"kind", "data"} or {"kind", "size", "sha256"}
    {"do": "ping", "data": TEXT}               -> {"pong": TEXT}
    {"do": "close", "code": N, "reason": TEXT} -> {"closed": N, "reason": TEXT}
    {"do": "await_close"}                      -> {"closed": N, "reason": TEXT}

Backends echo what comes, at /echo and /orders. At /orders these texts are orders to the backend:

    /headers                 sends the request's headers, as JSON
    /ping TEXT               pings, and says "pong TEXT" when the pong has come
    /fragments N SIZE        sends SIZE bytes in (about) N fragments
    /close CODE REASON       closes
    /abort                   goes without a Close
    /exchange SIZE N         sends N messages of a byte (0, 1, ...), SIZE bytes "mixed", those N
                             again, and receives 2N + 1 messages meanwhile; then says the SHA-256
                             of their SHA-256 (not npm ws)
    /last-close              sends code and reason of the last Close that it received, as JSON
"""

import hashlib
import json
import os
import time

from harness import tokens
from harness.case import Case
from python.patterns import pattern

from . import prepare, proxies
from .browser import Browser
from .program import Keeper, backends, clients

SHOWN = 2000  # bytes up to which a message is handed back as it is
ORIGIN = "http://app.test"
CHAIN = ["near", "pages", "users"]
PATHS = ("/echo", "/orders", "/same-origin", "/socket.io/*", "/graphql")
browsers = Keeper(lambda name: Browser(trusting=name == "chromium"))


def send(data, **more):
    if isinstance(data, bytes):
        return {"do": "send", "kind": "binary", "data": data.hex()} | more
    return {"do": "send", "kind": "text", "data": data} | more


def send_sized(kind, size, **more):
    return {"do": "send", "kind": kind, "size": size} | more


def receive(count=1):
    return {"do": "receive", "count": count}


def message(data):
    """The event of a short message that was received."""
    if isinstance(data, bytes):
        return {"kind": "binary", "data": data.hex()}
    return {"kind": "text", "data": data}


def message_sized(kind, size):
    """The event of a message that a step with "size" sent."""
    data = pattern(kind, size)
    if size <= SHOWN:
        return message(data)
    data = data.encode() if kind == "text" else data
    kind = "text" if kind == "text" else "binary"
    return {"kind": kind, "size": size, "sha256": hashlib.sha256(data).hexdigest()}


class Meeting(Case):
    """
    `client_name` and `backend_name` say who meets; `others` what else must be there, and `between`
    what that is to them, for the table of results.
    """

    client_name = backend_name = None
    others = ()
    between = ""
    time_limit = 240  # a browser may have to be started anew

    def setUp(self):
        super().setUp()
        self.token = tokens.hs(tokens.claims(300, sub="alice"))
        self.used, self.proxies = [self.token], []
        needed = [self.client_name, self.backend_name, *self.others]
        lacking = {prepare.missing(name) for name in needed if name} - {""}
        if lacking and os.environ.get("WSGATE_INTEROP_SKIP"):
            self.skipTest("missing: " + "; ".join(sorted(lacking)))
        if lacking:
            self.fail("missing: " + "; ".join(sorted(lacking)) + ": see tests/interop/packages")

    def tearDown(self):
        for proxy in self.proxies:
            proxy.stop()
        for gate in self.gateways:
            gate.stop()
            for token in self.used:
                secret = token.rpartition(".")[2].encode()
                for name in ("stdout", "stderr"):
                    self.assertNotIn(secret, gate.output(name), "a token stands in the log")

    # ---- who meets ----

    def other(self):
        """The client."""
        keeper = browsers if self.client_name == "chromium" else clients
        return keeper.get(self.client_name)

    def origin(self):
        return self.other().home if self.client_name == "chromium" else ORIGIN

    def gate(self, service=None, origins=(), near=None, jwt=None, route=None, **parts):
        """A gateway in front of the backend (or of `service`, which has its address as `text`)."""
        sources = ["header", "cookie:session", "query:access_token", "subprotocol"]
        options = {"token_from": sources, "forward_claims": {"sub": "X-Auth-Subject"}} | (jwt or {})
        middleware = self.jwt(**options)["middleware"] | {
            "near": {"ip_allowlist": near or {"allow": ["127.0.0.0/8"]}},
            "pages": {"origin": {"allow": [self.origin(), *origins]}},
        }
        routes = [self.route(path, CHAIN, **(route or {})) for path in PATHS]
        service = service or backends.get(self.backend_name)
        return self.start(self.config(service, middleware=middleware, routes=routes, **parts))

    def proxy(self, name, service, **options):
        made = proxies.Proxy(name, self.directory, service, **options)
        self.proxies.append(made)
        return made

    # ---- what they say ----

    def request(self, where, path, steps, token=None, by=None, **more):
        """
        What a client is asked: to open PATH at `where` (a gateway or a proxy) and to take the
        steps. `by` says where the token goes; an empty one is left out.
        """
        token = self.token if token is None else token
        if token:
            self.used.append(token)
        by = by or ("query" if self.client_name == "chromium" else "header")
        scheme = "wss" if getattr(where, "tls", False) else "ws"
        made = {
            "kind": "websocket",
            "url": f"{scheme}://%s:%d{path}" % where.address,
            "headers": {},
            "origin": self.origin(),
            "subprotocols": [],
            "deflate": True,
            "steps": steps,
        } | more
        if token:
            CREDENTIALS[by](made, token, self.client_name == "chromium")
        return made

    def ask(self, request):
        answer = self.other().ask(request)
        self.assertNotIn("error", answer)
        return answer

    def talk(self, where, steps, path="/orders", **options):
        """The events of an accepted conversation."""
        answer = self.ask(self.request(where, path, steps, **options))
        self.assertIn("opened", answer)
        self.opened = answer["opened"]
        return answer["events"]

    def check_events(self, found, *expected):
        """As they were expected, whatever else a client tells about a Close."""
        self.assertEqual(len(found), len(expected), found)
        for event, wanted in zip(found, expected):
            self.assertEqual({key: event.get(key) for key in wanted}, wanted)

    def check_turned_away(self, answer, status, gate=None):
        """A refusal as that client shows it: JavaScript in a browser never sees a status."""
        self.assertIn("refused", answer)
        if self.client_name == "chromium":
            self.check_events(answer["events"], {"closed": 1006, "reason": "", "clean": False})
        else:
            self.assertEqual(answer["refused"].get("status"), status, answer)
        if gate:
            self.assertEqual(gate.await_line("handshake")["status"], status)
            self.assertEqual(gate.lines("tunnel"), [])

    def last_close(self, where, reason):
        """The Close that the backend got, which it notes a moment after the client is gone."""
        deadline = time.monotonic() + 20
        while True:
            events = self.talk(where, [send("/last-close"), receive()])
            noted = json.loads(events[0]["data"])
            if noted.get("reason") == reason or time.monotonic() > deadline:
                return noted
            time.sleep(0.05)


# ---- Where a token can stand ---------------------------------------------------


def by_header(request, token, _):
    request["headers"] = request["headers"] | {"Authorization": f"Bearer {token}"}


def by_cookie(request, token, browser):
    if browser:
        request["cookie"] = token
    else:
        request["headers"] = request["headers"] | {"Cookie": f"theme=dark; session={token}"}


def by_query(request, token, _):
    request["url"] += ("&" if "?" in request["url"] else "?") + f"access_token={token}"


def by_pair(request, token, _):
    request["subprotocols"] = ["bearer", token, *request["subprotocols"]]


def by_kubernetes(request, token, _):
    name = f"base64url.bearer.authorization.k8s.io.{tokens.b64(token.encode())}"
    request["subprotocols"] = [name, *request["subprotocols"]]


CREDENTIALS = {
    "header": by_header,
    "cookie": by_cookie,
    "query": by_query,
    "pair": by_pair,
    "kubernetes": by_kubernetes,
}
