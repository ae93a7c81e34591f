"""The tables of tests/data, which unit tests judge too; its README.md says what they hold."""

import json
import os
import re

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data")


def expand(text):
    """A string of such a table as bytes: @@TEXT*N@@ is TEXT, N times over."""
    if text is None:
        return None

    def repeat(found):
        return found[1] * int(found[2])

    return re.sub(r"@@(.*?)\*(\d+)@@", repeat, text, flags=re.S).encode("latin-1")


def rows(name):
    with open(os.path.join(DATA, name), encoding="utf-8") as file:
        return json.load(file)
