// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Reflection: a few hundred servers outside answer what the victim never asked, each answer as that service writes it.
// And the same services on inside hosts, which outside clients ask and which answer them: what makes such a host a
// reflector for others. Sizes are of the order that US-CERT TA14-017A gives. Thread: one.
#include "gen_shots.h"

#include <string.h>

enum { REFLECTORS = 400, OPEN_CLIENTS = 20, FRAGMENT = 1480 };

// ---- answers ----

static void dns_answer(struct gen_buf *buf, struct gen_rng *rng, const char *name, size_t len)
{
	unsigned records = (unsigned)(len / 200);
	gen_dns_question(buf, (uint16_t)gen_next(rng), 0x8180, name, 255, records, true);
	for (unsigned i = 0; i < records; i++) {
		size_t at = gen_dns_record(buf, 16, 3600);
		gen_put_be(buf, 187, 1);
		for (unsigned c = 0; c < 187; c++)
			gen_put_be(buf, 'a' + gen_below(rng, 26), 1);
		gen_close_len(buf, at, 2);
	}
	gen_dns_edns(buf);
}

static void ntp_answer(struct gen_buf *buf, struct gen_rng *rng)
{
	gen_put_be(buf, 0xd700032a, 4); // answer, more to come, version 2, mode 7; XNTPD, MON_GETLIST_1
	gen_put_be(buf, 0x00060048, 4); // six entries of 72 bytes
	gen_put_random(buf, rng, 6 * 72);
}

static void ssdp_answer(struct gen_buf *buf, struct gen_rng *rng)
{
	gen_put_text(buf, "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nST: upnp:rootdevice\r\nEXT:\r\nSERVER: Linux/3.4 UPnP/1.0 "
	                  "device/1.0\r\nUSN: uuid:%08x-0000-1000-8000-%012llx::upnp:rootdevice\r\n",
	             (unsigned)gen_next(rng), (unsigned long long)(gen_next(rng) >> 16));
	gen_put_text(buf, "LOCATION: http://192.168.0.1:5000/rootDesc.xml\r\nBOOTID.UPNP.ORG: 1\r\n\r\n");
}

static void snmp_answer(struct gen_buf *buf, struct gen_rng *rng)
{
	gen_put(buf, "\x30\x82", 2);
	size_t message = gen_open_len(buf, 2);
	gen_put(buf, "\2\1\1\4\6public\xa2\x82", 13); // version 2c, community, GetResponse
	size_t body = gen_open_len(buf, 2);
	gen_put(buf, "\2\4", 2);
	gen_put_random(buf, rng, 4);
	gen_put(buf, "\2\1\0\2\1\0\x30\x82", 8);
	size_t bindings = gen_open_len(buf, 2);
	for (unsigned i = 0; i < 10; i++) {
		gen_put(buf, "\x30\x81\x86\6\x0a\x2b\6\1\2\1\2\2\1\2", 14);
		gen_put_be(buf, 1 + i, 1);
		gen_put(buf, "\4\x78", 2);
		gen_put_random(buf, rng, 120);
	}
	gen_close_len(buf, bindings, 2);
	gen_close_len(buf, body, 2);
	gen_close_len(buf, message, 2);
}

static size_t open_ber(struct gen_buf *buf, uint8_t tag)
{
	gen_put_be(buf, tag, 1);
	gen_put_be(buf, 0x84, 1);
	return gen_open_len(buf, 4);
}

// The root of a directory: one attribute with one long value.
static void cldap_answer(struct gen_buf *buf, struct gen_rng *rng)
{
	size_t message = open_ber(buf, 0x30);
	gen_put(buf, "\2\1\7", 3);
	size_t entry = open_ber(buf, 0x64);
	gen_put(buf, "\4\0", 2);
	size_t attributes = open_ber(buf, 0x30), one = open_ber(buf, 0x30);
	gen_put(buf, "\4\x0enamingContexts", 16);
	size_t values = open_ber(buf, 0x31), value = open_ber(buf, 4);
	gen_put_random(buf, rng, 1341);
	gen_close_len(buf, value, 4);
	gen_close_len(buf, values, 4);
	gen_close_len(buf, one, 4);
	gen_close_len(buf, attributes, 4);
	gen_close_len(buf, entry, 4);
	gen_close_len(buf, message, 4);
}

static void memcached_answer(struct gen_buf *buf, struct gen_rng *rng)
{
	gen_put_be(buf, gen_next(rng) & 0xffff, 2);
	gen_put_be(buf, gen_below(rng, 500), 2); // which datagram of so many
	gen_put_be(buf, 500u << 16, 4);
	gen_put_random(buf, rng, 1392);
}

static void chargen_answer(struct gen_buf *buf, struct gen_rng *rng)
{
	unsigned first = gen_below(rng, 95);
	for (unsigned i = 0; i < 1024; i++)
		gen_put_be(buf, i % 74 == 72 ? '\r' : i % 74 == 73 ? '\n' : ' ' + (first + i % 74 + i / 74) % 95, 1);
}

// ---- attacks ----

// The i-th reflector of this attack: a machine like any, and the same one each time.
static struct gen_addr reflector(const struct gen_attack *attack, unsigned i)
{
	struct gen_rng rng = {gen_mix(gen_mix(0x5e7e, attack->port), i)};
	return gen_forged(&rng, attack->target.af);
}

static struct gen_packet reflected(struct gen_attack *attack, uint16_t from, const struct gen_buf *buf)
{
	struct gen_packet packet = gen_towards(attack, GEN_UDP);
	packet.src = reflector(attack, gen_below(&attack->rng, REFLECTORS));
	packet.sport = from;
	packet.dport = attack->port ? attack->port : (uint16_t)gen_between(&attack->rng, 1024, 65535);
	packet.payload = buf->b;
	packet.payload_len = buf->len;
	return packet;
}

// Answered: the victim has no such port, and says so to a few.
static void send_reflected(struct gen *gen, struct gen_attack *attack, uint16_t from, const struct gen_buf *buf)
{
	uint8_t frame[GEN_FRAME_MAX];
	struct gen_packet packet = reflected(attack, from, buf);
	gen_emit(gen, &packet);
	if (!attack->answered || !gen_chance(&attack->rng, 0.1) || !gen_build(&packet, frame, sizeof(frame)))
		return;
	bool v6 = packet.src.af == 6;
	struct gen_packet refused = gen_back(&packet, 0);
	refused.proto = v6 ? GEN_ICMP6 : GEN_ICMP;
	refused.icmp_type = v6 ? 1 : 3;
	refused.icmp_code = v6 ? 4 : 3;
	refused.payload = frame + 14;
	refused.payload_len = (v6 ? 40 : 20) + 8;
	gen_send_later(gen, &refused, gen_between(&attack->rng, 200, 2000) * GEN_US);
}

void gen_shot_amp_dns(struct gen *gen, struct gen_attack *attack)
{
	struct gen_buf buf = {.len = 0};
	dns_answer(&buf, &attack->rng, "big.zone77.example", 1200);
	send_reflected(gen, attack, 53, &buf);
}

// An answer of 3,900 bytes in three packets, of which only the first says from where it comes.
void gen_shot_amp_dns_fragmented(struct gen *gen, struct gen_attack *attack)
{
	struct gen_buf buf = {.len = 0};
	dns_answer(&buf, &attack->rng, "big.zone77.example", 3900);
	struct gen_packet packet = reflected(attack, 53, &buf);
	size_t step = packet.src.af == 6 ? 1448 : FRAGMENT, first = step - 8;
	packet.fragment = packet.more_fragments = true;
	packet.udp_len = (uint16_t)(8 + buf.len);
	packet.payload_len = first;
	gen_emit(gen, &packet);
	for (size_t at = first; at < buf.len; at += step) {
		size_t rest = buf.len - at;
		packet.fragment_offset = (uint16_t)((8 + at) / 8);
		packet.more_fragments = rest > step;
		packet.payload = buf.b + at;
		packet.payload_len = rest > step ? step : rest;
		gen_emit(gen, &packet);
	}
}

// clang-format off
#define REFLECTED(service, port)                                                                                       \
	void gen_shot_amp_##service(struct gen *gen, struct gen_attack *attack)                                        \
	{                                                                                                              \
		struct gen_buf buf = {.len = 0};                                                                       \
		service##_answer(&buf, &attack->rng);                                                                  \
		send_reflected(gen, attack, port, &buf);                                                               \
	}
// clang-format on
REFLECTED(ntp, 123)
REFLECTED(ssdp, 1900)
REFLECTED(snmp, 161)
REFLECTED(cldap, 389)
REFLECTED(memcached, 11211)
REFLECTED(chargen, 19)

// Servers that were sent SYNs in the victim's name; each sends its answer again when the victim keeps silent.
void gen_shot_synack_reflection(struct gen *gen, struct gen_attack *attack)
{
	static const uint8_t options[4] = {2, 4, 0x05, 0xb4};
	struct gen_packet packet = gen_towards(attack, GEN_TCP);
	unsigned who = gen_below(&attack->rng, REFLECTORS);
	packet.src = reflector(attack, who);
	packet.sport = who % 3 ? 443 : 80;
	packet.dport = attack->port ? attack->port : (uint16_t)gen_between(&attack->rng, 1024, 65535);
	packet.flags = GEN_SYN | GEN_ACK;
	packet.seq = (uint32_t)gen_next(&attack->rng);
	packet.ack = (uint32_t)gen_next(&attack->rng);
	packet.window = 64240;
	packet.options = options;
	packet.options_len = sizeof(options);
	gen_emit(gen, &packet);
	if (attack->answered) {
		struct gen_packet refused = gen_back(&packet, GEN_RST);
		gen_send_later(gen, &refused, gen_between(&attack->rng, 200, 2000) * GEN_US);
	} else if (gen_chance(&attack->rng, 0.5)) {
		gen_send_later(gen, &packet, GEN_S + gen_between(&attack->rng, 0, 40) * GEN_MS);
	}
}

// ---- open services inside ----

// One outside client asks, the inside host answers: the same few clients again and again.
static void ask_open(struct gen *gen, struct gen_attack *attack, uint16_t port, const struct gen_buf *query,
                     const struct gen_buf *answer)
{
	struct gen_addr client = gen_outside_client(41000 + gen_below(&attack->rng, OPEN_CLIENTS), attack->target.af);
	struct gen_talk *talk = gen_talk_new(gen_next(&attack->rng), GEN_UDP, &client, &attack->target, port);
	gen_say(talk, 0, query->b, query->len, 0, GEN_FILL_RANDOM);
	gen_say(talk, 1, answer->b, answer->len, 0, GEN_FILL_RANDOM);
	talk->mss = 1480;
	gen_talk_start(gen, talk, gen->now);
}

// A name of somebody else's, looked up for somebody who is no customer.
void gen_shot_open_dns(struct gen *gen, struct gen_attack *attack)
{
	char name[64];
	uint8_t af = attack->target.af;
	uint32_t zone = gen_below(&attack->rng, 200);
	struct gen_addr client = gen_outside_client(41000 + gen_below(&attack->rng, OPEN_CLIENTS), af), answer = gen_outside_server(zone, af);
	struct gen_pair pair = {client, attack->target, gen_next(&attack->rng), name};
	snprintf(name, sizeof(name), "www.zone%u.example", zone);
	gen_app_dns(gen, gen->now, &pair, &answer, af == 6 ? 28 : 1, false);
}

void gen_shot_open_ntp(struct gen *gen, struct gen_attack *attack)
{
	struct gen_buf query = {.len = 0}, answer = {.len = 0};
	gen_put_be(&query, 0x1700032a, 4);
	gen_put_be(&query, 0, 4);
	ntp_answer(&answer, &attack->rng);
	ask_open(gen, attack, 123, &query, &answer);
}

void gen_shot_open_ssdp(struct gen *gen, struct gen_attack *attack)
{
	struct gen_buf query = {.len = 0}, answer = {.len = 0};
	gen_put_text(&query, "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: ssdp:all\r\n\r\n");
	ssdp_answer(&answer, &attack->rng);
	ask_open(gen, attack, 1900, &query, &answer);
}

void gen_shot_open_snmp(struct gen *gen, struct gen_attack *attack)
{
	struct gen_buf query = {.len = 0}, answer = {.len = 0};
	gen_put(&query, "\x30\x26\2\1\1\4\6public\xa5\x19\2\4\0\0\0\1\2\1\0\2\1\x64\x30\x0b\x30\x09\6\5\x2b\6\1\2\1\5\0", 40);
	snmp_answer(&answer, &attack->rng);
	ask_open(gen, attack, 161, &query, &answer);
}

void gen_shot_open_cldap(struct gen *gen, struct gen_attack *attack)
{
	struct gen_buf query = {.len = 0}, answer = {.len = 0};
	gen_put(&query, "\x30\x25\2\1\7\x63\x20\4\0\x0a\1\0\x0a\1\0\2\1\0\2\1\0\1\1\0\x87\x0bobjectclass\x30\0", 39);
	cldap_answer(&answer, &attack->rng);
	ask_open(gen, attack, 389, &query, &answer);
}

void gen_shot_open_memcached(struct gen *gen, struct gen_attack *attack)
{
	struct gen_buf query = {.len = 0}, answer = {.len = 0};
	gen_put(&query, "\0\1\0\0\0\1\0\0stats\r\n", 15);
	memcached_answer(&answer, &attack->rng);
	ask_open(gen, attack, 11211, &query, &answer);
}

void gen_shot_open_chargen(struct gen *gen, struct gen_attack *attack)
{
	struct gen_buf query = {.len = 0}, answer = {.len = 0};
	gen_put(&query, "\n", 1);
	chargen_answer(&answer, &attack->rng);
	ask_open(gen, attack, 19, &query, &answer);
}
