// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Is Redis there, and may the sensor's user do there what the courier does? Nothing is written: XADD and the rest are queued inside a MULTI
// and the connection closed, which discards it; Redis checks rights, memory limit and role when it queues. An empty MULTI and
// EXEC tells about EXEC. What is refused stands in Redis' own ACL LOG.
//
// A plain socket and a dozen lines of RESP, because `yagura` links no hiredis, and a courier started for this question would
// need memory, rings and a configuration of its own. The peer may be anybody: answers are bounded in bytes, items and time.
#include "cli/doctor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "courier/redis_url.h"
#include "courier/resolve.h"

enum { ANSWER_MAX = 256 * 1024, ITEMS_MAX = 8192, LINE_MAX_BYTES = 256, TIMEOUT_MAX_MS = 60000 };

struct talk {
	int fd;
	int64_t deadline_ms;
	char buffer[4096];
	size_t at, length, total;
};

static int64_t now_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000) + ts.tv_nsec / 1000000;
}

static bool wait_for(struct talk *t, short events)
{
	for (;;) {
		int64_t left = t->deadline_ms - now_ms();
		struct pollfd p = {.fd = t->fd, .events = events};
		if (left <= 0)
			return false;
		int n = poll(&p, 1, (int)left);
		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
	}
}

static bool connect_to(struct talk *t, const struct sockaddr *address, socklen_t length)
{
	int error = 0;
	socklen_t size = sizeof error;
	t->fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (t->fd < 0)
		return false;
	if (connect(t->fd, address, length) == 0)
		return true;
	error = errno;
	if (error == EINPROGRESS) {
		error = ETIMEDOUT;
		if (wait_for(t, POLLOUT))
			getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	}
	if (error) {
		close(t->fd);
		t->fd = -1;
	}
	errno = error;
	return error == 0;
}

static bool connect_text(struct talk *t, const char *address, uint16_t port)
{
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	if (inet_pton(AF_INET, address, &four.sin_addr) == 1)
		return connect_to(t, (struct sockaddr *)&four, sizeof four);
	if (inet_pton(AF_INET6, address, &six.sin6_addr) == 1)
		return connect_to(t, (struct sockaddr *)&six, sizeof six);
	errno = EADDRNOTAVAIL;
	return false;
}

// DONE, or where it ended with the reason said.
static enum yg_probe_end reach(struct talk *t, const struct yg_redis_url *url, struct yg_probe *probe)
{
	struct yg_resolved resolved = {.count = 0};
	struct sockaddr_un local = {.sun_family = AF_UNIX};
	bool there = false;
	if (url->is_unix) {
		memcpy(local.sun_path, url->path, sizeof local.sun_path);
		there = connect_to(t, (struct sockaddr *)&local, sizeof local);
	} else {
		struct yg_resolve *question = yg_resolve_start(url->host);
		int answered = 0;
		while (question && !(answered = yg_resolve_poll(question, &resolved)) && now_ms() < t->deadline_ms)
			poll(NULL, 0, 5);
		if (!answered)
			yg_resolve_abandon(question);
		if (!resolved.count) {
			snprintf(probe->said, sizeof probe->said, "%s", resolved.error ? resolved.error : "no answer from the resolver");
			return YG_PROBE_RESOLVE;
		}
		for (int i = 0; i < resolved.count && !there; i++)
			there = connect_text(t, resolved.address[i], url->port);
	}
	if (there)
		return YG_PROBE_DONE;
	snprintf(probe->said, sizeof probe->said, "%s", strerror(errno));
	return YG_PROBE_CONNECT;
}

static bool send_all(struct talk *t, const char *bytes, size_t length)
{
	while (length) {
		ssize_t n = send(t->fd, bytes, length, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return false;
		if (n < 0 && !wait_for(t, POLLOUT))
			return false;
		if (n > 0) {
			bytes += n;
			length -= (size_t)n;
		}
	}
	return true;
}

static int next_byte(struct talk *t)
{
	while (t->at == t->length) {
		ssize_t n = t->total < ANSWER_MAX ? recv(t->fd, t->buffer, sizeof t->buffer, 0) : 0;
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) || (n < 0 && !wait_for(t, POLLIN)))
			return -1;
		if (n > 0) {
			t->at = 0;
			t->length = (size_t)n;
			t->total += (size_t)n;
		}
	}
	return (unsigned char)t->buffer[t->at++];
}

// A line without its end; longer than the room it is cut. Printable ASCII alone.
static bool next_line(struct talk *t, char line[LINE_MAX_BYTES])
{
	size_t n = 0;
	for (int c; (c = next_byte(t)) != '\n';) {
		if (c < 0)
			return false;
		if (c != '\r' && n < LINE_MAX_BYTES - 1)
			line[n++] = (char)(c >= 0x20 && c < 0x7f ? c : '?');
	}
	line[n] = '\0';
	return true;
}

static bool small_number(const char *text, long *ret_number)
{
	long number = 0;
	bool minus = *text == '-';
	size_t digits = strspn(text + minus, "0123456789");
	if (!digits || digits > 8 || text[minus + digits])
		return false;
	for (text += minus; *text; text++)
		number = number * 10 + (*text - '0');
	*ret_number = minus ? -number : number;
	return true;
}

// Reads one answer and keeps its first line; arrays and strings within it are passed over without recursion.
static bool read_answer(struct talk *t, char first[LINE_MAX_BYTES])
{
	char line[LINE_MAX_BYTES];
	long number;
	for (long pending = 1, items = 0; pending > 0; pending--) {
		if (++items > ITEMS_MAX || !next_line(t, items == 1 ? first : line))
			return false;
		const char *now = items == 1 ? first : line;
		if (now[0] == '+' || now[0] == '-' || now[0] == ':')
			continue;
		if ((now[0] != '*' && now[0] != '$') || !small_number(now + 1, &number))
			return false;
		if (now[0] == '*')
			pending += number > 0 ? number : 0;
		for (long left = now[0] == '$' && number >= 0 ? number + 2 : 0; left > 0; left--)
			if (next_byte(t) < 0)
				return false;
	}
	return true;
}

// Sends one command. False when the connection is of no further use.
static bool say(struct talk *t, size_t count, const char *const *words)
{
	char command[2048];
	size_t n = (size_t)snprintf(command, sizeof command, "*%zu\r\n", count);
	for (size_t i = 0; i < count && n < sizeof command; i++)
		n += (size_t)snprintf(command + n, sizeof command - n, "$%zu\r\n%s\r\n", strlen(words[i]), words[i]);
	bool done = n < sizeof command && send_all(t, command, n);
	explicit_bzero(command, sizeof command); // may hold the password
	return done;
}

// The same, and reads its answer.
static bool ask(struct talk *t, char answer[LINE_MAX_BYTES], size_t count, const char *const *words)
{
	return say(t, count, words) && read_answer(t, answer);
}

#define ASK(t, answer, ...) ask(t, answer, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), (const char *const[]){__VA_ARGS__})

// A refused EXEC is answered with -EXECABORT since 6.2, with NOPERM in its reason.
static bool refused(const char *answer)
{
	return strncmp(answer, "-NOPERM", 7) == 0 || (strncmp(answer, "-EXECABORT", 10) == 0 && strstr(answer, "NOPERM"));
}

static void note_missing(struct yg_probe *probe, const char *answer, const char *command)
{
	size_t n = strlen(probe->missing);
	if (refused(answer))
		snprintf(probe->missing + n, sizeof probe->missing - n, "%s%s", n ? " " : "", command);
}

static enum yg_probe_end cut_off(struct yg_probe *probe)
{
	snprintf(probe->said, sizeof probe->said, "no answer of Redis within the time");
	return YG_PROBE_CONNECT;
}

static enum yg_probe_end log_in(struct talk *t, const struct yg_redis_url *url, struct yg_probe *probe)
{
	char answer[LINE_MAX_BYTES] = "+", db[8];
	snprintf(probe->user, sizeof probe->user, "%s", url->user[0] ? url->user : "default");
	if (url->has_password &&
	    !(url->user[0] ? ASK(t, answer, "AUTH", url->user, url->password) : ASK(t, answer, "AUTH", url->password)))
		return cut_off(probe);
	if (answer[0] == '+' && url->db) {
		snprintf(db, sizeof db, "%u", url->db);
		if (!ASK(t, answer, "SELECT", db))
			return cut_off(probe);
		note_missing(probe, answer, "+select");
	}
	if (answer[0] == '+' || refused(answer))
		return YG_PROBE_DONE;
	snprintf(probe->said, sizeof probe->said, "%s", answer + (answer[0] == '-'));
	return strncmp(answer, "-LOADING", 8) == 0 ? YG_PROBE_WRITES : YG_PROBE_LOGIN;
}

// Has a Sentinel that answers say where the primary is. DONE with *url made that address, and the connection at its beginning again.
static enum yg_probe_end ask_sentinels(struct talk *t, struct yg_redis_url *url, struct yg_probe *probe)
{
	char answer[LINE_MAX_BYTES], host[LINE_MAX_BYTES], port[LINE_MAX_BYTES];
	const char *const question[] = {"SENTINEL", "GET-MASTER-ADDR-BY-NAME", url->primary};
	enum yg_probe_end end = YG_PROBE_CONNECT;
	long number = 0;
	for (unsigned i = 0; i < url->sentinels; i++) {
		url->port = url->sentinel[i].port;
		memcpy(url->host, url->sentinel[i].host, sizeof url->host);
		end = reach(t, url, probe);
		if (end != YG_PROBE_DONE)
			continue;
		bool said = say(t, 3, question) && next_line(t, answer);
		if (said && strncmp(answer, "-NOAUTH", 7) == 0 && url->has_password)
			said = (url->user[0] ? ASK(t, answer, "AUTH", url->user, url->password) : ASK(t, answer, "AUTH", url->password)) &&
			       answer[0] == '+' && say(t, 3, question) && next_line(t, answer);
		said = said && strcmp(answer, "*2") == 0 && next_line(t, answer) && next_line(t, host) && next_line(t, answer) && next_line(t, port) &&
		       small_number(port, &number) && number > 0 && number <= UINT16_MAX && strlen(host) < sizeof url->host;
		close(t->fd);
		t->fd = -1;
		t->at = t->length = 0;
		if (said) {
			url->port = (uint16_t)number;
			snprintf(url->host, sizeof url->host, "%s", host);
			return reach(t, url, probe);
		}
		end = YG_PROBE_CONNECT;
		snprintf(probe->said, sizeof probe->said, "no Sentinel knows the primary '%s'", url->primary);
	}
	return end;
}

// What the courier says besides XADD, queued behind it. False when no answer came.
static bool try_others(struct talk *t, const char *sensor, const char *key, struct yg_probe *probe)
{
	char answer[LINE_MAX_BYTES], health[128];
	snprintf(health, sizeof health, "yagura:%.63s:health", sensor);
	if (!ASK(t, answer, "XTRIM", key, "MINID", "~", "0-1"))
		return false;
	note_missing(probe, answer, "+xtrim");
	if (!ASK(t, answer, "HSET", health, "state", ""))
		return false;
	note_missing(probe, answer, "+hset");
	if (!ASK(t, answer, "EXPIRE", health, "15"))
		return false;
	note_missing(probe, answer, "+expire");
	if (!ASK(t, answer, "WAIT", "0", "1"))
		return false;
	note_missing(probe, answer, "+wait");
	return true;
}

static enum yg_probe_end try_rights(struct talk *t, const char *sensor, struct yg_probe *probe)
{
	char answer[LINE_MAX_BYTES], key[128];
	snprintf(key, sizeof key, "yagura:%.63s:alerts", sensor);
	if (!ASK(t, answer, "ACL", "WHOAMI"))
		return cut_off(probe);
	probe->more = !refused(answer);
	if (!ASK(t, answer, "XINFO", "STREAM", key))
		return cut_off(probe);
	note_missing(probe, answer, "+xinfo");
	if (!ASK(t, answer, "MULTI"))
		return cut_off(probe);
	note_missing(probe, answer, "+multi");
	if (strcmp(answer, "+OK") == 0) {
		if (!ASK(t, answer, "EXEC"))
			return cut_off(probe);
		note_missing(probe, answer, "+exec");
		// Behind a MULTI that was not taken, XADD would be done and not queued.
		if (!ASK(t, answer, "MULTI"))
			return cut_off(probe);
		if (strcmp(answer, "+OK") != 0)
			return probe->missing[0] ? YG_PROBE_RIGHTS : cut_off(probe);
		if (!ASK(t, answer, "XADD", key, "MAXLEN", "~", "1000000000", "*", "eve", ""))
			return cut_off(probe);
		note_missing(probe, answer, "+xadd");
		if (!try_others(t, sensor, key, probe))
			return cut_off(probe);
	}
	if (probe->missing[0])
		return YG_PROBE_RIGHTS;
	if (strcmp(answer, "+QUEUED") == 0)
		return YG_PROBE_DONE;
	snprintf(probe->said, sizeof probe->said, "%s", answer + (answer[0] == '-'));
	return YG_PROBE_WRITES;
}

void yg_doctor_probe_redis(const char *text, const char *sensor, unsigned timeout_ms, struct yg_probe *probe)
{
	static struct talk talk;
	struct yg_redis_url url;
	const char *reason = "";
	*probe = (struct yg_probe){.end = YG_PROBE_URL};
	if (yg_redis_url_parse(text, &url, &reason) < 0) {
		snprintf(probe->said, sizeof probe->said, "%s", reason);
		return;
	}
	talk = (struct talk){.fd = -1, .deadline_ms = now_ms() + (timeout_ms < TIMEOUT_MAX_MS ? timeout_ms : TIMEOUT_MAX_MS)};
	probe->end = url.is_sentinel ? ask_sentinels(&talk, &url, probe) : reach(&talk, &url, probe);
	if (probe->end == YG_PROBE_DONE && url.is_tls)
		probe->end = YG_PROBE_TLS;
	if (probe->end == YG_PROBE_DONE)
		probe->end = log_in(&talk, &url, probe);
	if (probe->end == YG_PROBE_DONE)
		probe->end = try_rights(&talk, sensor, probe);
	if (talk.fd >= 0)
		close(talk.fd);
	explicit_bzero(&url, sizeof url);
}

static void judge(struct yg_doctor *d, const struct yg_probe *p)
{
	char mend[640] = "";
	const char *sensor = d->needs.sensor;
	if (p->end <= YG_PROBE_CONNECT) {
		yg_doctor_find(d, YG_DOCTOR_BAD, "redis.reachable", "",
		               p->end == YG_PROBE_URL ? "yagura check" : "systemctl enable --now redis-server   # on the machine of redis.url", "%s",
		               "%s", p->said);
		return;
	}
	if (p->end == YG_PROBE_TLS) {
		yg_doctor_find(d, YG_DOCTOR_OK, "redis.reachable", "", "", "takes connections", "接続できます");
		yg_doctor_find(d, YG_DOCTOR_UNKNOWN, "redis.rights", "", "", "not asked: the doctor speaks no TLS; see the state in yagura stats",
		               "未確認（doctorはTLSに未対応です。yagura statsの状態を確認してください）");
		return;
	}
	yg_doctor_find(d, YG_DOCTOR_OK, "redis.reachable", "", "", "answers", "応答あり");
	if (p->end == YG_PROBE_LOGIN) {
		yg_doctor_find(d, YG_DOCTOR_BAD, "redis.rights", p->user, "redis-cli ACL LIST   # then correct redis.url", "%s", "%s", p->said);
	} else if (p->end == YG_PROBE_RIGHTS) {
		if (yg_doctor_plain(p->user) && yg_doctor_plain(sensor))
			snprintf(mend, sizeof mend, "redis-cli ACL SETUSER %s '~yagura:%s:*' %s", p->user, sensor, p->missing);
		yg_doctor_find(d, YG_DOCTOR_BAD, "redis.rights", p->user, mend, "lacks %s, or the key yagura:%s:alerts",
		               "権限不足: %s、またはキー yagura:%s:alerts", p->missing, sensor);
	} else if (p->end == YG_PROBE_WRITES) {
		yg_doctor_find(d, YG_DOCTOR_BAD, "redis.rights", p->user, "redis-cli INFO   # memory, persistence, replication", "takes no writes: %s",
		               "書き込みできません: %s", p->said);
	} else if (p->more) {
		yg_doctor_find(d, YG_DOCTOR_OK, "redis.rights", p->user, "", "may write alerts, and more than a sensor needs; see docs/redis.md",
		               "アラートを書き込めます。権限は必要以上です（docs/redis.md を参照）");
	} else {
		yg_doctor_find(d, YG_DOCTOR_OK, "redis.rights", p->user, "", "may write alerts", "アラートを書き込めます");
	}
}

void yg_doctor_redis(struct yg_doctor *d)
{
	struct yg_probe probe = {.end = YG_PROBE_DONE, .user = "sensor"};
	if (!d->needs.redis_url[0]) {
		yg_doctor_find(d, YG_DOCTOR_OK, "redis.reachable", "", "", "no Redis is configured", "Redisは設定されていません");
		return;
	}
	if (!d->tree.foreign) {
		yg_doctor_probe_redis(d->needs.redis_url, d->needs.sensor, d->needs.redis_timeout_ms, &probe);
	} else if (strstr(d->facts, "redis away\n")) {
		probe.end = YG_PROBE_CONNECT;
		snprintf(probe.said, sizeof probe.said, "Connection refused");
	} else if (!strstr(d->facts, "redis ok\n")) {
		yg_doctor_find(d, YG_DOCTOR_UNKNOWN, "redis.reachable", "", "", "not asked: the root is another machine's",
		               "未確認（別の機器のルートです）");
		return;
	}
	judge(d, &probe);
}
