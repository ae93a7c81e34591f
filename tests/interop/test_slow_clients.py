"""
slowhttptest in its four modes, 1,000 connections each, against a plain and a TLS listener: whoever
comes with a good handshake meanwhile gets in. WSGATE_FIGURES names a file that gets a line of JSON
for each test: how many came meanwhile and how long they took.
"""

import json
import os
import shutil
import subprocess
import time

from harness import process, secure
from harness.wire import handshake
from parts import prepare
from parts.meeting import Meeting
from parts.program import die_with_parent

CONNECTIONS = 1000
SECONDS = 5

# What the gateway makes of each: a head that never ends, a body, an answer that is read byte by
# byte, a request for ranges.
MODES = {
    "headers": (["-H", "-i", "1", "-x", "8"], None),
    "body": (["-B", "-i", "1", "-x", "8", "-s", "65536"], "handshake-malformed"),
    "read": (["-X", "-k", "3", "-n", "1", "-w", "1", "-y", "16", "-z", "1"], "not-an-upgrade"),
    "range": (["-R", "-a", "5", "-b", "500"], "method-not-get"),
}


class Slow(Meeting):
    client_name, backend_name = "slowhttptest", "ws"
    mode = tls = None
    weight = 2

    def attack(self, gate):
        where = "%s:%d" % gate.addresses["wss" if self.tls else "ws"]
        return subprocess.Popen(
            [shutil.which("slowhttptest", path=prepare.search_path()), *MODES[self.mode][0],
             "-c", str(CONNECTIONS), "-r", str(CONNECTIONS), "-l", str(SECONDS), "-p", "5",
             "-u", f"http{'s' if self.tls else ''}://{where}/echo"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            preexec_fn=die_with_parent,
        )

    def come(self, gate, listener):
        """Seconds from the first byte to the echo."""
        start = time.monotonic()
        fields = [f"Authorization: Bearer {self.token}", f"Origin: {self.origin()}"]
        client = gate.client(handshake("/echo", *fields), listener)
        self.check_switched(client.read_response())
        self.check_echo(client)
        client.close()
        return time.monotonic() - start

    def figures(self, took, most, cpu):
        took.sort()
        return {
            "mode": self.mode, "tls": self.tls, "open_at_most": most, "good": len(took),
            "median_ms": round(took[len(took) // 2] * 1000, 1),
            "p99_ms": round(took[len(took) * 99 // 100] * 1000, 1),
            "worst_ms": round(took[-1] * 1000, 1), "gateway_cpu_s": round(cpu, 2),
        }

    def test_good_handshakes_succeed(self):
        listeners = [{"name": "ws"}, {"name": "wss", "tls": secure.listener_tls()}]
        gate = self.gate(listeners=listeners)
        before, took, most = process.cpu_seconds(gate.pid), [], 0
        tool = self.attack(gate)
        while tool.poll() is None:
            took += [self.come(gate, "ws"), self.come(gate, "wss")]
            most = max(most, len(process.descriptors(gate.pid)) - gate.baseline)
            time.sleep(0.02)
        said = tool.stdout.read().decode(errors="replace")
        tool.stdout.close()
        cpu = process.cpu_seconds(gate.pid) - before
        self.assertEqual(tool.returncode, 0, said)
        self.assertIn("service available:", said)
        self.assertNotIn("NO", said.rpartition("service available:")[2].partition("\n")[0], said)
        gate.await_idle()
        reason = MODES[self.mode][1]
        lines = gate.lines("handshake") if reason is None else gate.lines("handshake", reason=reason)
        self.assertGreater(len(lines), CONNECTIONS * 9 // 10)
        if "WSGATE_FIGURES" in os.environ:
            with open(os.environ["WSGATE_FIGURES"], "a", encoding="ascii") as out:
                print(json.dumps(self.figures(took, most, cpu)), file=out)


for mode in MODES:
    for tls in (False, True):
        name = f"slow_{mode}{'_tls' if tls else ''}"
        globals()[name] = type(name, (Slow,), {"mode": mode, "tls": tls, "__module__": __name__})
del Slow  # the four modes are it
