/* bearer_challenges.c - see bearer_challenges.h. */
#include "bearer_challenges.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* realm as a quoted-string's inside (RFC 9110 5.6.4); NULL when it holds a control or non-ASCII. */
static char *
quote_realm(const char *realm)
{
    char *quoted = malloc(2 * strlen(realm) + 1), *at = quoted;

    for (; quoted && *realm; realm++) {
        if (*realm < ' ' || *realm > '~') {
            free(quoted);
            return NULL;
        }
        if (*realm == '"' || *realm == '\\')
            *at++ = '\\';
        *at++ = *realm;
    }
    if (quoted)
        *at = '\0';
    return quoted;
}

static char *
make_challenge(const char *realm, const struct jose_reason_row *reason)
{
    size_t size = strlen(realm) + 256; /* the rows' texts are under 100 bytes */
    char *text = malloc(size);

    if (text && reason->error)
        snprintf(text, size, "Bearer realm=\"%s\", error=\"%s\", error_description=\"%s\"", realm,
                 reason->error, reason->description);
    else if (text)
        snprintf(text, size, "Bearer realm=\"%s\"", realm);
    return text;
}

bool
bearer_challenges_read(struct bearer_challenges *challenges, const struct mw_options *options,
                       const struct mw_host *host)
{
    char *quoted = quote_realm(host->option_string(options, "realm"));
    bool ok = quoted != NULL;

    for (enum jose_reason r = JOSE_UNVERIFIED; ok && r < JOSE_REASON_COUNT; r++)
        ok = (challenges->texts[r] = make_challenge(quoted, jose_reason(r))) != NULL;
    free(quoted);
    if (!ok)
        host->option_fault(options, "realm", 0, "expected printable ASCII");
    return ok;
}

void
bearer_challenges_free(struct bearer_challenges *challenges)
{
    for (enum jose_reason r = JOSE_UNVERIFIED; r < JOSE_REASON_COUNT; r++)
        free(challenges->texts[r]);
}

enum mw_verdict
bearer_challenges_refuse(const struct bearer_challenges *challenges, const struct mw_host *host,
                      struct mw_request *request, enum jose_reason reason)
{
    const struct jose_reason_row *row = jose_reason(reason);

    return host->deny(request, row->status, row->word,
                      row->status == 503 ? NULL : challenges->texts[reason]);
}
