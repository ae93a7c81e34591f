#!/bin/sh
# Every header compiles alone, with the flags of the build; the public one as plain C99 too, for
# a module may be built by anybody. CC and STRUCTURE_FLAGS come from the Makefile.
set -eu
srcdir=${srcdir:-.}
: "${CC:=cc}"
: "${STRUCTURE_FLAGS:=-I$srcdir/include -I$srcdir/src -I$srcdir/middleware -D_GNU_SOURCE=}"
failed=0
count=0

# compile HEADER FLAGS...: as the only thing in a file.
compile() {
    header=$1
    shift
    count=$((count + 1))
    # CC may hold words of its own.
    if ! printf '#include "%s"\nextern int not_empty;\n' "$header" | $CC "$@" -fsyntax-only -x c -; then
        echo "does not compile alone: $header"
        failed=1
    fi
}

for path in $(cd "$srcdir" && find src middleware -name '*.h' | sort); do
    case $path in
    src/*) name=${path#src/} ;;
    *) name=${path#middleware/} ;;
    esac
    # shellcheck disable=SC2086 # a list of flags
    compile "$name" $STRUCTURE_FLAGS
done
for path in $(cd "$srcdir/include" && find . -name '*.h' | sort); do
    compile "${path#./}" -std=c99 -Wall -Wextra -Wpedantic -Werror "-I$srcdir/include"
done
echo "$count headers"
test "$count" -gt 1
exit "$failed"
