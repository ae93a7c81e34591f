/* subprotocol_test.c - what a 101 may name when a token stands among the subprotocols. */
#include "protocol/subprotocol.h"
#include "base/compiler.h"
#include "unit.h"

#define K8S SUBPROTOCOL_KUBERNETES "eyJ0"
#define KEY SUBPROTOCOL_API_KEY "c2Vj"

static const struct {
    const char *offered[5];
    const char *chosen; /* NULL: none */
    bool alone;         /* nothing but tokens */
} rows[] = {
    {{NULL}, NULL, false},
    {{"chat"}, "chat", false},
    {{"chat", "log"}, "chat", false},
    {{"bearer", "TOKEN"}, "bearer", false},
    {{"Bearer", "TOKEN", "chat"}, "chat", false},
    {{"chat", "bearer", "TOKEN"}, "chat", false},
    {{"bearer", "TOKEN", "chat", "log"}, "chat", false},
    {{"bearer"}, "bearer", false},
    {{"BEARER", "TOKEN", K8S}, "BEARER", false},
    {{"bearer", K8S}, "bearer", false},
    {{"bearer", "bearer", "chat"}, "chat", false}, /* `bearer` is then the token */
    {{K8S}, NULL, true},
    {{K8S, K8S "x"}, NULL, true},
    {{K8S, "chat"}, "chat", false},
    {{"chat", K8S}, "chat", false},
    {{SUBPROTOCOL_KUBERNETES}, NULL, true},
    {{KEY}, NULL, true},
    {{KEY, "chat"}, "chat", false},
    {{KEY, "bearer", "TOKEN", K8S}, "bearer", false},
    {{"bearer", KEY, "chat"}, "chat", false},
    {{"api-key"}, "api-key", false},
    {{"base64url.bearer.authorization.k8s.i"}, "base64url.bearer.authorization.k8s.i", false},
};

START_TEST(chosen)
{
    struct handshake handshake = {.protocol_count = 0};
    struct str protocol;

    while (rows[_i].offered[handshake.protocol_count] != NULL) {
        handshake.protocols[handshake.protocol_count] =
            str_of(rows[_i].offered[handshake.protocol_count]);
        handshake.protocol_count++;
    }
    ck_assert_int_eq(subprotocol_choose(&handshake, &protocol), !rows[_i].alone);
    ck_assert(str_equal(protocol, str_of(rows[_i].chosen)));
    ck_assert_int_eq(protocol.at == NULL, rows[_i].chosen == NULL);
}
END_TEST

Suite *
subprotocol_suite(void)
{
    Suite *suite = suite_create("subprotocol");
    TCase *tcase = tcase_create("all");

    tcase_add_loop_test(tcase, chosen, 0, COUNT_OF(rows));
    suite_add_tcase(suite, tcase);
    return suite;
}
