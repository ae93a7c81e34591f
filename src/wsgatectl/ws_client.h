/*
 * ws_client.h - the client's side of one WebSocket (RFC 6455), for the command-line tool.
 *
 * It sends the opening handshake, judges the answer by the gateway's own rules
 * (protocol/handshake.h), and then sends and takes frames. Calls wait, each with a deadline.
 * Messages are bounded by WS_CLIENT_MESSAGE_MAX; no extension is offered.
 *
 * The caller owns the struct; ws_client_free ends the connection. What an event
 * points to is good until the next call of ws_client_receive.
 */
#ifndef WSGATE_WS_CLIENT_H
#define WSGATE_WS_CLIENT_H

#include "base/str.h"
#include "protocol/handshake.h"
#include "wsgatectl/request_fields.h"
#include "wsgatectl/ws_socket.h"
#include "wsgatectl/ws_tls.h"
#include "wsgatectl/ws_url.h"

enum {
    WS_CLIENT_HEAD_MAX = 64 * 1024,
    WS_CLIENT_FIELDS_MAX = 200,
    WS_CLIENT_MESSAGE_MAX = 1024 * 1024,
    /* One frame with its header, and what may come behind the head in one piece. */
    WS_CLIENT_IN_MAX = WS_CLIENT_MESSAGE_MAX + WS_CLIENT_HEAD_MAX,
    WS_CLIENT_CLOSE_NONE = 1005, /* a Close without a code (RFC 6455 7.1.5) */
};

struct ws_client_request {
    const struct ws_url *url;
    const char *unix_socket;  /* connects there; NULL: to the URL's host and port */
    const char *bind_address; /* for TCP; NULL: the kernel chooses */
    struct ws_tls_settings tls; /* for wss */
    struct request_fields given;
    bool has_host; /* one of those is Host: ours is left out */
};

/* How long the phases of opening took; 0: it did not come to that. */
struct ws_client_times {
    uint64_t connect_us; /* with the look-up of the name */
    uint64_t tls_us;
    uint64_t handshake_us;
};

struct ws_client {
    struct ws_socket sock;
    struct ws_client_times times;
    const char *error; /* points into sock or to a static phrase */

    /* The answer; http_* functions ask it. */
    struct http_head head;
    struct http_field fields[WS_CLIENT_FIELDS_MAX];
    struct handshake_choice choice;
    char head_bytes[WS_CLIENT_HEAD_MAX];

    /* What has been received behind the head: bytes [start, end) of in. */
    uint8_t *in;
    size_t start, end;
    uint8_t *message;
    size_t message_len;
    unsigned opcode; /* of the message that is being put together; 0: none */
    bool close_sent;
};

enum ws_client_open {
    WS_CLIENT_OPEN,    /* a 101, right in full */
    WS_CLIENT_REFUSED, /* another final answer; head says which */
    WS_CLIENT_FAILED,  /* error says why; head.status is not 0 if a head was there */
};

enum ws_client_event_kind {
    WS_CLIENT_TEXT,
    WS_CLIENT_BINARY,
    WS_CLIENT_CLOSE, /* already answered */
    WS_CLIENT_END,   /* FIN, or a reset when reset is true */
    WS_CLIENT_TIMEOUT,
    WS_CLIENT_BROKEN, /* the peer broke RFC 6455: error */
};

struct ws_client_event {
    enum ws_client_event_kind kind;
    struct str payload; /* of a message; the reason of a Close */
    unsigned code;      /* of a Close */
    bool reset;
};

/* NULL: out of memory. It has no connection yet. */
struct ws_client *ws_client_new(void) MUST_CHECK;
/* Once. The deadline is for connecting and for the answer together. */
enum ws_client_open ws_client_open(struct ws_client *client,
                                   const struct ws_client_request *request,
                                   uint64_t deadline_us) MUST_CHECK;
/* The start of a refusal's body, decoded; as much as came in time and has room. */
size_t ws_client_body(struct ws_client *client, char *body, size_t room, uint64_t deadline_us);
bool ws_client_send_text(struct ws_client *client, struct str text,
                         uint64_t deadline_us) MUST_CHECK;
bool ws_client_send_close(struct ws_client *client, unsigned code, uint64_t deadline_us) MUST_CHECK;
/* The next event; pings are answered on the way. deadline_us: 0 waits for ever. */
struct ws_client_event ws_client_receive(struct ws_client *client, uint64_t deadline_us);
void ws_client_free(struct ws_client *client);

#endif
