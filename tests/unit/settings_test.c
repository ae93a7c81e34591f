/* settings_test.c - whole files: settings, or every fault with its place. */
#include "config/settings.h"

#include "fake_modules.h"
#include "unit.h"

#include <stdlib.h>
#include <unistd.h>

/* The smallest file, a chapter each line; tests replace one, or add behind. */
#define L "listeners: [{address: 127.0.0.1:1}]\n"
#define R "routes: [{path: /, require: [], backend: b}]\n"
#define B "backends: {b: {servers: [127.0.0.1:2]}}\n"

/* NULL and all faults, or settings and none. */
static struct settings *
load(const char *text, char **faults)
{
    struct mw_host host = {.size = sizeof(host)};
    size_t len;
    FILE *out = open_memstream(faults, &len);

    settings_fill_host(&host);
    struct settings *settings =
        settings_load_text(TEST_DATA "/data/f", str_of(text), fake_modules, &host, out);

    fclose(out);
    return settings;
}

/* ---- Good files ------------------------------------------------------------------ */

static struct settings *
load_good(const char *text)
{
    char *faults;
    struct settings *settings = load(text, &faults);

    ck_assert_str_eq(faults, "");
    ck_assert_ptr_nonnull(settings);
    free(faults);
    return settings;
}

START_TEST(defaults)
{
    struct settings *s = load_good(L R B);

    ck_assert_str_eq(s->file, TEST_DATA "/data/f");
    ck_assert_uint_ge(s->threads, 1);
    ck_assert_uint_le(s->threads, 256);
    ck_assert_ptr_null(s->user);
    ck_assert_str_eq(s->log.access, "stdout");
    ck_assert_str_eq(s->log.error, "stderr");
    ck_assert_int_eq(s->log.level, LOG_LEVEL_INFO);
    ck_assert_uint_eq(s->identity_header_count, 1);
    ck_assert(str_equal(s->identity_headers[0], STR("x-auth-*")));
    ck_assert_uint_eq(s->limits.head, 16384);
    ck_assert_uint_eq(s->limits.uri, 8192);
    ck_assert_uint_eq(s->limits.headers, 100);
    ck_assert_uint_eq(s->limits.connections, 200000);
    ck_assert_uint_eq(s->limits.handshakes, 10000);
    ck_assert_uint_eq(s->limits.handshakes_per_address, 0);
    ck_assert_uint_eq(s->timeouts.head, 10000);
    ck_assert_uint_eq(s->timeouts.auth, 5000);
    ck_assert_uint_eq(s->timeouts.close, 5000);
    ck_assert_uint_eq(s->timeouts.fin, 30000);
    ck_assert_uint_eq(s->timeouts.drain, 30000);
    ck_assert_uint_eq(s->instance_count, 0);
    settings_free(s);
}
END_TEST

START_TEST(defaults_of_parts)
{
    struct settings *s = load_good(L R B);
    struct route_settings *route = s->routes;
    struct backend_settings *backend = s->backends;

    ck_assert_uint_eq(s->listener_count, 1);
    ck_assert_str_eq(s->listeners[0].name, "");
    ck_assert_str_eq(s->listeners[0].text, "127.0.0.1:1");
    ck_assert_int_eq(s->listeners[0].address.any.sa_family, AF_INET);
    ck_assert_uint_eq(s->route_count, 1);
    ck_assert_ptr_null(route->host.at);
    ck_assert_ptr_null(route->listeners);
    ck_assert_ptr_null(route->strip_prefix.at);
    ck_assert_int_eq(route->match, PATH_EXACT);
    ck_assert(!route->keep_encoded_slashes && !route->strip_extensions);
    ck_assert_uint_eq(route->require_count, 1);
    ck_assert_ptr_eq(route->backend, backend);
    ck_assert(route->tunnel.checked && !route->tunnel.frames.validate_utf8);
    ck_assert_uint_eq(route->tunnel.frames.max_message, 1 << 20);
    ck_assert_uint_eq(route->tunnel.frames.max_frame, 0);
    ck_assert_uint_eq(route->tunnel.messages_per_second, 0);
    ck_assert_uint_eq(route->tunnel.bytes_per_second, 0);
    ck_assert(route->tunnel.limit_client && !route->tunnel.limit_backend);
    ck_assert_uint_eq(route->tunnel.ping_interval, 0);
    ck_assert_uint_eq(route->tunnel.pong_timeout, 20000);
    ck_assert_uint_eq(route->tunnel.frames.allow, FRAMES_ALLOW_TEXT | FRAMES_ALLOW_BINARY);
    ck_assert_uint_eq(route->tunnel.idle_timeout, 600000);
    ck_assert_uint_eq(route->tunnel.write_timeout, 30000);
    ck_assert_uint_eq(route->tunnel.max_lifetime, 0);
    ck_assert_uint_eq(route->revalidate, 0);
    ck_assert_uint_eq(s->backend_count, 1);
    ck_assert_str_eq(backend->name, "b");
    ck_assert_int_eq(backend->balance, BALANCE_LEAST_CONNECTIONS);
    ck_assert_ptr_null(backend->host.at);
    ck_assert_uint_eq(backend->connect_timeout, 3000);
    ck_assert_uint_eq(backend->handshake_timeout, 10000);
    ck_assert_uint_eq(backend->server_count, 1);
    ck_assert_uint_eq(backend->servers[0].weight, 1);
    ck_assert_uint_eq(backend->servers[0].max_connections, 0);
    settings_free(s);
}
END_TEST

START_TEST(everything_set)
{
    struct settings *s = load_good(
        "threads: 3\nuser: root\nidentity_headers: [X_Auth_*, X-auth-*, Remote_User]\n"
        "log: {access: /var/log/a, error: syslog, level: debug}\n"
        "limits: {head: 4KiB, uri: 1KiB, headers: 50, connections: 0, handshakes: 1, "
        "handshakes_per_address: 9}\n"
        "timeouts: {head: 1s, auth: 2s, close: 3s, fin: 4s, drain: 0}\n"
        "listeners: [{name: a, address: '[::1]:80'}, {address: 'unix:/x', proxy_protocol: false}]\n"
        "middleware: {m: {plain: {}}, n: {every: {needed: x}}, o: {every: {needed: y}}}\n"
        "routes:\n"
        " - {listeners: [a], host: '*.Example.COM', path: '/rooms/{room}/{who}', require: [o, m], "
        "backend: c, strip_prefix: /rooms, encoded_slashes: keep, extensions: none, "
        "reject_with: http, tunnel: {frames: opaque, max_lifetime: 1h, idle_timeout: 0, "
        "write_timeout: 1s, ping_interval: 0, max_message: 0}}\n"
        " - {host: '[::1]', path: /a/*, require: n, backend: d, strip_prefix: /a, tunnel: {"
        "max_message: 5B, max_frame: 4B, allow: text, validate_utf8: true, messages_per_second: 6, "
        "messages_burst: 7, bytes_per_second: 8B, bytes_burst: 9B, over_limit: delay, "
        "limit_from: backend, ping_interval: 10ms, pong_timeout: 11ms}}\n"
        " - {host: a.b., path: /%5B%2F, require: n, backend: d, encoded_slashes: keep}\n"
        "backends:\n"
        " c: {servers: [127.0.0.1:1, {address: 'unix:/y', weight: 1000, max_connections: 7}], "
        "balance: round_robin, host: c.internal:8080, connect_timeout: 1ms, handshake_timeout: "
        "1h}\n"
        " d: {servers: ['[::1]:2']}\n");
    struct route_settings *route = s->routes;

    ck_assert_uint_eq(s->threads, 3);
    ck_assert_str_eq(s->user, "root");
    ck_assert_uint_eq(s->identity_header_count, 2);
    ck_assert(str_equal(s->identity_headers[1], STR("remote-user")));
    ck_assert_str_eq(s->log.error, "syslog");
    ck_assert_int_eq(s->log.level, LOG_LEVEL_DEBUG);
    ck_assert_uint_eq(s->limits.handshakes_per_address, 9);
    ck_assert_uint_eq(s->timeouts.drain, 0);
    ck_assert_int_eq(s->listeners[1].address.any.sa_family, AF_UNIX);
    ck_assert_int_eq(fake_instances, 3);
    ck_assert_uint_eq(s->instance_count, 3);
    ck_assert_uint_eq(s->instances[2].index, 2);
    ck_assert_str_eq(s->instances[2].name, "o");
    ck_assert_ptr_nonnull(s->instances[2].instance);
    ck_assert_str_eq(s->instances[2].module->name, "every");

    ck_assert(route->host_wildcard && str_equal(route->host, STR(".example.com")));
    ck_assert_uint_eq(route->listener_count, 1);
    ck_assert_ptr_eq(route->listeners[0], &s->listeners[0]);
    ck_assert_int_eq(route->match, PATH_CAPTURES);
    ck_assert_uint_eq(route->piece_count, 3);
    ck_assert(str_equal(route->pieces[0].literal, STR("/rooms/")));
    ck_assert(str_equal(route->pieces[0].capture, STR("room")));
    ck_assert(str_equal(route->pieces[1].literal, STR("/")));
    ck_assert(str_equal(route->pieces[1].capture, STR("who")));
    ck_assert(str_equal(route->pieces[2].literal, STR("")));
    ck_assert_ptr_null(route->pieces[2].capture.at);
    ck_assert_uint_eq(route->require_count, 3);
    ck_assert_uint_eq(route->require[1].instance, 2);
    ck_assert_uint_eq(route->require[2].instance, 0);
    ck_assert(str_equal(route->strip_prefix, STR("/rooms")));
    ck_assert(route->keep_encoded_slashes && route->strip_extensions);
    ck_assert_uint_eq(route->tunnel.max_lifetime, 3600000);
    ck_assert_uint_eq(route->tunnel.idle_timeout, 0);
    ck_assert(!route->tunnel.checked);
    ck_assert(route[1].tunnel.checked && route[1].tunnel.frames.validate_utf8);
    ck_assert_uint_eq(route[1].tunnel.frames.max_message, 5);
    ck_assert_uint_eq(route[1].tunnel.messages_per_second, 6);
    ck_assert_uint_eq(route[1].tunnel.messages_burst, 7);
    ck_assert_uint_eq(route[1].tunnel.bytes_per_second, 8);
    ck_assert_uint_eq(route[1].tunnel.bytes_burst, 9);
    ck_assert(route[1].tunnel.limit_backend && !route[1].tunnel.limit_client);
    ck_assert(route[1].tunnel.delay && !route->tunnel.delay);
    ck_assert_uint_eq(route[1].tunnel.ping_interval, 10);
    ck_assert_uint_eq(route[1].tunnel.pong_timeout, 11);
    ck_assert_uint_eq(route[1].tunnel.frames.max_frame, 4);
    ck_assert_uint_eq(route[1].tunnel.frames.allow, FRAMES_ALLOW_TEXT);
    ck_assert(str_equal(route[1].host, STR("[::1]")) && !route[1].host_wildcard);
    ck_assert_int_eq(route[1].match, PATH_BELOW);
    ck_assert(str_equal(route[1].path, STR("/a/")));
    ck_assert(str_equal(route[2].host, STR("a.b")));
    ck_assert_uint_eq(route[2].index, 2);

    ck_assert_int_eq(s->backends[0].balance, BALANCE_ROUND_ROBIN);
    ck_assert(str_equal(s->backends[0].host, STR("c.internal:8080")));
    ck_assert_uint_eq(s->backends[0].servers[1].weight, 1000);
    ck_assert_uint_eq(s->backends[0].servers[1].max_connections, 7);
    ck_assert_uint_eq(s->backends[1].index, 1);
    settings_free(s);
    ck_assert_int_eq(fake_instances, 0);
    ck_assert_str_eq(fake_last, "plain"); /* the first one last */
}
END_TEST

START_TEST(modules_reserve_headers)
{
    struct mw_host host;
    struct settings *s =
        load_good(L R B "middleware: {m: {every: {needed: reserve}}, n: {every: {needed: "
         "reserve}}}");

    ck_assert_uint_eq(s->identity_header_count, 3);
    ck_assert(str_equal(s->identity_headers[0], STR("x-auth-*")));
    ck_assert(str_equal(s->identity_headers[1], STR("x-auth-b")));
    ck_assert(str_equal(s->identity_headers[2], STR("x-reserved")));
    settings_fill_host(&host);
    ck_assert(!host.reserve_header(s->instances[0].options, "x-late"));
    settings_free(s);
    settings_free(NULL);
}
END_TEST

/* A list that is empty takes nothing from clients but what modules reserve. */
START_TEST(no_identity_headers)
{
    struct settings *s = load_good(L R B "identity_headers: []");

    ck_assert_uint_eq(s->identity_header_count, 0);
    settings_free(s);
}
END_TEST

/* `uri` follows a smaller `head`, unless it is written. */
START_TEST(small_heads)
{
    struct settings *s = load_good(L R B "limits: {head: 1KiB}");

    ck_assert_uint_eq(s->limits.head, 1024);
    ck_assert_uint_eq(s->limits.uri, 512);
    settings_free(s);
    s = load_good(L R B "limits: {head: 1KiB, uri: 1023B}");
    ck_assert_uint_eq(s->limits.uri, 1023);
    settings_free(s);
    s = load_good(L R B "limits: {head: 48KiB}");
    ck_assert_uint_eq(s->limits.uri, 8192);
    settings_free(s);
}
END_TEST

START_TEST(json_is_yaml)
{
    settings_free(load_good(
        "{\"threads\": 2, \"listeners\": [{\"address\": \"127.0.0.1:1\"}],\n"
        " \"routes\": [{\"path\": \"/x/*\", \"require\": [], \"backend\": \"b\"}],\n"
        " \"backends\": {\"b\": {\"servers\": [{\"address\": \"127.0.0.1:2\", \"weight\": 2}],\n"
        "   \"connect_timeout\": \"1s\"}}, \"limits\": {\"connections\": 0}}"));
}
END_TEST

START_TEST(variables)
{
    setenv("WSGATE_TEST_PORT", "812", 1);
    struct settings *s = load_good("listeners: [{address: '127.0.0.1:${WSGATE_TEST_PORT}'}]\n" R B
                                   "limits: {headers: '${WSGATE_TEST_PORT}'}\n");

    ck_assert_uint_eq(s->limits.headers, 812);
    ck_assert_str_eq(s->listeners[0].text, "127.0.0.1:812");

    settings_free(s);
}
END_TEST

/* ---- Faulty files ------------------------------------------------------------------ */

static const struct {
    const char *text, *faults;
} bad[] = {
    /* The file. */
    {"", "1:1: the file is empty; expected a map of options\n"},
    {"x", "1:1: expected a map of options, found a single value\n"},
    {"{", "2:1: not YAML: did not find expected node content, while parsing a flow node\n"},
    {L R B "a: 1\na: 2",
     "4:1: unknown key `a`; expected `threads`, `user`, `modules`, `trusted_proxies`, "
     "`client_address_header`, `identity_headers`, `log`, `admin`, `listeners`, `limits`, "
     "`timeouts`, `middleware`, `routes`, `backends`\n5:1: `a` twice; first on line 4\n"},
    {"{}", "1:1: `listeners` is missing: where to listen\n"
           "1:1: `routes` is missing: which requests go where; the first that matches is taken\n"
           "1:1: `backends` is missing: groups of servers, by name\n"},
    {L R "backend: {}", "1:1: `backends` is missing: groups of servers, by name\n"
                        "3:1: unknown key `backend`; did you mean `backends`?\n"},

    /* The process. */
    {L R B "threads: 0", "4:10: `threads`: expected auto, or 1 to 256, found `0`\n"},
    {L R B "threads: 257", "4:10: `threads`: expected auto, or 1 to 256, found `257`\n"},
    {L R B "threads: many",
     "4:10: `threads`: expected a whole number without a sign, found `many`\n"},
    {L R B "log: {access: stdot, error: a/b}",
     "4:15: `access`: expected stdout, stderr, syslog or an absolute path, found `stdot`; did you "
     "mean `stdout`?\n"
     "4:29: `error`: expected stdout, stderr, syslog or an absolute path, found `a/b`\n"},
    {L R B "log: {level: loud}",
     "4:14: `level`: expected one of error, warning, info, debug, found `loud`\n"},
    {L R B "log: stdout", "4:6: `log`: expected a map of options, found `stdout`\n"},
    {L R B "log: {level:info}", "4:7: unknown key `level:info`; a colon needs a blank behind it\n"},
    {L R B "log:\n  level:info",
     "5:3: `log`: expected a map of options, found `level:info`; a colon "
     "needs a blank behind it\n"},
    {"threads:2",
     "1:1: expected a map of options, found a single value; a colon needs a blank behind "
     "it\n"},
    {L R B "identity_headers: [X-*, '*', 'a b', 'x*y', '', x]",
     "4:25: `identity_headers`: expected a header, or the beginning of one and `*`, found `*`\n"
     "4:30: `identity_headers`: expected a header, or the beginning of one and `*`, found `a b`\n"
     "4:37: `identity_headers`: expected a header, or the beginning of one and `*`, found `x*y`\n"
     "4:44: `identity_headers`: expected a header, or the beginning of one and `*`, found ``\n"},

    {L "routes: [{path: /, require: [m, o, n], backend: b}]\n" B
     "middleware: {m: {every: {needed: reserve}}, n: {every: {needed: reserve}}, o: {plain: {}}}",
     "2:36: `require`: `n` sets the header `x-auth-b`, as `m` does\n"},
    {L R B "middleware: {m: {every: {needed: twice}}}",
     "4:25: `m` sets the header `x-a` twice\n"},

    /* Limits and time-outs. */
    {L R B "limits: {head: 1023B, uri: 63B, headers: 7}",
     "4:16: `head`: expected 1KiB to 48KiB, found `1023B`\n"
     "4:28: `uri`: expected 64B to 48KiB, found `63B`\n"
     "4:42: `headers`: expected 8 to 1000, found `7`\n"},
    {L R B "limits: {head: 49KiB, headers: 1001}",
     "4:16: `head`: expected 1KiB to 48KiB, found `49KiB`\n"
     "4:32: `headers`: expected 8 to 1000, found `1001`\n"},
    {L R B "limits: {head: 0}", "4:16: `head`: expected 1KiB to 48KiB, found `0`\n"},
    {L R B "limits: {head: 4KiB, uri: 4KiB}",
     "4:27: `uri`: expected less than `head`, found `4KiB`\n"},
    {L R B "limits: {connections: 10000001, handshakes: 10000001}",
     "4:23: `connections`: expected at most 10000000, found `10000001`\n"
     "4:45: `handshakes`: expected at most 10000000, found `10000001`\n"},
    {L R B "limits: {heads: 1KiB}", "4:10: unknown key `heads`; did you mean `head`?\n"},
    {L R B "timeouts: {head: 0, auth: 2h, close: 0, fin: 0, drain: 2d}",
     "4:18: `head`: expected 1ms to 1h, found `0`\n"
     "4:27: `auth`: expected 1ms to 1h, found `2h`\n"
     "4:38: `close`: expected 1ms to 1h, found `0`\n"
     "4:46: `fin`: expected 1ms to 1d, found `0`\n"
     "4:56: `drain`: expected at most 1d, found `2d`\n"},
    {L R B "timeouts: {head: 10}", "4:18: `head`: expected a duration such as 250ms, 5s, 2m, "
                                   "1h or 7d, found `10`\n"},

    /* Listeners. */
    {"listeners: []\n" R B, "1:12: `listeners`: expected at least one\n"},
    {"listeners: {}\n" R B, "1:12: `listeners`: expected a list of maps, found a map\n"},
    {"listeners: [127.0.0.1:1]\n" R B,
     "1:13: `listeners`: expected a map of options, found `127.0.0.1:1`\n"},
    {"listeners: [{}]\n" R B,
     "1:13: `address` is missing: where to listen: IP:PORT, [IPv6]:PORT or unix:/path\n"},
    {"listeners: [{address: localhost:80}]\n" R B,
     "1:23: `address`: expected \"IP:PORT\", \"[IP6]:PORT\" or \"unix:/path\"; names are not "
     "looked up, "
     "found `localhost:80`\n"},
    {"listeners: [{address: ':80'}]\n" R B,
     "1:23: `address`: expected an address before the port; all addresses are \"0.0.0.0:PORT\" or "
     "\"[::]:PORT\", found `:80`\n"},
    {"listeners: [{address: 127.0.0.1:0}]\n" R B,
     "1:23: `address`: expected a port from 1 to 65535, without leading zeros, found "
     "`127.0.0.1:0`\n"},
    {"listeners: [{address: 1.1.1.1:1, name: a}, {address: 1.1.1.1:2, name: a}]\n" R B,
     "1:71: `name`: `a` is the name of the listener on line 1 too\n"},
    {"listeners:\n - {address: 1.1.1.1:1}\n - {address: 1.1.1.1:1}\n" R B,
     "3:14: `address`: the listener on line 2 has this address too\n"},
    {"listeners: [{address: '[::ffff:1.1.1.1]:1'}, {address: 1.1.1.1:1}]\n" R B,
     "1:56: `address`: the listener on line 1 has this address too\n"},
    {"listeners: [{address: 1.1.1.1:1, name: 'a b'}, {address: 1.1.1.1:2, name: ''}]\n" R B,
     "1:40: expected a name of letters, digits, `_`, `-` and `.`, at most 64, found `a b`\n"
     "1:75: expected a name of letters, digits, `_`, `-` and `.`, at most 64, found ``\n"},
    {"listeners: [{address: 1.1.1.1:1, tls: {}}]\n" R B,
     "1:39: `certificates` is missing: certificates, chosen by the name a client asks for\n"},
    {"listeners: [{address: 1.1.1.1:1, proxy_protocol: true}, {address: 'unix:/x'}]\n" R B,
     "1:50: `proxy_protocol`: only trusted_proxies may send it, and none of them can come here; "
     "expected an address among them\n"},
    {"listeners: [{address: 1.1.1.1:1, proxy_protocol: true}]\n" R B "trusted_proxies: unix",
     "1:50: `proxy_protocol`: only trusted_proxies may send it, and none of them can come here; "
     "expected an address among them\n"},
    {"listeners: [{address: 'unix:/x', proxy_protocol: true}]\n" R B "trusted_proxies: ['::/0']",
     "1:50: `proxy_protocol`: only trusted_proxies may send it, and none of them can come here; "
     "expected unix among them\n"},
    {"listeners: [{address: 1.1.1.1:1, proxy_protocol: true}]\n" R B
     "trusted_proxies: [10.0.0.1/8, localhost, 1.2.3.4:5, 'fe80::1%lo', 'unix:']",
     "4:19: `trusted_proxies`: bits are set behind the prefix length; or unix, found `10.0.0.1/8`\n"
     "4:31: `trusted_proxies`: expected an IP address or a prefix, like 192.0.2.0/24 or "
     "2001:db8::/32; or unix, found `localhost`\n"
     "4:42: `trusted_proxies`: expected an IP address or a prefix, like 192.0.2.0/24 or "
     "2001:db8::/32; or unix, found `1.2.3.4:5`\n"
     "4:53: `trusted_proxies`: expected an IP address or a prefix, like 192.0.2.0/24 or "
     "2001:db8::/32; or unix, found `fe80::1%lo`\n"
     "4:67: `trusted_proxies`: expected an IP address or a prefix, like 192.0.2.0/24 or "
     "2001:db8::/32; or unix, found `unix:`\n"},
    {L R B "client_address_header: forwarded",
     "4:24: `client_address_header`: expected one of X-Forwarded-For, Forwarded, "
     "found `forwarded`\n"},
    {L R "backends: {b: {servers: [127.0.0.1:2], send_proxy: v3}}\n",
     "3:52: `send_proxy`: expected one of off, v1, v2, found `v3`\n"},
    {"listeners: [{adress: 1.1.1.1:1}]\n" R B,
     "1:13: `address` is missing: where to listen: IP:PORT, [IPv6]:PORT or unix:/path\n"
     "1:14: unknown key `adress`; did you mean `address`?\n"},

    /* Frames that nobody follows, and kinds that there are not. */
    {L "routes:\n - path: /\n   require: []\n   backend: b\n   tunnel:\n    frames: opaque\n"
       "    max_message: 1B\n    max_frame: 1B\n    allow: text\n    validate_utf8: true\n" B,
     "8:18: `max_message`: needs `frames: checked`\n"
     "9:16: `max_frame`: needs `frames: checked`\n"
     "10:12: `allow`: needs `frames: checked`\n"
     "11:20: `validate_utf8`: needs `frames: checked`\n"},
    {L "routes:\n - path: /\n   require: []\n   backend: b\n   tunnel:\n    frames: opaque\n"
       "    messages_per_second: 1\n    bytes_per_second: 1B\n    ping_interval: 1s\n" B,
     "8:26: `messages_per_second`: needs `frames: checked`\n"
     "10:20: `ping_interval`: needs `frames: checked`\n"},
    {L "routes:\n - path: /\n   require: []\n   backend: b\n   tunnel:\n    bytes_burst: 1025GiB\n"
       "    messages_per_second: 1000000001\n    over_limit: wait\n    limit_from: clients\n" B,
     "7:18: `bytes_burst`: expected 0 to 1024GiB, found `1025GiB`\n"
     "8:26: `messages_per_second`: expected 0 (no limit) to 1000000000, found `1000000001`\n"
     "9:17: `over_limit`: expected one of close, delay, found `wait`\n"
     "10:17: `limit_from`: expected one of client, backend, both, found `clients`\n"},
    {L "routes: [{path: /, require: [], backend: b, tunnel: {allow: [text, binery]}}]\n" B,
     "2:68: `allow`: expected `text` or `binary`, found `binery`; did you mean `binary`?\n"},
    {L "routes: [{path: /, require: [], backend: b, tunnel: {allow: []}}]\n" B,
     "2:61: `allow`: expected `text`, `binary` or both\n"},

    /* What comes later. */
    {L R B "modules: [/x.so]\nadmin: {address: 127.0.0.1:9}",
     "4:11: `modules`: `/x.so` cannot be read: No such file or directory\n"
     "5:1: `admin` is not supported by this version\n"},
    {L "routes: [{path: /, require: [], backend: b, reject_with: clos}]\n" B,
     "2:58: `reject_with`: expected one of http, close, found `clos`\n"},
    {L R "backends: {b: {servers: [127.0.0.1:2], balance: hash, tls: {verify: false}, health: {}}}",
     "3:49: `balance: hash` is not supported by this version\n"
     "3:77: `health` is not supported by this version\n"},

    /* Middleware. */
    {L R B "middleware: [a]", "4:13: `middleware`: expected a map of names, found a list\n"},
    {L R B "middleware:", "4:12: `middleware` has no value: expected a map of names\n"},
    {L R B "middleware: {m: {}}", "4:17: `m`: expected exactly one module with its options\n"},
    {L R B "middleware: {m: plain}", "4:14: `m`: expected exactly one module with its options\n"},
    {L R B "middleware: {m: {plain: {}, jwt: {}}}",
     "4:17: `m`: expected exactly one module with its options\n"},
    {L R B "middleware: {m: {plan: {}}}", "4:18: no module `plan`; did you mean `plain`?\n"},
    {L R B "middleware: {m: {rate_limit: {}}}",
     "4:18: no module `rate_limit`; there are `every`, `plain`, `ip_allowlist`, `origin`, `jwt`\n"},
    {L R B "middleware: {m: {plain: {x: 1}}}", "4:26: unknown key `x`\n"},
    {L R B "middleware: {m: {plain: }}", "4:25: expected a map of options, found nothing\n"},
    {L R B "middleware: {m: *a}", "4:17: an alias (*); expected plain values, each written out\n"},
    {L R B "middleware: {'a b': {plain: {}}}",
     "4:14: expected a name of letters, digits, `_`, `-` and `.`, at most 64, found `a b`\n"},
    {L R B "middleware: {m: {every: {needed: nothing}}}",
     "4:25: `m`: module `every` could not be set up\n"},
    {L R B "middleware: {m: {every: {list: [a], needed: fault}}}",
     "4:33: `list`: expected better\n4:45: `needed`: is bad too\n"},
    {L R B "middleware: {m: {every: {needed: lie}}, n: {every: {needed: fine}}}",
     "4:34: `needed`: is a lie\n"},
    /* A wrong option hides no other fault of its instance, nor those of other instances. What the
     * module says of what is not there may come of it: nothing is said. */
    {L R B
     "middleware: {m: {every: {list: [a], needed: fault, size: 1}}, n: {every: {needed: lie}}}",
     "4:33: `list`: expected better\n4:45: `needed`: is bad too\n"
     "4:58: `size`: expected a size such as 512B, 64KiB, 1MiB or 2GiB, found `1`\n"
     "4:83: `needed`: is a lie\n"},
    {L R B "middleware: {m: {every: {needed: fault, lisst: [a]}}}",
     "4:34: `needed`: is bad too\n4:41: unknown key `lisst`; did you mean `list`?\n"},
    {L R B "middleware: {m: {every: {needed: fault, list: {a: b}}}}",
     "4:34: `needed`: is bad too\n4:47: `list`: expected a list of strings, found a map\n"},
    {L R B "middleware: {m: {every: {needed: fault, list: [{a: b}, c]}}}",
     "4:34: `needed`: is bad too\n4:48: `list`: expected a string, found a map\n"
     "4:56: `list`: expected better\n"},
    {L R B "middleware: {m: {jwt: {cache_file: /a}}, n: {jwt: {}}, o: {jwt: {cache_file: /a}}}",
     "4:78: `cache_file`: `m` names the same file\n"},
    {L R B "middleware: {m: {jwt: {cache_file: /tmp/a}}, o: {jwt: {cache_file: \"/tmp//./a\"}}}",
     "4:68: `cache_file`: `m` names the same file\n"},
    {L R B "middleware: {m: {every: {needed: nothing, size: 1}}}",
     "4:49: `size`: expected a size such as 512B, 64KiB, 1MiB or 2GiB, found `1`\n"},
    /* Without what it requires a module cannot look at the rest. */
    {L R B
     "middleware: {m: {every: {list: [a], needed: [fault], size: 1}}, n: {every: {needed: lie}}}",
     "4:45: `needed`: expected a string, found a list\n"
     "4:60: `size`: expected a size such as 512B, 64KiB, 1MiB or 2GiB, found `1`\n"
     "4:85: `needed`: is a lie\n"},
    {L R B "middleware: {m: {every: {needed: fine, secret_file: /none/secret}}}",
     "4:53: `secret_file`: cannot be read: No such file or directory\n"},
    {L R B "middleware: {m: {every: {needed: fine, later_list: [a]}}}",
     "4:40: `later_list` is not supported by this version\n"},

    /* Routes: what is there and what it names. */
    {L "routes: []\n" B, "2:9: `routes`: expected at least one\n"},
    {L "routes: [{}]\n" B,
     "2:10: `path` is missing: a path: exact, `/below/*`, or with `{captures}`\n"
     "2:10: `require` is missing: names of the middleware to pass, in this order; an open route "
     "says "
     "`require: []`\n"
     "2:10: `backend` is missing: the name of the backend\n"},
    {L "routes: [{path: /, backend: b}]\n" B,
     "2:10: `require` is missing: names of the middleware to pass, in this order; an open route "
     "says "
     "`require: []`\n"},
    {L "routes: [{path: /, require: , backend: b}]\n" B,
     "2:29: `require` has no value: expected a list\n"},
    {L "routes: [{path: /, require: [offce, users], backend: b}]\n" B
       "middleware: {office: {plain: {}}}",
     "2:30: `require`: no middleware is named `offce`; did you mean `office`?\n"
     "2:37: `require`: no middleware is named `users`\n"},
    {L "routes: [{path: /, require: office, backend: b}]\n" B,
     "2:29: `require`: no middleware is named `office`\n"},
    {L "routes: [{path: /, require: [a, b, a], backend: b}]\n" B
       "middleware: {a: {plain: {}}, b: {plain: {}}}",
     "2:36: `require`: `a` twice\n"},
    {L "routes: [{path: /, require: [a, {any_of: [a, b]}], backend: b}]\n" B
       "middleware: {a: {plain: {}}, b: {plain: {}}}",
     "2:43: `any_of`: `a` twice\n"},
    {L "routes: [{path: /, require: [{any_of: [{all_of: [a, {not: a}]}, b]}], backend: b}]\n" B
       "middleware: {a: {plain: {}}, b: {plain: {}}}",
     "2:53: `all_of`: `a` twice\n"},
    {L "routes: [{path: /, require: {any_of: [a]}, backend: b}]\n" B,
     "2:29: `require`: expected a list, found a map\n"},
    {L "routes: [{path: /, require: [{}], backend: b}]\n" B,
     "2:30: `require`: expected a name, or one of `any_of`, `all_of` and `not`\n"},
    {L "routes: [{path: /, require: [{any_of: [a], not: b}], backend: b}]\n" B
       "middleware: {a: {plain: {}}, b: {plain: {}}}",
     "2:30: `require`: expected a name, or one of `any_of`, `all_of` and `not`\n"},
    {L "routes: [{path: /, require: [{any-of: [a]}], backend: b}]\n" B
       "middleware: {a: {plain: {}}}",
     "2:31: unknown key `any-of`; did you mean `any_of`?\n"},
    {L "routes: [{path: /, require: [{any_of: []}, {all_of: [a, {all_of: }]}], backend: b}]\n" B
       "middleware: {a: {plain: {}}}",
     "2:39: `any_of`: expected at least one\n"
     "2:66: `all_of` has no value: expected a list\n"},
    {L "routes: [{path: /, require: [{not: [a]}, {not: {any_of: [a]}}], backend: b}]\n" B
       "middleware: {a: {plain: {}}}",
     "2:36: `not`: expected a string, found a list\n"
     "2:48: `not`: expected a string, found a map\n"},
    {L "routes: [{path: /, require: [{not: aa}, {any_of: [a, {all_of: [z]}]}], backend: b}]\n" B
       "middleware: {a: {plain: {}}}",
     "2:36: `not`: no middleware is named `aa`; did you mean `a`?\n"
     "2:64: `all_of`: no middleware is named `z`; did you mean `a`?\n"},
    {L "routes: [{path: /, require: [{any_of: [{all_of: [{any_of: [{all_of: [{any_of: [a]}]}]}]}]}"
       "], backend: b}]\n" B "middleware: {a: {plain: {}}}",
     "2:80: `any_of`: groups can stand 4 deep in each other\n"},
    {L R B "middleware: {a: {plain: {}, dry_run: 1}, b: {dry_run: true}, c: {plain: {}, every: {}},"
       " d: {plain: {}, dry_ran: true}}",
     "4:38: `dry_run`: expected true or false, found `1`\n"
     "4:45: `b`: expected exactly one module with its options\n"
     "4:65: `c`: expected exactly one module with its options\n"
     "4:92: `d`: expected exactly one module with its options\n"},
    {L "routes: [{path: /, require: [], backend: chat}]\nbackends: {chats: {servers: [1.1.1.1:1]}}",
     "2:42: `backend`: no backend is named `chat`; did you mean `chats`?\n"},
    {L "routes: [{path: /, require: [], backend: c}]\n", /* one fault, not two */
     "1:1: `backends` is missing: groups of servers, by name\n"},
    {L "routes: [{path: /, require: [], backend: b, listeners: [publc]}]\n" B,
     "2:57: `listeners`: no listener is named `publc`\n"},
    {"listeners: [{address: 1.1.1.1:1, name: public}, {address: 1.1.1.1:2}]\n"
     "routes: [{path: /, require: [], backend: b, listeners: [publc, '']}]\n" B,
     "2:57: `listeners`: no listener is named `publc`; did you mean `public`?\n"
     "2:64: `listeners`: no listener is named ``\n"},
    {L "routes: [{path: /, require: [], backend: b, listeners: []}]\n" B,
     "2:56: `listeners`: expected at least one; left out, it means all\n"},
    {L "routes: [{path: /, require: [], backend: b, encoded_slashes: yes, extensions: no}]\n" B,
     "2:62: `encoded_slashes`: expected one of refuse, keep, found `yes`\n"
     "2:79: `extensions`: expected one of pass, none, found `no`\n"},
    {L "routes: [{path: /, require: [], backend: b, tunnel: {idle: 1s}}]\n" B,
     "2:54: unknown key `idle`; expected `frames`, `max_message`, `max_frame`, "
     "`allow`, `validate_utf8`, "
     "`messages_per_second`, `messages_burst`, `bytes_per_second`, `bytes_burst`, "
     "`limit_from`, `over_limit`, `idle_timeout`, `max_lifetime`, "
     "`ping_interval`, `pong_timeout`, `write_timeout`\n"},
    {L "routes: [{path: /, require: [a], backend: b, revalidate: 1m}]\n" B
       "middleware: {a: {plain: {}}}",
     "2:58: `revalidate`: no middleware that the route requires can judge a live tunnel again\n"},
    {L "routes: [{path: /, require: [a], backend: b, on_reload: revalidate}]\n" B
       "middleware: {a: {plain: {}}}",
     "2:57: `on_reload`: no middleware that the route requires can judge a live tunnel again\n"},
    {L "routes: [{path: /, require: [a], backend: b, revalidate: often, on_reload: revalidat}]\n" B
       "middleware: {a: {plain: {}}}",
     "2:58: `revalidate`: expected a duration such as 250ms, 5s, 2m, 1h or 7d, found "
     "`often`\n"
     "2:76: `on_reload`: expected one of keep, revalidate, found `revalidat`\n"},
    {L "routes: [{path: /, require: [c], backend: b, revalidate: 1m}]\n" B,
     "2:30: `require`: no middleware is named `c`\n"},

    /* Routes: patterns, and which one takes what. */
    {L "routes: [{path: chat, host: 'a:80', strip_prefix: /x, require: [], backend: b}]\n" B,
     "2:17: `path`: expected a path that begins with /, found `chat`\n"
     "2:29: `host`: expected a host without a port: every port is taken, found `a:80`\n"},
    {L "routes: [{path: /a/../b, require: [], backend: b}]\n" B,
     "2:17: `path`: dot segment, found `/a/../b`\n"},
    {L "routes: [{path: '/a%2Fb', require: [], backend: b}]\n" B,
     "2:17: `path`: holds %2F, which is refused everywhere but on routes with `encoded_slashes: "
     "keep`\n"},
    {L "routes: [{path: /chat/*, strip_prefix: /chat/, require: [], backend: b}]\n" B,
     "2:40: `strip_prefix`: expected a path that begins with /, without a / at its end, found "
     "`/chat/`\n"},
    {L "routes: [{path: /chat/*, strip_prefix: /cha, require: [], backend: b}]\n" B,
     "2:40: `strip_prefix`: expected whole segments from the front of `path`, found `/cha`\n"},
    {L "routes:\n - {path: /a/*, require: [], backend: b}\n - {path: /a/b, require: [], "
       "backend: b}\n" B,
     "4:11: `path`: no request reaches the route `/a/b`: `/a/*` on line 3 matches all that it "
     "does\n"},
    {L "routes:\n - {path: /*, host: '*.b', require: [], backend: b}\n"
       " - {path: /*, host: b, require: [], backend: b}\n"
       " - {path: '/{x}', host: a.b, require: [], backend: b}\n" B,
     "5:11: `path`: no request reaches the route `/{x}`: `/*` on line 3 matches all that it "
     "does\n"},
    {"listeners: [{address: 1.1.1.1:1, name: p}, {address: 1.1.1.1:2, name: q}]\nroutes:\n"
     " - {path: /, listeners: [p], require: [], backend: b}\n"
     " - {path: /, listeners: [q], require: [], backend: b}\n"
     " - {path: /x, listeners: [p, q], require: [], backend: b}\n"
     " - {path: /x, require: [], backend: b}\n"
     " - {path: /, listeners: q, require: [], backend: b}\n" B,
     "6:11: `path`: no request reaches the route `/x`: `/x` on line 5 matches all that it does\n"
     "7:11: `path`: no request reaches the route `/`: `/` on line 4 matches all that it does\n"},
    {L "routes:\n - {path: /, host: b.*.com, require: [], backend: b}\n"
       " - {path: /, host: '*.*.com', require: [], backend: b}\n" B,
     "3:20: `host`: `*.` stands at the beginning alone, for one or more labels, as in "
     "\"*.example.com\", found `b.*.com`\n"
     "4:20: `host`: `*.` stands at the beginning alone, for one or more labels, as in "
     "\"*.example.com\", found `*.*.com`\n"},
    /* A route with a fault of its own is not compared: one mistake, one fault. */
    {L "routes:\n - {path: /, host: 'a b', require: [], backend: b}\n"
       " - {path: /, require: [], backend: b}\n"
       " - {path: /, listeners: [x], require: [], backend: b}\n" B,
     "3:20: `host`: host with a forbidden byte, found `a b`\n"
     "5:26: `listeners`: no listener is named `x`\n"},

    /* Backends. */
    {L R "backends: {}", "2:42: `backend`: no backend is named `b`\n"
                         "3:11: `backends`: expected at least one\n"},
    {L R "backends: []", "3:11: `backends`: expected a map of names, found a list\n"},
    {L R "backends: {b: {}}", "3:15: `servers` is missing: addresses of the servers\n"},
    {L R "backends: {b: {servers: []}}", "3:25: `servers`: expected at least one\n"},
    {L R "backends: {b: {servers: {address: 127.0.0.1:1}}}",
     "3:25: `servers`: expected a list, found a map\n"},
    {L R "backends: {b: {servers: [chat.internal:80, {weight: 1}]}}",
     "3:26: `address`: expected \"IP:PORT\", \"[IP6]:PORT\" or \"unix:/path\"; names are not "
     "looked up, "
     "found `chat.internal:80`\n"
     "3:44: `address` is missing: of the server: IP:PORT, [IPv6]:PORT or unix:/path\n"},
    {L R "backends: {b: {servers: [{address: 1.1.1.1:1, weight: 0, max_connections: 10000001}]}}",
     "3:55: `weight`: expected 1 to 1000, found `0`\n"
     "3:75: `max_connections`: expected at most 10000000, found `10000001`\n"},
    {L R "backends: {b: {servers: [{address: 1.1.1.1:1, weight: 1001}]}}",
     "3:55: `weight`: expected 1 to 1000, found `1001`\n"},
    {L R "backends: {b: {servers: [1.1.1.1:1], connect_timeout: 0, handshake_timeout: 2h}}",
     "3:55: `connect_timeout`: expected 1ms to 1h, found `0`\n"
     "3:77: `handshake_timeout`: expected 1ms to 1h, found `2h`\n"},
    {L R "backends: {b: {servers: [1.1.1.1:1], host: 'a b'}}",
     "3:44: `host`: expected HOST or HOST:PORT, found `a b`\n"},
    {L R "backends: {b: {servers: [1.1.1.1:1], balance: random}}",
     "3:47: `balance`: expected one of round_robin, least_connections, found `random`\n"},
    {L R "backends: {b: {servers: [1.1.1.1:1]}, 'b b': {servers: [1.1.1.1:1]}}",
     "3:39: expected a name of letters, digits, `_`, `-` and `.`, at most 64, found `b b`\n"},

    /* Addresses that are the same, however they are written. */
    {"listeners: [{address: 'unix:/tmp/x'}, {address: 'unix:/tmp/./x'}, "
     "{address: 'unix://tmp//x'}]\n" R B,
     "1:49: `address`: the listener on line 1 has this address too\n"
     "1:77: `address`: the listener on line 1 has this address too\n"},
    {"listeners: [{address: 'unix:/none/x'},\n {address: 'unix:/none/y'}, "
     "{address: 'unix:/none/x'}]\n" R B,
     "2:39: `address`: the listener on line 1 has this address too\n"},
    {L R "backends:\n b:\n  servers:\n   - 1.1.1.1:1\n   - 1.1.1.1:2\n   - 1.1.1.2:1\n"
         "   - {address: 1.1.1.1:1, weight: 3}\n   - '[::ffff:1.1.1.1]:1'\n",
     "9:16: `address`: the server on line 6 has this address too; `weight` gives one a larger "
     "share\n"
     "10:6: `address`: the server on line 6 has this address too; `weight` gives one a larger "
     "share\n"},

    /* A route that would get its own requests back. */
    {L R "backends: {b: {servers: [127.0.0.1:3, 127.0.0.1:1]}}",
     "2:42: `backend`: a server of `b` is the listener on line 1, where this route matches again: "
     "requests would go round\n"},
    {"listeners: [{address: 0.0.0.0:1, name: a}, {address: '[::]:2', name: c}]\n"
     "routes:\n - {path: /a, require: [], backend: b, listeners: [c]}\n"
     " - {path: /b, require: [], backend: b, listeners: [a]}\n"
     " - {path: /c/*, require: [], backend: b, strip_prefix: /c}\n"
     " - {path: /d, require: [], backend: d, host: e}\n"
     " - {path: /d, require: [], backend: d}\n"
     " - {path: /e, require: [], backend: e}\n"
     "backends: {b: {servers: [127.9.9.9:1]}, d: {servers: ['[::1]:2'], host: f}, "
     "e: {servers: [127.0.0.1:2]}}",
     "4:37: `backend`: a server of `b` is the listener on line 1, where this route matches again: "
     "requests would go round\n"
     "7:37: `backend`: a server of `d` is the listener on line 1, where this route matches again: "
     "requests would go round\n"},

    /* What a variable held is not told. */
    {"listeners: [{address: '${WSGATE_TEST_WORD}'}]\n" R B,
     "1:23: `address`: expected \"IP:PORT\", \"[IP6]:PORT\" or \"unix:/path\"; names are not "
     "looked up, "
     "found `${WSGATE_TEST_WORD}`\n"},
    {L "routes: [{path: '${WSGATE_TEST_WORD}', require: ['${WSGATE_TEST_WORD}'], backend: b}]\n" B,
     "2:17: `path`: expected a path that begins with /, found `${WSGATE_TEST_WORD}`\n"
     "2:50: `require`: no middleware is named `${WSGATE_TEST_WORD}`\n"},
    {L R B "threads: ${WSGATE_TEST_NONE}",
     "4:10: the environment has no variable `WSGATE_TEST_NONE`\n"},
};

/* `expected` has lines without the file's name. */
static void
compare(const char *faults, const char *expected)
{
    char *with_names = NULL;
    size_t len;
    FILE *out = open_memstream(&with_names, &len);

    for (const char *line = expected; *line != '\0'; line += strcspn(line, "\n") + 1)
        fprintf(out, TEST_DATA "/data/f:%.*s\n", (int)strcspn(line, "\n"), line);
    fclose(out);
    ck_assert_str_eq(faults, with_names);
    free(with_names);
}

START_TEST(refuses)
{
    char *faults;

    setenv("WSGATE_TEST_WORD", "hush-hush", 1);
    ck_assert_ptr_null(load(bad[_i].text, &faults));
    compare(faults, bad[_i].faults);
    ck_assert_int_eq(fake_instances, 0);
    free(faults);
}
END_TEST

/* Every file, cut at every byte: never a crash, and settings or a fault. */
START_TEST(survives_any_end)
{
    char *text = strdup(bad[_i].text), *faults;

    for (size_t len = strlen(text); len > 0; len--) {
        text[len - 1] = '\0';
        struct settings *settings = load(text, &faults);

        ck_assert_int_eq(settings == NULL, faults[0] != '\0');
        settings_free(settings);
        free(faults);
    }
    ck_assert_int_eq(fake_instances, 0);
    free(text);
}
END_TEST

START_TEST(users_must_exist_for_root)
{
    char *faults;
    struct settings *settings = load(L R B "user: no-such-user", &faults);

    if (geteuid() == 0)
        compare(faults, "4:7: `user`: there is no user `no-such-user`\n");
    else
        ck_assert_ptr_nonnull(settings);
    settings_free(settings);
    free(faults);
}
END_TEST

START_TEST(faults_are_bounded)
{
    char *text = NULL, *faults;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    for (int i = 0; i < 150; i++)
        fprintf(out, "k%d: v\n", i);
    fclose(out);
    ck_assert_ptr_null(load(text, &faults));
    ck_assert_ptr_nonnull(strstr(faults, "\nand 53 more\n"));
    free(faults);
    free(text);
}
END_TEST

/* ---- Files ------------------------------------------------------------------------------- */

static const char whole_faults[] =
    "9:1: `admin` is not supported by this version\n"
    "18:37: `certificate`: `/etc/wsgate/tls/chat.pem` cannot be read: No such file or directory\n"
    "18:76: `private_key`: cannot be read: No such file or directory\n"
    "20:18: `client_ca`: `/etc/wsgate/tls/clients.pem` cannot be read: No such file or directory\n"
    "60:5: `health` is not supported by this version\n";

START_TEST(the_whole_file_is_understood)
{
    struct mw_host host = {.size = sizeof(host)};
    char *faults, *expected;
    size_t len;
    FILE *out = open_memstream(&faults, &len);

    settings_fill_host(&host);
    ck_assert_ptr_null(
        settings_load(TEST_DATA "/data/whole.yaml", fake_modules, &host, SETTINGS_TO_READ, out));
    fclose(out);
    out = open_memstream(&expected, &len);
    for (const char *line = whole_faults; *line != '\0'; line += strcspn(line, "\n") + 1)
        fprintf(out, TEST_DATA "/data/whole.yaml:%.*s\n", (int)strcspn(line, "\n"), line);
    fclose(out);
    ck_assert_str_eq(faults, expected);
    free(faults);
    free(expected);
}
END_TEST

START_TEST(a_file_that_cannot_be_read)
{
    struct mw_host host = {.size = sizeof(host)};
    char *faults;
    size_t len;
    FILE *out = open_memstream(&faults, &len);

    ck_assert_ptr_null(settings_load("/none", fake_modules, &host, SETTINGS_TO_RUN, out));
    ck_assert_ptr_null(settings_load("none", fake_modules, &host, SETTINGS_TO_READ, out));
    fclose(out);
    ck_assert_str_eq(faults, "/none:1:1: cannot be read: No such file or directory\n"
                             "none:1:1: cannot be read: No such file or directory\n");
    free(faults);
}
END_TEST

Suite *
settings_suite(void)
{
    Suite *suite = suite_create("settings");
    TCase *tc = tcase_create("settings");

    tcase_add_test(tc, defaults);
    tcase_add_test(tc, defaults_of_parts);
    tcase_add_test(tc, everything_set);
    tcase_add_test(tc, modules_reserve_headers);
    tcase_add_test(tc, no_identity_headers);
    tcase_add_test(tc, small_heads);
    tcase_add_test(tc, json_is_yaml);
    tcase_add_test(tc, variables);
    tcase_add_loop_test(tc, refuses, 0, COUNT_OF(bad));
    tcase_add_loop_test(tc, survives_any_end, 0, COUNT_OF(bad));
    tcase_add_test(tc, users_must_exist_for_root);
    tcase_add_test(tc, faults_are_bounded);
    tcase_add_test(tc, the_whole_file_is_understood);
    tcase_add_test(tc, a_file_that_cannot_be_read);
    suite_add_tcase(suite, tc);
    return suite;
}
