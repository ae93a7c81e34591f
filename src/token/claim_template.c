/* claim_template.c - see claim_template.h. */
#include "token/claim_template.h"

#include "protocol/http_chars.h"

#include <stdlib.h>

/* ---- Reading ---------------------------------------------------------------------- */

/* The length of a capture's name, as routes have them; 0: it is none. */
static size_t
name_len(const char *text)
{
    size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");

    return text[len] == '}' && !(*text >= '0' && *text <= '9') ? len : 0;
}

static bool
ends_with(const struct claim_template *template, bool capture)
{
    return template->count > 0 && template->pieces[template->count - 1].is_capture == capture;
}

/* A piece of len bytes, put behind the last one; a literal behind a literal makes that longer.
 * Returns the memory behind it. */
static char *
add_piece(struct claim_template *template, char *memory, const char *text, size_t len,
          bool is_capture)
{
    if (!is_capture && ends_with(template, false))
        memory--;
    else
        template->pieces[template->count++] = (struct claim_piece){memory, is_capture};
    memcpy(memory, text, len);
    memory[len] = '\0';
    return memory + len + 1;
}

/* Two captures that touch would leave open where one ends: no text tells. */
static bool
read_pieces(struct claim_template *template, const char *text, const char **error)
{
    static const char braces[] =
        "expected the name of a capture and \"}\" behind \"{\"; \"{{\" stands for \"{\"";
    char *memory = template->memory;

    *error = braces;
    while (*text) {
        size_t len = strcspn(text, "{");

        if (len > 0) {
            memory = add_piece(template, memory, text, len, false);
            text += len;
        } else if (text[1] == '{') {
            memory = add_piece(template, memory, "{", 1, false);
            text += 2;
        } else {
            len = name_len(text + 1);
            if (len == 0)
                return false;
            *error = "expected text between two captures";
            if (ends_with(template, true))
                return false;
            *error = braces;
            memory = add_piece(template, memory, text + 1, len, true);
            text += len + 2;
        }
    }
    return true;
}

bool
claim_template_init(struct claim_template *template, const char *text, const char **error)
{
    size_t len = strlen(text);

    /* At worst every character is a piece, with a NUL of its own. */
    *template = (struct claim_template){calloc(len + 1, sizeof(struct claim_piece)), 0,
                                        malloc(2 * len + 1)};
    *error = "out of memory";
    if (template->pieces && template->memory && read_pieces(template, text, error))
        return true;
    claim_template_free(template);
    return false;
}

void
claim_template_free(struct claim_template *template)
{
    free(template->pieces);
    free(template->memory);
    *template = (struct claim_template){NULL, 0, NULL};
}

/* ---- Captures ------------------------------------------------------------------------ */

/* One byte off the front of a capture, decoded. Paths were judged before: no escape is broken. */
static char
take_byte(struct str *capture)
{
    bool escape = capture->at[0] == '%' && capture->len >= 3;
    int high = escape ? http_char_hex(capture->at[1]) : -1;
    int low = escape ? http_char_hex(capture->at[2]) : -1;
    char c = high >= 0 && low >= 0 ? (char)(high << 4 | low) : capture->at[0];
    size_t len = high >= 0 && low >= 0 ? 3 : 1;

    capture->at += len;
    capture->len -= len;
    return c;
}

static bool
has_slash(struct str capture)
{
    while (capture.len > 0)
        if (take_byte(&capture) == '/')
            return true;
    return false;
}

/* A capture and the literal at one side of it. */
struct joined {
    struct str before, capture, after;
};

/* -1: the end. */
static int
take_joined(struct joined *text)
{
    struct str *literal = text->before.len > 0 ? &text->before : &text->after;

    if (text->before.len == 0 && text->capture.len > 0)
        return (unsigned char)take_byte(&text->capture);
    if (literal->len == 0)
        return -1;
    literal->len--;
    return (unsigned char)*literal->at++;
}

/* Not in the capture, nor in a part of it and a part of the literal itself. */
static bool
occurs_once(struct joined text, struct str literal)
{
    size_t count = 0;

    do {
        struct joined rest = text;
        size_t i = 0;
        while (i < literal.len && take_joined(&rest) == (unsigned char)literal.at[i])
            i++;
        count += i == literal.len;
    } while (take_joined(&text) >= 0);
    return count == 1;
}

/* Literals and captures take turns. What stands between two captures must tell them apart,
 * whichever of them one looks at: "a:b:c" is "{x}:{y}" neither with "a:b" and "c" nor with "a" and
 * "b:c". */
static bool
is_apart(const struct claim_template *template, size_t i, struct str capture)
{
    struct str before = i >= 2 ? str_of(template->pieces[i - 1].text) : STR_NONE;
    struct str after = i + 2 < template->count ? str_of(template->pieces[i + 1].text) : STR_NONE;

    return (before.len == 0 || occurs_once((struct joined){before, capture, STR_NONE}, before)) &&
           (after.len == 0 || occurs_once((struct joined){STR_NONE, capture, after}, after));
}

const char *
claim_template_misfit(const struct claim_template *template,
                      const struct claim_captures *captures)
{
    for (size_t i = 0; i < template->count; i++) {
        const struct claim_piece *piece = &template->pieces[i];

        if (!piece->is_capture)
            continue;
        struct str capture = captures->find(captures->arg, piece->text);
        if (!capture.at || (template->count > 1 && has_slash(capture)) ||
            !is_apart(template, i, capture))
            return piece->text;
    }
    return NULL;
}

/* ---- Use ------------------------------------------------------------------------------- */

static bool
take_capture(struct str *value, struct str capture)
{
    while (capture.len > 0) {
        if (value->len == 0 || take_byte(&capture) != value->at[0])
            return false;
        value->at++;
        value->len--;
    }
    return true;
}

static bool
take_literal(struct str *value, struct str literal)
{
    if (!str_starts_with(*value, literal))
        return false;
    value->at += literal.len;
    value->len -= literal.len;
    return true;
}

bool
claim_template_is(const struct claim_template *template, struct str value,
                  const struct claim_captures *captures)
{
    for (size_t i = 0; i < template->count; i++) {
        const struct claim_piece *piece = &template->pieces[i];

        if (!(piece->is_capture
                  ? take_capture(&value, captures->find(captures->arg, piece->text))
                  : take_literal(&value, str_of(piece->text))))
            return false;
    }
    return value.len == 0;
}

void
claim_template_write(const struct claim_template *template, struct text *out,
                     const struct claim_captures *captures)
{
    for (size_t i = 0; i < template->count; i++) {
        const struct claim_piece *piece = &template->pieces[i];
        struct str capture;

        if (!piece->is_capture) {
            text_add(out, str_of(piece->text));
            continue;
        }
        capture = captures->find(captures->arg, piece->text);
        while (capture.len > 0) {
            char c = take_byte(&capture);
            text_add(out, (struct str){&c, 1});
        }
    }
}
