// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See engine_double.h. Whatever fails here is a failure of the test's own ground: it ends the test program.
#include "engine_double.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/shm.h"
#include "config/compile.h"

enum { HIGH_FD = 200, WANTS_ALL = YG_DS_WANTS_DNS | YG_DS_WANTS_TLS | YG_DS_WANTS_HTTP };

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

int64_t double_now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

// Descriptors live high, so that none of them lies where the child wants another.
static int raise_fd(int fd)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, HIGH_FD);
	must(fd >= 0 && high >= 0, "descriptor");
	close(fd);
	return high;
}

static int shared_fd(size_t size, void **ret_memory)
{
	int fd = raise_fd(yg_shm_create("test", size));
	*ret_memory = yg_shm_map(fd, size, true, NULL);
	must(*ret_memory, "mmap");
	return fd;
}

static int config_fd(const struct engine_plan *plan)
{
	char slots[16];
	snprintf(slots, sizeof slots, "%d", DOUBLE_FLOWS);
	const char *const overrides[][2] = {
	    {"flow.table", plan->flows ? plan->flows : slots},
	    {"dissector.memory", plan->memory ? plan->memory : "512MiB"},
	    {"dissector.off", plan->off ? plan->off : ""},
	    {"quarantine.files", plan->quarantine_files ? plan->quarantine_files : "100"},
	};
	struct yg_compile_input input = {.overrides = overrides, .overrides_count = 4};
	int fd = memfd_create("config", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	must(fd >= 0 && yg_compile(&input, fd, stderr) == 0, "config");
	return raise_fd(fd);
}

static void run_child(const char *dissector, const struct engine_plan *plan, const int from[], const int to[],
                      int count)
{
	char rings[8], workers[8];
	snprintf(rings, sizeof rings, "%u", plan->rings);
	snprintf(workers, sizeof workers, "%u", plan->workers);
	for (int i = 0; i < count; i++)
		must(dup2(from[i], to[i]) >= 0, "dup2");
	execl(dissector, dissector, "--rings", rings, "--workers", workers, plan->replay ? "--replay" : NULL, NULL);
	perror(dissector);
	_exit(127);
}

static int make_ring(struct yg_ring *ring, struct yg_memory *memory, uint32_t slot_size, uint32_t slots, bool producer)
{
	memory->size = yg_ring_bytes(slot_size, slots);
	int fd = shared_fd(memory->size, &memory->at);
	must(yg_ring_format(memory->at, memory->size, slot_size, slots) == 0, "ring");
	must(yg_ring_attach(ring, memory->at, memory->size, slot_size, producer) == 0, "ring");
	return fd;
}

void double_start(struct engine_double *d, const char *dissector, const struct engine_plan *plan)
{
	int from[8 + 2 * YG_WORKERS_MAX], to[8 + 2 * YG_WORKERS_MAX], n = 0, ends[2];
	*d = (struct engine_double){.rings = plan->rings, .time_ns = INT64_C(1700000000000000000), .wants = WANTS_ALL};
	snprintf(d->folder, sizeof d->folder, "/tmp/yagura-drive-XXXXXX");
	must(mkdtemp(d->folder) && pipe2(ends, O_CLOEXEC) == 0, "folder or pipe");
	d->alive = raise_fd(ends[1]);
	from[n] = config_fd(plan), to[n++] = YG_FD_CONFIG;
	from[n] = shared_fd(sizeof *d->stats, (void **)&d->stats), to[n++] = YG_FD_STATS;
	from[n] = shared_fd((size_t)YG_DISSECTORS_MAX * YG_CONTROL_PAGE, (void **)&d->control), to[n++] = YG_FD_CONTROL;
	from[n] = raise_fd(open(d->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)), to[n++] = YG_FD_QUARANTINE;
	from[n] = raise_fd(ends[0]), to[n++] = YG_FD_ALIVE;
	for (unsigned r = 0; r < plan->rings; r++) {
		from[n] = make_ring(&d->to[r], &d->to_memory[r], sizeof(struct yg_ds_request), DOUBLE_RING_SLOTS, true);
		to[n++] = YG_FD_TO_DISSECTOR + (int)r;
		from[n] =
		    make_ring(&d->from[r], &d->from_memory[r], sizeof(struct yg_ds_answer), DOUBLE_ANSWER_SLOTS, false);
		to[n++] = YG_FD_FROM_DISSECTOR + (int)r;
	}
	d->pid = fork();
	must(d->pid >= 0, "fork");
	if (d->pid == 0)
		run_child(dissector, plan, from, to, n);
	for (int i = 0; i < n; i++)
		close(from[i]);
}

int double_stop(struct engine_double *d)
{
	int status = -1;
	for (unsigned r = 0; r < d->rings; r++)
		yg_ring_close(&d->to[r]);
	for (int i = 0; i < 10000 && waitpid(d->pid, &status, WNOHANG) == 0; i++) {
		struct yg_ds_answer unread;
		for (unsigned r = 0; r < d->rings; r++) {
			while (yg_ring_available(&d->from[r]) > 0) {
				memcpy(&unread, yg_ring_slot(&d->from[r], d->from[r].own), sizeof unread);
				yg_ring_pop(&d->from[r], 1);
			}
			yg_ring_release(&d->from[r]);
		}
		usleep(1000);
		status = -1;
	}
	if (status == -1)
		kill(d->pid, SIGKILL);
	close(d->alive);
	for (unsigned r = 0; r < d->rings; r++) {
		yg_shm_unmap(d->to_memory[r].at, d->to_memory[r].size);
		yg_shm_unmap(d->from_memory[r].at, d->from_memory[r].size);
	}
	yg_shm_unmap(d->stats, sizeof *d->stats);
	yg_shm_unmap(d->control, (size_t)YG_DISSECTORS_MAX * YG_CONTROL_PAGE);
	return status;
}

void double_remove_folder(struct engine_double *d)
{
	DIR *list = opendir(d->folder);
	for (struct dirent *entry; list && (entry = readdir(list));)
		unlinkat(dirfd(list), entry->d_name, 0);
	if (list)
		closedir(list);
	rmdir(d->folder);
}

void double_stop_well(struct engine_double *d)
{
	int status = double_stop(d);
	double_remove_folder(d);
	must(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the dissector did not end with 0");
}

// ---- sending ----

static const uint8_t client[4] = {10, 1, 2, 3}, server[4] = {192, 0, 2, 0};

static uint32_t header_bytes(uint8_t proto)
{
	return proto == IPPROTO_TCP ? 40 : 28;
}

uint32_t double_build(const struct flow_name *flow, unsigned direction, const uint8_t *payload, uint32_t length,
                      uint8_t *ret_packet)
{
	uint32_t headers = header_bytes(flow->proto), all = headers + length;
	memset(ret_packet, 0, headers);
	ret_packet[0] = 0x45;
	yg_store16(ret_packet + 2, (uint16_t)(all > 65535 ? 65535 : all));
	ret_packet[8] = 64;
	ret_packet[9] = flow->proto;
	memcpy(ret_packet + (direction ? 16 : 12), client, 4);
	memcpy(ret_packet + (direction ? 12 : 16), server, 3);
	ret_packet[direction ? 15 : 19] = flow->last_octet;
	yg_store16(ret_packet + 20, flow->port[direction]);
	yg_store16(ret_packet + 22, flow->port[!direction]);
	if (flow->proto == IPPROTO_TCP) {
		yg_store32(ret_packet + 24, 1000);
		ret_packet[32] = 0x50;
		ret_packet[33] = length ? 0x18 : 0x02;
		yg_store16(ret_packet + 34, 64000);
	} else {
		yg_store16(ret_packet + 24, (uint16_t)(8 + length > 65535 ? 65535 : 8 + length));
	}
	if (length)
		memcpy(ret_packet + headers, payload, length);
	return all;
}

struct yg_ds_request double_request(struct engine_double *d, const struct flow_name *flow, unsigned direction,
                                    enum yg_ds_kind kind, uint32_t payload_length)
{
	uint32_t headers = header_bytes(flow->proto), all = kind == YG_DS_END ? 0 : headers + payload_length;
	struct yg_ds_request head;
	memset(&head, 0, offsetof(struct yg_ds_request, data));
	head.kind = (uint8_t)kind;
	head.flags = d->wants;
	head.direction = (uint8_t)direction;
	head.af = 4;
	head.proto = flow->proto;
	head.pieces = (uint8_t)(all <= YG_DS_DATA ? 1 : (all + YG_DS_DATA - 1) / YG_DS_DATA);
	head.slot = flow->slot;
	head.generation = flow->generation;
	head.packet = ++d->packet;
	head.time_ns = d->time_ns += 1000000;
	head.length = all;
	head.l4 = all ? 20 : 0;
	head.payload = all ? headers : 0;
	head.payload_len = all ? payload_length : 0;
	head.tcp_seq = 1000;
	head.port[0] = flow->port[0];
	head.port[1] = flow->port[1];
	memcpy(head.addr[0].b, client, 4);
	memcpy(head.addr[1].b, server, 4);
	head.addr[1].b[3] = flow->last_octet;
	return head;
}

void double_push(struct engine_double *d, unsigned ring, const struct yg_ds_request *head, const uint8_t *data)
{
	struct yg_ring *to = &d->to[ring];
	uint32_t slots = head->pieces ? head->pieces : 1;
	must(yg_ring_wait_room(to, slots, 2000), "no room towards the dissector");
	for (uint32_t i = 0; i < slots; i++) {
		struct yg_ds_request *slot = yg_ring_slot(to, to->own + i);
		uint32_t at = i * YG_DS_DATA;
		uint32_t n = head->length > at ? head->length - at : 0;
		memcpy(slot, head, offsetof(struct yg_ds_request, data));
		if (data)
			memcpy(slot->data, data + at, n < YG_DS_DATA ? n : YG_DS_DATA);
	}
	yg_ring_push(to, slots);
	yg_ring_publish(to);
}

void double_packet(struct engine_double *d, unsigned ring, const struct flow_name *flow, unsigned direction,
                   uint8_t flags, const void *payload, uint32_t length)
{
	static uint8_t packet[70000];
	struct yg_ds_request head = double_request(d, flow, direction, length ? YG_DS_PACKET : YG_DS_GUESS, length);
	head.flags |= flags;
	double_build(flow, direction, payload, length, packet);
	double_push(d, ring, &head, packet);
}

void double_end(struct engine_double *d, unsigned ring, const struct flow_name *flow)
{
	struct yg_ds_request head = double_request(d, flow, 0, YG_DS_END, 0);
	double_push(d, ring, &head, NULL);
}

void double_batch_end(struct engine_double *d, unsigned ring, uint64_t batch)
{
	struct yg_ds_request head = {.kind = YG_DS_BATCH_END, .pieces = 1, .packet = batch};
	double_push(d, ring, &head, NULL);
}

// ---- receiving ----

bool double_answer(struct engine_double *d, unsigned ring, struct yg_ds_answer *ret_answer)
{
	struct yg_ring *from = &d->from[ring];
	int64_t until = double_now_ns() + INT64_C(2000000000);
	while (!yg_ring_wait_data(from, 50)) {
		if (double_now_ns() > until)
			return false;
	}
	memcpy(ret_answer, yg_ring_slot(from, from->own), sizeof *ret_answer);
	yg_ring_pop(from, 1);
	yg_ring_release(from);
	return true;
}

bool double_answer_of(struct engine_double *d, unsigned ring, enum yg_da_kind kind, struct yg_ds_answer *ret_answer)
{
	while (double_answer(d, ring, ret_answer)) {
		if (ret_answer->kind == kind)
			return true;
	}
	return false;
}

uint64_t double_count(const struct engine_double *d, enum yg_dissector_counter counter)
{
	uint64_t sum = 0;
	for (unsigned w = 0; w < YG_DISSECTORS_MAX; w++)
		sum += yg_counter_get(&d->stats->c[w][counter]);
	return sum;
}

uint64_t double_zygote_count(const struct engine_double *d, enum yg_dissector_counter counter)
{
	return yg_counter_get(&d->stats->zygote[counter]);
}

pid_t double_worker(const struct engine_double *d, unsigned worker)
{
	struct yg_ds_control *control = (struct yg_ds_control *)(d->control + (size_t)worker * YG_CONTROL_PAGE);
	return (pid_t)atomic_load(&control->worker_pid);
}

bool double_wait_worker(struct engine_double *d, pid_t not_this)
{
	for (int i = 0; i < 20000; i++) {
		pid_t pid = double_worker(d, 0);
		if (pid != 0 && pid != not_this)
			return true;
		usleep(100);
	}
	return false;
}

void double_status(pid_t pid, char *ret_text, size_t size)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	FILE *file = fopen(path, "r");
	must(file, path);
	ret_text[fread(ret_text, 1, size - 1, file)] = '\0';
	fclose(file);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

bool double_times_within(const char *what, double *ms, int count, double limit)
{
	qsort(ms, (size_t)count, sizeof *ms, by_value);
	printf("%s: %d times, median %.2f ms, max %.2f ms (limit %.0f)\n", what, count, ms[count / 2], ms[count - 1],
	       limit);
	return ms[count - 1] <= limit || !yg_sandbox_works();
}

// ---- payloads ----

uint32_t payload_dns_query(uint8_t *to, uint16_t id, const char *name)
{
	uint32_t n = 12;
	memset(to, 0, n);
	yg_store16(to, id);
	to[2] = 1; // recursion desired
	to[5] = 1; // one question
	while (*name) {
		size_t label = strcspn(name, ".");
		to[n++] = (uint8_t)label;
		memcpy(to + n, name, label);
		n += (uint32_t)label;
		name += label + (name[label] == '.');
	}
	to[n++] = 0;
	yg_store16(to + n, 1);
	yg_store16(to + n + 2, 1);
	return n + 4;
}

// A DTLS 1.2 record (RFC 6347, 4.1 and 4.2.2) with one whole handshake message.
static uint32_t dtls_record(uint8_t *to, uint8_t type, uint8_t sequence, const uint8_t *body, uint32_t length)
{
	memset(to, 0, 25);
	to[0] = 22, to[1] = 0xfe, to[2] = 0xfd;
	to[10] = sequence;
	yg_store16(to + 11, (uint16_t)(12 + length));
	to[13] = type;
	yg_store16(to + 15, (uint16_t)length);
	to[18] = sequence;
	yg_store16(to + 23, (uint16_t)length);
	memcpy(to + 25, body, length);
	return 25 + length;
}

// A ServerHello and a Certificate whose only content that matters is one attribute of a name: organizationName
// (2.5.4.10) = "Netflix". nDPI 4.2 then reads the TCP header of a packet that has none.
uint32_t payload_dtls_poison(uint8_t *to)
{
	uint8_t hello[38] = {0xfe, 0xfd}, certificate[120] = {0};
	static const uint8_t attribute[] = {0x55, 0x04, 0x0a, 0x13, 7, 'N', 'e', 't', 'f', 'l', 'i', 'x'};
	hello[35] = 0xc0, hello[36] = 0x2f; // a cipher; no session id before it, no compression behind it
	certificate[2] = sizeof certificate - 3;
	certificate[5] = sizeof certificate - 6;
	memcpy(certificate + 20, attribute, sizeof attribute);
	uint32_t n = dtls_record(to, 2, 0, hello, sizeof hello);
	return n + dtls_record(to + n, 11, 1, certificate, sizeof certificate);
}
