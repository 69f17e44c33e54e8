// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// `yagura eval` without a replay: label files as they should be and as they come, and what alerts mean for a labelled capture.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/eval_judge.h"

#define HEAD "path\tverdict\tkinds\tsource\ttarget\thome\tremark\n"

static char said[1 << 16];

static int read_bytes(struct yg_labels *l, const char *text, size_t length)
{
	char *copy = malloc(length + 1);
	FILE *out = fmemopen(said, sizeof said, "w");
	memcpy(copy, text, length);
	memset(said, 0, sizeof said);
	int error = yg_labels_read(l, "l.tsv", copy, length, out);
	fclose(out);
	return error;
}

static int reads(struct yg_labels *l, const char *text)
{
	return read_bytes(l, text, strlen(text));
}

static void a_label_says_what_is_in_a_file(void **state)
{
	(void)state;
	struct yg_labels l;
	assert_int_equal(reads(&l, HEAD "# a remark\n\nd/a.pcap\tattack\tscan.port|scan.host\t192.0.2.1,2001:db8::/32\t198.51.100.0/24\t"
	                                "198.51.100.0/24\tx\r\nb.pcap\tbenign\t\t\t\t\t"),
	                 0);
	assert_int_equal(l.count, 2);
	const struct yg_label *a = &l.at[0];
	assert_string_equal(a->path, "d/a.pcap");
	assert_string_equal(a->home, "198.51.100.0/24");
	assert_int_equal(a->verdict, YG_VERDICT_ATTACK);
	assert_int_equal(a->kinds_count, 2);
	assert_string_equal(a->kinds[1], "scan.host");
	assert_int_equal(a->sources_count, 2);
	assert_int_equal(a->parties_count, 3);
	assert_int_equal(a->parties[1].af, 6);
	assert_int_equal(a->parties[2].len, 24);
	assert_int_equal(l.at[1].verdict, YG_VERDICT_BENIGN);
	assert_int_equal(l.at[1].line, 5);
	yg_labels_finish(&l);
}

static void columns_may_stand_in_any_order(void **state)
{
	(void)state;
	struct yg_labels l;
	assert_int_equal(reads(&l, "home\tkinds\tx\tpath\ttarget\tsource\tverdict\n192.0.2.1\tdos.volume\t-\ta\t192.0.2.1\t\toptional\n"), 0);
	assert_string_equal(l.at[0].path, "a");
	assert_int_equal(l.at[0].sources_count, 0);
	assert_int_equal(l.at[0].parties_count, 1);
	yg_labels_finish(&l);
}

static void each_fault_is_told_with_its_line(void **state)
{
	(void)state;
	static const struct {
		const char *line, *told;
	} table[] = {
	    {"/etc/passwd\tbenign\t\t\t\t", "l.tsv:2: the path does not lead into"},
	    {"../a\tbenign\t\t\t\t", "l.tsv:2: the path does not lead into"},
	    {"a/../../b\tbenign\t\t\t\t", "l.tsv:2: the path does not lead into"},
	    {"\tbenign\t\t\t\t", "l.tsv:2: the path does not lead into"},
	    {"a\tevil\t\t\t\t", "l.tsv:2: the verdict is none of"},
	    {"a\tattack\t\t\t\t", "l.tsv:2: an attack without a kind"},
	    {"a\tattack\tdos.nothing\t\t\t", "l.tsv:2: no kind of alert: 'dos.nothing'"},
	    {"a\tattack\tdos.volume||\t\t\t", "l.tsv:2: no kind of alert: ''"},
	    {"a\tbenign\t\t1.2.3\t\t", "l.tsv:2: neither an address nor a prefix: '1.2.3'"},
	    {"a\tbenign\t\t\t10.0.0.0/33\t", "l.tsv:2: neither"},
	    {"a\tbenign\t\t\t\t10.0.0.0/", "l.tsv:2: neither"},
	    {"a\tbenign\t\t\t\t--eve=/x", "l.tsv:2: neither"},
	    {"a\tbenign\t\t\t\t10.0.0.0/8,", NULL}, // an end without anything is no address more
	    {"a\tbenign\t\t\t\t,10.0.0.0/8", "l.tsv:2: neither"},
	    {"a\tbenign", "l.tsv:2: fewer columns"},
	    {"a\tb\x1b[2J\t\t\t\t", "'b?[2J'"},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct yg_labels l;
		char text[400];
		snprintf(text, sizeof text, "path\tverdict\tkinds\tsource\ttarget\thome\n%s\n", table[i].line);
		int error = reads(&l, text);
		if (table[i].told) {
			assert_int_equal(error, -EINVAL);
			if (!strstr(said, table[i].told))
				fail_msg("%zu: %s", i, said);
			assert_null(strchr(said, '\x1b'));
		} else {
			assert_int_equal(error, 0);
		}
		yg_labels_finish(&l);
	}
}

static void without_its_first_line_nothing_is_understood(void **state)
{
	(void)state;
	struct yg_labels l;
	assert_int_equal(reads(&l, ""), -EINVAL);
	yg_labels_finish(&l);
	assert_int_equal(reads(&l, "a.pcap\tbenign\t\t\t\t\n"), -EINVAL);
	assert_non_null(strstr(said, "l.tsv:1: the first line lacks the column: 'path'"));
	yg_labels_finish(&l);
}

static void limits_are_told_and_hold(void **state)
{
	(void)state;
	struct yg_labels l;
	size_t room = 4u << 20, n = 0;
	char *text = malloc(room);
	n += (size_t)snprintf(text, room, "%sa\tbenign\t\t", HEAD);
	for (int i = 0; i < YG_LABEL_PREFIXES + 1; i++)
		n += (size_t)snprintf(text + n, room - n, "%s10.0.0.1", i ? "," : "");
	snprintf(text + n, room - n, "\t\t\t\n");
	assert_int_equal(reads(&l, text), -EINVAL);
	assert_non_null(strstr(said, "more than 256 addresses"));
	yg_labels_finish(&l);
	n = (size_t)snprintf(text, room, "%sa\tattack\tdos.volume", HEAD);
	for (int i = 0; i < YG_LABEL_KINDS; i++)
		n += (size_t)snprintf(text + n, room - n, "|scan.port");
	snprintf(text + n, room - n, "\t\t\t\t\n");
	assert_int_equal(reads(&l, text), -EINVAL);
	assert_non_null(strstr(said, "more than 16 kinds"));
	yg_labels_finish(&l);
	n = (size_t)snprintf(text, room, "%s", HEAD);
	for (int i = 0; i < YG_LABELS_MAX + 30; i++)
		n += (size_t)snprintf(text + n, room - n, "a%d\tbenign\t\t\t\t\t\n", i);
	assert_int_equal(reads(&l, text), -EINVAL);
	assert_int_equal(l.count, YG_LABELS_MAX);
	assert_int_equal(l.faults, 30);
	assert_non_null(strstr(said, "l.tsv: 10 faults more"));
	yg_labels_finish(&l);
	assert_int_equal(yg_labels_load(&l, "/nonexistent/labels", stderr), -ENOENT);
	free(text);
}

static void bytes_at_random_are_labels_or_faults(void **state)
{
	(void)state;
	static const char some[] = "\t\t\t\t\n\n|,/.:abenign attack10.0.0.1/8scan.port\r#\xff";
	srand(5);
	for (int i = 0; i < 20000; i++) {
		struct yg_labels l;
		char text[400];
		size_t n = strlen(HEAD), length = n + (size_t)rand() % (sizeof text - n);
		memcpy(text, HEAD, n);
		for (; n < length; n++)
			text[n] = rand() % 200 ? some[(size_t)rand() % (sizeof some - 1)] : '\0';
		int error = read_bytes(&l, text, length);
		assert_true(error == 0 || error == -EINVAL);
		assert_int_equal(error == 0, l.faults == 0);
		for (size_t k = 0; k < l.count; k++)
			assert_true(l.at[k].path[0] && l.at[k].path[0] != '/');
		yg_labels_finish(&l);
	}
}

// ---- alerts ----

struct judging {
	struct yg_labels labels;
	struct yg_eval_alerts alerts;
	struct yg_eval_alert room[YG_EVAL_ALERTS];
};

static struct judging *judge_with(const char *label)
{
	struct judging *j = calloc(1, sizeof *j);
	char text[400];
	snprintf(text, sizeof text, "path\tverdict\tkinds\tsource\ttarget\thome\n%s\n", label);
	assert_int_equal(reads(&j->labels, text), 0);
	j->alerts.at = j->room;
	return j;
}

static void finish(struct judging *j)
{
	yg_labels_finish(&j->labels);
	free(j);
}

static void take(struct judging *j, const char *id, const char *kind, const char *severity, const char *src, const char *target,
                 const char *top)
{
	char line[1000];
	snprintf(line, sizeof line,
	         "{\"event_type\":\"alert\",\"src_ip\":\"%s\",\"dest_ip\":\"0.0.0.0\",\"alert\":{\"context\":{\"id\":\"%s\",\"kind\":\"%s\","
	         "\"severity\":\"%s\",\"target\":\"%s\",\"why\":{\"top\":[{\"ip\":\"%s\",\"share\":0.4}]}}}}",
	         src, id, kind, severity, target, top);
	yg_eval_take(&j->alerts, &j->labels.at[0], line, strlen(line));
}

static const struct yg_eval_filter everything;

static void a_file_is_found_by_kind_and_party(void **state)
{
	(void)state;
	struct judging *j = judge_with("a\tattack\tdos.syn_flood|dos.volume\t198.51.100.0/24\t203.0.113.10\t");
	take(j, "1", "dos.syn_flood", "high", "0.0.0.0", "203.0.113.11", "192.0.2.1"); // somebody else
	take(j, "2", "scan.port", "low", "198.51.100.9", "203.0.113.10", "192.0.2.1"); // something else
	assert_false(yg_eval_found(&j->alerts, &everything));
	take(j, "3", "dos.volume", "low", "0.0.0.0", "203.0.113.0/24", "192.0.2.1"); // the network of the target
	assert_true(yg_eval_found(&j->alerts, &everything));
	const struct yg_eval_filter scans = {{"scan.*"}, 1};
	assert_false(yg_eval_found(&j->alerts, &scans));
	finish(j);
}

static void a_source_may_stand_among_the_top_contributors(void **state)
{
	(void)state;
	struct judging *j = judge_with("a\tattack\tdos.volume\t198.51.100.0/24\t203.0.113.10\t");
	take(j, "1", "dos.volume", "high", "0.0.0.0", "203.0.113.77", "203.0.113.10"); // the victim on top of the senders: no
	assert_false(yg_eval_found(&j->alerts, &everything));
	take(j, "1", "dos.volume", "high", "0.0.0.0", "203.0.113.77", "198.51.100.3"); // a later line of the same
	assert_int_equal(j->alerts.count, 1);
	assert_true(yg_eval_found(&j->alerts, &everything));
	finish(j);
}

static void what_nobody_asked_for_is_medium_or_worse(void **state)
{
	(void)state;
	struct judging *j = judge_with("a\tbenign\t\t\t\t");
	take(j, "1", "scan.port", "low", "198.51.100.9", "203.0.113.10", "");
	take(j, "2", "dos.volume", "low", "0.0.0.0", "203.0.113.10", "");
	take(j, "2", "dos.volume", "medium", "0.0.0.0", "203.0.113.10", ""); // it got worse
	take(j, "3", "sensor.mirror", "high", "0.0.0.0", "", "");
	const struct yg_label *l = &j->labels.at[0];
	assert_false(yg_eval_unasked(&j->alerts.at[0], l, &everything));
	assert_true(yg_eval_unasked(&j->alerts.at[1], l, &everything));
	assert_false(yg_eval_unasked(&j->alerts.at[2], l, &everything)); // of the sensor, not of the traffic
	const struct yg_eval_filter scans = {{"scan.*"}, 1}, sensor = {{"sensor.mirror"}, 1};
	assert_false(yg_eval_unasked(&j->alerts.at[1], l, &scans));
	assert_true(yg_eval_unasked(&j->alerts.at[2], l, &sensor));
	finish(j);
	j = judge_with("a\tattack\tscan.port\t198.51.100.9\t\t");
	take(j, "1", "scan.port", "high", "198.51.100.9", "203.0.113.10", "");
	take(j, "2", "scan.port", "high", "198.51.100.10", "203.0.113.10", "");
	take(j, "3", "dos.volume", "high", "198.51.100.9", "203.0.113.10", "");
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(yg_eval_unasked(&j->alerts.at[i], &j->labels.at[0], &everything), i > 0);
	finish(j);
}

static void alerts_past_the_limit_are_counted(void **state)
{
	(void)state;
	struct judging *j = judge_with("a\tbenign\t\t\t\t");
	for (int i = 0; i < YG_EVAL_ALERTS + 5; i++) {
		char id[24];
		snprintf(id, sizeof id, "%x", i);
		take(j, id, "scan.port", "low", "198.51.100.9", "203.0.113.10", "");
	}
	take(j, "0", "scan.port", "high", "198.51.100.9", "203.0.113.10", ""); // known ones go on
	assert_int_equal(j->alerts.count, YG_EVAL_ALERTS);
	assert_int_equal(j->alerts.left_out, 5);
	assert_int_equal(j->alerts.at[0].severity, YG_SEV_HIGH);
	yg_eval_take(&j->alerts, &j->labels.at[0], "{\"event_type\":\"alert\"", 21);
	assert_int_equal(j->alerts.unreadable, 1);
	finish(j);
}

static void patterns_are_kinds_or_families(void **state)
{
	(void)state;
	assert_true(yg_eval_pattern("dos.*") && yg_eval_pattern("scan.port") && yg_eval_pattern("beacon"));
	assert_false(yg_eval_pattern("dos") || yg_eval_pattern("*") || yg_eval_pattern("do.*") || yg_eval_pattern("") || yg_eval_pattern(".*"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_label_says_what_is_in_a_file),
	    cmocka_unit_test(columns_may_stand_in_any_order),
	    cmocka_unit_test(each_fault_is_told_with_its_line),
	    cmocka_unit_test(without_its_first_line_nothing_is_understood),
	    cmocka_unit_test(limits_are_told_and_hold),
	    cmocka_unit_test(bytes_at_random_are_labels_or_faults),
	    cmocka_unit_test(a_file_is_found_by_kind_and_party),
	    cmocka_unit_test(a_source_may_stand_among_the_top_contributors),
	    cmocka_unit_test(what_nobody_asked_for_is_medium_or_worse),
	    cmocka_unit_test(alerts_past_the_limit_are_counted),
	    cmocka_unit_test(patterns_are_kinds_or_families),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
