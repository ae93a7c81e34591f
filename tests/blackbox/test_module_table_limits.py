"""Requests x modules: those that count (see harness/module_table.py)."""

import dataclasses
import hashlib

from harness import tokens
from harness.case import Case
from harness.module_rows import ABSENT, PASS, ask, fault, fine, passed, refused, row
from harness.module_table import ModuleTable

KEYS = {name: name * 43 for name in ("a", "b")}
SIX = [ask(address=f"2001:db8:0:{i}::{j}", hold=True) for i, j in ((1, 1), (2, 1), (2, 2))]


class Counting(ModuleTable):
    """What both have: by whom they count."""

    def others(self):
        lines = [f"{hashlib.sha256(key.encode()).hexdigest()} {name}" for name, key in KEYS.items()]
        return {"who": {"api_key": {"files": [self.file("keys", "\n".join(lines) + "\n")]}},
                "token": self.jwt()["middleware"]["users"]}

    def rows_of_keys(self, no):
        """Who shares with whom: requests of two, then one more of the first."""
        def three(*requests):
            return [dataclasses.replace(request, hold=True) for request in (*requests, requests[0])]

        two = three(ask(source="127.0.0.1"), ask(source="127.0.0.2"))
        names = three(*(ask(f"X-API-Key: {key}") for key in KEYS.values()))
        orgs = three(*(ask(f"Authorization: Bearer {tokens.hs(tokens.claims(org={'id': i}))}")
                       for i in (1, 2)))
        parts = {
            "header:X-Tenant": (ask("X-Tenant: a"), ask("x-tenant: b")),
            "cookie:who": (ask("Cookie: x=1; who=a"), ask("Cookie: x=1; who=b")),
            "query:who": (ask(query="?who=a"), ask(query="?who=b")),
            "path": (ask(path="a"), ask(path="b")),
            "host": (ask(host="a.test"), ask(host="b.test")),
        }
        apart, together = [PASS, PASS, no], [PASS, no, no]
        return [
            row("key", {"key": "address"}, two, apart, together, control={"key": "route"}),
            row("key", {"key": "identity"}, names, apart, together, control={}, before=["who"]),
            row("key", {"key": "claim:org.id"}, orgs, apart, together, control={}, before=["token"]),
            *(row("key", {"key": key}, three(*pair), apart, together, control={})
              for key, pair in parts.items()),
            row("key", {"key": "header:X-Tenant"}, three(ask(), ask()), together, apart,
                control={"key": "header:X-Request-Number"} | self.room_for(2)),
            row("v6_prefix", {"v6_prefix": 48}, SIX, together, [PASS, PASS, no]),
            row("v6_prefix", {"v6_prefix": 128}, SIX, PASS, [PASS, PASS, no]),
        ]

    def faults_of_keys(self):
        return [
            fault("key", "colour", '"colour": expected address, identity'),
            fault("key", "header:", "a name is missing behind the colon"),
            fault("key", "header:X Y", "expected the name of a header"),
            fault("key", "claim:a..b", "expected a claim's name, or names joined by dots"),
            fault("key", "route:x", '"route:x": expected address, identity'),
            fault("key", None, "`key` is missing", '{"', key=ABSENT),
            *fine("v6_prefix", 16, 128),
            fault("v6_prefix", 15, "expected 16 to 128"),
            fault("v6_prefix", 129, "expected 16 to 128"),
        ]


class RateLimit(Counting, Case):
    module = "rate_limit"

    def base(self, name):
        return {"key": "address", "rate": "1/1000s"}

    @staticmethod
    def room_for(count):
        return {"burst": count}

    def rows(self):
        no = refused(429, "rate-exceeded", retry_after=range(900, 1001))
        here, there = ask(source="127.0.0.1"), ask(source="127.0.0.2")
        return [
            *self.rows_of_keys(no),
            row("rate", {"rate": "1000000/s"}, [here] * 3, PASS, [PASS, no, no], control={}),
            row("rate", {"rate": "1/1m"}, [here] * 2,
                [PASS, refused(429, "rate-exceeded", retry_after=range(20, 61))], [PASS, no],
                control={}),
            row("rate", {"rate": "5/2h"}, [here] * 2,
                [PASS, refused(429, "rate-exceeded", retry_after=range(1300, 1441))], [PASS, no],
                control={}),
            row("burst", {"burst": 2}, [here] * 3, [PASS, PASS, no], [PASS, no, no]),
            row("max_keys", {"max_keys": 1}, [here, there],
                [PASS, refused(429, "rate-keys-exhausted", retry_after=range(1, 2))], PASS),
        ]

    def faults(self):
        return [
            *self.faults_of_keys(),
            fault("rate", None, "`rate` is missing", '{"', rate=ABSENT),
            *fine("rate", "1/1000s", "1000000000/s", "1000/7d"),
            fault("rate", "1/2001s", "expected a rate of at least 1/2000s"),
            *fine("burst", 1, 1000000),
            *fine("max_keys", 1, 10000000),
            fault("rate", "10", "expected a rate such as 10/s or 100/1m, found `10`"),
            fault("rate", "0", "expected more than 0"),
            fault("rate", "1000000001/s", "at most 1000000000/s"),
            *(fault("burst", number, "expected 1 to 1000000") for number in (0, 1000001)),
            *(fault("max_keys", number, "expected 1 to 10000000") for number in (0, 10000001)),
        ]


class ConnectionLimit(Counting, Case):
    module = "connection_limit"

    def base(self, name):
        return {"key": "address", "max": 1}

    @staticmethod
    def room_for(count):
        return {"max": count}

    def rows(self):
        no = refused(429, "connection-limit")
        one = ask(hold=True)
        return [
            *self.rows_of_keys(no),
            row("max", {"max": 2}, [one] * 3, [PASS, PASS, no], [PASS, no, no], control={}),
            row("max", {"max": 1}, [ask(), ask(hold=True, again=True), one],
                [PASS, PASS, no], PASS,
                control={"max": 1000000000}),
            row("on_limit", {"on_limit": "close_oldest"}, [one] * 3,
                [passed(close=4429), passed(close=4429), passed(close=None)],
                [passed(close=None), no, no]),
        ]

    def faults(self):
        return [
            *self.faults_of_keys(),
            fault("max", None, "`max` is missing", '{"', max=ABSENT),
            *fine("max", 1, 1000000000),
            *(fault("max", number, "expected 1 to 1000000000") for number in (0, 1000000001)),
            fault("max", "1", "without quotes"),
            fault("on_limit", "close_newest", "expected one of refuse, close_oldest"),
        ]
