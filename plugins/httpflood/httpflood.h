// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What the files of the httpflood detector share. Everything runs on the aggregator's thread. All state lies in one
// block whose size httpflood_memory() states; nothing is allocated after create.
//
// Sources: HyperLogLog with linear counting (Flajolet and others, 2007); the commonest of many by Space-Saving (Metwally, Agrawal and
// El Abbadi, 2005); 408 as the server's own word that a request did not come (RFC 9110, 15.5.9).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <yagura/plugin.h>

enum {
	HTTPF_WINDOW_S = 10,
	HTTPF_SLOTS = 16,
	HTTPF_REGISTERS = 256,   // of a sketch: a standard error of 6.5 %
	HTTPF_PRINTS = 32,       // fingerprints told apart in an epoch: a share is at most 1/32 too high
	HTTPF_EPOCH_S = 5,
	HTTPF_PRINTS_MIN = 50,   // fingerprints from which a share of them means something
	HTTPF_PROXIES = 64,
	HTTPF_EVIDENCE_S = 10,
	HTTPF_EVICTIONS = 64,    // searches for a place in one second, once the table is full
	HTTPF_USUAL_S = 600,     // calm seconds after which "usual" means something
	HTTPF_SOFT_S = 10,       // a request that takes so long is slow,
	HTTPF_HARD_S = 30,       // so long: certainly
	HTTPF_SLOW_RATE = 500,   // bytes a second of a client that sends on
	HTTPF_LATELY_S = 30,     // a connection that ended slow counts for so long
	HTTPF_FORGET_S = 330,    // nothing was heard of a connection: its end was lost (they end after 300 s of silence)
	HTTPF_SECRETS = 10,
};

// What a server leaves to be done at the end of a second: all; nothing about floods, for nobody came within the window; nothing at all, for
// none of its connections is slow either. What the seconds at rest would have written is written when it wakes, see rest.c.
enum { HTTPF_AWAKE, HTTPF_QUIET, HTTPF_ASLEEP };

#define HTTPF_NONE UINT32_MAX

// One second of a server; which one says httpf_server.second.
struct httpf_second {
	uint32_t handshakes, quic;           // exact, from the windows
	uint32_t hellos, quic_hellos, requests, answers; // as read
	uint32_t ends, small;                // connections that ended, and of these with a small reply
	uint32_t told, proxied;              // connections of which the client is known, and those from listed proxies
	uint64_t bytes_in, packets_in, bytes_out, packets_out;
	uint8_t sources[HTTPF_REGISTERS];
};

struct httpf_print {
	uint64_t hash;
	uint32_t count;
};

struct httpf_epoch {
	int64_t number;
	uint32_t all;
	struct httpf_print print[HTTPF_PRINTS];
};

enum httpf_what { HTTPF_FLOOD, HTTPF_SLOW, HTTPF_WHATS };

struct httpf_incident {
	bool open, tls;
	uint32_t quiet_s;
	int64_t onset, asked;
	uint8_t top_count;
	struct yg_alert_top top[YG_TOP_MAX];
	uint32_t sources_at_least, sample_packets;
	uint32_t series_next, series_count;
	float series[YG_SERIES_MAX];
};

// What of a server's connections stands in the way of others, in one pass over the table.
struct httpf_held {
	uint32_t open, slow, hard, bodies;
	uint32_t announced; // one-way: bodies announced that would have taken 30 s at least, of which nothing more is known
	uint64_t in_least;  // of these: the least `in`
};

// What is looked at of every server again and again, apart from them, so that it stays in the nearest caches.
struct httpf_place {
	int64_t last;  // second that anything was heard of it
	uint32_t next; // in its bucket or in the free list
	uint32_t tag;  // of its key
};

struct httpf_server {
	bool used, web, tls, one_way;
	uint8_t af, zone, learning, hot;
	uint16_t port, org;
	struct yg_addr addr;
	int64_t heard, onset; // heard: second of the last HTTP message
	uint64_t in;                // bytes that clients have sent, within connections
	double p95, usual;          // usual: sources in a window
	uint32_t usual_s;
	uint32_t conns;              // of the table of connections
	uint32_t written;            // a bit for each slot that may have been written to since its connections were counted
	int64_t judged[HTTPF_WHATS]; // at rest: the last second that was
	int64_t second[HTTPF_SLOTS];  // of each slot: most are of long ago, and most of what is asked of a slot is that
	double made[HTTPF_SLOTS];     // connections of each slot, as of the last judgement
	uint64_t slow_sources[16]; // of the slow ones among its connections, if any: linear counting over 1,024 bits
	struct httpf_incident incident[HTTPF_WHATS];
	// From here on nothing is cleared with the server: a slot and an epoch are when they are taken.
	struct httpf_second slot[HTTPF_SLOTS];
	struct httpf_epoch epoch[2];
};

#define HTTPF_C_SYN 0x01      // its beginning was seen
#define HTTPF_C_ASKED 0x02    // a request, or a ClientHello, was whole
#define HTTPF_C_POST 0x04     // it has a body
#define HTTPF_C_ANSWERED 0x08 // the server has sent something that is no refusal
#define HTTPF_C_DRIP 0x10     // between two looks the client sent little and the server nothing
#define HTTPF_C_GONE 0x20     // it ended slow, and counts a while
#define HTTPF_C_LOOKED 0x40   // `up` and `down` hold a look
#define HTTPF_C_ONE_WAY 0x80  // the server's side is out of sight
#define HTTPF_C_SHUT 0x100    // between two looks the client's window was shut, and the server could send little

// A connection to a web server.
struct httpf_conn {
	uint64_t flow_id, source;
	uint64_t up, down; // payload at the last look
	uint64_t in;       // the server's, when it opened
	int64_t opened, heard, gone, asked; // asked: second of the last request with a body
	uint32_t server, next;
	uint32_t announced; // bytes of all bodies that its requests announced
	uint16_t flags;
	uint8_t shut; // at the last look
	bool used;
};

struct httpf_stats {
	uint64_t servers_full, conns_full, evicted, lost;
};

struct httpf_prefix {
	struct yg_addr addr;
	uint8_t af, len;
};

struct httpf {
	const struct yg_host *host;
	double floor, print_share, source_factor;
	uint64_t small_reply;
	uint32_t slow_conns, slow_tls, clear_s;
	struct httpf_prefix proxy[HTTPF_PROXIES];
	uint32_t proxies;
	uint32_t servers_max, conns_max, server_buckets, conn_buckets; // buckets: powers of two
	uint64_t secret[HTTPF_SECRETS];
	int64_t ticked;    // the second that ended last
	int64_t active[3]; // the last seconds with packets, the newest first: what happened up to the third is known, see slow.c
	uint32_t server_free, conn_free, evictions, servers_used, conns_used, conns_count;
	uint32_t *server_head, *conn_head;
	struct httpf_place *place; // by server, as the next two
	struct httpf_held *held;
	uint8_t *rest; // HTTPF_AWAKE and so on
	struct httpf_server *server;
	struct httpf_conn *conn;
	struct httpf_stats stats;
};

// ---- table.c ----

uint64_t httpflood_memory(uint32_t servers, uint32_t conns);
void httpflood_layout(struct httpf *h);
void httpflood_clear(struct httpf *h);
struct httpf_server *httpflood_server(struct httpf *h, uint8_t af, const struct yg_addr *addr, uint16_t port, int64_t second, bool make);
// The server's second, to be written to; it wakes. NULL: one after it has its place.
struct httpf_second *httpflood_slot(struct httpf *h, struct httpf_server *s, int64_t second);
struct httpf_conn *httpflood_conn(struct httpf *h, uint64_t flow_id);
// A connection of the server; NULL: no place, counted.
struct httpf_conn *httpflood_conn_add(struct httpf *h, uint64_t flow_id, struct httpf_server *s);
void httpflood_conn_drop(struct httpf *h, struct httpf_conn *c);

// ---- count.c ----

uint64_t httpflood_hash(const void *data, uint32_t len);
void httpflood_source(struct httpf_second *slot, uint64_t hash);
// Distinct sources in the window that ends with `second`.
double httpflood_sources(const struct httpf_server *s, int64_t second);
void httpflood_print(struct httpf_server *s, int64_t second, uint64_t hash);
// Share of the commonest fingerprint in the last one to two epochs; below 0: too few were seen.
double httpflood_print_share(const struct httpf_server *s, int64_t second);
uint32_t httpflood_save(struct httpf *h, void *buffer, uint32_t size);
int httpflood_restore(struct httpf *h, const void *buffer, uint32_t size);
// "198.51.100.0/24, 2001:db8::/32" to prefixes; false: not understood, or too many.
bool httpflood_prefixes(struct httpf *h, const char *text);
bool httpflood_is_proxy(const struct httpf *h, uint8_t af, const struct yg_addr *addr);

// ---- flood.c, slow.c: the second has ended ----

void httpflood_judge(struct httpf *h, struct httpf_server *s, int64_t second);
void httpflood_pass(struct httpf *h, int64_t second);
void httpflood_active(struct httpf *h, int64_t second); // packets came in that second
// Of a calm tenth second: so many sources came in its window.
void httpflood_learn(struct httpf_server *s, double sources);
void httpflood_judge_slow(struct httpf *h, struct httpf_server *s, int64_t second, bool quiet); // quiet: nobody came within the window

// ---- rest.c ----

void httpflood_judge_all(struct httpf *h, int64_t second);
void httpflood_wake(struct httpf *h, uint32_t at);
void httpflood_wake_slow(struct httpf *h, uint32_t at); // for its connections alone
void httpflood_catch_up_all(struct httpf *h);

// ---- text.c ----

struct httpf_said {
	bool tls, one_way;
	double print, sources, usual, small; // shares and numbers; below 0: not known
	bool unanswered;
	uint32_t open, hard;                 // of a slow attack
};
// Everything of the alert but its numbers and sentences.
void httpflood_alert(const struct httpf *h, const struct httpf_server *s, enum httpf_what what, int64_t second, struct yg_alert *ret);
void httpflood_evidence(const struct httpf *h, struct httpf_incident *in, struct yg_alert *a, int64_t second);
void httpflood_sentences(const struct httpf *h, struct yg_alert *a, enum httpf_what what, const struct httpf_said *said);
