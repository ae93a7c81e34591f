"""A backend's servers: which one is asked, and which next when it cannot be had."""

import socket
import time

from harness.case import Case
from harness.secure import in_four_forms
from harness.wire import handshake


@in_four_forms()
class Servers(Case):
    """Several servers: the next one is tried while the client has got nothing."""

    def dead(self):
        backend = self.backend()
        backend.close()
        self.backends.remove(backend)
        return backend

    def test_connect_refused(self):
        gate = self.gateway(self.dead())
        self.check_refused(gate.ask(handshake("/ws")), 502)

    def test_no_unix_socket(self):
        config = self.config(self.echo_backend())
        config["backends"]["service"]["servers"] = [f"unix:{self.directory}/none"]
        self.check_refused(self.start(config).ask(handshake("/ws")), 502)

    def test_all_servers_down(self):
        gate = self.gateway([self.dead(), self.dead(), self.dead()])
        for _ in range(5):
            self.assertIn(gate.ask(handshake("/ws")).status, (502, 503))

    def test_the_next_server_is_tried(self):
        for balance in ("round_robin", "least_connections"):
            with self.subTest(balance):
                alive = self.echo_backend()
                gate = self.gateway([self.dead(), alive, self.dead()], pool={"balance": balance})
                for _ in range(6):
                    client = self.client(gate, handshake("/ws"))
                    self.check_switched(client.read_response())
                self.assertEqual(alive.connects, 6)

    def test_a_server_that_closes_at_once_is_passed_over(self):
        """The client has got nothing yet, so the next server may be asked."""
        for leave in ("close", "reset"):
            with self.subTest(leave):
                bad = self.backend(
                    lambda peer, leave=leave: (peer.read_head(), getattr(peer, leave)())
                )
                good = self.echo_backend()
                gate = self.gateway([bad, good], pool={"balance": "round_robin"})
                for _ in range(4):
                    self.check_switched(self.client(gate, handshake("/ws")).read_response())

    def test_all_servers_share_the_time_for_an_answer(self):
        slow = [
            self.backend(lambda peer: (peer.read_head(), time.sleep(1), peer.close()))
            for _ in range(8)
        ]
        gate = self.gateway(slow, pool={"handshake_timeout": "1500ms"})
        self.check_refused(gate.ask(handshake("/ws")), 504)
        # A second of its own for each would be eight.
        self.assertIn(sum(backend.connects for backend in slow), (1, 2))

    def check_told(self, gate, server, message, failures, started):
        """At most one line each ten seconds, and those between are counted."""
        lines = gate.await_lines(1, "server_failed", name="stderr", server=server)
        for line in lines:
            self.assertEqual((line["level"], line["backend"]), ("warning", "service"))
            self.assertIn(message, line["message"])
        self.assertEqual(lines[0]["untold"], 0)
        self.assertLessEqual(sum(1 + line["untold"] for line in lines), failures)
        self.assertLessEqual(len(lines), 1 + (time.monotonic() - started) / 9)

    def test_a_server_that_failed_is_told(self):
        """Which server of which backend, and why; not at every handshake."""
        started = time.monotonic()
        dead = self.dead()
        rude = self.backend(lambda peer: (peer.read_head(), peer.close()))
        gate = self.gateway([dead, rude, self.echo_backend()], pool={"balance": "round_robin"})
        for _ in range(12):
            self.check_switched(self.client(gate, handshake("/ws")).read_response())
        self.check_told(gate, dead.text, "Connection refused", 12, started)
        self.check_told(gate, rude.text, "closed without an answer", 12, started)
        self.assertEqual(
            {line["server"] for line in gate.lines("server_failed", name="stderr")},
            {dead.text, rude.text},
        )

    def test_a_server_that_accepts_nothing(self):
        """Its queue is full, so a connect waits for ever: connect_timeout, then the next one."""
        stuck = socket.socket()
        stuck.bind(("127.0.0.1", 0))
        stuck.listen(0)
        fillers = []
        for _ in range(8):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(stuck.getsockname())
            fillers.append(filler)
        try:
            config = self.config(self.echo_backend(), pool={"connect_timeout": "1500ms"})
            servers = config["backends"]["service"]["servers"]
            text = f"127.0.0.1:{stuck.getsockname()[1]}"
            config["backends"]["stuck"] = {"servers": [text], "connect_timeout": "500ms"}
            servers.insert(0, text)
            config["routes"].append(self.route("/stuck", backend="stuck"))
            gate = self.start(config)
            for _ in range(2):
                client = self.client(gate, handshake("/ws"))
                self.check_switched(client.read_response())
            self.check_refused(gate.ask(handshake("/stuck")), 504)
            for backend in ("service", "stuck"):
                line = gate.await_line(
                    "server_failed", name="stderr", backend=backend, server=text
                )
                self.assertEqual(line["message"], "connect_timeout passed")
        finally:
            for sock in (stuck, *fillers):
                sock.close()

    def test_round_robin(self):
        services = [self.echo_backend() for _ in range(3)]
        gate = self.gateway(services, pool={"balance": "round_robin"}, threads=1)
        for _ in range(9):
            self.check_switched(self.client(gate, handshake("/ws")).read_response())
        self.assertEqual([service.connects for service in services], [3, 3, 3])

    def test_least_connections(self):
        services = [self.echo_backend() for _ in range(3)]
        gate = self.gateway(services, pool={"balance": "least_connections"}, threads=1)
        clients = [self.client(gate, handshake("/ws")) for _ in range(1)]
        for _ in range(8):
            self.check_switched(clients[-1].read_response())
            clients.append(self.client(gate, handshake("/ws")))
        self.check_switched(clients[-1].read_response())
        self.assertEqual([service.connects for service in services], [3, 3, 3])

    def test_least_connections_is_about_live_ones(self):
        services = [self.echo_backend(), self.echo_backend()]
        gate = self.gateway(services, pool={"balance": "least_connections"}, threads=1)
        self.check_switched(self.client(gate, handshake("/ws")).read_response())
        first = [service.connects for service in services]
        for number in range(6):
            client = self.client(gate, handshake("/ws"))
            self.check_switched(client.read_response())
            client.close()
            gate.await_lines(number + 1, "tunnel")
        busy = first.index(1)
        self.assertEqual(services[busy].connects, 1)
        self.assertEqual(services[1 - busy].connects, 6)

    def test_unix_socket(self):
        service = self.backend(path=f"{self.directory}/service")
        gate = self.gateway(service)
        client, peer = self.tunnel(gate, service, handshake("/ws"))
        client.send(b"over")
        self.assertEqual(peer.read(4), b"over")
        peer.send(b"back")
        self.assertEqual(client.read(4), b"back")
