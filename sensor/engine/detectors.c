// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See detectors.h. Hooks are flattened at start into arrays of {function, instance}: the way of an event has no look-up and no test for
// hooks that are not there.
#include "engine/detectors.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

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

struct loaded {
	struct yg_detectors *owner;
	void *object;
	const struct yg_plugin *plugin;
	void *self;
	struct yg_host host;
	union yg_value values[YG_CONFIG_PLUGIN_OPTIONS_MAX];
};

struct yg_detectors {
	struct yg_detectors_options o;
	int64_t second;
	struct yg_org_info *orgs;
	struct loaded loaded[YG_CONFIG_PLUGINS_MAX];
	unsigned loaded_count;
	struct hooks flow, contact, dns, tls, http, window, gap, tick;
};

// ---- what a detector may call ----

static void host_raise(void *context, const struct yg_alert *alert)
{
	struct loaded *l = context;
	struct yg_alert filled = *alert;
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
					       .parent = o->parent, .two_zone = o->zone_model == YG_MODEL_TWO_ZONE};
	}
	return orgs;
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
	if (p->abi_major != YG_PLUGIN_ABI_MAJOR || p->size < sizeof *p) {
		yg_error("%s: built for ABI %u.%u, this sensor has %u.%u; build it again", path, p->abi_major, p->abi_minor,
			 YG_PLUGIN_ABI_MAJOR, YG_PLUGIN_ABI_MINOR);
		return NULL;
	}
	return p;
}

static bool load(struct yg_detectors *d, const struct yg_config_plugin *configured)
{
	struct loaded *l = &d->loaded[d->loaded_count];
	void *object = dlopen(configured->path, RTLD_NOW | RTLD_LOCAL);
	if (!object) {
		yg_error("%s", dlerror());
		return false;
	}
	l->object = object;
	l->owner = d;
	d->loaded_count++;
	l->plugin = descriptor_of(object, configured->path);
	if (!l->plugin)
		return false;
	if (yg_config_plugin_values(d->o.config, configured, l->plugin->options, l->plugin->options_count, l->values) < 0) {
		yg_error("%s: its options are not those that the configuration was compiled with", configured->path);
		return false;
	}
	l->host = (struct yg_host){.size = sizeof l->host, .context = l, .raise = host_raise, .org = host_org,
				   .evidence = host_evidence, .log = host_log};
	l->self = l->plugin->create(&l->host, l->values);
	if (!l->self) {
		yg_error("%s: could not start", configured->path);
		return false;
	}
	add_hooks(d, l);
	return true;
}

struct yg_detectors *yg_detectors_open(const struct yg_detectors_options *options)
{
	struct yg_detectors *d = calloc(1, sizeof *d);
	if (!d)
		return NULL;
	d->o = *options;
	d->orgs = describe_orgs(options->config);
	bool good = d->orgs != NULL;
	for (uint32_t i = 0; good && i < options->config->plugins_count && i < YG_CONFIG_PLUGINS_MAX; i++)
		if (options->config->plugins[i].enabled)
			good = load(d, &options->config->plugins[i]);
	if (good)
		return d;
	yg_detectors_close(d);
	return NULL;
}

void yg_detectors_close(struct yg_detectors *d)
{
	if (!d)
		return;
	for (unsigned i = 0; i < d->loaded_count; i++) {
		struct loaded *l = &d->loaded[i];
		if (l->self && l->plugin->destroy)
			l->plugin->destroy(l->self);
		dlclose(l->object);
	}
	free(d->orgs);
	free(d);
}

uint32_t yg_detectors_needs(const struct yg_detectors *d)
{
	uint32_t needs = 0;
	for (unsigned i = 0; i < d->loaded_count; i++)
		needs |= d->loaded[i].plugin->needs;
	return needs;
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
