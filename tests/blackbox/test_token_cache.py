"""A token seen before is known again, and known for no more than what it was."""

import json
import time

from harness import tokens
from harness.case import Case
from harness.wire import handshake


def bearer(token):
    return handshake("/ws", f"Authorization: Bearer {token}")


class Remembered(Case):
    def counts(self, gate):
        """(hits, misses) of the last line; None where it does not name them."""
        gate.stop()
        line = gate.lines("stopped", "stderr")[0]
        return line.get("token-cache-hit"), line.get("token-cache-miss")

    def test_a_token_is_admitted_again(self):
        """By all workers, and the backend is told the same."""
        service = self.backend()
        gate = self.gateway(service, **self.jwt(forward_claims={"sub": "X-User", "list": "X-List"}))
        token = tokens.hs(tokens.claims(sub="carol", list=["a", "b"]))
        for _ in range(20):
            client = self.client(gate, bearer(token))
            head = service.next().read_head()
            self.assertEqual((head.get("X-User"), head.get("X-List")), ("carol", "a,b"))
            client.close()
        for line in gate.await_lines(20, "handshake"):
            self.assertEqual(line["subject"], "carol")
        service.drop()
        self.assertEqual(self.counts(gate), (19, 1))

    def test_not_when_it_has_expired(self):
        gate = self.gateway(**self.jwt())
        end = int(time.time()) + 4
        token = tokens.hs({"sub": "alice", "exp": end})
        for _ in range(5):
            status = gate.ask(bearer(token)).status
            if time.time() < end:  # a busy machine may have taken longer
                self.assertEqual(status, 101)
        time.sleep(max(0, end + 0.5 - time.time()))
        for _ in range(2):
            reply = gate.ask(bearer(token))
            self.check_refused(reply, 401)
            self.assertIn("expired", reply.get("WWW-Authenticate"))

    def test_nothing_that_is_only_like_it(self):
        gate = self.gateway(**self.jwt())
        claims = tokens.claims()
        good = tokens.hs(claims)
        head, payload, signature = good.split(".")
        spaced = tokens.b64(json.dumps(claims, indent=1).encode())
        bad = {
            "another secret": tokens.hs(claims, secret=tokens.OTHER_SECRET),
            "signature changed": tokens.flip(good, 2),
            "claims changed": tokens.flip(good, 1),
            "header changed": tokens.flip(good, 0),
            "the same claims, written otherwise": f"{head}.{spaced}.{signature}",
            "no algorithm": f"{tokens.segment({'alg': 'none'})}.{payload}.{signature}",
            "no signature": f"{head}.{payload}.",
            "one character less": good[:-1],
            "one character more": good + "A",
            "padding": good + "=",
        }
        self.assertEqual(gate.ask(bearer(good)).status, 101)
        for name, token in bad.items():
            with self.subTest(name):
                for _ in range(2):
                    self.check_refused(gate.ask(bearer(token)), 401)
                self.assertEqual(gate.ask(bearer(good)).status, 101)
        # Without a signature it has no form that could be looked for.
        self.assertEqual(self.counts(gate), (len(bad), 1 + 2 * (len(bad) - 1)))

    def test_every_instance_has_its_own(self):
        """What one instance admits says nothing to another."""
        mine = self.jwt()["middleware"]["users"]
        theirs = self.jwt(tokens.OTHER_SECRET)["middleware"]["users"]
        service = self.echo_backend()
        config = self.config(service, middleware={"mine": mine, "theirs": theirs})
        config["routes"] = [self.route("/mine", ["mine"]), self.route("/theirs", ["theirs"])]
        gate = self.start(config)
        line = f"Authorization: Bearer {tokens.hs()}"
        for _ in range(3):
            self.assertEqual(gate.ask(handshake("/mine", line)).status, 101)
            self.assertEqual(gate.ask(handshake("/theirs", line)).status, 401)

    def test_a_small_one_forgets(self):
        gate = self.gateway(**self.jwt(cache={"entries": 2}))
        many = [tokens.hs(tokens.claims(sub=f"user-{i}")) for i in range(10)]
        for _ in range(2):
            for token in many:
                self.assertEqual(gate.ask(bearer(token)).status, 101)
        self.assertEqual(gate.ask(bearer(many[-1])).status, 101)
        self.assertEqual(self.counts(gate), (1, 20))

    def test_without_one(self):
        gate = self.gateway(**self.jwt(cache={"entries": 0}))
        token = tokens.hs()
        for _ in range(3):
            self.assertEqual(gate.ask(bearer(token)).status, 101)
        self.assertEqual(self.counts(gate), (None, None))
