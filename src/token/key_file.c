/* key_file.c - a small file read whole, wiped when it is done with. */
#include "token/key_file.h"

#include <openssl/crypto.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* Reads until the end of the file or until `size` bytes are there. false: errno says why. */
static bool
read_all(int fd, char *out, size_t size, size_t *len)
{
    *len = 0;
    while (*len < size) {
        ssize_t got = read(fd, out + *len, size - *len);
        if (got == 0)
            return true;
        if (got > 0)
            *len += (size_t)got;
        else if (errno != EINTR)
            return false;
    }
    return true;
}

bool
key_file_read(struct key_file *file, const char *path, struct key_error *error)
{
    bool standard_input = strcmp(path, "-") == 0;
    int fd = standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    size_t len = 0;

    /* Two bytes more than it may hold: one tells that it is too long, one for the NUL. */
    *file = (struct key_file){.memory = malloc(KEY_FILE_MAX + 2)};
    bool ok = fd != -1 && file->memory && read_all(fd, file->memory, KEY_FILE_MAX + 1, &len);
    if (!ok)
        key_error_set(error, "%s", strerror(errno));
    else if (len > KEY_FILE_MAX)
        key_error_set(error, "longer than %d bytes", KEY_FILE_MAX);
    if (fd != -1 && !standard_input)
        close(fd);
    file->text = (struct str){file->memory, len};
    if (!ok || len > KEY_FILE_MAX) {
        key_file_free(file);
        return false;
    }
    file->memory[len] = '\0';
    return true;
}

struct str
key_file_secret(const struct key_file *file)
{
    struct str text = file->text;

    if (text.len > 0 && text.at[text.len - 1] == '\n')
        text.len--;
    if (text.len < file->text.len && text.len > 0 && text.at[text.len - 1] == '\r')
        text.len--;
    return text;
}

void
key_file_free(struct key_file *file)
{
    if (file->memory)
        OPENSSL_cleanse(file->memory, file->text.len);
    free(file->memory);
    *file = (struct key_file){{NULL, 0}, NULL};
}
