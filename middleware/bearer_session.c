/* bearer_session.c - see bearer_session.h. */
#include "bearer_session.h"

#include "base/clock.h"

#include <stdlib.h>

static struct bearer_session *
make(const struct token_identity *who, const struct verified *verified, struct str token)
{
    size_t bytes = sizeof(struct bearer_session) + who->issuer.len + who->subject.len +
                   who->token_id.len + who->session_id.len + token.len;
    struct bearer_session *session = calloc(1, bytes);

    if (!session)
        return NULL;
    char *memory = session->memory;
    session->who = *who;
    session->token = token;
    str_keep(&session->who.issuer, &memory);
    str_keep(&session->who.subject, &memory);
    str_keep(&session->who.token_id, &memory);
    str_keep(&session->who.session_id, &memory);
    str_keep(&session->token, &memory);
    session->expires_ms = verified->expires_ms;
    if (verified->key)
        memcpy(session->thumbprint, verified->key->thumbprint, KEY_THUMBPRINT_LEN);
    session->bytes = bytes;
    return session;
}

enum mw_verdict
bearer_session_keep(const struct bearer_claims *claims, const struct mw_host *host,
                    struct mw_request *request, const struct verified *verified, struct str token,
                    const struct bearer_challenges *challenges)
{
    struct bearer_identity identity;

    if (!host->is_revalidated(request))
        return MW_PASS;
    struct bearer_session *session = bearer_identity_read(&identity, claims, verified)
                                         ? make(&identity.who, verified, token)
                                         : NULL;
    if (!session)
        return bearer_challenges_refuse(challenges, host, request, JOSE_INTERNAL);
    host->slot_set(request, session);
    return MW_PASS;
}

bool
bearer_session_holds(const struct bearer_session *session, const struct bearer_claims *claims,
                     const struct mw_host *host)
{
    int64_t now_ms = clock_wall_ms();

    return (!claims->close_on_expiry || now_ms < session->expires_ms) &&
           !bearer_claims_are_revoked(claims, host, &session->who, now_ms);
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
