/*
 * http_answer_head.h - the heads of an answer, judged line by line while libcurl reads them, and
 * more strictly than it does; http_transfer.c alone uses it.
 */
#ifndef WSGATE_HTTP_ANSWER_HEAD_H
#define WSGATE_HTTP_ANSWER_HEAD_H

#include "net/http_transfer.h"

/* CURLOPT_HEADERFUNCTION of a struct http_transfer: each line of each head, of interim answers and
 * redirects too. When the last one is whole, transfer->head_status is set. */
size_t http_answer_head_line(char *at, size_t one, size_t bytes, void *transfer);
/* Of the last head, as http_answer_field. */
struct str http_answer_head_field(CURL *easy, const char *name, size_t i) MUST_CHECK;

#endif
