/* forward_verdict.c - see forward_verdict.h. */
#include "forward_verdict.h"

#include "base/clock.h"
#include "token/claims.h"

enum { SECONDS_DIGITS_MAX = 12 };

static bool
is_passed_over(const struct forward_auth_settings *settings, enum service_fault fault)
{
    return settings->passes_on_error && service_fault_is_the_services(fault);
}

enum mw_verdict
forward_verdict_fault(const struct forward_auth_settings *settings, const struct mw_host *host,
                      struct mw_request *request, enum service_fault fault)
{
    if (!is_passed_over(settings, fault))
        return host->deny(request, service_fault_status(fault), forward_fault_word(fault), NULL);
    host->count(request, "forward-auth-passed-on-error", 1);
    return MW_PASS;
}

/* ---- Yes --------------------------------------------------------------------------------- */

static struct mw_str
member(const struct claims *claims, const char *name)
{
    struct str text = json_node_text(json_node_member(claims->all, str_of(name)));

    return (struct mw_str){text.at, text.len};
}

/* Seconds since 1970; with a text that is no such number it has ended. */
int64_t
forward_verdict_until(const struct claims *claims)
{
    struct mw_str text = member(claims, ":deadline");
    int64_t seconds = 0;

    if (text.at == NULL)
        return INT64_MAX;
    if (text.len == 0 || text.len > SECONDS_DIGITS_MAX)
        return 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return 0;
        seconds = seconds * 10 + (text.at[i] - '0');
    }
    return seconds * 1000;
}

enum mw_verdict
forward_verdict_yes(const struct forward_auth_settings *settings, const struct mw_host *host,
                    struct mw_request *request, const struct claims *claims)
{
    struct mw_str identity = member(claims, ":identity");
    int64_t until_ms = forward_verdict_until(claims);

    if (until_ms <= host->wall_clock_ms(request))
        return host->deny(request, 401, "forward-auth-expired", NULL);
    if (until_ms != INT64_MAX)
        host->deadline(request, until_ms);
    bool ok = identity.at == NULL || host->identify(request, (struct mw_str){NULL, 0}, identity);
    for (size_t i = 0; ok && i < settings->forward_count; i++) {
        struct mw_str value = member(claims, settings->forwards[i]);
        ok = value.at == NULL || host->forward_header(request, settings->forwards[i], value);
    }
    return ok ? MW_PASS : forward_verdict_fault(settings, host, request, SERVICE_INTERNAL);
}

/* ---- No ---------------------------------------------------------------------------------- */

/* In the service's own words, where they are whole and in clear. */
static enum mw_verdict
refuse(const struct mw_host *host, struct mw_request *request, const struct forward_answer *answer,
       const struct http_answer *http)
{
    struct str type = http_answer_field(http, "Content-Type", 0);
    enum mw_verdict verdict =
        host->deny(request, (int)answer->refused, "forward-auth-refused", answer->challenge);

    if (type.at == NULL)
        type = STR("text/plain");
    if (http->body.len > 0 && http_answer_field(http, "Content-Encoding", 0).at == NULL)
        (void)host->answer_body(request, (struct mw_str){type.at, type.len},
                                (struct mw_str){http->body.at, http->body.len});
    return verdict;
}

/* ---- Any answer ---------------------------------------------------------------------------- */

enum mw_verdict
forward_verdict(const struct forward_auth_settings *settings, const struct mw_host *host,
                struct mw_request *request, const struct forward_answer *answer,
                const struct http_answer *http)
{
    if (answer->fault != SERVICE_NONE)
        return forward_verdict_fault(settings, host, request, answer->fault);
    if (answer->refused != 0)
        return refuse(host, request, answer, http);
    return forward_verdict_yes(settings, host, request, answer->claims);
}

/* ---- Again --------------------------------------------------------------------------------- */

enum mw_verdict
forward_verdict_fault_again(const struct forward_auth_settings *settings,
                            const struct mw_host *host, struct mw_task *task,
                            enum service_fault fault)
{
    return is_passed_over(settings, fault)
               ? MW_PASS
               : host->deny_tunnel(task, service_fault_status(fault), forward_fault_word(fault));
}

enum mw_verdict
forward_verdict_again(const struct forward_auth_settings *settings, const struct mw_host *host,
                      struct mw_task *task, const struct forward_answer *answer)
{
    if (answer->fault != SERVICE_NONE)
        return forward_verdict_fault_again(settings, host, task, answer->fault);
    if (answer->refused != 0)
        return host->deny_tunnel(task, (int)answer->refused, "forward-auth-refused");
    return forward_verdict_until(answer->claims) > clock_wall_ms()
               ? MW_PASS
               : host->deny_tunnel(task, 401, "forward-auth-expired");
}
