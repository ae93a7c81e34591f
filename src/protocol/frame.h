/*
 * frame.h - one WebSocket frame (RFC 6455 5.2): its words, and control frames of our own. Pure.
 */
#ifndef WSGATE_FRAME_H
#define WSGATE_FRAME_H

#include "base/compiler.h"
#include "base/str.h"

#include <stdint.h>

enum opcode {
    OPCODE_CONTINUATION = 0x0,
    OPCODE_TEXT = 0x1,
    OPCODE_BINARY = 0x2,
    OPCODE_CLOSE = 0x8,
    OPCODE_PING = 0x9,
    OPCODE_PONG = 0xA,
};

enum {
    FRAME_FIN = 0x80,
    FRAME_RSV1 = 0x40,
    FRAME_RSV = 0x70,
    FRAME_OPCODE = 0x0f,
    FRAME_MASKED = 0x80, /* in the second byte */
    FRAME_MASK_LEN = 4,
    FRAME_HEAD_MAX = 14,
    FRAME_CONTROL_PAYLOAD_MAX = 125,
    FRAME_CONTROL_MAX = 2 + FRAME_MASK_LEN + FRAME_CONTROL_PAYLOAD_MAX,
    FRAME_CLOSE_REASON_MAX = FRAME_CONTROL_PAYLOAD_MAX - 2,
};

/*
 * Writes a whole control frame into `out`, FRAME_CONTROL_MAX bytes, and returns its length. The
 * payload has at most FRAME_CONTROL_PAYLOAD_MAX bytes. `mask`: FRAME_MASK_LEN bytes for a frame to
 * a server, NULL for one to a client. The mask keeps a payload that an attacker has chosen from
 * looking like HTTP (RFC 6455 10.3); for payloads of our own any will do.
 */
size_t frame_control(char *out, enum opcode opcode, struct str payload, const uint8_t *mask);
/* The same for a Close. code 0: none, and no reason either. A longer reason is cut. */
size_t frame_close(char *out, unsigned code, struct str reason, const uint8_t *mask);

/* The payload of a whole control frame, unmasked into `out`, FRAME_CONTROL_PAYLOAD_MAX bytes. */
struct str frame_payload(const char *frame, char *out);

/* May it stand in a Close frame (RFC 6455 7.4, and what IANA has registered since)? */
bool frame_close_code_is_valid(unsigned code) MUST_CHECK;

#endif
