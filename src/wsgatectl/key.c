/*
 * key.c - `wsgatectl key`: API keys, of which only digests are kept (api_key_table.h).
 *
 * A key is shown once, on standard output; what the gateway needs goes to the file.
 */
#include "key.h"

#include "api_key_table.h"
#include "command.h"
#include "option_table.h"
#include "protocol/base64url.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { KEY_BYTES = 32, KEY_TEXT = BASE64URL_TEXT_LEN(KEY_BYTES) };

static char title[] = "wsgatectl key new";

struct key_new {
    const char *identity, *file, *labels[API_KEY_LABELS_MAX];
    size_t label_count;
};

static const struct option_table table;

static bool
take_identity(void *to, const char *value)
{
    ((struct key_new *)to)->identity = value;
    return true;
}

static bool
take_label(void *to, const char *value)
{
    struct key_new *key = to;

    if (key->label_count == API_KEY_LABELS_MAX)
        return option_table_wrong(&table, "at most %d labels", API_KEY_LABELS_MAX);
    key->labels[key->label_count++] = value;
    return true;
}

static bool
take_file(void *to, const char *value)
{
    ((struct key_new *)to)->file = value;
    return true;
}

static const struct option_row rows[] = {
    {0, "identity", required_argument, "NAME", take_identity, "whose key it is; no blanks"},
    {0, "label", required_argument, "NAME=VALUE", take_label,
     "goes into the log with the identity; up to 4", true},
    {0, "file", required_argument, "FILE", take_file,
     "append the line to this file of keys; default: show it below the key"},
};

static const struct option_table table = {
    .title = title,
    .opening = "usage: wsgatectl key new --identity NAME [OPTION]...\n"
               "Makes an API key of 256 random bits and prints it, this once. A file of keys gets "
               "its\ndigest; the gateway reads it at its start and at each reload.\n\n",
    .rows = rows,
    .count = COUNT_OF(rows),
    .ending = "\nExit status: 0 done, 1 failed, 2 usage.\n",
};

/* As a file of keys has it, with its end. false: the identity or a label is none. */
static bool
compose(const struct key_new *key, const char text[KEY_TEXT], char line[API_KEY_LINE_MAX])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    char scratch[API_KEY_TEXT(API_KEY_LINE_MAX)];
    const char *error;
    struct api_key parsed;
    size_t len = 0;

    SHA256((const unsigned char *)text, KEY_TEXT, digest);
    for (size_t i = 0; i < sizeof(digest); i++)
        len += (size_t)sprintf(line + len, "%02x", digest[i]);
    len += (size_t)snprintf(line + len, API_KEY_LINE_MAX - len, " %s", key->identity);
    for (size_t i = 0; i < key->label_count && len < API_KEY_LINE_MAX; i++)
        len += (size_t)snprintf(line + len, API_KEY_LINE_MAX - len, " %s", key->labels[i]);
    if (len + 1 >= API_KEY_LINE_MAX) {
        command_complain(title, "identity and labels are too long");
        return false;
    }
    size_t words = 2 + key->label_count, found = 1;
    for (const char *at = line; *at != '\0'; at++)
        found += *at == ' ' || *at == '\t';
    if (found != words || !api_key_line_parse(&parsed, (struct str){line, len}, scratch, &error)) {
        command_complain(title, "%s",
                         found != words ? "blanks cannot stand in identity and labels" : error);
        return false;
    }
    memcpy(line + len, "\n", 2);
    return true;
}

/* An editor may have left the last line without its end. */
static bool
is_cut(int fd)
{
    off_t size = lseek(fd, 0, SEEK_END);
    char last = '\n';

    return size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

/* One write: lines of two who append at once do not mix. */
static bool
append(const char *path, const char *line)
{
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    char text[1 + API_KEY_LINE_MAX];
    int len = snprintf(text, sizeof(text), "%s%s", fd != -1 && is_cut(fd) ? "\n" : "", line);
    bool good = fd != -1 && write(fd, text, (size_t)len) == len;

    if (!good)
        command_complain(title, "%s: %s", path, strerror(errno));
    if (fd != -1)
        good &= close(fd) == 0;
    return good;
}

static int
make(const struct key_new *key)
{
    unsigned char random[KEY_BYTES];
    char text[KEY_TEXT + 1], line[API_KEY_LINE_MAX];

    if (RAND_bytes(random, sizeof(random)) != 1) {
        command_complain(title, "there are no random bytes");
        return COMMAND_REFUSED;
    }
    text[base64url_encode(random, sizeof(random), text)] = '\0';
    bool good = compose(key, text, line) && (key->file == NULL || append(key->file, line));

    if (good)
        good = printf("%s\n%s", text, key->file == NULL ? line : "") > 0 && fflush(stdout) == 0;
    OPENSSL_cleanse(random, sizeof(random));
    OPENSSL_cleanse(text, sizeof(text));
    return good ? COMMAND_OK : COMMAND_REFUSED;
}

static int
key_new_run(int argc, char **argv)
{
    struct key_new key = {.label_count = 0};
    int rest;

    switch (option_table_parse(&table, &key, argc, argv, &rest)) {
    case OPTIONS_HELPED:
        return COMMAND_OK;
    case OPTIONS_WRONG:
        return COMMAND_USAGE;
    case OPTIONS_TAKEN:
        break;
    }
    if (rest < argc)
        return command_misuse(title, "unexpected argument: %s", argv[rest]);
    if (key.identity == NULL)
        return command_misuse(title, "--identity is missing");
    return make(&key);
}

static const struct command commands[] = {
    {"new", "make an API key and its line for a file of keys", key_new_run},
    {NULL},
};

int
key_run(int argc, char **argv)
{
    return command_dispatch(commands, "wsgatectl key", argc, argv);
}
