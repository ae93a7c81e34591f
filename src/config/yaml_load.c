/*
 * yaml_load.c - the bytes of a file, bounded, for yaml_tree_read.
 *
 * It does not look at them. Ownership: the buffer lives in the caller's arena.
 */
#include "config/yaml_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Reads to the end of the file, or until the buffer is full. false: errno says why. */
static bool
read_whole(int fd, char *buffer, size_t room, size_t *len)
{
    for (;;) {
        ssize_t got = read(fd, buffer + *len, room - *len);

        if (got == -1 && errno != EINTR)
            return false;
        if (got == 0)
            return true;
        if (got > 0)
            *len += (size_t)got;
    }
}

bool
yaml_tree_load(struct arena *arena, const char *file, struct str *text, struct faults *faults)
{
    size_t len = 0, room = YAML_TREE_FILE_MAX + 1;
    char *buffer = arena_alloc(arena, room);
    int fd = buffer ? open(file, O_RDONLY | O_CLOEXEC) : -1;

    if (buffer == NULL)
        errno = ENOMEM;
    bool done = fd != -1 && read_whole(fd, buffer, room, &len);

    if (!done)
        faults_add(faults, (struct mark){1, 1}, "cannot be read: %s", strerror(errno));
    else if (len == room)
        faults_add(faults, (struct mark){1, 1}, "larger than 1 MiB");
    if (fd != -1)
        close(fd);
    *text = (struct str){buffer, len};
    return done && len < room;
}
