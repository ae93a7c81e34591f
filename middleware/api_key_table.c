/*
 * api_key_table.c - see api_key_table.h.
 *
 * A hash table with open addressing, at most half full. Where a key stands is decided by the
 * digest of what was presented, of which nobody can choose a bit without knowing the rest; and the
 * digests are compared in constant time all the same.
 */
#include "api_key_table.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <stdlib.h>
#include <string.h>

#define LABEL "label_"

struct api_key_table {
    struct api_key *keys;
    char **texts; /* one for each key */
    size_t count, room;
    uint32_t *places; /* 1 + index of a key; 0: free. A power of two of them */
    size_t place_count;
};

/* ---- A line ------------------------------------------------------------------------------ */

static int
digit_of(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static bool
parse_digest(unsigned char digest[API_KEY_DIGEST], struct str text)
{
    if (text.len != 2 * API_KEY_DIGEST)
        return false;
    for (size_t i = 0; i < API_KEY_DIGEST; i++) {
        int high = digit_of(text.at[2 * i]), low = digit_of(text.at[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        digest[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

/* The next word of a line, which loses it; len 0: there is none. */
static struct str
next_word(struct str *line)
{
    struct str word;

    *line = str_trim(*line);
    word = *line;
    for (word.len = 0; word.len < line->len; word.len++)
        if (word.at[word.len] == ' ' || word.at[word.len] == '\t')
            break;
    *line = (struct str){line->at + word.len, line->len - word.len};
    return word;
}

static bool
has_controls(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] < ' ' ? text.at[i] != '\t' : text.at[i] == 0x7F)
            return true;
    return false;
}

static const char *
put(char **text, const char *prefix, struct str word)
{
    char *start = *text;
    size_t len = strlen(prefix);

    memcpy(start, prefix, len);
    memcpy(start + len, word.at, word.len);
    start[len + word.len] = '\0';
    *text += len + word.len + 1;
    return start;
}

static bool
is_label_name(struct str name)
{
    size_t i = 0;

    while (i < name.len && (name.at[i] == '_' || (name.at[i] >= 'a' && name.at[i] <= 'z') ||
                            (i > 0 && name.at[i] >= '0' && name.at[i] <= '9')))
        i++;
    return name.len > 0 && i == name.len;
}

static const char *
parse_label(struct api_key *key, struct str word, char **text)
{
    const char *equals = memchr(word.at, '=', word.len);
    struct str name = {word.at, equals != NULL ? (size_t)(equals - word.at) : word.len};

    if (equals == NULL || !is_label_name(name))
        return "expected NAME=VALUE behind the identity, the name of a-z, 0-9 and _";
    if (key->label_count == API_KEY_LABELS_MAX)
        return "expected at most 4 labels";
    for (size_t i = 0; i < key->label_count; i++)
        if (str_equal(str_of(key->labels[i].name + strlen(LABEL)), name))
            return "expected no label twice";
    key->labels[key->label_count++] = (struct api_key_label){
        put(text, LABEL, name), put(text, "", (struct str){equals + 1, word.len - name.len - 1})};
    return NULL;
}

bool
api_key_line_parse(struct api_key *key, struct str line, char *text, const char **error)
{
    struct str word;

    *key = (struct api_key){.label_count = 0};
    *error = NULL;
    line = str_trim(line);
    if (line.len == 0 || line.at[0] == '#')
        return false;
    *error = "expected at most 4096 bytes, without control characters";
    if (line.len > API_KEY_LINE_MAX || has_controls(line))
        return false;
    *error = "expected the SHA-256 of a key: 64 hexadecimal digits";
    if (!parse_digest(key->digest, next_word(&line)))
        return false;
    *error = "expected an identity of up to 255 bytes behind the digest";
    word = next_word(&line);
    if (word.len == 0 || word.len > API_KEY_IDENTITY_MAX)
        return false;
    key->identity = put(&text, "", word);
    *error = NULL;
    while (*error == NULL && (word = next_word(&line)).len > 0)
        *error = parse_label(key, word, &text);
    return *error == NULL;
}

/* ---- The table --------------------------------------------------------------------------- */

struct api_key_table *
api_key_table_new(void)
{
    return calloc(1, sizeof(struct api_key_table));
}

void
api_key_table_free(struct api_key_table *table)
{
    if (table == NULL)
        return;
    for (size_t i = 0; i < table->count; i++)
        free(table->texts[i]);
    free(table->texts);
    free(table->keys);
    free(table->places);
    free(table);
}

static bool
grow(struct api_key_table *table)
{
    size_t room = table->room == 0 ? 16 : 2 * table->room;
    struct api_key *keys = realloc(table->keys, room * sizeof(*keys));

    if (keys == NULL)
        return false;
    table->keys = keys;
    char **texts = realloc(table->texts, room * sizeof(*texts));
    if (texts == NULL)
        return false;
    table->texts = texts;
    table->room = room;
    return true;
}

bool
api_key_table_add(struct api_key_table *table, struct str line, const char **error)
{
    struct api_key key;
    char *text = malloc(API_KEY_TEXT(line.len));

    *error = "out of memory";
    if (text == NULL)
        return false;
    if (!api_key_line_parse(&key, line, text, error)) {
        free(text);
        return false;
    }
    *error = table->count == API_KEYS_MAX ? "expected at most 1000000 keys" : "out of memory";
    if (table->count == API_KEYS_MAX || (table->count == table->room && !grow(table))) {
        free(text);
        return false;
    }
    table->texts[table->count] = text;
    table->keys[table->count++] = key;
    return true;
}

/* The place of that digest, or the free one where it would be. */
static size_t
place_of(const struct api_key_table *table, const unsigned char digest[API_KEY_DIGEST])
{
    size_t mask = table->place_count - 1, place;

    memcpy(&place, digest, sizeof(place));
    for (place &= mask; table->places[place] != 0; place = (place + 1) & mask)
        if (CRYPTO_memcmp(table->keys[table->places[place] - 1].digest, digest, API_KEY_DIGEST) ==
            0)
            break;
    return place;
}

bool
api_key_table_seal(struct api_key_table *table, const struct api_key *twins[2])
{
    twins[0] = twins[1] = NULL;
    for (table->place_count = 16; table->place_count < 2 * table->count;)
        table->place_count *= 2;
    table->places = calloc(table->place_count, sizeof(*table->places));
    if (table->places == NULL)
        return false;
    for (size_t i = 0; i < table->count; i++) {
        size_t place = place_of(table, table->keys[i].digest);
        if (table->places[place] != 0) {
            twins[0] = &table->keys[table->places[place] - 1];
            twins[1] = &table->keys[i];
            return false;
        }
        table->places[place] = (uint32_t)i + 1;
    }
    return true;
}

size_t
api_key_table_count(const struct api_key_table *table)
{
    return table->count;
}

const struct api_key *
api_key_table_at(const struct api_key_table *table, const unsigned char digest[API_KEY_DIGEST])
{
    size_t place = place_of(table, digest);

    return table->places[place] != 0 ? &table->keys[table->places[place] - 1] : NULL;
}

const struct api_key *
api_key_table_find(const struct api_key_table *table, struct str key)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];

    if (key.len < API_KEY_MIN || key.len > API_KEY_MAX ||
        SHA256((const unsigned char *)key.at, key.len, digest) == NULL)
        return NULL;
    return api_key_table_at(table, digest);
}
