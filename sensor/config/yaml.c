// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// libyaml's event interface, and nothing else of it: its document interface resolves aliases (a few lines can become
// gigabytes) and recurses without a bound. Every event is deleted once, in one place. The file is read whole before the
// parser sees it, so its size is known and a file that changes meanwhile cannot be read in two versions.
// Runs in the compiling child alone.
#include "config/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <yaml.h>

struct builder {
	struct yg_arena *arena;
	struct yg_report *report;
	const char *file;
	struct yg_node *stack[YG_YAML_DEPTH]; // open lists and mappings
	struct yg_node *last[YG_YAML_DEPTH];  // the youngest child of each
	struct yg_node *root;
	const char *key; // read, its value still to come
	struct yg_place key_at;
	unsigned depth, events, documents;
};

static struct yg_place place_of(const struct builder *b, const yaml_mark_t *mark)
{
	return (struct yg_place){b->file, (unsigned)mark->line + 1, (unsigned)mark->column + 1};
}

static int refuse(struct builder *b, const yaml_mark_t *mark, const char *text)
{
	yg_complain(b->report, place_of(b, mark), b->key, "%s", text);
	return -EINVAL;
}

static bool in_mapping(const struct builder *b)
{
	return b->depth && b->stack[b->depth - 1]->kind == YG_NODE_MAPPING;
}

static int attach(struct builder *b, struct yg_node *node)
{
	node->key = b->key;
	node->key_at = b->key_at;
	b->key = NULL;
	if (b->depth == 0) {
		b->root = node;
		return 0;
	}
	struct yg_node *parent = b->stack[b->depth - 1];
	if (b->last[b->depth - 1])
		b->last[b->depth - 1]->next = node;
	else
		parent->first = node;
	b->last[b->depth - 1] = node;
	return 0;
}

static int take_key(struct builder *b, const char *text, const yaml_mark_t *mark)
{
	const struct yg_node *twin = yg_node_child(b->stack[b->depth - 1], text);
	b->key = text;
	b->key_at = place_of(b, mark);
	if (!twin)
		return 0;
	// Not fatal for the reading: the other errors of the file shall be seen in the same run.
	yg_complain(b->report, b->key_at, text, "stands twice, first in line %u; keep one of them", twin->key_at.line);
	return 0;
}

static int on_scalar(struct builder *b, const yaml_event_t *event)
{
	const char *value = (const char *)event->data.scalar.value;
	size_t length = event->data.scalar.length;
	if (event->data.scalar.anchor || event->data.scalar.tag)
		return refuse(b, &event->start_mark, "anchors and tags are not taken; write the value itself");
	if (!yg_text_clean(value, length))
		return refuse(b, &event->start_mark,
		              "holds a control character or a line break; write one line of printable text");
	const char *text = yg_arena_text(b->arena, value, length);
	if (in_mapping(b) && !b->key)
		return take_key(b, text, &event->start_mark);
	struct yg_node *node = yg_arena_take(b->arena, sizeof *node);
	node->kind = YG_NODE_SCALAR;
	node->at = place_of(b, &event->start_mark);
	node->text = text;
	node->none = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	             (length == 0 || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
	return attach(b, node);
}

static int on_open(struct builder *b, const yaml_event_t *event, enum yg_node_kind kind, bool marked)
{
	if (marked)
		return refuse(b, &event->start_mark, "anchors and tags are not taken; write the value itself");
	if (in_mapping(b) && !b->key)
		return refuse(b, &event->start_mark, "a key must be plain text; write `key: value`");
	if (b->depth == YG_YAML_DEPTH)
		return refuse(b, &event->start_mark, "is nested more than 16 deep; flatten it");
	struct yg_node *node = yg_arena_take(b->arena, sizeof *node);
	node->kind = kind;
	node->at = place_of(b, &event->start_mark);
	attach(b, node);
	b->stack[b->depth] = node;
	b->last[b->depth] = NULL;
	b->depth++;
	return 0;
}

static int on_document(struct builder *b, const yaml_event_t *event)
{
	if (b->documents++)
		return refuse(b, &event->start_mark, "a second document begins here; keep one document in a file");
	if (event->data.document_start.tag_directives.start != event->data.document_start.tag_directives.end)
		return refuse(b, &event->start_mark, "%TAG is not taken; remove the line");
	return 0;
}

static int on_event(struct builder *b, const yaml_event_t *event)
{
	if (++b->events > YG_YAML_EVENTS)
		return refuse(b, &event->start_mark,
		              "the file has more than 10,000 YAML events; split it into several organisation files");
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		return on_document(b, event);
	case YAML_ALIAS_EVENT:
		return refuse(b, &event->start_mark, "aliases are not taken; write the value itself");
	case YAML_SCALAR_EVENT:
		return on_scalar(b, event);
	case YAML_SEQUENCE_START_EVENT:
		return on_open(b, event, YG_NODE_LIST,
		               event->data.sequence_start.anchor || event->data.sequence_start.tag);
	case YAML_MAPPING_START_EVENT:
		return on_open(b, event, YG_NODE_MAPPING,
		               event->data.mapping_start.anchor || event->data.mapping_start.tag);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		b->depth--;
		return 0;
	default:
		return 0;
	}
}

// libyaml tells a byte offset alone for broken UTF-8.
static struct yg_place place_of_offset(const struct builder *b, const char *text, size_t length, size_t offset)
{
	struct yg_place at = {b->file, 1, 1};
	for (size_t i = 0; i < offset && i < length; i++) {
		at.column = text[i] == '\n' ? 1 : at.column + 1;
		at.line += text[i] == '\n';
	}
	return at;
}

static void report_syntax(struct builder *b, const yaml_parser_t *parser, const char *text, size_t length)
{
	const char *problem = parser->problem ? parser->problem : "cannot be read";
	if (parser->error == YAML_READER_ERROR)
		yg_complain(b->report, place_of_offset(b, text, length, parser->problem_offset), NULL,
		            "is no valid UTF-8 text (%s); save the file as UTF-8", problem);
	else if (parser->error == YAML_SCANNER_ERROR && parser->context && strcmp(parser->context, "while scanning an alias") == 0)
		yg_complain(b->report, place_of(b, &parser->problem_mark), NULL, // `*: page` and `*.yaml`
		            "is no YAML (%s); put quotes around what begins with a *", problem);
	else
		yg_complain(b->report, place_of(b, &parser->problem_mark), NULL,
		            "is no YAML (%s%s%s); look for wrong indentation, a missing colon or quote near here",
		            parser->context ? parser->context : "", parser->context ? ": " : "", problem);
}

// Feeds the text to the builder. 0, or -EINVAL once something was reported that ends the reading.
static int parse(struct builder *b, const char *text, size_t length)
{
	yaml_parser_t parser;
	if (!yaml_parser_initialize(&parser)) {
		yg_complain(b->report, (struct yg_place){b->file, 0, 0}, NULL, "no memory left; free some");
		return -ENOMEM;
	}
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
	int error = 0;
	bool ended = false;
	while (!error && !ended) {
		yaml_event_t event;
		if (!yaml_parser_parse(&parser, &event)) {
			report_syntax(b, &parser, text, length);
			error = -EINVAL;
			break;
		}
		ended = event.type == YAML_STREAM_END_EVENT;
		error = on_event(b, &event);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return error;
}

// Others could change what this sensor watches by writing the file.
static int check_owner(struct yg_report *report, const char *path, const struct stat *st, bool trusted_only)
{
	struct yg_place at = {path, 0, 0};
	bool foreign = st->st_uid != 0 && st->st_uid != geteuid();
	bool open = (st->st_mode & (S_IWGRP | S_IWOTH)) != 0;
	if (!foreign && !open)
		return 0;
	if (!trusted_only) {
		// A checkout with a wide umask would say so once a file.
		if (report->warnings == 0)
			yg_caution(report, at, "others may write this file; chmod go-w it before `yagura run`");
		return 0;
	}
	if (foreign)
		yg_complain(report, at, NULL, "belongs to user %u; chown it to root", (unsigned)st->st_uid);
	else
		yg_complain(report, at, NULL, "others may write it (mode %04o); chmod go-w it",
		            (unsigned)(st->st_mode & 07777));
	return -EPERM;
}

// The bytes that were read, or a negative errno.
static ssize_t read_up_to(int fd, char *buffer, size_t size)
{
	size_t length = 0;
	while (length < size) {
		ssize_t n = read(fd, buffer + length, size - length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		length += (size_t)n;
	}
	return (ssize_t)length;
}

// Neither a pipe that would never end nor a device that acts on being opened. Asked before and after: the second time
// of the file that is really read.
static int open_file(struct yg_report *report, const char *path, bool trusted_only, size_t *ret_size)
{
	struct yg_place at = {path, 0, 0};
	struct stat st;
	int fd = -1;
	bool found = stat(path, &st) == 0;
	if (found && S_ISREG(st.st_mode))
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (!found || (S_ISREG(st.st_mode) && (fd < 0 || fstat(fd, &st) < 0))) {
		yg_complain(report, at, NULL, "cannot be opened (%s); check the path and its permissions",
		            strerror(errno));
		goto refused;
	}
	if (!S_ISREG(st.st_mode)) {
		yg_complain(report, at, NULL, "is not a regular file; name a YAML file");
		goto refused;
	}
	if (check_owner(report, path, &st, trusted_only) < 0)
		goto refused;
	if (st.st_size > YG_YAML_BYTES) {
		yg_complain(report, at, NULL, "is larger than 256 KiB; split it into several organisation files");
		goto refused;
	}
	*ret_size = (size_t)st.st_size;
	return fd;
refused:
	if (fd >= 0)
		close(fd);
	return -EINVAL;
}

struct yg_node *yg_yaml_read(struct yg_arena *arena, struct yg_report *report, const char *path, bool trusted_only)
{
	// Complaints are printed at the end of the run: the name must last as long.
	struct yg_place at = {yg_arena_text(arena, path, strlen(path)), 0, 0};
	size_t size;
	int fd = open_file(report, at.file, trusted_only, &size);
	if (fd < 0)
		return NULL;
	char *text = yg_arena_take(arena, size + 1);
	ssize_t length = read_up_to(fd, text, size + 1);
	close(fd);
	if (length < 0) {
		yg_complain(report, at, NULL, "cannot be read (%s); check the disk", strerror((int)-length));
		return NULL;
	}
	if ((size_t)length != size) {
		yg_complain(report, at, NULL, "changed while it was read; try again");
		return NULL;
	}
	struct builder b = {.arena = arena, .report = report, .file = at.file};
	if (parse(&b, text, (size_t)length) < 0)
		return NULL;
	if (!b.root || (b.root->kind == YG_NODE_SCALAR && b.root->none)) {
		b.root = yg_arena_take(arena, sizeof *b.root);
		b.root->kind = YG_NODE_MAPPING;
		b.root->at = (struct yg_place){at.file, 1, 1};
	}
	return b.root;
}

struct yg_node *yg_node_child(const struct yg_node *mapping, const char *key)
{
	for (struct yg_node *child = mapping->first; child; child = child->next)
		if (strcmp(child->key, key) == 0)
			return child;
	return NULL;
}
