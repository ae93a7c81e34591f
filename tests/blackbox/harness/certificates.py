"""Certificates for the tests, made by the openssl command."""

import os
import ssl
import subprocess


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=60)


class Certificates:
    """An authority, and what it signed: for names and addresses, for others, and long ago."""

    def __init__(self, directory):
        self.directory = directory
        self.authority("ca")
        self.authority("stranger")
        names = "DNS:chat.example.com,DNS:*.wild.example,IP:127.0.0.1"
        self.sign("good", "ca", names, "20200101000000Z", "20991231235959Z")
        self.sign("old", "ca", names, "20200101000000Z", "20210101000000Z")
        self.sign("strange", "stranger", names, "20200101000000Z", "20991231235959Z")

    def path(self, name):
        return os.path.join(self.directory, name)

    def key(self, name):
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.path(name + ".key"))

    def authority(self, name):
        self.key(name)
        openssl("req", "-x509", "-new", "-key", self.path(name + ".key"), "-subj", f"/CN={name}",
                "-days", "36500", "-out", self.path(name + ".pem"))

    def sign(self, name, authority, names, start, end):
        """`openssl x509` cannot set dates, `openssl ca` can."""
        self.key(name)
        openssl("req", "-new", "-key", self.path(name + ".key"), "-subj", "/O=wsgate/CN=a test",
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
