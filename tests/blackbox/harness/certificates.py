"""Certificates for the tests, made by the openssl command."""

import os
import ssl
import subprocess


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=60)


NAMES = "DNS:chat.example.com,DNS:*.wild.example,IP:127.0.0.1"
LONG_AGO, SOON_AFTER, FAR_AWAY = "20200101000000Z", "20210101000000Z", "20991231235959Z"


class Authority:
    """Signs certificates in a directory; one named "ca" is there."""

    def __init__(self, directory):
        self.directory = directory
        if not os.path.exists(self.path("ca.pem")):
            self.authority("ca")

    def path(self, name):
        return os.path.join(self.directory, name)

    def key(self, name, kind="EC"):
        how = ["-pkeyopt", "ec_paramgen_curve:P-256"] if kind == "EC" else ["-pkeyopt", "rsa_keygen_bits:2048"]
        openssl("genpkey", "-algorithm", kind, *how, "-out", self.path(name + ".key"))

    def authority(self, name):
        self.key(name)
        openssl("req", "-x509", "-new", "-key", self.path(name + ".key"), "-subj", f"/CN={name}",
                "-days", "36500", "-out", self.path(name + ".pem"))

    def sign(self, name, authority="ca", names=NAMES, start=LONG_AGO, end=FAR_AWAY, kind="EC",
             subject="/O=wsgate/CN=a test"):
        """`openssl x509` cannot set dates, `openssl ca` can."""
        self.key(name, kind)
        openssl("req", "-new", "-key", self.path(name + ".key"), "-subj", subject,
                "-out", self.path("request"))
        place = self.path(name + ".ca")
        os.mkdir(place)
        open(os.path.join(place, "index"), "w", encoding="ascii").close()
        with open(os.path.join(place, "conf"), "w", encoding="ascii") as file:
            file.write(f"[ca]\ndefault_ca=a\n[a]\ndatabase={place}/index\nnew_certs_dir={place}\n"
                       "rand_serial=yes\ndefault_md=sha256\npolicy=p\nx509_extensions=e\n"
                       f"[p]\nO=optional\nCN=optional\n[e]\nsubjectAltName={names}\n")
        openssl("ca", "-batch", "-config", os.path.join(place, "conf"), "-notext",
                "-startdate", start, "-enddate", end,
                "-cert", self.path(authority + ".pem"), "-keyfile", self.path(authority + ".key"),
                "-in", self.path("request"), "-out", self.path(name + ".pem"))

    def context(self, name):
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(self.path(name + ".pem"), self.path(name + ".key"))
        made.set_alpn_protocols(["h2", "http/1.1"])
        return made

    def files(self, name):
        """What `certificates:` of a listener wants."""
        return {"certificate": self.path(name + ".pem"), "private_key": self.path(name + ".key")}

    def revoke(self, *names, authority="ca"):
        """A list of revoked certificates; its path."""
        place = self.path("revoked")
        os.makedirs(place, exist_ok=True)
        open(os.path.join(place, "index"), "w", encoding="ascii").close()
        with open(os.path.join(place, "conf"), "w", encoding="ascii") as file:
            file.write(f"[ca]\ndefault_ca=a\n[a]\ndatabase={place}/index\ndefault_md=sha256\n")
        signer = ["-config", os.path.join(place, "conf"), "-cert", self.path(authority + ".pem"),
                  "-keyfile", self.path(authority + ".key")]
        for name in names:
            openssl("ca", *signer, "-revoke", self.path(name + ".pem"))
        openssl("ca", *signer, "-gencrl", "-crldays", "100", "-out", self.path("revoked.pem"))
        return self.path("revoked.pem")


class Certificates(Authority):
    """An authority, and what it signed: for names and addresses, for others, and long ago."""

    def __init__(self, directory):
        super().__init__(directory)
        self.authority("stranger")
        self.sign("good")
        self.sign("old", end=SOON_AFTER)
        self.sign("strange", "stranger")
