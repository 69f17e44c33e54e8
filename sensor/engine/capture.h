// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Capture from files: pcap and pcapng of either byte order, µs and ns, plain or gzip, several files merged by time.
// A reader of our own (no libpcap: it refuses files whose interfaces differ in snap length or link type, and net_pcap cannot
// tell a cut file from its end). Every length in a file is a claim: it is checked against what is there.
//
// Thread: one. Frames point into memory of the batch and live until the batch is filled again.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "model/packet.h"

enum {
	YG_BATCH_MAX = 4096,
	YG_FRAME_MAX = 262144,      // bytes; a longer captured length is a lying file
};

struct yg_frame {
	const uint8_t *data;
	uint32_t caplen, wirelen;
	struct yg_time time;        // the packet's own stamp
	uint64_t number;            // over all files, from 1
	uint8_t link;               // enum yg_link
	uint8_t pcap_flags;         // 0 (reserved)
	uint16_t interface;
	uint32_t dlt;               // as the file says
};

struct yg_batch {
	uint32_t count;
	struct yg_frame *frames;    // YG_BATCH_MAX of them
	uint8_t *arena;             // bytes that frames point into
	size_t arena_size;
};

struct yg_capture;

enum yg_capture_status {
	YG_CAPTURE_MORE,       // the batch holds frames and more may come
	YG_CAPTURE_END,        // the batch holds the last frames (perhaps none); every file ended where it should
	YG_CAPTURE_DAMAGED,    // likewise, but at least one file was cut or lied: see yg_capture_error
};

// Opens all files. NULL when one cannot be opened or is no capture: then `error` says which one, what its first bytes
// are and what was expected, and *ret_exit is a sysexits code (66 EX_NOINPUT).
struct yg_capture *yg_capture_open(const char *const *paths, size_t count, char *error, size_t error_size, int *ret_exit);
void yg_capture_close(struct yg_capture *capture);

// Memory for one batch. 0 or -ENOMEM.
int yg_batch_init(struct yg_batch *batch);
void yg_batch_finish(struct yg_batch *batch);

// Fills the batch in order of time (ties: order of the files), up to YG_BATCH_MAX frames, fewer when the next frame lies in
// another second of its own stamp or the arena is full. What a batch holds depends on the files alone, never on timing.
enum yg_capture_status yg_capture_fill(struct yg_capture *capture, struct yg_batch *batch);

// Sentences about damaged files, one a line: "FILE: truncated after 1234 packets: …". Empty when none.
const char *yg_capture_error(const struct yg_capture *capture);

// For a progress bar: bytes of the files consumed and in all (compressed bytes for .gz).
uint64_t yg_capture_bytes_read(const struct yg_capture *capture);
uint64_t yg_capture_bytes_total(const struct yg_capture *capture);
