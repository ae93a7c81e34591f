/*
 * http_head.c - the one pass over the bytes of an HTTP/1.1 head.
 *
 * Job: cut a head into start line and fields, or say at the earliest byte that
 * it is none. It copies nothing and allocates nothing; all that it hands out
 * points into the caller's buffer.
 *
 * The hard thing is that the verdict must not depend on how the bytes were cut
 * on their way here. Therefore nothing behind limits.head_bytes is ever looked
 * at, every check happens at the same byte whether the rest has come or not,
 * and head->scanned is the only memory of how far the checks have come.
 */
#include "protocol/http_head.h"

#include "protocol/http_chars.h"

static enum http_verdict
bad(struct http_head *head, const char *error)
{
    head->error = error;
    return HTTP_BAD;
}

static enum http_verdict
too_large(struct http_head *head, const char *error)
{
    head->error = error;
    return HTTP_HEAD_TOO_LARGE;
}

/* All bytes up to end are well formed, and not yet enough. */
static enum http_verdict
more(struct http_head *head, size_t end)
{
    if (end < head->limits.head_bytes)
        return HTTP_MORE;
    return too_large(head, "head longer than the limit");
}

void
http_head_init(struct http_head *head, struct http_field *fields, const struct http_limits *limits)
{
    *head = (struct http_head){.fields = fields, .limits = *limits};
}

/* ---- Start lines ---- */

/* Does buffer[at..end) go on with `want`, as far as it goes? DONE: with all of it. */
static enum http_verdict
expect(struct http_head *head, const char *buffer, size_t at, size_t end, struct str want)
{
    size_t have = end - at < want.len ? end - at : want.len;

    if (memcmp(buffer + at, want.at, have) != 0)
        return HTTP_BAD;
    return have == want.len ? HTTP_DONE : more(head, end);
}

static enum http_verdict
request_method(struct http_head *head, const char *buffer, size_t end)
{
    size_t at = http_chars_skip(buffer, head->scanned, end, HTTP_CHAR_TOKEN);

    head->scanned = at;
    if (at == end)
        return more(head, end);
    if (at == 0 || buffer[at] != ' ')
        return bad(head, "request line does not begin with a method and a space");
    head->method = (struct str){buffer, at};
    head->scanned = at + 1;
    return HTTP_DONE;
}

static enum http_verdict
request_target(struct http_head *head, const char *buffer, size_t end)
{
    size_t start = head->method.len + 1;
    size_t at = http_chars_skip(buffer, head->scanned, end, HTTP_CHAR_TARGET);

    head->scanned = at;
    if (at - start > head->limits.uri_bytes) {
        head->error = "request target longer than the limit";
        return HTTP_URI_TOO_LONG;
    }
    if (at == end)
        return more(head, end);
    if (at == start || buffer[at] != ' ')
        return bad(head, "request target is empty, holds a forbidden byte, or nothing follows it");
    head->target = (struct str){buffer + start, at - start};
    head->scanned = at + 1;
    return HTTP_DONE;
}

static enum http_verdict
request_line(struct http_head *head, const char *buffer, size_t end)
{
    enum http_verdict verdict = HTTP_DONE;

    if (!head->method.at)
        verdict = request_method(head, buffer, end);
    if (verdict == HTTP_DONE && !head->target.at)
        verdict = request_target(head, buffer, end);
    if (verdict != HTTP_DONE)
        return verdict;

    verdict = expect(head, buffer, head->scanned, end, STR("HTTP/1.1\r\n"));
    if (verdict == HTTP_BAD)
        return bad(head, "request line does not end with HTTP/1.1 and CRLF");
    if (verdict == HTTP_DONE)
        head->line_start = head->scanned += STR("HTTP/1.1\r\n").len;
    return verdict;
}

/*
 * Is one of the eight bytes a control or DEL? All at once: a byte below 0x80 gets its high bit from
 * "- 0x20" when it is a control and from "+ 1" when it is DEL. A carry from the byte beside it can
 * only add a false yes, which costs a slower look.
 */
static bool
word_has_control(const char *text)
{
    const uint64_t ones = UINT64_MAX / 255;
    uint64_t word;

    memcpy(&word, text, sizeof(word));
    return ((word - ones * 0x20) | (word + ones)) & ~word & (ones * 0x80);
}

/* Most of a head is text; eight bytes at a time this takes a third of the instructions. */
static size_t
skip_text(const char *buffer, size_t at, size_t end)
{
    while (end - at >= 8 && !word_has_control(buffer + at))
        at += 8;
    return http_chars_skip(buffer, at, end, HTTP_CHAR_TEXT);
}

/*
 * From head->scanned to the CRLF that ends a line of text. DONE: *line is the
 * line without it, and head->scanned and head->line_start stand behind it.
 */
static enum http_verdict
text_line(struct http_head *head, const char *buffer, size_t end, struct str *line)
{
    size_t at = skip_text(buffer, head->scanned, end);

    head->scanned = at;
    if (at == end)
        return more(head, end);
    if (buffer[at] == '\n')
        return bad(head, "line ends with a bare LF");
    if (buffer[at] != '\r')
        return bad(head, "control character");
    if (at + 1 == end)
        return more(head, end);
    if (buffer[at + 1] != '\n')
        return bad(head, "CR without LF");
    *line = (struct str){buffer + head->line_start, at - head->line_start};
    head->line_start = head->scanned = at + 2;
    return HTTP_DONE;
}

/* RFC 9112 4. The space before an absent phrase is missed by some servers; nothing else can be
 * meant, so it is not asked for. */
static enum http_verdict
status_line(struct http_head *head, const char *buffer, size_t end)
{
    struct str version = STR("HTTP/1.1 ");
    struct str line;
    enum http_verdict verdict = expect(head, buffer, 0, end, version);

    if (verdict == HTTP_BAD)
        return bad(head, "status line does not begin with HTTP/1.1");
    if (verdict == HTTP_DONE)
        verdict = text_line(head, buffer, end, &line);
    if (verdict != HTTP_DONE)
        return verdict;

    const char *digits = line.at + version.len;
    size_t len = line.len - version.len;
    if (len < 3 || http_chars_skip(digits, 0, 3, HTTP_CHAR_DIGIT) != 3 || digits[0] == '0' ||
        (len > 3 && digits[3] != ' '))
        return bad(head, "status is not three digits");
    head->status = (unsigned)((digits[0] - '0') * 100 + (digits[1] - '0') * 10 + (digits[2] - '0'));
    head->phrase = len > 4 ? (struct str){digits + 4, len - 4} : STR("");
    return HTTP_DONE;
}

/* ---- Fields ---- */

static enum http_verdict
field_line(struct http_head *head, struct str line)
{
    if (head->field_count == head->limits.fields)
        return too_large(head, "more fields than the limit");
    if (line.at[0] == ' ' || line.at[0] == '\t')
        return bad(head, "folded line");

    size_t name_len = http_chars_skip(line.at, 0, line.len, HTTP_CHAR_TOKEN);
    if (name_len == 0 || name_len == line.len || line.at[name_len] != ':')
        return bad(head, "field name is not a token with a colon right behind it");

    struct http_field *field = &head->fields[head->field_count++];
    field->name = (struct str){line.at, name_len};
    field->value = str_trim((struct str){line.at + name_len + 1, line.len - name_len - 1});
    return HTTP_MORE;
}

static enum http_verdict
field_lines(struct http_head *head, const char *buffer, size_t end)
{
    struct str line;
    enum http_verdict verdict;

    do {
        verdict = text_line(head, buffer, end, &line);
        if (verdict != HTTP_DONE)
            return verdict;
        if (line.len == 0) {
            head->length = head->line_start;
            return HTTP_DONE;
        }
        verdict = field_line(head, line);
    } while (verdict == HTTP_MORE);
    return verdict;
}

static enum http_verdict
parse(struct http_head *head, const char *buffer, size_t len,
      enum http_verdict (*start_line)(struct http_head *, const char *, size_t))
{
    size_t end = len < head->limits.head_bytes ? len : head->limits.head_bytes;

    if (!head->have_start_line) {
        enum http_verdict verdict = start_line(head, buffer, end);
        if (verdict != HTTP_DONE)
            return verdict;
        head->have_start_line = true;
    }
    return field_lines(head, buffer, end);
}

enum http_verdict
http_request_parse(struct http_head *head, const char *buffer, size_t len)
{
    return parse(head, buffer, len, request_line);
}

enum http_verdict
http_response_parse(struct http_head *head, const char *buffer, size_t len)
{
    return parse(head, buffer, len, status_line);
}

/* ---- Questions about the fields ---- */

const struct http_field *
http_find(const struct http_head *head, struct str name, size_t *index)
{
    while (*index < head->field_count) {
        const struct http_field *field = &head->fields[(*index)++];
        if (str_equal_nocase(field->name, name))
            return field;
    }
    return NULL;
}

size_t
http_count(const struct http_head *head, struct str name)
{
    size_t count = 0;

    for (size_t i = 0; http_find(head, name, &i);)
        count++;
    return count;
}

struct str
http_only(const struct http_head *head, struct str name)
{
    size_t i = 0;
    const struct http_field *field = http_find(head, name, &i);

    return field && !http_find(head, name, &i) ? field->value : STR_NONE;
}

bool
http_names_alike(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    if (str_equal_nocase(a, b)) /* mostly, and many bytes at a time */
        return true;
    for (size_t i = 0; i < a.len; i++)
        if (http_char_folded(a.at[i]) != http_char_folded(b.at[i]))
            return false;
    return true;
}

bool
http_is_token(struct str text)
{
    return text.len > 0 && http_chars_skip(text.at, 0, text.len, HTTP_CHAR_TOKEN) == text.len;
}

bool
http_is_field_value(struct str text)
{
    return http_chars_skip(text.at, 0, text.len, HTTP_CHAR_TEXT) == text.len;
}

/* ---- Lists ---- */

/* Where an element that holds quotes ends: at a comma outside them, or at the end. */
static size_t
quoted_element_end(struct str text)
{
    bool quoted = false;

    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '"')
            quoted = !quoted;
        else if (quoted && text.at[i] == '\\')
            i++;
        else if (!quoted && text.at[i] == ',')
            return i;
    }
    return text.len;
}

/* Quotes are looked for in front of the first comma only, so that all calls together stay linear.
 */
static size_t
element_end(struct str text)
{
    const char *comma = memchr(text.at, ',', text.len);
    size_t end = comma ? (size_t)(comma - text.at) : text.len;

    return memchr(text.at, '"', end) ? quoted_element_end(text) : end;
}

bool
http_list_next(struct str *rest, struct str *element)
{
    while (rest->len > 0) {
        size_t end = element_end(*rest);
        size_t taken = end < rest->len ? end + 1 : end;

        *element = str_trim((struct str){rest->at, end});
        *rest = (struct str){rest->at + taken, rest->len - taken};
        if (element->len > 0)
            return true;
    }
    return false;
}

bool
http_list_has(const struct http_head *head, struct str name, struct str token)
{
    const struct http_field *field;

    for (size_t i = 0; (field = http_find(head, name, &i));) {
        struct str rest = field->value, element;
        while (http_list_next(&rest, &element))
            if (str_equal_nocase(element, token))
                return true;
    }
    return false;
}
