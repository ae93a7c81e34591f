#!/bin/sh
# A source file is one noun and at most 400 lines. Those that may be longer stand in
# long_files.txt, one path on a line; who is short enough again must leave it.
set -eu
srcdir=${srcdir:-.}
cd "$srcdir"
most=400
failed=0
for path in $(find src middleware -name '*.c' | sort); do
    lines=$(wc -l <"$path")
    excepted=no
    if grep -qx "$path" tests/structure/long_files.txt; then excepted=yes; fi
    if test "$lines" -gt "$most" && test $excepted = no; then
        echo "$path: $lines lines, at most $most: it holds more than one noun"
        failed=1
    elif test "$lines" -le "$most" && test $excepted = yes; then
        echo "$path: $lines lines: take it out of long_files.txt"
        failed=1
    fi
done
grep -v '^#' tests/structure/long_files.txt | while read -r path; do
    if ! test -f "$path"; then
        echo "long_files.txt names $path, which is not there"
        exit 1
    fi
done || failed=1
exit "$failed"
