// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Ports want rights when they are opened, and an engine that died is started again at any time. So somebody must keep these rights. It is
// not the supervisor, which reads configurations and answers questions, but a child of it that can do one thing: exec the engine, with
// arguments fixed when it began. It maps no packet, opens no file, and hears nothing but a list of descriptors; the rights are not in force
// in itself. The engine gives them up as soon as its ports run.
//
// The engine becomes a child of the supervisor all the same (CLONE_PARENT), which waits for it and kills it like the others.
//
// Thread: the supervisor's only one.
#pragma once

#include <stdint.h>
#include <sys/types.h>

enum { YG_STARTER_FDS_MAX = 100 }; // numbers of model/process.h lie below

// Forks the starter. `path` and `argv` are what it will exec, again and again. It takes the user `uid` and group `gid` and keeps the
// capabilities `rights` for what it execs. The socket to it, or a negative errno; then there is none.
int yg_starter_start(const char *path, char *const *argv, uid_t uid, gid_t gid, uint64_t rights);

// Starts one engine that finds fds[i] at number i, for each i below YG_STARTER_FDS_MAX with fds[i] >= 0. Its pid, as of fork, or a negative
// errno; -EPIPE: the starter has died, and no engine can be started any more.
pid_t yg_starter_spawn(int starter, const int *fds);

// Waits for the answer that was not there in time (-ETIMEDOUT). Until it has come no other engine may be asked for.
pid_t yg_starter_answer(int starter);
