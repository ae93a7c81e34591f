/*
 * explain.c - `wsgatectl explain`: configuration, request, explanation, report.
 *
 * The configuration is loaded as the gateway loads it, the request judged by the gateway's own
 * code (explanation.c). Exit status 2 means that there is no verdict.
 */
#include "wsgatectl/explain.h"

#include "net/http_client.h"
#include "wsgatectl/command.h"
#include "wsgatectl/explain_options.h"
#include "wsgatectl/explain_report.h"

#include <stdlib.h>

static const char title[] = "wsgatectl explain";

static const struct listener_settings *
find_listener(const struct settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->listener_count; i++)
        if (name == NULL || strcmp(settings->listeners[i].name, name) == 0 ||
            strcmp(settings->listeners[i].text, name) == 0)
            return &settings->listeners[i];
    command_complain(title, "there is no listener \"%s\" in %s; there are:", name, settings->file);
    for (size_t i = 0; i < settings->listener_count; i++)
        fprintf(stderr, "  %s\n", explain_listener_name(&settings->listeners[i]));
    return NULL;
}

/* Who comes to a listener unless one says otherwise. */
static struct address
default_peer(const struct listener_settings *listener)
{
    struct address peer = {.any.sa_family = AF_UNIX, .len = sizeof(sa_family_t)};

    if (listener->address.any.sa_family == AF_INET)
        (void)!address_parse_ip(&peer, STR("127.0.0.1"));
    else if (listener->address.any.sa_family == AF_INET6)
        (void)!address_parse_ip(&peer, STR("::1"));
    return peer;
}

static int
report(const struct explanation *explanation, const struct explain_options *options)
{
    struct str secret = str_of(options->token.token);

    if (!options->json) {
        explain_report_lines(stdout, explanation, secret);
    } else if (!explain_report_json(stdout, explanation, secret)) {
        command_complain(title, "out of memory");
        return COMMAND_USAGE;
    }
    if (explanation_is_unknown(&explanation->answer))
        return COMMAND_UNKNOWN;
    return explanation->let_in ? COMMAND_OK : COMMAND_REFUSED;
}

/* Takes the settings over. */
static int
explain(struct settings *settings, struct host_functions *host,
        const struct explain_options *options, struct str head)
{
    struct explain_question question = {.listener = find_listener(settings, options->listener),
                                        .head = head};
    struct explanation explanation;
    int status = COMMAND_USAGE;

    if (question.listener == NULL) {
        settings_free(settings);
        return status;
    }
    question.peer = options->has_from ? options->from : default_peer(question.listener);
    if (explanation_make(&explanation, settings, host, &question))
        status = report(&explanation, options);
    else
        command_complain(title, "%s", explanation.error);
    explanation_free(&explanation);
    return status;
}

static int
load_and_explain(const struct explain_options *options, const struct mw_module *const *modules)
{
    struct host_functions host = {.log = NULL};
    int status = COMMAND_USAGE;
    size_t len = 0;
    char *head = explain_options_head(options, &len);

    if (head == NULL || !http_client_global_start()) {
        command_complain(title, "out of memory");
        free(head);
        return status;
    }
    host_fill(&host);
    struct settings *settings =
        settings_load(options->file, modules, &host.public, SETTINGS_TO_READ, stderr);
    if (settings != NULL)
        status = explain(settings, &host, options, (struct str){head, len});
    explicit_bzero(head, len);
    free(head);
    return status;
}

int
explain_run(int argc, char **argv, const struct mw_module *const *modules)
{
    struct explain_options *options = malloc(sizeof(*options));
    int status = COMMAND_USAGE;

    if (options == NULL) {
        command_complain(title, "out of memory");
        return status;
    }
    switch (explain_options_parse(options, argc, argv)) {
    case OPTIONS_TAKEN:
        status = load_and_explain(options, modules);
        break;
    case OPTIONS_HELPED:
        status = COMMAND_OK;
        break;
    case OPTIONS_WRONG:
        break;
    }
    explicit_bzero(options, sizeof(*options));
    free(options);
    return status;
}
