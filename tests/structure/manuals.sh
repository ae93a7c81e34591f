#!/bin/sh
# Has mandoc nothing to say about the manual pages of a tree? Exit status 77: there is no mandoc, which
# `make check` skips and scripts/check does not take for a success.
#
#     tests/structure/manuals.sh [TREE]
set -eu
tree=${1:-${srcdir:-.}}
if ! command -v mandoc >/dev/null; then
    echo "mandoc is not installed: the manual pages are not checked"
    exit 77
fi
# Its exit status counts what is left out below too. Above 4 it could not do its work at all.
status=0
said=$(mandoc -Tlint "$tree"/man/*.[1-9] 2>&1) || status=$?
# Whether a page that is referred to is installed on this machine says nothing about ours.
found=$(printf '%s\n' "$said" | sed '/STYLE: referenced manual not found/d; /^$/d')
if test -n "$found" || test "$status" -gt 4; then
    printf '%s\n' "${found:-mandoc ended with status $status}"
    exit 1
fi
