/* revoke.c - see revoke.h. */
#include "gateway/revoke.h"

#include "base/clock.h"

static struct session_filter
filter_of(const struct revocation *revocation)
{
    struct session_filter filter = {.id = 0};

    switch (revocation->kind) {
    case REVOCATION_SUBJECT:
        filter.texts[SESSION_ISSUER] = revocation->issuer;
        filter.no_issuer = revocation->issuer.at == NULL;
        filter.texts[SESSION_SUBJECT] = revocation->value;
        break;
    case REVOCATION_TOKEN:
        filter.texts[SESSION_TOKEN_ID] = revocation->value;
        break;
    case REVOCATION_SESSION:
        filter.texts[SESSION_SID] = revocation->value;
        break;
    }
    return filter;
}

enum revocation_result
revoke_sessions(struct revocations *revocations, const struct revocation *revocation,
                struct worker_list workers, struct mailbox *home,
                void (*answered)(const struct session_answer *answer, void *arg), void *arg)
{
    const struct session_query query = {
        .action = SESSIONS_KILL, .filter = filter_of(revocation), .reason = REASON_REVOKED};
    enum revocation_result result = revocations_add(revocations, revocation, clock_wall_ms());

    if (result != REVOCATION_ADDED)
        return result;
    return session_order_send(workers, &query, home, answered, arg) ? REVOCATION_ADDED
                                                                    : REVOCATION_NO_MEMORY;
}
