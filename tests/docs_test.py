#!/usr/bin/python3
"""What the documents say is so: the tour is run, options, reasons and paths are looked up.

docs_blocks_test.py tries every single block. In README.md a block of "console" behind <!-- run --> is
run line by line and its output compared (ids, times and ports aside), a block behind <!-- file: NAME -->
is written to that file. Runs in the build directory; the standard library only.
"""

import difflib
import os
import re
import socket
import subprocess
import tempfile
import time
import unittest

BUILD = os.path.abspath(os.environ.get("BUILD", "."))
SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MANUALS = ("wsgate.8", "wsgatectl.1", "wsgate.yaml.5")


def read(*path):
    with open(os.path.join(SOURCE, *path), encoding="utf-8") as file:
        return file.read()


def readme_blocks():
    """(mark, language, text) of every fenced block; the mark is the comment in front of it, or ""."""
    pattern = r"(?:^<!-- ([^\n]*) -->\n)?^```(\w*)\n(.*?)^```$"
    return re.findall(pattern, read("README.md"), re.M | re.S)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def run(*arguments, **more):
    return subprocess.run(arguments, capture_output=True, text=True, timeout=60, **more)


def wsgate(*arguments, **more):
    return run(os.path.join(BUILD, "wsgate"), *arguments, **more)


def wsgatectl(*arguments):
    return run(os.path.join(BUILD, "wsgatectl"), *arguments)


class Tour:
    """A shell session of the README: one directory, commands one after the other."""

    def __init__(self, directory):
        self.directory = directory
        self.ports = {f"127.0.0.1:{port}": f"127.0.0.1:{free_port()}" for port in (8080, 9001)}
        self.environment = dict(os.environ, PWD=directory)
        self.background = []
        self.umask = ""
        os.symlink(BUILD, os.path.join(directory, "build"))

    def translate(self, text):
        for written, real in self.ports.items():
            text = text.replace(written, real)
        return text

    def write(self, name, text):
        with open(os.path.join(self.directory, name), "w", encoding="utf-8") as file:
            file.write(self.translate(text))

    def start(self, command):
        """A command that ends in "&": it is up when the port that it will listen on answers."""
        script = self.umask + "exec " + command.removesuffix("&")
        process = subprocess.Popen(
            ["bash", "-c", script],
            cwd=self.directory,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.background.append(process)
        waiting = list(self.ports.values())[1 if "echo" in command else 0]
        port = int(waiting.rsplit(":", 1)[1])
        for _ in range(400):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return ""
            except ConnectionRefusedError:
                time.sleep(0.05)
        raise AssertionError(f"{command}: did not start")

    def command(self, command):
        command = self.translate(command)
        if command.startswith("umask "):
            self.umask = command + "; "
            return ""
        if command.startswith("export PATH="):
            path = f"{self.directory}/build:{self.environment['PATH']}"
            self.environment["PATH"] = path
            return ""
        if command.endswith("&"):
            return self.start(command)
        done = subprocess.run(
            ["bash", "-c", self.umask + command],
            cwd=self.directory,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=60,
        )
        output = done.stdout
        for written, real in self.ports.items():
            output = output.replace(real, written)
        return output

    def end(self):
        for process in reversed(self.background):
            process.terminate()
        return [process.wait(60) for process in reversed(self.background)]


def comparable(text):
    text = re.sub(r"\b[0-9a-f]{16}\b", "ID", text)
    text = re.sub(r"after \d+\.\d s", "after T s", text)
    text = re.sub(r"\b\d{4}-\d\d-\d\dT[\d:]+Z", "TIME", text)
    return re.sub(r"^#\d+ ", "#N ", text, flags=re.M)


# Options of a chapter of limits that are none themselves, or whose end another one tells.
NO_END = {"frames", "messages_per_second", "messages_burst", "bytes_per_second", "bytes_burst", "limit_from",
          "ping_interval"}


class DocsTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.directory = temporary.name

    def test_the_tour_of_the_readme(self):
        tour = Tour(self.directory)
        said, seen = [], []
        try:
            for mark, _, text in readme_blocks():
                if mark.startswith("file: "):
                    tour.write(mark.removeprefix("file: "), text)
                elif mark == "run":
                    for line in text.splitlines():
                        said.append(line)
                        if line.startswith("$ "):
                            seen.append(line)
                            seen += tour.command(line[2:]).splitlines()
        finally:
            statuses = tour.end()
        said, seen = (comparable("\n".join(lines)).splitlines() for lines in (said, seen))
        self.assertEqual(said, seen, "\n" + "\n".join(difflib.unified_diff(said, seen)))
        self.assertEqual(statuses, [0, 0])
        for name in ("ann.token", "short.token", "private.pem"):
            self.assertEqual(os.stat(os.path.join(self.directory, name)).st_mode & 0o777, 0o600, name)
        remove = re.search(r"^rm .*", read("README.md"), re.M)[0]
        self.assertEqual(tour.command(remove), "")
        self.assertEqual(os.listdir(self.directory), ["build"], "the tour leaves something behind")
        self.assertGreater(len(said), 20)

    def test_every_reason_is_explained(self):
        """Words of the core, of tokens and of modules that refuse; the manual has all, and no others."""
        words = set(re.findall(r'[RE]\(\w+,\s+"([a-z0-9-]+)"', read("src", "gateway", "reasons.h")))
        words |= set(re.findall(r'X\(\w+, "((?:token|claims)-[a-z-]+)"', read("src", "protocol", "jose.h")))
        faults = re.findall(r'X\(\w+, "([a-z-]+)"', read("middleware", "service_fault.h"))
        words |= {f"{module}-{fault}" for module in ("introspection", "forward-auth") for fault in faults}
        for module in ("api_key.c", "client_certificate.c", "connection_limit.c", "forward_verdict.c",
                       "headers.c", "ip_allowlist.c", "origin.c", "rate_limit.c", "subprotocol.c"):
            source = read("middleware", module)
            words |= set(re.findall(r'(?:\d{3}, |request, \w+, |\(int\)status, |limit_reached\[\] = )'
                                    r'"([a-z-]+)"', source))
        words -= {"none", "refused", "linger-timeout",  # never in a line
                  "token-ok", "introspection-ok", "introspection-nameless", "forward-auth-ok"}
        page = read("man", "wsgate.8").split(".Sh LOG LINES")[1].split(".Sh WHAT A BACKEND GETS")[0]
        told = set(re.findall(r"^\.It Li ([a-z0-9-]+)$", page, flags=re.M))
        self.assertEqual(words, told - {"handshake", "dry-run", "tunnel", "upgraded"})

    def test_every_field_of_the_log_is_explained(self):
        """Of the access log's two lines, and the sums of modules in the last line of the error log."""
        source = read("src", "gateway", "access_log.c")
        words = set(re.findall(r'log_\w+\(&?line, "(\w+)"', source)) | {"id", "claim", "rule"}
        self.assertGreater(len(words), 12)
        for name in os.listdir(os.path.join(SOURCE, "middleware")):
            words |= set(re.findall(r'(?:->|\b)count(?:_on)?\(.*"([\w-]+)", \d', read("middleware", name)))
        page = read("man", "wsgate.8").split(".Sh LOG LINES")[1].split(".Sh WHAT A BACKEND GETS")[0]
        told = set(re.findall(r"^\.(?:It )?Li ([\w-]+)", page, flags=re.M))
        self.assertEqual(words - told, set())

    def test_every_limit_and_time_says_what_a_client_gets(self):
        """The status of the reason in the table, or, where that is 0, that it is the end."""
        rows = {
            "LIMITS": {
                "head": "HEAD_TOO_LARGE",
                "uri": "URI_TOO_LONG",
                "headers": "HEAD_TOO_LARGE",
                "connections": "OVERLOAD",
                "handshakes": "HANDSHAKES",
                "handshakes_per_address": "ADDRESS_HANDSHAKES",
            },
            "TIMEOUTS": {
                "head": "HEAD_TIMEOUT",
                "auth": "AUTH_TIMEOUT",
                "close": "LINGER_TIMEOUT",
                "fin": "FIN_TIMEOUT",
                "drain": "STOPPING",
            },
            "routes: tunnel": {
                "max_message": "CLIENT_MESSAGE",
                "max_frame": "CLIENT_FRAME",
                "allow": "CLIENT_TYPE",
                "validate_utf8": "CLIENT_UTF8",
                "over_limit": "CLIENT_BYTE_RATE",
                "pong_timeout": "CLIENT_SILENT",
                "idle_timeout": "IDLE",
                "max_lifetime": "LIFETIME",
                "write_timeout": "WRITE_TIMEOUT",
            },
            "BACKENDS": {
                "connect_timeout": "BACKEND_CONNECT_TIMEOUT",
                "handshake_timeout": "BACKEND_TIMEOUT",
            },
            "backends: servers": {"max_connections": "BACKEND_BUSY"},
        }
        statuses = dict(
            re.findall(r'[RE]\((\w+),\s+"[a-z0-9-]+",\s+(\d+),', read("src", "gateway", "reasons.h"))
        )
        parts = re.split(r"^\.S[hs] (.*)$", read("man", "wsgate.yaml.5"), flags=re.M)
        sections = dict(zip(parts[1::2], parts[2::2]))
        for section, reasons in rows.items():
            items = dict(re.findall(r"^\.It Ic (\w+) :.*\n((?:(?!\.It|\.El).*\n)*)", sections[section], re.M))
            # What is added to a chapter that bounds clients alone must be added here.
            if section != "BACKENDS" and section != "backends: servers":
                self.assertLessEqual(set(items) - NO_END, set(reasons), section)
            for word, reason in reasons.items():
                with self.subTest(f"{section}: {word}"):
                    status = statuses[reason]
                    pattern = r"\b(ended|closed)\b" if status == "0" else rf"with {status}\b|is {status}\b"
                    self.assertRegex(items[word], pattern)

    def words(self):
        """Every command line of the documents, as a list of words, joined where a line goes on."""
        texts = [text for _, language, text in readme_blocks() if language in ("sh", "console")]
        texts += [read("man", name).replace(r"\e", "\\") for name in MANUALS]
        texts += [read("scripts", "demo"), read("etc", "wsgate.service.in")]
        for text in texts:
            for line in text.replace("\\\n", " ").splitlines():
                if not line.startswith("."):
                    for command in re.split(r"\||&&|;", line):
                        yield re.findall(r"[^\s'\"]+", command)

    def test_options_of_wsgatectl_exist(self):
        helps, seen = {}, 0
        for words in self.words():
            if "wsgatectl" not in words:
                continue
            at = words.index("wsgatectl") + 1
            command = [word for word in words[at : at + 2] if re.fullmatch("[a-z]+", word)]
            if command[:1] not in (["explain"], ["probe"], ["token"]):
                continue
            command = tuple(command[: 2 if command[0] == "token" else 1])
            if command not in helps:
                helps[command] = wsgatectl(*command, "--help").stdout
            for word in words[at:]:
                option = re.match(r"--[a-z][a-z-]*", word)
                if option:
                    seen += 1
                    pattern = re.escape(option[0]) + r"(?![a-z-])"
                    self.assertRegex(helps[command], pattern, " ".join(words))
        self.assertGreater(seen, 20)

    def test_manual_of_wsgatectl_is_complete(self):
        parts = re.split(r"^\.S[sh] (.*)$", read("man", "wsgatectl.1"), flags=re.M)
        sections = dict(zip(parts[1::2], parts[2::2]))
        for command in ("explain", "key new", "probe", "token mint", "token inspect", "token keygen", "token jwks"):
            said = set(re.findall(r"--([a-z-]+)", wsgatectl(*command.split(), "--help").stdout))
            written = re.findall(r"^\.It Fl -([a-z-]+)", sections["wsgatectl " + command], re.M)
            self.assertEqual(said - {"help"}, set(written))

    def test_manual_of_wsgate_is_complete(self):
        said = set(re.findall(r"^  -(\w)", wsgate("-h").stdout, re.M))
        written = set(re.findall(r"^\.It Fl (\w)\b", read("man", "wsgate.8"), re.M))
        self.assertEqual(said, written)
        for words in self.words():
            command = [word for word in words if word not in "$#"]
            if command[:1] == ["wsgate"]:
                used = {word[1] for word in command if re.fullmatch("-[a-zA-Z]", word)}
                self.assertLessEqual(used, said, " ".join(words))

    def test_manual_names_the_path_that_was_built(self):
        """The pages in the source are written for /etc, those that are installed for what `-h` says."""
        default = re.search(r"default: (.*)/wsgate\.yaml$", wsgate("-h").stdout, re.M)[1]
        for name in MANUALS:
            with self.subTest(name), open(os.path.join(BUILD, "man", "here", name)) as file:
                page = file.read()
                self.assertEqual(page, read("man", name).replace("/etc/wsgate", default))
                self.assertIn(default + "/wsgate.yaml", page)

    def test_paths_of_the_documents_exist(self):
        for name in ("README.md", "ARCHITECTURE.md"):
            text = re.sub(r"^```.*?^```", "", read(name), flags=re.M | re.S)
            paths = set(re.findall(r"\]\(([^):#]+)\)", text))
            roots = r"(?:src|middleware|include|tests|bench|scripts|etc|man|examples)"
            paths |= set(re.findall(rf"`({roots}/[\w./-]*)`", text))
            for path in sorted(paths):
                with self.subTest(f"{name}: {path}"):
                    self.assertTrue(os.path.exists(os.path.join(SOURCE, path)), path)

    def test_no_line_of_the_changelog_is_out_of_form(self):
        text = read("CHANGELOG.md")
        self.assertRegex(text, r"(?m)^## \[Unreleased\]$")
        kinds = set(re.findall(r"(?m)^### (.*)$", text))
        self.assertLessEqual(
            kinds, {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
        )


if __name__ == "__main__":
    unittest.main()
