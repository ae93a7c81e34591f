/* opening.c - see opening.h. */
#include "opening.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { HEAD_MAX = 16 * 1024 };

struct request {
    bool is_get, asks_upgrade, asks_websocket, is_version_13;
    char key[25];      /* base64 of 16 bytes, or "" */
    char protocol[64]; /* the first that was offered, or "" */
};

static enum opening
refuse(struct evbuffer *output, const char *status, const char *fields)
{
    evbuffer_add_printf(output, "HTTP/1.1 %s\r\n%sContent-Length: 0\r\nConnection: close\r\n\r\n",
                        status, fields);
    return OPENING_REFUSED;
}

static enum opening
welcome(struct evbuffer *output, const struct request *request)
{
    char text[64], accept[29];
    uint8_t digest[SHA_DIGEST_LENGTH];

    int len = snprintf(text, sizeof(text), "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", request->key);
    SHA1((const uint8_t *)text, (size_t)len, digest);
    EVP_EncodeBlock((uint8_t *)accept, digest, sizeof(digest));
    evbuffer_add_printf(output,
                        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n",
                        accept);
    if (request->protocol[0] != '\0')
        evbuffer_add_printf(output, "Sec-WebSocket-Protocol: %s\r\n", request->protocol);
    evbuffer_add(output, "\r\n", 2);
    return OPENING_DONE;
}

/* Is `word` an element of a comma-separated list, in any case of letters? */
static bool
list_has(const char *list, const char *word)
{
    while (*list != '\0') {
        list += strspn(list, ", \t");
        size_t len = strcspn(list, ", \t");
        if (len == strlen(word) && strncasecmp(list, word, len) == 0)
            return true;
        list += len;
    }
    return false;
}

static void
read_field(struct request *request, const char *name, const char *value)
{
    if (strcasecmp(name, "Connection") == 0)
        request->asks_upgrade |= list_has(value, "upgrade");
    else if (strcasecmp(name, "Upgrade") == 0)
        request->asks_websocket |= list_has(value, "websocket");
    else if (strcasecmp(name, "Sec-WebSocket-Version") == 0)
        request->is_version_13 = strcmp(value, "13") == 0;
    else if (strcasecmp(name, "Sec-WebSocket-Key") == 0 && strlen(value) == 24)
        memcpy(request->key, value, 25);
    else if (strcasecmp(name, "Sec-WebSocket-Protocol") == 0 && request->protocol[0] == '\0')
        snprintf(request->protocol, sizeof(request->protocol), "%.*s", (int)strcspn(value, ", \t"),
                 value);
}

static void
print_line(unsigned long number, const char *line)
{
    printf("#%lu ", number);
    for (; *line != '\0'; line++)
        putchar(isprint((unsigned char)*line) ? *line : '?');
    putchar('\n');
}

static void
read_head(struct evbuffer *input, unsigned long number, struct request *request)
{
    char *line = evbuffer_readln(input, NULL, EVBUFFER_EOL_CRLF_STRICT);

    request->is_get = line && strncmp(line, "GET /", 5) == 0 && strstr(line, " HTTP/1.1");
    while (line && line[0] != '\0') {
        if (number != 0)
            print_line(number, line);
        char *value = strchr(line, ':');
        if (value) {
            *value++ = '\0';
            read_field(request, line, value + strspn(value, " \t"));
        }
        free(line);
        line = evbuffer_readln(input, NULL, EVBUFFER_EOL_CRLF_STRICT);
    }
    free(line);
}

enum opening
opening_take(struct evbuffer *input, struct evbuffer *output, unsigned long number)
{
    struct request request = {0};
    struct evbuffer_ptr end = evbuffer_search(input, "\r\n\r\n", 4, NULL);

    if (end.pos > HEAD_MAX || (end.pos < 0 && evbuffer_get_length(input) > HEAD_MAX))
        return refuse(output, "431 Request Header Fields Too Large", "");
    if (end.pos < 0)
        return OPENING_MORE;
    read_head(input, number, &request);
    if (!request.is_get)
        return refuse(output, "400 Bad Request", "");
    if (!request.asks_upgrade || !request.asks_websocket || !request.is_version_13)
        return refuse(output, "426 Upgrade Required",
                      "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
    if (request.key[0] == '\0')
        return refuse(output, "400 Bad Request", "");
    return welcome(output, &request);
}
