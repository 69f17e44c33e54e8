// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What the files of the openservice detector share. Everything runs on the aggregator's thread. All state lies in one
// block of a stated size; nothing is allocated after create.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <yagura/plugin.h>

enum {
	OPENS_CLIENTS_MAX = 16, // that an entry can remember: the option's maximum
	OPENS_DAY_S = 86400,
	OPENS_EVICTIONS = 64,   // searches for a place in one second, once the table is full
	OPENS_SECRETS = 10,
	OPENS_ZONES = 4096, // declared, of all servers together; a power of two
};

#define OPENS_NONE UINT32_MAX

// A UDP service that is abused as a reflector.
struct opens_service {
	uint16_t port;
	float ratio;      // a reply is suspicious from so many times the request on
	const char *name; // of the vector
	const char *ndpi; // what nDPI calls it, or part of it; NULL: it has no name for it
	const char *ja, *en;
};

// An inside host, a service of it, and who was answered.
struct opens_entry {
	bool used;
	uint8_t af, service, clients_count;
	uint32_t next;            // in its bucket or in the free list
	int64_t last, first;      // seconds
	struct yg_addr addr;
	struct yg_addr client[OPENS_CLIENTS_MAX];
	uint64_t asked, answered; // payload bytes
};

// A host that was told of; kept over a restart.
struct opens_told {
	struct yg_addr addr;
	int64_t second; // 0: unused
	uint8_t af, reserved[7];
};

struct opens_stats {
	uint64_t full, evicted, told_full, zones_full;
};

struct opens {
	const struct yg_host *host;
	uint32_t clients, entries_max, told_max, buckets; // buckets: a power of two
	uint32_t free, evictions, told_next;
	uint32_t entries_used; // places from here on were never taken
	int64_t evictions_second;
	uint64_t secret[OPENS_SECRETS];
	uint32_t *head;
	struct opens_entry *entry;
	struct opens_told *told; // a ring: the oldest goes
	uint64_t zone[2 * OPENS_ZONES]; // hashes of the declared zones, 0: a free place
	uint32_t zones;
	struct opens_stats stats;
};

// ---- zones.c ----

// Takes down the zones of all declared servers.
void opens_zones_read(struct opens *o);
// Whether the name lies in one of them.
bool opens_zones_have(const struct opens *o, const char *name);

// ---- service.c ----

const struct opens_service *opens_service_at(unsigned index);
// Index of the service on that port, or -1.
int opens_service_of(uint16_t port);
// Whether nDPI's name of a flow is that of the service, or none.
bool opens_service_named(unsigned index, const char *proto_name);

// ---- table.c ----

uint64_t opens_memory(uint32_t entries, uint32_t told);
void opens_layout(struct opens *o);
struct opens_entry *opens_get(struct opens *o, uint8_t af, const struct yg_addr *addr, unsigned service, int64_t second);
// True when the client is new to the entry.
bool opens_client(struct opens_entry *e, const struct yg_addr *client, uint32_t max);
// Whether the host was told of within the last day.
bool opens_was_told(const struct opens *o, uint8_t af, const struct yg_addr *addr, int64_t second);
void opens_tell(struct opens *o, uint8_t af, const struct yg_addr *addr, int64_t second);
uint32_t opens_save(const struct opens *o, void *buffer, uint32_t size);
int opens_restore(struct opens *o, const void *buffer, uint32_t size);
