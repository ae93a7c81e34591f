"""Addresses: prefixes of both families, deny before allow, files."""

import os

from harness.case import Case
from harness.wire import handshake


class IpAllowlist(Case):
    def gate_for(self, listeners=None, **options):
        parts = {"listeners": listeners} if listeners else {}
        office = {"office": {"ip_allowlist": options}}
        return self.gateway(self.echo_backend(), require=["office"], middleware=office, **parts)

    def check(self, gate, rows):
        for source, status in rows.items():
            with self.subTest(source):
                reply = gate.ask(handshake("/ws"), source=source)
                self.assertEqual(reply.status, status, reply)

    def test_prefixes(self):
        gate = self.gate_for(allow=["127.0.0.4/30", "127.1.0.0/16", "127.0.0.1"])
        self.check(
            gate,
            {
                "127.0.0.1": 101,
                "127.0.0.2": 403,
                "127.0.0.3": 403,
                "127.0.0.4": 101,
                "127.0.0.7": 101,
                "127.0.0.8": 403,
                "127.1.255.255": 101,
                "127.2.0.0": 403,
            },
        )

    def test_deny_wins(self):
        gate = self.gate_for(allow=["127.0.0.0/8"], deny=["127.0.0.2", "127.9.0.0/16"])
        self.check(gate, {"127.0.0.1": 101, "127.0.0.2": 403, "127.9.1.1": 403, "127.10.0.1": 101})

    def test_nobody(self):
        self.check(self.gate_for(allow=["192.0.2.0/24"]), {"127.0.0.1": 403})
        self.check(self.gate_for(allow=["0.0.0.0/0"]), {"127.0.0.1": 101})
        self.check(self.gate_for(allow=["::/0"]), {"127.0.0.1": 403})

    def test_files(self):
        path = self.file("allow.txt", "# the office\n127.0.0.2\n\n127.3.0.0/16   # and more\n")
        self.check(
            self.gate_for(files=[path]),
            {"127.0.0.1": 403, "127.0.0.2": 101, "127.3.4.5": 101},
        )
        self.check(
            self.gate_for(allow=["127.0.0.1"], deny=["127.3.0.1"], files=[path]),
            {"127.0.0.1": 101, "127.0.0.2": 101, "127.3.4.5": 101, "127.3.0.1": 403},
        )

    def test_ipv6(self):
        six = [{"address": "[::1]:0"}]
        for allow, status in (
            (["::1"], 101),
            (["::/64"], 101),
            (["2001:db8::/32"], 403),
            (["127.0.0.0/8"], 403),
        ):
            with self.subTest(allow):
                gate = self.gate_for(listeners=[dict(six[0])], allow=allow)
                self.assertEqual(gate.ask(handshake("/ws")).status, status)

    def test_a_unix_peer_has_no_address(self):
        path = os.path.join(self.directory, "public.sock")
        gate = self.gate_for(listeners=[{"address": f"unix:{path}"}], allow=["0.0.0.0/0", "::/0"])
        self.assertEqual(gate.ask(handshake("/ws")).status, 403)

    def test_a_forged_field_changes_nothing(self):
        gate = self.gate_for(allow=["192.0.2.0/24"])
        for line in (
            "X-Forwarded-For: 192.0.2.1",
            "X-Real-IP: 192.0.2.1",
            "Forwarded: for=192.0.2.1",
        ):
            self.assertEqual(gate.ask(handshake("/ws", line)).status, 403)
