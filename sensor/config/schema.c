// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// `yagura config schema`: the configuration file as JSON Schema 2020-12, for editors that complete and check while one
// types.
// `$defs/organisation` is the schema of an organisation file, `$defs/suppressions` that of a suppression file. It says
// what a schema can say; `yagura check` says the
// rest.
#include "config/compile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "config/describe.h"
#include "config/value.h"

enum { SCHEMA_BYTES = 512 * 1024 };

static void open_object(struct yg_json *j, const char *key)
{
	yg_json_object(j, key);
	yg_json_string(j, "type", "object");
	yg_json_bool(j, "additionalProperties", false);
	yg_json_object(j, "properties");
}

static void close_object(struct yg_json *j)
{
	yg_json_end_object(j);
	yg_json_end_object(j);
}

static void open_group(void *context, const char *segment, int depth)
{
	(void)depth;
	open_object(context, segment);
}

static void close_group(void *context, int depth)
{
	(void)depth;
	close_object(context);
}

// "a|b|c" as an array of strings.
static void put_words(struct yg_json *j, const char *key, const char *words)
{
	yg_json_array(j, key);
	for (uint32_t i = 0; i < yg_enum_count(words); i++) {
		char word[64];
		yg_json_string(j, NULL, yg_enum_word(words, i, word, sizeof word));
	}
	yg_json_end_array(j);
}

// A number, or a number with one of the suffixes.
static void put_scaled(struct yg_json *j, const char *pattern, bool whole)
{
	yg_json_array(j, "anyOf");
	yg_json_object(j, NULL);
	yg_json_string(j, "type", whole ? "integer" : "number");
	yg_json_int(j, "minimum", 0);
	yg_json_end_object(j);
	yg_json_object(j, NULL);
	yg_json_string(j, "type", "string");
	yg_json_string(j, "pattern", pattern);
	yg_json_end_object(j);
	yg_json_end_array(j);
}

static void put_default(struct yg_json *j, const struct yg_option *option)
{
	char problem[128];
	union yg_value value;
	if (yg_value_parse(option, option->fallback, &value, problem, sizeof problem) < 0)
		return;
	if (option->type == YG_OPT_BOOL)
		yg_json_bool(j, "default", value.i);
	else if (option->type == YG_OPT_INT)
		yg_json_int(j, "default", value.i);
	else if (option->type == YG_OPT_FLOAT)
		yg_json_double(j, "default", value.f);
	else
		yg_json_string(j, "default", option->fallback);
}

static void put_type(struct yg_json *j, const struct yg_option *option)
{
	switch (option->type) {
	case YG_OPT_BOOL:
		yg_json_string(j, "type", "boolean");
		break;
	case YG_OPT_STRING:
		yg_json_string(j, "type", "string");
		yg_json_int(j, "maxLength", (int64_t)option->max);
		break;
	case YG_OPT_ENUM:
		put_words(j, "enum", option->values);
		break;
	case YG_OPT_DURATION:
		put_scaled(j, "^[0-9]+([.][0-9]+)?(ms|s|min|h|d)?$", false);
		break;
	case YG_OPT_BYTES:
		put_scaled(j, "^[0-9]+([.][0-9]+)?(KiB|MiB|GiB)?$", true);
		break;
	case YG_OPT_BPS:
		put_scaled(j, "^[0-9]+([.][0-9]+)?(k|M|G)?$", true);
		break;
	case YG_OPT_INT:
		yg_json_string(j, "type", "integer");
		yg_json_int(j, "minimum", (int64_t)option->min);
		yg_json_int(j, "maximum", (int64_t)option->max);
		break;
	case YG_OPT_FLOAT:
		yg_json_string(j, "type", "number");
		yg_json_double(j, "minimum", option->min);
		yg_json_double(j, "maximum", option->max);
		break;
	}
}

static void put_option(void *context, const struct yg_option *option, const char *segment, int depth)
{
	struct yg_json *j = context;
	(void)depth;
	yg_json_object(j, segment);
	if (option->help_en)
		yg_json_string(j, "description", option->help_en);
	put_type(j, option);
	put_default(j, option);
	yg_json_end_object(j);
}

static void put_text(struct yg_json *j, const char *key, int64_t max, const char *pattern)
{
	yg_json_object(j, key);
	yg_json_string(j, "type", "string");
	yg_json_int(j, "maxLength", max);
	if (pattern)
		yg_json_string(j, "pattern", pattern);
	yg_json_end_object(j);
}

static void put_list(struct yg_json *j, const char *key, const char *type)
{
	yg_json_object(j, key);
	yg_json_array(j, "type");
	yg_json_string(j, NULL, "array");
	yg_json_string(j, NULL, type);
	yg_json_end_array(j);
	yg_json_object(j, "items");
	yg_json_string(j, "type", type);
	yg_json_end_object(j);
	yg_json_end_object(j);
}

static void put_choice(struct yg_json *j, const char *key, const char *words)
{
	yg_json_object(j, key);
	put_words(j, "enum", words);
	yg_json_end_object(j);
}

static void put_server(struct yg_json *j)
{
	yg_json_object(j, "servers");
	yg_json_string(j, "type", "array");
	open_object(j, "items");
	put_text(j, "name", 63, NULL);
	put_choice(j, "role", "web|dns|mail|proxy|vpn|monitor|other");
	put_list(j, "address", "string");
	put_choice(j, "proto", "any|tcp|udp|sctp|icmp|icmpv6");
	put_list(j, "ports", "integer");
	put_list(j, "zones", "string");
	yg_json_end_object(j);
	put_words(j, "required", "name|role|address");
	yg_json_end_object(j);
	yg_json_end_object(j);
}

static void put_calendar(struct yg_json *j)
{
	yg_json_object(j, "calendar");
	yg_json_string(j, "type", "array");
	open_object(j, "items");
	put_choice(j, "what", "work|backup|surge|holiday");
	put_text(j, "from", 16, NULL);
	put_text(j, "to", 16, NULL);
	put_list(j, "days", "string");
	put_text(j, "reason", 95, NULL);
	yg_json_end_object(j);
	put_words(j, "required", "what");
	yg_json_end_object(j);
	yg_json_end_object(j);
}

static void put_modes(struct yg_json *j)
{
	yg_json_object(j, "modes");
	yg_json_string(j, "type", "object");
	yg_json_object(j, "additionalProperties");
	put_words(j, "enum", "shadow|digest|alert|page");
	yg_json_end_object(j);
	yg_json_end_object(j);
}

static void put_thresholds(struct yg_json *j)
{
	open_object(j, "thresholds");
	yg_json_object(j, "packets");
	yg_json_string(j, "type", "integer");
	yg_json_end_object(j);
	yg_json_object(j, "bits");
	put_scaled(j, "^[0-9]+([.][0-9]+)?(k|M|G)?$", true);
	yg_json_end_object(j);
	yg_json_object(j, "flows");
	yg_json_string(j, "type", "integer");
	yg_json_end_object(j);
	yg_json_object(j, "force");
	yg_json_string(j, "type", "boolean");
	yg_json_end_object(j);
	close_object(j);
}

static void put_shared(struct yg_json *j)
{
	yg_json_object(j, "shared_services");
	yg_json_string(j, "type", "array");
	open_object(j, "items");
	put_text(j, "name", 63, NULL);
	put_list(j, "address", "string");
	put_choice(j, "proto", "any|tcp|udp|sctp|icmp|icmpv6");
	put_list(j, "ports", "integer");
	put_list(j, "bodies", "string");
	yg_json_end_object(j);
	put_words(j, "required", "name|address|bodies");
	yg_json_end_object(j);
	yg_json_end_object(j);
}

// The schema of a suppression file.
static void put_suppressions(struct yg_json *j)
{
	yg_json_object(j, "suppressions");
	yg_json_string(j, "type", "array");
	open_object(j, "items");
	put_text(j, "id", 31, "^[a-z0-9._-]+$");
	put_text(j, "kind", 31, NULL);
	put_text(j, "org", 15, NULL);
	put_text(j, "target", 49, NULL);
	put_text(j, "source", 49, NULL);
	yg_json_object(j, "port");
	yg_json_string(j, "type", "integer");
	yg_json_int(j, "minimum", 1);
	yg_json_int(j, "maximum", 65535);
	yg_json_end_object(j);
	put_text(j, "owner", 63, NULL);
	put_text(j, "reason", 159, NULL);
	put_text(j, "since", 16, NULL);
	put_text(j, "expires", 16, NULL);
	yg_json_end_object(j);
	put_words(j, "required", "id|owner|reason|since|expires");
	yg_json_end_object(j);
	yg_json_end_object(j);
}

static void put_organisation(struct yg_json *j)
{
	open_object(j, "organisation");
	put_text(j, "code", 15, "^[a-z0-9][a-z0-9-]*$");
	open_object(j, "name");
	put_text(j, "ja", 95, NULL);
	put_text(j, "kana", 95, NULL);
	put_text(j, "en", 95, NULL);
	yg_json_end_object(j);
	put_words(j, "required", "ja|en");
	yg_json_end_object(j);
	put_choice(j, "kind", "prefecture|city|town|village|board|union|other");
	put_choice(j, "model", "two_zone|alpha|alpha_prime|beta|beta_prime");
	put_text(j, "parent", 15, NULL);
	put_list(j, "members", "string");
	open_object(j, "prefixes");
	put_list(j, "internet", "string");
	put_list(j, "lgwan", "string");
	put_list(j, "mynumber", "string");
	close_object(j);
	yg_json_object(j, "line");
	put_scaled(j, "^[0-9]+([.][0-9]+)?(k|M|G)?$", true);
	yg_json_end_object(j);
	put_server(j);
	put_text(j, "contact", 127, NULL);
	put_calendar(j);
	put_modes(j);
	put_thresholds(j);
	yg_json_end_object(j);
	put_words(j, "required", "code|name|kind|model|prefixes");
	yg_json_end_object(j);
}

static void put_plugins(struct yg_json *j, const struct yg_compile_input *input, const struct yg_describer *describer)
{
	open_object(j, "plugins");
	for (size_t i = 0; i < input->plugins_count; i++) {
		open_object(j, input->plugins[i].name);
		yg_json_object(j, "enabled");
		yg_json_string(j, "type", "boolean");
		yg_json_bool(j, "default", true);
		yg_json_end_object(j);
		yg_describe(input->plugins[i].plugin->options, input->plugins[i].plugin->options_count, 0, describer);
		close_object(j);
	}
	close_object(j);
}

int yg_compile_schema(const struct yg_compile_input *input, FILE *out)
{
	struct yg_json json, *j = &json;
	char *buffer = malloc(SCHEMA_BYTES);
	if (!buffer)
		return -ENOMEM;
	const struct yg_describer describer = {open_group, put_option, close_group, j};
	yg_json_init(j, buffer, SCHEMA_BYTES);
	yg_json_object(j, NULL);
	yg_json_string(j, "$schema", "https://json-schema.org/draft/2020-12/schema");
	yg_json_string(j, "$id", "urn:yagura:configuration:1");
	yg_json_string(j, "title", "Yagura configuration");
	yg_json_string(j, "type", "object");
	yg_json_bool(j, "additionalProperties", false);
	yg_json_object(j, "properties");
	yg_describe(yg_core_options, YG_O_COUNT, 0, &describer);
	put_list(j, "home", "string");
	put_list(j, "organisations", "string");
	put_calendar(j);
	put_modes(j);
	put_shared(j);
	put_list(j, "suppressions", "string");
	put_plugins(j, input, &describer);
	yg_json_end_object(j);
	yg_json_object(j, "$defs");
	put_organisation(j);
	put_suppressions(j);
	yg_json_end_object(j);
	yg_json_end_object(j);
	bool whole = yg_json_finish(j);
	if (whole)
		fwrite(buffer, 1, json.length, out);
	free(buffer);
	return whole && !ferror(out) ? 0 : -EIO;
}
