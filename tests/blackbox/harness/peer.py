"""One end of a connection: every wait has an end, every surprise says what came."""

import select
import socket
import struct
import time

from . import frames
from .secure import SecureSocket, client_context
from .wire import HEAD_END, Head, Response, WireError

PATIENCE = 20.0  # seconds until a wait for the other side counts as "it never comes"


class Peer:
    """A connected socket, and all the bytes that ever came out of it."""

    def __init__(self, sock, name="peer"):
        self.sock = sock
        self.name = name
        self.received = bytearray()  # everything
        self.unread = bytearray()  # what no read_* has taken yet
        sock.settimeout(PATIENCE)
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    # ---- sending ----

    def send(self, data):
        self.sock.sendall(data)

    def send_slowly(self, pieces, pause=0.001):
        """Each piece in a segment of its own, as far as a test can ask for that."""
        for piece in pieces:
            self.sock.sendall(piece)
            time.sleep(pause)

    def send_frame(self, payload, opcode=frames.BINARY, masked=False):
        self.send(frames.encode(payload, opcode, masked))

    def finish(self):
        """FIN: no more bytes from here; reading goes on."""
        self.sock.shutdown(socket.SHUT_WR)

    def finish_with(self, data):
        """The last bytes and FIN in one segment."""
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        self.sock.sendall(data)
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        """RST."""
        raw = self.sock.sock if isinstance(self.sock, SecureSocket) else self.sock
        if raw.fileno() >= 0:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raw.close()

    def close(self):
        self.sock.close()

    # ---- receiving ----

    def receive(self, limit=262144):
        """Some bytes; b"" at the end of the stream, be it FIN or RST."""
        try:
            data = self.sock.recv(limit)
        except ConnectionResetError:
            self.was_reset = True
            return b""
        except TimeoutError:
            raise WireError(
                f"{self.name}: nothing more came in {PATIENCE:.0f} s, "
                f"after {len(self.received)} bytes: {bytes(self.received[-400:])!r}"
            ) from None
        self.received += data
        self.unread += data
        return data

    was_reset = False

    def take(self, count):
        data = bytes(self.unread[:count])
        del self.unread[:count]
        return data

    def read(self, count):
        """Exactly so many bytes."""
        while len(self.unread) < count:
            if not self.receive():
                raise WireError(
                    f"{self.name}: the stream ended after {len(self.unread)} of {count} bytes: "
                    f"{bytes(self.unread[-400:])!r}"
                )
        return self.take(count)

    def read_head(self):
        searched = 0
        while True:
            at = self.unread.find(HEAD_END, max(0, searched - 3))
            if at >= 0:
                return Head(self.take(at + len(HEAD_END)))
            searched = len(self.unread)
            if not self.receive():
                how = "by reset" if self.was_reset else "by FIN"
                raise WireError(
                    f"{self.name}: ended {how} before a whole head: {bytes(self.unread)!r}"
                )

    def read_response(self, bodiless=False):
        """A whole answer with its body, read strictly; `bodiless`: it answers HEAD."""
        head = self.read_head()
        length, coding = head.get("Content-Length"), head.get("Transfer-Encoding")
        if coding is not None:
            raise WireError(f"{self.name}: an answer with Transfer-Encoding: {head.raw!r}")
        if head.status < 200 or head.status in (204, 304):
            if length is not None:
                raise WireError(f"{self.name}: a {head.status} with a length: {head.raw!r}")
            return Response(head)
        if length is None or not length.isdigit():
            raise WireError(f"{self.name}: an answer without a right length: {head.raw!r}")
        if bodiless:
            return Response(head)
        return Response(head, self.read(int(length)))

    def read_frame(self):
        """(opcode, payload) of the next frame."""
        while True:
            frame = frames.decode(self.unread)
            if frame:
                self.take(frame[2])
                return frame[0], frame[1]
            if not self.receive():
                raise WireError(f"{self.name}: the stream ended inside or before a frame")

    def read_rest(self):
        """Everything up to the end of the stream."""
        while self.receive():
            pass
        return self.take(len(self.unread))

    def expect_end(self):
        """The stream ends here, with nothing more; says how."""
        rest = self.read_rest()
        if rest:
            raise WireError(
                f"{self.name}: expected the end, but {len(rest)} bytes came: {rest[:400]!r}"
            )
        return "reset" if self.was_reset else "fin"

    def expect_nothing(self, seconds=0.15):
        """Nothing may be there now or shortly; can only find a fault, never invent one."""
        if self.unread:
            raise WireError(
                f"{self.name}: bytes that should not be there: {bytes(self.unread[:400])!r}"
            )
        if self._readable(seconds):
            data = self.receive()
            raise WireError(f"{self.name}: expected silence, but this came: {data[:400]!r}")

    def ends_within(self, seconds):
        """Does the stream end (or bring anything) in that time? Nothing is asserted."""
        return self._readable(seconds)

    def _readable(self, seconds):
        if isinstance(self.sock, SecureSocket):
            return self.sock.readable(seconds)
        return bool(select.select([self.sock], [], [], seconds)[0])


def connect(address, source=None, name="client", receive_buffer=None, secure=False):
    """
    A Peer connected to (ip, port) or to the path of a Unix socket; `source` is our own IP. `secure`:
    in TLS, with the tests' own authority, or with that context.
    """
    if isinstance(address, str):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    else:
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    if source:
        sock.bind((source, 0))
    sock.settimeout(PATIENCE)
    sock.connect(address)
    if secure:
        sock = SecureSocket(sock, client_context() if secure is True else secure)
        try:
            sock.handshake()
        except (OSError, ValueError):
            sock.sock.close()
            raise
    return Peer(sock, name)
