// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Ports of a live run, through DPDK: physical NICs and the vdevs net_af_packet, net_af_xdp, net_pcap and net_ring, all behind one
// receive call. The option `capture.ports` names them, separated by blanks:
//
//   0000:3b:00.0                          a NIC by its PCI address (bound to vfio-pci, or of a driver that shares it)
//   eth1                                  an interface of the kernel, through net_af_packet
//   net_af_xdp0,iface=eth1,queue_count=2  a vdev in DPDK's own words
//
// A replay never comes here: EAL is started for `yagura run` alone.
//
// Threads: open, close and stats on the main lcore; a queue belongs to one worker.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "model/stats.h"

struct rte_mempool;
struct yg_ethdev;

struct yg_queue {
	uint16_t port, queue;
};

// Starts EAL with worker i on lcore i + 1, by the options capture.*. At most once in a process. 0, or an exit status of sysexits with
// a sentence that says what mends it.
int yg_eal_start(const struct yg_config *config, unsigned workers, char *error, size_t error_size);

// Configures and starts every port that EAL found. NULL and a sentence when one cannot be had.
struct yg_ethdev *yg_ethdev_open(const struct yg_config *config, unsigned workers, char *error, size_t error_size);
void yg_ethdev_close(struct yg_ethdev *e);

// The receive queues of a worker; the array belongs to `e`. Of a port with fewer queues than workers the later workers have none:
// then frames are spread in software (yg_ethdev_software).
const struct yg_queue *yg_ethdev_queues(const struct yg_ethdev *e, unsigned worker, unsigned *ret_count);
bool yg_ethdev_software(const struct yg_ethdev *e);

// What the ports counted since they were started, into the shared statistics. Not for workers: some drivers make system calls for it.
void yg_ethdev_stats(struct yg_ethdev *e, struct yg_engine_stats *stats);

// False when a port has gone: its device was removed, or its interface is no longer there.
bool yg_ethdev_present(const struct yg_ethdev *e);
