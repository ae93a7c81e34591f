"""What stands in a table of requests x modules (module_table.py), and which options there are."""

import copy
import dataclasses
import functools
import json
import os
import subprocess

from .gateway import options_program

ABSENT = object()  # as the value of an option: not even what every row has


@dataclasses.dataclass
class Ask:
    """A request to the instance's own route. A line may be a function: it is made when it is asked."""

    lines: tuple
    query: str = ""
    path: str = "x"
    source: str = None
    address: str = None  # the client's, by word of a trusted proxy
    listener: str = "plain"
    host: str = "gate.test"
    certificate: str = None
    hold: bool = False  # it stays until all rows have been asked
    again: bool = False  # asked until it comes out as it should
    before: object = None  # called with the side before it is asked


def ask(*lines, **more):
    return Ask(lines, **more)


def passed(**more):
    return {"status": 101, "reason": "upgraded"} | more


PASS = passed()


def refused(status, reason, **more):
    return {"status": status, "reason": reason} | more


@dataclasses.dataclass
class Row:
    """`steps` are asked of `options` and of `control`; `outcome` and `default` are theirs."""

    option: str
    options: dict
    steps: list
    outcome: list
    default: list
    control: dict
    more: dict


def row(option, options, asked, outcome, default, control=None, **more):
    """
    `control`: what its instance has instead of `options`; left out, the same without the option.
    `more`: `before`, names of instances that are required before; `answer`, the service's;
    `alone`: each in a gateway of its own, whose counters are looked at too.
    """
    steps = asked if isinstance(asked, list) else [asked]
    as_list = [one if isinstance(one, list) else [one] * len(steps) for one in (outcome, default)]
    return Row(option, options, steps, *as_list, control, more)


@dataclasses.dataclass
class Fault:
    """`complaint` None: there is none. `text`: what it points to."""

    option: str
    options: dict
    complaint: str
    text: str


def fault(option, value, complaint, at=None, **others):
    """
    `value` is the option's, of "map.word" that of the word; None: it stands in `others`. `at`: what
    the complaint points to, where that is not the value, be it a list or the first of one.
    """
    first, _, rest = option.partition(".")
    own = {} if value is None else {first: {rest: value} if rest else value}
    return Fault(option, own | others, complaint, at or json.dumps(value))


def fine(option, *values, **others):
    """Values that are good, such as the last ones before a bad one."""
    return [fault(option, value, None, **others) for value in values]


# ---- Options as the program has them, and as a row has them -----------------------------------


def options_of(module):
    """The words of its options, those of maps in it as "map.word"; None: nobody can be asked."""
    return program_options().get(module, set()) if program_options() is not None else None


@functools.cache
def program_options():
    if not os.access(options_program(), os.X_OK):
        return None
    done = subprocess.run([options_program()], capture_output=True, text=True, check=True, timeout=60)
    found = {}
    for line in done.stdout.splitlines():
        section, word, _, state = line.split("\t")
        module, _, inner = section.partition(".")
        if state != "later":
            found.setdefault(module, set()).add(f"{inner}.{word}" if inner else word)
    return found


def values_of(options, option):
    """All that stand under "map.word", in a map of maps and in a list of maps too."""
    first, _, rest = option.partition(".")
    if isinstance(options, list):
        return [value for one in options for value in values_of(one, option)]
    if not isinstance(options, dict):
        return []
    if first in options:
        return values_of(options[first], rest) if rest else [options[first]]
    return [value for one in options.values() for value in values_of(one, option)]


def without(options, option):
    first, _, rest = option.partition(".")
    made = copy.deepcopy(options)
    if rest and isinstance(made.get(first), dict):
        made[first] = without(made[first], rest)
    else:
        made.pop(first, None)
    return made
