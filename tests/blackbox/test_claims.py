"""What a verified token's claims decide, and what of them the backend gets."""

import time

from harness import tokens
from harness.case import Case
from harness.gateway import GatewayError
from harness.wire import handshake


def bearer(**claims):
    return f"Authorization: Bearer {tokens.hs(tokens.claims(**claims))}"


class Rules(Case):
    def rules(self, rules, path="/rooms/{room}", **route):
        """A backend and a gateway with these rules on one route."""
        self.service = self.backend()
        return self.gateway(self.service, route={"path": path} | route, **self.jwt(claims=rules))

    def check(self, gate, line, claim=None, rule=None, target="/rooms/blue"):
        """It passes, or is refused by that rule about that claim."""
        if claim is None:
            client = self.client(gate, handshake(target, line))
            peer = self.service.next()
            peer.read_head()
            client.close()
            peer.close()
            return None
        reply = gate.ask(handshake(target, line))
        self.check_refused(reply, 403)
        self.assertIn('error="insufficient_scope"', reply.get("WWW-Authenticate"))
        entry = gate.await_line("handshake", id=reply.get("X-Request-Id"))
        self.assertEqual(
            (entry["reason"], entry["module"], entry["claim"], entry["rule"], entry["subject"]),
            ("claims-not-met", "users", claim, rule, "alice"),
        )
        return reply

    def test_every_test(self):
        gate = self.rules(
            {
                "scope": {"any_of": ["chat", "talk"], "contains": "log"},
                "realm_access.roles": {"all_of": ["user", "admin"]},
                "tenant": {"equals": "acme"},
                "email": {"matches": "[a-z]+@example\\.com"},
                "act": {"present": False},
                "cnf.x": {"present": False},
                "iat": {"present": True},
                "level": {"any_of": [3, 4]},
            }
        )
        good = {
            "scope": "log talk",
            "realm_access": {"roles": ["admin", "x", "user"]},
            "tenant": "acme",
            "email": "ann@example.com",
            "iat": int(time.time()),
            "level": 4,
        }
        self.check(gate, bearer(**good))
        bad = {
            "scope any_of": {"scope": "log talks"},
            "scope contains": {"scope": "talk logs"},
            "scope any_of ": {"scope": None},
            "realm_access.roles all_of": {"realm_access": {"roles": ["user", "admins"]}},
            "realm_access.roles all_of ": {"realm_access": ["user", "admin"]},
            "tenant equals": {"tenant": "Acme"},
            "email matches": {"email": "ann@example.com.evil.net"},
            "email matches ": {"email": "ann@example.com\n"},
            "act present": {"act": {"sub": "eve"}},
            "cnf.x present": {"cnf": [{"x": 1}]},
            "iat present": {"iat": None},
            "level any_of": {"level": 5},
        }
        for name, change in bad.items():
            with self.subTest(name):
                self.check(gate, bearer(**(good | change)), *name.split())
        secret = "3f9a-not-for-the-log"
        self.check(gate, bearer(**(good | {"tenant": secret})), "tenant", "equals")
        self.assertNotIn(secret.encode(), gate.output("stdout") + gate.output("stderr"))

    def test_captures(self):
        gate = self.rules({"rooms": {"contains": "{room}"}}, encoded_slashes="keep")
        rows = [
            ("/rooms/blue", ["red", "blue"], True),
            ("/rooms/blue", "red blue", True),
            ("/rooms/%62lue", ["blue"], True),
            ("/rooms/a%20b", ["a b"], True),
            ("/rooms/a%2Fb", ["a/b"], True),
            ("/rooms/%C3%BC", ["ü"], True),
            ("/rooms/a%2520b", ["a%20b"], True),
            ("/rooms/blue", ["red"], False),
            ("/rooms/blue", ["{room}"], False),
            ("/rooms/blue", ["blue2", "blu", "*", "Blue", ""], False),
            ("/rooms/a%20b", ["a%20b", "a+b"], False),
            ("/rooms/a%2520b", ["a b"], False),
            ("/rooms/blue?room=red", ["red"], False),
            ("/rooms/7", [7], True),
        ]
        for target, rooms, passes in rows:
            with self.subTest(target=target, rooms=rooms):
                refusal = () if passes else ("rooms", "contains")
                self.check(gate, bearer(rooms=rooms), *refusal, target=target)

    def test_a_capture_as_part_of_a_value(self):
        gate = self.rules(
            {"scope": {"contains": "room:{room}:join"}}, encoded_slashes="keep"
        )
        self.check(gate, bearer(scope="room:red:join room:blue:join"))
        reply = self.check(gate, bearer(scope="room:red:join"), "scope", "contains")
        self.assertTrue(
            reply.get("WWW-Authenticate").endswith(', scope="room:blue:join"'), reply
        )
        # What a client writes into its path must not get out of the quotes, and no slash in.
        for target in ("/rooms/%22,x=%22", "/rooms/%5E%C3%BC", "/rooms/a%2Fb"):
            scope = f"room:{'a/b' if '2F' in target else 'x'}:join"
            reply = self.check(gate, bearer(scope=scope), "scope", "contains", target=target)
            self.assertNotIn("scope=", reply.get("WWW-Authenticate"))

    def test_two_captures_in_one_value(self):
        """No claim is for two paths: a capture that holds what stands between them counts for
        nothing."""
        gate = self.rules({"rooms": {"contains": "{org}:{room}"}}, path="/r/{org}/{room}")
        self.check(gate, bearer(rooms=["a:b"]), target="/r/a/b")
        for target in ("/r/a/b:c", "/r/a:b/c", "/r/a%3Ab/c", "/r/a/b%3ac"):
            with self.subTest(target):
                reply = self.check(gate, bearer(rooms=["a:b:c"]), "rooms", "contains", target=target)
                entry = gate.await_line("handshake", id=reply.get("X-Request-Id"))
                self.assertEqual(entry["capture"], "org" if target.endswith("/c") else "room")
        reply = self.check(gate, bearer(rooms=["a:c"]), "rooms", "contains", target="/r/a/b")
        self.assertNotIn("capture", gate.await_line("handshake", id=reply.get("X-Request-Id")))

    def test_a_capture_that_a_route_has_not(self):
        """Such a rule never holds: it is a slip, and a fault where it stands."""
        key = 'keys: [{ secret: "0123456789abcdef0123456789abcdef", algorithm: HS256 }]'
        text = f"""\
listeners: [{{ address: "127.0.0.1:1" }}]
middleware:
  u:
    jwt:
      {key}
      claims:
        rooms: {{ contains: "{{roomm}}" }}
        all: {{ any_of: ["{{room}}", "x{{rom}}", "{{{{no}}"] }}
  v: {{ jwt: {{ {key}, claims: {{ a: {{ equals: "{{room}}" }} }} }} }}
  w: {{ jwt: {{ {key}, claims: {{ a: {{ equals: "{{any}}" }} }} }} }}
routes:
  - {{ path: "/rooms/{{room}}", require: [u, v], backend: b }}
  - {{ path: "/rooms/*", require: [v], backend: b }}
backends: {{ b: {{ servers: ["127.0.0.1:2"] }} }}
"""
        wanted = {
            (7, 28): "the path of routes[0], which requires `u`, has no {roomm}; did you mean `room`?",
            (8, 35): "the path of routes[0], which requires `u`, has no {rom}; did you mean `room`?",
            (9, 112): "the path of routes[1], which requires `v`, has no {room}",
        }
        self.check_faults_at(text, wanted)

    def test_the_challenge_names_the_scope(self):
        gate = self.rules({"scope": {"all_of": ["a", "b"]}, "role": {"equals": "x"}})
        start = 'Bearer realm="wsgate", error="insufficient_scope", error_description="'
        reply = self.check(gate, bearer(scope="a"), "scope", "all_of")
        self.assertTrue(reply.get("WWW-Authenticate").startswith(start))
        self.assertTrue(reply.get("WWW-Authenticate").endswith('", scope="a b"'))
        reply = self.check(gate, bearer(scope="a b"), "role", "equals")
        self.assertNotIn("scope=", reply.get("WWW-Authenticate"))

    def test_a_token_that_does_not_verify_is_401(self):
        gate = self.rules({"scope": {"contains": "chat"}})
        token = tokens.hs(tokens.claims(scope="log"), secret=tokens.OTHER_SECRET)
        reply = gate.ask(handshake("/rooms/a", f"Authorization: Bearer {token}"))
        self.check_refused(reply, 401)
        self.assertNotIn("claim", gate.await_line("handshake"))

    def test_faults(self):
        text = """\
listeners: [{ address: "127.0.0.1:1" }]
middleware:
  users:
    jwt:
      keys: [{ secret: "0123456789abcdef0123456789abcdef", algorithm: HS256 }]
      max_age: 3651d
      subject_claim: a..b
      claims:
        a: {}
        b: { equal: x }
        c: { any_of: [] }
        d: { matches: "(" }
        e: { matches: "(a)\\\\1" }
        f: { contains: "{room" }
        g: { all_of: [x, "{}"] }
        h..i: { present: true }
        j: { present: maybe }
        k: { present: false, equals: x }
        l: { equals: "{org}{room}" }
routes: [{ path: /ws, require: [users], backend: b }]
backends: { b: { servers: ["127.0.0.1:2"] } }
"""
        wanted = {
            (6, 16): "3650d",
            (7, 22): "dots",
            (9, 12): "nothing is asked of `a`; expected equals, any_of",
            (10, 14): "equal",  # and no word about a rule without a test
            (11, 22): "empty",
            (12, 23): '"("',
            (13, 23): "back-references",
            (14, 24): "capture",
            (15, 26): "capture",
            (16, 15): "dots",
            (17, 23): "true or false",
            (18, 23): "absent",
            (19, 22): "between two captures",
        }
        self.check_faults_at(text, wanted)


class Age(Case):
    def test_table(self):
        now = int(time.time())
        service = self.echo_backend()
        gate = self.gateway(service, **self.jwt(max_age="1h", leeway="30s"))
        rows = {
            "fresh": (now, None),
            "almost too old": (now - 3500, None),
            "within leeway": (now - 3610, None),
            "too old": (now - 3700, "token-too-old"),
            "ahead, within leeway": (now + 20, None),
            "ahead": (now + 600, "token-issued-later"),
            "none": (None, "token-no-issue-time"),
            "a string": (str(now), "token-claim"),
        }
        for count, (name, (iat, reason)) in enumerate(rows.items(), 1):
            with self.subTest(name):
                reply = gate.ask(handshake("/ws", bearer(iat=iat)))
                self.assertEqual(reply.status, 401 if reason else 101)
                entry = gate.await_lines(count, "handshake")[-1]
                self.assertEqual(entry["reason"], reason or "upgraded")
                if reason:
                    self.assertIn('error="invalid_token"', reply.get("WWW-Authenticate"))

    def test_a_tunnel_ends_when_its_token_gets_too_old(self):
        service = self.backend()
        gate = self.gateway(service, **self.jwt(max_age="1h"))
        client, peer = self.tunnel(
            gate, service, handshake("/ws", bearer(iat=int(time.time()) - 3597))
        )
        client.read_rest()
        peer.read_rest()
        self.assertEqual(gate.await_line("tunnel")["reason"], "expired")


class Identity(Case):
    def test_the_subject(self):
        gate = self.gateway(**self.jwt(subject_claim="user.id"))
        rows = [
            ({"user": {"id": "ann"}}, 101, "ann"),
            ({"user": {"id": 42}}, 101, "42"),
            ({"user.id": "whole", "user": {"id": 42}}, 101, "whole"),
            ({}, 101, None),
            ({"user": {"id": ["ann"]}}, 401, None),
            ({"user": {"id": 1.5}}, 401, None),
        ]
        for count, (claims, status, subject) in enumerate(rows, 1):
            with self.subTest(claims=claims):
                reply = gate.ask(handshake("/ws", bearer(**claims)))
                self.assertEqual(reply.status, status)
                entry = gate.await_lines(count, "handshake")[-1]
                self.assertEqual(entry.get("subject"), subject)


class Forwarding(Case):
    ROWS = {
        "plain": ("ann", "ann"),
        "a comma": ("Doe, Ann", "Doe%2C Ann"),
        "line ends": ("ann\r\nX-Auth-Role: admin", "ann%0D%0AX-Auth-Role: admin"),
        "a lone LF": ("ann\nX: y", "ann%0AX: y"),
        "other controls": ("a\tb\x1b\x7f", "a%09b%1B%7F"),
        "non-ASCII": ("Jürgen\u2028", "J%C3%BCrgen%E2%80%A8"),
        "an escape": ("%0D%0A", "%250D%250A"),
        "spaces at the ends": (" a b ", "%20a b%20"),
        "empty": ("", ""),
        "an integer": (42, "42"),
        "a large one": (9007199254740993, "9007199254740993"),
        "a fraction": (0.1, "0.1"),
        "true": (True, "true"),
        "false": (False, "false"),
        "a list": (["user", "admin"], "user,admin"),
        "what looks like a list": ("user,admin", "user%2Cadmin"),
        "a comma in a list": (["user,admin", "x"], "user%2Cadmin,x"),
        "a line end in a list": (["user\r\n", "x"], "user%0D%0A,x"),
        "a list of all kinds": (["a", 1, -2.5, True], "a,1,-2.5,true"),
        "an empty list": ([], ""),
        "null": (None, None),
        "an object": ({"a": "b"}, None),
        "a list of lists": ([["a"]], None),
        "a list with null": (["a", None], None),
    }

    def test_table(self):
        service = self.backend()
        gate = self.gateway(service, **self.jwt(forward_claims={"c": "X-Auth-C", "o.p": "X-Path"}))
        for name, (value, header) in self.ROWS.items():
            with self.subTest(name):
                claims = tokens.claims() | {"c": value, "o": {"p": value}}
                forged = ("X-Auth-C: forged", "x-auth-c: forged", "X_AUTH_C: forged", "X-Path: no")
                line = f"Authorization: Bearer {tokens.hs(claims)}"
                client = self.client(gate, handshake("/ws", line, *forged))
                peer = service.next()
                head = peer.read_head()
                for field in ("X-Auth-C", "X-Path"):
                    self.assertEqual(head.all(field), [] if header is None else [header])
                self.assertNotIn(b"forged", head.raw)
                self.assertEqual(head.all("X-Auth-Role") + head.all("X"), [])
                client.close()
                peer.close()

    def instances(self, count):
        """So many, and each sets all the headers that it can."""

        def one(i):
            headers = {f"c{k}": f"X-C-{i}-{k}" for k in range(32)}
            return self.jwt(forward_claims=headers)["middleware"]["users"]

        return {f"users{i}": one(i) for i in range(count)}

    def test_as_many_headers_as_there_can_be(self):
        service, two = self.backend(), self.instances(2)
        gate = self.gateway(service, require=list(two), middleware=two)
        claims = tokens.claims() | {f"c{k}": k for k in range(32)}
        line = f"Authorization: Bearer {tokens.hs(claims)}"
        client = self.client(gate, handshake("/ws", line, "X-C-0-0: forged"))
        peer = service.next()
        head = peer.read_head()
        for i in range(2):
            for k in range(32):
                self.assertEqual(head.all(f"X-C-{i}-{k}"), [str(k)])
        client.close()
        peer.close()

    def test_more_headers_than_there_can_be(self):
        three = self.instances(3)
        with self.assertRaises(GatewayError) as caught:
            self.gateway(self.backend(), require=list(three), middleware=three)
        self.assertIn(
            "`require`: up to here it sets 96 headers, 64 are possible", str(caught.exception)
        )
