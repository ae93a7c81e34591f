/* file_place.c - see file_place.h. */
#include "base/file_place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The path up to its name, "/" at the end; returns the name. NULL: errno. */
static const char *
split(const char *path, char directory[PATH_MAX])
{
    size_t len = (size_t)(strrchr(path, '/') - path) + 1;

    if (len >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    memcpy(directory, path, len);
    directory[len] = '\0';
    return path + len;
}

struct file_place
file_place_of(const char *path)
{
    struct file_place place = {.name = path};
    char directory[PATH_MAX];
    const char *name = split(path, directory);
    struct stat about;

    if (name == NULL || stat(directory, &about) == -1)
        return place;
    return (struct file_place){about.st_dev, about.st_ino, name};
}

#define COMPARE(a, b) ((a) < (b) ? -1 : (a) > (b))

int
file_place_compare(const struct file_place *a, const struct file_place *b)
{
    int device = COMPARE(a->device, b->device), inode = COMPARE(a->inode, b->inode);

    return device != 0 ? device : inode != 0 ? inode : strcmp(a->name, b->name);
}

bool
file_place_can_make(const char *path)
{
    char directory[PATH_MAX];

    return split(path, directory) != NULL &&
           faccessat(AT_FDCWD, directory, W_OK | X_OK, AT_EACCESS) == 0;
}
