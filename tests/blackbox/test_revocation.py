"""Tokens that are revoked, and live tunnels whose tokens are judged again."""

import json
import os
import signal
import subprocess
import time

from harness import tokens
from harness.case import Case
from harness.gateway import program
from harness.provider import Provider, authority
from harness.service import Service, reply
from harness.wire import handshake

ISSUER = "https://id.example.com"


class Revoked(Case):
    """What stands in `revoked_file`."""

    def gate_with(self, lines, **options):
        path = self.file("revoked", lines)
        parts = self.jwt(revoked_file=path, **options)
        return self.gateway(**parts), path

    def ask(self, gate, **claims):
        token = tokens.hs(tokens.claims(iss=ISSUER, **claims))
        return gate.ask(handshake("/ws", f"Authorization: Bearer {token}"))

    def check_revoked(self, gate, **claims):
        answer = self.ask(gate, **claims)
        self.check_refused(answer, 401)
        self.assertEqual(
            answer.get("WWW-Authenticate"),
            'Bearer realm="wsgate", error="invalid_token", '
            'error_description="The access token was revoked"',
        )
        line = gate.await_line("handshake", id=answer.get("X-Request-Id"))
        self.assertEqual((line["reason"], line["module"]), ("token-revoked", "users"))

    def test_each_kind(self):
        gate, _ = self.gate_with(
            "# who left\n\n"
            f"sub {ISSUER} bob\nsub - nobody\njti t-1\nsid s%201\r\n"
            f"sub {ISSUER} carol {int(time.time()) - 5}\n"
        )
        for claims in (
            {"sub": "bob"},
            {"sub": "bob", "jti": "t-2"},
            {"sub": "ann", "jti": "t-1"},
            {"sub": "ann", "sid": "s 1"},
            {"sub": None, "jti": "t-1"},
        ):
            with self.subTest(claims):
                self.check_revoked(gate, **claims)
        for claims in (
            {"sub": "ann"},
            {"sub": "carol"},  # it is over
            {"sub": "nobody"},  # of another issuer
            {"sub": "t-1", "jti": "s 1", "sid": "t-1"},
            {"sub": "ann", "jti": ["t-1"]},
        ):
            with self.subTest(claims):
                self.assertEqual(self.ask(gate, **claims).status, 101)

    def test_a_token_that_is_remembered(self):
        """It is in the cache, and refused all the same, until its entry is over."""
        gate, _ = self.gate_with(f"jti t-1 {int(time.time()) + 5}\n")
        claims = {"jti": "t-1", "exp": int(time.time()) + 3600}
        self.check_revoked(gate, **claims)
        self.check_revoked(gate, **claims)
        deadline = time.monotonic() + 20
        while self.ask(gate, **claims).status != 101 and time.monotonic() < deadline:
            time.sleep(0.1)
        self.assertEqual(self.ask(gate, **claims).status, 101)
        gate.stop()
        self.assertEqual(gate.lines("stopped", "stderr")[0].get("token-cache-miss"), 1)

    def test_a_reload_reads_it_again(self):
        gate, path = self.gate_with("")
        claims = {"jti": "t-1", "exp": int(time.time()) + 3600}
        self.assertEqual(self.ask(gate, **claims).status, 101)
        for lines, status in (("jti t-1\n", 401), ("jti t-2\n", 101)):
            with open(path, "w", encoding="utf-8") as file:
                file.write(lines)
            gate.send_signal(signal.SIGHUP)
            self.assertTrue(gate.await_reload().startswith("reloaded"))
            self.assertEqual(self.ask(gate, **claims).status, status)

    def test_faults(self):
        for lines, said in {
            "jti a\nsud i s\n": "line 2: expected jti, sid or sub",
            "jti a b\n": "line 1: expected the end in seconds since 1970",
            "jti a" + "\n" * (1 << 20): "longer than 1048576 bytes",
        }.items():
            with self.subTest(said):
                path = self.file("revoked", lines)
                config = self.config(self.backend(), **self.jwt(revoked_file=path))
                config["listeners"][0]["address"] = "127.0.0.1:1"
                file = self.file("bad.json", json.dumps(config, indent=1))
                done = subprocess.run(
                    [program(), "-t", "-c", file], capture_output=True, timeout=60, check=False
                )
                self.assertEqual(done.returncode, 1)
                self.assertRegex(
                    done.stderr.decode(), rf":\d+:\d+: `revoked_file`: {path}: {said}\n"
                )


class LiveTunnels(Case):
    """`revalidate` with the modules that know tokens."""

    def gate(self, backend, users, threads=1):
        made = self.gateway(
            backend, require=["users"], middleware={"users": users}, threads=threads,
            route={"revalidate": "100ms"},
        )
        made.baseline += 40
        return made

    def open(self, gate, backend, token):
        return self.tunnel(gate, backend, handshake("/ws", f"Authorization: Bearer {token}"))

    def check_open(self, client, peer):
        client.send(b"x")
        self.assertEqual(peer.read(1), b"x")

    def check_ended(self, gate, client, peer, reason="revalidation-unauthorized"):
        client.read_rest()
        peer.read_rest()
        client.close()
        peer.close()
        self.assertEqual(gate.await_line("tunnel")["reason"], reason)

    # ---- jwt ----

    def test_a_key_that_goes_takes_its_tunnels_along(self):
        pair, other = tokens.KeyPair("ec"), tokens.KeyPair("ec")
        sets = {"keys": [tokens.jwk(pair, "a"), tokens.jwk(other, "b")]}
        service = Service(lambda _: [reply(json.dumps(sets).encode())])
        self.addCleanup(service.close)
        backend = self.backend()
        gate = self.gate(backend, {"jwt": {"jwks_url": service.url("/keys"), "refresh": "1s"}})
        client, peer = self.open(gate, backend, pair.sign(tokens.claims(), kid="a"))
        stays, its_peer = self.open(gate, backend, other.sign(tokens.claims(), kid="b"))
        self.check_open(client, peer)
        sets["keys"].pop(0)
        self.check_ended(gate, client, peer)
        self.check_open(stays, its_peer)
        stays.close()
        its_peer.close()

    def test_a_good_token_stays(self):
        backend = self.backend()
        parts = self.jwt(on_expiry="keep")
        parts["route"] = {"revalidate": "100ms"}
        gate = self.gateway(backend, **parts)
        client, peer = self.open(gate, backend, tokens.hs(tokens.claims(3, jti="t", sid="s")))
        time.sleep(3.2)  # it has expired, which this instance does not mind
        self.check_open(client, peer)
        client.close()
        peer.close()

    # ---- introspection ----

    def introspection(self):
        known = {"good": {"sub": "ann", "iss": ISSUER}}
        asked = []

        def answer(request):
            token = request.body.decode().split("&")[0].removeprefix("token=")
            asked.append(token)
            active = {"active": token in known} | known.get(token, {})
            return [reply(json.dumps(active).encode())]

        service = Service(answer)
        self.addCleanup(service.close)
        users = {"introspection": {"url": service.url("/i"), "timeout": "20s", "cache": {"time": "10ms"}}}
        return known, asked, service, users

    def test_a_token_that_is_taken_back(self):
        known, asked, _, users = self.introspection()
        backend = self.backend()
        gate = self.gate(backend, users)
        client, peer = self.open(gate, backend, "good")
        deadline = time.monotonic() + 20
        while len(asked) < 4 and time.monotonic() < deadline:
            time.sleep(0.02)
        self.assertGreaterEqual(len(asked), 4)
        self.check_open(client, peer)
        del known["good"]
        self.check_ended(gate, client, peer)

    def test_a_service_that_is_gone(self):
        """Nobody says that the token is good still."""
        _, _, service, users = self.introspection()
        backend = self.backend()
        gate = self.gate(backend, users)
        client, peer = self.open(gate, backend, "good")
        service.close()
        self.check_ended(gate, client, peer, "revalidation-undecided")

    def test_many_take_turns_after_a_reload(self):
        """The service sees 24 of a worker at a time and a handshake beside them; no tunnel ends."""
        service = Provider()
        self.addCleanup(service.close)
        service.answers["/i"] = {"active": True}
        gate = self.gateway(
            require=["users"], threads=1, route={"on_reload": "revalidate"},
            middleware={"users": {"introspection": {
                "url": service.base + "/i", "ca_file": authority().certificate,
                "timeout": "60s", "cache": {"entries": 0}}}},
            timeouts={"auth": "60s"},
        )
        gate.baseline += 40
        opened = [handshake("/ws", f"Authorization: Bearer t-{i}") for i in range(60)]
        clients = [self.client(gate, request) for request in opened]
        for client in clients:
            self.check_switched(client.read_response())
        service.answers["/i"] = service.later({"active": True})
        gate.send_signal(signal.SIGHUP)
        self.assertTrue(gate.await_reload().startswith("reloaded"))
        service.await_asked(60 + 24)
        late = self.client(gate, handshake("/ws", "Authorization: Bearer late"))
        service.await_asked(60 + 25)
        self.assertEqual(service.count(), 60 + 25)
        service.release.set()
        self.check_switched(late.read_response())
        service.await_asked(60 + 61)
        for client in clients:
            self.check_echo(client)
        self.assertEqual(gate.lines("tunnel"), [])

    def test_no_token_in_the_log(self):
        _, _, _, users = self.introspection()
        backend = self.backend()
        gate = self.gate(backend, users)
        client, peer = self.open(gate, backend, "good")
        self.check_open(client, peer)
        client.close()
        peer.close()
        gate.stop()
        for name in ("stdout", "stderr"):
            with open(os.path.join(gate.directory, name), "rb") as file:
                self.assertNotIn(b"good", file.read(), name)
