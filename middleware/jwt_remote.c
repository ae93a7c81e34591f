/*
 * jwt_remote.c - see jwt_remote.h.
 *
 * The hard thing is who may look at what. A member's first part is constant once it was
 * posted, the rest is the control thread's; a message holds its own reference on the key
 * set; and a worker's state is only ever touched on that worker, which takes no post after it
 * has ended.
 */
#include "jwt_remote.h"

#include "jwt_remote_cache.h"
#include "net/timer.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { RETRY_MS = 1000 }; /* for want of memory */

struct jwt_member {
    struct jwt_remote *remote;
    struct mw_worker *worker;
    void (*on_news)(void *arg, const struct jwt_news *news);
    void *arg;
    /* The control thread's. */
    struct jwt_member *next;
};

struct jwt_remote {
    const struct mw_host *host;
    const struct jwt_remote_settings *settings;
    const struct keyset *files, *first;
    bool first_certain;
    struct mw_worker *control;     /* NULL: not started; constant while there are workers */
    /* The control thread's. */
    struct jwt_fetcher fetcher;
    const struct keyset *current;  /* what was published last */
    struct jwt_member *members;
    struct timer *retry;           /* when is_behind, or a letter was lost */
    bool is_behind;                /* current lacks a change, for want of memory */
    struct jwt_remote_cache cache;
    struct jwt_source sources[];   /* one for each address */
};

/* ---- One set out of all ------------------------------------------------------------------ */

static void
on_left_out(void *arg, const struct key *key, const char *why)
{
    const struct jwt_remote *remote = arg;

    remote->host->log(remote->host, MW_LOG_WARNING, "jwt", "key \"%s\" of a later set left out: %s",
                      key->kid ? key->kid : "", why);
}

/* NULL: out of memory. */
static struct keyset *
merge(struct jwt_remote *remote)
{
    struct keyset *merged = keyset_new();
    bool ok = merged && keyset_add_all(merged, remote->files, on_left_out, remote);

    for (size_t i = 0; ok && i < remote->settings->count; i++)
        if (remote->sources[i].set.keyset)
            ok = keyset_add_all(merged, remote->sources[i].set.keyset, on_left_out, remote);
    if (ok)
        return merged;
    keyset_unref(merged);
    return NULL;
}

/* ---- All sources ------------------------------------------------------------------------- */

static bool
is_certain(const struct jwt_remote *remote)
{
    for (size_t i = 0; i < remote->settings->count; i++)
        if (!jwt_source_is_certain(&remote->sources[i]))
            return false;
    return true;
}

static uint64_t
known_us(const struct jwt_remote *remote)
{
    uint64_t least = UINT64_MAX;

    for (size_t i = 0; i < remote->settings->count; i++)
        if (remote->sources[i].known_us < least)
            least = remote->sources[i].known_us;
    return least;
}

static uint64_t
ask_from_us(const struct jwt_remote *remote)
{
    uint64_t most = 0;

    for (size_t i = 0; i < remote->settings->count; i++)
        if (jwt_source_ask_from_us(&remote->sources[i]) > most)
            most = jwt_source_ask_from_us(&remote->sources[i]);
    return most;
}

/* ---- News ---------------------------------------------------------------------------------- */

struct letter {
    struct jwt_member *member;
    struct jwt_news news;
};

static void
letter_free(struct letter *letter)
{
    keyset_unref(letter->news.keyset);
    free(letter);
}

/* On the worker. */
static void
on_letter(void *arg)
{
    struct letter *letter = arg;

    letter->member->on_news(letter->member->arg, &letter->news);
    letter_free(letter);
}

/* Without memory the worker goes on with what it knows, and is told later. */
static void
tell(struct jwt_remote *remote, struct jwt_member *member)
{
    struct letter *letter = malloc(sizeof(*letter));

    if (!letter) {
        timer_set(remote->retry, RETRY_MS);
        return;
    }
    *letter = (struct letter){
        .member = member,
        .news = {keyset_ref(remote->current), is_certain(remote), known_us(remote),
                 ask_from_us(remote)},
    };
    if (!remote->host->post(member->worker, on_letter, letter)) {
        letter_free(letter);
        timer_set(remote->retry, RETRY_MS);
    }
}

static void
tell_all(struct jwt_remote *remote)
{
    for (struct jwt_member *member = remote->members; member; member = member->next)
        tell(remote, member);
}

/* ---- Fetching ---------------------------------------------------------------------- */

static void
update(struct jwt_remote *remote)
{
    struct keyset *merged = merge(remote);

    remote->is_behind = merged == NULL;
    if (merged) {
        keyset_unref(remote->current);
        remote->current = merged;
    } else {
        remote->host->log(remote->host, MW_LOG_ERROR, "jwt", "out of memory for a new key set");
        timer_set(remote->retry, RETRY_MS);
    }
}

static void
on_retry(void *arg)
{
    struct jwt_remote *remote = arg;

    if (remote->is_behind)
        update(remote);
    tell_all(remote);
}

/* One source's fetch has ended. */
static void
on_ended(void *arg, bool changed)
{
    struct jwt_remote *remote = arg;

    if (changed || remote->is_behind)
        update(remote);
    jwt_remote_cache_save(&remote->cache, changed);
    tell_all(remote);
}

struct question {
    struct jwt_member *member;
    uint64_t since_us;
};

/* Where nothing comes of it, for want of memory, that is news too. */
static void
on_ask(void *arg)
{
    struct question question = *(struct question *)arg;
    struct jwt_remote *remote = question.member->remote;
    bool under_way = false;

    free(arg);
    for (size_t i = 0; i < remote->settings->count; i++)
        if (jwt_source_ask(&remote->sources[i], question.since_us))
            under_way = true;
    if (!under_way)
        tell(remote, question.member);
}

static void
on_join(void *arg)
{
    struct jwt_member *member = arg;

    member->next = member->remote->members;
    member->remote->members = member;
    tell(member->remote, member);
}

/* ---- Life ---------------------------------------------------------------------- */

struct jwt_remote *
jwt_remote_new(const struct jwt_remote_settings *settings, const struct mw_host *host,
               const struct keyset *files)
{
    struct jwt_remote *remote =
        calloc(1, sizeof(*remote) + settings->count * sizeof(remote->sources[0]));

    if (!remote)
        return NULL;
    remote->host = host;
    remote->settings = settings;
    remote->fetcher = (struct jwt_fetcher){.host = host, .settings = settings};
    remote->files = keyset_ref(files);
    for (size_t i = 0; i < settings->count; i++)
        jwt_source_init(&remote->sources[i], &settings->addresses[i], &remote->fetcher);
    remote->cache =
        (struct jwt_remote_cache){.host = host, .settings = settings, .sources = remote->sources};
    jwt_remote_cache_restore(&remote->cache);
    remote->first = merge(remote);
    remote->first_certain = is_certain(remote);
    if (remote->first)
        return remote;
    jwt_remote_free(remote);
    return NULL;
}

void
jwt_remote_adopt(struct jwt_remote *remote, const struct jwt_remote *old)
{
    jwt_remote_cache_adopt(&remote->cache, &old->cache);
    const struct keyset *merged = merge(remote);
    if (!merged)
        return;
    keyset_unref(remote->first);
    remote->first = merged;
    remote->first_certain = is_certain(remote);
}

void
jwt_remote_free(struct jwt_remote *remote)
{
    if (!remote)
        return;
    for (size_t i = 0; i < remote->settings->count; i++)
        jwt_source_free(&remote->sources[i]);
    keyset_unref(remote->files);
    keyset_unref(remote->first);
    free(remote);
}

bool
jwt_remote_start(struct jwt_remote *remote, struct mw_worker *control)
{
    const struct mw_host *host = remote->host;

    remote->control = control;
    remote->current = merge(remote); /* once more, for at setup there was no log */
    remote->fetcher = (struct jwt_fetcher){
        .host = host,
        .settings = remote->settings,
        .control = control,
        .client = http_client_new(host->worker_base(control)),
        .ended = on_ended,
        .arg = remote,
    };
    if (remote->settings->ca_file && access(remote->settings->ca_file, R_OK) == -1)
        host->log(host, MW_LOG_WARNING, "jwt", "ca_file %s: cannot be read by this user: %s",
                  remote->settings->ca_file, strerror(errno));
    remote->retry = timer_new(host->worker_base(control), on_retry, remote);
    bool ok = remote->current && remote->fetcher.client && remote->retry;
    for (size_t i = 0; ok && i < remote->settings->count; i++)
        ok = jwt_source_open(&remote->sources[i]);
    if (!ok) {
        jwt_remote_stop(remote);
        return false;
    }
    jwt_remote_cache_report(&remote->cache);
    for (size_t i = 0; i < remote->settings->count; i++)
        jwt_source_begin(&remote->sources[i]);
    return true;
}

void
jwt_remote_stop(struct jwt_remote *remote)
{
    struct jwt_member *next;

    for (size_t i = 0; i < remote->settings->count; i++)
        jwt_source_close(&remote->sources[i]);
    http_client_free(remote->fetcher.client);
    remote->fetcher.client = NULL;
    timer_free(remote->retry);
    remote->retry = NULL;
    keyset_unref(remote->current);
    remote->current = NULL;
    for (struct jwt_member *member = remote->members; member; member = next) {
        next = member->next;
        free(member);
    }
    remote->members = NULL;
}

/* ---- On a worker ---------------------------------------------------------------- */

const struct keyset *
jwt_remote_first(const struct jwt_remote *remote, bool *certain)
{
    *certain = remote->first_certain;
    return remote->first;
}

bool
jwt_remote_is_online(const struct jwt_remote *remote)
{
    return remote->control != NULL;
}

void
jwt_remote_say_offline(const struct jwt_remote *remote)
{
    jwt_remote_cache_report_error(&remote->cache);
    remote->host->log(remote->host, MW_LOG_WARNING, "jwt",
                      "keys by URL are not fetched here; %s",
                      remote->settings->cache_file ? "known are those of cache_file"
                                                   : "without a cache_file none is known");
}

struct jwt_member *
jwt_remote_join(struct jwt_remote *remote, struct mw_worker *worker,
                void (*on_news)(void *arg, const struct jwt_news *news), void *arg)
{
    struct jwt_member *member = malloc(sizeof(*member));

    if (!member)
        return NULL;
    *member = (struct jwt_member){remote, worker, on_news, arg, NULL};
    if (remote->host->post(remote->control, on_join, member))
        return member;
    free(member);
    return NULL;
}

bool
jwt_remote_ask(struct jwt_member *member, uint64_t since_us)
{
    const struct jwt_remote *remote = member->remote;
    struct question *question = malloc(sizeof(*question));

    if (!question)
        return false;
    *question = (struct question){member, since_us};
    if (remote->host->post(remote->control, on_ask, question))
        return true;
    free(question);
    return false;
}

uint64_t
jwt_remote_patience_us(const struct jwt_member *member)
{
    return member->remote->settings->timeout_ms * 1000;
}
