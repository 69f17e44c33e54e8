// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The order of a compilation. See compiler.h for the parts and compile.h for who calls it and where it runs.
#include "config/compile.h"

#include <string.h>

#include "config/compiler.h"

static void read_root(struct yg_compiler *c, const struct yg_node *root)
{
	yg_options_read(c, root);
	if (!c->input->without_plugins)
		yg_plugins_read(c, yg_node_child(root, "plugins"));
	yg_orgs_read(c, yg_node_child(root, "organisations"));
	yg_home_read(c, yg_node_child(root, "home"));
}

static void read_all(struct yg_compiler *c)
{
	const struct yg_node *root = NULL;
	if (c->input->path)
		root = yg_yaml_read(&c->arena, &c->report, c->input->path, c->input->trusted_only);
	if (root && root->kind != YG_NODE_MAPPING) {
		yg_complain(&c->report, root->at, NULL, "is no mapping; write `key: value` lines");
		root = NULL;
	}
	if (root)
		read_root(c, root);
	else
		yg_home_read(c, NULL);
	yg_overrides_read(c);
	yg_orgs_check(c);
	yg_prefixes_check(c);
	yg_servers_read(c);
	yg_servers_check(c);
	yg_modes_read(c, root);
	yg_zone_read(c);
	yg_thresholds_read(c);
	yg_shared_read(c, root ? yg_node_child(root, "shared_services") : NULL);
	yg_suppressions_read(c, root ? yg_node_child(root, "suppressions") : NULL);
	yg_options_check(c);
	yg_calendar_read(c, root ? yg_node_child(root, "calendar") : NULL);
	yg_learned_check(c);
}

int yg_compile(const struct yg_compile_input *input, int fd, FILE *errors)
{
	struct yg_compiler c;
	yg_compiler_init(&c, input, errors);
	c.report.no_warnings = input->usual != NULL;
	read_all(&c);
	if (c.report.errors == 0) {
		int error = yg_block_write(&c, fd);
		if (error)
			yg_complain(&c.report, (struct yg_place){input->path ? input->path : "defaults", 0, 0}, NULL,
			            "cannot be compiled (%s); free memory and try again", strerror(-error));
	}
	yg_report_finish(&c.report);
	int count = c.report.errors;
	yg_compiler_finish(&c);
	return count;
}
