"""What /proc says about a process: descriptors, memory, time."""

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


def threads_of(pid):
    return os.listdir(f"/proc/{pid}/task")


def threads(pid):
    return len(threads_of(pid))


def states(pid):
    """What its threads do: "S" sleep, "R" run, "t" stand still for who traces them."""
    found = set()
    for number in threads_of(pid):
        with open(f"/proc/{pid}/task/{number}/stat", encoding="ascii", errors="replace") as file:
            found.add(file.read().rpartition(")")[2].split()[0])
    return found


def cpu_seconds(pid):
    """What it has used of processors, itself and the kernel for it."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
