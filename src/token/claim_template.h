/*
 * claim_template.h - the value of a claim rule: text with the names of captures in it.
 *
 * "{room}" stands for what the request's path has at that place of the route's pattern,
 * "{{" for "{". A capture is a piece of a path, so it is decoded first: "%20" is a
 * space, as it is for the backend. One with an encoded slash, which a route must ask for, counts
 * only where it is the whole value: as a part it could look like two pieces. For the same reason
 * there is text between two captures, and one that holds this text does not count.
 */
#ifndef WSGATE_CLAIM_TEMPLATE_H
#define WSGATE_CLAIM_TEMPLATE_H

#include "base/compiler.h"
#include "base/str.h"
#include "base/text.h"

/* What a request's path has under a name. */
struct claim_captures {
    struct str (*find)(void *arg, const char *name); /* still encoded; at == NULL: nothing */
    void *arg;
};

struct claim_piece {
    const char *text; /* a literal, or a capture's name; ends with a NUL */
    bool is_capture;
};

struct claim_template {
    struct claim_piece *pieces;
    size_t count;
    char *memory; /* of the texts */
};

/* false: *error is a static phrase; nothing to free. */
bool claim_template_init(struct claim_template *template, const char *text, const char **error)
    MUST_CHECK;
void claim_template_free(struct claim_template *template);

/* The name of the first capture that the request has not, or not in a form that may stand there;
 * NULL: the template is ready. */
const char *claim_template_misfit(const struct claim_template *template,
                                  const struct claim_captures *captures) MUST_CHECK;
/* When ready: is `value` the text with the captures filled in? */
bool claim_template_is(const struct claim_template *template, struct str value,
                       const struct claim_captures *captures) MUST_CHECK;
/* When ready: writes the text with the captures filled in. */
void claim_template_write(const struct claim_template *template, struct text *out,
                          const struct claim_captures *captures);

#endif
