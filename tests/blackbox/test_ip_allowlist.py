"""Addresses: prefixes of both families, deny before allow, files."""

import os
import signal
import threading

from harness.case import Case
from harness.gateway import sanitized
from harness.wire import handshake

FULL = os.environ.get("WSGATE_FULL") == "1"


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


class LongList(Case):
    """A file of many lines, read again while handshakes run."""

    LINES = 100000 if FULL else 4000
    RELOADS = 10 if FULL else 4
    GROWTH = 16 << 20  # bytes; a list of 100,000 takes 4 MiB, and one that stayed each time would show
    time_limit = 1800

    # Who always may, who may while `first` stands there, and who never may.
    ALWAYS, SOMETIMES, NEVER = "127.0.0.1", "127.7.7.7", "127.9.9.9"

    def write(self, first, bad=None):
        """Prefixes of both families that cannot be merged; a bad line is in the middle, and two blanks in."""
        lines = []
        for n in range(0, self.LINES, 2):
            lines.append(f"{n >> 16 & 63}.{n >> 8 & 255}.{n & 255}.0/24")
            lines.append(f"2000:{n >> 16:x}:{n & 65535:x}::/48")
        lines += ["127.0.0.1", first]
        if bad:
            lines[self.LINES // 2] = "  " + bad
        return self.file("allow.txt", "\n".join(lines) + "\n")

    def status(self, gate, source):
        return gate.ask(handshake("/ws"), source=source).status

    def reload(self, gate, good=True):
        gate.send_signal(signal.SIGHUP)
        said = gate.await_reload()
        self.assertTrue(said.startswith("reloaded" if good else "not reloaded"), said)

    def ask_meanwhile(self, gate, over, seen, faults):
        """Whoever is not in question gets his verdict at every moment."""
        try:
            while not over.is_set():
                seen.add((self.status(gate, self.ALWAYS), self.status(gate, self.NEVER)))
                seen.add(self.status(gate, self.SOMETIMES))
        except Exception as fault:  # pylint: disable=broad-except
            faults.append(fault)

    def check_reloads(self, gate):
        for i in range(self.RELOADS):
            self.write("127.7.0.0/16" if i % 2 else "127.8.0.0/16")
            self.reload(gate)
            self.assertEqual(self.status(gate, self.SOMETIMES), 101 if i % 2 else 403)
            if i == 1:
                before = gate.memory("Anonymous")
        if not sanitized():
            self.assertLess(gate.memory("Anonymous") - before, self.GROWTH)

    def check_a_bad_line(self, gate, path):
        """The whole file is as if it had not changed."""
        self.assertEqual(self.status(gate, self.SOMETIMES), 101)
        for bad in ("10.0.0.0/33", "localhost", "10.0.0.1/8"):
            self.write("127.8.0.0/16", bad=bad)
            before = len(gate.lines("reload", name="stderr", level="error"))
            self.reload(gate, good=False)
            faults = gate.await_lines(before + 2, "reload", name="stderr", level="error")[before:]
            self.assertIn(f" {path}:{self.LINES // 2 + 1}:3: ", faults[0]["message"])
            self.assertEqual(self.status(gate, self.SOMETIMES), 101)
            self.assertEqual(self.status(gate, self.ALWAYS), 101)

    def test_reloaded(self):
        path = self.write("127.7.0.0/16")
        office = {"office": {"ip_allowlist": {"files": [path]}}}
        gate = self.gateway(self.echo_backend(), require=["office"], middleware=office)
        self.assertEqual(self.status(gate, self.SOMETIMES), 101)
        over, seen, faults = threading.Event(), set(), []
        thread = threading.Thread(target=self.ask_meanwhile, args=(gate, over, seen, faults))
        thread.start()
        try:
            self.check_reloads(gate)
            self.check_a_bad_line(gate, path)
        finally:
            over.set()
            thread.join()
        self.assertEqual(faults, [])
        self.assertLessEqual(seen, {(101, 403), 101, 403})
        self.assertIn((101, 403), seen)
