"""What each module says of a live tunnel when it is asked again, and what the client gets for it."""

import copy
import hashlib
import json
import os
import signal
import struct
import threading
import time
import unittest

from harness import tokens
from harness.case import Case
from harness.gateway import test_program
from harness.service import HANG, Service, reply
from harness.wire import handshake

CODES = {"revalidation-unauthorized": 4401, "revalidation-refused": 4403,
         "revalidation-undecided": 1013, "revalidation-timeout": 1011}
REFUSED, UNAUTHORIZED, UNDECIDED, TIMEOUT = (
    "revalidation-refused", "revalidation-unauthorized", "revalidation-undecided", "revalidation-timeout")


class Judged(Case):
    def gate(self, name, instance, route=None, backend=None, **more):
        options = {"middleware": {name: instance}, "require": [name], "threads": 1}
        route = {"revalidate": "100ms", "tunnel": {"frames": "checked"}} | (route or {})
        binary = more.pop("binary", None)
        made = self.start(self.config(backend or self.echo_backend(), route=route, **(options | more)),
                          binary=binary)
        made.baseline += 40  # connections to a service that are kept
        return made

    def open(self, gate, *fields, path="/ws"):
        client = self.client(gate, handshake(path, *fields))
        self.check_switched(client.read_response())
        return client

    def check_open(self, client):
        client.send_frame(b"still here", masked=True)
        self.assertEqual(client.read_frame(), (2, b"still here"))

    def check_ended(self, gate, client, reason, module, detail):
        """The Close, and the line of the log with the same reason."""
        self.assertEqual(client.read_frame(), (8, struct.pack("!H", CODES[reason]) + reason.encode()))
        client.close()
        line = gate.await_line("tunnel", reason=reason, module=module)
        self.assertEqual((line["close_code"], line["module"], line.get("detail"), line["initiator"]),
                         (CODES[reason], module, detail, "gateway"))

    def reload(self, gate, **changes):
        """With other options of the one instance, and others of the one route."""
        for key, value in changes.items():
            gate.config[key] = value
        gate.write("wsgate.json", json.dumps(gate.config, indent=1))
        gate.send_signal(signal.SIGHUP)
        self.assertTrue(gate.await_reload().startswith("reloaded"))


class ApiKey(Judged):
    def test_a_key_that_is_taken_out(self):
        """Or given to somebody else; the others go on."""
        keys = {name: f"test-key-of-{name}-0000" for name in ("ann", "bob", "eve")}
        line = {name: f"{hashlib.sha256(key.encode()).hexdigest()} " for name, key in keys.items()}
        files = self.file("keys", "".join(line[name] + name + "\n" for name in keys))
        gate = self.gate("it", {"api_key": {"files": [files]}}, {"revalidate": "0", "on_reload": "revalidate"})
        ann, bob, eve = (self.open(gate, f"X-API-Key: {key}") for key in keys.values())
        self.file("keys", line["ann"] + "ann\n" + line["eve"] + "mallory\n")
        self.reload(gate)
        for client in bob, eve:
            self.check_ended(gate, client, UNAUTHORIZED, "it", "key-unknown")
        self.check_open(ann)
        ann.close()


@unittest.skipUnless(os.access(test_program(), os.X_OK), f"{test_program()} is not built")
class PlugIn(Judged):
    def test_what_it_says(self):
        """At once and after a while; one that only denies has refused for good."""
        for status, reason in ((0, REFUSED), (401, UNAUTHORIZED), (403, REFUSED), (429, REFUSED), (400, REFUSED),
                               (503, UNDECIDED), (504, TIMEOUT)):
            with self.subTest(status):
                gate = self.gate("it", {"test_waits": {"again": "deny", "again_status": status}},
                                 {"path": "/deny"}, binary=test_program())
                gate.config["middleware"]["later"] = {
                    "test_waits": {"again": "wait_deny", "again_status": status}}
                later = copy.deepcopy(gate.config["routes"][0]) | {"path": "/later", "require": ["later"]}
                self.reload(gate, routes=[gate.config["routes"][0], later])
                for path, name in ("/deny", "it"), ("/later", "later"):
                    client = self.open(gate, path=path)
                    self.check_ended(gate, client, reason, name, "test-again" if status else None)
                gate.stop()
                self.assertEqual(gate.await_lines(1, "stopped", name="stderr")[0][reason], 2)

    def test_a_dry_run(self):
        """The newest configuration only tries it out: it is told, and the tunnel goes on."""
        for again in ("deny", "wait_deny"):
            with self.subTest(again):
                gate = self.gate("it", {"test_waits": {"again": "pass"}}, binary=test_program())
                client = self.open(gate)
                denying = {"test_waits": {"again": again, "again_status": 401}, "dry_run": True}
                self.reload(gate, middleware={"it": denying})
                lines = gate.await_lines(2, "dry-run", reason=UNAUTHORIZED)
                self.assertEqual((lines[0]["module"], lines[0]["detail"]), ("it", "test-again"))
                self.assertEqual(lines[0]["id"], gate.await_line("handshake")["id"])
                self.check_open(client)
                client.close()
                gate.stop()
                self.assertGreaterEqual(
                    gate.await_lines(1, "stopped", name="stderr")[0]["dry-run-refused"], 2)

    def test_how_often_is_said_when_it_opens(self):
        """Another interval is for tunnels to come: these two go on as they began."""
        for first, second, asked in (("1h", "100ms", False), ("100ms", "0", True)):
            with self.subTest(first=first, second=second):
                gate = self.gate("it", {"test_waits": {"again": "pass"}}, {"revalidate": first},
                                 binary=test_program())
                client = self.open(gate)
                gate.config["routes"][0]["revalidate"] = second
                self.reload(gate)
                before = len(gate.lines("test_waits", name="stderr", message="asked again"))
                if asked:
                    gate.await_lines(before + 3, "test_waits", name="stderr", message="asked again")
                else:
                    late = self.open(gate)
                    gate.await_lines(4, "test_waits", name="stderr", message="asked again")
                    late.close()
                    gate.await_line("tunnel")
                    time.sleep(0.1)  # that is another file
                    seen = len(gate.lines("test_waits", name="stderr", message="asked again"))
                    self.check_open(client)
                    time.sleep(0.4)
                    self.assertEqual(
                        len(gate.lines("test_waits", name="stderr", message="asked again")), seen)
                self.check_open(client)
                client.close()


class Jwt(Judged):
    """Whatever is asked of a token in the newest configuration is asked of those that are here."""

    ROOM = {"path": "/rooms/{room}", "revalidate": "100ms"}

    def users(self, gate=None, **options):
        """Options of the instance; with a gate, in its configuration."""
        made = self.jwt(on_expiry="keep")["middleware"]["users"]["jwt"] | options
        if gate is not None:
            made["keys"] = gate.config["middleware"]["users"]["jwt"]["keys"]
        return {"jwt": {name: value for name, value in made.items() if value is not None}}

    def open_with(self, gate, token, path="/ws"):
        return self.open(gate, f"Authorization: Bearer {token}", path=path)

    def test_what_a_reload_asks(self):
        old = tokens.claims(iat=int(time.time()) - 1000, iss="https://id", sub="ann", aud="chat", scope="read")
        for options, reason, detail in (
            ({"issuer": "https://other"}, UNAUTHORIZED, "token-issuer"),
            ({"issuer": "https://id"}, None, None),
            ({"audience": ["mail"]}, UNAUTHORIZED, "token-audience"),
            ({"typ": "at+jwt"}, UNAUTHORIZED, "token-type"),
            ({"max_age": "10m", "on_expiry": "close"}, UNAUTHORIZED, "token-too-old"),
            ({"claims": {"scope": {"contains": "write"}}}, REFUSED, "claims-not-met"),
            ({"claims": {"scope": {"contains": "read"}}}, None, None),
        ):
            with self.subTest(options=options):
                gate = self.gate("users", self.users())
                client = self.open_with(gate, tokens.hs(old))
                self.reload(gate, middleware={"users": self.users(gate, **options)})
                if reason:
                    self.check_ended(gate, client, reason, "users", detail)
                else:
                    time.sleep(0.4)
                    self.check_open(client)
                    client.close()

    def test_on_reload(self):
        """keep: until its next judgement the tunnel knows nothing of another configuration."""
        gate = self.gate("users", self.users(), {"path": "/keeps", "revalidate": "1h", "on_reload": "keep"})
        asks = copy.deepcopy(gate.config["routes"][0]) | {
            "path": "/asks", "revalidate": "0", "on_reload": "revalidate"}
        self.reload(gate, routes=[gate.config["routes"][0], asks])
        keeps, asked = (self.open_with(gate, tokens.hs(), path) for path in ("/keeps", "/asks"))
        self.reload(gate, middleware={"users": self.users(gate, issuer="https://other")})
        self.check_ended(gate, asked, UNAUTHORIZED, "users", "token-issuer")
        self.check_open(keeps)
        keeps.close()

    def test_keys_that_are_still_to_come(self):
        """A new address of keys: a tunnel waits for them as a handshake would, and is judged by them."""
        for answer, reason, detail in ("same", None, None), ("other", UNAUTHORIZED, "token-key-unknown"):
            with self.subTest(answer):
                pair, other = tokens.key_pair("ec"), tokens.KeyPair("ec")
                keys = {"same": pair, "other": other}
                release = threading.Event()
                service = Service(lambda request: [release, reply(json.dumps(
                    {"keys": [tokens.jwk(keys[answer], "a")]}).encode())])
                self.addCleanup(service.close)
                key = self.file("jwks", json.dumps({"keys": [tokens.jwk(pair, "a")]}))
                gate = self.gate("users", {"jwt": {"jwks_file": key}},
                                 {"revalidate": "0", "on_reload": "revalidate"})
                client = self.open_with(gate, pair.sign(tokens.claims(), kid="a"))
                self.reload(gate, middleware={"users": {"jwt": {"jwks_url": service.url("/keys")}}})
                service.await_requests(1)
                time.sleep(1.2)  # it is asked within a second
                self.check_open(client)
                release.set()
                if reason:
                    self.check_ended(gate, client, reason, "users", detail)
                else:
                    self.check_open(client)
                    client.close()

    def test_expiry(self):
        """One that ends no tunnel is not seen when it is asked again, unless the newest instance minds."""
        gate = self.gate("users", self.users())
        client = self.open_with(gate, tokens.hs(tokens.claims(3)))
        time.sleep(3.1)
        self.check_open(client)
        self.reload(gate, middleware={"users": self.users(gate, on_expiry="close")})
        self.check_ended(gate, client, UNAUTHORIZED, "users", "token-expired")

    def test_revoked(self):
        path = self.file("revoked", "# none\n")
        gate = self.gate("users", self.users(revoked_file=path), {"revalidate": "0", "on_reload": "revalidate"})
        stays, goes = (self.open_with(gate, tokens.hs(tokens.claims(jti=jti))) for jti in ("a", "b"))
        self.file("revoked", "jti b\n")
        self.reload(gate)
        self.check_ended(gate, goes, REFUSED, "users", "token-revoked")
        self.check_open(stays)
        stays.close()

    def test_a_key_that_has_gone(self):
        gate = self.gate("users", self.users())
        client = self.open_with(gate, tokens.hs())
        with open(gate.config["middleware"]["users"]["jwt"]["keys"][0]["secret_file"], "wb") as file:
            file.write(b"b" * 32)
        self.reload(gate)
        self.check_ended(gate, client, UNAUTHORIZED, "users", "token-key-unknown")

    def test_captures_are_those_of_its_own_path(self):
        """A rule that came with a reload is about the room in which the tunnel was opened."""
        gate = self.gate("users", self.users(), self.ROOM)
        token = tokens.hs(tokens.claims(rooms=["blue", "red"]))
        stays, goes = (self.open_with(gate, token, f"/rooms/{room}") for room in ("blue", "green"))
        self.reload(gate, middleware={"users": self.users(gate, claims={"rooms": {"contains": "{room}"}})})
        self.check_ended(gate, goes, REFUSED, "users", "claims-not-met")
        self.check_open(stays)
        stays.close()

    def test_an_instance_that_is_not_there_any_more(self):
        """By the one that let it in, whose keys are those of then."""
        for name, route in (("people", {}), ("people", {"on_reload": "revalidate"}), (None, {})):
            with self.subTest(name=name, **route):
                gate = self.gate("users", self.users(), route)
                client = self.open_with(gate, tokens.hs())
                stricter = self.users(gate, issuer="https://other")
                gate.config["routes"][0] |= {"require": [name] if name else [], "revalidate": "0",
                                             "on_reload": "keep"}
                self.reload(gate, middleware={name: stricter} if name else {})
                time.sleep(0.5)
                self.check_open(client)
                client.close()

    def test_another_module_of_that_name(self):
        gate = self.gate("users", self.users())
        client = self.open_with(gate, tokens.hs())
        self.reload(gate, middleware={"users": {"origin": {"allow": ["https://a"]}}},
                    routes=[{key: value for key, value in gate.config["routes"][0].items()
                             if key != "revalidate"}])
        time.sleep(0.4)
        self.check_open(client)
        client.close()


class Services(Judged):
    """What a service says that is asked again."""

    def setUp(self):
        super().setUp()
        self.services = []

    def _finish(self):
        super()._finish()
        for service in self.services:
            service.close()

    def service(self):
        made = Service(lambda request: [reply(b'{"active":true,"sub":"ann","scope":"read chat"}')])
        self.services.append(made)
        return made

    def check(self, name, instance, cases):
        for parts, options, reason, detail in cases:
            with self.subTest(parts=parts, **options):
                service = self.service()
                timeout = "1500ms" if reason == TIMEOUT else "20s"
                made = {name: {"url": service.url("/ask"), "timeout": timeout} | instance | options}
                gate = self.gate("it", made)
                client = self.open(gate, "Authorization: Bearer t")
                service.await_requests(3)
                service.answer = lambda request, parts=parts: parts
                if reason:
                    self.check_ended(gate, client, reason, "it", detail)
                else:
                    service.await_requests(len(service.requests) + 3)
                    self.check_open(client)
                    client.close()
                service.close()

    def test_forward_auth(self):
        self.check("forward_auth", {"deadline_header": "X-Until"}, (
            ([reply(status=401)], {}, UNAUTHORIZED, "forward-auth-refused"),
            ([reply(status=403)], {}, REFUSED, "forward-auth-refused"),
            ([reply(status=403)], {"on_error": "pass"}, REFUSED, "forward-auth-refused"),
            ([reply(status=500)], {}, UNDECIDED, "forward-auth-status"),
            ([reply(status=500)], {"on_error": "pass"}, None, None),
            ([HANG], {}, TIMEOUT, "forward-auth-timeout"),
            ([reply(fields=("X-Until: 1700000000",))], {}, UNAUTHORIZED, "forward-auth-expired"),
        ))

    def test_introspection(self):
        self.check("introspection", {"cache": {"entries": 0}}, (
            ([reply(b'{"active":false}')], {}, UNAUTHORIZED, "token-inactive"),
            ([reply(b'{"active":true,"exp":1700000000}')], {}, UNAUTHORIZED, "token-expired"),
            ([reply(b'{"active":true,"scope":"read"}')], {"claims": {"scope": {"contains": "chat"}}},
             REFUSED, "claims-not-met"),
            ([reply(b'{"active":true,"scope":"read"}')], {}, None, None),
            ([reply(status=500)], {}, UNDECIDED, "introspection-status"),
            ([reply(b"?")], {}, UNDECIDED, "introspection-garbled"),
            ([HANG], {}, TIMEOUT, "introspection-timeout"),
        ))

    def test_the_gateways_own_patience(self):
        """A service that has more time than a handshake has."""
        for name in ("forward_auth", "introspection"):
            with self.subTest(name):
                service = self.service()
                gate = self.gate("it", {name: {"url": service.url("/ask"), "timeout": "20s"}},
                                 {"revalidate": "200ms"}, timeouts={"auth": "1500ms"})
                if name == "introspection":
                    gate.config["middleware"]["it"][name]["cache"] = {"entries": 0}
                    self.reload(gate)
                client = self.open(gate, "Authorization: Bearer t")
                service.answer = lambda request: [HANG]
                self.check_ended(gate, client, TIMEOUT, "it", None)

    def test_rules_and_captures_of_introspection(self):
        """By the newest rules, with the room of the tunnel's own path."""
        service = self.service()
        service.answer = lambda request: [reply(b'{"active":true,"rooms":["blue"]}')]
        it = {"introspection": {"url": service.url("/ask"), "cache": {"entries": 0}}}
        gate = self.gate("it", it, {"path": "/rooms/{room}"})
        stays, goes = (self.open(gate, "Authorization: Bearer t", path=f"/rooms/{room}") for room in ("blue", "red"))
        it["introspection"]["claims"] = {"rooms": {"contains": "{room}"}}
        self.reload(gate, middleware={"it": it})
        self.check_ended(gate, goes, REFUSED, "it", "claims-not-met")
        self.check_open(stays)
        stays.close()

    def test_an_instance_that_is_not_there_any_more(self):
        """Its own service is asked still, and not that of another name."""
        mine, others = self.service(), self.service()
        gate = self.gate("it", {"forward_auth": {"url": mine.url("/ask")}})
        client = self.open(gate)
        gate.config["routes"][0]["require"] = ["other"]
        self.reload(gate, middleware={"other": {"forward_auth": {"url": others.url("/ask")}}})
        mine.await_requests(len(mine.requests) + 3)
        self.check_open(client)
        self.assertEqual(others.requests, [])
        mine.answer = lambda request: [reply(status=401)]
        self.check_ended(gate, client, UNAUTHORIZED, "it", "forward-auth-refused")

    def test_the_newest_instance_asks_its_own_service(self):
        mine, newest = self.service(), self.service()
        newest.answer = lambda request: [reply(status=403)]
        gate = self.gate("it", {"forward_auth": {"url": mine.url("/ask")}})
        client = self.open(gate, "Authorization: Bearer t")
        self.reload(gate, middleware={"it": {"forward_auth": {"url": newest.url("/ask")}}})
        self.check_ended(gate, client, REFUSED, "it", "forward-auth-refused")
        self.assertEqual(newest.requests[0].field("Authorization"), "Bearer t")

    def test_a_slow_service_loses_nobody(self):
        """So many that all of them together take longer than an answer may."""
        service = self.service()
        gate = self.gate("it", {"forward_auth": {"url": service.url("/ask")}},
                         {"revalidate": "0", "on_reload": "revalidate"}, timeouts={"auth": "2s"})
        clients = [self.open(gate, "Authorization: Bearer t") for _ in range(220)]
        service.answer = lambda request: [0.3, reply()]
        self.reload(gate)
        service.await_requests(440)
        for client in clients:
            self.check_open(client)
            client.close()
        self.assertEqual({line["reason"] for line in gate.await_lines(220, "tunnel")}, {"client-lost"})
