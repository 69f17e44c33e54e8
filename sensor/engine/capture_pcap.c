// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// pcap: a file header of 24 bytes, then records of 16 bytes and the packet. The magic number tells byte order and unit
// of time. Also the "patched" format of old Linux (8 more bytes in every record header). A captured length above the
// snap length is taken when the bytes are there: some writers never set it right. Pure; see capture_file.c for who
// calls.
//
// Records are read in two ways: yg_pcap_step says all that can be said about one, and yg_pcap_run takes what lies whole
// in the window while nothing about it is special. The run decides nothing: it stops, and the step is asked.
#include "engine/capture_internal.h"

enum {
	FILE_HEADER = 24,
	RECORD_HEADER = 16,
	RECORD_HEADER_PATCHED = 24,
	RESOLUTION_US = 6,
	RESOLUTION_NS = 9,
	LINK_TYPE_MASK = 0xffff, // above it: length of the frame check sequence and its flag
};

static const struct variant {
	uint32_t magic;
	uint8_t resolution;
	uint8_t record_header;
} variants[] = {
    {0xa1b2c3d4, RESOLUTION_US, RECORD_HEADER},
    {0xa1b23c4d, RESOLUTION_NS, RECORD_HEADER},
    {0xa1b2cd34, RESOLUTION_US, RECORD_HEADER_PATCHED},
};

static const struct variant *variant_of(const uint8_t *bytes, bool *ret_big)
{
	uint32_t magic = yg_load32(bytes);
	for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
		if (magic != variants[i].magic && magic != __builtin_bswap32(variants[i].magic))
			continue;
		*ret_big = magic == variants[i].magic;
		return &variants[i];
	}
	return NULL;
}

bool yg_pcap_magic(const uint8_t *bytes, size_t size)
{
	bool big;
	return size >= 4 && variant_of(bytes, &big);
}

static enum yg_step file_header(struct yg_capture_file *file, const uint8_t *bytes, size_t left, size_t *ret_size)
{
	*ret_size = FILE_HEADER;
	if (left < FILE_HEADER)
		return YG_STEP_NEED;
	const struct variant *variant = variant_of(bytes, &file->big);
	if (!variant)
		return yg_capture_file_damage(file, "no magic number");
	struct yg_reader r = yg_reader_of(bytes + 4, FILE_HEADER - 4);
	uint16_t major = yg_read16_order(&r, file->big);
	uint16_t minor = yg_read16_order(&r, file->big);
	yg_skip(&r, 8); // time zone and accuracy: never used by any writer
	uint32_t snaplen = yg_read32_order(&r, file->big);
	uint32_t dlt = yg_read32_order(&r, file->big) & LINK_TYPE_MASK;
	if (major != 2)
		return yg_capture_file_damage(file, "pcap version %u.%u, where 2.4 is known", major, minor);
	struct yg_interface *interface = yg_capture_file_add_interface(file, dlt, snaplen);
	if (!interface)
		return yg_capture_file_damage(file, "no memory for its interface");
	yg_interface_set_resolution(interface, variant->resolution);
	file->record_header = variant->record_header;
	file->old_lengths = minor < 3;
	file->header_read = true;
	return YG_STEP_PASS;
}

static inline uint32_t load32_order(const uint8_t *p, bool big)
{
	uint32_t v = yg_load32(p);
	return big ? v : __builtin_bswap32(v);
}

enum yg_step yg_pcap_step(struct yg_capture_file *file, const uint8_t *bytes, size_t left, struct yg_frame *ret_frame,
                          size_t *ret_size)
{
	if (!file->header_read)
		return file_header(file, bytes, left, ret_size);
	*ret_size = file->record_header;
	if (left < file->record_header)
		return YG_STEP_NEED;
	// The whole header is there: plain loads, this runs once a packet.
	uint32_t seconds = load32_order(bytes, file->big);
	uint32_t fraction = load32_order(bytes + 4, file->big);
	uint32_t caplen = load32_order(bytes + 8, file->big);
	uint32_t wirelen = load32_order(bytes + 12, file->big);
	if (file->old_lengths) {
		uint32_t first = caplen;
		caplen = wirelen;
		wirelen = first;
	}
	if (caplen > YG_FRAME_MAX)
		return yg_capture_file_damage(file, "the record at byte %llu claims %u bytes, more than %d",
		                              (unsigned long long)file->offset, caplen, YG_FRAME_MAX);
	*ret_size += caplen;
	if (left < *ret_size)
		return YG_STEP_NEED;
	const struct yg_interface *interface = &file->interfaces[0];
	*ret_frame = (struct yg_frame){
	    .data = bytes + file->record_header,
	    .caplen = caplen,
	    .wirelen = wirelen,
	    // A fraction of a second or more is a lie, but one that adds up.
	    .time = {(int64_t)seconds * YG_NS_PER_S + (int64_t)fraction * interface->ns_per_tick},
	    .link = interface->link,
	    .dlt = interface->dlt,
	};
	return YG_STEP_FRAME;
}

// `big` is a constant in either of the two calls, so that there is a loop for each byte order and no branch in it.
static inline __attribute__((always_inline)) uint32_t take_records(struct yg_capture_file *file, bool big,
                                                                   struct yg_bytes_window *window, int64_t second,
                                                                   struct yg_frame *ret_frames, uint32_t room)
{
	const struct yg_interface interface = file->interfaces[0];
	const size_t header = file->record_header;
	const uint8_t *bytes = window->base + window->start;
	const uint8_t *end = window->base + window->end;
	const int64_t start_of_second = yg_time_from_s(second).ns;
	uint64_t number = file->packets;
	uint32_t count = 0;
	for (; count < room && (size_t)(end - bytes) >= header; count++) {
		int64_t fraction_ns = (int64_t)load32_order(bytes + 4, big) * interface.ns_per_tick;
		uint32_t caplen = load32_order(bytes + 8, big);
		// Below a whole second the seconds as they stand in the file are those of the stamp.
		if (load32_order(bytes, big) != second || fraction_ns >= YG_NS_PER_S || caplen > YG_FRAME_MAX ||
		    (size_t)(end - bytes) - header < caplen)
			break;
		ret_frames[count] = (struct yg_frame){
		    .data = bytes + header,
		    .caplen = caplen,
		    .wirelen = load32_order(bytes + 12, big),
		    .time = {start_of_second + fraction_ns},
		    .number = ++number,
		    .link = interface.link,
		    .dlt = interface.dlt,
		};
		bytes += header + caplen;
	}
	if (count == 0)
		return 0;
	size_t size = (size_t)(bytes - (window->base + window->start));
	window->start += size;
	file->offset += size;
	file->packets = number;
	file->last = ret_frames[count - 1].time;
	return count;
}

uint32_t yg_pcap_run(struct yg_capture_file *file, struct yg_bytes_window *window, int64_t second,
                     struct yg_frame *ret_frames, uint32_t room)
{
	if (!file->header_read || file->old_lengths)
		return 0;
	return file->big ? take_records(file, true, window, second, ret_frames, room)
	                 : take_records(file, false, window, second, ret_frames, room);
}
