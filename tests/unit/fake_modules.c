/* fake_modules.c - see fake_modules.h. */
#include "fake_modules.h"

#include "every_option.h"

#include <stdlib.h>
#include <string.h>

int fake_instances;
char fake_last[32];

struct instance {
    char name[32];
};

static void *
make_instance(const char *name)
{
    struct instance *instance = calloc(1, sizeof(*instance));

    strncpy(instance->name, name, sizeof(instance->name) - 1);
    fake_instances++;
    return instance;
}

static void *
every_setup(const struct mw_options *options, const struct mw_host *host)
{
    const char *needed = host->option_string(options, "needed");

    if (strcmp(needed, "nothing") == 0)
        return NULL;
    if (strcmp(needed, "fault") == 0) {
        host->option_fault(options, "list", 0, "expected %s", "better");
        host->option_fault(options, "needed", 0, "is bad too");
        return NULL;
    }
    if (strcmp(needed, "lie") == 0)
        host->option_fault(options, "needed", 0, "is a lie");
    if (strcmp(needed, "reserve") == 0 &&
        (!host->reserve_header(options, "X_Reserved") ||
         !host->reserve_header(options, "x-auth-b") || host->reserve_header(options, "X-*") ||
         host->reserve_header(options, "a b") || host->reserve_header(options, "Host") ||
         host->reserve_header(options, "x_request_id")))
        return NULL;
    if (strcmp(needed, "twice") == 0 && (!host->reserve_header(options, "X-A") ||
                                         !host->reserve_header(options, "x_a")))
        return NULL;
    return make_instance(needed);
}

static void *
plain_setup(const struct mw_options *options, const struct mw_host *host)
{
    (void)options;
    (void)host;
    return make_instance("plain");
}

static void
teardown(void *instance)
{
    strcpy(fake_last, ((struct instance *)instance)->name);
    fake_instances--;
    free(instance);
}

static enum mw_verdict
decide(const void *instance, void *state, struct mw_request *request)
{
    (void)instance;
    (void)state;
    (void)request;
    return MW_DENY;
}

static const struct mw_option allowlist_options[] = {
    {"allow", MW_LIST, NULL, "who may", MW_REQUIRED},
    {"deny", MW_LIST, NULL, "who may not"},
    {"files", MW_FILES, NULL, "more of them"},
    {0},
};

static const struct mw_option origin_options[] = {
    {"allow", MW_LIST, NULL, "from where", MW_REQUIRED},
    {"missing", MW_WORD, "deny", "and from nowhere", 0, "deny|allow"},
    {0},
};

static const struct mw_option key_options[] = {
    {"file", MW_FILE, NULL, "a key"},
    {"secret_file", MW_FILE, NULL, "a secret"},
    {"kid", MW_STRING, NULL, "its name"},
    {"algorithm", MW_WORD, NULL, "what it is for", 0, "HS256|ES256"},
    {0},
};

static const struct mw_option jwt_options[] = {
    {"keys", MW_OBJECTS, NULL, "keys", 0, NULL, key_options},
    {"algorithms", MW_LIST, NULL, "algorithms"},
    {"issuer", MW_STRING, NULL, "the issuer"},
    {"audience", MW_LIST, NULL, "the audience"},
    {"token_from", MW_LIST, "header", "where it is"},
    {"leeway", MW_DURATION, "0", "how far"},
    {"forward_claims", MW_MAP, NULL, "what goes on"},
    {"on_expiry", MW_WORD, "close", "what then", 0, "close|keep"},
    {"cache_file", MW_STRING, NULL, "a file of its own", MW_OWN},
    {0},
};

#define FAKE(module, table, start)                                                         \
    static const struct mw_module module##_module = {                                      \
        .size = sizeof(struct mw_module), .abi = WSGATE_MIDDLEWARE_ABI, .name = #module,    \
        .options = (table), .setup = (start), .teardown = teardown, .decide = decide,       \
    }

FAKE(every, every_option, every_setup);
FAKE(plain, NULL, plain_setup);
FAKE(ip_allowlist, allowlist_options, plain_setup);
FAKE(origin, origin_options, plain_setup);
FAKE(jwt, jwt_options, plain_setup);

const struct mw_module *const fake_modules[] = {
    &every_module, &plain_module, &ip_allowlist_module, &origin_module, &jwt_module, NULL,
};
