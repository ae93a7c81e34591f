/*
 * handshake.h - the rules of the opening handshake (RFC 6455 4.2.1 and 4.1). Pure.
 *
 * What a client must have sent, and what a backend must have answered, before
 * one byte may pass as WebSocket. Nothing here knows routes or sockets.
 */
#ifndef WSGATE_HANDSHAKE_H
#define WSGATE_HANDSHAKE_H

#include "protocol/http_head.h"

enum {
    HANDSHAKE_KEY_LEN = 24,    /* base64 of 16 bytes */
    HANDSHAKE_ACCEPT_LEN = 28, /* base64 of a SHA-1 */
    HANDSHAKE_PROTOCOLS_MAX = 32,
    HANDSHAKE_EXTENSIONS_MAX = 16,
};

enum handshake_verdict {
    HANDSHAKE_OK,
    HANDSHAKE_BAD,         /* 400 */
    HANDSHAKE_METHOD,      /* 405, Allow: GET */
    HANDSHAKE_NO_UPGRADE,  /* 426 */
    HANDSHAKE_BAD_VERSION, /* 426, Sec-WebSocket-Version: 13 */
};

/* What the client asked for; all strings point into the head. */
struct handshake {
    struct str key;
    struct str host;   /* the value of the one Host field, not yet parsed */
    struct str protocols[HANDSHAKE_PROTOCOLS_MAX]; /* in order, all Sec-WebSocket-Protocol fields */
    size_t protocol_count;
    struct str extensions[HANDSHAKE_EXTENSIONS_MAX]; /* each with its parameters */
    size_t extension_count;
};

/*
 * Order where several apply (the contract): first what makes the head itself bad: 400 for a
 * missing, repeated or empty Host, a repeated Origin, Sec-WebSocket-Key or -Version, any
 * Content-Length or Transfer-Encoding, a Sec-WebSocket-Version that is a list, a present key that
 * is not base64 (canonical) of 16 bytes, a subprotocol that is no token or offered twice, a
 * malformed extension, more than the maxima above. Then the method (405), then Upgrade/Connection
 * (426: lists, any case, "websocket" alone, not "websocket/14"), then the version (426), then a
 * missing key (400). Whoever calls it has judged target and host before.
 */
enum handshake_verdict handshake_check_request(struct handshake *handshake,
                                               const struct http_head *head, const char **error)
    MUST_CHECK;

/* What was sent to the backend, against which its 101 is judged. */
struct handshake_offer {
    const char *accept; /* HANDSHAKE_ACCEPT_LEN bytes (accept_value.h) */
    const struct str *protocols;
    size_t protocol_count;
    const struct str *extensions;
    size_t extension_count;
};

/* What the backend chose. */
struct handshake_choice {
    struct str protocol;   /* at == NULL: none */
    struct str extensions; /* the one field's value, or at == NULL. Several fields are an error */
};

/*
 * A 101 in full: Upgrade names websocket alone, Connection lists upgrade, exactly one
 * Sec-WebSocket-Accept with the exact value, neither Content-Length nor Transfer-Encoding, at most
 * one Sec-WebSocket-Protocol and it was offered (case-sensitive), every extension by name only one
 * that was offered, none twice. false: *error is a static phrase.
 */
bool handshake_check_response(const struct http_head *head, const struct handshake_offer *offer,
                              struct handshake_choice *choice, const char **error) MUST_CHECK;

/* "name; a=b" -> "name". */
struct str handshake_extension_name(struct str extension);
/* Is it permessage-deflate (RFC 7692)? And: is it among those of a 101's field? */
bool handshake_is_deflate(struct str extension);
bool handshake_has_deflate(struct str extensions);

#endif
