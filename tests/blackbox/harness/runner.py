"""
Runs the tests: a few processes, one test each at a time, a watchdog over every one.

The parent hands out names and prints; a child runs one test and answers with one line of JSON. A
test that does not end in its time is interrupted by a signal in its process; if even that does not
help, the parent ends the process and everything that it started.
"""

import collections
import json
import os
import selectors
import signal
import subprocess
import sys
import time
import traceback
import unittest

from .secure import make_certificates

# text: tracebacks, or why it was skipped; logs: what the gateways said.
Outcome = collections.namedtuple("Outcome", "word text logs", defaults=("", ""))
SHOWN = 12  # failed rows of one table that are printed
WIDTH = 600  # characters of a line in the excerpts at the end
LEAST = 300  # seconds that every test has at least; a busy machine takes its time
GRACE = 45  # seconds after the watchdog until the parent ends a whole process


class TimeLimit(KeyboardInterrupt):
    """Of that kind, because unittest catches everything else and would go on with the next row."""


def find(directory, patterns):
    """All tests below `directory` whose name contains one of the patterns, the heavy ones first."""
    sys.path.insert(0, directory)
    names = sorted(name[:-3] for name in os.listdir(directory) if name.startswith("test_"))
    found = []
    for suite in unittest.TestLoader().loadTestsFromNames(names):
        found += flatten(suite)
    chosen = [t for t in found if not patterns or any(p in t.id() for p in patterns)]
    if os.environ.get("WSGATE_FEW") and not patterns:
        chosen = list({type(test): test for test in reversed(chosen)}.values())
    return sorted(chosen, key=lambda test: -getattr(test, "weight", 0))


def flatten(suite):
    if isinstance(suite, unittest.TestCase):
        return [suite]
    return [test for part in suite for test in flatten(part)]


# ---- The child -------------------------------------------------------------------


class Result(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.texts = []
        self.reason = None

    def _add(self, test, error):
        lines = traceback.format_exception(*error)
        part = f"[{test._subDescription()}]\n" if hasattr(test, "_subDescription") else ""
        self.texts.append(part + "".join(lines))

    def addError(self, test, err):
        self._add(test, err)

    addFailure = addError

    def addSubTest(self, test, subtest, err):
        if err:
            self._add(subtest, err)

    def addSkip(self, test, reason):
        self.reason = reason


def time_limit(test):
    return max(LEAST, getattr(test, "time_limit", 0))


def run_one(test):
    def expired(_signal, _frame):
        raise TimeLimit(f"the test did not end in {limit} s")

    result = Result()
    limit = time_limit(test)
    signal.signal(signal.SIGALRM, expired)
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        test.run(result)
    except TimeLimit:
        result._add(test, sys.exc_info())
        test.doCleanups()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    if result.texts:
        logs = test.logs() if hasattr(test, "logs") else ""
        more = len(result.texts) - SHOWN
        shown = result.texts[:SHOWN] + ([f"... and {more} more like these\n"] if more > 0 else [])
        return Outcome("failed", "\n".join(shown), logs)
    return Outcome("skipped", result.reason) if result.reason else Outcome("passed")


def child(directory):
    """Reads names, writes outcomes, to its end of file."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    tests = {test.id(): test for test in find(directory, [""])}
    for line in sys.stdin:
        outcome = run_one(tests[line.strip()])
        answers.write(json.dumps(outcome) + "\n")
        answers.flush()


# ---- The parent -------------------------------------------------------------------


class Worker:
    def __init__(self, script):
        self.process = subprocess.Popen(
            [sys.executable, script, "--child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )
        self.test = None

    def give(self, test):
        self.test = test
        self.started = time.monotonic()
        self.process.stdin.write(test.id() + "\n")
        self.process.stdin.flush()

    def take(self):
        line = self.process.stdout.readline()
        return Outcome(*json.loads(line)) if line else Outcome("failed", "the test process died")

    def overdue(self):
        return self.test is not None and time.monotonic() - self.started > time_limit(self.test) + GRACE

    def end(self):
        """The process, and by its session whatever it has started."""
        self.process.stdin.close()
        try:
            self.process.wait(1)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.process.stdout.close()


def indented(lines):
    return "    " + "\n    ".join(lines)


def report(test, outcome, seconds):
    word = {"passed": "ok    ", "failed": "FAILED", "skipped": "skip  "}[outcome.word]
    note = f": {outcome.text}" if outcome.word == "skipped" else ""
    print(f"{word} {test.id()} ({seconds:.1f} s){note}", flush=True)
    if outcome.word == "failed":
        print(indented((outcome.text + outcome.logs).rstrip().splitlines()), flush=True)


def excerpt(outcome):
    """Why it failed, in at most 60 lines: the beginning and the end of the tracebacks and the end of the logs."""
    lines = outcome.text.rstrip().splitlines()
    if len(lines) > 40:
        lines[25:-14] = [f"... {len(lines) - 39} lines ..."]
    lines += outcome.logs.rstrip().splitlines()[-20:]
    return [line if len(line) <= WIDTH else line[:WIDTH] + " ..." for line in lines]


def summarize(counts, failed):
    """The names, the count, and why each failed once more: who sees the end of a log only sees that."""
    for name in failed:
        print("failed:", name)
    skipped = f", {counts['skipped']} skipped" if counts["skipped"] else ""
    print(f"{counts['passed']} passed, {counts['failed']} failed{skipped}")
    for name, outcome in failed.items():
        print(f"\n{name}:\n" + indented(excerpt(outcome)))


def run(script, directory, patterns, jobs):
    """Exit status: 0 when nothing failed."""
    waiting = collections.deque(find(directory, patterns))
    undo = make_certificates()
    counts = collections.Counter()
    failed = {}
    selector = selectors.DefaultSelector()

    def start():
        worker = Worker(script)
        selector.register(worker.process.stdout, selectors.EVENT_READ, worker)
        feed(worker)

    def feed(worker):
        if waiting:
            worker.give(waiting.popleft())
        else:
            drop(worker)

    def drop(worker):
        selector.unregister(worker.process.stdout)
        worker.end()

    def finish(worker, outcome):
        counts[outcome.word] += 1
        if outcome.word == "failed":
            failed[worker.test.id()] = outcome
        report(worker.test, outcome, time.monotonic() - worker.started)
        worker.test = None

    for _ in range(min(jobs, len(waiting))):
        start()
    try:
        while selector.get_map():
            for key, _ in selector.select(1):
                worker = key.data
                outcome = worker.take()
                finish(worker, outcome)
                if worker.process.poll() is None and outcome.text != "the test process died":
                    feed(worker)
                else:
                    drop(worker)
                    if waiting:
                        start()
            for key in list(selector.get_map().values()):
                if key.data.overdue():
                    finish(key.data, Outcome("failed", "the test process hung and was ended"))
                    drop(key.data)
                    if waiting:
                        start()
    finally:
        for key in list(selector.get_map().values()):
            drop(key.data)
        undo()
    summarize(counts, failed)
    return 1 if failed or not counts else 0
