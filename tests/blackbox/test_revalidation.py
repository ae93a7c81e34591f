"""Live tunnels that are judged again: who passes stays, who is refused or not answered for goes."""

import json
import os
import re
import signal
import time
import unittest

from harness import tokens
from harness.case import Case
from harness.gateway import test_program
from harness.wire import handshake


class Reloading(Case):
    def reload(self, gate):
        gate.write("wsgate.json", json.dumps(gate.config, indent=1))
        gate.send_signal(signal.SIGHUP)
        self.assertTrue(gate.await_reload().startswith("reloaded"))


@unittest.skipUnless(os.access(test_program(), os.X_OK), f"{test_program()} is not built")
class Revalidation(Reloading):
    def judged(self, service, *chain, interval="100ms", **parts):
        """A gateway whose route asks the instances of `chain` again, in that order."""
        middleware = {f"wait{i}": {"test_waits": options} for i, options in enumerate(chain)}
        route = {"revalidate": interval}
        config = self.config(
            service, require=list(middleware), middleware=middleware, route=route, **parts
        )
        return self.start(config, binary=test_program())

    def totals(self, gate, idle=True):
        """What all instances of the module counted, at the end of the gateway."""
        gate.stop(idle=idle)
        found = {}
        for line in gate.lines("test_waits", name="stderr"):
            for name, count in re.findall(r"(\w+)=(\d+)", line["message"]):
                found[name] = found.get(name, 0) + int(count)
        self.assertEqual(found["held"], 0)
        self.assertEqual(found["started"], found["resumed"] + found["cancelled"], found)
        return found

    def check_end(self, gate, service, reason):
        """A tunnel that works, and is then ended on both sides without a word."""
        client, peer = self.tunnel(gate, service, handshake("/ws") + b"x")
        self.assertEqual(peer.read(1), b"x")
        self.assertEqual(client.read_rest(), b"")
        self.assertEqual(peer.read_rest(), b"")
        client.close()
        peer.close()
        self.assertEqual(gate.await_line("tunnel")["reason"], reason)

    def test_refused(self):
        for again in ("deny", "wait_deny", "at_once"):
            with self.subTest(again):
                service = self.backend()
                gate = self.judged(service, {"again": again, "good_rounds": 2})
                self.check_end(gate, service, "revalidation-refused")
                totals = self.totals(gate)
                self.assertEqual(totals["asked"], 3)
                self.assertEqual(totals["released"], 1)
                self.assertEqual(totals["cancelled"], 0)

    def test_an_answer_too_many(self):
        """A fault of the module, which must not keep its tunnel by it."""
        for chain in ([{"again": "wait_pass", "twice": True}],
                      [{"again": "wait_pass", "twice": True}, {"again": "hang"}]):
            with self.subTest(len(chain)):
                service = self.backend()
                gate = self.judged(service, *chain, timeouts={"auth": "3s"})
                client, peer = self.tunnel(gate, service, handshake("/ws"))
                client.read_rest()
                peer.read_rest()
                client.close()
                peer.close()
                line = gate.await_line("tunnel")
                self.assertEqual((line["reason"], line["module"]), ("revalidation-refused", "wait0"))
                self.totals(gate)

    def test_not_answered(self):
        """It fails closed, and takes back what it asked."""
        service = self.backend()
        gate = self.judged(service, {"again": "hang"}, timeouts={"auth": "300ms"})
        self.check_end(gate, service, "revalidation-timeout")
        totals = self.totals(gate)
        self.assertEqual((totals["asked"], totals["cancelled"], totals["released"]), (1, 1, 1))

    def test_passed(self):
        """It goes on, however often it is asked; one that waits is not asked meanwhile (it would abort)."""
        for again in ("pass", "wait_pass"):
            with self.subTest(again):
                service = self.backend()
                gate = self.judged(service, {"again": again})
                client, peer = self.tunnel(gate, service, handshake("/ws"))
                gate.await_lines(3, "test_waits", name="stderr", message="asked again")
                client.send(b"still here")
                self.assertEqual(peer.read(10), b"still here")
                client.close()
                peer.read_rest()
                peer.close()
                gate.await_line("tunnel")
                totals = self.totals(gate)
                self.assertGreaterEqual(totals["asked"], 3)
                self.assertEqual(totals["released"], 1)

    def test_a_dry_run_ends_nobody(self):
        """It is told, and told on by the same instance once no configuration has it."""
        service = self.backend()
        config = self.config(
            service,
            require=["wait0", "wait1"],
            middleware={"wait0": {"test_waits": {"again": "deny"}, "dry_run": True},
                        "wait1": {"test_waits": {}}},
            route={"revalidate": "100ms"},
        )
        gate = self.start(config, binary=test_program())
        client, peer = self.tunnel(gate, service, handshake("/ws"))
        told = {"event": "dry-run", "module": "wait0", "reason": "revalidation-refused"}
        gate.await_lines(2, **told)
        del gate.config["middleware"]["wait0"]
        gate.config["routes"][0]["require"] = ["wait1"]
        self.reload(gate)
        gate.await_lines(len(gate.lines(**told)) + 2, **told)
        client.send(b"still here")
        self.assertEqual(peer.read(10), b"still here")
        client.close(), peer.close()
        self.assertEqual(self.totals(gate)["released"], 2)

    def test_in_order(self):
        """Behind one that refuses nobody is asked; before it, everybody."""
        service = self.backend()
        gate = self.judged(service, {"again": "wait_pass"}, {"again": "deny"}, {"again": "pass"})
        self.check_end(gate, service, "revalidation-refused")
        totals = self.totals(gate)
        self.assertEqual((totals["asked"], totals["resumed"], totals["released"]), (2, 1, 3))

    def test_one_patience_for_all(self):
        service = self.backend()
        gate = self.judged(service, {"again": "wait_pass"}, {"again": "hang"}, timeouts={"auth": "1s"})
        self.check_end(gate, service, "revalidation-timeout")
        totals = self.totals(gate)
        self.assertEqual((totals["asked"], totals["resumed"], totals["cancelled"]), (2, 1, 1))

    def test_the_tunnel_ends_meanwhile(self):
        """By each side, and by the end of the gateway: cancelled, once."""
        for who in ("client", "backend", "reset", "stop"):
            with self.subTest(who):
                service = self.backend()
                gate = self.judged(
                    service, {"again": "hang"}, timeouts={"auth": "1h", "drain": "1s", "close": "1s"}
                )
                client, peer = self.tunnel(gate, service, handshake("/ws"))
                gate.await_line("test_waits", name="stderr", message="asked again")
                if who == "client":
                    client.close()
                    peer.read_rest()
                    peer.close()
                elif who == "backend":
                    peer.close()
                    client.read_rest()
                    client.close()
                elif who == "reset":
                    client.reset()
                    peer.read_rest()
                    peer.close()
                if who in ("client", "backend", "reset"):
                    gate.await_line("tunnel")
                totals = self.totals(gate, idle=who != "stop")
                self.assertEqual((totals["asked"], totals["cancelled"], totals["released"]), (1, 1, 1))

    def test_off(self):
        service = self.backend()
        gate = self.judged(service, {"again": "deny"}, interval="0")
        client, peer = self.tunnel(gate, service, handshake("/ws"))
        time.sleep(0.6)
        client.send(b"x")
        self.assertEqual(peer.read(1), b"x")
        client.close()
        peer.read_rest()
        peer.close()
        self.assertEqual(self.totals(gate)["asked"], 0)

    def test_who_waits_for_a_turn_loses_no_time(self):
        """So many are asked at a time; the patience of those behind them begins when they are."""
        service = self.backend()
        gate = self.judged(service, {"again": "wait_pass"}, interval="0", threads=1,
                           timeouts={"auth": "1s"})
        gate.config["routes"][0]["on_reload"] = "revalidate"
        self.reload(gate)
        pairs = [self.tunnel(gate, service, handshake("/ws")) for _ in range(250)]
        self.reload(gate)
        gate.await_lines(250, "test_waits", name="stderr", message="asked again")
        for client, peer in pairs:
            client.send(b"x")
            self.assertEqual(peer.read(1), b"x")
        self.assertEqual(gate.lines("tunnel"), [])
        for client, peer in pairs:
            client.close()
            peer.close()
        gate.await_lines(250, "tunnel")
        totals = self.totals(gate)
        self.assertEqual((totals["asked"], totals["most"]), (250, 24))

    def test_who_never_gets_a_turn(self):
        """At last it fails closed, without having been asked about: all come within the second after a reload."""
        service = self.backend()
        gate = self.judged(service, {"again": "hang"}, interval="0", threads=1,
                           timeouts={"auth": "1ms"})
        gate.config["routes"][0]["on_reload"] = "revalidate"
        self.reload(gate)
        pairs = [self.tunnel(gate, service, handshake("/ws")) for _ in range(250)]
        self.reload(gate)
        for client, peer in pairs:
            client.read_rest()
            peer.read_rest()
            client.close()
            peer.close()
        lines = gate.await_lines(250, "tunnel")
        self.assertEqual({line["reason"] for line in lines}, {"revalidation-timeout"})
        totals = self.totals(gate)
        self.assertEqual((totals["released"], totals["most"]), (250, 24))
        self.assertLess(totals["asked"], 250)

    def test_many(self):
        """All tunnels of a crowd, some of which leave while they are judged."""
        service = self.backend()
        gate = self.judged(service, {"again": "wait_deny", "good_rounds": 1})
        pairs = [self.tunnel(gate, service, handshake("/ws")) for _ in range(60)]
        for client, _ in pairs[::3]:
            client.reset()
        for client, peer in pairs:
            peer.read_rest()
            peer.close()
            client.close()
        lines = gate.await_lines(60, "tunnel")
        self.assertLessEqual({line["reason"] for line in lines}, {"revalidation-refused", "client-reset"})
        self.assertEqual(self.totals(gate)["released"], 60)


class AfterReload(Reloading):
    """A tunnel is judged by the instance of that name in the newest configuration."""

    def open_tunnel(self, gate, service, *headers):
        client, peer = self.tunnel(gate, service, handshake("/ws", *headers))
        client.send(b"x")
        self.assertEqual(peer.read(1), b"x")
        return client, peer

    @unittest.skipUnless(os.access(test_program(), os.X_OK), f"{test_program()} is not built")
    def test_modules(self):
        for route, name, again, reason in [
            ({"on_reload": "revalidate"}, "it", "deny", "revalidation-refused"),
            ({"on_reload": "revalidate"}, "it", "wait_deny", "revalidation-refused"),
            ({"on_reload": "revalidate"}, "it", "wait_pass", None),
            ({"on_reload": "revalidate"}, "other", "deny", None),  # who let it in still judges
            ({"on_reload": "keep", "revalidate": "1h"}, "it", "deny", None),
            ({"revalidate": "200ms"}, "it", "deny", "revalidation-refused"),
        ]:
            with self.subTest(route=route, name=name, again=again):
                service = self.backend()
                config = self.config(
                    service, require=["it"], middleware={"it": {"test_waits": {"again": "pass"}}},
                    route=route)
                gate = self.start(config, binary=test_program())
                client, peer = self.open_tunnel(gate, service)
                gate.config["middleware"] = {name: {"test_waits": {"again": again, "close_after": "1h"}}}
                gate.config["routes"][0]["require"] = [name]
                self.reload(gate)
                if reason is not None:
                    client.read_rest()
                    peer.read_rest()
                    client.close()
                    peer.close()
                    self.assertEqual(gate.await_line("tunnel")["reason"], reason)
                elif route["on_reload"] == "revalidate":
                    gate.await_lines(1, "test_waits", name="stderr", message="asked again")
                if reason is None:
                    client.send(b"y")
                    self.assertEqual(peer.read(1), b"y")
                client.close()
                peer.close()
                gate.stop()
                text = " ".join(line["message"] for line in gate.lines("test_waits", name="stderr"))
                self.assertEqual(sum(map(int, re.findall(r"held=(-?\d+)", text))), 0)

    def test_a_key_that_has_gone(self):
        service = self.backend()
        parts = self.jwt(secret=b"a" * 32)
        gate = self.gateway(service, route={"on_reload": "revalidate"}, **parts)
        token = tokens.hs(secret=b"a" * 32)
        client, peer = self.open_tunnel(gate, service, f"Authorization: Bearer {token}")
        path = gate.config["middleware"]["users"]["jwt"]["keys"][0]["secret_file"]
        with open(path, "wb") as file:
            file.write(b"b" * 32)
        self.reload(gate)
        client.read_rest()
        peer.read_rest()
        client.close()
        peer.close()
        self.assertEqual(gate.await_line("tunnel")["reason"], "revalidation-unauthorized")
