/*
 * settings_tunnel.c - what a route says about its live connections.
 */
#include "config/settings_build.h"
#include "config/suggest.h"

/* ---- Kinds of data -------------------------------------------------------------- */

static const struct {
    const char *word;
    uint8_t bit;
} kinds[] = {{"text", FRAMES_ALLOW_TEXT}, {"binary", FRAMES_ALLOW_BINARY}};

static uint8_t
read_kind(const struct mw_options *options, size_t item)
{
    const char *text = options_item(options, "allow", item);
    struct suggest suggest;

    if (text == NULL) /* refused already */
        return 0;
    suggest_start(&suggest, str_of(text));
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (strcmp(text, kinds[i].word) == 0)
            return kinds[i].bit;
        suggest_try(&suggest, kinds[i].word);
    }
    options_fault(options, "allow", item, "expected `text` or `binary`, found `%s`" SUGGEST_FMT,
                  text, SUGGEST_ARG(suggest));
    return 0;
}

static uint8_t
read_kinds(const struct mw_options *options)
{
    uint8_t allow = 0;

    if (!options_given(options, "allow"))
        return FRAMES_ALLOW_TEXT | FRAMES_ALLOW_BINARY;
    if (options_count(options, "allow") == 0)
        options_fault(options, "allow", 0, "expected `text`, `binary` or both");
    for (size_t i = 0; i < options_count(options, "allow"); i++)
        allow |= read_kind(options, i);
    return allow;
}

/* ---- What fits together ----------------------------------------------------------- */

/* What is asked of frames that nobody follows would be a limit that does not hold. */
static void
check_followed(const struct mw_options *options, const struct tunnel_settings *tunnel)
{
    static const char *const words[] = {"max_message",   "max_frame", "allow",
                                        "validate_utf8", "messages_per_second", "ping_interval"};

    for (size_t i = 0; i < COUNT_OF(words) && !tunnel->checked; i++)
        if (options_given(options, words[i]) &&
            (strcmp(words[i], "allow") == 0 || options_integer(options, words[i]) != 0))
            options_fault(options, words[i], 0, "needs `frames: checked`");
}

/* A limit of so many bytes that counting them in thousandths would not fit. */
static void
check_rates(const struct mw_options *options)
{
    static const struct settings_range ranges[] = {
        {"messages_per_second", 0, 1000000000, "0 (no limit) to 1000000000"},
        {"messages_burst", 0, 1000000000, "0 to 1000000000"},
        {"bytes_per_second", 0, INT64_C(1) << 40, "0 (no limit) to 1024GiB"},
        {"bytes_burst", 0, INT64_C(1) << 40, "0 to 1024GiB"},
    };

    settings_check_ranges(options, ranges, COUNT_OF(ranges));
}

void
settings_build_tunnel(const struct mw_options *route_options, struct route_settings *route)
{
    const struct mw_options *options = options_member(route_options, "tunnel", 0);
    struct tunnel_settings *tunnel = &route->tunnel;

    tunnel->checked = options_integer(options, "frames") == 0;
    tunnel->frames = (struct frames_rules){
        .max_frame = (uint64_t)options_integer(options, "max_frame"),
        .max_message = (uint64_t)options_integer(options, "max_message"),
        .allow = read_kinds(options),
        .validate_utf8 = options_integer(options, "validate_utf8") != 0,
    };
    tunnel->messages_per_second = (uint64_t)options_integer(options, "messages_per_second");
    tunnel->messages_burst = (uint64_t)options_integer(options, "messages_burst");
    tunnel->bytes_per_second = (uint64_t)options_integer(options, "bytes_per_second");
    tunnel->bytes_burst = (uint64_t)options_integer(options, "bytes_burst");
    tunnel->limit_client = options_integer(options, "limit_from") != 1;
    tunnel->limit_backend = options_integer(options, "limit_from") != 0;
    tunnel->delay = options_integer(options, "over_limit") == 1;
    tunnel->ping_interval = (uint64_t)options_integer(options, "ping_interval");
    tunnel->pong_timeout = (uint64_t)options_integer(options, "pong_timeout");
    tunnel->idle_timeout = (uint64_t)options_integer(options, "idle_timeout");
    tunnel->write_timeout = (uint64_t)options_integer(options, "write_timeout");
    tunnel->max_lifetime = (uint64_t)options_integer(options, "max_lifetime");
    check_rates(options);
    check_followed(options, tunnel);
}
