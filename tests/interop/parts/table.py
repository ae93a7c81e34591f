"""The results as a Markdown table: client by backend, what stood between, with versions."""

import collections
import json
import os
import re
import subprocess
import sys

from harness import gateway

from . import prepare
from .names import NAMES

LINE = re.compile(r"(ok|FAILED|skip) +(\S+) \([0-9.]+ s\)")
COUNT = re.compile(r"[0-9]+ passed, [0-9]+ failed")

# Where the version is written down: a Debian package, or one of npm's.
SOURCES = {
    "python": ("debian", "python3-websockets"),
    "ws": ("npm", "ws"),
    "chromium": ("debian", "chromium"),
    "gin": ("debian", "golang-github-gin-gonic-gin-dev"),
    "gorilla": ("debian", "golang-github-gorilla-websocket-dev"),
    "socketio": ("npm", "socket.io"),
    "graphql": ("npm", "graphql-ws"),
    "haproxy": ("debian", "haproxy"),
    "nginx": ("debian", "nginx"),
    "http.server": ("debian", "python3"),
    "slowhttptest": ("debian", "slowhttptest"),
}


def output(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip()


def version(name):
    where, package = SOURCES[name]
    if where == "npm":
        try:
            path = os.path.join(prepare.node_modules(), package, "package.json")
            with open(path, encoding="utf-8") as file:
                return json.load(file)["version"]
        except FileNotFoundError:
            return ""
    # Epoch and Debian's own revision say nothing about the program.
    return output("dpkg-query", "-W", "-f", "${Version}", package).split(":")[-1].partition("-")[0]


def named(name):
    text = NAMES[name].replace("gorilla/websocket", f"gorilla/websocket {version('gorilla')}")
    if name == "gin":
        return text.replace("Gin ", f"Gin {version(name)} ")
    return f"{text} {version(name)}".strip()


def between(test):
    return test.between.format(*(named(name) for name in test.others))


def results(script, arguments, tests):
    """{(client, between, backend): Counter of words}, the names of what failed, the line that counts."""
    known = {test.id(): test for test in tests}
    cells = collections.defaultdict(collections.Counter)
    failed, count = [], ""
    command = [script, *(word for word in arguments if word != "--table")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            print(line, end="", file=sys.stderr, flush=True)
            count = line.strip() if COUNT.match(line) else count
            found = LINE.match(line)
            if found:
                test = known[found[2]]
                cells[test.client_name, between(test), test.backend_name][found[1]] += 1
                if found[1] == "FAILED":
                    failed.append(found[2])
    return cells, failed, count


def cell(counts):
    tried = counts["ok"] + counts["FAILED"]
    return f"{counts['ok']}/{tried}" if tried else ("skipped" if counts else "")


def run(script, arguments, tests):
    """Exit status: 0 when nothing failed."""
    cells, failed, count = results(script, arguments, tests)
    backends = [name for name in NAMES if any(key[2] == name for key in cells)]
    rows = sorted({key[:2] for key in cells}, key=lambda row: (list(NAMES).index(row[0]), row[1]))
    program = output(gateway.program(), "-V").partition("\n")[0]
    print(f"{program}, its own side plain TCP; Node.js {output('node', '--version')}: tests passed / run\n")
    print("| client | between | " + " | ".join(named(name) for name in backends) + " |")
    print("|---|---|" + "--:|" * len(backends))
    for client, what in rows:
        values = [cell(cells[client, what, name]) for name in backends]
        print(f"| {named(client)} | {what or 'nothing, ws://'} | " + " | ".join(values) + " |")
    print()
    for name in failed:
        print(f"failed: {name}\n")
    print(count)
    return 1 if failed or not cells else 0
