/*
 * http_head.h - the head of an HTTP/1.1 request or response (RFC 9112), pure.
 *
 * Strict where RFC 9112 lets a recipient be lenient: CRLF only, no folding, no
 * space before a colon, no controls but HTAB in values (no NUL), no empty
 * line before the start line, HTTP/1.1 only, a non-empty field name that is a token.
 * It does not know what the fields mean: that is handshake.c.
 *
 * The parser keeps its place: call it again with the same buffer (same
 * address) and more bytes. All work together is linear in the head's size.
 */
#ifndef WSGATE_HTTP_HEAD_H
#define WSGATE_HTTP_HEAD_H

#include "base/compiler.h"
#include "base/str.h"

#include <stdint.h>

struct http_field {
    struct str name;  /* as sent */
    struct str value; /* without surrounding OWS; may be empty */
};

/* Bounds on what a peer may send. 0 is not "off" here: the settings see to that. */
struct http_limits {
    size_t head_bytes; /* start line, fields and the empty line */
    size_t uri_bytes;  /* the request target */
    size_t fields;
};

enum http_verdict {
    HTTP_MORE,           /* well formed so far */
    HTTP_DONE,           /* head.length bytes are the head */
    HTTP_BAD,            /* 400, or 502 from a backend; head.error says why */
    HTTP_URI_TOO_LONG,   /* 414 */
    HTTP_HEAD_TOO_LARGE, /* 431: bytes or number of fields */
};

struct http_head {
    /* A request's start line. */
    struct str method;
    struct str target;
    /* A response's. */
    unsigned status; /* 100 to 999 */
    struct str phrase;

    struct http_field *fields; /* the caller's array, limits.fields long */
    size_t field_count;
    size_t length; /* bytes of the head, the empty line included; set at HTTP_DONE */
    const char *error;

    /* The parser's own. */
    struct http_limits limits;
    size_t line_start, scanned;
    bool have_start_line;
};

/* fields must have room for limits->fields entries and outlive head. */
void http_head_init(struct http_head *head, struct http_field *fields,
                    const struct http_limits *limits);
/* head.* point into buffer. After anything but HTTP_MORE, do not call again. */
enum http_verdict http_request_parse(struct http_head *head, const char *buffer, size_t len)
    MUST_CHECK;
enum http_verdict http_response_parse(struct http_head *head, const char *buffer, size_t len)
    MUST_CHECK;

/* The first field of that name at or after *index, in any case of letters; NULL: no more. *index
 * becomes the place behind the found one. Start with 0. */
const struct http_field *http_find(const struct http_head *head, struct str name, size_t *index);
size_t http_count(const struct http_head *head, struct str name);
/* The value of the only field of that name; at == NULL when there is none or several. */
struct str http_only(const struct http_head *head, struct str name);

/* Are they one name to a backend that makes CGI variables of headers (RFC 3875 4.1.18)? Any case of
 * letters, and whatever is no letter and no digit counts as "-". */
bool http_names_alike(struct str a, struct str b);

/* RFC 9110 5.6.2; never empty. */
bool http_is_token(struct str text);
/* Can it be a field's value? No control but tabs: one could end the line (RFC 9110 5.5). */
bool http_is_field_value(struct str text);

/*
 * Steps through a comma-separated list (RFC 9110 5.6.1): trimmed, empty elements
 * skipped, commas inside quoted strings respected. *rest starts as the whole
 * value. false: no more.
 */
bool http_list_next(struct str *rest, struct str *element);
/* Is `token` an element of any field `name`, in any case of letters? */
bool http_list_has(const struct http_head *head, struct str name, struct str token);

#endif
