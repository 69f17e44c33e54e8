// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What the dos detector leaves to dnsflood, and what it does not.
#include "detector_rig.h"

static uint32_t raised(struct world *w, uint16_t port, uint32_t packets, uint32_t size)
{
	struct yg_window h = {.scope = YG_SCOPE_HOST, .af = 4, .prefix_len = 32, .org = 3, .zone = YG_ZONE_INTERNET, .declared = 1,
			      .line_bps = 100000000, .warm = 1, .addr = rig_v4(203, 0, 113, 53)}, s;
	h.now.packets[YG_VEC_UDP] = h.now.flows = packets;
	h.now.bytes[YG_VEC_UDP] = (uint64_t)packets * size;
	s = h;
	s.scope = YG_SCOPE_SERVICE;
	s.proto = 17;
	s.port = port;
	rig_restart(w);
	w->count = 0;
	for (unsigned i = 0; i < 5; i++, w->second++) {
		h.second = s.second = w->second;
		yagura_plugin.window(w->self, &s);
		yagura_plugin.window(w->self, &h);
		yagura_plugin.tick(w->self, w->second);
	}
	return w->count;
}

static void queries_to_a_declared_dns_server_are_left_to_dnsflood(void **state)
{
	struct world *w = *state;
	rig_declare(w, rig_v4(203, 0, 113, 53), 4, 53, YG_ROLE_DNS, "town.example");
	assert_int_equal(raised(w, 53, 40000, 80), 0);
	assert_true(raised(w, 54, 40000, 80) > 0);  // nobody declared a DNS server there
	assert_true(raised(w, 53, 40000, 600) > 0); // no query is as long
	assert_true(raised(w, 53, 400000, 80) > 0); // the line is full
	w->server[0].role = YG_ROLE_WEB;
	assert_true(raised(w, 53, 40000, 80) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {T(queries_to_a_declared_dns_server_are_left_to_dnsflood)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
