/*
 * chain_test.c - every shape of `require`: who is asked, what comes of it, what is undone, and that
 * each slot goes back exactly once, wherever the run ends.
 *
 * The modules are one module with many instances, each of which says what its options tell it
 * to and writes down in a trace that it was asked ("a"), released ("-a") or cancelled ("!a").
 */
#include "config/settings.h"
#include "gateway/chain.h"
#include "gateway/held.h"
#include "gateway/module_host.h"
#include "gateway/refusal.h"
#include "gateway/resident.h"
#include "unit.h"

#include <stdlib.h>

static char trace[512];

static void
note(const char *sign, const char *name)
{
    size_t len = strlen(trace);

    snprintf(trace + len, sizeof(trace) - len, "%s%s%s", len > 0 ? " " : "", sign, name);
}

/* ---- The module ------------------------------------------------------------------------- */

struct says {
    const struct mw_host *host;
    const char *name;
    int status; /* of its refusal; 0: it denies and says nothing; 1: it passes; 2: nonsense */
    bool pass, wait, quiet;
};

static struct mw_task *waiting; /* whose verdict is due */
static const struct says *waiting_for;
static struct mw_request *waiting_request;

static void *
setup(const struct mw_options *options, const struct mw_host *host)
{
    struct says *says = malloc(sizeof(*says));

    if (says != NULL)
        *says = (struct says){
            .host = host,
            .name = host->option_string(options, "name"),
            .status = (int)host->option_integer(options, "deny"),
            .pass = host->option_integer(options, "deny") == 1,
            .wait = host->option_integer(options, "wait") != 0,
            .quiet = host->option_integer(options, "quiet") != 0,
        };
    return says;
}

static enum mw_verdict
say(const struct says *says, struct mw_request *request)
{
    const struct mw_host *host = says->host;
    struct mw_str name = {says->name, strlen(says->name)};

    (void)!host->label(request, says->name, name);
    (void)!host->identify(request, (struct mw_str){NULL, 0}, name);
    (void)!host->identify_token(request, name, name);
    (void)!host->give_claim(request, "who", name, name);
    (void)!host->give_claim(request, "unread", name, name);
    (void)!host->strip(request, MW_HEADER, says->name, 0);
    if (!says->pass)
        return says->status == 2   ? (enum mw_verdict)77
               : says->status == 0 ? MW_DENY
                                   : host->deny(request, says->status, says->name, NULL);
    if (!says->quiet)
        (void)!host->forward_header(request, "X-One", name);
    host->deadline(request, 1000 + (int64_t)says->name[0]);
    host->retry_after(request, 77); /* for nobody: it does not deny */
    (void)!host->answer_body(request, (struct mw_str){"text/x", 6}, name);
    host->slot_set(request, (void *)(uintptr_t)says->name);
    return MW_PASS;
}

static void *
start(const void *instance, struct mw_worker *worker)
{
    (void)worker;
    return (void *)(uintptr_t)instance;
}

static void
stop(void *state)
{
    (void)state;
}

static enum mw_verdict
decide(const void *instance, void *state, struct mw_request *request)
{
    const struct says *says = instance;

    ck_assert_ptr_eq(state, instance);
    note("", says->name);
    if (!says->wait)
        return say(says, request);
    waiting = says->host->task(request);
    waiting_for = says;
    waiting_request = request;
    return MW_WAIT;
}

static void
cancel(void *state, struct mw_task *task)
{
    ck_assert_ptr_eq(task, waiting);
    waiting = NULL;
    note("!", ((const struct says *)state)->name);
}

static void
release(void *state, void *slot, enum mw_end end)
{
    (void)end;
    ck_assert_ptr_eq(slot, ((const struct says *)state)->name);
    note("-", slot);
}

static const struct mw_option options[] = {
    {"name", MW_STRING, NULL, "its name", MW_REQUIRED},
    {"deny", MW_INTEGER, "1", "1: it passes"},
    {"wait", MW_BOOL, "false", "before it says anything"},
    {"quiet", MW_BOOL, "false", "it sets no header"},
    {0},
};

static const struct mw_module module = {
    .size = sizeof(struct mw_module),
    .abi = WSGATE_MIDDLEWARE_ABI,
    .name = "says",
    .options = options,
    .setup = setup,
    .teardown = free,
    .worker_start = start,
    .worker_stop = stop,
    .decide = decide,
    .cancel = cancel,
    .release = release,
};
static const struct mw_module *const modules[] = {&module, NULL};

/* ---- A run -------------------------------------------------------------------------------- */

/* a, b, c pass; d says 403, e 401, f 503, g 429, h 400; i denies without a word, j says nonsense;
 * w waits and passes, x waits and says 401; u as w, but sets no header; y, z and v are dry runs:
 * 403, and two that pass. */
#define MIDDLEWARE                                                                            \
    "middleware:\n a: {says: {name: a}}\n b: {says: {name: b}}\n c: {says: {name: c}}\n"      \
    " d: {says: {name: d, deny: 403}}\n e: {says: {name: e, deny: 401}}\n"                    \
    " f: {says: {name: f, deny: 503}}\n g: {says: {name: g, deny: 429}}\n"                    \
    " h: {says: {name: h, deny: 400}}\n i: {says: {name: i, deny: 0}}\n"                      \
    " j: {says: {name: j, deny: 2}}\n w: {says: {name: w, wait: true}}\n"                     \
    " x: {says: {name: x, deny: 401, wait: true}}\n"                                          \
    " y: {says: {name: y, deny: 403}, dry_run: true}\n z: {says: {name: z}, dry_run: true}\n" \
    " u: {says: {name: u, quiet: true, wait: true}}\n"                                        \
    " v: {says: {name: v, wait: true}, dry_run: true}\n"

static const char *claims[] = {"other", "who"}; /* that somebody would read */

struct run {
    struct host_functions host;
    struct settings *settings;
    struct generation *generation;
    struct handle handle;
    struct resident *residents;
    struct worker worker;
    struct request *request;
};

static void
run_open(struct run *run, const char *require)
{
    const struct log_settings log = {"/dev/null", "/dev/null", LOG_LEVEL_ERROR};
    const char *error;
    char text[4096];

    trace[0] = '\0';
    waiting = NULL;
    memset(run, 0, sizeof(*run));
    host_fill(&run->host);
    snprintf(text, sizeof(text),
             "listeners: [{address: 127.0.0.1:1}]\nroutes: [{path: /, require: [%s], backend: b}]\n"
             "backends: {b: {servers: [127.0.0.1:2]}}\n" MIDDLEWARE,
             require);
    run->settings = settings_load_text("f", str_of(text), modules, &run->host.public, stderr);
    ck_assert_ptr_nonnull(run->settings);
    run->worker.log = log_open(&log, &error);
    ck_assert_ptr_nonnull(run->worker.log);
    size_t count = run->settings->instance_count;

    run->residents = calloc(count, sizeof(*run->residents));
    run->handle.residents = calloc(count, sizeof(void *));
    for (size_t i = 0; i < count; i++) {
        run->handle.residents[i] = &run->residents[i];
        run->residents[i].state = run->settings->instances[i].instance;
        run->residents[i].users = 1;
    }
    run->generation = calloc(1, sizeof(*run->generation));
    ck_assert_ptr_nonnull(run->generation);
    run->generation->settings = run->settings;
    run->handle.generation = run->generation;
    run->handle.worker = &run->worker;
    run->handle.users = 1;
    run->worker.handle = &run->handle;
    run->settings->routes[0].claims = claims;
    run->settings->routes[0].claim_count = COUNT_OF(claims);
    run->request = request_new(&run->worker);
    ck_assert_ptr_nonnull(run->request);
    run->request->route = &run->settings->routes[0];
    run->request->listener = &run->settings->listeners[0];
    run->request->peer = run->request->socket = &run->settings->listeners[0].address.any;
}

static void
run_close(struct run *run)
{
    request_free(run->request);
    arena_pool_free(&run->worker.arenas);
    free(run->handle.residents);
    free(run->residents);
    free(run->generation);
    log_close(run->worker.log);
    settings_free(run->settings);
}

static enum step
resume(struct run *run)
{
    waiting = NULL;
    return chain_resume(run->request, say(waiting_for, waiting_request));
}

static enum step
run_through(struct run *run)
{
    enum step step = chain_start(run->request);

    while (step == STEP_WAIT)
        step = resume(run);
    return step;
}

/* In the trace each module that passed, and was not refused all the same, is released once. */
static void
check_balance(void)
{
    int balance[128] = {0};

    for (const char *at = trace; *at != '\0'; at += strcspn(at, " ") + (strchr(at, ' ') != NULL)) {
        if (*at == '-')
            balance[(unsigned char)at[1]]--;
        else if (*at == '!')
            balance[(unsigned char)at[1]] = 0;
        else
            balance[(unsigned char)at[0]] += strchr("abcuwzv", *at) != NULL;
    }
    for (size_t i = 0; i < COUNT_OF(balance); i++)
        ck_assert_msg(balance[i] == 0, "%c is %d times due in: %s", (int)i, balance[i], trace);
}

/* ---- Tables ------------------------------------------------------------------------------- */

static const struct {
    const char *require;
    unsigned status;    /* 0: it passes */
    const char *by;     /* who refused; the forwarded header where it passes */
    const char *asked;  /* the trace before the end */
    const char *labels; /* of those whose findings hold */
} rows[] = {
    {"", 0, NULL, "", ""},
    {"a", 0, "a", "a", "a"},
    {"a, d, b", 403, "d", "a d", "ad"},
    {"i", 403, "i", "i", "i"},
    {"j", 403, "j", "j", "j"},
    {"w", 0, "w", "w", "w"},
    {"x, a", 401, "x", "x", "x"},

    /* any_of: the first that passes, and nothing of those before it */
    {"{any_of: [a, b]}", 0, "a", "a", "a"},
    {"{any_of: [d, b]}", 0, "b", "d b", "b"},
    {"{any_of: [e, f, g, b]}, {any_of: [d, i]}", 403, "i", "e f g b d i", "bi"},
    {"{any_of: [d, x, w]}", 0, "w", "d x w", "w"},
    {"{any_of: [f, b]}", 0, "b", "f b", "b"},
    {"{any_of: [j, b]}", 0, "b", "j b", "b"},

    /* whose answer it is: 5xx, 429, 401, 400, others; among equals the last */
    {"{any_of: [e, d]}", 401, "e", "e d", ""},
    {"{any_of: [d, e]}", 401, "e", "d e", "e"},
    {"{any_of: [x, e]}", 401, "e", "x e", "e"},
    {"{any_of: [f, e, g, h, d]}", 503, "f", "f e g h d", ""},
    {"{any_of: [e, g, h]}", 429, "g", "e g h", ""},
    {"{any_of: [h, e]}", 401, "e", "h e", "e"},
    {"{any_of: [h, d]}", 400, "h", "h d", ""},
    {"{any_of: [d, i]}", 403, "i", "d i", "i"},

    /* groups in groups */
    {"{all_of: [a, d]}, e", 403, "d", "a d", "ad"},
    {"{any_of: [{all_of: [a, d]}, b]}", 0, "b", "a d -a b", "b"},
    {"{any_of: [{all_of: [a, {any_of: [d, e]}]}, b]}, h", 400, "h", "a d e -a b h", "bh"},
    {"{any_of: [{all_of: [{any_of: [e, a]}, d]}, d]}", 403, "d", "e a d -a d", "d"},
    {"{any_of: [{any_of: [e, d]}, {any_of: [d, h]}]}", 401, "e", "e d d h", ""},
    {"{any_of: [{all_of: [w, x]}, {all_of: [w, {not: x}]}]}", 0, "w", "w x -w w x", "w"},
    {"{all_of: [{all_of: [{all_of: [{any_of: [d, a]}]}]}]}", 0, "a", "d a", "a"},
    {"{any_of: [{all_of: [a]}, d]}, h", 400, "h", "a h", "ah"},

    /* not: 401 and 403 are judgements; everything else refuses on */
    {"{not: a}", 403, "a", "a -a", ""},
    {"{not: w}", 403, "w", "w -w", ""},
    {"{not: d}, a", 0, "a", "d a", "a"},
    {"{not: x}, a", 0, "a", "x a", "a"},
    {"{not: f}", 503, "f", "f", ""},
    {"{not: g}", 429, "g", "g", ""},
    {"{not: h}", 400, "h", "h", ""},
    {"{not: i}", 403, "i", "i", ""},
    {"{not: j}", 403, "j", "j", ""},
    {"{any_of: [{not: a}, b]}", 0, "b", "a -a b", "b"},
    {"{any_of: [{not: f}, {not: d}]}", 0, NULL, "f d", ""},

    /* a dry run passes, and leaves nothing but its slot, to the end */
    {"y, a", 0, "a", "y a", "a"},
    {"z, a", 0, "a", "z a", "a"},
    {"v, a", 0, "a", "v a", "a"},
    {"{not: y}", 0, NULL, "y", ""},
    {"{not: z}, a", 0, "a", "z -z a", "a"},
    {"{any_of: [e, y, a]}", 0, NULL, "e y", ""},
};

static void
check_name(struct str text, char name)
{
    ck_assert_int_eq(text.at != NULL ? text.at[0] : 0, name);
}

/* As a module behind all of these would read it. */
static void
check_claim(const struct run *run, char name)
{
    const struct mw_host *host = &run->host.public;
    const struct mw_request *request = (const struct mw_request *)run->request;
    struct mw_str issuer = {"x", 1}, value = host->claim(request, "who", &issuer);

    check_name((struct str){value.at, value.len}, name);
    check_name((struct str){issuer.at, issuer.len}, name);
    ck_assert_ptr_null(host->claim(request, "other", NULL).at);
    ck_assert_ptr_null(host->claim(request, "unread", NULL).at);
    ck_assert_str_eq(host->expected_claim(request, 1), "who");
    ck_assert_ptr_null(host->expected_claim(request, 2));
}

static void
check_findings(const struct run *run, const char *by, const char *labels)
{
    const struct request *request = run->request;
    size_t count = strlen(labels);
    char last = count > 0 ? labels[count - 1] : 0;

    ck_assert_uint_eq(request->label_count, count);
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(request->labels[i].name.at[0], labels[i]);
    check_name(request->who.subject, last);
    check_name(request->who.token_id, last);
    check_name(request->who.session_id, last);
    check_claim(run, last);
    if (request->answer.reason != REASON_NONE)
        return;
    ck_assert_uint_eq(request->forward_count, by != NULL);
    if (by != NULL)
        ck_assert_int_eq(request->forwards[0].value.at[0], by[0]);
    ck_assert_int_eq(request->deadline_wall_ms, by != NULL ? 1000 + by[0] : INT64_MAX);
}

START_TEST(says_what_comes_of_it)
{
    struct run run;

    run_open(&run, rows[_i].require);
    enum step step = run_through(&run);

    ck_assert_int_eq(step, rows[_i].status == 0 ? STEP_DONE : STEP_FAILED);
    ck_assert_str_eq(trace, rows[_i].asked);
    if (rows[_i].status != 0) {
        ck_assert_uint_eq(refusal_status(&run.request->answer), rows[_i].status);
        ck_assert_str_eq(run.request->answer.module, rows[_i].by);
    } else {
        ck_assert_int_eq(run.request->answer.reason, REASON_NONE);
    }
    check_findings(&run, rows[_i].by, rows[_i].labels);
    chain_release(run.request, MW_END_REFUSED);
    chain_release(run.request, MW_END_REFUSED);
    check_balance();
    run_close(&run);
}
END_TEST

/* A claim that does not fit refuses, whatever the module says. */
START_TEST(a_claim_that_does_not_fit)
{
    static char text[256];
    struct run run;

    run_open(&run, "a");
    ck_assert_int_eq(run_through(&run), STEP_DONE);
    const struct mw_host *host = &run.host.public;
    struct mw_request *request = (struct mw_request *)run.request;
    struct mw_str value = {text, sizeof(text)};

    ck_assert(host->give_claim(request, "unread", value, value));
    while (host->give_claim(request, "who", (struct mw_str){NULL, 0}, value))
        ck_assert_int_eq(run.request->answer.reason, REASON_NONE);
    ck_assert_int_eq(run.request->answer.reason, REASON_NO_MEMORY);
    ck_assert_uint_eq(host->claim(request, "who", NULL).len, sizeof(text));
    chain_release(run.request, MW_END_REFUSED);
    run_close(&run);
}
END_TEST

/* What a module says beside a refusal that it does not pronounce is not the next one's. */
START_TEST(leaves_no_body_behind)
{
    static const char *const chains[] = {"a, d", "{any_of: [{all_of: [a, d]}, e]}", "z, d",
                                         "{not: a}"};

    for (size_t i = 0; i < COUNT_OF(chains); i++) {
        struct run run;

        run_open(&run, chains[i]);
        ck_assert_int_eq(run_through(&run), STEP_FAILED);
        ck_assert_ptr_null(run.request->answer.body.at);
        ck_assert_ptr_null(run.request->answer.body_type.at);
        ck_assert_uint_eq(run.request->answer.retry_after_s, 0);
        chain_release(run.request, MW_END_REFUSED);
        run_close(&run);
    }
}
END_TEST

/* What was stripped stays stripped, but for a dry run's. */
START_TEST(keeps_what_was_stripped)
{
    struct run run;

    run_open(&run, "{any_of: [e, a]}, {not: d}, y, z");
    ck_assert_int_eq(run_through(&run), STEP_DONE);
    ck_assert_uint_eq(run.request->strip_count, 3);
    for (size_t i = 0; i < 3; i++)
        ck_assert_int_eq(run.request->strips[i].name[0], "ead"[i]);
    chain_release(run.request, MW_END_CLOSED);
    run_close(&run);
}
END_TEST

static const char *const waits[] = {
    "a, w, b",
    "{any_of: [d, {all_of: [a, w]}]}",
    "{any_of: [{all_of: [a, w, d]}, x, b]}",
    "{not: w}",
    "{not: x}, w",
    "v, w",
    "{any_of: [e, w]}, {any_of: [x, a]}",
};

/* The client leaves at each wait there is. */
START_TEST(can_be_cancelled_anywhere)
{
    enum step step = STEP_WAIT;

    for (int waited = 0; step == STEP_WAIT; waited++) {
        struct run run;

        run_open(&run, waits[_i]);
        step = chain_start(run.request);
        for (int i = 0; i < waited && step == STEP_WAIT; i++)
            step = resume(&run);
        chain_cancel(run.request);
        ck_assert_ptr_null(waiting);
        chain_cancel(run.request);
        chain_release(run.request, MW_END_GONE);
        check_balance();
        run_close(&run);
    }
}
END_TEST

/* When the time is up, who waits is refused, and who would wait. */
static const struct {
    const char *require;
    unsigned status;
    const char *asked;
} overdue_rows[] = {
    {"a, w, b", 504, "a w !w"},
    {"{any_of: [w, b]}", 0, "w !w b"},
    {"{any_of: [w, x]}", 504, "w !w x !x"},
    {"{any_of: [{all_of: [a, w]}, d]}", 504, "a w !w -a d"},
    {"{not: x}", 504, "x !x"},
    {"v, a", 0, "v !v a"},
    {"v, w", 504, "v !v w !w"},
};

START_TEST(ends_in_time)
{
    struct run run;

    run_open(&run, overdue_rows[_i].require);
    ck_assert_int_eq(chain_start(run.request), STEP_WAIT);
    enum step step = chain_overdue(run.request);

    ck_assert_int_eq(step, overdue_rows[_i].status == 0 ? STEP_DONE : STEP_FAILED);
    ck_assert_str_eq(trace, overdue_rows[_i].asked);
    if (step == STEP_FAILED)
        ck_assert_uint_eq(refusal_status(&run.request->answer), overdue_rows[_i].status);
    chain_release(run.request, MW_END_REFUSED);
    check_balance();
    run_close(&run);
}
END_TEST

/* The slots that a tunnel takes over are those of the modules that let it in. */
START_TEST(hands_its_slots_over)
{
    struct run run;
    struct held *held;
    size_t count;

    run_open(&run, "{any_of: [{all_of: [a, d]}, {all_of: [b, u]}]}, z, {not: e}");
    ck_assert_int_eq(run_through(&run), STEP_DONE);
    ck_assert(held_take(run.request, &held, &count));
    ck_assert_uint_eq(count, 3);
    chain_release(run.request, MW_END_CLOSED);
    ck_assert_str_eq(trace, "a d -a b u z e");
    held_release(held, count, MW_END_CLOSED);
    check_balance();
    run_close(&run);
}
END_TEST

Suite *
chain_suite(void)
{
    Suite *suite = suite_create("chain");
    TCase *tests = tcase_create("chain");

    tcase_add_loop_test(tests, says_what_comes_of_it, 0, COUNT_OF(rows));
    tcase_add_test(tests, a_claim_that_does_not_fit);
    tcase_add_test(tests, leaves_no_body_behind);
    tcase_add_test(tests, keeps_what_was_stripped);
    tcase_add_loop_test(tests, can_be_cancelled_anywhere, 0, COUNT_OF(waits));
    tcase_add_loop_test(tests, ends_in_time, 0, COUNT_OF(overdue_rows));
    tcase_add_test(tests, hands_its_slots_over);
    suite_add_tcase(suite, tests);
    return suite;
}
