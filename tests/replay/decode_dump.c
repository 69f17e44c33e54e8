// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// decode_dump FILE: one line a packet of a classic pcap file, as decode and reassembly see it:
//
//     number end proto src sport dst dport layers payload_len
//
// A whole that reassembly has put together prints a line of its own behind its last fragment, its number followed by
// "r". With --bench N decodes the file N times over and prints nanoseconds a packet instead. It reads pcap by itself,
// and only the form that tests/generate/encapsulations.py and editcap write, so that a fault of capture cannot hide one
// of decode.
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/decode.h"
#include "engine/reassembly.h"

struct file {
	uint8_t *bytes;
	size_t size, at;
	enum yg_link link;
};

static enum yg_link link_of(uint32_t dlt)
{
	switch (dlt & 0xffff) {
	case 0:
	case 108:
		return YG_LINK_NULL;
	case 1:
		return YG_LINK_ETHERNET;
	case 9:
	case 50:
		return YG_LINK_PPP;
	case 12:
	case 14:
	case 101:
	case 228:
	case 229:
		return YG_LINK_RAW;
	case 113:
		return YG_LINK_SLL;
	case 276:
		return YG_LINK_SLL2;
	default:
		return YG_LINK_UNKNOWN;
	}
}

static uint32_t little32(const uint8_t *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static int open_file(const char *path, struct file *ret_file)
{
	FILE *stream = fopen(path, "rb");
	if (!stream)
		return -1;
	fseek(stream, 0, SEEK_END);
	long size = ftell(stream);
	rewind(stream);
	*ret_file = (struct file){.bytes = malloc(size > 0 ? (size_t)size : 1), .size = (size_t)size, .at = 24};
	bool good = ret_file->bytes && size >= 24 && fread(ret_file->bytes, 1, (size_t)size, stream) == (size_t)size;
	fclose(stream);
	if (!good || (little32(ret_file->bytes) != 0xa1b2c3d4 && little32(ret_file->bytes) != 0xa1b23c4d)) {
		free(ret_file->bytes);
		return -1;
	}
	ret_file->link = link_of(little32(ret_file->bytes + 20));
	return 0;
}

static bool next_packet(struct file *f, struct yg_view *view)
{
	static const struct yg_decode_options options = {0};
	if (f->size - f->at < 16)
		return false;
	const uint8_t *record = f->bytes + f->at;
	uint32_t caplen = little32(record + 8), wirelen = little32(record + 12);
	if (f->size - f->at - 16 < caplen)
		return false;
	f->at += 16 + caplen;
	yg_decode(&options, f->link, record + 16, caplen, wirelen, view);
	view->time = yg_time_ns(little32(record) * YG_NS_PER_S + little32(record + 4) * INT64_C(1000));
	return true;
}

static void print_view(unsigned long number, const char *mark, const struct yg_view *v, enum yg_decode_end end)
{
	char src[INET6_ADDRSTRLEN] = "-", dst[INET6_ADDRSTRLEN] = "-";
	int family = v->af == 4 ? AF_INET : AF_INET6;
	if (v->flags & YG_VIEW_IP) {
		inet_ntop(family, v->src.b, src, sizeof src);
		inet_ntop(family, v->dst.b, dst, sizeof dst);
	}
	printf("%lu%s %s %u %s %u %s %u ", number, mark, yg_decode_end_name(end), v->proto, src, v->sport, dst,
	       v->dport);
	for (unsigned i = 0; i < v->layer_count; i++)
		printf("%s%s", i ? "," : "", yg_layer_name(v->layers[i]));
	printf("%s %u\n", v->layer_count ? "" : "-", v->payload_len);
}

// Fragments may carry fragments: each whole may go through reassembly again, as often as layers allow.
static void print_wholes(struct yg_reassembly *ra, unsigned long number, const struct yg_view *fragment)
{
	static const struct yg_decode_options options = {0};
	struct yg_view view = *fragment;
	const char *mark = "";
	while (view.flags & YG_VIEW_FRAGMENT) {
		const uint8_t *data;
		enum yg_decode_end end;
		unsigned flags;
		uint32_t length = yg_reassembly_add(ra, &view, &data, &end, &flags);
		print_view(number, mark, &view, end);
		if (!length)
			return;
		yg_decode_reassembled(&options, &view, data, length, &view);
		mark = "r";
	}
	print_view(number, mark, &view, (enum yg_decode_end)view.end);
}

static void bench(struct file *f, unsigned long rounds)
{
	struct yg_view view;
	struct timespec start, end;
	unsigned long packets = 0, decoded = 0;
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (unsigned long i = 0; i < rounds; i++)
		for (f->at = 24; next_packet(f, &view); packets++)
			decoded += view.end == YG_DECODE_DECODED;
	clock_gettime(CLOCK_MONOTONIC, &end);
	double ns = (double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec);
	printf("%lu packets, %lu decoded, %.1f ns/packet\n", packets, decoded, packets ? ns / (double)packets : 0);
}

int main(int argc, char **argv)
{
	const struct yg_reassembly_options options = {
	    .trackers = 4096,
	    .fragments = 64,
	    .bytes = 16 << 20,
	    .time_ns = 15 * YG_NS_PER_S,
	    .key = yg_hash_key_replay,
	};
	struct file f;
	struct yg_view view;
	if (argc < 2 || open_file(argv[argc - 1], &f) < 0) {
		fprintf(stderr, "usage: decode_dump [--bench ROUNDS] FILE (a little-endian pcap file)\n");
		return 64;
	}
	if (argc == 4 && !strcmp(argv[1], "--bench")) {
		bench(&f, strtoul(argv[2], NULL, 10));
		free(f.bytes);
		return 0;
	}
	struct yg_reassembly *ra = yg_reassembly_create(&options);
	if (!ra) {
		free(f.bytes);
		return 71;
	}
	for (unsigned long number = 1; next_packet(&f, &view); number++)
		print_wholes(ra, number, &view);
	yg_reassembly_destroy(ra);
	free(f.bytes);
	return 0;
}
