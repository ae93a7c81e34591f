"""Frames under `checked`, through the real program: what passes, which Close goes where."""

import hashlib
import os
import selectors
import struct
import sys
import threading
import time

from harness import frames, tokens
from harness.backend import EchoLoop
from harness.case import Case
from harness.frames import BINARY, CLOSE, PING, TEXT
from harness.gateway import sanitized
from harness.secure import in_four_forms
from harness.wire import handshake, switching

DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"


def close(code, reason=b"", masked=False):
    return frames.encode(struct.pack("!H", code) + reason, CLOSE, masked)


FULL = os.environ.get("WSGATE_FULL") == "1"


class Checked(Case):
    def tunnel_with(self, *lines, parts=None, **options):
        """A line may be a function: what it says is as old as the request, not as the gateway."""
        service = self.backend()
        gate = self.gateway(
            service, route={"tunnel": {"frames": "checked"} | options}, **(parts or {})
        )
        lines = [line() if callable(line) else line for line in lines]
        return gate, *self.tunnel(gate, service, handshake("/ws", *lines))

    def check_close(self, peer, code):
        """A Close with that code, then the end and nothing else."""
        opcode, payload = peer.read_frame()
        self.assertEqual((opcode, struct.unpack("!H", payload[:2])[0]), (CLOSE, code))
        peer.expect_end()
        return payload[2:]

    def check_line(self, gate, reason, code, **fields):
        line = gate.await_line("tunnel")
        self.assertEqual((line["reason"], line.get("close_code")), (reason, code), line)
        for name, value in fields.items():
            self.assertEqual(line[name], value, line)


@in_four_forms()
class Passing(Checked):
    def test_the_default_is_checked(self):
        service = self.backend()
        config = self.config(service)
        del config["routes"][0]["tunnel"]
        gate = self.start(config)
        client, peer = self.tunnel(gate, service, handshake("/ws"))
        client.send(b"no frames at all")
        self.check_close(client, 1002)
        self.check_close(peer, 1001)
        client.close(), peer.close()
        self.check_line(gate, "client-protocol", 1002)

    def test_messages_and_a_close(self):
        gate, client, peer = self.tunnel_with()
        client.send_frame(b"hello", TEXT, masked=True)
        client.send_frame(b"ping", PING, masked=True)
        self.assertEqual(peer.read_frame(), (TEXT, b"hello"))
        self.assertEqual(peer.read_frame(), (PING, b"ping"))
        peer.send_frame(bytes(70000))
        self.assertEqual(client.read_frame(), (BINARY, bytes(70000)))
        client.send(close(4000, b"done", masked=True))
        self.assertEqual(peer.read_frame(), (CLOSE, b"\x0f\xa0done"))
        peer.send(close(4000))
        self.check_close(client, 4000)
        peer.expect_end()
        client.close(), peer.close()
        self.check_line(gate, "client-closed", 4000, initiator="client", messages_in=1,
                        messages_out=1)

    def test_byte_by_byte_and_in_megabytes_both_ways(self):
        """Messages of 1 byte and of 8 MiB (64 MiB under WSGATE_FULL), both directions at once."""
        large = (64 if FULL else 8) << 20
        _, client, peer = self.tunnel_with(max_message="0")
        good = []

        def transfer(sender, reader, masked):
            message = os.urandom(large)
            small = b"".join(frames.encode(b"%d" % (i % 10), TEXT, masked) for i in range(300))
            data = frames.encode(message, masked=masked) + small
            got = hashlib.sha256()

            def read():
                for _ in range(len(data) // 65536):
                    got.update(reader.read(65536))
                got.update(reader.read(len(data) % 65536))

            thread = threading.Thread(target=read)
            thread.start()
            for at in range(0, len(data) - len(small), 1 << 20):
                sender.send(data[at : min(at + (1 << 20), len(data) - len(small))])
            for i in range(len(small)):
                sender.send(small[i : i + 1])
            thread.join()
            if got.digest() == hashlib.sha256(data).digest():
                good.append(sender.name)

        threads = [
            threading.Thread(target=transfer, args=way)
            for way in ((client, peer, True), (peer, client, False))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(good), 2, good)

    def test_a_close_split_at_every_byte(self):
        whole = close(1000, b"bye", masked=True)
        for at in range(1, len(whole)):
            _, client, peer = self.tunnel_with()
            client.send(whole[:at])
            peer.expect_nothing(0.01)
            client.send(whole[at:])
            self.assertEqual(peer.read_frame(), (CLOSE, b"\x03\xe8bye"))
            client.close(), peer.close()
            self.gateways[-1].stop()


@in_four_forms()
class Extensions(Checked):
    def test_only_deflate_is_offered(self):
        service = self.backend()
        gate = self.gateway(service, route={"tunnel": {"frames": "checked"}})
        offer = "Sec-WebSocket-Extensions: x-other, PerMessage-Deflate; a"
        self.client(gate, handshake("/ws", offer))
        self.assertEqual(
            service.next().read_head().get("Sec-WebSocket-Extensions"), "PerMessage-Deflate; a"
        )

    def test_opaque_offers_all(self):
        service = self.backend()
        gate = self.gateway(service)
        self.client(gate, handshake("/ws", "Sec-WebSocket-Extensions: x-other, permessage-deflate"))
        offered = service.next().read_head().get("Sec-WebSocket-Extensions")
        self.assertIn("x-other", offered)

    def test_compressed_messages_need_the_agreement(self):
        for agreed in (True, False):
            service = self.backend()
            gate = self.gateway(service, route={"tunnel": {"frames": "checked"}})
            client = self.client(gate, handshake("/ws", DEFLATE))
            peer = service.next()
            extra = ("Sec-WebSocket-Extensions: permessage-deflate",) if agreed else ()
            peer.send(switching(peer.read_head(), *extra))
            self.check_switched(client.read_response())
            peer.send(b"\xc1\x02ok")
            if agreed:
                self.assertEqual(client.read(4), b"\xc1\x02ok")
            else:
                self.check_close(peer, 1002)
                self.check_close(client, 1001)
                client.close(), peer.close()
                self.check_line(gate, "backend-protocol", 1002, initiator="backend")


@in_four_forms()
class Limits(Checked):
    def test_a_message_that_is_too_large(self):
        gate, client, peer = self.tunnel_with(max_message="100B")
        client.send_frame(bytes(100), masked=True)
        self.assertEqual(peer.read_frame(), (BINARY, bytes(100)))
        client.send(frames.encode(bytes(101), masked=True)[:8])  # the header will do
        self.assertEqual(self.check_close(client, 1009), b"client-message-too-large")
        self.check_close(peer, 1001)
        client.close(), peer.close()
        self.check_line(gate, "client-message-too-large", 1009)

    def test_kinds_and_frames(self):
        for options, opcode, size, code in (
            ({"allow": ["text"]}, BINARY, 1, 1003),
            ({"max_frame": "10B"}, TEXT, 11, 1009),
        ):
            _, client, peer = self.tunnel_with(**options)
            peer.send_frame(bytes(size), opcode)
            self.check_close(peer, code)
            self.check_close(client, 1001)

    def test_text_that_is_not(self):
        gate, client, peer = self.tunnel_with(validate_utf8=True)
        client.send_frame(b"\xc3\x28", TEXT, masked=True)
        self.check_close(client, 1007)
        self.assertEqual(peer.read_rest()[0], 0x81)  # cut within it, or no Close would be seen
        client.close(), peer.close()
        self.check_line(gate, "client-utf8", 1007)


@in_four_forms()
class Ends(Checked):
    def expiring(self, **options):
        """It lives for two seconds, and up to one more."""
        line = lambda: f"Authorization: Bearer {tokens.hs(tokens.claims(3))}"  # noqa: E731
        return self.tunnel_with(line, parts=self.jwt(leeway="0s"), **options)

    def test_a_token_in_the_middle_of_a_large_message(self):
        """The frame is cut where the client was, nothing comes behind it; the client sees 4401."""
        data = frames.encode(bytes(100 << 20), masked=True)  # takes a second
        gate, client, peer = self.expiring(max_message="0")
        over = threading.Event()
        sent = [0]

        def send():
            while not over.is_set() and sent[0] < len(data):
                try:
                    sent[0] += client.sock.send(data[sent[0] : sent[0] + 65536])
                    time.sleep(0.005)
                except OSError:
                    return

        thread = threading.Thread(target=send)
        thread.start()
        got = hashlib.sha256()
        count = 0
        while part := peer.sock.recv(1 << 20):
            got.update(part)
            count += len(part)
        over.set()
        thread.join()
        self.assertLess(count, len(data))
        self.assertEqual(got.digest(), hashlib.sha256(data[:count]).digest())
        opcode, payload = client.read_frame()
        self.assertEqual((opcode, payload), (CLOSE, struct.pack("!H", 4401) + b"expired"))
        client.close(), peer.close()
        self.check_line(gate, "expired", 4401, initiator="gateway", messages_in=1)

    def test_a_frame_that_can_be_finished_is(self):
        gate, client, peer = self.expiring()
        data = frames.encode(os.urandom(1000), masked=True)
        client.send(data[:500])
        self.assertEqual(peer.read(500), data[:500])
        self.check_close(client, 4401)
        client.send(data[500:])
        self.assertEqual(peer.read(len(data) - 500), data[500:])
        self.check_close(peer, 1001)
        client.close(), peer.close()
        self.check_line(gate, "expired", 4401)

    def test_peers_that_do_not_care(self):
        """They never answer the Close, and go on sending after it: it ends all the same."""
        gate, client, peer = self.expiring()
        self.check_close(client, 4401)
        self.check_close(peer, 1001)
        for _ in range(5):
            client.send_frame(b"still here", masked=True)
            peer.send_frame(b"still here")
            time.sleep(0.05)
        self.check_line(gate, "expired", 4401, bytes_in=0, bytes_out=0)

    def test_a_close_that_nobody_answers(self):
        gate, client, peer = self.tunnel_with(parts={"timeouts": {"close": "500ms"}})
        client.send(close(1000, masked=True))
        self.assertEqual(peer.read_frame()[0], CLOSE)
        self.check_close(client, 1000)
        peer.expect_end()
        self.check_line(gate, "client-closed", 1000)

    def test_both_at_once(self):
        gate, client, peer = self.tunnel_with()
        gate.freeze()
        client.send(close(1000, masked=True))
        peer.send(close(1001))
        gate.thaw()
        self.check_close(client, 1001)
        self.check_close(peer, 1000)

    def test_a_backend_that_is_lost(self):
        gate, client, peer = self.tunnel_with()
        peer.send_frame(b"last")
        peer.close()
        self.assertEqual(client.read_frame(), (BINARY, b"last"))
        self.check_close(client, 1011)
        client.close()
        self.check_line(gate, "backend-lost", 1011)

    def test_a_client_that_was_lost_first(self):
        """The backend's FIN answers the one that was passed on: no Close is made for nobody."""
        gate, client, peer = self.tunnel_with()
        client.finish()
        peer.expect_end()
        peer.send_frame(b"last")
        peer.close()
        self.assertEqual(client.read_frame(), (BINARY, b"last"))
        self.assertEqual(client.read_rest(), b"")
        client.close()
        self.check_line(gate, "client-lost", None)

    def test_a_backend_that_is_lost_within_a_frame(self):
        gate, client, peer = self.tunnel_with()
        peer.send(b"\x82\x7e\x01\x00half")
        peer.close()
        self.assertEqual(client.read_rest(), b"\x82\x7e\x01\x00half")
        client.close()
        self.check_line(gate, "backend-lost", None)

    def test_idle_and_lifetime(self):
        for option, reason in (("idle_timeout", "idle-timeout"), ("max_lifetime", "max-lifetime")):
            gate, client, peer = self.tunnel_with(**{option: "300ms"})
            self.check_close(client, 1001)
            self.check_close(peer, 1001)
            client.close(), peer.close()
            self.check_line(gate, reason, 1001)

    def test_drain(self):
        gate, client, peer = self.tunnel_with()
        gate.send_signal(15)
        self.check_close(client, 1012)
        self.check_close(peer, 1001)
        client.close(), peer.close()
        gate.judge(gate.await_exit())
        self.check_line(gate, "drain", 1012)

    def test_a_drain_is_spread(self):
        """Ten tunnels do not end at once, each gets its Close, and a second signal ends the rest."""
        service = self.backend()
        gate = self.gateway(
            service, route={"tunnel": {"frames": "checked"}}, timeouts={"drain": "4s"}, threads=1
        )
        pairs = [self.tunnel(gate, service, handshake("/ws")) for _ in range(10)]
        start = time.monotonic()
        gate.send_signal(15)
        ends = []
        for client, peer in reversed(pairs):  # the youngest first
            self.check_close(client, 1012)
            self.check_close(peer, 1001)
            ends.append(time.monotonic() - start)
            client.close(), peer.close()
        gate.judge(gate.await_exit())
        # That they did not come together; not how quick it was.
        self.assertGreater(ends[-1] - ends[0], 1.0, ends)

    def test_a_second_signal(self):
        gate, client, peer = self.tunnel_with(parts={"timeouts": {"drain": "60s"}})
        others = [self.client(gate, handshake("/ws")) for _ in range(3)]
        gate.send_signal(15)
        gate.await_lines(1, "stop", name="stderr")  # or both would be one
        gate.send_signal(15)
        gate.judge(gate.await_exit())
        for one in (client, peer, *others):
            one.read_rest()


@in_four_forms()
class Rates(Checked):
    def test_messages_too_many(self):
        gate, client, peer = self.tunnel_with(messages_per_second=1, messages_burst=5)
        client.send(frames.encode(b"x", masked=True) * 6)  # before a second has passed
        for _ in range(5):
            self.assertEqual(peer.read_frame(), (BINARY, b"x"))
        self.check_close(peer, 1001)
        self.assertEqual(self.check_close(client, 4429), b"client-message-rate")
        client.close(), peer.close()
        self.check_line(gate, "client-message-rate", 4429, messages_in=5)

    def test_bytes_that_wait(self):
        """All of them arrive, but not at once."""
        _, client, peer = self.tunnel_with(
            bytes_per_second="64KiB", over_limit="delay", limit_from="both"
        )
        data = os.urandom(200000)
        start = time.monotonic()
        thread = threading.Thread(target=peer.send_frame, args=(data,))
        thread.start()
        self.assertEqual(client.read_frame(), (BINARY, data))
        thread.join()
        self.assertGreater(time.monotonic() - start, 0.9)  # 65536 at once, then 65536 a second


@in_four_forms()
class Heartbeats(Checked):
    def test_pings_and_pongs(self):
        gate, client, peer = self.tunnel_with(
            ping_interval="100ms", pong_timeout="9s", idle_timeout="3s"
        )
        for _ in range(3):
            for one in (client, peer):
                opcode, payload = one.read_frame()
                self.assertEqual(opcode, PING)
                one.send_frame(payload, frames.PONG, masked=one is client)
        # Pongs are no traffic: it is idle all the same. Pings may come until then.
        for one in (client, peer):
            while (frame := one.read_frame())[0] == PING:
                pass
            self.assertEqual(struct.unpack("!H", frame[1][:2])[0], 1001)
        client.close(), peer.close()
        self.check_line(gate, "idle-timeout", 1001, bytes_in=0, bytes_out=0)

    def test_a_client_that_does_not_answer(self):
        gate, client, peer = self.tunnel_with(ping_interval="200ms", pong_timeout="2s")

        def answer():
            while (frame := peer.read_frame())[0] == PING:
                peer.send_frame(frame[1], frames.PONG)
            self.assertEqual(struct.unpack("!H", frame[1][:2])[0], 1001)

        answer()
        client.close(), peer.close()
        self.check_line(gate, "client-pong-timeout", 1001)


@in_four_forms()
class SlowReader(Checked):
    """A reader stops for a while: what waits is bounded, and all of it arrives."""

    time_limit = 300
    weight = 5

    def check_slow(self, sender_is_client):
        total = 24 << 20
        long = FULL and not (self.secure_client or self.secure_backend)
        pause = 60 if long else 2
        gate, client, peer = self.tunnel_with(max_message="0", write_timeout="2m")
        sender, reader = (client, peer) if sender_is_client else (peer, client)
        data = frames.encode(os.urandom(total), masked=sender_is_client)
        data += frames.encode(b"last", masked=sender_is_client)
        before = gate.memory()
        sender.sock.settimeout(None)
        thread = threading.Thread(target=sender.send, args=(data,), daemon=True)
        thread.start()
        worst, until = 0, time.monotonic() + pause
        while time.monotonic() < until:
            worst = max(worst, gate.memory() - before)
            time.sleep(0.1)
        self.assertTrue(thread.is_alive(), "the sender was never stopped")
        got = hashlib.sha256()
        left = len(data)
        while left:
            part = reader.sock.recv(1 << 20)
            self.assertTrue(part, f"the stream ended {left} bytes early")
            got.update(part)
            left -= len(part)
        thread.join()
        self.assertEqual(got.digest(), hashlib.sha256(data).digest())
        if not sanitized():
            self.assertLess(worst, 512 << 10)  # one buffer of 64 KiB, and some pages

    def test_the_backend(self):
        self.check_slow(sender_is_client=True)

    def test_the_client(self):
        self.check_slow(sender_is_client=False)


@in_four_forms()
class Many(Checked):
    """
    Tokens that expire in the same second: every tunnel gets its Close, others go on meanwhile. There
    are as many as a machine can open until two seconds before.
    """

    time_limit = 300

    def test_all_at_once(self):
        secure = self.secure_client or self.secure_backend
        most, seconds = (200, 12) if secure else (9000, 40) if FULL else (200, 5)
        service = self.service()
        parts = self.jwt(leeway="0s")
        gate = self.gateway(
            service, route={"tunnel": {"frames": "checked"}}, threads=1, **parts
        )
        expiry = int(time.time()) + seconds
        token = tokens.hs(tokens.claims() | {"exp": expiry})
        request = handshake("/ws", f"Authorization: Bearer {token}")
        clients = []
        while len(clients) < most and time.time() < expiry - 2:
            clients.append(self.client(gate, request))
            self.check_switched(clients[-1].read_response())
        count = len(clients)
        self.assertGreater(count, most // 40)
        other = self.client(
            gate, handshake("/ws", f"Authorization: Bearer {tokens.hs(tokens.claims(3600))}")
        )
        self.check_switched(other.read_response())
        last, longest = self.collect(clients, other)
        if FULL:
            print(
                f"{count} tunnels: the last Close {last - expiry:.2f} s after their tokens' end, "
                f"an echo beside them took {1000 * longest:.0f} ms at most",
                file=sys.stderr,
            )
        for client in clients:
            client.close()
        self.assertEqual(len(gate.await_lines(count, "tunnel", reason="expired")), count)

    def service(self):
        if self.secure_backend:
            return self.echo_backend()
        service = EchoLoop()  # no TLS, but thousands of connections
        self.backends.append(service)
        return service

    def collect(self, clients, other):
        """(when the last Close came, the longest that an echo took meanwhile)"""
        selector = selectors.DefaultSelector()
        for client in clients:
            selector.register(client.sock, selectors.EVENT_READ, client)
        echoed, longest = threading.Event(), [0.0]

        def echo():
            while not echoed.is_set():
                start = time.monotonic()
                self.check_echo(other)
                longest[0] = max(longest[0], time.monotonic() - start)

        thread = threading.Thread(target=echo)
        thread.start()
        last, left = 0.0, len(clients)
        while left:
            for key, _ in selector.select():
                self.assertEqual(
                    key.data.read_frame(), (CLOSE, struct.pack("!H", 4401) + b"expired")
                )
                last = time.time()
                selector.unregister(key.fileobj)
                left -= 1
        echoed.set()
        thread.join()
        selector.close()
        return last, longest[0]
