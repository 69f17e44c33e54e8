// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Functions that nDPI calls for every packet through the dynamic linker, which asks this program before the libraries. In a worker fed
// with a mix they were a third of all instructions:
//
//   snprintf               the text behind a JA3 is put together number by number, every digest byte by byte
//   strncasecmp            each line of a text is held against some twenty header names; all but one differ at once
//   NDPI_BITMASK_COMPARE   40 times a packet: has this flow ruled the protocol out?
//   ndpi_match_prefix      each packet of a talk with a server is held against some sixty commands; all but one differ at once
//   ndpi_strnstr           one text in another, byte by byte
//   SHA1Transform          of every certificate
//   inet_ntoa              is this host name an address? by snprintf
//
// They do what those they stand before do, to the byte; a test holds them against each other. What is not one of the
// few formats met on the way of a packet goes to the C library. In a build with a sanitizer, which stands before the same
// functions, there are none of them.
#include <arpa/inet.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <ndpi/ndpi_api.h>
#include <nettle/sha1.h>

#include "dissector/ndpi_calls.h"

#if YG_NDPI_CALLS

#define STANDS_BEFORE(name) __asm__(name) __attribute__((used, visibility("default")))

int yg_ndpi_print(char *to, size_t size, int flag, size_t object, const char *format, ...) STANDS_BEFORE("__snprintf_chk");
int yg_ndpi_print_plain(char *to, size_t size, const char *format, ...) STANDS_BEFORE("snprintf");
int yg_ndpi_compare(const char *a, const char *b, size_t n) STANDS_BEFORE("strncasecmp");
int yg_ndpi_masks_meet(NDPI_PROTOCOL_BITMASK a, NDPI_PROTOCOL_BITMASK b) STANDS_BEFORE("NDPI_BITMASK_COMPARE");
int yg_ndpi_begins(const uint8_t *payload, size_t payload_len, const char *text, size_t len) STANDS_BEFORE("ndpi_match_prefix");
char *yg_ndpi_find(const char *in, const char *text, size_t len) STANDS_BEFORE("ndpi_strnstr");
void yg_ndpi_sha1(uint32_t state[5], const uint8_t block[64]) STANDS_BEFORE("SHA1Transform");
char *yg_ndpi_address(struct in_addr addr) STANDS_BEFORE("inet_ntoa");

int print_any(char *to, size_t size, int flag, size_t object, const char *format, va_list args) __asm__("__vsnprintf_chk");
int print_any_plain(char *to, size_t size, const char *format, va_list args) __asm__("vsnprintf");

enum { NOT_MINE = -1, DIGITS = 10 };

// The digits of a number, at the end of `to`.
static const char *digits_of(unsigned number, char to[DIGITS], size_t *ret_length)
{
	size_t n = DIGITS;
	do
		to[--n] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	*ret_length = DIGITS - n;
	return to + n;
}

// The parts of a format, each at *to, where there are `room` bytes: how many it took. NOT_MINE: it would be cut.

static int put_text(char *to, size_t room, const char *text)
{
	if (!text)
		return NOT_MINE;
	if (room > 1 && (!text[0] || !text[1])) { // between two numbers: one character or none
		to[0] = text[0];
		return text[0] != '\0';
	}
	size_t length = strlen(text);
	if (length >= room)
		return NOT_MINE;
	memcpy(to, text, length);
	return (int)length;
}

static int put_number(char *to, size_t room, unsigned number)
{
	char digits[DIGITS];
	size_t length;
	const char *from = digits_of(number, digits, &length);
	if (length >= room)
		return NOT_MINE;
	for (size_t i = 0; i < length; i++) {
		to[i] = from[i];
		__asm__(""); // or a call of memcpy, for five bytes, is made of it
	}
	return (int)length;
}

static int put_byte(char *to, size_t room, unsigned byte, const char *digits)
{
	if (byte > UINT8_MAX || room < 3)
		return NOT_MINE;
	to[0] = digits[byte >> 4];
	to[1] = digits[byte & 15];
	return 2;
}

// "%s", "%u", "%02x" and "%02X", and what stands between. NOT_MINE: another format, or one that snprintf would cut; what was written up to
// there snprintf writes too.
static int print_parts(char *to, size_t size, const char *format, va_list args)
{
	size_t at = 0;
	if (size > INT_MAX)
		return NOT_MINE;
	for (const char *f = format; *f; f++) {
		int n = 1;
		if (at + 1 >= size)
			return NOT_MINE;
		if (*f != '%') {
			to[at] = *f;
		} else if (*++f == 's') {
			n = put_text(to + at, size - at, va_arg(args, const char *));
		} else if (*f == 'u') {
			n = put_number(to + at, size - at, va_arg(args, unsigned));
		} else if (f[0] == '0' && f[1] == '2' && (f[2] == 'x' || f[2] == 'X')) {
			n = put_byte(to + at, size - at, va_arg(args, unsigned), f[2] == 'x' ? "0123456789abcdef" : "0123456789ABCDEF");
			f += 2;
		} else {
			return NOT_MINE;
		}
		if (n == NOT_MINE)
			return NOT_MINE;
		at += (size_t)n;
	}
	if (at >= size)
		return NOT_MINE;
	to[at] = '\0';
	return (int)at;
}

int yg_ndpi_print(char *to, size_t size, int flag, size_t object, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int n = size <= object ? print_parts(to, size, format, args) : NOT_MINE;
	va_end(args);
	if (n == NOT_MINE) {
		va_start(args, format);
		n = print_any(to, size, flag, object, format, args);
		va_end(args);
	}
	return n;
}

int yg_ndpi_print_plain(char *to, size_t size, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int n = print_parts(to, size, format, args);
	va_end(args);
	if (n == NOT_MINE) {
		va_start(args, format);
		n = print_any_plain(to, size, format, args);
		va_end(args);
	}
	return n;
}

#define EIGHT(n) n, n + 1, n + 2, n + 3, n + 4, n + 5, n + 6, n + 7

// The dissector never leaves the locale "C": letters are those of ASCII.
static const uint8_t lower[256] = {
	EIGHT(0),   EIGHT(8),   EIGHT(16),  EIGHT(24),  EIGHT(32),  EIGHT(40),  EIGHT(48),  EIGHT(56),  '@',        EIGHT('a'),
	EIGHT('i'), EIGHT('q'), 'y',        'z',        '[',        '\\',       ']',        '^',        '_',        EIGHT(96),
	EIGHT(104), EIGHT(112), EIGHT(120), EIGHT(128), EIGHT(136), EIGHT(144), EIGHT(152), EIGHT(160), EIGHT(168), EIGHT(176),
	EIGHT(184), EIGHT(192), EIGHT(200), EIGHT(208), EIGHT(216), EIGHT(224), EIGHT(232), EIGHT(240), EIGHT(248),
};

int yg_ndpi_compare(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int difference = lower[(uint8_t)a[i]] - lower[(uint8_t)b[i]];
		if (difference || !a[i])
			return difference;
	}
	return 0;
}

int yg_ndpi_masks_meet(NDPI_PROTOCOL_BITMASK a, NDPI_PROTOCOL_BITMASK b)
{
	uint64_t met = 0;
	// Words of the size in which the caller has just written them: wider ones would have to wait for the writes.
	for (size_t at = 0; at < sizeof a.fds_bits; at += sizeof met) {
		uint64_t x, y;
		memcpy(&x, (const char *)a.fds_bits + at, sizeof x);
		memcpy(&y, (const char *)b.fds_bits + at, sizeof y);
		met |= x & y;
		__asm__("" : "+r"(met)); // keeps it so
	}
	return met != 0;
}

int yg_ndpi_begins(const uint8_t *payload, size_t payload_len, const char *text, size_t len)
{
	if (len > payload_len)
		return 0;
	return !len || (payload[0] == (uint8_t)text[0] && memcmp(payload, text, len) == 0);
}

// As strstr, in the first `len` bytes.
char *yg_ndpi_find(const char *in, const char *text, size_t len)
{
	size_t wanted = strlen(text), left = wanted ? strnlen(in, len) : 0;
	const char *from = in;
	if (!wanted)
		return (char *)(uintptr_t)in;
	while (left >= wanted) {
		const char *at = memchr(from, text[0], left - wanted + 1);
		if (!at || memcmp(at, text, wanted) == 0)
			return (char *)(uintptr_t)at;
		left -= (size_t)(at + 1 - from);
		from = at + 1;
	}
	return NULL;
}

void yg_ndpi_sha1(uint32_t state[5], const uint8_t block[64])
{
	nettle_sha1_compress(state, block);
}

char *yg_ndpi_address(struct in_addr addr)
{
	static char text[16];
	const uint8_t *byte = (const uint8_t *)&addr.s_addr;
	char *to = text;
	for (unsigned i = 0; i < 4; i++) {
		char digits[DIGITS];
		size_t length;
		const char *from = digits_of(byte[i], digits, &length);
		memcpy(to, from, length);
		to[length] = i < 3 ? '.' : '\0';
		to += length + 1;
	}
	return text;
}

_Static_assert(sizeof(NDPI_PROTOCOL_BITMASK) % sizeof(uint64_t) == 0, "masks are whole words");

#endif
