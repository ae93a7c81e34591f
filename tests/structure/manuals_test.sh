#!/bin/sh
# Does manuals.sh see what it should? Pages with one fault each, one without, no page, no mandoc.
set -eu
srcdir=${srcdir:-.}
here=$(cd "$srcdir/tests/structure" && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir "$tree/man" "$tree/none"
failed=0

# expect STATUS WHAT [PATH]: what manuals.sh comes to about the page that is there now.
expect() {
    status=0
    sh=$(command -v sh)
    PATH=${3-$PATH} "$sh" "$here/manuals.sh" "$tree" >"$tree/output" 2>&1 || status=$?
    if test "$status" -ne "$1"; then
        echo "expected status $1, got $status: $2"
        cat "$tree/output"
        failed=1
    fi
}

# page LINE: a page with that line in it.
page() {
    cat >"$tree/man/page.8" <<EOF
.Dd January 1, 2026
.Dt PAGE 8
.Os
.Sh NAME
.Nm page
.Nd a page
.Sh DESCRIPTION
$1
EOF
}

page 'Nothing is wrong here.'
expect 77 'no mandoc' "$tree/none"
command -v mandoc >/dev/null || exit 77
expect 0 'a good page'
page '.Xr no-such-page 7'
expect 0 'a page that is not installed'
page '.Zz unknown'
expect 1 'an unknown macro'
page 'blanks at the end  '
expect 1 'a matter of style'
printf '.Bl\n' >"$tree/man/page.8"
expect 1 'no prologue'
rm "$tree/man/page.8"
expect 1 'no page'
exit "$failed"
