// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See detectors.h. Hooks are flattened at start into arrays of {function, instance}: the way of an event has no look-up and no test for
// hooks that are not there.
#include "engine/detectors.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/shm.h"
#include "config/calendar.h"
#include "engine/state.h"
#include "model/abi.h"

struct hook {
	union {
		void (*flow)(void *, const struct yg_flow *);
		void (*contact)(void *, const struct yg_contact *);
		void (*dns)(void *, const struct yg_dns *);
		void (*tls)(void *, const struct yg_tls *);
		void (*http)(void *, const struct yg_http *);
		void (*window)(void *, const struct yg_window *);
		void (*gap)(void *, int64_t, int64_t);
		void (*tick)(void *, int64_t);
	};
	void *self;
};

struct hooks {
	struct hook hook[YG_CONFIG_PLUGINS_MAX];
	unsigned count;
};

// A detector. It stays where it is when a reload leaves it alone: its host's context points here.
struct loaded {
	struct yg_detectors *owner;
	struct yg_reload *block; // holds the texts of its options; NULL: the block with which the engine began
	void *object;
	struct yg_plugin described; // as this version has it
	const struct yg_plugin *plugin;
	void *self;
	struct yg_host host;
	union yg_value values[YG_CONFIG_PLUGIN_OPTIONS_MAX];
};

struct yg_detectors {
	struct yg_detectors_options o;
	int64_t second;
	struct yg_org_info *orgs;
	struct yg_server_info *servers; // one for each declared service, in the order of the config
	struct loaded *loaded[YG_CONFIG_PLUGINS_MAX];
	unsigned loaded_count;
	struct hooks flow, contact, dns, tls, http, window, gap, tick;
};

// ---- what a detector may call ----

static void host_raise(void *context, const struct yg_alert *alert)
{
	struct loaded *l = context;
	struct yg_alert filled;
	yg_abi_alert(l->plugin->abi_minor, alert, &filled);
	yg_detectors_fill_org(l->owner->o.config, &filled);
	l->owner->o.raise(l->owner->o.context, l->plugin->name, &filled);
}

static const struct yg_org_info *host_org(void *context, uint16_t index)
{
	const struct yg_detectors *d = ((struct loaded *)context)->owner;
	return index < d->o.config->orgs_count ? &d->orgs[index] : NULL;
}

static void host_evidence(void *context, uint8_t af, const struct yg_addr *target, uint8_t len, uint32_t vectors, struct yg_evidence *ret)
{
	struct yg_detectors *d = ((struct loaded *)context)->owner;
	yg_sample_evidence(d->o.sample, d->second, af, target, len > 128 ? 128 : len, vectors, ret);
}

static void host_log(void *context, int level, const char *text)
{
	const struct loaded *l = context;
	yg_log(level < 0 ? YG_LOG_DEBUG : level > 3 ? YG_LOG_ERROR : (enum yg_log_level)level, "%s: %s", l->plugin->name, text);
}

static void host_ask(void *context, const struct yg_question *question, struct yg_answer *ret)
{
	struct yg_detectors *d = ((struct loaded *)context)->owner;
	yg_sample_ask(d->o.sample, d->second, question, ret);
}

static uint32_t host_planned(void *context, uint16_t org, int64_t second)
{
	const struct loaded *l = context;
	return yg_planned(l->owner->o.config, org, second);
}

static unsigned host_week_hour(void *context, uint16_t org, int64_t second)
{
	const struct loaded *l = context;
	return yg_week_hour(l->owner->o.config, org, second);
}

// Of the config's services the first at this address or behind it.
static uint32_t first_at(const struct yg_config *c, uint8_t af, const struct yg_addr *addr)
{
	uint32_t low = 0, high = c->services_count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct yg_service *s = &c->services[middle];
		bool before = s->af != af ? s->af < af : memcmp(&s->addr, addr, sizeof *addr) < 0;
		low = before ? middle + 1 : low;
		high = before ? high : middle;
	}
	return low;
}

// What is declared exactly goes before what is declared for every port, that before what is for every protocol. Where nothing is asked
// for, everything fits, and the first in order is told.
static const struct yg_server_info *host_server(void *context, uint8_t af, const struct yg_addr *addr, uint8_t proto, uint16_t port)
{
	const struct yg_detectors *d = ((struct loaded *)context)->owner;
	const struct yg_config *c = d->o.config;
	const struct yg_server_info *best = NULL;
	int best_fit = -1;
	for (uint32_t i = first_at(c, af, addr); i < c->services_count; i++) {
		const struct yg_service *s = &c->services[i];
		if (s->af != af || memcmp(&s->addr, addr, sizeof *addr) != 0)
			break;
		if ((proto && s->proto && s->proto != proto) || (port && s->port && s->port != port))
			continue;
		int fit = (proto && s->proto ? 2 : 0) + (port && s->port ? 1 : 0);
		if (fit > best_fit) {
			best_fit = fit;
			best = &d->servers[i];
		}
	}
	return best;
}

static const struct yg_server_info *host_server_at(void *context, uint32_t index)
{
	const struct yg_detectors *d = ((struct loaded *)context)->owner;
	return index < d->o.config->services_count ? &d->servers[index] : NULL;
}

// ---- organisations ----

static void copy_text(char *to, size_t size, const char *from)
{
	size_t n = strnlen(from, size - 1);
	memcpy(to, from, n);
	to[n] = '\0';
}

static void add_org(const struct yg_config *config, struct yg_alert *alert, uint16_t org)
{
	if (org >= config->orgs_count || alert->orgs_count == YG_ORGS_MAX)
		return;
	for (unsigned i = 0; i < alert->orgs_count; i++)
		if (alert->orgs[i] == org)
			return;
	copy_text(alert->orgs_code[alert->orgs_count], sizeof alert->orgs_code[0], config->orgs[org].code);
	alert->orgs[alert->orgs_count++] = org;
}

void yg_detectors_fill_org(const struct yg_config *config, struct yg_alert *alert)
{
	alert->orgs_count = 0;
	if (alert->org >= config->orgs_count) {
		alert->org = YG_ORG_NONE;
		return;
	}
	const struct yg_org *org = &config->orgs[alert->org];
	copy_text(alert->org_code, sizeof alert->org_code, org->code);
	copy_text(alert->org_ja, sizeof alert->org_ja, org->name_ja);
	copy_text(alert->org_en, sizeof alert->org_en, org->name_en);
	// The body itself, those above it, and for a union the bodies that it spans.
	uint16_t up = alert->org;
	for (unsigned depth = 0; depth < 8 && up < config->orgs_count; depth++) {
		add_org(config, alert, up);
		up = config->orgs[up].parent;
	}
	for (unsigned i = 0; i < org->members_count && i < 32; i++)
		add_org(config, alert, org->members[i]);
}

static struct yg_org_info *describe_orgs(const struct yg_config *config)
{
	struct yg_org_info *orgs = calloc(config->orgs_count + 1, sizeof *orgs);
	for (uint32_t i = 0; orgs && i < config->orgs_count; i++) {
		const struct yg_org *o = &config->orgs[i];
		orgs[i] = (struct yg_org_info){.code = o->code, .name_ja = o->name_ja, .name_en = o->name_en, .line_bps = o->line_bps,
					       .parent = o->parent, .two_zone = o->zone_model == YG_MODEL_TWO_ZONE,
					       .floor_packets = (double)o->floor_packets, .floor_bits = (double)o->floor_bps,
					       .floor_flows = (double)o->floor_flows};
	}
	return orgs;
}

static struct yg_server_info *describe_servers(const struct yg_config *config)
{
	struct yg_server_info *servers = calloc(config->services_count + 1, sizeof *servers);
	for (uint32_t i = 0; servers && i < config->services_count; i++) {
		const struct yg_service *s = &config->services[i];
		servers[i] = (struct yg_server_info){.addr = s->addr, .af = s->af, .proto = s->proto, .port = s->port, .org = s->org,
						     .role = s->role, .name = s->name, .zones = s->zones};
	}
	return servers;
}

// ---- loading ----

static void add_hook(struct hooks *hooks, struct hook hook)
{
	hooks->hook[hooks->count++] = hook;
}

static void add_hooks(struct yg_detectors *d, const struct loaded *l)
{
	const struct yg_plugin *p = l->plugin;
	if (p->needs & YG_NEEDS_FLOW && p->flow)
		add_hook(&d->flow, (struct hook){.flow = p->flow, .self = l->self});
	if (p->needs & YG_NEEDS_CONTACT && p->contact)
		add_hook(&d->contact, (struct hook){.contact = p->contact, .self = l->self});
	if (p->needs & YG_NEEDS_DNS && p->dns)
		add_hook(&d->dns, (struct hook){.dns = p->dns, .self = l->self});
	if (p->needs & YG_NEEDS_TLS && p->tls)
		add_hook(&d->tls, (struct hook){.tls = p->tls, .self = l->self});
	if (p->needs & YG_NEEDS_HTTP && p->http)
		add_hook(&d->http, (struct hook){.http = p->http, .self = l->self});
	if (p->needs & YG_NEEDS_WINDOW && p->window)
		add_hook(&d->window, (struct hook){.window = p->window, .self = l->self});
	if (p->gap)
		add_hook(&d->gap, (struct hook){.gap = p->gap, .self = l->self});
	if (p->tick)
		add_hook(&d->tick, (struct hook){.tick = p->tick, .self = l->self});
}

static const struct yg_plugin *descriptor_of(void *object, const char *path)
{
	const struct yg_plugin *p = dlsym(object, YG_PLUGIN_SYMBOL);
	if (!p || p->magic != YG_PLUGIN_MAGIC) {
		yg_error("%s: no Yagura plugin (no object %s in it)", path, YG_PLUGIN_SYMBOL);
		return NULL;
	}
	char why[YG_ABI_WHY_MAX];
	if (yg_abi_accepts(p, why))
		return p;
	yg_error("%s: %s", path, why);
	return NULL;
}

static void unload(struct loaded *l)
{
	if (l->self && l->plugin->destroy)
		l->plugin->destroy(l->self);
	if (l->object)
		dlclose(l->object);
	yg_reload_release(l->block);
	free(l);
}

static bool fill(struct yg_detectors *d, struct loaded *l, const struct yg_config_plugin *configured)
{
	l->object = dlopen(configured->path, RTLD_NOW | RTLD_LOCAL);
	if (!l->object) {
		yg_error("%s", dlerror());
		return false;
	}
	const struct yg_plugin *own = descriptor_of(l->object, configured->path);
	if (!own)
		return false;
	yg_abi_describe(own, &l->described);
	l->plugin = &l->described;
	if (yg_config_plugin_values(d->o.config, configured, l->plugin->options, l->plugin->options_count, l->values) < 0) {
		yg_error("%s: its options are not those that the configuration was compiled with", configured->path);
		return false;
	}
	l->host = (struct yg_host){.size = sizeof l->host, .context = l, .raise = host_raise, .org = host_org,
				   .evidence = host_evidence, .log = host_log, .ask = host_ask, .planned = host_planned,
				   .week_hour = host_week_hour, .server = host_server, .server_at = host_server_at};
	yg_abi_host(l->plugin->abi_minor, &l->host);
	l->self = l->plugin->create(&l->host, l->values);
	if (!l->self) {
		yg_error("%s: could not start", configured->path);
		return false;
	}
	if (d->o.resident && l->plugin->memory_max)
		yg_memory_populate(l->self, l->plugin->memory_max(l->values));
	return true;
}

static bool load(struct yg_detectors *d, const struct yg_config_plugin *configured)
{
	struct loaded *l = calloc(1, sizeof *l);
	if (!l)
		return false;
	l->owner = d;
	l->block = d->o.block;
	yg_reload_hold(l->block);
	if (!fill(d, l, configured)) {
		unload(l);
		return false;
	}
	d->loaded[d->loaded_count++] = l;
	return true;
}

// One that runs already under the same options; NULL when there is none.
static struct loaded *same(const struct yg_detectors *running, const struct yg_config *config, const struct yg_config_plugin *configured)
{
	for (unsigned i = 0; running && i < running->loaded_count; i++) {
		struct loaded *l = running->loaded[i];
		const struct yg_plugin *p = l->plugin;
		union yg_value values[YG_CONFIG_PLUGIN_OPTIONS_MAX];
		if (strncmp(p->name, configured->name, sizeof configured->name) != 0 ||
		    yg_config_plugin_values(config, configured, p->options, p->options_count, values) < 0)
			continue;
		bool equal = true;
		for (uint32_t o = 0; o < p->options_count; o++)
			equal = equal && (p->options[o].type == YG_OPT_STRING ? strcmp(values[o].s, l->values[o].s) == 0
									      : memcmp(&values[o], &l->values[o], sizeof values[o]) == 0);
		return equal ? l : NULL;
	}
	return NULL;
}

// Takes over from `running` (may be NULL) what is to stay. `running` is unchanged until yg_detectors_replace.
static struct yg_detectors *open_beside(const struct yg_detectors_options *options, const struct yg_detectors *running)
{
	struct yg_detectors *d = calloc(1, sizeof *d);
	if (!d)
		return NULL;
	d->o = *options;
	d->second = running ? running->second : 0;
	// Detectors may have kept what they were told of a body or a server: it stays as it was first described.
	d->orgs = running ? running->orgs : describe_orgs(options->config);
	d->servers = running ? running->servers : describe_servers(options->config);
	bool good = d->orgs && d->servers;
	for (uint32_t i = 0; good && i < options->config->plugins_count && i < YG_CONFIG_PLUGINS_MAX; i++) {
		const struct yg_config_plugin *configured = &options->config->plugins[i];
		struct loaded *kept = configured->enabled ? same(running, options->config, configured) : NULL;
		if (kept)
			d->loaded[d->loaded_count++] = kept;
		else if (configured->enabled)
			good = load(d, configured);
	}
	if (good)
		return d;
	yg_detectors_abandon(d, running);
	return NULL;
}

static bool has(const struct yg_detectors *d, const struct loaded *l)
{
	bool found = false;
	for (unsigned i = 0; d && i < d->loaded_count; i++)
		found = found || d->loaded[i] == l;
	return found;
}

void yg_detectors_abandon(struct yg_detectors *d, const struct yg_detectors *running)
{
	if (!d)
		return;
	for (unsigned i = 0; i < d->loaded_count; i++)
		if (!has(running, d->loaded[i]))
			unload(d->loaded[i]);
	if (!running || running->orgs != d->orgs)
		free(d->orgs);
	if (!running || running->servers != d->servers)
		free(d->servers);
	free(d);
}

struct yg_detectors *yg_detectors_open(const struct yg_detectors_options *options)
{
	struct yg_detectors *d = open_beside(options, NULL);
	for (unsigned i = 0; d && i < d->loaded_count; i++)
		add_hooks(d, d->loaded[i]);
	return d;
}

struct yg_detectors *yg_detectors_prepare(const struct yg_detectors *running, const struct yg_detectors_options *options)
{
	return open_beside(options, running);
}

// ---- what a restart must not forget ----

static uint64_t save_one(void *context, uint64_t *cursor, void *to, uint64_t room)
{
	struct loaded *l = context;
	uint32_t size = room < YG_STATE_PLUGIN_MAX ? (uint32_t)room : (uint32_t)YG_STATE_PLUGIN_MAX;
	uint32_t used = l->plugin->save(l->self, to, size);
	*cursor = YG_STATE_DONE;
	return used <= size ? used : 0;
}

static int restore_one(void *context, uint32_t version, const void *bytes, uint64_t size)
{
	struct loaded *l = context;
	if (!size) // it had nothing to keep
		return 0;
	return version == YG_PLUGIN_ABI_MAJOR && size <= YG_STATE_PLUGIN_MAX ? l->plugin->restore(l->self, bytes, (uint32_t)size) : -1;
}

static bool keeps(const struct loaded *l)
{
	return l->plugin->save && l->plugin->restore;
}

static void name_of(const struct loaded *l, char ret_name[YG_STATE_NAME_MAX])
{
	snprintf(ret_name, YG_STATE_NAME_MAX, "plugin.%s", l->plugin->name);
}

void yg_detectors_keep(struct yg_detectors *d, struct yg_state *state)
{
	for (unsigned i = 0; i < d->loaded_count; i++) {
		struct loaded *l = d->loaded[i];
		char name[YG_STATE_NAME_MAX];
		name_of(l, name);
		uint64_t most = l->plugin->memory_max ? l->plugin->memory_max(l->values) : YG_STATE_PLUGIN_MAX;
		const struct yg_state_part part = {.name = name, .version = YG_PLUGIN_ABI_MAJOR, .context = l,
						   .max = most < YG_STATE_PLUGIN_MAX ? most : YG_STATE_PLUGIN_MAX,
						   .save = save_one, .restore = restore_one};
		int error = keeps(l) ? yg_state_add(state, &part) : 0;
		if (error)
			yg_warn("%s: %s; what it has learned will not outlive this engine", l->plugin->name, strerror(-error));
	}
}

void yg_detectors_forget(struct yg_detectors *d, struct yg_state *state)
{
	for (unsigned i = 0; i < d->loaded_count; i++) {
		char name[YG_STATE_NAME_MAX];
		name_of(d->loaded[i], name);
		yg_state_remove(state, name);
	}
}

// To one that has just been created, from one of the same name that goes.
static void hand_over(const struct yg_detectors *running, struct loaded *to)
{
	const struct loaded *from = NULL;
	for (unsigned i = 0; i < running->loaded_count; i++)
		if (strcmp(running->loaded[i]->plugin->name, to->plugin->name) == 0)
			from = running->loaded[i];
	void *bytes = from && from != to && keeps(from) && keeps(to) ? malloc(YG_STATE_PLUGIN_MAX) : NULL;
	if (!bytes)
		return;
	uint32_t size = from->plugin->save(from->self, bytes, (uint32_t)YG_STATE_PLUGIN_MAX);
	if (size && size <= YG_STATE_PLUGIN_MAX && to->plugin->restore(to->self, bytes, size))
		yg_warn("%s: begins without what it had learned before the reload", to->plugin->name);
	free(bytes);
}

void yg_detectors_replace(struct yg_detectors *running, struct yg_detectors *next)
{
	for (unsigned i = 0; i < next->loaded_count; i++) {
		hand_over(running, next->loaded[i]);
		next->loaded[i]->owner = next;
		add_hooks(next, next->loaded[i]);
	}
	yg_detectors_abandon(running, next);
}

void yg_detectors_close(struct yg_detectors *d)
{
	yg_detectors_abandon(d, NULL);
}

uint32_t yg_detectors_needs(const struct yg_detectors *d)
{
	uint32_t needs = 0;
	for (unsigned i = 0; i < d->loaded_count; i++)
		needs |= d->loaded[i]->plugin->needs;
	return needs;
}

uint32_t yg_detectors_needs_of(const struct yg_detectors *d, const char *name)
{
	for (unsigned i = 0; i < d->loaded_count; i++)
		if (strcmp(d->loaded[i]->plugin->name, name) == 0)
			return d->loaded[i]->plugin->needs;
	return 0;
}

void yg_detectors_now(struct yg_detectors *d, int64_t second)
{
	d->second = second;
}

#define CALL(list, ...)                                                                                                   \
	for (unsigned i = 0; i < d->list.count; i++)                                                                       \
	d->list.hook[i].list(d->list.hook[i].self, __VA_ARGS__)

void yg_detectors_flow(struct yg_detectors *d, const struct yg_flow *flow)
{
	CALL(flow, flow);
}

void yg_detectors_contact(struct yg_detectors *d, const struct yg_contact *contact)
{
	CALL(contact, contact);
}

void yg_detectors_dns(struct yg_detectors *d, const struct yg_dns *dns)
{
	CALL(dns, dns);
}

void yg_detectors_tls(struct yg_detectors *d, const struct yg_tls *tls)
{
	CALL(tls, tls);
}

void yg_detectors_http(struct yg_detectors *d, const struct yg_http *http)
{
	CALL(http, http);
}

void yg_detectors_window(struct yg_detectors *d, const struct yg_window *window)
{
	CALL(window, window);
}

void yg_detectors_gap(struct yg_detectors *d, int64_t from_ns, int64_t to_ns)
{
	CALL(gap, from_ns, to_ns);
}

void yg_detectors_tick(struct yg_detectors *d, int64_t second)
{
	CALL(tick, second);
}
