/* output_files.c - see output_files.h. */
#include "wsgatectl/output_files.h"

#include "wsgatectl/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* With errno; always false. */
static bool
complain(const struct output_files *files, const struct output_file *file)
{
    command_complain(files->title, "%s: %s%s", file->path, strerror(errno),
                     errno == EEXIST && !files->force ? "; --force writes over it" : "");
    return false;
}

/* ---- Writing ------------------------------------------------------------------------ */

static bool
write_all(int fd, struct str text)
{
    while (text.len > 0) {
        ssize_t put = write(fd, text.at, text.len);
        if (put < 0 && errno != EINTR)
            return false;
        if (put > 0)
            text = (struct str){text.at + put, text.len - (size_t)put};
    }
    return true;
}

/* errno stays; always false. */
static bool
free_name(char *name)
{
    int reason = errno;

    free(name);
    errno = reason;
    return false;
}

/* mkostemp makes it with mode 0600. */
static bool
write_temporary(struct output_file *file, struct str text, mode_t mode)
{
    char *name;

    if (asprintf(&name, "%s.XXXXXX", file->place) == -1)
        return false;
    int fd = mkostemp(name, O_CLOEXEC);
    if (fd == -1)
        return free_name(name);
    file->temporary = name;
    bool ok = write_all(fd, text) && fchmod(fd, mode) == 0;

    return close(fd) == 0 && ok;
}

/* What --force writes over is a file, not a device or a folder. */
static bool
find_place(const struct output_files *files, struct output_file *file)
{
    struct stat there;

    file->place = files->force ? realpath(file->path, NULL) : NULL;
    if (file->place && stat(file->place, &there) == 0 && !S_ISREG(there.st_mode)) {
        command_complain(files->title, "%s: not a regular file", file->path);
        return false;
    }
    if (!file->place)
        file->place = strdup(file->path);
    return file->place || complain(files, file);
}

static bool
is_taken(const struct output_files *files, const struct output_file *file)
{
    for (const struct output_file *other = files->list; other < file; other++)
        if (strcmp(other->place, file->place) == 0)
            return true;
    return false;
}

bool
output_files_add(struct output_files *files, const char *path, struct str text, mode_t mode)
{
    struct output_file *file = &files->list[files->count++];

    file->path = path;
    if (!find_place(files, file))
        return false;
    if (is_taken(files, file)) {
        command_complain(files->title, "%s: asked for twice", path);
        return false;
    }
    return write_temporary(file, text, mode) || complain(files, file);
}

/* ---- Placing ------------------------------------------------------------------------ */

/* The file that is there gets a second name, by which it can come back. */
static bool
keep_before(struct output_file *file)
{
    char *name;

    if (asprintf(&name, "%s.old", file->temporary) == -1)
        return false;
    if (link(file->place, name) == 0) {
        file->before = name;
        return true;
    }
    return free_name(name) || errno == ENOENT;
}

static bool
place(const struct output_files *files, struct output_file *file)
{
    /* link, unlike rename, fails where there is a file. */
    file->is_placed = files->force
                          ? keep_before(file) && rename(file->temporary, file->place) == 0
                          : link(file->temporary, file->place) == 0;
    return file->is_placed || complain(files, file);
}

static void
take_back(struct output_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        struct output_file *file = &files->list[i];
        if (file->is_placed && file->before)
            (void)rename(file->before, file->place);
        else if (file->is_placed)
            (void)unlink(file->place);
    }
}

bool
output_files_place(struct output_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        if (!place(files, &files->list[i])) {
            take_back(files);
            return false;
        }
    return true;
}

void
output_files_end(struct output_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        struct output_file *file = &files->list[i];
        if (file->temporary)
            (void)unlink(file->temporary);
        if (file->before)
            (void)unlink(file->before);
        free(file->place);
        free(file->temporary);
        free(file->before);
    }
    files->count = 0;
}
