"""What the two programs with python3-websockets share: steps, messages, and its two interfaces."""

import hashlib

import websockets.version

from patterns import pattern

SHOWN = 2000  # bytes up to which a message is handed back as it is

# Version 14 made a new interface the default one; Debian 12 has the old one, Debian 13 the new one.
VERSION = int(websockets.version.version.partition(".")[0])
NEW = VERSION >= 14


def content(step):
    if "size" in step:
        return pattern(step["kind"], step["size"])
    return step["data"] if step["kind"] == "text" else bytes.fromhex(step["data"])


def described(message):
    kind = "text" if isinstance(message, str) else "binary"
    data = message.encode() if kind == "text" else message
    if len(data) <= SHOWN:
        return {"kind": kind, "data": message if kind == "text" else data.hex()}
    return {"kind": kind, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def pieces(whole, count):
    size = -(-len(whole) // count)
    return [whole[i * size : (i + 1) * size] for i in range(count)]


def header(socket, which, name):
    """A field of the request or the response that opened this connection."""
    if NEW:
        return getattr(socket, which).headers.get(name)
    return getattr(socket, f"{which}_headers").get(name)


def request_headers(socket):
    fields = socket.request.headers if NEW else socket.request_headers
    return {name.lower(): value for name, value in fields.raw_items()}
