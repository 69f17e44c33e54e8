// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See progress.h. Rate and remaining time come from the bytes of the files that have been consumed.
#include "cli/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

double yg_progress_clock(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void yg_progress_init(struct yg_progress *p, enum yg_progress_mode mode)
{
	*p = (struct yg_progress){.mode = mode, .started = yg_progress_clock()};
	p->bar = mode == YG_PROGRESS_AUTO && isatty(STDERR_FILENO);
	if (mode == YG_PROGRESS_AUTO && !p->bar)
		p->mode = YG_PROGRESS_NONE;
	p->next = p->started + (p->bar ? 0.2 : 2);
}

static void draw_bar(double share, uint64_t packets, double rate, double left)
{
	enum { WIDTH = 30 };
	char bar[WIDTH + 1];
	for (int i = 0; i < WIDTH; i++)
		bar[i] = share * WIDTH > i ? '#' : '-';
	bar[WIDTH] = '\0';
	fprintf(stderr, "\r[%s] %5.1f%%  %" PRIu64 " packets  %.0f/s  ETA %.0f s\033[K", bar, share * 100, packets, rate, left);
	fflush(stderr);
}

void yg_progress_show(struct yg_progress *p, const struct yg_supervisor *s)
{
	double now = yg_progress_clock(), spent = now - p->started;
	if (p->mode == YG_PROGRESS_NONE || now < p->next)
		return;
	p->next = now + (p->bar ? 0.2 : 2);
	uint64_t total = yg_counter_get(&s->engine->bytes_total), packets = yg_counter_get(&s->engine->packets_total);
	double share = total ? (double)yg_counter_get(&s->engine->bytes_read) / (double)total : 0;
	double rate = (double)packets / spent, left = share > 0 ? spent / share - spent : 0;
	if (p->bar)
		draw_bar(share > 1 ? 1 : share, packets, rate, left);
	else
		fprintf(stderr, "%.1f%% %" PRIu64 " packets %.0f/s ETA %.0f s\n", share * 100, packets, rate, left);
	p->drawn = true;
}

void yg_progress_finish(struct yg_progress *p)
{
	if (p->bar && p->drawn)
		fputs("\r\033[K", stderr);
}
