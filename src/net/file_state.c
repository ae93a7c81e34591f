/* file_state.c - see file_state.h. */
#include "net/file_state.h"

struct file_state
file_state_of(const char *path)
{
    struct file_state state = {.status.st_size = 0};

    (void)!stat(path, &state.status);
    return state;
}

static bool
is_same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool
file_state_equal(const struct file_state *a, const struct file_state *b)
{
    const struct stat *one = &a->status, *other = &b->status;

    return one->st_dev == other->st_dev && one->st_ino == other->st_ino &&
           one->st_size == other->st_size && is_same_time(one->st_mtim, other->st_mtim) &&
           is_same_time(one->st_ctim, other->st_ctim);
}
