#!/usr/bin/python3
"""The modules of wsgate-middleware(7): taken out of the page, compiled as it says, built into a gateway.

`make check` says in MODULE_LINK and MODULE_LIBRARIES how to link; without them the usual names are
taken. Runs in the build directory with the standard library and the parts of the black-box tests.
"""

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True
SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(SOURCE, "tests", "blackbox"))

from harness.case import Case  # noqa: E402
from harness.wire import handshake  # noqa: E402

BUILD = os.path.abspath(os.environ.get("BUILD", "."))
HEADER = os.path.join(SOURCE, "include", "wsgate", "middleware.h")
LINK = os.environ.get("MODULE_LINK", "cc")
LIBRARIES = os.environ.get(
    "MODULE_LIBRARIES", "-levent_core -levent_extra -lcrypto -ljansson -lyaml")
# As somebody would who has nothing but the header.
COMPILE = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O1", "-g"]
MAIN = """\
#include "program.h"

#include "registry.h"

%s

int
main(int argc, char **argv)
{
    const struct mw_module *modules[32] = {%s};

    for (int i = 0; middleware_registry[i] && i < 20; i++)
        modules[%d + i] = middleware_registry[i];
    return program_run(argc, argv, modules);
}
"""


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def blocks(kind):
    """(name, text) of each block of the page behind a comment of that kind, in their order."""
    page = read(os.path.join(SOURCE, "man", "wsgate-middleware.7"))
    for name, text in re.findall(rf'^\.\\" {kind}: (\S+)\n\.Bd[^\n]*\n(.*?)^\.Ed$', page, re.M | re.S):
        yield name, text.replace(r"\(aq", "'").replace(r"\e", "\\")


def files():
    made = {}
    for name, text in blocks("file"):
        made[name] = made.get(name, "") + ("\n" if name in made else "") + text
    return made


def compiler():
    """CC alone: without our flags, for a module is built by anybody."""
    return shlex.split(os.environ.get("CC", "cc"))


class ManualTest(Case):
    @classmethod
    def setUpClass(cls):
        cls.made = tempfile.TemporaryDirectory(prefix="wsgate-test-")
        cls.addClassCleanup(cls.made.cleanup)
        cls.names = []
        for name, text in files().items():
            with open(os.path.join(cls.made.name, name), "w", encoding="utf-8") as file:
                file.write(text)
            cls.names.append(name.removesuffix(".c"))
        cls.program = cls.link()

    @classmethod
    def run_in_place(cls, command):
        done = subprocess.run(
            command, cwd=cls.made.name, capture_output=True, text=True, timeout=300)
        if done.returncode != 0 or done.stderr:
            raise AssertionError(f"{shlex.join(command)}:\n{done.stderr}")

    @classmethod
    def link(cls):
        table = ", ".join(f"&{name}_module" for name in cls.names)
        declared = "\n".join(f"extern const struct mw_module {name}_module;" for name in cls.names)
        with open(os.path.join(cls.made.name, "main.c"), "w", encoding="utf-8") as file:
            file.write(MAIN % (declared, table, len(cls.names)))
        include = ["-I", os.path.join(SOURCE, "include")]
        ours = [f"-I{os.path.join(SOURCE, folder)}" for folder in ("src", "middleware")]
        for name in cls.names:
            cls.run_in_place([*compiler(), *COMPILE, *include, "-c", name + ".c"])
        cls.run_in_place([*compiler(), *include, *ours, "-c", "main.c"])
        cls.run_in_place([
            *shlex.split(LINK), "-o", "gateway", "main.o", *[name + ".o" for name in cls.names],
            os.path.join(BUILD, "libwsgate.a"), *shlex.split(LIBRARIES)])
        return os.path.join(cls.made.name, "gateway")

    def with_module(self, **options):
        """A gateway whose one route requires one module of the manual."""
        (name, given), = options.items()
        self.service = self.echo_backend()
        config = self.config(self.service, require=["it"], middleware={"it": {name: given}})
        return self.start(config, binary=self.program)

    def refused_as(self, gate, status, word):
        self.check_refused(gate.ask(handshake("/ws")), status)
        gate.await_lines(1, "handshake", status=status, reason=word, module="it")

    # ---- The page

    def test_the_modules_are_there(self):
        self.assertEqual(self.names, ["opening_hours", "seats", "patience"])

    def test_configurations(self):
        found = dict(blocks("configuration"))
        self.assertEqual(list(found), self.names)
        for name, text in found.items():
            instance = re.search(r"^  (\w+):", text, re.M)[1]
            file = self.file(name + ".yaml", f"{text}\n"
                             "listeners: [{address: 127.0.0.1:1}]\n"
                             f"routes: [{{path: /x, require: [{instance}], backend: b}}]\n"
                             "backends: {b: {servers: [127.0.0.1:2]}}\n")
            done = subprocess.run([self.program, "-t", "-c", file], capture_output=True, text=True,
                                  timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_page_names_every_function(self):
        page = read(os.path.join(SOURCE, "man", "wsgate-middleware.7"))
        header = read(HEADER)
        named = set(re.findall(r"\(\*(\w+)\)\(", header)) - {"fn"}
        self.assertGreater(len(named), 30)
        written = set(re.findall(r"^\.(?:It )?(?:Fn|.*\bFn) .*$", page, re.M))
        words = set(re.findall(r"\w+", " ".join(written)))
        self.assertEqual(named - words, set())
        constants = set(re.findall(r"\bMW_[A-Z]+\b", re.sub(r"/\*.*?\*/", "", header, flags=re.S)))
        missing = {name for name in constants if name not in page}
        # Flags that a first module does not need; the log's levels speak for themselves.
        self.assertEqual(
            {name for name in missing if not name.startswith("MW_LOG")},
            {"MW_LATER", "MW_SHORT"})

    # ---- The modules

    def test_opening_hours(self):
        gate = self.with_module(opening_hours={"to": "24:00"})
        client = self.client(gate, handshake("/ws"))
        self.check_switched(client.read_response())
        self.check_echo(client)
        now = time.gmtime()
        minute = now.tm_hour * 60 + now.tm_min
        # Never now: behind us, or ahead.
        hours = ("00:00", "00:01") if minute > 5 else ("23:00", "24:00")
        gate = self.with_module(opening_hours={"from": hours[0], "to": hours[1]})
        self.refused_as(gate, 403, "outside-hours")
        self.assertEqual(self.service.connects, 0)

    def test_faults_of_opening_hours(self):
        for options, faults in [
            ({}, [r"to"]),
            ({"from": "8", "to": "24:01"}, [r"from.*a time like 08:30, found \"8\"", r"to.*24:01"]),
            ({"from": "10:00", "to": "09:59"}, [r"it must close after it opens"]),
            ({"from": "-1:00", "to": "12:60"}, [r"from", r"to"]),
            ({"to": "12:00x"}, [r"a time like"]),
            ({"to": "12:00", "until": "1"}, [r"until"]),
        ]:
            with self.subTest(options):
                config = self.config(self.backend(), require=["it"],
                                     middleware={"it": {"opening_hours": options}})
                config["listeners"][0]["address"] = "127.0.0.1:1"
                file = self.file("faulty.json", json.dumps(config))
                done = subprocess.run([self.program, "-t", "-c", file], capture_output=True,
                                      text=True, timeout=60)
                self.assertEqual(done.returncode, 1)
                lines = done.stderr.splitlines()
                self.assertEqual(len(lines), len(faults), done.stderr)
                for line, fault in zip(lines, faults):
                    self.assertRegex(line, r"^\S+faulty\.json:\d+:\d+: ")
                    self.assertRegex(line, fault)

    def test_seats(self):
        gate = self.with_module(seats={"count": 2})
        tunnels = []
        for _ in range(2):
            tunnels.append(self.client(gate, handshake("/ws")))
            self.check_switched(tunnels[-1].read_response())
        self.refused_as(gate, 429, "seats-taken")
        tunnels[0].close()
        gate.await_lines(1, "tunnel")
        again = self.client(gate, handshake("/ws"))
        self.check_switched(again.read_response())
        self.refused_as(gate, 429, "seats-taken")

    def test_patience(self):
        gate = self.with_module(patience={"wait": "1500ms"})
        start = time.monotonic()
        clients = [self.client(gate, handshake("/ws")) for _ in range(5)]
        clients[1].close()  # cancelled
        clients[3].reset()
        for i in (0, 2, 4):
            self.check_switched(clients[i].read_response())
            self.check_echo(clients[i])
        self.assertGreater(time.monotonic() - start, 1.49)
        gate.await_lines(2, "handshake", reason="client-gone")

    def test_patience_that_is_too_long(self):
        self.service = self.echo_backend()
        config = self.config(self.service, require=["it"],
                             middleware={"it": {"patience": {"wait": "1h"}}},
                             timeouts={"auth": "300ms"})
        gate = self.start(config, binary=self.program)
        answer = gate.ask(handshake("/ws"))
        self.check_refused(answer, 504)


if __name__ == "__main__":
    unittest.main()
