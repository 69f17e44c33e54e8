// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The whole of <yagura/plugin.h> in one shared object, for tests/abi/abi.sh to dump and compare: every record that a detector sees is
// reached from here. Compiled against whichever header is in front.
#include <yagura/plugin.h>

void yagura_interface(const struct yg_plugin *plugin, const struct yg_host *host, struct yg_alert *alert);

void yagura_interface(const struct yg_plugin *plugin, const struct yg_host *host, struct yg_alert *alert)
{
	if (plugin->magic == YG_PLUGIN_MAGIC)
		host->raise(host->context, alert);
}

// Records hold enums as plain bytes: their values have to be reached by themselves.
struct yagura_enums {
	enum yg_zone zone;
	enum yg_rank rank;
	enum yg_flow_event flow_event;
	enum yg_flow_end flow_end;
	enum yg_confidence confidence;
	enum yg_unclassified unclassified;
	enum yg_outcome outcome;
	enum yg_scope scope;
	enum yg_vector vector;
	enum yg_severity severity;
	enum yg_alert_state state;
	enum yg_option_type option_type;
#if YG_PLUGIN_ABI_MINOR >= 1
	enum yg_learning learning;
	enum yg_alert_mode mode;
	enum yg_impact impact;
	enum yg_role role;
#endif
};

int yagura_values(const struct yagura_enums *enums);

int yagura_values(const struct yagura_enums *enums)
{
	return (int)enums->zone;
}
