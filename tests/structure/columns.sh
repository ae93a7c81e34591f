#!/bin/sh
# A line of C has at most 100 columns, as .clang-format says.
set -eu
cd "${srcdir:-.}"
most=100
# Counted are bytes.
find src middleware include examples bench tests -name '*.[ch]' | sort | LC_ALL=C xargs awk -v most=$most '
FNR == 1 { files++ }
length($0) > most {
    printf "%s:%d: %d columns, at most %d\n", FILENAME, FNR, length($0), most
    failed = 1
}
END {
    printf "%d files\n", files
    exit (failed || files == 0) ? 1 : 0
}'
