// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The HTTP/1 head reader: what a lenient server would accept is read, what is another protocol is refused.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "dissector/readers.h"
#include "reader_bytes.h"

static enum yg_read read_bytes(const void *data, size_t len, struct yg_http *http, size_t *used)
{
	size_t need = 0;
	enum yg_read read = yg_read_http(data, len, http, &need, used);
	if (read == YG_READ_MORE)
		assert_true(need > len);
	return read;
}

static enum yg_read read_text(const char *text, struct yg_http *http, size_t *used)
{
	return read_bytes(text, strlen(text), http, used);
}

static void a_request_gives_its_fields(void **state)
{
	(void)state;
	struct yg_http http;
	size_t used = 0;
	const char *text = "GET /a?b=C HTTP/1.1\r\nHost: WWW.Example.jp:8080\r\nUSER-AGENT: Mozilla/5.0 (X)\r\n"
	                   "X-Forwarded-For:  192.0.2.1, 198.51.100.2 \r\nAccept: */*\r\n\r\nbody";
	assert_int_equal(read_text(text, &http, &used), YG_READ_OK);
	assert_int_equal(used, strlen(text) - 4);
	assert_string_equal(http.method, "GET");
	assert_string_equal(http.target, "/a?b=C");
	assert_string_equal(http.host, "www.example.jp:8080");
	assert_string_equal(http.user_agent, "Mozilla/5.0 (X)");
	assert_string_equal(http.forwarded_for, "192.0.2.1, 198.51.100.2");
	assert_int_equal(http.status + http.response, 0);
}

static void a_status_line_gives_its_code(void **state)
{
	(void)state;
	static const char *const heads[] = {"HTTP/1.1 404 Not Found\r\nServer: x\r\n\r\n", "HTTP/1.0 404\n\n",
	                                    "HTTP/1.1 404 \r\n\r\n"};
	for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
		struct yg_http http;
		size_t used = 0;
		assert_int_equal(read_text(heads[i], &http, &used), YG_READ_OK);
		assert_int_equal(http.status, 404);
		assert_int_equal(http.response, 1);
		assert_string_equal(http.method, "");
	}
}

static void every_beginning_of_a_head_asks_for_more(void **state)
{
	(void)state;
	static const char *const heads[] = {"POST /x HTTP/1.1\r\nHost: a\r\nUser-Agent: b\r\n\r\n",
	                                    "HTTP/1.1 200 OK\r\nA: b\r\n\r\n"};
	for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
		struct yg_http http;
		size_t used = 0, whole = strlen(heads[i]);
		for (size_t len = 0; len < whole; len++)
			assert_int_equal(read_bytes(heads[i], len, &http, &used), YG_READ_MORE);
		assert_int_equal(read_bytes(heads[i], whole, &http, &used), YG_READ_OK);
		assert_int_equal(used, whole);
	}
}

static void other_protocols_are_refused(void **state)
{
	(void)state;
	static const char *const others[] = {
	    "EHLO mail.example\r\n",
	    "SSH-2.0-OpenSSH_9.2\r\n",
	    "OPTIONS * RTSP/1.0\r\n",
	    "INVITE sip:a@b SIP/2.0\r\n",
	    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	    "GET /\r\n",
	    "220 ready\r\n",
	    "HTTP/1.1 abc OK\r\n",
	    "HTTP/1.1 2000 OK\r\n",
	    "HTTP/2 200\r\n",
	    "\x16\x03\x01\x02",
	    "{\"a\": 1}",
	    "(GET / HTTP/1.1\r\n\r\n",
	    " HTTP/1.1\r\n\r\n",
	    "averyveryverylongfirstwordthatisnomethod",
	    "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n",
	};
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		struct yg_http http;
		size_t used = 0;
		assert_int_equal(read_text(others[i], &http, &used), YG_READ_NO);
	}
}

static void what_lenient_servers_accept_is_read(void **state)
{
	(void)state;
	static const char *const heads[] = {
	    "GET /p HTTP/1.1\nHost: h.example\n\n",                      // bare LF
	    "\r\n\r\nGET /p HTTP/1.1\r\nHost: h.example\r\n\r\n",        // empty lines first
	    "GET /p HTTP/1.1\r\nHost:\r\n h.example\r\n\r\n",            // folded
	    "GET /p HTTP/1.1\r\nHost : h.example\r\n\r\n",               // blank before the colon
	    "GET\t /p  HTTP/1.1 \r\nhOST:\th.example\t\r\n\r\n",         // blanks
	    "GET /p HTTP/1.1\r\nrubbish\r\nHost: h.example\r\n\r\n",     // a line without colon
	    "GET /p HTTP/1.1\r\nHost: h.example\r\nHost: other\r\n\r\n", // the first one counts
	};
	for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
		struct yg_http http;
		size_t used = 0;
		assert_int_equal(read_text(heads[i], &http, &used), YG_READ_OK);
		assert_string_equal(http.method, "GET");
		assert_string_equal(http.target, "/p");
		assert_string_equal(http.host, "h.example");
	}
}

static void folded_lines_join_their_own_field_alone(void **state)
{
	(void)state;
	struct yg_http http;
	size_t used = 0;
	assert_int_equal(
	    read_text("GET / HTTP/1.1\r\n lost\r\nUser-Agent: a\r\n\tb\r\n  \r\nAccept: x\r\n y\r\n\r\n", &http, &used),
	    YG_READ_OK);
	assert_string_equal(http.user_agent, "a b");
	assert_string_equal(http.host, "");
}

static void blanks_in_the_target_do_not_hide_the_request(void **state)
{
	(void)state;
	struct yg_http http;
	size_t used = 0;
	assert_int_equal(read_text("GET /a b c HTTP/1.1\r\n\r\n", &http, &used), YG_READ_OK);
	assert_string_equal(http.target, "/a b c");
}

static void without_host_the_target_names_it(void **state)
{
	(void)state;
	struct yg_http http;
	size_t used = 0;
	assert_int_equal(read_text("GET http://H.example:81/x HTTP/1.0\r\n\r\n", &http, &used), YG_READ_OK);
	assert_string_equal(http.host, "h.example:81");
	assert_int_equal(read_text("CONNECT h.example:443 HTTP/1.1\r\n\r\n", &http, &used), YG_READ_OK);
	assert_string_equal(http.host, "h.example:443");
	assert_int_equal(read_text("GET /?u=http://other/ HTTP/1.0\r\n\r\n", &http, &used), YG_READ_OK);
	assert_string_equal(http.host, "");
}

static void nul_and_bytes_that_are_no_text_are_escaped(void **state)
{
	(void)state;
	struct yg_http http;
	size_t used = 0;
	static const char head[] = "GET /\xe3\x81 HTTP/1.1\r\nHost: a\0b.\xff\\\r\nUser-Agent: \x1b[31m\"<b>\r\n\r\n";
	assert_int_equal(read_bytes(head, sizeof head - 1, &http, &used), YG_READ_OK);
	assert_string_equal(http.target, "/\\227\\129");
	assert_string_equal(http.host, "a\\000b.\\255\\092");
	assert_string_equal(http.user_agent, "\\027[31m\"<b>");
}

static void long_fields_are_cut_to_their_arrays(void **state)
{
	(void)state;
	struct bytes b = {0};
	struct yg_http http;
	size_t used = 0;
	put_text(&b, "LONGMETHODLONGMETHOD /");
	for (int i = 0; i < 1000; i++)
		put8(&b, 't');
	put_text(&b, " HTTP/1.1\r\nX-Forwarded-For: ");
	for (int i = 0; i < 1000; i++)
		put8(&b, 'f');
	put_text(&b, "\r\n\r\n");
	assert_int_equal(read_bytes(b.p, b.len, &http, &used), YG_READ_OK);
	assert_string_equal(http.method, "LONGMETHODLONGM");
	assert_int_equal(strlen(http.target), 255);
	assert_int_equal(strlen(http.forwarded_for), 63);
}

static void a_head_of_8_kib_without_end_is_broken(void **state)
{
	(void)state;
	struct bytes b = {0};
	struct yg_http http;
	size_t used = 0;
	put_text(&b, "GET / HTTP/1.1\r\nHost: a\r\n");
	while (b.len < 8191)
		put_text(&b, b.len % 64 ? "x" : "\n");
	b.len = 8191;
	assert_int_equal(read_bytes(b.p, b.len, &http, &used), YG_READ_MORE);
	put8(&b, 'x');
	assert_int_equal(read_bytes(b.p, b.len, &http, &used), YG_READ_BROKEN);
	assert_string_equal(http.host, "a");
}

static void a_first_line_of_8_kib_is_broken_and_shows_its_target(void **state)
{
	(void)state;
	struct bytes b = {0};
	struct yg_http http;
	size_t used = 0;
	put_text(&b, "GET /");
	while (b.len < 9000)
		put8(&b, 'y');
	assert_int_equal(read_bytes(b.p, b.len, &http, &used), YG_READ_BROKEN);
	assert_string_equal(http.method, "GET");
	assert_int_equal(strlen(http.target), 255);
	memset(b.p, 'y', 30);
	assert_int_equal(read_bytes(b.p, b.len, &http, &used), YG_READ_NO);
}

static void the_length_of_a_body_is_a_number_or_none(void **state)
{
	(void)state;
	static const struct {
		const char *head;
		uint64_t length;
	} heads[] = {
	    {"POST / HTTP/1.1\r\nA: b\r\nCONTENT-length : 42 \r\n\r\n", 42},
	    {"POST / HTTP/1.1\r\n\r\n", 0},
	    {"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 0},
	    {"POST / HTTP/1.1\r\nContent-Length: 4x\r\n\r\n", 0},
	    {"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", 0},
	    {"POST / HTTP/1.1\r\nContent-Length:\r\n\r\n", 0},
	};
	for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
		struct yg_http http;
		size_t used = 0;
		assert_int_equal(yg_http_content_length((const uint8_t *)heads[i].head, strlen(heads[i].head)),
		                 heads[i].length);
		assert_int_equal(read_text(heads[i].head, &http, &used), YG_READ_OK);
		assert_int_equal(http.body, heads[i].length);
	}
	struct yg_http answer;
	size_t used = 0;
	assert_int_equal(read_text("HTTP/1.1 200 OK\r\nContent-Length: 42\r\n\r\n", &answer, &used), YG_READ_OK);
	assert_int_equal(answer.body, 0); // told of requests alone
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_request_gives_its_fields),
	    cmocka_unit_test(a_status_line_gives_its_code),
	    cmocka_unit_test(every_beginning_of_a_head_asks_for_more),
	    cmocka_unit_test(other_protocols_are_refused),
	    cmocka_unit_test(what_lenient_servers_accept_is_read),
	    cmocka_unit_test(folded_lines_join_their_own_field_alone),
	    cmocka_unit_test(blanks_in_the_target_do_not_hide_the_request),
	    cmocka_unit_test(without_host_the_target_names_it),
	    cmocka_unit_test(nul_and_bytes_that_are_no_text_are_escaped),
	    cmocka_unit_test(long_fields_are_cut_to_their_arrays),
	    cmocka_unit_test(a_head_of_8_kib_without_end_is_broken),
	    cmocka_unit_test(a_first_line_of_8_kib_is_broken_and_shows_its_target),
	    cmocka_unit_test(the_length_of_a_body_is_a_number_or_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
