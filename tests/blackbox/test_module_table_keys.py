"""Requests x modules: keys and certificates that a client shows (see harness/module_table.py)."""

import hashlib
import ssl
import subprocess

from harness import secure
from harness.case import Case
from harness.certificates import Authority
from harness.module_rows import ABSENT, PASS, ask, fault, fine, passed, refused, row
from harness.module_table import ModuleTable

PROTOCOL = "Sec-WebSocket-Protocol"
KEY, OTHER = "k" * 43, "q" * 43


def line_of(key, rest):
    return f"{hashlib.sha256(key.encode()).hexdigest()} {rest}\n"


class ApiKey(ModuleTable, Case):
    module = "api_key"

    def prepare(self):
        self.ann = self.file("ann", line_of(KEY, "ann team=red"))
        self.bob = self.file("bob", line_of(OTHER, "bob"))

    def base(self, name):
        return {"files": [self.ann]}

    def rows(self):
        realm = 'ApiKey realm="wsgate"'
        missing = refused(401, "key-missing", challenge=realm)
        unknown = refused(401, "key-unknown", challenge=realm)
        ann, bob = ask(f"X-API-Key: {KEY}"), ask(f"X-API-Key: {OTHER}")
        query, plain = ask(query=f"?a=1&key={KEY}"), ask()
        pair = ask(f"{PROTOCOL}: chat, api-key.{KEY}")
        ann_passes = passed(subject="ann", issuer="api_key", label_team="red")
        bob_passes = passed(subject="bob", issuer="api_key", label_team=None)
        gone = {"X-API-Key": None}
        return [
            row("files", {"files": [self.bob]}, [ann, bob], [unknown, bob_passes],
                [ann_passes, unknown], control={}),
            row("files", {"files": [self.ann, self.bob]}, [ann, bob, plain],
                [ann_passes, bob_passes, missing], [ann_passes, unknown, missing], control={}),
            row("key_from", {"key_from": ["header:X-Key", "query:key"]},
                [ann, ask(f"x-key: {KEY}"), query, ask(f"X-Key: {KEY}", query=f"?key={KEY}")],
                [missing, passed(sent={"X-Key": None}), passed(sent={"query": "a=1"}),
                 refused(400, "key-several", challenge=None)],
                [PASS, missing, missing, missing]),
            row("key_from", {"key_from": ["subprotocol"]}, [pair, ask(f"{PROTOCOL}: api-key.{KEY}")],
                [passed(sent={PROTOCOL: "chat"}), refused(400, "key-alone")], missing),
            row("forward_key", {"forward_key": True, "key_from": ["header:X-API-Key", "query:key"]},
                [ann, query],
                [passed(sent={"X-API-Key": KEY}), passed(sent={"query": f"a=1&key={KEY}"})],
                [passed(sent=gone), passed(sent={"query": "a=1"})]),
            row("issuer", {"issuer": "partners"}, ann, passed(issuer="partners", subject="ann"),
                passed(issuer="api_key", subject="ann")),
            row("forward_identity", {"forward_identity": "X-Partner"},
                ask(f"X-API-Key: {KEY}", "X-Partner: eve"), passed(sent=gone | {"X-Partner": "ann"}),
                passed(sent=gone | {"X-Partner": None})),
            row("realm", {"realm": "our partners"}, [plain, bob],
                [refused(401, "key-missing", challenge='ApiKey realm="our partners"'),
                 refused(401, "key-unknown", challenge='ApiKey realm="our partners"')],
                [missing, unknown]),
        ]

    def faults(self):
        bad = self.file("bad", f"# ours\n{line_of(KEY, 'ann')}{KEY} ann\n")
        label = self.file("label", line_of(KEY, "ann team"))
        empty = self.file("empty", "# none\n")
        several = [f"header:X-{i}" for i in range(9)]
        return [
            fault("files", None, "`files` is missing", '{', files=ABSENT),
            fault("files", ["/nonexistent/x"], "cannot be read: No such file", '"/nonexistent/x"'),
            fault("files", [bad], f"{bad}:3:1: expected the SHA-256 of a key", f'"{bad}"'),
            fault("files", [label], f"{label}:1:1: expected NAME=VALUE", f'"{label}"'),
            fault("files", [empty], "there is no key in them"),
            fault("files", [self.ann, self.ann], "one key stands there twice"),
            fault("key_from", ["cookie:k"], "expected header:NAME, query:NAME or", '"cookie:k"'),
            fault("key_from", ["header:X Key"], "found `header:X Key`", '"header:X Key"'),
            *fine("key_from", several[1:]),
            fault("key_from", several, "expected 1 to 8 places"),
            fault("forward_key", "no", "expected true or false, found `no`"),
            fault("issuer", ["x"], "expected a string, found a list"),
            fault("forward_identity", "X Partner", "`X Partner` is no header that a module"),
            fault("forward_identity", "content-length", "is no header that a module can set"),
            fault("realm", 'a"b', "expected printable ASCII without"),
            *fine("realm", "x" * 200, "\x20"),
            fault("realm", "x" * 300, "is too long"),
        ]


class ClientCertificate(ModuleTable, Case):
    module = "client_certificate"

    def prepare(self):
        self.mine = Authority(self.directory)
        self.client_ca = self.mine.path("ca.pem")
        self.mine.sign("ann", subject="/O=Example/CN=ann",
                       names="email:ann@a.test,URI:spiffe://a.test/ann,DNS:ann.a.test,DNS:b.test")
        self.mine.sign("bob", subject="/O=Other/CN=bob", names="DNS:bob.a.test")
        self.print, self.serial = (self.printed(word) for word in ("-fingerprint", "-serial"))

    def printed(self, word):
        made = subprocess.run(
            ["openssl", "x509", "-in", self.mine.path("ann.pem"), "-noout", "-sha256", word],
            check=True, capture_output=True, text=True, timeout=60).stdout
        return made.strip().partition("=")[2]

    def tls(self):
        return secure.listener_tls() | {"client_ca": self.client_ca, "client_verify": "optional"}

    def context(self, name):
        made = ssl.create_default_context(cafile=secure.authority().path("ca.pem"))
        if name:
            made.load_cert_chain(self.mine.path(name + ".pem"), self.mine.path(name + ".key"))
        return made

    def rows(self):
        ann, bob = (ask(listener="tls", certificate=name) for name in ("ann", "bob"))
        nobody = [ask(listener="tls"), ask()]
        missing = refused(403, "certificate-missing")
        three, no = [ann, bob, *nobody], refused(403, "certificate-not-allowed")
        only_ann, only_bob = [PASS, no, missing, missing], [no, PASS, missing, missing]
        all_shown, none = [PASS, PASS, missing, missing], [no, no, missing, missing]
        tables = {
            "common_name": ((["ann"], only_ann), (["an"], none), (["b*"], only_bob)),
            "subject": ((["CN=ann,O=Example"], only_ann), (["*,O=Other"], only_bob)),
            "dns": ((["b.test"], only_ann), (["*.a.test"], all_shown), (["*b.test"], none)),
            "email": ((["ann@a.test"], only_ann), (["*@b.test"], none)),
            "uri": ((["spiffe://a.test/*"], only_ann), (["spiffe://b.test/*"], none)),
            "fingerprint": (([self.print], only_ann), ([self.plain(self.print)], only_ann),
                            (["00" * 32], none)),
            "serial": (([self.serial], only_ann), ([self.plain(self.serial)], only_ann),
                       (["0" + self.serial], only_ann), (["0a1b"], none)),
            "issuer": ((["CN=c*"], all_shown), (["CN=other"], none)),
        }
        rows = [row(option, {option: patterns}, three, outcome, all_shown)
                for option, table in tables.items() for patterns, outcome in table
                if outcome != all_shown]
        rows += [row(option, {option: patterns}, three, outcome, none, control={option: ["none"]})
                 for option, table in tables.items() for patterns, outcome in table
                 if outcome == all_shown]
        return rows + [
            row("dns", {"dns": ["b.test"], "common_name": ["ann"]}, ann, PASS, no,
                control={"dns": ["b.test"[1:]], "common_name": ["ann"]}),
            *self.rows_of_identities(ann, bob),
        ]

    @staticmethod
    def plain(text):
        return text.replace(":", "").lower()

    def rows_of_identities(self, ann, bob):
        def subjects(*names):
            return [passed(subject=name, issuer="CN=ca" if name != "-" else None) for name in names]

        default = subjects("ann", "bob")
        choices = {
            "subject": subjects("CN=ann,O=Example", "CN=bob,O=Other"),
            "dns": subjects("ann.a.test", "bob.a.test"),
            "email": subjects("ann@a.test", None),
            "uri": subjects("spiffe://a.test/ann", None),
            "none": [passed(subject=None, issuer=None)] * 2,
        }
        parts = {"email": "X-Mail", "serial": "X-Serial", "fingerprint": "X-Print", "dns": "X-Dns"}
        sent = {"X-Mail": "ann@a.test", "X-Serial": self.plain(self.serial), "X-Dns": "ann.a.test",
                "X-Print": self.plain(self.print)}
        forged = [f"{name}: forged" for name in sent]
        return [
            *(row("identity", {"identity": word}, [ann, bob], outcome, default)
              for word, outcome in choices.items()),
            row("identity", {"identity": "fingerprint"}, ann,
                passed(subject=self.plain(self.print), issuer="CN=ca"), default[0]),
            row("forward", {"forward": parts}, ask(*forged, listener="tls", certificate="ann"),
                passed(sent=sent), passed(sent=dict.fromkeys(sent))),
            row("forward", {"forward": {"email": "X-Bobs"}}, bob, passed(sent={"X-Bobs": None}),
                passed(sent={"X-Bobs": "bob"}), control={"forward": {"common_name": "X-Bobs"}}),
        ]

    def faults(self):
        stars = "expected a text, with at most one `*`"
        return [
            fault("common_name", [], "the list is empty: nobody could connect"),
            *fine("common_name", ["*a", "a*", "a b"]),
            *fine("fingerprint", ["aB:" * 31 + "Cd", "00" * 32]),
            *fine("forward", dict.fromkeys(("email", "uri"), "X-One") | {"uri": "X-Two"}),
            fault("common_name", ["a*b"], stars, '"a*b"'),
            fault("subject", ["*"], stars, '"*"'),
            fault("dns", ["*.a.*"], stars, '"*.a.*"'),
            fault("email", [""], stars, '""'),
            fault("uri", {"a": "b"}, "expected a list of strings, found a map"),
            fault("fingerprint", ["ab"], "expected 64 digits in hexadecimal, found `ab`", '"ab"'),
            fault("serial", ["0x1f"], "expected a number in hexadecimal, found `0x1f`", '"0x1f"'),
            fault("issuer", ["**"], stars, '"**"'),
            fault("identity", "serial", "expected one of common_name, subject, dns"),
            fault("forward", {"colour": "X-C"}, "expected common_name, subject, dns", '"X-C"'),
            *(fault("forward", {"dns": name}, "expected a header that a module can set", f'"{name}"')
              for name in ("X Dns", "Host")),
            fault("forward", {"dns": "X-A", "uri": "x-a"},
                  "expected a header that a module can set, once, found `x-a`", '"x-a"'),
        ]
