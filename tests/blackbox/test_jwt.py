"""The token decides: sources, verdicts, and how a subprotocol that carries one is answered."""

import json
import time

from harness import tokens
from harness.case import Case
from harness.wire import handshake, switching


def bearer(token, scheme="Bearer"):
    return f"Authorization: {scheme} {token}"


class Verdicts(Case):
    """One gateway per class of verdict; every row is a token and the status it gets."""

    def statuses(self, gate, rows):
        for name, (token, status) in rows.items():
            with self.subTest(name):
                reply = gate.ask(handshake("/ws", bearer(token)))
                self.assertEqual(reply.status, status, reply)
                if status == 401:
                    self.check_refused(reply, 401)
                    self.assertRegex(
                        reply.get("WWW-Authenticate"),
                        r'^Bearer realm="[^"]*", error="invalid_token", error_description="[^"]+"$',
                    )

    def test_signature(self):
        good = tokens.hs()
        text = good.rpartition(".")[0]
        # The last character of a 32 byte MAC has two bits to spare: setting them is not canonical.
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        loose = good[:-1] + alphabet[alphabet.index(good[-1]) | 1]
        self.statuses(
            self.gateway(**self.jwt()),
            {
                "good": (good, 101),
                "another secret": (tokens.hs(secret=tokens.OTHER_SECRET), 401),
                "header changed": (tokens.flip(good, 0), 401),
                "claims changed": (tokens.flip(good, 1), 401),
                "signature changed": (tokens.flip(good, 2), 401),
                "no signature": (text + ".", 401),
                "two segments": (text, 401),
                "four segments": (good + ".AAAA", 401),
                "five segments": (good + ".AAAA.AAAA", 401),
                "padding": (good + "=", 401),
                "not canonical": (loose, 401),
                "standard base64": (text + "." + "+/" * 21 + "A", 401),
                "empty segments": ("..", 401),
                "half a MAC": (good[:-22], 401),
                "nothing but a word": ("x", 401),
                "a very long one": ("a" * 6000 + "." + "b" * 20 + ".c", 401),
            },
        )

    def test_header(self):
        other = tokens.key_pair("rsa")
        jwk = {"kty": "oct", "k": tokens.b64(tokens.OTHER_SECRET)}
        forged = dict(secret=tokens.OTHER_SECRET)
        self.statuses(
            self.gateway(**self.jwt()),
            {
                "none": (tokens.unsigned(), 401),
                "None": (tokens.unsigned(alg="None"), 401),
                "none with our MAC": (self.with_mac(alg="none"), 401),
                "no alg": (self.with_mac(alg=None), 401),
                "lower case": (self.with_mac(alg="hs256"), 401),
                "a number": (self.with_mac(alg=256), 401),
                "HS512 by the HS256 key": (tokens.hs(alg="HS512"), 401),
                "RS256": (other.sign(), 401),
                "crit": (tokens.hs(crit=["exp"]), 401),
                "b64": (tokens.hs(b64=True), 401),
                "b64 false": (tokens.hs(b64=False, crit=["b64"]), 401),
                "embedded jwk": (tokens.hs(jwk=jwk, **forged), 401),
                "jku": (tokens.hs(jku="http://127.0.0.1:1/keys", **forged), 401),
                "x5c": (tokens.hs(x5c=["AAAA"], **forged), 401),
                "no typ": (self.with_mac(alg="HS256"), 101),
            },
        )

    @staticmethod
    def with_mac(alg):
        head = {"alg": alg} if alg is not None else {}
        text = f"{tokens.segment(head)}.{tokens.segment(tokens.claims())}"
        return f"{text}.{tokens.b64(tokens.sign_hmac(text, tokens.SECRET))}"

    def test_times(self):
        now = int(time.time())
        claims = tokens.claims
        self.statuses(
            self.gateway(**self.jwt(leeway="30s")),
            {
                "within leeway": (tokens.hs(claims(-5)), 101),
                "expired": (tokens.hs(claims(-60)), 401),
                "long expired": (tokens.hs(claims(exp=1)), 401),
                "no exp": (tokens.hs(claims(exp=None)), 401),
                "exp is a string": (tokens.hs(claims(exp=str(now + 100))), 401),
                "exp is null": (tokens.hs({"sub": "a", "exp": None}), 401),
                "exp is negative": (tokens.hs(claims(exp=-5)), 401),
                "exp is out of range": (tokens.hs(claims(exp=1e300)), 401),
                "exp has a fraction": (tokens.hs(claims(exp=now + 100.5)), 101),
                "not yet, within leeway": (tokens.hs(claims(nbf=now + 10)), 101),
                "not yet": (tokens.hs(claims(nbf=now + 600)), 401),
                "nbf is a string": (tokens.hs(claims(nbf=str(now - 5))), 401),
                "nbf is past": (tokens.hs(claims(nbf=now - 5)), 101),
                "iat is a string": (tokens.hs(claims(iat="now")), 401),
            },
        )

    def test_issuer_and_audience(self):
        def made(**more):
            return tokens.hs(tokens.claims(**({"iss": "https://id.test", "aud": "chat"} | more)))

        parts = self.jwt(issuer="https://id.test", audience=["chat", "talk"])
        self.statuses(
            self.gateway(**parts),
            {
                "right": (made(), 101),
                "the other audience": (made(aud="talk"), 101),
                "one of several": (made(aud=["x", "chat"]), 101),
                "no issuer": (made(iss=None), 401),
                "another issuer": (made(iss="https://id.test/"), 401),
                "issuer is a list": (made(iss=["https://id.test"]), 401),
                "no audience": (made(aud=None), 401),
                "another audience": (made(aud="chats"), 401),
                "an empty list": (made(aud=[]), 401),
                "audience is a number": (made(aud=5), 401),
                "audience in other case": (made(aud="Chat"), 401),
            },
        )

    def test_payload(self):
        def raw(payload):
            text = f"{tokens.segment({'alg': 'HS256'})}.{tokens.b64(payload)}"
            return f"{text}.{tokens.b64(tokens.sign_hmac(text, tokens.SECRET))}"

        later = int(time.time()) + 1000
        self.statuses(
            self.gateway(**self.jwt()),
            {
                "good": (raw(f'{{"exp":{later}}}'.encode()), 101),
                "not JSON": (raw(b"hello"), 401),
                "empty": (raw(b""), 401),
                "a list": (raw(b"[]"), 401),
                "a name twice": (raw(f'{{"exp":1,"exp":{later}}}'.encode()), 401),
                "something behind it": (raw(f'{{"exp":{later}}} x'.encode()), 401),
                "not UTF-8": (raw(f'{{"exp":{later},"sub":"'.encode() + b'\xff"}'), 401),
            },
        )

    def test_public_keys(self):
        for kind in ("rsa", "ec"):
            pair = tokens.key_pair(kind)
            confused = {
                "HMAC by the public key": tokens.hs(secret=pair.public),
                "the same without its last line end": tokens.hs(secret=pair.public.strip()),
            }
            self.statuses(
                self.gateway(**self.jwt(pair.public, pair.alg)),
                {
                    "good": (pair.sign(), 101),
                    "expired": (pair.sign(tokens.claims(-100)), 401),
                    "claims changed": (tokens.flip(pair.sign(), 1), 401),
                    "signature changed": (tokens.flip(pair.sign(), 2), 401),
                    "none": (tokens.unsigned(), 401),
                    "the other kind": (
                        tokens.key_pair("ec" if kind == "rsa" else "rsa").sign(),
                        401,
                    ),
                    "a zero signature": (pair.sign().rpartition(".")[0] + "." + "A" * 86, 401),
                }
                | {name: (token, 401) for name, token in confused.items()},
            )

    def test_a_list_that_allows_both_does_not_confuse_keys(self):
        """Both algorithms are allowed, yet each key is good for its own alone."""
        pair = tokens.key_pair("rsa")
        keys = [
            {"file": self.file("rsa.pem", pair.public), "algorithm": "RS256", "kid": "rsa"},
            {"secret_file": self.file("hs", tokens.SECRET), "algorithm": "HS256", "kid": "hs"},
        ]
        users = {"jwt": {"keys": keys, "algorithms": ["RS256", "HS256"]}}
        gate = self.gateway(require=["users"], middleware={"users": users})
        self.statuses(
            gate,
            {
                "rsa": (pair.sign(kid="rsa"), 101),
                "hs": (tokens.hs(kid="hs"), 101),
                "rsa without kid": (pair.sign(), 101),
                "hs without kid": (tokens.hs(), 101),
                "HMAC by the public key": (tokens.hs(secret=pair.public, kid="rsa"), 401),
                "HMAC by the public key, no kid": (tokens.hs(secret=pair.public), 401),
                "kid of the other": (tokens.hs(kid="rsa"), 401),
                "unknown kid": (tokens.hs(kid="none"), 401),
                "kid is a number": (tokens.hs(kid=5), 401),
                "kid is a path": (tokens.hs(kid="../../dev/null", secret=b""), 401),
            },
        )

    def test_key_sets(self):
        pair = tokens.key_pair("ec")
        oct_key = {"kty": "oct", "kid": "o", "alg": "HS256", "k": tokens.b64(tokens.SECRET)}
        point = tokens.openssl("pkey", "-pubin", "-outform", "DER", data=pair.public)[-64:]
        ec_key = {
            "kty": "EC",
            "crv": "P-256",
            "kid": "e",
            "alg": "ES256",
            "x": tokens.b64(point[:32]),
            "y": tokens.b64(point[32:]),
        }
        path = self.file("jwks.json", json.dumps({"keys": [oct_key, ec_key]}))
        users = {"jwt": {"jwks_file": path, "algorithms": ["HS256", "ES256"]}}
        self.statuses(
            self.gateway(require=["users"], middleware={"users": users}),
            {
                "oct": (tokens.hs(kid="o"), 101),
                "ec": (pair.sign(kid="e"), 101),
                "unknown": (tokens.hs(kid="x"), 401),
                "crossed": (tokens.hs(kid="e"), 401),
            },
        )


class Sources(Case):
    PLACES = ["header", "cookie:session", "query:access_token", "subprotocol"]

    def requests(self, token):
        return {
            "header": handshake("/ws", bearer(token)),
            "scheme in lower case": handshake("/ws", bearer(token, "bearer")),
            "scheme in upper case": handshake("/ws", bearer(token, "BEARER")),
            "cookie": handshake("/ws", f"Cookie: a=b; session={token}"),
            "query": handshake(f"/ws?a=b&access_token={token}"),
            "pair": handshake("/ws", f"Sec-WebSocket-Protocol: bearer, {token}"),
            "kubernetes": handshake(
                "/ws", f"Sec-WebSocket-Protocol: {tokens.kubernetes(token)}, chat"
            ),
        }

    def test_all_places(self):
        gate = self.gateway(**self.jwt(token_from=self.PLACES))
        for name, request in self.requests(tokens.hs()).items():
            with self.subTest(name):
                self.assertEqual(gate.ask(request).status, 101)
        for name, request in self.requests(tokens.hs(secret=tokens.OTHER_SECRET)).items():
            with self.subTest(name, token="bad"):
                self.assertEqual(gate.ask(request).status, 401)

    def test_only_the_places_that_are_listed(self):
        token = tokens.hs()
        belongs = {
            "header": ("header", "scheme in lower case", "scheme in upper case"),
            "cookie:session": ("cookie",),
            "query:access_token": ("query",),
            "subprotocol": ("pair", "kubernetes"),
        }
        for place in self.PLACES:
            gate = self.gateway(**self.jwt(token_from=[place]))
            for name, request in self.requests(token).items():
                with self.subTest(place=place, request=name):
                    wanted = 101 if name in belongs[place] else 401
                    self.assertEqual(gate.ask(request).status, wanted)

    def test_header_is_the_default(self):
        gate = self.gateway(**self.jwt())
        token = tokens.hs()
        self.assertEqual(gate.ask(handshake("/ws", bearer(token))).status, 101)
        reply = gate.ask(handshake("/ws", f"Cookie: session={token}"))
        self.assertNotIn("error", reply.get("WWW-Authenticate"))

    def test_no_credential(self):
        gate = self.gateway(**self.jwt(token_from=self.PLACES))
        rows = {
            "nothing": handshake("/ws"),
            "another scheme": handshake("/ws", "Authorization: Basic YTpi"),
            "a scheme that only begins so": handshake("/ws", "Authorization: Bearers abc"),
            "other cookies": handshake("/ws", "Cookie: sessions=x; Session=y"),
            "other arguments": handshake("/ws?token=x&Access_token=y"),
            "other protocols": handshake("/ws", "Sec-WebSocket-Protocol: chat, log"),
            "an empty cookie": handshake("/ws", "Cookie: session="),
            "an empty argument": handshake("/ws?access_token="),
        }
        for name, request in rows.items():
            with self.subTest(name):
                reply = gate.ask(request)
                self.check_refused(reply, 401)
                self.assertNotIn("error", reply.get("WWW-Authenticate"))

    def test_malformed_is_not_absent(self):
        gate = self.gateway(**self.jwt(token_from=self.PLACES))
        rows = {
            "empty": handshake("/ws", "Authorization: Bearer"),
            "a blank in it": handshake("/ws", "Authorization: Bearer a b"),
            "no token": handshake("/ws", "Authorization: Bearer !!!"),
        }
        for name, request in rows.items():
            with self.subTest(name):
                reply = gate.ask(request)
                self.check_refused(reply, 401)
                self.assertIn('error="invalid_token"', reply.get("WWW-Authenticate"))

    def test_more_than_one_credential(self):
        service = self.backend()
        gate = self.gateway(service, **self.jwt(token_from=self.PLACES))
        one, two = tokens.hs(), tokens.hs(tokens.claims(sub="bob"))
        rows = {
            "two headers": handshake("/ws", bearer(one), bearer(two)),
            "the same header twice": handshake("/ws", bearer(one), bearer(one)),
            "header and cookie": handshake("/ws", bearer(one), f"Cookie: session={two}"),
            "header and the same cookie": handshake("/ws", bearer(one), f"Cookie: session={one}"),
            "header and query": handshake(f"/ws?access_token={one}", bearer(one)),
            "header and pair": handshake(
                "/ws", bearer(one), f"Sec-WebSocket-Protocol: bearer, {one}"
            ),
            "two cookies": handshake("/ws", f"Cookie: session={one}; session={one}"),
            "two Cookie fields": handshake(
                "/ws", f"Cookie: session={one}", f"Cookie: session={two}"
            ),
            "two arguments": handshake(f"/ws?access_token={one}&access_token={two}"),
            "two arguments, one encoded": handshake(f"/ws?access_token={one}&access%5ftoken={one}"),
            "good and malformed": handshake("/ws", bearer(one), bearer("x")),
            "kubernetes twice": handshake(
                "/ws",
                f"Sec-WebSocket-Protocol: {tokens.kubernetes(one)}, {tokens.kubernetes(two)}, chat",
            ),
        }
        for name, request in rows.items():
            with self.subTest(name):
                reply = gate.ask(request)
                self.check_refused(reply, 400)
                self.assertIn('error="invalid_request"', reply.get("WWW-Authenticate") or "")
        self.assertEqual(service.connects, 0)


class Together(Case):
    def test_two_instances(self):
        """Each has its key and its place; both must be content, both tokens are taken out."""
        service = self.backend()
        middleware = {
            "users": {
                "jwt": {
                    "keys": [{"secret_file": self.file("a", tokens.SECRET), "algorithm": "HS256"}],
                    "algorithms": ["HS256"],
                    "forward_claims": {"sub": "X-Auth-User"},
                }
            },
            "apps": {
                "jwt": {
                    "keys": [
                        {"secret_file": self.file("b", tokens.OTHER_SECRET), "algorithm": "HS256"}
                    ],
                    "algorithms": ["HS256"],
                    "token_from": ["cookie:app"],
                    "forward_claims": {"sub": "X-Auth-App"},
                }
            },
        }
        gate = self.gateway(service, require=["users", "apps"], middleware=middleware)
        user = bearer(tokens.hs())
        app = "Cookie: app=" + tokens.hs(tokens.claims(sub="app"), tokens.OTHER_SECRET)
        wrong = "Cookie: app=" + tokens.hs()
        for lines, status in (((user,), 401), ((app,), 401), ((user, wrong), 401), ((), 401)):
            self.assertEqual(gate.ask(handshake("/ws", *lines)).status, status)
        self.assertEqual(service.connects, 0)
        self.client(gate, handshake("/ws", user, app))
        head = service.next().read_head()
        self.assertEqual((head.get("X-Auth-User"), head.get("X-Auth-App")), ("alice", "app"))
        self.assertEqual(head.all("Cookie") + head.all("Authorization"), [])

    def test_a_token_that_expires_before_the_101(self):
        service = self.backend()
        gate = self.gateway(service, **self.jwt(leeway="0s", realm="corp"))
        client = self.client(gate, handshake("/ws", bearer(tokens.hs(tokens.claims(3)))))
        peer = service.next()
        head = peer.read_head()
        time.sleep(3.1)
        try:
            peer.send(switching(head) + b"secret")
        except OSError:
            pass  # it has been told already
        reply = client.read_response()
        self.check_refused(reply, 401)
        challenge = reply.get("WWW-Authenticate") or ""
        self.assertIn('error="invalid_token"', challenge)
        self.assertNotIn("wsgate", challenge)
        client.expect_end()
        peer.read_rest()
