"""What signals do: a clean end, a quick end, new log files, and nothing else."""

import json
import os
import signal
import socket
import subprocess
import time

from harness.case import Case
from harness.gateway import program
from harness.ports import Port
from harness.wire import handshake


class Signals(Case):
    def busy(self, **parts):
        """A gateway with a tunnel, a half-open handshake and one that waits for its backend."""
        service = self.backend()
        gate = self.gateway(service, **parts)
        client, peer = self.tunnel(gate, service, handshake("/ws"))
        self.client(gate, b"GET /ws HTTP/1.1\r\nHo")
        self.client(gate, handshake("/ws"))
        service.next().read_head()
        return gate, client, peer

    def check_end(self, number):
        gate, client, peer = self.busy(timeouts={"drain": "1s"})
        gate.send_signal(number)
        client.read_rest()
        peer.read_rest()
        gate.judge(gate.await_exit())
        line = gate.await_line("tunnel")
        self.assertEqual(line["id"], gate.lines("handshake", status=101)[0]["id"])

    def test_term(self):
        self.check_end(signal.SIGTERM)

    def test_int(self):
        self.check_end(signal.SIGINT)

    def test_term_without_load(self):
        gate = self.gateway()
        gate.send_signal(signal.SIGTERM)
        gate.judge(gate.await_exit())

    def test_a_second_one_ends_at_once(self):
        gate, _, _ = self.busy(timeouts={"drain": "300s"})
        gate.send_signal(signal.SIGTERM)
        gate.await_lines(1, "stop", name="stderr")  # or both would be one
        gate.send_signal(signal.SIGTERM)
        gate.judge(gate.await_exit())

    def test_nobody_holds_the_end_up(self):
        """Neither a refused client that stays, nor tunnels whose ends do not care for a FIN."""
        gate, client, peer = self.busy(timeouts={"drain": "1s", "close": "1h", "fin": "1d"})
        refused = self.client(gate, handshake("/nowhere"))
        self.assertEqual(refused.read_response().status, 404)
        gate.send_signal(signal.SIGTERM)
        gate.judge(gate.await_exit())
        client.read_rest(), peer.read_rest(), refused.read_rest()

    def test_a_live_tunnel_may_finish_during_the_drain(self):
        """Bytes go on while it drains, if it does; a tunnel that ends lets it end early."""
        gate, client, peer = self.busy(timeouts={"drain": "300s", "head": "1s"})
        gate.send_signal(signal.SIGTERM)
        if not client.ends_within(0.3):
            client.send(b"x")
            self.assertEqual(peer.read(1), b"x")
        for backend in self.backends:
            backend.drop()
        for one in self.clients:
            one.close()
        gate.judge(gate.await_exit())

    def test_new_connections_are_not_taken_after_term(self):
        gate, _, _ = self.busy(timeouts={"drain": "300s"})
        gate.send_signal(signal.SIGTERM)
        gate.await_lines(1, "stop", name="stderr")
        time.sleep(0.5)
        try:
            late = self.client(gate, handshake("/ws"))
            late.sock.settimeout(1)
            data = late.sock.recv(100)
            self.assertFalse(data.startswith(b"HTTP/1.1 101"), data)
        except OSError:
            pass
        gate.send_signal(signal.SIGTERM)
        try:
            gate.judge(gate.await_exit())
        except ProcessLookupError:
            pass

    def test_usr1_reopens_files(self):
        path = os.path.join(self.directory, "access.log")
        gate = self.gateway(log={"access": path, "error": path + ".error", "level": "info"})
        gate.ask(handshake("/one"))
        gate.await_lines(1, "handshake", name=path)
        os.rename(path, path + ".1")
        os.rename(path + ".error", path + ".error.1")
        gate.ask(handshake("/two"))
        gate.await_lines(2, "handshake", name=path + ".1")
        gate.send_signal(signal.SIGUSR1)
        for _ in range(2000):
            if os.path.exists(path) and os.path.exists(path + ".error"):
                break
            time.sleep(0.01)
        gate.ask(handshake("/three"))
        new = gate.await_lines(1, "handshake", name=path)
        self.assertEqual([line["path"] for line in new], ["/three"])
        old = gate.lines("handshake", name=path + ".1")
        self.assertEqual([line["path"] for line in old], ["/one", "/two"])

    def test_usr1_without_files(self):
        gate = self.gateway()
        for _ in range(5):
            gate.send_signal(signal.SIGUSR1)
            self.assertEqual(gate.ask(handshake("/none")).status, 404)
        gate.await_lines(5, "handshake")

    def test_hup_does_not_end_it(self):
        service = self.backend()
        gate = self.gateway(service)
        client, peer = self.tunnel(gate, service, handshake("/ws"))
        gate.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        client.send(b"x")
        self.assertEqual(peer.read(1), b"x")
        self.tunnel(gate, service, handshake("/ws"))
        self.assertIsNone(gate.process.poll())

    def test_pipe_does_not_end_it(self):
        gate = self.gateway()
        gate.send_signal(signal.SIGPIPE)
        self.assertEqual(gate.ask(handshake("/none")).status, 404)

    def test_the_port_is_free_afterwards(self):
        port = Port()  # nobody else may get it in between
        self.addCleanup(port.close)
        config = self.config(self.echo_backend(), listeners=[{"address": port.text}])
        gate = self.start(config)
        gate.ask(handshake("/ws"))
        gate.stop()
        again = self.start(config)
        self.assertEqual(again.ask(handshake("/ws")).status, 101)

    def test_a_unix_socket_left_behind_is_no_obstacle(self):
        path = os.path.join(self.directory, "public.sock")
        config = self.config(self.echo_backend(), listeners=[{"address": f"unix:{path}"}])
        gate = self.start(config)
        gate.kill()
        gate.stopped = True
        self.assertTrue(os.path.exists(path))
        again = self.start(config)
        self.assertEqual(again.ask(handshake("/ws")).status, 101)
        # A live one is.
        second = subprocess.run(
            [program(), "-c", again.file], capture_output=True, timeout=30, check=False
        )
        self.assertEqual(second.returncode, 1)
        self.assertIn(path.encode(), second.stderr)
        self.assertEqual(again.ask(handshake("/ws")).status, 101)

    def test_a_unix_socket_is_gone_while_it_drains(self):
        """Else a proxy in front would wait in its queue instead of going elsewhere."""
        path = os.path.join(self.directory, "public.sock")
        service = self.backend()
        gate = self.gateway(
            service, listeners=[{"address": f"unix:{path}"}], timeouts={"drain": "300s"}
        )
        client, peer = self.tunnel(gate, service, handshake("/ws"))
        gate.send_signal(signal.SIGTERM)
        gate.await_lines(1, "stop", name="stderr")
        for _ in range(1000):
            if not os.path.exists(path):
                break
            time.sleep(0.02)
        self.assertFalse(os.path.exists(path))
        client.send(b"x")
        self.assertEqual(peer.read(1), b"x")
        client.close()
        peer.read_rest()
        peer.close()
        gate.judge(gate.await_exit())

    def test_a_socket_of_another_kind_is_left_alone(self):
        path = os.path.join(self.directory, "other.sock")
        other = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(other.close)
        other.bind(path)
        config = self.config(self.echo_backend(), listeners=[{"address": f"unix:{path}"}])
        file = self.file("other.json", json.dumps(config).encode())
        done = subprocess.run([program(), "-c", file], capture_output=True, timeout=30, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"Address already in use", done.stderr)
        self.assertTrue(os.path.exists(path))
