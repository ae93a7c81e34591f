"""Requests x modules: JSON Web Tokens (see harness/module_table.py)."""

import json
import os
import time

from harness import tokens
from harness.bearer_table import CLAIMS, WIDE, BearerTable, bearer, from_now
from harness.case import Case
from harness.module_rows import ABSENT, PASS, ask, fault, fine, passed, refused, row
from harness.provider import Provider, authority, response

LONG = "s" * 64  # a secret for HS512
OURS = tokens.SECRET.decode()
NO_KEYS = refused(503, "token-keys-unavailable", challenge=None, retry_after=range(1, 4000))
UNKNOWN = refused(401, "token-key-unknown")


class Jwt(BearerTable, Case):
    """Rows with `remote` have keys by URL alone: those of a key set of their own, "a" at first."""

    module = "jwt"

    def prepare(self):
        self.pair = tokens.key_pair("ec")
        self.plain, self.secure = Provider(None), Provider()
        for provider in (self.plain, self.secure):
            self.addCleanup(provider.close)

    def set_of(self, kid):
        return {"keys": [tokens.jwk(self.pair, kid)]}

    def base(self, name):
        of_row = self.row_of.get(name)
        if not of_row or not of_row.more.get("remote"):
            return {"keys": [{"secret": OURS}]}
        provider, path = self.provider(name), f"/{name}"
        answer = of_row.more.get("answer", self.set_of("a"))
        provider.answers.setdefault(path, answer)
        return {"jwks_url": [provider.base + path], "refetch_interval": "1h"}

    def provider(self, name):
        return self.secure if self.row_of[name].more["remote"] == "https" else self.plain

    def token(self, **claims):
        whole = CLAIMS | {"exp": int(time.time()) + 3600} | claims
        return tokens.hs({word: value for word, value in whole.items() if value is not None})

    def public(self, kid="a", **claims):
        """A request with a token that the provider's key signed."""
        return ask(bearer(self.pair.sign(tokens.claims(**claims), kid=kid)))

    # ---- rows ----

    def rows(self):
        return [
            *self.rows_of_keys(),
            *self.rows_of_tokens(),
            *self.rows_of_bearer(),
            *self.rows_of_the_cache(),
            *self.rows_of_addresses(),
            *self.rows_of_fetches(),
        ]

    def rows_of_keys(self):
        signature, algorithm = refused(401, "token-signature"), refused(401, "token-algorithm")
        other = ask(bearer(tokens.hs(tokens.claims(), LONG.encode())))
        ours, named = self.ask_with(), ask(bearer(tokens.hs(kid="b")))
        strong = ask(bearer(tokens.hs(tokens.claims(), LONG.encode(), "HS512")))
        secret = self.file("secret", f"{LONG}\n")
        public = self.file("public.pem", self.pair.public)
        jwks = self.file("jwks", json.dumps(self.set_of("a")))
        return [
            row("keys.secret", {"keys": [{"secret": LONG}]}, [ours, other], [signature, PASS],
                [PASS, signature], control={}),
            row("keys.secret_file", {"keys": [{"secret_file": secret}]}, [ours, other],
                [signature, PASS], [PASS, signature], control={}),
            row("keys.file", {"keys": [{"file": public}]}, [ours, self.public()], [UNKNOWN, PASS],
                [PASS, UNKNOWN], control={}),
            row("keys.kid", {"keys": [{"secret": OURS, "kid": "a"}]}, [ours, named],
                [PASS, UNKNOWN], PASS, control={}),
            row("keys.algorithm", {"keys": [{"secret": LONG, "algorithm": "HS512"}]},
                [other, strong], [UNKNOWN, PASS], PASS, control={"keys": [{"secret": LONG}]}),
            row("jwks_file", {"jwks_file": [jwks]}, [ours, self.public(), self.public("b")],
                [PASS, PASS, UNKNOWN], [PASS, UNKNOWN, UNKNOWN]),
            row("algorithms", {"keys": [{"secret": LONG}], "algorithms": ["HS512", "HS384"]},
                [other, strong], [algorithm, PASS], PASS),
        ]

    def rows_of_tokens(self):
        now = int(time.time())
        expired, early = refused(401, "token-expired"), refused(401, "token-not-yet-valid")
        plain, typed = self.ask_with(), ask(bearer(tokens.hs(typ="application/AT+JWT")))
        gone = self.file("revoked", "# who left\njti t1\nsub https://id eve\nsid s%201\n")
        revoked = refused(401, "token-revoked")
        return [
            row("typ", {"typ": "at+jwt"}, [plain, typed], [refused(401, "token-type"), PASS], PASS),
            row("leeway", {"leeway": "1h"},
                [self.ask_with(exp=now - 60), self.ask_with(nbf=now + 600),
                 self.ask_with(exp=now - 4000)],
                [PASS, PASS, expired], [expired, early, expired]),
            row("require_expiration", {"require_expiration": False}, self.ask_with(exp=None), PASS,
                refused(401, "token-no-expiry")),
            row("max_age", {"max_age": "1h"},
                [self.ask_with(iat=now - 60), self.ask_with(iat=now - 4000),
                 self.ask_with(iat=now + 600), plain],
                [PASS, refused(401, "token-too-old"), refused(401, "token-issued-later"),
                 refused(401, "token-no-issue-time")], PASS),
            row("max_age", {"max_age": "1h"}, self.ask_with(iat=from_now(-3597), hold=True),
                passed(close=4401), passed(close=None)),
            row("revoked_file", {"revoked_file": gone},
                [plain, self.ask_with(jti="t1"), self.ask_with(sub="eve"),
                 self.ask_with(iss=None, sub="eve"), self.ask_with(sid="s 1")],
                [PASS, revoked, revoked, PASS, revoked], PASS),
        ]

    def rows_of_the_cache(self):
        def hits(number):
            return passed(counted={"token-cache-hit": number})

        token, wide = self.ask_with(), [self.ask_with(pad=WIDE, jti=str(i)) for i in range(20)]
        return [
            row("cache.entries", {"cache": {"entries": 0}}, [token, token], hits(0), hits(1),
                alone=True),
            row("cache.bytes", {"cache": {"bytes": "64KiB"}}, [*wide, wide[0]], hits(0), hits(1),
                alone=True),
        ]

    # ---- keys by URL ----

    def rows_of_addresses(self):
        keys, issuer = self.plain.base + "/keys", self.plain.base + "/id"
        self.plain.answers["/keys"] = self.set_of("a")
        self.plain.answers["/id/.well-known/openid-configuration"] = {
            "issuer": issuer, "jwks_uri": keys}
        cached, public = os.path.join(self.directory, "cache"), self.public()
        return [
            row("jwks_url", {"jwks_url": [keys], "keys": ABSENT}, [public, self.public("b")],
                [PASS, UNKNOWN], UNKNOWN, control={}),
            row("discovery", {"discovery": issuer, "keys": ABSENT},
                [self.public(iss=issuer), self.public(iss="https://id")],
                [PASS, refused(401, "token-issuer")], UNKNOWN, control={}),
            row("ca_file", {"ca_file": authority().certificate}, public, PASS, NO_KEYS,
                remote="https"),
            row("cache_file", {"cache_file": cached, "jwks_url": [self.remembered(cached)]}, public,
                PASS, NO_KEYS, remote="http"),
        ]

    def remembered(self, path):
        """An address where nothing is; what it once had stands in that file."""
        url = self.plain.base + "/gone"
        self.plain.answers["/gone"] = response(status="500 Broken")
        kept = {"fetched": int(time.time()), "jwks": json.dumps(self.set_of("a"))}
        self.file("cache", json.dumps({"format": "wsgate key sets 1", "sets": {url: kept}}))
        os.chmod(path, 0o600)
        return url

    def rows_of_fetches(self):
        first, unknown = self.public(), [self.public(f"u{i}") for i in range(5)]
        later = ask(*first.lines, before=self.change, again=True)
        return [
            row("fetch_timeout", {"fetch_timeout": "100ms"}, first, NO_KEYS, PASS, remote="http",
                answer=self.late),
            row("refetch_interval", {"refetch_interval": "1h"}, [first, *unknown],
                [PASS, {}, {}, {}, {}, NO_KEYS], [PASS, {}, {}, {}, {}, UNKNOWN], remote="http",
                control={"refetch_interval": "1s"}),
            row("refresh", {"refresh": "1s"}, [first, later], [PASS, UNKNOWN], PASS, remote="http",
                changed="b"),
            row("max_stale", {"max_stale": "1s", "refresh": "1s"}, [first, later], [PASS, NO_KEYS],
                PASS, remote="http"),
        ]

    def late(self, peer):
        time.sleep(0.5)
        peer.sendall(response(self.set_of("a")))

    def change(self, side):
        """Another key takes the place of "a", or the provider breaks; and it is fetched."""
        provider, path = self.provider(side.name), f"/{side.name}"
        kid, before = side.row.more.get("changed"), provider.count(path)
        provider.answers[path] = self.set_of(kid) if kid else response(status="500 Broken")
        if "refresh" in side.options:
            provider.await_asked(before + 1, path)

    # ---- faults ----

    def faults(self):
        remote = {"jwks_url": ["https://id.test/keys"]}
        broken = self.file("broken.pem", "-----BEGIN PUBLIC KEY-----\nAAAA\n"
                                         "-----END PUBLIC KEY-----\n")
        private = self.file("private.pem", self.pair.private)
        words = self.file("words", "jti\n")
        short, no_set = self.file("short", "abc\n"), self.file("set", "[]\n")

        def key(word, value, said, **others):
            return fault(f"keys.{word}", None, said, json.dumps(value),
                         keys=[others | {word: value}])

        return [
            *self.faults_of_bearer(),
            fault("keys", None, "expected keys, jwks_file, jwks_url, discovery or", "[]", keys=[]),
            fault("keys", None, "expected one of file, secret_file and secret", '{"kid"',
                  keys=[{"kid": "a"}]),
            key("file", "/nonexistent/x", "cannot be read: No such file"),
            key("file", broken, "holds a broken PUBLIC KEY"),
            key("file", private, "holds a private key"),
            key("secret_file", short, "a secret of 3 bytes; HS256 needs 32 or more"),
            key("secret", "x" * 40, "a secret of 40 bytes; HS512 needs 64", algorithm="HS512"),
            key("kid", "", "0 bytes; expected 1 to 255", secret=OURS),
            key("algorithm", "none", "expected one of HS256, HS384", secret=OURS),
            fault("jwks_file", ["/nonexistent/x"], "cannot be read: No such file",
                  '"/nonexistent/x"'),
            fault("jwks_file", [no_set], f"{no_set}: ", f'"{no_set}"'),
            fault("jwks_url", ["http://id.test/"], "http:// is for localhost", '"http://id.test/"'),
            fault("jwks_url", [], "empty; leave it out, or name one"),
            fault("discovery", "https://id.test/.well-known/openid-configuration",
                  "expected the provider's address without /.well-known"),
            *fine("leeway", "0", "1h"),
            *fine("max_age", "0", "3650d"),
            *(value for word, least, most in (("refresh", "1s", "7d"), ("refetch_interval", "1s", "1h"),
                                              ("fetch_timeout", "100ms", "1m"))
              for value in fine(word, least, most, **remote)),
            *fine("max_stale", "0", "1s", "30d", **remote),
            *fine("keys", [{"secret": OURS, "kid": "k" * 255}], [{"secret": "x" * 32}]),
            key("kid", "k" * 256, "256 bytes; expected 1 to 255", secret=OURS),
            fault("refresh", "999ms", "expected 1s to 7d", **remote),
            fault("refresh", "5m", "it needs jwks_url or discovery"),
            fault("refetch_interval", "3601s", "expected 1s to 1h", **remote),
            fault("fetch_timeout", "99ms", "expected 100ms to 1m", **remote),
            fault("max_stale", "31d", "expected 1s to 30d, or 0 for ever", **remote),
            fault("max_stale", "1ms", "expected 1s to 30d, or 0 for ever", **remote),
            fault("ca_file", words, "expected certificates in PEM", **remote),
            fault("cache_file", "keys.json", "expected an absolute path", **remote),
            fault("algorithms", ["HS265"], '"HS265" is no algorithm', '"HS265"'),
            fault("algorithms", ["ES256"], "no key can serve any of these"),
            fault("typ", "", "empty; leave it out, or name one"),
            fault("leeway", "3601s", "expected at most 1h"),
            fault("max_age", "3651d", "expected at most 3650d"),
            fault("revoked_file", words, f"{words}: line 1: expected an id"),
        ]
