/* suites.h - every unit test suite, one row each: SUITE(noun) is `Suite *noun_suite(void)`,
 * in noun_test.c. Keep the rows in alphabetical order. */
#ifdef SUITE
SUITE(handshake)
SUITE(http_body)
SUITE(http_head)
SUITE(origin)
SUITE(path)
SUITE(query)
SUITE(str)
#endif
