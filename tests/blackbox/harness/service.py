"""An HTTP service on loopback that answers as a test says: what the gateway itself asks of others."""

import socket
import ssl
import threading

HANG = object()  # nothing more, until the other side or the test ends it
CLOSE = object()  # the connection ends here
FINISH = object()  # this direction ends here, the other goes on
PATIENCE = 30


class Request:
    """One request, whole."""

    def __init__(self, head, body):
        first, *lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, self.version = first.split(" ")
        self.fields = [tuple(part.strip() for part in line.split(":", 1)) for line in lines if line]
        self.body = body

    def field(self, name):
        """The one of that name, or None; a second one is an error."""
        found = [value for key, value in self.fields if key.lower() == name.lower()]
        if len(found) > 1:
            raise ValueError(f"{len(found)} fields {name}")
        return found[0] if found else None


def reply(body=b"", status=200, fields=(), length=True):
    """A whole answer; without a length the test has to say where it ends."""
    head = [f"HTTP/1.1 {status} As Told", *fields]
    if length:
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*head, "", ""]).encode("latin-1") + body


class Service:
    """
    `answer(request)` gives a list: bytes are sent, numbers are pauses in seconds, an Event is waited
    for, HANG, CLOSE and FINISH are what they say. Afterwards the next request is read from the same connection.
    """

    def __init__(self, answer, context=None):
        self.answer, self.context = answer, context
        self.requests, self.connections, self.faults = [], 0, []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self._ending, self._changed, self._open = threading.Event(), threading.Condition(), set()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def url(self, path="/", host="127.0.0.1"):
        return f"{'https' if self.context else 'http'}://{host}:{self.port}{path}"

    def await_requests(self, count):
        """Until there were (at least) so many."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.requests) >= count, PATIENCE):
                raise AssertionError(f"{len(self.requests)} requests, expected {count}")

    def close(self):
        """Harmless when called again."""
        if self._ending.is_set():
            return
        self._ending.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for sock in list(self._open):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self._threads:
            thread.join(PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, plain):
        plain.settimeout(PATIENCE)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # what was sent has been sent
        sock = plain
        self._open.add(plain)
        try:
            if self.context:
                sock = self.context.wrap_socket(plain, server_side=True)
                self._open.discard(plain)
                self._open.add(sock)
            while self._serve_one(sock):
                pass
        except (ssl.SSLError, OSError, ValueError) as fault:
            self.faults.append(fault)  # how the other side leaves is for the test to judge
        finally:
            self._open.discard(sock)
            self._open.discard(plain)
            sock.close()

    def _serve_one(self, sock):
        request = self._read(sock)
        if request is None:
            return False
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
        for part in self.answer(request):
            if part is CLOSE:
                return False
            if part is FINISH:
                sock.shutdown(socket.SHUT_WR)
                part = HANG
            if part is HANG:
                while sock.recv(4096):
                    pass
                return False
            if isinstance(part, bytes):
                sock.sendall(part)
            elif isinstance(part, threading.Event):
                while not part.wait(0.02):
                    if self._ending.is_set():
                        return False
            elif self._ending.wait(part):
                return False
        return True

    @staticmethod
    def _read(sock):
        data = b""
        while b"\r\n\r\n" not in data:
            more = sock.recv(65536)
            if not more:
                return None
            data += more
        head, data = data.split(b"\r\n\r\n", 1)
        request = Request(head, b"")
        length = int(request.field("Content-Length") or 0)
        while len(data) < length:
            more = sock.recv(65536)
            if not more:
                return None
            data += more
        request.body = data
        return request
