// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See eval.h: replays as child processes, one EVE file each. A replay is the whole sensor (four processes), so the bounds that guard it
// against hostile captures guard this too; what it writes is read with bounds all the same, for names in it come from the captures.
#include "cli/eval.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/json_read.h"
#include "cli/progress.h"

struct run {
	struct yg_eval *eval;
	char folder[200];
	char self[4000];
	pid_t pids[YG_EVAL_JOBS_MAX];
	size_t file_of[YG_EVAL_JOBS_MAX]; // which of eval->files
	unsigned running;
	char *line;                       // YG_JSON_LINE_MAX + 1
	struct yg_eval_alert *alerts;     // YG_EVAL_ALERTS, of the file at hand
	bool terminal;
};

static void name_file(const struct run *r, size_t i, const char *end, char path[300])
{
	snprintf(path, 300, "%s/%zu.%s", r->folder, i, end);
}

// ---- a child ----

// What a configuration may say that would carry the alerts of a test to people, or leave something behind: the installed one names the
// snapshot of what the live sensor has learned, which a test must neither judge by nor overwrite.
static const char *const overrides[] = {"eve.flows=false", "eve.rotate_size=0", "eve.rotate_time=0s", "eve.socket=", "redis.url=",
					"syslog.url=", "quarantine.directory=", "state.folder=",
					"alerts.id_key_file=auto"};

static void redirect(const char *path, int flags, int to)
{
	int fd = open(path, flags, 0600);
	if (fd < 0 || dup2(fd, to) < 0)
		_exit(EX_OSERR);
	close(fd);
}

static _Noreturn void become_replay(const struct run *r, size_t i)
{
	const struct yg_eval *e = r->eval;
	const struct yg_label *label = e->files[i].label;
	const char *words[32 + 2 * (YG_EVAL_SETTINGS + sizeof overrides / sizeof *overrides)];
	char eve[300], errors[300], capture[8192];
	size_t n = 0;
	name_file(r, i, "json", eve);
	name_file(r, i, "err", errors);
	snprintf(capture, sizeof capture, "%s/%s", e->folder, label->path);
	words[n++] = "yagura";
	words[n++] = "replay";
	words[n++] = "--progress";
	words[n++] = "none";
	words[n++] = "--eve";
	words[n++] = eve;
	if (e->config) {
		words[n++] = "-c";
		words[n++] = e->config;
	}
	if (label->home[0]) {
		words[n++] = "--home";
		words[n++] = label->home;
	}
	for (unsigned k = 0; k < e->settings_count; k++) {
		words[n++] = "--set";
		words[n++] = e->settings[k];
	}
	for (size_t k = 0; k < sizeof overrides / sizeof *overrides; k++) { // behind the others: the last one holds
		words[n++] = "--set";
		words[n++] = overrides[k];
	}
	words[n++] = "--";
	words[n++] = capture;
	words[n] = NULL;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	redirect("/dev/null", O_RDONLY, STDIN_FILENO);
	redirect("/dev/null", O_WRONLY, STDOUT_FILENO);
	redirect(errors, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, STDERR_FILENO);
	execv(r->self, (char *const *)(uintptr_t)words);
	_exit(EX_OSERR);
}

static int start(struct run *r, size_t i)
{
	fflush(NULL);
	pid_t pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		become_replay(r, i);
	r->pids[r->running] = pid;
	r->file_of[r->running++] = i;
	return 0;
}

// ---- what it leaves ----

static void read_alerts(struct run *r, struct yg_eval_file *file, const char *path)
{
	struct yg_eval_alerts *a = &file->alerts;
	FILE *in = fopen(path, "re");
	if (!in)
		return; // nothing was to be written
	a->at = r->alerts;
	while (fgets(r->line, YG_JSON_LINE_MAX + 1, in)) {
		size_t length = strlen(r->line);
		if (length && r->line[length - 1] == '\n') {
			yg_eval_take(a, file->label, r->line, length - 1);
			continue;
		}
		a->unreadable++;
		for (int c = getc(in); c != '\n' && c != EOF;)
			c = getc(in);
	}
	fclose(in);
	a->at = a->count ? malloc(a->count * sizeof *a->at) : NULL;
	if (a->count && !a->at) {
		a->left_out += a->count;
		a->count = 0;
	} else if (a->count) {
		memcpy(a->at, r->alerts, a->count * sizeof *a->at);
	}
}

static void read_error(struct yg_eval_file *file, const char *path)
{
	char line[YG_EVAL_ERROR];
	FILE *in = fopen(path, "re");
	while (in && fgets(line, sizeof line, in)) {
		size_t length = strcspn(line, "\n");
		if (length)
			yg_plain_text(file->error, sizeof file->error, line, length);
	}
	if (in)
		fclose(in);
}

static void take_over(struct run *r, size_t i, int status)
{
	struct yg_eval_file *file = &r->eval->files[i];
	char eve[300], errors[300];
	name_file(r, i, "json", eve);
	name_file(r, i, "err", errors);
	file->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	file->damaged = file->code == EX_DATAERR;
	if (file->code == EX_OK || file->damaged) {
		file->status = YG_EVAL_DONE;
		read_alerts(r, file, eve);
	} else {
		file->status = file->code == EX_NOINPUT ? YG_EVAL_MISSING : YG_EVAL_FAILED;
	}
	if (file->status != YG_EVAL_DONE || file->damaged)
		read_error(file, errors);
	unlink(eve);
	unlink(errors);
	file->found = yg_eval_found(&file->alerts, &r->eval->filter);
	for (unsigned k = 0; k < file->alerts.count; k++)
		file->unasked += yg_eval_unasked(&file->alerts.at[k], file->label, &r->eval->filter);
}

// Waits for one of the children. 0, or -EINTR.
static int reap(struct run *r)
{
	int status;
	pid_t pid = waitpid(-1, &status, 0);
	if (pid < 0)
		return -errno;
	for (unsigned k = 0; k < r->running; k++) {
		if (r->pids[k] != pid)
			continue;
		size_t i = r->file_of[k];
		r->running--;
		r->pids[k] = r->pids[r->running];
		r->file_of[k] = r->file_of[r->running];
		take_over(r, i, status);
		break;
	}
	return 0;
}

// ---- all of them ----

static bool wanted(const struct yg_eval *e, const struct yg_label *label)
{
	bool any = label->verdict > YG_VERDICT_OPTIONAL; // in these nothing may be raised, whatever its kind
	for (unsigned i = 0; i < label->kinds_count; i++)
		any |= yg_eval_passes(&e->filter, label->kinds[i]);
	return any;
}

static int run_all(struct run *r)
{
	struct yg_eval *e = r->eval;
	size_t next = 0, done = 0;
	int error = 0;
	while (!error && !*e->interrupted && (next < e->labels.count || r->running)) {
		if (next < e->labels.count && r->running < e->jobs) {
			e->files[next].label = &e->labels.at[next];
			if (wanted(e, &e->labels.at[next]))
				error = start(r, next);
			else
				done++;
			next++;
			continue;
		}
		error = reap(r);
		done += !error;
		if (r->terminal)
			fprintf(stderr, "\r%zu/%zu ", done, e->labels.count);
	}
	if (r->terminal)
		fputs("\r             \r", stderr);
	for (unsigned k = 0; k < r->running; k++)
		kill(r->pids[k], SIGTERM);
	while (r->running && (reap(r) == 0 || errno == EINTR))
		;
	return *e->interrupted ? -EINTR : error;
}

static int make_folder(struct run *r)
{
	const char *parent = getenv("TMPDIR");
	int n = snprintf(r->folder, sizeof r->folder, "%s/yagura-eval-XXXXXX", parent && parent[0] ? parent : "/tmp");
	if (n < 0 || (size_t)n >= sizeof r->folder)
		return -ENAMETOOLONG;
	return mkdtemp(r->folder) ? 0 : -errno;
}

int yg_eval_run(struct yg_eval *e)
{
	static struct run run;
	run = (struct run){.eval = e, .terminal = isatty(STDERR_FILENO)};
	ssize_t n = readlink("/proc/self/exe", run.self, sizeof run.self - 1);
	if (n < 0)
		return -errno;
	run.line = malloc(YG_JSON_LINE_MAX + 1);
	run.alerts = calloc(YG_EVAL_ALERTS, sizeof *run.alerts);
	e->files = calloc(e->labels.count ? e->labels.count : 1, sizeof *e->files);
	int error = run.line && run.alerts && e->files ? make_folder(&run) : -ENOMEM;
	if (!error) {
		double started = yg_progress_clock();
		error = run_all(&run);
		e->seconds = yg_progress_clock() - started;
		rmdir(run.folder);
	}
	free(run.line);
	free(run.alerts);
	return error;
}
