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

/* A piece of len bytes, put behind the last one. Returns the memory behind it. */
static char *
add_piece(struct claim_template *template, char *memory, const char *text, size_t len,
          bool is_capture)
{
    memcpy(memory, text, len);
    memory[len] = '\0';
    template->pieces[template->count++] = (struct claim_piece){memory, is_capture};
    return memory + len + 1;
}

static bool
read_pieces(struct claim_template *template, const char *text)
{
    char *memory = template->memory;

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
    if (template->pieces && template->memory) {
        *error = "expected the name of a capture and \"}\" behind \"{\"; \"{{\" stands for \"{\"";
        if (read_pieces(template, text))
            return true;
    }
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

bool
claim_template_ready(const struct claim_template *template,
                     const struct claim_captures *captures)
{
    for (size_t i = 0; i < template->count; i++) {
        if (!template->pieces[i].is_capture)
            continue;
        struct str capture = captures->find(captures->arg, template->pieces[i].text);
        if (!capture.at || (template->count > 1 && has_slash(capture)))
            return false;
    }
    return true;
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
