// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See policy.h. Lives lie dense in an array with a hash index over it, which is built anew in a second in which one ended: there is no
// deletion to get wrong, and 16,384 of them take 0.1 ms. Suppressions that are in force are a list of numbers, made anew when time passes
// the next begin or end.
#include "engine/policy.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "config/address.h"
#include "engine/campaign.h"
#include "engine/lifecycle.h"
#include "engine/lifecycle_record.h"

enum { BUCKETS = YG_POLICY_LIVES * 2, ROWS_MAX = YG_CONFIG_PLUGINS_MAX + 1, REPORT_MAX = 32, STATE_VERSION = 1 };
#define NO_LIFE UINT32_MAX

struct life {
	uint64_t key;
	int64_t alive_ns;
	int64_t clear_ns;
	uint32_t next;
};

// How a snapshot begins; then the names of the rows, the codes of the columns, and the seconds, row by row.
struct shadow_head {
	uint32_t rows, columns;
};

struct yg_policy {
	struct yg_policy_options o;
	uint32_t cell[YG_SUPPRESSIONS_COUNTED]; // of a suppression's counter in stats
	uint32_t active[YG_SUPPRESSIONS_COUNTED];
	uint32_t active_count;
	int64_t active_from_s, active_to_s;     // for which that list holds; equal: for no time
	struct life lives[YG_POLICY_LIVES];
	uint32_t bucket[BUCKETS];
	uint32_t lives_count;
	// When this sensor first ran with a detector and a body: a row a detector, the first for the engine itself; a column a body, the last
	// for what concerns none. 0: not yet.
	char row[ROWS_MAX][32];
	uint32_t rows, columns;
	bool begins; // some are 0
	int64_t *first_s;
	uint8_t *snapshot; // yg_policy_part: built whole, then handed out in pieces
	uint64_t snapshot_size;
};

// ---- suppressions ----

static uint32_t cell_of(struct yg_policy *p, const char *id, uint32_t likely)
{
	struct yg_suppression_stats *all = p->o.stats->suppression;
	if (strncmp(all[likely].id, id, sizeof all->id) == 0)
		return likely;
	uint32_t cell = 0;
	while (cell < YG_SUPPRESSIONS_COUNTED && all[cell].id[0] && strncmp(all[cell].id, id, sizeof all->id) != 0)
		cell++;
	// The last place is shared by what came when reloads had filled the others.
	memcpy(all[cell].id, cell < YG_SUPPRESSIONS_COUNTED ? id : "(others)", cell < YG_SUPPRESSIONS_COUNTED ? sizeof all->id : 9);
	return cell;
}

static void take_suppressions(struct yg_policy *p)
{
	const struct yg_config *c = p->o.config;
	for (uint32_t i = 0; i < c->suppressions_count && i < YG_SUPPRESSIONS_COUNTED; i++)
		p->cell[i] = cell_of(p, c->suppressions[i].id, i);
	p->active_from_s = p->active_to_s = 0;
	p->active_count = 0;
}

static void find_active(struct yg_policy *p, int64_t now_s)
{
	const struct yg_config *c = p->o.config;
	if (now_s >= p->active_from_s && now_s < p->active_to_s)
		return;
	p->active_count = 0;
	p->active_from_s = INT64_MIN;
	p->active_to_s = INT64_MAX;
	for (uint32_t i = 0; i < c->suppressions_count && i < YG_SUPPRESSIONS_COUNTED; i++) {
		const int64_t edges[] = {c->suppressions[i].since_s, c->suppressions[i].expires_s};
		for (int e = 0; e < 2; e++) {
			if (edges[e] <= now_s && edges[e] > p->active_from_s)
				p->active_from_s = edges[e];
			if (edges[e] > now_s && edges[e] < p->active_to_s)
				p->active_to_s = edges[e];
		}
		if (edges[0] <= now_s && now_s < edges[1])
			p->active[p->active_count++] = i;
	}
}

static bool is_below(const struct yg_config *c, uint16_t org, uint16_t ancestor)
{
	for (uint32_t steps = 0; org < c->orgs_count && steps <= c->orgs_count; steps++) {
		if (org == ancestor)
			return true;
		org = c->orgs[org].parent;
	}
	return false;
}

static bool fits(const struct yg_config *c, const struct yg_suppression *s, const struct yg_alert *a)
{
	if (s->port && s->port != a->target_port) // numbers before texts: there may be thousands
		return false;
	if (s->target_af && (s->target_af != a->af || a->target_len < s->target_len || !yg_address_within(&a->target, &s->target, s->target_len)))
		return false;
	if (s->source_af && (s->source_af != a->source_af || !yg_address_within(&a->source, &s->source, s->source_len)))
		return false;
	return yg_kind_matches(s->kind, a->kind) && (s->org == YG_ORG_NONE || is_below(c, a->org, s->org));
}

// The first in force that fits, by id; NULL: none.
static const struct yg_suppression *suppression_of(struct yg_policy *p, const struct yg_alert *alert, int64_t now_s, uint32_t *ret_cell)
{
	find_active(p, now_s);
	for (uint32_t i = 0; i < p->active_count; i++) {
		const struct yg_suppression *s = &p->o.config->suppressions[p->active[i]];
		if (!fits(p->o.config, s, alert))
			continue;
		*ret_cell = p->cell[p->active[i]];
		return s;
	}
	return NULL;
}

// ---- lives of what is suppressed ----

static uint32_t *bucket_of(struct yg_policy *p, uint64_t key)
{
	return &p->bucket[yg_hash(&p->o.key, &key, sizeof key) & (BUCKETS - 1)];
}

static struct life *find_life(struct yg_policy *p, uint64_t key)
{
	uint32_t i = *bucket_of(p, key);
	while (i != NO_LIFE && p->lives[i].key != key)
		i = p->lives[i].next;
	return i == NO_LIFE ? NULL : &p->lives[i];
}

static void index_life(struct yg_policy *p, uint32_t i)
{
	uint32_t *bucket = bucket_of(p, p->lives[i].key);
	p->lives[i].next = *bucket;
	*bucket = i;
}

static void end_lives(struct yg_policy *p, int64_t now_ns)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < p->lives_count; i++)
		if (now_ns - p->lives[i].alive_ns < p->lives[i].clear_ns)
			p->lives[kept++] = p->lives[i];
	if (kept == p->lives_count)
		return;
	p->lives_count = kept;
	memset(p->bucket, 0xff, sizeof p->bucket);
	for (uint32_t i = 0; i < kept; i++)
		index_life(p, i);
}

// Whether this raise begins a life.
static bool live(struct yg_policy *p, const struct yg_alert *alert, int64_t now_ns)
{
	uint64_t key = yg_lifecycle_key(alert);
	struct life *l = find_life(p, key);
	bool begun = l && now_ns - l->alive_ns < l->clear_ns;
	if (alert->hold) {
		if (begun)
			l->alive_ns = now_ns;
		return false;
	}
	if (!l && p->lives_count == YG_POLICY_LIVES) {
		yg_counter_add(&p->o.stats->aggregator[YG_AC_SUPPRESSION_LIVES_FULL], 1);
		return false;
	}
	if (!l) {
		l = &p->lives[p->lives_count++];
		l->key = key;
		index_life(p, (uint32_t)(l - p->lives));
	}
	l->alive_ns = now_ns;
	l->clear_ns = (alert->clear_after_s ? alert->clear_after_s : YG_LIFECYCLE_CLEAR_S) * YG_NS_PER_S;
	return !begun;
}

// ---- shadow ----

static uint32_t row_of(const struct yg_policy *p, const char *detector)
{
	uint32_t row = p->rows - 1;
	while (row && strncmp(p->row[row], detector, sizeof p->row[0]) != 0)
		row--;
	return row;
}

// A row for each detector that is enabled; rows stay when one is not any more.
static void take_detectors(struct yg_policy *p)
{
	const struct yg_config *c = p->o.config;
	for (uint32_t i = 0; i < c->plugins_count; i++) {
		const struct yg_config_plugin *plugin = &c->plugins[i];
		if (!plugin->enabled || row_of(p, plugin->name) || p->rows == ROWS_MAX)
			continue;
		memcpy(p->row[p->rows++], plugin->name, sizeof plugin->name);
		p->begins = true;
	}
}

static void begin_shadows(struct yg_policy *p, int64_t second)
{
	for (uint32_t i = 0; p->begins && i < p->rows * p->columns; i++)
		if (p->first_s[i] <= 0 || p->first_s[i] > second) // a clock that was ahead must not make it longer
			p->first_s[i] = second;
	p->begins = false;
}

static bool rests_on_habit(const char *kind)
{
	return strcmp(kind, "zone.mynumber") != 0 && strcmp(kind, "link.saturation") != 0 && strncmp(kind, "sensor.", 7) != 0;
}

static bool is_new(const struct yg_policy *p, const char *detector, const struct yg_alert *alert, int64_t now_s)
{
	int64_t days = p->o.live ? yg_config_int(p->o.config, YG_O_ALERTS_SHADOW_DAYS) : 0;
	if (!days || !rests_on_habit(alert->kind))
		return false;
	uint32_t column = alert->org < p->columns - 1 ? alert->org : p->columns - 1;
	int64_t first_s = p->first_s[row_of(p, detector) * p->columns + column];
	return first_s <= 0 || now_s - first_s < days * 86400;
}

// ---- shadow over a restart ----

static uint64_t state_size(uint64_t rows, uint64_t columns)
{
	return sizeof(struct shadow_head) + rows * sizeof(((struct yg_policy *)0)->row[0]) + columns * sizeof(((struct yg_org *)0)->code) +
	       rows * columns * sizeof(int64_t);
}

static uint8_t *put(uint8_t *to, const void *from, size_t size)
{
	memcpy(to, from, size);
	return to + size;
}

static void take_snapshot(struct yg_policy *p)
{
	const struct shadow_head head = {p->rows, p->columns};
	uint8_t *to = put(p->snapshot, &head, sizeof head);
	to = put(to, p->row, p->rows * sizeof p->row[0]);
	for (uint32_t i = 0; i + 1 < p->columns; i++)
		to = put(to, p->o.config->orgs[i].code, sizeof p->o.config->orgs[i].code);
	memset(to, 0, sizeof p->o.config->orgs[0].code); // of no body
	to += sizeof p->o.config->orgs[0].code;
	to = put(to, p->first_s, (size_t)p->rows * p->columns * sizeof *p->first_s);
	p->snapshot_size = (uint64_t)(to - p->snapshot);
}

static uint64_t save(void *context, uint64_t *cursor, void *to, uint64_t room)
{
	struct yg_policy *p = context;
	if (*cursor == 0)
		take_snapshot(p);
	uint64_t n = p->snapshot_size - *cursor;
	n = n < room ? n : room;
	memcpy(to, p->snapshot + *cursor, n);
	*cursor = *cursor + n == p->snapshot_size ? YG_STATE_DONE : *cursor + n;
	return n;
}

// The column of a body, or that of none for an empty code; UINT32_MAX when there is no such body any more.
static uint32_t column_of(const struct yg_policy *p, const char *code)
{
	uint32_t column = 0;
	if (!code[0])
		return p->columns - 1;
	while (column + 1 < p->columns && strncmp(p->o.config->orgs[column].code, code, sizeof p->o.config->orgs[0].code) != 0)
		column++;
	return column + 1 < p->columns ? column : UINT32_MAX;
}

// Foreign bytes: sizes are checked, and what a row or a column is called decides where its seconds go. Those of nobody go nowhere; one
// that lies in the future is set right in the first second.
static int restore(void *context, uint32_t version, const void *bytes, uint64_t size)
{
	struct yg_policy *p = context;
	struct shadow_head head;
	const uint8_t *from = bytes;
	if (version != STATE_VERSION || size < sizeof head)
		return -1;
	memcpy(&head, from, sizeof head);
	if (head.rows == 0 || head.rows > ROWS_MAX || head.columns == 0 || head.columns > YG_SUMMARY_ORGS ||
	    size != state_size(head.rows, head.columns))
		return -1;
	const char *names = (const char *)from + sizeof head;
	const char *codes = names + head.rows * sizeof p->row[0];
	const uint8_t *seconds = (const uint8_t *)codes + head.columns * sizeof p->o.config->orgs[0].code;
	for (uint32_t c = 0; c < head.columns; c++) {
		uint32_t column = column_of(p, codes + c * sizeof p->o.config->orgs[0].code);
		for (uint32_t r = 0; r < head.rows && column != UINT32_MAX; r++) {
			const char *name = names + r * sizeof p->row[0];
			uint32_t row = row_of(p, name);
			if (row || !name[0])
				memcpy(&p->first_s[(size_t)row * p->columns + column], seconds + ((size_t)r * head.columns + c) * sizeof(int64_t),
				       sizeof(int64_t));
		}
	}
	return 0;
}

struct yg_state_part yg_policy_part(struct yg_policy *p)
{
	return (struct yg_state_part){.name = "policy", .version = STATE_VERSION, .max = state_size(ROWS_MAX, p->columns), .context = p,
				      .save = save, .restore = restore};
}

// ---- modes ----

static uint32_t first_of(const struct yg_config *c, uint16_t org)
{
	uint32_t low = 0, high = c->modes_count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (c->modes[middle].org < org)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

// The mode of the first of this body's rules that fits, or -1.
static int rule_of(const struct yg_config *c, uint16_t org, const char *kind)
{
	for (uint32_t i = first_of(c, org); i < c->modes_count && c->modes[i].org == org; i++)
		if (yg_kind_matches(c->modes[i].kind, kind))
			return c->modes[i].mode;
	return -1;
}

static int configured(const struct yg_config *c, const struct yg_alert *alert)
{
	uint16_t org = alert->org;
	for (uint32_t steps = 0; org < c->orgs_count && steps <= c->orgs_count; steps++) {
		int mode = rule_of(c, org, alert->kind);
		if (mode >= 0)
			return mode;
		org = c->orgs[org].parent;
	}
	return rule_of(c, YG_ORG_NONE, alert->kind);
}

static uint8_t by_severity(const struct yg_alert *alert)
{
	if (alert->severity == YG_SEV_CRITICAL || (alert->severity == YG_SEV_HIGH && alert->confidence >= 0.5f))
		return YG_MODE_PAGE;
	return alert->severity >= YG_SEV_MEDIUM ? YG_MODE_ALERT : YG_MODE_DIGEST;
}

// ---- what the aggregator calls ----

enum yg_policy_verdict yg_policy_judge(struct yg_policy *p, const char *detector, const struct yg_alert *alert, struct yg_time now,
				       bool *ret_new)
{
	uint32_t cell;
	int64_t now_s = yg_time_second(now);
	*ret_new = false;
	if (suppression_of(p, alert, now_s, &cell)) {
		*ret_new = live(p, alert, now.ns);
		if (*ret_new)
			yg_counter_add(&p->o.stats->suppression[cell].hits, 1);
		return YG_POLICY_SUPPRESSED;
	}
	bool shadow = is_new(p, detector, alert, now_s) || configured(p->o.config, alert) == YG_MODE_SHADOW;
	return shadow ? YG_POLICY_SHADOW : YG_POLICY_TELL;
}

void yg_policy_fill(struct yg_policy *p, struct yg_alert *alert)
{
	static const uint16_t sla[YG_MODE_COUNT] = {[YG_MODE_ALERT] = YG_POLICY_SLA_ALERT, [YG_MODE_PAGE] = YG_POLICY_SLA_PAGE};
	if (alert->mode != YG_MODE_SHADOW) {
		bool quiet = yg_campaign_quietens(alert);
		int rule = configured(p->o.config, alert);
		alert->mode = rule >= 0 ? (uint8_t)rule : by_severity(alert);
		if (quiet && alert->mode > YG_MODE_DIGEST)
			alert->mode = YG_MODE_DIGEST;
	}
	alert->sla_minutes = sla[alert->mode];
}

void yg_policy_second(struct yg_policy *p, int64_t second)
{
	begin_shadows(p, second);
	end_lives(p, yg_time_from_s(second + 1).ns);
}

void yg_policy_retune(struct yg_policy *p, const struct yg_config *config)
{
	p->o.config = config;
	take_suppressions(p);
	take_detectors(p);
}

struct yg_policy *yg_policy_create(const struct yg_policy_options *options)
{
	struct yg_policy *p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	p->o = *options;
	p->columns = options->config->orgs_count + 1;
	p->first_s = calloc((size_t)ROWS_MAX * p->columns, sizeof *p->first_s);
	p->snapshot = malloc(state_size(ROWS_MAX, p->columns));
	if (!p->first_s || !p->snapshot) {
		yg_policy_destroy(p);
		return NULL;
	}
	memset(p->bucket, 0xff, sizeof p->bucket);
	p->rows = 1;
	p->begins = true;
	yg_policy_retune(p, options->config);
	return p;
}

void yg_policy_destroy(struct yg_policy *p)
{
	if (!p)
		return;
	free(p->snapshot);
	free(p->first_s);
	free(p);
}

void yg_policy_report(const struct yg_policy *p)
{
	const struct yg_config *c = p->o.config;
	uint32_t told = 0, left = 0;
	for (uint32_t i = 0; i < c->suppressions_count && i < YG_SUPPRESSIONS_COUNTED; i++) {
		uint64_t hits = yg_counter_get(&p->o.stats->suppression[p->cell[i]].hits);
		if (!hits)
			continue;
		if (told++ < REPORT_MAX)
			yg_info("suppression %s (%s: %s) hid %" PRIu64 " alert%s", c->suppressions[i].id, c->suppressions[i].owner,
				c->suppressions[i].reason, hits, hits == 1 ? "" : "s");
		else
			left++;
	}
	if (left)
		yg_info("%" PRIu32 " more suppressions hid alerts; `yagura stats --json` names all", left);
}
