/* bearer_session.c - see bearer_session.h. */
#include "bearer_session.h"

#include <stdlib.h>

enum mw_verdict
bearer_session_keep(const struct mw_host *host, struct mw_request *request, struct str token,
                    const struct key *key, const struct bearer_challenges *challenges)
{
    if (!host->is_revalidated(request))
        return MW_PASS;
    struct bearer_session *session = calloc(1, sizeof(*session) + token.len);

    if (!session)
        return bearer_challenges_refuse(challenges, host, request, JOSE_INTERNAL);
    char *memory = session->memory;
    session->token = token;
    str_keep(&session->token, &memory);
    session->admitted_ms = host->wall_clock_ms(request);
    session->bytes = sizeof(*session) + token.len;
    if (key)
        memcpy(session->thumbprint, key->thumbprint, KEY_THUMBPRINT_LEN);
    host->slot_set(request, session);
    return MW_PASS;
}

void
bearer_session_release(void *state, void *slot, enum mw_end end)
{
    struct bearer_session *session = slot;

    (void)state, (void)end;
    if (session)
        explicit_bzero(session, session->bytes);
    free(session);
}

enum mw_verdict
bearer_session_verdict(const struct mw_host *host, struct mw_task *task, enum jose_reason reason)
{
    const struct jose_reason_row *row = jose_reason(reason);

    return reason == JOSE_OK
               ? MW_PASS
               : host->deny_tunnel(task, reason == JOSE_REVOKED ? 403 : row->status, row->word);
}
