"""Tokens and keys: HMAC by the standard library, RSA and EC by the openssl command."""

import base64
import functools
import hashlib
import hmac
import json
import os
import subprocess
import tempfile
import time

SECRET = b"a secret of the tests, 32 bytes or more long"
OTHER_SECRET = b"quite another secret, as long as it has to be"
HASHES = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def segment(value):
    return b64(json.dumps(value, separators=(",", ":")).encode())


def claims(lifetime=3600, **more):
    """Claims that are good for `lifetime` seconds; None as a value leaves a claim out."""
    base = {"sub": "alice", "exp": int(time.time()) + lifetime}
    return {name: value for name, value in (base | more).items() if value is not None}


def sign_hmac(signing_input, secret, alg="HS256"):
    return hmac.new(secret, signing_input.encode(), HASHES[alg[2:]]).digest()


def hs(payload=None, secret=SECRET, alg="HS256", **header):
    """A token signed by HMAC. `payload`: a dict of claims; `header` adds to the header."""
    head = {"alg": alg, "typ": "JWT"} | header
    text = f"{segment(head)}.{segment(claims() if payload is None else payload)}"
    return f"{text}.{b64(sign_hmac(text, secret, alg))}"


def unsigned(payload=None, alg="none"):
    return f"{segment({'alg': alg, 'typ': 'JWT'})}.{segment(payload or claims())}."


def openssl(*arguments, data=None):
    done = subprocess.run(
        ["openssl", *arguments], input=data, capture_output=True, timeout=60, check=False
    )
    if done.returncode:
        raise RuntimeError(f"openssl {' '.join(arguments)}: {done.stderr.decode()}")
    return done.stdout


# The algorithm of a kind of key, and the options of `openssl genpkey`.
KINDS = {
    "rsa": ("RS256", ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
    "ec": ("ES256", ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]),
    "p384": ("ES384", ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"]),
    "ed25519": ("EdDSA", ["-algorithm", "ED25519"]),
}


class KeyPair:
    """A key pair of one of the kinds; signs tokens with its algorithm, or with PS256."""

    def __init__(self, kind):
        self.alg, options = KINDS[kind]
        self.private = openssl("genpkey", *options)
        self.public = openssl("pkey", "-pubout", data=self.private)

    def signature(self, data, salt=None):
        """The bytes that a JWS has; with a length of salt, RSASSA-PSS."""
        pss = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", f"rsa_pss_saltlen:{salt}"]
        with tempfile.NamedTemporaryFile() as key, tempfile.NamedTemporaryFile() as text:
            for file, content in ((key, self.private), (text, data)):
                file.write(content)
                file.flush()
            if self.alg == "EdDSA":
                return openssl("pkeyutl", "-sign", "-rawin", "-inkey", key.name, "-in", text.name)
            made = openssl(
                *("dgst", f"-sha{self.alg[2:]}", *(pss if salt is not None else [])),
                *("-sign", key.name, text.name),
            )
        return der_to_raw(made, int(self.alg[2:]) // 8) if self.alg.startswith("ES") else made

    def sign(self, payload=None, **header):
        head = {"alg": self.alg, "typ": "JWT"} | header
        text = f"{segment(head)}.{segment(claims() if payload is None else payload)}"
        return f"{text}.{b64(self.signature(text.encode()))}"


@functools.cache
def key_pair(kind):
    return KeyPair(kind)


def jwk(pair, kid, **more):
    """The public half of a P-256 pair as a JSON Web Key."""
    point = openssl("pkey", "-pubin", "-outform", "DER", data=pair.public)[-64:]
    key = {"kty": "EC", "crv": "P-256", "kid": kid, "alg": "ES256", "use": "sig"}
    return key | {"x": b64(point[:32]), "y": b64(point[32:])} | more


def der_to_raw(der, half=32):
    """An ECDSA-Sig-Value in DER to r||s of JWS (RFC 7518 3.4), each of so many bytes."""
    at, numbers = 2, []
    for _ in range(2):
        size = der[at + 1]
        numbers.append(int.from_bytes(der[at + 2 : at + 2 + size], "big"))
        at += 2 + size
    return b"".join(number.to_bytes(half, "big") for number in numbers)


def flip(token, part):
    """The token with one bit changed in segment 0, 1 or 2, still base64url."""
    parts = token.split(".")
    raw = bytearray(base64.urlsafe_b64decode(parts[part] + "=="))
    raw[len(raw) // 2] ^= 1
    parts[part] = b64(bytes(raw))
    return ".".join(parts)


def kubernetes(token):
    """The token as a subprotocol, by the rule of Kubernetes."""
    return f"base64url.bearer.authorization.k8s.io.{b64(token.encode())}"


def unguessable():
    """A secret that stands nowhere else, for tests that search for it."""
    return os.urandom(24).hex().encode()
