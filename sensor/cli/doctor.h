// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// `yagura doctor`: is this machine fit for live capture? Looks and changes nothing; starts no EAL, for what it looks for is
// what makes EAL fail. cmd_doctor.c runs the checks in order; each file below makes findings about one part of the machine:
//
//   doctor_tree.c    the only way to /proc, /sys and /dev: bounded, below one root
//   doctor_facts.c   what no file tells (offloads, clock, disk): system calls, or a file in a root that is not ours
//   doctor_cpu.c     model, cores, isolation, clock        doctor_memory.c  hugepages, locked memory
//   doctor_nic.c     NICs found (doctor_pmd.c: who drives them), then judged
//   doctor_vfio.c    IOMMU, VFIO                           doctor_redis.c   reachable, with which rights
//   doctor_report.c  findings to text and JSON
//
// Thread: one. No check depends on another having found anything: what is not there is a finding too.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>

enum {
	YG_DOCTOR_FINDINGS_MAX = 256,
	YG_DOCTOR_NICS_MAX = 32,
	YG_DOCTOR_CPUS_MAX = 1024,
	YG_DOCTOR_NODES_MAX = 64,
	YG_DOCTOR_NAME = 64, // of a directory entry, with its NUL; longer ones are passed over
};

struct yg_tree {
	int fd;
	bool foreign; // not this machine's /: then system calls would tell about the wrong machine
};

int yg_tree_open(struct yg_tree *tree, const char *root);
void yg_tree_close(struct yg_tree *tree);

// At most size - 1 bytes, and a NUL behind them. The number of bytes, or negative errno: what is no regular file is -EINVAL,
// and is never opened.
ssize_t yg_tree_read(const struct yg_tree *tree, char *buffer, size_t size, const char *path, ...) __attribute__((format(printf, 4, 5)));
// The first line without surrounding blanks; what is no printable ASCII becomes '?', for it goes to a terminal. 0 or negative errno.
int yg_tree_word(const struct yg_tree *tree, char *word, size_t size, const char *path, ...) __attribute__((format(printf, 4, 5)));
// One whole decimal number. 0, -EBADMSG when it is none, or negative errno.
int yg_tree_number(const struct yg_tree *tree, int64_t *ret_number, const char *path, ...) __attribute__((format(printf, 3, 4)));
// The last part of where a symbolic link points. 0 or negative errno.
int yg_tree_link(const struct yg_tree *tree, char *name, size_t size, const char *path, ...) __attribute__((format(printf, 4, 5)));
// Names in a folder, sorted, at most `max` (the first ones read). The number, or negative errno.
int yg_tree_list(const struct yg_tree *tree, char (*names)[YG_DOCTOR_NAME], int max, const char *path, ...)
    __attribute__((format(printf, 4, 5)));
int yg_tree_stat(const struct yg_tree *tree, struct stat *ret_stat, const char *path, ...) __attribute__((format(printf, 3, 4)));
bool yg_tree_has(const struct yg_tree *tree, const char *path, ...) __attribute__((format(printf, 2, 3)));
// Whether the present user may write there; in a foreign root whether anybody may.
bool yg_tree_writable(const struct yg_tree *tree, const char *path, ...) __attribute__((format(printf, 2, 3)));
// A path of ours from a format. False when it does not fit.
bool yg_tree_path(char *path, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

struct yg_cpu_set {
	uint64_t bits[YG_DOCTOR_CPUS_MAX / 64];
};

// "0-3,8"; false when it is no such list. Empty is a list.
bool yg_cpu_set_parse(struct yg_cpu_set *set, const char *list);
unsigned yg_cpu_set_count(const struct yg_cpu_set *set);
bool yg_cpu_set_has(const struct yg_cpu_set *set, unsigned cpu);
void yg_cpu_set_add(struct yg_cpu_set *set, unsigned cpu);
struct yg_cpu_set yg_cpu_set_both(const struct yg_cpu_set *a, const struct yg_cpu_set *b);
const char *yg_cpu_set_text(const struct yg_cpu_set *set, char *text, size_t size);

enum yg_doctor_state { YG_DOCTOR_OK, YG_DOCTOR_BAD, YG_DOCTOR_UNKNOWN, YG_DOCTOR_STATES };

struct yg_doctor_finding {
	const char *id; // stable: other programs match it; docs/doctor.md lists them all
	uint8_t state;
	char subject[YG_DOCTOR_NAME];
	char en[320], ja[448], mend[640];
};

// What the configuration asks of the machine. The strings belong to the caller.
struct yg_doctor_needs {
	unsigned workers, dissectors;
	unsigned memory_mib; // capture.memory
	bool no_hugepages;   // capture.hugepages: never
	const char *ports;   // capture.ports; "": every NIC is looked at
	const char *cores;   // capture.cores; "": not pinned
	const char *config_file; // "": defaults
	bool config_broken;
	bool confined; // asked by a process whose filter of system calls does not let it ask for the state of the clock
	const char *eve_file, *quarantine, *redis_url, *sensor;
	unsigned redis_timeout_ms;
};

struct yg_config;
// What `config` asks of this machine; without a file's name. The strings live as long as `config` does.
struct yg_doctor_needs yg_doctor_needs_of(const struct yg_config *config);

struct yg_doctor_nic {
	char address[YG_DOCTOR_NAME]; // 0000:03:00.0; "": an interface that is no PCI device
	char interface[YG_DOCTOR_NAME], driver[YG_DOCTOR_NAME], group[YG_DOCTOR_NAME]; // "": none
	unsigned vendor, device;
	const char *pmd; // net_ixgbe; NULL: no driver of DPDK knows it
	bool stays;      // its PMD works beside the kernel's driver and wants it bound
	bool own;        // carries this machine's own traffic
	bool ready;      // bound as its PMD wants it
	bool named;      // in capture.ports
	bool by_kernel;  // there by its interface (af_packet, af_xdp): needs no PMD and no VFIO
	int64_t node;    // -1: the machine does not say
};

struct yg_doctor {
	struct yg_tree tree;
	struct yg_doctor_needs needs;
	char facts[8192];
	char cmdline[4096];
	char cpu_vendor[32];
	bool hypervisor;
	struct yg_cpu_set online, isolated, named_cores, nodes_cpus[YG_DOCTOR_NODES_MAX];
	unsigned nodes; // highest number + 1; at least 1
	struct yg_doctor_nic nics[YG_DOCTOR_NICS_MAX];
	unsigned nics_count;
	struct yg_doctor_finding findings[YG_DOCTOR_FINDINGS_MAX];
	unsigned findings_count, states[YG_DOCTOR_STATES], left_out;
};

// One finding. `mend` is a command or "" ; `ja` takes the same arguments as `en`.
void yg_doctor_find(struct yg_doctor *d, enum yg_doctor_state state, const char *id, const char *subject, const char *mend,
                    const char *en, const char *ja, ...) __attribute__((format(printf, 6, 8), format(printf, 7, 8)));
void yg_doctor_text(const struct yg_doctor *d, bool japanese, FILE *out);
int yg_doctor_json(const struct yg_doctor *d, FILE *out); // 0 or negative errno

// Everything below the root, in the order of the report. 0, or the errno of opening the root.
int yg_doctor_run(struct yg_doctor *d, const char *root, const struct yg_doctor_needs *needs);

void yg_doctor_cpu_survey(struct yg_doctor *d);
void yg_doctor_cpu(struct yg_doctor *d);
void yg_doctor_clock(struct yg_doctor *d);
void yg_doctor_memory(struct yg_doctor *d);
void yg_doctor_nic_survey(struct yg_doctor *d);
void yg_doctor_nics(struct yg_doctor *d);
void yg_doctor_vfio(struct yg_doctor *d);
void yg_doctor_redis(struct yg_doctor *d);
void yg_doctor_disk(struct yg_doctor *d);

// The node whose cores and memory capture is to use: that of the first NIC that is not the machine's own, else 0.
unsigned yg_doctor_home_node(const struct yg_doctor *d);
bool yg_doctor_on_cmdline(const struct yg_doctor *d, const char *word);

// The PMD of Debian's DPDK for a PCI device, NULL when there is none.
const char *yg_doctor_pmd(unsigned vendor, unsigned device, bool *ret_stays);

// Facts: -1 when they cannot be known.
void yg_facts_load(struct yg_doctor *d);
int yg_fact_offloads(const struct yg_doctor *d, const char *interface, bool *ret_gro, bool *ret_lro); // 0 or -1
int yg_fact_clock_synchronised(const struct yg_doctor *d);                                          // 0, 1, -1
int yg_fact_disk(const struct yg_doctor *d, const char *folder, int64_t *ret_free_mib, bool *ret_write); // 0, -1; -2: not there

// How far a conversation with Redis came; DONE: everything that a sensor does is allowed.
enum yg_probe_end {
	YG_PROBE_URL,
	YG_PROBE_RESOLVE,
	YG_PROBE_CONNECT,
	YG_PROBE_LOGIN,
	YG_PROBE_RIGHTS,
	YG_PROBE_WRITES,
	YG_PROBE_TLS, // it takes connections; the doctor speaks no TLS, and a password must not go out without
	YG_PROBE_DONE,
};
struct yg_probe {
	enum yg_probe_end end;
	char said[128]; // the reason, printable ASCII
	char user[128];
	char missing[96]; // commands refused, with a + before each
	bool more;        // the user may do more than a sensor needs
};
void yg_doctor_probe_redis(const char *url, const char *sensor, unsigned timeout_ms, struct yg_probe *ret_probe);

// Control characters become '?', and a character that was cut goes.
void yg_doctor_tame(char *text);

// A name or path that may stand in a shell command as it is.
bool yg_doctor_plain(const char *text);
