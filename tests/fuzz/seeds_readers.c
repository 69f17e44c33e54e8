// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Writes first inputs for the fuzz targets of the payload readers: seeds_readers DIR makes DIR/dns, DIR/tls, DIR/http,
// DIR/stream and DIR/flow_reader. Everything is built here; nothing comes from a capture.
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "reader_bytes.h"

static const char *root;
static int failures;

static void save(const char *target, const char *name, const struct bytes *b)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", root, target);
	if (mkdir(path, 0777) < 0 && errno != EEXIST)
		failures++;
	snprintf(path, sizeof path, "%s/%s/%s", root, target, name);
	FILE *f = fopen(path, "wb");
	if (!f || fwrite(b->p, 1, b->len, f) != b->len)
		failures++;
	if (f)
		fclose(f);
}

// One packet of fuzz_flow_reader, or one operation of fuzz_stream: five bytes of head, then the bytes.
static void put_step(struct bytes *b, unsigned what, unsigned how, unsigned value, unsigned fifth, const void *data,
                     size_t len)
{
	put8(b, what);
	put8(b, how);
	put16(b, value);
	put8(b, fifth);
	put(b, data, len);
}

static void dns(void)
{
	struct bytes query = {0}, response = {0}, mdns = {0}, tcp = {0}, flow = {0};
	put_dns_query(&query, "www.example.jp");
	put_dns_header(&response, 0x8180, 1, 2, 1, 1);
	put_question(&response, "a.example", 16);
	put_record(&response, 12, 16, 1, 60, 30);
	put_record(&response, 14, 1, 1, 600, 4);
	put_record(&response, 12, 2, 1, 600, 2);
	put8(&response, 0);
	put16(&response, 41);
	put16(&response, 1232);
	put32(&response, 0);
	put16(&response, 0);
	put_dns_header(&mdns, 0x8400, 0, 1, 0, 0);
	put_name(&mdns, "printer.local");
	put32(&mdns, 0x000c8001);
	put32(&mdns, 120);
	put16(&mdns, 0);
	for (int i = 0; i < 3; i++) {
		put16(&tcp, (unsigned)query.len);
		put(&tcp, query.p, query.len);
	}
	save("dns", "query", &query);
	save("dns", "response", &response);
	save("dns", "mdns", &mdns);
	save("dns", "tcp", &tcp);
	put_step(&flow, 1 | 16, 0, (unsigned)query.len, 0, query.p, query.len);
	put_step(&flow, 1, 0, 20, 0, tcp.p, 20);
	put_step(&flow, 1, 0, (unsigned)tcp.len - 20, 0, tcp.p + 20, tcp.len - 20);
	save("flow_reader", "dns", &flow);
}

static void tls(void)
{
	struct bytes hello = {0}, one = {0}, many = {0}, bare = {0}, flow = {0};
	put_client_hello(&hello, "www.example.jp", 14, 60);
	put_records(&one, &hello, 16000);
	put_records(&many, &hello, 30);
	put8(&bare, 17); // fuzz_tls: the size of its records
	put(&bare, hello.p, hello.len);
	save("tls", "one_record", &one);
	save("tls", "many_records", &many);
	save("tls", "bare", &bare);
	put_step(&flow, 0, 0, 100, 0, one.p, 100);
	put_step(&flow, 0, 0, (unsigned)one.len - 100, 0, one.p + 100, one.len - 100);
	save("flow_reader", "tls", &flow);
}

static void http(void)
{
	static const char *const heads[] = {
	    "GET /a HTTP/1.1\r\nHost: www.example.jp\r\nUser-Agent: x/1\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n",
	    "POST / HTTP/1.0\nContent-Length: 5\nHost:\n folded\n\nhello",
	    "HTTP/1.1 200 OK\r\nServer: x\r\n\r\n",
	    "CONNECT a.example:443 HTTP/1.1\r\n\r\n",
	};
	struct bytes flow = {0};
	for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
		struct bytes b = {0};
		const char name[2] = {(char)('0' + i), 0};
		put_text(&b, heads[i]);
		save("http", name, &b);
		put_step(&flow, i == 2 ? 2 | 4 : 2, 0, (unsigned)b.len, 0, b.p, b.len);
	}
	save("flow_reader", "http", &flow);
}

static void stream(void)
{
	struct bytes b = {0};
	put_step(&b, 0, 8, 0, 0, "", 0);       // take
	put_step(&b, 9, 8, 4, 4, "late", 4);   // add behind a gap
	put_step(&b, 9, 8, 0, 6, "firstX", 6); // fill it, differing
	put_step(&b, 6, 8, 3, 0, "", 0);       // advance
	put_step(&b, 3, 8, 0, 0, "", 0);       // release
	save("stream", "all", &b);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: seeds_readers DIR\n");
		return 64;
	}
	root = argv[1];
	dns();
	tls();
	http();
	stream();
	return failures ? 74 : 0;
}
