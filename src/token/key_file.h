/*
 * key_file.h - a small file read whole, wiped when it is done with.
 *
 * For keys, secrets and key sets: bounded, no globals, the text never stays in
 * a stdio buffer.
 */
#ifndef WSGATE_KEY_FILE_H
#define WSGATE_KEY_FILE_H

#include "base/compiler.h"
#include "base/str.h"
#include "token/key.h"

enum { KEY_FILE_MAX = 1 << 20 }; /* a key set of the 256 keys that fit in it has some 250 KiB */

struct key_file {
    struct str text; /* a NUL stands behind it */
    char *memory;
};

/* path "-" is standard input. false: *error says why. */
bool key_file_read(struct key_file *file, const char *path, struct key_error *error) MUST_CHECK;
/* The text without one line end at its end: how a secret stands in a file. */
struct str key_file_secret(const struct key_file *file);
void key_file_free(struct key_file *file);

#endif
