// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Three functions that nDPI calls for every packet through the dynamic linker, which asks this program before the
// libraries. In a worker fed with a mix they were a quarter of all instructions:
//
//   snprintf               the text behind a JA3 is put together number by number, every digest byte by byte
//   strncasecmp            each line of a text is held against some twenty header names; all but one differ at once
//   NDPI_BITMASK_COMPARE   40 times a packet: has this flow ruled the protocol out?
//
// They do what those they stand before do, to the byte; a test holds them against each other. What is not one of the
// few formats met on the way of a packet goes to the C library. In a build with a sanitizer, which stands before the same
// functions, there are none of them.
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <ndpi/ndpi_api.h>

#include "dissector/ndpi_calls.h"

#if YG_NDPI_CALLS

#define STANDS_BEFORE(name) __asm__(name) __attribute__((used, visibility("default")))

int yg_ndpi_print(char *to, size_t size, int flag, size_t object, const char *format, ...) STANDS_BEFORE("__snprintf_chk");
int yg_ndpi_compare(const char *a, const char *b, size_t n) STANDS_BEFORE("strncasecmp");
int yg_ndpi_masks_meet(NDPI_PROTOCOL_BITMASK a, NDPI_PROTOCOL_BITMASK b) STANDS_BEFORE("NDPI_BITMASK_COMPARE");

int print_any(char *to, size_t size, int flag, size_t object, const char *format, va_list args) __asm__("__vsnprintf_chk");

enum { NOT_MINE = -1 };

// "%s%u", with a text as long as there is room for. NOT_MINE where snprintf would cut.
static int print_text(char *to, size_t size, const char *text, size_t length)
{
	if (length >= size || length > INT_MAX / 2)
		return NOT_MINE;
	memcpy(to, text, length);
	to[length] = '\0';
	return (int)length;
}

static int print_text_and_number(char *to, size_t size, const char *text, unsigned number)
{
	char digits[10];
	size_t n = sizeof digits;
	do
		digits[--n] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	size_t count = sizeof digits - n, before = strlen(text);
	if (before > INT_MAX / 2 || before + count >= size)
		return NOT_MINE;
	memcpy(to, text, before);
	memcpy(to + before, digits + n, count);
	to[before + count] = '\0';
	return (int)(before + count);
}

static int print_byte(char *to, size_t size, unsigned byte, const char *digits)
{
	if (byte > UINT8_MAX || size < 3)
		return NOT_MINE;
	to[0] = digits[byte >> 4];
	to[1] = digits[byte & 15];
	to[2] = '\0';
	return 2;
}

int yg_ndpi_print(char *to, size_t size, int flag, size_t object, const char *format, ...)
{
	int n = NOT_MINE;
	va_list args;
	va_start(args, format);
	const char *text;
	bool mine = size <= object && format[0] == '%';
	if (mine && format[1] == 's' && (!format[2] || strcmp(format + 2, "%u") == 0)) {
		text = va_arg(args, const char *);
		if (text && format[2])
			n = print_text_and_number(to, size, text, va_arg(args, unsigned));
		else if (text)
			n = print_text(to, size, text, strlen(text));
	} else if (mine && format[1] == '0' && format[2] == '2' && (format[3] == 'x' || format[3] == 'X') && !format[4]) {
		n = print_byte(to, size, va_arg(args, unsigned), format[3] == 'x' ? "0123456789abcdef" : "0123456789ABCDEF");
	}
	va_end(args);
	if (n == NOT_MINE) {
		va_start(args, format);
		n = print_any(to, size, flag, object, format, args);
		va_end(args);
	}
	return n;
}

static int lower(char c)
{
	unsigned char byte = (unsigned char)c;
	return byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte;
}

// The dissector never leaves the locale "C": letters are those of ASCII.
int yg_ndpi_compare(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int difference = a[i] == b[i] ? 0 : lower(a[i]) - lower(b[i]);
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

_Static_assert(sizeof(NDPI_PROTOCOL_BITMASK) % sizeof(uint64_t) == 0, "masks are whole words");

#endif
