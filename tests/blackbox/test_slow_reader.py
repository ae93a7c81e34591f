"""A reader stops for ten seconds while 64 MiB are sent to it: memory bounded, nothing lost."""

import hashlib
import os
import threading
import time

from harness.case import Case
from harness.secure import in_four_forms
from harness.gateway import sanitized
from harness.wire import handshake

TOTAL = 64 << 20
PIECE = 1 << 20
PAUSE = 10.0
BOUND = 512 << 10  # one 64 KiB buffer a direction and some pages; far under what was offered


@in_four_forms()
class SlowReader(Case):
    weight = 20

    def check_slow(self, sender_is_client):
        service = self.backend()
        gate = self.gateway(service, route={"tunnel": {"write_timeout": "60s"}})
        client, peer = self.tunnel(gate, service, handshake("/ws"))
        sender, reader = (client, peer) if sender_is_client else (peer, client)
        before = gate.memory()
        sent = hashlib.sha256()
        progress = [0]

        def send():
            sender.sock.settimeout(None)
            piece = os.urandom(PIECE)
            for _ in range(TOTAL // PIECE):
                piece = piece[1:] + piece[:1]
                sent.update(piece)
                sender.sock.sendall(piece)
                progress[0] += len(piece)

        thread = threading.Thread(target=send, daemon=True)
        thread.start()
        worst, until = 0, time.monotonic() + PAUSE
        while time.monotonic() < until:
            worst = max(worst, gate.memory() - before)
            time.sleep(0.1)
        self.assertLess(progress[0], TOTAL, "the sender was never stopped")
        got, count = hashlib.sha256(), 0
        while count < TOTAL:
            data = reader.sock.recv(PIECE)
            self.assertTrue(data, f"the stream ended after {count} bytes")
            got.update(data)
            count += len(data)
            if count % (8 << 20) < len(data):
                worst = max(worst, gate.memory() - before)
        thread.join()
        self.assertEqual(got.hexdigest(), sent.hexdigest())
        reader.expect_nothing()
        if not sanitized():
            self.assertLess(worst, BOUND)
        client.close()
        peer.close()
        line = gate.await_line("tunnel")
        counts = (line["bytes_in"], line["bytes_out"])
        self.assertEqual(counts, (TOTAL, 0) if sender_is_client else (0, TOTAL))

    def test_the_backend_reads_slowly(self):
        self.check_slow(sender_is_client=True)

    def test_the_client_reads_slowly(self):
        self.check_slow(sender_is_client=False)


@in_four_forms()
class Streams(Case):
    """Bytes in both directions at once, whole and in order."""

    def test_both_directions(self):
        service = self.backend()
        gate = self.gateway(service)
        pairs = [self.tunnel(gate, service, handshake("/ws")) for _ in range(4)]
        faults = []

        def transfer(sender, reader):
            data = os.urandom(6 << 20)
            thread = threading.Thread(target=sender.send, args=(data,))
            thread.start()
            if reader.read(len(data)) != data:
                faults.append((sender.name, reader.name))
            thread.join()

        threads = [
            threading.Thread(target=transfer, args=way)
            for client, peer in pairs
            for way in ((client, peer), (peer, client))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(faults, [])

    def test_one_byte_at_a_time(self):
        service = self.backend()
        gate = self.gateway(service)
        client, peer = self.tunnel(gate, service, handshake("/ws"))
        data = os.urandom(2000)
        for i in range(len(data)):
            client.send(data[i : i + 1])
        self.assertEqual(peer.read(len(data)), data)
