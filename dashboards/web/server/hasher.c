// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See hasher.h. The places are a ring: `first` is the one that the thread works on or will work on next, so a place is the thread's from
// when it is counted until it is posted, and the loop's otherwise; only `first` and `count` are shared.
#include "hasher.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "passwords.h"

_Static_assert(WEB_HASH_TEXT == crypto_pwhash_STRBYTES, "a hash has its room");

enum { PASSWORD_BYTES = 4 * WEB_PASSWORD_MAX };

struct job {
	struct web_hasher *hasher;
	char password[PASSWORD_BYTES + 1];
	char hash[WEB_HASH_TEXT], better[WEB_HASH_TEXT];
	bool make, known, fits;
	web_hash_made made;
	web_hash_checked checked;
	void *context;
	bool taken; // loop only
};

struct web_hasher {
	struct web_loop *loop;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct job jobs[WEB_HASHES];
	struct job *queue[WEB_HASHES]; // under lock
	unsigned first, count;         // under lock
	bool stop;                     // under lock
	uint64_t hashes;
};

static bool make_hash(char ret[WEB_HASH_TEXT], const char *password)
{
	if (crypto_pwhash_str_alg(ret, password, strlen(password), WEB_HASH_PASSES, WEB_HASH_BYTES, crypto_pwhash_ALG_ARGON2ID13) == 0)
		return true;
	ret[0] = 0;
	return false;
}

static void work(struct job *job)
{
	if (job->make || !job->known) {
		make_hash(job->better, job->password);
	} else {
		job->fits = crypto_pwhash_str_verify(job->hash, job->password, strlen(job->password)) == 0;
		if (job->fits && crypto_pwhash_str_needs_rehash(job->hash, WEB_HASH_PASSES, WEB_HASH_BYTES) != 0)
			make_hash(job->better, job->password);
	}
	sodium_memzero(job->password, sizeof job->password);
}

static void finish(void *context)
{
	struct job *job = context, result = *job;
	job->taken = false; // the answer may ask again
	job->hasher->hashes++;
	if (result.make)
		result.made(result.context, result.better[0] ? result.better : NULL);
	else
		result.checked(result.context, result.fits, result.fits && result.better[0] ? result.better : NULL);
}

static void *run(void *context)
{
	struct web_hasher *h = context;
	pthread_mutex_lock(&h->lock);
	while (!h->stop) {
		if (!h->count) {
			pthread_cond_wait(&h->more, &h->lock);
			continue;
		}
		struct job *job = h->queue[h->first];
		pthread_mutex_unlock(&h->lock);
		work(job);
		pthread_mutex_lock(&h->lock);
		h->first = (h->first + 1) % WEB_HASHES;
		h->count--;
		if (!h->stop)
			web_loop_post(h->loop, finish, job);
	}
	pthread_mutex_unlock(&h->lock);
	return NULL;
}

struct web_hasher *web_hasher_create(struct web_loop *loop)
{
	struct web_hasher *h = calloc(1, sizeof *h);
	if (!h || sodium_init() < 0) {
		free(h);
		return NULL;
	}
	h->loop = loop;
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->more, NULL);
	sigset_t all, before; // signals are the loop's
	sigfillset(&all);
	sigdelset(&all, SIGRTMAX); // base/confine.h asks each thread by it to give up its rights
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&h->thread, NULL, run, h);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error) {
		free(h);
		errno = error;
		return NULL;
	}
	return h;
}

void web_hasher_destroy(struct web_hasher *h)
{
	if (!h)
		return;
	pthread_mutex_lock(&h->lock);
	h->stop = true;
	pthread_cond_signal(&h->more);
	pthread_mutex_unlock(&h->lock);
	pthread_join(h->thread, NULL);
	pthread_mutex_destroy(&h->lock);
	pthread_cond_destroy(&h->more);
	sodium_memzero(h->jobs, sizeof h->jobs);
	free(h);
}

static struct job *take(struct web_hasher *h, const char *password)
{
	size_t length = strlen(password);
	if (length > PASSWORD_BYTES) {
		errno = EINVAL;
		return NULL;
	}
	for (unsigned i = 0; i < WEB_HASHES; i++) {
		struct job *job = &h->jobs[i];
		if (job->taken)
			continue;
		*job = (struct job){.hasher = h, .taken = true};
		memcpy(job->password, password, length + 1);
		return job;
	}
	errno = EBUSY;
	return NULL;
}

static void put(struct web_hasher *h, struct job *job)
{
	pthread_mutex_lock(&h->lock);
	h->queue[(h->first + h->count++) % WEB_HASHES] = job;
	pthread_cond_signal(&h->more);
	pthread_mutex_unlock(&h->lock);
}

int web_hasher_make(struct web_hasher *h, const char *password, web_hash_made made, void *context)
{
	struct job *job = take(h, password);
	if (!job)
		return -errno;
	job->make = true;
	job->made = made;
	job->context = context;
	put(h, job);
	return 0;
}

int web_hasher_check(struct web_hasher *h, const char *hash, const char *password, web_hash_checked checked, void *context)
{
	// what is too long cannot fit, but is to take as long as what does not
	struct job *job = take(h, strlen(password) > PASSWORD_BYTES ? "" : password);
	if (!job)
		return -errno;
	job->known = hash && strlen(hash) < sizeof job->hash && strlen(password) <= PASSWORD_BYTES;
	if (job->known)
		memcpy(job->hash, hash, strlen(hash) + 1);
	job->checked = checked;
	job->context = context;
	put(h, job);
	return 0;
}

uint64_t web_hasher_hashes(const struct web_hasher *h)
{
	return h->hashes;
}
