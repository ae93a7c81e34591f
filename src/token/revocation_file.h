/*
 * revocation_file.h - revocations as lines of a file.
 *
 *   jti ID [UNTIL]
 *   sid ID [UNTIL]
 *   sub ISSUER SUBJECT [UNTIL]
 *
 * Words stand apart by spaces and tabs; in an ID, ISSUER or SUBJECT "%XX" stands for a byte, so
 * that every text can be written, and an ISSUER "-" for none. UNTIL is in seconds since 1970, as
 * `exp` is; without it the entry holds for ever. A line that begins with "#" and an empty one are
 * passed over.
 */
#ifndef WSGATE_REVOCATION_FILE_H
#define WSGATE_REVOCATION_FILE_H

#include "token/key.h"
#include "token/revocations.h"

/* Reads one line, without its end. text: at least line.len bytes, for what revocation points to.
 * true, and revocation->value.at == NULL: there is nothing on it. false: *error is a static
 * phrase. */
bool revocation_line_read(struct revocation *revocation, struct str line, char *text,
                          const char **error) MUST_CHECK;

/* Adds all of them. false: *error says why, and in which line. */
bool revocation_file_read(struct revocations *revocations, const char *path, int64_t now_ms,
                          struct key_error *error) MUST_CHECK;

#endif
