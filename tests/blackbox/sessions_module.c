/*
 * sessions_module.c - a test-only middleware that lets in whom the request's fields name, and gives
 * orders about sessions: at SIGUSR2 its part on the control thread reads its file of
 * commands, one on a line, and writes what comes of each to the error log, as JSON.
 *
 *   count|list|kill [FIELD=VALUE]...
 *   revoke token_id=ID | sid=ID | [issuer=TEXT] subject=TEXT
 *
 * A field is a filter's: id, label (NAME or NAME:VALUE), address, a text by its word; or page,
 * after which `list` goes on until the last page. It is built with the gateway's interior.
 */
#include "sessions_module.h"

#include "gateway/module_host.h"
#include "gateway/revoke.h"
#include "gateway/worker.h"

#include <event2/event.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct control;

struct sessions_instance {
    const struct mw_host *host;
    const char *commands; /* path */
    struct control *control;
};

struct control {
    const struct sessions_instance *instance;
    struct mw_worker *view;
    struct event *signal;
    uint64_t listed;
    struct session_query query; /* of the list that goes on */
    unsigned pages;
    char line[512]; /* the filter's texts lie there */
};

static const struct mw_option options[] = {
    {.word = "commands", .type = MW_STRING, .flags = MW_REQUIRED, .help = "The file of orders."},
    {.word = NULL},
};

static void *
setup(const struct mw_options *opts, const struct mw_host *host)
{
    struct sessions_instance *instance = calloc(1, sizeof(*instance));

    if (instance == NULL)
        return NULL;
    instance->host = host;
    instance->commands = host->option_string(opts, "commands");
    instance->control = calloc(1, sizeof(struct control));
    if (instance->control != NULL)
        return instance;
    free(instance);
    return NULL;
}

static void
teardown(void *arg)
{
    struct sessions_instance *instance = arg;

    free(instance->control);
    free(instance);
}

/* ---- Who it is ---------------------------------------------------------------------- */

static enum mw_verdict
decide(const void *arg, void *state, struct mw_request *request)
{
    const struct sessions_instance *instance = arg;
    const struct mw_host *host = instance->host;
    struct mw_str label = host->header(request, "Label", 0);

    (void)state;
    (void)host->identify(request, host->header(request, "Issuer", 0),
                         host->header(request, "Subject", 0));
    (void)host->identify_token(request, host->header(request, "Token-Id", 0),
                               host->header(request, "Sid", 0));
    if (label.at != NULL)
        (void)host->label(request, "room", label);
    host->deadline(request, host->wall_clock_ms(request) + 3600000);
    return MW_PASS;
}

/* ---- Orders --------------------------------------------------------------------------- */

static void
say_record(const struct control *control, const struct session_record *record)
{
    char text[900], peer[ADDRESS_TEXT_MAX];
    size_t at = 0;

    for (unsigned i = 0; i < SESSION_TEXT_COUNT; i++)
        if (record->texts[i].at != NULL)
            at += (size_t)snprintf(text + at, sizeof(text) - at, " %s=" STR_FMT,
                                   session_text_word(i), STR_ARG(record->texts[i]));
    for (size_t i = 0; i < record->label_count; i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, " label=" STR_FMT ":" STR_FMT,
                               STR_ARG(record->labels[i].name), STR_ARG(record->labels[i].value));
    struct str address = address_format(&record->peer, peer);
    control->instance->host->log(
        control->instance->host, MW_LOG_INFO, "session",
        "id=%016" PRIx64 " state=%s server=" STR_FMT " peer=" STR_FMT " started=%" PRId64
        " deadline=%" PRId64 " in=%" PRIu64 " out=%" PRIu64 " messages_in=%" PRIu64
        " messages_out=%" PRIu64 "%.*s",
        record->id, record->state, STR_ARG(record->server), STR_ARG(address),
        record->started_wall_ms, record->deadline_wall_ms, record->bytes[0], record->bytes[1],
        record->messages[0], record->messages[1], (int)at, text);
}

static void order(struct control *control);

static void
on_answered(const struct session_answer *answer, void *arg)
{
    struct control *control = arg;
    const struct mw_host *host = control->instance->host;

    for (uint64_t i = 0; answer->records != NULL && i < answer->count; i++)
        say_record(control, answer->records[i]);
    control->listed += answer->count;
    control->pages++;
    if (answer->more) {
        control->query.from = answer->next;
        order(control);
        return;
    }
    host->log(host, MW_LOG_INFO, "sessions", "count=%" PRIu64 " pages=%u partial=%d",
              control->listed, control->pages, answer->partial);
}

static void
order(struct control *control)
{
    const struct host_functions *host = (const struct host_functions *)control->instance->host;

    if (!session_order_send((struct worker_list){host->workers, host->worker_count},
                            &control->query, control->view->door.box, on_answered, control))
        abort();
}

static void
revoke_now(struct control *control)
{
    const struct host_functions *host = (const struct host_functions *)control->instance->host;
    const struct str *texts = control->query.filter.texts;
    struct revocation revocation = {REVOCATION_SUBJECT, texts[SESSION_ISSUER],
                                    texts[SESSION_SUBJECT], INT64_MAX};

    if (texts[SESSION_TOKEN_ID].at != NULL)
        revocation =
            (struct revocation){REVOCATION_TOKEN, STR_NONE, texts[SESSION_TOKEN_ID], INT64_MAX};
    else if (texts[SESSION_SID].at != NULL)
        revocation =
            (struct revocation){REVOCATION_SESSION, STR_NONE, texts[SESSION_SID], INT64_MAX};
    if (revoke_sessions(host->revocations, &revocation,
                        (struct worker_list){host->workers, host->worker_count},
                        control->view->door.box, on_answered, control) != REVOCATION_ADDED)
        abort();
}

static void
set_field(struct session_query *query, char *field)
{
    char *value = strchr(field, '=');
    const char *error;

    if (value == NULL)
        abort();
    *value++ = '\0';
    if (strcmp(field, "id") == 0) {
        query->filter.id = strtoull(value, NULL, 16);
    } else if (strcmp(field, "page") == 0) {
        query->page = strtoul(value, NULL, 10);
    } else if (strcmp(field, "address") == 0) {
        query->filter.addresses = address_set_new();
        if (!address_set_add(query->filter.addresses, str_of(value), &error) ||
            !address_set_seal(query->filter.addresses))
            abort();
    } else if (strcmp(field, "label") == 0) {
        char *colon = strchr(value, ':');
        if (colon != NULL)
            *colon++ = '\0';
        query->filter.label = (struct header){str_of(value), str_of(colon)};
    }
    for (unsigned i = 0; i < SESSION_TEXT_COUNT; i++)
        if (strcmp(field, session_text_word(i)) == 0)
            query->filter.texts[i] = str_of(value);
}

static void
obey(struct control *control)
{
    char *rest = control->line, *word = strsep(&rest, " ");

    control->query = (struct session_query){.action = strcmp(word, "kill") == 0   ? SESSIONS_KILL
                                                      : strcmp(word, "list") == 0 ? SESSIONS_LIST
                                                                                  : SESSIONS_COUNT,
                                            .reason = REASON_KILLED};
    control->listed = control->pages = 0;
    while (rest != NULL && *rest != '\0')
        set_field(&control->query, strsep(&rest, " "));
    if (strcmp(word, "revoke") == 0)
        revoke_now(control);
    else
        order(control);
}

static void
on_signal(evutil_socket_t number, short what, void *arg)
{
    struct control *control = arg;
    FILE *file = fopen(control->instance->commands, "r");

    (void)number, (void)what;
    if (file == NULL)
        abort();
    if (fgets(control->line, sizeof(control->line), file) == NULL)
        abort();
    (void)fclose(file);
    control->line[strcspn(control->line, "\n")] = '\0';
    obey(control);
}

static void *
control_start(const void *arg, struct mw_worker *view)
{
    const struct sessions_instance *instance = arg;
    struct control *control = instance->control;

    control->instance = instance;
    control->view = view;
    control->signal = evsignal_new(view->base, SIGUSR2, on_signal, control);
    return control->signal != NULL && event_add(control->signal, NULL) == 0 ? control : NULL;
}

static void
control_stop(void *arg)
{
    event_free(((struct control *)arg)->signal);
}

const struct mw_module sessions_module = {
    .size = sizeof(struct mw_module),
    .abi = WSGATE_MIDDLEWARE_ABI,
    .name = "test_sessions",
    .options = options,
    .setup = setup,
    .teardown = teardown,
    .decide = decide,
    .control_start = control_start,
    .control_stop = control_stop,
};
