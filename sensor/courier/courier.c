// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The loop: alerts before flows, each sink at its own pace, nobody waits for a slow one. An alert's ring slot is given
// back when every sink has it; a flow record's when its line is in the file, so that the death of this process loses
// nothing (journal.h). Only where the disk refuses are they given back before: flow records may be shed and alerts may
// not, and nothing may hold the engine up for ever. The loop sleeps only when nothing moved, and then for milliseconds,
// so no wake-up is ever needed but the one on the busy ring.
#include "courier/courier.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/time.h"
#include "model/process.h"

enum {
	FLOWS_A_TURN = 256, // then alerts get their turn again
	SLEEP_MS = 10,
	SLEEP_ANSWER_MS = 5,
	LOOK_AROUND_MS = 100, // how often a busy loop asks whether it should end
	ROTATE_MS = 1000,     // how often an idle EVE file is looked at
	ORPHAN_DRAIN_S = 2,   // without a supervisor nobody waits for us
};

static uint64_t monotonic_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * (uint64_t)YG_NS_PER_S + (uint64_t)ts.tv_nsec;
}

static void count(struct yg_courier *courier, enum yg_courier_counter counter, uint64_t n)
{
	yg_counter_add(&courier->stats->c[counter], n);
}

// As yg_sink_file_room, but what has to go to the file first goes by the journal.
static char *room_for(struct yg_courier *courier, size_t size, uint64_t now_ns)
{
	if (YG_SINK_FILE_BUFFER - courier->file.length < size)
		yg_journal_flush(courier, now_ns);
	return yg_sink_file_room(&courier->file, size, now_ns);
}

// A line that is there already, or else the record at hand. False when it had to be dropped.
static bool write_flow(struct yg_courier *courier, size_t length, uint64_t now_ns)
{
	char *room = room_for(courier, YG_EVE_FLOW_MAX, now_ns);
	if (!room) {
		courier->flows_dropped++;
		return false;
	}
	if (length)
		memcpy(room, courier->flow_line, length);
	else
		length = yg_eve_flow(&courier->eve, &courier->flow, room, YG_EVE_FLOW_MAX);
	if (length == 0) {
		courier->flows_too_long++;
		return true;
	}
	yg_sink_file_commit(&courier->file, length, now_ns);
	courier->flows_buffered++;
	return true;
}

// Into the log. A disk that takes nothing just now is waited for while the ring has room; a live engine has its records somewhere to go.
static bool log_flow(struct yg_courier *courier, size_t length, uint64_t now_ns)
{
	const struct yg_ring *ring = &courier->flows_read;
	uint64_t pseq = ring->own + 1;
	int error = yg_spool_offer(courier->spool, YG_SPOOL_FLOW, pseq, courier->flow_line, length, now_ns);
	bool crowded = ring->own - courier->flows.own + yg_ring_available(&courier->flows_read) > ring->count / 4 * 3;
	if (error == -EAGAIN && !crowded)
		return false;
	if (error == -EAGAIN)
		yg_spool_give_up(courier->spool, YG_SPOOL_FLOW, pseq);
	if (error && error != -EEXIST)
		count(courier, YG_CC_SPOOL_FLOWS_SHED, 1);
	else
		courier->flows_offered = pseq;
	return true;
}

// The record at hand, to whoever wants it. False when it must be offered again. *ret_written turns false when the file had to drop it.
static bool take_flow(struct yg_courier *courier, uint64_t now_ns, bool *ret_written)
{
	// What a courier before this one wrote, and the log had not settled, is for the log alone.
	bool new = courier->flows_read.own >= yg_counter_get(&courier->journal->flows);
	size_t length = 0;
	if (!yg_eve_flow_valid(&courier->flow)) {
		courier->flows_invalid += new;
		return true;
	}
	if (courier->log_flows) {
		length = yg_eve_flow(&courier->eve, &courier->flow, courier->flow_line, sizeof courier->flow_line);
		if (length && !log_flow(courier, length, now_ns))
			return false;
		if (!length) {
			courier->flows_too_long += new;
			return true;
		}
	}
	if (new && courier->has_file && courier->write_flows)
		*ret_written &= write_flow(courier, length, now_ns);
	return true;
}

static bool take_flows(struct yg_courier *courier, uint64_t now_ns)
{
	struct yg_ring *ring = &courier->flows_read;
	bool wanted = (courier->has_file && courier->write_flows) || courier->log_flows, all = true;
	uint32_t available = yg_ring_available(ring), n = 0;
	available = available < FLOWS_A_TURN ? available : FLOWS_A_TURN;
	for (; n < available && wanted; n++) {
		memcpy(&courier->flow, yg_ring_slot(ring, ring->own), sizeof courier->flow);
		if (!take_flow(courier, now_ns, &all))
			break;
		yg_ring_pop(ring, 1); // one by one: a record may flush those before it, and the journal must know where it stands
	}
	if (courier->log_flows)
		yg_journal_give_back(courier);
	if (!wanted) {
		yg_ring_pop(ring, available);
		n = available;
	}
	if (n == 0)
		return false;
	count(courier, YG_CC_FLOWS_READ, n);
	if (!all || courier->flows_buffered == 0)
		yg_journal_let_go(courier);
	return true;
}

// Alerts go to the file at once: they are rare, and somebody may be tailing it.
static bool write_alerts(struct yg_courier *courier, uint64_t now_ns)
{
	bool moved = false;
	if (!courier->has_file)
		return false;
	while (courier->file_position < yg_spool_end(courier->spool)) {
		struct yg_spool_entry entry;
		char *room = room_for(courier, YG_EVE_ALERT_MAX, now_ns);
		if (!room || !yg_spool_get(courier->spool, YG_SPOOL_EVE, courier->file_position, &entry))
			break;
		if (entry.length) {
			memcpy(room, entry.line, entry.length);
			yg_sink_file_commit(&courier->file, entry.length, now_ns);
		}
		courier->file_position++;
		moved = true;
	}
	if (courier->file_written < courier->file_position && yg_journal_flush(courier, now_ns) == 0)
		courier->file_written = courier->file_position;
	return moved;
}

static void show_behind(struct yg_courier *courier, enum yg_spool_sink which, uint64_t position)
{
	uint64_t end = yg_spool_end(courier->spool);
	yg_counter_set(&courier->stats->sink_behind[which], end > position ? end - position + 1 : 1);
}

// `ending`: in good order.
static void release(struct yg_courier *courier, bool ending, uint64_t now_ns)
{
	uint64_t position = yg_spool_end(courier->spool);
	if (courier->has_file)
		show_behind(courier, YG_SPOOL_EVE, courier->file_written);
	if (courier->has_file)
		yg_spool_reached(courier->spool, YG_SPOOL_EVE, courier->file_written, courier->file_written);
	if (courier->has_file && courier->file_written < position)
		position = courier->file_written;
	for (unsigned i = 0; i < YG_SPOOL_SINKS; i++) {
		struct yg_sink *sink = courier->sinks[i];
		if (!sink)
			continue;
		uint64_t again = sink->ops->again ? sink->ops->again(sink, ending, now_ns) : UINT64_MAX;
		uint64_t reached = sink->ops->position(sink);
		yg_spool_reached(courier->spool, sink->which, reached, again);
		if (ending && again != UINT64_MAX)
			yg_spool_leave(courier->spool, sink->which, again);
		show_behind(courier, sink->which, reached);
		position = reached < position ? reached : position;
	}
	if (position > yg_spool_first(courier->spool))
		yg_spool_release(courier->spool, position);
}

// The file has nothing to write: it may be another one from now on.
static void look_at_file(struct yg_courier *courier, uint64_t now_ns)
{
	int asked = courier->reopen ? *courier->reopen : 0;
	bool due = courier->file.rotate && now_ns - courier->looked_ns >= ROTATE_MS * (uint64_t)YG_NS_PER_MS;
	if (asked != courier->reopened && courier->file.length)
		yg_journal_flush(courier, now_ns);
	// A new file is opened even when the old one takes nothing: that it be closed may be what its disk waits for.
	if (asked == courier->reopened && (courier->file.length || !due))
		return;
	yg_journal_turn(courier, asked != courier->reopened);
	courier->reopened = asked;
	courier->looked_ns = now_ns;
}

// One round. True when anything moved.
static bool turn(struct yg_courier *courier, uint64_t now_ns)
{
	bool moved = yg_spool_fill(courier->spool, now_ns) > 0;
	moved |= write_alerts(courier, now_ns);
	for (unsigned i = 0; i < YG_SPOOL_SINKS; i++)
		if (courier->sinks[i])
			moved |= courier->sinks[i]->ops->step(courier->sinks[i], now_ns);
	moved |= take_flows(courier, now_ns);
	moved |= yg_points_turn(&courier->points, now_ns);
	if (courier->has_file && courier->file.lines &&
	    (!moved || now_ns - courier->file.oldest_ns >= YG_SINK_FILE_IDLE_MS * (uint64_t)YG_NS_PER_MS))
		yg_journal_flush(courier, now_ns);
	if (courier->has_file)
		look_at_file(courier, now_ns);
	release(courier, false, now_ns);
	return moved;
}

static bool supervisor_is_gone(const struct yg_courier *courier)
{
	struct pollfd alive = {courier->alive_fd, POLLIN, 0};
	return courier->alive_fd >= 0 && poll(&alive, 1, 0) > 0 && (alive.revents & (POLLHUP | POLLERR));
}

static void wait_for_flows(struct yg_courier *courier)
{
	courier->flows.peer = courier->flows_read.peer; // the one has looked where the other has not
	yg_ring_wait_data(&courier->flows, SLEEP_MS);
}

static void sleep_a_little(struct yg_courier *courier)
{
	struct pollfd answers[YG_SPOOL_SINKS];
	nfds_t n = 0;
	for (unsigned i = 0; i < YG_SPOOL_SINKS; i++) {
		answers[n].fd = courier->sinks[i] ? courier->sinks[i]->ops->fd(courier->sinks[i], &answers[n].events) : -1;
		n += answers[n].fd >= 0;
	}
	if (n)
		poll(answers, n, SLEEP_ANSWER_MS);
	else if (courier->flows.own != courier->flows_read.own)
		poll(NULL, 0, SLEEP_MS); // the ring calls slots data that are not given back, and would not let us sleep on it
	else if (!yg_ring_ended(&courier->flows_read))
		wait_for_flows(courier);
	else
		yg_spool_wait(courier->spool, SLEEP_MS);
}

static bool all_read(struct yg_courier *courier)
{
	return yg_spool_ended(courier->spool) && yg_ring_ended(&courier->flows_read);
}

// Those that went back: what was released once is not held for them.
static bool all_sent_again(const struct yg_courier *courier)
{
	for (unsigned i = 0; i < YG_SPOOL_SINKS; i++) {
		const struct yg_sink *sink = courier->sinks[i];
		if (sink && sink->ops->again && sink->ops->position(sink) < yg_spool_end(courier->spool))
			return false;
	}
	return true;
}

static bool all_delivered(struct yg_courier *courier, uint64_t now_ns)
{
	return yg_spool_settle(courier->spool, now_ns) && yg_spool_first(courier->spool) == yg_spool_end(courier->spool) &&
	       (!courier->has_file || courier->file.length == 0) && all_sent_again(courier);
}

// Alerts that never came into the file's buffer, because it was full of what the disk had refused: lines that are lost like those in it.
static uint64_t count_unbuffered(struct yg_courier *courier)
{
	uint64_t lines = 0;
	if (yg_spool_lasts(courier->spool))
		return 0; // they are written when the disk takes them again
	for (uint64_t i = courier->file_position; i < yg_spool_end(courier->spool); i++) {
		struct yg_spool_entry entry;
		lines += yg_spool_get(courier->spool, YG_SPOOL_EVE, i, &entry) && entry.length;
	}
	count(courier, YG_CC_EVE_ERRORS, lines);
	return lines;
}

// What the last write, tried outside of the journal, has come to; and what was read since the one before it.
static void count_last(struct yg_courier *courier)
{
	// The file tells the lines of flows from those of alerts in what it could keep of them.
	uint64_t kept = courier->file.flows_kept < courier->flows_buffered ? courier->file.flows_kept : courier->flows_buffered;
	count(courier, YG_CC_FLOWS_WRITTEN, kept);
	count(courier, YG_CC_FLOWS_INVALID, courier->flows_invalid);
	count(courier, YG_CC_EVE_TOO_LONG, courier->flows_too_long);
	count(courier, YG_CC_EVE_ERRORS, courier->flows_dropped);
}

// Alerts of the last write that are in the file: whoever goes on with the spool does not write them again.
static void pass_kept(struct yg_courier *courier)
{
	const struct yg_sink_file *file = &courier->file;
	uint64_t alerts = file->lines_kept > file->flows_kept ? file->lines_kept - file->flows_kept : 0;
	for (uint64_t i = courier->file_written; alerts && i < courier->file_position; i++) {
		struct yg_spool_entry entry;
		alerts -= yg_spool_get(courier->spool, YG_SPOOL_EVE, i, &entry) && entry.length;
		courier->file_written = i + 1;
	}
	yg_counter_set(&courier->journal->alerts, courier->file_written);
}

// Of the lines that the last write left: those of alerts that lie in the spool are written by the next run.
static uint64_t alerts_that_stay(struct yg_courier *courier, uint64_t left)
{
	uint64_t kept = courier->file.flows_kept, flows = kept < courier->flows_buffered ? courier->flows_buffered - kept : 0;
	uint64_t alerts = yg_spool_lasts(courier->spool) && left > flows ? left - flows : 0;
	struct yg_counter *errors = &courier->stats->c[YG_CC_EVE_ERRORS];
	yg_counter_set(errors, yg_counter_get(errors) - alerts);
	return alerts;
}

// Ends the file. Lines that nobody will write any more. `successor`: another courier takes over the rings, and finds what the disk has
// refused as it would after our death.
static uint64_t end_file(struct yg_courier *courier, bool successor)
{
	courier->file.retry_ns = 0;
	if (courier->has_file)
		yg_journal_flush(courier, 0);
	if (courier->has_file && courier->file.length && successor) {
		yg_sink_file_leave(&courier->file);
		return 0;
	}
	uint64_t lost = 0;
	if (courier->has_file) {
		lost = yg_sink_file_close(&courier->file);
		lost += count_unbuffered(courier) - alerts_that_stay(courier, lost);
		pass_kept(courier);
	}
	yg_counter_set(&courier->journal->length, 0);
	yg_journal_settle(courier); // counted in `lost`
	count_last(courier);
	return lost;
}

static int finish(struct yg_courier *courier, bool stop)
{
	bool broken = yg_spool_broken(courier->spool) || courier->flows_read.broken;
	uint64_t pending, lost = end_file(courier, stop && !supervisor_is_gone(courier) && !yg_ring_closed(&courier->flows_read));
	if (broken)
		yg_error("the engine wrote a ring index that cannot be; what came after it was not read");
	release(courier, true, monotonic_ns());
	bool lasts = yg_spool_lasts(courier->spool) && yg_spool_settle(courier->spool, monotonic_ns());
	pending = yg_counter_get(&courier->stats->c[YG_CC_ALERTS_PENDING]);
	if (yg_spool_lasts(courier->spool) && !lasts)
		yg_error("the spool could not take everything: what is only in memory is lost when the sensor ends");
	if (pending && lasts)
		yg_info("%llu alerts stay in the spool until every sink has them%s%s", (unsigned long long)pending,
		        courier->stats->redis_error[0] ? "; Redis: " : "", courier->stats->redis_error);
	else if (pending)
		yg_error("%llu alerts were not delivered to every sink%s%s", (unsigned long long)pending,
		         courier->stats->redis_error[0] ? "; Redis: " : "", courier->stats->redis_error);
	if (lost)
		yg_error("%llu lines were not written to the EVE file", (unsigned long long)lost);
	bool unsafe = yg_spool_lasts(courier->spool) ? !lasts : pending;
	return unsafe || lost || broken ? YG_EXIT_UNDELIVERED : YG_EXIT_OK;
}

// The moment at which trying ends; UINT64_MAX while there is no reason to end.
static uint64_t end_of_trying(struct yg_courier *courier, bool stop, uint64_t now_ns)
{
	int64_t limit_ns = ORPHAN_DRAIN_S * YG_NS_PER_S;
	if (stop || supervisor_is_gone(courier))
		return now_ns + (uint64_t)(courier->drain_ns < limit_ns ? courier->drain_ns : limit_ns);
	// A spool whose disk takes nothing never reads to the end: that the engine has ended is enough.
	bool flows = courier->log_flows ? yg_ring_closed(&courier->flows_read) : yg_ring_ended(&courier->flows_read);
	bool over = yg_spool_lasts(courier->spool) ? yg_spool_closed(courier->spool) && flows : all_read(courier);
	return over ? now_ns + (uint64_t)courier->drain_ns : UINT64_MAX;
}

int yg_courier_run(struct yg_courier *courier, const volatile int *stop)
{
	uint64_t deadline_ns = UINT64_MAX, look_ns = 0;
	uint64_t first = yg_spool_start(courier->spool, YG_SPOOL_EVE), filed = yg_counter_get(&courier->journal->alerts);
	courier->file_position = courier->file_written = filed > first ? filed : first;
	for (;;) {
		uint64_t now_ns = monotonic_ns();
		bool moved = turn(courier, now_ns);
		if (moved && now_ns < look_ns)
			continue;
		look_ns = now_ns + LOOK_AROUND_MS * (uint64_t)YG_NS_PER_MS;
		uint64_t end_ns = end_of_trying(courier, *stop, now_ns); // to be told to stop is a nearer end than that of the input
		deadline_ns = end_ns < deadline_ns ? end_ns : deadline_ns;
		if (now_ns >= deadline_ns || (deadline_ns != UINT64_MAX && !moved && all_delivered(courier, now_ns)))
			return finish(courier, *stop);
		if (!moved)
			sleep_a_little(courier);
	}
}
