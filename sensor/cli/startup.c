// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See startup.h. Every line goes through say(), which counts: past the last line nothing is written, so no number of ports, faults or
// engines gone mad makes the report longer. Where threads run is read from /proc and not from the configuration: what was asked for
// and what the kernel does may differ, and only the second is worth a line.
#include "cli/startup.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/build_config.h"
#include "cli/doctor.h"
#include "courier/redis_url.h"
#include "engine/worker.h"

enum { LINE_ROOM = 1024, TASKS_MAX = 64, REDIS_PATIENCE_MS = 500, STATUS_ROOM = 8192 };

struct report {
	const struct yg_startup *f;
	struct yg_doctor *d;
	FILE *out;
	unsigned lines;
	bool shown[YG_DOCTOR_FINDINGS_MAX];
};

struct label {
	const char *en, *ja; // of the same width on a terminal
};

static void say(struct report *r, const struct label *label, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void say(struct report *r, const struct label *label, const char *format, ...)
{
	char text[LINE_ROOM];
	va_list list;
	if (r->lines == YG_STARTUP_LINES)
		return;
	va_start(list, format);
	vsnprintf(text, sizeof text, format, list);
	va_end(list);
	yg_doctor_tame(text);
	r->lines++;
	if (label)
		fprintf(r->out, "  %s  %s\n", r->f->japanese ? label->ja : label->en, text);
	else
		fprintf(r->out, "%s\n", text);
}

// ---- what the kernel says of the engine ----

struct threads {
	struct yg_cpu_set workers, aggregator;
	unsigned workers_count, pinned; // to one core each
	bool known;
	int64_t huge_kib; // -1: not known
};

// The value behind `key` in a status file of /proc. False when there is none.
static bool status_value(const char *text, const char *key, char *value, size_t size)
{
	const char *at = strstr(text, key);
	if (!at)
		return false;
	at += strlen(key);
	at += strspn(at, " \t");
	size_t n = strcspn(at, "\n");
	if (n >= size)
		return false;
	memcpy(value, at, n);
	value[n] = '\0';
	return true;
}

static void look_at_thread(const struct yg_tree *tree, pid_t pid, const char *task, struct threads *threads)
{
	char comm[32], text[STATUS_ROOM], list[1024];
	struct yg_cpu_set cores;
	if (yg_tree_word(tree, comm, sizeof comm, "proc/%d/task/%s/comm", (int)pid, task) < 0 ||
	    yg_tree_read(tree, text, sizeof text, "proc/%d/task/%s/status", (int)pid, task) < 0 ||
	    !status_value(text, "Cpus_allowed_list:", list, sizeof list) || !yg_cpu_set_parse(&cores, list))
		return;
	if (strcmp(comm, "yg-aggregator") == 0) {
		threads->aggregator = cores;
	} else if (strncmp(comm, "lcore-worker", 12) == 0) { // as EAL calls them
		threads->workers_count++;
		threads->pinned += yg_cpu_set_count(&cores) == 1;
		for (unsigned i = 0; i < YG_DOCTOR_CPUS_MAX / 64; i++)
			threads->workers.bits[i] |= cores.bits[i];
	}
}

static void look_at_engine(const struct report *r, const struct yg_tree *tree, struct threads *threads)
{
	char names[TASKS_MAX][YG_DOCTOR_NAME], text[STATUS_ROOM], value[32];
	pid_t pid = r->f->engine_pid;
	*threads = (struct threads){.huge_kib = -1};
	if (pid <= 0)
		return;
	if (yg_tree_read(tree, text, sizeof text, "proc/%d/status", (int)pid) > 0 &&
	    status_value(text, "HugetlbPages:", value, sizeof value) && value[0] >= '0' && value[0] <= '9')
		threads->huge_kib = strtoll(value, NULL, 10);
	int count = yg_tree_list(tree, names, TASKS_MAX, "proc/%d/task", (int)pid);
	for (int i = 0; i < count; i++)
		look_at_thread(tree, pid, names[i], threads);
	threads->known = threads->workers_count > 0;
}

// ---- lines ----

static void head(struct report *r)
{
	static const struct label label[] = {{"configuration", "設定         "}, {"bodies       ", "団体         "}};
	const struct yg_config *c = r->f->config;
	bool ja = r->f->japanese, none = !r->f->config_file || !r->f->config_file[0];
	say(r, NULL, ja ? "yagura %s: 監視を開始しました" : "yagura %s: watching", r->f->version ? r->f->version : YG_VERSION);
	say(r, &label[0], "%s", !none ? r->f->config_file : ja ? "既定値" : "the defaults");
	if (c->all_internal)
		say(r, &label[1], ja ? "未設定: フローの両端を内部とみなします" : "none declared: both ends of every flow count as internal");
	else
		say(r, &label[1], ja ? "団体 %u、アドレス範囲 %u、サーバー %u" : "%u organisations, %u prefixes, %u servers", c->orgs_count,
		    c->prefixes_count, c->services_count);
}

static bool is_word_of(const char *word, size_t length, const char *name)
{
	const char *iface = memmem(word, length, "iface=", 6);
	if (strlen(name) == length && strncmp(word, name, length) == 0)
		return true;
	size_t rest = iface ? length - (size_t)(iface + 6 - word) : 0, n = strlen(name);
	return iface && rest >= n && strncmp(iface + 6, name, n) == 0 && (rest == n || iface[6 + n] == ',');
}

// How DPDK drives the port of that name: the driver that its PCI device wants, or that which capture.ports names.
static void driver_of(const struct report *r, const char *name, const struct yg_doctor_nic *nic, char *driver, size_t size)
{
	const char *at = yg_config_string(r->f->config, YG_O_CAPTURE_PORTS), *kind = name;
	snprintf(driver, size, "%s", nic && !nic->by_kernel && nic->pmd ? nic->pmd : "");
	if (driver[0])
		return;
	for (size_t n; *at; at += n) {
		at += strspn(at, " \t\n");
		n = strcspn(at, " \t\n");
		if (is_word_of(at, n, name))
			kind = at;
	}
	if (strncmp(kind, "net_", 4) != 0)
		kind = "net_af_packet";
	snprintf(driver, size, "%.*s", (int)strspn(kind, "abcdefghijklmnopqrstuvwxyz_"), kind);
}

static const struct yg_doctor_nic *nic_of(const struct report *r, const char *name)
{
	for (unsigned i = 0; i < r->d->nics_count; i++)
		if (strcmp(r->d->nics[i].address, name) == 0 || strcmp(r->d->nics[i].interface, name) == 0)
			return &r->d->nics[i];
	return NULL;
}

static void one_port(struct report *r, const struct label *label, const struct yg_port_stats *port)
{
	char name[sizeof port->name], driver[64], node[32] = "?";
	bool ja = r->f->japanese, up = yg_counter_get(&port->link_up);
	snprintf(name, sizeof name, "%.*s", (int)sizeof port->name - 1, port->name);
	const struct yg_doctor_nic *nic = nic_of(r, name);
	driver_of(r, name, nic, driver, sizeof driver);
	if (nic && nic->node >= 0)
		snprintf(node, sizeof node, "%" PRId64, nic->node);
	const char *kernel = nic && nic->driver[0] ? nic->driver : "";
	say(r, label, ja ? "%s: %s%s%s%s、受信キュー %" PRIu64 "、NUMAノード %s、%s" : "%s: %s%s%s%s, receive queues: %" PRIu64 ", NUMA node %s, %s", name,
	    driver, kernel[0] ? " (" : "", kernel, kernel[0] ? ")" : "", yg_counter_get(&port->queues), node,
	    up ? (ja ? "リンクあり" : "link") : (ja ? "リンクなし" : "NO LINK"));
}

static void ports(struct report *r)
{
	static const struct label label = {"port         ", "ポート       "};
	const struct yg_engine_stats *e = r->f->engine;
	uint64_t count = e ? yg_counter_get(&e->ports_count) : 0;
	if (count > YG_PORTS_MAX)
		count = YG_PORTS_MAX;
	if (!count)
		say(r, &label, r->f->japanese ? "%s（エンジンから未報告）" : "%s (the engine has not said)",
		    yg_config_string(r->f->config, YG_O_CAPTURE_PORTS));
	char rest[LINE_ROOM] = "";
	for (uint64_t i = 0; i < count; i++) {
		size_t n = strlen(rest);
		if (i < YG_STARTUP_PORTS)
			one_port(r, &label, &e->port[i]);
		else
			snprintf(rest + n, sizeof rest - n, "%s%.*s", n ? ", " : "", (int)sizeof e->port[i].name - 1, e->port[i].name);
	}
	if (rest[0])
		say(r, &label, r->f->japanese ? "ほか: %s" : "and %s", rest);
}

static void cores(struct report *r, const struct threads *t)
{
	static const struct label label[] = {{"workers      ", "ワーカー     "}, {"the others   ", "その他       "}};
	char list[256], other[256];
	bool ja = r->f->japanese;
	unsigned workers = r->d->needs.workers;
	const struct yg_cpu_set *where = t->known ? &t->workers : &r->d->named_cores;
	bool pinned = t->known ? t->pinned == t->workers_count : r->d->needs.cores[0];
	yg_cpu_set_text(where, list, sizeof list);
	if (pinned)
		say(r, &label[0], ja ? "%u、コア %s に1個ずつ固定" : "%u, pinned to cores %s", workers, list);
	else if (t->known)
		say(r, &label[0], ja ? "%u、固定なし（コア %s）" : "%u, not pinned (cores %s)", workers, list);
	else
		say(r, &label[0], ja ? "%u、固定なし" : "%u, not pinned", workers);
	yg_cpu_set_text(&t->aggregator, other, sizeof other);
	say(r, &label[1], ja ? "集約%s%s、解析プロセス %u、配送（固定なし）" : "aggregator%s%s, dissectors: %u, courier, not pinned",
	    other[0] ? ja ? " コア " : " on cores " : "", other, r->d->needs.dissectors);
}

static void memory(struct report *r, const struct threads *t)
{
	static const struct label label[] = {{"DPDK memory  ", "DPDKメモリー "}, {"flow table   ", "フロー表     "}};
	bool ja = r->f->japanese;
	const char *how;
	if (t->huge_kib > 0)
		how = ja ? "ヒュージページ使用" : "on hugepages";
	else if (t->huge_kib == 0 || r->d->needs.no_hugepages)
		how = ja ? "ヒュージページなし（低速）" : "without hugepages, which is slower";
	else
		how = ja ? "ヒュージページの使用は不明" : "whether on hugepages is not known";
	say(r, &label[0], ja ? "%u MiB、%s" : "%u MiB, %s", r->d->needs.memory_mib, how);
	uint64_t places = 1024, wanted = (uint64_t)yg_config_int(r->f->config, YG_O_FLOW_TABLE);
	while (places < wanted)
		places <<= 1;
	uint64_t mib = (yg_flow_memory(places) >> 20) + 1, more = (yg_worker_memory_more(places) >> 20) + 1;
	say(r, &label[1],
	    ja ? "%" PRIu64 " フロー、開始時に %" PRIu64 " MiB、使用に応じて最大 %" PRIu64 " MiB を追加"
	       : "%" PRIu64 " flows, %" PRIu64 " MiB from the start, at most %" PRIu64 " MiB more as used",
	    places, mib, more);
}

static void detectors(struct report *r)
{
	static const struct label label = {"detectors    ", "検知         "};
	const struct yg_config *c = r->f->config;
	char text[LINE_ROOM] = "";
	for (uint32_t i = 0; i < c->plugins_count; i++) {
		size_t n = strlen(text);
		snprintf(text + n, sizeof text - n, "%s%s %s", n ? ", " : "", c->plugins[i].name, c->plugins[i].enabled ? "alert" : "off");
	}
	say(r, &label, "%s", text[0] ? text : r->f->japanese ? "なし: アラートは出ません" : "none: there will be no alerts");
}

// ---- where it goes ----

static const struct yg_doctor_finding *finding(const struct report *r, const char *prefix, enum yg_doctor_state state)
{
	for (unsigned i = 0; i < r->d->findings_count; i++)
		if (r->d->findings[i].state == state && strncmp(r->d->findings[i].id, prefix, strlen(prefix)) == 0)
			return &r->d->findings[i];
	return NULL;
}

// Never the password.
static void redis(struct report *r)
{
	static const struct label label = {"Redis        ", "Redis        "};
	const char *text = r->d->needs.redis_url, *reason = "";
	const struct yg_doctor_finding *bad = finding(r, "redis.", YG_DOCTOR_BAD);
	struct yg_redis_url url;
	char where[400], said[512];
	bool ja = r->f->japanese;
	if (!text[0]) {
		say(r, &label, ja ? "なし" : "none");
		return;
	}
	if (yg_redis_url_parse(text, &url, &reason) < 0)
		snprintf(where, sizeof where, "?");
	else if (url.is_unix)
		snprintf(where, sizeof where, "%s", url.path);
	else if (url.is_sentinel)
		snprintf(where, sizeof where, "Sentinel %s:%u (%s)", url.sentinel[0].host, url.sentinel[0].port, url.primary);
	else
		snprintf(where, sizeof where, "%s:%u/%u", url.host, url.port, url.db);
	explicit_bzero(&url, sizeof url);
	if (bad && strcmp(bad->id, "redis.reachable") == 0)
		snprintf(said, sizeof said, ja ? "接続できません（%s）。アラートは接続を待ちます" : "away (%s); alerts wait for it", ja ? bad->ja : bad->en);
	else if (bad)
		snprintf(said, sizeof said, "%s", ja ? bad->ja : bad->en);
	else if (finding(r, "redis.", YG_DOCTOR_UNKNOWN))
		snprintf(said, sizeof said, "%s", ja ? "未確認" : "not asked");
	else
		snprintf(said, sizeof said, "%s", ja ? "書き込めます" : "takes alerts");
	say(r, &label, "%s: %s", where, said);
}

static void sinks(struct report *r)
{
	static const struct label label[] = {{"EVE file     ", "EVEファイル  "}, {"sockets      ", "ソケット     "}, {"also to      ", "その他出力先 "}};
	const char *lines = yg_config_string(r->f->config, YG_O_EVE_SOCKET), *syslog = yg_config_string(r->f->config, YG_O_SYSLOG_URL);
	bool ja = r->f->japanese, flows = yg_config_int(r->f->config, YG_O_EVE_FLOWS);
	const char *eve = r->d->needs.eve_file, *none = ja ? "なし" : "none";
	const char *control = r->f->control ? r->f->control : yg_config_string(r->f->config, YG_O_CONTROL_SOCKET);
	const char *metrics = r->f->metrics ? r->f->metrics : yg_config_string(r->f->config, YG_O_METRICS_LISTEN);
	if (!eve[0])
		say(r, &label[0], "%s", none);
	else
		say(r, &label[0], ja ? "%s（%s）" : "%s (%s)", eve, flows ? ja ? "アラートとフロー" : "alerts and flows" : ja ? "アラートのみ" : "alerts alone");
	redis(r);
	if (lines[0] || syslog[0])
		say(r, &label[2], "%s%s%s", lines, lines[0] && syslog[0] ? ja ? "、" : ", " : "", syslog);
	say(r, &label[1], ja ? "制御 %s、メトリクス %s" : "control %s, metrics %s", control[0] ? control : none,
	    metrics[0] ? metrics : none);
}

// ---- what is weaker than production ----

// Whether a failed check still says something once the engine runs: what it needed to start it has got.
static bool still_matters(const struct yg_doctor_finding *f, const struct threads *t)
{
	static const char *const over[] = {"memlock.limit", "config.file", "nic.pmd", "nic.found"};
	for (size_t i = 0; i < sizeof over / sizeof *over; i++)
		if (strcmp(f->id, over[i]) == 0)
			return false;
	if (f->state != YG_DOCTOR_BAD)
		return false;
	// The pages are not free because the engine has them.
	return strcmp(f->id, "hugepages.free") != 0 || t->huge_kib <= 0;
}

static void weak_point(struct report *r, const char *id, const char *subject, const char *text, const char *mend)
{
	say(r, NULL, "  ✖ %s%s%s: %s%s%s", id, subject[0] ? " " : "", subject, text, mend[0] ? " → " : "", mend);
}

static void weak_points(struct report *r, const struct threads *t)
{
	// What costs alerts or packets first, what costs speed behind it.
	static const char *const order[] = {"redis.", "disk.", "nic.port", "nic.link", "nic.offloads", "hugepages.", "cpu.cores", "cpu.", ""};
	const struct yg_doctor *d = r->d;
	bool ja = r->f->japanese, no_sink = !d->needs.eve_file[0] && !d->needs.redis_url[0];
	unsigned count = no_sink, left;
	for (unsigned i = 0; i < d->findings_count; i++)
		count += still_matters(&d->findings[i], t);
	if (!count) {
		say(r, NULL, ja ? "✔ 本番運用の条件を満たしています" : "✔ nothing here is weaker than production");
		return;
	}
	say(r, NULL, ja ? "本番運用より弱い点: %u" : "Weaker than production: %u", count);
	left = count;
	if (no_sink && left--)
		weak_point(r, "sink", "", ja ? "アラートの出力先がありません" : "alerts go nowhere",
		           "yagura.yaml:  eve: {file: /var/log/yagura/eve.json}");
	for (size_t o = 0; o < sizeof order / sizeof *order; o++) {
		for (unsigned i = 0; i < d->findings_count; i++) {
			const struct yg_doctor_finding *f = &d->findings[i];
			if (r->shown[i] || !still_matters(f, t) || strncmp(f->id, order[o], strlen(order[o])) != 0)
				continue;
			if (r->lines + 1 == YG_STARTUP_LINES) // the last one says how many there are besides
				break;
			r->shown[i] = true;
			left--;
			weak_point(r, f->id, f->subject, ja ? f->ja : f->en, f->mend);
		}
	}
	if (left)
		say(r, NULL, ja ? "  ほか %u 点。すべての診断: yagura doctor" : "  and %u more; all of it: yagura doctor", left);
	else
		say(r, NULL, ja ? "  すべての診断: yagura doctor" : "  all checks: yagura doctor");
}

void yg_startup_report(const struct yg_startup *facts, FILE *out)
{
	const char *root = facts->root ? facts->root : "/";
	struct report *r = calloc(1, sizeof *r);
	struct yg_doctor *d = calloc(1, sizeof *d);
	struct threads threads = {.huge_kib = -1};
	struct yg_tree tree;
	if (r && d) {
		struct yg_doctor_needs needs = yg_doctor_needs_of(facts->config);
		needs.workers = facts->workers ? facts->workers : needs.workers;
		needs.config_file = facts->config_file ? facts->config_file : "";
		needs.confined = true;
		if (needs.redis_timeout_ms > REDIS_PATIENCE_MS)
			needs.redis_timeout_ms = REDIS_PATIENCE_MS;
		*r = (struct report){.f = facts, .d = d, .out = out};
		if (yg_doctor_run(d, root, &needs) < 0)
			d->needs = needs; // then there are no findings
		if (yg_tree_open(&tree, root) == 0) {
			look_at_engine(r, &tree, &threads);
			yg_tree_close(&tree);
		}
		head(r);
		ports(r);
		cores(r, &threads);
		memory(r, &threads);
		detectors(r);
		sinks(r);
		weak_points(r, &threads);
		fflush(out);
	}
	free(d);
	free(r);
}
