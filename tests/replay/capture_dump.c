// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Prints what the capture reader delivers, one line a frame: number, time in nanoseconds, captured and wire length,
// interface, link type as the file says, our link; with -x also the bytes. capture_against_tshark.py reads it. With -q
// only the sums, for timing. Exit status: 0, 65 when a file is damaged, 66 when one is no capture.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "engine/capture.h"

enum detail { SUMS, LINES, BYTES };

static void print_frame(const struct yg_frame *frame, enum detail detail)
{
	printf("%" PRIu64 " %" PRId64 " %u %u %u %u %u ", frame->number, frame->time.ns, frame->caplen, frame->wirelen,
	       frame->interface, frame->dlt, frame->link);
	for (uint32_t i = 0; detail == BYTES && i < frame->caplen; i++) {
		putchar("0123456789abcdef"[frame->data[i] >> 4]);
		putchar("0123456789abcdef"[frame->data[i] & 15]);
	}
	putchar('\n');
}

static enum yg_capture_status dump(struct yg_capture *capture, struct yg_batch batches[2], enum detail detail)
{
	enum yg_capture_status status = YG_CAPTURE_MORE;
	uint64_t count = 0, bytes = 0, filled = 0;
	for (unsigned int turn = 0; status == YG_CAPTURE_MORE; turn ^= 1) {
		struct yg_batch *batch = &batches[turn];
		status = yg_capture_fill(capture, batch);
		filled++;
		for (uint32_t i = 0; i < batch->count; i++) {
			bytes += batch->frames[i].caplen;
			if (detail != SUMS)
				print_frame(&batch->frames[i], detail);
		}
		count += batch->count;
	}
	printf("# frames %" PRIu64 " bytes %" PRIu64 " batches %" PRIu64 "\n", count, bytes, filled);
	return status;
}

int main(int argc, char **argv)
{
	enum detail detail = LINES;
	if (argc > 1 && strcmp(argv[1], "-q") == 0)
		detail = SUMS;
	if (argc > 1 && strcmp(argv[1], "-x") == 0)
		detail = BYTES;
	int first = detail == LINES ? 1 : 2;
	if (argc <= first) {
		fprintf(stderr, "usage: capture_dump [-q | -x] FILE...\n");
		return EX_USAGE;
	}
	char error[512];
	int exit_code = EX_OSERR;
	struct yg_capture *capture = yg_capture_open((const char *const *)argv + first, (size_t)(argc - first), error,
	                                             sizeof(error), &exit_code);
	if (!capture) {
		fprintf(stderr, "%s\n", error);
		return exit_code;
	}
	struct yg_batch batches[2];
	if (yg_batch_init(&batches[0]) < 0)
		return EX_OSERR;
	if (yg_batch_init(&batches[1]) < 0)
		return EX_OSERR;
	enum yg_capture_status status = dump(capture, batches, detail);
	fputs(yg_capture_error(capture), stderr);
	yg_batch_finish(&batches[0]);
	yg_batch_finish(&batches[1]);
	yg_capture_close(capture);
	return status == YG_CAPTURE_DAMAGED ? EX_DATAERR : 0;
}
