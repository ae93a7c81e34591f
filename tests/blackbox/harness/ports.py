"""Ports on loopback that nobody else can get while a test means to use them."""

import socket


class Port:
    """
    A port held by a bound socket that never listens: nobody is given it by chance, connects to it
    are refused, and a program that sets SO_REUSEPORT and SO_REUSEADDR can still bind and listen.
    """

    def __init__(self, ip="127.0.0.1"):
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        self.ip = ip
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.sock.bind((ip, 0))
        self.number = self.sock.getsockname()[1]

    @property
    def address(self):
        return (self.ip, self.number)

    @property
    def text(self):
        return f"[{self.ip}]:{self.number}" if ":" in self.ip else f"{self.ip}:{self.number}"

    def close(self):
        self.sock.close()
