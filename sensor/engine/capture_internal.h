// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What the parts of the file capture share: a source of bytes (plain or gzip), a window of them in memory, and one file
// with its parser. Only sensor/engine/capture*.c include this. Thread: one, the one that fills batches.
//
//   source ──read──> window (the batch's arena, or a buffer of the file's own when several are merged) ──step──> frame
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "engine/capture.h"

enum {
	YG_ARENA_SIZE = 4 * 1024 * 1024 + YG_FRAME_MAX,
	YG_CHUNK_MIN = 4 * 1024, // bytes read at a time: follows the size of the batches, see capture.c
	YG_CHUNK_MAX = 256 * 1024,
	YG_CHUNK_MERGE = 64 * 1024,       // with several files, each
	YG_BLOCK_MAX = 1024 * 1024,       // a pcapng block that is read whole: section, interface, packet
	YG_CAPTURE_INTERFACES_MAX = 4096, // of one pcapng section
	YG_SNIFF_SIZE = 24,               // a pcap file header; the kind of any file shows in it
	YG_REASON_SIZE = 192,
};

// ---- capture_source.c: bytes of one path ----

struct yg_inflate;

struct yg_source {
	int fd;
	bool ended;                 // nothing more comes from fd
	struct yg_inflate *inflate; // NULL: a plain file
	uint8_t *pushed;            // bytes given back, read again first
	size_t pushed_size, pushed_start, pushed_end;
	uint64_t bytes_read, bytes_total; // of the file as it lies on disk; total 0 for pipes
	int failed;                       // errno of read(2), 0 when none
	const char *damage;               // why the bytes ended before they should; NULL when they did not. Static text
};

// Opens `path` ("-": standard input). At most `pushed_size` bytes can be given back at a time. 0 or a negative errno;
// finish also after a failure.
int yg_source_init(struct yg_source *source, const char *path, size_t pushed_size);
void yg_source_finish(struct yg_source *source);

// What was given back comes first, and alone. Then reads until `size` bytes are there or the source has ended: a short
// read of a pipe must not show in a batch. 0 only at the end.
size_t yg_source_read(struct yg_source *source, uint8_t *ret_bytes, size_t size);

// Gives the last `size` bytes read back; they are read again next.
void yg_source_unread(struct yg_source *source, const uint8_t *bytes, size_t size);

// ---- capture_file.c: one file ----

struct yg_interface {
	uint32_t dlt;
	uint32_t snaplen;
	int64_t offset_s;     // if_tsoffset
	uint32_t ns_per_tick; // 0 when a tick is no whole number of nanoseconds
	uint8_t resolution;   // if_tsresol as in the file
	uint8_t link;         // enum yg_link
};

enum yg_capture_format { YG_FORMAT_PCAP, YG_FORMAT_PCAPNG };

struct yg_capture_file {
	struct yg_source source;
	const char *path; // not owned: the caller's of yg_capture_open
	enum yg_capture_format format;
	bool big;         // byte order of the file or of the section
	bool header_read; // pcap: the file header has gone by
	bool ended, damaged;
	bool old_lengths;                // pcap before 2.3 wrote the two lengths the other way round
	uint32_t record_header;          // pcap: 16, or 24 of Kuznetzov's patched format
	struct yg_interface *interfaces; // pcapng: of this section; pcap: exactly one
	uint32_t interface_count, interface_room;
	uint64_t skip;               // pcapng: bytes of a block that nobody needs, still to be passed over …
	uint32_t skip_claim;         // … and the length that must stand at its end; 0 when none
	uint64_t packets, offset;    // delivered; bytes consumed (of the inflated file)
	struct yg_time last;         // of the last packet: a simple packet block has no stamp
	char reason[YG_REASON_SIZE]; // why it is damaged
};

// Bytes read but not consumed are start..end. What lies before `pinned` belongs to frames and stays where it is.
struct yg_bytes_window {
	uint8_t *base;
	size_t size, pinned, start, end;
	size_t chunk; // bytes to read at a time
};

// What a parser says to the bytes at the cursor.
enum yg_step {
	YG_STEP_FRAME,   // a frame; its record is *ret_size bytes long. Nothing changed yet
	YG_STEP_PASS,    // no frame; *ret_size bytes are done with
	YG_STEP_NEED,    // *ret_size bytes must be there before anything can be said
	YG_STEP_DAMAGED, // the file lies: file->reason
};

enum yg_pull { YG_PULL_FRAME, YG_PULL_FULL, YG_PULL_END };

// 0 or a negative errno; -EBADMSG when it is no capture: then `error` says so. Finish also after a failure.
int yg_capture_file_init(struct yg_capture_file *file, const char *path, size_t pushed_size, char *error,
                         size_t error_size);
void yg_capture_file_finish(struct yg_capture_file *file);

// Finds the next frame, reading as needed. FULL: it does not fit behind what is pinned. END: file->damaged says how.
// A frame is not consumed until it is accepted: asking again gives the same one.
enum yg_pull yg_capture_file_pull(struct yg_capture_file *file, struct yg_bytes_window *window,
                                  struct yg_frame *ret_frame, size_t *ret_size);
void yg_capture_file_accept(struct yg_capture_file *file, struct yg_bytes_window *window, const struct yg_frame *frame,
                            size_t size);

// Marks the file damaged, for the reason given. YG_STEP_DAMAGED always, so that a parser may return it.
enum yg_step yg_capture_file_damage(struct yg_capture_file *file, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// Another interface; its resolution is microseconds until said otherwise. NULL at the limit or without memory.
struct yg_interface *yg_capture_file_add_interface(struct yg_capture_file *file, uint32_t dlt, uint32_t snaplen);

// A time in ticks of that interface, held at the ends of what struct yg_time can say.
void yg_interface_set_resolution(struct yg_interface *interface, uint8_t resolution);
struct yg_time yg_interface_time(const struct yg_interface *interface, uint64_t ticks);

// ---- capture_pcap.c, capture_pcapng.c: what a record is ----

bool yg_pcap_magic(const uint8_t *bytes, size_t size);
bool yg_pcapng_magic(const uint8_t *bytes, size_t size);
enum yg_step yg_pcap_step(struct yg_capture_file *file, const uint8_t *bytes, size_t left, struct yg_frame *ret_frame,
                          size_t *ret_size);
enum yg_step yg_pcapng_step(struct yg_capture_file *file, const uint8_t *bytes, size_t left, struct yg_frame *ret_frame,
                            size_t *ret_size);

// Takes up to `room` plain records of that second that lie whole in the window, accepted and numbered as of a file read
// alone; how many. 0 says nothing about the file: what comes next, yg_capture_file_pull knows. Any format may be asked.
uint32_t yg_pcap_run(struct yg_capture_file *file, struct yg_bytes_window *window, int64_t second,
                     struct yg_frame *ret_frames, uint32_t room);

static inline uint32_t yg_read32_order(struct yg_reader *r, bool big)
{
	uint32_t v = yg_read32(r);
	return big ? v : __builtin_bswap32(v);
}

static inline uint16_t yg_read16_order(struct yg_reader *r, bool big)
{
	uint16_t v = yg_read16(r);
	return big ? v : __builtin_bswap16(v);
}

// ---- capture_merge.c: several files ----

struct yg_merge;

// NULL without memory. The files stay the caller's and must outlive it.
struct yg_merge *yg_merge_create(struct yg_capture_file *files, size_t count);
void yg_merge_destroy(struct yg_merge *merge);

// Copies frames into the batch, numbered from *number + 1 on. True when every file has ended.
bool yg_merge_fill(struct yg_merge *merge, struct yg_batch *batch, uint64_t *number);
