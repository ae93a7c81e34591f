#!/bin/sh
# Runs every fuzz target over its seeds: corpus/NOUN goes to NOUN_fuzz. A corpus without a
# program is an error, and so is a target that finds nothing to run.
set -eu
srcdir=${srcdir:-.}
failed=0
count=0
for corpus in "$srcdir"/tests/fuzz/corpus/*/; do
    noun=$(basename "$corpus")
    count=$((count + 1))
    if "./tests/fuzz/${noun}_fuzz" -runs=0 "$corpus" >"tests/fuzz/$noun.replay.log" 2>&1; then
        echo "ok $noun"
    else
        echo "FAILED $noun"
        cat "tests/fuzz/$noun.replay.log"
        failed=1
    fi
done
test "$count" -gt 0
exit "$failed"
