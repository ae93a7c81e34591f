/* introspection_answer.c - see introspection_answer.h. */
#include "introspection_answer.h"

#include "token/token_entry.h"

static const struct introspection_fault_row rows[] = {
#define X(name, word, status) [INTROSPECTION_##name] = {(word), (status)},
    INTROSPECTION_FAULTS(X)
#undef X
};

const struct introspection_fault_row *
introspection_fault(enum introspection_fault fault)
{
    return &rows[fault];
}

static enum introspection_fault
fault_of(const struct http_answer *http)
{
    if (http->outcome == HTTP_TIMEOUT)
        return INTROSPECTION_TIMEOUT;
    if (http->outcome == HTTP_TOO_LARGE)
        return INTROSPECTION_GARBLED;
    if (http->outcome != HTTP_ANSWERED)
        return INTROSPECTION_UNREACHABLE;
    if (http->status == 400 || http->status == 401 || http->status == 403)
        return INTROSPECTION_REFUSED;
    return http->status == 200 ? INTROSPECTION_NONE : INTROSPECTION_STATUS;
}

void
introspection_answer_read(struct introspection_answer *answer, const struct http_answer *http)
{
    *answer = (struct introspection_answer){.fault = fault_of(http)};
    if (answer->fault != INTROSPECTION_NONE)
        return;
    answer->own = claims_of_text(http->body);
    answer->claims = answer->own ? answer->own->all : NULL;
    const struct json_node *active = json_node_member(answer->claims, STR("active"));
    answer->active = json_node_is(active, JSON_NODE_TRUE);
    if (answer->active || json_node_is(active, JSON_NODE_FALSE))
        return;
    introspection_answer_free(answer);
    answer->fault = INTROSPECTION_GARBLED;
}

void
introspection_answer_free(struct introspection_answer *answer)
{
    token_entry_unref(answer->entry);
    claims_free(answer->own);
    *answer = (struct introspection_answer){.fault = INTROSPECTION_INTERNAL};
}
