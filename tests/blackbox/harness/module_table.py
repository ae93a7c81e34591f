"""
Tables of requests x modules: an option, an instance that has it, requests, and what comes of them.

Each row is asked of two instances: one with the option, and a control, which is the same without
it. Both outcomes stand in the row, and they must differ: so a row that its option makes no
difference to is a failure, and so is an option of the program that no row is about.
"""

import dataclasses
import json
import re
import subprocess
import time

from .frames import CLOSE
from .gateway import options_program, program
from .module_rows import ABSENT, Row, options_of, values_of, without
from .peer import PATIENCE
from .wire import handshake, switching

PROXY = "127.0.0.9"  # whose X-Forwarded-For is believed


@dataclasses.dataclass
class Side:
    """One instance, and what it is asked."""

    name: str
    row: Row
    options: dict
    outcomes: list
    seen: list = dataclasses.field(default_factory=list)


def segment(target):
    return target.split("/")[1]


class ModuleTable:
    """Of one module: a test class is a subclass of this and of Case."""

    module = None
    client_ca = None  # of the listener "tls"; None: there is no such listener
    time_limit = 300
    weight = 2

    def setUp(self):
        super().setUp()
        self.row_of, self.heads = {}, {}  # by the name of an instance

    def prepare(self):
        """Makes what rows and faults need."""

    def base(self, name):
        """What each instance has, where a row says nothing else; `name` is the instance's."""
        return {}

    def others(self):
        """Further instances, for rows' `before`."""
        return {}

    def instance(self, options):
        return {self.module: options}

    # ---- that a table is whole ----

    def check_covers(self, options, what):
        wanted = options_of(self.module)
        if wanted is None:
            self.skipTest(f"{options_program()} is not built")
        self.assertTrue(wanted, f"the program has no options of {self.module}")
        covered = {".".join(o.split(".")[: i + 1]) for o in options for i in range(o.count(".") + 1)}
        self.assertEqual(sorted(wanted - covered), [], f"{self.module}: {what} for these options")
        self.assertEqual(sorted(covered - wanted), [], f"{self.module}: the program has no such option")

    def test_every_option_has_rows(self):
        self.prepare()
        rows = self.rows()
        for one in rows:
            with self.subTest(row=one.option, options=one.options):
                good, control = self.sides(0, one)
                values = values_of(good.options, one.option)
                self.assertTrue(values, "the instance has not the option")
                self.assertNotEqual(values, values_of(control.options, one.option))
                self.assertNotEqual(one.outcome, one.default, "the option makes no difference")
                self.assertEqual({len(one.outcome), len(one.default)}, {len(one.steps)})
        self.check_covers({one.option for one in rows}, "no row")

    def test_every_option_has_a_fault(self):
        self.prepare()
        bad = {one.option for one in self.faults() if one.complaint is not None}
        self.check_covers(bad, "no bad value")

    # ---- asking ----

    def options(self, name, own):
        """A whole instance's."""
        whole = self.base(name) | own
        return {word: value for word, value in whole.items() if value is not ABSENT}

    def sides(self, number, one):
        """The instance of that row, and its control."""
        name, control = f"{one.option}-{number}", f"{one.option}-{number}-control"
        self.row_of |= {name: one, control: one}
        if one.control is None:
            others = without(self.options(control, one.options), one.option)
        else:
            others = self.options(control, one.control)
        return (Side(name, one, self.options(name, one.options), one.outcome),
                Side(control, one, others, one.default))

    def test_rows(self):
        self.prepare()
        together, alone = [], []
        for number, one in enumerate(self.rows()):
            (alone if one.more.get("alone") else together).append(self.sides(number, one))
        if together:
            self.ask_sides([side for pair in together for side in pair])
        for pair in alone:
            for side in pair:
                self.ask_sides([side])

    def gateway_for(self, sides):
        service = self.backend(self.keep_head)
        listeners = [{"name": "plain"}, {"name": "unix", "address": f"unix:{self.directory}/{len(self.gateways)}"}]
        if self.client_ca:
            listeners.append({"name": "tls", "tls": self.tls()})
        config = self.config(
            service, threads=1, trusted_proxies=[PROXY], listeners=listeners,
            middleware=self.others() | {side.name: self.instance(side.options) for side in sides},
            routes=[self.route(f"/{side.name}/*", [*side.row.more.get("before", ()), side.name],
                               tunnel={"frames": "checked"}) for side in sides])
        gate = self.start(config)
        gate.baseline += 64  # connections to services and providers that are kept
        return gate

    def keep_head(self, peer):
        head = peer.read_head()
        self.heads.setdefault(segment(head.target), []).append(head)
        peer.send(switching(head))
        peer.read_rest()

    def ask_sides(self, sides):
        self.heads = {}
        gate = self.gateway_for(sides)
        for side in sides:
            for step, outcome in zip(side.row.steps, side.outcomes):
                side.seen.append(self.ask_one(gate, side, step, outcome))
        self.end_held(sides)
        lines = self.handshakes(gate, {seen["id"] for side in sides for seen in side.seen})
        counted = None
        if len(sides) == 1:
            gate.stop()
            counted = gate.lines("stopped", "stderr")[0]
        for side in sides:
            with self.subTest(instance=side.name, options=side.options):
                for at, (seen, outcome) in enumerate(zip(side.seen, side.outcomes)):
                    self.judge(side, at, seen | {"counted": counted}, outcome, lines[seen["id"]])

    def ask_one(self, gate, side, step, outcome):
        if step.before:
            step.before(side)
        lines = [line() if callable(line) else line for line in step.lines]
        source = step.source
        if step.address:
            lines.append(f"X-Forwarded-For: {step.address}")
            source = PROXY
        request = handshake(f"/{side.name}/{step.path}{step.query}", *lines, host=step.host)
        options = {"source": source} if source else {}
        if step.certificate or step.listener == "tls":
            options["secure"] = self.context(step.certificate)
        deadline = time.monotonic() + (PATIENCE if step.again else 0)
        while True:
            client = self.client(gate, request, step.listener, **options)
            answer = client.read_response()
            if answer.status == outcome.get("status") or time.monotonic() >= deadline:
                break
            client.close()
            time.sleep(0.05)
        head = self.heads[side.name][-1] if answer.status == 101 else None
        asked = self.asked(side.name)
        seen = {"answer": answer, "head": head, "asked": len(asked), "client": None,
                "question": asked[-1] if asked else None,
                "id": head.get("X-Request-Id") if head else answer.get("X-Request-Id")}
        if step.hold:
            seen["client"] = client
        else:
            client.close()
            self.clients.remove(client)
        return seen

    def asked(self, name):
        """What the service was asked for that instance."""
        return []

    @staticmethod
    def end_held(sides):
        """Those that have to end first; the others must not have ended then."""
        held = [(seen, outcome) for side in sides for seen, outcome in zip(side.seen, side.outcomes)
                if seen["client"]]
        for seen, outcome in held:
            if outcome.get("close"):
                frame = seen["client"].read_frame()
                seen["close"] = int.from_bytes(frame[1][:2], "big") if frame[0] == CLOSE else frame
        for seen, outcome in held:
            if not outcome.get("close") and seen["answer"].status == 101:
                seen["close"] = seen["client"].read_frame() if seen["client"].ends_within(0.02) else None
        for seen, _ in held:
            seen["client"].close()

    def handshakes(self, gate, ids):
        deadline = time.monotonic() + PATIENCE
        while True:
            found = {line["id"]: line for line in gate.lines("handshake")}
            if ids <= found.keys() or time.monotonic() > deadline:
                self.assertLessEqual(ids, found.keys(), "no line in the log")
                return found
            time.sleep(0.01)

    # ---- judging ----

    def judge(self, side, at, seen, outcome, line):
        """Everything that the outcome names; what is no word of ours is a field of the log line."""
        answer = seen["answer"]
        got, wanted = {}, dict(outcome)
        if wanted and wanted["status"] != 101:
            wanted.setdefault("module", side.name)
        for word, value in wanted.items():
            if word == "status":
                got[word] = answer.status
            elif word == "challenge":
                got[word] = answer.get("WWW-Authenticate")
            elif word == "body":
                got[word] = answer.body
            elif word in ("asked", "close"):
                got[word] = seen.get(word)
            elif word == "retry_after":  # a range
                seconds = int(answer.get("Retry-After") or -1)
                got[word] = value if seconds in value else seconds
            elif word in ("sent", "question"):
                head = seen["head"] if word == "sent" else seen["question"]
                got[word] = {name: self.field(head, name) for name in value} if head else None
            elif word == "counted":
                got[word] = {name: seen[word].get(name, 0) for name in value}
            else:
                got[word] = line.get(word)
        self.assertEqual(got, wanted, f"request {at + 1}: {answer} {line}")
        if answer.status != 101:
            self.check_refused_as(answer, outcome)

    def check_refused_as(self, answer, outcome):
        if "body" not in outcome:
            self.check_refused(answer, answer.status)

    @staticmethod
    def field(head, name):
        """Of a head: "method", "query", or all fields of that name."""
        if name == "method":
            return head.method
        if name == "query":
            return head.target.partition("?")[2]
        found = [value for key, value in (head.fields) if key.lower() == name.lower()]
        return found[0] if len(found) == 1 else found or None

    # ---- faults ----

    def test_faults(self):
        """All in one file, each on a line of its own, each with its place."""
        self.prepare()
        faults = self.faults()
        lines = ['listeners: [{ address: "127.0.0.1:1" }]', "middleware:"]
        for i, one in enumerate(faults):
            options = self.options(f"f{i}", one.options)
            lines.append(f"  f{i}: {json.dumps(self.instance(options))}")
        lines.append("routes: [{ path: /ws, require: [], backend: b }]")
        lines.append('backends: { b: { servers: ["127.0.0.1:2"] } }')
        path = self.file("faults.yaml", "\n".join(lines) + "\n")
        done = subprocess.run([program(), "-t", "-c", path], capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.check_complaints(faults, lines, path, done.stderr)

    def check_complaints(self, faults, lines, path, text):
        found = {}
        for line in text.splitlines():
            place = re.fullmatch(rf"{re.escape(path)}:(\d+):(\d+): (.+)", line)
            self.assertTrue(place, line)
            found.setdefault(int(place[1]), []).append((int(place[2]), place[3]))
        for number, one in enumerate(faults, 3):
            with self.subTest(option=one.option, options=one.options):
                first = one.text[1:] if one.text.startswith("[") else one.text
                said = found.pop(number, [])
                if one.complaint is None:
                    self.assertEqual(said, [])
                    continue
                self.assertEqual(len(said), 1, f"one complaint: {said}")
                column, complaint = said[0]
                self.assertIn(one.complaint, complaint)
                at = lines[number - 1][column - 1 :]
                self.assertTrue(at.startswith((one.text, first)), f"it points to {at[:60]}: {complaint}")
        self.assertEqual(found, {})
