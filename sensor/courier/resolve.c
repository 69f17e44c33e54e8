// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See resolve.h. The question is shared by two owners, the asker and the thread; whoever lets go last frees it. A
// thread and not getaddrinfo_a, which keeps a pool of threads of its own for the life of the process.
#include "courier/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { PENDING, ANSWERED, ABANDONED };

struct yg_resolve {
	_Atomic int state;
	char host[256];
	struct yg_resolved resolved; // thread: w until ANSWERED; asker: r afterwards
};

static void ask(struct yg_resolve *resolve)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC}, *list = NULL;
	struct yg_resolved *resolved = &resolve->resolved;
	int error = getaddrinfo(resolve->host, NULL, &hints, &list);
	if (error) {
		resolved->error = gai_strerror(error);
		return;
	}
	for (struct addrinfo *a = list; a && resolved->count < YG_RESOLVE_MAX; a = a->ai_next)
		if (getnameinfo(a->ai_addr, a->ai_addrlen, resolved->address[resolved->count], YG_RESOLVE_TEXT, NULL, 0,
		                NI_NUMERICHOST) == 0)
			resolved->count++;
	freeaddrinfo(list);
	if (resolved->count == 0)
		resolved->error = "no address";
}

static void *run(void *argument)
{
	struct yg_resolve *resolve = argument;
	ask(resolve);
	if (atomic_exchange(&resolve->state, ANSWERED) == ABANDONED)
		free(resolve);
	return NULL;
}

struct yg_resolve *yg_resolve_start(const char *host)
{
	struct yg_resolve *resolve = calloc(1, sizeof *resolve);
	if (!resolve)
		return NULL;
	size_t n = strnlen(host, sizeof resolve->host - 1);
	memcpy(resolve->host, host, n);
	pthread_t thread;
	int error = pthread_create(&thread, NULL, run, resolve);
	if (error) {
		free(resolve);
		errno = error;
		return NULL;
	}
	pthread_detach(thread);
	return resolve;
}

int yg_resolve_poll(struct yg_resolve *resolve, struct yg_resolved *ret_resolved)
{
	if (atomic_load(&resolve->state) == PENDING)
		return 0;
	*ret_resolved = resolve->resolved;
	free(resolve);
	return 1;
}

void yg_resolve_abandon(struct yg_resolve *resolve)
{
	if (resolve && atomic_exchange(&resolve->state, ABANDONED) == ANSWERED)
		free(resolve);
}
