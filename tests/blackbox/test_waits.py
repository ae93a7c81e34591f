"""Suspended handshakes, by a module made for it: resumed, cancelled, too slow, released once."""

import os
import re
import threading
import unittest

from harness.case import Case
from harness.gateway import test_program
from harness.secure import in_four_forms
from harness.wire import WireError, handshake, switching

COUNTERS = ("started", "resumed", "cancelled", "released", "held", "greeted")


@in_four_forms()
@unittest.skipUnless(os.access(test_program(), os.X_OK), f"{test_program()} is not built")
class Waits(Case):
    def waiting_gateway(self, service, chain, **parts):
        """`chain`: options of the waiting module, one instance each, in this order."""
        middleware = {f"wait{i}": {"test_waits": options} for i, options in enumerate(chain)}
        config = self.config(service, require=list(middleware), middleware=middleware, **parts)
        return self.start(config, binary=test_program())

    def totals(self, gate):
        """The counters that all workers' states wrote at their end, added up."""
        gate.stop()
        totals = dict.fromkeys(COUNTERS, 0)
        found = 0
        for line in gate.lines(name="stderr"):
            if line.get("event") != "test_waits" and line.get("module") != "test_waits":
                continue
            found += 1
            text = line.get("message", "")
            for name in COUNTERS:
                written = re.search(rf"\b{name}[=: ]+(\d+)", text)
                totals[name] += (
                    int(line[name]) if name in line else int(written[1]) if written else 0
                )
        self.assertTrue(found, "no worker wrote its counters")
        self.assertEqual(totals["held"], 0, "a slot was never released")
        self.assertEqual(totals["started"], totals["resumed"] + totals["cancelled"], totals)
        return totals

    def check(self, gate, **expected):
        totals = self.totals(gate)
        self.assertEqual({name: totals[name] for name in expected}, expected, totals)

    def test_pass(self):
        service = self.backend()
        gate = self.waiting_gateway(service, [{"verdict": "pass", "delay": "50ms"}])
        for _ in range(5):
            client, peer = self.tunnel(gate, service, handshake("/ws"))
            client.send(b"x")
            self.assertEqual(peer.read(1), b"x")
            client.close()
            peer.close()
        self.check(gate, started=5, resumed=5, cancelled=0, released=5)

    def test_the_control_thread(self):
        """Each worker's greeting has reached the part there, and the answer the worker."""
        service = self.backend()
        chain = [{"verdict": "pass", "delay": "0"}] * 2
        gate = self.waiting_gateway(service, chain, threads=3)
        gate.await_lines(6, "test_waits", name="stderr", message="hello")
        self.check(gate, started=0, greeted=6)
        self.assertEqual(gate.await_lines(1, "stopped", name="stderr")[0]["test_waits_greeted"], 6)

    def test_deny(self):
        service = self.backend()
        gate = self.waiting_gateway(service, [{"verdict": "deny", "delay": "50ms"}])
        for _ in range(5):
            self.check_refused(gate.ask(handshake("/ws")), 403)
        self.assertEqual(service.connects, 0)
        self.check(gate, started=5, resumed=5, cancelled=0, released=0)

    def test_early_bytes_wait_too(self):
        service = self.backend()
        gate = self.waiting_gateway(service, [{"verdict": "pass", "delay": "100ms"}])
        client = self.client(gate, handshake("/ws") + b"early")
        client.send(b" and more")
        peer = service.next()
        peer.send(switching(peer.read_head()))
        self.check_switched(client.read_response())
        self.assertEqual(peer.read(14), b"early and more")

    def test_the_client_leaves(self):
        service = self.backend()
        for leave in ("reset", "close", "finish"):
            with self.subTest(leave):
                gate = self.waiting_gateway(service, [{"verdict": "pass", "delay": "30s"}])
                client = self.client(gate, handshake("/ws"))
                client.expect_nothing()
                getattr(client, leave)()
                gate.await_idle() if leave != "finish" else client.read_rest()
                client.close()
                self.assertNotEqual(gate.await_line("handshake")["status"], 101)
                self.check(gate, started=1, resumed=0, cancelled=1, released=0)
        self.assertEqual(service.connects, 0)

    def test_too_slow(self):
        service = self.backend()
        gate = self.waiting_gateway(
            service, [{"verdict": "pass", "delay": "30s"}], timeouts={"auth": "300ms"}
        )
        self.check_refused(gate.ask(handshake("/ws")), 504)
        self.assertEqual(service.connects, 0)
        self.check(gate, started=1, resumed=0, cancelled=1, released=0)

    def test_a_chain_of_them(self):
        service = self.backend()
        gate = self.waiting_gateway(service, [{"verdict": "pass", "delay": "20ms"}] * 3)
        client, peer = self.tunnel(gate, service, handshake("/ws"))
        client.close()
        peer.close()
        self.check(gate, started=3, resumed=3, cancelled=0, released=3)

    def test_a_later_one_refuses(self):
        """What had passed before is released."""
        service = self.backend()
        good, bad = {"verdict": "pass", "delay": "20ms"}, {"verdict": "deny", "delay": "20ms"}
        gate = self.waiting_gateway(service, [good, good, bad, good])
        self.check_refused(gate.ask(handshake("/ws")), 403)
        self.assertEqual(service.connects, 0)
        self.check(gate, started=3, resumed=3, cancelled=0, released=2)

    def test_a_later_one_is_cancelled(self):
        service = self.backend()
        good, slow = {"verdict": "pass", "delay": "10ms"}, {"verdict": "pass", "delay": "30s"}
        gate = self.waiting_gateway(service, [good, slow], timeouts={"auth": "1500ms"})
        self.check_refused(gate.ask(handshake("/ws")), 504)
        self.check(gate, started=2, resumed=1, cancelled=1, released=1)

    def test_the_backend_fails_afterwards(self):
        service = self.backend()
        gate = self.waiting_gateway(service, [{"verdict": "pass", "delay": "10ms"}])
        client = self.client(gate, handshake("/ws"))
        peer = service.next()
        peer.read_head()
        peer.send(b"garbage\r\n\r\n")
        self.check_refused(client.read_response(), 502)
        peer.close()
        client.close()
        self.check(gate, started=1, resumed=1, released=1)

    def test_the_end_of_the_program(self):
        """Waiting ones are cancelled, those with a slot released."""
        service = self.backend()
        gate = self.waiting_gateway(
            service, [{"verdict": "pass", "delay": "200ms"}], timeouts={"drain": "300ms"}, threads=1
        )
        tunnels = [self.tunnel(gate, service, handshake("/ws")) for _ in range(3)]
        late = self.client(gate, handshake("/ws"))
        late.expect_nothing(0.05)
        gate.stop(idle=False)
        for client, peer in tunnels:
            client.read_rest()
            peer.read_rest()
        try:
            late.read_rest()
        except WireError:
            pass
        totals = self.totals(gate)
        self.assertEqual(totals["released"], totals["resumed"])

    def test_a_module_ends_the_session(self):
        service = self.backend()
        options = {"verdict": "pass", "delay": "10ms", "close_after": "1500ms"}
        gate = self.waiting_gateway(service, [options])
        for _ in range(3):
            client, peer = self.tunnel(gate, service, handshake("/ws") + b"x")
            self.assertEqual(peer.read(1), b"x")
            client.expect_end(), peer.expect_end()
            client.close()
            peer.close()
        lines = gate.await_lines(3, "tunnel")
        self.assertEqual({line["initiator"] for line in lines}, {"gateway"})
        self.check(gate, started=3, resumed=3, cancelled=0, released=3)

    def test_more_early_bytes_than_it_holds(self):
        service = self.backend()
        gate = self.waiting_gateway(service, [{"verdict": "pass", "delay": "300ms"}])
        data = os.urandom(4 << 20)
        client = self.client(gate)
        sender = threading.Thread(target=client.send, args=(handshake("/ws") + data,))
        sender.start()
        peer = service.next()
        peer.send(switching(peer.read_head()))
        self.check_switched(client.read_response())
        self.assertEqual(peer.read(len(data)), data)
        sender.join()

    def test_a_client_that_sends_and_leaves_while_it_waits(self):
        """More than the gateway reads ahead, then RST: still it is seen to leave, or times out."""
        service = self.backend()
        gate = self.waiting_gateway(
            service, [{"verdict": "pass", "delay": "30s"}], timeouts={"auth": "2s"}
        )
        client = self.client(gate, handshake("/ws") + b"e" * 1000000)
        client.reset()
        self.assertNotEqual(gate.await_line("handshake")["status"], 101)
        self.check(gate, started=1, resumed=0, cancelled=1, released=0)

    def test_many(self):
        service = self.echo_backend()
        gate = self.waiting_gateway(
            service,
            [{"verdict": "pass", "delay": "50ms"}, {"verdict": "pass", "delay": "1ms"}],
        )
        clients = [self.client(gate, handshake("/ws")) for _ in range(300)]
        for client in clients[::3]:
            client.reset()
        for i, client in enumerate(clients):
            if i % 3:
                self.check_switched(client.read_response())
                client.close()
        totals = self.totals(gate)
        self.assertGreaterEqual(totals["released"], 400)

    def test_a_pass_that_does_not_fit_is_refused_and_released(self):
        """It passed, so its slot is due; but what it answered cannot be carried out."""
        service = self.backend()
        gate = self.waiting_gateway(service, [{"verdict": "pass", "too_much": True}])
        self.check_refused(gate.ask(handshake("/ws")), 503)
        self.assertEqual(service.connects, 0)
        self.check(gate, released=1)

    def test_a_module_that_resumes_out_of_turn_admits_nobody(self):
        """While the backend is asked, or while another module decides: its second word ends it."""
        twice, slow = (
            {"verdict": "pass", "delay": "10ms", "twice": True},
            {"verdict": "pass", "delay": "300ms"},
        )
        for chain in ([twice], [twice, slow], [slow, twice]):
            with self.subTest(chain):
                service = self.echo_backend()
                gate = self.waiting_gateway(service, chain)
                self.check_refused(gate.ask(handshake("/ws")), 403)
                line = gate.await_line("handshake")
                self.assertEqual(line["detail"], "a module resumed out of turn")
                self.check(gate, started=len(chain), resumed=len(chain), released=len(chain))

    def test_two_modules_that_set_one_header(self):
        service = self.backend()
        chain = [{"forward": "X-Person"}, {"forward": "x_person"}]
        gate = self.waiting_gateway(service, chain)
        self.check_refused(gate.ask(handshake("/ws")), 503)
        self.assertEqual(gate.await_line("handshake")["reason"], "header-twice")
        self.assertEqual(service.connects, 0)

    def test_an_answer_that_does_not_fit(self):
        """A bare one goes out, and the log has that one."""
        for size, status in (("60KiB", 403), ("70KiB", 503), ("1MiB", 403)):
            with self.subTest(size):
                gate = self.waiting_gateway(
                    self.backend(), [{"verdict": "deny", "challenge": size}]
                )
                self.check_refused(gate.ask(handshake("/ws")), status)
                self.assertEqual(gate.await_line("handshake")["status"], status)
