/*
 * ws_client.c - the opening handshake of ws_client.h; frames are in ws_frames.c.
 */
#include "wsgatectl/ws_client.h"

#include "base/clock.h"
#include "protocol/accept_value.h"
#include "protocol/http_body.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

enum { INTERIM_MAX = 8 };

struct ws_client *
ws_client_new(void)
{
    struct ws_client *client = calloc(1, sizeof(*client));

    if (client)
        client->sock.fd = -1;
    return client;
}

void
ws_client_free(struct ws_client *client)
{
    if (!client)
        return;
    ws_socket_close(&client->sock);
    free(client->in);
    free(client->message);
    free(client);
}

/* ---- The request ----------------------------------------------------------- */

static void
write_fields(FILE *out, const struct ws_client_request *request, const char *key)
{
    fprintf(out, "GET %s HTTP/1.1\r\n", request->url->target);
    if (!request->has_host)
        fprintf(out, "Host: %s\r\n", request->url->authority);
    fprintf(out,
            "Upgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n",
            key);
    request_fields_write(&request->given, out);
}

static bool
send_request(struct ws_client *client, const struct ws_client_request *request, const char *key,
             uint64_t deadline_us)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (out)
        write_fields(out, request, key);
    if (!out || fclose(out) != 0) {
        free(text);
        client->error = "out of memory";
        return false;
    }
    bool sent = ws_socket_send(&client->sock, text, len, deadline_us);
    free(text);
    client->error = client->sock.error;
    return sent;
}

/* ---- The answer -------------------------------------------------------------- */

static bool
receive_head_bytes(struct ws_client *client, size_t *len, uint64_t deadline_us)
{
    size_t got = 0;

    if (*len == sizeof(client->head_bytes)) {
        client->error = "the head of the answer is too long";
        return false;
    }
    switch (ws_socket_receive(&client->sock, client->head_bytes + *len,
                              sizeof(client->head_bytes) - *len, &got, deadline_us)) {
    case WS_SOCKET_DATA:
        *len += got;
        return true;
    case WS_SOCKET_END:
        client->error = *len == 0 ? "the connection was closed without an answer"
                                  : "the connection was closed within the answer";
        return false;
    case WS_SOCKET_TIMEOUT:
        client->error = *len == 0 ? "no answer in time" : "the answer did not end in time";
        return false;
    case WS_SOCKET_FAILED:
        break;
    }
    client->error = client->sock.error;
    return false;
}

/* Reads one head; what came behind it moves to the front of `in`. */
static bool
receive_head(struct ws_client *client, size_t *len, uint64_t deadline_us)
{
    const struct http_limits limits = {.head_bytes = WS_CLIENT_HEAD_MAX,
                                       .uri_bytes = WS_CLIENT_HEAD_MAX,
                                       .fields = WS_CLIENT_FIELDS_MAX};
    enum http_verdict verdict;

    http_head_init(&client->head, client->fields, &limits);
    while ((verdict = http_response_parse(&client->head, client->head_bytes, *len)) == HTTP_MORE)
        if (!receive_head_bytes(client, len, deadline_us))
            return false;
    if (verdict == HTTP_DONE)
        return true;
    client->error = client->head.error ? client->head.error : "the head of the answer is too long";
    return false;
}

/* 100, 102 and 103 may come before the answer (RFC 9110 15.2). */
static bool
receive_answer(struct ws_client *client, uint64_t deadline_us)
{
    size_t len = 0;

    for (int interim = 0; interim <= INTERIM_MAX; interim++) {
        if (!receive_head(client, &len, deadline_us))
            return false;
        size_t rest = len - client->head.length;
        const char *behind = client->head_bytes + client->head.length;
        if (client->head.status >= 200 || client->head.status == 101) {
            memcpy(client->in, behind, rest);
            client->end = rest;
            return true;
        }
        memmove(client->head_bytes, behind, rest);
        len = rest;
    }
    client->error = "too many interim answers";
    return false;
}

static bool
make_key(char key[HANDSHAKE_KEY_LEN + 1])
{
    unsigned char random[16];

    if (RAND_bytes(random, sizeof(random)) != 1)
        return false;
    EVP_EncodeBlock((unsigned char *)key, random, sizeof(random));
    return true;
}

static bool
allocate(struct ws_client *client)
{
    client->in = malloc(WS_CLIENT_IN_MAX);
    client->message = malloc(WS_CLIENT_MESSAGE_MAX);
    return client->in && client->message;
}

static bool
check_answer(struct ws_client *client, const struct ws_client_request *request, const char *key)
{
    char accept[HANDSHAKE_ACCEPT_LEN + 1];
    struct str protocols[HANDSHAKE_PROTOCOLS_MAX];
    struct handshake_offer offer = {.accept = accept, .protocols = protocols};

    struct accept_maker *maker = accept_maker_new();
    bool made = maker && accept_value(maker, str_of(key), accept);

    accept_maker_free(maker);
    client->error = "OpenSSL has no SHA-1 for Sec-WebSocket-Accept";
    if (!made)
        return false;
    for (; offer.protocol_count < request->given.protocol_count; offer.protocol_count++)
        protocols[offer.protocol_count] = str_of(request->given.protocols[offer.protocol_count]);
    return handshake_check_response(&client->head, &offer, &client->choice, &client->error);
}

/* A phase is timed when it has gone well. */
static bool
phase_over(bool done, uint64_t *since_us, uint64_t *took_us)
{
    uint64_t now_us = clock_monotonic_us();

    if (done)
        *took_us = now_us > *since_us ? now_us - *since_us : 1;
    *since_us = now_us;
    return done;
}

static bool
connect_socket(struct ws_client *client, const struct ws_client_request *request,
               uint64_t deadline_us)
{
    const struct ws_url *url = request->url;

    if (request->unix_socket)
        return ws_socket_connect_unix(&client->sock, request->unix_socket, deadline_us);
    return ws_socket_connect(&client->sock, url->host, url->port, request->bind_address,
                             deadline_us);
}

static bool
exchange(struct ws_client *client, const struct ws_client_request *request, const char *key,
         uint64_t deadline_us)
{
    const struct ws_url *url = request->url;
    struct ws_client_times *times = &client->times;
    uint64_t since_us = clock_monotonic_us();

    client->error = client->sock.error;
    return phase_over(connect_socket(client, request, deadline_us), &since_us,
                      &times->connect_us) &&
           (!url->secure ||
            phase_over(ws_tls_start(&client->sock, &request->tls, url->host, deadline_us),
                       &since_us, &times->tls_us)) &&
           phase_over(send_request(client, request, key, deadline_us) &&
                          receive_answer(client, deadline_us),
                      &since_us, &times->handshake_us);
}

enum ws_client_open
ws_client_open(struct ws_client *client, const struct ws_client_request *request,
               uint64_t deadline_us)
{
    char key[HANDSHAKE_KEY_LEN + 1];

    client->error = "out of memory";
    if (!allocate(client) || !make_key(key))
        return WS_CLIENT_FAILED;
    if (!exchange(client, request, key, deadline_us)) {
        client->head.status = 0; /* what was parsed of it is no answer */
        return WS_CLIENT_FAILED;
    }
    if (client->head.status != 101)
        return WS_CLIENT_REFUSED;
    return check_answer(client, request, key) ? WS_CLIENT_OPEN : WS_CLIENT_FAILED;
}

/* ---- A refusal's body --------------------------------------------------------- */

size_t
ws_client_body(struct ws_client *client, char *body, size_t room, uint64_t deadline_us)
{
    struct http_body framing;
    size_t len = 0;
    enum http_verdict verdict = http_body_init(&framing, &client->head);

    while (verdict == HTTP_MORE && len < room) {
        size_t used = 0, out_len = room - len;
        verdict =
            http_body_feed(&framing, (char *)client->in, client->end, &used, body + len, &out_len);
        len += out_len;
        client->end = 0;
        if (verdict == HTTP_MORE && ws_socket_receive(&client->sock, client->in, WS_CLIENT_IN_MAX,
                                                      &client->end, deadline_us) != WS_SOCKET_DATA)
            break;
    }
    return len;
}
