/*
 * explain_options.h - the command line of `wsgatectl explain`: which request is made up.
 *
 * Nothing in it is judged here that the gateway judges itself: a method, a path or a header that
 * is wrong must come to the same end as at the gateway. Only what would make several lines of
 * one is refused.
 */
#ifndef WSGATE_EXPLAIN_OPTIONS_H
#define WSGATE_EXPLAIN_OPTIONS_H

#include "base/address.h"
#include "wsgatectl/token_option.h"
#include "wsgatectl/ws_url.h"

enum { EXPLAIN_FIELDS_MAX = 200 };

struct explain_options {
    const char *file;
    const char *listener; /* name or address; NULL: the first */
    bool has_from;
    struct address from;
    const char *method;
    const char *host; /* NULL: the URL's, or localhost */
    const char *origin;
    struct token_option token;
    const char *protocols[EXPLAIN_FIELDS_MAX];
    size_t protocol_count;
    const char *fields[EXPLAIN_FIELDS_MAX];
    size_t field_count;
    bool raw, json;
    const char *target; /* as it stands in the request line */
    const char *url_host; /* what Host is by the URL; NULL: a target was given */
    struct ws_url url;
};

enum option_outcome explain_options_parse(struct explain_options *options, int argc, char **argv)
    MUST_CHECK;
/* The head of the request, ended by its empty line. malloc'd; NULL: out of memory. */
char *explain_options_head(const struct explain_options *options, size_t *len) MUST_CHECK;

#endif
