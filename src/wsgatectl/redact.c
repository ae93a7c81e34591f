/* redact.c - see redact.h. */
#include "wsgatectl/redact.h"

#include "protocol/subprotocol.h"

#include <stdlib.h>

#define MARK "[redacted]"

/* A shorter secret would tear holes into what is harmless, and is none. */
enum { SECRET_MIN = 8, NAME_MAX_SHOWN = 32 };

static void
put(FILE *out, struct str text)
{
    if (text.len > 0)
        fwrite(text.at, 1, text.len, out);
}

/* Up to one of the characters, which is not part of it; *rest goes on at that character. */
static struct str
take_until(struct str *rest, const char *stops)
{
    size_t len = 0;

    while (len < rest->len && strchr(stops, rest->at[len]) == NULL)
        len++;
    struct str taken = {rest->at, len};
    rest->at += len;
    rest->len -= len;
    return taken;
}

/* Without the secret, wherever it stands. */
static void
put_without(FILE *out, struct str text, struct str secret)
{
    const char *found;

    while (secret.len >= SECRET_MIN && text.len > 0 &&
           (found = memmem(text.at, text.len, secret.at, secret.len)) != NULL) {
        size_t before = (size_t)(found - text.at);
        put(out, (struct str){text.at, before});
        fputs(MARK, out);
        text = (struct str){found + secret.len, text.len - before - secret.len};
    }
    put(out, text);
}

/* "a=1": the name stays; without a "=" it is one if it is short. */
static void
put_pair(FILE *out, struct str pair)
{
    struct str rest = pair, name = take_until(&rest, "=");

    if (rest.len == 0 && name.len > NAME_MAX_SHOWN)
        fputs(MARK, out);
    else
        put(out, name);
    if (rest.len > 0)
        fputs(rest.len > 1 ? "=" MARK : "=", out);
}

/* "a=1&b=2" or "a=1; b=2", with what stands between. */
static void
put_pairs(FILE *out, struct str pairs, const char *separator)
{
    while (pairs.len > 0) {
        put_pair(out, take_until(&pairs, separator));
        if (pairs.len > 0) {
            put(out, (struct str){pairs.at, 1});
            pairs.at++;
            pairs.len--;
        }
    }
}

/* ---- The request line ---------------------------------------------------------- */

/* "http://user:password@host/": what stands before the "@" goes. */
static void
put_authority(FILE *out, struct str *target)
{
    const char *slashes = memmem(target->at, target->len, "://", 3);

    if (slashes == NULL || memchr(target->at, '/', (size_t)(slashes - target->at)) != NULL)
        return;
    struct str rest = {slashes + 3, target->len - (size_t)(slashes + 3 - target->at)};
    put(out, (struct str){target->at, (size_t)(rest.at - target->at)});
    struct str authority = take_until(&rest, "/?");
    const char *at = memrchr(authority.at, '@', authority.len);
    if (at != NULL)
        fputs(MARK, out);
    size_t skipped = at != NULL ? (size_t)(at - authority.at) : 0;
    put(out, (struct str){authority.at + skipped, authority.len - skipped});
    *target = rest;
}

void
redact_target(FILE *out, struct str target, struct str secret)
{
    put_authority(out, &target);
    put_without(out, take_until(&target, "?"), secret);
    if (target.len > 0) {
        fputc('?', out);
        put_pairs(out, (struct str){target.at + 1, target.len - 1}, "&");
    }
}

void
redact_request_line(FILE *out, struct str line, struct str secret)
{
    struct str version = STR(" HTTP/1.1");
    struct str rest = line, method = take_until(&rest, " ");

    put_without(out, method, secret);
    if (rest.len > version.len &&
        memcmp(rest.at + rest.len - version.len, version.at, version.len) == 0)
        rest.len -= version.len;
    else
        version.len = 0;
    if (rest.len > 0) {
        fputc(' ', out);
        redact_target(out, (struct str){rest.at + 1, rest.len - 1}, secret);
    }
    put(out, version);
}

/* ---- Fields ----------------------------------------------------------------------- */

/* "X-Api-Key", "x_auth_token": any of the words as a part of the name. */
static bool
sounds_secret(struct str name)
{
    static const char *const words[] = {"token", "secret", "password", "passwd", "api-key",
                                        "apikey", "api_key", "credential", "session"};

    for (size_t i = 0; i < COUNT_OF(words); i++)
        for (size_t at = 0; at + strlen(words[i]) <= name.len; at++)
            if (strncasecmp(name.at + at, words[i], strlen(words[i])) == 0)
                return true;
    return false;
}

static void
put_authorization(FILE *out, struct str value)
{
    struct str scheme = take_until(&value, " \t");

    if (value.len > 0)
        put(out, scheme);
    fputs(value.len > 0 ? " " MARK : MARK, out);
}

/* What stands in front of a credential in one entry, whatever case it was written in. */
static struct str
credential_prefix(struct str entry)
{
    static const struct str prefixes[] = {
        {SUBPROTOCOL_KUBERNETES, sizeof(SUBPROTOCOL_KUBERNETES) - 1},
        {SUBPROTOCOL_API_KEY, sizeof(SUBPROTOCOL_API_KEY) - 1},
    };

    for (size_t i = 0; i < COUNT_OF(prefixes); i++)
        if (entry.len > prefixes[i].len &&
            strncasecmp(entry.at, prefixes[i].at, prefixes[i].len) == 0)
            return prefixes[i];
    return STR("");
}

static void
put_protocols(FILE *out, struct str list, struct str secret)
{
    bool is_token = false;

    while (list.len > 0) {
        struct str raw = take_until(&list, ","), entry = str_trim(raw);
        put(out, (struct str){raw.at, (size_t)(entry.at - raw.at)});
        struct str prefix = credential_prefix(entry);
        put(out, prefix);
        if (is_token || prefix.len > 0)
            fputs(MARK, out);
        else
            put_without(out, entry, secret);
        is_token = subprotocol_is_bearer(entry);
        put(out, (struct str){list.at, list.len > 0});
        list.at += list.len > 0;
        list.len -= list.len > 0;
    }
}

static void
put_value(FILE *out, struct str name, struct str value, struct str secret)
{
    if (value.len == 0)
        return;
    if (str_equal_nocase(name, STR("Authorization")) ||
        str_equal_nocase(name, STR("Proxy-Authorization")))
        put_authorization(out, value);
    else if (str_equal_nocase(name, STR("Cookie")))
        put_pairs(out, value, ";");
    else if (str_equal_nocase(name, STR("Sec-WebSocket-Protocol")))
        put_protocols(out, value, secret);
    else if (sounds_secret(name))
        fputs(MARK, out);
    else
        put_without(out, value, secret);
}

void
redact_field(FILE *out, struct str line, struct str secret)
{
    struct str value = line, name = take_until(&value, ":");

    put_without(out, name, secret);
    if (value.len == 0)
        return;
    fputs(": ", out);
    put_value(out, str_trim(name), str_trim((struct str){value.at + 1, value.len - 1}), secret);
}

/* What was written to memory, with its end. */
static char *
finish(FILE *memory, char **text)
{
    if (fclose(memory) == 0)
        return *text;
    free(*text);
    return NULL;
}

char *
redact_copy(redact_function *redact, struct str piece, struct str secret)
{
    char *text = NULL;
    size_t len = 0;
    FILE *memory = open_memstream(&text, &len);

    if (memory == NULL)
        return NULL;
    redact(memory, piece, secret);
    return finish(memory, &text);
}

char *
redact_value_copy(struct str name, struct str value, struct str secret)
{
    char *text = NULL;
    size_t len = 0;
    FILE *memory = open_memstream(&text, &len);

    if (memory == NULL)
        return NULL;
    put_value(memory, name, value, secret);
    return finish(memory, &text);
}
