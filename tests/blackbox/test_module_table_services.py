"""Requests x modules: those that ask a service (see harness/module_table.py)."""

import base64
import json
import time
import urllib.parse

from harness import tokens
from harness.bearer_table import CLAIMS, WIDE, BearerTable
from harness.case import Case
from harness.module_rows import ABSENT, PASS, ask, fault, fine, passed, refused, row
from harness.module_table import ModuleTable
from harness.provider import authority
from harness.service import Service, reply

ELSEWHERE = "/elsewhere"  # where the service says no
OF_NO_ROW = row("", {}, ask(), PASS, PASS)


def asked(*numbers):
    """It passes, and the service has been asked so often."""
    return [passed(asked=number) for number in numbers]


def pause(_side):
    time.sleep(0.02)


class Asking(ModuleTable):
    """One service, which answers each instance as its row says, by the path of its address."""

    KEPT = {}  # a cache that keeps something

    def prepare(self):
        self.plain = Service(self.answer)
        self.secure = Service(self.answer, authority().server("IP:127.0.0.1"))
        self.no_ca = self.file("no-ca", "no certificates\n")
        self.addCleanup(self.plain.close)
        self.addCleanup(self.secure.close)

    def base(self, name):
        of_row = self.row_of.get(name, OF_NO_ROW)
        service = self.secure if of_row.more.get("secure") else self.plain
        return {"url": service.url(f"/{name}"), "timeout": "20s"}

    def asked(self, name):
        return [request for service in (self.plain, self.secure) for request in service.requests
                if request.target == f"/{name}"]

    def faults_of_services(self):
        return [
            fault("url", None, "`url` is missing", '{', url=ABSENT),
            fault("url", "ftp://a.test/", "expected an address that begins with https://"),
            fault("url", "http://a.test/", "http:// is for localhost"),
            fault("ca_file", "/nonexistent/x", "cannot be read: No such file"),
            fault("ca_file", self.no_ca, "expected certificates in PEM"),
            *fine("url", "https://a.test:8443/x?y=z", "http://localhost/", "http://[::1]:1/"),
            *fine("timeout", "1ms", "1m", "60000ms"),
            *fine("cache", self.KEPT | {"bytes": "64KiB", "entries": 1, "time": "1h"}),
            *(fault("timeout", time, "expected 1ms to 1m") for time in ("0", "60001ms", "2h")),
            *(fault(f"cache.{word}", None, said, json.dumps(value), cache=self.KEPT | {word: value})
              for word, value, said in (("entries", 10000001, "expected at most 10000000"),
                                        ("bytes", "1KiB", "expected at least 64KiB"),
                                        ("time", "2h", "1h"))),
        ]


class Introspection(Asking, BearerTable, Case):
    module = "introspection"

    def prepare(self):
        super().prepare()
        self.tokens = {}

    def token(self, **claims):
        name = f"token-{len(self.tokens)}"
        whole = {word: value for word, value in (CLAIMS | claims).items() if value is not None}
        self.tokens[name] = {"active": True} | whole
        return name

    def answer(self, request):
        """A row's `answer` can name the only client, and seconds before the answer."""
        more = self.row_of.get(request.target[1:], OF_NO_ROW).more.get("answer", {})
        if more.get("client", request.field("Authorization")) != request.field("Authorization"):
            return [reply(b"{}", 401)]
        token = urllib.parse.parse_qs(request.body.decode())["token"][0]
        said = {"active": False} if request.target == ELSEWHERE else self.tokens[token]
        return [more.get("late", 0), reply(json.dumps(said).encode())]

    def rows(self):
        good, secret = self.ask_with(), self.file("secret", "secret\n")
        ours = {"client_id": "gate", "client_secret": "secret"}
        pair = "Basic " + base64.b64encode(b"gate:secret").decode()
        theirs = {"answer": {"client": pair}}
        unknown = refused(503, "introspection-refused", challenge=None)
        return [
            row("url", {"url": self.plain.url(ELSEWHERE)}, good, refused(401, "token-inactive"), PASS,
                control={}),
            row("ca_file", {"ca_file": authority().certificate}, good, PASS,
                refused(503, "introspection-unreachable"), secure=True),
            row("client_id", ours, good, PASS, unknown, control=ours | {"client_id": "x"}, **theirs),
            row("client_secret", ours, good, PASS, unknown, control=ours | {"client_secret": "x"},
                **theirs),
            row("client_secret_file", {"client_id": "gate", "client_secret_file": secret}, good, PASS,
                unknown, control={}, **theirs),
            row("timeout", {"timeout": "100ms"}, good, refused(504, "introspection-timeout"), PASS,
                control={}, answer={"late": 0.5}),
            row("require_expiration", {"require_expiration": True},
                [good, self.ask_with(exp=time.time() + 100)], [refused(401, "token-no-expiry"), PASS],
                PASS),
            *self.rows_of_bearer(),
            *self.rows_of_the_cache(good),
        ]

    def rows_of_the_cache(self, good):
        wide = [self.ask_with(pad=WIDE) for _ in range(20)]
        return [
            row("cache.entries", {"cache": {"entries": 0}}, [good, good], asked(1, 2), asked(1, 1)),
            row("cache.time", {"cache": {"time": "1ms"}}, [good, ask(*good.lines, before=pause)],
                asked(1, 2), asked(1, 1)),
            row("cache.bytes", {"cache": {"bytes": "64KiB"}}, [*wide, wide[0]],
                [PASS] * 20 + asked(21), [PASS] * 20 + asked(20)),
        ]

    def faults(self):
        client, empty = {"client_id": "gate"}, self.file("empty", "\n")
        return [
            *self.faults_of_services(),
            *self.faults_of_bearer(),
            fault("client_id", "gate", "expected it or client_secret", '{"'),
            fault("client_secret", "", "expected a secret of 1 to 1024 bytes", **client),
            fault("client_secret", "x", "there is a client_secret_file too", **client,
                  client_secret_file=empty),
            fault("client_secret_file", empty, "expected a secret of 1 to 1024 bytes", **client),
            fault("cache.time", "0", "expected 1ms to 1h; entries: 0 for no cache"),
        ]


class ForwardAuth(Asking, Case):
    module = "forward_auth"
    KEPT = {"time": "1h", "by": ["header:X-Who"]}

    def others(self):
        return {"token": self.jwt()["middleware"]["users"]}

    def answer(self, request):
        """A row's `answer`: a status, fields, seconds before it, a body; left out: a plain yes."""
        if request.target == ELSEWHERE:
            return [reply(b"not you", 403, ["Content-Type: text/x-words"])]
        said = self.row_of[request.target[1:]].more.get("answer", {})
        fields = [field() if callable(field) else field for field in said.get("fields", ())]
        return [said.get("late", 0), reply(b"", said.get("status", 200), fields)]

    def rows(self):
        plain, late = ask(), {"late": 0.5}
        timeout = refused(504, "forward-auth-timeout")
        said = ask("Authorization: Basic abc", "Cookie: a=b", "X-Device: d", "Upgrade-Insecure: 1")
        user = {"fields": ["X-User: ann", "X-Role: admin"]}
        past = int(time.time()) - 5
        no = refused(403, "forward-auth-refused", body=b"not you")
        return [
            row("url", {"url": self.plain.url(ELSEWHERE)}, plain, no, PASS, control={}),
            *(row("method", {"method": method}, plain, passed(question={"method": method}),
                  passed(question={"method": "GET"})) for method in ("POST", "HEAD")),
            row("ca_file", {"ca_file": authority().certificate}, plain, PASS,
                refused(503, "forward-auth-unreachable"), secure=True),
            row("timeout", {"timeout": "100ms"}, plain, timeout, PASS, control={}, answer=late),
            row("copy_headers", {"copy_headers": ["x-device"]}, said,
                passed(question={"X-Device": "d", "Authorization": None, "Cookie": None,
                                 "Upgrade-Insecure": None}),
                passed(question={"X-Device": None, "Authorization": "Basic abc", "Cookie": "a=b",
                                 "Upgrade-Insecure": None})),
            row("forward_headers", {"forward_headers": ["X-Role", "X-Absent"]},
                ask("X-Role: root", "X-Absent: 1"),
                passed(sent={"X-Role": "admin", "X-User": None, "X-Absent": None}),
                passed(sent={"X-Role": None, "X-User": None, "X-Absent": None}), answer=user),
            row("identity_header", {"identity_header": "x-user"}, plain, passed(subject="ann"),
                passed(subject=None), answer=user),
            row("deadline_header", {"deadline_header": "X-Until"}, plain,
                refused(401, "forward-auth-expired"), PASS, answer={"fields": [f"X-Until: {past}"]}),
            row("deadline_header", {"deadline_header": "X-Until"}, ask(hold=True), passed(close=4401),
                passed(close=None), answer={"fields": [lambda: f"X-Until: {int(time.time()) + 3}"]}),
            row("on_error", {"on_error": "pass"}, plain, PASS, refused(503, "forward-auth-status"),
                answer={"status": 500}),
            row("on_error", {"on_error": "pass", "timeout": "100ms"}, plain, PASS, timeout, answer=late),
            *self.rows_of_the_cache(),
        ]

    def rows_of_the_cache(self):
        def asks(*names):
            return [ask(f"X-Who: {name}") for name in names]

        wide = {"fields": [f"X-Wide: {WIDE}"]}
        by, unseen = self.KEPT, {"copy_headers": []}  # what it sees of credentials is a part anyway
        other_part = {"cache": by | {"by": ["header:X-Same"]}}
        one_org, other_org, other_sub = (
            ask(f"Authorization: Bearer {tokens.hs(tokens.claims(sub=sub, org={'id': number}))}")
            for sub, number in (("ann", 1), ("ann", 2), ("bob", 1)))
        return [
            row("cache.time", {"cache": by | {"time": "1h"}}, asks("a", "a", "b", "a"),
                asked(1, 1, 2, 2), asked(1, 2, 3, 4)),
            row("cache.time", {"cache": by | {"time": "1ms"}},
                [*asks("a"), ask("X-Who: a", before=pause)], asked(1, 2), asked(1, 1),
                control={"cache": by}),
            *(row("cache.by", unseen | {"cache": by | {"by": [part]}}, [one, other, one],
                  asked(1, 2, 2), asked(1, 1, 1), control=unseen | other_part, before=before)
              for part, one, other, *before in (
                  ("header:X-Who", *asks("a", "b")),
                  ("path", ask(path="a"), ask(path="b")),
                  ("host", ask(host="a.test"), ask(host="b.test")),
                  ("identity", one_org, other_sub, "token"),
                  ("claim:org.id", one_org, other_org, "token"),
                  ("address", ask(source="127.0.0.1"), ask(source="127.0.0.2")))),
            *(row("cache.by", {"cache": by | {"by": [part]}}, steps, asked(1, 1, 2), asked(1, 2, 3),
                  control=other_part)
              for part, steps in (
                  ("cookie:who", [ask(f"Cookie: {cookies}") for cookies in
                                  ("x=1; who=a", "x=2; who=a", "x=1; who=b")]),
                  ("query:who", [ask(query=query) for query in
                                 ("?x=1&who=a", "?x=2&who=a", "?x=1&who=b")]))),
            row("copy_headers", {"cache": by, "copy_headers": ["X-Other"]},
                [ask("X-Who: a", credential) for credential in ("Cookie: a=b", "Cookie: a=c")],
                asked(1, 1), asked(1, 2)),
            row("cache.entries", {"cache": by | {"entries": 1}}, asks("a", "b", "a"), asked(1, 2, 3),
                asked(1, 2, 2)),
            row("cache.entries", {"cache": by | {"entries": 0}}, asks("a", "a"), asked(1, 2),
                asked(1, 1)),
            row("cache.bytes", {"cache": by | {"bytes": "64KiB"}, "forward_headers": ["X-Wide"]},
                asks(*range(20), 0), [PASS] * 20 + asked(21), [PASS] * 20 + asked(20), answer=wide),
        ]

    def faults(self):
        hop = "that header is the gateway's own, or of one connection"
        return [
            *self.faults_of_services(),
            fault("method", "PUT", "expected one of GET, HEAD, POST, found `PUT`"),
            fault("copy_headers", ["X Y"], "expected the name of a header", '"X Y"'),
            fault("copy_headers", ["Sec-WebSocket-Key"], hop, '"Sec-WebSocket-Key"'),
            fault("forward_headers", ["X-A", "Connection"], hop, '"Connection"'),
            fault("forward_headers", ["X-Request-Id"], hop, '"X-Request-Id"'),
            fault("forward_headers", ["X-A", "x_a"], "that header stands here twice", '"x_a"'),
            fault("cache.bytes", "1KiB", "expected at least 64KiB"),
            fault("identity_header", "X Y", "expected the name of a header"),
            fault("deadline_header", ["X-Y"], "expected a string, found a list"),
            fault("on_error", "allow", "expected one of deny, pass, found `allow`"),
            fault("cache.by", ["colour"], "expected address, identity", '"colour"'),
            fault("cache.by", ["path", "claim:."], "expected a claim's name", '"claim:."'),
            fault("cache.by", None, "expected the parts of a request", '{"', cache={"time": "1s"}),
        ]
