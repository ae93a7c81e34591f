"""
Bytes that every program here can make for itself. "mixed" is binary data in blocks of a mebibyte,
by turns 64 KiB that compress well and 64 KiB that do not compress; each block begins with its
number.
"""

BLOCK = 1 << 20


def block():
    made, state = bytearray(BLOCK), 1
    for i in range(BLOCK):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        made[i] = state >> 24 if i & 65536 else i >> 8 & 255
    return made


def mixed(size):
    whole = block() * -(-size // BLOCK)
    for number, at in enumerate(range(0, size, BLOCK)):
        whole[at] = number & 255
    return bytes(whole[:size])


def pattern(kind, size):
    if kind == "text":
        return ("0123456789 wsgate " * (size // 18 + 1))[:size]
    if kind == "mixed":
        return mixed(size)
    return bytes((i * 131 + (i >> 8)) & 255 for i in range(size))
