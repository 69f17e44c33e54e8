// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// yagura spool ls|cat|verify|stats: looks into the folder of a spool, in use or not, and changes nothing.
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "base/json.h"
#include "cli/commands.h"
#include "cli/spool_look.h"

static const char help_en[] = "Usage: yagura spool ls | cat | verify | stats [OPTION]… DIR\n"
			      "\n"
			      "Looks into the folder of a spool, in use or not, and changes nothing.\n"
			      "\n"
			      "  ls      the segments, oldest first\n"
			      "  cat     the EVE lines in them\n"
			      "  verify  sums, order, seals and their chain: a line a segment\n"
			      "  stats   records and losses by class, and what each sink has still to deliver\n"
			      "\n"
			      "      --from LSN     cat: begin at this number\n"
			      "      --class CLASS  cat: only high, alert, flow or metric\n"
			      "      --json         ls, verify, stats: as JSON\n"
			      "  -h, --help         this text\n"
			      "\n"
			      "Exit status: 0 fine, 64 wrong usage, 65 something is damaged or missing,\n"
			      "66 no such folder or no spool in it, 74 the output could not be written,\n"
			      "77 it may not be read by you.\n";

static const char help_ja[] = "使い方: yagura spool ls | cat | verify | stats [オプション]… ディレクトリ\n"
			      "\n"
			      "スプールのディレクトリを調べます。稼働中でも使えます。何も変更しません。\n"
			      "\n"
			      "  ls      セグメントの一覧（古い順）\n"
			      "  cat     中のEVE行を出力します\n"
			      "  verify  チェックサム、順序、封印とその連鎖を検査します（1行に1セグメント）\n"
			      "  stats   種別ごとの記録数と損失数、各出力先の未配送数\n"
			      "\n"
			      "      --from LSN     cat: この番号から出力します\n"
			      "      --class 種別   cat: high、alert、flow、metric のいずれかだけ\n"
			      "      --json         ls、verify、stats: JSONで出力します\n"
			      "  -h, --help         この説明を表示します\n"
			      "\n"
			      "終了コード: 0 正常、64 使い方の誤り、65 破損または欠落がある、\n"
			      "66 ディレクトリまたはスプールがない、74 出力を書き込めない、\n"
			      "77 読む権限がない\n";

struct arguments {
	const char *part, *path;
	uint64_t from;
	int class; // -1: all
	bool json;
};

static const char *const kinds[] = {"sealed", "active", "given up", "unreadable", "gone"};

// ---- ls ----

static void time_text(uint64_t ns, char out[32])
{
	time_t seconds = (time_t)(ns / 1000000000);
	struct tm tm;
	if (!gmtime_r(&seconds, &tm) || strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		memcpy(out, "-", 2);
}

// Into one buffer that is printed at once: a segment needs far less.
static void print_json(struct yg_json *json)
{
	if (yg_json_finish(json))
		fwrite(json->buffer, 1, json->length, stdout);
}

static void ls_json(const struct yg_look_segment *segment, const struct yg_look_found *found)
{
	char buffer[1024];
	struct yg_json json;
	yg_json_init(&json, buffer, sizeof buffer);
	yg_json_object(&json, NULL);
	yg_json_string(&json, "name", segment->name);
	yg_json_string(&json, "state", kinds[found->kind]);
	yg_json_uint(&json, "first_lsn", segment->first_lsn);
	yg_json_uint(&json, "last_lsn", found->last_lsn);
	yg_json_uint(&json, "lines", found->lines);
	yg_json_uint(&json, "gaps", found->gaps);
	yg_json_uint(&json, "bytes", segment->bytes);
	yg_json_uint(&json, "bytes_used", found->end);
	yg_json_uint(&json, "created_ns", found->header.created_ns);
	yg_json_end_object(&json);
	print_json(&json);
}

static int spool_ls(struct yg_look *look, const struct arguments *a)
{
	if (!a->json)
		printf("%-41s %-10s %12s %12s %9s %6s %10s %s\n", "segment", "state", "first", "last", "lines", "gaps", "bytes", "created");
	for (unsigned i = 0; i < look->count; i++) {
		const struct yg_look_segment *s = &look->segments[i];
		struct yg_look_found found;
		char created[32];
		yg_look_read(look, i, NULL, NULL, &found);
		time_text(found.header.created_ns, created);
		if (a->json)
			ls_json(s, &found);
		else
			printf("%-41s %-10s %12" PRIu64 " %12" PRIu64 " %9" PRIu64 " %6" PRIu64 " %10zu %s\n", s->name, kinds[found.kind], s->first_lsn,
			       found.last_lsn, found.lines, found.gaps, found.end, created);
		yg_look_free(&found);
	}
	return EX_OK;
}

// ---- cat ----

static void print_record(void *context, const struct yg_segment_record *record)
{
	const struct arguments *a = context;
	struct yg_spool_gap gap;
	if (record->lsn < a->from)
		return;
	if (record->type == YG_SPOOL_LINE && (a->class < 0 || record->class == a->class))
		fwrite(record->payload, 1, record->size, stdout);
	if (yg_spool_get_gap(record, &gap))
		fprintf(stderr, "yagura: LSN %" PRIu64 ": gap of %" PRIu64 " %s\n", record->lsn, gap.count,
		        gap.class < YG_SPOOL_CLASSES ? yg_spool_class_name(gap.class) : "records that are missing");
}

static int spool_cat(struct yg_look *look, const struct arguments *a)
{
	bool damaged = false;
	for (unsigned i = 0; i < look->count && !ferror(stdout); i++) {
		struct yg_look_found found;
		if (i + 1 < look->count && look->segments[i + 1].first_lsn <= a->from)
			continue;
		yg_look_read(look, i, print_record, (void *)a, &found);
		if (found.damaged || found.kind == YG_LOOK_UNREADABLE) {
			fprintf(stderr, "yagura: %s: %s\n", look->segments[i].name, found.damaged ? "damaged records left out" : "cannot be read");
			damaged = true;
		}
		yg_look_free(&found);
	}
	return damaged ? EX_DATAERR : EX_OK;
}

// ---- verify ----

struct chain {
	bool any, has_sha;
	uint64_t first, next_lsn; // of the segment before: its first LSN, the one behind its last
	uint8_t sha[YG_SEGMENT_SHA];
};

// What does not hold, or NULL.
static const char *fault(const struct chain *chain, const struct yg_look_segment *segment, const struct yg_look_found *found)
{
	static const uint8_t none[YG_SEGMENT_SHA];
	if (found->kind == YG_LOOK_UNREADABLE)
		return "it cannot be read";
	if (found->damaged)
		return "records are damaged";
	if (!found->has_carry)
		return "its first record is missing";
	if (chain->any && found->carry.previous_first != chain->first)
		return "the segment before it is missing";
	if (chain->any && chain->next_lsn != segment->first_lsn && found->header.generation == segment->generation)
		return "records before it are missing";
	if (chain->any && found->carry.has_previous != chain->has_sha)
		return "the one before was sealed, and is not, or the other way round";
	if (chain->any && chain->has_sha && memcmp(chain->sha, found->carry.previous, sizeof chain->sha) != 0)
		return "the chain is broken: it names another hash of the one before";
	if (!found->has_seal)
		return NULL;
	if (memcmp(found->seal.sha, found->sha, sizeof found->sha) != 0)
		return "its bytes are not those that were sealed";
	if (found->seal.count != found->lines + found->gaps)
		return "it has another number of records than were sealed";
	if (memcmp(found->seal.previous, found->carry.has_previous ? found->carry.previous : none, sizeof none) != 0)
		return "its seal and its first record name different hashes of the one before";
	return NULL;
}

static void verify_line(const struct arguments *a, const struct yg_look_segment *segment, const struct yg_look_found *found,
                        const char *bad)
{
	char buffer[1024];
	struct yg_json json;
	if (!a->json) {
		printf("%s: %s: %" PRIu64 " records, LSN %" PRIu64 " to %" PRIu64 ", %s", segment->name, bad ? "BAD" : "ok", found->lines + found->gaps,
		       segment->first_lsn, found->last_lsn, kinds[found->kind]);
		if (found->kind == YG_LOOK_ACTIVE && found->tail)
			printf(", %zu bytes being written", found->tail);
		printf(bad ? ": %s\n" : "\n", bad);
		return;
	}
	yg_json_init(&json, buffer, sizeof buffer);
	yg_json_object(&json, NULL);
	yg_json_string(&json, "name", segment->name);
	yg_json_string(&json, "state", kinds[found->kind]);
	yg_json_bool(&json, "ok", !bad);
	if (bad)
		yg_json_string(&json, "fault", bad);
	yg_json_uint(&json, "records", found->lines + found->gaps);
	yg_json_uint(&json, "damaged", found->damaged);
	yg_json_uint(&json, "first_lsn", segment->first_lsn);
	yg_json_uint(&json, "last_lsn", found->last_lsn);
	yg_json_end_object(&json);
	print_json(&json);
}

// Whether the newest segment that spool.meta names, or a later one, is there. Nothing else misses it: no segment behind it names it.
static bool has_newest(const struct yg_look *look, const char *path)
{
	uint64_t wanted = look->has_state ? look->state.segment_lsn : 0;
	struct yg_look again; // spool.meta was read after the names: a segment may have been begun between
	if (!wanted || (look->count && look->segments[look->count - 1].first_lsn >= wanted) || yg_look_open(&again, path) < 0)
		return true;
	bool there = again.count && again.segments[again.count - 1].first_lsn >= wanted;
	yg_look_close(&again);
	if (!there)
		fprintf(stderr, "yagura: the newest segment, from LSN %" PRIu64 " on, is missing\n", wanted);
	return there;
}

static int spool_verify(struct yg_look *look, const struct arguments *a)
{
	struct chain chain = {0};
	unsigned bad_ones = 0;
	for (unsigned i = 0; i < look->count; i++) {
		const struct yg_look_segment *segment = &look->segments[i];
		struct yg_look_found found;
		yg_look_read(look, i, NULL, NULL, &found);
		if (found.kind == YG_LOOK_GONE) { // the oldest may be deleted while we read
			yg_look_free(&found);
			continue;
		}
		const char *bad = fault(&chain, segment, &found);
		verify_line(a, segment, &found, bad);
		bad_ones += bad != NULL;
		if (found.kind != YG_LOOK_UNREADABLE) {
			chain = (struct chain){.any = true, .has_sha = found.has_seal, .first = segment->first_lsn, .next_lsn = found.last_lsn + 1};
			memcpy(chain.sha, found.seal.sha, sizeof chain.sha);
		}
		yg_look_free(&found);
	}
	if (look->has_meta && !look->has_state) {
		fprintf(stderr, "yagura: %s: no slot of it is valid\n", YG_WAL_STATE_NAME_OF_FILE);
		bad_ones++;
	}
	bad_ones += !has_newest(look, a->path);
	return bad_ones ? EX_DATAERR : EX_OK;
}

// ---- stats ----

struct totals {
	uint64_t last_lsn, lines[YG_SPOOL_CLASSES], lost[YG_SPOOL_CLASSES + 1], bytes, damaged;
};

static void stats_json(const struct yg_look *look, const struct totals *t)
{
	char buffer[8192], uuid[33] = "";
	struct yg_json json;
	for (unsigned i = 0; i < 16; i++)
		snprintf(uuid + 2 * i, 3, "%02x", look->state.uuid[i]);
	yg_json_init(&json, buffer, sizeof buffer);
	yg_json_object(&json, NULL);
	yg_json_string(&json, "uuid", uuid);
	yg_json_uint(&json, "segments", look->count);
	yg_json_uint(&json, "bytes", t->bytes);
	yg_json_uint(&json, "reserve_bytes", look->reserve_bytes);
	yg_json_uint(&json, "torn_files", look->torn_files);
	yg_json_uint(&json, "damaged", t->damaged);
	yg_json_uint(&json, "last_lsn", t->last_lsn);
	yg_json_uint(&json, "generation", look->state.stream);
	yg_json_uint(&json, "sent", look->state.sent);
	yg_json_object(&json, "lines");
	for (unsigned c = 0; c < YG_SPOOL_CLASSES; c++)
		yg_json_uint(&json, yg_spool_class_name(c), t->lines[c]);
	yg_json_end_object(&json);
	yg_json_object(&json, "lost");
	for (unsigned c = 0; c <= YG_SPOOL_CLASSES; c++)
		yg_json_uint(&json, yg_spool_class_name(c), t->lost[c]);
	yg_json_end_object(&json);
	yg_json_array(&json, "sinks");
	for (unsigned i = 0; i < YG_WAL_STATE_CURSORS; i++) {
		const struct yg_wal_cursor *cursor = &look->state.cursors[i];
		if (!cursor->name[0])
			continue;
		yg_json_object(&json, NULL);
		yg_json_string(&json, "name", cursor->name);
		yg_json_uint(&json, "lsn", cursor->lsn);
		yg_json_uint(&json, "waiting", t->last_lsn + 1 > cursor->lsn ? t->last_lsn + 1 - cursor->lsn : 0);
		yg_json_end_object(&json);
	}
	yg_json_end_array(&json);
	yg_json_end_object(&json);
	print_json(&json);
}

static void stats_text(const struct yg_look *look, const struct totals *t)
{
	printf("segments  %u, %" PRIu64 " bytes; reserve %" PRIu64 " bytes; torn files %u; damaged places %" PRIu64 "\n", look->count, t->bytes,
	       look->reserve_bytes, look->torn_files, t->damaged);
	printf("last LSN  %" PRIu64 "; delivered under generation %" PRIu64 ", sent up to %" PRIu64 "\n", t->last_lsn, look->state.stream,
	       look->state.sent);
	for (unsigned c = 0; c < YG_SPOOL_CLASSES; c++)
		printf("%-8s  %" PRIu64 " lines, %" PRIu64 " lost\n", yg_spool_class_name(c), t->lines[c], t->lost[c]);
	if (t->lost[YG_SPOOL_CLASSES])
		printf("missing   at most %" PRIu64 " records\n", t->lost[YG_SPOOL_CLASSES]);
	for (unsigned i = 0; i < YG_WAL_STATE_CURSORS; i++) {
		const struct yg_wal_cursor *cursor = &look->state.cursors[i];
		if (cursor->name[0])
			printf("sink %-12.*s next LSN %" PRIu64 ", %" PRIu64 " waiting\n", YG_WAL_STATE_NAME, cursor->name, cursor->lsn,
			       t->last_lsn + 1 > cursor->lsn ? t->last_lsn + 1 - cursor->lsn : 0);
	}
	if (!look->has_state)
		puts("cursors   unknown: spool.meta is missing or damaged");
}

static int spool_stats(struct yg_look *look, const struct arguments *a)
{
	struct totals t = {0};
	for (unsigned i = 0; i < look->count; i++) {
		struct yg_look_found found;
		yg_look_read(look, i, NULL, NULL, &found);
		for (unsigned c = 0; c < YG_SPOOL_CLASSES; c++)
			t.lines[c] += found.classes[c];
		for (unsigned c = 0; c <= YG_SPOOL_CLASSES; c++)
			t.lost[c] += found.lost[c];
		t.bytes += look->segments[i].bytes;
		t.damaged += found.damaged + (found.kind == YG_LOOK_UNREADABLE);
		if (found.last_lsn > t.last_lsn)
			t.last_lsn = found.last_lsn;
		yg_look_free(&found);
	}
	(a->json ? stats_json : stats_text)(look, &t);
	return EX_OK;
}

// ---- arguments ----

static bool set_class(struct arguments *a, const char *text)
{
	for (unsigned c = 0; c < YG_SPOOL_CLASSES; c++)
		if (strcmp(text, yg_spool_class_name(c)) == 0) {
			a->class = (int)c;
			return true;
		}
	return false;
}

static bool set_from(struct arguments *a, const char *text)
{
	char *end;
	errno = 0;
	a->from = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0;
}

// 0 to go on, else an exit status + 1.
static int parse(struct arguments *a, int argc, char **argv)
{
	static const struct option options[] = {{"from", required_argument, NULL, 'f'}, {"class", required_argument, NULL, 'c'},
						{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	bool good = true;
	a->class = -1;
	for (int c; good && (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
		if (c == 'h') {
			fputs(yg_language_japanese() ? help_ja : help_en, stdout);
			return EX_OK + 1;
		}
		good = c == 'f' ? set_from(a, optarg) : c == 'c' ? set_class(a, optarg) : c == 'j';
		a->json |= c == 'j';
	}
	if (good && argc - optind == 2) {
		a->part = argv[optind];
		a->path = argv[optind + 1];
		return 0;
	}
	fputs(yg_language_japanese() ? help_ja : help_en, stderr);
	return EX_USAGE + 1;
}

static int complain(const char *path, int error)
{
	bool denied = error == -EACCES || error == -EPERM;
	const char *text = denied ? "権限がありません" : "スプールのディレクトリではありません";
	if (yg_language_japanese())
		fprintf(stderr, "yagura: %s: %s（%s）\n", path, text, strerror(-error));
	else
		fprintf(stderr, "yagura: %s: %s\n", path, error == -ENOTDIR ? "not the folder of a spool" : strerror(-error));
	return denied ? EX_NOPERM : EX_NOINPUT;
}

int cmd_spool(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(struct yg_look *look, const struct arguments *a);
	} parts[] = {{"ls", spool_ls}, {"cat", spool_cat}, {"verify", spool_verify}, {"stats", spool_stats}};
	struct arguments a = {0};
	struct yg_look look;
	size_t part = 0, count = sizeof parts / sizeof *parts;
	int status = parse(&a, argc, argv);
	if (status)
		return status - 1;
	while (part < count && strcmp(a.part, parts[part].name) != 0)
		part++;
	if (part == count) {
		fputs(yg_language_japanese() ? help_ja : help_en, stderr);
		return EX_USAGE;
	}
	int error = yg_look_open(&look, a.path);
	if (!error && look.count == 0 && !look.has_meta) {
		yg_look_close(&look);
		error = -ENOTDIR;
	}
	if (error)
		return complain(a.path, error);
	status = parts[part].run(&look, &a);
	if (look.left_out)
		fprintf(stderr, "yagura: %u segments beyond %d were left out\n", look.left_out, YG_LOOK_SEGMENTS);
	yg_look_close(&look);
	return fflush(stdout) == 0 && !ferror(stdout) ? status : EX_IOERR;
}
