"""
Requests x modules: the modules that look at the request alone, and what all tables have to be.

See harness/module_table.py. A module that the program has, and no table, is a failure; so is an
option without a row, or without a bad value.
"""

from harness.case import Case
from harness.gateway import options_program
from harness.module_rows import ABSENT, PASS, ask, fault, fine, passed, program_options, refused, row
from harness.module_table import ModuleTable

PROTOCOL = "Sec-WebSocket-Protocol"
NOT_MODULES = ("process", "log", "admin", "listeners", "limits", "timeouts", "routes", "backends")


def descendants(of_class):
    return [one for child in of_class.__subclasses__() for one in (child, *descendants(child))]


class AllTables(Case):
    def test_every_module_has_a_table(self):
        """The runner has loaded all files of tests, and so all tables."""
        if program_options() is None:
            self.skipTest(f"{options_program()} is not built")
        tables = {table.module for table in descendants(ModuleTable)}
        self.assertEqual(sorted(set(program_options()) - set(NOT_MODULES) - tables), [])
        self.assertIn("jwt", program_options())


class EveryInstance(ModuleTable, Case):
    """What any instance may have beside its module."""

    module = "middleware"

    def instance(self, options):
        return {"origin": {"allow": ["https://app.test"]}} | options

    def rows(self):
        there, elsewhere = ask("Origin: https://app.test"), ask("Origin: https://evil.test")
        return [
            row("dry_run", {"dry_run": True}, [there, elsewhere], [PASS, PASS],
                [PASS, refused(403, "origin-not-allowed")]),
            row("dry_run", {"dry_run": True}, elsewhere, passed(counted={"dry-run-refused": 1}),
                refused(403, "origin-not-allowed", counted={"dry-run-refused": 0}), alone=True),
        ]

    def faults(self):
        return [fault("dry_run", "perhaps", "expected true or false, found `perhaps`")]


class IpAllowlist(ModuleTable, Case):
    module = "ip_allowlist"

    def rows(self):
        no = refused(403, "address-not-allowed")
        allow = self.file("allow", "# ours\r\n127.0.0.2   # one\n\n2001:db8::/32\n")
        here, there = ask(source="127.0.0.1"), ask(source="127.0.0.2")
        six = ask(address="2001:db8::7")
        return [
            row("allow", {"allow": ["127.0.0.1"], "deny": ["192.0.2.1"]}, [here, there], [PASS, no],
                PASS),
            row("allow", {"allow": ["127.0.0.0/31", "2001:db8::/126"]},
                [here, there, ask(address="2001:db8::3"), six], [PASS, no, PASS, no], no,
                control={"allow": ["127.0.0.0/32"]}),
            row("allow", {"allow": ["192.0.2.0/24"]}, ask(address="::ffff:192.0.2.9"), PASS, no,
                control={"allow": ["192.0.2.0/29"]}),
            row("allow", {"allow": ["unix"]}, ask(listener="unix"), PASS, no,
                control={"allow": ["0.0.0.0/0", "::/0"]}),
            row("deny", {"deny": ["127.0.0.2"]}, [here, there, ask(listener="unix")],
                [PASS, no, no], [PASS, PASS, PASS],
                control={"allow": ["127.0.0.0/8", "unix"], "deny": ["127.0.0.3"]}),
            row("deny", {"allow": ["127.0.0.0/8"], "deny": ["127.0.0.2"]}, [here, there], [PASS, no],
                PASS),
            row("files", {"allow": ["127.0.0.1"], "files": [allow]}, [here, there, six], PASS,
                [PASS, no, no]),
            row("files", {"files": [allow]}, [here, there, six], [no, PASS, PASS], [PASS, no, no],
                control={"allow": ["127.0.0.1"]}),
        ]

    def faults(self):
        bad, empty = self.file("bad", "127.0.0.1\nx\n"), self.file("empty", "# nobody\n")
        return [
            fault("allow", None, "allow, deny and files are all absent", '{}'),
            *fine("allow", ["0.0.0.0/0", "::/0", "::ffff:10.0.0.0/104", "unix"]),
            *fine("deny", ["127.0.0.1/32"], "10.0.0.0/8"),
            fault("allow", [], "the list is empty"),
            fault("allow", ["127.0.0.1/8"], "bits are set behind the prefix", '"127.0.0.1/8"'),
            fault("allow", ["10.0.0.0/33"], "a prefix length from 0 to 32", '"10.0.0.0/33"'),
            fault("deny", ["localhost"], "expected an IP address or a prefix", '"localhost"'),
            fault("deny", ["unix"], "expected an IP address or a prefix", '"unix"',
                  allow=["127.0.0.1"]),
            fault("files", ["/nonexistent/x"], "cannot be read: No such file", '"/nonexistent/x"'),
            fault("files", [bad], f"{bad}:2:1: expected an IP address", f'"{bad}"'),
            fault("files", [empty], "there is no prefix in them"),
        ]


class Origin(ModuleTable, Case):
    module = "origin"

    def base(self, name):
        return {"allow": ["https://app.test"]}

    def rows(self):
        no, missing = refused(403, "origin-not-allowed"), refused(403, "origin-missing")
        app, own = ask("Origin: https://app.test"), ask("Origin: http://gate.test")
        many = ["https://*.a.test", "http://[2001:db8::1]:81", "null"]
        return [
            row("allow", {"allow": ["https://app.test:443"]}, app, PASS, no,
                control={"allow": ["https://app.test:444"]}),
            row("allow", {"allow": many},
                [ask("Origin: https://x.y.a.test"), ask("Origin: https://a.test"),
                 ask("Origin: http://[2001:DB8:0::1]:81"), ask("Origin: null")],
                [PASS, no, PASS, PASS], no, control={}),
            row("same_origin", {"same_origin": True}, [own, app], PASS, [no, PASS]),
            row("same_origin", {"same_origin": True},
                [ask("Origin: http://proxied.test", "Sec-Fetch-Site: same-origin"),
                 ask("Origin: http://gate.test", "Sec-Fetch-Site: cross-site")], [PASS, no], no),
            row("missing", {"missing": "allow"},
                [ask(), app, ask("Origin: https://x.test"), ask("Origin: ?")],
                [PASS, PASS, no, refused(403, "origin-malformed")],
                [missing, PASS, no, refused(403, "origin-malformed")]),
        ]

    def faults(self):
        return [
            *fine("allow", ["null", "https://*.a.test:8443", "chrome-extension://abc"]),
            *fine("same_origin", True, allow=ABSENT),
            fault("allow", None, "allow and same_origin are both absent", "{}", allow=ABSENT),
            fault("allow", [], "the list is empty: nobody could connect"),
            fault("allow", ["*"], "would allow every site", '"*"'),
            fault("allow", ["https://app.test/"], "an origin ends with its host or port", '"https://app.test/"'),
            fault("same_origin", 1, "expected true or false, found `1`"),
            fault("missing", "never", "expected one of deny, allow, found `never`"),
        ]


class Headers(ModuleTable, Case):
    module = "headers"

    def base(self, name):
        return {"forbid": ["X-Nobody"]}

    def rows(self):
        return [
            row("require", {"require": ["X-App", "x-version"]},
                [ask("x-app: 1", "X-VERSION:"), ask("X-App: 1")],
                [PASS, refused(403, "header-missing")], PASS),
            row("forbid", {"forbid": ["X-Debug"]}, [ask("x-debug:"), ask()],
                [refused(403, "header-forbidden"), PASS], PASS, control={}),
            row("set", {"set": {"X-Gateway": "the edge"}},
                ask("X-Gateway: mine", "x_gateway: mine"), passed(sent={"X-Gateway": "the edge"}),
                passed(sent={"X-Gateway": None})),
            row("remove", {"remove": ["X-Trace"]}, ask("x-trace: 1", "X-Trace: 2", "X-Other: 3"),
                passed(sent={"X-Trace": None, "X-Other": "3"}),
                passed(sent={"X-Trace": ["1", "2"], "X-Other": "3"})),
        ]

    def faults(self):
        host = "`Host` belongs to the handshake itself"
        many = [f"X-{i}" for i in range(33)]
        return [
            fault("require", None, "all absent: it would do nothing", '{', forbid=[]),
            fault("require", ["X App"], "`X App` is no name of a header field", '"X App"'),
            *fine("require", many[1:], "Forwarded"),
            *fine("remove", many[1:]),
            fault("require", many, "at most 32 names", '"X-32"'),
            fault("forbid", ["Host"], host, '"Host"'),
            fault("set", {"sec-websocket-key": "x"}, "belongs to the handshake itself", '"x"'),
            fault("set", {"X-A": "a\r\nX-B: b"}, "control character", '"a\\r\\nX-B: b"'),
            fault("set", {"X-A": "1", "x_a": "2"}, "one header is set twice", '"2"'),
            fault("forbid", ["X-A"], "`X-A` is required too: nobody could pass", '"X-A"',
                  require=["X-A"]),
            *(fault("set", {name: "1"}, f"`{name}` is the gateway's own", '"1"')
              for name in ("X-Forwarded-For", "X_Request_Id", "Expect", "X-Real-IP")),
            *(fault("remove", [name], f"`{name}` is the gateway's own", f'"{name}"')
              for name in ("x-forwarded-for", "X-Request-Id")),
            fault("set", ["X-A"], "expected a map of strings, found a list"),
            fault("remove", ["X-A", "Upgrade"], "`Upgrade` belongs to the handshake", '"Upgrade"'),
        ]


class Subprotocol(ModuleTable, Case):
    module = "subprotocol"

    def base(self, name):
        return {"allow": ["chat", "v2"]}

    def rows(self):
        no = refused(403, "subprotocol-not-allowed")
        chat, both = ask(f"{PROTOCOL}: chat"), ask(f"{PROTOCOL}: x, chat, y, v2")
        return [
            row("allow", {"allow": ["talk"]}, [chat, ask(f"{PROTOCOL}: talk"), ask()],
                [no, PASS, PASS], [PASS, no, PASS], control={}),
            row("required", {"required": True}, [ask(), chat],
                [refused(403, "subprotocol-missing"), PASS], PASS),
            row("required", {"required": True, "others": "remove"}, ask(f"{PROTOCOL}: x"),
                refused(403, "subprotocol-missing"), passed(sent={PROTOCOL: None})),
            row("others", {"others": "remove"}, [both, ask(f"{PROTOCOL}: CHAT")],
                [passed(sent={PROTOCOL: "chat, v2"}), passed(sent={PROTOCOL: None})], no),
        ]

    def faults(self):
        return [
            *fine("allow", [f"p{i}" for i in range(32)]),
            fault("allow", [f"p{i}" for i in range(33)], "expected 1 to 32 subprotocols"),
            fault("allow", [], "expected 1 to 32 subprotocols"),
            fault("allow", ["a b"], "`a b` is no name of a subprotocol", '"a b"'),
            fault("required", "yes", "expected true or false, found `yes`"),
            fault("others", "drop", "expected one of refuse, remove, found `drop`"),
        ]
