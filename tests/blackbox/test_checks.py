"""The modules that decide at once: a table of requests by module, with status and reason."""

import hashlib
import os
import subprocess

from harness.case import Case
from harness.gateway import program
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

    def test_a_key_of_wsgatectl(self):
        """What `key new` makes opens the gate, and the file has no key in it."""
        wsgatectl = os.path.join(os.path.dirname(program()), "wsgatectl")
        path = os.path.join(self.directory, "made")
        made = [
            subprocess.run([wsgatectl, "key", "new", "--identity", name, "--label", "plan=free",
                            "--file", path], capture_output=True, text=True, check=True, timeout=60).stdout
            for name in ("ann", "bob")
        ]
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        self.assertEqual(len({text.strip() for text in made}), 2)
        keys = {"api_key": {"files": [path]}}
        gate = self.gateway(self.echo_backend(), require=["keys"], middleware={"keys": keys})
        for name, text in zip(("ann", "bob"), made):
            self.assertRegex(text, r"\A[A-Za-z0-9_-]{43}\n\Z")
            self.assertEqual(gate.ask(handshake("/ws", f"X-API-Key: {text.strip()}")).status, 101)
            self.assertEqual(gate.await_lines(1, "handshake", subject=name)[0]["label_plan"], "free")
        for arguments in (["--identity", "a b"], ["--identity", "a", "--label", "x"], []):
            done = subprocess.run([wsgatectl, "key", "new", *arguments], capture_output=True, timeout=60)
            self.assertNotEqual(done.returncode, 0)
            self.assertEqual(done.stdout, b"")
