"""Origins are compared as RFC 6454 says: scheme, host and port, nothing that looks alike."""

from harness.case import Case
from harness.wire import handshake


class Origin(Case):
    def gate_for(self, allow, missing="deny"):
        self.echo = self.echo_backend()
        origin = {"origin": {"allow": allow, "missing": missing}}
        return self.gateway(self.echo, require=["web"], middleware={"web": origin})

    def check(self, gate, rows):
        for origin, status in rows.items():
            with self.subTest(origin):
                self.assertEqual(gate.ask(handshake("/ws", f"Origin: {origin}")).status, status)

    def test_exact(self):
        gate = self.gate_for(
            ["https://app.test", "http://plain.test:8080", "https://[2001:db8::1]"]
        )
        self.check(
            gate,
            {
                "https://app.test": 101,
                "https://app.test:443": 101,
                "HTTPS://APP.TEST": 101,
                "http://plain.test:8080": 101,
                "https://[2001:db8::1]": 101,
                "https://[2001:DB8:0::1]": 101,
                "https://[2001:db8::2]": 403,
                "http://app.test": 403,
                "https://app.test:80": 403,
                "https://app.test:8443": 403,
                "http://plain.test": 403,
                "https://plain.test:8080": 403,
                "https://app.test.evil.test": 403,
                "https://evilapp.test": 403,
                "https://sub.app.test": 403,
                "https://app.tes": 403,
                "https://app.test.": 403,
                "null": 403,
            },
        )

    def test_same_origin(self):
        """Host is gate.test in every request of these."""
        echo = self.echo_backend()
        gate = self.gateway(echo, require=["web"], middleware={"web": {"origin": {"same_origin": True}}})
        for origin, site, status in [
            ("http://gate.test", None, 101), ("https://gate.test", None, 101),
            ("https://gate.test:8443", None, 403), ("https://evil.test", None, 403),
            ("https://gate.test", "same-origin", 101), ("https://gate.test", "cross-site", 403),
            ("https://outer.test", "same-origin", 101), ("https://outer.test", "same-site", 403),
        ]:
            with self.subTest(origin=origin, site=site):
                headers = [f"Origin: {origin}"] + ([f"Sec-Fetch-Site: {site}"] if site else [])
                self.assertEqual(gate.ask(handshake("/ws", *headers)).status, status)
        self.assertEqual(gate.ask(handshake("/ws")).status, 403)

    def test_malformed(self):
        gate = self.gate_for(["https://app.test", "https://*.wild.test"])
        rows = [
            "",
            "app.test",
            "https://",
            "https:app.test",
            "https:///app.test",
            "://app.test",
            "https://app.test/",
            "https://app.test/x",
            "https://app.test?x",
            "https://app.test#x",
            "https://user@app.test",
            "https://evil.test@app.test",
            "https://app.test:",
            "https://app.test:0",
            "https://app.test:443:443",
            "https://app.test:99999",
            "https://app.test:x",
            "https://app.test https://app.test",
            "https://app.test,https://b.test",
            "https://app_test\\",
            "https://[::1",
            "https://*.wild.test",
            "https://..wild.test",
            "https://.wild.test",
            "https://a..wild.test",
            "https://a/.wild.test",
            "https://%61pp.test",
            "*",
            "https://*",
            "https://\xe4.wild.test",
        ]
        self.check(gate, {origin: 403 for origin in rows})

    def test_wildcard(self):
        gate = self.gate_for(["https://*.app.test", "http://*.port.test:81"])
        self.check(
            gate,
            {
                "https://a.app.test": 101,
                "https://a.b.app.test": 101,
                "https://A.APP.TEST:443": 101,
                "http://x.port.test:81": 101,
                "https://app.test": 403,
                "https://xapp.test": 403,
                "http://a.app.test": 403,
                "https://a.app.test:444": 403,
                "https://a.app.test.evil.test": 403,
                "http://x.port.test": 403,
                "http://x.port.test:8181": 403,
            },
        )

    def test_null_only_when_listed(self):
        self.check(self.gate_for(["null"]), {"null": 101, "https://app.test": 403, "NULL": 403})

    def test_missing(self):
        self.assertEqual(self.gate_for(["https://app.test"]).ask(handshake("/ws")).status, 403)
        gate = self.gate_for(["https://app.test"], missing="allow")
        self.assertEqual(gate.ask(handshake("/ws")).status, 101)
        self.check(gate, {"https://evil.test": 403, "": 403})

    def test_several_are_refused(self):
        gate = self.gate_for(["https://app.test"], missing="allow")
        for second in ("https://app.test", "https://evil.test"):
            reply = gate.ask(handshake("/ws", "Origin: https://app.test", f"Origin: {second}"))
            self.check_refused(reply, 400)

    def test_the_log_says_who_refused(self):
        gate = self.gate_for(["https://app.test"])
        gate.ask(handshake("/ws", "Origin: https://evil.test"))
        line = gate.await_line("handshake", status=403)
        self.assertIn(line["module"], ("web", "origin"))
        self.assertRegex(line["reason"], r"^[a-z][a-z0-9_-]*$")
