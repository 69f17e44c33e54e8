// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// NICs: first found, then judged one by one. Those that capture.ports names are judged for how it names them: a PCI address
// wants a driver of DPDK, an interface the kernel's. Where it names none, every Ethernet NIC on PCI counts that does not carry
// the machine's own traffic (a default route, also through a bond, bridge or VLAN); as soon as one of them is bound for DPDK,
// those that are not are taken to be the kernel's for good.
#include "cli/doctor.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	FUNCTIONS_MAX = 1024,
	ENTRIES_MAX = 16,
	DEVICE_ENTRIES_MAX = 128,
	ROUTES_ROOM = 64 * 1024,
	ROUTES_MAX = 8,
	MASTERS_MAX = 4,
	PORTS_MAX = 16,
};

struct own {
	char names[ROUTES_MAX][YG_DOCTOR_NAME]; // interfaces of default routes
	unsigned count;
};

static void add_own(struct own *own, const char *name)
{
	for (unsigned i = 0; i < own->count; i++)
		if (strcmp(own->names[i], name) == 0)
			return;
	if (own->count < ROUTES_MAX && strcmp(name, "lo") != 0)
		snprintf(own->names[own->count++], YG_DOCTOR_NAME, "%s", name);
}

// /proc/net/route: `eth0 00000000 gateway flags ... mask`; ipv6_route: destination, length first, the interface last.
static void read_routes(const struct yg_doctor *d, struct own *own)
{
	static char text[ROUTES_ROOM];
	for (int six = 0; six < 2; six++) {
		if (yg_tree_read(&d->tree, text, sizeof text, six ? "proc/net/ipv6_route" : "proc/net/route") < 0)
			continue;
		char *rest = text;
		for (char *line; (line = strsep(&rest, "\n"));) {
			char *fields[12], *save;
			int n = 0;
			for (char *f = strtok_r(line, " \t", &save); f && n < 12; f = strtok_r(NULL, " \t", &save))
				fields[n++] = f;
			if (!six && n >= 8 && strcmp(fields[1], "00000000") == 0 && strcmp(fields[7], "00000000") == 0)
				add_own(own, fields[0]);
			if (six && n == 10 && strcmp(fields[0], "00000000000000000000000000000000") == 0 && strcmp(fields[1], "00") == 0)
				add_own(own, fields[9]);
		}
	}
}

static bool carries_own(const struct yg_doctor *d, const struct own *own, const char *interface)
{
	char name[YG_DOCTOR_NAME], master[YG_DOCTOR_NAME];
	snprintf(name, sizeof name, "%s", interface);
	for (unsigned up = 0; name[0] && up < MASTERS_MAX; up++) {
		for (unsigned i = 0; i < own->count; i++)
			if (strcmp(own->names[i], name) == 0 || yg_tree_has(&d->tree, "sys/class/net/%s/lower_%s", own->names[i], name))
				return true;
		if (yg_tree_link(&d->tree, master, sizeof master, "sys/class/net/%s/master", name) < 0)
			return false;
		memcpy(name, master, sizeof name);
	}
	return false;
}

static bool is_address(const char *name)
{
	static const char shape[] = "xxxx:xx:xx.x";
	size_t i = 0;
	for (; shape[i] && name[i]; i++)
		if (shape[i] == 'x' ? !strchr("0123456789abcdef", name[i]) : name[i] != shape[i])
			return false;
	return !shape[i] && !name[i];
}

static bool read_hex(const struct yg_doctor *d, unsigned *ret_number, const char *address, const char *file)
{
	char word[32], *end;
	if (yg_tree_word(&d->tree, word, sizeof word, "sys/bus/pci/devices/%s/%s", address, file) < 0)
		return false;
	unsigned long number = strtoul(word, &end, 16);
	*ret_number = (unsigned)number;
	return end != word && !*end && number <= 0xffffff;
}

// Interfaces stand in <device>/net, or for virtio one folder further down. "" when the kernel has none.
static void find_interface(const struct yg_doctor *d, struct yg_doctor_nic *nic)
{
	static char names[DEVICE_ENTRIES_MAX][YG_DOCTOR_NAME];
	char inner[1][YG_DOCTOR_NAME];
	if (yg_tree_list(&d->tree, inner, 1, "sys/bus/pci/devices/%s/net", nic->address) == 1) {
		memcpy(nic->interface, inner[0], sizeof nic->interface);
		return;
	}
	int count = yg_tree_list(&d->tree, names, DEVICE_ENTRIES_MAX, "sys/bus/pci/devices/%s", nic->address);
	for (int i = 0; i < count && !nic->interface[0]; i++)
		if (strncmp(names[i], "virtio", 6) == 0 &&
		    yg_tree_list(&d->tree, inner, 1, "sys/bus/pci/devices/%s/%s/net", nic->address, names[i]) == 1)
			memcpy(nic->interface, inner[0], sizeof nic->interface);
}

static void survey_one(struct yg_doctor *d, const struct own *own, const char *address)
{
	struct yg_doctor_nic nic = {.node = -1};
	unsigned class;
	if (!read_hex(d, &class, address, "class") || class >> 8 != 0x0200)
		return;
	snprintf(nic.address, sizeof nic.address, "%s", address);
	if (!read_hex(d, &nic.vendor, address, "vendor") || !read_hex(d, &nic.device, address, "device"))
		nic.vendor = nic.device = 0;
	yg_tree_link(&d->tree, nic.driver, sizeof nic.driver, "sys/bus/pci/devices/%s/driver", address);
	yg_tree_link(&d->tree, nic.group, sizeof nic.group, "sys/bus/pci/devices/%s/iommu_group", address);
	if (yg_tree_number(&d->tree, &nic.node, "sys/bus/pci/devices/%s/numa_node", address) < 0 || nic.node < 0 ||
	    nic.node >= (int64_t)d->nodes)
		nic.node = d->nodes == 1 ? 0 : -1;
	find_interface(d, &nic);
	nic.pmd = yg_doctor_pmd(nic.vendor, nic.device, &nic.stays);
	nic.own = nic.interface[0] && carries_own(d, own, nic.interface);
	nic.ready = nic.stays ? strncmp(nic.driver, "mlx", 3) == 0 : strcmp(nic.driver, "vfio-pci") == 0;
	d->nics[d->nics_count++] = nic;
}

static struct yg_doctor_nic *nic_of(struct yg_doctor *d, const char *address, const char *interface)
{
	for (unsigned i = 0; i < d->nics_count; i++)
		if (address ? strcmp(d->nics[i].address, address) == 0 : strcmp(d->nics[i].interface, interface) == 0)
			return &d->nics[i];
	return NULL;
}

// One word of capture.ports. "" is left of the interface for a vdev that has none (net_pcap, net_ring).
static void name_port(struct yg_doctor *d, const char *word)
{
	unsigned domain = 0, bus, device, function;
	int used = 0;
	char address[32], interface[YG_DOCTOR_NAME] = "";
	struct yg_doctor_nic *nic = NULL;
	bool pci = (sscanf(word, "%4x:%2x:%2x.%1x%n", &domain, &bus, &device, &function, &used) == 4 && !word[used]) ||
	           (domain = 0, sscanf(word, "%2x:%2x.%1x%n", &bus, &device, &function, &used) == 3 && !word[used]);
	if (pci) {
		snprintf(address, sizeof address, "%04x:%02x:%02x.%x", domain, bus, device, function);
		nic = nic_of(d, address, NULL);
	} else {
		const char *iface = strncmp(word, "net_", 4) == 0 ? strstr(word, "iface=") : NULL;
		if (iface)
			snprintf(interface, sizeof interface, "%.*s", (int)strcspn(iface + 6, ","), iface + 6);
		else if (strncmp(word, "net_", 4) != 0)
			snprintf(interface, sizeof interface, "%s", word);
		if (!interface[0] || strchr(interface, '/') || interface[0] == '.')
			return;
		nic = nic_of(d, NULL, interface);
	}
	if (!nic && d->nics_count < YG_DOCTOR_NICS_MAX) {
		nic = &d->nics[d->nics_count++];
		*nic = (struct yg_doctor_nic){.node = d->nodes == 1 ? 0 : -1};
		snprintf(nic->address, sizeof nic->address, "%s", pci ? address : "");
		memcpy(nic->interface, interface, sizeof nic->interface);
	}
	if (nic) {
		nic->named = true;
		nic->by_kernel = !pci;
		nic->ready = nic->ready && pci;
	}
}

void yg_doctor_nic_survey(struct yg_doctor *d)
{
	static char names[FUNCTIONS_MAX][YG_DOCTOR_NAME];
	char ports[1024], *rest = ports;
	struct own own = {.count = 0};
	read_routes(d, &own);
	int count = yg_tree_list(&d->tree, names, FUNCTIONS_MAX, "sys/bus/pci/devices");
	for (int i = 0; i < count && d->nics_count < YG_DOCTOR_NICS_MAX - PORTS_MAX; i++)
		if (is_address(names[i]))
			survey_one(d, &own, names[i]);
	snprintf(ports, sizeof ports, "%s", d->needs.ports);
	for (char *word; (word = strsep(&rest, " \t\n"));)
		if (word[0])
			name_port(d, word);
}

unsigned yg_doctor_home_node(const struct yg_doctor *d)
{
	for (int rank = 3; rank >= 0; rank--)
		for (unsigned i = 0; i < d->nics_count; i++)
			if (2 * d->nics[i].named + d->nics[i].ready >= rank && (d->nics[i].named || !d->nics[i].own) && d->nics[i].node >= 0)
				return (unsigned)d->nics[i].node;
	return 0;
}

// Whether Debian's file of the PMD is there; `ret_abi` gets the number of DPDK's ABI, 0 when there is no DPDK at all.
static bool pmd_installed(const struct yg_doctor *d, const char *pmd, unsigned *ret_abi)
{
	static const char *const archs[] = {"x86_64-linux-gnu", "aarch64-linux-gnu"};
	char names[ENTRIES_MAX][YG_DOCTOR_NAME];
	*ret_abi = 0;
	for (size_t a = 0; a < sizeof archs / sizeof *archs; a++) {
		int count = yg_tree_list(&d->tree, names, ENTRIES_MAX, "usr/lib/%s/dpdk", archs[a]);
		for (int i = 0; i < count; i++) {
			if (strncmp(names[i], "pmds-", 5) != 0)
				continue;
			*ret_abi = (unsigned)strtoul(names[i] + 5, NULL, 10) % 1000;
			if (yg_tree_has(&d->tree, "usr/lib/%s/dpdk/%s/librte_%s.so.%u", archs[a], names[i], pmd, *ret_abi))
				return true;
		}
	}
	return false;
}

static void judge_pmd(struct yg_doctor *d, const struct yg_doctor_nic *nic)
{
	char mend[640], package[64];
	unsigned abi;
	if (!nic->pmd) {
		yg_doctor_find(d, YG_DOCTOR_BAD, "nic.pmd", nic->address, "",
		               "%04x:%04x: no driver of DPDK knows it; af_xdp or af_packet can use it",
		               "%04x:%04x: 対応するDPDKドライバーがありません（af_xdp、af_packet なら利用可）", nic->vendor, nic->device);
		return;
	}
	if (pmd_installed(d, nic->pmd, &abi)) {
		yg_doctor_find(d, YG_DOCTOR_OK, "nic.pmd", nic->address, "", "%04x:%04x, %s", "%04x:%04x、%s", nic->vendor, nic->device, nic->pmd);
		return;
	}
	size_t n = (size_t)snprintf(package, sizeof package, "librte-%s", nic->pmd);
	for (char *c = package; *c; c++)
		*c = *c == '_' ? '-' : *c;
	// Debian sets a hyphen where a name ends with a digit
	bool digit = package[n - 1] >= '0' && package[n - 1] <= '9';
	if (abi)
		snprintf(mend, sizeof mend, "apt-get install %s%s%u", package, digit ? "-" : "", abi);
	else
		snprintf(mend, sizeof mend, "apt-get install dpdk");
	yg_doctor_find(d, YG_DOCTOR_BAD, "nic.pmd", nic->address, mend, "%04x:%04x wants %s, which is not installed",
	               "%04x:%04x に必要な %s がインストールされていません", nic->vendor, nic->device, nic->pmd);
}

static void judge_driver(struct yg_doctor *d, const struct yg_doctor_nic *nic)
{
	char mend[640];
	if (nic->ready) {
		yg_doctor_find(d, YG_DOCTOR_OK, "nic.driver", nic->address, "", "%s%s%s", "%s%s%s", nic->driver, nic->group[0] ? ", IOMMU " : "",
		               nic->group);
		return;
	}
	const char *wanted = !nic->stays ? "vfio-pci" : strcmp(nic->pmd, "net_mlx4") == 0 ? "mlx4_core" : "mlx5_core";
	snprintf(mend, sizeof mend, "dpdk-devbind.py --bind=%s %s", wanted, nic->address);
	yg_doctor_find(d, YG_DOCTOR_BAD, "nic.driver", nic->address, mend, "bound to %s, not to %s", "ドライバーは %s（必要なのは %s）",
	               nic->driver[0] ? nic->driver : "-", wanted);
}

static void judge_node(struct yg_doctor *d, const struct yg_doctor_nic *nic)
{
	char mend[640] = "", list[128];
	if (nic->node < 0) {
		yg_doctor_find(d, YG_DOCTOR_UNKNOWN, "nic.numa", nic->address, "", "the machine does not say on which node it sits",
		               "NUMAノードが不明です");
		return;
	}
	bool named = d->needs.cores[0];
	const struct yg_cpu_set *used = named ? &d->named_cores : &d->isolated;
	struct yg_cpu_set near = yg_cpu_set_both(used, &d->nodes_cpus[nic->node]);
	unsigned workers = d->needs.workers;
	if (d->nodes == 1 || yg_cpu_set_count(used) < workers || yg_cpu_set_count(&near) >= workers) {
		yg_doctor_find(d, YG_DOCTOR_OK, "nic.numa", nic->address, "", "node %" PRId64 ", cores %s", "ノード %" PRId64 "、コア %s", nic->node,
		               yg_cpu_set_text(&d->nodes_cpus[nic->node], list, sizeof list));
		return;
	}
	unsigned left = workers;
	struct yg_cpu_set chosen = {0};
	for (unsigned cpu = YG_DOCTOR_CPUS_MAX - 1; cpu > 0 && left; cpu--)
		if (yg_cpu_set_has(&d->nodes_cpus[nic->node], cpu)) {
			yg_cpu_set_add(&chosen, cpu);
			left--;
		}
	yg_cpu_set_text(&chosen, list, sizeof list);
	snprintf(mend, sizeof mend,
	         named ? "yagura.yaml:  capture: {cores: \"%s\"}"
	               : "sed -i -E 's/(isolcpus|nohz_full|rcu_nocbs)=[^ \"]*/\\1=%s/g' /etc/default/grub && update-grub   # then reboot",
	         list);
	if (named)
		yg_doctor_find(d, YG_DOCTOR_BAD, "nic.numa", nic->address, mend, "node %" PRId64 ", but capture.cores names cores of another",
		               "ノード %" PRId64 " ですが、capture.cores は別のノードのコアです", nic->node);
	else
		yg_doctor_find(d, YG_DOCTOR_BAD, "nic.numa", nic->address, mend, "node %" PRId64 ", but the isolated cores are on another",
		               "ノード %" PRId64 " ですが、分離コアは別のノードにあります", nic->node);
}

// An interface stands for itself where there is no PCI address.
static const char *subject_of(const struct yg_doctor_nic *nic)
{
	return nic->address[0] ? nic->address : yg_doctor_plain(nic->interface) ? nic->interface : "?";
}

// 1: link, 0: none, -1: not known. `ret_up`: whether the interface is up at all; only then the kernel looks.
static int link_of(const struct yg_doctor *d, const struct yg_doctor_nic *nic, bool *ret_up)
{
	char word[32];
	int64_t carrier;
	*ret_up = true;
	if (!nic->interface[0] || yg_tree_word(&d->tree, word, sizeof word, "sys/class/net/%s/flags", nic->interface) < 0)
		return -1;
	*ret_up = strtoul(word, NULL, 16) & 1;
	if (!*ret_up)
		return 0;
	if (yg_tree_number(&d->tree, &carrier, "sys/class/net/%s/carrier", nic->interface) < 0)
		return -1;
	return carrier == 1;
}

static void judge_link(struct yg_doctor *d, const struct yg_doctor_nic *nic, bool another_has)
{
	char mend[640] = "";
	bool up;
	int64_t speed = 0;
	int link = link_of(d, nic, &up);
	if (link < 0) {
		yg_doctor_find(d, YG_DOCTOR_UNKNOWN, "nic.link", subject_of(nic), "", "no interface of the kernel tells about its link",
		               "リンク状態はカーネルから確認できません");
		return;
	}
	if (link) {
		if (yg_tree_number(&d->tree, &speed, "sys/class/net/%s/speed", nic->interface) < 0 || speed < 0)
			speed = 0;
		yg_doctor_find(d, YG_DOCTOR_OK, "nic.link", subject_of(nic), "", "%s, %" PRId64 " Mbit/s%s", "%s、%" PRId64 " Mbit/s%s",
		               yg_doctor_plain(nic->interface) ? nic->interface : "?", speed, speed ? "" : " (?)");
		return;
	}
	if (!up && yg_doctor_plain(nic->interface))
		snprintf(mend, sizeof mend, "ip link set dev %s up", nic->interface);
	if (another_has)
		yg_doctor_find(d, YG_DOCTOR_UNKNOWN, "nic.link", subject_of(nic), mend, "no link; fine if nothing is to be captured here",
		               "リンクなし（ここでキャプチャーしないなら問題ありません）");
	else if (!up)
		yg_doctor_find(d, YG_DOCTOR_BAD, "nic.link", subject_of(nic), mend, "the interface is down", "インターフェースが停止しています");
	else
		yg_doctor_find(d, YG_DOCTOR_BAD, "nic.link", subject_of(nic), "", "no link: cable, module or the switch's mirror port",
		               "リンクなし: ケーブル、モジュール、スイッチのミラーポートを確認");
}

static void judge_offloads(struct yg_doctor *d, const struct yg_doctor_nic *nic)
{
	char mend[640] = "";
	bool gro, lro, plain = yg_doctor_plain(nic->interface);
	if (!nic->interface[0])
		return;
	if (yg_fact_offloads(d, nic->interface, &gro, &lro) < 0) {
		yg_doctor_find(d, YG_DOCTOR_UNKNOWN, "nic.offloads", subject_of(nic), "", "GRO and LRO of %s could not be read",
		               "%s のGRO・LROを確認できません", plain ? nic->interface : "?");
	} else if (gro || lro) {
		if (plain)
			snprintf(mend, sizeof mend, "ethtool -K %s gro off lro off", nic->interface);
		yg_doctor_find(d, YG_DOCTOR_BAD, "nic.offloads", subject_of(nic), mend, "%s merges packets before they are captured:%s%s",
		               "%s が受信前にパケットを結合します:%s%s", plain ? nic->interface : "?", gro ? " GRO" : "", lro ? " LRO" : "");
	} else {
		yg_doctor_find(d, YG_DOCTOR_OK, "nic.offloads", subject_of(nic), "", "GRO and LRO of %s are off", "%s のGRO・LROはオフ",
		               plain ? nic->interface : "?");
	}
}

// A NIC that capture.ports names.
static void judge_named(struct yg_doctor *d, const struct yg_doctor_nic *nic)
{
	bool there = nic->address[0] ? nic->vendor != 0 : yg_tree_has(&d->tree, "sys/class/net/%s", nic->interface);
	if (!there) {
		yg_doctor_find(d, YG_DOCTOR_BAD, "nic.port", subject_of(nic), nic->by_kernel ? "ip link   # then correct capture.ports"
		               : "dpdk-devbind.py --status-dev net   # then correct capture.ports",
		               "named in capture.ports, and not there", "capture.ports にありますが、見つかりません");
		return;
	}
	if (nic->own && !nic->by_kernel) {
		yg_doctor_find(d, YG_DOCTOR_BAD, "nic.port", nic->address, "ip route   # then correct capture.ports",
		               "named in capture.ports, but it carries this machine's own traffic",
		               "capture.ports にありますが、この機器自身の通信用です");
		return;
	}
	yg_doctor_find(d, YG_DOCTOR_OK, "nic.port", subject_of(nic), "", "%s", "%s",
	               nic->by_kernel ? nic->driver[0] ? nic->driver : "af_packet" : "DPDK");
	if (!nic->by_kernel) {
		judge_pmd(d, nic);
		if (nic->pmd)
			judge_driver(d, nic);
	}
	if (nic->address[0])
		judge_node(d, nic);
	judge_link(d, nic, false);
	if (!nic->ready)
		judge_offloads(d, nic);
}

static void judge(struct yg_doctor *d, const struct yg_doctor_nic *nic, bool any_ready, unsigned links)
{
	bool up;
	if (nic->named) {
		judge_named(d, nic);
		return;
	}
	if (nic->own) {
		yg_doctor_find(d, YG_DOCTOR_OK, "nic.own", nic->address, "", "%s carries this machine's own traffic; left alone",
		               "%s はこの機器自身の通信用です（対象外）", yg_doctor_plain(nic->interface) ? nic->interface : "?");
		return;
	}
	if (d->needs.ports[0]) {
		yg_doctor_find(d, YG_DOCTOR_OK, "nic.kernel", nic->address, "", "not in capture.ports (%s)", "capture.ports にありません（%s）",
		               nic->driver[0] ? nic->driver : "-");
		return;
	}
	if (any_ready && !nic->ready) {
		yg_doctor_find(d, YG_DOCTOR_OK, "nic.kernel", nic->address, "", "left to the kernel (%s); another NIC is bound for DPDK",
		               "カーネルが使用（%s）。DPDK用のNICは別にあります", nic->driver[0] ? nic->driver : "-");
		return;
	}
	judge_pmd(d, nic);
	if (nic->pmd)
		judge_driver(d, nic);
	judge_node(d, nic);
	judge_link(d, nic, links > (link_of(d, nic, &up) == 1));
	if (!nic->ready)
		judge_offloads(d, nic);
}

void yg_doctor_nics(struct yg_doctor *d)
{
	unsigned found = 0, others = 0, links = 0;
	bool any_ready = false, up;
	for (unsigned i = 0; i < d->nics_count; i++) {
		found += d->nics[i].vendor != 0;
		others += d->nics[i].vendor && !d->nics[i].own;
		any_ready = any_ready || (d->nics[i].ready && !d->nics[i].own);
		links += !d->nics[i].own && link_of(d, &d->nics[i], &up) == 1;
	}
	if (!yg_tree_has(&d->tree, "sys/bus/pci/devices"))
		yg_doctor_find(d, YG_DOCTOR_UNKNOWN, "nic.found", "", "", "PCI devices could not be read", "PCIデバイスを確認できません");
	else if (!others && !d->needs.ports[0])
		yg_doctor_find(d, YG_DOCTOR_BAD, "nic.found", "", "",
		               "Ethernet NICs on PCI: %u, and none that is free; the mirror port needs one of its own",
		               "PCIのEthernet NIC: %u。空きがありません。ミラーポート専用のNICが必要です", found);
	else
		yg_doctor_find(d, YG_DOCTOR_OK, "nic.found", "", "", "Ethernet NICs on PCI: %u%s; free to capture with: %u",
		               "PCIのEthernet NIC: %u%s。キャプチャーに使えるもの: %u", found,
		               found >= YG_DOCTOR_NICS_MAX - PORTS_MAX ? "+" : "", others);
	for (unsigned i = 0; i < d->nics_count; i++)
		judge(d, &d->nics[i], any_ready, links);
}
