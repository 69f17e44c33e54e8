// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A worker over whole conversations: ranks, contacts, vectors, ends, and the conservation of flows, packets and bytes. What the
// dissector may do to it: test_worker_dissect.c.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "worker_rig.h"

enum { SYN = YG_TCP_SYN, ACK = YG_TCP_ACK, FIN = YG_TCP_FIN, RST = YG_TCP_RST, PSH = YG_TCP_PSH };
enum { NO_CONTACT = -1, FLOWS_MAX = 20000 };
#define S YG_NS_PER_S

struct seen {
	struct yg_flow flows[FLOWS_MAX];
	struct yg_contact contacts[FLOWS_MAX];
	uint32_t flows_count, contacts_count, updates, begins, ends;
	struct yg_rates body, link;
	uint64_t order[5];
};

static struct seen *seen;

static void on_event(struct rig *rig, const struct yg_event *event)
{
	(void)rig;
	assert_true(event->stage == YG_STAGE_BEGIN || event->order >= seen->order[event->stage]); // each stage in order
	seen->order[event->stage] = event->stage == YG_STAGE_BEGIN ? 0 : event->order;
	seen->begins += event->kind == YG_EV_BEGIN;
	seen->ends += event->kind == YG_EV_END;
	if (event->kind == YG_EV_FLOW && event->flow.event == YG_FLOW_ENDED) {
		assert_int_equal(event->stage, YG_STAGE_RECORD);
		seen->flows[seen->flows_count++ % FLOWS_MAX] = event->flow;
	} else if (event->kind == YG_EV_FLOW) {
		seen->updates++;
	} else if (event->kind == YG_EV_CONTACT) {
		seen->contacts[seen->contacts_count++ % FLOWS_MAX] = event->contact;
	}
}

static void on_delta(struct rig *rig, const struct yg_rate_delta *delta)
{
	(void)rig;
	struct yg_rates *to = delta->key.scope == YG_SCOPE_LINK ? &seen->link
			      : delta->key.scope == YG_SCOPE_BODY && delta->key.org == HAND_CITY ? &seen->body : NULL;
	if (!to)
		return;
	for (unsigned v = 0; v < YG_VEC_COUNT; v++) {
		to->packets[v] += delta->rates.packets[v];
		to->bytes[v] += delta->rates.bytes[v];
	}
	to->packets_out += delta->rates.packets_out;
	to->bytes_out += delta->rates.bytes_out;
	to->flows += delta->rates.flows;
	to->flows_out += delta->rates.flows_out;
	to->handshakes += delta->rates.handshakes;
}

static void start(struct rig *rig, const struct rig_options *options)
{
	memset(rig, 0, sizeof *rig);
	seen = calloc(1, sizeof *seen);
	rig->event = on_event;
	rig->delta = on_delta;
	rig_start(rig, options);
}

static void stop(struct rig *rig)
{
	rig_stop(rig);
	free(seen);
}

static const struct rig_options alone = {.no_dissector = true};

// ---- conversations ----

// A conversation in words: `>` from the client outside, `<` from the server inside; S SYN, A ACK, F FIN, R RST, P PSH, U URG,
// Z a window of zero; a number is the payload's bytes; `@` and seconds to wait before it.
static struct rig_packet packet_of(unsigned client, uint8_t proto, const char **word, unsigned *ret_wait_s)
{
	static const char letters[] = "FSRPAU"; // in the order of the bits
	struct rig_packet p = {.src = hand_v4(192, 0, 2, client), .dst = hand_v4(10, 1, 0, 9), .sport = 40000, .dport = 443, .proto = proto};
	const char *s = *word;
	if (*s++ == '<')
		p = (struct rig_packet){.src = p.dst, .dst = p.src, .sport = 443, .dport = 40000, .proto = proto};
	for (const char *letter; *s && (letter = strchr(letters, *s)); s++)
		p.flags |= (uint8_t)(1u << (letter - letters));
	p.shut = *s == 'Z' && s++;
	if (*s >= '0' && *s <= '9')
		p.payload = (uint16_t)strtoul(s, (char **)&s, 10);
	*ret_wait_s = *s == '@' ? (unsigned)strtoul(s + 1, (char **)&s, 10) : 0;
	*word = s + (*s == ' ');
	return p;
}

// Returns the number of packets.
static unsigned converse(struct rig *rig, unsigned client, uint8_t proto, const char *words)
{
	unsigned count = 0, wait_s;
	for (; *words; count++) {
		struct rig_packet p = packet_of(client, proto, &words, &wait_s);
		rig->now += wait_s * S + YG_NS_PER_MS;
		rig_begin(rig);
		rig_send(rig, &p);
		rig_end(rig, false);
	}
	return count;
}

static const struct conversation {
	const char *name;
	uint8_t proto;
	const char *words;
	uint8_t rank, end, tcp_state;
	int outcome;
} conversations[] = {
	{"SYN alone", 6, ">S", YG_RANK_EMBRYONIC, YG_END_IDLE, YG_TCP_SYN_SENT, YG_CONTACT_SILENT},
	{"SYN and SYN-ACK", 6, ">S <SA", YG_RANK_EMBRYONIC, YG_END_IDLE, YG_TCP_SYN_RECEIVED, YG_CONTACT_ANSWERED},
	{"SYN and RST", 6, ">S <RA", YG_RANK_EMBRYONIC, YG_END_RESET, YG_TCP_RESET, YG_CONTACT_REFUSED},
	{"SYN with payload", 6, ">S100", YG_RANK_EMBRYONIC, YG_END_IDLE, YG_TCP_SYN_SENT, YG_CONTACT_SILENT},
	{"many RST back are no conversation", 6, ">S <R <R <R <R <R",
	 YG_RANK_EMBRYONIC, YG_END_RESET, YG_TCP_RESET, YG_CONTACT_REFUSED},
	{"handshake", 6, ">S <SA >A", YG_RANK_ESTABLISHED, YG_END_IDLE, YG_TCP_ESTABLISHED, YG_CONTACT_ANSWERED},
	{"handshake of a one-way mirror", 6, ">S >AP9",
	 YG_RANK_ESTABLISHED, YG_END_IDLE, YG_TCP_ESTABLISHED, YG_CONTACT_ANSWERED},
	{"closed in order", 6, ">S <SA >A >FA <FA >A", YG_RANK_ESTABLISHED, YG_END_CLOSED, YG_TCP_CLOSED, YG_CONTACT_ANSWERED},
	{"a FIN that is sent again is not the other side's", 6, ">S <SA >A >FA >FA <AP50 <AP50@30",
	 YG_RANK_ESTABLISHED, YG_END_IDLE, YG_TCP_FIN_1, YG_CONTACT_ANSWERED},
	{"reset in its middle", 6, ">S <SA >A <R", YG_RANK_ESTABLISHED, YG_END_RESET, YG_TCP_RESET, YG_CONTACT_ANSWERED},
	{"TCP from its middle, one side", 6, ">AP10", YG_RANK_TALKING, YG_END_IDLE, YG_TCP_MIDSTREAM, YG_CONTACT_SILENT},
	{"TCP from its middle, both sides", 6, ">AP10 <AP10",
	 YG_RANK_ESTABLISHED, YG_END_IDLE, YG_TCP_MIDSTREAM, YG_CONTACT_ANSWERED},
	{"three bare ACKs from nowhere", 6, ">A >A >A", YG_RANK_EMBRYONIC, YG_END_IDLE, YG_TCP_MIDSTREAM, YG_CONTACT_SILENT},
	{"the fourth", 6, ">A >A >A >A", YG_RANK_TALKING, YG_END_IDLE, YG_TCP_MIDSTREAM, YG_CONTACT_SILENT},
	{"SYN-ACK alone attempts nothing", 6, ">SA", YG_RANK_EMBRYONIC, YG_END_IDLE, YG_TCP_SYN_RECEIVED, NO_CONTACT},
	{"RST alone attempts nothing", 6, ">R", YG_RANK_EMBRYONIC, YG_END_RESET, YG_TCP_RESET, NO_CONTACT},
	{"UDP without payload", 17, ">", YG_RANK_EMBRYONIC, YG_END_IDLE, YG_TCP_NONE, YG_CONTACT_SILENT},
	{"UDP one way", 17, ">10", YG_RANK_TALKING, YG_END_IDLE, YG_TCP_NONE, YG_CONTACT_SILENT},
	{"UDP both ways", 17, ">10 <10", YG_RANK_ANSWERED, YG_END_IDLE, YG_TCP_NONE, YG_CONTACT_ANSWERED},
};

static void check_conversation(const struct conversation *c, unsigned packets, int64_t last_ns)
{
	static const int64_t idle[] = {5 * S, 60 * S, 120 * S, 300 * S};
	const struct yg_flow *f = &seen->flows[0];
	bool over = c->end == YG_END_CLOSED || c->end == YG_END_RESET;
	if (seen->flows_count != 1 || f->rank != c->rank || f->end != c->end || f->tcp_state != c->tcp_state)
		fail_msg("%s: %u flows, rank %u, end %u, state %u", c->name, seen->flows_count, f->rank, f->end, f->tcp_state);
	assert_int_equal(f->packets[0] + f->packets[1], packets);
	// Embryonic flows keep whole milliseconds; every conversation here is made of such.
	assert_int_equal(f->event_ns - last_ns, idle[over ? YG_RANK_EMBRYONIC : c->rank]);
	int outcome = seen->contacts_count ? seen->contacts[0].outcome : NO_CONTACT;
	if (seen->contacts_count > 1 || outcome != c->outcome)
		fail_msg("%s: %u contacts, outcome %d", c->name, seen->contacts_count, outcome);
}

static void each_conversation_has_its_rank_its_end_and_its_outcome(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof conversations / sizeof conversations[0]; i++) {
		const struct conversation *c = &conversations[i];
		struct rig rig;
		start(&rig, &alone);
		unsigned packets = converse(&rig, 1, c->proto, c->words);
		int64_t last_ns = rig.now;
		for (unsigned s = 0; s < 310; s++) { // let time go by without a packet
			rig.now += S;
			rig_begin(&rig);
			rig_end(&rig, false);
		}
		rig_finish(&rig);
		check_conversation(c, packets, last_ns);
		stop(&rig);
	}
}

static void a_syn_flood_that_is_answered_stays_embryonic(void **state)
{
	(void)state;
	struct rig rig;
	start(&rig, &alone);
	for (unsigned second = 0; second < 5; second++) {
		rig.now += S;
		rig_begin(&rig);
		for (unsigned i = 0; i < 1000; i++) {
			struct rig_packet syn = {.src = hand_v4(198, second, i / 250, i % 250),
			                         .dst = hand_v4(10, 1, 0, 9),
			                         .sport = (uint16_t)(1024 + i),
			                         .dport = 443,
			                         .proto = 6,
			                         .flags = SYN};
			struct rig_packet back = {.src = syn.dst, .dst = syn.src, .sport = 443, .dport = syn.sport, .proto = 6, .flags = SYN | ACK};
			rig_send(&rig, &syn);
			rig_send(&rig, &back);
		}
		rig_end(&rig, false);
	}
	rig_finish(&rig);
	assert_int_equal(rig_count(&rig, YG_WC_FLOW_PROMOTED), 0);
	assert_int_equal(rig_count(&rig, YG_WC_FLOW_CREATED), 5000);
	assert_int_equal(rig_count(&rig, YG_WC_FLOW_EMBRYONIC_ENDED), 5000);
	assert_int_equal(seen->flows_count + rig_count(&rig, YG_WC_RECORDS_SHED_POOL), 5000); // a second ends more than so small a table writes
	assert_in_range(seen->flows_count, 3000, 5000);
	for (uint32_t i = 0; i < seen->flows_count; i++)
		assert_int_equal(seen->flows[i].rank, YG_RANK_EMBRYONIC);
	assert_int_equal(seen->body.packets[YG_VEC_SYN], 5000);
	assert_int_equal(seen->body.flows, 5000);
	assert_int_equal(seen->body.handshakes, 0);
	assert_int_equal(seen->contacts_count, 5000);
	stop(&rig);
}

// A SYN that is sent again without end outgrows its entry, but not its rank.
static void one_flow_of_a_hundred_syns_is_no_more_than_embryonic(void **state)
{
	(void)state;
	struct rig rig;
	start(&rig, &alone);
	for (unsigned i = 0; i < 100; i++)
		converse(&rig, 1, 6, ">S");
	rig_finish(&rig);
	assert_int_equal(seen->flows_count, 1);
	assert_int_equal(seen->flows[0].packets[0], 100);
	assert_int_equal(seen->flows[0].bytes[0], 100 * 40);
	assert_int_equal(seen->flows[0].rank, YG_RANK_EMBRYONIC);
	assert_int_equal(seen->body.packets[YG_VEC_SYN], 100);
	stop(&rig);
	start(&rig, &alone);
	for (unsigned i = 0; i < 10; i++)
		converse(&rig, 1, 6, ">S9000"); // the eighth is more than an entry holds
	rig_finish(&rig);
	assert_int_equal(seen->flows_count, 1);
	assert_int_equal(seen->flows[0].bytes[0], 10 * 9040);
	assert_int_equal(seen->flows[0].rank, YG_RANK_EMBRYONIC);
	stop(&rig);
}

static void an_unreachable_refuses_what_it_quotes_and_other_errors_do_not(void **state)
{
	(void)state;
	static const struct {
		uint8_t type;
		bool quotes_the_answer;
		uint8_t outcome;
	} cases[] = {{3, false, YG_CONTACT_REFUSED}, {11, false, YG_CONTACT_SILENT}, {3, true, YG_CONTACT_SILENT}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct rig rig;
		start(&rig, &alone);
		struct rig_packet udp = {.src = hand_v4(10, 1, 0, 9),
		                         .dst = hand_v4(192, 0, 2, 1),
		                         .sport = 5000,
		                         .dport = 53,
		                         .proto = 17,
		                         .payload = 20};
		struct rig_packet other = {.src = udp.dst, .dst = udp.src, .sport = 53, .dport = 5000, .proto = 17, .payload = 20};
		struct rig_packet error = {.src = hand_v4(192, 0, 2, 254), .dst = udp.src, .sport = cases[i].type, .dport = 1, .proto = 1,
					   .about = cases[i].quotes_the_answer ? &other : &udp};
		rig_begin(&rig);
		rig_send(&rig, &udp);
		rig_send(&rig, &error);
		rig_end(&rig, false);
		rig_finish(&rig);
		assert_int_equal(seen->contacts_count, 1); // the error itself attempts nothing
		assert_int_equal(seen->contacts[0].outcome, cases[i].outcome);
		assert_int_equal(seen->contacts[0].port[1], 53);
		assert_int_equal(seen->contacts[0].internal[0], 1);
		assert_int_equal(rig_count(&rig, YG_WC_ICMP_ABOUT), 1);
		stop(&rig);
	}
}

// ---- vectors ----

static const struct vector_case {
	const char *name;
	uint8_t proto;
	const char *before, *packet;
	uint8_t vector; // of the packet, towards the city
} vector_cases[] = {
	{"SYN", 6, "", ">S", YG_VEC_SYN},
	{"SYN-ACK without SYN", 6, "", ">SA", YG_VEC_SYNACK},
	{"ACK without flow", 6, "", ">A", YG_VEC_ACK},
	{"data without flow", 6, "", ">AP10", YG_VEC_ACK},
	{"RST without flow", 6, "", ">R", YG_VEC_RST},
	{"FIN without flow", 6, "", ">FA", YG_VEC_FIN},
	{"no flags", 6, "", ">", YG_VEC_NULL_XMAS},
	{"Christmas tree", 6, "", ">FPU", YG_VEC_NULL_XMAS},
	{"SYN and FIN", 6, "", ">SF", YG_VEC_NULL_XMAS},
	{"UDP", 17, "", ">10", YG_VEC_UDP},
	{"SCTP", 132, "", ">30", YG_VEC_OTHER},
	{"the ACK behind a SYN", 6, ">S", ">A", YG_VEC_TCP_FLOW},
	{"data of a connection", 6, ">S <SA >A", ">AP10", YG_VEC_TCP_FLOW},
	{"an answer to what was asked", 17, "<10", ">500", YG_VEC_DOWNLOAD},
	{"a SYN-ACK to one's own SYN", 6, "<S", ">SA", YG_VEC_DOWNLOAD},
	{"a RST to one's own SYN", 6, "<S", ">R", YG_VEC_DOWNLOAD},
};

static void let_a_second_pass(struct rig *rig)
{
	for (unsigned i = 0; i < 2; i++) {
		rig->now += S;
		rig_begin(rig);
		rig_end(rig, false);
	}
}

static void each_packet_counts_to_one_vector(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof vector_cases / sizeof vector_cases[0]; i++) {
		const struct vector_case *c = &vector_cases[i];
		struct rig rig;
		start(&rig, &alone);
		converse(&rig, 1, c->proto, c->before);
		let_a_second_pass(&rig); // what a record gathers is counted when its second is over
		struct yg_rates before = seen->body;
		converse(&rig, 1, c->proto, c->packet);
		let_a_second_pass(&rig);
		for (unsigned v = 0; v < YG_VEC_COUNT; v++)
			if (seen->body.packets[v] - before.packets[v] != (v == c->vector))
				fail_msg("%s: %u packets more of vector %u", c->name, seen->body.packets[v] - before.packets[v], v);
		assert_int_equal(seen->body.packets_out, before.packets_out);
		rig_finish(&rig);
		stop(&rig);
	}
}

// ---- conservation ----

static void random_packet(struct rig *rig, uint64_t *packets, uint64_t *bytes)
{
	struct yg_addr out = hand_v4(192, 0, 2, (unsigned)random() % 200), in = hand_v4(10, 1, 0, (unsigned)random() % 30);
	bool back = random() % 3 == 0;
	static const uint8_t protos[] = {6, 6, 6, 17, 17, 1};
	static const uint8_t flags[] = {SYN, SYN, SYN | ACK, ACK, ACK | PSH, ACK | PSH, FIN | ACK, RST, 0};
	struct rig_packet p = {.src = back ? in : out, .dst = back ? out : in, .proto = protos[random() % 6], .flags = flags[random() % 9],
			       .payload = (uint16_t)(random() % 2 ? random() % 1400 : 0)};
	uint16_t client = (uint16_t)(1024 + random() % 20), server = (uint16_t)(random() % 4);
	p.sport = p.proto == 1 ? (uint16_t)(random() % 2 * 8) : back ? server : client;
	p.dport = p.proto == 1 ? 0 : back ? client : server;
	if (!rig_send(rig, &p))
		return;
	(*packets)++;
	*bytes += 20u + (p.proto == 6 ? 20u : 8u) + p.payload;
}

static void run_random(struct rig *rig, unsigned seed, uint64_t *packets, uint64_t *bytes)
{
	srandom(seed);
	for (unsigned batch = 0; batch < 300; batch++) {
		rig->now += random() % 50 ? random() % S : random() % 200 * S;
		rig_begin(rig);
		for (long n = random() % 100; n; n--)
			random_packet(rig, packets, bytes);
		rig_end(rig, false);
	}
	rig_finish(rig);
}

static void flows_packets_and_bytes_are_conserved(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 12; seed++) {
		struct rig rig;
		uint64_t packets = 0, bytes = 0, in_flows = 0, bytes_in_flows = 0, in_rates = 0;
		start(&rig, &alone);
		run_random(&rig, seed, &packets, &bytes);
		assert_int_equal(rig_count(&rig, YG_WC_FLOW_HITS) + rig_count(&rig, YG_WC_FLOW_CREATED), packets);
		assert_int_equal(rig_count(&rig, YG_WC_FLOW_CREATED), rig_count(&rig, YG_WC_FLOW_ENDED));
		assert_int_equal(rig_count(&rig, YG_WC_FLOW_ENDED), rig_count(&rig, YG_WC_FLOW_RECORDS) + rig_count(&rig, YG_WC_RECORDS_SHED_POOL));
		assert_int_equal(rig_count(&rig, YG_WC_RECORDS_SHED_POOL), 0);
		assert_int_equal(seen->flows_count, rig_count(&rig, YG_WC_FLOW_RECORDS));
		assert_int_equal(seen->begins, seen->ends);
		for (uint32_t i = 0; i < seen->flows_count; i++) {
			in_flows += seen->flows[i].packets[0] + seen->flows[i].packets[1];
			bytes_in_flows += seen->flows[i].bytes[0] + seen->flows[i].bytes[1];
			assert_true(seen->flows[i].first_ns <= seen->flows[i].last_ns);
			assert_true(seen->flows[i].last_ns <= seen->flows[i].event_ns);
		}
		assert_int_equal(in_flows, packets);
		assert_int_equal(bytes_in_flows, bytes);
		for (unsigned v = 0; v < YG_VEC_COUNT; v++)
			in_rates += seen->link.packets[v];
		assert_int_equal(in_rates + seen->link.packets_out, packets);
		for (unsigned v = 0; v < YG_VEC_COUNT; v++) // every packet crosses the border of the one body
			assert_int_equal(seen->body.packets[v], seen->link.packets[v]);
		assert_int_equal(seen->body.packets_out, seen->link.packets_out);
		assert_int_equal(seen->body.flows + seen->body.flows_out, rig_count(&rig, YG_WC_FLOW_CREATED));
		assert_int_equal(rig.sampled, packets); // one in one
		stop(&rig);
	}
}

static int by_flow(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct yg_flow));
}

// Each of n workers sees all packets and takes its own: together they say what one says.
static void several_workers_say_together_what_one_says(void **state)
{
	(void)state;
	struct yg_flow *all[3];
	uint32_t counts[3] = {0};
	for (unsigned i = 0; i < 3; i++) {
		unsigned workers = 1u << i;
		all[i] = calloc(FLOWS_MAX, sizeof **all);
		for (unsigned index = 0; index < workers; index++) {
			struct rig rig;
			uint64_t packets = 0, bytes = 0;
			start(&rig, &(const struct rig_options){.no_dissector = true, .index = index, .workers = workers});
			run_random(&rig, 4711, &packets, &bytes);
			memcpy(all[i] + counts[i], seen->flows, seen->flows_count * sizeof **all);
			counts[i] += seen->flows_count;
			stop(&rig);
		}
		qsort(all[i], counts[i], sizeof **all, by_flow);
		assert_int_equal(counts[i], counts[0]);
		assert_memory_equal(all[i], all[0], counts[0] * sizeof **all);
	}
	for (unsigned i = 0; i < 3; i++)
		free(all[i]);
}

static void a_syn_after_the_end_begins_another_flow(void **state)
{
	(void)state;
	struct rig rig;
	start(&rig, &alone);
	converse(&rig, 1, 6, ">S <RA >S <SA >A");
	converse(&rig, 1, 6, ">AP10@301"); // its idle time has passed unnoticed
	rig_finish(&rig);
	assert_int_equal(seen->flows_count, 3);
	assert_int_equal(seen->flows[0].end, YG_END_RESET);
	assert_int_equal(seen->flows[1].end, YG_END_IDLE);
	assert_int_equal(seen->flows[1].rank, YG_RANK_ESTABLISHED);
	assert_true(seen->flows[2].midstream);
	assert_true(seen->flows[0].flow_id != seen->flows[1].flow_id);
	stop(&rig);
}

static void a_long_flow_is_reported_once_a_minute(void **state)
{
	(void)state;
	struct rig rig;
	start(&rig, &alone);
	for (unsigned i = 0; i < 600; i++)
		converse(&rig, 1, 17, ">10@1");
	assert_int_equal(seen->updates, 9);
	rig_finish(&rig);
	assert_int_equal(seen->flows_count, 1);
	assert_int_equal(seen->flows[0].packets[0], 600);
	stop(&rig);
}

static void a_reader_who_shuts_its_window_is_reported_while_that_is_young(void **state)
{
	(void)state;
	struct rig rig;
	start(&rig, &alone);
	converse(&rig, 1, 6, ">S <SA >A >AP9 <AP900 <AZ");
	for (unsigned i = 0; i < 9; i++)
		converse(&rig, 1, 6, ">AZ@5");
	assert_int_equal(seen->updates, 3); // the second, the fourth, the eighth
	rig_finish(&rig);
	assert_int_equal(seen->flows_count, 1);
	assert_int_equal(seen->flows[0].shut[0], 9);
	assert_int_equal(seen->flows[0].shut[1], 1);
	stop(&rig);
	start(&rig, &alone);
	converse(&rig, 1, 6, ">S <SA >A");
	for (unsigned i = 0; i < 300; i++)
		converse(&rig, 1, 6, ">AZ");
	rig_finish(&rig);
	assert_int_equal(seen->flows[0].shut[0], 255); // or more
	stop(&rig);
}

// Live, nobody empties the rings: the worker goes on, and what finds no room is counted in what has left.
static void a_live_worker_waits_for_nobody(void **state)
{
	(void)state;
	struct rig rig;
	start(&rig, &(const struct rig_options){.live = true, .requests = 128});
	srandom(4711);
	uint64_t packets = 0, bytes = 0;
	for (unsigned batch = 0; batch < 1200; batch++) {
		const struct yg_batch_mark mark = {.batch = batch + 1,
		                                   .time_ns = rig.now,
		                                   .second = yg_time_second(yg_time_ns(rig.now)),
		                                   .sample_every = 1};
		yg_worker_begin(rig.worker, &mark);
		yg_worker_expire(rig.worker, rig.number + 1);
		for (unsigned i = 0; i < 500; i++)
			random_packet(&rig, &packets, &bytes);
		yg_worker_end(rig.worker, false);
		rig.now += S / 4;
	}
	assert_int_equal(rig_count(&rig, YG_WC_FLOW_HITS) + rig_count(&rig, YG_WC_FLOW_CREATED), packets);
	assert_int_equal(rig_count(&rig, YG_WC_EVENTS), RIG_EVENTS);
	assert_true(rig_count(&rig, YG_WC_DS_SKIPPED_RING_FULL) > 0);
	assert_true(rig_count(&rig, YG_WC_EVENTS_RING_FULL) > 0);
	assert_true(rig_count(&rig, YG_WC_RECORDS_SHED_EVENTS) > 0);
	assert_true(rig_count(&rig, YG_WC_RATES_RING_FULL) > 0);
	assert_int_equal(rig_count(&rig, YG_WC_DS_OFFERED), rig_count(&rig, YG_WC_DS_SENT) + rig_count(&rig, YG_WC_DS_SKIPPED_RING_FULL));
	stop(&rig);
}

static struct yg_sample last_sample;

static void on_sample(struct rig *rig, const struct yg_sample *sample)
{
	(void)rig;
	last_sample = *sample;
}

// `cut`: bytes that the capture holds.
static void send_fragment(struct rig *rig, uint16_t flags_and_offset, uint8_t proto, uint32_t cut)
{
	static const struct yg_decode_options plain = {0};
	const struct rig_packet udp = {.src = hand_v4(192, 0, 2, 1), .dst = hand_v4(10, 1, 0, 9), .sport = 53, .dport = 4000, .proto = proto,
				       .payload = 64};
	uint8_t bytes[256];
	struct yg_packet p = {0};
	uint32_t length = rig_write(&udp, bytes);
	yg_store16(bytes + 6, flags_and_offset);
	yg_decode(&plain, YG_LINK_RAW, bytes, cut < length ? cut : length, length, &p.view);
	p.view.time = yg_time_ns(rig->now);
	p.view.number = ++rig->number;
	rig_begin(rig);
	yg_worker_packet(rig->worker, &p);
	rig_end(rig, false);
}

static void the_sample_of_a_first_fragment_has_its_ports(void **state)
{
	(void)state;
	struct rig rig;
	start(&rig, &alone);
	rig.sample = on_sample;
	send_fragment(&rig, 0x2000, 17, 1000);
	assert_true(last_sample.sport == 53 && last_sample.dport == 4000 && last_sample.vector == YG_VEC_UDP);
	send_fragment(&rig, 0x2000, 17, 23); // the capture ends within them
	assert_true(last_sample.sport == 0 && last_sample.dport == 0 && last_sample.vector == YG_VEC_UDP);
	send_fragment(&rig, 0x2010, 17, 1000); // what would be ports is payload
	assert_true(last_sample.sport == 0 && last_sample.vector == YG_VEC_FRAGMENT);
	assert_int_equal(rig.sampled, 3);
	rig_finish(&rig);
	stop(&rig);
}

// Live, nobody reads the sample: the ring is filled to its last slot, and every packet after that is counted as one that found no room.
static void a_full_ring_of_samples_loses_them_by_number(void **state)
{
	(void)state;
	enum { PACKETS = 3 * RIG_EVENTS };
	struct rig rig;
	start(&rig, &(const struct rig_options){.live = true, .no_dissector = true});
	const struct yg_batch_mark mark = {.batch = 1, .time_ns = rig.now, .second = yg_time_second(yg_time_ns(rig.now)), .sample_every = 1};
	yg_worker_begin(rig.worker, &mark);
	for (unsigned i = 0; i < PACKETS; i++) {
		const struct rig_packet p = {.src = hand_v4(192, 0, 2, 1), .dst = hand_v4(10, 1, 0, 1), .sport = 1024, .dport = 53, .proto = 17};
		rig_send(&rig, &p);
		if (i < RIG_EVENTS)
			assert_int_equal(rig_count(&rig, YG_WC_SAMPLE_RING_FULL), 0);
	}
	yg_worker_end(rig.worker, true);
	assert_int_equal(rig_count(&rig, YG_WC_SAMPLED), RIG_EVENTS);
	assert_int_equal(rig_count(&rig, YG_WC_SAMPLE_RING_FULL), PACKETS - RIG_EVENTS);
	assert_int_equal(rig_count(&rig, YG_WC_FLOW_HITS) + rig_count(&rig, YG_WC_FLOW_CREATED), PACKETS); // only the sample suffers
	rig_drain(&rig);
	assert_int_equal(rig.sampled, RIG_EVENTS);
	stop(&rig);
}

// More flows in one batch than table and records hold: what waits for its turn to leave keeps its record. Flows are given up, then
// records shed, each by its counter, and no packet goes uncounted.
static void a_table_that_overflows_within_a_batch_sheds_by_number(void **state)
{
	(void)state;
	enum { FLOWS = 8 * RIG_SLOTS };
	struct rig rig;
	start(&rig, &alone);
	rig_begin(&rig);
	for (unsigned i = 0; i < FLOWS; i++) {
		struct rig_packet p = {.src = hand_v4(192, 0, 2 + i / 250, i % 250), .dst = hand_v4(10, 1, 0, 9), .sport = 4000, .dport = 53,
				       .proto = 17, .payload = 10};
		rig_send(&rig, &p);
	}
	assert_int_equal(rig_count(&rig, YG_WC_FLOW_CREATED), FLOWS);
	uint64_t evicted = rig_count(&rig, YG_WC_FLOW_EVICTED), shed = rig_count(&rig, YG_WC_RECORDS_SHED_POOL);
	assert_in_range(evicted, FLOWS - RIG_SLOTS, FLOWS); // the table is full, or nearly: its partitions are
	assert_int_equal(rig_count(&rig, YG_WC_FLOW_PROMOTED), yg_flow_records_total(rig.table)); // every record was used
	assert_int_equal(rig_count(&rig, YG_WC_FLOW_RECORD_POOL_FULL), FLOWS - yg_flow_records_total(rig.table));
	assert_in_range(shed, 1, rig_count(&rig, YG_WC_FLOW_RECORD_POOL_FULL)); // some of the poor are still in the table
	rig_end(&rig, false);
	rig_finish(&rig);
	assert_int_equal(rig_count(&rig, YG_WC_FLOW_ENDED), FLOWS);
	assert_int_equal(rig_count(&rig, YG_WC_FLOW_ENDED), rig_count(&rig, YG_WC_FLOW_RECORDS) + rig_count(&rig, YG_WC_RECORDS_SHED_POOL));
	assert_int_equal(seen->flows_count, rig_count(&rig, YG_WC_FLOW_RECORDS));
	stop(&rig);
}

// More hosts in a second than rates.hosts: hosts go uncounted as hosts, which the counter says; body and link know every packet.
static void more_hosts_than_a_second_has_places_for_are_counted(void **state)
{
	(void)state;
	enum { HOSTS = 4096 };
	struct rig rig;
	start(&rig, &alone);
	rig_begin(&rig);
	for (unsigned i = 0; i < HOSTS; i++) {
		struct rig_packet p = {.src = hand_v4(192, 0, 2, 1), .dst = hand_v4(10, 1, i / 256 + 16, i % 256), .sport = 4000, .dport = 443,
				       .proto = 6, .flags = SYN};
		rig_send(&rig, &p);
	}
	rig_end(&rig, false);
	rig_finish(&rig);
	assert_true(rig_count(&rig, YG_WC_RATES_HOST_FULL) >= HOSTS - 2 * 1024);
	assert_int_equal(seen->body.packets[YG_VEC_SYN], HOSTS);
	assert_int_equal(seen->link.packets[YG_VEC_SYN], HOSTS);
	stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_conversation_has_its_rank_its_end_and_its_outcome),
		cmocka_unit_test(a_syn_flood_that_is_answered_stays_embryonic),
		cmocka_unit_test(one_flow_of_a_hundred_syns_is_no_more_than_embryonic),
		cmocka_unit_test(an_unreachable_refuses_what_it_quotes_and_other_errors_do_not),
		cmocka_unit_test(each_packet_counts_to_one_vector),
		cmocka_unit_test(flows_packets_and_bytes_are_conserved),
		cmocka_unit_test(several_workers_say_together_what_one_says),
		cmocka_unit_test(a_syn_after_the_end_begins_another_flow),
		cmocka_unit_test(a_long_flow_is_reported_once_a_minute),
		cmocka_unit_test(a_reader_who_shuts_its_window_is_reported_while_that_is_young),
		cmocka_unit_test(a_live_worker_waits_for_nobody),
		cmocka_unit_test(the_sample_of_a_first_fragment_has_its_ports),
		cmocka_unit_test(a_full_ring_of_samples_loses_them_by_number),
		cmocka_unit_test(a_table_that_overflows_within_a_batch_sheds_by_number),
		cmocka_unit_test(more_hosts_than_a_second_has_places_for_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
