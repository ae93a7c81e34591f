#!/usr/bin/python3
"""The echo backend of examples/echo against RFC 6455, spoken to byte by byte.

Runs in the build directory; the standard library only.
"""

import os
import re
import socket
import struct
import subprocess
import unittest

ECHO = os.path.join(os.environ.get("BUILD", "."), "examples/echo/echo")
REQUEST = (
    b"GET /x HTTP/1.1\r\nHost: h\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)
ACCEPT = b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"  # RFC 6455 1.3
MASK = b"\x11\x22\x33\x44"
MIB = 1024 * 1024


def masked(payload):
    key = MASK * (len(payload) // 4 + 1)
    return bytes(a ^ b for a, b in zip(payload, key))


def frame(opcode, payload=b"", fin=True, rsv=0):
    head = bytes([(0x80 if fin else 0) | rsv | opcode])
    if len(payload) < 126:
        head += bytes([0x80 | len(payload)])
    elif len(payload) < 65536:
        head += bytes([0x80 | 126]) + struct.pack("!H", len(payload))
    else:
        head += bytes([0x80 | 127]) + struct.pack("!Q", len(payload))
    return head + MASK + masked(payload)


class Client:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.data = b""

    def send(self, data):
        self.socket.sendall(data)

    def open(self, extra=b""):
        self.send(REQUEST + extra + b"\r\n")
        return self.head()

    def more(self):
        data = self.socket.recv(65536)
        self.data += data
        return len(data) > 0

    def take(self, count):
        while len(self.data) < count:
            if not self.more():
                raise EOFError(self.data)
        taken, self.data = self.data[:count], self.data[count:]
        return taken

    def head(self):
        while b"\r\n\r\n" not in self.data:
            if not self.more():
                raise EOFError(self.data)
        return self.take(self.data.index(b"\r\n\r\n") + 4)

    def frame(self):
        first, length = self.take(2)
        if length == 126:
            (length,) = struct.unpack("!H", self.take(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self.take(8))
        return first, self.take(length)

    def at_end(self):
        try:
            return self.data == b"" and not self.more()
        except ConnectionResetError:
            return True


class EchoTest(unittest.TestCase):
    def setUp(self):
        self.echo = subprocess.Popen(
            [ECHO, "-v", "-l", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        line = self.echo.stdout.readline()
        self.port = int(re.fullmatch(rb"echo: listening on 127\.0\.0\.1:(\d+)\n", line)[1])
        self.clients = []

    def tearDown(self):
        for client in self.clients:
            client.socket.close()
        self.echo.terminate()
        _, errors = self.echo.communicate(timeout=20)
        self.assertEqual((self.echo.returncode, errors), (0, b""))

    def client(self):
        self.clients.append(Client(self.port))
        return self.clients[-1]

    def opened(self):
        client = self.client()
        client.open()
        return client

    def test_opening_handshake(self):
        head = self.client().open(b"Sec-WebSocket-Protocol: chat.v2, chat.v1\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 101 "), head)
        self.assertIn(ACCEPT, head)
        self.assertIn(b"Sec-WebSocket-Protocol: chat.v2\r\n", head)
        self.assertNotIn(b"Sec-WebSocket-Protocol", self.client().open())

    def test_prints_what_it_saw(self):
        self.client().open(b"X-Auth-Subject: ann\r\n")
        seen = b""
        while b"X-Auth-Subject: ann" not in seen:
            seen = self.echo.stdout.readline()
        self.assertEqual(seen, b"#1 X-Auth-Subject: ann\n")

    def test_refusals(self):
        cases = [
            (REQUEST.replace(b"GET", b"POST"), b"400"),
            (REQUEST.replace(b"HTTP/1.1", b"HTTP/1.0"), b"400"),
            (REQUEST.replace(b"WebSocket", b"h2c", 1), b"426"),
            (REQUEST.replace(b", Upgrade", b""), b"426"),
            (REQUEST.replace(b"13\r\n", b"12\r\n"), b"426"),
            (REQUEST.replace(b"ZQ==", b""), b"400"),
            (REQUEST + b"X: " + b"x" * 17000 + b"\r\n", b"431"),
        ]
        for request, status in cases:
            with self.subTest(request=request[:60]):
                client = self.client()
                client.send(request + b"\r\n")
                self.assertEqual(client.head().split(b" ")[1], status)
                self.assertTrue(client.at_end())

    def test_head_byte_by_byte_with_a_frame_behind(self):
        client = self.client()
        for byte in REQUEST + b"\r\n":
            client.send(bytes([byte]))
        client.send(frame(1, b"hello"))
        client.head()
        self.assertEqual(client.frame(), (0x81, b"hello"))

    def test_messages_of_every_length_form(self):
        client = self.opened()
        for length in (0, 1, 125, 126, 127, 65535, 65536, MIB):
            for opcode in (1, 2):
                payload = os.urandom(length)
                client.send(frame(opcode, payload))
                self.assertEqual(client.frame(), (0x80 | opcode, payload))

    def test_fragments_with_a_ping_between(self):
        client = self.opened()
        client.send(frame(2, b"one ", fin=False) + frame(9, b"p") + frame(0, b"two ", fin=False))
        client.send(frame(10, b"unasked") + frame(0, b"three"))
        self.assertEqual(client.frame(), (0x8A, b"p"))
        self.assertEqual(client.frame(), (0x82, b"one two three"))

    def test_close_is_answered(self):
        for payload, answer in [
            (b"", b""),
            (struct.pack("!H", 1000) + b"bye", struct.pack("!H", 1000)),
            (struct.pack("!H", 4401), struct.pack("!H", 4401)),
            (b"\x03", struct.pack("!H", 1002)),
            (struct.pack("!H", 1005), struct.pack("!H", 1002)),
            (struct.pack("!H", 2999), struct.pack("!H", 1002)),
        ]:
            with self.subTest(payload=payload):
                client = self.opened()
                client.send(frame(8, payload) + frame(1, b"too late"))
                self.assertEqual(client.frame(), (0x88, answer))
                self.assertTrue(client.at_end())

    def test_faults(self):
        first = frame(1, b"a", fin=False)
        for name, data, code in [
            ("not masked", b"\x81\x01a", 1002),
            ("reserved bit", frame(1, b"a", rsv=0x40), 1002),
            ("unknown opcode", frame(3, b"a"), 1002),
            ("unknown control", frame(11, b""), 1002),
            ("continuation of nothing", frame(0, b"a"), 1002),
            ("message in a message", first + frame(1, b"b"), 1002),
            ("ping in pieces", frame(9, b"", fin=False), 1002),
            ("long ping", frame(9, b"x" * 126), 1002),
            ("length not the shortest, 16", b"\x81\xfe\x00\x05", 1002),
            ("length not the shortest, 64", b"\x81\xff" + struct.pack("!Q", 65535), 1002),
            ("too long", b"\x82\xff" + struct.pack("!Q", MIB + 1) + MASK, 1009),
            ("far too long", b"\x82\xff" + b"\xff" * 8 + MASK, 1009),
            ("too long in pieces", first + frame(0, b"x" * MIB)[:14], 1009),
        ]:
            with self.subTest(name):
                client = self.opened()
                client.send(data if len(data) > 13 or data[1] < 0x80 else data + MASK)
                self.assertEqual(client.frame(), (0x88, struct.pack("!H", code)))
                self.assertTrue(client.at_end())

    def test_last_message_and_fin(self):
        client = self.opened()
        client.send(frame(2, b"x" * 300000))
        client.socket.shutdown(socket.SHUT_WR)
        self.assertEqual(client.frame(), (0x82, b"x" * 300000))
        self.assertTrue(client.at_end())

    def memory_kib(self):
        with open(f"/proc/{self.echo.pid}/status") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1])

    def test_a_client_that_never_reads(self):
        client = self.opened()
        client.socket.settimeout(1)
        before = self.memory_kib()
        sent = 0
        with self.assertRaises(TimeoutError):
            while sent < 256 * MIB:
                client.send(frame(2, b"x" * 65536))
                sent += 65536
        self.assertLess(self.memory_kib() - before, 32 * 1024)
        other = self.opened()  # and the others do not notice
        other.send(frame(1, b"hello"))
        self.assertEqual(other.frame(), (0x81, b"hello"))
        client.socket.settimeout(30)
        for _ in range(sent // 65536):  # nothing is lost
            self.assertEqual(client.frame(), (0x82, b"x" * 65536))

    def test_many_clients_at_once(self):
        clients = [self.opened() for _ in range(100)]
        for i, client in enumerate(clients):
            client.send(frame(1, b"%d" % i))
        for i, client in enumerate(clients):
            self.assertEqual(client.frame(), (0x81, b"%d" % i))

    def test_more_clients_than_descriptors(self):
        shell = 'ulimit -n 16; exec "$0" -l 127.0.0.1:0'
        echo = subprocess.Popen(
            ["/bin/sh", "-c", shell, ECHO], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        try:
            port = int(echo.stdout.readline().rsplit(b":", 1)[1])
            self.clients += [Client(port) for _ in range(20)]
            first = echo.stderr.readline()
            for client in self.clients[:18]:
                client.socket.close()
            self.assertIn(b" 101 ", self.clients[19].open())
        finally:
            echo.terminate()
            _, errors = echo.communicate(timeout=20)
        errors = first + errors
        self.assertIn(b"echo: accept: Too many open files", errors)
        self.assertLess(errors.count(b"\n"), 20)  # it does not spin
        self.assertEqual(echo.returncode, 0)

    def test_usage(self):
        for arguments, status in [(["-h"], 0), (["-x"], 2), (["x"], 2), (["-l", "here"], 1),
                                  (["-l", "127.0.0.1"], 1), (["-l", f"127.0.0.1:{self.port}"], 1)]:
            with self.subTest(arguments):
                done = subprocess.run([ECHO, *arguments], capture_output=True, timeout=20)
                self.assertEqual(done.returncode, status)
                self.assertTrue(done.stdout if status == 0 else done.stderr)


if __name__ == "__main__":
    unittest.main()
