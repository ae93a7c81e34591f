"""A refusal happens before any socket to a backend exists: the backend counts connects."""

from harness import tokens
from harness.case import Case
from harness.wire import handshake


class NoBackend(Case):
    def test_refusals(self):
        backend = self.echo_backend()
        parts = self.jwt(leeway="0s")
        chain = {
            "office": {"ip_allowlist": {"allow": ["127.0.0.1"]}},
            "web": {"origin": {"allow": ["https://app.test"], "missing": "deny"}},
        }
        gate = self.gateway(
            backend,
            require=["office", "web", "users"],
            middleware=parts["middleware"] | chain,
            limits={"uri": "1KiB", "head": "4KiB"},
            timeouts={"head": "500ms"},
        )
        good = ("Origin: https://app.test", f"Authorization: Bearer {tokens.hs()}")
        expired = f"Authorization: Bearer {tokens.hs(tokens.claims(-60))}"
        forged = f"Authorization: Bearer {tokens.hs(secret=tokens.OTHER_SECRET)}"
        rows = [
            (handshake("/ws", *good, host=""), 400, {}),
            (handshake("/ws", *good, "Content-Length: 5"), 400, {}),
            (handshake("/ws", good[0]), 401, {}),
            (handshake("/ws", good[0], expired), 401, {}),
            (handshake("/ws", good[0], forged), 401, {}),
            (handshake("/ws", good[0], good[1], good[1]), 400, {}),
            (handshake("/ws", good[1]), 403, {}),
            (handshake("/ws", "Origin: https://evil.test", good[1]), 403, {}),
            (handshake("/ws", *good), 403, {"source": "127.0.0.2"}),
            (handshake("/other", *good), 404, {}),
            (handshake("/ws", *good, method="PUT"), 405, {}),
            (handshake("/ws", *good)[:-2], 408, {}),
            (handshake("/ws?" + "a" * 2000, *good), 414, {}),
            (handshake("/ws", *good, drop=["Upgrade"]), 426, {}),
            (handshake("/ws", *good, version="7"), 426, {}),
            (handshake("/ws", *good, "X-Fill: " + "a" * 5000), 431, {}),
        ]
        for request, status, options in rows:
            with self.subTest(status=status, request=request[:200]):
                self.check_refused(gate.ask(request, **options), status)
                self.assertEqual(backend.connects, 0)
        # The backend does count: a good one reaches it.
        self.check_switched(self.client(gate, handshake("/ws", *good)).read_response())
        self.assertEqual(backend.connects, 1)
