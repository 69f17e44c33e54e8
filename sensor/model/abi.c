// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See abi.h. A row for each minor version: how far its records went. The row of a version is written when the next one begins, and
// never changes again; tests/abi holds the headers to it.
#include "model/abi.h"

#include <stdio.h>
#include <string.h>

static const struct {
	size_t plugin, alert, host;
} extents[] = {
	{sizeof(struct yg_plugin), offsetof(struct yg_alert, learning), offsetof(struct yg_host, ask)}, // 1.0
	{sizeof(struct yg_plugin), sizeof(struct yg_alert), sizeof(struct yg_host)},                    // 1.1
};
_Static_assert(sizeof extents / sizeof extents[0] == YG_PLUGIN_ABI_MINOR + 1, "a row for each minor version");

bool yg_abi_accepts(const struct yg_plugin *p, char *ret_why)
{
	if (p->abi_major != YG_PLUGIN_ABI_MAJOR) {
		snprintf(ret_why, YG_ABI_WHY_MAX, "built for ABI %u.%u, this sensor has %u.%u; build it again", p->abi_major, p->abi_minor,
			 YG_PLUGIN_ABI_MAJOR, YG_PLUGIN_ABI_MINOR);
		return false;
	}
	if (p->abi_minor > YG_PLUGIN_ABI_MINOR) {
		snprintf(ret_why, YG_ABI_WHY_MAX,
			 "built for ABI %u.%u, which is newer than this sensor's %u.%u; update the sensor, or build it with this sensor's header",
			 p->abi_major, p->abi_minor, YG_PLUGIN_ABI_MAJOR, YG_PLUGIN_ABI_MINOR);
		return false;
	}
	if (p->size < extents[p->abi_minor].plugin) {
		snprintf(ret_why, YG_ABI_WHY_MAX, "says ABI %u.%u, but its description has %u of %zu bytes; build it again", p->abi_major,
			 p->abi_minor, p->size, extents[p->abi_minor].plugin);
		return false;
	}
	if (!p->name || !p->create || (p->options_count && !p->options)) {
		snprintf(ret_why, YG_ABI_WHY_MAX, "has no name, no create() or no option table; mend it");
		return false;
	}
	return true;
}

void yg_abi_describe(const struct yg_plugin *plugin, struct yg_plugin *ret_plugin)
{
	memset(ret_plugin, 0, sizeof *ret_plugin);
	memcpy(ret_plugin, plugin, extents[plugin->abi_minor].plugin);
}

void yg_abi_alert(unsigned minor, const struct yg_alert *raised, struct yg_alert *ret_alert)
{
	size_t known = minor <= YG_PLUGIN_ABI_MINOR ? extents[minor].alert : sizeof *ret_alert;
	memcpy(ret_alert, raised, known);
	memset((uint8_t *)ret_alert + known, 0, sizeof *ret_alert - known);
}

void yg_abi_host(unsigned minor, struct yg_host *host)
{
	size_t known = minor <= YG_PLUGIN_ABI_MINOR ? extents[minor].host : sizeof *host;
	memset((uint8_t *)host + known, 0, sizeof *host - known);
	host->size = (uint32_t)known;
}
