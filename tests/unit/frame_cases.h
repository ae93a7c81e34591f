/*
 * frame_cases.h - streams of frames, legal and not: what the sections 1 to 7 of the Autobahn test
 * suite ask, as far as somebody in the middle can decide it. Written out as short words; used for
 * the pure follower and for a whole tunnel.
 *
 * A stream is words with a blank between them:
 *   [1-7]  in front: that many in the three reserved bits (4 is RSV1)
 *   t b c  a text, binary, continuation frame with more to come; T B C the last of its message
 *   P O X  ping, pong, close; p o x the same without FIN
 *   K<hex> the frame whose first byte that is
 *   then <n>      that many bytes of payload (letters)
 *        :<text>  that payload, %hh is any byte
 *        =<n>:<text>  (X) a code, and a reason
 *        /16 or /64 behind it: the length in that form, though a shorter one would do
 *        /m behind it: masked where it must not be, or not where it must
 *        /h: the header alone
 */
#ifndef WSGATE_FRAME_CASES_H
#define WSGATE_FRAME_CASES_H

#include "protocol/frames.h"

struct frame_case {
    const char *stream;
    enum frames_found found; /* MORE: all of it is good */
    size_t good;             /* words that are, of a stream that is not */
    bool deflate;
    bool utf8;         /* validate_utf8 is on */
    size_t good_bytes; /* that much of the word that is not good passes all the same */
    struct frames_rules limits;
};

extern const struct frame_case frame_cases[];
extern const size_t frame_case_count;

/* The bytes of a stream; at most `words` of it. malloc'd. *len: how many. */
char *frame_case_bytes(const char *stream, size_t words, bool masked, size_t *len);
struct frames_rules frame_case_rules(const struct frame_case *row);

#endif
