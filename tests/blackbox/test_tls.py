"""TLS to clients and to backends: certificates by name, tickets, clients' certificates, faults."""

import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time

from harness import secure
from harness.backend import echo
from harness.case import Case
from harness.certificates import SOON_AFTER, Authority
from harness.gateway import program
from harness.peer import PATIENCE
from harness.secure import SecureSocket
from harness.wire import handshake, head, switching


class TlsCase(Case):
    secure_client = True

    def authority(self):
        """One of this test's own, beside which the run's is a stranger."""
        place = os.path.join(self.directory, "authority")
        os.makedirs(place, exist_ok=True)
        return Authority(place)

    def start_tls(self, tls, backend=None, **parts):
        return self.gateway(backend, listeners=[{"name": "main", "tls": tls}], **parts)

    @staticmethod
    def trusting(authority, **options):
        made = ssl.create_default_context(cafile=authority.path("ca.pem"))
        for name, value in options.items():
            setattr(made, name, value)
        return made

    def shake(self, gate, context, name=secure.NAME, session=None):
        """The SecureSocket of a TLS handshake that succeeded."""
        sock = socket.create_connection(gate.address, PATIENCE)
        self.addCleanup(sock.close)
        made = SecureSocket(sock, context, name=name, session=session)
        made.handshake()
        return made

    def subject(self, gate, context, name):
        """Common name of the certificate that a client gets who asks for that name."""
        context.check_hostname = False
        peer = self.shake(gate, context, name).tls.getpeercert()
        return dict(pair[0] for pair in peer["subject"])["commonName"]

    def check_refused_tls(self, gate, context, word, **options):
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            made = self.shake(gate, context, **options)
            made.sendall(handshake("/ws"))  # TLS 1.3: the server's verdict comes after ours
            if not made.recv(100):
                raise ConnectionError
        line = gate.await_line("handshake", reason="tls-handshake")
        self.assertIn(word, line["detail"])
        self.assertEqual(line["status"], 0)


class ToClients(TlsCase):
    def test_certificates_by_name(self):
        mine = self.authority()
        names = {"one": "DNS:one.example", "wild": "DNS:*.wild.example",
                 "exact": "DNS:exact.wild.example", "upper": "DNS:UPPER.example"}
        for name, alternative in names.items():
            mine.sign(name, names=alternative, subject=f"/CN={name}")
        gate = self.start_tls({"certificates": [mine.files(name) for name in names]})
        for asked, got in {
            "one.example": "one", "ONE.example": "one", "a.wild.example": "wild",
            "exact.wild.example": "exact", "a.b.wild.example": "one", "wild.example": "one",
            "unknown.example": "one", "upper.example": "upper", None: "one",
        }.items():
            with self.subTest(asked):
                self.assertEqual(self.subject(gate, self.trusting(mine), asked), got)

    def test_rsa_and_ecdsa_side_by_side(self):
        mine = self.authority()
        mine.sign("ec", subject="/CN=ec")
        mine.sign("rsa", kind="RSA", subject="/CN=rsa")
        gate = self.start_tls({"certificates": [mine.files("ec"), mine.files("rsa")]})
        for kind in ("ECDSA", "RSA"):
            context = self.trusting(mine, maximum_version=ssl.TLSVersion.TLSv1_2)
            context.set_ciphers(f"ECDHE-{kind}-AES128-GCM-SHA256")
            got = self.subject(gate, context, secure.NAME)
            self.assertEqual(got, {"ECDSA": "ec", "RSA": "rsa"}[kind])

    def test_protocols(self):
        gate = self.gateway()
        context = self.trusting(secure.authority())
        context.set_alpn_protocols(["h2", "http/1.1"])
        self.assertEqual(self.shake(gate, context).tls.selected_alpn_protocol(), "http/1.1")
        context.set_alpn_protocols(["h2"])
        self.check_refused_tls(gate, context, "no application protocol")

    def test_versions(self):
        gate = self.gateway()
        for version in ("TLSv1_2", "TLSv1_3"):
            context = self.trusting(secure.authority(),
                                    maximum_version=getattr(ssl.TLSVersion, version))
            peer = self.shake(gate, context)
            self.assertEqual(peer.tls.version(), version.replace("_", "."))
        old = self.trusting(secure.authority())
        old.set_ciphers("ALL:@SECLEVEL=0")
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        self.check_refused_tls(gate, old, "unsupported protocol")

    def test_min_version_and_ciphers(self):
        mine = secure.authority()
        tls = {"certificates": [mine.files("good")], "min_version": "1.3", "curves": "P-256",
               "ciphersuites": "TLS_CHACHA20_POLY1305_SHA256"}
        gate = self.start_tls(tls)
        self.assertEqual(self.shake(gate, self.trusting(mine)).tls.cipher()[0],
                         "TLS_CHACHA20_POLY1305_SHA256")
        context = self.trusting(mine, maximum_version=ssl.TLSVersion.TLSv1_2)
        self.check_refused_tls(gate, context, "unsupported protocol")

    def test_plain_http_is_closed_and_told(self):
        gate = self.gateway()
        client = self.client(gate, handshake("/ws"), secure=False)
        self.assertNotIn(b"HTTP", client.read_rest())
        line = gate.await_line("handshake", reason="tls-handshake")
        self.assertEqual((line["status"], line["detail"]), (0, "http request"))

    def test_a_port_check_is_not_told(self):
        gate = self.gateway()
        self.client(gate, secure=False).close()
        self.client(gate, handshake("/none")).read_response()
        gate.await_line("handshake", status=404)
        self.assertEqual(gate.lines("handshake", reason="tls-handshake"), [])

    def test_the_handshake_has_the_time_of_the_head(self):
        gate = self.gateway(timeouts={"head": "300ms"})
        silent = self.client(gate, b"\x16\x03\x01", secure=False)
        silent.expect_end()
        self.assertEqual(gate.await_line("handshake")["reason"], "accept-timeout")

    def test_split_at_every_byte(self):
        """The whole of a client's bytes, in pieces of one: handshake, head and a frame."""
        gate = self.gateway()
        client = self.client(gate, secure=False)
        plain = client.sock
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        class Dribble:
            family = plain.family
            recv = plain.recv

            @staticmethod
            def send(data):
                plain.send(data[:1])
                return 1

        client.sock = made = SecureSocket(Dribble(), secure.client_context())
        made.handshake()
        client.send(handshake("/ws"))
        self.check_switched(client.read_response())
        self.check_echo(client)
        client.sock = plain

    def test_many_records_in_one_segment(self):
        """Small records that OpenSSL takes at once, and the kernel does not tell of again."""
        service = self.backend()
        gate = self.gateway(service)
        client = self.client(gate)
        request = handshake("/ws")
        made = client.sock
        for i in range(len(request)):
            made._write(request[i : i + 1])
        for i in range(500):
            made._write(b"%03d" % i)
        made._flush()
        peer = service.next()
        peer.send(switching(peer.read_head()))
        self.check_switched(client.read_response())
        self.assertEqual(peer.read(1500), b"".join(b"%03d" % i for i in range(500)))

    def test_cut_off_is_told_apart(self):
        for cut, reason in ((True, "client-truncated"), (False, "client-closed")):
            with self.subTest(reason):
                service = self.backend()
                gate = self.gateway(service)
                client, peer = self.tunnel(gate, service, handshake("/ws"))
                client.send(b"last")
                if cut:
                    client.sock.sock.shutdown(socket.SHUT_WR)
                else:
                    client.finish()
                self.assertEqual(peer.read_rest(), b"last")
                peer.close()
                self.assertEqual(client.read_rest(), b"")
                self.assertFalse(client.sock.truncated, "the gateway says goodbye")
                self.assertEqual(gate.await_line("tunnel")["reason"], reason)

    def test_a_fatal_alert_is_no_goodbye(self):
        service = self.backend()
        gate = self.gateway(service)
        client, peer = self.tunnel(gate, service, handshake("/ws"))
        client.sock._in.write(b"\x17\x03\x03\x00\x20" + bytes(32))  # a record that nobody sealed
        with self.assertRaises(ssl.SSLError):
            client.sock.recv(1)
        client.sock._flush()  # bad_record_mac
        self.assertEqual(peer.read_rest(), b"")
        peer.close()
        self.assertEqual(gate.await_line("tunnel")["reason"], "client-reset")

    def test_a_refusal_ends_with_a_goodbye(self):
        gate = self.gateway()
        client = self.client(gate, handshake("/none"))
        self.check_refused(client.read_response(), 404)
        self.assertEqual(client.read_rest(), b"")
        self.assertFalse(client.sock.truncated)

    def test_limits_close_without_an_answer(self):
        gate = self.gateway(limits={"connections": 1})
        first = self.client(gate)
        second = self.client(gate, secure=False)
        second.expect_end()
        self.assertEqual(gate.await_line("handshake")["reason"], "limit-connections")
        first.close()

    def test_renegotiation_and_key_updates(self):
        """`openssl s_client` asks: R is a renegotiation, K a new key for both directions."""
        gate = self.gateway()
        for letter, version, told, said in (("R", "-tls1_2", b"RENEGOTIATING", b"no renegotiation"),
                                            ("K", "-tls1_3", b"KEYUPDATE", b"HTTP/1.1 404 ")):
            with self.subTest(letter):
                client = subprocess.Popen(
                    ["openssl", "s_client", version, "-connect", "%s:%d" % gate.address],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                self.addCleanup(client.wait)
                self.addCleanup(client.kill)
                self.addCleanup(client.stdout.close)
                client.stdin.write((letter + "\n").encode())
                client.stdin.flush()
                seen = b""
                # Only then: of what it reads together with a letter it drops the rest.
                while told not in seen and (part := os.read(client.stdout.fileno(), 65536)):
                    seen += part
                try:
                    client.stdin.write(handshake("/none"))
                    client.stdin.flush()
                except BrokenPipeError:
                    pass  # it gave up when it was refused
                while said not in seen and (part := os.read(client.stdout.fileno(), 65536)):
                    seen += part
                self.assertIn(said, seen)
                try:
                    client.stdin.close()
                except BrokenPipeError:
                    pass
        self.ask_ok(gate)

    def ask_ok(self, gate):
        client = self.client(gate, handshake("/ws"))
        self.check_switched(client.read_response())
        client.close()


class Tickets(TlsCase):
    def resumed(self, gate, context, session):
        made = self.shake(gate, context, session=session)
        made.sendall(handshake("/none"))
        made.recv(10000)  # the ticket comes before the answer
        return made.tls.session_reused, made.tls.session

    def test_workers_share_them(self):
        gate = self.gateway(threads=4)
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = self.trusting(secure.authority(), maximum_version=version)
            reused, session = self.resumed(gate, context, None)
            self.assertFalse(reused)
            for _ in range(12):  # that all on one worker is one in millions
                reused, session = self.resumed(gate, context, session)
                self.assertTrue(reused)

    def test_a_reload_keeps_them(self):
        gate = self.gateway()
        context = self.trusting(secure.authority())
        _, session = self.resumed(gate, context, None)
        gate.send_signal(1)
        gate.await_reload()
        self.assertTrue(self.resumed(gate, context, session)[0])

    def test_gateways_share_files(self):
        keys = [self.file(f"key-{size}", os.urandom(size)) for size in (48, 80)]
        tls = secure.listener_tls()
        both = [self.start_tls(tls | {"ticket_key_files": files}) for files in (keys, keys[::-1])]
        alone = self.start_tls(tls)
        context = self.trusting(secure.authority())
        _, session = self.resumed(both[0], context, None)
        self.assertTrue(self.resumed(both[1], context, session)[0])
        self.assertFalse(self.resumed(alone, context, session)[0])

    def test_other_rules_for_clients_are_other_sessions(self):
        """A session of a client that showed no certificate is none where one is required."""
        key = self.file("key", os.urandom(80))
        tls = secure.listener_tls() | {"ticket_key_files": [key]}
        strict = tls | {"client_ca": secure.authority().path("ca.pem"), "client_verify": "optional"}
        context = self.trusting(secure.authority())
        _, session = self.resumed(self.start_tls(tls), context, None)
        self.assertFalse(self.resumed(self.start_tls(strict), context, session)[0])


class ClientCertificates(TlsCase):
    def setUp(self):
        super().setUp()
        self.mine = self.authority()
        self.mine.sign("ann", names="email:ann@example.com,URI:spiffe://example.com/ann",
                       subject="/O=Example/CN=ann")
        self.mine.sign("bob", names="DNS:bob.example", subject="/O=Example/CN=bob")

    def context(self, name, **options):
        made = self.trusting(secure.authority(), **options)
        if name:
            made.load_cert_chain(self.mine.path(name + ".pem"), self.mine.path(name + ".key"))
        return made

    def tls(self, verify="require", **more):
        return secure.listener_tls() | {
            "client_ca": self.mine.path("ca.pem"), "client_verify": verify} | more

    def answer(self, gate, name, *lines):
        client = self.client(gate, handshake("/ws", *lines), secure=self.context(name))
        answer = client.read_response()
        client.close()
        return answer

    def test_required(self):
        gate = self.start_tls(self.tls())
        self.assertEqual(self.answer(gate, "ann").status, 101)
        self.check_refused_tls(gate, self.context(None), "did not return a certificate")

    def test_a_stranger_and_one_that_has_expired(self):
        self.mine.sign("old", end=SOON_AFTER, subject="/CN=old")
        for verify in ("optional", "require"):
            gate = self.start_tls(self.tls(verify))
            self.check_refused_tls(gate, self.context("old"), "expired")
        gate = self.start_tls(secure.listener_tls() | {
            "client_ca": secure.authority().path("ca.pem"), "client_verify": "require"})
        self.check_refused_tls(gate, self.context("ann"), "certificate")

    def test_revoked(self):
        revoked = self.mine.revoke("bob")
        gate = self.start_tls(self.tls(client_crl=revoked))
        self.assertEqual(self.answer(gate, "ann").status, 101)
        self.check_refused_tls(gate, self.context("bob"), "revoked")

    def rules(self, **options):
        return {"require": ["machines"],
                "middleware": {"machines": {"client_certificate": options}}}

    def test_rules(self):
        print_ = subprocess.run(
            ["openssl", "x509", "-in", self.mine.path("ann.pem"), "-noout", "-fingerprint", "-sha256"],
            check=True, capture_output=True, text=True).stdout.strip().partition("=")[2]
        for options, ann in (
            ({"common_name": ["ann"]}, True),
            ({"common_name": ["an"]}, False),
            ({"common_name": ["a*", "zed"]}, True),
            ({"subject": ["CN=ann,O=Example"]}, True),
            ({"subject": ["CN=ann"]}, False),
            ({"email": ["*@example.com"]}, True),
            ({"email": ["*@example.org"]}, False),
            ({"uri": ["spiffe://example.com/*"], "common_name": ["ann"]}, True),
            ({"uri": ["spiffe://example.com/*"], "common_name": ["bob"]}, False),
            ({"dns": ["*.example"]}, False),
            ({"fingerprint": [print_]}, True),
            ({"fingerprint": [print_.replace(":", "").lower()]}, True),
            ({"fingerprint": ["00" * 32]}, False),
            ({"issuer": ["CN=ca"]}, True),
            ({"issuer": ["CN=other"]}, False),
            ({}, True),
        ):
            with self.subTest(options):
                gate = self.start_tls(self.tls("optional"), **self.rules(**options))
                self.assertEqual(self.answer(gate, "ann").status, 101 if ann else 403)
                self.assertEqual(self.answer(gate, None).status, 403)
                gate.await_line("handshake", reason="certificate-missing")

    def test_identity_and_headers(self):
        service = self.echo_backend()
        options = {"identity": "uri", "forward": {"email": "X-Mail", "common_name": "X-Name"}}
        gate = self.start_tls(self.tls(), service, **self.rules(**options))
        self.answer(gate, "ann", "X-Mail: eve@example.com", "x_name: eve")
        got = service.heads()[0]
        self.assertEqual((got.all("X-Mail"), got.all("X-Name")), (["ann@example.com"], ["ann"]))
        line = gate.await_line("handshake")
        self.assertEqual((line["subject"], line["issuer"]), ("spiffe://example.com/ann", "CN=ca"))

    def test_resumed_sessions_know_it(self):
        gate = self.start_tls(self.tls(), **self.rules(common_name=["ann"]))
        context, session = self.context("ann"), None
        for reused in (False, True, True):
            made = self.shake(gate, context, session=session)
            made.sendall(handshake("/ws"))
            self.assertIn(b" 101 ", made.recv(10000))
            self.assertEqual(made.tls.session_reused, reused)
            session = made.tls.session


class Renewal(TlsCase):
    def test_files_that_change(self):
        mine = self.authority()
        mine.sign("first", subject="/CN=first")
        mine.sign("second", subject="/CN=second")
        for end in ("pem", "key"):
            shutil.copy(mine.path("first." + end), mine.path("live." + end))
        gate = self.start_tls({"certificates": [mine.files("live")]})
        self.assertEqual(self.subject(gate, self.trusting(mine), None), "first")
        service = gate.lines("certificate", name="stderr")[0]
        self.assertGreater(service["days"], 20000)
        self.file("authority/live.pem", "half of a file")
        gate.await_lines(1, "certificates_kept", name="stderr")
        self.assertEqual(self.subject(gate, self.trusting(mine), None), "first")
        for end in ("pem", "key"):
            shutil.copy(mine.path("second." + end), mine.path("live." + end))
        gate.await_lines(1, "certificates_renewed", name="stderr")
        self.assertEqual(self.subject(gate, self.trusting(mine), None), "second")
        gate.stop(idle=False)
        end = gate.lines("stopped", name="stderr")[0]["certificates_end"]
        self.assertAlmostEqual(end, time.time() + 86400 * service["days"], delta=2 * 86400)

    def test_a_reload_reads_them(self):
        mine = self.authority()
        mine.sign("first", subject="/CN=first")
        gate = self.start_tls({"certificates": [mine.files("first")]})
        client = self.client(gate, handshake("/ws"), secure=self.trusting(mine))
        self.check_switched(client.read_response())
        mine.sign("second", subject="/CN=second")
        for end in ("pem", "key"):
            shutil.copy(mine.path("second." + end), mine.path("first." + end))
        gate.send_signal(1)
        gate.await_reload()
        self.assertEqual(self.subject(gate, self.trusting(mine), None), "second")
        self.check_echo(client)  # which goes on under what it began with
        client.close()


class Faults(TlsCase):
    """Each at its place in the file."""

    def faults(self, tls, backend=None):
        config = self.config(self.echo_backend())
        config["listeners"] = [{"address": "127.0.0.1:1", "tls": tls}] if tls else [
            {"address": "127.0.0.1:1"}]
        if backend:
            config["backends"]["service"]["tls"] = backend
        path = self.file("wsgate.json", json.dumps(config))
        done = subprocess.run([program(), "-t", "-c", path], capture_output=True, text=True,
                              check=False, timeout=60)
        return done.returncode, done.stderr.replace(path, "FILE")

    def test_of_certificates(self):
        mine = self.authority()
        mine.sign("one")
        mine.sign("other")
        mine.sign("old", end=SOON_AFTER)
        encrypted = mine.path("encrypted.key")
        subprocess.run(["openssl", "pkey", "-in", mine.path("one.key"), "-aes128", "-passout",
                        "pass:secret", "-out", encrypted], check=True, capture_output=True)
        with open(mine.path("one.pem"), encoding="ascii") as file:
            text = file.read()
        broken = self.file("broken.pem", text + text.replace("MII", "XII", 1))
        empty = self.file("empty.pem", "nothing")
        one = mine.files("one")
        for changes, said in (
            ({}, None),
            (mine.files("old"), None),
            ({"private_key": mine.path("other.key")}, "is not the key of the certificate in"),
            ({"private_key": encrypted}, "needs a passphrase"),
            ({"private_key": empty}, "expected a private key in PEM"),
            ({"certificate": empty}, "expected a certificate in PEM"),
            ({"certificate": broken}, "certificate 2 in it is broken"),
        ):
            with self.subTest(changes):
                status, text = self.faults({"certificates": [one | changes]})
                self.assertEqual(status, 0 if said is None else 1, text)
                if said:
                    word = list(changes)[0]
                    self.assertRegex(text, rf"^FILE:1:\d+: `{word}`: .*{said}")

    def test_of_the_rest(self):
        files = {"certificates": [secure.authority().files("good")]}
        ca = secure.authority().path("ca.pem")
        empty = self.file("empty", "nothing")
        for changes, word, said in (
            ({"ciphers": "NONE-SUCH"}, "ciphers", "expected names that OpenSSL knows"),
            ({"ciphersuites": "NONE-SUCH"}, "ciphersuites", "expected names that OpenSSL knows"),
            ({"curves": "X1"}, "curves", "expected names that OpenSSL knows"),
            ({"client_verify": "require"}, "client_verify", "expected `client_ca` beside it"),
            ({"client_crl": ca}, "client_crl", "expected `client_ca` beside it"),
            ({"client_ca": empty, "client_verify": "require"}, "client_ca", "expected certificates"),
            ({"client_ca": ca, "client_verify": "require", "client_crl": ca}, "client_crl",
             "revocation lists"),
            ({"ticket_key_files": [empty]}, "ticket_key_files", "expected 48 or 80 random bytes"),
            ({"min_version": "1.1"}, "min_version", "expected"),
            ({"certificates": []}, "certificates", "expected at least one"),
        ):
            with self.subTest(changes):
                status, text = self.faults(files | changes)
                self.assertEqual(status, 1)
                self.assertRegex(text, rf"FILE:1:\d+: `{word}`: .*{said}")

    def test_of_backends(self):
        good = secure.authority().files("good")
        empty = self.file("empty", "nothing")
        for backend, word, said in (
            ({"ca_file": empty}, "ca_file", "expected certificates in PEM"),
            ({"server_name": "a b"}, "server_name", "expected a host's name"),
            ({"server_name": "a.example:1"}, "server_name", "without a port"),
            ({"certificate": good["certificate"]}, "certificate", "expected `private_key`"),
            (good | {"private_key": empty}, "private_key", "expected a private key"),
        ):
            with self.subTest(backend):
                status, text = self.faults(None, backend)
                self.assertEqual(status, 1)
                self.assertRegex(text, rf"FILE:1:\d+: `{word}`: .*{said}")


class ToBackends(Case):
    def start(self, config, **options):
        for backend in config["backends"].values():
            backend.setdefault("tls", {}).setdefault("ca_file", secure.authority().path("ca.pem"))
        return super().start(config, **options)

    def secure_service(self, context=None, handler=None):
        return self.backend(handler or echo(), secure=context or secure.server_context())

    def check(self, service, tls, status=101, detail=None, **pool):
        gate = self.gateway(service, pool={"tls": tls} | pool)
        client = self.client(gate, handshake("/ws"))
        answer = client.read_response()
        self.assertEqual(answer.status, status)
        if status == 101:
            self.check_echo(client)
        else:
            line = gate.await_line("handshake")
            self.assertEqual(line["reason"], "backend-tls")
            self.assertIn(detail, line["detail"])
        client.close()
        return gate

    def test_names(self):
        for tls, pool, detail in (
            ({"server_name": secure.NAME}, {}, None),
            ({"server_name": "a.wild.example"}, {}, None),
            ({"server_name": "127.0.0.1"}, {}, None),
            ({}, {}, None),  # the server's address
            ({}, {"host": secure.NAME + ":8443"}, None),
            ({"server_name": "other.example"}, {}, "hostname mismatch"),
            ({}, {"host": "other.example"}, "hostname mismatch"),
            ({"server_name": "127.0.0.2"}, {}, "IP address mismatch"),
            ({"server_name": "other.example", "verify": False}, {}, None),
        ):
            with self.subTest(tls=tls, pool=pool):
                self.check(self.secure_service(), tls, 502 if detail else 101, detail, **pool)

    def test_certificates_that_are_not_good(self):
        place = os.path.join(self.directory, "authority")
        os.makedirs(place)
        mine = Authority(place)
        mine.sign("strange")
        mine.sign("old", end=SOON_AFTER)
        tls = {"ca_file": mine.path("ca.pem")}
        self.check(self.secure_service(mine.context("strange")), {}, 502, "certificate")
        self.check(self.secure_service(mine.context("strange")), {"verify": False})
        self.check(self.secure_service(mine.context("strange")), tls)
        self.check(self.secure_service(mine.context("old")), tls, 502, "expired")

    def test_our_own_certificate(self):
        context = secure.authority().context("good")
        context.load_verify_locations(secure.authority().path("ca.pem"))
        context.verify_mode = ssl.CERT_REQUIRED
        context.maximum_version = ssl.TLSVersion.TLSv1_2  # where the server's verdict comes at once
        self.check(self.secure_service(context), secure.authority().files("good"))
        self.check(self.secure_service(context), {}, 502, "alert")

    def test_an_alert_behind_the_handshake(self):
        """TLS 1.3: our certificate is judged when our handshake is over, and the cause is told all the same."""
        context = secure.authority().context("good")
        context.load_verify_locations(secure.authority().path("ca.pem"))
        context.verify_mode = ssl.CERT_REQUIRED
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        over = threading.Event()

        def serve():
            sock, _ = listener.accept()
            with sock:
                try:
                    SecureSocket(sock, context, server=True).handshake()
                except ssl.SSLError:
                    over.wait(20)  # an end at once could reset, and take the alert along

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        service = self.backend()
        config = self.config(service, pool={"tls": {"ca_file": secure.authority().path("ca.pem")}})
        config["backends"]["service"]["servers"] = ["127.0.0.1:%d" % listener.getsockname()[1]]
        gate = self.start(config)
        answer = gate.ask(handshake("/ws"))
        over.set()
        thread.join()
        self.assertEqual(answer.status, 502)
        line = gate.await_line("handshake")
        self.assertEqual(line["reason"], "backend-tls")
        self.assertIn("certificate required", line["detail"])

    def test_min_version(self):
        context = secure.authority().context("good")
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        self.check(self.secure_service(context), {})
        self.check(self.secure_service(context), {"min_version": "1.3"}, 502, "protocol version")

    def test_a_plain_server(self):
        self.check(self.backend(lambda peer: peer.send(b"HTTP/1.1 400 \r\n\r\n")), {}, 502,
                   "wrong version number")

    def test_the_next_server(self):
        plain = self.backend(lambda peer: peer.send(b"no TLS here"))
        for backends in ([plain, self.secure_service()], [self.secure_service(), plain]):
            gate = self.gateway(backends, pool={"balance": "round_robin"})
            for _ in range(4):
                client = self.client(gate, handshake("/ws"))
                self.check_switched(client.read_response())
                client.close()

    def test_a_silent_server(self):
        """connect_timeout is for the handshake of TLS too."""
        silent = self.backend(lambda peer: peer.read_rest())
        gate = self.gateway(silent, pool={"connect_timeout": "300ms"})
        client = self.client(gate, handshake("/ws"))
        self.check_refused(client.read_response(), 504)
        self.assertEqual(gate.await_line("handshake")["reason"], "backend-connect-timeout")

    def test_sessions_are_resumed(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version):
                context = secure.authority().context("good")
                context.maximum_version = version
                service = self.secure_service(context)
                gate = self.gateway(service, threads=1)
                for _ in range(4):
                    client = self.client(gate, handshake("/ws"))
                    self.check_switched(client.read_response())
                    self.check_echo(client)
                    client.close()
                    gate.await_idle()
                self.assertEqual([peer.sock.tls.session_reused for peer in service.peers],
                                 [False, True, True, True])

    def test_cut_off_is_told_apart(self):
        service = self.backend(secure=secure.server_context())
        gate = self.gateway(service)
        client, peer = self.tunnel(gate, service, handshake("/ws"))
        peer.send(b"last")
        peer.sock.sock.shutdown(socket.SHUT_WR)
        self.assertEqual(client.read_rest(), b"last")
        client.close()
        self.assertEqual(gate.await_line("tunnel")["reason"], "backend-truncated")

    def test_a_body_that_was_cut_off_is_no_answer(self):
        for cut, status in ((True, 502), (False, 403)):
            with self.subTest(cut=cut):
                service = self.backend(secure=secure.server_context())
                gate = self.gateway(service)
                client = self.client(gate, handshake("/ws"))
                peer = service.next()
                peer.read_head()
                peer.send(head("HTTP/1.1 403 Forbidden", "Connection: close") + b"half of a")
                peer.sock.sock.shutdown(socket.SHUT_WR) if cut else peer.close()
                self.assertEqual(client.read_response().status, status)
