// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The supervisor's side of metrics and control: what only it knows goes into struct yg_supervisor_stats once a second; it answers on the
// control socket itself, and starts (again) the process that serves Prometheus. That process is this program anew, with six descriptors:
// the listening socket, the four segments opened for reading only, and the pipe that tells whether the supervisor lives. It parses HTTP
// and therefore must not be the supervisor.
//
// Neither socket is worth a sensor that does not start: what cannot be had is said, and the run goes on without it.
//
// Thread: the supervisor's only one.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/board.h"
#include "cli/books.h"
#include "cli/control.h"
#include "cli/metrics.h"
#include "cli/supervisor.h"

enum { YG_LAG_MARKS = 1024 };

// When how many alerts had been sent, to tell how long the oldest waits.
struct yg_lag {
	struct {
		int64_t ms;
		uint64_t sent;
	} mark[YG_LAG_MARKS];
	unsigned first, count;
};

struct yg_metrics {
	struct yg_supervisor *supervisor;
	struct yg_supervisor_stats *shared; // NULL: nothing is open
	const char *program;                // what is exec'ed to serve; tests name another one
	int fd, listen_fd;                  // -1: none
	char path[108];                     // of a UNIX socket, to be removed
	pid_t pid;                          // of the server, 0: none
	int pidfd;
	int64_t next_ms, retry_ms;
	struct yg_lag lag;
	struct yg_books books;
	struct yg_board_watch board;
	struct yg_control control;
};

// Opens both sockets by the options metrics.listen and control.socket. After yg_supervisor_init and before rights are given up: folders
// below /run are root's. `reload` may be NULL. 0, or a negative errno (no memory) after which the other two do nothing.
int yg_metrics_open(struct yg_metrics *metrics, struct yg_supervisor *supervisor, int (*reload)(void *context), void *context);

// Each turn of the watch loop. Returns at once.
void yg_metrics_turn(struct yg_metrics *metrics);

// After each try to reload, whoever asked for it: counts it, and takes over what the new configuration says of sizes and bodies.
void yg_metrics_reloaded(struct yg_metrics *metrics, bool done);

// Ends the server and removes the sockets.
void yg_metrics_close(struct yg_metrics *metrics);

// The age in ms of the oldest of the alerts that were sent but not delivered, by a look of once a second.
int64_t yg_lag_look(struct yg_lag *lag, int64_t now_ms, uint64_t sent, uint64_t delivered);

// "/run/yagura/metrics.sock", "127.0.0.1:9598" or "[::1]:9598" to a listening socket; -EADDRNOTAVAIL: another address than this host's own.
int yg_metrics_listen(const char *where, uid_t uid, gid_t gid);

// ---- the server ----

#define YG_METRICS_SERVER "serve-metrics" // argv[1]; no command for people

// The descriptors that it finds.
enum {
	YG_SERVE_LISTEN = 3,
	YG_SERVE_SUPERVISOR,
	YG_SERVE_ENGINE,
	YG_SERVE_DISSECTOR,
	YG_SERVE_COURIER,
	YG_SERVE_ALIVE,
	YG_SERVE_END,
};

int yg_metrics_server_main(void);
