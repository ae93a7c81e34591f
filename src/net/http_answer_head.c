/* http_answer_head.c - see http_answer_head.h. */
#include "net/http_answer_head.h"

#include "protocol/cache_control.h"

#include <stdlib.h>

static const char too_large[] = "the answer is too large";

struct str
http_answer_head_field(CURL *easy, const char *name, size_t i)
{
    struct curl_header *header;

    if (curl_easy_header(easy, name, i, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return STR_NONE;
    /* libcurl 7.88 takes the end of the line for the value of an empty one. */
    return header->value[0] != '\r' ? str_of(header->value) : STR("");
}

/* Of several lengths (RFC 9112 6.3) libcurl takes one. */
static bool
has_several_lengths(CURL *easy)
{
    return http_answer_head_field(easy, "Content-Length", 1).at != NULL ||
           (http_answer_head_field(easy, "Content-Length", 0).at != NULL &&
            http_answer_head_field(easy, "Transfer-Encoding", 0).at != NULL);
}

/* The body's length is judged when the head is whole: CURLOPT_MAXFILESIZE would end the call in the
 * midst of it. */
static size_t
end(struct http_transfer *transfer, size_t bytes)
{
    struct str length = http_answer_head_field(transfer->easy, "Content-Length", 0);
    long status = 0;

    (void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200)
        return bytes;
    if (has_several_lengths(transfer->easy))
        return http_transfer_refuse(transfer, HTTP_BROKEN, "the answer has several lengths");
    transfer->head_status = (unsigned)status;
    if (length.at == NULL || transfer->bodiless ||
        strtoull(length.at, NULL, 10) <= transfer->body_max)
        return bytes;
    return http_transfer_refuse(transfer, HTTP_TOO_LARGE, too_large);
}

/* RFC 9112 2.2, 2.3, 3, 5.2. libcurl ends a value at a CR, a line at a LF, and takes folds and any
 * version: what stood behind would be lost, or another field. */
static bool
is_line(struct str line)
{
    return line.len >= 2 && memchr(line.at, '\r', line.len) == line.at + line.len - 2 &&
           line.at[line.len - 1] == '\n' && line.at[0] != ' ' && line.at[0] != '\t' &&
           (!str_starts_with(line, STR("HTTP/")) || str_starts_with(line, STR("HTTP/1.")));
}

size_t
http_answer_head_line(char *at, size_t one, size_t bytes, void *arg)
{
    struct http_transfer *transfer = arg;
    struct str line = {at, bytes}, name = STR("Cache-Control:");

    (void)one;
    transfer->head_bytes += bytes;
    if (!is_line(line))
        return http_transfer_refuse(transfer, HTTP_BROKEN,
                                    "a line of the answer's head is malformed");
    line.len -= 2;
    if (transfer->head_bytes > HTTP_CLIENT_HEAD_MAX)
        return http_transfer_refuse(transfer, HTTP_TOO_LARGE, too_large);
    if (line.len == 0)
        return end(transfer, bytes);
    if (str_starts_with(line, STR("HTTP/"))) {
        transfer->max_age_s = CACHE_CONTROL_SILENT;
        transfer->head_status = 0;
    } else if (line.len >= name.len && strncasecmp(line.at, name.at, name.len) == 0)
        transfer->max_age_s = cache_control_max_age(
            transfer->max_age_s, (struct str){line.at + name.len, line.len - name.len});
    return bytes;
}
