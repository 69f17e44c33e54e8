// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Alerts in CEF and the header of syslog: escapes, addresses of either kind, severities, what does not fit; and where lines may be sent.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "courier/cef.h"
#include "courier/line_socket.h"

static char buffer[8192];

static struct yg_cef_text room(size_t size)
{
	memset(buffer, 'x', sizeof buffer);
	return (struct yg_cef_text){.buffer = buffer, .size = size};
}

static void the_header_escapes_backslash_and_bar(void **state)
{
	(void)state;
	struct yg_cef_text text = room(sizeof buffer);
	yg_cef_escape(&text, YG_CEF_HEADER, "a|b\\c=d\ne\rf\x1bg\x7f");
	assert_string_equal(buffer, "a\\|b\\\\c=d e f g ");
}

static void an_extension_escapes_backslash_equals_and_ends_of_lines(void **state)
{
	(void)state;
	struct yg_cef_text text = room(sizeof buffer);
	yg_cef_escape(&text, YG_CEF_EXTENSION, "a|b\\c=d\ne\rf\x1bg\th");
	assert_string_equal(buffer, "a|b\\\\c\\=d\\ne\\rf g h");
}

static void an_escape_is_never_cut_in_two(void **state)
{
	(void)state;
	for (size_t size = 1; size < 12; size++) {
		struct yg_cef_text text = room(size);
		yg_cef_escape(&text, YG_CEF_EXTENSION, "\\\\\\\\\\");
		assert_true(text.length < size && text.length % 2 == 0);
		assert_int_equal(text.cut, size < 11);
		assert_int_equal(buffer[size], 'x');
	}
}

static json_t *event(const char *more, const char *severity)
{
	char text[2048];
	snprintf(text, sizeof text,
	         "{\"timestamp\":\"2026-11-21T21:30:00.123456+0900\",\"event_type\":\"alert\",\"host\":\"egress-1\",%s"
	         "\"alert\":{\"signature_id\":8050002,\"signature\":\"YAGURA a|b\",\"category\":\"c=d\",\"action\":\"allowed\","
	         "\"context\":{\"id\":\"00ff\",\"kind\":\"dos.syn_flood\",\"severity\":\"%s\","
	         "\"why\":{\"text_ja\":\"\xe8\xa9\xa6\xe9\xa8\x93\\n=1\"}}}}",
	         more, severity);
	json_t *json = json_loads(text, 0, NULL);
	assert_non_null(json);
	return json;
}

static void an_alert_is_one_line_of_cef(void **state)
{
	(void)state;
	struct yg_cef_text text = room(sizeof buffer);
	json_t *json = event("\"src_ip\":\"198.51.100.7\",\"src_port\":40000,\"dest_ip\":\"203.0.113.10\",\"dest_port\":443,\"proto\":\"TCP\",",
	                     "high");
	assert_true(yg_cef_alert(&text, json));
	assert_string_equal(buffer, "CEF:0|Yagura|Yagura|" YG_VERSION "|8050002|YAGURA a\\|b|8|rt=1795264200123 dvchost=egress-1 externalId=00ff "
	                            "cat=c\\=d act=allowed src=198.51.100.7 spt=40000 dst=203.0.113.10 dpt=443 proto=TCP "
	                            "msg=\xe8\xa9\xa6\xe9\xa8\x93\\n\\=1 cs1=dos.syn_flood cs1Label=kind");
	json_decref(json);
}

static void a_time_west_of_greenwich_is_later(void **state)
{
	(void)state;
	struct yg_cef_text text = room(sizeof buffer);
	json_t *json = json_loads("{\"event_type\":\"alert\",\"timestamp\":\"2026-11-21T09:00:00.123456-0330\"}", 0, NULL);
	assert_true(yg_cef_alert(&text, json));
	assert_non_null(strstr(buffer, "|rt=1795264200123"));
	json_decref(json);
}

static void addresses_of_version_6_have_fields_of_their_own(void **state)
{
	(void)state;
	struct yg_cef_text text = room(sizeof buffer);
	json_t *json = event("\"src_ip\":\"::\",\"dest_ip\":\"2001:db8::1\",", "low");
	assert_true(yg_cef_alert(&text, json));
	assert_non_null(strstr(buffer, " c6a3=2001:db8::1 c6a3Label=Destination IPv6 Address "));
	assert_null(strstr(buffer, "c6a2="));
	assert_null(strstr(buffer, "src="));
	json_decref(json);
}

// A bar is nothing special in an extension.
static void a_value_that_ends_in_a_bar_is_parted_from_the_next(void **state)
{
	(void)state;
	struct yg_cef_text text = room(sizeof buffer);
	json_t *json = json_loads("{\"event_type\":\"alert\",\"host\":\"a|\",\"proto\":\"TCP\"}", 0, NULL);
	assert_true(yg_cef_alert(&text, json));
	assert_non_null(strstr(buffer, "|1|dvchost=a| proto=TCP"));
	json_decref(json);
}

static void severities_are_those_of_the_table(void **state)
{
	(void)state;
	static const struct {
		const char *name, *cef, *priority;
	} rows[] = {{"critical", "|10|", "<130>"}, {"high", "|8|", "<131>"}, {"medium", "|5|", "<132>"}, {"low", "|3|", "<133>"},
	            {"info", "|1|", "<134>"},      {"?", "|1|", "<134>"}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct yg_cef_text text = room(sizeof buffer);
		json_t *json = event("", rows[i].name);
		yg_syslog_head(&text, json, 16);
		assert_true(yg_cef_alert(&text, json));
		assert_memory_equal(buffer, rows[i].priority, 5);
		assert_non_null(strstr(buffer, rows[i].cef));
		json_decref(json);
	}
}

static void the_header_of_syslog_is_that_of_rfc_5424(void **state)
{
	(void)state;
	struct yg_cef_text text = room(sizeof buffer);
	json_t *json = event("", "high");
	yg_syslog_head(&text, json, 4);
	assert_string_equal(buffer, "<35>1 2026-11-21T21:30:00.123456+09:00 egress-1 yagura - dos.syn_flood - ");
	json_decref(json);
	text = room(sizeof buffer);
	json = json_loads("{\"event_type\":\"alert\",\"timestamp\":\"yesterday\",\"host\":\"a b\xc3\xa9\"}", 0, NULL);
	yg_syslog_head(&text, json, 4);
	assert_string_equal(buffer, "<38>1 - a?b?? yagura - alert - ");
	json_decref(json);
}

// A field is there whole or not at all, whatever the room.
static void what_finds_no_room_is_left_out_whole(void **state)
{
	(void)state;
	char whole[sizeof buffer];
	struct yg_cef_text text = room(sizeof buffer);
	json_t *json = event("\"src_ip\":\"198.51.100.7\",\"dest_ip\":\"203.0.113.10\",", "high");
	assert_true(yg_cef_alert(&text, json));
	memcpy(whole, buffer, text.length + 1);
	size_t head = (size_t)(strstr(whole, "rt=") - whole), all = text.length;
	for (size_t size = head + 1; size <= all; size++) {
		text = room(size);
		assert_true(yg_cef_alert(&text, json));
		assert_true(text.cut && text.length < size && buffer[size] == 'x');
		const char *equals;
		for (const char *at = buffer + head; at && *at && (equals = strchr(at, '=')) != NULL; at = strchr(equals, ' '), at += at != NULL) {
			char field[128];
			size_t n = strcspn(equals, " "); // each stands so in the whole one too
			n += (size_t)(equals - at);
			memcpy(field, at, n);
			field[n] = '\0';
			const char *in_whole = strstr(whole, field);
			assert_non_null(in_whole);
			assert_true(in_whole[n] == ' ' || in_whole[n] == '\0');
		}
	}
	json_decref(json);
}

// A line of 8 KiB and more gives up its curve and tables, and is JSON still; one of 32 KiB of text is cut between characters.
static void a_line_that_is_too_long_stays_json_when_it_can(void **state)
{
	(void)state;
	static char line[32768], text[1025];
	bool cut;
	size_t n = (size_t)snprintf(line, sizeof line,
	                            "{\"event_type\":\"alert\",\"alert\":{\"context\":{\"why\":{\"observed\":0.9,\"series\":[1");
	while (n < 9000)
		n += (size_t)snprintf(line + n, sizeof line - n, ",1000");
	n += (size_t)snprintf(line + n, sizeof line - n, "],\"text_ja\":\"\xe8\xa9\xa6\"}}}}\n");
	size_t length = yg_syslog_message(line, n, false, 16, buffer, sizeof buffer, &cut);
	assert_true(cut && length > 0 && length < 300);
	buffer[length] = '\0';
	assert_string_equal(strchr(buffer, '{'), "{\"event_type\":\"alert\",\"alert\":{\"context\":{\"why\":{\"observed\":0.9,"
	                                         "\"text_ja\":\"\xe8\xa9\xa6\"}}}}");
	n = (size_t)snprintf(line, sizeof line, "{\"event_type\":\"alert\",\"x\":\"");
	while (n < 9000)
		n += (size_t)snprintf(line + n, sizeof line - n, "\xe8\xa9\xa6");
	n += (size_t)snprintf(line + n, sizeof line - n, "\"}\n");
	for (size_t size = sizeof text - 3; size <= sizeof text; size++) {
		length = yg_syslog_message(line, n, false, 16, text, size, &cut);
		assert_true(cut && length < size && size - length < 4 && (unsigned char)text[length - 1] == 0xa6);
	}
	assert_int_equal(yg_syslog_message("{\"a", 3, false, 16, text, sizeof text, &cut), 0); // damaged on disk, and yet not found out
	assert_true(cut);
}

static void what_is_no_alert_has_no_cef(void **state)
{
	(void)state;
	struct yg_cef_text text = room(sizeof buffer);
	static const char *const others[] = {"{\"event_type\":\"flow\"}", "{}", "[]", "{\"event_type\":7}"};
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		json_t *json = json_loads(others[i], 0, NULL);
		assert_false(yg_cef_alert(&text, json));
		json_decref(json);
	}
	json_t *odd = json_loads("{\"event_type\":\"alert\",\"alert\":[1],\"src_ip\":{},\"src_port\":\"x\"}", 0, NULL);
	assert_true(yg_cef_alert(&text, odd)); // values of another type count as missing
	json_decref(odd);
}

static void sockets_are_where_they_are_said_to_be(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "unix:/a", "unix_stream:", "unix_stream:a", "unix_stream:/", "unix_dgram:a/b", "UNIX_STREAM:/a"};
	struct yg_peer peer;
	const char *reason;
	char path[200] = "unix_dgram:/";
	assert_int_equal(yg_peer_parse_socket("unix_stream:/run/eve.sock", &peer, &reason), 0);
	assert_int_equal(peer.kind, YG_PEER_UNIX_STREAM);
	assert_string_equal(peer.path, "/run/eve.sock");
	memset(path + 12, 'a', 107);
	assert_true(yg_peer_parse_socket(path, &peer, &reason) < 0);
	path[12 + 106] = '\0';
	assert_int_equal(yg_peer_parse_socket(path, &peer, &reason), 0);
	assert_int_equal(strlen(peer.path), 107);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_true(yg_peer_parse_socket(bad[i], &peer, &reason) < 0);
}

static void collectors_have_a_host_and_a_port(void **state)
{
	(void)state;
	static const struct {
		const char *url, *host;
		unsigned port;
	} good[] = {{"udp://log", "log", 514},         {"tcp://log", "log", 601},         {"udp://192.0.2.1:1514", "192.0.2.1", 1514},
	            {"tcp://[2001:db8::1]", "2001:db8::1", 601}, {"tcp://[::1]:65535", "::1", 65535}};
	static const char *const bad[] = {"",           "log:514",      "tls://log", "udp://",       "udp://:514",   "udp://log:", "udp://log:0",
	                                  "udp://log:65536", "udp://log:99999999999999999999", "udp://log/x", "tcp://[::1", "tcp://[::1]x",
	                                  "tcp://a:1:2"};
	struct yg_peer peer;
	const char *reason;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		assert_int_equal(yg_peer_parse_syslog(good[i].url, &peer, &reason), 0);
		assert_string_equal(peer.host, good[i].host);
		assert_int_equal(peer.port, good[i].port);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_true(yg_peer_parse_syslog(bad[i], &peer, &reason) < 0);
}

static void a_shadow_is_of_the_lowest_severity_and_the_mode_stands_in_a_field(void **state)
{
	(void)state;
	struct yg_cef_text text = room(sizeof buffer);
	json_t *alert = event("", "critical"), *context = (json_t *)yg_cef_at(alert, "alert.context");
	json_object_set_new(context, "mode", json_string("page"));
	json_object_set_new(context, "sla_minutes", json_integer(15));
	json_object_set_new(context, "affected_count", json_integer(11));
	json_object_set_new(context, "impact", json_pack("{s:s}", "state", "down"));
	assert_true(yg_cef_alert(&text, alert));
	assert_non_null(strstr(buffer, "|10|"));
	assert_non_null(strstr(buffer, " cn2=15 cn2Label=sla_minutes cn3=11 cn3Label=affected_bodies flexString1=page flexString1Label=mode "
				       "flexString2=down flexString2Label=impact"));
	json_object_set_new(context, "mode", json_string("shadow"));
	text = room(sizeof buffer);
	assert_true(yg_cef_alert(&text, alert));
	assert_non_null(strstr(buffer, "|1|"));
	text = room(sizeof buffer);
	yg_syslog_head(&text, alert, 16);
	assert_int_equal(strncmp(buffer, "<134>1 ", 7), 0); // local0, informational
	json_decref(alert);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_header_escapes_backslash_and_bar),
	    cmocka_unit_test(an_extension_escapes_backslash_equals_and_ends_of_lines),
	    cmocka_unit_test(an_escape_is_never_cut_in_two),
	    cmocka_unit_test(an_alert_is_one_line_of_cef),
	    cmocka_unit_test(a_time_west_of_greenwich_is_later),
	    cmocka_unit_test(addresses_of_version_6_have_fields_of_their_own),
	    cmocka_unit_test(a_value_that_ends_in_a_bar_is_parted_from_the_next),
	    cmocka_unit_test(severities_are_those_of_the_table),
	    cmocka_unit_test(the_header_of_syslog_is_that_of_rfc_5424),
	    cmocka_unit_test(what_finds_no_room_is_left_out_whole),
	    cmocka_unit_test(a_line_that_is_too_long_stays_json_when_it_can),
	    cmocka_unit_test(what_is_no_alert_has_no_cef),
	    cmocka_unit_test(sockets_are_where_they_are_said_to_be),
	    cmocka_unit_test(a_shadow_is_of_the_lowest_severity_and_the_mode_stands_in_a_field),
	    cmocka_unit_test(collectors_have_a_host_and_a_port),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
