// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A sink that sends each entry of the spool as one message over a socket: sink_socket.c and sink_syslog.c say what a message looks like.
// It connects by itself, rests 0.1 to 10 s after a failure, never waits, and keeps its own position.
//
// Entries are sent in batches of at most 256 KiB, and the next one begins when the one before is known to be with the peer:
//
//   unix_stream  the kernel says that the peer has read all of it: what it has not read is sent again, a line that was cut whole
//   unix_dgram   likewise; but a peer that dies empties its queue as one that reads does, so when the next message is refused, the last
//                batch is sent again
//   tcp          the peer's kernel has confirmed it. A peer that closes with data unread resets the connection: then what was sent on it
//                is sent again, as much as such a kernel's buffer may have held (LINE_SOCKET_BACK bytes). A plain end is none of these:
//                a kernel sends it only when all was read
//   udp          once, without a word from the peer; in bursts that the buffer of a socket holds (212 KB, as Linux is set up), because
//                nobody says when it overflows
//
// So each message arrives at least once but for udp. Nobody tells a courier that takes over from one that died whether a connection was
// reset behind it: it sends again what that one would have, too, and for unix_dgram the last batch. One that takes over from one that
// ended does not, but for a batch that was out. What is sent again must still be in the spool: on disk it is, in memory only what no
// sink has passed yet. Thread: the courier's.
#pragma once

#include "courier/peer.h"
#include "courier/sink.h"
#include "model/stats.h"

enum {
	YG_LINE_SOCKET_BATCH = 256 * 1024,       // bytes
	YG_LINE_SOCKET_MESSAGES = 256,           // of a batch
	YG_LINE_SOCKET_BURST = 64,               // of a batch over udp, and then a pause
	YG_LINE_SOCKET_BURST_MS = 5,
	YG_LINE_SOCKET_MESSAGE_MAX = 56 * 1024,  // of one
	YG_LINE_SOCKET_BACK = 6 * 1024 * 1024,   // the most that the kernel of a peer keeps unread, as Linux is set up
	YG_LINE_SOCKET_BACK_BATCHES = 4096,
	YG_LINE_SOCKET_BACK_S = 600,             // and nothing older
};

// Counters of such a sink, in this order from `counters` on.
enum yg_line_socket_counter { YG_LINE_UP, YG_LINE_SENT, YG_LINE_CONNECTS, YG_LINE_ERRORS, YG_LINE_RESENT, YG_LINE_CUT };

struct yg_line_socket_options {
	struct yg_peer peer;
	enum yg_spool_sink which;
	enum yg_courier_counter counters; // the first of them
	const char *name;                 // for the log; not owned
	// Writes the message of an entry. Its length; 0: there is none for this one. *ret_cut: not all of it found room.
	size_t (*render)(void *context, const struct yg_spool_entry *entry, char *buffer, size_t size, bool *ret_cut);
	void (*finish)(void *context); // at the end of the sink; NULL: nothing to do
	void *context;
};

// Not yet connected. Keeps the pointers. NULL and errno on failure: the context stays the caller's. The sink is the caller's to destroy.
struct yg_sink *yg_line_socket_create(const struct yg_line_socket_options *options, struct yg_spool *spool, struct yg_courier_stats *stats);

// sink_socket.c: the EVE line with its newline, as it stands in the file. NULL and errno.
struct yg_sink *yg_sink_socket_create(const struct yg_peer *peer, struct yg_spool *spool, struct yg_courier_stats *stats);

// sink_syslog.c: one message of at most size - 1 bytes. Its length, and whether something was left out; 0: the line is no alert, or is none
// of ours. For tests, and for the sink below.
size_t yg_syslog_message(const char *line, size_t length, bool cef, unsigned facility, char *buffer, size_t size, bool *ret_cut);

// sink_syslog.c: RFC 5424, over UDP as in RFC 5426, over TCP with octet counting as in RFC 6587 3.4.1. `facility`: 0 to 23. NULL and errno.
struct yg_sink *yg_sink_syslog_create(const struct yg_peer *peer, bool cef, unsigned facility, struct yg_spool *spool,
                                      struct yg_courier_stats *stats);
