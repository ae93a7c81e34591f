"""`reject_with: close`: a 101 for the client alone, then a Close with the code that says why."""

import os
import struct
import unittest

from harness import frames, tokens
from harness.backend import Backend
from harness.case import Case
from harness.gateway import test_program
from harness.secure import in_four_forms
from harness.wire import handshake, head

CLOSE = {"reject_with": "close"}


def offer(value):
    return f"Sec-WebSocket-Protocol: {value}"


class Close(Case):
    def check_close(self, client, code, reason, protocol=None):
        """The 101, one Close, then the end; nothing else."""
        answer = client.read_response()
        self.check_switched(answer)
        self.assertEqual(answer.get("Sec-WebSocket-Protocol"), protocol)
        self.assertIsNone(answer.get("Sec-WebSocket-Extensions"))
        self.assertRegex(answer.get("X-Request-Id"), "^[0-9a-f]{16}$")
        rest = client.read_rest()
        opcode, payload, used = frames.decode(rest)
        self.assertEqual((opcode, used), (frames.CLOSE, len(rest)))
        self.assertEqual((struct.unpack("!H", payload[:2])[0], payload[2:].decode()), (code, reason))
        return answer

    def check_refused_so(self, gate, request, status, code, reason, protocol=None):
        client = self.client(gate, request)
        answer = self.check_close(client, code, reason, protocol)
        client.close()
        line = gate.await_line("handshake", id=answer.get("X-Request-Id"))
        self.assertEqual(
            (line["status"], line["close_code"], line["reason"]), (status, code, reason)
        )
        return line


@in_four_forms()
class RejectWithClose(Close):
    def test_statuses_of_the_chain(self):
        service = self.backend()
        middleware = self.jwt(claims={"sub": {"equals": "ann"}})["middleware"] | {
            "far": {"ip_allowlist": {"allow": ["192.0.2.0/24"]}},
        }
        config = self.config(service, require=["users"], middleware=middleware, route=CLOSE)
        config["routes"].append(self.route("/far", ["far"], reject_with="close"))
        config["routes"].append(self.route("/http", ["users"]))
        gate = self.start(config)
        expired = tokens.hs(tokens.claims(-60))
        bearer = "Authorization: Bearer "
        rows = (
            ("/ws", (), 401, 4401, "token-missing"),
            ("/ws", (bearer + expired,), 401, 4401, "token-expired"),
            ("/ws", (bearer + "x",), 401, 4401, "token-malformed"),
            ("/ws", (bearer + tokens.hs(tokens.claims(sub="bob")),), 403, 4403, "claims-not-met"),
            ("/far", (), 403, 4403, "address-not-allowed"),
        )
        for target, lines, status, code, reason in rows:
            with self.subTest(reason):
                self.check_refused_so(gate, handshake(target, *lines), status, code, reason)
        self.check_refused(gate.ask(handshake("/http")), 401)
        self.assertEqual(service.connects, 0)
        self.assertNotIn(expired, gate.output().decode())
        gate.stop()
        stopped = gate.lines("stopped", name="stderr")[0]
        self.assertEqual((stopped["refused_by_close"], stopped["refused"]), (5, 6))
        self.assertEqual(stopped["tunnels"], 0)

    def test_what_stays_http(self):
        """A handshake that is not valid, no route, a status that has no code."""
        gate = self.gateway(**self.jwt(), route=CLOSE)
        token = "Authorization: Bearer " + tokens.hs()
        rows = (
            (handshake("/none"), 404),
            (handshake("/ws", drop=["Upgrade"]), 426),
            (handshake("/ws", version="12"), 426),
            (handshake("/ws", method="POST"), 405),
            (handshake("/ws", key="short"), 400),
            (handshake("/ws", drop=["Sec-WebSocket-Key"]), 400),
            (handshake("/ws", token, token), 400),
            (handshake("/ws/../ws"), 400),
        )
        for request, status in rows:
            with self.subTest(request[:60]):
                self.check_refused(gate.ask(request), status)
        for line in gate.await_lines(len(rows), "handshake"):
            self.assertNotIn("close_code", line)

    def test_subprotocols(self):
        """The first that is no token, else `bearer`; whatever refuses, and before it looks."""
        bad = tokens.hs(tokens.claims(-60))
        pair, k8s = f"bearer, {bad}", tokens.kubernetes(bad)
        rows = (
            ((), None),
            (("chat",), "chat"),
            (("chat, log",), "chat"),
            ((pair,), "bearer"),
            ((f"Bearer, {bad}",), "Bearer"),
            ((f"{pair}, chat",), "chat"),
            ((f"chat, {pair}",), "chat"),
            (("bearer", f"{bad}, chat, log"), "chat"),
            ((f"{k8s}, chat",), "chat"),
            ((f"chat, {k8s}",), "chat"),
            ((k8s, "log"), "log"),
            (("bearer",), "bearer"),
        )
        gate = self.gateway(
            **self.jwt(token_from=["subprotocol"]), route=CLOSE, threads=1
        )
        far = self.gateway(
            require=["far"], middleware={"far": {"ip_allowlist": {"allow": ["192.0.2.1"]}}},
            route=CLOSE, threads=1,
        )
        for offered, named in rows:
            for tried, code in ((gate, 4401), (far, 4403)):
                with self.subTest(offered=offered, code=code):
                    client = self.client(tried, handshake("/ws", *map(offer, offered)))
                    answer = client.read_response()
                    self.check_switched(answer)
                    self.assertEqual(answer.get("Sec-WebSocket-Protocol"), named)
                    self.assertNotIn(bad, answer.head.raw.decode())
                    rest = client.read_rest()
                    self.assertEqual(struct.unpack("!H", frames.decode(rest)[1][:2])[0], code)
                    client.close()
        self.check_refused(far.ask(handshake("/ws", offer(k8s))), 403)
        self.assertIn(gate.ask(handshake("/ws", offer(k8s))).status, (400, 401))

    def test_an_api_key_is_not_said_again(self):
        key = "api-key." + "k" * 43
        table = self.file("keys", "0" * 64 + " nobody\n")
        keys = {"api_key": {"files": [table], "key_from": "subprotocol"}}
        gate = self.gateway(require=["keys"], middleware={"keys": keys}, route=CLOSE)
        self.check_refused_so(gate, handshake("/ws", offer(f"{key}, chat")), 401, 4401,
                              "key-unknown", "chat")
        self.check_refused(gate.ask(handshake("/ws", offer(key))), 400)

    def test_statuses_of_the_backend(self):
        """What became of the way there; and what the backend itself answered, by its status."""
        service = self.backend()
        gate = self.gateway(service, route=CLOSE, pool={"handshake_timeout": "2s"})
        answers = (
            (head("HTTP/1.1 401 Unauthorized", "Content-Length: 4") + b"body", 401, 4401,
             "backend-refused"),
            (head("HTTP/1.1 403 Forbidden", "Content-Length: 0"), 403, 4403, "backend-refused"),
            (head("HTTP/1.1 429 Slow", "Content-Length: 0"), 429, 4429, "backend-refused"),
            (head("HTTP/1.1 503 Busy", "Content-Length: 0"), 503, 1013, "backend-refused"),
            (head("HTTP/1.1 502 No", "Content-Length: 0"), 502, 1011, "backend-refused"),
            (b"garbage\r\n\r\n", 502, 1011, "backend-malformed"),
            (b"", 504, 1011, "backend-handshake-timeout"),
        )
        for data, status, code, reason in answers:
            with self.subTest(data[:30]):
                client = self.client(gate, handshake("/ws", offer("chat")))
                peer = service.next()
                peer.read_head()
                peer.send(data)
                answer = self.check_close(client, code, reason, "chat")
                line = gate.await_line("handshake", id=answer.get("X-Request-Id"))
                self.assertEqual((line["status"], line["close_code"]), (status, code))
                client.close(), peer.close()
        client = self.client(gate, handshake("/ws"))
        peer = service.next()
        peer.read_head()
        peer.send(head("HTTP/1.1 302 Found", "Location: /", "Content-Length: 0"))
        self.assertEqual(client.read_response().status, 302)

    def test_no_server(self):
        nobody = Backend()
        gate = self.gateway(nobody, route=CLOSE)
        nobody.close()
        self.check_refused_so(gate, handshake("/ws"), 502, 1011, "backend-connect")

    def test_a_client_that_answers_and_one_that_sends_on(self):
        """Its Close, data, early frames: all read and dropped; the connection ends by itself."""
        service = self.backend()
        gate = self.gateway(service, **self.jwt(), route=CLOSE, timeouts={"close": "1s"})
        early = frames.encode(b"early", masked=True)
        answering = self.client(gate, handshake("/ws") + early)
        self.check_close(answering, 4401, "token-missing")
        answering.send(frames.encode(struct.pack("!H", 4401), frames.CLOSE, masked=True))
        answering.close()
        talking = self.client(gate, handshake("/ws"))
        self.check_close(talking, 4401, "token-missing")
        talking.send(frames.encode(b"x" * 10000, masked=True))
        gate.await_idle()
        self.assertEqual(service.connects, 0)

    def test_the_head_byte_by_byte(self):
        gate = self.gateway(**self.jwt(), route=CLOSE)
        client = self.client(gate)
        for byte in handshake("/ws", offer("chat")):
            client.send(bytes([byte]))
        self.check_close(client, 4401, "token-missing", "chat")

    def test_the_largest_subprotocol(self):
        """As large as any head can be: the 101 names it, and the Close still fits behind it."""
        gate = self.gateway(**self.jwt(), route=CLOSE, limits={"head": "48KiB"})
        name = "p" * (48 * 1024 - 300)
        client = self.client(gate, handshake("/ws", offer(name)))
        self.check_close(client, 4401, "token-missing", name)


@in_four_forms()
@unittest.skipUnless(os.access(test_program(), os.X_OK), f"{test_program()} is not built")
class Waiting(Close):
    """The same by a module that waits, times out, or asks for another status."""

    def test_statuses_of_the_module(self):
        for options, status, code, reason in (
            ({"verdict": "deny", "delay": "20ms"}, 403, 4403, "test-denied"),
            ({"verdict": "pass", "delay": "30s"}, 504, 1011, "auth-timeout"),
            ({"verdict": "pass", "too_much": True}, 503, 1013, "no-memory"),
        ):
            with self.subTest(reason):
                service = self.backend()
                config = self.config(
                    service, require=["w"], middleware={"w": {"test_waits": options}},
                    route=CLOSE, timeouts={"auth": "300ms"} if status == 504 else {},
                )
                gate = self.start(config, binary=test_program())
                self.check_refused_so(gate, handshake("/ws", offer("chat")), status, code, reason,
                                      "chat")
                self.assertEqual(service.connects, 0)
