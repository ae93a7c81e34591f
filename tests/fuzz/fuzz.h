/*
 * fuzz.h - what every fuzz target has in common.
 *
 * A target is NOUN_fuzz.c with its seeds in corpus/NOUN/. Configured with --enable-fuzz it is
 * driven by libFuzzer, else by replay.c, which only runs the files it is given: `make check` does
 * so with the seeds. What a fuzzer finds becomes a seed with a name that says what it is.
 */
#ifndef WSGATE_FUZZ_H
#define WSGATE_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property that must hold for every input. */
#define FUZZ_REQUIRE(condition) \
    do {                        \
        if (!(condition))       \
            abort();            \
    } while (0)

/* A block of exactly that size, so that AddressSanitizer sees one byte too many. */
static inline char *
fuzz_block(const void *bytes, size_t len)
{
    char *block = malloc(len > 0 ? len : 1);

    FUZZ_REQUIRE(block != NULL);
    if (bytes && len > 0)
        memcpy(block, bytes, len);
    return block;
}

#endif
