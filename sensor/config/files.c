// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Files that the configuration names, by path or by a pattern beside it. A pattern may stand in the last part of a path
// alone, and its files are taken in byte order, so that the same folder always compiles to the same block whatever the
// locale. See compiler.h.
#include "config/compiler.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 4096 };

// What one list asks for.
struct request {
	struct yg_compiler *c;
	const char *key;
	size_t most;
	void (*read)(struct yg_compiler *c, const struct yg_node *root);
};

static void read_file(const struct request *r, const char *path)
{
	struct yg_compiler *c = r->c;
	const struct yg_node *root = yg_yaml_read(&c->arena, &c->report, path, c->input->trusted_only);
	if (root)
		r->read(c, root);
	else
		c->incomplete = true;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

// The names in `folder` that match; as many as fit into `names`. Their number may be above `size`.
static int match_names(struct yg_compiler *c, const char *folder, const char *pattern, char **names, size_t size)
{
	DIR *dir = opendir(folder);
	if (!dir)
		return -errno;
	size_t count = 0;
	for (struct dirent *entry; (entry = readdir(dir));) {
		if (fnmatch(pattern, entry->d_name, FNM_PERIOD) != 0)
			continue;
		if (count < size)
			names[count] = yg_arena_text(&c->arena, entry->d_name, strlen(entry->d_name));
		count++;
	}
	closedir(dir);
	return (int)count;
}

static void read_pattern(const struct request *r, const struct yg_node *node, const char *path)
{
	struct yg_compiler *c = r->c;
	char **names = yg_arena_take(&c->arena, r->most * sizeof *names);
	char folder[PATH_BYTES];
	const char *slash = strrchr(path, '/');
	snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 2, slash ? path : "./");
	if (strpbrk(folder, "*?[")) {
		yg_complain(&c->report, node->at, r->key,
		            "a pattern in a folder's name; use * and ? in the last part only");
		return;
	}
	int count = match_names(c, folder, slash ? slash + 1 : path, names, r->most);
	if (count < 0) {
		yg_complain(&c->report, node->at, r->key, "folder %s cannot be read (%s); check the path", folder,
		            strerror(-count));
		c->incomplete = true;
		return;
	}
	if (count == 0)
		yg_complain(&c->report, node->at, r->key,
		            "no file matches '%s'; check the path, it starts at the configuration file", path);
	if ((size_t)count > r->most) {
		yg_complain(&c->report, node->at, r->key, "'%s' matches %d files; at most %zu are taken", path, count, r->most);
		return;
	}
	qsort(names, (size_t)count, sizeof *names, by_bytes);
	for (int i = 0; i < count; i++) {
		char file[PATH_BYTES];
		if ((size_t)snprintf(file, sizeof file, "%s%s", folder, names[i]) < sizeof file)
			read_file(r, file);
	}
}

// Paths start at the folder of the configuration file.
static bool resolve(struct yg_compiler *c, const char *text, char *ret_path, size_t size)
{
	const char *base = c->input->path ? c->input->path : "";
	const char *slash = strrchr(base, '/');
	int folder = text[0] == '/' || !slash ? 0 : (int)(slash - base) + 1;
	int n = snprintf(ret_path, size, "%.*s%s", folder, base, text);
	return n > 0 && (size_t)n < size;
}

void yg_files_read(struct yg_compiler *c, const struct yg_node *list, const char *key, size_t most,
		   void (*read)(struct yg_compiler *c, const struct yg_node *root))
{
	const struct request r = {c, key, most, read};
	size_t files = 0;
	for (const struct yg_node *item = list ? yg_node_items(c, list, key) : NULL; item; item = item->next) {
		char path[PATH_BYTES];
		const char *text = yg_node_text(c, item, key);
		if (!text)
			continue;
		if (!*text || !resolve(c, text, path, sizeof path)) {
			yg_complain(&c->report, item->at, key, "is no path; name a file");
			continue;
		}
		if (++files > most) {
			yg_complain(&c->report, item->at, key, "more than %zu entries; use a pattern", most);
			return;
		}
		if (strpbrk(text, "*?["))
			read_pattern(&r, item, path);
		else
			read_file(&r, path);
	}
}
