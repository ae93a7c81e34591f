"""The PROXY header: from trusted proxies alone, whole and right, or the connection is closed."""

import ssl
import struct

from harness import process, proxy, secure
from harness.case import Case
from harness.gateway import GatewayError
from harness.peer import Peer
from harness.wire import handshake, switching

PEER = "127.0.0.1"
PROXY = "127.0.0.9"
ONE = "192.0.2.1"


def told(head, name):
    return "|".join(head.all(name))


class Incoming(Case):
    def serve(self, **parts):
        def tell(peer):
            head = peer.read_head()
            names = ("X-Forwarded-For", "X-Real-IP", "X-Forwarded-Proto")
            peer.send(switching(head, *[f"Got-{name}: {told(head, name)}" for name in names]))
            while peer.receive():
                pass

        self.service = self.backend(tell)
        parts.setdefault("trusted_proxies", [PROXY, "10.0.0.0/8"])
        parts.setdefault("listeners", [{"name": "main", "proxy_protocol": True}])
        self.gate = self.gateway(self.service, threads=1, **parts)
        self.lines = 0

    def line(self):
        self.lines += 1
        return self.gate.await_lines(self.lines, "handshake")[-1]

    def check_client(self, data, expected, passed_on=None, source=PROXY):
        client = self.client(self.gate, data, source=source)
        answer = client.read_response()
        self.assertEqual(answer.status, 101)
        line = self.line()
        self.assertTrue(line["peer"].startswith(source or "unix:"), line)
        self.assertEqual(line.get("client"), expected)
        if passed_on is None:
            passed_on = self.bare(expected or line["peer"])
        self.assertEqual(answer.get("Got-X-Forwarded-For"), passed_on)
        client.close()

    @staticmethod
    def bare(address):
        """Without its port; of nobody nothing is passed on."""
        if address == "unknown":
            return ""
        return address.rpartition(":")[0].strip("[]") if ":" in address else address

    def check_closed(self, data, reason, detail=None, source=PROXY):
        """Closed without one byte of an answer, with one line in the log."""
        client = self.client(self.gate, data, source=source)
        client.expect_end()
        self.assertEqual(bytes(client.received), b"")
        line = self.line()
        self.assertEqual((line["status"], line["reason"]), (0, reason))
        if detail:
            self.assertIn(detail, line["detail"])
        client.close()

    def test_who_it_names(self):
        self.serve()
        ends = proxy.ends
        rows = [
            (proxy.v1(ONE), f"{ONE}:4242"),
            (proxy.v1("2001:db8::1", "2001:db8::2"), "[2001:db8::1]:4242"),
            (proxy.v1("::ffff:192.0.2.1", "::1"), f"{ONE}:4242"),
            (proxy.v1(ONE, ports=(0, 0)), ONE),
            (b"PROXY UNKNOWN\r\n", "unknown"),
            (b"PROXY UNKNOWN 192.0.2.1 192.0.2.2 1 2\r\n", "unknown"),
            (proxy.named(ONE), f"{ONE}:4242"),
            (proxy.named("2001:db8::1"), "[2001:db8::1]:4242"),
            (proxy.named("::ffff:192.0.2.1", destination="::1"), f"{ONE}:4242"),
            (proxy.named(ONE, tlvs=b"\x03\0\4abcd" + b"\x04\xff\xff"), f"{ONE}:4242"),
            (proxy.named(ONE, tlvs=bytes(4096 - 28)), f"{ONE}:4242"),
            (proxy.v2(proxy.UNSPEC), "unknown"),
            (proxy.v2(proxy.UNSPEC, b"x" * 100), "unknown"),
            (proxy.v2(proxy.UDP4, ends(ONE)), "unknown"),
            (proxy.v2(proxy.UDP6, ends("2001:db8::1")), "unknown"),
            (proxy.v2(proxy.UNIX, b"/run/x".ljust(216, b"\0")), "unknown"),
            (proxy.v2(command=proxy.LOCAL), None),
            (proxy.v2(proxy.TCP4, ends(ONE), command=proxy.LOCAL), None),
            (proxy.v2(0xFF, b"x", command=proxy.LOCAL), None),
        ]
        for header, expected in rows:
            with self.subTest(header=header[:60]):
                self.check_client(header + handshake("/ws"), expected)

    def test_what_is_malformed(self):
        self.serve()
        ends = proxy.ends(ONE)
        rows = [
            (handshake("/ws"), "no PROXY header"),
            (b"PUT", "no PROXY header"),
            (b"\x16\x03\x01\x02\0", "no PROXY header"),
            (b"\r\n\r\n\0\r\nQUIX", "no PROXY header"),
            (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n", "CRLF"),
            (b"PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n", "addresses"),
            (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n", "addresses"),
            (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 02\r\n", "addresses"),
            (b"PROXY TCP4 192.0.2.1,192.0.2.2 1 2\r\n", "addresses"),
            (b"PROXY TCP6 fe80::1%lo ::1 1 2\r\n", "addresses"),
            (b"PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n", "addresses"),
            (b"PROXY STREAM\r\n", "expected TCP4"),
            (b"PROXY UNKNOWN " + b"x" * 94, "107"),
            (proxy.v2(proxy.TCP4, ends, command=0x11), "version 2"),
            (proxy.v2(proxy.TCP4, ends, command=0x22), "LOCAL or PROXY"),
            (proxy.v2(0x13, ends), "reserved"),
            (proxy.v2(0x41, ends), "reserved"),
            (proxy.v2(proxy.TCP4, ends, length=11), "too short"),
            (proxy.v2(proxy.TCP4), "too short"),
            (proxy.v2(proxy.TCP6, ends), "too short"),
            (proxy.v2(proxy.UNIX, b"x" * 215), "too short"),
            (proxy.v2(proxy.TCP4, ends, length=4081), "4096"),
            (proxy.v2(proxy.TCP4, ends, length=65535), "4096"),
            (proxy.v2(command=proxy.LOCAL, length=65535), "4096"),
        ]
        for header, detail in rows:
            with self.subTest(header=header[:60]):
                self.check_closed(header, "proxy-header-malformed", detail)
        self.assertEqual(self.service.connects, 0)

    def test_strangers(self):
        """Their header is not read, whatever it is; without one they fare no better."""
        self.serve()
        for data in (proxy.v1(ONE), proxy.named(ONE), proxy.named(PROXY), handshake("/ws"), b"\0"):
            self.check_closed(data, "proxy-not-trusted", source=PEER)
        self.assertEqual(self.service.connects, 0)

    def test_without_proxy_protocol_it_is_no_request(self):
        self.serve(listeners=[{"name": "main"}])
        for header in (proxy.v1(ONE), proxy.named(ONE)):
            client = self.client(self.gate, header + handshake("/ws"), source=PROXY)
            self.check_refused(client.read_response(), 400)

    def test_every_split(self):
        """What stands behind the header is the request's, and nothing of it is lost."""
        self.serve()
        for header in (proxy.v1(ONE), proxy.named(ONE, tlvs=b"\x04\0\2ab")):
            data = header + handshake("/ws")
            for at in range(1, len(header) + 2):
                client = self.client(self.gate, source=PROXY)
                client.send_slowly([data[:at], data[at:]], 0.0005)
                self.check_switched(client.read_response())
                self.assertEqual(self.line()["client"], f"{ONE}:4242")
                client.close()
            client = self.client(self.gate, source=PROXY)
            client.send_slowly([data[i : i + 1] for i in range(len(data))], 0)
            self.check_switched(client.read_response())
            self.assertEqual(self.line()["client"], f"{ONE}:4242")
            client.close()

    def test_an_endless_header(self):
        """Within the head's deadline. What has come of it does not keep the loop busy."""
        self.serve(timeouts={"head": "500ms"})
        parts = (b"", b"P", proxy.SIGNATURE, proxy.named(ONE)[:-1], proxy.v1(ONE)[:-1])
        before = process.cpu_seconds(self.gate.pid)
        clients = [self.client(self.gate, part, source=PROXY) for part in parts]
        last = self.client(self.gate, proxy.v1(ONE), source=PROXY)
        for client in clients:
            client.expect_end()
            self.assertEqual(bytes(client.received), b"")
        self.check_refused(last.read_response(), 408)  # the head had what was left
        self.assertLess(process.cpu_seconds(self.gate.pid) - before, 0.3)  # of 0.5 s
        self.gate.await_lines(len(parts), "handshake", reason="accept-timeout", status=0)
        self.gate.await_line("handshake", reason="head-timeout", client=f"{ONE}:4242")

    def test_who_leaves_within_it(self):
        self.serve()
        self.client(self.gate, source=PROXY).close()  # a port check is no line
        self.client(self.gate, proxy.v2(command=proxy.LOCAL), source=PROXY).close()  # nor is this
        client = self.client(self.gate, b"PROXY ", source=PROXY)
        client.finish()
        client.expect_end()
        self.assertEqual(self.line()["reason"], "client-gone")

    def test_the_gateway_stops_meanwhile(self):
        self.serve()
        client = self.client(self.gate, b"PROXY ", source=PROXY)
        self.client(self.gate, proxy.v1(ONE) + handshake("/ws"), source=PROXY).read_response()
        self.line()
        self.gate.stop(idle=False)
        client.expect_end()
        self.assertEqual(bytes(client.received), b"")
        self.assertEqual(self.line()["reason"], "stopping")

    def test_the_header_and_the_fields(self):
        """The header names who sends the request; his fields count only if he is trusted too."""
        self.serve()
        claim = handshake("/ws", "X-Forwarded-For: 198.51.100.7", "X-Forwarded-Proto: https")
        self.check_client(proxy.v1(ONE) + claim, f"{ONE}:4242", ONE)
        self.check_client(b"PROXY UNKNOWN\r\n" + claim, "unknown", "")
        self.check_client(proxy.v2() + claim, "unknown", "")
        behind = "198.51.100.7, "
        self.check_client(proxy.v1("10.0.0.1") + claim, "198.51.100.7", behind + "10.0.0.1")
        self.check_client(proxy.v2(command=proxy.LOCAL) + claim, "198.51.100.7", behind + PROXY)

    def test_unknown_passes_no_list(self):
        middleware = {"office": {"ip_allowlist": {"allow": ["0.0.0.0/0", "::/0", "unix"]}}}
        self.serve(require=["office"], middleware=middleware)
        for header in (b"PROXY UNKNOWN\r\n", proxy.v2(), proxy.v2(proxy.UNIX, bytes(216))):
            client = self.client(self.gate, header + handshake("/ws"), source=PROXY)
            self.check_refused(client.read_response(), 403)
            self.assertEqual(self.line()["reason"], "address-not-allowed")
        self.check_client(proxy.v1(ONE) + handshake("/ws"), f"{ONE}:4242")

    def test_on_a_unix_socket(self):
        path = self.file("public.sock", "") + ".s"
        listeners = [{"name": "main", "address": f"unix:{path}", "proxy_protocol": True}]
        self.serve(listeners=listeners, trusted_proxies=["unix"])
        self.check_client(proxy.v1(ONE) + handshake("/ws"), f"{ONE}:4242", source=None)
        self.check_client(proxy.named(ONE) + handshake("/ws"), f"{ONE}:4242", source=None)
        claim = handshake("/ws", "X-Forwarded-For: 198.51.100.7")
        self.check_client(b"PROXY UNKNOWN\r\n" + claim, "unknown", "", source=None)

    def test_handshakes_per_address(self):
        """The client counts, from his header on, and the proxy does not."""
        self.serve(limits={"handshakes_per_address": 1})
        first = self.client(self.gate, proxy.v1(ONE), source=PROXY)
        for _ in range(3):  # the header may be read a moment later
            other = self.client(self.gate, proxy.v1("192.0.2.2"), source=PROXY)
            other.send(handshake("/ws"))
            self.check_switched(other.read_response())
            self.line()
            other.close()
        self.check_closed(proxy.v1(ONE), "limit-handshakes-address")
        first.send(handshake("/ws"))
        self.check_switched(first.read_response())
        self.line()
        self.check_client(proxy.v1(ONE) + handshake("/ws"), f"{ONE}:4242")


class Refused(Case):
    def test_nobody_could_come_in(self):
        listener = {"name": "main", "proxy_protocol": True}
        with self.assertRaises(GatewayError) as caught:
            self.gateway(listeners=[listener])
        self.assertIn("only trusted_proxies may send it", str(caught.exception))


class Outgoing(Case):
    """What the servers of a backend are told."""

    def sent(self, version, **parts):
        """(the header, the head that follows, the client's own address)"""
        service = self.backend(ip=parts.pop("server", "127.0.0.1"))
        gate = self.gateway(service, pool={"send_proxy": version}, threads=1, **parts)
        self.gate = gate
        client = self.client(gate, self.data, **self.options)
        peer = service.next()
        if version == "v1":
            header = self.read_line(peer)
        else:
            header = peer.read(16)
            header += peer.read(struct.unpack("!H", header[14:])[0])
        head = peer.read_head()
        peer.send(switching(head))
        self.check_switched(client.read_response())
        peer.send_frame(b"hello")
        self.assertEqual(client.read_frame(), (2, b"hello"))
        return header, head, client

    def read_line(self, peer):
        line = b""
        while not line.endswith(b"\n"):
            line += peer.read(1)
        return line

    def setUp(self):
        super().setUp()
        self.data, self.options = handshake("/ws"), {}

    def test_to_servers(self):
        header, _, client = self.sent("v1")
        ip, port = client.sock.getsockname()
        here = self.gate.address[1]
        self.assertEqual(header.decode(), f"PROXY TCP4 {ip} 127.0.0.1 {port} {here}\r\n")
        header, _, client = self.sent("v2")
        ports = (client.sock.getsockname()[1], self.gate.address[1])
        self.assertEqual(header, proxy.named(PEER, destination="127.0.0.1", ports=ports))

    def test_ipv6(self):
        for version in ("v1", "v2"):
            header, _, client = self.sent(version, listeners=[{"address": "[::1]:0"}])
            ports = (client.sock.getsockname()[1], self.gate.address[1])
            expected = {
                "v1": f"PROXY TCP6 ::1 ::1 {ports[0]} {ports[1]}\r\n".encode(),
                "v2": proxy.named("::1", destination="::1", ports=ports),
            }
            self.assertEqual(header, expected[version])

    def test_a_client_on_a_unix_socket(self):
        for version, expected in {"v1": b"PROXY UNKNOWN\r\n", "v2": proxy.v2()}.items():
            path = self.file(version, "") + ".s"
            header, _, _ = self.sent(version, listeners=[{"address": f"unix:{path}"}])
            self.assertEqual(header, expected)

    def test_the_established_client(self):
        """As the PROXY header has it, both ends; as X-Forwarded-For has it, without a port."""
        self.options = {"source": PROXY}
        behind = {"trusted_proxies": [PROXY]}
        self.data = proxy.v1(ONE) + handshake("/ws")
        listeners = [{"name": "main", "proxy_protocol": True}]
        header, _, _ = self.sent("v2", listeners=listeners, **behind)
        self.assertEqual(header, proxy.named(ONE))
        self.data = handshake("/ws", f"X-Forwarded-For: {ONE}")
        header, _, _ = self.sent("v1", **behind)
        here = self.gate.address[1]
        self.assertEqual(header.decode(), f"PROXY TCP4 {ONE} 127.0.0.1 0 {here}\r\n")
        self.data = handshake("/ws", "X-Forwarded-For: 2001:db8::1")
        header, _, _ = self.sent("v1", **behind)
        here = self.gate.address[1]
        self.assertEqual(
            header.decode(), f"PROXY TCP6 2001:db8::1 ::ffff:127.0.0.1 0 {here}\r\n"
        )

    def test_gateways_in_a_row(self):
        """The second believes the first."""
        service = self.echo_backend()
        second = self.gateway(
            service,
            listeners=[{"name": "main", "proxy_protocol": True}],
            trusted_proxies=["127.0.0.1"],
        )
        for version in ("v1", "v2"):
            ip, port = second.address
            config = self.config(service, pool={"send_proxy": version})
            config["backends"]["service"]["servers"] = [f"{ip}:{port}"]
            first = self.start(config)
            client = self.client(first, handshake("/ws"), source="127.0.0.5")
            self.check_switched(client.read_response())
            self.check_echo(client)
            port = client.sock.getsockname()[1]
            second.await_line("handshake", client=f"127.0.0.5:{port}")
            client.close()

    def test_the_next_server_gets_it_too(self):
        service = self.backend()
        dead = self.backend()
        text = dead.text
        dead.close()
        config = self.config(service, pool={"send_proxy": "v1", "balance": "round_robin"})
        config["backends"]["service"]["servers"] = [text, service.text]
        gate = self.start(config)
        for _ in range(2):
            client = self.client(gate, handshake("/ws"))
            peer = service.next()
            self.assertTrue(self.read_line(peer).startswith(b"PROXY TCP4 127.0.0.1 "))
            peer.send(switching(peer.read_head()))
            self.check_switched(client.read_response())
            client.close()


class BeforeTLS(Case):
    """The header is in the clear, in front of TLS, both ways."""

    def listener(self, **more):
        return [{"name": "main", "tls": secure.listener_tls()} | more]

    def plain(self, gate, data=b"", source=None):
        return self.client(gate, data, source=source, secure=False)

    def wrapped(self, client):
        sock = secure.SecureSocket(client.sock, secure.client_context())
        sock.handshake()
        return Peer(sock, "client")

    def test_from_a_proxy(self):
        service = self.backend()
        gate = self.gateway(
            service,
            listeners=self.listener(proxy_protocol=True),
            trusted_proxies=[PROXY],
        )
        for header in (proxy.v1(ONE), proxy.named(ONE, tlvs=bytes(500))):
            for at in (len(header), len(header) // 2):
                client = self.plain(gate, header[:at], PROXY)
                client.send(header[at:])
                client = self.wrapped(client)
                client.send(handshake("/ws"))
                peer = service.next()
                head = peer.read_head()
                self.assertEqual(head.get("X-Forwarded-For"), ONE)
                self.assertEqual(head.get("X-Forwarded-Proto"), "https")
                peer.send(switching(head))
                self.check_switched(client.read_response())
                client.close()
                peer.close()
        gate.await_lines(4, "handshake", client=f"{ONE}:4242", status=101)

    def test_a_stranger_gets_no_handshake(self):
        gate = self.gateway(
            listeners=self.listener(proxy_protocol=True), trusted_proxies=[PROXY]
        )
        client = self.plain(gate, proxy.v1(ONE))
        client.expect_end()
        self.assertEqual(bytes(client.received), b"")
        gate.await_line("handshake", reason="proxy-not-trusted", status=0)

    def test_tls_without_the_header(self):
        gate = self.gateway(
            listeners=self.listener(proxy_protocol=True), trusted_proxies=[PROXY]
        )
        client = self.plain(gate, source=PROXY)
        with self.assertRaises((ssl.SSLError, OSError)):
            self.wrapped(client)
        gate.await_line("handshake", reason="proxy-header-malformed", status=0)

    def test_the_scheme(self):
        """What the client speaks to us, unless a trusted proxy says otherwise."""
        service = self.backend()
        gate = self.gateway(service, listeners=self.listener(), trusted_proxies=[PROXY])
        for source, fields, scheme in (
            (PEER, [], "https"),
            (PEER, ["X-Forwarded-Proto: http"], "https"),
            (PROXY, [], "https"),
            (PROXY, ["X-Forwarded-Proto: http"], "http"),
        ):
            client = self.client(gate, source=source)
            client.send(handshake("/ws", *fields))
            peer = service.next()
            head = peer.read_head()
            self.assertEqual(head.get("X-Forwarded-Proto"), scheme)
            peer.send(switching(head))
            client.read_response()

    def test_to_servers(self):
        service = self.backend()
        for version in ("v1", "v2"):
            pool = {"send_proxy": version, "tls": secure.backend_tls()}
            gate = self.gateway(service, pool=pool)
            client = self.client(gate, handshake("/ws"))
            peer = service.next()
            ports = (client.sock.getsockname()[1], gate.address[1])
            expected = {
                "v1": proxy.v1(PEER, "127.0.0.1", ports),
                "v2": proxy.named(PEER, destination="127.0.0.1", ports=ports),
            }[version]
            header = b""  # not one byte of TLS's
            while len(header) < len(expected):
                header += peer.sock.recv(len(expected) - len(header))
            self.assertEqual(header, expected)
            sock = secure.SecureSocket(peer.sock, secure.server_context(), server=True)
            sock.handshake()
            inner = Peer(sock, "backend")
            inner.send(switching(inner.read_head()))
            self.check_switched(client.read_response())
            client.send_frame(b"hello", masked=True)
            self.assertEqual(inner.read_frame(), (2, b"hello"))
            client.close()
            inner.close()
