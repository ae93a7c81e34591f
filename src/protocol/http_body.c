/*
 * http_body.c - where a backend's answer ends, and what is in it.
 *
 * Job: framing only. It holds no bytes: what is decoded goes to the caller's
 * buffer in the same call, and between calls only a state and a count remain,
 * so that it may be fed byte by byte.
 *
 * The hard thing is to stop at the same byte as any other strict reader would:
 * every place in a chunked body has one state, and each state says for itself
 * which bytes may come.
 */
#include "protocol/http_body.h"

#include "protocol/http_chars.h"

enum chunk_state {
    CHUNK_SIZE_FIRST, /* the first digit of a size */
    CHUNK_SIZE,       /* a further digit, ";" or CR */
    CHUNK_EXTENSION,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    CHUNK_TRAILER_START, /* at the beginning of a line behind the last chunk */
    CHUNK_TRAILER_NAME,
    CHUNK_TRAILER_VALUE,
    CHUNK_TRAILER_LF,
    CHUNK_END_LF,
    CHUNK_END,
};

enum {
    /* All that is thrown away, together: a head's worth is generous. */
    OVERHEAD_MAX_BYTES = 8192,
    /* A size of that many bits takes no further digit: far from overflow, far above any use. */
    SIZE_MAX_SHIFT = 56,
};

static enum http_verdict
bad(struct http_body *body, const char *error)
{
    body->error = error;
    return HTTP_BAD;
}

/* ---- What the head says ---- */

static bool
length_parse(struct str text, uint64_t *length)
{
    *length = 0;
    if (text.len == 0 || text.len > 18) /* below 2^63 without a look at overflow */
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (!http_char_is(text.at[i], HTTP_CHAR_DIGIT))
            return false;
        *length = *length * 10 + (uint64_t)(text.at[i] - '0');
    }
    return true;
}

static bool
status_has_no_body(unsigned status)
{
    return status < 200 || status == 204 || status == 304;
}

enum http_verdict
http_body_init(struct http_body *body, const struct http_head *head)
{
    struct str length_name = STR("Content-Length"), coding_name = STR("Transfer-Encoding");
    size_t lengths = http_count(head, length_name), codings = http_count(head, coding_name);

    *body = (struct http_body){.kind = HTTP_BODY_CLOSE};
    if (lengths > 0 && codings > 0)
        return bad(body, "Content-Length beside Transfer-Encoding");
    if (lengths > 0 && !length_parse(http_only(head, length_name), &body->remaining))
        return bad(body, "Content-Length that is repeated or no number");
    if (codings > 0 && !str_equal_nocase(http_only(head, coding_name), STR("chunked")))
        return bad(body, "Transfer-Encoding other than chunked");

    if (status_has_no_body(head->status))
        body->kind = HTTP_BODY_NONE;
    else if (codings > 0)
        body->kind = HTTP_BODY_CHUNKED;
    else if (lengths > 0)
        body->kind = HTTP_BODY_LENGTH;
    bool whole = body->kind != HTTP_BODY_CLOSE && http_body_at_close(body);
    return whole ? HTTP_DONE : HTTP_MORE;
}

bool
http_body_at_close(const struct http_body *body)
{
    switch (body->kind) {
    case HTTP_BODY_NONE:
    case HTTP_BODY_CLOSE:
        return true;
    case HTTP_BODY_LENGTH:
        return body->remaining == 0;
    case HTTP_BODY_CHUNKED:
        return body->state == CHUNK_END;
    }
    return false;
}

/* ---- Bytes that pass ---- */

/* Where one call reads and writes. */
struct flow {
    const char *in;
    size_t in_len, used;
    char *out;
    size_t out_room, written;
};

/* Moves at most `limit` bytes, as many as there are and fit. */
static size_t
pass(struct flow *flow, uint64_t limit)
{
    size_t have = flow->in_len - flow->used, room = flow->out_room - flow->written;
    size_t count = have < room ? have : room;

    if (limit < count)
        count = (size_t)limit;
    if (count > 0)
        memmove(flow->out + flow->written, flow->in + flow->used, count);
    flow->used += count;
    flow->written += count;
    return count;
}

static enum http_verdict
pass_counted(struct http_body *body, struct flow *flow)
{
    body->remaining -= pass(flow, body->remaining);
    if (body->remaining == 0)
        return HTTP_DONE;
    return flow->used < flow->in_len ? HTTP_HEAD_TOO_LARGE : HTTP_MORE;
}

static enum http_verdict
pass_all(struct flow *flow)
{
    pass(flow, UINT64_MAX);
    return flow->used < flow->in_len ? HTTP_HEAD_TOO_LARGE : HTTP_MORE;
}

/* ---- Chunks ---- */

static enum http_verdict
go(struct http_body *body, enum chunk_state state)
{
    body->state = (int)state;
    return HTTP_MORE;
}

/* A byte that is thrown away: of an extension or a trailer, or a zero in front of a size. */
static enum http_verdict
overhead(struct http_body *body, char c, unsigned class, enum chunk_state next)
{
    if (!http_char_is(c, class))
        return bad(body, "forbidden byte in a chunk size, an extension or a trailer");
    if (++body->trailer_bytes > OVERHEAD_MAX_BYTES)
        return bad(body, "chunk extensions and trailers too long");
    return go(body, next);
}

static enum http_verdict
size_digit(struct http_body *body, char c)
{
    int digit = http_char_hex(c);

    if (digit < 0 || body->remaining >> SIZE_MAX_SHIFT)
        return bad(body, "bad chunk size");
    if (c == '0' && body->remaining == 0)
        return overhead(body, c, HTTP_CHAR_HEX, CHUNK_SIZE);
    body->remaining = body->remaining * 16 + (uint64_t)digit;
    return go(body, CHUNK_SIZE);
}

/* A byte that must be that one. */
static enum http_verdict
want(struct http_body *body, char c, char wanted, enum chunk_state next)
{
    if (c != wanted)
        return bad(body, "chunk framing: CRLF expected");
    return go(body, next);
}

/* One byte of framing. CHUNK_DATA and CHUNK_END never come here. */
static enum http_verdict
chunk_byte(struct http_body *body, char c)
{
    switch ((enum chunk_state)body->state) {
    case CHUNK_SIZE_FIRST:
        return size_digit(body, c);
    case CHUNK_SIZE:
        if (c == ';')
            return overhead(body, c, HTTP_CHAR_TEXT, CHUNK_EXTENSION);
        return c == '\r' ? go(body, CHUNK_SIZE_LF) : size_digit(body, c);
    case CHUNK_EXTENSION:
        if (c == '\r')
            return go(body, CHUNK_SIZE_LF);
        return overhead(body, c, HTTP_CHAR_TEXT, CHUNK_EXTENSION);
    case CHUNK_SIZE_LF:
        return want(body, c, '\n', body->remaining > 0 ? CHUNK_DATA : CHUNK_TRAILER_START);
    case CHUNK_DATA_CR:
        return want(body, c, '\r', CHUNK_DATA_LF);
    case CHUNK_DATA_LF:
        return want(body, c, '\n', CHUNK_SIZE_FIRST);
    case CHUNK_TRAILER_START:
        if (c == '\r')
            return go(body, CHUNK_END_LF);
        return overhead(body, c, HTTP_CHAR_TOKEN, CHUNK_TRAILER_NAME);
    case CHUNK_TRAILER_NAME:
        if (c == ':')
            return overhead(body, c, HTTP_CHAR_TEXT, CHUNK_TRAILER_VALUE);
        return overhead(body, c, HTTP_CHAR_TOKEN, CHUNK_TRAILER_NAME);
    case CHUNK_TRAILER_VALUE:
        if (c == '\r')
            return go(body, CHUNK_TRAILER_LF);
        return overhead(body, c, HTTP_CHAR_TEXT, CHUNK_TRAILER_VALUE);
    case CHUNK_TRAILER_LF:
        return want(body, c, '\n', CHUNK_TRAILER_START);
    case CHUNK_END_LF:
        return want(body, c, '\n', CHUNK_END);
    case CHUNK_DATA:
    case CHUNK_END:
        break;
    }
    return bad(body, "chunk framing: no such state");
}

static enum http_verdict
pass_chunks(struct http_body *body, struct flow *flow)
{
    while (body->state != CHUNK_END) {
        enum http_verdict verdict = HTTP_DONE;
        if (body->state == CHUNK_DATA) {
            verdict = pass_counted(body, flow);
            if (verdict == HTTP_DONE)
                go(body, CHUNK_DATA_CR);
        } else if (flow->used == flow->in_len) {
            return HTTP_MORE;
        } else if (chunk_byte(body, flow->in[flow->used++]) == HTTP_BAD) {
            return HTTP_BAD;
        }
        if (verdict != HTTP_DONE)
            return verdict;
    }
    return HTTP_DONE;
}

enum http_verdict
http_body_feed(struct http_body *body, const char *in, size_t in_len, size_t *used, char *out,
               size_t *out_len)
{
    struct flow flow = {.in = in, .in_len = in_len, .out = out, .out_room = *out_len};
    enum http_verdict verdict = HTTP_DONE;

    switch (body->kind) {
    case HTTP_BODY_NONE:
        break;
    case HTTP_BODY_LENGTH:
        verdict = pass_counted(body, &flow);
        break;
    case HTTP_BODY_CHUNKED:
        verdict = pass_chunks(body, &flow);
        break;
    case HTTP_BODY_CLOSE:
        verdict = pass_all(&flow);
        break;
    }
    *used = flow.used;
    *out_len = flow.written;
    return verdict;
}
