"""
TLS under the tests' raw sockets, and the forms in which a test class runs: plain and TLS on each side.

Python's own SSLSocket cannot end one direction alone, and hides whether a goodbye (close_notify)
came. So TLS runs in memory here, and the bytes go over the plain socket.
"""

import functools
import os
import select
import shutil
import socket
import ssl
import sys
import tempfile
import threading
import time

from .certificates import Authority

NAME = "chat.example.com"  # what the certificate is for
VARIABLE = "WSGATE_TEST_CERTIFICATES"  # the directory of the run's certificates


class SecureSocket:
    """The calls of a socket that tests use, with TLS between."""

    def __init__(self, sock, context, server=False, name=NAME, session=None):
        self.sock = sock
        self.family = sock.family
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._in, self._out, server, None if server else name, session)
        self._waiting = bytearray()  # encrypted, and not yet taken by the kernel
        self._goodbye = False
        self._lock = threading.Lock()  # one thread may write while another reads
        self.truncated = False  # the peer's FIN came without its goodbye

    def __getattr__(self, name):
        return getattr(self.sock, name)

    def _flush(self):
        with self._lock:
            self._waiting += self._out.read()
        while self._waiting:
            del self._waiting[: self.sock.send(self._waiting)]

    def _feed(self, limit=262144):
        """Bytes from the kernel, no more than are asked for; blocks as the socket does."""
        data = self.sock.recv(limit)
        with self._lock:
            if data:
                self._in.write(data)
            else:
                self._in.write_eof()

    def handshake(self):
        while True:
            try:
                self.tls.do_handshake()
                return self._flush()
            except ssl.SSLWantReadError:
                self._flush()
                self._feed()
            except ssl.SSLError:
                try:
                    self._flush()  # the alert
                except OSError:
                    pass
                raise

    def sendall(self, data):
        for at in range(0, len(data), 16384):
            self._write(data[at : at + 16384])
            self._flush()

    def _write(self, data):
        with self._lock:
            taken = self.tls.write(data)
            self._waiting += self._out.read()
        return taken

    def send(self, data):
        self._flush()
        taken = self._write(data[:16384])
        try:
            self._flush()
        except TimeoutError:
            pass  # it is encrypted, and waits
        return taken

    def _read(self, limit):
        """None: more bytes are wanted."""
        try:
            with self._lock:
                return self.tls.read(limit)
        except ssl.SSLWantReadError:
            return None
        except ssl.SSLZeroReturnError:
            return b""
        except ssl.SSLEOFError:
            self.truncated = True
            return b""

    def recv(self, limit):
        while True:
            data = self._read(limit)
            if data is not None:
                return data
            self._feed(limit)

    def readable(self, seconds):
        """Would recv return at once, or within that time? Tickets and the like do not count."""
        deadline = time.monotonic() + seconds
        while True:
            if self.tls.pending():
                return True
            left = max(0, deadline - time.monotonic())
            if not select.select([self.sock], [], [], left)[0]:
                return False
            peeked = self.sock.recv(1, socket.MSG_PEEK)
            if not peeked:
                return True
            self._feed()
            if self.tls.pending() or self._peek():
                return True

    def _peek(self):
        try:
            return bool(self.tls.read(0)) or bool(self.tls.pending())
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError:
            return True

    def goodbye(self):
        if self._goodbye:
            return
        self._goodbye = True
        try:
            with self._lock:
                self.tls.unwrap()
        except ssl.SSLError:
            pass  # it waits for the peer's
        self._flush()

    def shutdown(self, how):
        if how == socket.SHUT_WR:
            self.goodbye()
        self.sock.shutdown(how)

    def close(self):
        try:
            self.sock.setblocking(False)
            self.goodbye()
        except (OSError, ValueError):
            pass
        self.sock.close()


# ---- The run's certificates -----------------------------------------------------


def make_certificates():
    """In the parent of a run; its children find them by the variable. Returns what undoes it."""
    if VARIABLE in os.environ:
        return lambda: None
    directory = tempfile.mkdtemp(prefix="wsgate-certificates-")
    made = Authority(directory)
    made.sign("good")
    os.environ[VARIABLE] = directory
    return lambda: shutil.rmtree(directory, ignore_errors=True)


@functools.cache
def authority():
    make_certificates()
    return Authority(os.environ[VARIABLE])


@functools.cache
def server_context():
    return authority().context("good")


@functools.cache
def client_context():
    return ssl.create_default_context(cafile=authority().path("ca.pem"))


def listener_tls():
    return {"certificates": [authority().files("good")]}


def backend_tls():
    return {"ca_file": authority().path("ca.pem"), "server_name": NAME}


# ---- Forms ----------------------------------------------------------------------

FORMS = {"TlsClient": (True, False), "TlsBackend": (False, True), "TlsBoth": (True, True)}


def in_four_forms(*always):
    """
    Runs the class as it is, and with TLS on each side: all of it under WSGATE_FULL=1, else the methods
    named here with TLS on both sides.
    """

    def make(case):
        module = sys.modules[case.__module__]
        full = os.environ.get("WSGATE_FULL") == "1"
        tests = {name for name in dir(case) if name.startswith("test")}
        if not set(always) <= tests:
            raise AssertionError(f"{case.__name__} has no {set(always) - tests}")
        for form, (client, backend) in FORMS.items():
            members = {"secure_client": client, "secure_backend": backend,
                       "__module__": case.__module__}
            if not full:
                left_out = tests - set(always) if form == "TlsBoth" else tests
                members.update(dict.fromkeys(left_out))
            setattr(module, case.__name__ + form, type(case.__name__ + form, (case,), members))
        return case

    return make
