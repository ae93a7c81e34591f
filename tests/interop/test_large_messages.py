"""permessage-deflate end to end, frames checked: a huge message among the smallest ones."""

import hashlib

from parts.meeting import Meeting, message, message_sized, pattern, receive, send, send_sized

HUGE = 64 << 20
SMALL = 100  # messages of one byte, before the huge one and after it


class Huge:
    def test_both_directions_at_once(self):
        gate = self.gate(route={"tunnel": {"frames": "checked", "max_message": "0"}})
        small = [bytes([i]) for i in range(SMALL)]
        few = [send(one) for one in small]
        sent = [*few, send_sized("mixed", HUGE, pieces=16), *few]
        steps = [send(f"/exchange {HUGE} {SMALL}"), *sent, receive(len(sent)), receive()]
        # Fragments go out while the rest is compressed; messages of a byte are compressed too.
        events = self.talk(gate, steps, deflate={"threshold": 0})
        self.assertIn("permessage-deflate", self.opened["extensions"])
        few = [message(one) for one in small]
        digests = hashlib.sha256()
        for one in [*small, pattern("mixed", HUGE), *small]:
            digests.update(hashlib.sha256(one).digest())
        said = message(digests.hexdigest())
        self.check_events(events, *few, message_sized("mixed", HUGE), *few, said)
        line = gate.await_line("tunnel")
        self.assertEqual((line["messages_in"], line["messages_out"]), (len(sent) + 1,) * 2)
        for name in ("bytes_in", "bytes_out"):
            # Half of it does not compress, the other half does.
            self.assertGreater(line[name], HUGE // 2)
            self.assertLess(line[name], HUGE * 3 // 4)


for backend in ("python", "gin"):
    who = {"client_name": "ws", "backend_name": backend, "weight": 2, "__module__": __name__}
    globals()[f"ws_{backend}_huge"] = type(f"ws_{backend}_huge", (Huge, Meeting), who)
