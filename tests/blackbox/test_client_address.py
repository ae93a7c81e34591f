"""Who the client is, whatever strangers claim: lists of proxies, and what is passed on."""

from harness.case import Case
from harness.wire import handshake, switching

PEER = "127.0.0.1"
PROXY = "127.0.0.9"  # trusted_proxies
NEAR = "10.0.0.1"  # a trusted one that no connection comes from
TRUSTED = [PROXY + "/32", "10.0.0.0/8", "2001:db8:1::/48"]


class Addresses(Case):
    """One gateway for a table of requests."""

    def serve(self, **parts):
        self.service = self.echo_backend()
        parts.setdefault("trusted_proxies", TRUSTED)
        self.gate = self.gateway(self.service, threads=1, **parts)
        self.asked = 0

    def ask(self, *lines, source=PROXY):
        """(status, the backend's head or None, the log line)"""
        client = self.client(self.gate, handshake("/ws", *lines), source=source)
        answer = client.read_response()
        client.close()
        self.asked += 1
        line = self.gate.await_lines(self.asked, "handshake")[-1]
        self.assertEqual(line["status"], answer.status)
        return answer, line

    def established(self, line):
        """The client, as the log has it; who is not named apart is the peer."""
        return line["client"] if "client" in line else line["peer"].rpartition(":")[0]


class Headers(Addresses):
    """The backend tells what it got in a header of its 101."""

    def serve(self, **parts):
        def tell(peer):
            head = peer.read_head()
            names = ("X-Forwarded-For", "X-Real-IP", "X-Forwarded-Proto", "X-Forwarded-Host")
            told = [f"Got-{name}: {'|'.join(head.all(name))}" for name in names]
            self.seen = head
            peer.send(switching(head, *told))

        self.service = self.backend(tell)
        parts.setdefault("trusted_proxies", TRUSTED)
        self.gate = self.gateway(self.service, threads=1, **parts)
        self.asked = 0

    def judge(self, rows, source=PROXY):
        for lines, expected, passed_on in rows:
            with self.subTest(lines=[line[:60] for line in lines]):
                answer, line = self.ask(*lines, source=source)
                if isinstance(expected, int):
                    self.assertEqual(answer.status, expected)
                    self.assertEqual(line["reason"], "forwarded-malformed")
                    continue
                self.assertEqual(answer.status, 101)
                self.assertEqual(self.established(line), expected)
                self.assertEqual(answer.get("Got-X-Real-IP"), expected)
                self.assertEqual(answer.get("Got-X-Forwarded-For"), passed_on)
                self.assertEqual(self.seen.all("Forwarded"), [])

    @staticmethod
    def xff(*values):
        return [f"X-Forwarded-For: {value}" for value in values]

    @staticmethod
    def standard(*values):
        return [f"Forwarded: {value}" for value in values]

    def test_a_strangers_words_are_dropped(self):
        self.serve()
        rows = [
            (self.xff("192.0.2.1"), PEER, PEER),
            (self.xff(f"192.0.2.1, {PROXY}"), PEER, PEER),
            (self.xff("garbage"), PEER, PEER),
            (self.xff("1.2.3.4"), PEER, PEER),
            (self.xff(", ".join(["1.2.3.4"] * 1000)), PEER, PEER),
            (self.standard("for=192.0.2.1;proto=https"), PEER, PEER),
            (["X-Real-IP: 192.0.2.1", "X-Forwarded-Proto: https"], PEER, PEER),
            (["X_Forwarded_For: 192.0.2.1", "X-Client-IP: 192.0.2.1"], PEER, PEER),
            (["X-Forwarded-Proto: garbage"], PEER, PEER),
        ]
        self.judge(rows, source=PEER)
        answer, _ = self.ask("X-Forwarded-Proto: https", "X-Forwarded-Host: a.test", source=PEER)
        self.assertEqual(answer.get("Got-X-Forwarded-Proto"), "http")
        self.assertEqual(answer.get("Got-X-Forwarded-Host"), "gate.test")

    def test_nobody_is_trusted_unless_named(self):
        self.serve(trusted_proxies=[])
        self.judge([(self.xff("192.0.2.1"), PEER, PEER)], source=PEER)

    def test_x_forwarded_for_of_a_proxy(self):
        """The last address that is not trusted, whatever stands before it."""
        self.serve()
        one = "192.0.2.1"
        many = ", ".join
        self.judge(
            [
                ([], PROXY, PROXY),
                (self.xff(""), PROXY, PROXY),
                (self.xff(" , ,"), PROXY, PROXY),
                (self.xff(one), one, f"{one}, {PROXY}"),
                (self.xff(f"6.6.6.6, {one}"), one, f"{one}, {PROXY}"),
                (self.xff(f"{NEAR}, {one}"), one, f"{one}, {PROXY}"),
                (self.xff(f"6.6.6.6,{one},{NEAR}"), one, f"{one}, {NEAR}, {PROXY}"),
                (self.xff(f"{one},, {NEAR} ,"), one, f"{one}, {NEAR}, {PROXY}"),
                (self.xff(f"{one}, 2001:db8:1::7"), one, f"{one}, 2001:db8:1::7, {PROXY}"),
                (self.xff("6.6.6.6", one), one, f"{one}, {PROXY}"),
                (self.xff(f"6.6.6.6, {one}", NEAR), one, f"{one}, {NEAR}, {PROXY}"),
                (self.xff(one, NEAR, "10.0.0.2"), one, f"{one}, {NEAR}, 10.0.0.2, {PROXY}"),
                (self.xff(NEAR), NEAR, f"{NEAR}, {PROXY}"),
                (self.xff(f"10.0.0.2, {NEAR}"), "10.0.0.2", f"10.0.0.2, {NEAR}, {PROXY}"),
                (self.xff(f"{one}:4711"), one, f"{one}, {PROXY}"),
                (self.xff("2001:db8::1"), "2001:db8::1", f"2001:db8::1, {PROXY}"),
                (self.xff("2001:DB8:0:0::1"), "2001:db8::1", f"2001:db8::1, {PROXY}"),
                (self.xff("[2001:db8::1]"), "2001:db8::1", f"2001:db8::1, {PROXY}"),
                (self.xff("[2001:db8::1]:99"), "2001:db8::1", f"2001:db8::1, {PROXY}"),
                (self.xff("::ffff:192.0.2.1"), one, f"{one}, {PROXY}"),
                (self.xff(f"{one}, ::ffff:10.0.0.1"), one, f"{one}, {NEAR}, {PROXY}"),
                (self.xff(f"{one}, [::ffff:a00:1]:5"), one, f"{one}, {NEAR}, {PROXY}"),
                (self.xff(many([one] * 100)), one, f"{one}, {PROXY}"),
                (self.xff(many([one] + [NEAR] * 99)), one, many([one] + [NEAR] * 99 + [PROXY])),
                (self.xff(many([one] * 101)), 400, None),
                (self.xff(many([one] * 1000)), 400, None),
                (self.xff(*[one] * 60, many([one] * 41)), 400, None),
                (self.xff(one) + ["Connection: X-Forwarded-For"], one, f"{one}, {PROXY}"),
                (self.xff("garbage"), 400, None),
                (self.xff(f"garbage, {one}"), 400, None),
                (self.xff(f"{one}, garbage"), 400, None),
                (self.xff(f"unknown, {one}"), 400, None),
                (self.xff("_hidden"), 400, None),
                (self.xff("localhost"), 400, None),
                (self.xff("192.0.2.01"), 400, None),
                (self.xff("192.0.2"), 400, None),
                (self.xff("192.0.2.1:080"), 400, None),
                (self.xff("192.0.2.1:65536"), 400, None),
                (self.xff("192.0.2.1 6.6.6.6"), 400, None),
                (self.xff("192.0.2.1;6.6.6.6"), 400, None),
                (self.xff('"192.0.2.1"'), 400, None),
                (self.xff('"192.0.2.1, 6.6.6.6"'), 400, None),
                (self.xff("[192.0.2.1]"), 400, None),
                (self.xff("[2001:db8::1"), 400, None),
                (self.xff("fe80::1%eth0"), 400, None),
                (self.xff("[fe80::1%25eth0]"), 400, None),
                (self.xff("192.0.2.0/24"), 400, None),
                (self.standard("for=192.0.2.1"), PROXY, PROXY),
                (["X-Real-IP: 192.0.2.1"], PROXY, PROXY),
                (["X_Forwarded_For: 192.0.2.1"], PROXY, PROXY),
            ]
        )

    def test_forwarded_of_a_proxy(self):
        self.serve(client_address_header="Forwarded")
        one = "192.0.2.1"
        near = f"for={NEAR}"
        self.judge(
            [
                ([], PROXY, PROXY),
                (self.standard(f"for={one}"), one, f"{one}, {PROXY}"),
                (self.standard(f"for=6.6.6.6, for={one}"), one, f"{one}, {PROXY}"),
                (self.standard("for=6.6.6.6", f"for={one}, {near}"), one, f"{one}, {NEAR}, {PROXY}"),
                (self.standard(f'For="{one}:4711";by=_x;host="a,b"'), one, f"{one}, {PROXY}"),
                (self.standard('for="[2001:db8::1]:7"'), "2001:db8::1", f"2001:db8::1, {PROXY}"),
                (self.standard('for="[::ffff:192.0.2.1]"'), one, f"{one}, {PROXY}"),
                (self.standard(f"for=unknown, for={one}"), one, f"{one}, {PROXY}"),
                (self.standard(f"for=_hidden, for={one}, {near}"), one, f"{one}, {NEAR}, {PROXY}"),
                (self.standard(f"proto=http, for={one}"), one, f"{one}, {PROXY}"),
                (self.standard("for=unknown"), 400, None),
                (self.standard(f"for={one}, for=unknown"), 400, None),
                (self.standard(f"for=_hidden, {near}"), 400, None),
                (self.standard("proto=https"), 400, None),
                (self.standard(f"for={one};for={one}"), 400, None),
                (self.standard(f"for={one}, garbage"), 400, None),
                (self.standard(f"garbage, for={one}"), 400, None),
                (self.standard(f'for="{one}, for=6.6.6.6'), 400, None),
                (self.standard("for=192.0.2.01"), 400, None),
                (self.standard("for=2001:db8::1"), 400, None),
                (self.standard("for=[2001:db8::1]"), 400, None),
                (self.standard('for="[fe80::1%25eth0]"'), 400, None),
                (self.standard(f"for={one}:80"), 400, None),
                (self.standard(f"for={one};proto=gopher"), 400, None),
                (self.standard(", ".join([f"for={one}"] * 1000)), 400, None),
                (self.xff(one), PROXY, PROXY),
                (self.xff("garbage"), PROXY, PROXY),
            ]
        )

    def test_the_scheme(self):
        self.serve()
        for values, expected in {
            (): "http",
            ("https",): "https",
            ("HTTPS",): "https",
            ("wss",): "https",
            ("ws",): "http",
            ("http, https",): "https",
            ("https", "http"): "http",
            ("",): "http",
        }.items():
            lines = [f"X-Forwarded-Proto: {value}" for value in values]
            answer, _ = self.ask("X-Forwarded-For: 192.0.2.1", *lines)
            self.assertEqual(answer.get("Got-X-Forwarded-Proto"), expected, values)
        for value in ("gopher", "https;", "on", '"https"', "https http"):
            answer, line = self.ask(f"X-Forwarded-Proto: {value}")
            self.assertEqual((answer.status, line["reason"]), (400, "forwarded-malformed"), value)

    def test_the_scheme_of_forwarded_is_the_clients(self):
        self.serve(client_address_header="Forwarded")
        for value, expected in {
            "for=192.0.2.1;proto=https, for=10.0.0.1;proto=http": "https",
            "for=192.0.2.1;proto=http, for=10.0.0.1;proto=https": "http",
            "for=6.6.6.6;proto=https, for=192.0.2.1": "http",
            'for=192.0.2.1;proto="wss"': "https",
        }.items():
            answer, _ = self.ask(f"Forwarded: {value}", "X-Forwarded-Proto: garbage")
            self.assertEqual(answer.get("Got-X-Forwarded-Proto"), expected, value)

    def test_a_proxy_on_a_unix_socket(self):
        path = self.file("public.sock", "") + ".s"
        listener = [{"address": f"unix:{path}", "name": "local"}]
        self.serve(listeners=listener, trusted_proxies=["unix"])
        for lines, expected in [
            ([], {"client": None, "for": ""}),
            (self.xff("192.0.2.1"), {"client": "192.0.2.1", "for": "192.0.2.1"}),
            (self.xff("6.6.6.6, 192.0.2.1"), {"client": "192.0.2.1", "for": "192.0.2.1"}),
        ]:
            answer, line = self.ask(*lines, source=None)
            self.assertEqual(line["peer"], "unix:")
            self.assertEqual(line.get("client"), expected["client"])
            self.assertEqual(answer.get("Got-X-Forwarded-For"), expected["for"])

    def test_a_stranger_on_a_unix_socket(self):
        path = self.file("public.sock", "") + ".s"
        self.serve(listeners=[{"address": f"unix:{path}", "name": "local"}])
        answer, line = self.ask(*self.xff("192.0.2.1"), source=None)
        self.assertNotIn("client", line)
        self.assertEqual(answer.get("Got-X-Forwarded-For"), "")


class Used(Addresses):
    """The established address is the one that counts."""

    def test_the_allowlist(self):
        self.serve(
            require=["office"],
            middleware={"office": {"ip_allowlist": {"allow": ["192.0.2.0/24", PROXY]}}},
        )
        for claim, status in {
            "192.0.2.1": 101,
            "::ffff:192.0.2.1": 101,
            "192.0.2.1, 6.6.6.6": 403,
            "6.6.6.6, 192.0.2.1": 101,
            f"192.0.2.1, 6.6.6.6, {NEAR}": 403,
            "6.6.6.6": 403,
        }.items():
            answer, _ = self.ask(f"X-Forwarded-For: {claim}")
            self.assertEqual(answer.status, status, claim)
        answer, _ = self.ask("X-Forwarded-For: 192.0.2.1", source=PEER)
        self.assertEqual(answer.status, 403)

    def test_handshakes_per_address(self):
        """A proxy is many clients: each has its own limit, and the proxy none of its own."""
        held = self.backend()  # answers nobody
        self.gate = self.gateway(
            held, threads=1, trusted_proxies=TRUSTED, limits={"handshakes_per_address": 2}
        )

        def ask(client):
            lines = [f"X-Forwarded-For: {client}"] if client else []
            return self.client(self.gate, handshake("/ws", *lines), source=PROXY)

        first = [ask("192.0.2.1") for _ in range(2)]
        for _ in first:
            held.next().read_head()
        self.check_refused(ask("192.0.2.1").read_response(), 429)
        line = self.gate.await_line("handshake", reason="limit-handshakes-address")
        self.assertEqual((line["client"], line["status"]), ("192.0.2.1", 429))
        other = ask("192.0.2.2")
        held.next().read_head()
        first[0].close()
        self.gate.await_line("handshake", reason="client-gone", client="192.0.2.1")
        ask("192.0.2.1")
        held.next().read_head()
        self.check_refused(ask("192.0.2.1").read_response(), 429)
        other.close()

    def test_the_tunnels_line(self):
        self.serve()
        for source, fields in (
            (PROXY, {"client": "192.0.2.1", "peer": None}),
            (PEER, {"client": None}),
        ):
            _, line = self.ask("X-Forwarded-For: 192.0.2.1", source=source)
            ended = self.gate.await_line("tunnel", id=line["id"])
            for name, value in fields.items():
                self.assertEqual(ended.get(name), value)
