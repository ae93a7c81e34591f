/* forward_answer.c - see forward_answer.h. */
#include "forward_answer.h"

#include "base/text.h"
#include "token/claims.h"

#include <stdlib.h>

static const struct forward_fault_row rows[] = {
#define X(name, word, status) [FORWARD_##name] = {(word), (status)},
    FORWARD_FAULTS(X)
#undef X
};

const struct forward_fault_row *
forward_fault(enum forward_fault fault)
{
    return &rows[fault];
}

bool
forward_fault_is_the_services(enum forward_fault fault)
{
    return fault == FORWARD_TIMEOUT || fault == FORWARD_UNREACHABLE || fault == FORWARD_STATUS ||
           fault == FORWARD_GARBLED;
}

/* ---- A yes as claims ------------------------------------------------------------------- */

static void
put_string(struct text *text, struct str string)
{
    text_add(text, STR("\""));
    for (size_t i = 0; i < string.len; i++) {
        if (string.at[i] == '"' || string.at[i] == '\\')
            text_add(text, STR("\\"));
        text_add(text, string.at[i] == '\t' ? STR("\\t") : (struct str){string.at + i, 1});
    }
    text_add(text, STR("\""));
}

static void
put_member(struct text *text, const char *name, struct str value)
{
    if (value.at == NULL)
        return;
    text_add(text, text->len > 1 ? STR(",") : STR(""));
    put_string(text, str_of(name));
    text_add(text, STR(":"));
    put_string(text, value);
}

static struct str
wanted(const struct http_answer *http, const char *header)
{
    return header ? http_answer_field(http, header, 0) : STR_NONE;
}

static void
write_yes(struct text *text, const struct forward_auth_settings *settings,
          const struct http_answer *http)
{
    text_add(text, STR("{"));
    put_member(text, ":identity", wanted(http, settings->identity_header));
    put_member(text, ":deadline", wanted(http, settings->deadline_header));
    for (size_t i = 0; i < settings->forward_count; i++)
        put_member(text, settings->forwards[i], wanted(http, settings->forwards[i]));
    text_add(text, STR("}"));
}

static enum forward_fault
read_yes(struct forward_answer *answer, const struct forward_auth_settings *settings,
         const struct http_answer *http)
{
    size_t room = 2 * (HTTP_CLIENT_HEAD_MAX + 4096);
    struct text text = {malloc(room), 0, room, false};

    if (text.at == NULL)
        return FORWARD_INTERNAL;
    write_yes(&text, settings, http);
    if (!text.full)
        answer->claims = claims_of_text(text_str(&text));
    free(text.at);
    return answer->claims != NULL ? FORWARD_NONE : FORWARD_GARBLED;
}

/* ---- Any answer ------------------------------------------------------------------------ */

void
forward_answer_read(struct forward_answer *answer, const struct forward_auth_settings *settings,
                    const struct http_answer *http)
{
    *answer = (struct forward_answer){FORWARD_STATUS, 0, NULL};
    if (http->outcome == HTTP_TIMEOUT)
        answer->fault = FORWARD_TIMEOUT;
    else if (http->outcome == HTTP_TOO_LARGE)
        answer->fault = FORWARD_GARBLED;
    else if (http->outcome != HTTP_ANSWERED)
        answer->fault = FORWARD_UNREACHABLE;
    else if (http->status >= 200 && http->status <= 299)
        answer->fault = read_yes(answer, settings, http);
    else if (http->status == 401 || http->status == 403)
        *answer = (struct forward_answer){FORWARD_NONE, http->status, NULL};
}
