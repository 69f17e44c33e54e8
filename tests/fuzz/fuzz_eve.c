// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Records of any content into the renderer of EVE lines. The first byte chooses: a flow or an alert; taken as raw bytes, or a good record
// with a list of patches (offset, length, bytes). Oracles: a record is refused, or it gives one line of valid JSON in valid UTF-8
// that fits the size which any valid record is promised to fit; a smaller buffer gives the same line or none.
#include <stdlib.h>
#include <string.h>

#include "../unit/json_reader.h"
#include "courier/eve.h"
#include "reader_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct yg_org orgs[2] = {{.code = "072001"}, {.code = "07\"\xff\n"}};

static const struct yg_flow good_flow = {
    .flow_id = 4711, .first_ns = INT64_C(1795244645123456789), .last_ns = INT64_C(1795244647000000000),
    .event_ns = INT64_C(1795244707000001000), .port = {40123, 53}, .proto = 17, .af = 4, .org = {1, YG_ORG_NONE}, .packets = {1, 2},
    .bytes = {60, 512}, .rank = YG_RANK_ANSWERED, .event = YG_FLOW_ENDED, .end = YG_END_IDLE, .confidence = YG_CONF_DPI,
    .proto_name = "DNS", .category = "Network", .server_name = "www.example.jp", .addr = {{{203, 0, 113, 10}}, {{198, 51, 100, 7}}},
};

static const struct yg_alert good_alert = {
    .kind = "dos.syn_flood", .detector = "dos", .id = 0xabc, .sequence = 7, .time_ns = INT64_C(1795244645123456789),
    .severity = YG_SEV_HIGH, .af = 4,
    .proto = 6, .target_len = 32, .target = {{203, 0, 113, 10}}, .target_port = 443, .score = 92, .confidence = 0.9f,
    .vector = "syn", .observed = 48211, .threshold = 2930, .unit = "packets/s", .window_s = 3, .count = 1, .top_count = 2,
    .top = {{.af = 4, .share = 0.5f}, {.af = 6, .share = 0.25f}}, .series_count = 3, .series_step_s = 1, .orgs_count = 2, .orgs = {0, 1},
    .vectors_count = 1, .vectors = {{"syn", 1}}, .text_ja = "攻撃", .text_en = "attack", .org_code = "072001", .org_ja = "例市",
};

static void patch(void *record, size_t record_size, const uint8_t *data, size_t size)
{
	uint8_t *bytes = record;
	for (size_t i = 0; i + 3 <= size;) {
		size_t at = (data[i] << 8 | data[i + 1]) % record_size, n = data[i + 2];
		for (i += 3; n && i < size; n--, i++)
			bytes[at++ % record_size] = data[i];
	}
}

static size_t render(struct yg_eve *eve, bool alert, const void *record, char *buffer, size_t size)
{
	return alert ? yg_eve_alert(eve, record, buffer, size) : yg_eve_flow(eve, record, buffer, size);
}

// Each buffer is of its own, so that the sanitizer sees its end.
static void check(struct yg_eve *eve, bool alert, const void *record, size_t smaller)
{
	size_t most = alert ? YG_EVE_ALERT_MAX : YG_EVE_FLOW_MAX;
	char *whole = malloc(most), *cut = malloc(smaller ? smaller : 1);
	if (whole && cut) {
		size_t n = render(eve, alert, record, whole, most);
		must(n > 0 && n <= most);
		must(json_is_line(whole, n));
		must(memchr(whole, '\n', n) == whole + n - 1);
		size_t m = render(eve, alert, record, cut, smaller);
		must(m == 0 || (m == n && memcmp(whole, cut, n) == 0));
	}
	free(whole);
	free(cut);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct yg_eve eve;
	static bool ready;
	union {
		struct yg_flow flow;
		struct yg_alert alert;
	} record;
	if (size < 3 || size > 3 + sizeof record)
		return 0;
	if (!ready)
		yg_eve_init(&eve, "fuzz \"host\"\n\xff", "Asia/Tokyo", orgs, 2);
	ready = true;
	bool alert = data[0] & 1;
	size_t record_size = alert ? sizeof record.alert : sizeof record.flow;
	memset(&record, 0, sizeof record);
	if (data[0] & 2) {
		memcpy(&record, data + 3, size - 3 < record_size ? size - 3 : record_size);
	} else {
		memcpy(&record, alert ? (const void *)&good_alert : (const void *)&good_flow, record_size);
		patch(&record, record_size, data + 3, size - 3);
	}
	if (alert ? yg_eve_alert_valid(&record.alert) : yg_eve_flow_valid(&record.flow))
		check(&eve, alert, &record, (size_t)(data[1] << 8 | data[2]) % (YG_EVE_FLOW_MAX + 1));
	return 0;
}
