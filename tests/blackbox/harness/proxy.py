"""PROXY headers as bytes: right ones, and the parts to make wrong ones."""

import ipaddress
import struct

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
LOCAL, PROXY = 0x20, 0x21
UNSPEC, TCP4, UDP4, TCP6, UDP6, UNIX = 0x00, 0x11, 0x12, 0x21, 0x22, 0x31


def v1(source, destination="198.51.100.2", ports=(4242, 443)):
    family = "TCP6" if ":" in source else "TCP4"
    return f"PROXY {family} {source} {destination} {ports[0]} {ports[1]}\r\n".encode()


def v2(family=UNSPEC, body=b"", command=PROXY, length=None):
    length = len(body) if length is None else length
    return SIGNATURE + struct.pack("!BBH", command, family, length) + body


def ends(source, destination=None, ports=(4242, 443)):
    """The addresses of version 2."""
    one = ipaddress.ip_address(source)
    other = ipaddress.ip_address(
        destination or ("198.51.100.2" if one.version == 4 else "2001:db8::2")
    )
    return one.packed + other.packed + struct.pack("!HH", *ports)


def named(source, tlvs=b"", **more):
    family = TCP6 if ":" in source else TCP4
    return v2(family, ends(source, **more) + tlvs)
