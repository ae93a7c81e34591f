"""graphql-ws on both sides: the subprotocol graphql-transport-ws, and a token beside it."""

from parts.meeting import Meeting


class Dialogue:
    backend_name = "graphql"

    def check_dialogue(self, by):
        gate = self.gate()
        answer = self.ask(self.request(gate, "/graphql", [], by=by, kind="graphql"))
        self.assertEqual(answer.get("opened"), {"subprotocol": "graphql-transport-ws"}, answer)
        self.assertEqual(
            answer["events"],
            {
                "hello": [{"hello": "hello 🚪"}],
                "count": [{"count": number} for number in range(1, 6)],
                "subject": [{"header": "alice"}],
                "secret": [{"header": None}],
            },
        )

    def test_dialogue_with_query_token(self):
        self.check_dialogue("query")

    def test_dialogue_with_subprotocol_pair(self):
        self.check_dialogue("pair")

    def test_dialogue_with_subprotocol_kubernetes(self):
        self.check_dialogue("kubernetes")

    def test_close_by_the_backend(self):
        """The library's own word for "not you": 4403, in the middle of its opening."""
        gate = self.gate()
        request = self.request(gate, "/graphql", [], kind="graphql", params={"unwelcome": True})
        answer = self.ask(request)
        self.check_events(answer["events"], {"closed": 4403, "reason": "Forbidden"})
        self.assertEqual(gate.await_line("handshake")["status"], 101)

    def test_no_token(self):
        gate = self.gate()
        request = self.request(gate, "/graphql", [], token="", kind="graphql")
        self.check_turned_away(self.ask(request), 401, gate)


class Program(Dialogue, Meeting):
    client_name = "graphql"

    def test_dialogue_with_header_token(self):
        self.check_dialogue("header")

    def test_origin(self):
        gate = self.gate()
        request = self.request(gate, "/graphql", [], kind="graphql", origin="http://evil.test")
        self.check_turned_away(self.ask(request), 403, gate)


class Page(Dialogue, Meeting):
    client_name = "chromium"

    def test_dialogue_with_cookie_token(self):
        self.check_dialogue("cookie")
