"""What /proc says about a process: descriptors, memory."""

import os


def descriptors(pid):
    """{number: what it is} of the open descriptors."""
    found = {}
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            found[int(number)] = os.readlink(f"/proc/{pid}/fd/{number}")
        except FileNotFoundError:
            pass
    return found


def memory(pid, field="Rss"):
    """Bytes, from smaps_rollup; "Rss" counts what is resident, "Anonymous" only what is its own."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as lines:
        for line in lines:
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
    raise ValueError(f"no {field} for {pid}")


def threads(pid):
    return len(os.listdir(f"/proc/{pid}/task"))
