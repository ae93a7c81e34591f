/* suites.h - every unit test suite, one row each: SUITE(noun) is `Suite *noun_suite(void)`,
 * in noun_test.c. Keep the rows in alphabetical order. */
#ifdef SUITE
SUITE(base64url)
SUITE(jose)
SUITE(jwt)
SUITE(keyset)
SUITE(second_opinion)
SUITE(str)
SUITE(verify)
SUITE(wycheproof)
#endif
