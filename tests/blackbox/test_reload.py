"""
SIGHUP: another configuration takes the place of the one that runs, and what lives goes on. A faulty
one changes nothing.
"""

import hashlib
import json
import os
import signal
import socket
import ssl
import threading
import time
import unittest

from harness import process, proxy, tokens
from harness.backend import EchoLoop
from harness.case import Case
from harness.certificates import Authority
from harness.gateway import sanitized, test_program
from harness.peer import PATIENCE, connect
from harness.ports import Port
from harness.provider import Provider, authority
from harness.wire import handshake, switching


class ReloadCase(Case):
    def reload(self, gate, good=True):
        """Has the (changed) configuration read again, and waits until it was taken, or was not."""
        gate.write("wsgate.json", json.dumps(gate.config, indent=1))
        self.hup(gate, good)

    def hup(self, gate, good=True):
        gate.send_signal(signal.SIGHUP)
        status = gate.await_reload()
        self.assertTrue(status.startswith("reloaded" if good else "not reloaded"), status)

    def faults(self, gate):
        return [line["message"] for line in gate.lines("reload", name="stderr", level="error")]


class Changes(ReloadCase):
    def test_routes(self):
        gate = self.gateway()
        self.assertEqual(gate.ask(handshake("/ws")).status, 101)
        self.assertEqual(gate.ask(handshake("/more")).status, 404)
        gate.config["routes"][0]["path"] = "/more"
        self.reload(gate)
        self.assertEqual(gate.ask(handshake("/ws")).status, 404)
        self.assertEqual(gate.ask(handshake("/more")).status, 101)

    def test_backends(self):
        one, two = self.echo_backend(), self.echo_backend()
        gate = self.gateway(one)
        gate.ask(handshake("/ws"))
        gate.config["backends"]["service"]["servers"] = [two.text]
        self.reload(gate)
        gate.ask(handshake("/ws"))
        self.assertEqual((one.connects, two.connects), (1, 1))

    def test_keys_of_a_file_that_keeps_its_name(self):
        gate = self.gateway(**self.jwt(secret=b"a" * 32))
        path = gate.config["middleware"]["users"]["jwt"]["keys"][0]["secret_file"]

        def status(secret):
            bearer = "Authorization: Bearer " + tokens.hs(secret=secret)
            return gate.ask(handshake("/ws", bearer)).status

        self.assertEqual((status(b"a" * 32), status(b"b" * 32)), (101, 401))
        self.file(os.path.basename(path), b"b" * 32)
        self.reload(gate)
        self.assertEqual((status(b"a" * 32), status(b"b" * 32)), (401, 101))

    def test_a_list_of_addresses(self):
        path = self.file("allow.txt", "192.0.2.1\n")
        gate = self.gateway(
            require=["office"], middleware={"office": {"ip_allowlist": {"files": [path]}}}
        )
        self.assertEqual(gate.ask(handshake("/ws")).status, 403)
        self.file("allow.txt", "127.0.0.0/8\n")
        self.reload(gate)
        self.assertEqual(gate.ask(handshake("/ws")).status, 101)

    def test_limits(self):
        gate = self.gateway(limits={"connections": 1})
        held = self.client(gate, handshake("/ws"))
        self.assertEqual(held.read_response().status, 101)
        self.assertEqual(gate.ask(handshake("/ws")).status, 503)
        gate.config["limits"] = {"connections": 2, "uri": "64B"}
        self.reload(gate)
        self.assertEqual(gate.ask(handshake("/ws")).status, 101)
        gate.await_lines(1, "tunnel")
        self.assertEqual(gate.ask(handshake("/" + "a" * 100)).status, 414)
        self.check_echo(held)

    def test_who_is_believed(self):
        """Trusted proxies come and go, and so does the PROXY header of a listener that stays."""
        gate = self.gateway()
        claim = handshake("/ws", "X-Forwarded-For: 192.0.2.1")
        header = proxy.v1("192.0.2.2")
        refused = {"status": 0, "reason": "proxy-not-trusted"}
        steps = [
            ([], False, claim, {"peer": None}),
            (["127.0.0.1"], False, claim, {"client": "192.0.2.1"}),
            (["127.0.0.1"], True, header + claim, {"client": "192.0.2.2:4242"}),
            (["10.0.0.1"], True, header + claim, refused),
            ([], False, claim, {"peer": None}),
        ]
        for proxies, expected, data, fields in steps:
            gate.config["trusted_proxies"] = proxies
            gate.config["listeners"][0]["proxy_protocol"] = expected
            self.reload(gate)
            seen = len(gate.lines("handshake"))
            client = self.client(gate, data)
            client.receive()
            client.close()
            line = gate.await_lines(seen + 1, "handshake")[-1]
            if fields == {"peer": None}:
                self.assertNotIn("client", line)
            else:
                self.assertLessEqual(fields.items(), line.items())

    def test_handshakes_of_an_address_are_counted_on(self):
        """Those under way when the limit comes, or goes, are not miscounted."""
        service = self.backend()
        gate = self.gateway(service)

        def begin():
            """A handshake that waits for its backend."""
            return self.client(gate, handshake("/ws")), service.next()

        def limit(count):
            gate.config["limits"] = {"handshakes_per_address": count}
            self.reload(gate)

        uncounted = [begin() for _ in range(3)]
        limit(1)
        counted = begin()
        for client, peer in uncounted:
            client.close(), peer.close()
        gate.await_lines(3, "handshake", status=0)
        self.assertEqual(gate.ask(handshake("/ws")).status, 429)
        limit(0)
        others = [begin() for _ in range(3)]
        limit(2)
        others.append(begin())
        self.assertEqual(gate.ask(handshake("/ws")).status, 429)
        for client, peer in [counted, *others]:
            client.close(), peer.close()
        gate.await_idle()
        begin(), begin()
        self.assertEqual(gate.ask(handshake("/ws")).status, 429)

    def test_a_handshake_ends_as_it_began(self):
        """One that has begun finishes under the old configuration, with its backend."""
        one, two = self.backend(), self.echo_backend()
        gate = self.gateway(one, limits={"uri": "1KiB"})
        half = self.client(gate, b"GET /ws HTTP/1.1\r\n")
        asked = self.client(gate, handshake("/ws"))
        peer = one.next()
        gate.config["routes"][0]["path"] = "/other"
        gate.config["backends"]["service"]["servers"] = [two.text]
        self.reload(gate)
        peer.send(switching(peer.read_head()))
        self.check_switched(asked.read_response())
        half.send(handshake("/ws").partition(b"\r\n")[2])
        peer = one.next()
        peer.send(switching(peer.read_head()))
        self.check_switched(half.read_response())
        self.assertEqual(two.connects, 0)

    def test_the_drain_time(self):
        gate = self.gateway(timeouts={"drain": "300s"})
        held = self.client(gate, handshake("/ws"))
        held.read_response()
        gate.config["timeouts"]["drain"] = "1s"
        self.reload(gate)
        gate.send_signal(signal.SIGTERM)
        held.read_rest()
        gate.judge(gate.await_exit())

    def test_where_the_log_goes(self):
        gate = self.gateway()
        gate.ask(handshake("/one"))
        gate.config["log"] = {"access": gate.path("a"), "error": gate.path("e"), "level": "warning"}
        self.reload(gate)
        gate.ask(handshake("/two"))
        gate.await_lines(1, "handshake", name="a")
        gate.config["log"]["access"] = "stdout"
        self.reload(gate)
        gate.ask(handshake("/three"))
        gate.await_lines(2, "handshake")
        for name, paths in (("stdout", ["/one", "/three"]), ("a", ["/two"])):
            lines = gate.lines("handshake", name=name)
            self.assertEqual([line["path"] for line in lines], paths)
        gate.config["routes"][0]["backend"] = "none"
        self.reload(gate, good=False)
        gate.await_lines(2, "reload", name="e", level="error")
        self.assertEqual(gate.lines("reload", name="e", level="info"), [])
        gate.config["log"]["error"] = "/nowhere/e"
        self.reload(gate, good=False)
        gate.baseline += 1  # the file for errors

    def test_what_a_restart_only_changes(self):
        gate = self.gateway()
        threads = len(os.listdir(f"/proc/{gate.pid}/task"))
        gate.config["threads"] = 5
        gate.config["user"] = "nobody"
        gate.config["routes"][0]["path"] = "/more"
        self.reload(gate)
        self.assertEqual(gate.ask(handshake("/more")).status, 101)
        self.assertEqual(len(os.listdir(f"/proc/{gate.pid}/task")), threads)
        gate.await_lines(2, "reload", name="stderr", level="warning")
        text = json.dumps(gate.config, indent=1).splitlines()
        for word in ("threads", "user"):
            number = next(i for i, line in enumerate(text, 1) if f'"{word}"' in line)
            (line,) = [
                line["message"]
                for line in gate.lines("reload", name="stderr", level="warning")
                if f"`{word}`" in line["message"]
            ]
            self.assertTrue(line.startswith(f"{gate.file}:{number}:"), line)


class Faults(ReloadCase):
    def test_nothing_changes(self):
        gate = self.gateway()
        held = self.client(gate, handshake("/ws"))
        held.read_response()
        good = json.dumps(gate.config)
        gate.config["routes"][0]["path"] = "/more"
        gate.config["routes"][0]["backend"] = "none"
        gate.config["limit"] = {}
        self.reload(gate, good=False)
        gate.await_lines(3, "reload", name="stderr", level="error")
        text = json.dumps(gate.config, indent=1).splitlines()
        for word in ('"none"', '"limit"'):
            number = next(i for i, line in enumerate(text, 1) if word in line)
            self.assertTrue(
                any(fault.startswith(f"{gate.file}:{number}:") for fault in self.faults(gate)),
                self.faults(gate),
            )
        self.assertEqual(gate.ask(handshake("/ws")).status, 101)
        self.check_echo(held)
        gate.config = json.loads(good)
        gate.config["routes"][0]["path"] = "/more"
        self.reload(gate)
        self.assertEqual(gate.ask(handshake("/more")).status, 101)

    def test_a_file_that_is_gone(self):
        gate = self.gateway()
        os.unlink(gate.file)
        self.hup(gate, good=False)
        self.assertEqual(gate.ask(handshake("/ws")).status, 101)

    def test_an_address_that_is_taken(self):
        gate = self.gateway()
        with socket.create_server(("127.0.0.1", 0)) as taken:
            free = Port()
            self.addCleanup(free.close)
            gate.config["listeners"] += [
                {"name": "free", "address": free.text},
                {"name": "taken", "address": "127.0.0.1:%d" % taken.getsockname()[1]},
            ]
            self.reload(gate, good=False)
            gate.await_lines(2, "reload", name="stderr", level="error")
            self.assertIn("Address already in use", self.faults(gate)[0])
            number = next(
                i
                for i, line in enumerate(json.dumps(gate.config, indent=1).splitlines(), 1)
                if "127.0.0.1:%d" % taken.getsockname()[1] in line
            )
            self.assertTrue(self.faults(gate)[0].startswith(f"{gate.file}:{number}:"))
            with self.assertRaises(OSError):
                connect(free.address)
        self.assertEqual(gate.ask(handshake("/ws")).status, 101)


    @unittest.skipUnless(os.access(test_program(), os.X_OK), f"{test_program()} is not built")
    def test_a_module_that_does_not_start(self):
        """On the control thread or on a worker: what had started ends again."""
        config = self.config(
            self.echo_backend(), require=["one"], middleware={"one": {"test_waits": {}}}
        )
        gate = self.start(config, binary=test_program())
        held = self.client(gate, handshake("/ws"))
        self.check_switched(held.read_response())
        gate.config["middleware"]["two"] = {"test_waits": {}}
        expected = []
        for broken, where in (("control", ""), ("worker", " on a worker"), ("control", "")):
            gate.config["middleware"]["three"] = {"test_waits": {"broken": broken}}
            self.reload(gate, good=False)
            expected += [f"middleware `three` did not start{where}"]
            expected += ["not reloaded: the configuration stays as it was"]
            gate.await_lines(len(expected), "reload", name="stderr", level="error")
            self.assertEqual(self.faults(gate), expected)
            self.assertEqual(gate.ask(handshake("/ws")).status, 101)
        self.check_echo(held)
        del gate.config["middleware"]["three"]
        self.reload(gate)
        self.assertEqual(gate.ask(handshake("/ws")).status, 101)

    def test_the_end_in_the_middle(self):
        """Signals that come in any order, all at once or one after the other."""
        for orders in ("HT", "TH", "HHHT", "HTT", "HTH"):
            for pause in (None, 0, 0.002):
                gate = self.gateway(**self.jwt(), timeouts={"drain": "1s"})
                if pause is None:
                    gate.freeze()
                for order in orders:
                    gate.send_signal(signal.SIGHUP if order == "H" else signal.SIGTERM)
                    time.sleep(pause or 0)
                if pause is None:
                    gate.thaw()
                gate.judge(gate.await_exit())
                gate.close()

    def test_many_at_once(self):
        """However often it is asked for meanwhile, one more follows, with the file as it is then."""
        gate = self.gateway()
        for i in range(20):
            gate.config["routes"][0]["path"] = f"/{i}"
            gate.write("wsgate.json", json.dumps(gate.config))
            gate.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + PATIENCE
        while gate.ask(handshake("/19")).status != 101 and time.monotonic() < deadline:
            pass
        self.assertEqual(gate.ask(handshake("/19")).status, 101)


class Listeners(ReloadCase):
    def test_one_comes_and_goes(self):
        gate = self.gateway()
        port = Port()
        self.addCleanup(port.close)
        baseline = gate.baseline
        gate.config["listeners"].append({"name": "second", "address": port.text})
        gate.addresses["second"] = port.address
        self.reload(gate)
        for listener in ("main", "second"):
            for _ in range(8):
                self.assertEqual(gate.ask(handshake("/ws"), listener).status, 101)
        held = self.client(gate, handshake("/ws"), "second")
        held.read_response()
        gate.config["listeners"].pop()
        self.reload(gate)
        with self.assertRaises(OSError):
            connect(port.address)
        self.check_echo(held)
        held.close()
        self.assertEqual(gate.ask(handshake("/ws")).status, 101)
        gate.baseline = baseline
        gate.await_idle()

    def test_queued_connections_are_not_lost(self):
        """What waits in the queues of sockets that stay, and of those that go."""
        gate = self.gateway()
        port = Port()
        self.addCleanup(port.close)
        path = os.path.join(self.directory, "public.sock")
        gate.config["listeners"] += [
            {"name": "second", "address": port.text},
            {"name": "local", "address": f"unix:{path}"},
        ]
        gate.addresses |= {"second": port.address, "local": path}
        self.reload(gate)
        gate.freeze()
        waiting = [
            self.client(gate, handshake("/ws"), listener)
            for listener in ("main", "second", "local")
            for _ in range(20)
        ]
        del gate.config["listeners"][1:]
        gate.write("wsgate.json", json.dumps(gate.config))
        gate.send_signal(signal.SIGHUP)
        gate.thaw()
        for peer in waiting:
            self.check_switched(peer.read_response())
            self.check_echo(peer)
        self.assertEqual(gate.await_reload(), "reloaded")
        self.assertFalse(os.path.exists(path))

    def test_a_unix_socket_stays(self):
        path = os.path.join(self.directory, "public.sock")
        gate = self.gateway(listeners=[{"name": "local", "address": f"unix:{path}"}])
        before = os.stat(path).st_ino
        gate.config["routes"][0]["path"] = "/more"
        self.reload(gate)
        self.assertEqual(os.stat(path).st_ino, before)
        self.assertEqual(gate.ask(handshake("/more")).status, 101)

    def test_all_addresses_become_one(self):
        port = Port()
        self.addCleanup(port.close)
        number = port.address[1]
        gate = self.gateway(listeners=[{"name": "main", "address": f"0.0.0.0:{number}"}])
        gate.addresses["main"] = port.address
        self.assertEqual(gate.ask(handshake("/ws")).status, 101)
        gate.config["listeners"][0]["address"] = port.text
        self.reload(gate)
        for _ in range(8):
            self.assertEqual(gate.ask(handshake("/ws")).status, 101)

    def test_names_of_listeners(self):
        gate = self.gateway(route={"listeners": ["main"]})
        gate.config["listeners"][0]["name"] = "renamed"
        gate.config["routes"][0]["listeners"] = ["renamed"]
        self.reload(gate)
        self.assertEqual(gate.ask(handshake("/ws")).status, 101)


class Survival(ReloadCase):
    def test_the_balance(self):
        """A server that was added gets the next ones: those of before are still counted."""
        one, two = self.echo_backend(), self.echo_backend()
        gate = self.gateway(one)

        def take(count):
            for _ in range(count):
                client = self.client(gate, handshake("/ws"))
                self.check_switched(client.read_response())

        take(6)
        gate.config["backends"]["service"]["servers"] = [one.text, two.text]
        self.reload(gate)
        take(6)
        self.assertEqual((one.connects, two.connects), (6, 6))

    def test_max_connections(self):
        service = self.echo_backend()
        config = self.config(service)
        config["backends"]["service"]["servers"] = [
            {"address": service.text, "max_connections": 1}
        ]
        gate = self.start(config)
        held = self.client(gate, handshake("/ws"))
        self.check_switched(held.read_response())
        for _ in range(3):
            self.reload(gate)
            self.assertEqual(gate.ask(handshake("/ws")).status, 503)
        held.close()
        gate.await_idle()
        self.assertEqual(gate.ask(handshake("/ws")).status, 101)

    def test_verified_tokens(self):
        """Remembered for as long as the instance is the same."""
        gate = self.gateway(**self.jwt())
        head = handshake("/ws", "Authorization: Bearer " + tokens.hs())
        for leeway in (None, None, "5s", "5s"):
            if leeway:
                gate.config["middleware"]["users"]["jwt"]["leeway"] = leeway
            self.reload(gate)
            self.assertEqual(gate.ask(head).status, 101)
        gate.stop()
        totals = gate.lines("stopped", "stderr")[0]
        self.assertEqual((totals["token-cache-miss"], totals["token-cache-hit"]), (2, 2))

    def keys_by_url(self, **options):
        pair, provider = tokens.key_pair("ec"), Provider()
        self.addCleanup(provider.close)
        provider.answers["/keys"] = {"keys": [tokens.jwk(pair, "a")]}
        users = {"jwks_url": [provider.base + "/keys"], "ca_file": authority().certificate}
        gate = self.gateway(
            require=["users"], middleware={"users": {"jwt": users | {"refetch_interval": "1h"} | options}}
        )
        gate.baseline += 8  # what fetches may hold open when it is measured again
        bearer = "Authorization: Bearer " + pair.sign(tokens.claims(), kid="a")
        while gate.ask(handshake("/ws", bearer)).status != 101:
            pass
        return gate, provider, bearer

    def test_keys_by_url(self):
        """No moment without them, and no fetch: by an instance that is the same, or nearly so."""
        gate, provider, bearer = self.keys_by_url()
        provider.stop()
        users = gate.config["middleware"]["users"]["jwt"]
        for change in ({}, {"leeway": "5s"}, {"leeway": "6s"}, {}):
            users |= change
            self.reload(gate)
            for _ in range(4):
                self.assertEqual(gate.ask(handshake("/ws", bearer)).status, 101)
        self.assertLessEqual(provider.count(), 2)  # as many as before
        users["jwks_url"] = [provider.base + "/others"]
        self.reload(gate)
        self.assertEqual(gate.ask(handshake("/ws", bearer)).status, 503)

    def test_an_old_instance_fetches_no_more(self):
        """Nor does it leave anything, tunnels or not."""
        begin = time.monotonic()
        gate, provider, bearer = self.keys_by_url(refresh="1s")
        held = self.client(gate, handshake("/ws", bearer))
        self.check_switched(held.read_response())
        threads = process.threads(gate.pid)
        for i in range(20):
            gate.config["middleware"]["users"]["jwt"]["leeway"] = f"{i + 1}s"
            self.reload(gate)
        provider.answers["/keys"] = provider.hang
        provider.await_asked(provider.count() + 1)
        time.sleep(2)  # time enough for old ones to show themselves; can only find a fault
        # One about every second, by the present one.
        self.assertLessEqual(provider.count(), 5 + 1.2 * (time.monotonic() - begin))
        self.assertLessEqual(process.threads(gate.pid), threads)
        self.check_echo(held)

    def test_tunnels_and_handshakes_through_many(self):
        """
        Tunnels echo and handshakes come all the time, plain and over TLS; a fifth of the reloads is
        faulty, some bring another certificate. The same with thousands: bench/reload.
        """
        service = EchoLoop()
        self.addCleanup(service.close)
        signer = Authority(self.directory)
        signer.sign("good")
        tls = {"certificates": [signer.files("good")]}
        gate = self.gateway(
            service, listeners=[{"name": "main"}, {"name": "tls", "tls": tls}], **self.jwt()
        )
        head = handshake("/ws", "Authorization: Bearer " + tokens.hs())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

        def come(secure, data=head):
            options = {"listener": "tls", "secure": context} if secure else {"listener": "main"}
            return gate.client(data, **options)

        tunnels = [come(i % 4 == 0) for i in range(200)]
        self.clients += tunnels
        for tunnel in tunnels:
            self.check_switched(tunnel.read_response())
        sums = [(hashlib.sha256(), hashlib.sha256()) for _ in tunnels]
        over, failed, asked = threading.Event(), [], [0]

        def come_and_go():
            try:
                while not over.is_set():
                    peer = come(asked[0] % 2)
                    status = peer.read_response().status
                    peer.close()
                    asked[0] += 1
                    if status != 101:
                        failed.append(status)
            except Exception as fault:  # it is the test's business, not this thread's
                failed.append(fault)

        def change(i):
            if i % 5 == 4:
                gate.config["routes"][0]["backend"] = "none"
                self.reload(gate, good=False)
                gate.config["routes"][0]["backend"] = "service"
                return
            # Every second time the instance stays, else it is a new one.
            gate.config["middleware"]["users"]["jwt"]["leeway"] = f"{i // 2}s"
            if i % 5 == 2:
                os.rename(signer.path("good.ca"), signer.path(f"good.ca.{i}"))
                signer.sign("good")
            self.reload(gate)
            if i % 5 == 2:
                peer = come(True, b"")
                with open(signer.path("good.pem"), encoding="ascii") as file:
                    wanted = ssl.PEM_cert_to_DER_cert(file.read())
                self.assertEqual(peer.sock.tls.getpeercert(True), wanted)
                peer.close()

        comers = [threading.Thread(target=come_and_go) for _ in range(2)]
        for comer in comers:
            comer.start()
        for i in range(30):
            for tunnel, (sent, _) in zip(tunnels, sums):
                payload = os.urandom(200)
                tunnel.send_frame(payload, masked=True)
                sent.update(payload)
            change(i)
            for tunnel, (_, came) in zip(tunnels, sums):
                came.update(tunnel.read_frame()[1])
        over.set()
        for comer in comers:
            comer.join()
        self.assertEqual(failed, [])
        self.assertGreater(asked[0], 20)
        for sent, came in sums:
            self.assertEqual(sent.digest(), came.digest())
        for tunnel in tunnels:
            tunnel.close()


class Many(ReloadCase):
    """What a hundred of them leave."""

    def settle(self, gate):
        """Old instances end a few messages after the reload has."""
        gate.ask(handshake("/none"))
        return process.memory(gate.pid, "Anonymous")

    def many(self, gate, change, count):
        for i in range(count):
            change(i)
            self.reload(gate)
        return self.settle(gate)

    @unittest.skipIf(sanitized(), "a sanitizer keeps memory of its own")
    def test_memory_descriptors_threads(self):
        path = self.file("allow.txt", "127.0.0.1\n")
        middleware = {
            "users": self.jwt()["middleware"]["users"],
            "office": {"ip_allowlist": {"files": [path]}},
        }
        gate = self.gateway(require=["office"], middleware=middleware)

        def change(i):
            """The allowlist is always another one, and large; users the same for a while."""
            lines = [f"10.{i}.{k // 256}.{k % 256}\n" for k in range(0, 20000, 2)]
            self.file("allow.txt", "".join(["127.0.0.0/8\n", *lines]))
            gate.config["middleware"]["users"]["jwt"]["leeway"] = f"{i // 10}s"

        change(0)
        self.reload(gate)
        tunnels = [self.client(gate, handshake("/ws")) for _ in range(20)]
        for tunnel in tunnels:
            self.check_switched(tunnel.read_response())
        before = self.many(gate, change, 25)
        threads = process.threads(gate.pid)
        after = self.many(gate, change, 100)
        # One old generation is some 300 KiB: a hundred would be 30 MiB.
        self.assertLess(after - before, 2 << 20)
        self.assertEqual(process.threads(gate.pid), threads)
        for tunnel in tunnels:
            self.check_echo(tunnel)
            tunnel.close()
        gate.await_idle()  # as many descriptors as before

    @unittest.skipUnless(os.access(test_program(), os.X_OK), f"{test_program()} is not built")
    def test_what_tunnels_with_slots_keep(self):
        """The states their slots belong to, and nothing of the other instances."""
        service = self.echo_backend()
        config = self.config(
            service,
            require=["one", "two"],
            middleware={"one": {"test_waits": {}}, "two": {"test_waits": {}}},
        )
        gate = self.start(config, binary=test_program())
        ended = [0, 0]

        def count():
            lines = [line["message"] for line in gate.lines("test_waits", "stderr")]
            return [sum(word in line for line in lines) for word in ("started=", "part ends")]

        def check(states, parts):
            """So many states and parts on the control thread have ended since."""
            ended[0] += states
            ended[1] += parts
            deadline = time.monotonic() + PATIENCE
            while count() != ended and time.monotonic() < deadline:
                time.sleep(0.01)
            self.assertEqual(count(), ended)

        self.reload(gate)
        held = self.client(gate, handshake("/ws"))
        self.check_switched(held.read_response())
        gate.config["routes"][0]["require"] = ["two"]
        gate.config["middleware"]["one"]["test_waits"] = {"good_rounds": 1}
        self.reload(gate)
        check(1, 0)  # of one, on the worker without the tunnel
        for i in range(10):
            gate.config["middleware"]["one"]["test_waits"] = {"good_rounds": 2 + i}
            self.reload(gate)
            check(2, 1)
        gate.config["middleware"]["two"]["test_waits"] = {"good_rounds": 1}
        self.reload(gate)
        check(1, 0)
        self.check_echo(held)
        held.close()
        check(2, 2)
        self.assertEqual(gate.ask(handshake("/ws")).status, 101)
