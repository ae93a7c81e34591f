/*
 * forward_answer_fuzz.c - what a forward_auth service has said: a line with the status, then header
 * fields, "Name:value" each. Whatever comes, a no is no, and a yes names one who is not nobody, and
 * hands on nothing that could end a line or is no UTF-8.
 */
#include "fuzz.h"

#include "forward_answer.h"
#include "forward_verdict.h"
#include "protocol/utf8.h"
#include "token/claims.h"

#include <strings.h>

enum { FIELDS_MAX = 64 };

struct fields {
    struct {
        char *name, *value;
    } at[FIELDS_MAX];
    size_t count;
};

static struct str
field_of(const struct http_answer *answer, const char *name, size_t i)
{
    const struct fields *fields = answer->handle;

    for (size_t k = 0; k < fields->count; k++)
        if (strcasecmp(fields->at[k].name, name) == 0 && i-- == 0)
            return str_of(fields->at[k].value);
    return STR_NONE;
}

/* The lines become strings in place. */
static void
read_fields(struct fields *fields, char *text)
{
    for (char *line = strsep(&text, "\n"); line != NULL && fields->count < FIELDS_MAX;
         line = strsep(&text, "\n")) {
        char *colon = strchr(line, ':');
        if (colon == NULL)
            continue;
        *colon = '\0';
        fields->at[fields->count].name = line;
        fields->at[fields->count++].value = colon + 1;
    }
}

static size_t
count_of(const struct http_answer *answer, const char *name)
{
    size_t count = 0;

    while (field_of(answer, name, count).at != NULL)
        count++;
    return count;
}

static void
check_text(struct str text)
{
    uint8_t state = UTF8_WHOLE;

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        FUZZ_REQUIRE((c >= ' ' || c == '\t') && c != 0x7F);
        state = utf8_next(state, c);
        FUZZ_REQUIRE(state != UTF8_BAD);
    }
    FUZZ_REQUIRE(state == UTF8_WHOLE);
}

static void
check_yes(const struct http_answer *answer, const struct claims *claims)
{
    const struct json_node *name = json_node_first(claims->all), *value;

    FUZZ_REQUIRE(answer->status >= 200 && answer->status <= 299);
    FUZZ_REQUIRE(count_of(answer, "X-User") == 1 && count_of(answer, "X-Until") <= 1);
    FUZZ_REQUIRE(json_node_text(json_node_member(claims->all, STR(":identity"))).len > 0);
    for (; name != NULL; name = json_node_next(claims->all, value)) {
        value = json_node_next(claims->all, name);
        check_text(json_node_text(value));
    }
    int64_t until_ms = forward_verdict_until(claims);
    FUZZ_REQUIRE(until_ms >= 0 && (until_ms == INT64_MAX) == (count_of(answer, "X-Until") == 0));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct forward_auth_settings settings = {
        .identity_header = "X-User",
        .deadline_header = "X-Until",
        .forwards = {"X-Role", "X-User"},
        .forward_count = 2,
    };
    char *text = fuzz_block(NULL, size + 1);
    struct fields fields = {.count = 0};
    struct forward_answer answer;

    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    unsigned status = (unsigned)strtoul(text, NULL, 10) % 1000;
    read_fields(&fields, text);
    const struct http_answer http = {.status = status,
                                     .head_status = status,
                                     .body = STR(""),
                                     .error = "",
                                     .handle = &fields,
                                     .field = field_of};
    forward_answer_read(&answer, &settings, &http);
    FUZZ_REQUIRE((answer.refused != 0) == (status == 401 || status == 403));
    FUZZ_REQUIRE((answer.claims != NULL) == (answer.fault == SERVICE_NONE && answer.refused == 0));
    FUZZ_REQUIRE(answer.challenge == NULL || answer.refused != 0);
    if (answer.claims != NULL)
        check_yes(&http, answer.claims);
    forward_answer_free(&answer);
    free(text);
    return 0;
}
