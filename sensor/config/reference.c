// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// `yagura config reference`: docs/configuration.md, from the option tables, so that the page cannot lag behind the
// program.
#include "config/compile.h"

#include <string.h>

#include "config/describe.h"
#include "config/value.h"

static const char head[] =
    "# Configuration\n\n"
    "Printed by `yagura config reference`; change the option tables, not this page.\n\n"
    "One YAML file, `yagura.yaml`, and one file for each organisation. `yagura check -c FILE` reads them and prints "
    "`OK` with a\n"
    "summary, or every error at once, each as `file:line:col: key: problem; how to mend`, with exit status 78.\n"
    "`yagura config dump-default` prints a whole file of defaults, `yagura config schema` a JSON Schema (2020-12).\n\n"
    "- The nesting follows the dots: `flow.idle.talking` is `talking` below `idle` below `flow`.\n"
    "- Durations take `ms`, `s`, `min`, `h`, `d` (without: seconds); bytes `KiB`, `MiB`, `GiB`; bit rates `k`, `M`, "
    "`G`.\n"
    "- A file has at most 256 KiB, 16 levels and 10,000 YAML events. Anchors, aliases, tags, second documents and keys "
    "that\n"
    "  stand twice are refused, and so are keys that nobody knows.\n"
    "- `yagura run` refuses files that others than root and the sensor's own user could write; a replay warns.\n"
    "- A rate in packets/s, flows/s or bit/s that differs from its default and that no declared line could carry is "
    "refused: a "
    "packet\n"
    "  takes 84 bytes of the line at least.\n";

static const char space[] = "\n## Address space\n\n"
                            "| key | meaning |\n|---|---|\n"
                            "| `home` | list of prefixes that are ours without belonging to a body. They may contain "
                            "those of bodies; the longest match wins. `yagura check` warns of IPv4 space between them that is nobody's. |\n"
                            "| `organisations` | list of files, one a body, starting at the folder of the "
                            "configuration file. `*`, `?` and `[…]` may stand in the "
                            "last part of a path. At most 1,024 bodies. |\n\n"
                            "With neither, both ends of every flow count as internal.\n";

static const char bodies[] =
    "\n## Organisation files\n\n"
    "| key | meaning |\n|---|---|\n"
    "| `code` | short name, unique, `a-z 0-9 -`, at most 15. Alerts and Redis keys carry it. |\n"
    "| `name` | `{ja, kana, en}`, 95 bytes each; `kana` may be left out. |\n"
    "| `kind` | `prefecture`, `city`, `town`, `village`, `board`, `union` or `other`. |\n"
    "| `model` | zone model: `two_zone`, `alpha`, `alpha_prime`, `beta`, `beta_prime`. |\n"
    "| `parent` | code of the body above (prefecture › city › board). A prefecture has none, a board must have one. |\n"
    "| `members` | unions: codes of the bodies that it spans, at most 32. |\n"
    "| `prefixes` | `{internet: […], lgwan: […], mynumber: […]}`, IPv4 and IPv6, 16,384 in all bodies together. |\n"
    "| `line` | access line in bit/s, `100M`. Thresholds scale with it. |\n"
    "| `servers` | list of `{name, role, address, proto, ports, zones}`; see below. |\n"
    "| `contact` | whom to call, 127 bytes. |\n"
    "| `calendar` | list of entries; see [Calendar](#calendar). |\n"
    "| `modes` | what alerts about this body ask of people; see [Modes](#modes). |\n"
    "| `thresholds` | `{packets: 20000, bits: 100M, flows: 3000}`, each a second: floors of its own, in place of those that follow from "
    "`line`. What is left out comes from the nearest body above that says it. One that the line can never carry is refused, also where it "
    "was inherited, unless `force: true` stands beside it. |\n\n"
    "Refused: a prefix that two bodies declare, or that lies within another body's (a body may lie within its "
    "parent's: the\n"
    "longest match wins), overlapping zones, an LGWAN prefix in a `two_zone` body, equal codes, parents that do not "
    "exist or form a\n"
    "circle.\n\n"
    "| server key | meaning |\n|---|---|\n"
    "| `name` | 63 bytes. |\n"
    "| `role` | `web`, `dns`, `mail`, `proxy`, `vpn`, `monitor` or `other`. |\n"
    "| `address` | an address, or a list of IPv4 and IPv6 addresses, within the prefixes of this body or of one above "
    "it. |\n"
    "| `proto` | `any` (default), `tcp`, `udp`, `sctp`, `icmp`, `icmpv6`. |\n"
    "| `ports` | a port or a list of at most 64; left out: every port. An exact entry goes before a wildcard. |\n"
    "| `zones` | DNS servers: domain names that it answers for, 255 bytes together. |\n\n"
    "`configs/organisations/` holds an example prefecture of eight bodies.\n";

// In a Markdown table a bar would end the cell.
static void print_cell(FILE *out, const char *text)
{
	for (; text && *text; text++) {
		if (*text == '|')
			fputc('\\', out);
		fputc(*text, out);
	}
}

static void print_row(FILE *out, const char *prefix, const struct yg_option *o)
{
	char range[256];
	fprintf(out, "| `%s%s` | %s | `%s` | ", prefix, o->path, yg_describe_type(o),
	        o->type == YG_OPT_STRING && !*o->fallback ? "\"\"" : o->fallback);
	print_cell(out, yg_describe_range(o, range, sizeof range));
	fputs(" | ", out);
	print_cell(out, o->help_en);
	if (o->help_en && o->help_ja)
		fputs("<br>", out);
	print_cell(out, o->help_ja);
	fputs(" |\n", out);
}

static void print_table_head(FILE *out)
{
	fputs("| option | type | default | range | meaning |\n|---|---|---|---|---|\n", out);
}

static bool same_group(const char *a, const char *b)
{
	size_t n = strcspn(a, ".");
	return n == strcspn(b, ".") && memcmp(a, b, n) == 0;
}

static void print_core(FILE *out)
{
	for (uint32_t i = 0; i < YG_O_COUNT; i++) {
		const char *path = yg_core_options[i].path;
		if (i == 0 || !same_group(path, yg_core_options[i - 1].path)) {
			fprintf(out, "\n## %.*s\n\n", (int)strcspn(path, "."), path);
			print_table_head(out);
		}
		print_row(out, "", &yg_core_options[i]);
	}
}

static void print_plugin(FILE *out, const struct yg_found_plugin *found)
{
	char prefix[64];
	const struct yg_plugin *plugin = found->plugin;
	snprintf(prefix, sizeof prefix, "plugins.%s.", found->name);
	fprintf(out, "\n## Plugin %s\n\n%s\n%s\n\n", found->name, plugin->summary_en ? plugin->summary_en : "",
	        plugin->summary_ja ? plugin->summary_ja : "");
	print_table_head(out);
	fprintf(out, "| `%senabled` | true or false | `true` |  | Run this plugin.<br>このプラグインを使う。 |\n",
	        prefix);
	for (uint32_t i = 0; i < plugin->options_count; i++)
		print_row(out, prefix, &plugin->options[i]);
}

static const char policy[] =
    "\n## Modes\n\n"
    "`modes` is a mapping from kinds of alerts ([alerts.md](alerts.md#kinds)) to what they ask of people:\n\n"
    "| mode | meaning |\n|---|---|\n"
    "| `page` | somebody is to know within 15 minutes. |\n"
    "| `alert` | within 60 minutes. |\n"
    "| `digest` | to be read once a day. |\n"
    "| `shadow` | nothing yet: the detector is being watched. EVE's severity is 4, and storms do not count it. |\n\n"
    "A kind is a whole one (`dos.syn_flood`), a group (`\"dos.*\"`) or all (`\"*\"`). "
    "`modes` of a body's file go before those of the bodies above "
    "it, and these before the main file's; within one mapping the narrower kind goes first. Where nothing fits: critical, and high with "
    "a confidence of 0.5 or more, `page`; other high and medium `alert`; low and info `digest`. While a detector is new to a body "
    "(`alerts.shadow_days`) it is `shadow` whatever stands here. At most 4,096 entries in all.\n\n"
    "## Shared services\n\n"
    "`shared_services` is a list of what several bodies depend on, such as the resolver of the cloud; "
    "an attack on it names all of them, and "
    "all of them may see it.\n\n"
    "| key | meaning |\n|---|---|\n"
    "| `name` | 63 bytes. |\n"
    "| `address`, `proto`, `ports` | as those of a server; 1,024 addresses times ports in all. |\n"
    "| `bodies` | `all`, or a list of codes; a body brings those below it. |\n\n"
    "## Suppressions\n\n"
    "`suppressions` names files, as `organisations` does (at most 256 files, 4,096 entries). Each holds a list:\n\n"
    "```yaml\n"
    "- id: backup-shiomi\n"
    "  kind: dos.volume\n"
    "  org: shiomi\n"
    "  target: 203.0.113.20\n"
    "  owner: 情報政策課 山田\n"
    "  reason: 夜間バックアップの移行期間\n"
    "  since: 2026-12-01\n"
    "  expires: 2027-01-31\n"
    "```\n\n"
    "| key | meaning |\n|---|---|\n"
    "| `id` | unique, `a-z 0-9 - _ .`, at most 31; names its counter (`yagura_suppression_hits_total`). |\n"
    "| `kind` | as in `modes`; left out: every kind. |\n"
    "| `org` | code of a body, with those below it. |\n"
    "| `target`, `source` | an address or a prefix; whatever lies within. Forged or many sources match no `source`. |\n"
    "| `port` | of the target. |\n"
    "| `owner`, `reason` | who decided, and why: 63 and 159 bytes. Required. |\n"
    "| `since`, `expires` | a day, or a minute (`\"2027-01-31 18:00\"`), in `sensor.timezone`, at most 90 days apart; "
    "a day of `expires` is "
    "included. Required. |\n\n"
    "What is named must all fit. Refused: an entry that fits every alert, a kind that does not exist, an end that is missing or too far. "
    "One that has expired is a warning of `yagura check`, and hides nothing.\n";

static const char calendar[] =
    "\n## Calendar\n\n"
    "`calendar` stands in an organisation file for that body, and in the main file for all. It is a list of entries:\n\n"
    "| key | meaning |\n|---|---|\n"
    "| `what` | `work`: planned work, silence is no alarm. `backup`: big transfers are no alarm. `surge`: an expected rush "
    "(a disaster, an election), crowds are no alarm. `holiday`: a Sunday in all but name. |\n"
    "| `from`, `to` | once: `\"2026-12-01 22:00\"`, or a day alone, which is meant from its beginning and to its end. With "
    "`days`: `\"22:00\"`, and past midnight where `to` is the earlier one; left out: the whole day. |\n"
    "| `days` | every week on these: `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`. The day is that on which it begins. |\n"
    "| `reason` | for people, 95 bytes. |\n\n"
    "Times are those of `sensor.timezone`. Japanese public holidays (2020 to 2050, by law) and 29 December to 3 January count as "
    "Sundays without being\n"
    "entered. A board has the entries of the body above it as well. At most 4,096 entries in all; `yagura reload` takes them "
    "without a new engine.\n\n"
    "```yaml\n"
    "calendar:\n"
    "  - {what: work, from: \"2026-12-01 22:00\", to: \"2026-12-02 05:00\", reason: 回線切替}\n"
    "  - {what: backup, days: [mon, tue, wed, thu, fri], from: \"22:00\", to: \"04:00\"}\n"
    "  - {what: holiday, from: \"2026-08-13\", to: \"2026-08-15\", reason: 夏季休業}\n"
    "```\n";

int yg_compile_reference(const struct yg_compile_input *input, FILE *out)
{
	fputs(head, out);
	print_core(out);
	fputs(space, out);
	fputs(bodies, out);
	fputs(calendar, out);
	fputs(policy, out);
	for (size_t i = 0; i < input->plugins_count; i++)
		print_plugin(out, &input->plugins[i]);
	return ferror(out) ? -1 : 0;
}
