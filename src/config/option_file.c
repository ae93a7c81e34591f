/*
 * option_file.c - where a file that an option names is, whether it can be read, and what its
 * content comes to: a reload keeps what names files that have not changed.
 *
 * No other kind than regular files is opened: a pipe could hold us, and a device could do
 * anything.
 */
#include "config/option_file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* false: errno. */
static bool
digest_rest(int fd, EVP_MD_CTX *context)
{
    unsigned char bytes[16 * 1024];
    ssize_t n;

    do {
        n = read(fd, bytes, sizeof(bytes));
        errno = n >= 0 ? ENOMEM : errno; /* the only way in which the digest can fail */
    } while (n > 0 && EVP_DigestUpdate(context, bytes, (size_t)n) == 1);
    explicit_bzero(bytes, sizeof(bytes)); /* it may have been a secret */
    return n == 0;
}

static bool
digest_all(int fd, unsigned char digest[OPTION_DIGEST_LEN])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool done = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;

    errno = ENOMEM;
    done = done && digest_rest(fd, context) && EVP_DigestFinal_ex(context, digest, NULL) == 1;
    EVP_MD_CTX_free(context);
    return done;
}

const char *
option_file_digest(const char *path, unsigned char digest[OPTION_DIGEST_LEN])
{
    struct stat status;

    if (stat(path, &status) == -1)
        return strerror(errno);
    if (!S_ISREG(status.st_mode))
        return "not a regular file";
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd == -1)
        return strerror(errno);
    const char *why = digest_all(fd, digest) ? NULL : strerror(errno);

    close(fd);
    return why;
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
