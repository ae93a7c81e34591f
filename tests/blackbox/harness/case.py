"""The base class of all tests: makes gateways, backends and clients, and judges them at the end."""

import copy
import json
import os
import shutil
import subprocess
import tempfile
import unittest

from . import secure, tokens
from .backend import Backend, echo
from .gateway import Gateway, program
from .wire import KEY, accept_key, switching

# Short where a test waits for what the gateway owes a side that is gone, and long where the gateway
# waits for a test, its client, its backend or its service: on a busy machine those take seconds.
TIMEOUTS = {"head": "20s", "auth": "20s", "close": "3s", "fin": "5s", "drain": "2s"}
BACKEND = {"connect_timeout": "20s", "handshake_timeout": "20s"}


class Case(unittest.TestCase):
    """A test. Whatever it made is closed after it, and every gateway must pass its last checks."""

    time_limit = 0  # seconds; the watchdog's, where it has to have more than it gives everybody
    weight = 1  # heavier ones start first
    secure_client = secure_backend = False  # the form: see secure.in_four_forms
    maxDiff = None

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="wsgate-test-")
        self.gateways, self.backends, self.clients = [], [], []
        self._texts = ""
        self.addCleanup(self._finish)

    def _finish(self):
        faults = []
        for peer in self.clients:
            peer.close()
        for backend in self.backends:
            backend.drop()
        for gateway in self.gateways:
            try:
                gateway.stop()
            except AssertionError as fault:
                faults.append(str(fault))
        for backend in self.backends:
            backend.close()
        self._texts = self.logs()
        shutil.rmtree(self.directory, ignore_errors=True)
        if faults:
            self.fail("at the end of the test: " + "\n".join(faults))

    def logs(self):
        """For the report of a failure."""
        return self._texts or "".join(gateway.logs() for gateway in self.gateways)

    # ---- making ----

    def file(self, name, data):
        path = os.path.join(self.directory, name)
        with open(path, "wb") as file:
            file.write(data if isinstance(data, bytes) else data.encode())
        return path

    def backend(self, handler=None, **options):
        if self.secure_backend:
            options.setdefault("secure", secure.server_context())
        made = Backend(handler, **options)
        self.backends.append(made)
        return made

    def echo_backend(self, *extra):
        return self.backend(echo(*extra))

    def config(self, backend, require=(), middleware=None, route=None, pool=None, **top):
        """One route /ws to one backend; `route`, `pool` and `top` change or add to the parts."""
        servers = [one.text for one in (backend if isinstance(backend, list) else [backend])]
        made = {
            "threads": 2,
            "log": {"access": "stdout", "error": "stderr", "level": "info"},
            "listeners": [{"name": "main"}],
            "timeouts": TIMEOUTS | top.pop("timeouts", {}),
            "middleware": middleware or {},
            "routes": [
                {
                    "path": "/ws",
                    "require": list(require),
                    "backend": "service",
                    "tunnel": {"frames": "opaque"},
                }
            ],
            "backends": {"service": {"servers": servers} | BACKEND | (pool or {})},
        }
        for key, value in (route or {}).items():
            if key == "tunnel":
                value = {"frames": "opaque"} | value
            made["routes"][0][key] = value
        return copy.deepcopy(made | top)

    def gateway(self, backend=None, **parts):
        return self.start(self.config(backend or self.echo_backend(), **parts))

    def start(self, config, **options):
        """A gateway in a directory of its own."""
        directory = tempfile.mkdtemp(dir=self.directory)
        for listener in config["listeners"] if self.secure_client else ():
            listener.setdefault("tls", secure.listener_tls())
        for backend in config["backends"].values() if self.secure_backend else ():
            backend.setdefault("tls", secure.backend_tls())
        made = Gateway(config, directory, **options)
        self.gateways.append(made)
        return made

    def client(self, gateway, data=b"", listener=None, **options):
        peer = gateway.client(data, listener, **options)
        self.clients.append(peer)
        return peer

    def tunnel(self, gateway, backend, request):
        """Both ends of an accepted connection; `backend` has no handler."""
        client = self.client(gateway, request)
        peer = backend.next()
        peer.send(switching(peer.read_head()))
        self.check_switched(client.read_response())
        return client, peer

    # ---- parts of a configuration ----

    @staticmethod
    def route(path, require=(), backend="service", **more):
        more["tunnel"] = {"frames": "opaque"} | more.get("tunnel", {})
        return {"path": path, "require": list(require), "backend": backend} | more

    def jwt(self, secret=tokens.SECRET, alg="HS256", **options):
        """A `middleware:` map with one jwt instance "users", and `require` for it."""
        name = f"key-{len(os.listdir(self.directory))}"
        path = self.file(name, secret)
        key = "secret_file" if alg.startswith("HS") else "file"
        made = {"keys": [{key: path, "algorithm": alg}], "algorithms": [alg]} | options
        return {"require": ["users"], "middleware": {"users": {"jwt": made}}}

    # ---- checking ----

    def check_faults_at(self, text, wanted):
        """The faults of that configuration are exactly these, by (line, column): words of each."""
        path = self.file("wsgate.yaml", text)
        done = subprocess.run(
            [program(), "-t", "-c", path], capture_output=True, text=True, timeout=30, check=False
        )
        self.assertEqual(done.returncode, 1)
        lines = [line for line in done.stderr.splitlines() if line.startswith(path)]
        places = [line.removeprefix(path).split(":")[1:3] for line in lines]
        found = {(int(row), int(column)): line for (row, column), line in zip(places, lines)}
        self.assertEqual(sorted(found), sorted(wanted), done.stderr)
        for place, words in wanted.items():
            self.assertIn(words, found[place])

    def check_switched(self, answer, key=KEY):
        """A 101 as RFC 6455 4.2.2 wants it, with nothing that RFC 9110 forbids in it."""
        self.assertEqual(answer.status, 101, answer)
        self.assertEqual(answer.get("Sec-WebSocket-Accept"), accept_key(key))
        self.assertEqual(answer.get("Upgrade").lower(), "websocket")
        self.assertIn("upgrade", [t.lower() for t in answer.head.tokens("Connection")])

    def check_refused(self, answer, status, accept=None):
        """A refusal of the gateway's own, with the headers that every one has."""
        self.assertEqual(answer.status, status, answer)
        options = {token.lower() for token in answer.head.tokens("Connection")}
        self.assertIn("close", options, answer)
        self.assertLessEqual(options, {"close", "upgrade"} if status == 426 else {"close"}, answer)
        self.assertTrue(answer.get("X-Request-Id"), answer)
        self.assertEqual(answer.get("Content-Length"), str(len(answer.body)))
        self.assertTrue(answer.body, answer)
        self.assertLess(len(answer.body), 1024)
        self.assertIsNone(answer.get("Sec-WebSocket-Accept"))
        if accept == "json":
            self.assertEqual(answer.kind(), "application/json", answer)
            self.assertIsInstance(json.loads(answer.body), dict)
        else:
            self.assertEqual(answer.kind(), "text/plain", answer)

    def check_echo(self, client, payload=b"hello"):
        client.send_frame(payload, masked=True)
        self.assertEqual(client.read_frame(), (2, payload))


def skip_without_program():
    return unittest.skipUnless(os.access(program(), os.X_OK), f"{program()} is not built")
