"""What a peer can grow has a bound with an edge: just right passes, one more does not."""

import threading
import time

from harness import tokens
from harness.case import Case
from harness.peer import PATIENCE
from harness.wire import WireError, handshake, switching


class HeadSize(Case):
    def padded(self, size):
        """A right handshake of exactly so many bytes."""
        base = len(handshake("/ws", "X-Fill: "))
        return handshake("/ws", "X-Fill: " + "f" * (size - base))

    def test_head(self):
        gate = self.gateway(limits={"head": "1KiB", "uri": "512B"})
        for size, status in ((1023, 101), (1024, 101), (1025, 431), (5000, 431)):
            with self.subTest(size):
                self.assertEqual(gate.ask(self.padded(size)).status, status)

    def test_the_largest_that_can_be_set(self):
        """It goes on, however it is made up, with what the gateway adds."""
        limits = {"head": "48KiB", "uri": "47KiB", "headers": 1000}
        gate = self.gateway(limits=limits)
        for size, status in ((49152, 101), (49153, 431)):
            with self.subTest(size):
                self.assertEqual(gate.ask(self.padded(size)).status, status)
        short = handshake("/ws", *(f"X{i}:" for i in range(990)))
        self.assertEqual(gate.ask(short).status, 101)
        rest = 49152 - len(handshake("/ws?"))
        self.assertEqual(gate.ask(handshake("/ws?" + "q" * min(rest, 47 * 1024 - 4))).status, 101)

    def test_what_modules_add_leaves_no_room(self):
        """The claims are the client's: what is too large is what it sent."""
        service = self.backend()
        names = [f"user{i}" for i in range(12)]
        one = self.jwt(forward_claims={"big": "X-Big"})["middleware"]["users"]["jwt"]
        middleware = {
            name: {"jwt": one | {"forward_claims": {"big": f"X-Big-{name}"}}} for name in names
        }
        gate = self.gateway(service, require=names, middleware=middleware)
        token = tokens.hs(tokens.claims(big="b" * 6000))
        reply = gate.ask(handshake("/ws", f"Authorization: Bearer {token}"))
        self.check_refused(reply, 431)
        self.assertEqual(gate.await_line("handshake")["reason"], "head-too-large")
        self.assertEqual(service.connects, 0)

    def test_head_without_an_end(self):
        gate = self.gateway(limits={"head": "1KiB", "uri": "512B"})
        for data in (b"GET /ws HTTP/1.1\r\nX: " + b"a" * 1100, self.padded(1030)[:-2]):
            with self.subTest(data[:30]):
                self.check_refused(gate.ask(data), 431)

    def test_early_bytes_are_not_head(self):
        gate = self.gateway(limits={"head": "1KiB", "uri": "512B"})
        client = self.client(gate, self.padded(1024) + b"\x82\x80\0\0\0\0" * 500)
        self.check_switched(client.read_response())
        self.assertEqual(client.read(1000), b"\x82\0" * 500)

    def test_uri(self):
        gate = self.gateway(limits={"uri": "512B"})
        for size, status in ((511, 101), (512, 101), (513, 414), (2000, 414)):
            with self.subTest(size):
                target = "/ws?" + "q" * (size - 4)
                self.assertEqual(gate.ask(handshake(target)).status, status)

    def test_uri_without_an_end(self):
        gate = self.gateway(limits={"uri": "512B"})
        self.check_refused(gate.ask(b"GET /" + b"a" * 600), 414)

    def test_a_long_method(self):
        gate = self.gateway(limits={"head": "1KiB", "uri": "512B"})
        self.assertIn(gate.ask(b"A" * 1100 + b" /ws HTTP/1.1\r\n").status, (400, 431))

    def test_headers(self):
        gate = self.gateway(limits={"headers": 20})
        own = handshake("/ws").count(b"\r\n") - 2
        for count, status in ((20, 101), (21, 431), (60, 431)):
            with self.subTest(count):
                lines = [f"X-{i}: v" for i in range(count - own)]
                self.assertEqual(gate.ask(handshake("/ws", *lines)).status, status)

    def test_the_defaults(self):
        gate = self.gateway()
        self.assertEqual(gate.ask(self.padded(16384)).status, 101)
        self.assertEqual(gate.ask(self.padded(16385)).status, 431)


class SlowHead(Case):
    def test_half_a_head(self):
        gate = self.gateway(timeouts={"head": "500ms"})
        for cut in (1, 10, 40, len(handshake("/ws")) - 1):
            with self.subTest(cut):
                self.check_refused(gate.ask(handshake("/ws")[:cut]), 408)

    def test_nothing_at_all(self):
        """Closed, with or without a 408: a client that never spoke may have no use for one."""
        gate = self.gateway(timeouts={"head": "500ms"})
        client = self.client(gate)
        data = client.read_rest()
        self.assertTrue(data == b"" or data.startswith(b"HTTP/1.1 408 "), data)

    def test_a_drip_cannot_extend_the_deadline(self):
        gate = self.gateway(timeouts={"head": "1s"})
        client = self.client(gate, b"GET /ws HTTP/1.1\r\nHost: gate.test\r\n")
        dripped = 0
        while not client.ends_within(0.05):
            client.send(b"X-%d: drip\r\n" % dripped if dripped % 2 else b"X-A:")
            if not dripped % 2:
                client.send(b" b\r\n")
            dripped += 1
        self.assertEqual(client.read_response().status, 408)

    def test_time_before_the_head_counts(self):
        gate = self.gateway(timeouts={"head": "2s"})
        client = self.client(gate)
        client.ends_within(0.4)
        client.send(b"GET ")
        self.check_refused(client.read_response(), 408)


class Lingering(Case):
    """The whole answer arrives although the client is still sending."""

    def check_lingering(self, request, status):
        gate = self.gateway()
        client = self.client(gate)
        stop = threading.Event()

        def send():
            try:
                client.send(request)
                for _ in range(64):
                    client.send(b"more and more " * 1000)
                    if stop.wait(0.005):
                        return
            except OSError:
                pass

        thread = threading.Thread(target=send)
        thread.start()
        time.sleep(0.3)
        reply = client.read_response()
        stop.set()
        thread.join()
        self.check_refused(reply, status)
        client.close()
        gate.await_idle()

    def test_bad_request(self):
        self.check_lingering(b"GET /ws HTTP/1.0\r\n\r\n", 400)

    def test_a_body(self):
        self.check_lingering(handshake("/ws", "Content-Length: 1000000"), 400)

    def test_no_route(self):
        self.check_lingering(handshake("/none"), 404)

    def test_head_too_long(self):
        self.check_lingering(b"GET /ws HTTP/1.1\r\nX: " + b"a" * 17000, 431)

    def test_a_client_that_stays_is_left(self):
        """It neither reads to the end nor closes: timeouts.close ends that."""
        gate = self.gateway(timeouts={"close": "500ms"})
        client = self.client(gate, handshake("/none"))
        self.check_refused(client.read_response(), 404)
        gate.await_idle()

    def test_a_client_that_sends_for_ever_is_left(self):
        gate = self.gateway(timeouts={"close": "500ms"})
        client = self.client(gate, handshake("/none"))
        client.sock.settimeout(0.2)
        ended = False
        while not ended:
            try:
                client.sock.send(b"x" * 10000)
            except TimeoutError:
                pass
            except OSError:
                ended = True
        gate.await_idle()

    def test_a_client_that_reads_nothing_is_left(self):
        gate = self.gateway(timeouts={"close": "500ms"})
        client = self.client(gate, handshake("/none"), receive_buffer=2048)
        gate.await_line("handshake")
        gate.await_idle()
        client.close()


class Counts(Case):
    """Limits on how many: over them a client is refused or closed, never let in."""

    def let_in(self, gate, **options):
        """The client when it got a 101, else None."""
        client = self.client(gate, **options)
        try:
            client.send(handshake("/ws"))
            reply = client.read_response()
            if reply.status == 101:
                return client
            self.assertIn(reply.status, (429, 503))
        except (OSError, WireError):
            pass
        client.close()
        return None

    def let_in_again(self, gate, **options):
        """As soon as somebody has left."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self.let_in(gate, **options):
                return
            time.sleep(0.05)
        self.fail("nobody is let in though one has left")

    def check_limit(self, gate, limit, service):
        inside = [self.let_in(gate) for _ in range(limit)]
        self.assertNotIn(None, inside)
        for _ in range(3):
            self.assertIsNone(self.let_in(gate))
        self.assertEqual(service.connects, limit)
        for client in inside:
            self.check_echo(client)
        inside.pop().close()
        gate.await_lines(1, "tunnel")
        self.let_in_again(gate)

    def test_connections(self):
        for threads in (1, 2):
            with self.subTest(threads=threads):
                service = self.echo_backend()
                gate = self.gateway(service, limits={"connections": 4}, threads=threads)
                self.check_limit(gate, 4, service)

    def test_handshakes(self):
        """Unfinished ones count; those that became tunnels do not."""
        service = self.echo_backend()
        gate = self.gateway(service, limits={"handshakes": 3}, threads=1)
        tunnels = [self.let_in(gate) for _ in range(5)]
        self.assertNotIn(None, tunnels)
        waiting = [self.client(gate, b"GET /ws") for _ in range(3)]
        for _ in range(100):  # until the gateway has accepted them all
            if not self.let_in(gate):
                break
        self.assertIsNone(self.let_in(gate))
        waiting[0].send(handshake("/ws")[7:])
        self.check_switched(waiting[0].read_response())
        self.let_in_again(gate)

    def test_handshakes_per_address(self):
        gate = self.gateway(limits={"handshakes_per_address": 2}, threads=1)
        waiting = [self.client(gate, b"GET /ws", source="127.0.0.5") for _ in range(2)]
        for _ in range(100):
            if not self.let_in(gate, source="127.0.0.5"):
                break
        self.assertIsNone(self.let_in(gate, source="127.0.0.5"))
        self.assertTrue(self.let_in(gate, source="127.0.0.6"))
        self.check_refused(gate.ask(b"", source="127.0.0.5"), 429)
        line = gate.await_line("handshake", reason="limit-handshakes-address")
        self.assertEqual((line["status"], line["listener"]), (429, "main"))
        for client in waiting:
            client.close()
        self.let_in_again(gate, source="127.0.0.5")

    def test_server_max_connections(self):
        service = self.echo_backend()
        config = self.config(service)
        config["backends"]["service"]["servers"] = [{"address": service.text, "max_connections": 2}]
        gate = self.start(config)
        self.check_limit(gate, 2, service)

    def test_two_full_servers(self):
        services = [self.echo_backend(), self.echo_backend()]
        config = self.config(services)
        config["backends"]["service"]["servers"] = [
            {"address": service.text, "max_connections": 1} for service in services
        ]
        gate = self.start(config)
        self.assertTrue(self.let_in(gate) and self.let_in(gate))
        self.check_refused(gate.ask(handshake("/ws")), 503)
        self.assertEqual([service.connects for service in services], [1, 1])

    def test_counts_come_back(self):
        """Whatever ended a connection, and in whatever stage, it no longer counts."""
        service = self.backend()
        config = self.config(
            service,
            limits={"connections": 3, "handshakes": 3, "handshakes_per_address": 3},
            timeouts={"head": "200ms"},
            threads=1,
        )
        config["backends"]["service"] = {
            "servers": [{"address": service.text, "max_connections": 3}],
            "handshake_timeout": "1s",
        }
        gate = self.start(config)

        def at_backend(act, early=b""):
            def run():
                client = self.client(gate, handshake("/ws") + early)
                peer = service.next()
                act(client, peer, peer.read_head())
                client.read_rest() if client.sock.fileno() >= 0 else None
                client.close()
                peer.close()

            return run

        def at_gateway(data, leave="read_rest"):
            def run():
                client = self.client(gate, data)
                getattr(client, leave)()
                client.close()

            return run

        ways = [
            at_gateway(handshake("/none")),
            at_gateway(handshake("/none"), "reset"),
            at_gateway(b"GET /ws"),
            at_gateway(b"GET /ws", "reset"),
            at_gateway(b"", "close"),
            at_gateway(b"x\r\n\r\n", "close"),
            at_backend(lambda client, peer, head: client.reset()),
            at_backend(lambda client, peer, head: client.finish(), b"early"),
            at_backend(lambda client, peer, head: peer.reset()),
            at_backend(lambda client, peer, head: None),
            at_backend(lambda client, peer, head: peer.send(b"garbage\r\n\r\n")),
            at_backend(lambda client, peer, head: peer.finish_with(switching(head))),
            at_backend(lambda client, peer, head: (peer.send(switching(head)), client.reset())),
        ]
        for _ in range(4):
            for way in ways:
                way()
                gate.await_idle()
        tunnels = [self.tunnel(gate, service, handshake("/ws")) for _ in range(3)]
        self.assertEqual(len(tunnels), 3)
