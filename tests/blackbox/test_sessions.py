"""The registry of sessions, by a module made for it: looked up by everything, listed, ended."""

import os
import signal
import struct
import unittest

from harness import frames
from harness.case import Case
from harness.gateway import test_program
from harness.wire import handshake, switching


def fields(text):
    """What a line says: its words, and all labels in a list."""
    found = {"labels": []}
    for word in text.split():
        name, _, value = word.partition("=")
        if name == "label":
            found["labels"].append(value)
        else:
            found[name] = value
    return found


@unittest.skipUnless(os.access(test_program(), os.X_OK), f"{test_program()} is not built")
class Sessions(Case):
    def start_gateway(self, service, **parts):
        self.orders = os.path.join(self.directory, "orders")
        middleware = {"who": {"test_sessions": {"commands": self.orders}}}
        config = self.config(service, require=["who"], middleware=middleware, **parts)
        config["routes"].append(
            self.route("/rooms/*", ["who"], "other", host="*.example.com"),
        )
        config["backends"]["other"] = config["backends"]["service"]
        return self.start(config, binary=test_program())

    def order(self, gate, text):
        """Sends the order; the sessions that were listed and the last line."""
        with open(self.orders, "w", encoding="utf-8") as file:
            file.write(text + "\n")
        done = len(gate.lines("sessions", name="stderr"))
        told = len(gate.lines("session", name="stderr"))
        os.kill(gate.pid, signal.SIGUSR2)
        line = gate.await_lines(done + 1, "sessions", name="stderr")[done]
        listed = gate.lines("session", name="stderr")[told:]
        return [fields(one["message"]) for one in listed], fields(line["message"])

    def count(self, gate, *filters):
        return int(self.order(gate, " ".join(("count",) + filters))[1]["count"])

    def enter(self, gate, service, path="/ws", host="example.com", **who):
        lines = [f"{name.replace('_', '-')}: {value}" for name, value in who.items()]
        return self.tunnel(gate, service, handshake(path, *lines, host=host))

    def test_lookup_by_everything(self):
        service = self.backend()
        gate = self.start_gateway(service, threads=2)
        a, pa = self.enter(gate, service, issuer="https://a", subject="ann", label="red",
                           token_id="t1", sid="s1")
        self.enter(gate, service, issuer="https://a", subject="bob", token_id="t2", sid="s1")
        self.enter(gate, service, issuer="https://b", subject="ann", label="blue", sid="s2")
        self.enter(gate, service, path="/rooms/7", host="x.example.com", subject="")
        rows = (
            ((), 4),
            (("issuer=https://a",), 2),
            (("subject=ann",), 2),
            (("issuer=https://a", "subject=ann"), 1),
            (("subject=",), 1),
            (("subject=an",), 0),
            (("token_id=t2",), 1),
            (("token_id=t3",), 0),
            (("sid=s1",), 2),
            (("sid=s1", "subject=bob"), 1),
            (("label=room",), 2),
            (("label=room:red",), 1),
            (("label=room:green",), 0),
            (("label=rooms",), 0),
            (("route=/ws",), 3),
            (("route=*.example.com/rooms/*",), 1),
            (("backend=other",), 1),
            (("backend=service",), 3),
            (("address=127.0.0.1",), 4),
            (("address=127.0.0.0/8", "subject=bob"), 1),
            (("address=10.0.0.0/8",), 0),
            (("id=ffffffffffffffff",), 0),
        )
        for filters, expected in rows:
            with self.subTest(filters):
                self.assertEqual(self.count(gate, *filters), expected)
        a.send(b"12345")
        self.assertEqual(pa.read(5), b"12345")
        pa.send(b"123")
        self.assertEqual(a.read(3), b"123")
        listed, _ = self.order(gate, "list token_id=t1")
        self.assertEqual(len(listed), 1)
        one = listed[0]
        expected = {
            "state": "tunnel", "server": service.text, "issuer": "https://a", "subject": "ann",
            "token_id": "t1", "sid": "s1", "route": "/ws", "backend": "service",
            "labels": ["room:red"], "in": "5", "out": "3",
        }
        self.assertEqual({name: one[name] for name in expected}, expected)
        line = gate.lines("handshake", subject="ann", issuer="https://a")[0]
        self.assertEqual((one["id"], one["peer"]), (line["id"], line["peer"]))
        lasts = int(one["deadline"]) - int(one["started"])
        self.assertTrue(3590000 < lasts <= 3601000, lasts)
        self.assertEqual(self.count(gate, f"id={one['id']}"), 1)
        self.assertEqual(self.count(gate, f"id={one['id']}", "subject=bob"), 0)
        a.close(), pa.close()
        gate.await_line("tunnel")
        self.assertEqual(self.count(gate), 3)

    def test_a_handshake_is_a_session_from_the_chain_on(self):
        service = self.backend()
        gate = self.start_gateway(service)
        client = self.client(gate, handshake("/ws", "Subject: ann"))
        peer = service.next()
        peer.read_head()
        listed, _ = self.order(gate, "list")
        self.assertEqual([(one["state"], one["subject"]) for one in listed], [("upgrade", "ann")])
        _, answer = self.order(gate, "kill subject=ann")
        self.assertEqual(answer["count"], "1")
        self.check_refused(client.read_response(), 403)
        self.assertEqual(gate.await_line("handshake")["reason"], "killed")
        peer.expect_end()
        self.assertEqual(self.count(gate), 0)

    def test_kill(self):
        service = self.backend()
        gate = self.start_gateway(service, threads=2)
        ends = [self.enter(gate, service, subject=f"u{i % 3}") for i in range(12)]
        _, answer = self.order(gate, "kill subject=u1")
        self.assertEqual(answer["count"], "4")
        for i, (client, peer) in enumerate(ends):
            if i % 3 == 1:
                client.read_rest(), peer.read_rest()
                client.close(), peer.close()
        lines = gate.await_lines(4, "tunnel")
        self.assertEqual({line["reason"] for line in lines}, {"killed"})
        self.assertEqual(self.count(gate), 8)
        for i, (client, peer) in enumerate(ends):
            if i % 3 != 1:
                client.send(b"x")
                self.assertEqual(peer.read(1), b"x")

    def test_a_kill_closes_with_4403(self):
        """Where frames are followed: the Close says why to the client, and 1001 to the backend."""
        service = self.backend()
        gate = self.start_gateway(service, route={"tunnel": {"frames": "checked"}})
        client, peer = self.enter(gate, service, subject="ann")
        client.send(frames.encode(b"hi", masked=True))
        self.assertEqual(peer.read_frame()[1], b"hi")
        listed, _ = self.order(gate, "list")
        self.assertEqual((listed[0]["messages_in"], listed[0]["messages_out"]), ("1", "0"))
        self.order(gate, "kill subject=ann")
        for end, code in ((client, 4403), (peer, 1001)):
            opcode, payload = end.read_frame()
            self.assertEqual((opcode, struct.unpack("!H", payload[:2])[0]), (frames.CLOSE, code))
            end.close()
        line = gate.await_line("tunnel")
        self.assertEqual((line["reason"], line["close_code"]), ("killed", 4403))

    def test_revoke(self):
        """Who is there is ended, and nobody else; who comes, or is on the way, is refused."""
        service = self.backend()
        gate = self.start_gateway(service, threads=2, route={"tunnel": {"frames": "checked"}})
        people = [
            {"issuer": "https://a", "subject": "ann", "token_id": "t1", "sid": "s1"},
            {"issuer": "https://b", "subject": "ann", "token_id": "t2", "sid": "s1"},
            {"subject": "ann", "token_id": "t3"},
            {"issuer": "https://a", "subject": "bob", "token_id": "t4", "sid": "s4"},
        ]
        orders = (
            ("subject=ann", [2]),
            ("issuer=https://a subject=ann", [0]),
            ("token_id=t2", [1]),
            ("sid=s4", [3]),
        )
        ends = [self.enter(gate, service, **who) for who in people]
        for order, about in orders:
            with self.subTest(order):
                _, answer = self.order(gate, "revoke " + order)
                self.assertEqual(answer["count"], str(len(about)))
                for i in about:
                    opcode, payload = ends[i][0].read_frame()
                    self.assertEqual(struct.unpack("!H", payload[:2])[0], 4403)
                    ends[i][0].close(), ends[i][1].close()
                    lines = [f"{k.replace('_', '-')}: {v}" for k, v in people[i].items()]
                    client = self.client(gate, handshake("/ws", *lines))
                    peer = service.next()
                    peer.send(switching(peer.read_head()))
                    self.check_refused(client.read_response(), 401)
        lines = gate.await_lines(4, "tunnel")
        self.assertEqual({line["reason"] for line in lines}, {"revoked"})

    def test_revoked_while_the_backend_takes_its_time(self):
        service = self.backend()
        gate = self.start_gateway(service)
        client = self.client(gate, handshake("/ws", "Subject: ann"))
        peer = service.next()
        peer.read_head()
        _, answer = self.order(gate, "revoke subject=ann")
        self.assertEqual(answer["count"], "1")
        reply = client.read_response()
        self.check_refused(reply, 401)
        self.assertIn("revoked", reply.get("WWW-Authenticate"))
        self.assertEqual(gate.await_line("handshake")["reason"], "token-revoked")
        peer.expect_end()

    def test_a_tunnel_that_ends_already_is_not_ended_again(self):
        service = self.backend()
        gate = self.start_gateway(service, timeouts={"close": "2s"})
        self.enter(gate, service, subject="ann")
        self.assertEqual(self.order(gate, "kill")[1]["count"], "1")
        self.assertEqual(self.order(gate, "kill")[1]["count"], "0")
        gate.await_line("tunnel")

    def test_pages(self):
        """Of any size, each session once, on both workers."""
        service = self.echo_backend()
        gate = self.start_gateway(service, threads=2)
        for i in range(600):
            client = self.client(gate, handshake("/ws", f"Subject: u{i}"))
            self.check_switched(client.read_response())
        for page in (1, 7, 256, 1000):
            with self.subTest(page):
                listed, answer = self.order(gate, f"list page={page}")
                self.assertEqual(answer["count"], "600")
                self.assertEqual({one["subject"] for one in listed}, {f"u{i}" for i in range(600)})
                self.assertGreaterEqual(int(answer["pages"]), 600 // min(page, 256))
        _, answer = self.order(gate, "kill")
        self.assertEqual(answer["count"], "600")
        for client in self.clients:
            client.close()
        gate.await_lines(600, "tunnel", reason="killed")
        self.assertEqual(self.count(gate), 0)

    def test_orders_while_the_gateway_ends(self):
        service = self.echo_backend()
        gate = self.start_gateway(service, threads=2, timeouts={"drain": "1s"})
        for i in range(50):
            self.check_switched(
                self.client(gate, handshake("/ws", f"Subject: u{i}")).read_response()
            )
        with open(self.orders, "w", encoding="utf-8") as file:
            file.write("list page=1\n")
        os.kill(gate.pid, signal.SIGUSR2)
        gate.stop(idle=False)
        for client in self.clients:
            client.read_rest()
