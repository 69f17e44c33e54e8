// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See ndpi_memo.h. These functions stand before nDPI's own as those of ndpi_calls.c do. Traffic names the same servers again and again, and
// a search by nDPI takes 250 to 1,000 instructions, many of which wait for memory. Who sends names that never come again costs what the
// search costs, and a look here.
#include "dissector/ndpi_memo.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dissector/ndpi_calls.h"

#if YG_NDPI_CALLS

#define STANDS_BEFORE(name) __asm__(name) __attribute__((used, visibility("default")))

enum { NAMES = 4096, ADDRESSES = 8192, NAME_MAX_BYTES = 40, WORDS = NAME_MAX_BYTES / 8 };

enum { NOT_SEARCHED = -2 }; // nDPI has no such list: what is found is not written

enum list { LIST_NONE, LIST_PROTOCOLS, LIST_CATEGORIES };

// An answer about a name: half a cache line of it the name itself, zeroes behind.
struct name {
	uint64_t word[WORDS];
	uint16_t list, length;
	int32_t status;
	ndpi_protocol_match_result result; // of LIST_CATEGORIES: protocol_category alone
};
_Static_assert(sizeof(struct name) <= 64, "a name is a cache line");

// An answer about a port of an address, which is not 0.0.0.0: that is a free place.
struct address {
	uint32_t addr;
	uint16_t port, protocol;
};

static struct {
	_Alignas(64) struct name name[NAMES];
	struct address address[ADDRESSES];
	const struct ndpi_detection_module_struct *module;
} memo;

typedef int protocol_of_name(struct ndpi_detection_module_struct *module, char *name, u_int length, ndpi_protocol_match_result *ret);
typedef int category_of_name(struct ndpi_detection_module_struct *module, char *name, u_int length, ndpi_protocol_category_t *ret);
typedef u_int16_t protocol_of_address(struct ndpi_detection_module_struct *module, struct in_addr *addr, u_int16_t port);

protocol_of_name yg_ndpi_protocol_of_name STANDS_BEFORE("ndpi_match_string_subprotocol");
category_of_name yg_ndpi_category_of_name STANDS_BEFORE("ndpi_match_custom_category");
protocol_of_address yg_ndpi_protocol_of_address STANDS_BEFORE("ndpi_network_port_ptree_match");

// nDPI's own.
static struct {
	protocol_of_name *protocol_of_name;
	category_of_name *category_of_name;
	protocol_of_address *protocol_of_address;
} own;

static bool find_own(const char *name, void *ret_function)
{
	void *found = dlsym(RTLD_NEXT, name);
	memcpy(ret_function, &found, sizeof found);
	return found;
}

static bool find_all(void)
{
	return own.protocol_of_address || (find_own("ndpi_match_string_subprotocol", &own.protocol_of_name) &&
					   find_own("ndpi_match_custom_category", &own.category_of_name) &&
					   find_own("ndpi_network_port_ptree_match", &own.protocol_of_address));
}

// nDPI may call while it is being initialised. A library without one of these is told of by yg_ndpi_memo, unless it comes here first.
static void need_all(void)
{
	if (!find_all())
		abort();
}

bool yg_ndpi_memo(const struct ndpi_detection_module_struct *module)
{
	if (!find_all())
		return false;
	if (memo.module) // or its memory was never touched
		memset(&memo, 0, sizeof memo);
	memo.module = module;
	return true;
}

// Whether the answer for this name is remembered; if not, *ret_place is where it belongs, named and without an answer.
static bool find_name(enum list list, const char *name, u_int length, struct name **ret_place)
{
	uint64_t word[WORDS] = {0}, hash = list + 31 * length;
	memcpy(word, name, length);
	for (unsigned i = 0; i < WORDS; i++)
		hash = (hash ^ word[i]) * UINT64_C(0x9e3779b97f4a7c15) ^ hash >> 29;
	struct name *n = &memo.name[(hash ^ hash >> 32) % NAMES];
	*ret_place = n;
	if (n->list == list && n->length == length && memcmp(n->word, word, sizeof word) == 0)
		return true;
	memcpy(n->word, word, sizeof word);
	n->list = LIST_NONE;
	n->length = (uint16_t)length;
	return false;
}

static bool remembers(const struct ndpi_detection_module_struct *module, const char *name, u_int length, const void *ret)
{
	return module && module == memo.module && name && ret && length > 0 && length <= NAME_MAX_BYTES && name[0];
}

int yg_ndpi_protocol_of_name(struct ndpi_detection_module_struct *module, char *name, u_int length, ndpi_protocol_match_result *ret)
{
	struct name *n;
	need_all();
	if (!remembers(module, name, length, ret))
		return own.protocol_of_name(module, name, length, ret);
	if (find_name(LIST_PROTOCOLS, name, length, &n)) {
		*ret = n->result;
		return n->status;
	}
	n->status = own.protocol_of_name(module, name, length, ret);
	n->result = *ret;
	n->list = n->status == NOT_SEARCHED ? LIST_NONE : LIST_PROTOCOLS;
	return n->status;
}

int yg_ndpi_category_of_name(struct ndpi_detection_module_struct *module, char *name, u_int length, ndpi_protocol_category_t *ret)
{
	struct name *n;
	need_all();
	if (!remembers(module, name, length, ret))
		return own.category_of_name(module, name, length, ret);
	if (find_name(LIST_CATEGORIES, name, length, &n)) {
		*ret = n->result.protocol_category;
		return n->status;
	}
	n->status = own.category_of_name(module, name, length, ret);
	n->result.protocol_category = *ret;
	n->list = n->status == NOT_SEARCHED ? LIST_NONE : LIST_CATEGORIES;
	return n->status;
}

u_int16_t yg_ndpi_protocol_of_address(struct ndpi_detection_module_struct *module, struct in_addr *addr, u_int16_t port)
{
	need_all();
	if (!module || module != memo.module || !addr->s_addr)
		return own.protocol_of_address(module, addr, port);
	uint32_t hash = (addr->s_addr ^ (uint32_t)port << 13) * UINT32_C(0x9e3779b1);
	struct address *a = &memo.address[(hash ^ hash >> 15) % ADDRESSES];
	if (a->addr != addr->s_addr || a->port != port)
		*a = (struct address){addr->s_addr, port, own.protocol_of_address(module, addr, port)};
	return a->protocol;
}

#else

bool yg_ndpi_memo(const struct ndpi_detection_module_struct *module)
{
	(void)module;
	return true;
}

#endif
