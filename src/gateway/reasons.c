/* reasons.c - look-ups in the table of reasons. */
#include "gateway/reasons.h"

static const struct {
    const char *word;
    unsigned status;
    const char *initiator;
    unsigned code, others_code;
} rows[REASON_COUNT] = {
#define R(name, word, status, initiator) {word, status, initiator, 0, 0},
#define E(name, word, status, initiator, code, others_code) \
    {word, status, initiator, code, others_code},
    REASONS(R, E)
#undef E
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

enum reason_side
reason_cause(enum reason reason)
{
    return rows[reason].initiator[0] == 'b' ? REASON_OF_BACKEND : REASON_OF_CLIENT;
}

unsigned
reason_close_code(enum reason reason, enum reason_side side)
{
    return side == reason_cause(reason) ? rows[reason].code : rows[reason].others_code;
}

bool
reason_revokes(enum reason reason)
{
    return rows[reason].code == 4403 || reason == REASON_REVALIDATION_UNAUTHORIZED;
}
