// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The doctor before machines that are not ours. Each tests/golden/doctor/<machine>.tree is laid out in a folder and examined;
// text in both languages and JSON must be those beside it (YG_UPDATE_GOLDEN=1 writes them: then read the difference). Behind
// that, trees made to hurt: what comes out is still a report, ends soon, and holds nothing that a terminal would obey.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "doctor_trees.h"
#include "json_reader.h"

static struct yg_doctor doctor;

static const char *const machines[] = {"ready", "bare-vm", "vfio-without-iommu", "few-cores"};

static struct yg_doctor_needs needs(const char *machine)
{
	bool ready = strcmp(machine, "ready") == 0, bare = strcmp(machine, "bare-vm") == 0;
	return (struct yg_doctor_needs){
	    .workers = bare ? 1 : 4,
	    .dissectors = ready ? 2 : 1,
	    .memory_mib = ready ? 2048 : 512,
	    .ports = ready ? "81:00.0" : strcmp(machine, "few-cores") == 0 ? "enp2s0 net_af_xdp0,iface=gone0" : "",
	    .cores = ready ? "12-15" : "",
	    .config_file = "/etc/yagura/yagura.yaml",
	    .config_broken = bare,
	    .eve_file = "/var/log/yagura/eve.json",
	    .quarantine = bare ? "" : "/var/lib/yagura/quarantine",
	    .redis_url = "redis://sensor:secret@127.0.0.1:1/0",
	    .sensor = "egress-1",
	    .redis_timeout_ms = 1000,
	};
}

static void examine(const char *machine)
{
	struct yg_doctor_needs n = needs(machine);
	assert_int_equal(yg_doctor_run(&doctor, root, &n), 0);
}

// What the doctor prints: "en", "ja" or "json". Freed by the caller.
static char *output(const char *form, size_t *ret_length)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, ret_length);
	if (strcmp(form, "json") == 0)
		assert_int_equal(yg_doctor_json(&doctor, out), 0);
	else
		yg_doctor_text(&doctor, strcmp(form, "ja") == 0, out);
	fclose(out);
	return text;
}

static void compare(const char *machine, const char *form)
{
	size_t length = 0;
	char *text = output(form, &length);
	compare_golden(machine, form, text);
	free(text);
}

static void each_machine_gets_its_golden_report(void **state)
{
	for (size_t i = 0; i < sizeof machines / sizeof *machines; i++) {
		if (i) {
			drop_root(state);
			new_root(state);
		}
		lay_out(machines[i]);
		examine(machines[i]);
		compare(machines[i], "en");
		compare(machines[i], "ja");
		compare(machines[i], "json");
	}
}

static const struct yg_doctor_finding *finding(const char *id, const char *subject)
{
	for (unsigned i = 0; i < doctor.findings_count; i++)
		if (strcmp(doctor.findings[i].id, id) == 0 && strcmp(doctor.findings[i].subject, subject) == 0)
			return &doctor.findings[i];
	fail_msg("no finding %s of '%s'", id, subject);
	return NULL;
}

static void the_ready_machine_has_nothing_to_mend(void **state)
{
	(void)state;
	lay_out("ready");
	examine("ready");
	assert_int_equal(doctor.states[YG_DOCTOR_BAD], 0);
	for (unsigned i = 0; i < doctor.findings_count; i++)
		assert_string_equal(doctor.findings[i].mend, "");
}

// A report is whole: JSON that a strict reader takes, no byte that moves a cursor, the states add up. And in time.
static void report_is_sound(const char *name)
{
	struct timespec before, after;
	clock_gettime(CLOCK_MONOTONIC, &before);
	examine("ready");
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_true(after.tv_sec - before.tv_sec <= 10);
	assert_int_equal(doctor.states[0] + doctor.states[1] + doctor.states[2], doctor.findings_count + doctor.left_out);
	for (int form = 0; form < 3; form++) {
		size_t length = 0;
		char *text = output(form == 0 ? "en" : form == 1 ? "ja" : "json", &length);
		for (size_t i = 0; i < length; i++)
			if (((unsigned char)text[i] < 0x20 && text[i] != '\n') || text[i] == 0x7f)
				fail_msg("%s: byte %02x in the report", name, (unsigned char)text[i]);
		struct json_text json = {.p = (const unsigned char *)text, .end = (const unsigned char *)text + length - 1};
		if (form == 2 && (!json_value(&json, 0) || json.p != json.end))
			fail_msg("%s: no JSON: %s", name, text);
		free(text);
	}
}

static const char *const files[] = {
    "proc/cpuinfo", "proc/cmdline", "proc/mounts", "proc/self/limits", "proc/net/route", "proc/net/ipv6_route",
    "sys/devices/system/cpu/online", "sys/devices/system/cpu/isolated", "sys/devices/system/cpu/nohz_full",
    "sys/devices/system/node/node1/cpulist", "sys/devices/system/cpu/cpu3/cpufreq/scaling_governor",
    "sys/devices/system/cpu/cpu15/topology/thread_siblings_list",
    "sys/devices/system/node/node1/hugepages/hugepages-2048kB/free_hugepages",
    "sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages",
    "sys/devices/pci0000:00/0000:81:00.0/class", "sys/devices/pci0000:00/0000:81:00.0/vendor",
    "sys/devices/pci0000:00/0000:81:00.0/numa_node", "sys/devices/pci0000:00/0000:81:00.1/net/ens1f1/flags",
    "sys/devices/pci0000:00/0000:01:00.0/net/eno1/speed", "sys/devices/pci0000:00/0000:01:00.0/net/eno1/carrier",
    "sys/devices/system/clocksource/clocksource0/current_clocksource", "yagura-doctor.facts",
    "sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "dev/vfio/vfio",
};

static void an_endless_file_is_cut(void **state)
{
	(void)state;
	lay_out("ready");
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		int fd = open(place(files[i]), O_WRONLY | O_CREAT, 0644);
		assert_int_equal(ftruncate(fd, (off_t)8 << 30), 0); // zeros, a hole
		close(fd);
	}
	report_is_sound("zeros");
	static char line[1 << 20];
	memset(line, '9', sizeof line);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		put_bytes(files[i], line, sizeof line);
	report_is_sound("digits");
}

static void binary_files_come_out_as_question_marks(void **state)
{
	(void)state;
	unsigned char bytes[256];
	for (unsigned i = 0; i < 256; i++)
		bytes[i] = (unsigned char)(255 - i);
	lay_out("ready");
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		put_bytes(files[i], bytes, sizeof bytes);
	report_is_sound("every byte");
	put("proc/cpuinfo", "model name\t: \033]0;x\007\033[2Jboo\xff\nflags : sse\n");
	report_is_sound("escapes");
	assert_non_null(strstr(finding("cpu.flags", "")->en, "?]0;x??[2Jboo?"));
}

static void loops_pipes_and_folders_are_not_files(void **state)
{
	(void)state;
	lay_out("ready");
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		char *path = place(files[i]);
		if (i % 3 == 0)
			assert_int_equal(symlink(strrchr(path, '/') + 1, path), 0); // itself
		else if (i % 3 == 1)
			assert_int_equal(mkfifo(path, 0644), 0);
		else
			assert_int_equal(mkdir(path, 0755), 0);
	}
	report_is_sound("no files");
	put("sys/x", "");
	assert_int_equal(symlink("/sys/loop", place("sys/loop")), 0);
	nftw(strcat(place("sys/bus/"), "pci"), remove_one, 16, FTW_DEPTH | FTW_PHYS);
	assert_int_equal(symlink("/sys/loop", place("sys/bus/pci")), 0);
	report_is_sound("a loop of folders");
	assert_int_equal(finding("nic.found", "")->state, YG_DOCTOR_UNKNOWN);
}

static void links_do_not_leave_the_root(void **state)
{
	(void)state;
	char word[64];
	struct yg_tree tree;
	put("etc/secret", "inside\n");
	assert_int_equal(symlink("/etc/secret", place("proc/cmdline")), 0);
	assert_int_equal(symlink("../../../../../../../../etc/secret", place("proc/mounts")), 0);
	assert_int_equal(symlink("/proc/self/environ", place("proc/cpuinfo")), 0);
	assert_int_equal(yg_tree_open(&tree, root), 0);
	assert_true(tree.foreign);
	assert_int_equal(yg_tree_word(&tree, word, sizeof word, "proc/cmdline"), 0);
	assert_string_equal(word, "inside");
	assert_int_equal(yg_tree_word(&tree, word, sizeof word, "proc/mounts"), 0);
	assert_string_equal(word, "inside");
	assert_int_equal(yg_tree_word(&tree, word, sizeof word, "proc/cpuinfo"), -ENOENT);
	assert_int_equal(yg_tree_word(&tree, word, sizeof word, "../../../../etc/passwd"), -ENOENT);
	yg_tree_close(&tree);
}

static void ten_thousand_devices_are_bounded(void **state)
{
	(void)state;
	char path[128];
	lay_out("ready");
	for (unsigned i = 0; i < 10000; i++) {
		snprintf(path, sizeof path, "sys/bus/pci/devices/%04x:00:00.0/", i);
		place(path);
		snprintf(path, sizeof path, "sys/bus/pci/devices/%04x:00:00.0/class", i);
		put(path, "0x020000\n");
	}
	report_is_sound("ten thousand");
	assert_true(doctor.nics_count <= YG_DOCTOR_NICS_MAX);
}

static void names_of_interfaces_do_not_become_commands(void **state)
{
	(void)state;
	static const char *const names[] = {"a;reboot", "$(reboot)", "a`b", "-K", "a b", "\033[2J", "eth0'\"", "\xff\xfe"};
	char path[192];
	lay_out("few-cores");
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/sys/devices/pci0000:00/0000:02:00.0/net", root);
		nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
		snprintf(path, sizeof path, "sys/devices/pci0000:00/0000:02:00.0/net/%s/flags", names[i]);
		put(path, "0x1002\n");
		snprintf(path, sizeof path, "offload %s gro=on lro=on\n", names[i]);
		put("yagura-doctor.facts", path);
		report_is_sound(names[i]);
		for (unsigned k = 0; k < doctor.findings_count; k++) {
			const struct yg_doctor_finding *f = &doctor.findings[k];
			if (strcmp(f->subject, "0000:02:00.0") == 0)
				assert_null(strstr(f->mend, names[i]));
		}
	}
}

// Text that the kernel would never write, at every place, many times over.
static void damaged_files_never_break_the_report(void **state)
{
	(void)state;
	static const char *const bits[] = {"-", ",", "0-", "0-1023", "1024", "99999999999999999999", "0x", "-1", "\n", "\t", "(null)", "isolcpus=",
	                                   "flags : ", "model name", "00000000", "node", " ", "hugetlbfs", "Max locked memory ", "\x80", "%s%n"};
	unsigned long random = 20260331;
	lay_out("ready");
	for (unsigned round = 0; round < 150; round++) {
		char text[512];
		size_t n = 0;
		for (unsigned k = 0; k < 12 && n < sizeof text - 32; k++) {
			random = random * 6364136223846793005UL + 1442695040888963407UL;
			n += (size_t)snprintf(text + n, sizeof text - n, "%s", bits[(random >> 33) % (sizeof bits / sizeof *bits)]);
		}
		put_bytes(files[(random >> 40) % (sizeof files / sizeof *files)], text, n);
		report_is_sound(text);
	}
}

static void ports_are_judged_for_how_they_are_named(void **state)
{
	(void)state;
	struct yg_doctor_needs n = needs("ready");
	lay_out("ready");
	put("sys/class/net/veth0/flags", "0x1003\n");
	put("sys/class/net/veth0/carrier", "1\n");
	n.ports = "veth0 net_pcap0,rx_pcap=x.pcap 01:00.0 0000:99:00.0 ../../etc net_af_packet1,iface=ens1f1,qpairs=2 %s%n";
	assert_int_equal(yg_doctor_run(&doctor, root, &n), 0);
	assert_int_equal(finding("nic.port", "veth0")->state, YG_DOCTOR_OK);
	assert_int_equal(finding("nic.link", "veth0")->state, YG_DOCTOR_OK);
	assert_int_equal(finding("nic.port", "0000:01:00.0")->state, YG_DOCTOR_BAD); // the machine's own
	assert_int_equal(finding("nic.port", "0000:99:00.0")->state, YG_DOCTOR_BAD); // not there
	assert_int_equal(finding("nic.port", "0000:81:00.1")->state, YG_DOCTOR_OK);
	assert_int_equal(finding("nic.link", "0000:81:00.1")->state, YG_DOCTOR_BAD);
	assert_int_equal(finding("nic.offloads", "0000:81:00.1")->state, YG_DOCTOR_UNKNOWN);
	assert_int_equal(finding("nic.kernel", "0000:81:00.0")->state, YG_DOCTOR_OK);
	n.ports = "ens1f1";
	n.cores = "12-14,99";
	assert_int_equal(yg_doctor_run(&doctor, root, &n), 0);
	assert_int_equal(finding("vfio.needed", "")->state, YG_DOCTOR_OK);
	assert_int_equal(finding("cpu.pinned", "")->state, YG_DOCTOR_BAD);
}

// The engine gives its workers the first cores of the list; what stands behind them does not matter.
static void the_cores_judged_are_those_that_workers_get(void **state)
{
	(void)state;
	struct yg_doctor_needs n = needs("ready");
	lay_out("ready");
	n.cores = "12-15,99";
	assert_int_equal(yg_doctor_run(&doctor, root, &n), 0);
	assert_int_equal(finding("cpu.pinned", "")->state, YG_DOCTOR_OK);
	n.cores = "15,13-14,12,3";
	assert_int_equal(yg_doctor_run(&doctor, root, &n), 0);
	assert_non_null(strstr(finding("cpu.pinned", "")->en, "12-15"));
	assert_int_equal(finding("nic.numa", "0000:81:00.0")->state, YG_DOCTOR_OK);
	n.cores = "4-7,12-15"; // the port sits on the other node
	assert_int_equal(yg_doctor_run(&doctor, root, &n), 0);
	assert_int_equal(finding("nic.numa", "0000:81:00.0")->state, YG_DOCTOR_BAD);
	assert_non_null(strstr(finding("nic.numa", "0000:81:00.0")->mend, "capture: {cores: \"12-15\"}"));
}

static void an_eve_file_that_is_there_is_looked_at(void **state)
{
	(void)state;
	struct yg_doctor_needs n = needs("ready");
	lay_out("ready");
	put("var/log/yagura/eve.json", "");
	assert_int_equal(yg_doctor_run(&doctor, root, &n), 0);
	assert_int_equal(finding("disk.eve", "/var/log/yagura")->state, YG_DOCTOR_OK);
	assert_int_equal(chmod(place("var/log/yagura/"), 0755), 0);
	put("var/log/yagura/eve.json", "");
	char path[192];
	snprintf(path, sizeof path, "%s/var/log/yagura/eve.json", root);
	assert_int_equal(chmod(path, 0444), 0);
	assert_int_equal(yg_doctor_run(&doctor, root, &n), 0);
	assert_int_equal(finding("disk.eve", "/var/log/yagura/eve.json")->state, YG_DOCTOR_BAD);
	assert_int_equal(mkfifo(place("var/log/yagura/eve.json"), 0644), 0);
	assert_int_equal(yg_doctor_run(&doctor, root, &n), 0);
	assert_int_equal(finding("disk.eve", "/var/log/yagura/eve.json")->state, YG_DOCTOR_OK);
	assert_int_equal(mkdir(place("var/log/yagura/eve.json"), 0755), 0);
	assert_int_equal(yg_doctor_run(&doctor, root, &n), 0);
	assert_int_equal(finding("disk.eve", "/var/log/yagura/eve.json")->state, YG_DOCTOR_BAD);
}

// Percent signs in redis.url make any byte; the user is shown.
static void what_a_url_hides_does_not_reach_the_terminal(void **state)
{
	(void)state;
	struct yg_doctor_needs n = needs("ready");
	char *text = NULL;
	size_t length;
	doctor.needs = n;
	yg_doctor_find(&doctor, YG_DOCTOR_OK, "redis.rights", "a\033[2J\nb", "", "%s", "%s", "\xc2\x9b" "31m\x7f\r\t");
	const struct yg_doctor_finding *f = &doctor.findings[doctor.findings_count - 1];
	assert_string_equal(f->subject, "a?[2J?b");
	assert_string_equal(f->en, "??31m???");
	text = output("en", &length);
	assert_null(strchr(text, '\033'));
	free(text);
}

// Half a number at the end of a list would name another core.
static void a_list_of_cores_is_cut_between_numbers(void **state)
{
	(void)state;
	struct yg_cpu_set set = {0};
	char text[16];
	for (unsigned cpu = 100; cpu < 200; cpu += 2)
		yg_cpu_set_add(&set, cpu);
	assert_string_equal(yg_cpu_set_text(&set, text, sizeof text), "100,102,104,106");
	assert_string_equal(yg_cpu_set_text(&set, text, 15), "100,102,104+");
	assert_string_equal(yg_cpu_set_text(&set, text, 3), "");
}

static void an_empty_root_is_all_unknown_or_absent(void **state)
{
	(void)state;
	struct yg_doctor_needs n = needs("ready");
	examine("ready");
	assert_true(doctor.states[YG_DOCTOR_UNKNOWN] >= 10);
	assert_int_equal(yg_doctor_run(&doctor, "/nonexistent/root", &n), -ENOENT);
}

static void lists_of_cores_are_read_strictly(void **state)
{
	(void)state;
	static const char *const wrong[] = {"x", "1-", "-1", "3-1", "1,", "1024", "0-1024", "1,,2", "1 2", "1-2-3", "99999999999"};
	struct yg_cpu_set set = {0};
	char text[64];
	assert_true(yg_cpu_set_parse(&set, "0-2,8,10-11"));
	assert_int_equal(yg_cpu_set_count(&set), 6);
	assert_string_equal(yg_cpu_set_text(&set, text, sizeof text), "0-2,8,10-11");
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_false(yg_cpu_set_parse(&set, wrong[i]));
	assert_int_equal(yg_cpu_set_count(&set), 6);
	assert_true(yg_cpu_set_parse(&set, ""));
	assert_int_equal(yg_cpu_set_count(&set), 0);
}

static void drivers_are_found_by_vendor_and_device(void **state)
{
	(void)state;
	bool stays = true;
	assert_string_equal(yg_doctor_pmd(0x8086, 0x10fb, &stays), "net_ixgbe");
	assert_false(stays);
	assert_string_equal(yg_doctor_pmd(0x8086, 0x1593, &stays), "net_ice");
	assert_string_equal(yg_doctor_pmd(0x15b3, 0x1017, &stays), "net_mlx5");
	assert_true(stays);
	assert_string_equal(yg_doctor_pmd(0x1af4, 0x1041, &stays), "net_virtio");
	assert_null(yg_doctor_pmd(0x10ec, 0x8168, &stays));
	assert_null(yg_doctor_pmd(0x8086, 0x1010fb, &stays));
}

// A server that says what it is told, line after line; then it stays silent. Answers nothing itself.
static pid_t serve(const char *answers, size_t length, char url[128])
{
	char path[108];
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(path, sizeof path, "%s/redis.sock", root);
	unlink(path);
	memcpy(address.sun_path, path, sizeof path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(fd, 1), 0);
	snprintf(url, 128, "unix://u:p@%s", path);
	pid_t child = fork();
	if (child == 0) {
		int peer = accept(fd, NULL, NULL);
		char heard[4096];
		for (size_t at = 0; at < length;) {
			ssize_t n = write(peer, answers + at, length - at);
			if (n <= 0)
				_exit(1);
			at += (size_t)n;
		}
		while (read(peer, heard, sizeof heard) > 0)
			;
		_exit(0);
	}
	close(fd);
	return child;
}

// `patience_ms`: long where an answer ends it, so that a busy machine does not
static enum yg_probe_end probe_within(const char *answers, unsigned patience_ms, struct yg_probe *ret_probe)
{
	char url[128];
	pid_t child = serve(answers, strlen(answers), url);
	yg_doctor_probe_redis(url, "egress-1", patience_ms, ret_probe);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return ret_probe->end;
}

static enum yg_probe_end probe(const char *answers, struct yg_probe *ret_probe)
{
	return probe_within(answers, 10000, ret_probe);
}

static void redis_is_asked_and_understood(void **state)
{
	(void)state;
	struct yg_probe p;
#define LOGIN "+OK\r\n"
#define OTHERS "+QUEUED\r\n+QUEUED\r\n-OOM x\r\n+QUEUED\r\n" // XTRIM, HSET, EXPIRE, WAIT
	assert_int_equal(probe(LOGIN "-NOPERM x\r\n-ERR no such key\r\n+OK\r\n*0\r\n+OK\r\n+QUEUED\r\n" OTHERS, &p), YG_PROBE_DONE);
	assert_false(p.more);
	assert_int_equal(probe(LOGIN "$1\r\nu\r\n*2\r\n$2\r\na\n\r\n*1\r\n:1\r\n+OK\r\n*0\r\n+OK\r\n+QUEUED\r\n" OTHERS, &p), YG_PROBE_DONE);
	assert_true(p.more);
	assert_int_equal(probe(LOGIN "-NOPERM\r\n-NOPERM\r\n+OK\r\n-NOPERM\r\n+OK\r\n-NOPERM\r\n"
	                       "-NOPERM\r\n-NOPERM\r\n-NOPERM\r\n-NOPERM\r\n", &p), YG_PROBE_RIGHTS);
	assert_string_equal(p.missing, "+xinfo +exec +xadd +xtrim +hset +expire +wait");
	assert_int_equal(probe(LOGIN "-NOPERM\r\n*0\r\n+OK\r\n-EXECABORT because of: NOPERM\r\n+OK\r\n+QUEUED\r\n" OTHERS, &p), YG_PROBE_RIGHTS);
	assert_string_equal(p.missing, "+exec");
	assert_int_equal(probe(LOGIN "-NOPERM\r\n*0\r\n+OK\r\n-NOPERM\r\n-ERR nested\r\n", &p), YG_PROBE_RIGHTS);
	assert_int_equal(probe("-WRONGPASS \033[2Jno\r\n", &p), YG_PROBE_LOGIN);
	assert_string_equal(p.said, "WRONGPASS ?[2Jno");
	assert_int_equal(probe(LOGIN "-NOPERM\r\n*0\r\n+OK\r\n*0\r\n+OK\r\n-OOM x\r\n" OTHERS, &p), YG_PROBE_WRITES);
	// Where MULTI is refused XADD must not be sent: it would be done.
	assert_int_equal(probe(LOGIN "-NOPERM\r\n*0\r\n-NOPERM\r\n", &p), YG_PROBE_RIGHTS);
	assert_string_equal(p.missing, "+multi");
}

static void a_hostile_redis_ends_in_time(void **state)
{
	(void)state;
	static char flood[600 * 1024];
	struct yg_probe p;
	char url[128];
	static const char *const answers[] = {"", "+OK", "*99999999\r\n", "$99999999\r\n", "$-5\r\n$-1\r\n$x\r\n", "HTTP/1.1 400 Bad\r\n\r\n",
	                                      "\r\n\r\n", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", "*-1\r\n"};
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
		assert_true(probe_within(answers[i], 150, &p) < YG_PROBE_RIGHTS);
	for (int form = 0; form < 2; form++) {
		memset(flood, form ? '+' : '\n', sizeof flood);
		memcpy(flood, "*8000\r\n", 7);
		pid_t child = serve(flood, sizeof flood, url);
		yg_doctor_probe_redis(url, "egress-1", 150, &p);
		assert_true(p.end < YG_PROBE_RIGHTS);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	yg_doctor_probe_redis("unix:///nonexistent/socket", "s", 300, &p);
	assert_int_equal(p.end, YG_PROBE_CONNECT);
	yg_doctor_probe_redis("http://x", "s", 300, &p);
	assert_int_equal(p.end, YG_PROBE_URL);
}

int main(void)
{
#define IN_A_ROOT(name) cmocka_unit_test_setup_teardown(name, new_root, drop_root)
	const struct CMUnitTest tests[] = {
	    IN_A_ROOT(each_machine_gets_its_golden_report),
	    IN_A_ROOT(the_ready_machine_has_nothing_to_mend),
	    IN_A_ROOT(an_endless_file_is_cut),
	    IN_A_ROOT(binary_files_come_out_as_question_marks),
	    IN_A_ROOT(loops_pipes_and_folders_are_not_files),
	    IN_A_ROOT(links_do_not_leave_the_root),
	    IN_A_ROOT(ten_thousand_devices_are_bounded),
	    IN_A_ROOT(names_of_interfaces_do_not_become_commands),
	    IN_A_ROOT(damaged_files_never_break_the_report),
	    IN_A_ROOT(ports_are_judged_for_how_they_are_named),
	    IN_A_ROOT(the_cores_judged_are_those_that_workers_get),
	    IN_A_ROOT(an_eve_file_that_is_there_is_looked_at),
	    cmocka_unit_test(what_a_url_hides_does_not_reach_the_terminal),
	    cmocka_unit_test(a_list_of_cores_is_cut_between_numbers),
	    IN_A_ROOT(an_empty_root_is_all_unknown_or_absent),
	    cmocka_unit_test(lists_of_cores_are_read_strictly),
	    cmocka_unit_test(drivers_are_found_by_vendor_and_device),
	    IN_A_ROOT(redis_is_asked_and_understood),
	    IN_A_ROOT(a_hostile_redis_ends_in_time),
	};
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
