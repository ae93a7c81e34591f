/*
 * tunnel.h - two sides that feed each other.
 *
 * The hot path: a wake-up reads once into the worker's buffer, follows the frames in it where the
 * rules say so, and writes to the other side at once. Only what the other side would not take is
 * kept (its outbox), and then reading stops until it has gone: the bound per direction is one
 * buffer, and what has to wait for more of its frame (at most FRAME_CONTROL_MAX - 1 bytes). An idle
 * tunnel holds no buffer. Each direction ends on its own: an end of stream is passed on after all
 * data. Both sides are read to their ends before the tunnel is over; what has nowhere to go is
 * dropped.
 *
 * The tunnel knows no HTTP, no log and no connection; it says when it is over, and why.
 */
#ifndef WSGATE_TUNNEL_H
#define WSGATE_TUNNEL_H

#include "base/wheel.h"
#include "gateway/reasons.h"
#include "gateway/tunnel_rules.h"
#include "net/side.h"

enum { CLIENT = 0, BACKEND = 1 };

struct frame_rest;
struct heartbeat;

/* What each message touches stands first. */
struct tunnel {
    struct side sides[2];
    uint64_t bytes[2];  /* read from the client, from the backend */
    uint64_t active_ms; /* when a byte last came from either */
    uint64_t fin_ms;    /* when the first direction ended; 0: both are open */
    struct frames frames[2]; /* what comes from the client, from the backend, if it is checked */
    const struct tunnel_rules *rules;
    struct frame_rest *rest[2]; /* the beginning of a header or control frame that has to wait for
                                   the rest of it; NULL: nothing */
    struct rates *rates;         /* NULL: any number of messages and bytes */
    struct heartbeat *heartbeat; /* NULL: no pings */

    uint64_t progress_ms[2]; /* of each side: when its outbox was filled, or its peer took bytes */
    uint32_t unsent[2];      /* what the kernel held for that peer then */
    uint64_t keep_alive_ms; /* when the backend's socket gets SO_KEEPALIVE; WHEEL_NEVER: has it */
    uint64_t lifetime_due_ms;
    int64_t expiry_wall_ms; /* INT64_MAX: none */
    enum reason first_end;  /* who ended it first */
    enum reason lifetime_reason; /* what passing lifetime_due_ms is called */
    uint16_t close_code; /* of the first Close that went to either; 0: none did, or it had none */
    bool close_sent[2];  /* to the client, to the backend: a peer's, or ours. No other may follow */
    bool closing;        /* we end it: what still comes is dropped */
    bool paused[2];      /* nothing is read from that side until its debts are paid */
};

/* It goes by these rules from now on. `deflate`: permessage-deflate was agreed on. false: no
 * memory; tunnel_end is due all the same. */
bool tunnel_begin(struct tunnel *tunnel, const struct tunnel_rules *rules, bool deflate,
                  uint64_t random, uint64_t now_ms) MUST_CHECK;
/* Frees what it holds, except for its sides. Harmless on one that never began. */
void tunnel_end(struct tunnel *tunnel, struct tunnel_rules **list);

/* NONE: it goes on. Anything else: it is over, for that reason. */
enum reason tunnel_readable(struct tunnel *tunnel, int from, char *buffer, size_t bytes,
                            uint64_t now_ms) MUST_CHECK;
enum reason tunnel_writable(struct tunnel *tunnel, int to, uint64_t now_ms) MUST_CHECK;
/* Bytes that came with the handshake: they count and go as if just read. Once per direction, before
 * reading is on. `head`: that many of them are ours (the 101) and do not count. Like the buffer of
 * tunnel_readable, they may be moved. */
enum reason tunnel_give(struct tunnel *tunnel, int from, char *data, size_t bytes, size_t head,
                        uint64_t now_ms) MUST_CHECK;
/* Registers both sides, but for those that must wait for an outbox. */
enum reason tunnel_open(struct tunnel *tunnel) MUST_CHECK;

/* What is due besides an end: keep-alive on the backend's socket, which only a tunnel that lasts
 * needs (the client's has it from its listener). The kernel's first probe is due after hours. */
enum { TUNNEL_KEEP_ALIVE_AFTER_MS = 10 * 1000 };
void tunnel_keep_alive(struct tunnel *tunnel, uint64_t now_ms);

/*
 * Ends it from our side, within times.close. Where frames are followed each side gets a Close, if
 * none went there before: at once between two frames, else when the rest of the frame has come; a
 * frame whose rest may not come is cut, and no Close follows it. Then both get FIN, and are read to
 * their ends. Whatever else comes is dropped. Once it is closing, it does nothing.
 */
enum reason tunnel_finish(struct tunnel *tunnel, enum reason reason, uint64_t now_ms) MUST_CHECK;

/* The next moment at which tunnel_tick has to be called. */
uint64_t tunnel_due(const struct tunnel *tunnel, uint64_t now_ms, int64_t wall_ms);
/* What has come due. NONE: the tunnel goes on, or has begun to end. */
enum reason tunnel_tick(struct tunnel *tunnel, uint64_t now_ms, int64_t wall_ms) MUST_CHECK;
/* The part of tunnel_tick that only looks. */
enum reason tunnel_overdue(const struct tunnel *tunnel, uint64_t now_ms, int64_t wall_ms);

#endif
