// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The compiler and the block: what a file becomes, what is refused and in which words, and that every limit is one.
// bad-config/ holds one file a mistake; its first lines say `# expect: FRAGMENT`, and `#### NAME` begins a file beside
// it.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "config_folder.h"

enum { BAD_CASES_AT_LEAST = 60 };

// ---- the table of bad files ----

static void unpack(char *text, size_t length)
{
	const char *name = "config.yaml";
	char *end = text + length;
	empty_folder();
	while (text) {
		char *next = memmem(text, (size_t)(end - text), "#### ", 5);
		fixture_write(folder, name, text, (size_t)((next ? next : end) - text));
		if (!next)
			return;
		char *line = strchr(next, '\n');
		*line = '\0';
		name = next + 5;
		text = line + 1;
	}
}

// Takes the folder's name, which is another one in every run, out of the lines.
static void strip_folder(char *text)
{
	size_t n = strlen(folder) + 1;
	for (char *at; (at = strstr(text, folder));)
		memmove(at, at + n, strlen(at + n) + 1);
}

// Every `# expect:` line is met by the errors, and there are no others.
static bool check_bad_file(const char *name)
{
	char path[1024], *errors;
	size_t length;
	int fd, expected = 0;
	bool met = true;
	snprintf(path, sizeof path, YG_SOURCE_ROOT "/tests/unit/bad-config/%s", name);
	char *text = read_whole(path, &length);
	char *copy = memcpy(calloc(1, length + 1), text, length);
	unpack(text, length);
	int count = fixture_compile(config_path, &errors, &fd);
	strip_folder(errors);
	if (fd >= 0)
		close(fd);
	for (char *line = copy; strncmp(line, "# expect: ", 10) == 0; expected++) {
		char *end = strchr(line, '\n');
		*end = '\0';
		if (!strstr(errors, line + 10)) {
			print_error("%s: wanted: %s\n", name, line + 10);
			met = false;
		}
		line = end + 1;
	}
	if (!met || count != expected || expected == 0 || count_lines(errors) != count) {
		print_error("%s: %d errors, %d expected:\n%s", name, count, expected, errors);
		met = false;
	}
	free(text);
	free(copy);
	free(errors);
	return met;
}

static void every_bad_file_is_refused_in_the_expected_words(void **state)
{
	(void)state;
	int cases = 0, failed = 0;
	DIR *dir = opendir(YG_SOURCE_ROOT "/tests/unit/bad-config");
	assert_non_null(dir);
	for (struct dirent *entry; (entry = readdir(dir));) {
		if (entry->d_name[0] == '.')
			continue;
		failed += !check_bad_file(entry->d_name);
		cases++;
	}
	closedir(dir);
	empty_folder();
	assert_true(cases >= BAD_CASES_AT_LEAST);
	assert_int_equal(failed, 0);
}

// Where the build does not speak it; and it says what helps.
static void tls_to_redis_is_refused_where_it_is_not_spoken(void **state)
{
	char *errors;
	int fd;
	(void)state;
	put("config.yaml", "redis: {url: \"rediss://sensor:x@redis.example.jp:6380\"}\n");
	assert_int_equal(fixture_compile(config_path, &errors, &fd), YG_REDIS_TLS ? 0 : 1);
	assert_true(YG_REDIS_TLS || strstr(errors, "redis.url: asks for TLS, which the courier does not speak; put stunnel before Redis"));
	assert_null(strstr(errors, "sensor:x")); // that is a password
	if (fd >= 0)
		close(fd);
	free(errors);
}

// ---- what a file becomes ----

static void without_a_file_the_defaults_hold(void **state)
{
	(void)state;
	struct yg_config c = open_file(NULL);
	assert_string_equal(yg_config_string(&c, YG_O_SENSOR_TIMEZONE), "Asia/Tokyo");
	assert_int_equal(yg_config_int(&c, YG_O_FLOW_TABLE), 1048576);
	assert_int_equal(yg_config_int(&c, YG_O_REASSEMBLY_BYTES), 16 << 20);
	assert_int_equal(yg_config_ns(&c, YG_O_FLOW_IDLE_ESTABLISHED), INT64_C(300000000000));
	assert_int_equal(yg_config_int(&c, YG_O_EVE_FLOWS), 1);
	assert_true(c.all_internal);
	assert_int_equal(c.orgs_count + c.prefixes_count + c.services_count, 0);
	yg_config_close(&c);
}

static void values_of_the_file_hold_with_their_suffixes(void **state)
{
	(void)state;
	put("config.yaml",
	    "sensor: {name: gate-1}\negress: {line: 1.5G, mirror: one_way}\nredis: {timeout: 100ms}\n"
	    "flow: {update: 1.5min, idle: {talking: 90}}\nreassembly: {bytes: 1MiB}\neve: {flows: false}\n");
	struct yg_config c = open_file(config_path);
	assert_string_equal(yg_config_string(&c, YG_O_SENSOR_NAME), "gate-1");
	assert_int_equal(yg_config_int(&c, YG_O_EGRESS_LINE), 1500000000);
	assert_int_equal(yg_config_int(&c, YG_O_EGRESS_MIRROR), 1);
	assert_int_equal(yg_config_ns(&c, YG_O_REDIS_TIMEOUT), 100000000);
	assert_int_equal(yg_config_ns(&c, YG_O_FLOW_UPDATE), INT64_C(90000000000));
	assert_int_equal(yg_config_ns(&c, YG_O_FLOW_IDLE_TALKING), INT64_C(90000000000));
	assert_int_equal(yg_config_int(&c, YG_O_REASSEMBLY_BYTES), 1 << 20);
	assert_int_equal(yg_config_int(&c, YG_O_EVE_FLOWS), 0);
	yg_config_close(&c);
}

// As courier/redis_url.h takes them.
static void sockets_of_redis_may_want_a_password(void **state)
{
	static const char *const urls[] = {"unix:///run/redis.sock", "unix://sensor:secret@/run/redis.sock",
	                                   "unix://:secret@/run/redis.sock?db=3"};
	(void)state;
	for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
		const char *const overrides[][2] = {{"redis.url", urls[i]}};
		put("config.yaml", "{}\n");
		const struct yg_compile_input input = {.path = config_path, .overrides = overrides, .overrides_count = 1};
		struct yg_config c = open_input(&input);
		assert_string_equal(yg_config_string(&c, YG_O_REDIS_URL), urls[i]);
		yg_config_close(&c);
	}
}

static void the_command_line_goes_over_the_file(void **state)
{
	(void)state;
	static const char *const overrides[][2] = {
	    {"redis.url", "unix:///run/redis.sock"}, {"plugins.test.rate", "7"}, {"plugins.test.enabled", "false"}};
	put("config.yaml", "redis: {url: \"redis://a:1\"}\nplugins: {test: {rate: 9}}\n");
	const struct yg_compile_input input = {.path = config_path,
	                                       .plugins = fixture_found,
	                                       .plugins_count = 1,
	                                       .overrides = overrides,
	                                       .overrides_count = 3};
	struct yg_config c = open_input(&input);
	union yg_value values[YG_CONFIG_PLUGIN_OPTIONS_MAX];
	assert_string_equal(yg_config_string(&c, YG_O_REDIS_URL), "unix:///run/redis.sock");
	assert_int_equal(yg_config_plugin_values(&c, &c.plugins[0], fixture_options, FIXTURE_OPTIONS, values), 0);
	assert_int_equal(values[0].i, 7);
	assert_int_equal(c.plugins[0].enabled, 0);
	yg_config_close(&c);
}

static void an_override_of_an_unknown_key_is_an_error(void **state)
{
	(void)state;
	static const char *const overrides[][2] = {{"redis.ulr", "x"}};
	const struct yg_compile_input input = {.overrides = overrides, .overrides_count = 1};
	char *errors;
	int fd;
	assert_int_equal(fixture_compile_input(&input, &errors, &fd), 1);
	assert_non_null(strstr(errors, "command line: redis.ulr: unknown key; did you mean 'redis.url'?"));
	free(errors);
}

static void plugin_values_have_the_order_of_their_table(void **state)
{
	(void)state;
	put("config.yaml", "plugins:\n  test:\n    deep: {share: 0.5, words: hello}\n    hold: 250ms\n    mode: "
	                   "alert\n    quiet: true\n");
	struct yg_config c = open_file(config_path);
	union yg_value v[YG_CONFIG_PLUGIN_OPTIONS_MAX];
	assert_int_equal(yg_config_plugin_values(&c, &c.plugins[0], fixture_options, FIXTURE_OPTIONS, v), 0);
	assert_int_equal(v[0].i, 20000);
	assert_int_equal(v[1].i, 1000000000);
	assert_true(v[2].f == 0.5);
	assert_string_equal(v[3].s, "hello");
	assert_true(v[4].f == 0.25);
	assert_int_equal(v[5].i, 4096);
	assert_int_equal(v[6].i, 0);
	assert_int_equal(v[7].i, 1);
	yg_config_close(&c);
}

static void values_of_another_table_are_refused(void **state)
{
	(void)state;
	struct yg_config c = open_file(NULL);
	struct yg_option other[FIXTURE_OPTIONS];
	union yg_value v[YG_CONFIG_PLUGIN_OPTIONS_MAX];
	memcpy(other, fixture_options, sizeof other);
	other[0].path = "rates";
	assert_int_equal(yg_config_plugin_values(&c, &c.plugins[0], other, FIXTURE_OPTIONS, v), -EINVAL);
	assert_int_equal(yg_config_plugin_values(&c, &c.plugins[0], fixture_options, FIXTURE_OPTIONS - 1, v), -EINVAL);
	yg_config_close(&c);
}

static const struct yg_org *find_org(const struct yg_config *c, const char *code)
{
	for (uint32_t i = 0; i < c->orgs_count; i++)
		if (strcmp(c->orgs[i].code, code) == 0)
			return &c->orgs[i];
	fail_msg("no body %s", code);
	return NULL;
}

static void the_example_prefecture_compiles(void **state)
{
	(void)state;
	struct yg_config c = open_file(YG_SOURCE_ROOT "/configs/demo.yaml");
	assert_int_equal(c.orgs_count, 8);
	assert_int_equal(c.all_internal, 0);
	const struct yg_org *board = find_org(&c, "shiomi-edu"), *union_ = find_org(&c, "kirisasa");
	assert_string_equal(c.orgs[board->parent].code, "shiomi");
	assert_string_equal(c.orgs[c.orgs[board->parent].parent].code, "nadami");
	assert_int_equal(union_->members_count, 3);
	assert_string_equal(c.orgs[union_->members[0]].code, "kirihara");
	assert_int_equal(union_->zone_model, YG_MODEL_TWO_ZONE);
	assert_int_equal(find_org(&c, "yukinosawa")->line_bps, 50000000);
	assert_string_equal(board->name_ja, "汐見市教育委員会");
	yg_config_close(&c);
}

static void a_body_within_its_parent_and_within_home_is_no_overlap(void **state)
{
	(void)state;
	put("config.yaml", "home: [203.0.0.0/16]\norganisations: [\"?.yaml\"]\n");
	put("a.yaml",
	    "code: city\nname: {ja: 市, en: City}\nkind: city\nmodel: alpha\nprefixes: {internet: [203.0.113.0/24]}\n");
	put("b.yaml", "code: board\nname: {ja: 委, en: Board}\nkind: board\nparent: city\nmodel: alpha\nprefixes: "
	              "{internet: [203.0.113.64/26]}\n");
	struct yg_config c = open_file(config_path);
	assert_int_equal(c.prefixes_count, 3);
	assert_int_equal(c.prefixes[0].org, YG_ORG_NONE);
	assert_int_equal(c.prefixes[1].cover, 0);
	assert_int_equal(c.prefixes[2].cover, 1);
	yg_config_close(&c);
	empty_folder();
}

static void home_on_the_command_line_declares_address_space(void **state)
{
	(void)state;
	static const char *const home[] = {"192.0.2.0/24", "2001:db8::/32", "192.0.2.0/24", "192.0.2.128/25"};
	const struct yg_compile_input input = {.home = home, .home_count = 4};
	struct yg_config c = open_input(&input);
	assert_int_equal(c.prefixes_count, 2);
	assert_int_equal(c.all_internal, 0);
	assert_int_equal(c.prefixes[0].zone, YG_ZONE_INTERNET);
	yg_config_close(&c);
}

static void the_same_files_give_the_same_block(void **state)
{
	(void)state;
	struct yg_config a = open_file(YG_SOURCE_ROOT "/configs/demo.yaml");
	struct yg_config b = open_file(YG_SOURCE_ROOT "/configs/demo.yaml");
	assert_int_equal(a.size, b.size);
	assert_memory_equal(a.block, b.block, a.size);
	assert_true(a.hash == b.hash);
	yg_config_close(&a);
	yg_config_close(&b);
}

static void dump_default_compiles_to_the_defaults(void **state)
{
	(void)state;
	char *text;
	size_t size;
	const struct yg_compile_input input = {.plugins = fixture_found, .plugins_count = 1};
	FILE *out = open_memstream(&text, &size);
	assert_int_equal(yg_compile_dump_default(&input, out), 0);
	fclose(out);
	put("config.yaml", text);
	struct yg_config a = open_file(config_path), b = open_file(NULL);
	assert_true(a.hash == b.hash);
	yg_config_close(&a);
	yg_config_close(&b);
	free(text);
}

// What plugins add stands behind `plugins:`, and is compared where the plugins are built
// (tests/unit/generated_files.sh).
static void the_default_file_is_what_dump_default_prints(void **state)
{
	(void)state;
	char *text;
	size_t size, length;
	const struct yg_compile_input input = {0};
	FILE *out = open_memstream(&text, &size);
	assert_int_equal(yg_compile_dump_default(&input, out), 0);
	fclose(out);
	char *file = read_whole(YG_SOURCE_ROOT "/configs/yagura.yaml", &length);
	assert_true(length >= size);
	assert_memory_equal(file, text, size);
	free(file);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_bad_file_is_refused_in_the_expected_words),
	    cmocka_unit_test(tls_to_redis_is_refused_where_it_is_not_spoken),
	    cmocka_unit_test(without_a_file_the_defaults_hold),
	    cmocka_unit_test(values_of_the_file_hold_with_their_suffixes),
	    cmocka_unit_test(sockets_of_redis_may_want_a_password), cmocka_unit_test(the_command_line_goes_over_the_file),
	    cmocka_unit_test(an_override_of_an_unknown_key_is_an_error),
	    cmocka_unit_test(plugin_values_have_the_order_of_their_table),
	    cmocka_unit_test(values_of_another_table_are_refused),
	    cmocka_unit_test(the_example_prefecture_compiles),
	    cmocka_unit_test(a_body_within_its_parent_and_within_home_is_no_overlap),
	    cmocka_unit_test(home_on_the_command_line_declares_address_space),
	    cmocka_unit_test(the_same_files_give_the_same_block),
	    cmocka_unit_test(dump_default_compiles_to_the_defaults),
	    cmocka_unit_test(the_default_file_is_what_dump_default_prints),
	};
	return cmocka_run_group_tests_name("config", tests, make_folder, remove_folder);
}
