#!/usr/bin/python3
"""The HTTP client (src/net/http_client.h) against servers that behave well, badly, or not at all.

Runs in the build directory; the standard library and parts of the black-box tests only.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

sys.dont_write_bytecode = True
SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(SOURCE, "tests", "blackbox"))

from harness import silent_resolver  # noqa: E402
from harness.certificates import Certificates  # noqa: E402
from harness.gateway import SANITIZER  # noqa: E402
from harness.service import CLOSE, HANG, Service, reply  # noqa: E402

BUILD = os.path.abspath(os.environ.get("BUILD", "."))
PROGRAM = os.path.join(BUILD, "tests", "http_client_program")
SILENT = "WSGATE_SILENT_RESOLVER"
SOON_MS = 8000  # for what must not wait for something that lasts twenty seconds and more


def run(*rounds, environment=None, around=()):
    """The lines that the program says: a list for each round, then how it ended."""
    done = subprocess.run([*around, PROGRAM], input=json.dumps(rounds), capture_output=True, text=True,
                          timeout=120, env={**os.environ, **(environment or {})})
    if done.returncode != 0 or SANITIZER.search(done.stderr.encode()):
        raise AssertionError(f"exit {done.returncode}: {done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def ask(url, **more):
    """One call's answer."""
    return run([{"url": url, **more}])[0][0]


class Answers(unittest.TestCase):
    def test_whole_answers(self):
        parts = b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX-Trailer: 1\r\n\r\n"
        rows = [
            (reply(b"hello world"), 200, "hello world"),
            (reply(b"", fields=["Transfer-Encoding: chunked"], length=False) + parts, 200, "hello world"),
            (reply(b"hello world", length=False), 200, "hello world"),
            (reply(b"gone", 404), 404, "gone"),
            (reply(b"", 500), 500, ""),
            (reply(b"", 204, length=False), 204, ""),
            (reply(b"", 103, ["Link: </x>"], length=False) + reply(b"late"), 200, "late"),
            (reply(b"", 302, ["Location: /elsewhere"]), 302, ""),
        ]
        for row, (answer, status, body) in enumerate(rows):
            with self.subTest(row=row), Service(lambda _, a=answer: [a, CLOSE]) as service:
                got = ask(service.url())
                self.assertEqual(("answered", status, body, ""),
                                 (got["outcome"], got["status"], got["body"], got["error"]))
                self.assertEqual(1, len(service.requests))

    def test_what_is_sent(self):
        with Service(lambda _: [reply()]) as service:
            run([{"url": service.url("/a?b=c"), "fields": ["Accept: x/y", "Authorization: Basic QQ=="]}],
                [{"url": service.url("/p"), "method": "POST", "body": "token=%41"}])
            get, post = service.requests
        self.assertEqual(("GET", "/a?b=c", "HTTP/1.1"), (get.method, get.target, get.version))
        self.assertEqual([("Host", f"127.0.0.1:{service.port}"), ("User-Agent", "wsgate"),
                          ("Accept-Encoding", "identity"), ("Accept", "x/y"),
                          ("Authorization", "Basic QQ==")], get.fields)
        self.assertEqual(("POST", b"token=%41"), (post.method, post.body))
        self.assertEqual("application/x-www-form-urlencoded", post.field("Content-Type"))
        self.assertIsNone(post.field("Authorization"))

    def test_connections_are_kept(self):
        with Service(lambda _: [reply(b"x")]) as service:
            rounds = run(*[[{"url": service.url()}] for _ in range(5)])
            self.assertEqual(["answered"] * 5, [answers[0]["outcome"] for answers in rounds[:-1]])
            self.assertEqual((5, 1), (len(service.requests), service.connections))

    def test_a_kept_connection_that_was_closed_is_replaced(self):
        with Service(lambda _: [reply(b"x"), CLOSE]) as service:
            rounds = run([{"url": service.url()}], [{"url": service.url()}])
            self.assertEqual(["answered"] * 2, [answers[0]["outcome"] for answers in rounds[:-1]])

    def test_a_kept_connection_that_says_more_is_replaced(self):
        """Glued to an answer or behind it: what nobody asked for is no answer to the next question."""
        def late(over, sent):
            yield reply(b"one")
            yield over
            sent.set()

        for over in (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad", b"x"):
            for glued in (True, False):
                sent = threading.Event()
                parts = [[reply(b"one") + over] if glued else late(over, sent), [reply(b"two")]]
                with Service(lambda _: parts.pop(0)) as service, Service(lambda _: [sent, reply()]) as barrier:
                    if glued:
                        sent.set()
                    _, _, (two,), _ = run(*[[{"url": one.url()}] for one in (service, barrier, service)])
                    self.assertEqual(("answered", "two"), (two["outcome"], two["body"]), (over, glued))
                    self.assertLessEqual(service.connections, 2)

    def test_connections_are_bounded(self):
        with Service(lambda _: [0.05, reply(b"x")]) as service:
            answers = run([{"url": service.url(), "timeout_ms": 60000}] * 200)[0]
            self.assertEqual({"answered"}, {answer["outcome"] for answer in answers})
            self.assertLessEqual(service.connections, 32)

    def test_calls_are_bounded(self):
        with Service(lambda _: [reply(b"x")]) as service:
            answers = run([{"url": service.url(), "timeout_ms": 60000}] * 1030)[0]
        outcomes = [answer["outcome"] for answer in answers]
        self.assertEqual((1024, 6), (outcomes.count("answered"), outcomes.count("refused")))

    def test_max_age_is_the_last_answers(self):
        def answer(request):
            if request.target == "/":
                return [reply(b"", 302, ["Location: /keys", "Cache-Control: max-age=5"])]
            return [reply(b"x", fields=["cache-control: public", "Cache-Control:max-age=60"])]

        with Service(answer) as service:
            self.assertEqual(60, ask(service.url(), redirects_max=1)["max_age"])
            self.assertEqual(5, ask(service.url())["max_age"])
        with Service(lambda _: [reply(b"x")]) as service:
            self.assertEqual(-1, ask(service.url())["max_age"])

    def test_no_proxy_of_the_environment(self):
        with Service(lambda _: [reply(b"direct")]) as service, Service(lambda _: [reply(b"proxy")]) as proxy:
            names = {name: proxy.url() for name in ("http_proxy", "https_proxy", "all_proxy", "ALL_PROXY")}
            answers = run([{"url": service.url()}], environment=names)[0]
            self.assertEqual("direct", answers[0]["body"])
            self.assertEqual(0, proxy.connections)


class Bounds(unittest.TestCase):
    def check(self, outcome, answer, **more):
        with Service(lambda _: answer) as service:
            got = ask(service.url(), **more)
        self.assertEqual((outcome, 0, ""), (got["outcome"], got["status"], got["body"]))
        self.assertNotEqual("", got["error"])
        self.assertNotIn("?", got["error"])
        return got

    def test_too_large(self):
        chunk = b"400\r\n" + b"x" * 1024 + b"\r\n"
        chunked = reply(b"", fields=["Transfer-Encoding: chunked"], length=False)
        self.check("too-large", [reply(b"x" * 1025)], body_max=1024)
        # Judged by its length alone, before any of it is there.
        self.check("too-large", [reply(b"", fields=["Content-Length: 1025"], length=False), HANG],
                   body_max=1024)
        self.check("too-large", [reply(b"x" * 1025, length=False), HANG], body_max=1024)
        self.check("too-large", [chunked, chunk, b"1\r\nx\r\n", HANG], body_max=1024)
        with Service(lambda _: [reply(b"x" * 1024)]) as service:
            self.assertEqual(1024, len(ask(service.url(), body_max=1024)["body"]))

    def test_heads_too_large(self):
        line = "X-Long: " + "x" * 8000
        self.check("too-large", [reply(b"", fields=[line] * 5)])
        self.check("too-large", [reply(b"", 103, [line], length=False)] * 5 + [HANG])
        # A single line is libcurl's to judge.
        self.check("broken", [b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200000, HANG])

    def test_deadline(self):
        for answer in ([HANG], [reply(b"", fields=["Content-Length: 9"], length=False), HANG]):
            got = self.check("timeout", answer, timeout_ms=300)
            self.assertGreaterEqual(got["ms"], 250)
            self.assertEqual("no answer within 300 ms", got["error"])

    def test_a_drip_meets_the_deadline_too(self):
        head = reply(b"", fields=["Content-Length: 100"], length=False)
        drip = [part for byte in head + b"x" * 100 for part in (bytes([byte]), 0.05)]
        got = self.check("timeout", drip, timeout_ms=1000)
        self.assertGreaterEqual(got["ms"], 900)

    def test_broken(self):
        self.check("broken", [b"220 mail.example.com ESMTP\r\n", CLOSE])
        self.check("broken", [CLOSE])
        self.check("broken", [reply(b"", fields=["Content-Length: 9"], length=False) + b"x", CLOSE])
        self.check("broken", [reply(b"", fields=["Transfer-Encoding: chunked"], length=False) + b"zz\r\n",
                              CLOSE])
        self.check("broken", [reply(b"", fields=["Transfer-Encoding: chunked"], length=False)
                              + b"5\r\nhel", CLOSE])

    def test_heads_that_are_none(self):
        """libcurl would take them: cut short, of another version, with lines that mean two things."""
        for head, words in (
            (b"HTTP/1.1 200 OK\r\nX-Field: a\r\n", "not whole"),
            (b"HTTP/2 200 OK\r\n\r\n", "malformed"),
            (b"HTTP/1.1 200 OK\r\nX-Field: a\rb\r\n\r\n", "malformed"),
            (b"HTTP/1.1 200 OK\r\nX-Field: a\nX: b\r\n\r\n", "malformed"),
            (b"HTTP/1.1 200 OK\r\nX-Field: a\r\n b\r\n\r\n", "malformed"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "several lengths"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
             "several lengths"),
        ):
            with self.subTest(head):
                got = self.check("broken", [head, CLOSE])
                self.assertIn(words, got["error"])
                self.assertEqual((0, None), (got["head_status"], got["field"]))

    def test_a_head_counts_without_its_body(self):
        """Its status and fields are known, however the body ends; not before the head is whole."""
        head = b"HTTP/1.1 401 No\r\nContent-Length: 2000\r\nX-Field: why\r\n"
        for parts, outcome in (([head + b"\r\n", HANG], "too-large"),
                               ([head.replace(b"2000", b"20") + b"\r\n", HANG], "timeout"),
                               ([head.replace(b"2000", b"20") + b"\r\nx", CLOSE], "broken")):
            got = self.check(outcome, parts, body_max=1024, timeout_ms=300)
            self.assertEqual((401, "why"), (got["head_status"], got["field"]))
        for parts, outcome in (([head, HANG], "timeout"), ([head, CLOSE], "broken"),
                               ([b"HTTP/1.1 103 Soon\r\nX-Field: why\r\n\r\n", HANG], "timeout"),
                               ([reply(status=302, fields=["Location: /x", "X-Field: no"]), HANG], "timeout")):
            with Service(lambda request, p=parts: p if request.target == "/" else [HANG]) as service:
                got = ask(service.url(), timeout_ms=300, redirects_max=1)
            self.assertEqual((outcome, 0, None), (got["outcome"], got["head_status"], got["field"]))

    def test_head(self):
        """It has no body, whatever length it names; the next answer is not taken for it."""
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\nX-Field: f\r\n\r\n"
        with Service(lambda request: [head if request.method == "HEAD" else reply(b"x")]) as service:
            call = {"url": service.url(), "method": "HEAD", "body_max": 1024}
            (one,), (two,), _ = run([call], [call | {"method": "GET"}])
            self.assertEqual(("answered", 200, "", "f"),
                             (one["outcome"], one["status"], one["body"], one["field"]))
            self.assertEqual(("answered", "x", 1), (two["outcome"], two["body"], service.connections))

    def test_nobody_there(self):
        with Service(lambda _: []) as service:
            url = service.url()
        got = ask(url)
        self.assertEqual("no-connection", got["outcome"])
        self.assertIn(f"port {service.port}", got["error"])

    def test_cancel(self):
        with Service(lambda _: [HANG]) as service:
            answers, end = run([{"url": service.url(), "cancel_after_ms": after} for after in (0, 1, 200)])
        self.assertEqual(["cancelled"] * 3, [answer["outcome"] for answer in answers])
        self.assertLess(end["free_ms"], SOON_MS)

    def test_the_client_goes_under_calls(self):
        with Service(lambda _: [HANG]) as service:
            answers, end = run([{"url": service.url()}, {"url": service.url()}, "abandon"])
        self.assertEqual([{}, {}], answers)
        self.assertLess(end["free_ms"], SOON_MS)


class Redirects(unittest.TestCase):
    def test_as_many_as_allowed(self):
        def answer(request):
            left = int(request.target[1:])
            return [reply(b"", 302, [f"Location: /{left - 1}"]) if left else reply(b"there")]

        with Service(answer) as service:
            self.assertEqual("there", ask(service.url("/3"), redirects_max=3)["body"])
            got = ask(service.url("/4"), redirects_max=3)
            self.assertEqual(("redirect", 0), (got["outcome"], got["status"]))

    def test_to_where_none_may_go(self):
        for target in ("file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/", "dict://127.0.0.1/d:x",
                       "http://user:secret@127.0.0.1:1/?key=secret", "https://[", "http://a b/"):
            with self.subTest(target), Service(lambda _, t=target: [reply(b"", 302, [f"Location: {t}"])]) as service:
                got = ask(service.url(), redirects_max=5)
                self.assertEqual(("redirect", ""), (got["outcome"], got["body"]))
                self.assertNotIn("secret", got["error"])

    def test_authorization_stays_with_its_host(self):
        with Service(lambda _: [reply(b"stranger")]) as other:
            away = other.url(host="localhost")
            with Service(lambda _: [reply(b"", 307, [f"Location: {away}"])]) as service:
                got = ask(service.url(), redirects_max=1, fields=["Authorization: Bearer secret"])
            self.assertEqual("stranger", got["body"])
            self.assertEqual("Bearer secret", service.requests[0].field("Authorization"))
            self.assertIsNone(other.requests[0].field("Authorization"))


class Addresses(unittest.TestCase):
    def test_refused(self):
        for url in ("file:///etc/passwd", "ftp://127.0.0.1/", "http://user:secret@127.0.0.1:1/", "http://", "",
                    "127.0.0.1:1:1/?secret"):
            with self.subTest(url):
                got = ask(url)
                self.assertEqual(("broken", 0, ""), (got["outcome"], got["status"], got["body"]))
                self.assertNotIn("secret", got["error"])

    def test_names_that_are_none(self):
        got = ask("http://no-such-name.invalid/")
        self.assertEqual("no-address", got["outcome"])
        self.assertIn("no-such-name.invalid", got["error"])


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="wsgate-test-")
        cls.certificates = Certificates(cls.directory)
        cls.ca = cls.certificates.path("ca.pem")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.directory)

    def service(self, name, answer=lambda _: [reply(b"x")]):
        return Service(answer, self.certificates.context(name))

    def test_good(self):
        with self.service("good") as service:
            rounds = run(*[[{"url": service.url(), "ca_file": self.ca}] for _ in range(3)])
            self.assertEqual(["x"] * 3, [answers[0]["body"] for answers in rounds[:-1]])
            self.assertEqual(1, service.connections)

    def test_bad(self):
        rows = [
            ("good", "localhost", self.ca, "localhost"),
            ("old", "127.0.0.1", self.ca, "certificate has expired"),
            ("strange", "127.0.0.1", self.ca, "unable to get local issuer certificate"),
            ("good", "127.0.0.1", self.certificates.path("stranger.pem"), "unable to get local issuer"),
            ("good", "127.0.0.1", None, "unable to get local issuer certificate"),
            ("good", "127.0.0.1", self.certificates.path("good.key"), "good.key"),
            ("good", "127.0.0.1", self.certificates.path("absent"), "absent"),
        ]
        for name, host, ca_file, words in rows:
            with self.subTest(name, host=host, ca=ca_file), self.service(name) as service:
                got = ask(service.url("/?key=secret", host), ca_file=ca_file)
                self.assertEqual(("tls", ""), (got["outcome"], got["body"]))
                self.assertIn(words, got["error"])
                self.assertNotIn("secret", got["error"])
                self.assertEqual([], service.requests)

    @unittest.skipUnless(shutil.which("strace"), "needs strace")
    def test_a_bundle_is_read_once(self):
        """However many connections there are: reading the system's takes tens of milliseconds."""
        trace = os.path.join(self.directory, "trace")
        for ca_file in (self.ca, None):
            with self.service("good", lambda _: [reply(b"x"), CLOSE]) as service:
                run(*[[{"url": service.url(), "ca_file": ca_file}]] * 4, around=["strace", "-f", "-o", trace,
                    "-e", "trace=openat"], environment={"ASAN_OPTIONS": "detect_leaks=0"})
                self.assertEqual(4, service.connections)
            with open(trace, encoding="ascii") as lines:
                opened = [line for line in lines if (ca_file or "/etc/ssl/certs/") in line]
            self.assertLessEqual(len(opened), 1, opened)

    def test_a_plain_server(self):
        def greet(listener):
            with listener.accept()[0] as sock:
                sock.sendall(b"220 mail.example.com ESMTP\r\n")
                sock.recv(65536)

        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=greet, args=(listener,))
            thread.start()
            got = ask(f"https://127.0.0.1:{listener.getsockname()[1]}/", ca_file=self.ca)
            thread.join()
        self.assertEqual("tls", got["outcome"])

    def test_a_silent_server(self):
        with Service(lambda _: [HANG]) as service:  # it waits for a request that ends
            got = ask(f"https://127.0.0.1:{service.port}/", ca_file=self.ca, timeout_ms=500)
            self.assertEqual("timeout", got["outcome"])

    def test_no_way_back_to_http(self):
        with Service(lambda _: [reply(b"plain")]) as plain:
            down = lambda _: [reply(b"", 302, [f"Location: {plain.url()}"])]  # noqa: E731
            with self.service("good", down) as service:
                got = ask(service.url(), ca_file=self.ca, redirects_max=5)
                self.assertEqual("redirect", got["outcome"])
                self.assertEqual(0, plain.connections)
                # Up and down again.
                with Service(lambda _: [reply(b"", 302, [f"Location: {service.url()}"])]) as first:
                    got = ask(first.url(), ca_file=self.ca, redirects_max=5)
                self.assertEqual("redirect", got["outcome"])
            self.assertEqual([], plain.requests)

    def test_up_to_https(self):
        with self.service("good") as service:
            with Service(lambda _: [reply(b"", 302, [f"Location: {service.url()}"])]) as first:
                self.assertEqual("x", ask(first.url(), ca_file=self.ca, redirects_max=1)["body"])


class NameServer(unittest.TestCase):
    def test_one_that_never_answers(self):
        """The class below, where that is so."""
        script = os.path.join(SOURCE, "tests", "blackbox", "harness", "silent_resolver.py")
        done = subprocess.run([sys.executable, script, sys.executable, os.path.abspath(__file__),
                               "SilentNameServer"], capture_output=True, text=True, timeout=300,
                              env={**os.environ, SILENT: "1"})
        if done.returncode == silent_resolver.NOT_ALLOWED:
            self.skipTest(done.stderr)
        self.assertEqual(0, done.returncode, done.stderr)


@unittest.skipUnless(os.environ.get(SILENT), "needs a name server that never answers")
class SilentNameServer(unittest.TestCase):
    LONG = "http://name.example.com/"

    def test_cancel_does_not_wait(self):
        answers, end = run([{"url": self.LONG, "cancel_after_ms": after} for after in (0, 5, 300)])
        for answer in answers:
            self.assertEqual("cancelled", answer["outcome"])
            self.assertLess(answer["cancel_ms"], 4000)
        self.assertLess(end["free_ms"], 4000)

    def test_the_deadline_holds(self):
        (answer,), end = run([{"url": self.LONG, "timeout_ms": 300}])
        self.assertEqual("timeout", answer["outcome"])
        self.assertIn("looked up", answer["error"])
        self.assertLess(answer["ms"], 4000)
        self.assertLess(end["free_ms"], 4000)

    def test_the_client_goes_at_once(self):
        answers, end = run([{"url": self.LONG}, {"url": self.LONG}, "abandon"])
        self.assertEqual([{}, {}], answers)
        self.assertLess(end["free_ms"], 4000)

    def test_threads_are_bounded(self):
        storm = [{"url": self.LONG, "timeout_ms": 200}] * 50
        *rounds, end = run(*[storm] * 4)
        self.assertEqual({"timeout"}, {answer["outcome"] for answers in rounds for answer in answers})
        self.assertLessEqual(end["threads"], 32 + 4)  # ours, and what a sanitizer has
        self.assertLess(end["free_ms"], 4000)

    def test_others_go_on(self):
        with Service(lambda _: [reply(b"x")]) as service:
            answers, _ = run([{"url": self.LONG, "timeout_ms": 5000, "cancel_after_ms": 2000}]
                             + [{"url": service.url()}] * 20)
        self.assertEqual({"answered"}, {answer["outcome"] for answer in answers[1:]})


if __name__ == "__main__":
    unittest.main()
