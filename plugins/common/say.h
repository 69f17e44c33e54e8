// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What several detectors need to put an alert into words: numbers, addresses, and who the sample says has sent most.
// A header alone, because a detector stands by itself: it links nothing but libc and libm.
#pragma once

#include <arpa/inet.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <yagura/plugin.h>

enum { SAY_NUMBER = 32, SAY_ADDRESS = 48, SAY_BODY = 112 };

// 48211.4 -> "48,211".
static inline void say_number(double v, char out[SAY_NUMBER])
{
	char plain[24];
	int len = snprintf(plain, sizeof plain, "%" PRIu64, (uint64_t)round(fmin(fmax(v, 0), 1e15))), at = 0;
	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = plain[i];
	}
	out[at] = 0;
}

static inline void say_address(uint8_t af, const struct yg_addr *addr, char out[SAY_ADDRESS])
{
	if (!inet_ntop(af == 6 ? AF_INET6 : AF_INET, addr->b, out, SAY_ADDRESS))
		out[0] = 0;
}

static inline void say_copy(char *to, size_t size, const char *from)
{
	size_t len = strlen(from);
	len = len < size ? len : size - 1;
	memcpy(to, from, len);
	to[len] = 0;
}

// A sentence that was cut at its maximum loses the character of which only a part is left.
static inline void say_whole(char *text)
{
	size_t len = strnlen(text, YG_TEXT_MAX), at = len;
	if (len < YG_TEXT_MAX - 1)
		return;
	while (at && ((uint8_t)text[at - 1] & 0xc0) == 0x80)
		at--;
	uint8_t first = at ? (uint8_t)text[at - 1] : 0;
	size_t wants = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
	if (at && len - (at - 1) < wants)
		text[at - 1] = 0;
}

// "（笹浦町）" and " (Sasaura Town)", or nothing where the body has no name.
static inline void say_body(const struct yg_host *host, uint16_t org, char ja[SAY_BODY], char en[SAY_BODY])
{
	const struct yg_org_info *info = host->org(host->context, org);
	ja[0] = en[0] = 0;
	if (info && info->name_ja && info->name_ja[0])
		snprintf(ja, SAY_BODY, "（%.90s）", info->name_ja);
	if (info && info->name_en && info->name_en[0])
		snprintf(en, SAY_BODY, " (%.90s)", info->name_en);
}

// Who sends to addr:port, by the sample: the narrower question where the host takes it, else all that goes to the address.
static inline void say_senders(const struct yg_host *host, struct yg_alert *a, uint8_t proto, uint16_t port, uint32_t vectors)
{
	struct yg_question q = {.size = sizeof q, .addr = a->target, .af = a->af, .len = a->af == 6 ? 128 : 32,
				.proto = proto, .target_port = port};
	struct yg_answer answer = {.size = sizeof answer};
	host->ask(host->context, &q, &answer);
	if (answer.packets) {
		a->sample_packets = answer.packets;
		a->sources_at_least = answer.sources_at_least;
		a->top_count = answer.sources_count < YG_TOP_MAX ? answer.sources_count : YG_TOP_MAX;
		memcpy(a->top, answer.sources, sizeof a->top);
		return;
	}
	struct yg_evidence e = {0};
	host->evidence(host->context, a->af, &a->target, a->af == 6 ? 128 : 32, vectors, &e);
	a->sample_packets = e.packets;
	a->sources_at_least = e.sources_at_least;
	a->top_count = e.top_count < YG_TOP_MAX ? e.top_count : YG_TOP_MAX;
	memcpy(a->top, e.top, sizeof a->top);
}

// The last `count` values of a ring of YG_SERIES_MAX, a second each; `next` is the place behind the newest, which is of `second`.
static inline void say_series(struct yg_alert *a, const float *ring, uint32_t next, uint32_t count, int64_t second)
{
	count = count < YG_SERIES_MAX ? count : YG_SERIES_MAX;
	for (uint32_t i = 0; i < count; i++)
		a->series[i] = ring[(next + YG_SERIES_MAX - count + i) % YG_SERIES_MAX];
	a->series_count = (uint8_t)count;
	a->series_start = second + 1 - count;
	a->series_step_s = 1;
	a->series_low = (float)a->baseline;
	a->series_high = (float)a->threshold;
}

// k of H = max(floor, k * P95), by how much is known of the past.
static inline double say_factor(uint8_t learning)
{
	return learning == YG_LEARN_FULL ? 5 : learning == YG_LEARN_SHORT ? 8 : 0;
}
