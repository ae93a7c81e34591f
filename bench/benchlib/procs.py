"""Processes: start, wait, pin, stop by pid; the CPU time and memory of a tree of them."""

import os
import random
import signal
import socket
import subprocess
import time

LOAD_CORE, GATEWAY_CORE = '0', '1'


def free_port():
    """A port below the ephemeral range, so that no outgoing connection takes it meanwhile."""
    for _ in range(200):
        port = random.randrange(18000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(('127.0.0.1', port))
            except OSError:
                continue
            return port
    raise SystemExit('no free port on loopback')


def pinned(core):
    return ['taskset', '-c', core] if (os.cpu_count() or 1) >= 2 else []


def tree(pid):
    """The process and everything below it."""
    pids = [pid]
    for known in pids:
        for task in os.listdir(f'/proc/{known}/task'):
            with open(f'/proc/{known}/task/{task}/children', encoding='ascii') as children:
                pids += [int(child) for child in children.read().split()]
    return pids


def cpu_ns(pid):
    """Time on a CPU, user and system, of all threads; exact while they sleep."""
    total = 0
    for member in tree(pid):
        for task in os.listdir(f'/proc/{member}/task'):
            with open(f'/proc/{member}/task/{task}/schedstat', encoding='ascii') as stat:
                total += int(stat.read().split()[0])
    return total


def is_asleep(pid):
    """Every thread waits: none is running, or ready to run and kept from it by others."""
    for member in tree(pid):
        for task in os.listdir(f'/proc/{member}/task'):
            with open(f'/proc/{member}/task/{task}/stat', encoding='ascii') as stat:
                if stat.read().rpartition(')')[2].split()[0] == 'R':
                    return False
    return True


def settle(pids, quiet_s=0.03, patience_s=3):
    """Waits until all of them sleep and have used no more time: the last closes are work too."""
    last, deadline = None, time.monotonic() + patience_s
    while time.monotonic() < deadline:
        now = [cpu_ns(pid) for pid in pids]
        if now == last and all(is_asleep(pid) for pid in pids):
            return
        last = now
        time.sleep(quiet_s)


def memory_bytes(pid):
    """Private_Dirty and Rss of the tree."""
    sums = {'Private_Dirty': 0, 'Rss': 0}
    for member in tree(pid):
        with open(f'/proc/{member}/smaps_rollup', encoding='ascii') as rollup:
            for line in rollup:
                name = line.split(':')[0]
                if name in sums:
                    sums[name] += int(line.split()[1]) * 1024
    return sums['Private_Dirty'], sums['Rss']


def open_descriptors(pid):
    return sum(len(os.listdir(f'/proc/{member}/fd')) for member in tree(pid))


class Server:
    """A program that listens on a port of loopback until it is stopped."""

    def __init__(self, name, argv, port, log, core, patience_s=15):
        self.name, self.port, self.log = name, port, log
        with open(log, 'ab') as out:
            self.process = subprocess.Popen(pinned(core) + argv, stdin=subprocess.DEVNULL,
                                            stdout=out, stderr=out)
        self.pid = self.process.pid
        self._wait_for_port(patience_s)

    def _wait_for_port(self, patience_s):
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            with socket.socket() as probe:
                if probe.connect_ex(('127.0.0.1', self.port)) == 0:
                    return
            time.sleep(0.05)
        self.stop()
        with open(self.log, encoding='utf-8', errors='replace') as log:
            raise SystemExit(f'{self.name} does not listen on {self.port}:\n{log.read()[-2000:]}')

    def stop(self, patience_s=10):
        """TERM, then KILL, to this process alone."""
        if self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Load:
    """One run of the load generator, held before it begins and after its result."""

    def __init__(self, argv):
        self.argv = argv
        self.process = subprocess.Popen(pinned(LOAD_CORE) + argv, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != 'ready\n':
            self._fail()

    def _fail(self):
        _, errors = self.process.communicate()
        raise SystemExit(f'load failed: {" ".join(self.argv)}\n{errors}')

    def go(self):
        self.process.stdin.write('go\n')
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line.startswith('{'):
            self._fail()
        return line

    def end(self):
        try:
            self.process.stdin.write('end\n')
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.stdout.read()
        self.process.wait(30)
