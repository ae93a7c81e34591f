/*
 * frames.h - the frames of one direction, followed in place (RFC 6455 5). Pure.
 *
 * Frames are not taken apart: frames_follow looks at bytes where they lie and says how many of
 * them are judged and may go on. A header is judged when it is whole, a control frame too; what is
 * not whole stays with the caller, who shows it again with more behind it: at most
 * FRAME_CONTROL_MAX - 1 bytes. Payload of data frames is never waited for.
 */
#ifndef WSGATE_FRAMES_H
#define WSGATE_FRAMES_H

#include "protocol/frame.h"

/* What holds beside the RFC. Bytes of payload as they are on the wire, compressed or not; 0: no
 * limit. */
struct frames_rules {
    uint64_t max_frame;
    uint64_t max_message; /* all frames of a message together */
    uint8_t allow;        /* of data: FRAMES_ALLOW_* */
    bool validate_utf8;   /* of text that is not compressed */
};

enum { FRAMES_ALLOW_TEXT = 1 << OPCODE_TEXT, FRAMES_ALLOW_BINARY = 1 << OPCODE_BINARY };

/* Where one direction stands; 32 bytes. */
struct frames {
    uint64_t left;     /* payload of the present data frame still to come; 0: between frames */
    uint64_t message;  /* payload of the present message, as announced so far */
    uint64_t messages; /* whose last frame has begun */
    uint8_t mask[FRAME_MASK_LEN]; /* of the present frame, while text is judged */
    uint16_t close_code;          /* of the Close that came; 0: it had none, or none came */
    uint8_t masked : 1;  /* as a client must send, and a server must not */
    uint8_t deflate : 1; /* permessage-deflate was agreed on (RFC 7692) */
    uint8_t opcode : 2;  /* of the message that more frames belong to; 0: none */
    uint8_t final : 1;   /* the present frame is the last of its message */
    uint8_t text : 1;    /* the present message is judged as UTF-8 */
    uint8_t closed : 1;  /* a Close has come */
    uint8_t over : 1;    /* after a Close, or a fault: what still comes is nothing */
    uint8_t mask_at : 2; /* which byte of the mask is next */
    uint8_t utf8 : 4;    /* state of utf8.h */
};

void frames_init(struct frames *frames, bool masked, bool deflate);

enum frames_found {
    FRAMES_MORE,    /* what is left over is the beginning of a header or of a control frame */
    FRAMES_CONTROL, /* a whole control frame is next: `opcode`, `len` bytes */
    /* Faults. What is next must not go on, and nothing after it. */
    FRAMES_PROTOCOL,          /* RFC 6455 5 or 7.4, RFC 7692 6 */
    FRAMES_UTF8,              /* text, or the reason of a Close, is not */
    FRAMES_TYPE,              /* data of a kind that is not allowed */
    FRAMES_FRAME_TOO_LARGE,
    FRAMES_MESSAGE_TOO_LARGE,
    FRAMES_TOO_MANY, /* a message or a control frame more than there was budget for */
    FRAMES_FOUND_COUNT
};

struct frames_step {
    uint64_t budget; /* in: messages and control frames that may begin; out: what is left of it */
    size_t used;     /* bytes from `at` on that are judged good */
    enum opcode opcode;
    size_t len;
};

/*
 * Follows up to `len` bytes, as far as they can be judged, or up to a control frame. After
 * FRAMES_CONTROL go on behind it. After a fault, or a Close, the direction is over.
 */
enum frames_found frames_follow(struct frames *frames, const struct frames_rules *rules,
                                const char *at, size_t len, struct frames_step *step) MUST_CHECK;

/* Is the next byte the first of a frame, so that a control frame may go before it? */
static inline bool
frames_at_boundary(const struct frames *frames)
{
    return frames->left == 0;
}

#endif
