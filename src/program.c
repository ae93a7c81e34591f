/* program.c - options, configuration, run; see program.h. */
#include "config.h"

#include "program.h"

#include "gateway/control.h"
#include "gateway/privileges.h"
#include "net/http_client.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <yaml.h>

#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <unistd.h>

enum { EXIT_USAGE = 2 };

struct command_line {
    const char *file;
    bool test, version, help;
};

static void
usage(FILE *out)
{
    fprintf(out, "usage: wsgate [-c FILE] [-t] [-V] [-h]\n"
                 "  -c FILE  the configuration; default: " SYSCONFDIR "/wsgate/wsgate.yaml\n"
                 "  -t       check the configuration, name every fault, and exit\n"
                 "  -V       print the versions, the libraries' too, and exit\n"
                 "  -h       print this help and exit\n");
}

static bool
parse(struct command_line *line, int argc, char **argv)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'}, {NULL, 0, NULL, 0}};
    int option;

    *line = (struct command_line){.file = SYSCONFDIR "/wsgate/wsgate.yaml"};
    while ((option = getopt_long(argc, argv, "c:tVh", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            line->file = optarg;
            break;
        case 't':
            line->test = true;
            break;
        case 'V':
            line->version = true;
            break;
        case 'h':
            line->help = true;
            break;
        default:
            return false;
        }
    }
    if (optind < argc)
        fprintf(stderr, "wsgate: unexpected argument: %s\n", argv[optind]);
    return optind == argc;
}

/* Of those that it runs with, which may not be those it was built with. */
static void
print_version(void)
{
    printf("wsgate " PACKAGE_VERSION "\nlibevent %s, %s, jansson %s, libyaml %s, libcurl %s\n",
           event_get_version(), OpenSSL_version(OPENSSL_VERSION), jansson_version_str(),
           yaml_get_version_string(), curl_version_info(CURLVERSION_NOW)->version);
}

/* 0 to 2 must be taken, or what is opened next would get what is written to standard output. */
static bool
take_standard_descriptors(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO)
        (void)close(fd);
    return fd != -1;
}

static void
warn(void *arg, const char *text)
{
    (void)arg;
    fprintf(stderr, "%s (a warning)\n", text);
}

/* Takes the settings over. */
static int
test(struct settings *settings)
{
    bool good = privileges_check(settings, stderr);

    settings_warn(settings, warn, NULL);
    if (good)
        fprintf(stderr, "wsgate: %s: the configuration is valid\n", settings->file);
    settings_free(settings);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
program_run(int argc, char **argv, const struct mw_module *const *modules)
{
    struct command_line line;
    struct host_functions host = {0};

    if (!take_standard_descriptors())
        return EXIT_FAILURE;
    if (!parse(&line, argc, argv)) {
        usage(stderr);
        return EXIT_USAGE;
    }
    if (line.help) {
        usage(stdout);
        return EXIT_SUCCESS;
    }
    if (line.version) {
        print_version();
        return EXIT_SUCCESS;
    }
    if (!http_client_global_start()) {
        fprintf(stderr, "wsgate: libcurl does not start\n");
        return EXIT_FAILURE;
    }
    host_fill(&host);
    struct settings *settings =
        settings_load(line.file, modules, &host.public, SETTINGS_TO_RUN, stderr);
    if (settings == NULL)
        return EXIT_FAILURE;
    if (line.test)
        return test(settings);
    return control_run(settings, &host);
}
