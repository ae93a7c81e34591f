"""strace: how often each system call was made while something else went on."""

import signal
import subprocess

from . import procs


class Trace:
    """Attached to a gateway and all its threads from begin to end."""

    def __init__(self, pid, path):
        self.path = path
        argv = ['strace', '-c', '-f', '-o', path]
        for member in procs.tree(pid):
            argv += ['-p', str(member)]
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        text=True)
        line = self.process.stderr.readline()
        if 'attached' not in line:
            self.process.kill()
            self.process.wait()
            raise SystemExit(f'strace: {line.strip()}')

    def end(self):
        """{name of the call: how often}"""
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=30)
        counts = {}
        with open(self.path, encoding='ascii') as summary:
            for line in summary:
                words = line.split()
                if len(words) >= 5 and words[3].isdigit() and words[-1] != 'total':
                    counts[words[-1]] = int(words[3])
        return counts
