/* refusal.c - composing and delivering an answer; see refusal.h. */
#include "gateway/refusal.h"

#include "gateway/worker.h"

static const struct {
    unsigned status;
    struct str phrase;
} phrases[] = {
    {200, {"OK", 2}}, {204, {"No Content", 10}}, {301, {"Moved Permanently", 17}},
    {302, {"Found", 5}}, {303, {"See Other", 9}}, {304, {"Not Modified", 12}},
    {307, {"Temporary Redirect", 18}}, {308, {"Permanent Redirect", 18}},
    {400, {"Bad Request", 11}}, {401, {"Unauthorized", 12}}, {403, {"Forbidden", 9}},
    {404, {"Not Found", 9}}, {405, {"Method Not Allowed", 18}}, {408, {"Request Timeout", 15}},
    {410, {"Gone", 4}}, {414, {"URI Too Long", 12}}, {426, {"Upgrade Required", 16}},
    {429, {"Too Many Requests", 17}}, {431, {"Request Header Fields Too Large", 31}},
    {500, {"Internal Server Error", 21}}, {502, {"Bad Gateway", 11}},
    {503, {"Service Unavailable", 19}}, {504, {"Gateway Timeout", 15}},
};

static struct str
phrase_of(unsigned status)
{
    for (size_t i = 0; i < COUNT_OF(phrases); i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return STR("");
}

unsigned
refusal_status(const struct answer *answer)
{
    return answer->status != 0 ? answer->status : reason_status(answer->reason);
}

const char *
refusal_word(const struct answer *answer)
{
    return answer->word != NULL ? answer->word : reason_word(answer->reason);
}

/* What the status itself demands (RFC 9110 15.5.6, 15.5.22; RFC 6455 4.4). */
static void
write_demanded(struct text *text, unsigned status)
{
    switch (status) {
    case 405:
        text_field(text, STR("Allow"), STR("GET"));
        break;
    case 426:
        text_field(text, STR("Upgrade"), STR("websocket"));
        text_field(text, STR("Sec-WebSocket-Version"), STR("13"));
        break;
    case 429:
    case 503:
        text_field(text, STR("Retry-After"), STR("1")); /* it may be over at once */
        break;
    default:
        break;
    }
}

static void
write_start(struct text *text, unsigned status, uint64_t id)
{
    text_add(text, STR("HTTP/1.1 "));
    text_number(text, status);
    text_add(text, STR(" "));
    text_add(text, phrase_of(status));
    text_add(text, STR("\r\nX-Request-Id: "));
    text_id(text, id);
    text_add(text, STR("\r\n"));
}

static bool
wants_json(const struct request *request)
{
    size_t at = 0;
    const struct http_field *field;
    struct str element, type = STR("application/json");

    if (request->early.at == NULL) /* the head was never whole */
        return false;
    while ((field = http_find(&request->head, STR("accept"), &at)) != NULL)
        for (struct str rest = field->value; http_list_next(&rest, &element);) {
            const char *parameters = memchr(element.at, ';', element.len);
            if (parameters != NULL)
                element.len = (size_t)(parameters - element.at);
            if (str_equal_nocase(str_trim(element), type))
                return true;
        }
    return false;
}

static void
write_body(struct text *text, unsigned status, uint64_t id, bool json, bool head)
{
    char space[192];
    struct text body = {space, 0, sizeof(space), false};

    text_add(&body, json ? STR("{\"status\":") : STR(""));
    text_number(&body, status);
    text_add(&body, json ? STR(",\"message\":\"") : STR(" "));
    text_add(&body, phrase_of(status));
    text_add(&body, json ? STR("\",\"request_id\":\"") : STR("\nRequest: "));
    text_id(&body, id);
    text_add(&body, json ? STR("\"}\n") : STR("\n"));

    text_field(text, STR("Content-Type"),
               json ? STR("application/json") : STR("text/plain; charset=utf-8"));
    text_field(text, STR("Cache-Control"), STR("no-store"));
    text_add(text, STR("Content-Length: "));
    text_number(text, body.len);
    text_add(text, STR("\r\n\r\n"));
    if (!head) /* the answer to HEAD has none (RFC 9110 9.3.2) */
        text_add(text, text_str(&body));
}

/* 204 and 304 have neither a body nor a length (RFC 9110 8.6). */
static void
write_backend_body(const struct answer *answer, struct text *text, unsigned status)
{
    bool bare = status == 204 || status == 304;

    text_add(text, answer->fields);
    if (!bare) {
        text_add(text, STR("Content-Length: "));
        text_number(text, answer->body.len);
        text_add(text, STR("\r\n"));
    }
    text_add(text, STR("\r\n"));
    if (!bare)
        text_add(text, answer->body);
}

bool
refusal_compose(const struct request *request, struct text *text)
{
    const struct answer *answer = &request->answer;
    unsigned status = refusal_status(answer);

    write_start(text, status, request->id);
    text_add(text, STR("Connection: close"));
    if (status == 426 && answer->reason != REASON_BACKEND_REFUSED)
        text_add(text, STR(", Upgrade")); /* it names the Upgrade field (RFC 9110 7.8) */
    text_add(text, STR("\r\n"));
    if (answer->reason == REASON_BACKEND_REFUSED) {
        write_backend_body(answer, text, status);
        return !text->full;
    }
    if (answer->challenge.at != NULL)
        text_field(text, STR("WWW-Authenticate"), answer->challenge);
    write_demanded(text, status);
    write_body(text, status, request->id, wants_json(request),
               str_equal(request->head.method, STR("HEAD")));
    return !text->full;
}

void
refusal_turn_away(enum reason reason, uint64_t id, struct text *text)
{
    const struct answer answer = {.reason = reason};

    write_start(text, refusal_status(&answer), id);
    text_add(text, STR("Connection: close\r\n"));
    write_demanded(text, refusal_status(&answer));
    write_body(text, refusal_status(&answer), id, false, false);
}

/* ---- Delivery ----------------------------------------------------------------- */

static enum step
linger(struct side *client)
{
    side_shutdown(client);
    return side_read_on(client) ? STEP_WAIT : STEP_FAILED;
}

enum step
refusal_start(struct request *request, struct side *client)
{
    const struct answer *answer = &request->answer;
    size_t need = 1024 + answer->challenge.len + answer->fields.len + answer->body.len;
    struct text text = {request->worker->buffer, 0, WORKER_BUFFER_BYTES, false};

    if (need > text.cap)
        text = (struct text){arena_alloc(&request->arena, need), 0, need, false};
    if (text.at == NULL || !refusal_compose(request, &text))
        return STEP_FAILED;
    switch (side_send(client, text.at, text.len)) {
    case SIDE_SENT:
        return linger(client);
    case SIDE_KEPT:
        side_read_off(client); /* first our answer, then the rest of what it says */
        return STEP_WAIT;
    case SIDE_FAILED:
        break;
    }
    return STEP_FAILED;
}

enum step
refusal_writable(struct side *client)
{
    switch (side_flush(client)) {
    case SIDE_SENT:
        return linger(client);
    case SIDE_KEPT:
        return STEP_WAIT;
    case SIDE_FAILED:
        break;
    }
    return STEP_FAILED;
}

enum step
refusal_readable(struct side *client, char *buffer, size_t bytes, size_t *dropped)
{
    struct stream_result result = stream_read(&client->stream, buffer, bytes);

    switch (result.status) {
    case STREAM_OK:
        *dropped += result.n;
        return *dropped > REFUSAL_LINGER_BYTES_MAX ? STEP_DONE : STEP_WAIT;
    case STREAM_AGAIN:
        return STEP_WAIT;
    case STREAM_END:
    case STREAM_ERROR:
        break;
    }
    return STEP_DONE;
}
