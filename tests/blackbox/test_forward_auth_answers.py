"""What a service of forward_auth may answer: rightly, wrongly, and to do harm."""

import threading

from harness import gateway, secure
from harness.authorised import Authorised
from harness.service import CLOSE, HANG, reply

MEBIBYTE = 1 << 20
ANN = b"HTTP/1.1 200 OK\r\nX-User: ann\r\n"
YES, TIMEOUT, BROKEN, GARBLED, NAMELESS, STATUS = (
    (101, "upgraded"), (504, "forward-auth-timeout"), (503, "forward-auth-unreachable"),
    (503, "forward-auth-garbled"), (503, "forward-auth-nameless"), (503, "forward-auth-status"))


def empty(head):
    return head + b"Content-Length: 0\r\n\r\n"


# The answer, what comes of it, and X-Role at the backend.
ANSWERS = {
    # ---- how a yes may come ----
    "whole": ([empty(ANN + b"X-Role: a\r\n")], YES, "a"),
    "204": ([ANN.replace(b"200", b"204") + b"X-Role: a\r\n\r\n"], YES, "a"),
    "HTTP/1.0": ([ANN.replace(b"1.1", b"1.0") + b"X-Role: a\r\n\r\n", CLOSE], YES, "a"),
    "until the end": ([ANN + b"X-Role: a\r\n\r\n" + b"x" * 1000, CLOSE], YES, "a"),
    "chunked": ([ANN + b"X-Role: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\n\r\n"], YES, "a"),
    "interim": ([b"HTTP/1.1 103 Early\r\nX-Role: no\r\nX-User: root\r\n\r\n" * 3 + empty(ANN)], YES, None),
    "100": ([b"HTTP/1.1 100 Continue\r\n\r\n" + empty(ANN)], YES, None),
    "a list": ([empty(ANN + b"X-Role: a\r\nx-role: b\r\n")], YES, "a, b"),
    "another header": ([empty(ANN + b"X-Other: a\r\nX_Role: b\r\n")], YES, None),
    "bytes of UTF-8": ([empty(ANN + b"X-Role: \xc3\xa4\r\n")], YES, "Ã¤"),
    # ---- what would put something into the request ----
    "NUL": ([empty(ANN + b"X-Role: a\0b\r\n")], BROKEN, None),
    "CR": ([empty(ANN + b"X-Role: a\rX-Admin: 1\r\n")], BROKEN, None),
    "CR in who it is": ([empty(b"HTTP/1.1 200 OK\r\nX-User: root\rann\r\n")], BROKEN, None),
    "LF": ([empty(ANN + b"X-Role: a\nX-Admin: 1\r\n")], BROKEN, None),
    "LF alone": ([empty(ANN).replace(b"\r", b"")], BROKEN, None),
    "a fold": ([empty(ANN + b"X-Role: a\r\n X-Admin: 1\r\n")], BROKEN, None),
    "a fold of nothing": ([empty(b"HTTP/1.1 200 OK\r\nX-User:\r\n\troot\r\n")], BROKEN, None),
    "a control": ([empty(ANN + b"X-Role: a\x1bb\r\n")], GARBLED, None),
    "no UTF-8": ([empty(ANN + b"X-Role: \xff\r\n")], GARBLED, None),
    # ---- who it is ----
    "nobody": ([reply()], NAMELESS, None),
    "empty": ([empty(b"HTTP/1.1 200 OK\r\nX-User:\r\n")], NAMELESS, None),
    "two": ([empty(ANN + b"X-User: root\r\n")], GARBLED, None),
    "the same twice": ([empty(ANN + b"x-user: ann\r\n")], GARBLED, None),
    "in the trailer": ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-User\r\n\r\n"
                        b"0\r\nX-User: root\r\nX-Role: a\r\n\r\n"], NAMELESS, None),
    "early": ([b"HTTP/1.1 103 Early\r\nX-User: root\r\n\r\n" + reply()], NAMELESS, None),
    "trailer beside": ([ANN + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-User: root\r\nX-Role: a\r\n\r\n"],
                       YES, None),
    # ---- lies about the length ----
    "less than said": ([ANN + b"Content-Length: 9\r\n\r\nabc", CLOSE], BROKEN, None),
    "never all of it": ([ANN + b"Content-Length: 9\r\n\r\nabc", HANG], TIMEOUT, None),
    "a length of letters": ([ANN + b"Content-Length: many\r\n\r\n", CLOSE], BROKEN, None),
    "two lengths": ([ANN + b"Content-Length: 2\r\nContent-Length: 5\r\n\r\nabcde"], BROKEN, None),
    "one length twice": ([ANN + b"Content-Length: 2\r\n" * 2 + b"\r\nab"], BROKEN, None),
    "length and chunks": ([ANN + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
                          BROKEN, None),
    "a huge length": ([ANN + b"Content-Length: 99999999999999999999\r\n\r\n", HANG], GARBLED, None),
    "bad chunks": ([ANN + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", CLOSE], BROKEN, None),
    "chunks that end": ([ANN + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel", CLOSE], BROKEN, None),
    "half a head": ([ANN, CLOSE], BROKEN, None),
    "half a head, then silence": ([ANN, HANG], TIMEOUT, None),
    # ---- too much ----
    "a long header": ([empty(ANN + b"X-Role: " + b"a" * 40000 + b"\r\n")], GARBLED, None),
    "many headers": ([empty(ANN + b"X: y\r\n" * 20000)], GARBLED, None),
    "many interim answers": ([b"HTTP/1.1 103 Early\r\nX: y\r\n\r\n" * 5000 + empty(ANN)], GARBLED, None),
    # ---- no HTTP/1.1, or no answer to the question ----
    "HTTP/0.9": ([b"ann\r\n", CLOSE], BROKEN, None),
    "HTTP/2 in words": ([empty(ANN.replace(b"1.1", b"2"))], BROKEN, None),
    "HTTP/2 preface": ([b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", CLOSE], BROKEN, None),
    "HTTP/2 settings": ([b"\0\0\0\4\0\0\0\0\0", CLOSE], BROKEN, None),
    "four digits": ([empty(ANN.replace(b"200", b"2000"))], BROKEN, None),
    "another protocol": ([b"220 mail.example.com ESMTP\r\n", CLOSE], BROKEN, None),
    "300": ([reply(status=300)], STATUS, None),
    "304": ([reply(status=304, length=False)], STATUS, None),
    "402": ([reply(status=402)], STATUS, None),
    "404": ([reply(status=404)], STATUS, None),
    "407": ([reply(status=407)], STATUS, None),
    "429": ([reply(status=429)], STATUS, None),
    "500": ([reply(status=500)], STATUS, None),
    "999": ([reply(status=999)], STATUS, None),
}


class Answers(Authorised):
    def gates(self, backend=None, **options):
        """One that lets nobody in without a yes, and one that does where there is no answer."""
        self.parts = [reply()]
        service = self.service_that(lambda request: self.parts)
        return [self.gate(service, backend, **options, **more) for more in ({}, {"on_error": "pass"})]

    def test_answers(self):
        backend = self.echo_backend()
        options = {"identity_header": "X-User", "forward_headers": ["X-Role"]}
        patient, impatient = self.gates(backend, **options), self.gates(backend, timeout="300ms", **options)
        for name, (parts, (status, reason), role) in ANSWERS.items():
            with self.subTest(name):
                gate, lax = impatient if status == 504 else patient
                self.parts = parts
                before = backend.connects
                if status != 101:
                    self.check_refused(self.refused(gate, status, reason, "X-Role: root"), status)
                    self.assertEqual(backend.connects, before)
                self.passed(lax if status != 101 else gate, "X-Role: root")
                head = backend.heads()[-1]
                self.assertEqual(head.get("X-Role"), role)
                self.assertIsNone(head.get("X-Admin"))
        for gate in (patient[0], impatient[0]):
            self.assertLessEqual({line.get("subject") for line in gate.lines("handshake", status=101)}, {"ann"})

    def test_switching_protocols(self):
        """Nobody has asked for that: it is no yes."""
        gate, _ = self.gates()
        self.parts = [b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", CLOSE]
        answer = self.ask(gate)
        self.check_refused(answer, 503)
        self.assertIn(gate.await_line("handshake")["reason"], ("forward-auth-status", "forward-auth-unreachable"))

    def test_what_follows_an_answer(self):
        """More bytes than the length says are no answer to the next question."""
        gate, _ = self.gates(identity_header="X-User")
        first, more = empty(ANN), empty(ANN.replace(b"ann", b"root"))
        passed, sent = threading.Event(), threading.Event()

        def late():
            yield first
            yield passed
            yield more
            sent.set()

        for self.parts, is_late in (([first + more], False), (late(), True)):
            self.passed(gate)
            passed.set()
            self.assertTrue(not is_late or sent.wait(20))
            self.parts = [empty(ANN)]
            self.passed(gate)
            passed.clear()
        self.assertEqual([line["subject"] for line in gate.await_lines(4, "handshake")], ["ann"] * 4)

    def test_a_no_is_a_no(self):
        """By its head alone: who can spoil its body is not let in by on_error."""
        patient, impatient = self.gates(), self.gates(timeout="1s")
        for status in (401, 403):
            for name, rest in {
                "a gigabyte": [b"Content-Length: 1073741824\r\n\r\n", b"x" * MEBIBYTE, HANG],
                "no end": [b"\r\n", b"x" * MEBIBYTE, HANG],
                "slow": [b"Content-Length: 9\r\n\r\n", HANG],
                "cut": [b"Content-Length: 9\r\n\r\nabc", CLOSE],
                "bad chunks": [b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", CLOSE],
            }.items():
                self.parts = [b"HTTP/1.1 %d No\r\nWWW-Authenticate: Basic realm=there\r\n" % status, *rest]
                for i, gate in enumerate(impatient if name == "slow" else patient):
                    with self.subTest(name, status=status, on_error=i):
                        answer = self.refused(gate, status, "forward-auth-refused")
                        self.check_refused(answer, status)
                        self.assertEqual(answer.get("WWW-Authenticate"), "Basic realm=there")

    def test_challenges_that_do_harm(self):
        gate, _ = self.gates()
        for value, shown in (("Basic \x1b[2J", None), ("Basic \x7f", None), ("a" * 20000, "a" * 20000)):
            self.parts = [reply(status=401, fields=[f"WWW-Authenticate: {value}"])]
            answer = self.refused(gate, 401, "forward-auth-refused")
            self.assertEqual(answer.get("WWW-Authenticate"), shown)
            self.check_refused(answer, 401)
        self.parts = [reply(b"no", 401, fields=["Content-Type: a\x1bb"])]
        self.check_refused(self.refused(gate, 401, "forward-auth-refused"), 401)
        for fault in ("Basic\rX-Evil: 1", "Basic\nX-Evil: 1"):
            self.parts = [reply(status=401, fields=[f"WWW-Authenticate: {fault}"])]
            self.assertIsNone(self.refused(gate, *BROKEN).get("X-Evil"))

    def test_a_gigabyte(self):
        """It is read up to the bound and no further, and takes no memory."""
        sent = []

        def answer(head, chunk):
            def parts(request):
                yield head
                for _ in range(1024):
                    sent[-1] += len(chunk)
                    yield chunk

            return parts

        chunked = b"100000\r\n" + b"x" * MEBIBYTE + b"\r\n"
        for name, parts in {
            "length": (ANN + b"Content-Length: 1073741824\r\n\r\n", b"x" * MEBIBYTE),
            "chunked": (ANN + b"Transfer-Encoding: chunked\r\n\r\n", chunked),
            "neither": (ANN + b"\r\n", b"x" * MEBIBYTE),
            "head": (ANN, (b"X: " + b"y" * 1021 + b"\r\n") * 1024),
        }.items():
            with self.subTest(name):
                gate = self.gate(self.service_that(answer(*parts)))
                before = gate.memory("Anonymous")
                for _ in range(5):
                    sent.append(0)
                    self.refused(gate, *GARBLED)
                if not gateway.sanitized():
                    self.assertLess(gate.memory("Anonymous") - before, 2 * MEBIBYTE)
        self.assertLess(max(sent), 64 * MEBIBYTE, "what the sockets between hold, and no more")

    def test_redirects(self):
        """Nobody goes where they lead, by whatever status."""
        other = self.service(reply())
        gate, _ = self.gates()
        for status in (301, 302, 303, 307, 308):
            for target in (other.url(), "/elsewhere", "file:///etc/passwd", "//" + other.url()[7:]):
                self.parts = [reply(status=status, fields=[f"Location: {target}"])]
                self.refused(gate, *STATUS)
        self.assertEqual((other.connections, len(self.services[1].requests)), (0, 5 * 4))

    def test_tls(self):
        authority = secure.authority()
        service = self.service(reply(fields=["X-User: ann"]), context=secure.server_context())
        gate = self.gate(service, ca_file=authority.path("ca.pem"), identity_header="X-User")
        for _ in range(3):
            self.passed(gate)
        self.assertEqual(service.connections, 1)
        gate.await_lines(3, "handshake", subject="ann")
        for options, url in (({}, service.url("/check?key=secret")),
                             ({"ca_file": authority.path("ca.pem")}, service.url("/", "localhost"))):
            gate = self.gate(url, **options)
            self.refused(gate, *BROKEN, "Authorization: Basic secret")
            self.assertNotIn(b"secret", gate.output("stderr"))
            self.assertIn(b"certificate", gate.output("stderr"))
        self.assertEqual(len(service.requests), 3)
