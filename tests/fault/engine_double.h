// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Plays supervisor and engine towards a real yagura-dissector: makes the memory, starts the process, sends records,
// reads answers. For tests alone. One thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/ring.h"
#include "dissector/setup.h"
#include "model/dissect.h"
#include "model/process.h"
#include "model/stats.h"

enum { DOUBLE_RING_SLOTS = 1024, DOUBLE_ANSWER_SLOTS = 64, DOUBLE_FLOWS = 4096 };

struct engine_double {
	pid_t pid;
	int alive; // write end of the pipe
	unsigned rings;
	char folder[64]; // quarantine
	struct yg_ring to[YG_WORKERS_MAX], from[YG_WORKERS_MAX];
	struct yg_memory to_memory[YG_WORKERS_MAX], from_memory[YG_WORKERS_MAX];
	struct yg_dissector_stats *stats;
	uint8_t *control;
	uint64_t packet; // number of the last one sent
	int64_t time_ns; // packet time
	uint8_t wants;   // YG_DS_WANTS_* of every request; all of them at start
};

// Options of one start.
struct engine_plan {
	bool replay;
	unsigned rings, workers;
	const char *off;                               // dissector.off
	const char *quarantine_files, *flows, *memory; // NULL: the test's default
};

// Where one flow is.
struct flow_name {
	uint32_t slot, generation;
	uint8_t proto;
	uint16_t port[2];
	uint8_t last_octet; // of the responder's address
};

void double_start(struct engine_double *d, const char *dissector, const struct engine_plan *plan);
// Closes the rings and waits. The exit status as of waitpid; -1 when it did not end within ten seconds.
int double_stop(struct engine_double *d);
void double_remove_folder(struct engine_double *d);
// Both; the test ends here where the dissector did not end with 0.
void double_stop_well(struct engine_double *d);

// An IPv4 packet of this flow with `length` bytes of payload. Returns its length.
uint32_t double_build(const struct flow_name *flow, unsigned direction, const uint8_t *payload, uint32_t length,
                      uint8_t *ret_packet);
// A request about that packet, not sent yet: data in *ret_packet.
struct yg_ds_request double_request(struct engine_double *d, const struct flow_name *flow, unsigned direction,
                                    enum yg_ds_kind kind, uint32_t payload_length);
void double_push(struct engine_double *d, unsigned ring, const struct yg_ds_request *head, const uint8_t *data);

void double_packet(struct engine_double *d, unsigned ring, const struct flow_name *flow, unsigned direction,
                   uint8_t flags, const void *payload, uint32_t length);
void double_end(struct engine_double *d, unsigned ring, const struct flow_name *flow);
void double_batch_end(struct engine_double *d, unsigned ring, uint64_t batch);

// The next answer of a ring within two seconds. False when none comes.
bool double_answer(struct engine_double *d, unsigned ring, struct yg_ds_answer *ret_answer);
// The next answer of that kind; others are passed over.
bool double_answer_of(struct engine_double *d, unsigned ring, enum yg_da_kind kind, struct yg_ds_answer *ret_answer);

uint64_t double_count(const struct engine_double *d, enum yg_dissector_counter counter); // of all workers
uint64_t double_zygote_count(const struct engine_double *d, enum yg_dissector_counter counter);
pid_t double_worker(const struct engine_double *d, unsigned worker);
bool double_wait_worker(struct engine_double *d, pid_t not_this); // until another worker is there

void double_status(pid_t pid, char *ret_text, size_t size); // /proc/PID/status
// Prints what the times are; they are sorted. Whether all lie within the limit: a sanitizer prints a report before it
// dies, and has none.
bool double_times_within(const char *what, double *ms, int count, double limit);

// Payloads.
uint32_t payload_dns_query(uint8_t *to, uint16_t id, const char *name);
uint32_t payload_dtls_poison(uint8_t *to); // kills nDPI 4.2 while its DTLS dissector is on
int64_t double_now_ns(void);               // CLOCK_MONOTONIC
