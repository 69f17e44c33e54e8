// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// yagura-web: options, the parts in their order, the loop, their end in the other order. Everything that opens a file or a socket is opened
// before the list of system calls is put on; what Redis holds comes by itself while the loop runs.
#include <errno.h>
#include <microhttpd.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "audit.h"
#include "auth.h"
#include "answers_export.h"
#include "base/confine.h"
#include "base/log.h"
#include "bodies.h"
#include "cli/notify.h"
#include "http.h"
#include "index.h"
#include "listen.h"
#include "loop.h"
#include "measure.h"
#include "options.h"
#include "redis.h"
#include "reopen.h"
#include "scrape.h"
#include "server.h"
#include "state.h"
#include "stream.h"
#include "suppress.h"

struct process {
	struct web_server server;
	struct web_options options;
	struct yg_notify notify;
	struct web_scrape *scrape; // NULL: no metrics
	int signals;
	bool told, inherited; // inherited: the socket is the service manager's, and --listen says nothing
};

// ---- commands that need no server ----

static int verify_audit(const char *path)
{
	struct web_audit_report report;
	int error = web_audit_verify(path, &report);
	if (error) {
		yg_error("%s: %s", path, strerror(-error));
		return EX_NOINPUT;
	}
	if (report.first_bad)
		printf("%s: record %llu %s\n", path, (unsigned long long)report.first_bad, report.why);
	else if (report.begins > 1)
		printf("%s: %llu records, whole; it begins with record %llu: older files are not here\n", path,
		       (unsigned long long)report.records, (unsigned long long)report.begins);
	else
		printf("%s: %llu records, whole\n", path, (unsigned long long)report.records);
	return report.first_bad ? EXIT_FAILURE : EXIT_SUCCESS;
}

// A line of standard input, without its end. NULL: there is none.
static char *read_password(void)
{
	static char line[1024];
	if (!fgets(line, sizeof line, stdin))
		return NULL;
	line[strcspn(line, "\r\n")] = '\0';
	return line;
}

static int add_user(const struct web_options *o)
{
	char made[32] = "", *given = o->password_stdin ? read_password() : NULL;
	if (o->password_stdin && !given) {
		yg_error("user add: there is no password on standard input");
		return EX_NOINPUT;
	}
	int error = web_user_add(o->redis, o->argument, o->role, o->bodies, given, made);
	if (given)
		explicit_bzero(given, strlen(given));
	if (error)
		return error == -EINVAL ? EX_DATAERR : EX_UNAVAILABLE;
	if (made[0])
		printf("%s\n", made);
	return EXIT_SUCCESS;
}

static int print_version(void)
{
	printf("yagura-web %s\nlibmicrohttpd %s, libsodium %s, jansson %s, hiredis %d.%d.%d\n", YG_VERSION, MHD_get_version(),
	       sodium_version_string(), JANSSON_VERSION, HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH);
	return EXIT_SUCCESS;
}

// ---- the parts ----

static void first_run(void *context, const char *token)
{
	const struct process *p = context;
	const struct web_options *o = &p->options;
	bool local = p->inherited || strncmp(o->listen, "unix:", 5) == 0;
	const char *name = o->names && *o->names ? o->names : local ? "<address>" : o->listen, *port = strrchr(o->listen, ':');
	if (name != o->names || local || o->behind_proxy || !port) // a proxy has the port of https
		port = "";
	printf("There is no user yet. Make the first administrator: http%s://%.*s%s/first-run#%s\n", o->certificate || o->behind_proxy ? "s" : "",
	       (int)strcspn(name, ","), name, port, token);
	fflush(stdout);
}

// 0, or what the process ends with: what a person has to mend is told apart from what may come right by itself.
static int make_parts(struct process *p)
{
	struct web_server *s = &p->server;
	const struct web_options *o = &p->options;
	struct web_http_options http = {.listen = o->listen,
	                                .socket = web_listen_inherited(),
	                                .names = o->names,
	                                .certificate = o->certificate,
	                                .key = o->key,
	                                .insecure = o->insecure,
	                                .behind_proxy = o->behind_proxy};
	p->inherited = http.socket >= 0;
	s->redis = web_redis_create(s->loop, o->redis);
	s->audit = s->redis ? web_audit_open(o->state, (int64_t)o->audit_mib << 20) : NULL;
	if (s->redis && !s->audit)
		yg_error("%s: the audit log: %s", o->state,
		         errno == EBADMSG ? "its chain is broken: see yagura-web audit verify" : strerror(errno));
	if (!s->audit)
		return s->redis ? EX_CANTCREAT : EX_CONFIG;
	web_audit_forward(s->audit, STDOUT_FILENO);
#define MAKE(part, create) ((s->part = (create)(s)) != NULL)
	if (!MAKE(auth, web_auth_create) || !MAKE(state, web_state_create) || !MAKE(suppress, web_suppress_create) ||
	    !MAKE(index, web_index_create) || !MAKE(reopen, web_reopen_create) || !MAKE(measure, web_measure_create) ||
	    !MAKE(streams, web_streams_create)) {
		yg_error("a part does not start: %s", strerror(errno));
		return EX_SOFTWARE;
	}
#undef MAKE
	web_index_follow(s->index);
	web_exports_watch(s->auth);
	web_auth_on_first_run(s->auth, first_run, p);
	s->http = web_http_create(&http, s->loop, s);
	if (s->http && o->metrics && !(p->scrape = web_scrape_create(o->metrics, s)))
		return errno == EADDRINUSE ? EX_UNAVAILABLE : EX_CONFIG;
	return s->http ? 0 : errno == EADDRINUSE ? EX_UNAVAILABLE : EX_CONFIG;
}

static void end_parts(struct process *p)
{
	struct web_server *s = &p->server;
	web_scrape_destroy(p->scrape);
	web_http_destroy(s->http);
	web_redis_end(s->redis); // what is unanswered is answered now, while those who asked are there
#define END(part, destroy)                                                                                                                 \
	if (s->part)                                                                                                                       \
	(destroy)(s->part)
	END(streams, web_streams_destroy);
	END(measure, web_measure_destroy);
	END(reopen, web_reopen_destroy);
	END(index, web_index_destroy);
	END(suppress, web_suppress_destroy);
	END(state, web_state_destroy);
	END(auth, web_auth_destroy);
	END(bodies, web_bodies_free);
#undef END
	web_redis_destroy(s->redis);
	web_audit_close(s->audit);
	web_loop_destroy(s->loop);
}

// ---- signals and the service manager ----

static void take_signal(void *context, uint32_t events)
{
	struct process *p = context;
	struct signalfd_siginfo info;
	(void)events;
	if (read(p->signals, &info, sizeof info) != sizeof info)
		return;
	if (info.ssi_signo != SIGHUP) {
		yg_notify_stopping(&p->notify, NULL);
		web_loop_stop(p->server.loop);
		return;
	}
	yg_notify_reloading(&p->notify);
	if (web_bodies_reload(p->server.bodies) == 0)
		yg_info("the organisations have been read again");
	yg_notify_ready(&p->notify, NULL);
}

static bool open_signals(struct process *p)
{
	sigset_t set;
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL); // before any thread is made: they all have it
	p->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return p->signals >= 0 && web_loop_watch(p->server.loop, p->signals, EPOLLIN, take_signal, p) == 0;
}

static void alive(void *context)
{
	struct process *p = context;
	yg_notify_alive(&p->notify);
}

// From here on: no new file but to read, and an empty one for the audit log to go on in; no program, no socket but to Redis.
static bool confine(const struct process *p)
{
	bool local = strncmp(p->options.redis, "unix:", 5) == 0;
	return !p->options.seccomp || yg_confine_process(YG_CONFINED_WEB | (local ? YG_CONFINED_UNIX : YG_CONFINED_INET)) == 0;
}

static int run(struct process *p)
{
	p->server.loop = web_loop_create();
	if (!p->server.loop || !open_signals(p)) {
		yg_error("%s", strerror(errno));
		return EX_OSERR;
	}
	yg_notify_open(&p->notify);
	int status = make_parts(p);
	if (!status && !confine(p))
		status = EX_OSERR;
	if (!status) {
		if (p->notify.watchdog_ms)
			web_loop_every(p->server.loop, p->notify.watchdog_ms, alive, p);
		yg_notify_ready(&p->notify, NULL);
		web_loop_run(p->server.loop, web_http_busy, p->server.http);
	}
	end_parts(p);
	yg_notify_close(&p->notify);
	return status;
}

int main(int argc, char **argv)
{
	struct process p = {.server = {.version = YG_VERSION, .timezone = "Asia/Tokyo"}};
	yg_log_init("yagura-web", YG_LOG_INFO);
	int status = web_options_read(argc, argv, &p.options);
	if (status)
		return status < 0 ? EXIT_SUCCESS : status;
	const struct web_options *o = &p.options;
	if (o->command == WEB_VERSION)
		return print_version();
	if (sodium_init() < 0)
		return EX_SOFTWARE;
	if (o->command == WEB_AUDIT_VERIFY)
		return verify_audit(o->argument);
	if (o->command == WEB_USER_ADD) {
		status = add_user(o);
		web_options_finish(&p.options);
		return status;
	}
	if (o->timezone)
		p.server.timezone = o->timezone;
	p.server.sensors = o->sensors && *o->sensors ? o->sensors : NULL;
	p.server.soc_name = o->soc_name;
	p.server.soc_contact = o->soc_contact;
	prctl(PR_SET_DUMPABLE, 0);
	umask(0077);
	p.server.bodies = web_bodies_load(o->config);
	if (!p.server.bodies)
		return EX_CONFIG;
	if (!o->timezone)
		p.server.timezone = web_bodies_timezone(p.server.bodies);
	setenv("TZ", p.server.timezone, 1); // what localtime says everywhere, read before the files are out of reach
	tzset();
	if (o->command == WEB_CHECK)
		return EXIT_SUCCESS;
	status = run(&p);
	web_options_finish(&p.options);
	return status;
}
