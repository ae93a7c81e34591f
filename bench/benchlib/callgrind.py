"""callgrind: instructions by function, and what one more operation adds to them."""

import glob
import re
import subprocess


def wrapper(out):
    return ['valgrind', '-q', '--tool=callgrind', f'--callgrind-out-file={out}.%p']


def newest(out):
    """The process with most instructions is the one that worked (nginx has a master)."""
    profiles = glob.glob(out + '.*')
    if not profiles:
        raise SystemExit('callgrind left no profile')
    return max(profiles, key=total)


def total(path):
    with open(path, encoding='utf-8', errors='replace') as profile:
        for line in profile:
            if line.startswith(('summary:', 'totals:')):
                return int(line.split()[1])
    return 0


def functions(path, inclusive=False):
    """{(function, object): instructions}"""
    argv = ['callgrind_annotate', '--threshold=100', '--auto=no', '--show=Ir']
    argv += ['--inclusive=yes'] if inclusive else []
    text = subprocess.run(argv + [path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True, check=True, errors='replace', timeout=120).stdout
    found, objects = {}, {}
    for line in text.splitlines():
        match = re.match(r'\s*([\d,]+) (?:\([ \d.]+%\))?\s+(.*)$', line)
        if not match or ':' not in match[2]:
            continue
        name = re.match(r'(?:.*?:)?([^:\[]+?)(?:\'\d+)?\s*(?:\[(.*)\])?$', match[2])
        function = name[1] if name else match[2]
        if name and name[2]:
            objects.setdefault(function, name[2].split('/')[-1])
        count = int(match[1].replace(',', ''))
        # A function stands once for each source file whose lines were inlined into it.
        found[function] = (max(found.get(function, 0), count) if inclusive
                           else found.get(function, 0) + count)
    return {(function, objects.get(function, '')): count for function, count in found.items()}


def per_operation(few, many, operations):
    """What each function costs for one operation, dearest first; start-up cancels."""
    costs = {key: (count - few.get(key, 0)) / operations for key, count in many.items()}
    return sorted(costs.items(), key=lambda item: -item[1])
