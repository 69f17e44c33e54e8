// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Detectors of older and newer minor versions: who is taken, and how much of a record is read. The sizes of 1.0 are those that its header
// has (tests/abi/1.0), written down here once more, because two headers of one name cannot be included together.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "model/abi.h"

enum { ALERT_1_0_END = 2596, HOST_1_0 = 48, PLUGIN_1_0 = 184 }; // bytes

static void *create(const struct yg_host *host, const union yg_value *values)
{
	(void)host;
	(void)values;
	return NULL;
}

static struct yg_plugin sound(void)
{
	return (struct yg_plugin){YG_PLUGIN_HEADER, .name = "test", .create = create};
}

static void older_minor_versions_are_taken_and_newer_ones_are_not(void **state)
{
	char why[YG_ABI_WHY_MAX];
	struct yg_plugin p = sound();
	(void)state;
	for (unsigned minor = 0; minor <= YG_PLUGIN_ABI_MINOR; minor++) {
		p.abi_minor = (uint16_t)minor;
		assert_true(yg_abi_accepts(&p, why));
	}
	p.abi_minor = YG_PLUGIN_ABI_MINOR + 1;
	assert_false(yg_abi_accepts(&p, why));
	assert_non_null(strstr(why, "newer than this sensor's 1."));
	p = sound();
	p.abi_major = YG_PLUGIN_ABI_MAJOR + 1;
	assert_false(yg_abi_accepts(&p, why));
	assert_non_null(strstr(why, "build it again"));
}

static void what_is_no_description_is_refused(void **state)
{
	char why[YG_ABI_WHY_MAX];
	struct yg_plugin p = sound();
	(void)state;
	p.size = PLUGIN_1_0 - 1;
	assert_false(yg_abi_accepts(&p, why));
	assert_non_null(strstr(why, "183 of 184 bytes"));
	p = sound();
	p.create = NULL;
	assert_false(yg_abi_accepts(&p, why));
	p = sound();
	p.name = NULL;
	assert_false(yg_abi_accepts(&p, why));
	p = sound();
	p.options_count = 1;
	assert_false(yg_abi_accepts(&p, why));
}

static void of_an_older_alert_only_its_own_part_is_read(void **state)
{
	struct yg_alert raised, taken;
	(void)state;
	memset(&raised, 0xff, sizeof raised);
	yg_abi_alert(0, &raised, &taken);
	const uint8_t *bytes = (const uint8_t *)&taken;
	for (size_t i = 0; i < sizeof taken; i++)
		assert_int_equal(bytes[i], i < ALERT_1_0_END ? 0xff : 0);
	yg_abi_alert(1, &raised, &taken);
	assert_memory_equal(&raised, &taken, sizeof taken);
}

static void an_older_detector_gets_the_calls_of_its_version(void **state)
{
	struct yg_host host;
	(void)state;
	memset(&host, 0xff, sizeof host);
	yg_abi_host(0, &host);
	assert_int_equal(host.size, HOST_1_0);
	assert_non_null(host.log);
	assert_null(host.ask);
	assert_null(host.server_at);
	memset(&host, 0xff, sizeof host);
	yg_abi_host(YG_PLUGIN_ABI_MINOR, &host);
	assert_int_equal(host.size, sizeof host);
	assert_non_null(host.server_at);
}

static void the_description_is_taken_whole(void **state)
{
	struct yg_plugin p = sound(), described;
	(void)state;
	p.summary_en = "here";
	p.abi_minor = 0;
	memset(&described, 0xff, sizeof described);
	yg_abi_describe(&p, &described);
	assert_memory_equal(&p, &described, PLUGIN_1_0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(older_minor_versions_are_taken_and_newer_ones_are_not),
		cmocka_unit_test(what_is_no_description_is_refused),
		cmocka_unit_test(of_an_older_alert_only_its_own_part_is_read),
		cmocka_unit_test(an_older_detector_gets_the_calls_of_its_version),
		cmocka_unit_test(the_description_is_taken_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
