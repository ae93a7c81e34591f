"""
However a connection ends, what its chain held comes back: one place of a connection_limit, every slot of
the modules around it. Seen from outside: afterwards exactly `max` may enter, and not one more.
"""

import itertools
import json
import os
import random
import re
import signal
import threading
import unittest

from harness import frames
from harness.case import Case
from harness.gateway import test_program
from harness.ports import Port
from harness.wire import WireError, handshake, switching

FULL = os.environ.get("WSGATE_FULL") == "1"
COUNT = 20000 if FULL else 264  # connections of one run, of each way in turn
CREW = 24 if FULL else 8  # threads that come and go
PLACES = 100  # more than the crew holds at a time, the ones that are killed together included

# What the access log must have seen, or a way of the table did not go where it was meant to go.
HANDSHAKES = {
    "upgraded", "origin-missing", "test-denied", "excluded", "client-gone", "auth-timeout",
    "backend-connect", "backend-closed-early", "backend-refused", "backend-handshake",
    "backend-handshake-timeout", "killed", "no-memory",
}
TUNNELS = {
    "client-closed", "client-lost", "client-reset", "client-protocol", "client-message-too-large",
    "backend-closed", "backend-lost", "backend-reset", "max-lifetime", "closed-by-module", "killed",
    "revoked", "revalidation-refused",
}


def behave(peer):
    """The backend: the way is in the request."""
    request = peer.read_head()
    way = request.get("X-Way")
    if way == "dies":
        return
    if way == "resets early":
        peer.reset()
    elif way == "refuses":
        peer.send(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
    elif way == "lies":
        peer.send(switching(request, accept="AAAAAAAAAAAAAAAAAAAAAAAAAAA="))
    elif way == "hangs":
        peer.read_rest()
    else:
        peer.send(switching(request))
        if way == "ends":
            return
        if way == "resets":
            peer.read_frame()
            peer.reset()
        elif way == "closes":
            peer.send_frame(b"\x03\xe8", frames.CLOSE)
        peer.read_rest()


# ---- Ways: each a connection from its beginning to its end -------------------------------


def asked(path, *lines):
    """An answer, whatever it is; the gateway ends it."""
    def go(test, gate):
        client = gate.client(handshake(path, *lines))
        try:
            client.read_response()
            client.read_rest()
        finally:
            client.close()

    return go


def left(path, leave, *lines):
    """Gone before there was an answer."""
    def go(test, gate):
        client = gate.client(handshake(path, *lines))
        client.ends_within(random.choice((0, 0.003, 0.02)))
        getattr(client, leave)()
        if leave == "finish":
            client.read_rest()
            client.close()

    return go


def through(path, act, *lines):
    """A tunnel, ended by `act` or from the other side. Under close_oldest it may never come to be."""
    def go(test, gate):
        client = gate.client(handshake(path, *lines))
        try:
            if client.read_response().status == 101:
                act(client)
                client.read_rest()
        finally:
            client.close()

    return go


def wait(client):
    pass


def say_goodbye(client):
    client.send_frame(b"\x03\xe8", frames.CLOSE, masked=True)


def speak(client):
    client.send_frame(b"x", masked=True)


def break_rules(client):
    client.send_frame(b"x", masked=False)


def send_too_much(client):
    client.send_frame(bytes(2000), masked=True)


WAYS = (
    asked("/refused"),
    asked("/denied"),
    asked("/hang"),
    asked("/dead"),
    asked("/not"),
    asked("/close"),
    asked("/too-much"),
    asked("/ws", "X-Way: dies"),
    asked("/ws", "X-Way: resets early"),
    asked("/ws", "X-Way: refuses"),
    asked("/ws", "X-Way: lies"),
    asked("/ws", "X-Way: hangs"),
    left("/ws", "close"),
    left("/ws", "reset"),
    left("/hang", "close"),
    left("/hang", "reset"),
    left("/hang", "finish"),
    left("/before", "reset"),
    left("/before", "close"),
    left("/ws", "reset", "X-Way: hangs"),
    left("/ws", "close", "X-Way: hangs"),
    through("/ws", lambda client: client.finish()),
    through("/ws", lambda client: client.reset()),
    through("/ws", say_goodbye),
    through("/ws", break_rules),
    through("/ws", send_too_much),
    through("/any", say_goodbye),
    through("/ws", wait, "X-Way: ends"),
    through("/ws", speak, "X-Way: resets"),
    through("/ws", say_goodbye, "X-Way: closes"),
    through("/old", wait),
    through("/brief", wait),
    through("/again", wait),
)


@unittest.skipUnless(os.access(test_program(), os.X_OK), f"{test_program()} is not built")
class Slots(Case):
    time_limit = 1800
    weight = 30

    def middleware(self, **live):
        waits = {
            "first": {"delay": "1ms"},
            "wait": {"delay": "2ms"},
            "hang": {"delay": "1h"},
            "deny": {"verdict": "deny", "delay": "1ms"},
            "brief": {"close_after": "200ms"},
            "often": {"again": "wait_deny"},
            "full": {"too_much": True},
        }
        made = {name: {"test_waits": options} for name, options in waits.items()}
        made["live"] = {"connection_limit": {"key": "address", "max": PLACES} | live}
        made["trial"] = {"connection_limit": {"key": "address", "max": 1}, "dry_run": True}
        made["web"] = {"origin": {"allow": ["http://good.test"]}}
        made["who"] = {"test_sessions": {"commands": self.orders}}
        return made

    def gate_for(self, **live):
        self.orders = os.path.join(self.directory, "orders")
        self.ordering = threading.Lock()
        self.numbers = itertools.count()
        self.dead = Port()
        self.addCleanup(self.dead.close)
        checked = {"frames": "checked", "max_message": "1KiB"}
        config = self.config(self.backend(behave), middleware=self.middleware(**live),
                             timeouts={"auth": "1s", "close": "200ms", "drain": "1s"})
        config["backends"]["service"]["handshake_timeout"] = "1s"
        config["backends"]["dead"] = {"servers": [self.dead.text]}
        config["routes"] = [
            self.route("/ws", ["first", "who", "live", "trial", "wait"], tunnel=checked),
            self.route("/refused", ["first", "live", "trial", "web"]),
            self.route("/denied", ["live", "deny"]),
            self.route("/hang", ["trial", "live", "hang"]),
            self.route("/before", ["hang", "live"]),
            self.route("/dead", ["live", "wait"], backend="dead"),
            self.route("/any", [{"any_of": [{"all_of": ["live", "deny"]}, {"all_of": ["live", "wait"]}]}],
                       tunnel=checked),
            self.route("/not", ["first", {"not": "live"}]),
            self.route("/close", ["live", "wait", "web"], reject_with="close"),
            self.route("/too-much", ["live", "full"]),
            self.route("/old", ["live"], tunnel=checked | {"max_lifetime": "100ms"}),
            self.route("/brief", ["live", "brief"], tunnel=checked),
            self.route("/again", ["live", "often"], tunnel=checked, revalidate="100ms"),
            self.route("/fill", ["live"], tunnel=checked),
        ]
        return self.start(config, binary=test_program())

    # ---- the load ----

    def order(self, gate, text):
        """What test_sessions is told to do; the number of sessions that it was about."""
        with self.ordering:
            with open(self.orders, "w", encoding="utf-8") as file:
                file.write(text + "\n")
            done = len(gate.lines("sessions", name="stderr"))
            gate.send_signal(signal.SIGUSR2)
            line = gate.await_lines(done + 1, "sessions", name="stderr")[done]
            return int(re.search(r"count=(\d+)", line["message"])[1])

    def end_by_order(self, gate, word, *lines):
        """Some tunnels, or handshakes that wait for the backend, ended at once by `word`."""
        subject = f"s{next(self.numbers)}"
        clients = [gate.client(handshake("/ws", f"Subject: {subject}", *lines)) for _ in range(5)]
        try:
            for client in clients:
                if not lines and client.read_response().status == 101:
                    speak(client)
            for _ in range(50):
                if self.order(gate, f"{word} subject={subject}"):
                    break
            for client in clients:
                client.read_rest()
        finally:
            for client in clients:
                client.close()

    def work(self, gate, orders):
        """`COUNT` connections by the crew, each way as often as any other; `orders` of those ended so."""
        turns = itertools.count()
        faults = []

        def run():
            for turn in iter(lambda: next(turns), None):
                if turn >= COUNT or faults:
                    return
                try:
                    WAYS[turn % len(WAYS)](self, gate)
                except (WireError, OSError):
                    pass  # it is how they end that differs
                except Exception as fault:  # pylint: disable=broad-except
                    faults.append(fault)

        crew = [threading.Thread(target=run) for _ in range(CREW)]
        for thread in crew:
            thread.start()
        for i in range(orders):
            self.end_by_order(gate, ("kill", "revoke")[i % 2])
            self.end_by_order(gate, "kill", "X-Way: hangs")
        for thread in crew:
            thread.join()
        self.assertEqual(faults, [])

    def reload(self, gate, more):
        """More places, or as many as before: other instances count on with those who are there."""
        gate.config["middleware"]["live"]["connection_limit"]["max"] = PLACES + more
        gate.write("wsgate.json", json.dumps(gate.config))
        gate.send_signal(signal.SIGHUP)
        self.assertTrue(gate.await_reload().startswith("reloaded"))

    def work_with_reloads(self, gate, orders):
        """Configurations come and go meanwhile."""
        over, failed = threading.Event(), []

        def run():
            try:
                while not over.wait(0.1):
                    self.reload(gate, 5)
                    self.reload(gate, 0)
            except AssertionError as fault:
                failed.append(fault)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            self.work(gate, orders)
        finally:
            over.set()
            thread.join()
        self.assertEqual(failed, [])

    # ---- what is left ----

    def enter(self, gate):
        client = self.client(gate, handshake("/fill"))
        return client, client.read_response().status

    def check_empty(self, gate):
        """All are gone; exactly `PLACES` enter, and not one more."""
        gate.await_idle()
        held = [self.enter(gate) for _ in range(PLACES)]
        self.assertEqual([status for _, status in held], [101] * PLACES)
        client, status = self.enter(gate)
        self.assertEqual(status, 429)
        client.close()
        return [client for client, _ in held]

    def check_slots(self, gate):
        """By what test_waits counted, at the end of the program: whoever was let in was released."""
        totals = dict.fromkeys(("started", "resumed", "cancelled", "released", "held"), 0)
        for line in gate.lines("test_waits", name="stderr"):
            for name in totals:
                found = re.search(rf"\b{name}=(-?\d+)", line["message"])
                totals[name] += int(found[1]) if found else 0
        self.assertEqual(totals["held"], 0, totals)
        self.assertGreater(totals["released"], COUNT // 4, totals)
        self.assertEqual(totals["started"], totals["resumed"] + totals["cancelled"], totals)
        self.assertGreater(totals["cancelled"], 0, totals)

    def check_ways(self, gate, but=()):
        words = {"handshake": set(), "tunnel": set()}
        for line in gate.lines():
            if line["event"] in words:
                words[line["event"]].add(line["reason"])
        self.assertEqual(HANDSHAKES - words["handshake"] - set(but), set())
        self.assertEqual(TUNNELS - words["tunnel"] - set(but), set())

    # ---- tests ----

    def test_refuse(self):
        """With reloads in the middle; and at last a drain of tunnels and of handshakes that wait."""
        gate = self.gate_for()
        self.work_with_reloads(gate, 40 if FULL else 3)
        for client in self.check_empty(gate)[: PLACES // 2]:
            client.close()
        gate.await_lines(PLACES // 2, "tunnel", route=len(gate.config["routes"]) - 1)
        waiting = [self.client(gate, handshake("/hang")) for _ in range(5)]
        for client in waiting:
            client.expect_nothing(0.01)
        gate.stop(idle=False)
        self.check_slots(gate)
        self.check_ways(gate)

    def count_closed(self, gate):
        """Sessions that had to make room: of a log in order, once a later line is there."""
        reply = gate.ask(handshake("/none"))
        gate.await_line("handshake", id=reply.get("X-Request-Id"))
        return len(gate.lines("close_session", name="stderr"))

    def test_close_oldest(self):
        """Few places, so that many lose theirs, in every stage."""
        gate = self.gate_for(max=5, on_limit="close_oldest")
        self.work(gate, 0)
        gate.await_idle()
        before = self.count_closed(gate)
        self.assertGreater(before, COUNT // 20)
        held = [self.enter(gate) for _ in range(5)]
        for client, status in held:
            self.assertEqual(status, 101)
            speak(client)
        # A place that had been lost would be the oldest now, and go first, without a tunnel.
        _, status = self.enter(gate)
        self.assertEqual(status, 101)
        opcode, payload = held[0][0].read_frame()
        self.assertEqual((opcode, payload[:2]), (frames.CLOSE, (4429).to_bytes(2, "big")))
        for client, _ in held[1:]:
            client.expect_nothing(0.01)
        self.assertEqual(self.count_closed(gate), before + 1)
        for event in ("handshake", "tunnel"):
            self.assertTrue(gate.lines(event, reason="quota"), event)
        gate.stop(idle=False)
        self.check_slots(gate)


class Rates(Case):
    """A handshake takes one token, however it ends, and gives none back."""

    def test_one_each(self):
        dead = Port()
        self.addCleanup(dead.close)
        config = self.config(self.backend(behave), middleware={
            "rate": {"rate_limit": {"key": "address", "rate": "1/1000s", "burst": 12}},
            "web": {"origin": {"allow": ["http://good.test"]}},
        })
        config["backends"]["dead"] = {"servers": [dead.text]}
        config["routes"] = [
            self.route("/ws", ["rate"]),
            self.route("/refused", ["rate", "web"]),
            self.route("/dead", ["rate"], backend="dead"),
            self.route("/twice", [{"any_of": [{"all_of": ["rate", "web"]}, "rate"]}]),
            self.route("/not", [{"not": "rate"}]),
        ]
        gate = self.start(config)
        rows = [
            ("/ws", [], 101), ("/refused", [], 403), ("/dead", [], 502), ("/ws", ["X-Way: dies"], 502),
            ("/ws", ["X-Way: refuses"], 500), ("/ws", ["X-Way: lies"], 502), ("/ws", ["X-Way: ends"], 101),
            ("/twice", [], 101), ("/not", [], 403), ("/ws", [], 101), ("/ws", [], 101), ("/ws", [], 429),
        ]
        for path, lines, status in rows:  # two of /twice
            self.assertEqual(gate.ask(handshake(path, *lines)).status, status, (path, lines))
