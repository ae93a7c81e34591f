/* certificates.c - see certificates.h. */
#include "gateway/certificates.h"

#include "base/clock.h"
#include "net/tls_server.h"

#include <event2/event.h>

/* ---- Telling ------------------------------------------------------------------------ */

static int64_t
days_until(int64_t ends_s)
{
    int64_t left_s = ends_s - clock_wall_ms() / 1000;

    return left_s >= 0 ? left_s / 86400 : -1 - (-left_s - 1) / 86400;
}

static void
tell(struct log *log, const struct listener_settings *listener)
{
    struct tls_certificate_info info;

    for (size_t i = 0; tls_server_certificate(listener->tls, i, &info); i++) {
        int64_t days = days_until(info.ends_s);
        struct log_line line;

        log_begin(&line, log, LOG_ERROR,
                  days < CERTIFICATES_WARN_DAYS ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO,
                  "certificate");
        log_text(&line, "listener", listener->text);
        log_text(&line, "file", info.file);
        log_text(&line, "name", info.name);
        log_int(&line, "days", days);
        log_text(&line, "message", days < 0 ? "has expired" : NULL);
        log_end(&line);
    }
}

static const struct settings *
present(const struct certificates *certificates)
{
    return certificates->reload->present->settings;
}

int64_t
certificates_first_end(const struct settings *settings)
{
    struct tls_certificate_info info;
    int64_t first = INT64_MAX;

    for (size_t i = 0; i < settings->listener_count; i++)
        for (size_t k = 0; settings->listeners[i].tls != NULL &&
                           tls_server_certificate(settings->listeners[i].tls, k, &info);
             k++)
            first = info.ends_s < first ? info.ends_s : first;
    return first;
}

static void
count_end(struct certificates *certificates)
{
    int64_t first = certificates_first_end(present(certificates));

    certificates->metrics->certificates_end = first != INT64_MAX ? (uint64_t)first : 0;
}

static void
tell_all(struct certificates *certificates)
{
    const struct settings *settings = present(certificates);

    for (size_t i = 0; i < settings->listener_count; i++)
        if (settings->listeners[i].tls != NULL)
            tell(certificates->log, &settings->listeners[i]);
    count_end(certificates);
    certificates->reloads = certificates->metrics->reloads;
}

/* ---- Renewing ----------------------------------------------------------------------- */

static void
on_fault(void *arg, size_t item, const char *word, const char *text)
{
    const struct certificates *certificates = arg;
    struct log_line line;

    log_begin(&line, certificates->log, LOG_ERROR, LOG_LEVEL_WARNING, "certificate_fault");
    log_text(&line, "option", word);
    if (item != TLS_NO_ITEM)
        log_int(&line, "certificate", (int64_t)item);
    log_text(&line, "message", text);
    log_end(&line);
}

static void
renew(struct certificates *certificates, const struct listener_settings *listener)
{
    const struct tls_reporter reporter = {on_fault, certificates};

    switch (tls_server_renew(listener->tls, &reporter)) {
    case TLS_RENEWAL_NONE:
        break;
    case TLS_RENEWAL_DONE:
        certificates->metrics->renewals++;
        log_message(certificates->log, LOG_LEVEL_INFO, "certificates_renewed", "%s",
                    listener->text);
        tell(certificates->log, listener);
        count_end(certificates);
        break;
    case TLS_RENEWAL_FAILED:
        certificates->metrics->renewals_failed++;
        log_message(certificates->log, LOG_LEVEL_WARNING, "certificates_kept",
                    "%s: the files have changed, but are not good: the old ones stay",
                    listener->text);
        break;
    }
}

static void
on_look(evutil_socket_t fd, short what, void *arg)
{
    struct certificates *certificates = arg;
    const struct settings *settings = present(certificates);

    (void)fd, (void)what;
    if (certificates->reloads != certificates->metrics->reloads)
        tell_all(certificates); /* those of another configuration */
    for (size_t i = 0; i < settings->listener_count; i++)
        if (settings->listeners[i].tls != NULL)
            renew(certificates, &settings->listeners[i]);
}

bool
certificates_watch(struct certificates *certificates, struct event_base *base,
                   const struct reload *reload, struct log *log, struct metrics *metrics)
{
    struct timeval interval = {CERTIFICATES_LOOK_S, 0};

    certificates->reload = reload;
    certificates->log = log;
    certificates->metrics = metrics;
    tell_all(certificates);
    event_assign(&certificates->timer, base, -1, EV_PERSIST, on_look, certificates);
    return event_add(&certificates->timer, &interval) == 0;
}

void
certificates_leave(struct certificates *certificates)
{
    if (event_initialized(&certificates->timer))
        (void)event_del(&certificates->timer);
}
