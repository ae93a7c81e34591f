/* reasons.c - look-ups in the table of reasons. */
#include "gateway/reasons.h"

static const struct {
    const char *word;
    unsigned status;
    const char *initiator;
} rows[REASON_COUNT] = {
#define R(name, word, status, initiator) {word, status, initiator},
    REASONS(R)
#undef R
};

const char *
reason_word(enum reason reason)
{
    return rows[reason].word;
}

unsigned
reason_status(enum reason reason)
{
    return rows[reason].status;
}

const char *
reason_initiator(enum reason reason)
{
    return rows[reason].initiator;
}
