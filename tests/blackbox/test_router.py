"""Which route a handshake takes: listener, host, path; the first match wins."""

import os

from harness.case import Case
from harness.wire import handshake, switching


class Router(Case):
    def gate_for(self, rows, **top):
        """Each route goes to a backend named like its key; take() says which one it was."""
        config = self.config(self.backend(), **top)
        config["routes"], config["backends"], self.services = [], {}, {}
        for name, route in rows.items():
            self.services[name] = self.backend()
            config["backends"][name] = {"servers": [self.services[name].text]}
            config["routes"].append(self.route(backend=name, **route))
        return self.start(config)

    def take(self, gate, target, host="gate.test", listener=None):
        """The backend's name, or the status when none was reached."""
        before = {name: len(service.peers) for name, service in self.services.items()}
        client = self.client(gate, handshake(target, host=host), listener)
        while True:
            for name, service in self.services.items():
                if len(service.peers) > before[name]:
                    peer = service.next()
                    peer.send(switching(peer.read_head()))
                    self.check_switched(client.read_response())
                    client.close()
                    peer.close()
                    return name
            if client.ends_within(0.002):
                return client.read_response().status

    def check(self, gate, rows):
        for (target, *more), expected in rows.items():
            with self.subTest(target=target, more=more):
                self.assertEqual(self.take(gate, target, *more), expected)

    def test_paths(self):
        gate = self.gate_for(
            {
                "exact": {"path": "/chat"},
                "below": {"path": "/chat/*"},
                "room": {"path": "/rooms/{room}"},
                "seat": {"path": "/rooms/{room}/seats/{seat}"},
                "slash": {"path": "/slash/"},
            }
        )
        self.check(
            gate,
            {
                ("/chat",): "exact",
                ("/chat?x=/chat/",): "exact",
                ("/ch%61t",): "exact",
                ("/chat/",): "below",
                ("/chat/a",): "below",
                ("/chat/a/b/c",): "below",
                ("/chats",): 404,
                ("/Chat",): 404,
                ("/rooms/7",): "room",
                ("/rooms/a%20b",): "room",
                ("/rooms/",): 404,
                ("/rooms",): 404,
                ("/rooms/7/",): 404,
                ("/rooms/7/8",): 404,
                ("/rooms/7/seats/8",): "seat",
                ("/rooms/7/seats/",): 404,
                ("/slash/",): "slash",
                ("/slash",): 404,
                ("/",): 404,
            },
        )

    def test_everything(self):
        gate = self.gate_for({"all": {"path": "/*"}})
        self.check(gate, {("/",): "all", ("/a/b",): "all", ("/?q",): "all"})

    def test_first_match_wins(self):
        gate = self.gate_for(
            {
                "one": {"path": "/a/b"},
                "two": {"path": "/a/*", "host": "two.test"},
                "three": {"path": "/a/{x}"},
                "four": {"path": "/a/*"},
            }
        )
        self.check(
            gate,
            {
                ("/a/b",): "one",
                ("/a/b", "two.test"): "one",
                ("/a/c", "two.test"): "two",
                ("/a/c",): "three",
                ("/a/",): "four",
                ("/a/c/d",): "four",
            },
        )

    def test_hosts(self):
        gate = self.gate_for(
            {
                "exact": {"path": "/ws", "host": "chat.test"},
                "wild": {"path": "/ws", "host": "*.chat.test"},
                "other": {"path": "/other", "host": "chat.test"},
                "any": {"path": "/any"},
                "six": {"path": "/ws", "host": "[2001:db8:0:0::1]"},
            }
        )
        self.check(
            gate,
            {
                ("/ws", "[2001:db8::1]"): "six",
                ("/ws", "[2001:0DB8:0:0:0:0:0:1]:81"): "six",
                ("/ws", "[2001:db8::0.0.0.1]"): "six",
                ("/ws", "[2001:db8::2]"): 404,
                ("/ws", "chat.test"): "exact",
                ("/ws", "CHAT.Test"): "exact",
                ("/ws", "chat.test."): "exact",
                ("/ws", "chat.test:80"): "exact",
                ("/ws", "chat.test:9999"): "exact",
                ("/ws", "a.chat.test"): "wild",
                ("/ws", "a.b.chat.test"): "wild",
                ("/ws", "A.CHAT.TEST:81"): "wild",
                ("/ws", "xchat.test"): 404,
                ("/ws", "chat.test.evil"): 404,
                ("/ws", "chat"): 404,
                ("/ws", "127.0.0.1"): 404,
                ("/other", "chat.test"): "other",
                ("/other", "a.chat.test"): 404,
                ("/any", "chat.test"): "any",
                ("/any", "127.0.0.1"): "any",
                ("/any", "[::1]:80"): "any",
            },
        )

    def test_listeners(self):
        path = os.path.join(self.directory, "third.sock")
        gate = self.gate_for(
            {
                "inside": {"path": "/ws", "listeners": ["inner"]},
                "both": {"path": "/both", "listeners": ["outer", "inner"]},
                "local": {"path": "/local", "listeners": ["local"]},
                "rest": {"path": "/*"},
            },
            listeners=[
                {"name": "outer"},
                {"name": "inner"},
                {"name": "local", "address": f"unix:{path}"},
            ],
        )
        host = "gate.test"
        self.check(
            gate,
            {
                ("/ws", host, "inner"): "inside",
                ("/ws", host, "outer"): "rest",
                ("/ws", host, "local"): "rest",
                ("/both", host, "inner"): "both",
                ("/both", host, "outer"): "both",
                ("/both", host, "local"): "rest",
                ("/local", host, "local"): "local",
                ("/local", host, "inner"): "rest",
            },
        )
        lines = {line["listener"] for line in gate.await_lines(8, "handshake")}
        self.assertEqual(lines, {"outer", "inner", "local"})

    def test_encoded_slashes(self):
        gate = self.gate_for(
            {
                "kept": {"path": "/keep/{name}", "encoded_slashes": "keep"},
                "not": {"path": "/not/{name}"},
            }
        )
        self.check(
            gate,
            {
                ("/keep/a%2Fb",): "kept",
                ("/keep/a%2f..%2fb",): 400,
                ("/not/a%2Fb",): 400,
                ("/none/a%2Fb",): 400,
                ("/not/ab",): "not",
            },
        )
