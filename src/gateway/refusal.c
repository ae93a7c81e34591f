/* refusal.c - composing and delivering an answer; see refusal.h. */
#include "gateway/refusal.h"

#include "gateway/forward.h"
#include "gateway/refusal_close.h"
#include "gateway/worker.h"

/* IANA's registry of final statuses; a backend may answer any of them. */
static const struct {
    unsigned status;
    const char *phrase;
} phrases[] = {
    {200, "OK"}, {201, "Created"}, {202, "Accepted"}, {203, "Non-Authoritative Information"},
    {204, "No Content"}, {205, "Reset Content"}, {206, "Partial Content"}, {207, "Multi-Status"},
    {208, "Already Reported"}, {226, "IM Used"}, {300, "Multiple Choices"},
    {301, "Moved Permanently"}, {302, "Found"}, {303, "See Other"}, {304, "Not Modified"},
    {305, "Use Proxy"}, {307, "Temporary Redirect"}, {308, "Permanent Redirect"},
    {400, "Bad Request"}, {401, "Unauthorized"}, {402, "Payment Required"}, {403, "Forbidden"},
    {404, "Not Found"}, {405, "Method Not Allowed"}, {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"}, {408, "Request Timeout"}, {409, "Conflict"},
    {410, "Gone"}, {411, "Length Required"}, {412, "Precondition Failed"},
    {413, "Content Too Large"}, {414, "URI Too Long"}, {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"}, {417, "Expectation Failed"}, {421, "Misdirected Request"},
    {422, "Unprocessable Content"}, {423, "Locked"}, {424, "Failed Dependency"}, {425, "Too Early"},
    {426, "Upgrade Required"}, {428, "Precondition Required"}, {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"}, {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"}, {501, "Not Implemented"}, {502, "Bad Gateway"},
    {503, "Service Unavailable"}, {504, "Gateway Timeout"}, {505, "HTTP Version Not Supported"},
    {506, "Variant Also Negotiates"}, {507, "Insufficient Storage"}, {508, "Loop Detected"},
    {510, "Not Extended"}, {511, "Network Authentication Required"},
};

static struct str
phrase_of(unsigned status)
{
    for (size_t i = 0; i < COUNT_OF(phrases); i++)
        if (phrases[i].status == status)
            return str_of(phrases[i].phrase);
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

/* RFC 9110 10.2.3. Without a better word: it may be over at once. */
static void
write_retry_after(struct text *text, uint32_t seconds)
{
    text_add(text, STR("Retry-After: "));
    text_number(text, seconds > 0 ? seconds : 1);
    text_add(text, STR("\r\n"));
}

/* What the status itself demands (RFC 9110 15.5.6, 15.5.22; RFC 6455 4.4). */
static void
write_demanded(struct text *text, unsigned status, uint32_t retry_after_s)
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
        write_retry_after(text, retry_after_s);
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

/* The last fields of the head. */
static void
write_body_fields(struct text *text, struct str type, size_t len)
{
    text_field(text, STR("Content-Type"), type);
    text_field(text, STR("Cache-Control"), STR("no-store"));
    text_add(text, STR("Content-Length: "));
    text_number(text, len);
    text_add(text, STR("\r\n\r\n"));
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

    write_body_fields(text, json ? STR("application/json") : STR("text/plain; charset=utf-8"),
                      body.len);
    if (!head) /* the answer to HEAD has none (RFC 9110 9.3.2) */
        text_add(text, text_str(&body));
}

/* A body that is not ours, at the end; 204 and 304 have neither one nor a length (RFC 9110 8.6). */
static struct str
foreign_body(const struct answer *answer)
{
    bool none = answer->status == 204 || answer->status == 304 || answer->close_code != 0;

    return none ? STR_NONE : answer->body;
}

static void
write_backend_fields(const struct request *request, struct text *text)
{
    struct str body = foreign_body(&request->answer);

    if (!forward_answer_fields(&request->upgrade.head, text))
        return;
    if (body.at != NULL) {
        text_add(text, STR("Content-Length: "));
        text_number(text, body.len);
        text_add(text, STR("\r\n"));
    }
    text_add(text, STR("\r\n"));
}

static void
write_answer(const struct request *request, struct text *text)
{
    const struct answer *answer = &request->answer;
    unsigned status = refusal_status(answer);

    if (answer->close_code != 0) {
        refusal_close_head(request, text);
        return;
    }
    write_start(text, status, request->id);
    text_add(text, STR("Connection: close"));
    if (status == 426 && answer->reason != REASON_BACKEND_REFUSED)
        text_add(text, STR(", Upgrade")); /* it names the Upgrade field (RFC 9110 7.8) */
    text_add(text, STR("\r\n"));
    if (answer->reason == REASON_BACKEND_REFUSED) {
        write_backend_fields(request, text);
        return;
    }
    if (answer->challenge.at != NULL)
        text_field(text, STR("WWW-Authenticate"), answer->challenge);
    write_demanded(text, status, answer->retry_after_s);
    if (answer->body.at != NULL)
        write_body_fields(text, answer->body_type, answer->body.len);
    else
        write_body(text, status, request->id, wants_json(request),
               str_equal(request->head.method, STR("HEAD")));
}

void
refusal_compose(struct request *request, struct text *text)
{
    struct answer *answer = &request->answer;
    size_t start = text->len;

    answer->close_code = refusal_close_code(request);
    write_answer(request, text);
    if (!text->full)
        return;
    enum reason reason = answer->reason == REASON_BACKEND_REFUSED ? REASON_BACKEND_BODY
                                                                  : REASON_NO_MEMORY;
    *answer = (struct answer){
        .reason = reason, .module = answer->module, .detail = "the answer is too large"};
    text->len = start;
    text->full = false;
    write_answer(request, text);
}

void
refusal_turn_away(enum reason reason, uint64_t id, struct text *text)
{
    const struct answer answer = {.reason = reason};

    write_start(text, refusal_status(&answer), id);
    text_add(text, STR("Connection: close\r\n"));
    write_demanded(text, refusal_status(&answer), 0);
    write_body(text, refusal_status(&answer), id, false, false);
}

/* ---- Delivery ----------------------------------------------------------------- */

static enum step
linger(struct side *client)
{
    side_shutdown(client);
    return side_read_on(client) ? STEP_WAIT : STEP_DONE;
}

enum step
refusal_start(struct request *request, struct side *client)
{
    struct text text = {request->worker->buffer, 0, WORKER_BUFFER_BYTES, false};

    refusal_compose(request, &text);
    if (request->answer.close_code != 0)
        refusal_close_frame(&request->answer, &text);
    enum side_sent sent = side_send_more(client, text.at, text.len);
    struct str body = foreign_body(&request->answer);
    if (sent != SIDE_FAILED && body.len > 0)
        sent = side_send_more(client, body.at, body.len);
    switch (sent) {
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
    struct stream_result result = side_read(client, buffer, bytes);

    switch (result.status) {
    case STREAM_OK:
        *dropped += result.n;
        return *dropped > REFUSAL_LINGER_BYTES_MAX ? STEP_DONE : STEP_WAIT;
    case STREAM_AGAIN:
        return STEP_WAIT;
    case STREAM_END:
    case STREAM_CUT:
    case STREAM_ERROR:
        break;
    }
    return STEP_DONE;
}
