// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// One capture file: finds out what it is, keeps its interfaces and their clocks, and turns the bytes of its source into
// frames, one pull at a time. The parsers (capture_pcap.c, capture_pcapng.c) look at bytes and say frame, pass, need or
// damaged; only this file moves bytes. A frame that was pulled but not accepted stays where it is, because a batch ends
// before a frame of another second. Thread: one.
#include "engine/capture_internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"

enum {
	RESOLUTION_DEFAULT = 6,   // microseconds
	RESOLUTION_BINARY = 0x80, // a negative power of two, not of ten
	DIGITS_OF_NS = 9,
	DIGITS_MOST = 28, // a clock finer than that: 64 bits of its ticks are less than a nanosecond
	INTERFACES_FIRST = 4,
};

__extension__ typedef __int128 int128;

// Numbers of link types as files carry them; some systems wrote raw IP under numbers of their own.
static const struct {
	uint16_t dlt;
	uint8_t link;
} links[] = {
    {1, YG_LINK_ETHERNET}, {12, YG_LINK_RAW},   {14, YG_LINK_RAW},  {101, YG_LINK_RAW},
    {228, YG_LINK_RAW},    {229, YG_LINK_RAW},  {113, YG_LINK_SLL}, {276, YG_LINK_SLL2},
    {0, YG_LINK_NULL},     {108, YG_LINK_NULL}, {9, YG_LINK_PPP},   {50, YG_LINK_PPP},
};

static uint8_t link_of(uint32_t dlt)
{
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		if (links[i].dlt == dlt)
			return links[i].link;
	}
	return YG_LINK_UNKNOWN;
}

struct yg_interface *yg_capture_file_add_interface(struct yg_capture_file *file, uint32_t dlt, uint32_t snaplen)
{
	if (file->interface_count == YG_CAPTURE_INTERFACES_MAX)
		return NULL;
	if (file->interface_count == file->interface_room) {
		uint32_t room = file->interface_room ? 2 * file->interface_room : INTERFACES_FIRST;
		struct yg_interface *more = realloc(file->interfaces, room * sizeof(*more));
		if (!more)
			return NULL;
		file->interfaces = more;
		file->interface_room = room;
	}
	struct yg_interface *interface = &file->interfaces[file->interface_count++];
	*interface = (struct yg_interface){.dlt = dlt, .snaplen = snaplen, .link = link_of(dlt)};
	yg_interface_set_resolution(interface, RESOLUTION_DEFAULT);
	return interface;
}

static int128 power_of_ten(unsigned int n)
{
	int128 p = 1;
	while (n-- > 0)
		p *= 10;
	return p;
}

void yg_interface_set_resolution(struct yg_interface *interface, uint8_t resolution)
{
	interface->resolution = resolution;
	interface->ns_per_tick = 0;
	if (resolution <= DIGITS_OF_NS)
		interface->ns_per_tick = (uint32_t)power_of_ten(DIGITS_OF_NS - resolution);
}

static int128 ticks_to_ns(const struct yg_interface *interface, uint64_t ticks)
{
	unsigned int n = interface->resolution & ~RESOLUTION_BINARY;
	if (interface->ns_per_tick)
		return (int128)ticks * interface->ns_per_tick;
	if (interface->resolution & RESOLUTION_BINARY)
		return (int128)ticks * YG_NS_PER_S >> n;
	return n > DIGITS_MOST ? 0 : (int128)ticks / power_of_ten(n - DIGITS_OF_NS);
}

struct yg_time yg_interface_time(const struct yg_interface *interface, uint64_t ticks)
{
	int128 ns = ticks_to_ns(interface, ticks) + (int128)interface->offset_s * YG_NS_PER_S;
	if (ns > INT64_MAX)
		return yg_time_ns(INT64_MAX);
	return yg_time_ns(ns < INT64_MIN ? INT64_MIN : (int64_t)ns);
}

enum yg_step yg_capture_file_damage(struct yg_capture_file *file, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(file->reason, sizeof(file->reason), format, args);
	va_end(args);
	file->damaged = true;
	file->ended = true;
	return YG_STEP_DAMAGED;
}

// The bytes have ended, where `left` were there and the parser asked for `need`.
static void finish_reading(struct yg_capture_file *file, size_t left, size_t need)
{
	file->ended = true;
	if (file->source.failed)
		yg_capture_file_damage(file, "%s: %s", file->source.damage, strerror(file->source.failed));
	else if (file->source.damage)
		yg_capture_file_damage(file, "%s", file->source.damage);
	else if (file->skip_claim != 0)
		yg_capture_file_damage(file, "a block of %u bytes is cut, %llu of them are missing", file->skip_claim,
		                       (unsigned long long)(file->skip + 4 - left));
	else if (left > 0 || (file->format == YG_FORMAT_PCAP && !file->header_read))
		yg_capture_file_damage(file, "at byte %llu %zu bytes are needed, %zu are left",
		                       (unsigned long long)file->offset, need, left);
}

// Reads until `need` bytes are there, or one chunk. FULL without room; END when the source has nothing more.
static enum yg_pull refill(struct yg_capture_file *file, struct yg_bytes_window *window, size_t need)
{
	size_t left = window->end - window->start;
	if (need > window->size - window->pinned)
		return YG_PULL_FULL;
	if (need > window->size - window->start) {
		memmove(window->base + window->pinned, window->base + window->start, left);
		window->start = window->pinned;
		window->end = window->start + left;
	}
	size_t want = need - left > window->chunk ? need - left : window->chunk;
	if (want > window->size - window->end)
		want = window->size - window->end;
	size_t n = yg_source_read(&file->source, window->base + window->end, want);
	window->end += n;
	return n > 0 ? YG_PULL_FRAME : YG_PULL_END;
}

enum yg_pull yg_capture_file_pull(struct yg_capture_file *file, struct yg_bytes_window *window,
                                  struct yg_frame *ret_frame, size_t *ret_size)
{
	enum yg_pull more;
	while (!file->ended) {
		const uint8_t *bytes = window->base + window->start;
		size_t left = window->end - window->start;
		enum yg_step step = file->format == YG_FORMAT_PCAP
		                        ? yg_pcap_step(file, bytes, left, ret_frame, ret_size)
		                        : yg_pcapng_step(file, bytes, left, ret_frame, ret_size);
		switch (step) {
		case YG_STEP_FRAME:
			return YG_PULL_FRAME;
		case YG_STEP_PASS:
			window->start += *ret_size;
			file->offset += *ret_size;
			break;
		case YG_STEP_NEED:
			more = refill(file, window, *ret_size);
			if (more == YG_PULL_FULL)
				return more;
			if (more == YG_PULL_END)
				finish_reading(file, left, *ret_size);
			break;
		case YG_STEP_DAMAGED:
			break;
		}
	}
	return YG_PULL_END;
}

void yg_capture_file_accept(struct yg_capture_file *file, struct yg_bytes_window *window, const struct yg_frame *frame,
                            size_t size)
{
	window->start += size;
	file->offset += size;
	file->packets++;
	file->last = frame->time;
}

static void print_hex(char *text, size_t size, const uint8_t *bytes, size_t count)
{
	size_t used = 0;
	text[0] = '\0';
	for (size_t i = 0; i < count && used + 3 < size; i++)
		used += (size_t)snprintf(text + used, size - used, " %02x", bytes[i]);
}

static int no_capture(const struct yg_capture_file *file, const uint8_t *head, size_t size, char *error,
                      size_t error_size)
{
	char hex[8 * 3 + 1];
	char is[128];
	print_hex(hex, sizeof(hex), head, size);
	const char *kind = file->source.inflate ? "gzip of " : "";
	if (size == 0)
		snprintf(is, sizeof(is), "%sno bytes", kind);
	else
		snprintf(is, sizeof(is), "first bytes %s%s", kind, hex + 1);
	const char *damage = file->source.damage;
	snprintf(error, error_size, "%s: no capture: %s%s%s; expected pcap or pcapng, either of them plain or gzipped",
	         file->path, is, damage ? ", " : "", damage ? damage : "");
	return -EBADMSG;
}

int yg_capture_file_init(struct yg_capture_file *file, const char *path, size_t pushed_size, char *error,
                         size_t error_size)
{
	memset(file, 0, sizeof(*file));
	file->path = path;
	int ret = yg_source_init(&file->source, path, pushed_size);
	if (ret < 0) {
		snprintf(error, error_size, "%s: %s", path, strerror(-ret));
		return ret;
	}
	uint8_t head[YG_SNIFF_SIZE];
	size_t n = yg_source_read(&file->source, head, sizeof(head));
	if (yg_pcap_magic(head, n))
		file->format = YG_FORMAT_PCAP;
	else if (yg_pcapng_magic(head, n))
		file->format = YG_FORMAT_PCAPNG;
	else
		return no_capture(file, head, n, error, error_size);
	yg_source_unread(&file->source, head, n);
	return 0;
}

void yg_capture_file_finish(struct yg_capture_file *file)
{
	yg_source_finish(&file->source);
	free(file->interfaces);
	file->interfaces = NULL;
	file->interface_count = file->interface_room = 0;
}
