"""HTTP/1.1 heads as bytes: built as wrong as a test likes, read as strictly as the RFCs are."""

import base64
import hashlib
import re

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # the nonce of RFC 6455 1.3
HEAD_END = b"\r\n\r\n"

STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-9][0-9]{2}) ([\t\x20-\x7e\x80-\xff]*)\Z")
REQUEST_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e]+) HTTP/1\.1\Z")
FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[\t ]*(.*?)[\t ]*\Z", re.S)
CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class WireError(AssertionError):
    """Bytes that are not what HTTP/1.1 or RFC 6455 allow there."""


def accept_key(key):
    """Sec-WebSocket-Accept for a Sec-WebSocket-Key (RFC 6455 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()


class Head:
    """A parsed head; names keep their case, look-ups ignore it."""

    def __init__(self, raw):
        if not raw.endswith(HEAD_END):
            raise WireError(f"a head without its empty line: {raw!r}")
        lines = raw[: -len(HEAD_END)].split(b"\r\n")
        self.raw = raw
        self.start = lines[0].decode("latin-1")
        self.fields = [self._field(line) for line in lines[1:]]
        status = STATUS_LINE.match(lines[0])
        request = REQUEST_LINE.match(lines[0])
        if status:
            self.status = int(status[1])
            self.phrase = status[2].decode("latin-1")
        elif request:
            self.method = request[1].decode()
            self.target = request[2].decode()
        else:
            raise WireError(f"neither a status line nor a request line: {lines[0]!r}")

    @staticmethod
    def _field(line):
        if CONTROL.search(line):
            raise WireError(f"a control character in a field: {line!r}")
        field = FIELD.match(line)
        if not field:
            raise WireError(f"not a field: {line!r}")
        return field[1].decode("latin-1"), field[2].decode("latin-1")

    def all(self, name):
        """The values of every field of that name."""
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def get(self, name):
        """The one value; None when there is none, an error when there are several."""
        values = self.all(name)
        if len(values) > 1:
            raise WireError(f"{name} stands there {len(values)} times: {values}")
        return values[0] if values else None

    def names(self):
        return [name.lower() for name, _ in self.fields]

    def tokens(self, name):
        """The elements of a comma-separated list, all fields of that name together."""
        parts = ",".join(self.all(name)).split(",")
        return [part.strip() for part in parts if part.strip()]


class Response:
    """A whole answer: head, body, and how the connection ended after it."""

    def __init__(self, head, body=b""):
        self.head = head
        self.body = body
        self.status = head.status

    def get(self, name):
        return self.head.get(name)

    def kind(self):
        """The media type, without parameters; "" when none is named."""
        return (self.get("Content-Type") or "").partition(";")[0].strip()

    def __repr__(self):
        return f"<answer {self.head.raw!r} {self.body[:300]!r}>"


def head(start, *lines):
    """A head of exactly these lines, str or bytes."""
    raw = [line if isinstance(line, bytes) else line.encode("latin-1") for line in (start, *lines)]
    return b"\r\n".join(raw) + HEAD_END


def handshake(target="/ws", *extra, host="gate.test", key=KEY, method="GET", drop=(), version="13"):
    """An opening handshake; `drop` names fields to leave out, `extra` are whole lines to add."""
    fields = {
        "Host": host,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": key,
        "Sec-WebSocket-Version": version,
    }
    dropped = {name.lower() for name in drop}
    lines = [f"{name}: {value}" for name, value in fields.items() if name.lower() not in dropped]
    return head(f"{method} {target} HTTP/1.1", *lines, *extra)


def switching(request, *extra, drop=(), **changes):
    """The right 101 for a request head that a backend got; `changes` and `drop` make it wrong."""
    fields = {
        "Upgrade": changes.get("upgrade", "websocket"),
        "Connection": changes.get("connection", "Upgrade"),
        "Sec-WebSocket-Accept": changes.get("accept", accept_key(request.get("Sec-WebSocket-Key"))),
    }
    dropped = {name.lower() for name in drop}
    lines = [f"{name}: {value}" for name, value in fields.items() if name.lower() not in dropped]
    return head("HTTP/1.1 101 Switching Protocols", *lines, *extra)
