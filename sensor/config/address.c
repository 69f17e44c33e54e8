// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Text to address and back with inet_pton and inet_ntop, which know the rules of RFC 5952 and refuse octal and
// shortened IPv4. See address.h.
#include "config/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

int yg_address_parse(const char *text, uint8_t *ret_af, struct yg_addr *ret_addr)
{
	struct yg_addr addr = {0};
	bool six = strchr(text, ':') != NULL;
	if (inet_pton(six ? AF_INET6 : AF_INET, text, addr.b) != 1)
		return -EINVAL;
	*ret_af = six ? 6 : 4;
	*ret_addr = addr;
	return 0;
}

int yg_prefix_parse(const char *text, uint8_t *ret_af, struct yg_addr *ret_addr, uint8_t *ret_length)
{
	const char *slash = strchr(text, '/');
	char address[YG_ADDRESS_TEXT];
	size_t n = slash ? (size_t)(slash - text) : 0;
	if (n == 0 || n >= sizeof address)
		return -EINVAL;
	memcpy(address, text, n);
	address[n] = '\0';
	unsigned length = 0;
	size_t digits = strspn(slash + 1, "0123456789");
	if (digits == 0 || slash[1 + digits] || (digits > 1 && slash[1] == '0'))
		return -EINVAL;
	for (size_t i = 0; i < digits && length <= 128; i++)
		length = length * 10 + (unsigned)(slash[1 + i] - '0');
	uint8_t af;
	struct yg_addr addr;
	if (yg_address_parse(address, &af, &addr) < 0)
		return -EINVAL;
	if (length > (af == 4 ? 32u : 128u))
		return -ERANGE;
	*ret_af = af;
	*ret_addr = addr;
	*ret_length = (uint8_t)length;
	return 0;
}

struct yg_addr yg_address_mask(const struct yg_addr *addr, uint8_t length)
{
	struct yg_addr masked = {0};
	memcpy(masked.b, addr->b, length / 8);
	if (length % 8)
		masked.b[length / 8] = (uint8_t)(addr->b[length / 8] & (0xff00 >> length % 8));
	return masked;
}

bool yg_address_within(const struct yg_addr *addr, const struct yg_addr *prefix, uint8_t length)
{
	if (memcmp(addr->b, prefix->b, length / 8) != 0)
		return false;
	unsigned mask = 0xff00u >> length % 8;
	return length % 8 == 0 || ((addr->b[length / 8] ^ prefix->b[length / 8]) & mask & 0xff) == 0;
}

const char *yg_address_text(uint8_t af, const struct yg_addr *addr, char ret_text[static YG_ADDRESS_TEXT])
{
	if (!inet_ntop(af == 4 ? AF_INET : AF_INET6, addr->b, ret_text, YG_ADDRESS_TEXT))
		ret_text[0] = '\0';
	return ret_text;
}

const char *yg_prefix_text(uint8_t af, const struct yg_addr *addr, uint8_t length, char ret_text[static YG_PREFIX_TEXT])
{
	char address[YG_ADDRESS_TEXT];
	snprintf(ret_text, YG_PREFIX_TEXT, "%s/%u", yg_address_text(af, addr, address), length);
	return ret_text;
}
