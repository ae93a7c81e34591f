#!/usr/bin/python3
"""`wsgatectl explain`: what it prints, and that it says what the running gateway does.

Runs in the build directory with the standard library and the parts of the black-box tests.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True
SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(SOURCE, "tests", "blackbox"), os.path.join(SOURCE, "tests")]

from harness import frames, tokens  # noqa: E402
from harness.case import Case  # noqa: E402
from harness.gateway import SANITIZER  # noqa: E402
from harness.service import Service, reply  # noqa: E402
from harness.wire import KEY  # noqa: E402
from json_fields import fields, manual  # noqa: E402

BUILD = os.path.abspath(os.environ.get("BUILD", "."))
WSGATECTL = os.environ.get("WSGATECTL", os.path.join(BUILD, "wsgatectl"))
WITH_WAITS = os.path.join(BUILD, "tests", "explain_program")
ID = re.compile(r"\b[0-9a-f]{16}\b")
APP = "https://app.example.com"
OTHER = "https://evil.example.net"


def run(*arguments, stdin="", waits=False, cwd=None):
    program = [WITH_WAITS] if waits else [WSGATECTL, "explain"]
    done = subprocess.run(
        [*program, *arguments], input=stdin, capture_output=True, text=True, timeout=60, cwd=cwd
    )
    if SANITIZER.search(done.stderr.encode()):
        raise AssertionError(done.stderr)
    return done


class Request:
    """One request, as bytes for the gateway and as arguments for explain."""

    def __init__(self, target="/chat", *headers, **parts):
        self.target, self.headers, self.parts = target, headers, parts

    def arguments(self):
        made = []
        for name in ("method", "host", "origin", "token", "listener"):
            if name in self.parts:
                made += [f"--{name}", self.parts[name]]
        for name in self.parts.get("subprotocols", ()):
            made += ["--subprotocol", name]
        for line in self.headers:
            made += ["--header", line]
        made += ["--raw"] if self.parts.get("raw") else []
        made += ["--from", self.parts.get("source", "127.0.0.1")]
        return [*made, "--", self.target]

    def head(self):
        given = {line.partition(":")[0].lower() for line in self.headers}
        lines = [f"{self.parts.get('method', 'GET')} {self.target} HTTP/1.1"]
        if "host" in self.parts:
            lines.append(f"Host: {self.parts['host']}")
        made_up = {
            "Host": "localhost",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": KEY,
            "Sec-WebSocket-Version": "13",
        }
        if "host" in self.parts:
            del made_up["Host"]
        if not self.parts.get("raw"):
            lines += [f"{k}: {v}" for k, v in made_up.items() if k.lower() not in given]
        if "origin" in self.parts:
            lines.append(f"Origin: {self.parts['origin']}")
        if "token" in self.parts:
            lines.append(f"Authorization: Bearer {self.parts['token']}")
        if self.parts.get("subprotocols"):
            lines.append("Sec-WebSocket-Protocol: " + ", ".join(self.parts["subprotocols"]))
        return "\r\n".join([*lines, *self.headers, "", ""]).encode("latin-1")


def requests():
    """Rows by name: of every stage, of every module, of every source of a token, let in and refused."""
    good, late = tokens.hs(), tokens.hs(tokens.claims(-60))
    wrong = tokens.hs(secret=tokens.OTHER_SECRET)
    form = "base64url.bearer.authorization.k8s.io." + tokens.b64(good.encode())
    app = {"origin": APP}
    fine = app | {"token": good}
    long = "x" * 9000
    return {
        # Let in.
        "all is well": Request(**fine),
        "a query that stays": Request("/chat?room=1&debug", **fine),
        "a query that is empty": Request("/chat?", **fine),
        "token in a cookie": Request("/chat", f"Cookie: a=b; session={good}; c=d", **app),
        "token in the query": Request(f"/chat?access_token={good}&x=y", **app),
        "token as a subprotocol": Request(subprotocols=["chat", "bearer", good], **app),
        "token in Kubernetes' form": Request(subprotocols=["chat", form], **app),
        "fields that do not pass": Request(
            "/chat", "X-Auth-Subject: root", "X_Auth_Subject: root", "TE: trailers", "X-Mine: kept",
            "Keep-Alive: x", "Connection: Upgrade, X-Mine-Too", "X-Mine-Too: gone", **fine),
        "forwarded fields of a stranger": Request(
            "/chat", "X-Forwarded-For: 192.0.2.1", "Forwarded: for=x", "X-Real-IP: y", **fine),
        "extensions": Request(
            "/chat", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits", **fine),
        "a name with a port": Request("/open", host="LOCALHOST:8080"),
        "an open route": Request("/open"),
        "below": Request("/rooms/a/b"),
        "a capture": Request("/user/ann/x"),
        "escapes that are decoded": Request("/%6fpen"),
        "a slash that is kept": Request("/kept/a%2Fb"),
        "a prefix that goes": Request("/api/v1?x"),
        "only on the second listener": Request("/second", listener="second"),
        "absolute form": Request("http://localhost/open"),
        # The head.
        "no blank": Request("/open", "X y: z"),
        "a nameless field": Request("/open", ": z"),
        "a line that is no field": Request("/open", "nothing"),
        "a space before the colon": Request("/open", "X : z"),
        "a folded line": Request("/open", " folded: x"),
        "a control": Request("/open", "X: \x01"),
        "a method that is none": Request("/open", method="G T"),
        "a length": Request("/open", "Content-Length: 0"),
        "a coding": Request("/open", "Transfer-Encoding: chunked"),
        "a long target": Request("/" + long),
        "a head that is too large": Request("/open", "A: " + long, "B: " + long),
        "too many fields": Request("/open", *[f"X-{i}: y" for i in range(120)]),
        # The handshake.
        "raw and nothing else": Request("/open", raw=True),
        "raw with a host": Request("/open", raw=True, host="localhost"),
        "two hosts": Request("/open", "Host: a", host="b"),
        "a key that is too short": Request("/open", "Sec-WebSocket-Key: abc"),
        "two versions": Request("/open", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 8"),
        "a subprotocol twice": Request("/open", subprotocols=["a", "a"]),
        "an empty subprotocol": Request("/open", "Sec-WebSocket-Protocol: a b"),
        # The target.
        "a dot segment": Request("/open/../chat"),
        "an encoded dot segment": Request("/%2e%2e/chat"),
        "two slashes": Request("//open"),
        "a slash that is not kept": Request("/rooms/a%2Fb"),
        "a bad escape": Request("/open%zz"),
        "a fragment": Request("/open#x"),
        "another authority": Request("http://other.example/open"),
        "a bad host": Request("/open", host="a b"),
        "no path": Request("*"),
        # The upgrade.
        "another method": Request("/chat", method="POST"),
        "another protocol": Request("/chat", "Upgrade: h2c"),
        "no upgrade asked for": Request("/chat", "Connection: close"),
        "another version": Request("/chat", "Sec-WebSocket-Version: 8"),
        "another method on no route": Request("/nowhere", method="PUT"),
        # The route.
        "no route": Request("/nowhere"),
        "another host": Request("/hosted", host="other.example"),
        "a subdomain": Request("/hosted", host="a.example.org"),
        "the second listener's route on the first": Request("/second"),
        # The chain.
        "another address": Request(source="127.0.0.66", **fine),
        "another address with JSON": Request(
            "/chat", "Accept: application/json", source="127.0.0.66", **fine),
        "another origin": Request(**(fine | {"origin": OTHER})),
        "no origin": Request(token=good),
        "two origins": Request("/chat", f"Origin: {OTHER}", **fine),
        "no token": Request(**app),
        "another scheme": Request("/chat", "Authorization: Basic abc", **app),
        "an expired token": Request(token=late, **app),
        "another secret": Request(token=wrong, **app),
        "no token at all": Request(token="abc", **app),
        "two tokens": Request(f"/chat?access_token={good}", **fine),
        "a token alone among the subprotocols": Request(subprotocols=[form], **app),
        # Told by a Close.
        "no token, a Close": Request("/seen"),
        "an expired token, a Close": Request("/seen", token=late),
        "a Close and subprotocols": Request("/seen", subprotocols=["bearer", late, "chat", "log"]),
        "a Close and no other subprotocol": Request("/seen", subprotocols=["bearer", late]),
        "a token alone, no Close": Request("/seen", subprotocols=[form]),
        "a status without a Close": Request(f"/seen?access_token={good}", token=good),
        "let in where others get a Close": Request("/seen", token=good),
    }


class ExplainTest(Case):
    def all_of_it(self, backend, **more):
        jwt = {
            "keys": [{"secret_file": self.file("hs", tokens.SECRET), "algorithm": "HS256"}],
            "token_from": ["header", "cookie:session", "query:access_token", "subprotocol"],
            "forward_claims": {"sub": "X-Auth-Subject"},
        }
        made = self.config(
            backend,
            middleware={
                "office": {"ip_allowlist": {"allow": ["127.0.0.0/8"], "deny": ["127.0.0.66"]}},
                "web": {"origin": {"allow": [APP]}},
                "users": {"jwt": jwt},
            },
            **more,
        )
        made["listeners"] = [{"name": "main"}, {"name": "second"}]
        made["routes"] = [
            self.route("/chat", ["office", "web", "users"]),
            self.route("/open"),
            self.route("/rooms/*"),
            self.route("/user/{name}/x"),
            self.route("/kept/*", encoded_slashes="keep"),
            self.route("/api/*", strip_prefix="/api"),
            self.route("/second", listeners=["second"]),
            self.route("/hosted", host="*.example.org"),
            self.route("/seen", ["users"], reject_with="close"),
        ]
        return made

    def explain(self, *arguments, config=None, **more):
        if config is not None:
            more["cwd"] = self.directory
            arguments = ["-c", self.file("explain.json", json.dumps(config)), *arguments]
        return run(*arguments, **more)

    def on_paper(self):
        """A configuration that no gateway runs."""
        made = self.all_of_it(self.backend())
        made["listeners"][0]["address"] = "127.0.0.1:8080"
        made["listeners"][1]["address"] = "[::1]:8081"
        made["backends"]["service"]["servers"] = ["127.0.0.1:9001", "127.0.0.1:9002"]
        return made

    # ---- As the gateway does

    def answer_of(self, gateway, request):
        peer = self.client(
            gateway,
            request.head(),
            listener=request.parts.get("listener"),
            source=request.parts.get("source"),
        )
        return peer, peer.read_response()

    @staticmethod
    def redacted(target):
        path, mark, query = target.partition("?")
        return path + mark + re.sub(r"=([^&]+)", "=[redacted]", query)

    def check_let_in(self, report, backend):
        head = backend.heads()[-1]
        explained = [(field["name"], field["value"]) for field in report["backend"]["headers"]]
        sent = [(k, "0" * 16 if k == "X-Request-Id" else v) for k, v in head.fields]
        sent = [(k, re.sub(r"=[^;]+", "=[redacted]", v) if k == "Cookie" else v) for k, v in sent]
        self.assertEqual(sent, explained)
        line = f"{head.method} {self.redacted(head.target)} HTTP/1.1"
        self.assertEqual(line, report["backend"]["line"])

    def check_refused_alike(self, report, answer):
        explained = [(field["name"], field["value"]) for field in report["answer"]["headers"]]
        sent = [(k, ID.sub("0" * 16, v)) for k, v in answer.head.fields]
        self.assertEqual(sent, explained)
        self.assertEqual(ID.sub("0" * 16, answer.body.decode()), report["answer"]["body"])
        self.assertEqual(answer.head.start, report["answer"]["line"])

    def check_closed_alike(self, report, peer, answer):
        opcode, payload, _ = frames.decode(peer.read_rest())
        self.assertEqual(opcode, frames.CLOSE)
        told = {"code": int.from_bytes(payload[:2], "big"), "reason": payload[2:].decode()}
        self.assertEqual(told, report["close"])
        self.assertEqual(answer.status, 101)

    def test_it_says_what_the_gateway_does(self):
        backend = self.echo_backend()
        gateway = self.start(self.all_of_it(backend))
        rows = requests()
        self.assertGreater(len(rows), 60)
        let_in = 0
        for name, request in rows.items():
            with self.subTest(name):
                connects = backend.connects
                done = run("-c", gateway.file, "--json", *request.arguments(), cwd=gateway.directory)
                self.assertEqual(done.stderr, "")
                report = json.loads(done.stdout)
                self.assertEqual(backend.connects, connects)
                peer, answer = self.answer_of(gateway, request)
                if answer.status == 101 and "close" not in report:
                    let_in += 1
                    self.assertEqual((done.returncode, report["verdict"]), (0, "let in"), report)
                    self.check_let_in(report, backend)
                else:
                    self.assertEqual((done.returncode, report["verdict"]), (1, "refused"), report)
                    self.check_refused_alike(report, answer)
                    if "close" in report:
                        self.check_closed_alike(report, peer, answer)
                    else:
                        self.assertEqual(answer.status, report["status"])
                    line = gateway.await_lines(
                        1, "handshake", status=report["status"], id=answer.get("X-Request-Id"))[0]
                    self.assertEqual(line.get("close_code"), report.get("close", {}).get("code"))
                    for word in ("reason", "module", "detail"):
                        explained = report.get("refused_by" if word == "module" else word)
                        self.assertEqual(line.get(word), explained)
        self.assertGreater(let_in, 15)

    # ---- What it prints

    LET_IN = """\
listener               main (127.0.0.1:8080)
client                 127.0.0.1
request                GET /chat?room=[redacted]&debug HTTP/1.1
head                   pass
handshake              pass
target                 pass: host chat.example.com, path /chat
upgrade                pass
route                  pass: routes[0], path /chat, backend service
office (ip_allowlist)  pass
web (origin)           pass
users (jwt)            pass
                         takes out: header Authorization
                         subject: alice
                         sets: X-Auth-Subject: alice
                         ends the tunnel at TIME
verdict                let in

The backend service (127.0.0.1:9001, 127.0.0.1:9002) would be sent:

    GET /chat?room=[redacted]&debug HTTP/1.1
    Host: chat.example.com
    Upgrade: websocket
    Connection: Upgrade
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
    Sec-WebSocket-Version: 13
    Origin: https://app.example.com
    Cookie: theme=[redacted]
    X-Forwarded-For: 127.0.0.1
    X-Real-IP: 127.0.0.1
    X-Forwarded-Proto: http
    X-Forwarded-Host: chat.example.com
    X-Request-Id: 0000000000000000
    X-Auth-Subject: alice
"""

    def test_let_in(self):
        done = self.explain(
            "--origin", APP, "--token", tokens.hs(), "--header", "Cookie: theme=dark",
            "ws://chat.example.com:80/chat?room=1&debug", config=self.on_paper())
        text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME", done.stdout)
        # Which of them are stripped is the module's business; the report shows it line by line.
        lines = [line for line in text.splitlines(True) if "takes out: header X-Auth" not in line]
        self.assertEqual("".join(lines), self.LET_IN)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    REFUSED = """\
listener               [::1]:8081
client                 192.0.2.7
request                GET /chat HTTP/1.1
head                   pass
handshake              pass
target                 pass: host localhost, path /chat
upgrade                pass
route                  pass: routes[0], path /chat, backend service
office (ip_allowlist)  deny: 403 address-not-allowed
web (origin)           not asked, would be pass
users (jwt)            not asked, would be deny: 401 token-missing
verdict                refused: 403 address-not-allowed, by office

The client would be answered:

    HTTP/1.1 403 Forbidden
    X-Request-Id: 0000000000000000
    Connection: close
    Content-Type: application/json
    Cache-Control: no-store
    Content-Length: 69

    {"status":403,"message":"Forbidden","request_id":"0000000000000000"}
"""

    def test_refused(self):
        config = self.on_paper()
        del config["listeners"][1]["name"], config["routes"][6]
        done = self.explain(
            "--listener", "[::1]:8081", "--from", "192.0.2.7", "--origin", APP,
            "--header", "Accept: application/json", "/chat", config=config)
        self.assertEqual((done.stdout, done.returncode, done.stderr), (self.REFUSED, 1, ""))

    def lines(self, *arguments, **more):
        done = self.explain(*arguments, config=self.on_paper(), **more)
        self.assertEqual((done.returncode, done.stderr), (1, ""))
        return done.stdout.partition("\n\n")[0].splitlines()[3:]

    def test_what_is_behind_a_refusal_of_the_head(self):
        self.assertEqual(self.lines("--header", "X : y", "/chat"), [
            "head       deny: 400 head-malformed (field name is not a token with a colon right behind it)",
            "handshake  not asked",
            "target     not asked",
            "upgrade    not asked",
            "route      not asked",
            "verdict    refused: 400 head-malformed",
        ])
        self.assertEqual(self.lines("/a/../b")[2:], [
            "target     deny: 400 path-malformed (dot segment)",
            "upgrade    not asked",
            "route      not asked",
            "verdict    refused: 400 path-malformed",
        ])
        self.assertEqual(self.lines("--method", "POST", "/nowhere")[3:], [
            "upgrade    deny: 405 method-not-get (method is not GET)",
            "route      not asked, would be deny: 404 no-route",
            "verdict    refused: 405 method-not-get",
        ])
        self.assertEqual(self.lines("--method", "POST", "--origin", APP, "/chat")[3:], [
            "upgrade                deny: 405 method-not-get (method is not GET)",
            "route                  not asked, would be pass: routes[0], path /chat, backend service",
            "office (ip_allowlist)  not asked, would be pass",
            "web (origin)           not asked, would be pass",
            "users (jwt)            not asked, would be deny: 401 token-missing",
            "verdict                refused: 405 method-not-get",
        ])
        self.assertEqual(self.lines("--host", "a.example.org", "/hosted/x")[-2:], [
            "route      deny: 404 no-route",
            "verdict    refused: 404 no-route",
        ])

    def test_keys_by_url_are_those_of_the_cache_file(self):
        pair = tokens.key_pair("ec")
        url, path = "https://127.0.0.1:1/keys", os.path.join(self.directory, "cache.json")
        jwt = {"jwks_url": url, "cache_file": path}
        config = self.config(self.backend(), require=["users"], middleware={"users": {"jwt": jwt}})
        config["listeners"][0]["address"] = "127.0.0.1:1"
        config["routes"][0]["path"] = "/chat"

        def verdict(kid):
            return self.explain("--token", pair.sign(kid=kid), "/chat", config=config)

        done = verdict("a")
        self.assertIn("users (jwt)  unknown: keys by URL are not fetched here", done.stdout)
        self.assertEqual(done.returncode, 3)
        self.assertIn("not fetched here; known are those of cache_file", done.stderr)
        keys = json.dumps({"keys": [tokens.jwk(pair, "a")]})
        kept = {"format": "wsgate key sets 1", "sets": {url: {"fetched": int(time.time()), "jwks": keys}}}
        self.file("cache.json", json.dumps(kept))
        self.assertIn("users (jwt)  pass", verdict("a").stdout)
        self.assertIn("users (jwt)  unknown: keys by URL are not fetched here", verdict("b").stdout)

    def test_json(self):
        done = self.explain("--json", "--token", tokens.hs(), "--origin", OTHER, "/chat",
                            config=self.on_paper())
        report = json.loads(done.stdout)
        self.assertEqual([stage["verdict"] for stage in report["stages"]], ["pass"] * 5)
        office, web, users = report["modules"]
        self.assertEqual(office, {
            "name": "office", "module": "ip_allowlist", "asked": True, "verdict": "pass"})
        self.assertEqual(web, {
            "name": "web", "module": "origin", "asked": True, "verdict": "deny", "status": 403,
            "reason": "origin-not-allowed"})
        self.assertEqual((users["asked"], users["verdict"], users["subject"], users["sets"]),
                         (False, "pass", "alice", {"X-Auth-Subject": "alice"}))
        self.assertRegex(users["ends_tunnel_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertEqual((report["status"], report["reason"], report["refused_by"]),
                         (403, "origin-not-allowed", "web"))
        self.assertEqual(report["answer"]["line"], "HTTP/1.1 403 Forbidden")
        self.assertEqual(report["route"], {
            "index": 0, "host": "localhost", "path": "/chat", "backend": "service"})
        self.assertEqual(done.returncode, 1)

    def test_a_rule_about_a_claim(self):
        config = self.on_paper()
        config["middleware"]["users"]["jwt"]["claims"] = {"rooms": {"any_of": ["{name}", "all"]}}
        config["routes"] = [self.route("/user/{name}/x", ["users"])]
        for rooms, status, found in (
            (["ann"], 0, []),
            (["bob"], 1, ["subject: alice", "labels: claim: rooms", "labels: rule: any_of"]),
        ):
            token = tokens.hs(tokens.claims(rooms=rooms))
            done = self.explain("--token", token, "/user/ann/x", config=config)
            self.assertEqual(done.returncode, status, done.stdout)
            lines = [line.strip() for line in done.stdout.splitlines()]
            self.assertLessEqual(set(found), set(lines))
            self.assertEqual(any(line.startswith("labels") for line in lines), status == 1)
            self.assertNotIn("bob", done.stdout)
            done = self.explain("--json", "--token", token, "/user/ann/x", config=config)
            labels = json.loads(done.stdout)["modules"][0].get("labels")
            self.assertEqual(labels, {"claim": "rooms", "rule": "any_of"} if status else None)

    def test_a_close(self):
        done = self.explain("--subprotocol", "chat", "/seen", config=self.on_paper())
        self.assertIn("refused: 401 token-missing, by users\n", done.stdout)
        lines = done.stdout.split("The client would be answered:\n\n")[1].splitlines()
        self.assertEqual(lines[0], "    HTTP/1.1 101 Switching Protocols")
        self.assertIn("    Sec-WebSocket-Protocol: chat", lines)
        self.assertEqual(lines[-2:], ["", "    Close 4401 token-missing"])

    def test_every_field_stands_in_the_manual(self):
        app, token = ["--origin", APP], ["--token", tokens.hs()]
        requests = [
            [*app, "--token", tokens.hs(tokens.claims(iss="id")), "/chat"],
            [*app, "/chat?access_token=" + tokens.hs()],
            [*token, "/chat"],
            [*app, *token, "--header", "Content-Length: 1", "/chat"],
            ["/nowhere"],
            ["/seen"],
        ]
        done = [self.explain("--json", *one, config=self.on_paper()) for one in requests]
        twice = self.on_paper()
        again = dict(twice["middleware"]["users"]["jwt"])
        del again["forward_claims"]
        twice["middleware"]["more"] = {"jwt": again}
        twice["routes"][0]["require"].append("more")
        done.append(self.explain("--json", *app, *token, "/chat", config=twice))
        behind = self.on_paper() | {"trusted_proxies": ["127.0.0.1"]}
        done.append(
            self.explain("--json", "--header", "X-Forwarded-For: 192.0.2.1", "/chat", config=behind)
        )
        for options in ({"delay": "1ms"}, {"too_much": True}):
            waiting = self.waiting(one=options)
            done.append(self.explain("--json", "/ws", config=waiting, waits=True))
        keys = {"jwt": {"jwks_url": "https://127.0.0.1:1/"}}
        es = tokens.key_pair("ec").sign(kid="a")
        done.append(self.offline(keys, "--json", "--token", es))
        grouped = self.on_paper()
        grouped["middleware"]["soon"] = {"jwt": again, "dry_run": True}
        grouped["routes"][0]["require"] = [
            "soon", {"not": "web"}, {"all_of": ["office"]}, {"any_of": ["users"]}]
        done.append(self.explain("--json", *app, "/chat", config=grouped))
        done.append(self.explain("--json", *app, *token, "/chat", config=self.counting()))
        printed = set().union(*(fields(json.loads(one.stdout)) for one in done))
        self.assertEqual(printed, manual("explain"))

    def counting(self):
        config = self.on_paper()
        for name in ("sub", "org.id"):
            limit = {"rate_limit": {"key": f"claim:{name}", "rate": "1/s"}}
            config["middleware"][name] = limit
            config["routes"][0]["require"].append(name)
        return config

    def test_claims_that_are_read(self):
        token = tokens.hs(tokens.claims(sub="ann", org={"id": 7, "name": "x"}))
        done = self.explain("--origin", APP, "--token", token, "/chat", config=self.counting())
        claims = [line.strip() for line in done.stdout.splitlines() if "claims: " in line]
        self.assertEqual(claims, ["claims: org.id: 7", "claims: sub: ann"])
        done = self.explain("--json", "--origin", APP, "--token", token, "/chat",
                            config=self.counting())
        found = {one["name"]: one.get("claims") for one in json.loads(done.stdout)["modules"]}
        self.assertEqual(found["users"], {"sub": "ann", "org.id": "7"})
        self.assertEqual([found["sub"], found["org.id"]], [None, None])

    def test_groups(self):
        """The tree, with what came of each entry, and of those that were not asked."""
        config = self.on_paper()
        config["middleware"]["far"] = {"ip_allowlist": {"allow": ["192.0.2.0/24"]}}
        config["middleware"]["trial"] = {**config["middleware"]["far"], "dry_run": True}
        config["routes"][0]["require"] = [
            "trial", {"any_of": ["users", {"all_of": ["web", {"not": "far"}]}, "far"]}, {"not": "office"}]
        done = self.explain("--origin", APP, "/chat", config=config)
        lines = [re.sub(" {2,}", "  ", line) for line in done.stdout.splitlines()]
        start = next(i for i, line in enumerate(lines) if line.startswith("trial"))
        self.assertEqual(
            [line for line in lines[start:start + 9] if ": " not in line or "deny" in line],
            ["trial (ip_allowlist), dry run  pass; it says deny: 403 address-not-allowed",
             "any_of  pass",
             "  users (jwt)  deny: 401 token-missing",
             "  all_of  pass",
             "  web (origin)  pass",
             "  not far (ip_allowlist)  pass; it says deny: 403 address-not-allowed",
             "  far (ip_allowlist)  not asked, would be deny: 403 address-not-allowed",
             "not office (ip_allowlist)  deny: 403 excluded; it says pass"])
        self.assertIn("verdict  refused: 403 excluded, by office", lines)

    def test_a_trusted_proxy_names_the_client(self):
        config = self.on_paper() | {"trusted_proxies": ["10.0.0.0/8", "unix"]}
        claim = ["--header", "X-Forwarded-For: 6.6.6.6, 192.0.2.1"]
        for arguments, client, peer in [
            (["--from", "10.0.0.1", *claim], "192.0.2.1", "10.0.0.1"),
            (["--from", "unix", *claim], "192.0.2.1", "unix:"),
            (["--from", "10.0.0.1"], "10.0.0.1", None),
            (["--from", "192.0.2.7", *claim], "192.0.2.7", None),
        ]:
            report = json.loads(self.explain("--json", *arguments, "/open", config=config).stdout)
            self.assertEqual((report["client"], report.get("peer")), (client, peer), arguments)
            sent = {field["name"]: field["value"] for field in report["backend"]["headers"]}
            self.assertEqual(sent["X-Real-IP"], client)
        done = self.explain("--from", "10.0.0.1", *claim, "/open", config=config)
        lines = [line.split() for line in done.stdout.splitlines()]
        self.assertIn(["client", "192.0.2.1"], lines)
        self.assertIn(["peer", "10.0.0.1"], lines)
        garbage = ["--header", "X-Forwarded-For: garbage"]
        done = self.explain("--json", "--from", "10.0.0.1", *garbage, "/open", config=config)
        self.assertEqual(json.loads(done.stdout)["stages"][0]["reason"], "forwarded-malformed")

    def test_unix(self):
        config = self.on_paper()
        config["listeners"][0]["address"] = "unix:" + os.path.join(self.directory, "sock")
        for arguments, client, status in [([], "unix:", 1), (["--from", "127.0.0.1"], "127.0.0.1", 0),
                                          (["--from", "unix"], "unix:", 1)]:
            done = self.explain("--json", *arguments, "--token", tokens.hs(), "--origin", APP, "/chat",
                                config=config)
            self.assertEqual((json.loads(done.stdout)["client"], done.returncode), (client, status))
        done = self.explain("--json", "/open", config=config)
        self.assertNotIn("X-Forwarded-For", done.stdout)
        self.assertFalse(os.path.exists(os.path.join(self.directory, "sock")))

    # ---- Credentials

    def test_no_credential_is_shown(self):
        config = self.on_paper()
        secret, token = tokens.unguessable().decode(), tokens.hs()
        form = "base64url.bearer.authorization.k8s.io." + tokens.b64(token.encode())
        rows = [
            ["--token", token, "/open"],
            ["--token", token, "/chat"],
            ["--token", secret, "/chat"],
            ["--token", secret, "/" + secret],
            ["--token", secret, "--header", f"X-Other: a{secret}b", "/open"],
            ["--header", f"Authorization: Basic {secret}", "/open"],
            ["--header", f"Authorization: {secret}", "/open"],
            ["--header", f"Proxy-Authorization: Basic {secret}", "/open"],
            ["--header", f"Cookie: a={secret}; b={secret}={secret};{secret}", "/open"],
            ["--header", f"X-Api-Key: {secret}", "/open"],
            ["--header", f"x_session_id: {secret}", "/open"],
            [f"/open?a={secret}&{secret}&b={secret}={secret}"],
            [f"/chat?access_token={token}"],
            [f"/open?a={secret} {secret}"],
            [f"/nowhere?a={secret}#x"],
            [f"http://user:{secret}@host/open"],
            [f"ws://host/open?a={secret}"],
            ["--subprotocol", "bearer", "--subprotocol", secret, "--subprotocol", "x", "/open"],
            ["--subprotocol", form, "--subprotocol", "x", "/chat"],
            ["--subprotocol", f"api-key.{secret}", "--subprotocol", "x", "/open"],
            ["--subprotocol", form, "/open"],
            ["--method", f"GET /?a={secret}", "/open"],
        ]
        for row in rows:
            for json_too in ([], ["--json"]):
                with self.subTest(row[:-1] + json_too):
                    done = self.explain(*json_too, *row, config=config)
                    self.assertIn("HTTP/1.1", done.stdout)
                    for hidden in (secret, token, token.split(".")[2], tokens.b64(token.encode())):
                        self.assertNotIn(hidden, done.stdout + done.stderr)

    def test_what_is_set_for_a_backend_alone(self):
        secret = tokens.unguessable().decode()
        config = self.config(self.backend(), require=["own"], middleware={"own": {"headers": {"set": {
            "Authorization": f"Basic {secret}", "X-Backend-Token": secret, "X-Gateway": "edge"}}}})
        config["listeners"][0]["address"] = "127.0.0.1:1"
        for json_too in ([], ["--json"]):
            done = self.explain(*json_too, "/ws", config=config)
            self.assertEqual(done.returncode, 0)
            self.assertNotIn(secret, done.stdout)
        self.assertEqual(json.loads(done.stdout)["modules"][0]["sets"], {
            "Authorization": "Basic [redacted]", "X-Backend-Token": "[redacted]", "X-Gateway": "edge"})

    def test_a_token_from_a_file(self):
        config, token = self.on_paper(), tokens.hs()
        file = self.file("token", token + "\n")
        for arguments, stdin in [(["--token-file", file], ""), (["--token-file", "-"], token + "\r\n")]:
            done = self.explain(*arguments, "--origin", APP, "/chat", config=config, stdin=stdin)
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_the_terminal_is_safe(self):
        done = self.explain("--header", "X: \x1b[31m\x9b", "--host", "\x1b]0;x", "/\x1b?\x1b=1",
                            config=self.on_paper())
        self.assertTrue(all(c.isprintable() or c == "\n" for c in done.stdout), done.stdout)

    # ---- Modules that wait

    def waiting(self, **options):
        config = self.on_paper()
        config["middleware"] = {
            name: {"test_waits": more} for name, more in options.items()}
        config["routes"] = [self.route("/ws", list(options))]
        config["timeouts"]["auth"] = "1500ms"
        return config

    def outcome(self, *arguments, **options):
        done = self.explain("--json", *arguments, "/ws", config=self.waiting(**options), waits=True)
        report = json.loads(done.stdout)
        self.assertEqual(report["verdict"], ["let in", "refused"][done.returncode])
        verdicts = {m["name"]: (m["asked"], m["verdict"], m.get("reason")) for m in report["modules"]}
        return report, verdicts, done

    def test_modules_that_wait(self):
        report, verdicts, done = self.outcome(
            a={"delay": "20ms"}, b={}, c={"delay": "30ms"}, d={"delay": "10ms"})
        self.assertEqual(verdicts, {name: (True, "pass", None) for name in "abcd"})
        self.assertEqual(report["modules"][2]["labels"], {"test": "waited"})
        self.assertEqual(done.stderr, "")

        report, verdicts, _ = self.outcome(
            a={"delay": "20ms"}, b={"delay": "20ms", "verdict": "deny"}, c={"delay": "800ms"},
            d={"verdict": "deny"}, e={"delay": "10s"}, f={"delay": "800ms"})
        self.assertEqual(verdicts, {
            "a": (True, "pass", None),
            "b": (True, "deny", "test-denied"),
            "c": (False, "pass", None),
            "d": (False, "deny", "test-denied"),
            "e": (False, "deny", "auth-timeout"),
            "f": (False, "pass", None),
        })
        self.assertEqual((report["status"], report["refused_by"]), (403, "b"))

    # ---- What only the network knows

    def offline(self, users, *arguments, after=None):
        """A route with that instance, and one that refuses behind it."""
        config = self.config(self.backend(), require=["users"], middleware={"users": users})
        if after:
            config["middleware"] |= after
            config["routes"][0]["require"] += list(after)
        config["listeners"][0]["address"] = "127.0.0.1:1"
        return self.explain(*arguments, "/ws", config=config)

    def test_nobody_is_asked(self):
        """The verdict is `unknown`; no connection is opened, and it is no refusal."""
        token = tokens.key_pair("ec").sign(kid="a")
        with Service(lambda _: [reply(b'{"active":true}')]) as service:
            for users, why in (
                ({"introspection": {"url": service.url()}}, "the service is not asked here"),
                ({"forward_auth": {"url": service.url()}}, "the service is not asked here"),
                ({"jwt": {"jwks_url": service.url()}}, "keys by URL are not fetched here"),
                ({"jwt": {"jwks_url": [service.url(), service.url() + "b"]}},
                 "keys by URL are not fetched here"),
            ):
                with self.subTest(users):
                    module = next(iter(users))
                    done = self.offline(users, "--token", token)
                    self.assertEqual(done.returncode, 3, done.stderr)
                    self.assertIn(f"users ({module})", done.stdout)
                    self.assertIn(f"  unknown: {why}\n", done.stdout)
                    self.assertIn(f"unknown, to users: {why}\n", done.stdout)
                    self.assertNotIn("HTTP/1.1 ", done.stdout.split("verdict")[1])
                    done = self.offline(users, "--json", "--token", token)
                    self.assertEqual(done.returncode, 3)
                    report = json.loads(done.stdout)
                    self.assertEqual(
                        (report["verdict"], report["why"], report["unknown_to"]),
                        ("unknown", why, "users"),
                    )
                    self.assertEqual(
                        report["modules"],
                        [{"name": "users", "module": module, "asked": True, "verdict": "unknown",
                          "why": why}],
                    )
                    self.assertNotIn("answer", report)
            self.assertEqual(service.requests, [])

    def test_what_is_certain_without_anybody(self):
        """No token, or one that no provider could save; and what stands behind is told."""
        url = "https://127.0.0.1:1/"
        for users in ({"introspection": {"url": url}}, {"jwt": {"jwks_url": url, "issuer": "i"}}):
            done = self.offline(users)
            self.assertEqual(done.returncode, 1)
            self.assertIn("deny: 401 token-missing", done.stdout)
        done = self.offline({"jwt": {"jwks_url": url, "issuer": "i"}}, "--token",
                            tokens.key_pair("ec").sign(tokens.claims(iss="j"), kid="a"))
        self.assertIn("deny: 401 token-issuer", done.stdout)
        done = self.offline({"introspection": {"url": url}}, "--token", "x", after={
            "office": {"ip_allowlist": {"allow": ["10.0.0.0/8"]}}})
        self.assertEqual(done.returncode, 3)
        self.assertIn("not asked, would be deny: 403 address-not-allowed", done.stdout)

    @unittest.skipUnless(shutil.which("strace"), "strace is not installed")
    def test_no_socket_is_made(self):
        trace = os.path.join(self.directory, "trace")
        config = self.config(self.backend(), require=["keys", "opaque"], middleware={
            "keys": {"jwt": {"jwks_url": "https://id.example.com/keys"}},
            "opaque": {"introspection": {"url": "https://id.example.com/"}}})
        config["listeners"][0]["address"] = "127.0.0.1:1"
        path = self.file("traced.json", json.dumps(config))
        token = tokens.key_pair("ec").sign(kid="a")
        done = subprocess.run(
            ["strace", "-f", "-e", "trace=socket,connect,sendto", "-o", trace, WSGATECTL, "explain", "-c",
             path, "--token", token, "/ws"], capture_output=True, timeout=120, check=False)
        if done.returncode != 3:
            self.skipTest(f"it cannot be traced here: {done.stderr.decode()}")
        with open(trace, encoding="utf-8") as file:
            self.assertNotRegex(file.read(), r"(?m)\b(socket|connect|sendto)\(")

    def test_the_chain_has_one_deadline(self):
        report, verdicts, _ = self.outcome(a={"delay": "700ms"}, b={"delay": "1500ms"}, c={})
        self.assertEqual(verdicts["a"], (True, "pass", None))
        self.assertEqual(verdicts["b"], (True, "deny", "auth-timeout"))
        self.assertEqual(verdicts["c"], (False, "pass", None))
        self.assertEqual((report["status"], report["reason"]), (504, "auth-timeout"))

    def test_every_slot_is_given_back(self):
        config = self.waiting(a={"delay": "10ms"}, b={"verdict": "deny"}, c={}, d={"delay": "10s"})
        # The module aborts where something is left or given back twice; leaks are the sanitizer's.
        for _ in range(3):
            done = self.explain("/ws", config=config, waits=True)
            self.assertEqual((done.returncode, done.stderr), (1, ""))

    # ---- Usage

    def test_help(self):
        done = run("--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue(done.stdout.startswith("usage: wsgatectl explain "))
        # but for the line with the default path, which is as long as the prefix makes it
        lines = [line for line in done.stdout.splitlines() if "wsgate.yaml" not in line]
        self.assertTrue(all(len(line) <= 100 for line in lines))

    def test_usage(self):
        config = self.on_paper()
        for arguments, error in [
            ([], "expected one TARGET"),
            (["/a", "/b"], "expected one TARGET"),
            (["--unknown", "/"], "unrecognized option"),
            (["--token"], "requires an argument"),
            (["--token", "a", "--token", "b", "/"], "given twice"),
            (["--token", "a b", "/"], "spaces or controls"),
            (["--token-file", "/nonexistent", "/"], "No such file"),
            (["--from", "here", "/"], "--from: expected an IP address"),
            (["--from", "127.0.0.256", "/"], "--from: expected an IP address"),
            (["--header", "a: b\r\nc: d", "/"], "--header: a line end"),
            (["--origin", "a\nb", "/"], "--origin: a line end"),
            (["--method", "a\nb", "/"], "--method: a line end"),
            (["--host", "a\nb", "/"], "--host: a line end"),
            (["--subprotocol", "a\nb", "/"], "--subprotocol: a line end"),
            (["--header=a: b"] * 201 + ["/"], "200 at most"),
            (["/\n"], "TARGET: a line end"),
            (["ws://"], "URL: "),
            (["wss://a b/"], "URL: "),
        ]:
            with self.subTest(arguments[:3]):
                done = self.explain(*arguments, config=config)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertIn(error, done.stderr)
                self.assertTrue(done.stderr.endswith("Try: wsgatectl explain --help\n"))

    def test_faults_of_the_configuration(self):
        config = self.on_paper()
        done = self.explain("--listener", "third", "/", config=config)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn('no listener "third"', done.stderr)
        self.assertTrue(done.stderr.endswith("  main\n  second\n"))
        config["listner"] = config.pop("listeners")
        done = self.explain("/", config=config)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertRegex(done.stderr, r"explain\.json:\d+:\d+: .*listner")
        done = run("-c", "/nonexistent", "/")
        self.assertEqual((done.returncode, done.stdout), (2, ""))


if __name__ == "__main__":
    unittest.main()
