/* introspection_answer.c - see introspection_answer.h. */
#include "introspection_answer.h"

#include "token/token_entry.h"

static const char *const words[] = {
#define X(name, word, status) [SERVICE_##name] = "introspection-" word,
    SERVICE_FAULTS(X)
#undef X
};

const char *
introspection_fault_word(enum service_fault fault)
{
    return words[fault];
}

static enum service_fault
fault_of(const struct http_answer *http)
{
    enum service_fault fault = service_fault_of(http);

    if (fault != SERVICE_NONE || http->status == 200)
        return fault;
    return http->status == 400 || http->status == 401 || http->status == 403 ? SERVICE_UNWANTED
                                                                             : SERVICE_STATUS;
}

void
introspection_answer_read(struct introspection_answer *answer, const struct http_answer *http)
{
    *answer = (struct introspection_answer){.fault = fault_of(http)};
    if (answer->fault != SERVICE_NONE)
        return;
    answer->own = claims_of_text(http->body);
    answer->claims = answer->own ? answer->own->all : NULL;
    const struct json_node *active = json_node_member(answer->claims, STR("active"));
    answer->active = json_node_is(active, JSON_NODE_TRUE);
    if (answer->active || json_node_is(active, JSON_NODE_FALSE))
        return;
    introspection_answer_free(answer);
    answer->fault = SERVICE_GARBLED;
}

void
introspection_answer_free(struct introspection_answer *answer)
{
    token_entry_unref(answer->entry);
    claims_free(answer->own);
    *answer = (struct introspection_answer){.fault = SERVICE_INTERNAL};
}
