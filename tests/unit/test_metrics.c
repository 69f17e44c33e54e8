// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Metrics and control: no counter is left out, the text is one that Prometheus takes whatever an engine wrote, the fullest tables fit; the
// control socket answers, refuses and forgets without ever waiting; the process that serves HTTP has what it needs and no more.
// Arguments: the program (then the server is tried too), or --text (prints the text of a full sensor for metrics_names.py).
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/confine.h"
#include "cli/cmd_stats.h"
#include "cli/metrics_watch.h"
#include "json_reader.h"
#include "metrics_reader.h"

static struct yg_engine_stats engine;
static struct yg_dissector_stats dissector;
static struct yg_courier_stats courier;
static struct yg_supervisor_stats shared;
static const struct yg_metrics_view view = {&engine, &dissector, &courier, &shared};
static char buffer[YG_METRICS_MAX + 1];
static const char *program;
static char folder[64];

static int clear(void **state)
{
	(void)state;
	memset(&engine, 0, sizeof engine);
	memset(&dissector, 0, sizeof dissector);
	memset(&courier, 0, sizeof courier);
	memset(&shared, 0, sizeof shared);
	yg_counter_set(&shared.workers, 2);
	yg_counter_set(&shared.dissectors, 1);
	return 0;
}

static size_t text(void)
{
	size_t length = yg_metrics_text(&view, buffer, YG_METRICS_MAX);
	buffer[length] = '\0';
	return length;
}

static void read_strictly(void)
{
	char why[256] = "";
	assert_true(text() > 0);
	if (!metrics_text_is_sound(buffer, why, sizeof why))
		fail_msg("%s", why);
}

// Every place full, every number as long as numbers get.
static void fill_all(void)
{
	memset(&engine, 0xff, sizeof engine);
	memset(&dissector, 0xff, sizeof dissector);
	memset(&courier, 0xff, sizeof courier);
	memset(&shared, 0xff, sizeof shared);
	for (unsigned i = 0; i < YG_SUMMARY_APPS; i++)
		snprintf(engine.apps[i].name, sizeof engine.apps[i].name, "application-with-a-name-of-47-characters-%07u", i);
	for (unsigned i = 0; i < YG_SUMMARY_ORGS; i++)
		snprintf(shared.org[i], sizeof shared.org[i], "body-%010u", i);
	for (unsigned i = 0; i < YG_DETECTORS_MAX; i++)
		snprintf(engine.detector[i].name, sizeof engine.detector[i].name, "detector-with-a-long-name-%04u", i);
	for (unsigned i = 0; i < YG_PORTS_MAX; i++)
		snprintf(engine.port[i].name, sizeof engine.port[i].name, "%063u", i);
}

// ---- the texts ----

static bool has_value(uint64_t value)
{
	char wanted[32];
	snprintf(wanted, sizeof wanted, " %" PRIu64 "\n", value);
	return strstr(buffer, wanted) != NULL;
}

static void no_counter_is_left_out(void **state)
{
	(void)state;
	uint64_t next = 1000001;
	uint64_t first = next;
	for (unsigned i = 0; i < YG_WC_COUNT; i++)
		yg_counter_set(&engine.worker[0].c[i], next++);
	for (unsigned i = 0; i < YG_AC_COUNT; i++)
		yg_counter_set(&engine.aggregator[i], next++);
	for (unsigned i = 0; i < YG_DC_COUNT; i++)
		yg_counter_set(&dissector.c[0][i], next++);
	for (unsigned i = 0; i < YG_CC_COUNT; i++)
		if (i != YG_CC_REDIS_STATE) // by its name
			yg_counter_set(&courier.c[i], next++);
	for (unsigned i = 0; i < YG_REDIS_STATE_COUNT; i++)
		yg_counter_set(&courier.redis_entered[i], next++);
	for (unsigned i = 0; i < YG_DECODE_COUNT; i++)
		yg_counter_set(&engine.worker[0].decode_end[i], next++);
	for (unsigned i = 0; i < YG_LAYER_COUNT; i++)
		yg_counter_set(&engine.worker[0].layer[i], next++);
	for (unsigned i = 0; i < YG_END_COUNT; i++)
		yg_counter_set(&engine.worker[0].end[i], next++);
	for (unsigned i = 0; i < YG_STAGE_CYCLES_COUNT; i++)
		yg_counter_set(&engine.worker[1].cycles[i], next++);
	for (unsigned i = 0; i < YG_CTL_COUNT; i++)
		yg_counter_set(&shared.control[i], next++);
	for (unsigned i = 0; i < YG_SINKS; i++) // one that is not there has no series
		yg_counter_set(&courier.sink_behind[i], 1);
	read_strictly();
	for (uint64_t value = first; value < next; value++)
		if (!has_value(value))
			fail_msg("counter number %" PRIu64 " is not in the text", value - first);
}

// A rule that waits for 0 is not to fire where nobody asked for a list.
static void a_sink_that_is_not_there_is_not_down(void **state)
{
	(void)state;
	yg_counter_set(&courier.sink_behind[YG_SINK_SYSLOG], 1); // there, and nothing waits
	yg_counter_set(&courier.c[YG_CC_SYSLOG_UP], 0);
	read_strictly();
	assert_non_null(strstr(buffer, "\nyagura_syslog_up 0\n"));
	assert_null(strstr(buffer, "\nyagura_socket_up "));
	assert_null(strstr(buffer, "\nyagura_redis_list_up "));
	assert_null(strstr(buffer, "\nyagura_redis_channel_up "));
}

static void redis_is_in_one_state(void **state)
{
	(void)state;
	yg_counter_set(&courier.c[YG_CC_REDIS_STATE], YG_REDIS_NOPERM);
	read_strictly();
	assert_non_null(strstr(buffer, "yagura_redis_state{state=\"noperm\"} 1\n"));
	assert_non_null(strstr(buffer, "yagura_redis_state{state=\"ready\"} 0\n"));
	assert_string_equal(yg_redis_state_row(UINT64_MAX)->name, "refused");
	for (unsigned i = 0; i < YG_REDIS_STATE_COUNT; i++) {
		const struct yg_redis_state_row *row = yg_redis_state_row(i);
		assert_true(row->name[0] && row->en[0] && (unsigned char)row->ja[strlen(row->ja) - 1] >= 0x80);
	}
}

static void the_fullest_tables_fit_and_are_sound(void **state)
{
	(void)state;
	fill_all();
	read_strictly();
	size_t length = strlen(buffer);
	print_message("full: %zu bytes of text", length);
	length = yg_metrics_json(&view, buffer, YG_METRICS_MAX);
	print_message(", %zu of JSON\n", length);
	assert_true(length > 0 && json_is_line(buffer, length));
}

static void what_does_not_fit_is_no_text_and_nothing_behind_is_touched(void **state)
{
	(void)state;
	read_strictly();
	size_t whole = strlen(buffer);
	char *small = malloc(whole + 64);
	assert_non_null(small);
	for (size_t size = 1; size <= whole; size += size < 300 ? 1 : 997) {
		memset(small, 0x5a, whole + 64);
		assert_int_equal(yg_metrics_text(&view, small, size), 0);
		assert_int_equal(small[size], 0x5a);
	}
	free(small);
}

static void hostile_texts_and_numbers_give_a_sound_text(void **state)
{
	(void)state;
	static const char *const names[] = {"a\"} 1\nevil_metric 1\n", "\\", "\xff\xfe\x80", "\xe6\xab\x93", "",
					    "same", "same", "\"\"\"\"", "????"};
	enum { NAMES = sizeof names / sizeof *names };
	yg_counter_set(&engine.apps_count, UINT64_MAX);
	yg_counter_set(&engine.ports_count, UINT64_MAX);
	memset(engine.port, 0xff, sizeof engine.port);
	for (unsigned i = 0; i < YG_SUMMARY_APPS; i++)
		memset(engine.apps[i].name, 'x', sizeof engine.apps[i].name); // no end
	for (unsigned i = 0; i < NAMES; i++) {
		snprintf(engine.apps[i].name, sizeof engine.apps[i].name, "%s", names[i]);
		snprintf(engine.port[i].name, sizeof engine.port[i].name, "%s", names[i]);
		snprintf(engine.detector[i].name, sizeof engine.detector[i].name, "%s", names[i]);
	}
	read_strictly();
	assert_null(strstr(buffer, "\nevil_metric"));
	unsigned seed = 1;
	for (unsigned round = 0; round < 20; round++) {
		for (size_t i = 0; i < sizeof engine; i++)
			((uint8_t *)&engine)[i] = (uint8_t)(rand_r(&seed) >> 8);
		read_strictly();
		size_t length = yg_metrics_json(&view, buffer, YG_METRICS_MAX);
		assert_true(length > 0 && json_is_line(buffer, length));
	}
}

static void drops_that_nobody_knows_are_not_said_to_be_none(void **state)
{
	(void)state;
	yg_counter_set(&engine.ports_count, 2);
	read_strictly();
	assert_false(yg_stats_has(buffer, "yagura_dropped_packets_total", "cause=\"kernel\""));
	yg_counter_set(&engine.port[1].kernel_drops_known, 1);
	yg_counter_set(&engine.port[1].kernel_drops, 7);
	yg_counter_set(&engine.port[0].kernel_drops, 99);
	read_strictly();
	assert_true(yg_stats_value(buffer, "yagura_dropped_packets_total", "cause=\"kernel\"") == 7);
}

static void flows_of_dead_engines_are_not_in_the_table(void **state)
{
	(void)state;
	yg_counter_set(&engine.worker[0].c[YG_WC_FLOW_CREATED], 100);
	yg_counter_set(&engine.worker[1].c[YG_WC_FLOW_CREATED], 50);
	yg_counter_set(&engine.worker[0].c[YG_WC_FLOW_ENDED], 30);
	yg_counter_set(&shared.flows_lost, 20);
	assert_int_equal(yg_metrics_flows(&view), 100);
	yg_counter_set(&shared.flows_lost, 2000);
	assert_int_equal(yg_metrics_flows(&view), 0);
}

static void the_lag_is_the_age_of_the_oldest_that_waits(void **state)
{
	(void)state;
	static const struct {
		int64_t now;
		uint64_t sent, delivered;
		int64_t lag;
	} looks[] = {{0, 0, 0, 0}, {1000, 5, 5, 0}, {2000, 6, 5, 0}, {3000, 6, 5, 1000}, {4000, 9, 5, 2000},
		     {5000, 9, 6, 1000}, {6000, 9, 8, 2000},
		     {7000, 9, 9, 0}, {8000, 10, 9, 0}, {9000, 2, 0, 0}, {10000, 2, 0, 1000}};
	static struct yg_lag lag;
	for (unsigned i = 0; i < sizeof looks / sizeof *looks; i++)
		assert_int_equal(yg_lag_look(&lag, looks[i].now, looks[i].sent, looks[i].delivered), looks[i].lag);
	// A Redis that is away for longer than there are marks: the oldest is kept.
	static struct yg_lag away;
	for (int64_t i = 0; i < YG_LAG_MARKS * 3; i++)
		yg_lag_look(&away, i * 1000, (uint64_t)i + 1, 0);
	assert_int_equal(yg_lag_look(&away, 9000000, 9000, 0), 9000000);
}

static void only_addresses_of_this_host_are_listened_on(void **state)
{
	(void)state;
	static const char *const refused[] = {"0.0.0.0:9598", "192.0.2.1:9598", "[::]:9598", "[::ffff:127.0.0.1]:9598", "::1:9598",
					      "localhost:9598",
					      ":9598", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:80x", "127.0.0.1:-1", "[127.0.0.1]:80",
					      "relative/path", "127.0.0.1: 80", ""};
	for (unsigned i = 0; i < sizeof refused / sizeof *refused; i++)
		assert_int_equal(yg_metrics_listen(refused[i], (uid_t)-1, (gid_t)-1), -EADDRNOTAVAIL);
	int fd = yg_metrics_listen("127.0.0.1:39598", (uid_t)-1, (gid_t)-1);
	assert_true(fd >= 0 || fd == -EADDRINUSE);
	if (fd >= 0)
		close(fd);
}

static bool compiles(const char *key, const char *value)
{
	const char *overrides[][2] = {{key, value}};
	const struct yg_compile_input input = {.overrides = overrides, .overrides_count = 1};
	int keep = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY);
	dup2(null, STDERR_FILENO);
	int fd = yg_compile_in_child(&input);
	dup2(keep, STDERR_FILENO);
	close(keep);
	close(null);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void the_check_refuses_what_others_reach(void **state)
{
	(void)state;
	static const char *const refused[] = {"0.0.0.0:9598", "192.0.2.1:9598", "[::]:9598", "localhost:9598", "127.0.0.1", "127.0.0.1:0",
					      "[127.0.0.1]:80", "::1:80", "metrics.sock", "/run/yagura/control.sock"};
	static const char *const accepted[] = {"", "/run/yagura/m", "127.0.0.1:9598", "127.1.2.3:65535", "[::1]:1"};
	for (unsigned i = 0; i < sizeof refused / sizeof *refused; i++)
		if (compiles("metrics.listen", refused[i]))
			fail_msg("metrics.listen: %s", refused[i]);
	for (unsigned i = 0; i < sizeof accepted / sizeof *accepted; i++)
		if (!compiles("metrics.listen", accepted[i]))
			fail_msg("metrics.listen: %s", accepted[i]);
	assert_false(compiles("control.socket", "control.sock"));
	assert_true(compiles("control.socket", ""));
}

static void the_screen_shows_rates_of_what_was_added(void **state)
{
	(void)state;
	static char before[YG_METRICS_MAX], out[16384];
	yg_counter_set(&shared.flow_slots, 1000);
	read_strictly();
	memcpy(before, buffer, sizeof before);
	yg_counter_set(&engine.worker[0].c[YG_WC_RECEIVED], 2469134);
	yg_counter_set(&engine.worker[0].cycles[YG_STAGE_FLOW], 24691340);
	yg_counter_set(&engine.worker[0].cycles[YG_STAGE_IDLE], 24691340);
	read_strictly();
	for (unsigned japanese = 0; japanese < 2; japanese++) {
		FILE *memory = fmemopen(out, sizeof out, "w");
		const struct yg_stats_screen screen = {.now = buffer, .before = before, .seconds = 2, .japanese = japanese};
		yg_stats_print(&screen, memory);
		fclose(memory);
		assert_non_null(strstr(out, "       1,234,567            2,469,134\n"));
		assert_non_null(strstr(out, "0          50.0      1,234,567        0.0      0.0     10.0      0.0"));
		assert_non_null(strstr(out, japanese ? "不明" : "unknown"));
	}
}

// ---- the control socket ----

static struct yg_control control;
static struct yg_counter counters[YG_CTL_COUNT];
static int reloads, reload_result;
static char control_path[96];

static size_t say_much(void *context, char *to, size_t size)
{
	(void)context;
	memset(to, 'm', size);
	return size;
}

static size_t say_little(void *context, char *to, size_t size)
{
	(void)context;
	return (size_t)snprintf(to, size, "{}\n");
}

static int reload(void *context)
{
	assert_ptr_equal(context, &reloads);
	reloads++;
	return reload_result;
}

static int open_control(void **state)
{
	(void)state;
	const struct yg_control_hooks hooks = {NULL, say_little, say_much, reload, &reloads, 1 << 20};
	memset(counters, 0, sizeof counters);
	reloads = reload_result = 0;
	snprintf(control_path, sizeof control_path, "%s/control.sock", folder);
	return yg_control_open(&control, control_path, (uid_t)-1, (gid_t)-1, &hooks, counters);
}

static int close_control(void **state)
{
	(void)state;
	yg_control_close(&control);
	return access(control_path, F_OK) == 0;
}

static int client(void)
{
	int fd = yg_control_connect(control_path, 2000);
	assert_true(fd >= 0);
	return fd;
}

static void send_frame(int fd, uint32_t length, const char *bytes, size_t size)
{
	uint8_t head[YG_CONTROL_HEAD];
	yg_control_length(head, length);
	assert_int_equal(send(fd, head, sizeof head, MSG_NOSIGNAL), sizeof head);
	if (size)
		assert_int_equal(send(fd, bytes, size, MSG_NOSIGNAL), size);
}

// The answer after one turn; NULL: the connection has ended.
static const char *answer_of(int fd)
{
	static char answer[1024];
	uint8_t head[YG_CONTROL_HEAD];
	yg_control_turn(&control, 0);
	if (recv(fd, head, sizeof head, MSG_DONTWAIT) != sizeof head)
		return NULL;
	size_t length = yg_control_read_length(head);
	assert_true(length < sizeof answer);
	assert_int_equal(recv(fd, answer, length, MSG_DONTWAIT), length);
	answer[length] = '\0';
	return answer;
}

static void each_request_has_its_answer(void **state)
{
	(void)state;
	int fd = client();
	send_frame(fd, 5, "stats", 5);
	assert_string_equal(answer_of(fd), "{}\n");
	send_frame(fd, 7, "version", 7);
	assert_non_null(strstr(answer_of(fd), "\"ok\":true,\"version\""));
	send_frame(fd, 6, "reload", 6);
	assert_non_null(strstr(answer_of(fd), "\"ok\":true"));
	reload_result = -EBADMSG;
	send_frame(fd, 6, "reload", 6);
	assert_non_null(strstr(answer_of(fd), "\"ok\":false"));
	assert_int_equal(reloads, 2);
	send_frame(fd, 4, "quit", 4);
	assert_non_null(strstr(answer_of(fd), "no such request"));
	assert_int_equal(yg_counter_get(&counters[YG_CTL_REQUESTS]), 5);
	assert_int_equal(yg_counter_get(&counters[YG_CTL_UNKNOWN]), 1);
	close(fd);
}

static void a_length_that_cannot_be_ends_the_connection(void **state)
{
	(void)state;
	static const uint32_t lengths[] = {0, YG_CONTROL_REQUEST_MAX + 1, UINT32_MAX};
	for (unsigned i = 0; i < 3; i++) {
		int fd = client();
		char byte;
		send_frame(fd, lengths[i], "", 0);
		assert_null(answer_of(fd));
		assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), 0);
		close(fd);
	}
	assert_int_equal(yg_counter_get(&counters[YG_CTL_BAD_FRAME]), 3);
}

static void the_longest_request_is_read_whole_and_in_pieces(void **state)
{
	(void)state;
	static char longest[YG_CONTROL_REQUEST_MAX];
	int fd = client();
	memset(longest, 'r', sizeof longest);
	send_frame(fd, sizeof longest, longest, sizeof longest);
	assert_non_null(strstr(answer_of(fd), "no such request"));
	const char *const whole = "\0\0\0\5stats\0\0\0\7version";
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(send(fd, whole + i, 1, 0), 1);
		const char *answer = answer_of(fd);
		assert_true((answer != NULL) == (i == 8 || i == 19));
	}
	close(fd);
}

static void a_ninth_client_takes_the_place_of_the_longest_silent(void **state)
{
	(void)state;
	int fds[YG_CONTROL_CLIENTS + 1];
	char byte;
	for (int i = 0; i <= YG_CONTROL_CLIENTS; i++) {
		fds[i] = client();
		yg_control_turn(&control, i);
	}
	assert_int_equal(yg_counter_get(&counters[YG_CTL_EVICTED]), 1);
	assert_int_equal(recv(fds[0], &byte, 1, MSG_DONTWAIT), 0);
	for (int i = 1; i <= YG_CONTROL_CLIENTS; i++)
		assert_int_equal(recv(fds[i], &byte, 1, MSG_DONTWAIT), -1);
	yg_control_turn(&control, YG_CONTROL_IDLE_MS + 100);
	assert_int_equal(yg_counter_get(&counters[YG_CTL_IDLE]), YG_CONTROL_CLIENTS);
	for (int i = 0; i <= YG_CONTROL_CLIENTS; i++)
		close(fds[i]);
}

static void a_client_that_does_not_read_costs_no_time(void **state)
{
	(void)state;
	int fd = client();
	for (unsigned i = 0; i < 3; i++)
		send_frame(fd, 7, "metrics", 7);
	for (int64_t now = 0; now < 50; now++)
		yg_control_turn(&control, now);
	assert_int_equal(yg_counter_get(&counters[YG_CTL_REQUESTS]), 1); // the others wait for it
	yg_control_turn(&control, YG_CONTROL_IDLE_MS + 100);
	assert_int_equal(yg_counter_get(&counters[YG_CTL_IDLE]), 1);
	close(fd);
}

static void who_is_not_of_the_group_is_refused(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(control_path, 0666), 0);
	pid_t pid = fork();
	if (pid == 0) {
		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(3);
		int fd = yg_control_connect(control_path, 2000);
		char byte;
		usleep(300000);
		_exit(fd >= 0 && recv(fd, &byte, 1, 0) == 0 ? 0 : 1);
	}
	int status;
	while (waitpid(pid, &status, WNOHANG) == 0) {
		yg_control_turn(&control, 0);
		usleep(10000);
	}
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(yg_counter_get(&counters[YG_CTL_REFUSED]), 1);
}

static void the_socket_is_for_user_and_group_and_only_a_dead_one_is_replaced(void **state)
{
	(void)state;
	struct stat st;
	char other[128];
	assert_int_equal(stat(control_path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(yg_control_bind(control_path, (uid_t)-1, (gid_t)-1), -EADDRINUSE);
	snprintf(other, sizeof other, "%s/new/dead.sock", folder);
	int fd = yg_control_bind(other, (uid_t)-1, (gid_t)-1);
	assert_true(fd >= 0);
	close(fd);
	fd = yg_control_bind(other, (uid_t)-1, (gid_t)-1);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(unlink(other), 0);
	fd = open(other, O_CREAT | O_WRONLY, 0600);
	close(fd);
	assert_int_equal(yg_control_bind(other, (uid_t)-1, (gid_t)-1), -EEXIST);
	unlink(other);
	*strrchr(other, '/') = '\0';
	assert_int_equal(rmdir(other), 0);
	memset(other, 'l', sizeof other - 1);
	other[0] = '/';
	other[127] = '\0';
	assert_int_equal(yg_control_bind(other, (uid_t)-1, (gid_t)-1), -ENAMETOOLONG);
}

#include "test_metrics_server.h"

static int print_full(void)
{
	clear(NULL);
	fill_all();
	size_t length = text();
	return length && fwrite(buffer, 1, length, stdout) == length ? 0 : 1;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(no_counter_is_left_out, clear),
		cmocka_unit_test_setup(a_sink_that_is_not_there_is_not_down, clear),
		cmocka_unit_test_setup(redis_is_in_one_state, clear),
		cmocka_unit_test_setup(the_fullest_tables_fit_and_are_sound, clear),
		cmocka_unit_test_setup(what_does_not_fit_is_no_text_and_nothing_behind_is_touched, clear),
		cmocka_unit_test_setup(hostile_texts_and_numbers_give_a_sound_text, clear),
		cmocka_unit_test_setup(drops_that_nobody_knows_are_not_said_to_be_none, clear),
		cmocka_unit_test_setup(flows_of_dead_engines_are_not_in_the_table, clear),
		cmocka_unit_test(the_lag_is_the_age_of_the_oldest_that_waits),
		cmocka_unit_test(only_addresses_of_this_host_are_listened_on),
		cmocka_unit_test(the_check_refuses_what_others_reach),
		cmocka_unit_test_setup(the_screen_shows_rates_of_what_was_added, clear),
		cmocka_unit_test_setup_teardown(each_request_has_its_answer, open_control, close_control),
		cmocka_unit_test_setup_teardown(a_length_that_cannot_be_ends_the_connection, open_control, close_control),
		cmocka_unit_test_setup_teardown(the_longest_request_is_read_whole_and_in_pieces, open_control, close_control),
		cmocka_unit_test_setup_teardown(a_ninth_client_takes_the_place_of_the_longest_silent, open_control, close_control),
		cmocka_unit_test_setup_teardown(a_client_that_does_not_read_costs_no_time, open_control, close_control),
		cmocka_unit_test_setup_teardown(who_is_not_of_the_group_is_refused, open_control, close_control),
		cmocka_unit_test_setup_teardown(the_socket_is_for_user_and_group_and_only_a_dead_one_is_replaced, open_control, close_control),
		cmocka_unit_test_setup_teardown(the_server_answers_and_has_nothing_else, open_sensor, close_sensor),
		cmocka_unit_test_setup_teardown(a_server_that_dies_is_started_again, open_sensor, close_sensor),
	};
	if (argc == 2 && strcmp(argv[1], "--text") == 0)
		return print_full();
	program = argc == 2 ? argv[1] : NULL;
	snprintf(folder, sizeof folder, "/tmp/yagura-metrics-XXXXXX");
	if (!mkdtemp(folder) || chmod(folder, 0755) < 0)
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(folder);
	return failed;
}
