"""The harness against itself: the raw client straight to the raw backend."""

import os
import shutil
import subprocess
import sys

from harness import frames, tokens
from harness.backend import EchoLoop, answer, echo
from harness.case import Case
from harness.gateway import SANITIZER
from harness.peer import connect
from harness.wire import Head, WireError, accept_key, handshake, switching


class Harness(Case):
    def direct(self, backend):
        peer = connect(backend.address)
        self.clients.append(peer)
        return peer

    def test_accept_key_is_that_of_the_rfc(self):
        self.assertEqual(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")

    def test_echo(self):
        backend = self.echo_backend()
        client = self.direct(backend)
        client.send(handshake())
        self.check_switched(client.read_response())
        for size in (0, 5, 125, 126, 65535, 65536):
            self.check_echo(client, os.urandom(size))
        client.send_frame(b"", frames.CLOSE, masked=True)
        self.assertEqual(client.read_frame(), (frames.CLOSE, b""))
        self.assertEqual(client.expect_end(), "fin")

    def test_echo_on_a_unix_socket(self):
        backend = self.backend(echo(), path=os.path.join(self.directory, "socket"))
        client = self.direct(backend)
        client.send(handshake())
        self.check_switched(client.read_response())
        self.check_echo(client)
        self.assertEqual(backend.connects, 1)

    def test_echo_loop(self):
        backend = EchoLoop()
        self.backends.append(backend)
        client = connect(("127.0.0.1", int(backend.text.rpartition(":")[2])))
        client.send(handshake())
        self.check_switched(client.read_response())
        self.check_echo(client)
        client.close()

    def test_connects_are_counted_without_a_handler_too(self):
        backend = self.backend()
        self.assertEqual(backend.connects, 0)
        self.direct(backend), self.direct(backend)
        self.assertEqual(backend.connects, 2)
        self.assertEqual(backend.connects, 2)

    def test_a_test_drives_both_ends(self):
        backend = self.backend()
        client = self.direct(backend)
        client.send_slowly([handshake()[i : i + 1] for i in range(len(handshake()))], 0)
        peer = backend.next()
        head = peer.read_head()
        self.assertEqual(head.target, "/ws")
        peer.send(switching(head) + b"early")
        self.check_switched(client.read_response())
        self.assertEqual(client.read(5), b"early")
        client.expect_nothing()
        client.finish_with(b"last")
        self.assertEqual(peer.read_rest(), b"last")
        peer.reset()
        self.assertEqual(client.expect_end(), "reset")

    def test_a_wrong_answer_is_seen(self):
        wrong = {
            "length short": b"HTTP/1.1 400 Bad\r\nContent-Length: 9\r\n\r\nshort",
            "no length": b"HTTP/1.1 400 Bad\r\n\r\nbody",
            "bare LF": b"HTTP/1.1 400 Bad\nContent-Length: 0\r\n\r\n",
            "1.0": b"HTTP/1.0 400 Bad\r\nContent-Length: 0\r\n\r\n",
        }
        for name, data in wrong.items():
            with self.subTest(name):
                client = self.direct(self.backend(answer(data)))
                client.send(handshake())
                self.assertRaises(WireError, client.read_response)

    def test_the_head_parser_is_strict(self):
        for bad in (
            b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA: b\x00\r\n\r\n",
            b"x\r\n\r\n",
        ):
            self.assertRaises(WireError, Head, bad)

    def test_what_sanitizers_say_is_known(self):
        for text in (
            b"==7==ERROR: AddressSanitizer: heap-use-after-free on address",
            b"==7==ERROR: LeakSanitizer: detected memory leaks",
            b"WARNING: ThreadSanitizer: data race (pid=7)",
            b"side.c:7:3: runtime error: signed integer overflow",
            b"wsgate: side.c:7: side_read: Assertion `n > 0' failed.",
        ):
            self.assertTrue(SANITIZER.search(text), text)

    def test_raw_ecdsa_signatures_have_the_right_length(self):
        token = tokens.key_pair("ec").sign()
        self.assertEqual(len(token.rpartition(".")[2]), 86)


FAILING = """
import unittest

class Some(unittest.TestCase):
    def logs(self):
        return "\\nthe last log line"

    def test_good(self):
        pass

    def test_bad(self):
        for i in range(50):
            with self.subTest(i):
                self.assertEqual(i, "the wrong colour")
"""


class Runner(Case):
    def test_why_a_test_failed_is_said_again_at_the_end(self):
        """In bounded many lines, behind the count: some see nothing but the end of a log."""
        here = os.path.dirname(os.path.abspath(__file__))
        os.symlink(os.path.join(here, "harness"), os.path.join(self.directory, "harness"))
        script = os.path.join(self.directory, "run")
        shutil.copy(os.path.join(here, "run"), script)
        self.file("test_some.py", FAILING)
        done = subprocess.run(
            [sys.executable, script], capture_output=True, text=True, timeout=60,
            env={name: value for name, value in os.environ.items() if name != "WSGATE_FEW"},
        )
        self.assertEqual(done.returncode, 1, done.stderr)
        before, _, behind = done.stdout.partition("\n1 passed, 1 failed\n")
        self.assertIn("ok     test_some.Some.test_good", before)
        self.assertTrue(before.endswith("\nfailed: test_some.Some.test_bad"), before)
        self.assertIn("test_some.Some.test_bad:\n", behind)
        self.assertIn("AssertionError: 0 != 'the wrong colour'", behind)
        self.assertTrue(behind.endswith("    the last log line\n"), behind)
        self.assertLess(len(behind.splitlines()), 65)
