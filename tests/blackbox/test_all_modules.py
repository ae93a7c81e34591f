"""
Every module at once on two workers, asked by many clients, while configurations, lists and keys change,
sessions are ended and revoked, and tunnels are judged again. Made for ThreadSanitizer, whose word ends the
test (harness/gateway.py); without it, it shows that each of them passes and refuses all the while.
"""

import hashlib
import itertools
import json
import os
import random
import re
import signal
import ssl
import threading
import unittest

from harness import frames, secure, tokens
from harness.case import Case
from harness.gateway import test_program
from harness.provider import Provider, authority
from harness.service import Service, reply
from harness.wire import WireError, handshake

FULL = os.environ.get("WSGATE_FULL") == "1"
COUNT = 20000 if FULL else 800
CREW = 8
ROUNDS = 12  # of changes meanwhile, at least
HELD = 6  # tunnels that each of the crew keeps open
PLUGINS = {"test_waits", "test_sessions"}  # of the tests; they stand for other people's
REGISTRY = os.path.join(os.path.dirname(__file__), "../../middleware/registry.c")
API_KEY = "k" * 40


def registered():
    with open(REGISTRY, encoding="ascii") as file:
        return set(re.findall(r"&(\w+)_module", file.read()))


def judge(request):
    """RFC 7662: what begins with "good" is active."""
    good = b"token=good" in request.body
    about = {"active": True, "sub": "opaque"} if good else {"active": False}
    return [reply(json.dumps(about).encode())]


def gatekeeper(request):
    if request.field("X-Pass") == "yes":
        return [reply(fields=("X-User: asked",))]
    return [reply(b"no", 403)]


@unittest.skipUnless(os.access(test_program(), os.X_OK), f"{test_program()} is not built")
class AllModules(Case):
    time_limit = 1800
    weight = 30

    def setUp(self):
        super().setUp()
        self.judge, self.gatekeeper = Service(judge), Service(gatekeeper)
        self.provider = Provider()
        self.pair = tokens.key_pair("ec")
        self.provider.answers["/keys"] = {"keys": [tokens.jwk(self.pair, "remote")]}
        self.addCleanup(self.provider.close)
        self.addCleanup(self.gatekeeper.close)
        self.addCleanup(self.judge.close)
        self.orders = os.path.join(self.directory, "orders")

    # ---- the configuration ----

    def middleware(self):
        digest = hashlib.sha256(API_KEY.encode()).hexdigest()
        jwt = {
            "keys": [{"secret_file": self.file("secret", tokens.SECRET), "algorithm": "HS256"}],
            "jwks_url": self.provider.base + "/keys",
            "ca_file": authority().certificate,
            "refresh": "1s",
            "algorithms": ["HS256", "ES256"],
            "revoked_file": self.file("revoked", "jti nobody\n"),
            "claims": {"sub": {"matches": "a.*"}},
            "forward_claims": {"sub": "X-Auth-Subject"},
        }
        opaque = {"url": self.judge.url("/introspect"), "cache": {"time": "1s"}}
        cache = {"time": "1s", "by": ["header:X-Pass"], "entries": 10}
        return {
            "near": {"ip_allowlist": {"files": [self.file("near", "127.0.0.0/8\n")], "deny": ["127.0.0.9"]}},
            "far": {"ip_allowlist": {"allow": ["192.0.2.0/24"]}},
            "web": {"origin": {"allow": ["http://good.test"], "same_origin": True}},
            "keys": {"api_key": {"files": [self.file("keys", f"{digest} partner team=red\n")]}},
            "users": {"jwt": jwt},
            "trial": {"jwt": jwt | {"forward_claims": {}}, "dry_run": True},
            "opaque": {"introspection": opaque},
            "ask": {"forward_auth": {"url": self.gatekeeper.url("/check"), "copy_headers": ["X-Pass"],
                                     "identity_header": "X-User", "cache": cache}},
            "machines": {"client_certificate": {"common_name": ["a test"]}},
            "app": {"headers": {"require": ["X-App"], "forbid": ["X-Debug"], "set": {"X-Gateway": "edge"}}},
            "talk": {"subprotocol": {"allow": ["chat"], "required": True, "others": "remove"}},
            "often": {"rate_limit": {"key": "address", "rate": "1/100s", "burst": 1}},
            "tenant": {"rate_limit": {"key": "header:X-Tenant", "rate": "1000/s", "burst": 10, "max_keys": 600}},
            "live": {"connection_limit": {"key": "identity", "max": 3, "on_limit": "close_oldest"}},
            "doors": {"connection_limit": {"key": "address", "max": 12}},
            "wait": {"test_waits": {"delay": "1ms"}},
            "deny": {"test_waits": {"delay": "1ms", "verdict": "deny"}},
            "who": {"test_sessions": {"commands": self.orders}},
        }

    def make_gate(self):
        config = self.config(
            self.echo_backend(),
            middleware=self.middleware(),
            listeners=[
                {"name": "main"},
                {"name": "secure", "tls": secure.listener_tls() | {
                    "client_ca": secure.authority().path("ca.pem"), "client_verify": "optional"}},
            ],
        )
        again = {"tunnel": {"frames": "checked"}, "revalidate": "200ms", "on_reload": "revalidate"}
        config["routes"] = [
            self.route("/jwt", ["near", "users", "live", "wait"], **again),
            self.route("/web", ["web", "app", "talk", "tenant", "doors"]),
            self.route("/often", ["near", "often", {"not": "far"}]),
            self.route("/opaque", ["opaque", "live", "wait"], **again),
            self.route("/ask", ["wait", "ask", "live"], **again),
            self.route("/key", ["keys", "tenant", "live"], tunnel={"frames": "checked"}),
            self.route("/machine", ["machines", "live"], listeners=["secure"]),
            self.route("/any", [{"any_of": [{"all_of": ["web", "keys"]}, {"all_of": ["ask", "doors"]}, "users"]},
                                "trial", "live"], **again),
            self.route("/who", ["who", "tenant", "live", "wait"], **again),
            self.route("/deny", ["live", "deny"]),
        ]
        gate = self.start(config, binary=test_program())
        gate.baseline += 40  # connections to the services that are kept
        return gate

    def test_none_is_left_out(self):
        self.assertEqual({next(word for word in one if word != "dry_run") for one in self.middleware().values()},
                         registered() | PLUGINS)

    # ---- the clients ----

    def requests(self):
        """(path, whether it is meant to pass, lines, source, listener)"""
        hs = [tokens.hs(tokens.claims(sub=f"a{i}", jti=f"t{i}")) for i in range(8)]
        es = self.pair.sign(tokens.claims(sub="away"), kid="remote")

        def bearer(token):
            return f"Authorization: Bearer {token}"

        def row(path, *lines, good=True, source="127.0.0.1", listener="main"):
            return path, good, lines, source, listener

        app = ["Origin: http://good.test", "X-App: 1", "Sec-WebSocket-Protocol: other, chat"]
        return [
            *(row("/jwt", bearer(token)) for token in [*hs, es]),
            row("/jwt", good=False),
            row("/jwt", bearer(tokens.hs(tokens.claims(sub="zed"))), good=False),
            row("/jwt", bearer(tokens.hs(secret=tokens.OTHER_SECRET)), good=False),
            row("/jwt", bearer(self.pair.sign(kid="unknown")), good=False),
            row("/jwt", bearer(hs[0]), source="127.0.0.9", good=False),
            row("/web", *app),
            row("/web", *app[1:], good=False),
            row("/web", *app, "X-Debug: 1", good=False),
            row("/web", *app[:2], "Sec-WebSocket-Protocol: other", good=False),
            row("/often"),
            row("/often", source="127.0.0.2"),
            row("/opaque", bearer("good")),
            row("/opaque", bearer("good-2")),
            row("/opaque", bearer("bad"), good=False),
            row("/ask", "X-Pass: yes"),
            row("/ask", "X-Pass: no", good=False),
            row("/key", f"X-API-Key: {API_KEY}"),
            row("/key", "X-API-Key: wrong", good=False),
            row("/machine", listener="secure"),
            row("/machine", listener="secure", good=False),
            row("/any", "X-Pass: yes"),
            row("/any", "Origin: http://good.test", f"X-API-Key: {API_KEY}"),
            row("/any", bearer(hs[1])),
            row("/any", "X-Pass: no", good=False),
            *(row("/who", f"Subject: {name}", "Token-Id: t", f"Label: {name}") for name in ("ann", "bob")),
            row("/deny", good=False),
        ]

    @staticmethod
    def certified():
        context = ssl.create_default_context(cafile=secure.authority().path("ca.pem"))
        mine = secure.authority().files("good")
        context.load_cert_chain(mine["certificate"], mine["private_key"])
        return context

    def come(self, gate, request, number):
        """A tunnel that has echoed something, or None."""
        path, good, lines, source, listener = request
        options = {"secure": self.certificate} if listener == "secure" and good else {}
        data = handshake(path, f"X-Tenant: {number % 900}", *lines)
        client = gate.client(data, listener, source=source, **options)
        try:
            if client.read_response().status == 101:
                client.send_frame(b"hello", masked=True)
                client.read_frame()
                return client
        except (WireError, OSError):
            pass  # ended by an order, by a newcomer, by what was found out again
        client.close()
        return None

    def run_crew(self, gate, turns, faults):
        requests, held = self.requests(), []
        for turn in iter(lambda: next(turns), None):
            if turn >= COUNT or faults:
                break
            try:
                client = self.come(gate, random.choice(requests), turn)
                if client:
                    held.append(client)
                if len(held) > HELD:
                    leaves = held.pop(random.randrange(len(held)))
                    random.choice((leaves.close, leaves.reset))()
            except OSError:
                pass
            except Exception as fault:  # pylint: disable=broad-except
                faults.append(fault)
        for client in held:
            client.close()

    # ---- what happens meanwhile ----

    def change(self, gate, i):
        """Some instances stay, some go on with another file, some are others."""
        self.file("near", f"127.0.0.0/8\n10.0.{i % 256}.0/24\n")
        self.file("revoked", f"jti t{i % 8}\n")
        middleware = gate.config["middleware"]
        middleware["live"]["connection_limit"]["max"] = 2 + i % 3
        middleware["doors"]["connection_limit"]["max"] = 10 + i % 2
        middleware["often"]["rate_limit"]["burst"] = 1 + i // 4 % 2
        middleware["tenant"]["rate_limit"]["max_keys"] = 600 - i % 2
        middleware["wait"]["test_waits"]["delay"] = ("1ms", "0")[i % 2]
        middleware["opaque"]["introspection"]["cache"]["time"] = ("1s", "2s")[i % 2]
        gate.write("wsgate.json", json.dumps(gate.config))
        gate.send_signal(signal.SIGHUP)
        status = gate.await_reload()
        self.assertTrue(status.startswith("reloaded"), status)

    def order(self, gate, text):
        with open(self.orders, "w", encoding="utf-8") as file:
            file.write(text + "\n")
        done = len(gate.lines("sessions", name="stderr"))
        gate.send_signal(signal.SIGUSR2)
        gate.await_lines(done + 1, "sessions", name="stderr")

    def disturb(self, gate, i):
        self.change(gate, i)
        self.order(gate, ("kill subject=ann", "count", "list page=7", "kill subject=a2",
                          f"revoke token_id=x{i}", "kill label=room:bob", "revoke subject=opaque-not")[i % 7])
        if i % 5 == 4:
            gate.send_signal(signal.SIGUSR1)

    def test_all_at_once(self):
        gate = self.make_gate()
        self.certificate = self.certified()
        turns, faults = itertools.count(), []
        crew = [threading.Thread(target=self.run_crew, args=(gate, turns, faults)) for _ in range(CREW)]
        for thread in crew:
            thread.start()
        try:
            for i in itertools.count():
                if i >= ROUNDS and not any(thread.is_alive() for thread in crew):
                    break
                self.disturb(gate, i)
        finally:
            for thread in crew:
                thread.join()
        self.assertEqual(faults, [])
        gate.stop()
        self.check_verdicts(gate)

    def check_verdicts(self, gate):
        """Each route let somebody in, each instance that can refuse did, and all slots came back."""
        passed, refused = set(), set()
        for line in gate.lines("handshake"):
            if line["status"] == 101:
                passed.add(line["path"])
            elif "module" in line:
                refused.add(line["module"])
        wanted = {route["path"] for route in gate.config["routes"]} - {"/deny"}
        self.assertEqual(wanted - passed, set())
        wanted = set(gate.config["middleware"]) - {"far", "trial", "live", "doors", "tenant", "wait", "who"}
        self.assertEqual(wanted - refused, set())
        self.assertTrue(gate.lines("dry-run", module="trial"))
        self.assertTrue(gate.lines("tunnel", reason="quota"))
        for line in gate.lines("test_waits", name="stderr"):
            self.assertNotRegex(line["message"], r"held=-?[1-9]")
