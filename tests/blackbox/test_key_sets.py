"""Keys by URL: rotation, failing providers, and that nobody with a known key waits for them."""

import json
import os
import shutil
import socket
import stat
import subprocess
import threading
import time

from harness import tokens
from harness.case import Case
from harness.gateway import program
from harness.peer import PATIENCE
from harness.provider import Provider, authority, response
from harness.wire import handshake

KEYS = "/keys"
BURST = 4  # fetches that tokens can have at once
NEVER = "1h"  # a refetch_interval or a refresh that no test lives to see


class KeySets(Case):
    def setUp(self):
        super().setUp()
        self.pair = tokens.key_pair("ec")
        self.providers = []

    def _finish(self):
        for provider in self.providers:
            provider.close()
        super()._finish()

    # ---- making ----

    def provider(self, kids="a", **options):
        made = Provider(**options)
        self.providers.append(made)
        self.serve(made, kids)
        return made

    def set_of(self, kids):
        return {"keys": [tokens.jwk(self.pair, kid) for kid in kids.split()]}

    def serve(self, provider, kids):
        provider.answers[KEYS] = self.set_of(kids)

    def config_with(self, *providers, top=None, **options):
        users = {
            "jwks_url": [provider.base + KEYS for provider in providers],
            "ca_file": authority().certificate,
            "refetch_interval": NEVER,
            "fetch_timeout": "15s",
        } | options
        users = {name: value for name, value in users.items() if value not in (None, [])}
        return self.config(
            self.echo_backend(),
            require=["users"],
            middleware={"users": {"jwt": users}},
            **(top or {}),
        )

    def gate(self, *providers, **options):
        made = self.start(self.config_with(*providers, **options))
        made.baseline += 8  # what fetches may hold open when it is measured again
        return made

    def settled_gate(self, *providers, claims=None, **options):
        """
        A gateway whose workers have their first keys, which took one fetch. A token that comes when
        they are on their way to the workers is one more: no fault, but then it is begun again.
        """
        for _ in range(20):
            made = self.gate(*providers, **options)
            self.await_keys(made, len(providers))
            for _ in range(6):  # by all workers
                self.check_status(made, 101, **(claims or {}))
            if all(provider.count() == 1 for provider in providers):
                return made
            made.stop()
            for provider in providers:
                provider.asked.clear()
            if "cache_file" in options:
                os.unlink(options["cache_file"])
        raise AssertionError("more than one fetch each time")

    def await_keys(self, gate, sets):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            lines = gate.lines("jwt", "stderr", level="info")
            if sum(": fetched, " in line["message"] for line in lines) >= sets:
                return
            time.sleep(0.01)
        raise AssertionError("no keys were fetched")

    # ---- asking ----

    def token(self, kid="a", **claims):
        return self.pair.sign(tokens.claims(**claims), kid=kid)

    def ask(self, gate, kid="a", **claims):
        token = self.token(kid, **claims)
        return gate.ask(handshake("/ws", f"Authorization: Bearer {token}"))

    def check_status(self, gate, status, kid="a", **claims):
        answer = self.ask(gate, kid, **claims)
        self.assertEqual(answer.status, status, answer)
        return answer

    def await_status(self, gate, status, kid="a"):
        """Until a token with that key gets it."""
        deadline = time.monotonic() + 20
        while self.ask(gate, kid).status != status and time.monotonic() < deadline:
            time.sleep(0.05)
        self.check_status(gate, status, kid)

    def check_unknown(self, gate, kid):
        answer = self.check_status(gate, 401, kid)
        self.assertIn("unknown key", answer.get("WWW-Authenticate"))

    def send(self, gate, kid):
        return self.client(gate, handshake("/ws", f"Authorization: Bearer {self.token(kid)}"))

    def failures(self, gate, count=1):
        """The lines that say that a set was not fetched."""
        deadline = time.monotonic() + 20
        while True:
            lines = [
                line["message"]
                for line in gate.lines("jwt", "stderr")
                if "not fetched: " in line["message"]
            ]
            if len(lines) >= count or time.monotonic() > deadline:
                return lines
            time.sleep(0.02)

    # ---- rotation ----

    def test_first_keys(self):
        provider = self.provider()
        gate = self.settled_gate(provider)
        self.check_status(gate, 401, iss="x", exp=5)
        self.assertEqual(provider.asked, [KEYS])
        gate.stop()
        totals = gate.lines("stopped", "stderr")[0]
        self.assertEqual(totals["key_fetches"], 1)
        self.assertNotIn("key_fetches_failed", totals)

    def test_a_new_key_costs_one_fetch(self):
        """All handshakes that bring it wait for the same fetch; one with a known key does not."""
        provider = self.provider()
        gate = self.settled_gate(provider)
        provider.answers[KEYS] = provider.later(self.set_of("a b"))
        waiting = [self.send(gate, "b") for _ in range(20)]
        provider.await_asked(2)
        self.check_status(gate, 101, "a")
        for client in waiting:
            client.expect_nothing(0.01)
        provider.release.set()
        for client in waiting:
            self.check_switched(client.read_response())
            self.check_echo(client)
            client.close()
        self.assertEqual(provider.count(), 2)

    def test_a_token_that_expires_while_it_waits(self):
        provider = self.provider()
        gate = self.settled_gate(provider, on_expiry="keep")
        provider.answers[KEYS] = provider.later(self.set_of("a b"))
        ends = int(time.time()) + 3
        token = self.token("b", exp=ends)
        client = self.client(gate, handshake("/ws", f"Authorization: Bearer {token}"))
        provider.await_asked(2)
        time.sleep(max(0, ends + 0.1 - time.time()))
        provider.release.set()
        self.check_refused(client.read_response(), 401)
        client.close()

    def test_an_old_key_goes(self):
        provider = self.provider("a b")
        gate = self.settled_gate(provider, refresh="1s")
        self.check_status(gate, 101, "b")
        self.serve(provider, "a")
        self.await_status(gate, 401, "b")
        self.check_unknown(gate, "b")
        self.check_status(gate, 101, "a")

    def test_a_flood_of_unknown_keys(self):
        """A few fetches; where the next one is too far away, nobody is told that his token is bad."""
        provider = self.provider()
        gate = self.settled_gate(provider)
        for i in range(BURST):
            self.check_unknown(gate, f"no-{i}")
        self.assertEqual(provider.count(), 1 + BURST)
        self.serve(provider, "a b")
        for _ in range(5):
            answer = self.check_status(gate, 503, "b")
            self.assertTrue(answer.get("Retry-After"))
            self.check_status(gate, 101, "a")
        self.assertEqual(provider.count(), 1 + BURST)

    def flood(self, gate, stop, kind):
        """Forged tokens, always some on their way; what they were told."""
        stranger, seen, count = tokens.KeyPair("ec"), set(), 0
        while not stop.is_set():
            forged = [
                self.client(gate, handshake("/ws", f"Authorization: Bearer {token}"))
                for token in (
                    stranger.sign(tokens.claims(), kid=kind(f"{count}-{i}")) for i in range(10)
                )
            ]
            count += 1
            for client in forged:
                seen.add(client.read_response().status)
                client.close()
        return seen

    def check_rotation_in_a_flood(self, kind, good, statuses):
        """A rotation is no event: who has the new key waits a little, and is let in."""
        provider = self.provider()
        gate = self.settled_gate(provider, refetch_interval="1s")
        stop, seen = threading.Event(), []
        flood = threading.Thread(target=lambda: seen.append(self.flood(gate, stop, kind)))
        begin = time.monotonic()
        flood.start()
        try:
            provider.await_asked(1 + BURST + 1)  # the allowance is used up
            for kid in good:
                self.serve(provider, f"a {kid}")
                for _ in range(5):
                    self.check_status(gate, 101, kid)
                self.check_status(gate, 101, "a")
        finally:
            stop.set()
            flood.join()
        spent = time.monotonic() - begin
        self.assertEqual(seen, [statuses])
        # The first, the burst, one a second, and at either end one that has begun.
        self.assertLessEqual(provider.count(), 3 + BURST + spent)

    def test_rotations_in_a_flood_of_unknown_keys(self):
        self.check_rotation_in_a_flood(lambda n: f"no-{n}", ["b", "c"], {401})

    def test_a_rotation_that_strangers_foresaw(self):
        """They bring the new kid before it exists, again and again."""
        self.check_rotation_in_a_flood(lambda _: "b", ["b"], {401})

    def test_a_rotation_in_a_flood_of_forged_signatures(self):
        self.check_rotation_in_a_flood(lambda _: "a", ["b", "c"], {401})

    def test_many_who_wait_and_leave(self):
        """None is forgotten, and the provider is asked no more often for them."""
        provider = self.provider()
        gate = self.settled_gate(provider)
        provider.answers[KEYS] = provider.later(self.set_of("a b"))
        waiting = [self.send(gate, "b") for _ in range(60)]
        provider.await_asked(2)
        for client in waiting[::2]:
            client.close()
        provider.release.set()
        for client in waiting[1::2]:
            self.check_switched(client.read_response())
            client.close()
        self.assertEqual(provider.count(), 2)

    # ---- a set that is old ----

    def check_dropped(self, answer):
        """The last good set stays for max_stale, and then goes."""
        provider = self.provider()
        path = os.path.join(self.directory, f"{self.id()}.{len(self.providers)}")
        options = {"refresh": "1s", "max_stale": "4s", "cache_file": path}
        gate = self.settled_gate(provider, **options)
        provider.answers[KEYS] = answer
        self.failures(gate)
        self.check_status(gate, 101)
        self.await_status(gate, 503)
        with open(path, encoding="utf-8") as file:
            self.assertEqual(json.load(file)["sets"], {})
        self.serve(provider, "a")
        self.await_status(gate, 101)
        gate.stop()
        self.assertEqual(gate.lines("stopped", "stderr")[0]["key_sets_dropped"], 1)
        said = [line["message"] for line in gate.lines("jwt", "stderr", level="warning")]
        self.assertTrue([m for m in said if "no good answer for 4 s (max_stale)" in m], said)

    def test_an_empty_set_is_believed_in_the_end(self):
        self.check_dropped(response({"keys": []}))

    def test_a_provider_that_is_gone(self):
        self.check_dropped(response(b"{}", "500 Oops"))

    def test_a_set_may_stay_for_ever(self):
        provider = self.provider()
        gate = self.settled_gate(provider, refresh="1s", max_stale="0")
        provider.answers[KEYS] = response({"keys": []})
        provider.await_asked(3)
        self.check_status(gate, 101)
        self.assertIn("malformed", self.failures(gate)[0])

    def test_only_a_good_token_starts_a_fetch(self):
        provider = self.provider()
        good = {"iss": "https://id", "aud": "chat"}
        gate = self.settled_gate(provider, issuer="https://id", audience=["chat"], claims=good)
        for wrong in ({"iss": "https://other"}, {"aud": "talk"}, {"exp": 5}, {"exp": None}):
            self.check_status(gate, 401, "b", **(good | wrong))
        self.assertEqual(provider.count(), 1)
        self.check_status(gate, 401, "b", **good)
        self.assertEqual(provider.count(), 2)

    def send_signed(self, gate, pair, kid=None):
        token = pair.sign(tokens.claims(), kid=kid) if kid else pair.sign(tokens.claims())
        return gate.ask(handshake("/ws", f"Authorization: Bearer {token}"))

    def test_a_rotation_behind_keys_without_a_name(self):
        """Such a key is tried for every token, and must not hide that the right one is missing."""
        old, new = tokens.KeyPair("ec"), tokens.KeyPair("ec")
        nameless = {k: v for k, v in tokens.jwk(new, "n").items() if k != "kid"}
        file = {"file": self.file("old.pem", old.public)}
        rows = {
            "a static key": ([file], tokens.jwk(new, "n"), "n"),
            "a token without kid": ([], tokens.jwk(new, "n"), None),
            "a set without kid": ([], nameless, None),
            "a kid used again": ([], tokens.jwk(new, "a"), "a"),
        }
        for name, (keys, jwk, kid) in rows.items():
            with self.subTest(name):
                provider = self.provider()
                gate = self.settled_gate(provider, keys=keys)
                provider.answers[KEYS] = {"keys": [jwk]}
                self.assertEqual(self.send_signed(gate, new, kid).status, 101)
                self.assertEqual(provider.count(), 2)

    def test_forged_signatures(self):
        """A few fetches; then they are refused at once, for what they are."""
        provider = self.provider()
        gate = self.settled_gate(provider)
        stranger = tokens.KeyPair("ec")
        for _ in range(10):
            answer = self.send_signed(gate, stranger, "a")
            self.assertEqual(answer.status, 401)
            self.assertIn("signature", answer.get("WWW-Authenticate"))
        self.assertEqual(provider.count(), 1 + BURST)

    def test_no_fetch_brings_a_secret(self):
        provider = self.provider()
        key = {"secret": "s" * 32, "kid": "s"}
        gate = self.settled_gate(provider, keys=[key])
        for options in ({"kid": "s"}, {"kid": "t"}, {}):
            token = tokens.hs(tokens.claims(), b"another secret, of 32 bytes or so", **options)
            answer = gate.ask(handshake("/ws", f"Authorization: Bearer {token}"))
            self.assertEqual(answer.status, 401)
        self.assertEqual(provider.count(), 1)

    def test_several_sources(self):
        """Each has its own keys; with one of them down the others go on."""
        one, two = self.provider("a"), self.provider("b")
        other = tokens.key_pair("rsa")
        key = {"file": self.file("rsa.pem", other.public), "kid": "file", "algorithm": "RS256"}
        file = self.file("set.json", json.dumps(self.set_of("f")))
        gate = self.settled_gate(one, two, keys=[key], jwks_file=[file])
        self.check_status(gate, 101, "b")
        self.check_status(gate, 101, "f")
        answer = gate.ask(handshake("/ws", f"Authorization: Bearer {other.sign(kid='file')}"))
        self.assertEqual(answer.status, 101)
        two.stop()
        self.serve(one, "a c")
        self.check_status(gate, 101, "c")
        self.check_status(gate, 101, "b")

    def test_two_keys_of_one_name(self):
        """The first source's holds, and the log says so."""
        one = self.provider("a")
        stranger = tokens.KeyPair("ec")
        file = self.file("set.json", json.dumps({"keys": [tokens.jwk(stranger, "a")]}))
        gate = self.gate(one, jwks_file=file)
        gate.await_lines(1, "jwt", name="stderr", level="warning")
        answer = gate.ask(handshake("/ws", f"Authorization: Bearer {stranger.sign(kid='a')}"))
        self.assertEqual(answer.status, 101)
        self.check_status(gate, 401)
        lines = [line["message"] for line in gate.lines("jwt", "stderr", level="warning")]
        self.assertEqual(len(lines), 1, lines)
        self.assertIn('key "a" of a later set left out', lines[0])

    def test_odd_keys_are_left_out(self):
        provider = self.provider()
        odd = [
            {"kty": "RSA", "kid": "weak", "n": tokens.b64(b"\xff" * 128), "e": "AQAB"},
            {"kty": "EC", "crv": "P-256", "kid": "broken", "x": "AAAA", "y": "AAAA"},
            {"kty": "oct", "kid": "secret", "k": tokens.b64(tokens.SECRET)},
            tokens.jwk(self.pair, "encryption", use="enc"),
            5,
        ]
        provider.answers[KEYS] = {"keys": odd + [tokens.jwk(self.pair, "a")]}
        gate = self.settled_gate(provider)
        self.check_unknown(gate, "encryption")
        answer = gate.ask(handshake("/ws", f"Authorization: Bearer {tokens.hs(kid='secret')}"))
        self.assertEqual(answer.status, 401)
        gate.stop()
        said = " ".join(line["message"] for line in gate.lines("jwt", "stderr"))
        for word in ("1024 bits", "broken", "could sign", 'use is not "sig"', "not an object"):
            self.assertIn(word, said)
        self.assertEqual(said.count("1024 bits"), 1)

    # ---- a provider in trouble ----

    def bad_answers(self, provider):
        big = b" " * (1 << 20)
        redirect = lambda to: response(b"", "302 Found", f"Location: {to}")  # noqa: E731
        plain = self.provider("a b", names=None)
        return {
            "500": response(b"{}", "500 Oops"),
            "404": response(b"", "404 Not Found"),
            "204": b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
            "garbage": response(b"<html>"),
            "no HTTP": b"hello\r\n\r\n",
            "nothing": b"",
            "half a body": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\n{",
            "an empty set": response({"keys": []}),
            "no set": response({"keys": {}}),
            "one weak key": response({"keys": [{"kty": "oct", "k": "AAAA"}]}),
            "1 MB": response(b'{"keys":[' + big + b"]}"),
            "1 MB of a head": b"HTTP/1.1 200 OK\r\nX: " + big + b"\r\n\r\n",
            "redirect to a file": redirect("file:///etc/passwd"),
            "redirect to http": redirect(plain.base + KEYS),
            "redirect to nowhere": redirect("https://127.0.0.1:1/"),
            "redirect to itself": redirect(provider.base + KEYS),
        }

    def test_bad_answers(self):
        """The last good set stays; who waits for the new key is told when the fetch is over."""
        provider = self.provider()
        rows = self.bad_answers(provider)
        gate = self.settled_gate(provider, refetch_interval="1s", refresh=NEVER)
        plain = self.providers[-1]
        for name, answer in rows.items():
            with self.subTest(name):
                seen = provider.count()
                provider.answers[KEYS] = answer
                while provider.count() == seen:
                    self.check_status(gate, 503, "b")
                self.check_status(gate, 101, "a")
        self.assertEqual(plain.count(), 0)
        self.serve(provider, "a b")
        self.await_status(gate, 101, "b")
        gate.stop()
        self.assertGreaterEqual(gate.lines("stopped", "stderr")[0]["key_fetches_failed"], len(rows))

    def test_the_log_says_a_change_once(self):
        provider = self.provider()
        gate = self.settled_gate(provider, refresh="1s")
        provider.stop()
        self.failures(gate)
        time.sleep(2.5)  # more tries, no more lines
        lines = self.failures(gate)
        self.assertEqual(len(lines), len(set(lines)), lines)
        self.assertIn("the last good one stays", lines[0])
        provider.start()
        gate.await_lines(2, "jwt", name="stderr", level="info")

    def check_hanging(self, answer):
        provider = self.provider()
        gate = self.settled_gate(provider, fetch_timeout="1s", top={"timeouts": {"auth": "10s"}})
        provider.answers[KEYS] = answer(provider)
        client = self.send(gate, "b")
        provider.await_asked(2)
        for _ in range(5):
            self.check_status(gate, 101, "a")
        self.check_refused(client.read_response(), 503)
        self.assertIn("timeout", self.failures(gate)[0])
        self.check_status(gate, 101, "a")

    def test_a_provider_that_hangs(self):
        self.check_hanging(lambda provider: provider.hang)

    def test_a_provider_that_drips(self):
        self.check_hanging(lambda provider: provider.drip)

    def test_waiting_ends_with_the_time_for_auth(self):
        provider = self.provider()
        soon = {"timeouts": {"auth": "1500ms"}}
        gate = self.settled_gate(provider, fetch_timeout="30s", top=soon)
        provider.answers[KEYS] = provider.hang
        client = self.send(gate, "b")
        self.check_refused(client.read_response(), 504)
        leaving = self.send(gate, "b")
        leaving.expect_nothing(0.05)
        leaving.close()

    def test_no_provider_at_all(self):
        """Start-up does not wait for it; tokens wait for the fetch under way, then get 503."""
        provider = self.provider()
        provider.answers[KEYS] = provider.hang
        gate = self.gate(provider, fetch_timeout="1s")
        answer = self.check_status(gate, 503)
        self.assertTrue(answer.get("Retry-After"))
        self.assertEqual(gate.await_line("handshake")["reason"], "token-keys-unavailable")
        self.serve(provider, "a")
        self.await_status(gate, 101)

    def test_the_end_while_somebody_waits(self):
        provider = self.provider()
        soon = {"timeouts": {"drain": "200ms"}}
        gate = self.settled_gate(provider, fetch_timeout="30s", top=soon)
        provider.answers[KEYS] = provider.hang
        self.send(gate, "b")
        provider.await_asked(2)
        gate.stop(idle=False)

    def test_certificates(self):
        """A wrong CA and a wrong name: no request, no keys."""
        for name, options in {
            "another CA": {"ca": authority("others")},
            "another name": {"names": "IP:127.0.0.2"},
            "a name that is no address": {"names": "DNS:127.0.0.1.example.com"},
        }.items():
            with self.subTest(name):
                provider = self.provider(**options)
                gate = self.gate(provider)
                self.check_status(gate, 503)
                self.assertIn("not fetched: tls", self.failures(gate)[0])
                self.assertEqual(provider.count(), 0)
        provider = self.provider()
        gate = self.gate(provider, ca_file=None)  # whom the system trusts is nobody of ours
        self.check_status(gate, 503)
        self.assertIn("not fetched: tls", self.failures(gate)[0])

    def test_a_renewed_ca_file(self):
        provider = self.provider()
        file = self.file("ca.pem", b"")
        shutil.copy(authority("others").certificate, file)
        gate = self.gate(provider, ca_file=file, refresh="1s")
        self.assertIn("not fetched: tls", self.failures(gate)[0])
        renewed = self.file("renewed.pem", b"")
        shutil.copy(authority().certificate, renewed)
        os.replace(renewed, file)
        self.await_status(gate, 101)

    def test_a_ca_file_without_certificates(self):
        file = self.file("ca.pem", self.pair.public)
        for users in (
            {"jwt": {"jwks_url": "https://id/", "ca_file": file}},
            {"introspection": {"url": "https://id/", "ca_file": file}},
        ):
            config = self.config(self.echo_backend(), middleware={"users": users})
            path = self.file("bad.json", json.dumps(config))
            done = subprocess.run(
                [program(), "-t", "-c", path], capture_output=True, timeout=60, check=False
            )
            self.assertNotEqual(done.returncode, 0)
            self.assertRegex(done.stderr.decode(), r":1:\d+: `ca_file`: expected certificates in PEM")

    def test_plain_http_on_loopback(self):
        provider = self.provider(names=None)
        self.settled_gate(provider, ca_file=None)
        provider.answers[KEYS] = response(b"", "302 Found", f"Location: {provider.base}/there")
        provider.answers["/there"] = self.set_of("a b")
        gate = self.gate(provider, ca_file=None)
        self.check_status(gate, 503)
        self.assertEqual(provider.count("/there"), 0)

    def test_redirects_are_followed(self):
        provider, other = self.provider(), self.provider("a b")
        provider.answers[KEYS] = response(b"", "302 Found", f"Location: {other.base + KEYS}")
        gate = self.settled_gate(provider)
        self.check_status(gate, 101, "b")

    def test_max_age(self):
        """A short one makes the refresh come sooner, but not within a minute: here it stays away."""
        provider = self.provider()
        body = json.dumps(self.set_of("a")).encode()
        provider.answers[KEYS] = response(body, "200 OK", "Cache-Control: max-age=1")
        gate = self.settled_gate(provider)
        time.sleep(2)
        self.check_status(gate, 101)
        self.assertEqual(provider.count(), 1)

    # ---- the cache file ----

    def test_a_restart_without_the_provider(self):
        provider = self.provider()
        path = os.path.join(self.directory, "cache", "users.json")
        os.mkdir(os.path.dirname(path))
        gate = self.settled_gate(provider, cache_file=path)
        gate.stop()
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertEqual(os.listdir(os.path.dirname(path)), ["users.json"])
        provider.stop()
        gate = self.gate(provider, cache_file=path)
        self.check_status(gate, 101)
        self.check_status(gate, 503, "b")  # nobody can know
        lines = gate.await_lines(1, "jwt", name="stderr", level="info")
        self.assertRegex(lines[0]["message"], r"cache_file .*: 1 key, fetched \d+ s ago")
        gate.stop()
        with open(path, encoding="utf-8") as file:
            kept = file.read()
        for name, text in {"garbage": "x", "half": kept[: len(kept) // 2], "another": "{}"}.items():
            with self.subTest(name):
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
                gate = self.gate(provider, cache_file=path)
                self.check_status(gate, 503)
                gate.stop()
                warnings = gate.lines("jwt", "stderr", level="warning")
                self.assertTrue([w for w in warnings if "not read" in w["message"]], warnings)

    def plant(self, path, provider, fetched):
        sets = {provider.base + KEYS: {"fetched": fetched, "jwks": json.dumps(self.set_of("a"))}}
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"format": "wsgate key sets 1", "sets": sets}, file)
        os.chmod(path, 0o600)

    def check_not_read(self, gate, why):
        self.check_status(gate, 503)
        gate.stop()
        warnings = gate.lines("jwt", "stderr", level="warning")
        self.assertTrue([w for w in warnings if f"not read: {why}" in w["message"]], warnings)

    def test_a_cache_planted_by_somebody(self):
        if os.geteuid() != 0:
            self.skipTest("it needs root, to give a file away")
        provider = self.provider()
        provider.stop()
        directory = os.path.join(self.directory, "cache")
        os.mkdir(directory, 0o755)
        path = os.path.join(directory, "users.json")
        self.plant(path, provider, int(time.time()) - 5)
        self.check_status(self.gate(provider, cache_file=path), 101)
        os.chown(path, 65534, 65534)
        gate = self.gate(provider, cache_file=path)
        self.failures(gate)
        self.check_not_read(gate, "it belongs to another user")
        self.assertEqual(os.stat(path).st_uid, 65534, "no good answer, and yet it was written")
        os.chown(directory, 65534, 65534)  # whom the gateway might become
        self.check_status(self.gate(provider, cache_file=path), 101)

    def test_a_cache_from_the_future(self):
        """A clock that was set back makes no key bad."""
        provider = self.provider()
        provider.stop()
        path = os.path.join(self.directory, "users.json")
        self.plant(path, provider, int(time.time()) + 3600)
        self.check_status(self.gate(provider, cache_file=path), 101)

    def test_an_old_cache(self):
        provider = self.provider()
        provider.stop()
        path = os.path.join(self.directory, "users.json")
        self.plant(path, provider, int(time.time()) - 3600)
        self.check_status(self.gate(provider, cache_file=path, max_stale="2h"), 101)
        self.check_status(self.gate(provider, cache_file=path, max_stale="0"), 101)
        gate = self.gate(provider, cache_file=path, max_stale="59m")
        self.check_not_read(gate, "a set in it is older than max_stale")

    def test_keys_of_a_cache_that_are_left_out(self):
        """That is said at the start, not when a provider answers at last."""
        provider = self.provider()
        provider.stop()
        stranger = tokens.KeyPair("ec")
        file = self.file("set.json", json.dumps({"keys": [tokens.jwk(stranger, "a")]}))
        path = os.path.join(self.directory, "users.json")
        self.plant(path, provider, int(time.time()))
        gate = self.gate(provider, cache_file=path, jwks_file=file)
        warnings = gate.await_lines(1, "jwt", name="stderr", level="warning")
        self.assertIn('key "a" of a later set left out', warnings[0]["message"])

    def test_a_cache_that_cannot_be_written(self):
        provider = self.provider()
        path = os.path.join(self.directory, "soon", "users.json")
        os.mkdir(os.path.dirname(path))
        provider.answers[KEYS] = provider.later(self.set_of("a"))
        gate = self.gate(provider, cache_file=path)
        provider.await_asked(1)
        os.rmdir(os.path.dirname(path))
        provider.release.set()
        self.check_status(gate, 101)
        lines = gate.await_lines(1, "jwt", name="stderr", level="warning")
        self.assertIn("not written: No such file", lines[0]["message"])

    def check_faulty(self, said, **options):
        config = self.config_with(self.provider(names=None), **options)
        config["listeners"][0]["address"] = "127.0.0.1:1"
        path = self.file("bad.json", json.dumps(config, indent=1))
        for use in (["-t"], []):
            done = subprocess.run(
                [program(), *use, "-c", path], capture_output=True, timeout=60, check=False
            )
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertRegex(done.stderr.decode(), rf"(?m)^{path}:\d+:\d+: `cache_file`: {said}")

    def test_a_cache_file_that_cannot_be_made(self):
        """That is a fault of the configuration, which -t finds; for `explain` it is none."""
        path = os.path.join(self.directory, "nowhere", "users.json")
        self.check_faulty(f"`{path}` cannot be made: No such file or directory", cache_file=path)
        explain = [
            os.path.join(os.path.dirname(program()), "wsgatectl"), "explain", "-c",
            os.path.join(self.directory, "bad.json"), "/ws",
        ]
        done = subprocess.run(explain, capture_output=True, timeout=60, check=False)
        self.assertNotIn(b"cannot be made", done.stderr)

    def test_a_cache_file_that_the_user_cannot_make(self):
        if os.geteuid() != 0:
            self.skipTest("it needs root, to become another user")
        os.chmod(self.directory, 0o755)
        path = os.path.join(self.directory, "users.json")
        config = self.config_with(
            self.provider(names=None), cache_file=path, ca_file=None, top={"user": "nobody"}
        )
        config["listeners"][0]["address"] = "127.0.0.1:1"
        file = self.file("user.json", json.dumps(config, indent=1))
        os.chmod(file, 0o644)
        done = subprocess.run(
            [program(), "-t", "-c", file], capture_output=True, timeout=60, check=False
        )
        said = done.stderr.decode()
        self.assertEqual(done.returncode, 1, said)
        self.assertRegex(said, r":\d+:\d+: `cache_file`: .*Permission denied \(as user `nobody`\)")

    def test_what_the_user_cannot_use_is_said_at_the_start(self):
        if os.geteuid() != 0:
            self.skipTest("it needs root, to become another user")
        provider = self.provider(names=None)
        secret = self.file("ca.pem", b"")
        shutil.copy(authority().certificate, secret)
        os.chmod(secret, 0o600)
        os.chmod(self.directory, 0o755)
        path = os.path.join(self.directory, "users.json")
        config = self.config_with(
            provider, cache_file=path, ca_file=secret, top={"user": "nobody"}
        )
        # It says that it is ready as that user, to a socket that it must reach.
        run = f'#!/bin/sh\nchmod 755 . && chmod 777 notify && exec {program()} "$@"\n'
        wrapper = self.file("wsgate", run)
        os.chmod(wrapper, 0o755)
        gate = self.start(config, binary=wrapper)
        gate.baseline += 8
        self.check_status(gate, 101)
        gate.stop()
        said = " ".join(line["message"] for line in gate.lines("jwt", "stderr", level="warning"))
        self.assertIn("ca.pem: cannot be read by this user: Permission denied", said)
        self.assertIn("users.json: cannot be written: Permission denied", said)
        self.assertIn("users.json: not written: Permission denied", said)

    # ---- discovery ----

    def discovery(self, provider, issuer, path=""):
        """The provider's document, and where it stands."""
        document = {"issuer": issuer, "jwks_uri": provider.base + KEYS}
        provider.answers[f"{path}/.well-known/openid-configuration"] = document
        return document

    def test_discovery_from_the_issuer(self):
        provider = self.provider()
        issuer = provider.base + "/realms/chat"
        self.discovery(provider, issuer, "/realms/chat")
        gate = self.gate(issuer=issuer)
        self.check_status(gate, 101, iss=issuer)
        self.check_status(gate, 401, iss=provider.base)
        document = "/realms/chat/.well-known/openid-configuration"
        self.assertEqual(provider.asked[:2], [document, KEYS])

    def test_discovery_alone(self):
        """Without `issuer`, who is asked is who must have signed."""
        provider = self.provider()
        issuer = provider.base + "/"
        self.discovery(provider, issuer)
        gate = self.gate(discovery=issuer)
        self.check_status(gate, 101, iss=issuer)
        self.check_status(gate, 401, iss=provider.base)
        self.check_status(gate, 401)

    def test_bad_documents(self):
        provider = self.provider()
        plain = self.provider(names=None)
        good = self.discovery(provider, provider.base)
        place = "/.well-known/openid-configuration"
        for name, document in {
            "another issuer": good | {"issuer": provider.base + "/"},
            "no issuer": {"jwks_uri": good["jwks_uri"]},
            "no jwks_uri": {"issuer": good["issuer"]},
            "keys by http": good | {"jwks_uri": plain.base + KEYS},
            "keys in a file": good | {"jwks_uri": "file:///etc/passwd"},
            "garbage": response(b"<html>"),
        }.items():
            with self.subTest(name):
                provider.answers[place] = document
                gate = self.gate(discovery=provider.base)
                self.check_status(gate, 503, iss=provider.base)
                self.assertIn("the provider's document", self.failures(gate)[0])
                gate.stop()
        self.assertEqual(provider.count(KEYS) + plain.count(), 0)

    # ---- names that nobody resolves ----

    def test_a_resolver_that_never_answers(self):
        """It holds up neither the start, nor a known key, nor the end."""
        if os.geteuid() != 0 or not shutil.which("unshare"):
            self.skipTest("it needs root and unshare, for a resolv.conf of its own")
        silent = self.file("resolv.conf", "nameserver 127.0.0.77\noptions timeout:30 attempts:5\n")
        hosts = self.file("nsswitch.conf", "hosts: dns\n")
        script = (
            f"mount --bind {silent} /etc/resolv.conf && mount --bind {hosts} /etc/nsswitch.conf"
            f' && exec {program()} "$@"'
        )
        probe = ["unshare", "--mount", "sh", "-c", script, "sh", "-V"]
        done = subprocess.run(probe, capture_output=True, timeout=60, check=False)
        if done.returncode != 0:
            self.skipTest(f"no mount namespace here: {done.stderr.decode()}")
        run = f"#!/bin/sh\nexec unshare --mount sh -c '{script}' sh \"$@\"\n"
        wrapper = self.file("wsgate", run)
        os.chmod(wrapper, 0o755)
        with UdpSink("127.0.0.77") as sink:
            if not sink.bound:
                self.skipTest("port 53 of 127.0.0.77 is taken")
            file = self.file("set.json", json.dumps(self.set_of("a")))
            config = self.config_with(
                jwks_url="https://id.example.com/keys", jwks_file=file, ca_file=None,
                fetch_timeout="30s", top={"timeouts": {"auth": "1s"}},
            )
            gate = self.start(config, binary=wrapper)
            gate.baseline += 8
            for _ in range(5):
                self.check_status(gate, 101)
            self.check_status(gate, 504, "b")
            self.check_status(gate, 101)
            self.assertTrue(sink.asked.wait(20), "nobody asked for the name")
            gate.stop()  # which is less patient than the resolver and the fetch


class UdpSink:
    """A name server that takes questions and never answers."""

    def __init__(self, ip):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.asked = threading.Event()
        try:
            self.sock.bind((ip, 53))
            self.bound = True
        except OSError:
            self.bound = False

    def __enter__(self):
        if self.bound:
            threading.Thread(target=self._run, daemon=True).start()
        return self

    def _run(self):
        while True:
            try:
                if self.sock.recv(4096):
                    self.asked.set()
            except OSError:
                return

    def __exit__(self, *_):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()
