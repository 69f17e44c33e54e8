// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See ethdev.h. EAL is told everything by arguments that are made here from the configuration: the only cores are the workers' and the
// main one, nothing is shared with other processes (--in-memory), addresses are virtual (IOVA as VA), only the ports that were named are
// probed.
#include "engine/ethdev.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sysexits.h>
#include <unistd.h>

#include <linux/if_packet.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_mempool.h>
#include <rte_mbuf.h>

#include "base/log.h"

enum {
	ARGUMENTS_MAX = 64,
	ARGUMENT_SIZE = 512,
	RSS_KEY_MAX = 64,
	MBUF_CACHE = 256,
	IN_FLIGHT = 1024, // mbufs that a worker may hold besides its descriptors
	SOCKETS_MAX = 64,
	JUMBO_MTU = 9000,
};

struct port {
	uint16_t id, queues;
	char name[RTE_ETH_NAME_MAX_LEN];
	char interface[64]; // of net_af_packet and net_af_xdp; empty: none
	bool af_packet;
	bool pairs; // its queues come in pairs, one to send for each to receive
};

struct yg_ethdev {
	struct port ports[YG_PORTS_MAX];
	unsigned ports_count, workers;
	bool software;
	struct rte_mempool *pool;
	struct yg_queue queues[YG_WORKERS_MAX][YG_PORTS_MAX];
	unsigned queues_count[YG_WORKERS_MAX];
	struct { int fd; unsigned port; } sockets[SOCKETS_MAX]; // AF_PACKET sockets of the drivers: the kernel counts there what it dropped
	unsigned sockets_count;
	uint64_t kernel_drops[YG_PORTS_MAX];
	struct rte_eth_stats before[YG_PORTS_MAX]; // what earlier engines counted of these ports
	bool begun;
};

struct arguments {
	char text[ARGUMENTS_MAX][ARGUMENT_SIZE];
	char *argv[ARGUMENTS_MAX + 1];
	int count;
	bool pci, full;
};

__attribute__((format(printf, 2, 3))) static void add(struct arguments *a, const char *format, ...)
{
	va_list list;
	if (a->count == ARGUMENTS_MAX) {
		a->full = true;
		return;
	}
	va_start(list, format);
	int n = vsnprintf(a->text[a->count], ARGUMENT_SIZE, format, list);
	va_end(list);
	a->full |= n < 0 || n >= ARGUMENT_SIZE;
	a->argv[a->count] = a->text[a->count];
	a->count++;
}

// ---- what is named ----

static bool is_pci(const char *name)
{
	unsigned domain, bus, device, function;
	int used = 0;
	if (sscanf(name, "%4x:%2x:%2x.%1x%n", &domain, &bus, &device, &function, &used) == 4 && !name[used])
		return true;
	return sscanf(name, "%2x:%2x.%1x%n", &bus, &device, &function, &used) == 3 && !name[used];
}

static bool is_interface(const char *name)
{
	char path[128];
	if (strchr(name, '/') || name[0] == '.')
		return false;
	int n = snprintf(path, sizeof path, "/sys/class/net/%s", name);
	return n > 0 && (size_t)n < sizeof path && access(path, F_OK) == 0;
}

// One port as an argument of EAL. False when it is none that we know.
static bool add_port(struct arguments *a, const char *name, unsigned number, unsigned workers, const struct yg_config *config)
{
	if (is_pci(name)) {
		a->pci = true;
		add(a, "--allow=%s", name);
	} else if (strncmp(name, "net_", 4) == 0) {
		add(a, "--vdev=%s", name);
	} else if (is_interface(name)) {
		// A block holds whole frames: 64 KiB blocks waste nothing with frames of 2 or 16 KiB, and are one allocation of the kernel each.
		// What is longer than a frame is cut, and its length with it.
		int64_t descriptors = yg_config_int(config, YG_O_CAPTURE_DESCRIPTORS);
		int frame = yg_config_int(config, YG_O_CAPTURE_JUMBO) ? 16384 : 2048;
		add(a, "--vdev=net_af_packet%u,iface=%s,qpairs=%u,framesz=%d,blocksz=65536,framecnt=%lld,qdisc_bypass=1", number, name,
		    workers, frame, (long long)(descriptors + 31) / 32 * 32);
	} else {
		return false;
	}
	return true;
}

static int add_ports(struct arguments *a, const struct yg_config *config, unsigned workers, char *error, size_t error_size)
{
	char list[1024], *save, *name;
	unsigned number = 0;
	snprintf(list, sizeof list, "%s", yg_config_string(config, YG_O_CAPTURE_PORTS));
	for (name = strtok_r(list, " \t\n", &save); name; name = strtok_r(NULL, " \t\n", &save)) {
		if (number == YG_PORTS_MAX) {
			snprintf(error, error_size, "capture.ports: more than %d ports", YG_PORTS_MAX);
			return EX_CONFIG;
		}
		if (!add_port(a, name, number++, workers, config)) {
			snprintf(error, error_size,
				 "capture.ports: %s: no interface of that name, no PCI address and no vdev of DPDK (net_…); "
				 "`ip link` lists the interfaces, `dpdk-devbind.py --status-dev net` the cards",
				 name);
			return EX_NOINPUT;
		}
	}
	if (number)
		return 0;
	snprintf(error, error_size, "capture.ports: no port is named; a live run needs one, for example `yagura run --port eth1`");
	return EX_CONFIG;
}

// ---- EAL ----

// Free huge pages of the size that EAL takes by default, in bytes.
static uint64_t hugepages_free(void)
{
	static const char *const paths[] = {"/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages",
					    "/sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages"};
	static const uint64_t sizes[] = {UINT64_C(2) << 20, UINT64_C(1) << 30};
	uint64_t bytes = 0;
	for (unsigned i = 0; i < 2; i++) {
		unsigned long long n = 0;
		FILE *file = fopen(paths[i], "re");
		if (file && fscanf(file, "%llu", &n) == 1)
			bytes += n * sizes[i];
		if (file)
			fclose(file);
	}
	return bytes;
}

static int add_memory(struct arguments *a, const struct yg_config *config, char *error, size_t error_size)
{
	enum { AUTO, ALWAYS, NEVER };
	int64_t mode = yg_config_int(config, YG_O_CAPTURE_HUGEPAGES);
	uint64_t wanted = (uint64_t)yg_config_int(config, YG_O_CAPTURE_MEMORY), free = hugepages_free();
	if (mode == ALWAYS && free < wanted) {
		snprintf(error, error_size,
			 "%llu MiB of free hugepages, %llu MiB are wanted (capture.memory); `echo %llu > /proc/sys/vm/nr_hugepages` makes "
			 "them, a line vm.nr_hugepages=%llu in /etc/sysctl.d keeps them",
			 (unsigned long long)(free >> 20), (unsigned long long)(wanted >> 20), (unsigned long long)(wanted >> 21) + 8,
			 (unsigned long long)(wanted >> 21) + 8);
		return EX_UNAVAILABLE;
	}
	if (mode == NEVER || free < wanted) {
		if (mode == AUTO)
			yg_warn("%llu MiB of free hugepages where %llu MiB are wanted: running without, which is slower",
				(unsigned long long)(free >> 20), (unsigned long long)(wanted >> 20));
		add(a, "--no-huge");
		add(a, "--no-shconf");
	} else {
		add(a, "--in-memory");
	}
	add(a, "-m");
	add(a, "%llu", (unsigned long long)(wanted >> 20));
	return 0;
}

// Worker i on lcore i + 1. With a list of cores each gets its own; without, they share what the process may use.
static int add_lcores(struct arguments *a, const struct yg_config *config, unsigned workers, char *error, size_t error_size)
{
	const char *list = yg_config_string(config, YG_O_CAPTURE_CORES);
	char map[ARGUMENT_SIZE];
	unsigned core = 0, first, last, placed = 0;
	size_t used = 0;
	int n;
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	used += (size_t)snprintf(map, sizeof map, "0@(0-%ld)", online - 1);
	for (const char *p = list; *p && placed < workers; p += *p == ',') {
		if (sscanf(p, "%u-%u%n", &first, &last, &n) != 2) {
			if (sscanf(p, "%u%n", &first, &n) != 1)
				break;
			last = first;
		}
		p += n;
		for (core = first; core <= last && placed < workers && used < sizeof map; core++) {
			if ((long)core >= online) {
				snprintf(error, error_size, "capture.cores: %s: this machine has %ld cores, 0 to %ld; name those that `lscpu -e` lists", list,
					 online, online - 1);
				return EX_CONFIG;
			}
			used += (size_t)snprintf(map + used, sizeof map - used, ",%u@%u", ++placed, core);
		}
	}
	if (list[0] && placed < workers) {
		snprintf(error, error_size, "capture.cores: %s: %u workers want a core each (engine.workers), %u are named", list, workers, placed);
		return EX_CONFIG;
	}
	for (; placed < workers && used < sizeof map; placed++)
		used += (size_t)snprintf(map + used, sizeof map - used, ",%u@(0-%ld)", placed + 1, online - 1);
	add(a, "--lcores=%s", map);
	add(a, "--main-lcore=0");
	return 0;
}

int yg_eal_start(const struct yg_config *config, unsigned workers, char *error, size_t error_size)
{
	static struct arguments a; // EAL keeps pointers to what it is given
	add(&a, "yagura-engine");
	int status = add_memory(&a, config, error, error_size);
	if (!status)
		status = add_lcores(&a, config, workers, error, error_size);
	if (!status)
		status = add_ports(&a, config, workers, error, error_size);
	if (status)
		return status;
	if (!a.pci)
		add(&a, "--no-pci");
	if (!yg_config_int(config, YG_O_CAPTURE_TELEMETRY))
		add(&a, "--no-telemetry");
	add(&a, "--iova-mode=va");
	add(&a, "--log-level=*:warning");
	add(&a, "--log-level=lib.eal:error"); // it speaks of every size of huge page that there is none of
	if (a.full) {
		snprintf(error, error_size, "capture.ports: too long");
		return EX_CONFIG;
	}
	// Else a user's EAL puts files of its own into /tmp, where anybody could have been before it.
	if (getuid() && access("/run/yagura", W_OK) == 0)
		setenv("XDG_RUNTIME_DIR", "/run/yagura", 1);
	if (rte_eal_init(a.count, a.argv) >= 0)
		return 0;
	snprintf(error, error_size, "DPDK did not start: %s; `yagura doctor` looks for the reason", rte_strerror(rte_errno));
	return EX_UNAVAILABLE;
}

// ---- ports ----

// The interface behind a vdev, from its arguments: its name stays the only way to its drops and to see that it has gone.
static void find_interface(struct port *port, const struct yg_config *config)
{
	char list[1024], *save, *name;
	unsigned number = 0;
	snprintf(list, sizeof list, "%s", yg_config_string(config, YG_O_CAPTURE_PORTS));
	for (name = strtok_r(list, " \t\n", &save); name; name = strtok_r(NULL, " \t\n", &save), number++) {
		char made[64];
		size_t length = strcspn(name, ",");
		const char *iface = strstr(name, "iface=");
		snprintf(made, sizeof made, "net_af_packet%u", number);
		if (is_interface(name) && strcmp(made, port->name) == 0)
			snprintf(port->interface, sizeof port->interface, "%s", name);
		else if (strlen(port->name) == length && strncmp(name, port->name, length) == 0 && iface)
			snprintf(port->interface, sizeof port->interface, "%.*s", (int)strcspn(iface + 6, ","), iface + 6);
	}
}

// A key that hashes both directions alike (two bytes, repeated: Woo and Park, "Scalable TCP session monitoring with symmetric receive-side
// scaling", 2012), and that nobody outside knows.
static void random_key(uint8_t key[RSS_KEY_MAX])
{
	uint8_t pair[2] = {0x6d, 0x5a};
	if (getrandom(pair, sizeof pair, 0) != sizeof pair)
		yg_warn("no random bytes for the RSS key; the well-known one is used");
	for (unsigned i = 0; i < RSS_KEY_MAX; i++)
		key[i] = pair[i & 1];
}

// A driver that names no greatest MTU may still have a greatest frame (net_af_packet), and refuses what is beyond it.
static uint32_t mtu_of(const struct rte_eth_dev_info *info)
{
	uint32_t most = info->max_mtu < JUMBO_MTU ? info->max_mtu : JUMBO_MTU, frame = info->max_rx_pktlen;
	if (info->max_mtu == UINT16_MAX && frame > RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN)
		frame -= RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN;
	return frame && frame < most ? frame : most;
}

static int start_port(struct yg_ethdev *e, struct port *port, const struct yg_config *config, char *error, size_t error_size)
{
	static uint8_t key[RSS_KEY_MAX];
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf = {0};
	const char *doing = "ask about";
	int result = rte_eth_dev_info_get(port->id, &info);
	if (result)
		goto failed;
	port->queues = (uint16_t)(e->workers < info.max_rx_queues ? e->workers : info.max_rx_queues);
	uint64_t spread = info.flow_type_rss_offloads & (RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_FRAG_IPV4 | RTE_ETH_RSS_FRAG_IPV6);
	bool software = yg_config_int(config, YG_O_CAPTURE_SPREAD) == 1;
	// A card that cannot spread by addresses alone gives us one queue, and we spread ourselves; so does AF_PACKET, whose fan-out is by ports.
	if (e->workers > 1 && (!spread || port->af_packet || software)) {
		e->software = true;
		if (!port->af_packet)
			port->queues = 1;
	} else if (e->workers > 1) {
		random_key(key);
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf = spread;
		conf.rx_adv_conf.rss_conf.rss_key = info.hash_key_size && info.hash_key_size <= RSS_KEY_MAX ? key : NULL;
		conf.rx_adv_conf.rss_conf.rss_key_len = conf.rx_adv_conf.rss_conf.rss_key ? info.hash_key_size : 0;
	}
	if (yg_config_int(config, YG_O_CAPTURE_JUMBO)) {
		conf.rxmode.mtu = mtu_of(&info);
		conf.rxmode.offloads |= info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
	}
	doing = "configure";
	result = rte_eth_dev_configure(port->id, port->queues, port->pairs ? port->queues : 0, &conf);
	if (result)
		goto failed;
	uint16_t receive = (uint16_t)yg_config_int(config, YG_O_CAPTURE_DESCRIPTORS), send = 64;
	rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &receive, &send);
	doing = "set up a queue of";
	for (uint16_t q = 0; q < port->queues && !result; q++) {
		result = rte_eth_rx_queue_setup(port->id, q, receive, (unsigned)rte_eth_dev_socket_id(port->id), NULL, e->pool);
		if (!result && port->pairs)
			result = rte_eth_tx_queue_setup(port->id, q, send, SOCKET_ID_ANY, NULL);
	}
	if (result)
		goto failed;
	doing = "start";
	result = rte_eth_dev_start(port->id);
	if (!result && !port->af_packet && yg_config_int(config, YG_O_CAPTURE_PROMISCUOUS))
		rte_eth_promiscuous_enable(port->id); // some vdevs have no such mode, and need none
	if (!result)
		return 0;
failed:
	snprintf(error, error_size, "%s: cannot %s the port: %s", port->name, doing, rte_strerror(-result));
	return result;
}

static void share_queues(struct yg_ethdev *e)
{
	for (unsigned p = 0; p < e->ports_count; p++) {
		for (uint16_t q = 0; q < e->ports[p].queues; q++) {
			unsigned w = q % e->workers;
			e->queues[w][e->queues_count[w]++] = (struct yg_queue){e->ports[p].id, q};
		}
	}
}

// Read, not asked for by if_nametoindex: that wants a socket of a kind that a service may not have.
static int interface_index(const char *name)
{
	char path[128];
	int index = -1;
	int n = snprintf(path, sizeof path, "/sys/class/net/%s/ifindex", name);
	FILE *file = n > 0 && (size_t)n < sizeof path ? fopen(path, "re") : NULL;
	if (file && fscanf(file, "%d", &index) != 1)
		index = -1;
	if (file)
		fclose(file);
	return index;
}

// The packet sockets that the drivers have opened in this process. That they hear everything is asked of the socket itself: the driver
// would set a flag of the interface, which takes a right that opening the socket does not.
static void find_sockets(struct yg_ethdev *e, bool promiscuous)
{
	DIR *folder = opendir("/proc/self/fd");
	if (!folder)
		return;
	for (struct dirent *entry; (entry = readdir(folder)) && e->sockets_count < SOCKETS_MAX;) {
		struct sockaddr_ll at = {0};
		int domain, fd = isdigit((unsigned char)entry->d_name[0]) ? (int)strtol(entry->d_name, NULL, 10) : -1;
		socklen_t size = sizeof domain;
		if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) || domain != AF_PACKET)
			continue;
		size = sizeof at;
		if (getsockname(fd, (struct sockaddr *)&at, &size))
			continue;
		for (unsigned i = 0; i < e->ports_count; i++) {
			if (e->ports[i].interface[0] && interface_index(e->ports[i].interface) == at.sll_ifindex) {
				e->sockets[e->sockets_count].fd = fd;
				e->sockets[e->sockets_count++].port = i;
				struct packet_mreq all = {.mr_ifindex = at.sll_ifindex, .mr_type = PACKET_MR_PROMISC};
				if (promiscuous && setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all))
					yg_warn("%s: not promiscuous: %s", e->ports[i].interface, strerror(errno));
				break;
			}
		}
	}
	closedir(folder);
}

static struct rte_mempool *make_pool(const struct yg_config *config, unsigned ports, unsigned workers)
{
	uint64_t n = (uint64_t)yg_config_int(config, YG_O_CAPTURE_DESCRIPTORS) * ports * workers + IN_FLIGHT * workers;
	unsigned power = 1024;
	if (yg_config_int(config, YG_O_CAPTURE_BUFFERS))
		n = (uint64_t)yg_config_int(config, YG_O_CAPTURE_BUFFERS);
	while (power < n)
		power <<= 1;
	uint16_t size = (uint16_t)yg_config_int(config, YG_O_CAPTURE_BUFFER_SIZE);
	return rte_pktmbuf_pool_create("yagura", power - 1, MBUF_CACHE, 0, (uint16_t)(RTE_PKTMBUF_HEADROOM + size), SOCKET_ID_ANY);
}

struct yg_ethdev *yg_ethdev_open(const struct yg_config *config, unsigned workers, char *error, size_t error_size)
{
	struct yg_ethdev *e = calloc(1, sizeof *e);
	uint16_t id;
	snprintf(error, error_size, "no memory for the ports");
	if (!e)
		return NULL;
	e->workers = workers;
	e->pool = make_pool(config, rte_eth_dev_count_avail(), workers);
	if (!e->pool) {
		snprintf(error, error_size, "no memory for packet buffers: %s; capture.memory or capture.descriptors sets how much",
			 rte_strerror(rte_errno));
		goto failed;
	}
	RTE_ETH_FOREACH_DEV(id)
	{
		if (e->ports_count == YG_PORTS_MAX)
			break;
		struct port *port = &e->ports[e->ports_count];
		port->id = id;
		rte_eth_dev_get_name_by_port(id, port->name);
		port->af_packet = strncmp(port->name, "net_af_packet", 13) == 0;
		port->pairs = port->af_packet || strncmp(port->name, "net_af_xdp", 10) == 0;
		find_interface(port, config);
		if (start_port(e, port, config, error, error_size))
			goto failed;
		e->ports_count++;
	}
	if (!e->ports_count) {
		snprintf(error, error_size, "none of capture.ports is a port that DPDK can use: an interface wants the right to open packet "
					    "sockets (root, or CAP_NET_RAW); a card must be bound to vfio-pci (`dpdk-devbind.py --bind=vfio-pci "
					    "ADDRESS`) unless its driver shares it");
		goto failed;
	}
	share_queues(e);
	find_sockets(e, yg_config_int(config, YG_O_CAPTURE_PROMISCUOUS));
	return e;
failed:
	yg_ethdev_close(e);
	return NULL;
}

void yg_ethdev_close(struct yg_ethdev *e)
{
	if (!e)
		return;
	for (unsigned i = 0; i < e->ports_count; i++) {
		rte_eth_dev_stop(e->ports[i].id);
		rte_eth_dev_close(e->ports[i].id);
	}
	rte_mempool_free(e->pool);
	free(e);
}

const struct yg_queue *yg_ethdev_queues(const struct yg_ethdev *e, unsigned worker, unsigned *ret_count)
{
	*ret_count = e->queues_count[worker];
	return e->queues[worker];
}

bool yg_ethdev_software(const struct yg_ethdev *e)
{
	return e->software;
}

// ---- what they counted ----

// The kernel forgets what it counted when it is asked, so it is summed up here. DPDK 22.11's driver never asks.
static void ask_kernel(struct yg_ethdev *e)
{
	for (unsigned i = 0; i < e->sockets_count; i++) {
		struct tpacket_stats counted;
		socklen_t size = sizeof counted;
		if (getsockopt(e->sockets[i].fd, SOL_PACKET, PACKET_STATISTICS, &counted, &size) == 0)
			e->kernel_drops[e->sockets[i].port] += counted.tp_drops;
	}
}

// A driver counts from its start on, the statistics from that of the first engine.
static void take_before(struct yg_ethdev *e, const struct yg_engine_stats *stats)
{
	for (unsigned i = 0; i < e->ports_count; i++) {
		const struct yg_port_stats *p = &stats->port[i];
		e->before[i] = (struct rte_eth_stats){
			.ipackets = yg_counter_get(&p->packets),
			.ibytes = yg_counter_get(&p->bytes),
			.imissed = yg_counter_get(&p->missed),
			.ierrors = yg_counter_get(&p->errors),
			.rx_nombuf = yg_counter_get(&p->nombuf),
		};
		e->kernel_drops[i] = yg_counter_get(&p->kernel_drops);
	}
	e->begun = true;
}

static bool has_socket(const struct yg_ethdev *e, unsigned port)
{
	bool found = false;
	for (unsigned i = 0; i < e->sockets_count; i++)
		found = found || e->sockets[i].port == port;
	return found;
}

void yg_ethdev_stats(struct yg_ethdev *e, struct yg_engine_stats *stats)
{
	if (!e->begun)
		take_before(e, stats);
	ask_kernel(e);
	for (unsigned i = 0; i < e->ports_count; i++) {
		struct yg_port_stats *to = &stats->port[i];
		const struct rte_eth_stats *before = &e->before[i];
		struct rte_eth_stats s;
		struct rte_eth_link link = {0};
		yg_counter_set(&to->kernel_drops, e->kernel_drops[i]);
		yg_counter_set(&to->kernel_drops_known, has_socket(e, i));
		yg_counter_set(&to->queues, e->ports[i].queues);
		snprintf(to->name, sizeof to->name, "%s", e->ports[i].interface[0] ? e->ports[i].interface : e->ports[i].name);
		yg_counter_set(&to->link_up, rte_eth_link_get_nowait(e->ports[i].id, &link) == 0 && link.link_status);
		if (rte_eth_stats_get(e->ports[i].id, &s))
			continue;
		yg_counter_set(&to->packets, before->ipackets + s.ipackets);
		yg_counter_set(&to->bytes, before->ibytes + s.ibytes);
		yg_counter_set(&to->missed, before->imissed + s.imissed);
		yg_counter_set(&to->errors, before->ierrors + s.ierrors);
		yg_counter_set(&to->nombuf, before->rx_nombuf + s.rx_nombuf);
	}
	yg_counter_set(&stats->ports_count, e->ports_count);
}

bool yg_ethdev_present(const struct yg_ethdev *e)
{
	for (unsigned i = 0; i < e->ports_count; i++)
		if (!rte_eth_dev_is_valid_port(e->ports[i].id) || (e->ports[i].interface[0] && !is_interface(e->ports[i].interface)))
			return false;
	return true;
}
