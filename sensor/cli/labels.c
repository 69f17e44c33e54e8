// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See labels.h.
#include "cli/labels.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/kinds.h"

enum column { PATH, VERDICT, KINDS, SOURCE, TARGET, HOME, COLUMNS };
enum { CELLS_MAX = 64, ADDRESS_TEXT = 64 };

static const char *const column_names[COLUMNS] = {"path", "verdict", "kinds", "source", "target", "home"};
static const char *const verdicts[YG_VERDICT_COUNT] = {"attack", "optional", "lower-bound", "benign"};

struct reading {
	struct yg_labels *labels;
	const char *name;
	FILE *complain;
	unsigned line;
	unsigned at[COLUMNS]; // which cell holds the column
	bool head;            // has been read
	size_t room;
};

const char *yg_label_verdict_name(unsigned verdict)
{
	return verdict < YG_VERDICT_COUNT ? verdicts[verdict] : "";
}

// What was found wrong goes to a terminal, so only its printable bytes do.
static void fault(struct reading *r, const char *what, const char *about, size_t length)
{
	if (r->labels->faults++ >= YG_LABEL_FAULTS)
		return;
	fprintf(r->complain, "%s:%u: %s", r->name, r->line, what);
	if (about) {
		fputs(": '", r->complain);
		for (size_t i = 0; i < length && i < ADDRESS_TEXT; i++)
			fputc(about[i] >= ' ' && about[i] <= '~' ? about[i] : '?', r->complain);
		fputs("'", r->complain);
	}
	fputc('\n', r->complain);
}

// ---- addresses ----

static void clear_behind(struct yg_label_prefix *p)
{
	for (unsigned bit = p->len; bit < 128; bit++)
		p->addr.b[bit / 8] = (uint8_t)(p->addr.b[bit / 8] & ~(0x80u >> bit % 8));
}

bool yg_label_prefix(const char *text, size_t length, struct yg_label_prefix *ret)
{
	char copy[ADDRESS_TEXT];
	struct yg_label_prefix p = {0};
	if (length == 0 || length >= sizeof copy || memchr(text, 0, length))
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	char *slash = strchr(copy, '/');
	if (slash)
		*slash++ = '\0';
	p.af = strchr(copy, ':') ? 6 : 4;
	unsigned long most = p.af == 6 ? 128 : 32, len = most;
	if (inet_pton(p.af == 6 ? AF_INET6 : AF_INET, copy, p.addr.b) != 1)
		return false;
	if (slash) {
		size_t digits = strspn(slash, "0123456789");
		if (digits == 0 || digits > 3 || slash[digits])
			return false;
		len = strtoul(slash, NULL, 10);
	}
	if (len > most)
		return false;
	p.len = (uint8_t)len;
	clear_behind(&p);
	*ret = p;
	return true;
}

bool yg_label_meets(const struct yg_label_prefix *a, const struct yg_label_prefix *b)
{
	if (a->af != b->af)
		return false;
	unsigned len = a->len < b->len ? a->len : b->len;
	for (unsigned bit = 0; bit < len; bit++)
		if ((a->addr.b[bit / 8] ^ b->addr.b[bit / 8]) & (0x80u >> bit % 8))
			return false;
	return true;
}

// ---- cells ----

struct cell {
	char *text;
	size_t length;
};

// Calls `take` for each part of a list. False as soon as it does.
static bool each(const struct cell *cell, char between, bool (*take)(void *, const char *, size_t), void *context)
{
	const char *p = cell->text, *end = p + cell->length;
	while (p < end) {
		const char *stop = memchr(p, between, (size_t)(end - p));
		stop = stop ? stop : end;
		if (!take(context, p, (size_t)(stop - p)))
			return false;
		p = stop + 1;
	}
	return true;
}

struct taking {
	struct reading *reading;
	struct yg_label *label;
	struct yg_label_prefix prefixes[2 * YG_LABEL_PREFIXES];
	size_t count, most;
};

static bool take_prefix(void *context, const char *text, size_t length)
{
	struct taking *t = context;
	if (t->count == t->most) {
		fault(t->reading, "more than 256 addresses", NULL, 0);
		return false;
	}
	if (!yg_label_prefix(text, length, &t->prefixes[t->count])) {
		fault(t->reading, "neither an address nor a prefix", text, length);
		return false;
	}
	t->count++;
	return true;
}

static bool take_kind(void *context, const char *text, size_t length)
{
	struct taking *t = context;
	char name[40];
	const struct yg_kind *kind = NULL;
	if (t->label->kinds_count == YG_LABEL_KINDS) {
		fault(t->reading, "more than 16 kinds", NULL, 0);
		return false;
	}
	if (length < sizeof name) {
		memcpy(name, text, length);
		name[length] = '\0';
		kind = yg_kind_find(name);
	}
	if (!kind) {
		fault(t->reading, "no kind of alert", text, length);
		return false;
	}
	t->label->kinds[t->label->kinds_count++] = kind->kind;
	return true;
}

static bool path_is_inside(const struct cell *path)
{
	if (path->length == 0 || path->length > 3000 || path->text[0] == '/')
		return false;
	for (const char *p = path->text; p; p = strchr(p, '/') ? strchr(p, '/') + 1 : NULL)
		if (strncmp(p, "..", 2) == 0 && (p[2] == '/' || p[2] == '\0'))
			return false;
	return true;
}

static bool read_verdict(struct reading *r, const struct cell *cell, struct yg_label *label)
{
	for (unsigned i = 0; i < YG_VERDICT_COUNT; i++)
		if (strcmp(cell->text, verdicts[i]) == 0) {
			label->verdict = (uint8_t)i;
			return true;
		}
	fault(r, "the verdict is none of attack, optional, lower-bound, benign", cell->text, cell->length);
	return false;
}

// Whether the line is one; its faults have been told.
static bool read_label(struct reading *r, struct cell cells[CELLS_MAX], struct yg_label *label, struct taking *t)
{
	const struct cell *path = &cells[r->at[PATH]], *home = &cells[r->at[HOME]];
	*label = (struct yg_label){.path = path->text, .home = home->text, .line = r->line};
	*t = (struct taking){.reading = r, .label = label, .most = YG_LABEL_PREFIXES};
	if (!path_is_inside(path)) {
		fault(r, "the path does not lead into the folder of the captures", path->text, path->length);
		return false;
	}
	if (!read_verdict(r, &cells[r->at[VERDICT]], label) || !each(home, ',', take_prefix, t))
		return false;
	t->count = 0;
	if (!each(&cells[r->at[SOURCE]], ',', take_prefix, t))
		return false;
	label->sources_count = (uint16_t)t->count;
	t->most = t->count + YG_LABEL_PREFIXES;
	if (!each(&cells[r->at[TARGET]], ',', take_prefix, t) || !each(&cells[r->at[KINDS]], '|', take_kind, t))
		return false;
	if (label->kinds_count == 0 && label->verdict <= YG_VERDICT_OPTIONAL) {
		fault(r, "an attack without a kind", NULL, 0);
		return false;
	}
	label->parties_count = (uint16_t)t->count;
	return true;
}

static int add(struct reading *r, struct cell *cells)
{
	static struct taking taking;
	struct yg_labels *l = r->labels;
	struct yg_label label;
	if (!read_label(r, cells, &label, &taking))
		return 0;
	if (l->count == YG_LABELS_MAX) {
		fault(r, "more than 65536 files", NULL, 0);
		return 0;
	}
	if (l->count == r->room) {
		size_t room = r->room ? 2 * r->room : 64;
		struct yg_label *more = reallocarray(l->at, room, sizeof *more);
		if (!more)
			return -ENOMEM;
		l->at = more;
		r->room = room;
	}
	if (label.parties_count) {
		size_t size = label.parties_count * sizeof *label.parties;
		label.parties = malloc(size);
		if (!label.parties)
			return -ENOMEM;
		memcpy(label.parties, taking.prefixes, size);
	}
	l->at[l->count++] = label;
	return 0;
}

// ---- lines ----

static void read_head(struct reading *r, const struct cell *cells, unsigned count)
{
	r->head = true;
	for (unsigned c = 0; c < COLUMNS; c++) {
		unsigned i = 0;
		while (i < count && strcmp(cells[i].text, column_names[c]) != 0)
			i++;
		r->at[c] = i;
		if (i == count)
			fault(r, "the first line lacks the column", column_names[c], strlen(column_names[c]));
	}
}

static int read_line(struct reading *r, char *line, size_t length)
{
	struct cell cells[CELLS_MAX];
	unsigned count = 0;
	if (length && line[length - 1] == '\r')
		line[--length] = '\0';
	if (length == 0 || line[0] == '#')
		return 0;
	if (memchr(line, 0, length)) {
		fault(r, "a NUL byte", NULL, 0);
		return 0;
	}
	for (char *p = line, *stop; p && count < CELLS_MAX; p = stop ? stop + 1 : NULL) {
		stop = strchr(p, '\t');
		if (stop)
			*stop = '\0';
		cells[count++] = (struct cell){p, strlen(p)};
	}
	if (!r->head) {
		read_head(r, cells, count);
		return r->labels->faults ? -EINVAL : 0; // nothing behind it can be understood
	}
	for (unsigned c = 0; c < COLUMNS; c++)
		if (r->at[c] >= count) {
			fault(r, "fewer columns than the first line names", NULL, 0);
			return 0;
		}
	return add(r, cells);
}

int yg_labels_read(struct yg_labels *ret, const char *name, char *text, size_t length, FILE *complain)
{
	*ret = (struct yg_labels){.text = text};
	struct reading r = {.labels = ret, .name = name, .complain = complain};
	int error = 0;
	text[length] = '\0';
	for (char *p = text, *end = text + length; p < end && !error;) {
		char *stop = memchr(p, '\n', (size_t)(end - p));
		stop = stop ? stop : end;
		*stop = '\0';
		r.line++;
		error = read_line(&r, p, (size_t)(stop - p));
		p = stop + 1;
	}
	if (!error && !r.head) {
		r.line = 1;
		fault(&r, "no first line that names the columns", NULL, 0);
	}
	if (ret->faults > YG_LABEL_FAULTS)
		fprintf(complain, "%s: %u faults more\n", name, ret->faults - YG_LABEL_FAULTS);
	return error ? error : ret->faults ? -EINVAL : 0;
}

static int read_all(int fd, char *text, size_t *ret_length)
{
	size_t length = 0;
	for (;;) {
		ssize_t n = read(fd, text + length, YG_LABELS_BYTES + 1 - length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		length += (size_t)n;
		if (length > YG_LABELS_BYTES)
			return -EFBIG;
	}
	*ret_length = length;
	return 0;
}

int yg_labels_load(struct yg_labels *ret, const char *path, FILE *complain)
{
	bool standard = strcmp(path, "-") == 0;
	size_t length = 0;
	*ret = (struct yg_labels){0};
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	char *text = malloc(YG_LABELS_BYTES + 2);
	int error = text ? read_all(fd, text, &length) : -ENOMEM;
	if (!standard)
		close(fd);
	if (error) {
		free(text);
		return error;
	}
	return yg_labels_read(ret, standard ? "stdin" : path, text, length, complain);
}

void yg_labels_finish(struct yg_labels *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->at[i].parties);
	free(l->at);
	free(l->text);
	*l = (struct yg_labels){0};
}
