// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See sim_disk.h.
#include "sim_disk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SECTOR = 512, NAME = 64, FILES = 128, NAMES = 128, OPEN = 64, PENDING = 256, OLD = 3 };

struct inode {
	bool used;
	unsigned links; // names and descriptors, live or on the medium
	uint8_t *live, *medium;
	uint8_t *dirty; // a byte a sector: written since the last sync
	size_t size, medium_size, room;
	uint64_t allocated;
};

struct name {
	char text[NAME];
	int inode;
};

struct directory {
	struct name names[NAMES];
	unsigned count;
};

// A change of names that no sync of the directory has covered.
struct change {
	char from[NAME], to[NAME]; // create: to; unlink: from; rename: both
	int inode;
};

struct sim_disk {
	struct inode inodes[FILES];
	struct directory live, medium;
	struct change changes[PENDING];
	unsigned changes_count;
	int open[OPEN]; // inode + 1
	uint64_t capacity, calls, fail_at;
	int fail_error;
	unsigned fail_times;
	bool failed;
	int spoilt; // inode + 1 of a file of which these bytes cannot be read; 0: none
	uint64_t spoilt_from, spoilt_to;
	void (*before)(void *context, enum sim_call call);
	void *context;
	char subject[NAME];
};

static uint64_t mix(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

// ---- names ----

static int find(const struct directory *d, const char *name)
{
	for (unsigned i = 0; i < d->count; i++)
		if (strcmp(d->names[i].text, name) == 0)
			return (int)i;
	return -1;
}

static void drop_name(struct directory *d, const char *name)
{
	int i = find(d, name);
	if (i >= 0)
		d->names[i] = d->names[--d->count];
}

static void set_name(struct directory *d, const char *name, int inode)
{
	int i = find(d, name);
	if (i < 0) {
		if (d->count == NAMES)
			abort();
		i = (int)d->count++;
	}
	strncpy(d->names[i].text, name, NAME - 1);
	d->names[i].text[NAME - 1] = '\0';
	d->names[i].inode = inode;
}

static void free_inode(struct inode *inode)
{
	free(inode->live);
	free(inode->medium);
	free(inode->dirty);
	*inode = (struct inode){0};
}

static bool is_held(const struct sim_disk *sim, int inode)
{
	for (unsigned i = 0; i < sim->live.count; i++)
		if (sim->live.names[i].inode == inode)
			return true;
	for (unsigned i = 0; i < sim->medium.count; i++)
		if (sim->medium.names[i].inode == inode)
			return true;
	for (unsigned i = 0; i < sim->changes_count; i++)
		if (sim->changes[i].inode == inode)
			return true;
	for (unsigned i = 0; i < OPEN; i++)
		if (sim->open[i] == inode + 1)
			return true;
	return false;
}

static void collect(struct sim_disk *sim)
{
	for (int i = 0; i < FILES; i++)
		if (sim->inodes[i].used && !is_held(sim, i))
			free_inode(&sim->inodes[i]);
}

static void note(struct sim_disk *sim, const char *from, const char *to, int inode)
{
	if (sim->changes_count == PENDING)
		abort();
	struct change *c = &sim->changes[sim->changes_count++];
	*c = (struct change){.inode = inode};
	strncpy(c->from, from, NAME - 1);
	strncpy(c->to, to, NAME - 1);
}

static void apply(struct directory *d, const struct change *c)
{
	if (c->from[0])
		drop_name(d, c->from);
	if (c->to[0])
		set_name(d, c->to, c->inode);
}

static bool take_room(struct inode *inode, size_t size)
{
	if (size > inode->room) {
		size_t room = (size + SECTOR - 1) / SECTOR * SECTOR;
		inode->live = realloc(inode->live, room);
		inode->medium = realloc(inode->medium, room);
		inode->dirty = realloc(inode->dirty, room / SECTOR);
		if (!inode->live || !inode->medium || !inode->dirty)
			abort();
		memset(inode->live + inode->room, 0, room - inode->room);
		memset(inode->medium + inode->room, 0, room - inode->room);
		memset(inode->dirty + inode->room / SECTOR, 0, (room - inode->room) / SECTOR);
		inode->room = room;
	}
	return true;
}

static uint64_t used_bytes(const struct sim_disk *sim)
{
	uint64_t bytes = 0;
	bool counted[FILES] = {false};
	for (unsigned i = 0; i < sim->live.count; i++)
		counted[sim->live.names[i].inode] = true;
	for (unsigned i = 0; i < OPEN; i++)
		if (sim->open[i])
			counted[sim->open[i] - 1] = true;
	for (int i = 0; i < FILES; i++)
		bytes += counted[i] ? sim->inodes[i].size : 0;
	return bytes;
}

// ---- calls ----

// 0, a negative errno, or 1 for a short count.
static int begin(struct sim_disk *sim, enum sim_call call, const char *subject)
{
	if (sim->before) {
		memset(sim->subject, 0, sizeof sim->subject);
		strncpy(sim->subject, subject, NAME - 1);
	}
	if (sim->before)
		sim->before(sim->context, call);
	sim->calls++;
	if (sim->fail_at == 0 || sim->calls < sim->fail_at || sim->calls >= sim->fail_at + sim->fail_times)
		return 0;
	sim->failed = true;
	if (sim->fail_error == 1 || (sim->fail_error == -EINTR && (call == SIM_SYNC_DIRECTORY || call == SIM_RENAME || call == SIM_UNLINK ||
	                                                         call == SIM_LIST || call == SIM_FREE)))
		return sim->fail_error == 1 ? 1 : 0;
	return sim->fail_error;
}

static int sim_open(void *context, const char *name, enum yg_disk_mode mode)
{
	struct sim_disk *sim = context;
	int error = begin(sim, SIM_OPEN, name), fd = 0, at = find(&sim->live, name);
	if (error < 0)
		return error;
	while (fd < OPEN && sim->open[fd])
		fd++;
	if (fd == OPEN)
		return -EMFILE;
	if (at < 0 && mode != YG_DISK_CREATE)
		return -ENOENT;
	if (at < 0) {
		int inode = 0;
		while (inode < FILES && sim->inodes[inode].used)
			inode++;
		if (inode == FILES)
			return -ENOSPC;
		sim->inodes[inode].used = true;
		set_name(&sim->live, name, inode);
		note(sim, "", name, inode);
		sim->open[fd] = inode + 1;
		return fd;
	}
	struct inode *inode = &sim->inodes[sim->live.names[at].inode];
	if (mode == YG_DISK_CREATE && inode->size) {
		memset(inode->live, 0, inode->room);
		memset(inode->dirty, 1, inode->room / SECTOR);
		inode->size = 0;
	}
	sim->open[fd] = sim->live.names[at].inode + 1;
	return fd;
}

static struct inode *inode_of(struct sim_disk *sim, int file)
{
	if (file < 0 || file >= OPEN || !sim->open[file])
		abort(); // a descriptor that is not open is a fault of the program
	return &sim->inodes[sim->open[file] - 1];
}

static const char *name_of(const struct sim_disk *sim, const struct inode *inode)
{
	for (unsigned i = 0; sim->before && i < sim->live.count; i++)
		if (&sim->inodes[sim->live.names[i].inode] == inode)
			return sim->live.names[i].text;
	return "";
}

static ssize_t sim_pread(void *context, int file, void *buffer, size_t size, uint64_t offset)
{
	struct sim_disk *sim = context;
	const struct inode *inode = inode_of(sim, file);
	int error = begin(sim, SIM_READ, name_of(sim, inode));
	if (error < 0)
		return error;
	if (offset >= inode->size)
		return 0;
	if (size > inode->size - offset)
		size = inode->size - offset;
	if (error == 1 && size > 1)
		size /= 2;
	if (sim->spoilt && inode == &sim->inodes[sim->spoilt - 1] && offset < sim->spoilt_to && offset + size > sim->spoilt_from) {
		if (offset >= sim->spoilt_from)
			return -EIO;
		size = sim->spoilt_from - offset; // what lies before it is read
	}
	memcpy(buffer, inode->live + offset, size);
	return (ssize_t)size;
}

static ssize_t sim_pwrite(void *context, int file, const void *bytes, size_t size, uint64_t offset)
{
	struct sim_disk *sim = context;
	struct inode *inode = inode_of(sim, file);
	int error = begin(sim, SIM_WRITE, name_of(sim, inode));
	if (error < 0 && error != -EIO)
		return error;
	if (error && size > 1)
		size /= 2; // also what an error leaves
	size_t end = offset + size;
	if (end > inode->size && used_bytes(sim) + (end - inode->size) > sim->capacity)
		return -ENOSPC;
	take_room(inode, end);
	memcpy(inode->live + offset, bytes, size);
	for (size_t s = offset / SECTOR; s * SECTOR < end; s++)
		inode->dirty[s] = 1;
	if (end > inode->size)
		inode->size = end;
	return error < 0 ? error : (ssize_t)size;
}

static int sim_sync(void *context, int file)
{
	struct sim_disk *sim = context;
	struct inode *inode = inode_of(sim, file);
	int error = begin(sim, SIM_SYNC, name_of(sim, inode));
	if (error == -EINTR)
		return error;
	for (size_t s = 0; s < inode->room / SECTOR; s++) {
		// What could not be written is thrown away, though programs still see it.
		if (inode->dirty[s] && error >= 0)
			memcpy(inode->medium + s * SECTOR, inode->live + s * SECTOR, SECTOR);
		inode->dirty[s] = 0;
	}
	if (error >= 0)
		inode->medium_size = inode->size;
	return error < 0 ? error : 0;
}

static int sim_sync_directory(void *context)
{
	struct sim_disk *sim = context;
	int error = begin(sim, SIM_SYNC_DIRECTORY, "");
	if (error < 0)
		return error;
	for (unsigned i = 0; i < sim->changes_count; i++)
		apply(&sim->medium, &sim->changes[i]);
	sim->changes_count = 0;
	collect(sim);
	return 0;
}

static int sim_allocate(void *context, int file, uint64_t bytes)
{
	struct sim_disk *sim = context;
	struct inode *inode = inode_of(sim, file);
	int error = begin(sim, SIM_ALLOCATE, name_of(sim, inode));
	if (error < 0)
		return error;
	if (bytes > inode->size && used_bytes(sim) + (bytes - inode->size) > sim->capacity)
		return -ENOSPC;
	take_room(inode, bytes);
	if (bytes > inode->size)
		inode->size = bytes;
	return 0;
}

static int sim_rename(void *context, const char *from, const char *to)
{
	struct sim_disk *sim = context;
	int error = begin(sim, SIM_RENAME, from), at = find(&sim->live, from);
	if (error < 0)
		return error;
	if (at < 0)
		return -ENOENT;
	int inode = sim->live.names[at].inode;
	note(sim, from, to, inode);
	apply(&sim->live, &sim->changes[sim->changes_count - 1]);
	return 0;
}

static int sim_unlink(void *context, const char *name)
{
	struct sim_disk *sim = context;
	int error = begin(sim, SIM_UNLINK, name);
	if (error < 0)
		return error;
	if (find(&sim->live, name) < 0)
		return -ENOENT;
	note(sim, name, "", -2);
	apply(&sim->live, &sim->changes[sim->changes_count - 1]);
	if (sim->changes_count > PENDING / 2)
		return sim_sync_directory(context); // such long silence is no crash state of interest
	// Its room is free at once, as far as nothing else can bring it back.
	collect(sim);
	return 0;
}

static int sim_list(void *context, yg_disk_name *each, void *each_context)
{
	struct sim_disk *sim = context;
	int error = begin(sim, SIM_LIST, "");
	if (error < 0)
		return error;
	for (unsigned i = 0; i < sim->live.count; i++)
		each(each_context, sim->live.names[i].text, sim->inodes[sim->live.names[i].inode].size);
	return 0;
}

static int sim_close(void *context, int file)
{
	struct sim_disk *sim = context;
	inode_of(sim, file);
	sim->open[file] = 0;
	collect(sim);
	return 0;
}

static int sim_free_bytes(void *context, uint64_t *ret_bytes)
{
	struct sim_disk *sim = context;
	int error = begin(sim, SIM_FREE, "");
	if (error < 0)
		return error;
	uint64_t used = used_bytes(sim);
	*ret_bytes = used < sim->capacity ? sim->capacity - used : 0;
	return 0;
}

static const struct yg_disk_ops sim_ops = {.open = sim_open, .pread = sim_pread, .pwrite = sim_pwrite, .sync = sim_sync,
	.sync_directory = sim_sync_directory, .allocate = sim_allocate, .rename = sim_rename, .unlink = sim_unlink, .list = sim_list,
	.close = sim_close, .free_bytes = sim_free_bytes};

// ---- for tests ----

struct sim_disk *sim_disk_create(uint64_t capacity)
{
	struct sim_disk *sim = calloc(1, sizeof *sim);
	if (!sim)
		abort();
	sim->capacity = capacity;
	return sim;
}

void sim_disk_destroy(struct sim_disk *sim)
{
	for (int i = 0; sim && i < FILES; i++)
		free_inode(&sim->inodes[i]);
	free(sim);
}

static uint8_t *copy(const uint8_t *bytes, size_t size)
{
	uint8_t *to = size ? malloc(size) : NULL;
	if (size && !to)
		abort();
	return size ? memcpy(to, bytes, size) : NULL;
}

struct sim_disk *sim_disk_clone(const struct sim_disk *sim)
{
	struct sim_disk *other = malloc(sizeof *other);
	if (!other)
		abort();
	*other = *sim;
	memset(other->open, 0, sizeof other->open);
	other->before = NULL;
	other->fail_at = 0;
	for (int i = 0; i < FILES; i++) {
		other->inodes[i].live = copy(sim->inodes[i].live, sim->inodes[i].room);
		other->inodes[i].medium = copy(sim->inodes[i].medium, sim->inodes[i].room);
		other->inodes[i].dirty = copy(sim->inodes[i].dirty, sim->inodes[i].room / SECTOR);
	}
	return other;
}

struct yg_disk sim_disk_of(struct sim_disk *sim)
{
	return (struct yg_disk){&sim_ops, sim};
}

void sim_disk_fail(struct sim_disk *sim, uint64_t n, int error, unsigned times)
{
	sim->fail_at = n ? sim->calls + n : 0;
	sim->fail_error = error;
	sim->fail_times = times;
	sim->failed = false;
}

bool sim_disk_failed(const struct sim_disk *sim)
{
	return sim->failed;
}

void sim_disk_watch(struct sim_disk *sim, void (*before)(void *context, enum sim_call call), void *context)
{
	sim->before = before;
	sim->context = context;
}

const char *sim_disk_subject(const struct sim_disk *sim)
{
	return sim->subject;
}

uint64_t sim_disk_calls(const struct sim_disk *sim)
{
	return sim->calls;
}

static bool keeps(uint64_t seed, uint64_t *state)
{
	return seed == SIM_ALL || (seed != SIM_NOTHING && (mix(state) & 1));
}

static void crash_inode(struct inode *inode, uint64_t seed, uint64_t *state)
{
	for (size_t s = 0; s < inode->room / SECTOR; s++)
		if (inode->dirty[s] && keeps(seed, state))
			memcpy(inode->medium + s * SECTOR, inode->live + s * SECTOR, SECTOR);
	if (inode->size != inode->medium_size && keeps(seed, state))
		inode->medium_size = inode->size;
	// Beyond its end a file has nothing, and zeros when it grows again.
	if (inode->medium_size < inode->room)
		memset(inode->medium + inode->medium_size, 0, inode->room - inode->medium_size);
	if (inode->room) {
		memcpy(inode->live, inode->medium, inode->room);
		memset(inode->dirty, 0, inode->room / SECTOR);
	}
	inode->size = inode->medium_size;
}

void sim_disk_crash(struct sim_disk *sim, uint64_t seed)
{
	uint64_t state = seed;
	memset(sim->open, 0, sizeof sim->open);
	// Half of the time a journal keeps names in order, half of the time nothing does.
	bool in_order = seed != SIM_ALL && seed != SIM_NOTHING && (mix(&state) & 1);
	unsigned until = in_order && sim->changes_count ? (unsigned)(mix(&state) % (sim->changes_count + 1)) : 0;
	for (unsigned i = 0; i < sim->changes_count; i++)
		if (in_order ? i < until : keeps(seed, &state))
			apply(&sim->medium, &sim->changes[i]);
	sim->changes_count = 0;
	for (int i = 0; i < FILES; i++)
		if (sim->inodes[i].used)
			crash_inode(&sim->inodes[i], seed, &state);
	sim->live = sim->medium;
	sim->fail_at = 0;
	collect(sim);
}

void sim_disk_set_capacity(struct sim_disk *sim, uint64_t bytes)
{
	sim->capacity = bytes;
}

void sim_disk_spoil(struct sim_disk *sim, const char *name, uint64_t from, uint64_t to)
{
	int i = find(&sim->live, name);
	sim->spoilt = i < 0 ? 0 : sim->live.names[i].inode + 1;
	sim->spoilt_from = from;
	sim->spoilt_to = to;
}

uint8_t *sim_disk_bytes(struct sim_disk *sim, const char *name, size_t *ret_size)
{
	int at = find(&sim->live, name);
	if (at < 0)
		return NULL;
	struct inode *inode = &sim->inodes[sim->live.names[at].inode];
	*ret_size = inode->size;
	return inode->live;
}

bool sim_disk_truncate(struct sim_disk *sim, const char *name, size_t size)
{
	int at = find(&sim->live, name);
	if (at < 0)
		return false;
	struct inode *inode = &sim->inodes[sim->live.names[at].inode];
	inode->size = size;
	return true;
}

bool sim_disk_remove(struct sim_disk *sim, const char *name)
{
	bool there = find(&sim->live, name) >= 0;
	drop_name(&sim->live, name);
	drop_name(&sim->medium, name);
	collect(sim);
	return there;
}

const char *sim_disk_name(const struct sim_disk *sim, const char *prefix, unsigned n)
{
	const char *found = NULL, *last = "";
	for (unsigned round = 0; round <= n; round++) {
		found = NULL;
		for (unsigned i = 0; i < sim->live.count; i++) {
			const char *name = sim->live.names[i].text;
			if (strncmp(name, prefix, strlen(prefix)) == 0 && strcmp(name, last) > 0 && (!found || strcmp(name, found) < 0))
				found = name;
		}
		if (!found)
			return NULL;
		last = found;
	}
	return found;
}
