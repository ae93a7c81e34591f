/*
 * jwt_source.c - see jwt_source.h.
 *
 * An OpenID provider is asked in two steps, every time: its document, then the set that
 * this names. So a set that moves is found again without anybody's doing.
 */
#include "jwt_source.h"

#include "base/clock.h"
#include "protocol/service_url.h"
#include "token/jwks.h"

#include <sys/random.h>

static const char malformed[] = "malformed";

static void on_set(void *arg, const struct http_answer *answer);
static void on_document(void *arg, const struct http_answer *answer);

static uint64_t
max_stale_ms(const struct jwt_source *source)
{
    return source->fetcher->settings->max_stale_ms;
}

/* ---- What is said ------------------------------------------------------------------ */

/* Without the query, in which some put a key of theirs. */
#define SHOWN(source) (int)strcspn((source)->address->url, "?"), (source)->address->url

static void
say(const struct jwt_source *source, enum mw_log_level level, const char *text)
{
    const struct mw_host *host = source->fetcher->host;

    host->log(host, level, "jwt", "key set %.*s: %s", SHOWN(source), text);
}

static void
say_fetched(const struct jwt_source *source)
{
    const struct mw_host *host = source->fetcher->host;
    size_t keys = keyset_count(source->set.keyset);

    host->log(host, MW_LOG_INFO, "jwt", "key set %.*s: fetched, %zu key%s", SHOWN(source), keys,
              keys == 1 ? "" : "s");
}

static void
say_failed(const struct jwt_source *source, const char *detail)
{
    const struct mw_host *host = source->fetcher->host;
    const struct jwt_fault *fault = &source->fault;
    const char *kept = source->set.keyset ? "the last good one stays" : "there is none";

    if (fault->status)
        host->log(host, MW_LOG_WARNING, "jwt", "key set %.*s: not fetched: status %u; %s",
                  SHOWN(source), fault->status, kept);
    else
        host->log(host, MW_LOG_WARNING, "jwt", "key set %.*s: not fetched: %s%s%s; %s",
                  SHOWN(source), fault->word, *detail ? ": " : "", detail, kept);
}

static void
say_dropped(const struct jwt_source *source)
{
    const struct mw_host *host = source->fetcher->host;

    host->log(host, MW_LOG_WARNING, "jwt",
              "key set %.*s: no good answer for %llu s (max_stale); its keys are dropped",
              SHOWN(source), (unsigned long long)max_stale_ms(source) / 1000);
}

static void
on_key_fault(void *arg, const char *text)
{
    say(arg, MW_LOG_WARNING, text);
}

/* A key that is not for us, such as one for encryption, is nothing to worry about. */
static void
on_key_note(void *arg, const char *text)
{
    say(arg, MW_LOG_INFO, text);
}

static void
on_nothing(void *arg, const char *text)
{
    (void)arg, (void)text;
}

/* ---- The set ------------------------------------------------------------------------ */

/* The keys of text; NULL: none is usable. What is wrong with it is told, but not at every try. */
static struct keyset *
read_set(struct jwt_source *source, struct str text, bool quiet)
{
    struct jwks_report report = {on_key_fault, on_key_note, source, .public_only = true};
    struct keyset *keyset = keyset_new();

    if (quiet)
        report.fault = report.note = on_nothing;
    /* A fault is one key's: the others are good. */
    if (keyset && !jwks_read(keyset, text, &report) && keyset_count(keyset) == 0) {
        keyset_unref(keyset);
        keyset = NULL;
    }
    return keyset;
}

void
jwt_source_restore(struct jwt_source *source, const struct key_cache_set *set,
                   struct key_error *error)
{
    struct keyset *keyset = read_set(source, set->text, true);

    if (!keyset || !jwt_set_take(&source->set, keyset, set->text))
        key_error_set(error, "a set in it has no key that can be used");
    else if (!jwt_set_vouched_at(&source->set, set->fetched_s, max_stale_ms(source)))
        key_error_set(error, "a set in it is older than max_stale");
}

/* ---- The end of a fetch ----------------------------------------------------------------- */

static uint32_t
roll(void)
{
    uint32_t dice = UINT32_MAX / 2;

    (void)!getrandom(&dice, sizeof(dice), 0);
    return dice;
}

static void
count(const struct jwt_source *source, const char *word)
{
    source->fetcher->host->count_on(source->fetcher->control, "jwt", word, 1);
}

/* In so long, or when the set is too old to stay. */
static void
plan(struct jwt_source *source, uint64_t in_ms)
{
    uint64_t now_us = clock_monotonic_us(), due_us = now_us + in_ms * 1000;

    if (source->set.keyset && source->set.stale_us < due_us)
        due_us = source->set.stale_us;
    source->due_us = due_us;
    timer_set(source->timer, due_us > now_us ? (due_us - now_us + 999) / 1000 : 0);
}

/* true: the set, which nobody has vouched for in too long, is gone. */
static bool
drop_if_stale(struct jwt_source *source)
{
    if (!source->set.keyset || clock_monotonic_us() < source->set.stale_us)
        return false;
    jwt_set_drop(&source->set);
    count(source, "key_sets_dropped");
    say_dropped(source);
    return true;
}

/* detail: for the operator; "" where the word says it all. */
static void
plan_retry(struct jwt_source *source, struct jwt_fault fault, const char *detail)
{
    bool is_new = !source->fault.word || strcmp(source->fault.word, fault.word) != 0 ||
                  source->fault.status != fault.status;

    source->fault = fault;
    source->failures += source->failures < UINT16_MAX;
    source->known_us = clock_monotonic_us();
    count(source, "key_fetches_failed");
    if (is_new)
        say_failed(source, detail);
    plan(source, key_schedule_failed(source->fetcher->settings->refresh_ms, source->failures,
                                     roll()));
}

static void
fail(struct jwt_source *source, struct jwt_fault fault, const char *detail)
{
    bool dropped = drop_if_stale(source);

    plan_retry(source, fault, detail);
    source->fetcher->ended(source->fetcher->arg, dropped);
}

static void
succeed(struct jwt_source *source, bool changed, int64_t max_age_s)
{
    const struct jwt_remote_settings *settings = source->fetcher->settings;
    bool recovered = source->fault.word != NULL;

    source->fault = (struct jwt_fault){NULL, 0};
    source->failures = 0;
    source->known_us = source->begun_us;
    (void)jwt_set_vouched_at(&source->set, clock_wall_ms() / 1000, max_stale_ms(source));
    count(source, "key_fetches");
    if (changed || recovered)
        say_fetched(source);
    plan(source, key_schedule_fetched(settings->refresh_ms, max_age_s, roll()));
    source->fetcher->ended(source->fetcher->arg, changed);
}

/* ---- Calls ---------------------------------------------------------------------------- */

/* What is left of this fetch's time. */
static uint64_t
left_ms(const struct jwt_source *source)
{
    uint64_t now_us = clock_monotonic_us();
    uint64_t end_us = source->begun_us + source->fetcher->settings->timeout_ms * 1000;

    return now_us + 1000 < end_us ? (end_us - now_us) / 1000 : 1;
}

/* false: out of memory. */
static bool
call(struct jwt_source *source, const char *url, http_done *done)
{
    static const char *const fields[] = {"Accept: application/json", NULL};
    const struct http_query query = {
        .method = "GET",
        .url = url,
        .fields = fields,
        .ca_file = source->fetcher->settings->ca_file,
        .timeout_ms = left_ms(source),
        .body_max = JWT_BODY_MAX,
        /* One from http on loopback could lead anywhere in the clear. */
        .redirects_max = service_url_is_plain(url) ? 0 : JWT_REDIRECTS_MAX,
    };

    source->call = http_call_start(source->fetcher->client, &query, done, source);
    return source->call != NULL;
}

/* Has the answer a body to look at? Else the fetch has failed. */
static bool
is_answered(struct jwt_source *source, const struct http_answer *answer)
{
    source->call = NULL;
    if (answer->outcome != HTTP_ANSWERED)
        fail(source, (struct jwt_fault){http_outcome_word(answer->outcome), 0}, answer->error);
    else if (answer->status != 200)
        fail(source, (struct jwt_fault){"status", answer->status}, "");
    else
        return true;
    return false;
}

static void
on_set(void *arg, const struct http_answer *answer)
{
    struct jwt_source *source = arg;

    if (!is_answered(source, answer))
        return;
    if (jwt_set_is(&source->set, answer->body)) {
        succeed(source, false, answer->max_age_s);
        return;
    }
    struct keyset *keyset = read_set(source, answer->body, source->fault.word == malformed);
    if (!keyset) {
        fail(source, (struct jwt_fault){malformed, 0}, "it has no key that can be used");
    } else if (!jwt_set_take(&source->set, keyset, answer->body)) {
        fail(source, (struct jwt_fault){"out of memory", 0}, "");
    } else {
        succeed(source, true, answer->max_age_s);
    }
}

static void
on_document(void *arg, const struct http_answer *answer)
{
    struct jwt_source *source = arg;
    bool plain = service_url_is_plain(source->address->url);
    char uri[DISCOVERY_URL_MAX + 1];
    const char *error;

    if (!is_answered(source, answer))
        return;
    if (!discovery_read(answer->body, source->address->issuer, plain, uri, &error))
        fail(source, (struct jwt_fault){"the provider's document", 0}, error);
    else if (!call(source, uri, on_set))
        fail(source, (struct jwt_fault){"out of memory", 0}, "");
}

/* ---- Life ------------------------------------------------------------------------------ */

void
jwt_source_init(struct jwt_source *source, const struct jwt_address *address,
                const struct jwt_fetcher *fetcher)
{
    *source = (struct jwt_source){.address = address, .fetcher = fetcher};
}

static void
on_due(void *arg)
{
    struct jwt_source *source = arg;

    jwt_source_fetch(source);
    if (!source->call)
        source->fetcher->ended(source->fetcher->arg, drop_if_stale(source));
}

void
jwt_source_begin(struct jwt_source *source)
{
    uint64_t now_us = clock_monotonic_us();

    if (source->due_us > now_us)
        plan(source, (source->due_us - now_us) / 1000);
    else
        jwt_source_fetch(source);
}

bool
jwt_source_open(struct jwt_source *source)
{
    source->timer = timer_new(source->fetcher->host->worker_base(source->fetcher->control), on_due,
                              source);
    return source->timer != NULL;
}

bool
jwt_source_is_certain(const struct jwt_source *source)
{
    return source->set.keyset && !source->fault.word;
}

static uint64_t
interval_us(const struct jwt_source *source)
{
    return source->fetcher->settings->refetch_ms * 1000;
}

uint64_t
jwt_source_ask_from_us(const struct jwt_source *source)
{
    return key_allowance_from_us(&source->allowance, interval_us(source));
}

/* Whatever it is for: who asked for one has it. */
void
jwt_source_fetch(struct jwt_source *source)
{
    if (source->call)
        return;
    timer_stop(source->timer);
    source->begun_us = clock_monotonic_us();
    if (source->asked)
        (void)key_allowance_take(&source->allowance, interval_us(source), source->begun_us);
    source->asked = false;
    if (!call(source, source->address->url, source->address->issuer ? on_document : on_set))
        plan_retry(source, (struct jwt_fault){"out of memory", 0}, "");
}

bool
jwt_source_ask(struct jwt_source *source, uint64_t since_us)
{
    uint64_t now_us = clock_monotonic_us(), from_us = jwt_source_ask_from_us(source);

    if (source->call)
        return true;
    if (source->known_us >= since_us)
        return false;
    source->asked = true;
    if (from_us <= now_us) {
        jwt_source_fetch(source);
        return source->call != NULL;
    }
    if (from_us < source->due_us)
        plan(source, (from_us - now_us + 999) / 1000);
    return true;
}

void
jwt_source_close(struct jwt_source *source)
{
    if (source->call)
        http_call_cancel(source->call);
    source->call = NULL;
    timer_free(source->timer);
    source->timer = NULL;
}

void
jwt_source_free(struct jwt_source *source)
{
    jwt_source_close(source);
    jwt_set_drop(&source->set);
}
