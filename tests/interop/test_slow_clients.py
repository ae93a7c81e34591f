"""
slowhttptest in its four modes, 1,000 connections each, against a plain and a TLS listener: whoever
comes with a good handshake meanwhile gets in. WSGATE_FIGURES names a file that gets a line of JSON
for each test: how many came meanwhile and how long they took.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import time

from harness import process, secure
from harness.peer import PATIENCE
from harness.wire import handshake
from parts import prepare
from parts.meeting import Meeting
from parts.program import die_with_parent

CONNECTIONS = 1000
ENOUGH = CONNECTIONS * 9 // 10
LIMIT = 60  # seconds; each five it says how many have come, and then it is enough

# What the gateway makes of each: a head that never ends, a body, an answer that is read byte by
# byte, a request for ranges.
MODES = {
    "headers": (["-H", "-i", "1", "-x", "8"], ("client-gone", "head-timeout")),
    "body": (["-B", "-i", "1", "-x", "8", "-s", "65536"], ("handshake-malformed",)),
    "read": (["-X", "-k", "3", "-n", "1", "-w", "1", "-y", "16", "-z", "1"], ("not-an-upgrade",)),
    "range": (["-R", "-a", "5", "-b", "500"], ("method-not-get",)),
}


class Slow(Meeting):
    client_name, backend_name = "slowhttptest", "ws"
    mode = tls = None
    weight = 2

    def attack(self, gate):
        where = "%s:%d" % gate.addresses["wss" if self.tls else "ws"]
        with open(self.report(), "wb") as report:
            return subprocess.Popen(
                ["stdbuf", "-oL", shutil.which("slowhttptest", path=prepare.search_path()),
                 *MODES[self.mode][0],
                 "-c", str(CONNECTIONS), "-r", str(CONNECTIONS), "-l", str(LIMIT), "-p", "10",
                 "-u", f"http{'s' if self.tls else ''}://{where}/echo"],
                stdin=subprocess.DEVNULL,
                stdout=report,
                stderr=subprocess.STDOUT,
                preexec_fn=die_with_parent,
            )

    def report(self):
        return os.path.join(self.directory, "report")

    def said(self):
        """What the tool has said so far, without its colours."""
        with open(self.report(), encoding="utf-8", errors="replace") as file:
            return re.sub(r"\x1b\[[0-9;]*m", "", file.read())

    def all_have_come(self):
        numbers = dict(re.findall(r"(connected|closed): +([0-9]+)", self.said()))  # the last ones
        return sum(map(int, numbers.values())) >= ENOUGH

    def come(self, gate, listener):
        """Seconds from the first byte to the echo."""
        start = time.monotonic()
        fields = [f"Authorization: Bearer {self.token}", f"Origin: {self.origin()}"]
        client = gate.client(handshake("/echo", *fields), listener)
        self.check_switched(client.read_response())
        self.check_echo(client)
        client.close()
        return time.monotonic() - start

    def refused(self, gate):
        """How many of the slow ones stand in the log."""
        return sum(len(gate.lines("handshake", reason=word)) for word in MODES[self.mode][1])

    def await_refused(self, gate):
        """The log's writer lets lines gather: the last ones come after their connections have gone."""
        deadline = time.monotonic() + PATIENCE
        while self.refused(gate) < ENOUGH and time.monotonic() < deadline:
            time.sleep(0.02)
        self.assertGreaterEqual(self.refused(gate), ENOUGH)

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
        while tool.poll() is None and not self.all_have_come():
            took += [self.come(gate, "ws"), self.come(gate, "wss")]
            most = max(most, len(process.descriptors(gate.pid)) - gate.baseline)
            time.sleep(0.02)
        if tool.poll() is None:
            tool.send_signal(signal.SIGINT)  # upon which it says how it went
        tool.wait(PATIENCE)
        said = self.said()
        cpu = process.cpu_seconds(gate.pid) - before
        self.assertEqual(tool.returncode, 0, said)
        self.assertIn("service available:", said)
        self.assertNotIn("NO", said.rpartition("service available:")[2].partition("\n")[0], said)
        gate.await_idle()
        self.await_refused(gate)
        if "WSGATE_FIGURES" in os.environ:
            with open(os.environ["WSGATE_FIGURES"], "a", encoding="ascii") as out:
                print(json.dumps(self.figures(took, most, cpu)), file=out)


for mode in MODES:
    for tls in (False, True):
        name = f"slow_{mode}{'_tls' if tls else ''}"
        globals()[name] = type(name, (Slow,), {"mode": mode, "tls": tls, "__module__": __name__})
del Slow  # the four modes are it
