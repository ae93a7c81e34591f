/* tunnel_rules.c - sets of rules, each kept once; see tunnel_rules.h. */
#include "gateway/tunnel_rules.h"

#include <stdlib.h>

/* Those asked for last stand first. */
static struct tunnel_rules *
take(struct tunnel_rules **list, const struct tunnel_terms *terms)
{
    for (struct tunnel_rules **at = list; *at != NULL; at = &(*at)->next)
        if (memcmp(&(*at)->terms, terms, sizeof(*terms)) == 0) {
            struct tunnel_rules *found = *at;
            *at = found->next;
            return found;
        }
    return calloc(1, sizeof(struct tunnel_rules));
}

const struct tunnel_rules *
tunnel_rules_hold(struct tunnel_rules **list, const struct tunnel_terms *terms)
{
    struct tunnel_rules *rules = take(list, terms);

    if (rules == NULL)
        return NULL;
    memcpy(&rules->terms, terms, sizeof(*terms));
    rules->tunnels++;
    rules->next = *list;
    *list = rules;
    return rules;
}

void
tunnel_rules_drop(struct tunnel_rules **list, const struct tunnel_rules *rules)
{
    struct tunnel_rules **at = list;

    if (rules == NULL)
        return;
    while (*at != rules)
        at = &(*at)->next;
    if (--(*at)->tunnels > 0)
        return;
    *at = rules->next;
    free((void *)(uintptr_t)rules);
}
