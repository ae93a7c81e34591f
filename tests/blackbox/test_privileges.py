"""Started as root it becomes an ordinary user, and still finds its logs; started without descriptors 0 to 2."""

import json
import os
import pwd
import signal
import stat
import subprocess
import tempfile
import time
import unittest

from harness import process
from harness.case import Case
from harness.gateway import Gateway, program
from harness.peer import PATIENCE
from harness.wire import handshake

USER = "nobody"


def is_open_to_all(path):
    """May anybody go through every directory of that path?"""
    while path != "/":
        if not os.stat(path).st_mode & stat.S_IXOTH:
            return False
        path = os.path.dirname(path)
    return True


def reason_to_skip():
    if os.geteuid() != 0:
        return "only root can become somebody else"
    try:
        pwd.getpwnam(USER)
    except KeyError:
        return f"there is no user {USER}"
    if not is_open_to_all(os.path.realpath(tempfile.gettempdir())):
        return f"{USER} cannot reach {tempfile.gettempdir()}"
    return None


class OtherGateway(Gateway):
    """Without CAP_SYS_PTRACE not even root sees the descriptors of somebody else's process."""

    def _settled_descriptors(self):
        return None

    def await_idle(self):
        pass


@unittest.skipIf(reason_to_skip(), reason_to_skip())
class OrdinaryUser(Case):
    def setUp(self):
        super().setUp()
        self.user = pwd.getpwnam(USER)
        self.log = os.path.join(self.directory, "log")
        os.chmod(self.directory, 0o755)
        os.mkdir(self.log, 0o755)

    def dropped(self, **parts):
        """A gateway that was started as root, and whose logs are in self.log."""
        log = {word: self.path(word) for word in ("access", "error")}
        config = self.config(self.echo_backend(), user=USER, log=log, **parts)
        directory = os.path.join(self.directory, "gate")
        os.mkdir(directory, 0o755)
        umask = os.umask(0)  # it tells of its start on a socket, as that user
        try:
            gate = OtherGateway(config, directory)
        finally:
            os.umask(umask)
        self.gateways.append(gate)
        with open(f"/proc/{gate.pid}/status", encoding="ascii", errors="replace") as file:
            ids = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        self.assertEqual(set(ids["Uid"].split()), {str(self.user.pw_uid)})
        self.assertEqual(set(ids["Gid"].split()), {str(self.user.pw_gid)})
        return gate

    def path(self, name):
        return os.path.join(self.log, name)

    def await_line(self, gate, name, event, **fields):
        return gate.await_line(event, name=self.path(name), **fields)

    def check_file(self, name):
        status = os.stat(self.path(name))
        self.assertEqual((status.st_uid, status.st_gid), (self.user.pw_uid, self.user.pw_gid))
        self.assertEqual(stat.S_IMODE(status.st_mode) & ~0o640, 0)

    def test_logs_are_opened_again(self):
        """USR1 after the change of user: new files, of that user, where the directory lets it in."""
        os.chown(self.log, self.user.pw_uid, self.user.pw_gid)
        gate = self.dropped()
        for turn in ("first", "second"):
            gate.ask(handshake(f"/{turn}"))
            self.await_line(gate, "access", "handshake", path=f"/{turn}")
            for name in ("access", "error"):
                self.check_file(name)
                os.rename(self.path(name), self.path(f"{name}.{turn}"))
            gate.send_signal(signal.SIGUSR1)
            self.await_file("access")
            self.await_file("error")
        gate.ask(handshake("/third"))
        self.await_line(gate, "access", "handshake", path="/third")
        self.check_file("access")
        gate.stop()
        self.await_line(gate, "error", "stopped")
        for turn in ("first", "second"):
            lines = gate.lines("handshake", name=self.path(f"access.{turn}"))
            self.assertEqual([line["path"] for line in lines], [f"/{turn}"])
            self.assertEqual(gate.lines(name=self.path(f"error.{turn}"), level="error"), [])

    def test_what_the_user_cannot_read_again_is_told(self):
        """A key of root's: it starts, and says at which place of the file a reload would fail."""
        parts = self.jwt()
        os.chmod(parts["middleware"]["users"]["jwt"]["keys"][0]["secret_file"], 0o600)
        gate = self.dropped(**parts)
        warnings = [line["message"] for line in gate.lines("user", name=self.path("error"))]
        self.assertEqual(len(warnings), 3, warnings)
        place = rf":\d+:\d+: `secret_file`: cannot be read: Permission denied \(as user `{USER}`\)"
        self.assertRegex(warnings[0], place)
        for name, text in zip(("access", "error"), warnings[1:]):
            self.assertIn(f"`{self.path(name)}` could not be made by user `{USER}`", text)

    def test_check_reads_as_the_user_too(self):
        parts = self.jwt()
        key = parts["middleware"]["users"]["jwt"]["keys"][0]["secret_file"]
        config = self.config(self.echo_backend(), user=USER, **parts)
        config["listeners"][0]["address"] = "127.0.0.1:1"
        path = self.file("checked.json", json.dumps(config))
        rows = (
            (0o644, 0o644, 0, rf"^wsgate: {path}: the configuration is valid\n$"),
            (0o644, 0o600, 1, rf"^{path}:1:\d+: `secret_file`: cannot be read: .* \(as user `{USER}`\)\n$"),
            (0o600, 0o644, 1, rf"^{path}:1:1: cannot be read: Permission denied \(as user `{USER}`\)\n$"),
        )
        for file_mode, key_mode, status, said in rows:
            os.chmod(path, file_mode)
            os.chmod(key, key_mode)
            done = subprocess.run(
                [program(), "-t", "-c", path], capture_output=True, timeout=30, check=False
            )
            self.assertEqual(done.returncode, status, done.stderr)
            self.assertRegex(done.stderr.decode(), said)

    def await_file(self, name):
        deadline = time.monotonic() + PATIENCE
        while not os.path.exists(self.path(name)):
            self.assertLess(time.monotonic(), deadline, f"no new {name}")
            time.sleep(0.01)

    def test_a_reload(self):
        """What that user may read and bind it can add; what he may not is a fault, and nothing changes."""
        gate = self.dropped()
        gate.config["routes"][0]["path"] = "/more"

        def reload():
            gate.write("wsgate.json", json.dumps(gate.config))
            gate.send_signal(signal.SIGHUP)
            return gate.await_reload()

        gate.config["listeners"].append({"address": "127.0.0.1:1"})
        self.assertTrue(reload().startswith("not reloaded"))
        line = self.await_line(gate, "error", "reload", level="error")
        self.assertIn("cannot listen on 127.0.0.1:1: Permission denied; what only root", line["message"])
        self.assertEqual(gate.ask(handshake("/more")).status, 404)
        gate.config["listeners"].pop()
        self.assertEqual(reload(), "reloaded")
        self.assertEqual(gate.ask(handshake("/more")).status, 101)
        os.chmod(gate.file, 0o600)
        gate.send_signal(signal.SIGHUP)
        self.assertTrue(gate.await_reload().startswith("not reloaded"))
        self.assertEqual(gate.ask(handshake("/more")).status, 101)

    def test_logs_that_cannot_be_opened_again_go_on(self):
        """The directory is root's: the old files go on, which the error log says."""
        gate = self.dropped()
        gate.ask(handshake("/before"))
        self.await_line(gate, "access", "handshake", path="/before")
        for name in ("access", "error"):
            os.rename(self.path(name), self.path(f"{name}.old"))
        gate.send_signal(signal.SIGUSR1)
        for name in ("access", "error"):
            line = self.await_line(gate, "error.old", "log_reopen_failed", path=self.path(name))
            self.assertEqual(line["message"], "Permission denied")
        gate.ask(handshake("/after"))
        self.await_line(gate, "access.old", "handshake", path="/after")
        self.assertFalse(os.path.exists(self.path("access")))


@unittest.skipUnless(os.path.exists("/proc/self/fd"), "no /proc")
class ClosedDescriptors(Case):
    def test_start_without_standard_descriptors(self):
        """Nothing of ours takes the numbers 0 to 2, or a client would be sent what is logged there."""
        for closed in ("0<&-", "1>&-", "2>&-", "1>&- 2>&-", "0<&- 1>&- 2>&-"):
            with self.subTest(closed):
                script = self.file("start", f'#!/bin/sh\nexec {closed}\nexec "{program()}" "$@"\n')
                os.chmod(script, 0o755)
                service = self.backend()
                config = self.config(
                    service, log={"access": "stdout", "error": "stderr", "level": "debug"}
                )
                gate = self.start(config, binary=script)
                seen = process.descriptors(gate.pid)
                for number in (0, 1, 2):
                    if f"{number}<&-" in closed or f"{number}>&-" in closed:
                        self.assertEqual(seen[number], "/dev/null", seen)
                    else:
                        self.assertNotIn("socket:", seen[number], seen)
                client, peer = self.tunnel(gate, service, handshake("/ws"))
                gate.ask(handshake("/none"))
                client.send(b"over")
                self.assertEqual(peer.read(4), b"over")
                peer.send(b"back")
                peer.close()
                self.assertEqual(client.read_rest(), b"back")
                client.close()
                gate.stop()
