// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Community ID against the vectors that its specification publishes.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <string.h>

#include "courier/community_id.h"

struct vector {
	uint8_t af, proto;
	const char *from, *to;
	uint16_t from_port, to_port;
	const char *id;
};

static const struct vector vectors[] = {
	{4, 6, "128.232.110.120", "66.35.250.204", 34855, 80, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
	{4, 6, "66.35.250.204", "128.232.110.120", 80, 34855, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
	{4, 17, "192.168.1.52", "8.8.8.8", 54585, 53, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="},
	{4, 132, "192.168.170.8", "192.168.170.56", 7, 7, "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs="},
	{4, 1, "192.168.0.89", "192.168.0.1", 8, 0, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="},
	{4, 1, "192.168.0.1", "192.168.0.89", 0, 8, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="},
	{4, 46, "10.1.12.1", "10.1.12.2", 0, 0, "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw="},
	{4, 46, "10.1.12.2", "10.1.12.1", 99, 1, "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw="},
	{6, 6, "2001:470:e5bf:dead:4957:2174:e82c:4887", "2607:f8b0:400c:c03::1a", 63943, 25,
     "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4="},
	{6, 58, "3ffe:507:0:1:200:86ff:fe05:80da", "3ffe:501:0:1001::2", 128, 129, "1:+TW+HtLHvV1xnGhV1lv7XoJrqQg="},
	{6, 58, "3ffe:501:0:1001::2", "3ffe:507:0:1:200:86ff:fe05:80da", 129, 128, "1:+TW+HtLHvV1xnGhV1lv7XoJrqQg="},
	{6, 58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 135, 136, "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="},
	{6, 58, "fe80::260:97ff:fe07:69ea", "fe80::200:86ff:fe05:80da", 136, 135, "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="},
	{6, 58, "fe80::200:86ff:fe05:80da", "ff02::2", 133, 134, "1:hO+sN4H+MG5MY/8hIrXPqc4ZQz0="},
	{6, 58, "3ffe:501:1800:2345::2", "3ffe:507:0:1:200:86ff:fe05:80da", 3, 0, "1:2ObVBgIn28oZvibYZhZMBgh7WdQ="},
	{6, 58, "3ffe:501:410:0:2c0:dfff:fe47:33e", "3ffe:507:0:1:200:86ff:fe05:80da", 1, 4,
     "1:hLZd0XGWojozrvxqE0dWB1iM6R0="},
};

static void identify(const struct vector *v, char text[YG_COMMUNITY_ID + 1])
{
	struct yg_addr addr[2] = {0};
	const uint16_t port[2] = {v->from_port, v->to_port};
	int family = v->af == 4 ? AF_INET : AF_INET6;
	assert_int_equal(inet_pton(family, v->from, addr[0].b), 1);
	assert_int_equal(inet_pton(family, v->to, addr[1].b), 1);
	yg_community_id(v->af, v->proto, addr, port, text);
	text[YG_COMMUNITY_ID] = 0;
}

static void published_vectors_are_met(void **state)
{
	char text[YG_COMMUNITY_ID + 1];
	(void)state;
	for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
		identify(&vectors[i], text);
		assert_string_equal(text, vectors[i].id);
	}
}

static void both_directions_have_one_name(void **state)
{
	char there[YG_COMMUNITY_ID + 1], back[YG_COMMUNITY_ID + 1];
	(void)state;
	for (unsigned port = 0; port < 65536; port += 257) {
		struct vector v = {4, 6, "192.0.2.1", "192.0.2.1", (uint16_t)port, 4000, NULL};
		struct vector w = {4, 6, "192.0.2.1", "192.0.2.1", 4000, (uint16_t)port, NULL};
		identify(&v, there);
		identify(&w, back);
		assert_string_equal(there, back);
	}
}

static void one_way_icmp_keeps_its_direction(void **state)
{
	char there[YG_COMMUNITY_ID + 1], back[YG_COMMUNITY_ID + 1];
	(void)state;
	identify(&(struct vector){4, 1, "192.0.2.1", "192.0.2.2", 3, 1, NULL}, there);
	identify(&(struct vector){4, 1, "192.0.2.2", "192.0.2.1", 3, 1, NULL}, back);
	assert_string_not_equal(there, back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_vectors_are_met),
		cmocka_unit_test(both_directions_have_one_name),
		cmocka_unit_test(one_way_icmp_keeps_its_direction),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
