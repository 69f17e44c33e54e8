// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The control socket: a UNIX socket (0660) on which the supervisor answers, from its watch loop, never waiting. Who may ask is what the
// kernel says of the peer (SO_PEERCRED, SO_PEERGROUPS): root, the sensor's own user, members of its group; `reload` root and that user
// alone.
//
// Bounded: eight clients (the one longest silent goes for a new one), a request and an answer at a time for each, ten seconds of silence.
// One request a client a turn, so that nobody can keep the supervisor from watching.
//
// Thread: the supervisor's only one.
#pragma once

#include <stdint.h>
#include <sys/types.h>
#include <sys/un.h>

#include "base/counter.h"
#include "cli/control_request.h"

enum { YG_CONTROL_CLIENTS = 8, YG_CONTROL_IDLE_MS = 10000 };

struct yg_control_hooks {
	void *context;
	size_t (*stats)(void *context, char *buffer, size_t size);   // 0: does not fit
	size_t (*metrics)(void *context, char *buffer, size_t size);
	int (*reload)(void *context); // 0 or negative errno; NULL: there is nothing to reload
	void *reload_context;
	size_t answer_max;
};

struct yg_control_client {
	int fd; // -1: free
	int64_t active_ms;
	bool may_change;
	struct yg_control_reader in;
	char *out; // NULL: nothing to send
	size_t out_length, out_sent;
};

struct yg_control {
	int fd; // -1: not listening
	struct sockaddr_un address;
	dev_t device; // of the socket's file: another's is not removed
	ino_t inode;
	struct yg_control_hooks hooks;
	struct yg_counter *counters; // YG_CTL_COUNT
	struct yg_control_client clients[YG_CONTROL_CLIENTS];
};

// A listening UNIX socket, not blocking, close-on-exec, mode 0660, of user and group `uid` and `gid` ((uid_t)-1: as it comes). Makes the
// folder if only that is missing. A socket that nobody listens on any more is replaced; -EADDRINUSE when somebody does. The descriptor
// or a negative errno.
int yg_control_bind(const char *path, uid_t uid, gid_t gid);

// 0 or a negative errno; then every other call does nothing.
int yg_control_open(struct yg_control *control, const char *path, uid_t uid, gid_t gid, const struct yg_control_hooks *hooks,
		    struct yg_counter *counters);
void yg_control_close(struct yg_control *control);

// One turn. Returns at once.
void yg_control_turn(struct yg_control *control, int64_t now_ms);

// ---- the other end ----

// Waits at most timeout_ms for each step. A connected socket or a negative errno.
int yg_control_connect(const char *path, int timeout_ms);
// The answer, NUL-ended, to be freed; NULL and errno.
char *yg_control_ask(int fd, const char *request, size_t answer_max, size_t *ret_length);
