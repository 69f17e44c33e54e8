// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// test_detectors BODY.so: the host side of the interface with a real detector, and a reload that changes nothing but a calendar: the
// detector keeps what it has learned and sees the new calendar at once.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>

#include "config_folder.h"
#include "engine/detectors.h"

// 2026-06-01 10:00 in Japan
static const int64_t begin = 1780275600;
static const char *plugin_path;
static unsigned dark, others;
static struct yg_alert last;

static void on_raise(void *context, const char *detector, const struct yg_alert *alert)
{
	(void)context;
	assert_string_equal(detector, "body");
	dark += strcmp(alert->kind, "org.dark") == 0;
	others += strcmp(alert->kind, "org.dark") != 0;
	last = *alert;
}

static struct yg_config compiled(const char *calendar)
{
	static struct yg_found_plugin found;
	char text[1024];
	void *object = dlopen(plugin_path, RTLD_NOW | RTLD_LOCAL);
	assert_non_null(object);
	snprintf(found.name, sizeof found.name, "body");
	snprintf(found.path, sizeof found.path, "%s", plugin_path);
	found.plugin = dlsym(object, YG_PLUGIN_SYMBOL);
	snprintf(text, sizeof text,
		 "code: town\nname: {ja: 町, en: Town}\nkind: town\nmodel: alpha\nprefixes: {internet: [192.0.2.0/24]}\n%s", calendar);
	put("town.yaml", text);
	put("config.yaml", "organisations: [town.yaml]\n");
	const struct yg_compile_input input = {.path = config_path, .plugins = &found, .plugins_count = 1};
	return open_input(&input);
}

static void send(struct yg_detectors *d, int64_t second, bool speaks)
{
	struct yg_window link = {.second = second, .scope = YG_SCOPE_LINK, .org = YG_ORG_NONE, .now.packets[YG_VEC_UDP] = 10};
	struct yg_window body = {.second = second, .scope = YG_SCOPE_BODY, .org = 0, .now.packets_out = 20, .now.bytes_out = 2000};
	yg_detectors_now(d, second);
	yg_detectors_window(d, &link);
	if (speaks)
		yg_detectors_window(d, &body);
	yg_detectors_tick(d, second);
}

static void a_calendar_changes_while_detectors_run(void **state)
{
	(void)state;
	struct yg_config plain = compiled("");
	struct yg_config working = compiled("calendar:\n  - {what: work, from: \"2026-06-01 10:00\", to: \"2026-06-01 12:00\"}\n");
	struct yg_detectors_options options = {.config = &plain, .raise = on_raise};
	struct yg_detectors *d = yg_detectors_open(&options);
	assert_non_null(d);
	int64_t s = begin;
	for (; s < begin + 600; s++)
		send(d, s, true);
	for (; s < begin + 700; s++)
		send(d, s, false);
	assert_true(dark > 0 && others == 0);
	assert_string_equal(last.org_code, "town");
	assert_string_equal(last.org_ja, "町");
	options.config = &working;
	struct yg_detectors *next = yg_detectors_prepare(d, &options);
	assert_non_null(next);
	yg_detectors_replace(d, next);
	dark = 0;
	for (; s < begin + 900; s++)
		send(next, s, false);
	assert_int_equal(dark, 0);
	options.config = &plain; // and back: what it had learned before both reloads still holds
	d = yg_detectors_prepare(next, &options);
	assert_non_null(d);
	yg_detectors_replace(next, d);
	for (; s < begin + 910; s++)
		send(d, s, false);
	assert_true(dark > 0 && others == 0);
	yg_detectors_close(d);
	yg_config_close(&plain);
	yg_config_close(&working);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_calendar_changes_while_detectors_run)};
	plugin_path = argc > 1 ? argv[1] : "";
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
