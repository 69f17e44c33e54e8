// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See line_socket.h. A state machine over one non-blocking socket, with deadlines of its own.
//
// Whether a peer on this host has read everything is asked with SIOCOUTQ, and after that, whether it has hung up: the kernel marks our end
// before it throws away what the peer had not read, so an empty queue and no mark means read.
#include "courier/line_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/time.h"
#include "courier/resolve.h"

#define REST_FIRST_NS (100 * (uint64_t)YG_NS_PER_MS)
#define REST_MAX_NS (10 * (uint64_t)YG_NS_PER_S)
#define CONNECT_NS (2 * (uint64_t)YG_NS_PER_S) // and to resolve a name
#define SAY_AGAIN_NS (60 * (uint64_t)YG_NS_PER_S)
#define LOOK_NS (100 * (uint64_t)YG_NS_PER_MS) // how often an idle connection is looked at

enum { UNANSWERED_MS = 60000 }; // bytes that a kernel elsewhere does not confirm, before the connection counts as dead

enum phase { RESTING, RESOLVING, CONNECTING, OPEN };

struct batch {
	uint64_t position, at_ns;
	size_t bytes;
};

struct line_socket {
	struct yg_sink sink; // first: they are one to the courier
	struct yg_line_socket_options o;
	struct yg_spool *spool;         // not owned
	struct yg_courier_stats *stats; // not owned

	enum phase phase;
	int fd;
	struct yg_resolve *resolve;
	uint64_t deadline_ns, retry_ns, rest_ns, looked_ns, burst_ns;
	uint32_t attempts, random;
	bool deaf;        // unix_stream: the peer has shut down its writing side, and reads on
	bool failing;     // said
	uint64_t said_ns; // when; a UDP peer that is away comes and goes with every message

	uint64_t confirmed; // everything before this position is with the peer
	uint64_t next;      // the next to be rendered; between the two lies the batch
	uint64_t resend;    // what lies before it was sent once already
	uint64_t in_doubt;  // datagrams: where the batch before this one began, until one of this one is taken; else as `confirmed`
	size_t length, sent;
	unsigned messages, messages_sent;
	size_t end[YG_LINE_SOCKET_MESSAGES];        // in the buffer
	uint64_t place[YG_LINE_SOCKET_MESSAGES];    // in the spool
	struct batch back[YG_LINE_SOCKET_BACK_BATCHES]; // of this connection, tcp; a ring
	uint64_t backs, back_from; // how many there were; from here on they may still be unread
	size_t back_bytes;         // of those
	char buffer[YG_LINE_SOCKET_BATCH];
};

static struct line_socket *own(struct yg_sink *sink)
{
	return (struct line_socket *)sink;
}

static void count(struct line_socket *s, enum yg_line_socket_counter counter, uint64_t n)
{
	yg_counter_add(&s->stats->c[(unsigned)s->o.counters + counter], n);
}

static void set_up(struct line_socket *s, bool up)
{
	yg_counter_set(&s->stats->c[(unsigned)s->o.counters + YG_LINE_UP], up);
}

// ---- failure ----

static void forget_batch(struct line_socket *s)
{
	s->length = s->sent = 0;
	s->messages = s->messages_sent = 0;
}

static struct batch *back_at(struct line_socket *s, uint64_t i)
{
	return &s->back[i % YG_LINE_SOCKET_BACK_BATCHES];
}

static void forget_old(struct line_socket *s, uint64_t now_ns)
{
	while (s->back_from < s->backs && (s->back_bytes > YG_LINE_SOCKET_BACK ||
	                                   now_ns - back_at(s, s->back_from)->at_ns > YG_LINE_SOCKET_BACK_S * (uint64_t)YG_NS_PER_S))
		s->back_bytes -= back_at(s, s->back_from++)->bytes;
}

// Where the unread bytes of a connection that was reset may have begun.
static uint64_t place_of_unread(struct line_socket *s, uint64_t now_ns)
{
	forget_old(s, now_ns);
	return s->back_from < s->backs ? back_at(s, s->back_from)->position : s->confirmed;
}

// `ended`: the peer has closed, and had read everything.
static void go_back(struct line_socket *s, bool ended, uint64_t now_ns)
{
	uint64_t place = s->confirmed, oldest = yg_spool_oldest(s->spool);
	if (s->o.peer.kind == YG_PEER_UDP && s->messages_sent)
		place = s->messages_sent < s->messages ? s->place[s->messages_sent] : s->next;
	else if (s->o.peer.kind == YG_PEER_UNIX_DGRAM)
		place = s->in_doubt;
	else if (s->o.peer.kind == YG_PEER_TCP && !ended)
		place = place_of_unread(s, now_ns);
	uint64_t begun = s->confirmed; // behind the last message of which a byte was sent
	for (unsigned i = 0; i < s->messages && (i ? s->end[i - 1] : 0) < s->sent; i++)
		begun = s->place[i] + 1;
	if (s->o.peer.kind != YG_PEER_UDP)
		s->resend = begun > s->resend ? begun : s->resend;
	s->confirmed = s->next = s->in_doubt = place > oldest ? place : oldest;
	s->backs = s->back_from = s->back_bytes = 0;
	forget_batch(s);
}

// A fifth more or less, so that many sensors do not come back at the same moment. Marsaglia's xorshift.
static uint64_t jitter(struct line_socket *s, uint64_t ns)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 17;
	s->random ^= s->random << 5;
	return ns - ns / 5 + ns / 5 * 2 / 1024 * (s->random & 1023);
}

static void close_all(struct line_socket *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	yg_resolve_abandon(s->resolve);
	s->resolve = NULL;
	set_up(s, false);
}

static void fail(struct line_socket *s, uint64_t now_ns, const char *text, bool ended)
{
	count(s, YG_LINE_ERRORS, 1);
	if (!s->failing && (!s->said_ns || now_ns - s->said_ns >= SAY_AGAIN_NS)) {
		yg_warn("%s: %s; trying again（再試行します）", s->o.name, text);
		s->failing = true;
		s->said_ns = now_ns;
	}
	close_all(s);
	go_back(s, ended, now_ns);
	s->phase = RESTING;
	s->retry_ns = now_ns + jitter(s, s->rest_ns);
	s->rest_ns = s->rest_ns * 2 > REST_MAX_NS ? REST_MAX_NS : s->rest_ns * 2;
}

// ---- connecting ----

static void opened(struct line_socket *s)
{
	s->phase = OPEN;
	s->deaf = false;
	set_up(s, true);
	count(s, YG_LINE_CONNECTS, 1);
}

// Failures are of no consequence.
static void set_options(int fd)
{
	int on = 1, idle = 15, interval = 5, probes = 3;
	unsigned unanswered = UNANSWERED_MS;
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unanswered, sizeof unanswered);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void connect_to(struct line_socket *s, const struct sockaddr *address, socklen_t length, uint64_t now_ns)
{
	int type = yg_peer_is_stream(&s->o.peer) ? SOCK_STREAM : SOCK_DGRAM;
	s->fd = socket(address->sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0) {
		fail(s, now_ns, strerror(errno), true);
		return;
	}
	if (s->o.peer.kind == YG_PEER_TCP)
		set_options(s->fd);
	if (connect(s->fd, address, length) == 0) {
		opened(s);
	} else if (errno == EINPROGRESS) {
		s->phase = CONNECTING;
		s->deadline_ns = now_ns + CONNECT_NS;
	} else {
		fail(s, now_ns, strerror(errno), true);
	}
}

// False when the text is no number of an address.
static bool connect_number(struct line_socket *s, const char *text, uint64_t now_ns)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(s->o.peer.port)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(s->o.peer.port)};
	if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
		connect_to(s, (const struct sockaddr *)&in, sizeof in, now_ns);
	else if (inet_pton(AF_INET6, text, &in6.sin6_addr) == 1)
		connect_to(s, (const struct sockaddr *)&in6, sizeof in6, now_ns);
	else
		return false;
	return true;
}

static void start(struct line_socket *s, uint64_t now_ns)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	s->attempts++;
	if (yg_peer_is_unix(&s->o.peer)) {
		memcpy(un.sun_path, s->o.peer.path, sizeof un.sun_path);
		connect_to(s, (const struct sockaddr *)&un, sizeof un, now_ns);
		return;
	}
	if (connect_number(s, s->o.peer.host, now_ns))
		return;
	s->resolve = yg_resolve_start(s->o.peer.host);
	s->phase = RESOLVING;
	s->deadline_ns = now_ns + CONNECT_NS;
	if (!s->resolve)
		fail(s, now_ns, strerror(errno), true);
}

static bool step_resolving(struct line_socket *s, uint64_t now_ns)
{
	struct yg_resolved resolved;
	if (!yg_resolve_poll(s->resolve, &resolved)) {
		if (now_ns < s->deadline_ns)
			return false;
		fail(s, now_ns, "the name of its host is not resolved in time", true);
		return true;
	}
	s->resolve = NULL;
	if (resolved.count == 0)
		fail(s, now_ns, resolved.error, true);
	else if (!connect_number(s, resolved.address[(s->attempts - 1) % (uint32_t)resolved.count], now_ns))
		fail(s, now_ns, "an address with a scope", true); // fe80::1%eth0
	return true;
}

static bool step_connecting(struct line_socket *s, uint64_t now_ns)
{
	struct pollfd ready = {s->fd, POLLOUT, 0};
	int error = 0;
	socklen_t length = sizeof error;
	if (poll(&ready, 1, 0) <= 0) {
		if (now_ns < s->deadline_ns)
			return false;
		fail(s, now_ns, "no connection in time", true);
		return true;
	}
	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
		error = errno;
	if (error)
		fail(s, now_ns, strerror(error), true);
	else
		opened(s);
	return true;
}

// ---- sending ----

static void fill(struct line_socket *s)
{
	unsigned most = s->o.peer.kind == YG_PEER_UDP ? YG_LINE_SOCKET_BURST : YG_LINE_SOCKET_MESSAGES;
	while (s->messages < most && s->next < yg_spool_end(s->spool)) {
		struct yg_spool_entry entry;
		bool cut = false;
		size_t room = sizeof s->buffer - s->length;
		if (room < YG_LINE_SOCKET_MESSAGE_MAX || !yg_spool_get(s->spool, s->o.which, s->next, &entry))
			break;
		size_t n = entry.length ? s->o.render(s->o.context, &entry, s->buffer + s->length, room, &cut) : 0;
		if (n) {
			s->length += n;
			s->place[s->messages] = s->next;
			s->end[s->messages++] = s->length;
		}
		count(s, YG_LINE_CUT, cut);
		s->next++;
	}
	if (!s->messages) // nothing for us there
		s->confirmed = s->next;
}

// A peer on this host that only shuts down its writing side, as journald does, reads on: the kernel tells that from an end.
static bool reads_on(const struct line_socket *s)
{
	struct pollfd end = {s->fd, 0, 0};
	return s->o.peer.kind == YG_PEER_UNIX_STREAM && poll(&end, 1, 0) == 0;
}

// True when the peer has hung up: the sink has failed then. What it says is read and passed over.
static bool hung_up(struct line_socket *s, uint64_t now_ns)
{
	char bytes[4096];
	s->looked_ns = now_ns;
	for (int i = 0; i < 16; i++) {
		ssize_t n = recv(s->fd, bytes, sizeof bytes, MSG_DONTWAIT);
		if (n > 0 || (n < 0 && errno == EINTR) || (n == 0 && !yg_peer_is_stream(&s->o.peer)))
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return false;
		if (n == 0 && (s->deaf = reads_on(s)))
			return false;
		fail(s, now_ns, n < 0 ? strerror(errno) : "the peer has closed the connection", n == 0);
		return true;
	}
	return false;
}

// The next piece: for a stream what is left, else one message.
static ssize_t send_some(struct line_socket *s)
{
	size_t end = yg_peer_is_stream(&s->o.peer) ? s->length : s->end[s->messages_sent];
	return send(s->fd, s->buffer + s->sent, end - s->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
}

// After one message more. A datagram that no socket takes is left out.
static void message_sent(struct line_socket *s, bool taken)
{
	s->sent = s->end[s->messages_sent++];
	if (taken)
		s->in_doubt = s->confirmed; // a peer that takes this one has lived to read those before
	else
		count(s, YG_LINE_CUT, 1);
}

// True when something moved; the sink may have failed.
static bool transmit(struct line_socket *s, uint64_t now_ns)
{
	bool moved = false;
	while (s->sent < s->length) {
		ssize_t n = send_some(s);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS))
			return moved;
		if (n < 0 && (errno != EMSGSIZE || yg_peer_is_stream(&s->o.peer))) {
			fail(s, now_ns, strerror(errno), errno == EPIPE && s->o.peer.kind != YG_PEER_TCP);
			return true;
		}
		if (yg_peer_is_stream(&s->o.peer))
			s->sent += (size_t)n;
		else
			message_sent(s, n >= 0);
		moved = true;
	}
	return moved;
}

static void note_back(struct line_socket *s, uint64_t now_ns)
{
	if (s->backs - s->back_from == YG_LINE_SOCKET_BACK_BATCHES)
		s->back_bytes -= back_at(s, s->back_from++)->bytes;
	*back_at(s, s->backs++) = (struct batch){s->confirmed, now_ns, s->length};
	s->back_bytes += s->length;
	forget_old(s, now_ns);
}

static void batch_confirmed(struct line_socket *s, uint64_t now_ns)
{
	uint64_t again = 0;
	while (again < s->messages && s->place[again] < s->resend)
		again++;
	if (s->o.peer.kind == YG_PEER_TCP)
		note_back(s, now_ns);
	s->in_doubt = s->confirmed;
	s->confirmed = s->next;
	count(s, YG_LINE_SENT, s->messages);
	count(s, YG_LINE_RESENT, again);
	forget_batch(s);
	s->burst_ns = now_ns + YG_LINE_SOCKET_BURST_MS * (uint64_t)YG_NS_PER_MS;
	s->rest_ns = REST_FIRST_NS;
	if (s->failing)
		yg_info("%s: delivering again（配送を再開しました）", s->o.name);
	s->failing = false;
}

// True when all of the batch is with the peer's kernel, and that has said that it sends nothing more: no reset, so what came before was
// read, or the peer reads on. Its program can tell us no more, and without this the same batch would be sent for ever.
// A reset that comes behind its end is not seen by recv, which goes on to say "the end": the state of the connection tells.
static bool ended_behind_batch(const struct line_socket *s)
{
	char byte;
	struct tcp_info info = {0};
	socklen_t size = sizeof info;
	return s->o.peer.kind == YG_PEER_TCP && recv(s->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0 &&
	       getsockopt(s->fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && info.tcpi_state == TCP_CLOSE_WAIT;
}

// The batch is out: is it with the peer? The sink may have failed.
static bool confirm(struct line_socket *s, uint64_t now_ns)
{
	int queued = 0;
	if (s->o.peer.kind != YG_PEER_UDP && (ioctl(s->fd, SIOCOUTQ, &queued) < 0 || queued > 0)) {
		// what its kernel has not confirmed yet may still be on its way to one that says no more: a reset or TCP_USER_TIMEOUT ends that
		bool ended = ended_behind_batch(s);
		s->deaf |= ended;
		return ended ? false : hung_up(s, now_ns);
	}
	if (!ended_behind_batch(s) && hung_up(s, now_ns))
		return true;
	batch_confirmed(s, now_ns);
	return true;
}

static bool step_open(struct line_socket *s, uint64_t now_ns)
{
	uint64_t before = s->next;
	if (!s->length && (s->o.peer.kind != YG_PEER_UDP || now_ns >= s->burst_ns))
		fill(s);
	bool moved = s->next != before;
	if (!s->length)
		return (now_ns - s->looked_ns >= LOOK_NS && hung_up(s, now_ns)) || moved;
	if (s->sent < s->length)
		moved |= transmit(s, now_ns);
	if (s->phase != OPEN)
		return true;
	if (s->sent == s->length)
		return confirm(s, now_ns) || moved;
	return (now_ns - s->looked_ns >= LOOK_NS && hung_up(s, now_ns)) || moved;
}

static bool step(struct yg_sink *sink, uint64_t now_ns)
{
	struct line_socket *s = own(sink);
	switch (s->phase) {
	case RESTING:
		if (now_ns < s->retry_ns)
			return false;
		start(s, now_ns);
		return true;
	case RESOLVING:
		return step_resolving(s, now_ns);
	case CONNECTING:
		return step_connecting(s, now_ns);
	default:
		return step_open(s, now_ns);
	}
}

static uint64_t position(const struct yg_sink *sink)
{
	return ((const struct line_socket *)sink)->confirmed;
}

static uint64_t again(struct yg_sink *sink, bool ending, uint64_t now_ns)
{
	struct line_socket *s = own(sink);
	if (ending && s->phase == OPEN && !s->deaf)
		hung_up(s, now_ns);
	if (!ending && s->o.peer.kind == YG_PEER_TCP && s->phase == OPEN)
		return place_of_unread(s, now_ns);
	return !ending && s->o.peer.kind == YG_PEER_UNIX_DGRAM ? s->in_doubt : s->confirmed;
}

static int wait_fd(const struct yg_sink *sink, short *ret_events)
{
	const struct line_socket *s = (const struct line_socket *)sink;
	if (s->phase != CONNECTING && (s->phase != OPEN || !s->length))
		return -1;
	short in = s->deaf ? 0 : POLLIN; // else the end of what it says would be there at every look
	*ret_events = (short)(s->phase == CONNECTING ? POLLOUT : in | (s->sent < s->length ? POLLOUT : 0));
	return s->fd;
}

static void destroy(struct yg_sink *sink)
{
	struct line_socket *s = own(sink);
	close_all(s);
	if (s->o.finish)
		s->o.finish(s->o.context);
	free(s);
}

static const struct yg_sink_ops line_socket_ops = {step, position, again, wait_fd, destroy};

struct yg_sink *yg_line_socket_create(const struct yg_line_socket_options *options, struct yg_spool *spool, struct yg_courier_stats *stats)
{
	struct line_socket *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->sink = (struct yg_sink){&line_socket_ops, options->which};
	s->o = *options;
	s->spool = spool;
	s->stats = stats;
	s->fd = -1;
	s->rest_ns = REST_FIRST_NS;
	s->confirmed = s->next = s->in_doubt = yg_spool_start(spool, options->which);
	s->resend = yg_spool_passed(spool, options->which);
	if (getrandom(&s->random, sizeof s->random, GRND_NONBLOCK) < 0)
		s->random = (uint32_t)(uintptr_t)s;
	s->random |= 1; // xorshift has no way out of 0
	set_up(s, false);
	return &s->sink;
}
