/* temporary_file.c - see temporary_file.h. */
#include "temporary_file.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void
temporary_file(char path[TEMPORARY_PATH_MAX], struct str text)
{
    snprintf(path, TEMPORARY_PATH_MAX, "/tmp/wsgate-unit-XXXXXX");
    int fd = mkstemp(path);

    ck_assert_int_ne(fd, -1);
    ck_assert_int_eq(write(fd, text.at, text.len), (ssize_t)text.len);
    ck_assert_int_eq(close(fd), 0);
}
