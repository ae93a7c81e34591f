/*
 * client_address.h - who the client is.
 *
 * Three may differ, and nobody is believed but trusted_proxies. The *socket* leads to somebody;
 * a PROXY header may name the *sender* of the request; a trusted sender's
 * X-Forwarded-For, or Forwarded, may name the client, who is the request's *peer* for everything
 * else: modules, limits, logs.
 */
#ifndef WSGATE_CLIENT_ADDRESS_H
#define WSGATE_CLIENT_ADDRESS_H

#include "gateway/request.h"

enum { FORWARDED_ELEMENTS_MAX = 100 }; /* of one request; more are 400 */

/* Once request->listener is known. Nobody has spoken yet for the peer of the socket, which must
 * live as long as the request; of a trusted proxy it takes a copy, for there may be another client.
 * false: no memory. */
bool client_address_begin(struct request *request, const struct sockaddr *socket) MUST_CHECK;
/* A PROXY header names the sender; AF_UNSPEC: it does not say who that is. STEP_DONE, or
 * STEP_FAILED for want of memory. */
enum step client_address_send(struct request *request, const struct address *sender) MUST_CHECK;
/* Where the client has come to is asked of his socket, unless a PROXY header said so. STEP_DONE or
 * STEP_FAILED. */
enum step client_address_arrive(struct request *request, const struct stream *stream) MUST_CHECK;
/* The head is whole: what a trusted sender's fields say. STEP_DONE or STEP_FAILED. */
enum step client_address_judge(struct request *request) MUST_CHECK;

#endif
