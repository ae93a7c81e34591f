/* suites.h - every unit test suite, one row each: SUITE(noun) is `Suite *noun_suite(void)`,
 * in noun_test.c. Keep the rows in alphabetical order. */
#ifdef SUITE
SUITE(address)
SUITE(address_set)
SUITE(arena)
SUITE(ip_allowlist)
SUITE(faults)
SUITE(json_text)
SUITE(log)
SUITE(log_line)
SUITE(mailbox)
SUITE(origin_module)
SUITE(handshake)
SUITE(http_body)
SUITE(http_head)
SUITE(origin)
SUITE(path)
SUITE(query)
SUITE(options)
SUITE(scalar)
SUITE(str)
SUITE(yaml_tree)
#endif
