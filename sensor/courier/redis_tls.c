// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See redis_tls.h. The handshake is driven here and not by the first write through hiredis, which can say neither that it waits for the
// peer nor for what: a peer that takes the connection and stays silent has to meet a deadline.
#include "courier/redis_tls.h"

#include <stdio.h>

#if YG_REDIS_TLS
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

struct yg_redis_tls {
	SSL_CTX *context;
};

// The newest reason of the queue, which is emptied. `what`: what was tried.
static void say_reason(char *out, const char *what)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;
	snprintf(out, YG_REDIS_TLS_TEXT, "%s: %s", what, reason ? reason : errno ? strerror(errno) : "no reason given");
	ERR_clear_error();
}

static bool load(SSL_CTX *context, const struct yg_redis_tls_options *options, char *ret_reason)
{
	if (SSL_CTX_load_verify_locations(context, options->ca, NULL) != 1) {
		say_reason(ret_reason, options->ca);
		return false;
	}
	if (!options->certificate[0])
		return true;
	if (SSL_CTX_use_certificate_chain_file(context, options->certificate) != 1) {
		say_reason(ret_reason, options->certificate);
		return false;
	}
	if (SSL_CTX_use_PrivateKey_file(context, options->key, SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(context) != 1) {
		say_reason(ret_reason, options->key);
		return false;
	}
	return true;
}

// A key that wants a passphrase must not stop the start with a question on the terminal.
static int no_passphrase(char *buffer, int size, int writing, void *context)
{
	(void)buffer, (void)size, (void)writing, (void)context;
	return 0;
}

struct yg_redis_tls *yg_redis_tls_create(const struct yg_redis_tls_options *options, char ret_reason[YG_REDIS_TLS_TEXT])
{
	struct yg_redis_tls *tls = calloc(1, sizeof *tls);
	SSL_CTX *context = tls ? SSL_CTX_new(TLS_client_method()) : NULL;
	errno = 0;
	if (!context) {
		say_reason(ret_reason, "TLS");
		free(tls);
		return NULL;
	}
	SSL_CTX_set_default_passwd_cb(context, no_passphrase);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 || !load(context, options, ret_reason)) {
		SSL_CTX_free(context);
		free(tls);
		return NULL;
	}
	tls->context = context;
	return tls;
}

void yg_redis_tls_destroy(struct yg_redis_tls *tls)
{
	if (!tls)
		return;
	SSL_CTX_free(tls->context);
	free(tls);
}

// Whom the certificate has to name.
static bool expect(SSL *ssl, const char *host)
{
	struct in6_addr ignored;
	if (inet_pton(AF_INET, host, &ignored) == 1 || inet_pton(AF_INET6, host, &ignored) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
	return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

struct ssl_st *yg_redis_tls_begin(struct yg_redis_tls *tls, redisContext *context, const char *host, char ret_reason[YG_REDIS_TLS_TEXT])
{
	SSL *ssl = SSL_new(tls->context);
	errno = 0;
	if (!ssl || !expect(ssl, host)) {
		say_reason(ret_reason, "TLS");
		SSL_free(ssl);
		return NULL;
	}
	if (redisInitiateSSL(context, ssl) == REDIS_OK)
		return ssl;
	snprintf(ret_reason, YG_REDIS_TLS_TEXT, "TLS: %s", context->errstr);
	ERR_clear_error();
	SSL_free(ssl); // the context has not taken it
	return NULL;
}

int yg_redis_tls_step(struct ssl_st *ssl, short *ret_events, char ret_reason[YG_REDIS_TLS_TEXT])
{
	ERR_clear_error();
	errno = 0;
	int done = SSL_do_handshake(ssl);
	if (done == 1)
		return 1;
	int error = SSL_get_error(ssl, done);
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
		*ret_events = error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
		return 0;
	}
	long verified = SSL_get_verify_result(ssl);
	if (verified != X509_V_OK)
		snprintf(ret_reason, YG_REDIS_TLS_TEXT, "its certificate: %s", X509_verify_cert_error_string(verified));
	else if (error == SSL_ERROR_SYSCALL && !ERR_peek_last_error() && !errno)
		snprintf(ret_reason, YG_REDIS_TLS_TEXT, "it hung up in the handshake");
	else
		say_reason(ret_reason, "handshake");
	ERR_clear_error();
	return -1;
}

#else // nobody gets here with rediss://; these say so all the same

struct yg_redis_tls *yg_redis_tls_create(const struct yg_redis_tls_options *options, char ret_reason[YG_REDIS_TLS_TEXT])
{
	(void)options;
	snprintf(ret_reason, YG_REDIS_TLS_TEXT, "this build does not speak TLS");
	return NULL;
}

void yg_redis_tls_destroy(struct yg_redis_tls *tls)
{
	(void)tls;
}

struct ssl_st *yg_redis_tls_begin(struct yg_redis_tls *tls, redisContext *context, const char *host, char ret_reason[YG_REDIS_TLS_TEXT])
{
	(void)tls, (void)context, (void)host;
	snprintf(ret_reason, YG_REDIS_TLS_TEXT, "this build does not speak TLS");
	return NULL;
}

int yg_redis_tls_step(struct ssl_st *ssl, short *ret_events, char ret_reason[YG_REDIS_TLS_TEXT])
{
	(void)ssl, (void)ret_events;
	snprintf(ret_reason, YG_REDIS_TLS_TEXT, "this build does not speak TLS");
	return -1;
}
#endif
