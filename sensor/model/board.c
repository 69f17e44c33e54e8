// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See board.h. A sequence lock: the number is odd while the text is changed, and a reader that finds it odd, or changed when it is through,
// has read nothing.
#include "model/board.h"

#include <stdio.h>
#include <string.h>

static bool is_name(const char *name)
{
	return name[0] && name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.")] == '\0';
}

// Bytes of the well-formed sequence at p that is printable; 0: none.
static size_t printable(const unsigned char *p)
{
	if (p[0] < 0x80)
		return p[0] >= 0x20 && p[0] != 0x7f;
	size_t n = p[0] >= 0xf0 && p[0] <= 0xf4 ? 4 : p[0] >= 0xe0 && p[0] < 0xf0 ? 3 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	bool c1 = p[0] == 0xc2 && p[1] < 0xa0, overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
	bool beyond = (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf4 && p[1] > 0x8f);
	return n && !c1 && !overlong && !beyond ? n : 0;
}

void yg_board_put(struct yg_board_text *t, const char *name, const char *value)
{
	size_t name_length = strlen(name), value_length = strlen(value);
	if (!is_name(name) || t->pairs == YG_BOARD_PAIRS || name_length + value_length + 2 > sizeof t->text - t->length) {
		t->left_out++;
		return;
	}
	memcpy(t->text + t->length, name, name_length + 1);
	t->length += name_length + 1;
	for (size_t i = 0, n; i < value_length; i += n ? n : 1) {
		n = printable((const unsigned char *)value + i);
		if (n)
			memcpy(t->text + t->length, value + i, n);
		else
			t->text[t->length] = '?';
		t->length += n ? n : 1;
	}
	t->text[t->length++] = '\0';
	t->pairs++;
}

void yg_board_put_number(struct yg_board_text *t, const char *name, uint64_t value)
{
	char text[24];
	snprintf(text, sizeof text, "%llu", (unsigned long long)value);
	yg_board_put(t, name, text);
}

void yg_board_show(struct yg_board *board, const struct yg_board_text *t)
{
	uint64_t sequence = yg_counter_get(&board->sequence);
	yg_counter_set(&board->sequence, sequence | 1);
	atomic_thread_fence(memory_order_release);
	memcpy(board->text, t->text, t->length);
	yg_counter_set(&board->length, t->length);
	yg_counter_publish(&board->sequence, (sequence | 1) + 1);
}

static bool is_whole(struct yg_board_text *t)
{
	const char *name, *value;
	for (size_t at = 0; at < t->length; t->pairs++)
		if (t->pairs == YG_BOARD_PAIRS || !yg_board_next(t, &at, &name, &value) || !is_name(name))
			return false;
	return t->pairs > 0;
}

bool yg_board_read(const struct yg_board *board, struct yg_board_text *ret)
{
	uint64_t before = yg_counter_read(&board->sequence), length = yg_counter_get(&board->length);
	ret->length = ret->pairs = ret->left_out = 0;
	if (before == 0 || before & 1 || length == 0 || length > sizeof ret->text)
		return false;
	memcpy(ret->text, board->text, length);
	atomic_thread_fence(memory_order_acquire);
	ret->length = length;
	return yg_counter_get(&board->sequence) == before && ret->text[length - 1] == '\0' && is_whole(ret);
}

bool yg_board_next(const struct yg_board_text *t, size_t *at, const char **ret_name, const char **ret_value)
{
	size_t value = *at < t->length ? *at + strnlen(t->text + *at, t->length - *at) + 1 : t->length;
	if (value >= t->length)
		return false;
	*ret_name = t->text + *at;
	*ret_value = t->text + value;
	*at = value + strnlen(t->text + value, t->length - value) + 1;
	return *at <= t->length;
}
