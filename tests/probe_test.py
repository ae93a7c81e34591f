#!/usr/bin/python3
"""`wsgatectl probe` against the echo backend, and against servers that break the rules.

Runs in the build directory; the standard library only.
"""

import base64
import hashlib
import json
import os
import re
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

BUILD = os.environ.get("BUILD", ".")
ECHO = os.path.join(BUILD, "examples/echo/echo")
WSGATECTL = os.environ.get("WSGATECTL", os.path.join(BUILD, "wsgatectl"))
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
MIB = 1024 * 1024


def probe(*arguments, stdin=b""):
    """What a probe said; whatever took less than three seconds took 0.0."""
    done = subprocess.run(
        [WSGATECTL, "probe", *arguments], input=stdin, capture_output=True, timeout=60
    )
    done.stdout = re.sub(rb"after [012]\.\d s", b"after 0.0 s", done.stdout)
    return done


def resolves(name):
    try:
        return socket.getaddrinfo(name, 80) != []
    except OSError:
        return False


def frame(opcode, payload=b"", fin=True):
    head = bytes([(0x80 if fin else 0) | opcode])
    if len(payload) < 126:
        return head + bytes([len(payload)]) + payload
    if len(payload) < 65536:
        return head + b"\x7e" + struct.pack("!H", len(payload)) + payload
    return head + b"\x7f" + struct.pack("!Q", len(payload)) + payload


def unmask(data):
    """The first frame: opcode and payload."""
    length, at = data[1] & 127, 2
    if length == 126:
        (length,), at = struct.unpack("!H", data[2:4]), 4
    mask, body = data[at : at + 4], data[at + 4 : at + 4 + length]
    return data[0] & 15, bytes(byte ^ mask[i % 4] for i, byte in enumerate(body))


class Server:
    """Accepts one connection, reads a head, and lets `answer` speak."""

    def __init__(self, answer, path=None):
        """path: of a Unix socket to listen on; without it, a port of the loopback."""
        if path:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(path)
            self.listener.listen()
        else:
            self.listener = socket.create_server(("127.0.0.1", 0))
            self.port = self.listener.getsockname()[1]
        self.answer = answer
        self.request = b""
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        self.listener.settimeout(20)
        connection, _ = self.listener.accept()
        connection.settimeout(20)
        with connection:
            while b"\r\n\r\n" not in self.request:
                self.request += connection.recv(65536)
            try:
                self.answer(self, connection)
            except OSError:  # the probe had seen enough
                pass

    def accept_field(self):
        key = re.search(rb"Sec-WebSocket-Key: (\S+)\r\n", self.request)[1]
        return b"Sec-WebSocket-Accept: " + base64.b64encode(hashlib.sha1(key + GUID).digest())

    def head(self, *extra):
        fields = [b"Upgrade: websocket", b"Connection: Upgrade", self.accept_field(), *extra]
        return b"\r\n".join([b"HTTP/1.1 101 Switching Protocols", *fields, b"", b""])

    def end(self):
        self.thread.join(20)
        self.listener.close()


def stay(_server, connection):
    """Says nothing until the probe has gone."""
    while connection.recv(65536):
        pass


def says(data):
    """An answer: the bytes, then FIN, then whatever the probe still sends."""

    def answer(server, connection):
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        stay(server, connection)

    return answer


def opens(*frames, extra=(), end=None):
    """An answer: a right 101, frames, then FIN."""

    def answer(server, connection):
        connection.sendall(server.head(*extra) + b"".join(frames))
        if end:
            end(server, connection)
        else:
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass

    return answer


class ProbeTest(unittest.TestCase):
    def against(self, answer, *arguments, stdin=b""):
        self.server = Server(answer)
        try:
            return probe(f"ws://127.0.0.1:{self.server.port}/x", *arguments, stdin=stdin)
        finally:
            self.server.end()

    def echo(self):
        process = subprocess.Popen([ECHO, "-l", "127.0.0.1:0"], stdout=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait, 20)
        self.addCleanup(process.terminate)
        return int(process.stdout.readline().rsplit(b":", 1)[1])

    # ---- What goes well

    def test_echo(self):
        port = self.echo()
        for text in ("hello", "grüß dich", "x" * 125, "x" * 126, "x" * 65536):
            done = probe(f"ws://127.0.0.1:{port}", "--send", text)
            shown = text if len(text) < 4097 else "x" * 4096 + f"... ({len(text)} bytes)"
            self.assertEqual(done.stderr, b"")
            self.assertEqual(
                done.stdout.decode(),
                "HTTP/1.1 101 Switching Protocols\n"
                f"sent: {shown}\nreceived: {shown}\nclosed with 1000 after 0.0 s\n",
            )
            self.assertEqual(done.returncode, 0)

    def test_hosts(self):
        port = self.echo()
        for arguments, status in [
            ([f"ws://localhost:{port}"], 0 if resolves("localhost") else 1),
            ([f"WS://127.0.0.1:{port}/a?b=c"], 0),
            ([f"ws://127.0.0.1:{port}", "--bind", "127.0.0.2"], 0),
            ([f"ws://127.0.0.1:{port}", "--bind", "192.0.2.1"], 1),
            ([f"ws://127.0.0.1:{port}", "--bind", "here"], 1),
            ([f"ws://127.0.0.1:{port}", "--bind", "::1"], 1),
            (["ws://127.0.0.1:1"], 1),
            (["ws://wsgate.invalid"], 1),
        ]:
            with self.subTest(arguments):
                done = probe(*arguments)
                self.assertEqual((done.returncode, done.stderr == b""), (status, status == 0))

    def test_request(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"the-token\n")
            file.flush()
            self.against(
                opens(extra=[b"Sec-WebSocket-Protocol: two"]),
                *("--token-file", file.name, "--origin", "https://app.example.com"),
                *("--subprotocol", "one", "--subprotocol", "two", "--header", "X-A: b c"),
            )
        lines = self.server.request.split(b"\r\n")
        self.assertEqual(lines[0], b"GET /x HTTP/1.1")
        for line in (
            b"Host: 127.0.0.1:%d" % self.server.port,
            b"Upgrade: websocket",
            b"Connection: Upgrade",
            b"Sec-WebSocket-Version: 13",
            b"Origin: https://app.example.com",
            b"Authorization: Bearer the-token",
            b"Sec-WebSocket-Protocol: one, two",
            b"X-A: b c",
        ):
            self.assertEqual(lines.count(line), 1, line)

    def test_token_from_standard_input_and_a_host_of_ones_own(self):
        done = self.against(
            opens(), "--token-file", "-", "--header", "Host: chat.example.com", stdin=b"abc\r\n"
        )
        self.assertEqual(done.returncode, 0)
        self.assertIn(b"\r\nAuthorization: Bearer abc\r\n", self.server.request)
        self.assertIn(b"\r\nHost: chat.example.com\r\n", self.server.request)
        self.assertEqual(self.server.request.count(b"Host:"), 1)

    def test_unix_socket(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "s")
            server = Server(opens(frame(8, b"\x03\xe8")), path)
            try:
                done = probe("--unix-socket", path, "ws://chat.example.com:81/a?b", "--wait-close")
            finally:
                server.end()
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            self.assertIn(b"closed with 1000 after 0.0 s\n", done.stdout)
            self.assertTrue(server.request.startswith(b"GET /a?b HTTP/1.1\r\nHost: chat.example.com:81\r\n"))
            refused = probe("--unix-socket", path, "ws://localhost/")
            self.assertIn(b": connect to " + path.encode() + b": Connection refused\n", refused.stderr)
            absent = probe("--unix-socket", path + "x", "ws://localhost/")
            self.assertIn(b": No such file or directory\n", absent.stderr)
            self.assertEqual((refused.returncode, absent.returncode), (1, 1))

    def test_unix_socket_whose_queue_is_full(self):
        with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX) as listener:
            path = os.path.join(directory, "s")
            listener.bind(path)
            listener.listen(0)
            with socket.socket(socket.AF_UNIX) as first:
                first.connect(path)
                done = probe("--unix-socket", path, "ws://localhost/", "--timeout", "200ms")
            self.assertEqual(done.returncode, 1)
            self.assertIn(b": no answer in time\n", done.stderr)

    def test_frames_of_all_kinds(self):
        def end(_server, connection):
            self.pong = connection.recv(65536)
            connection.sendall(frame(8, struct.pack("!H", 4401) + b"token expired"))
            connection.recv(65536)

        done = self.against(
            opens(
                frame(1, b"one"),
                frame(2, b"\0" * 70000),
                frame(10),
                frame(1, b"t", fin=False) + frame(9, b"ping") + frame(0, b"wo"),
                frame(1, b"a\x1b[31mb\xffc\xc2\x9b"),
                end=end,
            ),
            "--wait-close",
        )
        self.assertEqual(done.stderr, b"")
        self.assertEqual(
            done.stdout.decode().splitlines(),
            [
                "HTTP/1.1 101 Switching Protocols",
                "received: one",
                "received: a binary message of 70000 bytes",
                "received: two",
                r"received: a\x1b[31mb\xffc\xc2\x9b",
                "closed with 4401 (token expired) after 0.0 s",
            ],
        )
        self.assertEqual(unmask(self.pong), (10, b"ping"))
        self.assertEqual(done.returncode, 0)

    def test_ends(self):
        def reset(_server, connection):
            linger = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

        cases = [
            (opens(), b"connection ended after 0.0 s, without a Close frame\n"),
            (opens(end=reset), b"connection reset after 0.0 s, without a Close frame\n"),
            (opens(frame(8)), b"closed with no code after 0.0 s\n"),
            (opens(frame(8, b"\x03\xe9")), b"closed with 1001 after 0.0 s\n"),
        ]
        for answer, line in cases:
            with self.subTest(line):
                done = self.against(answer, "--wait-close=10s")
                self.assertTrue(done.stdout.endswith(line), done.stdout)
                self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_waiting_takes_as_long_as_it_takes(self):
        def end(_server, connection):
            time.sleep(1.7)

        done = self.against(opens(end=end), "--wait-close", "--timeout", "1500ms")
        self.assertIn(b"connection ended after ", done.stdout)
        self.assertEqual(done.returncode, 0)

    def test_interim_answers_are_skipped(self):
        def answer(server, connection):
            interim = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
            connection.sendall(interim * 3 + server.head() + frame(1, b"early"))

        done = self.against(answer, "--wait-close")
        self.assertIn(b"101 Switching Protocols\nreceived: early\n", done.stdout)

    def test_json(self):
        done = self.against(
            opens(frame(1, b"hi \xff"), frame(8, b"\x11\x31bye"), extra=[b"X-A: 1", b"x-a: 2"]),
            *("--wait-close", "--json"),
        )
        report = json.loads(done.stdout)
        self.assertEqual(report["result"], "connected")
        self.assertEqual((report["status"], report["headers"]["x-a"]), (101, "1, 2"))
        self.assertEqual(report["received"], [{"text": "hi \ufffd", "bytes": 4}])
        self.assertEqual((report["close"]["code"], report["close"]["reason"]), (4401, "bye"))

    # ---- What does not

    def test_refusals(self):
        body = b'{"error":"token expired"}\n'
        fields = b'WWW-Authenticate: Bearer realm="wsgate"\r\nServer: x\r\n'
        start = b"HTTP/1.1 401 Unauthorized\r\n" + fields
        shown = b"HTTP/1.1 401 Unauthorized\n" + fields.replace(b"\r", b"")
        chunked = b"Transfer-Encoding: chunked\r\n\r\n1a\r\n" + body + b"\r\n0\r\n\r\n"
        for rest, shown_body in [
            (b"Content-Length: 26\r\n\r\n" + body, body),
            (chunked, body),
            (b"Connection: close\r\n\r\n" + body + b"\x1b]0;x", body + b"\\x1b]0;x\n"),
            (b"Content-Length: 100\r\n\r\n" + body, body),
            (b"Content-Length: 0\r\n\r\n", b""),
        ]:
            with self.subTest(rest):
                done = self.against(says(start + rest))
                self.assertEqual((done.stdout, done.returncode), (shown + shown_body, 1))
                self.assertEqual(done.stderr, b"")
        report = json.loads(self.against(says(start + chunked), "--json").stdout)
        self.assertEqual((report["result"], report["status"]), ("refused", 401))
        self.assertEqual(report["body"], body.decode())

    def test_refusals_by_a_close(self):
        """The first thing after the 101, with a code that says no."""
        said = frame(8, b"\x11\x31token-expired")
        for arguments in ((), ("--send", "hello")):
            done = self.against(opens(said), *arguments)
            self.assertIn(b"closed with 4401 (token-expired) after 0.0 s\n", done.stdout)
            self.assertEqual(done.returncode, 1)
        for code in (4401, 4403, 4429, 1011, 1013):
            report = json.loads(
                self.against(opens(frame(8, struct.pack("!H", code))), "--json").stdout
            )
            self.assertEqual((report["result"], report["close"]["code"]), ("refused", code))
        for data, arguments in (
            (frame(8, struct.pack("!H", 1000)), ()),
            (said, ("--wait-close",)),
        ):
            done = self.against(opens(data), *arguments)
            self.assertEqual(done.returncode, 0, done)

    def test_answers_that_are_none(self):
        def late(server, connection):
            connection.sendall(b"HTTP/1.1 101 ")
            stay(server, connection)

        for name, answer, error in [
            ("nothing", says(b""), b"closed without an answer"),
            ("half a head", says(b"HTTP/1.1 101 S\r\n"), b"closed within the answer"),
            ("late", late, b"did not end in time"),
            ("silent", stay, b"no answer in time"),
            ("garbage", says(b"220 mail ESMTP\r\n\r\n"), b""),
            ("HTTP/1.0", says(b"HTTP/1.0 101 S\r\n\r\n"), b""),
            ("too long", says(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70000), b"long"),
            ("too many 1xx", says(b"HTTP/1.1 100 C\r\n\r\n" * 20), b"interim"),
        ]:
            with self.subTest(name):
                done = self.against(answer, "--timeout", "500ms" if b"in time" in error else "20s")
                self.assertIn(error, done.stderr)
                self.assertEqual((done.returncode, done.stdout), (1, b""))

    def test_wrong_101(self):
        def edited(old, new):
            def answer(server, connection):
                connection.sendall(server.head().replace(old, new, 1))

            return answer

        for old, new in [
            (b"Upgrade: websocket", b"X: y"),
            (b"Upgrade: websocket", b"Upgrade: h2c"),
            (b"Connection: Upgrade", b"Connection: close"),
            (b"Accept: ", b"Accept: A"),
            (b"Sec-WebSocket-Accept", b"X-Accept"),
            (b"Connection:", b"Content-Length: 0\r\nConnection:"),
            (b"Connection:", b"Sec-WebSocket-Protocol: x\r\nConnection:"),
            (b"Connection:", b"Sec-WebSocket-Extensions: permessage-deflate\r\nConnection:"),
        ]:
            with self.subTest(new):
                done = self.against(edited(old, new), "--send", "x")
                self.assertEqual(done.returncode, 1)
                self.assertTrue(done.stdout.startswith(b"HTTP/1.1 101 "), done.stdout)
                self.assertNotIn(b"sent:", done.stdout)
                self.assertNotEqual(done.stderr, b"")

    def test_wrong_frames(self):
        start = frame(1, b"a", fin=False)
        for name, data in [
            ("masked", b"\x81\x80abcd"),
            ("reserved bit", b"\xc1\x00"),
            ("opcode 3", b"\x83\x00"),
            ("opcode 11", b"\x8b\x00"),
            ("continuation of nothing", frame(0, b"a")),
            ("message in a message", start + frame(1, b"b")),
            ("ping in pieces", frame(9, fin=False)),
            ("long ping", frame(9, b"x" * 126)),
            ("length not the shortest, 16", b"\x81\x7e\x00\x7d" + b"x" * 125),
            ("length not the shortest, 64", b"\x81\x7f" + struct.pack("!Q", 65535)),
            ("too long", b"\x82\x7f" + struct.pack("!Q", MIB + 1)),
            ("far too long", b"\x82\x7f" + b"\xff" * 8),
            ("too long in pieces", start + frame(0, b"x" * MIB)),
            ("close of one byte", frame(8, b"x")),
            ("close with 1006", frame(8, struct.pack("!H", 1006))),
            ("close with 999", frame(8, struct.pack("!H", 999))),
            ("close with 5000", frame(8, struct.pack("!H", 5000))),
        ]:
            with self.subTest(name):
                done = self.against(opens(data), "--wait-close=10s")
                self.assertIn(b"the other side sent a", done.stderr)
                self.assertEqual(done.returncode, 1)

    def test_no_echo(self):
        for answer, error in [
            (opens(frame(1, b"something else"), end=stay), b"did not come back in time"),
            (opens(frame(2, b"x"), frame(8, b"\x03\xe8")), b"did not come back\n"),
            (opens(), b"did not come back\n"),
            (opens(b"\x83\x00"), b"unknown opcode"),
        ]:
            with self.subTest(error):
                timeout = "1500ms" if b"in time" in error else "20s"
                done = self.against(answer, "--send", "x", "--timeout", timeout)
                self.assertIn(error, done.stderr)
                self.assertEqual(done.returncode, 1)

    def test_a_farewell_that_is_not_answered_is_said(self):
        done = self.against(opens(end=stay), "--timeout", "1500ms")
        self.assertIn(b"not answered in time", done.stderr)
        self.assertEqual(done.returncode, 0)

    def test_still_open(self):
        done = self.against(opens(end=stay), "--wait-close=200ms")
        self.assertEqual((done.returncode, done.stderr[:30]), (1, b"wsgatectl probe: still open af"))

    # ---- Usage

    def test_help(self):
        done = probe("--help")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertIn(b"--wait-close[=DURATION]", done.stdout)

    def test_usage(self):
        url = "ws://127.0.0.1:1/"
        for arguments in [
            [],
            [url, url],
            ["--unknown", url],
            ["--token"],
            ["wss://"],
            ["--insecure", url],
            ["--ca-file", "/etc/passwd", url],
            ["--server-name", "a", url],
            ["--count", "0", url],
            ["--count", "2", "--count", "2", url],
            ["--send", "a", "--send", "b", url],
            ["--wait-close", "--wait-close=1s", url],
            ["--timeout", "1s", "--timeout", "1s", url],
            ["--count", "100001", url],
            ["--count", "1x", url],
            ["--count", "-1", url],
            ["http://127.0.0.1/"],
            ["ws://"],
            ["ws://a b/"],
            ["ws://user@host/"],
            ["ws://host:70000/"],
            ["ws://host/a#b"],
            ["ws://host/a b"],
            ["ws://host/é"],
            ["ws://host/" + "x" * 20000],
            ["ws://" + "x" * 300],
            ["--token", "", url],
            ["--token", "a b", url],
            ["--token", "a\r\nX: y", url],
            ["--token", "a", "--token", "a", url],
            ["--token-file", "/nonexistent", url],
            ["--token-file", "/dev/zero", url],
            ["--token-file", "/", url],
            ["--origin", "a\nb", url],
            ["--subprotocol", "a, b", url],
            ["--subprotocol", "", url],
            [url] + ["--subprotocol=x"] * 33,
            ["--header", "nothing", url],
            ["--header", "a b: c", url],
            ["--header", "a: b\r\nc: d", url],
            ["--header", "Upgrade: h2c", url],
            ["--header", "connection: close", url],
            ["--header", "sec-websocket-KEY: x", url],
            [url] + ["--header=a: b"] * 65,
            ["--unix-socket", "", url],
            ["--unix-socket", "/" + "x" * 107, url],
            ["--unix-socket", "/x", "--bind", "127.0.0.1", url],
            ["--timeout", "0", url],
            ["--timeout", "5", url],
            ["--wait-close=soon", url],
        ]:
            with self.subTest(arguments[:3]):
                done = probe(*arguments)
                self.assertEqual((done.returncode, done.stdout), (2, b""))
                self.assertTrue(done.stderr.endswith(b"Try: wsgatectl probe --help\n"))


if __name__ == "__main__":
    unittest.main()
