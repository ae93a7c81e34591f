#!/usr/bin/python3
"""Every block of the documents is tried: a configuration is checked, a command line is run.

A block of a manual is one literal display. Blocks of YAML are fragments, which are put into the smallest
configuration around them. What is not run stands in NOT_RUN with the reason. The tour of the README has
a test of its own in docs_test.py, the modules of wsgate-middleware(7) in middleware_manual_test.py.
Runs in the build directory; the standard library only.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import docs_test as docs  # noqa: E402

PAGES = ("wsgate.8", "wsgate.yaml.5", "wsgatectl.1", "wsgate-middleware.7")
SECRET = "0123456789abcdef" * 4
TEXTS = {".txt": "192.0.2.0/24\n", "revoked": "jti 1\n", ".keys": "9f86" * 16 + " ann\n"}  # by ending or name

# Lines of commands that nothing here runs, and why.
NOT_RUN = {
    "scripts/demo": "it installs packages and stays",
    "scripts/check": "it installs packages and runs this test",
    "bash -c '. scripts/packages && packages_install $packages_build'": "it installs packages",
    "./autogen.sh && mkdir -p build && cd build && ../configure && make && cd ..": "this build was made so",
    "kill %1 %2": "the jobs are ended by their ids",
    "./autogen.sh && mkdir -p build-release && cd build-release": "this build was made so",
    "useradd --system --home-dir /nonexistent --shell /usr/sbin/nologin wsgate": "it changes the machine",
    "editor /etc/wsgate/wsgate.yaml": "it waits for a person",
    "systemctl daemon-reload": "it changes the machine",
    "systemctl enable --now wsgate": "it changes the machine",
    "journalctl -u wsgate": "no service runs",
    "rm private.pem public.pem ann.token short.token wsgate.yaml typo.yaml access.log error.log echo.log":
        "the tour in docs_test.py ends with it",
    "make check": "it runs this test",
    "make check TESTS=tests/unit/unit": "it runs while this test does",
    "../tests/blackbox/run test_origin": "it runs while this test does",
}

# Blocks of the manuals that are neither: (page, how it begins).
OTHER = {
    ("wsgate.yaml.5", "wsgate.yaml:4:3: unknown key"): "test_the_fault_that_the_manual_shows",
    ("wsgate-middleware.7", "return host->deny("): "a line of C",
    ("wsgate-middleware.7", "const char *name;"): "lines of C",
}


def displays(page):
    """(section, mark, text) of every literal display; the mark is a comment in front of it, or ""."""
    section, mark, of_block, lines = "", "", "", None
    for line in docs.read("man", page).splitlines():
        if line.startswith((".Sh ", ".Ss ")):
            section = line[4:].replace('"', "")
        elif line.startswith(".Bd -literal"):
            lines, of_block = [], mark
        elif line == ".Ed":
            if lines is not None:
                text = "".join(one + "\n" for one in lines)
                yield section, of_block, text.replace(r"\e", "\\").replace(r"\(dq", '"').replace(r"\(aq", "'")
            lines = None
        elif lines is not None:
            lines.append(line)
        mark = line[4:] if line.startswith('.\\" ') else ""


def is_module(mark):
    return mark.startswith(("file: ", "configuration: "))


def kind(page, mark, text):
    if any(page == at and text.startswith(start) for at, start in OTHER):
        return "other"
    if is_module(mark):
        return "module"
    if re.match(r"[$#] \S", text):
        return "commands"
    return "yaml" if re.match(r"[a-z_]+:", text) else "unknown"


def command_lines(text):
    """Joined where they go on, without comments and prompts; "# " is one where the first line has it."""
    if text.startswith("# "):
        text = re.sub(r"^# ", "$ ", text, flags=re.M)
    text = re.sub(r"\\\n\s*|(?<=\|)\n\s*", " ", text)
    lines = [re.sub(r"\s+# .*", "", line) for line in text.splitlines() if not line.startswith("#")]
    return [line.removeprefix("$ ").strip() for line in lines if line.strip()]


def indented(text):
    return re.sub(r"^(?=.)", "  ", text, flags=re.M)


def names(text, word):
    """What stands behind that word, in a list or alone."""
    found = re.findall(rf"\b{word}: +(?:\[([^\]]*)\]|([\w-]+))", text)
    words = (name.strip() for several, one in found for name in (several or one).split(","))
    return sorted({name for name in words if name})


def entries(text, chapter):
    """The names in a chapter that is a map."""
    chapters = re.findall(rf"^{chapter}:\n((?: .*\n)*)", text, re.M)
    return re.findall(r"^  (\w+):", "".join(chapters), re.M)


def framed(section, text):
    """A whole configuration around a fragment of the manual, by the chapter that it stands in."""
    if section == "Variables":
        text = "backends:\n  chat:\n  " + indented(text)
    elif section.split(":")[0] in ("ip_allowlist", "client_certificate", "origin", "rate_limit",
                                   "connection_limit", "forward_auth",
                                   "headers", "subprotocol", "api_key", "jwt", "introspection"):
        text = "middleware:\n" + indented(text)
        if "claim:" in text:  # of a token, which somebody must have accepted
            text += "  bearer: { jwt: { keys: [{ file: /etc/wsgate/keys/public.pem }] } }\n"
    there = set(re.findall(r"^([a-z_]+):", text, re.M))
    if "listeners" not in there:
        text += "listeners: [{ address: 127.0.0.1:18080, name: public }]\n"
    if "routes" not in there:
        instances = entries(text, "middleware")
        backends = entries(text, "backends") or ["chat"]
        text += "routes:\n"
        for number, backend in enumerate(backends):
            text += f'  - {{ path: "/{number}/{{room}}", require: [], backend: {backend} }}\n'
        for name in instances:
            chain = f"bearer, {name}" if "bearer" in instances and name != "bearer" else name
            text += f'  - {{ path: "/{name}/{{room}}", require: [{chain}], backend: {backends[0]} }}\n'
    if "middleware" not in there:
        instances = names(text, "require")
        text += "middleware:\n" if instances else ""
        text += "".join(f'  {name}: {{ ip_allowlist: {{ allow: ["::1"] }} }}\n' for name in instances)
    if "backends" not in there:
        text += "backends:\n"
        text += "".join(f"  {name}: {{ servers: [127.0.0.1:19001] }}\n" for name in names(text, "backend"))
    return text


class Files:
    """A directory that stands for those that the documents name; what they name in it is made."""

    ROOTS = ("/etc/wsgate", "/var/log/wsgate", "/var/lib/wsgate", "/run/wsgate")

    def __init__(self, directory):
        self.directory = directory
        self.private = os.path.join(directory, "private.pem")
        self.public = os.path.join(directory, "made.pem")
        self.jwks = os.path.join(directory, "made.json")
        done = docs.wsgatectl(
            "token", "keygen", "--algorithm", "ES256", "--out-private", self.private,
            "--out-public", self.public, "--out-jwks", self.jwks)
        if done.returncode != 0:
            raise AssertionError(done.stderr)

    def translate(self, text):
        for root in self.ROOTS:
            text = text.replace(root, self.directory + root)
        for root in self.ROOTS:
            os.makedirs(self.directory + root, exist_ok=True)
        return re.sub(r"^user: wsgate$", "user: nobody", text, flags=re.M)

    def make(self, text):
        """Those files of /etc/wsgate that a configuration names."""
        for path in re.findall(re.escape(self.directory) + r"/etc/wsgate/[\w./-]+", text):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if os.path.exists(path):
                continue
            if "/tls/" in path:
                self.make_tls(path)
            elif path.endswith(".json"):
                shutil.copyfile(self.jwks, path)
            elif path.endswith("-ca.pem") or path.endswith("/ca.pem"):
                subprocess.run(
                    ["openssl", "req", "-x509", "-new", "-nodes", "-newkey", "ec", "-pkeyopt",
                     "ec_paramgen_curve:P-256", "-keyout", os.devnull, "-subj", "/CN=test",
                     "-out", path], check=True, capture_output=True, timeout=60)
            elif path.endswith(".pem"):
                shutil.copyfile(self.public, path)
            else:
                with open(path, "w", encoding="ascii") as file:
                    file.write(TEXTS.get(os.path.splitext(path)[1] or os.path.basename(path), SECRET))

    def make_tls(self, path):
        """One certificate is everybody's; a list of what it has revoked; keys of tickets."""
        key, certificate = (os.path.join(self.directory, name) for name in ("tls.key", "tls.pem"))
        revoked = os.path.join(self.directory, "revoked.pem")
        if not os.path.exists(key):
            def openssl(*words):
                subprocess.run(["openssl", *words], check=True, capture_output=True, timeout=60)

            conf = os.path.join(self.directory, "ca.conf")
            with open(conf, "w", encoding="ascii") as file:
                file.write(f"[ca]\ndefault_ca=a\n[a]\ndatabase={os.devnull}\ndefault_md=sha256\n")
            openssl("req", "-x509", "-new", "-nodes", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-keyout", key, "-subj", "/CN=test", "-out", certificate)
            openssl("ca", "-config", conf, "-gencrl", "-crldays", "1", "-cert", certificate,
                    "-keyfile", key, "-out", revoked)
        if "ticket" in path:
            with open(path, "wb") as file:
                file.write(os.urandom(80))
        else:
            shutil.copyfile(key if path.endswith(".key") else revoked if "revoked" in path
                            else certificate, path)

    def configuration(self, text, name="wsgate.yaml"):
        text = self.translate(text)
        self.make(text)
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path


class Session(docs.Tour):
    """A shell whose files of the system are those of a directory, with a backend that sends back."""

    # What stands in the documents for something that is not there.
    INSTEAD = (
        (r"\b0\.0\.0\.0:(443|8080)\b", "127.0.0.1:8080"),
        (r"wss://chat\.example\.com/chat",
         "wss://127.0.0.1:8080/chat --insecure --header 'Host: chat.example.com'"),
        (r"\b10\.0\.0\.11:9001, 10\.0\.0\.12:9001", "127.0.0.1:9001"),
        (r"^runuser -u wsgate -- ", ""),
        (r"^wsgate (?=-t$|&$)", "wsgate -c /etc/wsgate/wsgate.yaml "),
        (r"^install (?:(-d|-D) )?-o root -g wsgate ", r"install \1 "),
        (r"^\.\./configure .* && make && make install$", "make -C build install DESTDIR=$PWD/installed"),
    )

    def __init__(self, files):
        super().__init__(files.directory)
        self.files = files
        tools = os.path.join(self.directory, "tools")
        os.mkdir(tools)
        if shutil.which("jq") is None:
            with open(os.path.join(tools, "jq"), "w", encoding="ascii") as file:
                file.write("#!/bin/sh\nexec python3 -c 'import json, sys; print(json.load(sys.stdin)[\""
                           "refused_by\"])'\n")
            os.chmod(file.name, 0o755)
        for word in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "DESTDIR"):
            self.environment.pop(word, None)
        self.environment["PATH"] = f"{self.directory}/build:{self.environment['PATH']}:{tools}"
        self.command("build/examples/echo/echo -l 127.0.0.1:9001 > echo.log &")

    def translate(self, text):
        for pattern, instead in self.INSTEAD:
            text = re.sub(pattern, instead, text, flags=re.M)
        return self.files.translate(super().translate(text))

    def run(self, line):
        """(status, output)."""
        if line.endswith("&"):
            return 0, self.command(line)
        done = subprocess.run(
            ["bash", "-c", "set -o pipefail; " + self.translate(line)], cwd=self.directory,
            env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, text=True, timeout=120)
        return done.returncode, done.stdout


class BlocksTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.directory = temporary.name
        os.chmod(self.directory, 0o755)  # for `user`
        self.files = Files(self.directory)

    # ---- No block is forgotten

    def test_every_block_is_of_a_kind_that_is_tried(self):
        seen = []
        for page in PAGES:
            for section, mark, text in displays(page):
                with self.subTest(f"{page}: {section}"):
                    seen.append(kind(page, mark, text))
                    self.assertNotEqual(seen[-1], "unknown", text)
                    self.assertEqual(seen[-1] == "module", page == "wsgate-middleware.7" and is_module(mark))
        for word, least in (("yaml", 20), ("commands", 7), ("module", 10)):
            self.assertGreaterEqual(seen.count(word), least, word)
        self.assertEqual(seen.count("other"), len(OTHER))
        for mark, language, text in docs.readme_blocks():
            tried = language in ("sh", "yaml") or mark == "run"
            self.assertTrue(tried, f"README.md: a block of {language!r} that nothing tries:\n{text}")

    # ---- Configurations

    def check(self, text):
        path = self.files.configuration(text)
        environment = dict(os.environ, WSGATE_SECRET=SECRET, PORT="19001")
        done = docs.wsgate("-t", "-c", path, cwd=self.directory, env=environment)
        self.assertEqual(done.returncode, 0, f"{done.stderr}{text}")

    def test_configurations_of_the_manuals(self):
        for page in PAGES:
            for section, mark, text in displays(page):
                if kind(page, mark, text) == "yaml":
                    with self.subTest(f"{page}: {section}"):
                        self.check(framed(section, text))

    def test_configurations_of_the_readme_and_the_sample(self):
        texts = [text for _, language, text in docs.readme_blocks() if language == "yaml"]
        self.assertGreater(len(texts), 1)
        shutil.copyfile(self.files.public, os.path.join(self.directory, "public.pem"))
        for text in [*texts, docs.read("etc", "wsgate.yaml")]:
            with self.subTest(text[:60]):
                self.check(text)

    def test_the_fault_that_the_manual_shows(self):
        shown = next(text for _, _, text in displays("wsgate.yaml.5") if text.startswith("wsgate.yaml:4"))
        path = self.files.configuration("\n\nlisteners:\n- adress: 127.0.0.1:18080\n")
        done = docs.wsgate("-t", "-c", os.path.basename(path), cwd=self.directory)
        self.assertEqual(done.returncode, 1)
        self.assertIn(shown, done.stderr)

    # ---- Commands

    def session(self):
        session = Session(self.files)
        self.addCleanup(session.end)
        return session

    def commands(self, page):
        return [command_lines(text) for _, mark, text in displays(page)
                if kind(page, mark, text) == "commands"]

    def try_line(self, session, line, expected=(0, "")):
        status, said = session.run(line)
        with self.subTest(line):
            self.assertEqual(status, expected[0], said)
            self.assertRegex(said, expected[1] or "^")

    def test_commands_of_wsgate(self):
        session = self.session()
        sample = next(text for _, _, text in displays("wsgate.8") if text.startswith("listeners:"))
        session.write("etc/wsgate/wsgate.yaml", sample)
        os.remove(self.files.private)  # they make one
        expected = {"wsgatectl probe": (0, "101 Switching.*\n(.*\n)*received: hello\n")}
        for line in sum(self.commands("wsgate.8"), []):
            self.try_line(session, line, expected.get(line[:15], (0, "")))

    def test_commands_of_wsgatectl_and_the_modules(self):
        expected = {  # how a line begins; the first that fits
            "wsgatectl explain -c /etc": (0, r"\nverdict +let in"),
            "wsgatectl explain -c wsgate.yaml --json": (1, r"^users\n$"),
            "wsgatectl explain -c wsgate.yaml /chat": (1, r"\nverdict +refused: 401 token-missing"),
            "wsgatectl probe --unix-socket": (1, "401 Unauthorized"),
            "wsgatectl probe": (0, "101 Switching"),
            "wsgatectl token inspect": (0, "ann"),
            "wsgatectl token mint --key private.pem --subject ann": (0, "closed with 4401"),
            "": (0, ""),
        }
        session = self.session()
        os.remove(self.files.private)  # they make one
        blocks = self.commands("wsgatectl.1") + self.commands("wsgate-middleware.7")
        blocks.sort(key=lambda lines: "keygen" not in lines[0])  # what it makes the others need
        for number, lines in enumerate(blocks):
            for line in lines:
                result = next(expected[start] for start in expected if line.startswith(start))
                self.try_line(session, line, result)
            if number == 0:
                for path in ("wsgate.yaml", "etc/wsgate/wsgate.yaml"):
                    session.write(path, self.gateway_of_wsgatectl())
                session.run("wsgate -c wsgate.yaml > access.log 2> error.log &")

    def gateway_of_wsgatectl(self):
        return ("listeners: [{ address: 127.0.0.1:8080 }, { address: unix:/run/wsgate/local.sock }]\n"
                f"middleware: {{ users: {{ jwt: {{ jwks_file: {self.directory}/keys.json }} }} }}\n"
                "routes: [{ path: /chat, require: [users], backend: chat }]\n"
                "backends: { chat: { servers: [127.0.0.1:9001] } }\n")

    def test_commands_of_the_readme(self):
        session = self.session()
        deployed = [text for _, language, text in docs.readme_blocks() if language == "yaml"][-1]
        os.mkdir(os.path.join(self.directory, "path"))
        shutil.copyfile(self.files.public, os.path.join(self.directory, "path", "public.pem"))
        for name in ("chat.pem", "chat.key"):
            self.files.make_tls(os.path.join(self.directory, "path", name))
        not_run = set()
        for _, language, text in docs.readme_blocks():
            for line in command_lines(text) if language == "sh" else ():
                if line in NOT_RUN:
                    not_run.add(line)
                    self.check_paths(line)
                    continue
                if "wsgate -t" in line:
                    session.write("etc/wsgate/wsgate.yaml", deployed)
                line = line.replace("/path/to/", "path/")
                if line.startswith("wsgatectl probe"):
                    self.try_line(session, "wsgate &")
                    self.try_line(session, "wsgatectl token mint --key private.pem --subject ann "
                                  "--issuer https://id.example.com --audience chat > FILE")
                    self.try_line(session, line, (0, "101 Switching"))
                else:
                    self.try_line(session, line)
        self.assertEqual(not_run, set(NOT_RUN), "NOT_RUN has what the README has not")
        walk = os.walk(os.path.join(self.directory, "installed"))
        installed = {name for _, _, files in walk for name in files}
        self.assertLessEqual({"wsgate", "wsgatectl", "wsgate.yaml", "wsgate.8", "wsgate.service"}, installed)
        self.check_installed_links()

    def check_installed_links(self):
        """What the installed documents link to is installed beside them."""
        walk = os.walk(os.path.join(self.directory, "installed"))
        (place,) = [path for path, _, files in walk if "README.md" in files]
        for name in os.listdir(place):
            with open(os.path.join(place, name), encoding="utf-8") as file:
                links = re.findall(r"\]\(([^)#]+)", file.read())
            for link in links:
                if "://" not in link:
                    self.assertTrue(os.path.exists(os.path.join(place, link)), f"{name}: {link}")

    def check_paths(self, line):
        """Of a line that is not run the scripts that it names are there."""
        for path in re.findall(r"(?:^|[ /'])((?:scripts|tests)/[\w/]+|autogen\.sh)", line):
            path = os.path.join(docs.SOURCE, path)
            self.assertTrue(os.path.exists(path), line)


if __name__ == "__main__":
    unittest.main()
