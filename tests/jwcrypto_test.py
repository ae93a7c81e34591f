#!/usr/bin/python3
"""
A second judge for every algorithm: jwcrypto, which shares no code with the verifier.

Thousands of tokens, good ones, odd ones and damaged ones, are judged by both. Where they
disagree a row of DIFFERENCES must say why; a row that explains nothing any more fails too.
Runs in the build directory; needs Debian's python3-jwcrypto. SEED=N makes other tokens.
"""

import base64
import collections
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
import unittest

try:
    from cryptography.hazmat.primitives import hashes, hmac
    from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
    from jwcrypto import jwk, jwt
except ImportError as missing:
    print(f"skipped: {missing}; it is in Debian's package python3-jwcrypto")
    sys.exit(77)

JUDGE = os.path.join(os.path.abspath(os.environ.get("BUILD", ".")), "tests", "judge")
SEED = int(os.environ.get("SEED", "9068"))
# Valgrind and sanitizers are slower, jwcrypto is not: the same number for all.
TOKENS = 150  # random ones for each algorithm
VARIANTS = 10  # of each token: itself, then damaged

HASHES = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}
CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
ALGORITHMS = [
    *("HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
]
NOW = int(time.time())


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


# ---- Keys ---------------------------------------------------------------------------


def make_keys():
    """One for each algorithm; the RSA key serves all six of its own."""
    rsa = jwk.JWK.generate(kty="RSA", size=2048)
    keys = {}
    for name in ALGORITHMS:
        if name.startswith("HS"):
            keys[name] = jwk.JWK.generate(kty="oct", size=512)
        elif name.startswith("ES"):
            keys[name] = jwk.JWK.generate(kty="EC", crv=CURVES[name])
        elif name == "EdDSA":
            keys[name] = jwk.JWK.generate(kty="OKP", crv="Ed25519")
        else:
            keys[name] = rsa
    return keys


def key_set(keys):
    """What the judge gets: public keys (and secrets), each bound to its algorithm."""
    made = []
    for name, key in keys.items():
        exported = key.export_public() if key.has_public else key.export()
        member = json.loads(exported) | {"alg": name}
        member.pop("kid", None)
        made.append(member)
    return json.dumps({"keys": made})


def raw_ecdsa(signature, half):
    return b"".join(n.to_bytes(half, "big") for n in utils.decode_dss_signature(signature))


def sign(keys, name, data):
    """Signature bytes as a JWS has them, made without jwcrypto."""
    private = keys[name].get_op_key("sign")
    if name.startswith("HS"):
        made = hmac.HMAC(base64.urlsafe_b64decode(private + "=="), HASHES[name[2:]]())
        made.update(data)
        return made.finalize()
    if name == "EdDSA":
        return private.sign(data)
    digest = HASHES[name[2:]]()
    if name.startswith("ES"):
        return raw_ecdsa(private.sign(data, ec.ECDSA(digest)), (private.key_size + 7) // 8)
    pss = padding.PSS(padding.MGF1(digest), digest.digest_size)
    return private.sign(data, padding.PKCS1v15() if name.startswith("RS") else pss, digest)


# ---- Tokens --------------------------------------------------------------------------

# "@" is the name of the algorithm.
HEADERS = [
    '{"alg":"@","typ":"JWT"}',
    '{"alg":"@"}',
    '{"typ":"at+jwt","alg":"@","jku":"https://example.com"}',
    ' { "alg" : "@" } ',
    r'{"\u0061lg":"@"}',
    '{"alg":"none"}',
    '{"alg":"@","crit":["exp"],"exp":1}',
    '{"alg":"@","b64":false}',
    '{"alg":"@","b64":true,"crit":["b64"]}',
    '{"alg":"@","alg":"@"}',
    '{"alg":"@","kid":7}',
    '{"alg":"@","kid":"x"}',
    '{"alg":"@","typ":7}',
    '{"alg":"@"}}',
    '{"alg":["@"]}',
    '{"alg":"@","x":' + "[" * 40 + "]" * 40 + "}",
    "[]",
    "",
]
PAYLOADS = [
    '{"sub":"alice","n":1}',
    "{}",
    '{"sub":"alice","roles":["a","b"],"deep":{"er":{"x":1.5}},"exp":%d}' % (NOW + 9000),
    '{"exp":%d}' % (NOW - 9000),
    '{"nbf":%d}' % (NOW + 9000),
    '{"exp":"%d"}' % (NOW + 9000),
    '{"exp":%d.5,"nbf":0}' % (NOW + 9000),
    '{"exp":1e300}',
    '{"exp":null}',
    '{"nbf":-1}',
    '{"iat":"x"}',
    '{"sub":"alice","sub":"bob"}',
    '{"sub":7}',
    '{"iss":7}',
    '{"aud":[1]}',
    '{"sub":"a\\u0000b"}',
    '{"n":NaN}',
    '{"n":%s}' % ("9" * 30),
    '{"deep":' + "[" * 40 + "]" * 40 + "}",
    '{"sub":"alice"} x',
    "[]",
    "7",
    "",
]


def other_names(dice, name):
    """The algorithm's name, now and then another or in other letters."""
    pick = dice.random()
    if pick < 0.85:
        return name
    return dice.choice(ALGORITHMS) if pick < 0.95 else name.swapcase()


def as_der(signature, half):
    numbers = (signature[:half], signature[half:])
    return utils.encode_dss_signature(*(int.from_bytes(number, "big") for number in numbers))


# What was not signed, of every kind that a verifier must notice; half is its half length.
CHANGES = [
    lambda s, half: bytes(len(s)),
    lambda s, half: s[:half],
    lambda s, half: s[:-1],
    lambda s, half: s + b"\0",
    lambda s, half: b"\0" + s,
    lambda s, half: s[:half] + bytes(len(s) - half),
    lambda s, half: bytes(half) + s[half:],
    lambda s, half: b"\0" + s[:half] + b"\0" + s[half:],
    lambda s, half: s[half:] + s[:half],
    lambda s, half: b"\xff" * len(s),
    lambda s, half: bytes([s[0] ^ 1]) + s[1:],
    lambda s, half: s[:-1] + bytes([s[-1] ^ 0x80]),
    lambda s, half: s * 2,
    as_der,
]


def make_token(keys, name, header, payload, change=None):
    text = f"{b64(header.encode())}.{b64(payload.encode())}"
    signature = sign(keys, name, text.encode())
    if change:
        signature = change(signature, len(signature) // 2)
    return f"{text}.{b64(signature)}"


def every_token(keys, name):
    """Each header, each payload, each change of a signature, and a payload with padding, all else being
    good."""
    header = HEADERS[0].replace("@", name)
    yield from (make_token(keys, name, h.replace("@", name), PAYLOADS[0]) for h in HEADERS)
    yield from (make_token(keys, name, header, payload) for payload in PAYLOADS)
    yield from (make_token(keys, name, header, PAYLOADS[0], change) for change in CHANGES)
    yield make_token(keys, name, header, "{}").replace(".e30.", ".e30=.")


def random_token(dice, keys, name):
    """Often a good one, or hardly anything would ever verify."""
    header = HEADERS[0] if dice.random() < 0.6 else dice.choice(HEADERS)
    payload = PAYLOADS[0] if dice.random() < 0.6 else dice.choice(PAYLOADS)
    change = dice.choice(CHANGES) if dice.random() < 0.15 else None
    return make_token(keys, name, header.replace("@", other_names(dice, name)), payload, change)


def damage(dice, token):
    """One change at a random place."""
    at, new = dice.randrange(len(token) + 1), dice.choice("=+/ .%-_AQgw0\té")
    return dice.choice(
        [
            lambda: token[:at] + new + token[at + 1 :],
            lambda: token[:at] + new + token[at:],
            lambda: token[:at] + token[at + 1 :],
            lambda: token[:-1] + new,
            lambda: token[:at],
            lambda: token + new,
            lambda: token.replace(".", new, 1),
            lambda: token[:at] + token[at:].swapcase(),
            lambda: token + "=" * (-len(token.rpartition(".")[2]) % 4),
            lambda: ".".join(part + "=" * (-len(part) % 4) for part in token.split(".")),
        ]
    )()


def all_tokens(dice, keys):
    for name in ALGORITHMS:
        yield from ((name, token) for token in every_token(keys, name))
        for _ in range(TOKENS):
            fresh = random_token(dice, keys, name)
            yield name, fresh
            for _ in range(VARIANTS - 1):
                token = fresh
                for _ in range(dice.randint(1, 3)):
                    token = damage(dice, token)
                yield name, token


# ---- The two judges -------------------------------------------------------------------


def we_say(keys, tokens):
    """The words of our verdicts."""
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(key_set(keys))
        file.flush()
        lines = "".join(f"{name} {token}\n" for name, token in tokens)
        done = subprocess.run(
            [JUDGE, file.name, str(NOW)], input=lines.encode(), capture_output=True, timeout=60
        )
    if done.returncode or done.stderr:
        raise AssertionError(f"{done.returncode}: {done.stderr.decode()}")
    return done.stdout.decode().splitlines()


def they_accept(keys, name, token):
    try:
        judged = jwt.JWT(algs=[name])
        judged.leeway = 0
        judged.deserialize(token, keys[name])
    except Exception:  # whatever it stumbles over is no acceptance
        return False
    return True


# ---- What may be judged differently ------------------------------------------------------


def part(token, i):
    """A segment as text, as leniently as anybody would decode it."""
    parts = token.split(".")
    if i >= len(parts):
        return ""
    letters = re.sub(r"[^A-Za-z0-9_-]", "", parts[i].replace("+", "-").replace("/", "_"))
    letters = letters[: len(letters) - (len(letters) % 4 == 1)]
    return base64.urlsafe_b64decode(letters + "=" * (-len(letters) % 4)).decode("latin-1")


def is_sloppy_base64(token):
    for piece in token.split("."):
        if not re.fullmatch(r"[A-Za-z0-9_-]*", piece) or len(piece) % 4 == 1:
            return True
        if b64(base64.urlsafe_b64decode(piece + "=" * (-len(piece) % 4))) != piece:
            return True
    return False


def is_sloppy_under_a_mac(token):
    """jwcrypto decodes and encodes again before it judges."""
    return '"HS' in part(token, 0) and is_sloppy_base64(token)


def holds(i, pattern):
    """Does segment i have that in it?"""
    return lambda token: re.search(pattern, part(token, i)) is not None


def is_padded_ecdsa(token):
    """It cuts the signature into halves, whatever its length."""
    found = re.search('"ES(256|384|512)"', part(token, 0))
    return found and len(part(token, 2)) > {"256": 64, "384": 96, "512": 132}[found[1]]


def is_deep(token):
    return "[" * 32 in part(token, 0) + part(token, 1)


def is_no_object(token):
    try:
        return not isinstance(json.loads(part(token, 1)), dict)
    except ValueError:
        return True


# Our word where jwcrypto accepts, what the token has then, and why. The other way round there is no
# excuse: whatever is accepted here must be good there.
DIFFERENCES = [
    ("token-malformed", is_sloppy_base64, "padding, unused bits, characters of other alphabets"),
    ("token-signature", is_sloppy_under_a_mac, "the same: the MAC is over what stands there"),
    ("token-malformed", holds(0, '"alg":.*"alg":'), "a name twice in the header"),
    ("token-malformed", holds(1, '"sub":.*"sub":'), "a name twice in the payload"),
    ("token-malformed", holds(0, '"(kid|typ)":7'), "kid or typ that is no string"),
    ("token-malformed", holds(1, r"\\u0000"), "NUL in a string"),
    ("token-malformed", holds(1, "NaN"), "NaN, which is no JSON"),
    ("token-malformed", holds(1, "9{30}"), "an integer of more than 64 bits"),
    ("token-malformed", is_deep, "JSON nested more than 32 deep"),
    ("token-malformed", is_no_object, "a payload that is not one JSON object"),
    ("token-signature", is_padded_ecdsa, "ECDSA with a zero in front of r and of s"),
    ("token-critical", holds(0, '"b64":true'), "crit, which is never honoured here"),
    ("token-claim", holds(1, '"exp":1e300|"nbf":-1'), "a time that is out of range"),
    ("token-claim", holds(1, '"(sub|iss)":7|"iat":"x"|"aud":.1'), "another claim of a wrong type"),
]


def explanation(word, token):
    for i, (ours, explains, _) in enumerate(DIFFERENCES):
        if ours == word and explains(token):
            return i
    return None


# ---- The comparison -------------------------------------------------------------------------


class SecondJudge(unittest.TestCase):
    def test_they_agree(self):
        keys = make_keys()
        tokens = list(all_tokens(random.Random(SEED), keys))
        words = we_say(keys, tokens)
        self.assertEqual(len(words), len(tokens))
        counts = collections.defaultdict(collections.Counter)
        used, unexplained = collections.Counter(), []
        for (name, token), word in zip(tokens, words):
            ours, theirs = word == "token-ok", they_accept(keys, name, token)
            kind = "agree"
            if ours != theirs:
                why = explanation(word, token)
                used[why] += 1
                kind = "explained"
                if why is None:
                    unexplained.append((word, name, part(token, 0), part(token, 1), token))
            counts[name]["accepted" if ours else "refused"] += 1
            counts[name][kind] += 1
        self.print_table(counts, used)
        self.assertEqual(unexplained[:5], [], f"{len(unexplained)} with SEED={SEED}")
        for name in ALGORITHMS:
            self.assertGreater(counts[name]["accepted"], TOKENS / 5, name)
            self.assertGreater(counts[name]["refused"], TOKENS, name)
        self.assertEqual(sorted(used), list(range(len(DIFFERENCES))), "a row is not needed")

    @staticmethod
    def print_table(counts, used):
        print(f"{'':8}{'accepted':>10}{'refused':>10}{'agreed':>10}{'explained':>10}")
        for name, row in counts.items():
            print(f"{name:8}" + "".join(
                f"{row[kind]:10}" for kind in ("accepted", "refused", "agree", "explained")))
        for i, count in used.most_common():
            word, _, why = DIFFERENCES[i] if i is not None else ("?", None, "not explained")
            print(f"{count:8} {word:16} {why}")


if __name__ == "__main__":
    unittest.main()
