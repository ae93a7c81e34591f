"""
Runs a command where the one name server takes every question and never answers.

    silent_resolver.py COMMAND...

In a network and a mount namespace of its own, which the kernel must allow; exit status 77 when it
does not. Loopback is up; the name server is a socket of ours that nobody reads.
"""

import ctypes
import fcntl
import os
import socket
import struct
import sys
import tempfile

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x20000, 0x10000000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
NOT_ALLOWED = 77
LIBC = ctypes.CDLL(None, use_errno=True)


def call(function, *arguments):
    if function(*arguments) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def unshare():
    user, group = os.geteuid(), os.getegid()
    flags = CLONE_NEWNS | CLONE_NEWNET | (CLONE_NEWUSER if user != 0 else 0)
    call(LIBC.unshare, flags)
    if user != 0:
        write("/proc/self/setgroups", "deny")
        write("/proc/self/uid_map", f"0 {user} 1")
        write("/proc/self/gid_map", f"0 {group} 1")
    call(LIBC.mount, None, b"/", None, MS_REC | MS_PRIVATE, None)


def loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))


def replace(path, text):
    file, name = tempfile.mkstemp()
    os.write(file, text.encode())
    os.fchmod(file, 0o644)
    os.close(file)
    try:
        call(LIBC.mount, name.encode(), os.path.realpath(path).encode(), None, MS_BIND, None)
    finally:
        os.unlink(name)


def main(command):
    try:
        unshare()
        loopback_up()
        replace("/etc/resolv.conf", "nameserver 127.0.0.1\n")
        replace("/etc/nsswitch.conf", "hosts: files dns\n")
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind(("127.0.0.1", 53))
    except OSError as fault:
        print(f"no namespaces here: {fault}", file=sys.stderr)
        return NOT_ALLOWED
    server.set_inheritable(True)
    os.execvp(command[0], command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
