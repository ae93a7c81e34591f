"""Streams of large frames, which are spliced: whole, in order and counted, in both directions."""

import hashlib
import os
import struct
import threading
import time

from harness import frames
from harness.case import Case
from harness.frames import BINARY, CLOSE, PING
from harness.gateway import sanitized
from harness.wire import handshake

TOTAL = (2 << 30) if os.environ.get("WSGATE_FULL") else 96 << 20
FRAME = 64 << 10
BATCH = 64  # frames in one write


def batch(masked, size=FRAME, count=BATCH):
    """So many frames as one piece, each with another beginning."""
    payload = os.urandom(size)
    return b"".join(
        frames.encode(struct.pack("!I", i) + payload[4:], BINARY, masked) for i in range(count)
    )


class Bulk(Case):
    weight = 20
    time_limit = 600

    def tunnel_with(self, mode, threads=1, **tunnel):
        service = self.backend()
        gate = self.gateway(
            service, route={"tunnel": {"frames": mode} | tunnel}, threads=threads
        )
        return gate, *self.tunnel(gate, service, handshake("/ws"))

    def transfer(self, sender, reader, masked, faults, pause=0):
        piece = batch(masked)
        times = TOTAL // len(piece) + 1
        sent, got = hashlib.sha256(), hashlib.sha256()

        def send():
            sender.sock.settimeout(None)
            for _ in range(times):
                sender.sock.sendall(piece)

        thread = threading.Thread(target=send, daemon=True)
        thread.start()
        for _ in range(times):
            sent.update(piece)
        left = times * len(piece)
        while left > 0:
            data = reader.sock.recv(min(left, 1 << 20))
            if not data:
                faults.append(f"{left} bytes are missing")
                return 0
            got.update(data)
            left -= len(data)
            time.sleep(pause)
        thread.join()
        if sent.digest() != got.digest():
            faults.append("other bytes")
        return times * len(piece)

    def check_both_ways(self, mode):
        gate, client, peer = self.tunnel_with(mode)
        faults, counts = [], [0, 0]

        def run(i, *arguments):
            counts[i] = self.transfer(*arguments, faults)

        ways = [
            threading.Thread(target=run, args=(0, client, peer, True)),
            threading.Thread(target=run, args=(1, peer, client, False)),
        ]
        for way in ways:
            way.start()
        for way in ways:
            way.join()
        self.assertEqual(faults, [])
        client.close(), peer.close()
        line = gate.await_line("tunnel")
        self.assertEqual([line["bytes_in"], line["bytes_out"]], counts)
        if mode == "checked":
            messages = BATCH * (TOTAL // len(batch(True)) + 1)
            self.assertEqual(line["messages_in"], messages)

    def test_checked(self):
        self.check_both_ways("checked")

    def test_opaque(self):
        self.check_both_ways("opaque")

    def test_a_reader_that_stops(self):
        """Memory stays within what a tunnel may hold; then all of it arrives."""
        gate, client, peer = self.tunnel_with("checked", write_timeout="60s")
        before = gate.memory()
        faults, done = [], []
        thread = threading.Thread(
            target=lambda: done.append(self.transfer(client, peer, True, faults, pause=0.002))
        )
        thread.start()
        worst = 0
        while thread.is_alive():
            worst = max(worst, gate.memory() - before)
            time.sleep(0.02)
        thread.join()
        self.assertEqual(faults, [])
        if not sanitized():
            self.assertLess(worst, 768 << 10)

    def test_a_limit_behind_a_flow(self):
        """The frame that is too large ends it, and nothing of it arrives."""
        gate, client, peer = self.tunnel_with("checked", max_frame="100KiB")
        good = batch(True) * 4
        bad = frames.encode(b"x" * 200000, BINARY, True)
        thread = threading.Thread(target=client.send, args=(good + bad,), daemon=True)
        thread.start()
        self.assertEqual(hashlib.sha256(peer.read(len(good))).digest(),
                         hashlib.sha256(good).digest())
        opcode, payload = peer.read_frame()
        self.assertEqual((opcode, struct.unpack("!H", payload[:2])[0]), (CLOSE, 1001))
        peer.expect_end()
        self.assertEqual(gate.await_line("tunnel")["reason"], "client-frame-too-large")

    def test_pings_between(self):
        """Small frames and control frames between large ones keep their places."""
        gate, client, peer = self.tunnel_with("checked")
        piece = batch(True, count=16) + frames.encode(b"ping", PING, True)
        piece += frames.encode(b"small", BINARY, True) + batch(True, size=20000, count=16)
        data = piece * 24
        thread = threading.Thread(target=client.send, args=(data,), daemon=True)
        thread.start()
        got = peer.read(len(data))
        self.assertEqual(hashlib.sha256(got).digest(), hashlib.sha256(data).digest())
        client.close(), peer.close()
        self.assertEqual(gate.await_line("tunnel")["messages_in"], 24 * 33)
