/*
 * reload_load.c - the generation that is to take over, or all that is wrong with it; see
 * reload_load.h.
 */
#include "gateway/reload_load.h"

#include "base/log_targets.h"
#include "gateway/descriptors.h"
#include "gateway/endpoint.h"

#include <errno.h>

uint64_t
reload_set_connections(const struct reload *reload, struct generation *generation)
{
    uint64_t wanted = generation->settings->limits.connections;
    uint64_t sockets = endpoints_descriptors(generation), possible = 1;

    if (reload->descriptors > sockets + DESCRIPTORS_PER_CONNECTION)
        possible = (reload->descriptors - sockets) / DESCRIPTORS_PER_CONNECTION;
    generation->limits.connections = wanted == 0 || wanted > possible ? possible : wanted;
    return possible;
}

static void
fault_at(struct reload *reload, const struct settings *settings, struct mark mark, const char *text)
{
    fprintf(reload->out, "%s:%u:%u: %s\n", settings->file, mark.line, mark.column, text);
}

static bool
same_user(const struct settings *a, const struct settings *b)
{
    return a->user == b->user ||
           (a->user != NULL && b->user != NULL && strcmp(a->user, b->user) == 0);
}

/* What changes by a restart only stays; one warning for each that was meant to change. */
static bool
keep_restart_words(struct reload *reload, struct settings *settings)
{
    const struct settings *running = reload->present->settings;
    const struct {
        const char *word;
        bool same;
    } words[] = {
        {"threads", settings->threads == running->threads},
        {"user", same_user(settings, running)},
        {"modules", settings_agree(settings, running, "modules")},
    };

    for (size_t i = 0; i < COUNT_OF(words); i++) {
        struct mark mark = settings_mark(settings, words[i].word);
        if (!words[i].same)
            log_message(reload->log, LOG_LEVEL_WARNING, "reload",
                        "%s:%u:%u: `%s` changes by a restart only: the old value holds",
                        settings->file, mark.line, mark.column, words[i].word);
    }
    return settings_stay(settings, running);
}

static void
fault_of_listener(struct reload *reload, const struct settings *settings, size_t i)
{
    const struct listener_settings *listener = &settings->listeners[i];
    char text[FAULT_TEXT_MAX];
    int error = errno;
    const char *hint =
        settings->user != NULL && (error == EACCES || error == EPERM || error == EADDRINUSE)
            ? "; what only root may bind needs a restart"
            : "";

    (void)snprintf(text, sizeof(text), "`address`: cannot listen on %s: %s%s", listener->text,
                   strerror(error), hint);
    fault_at(reload, settings, listener->mark, text);
}

static bool
start_instances(struct reload *reload, struct generation *generation)
{
    for (size_t i = 0; i < generation->settings->instance_count; i++)
        if (!instance_start(generation->instances[i], reload->view)) {
            fprintf(reload->out, "middleware `%s` did not start\n", generation->instances[i]->name);
            return false;
        }
    return true;
}

/* Opens what the log is to go to, where that changes. */
static bool
open_log(struct reload *reload, const struct log_settings *log)
{
    const struct log_settings *old = &reload->present->settings->log;
    const char *error;

    if (strcmp(log->access, old->access) == 0 && strcmp(log->error, old->error) == 0)
        return true;
    reload->targets = log_targets_open(log, &error);
    if (reload->targets == NULL)
        fprintf(reload->out, "log: %s\n", error);
    return reload->targets != NULL;
}

struct generation *
reload_load(struct reload *reload)
{
    struct generation *present = reload->present, *next;
    struct settings *settings =
        settings_load_again(present->settings, SETTINGS_TO_RUN, reload->out);
    size_t failed;

    if (settings == NULL)
        return NULL;
    if (!keep_restart_words(reload, settings)) {
        settings_free(settings);
        settings = NULL;
    }
    next = settings != NULL ? generation_new(settings, reload->worker_count, present) : NULL;
    if (next == NULL) {
        fputs("out of memory\n", reload->out);
        return NULL;
    }
    if (!endpoints_open(next, present, &failed)) {
        fault_of_listener(reload, settings, failed);
    } else {
        reload_set_connections(reload, next);
        if (start_instances(reload, next) && open_log(reload, &settings->log))
            return next;
        endpoints_free(next, present);
    }
    generation_end(next);
    return NULL;
}
