"""A token seen before is known again, and known for no more than what it was."""

import json
import os
import signal
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


class Reloaded(Case):
    """What is remembered is refused at once when what it rests on is gone."""

    def start_with(self, parts, token):
        """A gateway that remembers the token."""
        gate = self.gateway(**parts)
        for _ in range(3):
            self.assertEqual(gate.ask(bearer(token)).status, 101)
        return gate

    def reload(self, gate):
        gate.write("wsgate.json", json.dumps(gate.config))
        gate.send_signal(signal.SIGHUP)
        status = gate.await_reload()
        self.assertTrue(status.startswith("reloaded"), status)

    def check_reason(self, gate, token, reason):
        for _ in range(2):
            reply = gate.ask(bearer(token))
            self.check_refused(reply, 401)
            entry = gate.await_line("handshake", id=reply.get("X-Request-Id"))
            self.assertEqual((entry["reason"], entry["module"]), (reason, "users"))

    def test_another_secret_in_its_file(self):
        """Of the same size and with the same time, too."""
        token = tokens.hs()
        gate = self.start_with(self.jwt(), token)
        path = gate.config["middleware"]["users"]["jwt"]["keys"][0]["secret_file"]
        before = os.stat(path)
        self.file(os.path.basename(path), tokens.SECRET[::-1])
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        self.reload(gate)
        self.check_reason(gate, token, "token-signature")

    def test_a_key_that_is_gone(self):
        token = tokens.hs(kid="a")
        keys = [{"kid": kid, "secret_file": self.file(kid, secret)}
                for kid, secret in (("a", tokens.SECRET), ("b", tokens.OTHER_SECRET))]
        middleware = {"users": {"jwt": {"keys": keys, "algorithms": ["HS256"]}}}
        gate = self.start_with({"require": ["users"], "middleware": middleware}, token)
        del gate.config["middleware"]["users"]["jwt"]["keys"][0]
        self.reload(gate)
        self.check_reason(gate, token, "token-key-unknown")

    def test_a_key_that_has_another_name(self):
        pair = tokens.key_pair("ec")
        token = pair.sign(tokens.claims(), kid="a")
        path = self.file("keys", json.dumps({"keys": [tokens.jwk(pair, "a")]}))
        middleware = {"users": {"jwt": {"jwks_file": path}}}
        gate = self.start_with({"require": ["users"], "middleware": middleware}, token)
        self.file("keys", json.dumps({"keys": [tokens.jwk(pair, "b")]}))
        self.reload(gate)
        self.check_reason(gate, token, "token-key-unknown")

    def test_a_token_that_is_revoked(self):
        """By each kind of line; who is not meant stays remembered."""
        issuer = "https://id.example.com"
        lines = {"jti t-a": {"jti": "t-a"}, "sid s-b": {"sid": "s-b"},
                 f"sub {issuer} carol": {"sub": "carol"}}
        made = {line: tokens.hs(tokens.claims(iss=issuer, **who)) for line, who in lines.items()}
        other = tokens.hs(tokens.claims(iss=issuer, sub="dave", jti="t-d", sid="s-d"))
        path = self.file("revoked", "jti x\n")
        gate = self.start_with(self.jwt(revoked_file=path), other)
        for token in made.values():
            self.assertEqual(gate.ask(bearer(token)).status, 101)
        self.file("revoked", "".join(line + "\n" for line in made))
        self.reload(gate)
        for token in made.values():
            self.check_reason(gate, token, "token-revoked")
        self.assertEqual(gate.ask(bearer(other)).status, 101)
