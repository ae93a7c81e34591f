/* suites.h - every unit test suite, one row each: SUITE(noun) is `Suite *noun_suite(void)`,
 * in noun_test.c. Keep the rows in alphabetical order. */
#ifdef SUITE
SUITE(address)
SUITE(address_set)
SUITE(arena)
SUITE(crowd)
SUITE(faults)
SUITE(json_text)
SUITE(log)
SUITE(log_line)
SUITE(mailbox)
SUITE(pool)
SUITE(router)
SUITE(scalar)
SUITE(str)
SUITE(tunnel)
SUITE(wheel)
SUITE(yaml_tree)
#endif
