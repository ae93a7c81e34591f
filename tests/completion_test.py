#!/usr/bin/python3
"""Completion for bash and zsh offers what --help says, and nothing else.

bash is always asked; zsh where it is installed, and its file is read in any case. Runs in the
build directory; the standard library only.
"""

import os
import re
import shlex
import shutil
import subprocess
import tempfile
import unittest

BUILD = os.path.abspath(os.environ.get("BUILD", "."))
SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WSGATECTL = os.path.join(BUILD, "wsgatectl")
BASH = os.path.join(SOURCE, "completions", "wsgatectl.bash")
ZSH = os.path.join(SOURCE, "completions", "_wsgatectl")
COMMANDS = ["explain", "key new", "probe", "token mint", "token inspect", "token keygen", "token jwks"]
ALGORITHMS = {a + b for a in ("HS", "RS", "PS", "ES") for b in ("256", "384", "512")} | {"EdDSA"}


def help_of(command):
    return subprocess.run(
        [WSGATECTL, *command.split(), "--help"], capture_output=True, text=True, timeout=60
    ).stdout


def rows(command):
    """(letter or "", word, what it takes or "") of each option in --help."""
    pattern = r"^  (?:-(\w), |    |(?=--))--([a-z-]+)(?:(?: |\[=)([A-Z']\S*))?"
    return re.findall(pattern, help_of(command), re.M)


def options(command):
    return {"--" + word for _, word, _ in rows(command)}


def subcommands(command):
    return set(re.findall(r"^  ([a-z]+) ", help_of(command), re.M))


def takes_file(value):
    return value.startswith(("FILE", "PATH"))


# One zsh for all questions: a line comes in, what is offered for its end goes out, then "done". zpty
# gives it the terminal that its line editor wants; the answers take the way through a file.
ZSH_SCRIPT = r"""
emulate zsh
zmodload zsh/zpty || exit 3
await() { repeat 1000; do [[ "$(tail -n 1 $offered)" == $1 ]] && return; sleep 0.02; done; exit 4 }
zpty probe zsh -f -i
zpty -w probe "offered=${(q)offered}; fpath=(${(q)completions} \$fpath); cd ${(q)place}"
zpty -w probe 'autoload -Uz compinit; compinit -u -D'
zpty -w probe 'compadd() {
    local -a found
    [[ " $* " == *" -"[AOD]" "* ]] || { builtin compadd -O found "$@"; print -rl -- $found >>$offered }
    builtin compadd "$@"
}'
zpty -w probe 'finish() { BUFFER=; print -r -- done >>$offered }; zle -N finish; bindkey "^X" finish'
zpty -w probe 'bindkey "^I" list-choices; print -r -- done >>$offered'
await done
while IFS= read -r line; do
    : >$offered
    zpty -n -w probe "$line"$'\t\x18'
    await done
    cat $offered
done
zpty -d probe
"""


class Zsh:
    def __init__(self, place):
        offered = os.path.join(place, ".offered")
        open(offered, "w", encoding="ascii").close()
        self.process = subprocess.Popen(
            ["zsh", "-f", "-c", ZSH_SCRIPT],
            env=dict(os.environ, offered=offered, place=place, completions=os.path.dirname(ZSH),
                     TERM="dumb"),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )

    def ask(self, *words):
        line = " ".join(shlex.quote(word) if word else "" for word in ("wsgatectl", *words))
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        found = []
        while (word := self.process.stdout.readline()) not in ("done\n", ""):
            found.append(word.rstrip("\n").rstrip("="))
        if not word:
            raise AssertionError("zsh has ended")
        return set(found) - {""}

    def end(self):
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()


class CompletionTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.place = temporary.name
        for name in ("key.pem", "other.yaml"):
            open(os.path.join(self.place, name), "w", encoding="ascii").close()

    def by_bash(self, *words):
        """What is offered for the last of the words."""
        line = " ".join(shlex.quote(word) for word in ("wsgatectl", *words))
        script = (
            f"source {shlex.quote(BASH)}; COMP_WORDS=({line}); COMP_CWORD={len(words)}; "
            '_wsgatectl; printf "%s\\n" "${COMPREPLY[@]}"'
        )
        done = subprocess.run(
            ["bash", "--norc", "-c", script],
            capture_output=True, text=True, timeout=60, cwd=self.place,
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return set(done.stdout.split("\n")) - {""}

    def check_shell(self, ask):
        self.assertLessEqual(subcommands(""), ask(""))
        self.assertLessEqual(subcommands("token"), ask("token", ""))
        self.assertEqual(ask("pro") & {"probe", "explain"}, {"probe"})
        self.assertLessEqual(ask("-"), {"--help", "--version", "-h", "-V"})
        self.assertLessEqual({"--help", "--version"}, ask("-"))
        for command in COMMANDS:
            with self.subTest(command):
                letters = {f"-{letter}" for letter, _, _ in rows(command) if letter}
                offered = ask(*command.split(), "--")
                self.assertEqual(offered - letters, options(command))
        self.assertEqual(ask("explain", "--method", "GE"), {"GET"})
        self.assertEqual(ask("token", "mint", "--algorithm", "") & ALGORITHMS, ALGORITHMS)
        self.assertEqual(ask("token", "keygen", "-a", "E"), {a for a in ALGORITHMS if a[0] == "E"})
        self.assertEqual(ask("token", "jwks", "k"), {"key.pem"})
        self.assertEqual(ask("probe", "--token", "k"), set())
        self.assertEqual(ask("explain", "--origin", "k"), set())

    def check_files(self, ask):
        for command in COMMANDS:
            for letter, word, value in rows(command):
                if not value or word == "wait-close":
                    continue
                for option in ["--" + word] + ([f"-{letter}"] if letter else []):
                    with self.subTest(f"{command} {option}"):
                        offered = ask(*command.split(), option, "k")
                        self.assertEqual("key.pem" in offered, takes_file(value))

    def test_bash(self):
        self.check_shell(self.by_bash)
        self.check_files(self.by_bash)
        self.assertEqual(self.by_bash("explain", "--config", "=", "o"), {"other.yaml"})
        self.assertEqual(self.by_bash("explain", "--config", "="), {"key.pem", "other.yaml"})
        self.assertEqual(self.by_bash("probe", "--wait-close", "=", "k"), set())
        self.assertEqual(self.by_bash("probe", "ws"), set())

    @unittest.skipUnless(shutil.which("zsh"), "zsh is not installed")
    def test_zsh(self):
        zsh = Zsh(self.place)
        try:
            self.check_shell(zsh.ask)
        finally:
            zsh.end()

    def test_file_of_zsh(self):
        with open(ZSH, encoding="utf-8") as file:
            text = file.read()
        bodies = dict(re.findall(r"^(\w+)\(\) \{\n(.*?)^\}", text, re.M | re.S))
        for command in COMMANDS:
            body = bodies["_wsgatectl_" + command.replace(" ", "_")]
            specs = re.findall(r"'[^'\n]*'(?:\{[^}\n]*\}'[^'\n]*')?", body)
            found = {}
            for spec in specs:
                spec = re.sub(r"^'\*?\([^)]*\)", "'", spec)
                words = re.findall(r"(?<![\w-])(--[a-z][a-z-]*[a-z]|-[a-zA-Z])(?![a-z])", spec.partition("[")[0])
                for word in words:
                    found[word] = spec
            with self.subTest(command):
                expected = options(command) | {f"-{letter}" for letter, _, _ in rows(command) if letter}
                self.assertEqual(set(found), expected)
                for _, word, value in rows(command):
                    spec = found["--" + word]
                    self.assertEqual("_files" in spec, takes_file(value), spec)


if __name__ == "__main__":
    unittest.main()
