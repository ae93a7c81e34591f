"""An identity provider: an HTTP server with certificates of its own, that does what a test says."""

import functools
import json
import os
import socket
import ssl
import tempfile
import threading
import time

from .peer import PATIENCE
from .ports import Port
from .tokens import openssl


class Authority:
    """A CA made for the tests, and server certificates by it."""

    def __init__(self, name):
        self.directory = tempfile.TemporaryDirectory(prefix="wsgate-ca-")
        self.key, self.certificate = self.path("ca.key"), self.path("ca.pem")
        openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-days", "3", "-subj", f"/CN={name}", "-keyout", self.key, "-out", self.certificate,
        )

    def path(self, name):
        return os.path.join(self.directory.name, name)

    @functools.cache
    def server(self, names):
        """An SSL context of a server with these names, such as "IP:127.0.0.1"."""
        stem = names.replace(":", "-")
        key, request, made = (self.path(f"{stem}.{end}") for end in ("key", "csr", "pem"))
        openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
            "/CN=server", "-keyout", key, "-out", request,
        )
        with tempfile.NamedTemporaryFile("w", suffix=".ext") as extensions:
            extensions.write(f"subjectAltName={names}\n")
            extensions.flush()
            openssl(
                "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key,
                "-CAcreateserial", "-days", "3", "-extfile", extensions.name, "-out", made,
            )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(made, key)
        return context


@functools.cache
def authority(name="tests"):
    return Authority(name)


def response(body=b"", status="200 OK", *lines):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *lines]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


class Provider:
    """
    Answers by path: `answers[path]` is a JSON value, bytes to send as they are, or a function of
    the connected socket. `asked` has the paths that were asked for, in order. Without `names` it
    speaks plain HTTP.
    """

    def __init__(self, names="IP:127.0.0.1", ca=None):
        self.context = (ca or authority()).server(names) if names else None
        self.answers, self.asked, self._changed = {}, [], threading.Condition()
        self.release = threading.Event()  # set: whoever hangs may go on
        self.port = Port()
        self.sock = self.thread = None
        self.start()

    @property
    def base(self):
        return f"{'https' if self.context else 'http'}://{self.port.text}"

    def start(self):
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.sock.bind(self.port.address)
        self.sock.listen(64)
        self.thread = threading.Thread(target=self._accept, args=(self.sock,), daemon=True)
        self.thread.start()

    def stop(self):
        """Connections are refused from now on."""
        if self.sock:
            try:
                self.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            self.sock.close()
            self.thread.join(PATIENCE)
            self.sock = None

    def close(self):
        self.release.set()
        self.stop()
        self.port.close()

    def count(self, path=None):
        with self._changed:
            return len(self.asked) if path is None else self.asked.count(path)

    def await_asked(self, count, path=None):
        """Until it was asked (at least) so often."""
        deadline = time.monotonic() + PATIENCE
        with self._changed:
            while (self.asked.count(path) if path else len(self.asked)) < count:
                if not self._changed.wait(deadline - time.monotonic()):
                    raise AssertionError(f"asked {self.asked}, wanted {path} {count} times")

    def _accept(self, sock):
        while True:
            try:
                peer, _ = sock.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        try:
            peer.settimeout(PATIENCE)
            if self.context:
                peer = self.context.wrap_socket(peer, server_side=True)
            self._answer(peer)
        except OSError:
            pass  # it did not like our certificate, or it left
        finally:
            peer.close()

    def _answer(self, peer):
        head = b""
        while b"\r\n\r\n" not in head:
            data = peer.recv(4096)
            if not data:
                return
            head += data
        path = head.split(b" ")[1].decode()
        answer = self.answers.get(path, response(status="404 Not Found"))
        with self._changed:
            self.asked.append(path)
            self._changed.notify_all()
        if callable(answer):
            answer(peer)
        else:
            peer.sendall(answer if isinstance(answer, bytes) else response(answer))

    # ---- answers ----

    def hang(self, _peer):
        """No answer until the test lets it go."""
        self.release.wait(PATIENCE)

    def later(self, answer):
        """The answer once the test lets it go."""

        def run(peer):
            self.release.wait(PATIENCE)
            peer.sendall(response(answer))

        return run

    def drip(self, peer):
        """A byte of a body now and then."""
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not self.release.wait(0.1):
            peer.sendall(b" ")
