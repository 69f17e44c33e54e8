// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// eve.socket: the line as it stands in the EVE file, newline and all, in a datagram likewise: Suricata's consumers read one as the other.
#include <string.h>

#include "courier/line_socket.h"

static size_t render(void *context, const struct yg_spool_entry *entry, char *buffer, size_t size, bool *ret_cut)
{
	(void)context;
	if (entry->length > size) { // no line of ours is so long
		*ret_cut = true;
		return 0;
	}
	memcpy(buffer, entry->line, entry->length);
	return entry->length;
}

struct yg_sink *yg_sink_socket_create(const struct yg_peer *peer, struct yg_spool *spool, struct yg_courier_stats *stats)
{
	const struct yg_line_socket_options options = {
		.peer = *peer,
		.which = YG_SPOOL_SOCKET,
		.counters = YG_CC_SOCKET_UP,
		.name = "eve.socket",
		.render = render,
	};
	return yg_line_socket_create(&options, spool, stats);
}
