"""rate_limit and connection_limit: by each key, over two workers, and every place comes back."""

import json
import os
import signal
import time
import unittest

from harness import tokens
from harness.case import Case
from harness.gateway import sanitized, test_program
from harness.service import Service, reply
from harness.wire import handshake

FULL = os.environ.get("WSGATE_FULL") == "1"


class LimitCase(Case):
    def reload(self, gate, name, **options):
        """The instance of that name with other options."""
        (made,) = gate.config["middleware"][name].values()
        made.update(options)
        gate.write("wsgate.json", json.dumps(gate.config))
        gate.send_signal(signal.SIGHUP)
        self.assertTrue(gate.await_reload().startswith("reloaded"))


class RateLimit(LimitCase):
    time_limit = 1800

    def gate_for(self, require=(), middleware=None, route=None, **options):
        made = {"key": "address", "rate": "1/1000s"} | options
        return self.gateway(
            self.echo_backend(),
            require=[*require, "rate"],
            middleware=(middleware or {}) | {"rate": {"rate_limit": made}},
            route=route or {},
        )

    def statuses(self, gate, count, request=None, **options):
        return [gate.ask(request or handshake("/ws"), **options).status for _ in range(count)]

    def test_burst_then_429(self):
        gate = self.gate_for(burst=5)
        self.assertEqual(self.statuses(gate, 8), [101] * 5 + [429] * 3)
        self.assertEqual(self.statuses(gate, 6, source="127.0.0.2"), [101] * 5 + [429])
        reply = gate.ask(handshake("/ws"))
        self.check_refused(reply, 429)
        seconds = int(reply.get("Retry-After"))
        self.assertTrue(900 <= seconds <= 1000, seconds)
        line = gate.await_line("handshake", id=reply.get("X-Request-Id"))
        self.assertEqual((line["module"], line["reason"]), ("rate", "rate-exceeded"))

    def test_it_fills_again(self):
        gate = self.gate_for(rate="20/s", burst=1)
        self.assertEqual(self.statuses(gate, 1), [101])
        self.assertTrue(any(self.statuses(gate, 1) == [101] for _ in range(2000)))

    def test_by_other_parts(self):
        for key, first, same, other in (
            ("path", ("/ws?a",), ("/ws?b",), None),
            ("host", ("/ws",), ("/ws?a",), None),
            ("cookie:c", ("/ws", "Cookie: c=1; d=1"), ("/ws", "Cookie: c=1; d=2"), ("/ws", "Cookie: c=2")),
            ("query:q", ("/ws?q=1",), ("/ws?a&q=%31",), ("/ws?q=2",)),
        ):
            with self.subTest(key):
                gate = self.gate_for(key=key)
                for words, status in ((first, 101), (same, 429), (other, 101)):
                    if words:
                        self.assertEqual(gate.ask(handshake(*words)).status, status, words)
                gate.stop()

    def test_by_route_and_header(self):
        gate = self.gate_for(key="route", burst=2)
        self.assertEqual([self.statuses(gate, 1, source=f"127.0.0.{i}")[0] for i in range(1, 5)],
                         [101, 101, 429, 429])
        gate = self.gate_for(key="header:X-Tenant")
        for value, status in (("a", 101), ("b", 101), ("a", 429), ("b", 429)):
            reply = gate.ask(handshake("/ws", f"X-Tenant: {value}"))
            self.assertEqual(reply.status, status, value)
        self.assertEqual(self.statuses(gate, 2), [101, 429])  # who has none shares one

    def test_by_identity(self):
        jwt = self.jwt()
        gate = self.gate_for(require=jwt["require"], middleware=jwt["middleware"], key="identity")

        def ask(subject):
            token = tokens.hs(tokens.claims(sub=subject))
            return gate.ask(handshake("/ws", f"Authorization: Bearer {token}")).status

        self.assertEqual([ask(name) for name in ("ann", "bob", "ann", "bob", "eve")],
                         [101, 101, 429, 429, 101])

    def test_ever_new_keys(self):
        gate = self.gate_for(key="header:X-Tenant", burst=1, max_keys=50)
        seen = [gate.ask(handshake("/ws", f"X-Tenant: {i}")).status for i in range(80)]
        self.assertEqual(seen, [101] * 50 + [429] * 30)
        reply = gate.ask(handshake("/ws", "X-Tenant: 0"))
        self.assertEqual(gate.await_line("handshake", id=reply.get("X-Request-Id"))["reason"], "rate-exceeded")
        reply = gate.ask(handshake("/ws", "X-Tenant: new"))
        self.assertEqual(gate.await_line("handshake", id=reply.get("X-Request-Id"))["reason"], "rate-keys-exhausted")

    def test_who_rotates_keys_gains_nothing(self):
        """As many get in as there are keys, over both workers; memory stays, and who was told no is told so."""
        most, count = (2048, 50000) if FULL else (512, 2000)
        gate = self.gate_for(key="header:X-Tenant", burst=2, max_keys=most)

        def ask(tenant):
            return gate.ask(handshake("/ws", f"X-Tenant: {tenant}"))

        self.assertEqual([ask("honest").status for _ in range(3)], [101, 101, 429])
        seen = {101: 0, 429: 0}
        for i in range(count):
            seen[ask(f"made-up-{i}").status] += 1
            if i == most:
                before = gate.memory("Anonymous")
            if i % 500 == 499:
                self.assertEqual(ask("honest").status, 429)
        self.assertEqual(seen, {101: most - 1, 429: count - most + 1})
        if not sanitized():
            self.assertLess(gate.memory("Anonymous") - before, 1 << 20)
        reply = ask("late")
        self.check_refused(reply, 429)
        self.assertEqual(reply.get("Retry-After"), "1")
        reasons = [gate.await_line("handshake", id=one.get("X-Request-Id"))["reason"]
                   for one in (reply, ask("honest"))]
        self.assertEqual(reasons, ["rate-keys-exhausted", "rate-exceeded"])
        self.assertEqual(ask("made-up-0").status, 101)  # its second: who is in the table is served

    def test_a_reload_keeps_what_was_taken(self):
        """Whatever changes but the key; as many tokens are missing then, at the new rate."""
        gate = self.gate_for(burst=3)
        self.assertEqual(self.statuses(gate, 4), [101] * 3 + [429])
        self.reload(gate, "rate", burst=5)
        self.assertEqual(self.statuses(gate, 3), [101] * 2 + [429])
        self.reload(gate, "rate", max_keys=10)
        self.assertEqual(self.statuses(gate, 1), [429])
        self.reload(gate, "rate", rate="10000/s")
        self.assertTrue(any(self.statuses(gate, 1) == [101] for _ in range(2000)))
        self.reload(gate, "rate", rate="1/1000s", burst=1)
        self.statuses(gate, 1)
        self.assertEqual(self.statuses(gate, 1), [429])
        self.reload(gate, "rate", key="route")
        self.assertEqual(self.statuses(gate, 2), [101, 429])


class ByClaim(Case):
    """key: "claim:x", whoever gave it."""

    ONCE = {"rate_limit": {"key": "claim:tenant", "rate": "1/1000s"}}

    def instances(self, **more):
        def jwt(place, **options):
            keys = [{"secret": tokens.SECRET.decode(), "algorithm": "HS256"}]
            return {"jwt": {"keys": keys, "token_from": [place], **options}}

        return {
            "users": jwt("header"),
            "devices": jwt("cookie:device"),
            "trial": {**jwt("query:trial"), "dry_run": True},
            "near": {"ip_allowlist": {"allow": ["127.0.0.0/8"]}},
            "far": {"ip_allowlist": {"allow": ["192.0.2.0/24"]}},
            "once": self.ONCE,
        } | more

    def gate_for(self, require, **more):
        return self.gateway(self.echo_backend(), require=require, middleware=self.instances(**more))

    @staticmethod
    def user(**claims):
        return f"Authorization: Bearer {tokens.hs(tokens.claims(**claims))}"

    @staticmethod
    def device(**claims):
        return f"Cookie: device={tokens.hs(tokens.claims(**claims))}"

    def check(self, gate, *rows):
        """Each is a status and header lines."""
        for i, (status, *lines) in enumerate(rows):
            self.assertEqual(gate.ask(handshake("/ws", *lines)).status, status, i)

    def test_one_bucket_for_a_value_of_an_issuer(self):
        gate = self.gate_for(["users", "once"])
        ann = self.user(sub="ann", iss="i", tenant="a")
        self.check(
            gate,
            (101, ann),
            (429, ann),  # its claims are in the cache
            (429, self.user(sub="bob", iss="i", tenant="a")),
            (101, self.user(sub="ann", iss="i", tenant="b")),
            (101, self.user(sub="ann", iss="j", tenant="a")),
            (429, self.user(sub="eve", iss="j", tenant="a")),
        )
        gate.await_lines(3, "handshake", status=429, module="once", reason="rate-exceeded")

    def test_what_a_value_is(self):
        """Its text; who has none is one of those who have none."""
        gate = self.gate_for(["users", "once"])
        for first, same in ((7, "7"), (1.5, "1.5"), (True, "true"), ("", ""), ("a b", "a b"),
                            ("x" * 2000, "x" * 2000)):
            self.check(gate, (101, self.user(tenant=first)), (429, self.user(tenant=same)))
        self.check(gate, (101, self.user()), *((429, self.user(tenant=value)) for value in
                                               (["a"], {"a": "a"}, None, [])))

    def test_a_claim_in_a_claim(self):
        once = {"rate_limit": {"key": "claim:org.id", "rate": "1/1000s"}}
        gate = self.gate_for(["users", "once"], once=once)
        self.check(
            gate,
            (101, self.user(org={"id": 1})),
            (429, self.user(**{"org": {"id": 2}, "org.id": 1})),
            (101, self.user(org={"id": 2})),
            (101, self.user(org="2")),  # none
            (429, self.user(**{"id": 2})),
        )

    def test_the_last_one_that_has_it_counts(self):
        gate = self.gate_for(["devices", "users", "once"])
        self.check(
            gate,
            (101, self.device(tenant="d"), self.user(tenant="u")),
            (429, self.device(tenant="e"), self.user(tenant="u")),
            (101, self.device(tenant="d"), self.user()),
            (429, self.device(tenant="d"), self.user(sub="bob")),
        )

    def test_what_was_taken_back_does_not_count(self):
        gate = self.gate_for([{"any_of": [{"all_of": ["users", "far"]}, "near"]}, "once"])
        self.check(gate, (101, self.user(tenant="a")), (429, self.user(tenant="b")), (429,))
        gate.stop()
        gate = self.gate_for([{"any_of": ["users", "near"]}, "once"])
        self.check(gate, (101, self.user(tenant="a")), (429, self.user(tenant="a")),
                   (101, self.user(tenant="b")), (101,), (429,))
        gate.stop()
        gate = self.gate_for(["trial", "once"])
        for tenant, status in (("a", 101), ("b", 429)):
            token = tokens.hs(tokens.claims(tenant=tenant))
            self.assertEqual(gate.ask(handshake(f"/ws?trial={token}")).status, status)

    def test_opaque_tokens(self):
        """The service's word, told by the token's first letter; asked, and remembered."""
        def answer(request):
            tenant = request.body.decode().partition("token=")[2][0]
            return [reply(json.dumps({"active": True, "tenant": tenant}).encode())]

        service = Service(answer)
        self.addCleanup(service.close)
        users = {"introspection": {"url": service.url("/introspect")}}
        gate = self.gate_for(["users", "once"], users=users)
        gate.baseline += 8  # connections to the service that are kept
        rows = [(status, f"Authorization: Bearer {token}") for status, token in
                ((101, "a1"), (429, "a2"), (429, "a1"), (101, "b1"), (429, "b1"))]
        self.check(gate, *rows)

    def test_after_a_reload(self):
        """The instances go on, those before them too, under a route that is new."""
        gate = self.gate_for(["users", "once"])
        self.check(gate, (101, self.user(tenant="a")))
        gate.config["routes"].insert(0, gate.config["routes"][0] | {"path": "/other"})
        gate.write("wsgate.json", json.dumps(gate.config))
        gate.send_signal(signal.SIGHUP)
        self.assertTrue(gate.await_reload().startswith("reloaded"))
        self.check(gate, (429, self.user(tenant="a")), (101, self.user(tenant="b")))

    def test_connections(self):
        live = {"connection_limit": {"key": "claim:tenant", "max": 1}}
        gate = self.gate_for(["users", "live"], live=live)
        first = self.client(gate, handshake("/ws", self.user(sub="ann", tenant="a")))
        self.assertEqual(first.read_response().status, 101)
        self.check(gate, (429, self.user(sub="bob", tenant="a")), (101, self.user(tenant="b")))
        first.close()
        for _ in range(1000):
            if gate.ask(handshake("/ws", self.user(sub="bob", tenant="a"))).status == 101:
                return
            time.sleep(0.01)
        self.fail("the place did not come back")

    def test_where_nobody_gives_claims(self):
        """It would be one limit for all, which nobody means by it: a fault where it stands."""
        key = "keys: [{ secret: 0123456789abcdef0123456789abcdef, algorithm: HS256 }]"
        text = f"""\
listeners: [{{ address: "127.0.0.1:1" }}]
middleware:
  users: {{ jwt: {{ {key} }} }}
  trial: {{ jwt: {{ {key}, token_from: "cookie:a" }}, dry_run: true }}
  near: {{ ip_allowlist: {{ allow: 127.0.0.1 }} }}
  good: {{ rate_limit: {{ rate: 1/s, key: "claim:a" }} }}
  late: {{ rate_limit: {{ rate: 1/s, key: "claim:a" }} }}
  live: {{ connection_limit: {{ max: 1, key: "claim:a" }} }}
  asked: {{ forward_auth: {{ url: "http://127.0.0.1:9/", cache: {{ time: 1s, by: [path, "claim:a"] }} }} }}
  wrong: {{ rate_limit: {{ rate: 1/s, key: "claim:.a" }} }}
routes:
  - {{ path: /a, require: [near, users, good], backend: b }}
  - {{ path: /b, require: [{{ any_of: [users, near] }}, good, live, asked], backend: b }}
  - {{ path: /c, require: [late, users], backend: b }}
  - {{ path: /d, require: [{{ any_of: [users, live] }}], backend: b }}
  - {{ path: /e, require: [{{ not: users }}, asked], backend: b }}
  - {{ path: /f, require: [trial, good], backend: b }}
  - {{ path: /g, require: [late], backend: b }}
backends: {{ b: {{ servers: ["127.0.0.1:2"] }} }}
"""
        said = "nothing that routes[{}] requires before `{}` gives claims, as jwt and introspection do"
        self.check_faults_at(text, {
            (7, 41): said.format(2, "late"),
            (8, 44): said.format(3, "live"),
            (9, 86): said.format(4, "asked"),
            (10, 42): '`key`: "claim:.a": expected',
        })


class ConnectionLimit(LimitCase):
    def gate_for(self, backend=None, require=("live",), middleware=None, **options):
        made = {"key": "address", "max": 2} | options
        return self.gateway(backend or self.echo_backend(), require=require,
                            middleware={"live": {"connection_limit": made}} | (middleware or {}))

    def open(self, gate, *lines, **options):
        client = self.client(gate, handshake("/ws", *lines), **options)
        return client, client.read_response()

    def open_again(self, gate, *lines):
        """As soon as a place is free."""
        for _ in range(1000):
            client, reply = self.open(gate, *lines)
            if reply.status == 101:
                return client
            time.sleep(0.01)
        self.fail("no place came back")

    def test_refuse(self):
        gate = self.gate_for()
        held = [self.open(gate)[0] for _ in range(2)]
        _, reply = self.open(gate)
        self.check_refused(reply, 429)
        line = gate.await_line("handshake", id=reply.get("X-Request-Id"))
        self.assertEqual((line["module"], line["reason"]), ("live", "connection-limit"))
        self.assertEqual(self.open(gate, source="127.0.0.2")[1].status, 101)
        for client in held:
            self.check_echo(client)
        held[0].close()
        self.check_echo(self.open_again(gate))

    def test_close_oldest(self):
        gate = self.gate_for(on_limit="close_oldest")
        clients = []
        for _ in range(6):
            client, reply = self.open(gate)
            self.assertEqual(reply.status, 101)
            clients.append(client)
        for client in clients[:4]:
            client.read_rest()
        for client in clients[4:]:
            self.check_echo(client)
        gate.await_lines(4, "tunnel", reason="quota")

    def test_a_reload_goes_on_counting(self):
        """Those who are there count under the new options, too; what they held comes back once."""
        gate = self.gate_for()
        held = [self.open(gate)[0] for _ in range(2)]
        self.reload(gate, "live", max=4)
        held += [self.open(gate)[0] for _ in range(2)]
        self.assertEqual(self.open(gate)[1].status, 429)
        self.reload(gate, "live", max=1)
        held.pop().close()
        gate.await_line("tunnel")
        self.assertEqual(self.open(gate)[1].status, 429)
        self.reload(gate, "live", max=2, on_limit="close_oldest")
        newest = [self.open(gate)[0] for _ in range(2)]
        for client in held:
            client.read_rest()
            client.close()
        for client in newest:
            self.check_echo(client)
            client.close()
        gate.await_idle()
        self.reload(gate, "live", max=3, on_limit="refuse")
        self.assertEqual([self.open(gate)[1].status for _ in range(4)], [101] * 3 + [429])
        self.reload(gate, "live", key="route")  # which nobody has been counted by
        self.assertEqual([self.open(gate)[1].status for _ in range(4)], [101] * 3 + [429])

    def dry(self, **options):
        made = {"connection_limit": {"key": "address", "max": 2} | options, "dry_run": True}
        return self.gateway(self.echo_backend(), require=["live"], middleware={"live": made})

    def test_a_dry_run_counts(self):
        """As many as there are are counted, and told of, and let in all the same."""
        gate = self.dry()
        held = [self.open(gate)[0] for _ in range(5)]
        lines = gate.await_lines(3, "dry-run", module="live", reason="connection-limit")
        self.assertEqual(len(lines), 3)
        for client in held:
            self.check_echo(client)
            client.close()
        gate.await_idle()
        for _ in range(2):
            self.open(gate)
        self.assertEqual(len(gate.lines("dry-run")), 3)

    def test_a_dry_run_ends_nobody(self):
        gate = self.dry(on_limit="close_oldest")
        held = [self.open(gate)[0] for _ in range(5)]
        for client in held:
            self.check_echo(client)
            client.close()
        gate.stop()
        self.assertEqual(gate.lines("close_session", name="stderr"), [])
        self.assertEqual(gate.await_lines(1, "stopped", name="stderr")[0]["closed-oldest"], 3)

    @unittest.skipUnless(os.access(test_program(), os.X_OK), f"{test_program()} is not built")
    def test_the_oldest_is_still_waiting(self):
        """Its place goes while a module behind it waits: its handshake is refused."""
        wait = {"wait": {"test_waits": {"verdict": "pass", "delay": "2s"}}}
        config = self.config(self.echo_backend(), require=["live", "wait"],
                             middleware={"live": {"connection_limit":
                                                  {"key": "address", "max": 1,
                                                   "on_limit": "close_oldest"}}} | wait)
        gate = self.start(config, binary=test_program())
        clients = [self.client(gate, handshake("/ws")) for _ in range(4)]
        statuses = [client.read_response().status for client in clients]
        self.assertEqual(sorted(statuses), [101, 429, 429, 429])
        gate.await_lines(3, "handshake", reason="quota", status=429)
        self.check_echo(clients[statuses.index(101)])
