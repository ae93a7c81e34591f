/* descriptors.c - counting them; see descriptors.h. */
#include "gateway/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>

enum {
    COUNTED_MAX = 65536
}; /* before the first client none is higher, but in a parent that passes one on */

void
descriptors_raise(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

uint64_t
descriptors_limit(void)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_NOFILE, &limit) == -1 ? 1024 : limit.rlim_cur;
}

uint64_t
descriptors_open(void)
{
    uint64_t limit = descriptors_limit(), open = 0;

    for (int fd = 0; fd < COUNTED_MAX && (uint64_t)fd < limit; fd++)
        open += fcntl(fd, F_GETFD) != -1;
    return open;
}

uint64_t
descriptors_connections(unsigned workers)
{
    uint64_t limit = descriptors_limit();
    uint64_t taken = descriptors_open() + DESCRIPTORS_RESERVE + workers;

    return limit > taken ? (limit - taken) / DESCRIPTORS_PER_CONNECTION : 0;
}

bool
descriptors_lacking(int error)
{
    return error == EMFILE || error == ENFILE;
}
