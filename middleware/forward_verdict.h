/*
 * forward_verdict.h - what a forward_auth service's answer comes to: for a handshake, and for a
 * tunnel that is judged again.
 */
#ifndef WSGATE_FORWARD_VERDICT_H
#define WSGATE_FORWARD_VERDICT_H

#include "forward_answer.h"

/* Nobody has said yes or no. */
enum mw_verdict forward_verdict_fault(const struct forward_auth_settings *settings,
                                      const struct mw_host *host, struct mw_request *request,
                                      enum service_fault fault);
/* Yes, as it was said now or before: the request gets what comes with it. */
enum mw_verdict forward_verdict_yes(const struct forward_auth_settings *settings,
                                    const struct mw_host *host, struct mw_request *request,
                                    const struct claims *claims);
/* Of an answer; http: the same, for the words of a no. */
enum mw_verdict forward_verdict(const struct forward_auth_settings *settings,
                                const struct mw_host *host, struct mw_request *request,
                                const struct forward_answer *answer,
                                const struct http_answer *http);
/* Both of a tunnel. */
enum mw_verdict forward_verdict_fault_again(const struct forward_auth_settings *settings,
                                            const struct mw_host *host, struct mw_task *task,
                                            enum service_fault fault);
enum mw_verdict forward_verdict_again(const struct forward_auth_settings *settings,
                                      const struct mw_host *host, struct mw_task *task,
                                      const struct forward_answer *answer);
/* Until when a yes holds, in ms since 1970; INT64_MAX: it does not say. */
int64_t forward_verdict_until(const struct claims *claims);

#endif
