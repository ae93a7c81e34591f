/* opening.c - see opening.h. */
#include "opening.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>
#include <strings.h>

size_t
opening_head_length(const char *bytes, size_t len)
{
    const char *end = memmem(bytes, len, "\r\n\r\n", 4);

    return end ? (size_t)(end - bytes) + 4 : 0;
}

const char *
opening_header(const char *head, size_t len, const char *name, size_t *value_len)
{
    size_t name_len = strlen(name);
    const char *end = head + len;
    const char *line = memmem(head, len, "\r\n", 2);

    while (line && (line += 2) < end) {
        const char *next = memmem(line, (size_t)(end - line), "\r\n", 2);
        if (!next)
            return NULL;
        if ((size_t)(next - line) > name_len && line[name_len] == ':' &&
            strncasecmp(line, name, name_len) == 0) {
            const char *value = line + name_len + 1;
            const char *stop = next;
            while (value < stop && (*value == ' ' || *value == '\t'))
                value++;
            while (stop > value && (stop[-1] == ' ' || stop[-1] == '\t'))
                stop--;
            *value_len = (size_t)(stop - value);
            return value;
        }
        line = next;
    }
    return NULL;
}

void
opening_accept(const char *key, char accept[OPENING_ACCEPT_CHARS + 1])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char joined[OPENING_KEY_CHARS + sizeof(guid) - 1];
    unsigned char digest[SHA_DIGEST_LENGTH];

    memcpy(joined, key, OPENING_KEY_CHARS);
    memcpy(joined + OPENING_KEY_CHARS, guid, sizeof(guid) - 1);
    SHA1(joined, sizeof(joined), digest);
    EVP_EncodeBlock((unsigned char *)accept, digest, sizeof(digest));
}

static bool
header_is(const char *head, size_t len, const char *name, const char *value)
{
    size_t found_len;
    const char *found = opening_header(head, len, name, &found_len);

    return found && found_len == strlen(value) && strncasecmp(found, value, found_len) == 0;
}

bool
opening_is_answered(const char *head, size_t len, const char *accept)
{
    size_t value_len;

    if (opening_status(head, len) != 101 || !header_is(head, len, "Upgrade", "websocket") ||
        !header_is(head, len, "Connection", "upgrade"))
        return false;
    const char *value = opening_header(head, len, "Sec-WebSocket-Accept", &value_len);
    return value && value_len == OPENING_ACCEPT_CHARS && memcmp(value, accept, value_len) == 0;
}

int
opening_status(const char *head, size_t len)
{
    if (len < 13 || memcmp(head, "HTTP/1.1 ", 9) != 0)
        return 0;
    int status = 0;
    for (int i = 9; i < 12; i++) {
        if (head[i] < '0' || head[i] > '9')
            return 0;
        status = status * 10 + head[i] - '0';
    }
    return status;
}
