// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See index.h. Rows lie in chunks that never move; what goes leaves a free row that the next one takes. Alerts are found by a hash of their
// id, groups by theirs; both hashes are keyed with a secret of the process, for ids come from outside. Lists walk all rows: 100,000 of them
// are 15 MB in order, read in a few milliseconds, which no structure that has to be kept up to date for every viewer would beat.
#include "index.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bodies.h"
#include "index_parts.h"
#include "suppress.h"

static const struct web_alert no_alert = {.group = WEB_NOWHERE, .next = WEB_NOWHERE, .before = WEB_NOWHERE, .body = WEB_BODY_NONE};
static const struct web_group no_group = {.first = WEB_NOWHERE, .last = WEB_NOWHERE};

static uint64_t hash_of(const struct web_index *index, uint64_t id)
{
	unsigned char out[crypto_shorthash_BYTES];
	uint64_t hash;
	crypto_shorthash(out, (const unsigned char *)&id, sizeof id, index->key);
	memcpy(&hash, out, sizeof hash);
	return hash;
}

static uint32_t *buckets_of(uint32_t count)
{
	uint32_t *buckets = malloc(count * sizeof *buckets);
	if (buckets)
		memset(buckets, 0xff, count * sizeof *buckets);
	return buckets;
}

struct web_index *web_index_create(struct web_server *server)
{
	enum { FIRST = 1 << 14 };
	struct web_index *index = calloc(1, sizeof *index);
	if (!index)
		return NULL;
	index->server = server;
	index->alerts_free = index->groups_free = WEB_NOWHERE;
	index->alerts_max = WEB_ALERTS_MAX;
	index->groups_max = WEB_GROUPS_MAX;
	randombytes_buf(index->key, sizeof index->key);
	index->alert_buckets = buckets_of(FIRST);
	index->group_buckets = buckets_of(FIRST);
	index->alert_mask = index->group_mask = FIRST - 1;
	index->sets = calloc(WEB_SETS_MAX, sizeof *index->sets);
	if (!strings_init(&index->strings) || !index->alert_buckets || !index->group_buckets || !index->sets) {
		web_index_destroy(index);
		return NULL;
	}
	return index;
}

void web_index_destroy(struct web_index *index)
{
	if (!index)
		return;
	for (uint32_t i = 0; i <= WEB_ALERTS_MAX / CHUNK_ROWS; i++)
		free(index->alerts[i]);
	for (uint32_t i = 0; i <= WEB_GROUPS_MAX / CHUNK_ROWS; i++)
		free(index->groups[i]);
	for (uint32_t i = 0; index->sets && i < index->sets_count; i++)
		free(index->sets[i]);
	free(index->sets);
	free(index->alert_buckets);
	free(index->group_buckets);
	strings_finish(&index->strings);
	lines_finish(index);
	free(index);
}

// ---- tables ----

static void grow_alerts(struct web_index *index)
{
	uint32_t mask = index->alert_mask * 2 + 1, *buckets = index->alerts_used > index->alert_mask ? buckets_of(mask + 1) : NULL;
	if (!buckets)
		return; // longer chains, no loss
	free(index->alert_buckets);
	index->alert_buckets = buckets;
	index->alert_mask = mask;
	for (uint32_t at = 0; at < index->alerts_count; at++) {
		struct web_alert *a = alert_at(index, at);
		if (!a->sensor)
			continue;
		uint32_t *bucket = &buckets[hash_of(index, a->id) & mask];
		a->chain = *bucket;
		*bucket = at;
	}
}

static void grow_groups(struct web_index *index)
{
	uint32_t mask = index->group_mask * 2 + 1, *buckets = index->groups_used > index->group_mask ? buckets_of(mask + 1) : NULL;
	if (!buckets)
		return;
	free(index->group_buckets);
	index->group_buckets = buckets;
	index->group_mask = mask;
	for (uint32_t at = 0; at < index->groups_count; at++) {
		struct web_group *g = group_at(index, at);
		if (!g->alerts)
			continue;
		uint32_t *bucket = &buckets[hash_of(index, g->id) & mask];
		g->chain = *bucket;
		*bucket = at;
	}
}

static uint32_t alert_row(struct web_index *index)
{
	uint32_t at = index->alerts_free;
	if (at != WEB_NOWHERE) {
		index->alerts_free = alert_at(index, at)->next;
	} else {
		at = index->alerts_count;
		struct web_alert **chunk = &index->alerts[at >> CHUNK_BITS];
		if (!*chunk && !(*chunk = calloc(CHUNK_ROWS, sizeof **chunk)))
			return WEB_NOWHERE;
		index->alerts_count++;
	}
	index->alerts_used++;
	*alert_at(index, at) = no_alert;
	return at;
}

static uint32_t group_row(struct web_index *index)
{
	uint32_t at = index->groups_free;
	if (at != WEB_NOWHERE) {
		index->groups_free = group_at(index, at)->first;
	} else {
		at = index->groups_count;
		struct web_group **chunk = &index->groups[at >> CHUNK_BITS];
		if (!*chunk && !(*chunk = calloc(CHUNK_ROWS, sizeof **chunk)))
			return WEB_NOWHERE;
		index->groups_count++;
	}
	index->groups_used++;
	*group_at(index, at) = no_group;
	return at;
}

uint32_t index_find(const struct web_index *index, uint16_t sensor, uint64_t id, const int64_t *first_ns)
{
	uint32_t best = WEB_NOWHERE;
	for (uint32_t at = index->alert_buckets[hash_of(index, id) & index->alert_mask]; at != WEB_NOWHERE;) {
		const struct web_alert *a = alert_at(index, at);
		if (a->id == id && (!sensor || a->sensor == sensor) && (!first_ns || a->first_ns == *first_ns))
			if (best == WEB_NOWHERE || a->time_ns > alert_at(index, best)->time_ns)
				best = at;
		at = a->chain;
	}
	return best;
}

uint32_t web_index_find_group(const struct web_index *index, uint64_t id)
{
	uint32_t at = index->group_buckets[hash_of(index, id) & index->group_mask];
	while (at != WEB_NOWHERE && group_at(index, at)->id != id)
		at = group_at(index, at)->chain;
	return at;
}

// ---- groups ----

// Of the key's text, not of numbers of this process: the same for ever, on every host, for states lie under it. Without a key: it is not
// shown (shown.h).
uint64_t index_group_id(const struct web_line *line)
{
	unsigned char key[160], out[crypto_generichash_BYTES_MIN];
	size_t n = 0, org = strlen(line->org) + 1, kind = strlen(line->kind) + 1;
	memcpy(key, line->org, org);
	n += org;
	memcpy(key + n, line->kind, kind);
	n += kind;
	key[n++] = line->source_af;
	memcpy(key + n, line->source, 16);
	n += 16;
	key[n++] = line->af;
	key[n++] = line->target_len;
	memcpy(key + n, line->target, 16);
	n += 16;
	crypto_generichash(out, sizeof out, key, n, NULL, 0);
	uint64_t id = 0;
	for (unsigned i = 0; i < 8; i++)
		id = id << 8 | out[i];
	return id;
}

static uint32_t group_of(struct web_index *index, uint64_t id)
{
	uint32_t at = web_index_find_group(index, id);
	if (at != WEB_NOWHERE)
		return at;
	at = index->groups_used < index->groups_max ? group_row(index) : WEB_NOWHERE;
	if (at == WEB_NOWHERE)
		return at;
	grow_groups(index);
	struct web_group *g = group_at(index, at);
	uint32_t *bucket = &index->group_buckets[hash_of(index, id) & index->group_mask];
	g->id = id;
	g->chain = *bucket;
	*bucket = at;
	return at;
}

static void group_free(struct web_index *index, uint32_t at)
{
	struct web_group *g = group_at(index, at);
	uint32_t *link = &index->group_buckets[hash_of(index, g->id) & index->group_mask];
	while (*link != at)
		link = &group_at(index, *link)->chain;
	*link = g->chain;
	*g = no_group;
	g->first = index->groups_free;
	index->groups_free = at;
	index->groups_used--;
}

static void group_join(struct web_index *index, uint32_t group, uint32_t at)
{
	struct web_group *g = group_at(index, group);
	struct web_alert *a = alert_at(index, at);
	a->group = group;
	a->next = WEB_NOWHERE;
	a->before = g->alerts++ ? g->last : WEB_NOWHERE;
	if (a->before == WEB_NOWHERE)
		g->first = at;
	else
		alert_at(index, a->before)->next = at;
	g->last = at;
}

static void group_leave(struct web_index *index, uint32_t at)
{
	struct web_alert *a = alert_at(index, at);
	struct web_group *g = group_at(index, a->group);
	if (a->before == WEB_NOWHERE)
		g->first = a->next;
	else
		alert_at(index, a->before)->next = a->next;
	if (a->next == WEB_NOWHERE)
		g->last = a->before;
	else
		alert_at(index, a->next)->before = a->before;
	g->stale = true;
	if (--g->alerts == 0)
		group_free(index, a->group);
	a->group = a->next = a->before = WEB_NOWHERE;
}

void index_drop(struct web_index *index, uint32_t at)
{
	struct web_alert *a = alert_at(index, at);
	uint32_t *link = &index->alert_buckets[hash_of(index, a->id) & index->alert_mask];
	while (*link != at)
		link = &alert_at(index, *link)->chain;
	*link = a->chain;
	group_leave(index, at);
	lines_forget(index, at);
	*a = no_alert;
	a->next = index->alerts_free;
	index->alerts_free = at;
	index->alerts_used--;
}

// ---- when it is full ----

// The k-th smallest of n times, by Hoare's selection.
static int64_t select_kth(int64_t *times, uint32_t n, uint32_t k)
{
	uint32_t low = 0, high = n - 1;
	while (low < high) {
		int64_t pivot = times[low + (high - low) / 2];
		uint32_t i = low, j = high;
		while (i <= j) {
			while (times[i] < pivot)
				i++;
			while (times[j] > pivot)
				j--;
			if (i <= j) {
				int64_t t = times[i];
				times[i++] = times[j];
				times[j] = t;
				if (j-- == 0)
					break;
			}
		}
		if (k <= j && j != UINT32_MAX)
			high = j;
		else if (k >= i)
			low = i;
		else
			break;
	}
	return times[k];
}

// Gives up a 64th, the oldest closed ones; open ones only where there are no closed. One at a time would look at all for each.
static void evict(struct web_index *index)
{
	int64_t *times = malloc(index->alerts_used * sizeof *times);
	if (!times)
		return;
	uint32_t n = 0, go = index->alerts_used / 64 + 1;
	bool closed = true;
	for (int pass = 0; pass < 2 && !n; pass++) {
		closed = pass == 0;
		for (uint32_t at = 0; at < index->alerts_count; at++) {
			const struct web_alert *a = alert_at(index, at);
			if (a->sensor && (!closed || a->state == WEB_ALERT_CLOSED))
				times[n++] = a->time_ns;
		}
	}
	go = go < n ? go : n;
	int64_t limit = go ? select_kth(times, n, go - 1) : 0;
	free(times);
	for (uint32_t at = 0; at < index->alerts_count && go; at++) {
		const struct web_alert *a = alert_at(index, at);
		if (!a->sensor || (closed && a->state != WEB_ALERT_CLOSED) || a->time_ns > limit)
			continue;
		index_drop(index, at);
		index->evicted++;
		go--;
	}
}

// ---- bodies ----

static int compare_bodies(const void *a, const void *b)
{
	return *(const uint16_t *)a - *(const uint16_t *)b;
}

static bool set_of(struct web_index *index, const uint16_t *bodies, uint32_t count, uint16_t *ret)
{
	unsigned char out[crypto_shorthash_BYTES];
	uint64_t hash;
	crypto_shorthash(out, (const unsigned char *)bodies, count * sizeof *bodies, index->key);
	memcpy(&hash, out, sizeof hash);
	for (uint32_t i = 0; i < index->sets_count; i++) {
		const struct body_set *s = index->sets[i];
		if (s->hash == hash && s->count == count && memcmp(s->bodies, bodies, count * sizeof *bodies) == 0) {
			*ret = (uint16_t)i;
			return true;
		}
	}
	struct body_set *new = index->sets_count < WEB_SETS_MAX ? malloc(sizeof *new + count * sizeof *bodies) : NULL;
	if (!new) {
		index->sets_full++;
		return false;
	}
	new->hash = hash;
	new->count = count;
	memcpy(new->bodies, bodies, count * sizeof *bodies);
	*ret = (uint16_t)index->sets_count;
	index->sets[index->sets_count++] = new;
	return true;
}

// The body that it concerns comes first and is always among those that see it.
static void set_bodies(struct web_index *index, struct web_alert *a, const struct web_line *line)
{
	struct web_bodies *registry = index->server->bodies;
	uint16_t seen[WEB_LINE_ORGS + 1];
	uint32_t n = 0, unique = 0;
	a->body = line->org[0] ? web_body_intern(registry, line->org, line->org_ja, line->org_en) : WEB_BODY_NONE;
	if (a->body != WEB_BODY_NONE)
		seen[n++] = a->body;
	for (uint32_t i = 0; i < line->orgs_count; i++) {
		uint16_t body = web_body_intern(registry, line->orgs[i], "", "");
		if (body != WEB_BODY_NONE)
			seen[n++] = body;
	}
	index->orgs_left_out += line->orgs_left_out;
	qsort(seen, n, sizeof *seen, compare_bodies);
	for (uint32_t i = 0; i < n; i++)
		if (!unique || seen[unique - 1] != seen[i])
			seen[unique++] = seen[i];
	if (unique > 7 && set_of(index, seen, unique, &a->bodies[0])) {
		a->bodies_count = UINT8_MAX;
		return;
	}
	a->bodies_count = (uint8_t)(unique < 7 ? unique : 7);
	memcpy(a->bodies, seen, a->bodies_count * sizeof *seen);
	if (unique > 7 && a->body != WEB_BODY_NONE) // no room for the set: the one that it concerns sees it in any case
		a->bodies[6] = a->body;
}

const uint16_t *web_index_bodies(const struct web_index *index, const struct web_alert *alert, uint32_t *ret_count)
{
	if (alert->bodies_count != UINT8_MAX) {
		*ret_count = alert->bodies_count;
		return alert->bodies;
	}
	const struct body_set *set = index->sets[alert->bodies[0]];
	*ret_count = set->count;
	return set->bodies;
}

bool view_sees_body(const struct web_view *view, uint16_t body)
{
	return view->scope.all || (body < WEB_BODIES && view->scope.body[body / 64] >> body % 64 & 1);
}

bool view_sees_alert(const struct web_index *index, const struct web_view *view, const struct web_alert *alert)
{
	if (view_sees_body(view, alert->body)) // always one of those that see it, and mostly the answer
		return true;
	uint32_t count;
	const uint16_t *bodies = web_index_bodies(index, alert, &count);
	uint64_t mask[WEB_BODY_WORDS] = {0};
	for (uint32_t i = 0; i < count; i++)
		if (bodies[i] < WEB_BODIES)
			mask[bodies[i] / 64] |= UINT64_C(1) << bodies[i] % 64;
	return web_access_sees(view, mask);
}

// ---- taking ----

void index_refresh(const struct web_index *index)
{
	struct web_suppress *suppress = index->server->suppress;
	uint64_t generation = suppress ? web_suppress_generation(suppress) : 0;
	if (generation == index->suppress_generation)
		return;
	for (uint32_t at = 0; at < index->alerts_count; at++) {
		struct web_alert *a = alert_at(index, at);
		if (a->sensor)
			a->suppressed = web_suppressed(suppress, a, strings_text(&index->strings, a->kind));
	}
	((struct web_index *)index)->suppress_generation = generation; // a memory of what suppress.c says, not the index's own state
}

static bool is_sensor_name(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
	return n > 0 && n < 64 && !name[n] && strcmp(name, "web") != 0;
}

uint16_t index_sensor_take(struct web_index *index, const char *name)
{
	for (uint16_t i = 1; i <= index->sensors_count; i++)
		if (strcmp(index->sensors[i].name, name) == 0)
			return i;
	if (!is_sensor_name(name))
		return 0;
	if (index->sensors_count == WEB_ALERT_SENSORS) {
		index->sensors_full++;
		return 0;
	}
	snprintf(index->sensors[++index->sensors_count].name, sizeof index->sensors[0].name, "%s", name);
	return (uint16_t)index->sensors_count;
}

uint64_t index_community(const struct web_index *index, const char *text, size_t length)
{
	unsigned char folded[sizeof ((struct web_line *)0)->community] = {0}, out[crypto_shorthash_BYTES];
	uint64_t hash;
	for (size_t i = 0; i < length && i < sizeof folded; i++)
		folded[i] = (unsigned char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] - 'A' + 'a' : text[i]);
	crypto_shorthash(out, folded, length < sizeof folded ? length : sizeof folded, index->key);
	memcpy(&hash, out, sizeof hash);
	return hash ? hash : 1;
}

static void fill(struct web_index *index, struct web_alert *a, struct web_entry entry, const struct web_line *l)
{
	a->entry = entry;
	a->id = l->id;
	a->campaign = l->campaign;
	a->community = l->community[0] ? index_community(index, l->community, strlen(l->community)) : 0;
	a->first_ns = l->first_ns;
	a->last_ns = l->last_ns;
	a->time_ns = l->time_ns;
	memcpy(a->source, l->source, sizeof a->source);
	memcpy(a->target, l->target, sizeof a->target);
	a->source_af = l->source_af;
	a->af = l->af;
	a->target_len = l->target_len;
	a->proto = l->proto;
	a->source_port = l->source_port;
	a->target_port = l->target_port;
	a->count = l->count;
	a->kind = strings_take(&index->strings, l->kind, index->key);
	a->app_proto = strings_take(&index->strings, strcmp(l->app, "failed") == 0 ? "" : l->app, index->key);
	a->technique = strings_take(&index->strings, l->technique, index->key);
	a->vector = strings_take(&index->strings, l->vector, index->key);
	a->sla_minutes = l->sla_minutes;
	a->pulse = l->pulse;
	a->severity = l->severity;
	a->state = l->state;
	a->mode = l->mode;
	a->score = l->score;
	a->zone = l->zone;
	a->confidence = (uint8_t)(l->confidence * 100 + 0.5);
	a->reopened = l->reopened;
	set_bodies(index, a, l);
	a->suppressed = index->server->suppress ? web_suppressed(index->server->suppress, a, strings_text(&index->strings, a->kind)) : 0;
}

// An id stands for a kind, a key and a minute, so few have it: were they many, each record would walk along all of them.
static void bound_same(struct web_index *index, uint16_t sensor, uint64_t id)
{
	uint32_t count = 0, oldest = WEB_NOWHERE;
	for (uint32_t at = index->alert_buckets[hash_of(index, id) & index->alert_mask]; at != WEB_NOWHERE; at = alert_at(index, at)->chain) {
		const struct web_alert *a = alert_at(index, at);
		if (a->id != id || a->sensor != sensor)
			continue;
		count++;
		if (oldest == WEB_NOWHERE || a->time_ns < alert_at(index, oldest)->time_ns)
			oldest = at;
	}
	if (count < WEB_SAME_ID)
		return;
	index_drop(index, oldest);
	index->same_id++;
}

static uint32_t new_alert(struct web_index *index, uint16_t sensor, uint64_t id, uint64_t group_id)
{
	bound_same(index, sensor, id);
	if (index->alerts_used >= index->alerts_max)
		evict(index);
	uint32_t group = group_of(index, group_id);
	if (group == WEB_NOWHERE) {
		evict(index);
		group = group_of(index, group_id);
	}
	uint32_t at = group == WEB_NOWHERE ? WEB_NOWHERE : alert_row(index);
	if (at == WEB_NOWHERE) {
		index->groups_full += group == WEB_NOWHERE;
		index->no_memory += group != WEB_NOWHERE;
		if (group != WEB_NOWHERE && !group_at(index, group)->alerts)
			group_free(index, group);
		return at;
	}
	grow_alerts(index);
	struct web_alert *a = alert_at(index, at);
	uint32_t *bucket = &index->alert_buckets[hash_of(index, id) & index->alert_mask];
	a->id = id;
	a->sensor = sensor;
	a->chain = *bucket;
	*bucket = at;
	group_join(index, group, at);
	return at;
}

// The newest record says to which group an alert belongs: so it is after a restart, whatever else has been trimmed meanwhile.
static void regroup(struct web_index *index, uint32_t at, uint64_t group_id)
{
	if (group_at(index, alert_at(index, at)->group)->id == group_id)
		return;
	uint32_t group = group_of(index, group_id);
	if (group == WEB_NOWHERE) {
		index->groups_full++;
		return;
	}
	group_leave(index, at);
	group_join(index, group, at);
}

enum web_taken web_index_take(struct web_index *index, const char *sensor, struct web_entry entry, const char *line, size_t length,
			      uint32_t *ret_alert)
{
	struct web_line *l = &index->line;
	uint16_t number = index_sensor_take(index, sensor);
	*ret_alert = WEB_NOWHERE;
	if (!number || !web_line_read(line, length, l)) {
		index->bad++;
		index->sensors[number].bad++;
		return WEB_TAKEN_BAD;
	}
	index->sensors[number].taken++;
	index_refresh(index);
	uint64_t group_id = index_group_id(l);
	uint32_t at = index_find(index, number, l->id, &l->first_ns);
	bool new = at == WEB_NOWHERE;
	if (!new && !entry_after(entry, alert_at(index, at)->entry))
		return WEB_TAKEN_OLD;
	if (new)
		at = new_alert(index, number, l->id, group_id);
	else
		regroup(index, at, group_id);
	if (at == WEB_NOWHERE)
		return WEB_TAKEN_BAD;
	struct web_alert *a = alert_at(index, at);
	index->before.reopened = a->reopened;
	index->before.severity = a->severity;
	index->before.mode = a->mode;
	fill(index, a, entry, l);
	group_at(index, a->group)->stale = true;
	index->last_ns = a->time_ns > index->last_ns ? a->time_ns : index->last_ns;
	lines_keep(index, at, l);
	*ret_alert = at;
	return new ? WEB_TAKEN_NEW : WEB_TAKEN_CHANGED;
}
