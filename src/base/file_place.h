/*
 * file_place.h - where a file is or would be: its directory, as the system knows it, and its name
 * there.
 *
 * So two spellings of one path are one place: "/run/x", "/run//x" and "/var/run/x" may be.
 * Directories are looked at, the file itself is not.
 */
#ifndef WSGATE_FILE_PLACE_H
#define WSGATE_FILE_PLACE_H

#include "base/compiler.h"

#include <stdbool.h>
#include <sys/types.h>

struct file_place {
    dev_t device; /* of the directory; 0: it cannot be found, then `name` is the whole path */
    ino_t inode;
    const char *name; /* in the path */
};

/* Of an absolute path, which must outlive it. */
struct file_place file_place_of(const char *path);
/* As strcmp: an order without a meaning of its own. */
int file_place_compare(const struct file_place *a, const struct file_place *b);
/* Could a file of that absolute path be made, if there were none? Nothing is made. false: errno
 * says why not. */
bool file_place_can_make(const char *path) MUST_CHECK;

#endif
