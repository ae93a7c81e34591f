"""A backend that does what a test says; it counts connects and keeps every byte."""

import os
import queue
import selectors
import socket
import threading

from . import frames
from .peer import PATIENCE, Peer
from .secure import SecureSocket
from .ports import Port
from .wire import Head, WireError, switching


class Backend:
    """
    Listens on loopback or on a Unix socket. With a handler, each connection runs it in a thread of
    its own and is closed after it; without one, the test takes connections with next() and drives
    them.
    """

    def __init__(self, handler=None, path=None, ip="127.0.0.1", backlog=512, secure=None):
        self.handler = handler
        self.secure = secure  # a server's context: it speaks TLS
        self.peers = []
        self._knocks = set()
        self._waiting = queue.Queue()
        self._changed = threading.Condition()
        if path:
            self._port = None
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.bind(path)
            self.address, self.text = path, f"unix:{path}"
        else:
            self._port = Port(ip)
            self.sock = socket.socket(self._port.sock.family, socket.SOCK_STREAM)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            self.sock.bind(self._port.address)
            self.address, self.text = self._port.address, self._port.text
        self.sock.listen(backlog)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self):
        while True:
            try:
                sock, name = self.sock.accept()
            except OSError:
                return
            if name in self._knocks:
                sock.close()
                with self._changed:
                    self._knocks.discard(name)
                    self._changed.notify_all()
                continue
            if self.secure:
                sock = SecureSocket(sock, self.secure, server=True)
            peer = Peer(sock, "backend")
            self.peers.append(peer)
            if self.handler or self.secure:
                threading.Thread(target=self._serve, args=(peer,), daemon=True).start()
            else:
                self._waiting.put(peer)

    def _serve(self, peer):
        kept = False
        try:
            if self.secure:
                peer.sock.handshake()
            if self.handler:
                self.handler(peer)
            else:
                self._waiting.put(peer)
                kept = True
        except (WireError, OSError, ValueError):
            pass  # the gateway left, which the test judges by what else it sees
        finally:
            if not kept:
                peer.close()

    def next(self):
        """The next connection, for the test to drive."""
        try:
            return self._waiting.get(timeout=PATIENCE)
        except queue.Empty:
            raise WireError(f"no connection reached the backend in {PATIENCE:.0f} s") from None

    @property
    def connects(self):
        """Connections so far, those that still wait in the kernel's queue included."""
        # The queue is in order: once a knock of our own was accepted, so was all before it.
        knock = socket.socket(self.sock.family, socket.SOCK_STREAM)
        knock.settimeout(PATIENCE)
        if self._port:
            knock.bind((self._port.ip, 0))
        else:
            knock.bind(f"\0knock-{os.getpid()}-{id(knock)}")
        name = knock.getsockname()
        with self._changed:
            self._knocks.add(name)
        knock.connect(self.address)
        with self._changed:
            done = self._changed.wait_for(lambda: name not in self._knocks, PATIENCE)
        knock.close()
        if not done:
            raise WireError("the backend's own accept loop does not run")
        return len(self.peers)

    def heads(self):
        """The request heads that came, parsed, of the connections that sent a whole one."""
        return [
            Head(bytes(peer.received).partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
            for peer in list(self.peers)
            if b"\r\n\r\n" in peer.received
        ]

    def drop(self):
        """Closes what is connected, keeps listening."""
        for peer in list(self.peers):
            try:
                peer.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            if not self.handler:
                peer.close()

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()
        self._thread.join(PATIENCE)
        self.drop()
        if self._port:
            self._port.close()
        elif os.path.exists(self.address):
            os.unlink(self.address)


# ---- Handlers ------------------------------------------------------------------


def echo(*extra):
    """Answers 101 (with `extra` lines) and echoes frames until a Close or the end."""

    def run(peer):
        peer.send(switching(peer.read_head(), *extra))
        while True:
            opcode, payload = peer.read_frame()
            if opcode == frames.PING:
                opcode = frames.PONG
            peer.send_frame(payload, opcode)
            if opcode == frames.CLOSE:
                peer.finish()
                peer.read_rest()
                return

    return run


def answer(*pieces, then="close"):
    """Reads the head, sends these bytes, then closes, resets, or waits for the other side's end."""

    def run(peer):
        head = peer.read_head()
        for piece in pieces:
            peer.send(piece(head) if callable(piece) else piece)
        if then == "reset":
            peer.reset()
        elif then == "hold":
            peer.read_rest()

    return run


class EchoLoop:
    """
    Many echoing connections on one thread: 101 to a head, then frames come back. For small
    messages, one at a time: it takes each read as whole frames.
    """

    def __init__(self):
        self._port = Port()
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.sock.bind(self._port.address)
        self.sock.listen(1024)
        self.sock.setblocking(False)
        self.text = self._port.text
        self._wake, wake = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self.sock, selectors.EVENT_READ, None)
        self._selector.register(wake, selectors.EVENT_READ, None)
        self._wake_other = wake
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._wake_other:
                    return
                if key.fileobj is self.sock:
                    self._accept()
                else:
                    self._serve(key.fileobj, key.data)

    def _accept(self):
        try:
            sock, _ = self.sock.accept()
        except OSError:
            return
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(sock, selectors.EVENT_READ, bytearray())

    def _serve(self, sock, state):
        try:
            data = sock.recv(65536)
            if data and state is not None:
                state += data
                if b"\r\n\r\n" in state:
                    sock.sendall(switching(Head(bytes(state))))
                    self._selector.modify(sock, selectors.EVENT_READ, None)
            elif data:
                sock.sendall(self._unmasked(data))
        except OSError:
            data = b""
        if not data:
            self._selector.unregister(sock)
            sock.close()

    @staticmethod
    def _unmasked(data):
        out = b""
        frame = frames.decode(data)
        while frame:
            out += frames.encode(frame[1], frame[0])
            data = data[frame[2] :]
            frame = frames.decode(data)
        return out

    def drop(self):
        pass

    def close(self):
        self._wake.send(b"x")
        self._thread.join(PATIENCE)
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()
        self._selector.close()
        self._wake.close()
        self._port.close()
