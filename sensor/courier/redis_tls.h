// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// TLS on a connection to Redis (rediss://), where the build has hiredis 1.0 or newer with its TLS part, and OpenSSL; else YG_REDIS_TLS
// is 0 and such an address is refused before anything starts. TLS 1.2 or newer. The server's certificate has to be signed by one of the
// file `ca` and to name the host of the address: hiredis itself asks for the first alone, which is why its own context is not used.
//
// All files are read when the context is made, because later the process may open none. Thread: the courier's.
#pragma once

#include <stddef.h>

#include <hiredis/hiredis.h>

enum { YG_REDIS_TLS_TEXT = 160 };

struct yg_redis_tls;
struct ssl_st;

struct yg_redis_tls_options {
	const char *ca;          // file of certificates (PEM) of which one has signed the server's
	const char *certificate; // file of our own certificate and what leads up to its signer (PEM); empty: none is shown
	const char *key;         // its private key (PEM, without a passphrase)
};

// NULL and the reason, for a person. Its files are named in it, nothing of what is in them.
struct yg_redis_tls *yg_redis_tls_create(const struct yg_redis_tls_options *options, char ret_reason[YG_REDIS_TLS_TEXT]);
void yg_redis_tls_destroy(struct yg_redis_tls *tls); // after the connections; NULL is accepted

// Begins on a context that has just connected to `host` (a name, or an address as text). NULL and the reason on failure, and then the
// context is of no use; else what is to be given to yg_redis_tls_step, which dies with the context.
struct ssl_st *yg_redis_tls_begin(struct yg_redis_tls *tls, redisContext *context, const char *host, char ret_reason[YG_REDIS_TLS_TEXT]);

// Goes on with the handshake, without waiting. 1: it is done. 0: *ret_events (of poll) is what it waits for. -1 and the reason.
int yg_redis_tls_step(struct ssl_st *ssl, short *ret_events, char ret_reason[YG_REDIS_TLS_TEXT]);
