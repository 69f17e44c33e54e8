// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What a process gives up, and proof that it is gone: users and groups, capabilities of every thread, system calls. libc and raw calls
// alone: engine, courier and supervisor have one foreign library each at most, and this is none of them. (The dissector has a sandbox of
// its own, dissector/sandbox.h.)
//
// Nothing here can be undone. Every function answers 0 or a negative errno; on an error the caller must end, since it holds rights that
// nobody reckons with. Thread: main, while no other thread of the process changes its rights.
#pragma once

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// Who may call what: one bit for each process, and more bits for what its configuration asks for (confine_calls.c).
enum yg_confined {
	YG_CONFINED_ENGINE = 1,     // a live engine whose ports are started and whose threads exist
	YG_CONFINED_REPLAY = 2,     // an engine whose capture files are open
	YG_CONFINED_COURIER = 4,    // its EVE file is open
	YG_CONFINED_SUPERVISOR = 8, // handed down to what it starts, so whatever these need before they confine themselves is in it
	YG_CONFINED_STARTER = 16,   // starts engines with the rights to open ports, and hands down its list to them
	YG_CONFINED_METRICS = 1024, // answers on a socket that it was given
	YG_CONFINED_UNIX = 32,      // courier: a sink is at a UNIX socket
	YG_CONFINED_INET = 64,      // courier: a sink is at an address or name
	YG_CONFINED_CARD = 128,     // engine: a card, whose driver may ask the kernel for counters through sockets and files
	YG_CONFINED_XDP = 256,      // engine: AF_XDP, whose queues are woken by calls
	YG_CONFINED_SPOOL = 2048,    // courier: the folder of its spool is open, in which it makes, renames and removes files
	YG_CONFINED_ROTATE = 4096,   // courier: files in the folder of the EVE file are renamed, compressed and removed
	YG_CONFINED_WEB = 8192,      // dashboard: its socket listens, its audit log is open; and UNIX or INET for Redis
	YG_CONFINED_TELEMETRY = 512, // engine: DPDK's telemetry, which begins a thread for each client
};

// False in a build whose run-time (a sanitizer's) needs calls of its own: there are no filters then.
bool yg_confine_works(void);

// The calling process takes this user and group, alone (no supplementary groups), unless it has them already; keeps at most the
// capabilities `keep`, not in force but handed to what it execs; gives up all others, from the bounding set too where it may; and can gain
// none by exec. What it execs must call yg_confine_rights. For a process of one thread.
int yg_confine_user(uid_t uid, gid_t gid, uint64_t keep);

// Every thread of the calling process has no capability any more, of no kind; no new privileges; no core file, and nobody may look into its
// memory. Read back from the kernel thread by thread. Another call does nothing. The bounding set is emptied where CAP_SETPCAP was left.
int yg_confine_rights(void);

// From now on any call that is not in the list of `who` (enum yg_confined, added up) ends the process by SIGSYS. All threads.
// -ENOSYS: this kernel has no filters.
int yg_confine_calls(unsigned who);

// Both at once, as every process but the supervisor and the starter does when it has opened what it needs; says why it could not. A kernel
// without filters is a warning: everything else holds.
int yg_confine_process(unsigned who);

// What `ports`, the value of capture.ports, asks for besides: YG_CONFINED_CARD, YG_CONFINED_XDP.
unsigned yg_confine_ports(const char *ports);

// The program of that list, for tests. The number of instructions, or -ENOSPC when it takes more than `size`; -ENOTSUP on a machine whose
// calls are not known.
int yg_confine_program(unsigned who, struct sock_filter *program, size_t size);

// Capabilities permitted to the calling thread. 0 when there are none.
uint64_t yg_confine_permitted(void);
