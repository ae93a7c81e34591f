/*
 * ip_allowlist.c - who may connect, by address.
 *
 * A peer in `deny` is refused, whatever else says otherwise. Where `allow` or
 * `files` is given, only who stands in one of them may pass; where neither is,
 * everyone who is not denied. All three absent would check nothing, and is a
 * fault, and so is an empty list.
 *
 * A peer on a Unix socket has no address: it may pass only where the word `unix`
 * stands in `allow`.
 *
 * It does not ask headers: the gateway has already judged whose word counts, and
 * the peer address is its answer. Files are read once, at setup.
 */
#include "registry.h"

#include <wsgate/middleware.h>

#include "base/address.h"
#include "line_file.h"

#include <stdlib.h>

struct allowlist {
    const struct mw_host *host;
    struct address_set *allow, *deny;
    bool allows_unix;
    bool allows_others; /* neither allow nor files: everyone who is not denied */
};

static const struct mw_option options_table[] = {
    {"allow", MW_LIST, NULL, "Prefixes that may connect; the word unix for peers on Unix sockets.",
     0, NULL, NULL},
    {"deny", MW_LIST, NULL, "Prefixes that may not connect, though they are allowed.", 0, NULL,
     NULL},
    {"files", MW_FILES, NULL, "Files with further prefixes that may connect, one on a line.", 0,
     NULL, NULL},
    {NULL, MW_BOOL, NULL, NULL, 0, NULL, NULL},
};

/* ---- Setup ---------------------------------------------------------------- */

/* What setup carries along. */
struct reading {
    const struct mw_options *options;
    const struct mw_host *host;
    bool failed;
};

/* given, but empty: whoever wrote it meant something else. */
static bool
check_list(struct reading *reading, const char *word)
{
    if (!reading->host->option_given(reading->options, word))
        return false;
    if (reading->host->option_count(reading->options, word) == 0) {
        reading->host->option_fault(reading->options, word, 0,
                                    "the list is empty: leave it out, or name somebody");
        reading->failed = true;
    }
    return true;
}

static void
read_list(struct reading *reading, const char *word, struct address_set *set, bool *allows_unix)
{
    size_t count = reading->host->option_count(reading->options, word);

    for (size_t i = 0; i < count; i++) {
        const char *item = reading->host->option_item(reading->options, word, i), *error;

        if (allows_unix != NULL && strcmp(item, "unix") == 0) {
            *allows_unix = true;
        } else if (!address_set_add(set, str_of(item), &error)) {
            reading->host->option_fault(reading->options, word, i, "\"%s\": %s", item, error);
            reading->failed = true;
        }
    }
}

/* A line, of which a comment is no part. */
static bool
take_prefix(void *set, struct str line, const char **error)
{
    const char *comment = memchr(line.at, '#', line.len);

    if (comment != NULL)
        line = str_trim((struct str){line.at, (size_t)(comment - line.at)});
    return line.len == 0 || address_set_add(set, line, error);
}

static void
read_options(struct reading *reading, struct allowlist *list)
{
    const struct mw_host *host = reading->host;
    bool has_allow = check_list(reading, "allow"), has_files = check_list(reading, "files");
    bool has_deny = check_list(reading, "deny");

    if (!has_allow && !has_files && !has_deny) {
        host->option_fault(reading->options, "allow", 0,
                           "allow, deny and files are all absent: nothing would be checked");
        reading->failed = true;
    }
    list->allows_others = !has_allow && !has_files;
    read_list(reading, "allow", list->allow, &list->allows_unix);
    read_list(reading, "deny", list->deny, NULL);
    for (size_t i = 0; i < host->option_count(reading->options, "files"); i++)
        if (!line_file_read(host, reading->options, "files", i, take_prefix, list->allow))
            reading->failed = true;
    if (has_files && !has_allow && !reading->failed && address_set_count(list->allow) == 0) {
        host->option_fault(reading->options, "files", 0,
                           "there is no prefix in them: nobody could pass");
        reading->failed = true;
    }
}

static void
teardown(void *instance)
{
    struct allowlist *list = instance;

    if (list == NULL)
        return;
    address_set_free(list->allow);
    address_set_free(list->deny);
    free(list);
}

static void *
setup(const struct mw_options *options, const struct mw_host *host)
{
    struct reading reading = {options, host, false};
    struct allowlist *list = calloc(1, sizeof(*list));

    if (list != NULL) {
        *list = (struct allowlist){.host = host, .allow = address_set_new(),
                                   .deny = address_set_new()};
    }
    if (list == NULL || list->allow == NULL || list->deny == NULL) {
        host->option_fault(options, "allow", 0, "out of memory");
        teardown(list);
        return NULL;
    }
    read_options(&reading, list);
    if (reading.failed || !address_set_seal(list->allow) || !address_set_seal(list->deny)) {
        teardown(list);
        return NULL;
    }
    return list;
}

/* ---- Deciding ---------------------------------------------------------------- */

static bool
may_connect(const struct allowlist *list, const struct sockaddr *peer)
{
    if (peer == NULL)
        return false;
    if (peer->sa_family == AF_UNIX)
        return list->allows_unix;
    if (peer->sa_family != AF_INET && peer->sa_family != AF_INET6)
        return false;
    if (address_set_has(list->deny, peer))
        return false;
    return list->allows_others || address_set_has(list->allow, peer);
}

static enum mw_verdict
decide(const void *instance, void *state, struct mw_request *request)
{
    const struct allowlist *list = instance;

    (void)state;
    if (may_connect(list, list->host->peer_address(request)))
        return MW_PASS;
    return list->host->deny(request, 403, "address-not-allowed", NULL);
}

const struct mw_module ip_allowlist_module = {
    .size = sizeof(struct mw_module),
    .abi = WSGATE_MIDDLEWARE_ABI,
    .name = "ip_allowlist",
    .options = options_table,
    .setup = setup,
    .teardown = teardown,
    .decide = decide,
};
