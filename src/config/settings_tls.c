/*
 * settings_tls.c - TLS of listeners and of backends.
 *
 * What the files hold is judged by net/tls_*.c, which read them at once; here their words get
 * their places in the configuration.
 */
#include "config/settings_build.h"
#include "net/tls_client.h"
#include "net/tls_server.h"
#include "protocol/host.h"

/* `arg`: the options of `tls`. A certificate's item is the member of `certificates`. */
static void
tell(void *arg, size_t item, const char *word, const char *text)
{
    const struct mw_options *options = arg;

    if (item != TLS_NO_ITEM)
        options = options_member(options, "certificates", item);
    options_fault(options, word, 0, "%s", text);
}

static struct tls_reporter
reporter_of(const struct mw_options *options)
{
    return (struct tls_reporter){tell, (void *)(uintptr_t)options};
}

/* The `tls` of a listener or a backend; NULL: there is none. */
static const struct mw_options *
tls_of(const struct mw_options *options)
{
    return options_count(options, "tls") > 0 ? options_member(options, "tls", 0) : NULL;
}

/* ---- Listeners ------------------------------------------------------------------------ */

/* false: one of them was refused already. */
static bool
read_certificates(struct settings_build *build, const struct mw_options *options,
                  struct tls_server_settings *tls)
{
    size_t count = options_count(options, "certificates");
    struct tls_files *files = settings_array(build, count, sizeof(*files));
    bool good = files != NULL;

    if (count == 0 && options_given(options, "certificates"))
        options_fault(options, "certificates", 0, "expected at least one");
    for (size_t i = 0; i < count && files != NULL; i++) {
        const struct mw_options *one = options_member(options, "certificates", i);
        if (one != NULL)
            files[i] = (struct tls_files){options_string(one, "certificate"),
                                          options_string(one, "private_key")};
        good = good && files[i].certificate != NULL && files[i].private_key != NULL;
    }
    tls->certificates = files;
    tls->certificate_count = count;
    return good;
}

static bool
read_ticket_keys(struct settings_build *build, const struct mw_options *options,
                 struct tls_server_settings *tls)
{
    size_t count = options_count(options, "ticket_key_files");
    const char **files = settings_array(build, count, sizeof(*files));
    bool good = files != NULL || count == 0;

    for (size_t i = 0; i < count && files != NULL; i++)
        good = (files[i] = options_item(options, "ticket_key_files", i)) != NULL && good;
    tls->ticket_key_files = files;
    tls->ticket_key_file_count = count;
    return good;
}

static struct tls_versions
read_versions(const struct mw_options *options)
{
    return (struct tls_versions){
        .only_1_3 = options_integer(options, "min_version") == 1,
        .ciphers = options_string(options, "ciphers"),
        .ciphersuites = options_string(options, "ciphersuites"),
        .curves = options_string(options, "curves"),
    };
}

/* What belongs together; false: something does not, or was refused already. */
static bool
read_clients(const struct mw_options *options, struct tls_server_settings *tls)
{
    bool good = true;

    tls->client_verify = (enum tls_client_verify)options_integer(options, "client_verify");
    tls->client_ca = options_string(options, "client_ca");
    tls->client_crl = options_string(options, "client_crl");
    if (tls->client_verify != TLS_VERIFY_NONE && !options_given(options, "client_ca")) {
        options_fault(options, "client_verify", 0, "expected `client_ca` beside it");
        good = false;
    }
    if (options_given(options, "client_crl") && !options_given(options, "client_ca")) {
        options_fault(options, "client_crl", 0, "expected `client_ca` beside it");
        good = false;
    }
    return good && (tls->client_ca != NULL) == options_given(options, "client_ca") &&
           (tls->client_crl != NULL) == options_given(options, "client_crl");
}

void
settings_build_listener_tls(struct settings_build *build, const struct mw_options *listener,
                            struct tls_server **server)
{
    const struct mw_options *options = tls_of(listener);
    struct tls_server_settings *tls =
        options != NULL ? settings_array(build, 1, sizeof(*tls)) : NULL;

    if (tls == NULL)
        return;
    bool certificates = read_certificates(build, options, tls);
    bool tickets = read_ticket_keys(build, options, tls);
    bool clients = read_clients(options, tls);
    const struct tls_reporter reporter = reporter_of(options);

    tls->versions = read_versions(options);
    if (certificates && tickets && clients)
        *server = tls_server_new(tls, &reporter);
    if (*server == NULL && build->faults->total == 0)
        faults_add(build->faults, options->mark, "out of memory");
}

/* ---- Backends -------------------------------------------------------------------------- */

/* `server_name`, else the `host` that is sent without its port. NULL: there is neither, or it was
 * refused. */
static const char *
read_name(struct settings_build *build, const struct mw_options *options,
          const struct backend_settings *backend)
{
    bool given = options_given(options, "server_name");
    const char *text = options_string(options, "server_name"), *error;
    struct str name = given ? str_of(text != NULL ? text : "") : backend->host;
    struct host host;

    if (name.at == NULL || name.len == 0)
        return NULL;
    char *scratch = arena_alloc(build->arena, HOST_OUT_BYTES(name.len));

    if (scratch == NULL || !host_parse(&host, name, false, scratch, &error)) {
        if (given)
            options_fault(options, "server_name", 0, "expected a host's name, found `%s`", text);
        return NULL;
    }
    if (given && host.port != 0)
        options_fault(options, "server_name", 0, "expected a name without a port, found `%s`",
                      text);
    if (host.name.at[0] == '[') /* an IPv6 address, as a certificate has it */
        host.name = (struct str){host.name.at + 1, host.name.len - 2};
    return arena_copy(build->arena, host.name).at;
}

static void
check_name(const struct mw_options *options, const struct backend_settings *backend,
           const struct tls_client_settings *tls)
{
    for (size_t i = 0; i < backend->server_count; i++)
        if (tls->verify && tls->name == NULL && !options_given(options, "server_name") &&
            backend->servers[i].address.len > 0 &&
            backend->servers[i].address.any.sa_family == AF_UNIX) {
            options_fault(options, "verify", 0,
                          "expected `server_name` beside it: a socket file has no address that a "
                          "certificate could have");
            return;
        }
}

/* Both, or none. */
static bool
read_own(const struct mw_options *options, struct tls_client_settings *tls)
{
    bool certificate = options_given(options, "certificate");
    bool key = options_given(options, "private_key");

    tls->own = (struct tls_files){options_string(options, "certificate"),
                                  options_string(options, "private_key")};
    if (certificate != key)
        options_fault(options, certificate ? "certificate" : "private_key", 0,
                      "expected `%s` beside it", certificate ? "private_key" : "certificate");
    return certificate == key && (tls->own.certificate != NULL) == certificate &&
           (tls->own.private_key != NULL) == key;
}

void
settings_build_backend_tls(struct settings_build *build, const struct mw_options *of_backend,
                           struct backend_settings *backend)
{
    const struct mw_options *options = tls_of(of_backend);
    struct tls_client_settings *tls =
        options != NULL ? settings_array(build, 1, sizeof(*tls)) : NULL;

    if (tls == NULL)
        return;
    tls->verify = options_integer(options, "verify") == 1;
    tls->ca_file = options_string(options, "ca_file");
    tls->name = read_name(build, options, backend);
    tls->versions.only_1_3 = options_integer(options, "min_version") == 1;
    check_name(options, backend, tls);
    const struct tls_reporter reporter = reporter_of(options);

    if (read_own(options, tls) && (tls->ca_file != NULL) == options_given(options, "ca_file"))
        backend->tls = tls_client_new(tls, backend->server_count, &reporter);
    if (backend->tls == NULL && build->faults->total == 0)
        faults_add(build->faults, options->mark, "out of memory");
}
