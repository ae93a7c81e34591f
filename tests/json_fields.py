"""The fields of a --json report, as printed and as listed in wsgatectl(1).

A field is written as its way from the top: a.b is in an object, a[].b in each item of a list. The
manual's lists stand between the comments "fields of NAME" and "end".
"""

import os
import re

SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# Objects whose members are named by requests, answers or modules, not by us.
OPEN = {"headers", "modules[].sets", "modules[].labels", "modules[].claims", "modules[].any_of",
        "modules[].all_of", "modules[].says"}


def fields(value, way=""):
    """The ways to all that a report holds."""
    if way in OPEN:
        return set()
    if isinstance(value, list):
        return set().union(*(fields(item, way + "[]") for item in value))
    if not isinstance(value, dict):
        return set()
    found = set()
    for name, member in value.items():
        inner = f"{way}.{name}" if way else name
        found |= {inner} | fields(member, inner)
    return found


def manual(name):
    with open(os.path.join(SOURCE, "man", "wsgatectl.1"), encoding="utf-8") as file:
        page = file.read()
    part = page.split(f'.\\" fields of {name}\n')[1].split('.\\" end\n')[0]
    return set(re.findall(r"^\.It Li (\S+)$", part, re.M))
