"""The modules that decide at once: a table of requests by module, with status and reason."""

import hashlib
import os
import subprocess

from harness.case import Case
from harness.gateway import GatewayError, program
from harness.wire import handshake, switching

KEY = "k" * 43
DIGEST = hashlib.sha256(KEY.encode()).hexdigest()


class Checks(Case):
    def file(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def modules(self):
        keys = self.file("keys", f"# ours\n{DIGEST} ann team=red\n")
        return {
            "app": {"headers": {"require": ["X-App"], "forbid": ["X-Debug"],
                                "set": {"X-Gateway": "edge"}, "remove": ["X-Trace"]}},
            "talk": {"subprotocol": {"allow": ["chat", "v2"], "required": True}},
            "loose": {"subprotocol": {"allow": ["chat"], "others": "remove"}},
            "keys": {"api_key": {"files": [keys], "forward_identity": "X-Auth-Who",
                                 "key_from": ["header:X-API-Key", "query:key", "subprotocol"]}},
        }

    def gate_for(self, name, service):
        return self.gateway(service, require=[name], middleware=self.modules())

    def test_verdicts(self):
        key, protocol = f"X-API-Key: {KEY}", "Sec-WebSocket-Protocol: "
        rows = {
            "app": [
                ([], 403, "header-missing"),
                (["x-app: 1"], 101, None),
                (["X-App:"], 101, None),
                (["X-App: 1", "X-Debug: 0"], 403, "header-forbidden"),
                (["X-App: 1", "x-debug:"], 403, "header-forbidden"),
            ],
            "talk": [
                ([], 403, "subprotocol-missing"),
                ([protocol + "chat"], 101, None),
                ([protocol + "x, chat"], 403, "subprotocol-not-allowed"),
                ([protocol + "CHAT"], 403, "subprotocol-not-allowed"),
            ],
            "loose": [([], 101, None), ([protocol + "x, chat, y"], 101, None)],
            "keys": [
                ([], 401, "key-missing"),
                ([key], 101, None),
                ([key, key], 400, "key-several"),
                ([key + "x"], 401, "key-unknown"),
                ([f"X-API-Key: {DIGEST}"], 401, "key-unknown"),
                ([protocol + "api-key." + KEY], 400, "key-alone"),
                ([protocol + "chat, api-key." + KEY], 101, None),
                ([key, protocol + "chat, api-key." + KEY], 400, "key-several"),
            ],
        }
        for name, requests in rows.items():
            gate = self.gate_for(name, self.echo_backend())
            for number, (headers, status, reason) in enumerate(requests, 1):
                with self.subTest(module=name, headers=headers):
                    self.assertEqual(gate.ask(handshake("/ws", *headers)).status, status)
                    line = gate.await_lines(number, "handshake")[-1]
                    if status != 101:
                        self.assertEqual((line["reason"], line["module"]), (reason, name))
            gate.stop()

    def sent(self, gate, service, target, *headers):
        client = self.client(gate, handshake(target, *headers))
        peer = service.next()
        head = peer.read_head()
        peer.send(switching(head))
        self.check_switched(client.read_response())
        client.close()
        peer.close()
        return head

    def test_what_the_backend_gets(self):
        service = self.backend()
        gate = self.gate_for("app", service)
        head = self.sent(gate, service, "/ws", "X-App: 1", "X-Trace: t", "X-Gateway: mine", "X_Gateway: x")
        text = head.raw.decode().lower()
        self.assertIn("\r\nx-gateway: edge\r\n", text)
        self.assertEqual(text.count("gateway:"), 1)
        self.assertNotIn("x-trace", text)
        gate.stop()
        gate = self.gate_for("keys", service)
        for target, headers in [("/ws?a=1", [f"X-API-Key: {KEY}"]), (f"/ws?key={KEY}&a=1", []),
                                ("/ws?a=1", [f"Sec-WebSocket-Protocol: chat, api-key.{KEY}"])]:
            head = self.sent(gate, service, target, *headers)
            self.assertEqual(head.target, "/ws?a=1")
            self.assertNotIn(KEY, head.raw.decode())
            self.assertIn("\r\nX-Auth-Who: ann\r\n", head.raw.decode())
        lines = gate.await_lines(3, "handshake")
        self.assertEqual({(line["issuer"], line["subject"], line["label_team"]) for line in lines},
                         {("api_key", "ann", "red")})
        gate.stop()
        self.assertNotIn(KEY.encode(), gate.output() + gate.output("stderr"))

    def test_a_credential_is_no_way_past_the_list(self):
        """Nobody on the route reads tokens or keys: what has their form is nobody's subprotocol."""
        service = self.backend()
        gate = self.gateway(service, require=["talk"], middleware={
            "talk": {"subprotocol": {"allow": ["chat"]}}})
        for offered in ("bearer, admin, chat", "chat, Bearer, admin", f"api-key.{KEY}, chat",
                        "base64url.bearer.authorization.k8s.io.YQ, chat", "chat, bearer"):
            head = self.sent(gate, service, "/ws", f"Sec-WebSocket-Protocol: {offered}")
            self.assertEqual(head.tokens("Sec-WebSocket-Protocol"), ["chat"])

    def test_what_looks_like_a_forbidden_header(self):
        """CGI's rule makes X-Debug of it."""
        service = self.backend()
        gate = self.gateway(service, require=["no"], middleware={"no": {"headers": {"forbid": ["X-Debug"]}}})
        head = self.sent(gate, service, "/ws", "X_Debug: 1", "X.Debug: 1", "X-Debug2: kept")
        self.assertEqual([name for name, _ in head.fields if "debug" in name.lower()], ["X-Debug2"])

    def test_many_removed(self):
        """As many as three instances can have: a request for which all of them are removed passes."""
        names = [f"X-Gone-{i}" for i in range(96)]
        middleware = {f"m{i}": {"headers": {"remove": names[32 * i:32 * i + 32]}} for i in range(3)}
        service = self.backend()
        gate = self.gateway(service, require=list(middleware), middleware=middleware)
        head = self.sent(gate, service, "/ws", *[f"{name}: x" for name in names[10:90]])
        self.assertNotIn("x-gone", head.raw.decode().lower())

    def test_names_that_are_the_gateways_own(self):
        """No module writes them a second time."""
        keys = self.file("keys", f"{DIGEST} ann\n")
        own = ("X-Forwarded-For", "x-request-id", "X_Real_IP", "Host", "Transfer-Encoding", "Proxy",
               "Sec-WebSocket-Key", "Connection")
        for name in own:
            middleware = {
                "a": {"headers": {"set": {name: "x"}}},
                "b": {"headers": {"remove": [name]}},
                "c": {"api_key": {"files": [keys], "forward_identity": name}},
                "d": {"api_key": {"files": [keys], "key_from": f"header:{name}"}},
                "e": {"client_certificate": {"forward": {"uri": name}}},
                "f": {"jwt": {"keys": [{"secret": KEY}], "forward_claims": {"sub": name}}},
                "g": {"forward_auth": {"url": "http://127.0.0.1:1/", "forward_headers": [name]}},
            }
            with self.subTest(name), self.assertRaises(GatewayError) as raised:
                self.gateway(require=list(middleware), middleware=middleware)
            faults = {line.split(":")[1] for line in str(raised.exception).split("\n") if ".json:" in line}
            self.assertEqual(len(faults), len(middleware), raised.exception)

    def test_a_line_behind_one_without_an_end(self):
        """`key new` appends to what an editor has left."""
        wsgatectl = os.path.join(os.path.dirname(program()), "wsgatectl")
        path = self.file("keys", f"{DIGEST} ann")
        made = subprocess.run([wsgatectl, "key", "new", "--identity", "bob", "--file", path],
                              capture_output=True, text=True, check=True, timeout=60).stdout
        gate = self.gateway(require=["keys"], middleware={"keys": {"api_key": {"files": [path]}}})
        for key in (KEY, made.strip()):
            self.assertEqual(gate.ask(handshake("/ws", f"X-API-Key: {key}")).status, 101)

    def test_a_key_of_wsgatectl(self):
        """What `key new` makes opens the gate, and the file has no key in it."""
        wsgatectl = os.path.join(os.path.dirname(program()), "wsgatectl")
        path = os.path.join(self.directory, "made")
        made = [
            subprocess.run([wsgatectl, "key", "new", "--identity", name, "--label", "plan=free",
                            "--label", "team=red", "--file", path], capture_output=True, text=True, check=True, timeout=60).stdout
            for name in ("ann", "bob")
        ]
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        self.assertEqual(len({text.strip() for text in made}), 2)
        keys = {"api_key": {"files": [path]}}
        gate = self.gateway(self.echo_backend(), require=["keys"], middleware={"keys": keys})
        for name, text in zip(("ann", "bob"), made):
            self.assertRegex(text, r"\A[A-Za-z0-9_-]{43}\n\Z")
            self.assertEqual(gate.ask(handshake("/ws", f"X-API-Key: {text.strip()}")).status, 101)
            line = gate.await_lines(1, "handshake", subject=name)[0]
            self.assertEqual((line["label_plan"], line["label_team"]), ("free", "red"))
        for arguments in (["--identity", "a b"], ["--identity", "a", "--label", "x"], []):
            done = subprocess.run([wsgatectl, "key", "new", *arguments], capture_output=True, timeout=60)
            self.assertNotEqual(done.returncode, 0)
            self.assertEqual(done.stdout, b"")
