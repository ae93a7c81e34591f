/* base64url_test.c - one text for each byte string, and none else. */
#include "protocol/base64url.h"
#include "unit.h"

#include <stdlib.h>

static const struct {
    const char *text;
    const char *bytes; /* NULL: refused */
    size_t len;
} cases[] = {
    /* RFC 4648 10, without the padding */
    {"", "", 0},
    {"Zg", "f", 1},
    {"Zm8", "fo", 2},
    {"Zm9v", "foo", 3},
    {"Zm9vYg", "foob", 4},
    {"Zm9vYmE", "fooba", 5},
    {"Zm9vYmFy", "foobar", 6},
    {"_-8", "\xff\xef", 2},
    {"-_-_", "\xfb\xff\xbf", 3},
    {"AAAA", "\0\0\0", 3},
    /* padding */
    {"Zg==", NULL, 0},
    {"Zm8=", NULL, 0},
    {"=", NULL, 0},
    {"Zm9v====", NULL, 0},
    /* a length that no byte string has */
    {"Z", NULL, 0},
    {"Zm9vY", NULL, 0},
    /* bits that are not used */
    {"Zh", NULL, 0},
    {"Zm9", NULL, 0},
    {"Zm-", NULL, 0},
    {"__", NULL, 0},
    /* the other alphabet, white space, controls */
    {"+/+/", NULL, 0},
    {"Zm9+", NULL, 0},
    {"Zm 9v", NULL, 0},
    {" Zm9v", NULL, 0},
    {"Zm9v\n", NULL, 0},
    {"Zm9v\r\nYg", NULL, 0},
    {"Zm.v", NULL, 0},
    {"Zm\xc3\xa4v", NULL, 0},
    {"Zm\x7fv", NULL, 0},
};

START_TEST(decodes_canonical_text_alone)
{
    char out[32];
    size_t len = 99;
    bool ok = base64url_decode(str_of(cases[_i].text), out, &len);

    ck_assert_msg(ok == (cases[_i].bytes != NULL), "case %d", _i);
    if (ok) {
        ck_assert_uint_eq(len, cases[_i].len);
        ck_assert_mem_eq(out, cases[_i].bytes, len);
    }
}
END_TEST

START_TEST(encodes)
{
    char out[32];

    if (!cases[_i].bytes)
        return;
    size_t len = base64url_encode(cases[_i].bytes, cases[_i].len, out);
    ck_assert_uint_eq(len, strlen(cases[_i].text));
    ck_assert_uint_eq(len, BASE64URL_TEXT_LEN(cases[_i].len));
    ck_assert_mem_eq(out, cases[_i].text, len);
}
END_TEST

START_TEST(refuses_every_other_byte)
{
    for (int c = 0; c < 256; c++) {
        char text[4] = {'A', 'A', 'A', (char)c}, out[4];
        size_t len;
        bool valid = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '_';
        ck_assert_int_eq(base64url_decode((struct str){text, 4}, out, &len), valid);
        text[0] = (char)c;
        text[3] = 'A';
        ck_assert_int_eq(base64url_decode((struct str){text, 4}, out, &len), valid);
        ck_assert_int_eq(base64url_decode((struct str){text, 3}, out, &len), valid);
        ck_assert_int_eq(base64url_decode((struct str){text, 2}, out, &len), valid);
    }
}
END_TEST

START_TEST(goes_there_and_back_in_place)
{
    unsigned char bytes[200];
    char text[300];

    srand(1);
    for (size_t len = 0; len < sizeof(bytes); len++) {
        size_t back = 0;
        for (size_t i = 0; i < len; i++)
            bytes[i] = (unsigned char)rand();
        size_t text_len = base64url_encode(bytes, len, text);
        ck_assert_uint_eq(BASE64URL_BYTES_LEN(text_len), len);
        ck_assert(base64url_decode((struct str){text, text_len}, text, &back));
        ck_assert_uint_eq(back, len);
        ck_assert_int_eq(memcmp(text, bytes, len), 0);
    }
}
END_TEST

Suite *
base64url_suite(void)
{
    Suite *suite = suite_create("base64url");
    TCase *tc = tcase_create("base64url");

    tcase_add_loop_test(tc, decodes_canonical_text_alone, 0, (int)(sizeof(cases) / sizeof(*cases)));
    tcase_add_loop_test(tc, encodes, 0, (int)(sizeof(cases) / sizeof(*cases)));
    tcase_add_test(tc, refuses_every_other_byte);
    tcase_add_test(tc, goes_there_and_back_in_place);
    suite_add_tcase(suite, tc);
    return suite;
}
