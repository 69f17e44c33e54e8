// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The compiled block in memory: mapping, and the getters. Without libyaml, so that the engine, the dissector and the
// courier can link it. The mapping is private and read-only: a shared one of a write-sealed memfd is refused by kernels
// before 6.7.
#include "config/config.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "config/block.h"
#include "config/value.h"

// A block that somebody could still write to would be checked in vain.
static bool is_sealed(int fd)
{
	const int needed = F_SEAL_WRITE | F_SEAL_SHRINK;
	int seals = fcntl(fd, F_GET_SEALS);
	return seals >= 0 && (seals & needed) == needed;
}

int yg_config_open(int fd, struct yg_config *ret_config)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!is_sealed(fd) || st.st_size < (off_t)sizeof(struct yg_block_header) || st.st_size > UINT32_MAX)
		return -EBADMSG;
	size_t size = (size_t)st.st_size;
	void *block = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (block == MAP_FAILED)
		return -errno;
	int error = yg_block_check(block, size, ret_config);
	if (error)
		munmap(block, size);
	return error;
}

void yg_config_close(struct yg_config *config)
{
	if (config && config->block)
		munmap((void *)config->block, config->size);
	if (config)
		*config = (struct yg_config){0};
}

int64_t yg_config_int(const struct yg_config *config, enum yg_option_id id)
{
	enum yg_option_type type = yg_core_options[id].type;
	assert(type == YG_OPT_INT || type == YG_OPT_BOOL || type == YG_OPT_ENUM || type == YG_OPT_BYTES ||
	       type == YG_OPT_BPS);
	return (int64_t)config->values[id];
}

double yg_config_float(const struct yg_config *config, enum yg_option_id id)
{
	enum yg_option_type type = yg_core_options[id].type;
	assert(type == YG_OPT_FLOAT || type == YG_OPT_DURATION);
	double value;
	memcpy(&value, &config->values[id], sizeof value);
	return value;
}

int64_t yg_config_ns(const struct yg_config *config, enum yg_option_id id)
{
	assert(yg_core_options[id].type == YG_OPT_DURATION);
	// Rounded: 0.1 s is not a binary fraction.
	return (int64_t)(yg_config_float(config, id) * 1e9 + 0.5);
}

const char *yg_config_string(const struct yg_config *config, enum yg_option_id id)
{
	assert(yg_core_options[id].type == YG_OPT_STRING);
	return (const char *)config->block + config->values[id];
}

static void folder_of(const char *folder, const char *automatic, char *ret_path)
{
	const char *state = getenv("STATE_DIRECTORY");
	ret_path[0] = 0;
	if (strcmp(folder, "auto") != 0)
		snprintf(ret_path, PATH_MAX, "%s", folder);
	else if (state && state[0] == '/')
		snprintf(ret_path, PATH_MAX, "%.*s/%s", (int)strcspn(state, ":"), state, automatic); // systemd names several, with colons between
}

void yg_config_spool_folder(const struct yg_config *config, char *ret_path)
{
	folder_of(yg_config_string(config, YG_O_SPOOL_FOLDER), "spool", ret_path);
}

void yg_config_state_folder(const struct yg_config *config, char *ret_path)
{
	folder_of(yg_config_string(config, YG_O_STATE_FOLDER), "state", ret_path);
}

bool yg_config_spooled(const struct yg_config *config)
{
	char path[PATH_MAX];
	yg_config_spool_folder(config, path);
	return path[0] != 0;
}

static size_t texts_of(const struct yg_config *config)
{
	struct yg_block_header header;
	memcpy(&header, config->block, sizeof header);
	return yg_block_layout_of(&header).texts;
}

int yg_config_plugin_values(const struct yg_config *config, const struct yg_config_plugin *plugin,
                            const struct yg_option *options, uint32_t options_count, union yg_value *ret_values)
{
	union yg_value values[YG_CONFIG_PLUGIN_OPTIONS_MAX];
	if (options_count != plugin->options_count || options_count > YG_CONFIG_PLUGIN_OPTIONS_MAX)
		return -EINVAL;
	const uint64_t *words = (const void *)((const uint8_t *)config->block + plugin->values);
	if (words[options_count] != yg_options_fingerprint(options, options_count))
		return -EINVAL;
	size_t texts = texts_of(config);
	for (uint32_t i = 0; i < options_count; i++) {
		memcpy(&values[i], &words[i], sizeof words[i]);
		if (options[i].type == YG_OPT_STRING) {
			if (words[i] < texts || words[i] >= config->size)
				return -EINVAL;
			values[i].s = (const char *)config->block + words[i];
		}
		if (!yg_value_possible(&options[i], values[i]))
			return -EINVAL;
	}
	memcpy(ret_values, values, options_count * sizeof values[0]);
	return 0;
}
