"""The tunnel: every byte arrives, every end is passed on, and nobody can make it hold much."""

import os
import time
from threading import Thread

from harness import tokens
from harness.case import Case
from harness.secure import in_four_forms
from harness.wire import handshake, switching

BOTH = ("client", "backend")


@in_four_forms("test_half_close_then_data_the_other_way", "test_a_fin_does_not_overtake_data", "test_what_the_log_says")
class Ends(Case):
    def pair(self, first, **parts):
        """(gateway, the end named `first`, the other one) of a new tunnel."""
        service = self.backend()
        gate = self.gateway(service, **parts)
        client, peer = self.tunnel(gate, service, handshake("/ws"))
        return (gate, client, peer) if first == "client" else (gate, peer, client)

    def test_last_data_and_fin_in_one_segment(self):
        for first in BOTH:
            for size in (1, 1000, 60000):
                with self.subTest(first, size=size):
                    gate, one, other = self.pair(first)
                    data = os.urandom(size)
                    gate.freeze()
                    one.finish_with(data)
                    gate.thaw()
                    self.assertEqual(other.read_rest(), data)
                    other.close()
                    one.expect_end()

    def test_last_data_and_reset_in_one_wake_up(self):
        for first in BOTH:
            for size in (1, 1000, 30000):
                with self.subTest(first, size=size):
                    gate, one, other = self.pair(first)
                    data = os.urandom(size)
                    gate.freeze()
                    one.send(data)
                    one.reset()
                    gate.thaw()
                    self.assertEqual(other.read_rest(), data)
                    other.close()
                    gate.await_line("tunnel")

    def test_reset_from_both_sides(self):
        gate, one, other = self.pair("client")
        gate.freeze()
        one.send(b"a")
        one.reset()
        other.send(b"b")
        other.reset()
        gate.thaw()
        gate.await_line("tunnel")

    def test_fin_from_both_sides_with_data(self):
        gate, one, other = self.pair("client")
        gate.freeze()
        one.finish_with(b"one")
        other.finish_with(b"other")
        gate.thaw()
        self.assertEqual((one.read_rest(), other.read_rest()), (b"other", b"one"))
        line = gate.await_line("tunnel")
        self.assertEqual((line["bytes_in"], line["bytes_out"]), (3, 5))

    def test_half_close_then_data_the_other_way(self):
        for first in BOTH:
            with self.subTest(first):
                _, one, other = self.pair(first)
                one.finish_with(b"last")
                self.assertEqual(other.read_rest(), b"last")
                for i in range(5):
                    other.send(b"still here %d" % i)
                    self.assertEqual(one.read(12), b"still here %d" % i)
                data = os.urandom(300000)
                other.finish_with(data)
                self.assertEqual(one.read_rest(), data)

    def test_after_a_fin_the_other_way_has_a_deadline(self):
        for first in BOTH:
            with self.subTest(first):
                gate, one, other = self.pair(first, timeouts={"fin": "500ms"})
                one.finish()
                self.assertEqual(other.read_rest(), b"")
                one.expect_end()
                gate.await_line("tunnel")

    def test_a_fin_does_not_overtake_data(self):
        """The reader is slow, so megabytes wait in front of the FIN."""
        for first in BOTH:
            with self.subTest(first):
                _, one, other = self.pair(first)
                data = os.urandom(4 << 20)
                sender = Thread(target=one.finish_with, args=(data,))
                sender.start()
                time.sleep(0.3)
                self.assertEqual(other.read_rest(), data)
                sender.join()

    def test_what_was_read_arrives_though_the_receiver_sends(self):
        """The sender goes with unread bytes before it: a reset, and writes to it fail."""
        for first in BOTH:
            for leave in ("close", "reset"):
                with self.subTest(first, leave=leave):
                    gate, one, other = self.pair(first)
                    sender = Thread(target=one.send, args=(bytes(2 << 20),))
                    sender.start()
                    time.sleep(0.5)
                    over = []

                    def chat():
                        while not over:
                            try:
                                other.sock.send(b"0123456789")
                            except OSError:
                                break
                            time.sleep(0.01)

                    chatter = Thread(target=chat)
                    chatter.start()
                    got = 0
                    while got < 1 << 20:
                        got += len(other.sock.recv(32768))
                        time.sleep(0.01)
                    sender.join()
                    getattr(one, leave)()
                    while data := other.receive():
                        got += len(data)
                        time.sleep(0.01)
                    over.append(True)
                    chatter.join()
                    other.close()
                    line = gate.await_line("tunnel")
                    count = line["bytes_in" if first == "client" else "bytes_out"]
                    self.assertEqual(got, count)
                    self.assertGreater(count, 1 << 20)

    def test_what_the_log_says(self):
        for first in BOTH:
            with self.subTest(first):
                gate, one, other = self.pair(first)
                one.send(b"12345")
                other.read(5)
                other.send(b"123")
                one.read(3)
                one.close()
                other.expect_end()
                other.close()
                line = gate.await_line("tunnel")
                counts = (line["bytes_in"], line["bytes_out"])
                self.assertEqual(counts, (5, 3) if first == "client" else (3, 5))
                self.assertEqual(line["initiator"], first)
                self.assertTrue(line["reason"])


@in_four_forms("test_of_the_client", "test_of_the_backend_with_fin", "test_many")
class EarlyBytes(Case):
    def test_of_the_client(self):
        service = self.backend()
        gate = self.gateway(service)
        client = self.client(gate, handshake("/ws") + b"early ")
        peer = service.next()
        head = peer.read_head()
        client.send(b"and later")
        peer.expect_nothing()
        peer.send(switching(head))
        self.check_switched(client.read_response())
        self.assertEqual(peer.read(15), b"early and later")

    def test_of_the_backend(self):
        service = self.backend()
        gate = self.gateway(service)
        client = self.client(gate, handshake("/ws"))
        peer = service.next()
        peer.send(switching(peer.read_head()) + b"first words")
        self.check_switched(client.read_response())
        self.assertEqual(client.read(11), b"first words")

    def test_of_the_backend_with_fin(self):
        service = self.backend()
        gate = self.gateway(service)
        client = self.client(gate, handshake("/ws"))
        peer = service.next()
        peer.finish_with(switching(peer.read_head()) + b"only words")
        self.check_switched(client.read_response())
        self.assertEqual(client.read_rest(), b"only words")

    def test_of_the_backend_with_reset(self):
        service = self.backend()
        gate = self.gateway(service)
        client = self.client(gate, handshake("/ws"))
        peer = service.next()
        head = peer.read_head()
        gate.freeze()
        peer.send(switching(head) + b"only words")
        peer.reset()
        gate.thaw()
        # A 101 and its bytes, or 502: but never half of an answer, and never a hang.
        reply = client.read_response()
        self.assertIn(reply.status, (101, 502))
        if reply.status == 101:
            self.assertEqual(client.read_rest(), b"only words")

    def test_many(self):
        """More than fits anywhere: it waits in the client, and all of it arrives after the 101."""
        service = self.backend()
        gate = self.gateway(service)
        data = os.urandom(8 << 20)
        client = self.client(gate)
        sender = Thread(target=client.send, args=(handshake("/ws") + data,))
        sender.start()
        peer = service.next()
        head = peer.read_head()
        time.sleep(0.3)
        peer.expect_nothing()
        peer.send(switching(head) + b"hello")
        self.check_switched(client.read_response())
        self.assertEqual(client.read(5), b"hello")
        self.assertEqual(peer.read(len(data)), data)
        sender.join()

    def test_a_large_101_with_bytes(self):
        service = self.backend()
        gate = self.gateway(service)
        client = self.client(gate, handshake("/ws"))
        peer = service.next()
        data = os.urandom(3 << 20)
        sender = Thread(target=peer.send, args=(switching(peer.read_head()) + data,))
        sender.start()
        self.check_switched(client.read_response())
        self.assertEqual(client.read(len(data)), data)
        sender.join()


@in_four_forms("test_fin_behind_early_bytes")
class Leaving(Case):
    """A client that goes before the 101 takes the backend's connection with it."""

    def check_leaving(self, leave, early=b""):
        service = self.backend()
        gate = self.gateway(service)
        client = self.client(gate, handshake("/ws") + early)
        peer = service.next()
        head = peer.read_head()
        leave(client)
        peer.expect_end()
        try:
            peer.send(switching(head))
        except OSError:
            pass
        line = gate.await_line("handshake")
        self.assertNotEqual(line["status"], 101)
        self.assertEqual(gate.lines("tunnel"), [])

    def test_reset(self):
        self.check_leaving(lambda client: client.reset())

    def test_close(self):
        self.check_leaving(lambda client: client.close())

    def test_fin(self):
        self.check_leaving(lambda client: client.finish())

    def test_fin_behind_early_bytes(self):
        self.check_leaving(lambda client: client.finish_with(b"more"), early=b"early")

    def test_reset_behind_early_bytes(self):
        self.check_leaving(lambda client: client.reset(), early=b"early")

    def test_while_the_head_is_not_whole(self):
        gate = self.gateway()
        for leave in ("reset", "close", "finish"):
            client = self.client(gate, handshake("/ws")[:-3])
            getattr(client, leave)()
        gate.await_idle()

    def test_with_the_head(self):
        """FIN in the same segment as the head: it has left already."""
        service = self.backend()
        gate = self.gateway(service)
        client = self.client(gate)
        client.finish_with(handshake("/ws"))
        client.read_rest()
        self.assertEqual(gate.lines("tunnel"), [])
        line = gate.await_line("handshake")
        self.assertNotEqual(line["status"], 101)

    def test_fin_while_connecting_to_others(self):
        """Nothing is left behind however early the client goes."""
        gate = self.gateway()
        for _ in range(50):
            client = self.client(gate, handshake("/ws"))
            client.reset()
        gate.await_idle()


@in_four_forms("test_idle")
class Limits(Case):
    def tunnel_with(self, **options):
        service = self.backend()
        gate = self.gateway(service, route={"tunnel": options})
        return gate, *self.tunnel(gate, service, handshake("/ws"))

    def test_idle(self):
        gate, client, peer = self.tunnel_with(idle_timeout="2s")
        client.send(b"x")
        peer.read(1)
        client.expect_end(), peer.expect_end()
        self.assertIn("idle", gate.await_line("tunnel")["reason"])

    def test_bytes_of_either_side_keep_it(self):
        _, client, peer = self.tunnel_with(idle_timeout="3s")
        for i in range(30):
            (client if i < 15 else peer).send(b"x")
            (peer if i < 15 else client).read(1)
            time.sleep(0.3)
        client.send(b"y")
        self.assertEqual(peer.read(1), b"y")

    def test_max_lifetime(self):
        gate, client, peer = self.tunnel_with(max_lifetime="2s")
        peer.send(b"x")
        client.send(b"y")
        self.assertEqual((client.read(1), peer.read(1)), (b"x", b"y"))
        client.expect_end(), peer.expect_end()
        self.assertTrue(gate.await_line("tunnel")["reason"])

    def test_busy_ones_end_too(self):
        """max_lifetime does not wait for a pause."""
        _, client, peer = self.tunnel_with(max_lifetime="1s")
        try:
            while True:
                client.send(b"x" * 1000)
                if not peer.receive():
                    break
        except OSError:
            pass

    def test_write_timeout(self):
        for slow in BOTH:
            with self.subTest(slow):
                gate, client, peer = self.tunnel_with(write_timeout="1s")
                sender = peer if slow == "client" else client
                sender.sock.settimeout(0.2)
                ended = False
                while not ended:
                    try:
                        sender.sock.send(b"x" * 65536)
                    except TimeoutError:
                        ended = bool(gate.lines("tunnel"))
                    except OSError:
                        ended = True
                self.assertIn("write", gate.await_line("tunnel")["reason"])

    def test_a_steady_reader_is_no_dead_one(self):
        """It takes something all the time, but less than the kernel has to be rid of to say so."""
        for slow in BOTH:
            with self.subTest(slow):
                gate, client, peer = self.tunnel_with(write_timeout="2s", idle_timeout="4s")
                sender, reader = (peer, client) if slow == "client" else (client, peer)
                data = bytes(16 << 20)
                thread = Thread(target=sender.send, args=(data,))
                thread.start()
                got = bytearray()
                for _ in range(100):
                    got += reader.sock.recv(8192)
                    time.sleep(0.05)
                while len(got) < len(data):
                    part = reader.sock.recv(1 << 20)
                    self.assertTrue(part, f"it ended after {len(got)} bytes")
                    got += part
                thread.join()
                self.assertEqual(got, data)

    def test_the_token_ends_it(self):
        service = self.backend()
        gate = self.gateway(service, **self.jwt(leeway="0s"))
        line = f"Authorization: Bearer {tokens.hs(tokens.claims(3))}"
        client, peer = self.tunnel(gate, service, handshake("/ws", line))
        client.send(b"x")
        self.assertEqual(peer.read(1), b"x")
        client.expect_end(), peer.expect_end()
        client.send(b"too late")
        client.close(), peer.close()
        line = gate.await_line("tunnel")
        self.assertEqual((line["reason"], line["bytes_in"]), ("expired", 1))

    def test_the_token_need_not_end_it(self):
        service = self.backend()
        gate = self.gateway(service, **self.jwt(leeway="0s", on_expiry="keep"))
        token = tokens.hs(tokens.claims(3))
        client, peer = self.tunnel(
            gate, service, handshake("/ws", f"Authorization: Bearer {token}")
        )
        time.sleep(4)
        client.send(b"x")
        self.assertEqual(peer.read(1), b"x")
