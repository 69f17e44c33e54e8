// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Who is judged when a second has ended. Most servers that are followed do nothing most of the time, and a second in which nobody comes,
// with nobody in the window before, always ends the same: nothing is added to the curves of both judgements, and every tenth second
// nothing to what is usual. A server at rest is passed by without a look at it, and gets those nothings when somebody comes, or when what
// is usual is saved.
#include "httpflood.h"

#include <stddef.h>
#include <string.h>

enum { AHEAD = 4, LINE = 64 };

static void add_nothing(struct httpf_incident *in, uint64_t seconds)
{
	for (uint64_t i = 0; i < seconds && i < YG_SERIES_MAX; i++)
		in->series[(in->series_next + i) % YG_SERIES_MAX] = 0;
	in->series_next = (uint32_t)((in->series_next + seconds) % YG_SERIES_MAX);
	in->series_count = seconds < YG_SERIES_MAX - in->series_count ? in->series_count + (uint32_t)seconds : YG_SERIES_MAX;
}

static void catch_up_slow(struct httpf *h, struct httpf_server *s)
{
	add_nothing(&s->incident[HTTPF_SLOW], (uint64_t)(h->ticked - s->judged[HTTPF_SLOW]));
	s->judged[HTTPF_SLOW] = h->ticked;
}

// Brings a server at rest up to the second that ended last.
static void catch_up(struct httpf *h, uint32_t at)
{
	struct httpf_server *s = &h->server[at];
	int64_t *judged = s->judged;
	if (h->rest[at] == HTTPF_AWAKE)
		return;
	for (int64_t second = judged[HTTPF_FLOOD] + 1; second <= h->ticked; second++)
		if (second % HTTPF_WINDOW_S == 0)
			httpflood_learn(s, 0);
	add_nothing(&s->incident[HTTPF_FLOOD], (uint64_t)(h->ticked - judged[HTTPF_FLOOD]));
	judged[HTTPF_FLOOD] = h->ticked;
	if (h->rest[at] == HTTPF_ASLEEP)
		catch_up_slow(h, s);
}

void httpflood_wake(struct httpf *h, uint32_t at)
{
	catch_up(h, at);
	h->rest[at] = HTTPF_AWAKE;
}

void httpflood_wake_slow(struct httpf *h, uint32_t at)
{
	if (h->rest[at] != HTTPF_ASLEEP)
		return;
	catch_up_slow(h, &h->server[at]);
	h->rest[at] = HTTPF_QUIET;
}

void httpflood_catch_up_all(struct httpf *h)
{
	for (uint32_t i = 0; i < h->servers_used; i++)
		catch_up(h, i);
}

static void judge(struct httpf *h, uint32_t at, int64_t second)
{
	struct httpf_server *s = &h->server[at];
	const struct httpf_incident *flood = &s->incident[HTTPF_FLOOD], *slow = &s->incident[HTTPF_SLOW];
	const struct httpf_held *held = &h->held[at];
	if (!s->used)
		return;
	if (h->rest[at] == HTTPF_AWAKE)
		httpflood_judge(h, s, second);
	httpflood_judge_slow(h, s, second, h->rest[at] == HTTPF_QUIET);
	bool quiet = !flood->open && !s->hot && !s->onset && h->place[at].last <= second - HTTPF_WINDOW_S;
	if (h->rest[at] == HTTPF_AWAKE && quiet) {
		h->rest[at] = HTTPF_QUIET;
		s->judged[HTTPF_FLOOD] = second;
	}
	if (h->rest[at] == HTTPF_QUIET && !slow->open && !held->slow && !held->bodies && !held->announced) {
		h->rest[at] = HTTPF_ASLEEP;
		s->judged[HTTPF_SLOW] = second;
	}
}

// What most judgements read: all that stands before what is slow, and where the curves go on.
static void fetch(const struct httpf_server *s)
{
	enum { END = offsetof(struct httpf_server, slow_sources) };
	for (uint32_t at = 0; at < END; at += LINE)
		__builtin_prefetch((const char *)s + at, 1);
	__builtin_prefetch((const char *)s + END - 1, 1); // servers do not begin with a line
	for (unsigned what = 0; what < HTTPF_WHATS; what++) {
		__builtin_prefetch(&s->incident[what].open, 1);
		__builtin_prefetch(&s->incident[what].series_next, 1);
	}
}

void httpflood_judge_all(struct httpf *h, int64_t second)
{
	if (second != h->ticked + 1) // seconds were left out, for those at rest too
		for (uint32_t i = 0; i < h->servers_used; i++)
			httpflood_wake(h, i);
	h->ticked = second;
	for (uint32_t i = 0; i < h->servers_used; i++) {
		if (i + AHEAD < h->servers_used && h->rest[i + AHEAD] != HTTPF_ASLEEP)
			fetch(&h->server[i + AHEAD]);
		if (h->rest[i] != HTTPF_ASLEEP)
			judge(h, i, second);
	}
}
