"""Once a handshake is over, admitted or refused, its token is nowhere in the gateway's memory."""

import re
import time

from harness import tokens
from harness.case import Case
from harness.gateway import sanitized
from harness.peer import PATIENCE
from harness.wire import handshake

PIECE = 16  # bytes of a token that prove it


def writable(pid):
    """The gateway's own memory, region by region."""
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps:
        rows = [re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line) for line in maps]
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for row in filter(None, rows):
            start, end = (int(number, 16) for number in row.groups())
            try:
                memory.seek(start)
                yield memory.read(end - start)
            except OSError:
                continue  # the kernel's


class Wiped(Case):
    def setUp(self):
        super().setUp()
        if sanitized():
            self.skipTest("a sanitizer keeps what was freed")

    def found(self, gate, secret):
        """How often a piece from the middle of it is there."""
        piece = secret[len(secret) // 2 :][:PIECE].encode()
        self.assertEqual(len(piece), PIECE)
        try:
            return sum(region.count(piece) for region in writable(gate.pid))
        except PermissionError as error:
            self.skipTest(str(error))

    def signature(self, token):
        return token.rpartition(".")[2]

    def test_admitted(self):
        """The head came in one piece, in two, and so long that it had to move."""
        gate = self.gateway(**self.jwt(), threads=1)
        plain, cut, long = (tokens.hs(jti=name) for name in ("plain", "cut", "long"))
        for name, token, filler, pieces in (
            ("plain", plain, 0, 1),
            ("cut", cut, 0, 2),
            ("long", long, 6000, 1),
        ):
            with self.subTest(name):
                head = handshake("/ws", f"Authorization: Bearer {token}", f"X-Filler: {'f' * filler}")
                middle = len(head) // pieces
                client = self.client(gate, head[:middle])
                if pieces > 1:
                    time.sleep(0.05)  # or it comes in one: no harm, but not this case
                    client.send(head[middle:])
                self.check_switched(client.read_response())
                self.check_echo(client)
                self.assertEqual(self.found(gate, self.signature(token)), 0)

    def test_refused(self):
        gate = self.gateway(**self.jwt())
        token = tokens.hs(secret=tokens.OTHER_SECRET)
        reply = gate.ask(handshake("/ws", f"Authorization: Bearer {token}"))
        self.assertEqual(reply.status, 401)
        gate.await_lines(1, "handshake")
        self.assertEqual(self.found(gate, self.signature(token)), 0)

    def test_seen(self):
        """That the search finds what is there: a head that is not whole yet."""
        gate = self.gateway(**self.jwt())
        token = tokens.hs()
        client = self.client(gate, handshake("/ws", f"Authorization: Bearer {token}")[:-2])
        limit = time.monotonic() + PATIENCE
        while self.found(gate, self.signature(token)) == 0:
            self.assertLess(time.monotonic(), limit)
        client.send(b"\r\n")
        self.check_switched(client.read_response())
        self.check_echo(client)
        self.assertEqual(self.found(gate, self.signature(token)), 0)
