"""Opaque tokens: what a service that judges them says, says late, wrongly, or not at all."""

import base64
import json
import shutil
import tempfile
import threading
import time
import urllib.parse

from harness.case import Case
from harness.certificates import Certificates
from harness.service import CLOSE, HANG, Service, reply
from harness.tokens import kubernetes, unguessable
from harness.wire import handshake

ME, SECRET = "wsgate:gate", "s3cret +%\u00fc"  # what must be encoded on the way


def basic(client_id, secret):
    """RFC 6749 2.3.1."""
    pair = ":".join(urllib.parse.quote_plus(part) for part in (client_id, secret))
    return "Basic " + base64.b64encode(pair.encode()).decode()


class Judge:
    """An authorization server's introspection: `tokens` are those that it knows."""

    def __init__(self, client=None, context=None):
        self.tokens, self.client, self.override = {}, client, None
        self.service = Service(self.answer, context)
        self.asked = []

    def answer(self, request):
        if self.client and request.field("Authorization") != basic(*self.client):
            return [reply(b'{"error":"invalid_client"}', 401)]
        form = urllib.parse.parse_qs(request.body.decode(), strict_parsing=True)
        if request.method != "POST" or set(form) != {"token", "token_type_hint"}:
            return [reply(b"", 400)]
        self.asked += form["token"]
        if self.override:
            return self.override
        return [self.reply(form["token"][0])]

    def reply(self, token):
        known = self.tokens.get(token)
        return reply(json.dumps({"active": True} | known if known is not None else {"active": False}).encode())


class Introspection(Case):
    def setUp(self):
        super().setUp()
        self.judges = []

    def _finish(self):
        super()._finish()
        for judge in self.judges:
            judge.service.close()

    def judge(self, **options):
        made = Judge(**options)
        made.tokens["good"] = {"sub": "ann", "iss": "https://id", "scope": "chat read"}
        self.judges.append(made)
        return made

    def gate(self, judge, backend=None, threads=1, config=None, **options):
        """One worker, or two would ask at the same time."""
        users = {"url": judge.service.url("/introspect"), "timeout": "20s"} | options
        made = self.gateway(backend, require=["users"], middleware={"users": {"introspection": users}},
                            threads=threads, **(config or {}))
        made.baseline += 40  # connections to the service that are kept
        return made

    @staticmethod
    def request(token, *more):
        return handshake("/ws", f"Authorization: Bearer {token}", *more)

    def ask(self, gate, token="good"):
        return gate.ask(self.request(token))

    def check(self, gate, status, token="good"):
        answer = self.ask(gate, token)
        self.assertEqual(answer.status, status, answer)

    def refused(self, gate, status, reason, token="good"):
        answer = self.ask(gate, token)
        self.check_refused(answer, status)
        line = gate.await_line("handshake", id=answer.get("X-Request-Id"))
        self.assertEqual((line["status"], line["reason"]), (status, reason))

    # ---- what it says ----

    def test_active(self):
        judge = self.judge()
        gate = self.gate(judge)
        self.check(gate, 101)
        line = gate.await_line("handshake")
        self.assertEqual((line["issuer"], line["subject"]), ("https://id", "ann"))

    def test_what_the_backend_sees(self):
        judge, service = self.judge(), self.backend()
        gate = self.gate(judge, service, forward_claims={"sub": "X-Auth-Subject", "scope": "X-Auth-Scope"})
        client = self.client(gate, self.request("good", "X-Auth-Subject: mallory", "X-Other: x"))
        head = service.next().read_head()
        self.assertEqual(head.all("X-Auth-Subject"), ["ann"])
        self.assertEqual(head.all("X-Auth-Scope"), ["chat read"])
        self.assertEqual(head.get("X-Other"), "x")
        self.assertIsNone(head.get("Authorization"))
        client.close()

    def test_rules_about_what_it_says(self):
        """With captures of the path, for an answer that is kept as for a new one."""
        judge = self.judge()
        judge.tokens["good"] |= {"rooms": ["blue"], "user": {"id": 42}}
        judge.tokens["narrow"] = {"rooms": ["blue"], "scope": "read"}
        gate = self.gate(judge, config={"route": {"path": "/rooms/{room}"}}, subject_claim="user.id",
                         claims={"scope": {"contains": "chat"}, "rooms": {"contains": "{room}"}})
        for token, room, refused, scope in (
            ("good", "blue", None, None),
            ("good", "red", {"claim": "rooms", "rule": "contains", "subject": "42"}, ""),
            ("good", "blue", None, None),
            ("narrow", "blue", {"claim": "scope", "rule": "contains"}, ', scope="chat"'),
        ):
            answer = gate.ask(handshake(f"/rooms/{room}", f"Authorization: Bearer {token}"))
            if not refused:
                self.assertEqual(answer.status, 101, answer)
                continue
            self.check_refused(answer, 403)
            self.assertEqual(answer.get("WWW-Authenticate"),
                             'Bearer realm="wsgate", error="insufficient_scope", '
                             f'error_description="The access token does not grant this"{scope}')
            line = gate.await_line("handshake", id=answer.get("X-Request-Id"))
            self.assertLessEqual((refused | {"reason": "claims-not-met"}).items(), line.items())
        self.assertEqual(judge.asked, ["good", "narrow"])

    def test_inactive(self):
        judge, service = self.judge(), self.backend()
        gate = self.gate(judge, service)
        answer = self.ask(gate, "unknown")
        self.check_refused(answer, 401)
        self.assertEqual(answer.get("WWW-Authenticate"),
                         'Bearer realm="wsgate", error="invalid_token", '
                         'error_description="The access token is not active"')
        self.assertEqual(gate.await_line("handshake")["reason"], "token-inactive")
        self.assertEqual(service.connects, 0)

    def test_without_a_token_nobody_is_asked(self):
        judge = self.judge()
        gate = self.gate(judge)
        answer = gate.ask(handshake("/ws"))
        self.check_refused(answer, 401)
        self.assertEqual(answer.get("WWW-Authenticate"), 'Bearer realm="wsgate"')
        self.check_refused(gate.ask(self.request("good", "Authorization: Bearer good")), 400)
        self.check_refused(self.ask(gate, "a b"), 401)
        self.assertEqual(judge.service.connections, 0)

    def test_all_places(self):
        judge = self.judge()
        gate = self.gate(judge, token_from=["header", "cookie:session", "query:token", "subprotocol"])
        for request in (
            self.request("good"),
            handshake("/ws", "Cookie: session=good"),
            handshake("/ws?token=good"),
            handshake("/ws", "Sec-WebSocket-Protocol: bearer, good, chat"),
            handshake("/ws", f"Sec-WebSocket-Protocol: {kubernetes('good')}, chat"),
        ):
            self.assertEqual(gate.ask(request).status, 101, request)
        self.check_refused(gate.ask(handshake("/ws?token=good", "Cookie: session=good")), 400)
        self.assertEqual(set(judge.asked), {"good"})

    def test_issuer_and_audience(self):
        judge = self.judge()
        gate = self.gate(judge, issuer="https://id", audience=["chat"])
        judge.tokens |= {"mine": {"iss": "https://id", "aud": ["x", "chat"]},
                         "theirs": {"iss": "https://other", "aud": "chat"},
                         "elsewhere": {"iss": "https://id", "aud": "talk"}}
        self.check(gate, 101, "mine")
        self.refused(gate, 401, "token-issuer", "theirs")
        self.refused(gate, 401, "token-audience", "elsewhere")

    def test_expiry_ends_the_tunnel(self):
        judge, service = self.judge(), self.backend()
        gate = self.gate(judge, service)
        judge.tokens["short"] = {"exp": int(time.time()) + 3}
        client, peer = self.tunnel(gate, service, self.request("short"))
        client.expect_end()
        peer.expect_end()
        client.close()
        peer.close()
        self.assertEqual(gate.await_line("tunnel")["reason"], "expired")

    def test_expiry_may_be_let_pass(self):
        judge, service = self.judge(), self.backend()
        gate = self.gate(judge, service, on_expiry="keep")
        judge.tokens["short"] = {"exp": int(time.time()) + 3}
        client, peer = self.tunnel(gate, service, self.request("short"))
        client.expect_nothing(4)
        client.send(b"x")
        self.assertEqual(peer.read(1), b"x")
        client.close()
        peer.close()

    def test_one_that_expires_while_it_waits(self):
        judge = self.judge()
        gate = self.gate(judge, on_expiry="keep")
        ends = int(time.time()) + 1
        judge.tokens["short"] = {"exp": ends}
        release = threading.Event()
        judge.override = [release, judge.reply("short")]
        client = self.client(gate, self.request("short"))
        judge.service.await_requests(1)
        time.sleep(max(0, ends + 0.1 - time.time()))
        release.set()
        self.check_refused(client.read_response(), 401)
        client.close()

    # ---- what it does not say ----

    def test_no_answers(self):
        """Fails closed, each time with its word, and goes on to work afterwards."""
        judge, service = self.judge(), self.backend()
        gate = self.gate(judge, service)
        impatient = self.gate(judge, service, timeout="500ms")
        started = reply(b"", fields=["Content-Length: 50"], length=False)
        drip = [started] + [part for _ in range(50) for part in (b" ", 0.05)]
        good = b'{"active":true}'
        rows = [
            ([reply(b"{}")], 503, "introspection-garbled"),
            ([reply(b"<html>")], 503, "introspection-garbled"),
            ([reply(b'{"active":"true"}')], 503, "introspection-garbled"),
            ([reply(b'{"active":false,"active":true}')], 503, "introspection-garbled"),
            ([reply(good + b" " * 65536)], 503, "introspection-garbled"),
            ([reply(good, length=False) + b" " * 65536, HANG], 503, "introspection-garbled"),
            ([reply(good, 500)], 503, "introspection-status"),
            ([reply(good, 503)], 503, "introspection-status"),
            ([reply(good, 404)], 503, "introspection-status"),
            ([reply(good, 302, ["Location: file:///dev/zero"])], 503, "introspection-status"),
            ([reply(good, 403)], 503, "introspection-refused"),
            ([CLOSE], 503, "introspection-unreachable"),
            ([b"SSH-2.0-OpenSSH\r\n", CLOSE], 503, "introspection-unreachable"),
            ([started + b"x", CLOSE], 503, "introspection-unreachable"),
            ([HANG], 504, "introspection-timeout"),
            ([started, HANG], 504, "introspection-timeout"),
            (drip, 504, "introspection-timeout"),
        ]
        for answer, status, reason in rows:
            with self.subTest(answer=answer[0], reason=reason):
                judge.override = answer
                self.refused(impatient if status == 504 else gate, status, reason)
        self.assertEqual(service.connects, 0)
        judge.override = None
        client, peer = self.tunnel(gate, service, self.request("good"))
        client.close()
        peer.close()

    def test_nobody_there(self):
        judge = self.judge()
        gate = self.gate(judge)
        judge.service.close()
        self.refused(gate, 503, "introspection-unreachable")
        line = gate.await_lines(1, "introspection", "stderr")[0]
        self.assertIn("no-connection", line["message"])

    def test_one_line_for_many_failures(self):
        judge = self.judge()
        gate = self.gate(judge)
        judge.override = [reply(b"", 500)]
        for _ in range(20):
            self.check(gate, 503)
        gate.stop()
        self.assertLessEqual(len(gate.lines("introspection", "stderr")), 3)

    def test_the_chain_has_a_deadline_too(self):
        judge = self.judge()
        gate = self.gate(judge, timeout="30s", config={"timeouts": {"auth": "300ms"}})
        judge.override = [HANG]
        self.refused(gate, 504, "auth-timeout")

    # ---- waiting ----

    def test_the_client_leaves(self):
        judge, service = self.judge(), self.echo_backend()
        gate = self.gate(judge, service)
        for count, leave in enumerate(("reset", "close"), 1):
            with self.subTest(leave):
                release = threading.Event()
                judge.override = [release, judge.reply("unknown")]
                client = self.client(gate, self.request(f"token-{leave}"))
                judge.service.await_requests(count)
                getattr(client, leave)()
                line = gate.await_lines(count, "handshake")[-1]
                self.assertNotIn(line["status"], (101, 401))
                release.set()
        judge.override = None
        self.check(gate, 101)
        self.assertEqual(service.connects, 1)

    def test_two_with_one_token_are_one_question(self):
        judge = self.judge()
        gate = self.gate(judge, cache={"entries": 0})
        release = threading.Event()
        judge.override = [release, judge.reply("good")]
        clients = [self.client(gate, self.request("good")) for _ in range(20)]
        judge.service.await_requests(1)
        for client in clients:
            client.expect_nothing(0.02)
        release.set()
        for client in clients:
            self.check_switched(client.read_response())
            client.close()
        self.assertEqual(len(judge.asked), 1)
        judge.override = None
        self.check(gate, 101)
        self.assertEqual(len(judge.asked), 2)  # nothing was kept

    def test_others_do_not_wait(self):
        judge = self.judge()
        gate = self.gate(judge)
        release = threading.Event()
        judge.override = [release, judge.reply("unknown")]
        slow = self.client(gate, self.request("slow"))
        judge.service.await_requests(1)
        judge.override = None
        self.check(gate, 101)
        slow.expect_nothing(0.02)
        release.set()
        self.check_refused(slow.read_response(), 401)

    def test_the_gateway_ends_while_they_wait(self):
        judge = self.judge()
        gate = self.gate(judge, timeout="30s", config={"timeouts": {"auth": "30s", "drain": "0"}})
        judge.override = [HANG]
        clients = [self.client(gate, self.request(f"t{i}")) for i in range(5)]
        judge.service.await_requests(5)
        gate.stop(idle=False)
        for client in clients:
            client.close()

    def test_many_tokens(self):
        """More at a time than there are connections to the service."""
        judge = self.judge()
        gate = self.gate(judge, timeout="20s", config={"timeouts": {"auth": "30s"}})
        for i in range(200):
            judge.tokens[f"t{i}"] = {"sub": f"s{i}"}
        clients = [self.client(gate, self.request(f"t{i}")) for i in range(200)]
        for client in clients:
            self.check_switched(client.read_response())
            client.close()
        self.assertEqual(sorted(judge.asked), sorted(judge.tokens.keys() - {"good"}))
        self.assertLessEqual(judge.service.connections, 33)

    # ---- what is kept ----

    def test_an_answer_is_kept(self):
        judge = self.judge()
        gate = self.gate(judge, cache={"time": "1h"})
        for _ in range(5):
            self.check(gate, 101)
        self.assertEqual(judge.asked, ["good"])
        self.assertEqual(judge.service.connections, 1)

    def test_an_answer_is_kept_for_all_workers(self):
        judge = self.judge()
        gate = self.gate(judge, threads=4, cache={"time": "1h"})
        for _ in range(20):
            self.check(gate, 101)
        self.assertEqual(judge.asked, ["good"])

    def test_not_for_long(self):
        judge = self.judge()
        gate = self.gate(judge, cache={"time": "300ms"})
        self.check(gate, 101)
        del judge.tokens["good"]
        deadline = time.monotonic() + 20
        while self.ask(gate).status == 101 and time.monotonic() < deadline:
            time.sleep(0.05)
        self.check(gate, 401)

    def test_never_beyond_its_end(self):
        judge = self.judge()
        gate = self.gate(judge, cache={"time": "1h"})
        judge.tokens["short"] = {"exp": int(time.time()) + 4}
        self.check(gate, 101, "short")
        deadline = time.monotonic() + 20
        while judge.asked == ["short"] and time.monotonic() < deadline:
            self.ask(gate, "short")
            time.sleep(0.1)
        self.assertEqual(judge.asked[:2], ["short", "short"])
        self.check(gate, 401, "short")

    def test_a_refusal_is_not_kept(self):
        judge = self.judge()
        gate = self.gate(judge, cache={"time": "1h"})
        self.check(gate, 401, "new")
        judge.tokens["new"] = {}
        self.check(gate, 101, "new")

    def test_nothing_is_kept_when_it_is_turned_off(self):
        judge = self.judge()
        gate = self.gate(judge, cache={"entries": 0})
        self.check(gate, 101)
        self.check(gate, 101)
        self.assertEqual(len(judge.asked), 2)

    def test_few_entries(self):
        judge = self.judge()
        gate = self.gate(judge, cache={"entries": 2, "time": "1h"})
        judge.tokens |= {"a": {}, "b": {}}
        for token in ("good", "a", "good", "b", "good", "a"):
            self.check(gate, 101, token)
        self.assertEqual(judge.asked, ["good", "a", "b", "a"])

    # ---- who we are, and who it is ----

    def test_our_credentials(self):
        for option, value in (("client_secret", SECRET), ("client_secret_file", SECRET + "\n")):
            with self.subTest(option):
                judge = self.judge(client=(ME, SECRET))
                if option.endswith("file"):
                    value = self.file("secret", value)
                gate = self.gate(judge, client_id=ME, **{option: value})
                self.check(gate, 101)

    def test_wrong_credentials(self):
        judge, secret = self.judge(client=(ME, SECRET)), unguessable().decode()
        gate = self.gate(judge, client_id=ME, client_secret=secret)
        self.refused(gate, 503, "introspection-refused")
        gate.stop()
        line = gate.lines("introspection", "stderr")[0]
        self.assertIn("introspection-refused", line["message"])
        for name in ("stdout", "stderr"):
            self.assertNotIn(secret, gate.output(name).decode())
            self.assertNotIn(basic(ME, secret), gate.output(name).decode())

    def test_no_token_in_any_log(self):
        judge, token = self.judge(), unguessable().decode()
        judge.tokens[token] = {"sub": "ann"}
        gate = self.gate(judge, token_from=["header", "query:token"], config={"log": {"level": "debug"}})
        self.check(gate, 101, token)
        self.assertEqual(gate.ask(handshake(f"/ws?token={token}")).status, 101)
        del judge.tokens[token]
        for override in ([reply(b"", 500)], [reply(token.encode())], [CLOSE],
                         [reply(b"", 302, [f"Location: http://u:{token}@127.0.0.1/?{token}"])]):
            judge.override = override
            self.ask(gate, token + "x")
        gate.stop()
        for name in ("stdout", "stderr"):
            self.assertNotIn(token, gate.output(name).decode())

    def test_tls(self):
        directory = tempfile.mkdtemp(prefix="wsgate-test-")
        self.addCleanup(shutil.rmtree, directory)
        certificates = Certificates(directory)
        judge = self.judge(context=certificates.context("good"))
        self.check(self.gate(judge, ca_file=certificates.path("ca.pem")), 101)
        stranger = self.gate(judge, ca_file=certificates.path("stranger.pem"))
        self.refused(stranger, 503, "introspection-unreachable")
        line = stranger.await_lines(1, "introspection", "stderr")[0]
        self.assertIn("tls", line["message"])
        self.assertEqual(len(judge.asked), 1)

    def test_configuration(self):
        def refuse(words, **options):
            users = {"url": "https://id.example.com/introspect"} | options
            users = {name: value for name, value in users.items() if value is not None}
            config = self.config(self.echo_backend(), require=["users"],
                                 middleware={"users": {"introspection": users}})
            with self.assertRaises(AssertionError) as raised:
                self.start(config)
            self.gateways.clear()
            self.assertIn(words, str(raised.exception))
            return str(raised.exception)

        def one_fault(words, **options):
            """A misspelt name alone, and nothing that comes of it."""
            self.assertNotIn("needs", refuse(words, **options))

        refuse("`url`", url=None)
        refuse("http:// is for localhost", url="http://id.example.com/")
        refuse("`client_id`: expected one, which client_secret needs", client_secret="x")
        one_fault("unknown key `client_idd`", client_idd="x", client_secret="x")
        one_fault("unknown key `client_secrett`", client_id="x", client_secrett="x")
        refuse("expected 1ms to 1m", timeout=0)
        refuse("expected 1ms to 1h", cache={"time": "2h"})
        refuse("expected at least 64KiB", cache={"bytes": "1KiB"})
