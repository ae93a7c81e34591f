"""The table of hostile heads: each is answered as promised, and refusals open no backend."""

import time

from harness.case import Case
from harness.rows import expand, rows
from harness.wire import HEAD_END, handshake, head, switching


class HostileHeads(Case):
    def start_gateway(self, **top):
        self.service = self.backend()
        config = self.config(
            self.service, routes=[self.route("/chat"), self.route("/chat/*")], **top
        )
        return self.start(config)

    def check_row(self, client, request, status):
        if request.startswith(b"HEAD "):
            reply = client.read_response(bodiless=True)
            self.assertEqual(reply.status, status)
        else:
            self.check_refused(client.read_response(), status)

    def accept(self, client, request):
        """The backend's part of a 101; bytes behind the head must come through."""
        peer = self.service.next()
        peer.send(switching(peer.read_head()))
        self.assertEqual(client.read_response().status, 101)
        early = request.partition(HEAD_END)[2]
        self.assertEqual(peer.read(len(early)), early)
        client.close()
        peer.expect_end()
        peer.close()

    def test_table(self):
        gate = self.start_gateway()
        table = rows("hostile_heads.json")
        self.assertGreaterEqual(len(table), 120)
        accepted = 0
        for row in table:
            with self.subTest(row["name"]):
                request = expand(row["request"])
                client = self.client(gate, request)
                if row["status"] == 101:
                    accepted += 1
                    self.accept(client, request)
                else:
                    self.check_row(client, request, row["status"])
                    client.expect_end()
                    self.assertEqual(self.service.connects, accepted)
                    client.close()

    def test_table_byte_by_byte(self):
        """The verdict does not hang on how the bytes come."""
        gate = self.start_gateway()
        for row in rows("hostile_heads.json"):
            request = expand(row["request"])
            if len(request) > 1500:
                continue
            with self.subTest(row["name"]):
                client = self.client(gate)
                try:
                    client.send_slowly([request[i : i + 1] for i in range(len(request))], 0)
                except OSError:
                    pass  # judged before its end
                if row["status"] == 101:
                    self.accept(client, request)
                else:
                    self.check_row(client, request, row["status"])
                    client.close()

    def test_table_through_one_worker_at_once(self):
        """All of them at the same time: no state is shared that should not be."""
        gate = self.start_gateway(threads=1)
        table = [row for row in rows("hostile_heads.json") if row["status"] != 101]
        clients = [self.client(gate, expand(row["request"])) for row in table]
        for row, client in zip(table, clients):
            with self.subTest(row["name"]):
                self.check_row(client, expand(row["request"]), row["status"])
        self.assertEqual(self.service.connects, 0)


class Splits(Case):
    """A valid head in two pieces, cut at every byte, and byte by byte."""

    HEAD = head(
        "GET /ws?a=b HTTP/1.1",
        "Host: gate.test",
        "Upgrade: websocket",
        "Connection: keep-alive, Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: chat",
        "X-Long: " + "l" * 50,
    )

    def test_every_cut(self):
        service = self.echo_backend("Sec-WebSocket-Protocol: chat")
        gate = self.gateway(service)
        data = self.HEAD + b"\x81\x80\0\0\0\0"
        cuts = range(1, len(data))
        clients = [self.client(gate, data[:cut]) for cut in cuts]
        time.sleep(0.2)  # all first pieces have been read when the second ones come
        for cut, client in zip(cuts, clients):
            client.send(data[cut:])
        for cut, client in zip(cuts, clients):
            with self.subTest(cut):
                self.check_switched(client.read_response())
                self.assertEqual(client.read_frame(), (1, b""))
        heads = {head.raw for head in service.heads()}
        self.assertEqual(service.connects, len(clients))
        # They differ in their ids and ports alone.
        self.assertEqual(len({raw.partition(b"X-Request-Id")[0] for raw in heads}), 1)

    def test_every_cut_of_a_refused_one(self):
        service = self.echo_backend()
        gate = self.gateway(service)
        data = self.HEAD[:-2] + b"Content-Length: 0\r\n\r\n"
        cuts = range(1, len(data))
        clients = [self.client(gate, data[:cut]) for cut in cuts]
        time.sleep(0.2)
        for cut, client in zip(cuts, clients):
            client.send(data[cut:])
        for cut, client in zip(cuts, clients):
            with self.subTest(cut):
                self.check_refused(client.read_response(), 400)
        self.assertEqual(service.connects, 0)

    def test_byte_by_byte(self):
        gate = self.gateway(self.echo_backend("Sec-WebSocket-Protocol: chat"))
        client = self.client(gate)
        client.send_slowly([self.HEAD[i : i + 1] for i in range(len(self.HEAD))])
        self.check_switched(client.read_response())
        self.check_echo(client)

    def test_a_second_request_behind_the_first_is_no_request(self):
        """Bytes behind the head are for the backend after its 101, whatever they look like."""
        service = self.backend()
        gate = self.gateway(service)
        smuggled = handshake("/admin")
        client = self.client(gate, handshake("/ws") + smuggled)
        peer = service.next()
        peer.send(switching(peer.read_head()))
        self.check_switched(client.read_response())
        self.assertEqual(peer.read(len(smuggled)), smuggled)
        self.assertEqual(len(gate.await_lines(1, "handshake")), 1)

    def test_bytes_behind_a_refused_head_are_not_answered(self):
        gate = self.gateway()
        client = self.client(gate, handshake("/none") + handshake("/ws"))
        self.check_refused(client.read_response(), 404)
        client.expect_end()
