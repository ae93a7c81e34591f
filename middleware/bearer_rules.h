/*
 * bearer_rules.h - the option `claims` of modules that admit by bearer token, and what a token that
 * breaks a rule is told.
 */
#ifndef WSGATE_BEARER_RULES_H
#define WSGATE_BEARER_RULES_H

#include "token/claim_rules.h"

#include <wsgate/middleware.h>

/* The members of a rule. */
extern const struct mw_option bearer_rule_options[];

/* Reads `claims`; *rules is NULL when there are none. false: every fault was reported. The caller
 * frees *rules either way. */
bool bearer_rules_read(struct claim_rules **rules, const struct mw_options *options,
                    const struct mw_host *host) MUST_CHECK;

/*
 * MW_PASS, or the refusal: 403 with the challenge, which names the scope where a rule about `scope`
 * is broken. The labels "claim" and "rule" say which, never what the claim was; "capture" is the
 * name of one that the path has not, or not in a form that may stand in a value.
 */
enum mw_verdict bearer_rules_judge(const struct claim_rules *rules, const struct mw_host *host,
                                struct mw_request *request, const struct json_node *claims,
                                const char *challenge) MUST_CHECK;
/* Do all hold of a live tunnel? With the captures that it was opened with. */
bool bearer_rules_hold(const struct claim_rules *rules, const struct mw_host *host,
                       const struct mw_task *task, const struct json_node *claims) MUST_CHECK;

#endif
