"""Socket.IO's own client and server, over WebSocket alone: transports: ["websocket"]."""

from parts.meeting import Meeting


class Dialogue:
    backend_name = "socketio"

    def invite(self, gate, by="query", **more):
        """The library makes URL and query itself; the token goes where the library lets it."""
        made = self.request(gate, "", [], token="", kind="socketio", transports=["websocket"])
        made["url"] = "http://%s:%d" % gate.address
        made |= {"query": {}, "headers": {}} | more
        if by == "query":
            made["query"] = {"access_token": self.token}
        elif by == "header":
            made["headers"] = made["headers"] | {"Authorization": f"Bearer {self.token}"}
        elif by == "cookie":
            made["cookie"] = self.token
        return made

    def check_dialogue(self, by):
        gate = self.gate()
        answer = self.ask(self.invite(gate, by))
        self.assertEqual(answer.get("opened"), {"transport": "websocket"}, answer)
        events = answer["events"]
        headers = events.pop("headers")
        self.assertEqual(
            events,
            {
                "welcome": {"room": "blue"},
                "echo": "ünï¢ödé 🚪",
                "bytes": True,
                "long": True,
                "told": "good morning",
                "end": "io server disconnect",
            },
        )
        self.assertEqual(headers["x-auth-subject"], "alice")
        self.assertNotIn(self.token, str(headers))
        line = gate.await_line("handshake")
        self.assertEqual((line["path"], line["status"]), ("/socket.io/", 101))

    def check_turned_away(self, answer, status, gate=None):
        error = "websocket error"
        if self.client_name == "chromium":
            self.assertEqual(answer["refused"], {"error": error, "status": None})
        else:
            self.assertEqual(answer["refused"], {"error": error, "status": status})
        self.assertEqual(gate.await_line("handshake")["status"], status)
        self.assertEqual(gate.lines("tunnel"), [])

    def test_dialogue_with_query_token(self):
        self.check_dialogue("query")

    def test_no_token(self):
        gate = self.gate()
        self.check_turned_away(self.ask(self.invite(gate, by="")), 401, gate)

    def test_polling(self):
        """The library's default begins with plain requests, which are no upgrade."""
        gate = self.gate()
        answer = self.ask(self.invite(gate, transports=["polling", "websocket"]))
        self.assertEqual(answer["refused"]["error"], "xhr poll error")
        self.assertEqual(gate.await_line("handshake")["status"], 426)


class Program(Dialogue, Meeting):
    client_name = "socketio"

    def test_dialogue_with_header_token(self):
        self.check_dialogue("header")

    def test_origin(self):
        gate = self.gate()
        answer = self.ask(self.invite(gate, headers={"Origin": "http://evil.test"}))
        self.check_turned_away(answer, 403, gate)


class Page(Dialogue, Meeting):
    client_name = "chromium"

    def test_dialogue_with_cookie_token(self):
        self.check_dialogue("cookie")
