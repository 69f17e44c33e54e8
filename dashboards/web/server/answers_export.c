// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// GET /export: all that a search finds, newest first, as CSV for a spreadsheet or as JSON lines (the EVE lines as the sensor wrote them).
// What is found is settled when it begins; lines are read from Redis as the client takes them, EXPORT_PIECE at a time, so an export of any
// length costs 24 bytes an alert. When Redis goes away meanwhile, or the login session ends, the last line says that the file is not whole:
// a short file must not look like one.
//
// CSV: UTF-8 with a byte order mark, CRLF, every cell in quotes; what a spreadsheet would take for a formula gets an apostrophe before it.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "answers_ask.h"
#include "answers_export.h"
#include "buffer.h"
#include "http.h"
#include "index.h"
#include "state.h"

enum { EXPORT_PIECE = 200 };

struct place {
	uint32_t alert;
	uint64_t id;
	int64_t time_ns;
};

struct export {
	struct web_server *server;
	struct web_request *request;
	struct web_user user;
	struct web_view view;
	char session[16];
	struct place *places;
	uint32_t count, room, at, waiting;
	bool csv, asking, gone, done, broken, over; // over: its login session has ended
	struct web_buffer out;
};

static struct export *running[WEB_EXPORTS]; // of this process: at most two a user
static uint64_t cut_short;              // by the end of their login session

static void export_free(struct export *e)
{
	free(e->places);
	web_buffer_finish(&e->out);
	free(e);
}

static void put(struct export *e, const char *text)
{
	web_buffer_put(&e->out, text, strlen(text));
}

// ---- CSV ----

static void put_cell(struct export *e, const char *text)
{
	if (e->out.size && e->out.text[e->out.size - 1] != '\n')
		put(e, ",");
	put(e, "\"");
	if (*text && strchr("=+-@\t\r", *text))
		put(e, "'");
	for (const char *p = text; *p; p++) {
		if (*p == '"')
			put(e, "\"");
		web_buffer_put(&e->out, *p == '\r' || *p == '\n' ? " " : p, 1);
	}
	put(e, "\"");
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

static const char *ja_of(const char *word)
{
	static const char *const words[][2] = {
		{"critical", "緊急"}, {"high", "高"}, {"medium", "中"}, {"low", "低"}, {"info", "参考"}, {"open", "継続中"}, {"closed", "終了"},
		{"page", "即時連絡"}, {"alert", "通知"}, {"digest", "日次確認"}, {"shadow", "試行"}, {"new", "未確認"}, {"acknowledged", "確認済み"},
		{"escalated", "上申済み"}, {"archived", "対応済み"}, {"threat", "真の脅威"}, {"benign", "無害"}, {"false_positive", "誤検知"},
		{"drill", "訓練・試験"},
	};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(words[i][0], word) == 0)
			return words[i][1];
	return word;
}

// A cell of each kind, of the value `key` of an object.

static void put_text(struct export *e, const json_t *of, const char *key)
{
	put_cell(e, text_of(of, key));
}

static void put_word(struct export *e, const json_t *of, const char *key)
{
	put_cell(e, ja_of(text_of(of, key)));
}

static void put_number(struct export *e, const json_t *of, const char *key)
{
	const json_t *value = json_object_get(of, key);
	char text[24] = "";
	if (value)
		snprintf(text, sizeof text, "%lld", (long long)json_integer_value(value));
	put_cell(e, text);
}

static void put_share(struct export *e, const json_t *of, const char *key)
{
	char text[16];
	snprintf(text, sizeof text, "%.2f", json_real_value(json_object_get(of, key)));
	put_cell(e, text);
}

static void put_time(struct export *e, const json_t *of, const char *key)
{
	json_int_t ms = json_integer_value(json_object_get(of, key));
	char text[48] = "", all[64];
	time_t clock = (time_t)(ms / 1000);
	struct tm tm;
	if (localtime_r(&clock, &tm))
		strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(all, sizeof all, "%s.%03d", text, (int)(ms % 1000));
	put_cell(e, all);
}

static void put_address(struct export *e, const json_t *of, const char *key)
{
	bool masked = json_is_true(json_object_get(of, "masked"));
	put_cell(e, masked ? text_of(json_object_get(of, "org"), "name_ja") : text_of(of, key));
}

// Of which object a column is: the row, one within it, or the state of its group.
enum of { OF_ROW, OF_ORG, OF_SOURCE, OF_TARGET, OF_STATE, OF_COUNT };
static const struct column {
	const char *name;
	enum of of;
	const char *key;
	void (*put)(struct export *e, const json_t *of, const char *key);
} columns[] = {
	{"最終記録日時", OF_ROW, "time_ms", put_time}, {"初回検知", OF_ROW, "first_ms", put_time}, {"最終検知", OF_ROW, "last_ms", put_time},
	{"重要度", OF_ROW, "severity", put_word}, {"状態", OF_ROW, "state", put_word}, {"区分", OF_ROW, "mode", put_word},
	{"種別", OF_ROW, "kind", put_text}, {"種別名", OF_ROW, "kind_ja", put_text}, {"団体コード", OF_ORG, "code", put_text},
	{"団体名", OF_ORG, "name_ja", put_text}, {"領域", OF_ROW, "zone", put_text}, {"送信元", OF_SOURCE, "ip", put_address},
	{"送信元ポート", OF_SOURCE, "port", put_number}, {"宛先", OF_TARGET, "ip", put_address},
	{"宛先ポート", OF_TARGET, "port", put_number}, {"プロトコル", OF_ROW, "proto", put_text},
	{"アプリケーション", OF_ROW, "app", put_text}, {"ATT&CK", OF_ROW, "technique", put_text}, {"手口", OF_ROW, "vector", put_text},
	{"スコア", OF_ROW, "score", put_number}, {"確度", OF_ROW, "confidence", put_share}, {"回数", OF_ROW, "count", put_number},
	{"対応状況", OF_STATE, "state", put_word}, {"担当者", OF_STATE, "assignee", put_text}, {"判定", OF_STATE, "verdict", put_word},
	{"理由", OF_STATE, "reason", put_text}, {"説明", OF_ROW, "text_ja", put_text}, {"Description", OF_ROW, "text_en", put_text},
	{"センサー", OF_ROW, "sensor", put_text}, {"ID", OF_ROW, "id", put_text}, {"グループID", OF_ROW, "group", put_text},
};

static void put_head(struct export *e)
{
	put(e, "\xef\xbb\xbf");
	for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
		put(e, i ? ",\"" : "\"");
		put(e, columns[i].name);
		put(e, "\"");
	}
	put(e, "\r\n");
}

static void put_row(struct export *e, const json_t *row)
{
	uint32_t group = web_index_find_group_text(e->server->index, text_of(row, "group"));
	json_t *state = web_state_json(web_state_of(e->server->state, web_index_group_id(e->server->index, group)));
	const json_t *const objects[OF_COUNT] = {
		[OF_ROW] = row, [OF_ORG] = json_object_get(row, "org"), [OF_SOURCE] = json_object_get(row, "source"),
		[OF_TARGET] = json_object_get(row, "target"), [OF_STATE] = state,
	};
	for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
		columns[i].put(e, objects[columns[i].of], columns[i].key);
	put(e, "\r\n");
	json_decref(state);
}

// ---- reading ----

static bool still_there(const struct export *e, const struct place *p)
{
	const struct web_alert *a = web_index_alert(e->server->index, p->alert);
	return a->sensor && a->id == p->id;
}

// why: NULL: Redis went away.
static void not_whole(struct export *e, const char *why)
{
	if (e->csv) {
		put(e, "\"エクスポートは途中で中断しました（");
		put(e, why ? why : "Redisに接続できません");
		put(e, "）。このファイルは完全ではありません。\"\r\n");
	} else {
		put(e, "{\"error\":\"incomplete\"}\n");
	}
	e->done = true;
}

// Nothing that was read before is sent after it; what waits in the socket of a client that does not take it has gone already.
static void session_over(void *context, const char *user, const char *session, const char *why)
{
	(void)context;
	(void)why;
	for (unsigned i = 0; i < WEB_EXPORTS; i++) {
		struct export *e = running[i];
		if (!e || e->over || strcmp(e->user.name, user) != 0 || strcmp(e->session, session) != 0)
			continue;
		e->over = true;
		e->at = e->count;
		web_buffer_cut(&e->out, 0);
		cut_short++;
		put(e, e->csv ? "\r\n" : "\n"); // the row before may have been cut off anywhere
		not_whole(e, "ログインセッションが終了しました");
		if (!e->asking)
			web_answer_wake(e->request);
	}
}

void web_exports_watch(struct web_auth *auth)
{
	web_auth_on_over(auth, session_over, NULL);
}

uint64_t web_exports_cut_short(void)
{
	return cut_short;
}

unsigned web_exports_running(void)
{
	unsigned count = 0;
	for (unsigned i = 0; i < WEB_EXPORTS; i++)
		count += running[i] != NULL;
	return count;
}

static void rows_came(void *context, json_t *rows)
{
	struct export *e = context;
	size_t i;
	json_t *row;
	e->asking = false;
	if (e->gone) {
		json_decref(rows);
		export_free(e);
		return;
	}
	if (!rows && !e->over)
		not_whole(e, NULL);
	if (!e->over)
		json_array_foreach(rows, i, row) put_row(e, row);
	json_decref(rows);
	web_answer_wake(e->request);
}

static void line_came(void *context, json_t *eve)
{
	struct export *e = context;
	char *text = json_is_object(eve) && !e->done ? json_dumps(eve, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
	if (text) {
		put(e, text);
		put(e, "\n");
	}
	if (!eve && !e->done && !e->gone)
		not_whole(e, NULL);
	free(text);
	json_decref(eve);
	if (--e->waiting)
		return;
	e->asking = false;
	if (e->gone)
		export_free(e);
	else
		web_answer_wake(e->request);
}

static void ask_more(struct export *e)
{
	uint32_t at[EXPORT_PIECE], count = 0;
	for (; e->at < e->count && count < EXPORT_PIECE; e->at++)
		if (still_there(e, &e->places[e->at]))
			at[count++] = e->places[e->at].alert;
	e->done = e->done || !count;
	if (!count)
		return;
	e->asking = true;
	if (e->csv) {
		web_index_alert_rows(e->server->index, &e->view, at, count, rows_came, e);
		return;
	}
	e->waiting = count + 1; // one is this function's, so that answers that come at once do not end it
	for (uint32_t i = 0; i < count; i++)
		web_index_eve(e->server->index, &e->view, at[i], line_came, e);
	line_came(e, json_null());
}

static long more(void *context, char *to, size_t room)
{
	struct export *e = context;
	if (e->out.failed)
		return -1;
	if (!web_buffer_waits(&e->out) && !e->asking && !e->done)
		ask_more(e);
	if (e->asking)
		return 0; // a row is not taken by halves
	size_t size = web_buffer_take(&e->out, to, room);
	return size ? (long)size : e->done ? -1 : 0;
}

static void ended(void *context)
{
	struct export *e = context;
	for (unsigned i = 0; i < WEB_EXPORTS; i++)
		if (running[i] == e)
			running[i] = NULL;
	e->gone = true;
	if (!e->asking)
		export_free(e);
}

// ---- beginning ----

struct finding {
	struct export *e;
	struct web_run *run;
	bool hidden;
};

static bool find(void *context, uint32_t at)
{
	struct finding *f = context;
	struct export *e = f->e;
	const struct web_alert *a = web_index_alert(e->server->index, at);
	if ((!f->hidden && web_index_class(e->server->index, at) != WEB_COUNTED) || !web_run_finds(f->run, at))
		return true;
	if (e->count == e->room) {
		uint32_t room = e->room ? e->room * 2 : 1024;
		struct place *places = realloc(e->places, room * sizeof *places);
		if (!places) {
			e->broken = true;
			return false;
		}
		e->places = places;
		e->room = room;
	}
	e->places[e->count++] = (struct place){at, a->id, a->time_ns};
	return true;
}

static int newest_first(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	return x->time_ns > y->time_ns ? -1 : x->time_ns < y->time_ns ? 1 : x->id < y->id ? -1 : x->id > y->id;
}

static int slot_for(const char *user)
{
	int slot = -1, mine = 0;
	for (int i = 0; i < WEB_EXPORTS; i++) {
		if (!running[i])
			slot = i;
		else
			mine += strcmp(running[i]->user.name, user) == 0;
	}
	return mine < WEB_EXPORTS_USER ? slot : -1;
}

// What is found, in its order; false: refused.
static bool settle(struct asked *asked, struct export *e)
{
	struct finding f = {e, NULL, web_query_names_hidden(asked->query)};
	bool costly = !web_index_affords(e->server->index, asked->view, asked->query);
	f.run = costly ? NULL : web_run_begin(asked->query, e->server->index, asked->view);
	if (f.run)
		web_index_each_alert(e->server->index, asked->view, asked->ask.range, find, &f);
	web_run_end(f.run);
	if (!f.run || e->broken) {
		asked_refuse(asked, costly ? 422 : 503, costly ? "too_costly" : "busy");
		return false;
	}
	if (e->count)
		qsort(e->places, e->count, sizeof *e->places, newest_first);
	return true;
}

void web_op_export(struct web_request *request, struct web_server *server)
{
	const char *format = web_request_query(request, "format");
	bool csv = format && strcmp(format, "csv") == 0;
	struct asked *asked = asked_read(request, server, 1);
	if (!asked)
		return;
	int slot = slot_for(asked->view->user->name);
	struct export *e = slot >= 0 ? calloc(1, sizeof *e) : NULL;
	if (!csv && (!format || strcmp(format, "jsonl") != 0)) {
		free(e);
		asked_refuse(asked, 422, "bad_parameter");
		return;
	}
	if (!e) {
		asked_refuse(asked, 429, "too_many_exports");
		return;
	}
	e->server = server;
	e->request = request;
	e->user = *asked->view->user;
	e->view = *asked->view;
	e->view.user = &e->user;
	snprintf(e->session, sizeof e->session, "%s", web_request_session(request)->id);
	e->csv = csv;
	if (!settle(asked, e)) {
		export_free(e);
		return;
	}
	asked_free(asked);
	if (csv)
		put_head(e);
	running[slot] = e;
	const char *q = web_request_query(request, "q");
	web_request_audit(request, "%s, %u alerts: %.512s", csv ? "csv" : "jsonl", e->count, q ? q : "");
	web_answer_pieces(request, csv ? "text/csv; charset=utf-8" : "application/x-ndjson",
			  csv ? "yagura-alerts.csv" : "yagura-alerts.jsonl", more, ended, e);
}
