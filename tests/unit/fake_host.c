/* fake_host.c - a gateway for one module. */
#include "fake_host.h"

#include "base/compiler.h"
#include "config/scalar.h"
#include "protocol/field_names.h"
#include "protocol/http_head.h"
#include "unit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Unlike Check's assertions it allocates nothing while the condition holds: memory may fail. */
#define REQUIRE(condition)                                                                        \
    do {                                                                                          \
        if (!(condition))                                                                         \
            ck_abort_msg("fake host: %s", #condition);                                            \
    } while (0)

static char reserved[64]; /* the last header */
static char expected[64]; /* the last claim */
static int offers;
static char complaints[4096];
static char returned[4096];

static void PRINTF_LIKE(3, 0)
append(char *text, size_t size, const char *format, va_list arguments)
{
    size_t at = strlen(text);

    vsnprintf(text + at, size - at, format, arguments);
    strncat(text, "\n", size - strlen(text) - 1);
}

static void PRINTF_LIKE(2, 3)
trace(struct mw_request *request, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    append(request->trace, sizeof(request->trace), format, arguments);
    va_end(arguments);
}

const char *
fake_complaints(void)
{
    memcpy(returned, complaints, sizeof(complaints));
    complaints[0] = '\0';
    return returned;
}

void
fake_expect_complaints(size_t count, const char *last)
{
    const char *all = fake_complaints(), *line = all;
    size_t found = 0;

    for (const char *end = strchr(all, '\n'); end; end = strchr(end + 1, '\n')) {
        found++;
        if (end[1] != '\0')
            line = end + 1;
    }
    ck_assert_msg(found == count && strncmp(line, last, strlen(last)) == 0,
                  "expected %zu complaints, the last %s; got\n%s", count, last, all);
}

/* ---- Asking a module ------------------------------------------------------------ */

struct fake_row *
fake_list(struct fake_row *end, const char *word, const char *const *texts)
{
    if (!texts)
        return end;
    do
        *end++ = (struct fake_row){word, *texts, NULL};
    while (*texts && *++texts);
    return end;
}

void *
fake_setup(const struct mw_module *module, const struct fake_row *rows)
{
    const struct mw_options options = {module->options, rows};

    complaints[0] = '\0';
    void *instance = module->setup(&options, &fake_host);
    if ((instance == NULL) != (complaints[0] != '\0'))
        ck_abort_msg("an instance or complaints, not both: %s", complaints);
    return instance;
}

enum mw_verdict
fake_decide(const struct mw_module *module, const void *instance, struct mw_request *request)
{
    request->status = 0;
    enum mw_verdict verdict = module->decide(instance, NULL, request);

    ck_assert((verdict == MW_DENY) == (request->status != 0));
    return verdict;
}

/* ---- Options ------------------------------------------------------------------ */

static const struct mw_option *
row_of(const struct mw_options *options, const char *word)
{
    for (const struct mw_option *row = options->table; row->word; row++)
        if (strcmp(row->word, word) == 0)
            return row;
    ck_abort_msg("the module asks for \"%s\", which is not in its table", word);
}

static const struct fake_row *
given(const struct mw_options *options, const char *word, size_t i)
{
    row_of(options, word);
    for (const struct fake_row *row = options->rows; row->word; row++)
        if (strcmp(row->word, word) == 0 && i-- == 0)
            return row;
    return NULL;
}

static const char *
option_string(const struct mw_options *options, const char *word)
{
    const struct fake_row *row = given(options, word, 0);

    return row ? row->text : row_of(options, word)->fallback;
}

static int64_t
duration_ms(const char *text)
{
    char *end;
    int64_t number = strtoll(text, &end, 10);

    int64_t unit_ms = *end == 's'                     ? 1000
                      : *end == 'm' && end[1] == '\0' ? 60000
                      : *end == 'h'                   ? 3600000
                                                      : 1;

    return number * unit_ms;
}

static int64_t
size(const char *text)
{
    char *end;
    int64_t number = strtoll(text, &end, 10);

    return number * (strcmp(end, "KiB") == 0 ? 1024 : strcmp(end, "MiB") == 0 ? 1024 * 1024 : 1);
}

static int64_t
choice(const char *choices, const char *text)
{
    size_t len = strlen(text);

    for (int64_t i = 0;; i++) {
        if (strncmp(choices, text, len) == 0 && (choices[len] == '|' || !choices[len]))
            return i;
        choices = strchr(choices, '|');
        REQUIRE(choices != NULL);
        choices++;
    }
}


static int64_t
option_integer(const struct mw_options *options, const char *word)
{
    const struct mw_option *row = row_of(options, word);
    const char *text = option_string(options, word);

    if (!text)
        return 0;
    if (row->type == MW_BOOL)
        return strcmp(text, "true") == 0;
    if (row->type == MW_WORD)
        return choice(row->choices, text);
    if (row->type == MW_DURATION)
        return duration_ms(text);
    REQUIRE(row->type == MW_INTEGER || row->type == MW_SIZE);
    return size(text);
}

static uint64_t
option_interval_ns(const struct mw_options *options, const char *word)
{
    const char *text = option_string(options, word);

    REQUIRE(row_of(options, word)->type == MW_RATE);
    return text ? scalar_interval_ns(str_of(text)) : 0;
}

static bool
option_given(const struct mw_options *options, const char *word)
{
    return given(options, word, 0) != NULL;
}

static size_t
option_count(const struct mw_options *options, const char *word)
{
    const struct mw_option *known = row_of(options, word);
    size_t count = 0;

    for (const struct fake_row *row = options->rows; row->word; row++)
        count += strcmp(row->word, word) == 0 && (row->text || row->member);
    return given(options, word, 0) ? count : known->fallback != NULL;
}

/* Good for the configuration's life, as the gateway's are: a map's stand in `keys`. */
static const char *
option_key(const struct mw_options *options, const char *word, size_t i)
{
    static char keys[FAKE_MAX * 8][128];
    const struct fake_row *row = given(options, word, i);

    REQUIRE(row != NULL && i < FAKE_MAX * 8);
    if (row_of(options, word)->type == MW_NAMED)
        return row->text;
    snprintf(keys[i], sizeof(keys[i]), "%.*s", (int)strcspn(row->text, "="), row->text);
    return keys[i];
}

static const char *
option_item(const struct mw_options *options, const char *word, size_t i)
{
    const struct fake_row *row = given(options, word, i);

    if (!row)
        return row_of(options, word)->fallback;
    return row_of(options, word)->type == MW_MAP ? strchr(row->text, '=') + 1 : row->text;
}

static const struct mw_options *
option_member(const struct mw_options *options, const char *word, size_t i)
{
    static const struct fake_row no_rows[] = {{NULL}};
    static struct mw_options always; /* the MW_OBJECT "{}" that nobody wrote, asked for last */
    const struct fake_row *row = given(options, word, i);

    if (row || !row_of(options, word)->fallback)
        return row ? row->member : NULL;
    always = (struct mw_options){row_of(options, word)->members, no_rows};
    return &always;
}

static void PRINTF_LIKE(4, 5)
option_fault(const struct mw_options *options, const char *word, size_t i, const char *format, ...)
{
    va_list arguments;
    char place[64];

    row_of(options, word);
    snprintf(place, sizeof(place), "%s[%zu]: ", word, i);
    strncat(complaints, place, sizeof(complaints) - strlen(complaints) - 1);
    va_start(arguments, format);
    append(complaints, sizeof(complaints), format, arguments);
    va_end(arguments);
}

static bool
reserve_header(const struct mw_options *options, const char *name)
{
    (void)options;
    snprintf(reserved, sizeof(reserved), "%s", name);
    return http_is_token(str_of(name)) && !field_names_have(&field_names_own, str_of(name));
}

const char *
fake_reserved(void)
{
    return reserved;
}

static void
offer_claims(const struct mw_options *options)
{
    (void)options;
    offers++;
}

int
fake_offers(void)
{
    return offers;
}

static bool
expect_claim(const struct mw_options *options, const char *word, size_t i, const char *name)
{
    (void)i;
    row_of(options, word);
    snprintf(expected, sizeof(expected), "%s", name);
    return true;
}

const char *
fake_expected(void)
{
    return expected;
}

static void PRINTF_LIKE(4, 5)
host_log(const struct mw_host *host, enum mw_log_level level, const char *module,
         const char *format, ...)
{
    va_list arguments;
    char place[64];

    (void)host;
    snprintf(place, sizeof(place), "log %d %s: ", level, module);
    strncat(complaints, place, sizeof(complaints) - strlen(complaints) - 1);
    va_start(arguments, format);
    append(complaints, sizeof(complaints), format, arguments);
    va_end(arguments);
}

/* ---- Questions ------------------------------------------------------------------ */

static const struct sockaddr *
peer_address(const struct mw_request *request)
{
    return request->peer;
}

static struct mw_str
text(const char *value)
{
    return (struct mw_str){value, value ? strlen(value) : 0};
}

static struct mw_str
find(const struct fake_pair *pairs, const char *name, size_t i,
     int (*compare)(const char *, const char *))
{
    for (; pairs->name; pairs++)
        if (compare(pairs->name, name) == 0 && i-- == 0)
            return text(pairs->value);
    return text(NULL);
}

static struct mw_str
header(const struct mw_request *request, const char *name, size_t i)
{
    return find(request->headers, name, i, strcasecmp);
}

static bool
own_header(const struct mw_request *request, const char *name, struct mw_str *said)
{
    *said = text(NULL);
    for (const struct fake_pair *own = request->own; own->name; own++)
        if (strcasecmp(own->name, name) == 0) {
            *said = text(own->value);
            return true;
        }
    return false;
}

static struct mw_str
cookie(const struct mw_request *request, const char *name, size_t i)
{
    return find(request->cookies, name, i, strcmp);
}

static struct mw_str
query(const struct mw_request *request, const char *name, size_t i)
{
    return find(request->arguments, name, i, strcmp);
}

static struct mw_str
subprotocol(const struct mw_request *request, size_t i)
{
    for (size_t at = 0; at < FAKE_MAX && request->protocols[at]; at++)
        if (at == i)
            return text(request->protocols[at]);
    return text(NULL);
}

static struct mw_str
capture(const struct mw_request *request, const char *name)
{
    return find(request->captures, name, 0, strcmp);
}

static const char *
expected_claim(const struct mw_request *request, size_t i)
{
    return i < FAKE_MAX ? request->expected[i] : NULL;
}

static struct mw_str
claim(const struct mw_request *request, const char *name, struct mw_str *issuer)
{
    struct mw_str value = find(request->claims, name, 0, strcmp);

    if (issuer)
        *issuer = text(value.at ? request->claims_issuer : NULL);
    return value;
}

static int64_t
wall_clock_ms(const struct mw_request *request)
{
    return request->now_ms;
}

/* ---- Answers ----------------------------------------------------------------------- */

static bool
works(const struct mw_request *request, const char *answer)
{
    return !request->broken || strcmp(request->broken, answer) != 0;
}

static enum mw_verdict
deny(struct mw_request *request, int status, const char *word, const char *challenge)
{
    request->status = status;
    request->word = word;
    request->challenge = challenge ? request->challenge_text : NULL;
    snprintf(request->challenge_text, sizeof(request->challenge_text), "%s",
             challenge ? challenge : "");
    return MW_DENY;
}

static struct mw_str
method(const struct mw_request *request)
{
    (void)request;
    return text("GET");
}

static struct mw_str
host_name(const struct mw_request *request)
{
    (void)request;
    return text("gate.test");
}

static struct mw_str
path(const struct mw_request *request)
{
    return (struct mw_str){request->uri, strcspn(request->uri, "?")};
}

static struct mw_str
uri(const struct mw_request *request)
{
    return text(request->uri);
}

static bool
is_secure(const struct mw_request *request)
{
    (void)request;
    return true;
}

static bool
answer_body(struct mw_request *request, struct mw_str type, struct mw_str body)
{
    trace(request, "body %.*s: %.*s", (int)type.len, type.at, (int)body.len, body.at);
    return works(request, "body");
}

static void
retry_after(struct mw_request *request, uint32_t seconds)
{
    trace(request, "retry after %u", (unsigned)seconds);
}

static struct mw_str
issuer(const struct mw_request *request)
{
    return text(request->issuer);
}

static struct mw_str
subject(const struct mw_request *request)
{
    return text(request->subject);
}

static struct mw_str
route(const struct mw_request *request)
{
    return text(request->route);
}

static void *
slot_of(const struct mw_request *request)
{
    return request->slot;
}

static uint64_t
session_id(const struct mw_request *request)
{
    return request->id;
}

static void
end_session(const struct mw_host *host, uint64_t id, enum mw_close why, const char *reason)
{
    (void)host;
    size_t at = strlen(complaints);

    snprintf(complaints + at, sizeof(complaints) - at, "end %llu %s %s\n", (unsigned long long)id,
             why == MW_CLOSE_QUOTA ? "quota" : "policy", reason);
}

static bool
forward_header(struct mw_request *request, const char *name, struct mw_str value)
{
    trace(request, "forward %s: %.*s", name, (int)value.len, value.at);
    return works(request, "forward");
}

static bool
strip(struct mw_request *request, enum mw_source source, const char *name, size_t i)
{
    static const char *const sources[] = {"header", "cookie", "query", "subprotocol"};

    if (source == MW_SUBPROTOCOL)
        trace(request, "strip subprotocol %zu", i);
    else
        trace(request, "strip %s %s", sources[source], name);
    return works(request, "strip");
}

static bool
identify(struct mw_request *request, struct mw_str issuer, struct mw_str subject)
{
    trace(request, "identify %.*s %.*s", (int)issuer.len, issuer.at ? issuer.at : "",
          (int)subject.len, subject.at);
    return works(request, "identify");
}

static bool
give_claim(struct mw_request *request, const char *name, struct mw_str issuer, struct mw_str value)
{
    trace(request, "give %s by %.*s: %.*s", name, (int)issuer.len, issuer.at ? issuer.at : "",
          (int)value.len, value.at);
    return works(request, "give");
}

static void
deadline(struct mw_request *request, int64_t wall_ms)
{
    trace(request, "deadline %lld", (long long)wall_ms);
}

static bool
label(struct mw_request *request, const char *key, struct mw_str value)
{
    trace(request, "label %s %.*s", key, (int)value.len, value.at);
    return works(request, "label");
}

static void *
host_alloc(struct mw_request *request, size_t bytes)
{
    if (request->no_memory)
        return NULL;
    REQUIRE(request->allocation_count < FAKE_ALLOCATIONS);
    /* Exact, so that a sanitizer sees the first byte behind it. */
    return request->allocations[request->allocation_count++] = malloc(bytes);
}

static void
host_count(struct mw_request *request, const char *word, uint64_t n)
{
    trace(request, "count %s %llu", word, (unsigned long long)n);
}

/* ---- Threads --------------------------------------------------------------------------- */

static struct event_base *
worker_base(struct mw_worker *worker)
{
    return worker->base;
}

static bool
host_post(struct mw_worker *worker, void (*fn)(void *arg), void *arg)
{
    if (worker->closed)
        return false;
    REQUIRE(worker->post_count < FAKE_POSTS);
    worker->posts[worker->post_count].fn = fn;
    worker->posts[worker->post_count++].arg = arg;
    return true;
}

int
fake_posts_run(struct mw_worker *worker)
{
    int i = 0;

    for (; i < worker->post_count; i++)
        worker->posts[i].fn(worker->posts[i].arg);
    worker->post_count = 0;
    return i;
}

static void
count_on(struct mw_worker *worker, const char *module, const char *word, uint64_t n)
{
    (void)module, (void)word;
    worker->counted += n;
}

static bool
identify_token(struct mw_request *request, struct mw_str token_id, struct mw_str session_id)
{
    trace(request, "identify_token %.*s %.*s", (int)token_id.len, token_id.at ? token_id.at : "",
          (int)session_id.len, session_id.at ? session_id.at : "");
    return works(request, "identify_token");
}

static const char *revoked;

void
fake_revoke(const char *text)
{
    revoked = text;
}

static bool
is_named(struct mw_str text)
{
    return text.at && revoked && strlen(revoked) == text.len &&
           memcmp(revoked, text.at, text.len) == 0;
}

static bool
is_revoked(const struct mw_host *host, struct mw_str issuer, struct mw_str subject,
           struct mw_str token_id, struct mw_str session_id)
{
    (void)host, (void)issuer;
    return is_named(subject) || is_named(token_id) || is_named(session_id);
}

static bool
is_revalidated(const struct mw_request *request)
{
    return request->revalidated;
}

static bool
is_dry_run(const struct mw_request *request)
{
    return request->dry_run;
}

static bool
is_offline(const struct mw_request *request)
{
    return request->offline;
}

static enum mw_verdict
undecided(struct mw_request *request, const char *why)
{
    (void)why;
    request->status = 503;
    request->word = "undecided";
    return MW_DENY;
}

static bool
expect_capture(const struct mw_options *options, const char *word, size_t i, const char *name)
{
    (void)options, (void)word, (void)i, (void)name;
    return true;
}

static void
slot_set(struct mw_request *request, void *slot)
{
    request->slot = slot;
}

static struct mw_task *
host_task(struct mw_request *request)
{
    return (struct mw_task *)request;
}

static enum mw_verdict
deny_tunnel(struct mw_task *task, int status, const char *word)
{
    struct mw_request *request = (struct mw_request *)task;

    request->status = status;
    request->word = word;
    return MW_DENY;
}

static struct mw_str
tunnel_capture(const struct mw_task *task, const char *name)
{
    return capture((const struct mw_request *)task, name);
}

static void
host_resume(struct mw_task *task, enum mw_verdict verdict)
{
    struct mw_request *request = (struct mw_request *)task;

    REQUIRE(verdict != MW_WAIT);
    request->verdict = verdict;
    request->resumed++;
}

void
fake_request_free(struct mw_request *request)
{
    for (int i = 0; i < request->allocation_count; i++)
        free(request->allocations[i]);
    request->allocation_count = 0;
}

const struct mw_host fake_host = {
    .size = sizeof(struct mw_host),
    .option_string = option_string,
    .option_integer = option_integer,
    .option_given = option_given,
    .option_count = option_count,
    .option_key = option_key,
    .option_item = option_item,
    .option_member = option_member,
    .option_interval_ns = option_interval_ns,
    .option_fault = option_fault,
    .reserve_header = reserve_header,
    .peer_address = peer_address,
    .capture = capture,
    .header = header,
    .own_header = own_header,
    .cookie = cookie,
    .query = query,
    .subprotocol = subprotocol,
    .wall_clock_ms = wall_clock_ms,
    .deny = deny,
    .forward_header = forward_header,
    .strip = strip,
    .identify = identify,
    .deadline = deadline,
    .label = label,
    .alloc = host_alloc,
    .log = host_log,
    .count = host_count,
    .worker_base = worker_base,
    .post = host_post,
    .count_on = count_on,
    .task = host_task,
    .resume = host_resume,
    .identify_token = identify_token,
    .is_revoked = is_revoked,
    .is_revalidated = is_revalidated,
    .slot_set = slot_set,
    .expect_capture = expect_capture,
    .offer_claims = offer_claims,
    .expect_claim = expect_claim,
    .expected_claim = expected_claim,
    .give_claim = give_claim,
    .claim = claim,
    .is_offline = is_offline,
    .is_dry_run = is_dry_run,
    .undecided = undecided,
    .deny_tunnel = deny_tunnel,
    .tunnel_capture = tunnel_capture,
    .slot = slot_of,
    .session_id = session_id,
    .issuer = issuer,
    .subject = subject,
    .route = route,
    .retry_after = retry_after,
    .method = method,
    .host = host_name,
    .authority = host_name,
    .path = path,
    .uri = uri,
    .is_secure = is_secure,
    .answer_body = answer_body,
    .end_session = end_session,
};
