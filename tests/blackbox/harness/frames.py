"""A tiny WebSocket frame codec (RFC 6455 5.2), enough to talk through the gateway."""

import os
import struct

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def mask_bytes(payload, mask):
    """XOR with the repeated mask, as one big integer: quick enough for megabytes."""
    if not payload:
        return b""
    pattern = (mask * (len(payload) // 4 + 1))[: len(payload)]
    mixed = int.from_bytes(payload, "big") ^ int.from_bytes(pattern, "big")
    return mixed.to_bytes(len(payload), "big")


def encode(payload, opcode=BINARY, masked=False, fin=True):
    """One whole frame."""
    first = (0x80 if fin else 0) | opcode
    flag = 0x80 if masked else 0
    size = len(payload)
    if size < 126:
        header = struct.pack("!BB", first, flag | size)
    elif size < 65536:
        header = struct.pack("!BBH", first, flag | 126, size)
    else:
        header = struct.pack("!BBQ", first, flag | 127, size)
    if not masked:
        return header + payload
    mask = os.urandom(4)
    return header + mask + mask_bytes(payload, mask)


def decode(buffer):
    """(opcode, payload, bytes used) of the first frame in `buffer`; None: it is not whole."""
    if len(buffer) < 2:
        return None
    size, at = buffer[1] & 0x7F, 2
    if size == 126:
        if len(buffer) < 4:
            return None
        (size,), at = struct.unpack_from("!H", buffer, 2), 4
    elif size == 127:
        if len(buffer) < 10:
            return None
        (size,), at = struct.unpack_from("!Q", buffer, 2), 10
    mask = b""
    if buffer[1] & 0x80:
        mask, at = bytes(buffer[at : at + 4]), at + 4
    if len(buffer) < at + size:
        return None
    payload = bytes(buffer[at : at + size])
    return buffer[0] & 0x0F, mask_bytes(payload, mask) if mask else payload, at + size
