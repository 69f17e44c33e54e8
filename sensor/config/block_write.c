// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// From the compiler's arrays to the sealed block. Every byte is written or zero, so equal configurations give equal
// blocks. Equal texts are stored once.
#include "config/compiler.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config/block.h"
#include "config/value.h"

_Static_assert((int)YG_BLOCK_ORGS == (int)YG_ORGS_MAX_COUNT, "one limit, two names");
_Static_assert((int)YG_BLOCK_PREFIXES == (int)YG_PREFIXES_MAX, "one limit, two names");
_Static_assert((int)YG_BLOCK_PLANS == (int)YG_PLANS_MAX, "one limit, two names");
_Static_assert((int)YG_BLOCK_SERVICES == (int)YG_SERVICES_MAX, "one limit, two names");
_Static_assert((int)YG_BLOCK_MODES == (int)YG_MODES_MAX, "one limit, two names");
_Static_assert((int)YG_BLOCK_SHARED == (int)YG_SHARED_MAX, "one limit, two names");
_Static_assert((int)YG_BLOCK_PLANS == (int)YG_PLANS_MAX, "one limit, two names");
_Static_assert((int)YG_BLOCK_SUPPRESSIONS == (int)YG_SUPPRESSIONS_MAX, "one limit, two names");

struct writer {
	uint8_t *block;
	struct yg_block_header *header;
	struct yg_block_layout layout;
	size_t texts_used;
};

static size_t texts_needed(const struct yg_option_set *set)
{
	size_t size = 0;
	for (uint32_t i = 0; i < set->count; i++)
		if (set->options[i].type == YG_OPT_STRING)
			size += strlen(set->values[i].s) + 1;
	return size;
}

static uint64_t put_text(struct writer *w, const char *text)
{
	size_t length = strlen(text) + 1;
	char *texts = (char *)w->block + w->layout.texts;
	for (size_t at = 0; at < w->texts_used; at += strlen(texts + at) + 1)
		if (strcmp(texts + at, text) == 0)
			return w->layout.texts + at;
	memcpy(texts + w->texts_used, text, length);
	w->texts_used += length;
	return w->layout.texts + w->texts_used - length;
}

static void put_values(struct writer *w, const struct yg_option_set *set, uint64_t *words)
{
	for (uint32_t i = 0; i < set->count; i++) {
		if (set->options[i].type == YG_OPT_STRING)
			words[i] = put_text(w, set->values[i].s);
		else
			memcpy(&words[i], &set->values[i], sizeof words[i]);
	}
}

static struct yg_block_header plan(const struct yg_compiler *c)
{
	struct yg_block_header h = {
	    .magic = YG_BLOCK_MAGIC,
	    .version = YG_BLOCK_VERSION,
	    .values_count = YG_O_COUNT,
	    .options_fingerprint = yg_options_fingerprint(yg_core_options, YG_O_COUNT),
#define X(name, ...) .name##_count = (uint32_t)c->name##_count,
	    YG_BLOCK_RECORDS(X)
#undef X
	    .plugins_count = (uint32_t)c->input->plugins_count,
	    .zone_steps_count = c->zone_steps_count,
	    .all_internal = c->orgs_count == 0 && c->prefixes_count == 0,
	};
	size_t texts = 1 + texts_needed(&c->core);
	for (size_t i = 0; i < c->input->plugins_count; i++) {
		h.plugin_values_count += c->plugins[i].set.count + 1;
		texts += texts_needed(&c->plugins[i].set);
	}
	h.texts_size = (uint32_t)texts;
	return h;
}

static void put_arrays(struct writer *w, const struct yg_compiler *c)
{
#define X(name, record, most, member)                                                                                     \
	for (size_t i = 0; i < c->name##_count; i++)                                                                               \
		((record *)(void *)(w->block + w->layout.name))[i] = c->name[i].member;
	YG_BLOCK_RECORDS(X)
#undef X
	memcpy(w->block + w->layout.zone_steps, c->zone_steps, c->zone_steps_count * sizeof *c->zone_steps);
}

static void put_plugins(struct writer *w, const struct yg_compiler *c)
{
	struct yg_config_plugin *rows = (void *)(w->block + w->layout.plugins);
	size_t at = w->layout.plugin_values;
	for (size_t i = 0; i < c->input->plugins_count; i++) {
		const struct yg_plugin_draft *draft = &c->plugins[i];
		struct yg_config_plugin *row = &rows[i];
		memcpy(row->name, draft->found->name, strnlen(draft->found->name, sizeof row->name - 1));
		memcpy(row->path, draft->found->path, strnlen(draft->found->path, sizeof row->path - 1));
		row->enabled = draft->enabled;
		row->options_count = draft->set.count;
		row->values = (uint32_t)at;
		uint64_t *words = (void *)(w->block + at);
		put_values(w, &draft->set, words);
		words[draft->set.count] = yg_options_fingerprint(draft->set.options, draft->set.count);
		at += (draft->set.count + (size_t)1) * sizeof *words;
	}
}

int yg_block_write(const struct yg_compiler *c, int fd)
{
	struct yg_block_header header = plan(c);
	struct writer w = {.layout = yg_block_layout_of(&header)};
	if (header.texts_size > YG_BLOCK_TEXTS)
		return -E2BIG;
	if (ftruncate(fd, (off_t)w.layout.size) < 0)
		return -errno;
	w.block = mmap(NULL, w.layout.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (w.block == MAP_FAILED)
		return -errno;
	memset(w.block, 0, w.layout.size);
	w.header = (void *)w.block;
	*w.header = header;
	put_arrays(&w, c);
	put_values(&w, &c->core, (void *)(w.block + w.layout.values));
	put_plugins(&w, c);
	w.header->hash = yg_block_hash(w.block, w.layout.size);
	// What the readers would refuse shall be refused here, where a person still sees it.
	struct yg_config config;
	int error = yg_block_check(w.block, w.layout.size, &config);
	munmap(w.block, w.layout.size);
	if (!error && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
		error = -errno;
	return error;
}
