#!/usr/bin/python3
"""`wsgatectl probe wss://...`, how long things took, and many probes.

TLS is ended by the ssl module in front of the echo backend or of a server of probe_test's;
certificates are made by the openssl command. Runs in the build directory; the standard library only.
"""

import json
import os
import re
import select
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "blackbox")]

from harness.certificates import Certificates  # noqa: E402
from json_fields import fields, manual  # noqa: E402
from probe_test import ECHO, Server, frame, opens, probe, says  # noqa: E402


class Front:
    """Ends TLS on a port of its own; `behind` is a port to which bytes go on."""

    def __init__(self, context, behind):
        self.context, self.behind = context, behind
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.names, self.protocols, self.faults = [], [], []
        context.sni_callback = lambda _sock, name, _context: self.names.append(name)
        self.threads = [threading.Thread(target=self.accept)]
        self.threads[0].start()

    def accept(self):
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self.serve, args=(plain,))
            self.threads.append(thread)
            thread.start()

    def serve(self, plain):
        plain.settimeout(20)
        try:
            client = self.context.wrap_socket(plain, server_side=True)
        except (ssl.SSLError, OSError) as fault:
            self.faults.append(fault)
            plain.close()
            return
        self.protocols.append(client.selected_alpn_protocol())
        with client, socket.create_connection(("127.0.0.1", self.behind), 20) as server:
            self.relay(client, server)

    @staticmethod
    def read(source):
        try:
            return source.recv(65536)
        except OSError:
            return b""

    def relay(self, client, server):
        """Both ways, in one thread, for an SSL object is not for two. An end is passed on."""
        other = {client: server, server: client}
        while server in other:
            waiting = client in other and client.pending() > 0
            ready = [client] if waiting else select.select(list(other), [], [], 20)[0]
            if not ready:
                return
            for source in ready:
                data, sink = self.read(source), other[source]
                try:
                    if data:
                        sink.sendall(data)
                        continue
                    del other[source]
                    if sink is client:
                        sink.unwrap()
                    else:
                        sink.shutdown(socket.SHUT_WR)
                except OSError:
                    return

    def end(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join(30)


class ProbeTlsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="wsgate-test-")
        cls.certificates = Certificates(cls.directory)
        cls.ca = cls.certificates.path("ca.pem")
        cls.process = subprocess.Popen([ECHO, "-l", "127.0.0.1:0"], stdout=subprocess.PIPE)
        cls.echo = int(cls.process.stdout.readline().rsplit(b":", 1)[1])

    @classmethod
    def tearDownClass(cls):
        cls.process.terminate()
        cls.process.wait(20)
        cls.process.stdout.close()
        shutil.rmtree(cls.directory)

    def front(self, name="good", behind=None):
        made = Front(self.certificates.context(name), behind or self.echo)
        self.addCleanup(made.end)
        return made

    def behind_tls(self, answer, *arguments):
        server = Server(answer)
        try:
            front = self.front(behind=server.port)
            return probe(f"wss://127.0.0.1:{front.port}/x", "--ca-file", self.ca, *arguments)
        finally:
            server.end()

    # ---- TLS

    def test_echo(self):
        front = self.front()
        url = f"wss://127.0.0.1:{front.port}/"
        for text in ("hello", "x" * 70000):
            done = probe(url, "--ca-file", self.ca, "--send", text)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            shown = text if len(text) < 4097 else "x" * 4096 + f"... ({len(text)} bytes)"
            lines = done.stdout.decode().splitlines()
            self.assertRegex(
                lines[0], r"^TLSv1\.3, TLS_\w+, certificate CN=a test,O=wsgate until 2099-12-31T23:59:59Z$")
            self.assertEqual(lines[1:], [
                "HTTP/1.1 101 Switching Protocols", f"sent: {shown}", f"received: {shown}",
                "closed with 1000 after 0.0 s"])
        self.assertEqual(front.protocols, ["http/1.1"] * 2)
        self.assertEqual(front.names, [None] * 2)  # an address has no SNI

    def test_older_tls(self):
        front = self.front()
        front.context.maximum_version = ssl.TLSVersion.TLSv1_2
        done = probe(f"wss://127.0.0.1:{front.port}/", "--ca-file", self.ca, "--send", "a")
        self.assertEqual((done.returncode, done.stdout[:8]), (0, b"TLSv1.2,"))

    def test_what_is_believed(self):
        """(certificate, arguments, what is wrong with it; None: nothing)"""
        ca = ["--ca-file", self.ca]
        cases = [
            ("good", ca, None),
            ("good", [*ca, "--server-name", "chat.example.com"], None),
            ("good", [*ca, "--server-name", "CHAT.example.com"], None),
            ("good", [*ca, "--server-name", "a.wild.example"], None),
            ("good", [*ca, "--server-name", "wild.example"], "hostname mismatch"),
            ("good", [*ca, "--server-name", "other.example"], "hostname mismatch"),
            ("good", [*ca, "--server-name", "127.0.0.2"], "IP address mismatch"),
            ("good", [], "unable to get local issuer certificate"),
            ("good", ["--ca-file", self.certificates.path("stranger.pem")], ""),
            ("strange", ca, ""),
            ("old", ca, "certificate has expired"),
        ]
        for name, arguments, fault in cases:
            with self.subTest((name, arguments)):
                front = self.front(name)
                url = f"wss://127.0.0.1:{front.port}/"
                done = probe(url, *arguments)
                if fault is None:
                    self.assertEqual((done.returncode, done.stderr), (0, b""))
                    continue
                self.assertEqual((done.returncode, done.stdout), (1, b""))
                self.assertIn(f"the certificate is not trusted: {fault}".encode(), done.stderr)
                done = probe(url, "--insecure", *arguments)
                self.assertEqual((done.returncode, done.stderr), (0, b""))
                self.assertIn(f", not trusted: {fault}".encode(), done.stdout.splitlines()[0])

    def test_the_name_is_asked_for(self):
        try:
            socket.getaddrinfo("localhost", None, socket.AF_INET)
        except OSError:
            self.skipTest("this machine does not know the name localhost")
        front = self.front()
        done = probe(f"wss://127.0.0.1:{front.port}/", "--ca-file", self.ca, "--server-name",
                     "chat.example.com")
        self.assertEqual((done.returncode, front.names), (0, ["chat.example.com"]))
        done = probe(f"wss://localhost:{front.port}/", "--insecure")
        self.assertEqual((done.returncode, front.names[1:]), (0, ["localhost"]))

    def test_no_request_before_trust(self):
        server = Server(says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
        front = self.front("strange", server.port)
        done = probe(f"wss://127.0.0.1:{front.port}/", "--ca-file", self.ca, "--token", "secret")
        self.assertEqual(done.returncode, 1)
        with socket.create_connection(("127.0.0.1", server.port)) as nobody:
            nobody.sendall(b"\r\n\r\n")
        server.end()
        self.assertNotIn(b"secret", server.request)

    def test_no_tls(self):
        done = probe(f"wss://127.0.0.1:{self.echo}/", "--insecure", "--timeout", "2s")
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"wsgatectl probe: tls: ", done.stderr)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"wss://127.0.0.1:{silent.getsockname()[1]}/"
            done = probe(url, "--timeout", "300ms")
            self.assertEqual(done.stderr, b"wsgatectl probe: tls: no answer in time\n")
        done = probe("wss://127.0.0.1:1/", "--ca-file", "/nonexistent")
        self.assertIn(b"connect: ", done.stderr)
        front = self.front()
        done = probe(f"wss://127.0.0.1:{front.port}/", "--ca-file", "/nonexistent")
        self.assertEqual(done.returncode, 1)
        self.assertTrue(done.stderr.startswith(b"wsgatectl probe: /nonexistent: "), done.stderr)

    def test_ends_and_refusals(self):
        start = b"HTTP/1.1 101 Switching Protocols\n"
        done = self.behind_tls(opens(frame(8, struct.pack("!H", 4401) + b"bye")), "--wait-close=10s")
        self.assertTrue(done.stdout.endswith(start + b"closed with 4401 (bye) after 0.0 s\n"))
        done = self.behind_tls(opens(), "--wait-close=10s")
        self.assertTrue(
            done.stdout.endswith(start + b"connection ended after 0.0 s, without a Close frame\n"))
        done = self.behind_tls(says(
            b"HTTP/1.1 403 Forbidden\r\nX-Why: because\r\nDate: today\r\nConnection: close\r\n"
            b"Set-Cookie: a=b\r\nContent-Length: 3\r\n\r\nno\n"))
        self.assertTrue(done.stdout.endswith(
            b"HTTP/1.1 403 Forbidden\nX-Why: because\nSet-Cookie: a=b\nno\n"), done.stdout)
        self.assertEqual(done.returncode, 1)

    def test_tls_in_json(self):
        front = self.front("strange")
        done = probe(f"wss://127.0.0.1:{front.port}/", "--json", "--insecure", "--send", "a")
        report = json.loads(done.stdout)
        self.assertEqual(report["tls"] | {"cipher": ""}, {
            "version": "TLSv1.3", "cipher": "", "subject": "CN=a test,O=wsgate",
            "not_after": "2099-12-31T23:59:59Z", "trusted": False,
            "fault": "unable to get local issuer certificate"})
        self.assertEqual(set(report["timing_ms"]), {"connect", "tls", "handshake", "first_message"})

    # ---- Headers, times

    def test_headers(self):
        url = f"ws://127.0.0.1:{self.echo}/"
        self.assertEqual(probe(url).stdout.splitlines()[1:], [b"closed with 1000 after 0.0 s"])
        lines = probe(url, "--headers").stdout.decode().splitlines()
        self.assertEqual(lines[1:3], ["Upgrade: websocket", "Connection: Upgrade"])
        self.assertRegex(lines[3], r"^Sec-WebSocket-Accept: \S{28}$")

    def test_timing(self):
        url = f"ws://127.0.0.1:{self.echo}/"
        number = r"\d+\.\d\d ms"
        for arguments, words in [
            (["--send", "a"], f"connect {number}, handshake {number}, first message {number}"),
            ([], f"connect {number}, handshake {number}"),
        ]:
            done = probe(url, "--timing", *arguments)
            self.assertRegex(done.stdout.decode().splitlines()[-1], f"^timing: {words}$")
        done = probe("ws://127.0.0.1:1/", "--timing")
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        report = json.loads(probe(url, "--json").stdout)
        self.assertEqual(set(report["timing_ms"]), {"connect", "handshake"})
        self.assertTrue(all(0 < took < 10000 for took in report["timing_ms"].values()))

    # ---- Many

    def test_many(self):
        front = self.front()
        arguments = [f"wss://127.0.0.1:{front.port}/", "--ca-file", self.ca, "--send", "a"]
        done = probe(*arguments, "--count", "5")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        text = re.sub(r" +\d+\.\d\d", " T", done.stdout.decode())
        self.assertEqual(text.splitlines(), [
            "5 probes", "     5  connected", "",
            "milliseconds    probes        min     median        max",
            "connect              5 T T T", "tls                  5 T T T",
            "handshake            5 T T T", "first message        5 T T T"])
        report = json.loads(probe(*arguments, "--count", "4", "--json").stdout)
        self.assertEqual((report["probes"], report["connected"]), (4, 4))
        self.assertEqual(report["outcomes"], [{"outcome": "connected", "times": 4}])
        for phase in report["timing_ms"].values():
            self.assertEqual(phase["probes"], 4)
            self.assertLessEqual(phase["min"], phase["median"])
            self.assertLessEqual(phase["median"], phase["max"])

    def test_many_of_which_some_fail(self):
        answers = [
            opens(frame(8)),
            says(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"),
            says(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"),
            says(b""),
            says(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"),
        ]
        server = Server(lambda self, connection: answers[0](self, connection))
        listener = server.listener

        def rest():
            server.thread.join(20)
            for answer in answers[1:]:
                server.answer, server.request = answer, b""
                server.run()

        thread = threading.Thread(target=rest)
        thread.start()
        done = probe(f"ws://127.0.0.1:{server.port}/", "--count", "6", "--timeout", "3s")
        thread.join(30)
        listener.close()
        self.assertEqual((done.returncode, done.stderr), (1, b""))
        self.assertEqual(done.stdout.decode().splitlines()[:6], [
            "6 probes", "     1  connected", "     2  refused with 401",
            "     1  failed: the connection was closed without an answer",
            "     1  refused with 503", "     1  failed: no answer in time"])
        self.assertIn("handshake            4 ", done.stdout.decode())

    # ---- JSON

    def against(self, answer, *arguments):
        server = Server(answer)
        try:
            return probe(f"ws://127.0.0.1:{server.port}/", "--json", *arguments)
        finally:
            server.end()

    def test_every_field_stands_in_the_manual(self):
        hello, farewell = frame(1, b"hello"), frame(8, b"\x03\xe8bye")
        done = [
            self.against(opens(hello, farewell), "--send", "hello", "--wait-close"),
            self.against(opens(), "--wait-close"),
            self.against(says(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")),
            self.against(says(b"")),
            self.behind_tls(opens(hello), "--json", "--wait-close"),
            self.behind_tls(opens(hello), "--json", "--insecure", "--server-name", "a", "--wait-close"),
        ]
        printed = set().union(*(fields(json.loads(one.stdout)) for one in done))
        self.assertEqual(printed, manual("probe"))

    def test_every_field_of_many_stands_in_the_manual(self):
        url = f"wss://127.0.0.1:{self.front().port}/"
        done = probe(url, "--insecure", "--count", "2", "--send", "x", "--json")
        self.assertEqual(fields(json.loads(done.stdout)), manual("many probes"))


if __name__ == "__main__":
    unittest.main()
