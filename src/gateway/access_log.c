/* access_log.c - the two lines of a connection; see access_log.h. */
#include "gateway/access_log.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "gateway/refusal.h"

static void
log_id(struct log_line *line, uint64_t id)
{
    char digits[16];
    struct text text = {digits, 0, sizeof(digits), false};

    text_id(&text, id);
    log_str(line, "id", text_str(&text));
}

static void
log_address(struct log_line *line, const char *name, const struct sockaddr *sockaddr)
{
    char buffer[ADDRESS_TEXT_MAX];
    struct address address;

    address_of(&address, sockaddr);
    log_str(line, name, address_format(&address, buffer));
}

static const char *
listener_name(const struct listener_settings *listener)
{
    return listener->name != NULL && listener->name[0] != '\0' ? listener->name : listener->text;
}

/* Only what the parser has accepted: a head that was refused has no host and no path. */
static void
log_request(struct log_line *line, const struct request *request)
{
    if (request->route != NULL)
        log_int(line, "route", (int64_t)request->route->index);
    log_str(line, "method", request->head.method);
    log_str(line, "host", request->host.name);
    log_str(line, "path", request->target.path);
}

/* Who it is, as far as anybody has said. */
static void
log_findings(struct log_line *line, const struct request *request)
{
    log_str(line, "issuer", request->who.issuer);
    log_str(line, "subject", request->who.subject);
    for (size_t i = 0; i < request->label_count; i++)
        log_str(line, request->labels[i].name.at, request->labels[i].value);
}

static void
log_answer(struct log_line *line, const struct answer *answer, const char *reason)
{
    log_text(line, "reason", reason);
    log_text(line, "module", answer->module);
    log_text(line, "detail", answer->detail);
}

static void
begin_handshake(struct log_line *line, struct log *log, const struct request *request,
                const char *event)
{
    log_begin(line, log, LOG_ACCESS, LOG_LEVEL_INFO, event);
    log_id(line, request->id);
    log_address(line, "peer", request->socket);
    if (request->peer != request->socket)
        log_address(line, "client", request->peer);
    log_text(line, "listener", listener_name(request->listener));
    log_request(line, request);
}

void
access_log_handshake(struct log *log, const struct request *request, unsigned status,
                     const char *server)
{
    const struct answer *answer = &request->answer;
    struct log_line line UNINITIALIZED;

    begin_handshake(&line, log, request, "handshake");
    log_int(&line, "status", status);
    if (answer->close_code != 0)
        log_int(&line, "close_code", answer->close_code);
    log_answer(&line, answer, status == 101 ? "upgraded" : refusal_word(answer));
    if (request->route != NULL && (status == 101 || server != NULL))
        log_text(&line, "backend", request->route->backend->name);
    log_text(&line, "server", server);
    log_findings(&line, request);
    log_int(&line, "duration_ms", (int64_t)(clock_monotonic_us() - request->started_us) / 1000);
    log_end(&line);
}

void
access_log_dry_run(struct log *log, const struct request *request)
{
    struct log_line line UNINITIALIZED;

    begin_handshake(&line, log, request, "dry-run");
    log_int(&line, "status", refusal_status(&request->answer));
    log_answer(&line, &request->answer, refusal_word(&request->answer));
    log_findings(&line, request);
    log_end(&line);
}

void
access_log_turned_away(struct log *log, uint64_t id, const struct sockaddr *peer,
                       const struct listener_settings *listener, enum reason reason)
{
    struct log_line line UNINITIALIZED;

    log_begin(&line, log, LOG_ACCESS, LOG_LEVEL_INFO, "handshake");
    log_id(&line, id);
    log_address(&line, "peer", peer);
    log_text(&line, "listener", listener_name(listener));
    log_int(&line, "status", reason_status(reason));
    log_text(&line, "reason", reason_word(reason));
    log_int(&line, "duration_ms", 0);
    log_end(&line);
}

static void
begin_tunnel(struct log_line *line, struct log *log, const struct tunnel_record *record,
             enum reason reason, const char *event)
{
    log_begin(line, log, LOG_ACCESS, LOG_LEVEL_INFO, event);
    log_id(line, record->id);
    log_address(line, record->named ? "client" : "peer", record->peer);
    log_int(line, "route", record->route);
    log_text(line, "reason", reason_word(reason));
    log_text(line, "module", record->module);
    log_text(line, "detail", record->detail);
}

void
access_log_tunnel_dry_run(struct log *log, const struct tunnel_record *record, enum reason reason)
{
    struct log_line line UNINITIALIZED;

    begin_tunnel(&line, log, record, reason, "dry-run");
    log_end(&line);
}

void
access_log_tunnel(struct log *log, const struct tunnel_record *record, const struct tunnel *tunnel,
                  enum reason reason)
{
    struct log_line line UNINITIALIZED;

    begin_tunnel(&line, log, record, reason, "tunnel");
    log_text(&line, "initiator", reason_initiator(reason));
    if (tunnel->close_code != 0)
        log_int(&line, "close_code", tunnel->close_code);
    log_int(&line, "duration_ms", (int64_t)(clock_monotonic_us() - record->started_us) / 1000);
    log_int(&line, "bytes_in", (int64_t)tunnel->bytes[CLIENT]);
    log_int(&line, "bytes_out", (int64_t)tunnel->bytes[BACKEND]);
    if (tunnel->rules->terms.checked) {
        log_int(&line, "messages_in", (int64_t)tunnel->frames[CLIENT].messages);
        log_int(&line, "messages_out", (int64_t)tunnel->frames[BACKEND].messages);
    }
    log_end(&line);
}
