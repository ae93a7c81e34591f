"""What jwt and introspection have in common, as rows of a table (module_table.py)."""

import time

from .module_rows import PASS, ask, fault, fine, passed, refused, row
from .module_table import ModuleTable
from .tokens import kubernetes

PROTOCOL = "Sec-WebSocket-Protocol"
WIDE = "x" * 5000  # some ten of these are more than 64 KiB
CLAIMS = {"sub": "ann", "iss": "https://id", "aud": ["chat"], "scope": "chat read",
          "roles": ["user", "admin"], "user": {"id": 7}, "email": "ann@a.test"}


def from_now(seconds):
    """The value of a claim that has to be fresh: see ask_with."""
    return lambda: int(time.time()) + seconds


def bearer(token):
    return f"Authorization: Bearer {token}"


class BearerTable(ModuleTable):
    def token(self, **claims):
        """One that is good and says CLAIMS with these changes; None takes a claim away."""
        raise NotImplementedError

    def ask_with(self, *lines, hold=False, **claims):
        """With such a token; where a claim is a function, it is made when it is asked."""
        if not any(callable(value) for value in claims.values()):
            return ask(bearer(self.token(**claims)), *lines, hold=hold)

        def fresh():
            values = {word: value() if callable(value) else value for word, value in claims.items()}
            return bearer(self.token(**values))

        return ask(fresh, *lines, hold=hold)

    def rows_of_bearer(self):
        return [
            *self.rows_of_places(),
            *self.rows_of_rules(),
            row("issuer", {"issuer": "https://id"}, [self.ask_with(), self.ask_with(iss="https://id/"),
                                                     self.ask_with(iss=None)],
                [PASS, refused(401, "token-issuer"), refused(401, "token-issuer")], PASS),
            row("audience", {"audience": ["talk", "chat"]},
                [self.ask_with(), self.ask_with(aud="talk"), self.ask_with(aud=["mail"])],
                [PASS, PASS, refused(401, "token-audience")], PASS),
            row("subject_claim", {"subject_claim": "user.id"},
                [self.ask_with(), self.ask_with(user={"id": []})],
                [passed(subject="7"), refused(401, "token-claim")], passed(subject="ann")),
            row("forward_claims", {"forward_claims": {"email": "X-Mail", "roles": "X-Roles"}},
                self.ask_with("X-Mail: eve", "x_roles: root"),
                passed(sent={"X-Mail": "ann@a.test", "X-Roles": "user,admin"}),
                passed(sent={"X-Mail": None, "X-Roles": None})),
            row("on_expiry", {"on_expiry": "keep"},
                self.ask_with(hold=True, exp=from_now(3)), passed(close=None),
                passed(close=4401)),
            row("realm", {"realm": 'our "own"'}, [ask(), ask(bearer("a b"))],
                [refused(401, "token-missing", challenge='Bearer realm="our \\"own\\""'),
                 refused(401, "token-malformed", challenge=self.malformed('our \\"own\\"'))],
                [refused(401, "token-missing", challenge='Bearer realm="wsgate"'),
                 refused(401, "token-malformed", challenge=self.malformed("wsgate"))]),
        ]

    @staticmethod
    def malformed(realm):
        return f'Bearer realm="{realm}", error="invalid_token", ' \
               'error_description="The access token is malformed"'

    def rows_of_places(self):
        token = self.token()
        header, none = ask(bearer(token)), refused(401, "token-missing")
        cookie, query = ask(f"Cookie: a=b; t={token}"), ask(query=f"?a=1&t={token}")
        pair = ask(f"{PROTOCOL}: bearer, {token}, chat")
        long = ask(f"{PROTOCOL}: chat, {kubernetes(token)}")
        alone = ask(f"{PROTOCOL}: {kubernetes(token)}")
        twice = refused(400, "token-several", challenge='Bearer realm="wsgate", '
                        'error="invalid_request", '
                        'error_description="More than one access token was given"')
        gone = passed(sent={PROTOCOL: "chat"})
        return [
            row("token_from", {"token_from": ["cookie:t", "query:t"]},
                [header, cookie, query, ask(f"Cookie: t={token}", query=f"?t={token}")],
                [none, passed(sent={"Cookie": "a=b"}), passed(sent={"query": "a=1"}), twice],
                [PASS, none, none, none]),
            row("token_from", {"token_from": ["header", "subprotocol"]}, [header, pair, long, alone],
                [passed(sent={"Authorization": None}), gone, gone, refused(400, "token-alone")],
                [PASS, none, none, none]),
            row("forward_token", {"forward_token": True}, header,
                passed(sent={"Authorization": f"Bearer {token}"}),
                passed(sent={"Authorization": None})),
            row("forward_token", {"forward_token": True, "token_from": ["cookie:t", "subprotocol"]},
                [cookie, long], [passed(sent={"Cookie": f"a=b; t={token}"}), gone],
                [passed(sent={"Cookie": "a=b"}), gone]),
        ]

    def rows_of_rules(self):
        good = self.ask_with()
        short = 'Bearer realm="wsgate", error="insufficient_scope", ' \
                'error_description="The access token does not grant this"'

        def rule(word, claim, right, wrong, **more):
            broken = refused(403, "claims-not-met", rule=word, claim=claim, subject="ann", **more)
            return row(f"claims.{word}", {"claims": {claim: {word: wrong}}}, good, broken, PASS,
                       control={"claims": {claim: {word: right}}})

        return [
            rule("equals", "email", "ann@a.test", "ann@b.test", challenge=short),
            rule("any_of", "roles", ["x", "user"], ["x", "y"]),
            rule("all_of", "roles", ["admin", "user"], ["user", "x"]),
            rule("contains", "scope", "chat", "cha", challenge=f'{short}, scope="cha"'),
            rule("matches", "email", "[a-z]+@a\\.test", "[a-z]+@b\\.test"),
            rule("present", "roles", True, False),
            row("claims.equals", {"claims": {"user.id": {"equals": 7}}},
                [good, self.ask_with(user={"id": 8})],
                [PASS, refused(403, "claims-not-met", rule="equals", claim="user.id")], PASS,
                control={}),
        ]

    @staticmethod
    def faults_of_bearer():
        claims = [
            ("equals", {"a": {"equals": ["x"]}}, "expected a string, found a list", '["x"]'),
            ("any_of", {"a": {"any_of": []}}, "empty; leave it out", "[]"),
            ("all_of", {"a": {"all_of": ["x", "{"]}}, "capture", '"{"'),
            ("contains", {"a": {"contains": "{}"}}, "capture", '"{}"'),
            ("matches", {"a": {"matches": "("}}, '"("', '"("'),
            ("present", {"a": {"present": "x"}}, "expected true or false, found `x`", '"x"'),
        ]
        return [
            *(fault(f"claims.{word}", None, said, at, claims=rules)
              for word, rules, said, at in claims),
            *fine("cache", {"entries": 0, "bytes": "1KiB"}, {"bytes": "64KiB"}),
            *fine("token_from", "header", ["header", "cookie:a", "cookie:b", "query:a"]),
            fault("cache.entries", 10000001, "expected at most 10000000"),
            fault("cache.bytes", "1KiB", "expected at least 64KiB; entries: 0 for no cache"),
            fault("issuer", "", "empty; leave it out, or name one"),
            fault("audience", [], "empty; leave it out, or name one"),
            fault("token_from", ["hedder"], 'expected header, "cookie:NAME"', '"hedder"'),
            fault("token_from", ["header", "header"], "named twice", '"header"]'),
            fault("require_expiration", 0, "expected true or false, found `0`"),
            fault("subject_claim", "a..b", "names joined by dots"),
            fault("forward_claims", {"sub": "Host"}, "this header has a meaning of its own", '"Host"'),
            fault("forward_claims", {"sub": "X-Real-IP"}, "this header has a meaning of its own",
                  '"X-Real-IP"'),
            fault("forward_claims", {"sub": "X-A", "iss": "x-a"}, "another claim goes to this header",
                  '"x-a"'),
            fault("forward_token", "x", "expected true or false, found `x`"),
            fault("on_expiry", "open", "expected one of close, keep, found `open`"),
            fault("realm", "caf\u00e9", "expected printable ASCII", '"caf'),
        ]
