/* introspection_answer.c - see introspection_answer.h. */
#include "introspection_answer.h"

#include "protocol/jose.h"

#include <jansson.h>

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

static void
read_body(struct introspection_answer *answer, struct str body, enum introspection_fault otherwise)
{
    json_t *claims = jose_json(body);
    const json_t *active = json_object_get(claims, "active");

    *answer = (struct introspection_answer){otherwise, false, NULL};
    if (json_is_boolean(active))
        *answer = (struct introspection_answer){INTROSPECTION_NONE, json_is_true(active), claims};
    else
        json_decref(claims);
}

void
introspection_answer_read(struct introspection_answer *answer, const struct http_answer *http)
{
    *answer = (struct introspection_answer){fault_of(http), false, NULL};
    if (answer->fault == INTROSPECTION_NONE)
        read_body(answer, http->body, INTROSPECTION_GARBLED);
}

void
introspection_answer_reread(struct introspection_answer *answer, struct str body)
{
    read_body(answer, body, INTROSPECTION_INTERNAL);
}

void
introspection_answer_free(struct introspection_answer *answer)
{
    json_decref(answer->claims);
    answer->claims = NULL;
}
