"""rate_limit and connection_limit: by each key, over two workers, and every place comes back."""

import json
import os
import signal
import time
import unittest

from harness import tokens
from harness.case import Case
from harness.gateway import test_program
from harness.wire import handshake


class LimitCase(Case):
    def reload(self, gate, name, **options):
        """The instance of that name with other options."""
        (made,) = gate.config["middleware"][name].values()
        made.update(options)
        gate.write("wsgate.json", json.dumps(gate.config))
        gate.send_signal(signal.SIGHUP)
        self.assertTrue(gate.await_reload().startswith("reloaded"))


class RateLimit(LimitCase):
    def gate_for(self, require=(), middleware=None, route=None, **options):
        made = {"key": "address", "rate": "1/1000s"} | options
        return self.gateway(
            self.echo_backend(),
            require=[*require, "rate"],
            middleware=(middleware or {}) | {"rate": {"rate_limit": made}},
            route=route or {},
        )

    def statuses(self, gate, count, request=None, **options):
        return [gate.ask(request or handshake("/ws"), **options).status for _ in range(count)]

    def test_burst_then_429(self):
        gate = self.gate_for(burst=5)
        self.assertEqual(self.statuses(gate, 8), [101] * 5 + [429] * 3)
        self.assertEqual(self.statuses(gate, 6, source="127.0.0.2"), [101] * 5 + [429])
        reply = gate.ask(handshake("/ws"))
        self.check_refused(reply, 429)
        seconds = int(reply.get("Retry-After"))
        self.assertTrue(900 <= seconds <= 1000, seconds)
        line = gate.await_line("handshake", id=reply.get("X-Request-Id"))
        self.assertEqual((line["module"], line["reason"]), ("rate", "rate-exceeded"))

    def test_it_fills_again(self):
        gate = self.gate_for(rate="20/s", burst=1)
        self.assertEqual(self.statuses(gate, 1), [101])
        self.assertTrue(any(self.statuses(gate, 1) == [101] for _ in range(2000)))

    def test_by_route_and_header(self):
        gate = self.gate_for(key="route", burst=2)
        self.assertEqual([self.statuses(gate, 1, source=f"127.0.0.{i}")[0] for i in range(1, 5)],
                         [101, 101, 429, 429])
        gate = self.gate_for(key="header:X-Tenant")
        for value, status in (("a", 101), ("b", 101), ("a", 429), ("b", 429)):
            reply = gate.ask(handshake("/ws", f"X-Tenant: {value}"))
            self.assertEqual(reply.status, status, value)
        self.assertEqual(self.statuses(gate, 2), [101, 429])  # who has none shares one

    def test_by_identity(self):
        jwt = self.jwt()
        gate = self.gate_for(require=jwt["require"], middleware=jwt["middleware"], key="identity")

        def ask(subject):
            token = tokens.hs(tokens.claims(sub=subject))
            return gate.ask(handshake("/ws", f"Authorization: Bearer {token}")).status

        self.assertEqual([ask(name) for name in ("ann", "bob", "ann", "bob", "eve")],
                         [101, 101, 429, 429, 101])

    def test_ever_new_keys(self):
        gate = self.gate_for(key="header:X-Tenant", burst=1, max_keys=50)
        seen = [gate.ask(handshake("/ws", f"X-Tenant: {i}")).status for i in range(80)]
        self.assertEqual(seen, [101] * 50 + [429] * 30)
        reply = gate.ask(handshake("/ws", "X-Tenant: 0"))
        self.assertEqual(gate.await_line("handshake", id=reply.get("X-Request-Id"))["reason"], "rate-exceeded")
        reply = gate.ask(handshake("/ws", "X-Tenant: new"))
        self.assertEqual(gate.await_line("handshake", id=reply.get("X-Request-Id"))["reason"], "rate-keys-exhausted")


    def test_a_reload_keeps_what_was_taken(self):
        """Whatever changes but the key; as many tokens are missing then, at the new rate."""
        gate = self.gate_for(burst=3)
        self.assertEqual(self.statuses(gate, 4), [101] * 3 + [429])
        self.reload(gate, "rate", burst=5)
        self.assertEqual(self.statuses(gate, 3), [101] * 2 + [429])
        self.reload(gate, "rate", max_keys=10)
        self.assertEqual(self.statuses(gate, 1), [429])
        self.reload(gate, "rate", rate="10000/s")
        self.assertTrue(any(self.statuses(gate, 1) == [101] for _ in range(2000)))
        self.reload(gate, "rate", rate="1/1000s", burst=1)
        self.statuses(gate, 1)
        self.assertEqual(self.statuses(gate, 1), [429])
        self.reload(gate, "rate", key="route")
        self.assertEqual(self.statuses(gate, 2), [101, 429])


class ConnectionLimit(LimitCase):
    def gate_for(self, backend=None, require=("live",), middleware=None, **options):
        made = {"key": "address", "max": 2} | options
        return self.gateway(backend or self.echo_backend(), require=require,
                            middleware={"live": {"connection_limit": made}} | (middleware or {}))

    def open(self, gate, *lines, **options):
        client = self.client(gate, handshake("/ws", *lines), **options)
        return client, client.read_response()

    def open_again(self, gate, *lines):
        """As soon as a place is free."""
        for _ in range(1000):
            client, reply = self.open(gate, *lines)
            if reply.status == 101:
                return client
            time.sleep(0.01)
        self.fail("no place came back")

    def test_refuse(self):
        gate = self.gate_for()
        held = [self.open(gate)[0] for _ in range(2)]
        _, reply = self.open(gate)
        self.check_refused(reply, 429)
        line = gate.await_line("handshake", id=reply.get("X-Request-Id"))
        self.assertEqual((line["module"], line["reason"]), ("live", "connection-limit"))
        self.assertEqual(self.open(gate, source="127.0.0.2")[1].status, 101)
        for client in held:
            self.check_echo(client)
        held[0].close()
        self.check_echo(self.open_again(gate))

    def test_close_oldest(self):
        gate = self.gate_for(on_limit="close_oldest")
        clients = []
        for _ in range(6):
            client, reply = self.open(gate)
            self.assertEqual(reply.status, 101)
            clients.append(client)
        for client in clients[:4]:
            client.read_rest()
        for client in clients[4:]:
            self.check_echo(client)
        gate.await_lines(4, "tunnel", reason="quota")

    def test_a_reload_goes_on_counting(self):
        """Those who are there count under the new options, too; what they held comes back once."""
        gate = self.gate_for()
        held = [self.open(gate)[0] for _ in range(2)]
        self.reload(gate, "live", max=4)
        held += [self.open(gate)[0] for _ in range(2)]
        self.assertEqual(self.open(gate)[1].status, 429)
        self.reload(gate, "live", max=1)
        held.pop().close()
        gate.await_line("tunnel")
        self.assertEqual(self.open(gate)[1].status, 429)
        self.reload(gate, "live", max=2, on_limit="close_oldest")
        newest = [self.open(gate)[0] for _ in range(2)]
        for client in held:
            client.read_rest()
            client.close()
        for client in newest:
            self.check_echo(client)
            client.close()
        gate.await_idle()
        self.reload(gate, "live", max=3, on_limit="refuse")
        self.assertEqual([self.open(gate)[1].status for _ in range(4)], [101] * 3 + [429])
        self.reload(gate, "live", key="route")  # which nobody has been counted by
        self.assertEqual([self.open(gate)[1].status for _ in range(4)], [101] * 3 + [429])

    def dry(self, **options):
        made = {"connection_limit": {"key": "address", "max": 2} | options, "dry_run": True}
        return self.gateway(self.echo_backend(), require=["live"], middleware={"live": made})

    def test_a_dry_run_counts(self):
        """As many as there are are counted, and told of, and let in all the same."""
        gate = self.dry()
        held = [self.open(gate)[0] for _ in range(5)]
        lines = gate.await_lines(3, "dry-run", module="live", reason="connection-limit")
        self.assertEqual(len(lines), 3)
        for client in held:
            self.check_echo(client)
            client.close()
        gate.await_idle()
        for _ in range(2):
            self.open(gate)
        self.assertEqual(len(gate.lines("dry-run")), 3)

    def test_a_dry_run_ends_nobody(self):
        gate = self.dry(on_limit="close_oldest")
        held = [self.open(gate)[0] for _ in range(5)]
        for client in held:
            self.check_echo(client)
            client.close()
        gate.stop()
        self.assertEqual(gate.lines("close_session", name="stderr"), [])
        self.assertEqual(gate.await_lines(1, "stopped", name="stderr")[0]["closed-oldest"], 3)

    @unittest.skipUnless(os.access(test_program(), os.X_OK), f"{test_program()} is not built")
    def test_the_oldest_is_still_waiting(self):
        """Its place goes while a module behind it waits: its handshake is refused."""
        wait = {"wait": {"test_waits": {"verdict": "pass", "delay": "500ms"}}}
        config = self.config(self.echo_backend(), require=["live", "wait"],
                             middleware={"live": {"connection_limit":
                                                  {"key": "address", "max": 1,
                                                   "on_limit": "close_oldest"}}} | wait)
        gate = self.start(config, binary=test_program())
        clients = [self.client(gate, handshake("/ws")) for _ in range(4)]
        statuses = [client.read_response().status for client in clients]
        self.assertEqual(sorted(statuses), [101, 429, 429, 429])
        gate.await_lines(3, "handshake", reason="quota", status=429)
        self.check_echo(clients[statuses.index(101)])
