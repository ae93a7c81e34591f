/*
 * option_file.c - where a file that an option names is, and whether it can be read.
 *
 * It reads nothing of it. No other kind than regular files is opened: a pipe could hold us,
 * and a device could do anything.
 */
#include "config/option_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

const char *
option_file_fault(const char *path)
{
    struct stat status;

    if (stat(path, &status) == -1)
        return strerror(errno);
    if (!S_ISREG(status.st_mode))
        return "not a regular file";
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd == -1)
        return strerror(errno);
    close(fd);
    return NULL;
}

const char *
option_file_resolve(const struct options_context *context, struct str text)
{
    struct str directory = context->directory;

    if (directory.len == 0 || str_starts_with(text, STR("/")))
        return text.at;
    size_t room = directory.len + 1 + text.len + 1;
    char *path = arena_alloc(context->arena, room);

    if (path != NULL)
        snprintf(path, room, STR_FMT "/" STR_FMT, STR_ARG(directory), STR_ARG(text));
    return path;
}
