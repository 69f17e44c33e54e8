// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Values of options. Numbers are read by hand and not with strtod: that one follows the locale and takes hexadecimal,
// "inf" and trailing blanks. A decimal of at most 15 digits divided by a power of ten is the nearest double, and a
// multiple with a suffix (k, MiB) stays an exact integer throughout.
#include "config/value.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "config/report.h"

enum { DIGITS_MAX = 15 };

#define X(id, path, type, unit, min, max, fallback, values, en, ja)                                                    \
	[YG_O_##id] = {path, YG_OPT_##type, unit, min, max, fallback, values, en, ja},
const struct yg_option yg_core_options[YG_O_COUNT] = {YG_OPTIONS(X)};
#undef X

struct suffix {
	const char *text;
	int64_t factor;
	int64_t divisor;
};

static const struct suffix no_suffix[] = {{"", 1, 1}, {NULL, 0, 0}};
static const struct suffix time_suffixes[] = {{"d", 86400, 1}, {"h", 3600, 1}, {"min", 60, 1}, {"s", 1, 1},
                                              {"ms", 1, 1000}, {"", 1, 1},     {NULL, 0, 0}};
static const struct suffix byte_suffixes[] = {
    {"GiB", 1 << 30, 1}, {"MiB", 1 << 20, 1}, {"KiB", 1 << 10, 1}, {"", 1, 1}, {NULL, 0, 0}};
static const struct suffix rate_suffixes[] = {
    {"G", 1000000000, 1}, {"M", 1000000, 1}, {"k", 1000, 1}, {"", 1, 1}, {NULL, 0, 0}};

static const struct suffix *suffixes_of(enum yg_option_type type)
{
	switch (type) {
	case YG_OPT_DURATION:
		return time_suffixes;
	case YG_OPT_BYTES:
		return byte_suffixes;
	case YG_OPT_BPS:
		return rate_suffixes;
	default:
		return no_suffix;
	}
}

static const char *form_of(enum yg_option_type type)
{
	switch (type) {
	case YG_OPT_DURATION:
		return "a number with ms, s, min, h or d, such as 500ms or 5min";
	case YG_OPT_BYTES:
		return "a whole number of bytes, or with KiB, MiB or GiB, such as 16MiB";
	case YG_OPT_BPS:
		return "bit/s, or with k, M or G, such as 100M";
	case YG_OPT_FLOAT:
		return "a number such as 0.5";
	default:
		return "a whole number";
	}
}

// A decimal in digits, and how many of them stand behind the point.
struct decimal {
	int64_t digits;
	int scale;
};

static const char *read_decimal(const char *text, struct decimal *ret_decimal)
{
	bool negative = *text == '-';
	const char *p = text + negative;
	struct decimal d = {0, 0};
	int digits = 0;
	bool point = false;
	for (; (*p >= '0' && *p <= '9') || (*p == '.' && !point && digits); p++) {
		if (*p == '.') {
			point = true;
			continue;
		}
		if (++digits > DIGITS_MAX)
			return NULL;
		d.digits = d.digits * 10 + (*p - '0');
		d.scale += point;
	}
	if (digits == 0 || (point && d.scale == 0))
		return NULL;
	d.digits = negative ? -d.digits : d.digits;
	*ret_decimal = d;
	return p;
}

static int64_t power_of_ten(int n)
{
	int64_t power = 1;
	while (n-- > 0)
		power *= 10;
	return power;
}

// The number with its suffix applied, once exactly as an integer where the type wants one, once as a double.
static int read_number(const struct yg_option *option, const char *text, union yg_value *ret_value, double *ret_number)
{
	struct decimal d;
	const char *rest = read_decimal(text, &d);
	if (!rest)
		return -EINVAL;
	const struct suffix *s = suffixes_of(option->type);
	while (s->text && strcmp(s->text, rest) != 0)
		s++;
	if (!s->text)
		return -EINVAL;
	int64_t product, divisor = power_of_ten(d.scale) * s->divisor;
	if (__builtin_mul_overflow(d.digits, s->factor, &product))
		return -EINVAL;
	*ret_number = (double)product / (double)divisor;
	if (option->type == YG_OPT_FLOAT || option->type == YG_OPT_DURATION) {
		ret_value->f = *ret_number;
		return 0;
	}
	if (product % divisor)
		return -EINVAL;
	ret_value->i = product / divisor;
	return 0;
}

static int parse_number(const struct yg_option *option, const char *text, union yg_value *ret_value, char *ret_problem,
                        size_t size)
{
	double number;
	union yg_value value;
	if (read_number(option, text, &value, &number) < 0) {
		snprintf(ret_problem, size, "'%.100s' is not a value of this kind; write %s", text,
		         form_of(option->type));
		return -EINVAL;
	}
	if (number < option->min || number > option->max) {
		char low[32], high[32];
		snprintf(ret_problem, size, "%.100s is out of range; choose %s to %s%s%s", text,
		         yg_value_bound(option, option->min, low, sizeof low),
		         yg_value_bound(option, option->max, high, sizeof high),
		         option->unit && option->type != YG_OPT_DURATION ? " " : "",
		         option->unit && option->type != YG_OPT_DURATION ? option->unit : "");
		return -EINVAL;
	}
	*ret_value = value;
	return 0;
}

static int parse_string(const struct yg_option *option, const char *text, union yg_value *ret_value, char *ret_problem,
                        size_t size)
{
	size_t length = strlen(text);
	if ((double)length < option->min) {
		snprintf(ret_problem, size, "is too short; write at least %.0f bytes", option->min);
		return -EINVAL;
	}
	if ((double)length > option->max) {
		snprintf(ret_problem, size, "is %zu bytes long; shorten it to %.0f", length, option->max);
		return -EINVAL;
	}
	if (!yg_text_clean(text, length)) {
		snprintf(ret_problem, size, "holds control characters or broken UTF-8; write printable UTF-8");
		return -EINVAL;
	}
	ret_value->s = text;
	return 0;
}

static int parse_enum(const struct yg_option *option, const char *text, union yg_value *ret_value, char *ret_problem,
                      size_t size)
{
	int index = yg_enum_index(option->values, text);
	if (index >= 0) {
		ret_value->i = index;
		return 0;
	}
	struct yg_nearest nearest = {.word = text};
	char words[16][64];
	uint32_t count = yg_enum_count(option->values);
	for (uint32_t i = 0; i < count && i < 16; i++)
		yg_nearest_offer(&nearest, yg_enum_word(option->values, i, words[i], sizeof words[i]));
	if (nearest.best)
		snprintf(ret_problem, size, "'%.100s' is not one of %s; did you mean '%s'?", text, option->values,
		         nearest.best);
	else
		snprintf(ret_problem, size, "'%.100s' is not known; write one of %s", text, option->values);
	return -EINVAL;
}

int yg_value_parse(const struct yg_option *option, const char *text, union yg_value *ret_value, char *ret_problem,
                   size_t problem_size)
{
	switch (option->type) {
	case YG_OPT_STRING:
		return parse_string(option, text, ret_value, ret_problem, problem_size);
	case YG_OPT_ENUM:
		return parse_enum(option, text, ret_value, ret_problem, problem_size);
	case YG_OPT_BOOL:
		if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
			ret_value->i = text[0] == 't';
			return 0;
		}
		snprintf(ret_problem, problem_size, "'%.100s' is neither true nor false; write true or false", text);
		return -EINVAL;
	default:
		return parse_number(option, text, ret_value, ret_problem, problem_size);
	}
}

bool yg_value_possible(const struct yg_option *option, union yg_value value)
{
	switch (option->type) {
	case YG_OPT_STRING: {
		size_t length = strlen(value.s);
		return (double)length >= option->min && (double)length <= option->max && yg_text_clean(value.s, length);
	}
	case YG_OPT_BOOL:
		return value.i == 0 || value.i == 1;
	case YG_OPT_ENUM:
		return value.i >= 0 && value.i < (int64_t)yg_enum_count(option->values);
	case YG_OPT_FLOAT:
	case YG_OPT_DURATION:
		return isfinite(value.f) && value.f >= option->min && value.f <= option->max;
	default:
		return (double)value.i >= option->min && (double)value.i <= option->max;
	}
}

uint32_t yg_enum_count(const char *values)
{
	uint32_t count = values && *values ? 1 : 0;
	for (const char *p = values; p && *p; p++)
		count += *p == '|';
	return count;
}

const char *yg_enum_word(const char *values, uint32_t index, char *ret_word, size_t size)
{
	const char *p = values ? values : "";
	while (index && *p)
		index -= *p++ == '|';
	snprintf(ret_word, size, "%.*s", (int)strcspn(p, "|"), p);
	return ret_word;
}

int yg_enum_index(const char *values, const char *word)
{
	size_t length = strlen(word);
	int index = 0;
	for (const char *p = values; p && *p; index++) {
		size_t n = strcspn(p, "|");
		if (n == length && memcmp(p, word, n) == 0)
			return index;
		p += n + (p[n] == '|');
	}
	return -1;
}

const char *yg_value_bound(const struct yg_option *option, double bound, char *ret_text, size_t size)
{
	for (const struct suffix *s = suffixes_of(option->type); s->text; s++) {
		double n = bound * (double)s->divisor / (double)s->factor;
		if (bound != 0 && n == floor(n)) {
			// 90 minutes are not a whole number of hours, 3600 seconds are one hour.
			snprintf(ret_text, size, "%.0f%s", n, s->text);
			return ret_text;
		}
	}
	snprintf(ret_text, size, "%.15g", bound);
	return ret_text;
}

uint64_t yg_options_fingerprint(const struct yg_option *options, uint32_t count)
{
	uint64_t print = count;
	for (uint32_t i = 0; i < count; i++) {
		char row[512] = {0};
		uint64_t chain = print;
		memcpy(row, &chain, sizeof chain);
		int n = snprintf(row + sizeof chain, sizeof row - sizeof chain, "%s\n%d\n%s", options[i].path,
		                 (int)options[i].type, options[i].values ? options[i].values : "");
		size_t used = n > 0 && (size_t)n < sizeof row - sizeof chain ? (size_t)n : sizeof row - sizeof chain;
		print = yg_hash_identity(row, sizeof chain + used);
	}
	return print;
}
