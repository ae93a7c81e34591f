/*
 * key_cache.c - see key_cache.h.
 *
 * The hard thing is a crash in the middle: a new file is written beside the old one,
 * brought to the disk, and only then takes its name.
 */
#include "token/key_cache.h"

#include "protocol/jose.h"

#include <jansson.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORMAT "wsgate key sets 1"

struct key_cache {
    json_t *json;
};

/* ---- Writing ---------------------------------------------------------------------- */

static json_t *
make_set(const struct key_cache_set *set)
{
    json_t *json = json_object();

    if (json_object_set_new(json, "fetched", json_integer(set->fetched_s)) == 0 &&
        json_object_set_new(json, "jwks", json_stringn(set->text.at, set->text.len)) == 0)
        return json;
    json_decref(json);
    return NULL;
}

/* The file's text, from malloc. NULL: out of memory, or a text that is no UTF-8. */
static char *
make_text(const struct key_cache_set *sets, size_t count)
{
    json_t *json = json_object(), *all = json_object();
    char *text = NULL;
    bool ok = json && all && json_object_set_new(json, "format", json_string(FORMAT)) == 0;

    for (size_t i = 0; ok && i < count; i++)
        ok = json_object_set_new(all, sets[i].url, make_set(&sets[i])) == 0;
    if (ok && json_object_set(json, "sets", all) == 0)
        text = json_dumps(json, JSON_INDENT(1));
    json_decref(all);
    json_decref(json);
    return text;
}

static bool
write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t done = write(fd, text, len);
        if (done == -1 && errno != EINTR)
            return false;
        if (done > 0) {
            text += done;
            len -= (size_t)done;
        }
    }
    return true;
}

/* The directory of path, "/" at its end. false: it does not fit. */
static bool
directory_of(const char *path, char *out, size_t size)
{
    const char *end = strrchr(path, '/');
    int len = end ? snprintf(out, size, "%.*s", (int)(end - path) + 1, path)
                  : snprintf(out, size, "./");

    return len > 0 && (size_t)len < size;
}

/* So that the new name is on the disk too. What cannot be synced is no fault: the file is whole. */
static void
sync_directory(const char *path)
{
    char directory[4096];
    int fd = directory_of(path, directory, sizeof(directory))
                 ? open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                 : -1;

    if (fd == -1)
        return;
    (void)fsync(fd);
    (void)close(fd);
}

/* Writes text to the file that `name`, a template, becomes; it is closed again. */
static bool
write_temporary(char *name, const char *text)
{
    int fd = mkostemp(name, O_CLOEXEC); /* 0600 */

    if (fd == -1)
        return false;
    bool ok = write_all(fd, text, strlen(text)) && fsync(fd) == 0;
    int error = errno;
    ok = close(fd) == 0 && ok;
    if (!ok)
        (void)unlink(name);
    errno = error;
    return ok;
}

bool
key_cache_write(const char *path, const struct key_cache_set *sets, size_t count,
                struct key_error *error)
{
    char name[4096];
    int len = snprintf(name, sizeof(name), "%s.XXXXXX", path);
    char *text = make_text(sets, count);
    bool ok = false;

    if (!text)
        key_error_set(error, "out of memory");
    else if (len < 0 || (size_t)len >= sizeof(name))
        key_error_set(error, "%s", strerror(ENAMETOOLONG));
    else if (!write_temporary(name, text))
        key_error_set(error, "%s", strerror(errno));
    else if (!(ok = rename(name, path) == 0)) {
        key_error_set(error, "%s", strerror(errno));
        (void)unlink(name);
    }
    if (ok)
        sync_directory(path);
    free(text);
    return ok;
}

bool
key_cache_is_writable(const char *path, struct key_error *error)
{
    char directory[4096];

    if (!directory_of(path, directory, sizeof(directory)))
        errno = ENAMETOOLONG;
    else if (access(directory, W_OK | X_OK) == 0)
        return true;
    key_error_set(error, "%s", strerror(errno));
    return false;
}

/* ---- Reading ------------------------------------------------------------------------ */

/*
 * Root trusts, besides its own files, those of the user it will become. Who that is nobody here
 * knows, but the directory does: it is his, and nobody else can make files there.
 */
static bool
is_the_directorys(const char *path, uid_t owner)
{
    char directory[4096];
    struct stat status;

    return geteuid() == 0 && directory_of(path, directory, sizeof(directory)) &&
           stat(directory, &status) == 0 && status.st_uid == owner &&
           !(status.st_mode & (S_IWGRP | S_IWOTH));
}

/* Is it a file that only root, this user, or the one it will become can have written? */
static bool
is_trusted(const char *path, int fd, struct stat *status, struct key_error *error)
{
    if (fstat(fd, status) == -1)
        key_error_set(error, "%s", strerror(errno));
    else if (!S_ISREG(status->st_mode))
        key_error_set(error, "not a regular file");
    else if (status->st_mode & (S_IWGRP | S_IWOTH))
        key_error_set(error, "others can write to it");
    else if (status->st_uid != geteuid() && status->st_uid != 0 &&
             !is_the_directorys(path, status->st_uid))
        key_error_set(error, "it belongs to another user");
    else if (status->st_size > KEY_CACHE_BYTES_MAX)
        key_error_set(error, "longer than %d bytes", KEY_CACHE_BYTES_MAX);
    else
        return true;
    return false;
}

/* Up to `size` bytes; fewer where the file got shorter meanwhile. */
static size_t
read_all(int fd, char *out, size_t size)
{
    size_t len = 0;

    while (len < size) {
        ssize_t got = read(fd, out + len, size - len);
        if (got == 0 || (got == -1 && errno != EINTR))
            break;
        if (got > 0)
            len += (size_t)got;
    }
    return len;
}

static json_t *
read_json(const char *path, int fd, struct key_error *error)
{
    struct stat status;

    if (!is_trusted(path, fd, &status, error))
        return NULL;
    size_t size = (size_t)status.st_size;
    char *text = malloc(size + 1);
    json_t *json = text ? jose_json((struct str){text, read_all(fd, text, size)}) : NULL;
    const char *format = json_string_value(json_object_get(json, "format"));

    free(text);
    if (format && strcmp(format, FORMAT) == 0 && json_is_object(json_object_get(json, "sets")))
        return json;
    key_error_set(error, text ? "not a file of key sets" : "out of memory");
    json_decref(json);
    return NULL;
}

struct key_cache *
key_cache_read(const char *path, struct key_error *error)
{
    /* Not to be held up by a pipe that nobody writes to. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    struct key_cache *cache = NULL;

    error->text[0] = '\0';
    if (fd == -1) {
        if (errno == ELOOP)
            key_error_set(error, "a symbolic link");
        else if (errno != ENOENT)
            key_error_set(error, "%s", strerror(errno));
        return NULL;
    }
    json_t *json = read_json(path, fd, error);
    (void)close(fd);
    if (json && !(cache = malloc(sizeof(*cache)))) {
        key_error_set(error, "out of memory");
        json_decref(json);
    }
    if (cache)
        cache->json = json;
    return cache;
}

bool
key_cache_find(const struct key_cache *cache, const char *url, struct key_cache_set *set)
{
    const json_t *found = json_object_get(json_object_get(cache->json, "sets"), url);
    const json_t *text = json_object_get(found, "jwks"),
                 *fetched = json_object_get(found, "fetched");

    if (!json_is_string(text) || !json_is_integer(fetched) || json_integer_value(fetched) < 0)
        return false;
    *set = (struct key_cache_set){.url = url,
                                  .text = {json_string_value(text), json_string_length(text)},
                                  .fetched_s = json_integer_value(fetched)};
    return true;
}

void
key_cache_free(struct key_cache *cache)
{
    if (!cache)
        return;
    json_decref(cache->json);
    free(cache);
}
