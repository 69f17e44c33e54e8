// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What yagura-web is told: on the command line, or as YAGURA_WEB_<NAME> in the environment, where the command line has the last word.
// Thread: main.
#pragma once

#include <stdbool.h>

enum web_command { WEB_RUN, WEB_CHECK, WEB_AUDIT_VERIFY, WEB_USER_ADD, WEB_VERSION };

struct web_options {
	enum web_command command;
	const char *argument; // FILE or FOLDER of audit verify, NAME of user add
	const char *config;   // the sensor's yagura.yaml; NULL: none
	const char *redis;    // URL, with the password of --redis-password-file
	const char *password_file;
	const char *metrics;  // NULL: none
	const char *sensors;  // names, with commas; NULL: those that are found
	const char *listen, *names, *certificate, *key;
	const char *state, *timezone, *audit_size;
	unsigned audit_mib;   // of a file of the audit log
	const char *soc_name, *soc_contact;
	const char *role, *bodies;
	bool insecure, behind_proxy, password_stdin, seccomp;
};

// 0; 64 (usage), 66, 78: said on stderr; -1: help was asked for, and is on stdout.
int web_options_read(int argc, char **argv, struct web_options *ret_options);
void web_options_finish(struct web_options *options);
