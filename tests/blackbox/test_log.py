"""Two lines a tunnel with the same id, and no credential in any output."""

import json
import os
import re
import subprocess
import threading

from harness import tokens
from harness.case import Case
from harness.gateway import program
from harness.wire import handshake


class Lines(Case):
    def test_a_tunnel_has_two(self):
        service = self.backend()
        gate = self.gateway(service, **self.jwt())
        line = f"Authorization: Bearer {tokens.hs()}"
        client, peer = self.tunnel(gate, service, handshake("/ws?secret=1", line, host="Gate.Test"))
        port = client.sock.getsockname()[1]
        start = gate.await_line("handshake")
        self.assertEqual(gate.lines("tunnel"), [])
        client.send(b"12345")
        peer.read(5)
        peer.send(b"123")
        client.read(3)
        client.close()
        peer.expect_end()
        peer.close()
        end = gate.await_line("tunnel")
        self.assertEqual(start["id"], end["id"])
        self.assertEqual(start["status"], 101)
        self.assertEqual(start["method"], "GET")
        self.assertEqual(start["host"], "gate.test")
        self.assertEqual(start["path"], "/ws")
        self.assertEqual(start["listener"], "main")
        self.assertEqual(start["subject"], "alice")
        self.assertIn(start["peer"], ("127.0.0.1", f"127.0.0.1:{port}"))
        self.assertIn(service.text, (start["backend"], start.get("server")))
        self.assertIn("route", start)
        self.assertGreaterEqual(start["duration_ms"], 0)
        self.assertGreaterEqual(end["duration_ms"], 0)
        self.assertEqual((end["bytes_in"], end["bytes_out"]), (5, 3))
        self.assertEqual(end["initiator"], "client")
        for entry in (start, end):
            self.assertRegex(entry["time"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d")

    def test_a_refusal_has_one(self):
        gate = self.gateway(threads=1, **self.jwt())  # of two, one may write a little later
        gate.ask(handshake("/ws"))
        gate.ask(handshake("/none"))
        gate.ask(b"nonsense\r\n\r\n")
        refused = gate.await_lines(3, "handshake")
        self.assertEqual([line["status"] for line in refused], [401, 404, 400])
        self.assertIn(refused[0]["module"], ("users", "jwt"))
        self.assertEqual(gate.lines("tunnel"), [])
        for line in refused:
            self.assertRegex(line["reason"], r"^[a-z][a-z0-9_-]+$")

    def test_hostile_bytes_cannot_break_a_line(self):
        gate = self.gateway()
        hostile = '"},{\\u0000\\"\x7f\x1b[31m</script>'
        requests = [
            handshake("/%22%7D%7B"),
            handshake('/"}{'),
            handshake("/ws?\"}{'"),
            handshake(
                "/none", f"User-Agent: {hostile}", f"Origin: {hostile}", f"Referer: {hostile}"
            ),
            handshake("/none", host='"}{'),
            handshake("/none", "User-Agent: \xff\xfe\x80"),
            handshake("/none", 'User-Agent: a\r\nX: \n{"event":"handshake"}'),
            handshake("/" + "a" * 5000),
            handshake("/none", host="a" * 200 + ".test"),
            b"\x00" * 100 + b"\r\n\r\n",
            b'"}\n{"event":"handshake","status":101}\n\r\n\r\n',
        ]
        for request in requests:
            gate.ask(request)
        lines = gate.await_lines(len(requests), "handshake")
        self.assertEqual(len(lines), len(requests))
        for line in gate.output().splitlines():
            self.assertLess(len(line), 8192)
            self.assertIsNone(re.search(rb"[\x00-\x1f\x7f]", line), line)
            line.decode("utf-8")

    def test_files(self):
        access, error = (os.path.join(self.directory, name) for name in ("access.log", "error.log"))
        gate = self.gateway(log={"access": access, "error": error, "level": "debug"})
        gate.ask(handshake("/none"))
        gate.stop()
        with open(access, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        self.assertEqual([line["status"] for line in lines if line["event"] == "handshake"], [404])
        with open(error, encoding="utf-8") as file:
            for line in file:
                json.loads(line)
        self.assertEqual(gate.output("stdout"), b"")

    def test_a_full_disk_stops_nobody(self):
        gate = self.gateway(log={"access": "/dev/full", "error": "/dev/full", "level": "debug"})
        for _ in range(50):
            self.assertEqual(gate.ask(handshake("/none")).status, 404)
        self.assertEqual(gate.ask(handshake("/ws")).status, 101)

    def test_a_reader_that_leaves_stops_nobody(self):
        """The log goes into a pipe, and nobody is at its other end any more."""
        path = os.path.join(self.directory, "pipe")
        os.mkfifo(path)
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        gate = self.gateway(log={"access": path, "error": "stderr", "level": "info"})
        self.assertEqual(gate.ask(handshake("/none")).status, 404)
        os.close(reader)
        for _ in range(50):
            self.assertEqual(gate.ask(handshake("/none")).status, 404)

    def test_a_reader_that_reads_nothing_stops_nobody(self):
        """The pipe is full: lines are lost, handshakes are not."""
        path = os.path.join(self.directory, "pipe")
        os.mkfifo(path)
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        gate = self.gateway(log={"access": path, "error": "stderr", "level": "info"})
        try:
            target = "/" + "a" * 2000
            for _ in range(1000):  # twice what it holds, and the pipe
                self.assertEqual(gate.ask(handshake(target)).status, 404)
        finally:
            os.set_blocking(reader, True)
            drain = threading.Thread(
                target=lambda: [None for _ in iter(lambda: os.read(reader, 65536), b"")]
            )
            drain.start()
            gate.stop()
            drain.join()
            os.close(reader)


class Redaction(Case):
    """No token, good or bad, and no piece of one, in any output at any level."""

    def check_silent(self, gate, outputs, secrets):
        gate.stop()
        for path in outputs:
            with open(path, "rb") as file:
                text = file.read()
            self.assertTrue(text or path.endswith("stderr"), f"{path} is empty: nothing was tested")
            for secret in secrets:
                self.assertNotIn(secret.encode(), text, path)

    def test_tokens_in_every_place(self):
        places = ["header", "cookie:session", "query:access_token", "subprotocol"]
        parts = self.jwt(token_from=places, forward_claims={"sub": "X-Auth-Subject"})
        gate = self.gateway(log={"access": "stdout", "error": "stderr", "level": "debug"}, **parts)
        secrets = []

        def made(secret=tokens.SECRET, **more):
            token = tokens.hs(tokens.claims(jti=tokens.unguessable().decode(), **more), secret)
            coded = tokens.b64(token.encode())
            secrets.extend(
                [
                    *token.split(".")[1:],
                    coded[:60],
                    coded[-60:],
                    tokens.b64(token[7:].encode())[:60],
                ]
            )
            return token, f"base64url.bearer.authorization.k8s.io.{coded}"

        kinds = {
            "good": {},
            "expired": {"exp": 1000},
            "forged": {"secret": tokens.OTHER_SECRET},
        }
        count = 0
        for more in kinds.values():
            token, coded = made(**more)
            for request in (
                handshake("/ws", f"Authorization: Bearer {token}"),
                handshake("/ws", f"Authorization: Basic {token}"),
                handshake("/ws", f"Cookie: session={token}"),
                handshake(f"/ws?access_token={token}"),
                handshake("/ws", f"Sec-WebSocket-Protocol: bearer, {token}, chat"),
                handshake("/ws", f"Sec-WebSocket-Protocol: {coded}, chat"),
                handshake("/ws", f"Sec-WebSocket-Protocol: {coded}"),
                handshake("/ws", f"Sec-WebSocket-Protocol: {token}"),
                handshake("/ws", f"Authorization: Bearer {token}", f"Cookie: session={token}"),
                handshake("/ws", f"Authorization: Bearer {token}x"),
                handshake("/ws", f"Authorization: Bearer {token} {token}"),
                handshake("/ws", f"Authorization : Bearer {token}"),
                handshake("/ws", f"Authorization: Bearer {token}\0"),
                handshake("/ws", f"Authorization: Bearer {token}")[:-4] + b"\r\nx\r\n\r\n",
                handshake(f"/none?access_token={token}"),
                handshake(f"/ws?x={token}", method="POST"),
                handshake("/ws", f"Authorization: Bearer {token}", method="POST"),
                handshake("/ws", f"Sec-WebSocket-Protocol: {token}, {token}"),
                handshake("/ws", f"Proxy-Authorization: Bearer {token}"),
                handshake(f"http://{token}@gate.test/ws"),
                f"GET /ws?access_token={token} HTTP/1.0\r\n\r\n".encode(),
                f"GET  /ws?access_token={token} HTTP/1.1\r\n\r\n".encode(),
            ):
                gate.ask(request)
                count += 1
        gate.await_lines(count, "handshake")
        self.check_silent(gate, [gate.stdout, gate.stderr], secrets)

    def test_a_query_is_not_logged(self):
        gate = self.gateway(log={"access": "stdout", "error": "stderr", "level": "debug"})
        for request in (
            handshake("/ws?apikey=hush-hush"),
            handshake("/none?apikey=hush-hush"),
            handshake("/ws?apikey=hush-hush", method="POST"),
            handshake("/ws?apikey=hush-hush%zz"),
            handshake("/ws?apikey=hush-hush\x01"),
            handshake("http://gate.test/ws?apikey=hush-hush"),
            handshake("http://other.test/ws?apikey=hush-hush"),
            handshake("/a/../b?apikey=hush-hush"),
        ):
            gate.ask(request)
        gate.await_lines(8, "handshake")
        self.check_silent(gate, [gate.stdout, gate.stderr], ["hush-hush"])

    def test_a_bad_configuration_does_not_show_its_secrets(self):
        """A secret that came by ${ENV} is not printed when its place is wrong."""
        path = self.file("bad.yaml", 'threads: "${HIDDEN}"\nlisteners: "${HIDDEN}"\n')
        done = subprocess.run(
            [program(), "-t", "-c", path],
            env=os.environ | {"HIDDEN": "hush-hush"},
            capture_output=True,
            timeout=30,
            check=False,
        )
        self.assertEqual(done.returncode, 1)
        self.assertNotIn(b"hush-hush", done.stdout + done.stderr)
