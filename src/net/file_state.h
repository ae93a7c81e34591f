/*
 * file_state.h - is a file still the one that was read?
 */
#ifndef WSGATE_FILE_STATE_H
#define WSGATE_FILE_STATE_H

#include "base/compiler.h"

#include <stdbool.h>
#include <sys/stat.h>

/* One that is not there is another one too: once it is back it is new. */
struct file_state {
    struct stat status;
};

struct file_state file_state_of(const char *path);
bool file_state_equal(const struct file_state *a, const struct file_state *b) MUST_CHECK;

#endif
