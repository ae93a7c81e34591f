"""`any_of`, `all_of`, `not` and `dry_run`: what is asked, what the client and the backend see."""

import os
import re
import unittest

from harness import tokens
from harness.case import Case
from harness.gateway import test_program
from harness.wire import handshake, switching

NEAR, FAR = ["127.0.0.0/8"], ["192.0.2.0/24"]


class Composition(Case):
    def middleware(self):
        def jwt(issuer, header, **more):
            keys = [{"secret": tokens.SECRET.decode(), "algorithm": "HS256"}]
            return {"jwt": {"keys": keys, "issuer": issuer, "forward_claims": {"sub": header}, **more}}

        return {
            "near": {"ip_allowlist": {"allow": NEAR}},
            "far": {"ip_allowlist": {"allow": FAR}},
            "web": {"origin": {"allow": ["https://app.test"]}},
            "ann": jwt("a", "X-Auth-Who"),
            "bob": jwt("b", "X-Auth-Who"),
            "trial": {**jwt("a", "X-Auth-Trial"), "dry_run": True},
            "same": {**jwt("a", "X-Auth-Who"), "dry_run": True},
            "query": jwt("b", "X-Auth-Who", token_from=["query:t"]),
        }

    def gate_for(self, require, **parts):
        self.service = self.backend()
        return self.gateway(self.service, require=require, middleware=self.middleware(), **parts)

    def bearer(self, issuer):
        token = tokens.hs(tokens.claims(iss=issuer, sub="who"))
        return f"Authorization: Bearer {token}"

    def sent(self, gate, *headers):
        """The head that the backend gets."""
        client = self.client(gate, handshake("/ws", *headers))
        peer = self.service.next()
        head = peer.read_head()
        peer.send(switching(head))
        self.check_switched(client.read_response())
        client.close()
        peer.close()
        return head.raw

    def test_table(self):
        ann, bob, eve = self.bearer("a"), self.bearer("b"), self.bearer("c")
        app = "Origin: https://app.test"
        rows = [
            ([{"any_of": ["ann", "near"]}], [], 101, None, None),
            ([{"any_of": ["ann", "far"]}], [], 401, "token-missing", "ann"),
            ([{"any_of": ["far", "ann"]}], [], 401, "token-missing", "ann"),
            ([{"any_of": ["ann", "bob"]}], [eve], 401, "token-issuer", "bob"),
            ([{"any_of": ["ann", "bob"]}], [bob], 101, None, None),
            ([{"any_of": ["far", {"all_of": ["web", "ann"]}]}], [app, ann], 101, None, None),
            ([{"any_of": ["far", {"all_of": ["web", "ann"]}]}], [ann], 403, "origin-missing", "web"),
            ([{"not": "far"}, {"all_of": ["near"]}], [], 101, None, None),
            ([{"not": "near"}], [], 403, "excluded", "near"),
            ([{"not": "ann"}], [], 101, None, None),
            ([{"not": "ann"}], [ann], 403, "excluded", "ann"),
            ([{"not": "ann"}], [ann, ann], 400, "token-several", "ann"),
            (["trial", "near"], [], 101, None, None),
            (["trial", "far"], [], 403, "address-not-allowed", "far"),
        ]
        for require, headers, status, reason, module in rows:
            with self.subTest(require=require, headers=headers):
                self.service = self.echo_backend()
                gate = self.gateway(self.service, require=require, middleware=self.middleware())
                self.assertEqual(gate.ask(handshake("/ws", *headers)).status, status)
                line = gate.await_line("handshake")
                if status != 101:
                    self.assertEqual((line["reason"], line["module"]), (reason, module))
                gate.stop()

    def test_a_refused_member_leaves_nothing(self):
        """No identity, no header, no deadline; but its credential is gone."""
        gate = self.gate_for([{"any_of": [{"all_of": ["ann", "far"]}, "near"]}])
        head = self.sent(gate, self.bearer("a"))
        self.assertNotIn(b"x-auth-who", head.lower())
        self.assertNotIn(b"authorization", head.lower())
        self.assertNotIn("subject", gate.await_line("handshake"))

    def test_the_one_that_passed_counts(self):
        gate = self.gate_for([{"any_of": ["ann", "bob"]}])
        head = self.sent(gate, self.bearer("b"))
        self.assertEqual(head.lower().count(b"x-auth-who"), 1)
        self.assertEqual(gate.await_line("handshake")["issuer"], "b")

    def test_a_dry_run_changes_nothing(self):
        gate = self.gate_for(["trial"], threads=1)  # in order
        for headers in [[], [self.bearer("c")], [self.bearer("a")]]:
            head = self.sent(gate, *headers)
            self.assertEqual(b"authorization" in head.lower(), bool(headers))
            self.assertNotIn(b"x-auth-trial", head.lower())
        lines = gate.await_lines(2, "dry-run")
        self.assertEqual([line["reason"] for line in lines], ["token-missing", "token-issuer"])
        self.assertEqual({(line["module"], line["status"]) for line in lines}, {("trial", 401)})
        self.assertEqual([line["id"] for line in lines],
                         [line["id"] for line in gate.await_lines(3, "handshake")][:2])
        gate.stop()
        self.assertEqual(gate.await_lines(1, "stopped", name="stderr")[0]["dry-run-refused"], 2)

    def test_what_is_taken_back_meets_no_header(self):
        """A copy that is only tried out can set what the original sets; so can what has to refuse."""
        gate = self.gate_for(["ann", "same", {"not": "query"}])
        head = self.sent(gate, self.bearer("a"))
        self.assertEqual(head.lower().count(b"x-auth-who"), 1)
        token = tokens.hs(tokens.claims(iss="b", sub="who"))
        self.assertEqual(gate.ask(handshake(f"/ws?t={token}", self.bearer("a"))).status, 403)
        self.assertEqual(gate.await_lines(2, "handshake")[1]["reason"], "excluded")
        self.assertEqual(gate.lines("dry-run"), [])

    def test_one_instance_on_many_routes(self):
        config = self.config(self.echo_backend(), require=["ann"], middleware=self.middleware())
        config["routes"].append({**config["routes"][0], "path": "/two", "require": [{"not": "ann"}]})
        gate = self.start(config)
        for path, header, status in [("/ws", True, 101), ("/ws", False, 401), ("/two", True, 403),
                                     ("/two", False, 101)]:
            headers = [self.bearer("a")] if header else []
            self.assertEqual(gate.ask(handshake(path, *headers)).status, status)


@unittest.skipUnless(os.access(test_program(), os.X_OK), f"{test_program()} is not built")
class WaitingInGroups(Case):
    """Each slot goes back once, wherever the modules stand that wait, and however it ends."""

    GOOD = {"verdict": "pass", "delay": "5ms"}
    BAD = {"verdict": "deny", "delay": "5ms"}
    SLOW = {"verdict": "pass", "delay": "30s"}

    def gate_for(self, require, **parts):
        middleware = {
            name: {"test_waits": options}
            for name, options in [("g", self.GOOD), ("h", self.GOOD), ("b", self.BAD),
                                  ("s", self.SLOW)]
        }
        middleware["d"] = {"test_waits": self.BAD, "dry_run": True}
        self.service = self.backend()
        config = self.config(self.service, require=require, middleware=middleware, **parts)
        return self.start(config, binary=test_program())

    def check(self, gate):
        gate.stop()
        totals = dict.fromkeys(("started", "resumed", "cancelled", "held"), 0)
        for line in gate.lines("test_waits", name="stderr"):
            for name in totals:
                found = re.search(rf"\b{name}=(\d+)", line.get("message", ""))
                totals[name] += int(found[1]) if found else 0
        self.assertEqual(totals["held"], 0, totals)
        self.assertGreater(totals["started"], 0)
        self.assertEqual(totals["started"], totals["resumed"] + totals["cancelled"], totals)

    def test_let_in(self):
        for require in (["g", {"any_of": ["b", {"all_of": ["h", "b"]}, "h"]}, "d"],
                        [{"not": "b"}, {"any_of": ["g", "s"]}],
                        ["d", {"any_of": [{"all_of": ["g", {"not": "h"}]}, "g"]}]):
            with self.subTest(require):
                gate = self.gate_for(require)
                client, peer = self.tunnel(gate, self.service, handshake("/ws"))
                client.send(b"x")
                self.assertEqual(peer.read(1), b"x")
                client.close()
                peer.close()
                self.check(gate)

    def test_refused(self):
        for require in (["g", {"any_of": ["b", {"all_of": ["h", "b"]}]}],
                        ["g", {"not": "h"}], [{"any_of": [{"all_of": ["g", "b"]}]}]):
            with self.subTest(require):
                gate = self.gate_for(require)
                self.check_refused(gate.ask(handshake("/ws")), 403)
                self.check(gate)

    def test_the_client_leaves(self):
        gate = self.gate_for(["g", {"any_of": ["b", {"all_of": ["h", "s"]}]}])
        client = self.client(gate, handshake("/ws"))
        client.expect_nothing()
        client.reset()
        gate.await_idle()
        self.check(gate)

    def test_too_slow(self):
        gate = self.gate_for(["g", {"any_of": ["s", "h"]}], timeouts={"auth": "1s"})
        self.check_refused(gate.ask(handshake("/ws")), 504)
        line = gate.await_line("handshake")
        self.assertEqual((line["reason"], line["module"]), ("auth-timeout", "h"))
        self.check(gate)
