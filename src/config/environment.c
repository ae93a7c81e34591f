/*
 * environment.c - expands ${NAME}.
 *
 * It reads no YAML and judges no option. Which environment is asked is the caller's
 * choice, so that tests need none.
 *
 * The hard thing: a variable may hold a secret. What it held is in the node's text
 * and in no message: the faults are told, and `written` keeps what stands in the file.
 */
#include "config/environment.h"

#include <stdint.h>
#include <stdio.h>

enum { NAME_MAX_LEN = 255 };

static bool
is_name(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';

        if (!letter && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return text.len > 0 && text.len <= NAME_MAX_LEN;
}

/* The length of the UTF-8 sequence that begins here, judged by RFC 3629; 0: there is none. */
static size_t
utf8_sequence(const unsigned char *c)
{
    if (c[0] < 0x80)
        return 1;
    size_t len = c[0] >= 0xf0 ? 4 : c[0] >= 0xe0 ? 3 : 2;

    if (c[0] < 0xc2 || c[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((c[i] & 0xc0) != 0x80)
            return 0;
    if ((c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] > 0x9f) ||
        (c[0] == 0xf0 && c[1] < 0x90) || (c[0] == 0xf4 && c[1] > 0x8f))
        return 0;
    return len;
}

static bool
is_utf8(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;

    while (*c != '\0') {
        size_t len = utf8_sequence(c);

        if (len == 0)
            return false;
        c += len;
    }
    return true;
}

/* The value of the variable that `text` names, from behind "${" to before "}". */
static const char *
look_up(struct str text, environment_lookup *lookup, char fault[FAULT_TEXT_MAX])
{
    char name[NAME_MAX_LEN + 1];

    if (!is_name(text)) {
        snprintf(fault, FAULT_TEXT_MAX, "expected the name of a variable in ${..}: letters, "
                                        "digits and _; `$${` stands for a plain ${");
        return NULL;
    }
    memcpy(name, text.at, text.len);
    name[text.len] = '\0';
    const char *value = lookup(name);

    if (value == NULL)
        snprintf(fault, FAULT_TEXT_MAX, "the environment has no variable `%s`", name);
    else if (!is_utf8(value))
        snprintf(fault, FAULT_TEXT_MAX, "the variable `%s` is not UTF-8", name);
    return value != NULL && is_utf8(value) ? value : NULL;
}

/*
 * Takes one piece off the front: a variable, an escaped "${", or text up to the next. NULL `at`: a
 * fault.
 */
static struct str
take_piece(struct str *rest, environment_lookup *lookup, char fault[FAULT_TEXT_MAX])
{
    struct str piece = {rest->at, 1};
    size_t used = 1;

    if (str_starts_with(*rest, STR("$${"))) {
        piece = STR("${");
        used = 3;
    } else if (str_starts_with(*rest, STR("${"))) {
        const char *end = memchr(rest->at, '}', rest->len);
        size_t len = end ? (size_t)(end - rest->at) - 2 : 0;

        piece = str_of(look_up((struct str){rest->at + 2, len}, lookup, fault));
        used = len + 3;
    } else {
        while (used < rest->len && rest->at[used] != '$')
            used++;
        piece.len = used;
    }
    if (piece.at != NULL) {
        rest->at += used;
        rest->len -= used;
    }
    return piece;
}

/* Writes to `out` unless it is NULL; the length is SIZE_MAX on a fault. */
static size_t
expand(struct str text, environment_lookup *lookup, char *out, char fault[FAULT_TEXT_MAX])
{
    size_t len = 0;

    while (text.len > 0) {
        struct str piece = take_piece(&text, lookup, fault);

        if (piece.at == NULL)
            return SIZE_MAX;
        if (piece.len > ENVIRONMENT_TEXT_MAX - len) {
            snprintf(fault, FAULT_TEXT_MAX, "longer than 1 MiB with its variables");
            return SIZE_MAX;
        }
        if (out != NULL)
            memcpy(out + len, piece.at, piece.len);
        len += piece.len;
    }
    return len;
}

static bool
holds_variable(struct str text)
{
    for (; text.len >= 2; text.at++, text.len--)
        if (str_starts_with(text, STR("${")))
            return true;
    return false;
}

bool
environment_expand(struct arena *arena, struct str text, environment_lookup *lookup,
                   struct str *out, char fault[FAULT_TEXT_MAX])
{
    *out = text;
    if (!holds_variable(text))
        return true;
    size_t len = expand(text, lookup, NULL, fault);

    if (len == SIZE_MAX)
        return false;
    char *copy = arena_alloc(arena, len + 1);

    if (copy == NULL) {
        snprintf(fault, FAULT_TEXT_MAX, "out of memory");
        return false;
    }
    if (expand(text, lookup, copy, fault) != len)
        return false;
    copy[len] = '\0';
    *out = (struct str){copy, len};
    return true;
}

/* Tells the faults what the variables of that text, which has been expanded, hold. false: out of
 * memory. */
static bool
conceal_variables(struct arena *arena, struct str text, environment_lookup *lookup,
                  struct faults *faults)
{
    char fault[FAULT_TEXT_MAX];

    while (text.len > 0) {
        const char *start = text.at;
        struct str piece = take_piece(&text, lookup, fault);
        struct str written = {start, (size_t)(text.at - start)};

        if (piece.at == NULL ||
            (piece.at != start && !faults_conceal(faults, arena, piece, written)))
            return false;
    }
    return true;
}

void
environment_expand_tree(struct arena *arena, struct yaml_node *root, environment_lookup *lookup,
                        struct faults *faults)
{
    char fault[FAULT_TEXT_MAX];

    for (struct yaml_node *item = root->first; item != NULL; item = item->next)
        environment_expand_tree(arena, item, lookup, faults);
    if (root->kind != YAML_KIND_SCALAR || root->faulty)
        return;
    bool good = environment_expand(arena, root->written, lookup, &root->text, fault);

    root->expanded = good && root->text.at != root->written.at;
    if (root->expanded && !conceal_variables(arena, root->written, lookup, faults)) {
        snprintf(fault, sizeof(fault), "out of memory");
        good = false;
    }
    if (good)
        return;
    root->faulty = true;
    faults_add(faults, root->mark, "%s", fault);
}
