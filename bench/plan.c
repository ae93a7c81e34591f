/* plan.c - see plan.h. */
#include "plan.h"

#include "tool.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS 256 /* different Sec-WebSocket-Keys, used in turn */
#define TOKEN_MAX 4096

struct key {
    char key[OPENING_KEY_CHARS + 1];
    char accept[OPENING_ACCEPT_CHARS + 1];
};

static const struct key *
make_keys(void)
{
    struct key *keys = tool_alloc(KEYS * sizeof(*keys));
    unsigned char nonce[16];

    for (size_t i = 0; i < KEYS; i++) {
        if (RAND_bytes(nonce, sizeof(nonce)) != 1)
            tool_die("no random bytes");
        EVP_EncodeBlock((unsigned char *)keys[i].key, nonce, sizeof(nonce));
        opening_accept(keys[i].key, keys[i].accept);
    }
    return keys;
}

/* The next line, without its end; the file starts again after its last. */
static size_t
next_token(FILE *file, char token[TOKEN_MAX])
{
    for (int tries = 0; tries < 2; tries++) {
        if (fgets(token, TOKEN_MAX, file)) {
            size_t len = strcspn(token, "\r\n");
            token[len] = '\0';
            return len;
        }
        rewind(file);
    }
    tool_die("the token file is empty");
}

static size_t
write_request(char *to, size_t room, const struct plan *plan, const char *key, const char *token)
{
    int len = snprintf(to, room,
                       "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\n"
                       "Connection: Upgrade\r\nSec-WebSocket-Key: %s\r\n"
                       "Sec-WebSocket-Version: 13\r\nOrigin: %s\r\n"
                       "User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n%s%s%s\r\n",
                       plan->path, plan->host, key, plan->origin,
                       token[0] ? "Authorization: Bearer " : "", token, token[0] ? "\r\n" : "");

    if (len < 0 || (size_t)len >= room)
        tool_die("a request does not fit");
    return (size_t)len;
}

static FILE *
open_tokens(const struct plan *plan)
{
    char token[TOKEN_MAX];

    if (!plan->token_file)
        return NULL;
    FILE *file = fopen(plan->token_file, "r");
    if (!file)
        tool_die("%s", plan->token_file);
    for (unsigned long i = 0; i < plan->token_skip; i++)
        next_token(file, token);
    return file;
}

struct requests
plan_requests(const struct plan *plan)
{
    struct requests requests = {.count = plan->count};
    const struct key *keys = make_keys();
    FILE *tokens = open_tokens(plan);
    char token[TOKEN_MAX] = "", text[TOKEN_MAX + 1024];

    requests.row = tool_alloc(plan->count * sizeof(*requests.row));
    for (size_t i = 0; i < plan->count; i++) {
        if (tokens)
            next_token(tokens, token);
        size_t len = write_request(text, sizeof(text), plan, keys[i % KEYS].key, token);
        requests.row[i].bytes = tool_alloc(len);
        requests.row[i].len = len;
        requests.row[i].accept = keys[i % KEYS].accept;
        memcpy(requests.row[i].bytes, text, len);
    }
    if (tokens)
        fclose(tokens);
    return requests;
}

void
plan_fault(struct outcome *outcome, const char *format, ...)
{
    va_list args;

    if (outcome->faults++ > 0)
        return;
    va_start(args, format);
    vsnprintf(outcome->first_fault, sizeof(outcome->first_fault), format, args);
    va_end(args);
}
