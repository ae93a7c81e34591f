"""The command line and the file: every fault is named by its place, all of them at once."""

import json
import os
import re
import socket
import subprocess

from harness.case import Case
from harness.gateway import SANITIZER, program
from harness.wire import handshake

GOOD = """\
threads: 1
listeners:
  - name: main
    address: 127.0.0.1:1
middleware:
  office: { ip_allowlist: { allow: [127.0.0.0/8] } }
  web: { origin: { allow: ["https://app.test"], missing: deny } }
routes:
  - path: /ws
    require: [office, web]
    backend: service
    tunnel: { frames: opaque }
backends:
  service:
    servers: [127.0.0.1:2]
"""


class Command(Case):
    def run_it(self, *arguments, **env):
        done = subprocess.run(
            [program(), *arguments],
            capture_output=True,
            timeout=30,
            check=False,
            cwd=self.directory,
            env=os.environ | env,
        )
        for text in (done.stdout, done.stderr):
            self.assertIsNone(SANITIZER.search(text), text)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def check_file(self, text, name="test.yaml", **env):
        return self.run_it("-t", "-c", self.file(name, text), **env)


class Options(Command):
    def test_version(self):
        status, out, _ = self.run_it("-V")
        self.assertEqual(status, 0)
        self.assertRegex(out, r"^wsgate[ /]?v?\d+\.\d+")
        for library in ("libevent", "OpenSSL", "jansson", "libyaml", "libcurl"):
            self.assertRegex(out, rf"\b{library} \d+\.\d+")

    def test_help(self):
        status, out, _ = self.run_it("-h")
        self.assertEqual(status, 0)
        for option in ("-c", "-t", "-V", "-h"):
            self.assertIn(option, out)

    def test_unknown(self):
        for arguments in (["-x"], ["--nonsense"], ["-c"], ["extra"], ["-t", "extra"]):
            with self.subTest(arguments):
                status, out, err = self.run_it(*arguments)
                self.assertEqual(status, 2)
                self.assertEqual(out, "")
                self.assertTrue(err)

    def test_no_file(self):
        for arguments in (["-t"], []):
            status, _, err = self.run_it(*arguments, "-c", "/nonexistent/wsgate.yaml")
            self.assertEqual(status, 1)
            self.assertIn("/nonexistent/wsgate.yaml", err)


class Check(Command):
    def test_good(self):
        self.assertEqual(self.check_file(GOOD)[0], 0)

    def test_good_json(self):
        config = self.config(self.backend())
        config["listeners"][0]["address"] = "127.0.0.1:1"
        self.assertEqual(self.check_file(json.dumps(config))[0], 0)

    def test_an_instance_that_no_route_requires(self):
        """A warning, with its place: by the check, and in the log of one that runs."""
        config = self.config(self.backend())
        config["middleware"] = {"idle": {"ip_allowlist": {"allow": ["10.0.0.0/8"]}}}
        gate = self.start(config)
        line = gate.await_line("configuration", name="stderr", level="warning")
        said = r"wsgate\.json:\d+:\d+: `idle`: no route requires it"
        self.assertRegex(line["message"], said)
        config["listeners"][0]["address"] = "127.0.0.1:1"
        status, _, err = self.check_file(json.dumps(config, indent=1))
        self.assertEqual(status, 0, err)
        self.assertRegex(err, r"\.yaml:\d+:\d+: `idle`: no route requires it \(a warning\)\n")
        self.assertNotIn("warning", self.check_file(GOOD)[2])

    def test_environment(self):
        text = GOOD.replace("127.0.0.1:2", '"127.0.0.1:${PORT}"')
        self.assertEqual(self.check_file(text, PORT="5")[0], 0)
        self.check_faults(self.check_file(text, PORT="5]"), [15])
        environment = {name: value for name, value in os.environ.items() if name != "PORT_NOT_SET"}
        self.assertNotIn("PORT_NOT_SET", environment)
        self.check_faults(self.check_file(text.replace("PORT", "PORT_NOT_SET")), [15])

    def test_logs_that_cannot_be_opened(self):
        """Said with their place, at the start too; and a check makes no file."""
        log = os.path.join(self.directory, "log")
        os.mkdir(log)
        fine = os.path.join(log, "fine")
        text = GOOD.replace("threads: 1", "log: { access: A, error: B }\nthreads: 1")
        self.assertEqual(self.check_file(text.replace("A", fine).replace("B", fine))[0], 0)
        self.assertEqual(os.listdir(log), [])
        rows = ("/nonexistent/x.log", log, f"{log}/", f"{self.file('file', '')}/x")
        for path in rows:
            for bad, good in (("A", "B"), ("B", "A")):
                wrong = text.replace(good, fine).replace(bad, path)
                for arguments in (["-t"], []):
                    result = self.run_it(*arguments, "-c", self.file("test.yaml", wrong))
                    err = self.check_faults(result, [1])
                    self.assertIn(f"`{path}` cannot be opened for appending", err)

    def test_what_the_environment_holds_is_not_shown(self):
        """By any fault, wherever it stands, alone or behind something, however long it is."""
        key = self.file("key", "k" * 64)
        instance = "  office: { ip_allowlist: { allow: [127.0.0.0/8] } }\n"
        jwt = f"  office: {{ jwt: {{ keys: [{{ secret_file: {key}, kid: V }}] }} }}\n"
        address, route, pool = "address: 127.0.0.1:1", "  - path: /ws\n", "    servers: [127.0.0.1:2]\n"
        rows = [
            ("threads: 1", "threads: V"),
            ("threads: 1", "user: V"),
            ("threads: 1", "log: { access: V }"),
            ("threads: 1", "log: { level: V }"),
            ("threads: 1", "identity_headers: [V]"),
            ("threads: 1", "limits: { head: V }"),
            ("threads: 1", "timeouts: { head: V }"),
            ("threads: 1", "V"),
            ("name: main", "name: V"),
            (address, "address: V"),
            (address, f"address: 127.0.0.1:1\n  - address: V"),
            ("path: /ws", "path: V"),
            ("path: /ws", "path: /V\n    strip_prefix: V"),
            ("path: /ws", "path: /ws\n    host: V"),
            ("path: /ws", "path: /ws\n    encoded_slashes: V"),
            ("path: /ws", "path: /ws\n    listeners: [V]"),
            ("[office, web]", "[office, V]"),
            ("backend: service", "backend: V"),
            ("frames: opaque", "frames: V"),
            ("frames: opaque", "idle_timeout: V"),
            ("threads: 1", "threads: [V]"),
            (pool, "    servers: [V]\n"),
            (pool, "    servers: [{ address: 127.0.0.1:2, weight: V }]\n"),
            (pool, pool + "    host: 'V V'\n"),
            (pool, pool + "    balance: V\n"),
            ("127.0.0.0/8", "V"),
            ("allow: [127.0.0.0/8]", "allow: [], files: [V]"),
            ('"https://app.test"', "V"),
            ("missing: deny", "missing: V"),
            (instance, jwt.replace(key, "V")),
            (instance, jwt.replace("kid: V", "algorithm: V")),
            (instance, jwt.replace("secret_file", "file").replace(key, "V")),
            (instance, jwt.replace("] }", "], jwks_file: V }", 1)),
            (instance, jwt.replace("] }", "], algorithms: [V] }", 1)),
            (instance, jwt.replace("] }", "], token_from: [V] }", 1)),
            (instance, jwt.replace("] }", "], token_from: ['query:V'] }", 1)),
            (instance, jwt.replace("] }", "], forward_claims: { sub: V } }", 1)),
            (instance, jwt.replace("] }", "], leeway: V }", 1)),
            (route, route + "  - path: /ws\n".replace("/ws", "V") + "    require: V\n    backend: V\n"),
        ]
        faults = 0
        for secret in ("S3CR3T!", "S3CR3T " * 200, "/S3CR3T/" * 100, "S3CR3T\n" * 3):
            for old, new in rows:
                self.assertIn(old, GOOD)
                for value in ("${SECRET}", "x${SECRET}y", "/${SECRET}?"):
                    text = GOOD.replace(old, new.replace("'V V'", "V").replace("V", f'"{value}"'))
                    text = text.replace("'query:\"" + value + "\"'", f'"query:{value}"')
                    text = text.replace(f'/"{value}"', f'"/{value}"')
                    status, _, err = self.check_file(text, SECRET=secret)
                    self.assertNotIn("S3C", err, text)
                    faults += status
        self.assertGreater(faults, 6 * len(rows))

    def check_faults(self, result, lines):
        """Status 1, and every line of stderr is FILE:LINE:COLUMN: words, on just these lines."""
        status, _, err = result
        self.assertEqual(status, 1, err)
        found = []
        for line in err.splitlines():
            place = re.match(r"(\S*/test\.yaml):(\d+):(\d+): \S.*", line)
            self.assertTrue(place, line)
            self.assertGreaterEqual(int(place[3]), 1)
            found.append(int(place[2]))
        self.assertEqual(sorted(set(found)), lines, err)
        return err

    def test_one_fault(self):
        rows = {
            "unknown key": (GOOD.replace("threads: 1", "thread: 1"), [1]),
            "wrong type": (GOOD.replace("threads: 1", "threads: [1]"), [1]),
            "not a number": (GOOD.replace("threads: 1", "threads: many"), [1]),
            "a negative number": (GOOD.replace("threads: 1", "threads: -1"), [1]),
            "a key twice": (GOOD.replace("threads: 1", "threads: 1\nthreads: 2"), [2]),
            "a bad address": (GOOD.replace("127.0.0.1:1", "localhost:1"), [4]),
            "a bad port": (GOOD.replace("127.0.0.1:1\n", "127.0.0.1:70000\n"), [4]),
            "an address without a port": (GOOD.replace("127.0.0.1:1\n", "127.0.0.1\n"), [4]),
            "unknown module": (GOOD.replace("ip_allowlist", "ip_allow_list"), [6]),
            "two modules in one": (GOOD.replace("127.0.0.0/8] }", "127.0.0.0/8] }, jwt: {}"), [6]),
            "a bad prefix": (GOOD.replace("127.0.0.0/8", "127.0.0.0/33"), [6]),
            "host bits": (GOOD.replace("127.0.0.0/8", "127.0.0.1/8"), [6]),
            "a bad word": (GOOD.replace("missing: deny", "missing: perhaps"), [7]),
            "a bad origin": (GOOD.replace("https://app.test", "https://app.test/path"), [7]),
            "a path without a slash": (GOOD.replace("/ws", "ws"), [9]),
            "a dangling middleware": (GOOD.replace("[office, web]", "[office, wep]"), [10]),
            "a dangling backend": (GOOD.replace("backend: service", "backend: services"), [11]),
            "a dangling listener": (
                GOOD.replace("    backend:", "    listeners: [x]\n    backend:"),
                [11],
            ),
            "an unknown tunnel key": (
                GOOD.replace("frames: opaque", "frames: opaque, idle: 5s"),
                [12],
            ),
            "a route that is never reached": (
                GOOD.replace(
                    "backends:", "  - { path: /ws, require: [], backend: service }\nbackends:"
                ),
                [13],
            ),
            "a duration without a unit": (
                GOOD.replace("frames: opaque", "frames: opaque, idle_timeout: 5"),
                [12],
            ),
            "a bad unit": (
                GOOD.replace("frames: opaque", "frames: opaque, idle_timeout: 5min"),
                [12],
            ),
            "a size with a decimal unit": (GOOD + "limits: { head: 16KB }\n", [16]),
            "an alias": (GOOD.replace("[office, web]", "&x [office, web]") + "limits: *x\n", None),
            "a second document": (GOOD + "---\nthreads: 1\n", None),
            "a merge key": (GOOD + "limits:\n  <<: { head: 1KiB }\n", None),
            "no listeners": (
                re.sub(r"listeners:.*?middleware", "middleware", GOOD, flags=re.S),
                None,
            ),
            "no require": (GOOD.replace("    require: [office, web]\n", ""), None),
            "no server": (GOOD.replace("[127.0.0.1:2]", "[]"), [15]),
            "empty": ("", None),
            "a list": ("- 1\n", [1]),
            "not UTF-8": (GOOD.encode() + b"# \xff\xfe\nuser: \xff\n", None),
        }
        for name, (text, lines) in rows.items():
            with self.subTest(name):
                result = self.check_file(text)
                if lines:
                    self.check_faults(result, lines)
                else:
                    self.assertEqual(result[0], 1, result)
                    self.assertRegex(result[2], r"test\.yaml:\d+:\d+: ")

    def test_all_at_once(self):
        text = GOOD.replace("threads: 1", "thread: 1").replace("127.0.0.0/8", "127.0.0.0/99")
        text = text.replace("[office, web]", "[office, wep]").replace(
            "backend: service", "backend: x"
        )
        text += "limits: { head: lots }\n"
        err = self.check_faults(self.check_file(text), [1, 6, 10, 11, 16])
        self.assertIn("threads", err)  # did you mean

    def test_a_wrong_type_hides_no_fault_of_a_module(self):
        """Neither of its own instance, nor of another; and what follows from it is not told."""
        rows = (
            # the chapter `middleware`, a fault each line; the faulty lines
            ("""\
  one:
    jwt:
      leeway: 5
      algorithms: [HS265]
      token_from: [hedder]
      keys:
        - { secret_file: /nonexistent/key, algorithm: HS256 }
        - { secret: "short", algorithm: HS256, kid: [] }
        - { kid: "1" }
      forward_claims: { sub: X-User, aud: [X-Audience], email: Host }
  two: { origin: { allow: ["https://app.test/path", {}], missing: never } }
  three:
    ip_allowlist:
      allow: [10.0.0.1/8, []]
      denny: [1.2.3.4]
""", [8, 9, 10, 12, 13, 14, 15, 16, 19, 20]),
            ("  one: { jwt: { jwks_file: /nonexistent/set } }\n", [6]),
            ("  one: { jwt: { keys: 5 } }\n", [6]),
            ("  one: { ip_allowlist: { alow: [10.0.0.0/8] } }\n", [6]),
            ("  one: { ip_allowlist: { deny: { a: b } } }\n", [6]),
            ("  one: { origin: { allow: { a: b }, missing: 1 } }\n", [6]),
            ("  one: { origin: { missing: 1 } }\n", [6]),
            ("  one: { jwt: 5 }\n", [6]),
            ("  one: { jwt: }\n", [6]),
        )
        for text, lines in rows:
            with self.subTest(text):
                text = re.sub(r"(?<=middleware:\n).*?(?=routes:)", lambda _: text, GOOD, flags=re.S)
                text = text.replace("[office, web]", "[one]").replace("backend: service", "backend: x")
                backend = text[: text.index("backend: x")].count("\n") + 1
                err = self.check_faults(self.check_file(text), lines + [backend])
                if len(lines) == 1:
                    self.assertNotIn("expected keys or jwks_file", err)
                    self.assertNotIn("nothing would be checked", err)
                    self.assertNotIn("could not be set up", err)

    def test_a_syntax_error_stands_alone(self):
        text = GOOD.replace("threads: 1", "thread: 1").replace("[127.0.0.1:2]", "[127.0.0.1:2")
        status, _, err = self.check_file(text)
        self.assertEqual(status, 1)
        self.assertEqual(len(err.splitlines()), 1, err)
        self.assertRegex(err, r"test\.yaml:\d+:\d+: ")

    def test_unreadable_files(self):
        key = "{ secret_file: /nonexistent/key, algorithm: HS256 }"
        jwt = f"  users: {{ jwt: {{ keys: [{key}], algorithms: [HS256] }} }}\n"
        text = GOOD.replace("routes:\n", jwt + "routes:\n", 1)
        self.check_faults(self.check_file(text), [8])
        text = GOOD.replace("allow: [127.0.0.0/8]", "files: [/nonexistent/allow.txt]")
        self.check_faults(self.check_file(text), [6])

    def test_bad_keys(self):
        key = self.file(
            "key.pem", "-----BEGIN PUBLIC KEY-----\nnonsense\n-----END PUBLIC KEY-----\n"
        )
        short = self.file("short", "abc")
        for entry in (
            f"{{ file: {key}, algorithm: RS256 }}",
            f"{{ secret_file: {short}, algorithm: RS256 }}",
            f"{{ file: {key}, algorithm: none }}",
        ):
            with self.subTest(entry):
                jwt = f"  users: {{ jwt: {{ keys: [{entry}] }} }}\n"
                text = GOOD.replace("routes:\n", jwt + "routes:\n", 1)
                self.check_faults(self.check_file(text), [8])

    def test_an_empty_list_is_no_list(self):
        secret = self.file("long-enough", "s" * 64)
        for word in ("audience", "algorithms", "token_from"):
            with self.subTest(word):
                jwt = (
                    f"  users: {{ jwt: {{ keys: [{{ secret_file: {secret}, algorithm: HS256 }}], "
                    f"{word}: [] }} }}\n"
                )
                text = GOOD.replace("routes:\n", jwt + "routes:\n", 1)
                self.check_faults(self.check_file(text), [8])

    def test_what_is_not_built_yet_is_not_taken_silently(self):
        rows = {
            "admin": GOOD + "admin: { address: 127.0.0.1:9180 }\n",
            "health": GOOD + "    health: { path: /x }\n",
        }
        for name, text in rows.items():
            with self.subTest(name):
                status, _, err = self.check_file(text)
                self.assertEqual(status, 1)
                self.assertRegex(err, r"test\.yaml:\d+:\d+: ")

    def test_a_run_with_faults_says_the_same(self):
        text = GOOD.replace("threads: 1", "thread: 1")
        path = self.file("test.yaml", text)
        self.check_faults(self.run_it("-c", path), [1])


class Start(Command):
    def test_port_in_use(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = "127.0.0.1:%d" % taken.getsockname()[1]
            status, _, err = self.run_it(
                "-c", self.file("test.yaml", GOOD.replace("127.0.0.1:1", address))
            )
            self.assertEqual(status, 1)
            self.assertIn(address, err)
            self.assertIn("in use", err)

    def test_port_of_another_gateway(self):
        gate = self.gateway()
        address = "%s:%d" % gate.address
        status, _, err = self.run_it(
            "-c", self.file("test.yaml", GOOD.replace("127.0.0.1:1", address))
        )
        self.assertEqual(status, 1)
        self.assertIn(address, err)
        self.assertEqual(gate.ask(handshake("/ws")).status, 101)

    def test_a_start_fault_is_said_once_in_each_place(self):
        """On stderr as words, in the error log as a line; where both are one, as that line."""
        error = os.path.join(self.directory, "error.log")
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = "127.0.0.1:%d" % taken.getsockname()[1]
            none = os.path.join(self.directory, "none", "socket")
            for place, why in ((address, "Address already in use"),
                               (f"unix:{none}", "No such file or directory")):
                message = f"{place}: {why}"
                text = GOOD.replace("127.0.0.1:1", place)
                with self.subTest(place, log="a file"):
                    status, out, err = self.run_it(
                        "-c", self.file("test.yaml", text + f"log: {{ error: {error} }}\n")
                    )
                    self.assertEqual((status, out), (1, ""))
                    self.assertEqual(err, f"wsgate: listen: {message}\n")
                    self.assertEqual(self.faults_of(error), [("listen", message)])
                    os.unlink(error)
                with self.subTest(place, log="stderr"):
                    status, out, err = self.run_it("-c", self.file("test.yaml", text))
                    self.assertEqual((status, out), (1, ""))
                    self.assertEqual(
                        self.faults_of(self.file("stderr", err)), [("listen", message)]
                    )

    @staticmethod
    def faults_of(path):
        with open(path, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        return [(line["event"], line["message"]) for line in lines if line["level"] == "error"]

    def test_a_socket_in_no_directory(self):
        path = os.path.join(self.directory, "none", "socket")
        status, _, err = self.run_it(
            "-c", self.file("test.yaml", GOOD.replace("127.0.0.1:1", f"unix:{path}"))
        )
        self.assertEqual(status, 1)
        self.assertIn(path, err)

    def test_no_place_for_the_log(self):
        text = GOOD + "log: { access: /nonexistent/access.log }\n"
        status, _, err = self.run_it("-c", self.file("test.yaml", text))
        self.assertEqual(status, 1)
        self.assertIn("/nonexistent/access.log", err)
