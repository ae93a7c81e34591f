/*
 * http_body.h - the body of a backend's answer, decoded (RFC 9112 6, 7.1). Pure.
 *
 * Length by Content-Length, chunked, or until close. Strict: a second or
 * different Content-Length, Content-Length with Transfer-Encoding, any coding
 * but exactly "chunked", bad chunk sizes, bare LF, trailers with controls: error.
 */
#ifndef WSGATE_HTTP_BODY_H
#define WSGATE_HTTP_BODY_H

#include "protocol/http_head.h"

struct http_body {
    enum { HTTP_BODY_NONE, HTTP_BODY_LENGTH, HTTP_BODY_CHUNKED, HTTP_BODY_CLOSE } kind;
    uint64_t remaining; /* of the body, or of the chunk */
    int state;
    size_t trailer_bytes;
    const char *error;
};

/* From the head of an answer to a GET. HTTP_DONE: there is none (1xx, 204, 304, length 0). */
enum http_verdict http_body_init(struct http_body *body, const struct http_head *head) MUST_CHECK;
/*
 * Takes in[0..in_len), writes at most *out_len decoded bytes to out (out == in is allowed) and sets
 * *out_len to what it wrote and *used to what it took. HTTP_DONE: the body is whole.
 * HTTP_HEAD_TOO_LARGE: out is full and there is more; the call may be repeated with more room.
 */
enum http_verdict http_body_feed(struct http_body *body, const char *in, size_t in_len,
                                 size_t *used, char *out, size_t *out_len) MUST_CHECK;
/* The peer closed: is the body whole now? */
bool http_body_at_close(const struct http_body *body);

#endif
