/*
 * address_bench.c - what a list of prefixes costs: to read, to keep, and to ask.
 *
 *     bench/address_bench [N]...      default: 10 1000 100000
 *
 * Each N is one line: distinct prefixes as a file would have them, half of them IPv4 (/24), half
 * IPv6 (/48), none of which touch, so that they cannot be merged. Lookups are half hits. Times are
 * of the CPU, in this process; bytes are what malloc has in use.
 */
#include "base/address.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LOOKUPS = 1000000 };

static double
cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Every second /24 of 0.0.0.0/1, every second /48 of 2000::/16. */
static void
write_prefix(char *text, size_t size, unsigned i, const char *suffix)
{
    unsigned n = i / 2 * 2;

    if (i % 2 == 0)
        snprintf(text, size, "%u.%u.%u.0%s", n >> 16 & 0x7F, n >> 8 & 0xFF, n & 0xFF, suffix);
    else
        snprintf(text, size, "2000:%x:%x::%s", n >> 16, n & 0xFFFF, suffix);
}

static struct address_set *
load(unsigned count)
{
    struct address_set *set = address_set_new();
    const char *error;
    char text[64];

    for (unsigned i = 0; i < count; i++) {
        write_prefix(text, sizeof(text), i, i % 2 == 0 ? "/24" : "/48");
        if (!address_set_add(set, str_of(text), &error))
            return NULL;
    }
    return address_set_seal(set) ? set : NULL;
}

/* Each second address is in the set; the others lie between two prefixes. */
static double
ask(const struct address_set *set, unsigned count)
{
    enum { SAMPLE = 4096 };
    static struct address addresses[SAMPLE];
    unsigned hits = 0;
    char text[64];

    for (unsigned i = 0; i < SAMPLE; i++) {
        unsigned n = (unsigned)((uint64_t)i * 2654435761U % count);
        write_prefix(text, sizeof(text), n + (i % 2 == 0 ? 0 : 2 * count), "");
        if (!address_parse_ip(&addresses[i], str_of(text)))
            return -1;
    }
    double start = cpu_ns();
    for (unsigned i = 0; i < LOOKUPS; i++)
        hits += address_set_has(set, &addresses[i % SAMPLE].any);
    double spent = cpu_ns() - start;

    return hits == LOOKUPS / 2 ? spent / LOOKUPS : -1;
}

static int
measure(unsigned count)
{
    size_t before = mallinfo2().uordblks;
    double start = cpu_ns();
    struct address_set *set = load(count);
    double loaded = cpu_ns() - start;

    if (set == NULL)
        return EXIT_FAILURE;
    double each = ask(set, count);
    printf("%8u prefixes: read in %8.3f ms, %9zu bytes, %6.1f ns a lookup\n", count, loaded / 1e6,
           mallinfo2().uordblks + mallinfo2().hblkhd - before, each);
    address_set_free(set);
    return each > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
    static const unsigned usual[] = {10, 1000, 100000};
    int status = EXIT_SUCCESS;

    for (int i = 1; i < argc; i++)
        status |= measure((unsigned)strtoul(argv[i], NULL, 10));
    for (size_t i = 0; argc == 1 && i < sizeof(usual) / sizeof(usual[0]); i++)
        status |= measure(usual[i]);
    return status;
}
