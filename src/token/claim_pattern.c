/*
 * claim_pattern.c - regular expressions by Thompson's construction.
 *
 * A pattern becomes a list of ops. Jumps are relative, so a piece of it can be moved to make room
 * in front, and copied to be repeated. A match follows all ways at once: a set of
 * ops, at each byte replaced by the set behind those that took it.
 */
#include "token/claim_pattern.h"

#include "token/byte_set.h"

#include <stdio.h>
#include <stdlib.h>

enum kind {
    OP_ANY,  /* takes a byte */
    OP_BYTE, /* takes this one */
    OP_SET,  /* takes one of sets[value] */
    OP_JUMP, /* goes on `value` ops further */
    OP_FORK, /* goes on at the next op, and `value` ops further */
    OP_START,
    OP_END, /* goes on only where the text starts, ends */
    OP_MATCH,
};

struct op {
    enum kind kind;
    int value;
};

struct claim_pattern {
    struct op ops[CLAIM_PATTERN_OPS_MAX];
    int op_count;
    struct byte_set *sets;
    int set_count;
};

/* ---- Making ------------------------------------------------------------------------ */

struct reader {
    struct claim_pattern *pattern;
    const char *at;
    const char *error; /* a static phrase; NULL: none so far */
    int depth;
};

static bool
fail(struct reader *reader, const char *error)
{
    reader->error = error;
    return false;
}

/* Room for count ops at `place`, before what stands there. */
static bool
make_room(struct reader *reader, int place, int count)
{
    struct claim_pattern *pattern = reader->pattern;

    if (count > CLAIM_PATTERN_OPS_MAX - pattern->op_count)
        return fail(reader, "it is too long, or repeats too much");
    memmove(&pattern->ops[place + count], &pattern->ops[place],
            (size_t)(pattern->op_count - place) * sizeof(struct op));
    pattern->op_count += count;
    return true;
}

static bool
insert(struct reader *reader, int place, enum kind kind, int value)
{
    if (!make_room(reader, place, 1))
        return false;
    reader->pattern->ops[place] = (struct op){kind, value};
    return true;
}

static bool
append(struct reader *reader, enum kind kind, int value)
{
    return insert(reader, reader->pattern->op_count, kind, value);
}

/* ---- Repetitions: of the ops from `start` to the end ---------------------------------- */

static bool
make_optional(struct reader *reader, int start)
{
    return insert(reader, start, OP_FORK, reader->pattern->op_count - start + 1);
}

/* Once more and again. */
static bool
make_loop(struct reader *reader, int start)
{
    return append(reader, OP_FORK, start - reader->pattern->op_count);
}

static bool
append_copy(struct reader *reader, int start, int count)
{
    struct op *ops = reader->pattern->ops;
    int place = reader->pattern->op_count;

    if (!make_room(reader, place, count))
        return false;
    memcpy(&ops[place], &ops[start], (size_t)count * sizeof(struct op));
    return true;
}

/* At least so often, then up to most times (-1: without end). */
static bool
repeat(struct reader *reader, int start, int least, int most)
{
    int count = reader->pattern->op_count - start, last = start;
    int copies = most > least ? most : least;
    bool ok = true;

    if (most == 0)
        reader->pattern->op_count = start;
    for (int i = 1; ok && i < copies; i++) {
        last = reader->pattern->op_count;
        ok = append_copy(reader, start, count) && (i < least || make_optional(reader, last));
    }
    if (ok && most == -1)
        ok = make_loop(reader, last);
    /* What comes after the first is optional then too, so all of it may be left out. */
    if (ok && least == 0 && most != 0)
        ok = make_optional(reader, start);
    return ok;
}

/* Digits; -1: there are none, or too many. */
static int
read_count(struct reader *reader)
{
    int number = -1;

    for (; *reader->at >= '0' && *reader->at <= '9'; reader->at++)
        if (number < 1000)
            number = (number < 0 ? 0 : number * 10) + (*reader->at - '0');
    return number < 1000 ? number : -1;
}

/* {m}, {m,} or {m,n}, behind the "{". */
static bool
read_interval(struct reader *reader, int start)
{
    int least = read_count(reader), most = least;

    if (*reader->at == ',') {
        reader->at++;
        most = *reader->at == '}' ? -1 : read_count(reader);
        if (most == -1 && *reader->at != '}')
            most = -2;
    }
    if (least < 0 || most < -1 || (most != -1 && most < least) || *reader->at != '}')
        return fail(reader, "expected {m}, {m,} or {m,n} with n not under m");
    reader->at++;
    return repeat(reader, start, least, most);
}

/* What stands behind an atom. */
static bool
read_repetitions(struct reader *reader, int start)
{
    bool ok = true;

    while (ok && *reader->at && strchr("*+?{", *reader->at)) {
        char c = *reader->at++;
        if (c == '{')
            ok = read_interval(reader, start);
        else
            ok = repeat(reader, start, c == '+', c == '?' ? 1 : -1);
    }
    return ok;
}

/* ---- Reading ----------------------------------------------------------------------- */

static bool read_alternatives(struct reader *reader);

static bool
read_group(struct reader *reader)
{
    if (reader->depth == CLAIM_PATTERN_DEPTH_MAX)
        return fail(reader, "parentheses nested too deep");
    reader->at++;
    reader->depth++;
    if (!read_alternatives(reader))
        return false;
    if (*reader->at != ')')
        return fail(reader, "a \"(\" without its \")\"");
    reader->at++;
    reader->depth--;
    return true;
}

static bool
read_set(struct reader *reader)
{
    struct claim_pattern *pattern = reader->pattern;
    struct byte_set *more =
        realloc(pattern->sets, (size_t)(pattern->set_count + 1) * sizeof(struct byte_set));

    if (!more)
        return fail(reader, "out of memory");
    pattern->sets = more;
    return byte_set_read(&more[pattern->set_count], &reader->at, &reader->error) &&
           append(reader, OP_SET, pattern->set_count++);
}

static bool
read_escape(struct reader *reader)
{
    char c = reader->at[1];

    if (c >= '0' && c <= '9')
        return fail(reader, "back-references are not allowed");
    if (c == '\0' || !strchr(".[]()*+?{}|^$\\/-", c))
        return fail(reader, "expected one of .[]()*+?{}|^$\\/- behind \"\\\"");
    reader->at += 2;
    return append(reader, OP_BYTE, (unsigned char)c);
}

static bool
read_atom(struct reader *reader)
{
    char c = *reader->at;

    if (c == '[')
        return read_set(reader);
    if (c == '(')
        return read_group(reader);
    if (c == '\\')
        return read_escape(reader);
    if (strchr("*+?{", c))
        return fail(reader, "a repetition of nothing");
    reader->at++;
    return append(reader, c == '.' ? OP_ANY : c == '^' ? OP_START : c == '$' ? OP_END : OP_BYTE,
                  (unsigned char)c);
}

static bool
read_branch(struct reader *reader)
{
    while (*reader->at && *reader->at != '|' && *reader->at != ')') {
        int start = reader->pattern->op_count;
        if (!read_atom(reader) || !read_repetitions(reader, start))
            return false;
    }
    if (*reader->at == ')' && reader->depth == 0)
        return fail(reader, "a \")\" without its \"(\"");
    return true;
}

static bool
read_alternatives(struct reader *reader)
{
    struct claim_pattern *pattern = reader->pattern;
    int start = pattern->op_count;

    if (!read_branch(reader))
        return false;
    if (*reader->at != '|')
        return true;
    reader->at++;
    /* A fork to behind the jump; the jump to behind the other alternatives. */
    if (!insert(reader, start, OP_FORK, pattern->op_count - start + 2) ||
        !append(reader, OP_JUMP, 0))
        return false;
    int jump = pattern->op_count - 1;
    if (!read_alternatives(reader))
        return false;
    pattern->ops[jump].value = pattern->op_count - jump;
    return true;
}

struct claim_pattern *
claim_pattern_new(const char *text, struct claim_error *error)
{
    struct reader reader = {.pattern = calloc(1, sizeof(*reader.pattern)), .at = text};
    bool ok = *text ? true : fail(&reader, "empty; leave it out, or name one");

    if (!reader.pattern)
        ok = fail(&reader, "out of memory");
    if (ok && read_alternatives(&reader) && append(&reader, OP_MATCH, 0))
        return reader.pattern;
    snprintf(error->text, sizeof(error->text), "%s", reader.error);
    claim_pattern_free(reader.pattern);
    return NULL;
}

void
claim_pattern_free(struct claim_pattern *pattern)
{
    if (!pattern)
        return;
    free(pattern->sets);
    free(pattern);
}

/* ---- Matching ----------------------------------------------------------------------- */

/* The ops that the text so far may have led to, each once. */
struct ways {
    int count;
    short ops[CLAIM_PATTERN_OPS_MAX];
    uint64_t has[CLAIM_PATTERN_OPS_MAX / 64];
};

static void
clear(struct ways *ways)
{
    ways->count = 0;
    memset(ways->has, 0, sizeof(ways->has));
}

static void
add(struct ways *ways, int op)
{
    uint64_t bit = UINT64_C(1) << (op & 63);

    if (ways->has[op >> 6] & bit)
        return;
    ways->has[op >> 6] |= bit;
    ways->ops[ways->count++] = (short)op;
}

/* Adds where one gets to without a byte. true: the pattern's end is among it. */
static bool
follow(const struct claim_pattern *pattern, struct ways *ways, bool at_start, bool at_end)
{
    for (int i = 0; i < ways->count; i++) { /* it grows meanwhile */
        int at = ways->ops[i];
        const struct op *op = &pattern->ops[at];

        if (op->kind == OP_MATCH && at_end)
            return true;
        if (op->kind == OP_JUMP || op->kind == OP_FORK)
            add(ways, at + op->value);
        if (op->kind == OP_FORK || (op->kind == OP_START && at_start) ||
            (op->kind == OP_END && at_end))
            add(ways, at + 1);
    }
    return false;
}

static bool
takes(const struct claim_pattern *pattern, const struct op *op, unsigned char byte)
{
    return op->kind == OP_ANY || (op->kind == OP_BYTE && op->value == byte) ||
           (op->kind == OP_SET && byte_set_has(&pattern->sets[op->value], byte));
}

bool
claim_pattern_matches(const struct claim_pattern *pattern, struct str text)
{
    struct ways both[2] UNINITIALIZED;

    if (text.len > CLAIM_PATTERN_TEXT_MAX)
        return false;
    clear(&both[0]);
    add(&both[0], 0);
    for (size_t i = 0; i < text.len; i++) {
        struct ways *now = &both[i % 2], *next = &both[(i + 1) % 2];

        (void)follow(pattern, now, i == 0, false);
        clear(next);
        for (int w = 0; w < now->count; w++)
            if (takes(pattern, &pattern->ops[now->ops[w]], (unsigned char)text.at[i]))
                add(next, now->ops[w] + 1);
        if (next->count == 0)
            return false;
    }
    return follow(pattern, &both[text.len % 2], text.len == 0, true);
}
