// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The subcommands of `yagura`, one file each (cmd_<name>.c). argv[0] is the subcommand's name. Each returns an exit status
// of sysexits.h, and answers --help within 80 columns, in Japanese or English.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "config/compile.h"

int cmd_replay(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_stats(int argc, char **argv);
int cmd_reload(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_config(int argc, char **argv);
int cmd_plugins(int argc, char **argv);
int cmd_version(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_spool(int argc, char **argv);
int cmd_tail(int argc, char **argv);
int cmd_eval(int argc, char **argv);
int cmd_explain(int argc, char **argv);

// Where the helper programs, the plugins and the default configuration are: beside the program itself when it runs from
// a build tree, else where they were installed.
struct yg_paths {
	char libexec[4096]; // folder of yagura-engine, yagura-dissector, yagura-courier
	char plugins[4096]; // folder of <name>/<name>.so (build tree) or <name>.so (installed)
	char config[4096];  // yagura.yaml, empty when there is none
};
int yg_paths_find(struct yg_paths *ret_paths);

// Loads the descriptors of every plugin in the folder (cli/plugins.c). They stay loaded. The number found, or negative errno.
// A shared object that is no plugin, or of another ABI, is reported on stderr and left out.
int yg_plugins_find(const struct yg_paths *paths, struct yg_found_plugin *ret_plugins, size_t size);

// True when messages to a person are to be in Japanese: LC_ALL, LC_MESSAGES, LANG.
bool yg_language_japanese(void);

// Compiles the configuration in a child process into a sealed memfd. The descriptor, or -1 when it had errors (printed).
int yg_compile_in_child(const struct yg_compile_input *input);
