/*
 * echo.c - a WebSocket server that sends every message back. To try wsgate with.
 *
 * With -v it prints the opening handshakes as they arrive: behind wsgate, that
 * is what a backend gets to see (X-Auth-Subject and its like, and no token).
 * It knows RFC 6455 and no more: no TLS, no extensions, no HTTP beside the
 * handshake, and it leaves the UTF-8 of texts alone. It shares no code with
 * wsgate, so it is a second opinion on what wsgate says.
 *
 * A struct client owns its bufferevent and its half message; client_free alone
 * frees one. The hard thing is a client that sends and never reads: while more
 * than OUTPUT_MAX bytes wait for it, nothing is read from it, so a client costs
 * one frame, one message and OUTPUT_MAX at most, and one more message on its way out.
 */
#include "opening.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <netdb.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

enum {
    MESSAGE_MAX = 1024 * 1024,
    OUTPUT_MAX = 1024 * 1024,
    FRAME_HEAD_MAX = 14,
    CONTROL_MAX = 125, /* RFC 6455 5.5 */
    LINGER_SECONDS = 2,
};

enum opcode { CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };

enum state {
    HEAD,    /* the opening handshake is not there yet */
    OPEN,    /* frames */
    CLOSING, /* our last bytes go out; what comes in is dropped until the peer closes */
    LAST,    /* the peer has closed; our last bytes go out, then it is over */
};

struct server {
    struct event_base *base;
    struct evconnlistener *listener;
    LIST_HEAD(, client) clients;
    unsigned long accepted;
    bool verbose;
};

struct client {
    LIST_ENTRY(client) entry;
    struct server *server;
    struct bufferevent *bev;
    struct evbuffer *message; /* the fragments so far, unmasked */
    enum opcode opcode;       /* of that message; CONTINUATION: none has begun */
    enum state state;
    unsigned long number;
};

struct frame {
    bool fin;
    enum opcode opcode;
    size_t head_len, len;
    uint8_t mask[4];
};

static void
client_free(struct client *client)
{
    LIST_REMOVE(client, entry);
    bufferevent_free(client->bev);
    evbuffer_free(client->message);
    evconnlistener_enable(client->server->listener); /* on_accept_error may have stopped it */
    free(client);
}

/* ---- Frames (RFC 6455 5) ----------------------------------------------------- */

static void
send_frame(struct client *client, enum opcode opcode, const uint8_t *payload, size_t len)
{
    uint8_t head[10] = {(uint8_t)(0x80 | opcode)};
    size_t head_len = len <= CONTROL_MAX ? 2 : len <= 0xffff ? 4 : 10;
    size_t rest = len;

    head[1] = (uint8_t)(head_len == 2 ? len : head_len == 4 ? 126 : 127);
    for (size_t i = head_len; i > 2; i--, rest >>= 8)
        head[i - 1] = (uint8_t)rest;
    bufferevent_write(client->bev, head, head_len);
    bufferevent_write(client->bev, payload, len);
}

/* Answers a Close, or starts one; either way we say nothing more. */
static void
send_close(struct client *client, unsigned code)
{
    uint8_t payload[2] = {(uint8_t)(code >> 8), (uint8_t)code};

    send_frame(client, CLOSE, payload, code == 0 ? 0 : sizeof(payload));
    client->state = CLOSING;
}

/* What is wrong with this frame? A Close code, or 0. */
static unsigned
frame_fault(const struct client *client, const struct frame *frame, const uint8_t *head)
{
    unsigned len7 = head[1] & 0x7f;
    bool is_shortest = len7 < 126 || frame->len > (len7 == 126 ? CONTROL_MAX : 0xffff);
    bool is_known = frame->opcode <= BINARY || (frame->opcode >= CLOSE && frame->opcode <= PONG);

    if ((head[0] & 0x70) != 0 || (head[1] & 0x80) == 0 || !is_shortest || !is_known)
        return 1002;
    if (frame->opcode >= CLOSE)
        return frame->fin && frame->len <= CONTROL_MAX ? 0 : 1002;
    if ((frame->opcode == CONTINUATION) != (client->opcode != CONTINUATION))
        return 1002;
    return frame->len > MESSAGE_MAX - evbuffer_get_length(client->message) ? 1009 : 0;
}

/* false: it is not all there yet, or it was faulty and a Close is on its way. */
static bool
read_frame_head(struct client *client, struct evbuffer *input, struct frame *frame)
{
    uint8_t head[FRAME_HEAD_MAX] = {0};
    ev_ssize_t have = evbuffer_copyout(input, head, sizeof(head));
    uint64_t len = head[1] & 0x7f;
    size_t at = len == 126 ? 4 : len == 127 ? 10 : 2;

    frame->head_len = at + ((head[1] & 0x80) != 0 ? 4 : 0);
    if (have < 2 || (size_t)have < frame->head_len)
        return false;
    if (at > 2)
        len = 0;
    for (size_t i = 2; i < at; i++)
        len = len << 8 | head[i];
    if ((head[1] & 0x80) != 0)
        memcpy(frame->mask, head + at, sizeof(frame->mask));
    frame->fin = (head[0] & 0x80) != 0;
    frame->opcode = head[0] & 0x0f;
    frame->len = len > MESSAGE_MAX ? (size_t)MESSAGE_MAX + 1 : (size_t)len;

    unsigned fault = frame_fault(client, frame, head);
    if (fault != 0)
        send_close(client, fault);
    return fault == 0 && evbuffer_get_length(input) >= frame->head_len + frame->len;
}

static void
take_close(struct client *client, const uint8_t *payload, size_t len)
{
    unsigned code = len >= 2 ? (unsigned)(payload[0] << 8 | payload[1]) : 0;
    bool may_be_sent = len == 0 || (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)) ||
                       (code >= 3000 && code <= 4999); /* RFC 6455 7.4 */

    send_close(client, may_be_sent ? code : 1002);
}

static void
take_data(struct client *client, const struct frame *frame, const uint8_t *payload)
{
    if (frame->opcode != CONTINUATION)
        client->opcode = frame->opcode;
    evbuffer_add(client->message, payload, frame->len);
    if (!frame->fin)
        return;
    size_t len = evbuffer_get_length(client->message);
    send_frame(client, client->opcode, evbuffer_pullup(client->message, -1), len);
    evbuffer_drain(client->message, len);
    client->opcode = CONTINUATION;
}

static bool
take_frame(struct client *client)
{
    struct evbuffer *input = bufferevent_get_input(client->bev);
    struct frame frame = {0};

    if (!read_frame_head(client, input, &frame))
        return false;
    size_t whole = frame.head_len + frame.len;
    uint8_t *payload = evbuffer_pullup(input, (ev_ssize_t)whole) + frame.head_len;
    for (size_t i = 0; i < frame.len; i++)
        payload[i] ^= frame.mask[i % 4];
    if (frame.opcode == CLOSE)
        take_close(client, payload, frame.len);
    else if (frame.opcode == PING)
        send_frame(client, PONG, payload, frame.len);
    else if (frame.opcode != PONG)
        take_data(client, &frame, payload);
    evbuffer_drain(input, whole);
    return true;
}

/* false: more bytes are needed. */
static bool
take_opening(struct client *client)
{
    unsigned long number = client->server->verbose ? client->number : 0;
    enum opening opening = opening_take(bufferevent_get_input(client->bev),
                                        bufferevent_get_output(client->bev), number);

    if (opening != OPENING_MORE)
        client->state = opening == OPENING_DONE ? OPEN : CLOSING;
    return opening != OPENING_MORE;
}

/* ---- Events ---------------------------------------------------------------- */

static bool
output_is_full(const struct client *client)
{
    return evbuffer_get_length(bufferevent_get_output(client->bev)) > OUTPUT_MAX;
}

static void
on_readable(struct bufferevent *bev, void *arg)
{
    struct client *client = arg;
    struct evbuffer *input = bufferevent_get_input(bev);

    if (client->state == HEAD && !take_opening(client))
        return;
    while (client->state == OPEN && !output_is_full(client) && take_frame(client))
        ;
    if (client->state != OPEN)
        evbuffer_drain(input, evbuffer_get_length(input));
    else if (output_is_full(client))
        bufferevent_disable(bev, EV_READ);
}

/* All that waited has gone out. */
static void
on_written(struct bufferevent *bev, void *arg)
{
    struct client *client = arg;

    if (client->state == LAST) {
        client_free(client);
    } else if (client->state == CLOSING) {
        /* Closing at once could send a RST that overtakes our last bytes. */
        shutdown(bufferevent_getfd(bev), SHUT_WR);
        bufferevent_set_timeouts(bev, &(struct timeval){LINGER_SECONDS, 0}, NULL);
        bufferevent_enable(bev, EV_READ);
    } else if (!(bufferevent_get_enabled(bev) & EV_READ)) {
        bufferevent_enable(bev, EV_READ);
        on_readable(bev, client); /* frames that are here already wake nobody */
    }
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
    struct client *client = arg;

    if ((what & BEV_EVENT_EOF) && evbuffer_get_length(bufferevent_get_output(bev)) > 0)
        client->state = LAST;
    else
        client_free(client);
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer, int peer_len,
          void *arg)
{
    struct server *server = arg;
    struct client *client = calloc(1, sizeof(*client));
    struct evbuffer *message = evbuffer_new();
    struct bufferevent *bev = bufferevent_socket_new(server->base, fd, BEV_OPT_CLOSE_ON_FREE);

    (void)listener, (void)peer, (void)peer_len;
    if (!client || !message || !bev) {
        fprintf(stderr, "echo: out of memory\n");
        exit(EXIT_FAILURE);
    }
    *client = (struct client){.server = server, .bev = bev, .message = message};
    client->number = ++server->accepted;
    LIST_INSERT_HEAD(&server->clients, client, entry);
    bufferevent_setcb(bev, on_readable, on_written, on_event, client);
    bufferevent_setwatermark(bev, EV_READ, 0, FRAME_HEAD_MAX + MESSAGE_MAX);
    bufferevent_enable(bev, EV_READ | EV_WRITE);
}

/* Out of descriptors: trying again before one is free would only burn the processor. */
static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
    struct server *server = arg;

    fprintf(stderr, "echo: accept: %s\n", strerror(errno));
    if (!LIST_EMPTY(&server->clients))
        evconnlistener_disable(listener);
}

static void
on_signal(evutil_socket_t number, short what, void *base)
{
    (void)number, (void)what;
    event_base_loopbreak(base);
}

/* ---- Start and end --------------------------------------------------------- */

/* "127.0.0.1:9001" or "[::1]:9001". The caller frees the answer with freeaddrinfo. */
static struct addrinfo *
parse_address(const char *text)
{
    const struct addrinfo numeric = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                     .ai_socktype = SOCK_STREAM};
    const char *colon = strrchr(text, ':');
    struct addrinfo *address;
    char host[64];

    if (!colon || (size_t)(colon - text) >= sizeof(host))
        return NULL;
    bool bracketed = text[0] == '[' && colon[-1] == ']';
    snprintf(host, sizeof(host), "%.*s", (int)(colon - text) - 2 * bracketed, text + bracketed);
    return getaddrinfo(host, colon + 1, &numeric, &address) == 0 ? address : NULL;
}

static bool
server_listen(struct server *server, const char *text)
{
    const unsigned flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_EXEC;
    struct addrinfo *address = parse_address(text);
    struct sockaddr_storage bound;
    socklen_t bound_len = sizeof(bound);
    char port[8];

    if (!address) {
        fprintf(stderr, "echo: %s: expected ADDRESS:PORT\n", text);
        return false;
    }
    server->listener = evconnlistener_new_bind(server->base, on_accept, server, flags, -1,
                                               address->ai_addr, (int)address->ai_addrlen);
    freeaddrinfo(address);
    if (!server->listener) {
        fprintf(stderr, "echo: %s: %s\n", text, strerror(errno));
        return false;
    }
    evconnlistener_set_error_cb(server->listener, on_accept_error);

    /* With the real port: after -l 127.0.0.1:0 the kernel has chosen one. */
    getsockname(evconnlistener_get_fd(server->listener), (struct sockaddr *)&bound, &bound_len);
    getnameinfo((struct sockaddr *)&bound, bound_len, NULL, 0, port, sizeof(port), NI_NUMERICSERV);
    printf("echo: listening on %.*s:%s\n", (int)(strrchr(text, ':') - text), text, port);
    return true;
}

static int
serve(struct server *server)
{
    struct event *term = evsignal_new(server->base, SIGTERM, on_signal, server->base);
    struct event *interrupt = evsignal_new(server->base, SIGINT, on_signal, server->base);

    event_add(term, NULL);
    event_add(interrupt, NULL);
    event_base_dispatch(server->base);
    while (!LIST_EMPTY(&server->clients))
        client_free(LIST_FIRST(&server->clients));
    evconnlistener_free(server->listener);
    event_free(term);
    event_free(interrupt);
    return EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
    struct server server = {.clients = LIST_HEAD_INITIALIZER(server.clients)};
    const char *address = "127.0.0.1:9001";
    int option;

    while ((option = getopt(argc, argv, "hl:v")) == 'l' || option == 'v') {
        if (option == 'l')
            address = optarg;
        server.verbose |= option == 'v';
    }
    if (option != -1 || optind != argc) {
        fprintf(option == 'h' ? stdout : stderr, "usage: echo [-l ADDRESS:PORT] [-v]\n");
        return option == 'h' ? EXIT_SUCCESS : 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN);
    server.base = event_base_new();
    int status = server.base && server_listen(&server, address) ? serve(&server) : EXIT_FAILURE;
    if (server.base)
        event_base_free(server.base);
    return status;
}
