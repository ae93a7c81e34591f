/* forward_answer.c - see forward_answer.h. */
#include "forward_answer.h"

#include "base/text.h"
#include "protocol/utf8.h"
#include "token/claims.h"

#include <stdlib.h>

enum {
    MEMBERS_MAX = FORWARD_AUTH_NAMES_MAX + 2,
    /* A field may be handed on, and say who it is and until when. What joins two is shorter than
     * what parted them. */
    ROOM = 3 * HTTP_CLIENT_HEAD_MAX,
};

static const char *const words[] = {
#define X(name, word, status) [SERVICE_##name] = "forward-auth-" word,
    SERVICE_FAULTS(X)
#undef X
};

const char *
forward_fault_word(enum service_fault fault)
{
    return words[fault];
}

/* All fields of that name as one list. at == NULL: there is none. */
static struct str
join(struct text *room, const struct http_answer *http, const char *name)
{
    size_t start = room->len, i = 0;
    struct str value;

    for (; value = http_answer_field(http, name, i), value.at != NULL; i++) {
        text_add(room, i > 0 ? STR(", ") : STR(""));
        text_add(room, value);
    }
    return i > 0 ? (struct str){room->at + start, room->len - start} : STR_NONE;
}

/* ---- A yes as claims ------------------------------------------------------------------- */

struct reading {
    const struct http_answer *http;
    struct text room;
    struct claim_string members[MEMBERS_MAX];
    size_t count;
};

/* UTF-8 without controls, so that it fits into a header and into a log. */
static bool
is_text(struct str value)
{
    uint8_t state = UTF8_WHOLE;

    for (size_t i = 0; i < value.len && state != UTF8_BAD; i++) {
        unsigned char c = (unsigned char)value.at[i];
        state = (c < ' ' && c != '\t') || c == 0x7F ? UTF8_BAD : utf8_next(state, c);
    }
    return state == UTF8_WHOLE;
}

/* Takes what is there. */
static enum service_fault
take(struct reading *reading, const char *name, const char *header)
{
    struct str value = join(&reading->room, reading->http, header);

    if (reading->room.full || (value.at != NULL && !is_text(value)))
        return SERVICE_GARBLED;
    if (value.at != NULL)
        reading->members[reading->count++] = (struct claim_string){str_of(name), value};
    return SERVICE_NONE;
}

/* The same of what must not be there twice. */
static enum service_fault
take_one(struct reading *reading, const char *name, const char *header)
{
    if (header == NULL)
        return SERVICE_NONE;
    return http_answer_field(reading->http, header, 1).at != NULL ? SERVICE_GARBLED
                                                                  : take(reading, name, header);
}

static enum service_fault
take_identity(struct reading *reading, const char *header)
{
    if (header != NULL && http_answer_field(reading->http, header, 0).len == 0)
        return SERVICE_NAMELESS;
    return take_one(reading, ":identity", header);
}

static enum service_fault
take_all(struct reading *reading, const struct forward_auth_settings *settings)
{
    enum service_fault fault = take_identity(reading, settings->identity_header);

    if (fault == SERVICE_NONE)
        fault = take_one(reading, ":deadline", settings->deadline_header);
    for (size_t i = 0; fault == SERVICE_NONE && i < settings->forward_count; i++)
        fault = take(reading, settings->forwards[i], settings->forwards[i]);
    return fault;
}

static void
read_yes(struct forward_answer *answer, const struct forward_auth_settings *settings,
         const struct http_answer *http)
{
    struct reading reading = {.http = http, .room = {malloc(ROOM), 0, ROOM, false}};

    answer->fault = reading.room.at != NULL ? take_all(&reading, settings) : SERVICE_INTERNAL;
    if (answer->fault == SERVICE_NONE) {
        answer->claims = claims_of_strings(reading.members, reading.count);
        answer->fault = answer->claims != NULL ? SERVICE_NONE : SERVICE_INTERNAL;
    }
    free(reading.room.at);
}

/* ---- Any answer ------------------------------------------------------------------------ */

/* Without memory it has no challenge, and is no all the same. */
static void
read_no(struct forward_answer *answer, const struct http_answer *http)
{
    struct text room = {malloc(ROOM), 0, ROOM, false};

    answer->fault = SERVICE_NONE;
    answer->refused = http->head_status;
    if (room.at == NULL)
        return;
    bool found = join(&room, http, "WWW-Authenticate").at != NULL;
    text_add(&room, (struct str){"", 1});
    if (found && !room.full)
        answer->challenge = room.at;
    else
        free(room.at);
}

void
forward_answer_read(struct forward_answer *answer, const struct forward_auth_settings *settings,
                    const struct http_answer *http)
{
    *answer = (struct forward_answer){.fault = service_fault_of(http)};
    if (http->head_status == 401 || http->head_status == 403)
        read_no(answer, http);
    else if (answer->fault == SERVICE_NONE && http->status >= 200 && http->status <= 299)
        read_yes(answer, settings, http);
    else if (answer->fault == SERVICE_NONE)
        answer->fault = SERVICE_STATUS;
}

void
forward_answer_free(struct forward_answer *answer)
{
    free(answer->challenge);
    claims_free(answer->claims);
    *answer = (struct forward_answer){.fault = SERVICE_INTERNAL};
}
