// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Which sensors there are and how they are. Found by SCAN, since nobody tells of a new one; judged by what their health hash says, by how
// old it is by our own clock, and by their open alerts about themselves. Each finding is a row of one table, with its words in both
// languages; the worst decides. A row that we do not know yet is told by its name and counts as "degraded": never green on a guess.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/json_read.h"
#include "index.h"
#include "line.h"
#include "loop.h"
#include "measure_parts.h"
#include "redis.h"
#include "uri.h"

enum {
	HEALTH_EVERY_S = 5,
	SCAN_EVERY_S = 10,
	ANSWER_OLD_MS = 15000,  // of our own asking
	CLOCK_STANDS_MS = 20000,
	CLOCK_OFF_S = 60,
	METRICS_OLD_S = 30,
	LAG_LONG_MS = 10000,
	REDIS_AWAY_MS = 1000,
	PAIRS_MAX = 512,
	VALUE_BYTES = 256,
	LOSS_WINDOW_S = 60,
};

enum reason {
	R_REDIS_AWAY, R_NO_HEALTH, R_SAYS_BLIND, R_CLOCK_STANDS, R_OPEN_SILENT, R_OPEN_BLIND,
	R_ENGINE, R_NO_PORT, R_SILENT, R_LINK, R_PORT_GONE, R_DISSECTOR, R_COURIER, R_WAS_BLIND, R_RESTARTS, R_DEATHS, R_LOSS, R_SHED, R_REDIS,
	R_SPOOL, R_SPOOL_PRESSURE, R_SPOOL_GAPS, R_BOOKS, R_OPEN_MIRROR, R_OPEN_OTHER, R_CLOCK_OFF, R_METRICS_OLD, R_LAG, R_UNKNOWN, R_COUNT
};

// `word`: in `why` of the health hash. `worst`: the least that it makes of the sensor.
static const struct { const char *code, *word, *ja, *en; uint8_t worst; } rows[R_COUNT] = {
	[R_REDIS_AWAY] = {"redis_away", NULL, "Redisに接続できないため、センサーの状態を確認できません", "Redis cannot be reached, so nothing is known of the sensor",
			  WEB_SENSOR_AWAY},
	[R_NO_HEALTH] = {"no_health", NULL, "センサーから稼働状況が届いていません", "The sensor has not told its health for 15 s", WEB_SENSOR_AWAY},
	[R_SAYS_BLIND] = {"says_blind", NULL, "センサーが監視できない状態です", "The sensor says that it sees nothing", WEB_SENSOR_BLIND},
	[R_CLOCK_STANDS] = {"clock_stands", NULL, "センサーの稼働状況が更新されていません", "The sensor's health is no longer renewed", WEB_SENSOR_BLIND},
	[R_OPEN_SILENT] = {"open_silent", NULL, "受信なしのアラートが継続しています", "An alert that no packets come is open", WEB_SENSOR_BLIND},
	[R_OPEN_BLIND] = {"open_blind", NULL, "監視の空白のアラートが継続しています", "An alert that the sensor is blind is open", WEB_SENSOR_BLIND},
	[R_ENGINE] = {"engine", "engine", "検知エンジンが受信していません", "No engine receives", WEB_SENSOR_BLIND},
	[R_NO_PORT] = {"no_port", "no_port", "監視ポートがありません", "There is no port", WEB_SENSOR_BLIND},
	[R_SILENT] = {"silent", "silent", "パケットを受信していません", "No packets come", WEB_SENSOR_BLIND},
	[R_LINK] = {"link", "link", "リンクが切れているポートがあります", "A port has no link", WEB_SENSOR_DEGRADED},
	[R_PORT_GONE] = {"port_gone", "port_gone", "監視ポートが失われました", "A port is gone", WEB_SENSOR_DEGRADED},
	[R_DISSECTOR] = {"dissector", "dissector", "解析プロセスが停止しています", "The dissector is not running", WEB_SENSOR_DEGRADED},
	[R_COURIER] = {"courier", "courier", "配送プロセスが停止しています", "The courier is not running", WEB_SENSOR_DEGRADED},
	[R_WAS_BLIND] = {"was_blind", "was_blind", "1分以内に監視の空白がありました", "It was blind within the last minute", WEB_SENSOR_DEGRADED},
	[R_RESTARTS] = {"restarts", "restarts", "1分以内にプロセスが再起動しました", "A process was started again within the last minute", WEB_SENSOR_DEGRADED},
	[R_DEATHS] = {"dissector_deaths", "dissector_deaths", "1分以内に解析プロセスが異常終了しました", "A dissector died within the last minute",
		      WEB_SENSOR_DEGRADED},
	[R_LOSS] = {"loss", "loss", "1分以内にパケットを失いました", "Packets were lost within the last minute", WEB_SENSOR_DEGRADED},
	[R_SHED] = {"shed", "shed", "負荷を制限しています", "It sheds load", WEB_SENSOR_DEGRADED},
	[R_REDIS] = {"redis", "redis", "センサーがRedisに配送できません", "The sensor cannot deliver to Redis", WEB_SENSOR_DEGRADED},
	[R_SPOOL] = {"spool", "spool", "スプールが使用できません", "The spool is not up", WEB_SENSOR_DEGRADED},
	[R_SPOOL_PRESSURE] = {"spool_pressure", "spool_pressure", "スプールの使用率が70%以上です", "The spool is 70 % full or more", WEB_SENSOR_DEGRADED},
	[R_SPOOL_GAPS] = {"spool_gaps", "spool_gaps", "スプールに欠落があります", "The spool has gaps", WEB_SENSOR_DEGRADED},
	[R_BOOKS] = {"books", "books", "アラートの収支が合いません", "The books do not balance", WEB_SENSOR_DEGRADED},
	[R_OPEN_MIRROR] = {"open_mirror", NULL, "ミラーの異常が継続しています", "An alert about the mirror is open", WEB_SENSOR_DEGRADED},
	[R_OPEN_OTHER] = {"open_alert", NULL, "センサー自身のアラートが継続しています", "An alert of the sensor about itself is open", WEB_SENSOR_DEGRADED},
	[R_CLOCK_OFF] = {"clock_off", NULL, "センサーの時計が1分以上ずれています", "The sensor's clock is off by more than a minute", WEB_SENSOR_DEGRADED},
	[R_METRICS_OLD] = {"metrics_old", NULL, "計測値が30秒以上届いていません", "No metrics have come for 30 s", WEB_SENSOR_DEGRADED},
	[R_LAG] = {"lag", NULL, "配送が10秒以上遅れています", "Delivery is more than 10 s late", WEB_SENSOR_DEGRADED},
	[R_UNKNOWN] = {"other", NULL, "センサーが異常を報告しています", "The sensor reports something that this version does not know", WEB_SENSOR_DEGRADED},
};
_Static_assert(R_COUNT <= 32, "they are bits");

static const char *const states[] = {"sound", "degraded", "blind", "away"};

// ---- finding them ----

struct web_sensor *web_sensor_find(const struct web_measure *measure, const char *name)
{
	for (uint32_t i = 0; i < measure->sensors_count; i++)
		if (strcmp(measure->sensor[i]->name, name) == 0)
			return measure->sensor[i];
	return NULL;
}

void web_sensor_key(char to[WEB_KEY_BYTES], const char *sensor, bool tagged, const char *what)
{
	if (tagged)
		snprintf(to, WEB_KEY_BYTES, "yagura:%s:{yagura:%s:alerts}:%s", sensor, sensor, what);
	else
		snprintf(to, WEB_KEY_BYTES, "yagura:%s:%s", sensor, what);
}

bool web_sensor_tagged(const struct web_measure *measure, const char *sensor)
{
	const struct web_sensor *found = web_sensor_find(measure, sensor);
	return found && found->tagged;
}

static void add_sensor(struct web_measure *measure, const char *name)
{
	if (web_sensor_find(measure, name))
		return;
	if (!web_name_listed(measure->server->sensors, name)) {
		measure->counters.sensors_foreign++;
		return;
	}
	struct web_sensor *sensor = measure->sensors_count < WEB_SENSORS ? calloc(1, sizeof *sensor) : NULL;
	if (!sensor) {
		measure->counters.sensors_full++;
		return;
	}
	sensor->measure = measure;
	snprintf(sensor->name, sizeof sensor->name, "%s", name);
	for (unsigned f = 0; f < 2 * WEB_FEEDS; f++)
		sensor->history[f / WEB_FEEDS][f % WEB_FEEDS] =
			(struct web_history){.sensor = sensor, .feed = (enum web_feed)(f % WEB_FEEDS), .tagged = f / WEB_FEEDS};
	for (unsigned f = 0; f <= WEB_FEEDS; f++)
		sensor->entries[f] = -1;
	sensor->state = WEB_SENSOR_AWAY;
	measure->sensor[measure->sensors_count++] = sensor;
}

// One of which Redis knows nothing is away, and not left out: whoever named it wants to know.
void web_sensors_named(struct web_measure *measure)
{
	const char *names = measure->server->sensors;
	for (size_t n; names && *names; names += n + (names[n] == ',')) {
		char name[WEB_SENSOR_NAME];
		n = strcspn(names, ",");
		snprintf(name, sizeof name, "%.*s", (int)n, names);
		add_sensor(measure, name);
	}
}

// "yagura:<sensor>:{yagura:<sensor>:alerts}:…": the name before the tag has to be that within it.
static bool take_tagged(struct web_measure *measure, const char *key, size_t length)
{
	static const char *const whats[] = {"health", "metrics", "metrics:1m", "metrics:1h", "flows"};
	char name[WEB_SENSOR_NAME], plain[WEB_SENSOR_NAME], whole[WEB_KEY_BYTES];
	const char *colon = length > 7 && memcmp(key, "yagura:", 7) == 0 ? memchr(key + 7, ':', length - 7) : NULL;
	size_t n = colon ? (size_t)(colon - key) - 7 : 0;
	if (!n || n >= sizeof name || colon + 1 == key + length || colon[1] != '{')
		return false;
	memcpy(name, key + 7, n);
	name[n] = '\0';
	for (unsigned i = 0; i < sizeof whats / sizeof *whats; i++) {
		web_sensor_key(whole, name, true, whats[i]);
		if (strlen(whole) != length || memcmp(whole, key, length) != 0 || strcmp(name, "web") == 0 ||
		    yg_plain_text(plain, sizeof plain, name, n) != n || strcmp(plain, name) != 0)
			continue;
		add_sensor(measure, name);
		struct web_sensor *sensor = web_sensor_find(measure, name);
		if (sensor)
			sensor->tagged = true;
		return true;
	}
	return false;
}

// "yagura:<sensor>:alerts" or ":health". A name has no colon and nothing that must not reach a page.
static void take_key(struct web_measure *measure, const char *key, size_t length)
{
	static const char front[] = "yagura:";
	static const char *const ends[] = {":alerts", ":health"};
	char name[WEB_SENSOR_NAME], plain[WEB_SENSOR_NAME];
	if (take_tagged(measure, key, length))
		return;
	for (unsigned i = 0; i < 2; i++) {
		size_t fixed = sizeof front - 1 + strlen(ends[i]);
		if (length <= fixed || length - fixed >= sizeof name || memcmp(key, front, sizeof front - 1) != 0 ||
		    memcmp(key + length - strlen(ends[i]), ends[i], strlen(ends[i])) != 0)
			continue;
		size_t n = length - fixed;
		memcpy(name, key + sizeof front - 1, n);
		name[n] = '\0';
		if (strlen(name) == n && !strchr(name, ':') && strcmp(name, "web") != 0 && yg_plain_text(plain, sizeof plain, name, n) == n &&
		    strcmp(plain, name) == 0)
			add_sensor(measure, name);
	}
}

static void scan(struct web_measure *measure);

static void scanned(void *context, const redisReply *reply)
{
	struct web_measure *measure = context;
	measure->scanning = false;
	if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || reply->element[0]->type != REDIS_REPLY_STRING ||
	    reply->element[1]->type != REDIS_REPLY_ARRAY)
		return;
	for (size_t i = 0; i < reply->element[1]->elements; i++)
		if (reply->element[1]->element[i]->type == REDIS_REPLY_STRING)
			take_key(measure, reply->element[1]->element[i]->str, (size_t)reply->element[1]->element[i]->len);
	snprintf(measure->cursor, sizeof measure->cursor, "%s", reply->element[0]->str);
	if (strcmp(measure->cursor, "0") != 0)
		scan(measure);
}

static void scan(struct web_measure *measure)
{
	const char *words[] = {"SCAN", measure->cursor, "MATCH", "yagura:*:[ah]*", "COUNT", "2000"};
	measure->scanning = true;
	web_redis_ask(measure->server->redis, scanned, measure, 6, words, NULL);
}

// ---- health ----

static void take_health(void *context, const redisReply *reply);
static void take_tagged_health(void *context, const redisReply *reply);

// A hash lives for 15 s: where there is one with the tag, that is what the sensor writes now.
static void ask_health(struct web_sensor *sensor, bool tagged)
{
	char key[WEB_KEY_BYTES];
	web_sensor_key(key, sensor->name, tagged, "health");
	const char *words[] = {"HGETALL", key};
	web_redis_ask(sensor->measure->server->redis, tagged ? take_tagged_health : take_health, sensor, 2, words, NULL);
}

static void take_tagged_health(void *context, const redisReply *reply)
{
	if (reply && (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0)) // none, or no hash: whoever may write can put anything there
		ask_health(context, false);
	else
		take_health(context, reply);
}

static void take_health(void *context, const redisReply *reply)
{
	struct web_sensor *sensor = context;
	if (!reply || reply->type != REDIS_REPLY_ARRAY)
		return;
	json_t *health = reply->elements ? json_object() : NULL;
	for (size_t i = 0; i + 1 < reply->elements && i < 2 * PAIRS_MAX; i += 2) {
		const redisReply *name = reply->element[i], *value = reply->element[i + 1];
		char key[64], text[VALUE_BYTES];
		if (name->type != REDIS_REPLY_STRING || value->type != REDIS_REPLY_STRING)
			continue;
		yg_plain_text(key, sizeof key, name->str, (size_t)name->len);
		yg_plain_text(text, sizeof text, value->str, (size_t)value->len);
		json_object_set_new(health, key, json_string(text));
	}
	json_decref(sensor->health);
	sensor->health = health;
	sensor->asked = true;
	sensor->answered_ms = web_now_ms();
	const char *time = json_string_value(json_object_get(health, "time"));
	int64_t clock_s = time ? strtoll(time, NULL, 10) : 0;
	if (clock_s != sensor->clock_s)
		sensor->clock_ms = sensor->clock_s ? sensor->answered_ms : clock_s > web_clock_ns() / 1000000000 - CLOCK_OFF_S ? sensor->answered_ms : 0;
	sensor->clock_s = clock_s;
}

static int64_t number_of(const struct web_sensor *sensor, const char *name, int64_t otherwise)
{
	const char *text = json_string_value(json_object_get(sensor->health, name));
	char *end;
	int64_t number = text ? strtoll(text, &end, 10) : 0;
	return text && *text && *end == '\0' ? number : otherwise;
}

int64_t web_sensor_seen_ms(const struct web_sensor *sensor)
{
	int64_t silent_s = number_of(sensor, "silent_s", -1);
	if (sensor->clock_s > 0 && silent_s >= 0)
		return (sensor->clock_s - silent_s) * 1000;
	for (int64_t s = sensor->told_s; s > sensor->told_s - 300 && s > 0; s--) {
		const struct web_values *v = web_ring_at(&sensor->rings.seconds, s - 1);
		if (v && (v->v[WEB_PACKETS_IN] || v->v[WEB_PACKETS_OUT]))
			return s * 1000;
	}
	return 0;
}

static void judge_words(const struct web_sensor *sensor, uint32_t *reasons)
{
	char why[VALUE_BYTES];
	const char *text = json_string_value(json_object_get(sensor->health, "why"));
	snprintf(why, sizeof why, "%s", text ? text : "");
	char *rest = why;
	for (char *word; (word = strsep(&rest, " "));) {
		unsigned r = R_ENGINE;
		while (*word && r < R_COUNT && (!rows[r].word || strcmp(rows[r].word, word) != 0))
			r++;
		if (*word)
			*reasons |= UINT32_C(1) << (r < R_COUNT ? r : R_UNKNOWN);
	}
}

static void judge_health(const struct web_sensor *sensor, uint32_t *reasons, int64_t now_ms, int64_t now_s)
{
	const char *state = json_string_value(json_object_get(sensor->health, "state"));
	judge_words(sensor, reasons);
	if (!state || strcmp(state, "blind") == 0)
		*reasons |= UINT32_C(1) << R_SAYS_BLIND;
	else if (strcmp(state, "ok") != 0 && !*reasons)
		*reasons |= UINT32_C(1) << R_UNKNOWN;
	if (now_ms - sensor->clock_ms > CLOCK_STANDS_MS || !sensor->clock_ms)
		*reasons |= UINT32_C(1) << R_CLOCK_STANDS;
	else if (llabs(sensor->clock_s - now_s) > CLOCK_OFF_S)
		*reasons |= UINT32_C(1) << R_CLOCK_OFF;
	if (sensor->told_s && sensor->told_s < now_s - METRICS_OLD_S)
		*reasons |= UINT32_C(1) << R_METRICS_OLD;
	if (number_of(sensor, "delivery_lag_ms", 0) > LAG_LONG_MS)
		*reasons |= UINT32_C(1) << R_LAG;
}

enum { OPEN_SILENT = 1, OPEN_BLIND = 2, OPEN_MIRROR = 4, OPEN_OTHER = 8 };

static void judge(struct web_sensor *sensor)
{
	const struct web_redis *redis = sensor->measure->server->redis;
	int64_t now_ms = web_now_ms(), now_s = web_clock_ns() / 1000000000;
	uint32_t reasons = 0;
	if (web_redis_down_ms(redis) >= REDIS_AWAY_MS || !sensor->asked || now_ms - sensor->answered_ms > ANSWER_OLD_MS)
		reasons |= UINT32_C(1) << (sensor->asked || !web_redis_up(redis) ? R_REDIS_AWAY : R_NO_HEALTH);
	else if (!sensor->health)
		reasons |= UINT32_C(1) << R_NO_HEALTH;
	else
		judge_health(sensor, &reasons, now_ms, now_s);
	static const struct { uint8_t open; enum reason reason; } opens[] = {
		{OPEN_SILENT, R_OPEN_SILENT}, {OPEN_BLIND, R_OPEN_BLIND}, {OPEN_MIRROR, R_OPEN_MIRROR}, {OPEN_OTHER, R_OPEN_OTHER}};
	for (unsigned i = 0; i < sizeof opens / sizeof *opens; i++)
		reasons |= (uint32_t)((sensor->open & opens[i].open) != 0) << opens[i].reason;
	sensor->state = WEB_SENSOR_SOUND;
	for (unsigned r = 0; r < R_COUNT; r++)
		if (reasons >> r & 1 && rows[r].worst > sensor->state)
			sensor->state = (enum web_sensor_state)rows[r].worst;
	sensor->reasons = reasons;
}

// Which of them have something open about themselves.
static void look_at_alerts(struct web_measure *measure)
{
	const struct web_index *index = measure->server->index;
	uint8_t open[WEB_SENSORS] = {0};
	uint32_t count = index ? web_index_alerts_count(index) : 0;
	for (uint32_t i = 0; i < count; i++) {
		const struct web_alert *alert = web_index_alert(index, i);
		if (!alert->sensor || alert->state != WEB_ALERT_OPEN)
			continue;
		const char *kind = web_index_string(index, alert->kind);
		if (strncmp(kind, "sensor.", 7) != 0)
			continue;
		const char *name = web_index_sensor(index, alert->sensor);
		uint8_t bit = strcmp(kind, "sensor.silent") == 0 ? OPEN_SILENT : strcmp(kind, "sensor.blind") == 0 ? OPEN_BLIND
			    : strcmp(kind, "sensor.mirror") == 0 ? OPEN_MIRROR : OPEN_OTHER;
		for (uint32_t s = 0; s < measure->sensors_count; s++)
			if (strcmp(measure->sensor[s]->name, name) == 0)
				open[s] |= bit;
	}
	for (uint32_t s = 0; s < measure->sensors_count; s++)
		measure->sensor[s]->open = open[s];
}

// ---- how much lies there ----

static void take_length(void *context, const redisReply *reply)
{
	int64_t *to = context;
	*to = reply && reply->type == REDIS_REPLY_INTEGER ? reply->integer : -1;
}

static void add_length(void *context, const redisReply *reply) // of the other name, after the first
{
	int64_t *to = context;
	*to += reply && reply->type == REDIS_REPLY_INTEGER && *to >= 0 ? reply->integer : 0;
}

static void take_info(void *context, const redisReply *reply)
{
	struct web_measure *measure = context;
	measure->redis_memory = -1;
	measure->no_info = reply && reply->type == REDIS_REPLY_ERROR;
	if (!reply || reply->type != REDIS_REPLY_STRING)
		return;
	const char *memory = strstr(reply->str, "\r\nused_memory:"), *version = strstr(reply->str, "redis_version:");
	if (memory)
		measure->redis_memory = strtoll(memory + 14, NULL, 10);
	if (version) {
		version += 14;
		yg_plain_text(measure->redis_version, sizeof measure->redis_version, version, strcspn(version, "\r\n"));
	}
}

static void ask_lengths(struct web_measure *measure, struct web_sensor *sensor)
{
	static const char *const streams[WEB_FEEDS + 1] = {"metrics", "metrics:1m", "metrics:1h", "flows", "alerts"};
	for (unsigned f = 0; f <= WEB_FEEDS; f++) {
		char key[WEB_KEY_BYTES];
		const char *words[] = {"XLEN", key};
		web_sensor_key(key, sensor->name, false, streams[f]);
		web_redis_ask(measure->server->redis, take_length, &sensor->entries[f], 2, words, NULL);
		if (!sensor->tagged || f == WEB_FEEDS)
			continue; // alerts have one name
		web_sensor_key(key, sensor->name, true, streams[f]);
		web_redis_ask(measure->server->redis, add_length, &sensor->entries[f], 2, words, NULL);
	}
}

// ---- each second ----

static void tell_when_changed(struct web_measure *measure)
{
	uint64_t hash = measure->sensors_count;
	for (uint32_t i = 0; i < measure->sensors_count; i++)
		hash = hash * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)measure->sensor[i]->reasons * 8 + measure->sensor[i]->state;
	if (hash != measure->strips_hash && measure->changed)
		measure->changed(measure->changed_context);
	measure->strips_hash = hash;
}

void web_sensors_tick(struct web_measure *measure)
{
	bool up = web_redis_up(measure->server->redis);
	uint64_t tick = measure->ticks++;
	if (up && !measure->scanning && tick % SCAN_EVERY_S == 0) {
		snprintf(measure->cursor, sizeof measure->cursor, "0");
		scan(measure);
		const char *memory[] = {"INFO", "memory"}, *server[] = {"INFO", "server"};
		if (!measure->no_info)
			web_redis_ask(measure->server->redis, take_info, measure, 2, *measure->redis_version ? memory : server, NULL);
	}
	for (uint32_t i = 0; up && i < measure->sensors_count; i++) {
		struct web_sensor *sensor = measure->sensor[i];
		if (tick % HEALTH_EVERY_S == 0 || !sensor->asked)
			ask_health(sensor, sensor->tagged);
		if (tick % SCAN_EVERY_S == 1 || sensor->entries[0] < 0)
			ask_lengths(measure, sensor);
	}
	if (tick % 2 == 0)
		look_at_alerts(measure);
	for (uint32_t i = 0; i < measure->sensors_count; i++)
		judge(measure->sensor[i]);
	tell_when_changed(measure);
}

// ---- telling ----

void web_measure_on_change(struct web_measure *measure, void (*changed)(void *context), void *context)
{
	measure->changed = changed;
	measure->changed_context = context;
}

bool web_measure_blind(const struct web_measure *measure)
{
	bool blind = measure->sensors_count == 0;
	for (uint32_t i = 0; i < measure->sensors_count; i++)
		blind = blind || measure->sensor[i]->state >= WEB_SENSOR_BLIND;
	return blind;
}

// Share of frames that were not seen in the last minute; negative: not known.
static double loss_of(const struct web_sensor *sensor)
{
	uint64_t lost = 0, seen = 0;
	for (int64_t s = sensor->told_s - LOSS_WINDOW_S; s < sensor->told_s; s++) {
		const struct web_values *v = web_ring_at(&sensor->rings.seconds, s);
		lost += v ? v->v[WEB_LOST] : 0;
		seen += v ? v->v[WEB_PACKETS_IN] + v->v[WEB_PACKETS_OUT] : 0;
	}
	return lost + seen ? (double)lost / (double)(lost + seen) : -1;
}

static json_t *strip_of(const struct web_sensor *sensor)
{
	json_t *reasons = json_array();
	for (unsigned worst = WEB_SENSOR_AWAY; worst > 0; worst--)
		for (unsigned r = 0; r < R_COUNT; r++)
			if (sensor->reasons >> r & 1 && rows[r].worst == worst)
				json_array_append_new(reasons, json_pack("{s:s, s:s, s:s}", "code", rows[r].code, "ja", rows[r].ja, "en", rows[r].en));
	int64_t seen_ms = web_sensor_seen_ms(sensor), lag_ms = number_of(sensor, "delivery_lag_ms", -1);
	double loss = loss_of(sensor);
	const char *version = json_string_value(json_object_get(sensor->health, "version"));
	json_t *strip = json_pack("{s:s, s:s, s:o, s:s}", "name", sensor->name, "state", states[sensor->state], "reasons", reasons, "version",
				  version ? version : "");
	json_object_set_new(strip, "last_ms", seen_ms > 0 ? json_integer(seen_ms) : json_null());
	json_object_set_new(strip, "loss", loss >= 0 ? json_real(loss) : json_null());
	json_object_set_new(strip, "delay_ms", lag_ms >= 0 ? json_integer(lag_ms) : json_null());
	return strip;
}

json_t *web_measure_strips(const struct web_measure *measure)
{
	json_t *strips = json_array();
	for (uint32_t i = 0; i < measure->sensors_count; i++)
		json_array_append_new(strips, strip_of(measure->sensor[i]));
	return strips;
}
