// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Hugepages and the limit of locked memory, against what the configuration gives to DPDK (capture.memory).
#include "cli/doctor.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { SIZES_MAX = 8, MOUNTS_ROOM = 128 * 1024 };

// Kibibytes of a page by the name of its folder, 0 when it is none of the sizes that processors have.
static uint64_t page_kib(const char *name)
{
	char *end;
	if (strncmp(name, "hugepages-", 10) != 0 || name[10] < '1' || name[10] > '9')
		return 0;
	unsigned long long kib = strtoull(name + 10, &end, 10);
	return strcmp(end, "kB") == 0 && kib >= 64 && kib <= 16u << 20 ? kib : 0;
}

struct pages {
	uint64_t kib;
	int64_t total, free;
};

// The sizes in one folder of the kernel, 2 MiB pages first. The number, or negative errno.
static int read_pages(const struct yg_doctor *d, const char *folder, struct pages pages[SIZES_MAX])
{
	char names[SIZES_MAX][YG_DOCTOR_NAME];
	int listed = yg_tree_list(&d->tree, names, SIZES_MAX, "%s", folder), count = 0;
	for (int i = 0; i < listed; i++) {
		struct pages p = {.kib = page_kib(names[i])};
		if (!p.kib || yg_tree_number(&d->tree, &p.total, "%s/%s/nr_hugepages", folder, names[i]) < 0 ||
		    yg_tree_number(&d->tree, &p.free, "%s/%s/free_hugepages", folder, names[i]) < 0 || p.total < 0 || p.free < 0 ||
		    p.total > INT64_C(1) << 32 || p.free > p.total)
			continue;
		pages[count++] = p;
		if (p.kib == 2048 && count > 1) {
			pages[count - 1] = pages[0];
			pages[0] = p;
		}
	}
	return listed < 0 ? listed : count;
}

static void judge_pages(struct yg_doctor *d, const char *subject, const char *folder)
{
	struct pages pages[SIZES_MAX];
	char mend[640], sizes[160] = "";
	uint64_t free_kib = 0, wanted = d->needs.memory_mib;
	int count = read_pages(d, folder, pages);
	if (count <= 0) {
		yg_doctor_find(d, YG_DOCTOR_UNKNOWN, "hugepages.free", subject, "", "hugepages could not be read", "ヒュージページを確認できません");
		return;
	}
	for (int i = 0; i < count; i++) {
		free_kib += (uint64_t)pages[i].free * pages[i].kib;
		snprintf(sizes + strlen(sizes), sizeof sizes - strlen(sizes), "%s%" PRIu64 " MiB: %" PRId64 "/%" PRId64, i ? ", " : "",
		         pages[i].kib >> 10, pages[i].free, pages[i].total);
	}
	if (free_kib >> 10 >= wanted) {
		yg_doctor_find(d, YG_DOCTOR_OK, "hugepages.free", subject, "", "%" PRIu64 " MiB free, %" PRIu64 " wanted (free/all %s)",
		               "空き %" PRIu64 " MiB、必要 %" PRIu64 " MiB（空き/全体 %s）", free_kib >> 10, wanted, sizes);
		return;
	}
	uint64_t more = (wanted * 1024 - free_kib + pages[0].kib - 1) / pages[0].kib, goal = (uint64_t)pages[0].total + more;
	if (subject[0])
		snprintf(mend, sizeof mend, "echo %" PRIu64 " > /%s/hugepages-%" PRIu64 "kB/nr_hugepages", goal, folder, pages[0].kib);
	else if (pages[0].kib == 2048)
		snprintf(mend, sizeof mend, "echo vm.nr_hugepages=%" PRIu64 " > /etc/sysctl.d/80-yagura.conf && sysctl -p /etc/sysctl.d/80-yagura.conf",
		         goal);
	else
		snprintf(mend, sizeof mend, "echo %" PRIu64 " > /%s/hugepages-%" PRIu64 "kB/nr_hugepages", goal, folder, pages[0].kib);
	yg_doctor_find(d, YG_DOCTOR_BAD, "hugepages.free", subject, mend, "%" PRIu64 " MiB free, %" PRIu64 " wanted (free/all %s)",
	               "空き %" PRIu64 " MiB、必要 %" PRIu64 " MiB（空き/全体 %s）", free_kib >> 10, wanted, sizes);
}

static void mounts(struct yg_doctor *d)
{
	static char text[MOUNTS_ROOM];
	char where[96] = "";
	if (yg_tree_read(&d->tree, text, sizeof text, "proc/mounts") < 0) {
		yg_doctor_find(d, YG_DOCTOR_UNKNOWN, "hugepages.mount", "", "", "mounts could not be read", "マウントを確認できません");
		return;
	}
	for (char *line = text, *next; *line && !where[0]; line = next) {
		size_t length = strcspn(line, "\n");
		next = line + length + (line[length] == '\n');
		line[length] = '\0';
		char *save, *source = strtok_r(line, " ", &save), *folder = source ? strtok_r(NULL, " ", &save) : NULL;
		char *type = folder ? strtok_r(NULL, " ", &save) : NULL;
		if (type && strcmp(type, "hugetlbfs") == 0)
			snprintf(where, sizeof where, "%s", yg_doctor_plain(folder) ? folder : "?");
	}
	if (where[0])
		yg_doctor_find(d, YG_DOCTOR_OK, "hugepages.mount", "", "", "%s", "%s", where);
	else // EAL maps anonymous pages with --in-memory
		yg_doctor_find(d, YG_DOCTOR_OK, "hugepages.mount", "", "", "not mounted, and not needed", "マウントなし（不要です）");
}

static void locked(struct yg_doctor *d)
{
	static const char key[] = "Max locked memory";
	char text[4096];
	uint64_t wanted = d->needs.memory_mib, bytes = 0;
	const char *at = yg_tree_read(&d->tree, text, sizeof text, "proc/self/limits") < 0 ? NULL : strstr(text, key);
	at = at ? at + strlen(key) + strspn(at + strlen(key), " ") : "";
	bool endless = strncmp(at, "unlimited", 9) == 0;
	if (!endless && (*at < '0' || *at > '9')) {
		yg_doctor_find(d, YG_DOCTOR_UNKNOWN, "memlock.limit", "", "", "the limit of locked memory could not be read",
		               "ロック可能なメモリーの上限を確認できません");
		return;
	}
	if (!endless)
		bytes = strtoull(at, NULL, 10);
	if (endless)
		yg_doctor_find(d, YG_DOCTOR_OK, "memlock.limit", "", "", "unlimited", "無制限");
	else if (bytes >> 20 >= wanted)
		yg_doctor_find(d, YG_DOCTOR_OK, "memlock.limit", "", "", "%" PRIu64 " MiB, %" PRIu64 " wanted", "%" PRIu64 " MiB（必要 %" PRIu64 " MiB）",
		               bytes >> 20, wanted);
	else
		yg_doctor_find(d, YG_DOCTOR_BAD, "memlock.limit", "", "ulimit -l unlimited   # in a unit: LimitMEMLOCK=infinity",
		               "%" PRIu64 " MiB may be locked, %" PRIu64 " wanted", "ロックできるのは %" PRIu64 " MiB（必要 %" PRIu64 " MiB）", bytes >> 20,
		               wanted);
}

void yg_doctor_memory(struct yg_doctor *d)
{
	bool wanted[YG_DOCTOR_NODES_MAX] = {false};
	if (!yg_tree_has(&d->tree, "sys/kernel/mm/hugepages") && yg_tree_has(&d->tree, "sys/kernel/mm"))
		yg_doctor_find(d, YG_DOCTOR_BAD, "hugepages.sizes", "", "", "this kernel has no hugepages", "カーネルがヒュージページに対応していません");
	else
		yg_doctor_find(d, yg_tree_has(&d->tree, "sys/kernel/mm/hugepages/hugepages-2048kB") ? YG_DOCTOR_OK : YG_DOCTOR_UNKNOWN,
		               "hugepages.sizes", "", "", "2 MiB %s, 1 GiB %s", "2 MiB: %s、1 GiB: %s",
		               yg_tree_has(&d->tree, "sys/kernel/mm/hugepages/hugepages-2048kB") ? "✔" : "-",
		               yg_tree_has(&d->tree, "sys/kernel/mm/hugepages/hugepages-1048576kB") ? "✔" : "-");
	// Memory must lie where the NIC does its DMA and where its workers run.
	wanted[yg_doctor_home_node(d)] = true;
	for (unsigned i = 0; i < d->nics_count; i++)
		if (d->nics[i].ready && !d->nics[i].own && d->nics[i].node >= 0 && d->nics[i].node < YG_DOCTOR_NODES_MAX)
			wanted[d->nics[i].node] = true;
	for (unsigned node = 0; node < d->nodes && !d->needs.no_hugepages; node++) {
		char subject[32], folder[96];
		snprintf(subject, sizeof subject, "node%u", node);
		snprintf(folder, sizeof folder, "sys/devices/system/node/node%u/hugepages", node);
		if (d->nodes > 1 && wanted[node])
			judge_pages(d, subject, folder);
	}
	if (d->needs.no_hugepages)
		yg_doctor_find(d, YG_DOCTOR_OK, "hugepages.free", "", "", "not wanted (capture.hugepages: never)",
		               "使用しません（capture.hugepages: never）");
	else if (d->nodes == 1)
		judge_pages(d, "", "sys/kernel/mm/hugepages");
	mounts(d);
	locked(d);
}
