"""A token in Sec-WebSocket-Protocol: what the backend sees, and what the client gets back."""

from harness import tokens
from harness.case import Case
from harness.secure import in_four_forms
from harness.wire import handshake, switching


@in_four_forms()
class Subprotocol(Case):
    def exchange(self, offered, chosen=None):
        """(what the backend was offered, what the client was answered)"""
        service = self.backend()
        gate = self.gateway(service, **self.jwt(token_from=["subprotocol"]))
        client = self.client(
            gate, handshake("/ws", *(f"Sec-WebSocket-Protocol: {o}" for o in offered))
        )
        peer = service.next()
        head = peer.read_head()
        self.assertNotIn(self.token.split(".")[1], head.raw.decode())
        self.assertNotIn(tokens.b64(self.token.encode())[:40], head.raw.decode())
        peer.send(switching(head, *([f"Sec-WebSocket-Protocol: {chosen}"] if chosen else [])))
        reply = client.read_response()
        return head.tokens("Sec-WebSocket-Protocol"), reply

    def setUp(self):
        super().setUp()
        self.token = tokens.hs()

    def test_table(self):
        pair, k8s = f"bearer, {self.token}", tokens.kubernetes(self.token)
        rows = {
            "pair alone": ([pair], None, [], "bearer"),
            "pair and one, chosen": ([f"{pair}, chat"], "chat", ["chat"], "chat"),
            "pair and one, none chosen": ([f"{pair}, chat"], None, ["chat"], "bearer"),
            "pair and two": ([f"{pair}, chat, log"], "log", ["chat", "log"], "log"),
            "pair in two fields": (["bearer", f"{self.token}, chat"], "chat", ["chat"], "chat"),
            "kubernetes first": ([f"{k8s}, chat"], "chat", ["chat"], "chat"),
            "kubernetes last": ([f"chat, log, {k8s}"], "log", ["chat", "log"], "log"),
            "kubernetes, none chosen": ([f"{k8s}, chat"], None, ["chat"], None),
            "pair last": ([f"chat, log, {pair}"], "log", ["chat", "log"], "log"),
            "pair last, none chosen": ([f"chat, log, {pair}"], None, ["chat", "log"], "bearer"),
            "pair between": ([f"chat, {pair}, log"], "chat", ["chat", "log"], "chat"),
            "pair in capitals": ([f"BEARER, {self.token}"], None, [], "BEARER"),
            "pair, mixed case, one chosen": ([f"Bearer, {self.token}, a"], "a", ["a"], "a"),
            "kubernetes between": ([f"chat, {k8s}, log"], "log", ["chat", "log"], "log"),
            "kubernetes in a field of its own": ([k8s, "chat"], "chat", ["chat"], "chat"),
        }
        for name, (offered, chosen, seen, answered) in rows.items():
            with self.subTest(name):
                at_backend, reply = self.exchange(offered, chosen)
                self.assertEqual(at_backend, seen)
                self.check_switched(reply)
                self.assertEqual(reply.get("Sec-WebSocket-Protocol"), answered)
                self.assertNotIn(self.token, reply.head.raw.decode())

    def test_bearer_where_no_token_is_looked_for(self):
        """Without `subprotocol` in token_from it is a protocol like any other."""
        service = self.backend()
        gate = self.gateway(service, **self.jwt())
        offered = "Sec-WebSocket-Protocol: bearer, chat"
        line = f"Authorization: Bearer {self.token}"
        for chosen in ("bearer", "chat", None):
            client = self.client(gate, handshake("/ws", line, offered))
            peer = service.next()
            head = peer.read_head()
            self.assertEqual(head.tokens("Sec-WebSocket-Protocol"), ["bearer", "chat"])
            peer.send(switching(head, *([f"Sec-WebSocket-Protocol: {chosen}"] if chosen else [])))
            reply = client.read_response()
            self.check_switched(reply)
            self.assertEqual(reply.get("Sec-WebSocket-Protocol"), chosen)

    def test_forward_token_never_forwards_a_subprotocol(self):
        service = self.backend()
        gate = self.gateway(
            service, **self.jwt(token_from=["subprotocol"], forward_token=True)
        )
        for offered in (f"bearer, {self.token}, chat", f"{tokens.kubernetes(self.token)}, chat"):
            client = self.client(gate, handshake("/ws", f"Sec-WebSocket-Protocol: {offered}"))
            peer = service.next()
            head = peer.read_head()
            self.assertEqual(head.tokens("Sec-WebSocket-Protocol"), ["chat"])
            peer.send(switching(head, "Sec-WebSocket-Protocol: chat"))
            reply = client.read_response()
            self.assertEqual(reply.get("Sec-WebSocket-Protocol"), "chat")

    def test_a_backend_that_answers_what_was_taken_out(self):
        for chosen in ("bearer", self.token, tokens.kubernetes(self.token)):
            with self.subTest(chosen[:30]):
                _, reply = self.exchange([f"bearer, {self.token}, chat"], chosen)
                self.check_refused(reply, 502)

    def test_refused(self):
        gate = self.gateway(**self.jwt(token_from=["subprotocol"]))
        coded = tokens.kubernetes(self.token)
        rows = {
            "kubernetes without another protocol": coded,
            "kubernetes with padding": coded + "=, chat",
            "kubernetes that is not base64url": "base64url.bearer.authorization.k8s.io.!, chat",
            "kubernetes without a token": "base64url.bearer.authorization.k8s.io., chat",
            "bearer alone": "bearer",
            "bearer and something else": "bearer, chat",
            "a token alone": self.token,
        }
        for name, value in rows.items():
            with self.subTest(name):
                reply = gate.ask(handshake("/ws", f"Sec-WebSocket-Protocol: {value}"))
                self.assertIn(reply.status, (400, 401), reply)
                self.check_refused(reply, reply.status)
