// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// test_plugin_memory PLUGIN.so...: what a detector allocates stays below what its memory_max says, with its defaults, with the least and
// with the most that its options allow where that is no more than MOST_BYTES, while it is fed with as many keys as a hostile sender has.
// Its own malloc is this program's: every block is counted, nothing is estimated. Says how much of the maximum was used.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/value.h"
#include "model/abi.h"
#include "yagura/plugin.h"

enum { OPTIONS_MAX = 64, SECONDS = 700, KEYS = 400, SAVED = 1 << 20 };
#define MOST_BYTES (UINT64_C(1) << 30)
#define ALLOWED_BY_LIBC 4096 // stdio of the plugin's own messages

// ---- counting ----

// The C library's own allocator, behind the functions below.
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void __libc_free(void *block);

static bool counting;
static size_t in_use, highest;

static void *counted(void *block)
{
	if (counting && block) {
		in_use += malloc_usable_size(block);
		highest = in_use > highest ? in_use : highest;
	}
	return block;
}

__attribute__((visibility("default"))) void *malloc(size_t size)
{
	return counted(__libc_malloc(size));
}

__attribute__((visibility("default"))) void *calloc(size_t count, size_t size)
{
	return counted(__libc_calloc(count, size));
}

__attribute__((visibility("default"))) void free(void *block)
{
	if (counting && block)
		in_use -= malloc_usable_size(block);
	__libc_free(block);
}

__attribute__((visibility("default"))) void *realloc(void *block, size_t size)
{
	if (counting && block)
		in_use -= malloc_usable_size(block);
	return counted(__libc_realloc(block, size));
}

// ---- a host that only listens ----

static uint64_t raised;

static void on_raise(void *context, const struct yg_alert *alert)
{
	(void)context;
	raised += alert->kind[0] != 0;
}

static const struct yg_org_info *on_org(void *context, uint16_t index)
{
	static const struct yg_org_info org = {.code = "town", .name_ja = "町", .name_en = "Town", .line_bps = 10000000, .parent = YG_ORG_NONE};
	(void)context;
	return index < 1024 ? &org : NULL;
}

static void on_evidence(void *context, uint8_t af, const struct yg_addr *target, uint8_t len, uint32_t vectors, struct yg_evidence *ret)
{
	(void)context;
	(void)len;
	(void)vectors;
	*ret = (struct yg_evidence){.packets = 1000, .sources_at_least = 100, .top_count = 1, .top = {{*target, af, 0.5f}}};
}

static void on_log(void *context, int level, const char *text)
{
	(void)context;
	(void)level;
	(void)text;
}

static void on_ask(void *context, const struct yg_question *question, struct yg_answer *ret)
{
	uint32_t size = ret->size;
	(void)context;
	(void)question;
	memset(ret, 0, size);
	ret->size = size;
	ret->packets = 1000;
	ret->scale = 1;
	ret->sources_at_least = 100;
	ret->targets_at_least = 100;
	ret->target_entropy = 0.9f;
}

static uint32_t on_planned(void *context, uint16_t org, int64_t second)
{
	(void)context;
	return (uint32_t)(second / 100 + org) % 16;
}

static unsigned on_week_hour(void *context, uint16_t org, int64_t second)
{
	(void)context;
	(void)org;
	return (unsigned)(second / 3600 % 168);
}

static const struct yg_server_info *on_server_at(void *context, uint32_t index)
{
	static struct yg_server_info servers[64];
	(void)context;
	if (index >= 64)
		return NULL;
	servers[index] = (struct yg_server_info){.addr = {{192, 0, 2, (uint8_t)index}}, .af = 4, .proto = index % 2 ? 6 : 17,
						 .port = index % 2 ? 443 : 53, .role = index % 2 ? YG_ROLE_WEB : YG_ROLE_DNS,
						 .name = "server", .zones = index % 2 ? "" : "town.example"};
	return &servers[index];
}

static const struct yg_server_info *on_server(void *context, uint8_t af, const struct yg_addr *addr, uint8_t proto, uint16_t port)
{
	(void)proto;
	(void)port;
	return af == 4 && addr->b[2] == 2 && addr->b[3] < 64 ? on_server_at(context, addr->b[3]) : NULL;
}

// ---- traffic of a hostile sender: every record with another key ----

static uint64_t next_random(void)
{
	static uint64_t x = 88172645463325252u;
	x ^= x << 13;
	x ^= x >> 7;
	return x ^= x << 17;
}

static struct yg_addr some_address(bool server)
{
	uint64_t r = next_random();
	struct yg_addr a = {{192, 0, 2, (uint8_t)(r % 64)}};
	if (!server)
		memcpy(a.b, &r, 4);
	return a;
}

static struct yg_meta_head some_head(int64_t second)
{
	static uint64_t packet;
	bool inside = next_random() % 2;
	int64_t time_ns = second * 1000000000 + (int64_t)(next_random() % 1000000000);
	return (struct yg_meta_head){.packet = ++packet, .flow_id = next_random() >> 11, .time_ns = time_ns,
				     .addr = {some_address(false), some_address(true)}, .port = {(uint16_t)next_random(), inside ? 53 : 443},
				     .proto = inside ? 17 : 6, .af = 4, .org = {YG_ORG_NONE, (uint16_t)(next_random() % 1024)},
				     .zone = {YG_ZONE_NONE, YG_ZONE_INTERNET}, .internal = {next_random() % 2, 1}};
}

static void some_name(char *to)
{
	snprintf(to, YG_NAME_MAX, "%016llx.town.example", (unsigned long long)next_random());
}

static void feed_events(const struct yg_plugin *p, void *self, int64_t second)
{
	struct yg_meta_head h = some_head(second);
	if (p->needs & YG_NEEDS_FLOW && p->flow) {
		struct yg_flow f = {.packet = h.packet, .flow_id = h.flow_id, .first_ns = h.time_ns, .last_ns = h.time_ns, .event_ns = h.time_ns,
				    .addr = {h.addr[0], h.addr[1]}, .port = {h.port[0], h.port[1]}, .proto = h.proto, .af = 4, .org = {h.org[0], h.org[1]},
				    .internal = {h.internal[0], 1}, .packets = {9, 9}, .bytes = {900, 900}, .payload = {300, 300},
				    .rank = (uint8_t)(next_random() % YG_RANK_COUNT), .event = (uint8_t)(next_random() % 3), .end = YG_END_IDLE};
		p->flow(self, &f);
	}
	if (p->needs & YG_NEEDS_CONTACT && p->contact) {
		struct yg_contact c = {.packet = h.packet, .time_ns = h.time_ns, .event_ns = h.time_ns, .addr = {h.addr[0], h.addr[1]},
				       .port = {h.port[0], (uint16_t)next_random()}, .proto = 6, .af = 4, .outcome = (uint8_t)(next_random() % 3),
				       .org = {h.org[0], h.org[1]}, .internal = {h.internal[0], 1}, .packets = {1, 0}};
		p->contact(self, &c);
	}
	if (p->needs & YG_NEEDS_DNS && p->dns) {
		struct yg_dns d = {.head = h, .qtype = (uint16_t)(next_random() % 300), .qclass = 1, .response = next_random() % 2,
				   .rcode = next_random() % 4, .size = 400};
		some_name(d.qname);
		d.name_len = (uint8_t)strlen(d.qname);
		p->dns(self, &d);
	}
	if (p->needs & YG_NEEDS_TLS && p->tls) {
		struct yg_tls t = {.head = h, .version = 0x304};
		some_name(t.server_name);
		snprintf(t.ja3, sizeof t.ja3, "%016llx%016llx", (unsigned long long)next_random(), (unsigned long long)next_random());
		p->tls(self, &t);
	}
	if (p->needs & YG_NEEDS_HTTP && p->http) {
		struct yg_http t = {.head = h, .method = "GET", .target = "/"};
		some_name(t.host);
		p->http(self, &t);
	}
}

static void feed_window(const struct yg_plugin *p, void *self, int64_t second, uint8_t scope)
{
	struct yg_window w = {.second = second, .scope = scope, .af = 4, .proto = next_random() % 2 ? 6 : 17, .prefix_len = 32,
			      .port = (uint16_t)next_random(), .org = (uint16_t)(next_random() % 1024), .zone = YG_ZONE_INTERNET,
			      .addr = some_address(next_random() % 4 == 0), .line_bps = 10000000, .warm = 1};
	for (unsigned v = 0; v < YG_VEC_COUNT; v++) {
		w.now.packets[v] = (uint32_t)(next_random() % 5000);
		w.now.bytes[v] = w.now.packets[v] * 500ull;
		w.ema_packets[v] = (float)w.now.packets[v];
		w.ema_bits[v] = (float)w.now.bytes[v] * 8;
		w.pushed.packets[v] = (uint32_t)(next_random() % 5000);
		w.pushed.bytes[v] = w.pushed.packets[v] * 500ull;
	}
	w.now.flows = w.now.packets[YG_VEC_SYN];
	w.now.packets_out = (uint32_t)(next_random() % 100);
	w.now.bytes_out = w.now.packets_out * 100ull;
	p->window(self, &w);
}

static void feed_second(const struct yg_plugin *p, void *self, int64_t second)
{
	for (unsigned i = 0; i < KEYS; i++) {
		feed_events(p, self, second);
		if (p->needs & YG_NEEDS_WINDOW && p->window)
			feed_window(p, self, second, i ? (uint8_t)(1 + next_random() % (YG_SCOPE_COUNT - 1)) : YG_SCOPE_LINK);
	}
	if (p->tick)
		p->tick(self, second);
}

// ---- one detector ----

static char plugin_name[64];

// Least, default or most of each option. False: the table cannot be read.
static bool choose(const struct yg_plugin *p, int which, union yg_value *values)
{
	for (uint32_t i = 0; i < p->options_count; i++) {
		const struct yg_option *o = &p->options[i];
		char problem[256];
		if (yg_value_parse(o, o->fallback, &values[i], problem, sizeof problem) < 0)
			return false;
		if (!which)
			continue;
		double bound = which < 0 ? o->min : o->max;
		if (o->type == YG_OPT_DURATION || o->type == YG_OPT_FLOAT)
			values[i].f = bound;
		else if (o->type == YG_OPT_INT || o->type == YG_OPT_BYTES || o->type == YG_OPT_BPS)
			values[i].i = (int64_t)bound;
	}
	return true;
}

static void judge(const struct yg_plugin *p, int which, const union yg_value *values)
{
	static const char *const words[] = {"least", "default", "most"};
	struct yg_host host = {.size = sizeof host, .raise = on_raise, .org = on_org, .evidence = on_evidence, .log = on_log, .ask = on_ask,
			       .planned = on_planned, .week_hour = on_week_hour, .server = on_server, .server_at = on_server_at};
	uint64_t stated = p->memory_max(values);
	if (stated > MOST_BYTES) {
		print_message("%s, %s options: states %.1f MiB, more than this test takes\n", p->name, words[which + 1], (double)stated / (1 << 20));
		assert_true(which == 1);
		return;
	}
	yg_abi_host(p->abi_minor, &host);
	uint8_t *saved = p->save ? calloc(1, SAVED) : NULL;
	in_use = highest = 0;
	counting = true;
	void *self = p->create(&host, values);
	if (!self && which) { // options that do not go together are refused: that is no matter of memory
		counting = false;
		free(saved);
		return;
	}
	assert_non_null(self);
	for (int64_t s = 0; s < (which ? SECONDS / 10 : SECONDS); s++)
		feed_second(p, self, 1800000000 + s);
	if (p->gap)
		p->gap(self, (1800000000ll + SECONDS) * 1000000000, (1800000000ll + SECONDS + 1000) * 1000000000);
	feed_second(p, self, 1800000000ll + SECONDS + 1000);
	uint32_t size = saved ? p->save(self, saved, SAVED) : 0;
	assert_true(size <= SAVED);
	if (size && p->restore)
		p->restore(self, saved, size);
	size_t most = highest;
	if (p->destroy)
		p->destroy(self);
	size_t left = in_use;
	counting = false;
	free(saved);
	print_message("%s, %s options: states %.2f MiB, took %.2f MiB, %llu raises, snapshot of %u bytes\n", p->name, words[which + 1],
		      (double)stated / (1 << 20), (double)most / (1 << 20), (unsigned long long)raised, size);
	assert_true(most <= stated + ALLOWED_BY_LIBC);
	assert_true(left <= ALLOWED_BY_LIBC); // and all of it is given back
}

static void memory_stays_below_what_is_stated(void **state)
{
	const char *path = *state;
	void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!object)
		fail_msg("%s", dlerror());
	const struct yg_plugin *found = dlsym(object, YG_PLUGIN_SYMBOL);
	assert_non_null(found);
	struct yg_plugin p;
	yg_abi_describe(found, &p);
	assert_non_null(p.memory_max);
	assert_in_range(p.options_count, 0, OPTIONS_MAX);
	for (int which = -1; which <= 1; which++) {
		union yg_value values[OPTIONS_MAX];
		assert_true(choose(&p, which, values));
		judge(&p, which, values);
	}
	dlclose(object);
}

int main(int argc, char **argv)
{
	int failed = 0;
	for (int i = 1; i < argc; i++) {
		snprintf(plugin_name, sizeof plugin_name, "%.63s", strrchr(argv[i], '/') ? strrchr(argv[i], '/') + 1 : argv[i]);
		const struct CMUnitTest tests[] = {{plugin_name, memory_stays_below_what_is_stated, NULL, NULL, argv[i]}};
		failed += cmocka_run_group_tests(tests, NULL, NULL);
	}
	return failed || argc < 2;
}
