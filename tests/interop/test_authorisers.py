"""forward_auth with services that nobody here wrote: nginx of Debian, and Python's http.server."""

import base64
import json
import os
import subprocess
import time

from harness import secure
from harness.gateway import sanitized
from harness.wire import handshake
from parts.meeting import Meeting, message, message_sized, receive, send, send_sized
from parts.program import backends

GIGABYTE = 1 << 30
TIMEOUT, BROKEN, GARBLED, STATUS = (
    (504, "forward-auth-timeout"), (503, "forward-auth-unreachable"), (503, "forward-auth-garbled"),
    (503, "forward-auth-status"))


class Deciding(Meeting):
    """Each of `names` is a route /NAME/* with an instance that asks the service at /NAME."""

    client_name, backend_name = "python", "ws"
    between = "{0} decides"
    names = ()

    def decided(self, base, options=None, **more):
        routes = [self.route(f"/{name}/*", [name], strip_prefix=f"/{name}") for name in self.names]
        common = {"timeout": "20s", "forward_headers": ["X-Auth-Role"]} | more
        instances = {
            name: {"forward_auth": {"url": f"{base}/{name}"} | common | (options or {}).get(name, {})}
            for name in self.names}
        gate = self.start(self.config(backends.get(self.backend_name), middleware=instances, routes=routes,
                                      threads=1, timeouts={"auth": "30s"}))
        gate.baseline += 2 * len(self.names)
        return gate

    def passes(self, gate, name, *lines):
        answer = gate.ask(handshake(f"/{name}/echo", *lines))
        self.assertEqual(answer.status, 101, (name, answer))

    def refused(self, gate, name, status, reason, *lines):
        answer = gate.ask(handshake(f"/{name}/echo", *lines))
        self.assertEqual(answer.status, status, (name, answer))
        line = gate.await_line("handshake", id=answer.get("X-Request-Id"))
        self.assertEqual((line["reason"], line["module"]), (reason, name))
        return answer

    def check_memory(self, gate, name, status, reason):
        """A gigabyte takes no memory, however often."""
        before = gate.memory("Anonymous")
        for _ in range(5):
            self.refused(gate, name, status, reason)
        if not sanitized():
            self.assertLess(gate.memory("Anonymous") - before, 2 << 20)


class Nginx(Deciding):
    others = ("nginx",)
    names = ("yes", "cookie", "basic", "no", "moved", "broken", "closed", "large", "large-no", "slow",
             "slow-no", "few", "brief")

    def service(self, tls=False):
        self.file("page", "x" * 1000)
        with open(os.path.join(self.directory, "large"), "wb") as file:
            file.truncate(GIGABYTE)
        coded = subprocess.run(["openssl", "passwd", "-apr1", "secret"], capture_output=True, text=True, check=True)
        self.file("htpasswd", f"alice:{coded.stdout}")
        made = self.proxy("nginx authoriser", "", tls=tls)
        return f"http{'s' if tls else ''}://{made.text}"

    def asked(self):
        """Of each question: path, status, method, the client's URI, the number of its connection."""
        with open(os.path.join(self.directory, "asked"), encoding="ascii") as file:
            return [line.split() for line in file]

    def test_yes(self):
        gate = self.decided(self.service(), {"yes": {"identity_header": "X-Auth-User"}})
        steps = [send("/headers"), receive(), send_sized("binary", 70000), receive()]
        events = self.talk(gate, steps, path="/yes/orders?x=1", token="")
        self.check_events(events[1:], message_sized("binary", 70000))
        self.assertEqual(json.loads(events[0]["data"])["x-auth-role"], "reader, writer")
        self.assertEqual(gate.await_line("handshake", status=101)["subject"], "alice")
        self.assertEqual(self.asked()[0][:4], ["/yes", "204", "GET", "/yes/orders?x=1"])

    def test_tls(self):
        ca = secure.authority().path("ca.pem")
        gate = self.decided(self.service(tls=True), ca_file=ca)
        for _ in range(5):
            self.passes(gate, "yes")
        self.refused(gate, "no", 403, "forward-auth-refused")
        self.assertEqual(len({line[4] for line in self.asked() if line[0] == "/yes"}), 1)

    def test_credentials(self):
        """Basic by a file, with nginx's own challenge; and a cookie."""
        gate = self.decided(self.service(), {"basic": {"identity_header": "X-Auth-User"}})
        answer = self.refused(gate, "basic", 401, "forward-auth-refused")
        self.assertEqual(answer.get("WWW-Authenticate"), 'Basic realm="there"')
        self.assertIn(b"401 Authorization Required", answer.body)
        wrong = base64.b64encode(b"alice:guess").decode()
        self.refused(gate, "basic", 401, "forward-auth-refused", f"Authorization: Basic {wrong}")
        right = base64.b64encode(b"alice:secret").decode()
        self.passes(gate, "basic", f"Authorization: Basic {right}")
        self.assertEqual(gate.await_line("handshake", status=101)["subject"], "alice")
        self.refused(gate, "basic", 401, "forward-auth-refused", f"Authorization: Basic {right}",
                     "Connection: Authorization")
        self.assertEqual(self.refused(gate, "cookie", 401, "forward-auth-refused").body, b"log in\n")
        self.passes(gate, "cookie", "Cookie: a=b; session=good")

    def test_no_answers(self):
        gate = self.decided(self.service(), {name: {"timeout": "500ms"} for name in ("slow", "slow-no")})
        self.assertEqual(self.refused(gate, "no", 403, "forward-auth-refused").body, b"not you\n")
        for name, outcome in {"moved": STATUS, "broken": STATUS, "closed": BROKEN, "slow": TIMEOUT,
                              "slow-no": (403, "forward-auth-refused")}.items():
            self.refused(gate, name, *outcome)
        self.assertNotIn("/yes", [line[0] for line in self.asked()], "a redirect was followed")

    def test_a_gigabyte(self):
        gate = self.decided(self.service())
        self.check_memory(gate, "large", *GARBLED)
        self.check_memory(gate, "large-no", 403, "forward-auth-refused")

    def test_connections_that_end(self):
        """After three questions, and after ten milliseconds: nobody is refused for it."""
        gate = self.decided(self.service())
        for _ in range(10):
            self.passes(gate, "few")
        for i in range(60):
            self.passes(gate, "brief")
            time.sleep(0.0005 * (i % 30))
        asked = self.asked()
        self.assertEqual(len({line[4] for line in asked if line[0] == "/few"}), 4)
        self.assertEqual(len([line for line in asked if line[0] == "/brief"]), 60)


class HttpServer(Deciding):
    others = ("http.server",)
    names = ("yes", "no", "moved", "broken", "slow", "half", "gigabyte", "old", "last")

    def gate_and(self, *options, **more):
        service = backends.get("http.server")
        self.before = len(service.ask("seen"))
        return self.decided(f"http://{service.text}", *options, **more)

    def seen(self):
        return backends.get("http.server").ask("seen")[self.before:]

    def test_yes(self):
        gate = self.gate_and(identity_header="X-Auth-User")
        events = self.talk(gate, [send("/headers"), receive(), send("x"), receive()], path="/yes/orders",
                           token="")
        self.check_events(events[1:], message("x"))
        self.assertEqual(json.loads(events[0]["data"])["x-auth-role"], "reader")
        for name in ("yes", "old", "last"):
            for _ in range(5):
                self.passes(gate, name)
        told = dict(self.seen()[0]["headers"])
        self.assertEqual({name: value for name, value in told.items() if name.startswith("X-")}, {
            "X-Forwarded-Method": "GET", "X-Forwarded-Proto": "http", "X-Forwarded-For": "127.0.0.1",
            "X-Forwarded-Host": "%s:%d" % gate.address, "X-Forwarded-Uri": "/yes/orders"})

    def test_methods(self):
        for method in ("HEAD", "POST"):
            gate = self.gate_and(method=method, identity_header="X-Auth-User")
            for _ in range(3):
                self.passes(gate, "yes")
                answer = self.refused(gate, "no", 401, "forward-auth-refused")
                self.assertEqual(answer.get("WWW-Authenticate"), 'Bearer realm="there"')

    def test_no(self):
        answer = self.refused(self.gate_and(), "no", 401, "forward-auth-refused")
        self.assertEqual((answer.kind(), answer.body), ("application/json", b'{"error":"who?"}'))

    def test_no_answers(self):
        gate = self.gate_and({"slow": {"timeout": "500ms"}})
        for name, outcome in {"moved": STATUS, "broken": BROKEN, "slow": TIMEOUT, "half": BROKEN}.items():
            self.refused(gate, name, *outcome)
        self.assertEqual([entry["path"] for entry in self.seen()], ["/moved", "/broken", "/slow", "/half"])

    def test_a_gigabyte(self):
        self.check_memory(self.gate_and(), "gigabyte", *GARBLED)
