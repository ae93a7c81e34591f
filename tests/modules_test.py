#!/usr/bin/python3
"""Modules in files: those of examples/, built out of the tree against what `make install` puts in
its places; one built against a frozen header; and those that the gateway refuses.

Runs in the build directory. The Redis example needs hiredis and redis-server, and is skipped
without.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True
SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(SOURCE, "tests", "blackbox"))

from harness import tokens  # noqa: E402
from harness.case import Case  # noqa: E402
from harness.ports import Port  # noqa: E402
from harness.wire import handshake  # noqa: E402

BUILD = os.path.abspath(os.environ.get("BUILD", "."))
CC = os.environ.get("CC", "cc").split()
SANITIZED = any(word.startswith("-fsanitize") for word in os.environ.get("MODULE_LINK", "").split())


def call(*arguments, **more):
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=300, **more)
    if done.returncode != 0:
        raise AssertionError(f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


class Modules(Case):
    time_limit = 300

    def compiled(self, name, *flags, source="frozen.c"):
        path = os.path.join(self.directory, name)
        call(*CC, "-fPIC", "-shared", *flags, "-o", path, os.path.join(SOURCE, "tests", "modules", source))
        return path

    def start_with(self, path, instance, service=None, **more):
        service = service or self.echo_backend()
        return self.gateway(service, modules=[path], require=["it"], middleware={"it": instance}, **more)

    def test_a_module_of_an_older_header(self):
        gate = self.start_with(self.compiled("frozen.so"), {"frozen": {"word": "sesame"}})
        self.assertEqual(gate.ask(handshake("/ws", "X-Word: sesame")).status, 101)
        self.assertEqual(gate.ask(handshake("/ws", "X-Word: open")).status, 403)
        gate.await_line("handshake", status=101, frozen="sesame")
        gate.await_line("handshake", status=403, reason="frozen-word", module="it")
        gate.stop()
        self.assertEqual(gate.await_lines(1, "stopped", name="stderr")[0]["frozen-passed"], 1)

    def test_explain_knows_a_deadline_that_has_passed(self):
        gate = self.start_with(self.compiled("past.so", "-DPAST"), {"frozen": {"word": "sesame"}})
        self.assertEqual(gate.ask(handshake("/ws", "X-Word: sesame")).status, 401)
        reason = gate.await_line("handshake")["reason"]
        done = subprocess.run(
            [os.path.join(BUILD, "wsgatectl"), "explain", "-c", gate.path("wsgate.json"), "--json",
             "--header", "X-Word: sesame", "/ws"], capture_output=True, text=True, timeout=60)
        report = json.loads(done.stdout)
        self.assertEqual((done.returncode, report["status"], report["reason"]), (1, 401, reason))

    def test_controls(self):
        """No module can end a line of a head."""
        path = self.compiled("control.so", "-DCONTROL")
        for word, status, reason in (("header", 403, "denied"), ("challenge", 401, "frozen-control")):
            gate = self.start_with(path, {"frozen": {"word": word}})
            answer = gate.ask(handshake("/ws", f"X-Word: {word}"))
            self.assertEqual(answer.status, status)
            self.assertIsNone(answer.get("WWW-Authenticate"))
            self.assertEqual(gate.await_line("handshake")["reason"], reason)

    def test_a_reload_loads_nothing(self):
        """Neither another file, nor what else has come to stand in the same one."""
        path = self.compiled("first.so")
        gate = self.start_with(path, {"frozen": {"word": "sesame"}})

        def reload(status):
            gate.write("wsgate.json", json.dumps(gate.config))
            gate.send_signal(signal.SIGHUP)
            self.assertTrue(gate.await_reload().startswith(status))

        os.rename(self.compiled("second.so", "-DABI=2"), path)
        reload("reloaded")
        self.assertIn("`modules` changes by a restart only",
                      gate.await_lines(1, "reload", name="stderr", level="warning")[0]["message"])
        self.assertEqual(gate.ask(handshake("/ws", "X-Word: sesame")).status, 101)
        gate.config["modules"].append(self.compiled("third.so", '-DNAME="third"'))
        gate.config["middleware"]["more"] = {"third": {"word": "sesame"}}
        reload("not reloaded")
        self.assertIn("no module `third`",
                      gate.await_lines(1, "reload", name="stderr", level="error")[0]["message"])
        del gate.config["middleware"]["more"]
        gate.config["modules"] = []
        reload("reloaded")
        self.assertEqual(gate.ask(handshake("/ws", "X-Word: sesame")).status, 101)

    def test_claims_go_between_modules_of_anybody(self):
        path = self.compiled("claims.so", f"-I{os.path.join(SOURCE, 'include')}", source="claims.c")
        users = self.jwt()
        middleware = users["middleware"] | {
            "give": {"claims": {}},
            "read": {"claims": {"read": "org.id"}},
            "once": {"rate_limit": {"key": "claim:org.id", "rate": "1/1000s"}},
        }
        bearer = tokens.hs(tokens.claims(iss="id", org={"id": 7}))

        def gate_for(*require):
            return self.gateway(self.echo_backend(), modules=[path], require=require,
                                middleware=middleware)

        gate = gate_for("users", "read", "once")
        token = f"Authorization: Bearer {bearer}"
        self.assertEqual([gate.ask(handshake("/ws", token)).status for _ in range(2)], [101, 429])
        gate.await_line("handshake", status=101, value="7", by="id")
        gate = gate_for("give", "once", "read")
        for lines, status in ((["X-Give: a"], 101), (["X-Give: a"], 429), (["X-Give: b"], 101),
                              ([], 403)):
            self.assertEqual(gate.ask(handshake("/ws", *lines)).status, status)
        gate.await_line("handshake", status=101, value="a", by="plug-in")
        gate.await_line("handshake", status=403, reason="claim-missing")

    def test_an_older_module_that_judges_again(self):
        """It knows nothing of how a tunnel can be refused: for good."""
        gate = self.start_with(self.compiled("again.so", "-DAGAIN"), {"frozen": {"word": "sesame"}},
                               route={"revalidate": "100ms", "tunnel": {"frames": "checked"}})
        client = self.client(gate, handshake("/ws", "X-Word: sesame"))
        self.check_switched(client.read_response())
        self.assertEqual(client.read_frame(), (8, (4403).to_bytes(2, "big") + b"revalidation-refused"))
        line = gate.await_line("tunnel")
        self.assertEqual((line["reason"], line["close_code"], line["module"]),
                         ("revalidation-refused", 4403, "it"))

    def test_what_is_refused(self):
        """One line, at the place of the name, and exit status 1."""
        not_elf = os.path.join(self.directory, "text.so")
        with open(not_elf, "w", encoding="ascii") as file:
            file.write("no module\n")
        good = self.compiled("good.so")
        rows = {
            "ABI 2 of": [self.compiled("abi.so", "-DABI=2")],
            "its struct has": [self.compiled("short.so", "-DSHORT")],
            "has no function wsgate_module": [self.compiled("entry.so", "-DNO_ENTRY")],
            "gives no module": [self.compiled("none.so", "-DNO_MODULE")],
            "there is another one of that name": [self.compiled("jwt.so", '-DNAME="jwt"')],
            "`frozen`: there is another one": [good, self.compiled("again.so")],
            "its option `word` has a type": [self.compiled("type.so", "-DTYPE=99")],
            "cannot be loaded: ": [not_elf],
            "cannot be read: No such file": [os.path.join(self.directory, "nowhere.so")],
        }
        for said, paths in rows.items():
            with self.subTest(said):
                config = self.config(self.backend(), modules=paths, require=["it"],
                                     middleware={"it": {"frozen": {"word": "x"}}})
                config["listeners"][0]["address"] = "127.0.0.1:1"
                path = os.path.join(self.directory, "f.json")
                with open(path, "w", encoding="ascii") as file:
                    json.dump(config, file)
                done = subprocess.run([os.path.join(BUILD, "wsgate"), "-t", "-c", path],
                                      capture_output=True, text=True, timeout=60)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
                self.assertRegex(done.stderr, r"^\S+f\.json:1:\d+: `modules`: ")
                self.assertIn(said, done.stderr)


@unittest.skipIf(SANITIZED, "the modules of others have no sanitizer")
class Examples(Case):
    time_limit = 300

    @classmethod
    def setUpClass(cls):
        cls.root = tempfile.mkdtemp(prefix="wsgate-installed-")
        cls.addClassCleanup(shutil.rmtree, cls.root)
        environment = {key: value for key, value in os.environ.items()
                       if key not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
        call("make", "-s", "-C", BUILD, "install", f"DESTDIR={cls.root}", env=environment)
        found = call("find", cls.root, "-name", "wsgate.pc").split()
        default = call("pkg-config", "--variable", "pc_path", "pkg-config").strip()
        cls.environment = environment | {
            "PKG_CONFIG_PATH": f"{os.path.dirname(found[0])}:{default}", "CPPFLAGS": f"-I{cls.root}" +
            call("pkg-config", "--variable=includedir", found[0]).strip()}

    def built(self, name):
        """In a directory that has nothing of the source tree but that folder."""
        place = os.path.join(self.directory, name)
        shutil.copytree(os.path.join(SOURCE, "examples", name), place)
        call("make", "-s", f"CC={' '.join(CC)}", "install", f"DESTDIR={self.root}", cwd=place,
             env=self.environment)
        found = call("find", self.root, "-path", "*/wsgate/modules/*", "-name",
                     name.removeprefix("module-").replace("-", "_") + ".so").split()
        self.assertEqual(len(found), 1)
        return found[0]

    def gate_with(self, path, instance):
        return self.gateway(self.echo_backend(), modules=[path], require=["it"],
                            middleware={"it": instance})

    def test_time_of_day(self):
        path = self.built("module-time-of-day")
        hour = time.gmtime().tm_hour

        def clock(hours):
            return f"{(hour + hours) % 24:02}:00"

        for first, last, status in [(-2, 3, 101), (3, -2, 403), (-3, -2, 403)]:
            instance = {"time_of_day": {"from": clock(first), "until": clock(last), "close": True}}
            gate = self.gate_with(path, instance)
            self.assertEqual(gate.ask(handshake("/ws")).status, status)
            if status == 403:
                self.assertEqual(gate.await_line("handshake")["reason"], "outside-hours")
            gate.stop()

    @unittest.skipUnless(shutil.which("redis-server"), "redis-server is not installed")
    @unittest.skipUnless(os.path.exists("/usr/include/hiredis/hiredis.h"), "hiredis is not installed")
    def test_redis_lookup(self):
        path = self.built("module-redis-lookup")
        port = Port("127.0.0.1")
        self.addCleanup(port.close)
        number = port.address[1]
        instance = {"redis_lookup": {"server": f"127.0.0.1:{number}", "prefix": "s:"}}
        gate = self.gate_with(path, instance)
        self.assertEqual(gate.ask(handshake("/ws", "X-Session: a")).status, 503)  # nobody is there
        self.assertEqual(gate.ask(handshake("/ws")).status, 401)
        gate.stop()
        port.close()
        server = subprocess.Popen(
            ["redis-server", "--bind", "127.0.0.1", "--port", str(number), "--save", "",
             "--dir", self.directory], stdout=subprocess.DEVNULL)
        self.addCleanup(lambda: (server.kill(), server.wait()))

        def cli(*words):
            return call("redis-cli", "-p", str(number), *words)

        deadline = time.monotonic() + 30
        while subprocess.run(["redis-cli", "-p", str(number), "set", "s:a", "ann"],
                             capture_output=True, timeout=30).stdout != b"OK\n":
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        cli("lpush", "s:list", "x")
        gate = self.start(self.config(
            self.echo_backend(), modules=[path], require=["it"], middleware={"it": instance},
            timeouts={"auth": "2s"}))
        for header, status in [("a", 101), ("b", 403), ("list", 503), ("a", 101)]:
            self.assertEqual(gate.ask(handshake("/ws", f"X-Session: {header}")).status, status)
        self.assertEqual(gate.await_lines(2, "handshake", status=101)[0]["subject"], "ann")
        # A server that does not answer: time passes, clients leave; the rest is not disturbed.
        cli("client", "pause", "5000")
        left = [self.client(gate, handshake("/ws", "X-Session: a")) for _ in range(20)]
        self.assertEqual(gate.ask(handshake("/ws", "X-Session: a")).status, 504)
        for client in left:
            client.close()
        deadline = time.monotonic() + 30
        while gate.ask(handshake("/ws", "X-Session: a")).status != 101:
            self.assertLess(time.monotonic(), deadline)
        server.kill()
        server.wait()
        self.assertEqual(gate.ask(handshake("/ws", "X-Session: a")).status, 503)


if __name__ == "__main__":
    unittest.main()
