// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// nDPI 4.2 behind six calls. Verdicts follow what its own command line reader does, because people compare with that: a
// flow is done when a protocol is known and no extra dissection is possible; what is unknown in the end is guessed by
// port and address. The budget in packets is the caller's.
//
// nDPI calls malloc everywhere and does not always look at the answer; a failed allocation therefore ends the process
// at once with a status of its own, which costs one packet, instead of writing through a null pointer somewhere later.
#include "dissector/ndpi_adapter.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ndpi/ndpi_api.h>

#include "dissector/ndpi_memo.h"

enum { NAMES = 1024 }; // a power of two

// The names of a protocol, once nDPI has put them together: it does so with printf, and a verdict needs them.
struct names {
	bool known;
	ndpi_protocol protocol;
	char proto[48], category[32];
};

struct yg_ndpi {
	struct ndpi_detection_module_struct *module;
	struct names names[NAMES];
};

struct yg_ndpi_flow {
	struct ndpi_flow_struct *flow;
	ndpi_protocol protocol;
	bool quic_told;
	int64_t bytes; // that were taken while nDPI worked for it, less those given back
};

static int64_t taken; // bytes, by all that nDPI does, its own tables included
static int64_t held;  // by flows: the sum of their `bytes`

// Never inlined: a compiler that sees malloc and memset together makes calloc of them, and that of an older glibc takes
// nothing out of the lists of freed pieces that the supervisor has made long.
__attribute__((noinline)) static void *allocate(size_t size)
{
	void *memory = malloc(size);
	if (!memory)
		_exit(YG_NDPI_NO_MEMORY);
	taken += (int64_t)malloc_usable_size(memory);
	return memory;
}

static void release(void *memory)
{
	taken -= memory ? (int64_t)malloc_usable_size(memory) : 0;
	free(memory);
}

// A flow answers for what was taken since, and gives all of it back in the end. So what nDPI takes for one and frees with another, or past
// `release`, evens out; what it takes for tables of its own counts until the flow ends that made it do so.
static void hold(struct yg_ndpi_flow *flow, int64_t taken_before)
{
	flow->bytes += taken - taken_before;
	held += taken - taken_before;
}

// Takes the protocols named in `off` out of the mask. False and the name when there is one that nDPI does not have.
static bool switch_off(struct ndpi_detection_module_struct *module, NDPI_PROTOCOL_BITMASK *mask, const char *off,
                       char *ret_unknown, size_t unknown_size)
{
	while (*off) {
		size_t length = strcspn(off, ",");
		char name[64];
		const char *start = off + strspn(off, " ");
		size_t trimmed = start < off + length ? (size_t)(off + length - start) : 0;
		while (trimmed > 0 && start[trimmed - 1] == ' ')
			trimmed--;
		snprintf(name, sizeof name, "%.*s", (int)(trimmed < sizeof name ? trimmed : sizeof name - 1), start);
		int id = trimmed > 0 ? ndpi_get_protocol_id(module, name) : 0;
		if (id < 0 || (trimmed > 0 && id == NDPI_PROTOCOL_UNKNOWN)) {
			snprintf(ret_unknown, unknown_size, "%s", name);
			return false;
		}
		if (id > 0)
			mask->fds_bits[id / 32] &= ~(UINT32_C(1) << (id % 32));
		off += length + (off[length] == ',');
	}
	return true;
}

int yg_ndpi_create(const char *off, struct yg_ndpi **ret_ndpi, char *ret_unknown, size_t unknown_size)
{
	set_ndpi_malloc(allocate);
	set_ndpi_free(release);
	set_ndpi_flow_malloc(allocate);
	set_ndpi_flow_free(release);
	struct yg_ndpi *ndpi = calloc(1, sizeof *ndpi);
	if (!ndpi)
		return -ENOMEM;
	ndpi->module = ndpi_init_detection_module(ndpi_no_prefs);
	if (!ndpi->module) {
		free(ndpi);
		return -ENOMEM;
	}
	NDPI_PROTOCOL_BITMASK mask;
	NDPI_BITMASK_SET_ALL(mask);
	if (!switch_off(ndpi->module, &mask, off, ret_unknown, unknown_size)) {
		yg_ndpi_destroy(ndpi);
		return -EINVAL;
	}
	ndpi_set_protocol_detection_bitmask2(ndpi->module, &mask);
	ndpi_finalize_initialization(ndpi->module);
	if (!yg_ndpi_memo(ndpi->module)) {
		yg_ndpi_destroy(ndpi);
		return -ENOSYS;
	}
	*ret_ndpi = ndpi;
	return 0;
}

void yg_ndpi_destroy(struct yg_ndpi *ndpi)
{
	if (!ndpi)
		return;
	yg_ndpi_memo(NULL);
	ndpi_exit_detection_module(ndpi->module);
	free(ndpi);
}

struct yg_ndpi_flow *yg_ndpi_flow_create(void)
{
	int64_t before = taken;
	struct yg_ndpi_flow *flow = allocate(sizeof *flow);
	memset(flow, 0, sizeof *flow);
	flow->flow = allocate(sizeof *flow->flow);
	memset(flow->flow, 0, sizeof *flow->flow);
	hold(flow, before);
	return flow;
}

void yg_ndpi_flow_destroy(struct yg_ndpi_flow *flow)
{
	if (!flow)
		return;
	held -= flow->bytes;
	ndpi_free_flow(flow->flow);
	release(flow);
}

uint64_t yg_ndpi_flows_bytes(void)
{
	return held > 0 ? (uint64_t)held : 0;
}

bool yg_ndpi_packet(struct yg_ndpi *ndpi, struct yg_ndpi_flow *flow, const uint8_t *packet, uint32_t length,
                    int64_t time_ns)
{
	uint64_t ms = time_ns > 0 ? (uint64_t)time_ns / 1000000 : 0;
	int64_t before = taken;
	flow->protocol = ndpi_detection_process_packet(ndpi->module, flow->flow, packet, (uint16_t)length, ms);
	hold(flow, before);
	return flow->protocol.app_protocol != NDPI_PROTOCOL_UNKNOWN &&
	       !ndpi_extra_dissection_possible(ndpi->module, flow->flow);
}

static bool is_either(const ndpi_protocol *protocol, uint16_t id)
{
	return protocol->master_protocol == id || protocol->app_protocol == id;
}

// nDPI keeps the details of all protocols in one union: those of TLS may be read only where TLS is what wrote them.
// BitTorrent over TLS overwrites them with a hash.
static bool has_tls_details(const ndpi_protocol *protocol)
{
	return (is_either(protocol, NDPI_PROTOCOL_TLS) || is_either(protocol, NDPI_PROTOCOL_DTLS) ||
	        is_either(protocol, NDPI_PROTOCOL_QUIC)) &&
	       !is_either(protocol, NDPI_PROTOCOL_BITTORRENT);
}

// Copies foreign text up to `until` or its end: printable ASCII stays, the rest and the backslash become \DDD.
static void copy_text(char *to, size_t to_size, const char *from, size_t from_size, char until)
{
	size_t out = 0;
	for (size_t in = 0; in < from_size && from[in] && from[in] != until; in++) {
		unsigned char c = (unsigned char)from[in];
		bool plain = c >= 0x20 && c < 0x7f && c != '\\';
		if (out + (plain ? 1 : 4) >= to_size)
			break;
		if (plain) {
			to[out++] = (char)c;
			continue;
		}
		to[out++] = '\\';
		to[out++] = (char)('0' + c / 100);
		to[out++] = (char)('0' + c / 10 % 10);
		to[out++] = (char)('0' + c % 10);
	}
	to[out] = '\0';
}

static void copy_alpn(char to[32], const char *alpn)
{
	if (alpn)
		copy_text(to, 32, alpn, strnlen(alpn, 64), ',');
}

static void copy_tls_details(const struct ndpi_flow_struct *flow, struct yg_verdict *verdict)
{
	if (!verdict->ja3[0])
		copy_text(verdict->ja3, sizeof verdict->ja3, flow->protos.tls_quic.ja3_client, 32, '\0');
	if (!verdict->ja3s[0])
		copy_text(verdict->ja3s, sizeof verdict->ja3s, flow->protos.tls_quic.ja3_server, 32, '\0');
	if (!verdict->alpn[0])
		copy_alpn(verdict->alpn, flow->protos.tls_quic.alpn);
}

static const struct names *names_of(struct yg_ndpi *ndpi, ndpi_protocol protocol)
{
	unsigned at = (protocol.master_protocol * 31u + protocol.app_protocol + (unsigned)protocol.category * 7u) % NAMES;
	struct names *n = &ndpi->names[at];
	if (n->known && n->protocol.master_protocol == protocol.master_protocol &&
	    n->protocol.app_protocol == protocol.app_protocol && n->protocol.category == protocol.category)
		return n;
	memset(n, 0, sizeof *n);
	n->known = true;
	n->protocol = protocol;
	ndpi_protocol2name(ndpi->module, protocol, n->proto, sizeof n->proto);
	const char *category = ndpi_category_get_name(ndpi->module, protocol.category);
	snprintf(n->category, sizeof n->category, "%s", category ? category : "");
	return n;
}

static void fill_names(struct yg_ndpi *ndpi, ndpi_protocol protocol, struct yg_verdict *verdict)
{
	const struct names *names = names_of(ndpi, protocol);
	verdict->proto_master = protocol.master_protocol;
	verdict->proto_app = protocol.app_protocol;
	memcpy(verdict->proto_name, names->proto, sizeof verdict->proto_name);
	memcpy(verdict->category, names->category, sizeof verdict->category);
}

void yg_ndpi_finish(struct yg_ndpi *ndpi, struct yg_ndpi_flow *flow, bool ended, struct yg_verdict *verdict)
{
	const struct ndpi_flow_struct *details = flow->flow;
	uint8_t guessed = 0;
	if (ended || flow->protocol.app_protocol == NDPI_PROTOCOL_UNKNOWN)
		flow->protocol = ndpi_detection_giveup(ndpi->module, flow->flow, 1, &guessed);
	fill_names(ndpi, flow->protocol, verdict);
	verdict->confidence =
	    details->confidence < NDPI_CONFIDENCE_MAX ? (uint8_t)details->confidence : YG_CONF_UNKNOWN;
	verdict->risks = details->risk;
	if (!verdict->server_name[0])
		copy_text(verdict->server_name, sizeof verdict->server_name, details->host_server_name,
		          sizeof details->host_server_name, '\0');
	if (has_tls_details(&flow->protocol))
		copy_tls_details(details, verdict);
}

bool yg_ndpi_quic_hello(struct yg_ndpi_flow *flow, struct yg_tls *ret_tls)
{
	const struct ndpi_flow_struct *details = flow->flow;
	if (flow->quic_told || !is_either(&flow->protocol, NDPI_PROTOCOL_QUIC) || !details->host_server_name[0])
		return false;
	flow->quic_told = true;
	memset(ret_tls, 0, sizeof *ret_tls);
	ret_tls->quic = 1;
	ret_tls->version = details->protos.tls_quic.ssl_version;
	copy_text(ret_tls->server_name, sizeof ret_tls->server_name, details->host_server_name,
	          sizeof details->host_server_name, '\0');
	copy_text(ret_tls->ja3, sizeof ret_tls->ja3, details->protos.tls_quic.ja3_client, 32, '\0');
	copy_alpn(ret_tls->alpn, details->protos.tls_quic.alpn);
	return true;
}

void yg_ndpi_label(struct yg_ndpi *ndpi, enum yg_own_protocol protocol, struct yg_verdict *verdict)
{
	static const uint16_t ids[YG_OWN_COUNT + 1] = {NDPI_PROTOCOL_DNS, NDPI_PROTOCOL_TLS, NDPI_PROTOCOL_QUIC,
	                                               NDPI_PROTOCOL_HTTP, NDPI_PROTOCOL_UNKNOWN};
	ndpi_protocol found = {.app_protocol = ids[protocol]};
	found.category = ndpi_get_proto_category(ndpi->module, found);
	fill_names(ndpi, found, verdict);
	verdict->confidence = protocol < YG_OWN_COUNT ? YG_CONF_DPI : YG_CONF_UNKNOWN;
}
