/*
 * settings_headers.c - the headers that no client may send.
 *
 * Those of the file, and those that modules reserved at their setup: the names under which
 * the gateway tells a backend who it is. It removes nothing: the request does.
 *
 * The hard thing: many backends read "X_Auth_User" or "X.Auth.User" as "X-Auth-User" (CGI's rule),
 * so names are kept, and compared, with whatever is no letter and no digit as "-".
 */
#include "config/settings_build.h"
#include "protocol/http_chars.h"
#include "protocol/http_head.h"

struct str
settings_header_name(struct arena *arena, const char *name, bool may_be_prefix)
{
    size_t len = strlen(name);
    bool prefix = may_be_prefix && len > 0 && name[len - 1] == '*';
    struct str stem = {name, prefix ? len - 1 : len};
    char *copy;

    /* "*" is a character of tokens, but of no header that anyone sends. */
    if (!http_is_token(stem) || memchr(stem.at, '*', stem.len) != NULL)
        return STR_NONE;
    copy = arena_alloc(arena, len + 1);
    if (copy == NULL)
        return STR_NONE;
    for (size_t i = 0; i < stem.len; i++)
        copy[i] = http_char_folded(name[i]);
    memcpy(copy + stem.len, name + stem.len, len + 1 - stem.len);
    return (struct str){copy, len};
}

bool
settings_set_one_header(const struct settings *settings, size_t instance, size_t other,
                        struct str *name)
{
    const struct reserved_header *of_this, *of_other;

    for (of_this = settings->memory->reserved; of_this != NULL; of_this = of_this->next)
        for (of_other = settings->memory->reserved; of_other != NULL; of_other = of_other->next)
            if (of_this != of_other && of_this->instance == instance &&
                of_other->instance == other && str_equal(of_this->name, of_other->name)) {
                *name = of_this->name;
                return true;
            }
    return false;
}

static void
add(struct settings *settings, struct str name)
{
    for (size_t i = 0; i < settings->identity_header_count; i++)
        if (str_equal(settings->identity_headers[i], name))
            return;
    settings->identity_headers[settings->identity_header_count++] = name;
}

void
settings_build_headers(struct settings_build *build)
{
    struct settings *settings = build->settings;
    size_t written = options_count(build->root, "identity_headers"), count = written;
    const struct reserved_header *reserved;

    for (reserved = settings->memory->reserved; reserved != NULL; reserved = reserved->next)
        count++;
    settings->identity_headers = settings_array(build, count, sizeof(struct str));
    if (settings->identity_headers == NULL)
        return;
    for (size_t i = 0; i < written; i++) {
        const char *text = options_item(build->root, "identity_headers", i);
        struct str name = text ? settings_header_name(build->arena, text, true) : STR_NONE;

        if (name.at != NULL)
            add(settings, name);
        else if (text != NULL)
            options_fault(build->root, "identity_headers", i,
                          "expected a header, or the beginning of one and `*`, found `%s`", text);
    }
    for (reserved = settings->memory->reserved; reserved != NULL; reserved = reserved->next)
        add(settings, reserved->name);
}
