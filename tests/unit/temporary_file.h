/* temporary_file.h - a file for a test; the test unlinks it. */
#ifndef WSGATE_TEMPORARY_FILE_H
#define WSGATE_TEMPORARY_FILE_H

#include "base/str.h"

enum { TEMPORARY_PATH_MAX = 32 };

/* Writes its new name to path. */
void temporary_file(char path[TEMPORARY_PATH_MAX], struct str text);

#endif
