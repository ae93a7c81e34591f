#!/usr/bin/python3
"""wsgatectl token: every subcommand, its answers, its exit status, its files.

Run by `make check` in the build directory; WSGATECTL names another program.
"""
import base64
import json
import os
import stat
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = os.path.abspath(os.environ.get("WSGATECTL", "./wsgatectl"))
SECRETS = ["HS256", "HS384", "HS512"]
PAIRS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]


def run(*arguments, text="", cwd=None):
    """(exit status, standard output, standard error) of `wsgatectl token ARGUMENTS`."""
    done = subprocess.run([PROGRAM, *arguments], input=text, capture_output=True, text=True,
                          timeout=60, cwd=cwd)
    return done.returncode, done.stdout, done.stderr


def decoded(segment):
    return json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))


class TokenTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)

    def path(self, name):
        return os.path.join(self.directory.name, name)

    def token(self, *arguments):
        return run("token", *arguments, cwd=self.directory.name)

    def made(self, *arguments):
        status, out, err = self.token(*arguments)
        self.assertEqual((status, err), (0, ""), arguments)
        return out

    def refused(self, status, message, *arguments, text=""):
        got, out, err = run("token", *arguments, text=text, cwd=self.directory.name)
        self.assertEqual(got, status, (arguments, out, err))
        self.assertEqual(out, "")
        self.assertIn(message, err)
        return err

    def pair(self, algorithm="ES256"):
        self.made("keygen", "-a", algorithm, "-p", "key", "-P", "pub")

    # ---- keygen, mint, inspect and jwks together ------------------------------------------

    def test_every_algorithm_goes_round(self):
        for algorithm in PAIRS:
            with self.subTest(algorithm):
                self.made("keygen", "--algorithm", algorithm, "--out-private", "key",
                          "--out-public", "pub", "--out-jwks", "jwks", "--kid", "k1", "--force")
                token = self.made("mint", "--key", "key", "--algorithm", algorithm, "--kid", "k1",
                                  "--subject", "alice").strip()
                self.assertEqual(decoded(token.split(".")[0])["alg"], algorithm)
                self.assertEqual(decoded(token.split(".")[0])["typ"], "JWT")
                for key in (["--key", "pub"], ["--jwks", "jwks"]):
                    status, out, err = run("token", "inspect", *key, "-", text=token + "\n",
                                           cwd=self.directory.name)
                    self.assertEqual((status, err), (0, ""))
                    self.assertTrue(out.endswith(f"verifies, with {key[1]}\n"), out)
                    self.assertNotIn(token.split(".")[2], out)
                with open(self.path("jwks"), encoding="utf-8") as file:
                    jwk = json.load(file)["keys"][0]
                self.assertEqual((jwk["kid"], jwk["alg"], jwk["use"]), ("k1", algorithm, "sig"))
                self.assertNotIn("d", jwk)

    def test_every_secret_goes_round(self):
        for algorithm in SECRETS:
            with self.subTest(algorithm):
                self.made("keygen", "-a", algorithm, "-p", "secret", "-f")
                token = self.made("mint", "-k", "secret", "-a", algorithm).strip()
                out = self.made("inspect", "-k", "secret", token)
                self.assertIn("verifies, with secret", out)
                with open(self.path("secret"), encoding="ascii") as file:
                    self.assertGreaterEqual(len(file.read()), int(algorithm[2:]) // 8 + 1)

    def test_the_usual_algorithm_of_a_key(self):
        for algorithm, usual in [("RS512", "RS256"), ("PS256", "RS256"), ("ES384", "ES384"),
                                 ("EdDSA", "EdDSA"), ("HS512", "HS256")]:
            self.made("keygen", "-a", algorithm, "-p", "key", "-f")
            token = self.made("mint", "-k", "key")
            self.assertEqual(decoded(token.split(".")[0]), {"alg": usual, "typ": "JWT"})

    def test_private_files_are_private(self):
        os.umask(0)
        self.pair()
        self.made("keygen", "-a", "HS256", "-p", "secret")
        for name, mode in [("key", 0o600), ("secret", 0o600), ("pub", 0o644)]:
            self.assertEqual(stat.S_IMODE(os.stat(self.path(name)).st_mode), mode)
        err = self.refused(1, "--force writes over it", "keygen", "-a", "ES256", "-p", "key")
        self.assertIn("key: File exists", err)
        os.chmod(self.path("key"), 0o666)
        self.made("keygen", "-a", "ES256", "-p", "key", "-f")
        self.assertEqual(stat.S_IMODE(os.stat(self.path("key")).st_mode), 0o600)

    def test_keygen_says_what_is_wrong(self):
        self.refused(2, "--algorithm and --out-private are needed", "keygen")
        self.refused(2, "--algorithm and --out-private are needed", "keygen", "-a", "ES256")
        self.refused(2, 'there is no algorithm "none"', "keygen", "-a", "none", "-p", "key")
        self.refused(2, "a secret has no public part", "keygen", "-a", "HS256", "-p", "s",
                     "-P", "x")
        self.refused(2, "too many arguments", "keygen", "-a", "HS256", "-p", "s", "more")
        self.refused(2, "wrong option", "keygen", "--nonsense")
        self.refused(1, "No such file", "keygen", "-a", "ES256", "-p", "no/such/place")
        self.refused(1, "No such file", "keygen", "-a", "HS256", "-p", "no/such/place")
        self.refused(1, "No such file", "keygen", "-a", "ES256", "-p", "k1", "-P", "no/such/place")
        self.refused(1, "No such file", "keygen", "-a", "ES256", "-p", "k2", "-j", "no/such/place")

    def listing(self):
        """Every file with its text and its mode."""
        found = {}
        for name in os.listdir(self.directory.name):
            if os.path.isfile(self.path(name)):
                with open(self.path(name), encoding="ascii") as file:
                    found[name] = (file.read(), stat.S_IMODE(os.stat(self.path(name)).st_mode))
        return found

    def test_keygen_makes_all_files_or_none(self):
        os.mkdir(self.path("folder"))
        os.mkfifo(self.path("pipe"))
        with open(self.path("taken"), "w", encoding="ascii") as file:
            file.write("before")
        before = self.listing()
        for outputs in (["-p", "key", "-P", "taken"], ["-p", "taken", "-P", "pub"],
                        ["-p", "key", "-P", "pub", "-j", "taken"],
                        ["-p", "key", "-P", "pub", "-j", "no/such/place"],
                        ["-p", "key", "-P", "folder"], ["-p", "key", "-P", "key"]):
            with self.subTest(outputs):
                self.refused(1, outputs[-1] + ": " if outputs[1] != "taken" else "taken: ",
                             "keygen", "-a", "ES256", *outputs)
                self.assertEqual(self.listing(), before)
        for name in ("folder", "pipe", "taken"):
            with self.subTest(name):
                self.refused(1, f"{name}: ", "keygen", "-a", "ES256", "-f", "-p", "taken", "-P", name)
                self.assertEqual(self.listing(), before)
        self.refused(1, "taken: ", "keygen", "-a", "HS256", "-p", "taken")
        self.assertEqual(self.listing(), before)

    def test_keygen_writes_over_what_a_link_names(self):
        self.pair()
        os.symlink("key", self.path("link"))
        old = self.listing()
        self.made("keygen", "-a", "ES256", "-f", "-p", "link", "-P", "pub", "-j", "new")
        new = self.listing()
        self.assertTrue(os.path.islink(self.path("link")))
        self.assertEqual(set(new), {"key", "pub", "link", "new"})
        self.assertNotEqual(new["key"], old["key"])
        token = self.made("mint", "-k", "key").strip()
        self.made("inspect", "-k", "pub", token)

    def test_another_typ_goes_round_too(self):
        for algorithm in SECRETS + PAIRS:
            self.made("keygen", "-a", algorithm, "-p", "key", "-f",
                      *(["-P", "pub"] if algorithm in PAIRS else []))
            token = self.made("mint", "-k", "key", "-a", algorithm, "-T", "at+jwt").strip()
            self.assertEqual(decoded(token.split(".")[0]), {"alg": algorithm, "typ": "at+jwt"})
            self.made("inspect", "-k", "pub" if algorithm in PAIRS else "key", token)

    # ---- mint -------------------------------------------------------------------------------

    def test_mint_sets_claims(self):
        self.pair()
        before = int(time.time())
        token = self.made("mint", "-k", "key", "-i", "https://id", "-s", "alice", "-A", "a", "-A",
                          "b", "-A", "c", "-e", "5m", "-n", "-1h", "-c", 'role="admin"', "-c",
                          "n=[1,2]",
                          "-c", 'o={"x":null}', "-K", "k", "-T", "at+jwt")
        header, claims = (decoded(part) for part in token.split(".")[:2])
        self.assertEqual(header, {"alg": "ES256", "kid": "k", "typ": "at+jwt"})
        self.assertAlmostEqual(claims["iat"], before, delta=5)
        self.assertEqual(claims["exp"], claims["iat"] + 300)
        self.assertEqual(claims["nbf"], claims["iat"] - 3600)
        for name, value in [("iss", "https://id"), ("sub", "alice"), ("aud", ["a", "b", "c"]),
                            ("role", "admin"), ("n", [1, 2]), ("o", {"x": None})]:
            self.assertEqual(claims[name], value)

    def test_mint_times(self):
        self.pair()
        for text, seconds in [("30", 30), ("90s", 90), ("2m", 120), ("1h", 3600), ("7d", 604800),
                              ("-10s", -10), ("0", 0)]:
            claims = decoded(self.made("mint", "-k", "key", "-e", text).split(".")[1])
            self.assertEqual(claims["exp"] - claims["iat"], seconds)
        self.assertNotIn("exp", decoded(self.made("mint", "-k", "key", "-E").split(".")[1]))
        self.assertEqual(
            decoded(self.made("mint", "-k", "key", "-A", "one").split(".")[1])["aud"], "one")
        claims = decoded(self.made("mint", "-k", "key", "-c", "exp=7").split(".")[1])
        self.assertEqual(claims["exp"], 7)

    def test_mint_says_what_is_wrong(self):
        self.pair()
        self.refused(2, "--key is missing", "mint")
        self.refused(2, '"x" is too much', "mint", "-k", "key", "x")
        self.refused(2, "wrong option", "mint", "--nonsense")
        self.refused(2, 'no algorithm "none"', "mint", "-k", "key", "-a", "none")
        for text in ["", "x", "5x", "5mm", "m", "99999999999", "1e3"]:
            self.refused(2, "is no time", "mint", "-k", "key", "-e", text)
            self.refused(2, "is no time", "mint", "-k", "key", "-n", text)
        for text in ["", "x", "=1", "role=admin", "a={", 'a={"b":1,"b":2}', "a=1 2"]:
            self.refused(2, "expected NAME=JSON", "mint", "-k", "key", "-c", text)
        self.refused(1, "nowhere: No such file", "mint", "-k", "nowhere")
        self.refused(1, "cannot sign RS256", "mint", "-k", "key", "-a", "RS256")
        self.refused(1, "cannot sign HS256", "mint", "-k", "key", "-a", "HS256")
        self.refused(1, "holds no private key", "mint", "-k", "pub")
        for name, text in [("short", "short"), ("broken", "-----BEGIN PRIVATE KEY-----\nAAAA\n")]:
            with open(self.path(name), "w", encoding="ascii") as file:
                file.write(text)
        self.refused(1, "a secret of 5 bytes; HS256 needs 32 or more", "mint", "-k", "short")
        self.refused(1, "cannot sign ES256", "mint", "-k", "short", "-a", "ES256")
        self.refused(1, "holds no private key", "mint", "-k", "broken")
        if subprocess.run(["openssl", "genpkey", "-algorithm", "X25519", "-out", self.path("x")],
                          capture_output=True, check=False).returncode == 0:
            self.refused(1, "cannot sign tokens", "mint", "-k", "x")

    def test_arguments_must_be_utf8(self):
        self.pair()
        for option in ["-s", "-K"]:
            done = subprocess.run([PROGRAM, "token", "mint", "-k", "key", option, b"\xff"],
                                  capture_output=True, cwd=self.directory.name, check=False)
            self.assertEqual(done.returncode, 2)
            self.assertIn(b"is not UTF-8", done.stderr)
        done = subprocess.run([PROGRAM, "token", "mint", "-k", "key", "-A", "a", "-A", b"\xff"],
                              capture_output=True, cwd=self.directory.name, check=False)
        self.assertEqual(done.returncode, 2)

    # ---- inspect --------------------------------------------------------------------------------

    def test_inspect_without_a_key(self):
        self.pair()
        token = self.made("mint", "-k", "key", "-e", "-1h", "-n", "-2h").strip()
        for arguments, text in [([token], ""), (["-"], token), ([], token + "\n")]:
            status, out, err = run("token", "inspect", *arguments, text=text)
            self.assertEqual((status, err), (0, ""))
            self.assertIn('"alg": "ES256"', out)
            self.assertRegex(out, r"\nissued \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \(")
            self.assertRegex(out, r"\nnot before .*\(72\d\d s ago\)")
            self.assertRegex(out, r"\nexpires .*\(36\d\d s ago\)")
            self.assertIn("signature of 64 bytes, not checked", out)
            self.assertNotIn(token.split(".")[2], out + err)

    def test_inspect_refuses(self):
        self.pair()
        self.made("keygen", "-a", "ES256", "-p", "other.key", "-P", "other")
        token = self.made("mint", "-k", "key").strip()
        old = self.made("mint", "-k", "key", "-e", "-1s").strip()
        status, out, _ = self.token("inspect", "-k", "other", token)
        self.assertEqual(status, 1)
        self.assertIn("refused: token-signature", out)
        status, out, _ = self.token("inspect", "-k", "pub", old)
        self.assertEqual(status, 1)
        self.assertIn("refused: token-expired", out)
        self.refused(1, "malformed", "inspect", "abc")
        self.refused(1, "malformed", "inspect", text="\n")
        self.refused(1, "header is not one JSON object", "inspect", "AAAA.AAAA.AAAA")
        status, out, err = self.token("inspect", token.split(".")[0] + ".AAAA.AAAA")
        self.assertEqual(status, 1)
        self.assertIn("claims is not one JSON object", err)
        self.refused(1, "too long", "inspect", text="a" * 20000)
        self.refused(2, "more than one token", "inspect", "a", "b")
        self.refused(2, "expected one of", "inspect", "-k", "pub", "-j", "pub", token)
        self.refused(2, "wrong option", "inspect", "--nonsense")

    def test_inspect_with_a_bad_key(self):
        self.pair()
        token = self.made("mint", "-k", "key").strip()
        for arguments, message in [(["-k", "nowhere"], "nowhere: No such file"),
                                   (["-k", "key"], "key: holds a private key"),
                                   (["-j", "pub"], "pub: it is not one JSON object")]:
            status, out, err = self.token("inspect", *arguments, token)
            self.assertEqual(status, 1)
            self.assertIn(message, err)
            self.assertNotIn("verifies", out)

    def test_a_hostile_token_cannot_write_to_the_terminal(self):
        def encoded(text):
            return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
        token = ".".join([encoded('{"alg":"HS256"}'), encoded('{"sub":"\\u001b[31mx\u009b\u202e"}'),
                          "AAAA"])
        status, out, _ = run("token", "inspect", token)
        self.assertEqual(status, 0)
        self.assertTrue(all(" " <= c <= "~" or c == "\n" for c in out))

    # ---- jwks ---------------------------------------------------------------------------------

    def test_jwks_of_several_keys(self):
        for algorithm in ["RS256", "ES256", "EdDSA"]:
            self.made("keygen", "-a", algorithm, "-p", algorithm + ".key", "-P", algorithm)
        out = self.made("jwks", "--kid", "one", "--algorithm", "PS256", "RS256", "ES256", "--kid",
                        "three", "EdDSA")
        keys = json.loads(out)["keys"]
        self.assertEqual([key["kty"] for key in keys], ["RSA", "EC", "OKP"])
        self.assertEqual([key.get("alg") for key in keys], ["PS256", None, None])
        self.assertEqual([key["kid"] for key in keys][::2], ["one", "three"])
        self.assertEqual(len(keys[1]["kid"]), 43)
        with open(self.path("set"), "w", encoding="ascii") as file:
            file.write(out)
        for algorithm, status in [("PS256", 0), ("RS256", 1)]:
            token = self.made("mint", "-k", "RS256.key", "-a", algorithm).strip()
            self.assertEqual(self.token("inspect", "-j", "set", token)[0], status)

    def test_jwks_says_what_is_wrong(self):
        self.pair()
        self.refused(2, "a FILE is missing", "jwks")
        self.refused(2, "a FILE is missing", "jwks", "pub", "--kid", "x")
        self.refused(2, "wrong option", "jwks", "--algorithm", "none", "pub")
        self.refused(1, "nowhere: No such file", "jwks", "nowhere")
        self.refused(1, "key: holds a private key", "jwks", "key")
        self.refused(1, "cannot serve RS256", "jwks", "-a", "RS256", "pub")

    # ---- every command ------------------------------------------------------------------------

    def test_help(self):
        for arguments in [[], ["token"], ["token", "mint"], ["token", "inspect"],
                          ["token", "keygen"], ["token", "jwks"]]:
            status, out, err = run(*arguments, "--help")
            self.assertEqual((status, err), (0, ""))
            self.assertTrue(out.startswith(" ".join(["usage: wsgatectl", *arguments])))
            self.assertTrue(all(len(line) <= 100 for line in out.splitlines()), out)

    def test_wrong_commands(self):
        for arguments, message in [([], "a command is missing"),
                                   (["token"], "a command is missing"),
                                   (["nonsense"], 'there is no command "nonsense"'),
                                   (["token", "min"], 'there is no command "min"')]:
            status, out, err = run(*arguments)
            self.assertEqual((status, out), (2, ""))
            self.assertIn(message, err)
            self.assertIn("--help", err)
        self.assertRegex(run("--version")[1], r"^wsgatectl \d+\.\d+")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
