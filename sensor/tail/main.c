// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// yagura-tail: what `yagura tail` becomes. It follows the alerts of one or all sensors in a Redis, shows each once, and says when a number
// of a sensor's sequence is missing. A program of its own, since it links hiredis and reads what anybody may have written.
//
//   yagura-tail ja|en [OPTION]…       options as in `yagura tail --help`, which has checked none of them
#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "tail/streams.h"

struct tail {
	struct tail_options options;
	const char *names[TAIL_SENSORS];
	bool japanese, json;
	int64_t since_s;         // INT64_MIN: no limit
	struct tail_streams *streams;
	struct tail_merge *merge;
	struct tail_entry entry; // the one at hand
	char *raw;               // room for a line as it is printed
	uint64_t shown, lost, trimmed, repeated, unreadable;
	bool output_failed;
};

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

static const char *t(const struct tail *tail, const char *en, const char *ja)
{
	return tail->japanese ? ja : en;
}

static int64_t now_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000) + ts.tv_nsec / 1000000;
}

// ---- what is printed ----

static const char *word(const struct tail *tail, const char *text)
{
	static const struct { const char *name, *ja; } words[] = {
		{"critical", "緊急"}, {"high", "高"}, {"medium", "中"}, {"low", "低"}, {"info", "参考"},
		{"open", "発生"}, {"update", "継続"}, {"close", "終了"},
	};
	for (size_t i = 0; tail->japanese && i < sizeof words / sizeof *words; i++)
		if (strcmp(text, words[i].name) == 0)
			return words[i].ja;
	return text;
}

static const char *either(const char *first, const char *second)
{
	return first[0] ? first : second;
}

static void print_names(const struct tail *tail, const uint8_t *sensors)
{
	const char *between = "";
	for (unsigned i = 0; i < tail_streams_count(tail->streams); i++) {
		char name[TAIL_NAME];
		const char *key = tail_streams_sensor(tail->streams, i)->name;
		if (!sensors[i])
			continue;
		tail_plain(name, sizeof name, key, strlen(key));
		printf("%s%s", between, name);
		between = t(tail, ", ", "、");
	}
}

static void print_human(const struct tail *tail, const struct tail_shown *shown)
{
	const struct tail_entry *e = shown->entry;
	const char *signature = strncmp(e->signature, "YAGURA ", 7) == 0 ? e->signature + 7 : e->signature;
	const char *kind = tail->japanese ? either(e->kind_ja, e->kind) : either(signature, e->kind);
	const char *org = tail->japanese ? either(e->org_ja, e->org_en) : either(e->org_en, e->org_ja);
	const char *text = tail->japanese ? either(e->text_ja, e->text_en) : either(e->text_en, e->text_ja);
	printf("%.10s %.8s  %s %s  %s%s%s  ", e->timestamp, strlen(e->timestamp) > 11 ? e->timestamp + 11 : "", word(tail, e->severity),
	       word(tail, e->state), org, org[0] ? "  " : "", kind);
	printf("%s  %s  [", either(e->target, e->source), text);
	print_names(tail, shown->sensors);
	printf("]\n");
}

static void on_show(void *context, const struct tail_shown *shown)
{
	struct tail *tail = context;
	if (tail->json) {
		size_t n = tail_raw(tail->raw, shown->line, shown->length);
		while (n && tail->raw[n - 1] == ' ') // its newline
			n--;
		fwrite(tail->raw, 1, n, stdout);
		putchar('\n');
	} else {
		print_human(tail, shown);
	}
	tail->shown++;
	tail->output_failed = tail->output_failed || ferror(stdout);
	if (tail->output_failed)
		stop = 1;
}

static void on_say(void *context, const char *en, const char *ja, const char *about)
{
	const struct tail *tail = context;
	char plain[300];
	tail_plain(plain, sizeof plain, about, strlen(about));
	fflush(stdout);
	fprintf(stderr, "yagura tail: %s%s%s\n", t(tail, en, ja), plain[0] ? ": " : "", plain);
}

// ---- what comes ----

static void tell_hole(struct tail *tail, unsigned sensor, const struct tail_id *id, uint64_t missing)
{
	struct tail_id first;
	char name[TAIL_NAME];
	const char *key = tail_streams_sensor(tail->streams, sensor)->name;
	// What lies before the lowest entry that is left was given up by age or number: who reads in time does not miss it.
	bool trimmed = tail_streams_first(tail->streams, sensor, &first) &&
		       (first.generation > id->generation || (first.generation == id->generation && first.sequence >= id->sequence));
	tail_plain(name, sizeof name, key, strlen(key));
	fflush(stdout);
	unsigned long long n = missing, run = tail->entry.run, before = tail->entry.sequence;
	if (tail->japanese)
		fprintf(stderr, "yagura tail: %s: 欠落 %llu件（run %llu、sequence %llu の直前、ID %llu-%llu）%s\n", name, n, run, before,
			(unsigned long long)id->generation, (unsigned long long)id->sequence,
			trimmed ? "：保持件数または期間を超えて削除されたもの" : "：届いていません");
	else
		fprintf(stderr, "yagura tail: %s: %llu missing before sequence %llu of run %llu (id %llu-%llu): %s\n", name, n, before, run,
			(unsigned long long)id->generation, (unsigned long long)id->sequence,
			trimmed ? "trimmed before they were read" : "never came");
	*(trimmed ? &tail->trimmed : &tail->lost) += missing;
}

static void on_entry(void *context, unsigned sensor, const struct tail_id *id, const char *line, size_t length)
{
	struct tail *tail = context;
	uint64_t missing;
	if (!tail_entry_read(line, length, &tail->entry)) {
		tail->unreadable++;
		return;
	}
	struct tail_sequence *sequence = &tail_streams_sensor(tail->streams, sensor)->sequence;
	enum tail_verdict verdict = tail_sequence_next(sequence, &tail->entry, id, &missing);
	if (verdict == TAIL_HOLE)
		tell_hole(tail, sensor, id, missing);
	tail->repeated += verdict == TAIL_REPEATED;
	if (verdict == TAIL_REPEATED || (tail->since_s != INT64_MIN && tail->entry.time_s < tail->since_s))
		return;
	tail_merge_add(tail->merge, sensor, &tail->entry, line, length, now_ms());
}

static void on_turn(void *context)
{
	struct tail *tail = context;
	tail_merge_turn(tail->merge, tail->options.once ? INT64_MIN : now_ms());
	fflush(stdout);
	tail->output_failed = tail->output_failed || ferror(stdout);
	if (tail->output_failed)
		stop = 1;
}

static bool on_waits(void *context)
{
	return tail_merge_holds(((struct tail *)context)->merge);
}

// ---- arguments ----

// "90s", "30m", "2h", "1d" ago, or "2026-11-21T16:04[:05]" of this host's clock, or with a zone.
static bool parse_since(const char *text, int64_t *ret_s)
{
	static const char units[] = "smhd";
	static const int64_t seconds[] = {1, 60, 3600, 86400};
	char *end;
	long long n = strtoll(text, &end, 10);
	const char *unit = *end && end[1] == '\0' ? strchr(units, *end) : NULL;
	if (unit && end > text && n >= 0 && n < 1000000000) {
		*ret_s = time(NULL) - n * seconds[unit - units];
		return true;
	}
	char whole[48];
	struct tm tm = {.tm_isdst = -1};
	size_t length = strlen(text);
	if (length > 19) {
		*ret_s = tail_time(text);
		return *ret_s != INT64_MIN;
	}
	snprintf(whole, sizeof whole, "%s%s", text, length == 10 ? "T00:00:00" : length == 16 ? ":00" : "");
	if (tail_time(whole) == INT64_MIN)
		return false;
	sscanf(whole, "%d-%d-%dT%d:%d:%d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec);
	tm.tm_year -= 1900;
	tm.tm_mon--;
	*ret_s = mktime(&tm);
	return true;
}

static bool wrong(const char *option, const char *why)
{
	fprintf(stderr, "yagura: tail: %s: %s\n", option, why);
	return false;
}

static bool parse_count(struct tail *tail, const char *text)
{
	char *end;
	tail->options.from = TAIL_FROM_LAST;
	tail->options.last = strtoul(text, &end, 10);
	bool number = text[0] >= '0' && text[0] <= '9' && *end == '\0';
	return (number && tail->options.last <= TAIL_LAST_MAX) || wrong("-n", "a number up to 10000 is wanted");
}

static bool parse_one(struct tail *tail, int option, char *value)
{
	struct tail_options *o = &tail->options;
	const char *reason;
	switch (option) {
	case 'u':
		return yg_redis_url_parse(value, &o->url, &reason) == 0 || wrong("--url", reason);
	case 's':
		if (strcmp(value, "all") == 0)
			return true;
		if (o->names_count == TAIL_SENSORS)
			return wrong("--sensor", "at most 256");
		tail->names[o->names_count++] = value;
		return value[0] != '\0' && strlen(value) < TAIL_NAME ? true : wrong("--sensor", "no name of a sensor");
	case 'f':
		o->from = TAIL_FROM_ID;
		return tail_id_parse(value, &o->id) || wrong("--from", "an id is wanted, as 3-1200");
	case 't':
		o->from = TAIL_FROM_BEGIN;
		return parse_since(value, &tail->since_s) || wrong("--since", "30m, 2h, 1d or 2026-11-21T16:04 is wanted");
	case 'n':
		return parse_count(tail, value);
	case 'j':
		return tail->json = true;
	case 'o':
		return o->once = true;
	default:
		return false;
	}
}

static bool parse(struct tail *tail, int argc, char **argv)
{
	static const struct option options[] = {
		{"url", required_argument, NULL, 'u'}, {"sensor", required_argument, NULL, 's'}, {"from", required_argument, NULL, 'f'},
		{"since", required_argument, NULL, 't'}, {"json", no_argument, NULL, 'j'}, {"once", no_argument, NULL, 'o'}, {NULL, 0, NULL, 0},
	};
	const char *reason;
	yg_redis_url_parse("redis://127.0.0.1:6379", &tail->options.url, &reason);
	tail->options.names = tail->names;
	tail->options.last = 10;
	tail->options.stop = &stop;
	tail->since_s = INT64_MIN;
	for (int c; (c = getopt_long(argc, argv, "n:", options, NULL)) != -1;)
		if (!parse_one(tail, c, optarg))
			return false;
	return optind == argc || wrong(argv[optind], "no such argument");
}

static void say_closing(const struct tail *tail)
{
	struct tail_merge_stats m = tail_merge_stats(tail->merge);
	const struct { const char *en, *ja; uint64_t n; } figures[] = {
		{"sensors", "センサー", tail_streams_count(tail->streams)}, {"shown", "表示", tail->shown}, {"merged", "統合", m.merged},
		{"merged late", "表示後の統合", m.late}, {"missing", "欠落", tail->lost}, {"trimmed", "保持期間超過", tail->trimmed},
		{"repeated", "重複", tail->repeated}, {"unreadable", "読取不能", tail->unreadable}, {"shown early", "早期表示", m.early},
		{"forgotten", "統合対象外", m.forgotten}, {"sensors left out", "対象外センサー", tail_streams_left_out(tail->streams)},
	};
	fputs("yagura tail:", stderr);
	for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
		fprintf(stderr, "%s%s %llu", i ? t(tail, ", ", "、") : " ", t(tail, figures[i].en, figures[i].ja),
			(unsigned long long)figures[i].n);
	fputc('\n', stderr);
}

static int follow(struct tail *tail)
{
	const struct tail_calls calls = {tail, on_entry, on_turn, on_say, on_waits};
	tail->raw = malloc(6 * (size_t)TAIL_LINE_MAX + 1);
	tail->merge = tail_merge_create(on_show, tail);
	tail->streams = tail_streams_create(&tail->options, &calls);
	if (!tail->raw || !tail->merge || !tail->streams)
		return EX_OSERR;
	int result = tail_streams_run(tail->streams);
	tail_merge_turn(tail->merge, INT64_MAX);
	fflush(stdout);
	say_closing(tail);
	if (tail->output_failed || ferror(stdout))
		return EX_IOERR;
	if (result < 0)
		return EX_UNAVAILABLE;
	return tail->options.once && tail->lost ? EX_DATAERR : EX_OK;
}

int main(int argc, char **argv)
{
	static struct tail tail;
	// The second one ends it at once: hiredis waits on for a Redis that sends a byte now and then.
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND};
	setlocale(LC_CTYPE, "");
	if (argc < 2)
		return EX_USAGE;
	tail.japanese = strcmp(argv[1], "ja") == 0;
	argv[1] = argv[0];
	if (!parse(&tail, argc - 1, argv + 1)) {
		fputs("Try 'yagura tail --help'.\n", stderr);
		return EX_USAGE;
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	int status = follow(&tail);
	tail_streams_destroy(tail.streams);
	tail_merge_destroy(tail.merge);
	free(tail.raw);
	return status;
}
