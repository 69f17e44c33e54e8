// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// yagura-explain: what `yagura explain` becomes. Finds the newest line of an alert in EVE files or in the streams of a Redis and says what
// it means. A program of its own, since it may link hiredis and reads what anybody may have written.
//
//   yagura-explain ja|en FILE [OPTION]… ALERT    FILE: eve.file of the configuration, or empty; options as in `yagura explain --help`
#include <errno.h>
#include <getopt.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sysexits.h>
#include <unistd.h>

#include "explain/explain.h"
#include "tail/streams.h"

enum { KEPT = 20, FILES_MAX = 64, EXIT_SEVERAL = 2, EXIT_NONE = 1 };

struct candidate {
	struct explain_alert alert;
	int64_t time_s;
	unsigned opens, updates, closes;
};

struct finder {
	struct explain_look look;
	const char *files[FILES_MAX], *redis, *names[TAIL_SENSORS];
	unsigned files_count, names_count;
	char id[24];              // what was asked for, in lower case
	size_t id_length;
	struct candidate found[KEPT];
	unsigned count;
	unsigned long long beyond, unreadable; // ids beyond KEPT, seen each time; lines too long or no JSON
	struct explain_alert line; // at hand
};

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

static const char *t(const struct finder *f, const char *en, const char *ja)
{
	return f->look.japanese ? ja : en;
}

// ---- lines ----

static struct candidate *candidate_of(struct finder *f, const char *id)
{
	for (unsigned i = 0; i < f->count; i++)
		if (strcmp(f->found[i].alert.id, id) == 0)
			return &f->found[i];
	if (f->count == KEPT) {
		f->beyond++;
		return NULL;
	}
	f->found[f->count].time_s = INT64_MIN;
	return &f->found[f->count++];
}

static void take_line(struct finder *f, const char *line, size_t length)
{
	// Most lines are of other alerts, or of flows: their bytes say so for far less than reading them.
	if (!memmem(line, length, f->id, f->id_length))
		return;
	if (!explain_read(line, length, &f->line)) {
		f->unreadable++;
		return;
	}
	if (strncasecmp(f->line.id, f->id, f->id_length) != 0)
		return;
	struct candidate *c = candidate_of(f, f->line.id);
	if (!c)
		return;
	int64_t time_s = tail_time(f->line.timestamp);
	c->opens += strcmp(f->line.state, "open") == 0;
	c->updates += strcmp(f->line.state, "update") == 0;
	c->closes += strcmp(f->line.state, "close") == 0;
	if (time_s < c->time_s)
		return;
	c->alert = f->line;
	c->time_s = time_s;
}

static int read_stream(struct finder *f, FILE *in)
{
	char *line = malloc(TAIL_LINE_MAX + 2);
	if (!line)
		return -ENOMEM;
	while (!stop && fgets(line, TAIL_LINE_MAX + 2, in)) {
		size_t length = strlen(line);
		if (length && line[length - 1] == '\n') {
			take_line(f, line, length - 1);
		} else if (feof(in)) {
			take_line(f, line, length); // the last one, being written
		} else {
			f->unreadable++;
			for (int c = getc(in); c != '\n' && c != EOF;)
				c = getc(in);
		}
	}
	free(line);
	return ferror(in) ? -EIO : 0;
}

static int read_file(struct finder *f, const char *path)
{
	if (strcmp(path, "-") == 0)
		return read_stream(f, stdin);
	FILE *in = fopen(path, "re");
	if (!in)
		return -errno;
	int error = read_stream(f, in);
	fclose(in);
	return error;
}

// ---- Redis ----

static void on_entry(void *context, unsigned sensor, const struct tail_id *id, const char *line, size_t length)
{
	(void)sensor;
	(void)id;
	take_line(context, line, length);
}

static void on_turn(void *context)
{
	(void)context;
}

static void on_say(void *context, const char *en, const char *ja, const char *about)
{
	char plain[300];
	tail_plain(plain, sizeof plain, about, strlen(about));
	fprintf(stderr, "yagura explain: %s%s%s\n", t(context, en, ja), plain[0] ? ": " : "", plain);
}

static bool on_waits(void *context)
{
	(void)context;
	return false;
}

static int read_redis(struct finder *f)
{
	struct tail_options options = {.names = f->names, .names_count = f->names_count, .from = TAIL_FROM_BEGIN, .once = true, .stop = &stop};
	const struct tail_calls calls = {f, on_entry, on_turn, on_say, on_waits};
	const char *reason;
	if (yg_redis_url_parse(f->redis, &options.url, &reason) != 0) {
		fprintf(stderr, "yagura explain: --redis: %s\n", reason);
		return EX_USAGE;
	}
	struct tail_streams *streams = tail_streams_create(&options, &calls);
	if (!streams)
		return EX_OSERR;
	int error = tail_streams_run(streams);
	tail_streams_destroy(streams);
	return error < 0 ? EX_UNAVAILABLE : EX_OK;
}

// ---- what is said ----

static int tell_none(const struct finder *f)
{
	fprintf(stderr, f->look.japanese ? "yagura explain: IDが %s で始まるアラートは見つかりません\n" : "yagura explain: no alert whose id begins with %s\n",
	        f->id);
	if (f->unreadable)
		fprintf(stderr, f->look.japanese ? "yagura explain: 読み取れない行が%lluありました\n" : "yagura explain: %llu lines could not be read\n",
		        f->unreadable);
	return EXIT_NONE;
}

static int tell_several(const struct finder *f)
{
	fprintf(stderr, f->look.japanese ? "yagura explain: %2$s で始まるアラートが%1$u件あります。1つを指定してください:\n" : "yagura explain: %u alerts begin with %s; name one:\n",
	        f->count, f->id);
	for (unsigned i = 0; i < f->count; i++) {
		const struct explain_alert *a = &f->found[i].alert;
		printf("%s  %.19s  %s  %s  %s\n", a->id, a->timestamp, a->severity, a->kind, a->target[0] ? a->target : a->source);
	}
	if (f->beyond)
		fputs(t(f, "yagura explain: there are more\n", "yagura explain: ほかにもあります\n"), stderr);
	return EXIT_SEVERAL;
}

static int tell(struct finder *f)
{
	int status = EX_OK;
	if (f->count == 0)
		return tell_none(f);
	if (f->count > 1) {
		status = tell_several(f);
	} else {
		f->look.opens = f->found[0].opens;
		f->look.updates = f->found[0].updates;
		f->look.closes = f->found[0].closes;
		explain_print(stdout, &f->found[0].alert, &f->look);
	}
	return fflush(stdout) != 0 || ferror(stdout) ? EX_IOERR : status;
}

// ---- arguments ----

static bool set_id(struct finder *f, const char *text)
{
	size_t n = strlen(text);
	if (n == 0 || n > 16 || text[strspn(text, "0123456789abcdefABCDEF")]) {
		fputs(t(f, "yagura explain: an alert's id is wanted, or its first characters: up to 16 of 0-9 and a-f\n",
		        "yagura explain: アラートのID、またはその先頭の文字（0～9とa～fで16文字以内）を指定してください\n"),
		      stderr);
		return false;
	}
	for (size_t i = 0; i < n; i++)
		f->id[i] = (char)(text[i] >= 'A' && text[i] <= 'F' ? text[i] + 32 : text[i]);
	f->id_length = n;
	return true;
}

static bool parse(struct finder *f, int argc, char **argv, const char *configured)
{
	static const struct option options[] = {
	    {"eve", required_argument, NULL, 'e'}, {"redis", required_argument, NULL, 'r'}, {"sensor", required_argument, NULL, 's'},
	    {"config", required_argument, NULL, 'c'}, {NULL, 0, NULL, 0},
	};
	for (int c; (c = getopt_long(argc, argv, "c:", options, NULL)) != -1;) {
		if (c == 'e' && f->files_count < FILES_MAX)
			f->files[f->files_count++] = optarg;
		else if (c == 'r')
			f->redis = optarg;
		else if (c == 's' && f->names_count < TAIL_SENSORS && optarg[0] && strlen(optarg) < TAIL_NAME)
			f->names[f->names_count++] = optarg;
		else if (c != 'c') // that has been read already
			return false;
	}
	if (optind + 1 != argc)
		return false;
	if (!f->files_count && !f->redis && configured[0])
		f->files[f->files_count++] = configured;
	return set_id(f, argv[optind]);
}

// Blocks and lines of Unicode only where they can be shown: with a locale of UTF-8, or when the words are Japanese anyway.
static void look_at_terminal(struct finder *f)
{
	struct winsize size = {0};
	const char *columns = getenv("COLUMNS");
	f->look.columns = 80;
	if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
		f->look.columns = size.ws_col;
	else if (columns && strspn(columns, "0123456789") == strlen(columns) && columns[0] && strlen(columns) < 5)
		f->look.columns = (unsigned)strtoul(columns, NULL, 10);
	f->look.columns = f->look.columns < 40 ? 40 : f->look.columns;
	f->look.unicode = f->look.japanese || strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

int main(int argc, char **argv)
{
	static struct finder f;
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND};
	setlocale(LC_CTYPE, "");
	if (argc < 3)
		return EX_USAGE;
	const char *configured = argv[2];
	f.look.japanese = strcmp(argv[1], "ja") == 0;
	argv[2] = argv[0];
	look_at_terminal(&f);
	if (!parse(&f, argc - 2, argv + 2, configured)) {
		fputs("Try 'yagura explain --help'.\n", stderr);
		return EX_USAGE;
	}
	if (!f.files_count && !f.redis) {
		fputs(t(&f, "yagura explain: the configuration names no eve.file; use --eve or --redis\n",
		        "yagura explain: 設定にeve.fileがありません。--eve または --redis を指定してください\n"),
		      stderr);
		return EX_USAGE;
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	for (unsigned i = 0; i < f.files_count; i++) {
		int error = read_file(&f, f.files[i]);
		if (error) {
			fprintf(stderr, "yagura explain: %s: %s\n", f.files[i], strerror(-error));
			return error == -ENOMEM ? EX_OSERR : EX_NOINPUT;
		}
	}
	int status = f.redis ? read_redis(&f) : EX_OK;
	return stop ? 130 : status ? status : tell(&f);
}
