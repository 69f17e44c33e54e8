// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Hostile blocks for yg_config_open. The first byte chooses: raw bytes as a block, or a real block with a list of
// patches (offset, byte). The hash is set right afterwards, or nothing would ever get past it; it guards against
// accidents, not against a writer. Oracle: whatever opens can be used to the full: getters, look-ups, parents, members.
// No seeds are needed.
#include <stdlib.h>

#include "../unit/config_fixture.h"
#include "config/address.h"
#include "config/block.h"
#include "config/lookup.h"
#include "config/value.h"

static uint8_t *base;
static size_t base_size;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char text[] =
    "home: [10.0.0.0/8, \"2001:db8::/32\"]\norganisations: [a.yaml, b.yaml]\nmodes: {dos.volume: page, \"scan.*\": digest, \"*\": alert}\n"
    "shared_services: [{name: dns, address: [203.0.113.53, \"2001:db8::53\"], ports: 53, bodies: all}]\nsuppressions: [c.yaml]\n";
static const char hidden[] =
    "- {id: a, kind: dos.volume, org: city, target: 203.0.113.0/25, source: \"2001:db8::1\", port: 53, owner: o, reason: r, since: "
    "2026-11-01, expires: 2026-11-30}\n- {id: b, port: 80, owner: o, reason: r, since: 2026-11-01, expires: \"2026-11-30 12:00\"}\n";
static const char city[] = "code: city\nname: {ja: 市, en: City}\nkind: city\nmodel: alpha\nline: 1G\n"
                           "modes: {dos.volume: shadow}\nthresholds: {packets: 20000, bits: 100M}\n"
                           "prefixes: {internet: [203.0.113.0/24, \"2001:db8:1::/48\"], lgwan: [10.1.0.0/16]}\n"
                           "servers: [{name: ns, role: dns, address: [203.0.113.1, \"2001:db8:1::1\"], ports: [53], "
                           "zones: [a.example, b.example]}]\n";
static const char joint[] =
    "code: union\nname: {ja: 組, en: Union}\nkind: union\nparent: city\nmembers: [city]\nmodel: two_zone\n"
    "prefixes: {internet: [203.0.113.64/26]}\nservers: [{name: any, role: monitor, address: 203.0.113.65}]\n";

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char folder[] = "/tmp/yagura-fuzz-XXXXXX", path[64], file[64], *errors;
	struct yg_config config;
	int fd;
	(void)argc;
	(void)argv;
	if (!mkdtemp(folder))
		abort();
	fixture_write(folder, "config.yaml", text, sizeof text - 1);
	fixture_write(folder, "a.yaml", city, sizeof city - 1);
	fixture_write(folder, "b.yaml", joint, sizeof joint - 1);
	fixture_write(folder, "c.yaml", hidden, sizeof hidden - 1);
	snprintf(path, sizeof path, "%s/config.yaml", folder);
	if (fixture_compile(path, &errors, &fd) || yg_config_open(fd, &config))
		abort();
	base_size = config.size;
	base = memcpy(malloc(base_size), config.block, base_size);
	yg_config_close(&config);
	close(fd);
	free(errors);
	for (int i = 0; i < 4; i++) {
		snprintf(file, sizeof file, "%s/%s", folder,
		         (const char *const[]){"config.yaml", "a.yaml", "b.yaml", "c.yaml"}[i]);
		unlink(file);
	}
	return rmdir(folder);
}

static uint8_t *make_block(const uint8_t *data, size_t size, size_t *ret_size)
{
	uint8_t *block;
	if (data[0] & 1) {
		*ret_size = size - 1;
		block = malloc(size);
		memcpy(block, data + 1, size - 1);
	} else {
		*ret_size = base_size;
		block = memcpy(malloc(base_size), base, base_size);
		for (size_t i = 1; i + 4 <= size; i += 4)
			block[((size_t)data[i] << 16 | (size_t)data[i + 1] << 8 | data[i + 2]) % base_size] =
			    data[i + 3];
	}
	if (*ret_size < sizeof(struct yg_block_header))
		return block;
	uint64_t hash = yg_block_hash(block, *ret_size);
	memcpy(block + offsetof(struct yg_block_header, hash), &hash, sizeof hash);
	return block;
}

static uint64_t sum;

static void use_options(const struct yg_config *c)
{
	for (int id = 0; id < YG_O_COUNT; id++) {
		enum yg_option_type type = yg_core_options[id].type;
		if (type == YG_OPT_STRING)
			sum += strlen(yg_config_string(c, id));
		else if (type == YG_OPT_DURATION)
			sum += (uint64_t)yg_config_ns(c, id);
		else if (type != YG_OPT_FLOAT)
			sum += (uint64_t)yg_config_int(c, id);
	}
	for (uint32_t i = 0; i < c->plugins_count; i++) {
		union yg_value values[YG_CONFIG_PLUGIN_OPTIONS_MAX];
		if (yg_config_plugin_values(c, &c->plugins[i], fixture_options, FIXTURE_OPTIONS, values) == 0)
			sum += strlen(values[3].s);
	}
}

static void use_orgs(const struct yg_config *c)
{
	for (uint32_t i = 0; i < c->orgs_count; i++) {
		uint32_t steps = 0;
		for (uint16_t at = (uint16_t)i; at != YG_ORG_NONE; at = c->orgs[at].parent)
			if (++steps > c->orgs_count)
				abort();
		for (uint16_t m = 0; m < c->orgs[i].members_count; m++)
			sum += strlen(c->orgs[c->orgs[i].members[m]].name_ja);
		sum += strlen(c->orgs[i].code) + strlen(c->orgs[i].contact);
	}
}

static void use_lookups(const struct yg_config *c)
{
	for (uint32_t i = 0; i < c->prefixes_count; i++) {
		const struct yg_prefix *p = &c->prefixes[i], *found = yg_lookup_prefix(c, p->af, &p->addr);
		if (!found || found->length < p->length || !yg_address_within(&p->addr, &found->addr, found->length))
			abort();
		if (found->org != YG_ORG_NONE)
			sum += strlen(c->orgs[found->org].name_en);
	}
	for (uint32_t i = 0; i < c->services_count; i++) {
		const struct yg_service *s = &c->services[i];
		if (yg_lookup_service(c, s->af, &s->addr, s->proto, s->port) != s)
			abort();
		sum += strlen(s->name) + strlen(s->zones) + strlen(c->orgs[s->org].code);
	}
}

// As the engine's policy and context use them: indexes, texts, and times whose difference is taken.
static void use_policy(const struct yg_config *c)
{
	for (uint32_t i = 0; i < c->modes_count; i++)
		sum += strlen(c->modes[i].kind) + (c->modes[i].org == YG_ORG_NONE ? 0 : strlen(c->orgs[c->modes[i].org].code));
	for (uint32_t i = 0; i < c->shared_count; i++) {
		sum += strlen(c->shared[i].name);
		for (uint32_t body = 0; body < YG_AFFECTED_WORDS * 64; body++)
			if (c->shared[i].bodies[body / 64] >> body % 64 & 1)
				sum += strlen(c->orgs[body].code);
	}
	for (uint32_t i = 0; i < c->suppressions_count; i++) {
		const struct yg_suppression *s = &c->suppressions[i];
		sum += strlen(s->id) + strlen(s->owner) + strlen(s->reason) + (uint64_t)(s->expires_s - s->since_s);
		sum += yg_address_within(&s->target, &s->target, s->target_len) + yg_address_within(&s->source, &s->source, s->source_len);
		if (yg_suppression_is_wide(s) || (s->org != YG_ORG_NONE && !c->orgs[s->org].code[0]))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct yg_config config;
	size_t block_size;
	if (size == 0)
		return 0;
	uint8_t *block = make_block(data, size, &block_size);
	int fd = fixture_block(block, block_size);
	free(block);
	if (yg_config_open(fd, &config) == 0) {
		use_options(&config);
		use_orgs(&config);
		use_lookups(&config);
		use_policy(&config);
		yg_config_close(&config);
	}
	close(fd);
	return 0;
}
