"""
Attacks on the verification of tokens, as tables: each row with the status and the
error_description that it gets. No refused one reaches the backend, and none stands in a log.
"""

import base64
import json
import time

from harness import tokens
from harness.case import Case
from harness.tokens import b64, segment
from harness.wire import handshake

PASSES = (101, None, None)
MALFORMED = (401, "token-malformed", "The access token is malformed")
TOO_LONG = (401, "token-too-long", "The access token is too long")
CRITICAL = (401, "token-critical", "The access token needs an extension that is not supported")
TYPE = (401, "token-type", "The access token is of another type")
ALGORITHM = (401, "token-algorithm", "The access token's algorithm is not accepted")
KEY = (401, "token-key-unknown", "The access token is signed with an unknown key")
AMBIGUOUS = (401, "token-key-ambiguous",
             "The access token does not say which key it is signed with")
SIGNATURE = (401, "token-signature", "The access token's signature does not verify")
CLAIM = (401, "token-claim", "A claim of the access token has a wrong type or range")
NO_EXPIRY = (401, "token-no-expiry", "The access token never expires")
EXPIRED = (401, "token-expired", "The access token expired")
NOT_YET_VALID = (401, "token-not-yet-valid", "The access token is not valid yet")
NO_ISSUE_TIME = (401, "token-no-issue-time", "The access token does not say when it was issued")
ISSUED_LATER = (401, "token-issued-later", "The access token was issued in the future")
TOO_OLD = (401, "token-too-old", "The access token was issued too long ago")
SEVERAL = (400, "token-several", "More than one access token was given")
ALONE = (400, "token-alone", "A token subprotocol needs another subprotocol beside it")
MISSING = (401, "token-missing", None)

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
# The order of the group of P-256 (SEC 2).
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def later(seconds=3600):
    return int(time.time()) + seconds


def text(value):
    """JSON as bytes; bytes and str as they are."""
    if isinstance(value, bytes):
        return value
    return (value if isinstance(value, str) else json.dumps(value)).encode()


def mac(header, payload=None, secret=tokens.SECRET, alg="HS256"):
    """A token with that header and payload, JSON or any text, and the MAC over them."""
    signed = f"{b64(text(header))}.{b64(text(tokens.claims() if payload is None else payload))}"
    return f"{signed}.{b64(tokens.sign_hmac(signed, secret, alg))}"


def mac_over(head, body):
    """The same for segments that are encoded already, well or badly."""
    return f"{head}.{body}.{b64(tokens.sign_hmac(f'{head}.{body}', tokens.SECRET))}"


def loose(encoded):
    """base64url whose unused bits are not zero; its length must leave some."""
    assert len(encoded) % 4 in (2, 3), encoded
    return encoded[:-1] + ALPHABET[ALPHABET.index(encoded[-1]) | 1]


def padded(value, rest):
    """JSON text of a length that leaves `rest` bytes after whole groups of three."""
    made = json.dumps(value)
    while len(made) % 3 != rest:
        made += " "
    return made.encode()


def signed_by(pair, header, payload=None, change=None, salt=None):
    """A token whose signature bytes `change` may replace."""
    signing_input = f"{segment(header)}.{segment(payload or tokens.claims())}"
    signature = pair.signature(signing_input.encode(), salt)
    return f"{signing_input}.{b64(change(signature) if change else signature)}"


def der(pair, form):
    return tokens.openssl(*form, data=pair.public)


class Attack(Case):
    KEYS = {"rs": ("rsa", "RS256"), "ps": ("rsa", "PS256"), "es": ("ec", "ES256"),
            "es384": ("p384", "ES384"), "ed": ("ed25519", "EdDSA")}
    OPTIONS = {}

    def setUp(self):
        super().setUp()
        self.rsa, self.ec = tokens.key_pair("rsa"), tokens.key_pair("ec")
        self.p384, self.ed = tokens.key_pair("p384"), tokens.key_pair("ed25519")
        self.service = self.echo_backend()
        self.gate = self.gateway(
            self.service,
            require=["users"],
            middleware={"users": {"jwt": {"keys": self.keys()} | self.OPTIONS}},
            limits={"head": "48KiB"},
        )

    def keys(self):
        keys = [{"kid": "hs", "algorithm": "HS256", "secret_file": self.file("hs", tokens.SECRET)}]
        for kid, (kind, algorithm) in self.KEYS.items():
            path = self.file(kid, tokens.key_pair(kind).public)
            keys.append({"kid": kid, "algorithm": algorithm, "file": path})
        return keys

    def check(self, rows):
        """Rows are a token, or a request as bytes, and what becomes of it."""
        for name, (given, verdict) in rows.items():
            with self.subTest(name):
                self.check_row(given, *verdict)
        passed = sum(verdict == PASSES for _, verdict in rows.values())
        self.assertEqual(self.service.connects, passed)
        output = self.gate.output("stdout") + self.gate.output("stderr")
        for name, (given, _) in rows.items():
            if isinstance(given, str):
                for part in given.split("."):
                    self.assertFalse(len(part) > 30 and part.encode() in output, name)

    def check_row(self, given, status, reason, description):
        request = given
        if isinstance(given, str):
            request = handshake("/ws", f"Authorization: Bearer {given}")
        reply = self.gate.ask(request)
        self.assertEqual(reply.status, status, reply)
        if status == 101:
            return
        self.check_refused(reply, status)
        error = "invalid_request" if status == 400 else "invalid_token"
        challenge = 'Bearer realm="wsgate"'
        if description:
            challenge += f', error="{error}", error_description="{description}"'
        self.assertEqual(reply.get("WWW-Authenticate"), challenge)
        entry = self.gate.await_line("handshake", id=reply.get("X-Request-Id"))
        self.assertEqual(entry["reason"], reason)
        self.assertNotIn("subject", entry)


class Algorithms(Attack):
    def test_none(self):
        rows = {"the good one": (mac({"alg": "HS256"}), PASSES)}
        for name in ("none", "None", "NONE", "nOnE", "none ", " none", "", "n\u043ene"):
            unsigned = f"{segment({'alg': name})}.{segment(tokens.claims())}"
            rows[f"{name!r}, unsigned"] = (unsigned + ".", MALFORMED)
            rows[f"{name!r}, something for a signature"] = (unsigned + ".AA", ALGORITHM)
            rows[f"{name!r}, our MAC"] = (mac({"alg": name}), ALGORITHM)
        for name, header in {
            "escaped": r'{"alg":"\u006eone"}',
            "all of it escaped": r'{"alg":"\u006e\u006f\u006e\u0065"}',
            "an escaped name": r'{"\u0061lg":"none"}',
        }.items():
            rows[name] = (mac(header), ALGORITHM)
        rows["an escape is no disguise, either way"] = (mac(r'{"alg":"\u0048S256"}'), PASSES)
        for name, header in {
            "no alg": "{}",
            "null": '{"alg":null}',
            "a list": '{"alg":["HS256"]}',
            "an object": '{"alg":{"HS256":1}}',
            "a number": '{"alg":256}',
            "NUL behind it": r'{"alg":"none\u0000HS256"}',
            "NUL in front": r'{"alg":"HS256\u0000"}',
        }.items():
            rows[name] = (mac(header), MALFORMED)
        for name in ("hs256", "Hs256", "HS256 ", "HS255", "HS384", "HS512", "ES256K", "ES512",
                     "RS384", "PS512", "RSA-OAEP", "dir", "EDDSA", "Ed25519"):
            rows[f"alg {name}"] = (mac({"alg": name}), ALGORITHM if name[:3] not in
                                   ("HS3", "HS5", "ES5", "RS3", "PS5") or name == "HS255" else KEY)
        self.check(rows)

    def test_a_public_key_is_no_secret(self):
        """HS256 with the public key, in every form in which somebody may have it at hand."""
        rows = {}
        numbers = tokens.openssl("pkey", "-pubin", "-noout", "-text", data=self.rsa.public)
        modulus = bytes.fromhex(
            "".join(numbers.decode().split("Modulus:")[1].split("Exponent")[0].split())
            .replace(":", ""))
        for kid, pair in {"rs": self.rsa, "es": self.ec, "ed": self.ed}.items():
            spki = der(pair, ("pkey", "-pubin", "-outform", "DER"))
            forms = {
                "PEM": pair.public,
                "PEM without its last line end": pair.public.rstrip(),
                "PEM with CRLF": pair.public.replace(b"\n", b"\r\n"),
                "PEM without line ends": pair.public.replace(b"\n", b""),
                "base64 of the DER": base64.b64encode(spki),
                "DER": spki,
                "the last bytes": spki[-32:],
            }
            if kid == "rs":
                pkcs1 = ("rsa", "-pubin", "-RSAPublicKey_out")
                jwk = {"kty": "RSA", "n": b64(modulus.lstrip(b"\0")), "e": "AQAB"}
                forms |= {
                    "PKCS #1 in PEM": der(pair, pkcs1),
                    "PKCS #1 in DER": der(pair, (*pkcs1, "-outform", "DER")),
                    "modulus": modulus.lstrip(b"\0"),
                    "modulus with its sign": modulus,
                    "modulus in hex": modulus.hex().encode(),
                    "JWK": json.dumps(jwk).encode(),
                    "JWK without blanks": json.dumps(jwk, separators=(",", ":")).encode(),
                    "n of the JWK": jwk["n"].encode(),
                }
            for name, secret in forms.items():
                rows[f"{kid}, {name}"] = (mac({"alg": "HS256", "kid": kid}, None, secret), KEY)
                rows[f"{kid}, {name}, no kid"] = (mac({"alg": "HS256"}, None, secret), SIGNATURE)
        rows["no secret at all"] = (mac({"alg": "HS256"}, None, b""), SIGNATURE)
        self.check(rows)

    def test_a_key_serves_its_own_algorithm(self):
        """Good signatures by one of our keys, under another's name."""
        header = {"alg": "PS256", "kid": "ps"}
        self.check(
            {
                "RS256 by the PS256 key": (self.rsa.sign(kid="ps"), KEY),
                "PS256 by the RS256 key": (
                    signed_by(self.rsa, header | {"kid": "rs"}, salt=32), KEY),
                "RS256 bytes as PS256": (signed_by(self.rsa, header), SIGNATURE),
                "PS256 bytes as RS256": (
                    signed_by(self.rsa, {"alg": "RS256", "kid": "rs"}, salt=32), SIGNATURE),
                "ES256 by the P-384 key": (self.ec.sign(kid="es384"), KEY),
                "ES384 by the P-256 key": (self.p384.sign(kid="es"), KEY),
                "a P-384 signature as ES256": (
                    signed_by(self.p384, {"alg": "ES256", "kid": "es"}), SIGNATURE),
                "a P-256 signature as ES384": (
                    signed_by(self.ec, {"alg": "ES384", "kid": "es384"}), SIGNATURE),
                "EdDSA as ES256": (
                    signed_by(self.ed, {"alg": "ES256", "kid": "es"}), SIGNATURE),
                "ES256 as EdDSA": (
                    signed_by(self.ec, {"alg": "EdDSA", "kid": "ed"}), SIGNATURE),
                "RS256": (self.rsa.sign(kid="rs"), PASSES),
                "PS256": (signed_by(self.rsa, header, salt=32), PASSES),
                "ES256": (self.ec.sign(kid="es"), PASSES),
                "ES384": (self.p384.sign(kid="es384"), PASSES),
                "EdDSA": (self.ed.sign(kid="ed"), PASSES),
            }
        )


class Headers(Attack):
    def test_extensions(self):
        rows = {
            name: (mac({"alg": "HS256"} | more), CRITICAL)
            for name, more in {
                "crit": {"crit": ["exp"], "exp": later()},
                "crit of something unknown": {"crit": ["http://example.com/x"]},
                "an empty crit": {"crit": []},
                "crit that is no list": {"crit": "b64"},
                "crit null": {"crit": None},
                "b64 false": {"b64": False, "crit": ["b64"]},
                "b64 false alone": {"b64": False},
                "b64 true": {"b64": True},
            }.items()
        }
        # RFC 7797: the payload as it is, not encoded.
        head = segment({"alg": "HS256", "b64": False, "crit": ["b64"]})
        rows["an unencoded payload"] = (mac_over(head, "$02"), CRITICAL)
        self.check(rows)

    def test_a_token_brings_no_key(self):
        """Keys and addresses of keys in a header are not looked at, whatever signed it."""
        other = tokens.KeyPair("ec")
        trap = self.backend()
        point = der(other, ("pkey", "-pubin", "-outform", "DER"))[-64:]
        jwk = {"kty": "EC", "crv": "P-256", "x": b64(point[:32]), "y": b64(point[32:])}
        brought = {
            "jwk": {"jwk": jwk},
            "jwk with our kid": {"jwk": jwk | {"kid": "es"}, "kid": "es"},
            "jku": {"jku": f"http://{trap.text}/keys"},
            "x5u": {"x5u": f"http://{trap.text}/cert"},
            "x5c": {"x5c": [base64.b64encode(point).decode()]},
            "x5t": {"x5t": "AAAA"},
            "jku of a file": {"jku": "file:///etc/passwd"},
        }
        rows = {}
        for name, more in brought.items():
            rows[f"{name}, theirs"] = (other.sign(**more), SIGNATURE)
            rows[f"{name}, ours"] = (self.ec.sign(**more), PASSES)
        oct_key = {"kty": "oct", "k": b64(tokens.OTHER_SECRET)}
        forged = mac({"alg": "HS256", "jwk": oct_key}, None, tokens.OTHER_SECRET)
        rows["jwk with a secret"] = (forged, SIGNATURE)
        self.check(rows)
        self.assertEqual(trap.connects, 0)

    def test_kid(self):
        """It names a key, and nothing else: no file, no query, no command."""
        wild = [
            "../../../../dev/null", "/dev/null", "file:///dev/null", "hs/../hs", "./hs", "hs ", "HS",
            "' OR '1'='1", "hs'; DROP TABLE keys; --", "x' UNION SELECT 'secret", "| /bin/true",
            "$(id)", "`id`", "${SECRET}", "%68s", "*", "h?", "", "ünï", "\r\nX: y", "a" * 255,
        ]
        rows = {repr(kid): (mac({"alg": "HS256", "kid": kid}, None, b""), KEY) for kid in wild}
        rows["the longest, and our MAC"] = (mac({"alg": "HS256", "kid": "a" * 255}), KEY)
        for name, kid in {"a number": 7, "null": None, "a list": ["hs"], "an object": {"hs": 1},
                          "too long": "a" * 256, "true": True}.items():
            rows[name] = (mac({"alg": "HS256", "kid": kid}), MALFORMED)
        rows["NUL"] = (mac(r'{"alg":"HS256","kid":"hs\u0000x"}'), MALFORMED)
        rows["the right one"] = (mac({"alg": "HS256", "kid": "hs"}), PASSES)
        rows["the right one, escaped"] = (mac(r'{"alg":"HS256","kid":"\u0068s"}'), PASSES)
        self.check(rows)


class Types(Attack):
    OPTIONS = {"typ": "at+jwt"}

    def test_at_jwt(self):
        """RFC 9068 2.1, RFC 7515 4.1.9."""
        verdicts = {
            PASSES: ["at+jwt", "application/at+jwt", "AT+JWT", "Application/AT+jwt"],
            TYPE: ["JWT", "jwt", "", "at+jwt ", "at-jwt", "text/at+jwt", "application/jwt", "+jwt",
                   "application/", "application/application/at+jwt", "id+jwt", "at+jwt;x=y"],
            MALFORMED: [7, None, ["at+jwt"], "a" * 128],
        }
        rows = {
            repr(typ): (mac({"alg": "HS256", "typ": typ}), verdict)
            for verdict, types in verdicts.items()
            for typ in types
        }
        rows["none"] = (mac({"alg": "HS256"}), TYPE)
        self.check(rows)


class Json(Attack):
    def test_header_and_payload(self):
        good = f'{{"exp":{later()}}}'
        twice = f'{{"exp":{later()},"sub":"a","sub":"a"}}'
        payloads = {
            "good": (good, PASSES),
            "spaces around it": (f" \t\r\n{good}\n ", PASSES),
            "a name twice": (twice, MALFORMED),
            "exp twice": (f'{{"exp":1,"exp":{later()}}}', MALFORMED),
            "exp twice, once escaped": (f'{{"\\u0065xp":{later()},"exp":1}}', MALFORMED),
            "a name twice further down": (f'{{"exp":{later()},"a":[{{"b":1,"b":2}}]}}', MALFORMED),
            "text behind it": (good + " x", MALFORMED),
            "an object behind it": (good + good, MALFORMED),
            "a comma behind it": (good + ",", MALFORMED),
            "NUL behind it": (good.encode() + b"\0", MALFORMED),
            "NUL as an escape": (good[:-1] + r',"sub":"a\u0000b"}', MALFORMED),
            "NUL in a name": (good[:-1] + r',"a\u0000b":1}', MALFORMED),
            "NUL as a byte": (good[:-1].encode() + b',"sub":"a\0b"}', MALFORMED),
            "a byte order mark": (b"\xef\xbb\xbf" + good.encode(), MALFORMED),
            "UTF-16": (good.encode("utf-16-le"), MALFORMED),
            "no UTF-8": (good[:-1].encode() + b',"sub":"\xff"}', MALFORMED),
            "overlong UTF-8": (good[:-1].encode() + b',"sub":"\xc0\xaf"}', MALFORMED),
            "half a surrogate pair": (good[:-1] + r',"sub":"\ud800"}', MALFORMED),
            "a line end in a string": (good[:-1] + ',"sub":"a\n"}', MALFORMED),
            "a comment": (good[:-1] + "/**/}", MALFORMED),
            "single quotes": (good.replace('"', "'"), MALFORMED),
            "cut": (good[:-1], MALFORMED),
            "a comma too many": (good[:-1] + ",}", MALFORMED),
            "a list": ("[]", MALFORMED),
            "a list of claims": (f"[{good}]", MALFORMED),
            "a string": ('"x"', MALFORMED),
            "null": ("null", MALFORMED),
            "blank": (" ", MALFORMED),
            "nested 31 deep": (good[:-1] + ',"a":' + "[" * 31 + "]" * 31 + "}", PASSES),
            "nested 32 deep": (good[:-1] + ',"a":' + "[" * 32 + "]" * 32 + "}", MALFORMED),
            "nested 5,000 deep": (good[:-1] + ',"a":' + "[" * 5000 + "]" * 5000 + "}", MALFORMED),
            "objects 1,000 deep": ('{"a":' * 1000 + good + "}" * 1000, MALFORMED),
            "an open end": ('{"a":' * 1000, MALFORMED),
            "brackets in a string": (good[:-1] + ',"a":"' + "[" * 5000 + '"}', PASSES),
            "large": (good[:-1] + ',"a":"' + "x" * 11000 + '"}', PASSES),
            "too large": (good[:-1] + ',"a":"' + "x" * 13000 + '"}', TOO_LONG),
            "an integer too large": (good[:-1] + ',"a":' + "9" * 400 + "}", MALFORMED),
            "a number with a zero in front": (good[:-1] + ',"a":01}', MALFORMED),
            "not a number": (good[:-1] + ',"a":NaN}', MALFORMED),
        }
        rows = {n: (mac({"alg": "HS256"}, body), verdict) for n, (body, verdict) in payloads.items()}
        for name, header in {
            "alg twice": '{"alg":"HS256","alg":"HS256"}',
            "alg twice, once none": '{"alg":"HS256","alg":"none"}',
            "alg twice, once escaped": r'{"alg":"HS256","\u0061lg":"none"}',
            "kid twice": '{"alg":"HS256","kid":"hs","kid":"hs"}',
            "header with text behind it": '{"alg":"HS256"} x',
            "header that is no object": '["HS256"]',
            "header that is deep": '{"alg":"HS256","a":' + "[" * 1000 + "]" * 1000 + "}",
        }.items():
            rows[name] = (mac(header), MALFORMED)
        self.check(rows)

    def test_exp(self):
        """As the text that stands in the payload."""
        verdicts = {
            PASSES: [str(later()), f"{later()}.0", f"{later()}.5", f"{later() / 1e9!r}e9",
                     "253402300799", "2.5e11"],
            CLAIM: [f'"{later()}"', "-1", str(-later()), "-0.5", "9223372036854775807", "1e300",
                    "253402300800", "null", "true", f"[{later()}]", f'{{"a":{later()}}}', '""'],
            MALFORMED: ["9223372036854775808", "18446744073709551616", "1e999", "-1e999", "NaN",
                        "Infinity", f"0{later()}", f"+{later()}", hex(later()), "", "1_000"],
            EXPIRED: ["0", "-0", "1", "1.5", str(later(-10)), f"{later(-10)}.999", "1e-5"],
        }
        rows = {
            f"exp {exp}": (mac({"alg": "HS256"}, f'{{"exp":{exp}}}'), verdict)
            for verdict, texts in verdicts.items()
            for exp in texts
        }
        rows["no exp"] = (mac({"alg": "HS256"}, "{}"), NO_EXPIRY)
        rows["exp in other case"] = (mac({"alg": "HS256"}, f'{{"EXP":{later()}}}'), NO_EXPIRY)
        rows["exp further down"] = (
            mac({"alg": "HS256"}, f'{{"a":{{"exp":{later()}}}}}'), NO_EXPIRY)
        self.check(rows)


class Times(Attack):
    OPTIONS = {"max_age": "1h", "leeway": "30s"}

    def test_claims(self):
        def row(**claims):
            return mac({"alg": "HS256"}, tokens.claims(**{"iat": later(0)} | claims))

        self.check(
            {
                "good": (row(nbf=later(-10)), PASSES),
                "nbf within leeway": (row(nbf=later(20)), PASSES),
                "nbf ahead": (row(nbf=later(600)), NOT_YET_VALID),
                "no iat": (row(iat=None), NO_ISSUE_TIME),
                "iat ahead": (row(iat=later(600)), ISSUED_LATER),
                "iat long ago": (row(iat=later(-3700)), TOO_OLD),
            }
        )


class Keys(Attack):
    """Of one algorithm, nine: more than are tried for a token that names none."""

    def keys(self):
        paths = [self.file(f"k{i}", bytes([65 + i]) * 32) for i in range(9)]
        return [{"kid": f"k{i}", "algorithm": "HS256", "secret_file": path}
                for i, path in enumerate(paths)]

    def test_a_token_must_name_one_of_many(self):
        secret = b"A" * 32
        self.check(
            {
                "it names its key": (mac({"alg": "HS256", "kid": "k0"}, None, secret), PASSES),
                "it names none": (mac({"alg": "HS256"}, None, secret), AMBIGUOUS),
            }
        )


class Encoding(Attack):
    def test_base64url(self):
        """Of each segment there is one spelling; the MAC here is always over what stands there."""
        head, body = b64(padded({"alg": "HS256"}, 1)), b64(padded(tokens.claims(), 2))
        good = mac_over(head, body)
        signature = good.rpartition(".")[2]
        # ">>>" and "???" are "Pj4-" and "Pz8_" in base64url, "Pj4+" and "Pz8/" in base64.
        plus = b64(padded(tokens.claims(sub=">>>???>>>???>>>"), 0))
        standard = plus.replace("-", "+").replace("_", "/")
        self.assertNotEqual(plus, standard)
        rows = {
            "good": (good, PASSES),
            "good with - and _": (mac_over(head, plus), PASSES),
            "base64 in the payload": (mac_over(head, standard), MALFORMED),
            "padding of the header": (mac_over(head + "==", body), MALFORMED),
            "padding of the payload": (mac_over(head, body + "="), MALFORMED),
            "padding of the signature": (good + "=", MALFORMED),
            "unused bits of the header": (mac_over(loose(head), body), MALFORMED),
            "unused bits of the payload": (mac_over(head, loose(body)), MALFORMED),
            "unused bits of the signature": (f"{head}.{body}.{loose(signature)}", MALFORMED),
            "a whole byte too many": (good + "A", SIGNATURE),
            "half a byte too many": (good + "AB", MALFORMED),
            "base64 in the signature": (f"{head}.{body}.+{signature[1:]}", MALFORMED),
            "a slash in the signature": (f"{head}.{body}./{signature[1:]}", MALFORMED),
            "a blank between": (mac_over(head, body).replace(".", " .", 1), MALFORMED),
            "a blank inside": (mac_over(head, f"{body[:4]} {body[4:]}"), MALFORMED),
            "a tab inside": (mac_over(head, f"{body[:4]}\t{body[4:]}"), MALFORMED),
            "an escape inside": (mac_over(head, body[:4] + "%41" + body[5:]), MALFORMED),
            "percent signs": (good.replace(".", "%2E"), MALFORMED),
            "a comma behind it": (good + ",", MALFORMED),
            "quotes": (f'"{good}"', MALFORMED),
            "blanks around it": (f"  {good}  ", PASSES),
        }
        asking = "Authorization: Bearer "
        raw = handshake("/ws", asking + good + "@").replace(b"@", b"\xc3\xa9")
        rows["bytes that are no ASCII"] = (raw, MALFORMED)
        self.check(rows)

    def test_segments(self):
        good = mac({"alg": "HS256"})
        head, body, signature = good.split(".")
        jwe = segment({"alg": "RSA-OAEP", "enc": "A256GCM"})
        direct = segment({"alg": "dir", "enc": "A128CBC-HS256"})
        shapes = {
            "one": head,
            "two": f"{head}.{body}",
            "two, the signature gone": f"{head}.{body}.",
            "four": f"{good}.{signature}",
            "four, one empty": f"{good}.",
            "five": f"{good}.{body}.{signature}",
            "an empty one in front": f".{body}.{signature}",
            "a dot in front": f".{good}",
            "two dots": "..",
            "dots": "." * 2000,
            "detached": f"{head}..{signature}",
            "JWE": f"{jwe}.{b64(b'k' * 256)}.{b64(b'i' * 12)}.{b64(b'text')}.{b64(b't' * 16)}",
            "JWE with a direct key": f"{direct}..{b64(b'i' * 16)}.{b64(b'text' * 4)}.{b64(b't' * 16)}",
            "JWS as JSON": json.dumps(
                {"protected": head, "payload": body, "signature": signature}, separators=(",", ":")
            ),
        }
        rows = {name: (shape, MALFORMED) for name, shape in shapes.items()}
        # Its payload is empty, so it is whole as a JWS, and only its claims are none.
        detached = mac_over(head, "")
        rows["an empty payload"] = (detached, MALFORMED)
        rows["detached"] = (f"{head}..{signature}", SIGNATURE)
        rows["a JWE cut to three"] = (f"{jwe}.{b64(b'k' * 256)}.{b64(b'i' * 12)}", ALGORITHM)
        rows["a long one"] = ("a." + "b" * 16382, MALFORMED)
        rows["too long"] = ("a." + "b" * 16383, TOO_LONG)
        self.check(rows)


class Signatures(Attack):
    def test_ecdsa(self):
        """r || s, each of 32 bytes and in [1, n - 1] (RFC 7518 3.4)."""
        header = {"alg": "ES256", "kid": "es"}

        def made(r=None, s=None):
            def change(good):
                return (r if r is not None else good[:32]) + (s if s is not None else good[32:])

            return signed_by(self.ec, header, change=change)

        def number(n):
            return n.to_bytes(32, "big")

        def to_der(raw):
            numbers = b""
            for half in (raw[: len(raw) // 2], raw[len(raw) // 2 :]):
                half = half.lstrip(b"\0")
                half = b"\0" + half if half[0] & 0x80 else half
                numbers += bytes([2, len(half)]) + half
            return bytes([0x30, len(numbers)]) + numbers

        zero = bytes(32)
        rows = {
            "good": (made(), PASSES),
            "r = s = 0": (made(zero, zero), SIGNATURE),
            "r = 0": (made(r=zero), SIGNATURE),
            "s = 0": (made(s=zero), SIGNATURE),
            "r = n": (made(r=number(ORDER)), SIGNATURE),
            "s = n": (made(s=number(ORDER)), SIGNATURE),
            "r = s = n": (made(number(ORDER), number(ORDER)), SIGNATURE),
            "r = n, s = 0": (made(number(ORDER), zero), SIGNATURE),
            "r = s = 1": (made(number(1), number(1)), SIGNATURE),
            "r = s = n - 1": (made(number(ORDER - 1), number(ORDER - 1)), SIGNATURE),
            "all ones": (made(b"\xff" * 32, b"\xff" * 32), SIGNATURE),
            "33 + 33 bytes": (
                signed_by(self.ec, header, change=lambda raw: b"\0" + raw[:32] + b"\0" + raw[32:]),
                SIGNATURE,
            ),
            "32 + 33 bytes": (signed_by(self.ec, header, change=lambda raw: raw + b"\0"), SIGNATURE),
            "zeros in front": (
                signed_by(self.ec, header, change=lambda raw: bytes(64) + raw), SIGNATURE),
            "63 bytes": (signed_by(self.ec, header, change=lambda raw: raw[:63]), SIGNATURE),
            "r alone": (signed_by(self.ec, header, change=lambda raw: raw[:32]), SIGNATURE),
            "one byte": (signed_by(self.ec, header, change=lambda raw: raw[:1]), SIGNATURE),
            "DER": (signed_by(self.ec, header, change=to_der), SIGNATURE),
            "s and r": (
                signed_by(self.ec, header, change=lambda raw: raw[32:] + raw[:32]), SIGNATURE),
            # ECDSA itself takes -s for s; JWS says nothing against it.
            "-s": (
                signed_by(
                    self.ec,
                    header,
                    change=lambda raw: raw[:32] + number(ORDER - int.from_bytes(raw[32:], "big")),
                ),
                PASSES,
            ),
            "another key's": (signed_by(tokens.KeyPair("ec"), header), SIGNATURE),
            "P-384, cut": (
                signed_by(self.p384, header, change=lambda raw: raw[:32] + raw[48:80]), SIGNATURE),
            "ES384: r = s = 0": (
                signed_by(self.p384, {"alg": "ES384", "kid": "es384"}, change=lambda _: bytes(96)),
                SIGNATURE,
            ),
        }
        self.check(rows)

    def test_rsa(self):
        header = {"alg": "PS256", "kid": "ps"}
        plain = {"alg": "RS256", "kid": "rs"}
        rows = {
            f"PS256 with a salt of {salt}": (
                signed_by(self.rsa, header, salt=salt), PASSES if salt == 32 else SIGNATURE)
            for salt in (0, 20, 31, 32, 33, 64, 222)
        }
        changes = {
            "a zero in front": lambda raw: b"\0" + raw,
            "a zero behind": lambda raw: raw + b"\0",
            "one byte less": lambda raw: raw[:-1],
            "zeros": lambda raw: bytes(256),
            "one": lambda raw: bytes(255) + b"\1",
            "all ones": lambda raw: b"\xff" * 256,
            "one bit": lambda raw: raw[:-1] + bytes([raw[-1] ^ 1]),
        }
        for name, change in changes.items():
            rows[f"RS256, {name}"] = (signed_by(self.rsa, plain, change=change), SIGNATURE)
            rows[f"PS256, {name}"] = (signed_by(self.rsa, header, change=change, salt=32), SIGNATURE)
        rows["RS256, too long to be one"] = (
            signed_by(self.rsa, plain, change=lambda raw: raw * 9), MALFORMED)
        self.check(rows)

    def test_hmac_and_eddsa(self):
        header = {"alg": "EdDSA", "kid": "ed"}
        order = 2**252 + 27742317777372353535851937790883648493
        changes = {
            "zeros": lambda raw: bytes(64),
            "one byte less": lambda raw: raw[:-1],
            "one byte more": lambda raw: raw + b"\0",
            "empty but a byte": lambda raw: b"\0",
            "S + L": lambda raw: raw[:32]
            + (int.from_bytes(raw[32:], "little") + order).to_bytes(32, "little"),
            "the neutral point": lambda raw: b"\1" + bytes(63),
        }
        rows = {
            f"EdDSA, {name}": (signed_by(self.ed, header, change=change), SIGNATURE)
            for name, change in changes.items()
        }
        head, body, signature = mac({"alg": "HS256"}).split(".")
        raw = base64.urlsafe_b64decode(signature + "=")
        for name, other in {
            "half a MAC": raw[:16],
            "a byte of it": raw[:1],
            "more than a MAC": raw + b"\0",
            "twice": raw * 2,
            "in hex": raw.hex().encode(),
            "zeros": bytes(32),
        }.items():
            rows[f"HMAC, {name}"] = (f"{head}.{body}.{b64(other)}", SIGNATURE)
        rows["HMAC by SHA-384"] = (mac({"alg": "HS256"}, None, tokens.SECRET, "HS384"), SIGNATURE)
        self.check(rows)


class Places(Attack):
    OPTIONS = {"token_from": ["header", "cookie:session", "query:access_token", "subprotocol"]}

    PLACES = {
        "header": lambda t: ("/ws", f"Authorization: Bearer {t}"),
        "cookie": lambda t: ("/ws", f"Cookie: a=b; session={t}; c=d"),
        "query": lambda t: (f"/ws?a=b&access_token={t}&c=d",),
        "pair": lambda t: ("/ws", f"Sec-WebSocket-Protocol: bearer, {t}, chat"),
        "kubernetes": lambda t: (
            "/ws", f"Sec-WebSocket-Protocol: log, {tokens.kubernetes(t)}"),
    }

    def joined(self, *made):
        """One request with the tokens of several places."""
        targets = [target for target, *_ in made if target != "/ws"]
        return handshake((targets or ["/ws"])[0], *(line for _, *lines in made for line in lines))

    def test_two_tokens(self):
        """Equal or not, good or not, in whatever places: the request is ambiguous."""
        one, two = mac({"alg": "HS256"}), mac({"alg": "HS256"}, tokens.claims(sub="bob"))
        rows = {}
        for first, make_first in self.PLACES.items():
            for second, make_second in self.PLACES.items():
                if first == second and first not in ("header", "cookie"):
                    continue
                for name, other in {"another": two, "the same": one, "a bad": "x.y.z"}.items():
                    rows[f"{first} and {name} in {second}"] = (
                        self.joined(make_first(one), make_second(other)), SEVERAL)
        rows["every place at once"] = (
            self.joined(*(make(one) for make in self.PLACES.values())), SEVERAL)
        rows["every place at once, all different"] = (
            self.joined(
                *(make(mac({"alg": "HS256"}, tokens.claims(n=n)))
                  for n, make in enumerate(self.PLACES.values()))
            ),
            SEVERAL,
        )
        rows["two in one query"] = (handshake(f"/ws?access_token={one}&access_token=x"), SEVERAL)
        rows["kubernetes alone"] = (
            handshake("/ws", f"Sec-WebSocket-Protocol: {tokens.kubernetes(one)}"), ALONE)
        rows["nowhere"] = (handshake("/ws"), MISSING)
        self.check(rows)

    def test_the_same_attack_in_every_place(self):
        """What is no token is none wherever it stands."""
        attacks = {
            "none": (f"{segment({'alg': 'none'})}.{segment(tokens.claims())}.AA", ALGORITHM),
            "crit": (mac({"alg": "HS256", "crit": ["exp"]}), CRITICAL),
            "two segments": (mac({"alg": "HS256"}).rpartition(".")[0], MALFORMED),
            "another secret": (mac({"alg": "HS256"}, None, tokens.OTHER_SECRET), SIGNATURE),
            "expired": (mac({"alg": "HS256"}, tokens.claims(-60)), EXPIRED),
        }
        self.check(
            {
                f"{name} in {place}": (handshake(*make(token)), verdict)
                for name, (token, verdict) in attacks.items()
                for place, make in self.PLACES.items()
            }
        )

    def test_no_place_shows_its_token(self):
        """Neither the backend nor a log gets to see it, nor the client again, let in or not."""
        for place, make in self.PLACES.items():
            for secret, status in ((tokens.SECRET, 101), (tokens.OTHER_SECRET, 401)):
                with self.subTest(place, status=status):
                    payload = tokens.claims(jti=tokens.unguessable().decode())
                    token = mac({"alg": "HS256"}, payload, secret)
                    reply = self.gate.ask(handshake(*make(token)))
                    self.assertEqual(reply.status, status)
                    seen = reply.head.raw + reply.body
                    seen += self.gate.output("stdout") + self.gate.output("stderr")
                    seen += b"".join(head.raw for head in self.service.heads())
                    signature, coded = token.rpartition(".")[2], b64(token.encode())
                    for piece in (payload["jti"], signature, token.split(".")[1], coded[20:60]):
                        self.assertNotIn(piece.encode(), seen)
        heads = self.service.heads()
        self.assertEqual(len(heads), len(self.PLACES))
        by_target = sorted(head.target for head in heads)
        self.assertEqual(by_target, ["/ws"] * 4 + ["/ws?a=b&c=d"])
        self.assertEqual([head.get("Cookie") for head in heads if head.get("Cookie")], ["a=b; c=d"])
        self.assertFalse(any(head.all("Authorization") for head in heads))
