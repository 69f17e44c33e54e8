// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See options.h. One table is the command line, the environment and the help.
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "audit.h"
#include "base/log.h"
#include "courier/redis_url.h"
#include "listen.h"

enum { URL_BYTES = 2048 };

static const struct option_row {
	const char *name, *value, *help; // value NULL: a switch
	size_t offset;
} rows[] = {
    {"config", "FILE", "the sensor's yagura.yaml: its organisations", offsetof(struct web_options, config)},
    {"redis", "URL", "redis://[user:pass@]host[:port][/db] or unix://", offsetof(struct web_options, redis)},
    {"redis-password-file", "FILE", "its password, on the first line", offsetof(struct web_options, password_file)},
    {"sensors", "NAMES", "follow these alone, with commas between", offsetof(struct web_options, sensors)},
    {"listen", "WHERE", "127.0.0.1:8480, [::1]:8480 or unix:/path", offsetof(struct web_options, listen)},
    {"host", "NAMES", "host names of this server, with commas between", offsetof(struct web_options, names)},
    {"certificate", "FILE", "PEM; TLS 1.2 and 1.3", offsetof(struct web_options, certificate)},
    {"key", "FILE", "PEM, its key", offsetof(struct web_options, key)},
    {"insecure", NULL, "beyond this host also without TLS", offsetof(struct web_options, insecure)},
    {"behind-proxy", NULL, "believe X-Forwarded-For; TLS is the proxy's", offsetof(struct web_options, behind_proxy)},
    {"metrics", "WHERE", "GET /metrics, on this host alone: 127.0.0.1:9599", offsetof(struct web_options, metrics)},
    {"state", "FOLDER", "where the audit log is kept", offsetof(struct web_options, state)},
    {"audit-size", "MIB", "of a file of it, before the next is begun", offsetof(struct web_options, audit_size)},
    {"timezone", "ZONE", "of texts and of the audit log", offsetof(struct web_options, timezone)},
    {"soc-name", "TEXT", "who hands over, on sheets for bodies", offsetof(struct web_options, soc_name)},
    {"soc-contact", "TEXT", "how to reach them", offsetof(struct web_options, soc_contact)},
    {"role", "ROLE", "user add: analyst, lead, admin, ... (see manual)", offsetof(struct web_options, role)},
    {"bodies", "CODES", "user add: all, or codes with commas between", offsetof(struct web_options, bodies)},
    {"password-stdin", NULL, "user add: the password is on standard input", offsetof(struct web_options, password_stdin)},
};
enum { ROWS = sizeof rows / sizeof *rows, CHECK = ROWS, HELP, VERSION };

static void help(void)
{
	puts("yagura-web [OPTIONS]                        the dashboard\n"
	     "yagura-web --check [OPTIONS]                reads what it would read, and ends\n"
	     "yagura-web user add NAME --role ROLE        makes a user, or a new password\n"
	     "yagura-web audit verify FILE|FOLDER         walks the chain of an audit log\n"
	     "yagura-web version\n");
	for (size_t i = 0; i < ROWS; i++) {
		char left[64];
		snprintf(left, sizeof left, "--%s%s%s", rows[i].name, rows[i].value ? " " : "", rows[i].value ? rows[i].value : "");
		printf("  %-27s %s\n", left, rows[i].help);
	}
	puts("\nEach also as YAGURA_WEB_<NAME>, with _ for -. See yagura-web(8).");
}

static void set(struct web_options *o, const struct option_row *row, const char *value)
{
	char *field = (char *)o + row->offset;
	if (row->value)
		memcpy(field, &value, sizeof value);
	else
		*(bool *)(void *)field = strcmp(value, "0") != 0 && strcmp(value, "no") != 0 && *value;
}

static void read_environment(struct web_options *o)
{
	for (size_t i = 0; i < ROWS; i++) {
		char name[64];
		int n = snprintf(name, sizeof name, "YAGURA_WEB_%s", rows[i].name);
		for (int c = 0; c < n; c++)
			name[c] = name[c] == '-' ? '_' : (char)toupper((unsigned char)name[c]);
		const char *value = getenv(name);
		if (value && *value) // a line that was emptied is one that was taken out
			set(o, &rows[i], value);
	}
	const char *filter = getenv("YAGURA_WEB_SECCOMP"); // for a debugger; no option, so that nobody turns it off by habit
	o->seccomp = !filter || strcmp(filter, "0") != 0;
}

// `user add NAME`, `audit verify FILE`, `version`: words in front of or between the options.
static int read_words(struct web_options *o, int count, char **words)
{
	if (count == 0)
		return 0;
	if (count == 1 && strcmp(words[0], "version") == 0) {
		o->command = WEB_VERSION;
		return 0;
	}
	if (count == 3 && strcmp(words[0], "audit") == 0 && strcmp(words[1], "verify") == 0)
		o->command = WEB_AUDIT_VERIFY;
	else if (count == 3 && strcmp(words[0], "user") == 0 && strcmp(words[1], "add") == 0)
		o->command = WEB_USER_ADD;
	else {
		yg_error("%s: there is no such command; see --help", words[0]);
		return EX_USAGE;
	}
	o->argument = words[2];
	return 0;
}

// The password goes into the URL: what reads it there is the one place that knows how to log in.
static int add_password(struct web_options *o)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
	char *text = web_read_file(o->password_file), *url = malloc(URL_BYTES);
	const char *scheme = strstr(o->redis, "://");
	if (!text || !url || !scheme) {
		int status = text && url ? EX_CONFIG : EX_NOINPUT;
		if (status == EX_CONFIG)
			yg_error("--redis: only redis:// and unix://");
		else
			yg_error("%s: %s", o->password_file, strerror(errno));
		free(text);
		free(url);
		return status;
	}
	text[strcspn(text, "\r\n")] = '\0';
	const char *rest = scheme + 3, *at = strchr(rest, '@');
	int n = snprintf(url, URL_BYTES, "%.*s%.*s:", (int)(rest - o->redis), o->redis, at ? (int)strcspn(rest, ":@") : 0, rest);
	for (const char *p = text; *p && n < URL_BYTES; p++)
		n += snprintf(url + n, (size_t)(URL_BYTES - n), strchr(plain, *p) ? "%c" : "%%%02X", (unsigned char)*p);
	if (n < URL_BYTES)
		n += snprintf(url + n, (size_t)(URL_BYTES - n), "@%s", at ? at + 1 : rest);
	explicit_bzero(text, strlen(text));
	free(text);
	o->redis = url;
	return n < URL_BYTES ? 0 : EX_CONFIG;
}

// As sensor.name has them: a blank behind a comma would be a sensor that nobody ever finds.
static bool are_sensor_names(const char *names)
{
	static const char made_of[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	for (size_t n; *names; names += n + (names[n] == ',')) {
		n = strcspn(names, ",");
		if (!n || n > 63 || strspn(names, made_of) != n)
			return false;
	}
	return true;
}

static int check(struct web_options *o)
{
	struct yg_redis_url url;
	const char *reason = "";
	if (o->command == WEB_VERSION || o->command == WEB_AUDIT_VERIFY)
		return 0;
	if (!o->certificate != !o->key) {
		yg_error("--certificate and --key belong together");
		return EX_USAGE;
	}
	if (o->sensors && !are_sensor_names(o->sensors)) {
		yg_error("--sensors: names of sensors with commas between, and no blanks");
		return EX_USAGE;
	}
	unsigned long mib = o->audit_size ? strtoul(o->audit_size, NULL, 10) : WEB_AUDIT_MIB;
	size_t digits = o->audit_size ? strspn(o->audit_size, "0123456789") : 0;
	if (o->audit_size && (!digits || o->audit_size[digits] || mib < 1 || mib > WEB_AUDIT_MIB_MAX)) {
		yg_error("--audit-size: 1 to %d MiB", WEB_AUDIT_MIB_MAX);
		return EX_USAGE;
	}
	o->audit_mib = (unsigned)mib;
	if (o->command == WEB_USER_ADD && !o->role) {
		yg_error("user add: which --role?");
		return EX_USAGE;
	}
	// first: a URL that names the user and leaves the password to the file is none without it
	int error = o->password_file ? add_password(o) : 0;
	if (error)
		return error;
	if (yg_redis_url_parse(o->redis, &url, &reason) < 0) {
		yg_error("--redis: %s", reason);
		return EX_CONFIG;
	}
	explicit_bzero(&url, sizeof url);
	return 0;
}

int web_options_read(int argc, char **argv, struct web_options *ret_options)
{
	struct option table[ROWS + 4];
	struct web_options o = {
	    .redis = "redis://127.0.0.1:6379", .listen = "127.0.0.1:8480", .state = "/var/lib/yagura-web", .bodies = "all"};
	for (size_t i = 0; i < ROWS; i++)
		table[i] = (struct option){rows[i].name, rows[i].value ? required_argument : no_argument, NULL, (int)i};
	table[CHECK] = (struct option){"check", no_argument, NULL, CHECK};
	table[HELP] = (struct option){"help", no_argument, NULL, HELP};
	table[VERSION] = (struct option){"version", no_argument, NULL, VERSION};
	table[VERSION + 1] = (struct option){0};
	read_environment(&o);
	for (int c; (c = getopt_long(argc, argv, "", table, NULL)) != -1;) {
		if (c == '?')
			return EX_USAGE;
		if (c == HELP) {
			help();
			return -1;
		}
		if (c < ROWS)
			set(&o, &rows[c], rows[c].value ? optarg : "1");
		else
			o.command = c == CHECK ? WEB_CHECK : WEB_VERSION;
	}
	int error = read_words(&o, argc - optind, argv + optind);
	if (!error)
		error = check(&o);
	if (!error)
		*ret_options = o;
	return error;
}

void web_options_finish(struct web_options *options)
{
	if (options->password_file && options->redis) {
		explicit_bzero((char *)(uintptr_t)options->redis, strlen(options->redis));
		free((char *)(uintptr_t)options->redis);
	}
	options->redis = NULL;
}
