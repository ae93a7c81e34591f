"""Thousands of handshakes, refused and accepted, left in every order: nothing stays behind."""

import os

from harness import frames
from harness.backend import echo
from harness.case import Case
from harness.gateway import sanitized
from harness.secure import in_four_forms
from harness.wire import handshake, switching

FULL = os.environ.get("WSGATE_FULL") == "1"
COUNT = 10000 if FULL else 2000
GROWTH = 1 << 20  # of memory, between the end of the warm-up and the end: noise of the allocator


@in_four_forms()
class Churn(Case):
    time_limit = 600
    weight = 15

    @property
    def count(self):
        """Fewer with TLS: it is Python's own handshakes that take the time."""
        return 2000 if self.secure_client or self.secure_backend else COUNT

    def run_rounds(self, gate, rounds):
        """Runs each round in turn, `count` in all; memory after a quarter against the end."""
        for i in range(self.count):
            if i == self.count // 4:
                gate.await_idle()
                before = gate.memory("Anonymous")
            rounds[i % len(rounds)]()
        gate.await_idle()
        after = gate.memory("Anonymous")
        if not sanitized():
            self.assertLess(after - before, GROWTH, f"memory grew from {before} to {after}")

    def test_refused(self):
        service = self.backend()
        gate = self.gateway(service, **self.jwt())

        def refused(request, status, end):
            def run():
                client = gate.client(request)
                if end == "reset at once":
                    return client.reset()
                self.assertEqual(client.read_head().status, status)
                if end == "client first":
                    client.close()
                elif end == "gateway first":
                    client.read_rest()
                    client.close()
                elif end == "reset":
                    client.reset()
                elif end == "half close":
                    client.finish()
                    client.read_rest()
                    client.close()
                return None

            return run

        requests = (
            (handshake("/ws"), 401),
            (handshake("/ws", "Authorization: Bearer x.y.z"), 401),
            (handshake("/none"), 404),
            (b"nonsense\r\n\r\n", 400),
        )
        ends = ("client first", "gateway first", "reset", "reset at once", "half close")
        self.run_rounds(gate, [refused(*request, end) for end in ends for request in requests])
        self.assertEqual(service.connects, 0)

    def test_accepted(self):
        service = self.backend()
        gate = self.gateway(service)

        def accepted(leave):
            def run():
                client = gate.client(handshake("/ws"))
                peer = service.next()
                peer.send(switching(peer.read_head()))
                self.assertEqual(client.read_head().status, 101)
                client.send(b"ping")
                peer.read(4)
                peer.send(b"pong")
                client.read(4)
                leave(client, peer)
                client.close()
                peer.close()

            return run

        def first(one, other):
            one.close()
            other.read_rest()

        def half(one, other):
            one.finish()
            other.read_rest()
            other.finish()
            one.read_rest()

        def both(client, peer):
            client.finish()
            peer.finish()
            client.read_rest()
            peer.read_rest()

        def reset(one, other):
            one.reset()
            other.read_rest()

        def reset_both(client, peer):
            client.reset()
            peer.reset()

        def with_data(one, other):
            one.finish_with(b"last")
            other.read_rest()

        def swap(leave):
            return lambda client, peer: leave(peer, client)

        ways = [first, half, both, reset, reset_both, with_data]
        ways += [swap(leave) for leave in (first, half, reset, with_data)]
        self.run_rounds(gate, [accepted(leave) for leave in ways])
        lines = gate.await_lines(self.count, "tunnel")
        self.assertEqual(len(lines), self.count)
        ids = {line["id"] for line in gate.await_lines(self.count, "handshake")}
        self.assertEqual(ids, {line["id"] for line in lines})

    def test_broken_on_the_way(self):
        """The backend or the client goes in the middle of the opening handshake."""
        service = self.backend()
        gate = self.gateway(service)

        def broken(act):
            def run():
                client = gate.client(handshake("/ws") + b"early")
                peer = service.next()
                act(client, peer, peer.read_head())
                client.close()
                peer.close()

            return run

        def answered(client, *_):
            self.assertIn(client.read_response().status, (502, 403))

        acts = [
            lambda client, peer, head: client.reset(),
            lambda client, peer, head: client.close(),
            lambda client, peer, head: client.finish(),
            lambda client, peer, head: (peer.reset(), answered(client)),
            lambda client, peer, head: (peer.close(), answered(client)),
            lambda client, peer, head: (peer.send(b"garbage\r\n\r\n"), answered(client)),
            lambda client, peer, head: (
                peer.send(switching(head)[:50]),
                peer.reset(),
                answered(client),
            ),
            lambda client, peer, head: (
                peer.send(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"),
                answered(client),
            ),
            lambda client, peer, head: (client.reset(), peer.reset()),
            lambda client, peer, head: (peer.send(switching(head)), client.reset()),
            lambda client, peer, head: (peer.finish_with(switching(head)), client.read_head()),
        ]
        self.run_rounds(gate, [broken(act) for act in acts])

    def test_many_at_once(self):
        """A crowd that comes and goes together."""
        service = self.backend(echo())
        gate = self.gateway(service)
        for _ in range(3):
            crowd = [self.client(gate, handshake("/ws")) for _ in range(200)]
            for client in crowd:
                self.check_switched(client.read_response())
            for client in crowd:
                client.send_frame(b"x", frames.TEXT, masked=True)
            for i, client in enumerate(crowd):
                self.assertEqual(client.read_frame(), (frames.TEXT, b"x"))
                client.reset() if i % 2 else client.close()
            gate.await_idle()
