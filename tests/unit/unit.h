/* unit.h - what every suite includes: Check, and the suites' prototypes. */
#ifndef WSGATE_UNIT_H
#define WSGATE_UNIT_H

#include <check.h>

#define SUITE(noun) Suite *noun##_suite(void);
#include "suites.h"
#undef SUITE

#endif
