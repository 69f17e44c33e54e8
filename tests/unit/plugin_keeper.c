// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A detector that keeps one number: for the test of what the host does with save and restore. It learns the highest second that it saw.
#include <stdlib.h>
#include <string.h>
#include <yagura/plugin.h>

struct keeper {
	const struct yg_host *host;
	int64_t second, least;
};

static const struct yg_option options[] = {
	{"least", YG_OPT_INT, "s", 0, 100, "0", NULL, "Nothing; another value is another instance.", "なし。"},
};

static uint64_t memory_max(const union yg_value *values)
{
	(void)values;
	return sizeof(struct keeper);
}

static void *create(const struct yg_host *host, const union yg_value *values)
{
	struct keeper *k = calloc(1, sizeof *k);
	if (k) {
		k->host = host;
		k->least = values[0].i;
	}
	return k;
}

static void tick(void *self, int64_t second)
{
	struct keeper *k = self;
	struct yg_alert told = {.observed = (double)k->second};
	k->host->raise(k->host->context, &told);
	k->second = second > k->second ? second : k->second;
}

static uint32_t save(void *self, void *buffer, uint32_t size)
{
	const struct keeper *k = self;
	if (size < sizeof k->second)
		return 0;
	memcpy(buffer, &k->second, sizeof k->second);
	return sizeof k->second;
}

static int restore(void *self, const void *buffer, uint32_t size)
{
	struct keeper *k = self;
	if (size != sizeof k->second)
		return -1;
	memcpy(&k->second, buffer, size);
	return 0;
}

const struct yg_plugin yagura_plugin = {
	YG_PLUGIN_HEADER, .name = "keeper", .version = "1", .licence = "Apache-2.0", .summary_en = "For a test.", .summary_ja = "試験用。",
	.options = options, .options_count = 1, .memory_max = memory_max, .create = create, .destroy = free, .tick = tick, .save = save,
	.restore = restore,
};
