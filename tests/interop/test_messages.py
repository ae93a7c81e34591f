"""Every client with every backend: messages of all kinds, pings, ends, what is negotiated."""

import json

from parts.meeting import Meeting, browsers, message, message_sized, receive, send, send_sized

# On both sides of the lengths that change the form of a frame's header.
SIZES = (0, 1, 125, 126, 127, 65535, 65536)
LARGE = 1 << 20
SPOKEN = "a word, ünï¢ödé, 🚪"


class Messages:
    """What every client can do, a browser too."""

    def check_echo(self, kind, sizes, path="/echo"):
        gate = self.gate()
        steps = [step for size in sizes for step in (send_sized(kind, size), receive())]
        events = self.talk(gate, steps, path=path)
        self.check_events(events, *(message_sized(kind, size) for size in sizes))

    def test_text(self):
        self.check_echo("text", SIZES)

    def test_binary(self):
        self.check_echo("binary", SIZES)

    def test_one_mebibyte(self):
        gate = self.gate()
        kinds = ("text", "binary")
        steps = [step for kind in kinds for step in (send_sized(kind, LARGE), receive())]
        self.check_events(
            self.talk(gate, steps, path="/echo"), *(message_sized(kind, LARGE) for kind in kinds)
        )

    def test_many_without_waiting(self):
        gate = self.gate()
        texts = [f"{i} {SPOKEN}" for i in range(300)]
        events = self.talk(gate, [*map(send, texts), receive(len(texts))])
        self.check_events(events, *map(message, texts))
        line = gate.await_line("tunnel")
        self.assertGreater(line["bytes_in"], 0)
        self.assertGreater(line["bytes_out"], 0)

    def test_fragments_of_the_backend(self):
        gate = self.gate()
        events = self.talk(gate, [send("/fragments 5 5000"), receive()])
        self.check_events(events, message_sized("binary", 5000))

    def test_ping_of_the_backend(self):
        gate = self.gate()
        events = self.talk(gate, [send("/ping are you there"), receive()])
        self.check_events(events, message("pong are you there"))

    def test_close_by_the_client(self):
        gate = self.gate()
        for code in (1000, 3000, 4321):
            with self.subTest(code=code):
                reason = f"{code} as I say, ünï¢ödé, {self.id()}"[:120]
                events = self.talk(gate, [{"do": "close", "code": code, "reason": reason}])
                self.check_events(events, {"closed": code})
                self.assertEqual(self.last_close(gate, reason), {"code": code, "reason": reason})

    def test_close_by_the_backend(self):
        gate = self.gate()
        ends = ((1000, ""), (1001, "going"), (1011, "ünï¢ödé"), (4999, "r" * 123))
        for code, reason in ends:
            with self.subTest(code=code):
                steps = [send(f"/close {code} {reason}"), {"do": "await_close"}]
                self.check_events(self.talk(gate, steps), {"closed": code, "reason": reason})

    def test_end_without_close_by_the_backend(self):
        gate = self.gate()
        events = self.talk(gate, [send("/abort"), {"do": "await_close"}])
        self.check_events(events, {"closed": 1006, "reason": ""})

    def test_subprotocol(self):
        gate = self.gate()
        choices = (([], ""), (["chat.v1"], "chat.v1"), (["other", "chat.v2"], "chat.v2"))
        for offered, chosen in choices:
            with self.subTest(offered=offered):
                events = self.talk(gate, [send(SPOKEN), receive()], subprotocols=offered)
                self.check_events(events, message(SPOKEN))
                self.assertEqual(self.opened["subprotocol"], chosen)

    def test_deflate(self):
        """Negotiated end to end, and in use: few bytes pass for many."""
        gate = self.gate()
        steps = [step for _ in range(3) for step in (send_sized("text", 100000), receive())]
        self.check_events(self.talk(gate, steps), *[message_sized("text", 100000)] * 3)
        self.assertIn("permessage-deflate", self.opened["extensions"])
        line = gate.await_line("tunnel")
        self.assertLess(line["bytes_in"], 30000)
        self.assertLess(line["bytes_out"], 30000)

    def test_no_extensions(self):
        """A route that passes none on: the client offers it in vain."""
        gate = self.gate(route={"extensions": "none"})
        steps = [send_sized("text", 100000), receive()]
        self.check_events(self.talk(gate, steps), message_sized("text", 100000))
        self.assertEqual(self.opened["extensions"], "")
        self.assertGreater(gate.await_line("tunnel")["bytes_in"], 100000)

    def test_what_the_backend_sees(self):
        """Who it is, and nothing that lets it or its logs become that."""
        gate = self.gate()
        events = self.talk(gate, [send("/headers"), receive()])
        seen = json.loads(events[0]["data"])
        self.assertEqual(seen["x-auth-subject"], "alice")
        self.assertEqual(seen["x-forwarded-for"], "127.0.0.1")
        self.assertEqual(seen["host"], "%s:%d" % gate.address)
        self.assertEqual(seen["origin"], self.origin())
        self.assertNotIn("authorization", seen)
        self.assertNotIn(self.token, json.dumps(seen))

    def test_no_token(self):
        gate = self.gate()
        answer = self.ask(self.request(gate, "/echo", [], token=""))
        self.check_turned_away(answer, 401, gate)
        if answer["refused"]:
            self.assertRegex(answer["refused"]["headers"]["www-authenticate"], '^Bearer realm="')


class OwnFrames:
    """What a browser does not let a page do."""

    def test_fragments_of_the_client(self):
        gate = self.gate()
        sizes = (("text", 50), ("binary", 5000), ("binary", 200000))
        for deflate in (False, True):
            with self.subTest(deflate=deflate):
                steps = [
                    step
                    for kind, size in sizes
                    for step in (send_sized(kind, size, pieces=5), receive())
                ]
                events = self.talk(gate, steps, deflate=deflate)
                self.check_events(events, *(message_sized(kind, size) for kind, size in sizes))

    def test_ping_of_the_client(self):
        gate = self.gate()
        pings = ("", "x", "p" * 125)
        events = self.talk(gate, [{"do": "ping", "data": data} for data in pings], path="/echo")
        self.check_events(events, *({"pong": data} for data in pings))

    def test_without_deflate(self):
        gate = self.gate()
        steps = [send_sized("text", 100000), receive()]
        self.check_events(self.talk(gate, steps, deflate=False), message_sized("text", 100000))
        self.assertEqual(self.opened["extensions"], "")
        self.assertGreater(gate.await_line("tunnel")["bytes_in"], 100000)


class chromium_wss_python(Meeting):
    """wss:// as a page of a browser opens it."""

    client_name, backend_name = "chromium", "python"
    secure_client = True

    test_text, test_binary = Messages.test_text, Messages.test_binary
    test_close_by_the_client = Messages.test_close_by_the_client
    test_what_the_backend_sees = Messages.test_what_the_backend_sees
    test_no_token = Messages.test_no_token
    check_echo = Messages.check_echo

    def test_authority_that_the_browser_does_not_know(self):
        """The same page; a browser that knows it then shows that all else was well."""
        stranger = browsers.get("chromium that trusts nobody")
        service = self.echo_backend()
        gate = self.gate(service, origins=[stranger.home])
        answer = stranger.ask(self.request(gate, "/echo", []))
        self.assertNotIn("error", answer)
        self.assertIn("refused", answer)
        self.check_events(answer["events"], {"closed": 1006, "reason": "", "clean": False})
        line = gate.await_line("handshake", reason="tls-handshake")
        self.assertIn("certificate unknown", line["detail"])
        self.assertEqual(service.connects, 0)
        self.check_events(self.talk(gate, [send("x"), receive()], path="/echo"), message("x"))
        self.assertEqual(service.connects, 1)


CLIENTS = {"python": (Messages, OwnFrames), "ws": (Messages, OwnFrames), "chromium": (Messages,)}

for client, abilities in CLIENTS.items():
    for backend in ("python", "ws", "gin"):
        name = f"{client}_{backend}"
        names = {"client_name": client, "backend_name": backend, "__module__": __name__}
        globals()[name] = type(name, (*abilities, Meeting), names)
