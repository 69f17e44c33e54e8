// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The edges of the compiler and the block: who may write the files, what every limit does when it is full, and that
// nobody opens a block that is unsealed or damaged.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "config_folder.h"

static void a_file_that_others_may_write_is_refused_when_trust_is_asked(void **state)
{
	(void)state;
	char *errors;
	int fd;
	put("config.yaml", "sensor: {name: a}\n");
	assert_int_equal(chmod(config_path, 0664), 0);
	const struct yg_compile_input strict = {.path = config_path, .trusted_only = true};
	assert_int_equal(fixture_compile_input(&strict, &errors, &fd), 1);
	assert_non_null(strstr(errors, "others may write it (mode 0664); chmod go-w it"));
	free(errors);
	const struct yg_compile_input lax = {.path = config_path};
	assert_int_equal(fixture_compile_input(&lax, &errors, &fd), 0);
	assert_non_null(strstr(errors, "warning: others may write this file"));
	free(errors);
	close(fd);
	assert_int_equal(chmod(config_path, 0644), 0);
	assert_int_equal(fixture_compile_input(&strict, &errors, &fd), 0);
	assert_string_equal(errors, "");
	free(errors);
	close(fd);
}

__attribute__((format(printf, 3, 0))) static void put_repeated(const char *name, const char *head, const char *format, int from, int to)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	fputs(head, out);
	for (int i = from; i < to; i++)
		fprintf(out, format, i >> 8 & 255, i & 255);
	fclose(out);
	put(name, text);
	free(text);
}

static void a_file_beyond_256_kib_is_refused(void **state)
{
	(void)state;
	put_repeated("config.yaml", "", "# %03d %03d ............................................................\n", 0,
	             4000);
	expect_error("is larger than 256 KiB; split it");
}

static void a_file_of_256_kib_is_read(void **state)
{
	(void)state;
	char *text = memset(calloc(1, 256 * 1024 + 1), '#', 256 * 1024);
	put("config.yaml", text);
	free(text);
	struct yg_config c = open_file(config_path);
	yg_config_close(&c);
}

static void more_than_ten_thousand_events_are_refused(void **state)
{
	(void)state;
	put_repeated("config.yaml", "home:\n", "- 10.%d.%d.1/32\n", 0, 10000);
	expect_error("more than 10,000 YAML events");
}

static const char city[] = "code: %s\nname: {ja: 市, en: City}\nkind: city\nmodel: alpha\n";

static void more_than_16384_prefixes_are_refused(void **state)
{
	(void)state;
	put("config.yaml", "organisations: [\"p*.yaml\"]\n");
	for (int i = 0; i < 3; i++) {
		char name[32], head[256];
		snprintf(name, sizeof name, "p%d.yaml", i);
		int n = snprintf(head, sizeof head, city, (const char *const[]){"p0", "p1", "p2"}[i]);
		snprintf(head + n, sizeof head - (size_t)n, "prefixes:\n  internet:\n");
		put_repeated(name, head, "  - 10.%d.%d.0/24\n", i * 5600, i * 5600 + 5600);
	}
	expect_error("prefixes: more than 16384 in all; merge neighbours");
	empty_folder();
}

static void more_than_16384_endpoints_are_refused(void **state)
{
	(void)state;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	fprintf(out, city, "big");
	fputs("prefixes: {internet: [10.0.0.0/16]}\nservers:\n- name: a\n  role: web\n  ports: [1", out);
	for (int port = 2; port <= 64; port++)
		fprintf(out, ", %d", port);
	fputs("]\n  address: [10.0.0.1", out);
	for (int i = 2; i <= 257; i++)
		fprintf(out, ", 10.0.%d.%d", i >> 8, i & 255);
	fputs("]\n", out);
	fclose(out);
	put("config.yaml", "organisations: [big.yaml]\n");
	put("big.yaml", text);
	free(text);
	expect_error("servers: more than 16384 addresses times ports in all");
	empty_folder();
}

static void more_than_1024_bodies_are_refused(void **state)
{
	(void)state;
	put("config.yaml", "organisations: [\"a*.yaml\", \"b*.yaml\"]\n");
	for (int i = 0; i < 1026; i++) {
		char name[24], code[16], text[256];
		snprintf(code, sizeof code, "%c%04d", i < 600 ? 'a' : 'b', i);
		snprintf(name, sizeof name, "%s.yaml", code);
		int n = snprintf(text, sizeof text, city, code);
		snprintf(text + n, sizeof text - (size_t)n, "prefixes: {internet: [10.%d.%d.0/24]}\n", i >> 8, i & 255);
		put(name, text);
	}
	expect_error("organisations: more than 1024 bodies; remove some");
	put("config.yaml", "organisations: [\"*[0-9].yaml\"]\n");
	expect_error("matches 1026 files; at most 1024 are taken");
	empty_folder();
}

static void past_500_errors_the_rest_is_counted(void **state)
{
	(void)state;
	char *errors;
	int fd;
	put_repeated("config.yaml", "home:\n", "- x%d.%d\n", 0, 700);
	assert_int_equal(fixture_compile(config_path, &errors, &fd), 700);
	assert_int_equal(count_lines(errors), 501);
	assert_non_null(strstr(errors, "and 200 more errors"));
	free(errors);
}

static void a_plugin_with_too_many_options_is_refused(void **state)
{
	(void)state;
	struct yg_option rows[YG_CONFIG_PLUGIN_OPTIONS_MAX + 1];
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		rows[i] = fixture_options[0];
	const struct yg_plugin plugin = {YG_PLUGIN_HEADER, .name = "wide", .options = rows,
	                                 .options_count = YG_CONFIG_PLUGIN_OPTIONS_MAX + 1};
	const struct yg_found_plugin found[] = {{"wide", "/nowhere/wide.so", &plugin}};
	const struct yg_compile_input input = {.plugins = found, .plugins_count = 1};
	char *errors;
	int fd;
	assert_int_equal(fixture_compile_input(&input, &errors, &fd), 1);
	assert_non_null(strstr(errors, "/nowhere/wide.so: wide: has 65 options; the host takes 64"));
	free(errors);
}

static void the_block_cannot_be_changed_afterwards(void **state)
{
	(void)state;
	char *errors;
	int fd;
	assert_int_equal(fixture_compile(NULL, &errors, &fd), 0);
	free(errors);
	assert_int_equal(write(fd, "x", 1), -1);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_ptr_equal(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	close(fd);
}

static void an_unsealed_or_damaged_block_is_refused(void **state)
{
	(void)state;
	struct yg_config c = open_file(YG_SOURCE_ROOT "/configs/demo.yaml"), other;
	uint8_t *copy = memcpy(malloc(c.size), c.block, c.size);
	int open_fd = memfd_create("unsealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(write(open_fd, copy, c.size), (ssize_t)c.size);
	assert_int_equal(yg_config_open(open_fd, &other), -EBADMSG);
	close(open_fd);
	for (size_t i = 0; i < c.size; i += i < 256 ? 1 : 61) {
		copy[i] ^= 0x40;
		int fd = fixture_block(copy, c.size);
		assert_int_equal(yg_config_open(fd, &other), -EBADMSG);
		close(fd);
		copy[i] ^= 0x40;
	}
	int fd = fixture_block(copy, c.size - 1);
	assert_int_equal(yg_config_open(fd, &other), -EBADMSG);
	close(fd);
	fd = fixture_block(copy, 0);
	assert_int_equal(yg_config_open(fd, &other), -EBADMSG);
	close(fd);
	free(copy);
	yg_config_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_file_that_others_may_write_is_refused_when_trust_is_asked),
	    cmocka_unit_test(a_file_beyond_256_kib_is_refused),
	    cmocka_unit_test(a_file_of_256_kib_is_read),
	    cmocka_unit_test(more_than_ten_thousand_events_are_refused),
	    cmocka_unit_test(more_than_16384_prefixes_are_refused),
	    cmocka_unit_test(more_than_16384_endpoints_are_refused),
	    cmocka_unit_test(more_than_1024_bodies_are_refused),
	    cmocka_unit_test(past_500_errors_the_rest_is_counted),
	    cmocka_unit_test(a_plugin_with_too_many_options_is_refused),
	    cmocka_unit_test(the_block_cannot_be_changed_afterwards),
	    cmocka_unit_test(an_unsealed_or_damaged_block_is_refused),
	};
	return cmocka_run_group_tests_name("config limits", tests, make_folder, remove_folder);
}
