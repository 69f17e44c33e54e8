// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The detector interface, and the plain records that travel through the sensor. The only header that a detector needs.
//
// A detector is a shared object that exports one object:
//
//     const struct yg_plugin yagura_plugin = { YG_PLUGIN_HEADER, .name = "dos", … };
//
// Life cycle, all on one thread (the aggregator's): create → hooks → destroy. Hooks see records, never packets, and
// the only way out is host->raise(). Records are const and die when the hook returns. Hooks may allocate, but the
// whole state of a detector stays below the maximum it states (memory_max), whatever the traffic.
//
// Time is packet time: nanoseconds since the epoch, UTC. Addresses are in network byte order, IPv4 in the first four
// bytes with the rest zero; `af` is 4 or 6. Ports are in host byte order. Strings end with NUL inside their arrays.
// In every record with two ends, index 0 is the initiator (client) and index 1 the responder (server).
//
// Growth: fields are appended and `size` grows; nothing is reordered within one ABI major version.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define YG_PLUGIN_MAGIC UINT32_C(0x59475049) // "YGPI"
#define YG_PLUGIN_ABI_MAJOR 1
#define YG_PLUGIN_ABI_MINOR 1

enum {
	YG_NAME_MAX = 256,  // a DNS name or any text from a packet, with its NUL
	YG_ORG_NONE = 0xffff,
	YG_TOP_MAX = 5,
	YG_SERIES_MAX = 120,
	YG_ORGS_MAX = 8,
	YG_TEXT_MAX = 512,
	YG_AFFECTED_WORDS = 16, // a bit for each of 1,024 bodies
};

struct yg_addr {
	uint8_t b[16];
};

enum yg_zone { YG_ZONE_NONE, YG_ZONE_INTERNET, YG_ZONE_LGWAN, YG_ZONE_MYNUMBER, YG_ZONE_COUNT };

// ---- flow records ----

enum yg_rank { YG_RANK_EMBRYONIC, YG_RANK_TALKING, YG_RANK_ANSWERED, YG_RANK_ESTABLISHED, YG_RANK_COUNT };

enum yg_flow_event { YG_FLOW_CLASSIFIED, YG_FLOW_UPDATED, YG_FLOW_ENDED };

enum yg_flow_end {
	YG_END_NONE,    // it has not ended
	YG_END_IDLE,    // the idle time of its rank has passed
	YG_END_CLOSED,  // FIN from both sides, acknowledged
	YG_END_RESET,   // RST
	YG_END_EVICTED, // the table needed its place
	YG_END_GAP,     // a gap in time above 300 s
	YG_END_EOF,     // end of input
	YG_END_COUNT,
};

// How the protocol was found. From 1 on in nDPI 4.2's order.
enum yg_confidence {
	YG_CONF_UNKNOWN,
	YG_CONF_PORT,      // guessed by port
	YG_CONF_IP,        // guessed by address
	YG_CONF_DPI_CACHE, // by what was learned from another flow
	YG_CONF_DPI,       // by payload
	YG_CONF_COUNT,
};

// Why a flow has no verdict of nDPI's own.
enum yg_unclassified {
	YG_CLASSIFIED,
	YG_UNCL_NOT_OFFERED,       // nothing of it went to the dissector
	YG_UNCL_DISSECTOR_RESTART, // the dissector that knew it died
	YG_UNCL_VERDICT_LATE,      // live only: no answer within a second
	YG_UNCL_COUNT,
};

struct yg_flow {
	uint64_t packet;     // number of the packet at which this event happened
	uint64_t flow_id;    // 53 bits; unkeyed hash of the key and the first packet's time
	int64_t first_ns, last_ns;
	int64_t event_ns;    // when this event happened (idle: when the idle time had passed)
	struct yg_addr addr[2];
	uint16_t port[2];    // ICMP: type and code as in Community ID
	uint8_t proto, af;
	uint16_t domain;
	uint16_t vlan;       // outermost VLAN id of the first packet, 0 when none
	uint16_t org[2];     // index for host->org(), YG_ORG_NONE when nobody's
	uint8_t zone[2];     // enum yg_zone
	uint8_t internal[2]; // 1: within declared address space
	uint64_t packets[2], bytes[2], payload[2]; // as sent by that end; bytes count from the IP header on
	uint8_t tcp_flags[2];
	uint8_t tcp_state;   // enum of model/flow.h; 0 when not TCP
	uint8_t rank;        // enum yg_rank
	uint8_t event;       // enum yg_flow_event
	uint8_t end;         // enum yg_flow_end
	uint8_t confidence;  // enum yg_confidence
	uint8_t unclassified;// enum yg_unclassified
	uint8_t icmp_type, icmp_code;
	uint8_t midstream;   // picked up without its beginning
	uint8_t flags;       // YG_FLOW_*
	uint16_t proto_master, proto_app; // nDPI's ids
	uint64_t risks;      // bit i: nDPI risk i
	char proto_name[48]; // "TLS.Google", as nDPI prints it; "Unknown" when unclassified
	char category[32];
	char server_name[YG_NAME_MAX];
	char ja3[36], ja3s[36];
	char alpn[32];
	// since 1.1
	uint8_t shut[2];     // TCP packets of that end with a window of zero, 255: or more
};

#define YG_FLOW_FRAGMENTED 0x01  // at least one packet arrived in fragments
#define YG_FLOW_OVERLAP 0x02     // a segment or fragment came twice with different content
#define YG_FLOW_TUNNELLED 0x04   // seen inside a tunnel
#define YG_FLOW_NO_HANDSHAKE 0x08

// What became of an attempt to reach somebody: once per flow.
enum yg_outcome {
	YG_CONTACT_ANSWERED, // the handshake was completed, or payload came back
	YG_CONTACT_REFUSED,  // RST or ICMP unreachable
	YG_CONTACT_SILENT,   // no answer until it ended
};

struct yg_contact {
	uint64_t packet;
	int64_t time_ns;     // of the first packet of the attempt
	int64_t event_ns;    // of the answer, the refusal or the end
	struct yg_addr addr[2];
	uint16_t port[2];
	uint8_t proto, af;
	uint8_t outcome;     // enum yg_outcome
	uint8_t tcp_flags;   // flags of the initiator's packets, or-ed
	uint16_t domain;
	uint16_t org[2];
	uint8_t zone[2], internal[2];
	uint32_t packets[2];
	uint64_t flow_id;    // since 1.1
};

// ---- metadata, read by the dissector ----

struct yg_meta_head {
	uint64_t packet;
	uint64_t flow_id;
	int64_t time_ns;
	struct yg_addr addr[2];
	uint16_t port[2];
	uint8_t proto, af;
	uint16_t domain;
	uint16_t org[2];
	uint8_t zone[2], internal[2];
};

struct yg_dns {
	struct yg_meta_head head;
	uint16_t id, qtype, qclass;
	uint16_t size;       // of the message, bytes
	uint16_t edns_size;  // advertised, 0 without EDNS
	uint16_t answers, authorities, additionals; // as counted in the header
	uint16_t answers_read;                      // parsed without fault
	uint32_t ttl_min;    // of the answers read; 0 without any
	uint8_t response, opcode, rcode, authoritative, truncated, recursion_desired, recursion_available;
	uint8_t name_len;    // length of qname in bytes
	uint8_t malformed;   // something did not parse; what was read before is filled
	char qname[YG_NAME_MAX]; // lower case, without the final dot; bytes other than letters, digits, - _ . as \DDD
};

struct yg_tls {
	struct yg_meta_head head;
	uint16_t version;            // of the hello; the highest of supported_versions where it is there
	uint8_t quic;                // 1: from a QUIC Initial
	uint8_t ech;                 // 1: encrypted_client_hello present
	char server_name[YG_NAME_MAX];
	char ja3[36];                // hex MD5; empty when not computed
	char alpn[32];               // first protocol offered
};

struct yg_http {
	struct yg_meta_head head;
	uint16_t status;             // 0 for a request
	uint8_t response;            // 1: a status line
	char method[16];
	char host[YG_NAME_MAX];
	char target[YG_NAME_MAX];    // request target, cut at 255 bytes
	char user_agent[YG_NAME_MAX];
	char forwarded_for[64];      // X-Forwarded-For, as sent
	// since 1.1
	uint64_t body;               // of a request: its Content-Length, 0 without
};

// ---- rates ----

enum yg_scope { YG_SCOPE_LINK, YG_SCOPE_BODY, YG_SCOPE_PREFIX, YG_SCOPE_SERVICE, YG_SCOPE_HOST, YG_SCOPE_COUNT };

// Each packet towards a key counts into exactly one of these.
enum yg_vector {
	YG_VEC_TCP_FLOW,   // TCP within a connection
	YG_VEC_SYN,
	YG_VEC_SYNACK,     // answers no SYN that was seen
	YG_VEC_ACK,        // no flow
	YG_VEC_RST,        // no flow
	YG_VEC_FIN,        // no flow
	YG_VEC_NULL_XMAS,  // no flags, or FIN+PSH+URG, or SYN+FIN
	YG_VEC_UDP,
	YG_VEC_ICMP,       // ICMP and ICMPv6
	YG_VEC_FRAGMENT,   // non-first fragments
	YG_VEC_OTHER,      // GRE, ESP, SCTP and the rest
	YG_VEC_MALFORMED,  // decoding ended with a fault behind the IP header
	YG_VEC_DOWNLOAD,   // any protocol, on a flow whose first packet left from the key
	YG_VEC_COUNT,
};

struct yg_rates {
	uint32_t packets[YG_VEC_COUNT]; // towards the key, in this second
	uint64_t bytes[YG_VEC_COUNT];
	uint32_t flows;                 // new flows towards the key
	uint32_t handshakes;            // completed: the client's ACK after its SYN
	uint32_t packets_out;
	uint32_t flows_out;
	uint64_t bytes_out;
};

// What a key that is inside sent out, in this second, on what it had begun by itself. Answers to what others began are not in it: a
// server that serves pushes nothing.
struct yg_pushed {
	uint32_t packets[YG_VEC_COUNT]; // by the vector as which they count to whoever they go to
	uint64_t bytes[YG_VEC_COUNT];
	uint32_t handshakes;            // of its own SYNs that were completed
};

// How much of a key's past is known, and with that how a threshold is made of it: H = max(floor, k * P95).
enum yg_learning {
	YG_LEARN_FLOOR, // less than a day: floors alone
	YG_LEARN_SHORT, // less than seven days: k = 8
	YG_LEARN_FULL,  // k = 5
};

// The 95th percentile of the maxima of single seconds in each minute of the last seven days, recomputed every ten minutes. Minutes in
// which an alert about the key was open are not in it. Towards the key: all vectors but YG_VEC_DOWNLOAD.
struct yg_baseline {
	float packets, bits, flows;             // a second
	float packets_out, bits_out, flows_out; // all that it sends
	float pushed_packets, pushed_bits;      // of that, struct yg_pushed
	uint32_t minutes;                       // that were learned, at most those of seven days
	uint8_t state;                          // enum yg_learning
	uint8_t reserved[3];
};

// One key in one closed second. Called for each key that had traffic in this second, and for no other: what has fallen
// silent brings no window, so a detector counts silence in tick(). The averages have decayed over the seconds between.
struct yg_window {
	int64_t second;                 // start of the window, seconds since the epoch
	uint8_t scope;                  // enum yg_scope
	uint8_t af, proto, prefix_len;  // service: proto; host and prefix: prefix_len
	uint16_t port;                  // service
	uint16_t org;
	uint8_t zone;
	uint8_t declared;               // 1: the server, prefix or body is declared in the config
	struct yg_addr addr;
	uint64_t line_bps;              // access line of the body (link: of the egress), 0 when not declared
	struct yg_rates now;            // raw, this second
	float ema_packets[YG_VEC_COUNT];// packets/s, alpha = 1 - exp(-1/5)
	float ema_bits[YG_VEC_COUNT];   // bits/s
	float ema_flows, ema_handshakes, ema_packets_out, ema_bits_out;
	float one_way;                  // share of the link's flows in the last 60 s that showed one direction only
	uint8_t warm;                   // 0 for 300 s after a live start: vectors that rest on "no flow" mean nothing yet
	// since 1.1
	struct yg_baseline base;
	struct yg_pushed pushed;        // hosts, bodies and the link
};

// ---- alerts ----

enum yg_severity { YG_SEV_INFO, YG_SEV_LOW, YG_SEV_MEDIUM, YG_SEV_HIGH, YG_SEV_CRITICAL, YG_SEV_COUNT };

enum yg_alert_state { YG_ALERT_OPEN, YG_ALERT_UPDATE, YG_ALERT_CLOSE };

// What an alert asks of people. shadow: nothing yet, a new detector is being watched; digest: to be read once a day; alert: within the
// hour; page: now.
enum yg_alert_mode { YG_MODE_SHADOW, YG_MODE_DIGEST, YG_MODE_ALERT, YG_MODE_PAGE, YG_MODE_COUNT };

// What an attack does to the service, by what its known clients get.
enum yg_impact { YG_IMPACT_UNKNOWN, YG_IMPACT_ABSORBED, YG_IMPACT_DEGRADED, YG_IMPACT_DOWN, YG_IMPACT_COUNT };

struct yg_alert_top {
	struct yg_addr addr;
	uint8_t af;
	float share; // 0 to 1
};

// What a detector fills, and what travels to the courier. Zero it first. Fields marked [host] are the host's: what
// a detector writes there is overwritten. One alert is one thing that happens: alerts of equal kind and key (kind,
// af, target, target_len, target_port, proto, vector, source when `key_source`) are one.
struct yg_alert {
	char kind[32];        // of alerts.md, "dos.syn_flood"
	char detector[32];    // [host]
	uint64_t id;          // [host] context.id: hash of kind, key and minute of the start
	uint64_t sequence;    // [host]
	int64_t time_ns;      // of this state change, packet time
	int64_t first_ns, last_ns; // first_ns: onset when the detector knows it, else 0; last_ns [host]
	uint64_t flow_id;     // 0 unless one flow is meant
	uint8_t state;        // [host] enum yg_alert_state
	uint8_t severity;     // enum yg_severity
	uint8_t hold;         // 1: only keeps an open alert open (hysteresis); opens none and changes no number
	uint8_t key_source;   // 1: the source is part of the key
	uint16_t clear_after_s; // closes when not raised or held for so long; 0: 30 s
	uint8_t af, proto;
	uint8_t source_af, target_len; // source_af 0: many, none or forged. target_len: prefix length, 32 or 128 for a host
	struct yg_addr source, target;
	uint16_t source_port, target_port;
	uint16_t org;         // whose target or source it is
	uint8_t zone;
	uint8_t score;        // 0 to 100
	float confidence;     // 0 to 1
	char vector[24];      // "syn", "udp", "vertical"; may be empty
	char app_proto[24];   // may be empty
	double observed, threshold, baseline, peak; // peak [host]: highest observed while open
	char unit[20];        // "packets/s"
	uint32_t window_s;
	uint32_t count;       // [host] times raised while open
	uint32_t sources_at_least; // distinct sources in the sample, 0 unknown
	uint32_t sample_packets;
	uint8_t top_count, series_count, orgs_count, vectors_count;
	struct yg_alert_top top[YG_TOP_MAX];
	struct { char name[24]; float share; } vectors[6]; // when an attack has several
	int64_t series_start; // seconds
	uint32_t series_step_s;
	float series[YG_SERIES_MAX], series_low, series_high;
	uint16_t orgs[YG_ORGS_MAX];      // [host] bodies that may see it
	char technique[16];   // ATT&CK, empty when none is honest
	char policy_ref[96];
	char runbook[32];
	char text_ja[YG_TEXT_MAX], text_en[YG_TEXT_MAX];
	char org_code[16], org_ja[96], org_en[96]; // [host]
	char orgs_code[YG_ORGS_MAX][16];           // [host]
	// since 1.1
	uint8_t learning;      // enum yg_learning: what `threshold` rests on
	uint8_t mode;          // [host] enum yg_alert_mode
	uint8_t impact;        // [host] enum yg_impact
	uint8_t reopened;      // [host] times that it came back within ten minutes, at most 255
	uint16_t sla_minutes;  // [host] within which a person is to be told; 0: none
	uint16_t affected_count; // [host] bodies that use what is attacked
	uint64_t affected[YG_AFFECTED_WORDS]; // [host] bit i: body i
	uint64_t campaign;     // [host] context.id of the campaign that it is a pulse of, 0: none
	uint32_t pulse;        // [host] which one, from 1; a dos.campaign: how many so far
	uint32_t period_s, period_mad_s; // dos.campaign: median gap between starts, and its median deviation; 0: not known
	int64_t next_ns;       // dos.campaign: when the next is to be expected, 0: not known
	float impact_success, impact_usual; // [host] share of known clients that are served, now and before
};

// ---- options ----

enum yg_option_type { YG_OPT_INT, YG_OPT_FLOAT, YG_OPT_BOOL, YG_OPT_STRING, YG_OPT_ENUM, YG_OPT_DURATION, YG_OPT_BYTES, YG_OPT_BPS };

// One option: the parser, the defaults, the schema and the reference page all come from this row. A plugin's option
// `k` is `plugins.<name>.k` in the YAML file. DURATION is in seconds, BYTES in bytes, BPS in bit/s; their values may be written with
// a suffix (5s, 10min, 2h; 4KiB, 16MiB; 10M, 1G). ENUM: `values` is "a|b|c" and the value is the index.
struct yg_option {
	const char *path;
	enum yg_option_type type;
	const char *unit;      // for a person, "packets/s"; may be NULL
	double min, max;       // numbers; strings: length
	const char *fallback;  // the default, as it would be written
	const char *values;    // ENUM only
	const char *help_en;   // one sentence
	const char *help_ja;
};

union yg_value {
	int64_t i;    // INT, BOOL, ENUM, BYTES, BPS
	double f;     // FLOAT, DURATION
	const char *s;// STRING; lives as long as the plugin
};

// ---- host ----

struct yg_org_info {
	const char *code, *name_ja, *name_en;
	uint64_t line_bps;
	uint16_t parent; // YG_ORG_NONE at the top
	uint8_t two_zone;
	// since 1.1: floors that the body set by itself, in place of those that follow from its line; 0: none
	double floor_packets, floor_bits, floor_flows;
};

enum yg_role { YG_ROLE_WEB, YG_ROLE_DNS, YG_ROLE_MAIL, YG_ROLE_PROXY, YG_ROLE_VPN, YG_ROLE_MONITOR, YG_ROLE_OTHER, YG_ROLE_COUNT };

// A declared server: one address and port. Lives as long as the plugin.
struct yg_server_info {
	struct yg_addr addr;
	uint8_t af, proto;  // proto 0: every protocol
	uint16_t port;      // 0: every port
	uint16_t org;
	uint8_t role;       // enum yg_role
	const char *name;
	const char *zones;  // of a DNS server: names with blanks between, lower case; else empty
};

// Why traffic of a body may be other than it usually is, as its calendar says: bits.
#define YG_PLAN_WORK 0x01    // planned work: silence is no alarm
#define YG_PLAN_BACKUP 0x02  // a backup window: big transfers are no alarm
#define YG_PLAN_SURGE 0x04   // an expected rush (a disaster, an election): crowds are no alarm
#define YG_PLAN_HOLIDAY 0x08 // a Sunday in all but name

// What the sample of the last four seconds says about packets towards `target`.
struct yg_evidence {
	uint32_t packets;          // of the sample that match
	uint32_t sources_at_least; // distinct
	uint8_t top_count;
	struct yg_alert_top top[YG_TOP_MAX];
	struct { uint16_t port; float share; } ports[YG_TOP_MAX]; // target ports
	uint8_t ports_count;
	uint16_t size_median;
};

// A question to the sample of the last four seconds: packets to, or from, a prefix. Zero it first.
struct yg_question {
	uint32_t size;         // sizeof, set by the one who asks
	uint32_t vectors;      // bit i: vector i; 0: all
	struct yg_addr addr;
	uint8_t af, len;       // af 0: any address
	uint8_t by_source;     // 1: from addr/len
	uint8_t proto;         // 0: any
	uint16_t source_port, target_port; // 0: any
};

struct yg_port_share {
	uint16_t port;
	float share;
};

struct yg_answer {
	uint32_t size;         // sizeof, set by the one who asks
	uint32_t packets;      // of the sample that match
	uint64_t bytes;
	double scale;          // packets of the traffic for each of the sample
	uint32_t sources_at_least, targets_at_least;
	uint8_t sources_count, targets_count, source_ports_count, target_ports_count;
	struct yg_alert_top sources[YG_TOP_MAX], targets[YG_TOP_MAX];
	struct yg_port_share source_ports[YG_TOP_MAX], target_ports[YG_TOP_MAX];
	uint16_t size_median;  // bytes from the IP header on
	float size_entropy;    // 0: all of one size, 1: evenly spread, over classes of 64 bytes
	float target_entropy;  // of the bytes over the targets, 0 to 1; 0 with less than two
};

struct yg_host {
	uint32_t size;
	void *context;
	// Raises, refreshes or holds an alert. Copies; never blocks; may suppress, and counts it.
	void (*raise)(void *context, const struct yg_alert *alert);
	// NULL for YG_ORG_NONE or an index out of range. Lives as long as the plugin.
	const struct yg_org_info *(*org)(void *context, uint16_t index);
	// Packets towards target/len within the given vectors (bit i: vector i; 0: all).
	void (*evidence)(void *context, uint8_t af, const struct yg_addr *target, uint8_t len, uint32_t vectors, struct yg_evidence *ret);
	// For create and destroy only. level: 0 debug to 3 error.
	void (*log)(void *context, int level, const char *text);
	// since 1.1
	void (*ask)(void *context, const struct yg_question *question, struct yg_answer *ret);
	// YG_PLAN_* of a body at that second; of all, for YG_ORG_NONE.
	uint32_t (*planned)(void *context, uint16_t org, int64_t second);
	// Hour of the week by the body's calendar, 0 (Sunday, midnight) to 167, in sensor.timezone; holidays are Sundays.
	unsigned (*week_hour)(void *context, uint16_t org, int64_t second);
	// Whether addr:port is declared (proto and port 0: any), its role (enum yg_role), and for a DNS server its zones. NULL: it is not.
	const struct yg_server_info *(*server)(void *context, uint8_t af, const struct yg_addr *addr, uint8_t proto, uint16_t port);
	// All declared addresses, in order; NULL past the last.
	const struct yg_server_info *(*server_at)(void *context, uint32_t index);
};

// ---- plugin ----

#define YG_NEEDS_FLOW 0x01
#define YG_NEEDS_CONTACT 0x02
#define YG_NEEDS_DNS 0x04
#define YG_NEEDS_TLS 0x08
#define YG_NEEDS_HTTP 0x10
#define YG_NEEDS_WINDOW 0x20

struct yg_plugin {
	uint32_t magic;
	uint16_t abi_major, abi_minor;
	uint32_t size;
	const char *name;      // [a-z][a-z0-9_]*, the folder's name
	const char *version;
	const char *licence;
	const char *summary_en, *summary_ja; // one line each
	uint32_t needs;
	const struct yg_option *options; // `options_count` rows
	uint32_t options_count;
	// Highest number of bytes that the state can take with these option values. Live so much from the instance on is made present when it
	// has been created: state that lies in one block is then never faulted in under attack.
	uint64_t (*memory_max)(const union yg_value *values);
	// `values` holds one value a row of `options` and, like host, outlives the instance. NULL: could not (said by host->log).
	void *(*create)(const struct yg_host *host, const union yg_value *values);
	void (*destroy)(void *self);
	// Hooks; NULL where not wanted, and called only when `needs` asks.
	void (*flow)(void *self, const struct yg_flow *flow);
	void (*contact)(void *self, const struct yg_contact *contact);
	void (*dns)(void *self, const struct yg_dns *dns);
	void (*tls)(void *self, const struct yg_tls *tls);
	void (*http)(void *self, const struct yg_http *http);
	void (*window)(void *self, const struct yg_window *window);
	// Packet time jumped by more than 300 s: windows between were not called.
	void (*gap)(void *self, int64_t from_ns, int64_t to_ns);
	// Once a second of packet time, after the windows of that second.
	void (*tick)(void *self, int64_t second);
	// State that a restart must not forget. save: fills at most `size` bytes, returns what it used (0: nothing to keep).
	// restore: 0, or -1 when the bytes are not its own; hostile bytes are the normal case.
	uint32_t (*save)(void *self, void *buffer, uint32_t size);
	int (*restore)(void *self, const void *buffer, uint32_t size);
};

#define YG_PLUGIN_HEADER \
	.magic = YG_PLUGIN_MAGIC, .abi_major = YG_PLUGIN_ABI_MAJOR, .abi_minor = YG_PLUGIN_ABI_MINOR, .size = sizeof(struct yg_plugin)

#define YG_PLUGIN_SYMBOL "yagura_plugin"
