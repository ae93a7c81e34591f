"""
Chromium without a head as a client. A page of ours asks the little server here for work, opens the
WebSocket as any page would, and reports what its JavaScript saw.
"""

import atexit
import http.server
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time

from harness import secure

from . import prepare
from .program import ANSWER_LIMIT, ProgramError, die_with_parent

POLL_LIMIT = 5.0  # seconds that a question for work waits; less than the page's patience
TAKE_LIMIT = 10.0  # a page that asks for nothing for so long is dead
START_LIMIT = 40.0

FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync
    --disable-background-networking --disable-component-update --disable-default-apps
    --disable-extensions --disable-dev-shm-usage --disable-breakpad --no-proxy-server
    --no-default-browser-check --password-store=basic --mute-audio""".split()

# No name is ever looked up: what these tests speak with is on loopback.
RESOLVER = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"

SCRIPTS = {
    "conversation.js": "node/conversation.js",
    "socketio_dialogue.js": "node/socketio_dialogue.js",
    "graphql_dialogue.js": "node/graphql_dialogue.js",
}
MODULES = {
    "socket.io.js": "socket.io-client/dist/socket.io.min.js",
    "graphql-ws.js": "graphql-ws/umd/graphql-ws.min.js",
}


class Page(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body=b"", kind="text/plain", **fields):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        name = self.path.rpartition("/")[2]
        if self.path == "/page/":
            self.answer(200, read(prepare.HERE, "browser/page.html"), "text/html")
        elif self.path.startswith("/page/work?"):
            self.work(self.path.partition("?")[2])
        elif name in SCRIPTS:
            self.answer(200, read(prepare.HERE, SCRIPTS[name]), "text/javascript")
        elif name in MODULES:
            self.answer(200, read(prepare.node_modules(), MODULES[name]), "text/javascript")
        else:
            self.answer(404)

    def work(self, origin):
        """Waits for work; a page that gets none asks again."""
        work = self.server.desk.give(origin)
        if work:
            self.answer(200, json.dumps(work).encode(), "application/json")
        else:
            self.answer(204)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/page/login":
            token = body.decode()
            self.answer(200, Set_Cookie=f"session={token}; Path=/; HttpOnly; SameSite=Strict")
        elif self.path == "/page/logout":
            self.answer(200, Set_Cookie="session=; Path=/; Max-Age=0")
        else:
            self.server.desk.take(json.loads(body))
            self.answer(200)

    def log_message(self, *_):
        pass


def read(directory, name):
    with open(os.path.join(directory, name), "rb") as file:
        return file.read()


class Desk:
    """
    The one piece of work that is to be done, for pages of one origin. It lies here until its
    answer comes: a page that lost what it was given, or left, takes nothing along. A page that asks
    is not at work, so it may be given the same piece twice; of two answers the first counts.
    """

    def __init__(self):
        self._changed = threading.Condition()
        self._origin = self._work = self._answer = self._asked = None
        self._number, self._given = 0, False

    def give(self, origin):
        """What a page of that origin is to do, or None after a while."""
        with self._changed:
            self._asked = origin
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._work and self._origin == origin, POLL_LIMIT)
            if not self._work or self._origin != origin:
                return None
            self._given = True
            self._changed.notify_all()
            return self._work

    def take(self, answer):
        with self._changed:
            if self._work and answer["number"] == self._number:
                self._work, self._answer = None, answer["answer"]
                self._changed.notify_all()

    def put(self, origin, request):
        """Lays it down; says whether a page took it."""
        with self._changed:
            self._number += 1
            self._origin, self._answer, self._given = origin, None, False
            self._work = {"number": self._number, "request": request}
            self._changed.notify_all()
            return self._changed.wait_for(lambda: self._given, TAKE_LIMIT)

    def await_answer(self, seconds):
        """The page's answer, or None."""
        with self._changed:
            self._changed.wait_for(lambda: self._work is None, seconds)
            self._work = None
            return self._answer

    def forget_page(self):
        with self._changed:
            self._asked = None

    def await_page(self, origin, seconds):
        with self._changed:
            return self._changed.wait_for(lambda: self._asked == origin, seconds)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Page)
        self.desk = Desk()

    def handle_error(self, request, client_address):
        pass  # the browser left in the middle of an answer


def trust_database(home, authorities):
    """Where Chromium looks for authorities of a user's own (NSS's shared database)."""
    place = os.path.join(home, ".pki", "nssdb")
    os.makedirs(place)
    certutil(place, "-N", "--empty-password")
    for number, path in enumerate(authorities):
        certutil(place, "-A", "-t", "C,,", "-n", f"authority {number}", "-i", path)


def certutil(place, *arguments):
    command = ["certutil", "-d", f"sql:{place}", *arguments]
    done = subprocess.run(command, capture_output=True, timeout=START_LIMIT, check=False)
    if done.returncode:
        raise ProgramError(f"{' '.join(command)}: {done.stderr.decode(errors='replace')}")


class Browser:
    """
    The interface of program.Program, for which it stands in. It verifies certificates, and believes
    the run's authority, or with `trusting` false that of nobody here.
    """

    def __init__(self, trusting=True):
        self._server = Server()
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.text = f"127.0.0.1:{self._server.server_port}"
        self.home = f"http://{self.text}"
        self.elsewhere = f"http://localhost:{self._server.server_port}"
        self._directory = tempfile.mkdtemp(prefix="wsgate-chromium-")
        trust_database(self._directory, [secure.authority().path("ca.pem")] if trusting else [])
        self._origin = self.home
        self._launch()
        atexit.register(self.stop)

    def _launch(self):
        self._server.desk.forget_page()
        with open(os.path.join(self._directory, "log"), "ab") as log:
            self.process = subprocess.Popen(
                ["chromium", *FLAGS, RESOLVER, f"--user-data-dir={self._directory}/profile"]
                + [f"{self._origin}/page/"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | {"HOME": self._directory},
                preexec_fn=die_with_parent,
            )
        self._await_page(START_LIMIT)

    def _await_page(self, seconds):
        if not self._server.desk.await_page(self._origin, seconds):
            self._give_up(f"no page asked for work in {seconds:.0f} s")

    def _give_up(self, text):
        text += self.errors()
        self.stop()
        raise ProgramError(text)

    def ask(self, request):
        """
        A page that takes nothing is the browser's fault, not that of what is tested: it gets one
        more. One that takes its work must answer, and after a failure is of no use any more.
        """
        if not self._server.desk.put(self._origin, request):
            self._end_process()
            self._launch()
        answer = self._server.desk.await_answer(ANSWER_LIMIT)
        if answer is None:
            self._give_up(f"the page gave no answer in {ANSWER_LIMIT:.0f} s")
        return answer

    def visit(self, origin):
        """Opens the page as one of that origin, which must lead to our server."""
        if self._origin != origin:
            self.ask({"navigate": f"{origin}/page/"})
            self._origin = origin
            self._await_page(ANSWER_LIMIT)

    def running(self):
        return self.process.poll() is None

    def errors(self):
        text = read(self._directory, "log").decode(errors="replace")
        return f"\n--- log of chromium\n{text[-4000:]}"

    def _end_process(self):
        if self.running():
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def stop(self):
        self._end_process()
        self._server.shutdown()
        self._server.server_close()
        shutil.rmtree(self._directory, ignore_errors=True)
