// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A series in a terminal: eight rows, a column a value (or the highest of several, where the terminal is narrow), eighths of a row where
// there is Unicode. Behind the bars lies the band of what is usual, and the line at which the alert was raised.
#include <math.h>
#include <string.h>

#include "explain/explain.h"

enum { ROWS = 8, MARGIN = 18, COLUMNS_MAX = EXPLAIN_SERIES };

struct chart {
	double value[COLUMNS_MAX], most, low, high;
	unsigned columns;
	bool unicode;
};

static void fold(const struct explain_alert *a, unsigned room, struct chart *c)
{
	unsigned per = (a->series_count + room - 1) / room;
	c->columns = (a->series_count + per - 1) / per;
	for (unsigned i = 0; i < a->series_count; i++) {
		double *to = &c->value[i / per];
		*to = i % per ? fmax(*to, a->series[i]) : a->series[i];
	}
}

// What lies behind the bars in this row, from `from` to `to`.
static const char *ground(const struct chart *c, double from, double to)
{
	if (c->high > 0 && c->high > from && c->high <= to)
		return c->unicode ? "─" : "-";
	if (c->high > 0 && to <= c->high && to > c->low)
		return c->unicode ? "░" : ".";
	return " ";
}

static const char *cell(const struct chart *c, double value, double from, double to)
{
	static const char *const eighths[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	if (!(value > from) && !(value > 0 && from <= 0))
		return ground(c, from, to);
	double part = (value - from) / (to - from);
	if (!c->unicode)
		return part >= 0.5 || from <= 0 ? "#" : ground(c, from, to);
	int i = (int)(part * 8);
	return eighths[i < 0 ? 0 : i > 7 ? 7 : i];
}

static void print_row(FILE *out, const struct explain_alert *a, const struct chart *c, unsigned row, bool ja)
{
	char label[64] = "";
	double step = c->most / ROWS, from = step * row, to = step * (row + 1);
	if (row == ROWS - 1 || row == 0 || (c->high > from && c->high <= to))
		explain_amount(row == 0 ? 0 : row == ROWS - 1 ? c->most : c->high, a->unit, ja, label, sizeof label);
	label[strcspn(label, " ")] = '\0'; // the unit stands once, above
	fprintf(out, "  %*s %s", MARGIN - 6, label, c->unicode ? "│" : "|");
	for (unsigned i = 0; i < c->columns; i++)
		fputs(cell(c, c->value[i], from, to), out);
	fputc('\n', out);
}

void explain_chart(FILE *out, const struct explain_alert *a, const struct explain_look *look)
{
	if (a->series_count < 2)
		return;
	struct chart c = {.unicode = look->unicode, .low = isnan(a->low) ? 0 : a->low, .high = isnan(a->high) ? 0 : a->high};
	fold(a, look->columns > MARGIN + 20 ? look->columns - MARGIN : 20, &c);
	c.most = c.high;
	for (unsigned i = 0; i < c.columns; i++)
		c.most = fmax(c.most, c.value[i]);
	if (c.most <= 0)
		return;
	char scale[64], step[64] = "";
	explain_amount(c.most, a->unit, look->japanese, scale, sizeof scale);
	const char *unit = strchr(scale, ' ');
	if (!isnan(a->step_s) && a->step_s >= 1)
		snprintf(step, sizeof step, look->japanese ? "、%.0f秒ごと" : ", every %.0f s", a->step_s);
	fprintf(out, look->japanese ? "  推移（%s%s）\n" : "  Course (%s%s)\n", unit ? unit + 1 : a->unit, step);
	for (unsigned row = ROWS; row-- > 0;)
		print_row(out, a, &c, row, look->japanese);
	fprintf(out, "  %*s %.8s%s", MARGIN - 6, "", strlen(a->series_start) > 11 ? a->series_start + 11 : "",
	        look->japanese ? "から" : " onwards");
	if (c.high > 0)
		fprintf(out, look->unicode ? (look->japanese ? "   ░ 通常の範囲  ─ しきい値" : "   ░ usual range  ─ threshold") :
		                             (look->japanese ? "   . 通常の範囲  - しきい値" : "   . usual range  - threshold"));
	fputs("\n\n", out);
}
