// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Processor and clock. A worker polls: it wants a core on which nothing else runs, no timer tick, and full clock speed.
#include "cli/doctor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CPUINFO_ROOM = 32 * 1024, LIST_ROOM = 2048 };

bool yg_cpu_set_has(const struct yg_cpu_set *set, unsigned cpu)
{
	return cpu < YG_DOCTOR_CPUS_MAX && (set->bits[cpu / 64] >> cpu % 64 & 1);
}

void yg_cpu_set_add(struct yg_cpu_set *set, unsigned cpu)
{
	if (cpu < YG_DOCTOR_CPUS_MAX)
		set->bits[cpu / 64] |= UINT64_C(1) << cpu % 64;
}

unsigned yg_cpu_set_count(const struct yg_cpu_set *set)
{
	unsigned count = 0;
	for (unsigned i = 0; i < YG_DOCTOR_CPUS_MAX / 64; i++)
		count += (unsigned)__builtin_popcountll(set->bits[i]);
	return count;
}

struct yg_cpu_set yg_cpu_set_both(const struct yg_cpu_set *a, const struct yg_cpu_set *b)
{
	struct yg_cpu_set both;
	for (unsigned i = 0; i < YG_DOCTOR_CPUS_MAX / 64; i++)
		both.bits[i] = a->bits[i] & b->bits[i];
	return both;
}

static bool cpu_number(const char **at, unsigned *ret_cpu)
{
	unsigned cpu = 0;
	if (**at < '0' || **at > '9')
		return false;
	for (; **at >= '0' && **at <= '9'; (*at)++) {
		cpu = cpu * 10 + (unsigned)(**at - '0');
		if (cpu >= YG_DOCTOR_CPUS_MAX)
			return false;
	}
	*ret_cpu = cpu;
	return true;
}

bool yg_cpu_set_parse(struct yg_cpu_set *set, const char *at)
{
	struct yg_cpu_set parsed = {0};
	while (*at) {
		unsigned first, last;
		if (!cpu_number(&at, &first))
			return false;
		last = first;
		if (*at == '-' && (at++, !cpu_number(&at, &last)))
			return false;
		for (unsigned cpu = first; cpu <= last; cpu++)
			yg_cpu_set_add(&parsed, cpu);
		if (last < first || (*at == ',' && !at[1]) || (*at && *at != ','))
			return false;
		at += *at == ',';
	}
	*set = parsed;
	return true;
}

const char *yg_cpu_set_text(const struct yg_cpu_set *set, char *text, size_t size)
{
	size_t n = 0;
	text[0] = '\0';
	for (unsigned cpu = 0; cpu < YG_DOCTOR_CPUS_MAX && n < size; cpu++) {
		if (!yg_cpu_set_has(set, cpu))
			continue;
		unsigned last = cpu;
		while (yg_cpu_set_has(set, last + 1))
			last++;
		int wrote = snprintf(text + n, size - n, last > cpu ? "%s%u-%u" : "%s%u", n ? "," : "", cpu, last);
		if (wrote < 0 || (size_t)wrote >= size - n) { // half a number would name another core
			snprintf(text + n, size - n, n ? "+" : "");
			break;
		}
		n += (size_t)wrote;
		cpu = last;
	}
	return text;
}

// 0, -EBADMSG, or the errno of reading it.
static int read_set(const struct yg_doctor *d, struct yg_cpu_set *set, const char *path)
{
	char list[LIST_ROOM];
	int error = yg_tree_word(&d->tree, list, sizeof list, "%s", path);
	if (error)
		return error;
	// (null) is what kernels print for an empty nohz_full
	return yg_cpu_set_parse(set, strcmp(list, "(null)") == 0 ? "" : list) ? 0 : -EBADMSG;
}

bool yg_doctor_on_cmdline(const struct yg_doctor *d, const char *word)
{
	size_t n = strlen(word);
	for (const char *at = d->cmdline; (at = strstr(at, word)); at += n)
		if (at == d->cmdline || at[-1] == ' ')
			return true;
	return false;
}

// The first processor's line `key : value` of cpuinfo.
static bool info(const char *text, const char *key, char *value, size_t size)
{
	const char *at = text;
	size_t n = strlen(key);
	value[0] = '\0';
	for (; *at && *at != '\n'; at += *at == '\n') {
		size_t length = strcspn(at, "\n"), skip = n + strspn(at + (length < n ? 0 : n), " \t");
		if (length > skip && strncmp(at, key, n) == 0 && at[skip] == ':') {
			size_t i = 0;
			for (at += skip + 1 + (at[skip + 1] == ' '); *at && *at != '\n' && i < size - 1; at++)
				value[i++] = *at >= 0x20 && *at < 0x7f ? *at : '?';
			value[i] = '\0';
			return true;
		}
		at += length;
	}
	return false;
}

static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);
	for (const char *at = list; (at = strstr(at, word)); at += n)
		if ((at == list || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
			return true;
	return false;
}

// The engine gives its workers the first cores of the list, in the order of the list; what stands behind them is not used.
static struct yg_cpu_set first_named(const struct yg_doctor *d)
{
	struct yg_cpu_set set = {0};
	unsigned left = d->needs.workers, first, last;
	if (!yg_cpu_set_parse(&set, d->needs.cores))
		return set;
	set = (struct yg_cpu_set){0};
	for (const char *at = d->needs.cores; *at && left; at += *at == ',') {
		if (!cpu_number(&at, &first))
			break;
		last = first;
		if (*at == '-') {
			at++;
			if (!cpu_number(&at, &last))
				break;
		}
		for (unsigned cpu = first; cpu <= last && left; cpu++, left--)
			yg_cpu_set_add(&set, cpu);
	}
	return set;
}

void yg_doctor_cpu_survey(struct yg_doctor *d)
{
	char names[YG_DOCTOR_NODES_MAX * 2][YG_DOCTOR_NAME], path[160];
	if (yg_tree_word(&d->tree, d->cmdline, sizeof d->cmdline, "proc/cmdline") < 0)
		d->cmdline[0] = '\0';
	if (read_set(d, &d->online, "sys/devices/system/cpu/online") < 0)
		d->online = (struct yg_cpu_set){0};
	if (read_set(d, &d->isolated, "sys/devices/system/cpu/isolated") < 0)
		d->isolated = (struct yg_cpu_set){0};
	d->isolated = yg_cpu_set_both(&d->isolated, &d->online);
	d->named_cores = first_named(d);
	int count = yg_tree_list(&d->tree, names, YG_DOCTOR_NODES_MAX * 2, "sys/devices/system/node");
	d->nodes = 1;
	d->nodes_cpus[0] = d->online;
	for (int i = 0; i < count; i++) {
		char *end, *digits = names[i] + 4;
		unsigned long node = strncmp(names[i], "node", 4) == 0 && *digits >= '0' && *digits <= '9' ? strtoul(digits, &end, 10) : ~0UL;
		if (node >= YG_DOCTOR_NODES_MAX || *end || !yg_tree_path(path, sizeof path, "sys/devices/system/node/%s/cpulist", names[i]))
			continue;
		if (read_set(d, &d->nodes_cpus[node], path) < 0)
			continue;
		if (node >= d->nodes)
			d->nodes = (unsigned)node + 1;
	}
}

// Cores to set aside: of the node where capture will be, the last ones, one thread a core, never the first core, which
// handles interrupts of the rest.
static struct yg_cpu_set propose(const struct yg_doctor *d)
{
	struct yg_cpu_set chosen = {0}, home = yg_cpu_set_both(&d->nodes_cpus[yg_doctor_home_node(d)], &d->online);
	unsigned left = d->needs.workers;
	if (d->needs.cores[0])
		return yg_cpu_set_both(&d->named_cores, &d->online);
	for (unsigned cpu = YG_DOCTOR_CPUS_MAX - 1; cpu > 0 && left; cpu--) {
		struct yg_cpu_set threads = {0};
		char path[128];
		yg_tree_path(path, sizeof path, "sys/devices/system/cpu/cpu%u/topology/thread_siblings_list", cpu);
		if (!yg_cpu_set_has(&home, cpu) || (read_set(d, &threads, path) == 0 && yg_cpu_set_has(&threads, 0)))
			continue;
		bool sibling_taken = yg_cpu_set_count(&threads) > 0;
		threads = yg_cpu_set_both(&threads, &chosen);
		if (sibling_taken && yg_cpu_set_count(&threads) > 0)
			continue;
		yg_cpu_set_add(&chosen, cpu);
		left--;
	}
	return chosen;
}

static void mend_isolation(const struct yg_doctor *d, const struct yg_cpu_set *cpus, bool only_ticks, char *mend, size_t size)
{
	static const char file[] = "/etc/default/grub && update-grub   # then reboot";
	char list[96];
	yg_cpu_set_text(cpus, list, sizeof list);
	if (only_ticks)
		snprintf(mend, size, "sed -i 's/^GRUB_CMDLINE_LINUX=\"/&nohz_full=%s rcu_nocbs=%s /' %s", list, list, file);
	else if (yg_doctor_on_cmdline(d, "isolcpus="))
		snprintf(mend, size, "sed -i -E 's/isolcpus=[^ \"]*/isolcpus=%s/; s/(nohz_full|rcu_nocbs)=[^ \"]*/\\1=%s/g' %s", list, list, file);
	else
		snprintf(mend, size, "sed -i 's/^GRUB_CMDLINE_LINUX=\"/&isolcpus=%s nohz_full=%s rcu_nocbs=%s /' %s", list, list, list, file);
}

static void model_and_flags(struct yg_doctor *d)
{
	// RTE_COMPILE_TIME_CPUFLAGS of Debian's build; pni is SSE3
	static const char *const needed[] = {"sse", "sse2", "pni", "ssse3", "sse4_1", "sse4_2"};
	static char text[CPUINFO_ROOM], flags[4096];
	char model[96], missing[64] = "";
	ssize_t n = yg_tree_read(&d->tree, text, sizeof text, "proc/cpuinfo");
	bool known = n > 0 && info(text, "flags", flags, sizeof flags);
	if (n <= 0 || !info(text, "model name", model, sizeof model))
		snprintf(model, sizeof model, "?");
	info(n > 0 ? text : "", "vendor_id", d->cpu_vendor, sizeof d->cpu_vendor);
	if (!known) {
		yg_doctor_find(d, YG_DOCTOR_UNKNOWN, "cpu.flags", "", "", "%s: its flags could not be read", "%s: 機能フラグを確認できません", model);
		yg_doctor_find(d, YG_DOCTOR_UNKNOWN, "cpu.tsc", "", "", "whether the time stamp counter is steady could not be read",
		               "TSCが一定かを確認できません");
		return;
	}
	d->hypervisor = has_word(flags, "hypervisor");
	for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
		if (!has_word(flags, needed[i]))
			snprintf(missing + strlen(missing), sizeof missing - strlen(missing), " %s", needed[i]);
	if (missing[0])
		yg_doctor_find(d, YG_DOCTOR_BAD, "cpu.flags", "", d->hypervisor ? "qemu -cpu host   # on the host" : "",
		               "%s lacks what Debian's DPDK is built for:%s", "%s: DebianのDPDKに必要な機能がありません:%s", model, missing);
	else
		yg_doctor_find(d, YG_DOCTOR_OK, "cpu.flags", "", "", "%s%s: has what Debian's DPDK is built for (SSE4.2)",
		               "%s%s: DebianのDPDKに必要な機能があります（SSE4.2）", model, d->hypervisor ? " (VM)" : "");
	if (has_word(flags, "constant_tsc") && has_word(flags, "nonstop_tsc"))
		yg_doctor_find(d, YG_DOCTOR_OK, "cpu.tsc", "", "", "the time stamp counter is steady", "TSCは一定です");
	else
		yg_doctor_find(d, YG_DOCTOR_BAD, "cpu.tsc", "", d->hypervisor ? "qemu -cpu host,+invtsc   # on the host" : "",
		               "the time stamp counter changes its pace or stops (constant_tsc, nonstop_tsc)",
		               "TSCの速度が変わるか停止します（constant_tsc, nonstop_tsc）");
}

static void cores(struct yg_doctor *d)
{
	unsigned online = yg_cpu_set_count(&d->online), workers = d->needs.workers, wish = workers + d->needs.dissectors + 2;
	char mend[128];
	if (!online) {
		yg_doctor_find(d, YG_DOCTOR_UNKNOWN, "cpu.cores", "", "", "the number of cores could not be read", "コア数を確認できません");
	} else if (online < workers + 1) {
		if (online > 1)
			snprintf(mend, sizeof mend, "yagura.yaml:  engine: {workers: %u}", online - 1);
		else
			snprintf(mend, sizeof mend, "%s", d->hypervisor ? "virsh setvcpus DOMAIN 2 --config --maximum   # on the host" : "");
		yg_doctor_find(d, YG_DOCTOR_BAD, "cpu.cores", "", mend, "cores: %u; workers: %u, which want one each, and the rest one",
		               "%u コア。ワーカー %u 個に1コアずつ、ほかに1コアが必要です", online, workers);
	} else if (online < wish) {
		yg_doctor_find(d, YG_DOCTOR_OK, "cpu.cores", "", "",
		               "cores: %u, enough for workers: %u. With %u, aggregator and dissectors had cores of their own",
		               "%u コア。ワーカー %u 個には足ります。%u あれば集約と解析も専用コアになります", online, workers, wish);
	} else {
		yg_doctor_find(d, YG_DOCTOR_OK, "cpu.cores", "", "", "cores: %u; wanted: %u (workers %u, dissectors %u, aggregator, the rest)",
		               "%u コア（必要数 %u: ワーカー %u、解析 %u、集約、その他）", online, wish, workers, d->needs.dissectors);
	}
}

static void ticks_of(struct yg_doctor *d, const struct yg_cpu_set *set, bool isolated)
{
	char mend[640], list[128];
	struct yg_cpu_set ticks = {0};
	int error = read_set(d, &ticks, "sys/devices/system/cpu/nohz_full");
	struct yg_cpu_set quiet = yg_cpu_set_both(&ticks, set);
	if (error && error != -ENOENT) {
		yg_doctor_find(d, YG_DOCTOR_UNKNOWN, "cpu.nohz_full", "", "", "cores without a timer tick could not be read",
		               "nohz_full を確認できません");
	} else if (!error && yg_cpu_set_count(&quiet) >= d->needs.workers) {
		yg_doctor_find(d, YG_DOCTOR_OK, "cpu.nohz_full", "", "", "cores %s run without a timer tick", "コア %s はタイマー割り込みなし",
		               yg_cpu_set_text(&quiet, list, sizeof list));
	} else if (!isolated) {
		yg_doctor_find(d, YG_DOCTOR_UNKNOWN, "cpu.nohz_full", "", "", "depends on which cores are isolated; see cpu.isolated",
		               "分離するコアによります（cpu.isolated を参照）");
	} else {
		mend_isolation(d, set, true, mend, sizeof mend);
		yg_doctor_find(d, YG_DOCTOR_BAD, "cpu.nohz_full", "", mend, "the timer tick interrupts the isolated cores",
		               "分離コアにタイマー割り込みが入ります");
	}
}

// A worker that is not pinned never runs on an isolated core: the scheduler sends nothing there.
static void pinning(struct yg_doctor *d, const struct yg_cpu_set *chosen)
{
	char mend[192] = "", list[96];
	struct yg_cpu_set there = yg_cpu_set_both(&d->named_cores, &d->online);
	unsigned online = yg_cpu_set_count(&d->online), workers = d->needs.workers;
	yg_cpu_set_text(chosen, list, sizeof list);
	if (!d->needs.cores[0] && online <= workers) {
		yg_doctor_find(d, YG_DOCTOR_UNKNOWN, "cpu.pinned", "", "", "depends on the number of cores; see cpu.cores",
		               "コア数によります（cpu.cores を参照）");
	} else if (!d->needs.cores[0]) {
		snprintf(mend, sizeof mend, "yagura.yaml:  capture: {cores: \"%s\"}", list);
		yg_doctor_find(d, YG_DOCTOR_BAD, "cpu.pinned", "", mend, "capture.cores names no cores for the workers",
		               "capture.cores でワーカーのコアが指定されていません");
	} else if (online && yg_cpu_set_count(&there) < workers) {
		yg_doctor_find(d, YG_DOCTOR_BAD, "cpu.pinned", "", "lscpu -e   # then correct capture.cores",
		               "capture.cores names %u cores that this machine has; workers: %u",
		               "capture.cores のうち実在するコアは %u 個、ワーカーは %u 個です", yg_cpu_set_count(&there), workers);
	} else {
		yg_doctor_find(d, YG_DOCTOR_OK, "cpu.pinned", "", "", "workers on cores %s", "ワーカーはコア %s",
		               yg_cpu_set_text(&d->named_cores, list, sizeof list));
	}
}

static void isolation(struct yg_doctor *d)
{
	struct yg_cpu_set chosen = propose(d), used = d->needs.cores[0] ? yg_cpu_set_both(&d->isolated, &chosen) : d->isolated;
	char mend[640] = "", list[128];
	unsigned online = yg_cpu_set_count(&d->online), isolated = yg_cpu_set_count(&used), workers = d->needs.workers;
	bool possible = online > workers && yg_cpu_set_count(&chosen) >= workers;
	pinning(d, isolated >= workers ? &used : &chosen);
	if (!online || !yg_tree_has(&d->tree, "sys/devices/system/cpu/isolated")) {
		yg_doctor_find(d, YG_DOCTOR_UNKNOWN, "cpu.isolated", "", "", "isolated cores could not be read", "分離コアを確認できません");
	} else if (isolated >= workers) {
		yg_doctor_find(d, YG_DOCTOR_OK, "cpu.isolated", "", "", "cores %s are isolated; %u wanted", "コア %s を分離済み（必要数 %u）",
		               yg_cpu_set_text(&used, list, sizeof list), workers);
	} else if (!possible) {
		yg_doctor_find(d, YG_DOCTOR_UNKNOWN, "cpu.isolated", "", "", "too few cores to set %u aside; see cpu.cores",
		               "%u コアを分離するにはコアが足りません（cpu.cores を参照）", workers);
	} else {
		mend_isolation(d, &chosen, false, mend, sizeof mend);
		yg_doctor_find(d, YG_DOCTOR_BAD, "cpu.isolated", "", mend, "isolated cores: %u; wanted: %u, one for each worker",
		               "分離コアは %u 個。ワーカーごとに1個、計 %u 個が必要です", isolated, workers);
	}
	ticks_of(d, isolated >= workers ? &used : &chosen, isolated >= workers);
}

static void governor(struct yg_doctor *d)
{
	char word[32], other[32] = "";
	unsigned seen = 0, slow = 0;
	for (unsigned cpu = 0; cpu < YG_DOCTOR_CPUS_MAX; cpu++) {
		if (!yg_cpu_set_has(&d->online, cpu) ||
		    yg_tree_word(&d->tree, word, sizeof word, "sys/devices/system/cpu/cpu%u/cpufreq/scaling_governor", cpu) < 0)
			continue;
		seen++;
		if (strcmp(word, "performance") == 0)
			continue;
		if (!slow++)
			snprintf(other, sizeof other, "%s", word);
	}
	if (slow)
		yg_doctor_find(d, YG_DOCTOR_BAD, "cpu.governor", "",
		               "echo performance | tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor",
		               "cores that change their speed: %u (%s)", "%u コアの周波数が変動します（%s）", slow, other);
	else if (seen)
		yg_doctor_find(d, YG_DOCTOR_OK, "cpu.governor", "", "", "performance", "performance");
	else
		yg_doctor_find(d, YG_DOCTOR_OK, "cpu.governor", "", "", "the kernel does not change the speed of cores here",
		               "カーネルによる周波数制御はありません");
}

void yg_doctor_cpu(struct yg_doctor *d)
{
	char list[128];
	model_and_flags(d);
	cores(d);
	isolation(d);
	governor(d);
	unsigned counted = 0;
	for (unsigned node = 0; node < d->nodes; node++)
		counted += yg_cpu_set_count(&d->nodes_cpus[node]) > 0;
	if (!yg_tree_has(&d->tree, "sys/devices/system/node"))
		yg_doctor_find(d, YG_DOCTOR_UNKNOWN, "numa.nodes", "", "", "NUMA nodes could not be read", "NUMAノードを確認できません");
	else
		yg_doctor_find(d, YG_DOCTOR_OK, "numa.nodes", "", "", "nodes with cores: %u; capture on node %u (cores %s)",
		               "コアのあるノード %u。キャプチャーはノード %u（コア %s）", counted, yg_doctor_home_node(d),
		               yg_cpu_set_text(&d->nodes_cpus[yg_doctor_home_node(d)], list, sizeof list));
}

void yg_doctor_clock(struct yg_doctor *d)
{
	char source[32], available[128];
	int kept = yg_fact_clock_synchronised(d);
	if (kept < 0)
		yg_doctor_find(d, YG_DOCTOR_UNKNOWN, "clock.synchronised", "", "", "whether the clock is kept by NTP or PTP is not known here",
		               "時刻同期の状態を確認できません");
	else if (kept)
		yg_doctor_find(d, YG_DOCTOR_OK, "clock.synchronised", "", "", "kept by NTP or PTP", "時刻同期済み");
	else
		yg_doctor_find(d, YG_DOCTOR_BAD, "clock.synchronised", "", "apt-get install chrony && systemctl enable --now chrony",
		               "not kept: times in alerts would drift", "時刻同期していません。アラートの時刻がずれます");
	if (yg_tree_word(&d->tree, source, sizeof source, "sys/devices/system/clocksource/clocksource0/current_clocksource") < 0) {
		yg_doctor_find(d, YG_DOCTOR_UNKNOWN, "clock.source", "", "", "the clock source could not be read", "クロックソースを確認できません");
		return;
	}
	if (yg_tree_word(&d->tree, available, sizeof available, "sys/devices/system/clocksource/clocksource0/available_clocksource") < 0)
		available[0] = '\0';
	bool arm = strcmp(source, "arch_sys_counter") == 0;
	if (strcmp(source, "tsc") == 0 || arm)
		yg_doctor_find(d, YG_DOCTOR_OK, "clock.source", "", "", "%s", "%s", source);
	else
		yg_doctor_find(d, YG_DOCTOR_BAD, "clock.source", "",
		               has_word(available, "tsc") ? "echo tsc > /sys/devices/system/clocksource/clocksource0/current_clocksource"
		               : d->hypervisor            ? "qemu -cpu host,+invtsc   # on the host"
		                                          : "",
		               "%s, not tsc: a look at the clock is slow", "%s（tsc ではないため時刻取得が遅くなります）", source);
}
