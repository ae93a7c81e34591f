/*
 * json_node.c - a recursive reader, as deep as its caller allows.
 *
 * The hard thing is text that means two things to two readers. Whatever RFC 8259 leaves open is
 * refused; and an object's names are compared once they are decoded. Most objects are small and
 * have each name held against each other; the names of a large one are sorted, or a token of some
 * thousand names would cost milliseconds.
 */
#include "base/json_node.h"

#include "base/json_string.h"

#include <math.h>
#include <stdlib.h>

enum { FEW_MEMBERS = 24 }; /* up to here names are compared one by one */

struct reader {
    char *at; /* what is not read yet */
    const char *end;
    struct json_node *next, *last; /* free places: next up to last */
};

size_t
json_node_room(struct str text)
{
    static const unsigned char counts[256] = {['{'] = 1, ['['] = 1, [','] = 1, [':'] = 1};
    size_t room = 1;

    /* Whatever is not the first stands behind one of these. */
    for (size_t i = 0; i < text.len; i++)
        room += counts[(unsigned char)text.at[i]];
    return room;
}

/* ---- Tokens ------------------------------------------------------------------------ */

static void
skip_space(struct reader *reader)
{
    while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\n' ||
                                        *reader->at == '\r' || *reader->at == '\t'))
        reader->at++;
}

/* Is that byte the next one, space aside? Then it is read. */
static bool
take(struct reader *reader, char c)
{
    skip_space(reader);
    if (reader->at == reader->end || *reader->at != c)
        return false;
    reader->at++;
    return true;
}

/* NULL: no room. */
static struct json_node *
add(struct reader *reader, enum json_kind kind)
{
    if (reader->next == reader->last)
        return NULL;
    *reader->next = (struct json_node){.kind = kind, .span = 1};
    return reader->next++;
}

static bool
read_word(struct reader *reader, struct str word, enum json_kind kind)
{
    struct str rest = {reader->at, (size_t)(reader->end - reader->at)};

    if (!str_starts_with(rest, word))
        return false;
    reader->at += word.len;
    return add(reader, kind) != NULL;
}

/* Behind the opening quote. */
static bool
read_string(struct reader *reader)
{
    struct json_node *node = add(reader, JSON_NODE_STRING);
    struct str text;

    if (!node || !(reader->at = json_string_read(reader->at, reader->end, &text)))
        return false;
    node->as.text = text.at;
    node->size = (uint32_t)text.len;
    return true;
}

/* ---- Numbers ----------------------------------------------------------------------------- */

/* At least one digit. */
static bool
skip_digits(struct reader *reader)
{
    const char *start = reader->at;

    while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9')
        reader->at++;
    return reader->at > start;
}

static bool
take_either(struct reader *reader, char a, char b)
{
    bool found = reader->at < reader->end && (*reader->at == a || *reader->at == b);

    reader->at += found;
    return found;
}

/* Digits with a minus or without. Added up below zero, where there is room for one more. */
static bool
read_integer(struct str digits, int64_t *integer)
{
    bool minus = digits.at[0] == '-';
    int64_t value = 0;

    for (size_t i = minus; i < digits.len; i++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, digits.at[i] - '0', &value))
            return false;
    if (!minus && value == INT64_MIN)
        return false;
    *integer = minus ? value : -value;
    return true;
}

/* An object never ends with a number, so something that is none follows it. The locale is never
 * set. */
static bool
read_number(struct reader *reader)
{
    char *start = reader->at;
    struct json_node *node = add(reader, JSON_NODE_INTEGER);

    (void)take_either(reader, '-', '-');
    bool zero = reader->at < reader->end && *reader->at == '0';
    const char *digits = reader->at;
    if (!node || !skip_digits(reader) || (zero && reader->at - digits > 1))
        return false;
    char *integer_end = reader->at;
    if (take_either(reader, '.', '.') && !skip_digits(reader))
        return false;
    if (take_either(reader, 'e', 'E')) {
        (void)take_either(reader, '+', '-');
        if (!skip_digits(reader))
            return false;
    }
    if (reader->at == reader->end)
        return false;
    if (reader->at == integer_end)
        return read_integer((struct str){start, (size_t)(integer_end - start)}, &node->as.integer);
    node->kind = JSON_NODE_REAL;
    node->as.real = strtod(start, NULL);
    return isfinite(node->as.real);
}

/* ---- Containers ---------------------------------------------------------------------------- */

static int
compare_names(const void *a, const void *b)
{
    struct str one = json_node_text(*(const struct json_node *const *)a);
    struct str other = json_node_text(*(const struct json_node *const *)b);

    if (one.len != other.len)
        return one.len < other.len ? -1 : 1;
    return one.len > 0 ? memcmp(one.at, other.at, one.len) : 0;
}

static bool
names_differ_sorted(const struct json_node *object)
{
    const struct json_node **names = malloc(object->size * sizeof(*names));
    const struct json_node *name = json_node_first(object);
    bool differ = names != NULL;

    if (!names)
        return false;
    for (uint32_t i = 0; i < object->size; i++) {
        names[i] = name;
        name += 1 + name[1].span;
    }
    qsort(names, object->size, sizeof(*names), compare_names);
    for (uint32_t i = 1; i < object->size && differ; i++)
        differ = compare_names(&names[i - 1], &names[i]) != 0;
    free(names);
    return differ;
}

static bool
names_differ(const struct json_node *object)
{
    const struct json_node *name = object + 1;

    if (object->size > FEW_MEMBERS)
        return names_differ_sorted(object);
    for (uint32_t i = 0; i < object->size; i++, name += 1 + name[1].span)
        for (const struct json_node *other = object + 1; other != name; other += 1 + other[1].span)
            if (other->size == name->size && memcmp(other->as.text, name->as.text, name->size) == 0)
                return false;
    return true;
}

static bool read_value(struct reader *reader, unsigned depth);

/* Behind the opening bracket. */
static bool
read_array(struct reader *reader, struct json_node *array, unsigned depth)
{
    if (take(reader, ']'))
        return true;
    do {
        if (!read_value(reader, depth))
            return false;
        array->size++;
    } while (take(reader, ','));
    return take(reader, ']');
}

static bool
read_object(struct reader *reader, struct json_node *object, unsigned depth)
{
    if (take(reader, '}'))
        return true;
    do {
        if (!take(reader, '"') || !read_string(reader) || !take(reader, ':') ||
            !read_value(reader, depth))
            return false;
        object->size++;
    } while (take(reader, ','));
    return take(reader, '}');
}

/* depth: brackets that may be open at once, from here on. */
static bool
read_container(struct reader *reader, enum json_kind kind, unsigned depth)
{
    struct json_node *node = add(reader, kind);

    reader->at++;
    if (!node || depth == 0 ||
        !(kind == JSON_NODE_OBJECT ? read_object : read_array)(reader, node, depth - 1))
        return false;
    node->span = (uint32_t)(reader->next - node) & ((1u << 28) - 1);
    return kind == JSON_NODE_ARRAY || names_differ(node);
}

static bool
read_value(struct reader *reader, unsigned depth)
{
    skip_space(reader);
    switch (reader->at < reader->end ? *reader->at : '\0') {
    case '"':
        reader->at++;
        return read_string(reader);
    case '{':
        return read_container(reader, JSON_NODE_OBJECT, depth);
    case '[':
        return read_container(reader, JSON_NODE_ARRAY, depth);
    case 't':
        return read_word(reader, STR("true"), JSON_NODE_TRUE);
    case 'f':
        return read_word(reader, STR("false"), JSON_NODE_FALSE);
    case 'n':
        return read_word(reader, STR("null"), JSON_NODE_NULL);
    default:
        return read_number(reader);
    }
}

bool
json_node_read(struct json_node *nodes, size_t room, char *text, size_t len, unsigned depth)
{
    struct reader reader = {text, text + len, nodes, nodes + room};

    if (len > JSON_NODE_TEXT_MAX || !read_value(&reader, depth) ||
        !json_node_is(nodes, JSON_NODE_OBJECT))
        return false;
    skip_space(&reader);
    return reader.at == reader.end;
}

/* ---- Questions ------------------------------------------------------------------------------- */

const struct json_node *
json_node_first(const struct json_node *node)
{
    bool holds = node && node->kind >= JSON_NODE_ARRAY && node->size > 0;

    return holds ? node + 1 : NULL;
}

const struct json_node *
json_node_next(const struct json_node *holder, const struct json_node *node)
{
    node += node->span;
    return node < holder + holder->span ? node : NULL;
}

const struct json_node *
json_node_member(const struct json_node *node, struct str name)
{
    if (!json_node_is(node, JSON_NODE_OBJECT))
        return NULL;
    const struct json_node *at = node + 1;
    for (uint32_t i = 0; i < node->size; i++, at += 1 + at[1].span)
        if (at->size == name.len && memcmp(at->as.text, name.at, name.len) == 0)
            return at + 1;
    return NULL;
}
