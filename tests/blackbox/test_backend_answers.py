"""Whatever a backend answers, the client gets the right status; only a right 101 makes a tunnel."""

import time

from harness import tokens
from harness.backend import answer
from harness.case import Case
from harness.secure import in_four_forms
from harness.wire import Head, handshake, head, switching

PHRASES = (
    "OK",
    "Found",
    "Content Too Large",
    "Unavailable For Legal Reasons",
    "Network Authentication Required",
)
PROTOCOLS = "Sec-WebSocket-Protocol: chat, log"
DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate"


def plain(status, *lines, body=b""):
    return head(f"HTTP/1.1 {status}", *lines) + body


@in_four_forms()
class Wrong(Case):
    """Broken handshakes: 502 to the client, and not a byte of what follows passes."""

    def setUp(self):
        super().setUp()
        self.service = self.backend(answer())
        self.gate = self.gateway(self.service, pool={"handshake_timeout": "1s"})

    def check_answer(self, *pieces, request=None, then="close", status=502):
        self.service.handler = answer(*pieces, then=then)
        self.check_refused(self.gate.ask(request or handshake("/ws", PROTOCOLS)), status)

    def test_101_that_is_no_websocket_101(self):
        def without(name):
            return lambda request: switching(request, drop=[name]) + b"secret"

        def line(*extra):
            return lambda request: switching(request, *extra) + b"secret"

        def changed(**changes):
            return lambda request: switching(request, **changes) + b"secret"

        rows = {
            "no Upgrade": without("Upgrade"),
            "no Connection": without("Connection"),
            "no accept": without("Sec-WebSocket-Accept"),
            "another Upgrade": changed(upgrade="h2c"),
            "Upgrade with a version": changed(upgrade="websocket/13"),
            "two Upgrades": line("Upgrade: h2c"),
            "Connection without upgrade": changed(connection="keep-alive"),
            "wrong accept": changed(accept="s3pPLMBiTxaQ9kYGzzhZRbK+xOo0"),
            "accept of another key": changed(accept="AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
            "accept in other case": lambda r: switching(
                r, accept=switching(r).decode().lower()[-32:-4]
            ),
            "two accepts": lambda r: switching(r, "Sec-WebSocket-Accept: x") + b"secret",
            "the same accept twice": lambda r: switching(
                r, f"Sec-WebSocket-Accept: {Head(switching(r)).get('Sec-WebSocket-Accept')}"
            ),
            "unoffered subprotocol": line("Sec-WebSocket-Protocol: other"),
            "subprotocol in other case": line("Sec-WebSocket-Protocol: Chat"),
            "two subprotocols": line("Sec-WebSocket-Protocol: chat, log"),
            "two subprotocol fields": line(
                "Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: log"
            ),
            "unoffered extension": line(DEFLATE),
            "a length": line("Content-Length: 0"),
            "a coding": line("Transfer-Encoding: chunked"),
            "a space before the colon": line("X-A : b"),
            "a folded line": line("X-A: b", " c"),
            "a NUL": line("X-A: b\0c"),
            "bare LF": lambda r: switching(r).replace(b"\r\n", b"\n"),
            "HTTP/1.0": lambda r: switching(r).replace(b"HTTP/1.1", b"HTTP/1.0"),
            "HTTP/2": lambda r: switching(r).replace(b"HTTP/1.1", b"HTTP/2"),
            "an empty line first": lambda r: b"\r\n" + switching(r),
        }
        for name, piece in rows.items():
            with self.subTest(name):
                self.check_answer(piece)

    def test_a_subprotocol_that_nobody_asked_for(self):
        self.check_answer(
            lambda r: switching(r, "Sec-WebSocket-Protocol: chat"), request=handshake("/ws")
        )

    def test_an_extension_twice(self):
        self.check_answer(
            lambda r: switching(r, DEFLATE, DEFLATE), request=handshake("/ws", DEFLATE)
        )

    def test_no_http(self):
        rows = {
            "garbage": (b"\x00\x01\x02\xff" * 20,),
            "garbage with an end": (b"hello there\r\n\r\n",),
            "frames at once": (b"\x81\x05hello" * 10,),
            "nothing": (),
            "a space too many": (b"HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n",),
            "a status of two digits": (b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",),
            "a status of four digits": (b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",),
            "half a head": (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: webso",),
            "a head without its end": (lambda r: switching(r)[:-2],),
            "a head too large": (b"HTTP/1.1 200 OK\r\n" + b"X-Fill: " + b"a" * 200000,),
            "a request": (handshake(),),
            "a status above 599": (b"HTTP/1.1 600 Odd\r\nContent-Length: 0\r\n\r\n",),
            "HTTP/1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",),
        }
        for name, pieces in rows.items():
            for then in ("close", "reset"):
                with self.subTest(name, then=then):
                    self.check_answer(*pieces, then=then)

    def test_refusals_with_a_bad_head(self):
        rows = {
            "a space before the colon": plain("403 No", "X-A : b", "Content-Length: 0"),
            "a folded line": plain("403 No", "X-A: b", " c", "Content-Length: 0"),
            "a NUL": plain("403 No", "X-A: b\0c", "Content-Length: 0"),
            "a CR": plain("403 No", "X-A: b\rX-B: c", "Content-Length: 0"),
            "bare LF": plain("403 No", "Content-Length: 0").replace(b"\r\n", b"\n"),
            "no name": plain("403 No", ": b", "Content-Length: 0"),
            "no colon": plain("403 No", "X-A", "Content-Length: 0"),
            "a name that is no token": plain("403 No", "X A: b", "Content-Length: 0"),
            "very many fields": plain("403 No", *(f"X-{i}: v" for i in range(2000))),
        }
        for name, data in rows.items():
            with self.subTest(name):
                self.check_answer(data)

    def test_it_goes_before_it_reads(self):
        for leave in ("close", "reset"):
            with self.subTest(leave):
                self.service.handler = lambda peer, leave=leave: getattr(peer, leave)()
                for _ in range(5):
                    self.check_refused(self.gate.ask(handshake("/ws")), 502)

    def test_the_client_leaves_in_the_middle_of_an_answer(self):
        self.service.handler = None
        for leave in ("close", "reset", "finish"):
            client = self.client(self.gate, handshake("/ws"))
            peer = self.service.next()
            peer.read_head()
            peer.send(plain("200 OK", "Content-Length: 1000", body=b"half"))
            time.sleep(0.05)
            getattr(client, leave)()
            peer.read_rest()
            peer.close()

    def test_bodies_with_errors(self):
        chunked = "Transfer-Encoding: chunked"
        rows = {
            "length and coding": plain(
                "200 OK", "Content-Length: 5", chunked, body=b"5\r\nhello\r\n0\r\n\r\n"
            ),
            "two lengths": plain(
                "200 OK", "Content-Length: 5", "Content-Length: 6", body=b"hello!"
            ),
            "a list of lengths": plain("200 OK", "Content-Length: 5, 5", body=b"hello"),
            "a negative length": plain("200 OK", "Content-Length: -5", body=b"hello"),
            "a length with a sign": plain("200 OK", "Content-Length: +5", body=b"hello"),
            "a length in hex": plain("200 OK", "Content-Length: 0x5", body=b"hello"),
            "a huge length": plain("200 OK", "Content-Length: 99999999999999999999", body=b"hello"),
            "shorter than its length": plain("200 OK", "Content-Length: 50", body=b"hello"),
            "another coding": plain("200 OK", "Transfer-Encoding: gzip", body=b"hello"),
            "two codings": plain("200 OK", "Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"),
            "a bad chunk size": plain("200 OK", chunked, body=b"zz\r\nhello\r\n0\r\n\r\n"),
            "a negative chunk size": plain("200 OK", chunked, body=b"-5\r\nhello\r\n0\r\n\r\n"),
            "a huge chunk size": plain("200 OK", chunked, body=b"fffffffffffffffff\r\nhello"),
            "no CRLF behind a chunk": plain("200 OK", chunked, body=b"5\r\nhelloXX0\r\n\r\n"),
            "bare LF in chunks": plain("200 OK", chunked, body=b"5\nhello\n0\n\n"),
            "no last chunk": plain("200 OK", chunked, body=b"5\r\nhello\r\n"),
            "an early end in a chunk": plain("200 OK", chunked, body=b"50\r\nhello"),
            "a bad trailer": plain("200 OK", chunked, body=b"0\r\nX\0: y\r\n\r\n"),
            "over 64 KiB by length": plain("200 OK", "Content-Length: 65537", body=b"a" * 65537),
            "over 64 KiB chunked": plain(
                "200 OK",
                chunked,
                body=b"8000\r\n"
                + b"a" * 0x8000
                + b"\r\n8001\r\n"
                + b"a" * 0x8001
                + b"\r\n0\r\n\r\n",
            ),
            "over 64 KiB until the end": plain("200 OK", body=b"a" * 70000),
        }
        for name, data in rows.items():
            with self.subTest(name):
                self.check_answer(data)

    def test_nine_interim_answers(self):
        self.check_answer(*([plain("100 Continue")] * 9), lambda r: switching(r), then="hold")

    def test_an_interim_answer_and_no_final_one(self):
        self.check_answer(plain("103 Early Hints", "Link: </a>; rel=preload"))

    def test_silence(self):
        rows = {
            "nothing": (),
            "half a head": (b"HTTP/1.1 101 Switching Protocols\r\nUpg",),
            "interim only": (plain("100 Continue"),),
            "half a body": (plain("200 OK", "Content-Length: 10", body=b"hello"),),
            "a body without end": (plain("200 OK", body=b"hello"),),
        }
        for name, pieces in rows.items():
            with self.subTest(name):
                self.check_answer(*pieces, then="hold", status=504)

    def test_a_drip_cannot_extend_the_deadline(self):
        def drip(peer):
            peer.read_head()
            peer.send_slowly([b"HTTP/1.1 101 S"] + [b"x"] * 600, 0.05)

        self.service.handler = drip
        self.check_refused(self.gate.ask(handshake("/ws")), 504)

    def test_early_bytes_do_not_reach_a_backend_that_refuses(self):
        self.service.handler = None
        client = self.client(self.gate, handshake("/ws") + b"early bytes")
        peer = self.service.next()
        peer.read_head()
        peer.expect_nothing()
        peer.send(plain("403 Forbidden", "Content-Length: 2", body=b"no"))
        self.assertEqual(client.read_response().status, 403)
        self.assertEqual(peer.read_rest(), b"")


@in_four_forms()
class PassedOn(Case):
    """Other answers of the backend are the client's: its status, its body, our own length."""

    def setUp(self):
        super().setUp()
        self.service = self.backend(answer())
        self.gate = self.gateway(self.service)

    def ask(self, data, then="close"):
        self.service.handler = answer(data, then=then)
        return self.gate.ask(handshake("/ws"))

    def check(self, reply, status, body):
        self.assertEqual((reply.status, reply.body), (status, body), reply)
        options = [token.lower() for token in reply.head.tokens("Connection")]
        self.assertIn("close", options)
        if status != 426:  # whose Upgrade is part of what it says
            self.assertEqual(options, ["close"])
            self.assertIsNone(reply.get("Upgrade"))
        self.assertIsNone(reply.get("Sec-WebSocket-Accept"))

    def test_statuses(self):
        for line in (
            "200 OK",
            "207 Many",
            "302 Found",
            "413 Content Too Large",
            "451 Unavailable For Legal Reasons",
            "511 Network Authentication Required",
            "400 Bad",
            "401 No",
            "403 No",
            "404 None",
            "426 Up",
            "429 Slow",
            "500 Oops",
            "503 Later",
            "599 Odd",
        ):
            for then in ("close", "hold"):
                with self.subTest(line, then=then):
                    reply = self.ask(plain(line, "Content-Length: 4", body=b"body"), then=then)
                    self.check(reply, int(line[:3]), b"body")
                    if line[4:] in PHRASES:
                        self.assertEqual(reply.head.phrase, line[4:])

    def test_bodies(self):
        chunked = "Transfer-Encoding: chunked"
        long = bytes(range(256)) * 256
        rows = {
            "length": (plain("200 OK", "Content-Length: 5", body=b"hello"), b"hello"),
            "length 0": (plain("200 OK", "Content-Length: 0"), b""),
            "more than its length": (
                plain("200 OK", "Content-Length: 5", body=b"hello!!!"),
                b"hello",
            ),
            "chunks": (
                plain("200 OK", chunked, body=b"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"),
                b"hello",
            ),
            "chunks of one": (
                plain("200 OK", chunked, body=b"1\r\na\r\n" * 500 + b"0\r\n\r\n"),
                b"a" * 500,
            ),
            "extensions and trailers": (
                plain("200 OK", chunked, body=b"5;a=b\r\nhello\r\n0\r\nX-T: v\r\n\r\n"),
                b"hello",
            ),
            "until the end": (plain("200 OK", body=b"hello"), b"hello"),
            "64 KiB by length": (plain("200 OK", "Content-Length: 65536", body=long), long),
            "64 KiB chunked": (
                plain("200 OK", chunked, body=b"10000\r\n" + long + b"\r\n0\r\n\r\n"),
                long,
            ),
            "64 KiB until the end": (plain("200 OK", body=long), long),
        }
        for name, (data, body) in rows.items():
            with self.subTest(name):
                self.check(self.ask(data), 200, body)

    def test_many_short_fields(self):
        """Each is a byte longer as it is written anew."""
        fields = [f"X{i}:1" for i in range(98)]
        reply = self.ask(plain("403 No", *fields, "Content-Length:2", body=b"no"))
        self.check(reply, 403, b"no")
        self.assertEqual(reply.get("X97"), "1")

    def test_the_largest_of_everything(self):
        """The client's head, its early bytes, a token's copies, and the largest refusal."""
        sizes = ((16 << 10, 8 << 10), (48 << 10, 40 << 10))
        body = b"z" * 65536
        for head_bytes, uri in sizes:
            with self.subTest(head=head_bytes):
                parts = self.jwt(token_from=["query:t"], forward_claims={"big": "X-Big"})
                service = self.backend()
                limits = {"head": f"{head_bytes}B", "uri": f"{uri}B"}
                gate = self.gateway(service, limits=limits, **parts)
                token = tokens.hs(tokens.claims(big="b" * 4000))
                target = f"/ws?t={token}&x="
                target += "x" * (uri - len(target))
                rest = head_bytes - uri - len(handshake("/ws")) - 20
                client = self.client(gate, handshake(target, "X: " + "h" * rest))
                peer = service.next()
                peer.read_head()
                for early in (3000, 13384):
                    client.send(b"e" * early)
                    time.sleep(0.1)
                lines = [f"X-{i}: " + "v" * 2000 for i in range(7)] + ["Y: " + "v" * 1900]
                peer.send(plain("404 None", *lines, "Content-Length: 65536", body=body))
                self.check(client.read_response(), 404, body)
                self.assertEqual(gate.await_line("handshake")["status"], 404)

    def test_in_pieces(self):
        data = plain(
            "403 No", "Transfer-Encoding: chunked", body=b"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"
        )

        def slowly(peer):
            peer.read_head()
            peer.send_slowly([data[i : i + 1] for i in range(len(data))])

        self.service.handler = slowly
        self.check(self.gate.ask(handshake("/ws")), 403, b"hello")

    def test_no_body(self):
        for line in ("204 No Content", "304 Not Modified"):
            with self.subTest(line):
                self.check(self.ask(plain(line)), int(line[:3]), b"")
        self.check(self.ask(plain("304 Not Modified", "Content-Length: 500")), 304, b"")

    def test_end_to_end_fields_pass_and_others_do_not(self):
        reply = self.ask(
            plain(
                "401 No",
                "Content-Length: 2",
                "Content-Type: text/x-own",
                "Content-Language: en",
                "WWW-Authenticate: Basic realm=there",
                "Retry-After: 7",
                "Set-Cookie: a=1",
                "Set-Cookie: b=2",
                "Connection: keep-alive, X-Hop",
                "Keep-Alive: timeout=5",
                "X-Hop: 1",
                "Upgrade: h2c",
                body=b"no",
            )
        )
        self.check(reply, 401, b"no")
        self.assertEqual(reply.get("Content-Type"), "text/x-own")
        self.assertEqual(reply.get("Content-Language"), "en")
        self.assertEqual(reply.get("WWW-Authenticate"), "Basic realm=there")
        self.assertEqual(reply.get("Retry-After"), "7")
        self.assertEqual(reply.head.all("Set-Cookie"), ["a=1", "b=2"])
        for name in ("Keep-Alive", "X-Hop"):
            self.assertIsNone(reply.get(name))

    def test_interim_answers_before_a_refusal(self):
        data = plain("100 Continue") + plain("103 Early Hints", "Link: </a>") * 7
        self.check(self.ask(data + plain("403 No", "Content-Length: 2", body=b"no")), 403, b"no")


@in_four_forms()
class Right(Case):
    """What is right in more than one form."""

    def setUp(self):
        super().setUp()
        self.service = self.backend(answer())
        self.gate = self.gateway(self.service)

    def check_tunnel(self, *pieces, request=None):
        def serve(peer):
            head = peer.read_head()
            for piece in pieces:
                peer.send(piece(head) if callable(piece) else piece)
            peer.send(peer.read(4))

        self.service.handler = serve
        client = self.client(self.gate, request or handshake("/ws", PROTOCOLS, DEFLATE))
        reply = client.read_response()
        self.check_switched(reply)
        client.send(b"ping")
        self.assertEqual(client.read(4), b"ping")
        client.expect_end()
        return reply

    def test_forms_of_a_101(self):
        rows = {
            "usual": lambda r: switching(r),
            "other case": lambda r: switching(r, upgrade="WebSocket", connection="upgrade"),
            "a list": lambda r: switching(r, connection="keep-alive, Upgrade"),
            "more fields": lambda r: switching(r, "Server: x", "Date: today"),
            "no phrase": lambda r: switching(r).replace(b"Switching Protocols", b""),
            "a subprotocol": lambda r: switching(r, "Sec-WebSocket-Protocol: log"),
            "an extension": lambda r: switching(r, DEFLATE + "; server_no_context_takeover"),
        }
        for name, piece in rows.items():
            with self.subTest(name):
                self.check_tunnel(piece)

    def test_what_was_chosen_reaches_the_client(self):
        reply = self.check_tunnel(lambda r: switching(r, "Sec-WebSocket-Protocol: log", DEFLATE))
        self.assertEqual(reply.get("Sec-WebSocket-Protocol"), "log")
        self.assertEqual(reply.get("Sec-WebSocket-Extensions"), "permessage-deflate")

    def test_eight_interim_answers(self):
        self.check_tunnel(
            plain("100 Continue") * 4, plain("103 Early Hints", "Link: </a>") * 4, switching
        )

    def test_a_101_at_every_split(self):
        """In two pieces, on many connections: all first pieces come long before the others."""
        self.service.handler = None
        length = len(switching(Head(handshake())))
        pairs = []
        for _ in range(length - 1):
            client = self.client(self.gate, handshake("/ws"))
            pairs.append((client, self.service.next()))
        datas = [switching(peer.read_head()) + b"first" for _, peer in pairs]
        for at, ((_, peer), data) in enumerate(zip(pairs, datas), 1):
            peer.send(data[:at])
        for at, ((_, peer), data) in enumerate(zip(pairs, datas), 1):
            peer.send(data[at:])
        for client, _ in pairs:
            self.check_switched(client.read_response())
            self.assertEqual(client.read(5), b"first")
