"""
Fetches and builds what is no Debian package: npm's packages and the Gin backend. All of it goes
into one directory below the temporary one and stays there, so that the next run is quick.

Children find out by prepared.json, which says for each part "" or why it is not there.
"""

import concurrent.futures
import fcntl
import json
import os
import shutil
import stat
import subprocess
import tempfile

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LIMIT = 150  # seconds for one of them
GO_PACKAGES = "golang-go, golang-github-gin-gonic-gin-dev, golang-github-gorilla-websocket-dev"


class Missing(Exception):
    """Something is not there; the text says what, and how to get it."""


def cache():
    """A directory that is ours alone: whoever may write there chooses what we run."""
    named = os.environ.get("WSGATE_INTEROP_CACHE")
    path = named or os.path.join(tempfile.gettempdir(), f"wsgate-interop-{os.getuid()}")
    os.makedirs(path, 0o700, exist_ok=True)
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise SystemExit(f"{path} is not ours alone; name a directory by WSGATE_INTEROP_CACHE")
    return path


def node_modules():
    return os.path.join(cache(), "node_modules")


def gin_program():
    return os.path.join(cache(), "gin_echo")


def run(*command, **options):
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=LIMIT,
            check=False,
            **options,
        )
    except FileNotFoundError as fault:
        raise Missing(str(fault)) from None
    except subprocess.TimeoutExpired:
        raise Missing(f"{' '.join(command)} did not end in {LIMIT} s") from None
    if done.returncode:
        text = done.stdout.decode(errors="replace").strip()
        raise Missing(f"{' '.join(command)} ended with {done.returncode}: {text[-2000:]}")


def fetch_npm(directory):
    """The versions and digests are those of package-lock.json; no script of a package is run."""
    for program in ("node", "npm"):
        if not shutil.which(program):
            raise Missing(f"there is no command {program} (Debian: npm)")
    source = os.path.join(HERE, "node")
    done = os.path.join(directory, "node_modules", "fetched")
    with open(os.path.join(source, "package-lock.json"), encoding="utf-8") as file:
        wanted = file.read()
    if os.path.exists(done):
        with open(done, encoding="utf-8") as file:
            if file.read() == wanted:
                return
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(os.path.join(source, name), os.path.join(directory, name))
    quiet = ("--no-audit", "--no-fund", "--no-update-notifier")
    run("npm", "ci", "--ignore-scripts", "--prefer-offline", *quiet, cwd=directory)
    with open(done, "w", encoding="utf-8") as file:
        file.write(wanted)


def build_gin(directory):
    if not shutil.which("go"):
        raise Missing(f"there is no command go (Debian: {GO_PACKAGES})")
    environment = {
        "GO111MODULE": "off",
        "GOPATH": "/usr/share/gocode",
        "GOCACHE": os.path.join(directory, "go"),
        "GOFLAGS": "",
        "CGO_ENABLED": "0",
    }
    source = os.path.join(HERE, "go", "gin_echo.go")
    run("go", "build", "-o", gin_program(), source, env=os.environ | environment)


def prepare():
    """Both at a time; {name: why it is missing or ""}. Another run at the same time waits."""
    directory = cache()
    with open(os.path.join(directory, "lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            works = {name: pool.submit(work, directory) for name, work in WORKS.items()}
        found = {name: reason(work) for name, work in works.items()}
        path = os.path.join(directory, "prepared.json")
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump(found, file)
        os.replace(path + ".new", path)
    return found


WORKS = {"npm": fetch_npm, "gin": build_gin}


def reason(work):
    try:
        work.result()
        return ""
    except Missing as fault:
        return str(fault)


# ---- What is there ------------------------------------------------------------


def prepared(name):
    with open(os.path.join(cache(), "prepared.json"), encoding="utf-8") as file:
        return json.load(file)[name]


def installed(program, package):
    return "" if shutil.which(program, path=search_path()) else f"no {program} (Debian: {package})"


def search_path():
    return os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"


def websockets_there():
    command = ["/usr/bin/python3", "-c", "import websockets.version"]
    done = subprocess.run(command, capture_output=True, check=False)
    fault = "no websockets for /usr/bin/python3 (Debian: python3-websockets)"
    return fault if done.returncode else ""


NEEDS = {
    "python": websockets_there,
    "ws": lambda: prepared("npm"),
    "socketio": lambda: prepared("npm"),
    "graphql": lambda: prepared("npm"),
    "gin": lambda: prepared("gin"),
    "chromium": lambda: installed("chromium", "chromium")
    or installed("certutil", "libnss3-tools"),
    "haproxy": lambda: installed("haproxy", "haproxy"),
    "nginx": lambda: installed("nginx", "nginx"),
    "http.server": lambda: "",
    "slowhttptest": lambda: installed("slowhttptest", "slowhttptest"),
}


def missing(name):
    """Why tests with that program cannot run, or ""."""
    return NEEDS[name]()
