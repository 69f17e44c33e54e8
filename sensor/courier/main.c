// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// yagura-courier: started by the supervisor with the descriptors of model/process.h open. It alone talks to Redis and
// writes the EVE file; it sees records, never packets, and needs no privilege beyond opening that file.
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/log.h"
#include "base/shm.h"
#include "base/time.h"
#include "courier/courier.h"
#include "courier/line_socket.h"
#include "courier/redis.h"
#include "courier/redis_tls.h"
#include "courier/summary.h"
#include "model/process.h"

static volatile int stop_asked, reopen_asked;

static void ask_to_stop(int number)
{
	(void)number;
	stop_asked = 1;
}

static void ask_to_reopen(int number)
{
	(void)number;
	reopen_asked++;
}

// The terminal's signals reach the whole group: the engine ends then, closes the rings, and we end by that, with
// nothing lost.
static void set_signals(void)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, stop = {.sa_handler = ask_to_stop};
	struct sigaction reopen = {.sa_handler = ask_to_reopen, .sa_flags = SA_RESTART};
	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGINT, &ignore, NULL);
	sigaction(SIGHUP, &reopen, NULL); // by the supervisor, on whose SIGHUP a log rotation counts
	sigaction(SIGXFSZ, &ignore, NULL);
	sigaction(SIGTERM, &stop, NULL);
}

static void remember(void *context, const struct yg_alert *alert)
{
	yg_summary_add(context, alert);
}

// The sensor's name, for alerts and keys: the configured one, else the host's.
static void sensor_name(const struct yg_config *config, char ret_name[64])
{
	const char *configured = yg_config_string(config, YG_O_SENSOR_NAME);
	memset(ret_name, 0, 64);
	if (configured[0])
		memcpy(ret_name, configured, strnlen(configured, 63));
	else if (gethostname(ret_name, 63) < 0 || !ret_name[0])
		memcpy(ret_name, "yagura", 7);
}

static void set_rotation(struct yg_courier *courier, const char *path)
{
	const struct yg_config *config = &courier->config;
	struct yg_rotate *r = &courier->rotate;
	r->size = (uint64_t)yg_config_int(config, YG_O_EVE_ROTATE_SIZE);
	r->period_s = yg_config_ns(config, YG_O_EVE_ROTATE_TIME) / YG_NS_PER_S;
	courier->reopen = &reopen_asked;
	if (!r->size && !r->period_s)
		return;
	snprintf(r->path, sizeof r->path, "%s", path);
	r->keep = (uint32_t)yg_config_int(config, YG_O_EVE_KEEP);
	r->compress = yg_config_int(config, YG_O_EVE_COMPRESS) != 0;
	r->stats = courier->stats;
	yg_rotate_opened(r, courier->file.fd, (int64_t)time(NULL));
	courier->file.rotate = r;
}

static int open_file(struct yg_courier *courier)
{
	const char *path = yg_config_string(&courier->config, YG_O_EVE_FILE);
	courier->flows_read = courier->flows;
	yg_counter_set(&courier->stats->c[YG_CC_FLOWS_READ], courier->flows.own);
	if (!path[0])
		return 0;
	int error = yg_sink_file_open(&courier->file, path, courier->stats);
	if (error) {
		yg_error("EVE file %s: %s", path, strerror(-error));
		return error;
	}
	set_rotation(courier, path);
	courier->has_file = true;
	courier->write_flows = yg_config_int(&courier->config, YG_O_EVE_FLOWS) != 0;
	return 0;
}

// What the supervisor shows of itself; NULL when it shows nothing.
static const struct yg_board *board(void)
{
	return yg_shm_map(YG_FD_BOARD, sizeof(struct yg_board), false, NULL);
}

static bool keep_sink(struct yg_courier *courier, struct yg_sink *sink)
{
	if (sink)
		courier->sinks[sink->which] = sink;
	else
		yg_error("Redis: %s", strerror(errno));
	return sink;
}

static int open_redis(struct yg_courier *courier, const char *sensor)
{
	const char *url = yg_config_string(&courier->config, YG_O_REDIS_URL), *reason;
	bool lasts = yg_spool_lasts(courier->spool);
	struct yg_redis_options options = {
		.sensor = sensor,
		.maxlen = yg_config_int(&courier->config, YG_O_REDIS_MAXLEN),
		.maxage_ns = yg_config_ns(&courier->config, YG_O_REDIS_MAXAGE),
		.replicas = yg_config_int(&courier->config, YG_O_REDIS_REPLICAS),
		.timeout_ns = yg_config_ns(&courier->config, YG_O_REDIS_TIMEOUT),
		.flows_maxlen = courier->log_flows ? yg_config_int(&courier->config, YG_O_REDIS_FLOWS_MAXLEN) : 0,
		.seconds = lasts ? yg_config_int(&courier->config, YG_O_REDIS_SECONDS) : 0,
		.minutes = yg_config_int(&courier->config, YG_O_REDIS_MINUTES),
		.hours = yg_config_int(&courier->config, YG_O_REDIS_HOURS),
		.board = board(),
		.list = yg_config_string(&courier->config, YG_O_REDIS_LIST_KEY),
		.list_left = yg_config_int(&courier->config, YG_O_REDIS_LIST_PUSH) == 0, // lpush|rpush
		.list_maxlen = yg_config_int(&courier->config, YG_O_REDIS_LIST_MAXLEN),
		.channel = yg_config_string(&courier->config, YG_O_REDIS_CHANNEL),
	};
	if (!url[0])
		return 0;
	if (yg_redis_url_parse(url, &options.url, &reason) < 0) {
		yg_error("redis.url: %s", reason);
		return -EINVAL;
	}
	if (options.url.is_tls) {
		const struct yg_redis_tls_options tls = {yg_config_string(&courier->config, YG_O_REDIS_CA),
		                                         yg_config_string(&courier->config, YG_O_REDIS_CERTIFICATE),
		                                         yg_config_string(&courier->config, YG_O_REDIS_KEY)};
		char why[YG_REDIS_TLS_TEXT];
		options.tls = courier->tls = yg_redis_tls_create(&tls, why);
		if (!options.tls) {
			yg_error("Redis: %s", why);
			return -EINVAL;
		}
	}
	if (!keep_sink(courier, yg_redis_create(&options, courier->spool, courier->stats)))
		return -errno;
	struct yg_sink *streams = courier->sinks[YG_SPOOL_REDIS];
	courier->sinks[YG_SPOOL_REDIS_FLOWS] = yg_redis_lane(streams, YG_SPOOL_REDIS_FLOWS);
	courier->sinks[YG_SPOOL_REDIS_METRICS] = yg_redis_lane(streams, YG_SPOOL_REDIS_METRICS);
	if (options.list[0] && !keep_sink(courier, yg_redis_create_list(&options, courier->spool, courier->stats)))
		return -errno;
	if (options.channel[0] && !keep_sink(courier, yg_redis_create_channel(&options, courier->spool, courier->stats)))
		return -errno;
	return 0;
}

// Those that send lines over a socket of their own.
static int open_line_sinks(struct yg_courier *courier)
{
	const struct yg_config *config = &courier->config;
	const char *socket = yg_config_string(config, YG_O_EVE_SOCKET), *url = yg_config_string(config, YG_O_SYSLOG_URL), *reason;
	struct yg_peer peer;
	if (socket[0] && yg_peer_parse_socket(socket, &peer, &reason) < 0) {
		yg_error("eve.socket: %s", reason);
		return -EINVAL;
	}
	if (socket[0] && !(courier->sinks[YG_SPOOL_SOCKET] = yg_sink_socket_create(&peer, courier->spool, courier->stats)))
		return -errno;
	if (url[0] && yg_peer_parse_syslog(url, &peer, &reason) < 0) {
		yg_error("syslog.url: %s", reason);
		return -EINVAL;
	}
	bool cef = yg_config_int(config, YG_O_SYSLOG_FORMAT) == 0;
	unsigned facility = (unsigned)yg_config_int(config, YG_O_SYSLOG_FACILITY); // in the order of their numbers
	if (url[0] && !(courier->sinks[YG_SPOOL_SYSLOG] = yg_sink_syslog_create(&peer, cef, facility, courier->spool, courier->stats)))
		return -errno;
	return 0;
}

static void *map(int fd, const char *what, size_t min_size, size_t *ret_size)
{
	void *memory = yg_shm_map(fd, min_size, true, ret_size);
	if (!memory)
		yg_error("%s: %s", what, strerror(errno));
	return memory;
}

static uint64_t now_of(clockid_t clock)
{
	struct timespec ts;
	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * (uint64_t)YG_NS_PER_S + (uint64_t)ts.tv_nsec;
}

static void count_event(struct yg_courier_stats *stats, enum yg_wal_event event, uint64_t n)
{
	static const int numbers[YG_WAL_EVENTS_COUNT] = { // less one: 0 is none
		[YG_WAL_EVENT_TORN] = YG_SE_TORN + 1, [YG_WAL_EVENT_DAMAGED] = YG_SE_DAMAGED + 1, [YG_WAL_EVENT_MISSING] = YG_SE_MISSING + 1,
		[YG_WAL_EVENT_UNREADABLE] = YG_SE_UNREADABLE + 1, [YG_WAL_EVENT_META_LOST] = YG_SE_META_LOST + 1,
		[YG_WAL_EVENT_RETIRED] = YG_SE_RETIRED + 1, [YG_WAL_EVENT_IO_ERROR] = YG_SE_IO_ERROR + 1,
		[YG_WAL_EVENT_RESERVE_USED] = YG_SE_RESERVE_USED + 1, [YG_WAL_EVENT_LOST] = YG_SE_LOST + 1,
	};
	if (numbers[event])
		yg_counter_add(&stats->spool_event[numbers[event] - 1], n);
}

static void report(void *context, enum yg_wal_event event, uint64_t a, uint64_t b)
{
	static uint64_t lost_since_ns, lost;
	count_event(context, event, event == YG_WAL_EVENT_LOST ? b : 1);
	if (event == YG_WAL_EVENT_LOST) { // one each for any number of gaps: not a line each
		lost += b;
		if (lost_since_ns && now_of(CLOCK_MONOTONIC) - lost_since_ns < 10 * (uint64_t)YG_NS_PER_S)
			return;
		lost_since_ns = now_of(CLOCK_MONOTONIC);
		yg_warn("spool: %llu records were refused so far, and their gaps are noted", (unsigned long long)lost);
		return;
	}
	if (event == YG_WAL_EVENT_IO_ERROR) { // comes with every attempt
		static uint64_t said_ns;
		if (said_ns && now_of(CLOCK_MONOTONIC) - said_ns < 10 * (uint64_t)YG_NS_PER_S)
			return;
		said_ns = now_of(CLOCK_MONOTONIC);
	}
	bool harmless = event == YG_WAL_EVENT_CREATED || event == YG_WAL_EVENT_RESERVE_USED || event == YG_WAL_EVENT_PRESSURE;
	if (harmless)
		yg_info("spool: %s (%llu, %llu)", yg_wal_event_name(event), (unsigned long long)a, (unsigned long long)b);
	else
		yg_warn("spool: %s (%llu, %llu)", yg_wal_event_name(event), (unsigned long long)a, (unsigned long long)b);
}

static int open_log(struct yg_courier *courier, const char *path)
{
	struct yg_wal_options options = {
		.quota_bytes = (uint64_t)yg_config_int(&courier->config, YG_O_SPOOL_SIZE),
		.retention_ns = (uint64_t)yg_config_ns(&courier->config, YG_O_SPOOL_RETENTION) + 1, // 0 would be its default
		.now_ns = now_of(CLOCK_MONOTONIC),
		.real_ns = now_of(CLOCK_REALTIME),
	};
	if (getrandom(options.uuid, sizeof options.uuid, 0) != (ssize_t)sizeof options.uuid)
		return -EIO;
	int error = yg_disk_open(&courier->disk, path, true);
	return error ? error : yg_wal_open(&courier->disk, &options, report, courier->stats, &courier->wal);
}

// Which sink takes what. False when there is none at all.
static bool wanted(const struct yg_config *config, struct yg_spool_wants *ret_wants)
{
	bool file = yg_config_string(config, YG_O_EVE_FILE)[0], redis = yg_config_string(config, YG_O_REDIS_URL)[0];
	bool socket = yg_config_string(config, YG_O_EVE_SOCKET)[0], syslog = yg_config_string(config, YG_O_SYSLOG_URL)[0];
	ret_wants->classes[YG_SPOOL_EVE] = file ? YG_SPOOL_ALERTS : 0; // flow records come to it by their ring
	unsigned flows = redis && yg_config_int(config, YG_O_REDIS_FLOWS) ? 1 << YG_SPOOL_FLOW : 0; // only then the log has them
	if (redis) {
		bool list = yg_config_string(config, YG_O_REDIS_LIST_KEY)[0], channel = yg_config_string(config, YG_O_REDIS_CHANNEL)[0];
		ret_wants->classes[YG_SPOOL_REDIS] = YG_SPOOL_ALERTS;
		ret_wants->classes[YG_SPOOL_REDIS_FLOWS] = flows;
		ret_wants->classes[YG_SPOOL_REDIS_METRICS] = 1 << YG_SPOOL_METRIC;
		ret_wants->classes[YG_SPOOL_LIST] = list ? YG_SPOOL_ALERTS | flows : 0;
		ret_wants->classes[YG_SPOOL_CHANNEL] = channel ? YG_SPOOL_ALERTS | flows : 0;
	}
	ret_wants->classes[YG_SPOOL_SOCKET] = socket ? YG_SPOOL_ALERTS | (yg_config_int(config, YG_O_EVE_FLOWS) ? flows : 0) : 0;
	ret_wants->classes[YG_SPOOL_SYSLOG] = syslog ? YG_SPOOL_ALERTS : 0;
	return file || redis || socket || syslog;
}

static struct yg_spool *open_spool(struct yg_courier *courier, void *alerts, size_t size)
{
	char path[PATH_MAX];
	struct yg_spool_wants wants = {{0}};
	bool any = wanted(&courier->config, &wants);
	yg_config_spool_folder(&courier->config, path);
	if (!path[0] || !any) { // without a sink there is nobody to keep anything for
		struct yg_spool *spool = yg_spool_open_ring(alerts, size, &courier->eve, courier->stats, remember, courier->stats);
		if (spool)
			yg_spool_remember(spool, &courier->journal->generation, &courier->journal->sent, &courier->journal->token);
		return spool;
	}
	int error = open_log(courier, path);
	if (error) {
		yg_error("spool %s: %s", path, error == -EBUSY ? "another sensor uses it" : strerror(-error));
		errno = -error;
		return NULL;
	}
	return yg_spool_open_disk(alerts, size, courier->wal, &courier->eve, courier->stats, courier->journal, &wants, remember, courier->stats);
}

// A ring that not every supervisor makes.
static int open_points(struct yg_courier *courier)
{
	size_t size;
	void *memory = yg_shm_map(YG_FD_POINTS, 1, true, &size);
	bool keep = yg_spool_lasts(courier->spool) && yg_config_string(&courier->config, YG_O_REDIS_URL)[0];
	if (!memory)
		return 0;
	int error = yg_points_open(&courier->points, memory, size, &courier->eve, courier->spool, courier->stats, keep);
	if (error)
		yg_error("ring of points: %s", strerror(-error));
	return error;
}

static int open_rings(struct yg_courier *courier)
{
	size_t alerts_size, flows_size;
	void *alerts = map(YG_FD_ALERTS, "alert ring", 1, &alerts_size);
	void *flows = map(YG_FD_FLOWS, "flow ring", 1, &flows_size);
	if (!alerts || !flows)
		return -EBADF;
	int error = yg_ring_attach(&courier->flows, flows, flows_size, sizeof(struct yg_flow), false);
	if (error) {
		yg_error("flow ring: %s", strerror(-error));
		return error;
	}
	// Before the spool: it counts what the file has, and that is more by a write whose writer did not live to say so.
	yg_journal_recover(courier, yg_config_string(&courier->config, YG_O_EVE_FILE));
	courier->spool = open_spool(courier, alerts, alerts_size);
	if (courier->spool)
		return open_points(courier);
	yg_error("alert ring or spool: %s", strerror(errno));
	return -errno;
}

// Maps what the supervisor left open, and opens the sinks. 0 or an exit status; the reason is said already. The kernel
// takes back what a failure leaves behind: the process ends then.
static int set_up(struct yg_courier *courier)
{
	char sensor[64];
	int error = yg_config_open(YG_FD_CONFIG, &courier->config);
	if (error) {
		yg_error("configuration block: %s", strerror(-error));
		return YG_EXIT_BAD_SETUP;
	}
	struct yg_courier_memory *memory = map(YG_FD_STATS, "counters", sizeof *memory, NULL);
	if (!memory)
		return YG_EXIT_BAD_SETUP;
	courier->stats = &memory->stats;
	courier->journal = &memory->journal;
	const char *timezone = yg_config_string(&courier->config, YG_O_SENSOR_TIMEZONE);
	sensor_name(&courier->config, sensor);
	if (yg_eve_init(&courier->eve, sensor, timezone, courier->config.orgs, courier->config.orgs_count) < 0)
		yg_warn("sensor.timezone: this host has no data for %s; times are printed in UTC", timezone);
	courier->drain_ns = yg_config_ns(&courier->config, YG_O_REDIS_DRAIN);
	struct stat st;
	courier->alive_fd = fstat(YG_FD_ALIVE, &st) == 0 ? YG_FD_ALIVE : -1;
	courier->log_flows = yg_config_string(&courier->config, YG_O_REDIS_URL)[0] && yg_config_int(&courier->config, YG_O_REDIS_FLOWS);
	if (open_rings(courier) < 0)
		return YG_EXIT_BAD_SETUP;
	// What the user named as output, and cannot be: this is for the user to mend, unlike everything else here.
	if (courier->log_flows && !yg_spool_lasts(courier->spool)) {
		yg_error("redis.flows needs a spool on disk: name a folder in spool.folder (a replay: --set spool.folder=FOLDER), "
		         "or set redis.flows to false（redis.flowsにはディスク上のスプールが必要です。spool.folderを指定してください）");
		return EX_CANTCREAT;
	}
	if (open_file(courier) < 0)
		return EX_CANTCREAT;
	memset(courier->stats->sink_behind, 0, sizeof courier->stats->sink_behind); // a courier before this one may have had other sinks
	return open_redis(courier, sensor) < 0 || open_line_sinks(courier) < 0 ? YG_EXIT_BAD_SETUP : YG_EXIT_OK;
}

// Which sockets the sinks ask for.
static unsigned sockets(const struct yg_config *config)
{
	const char *url = yg_config_string(config, YG_O_REDIS_URL);
	unsigned redis = !url[0] ? 0 : strncmp(url, "unix:", 5) == 0 ? YG_CONFINED_UNIX : YG_CONFINED_INET;
	unsigned socket = yg_config_string(config, YG_O_EVE_SOCKET)[0] ? YG_CONFINED_UNIX : 0;
	return redis | socket | (yg_config_string(config, YG_O_SYSLOG_URL)[0] ? YG_CONFINED_INET : 0);
}

int main(void)
{
	static struct yg_courier courier; // holds the line caches: too large for the stack
	yg_log_init("yagura-courier", YG_LOG_INFO);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	umask(027);
	set_signals();
	int status = set_up(&courier);
	if (status != YG_EXIT_OK)
		return status;
	unsigned spool = yg_spool_lasts(courier.spool) ? YG_CONFINED_SPOOL : 0;
	unsigned rotates = courier.file.rotate ? YG_CONFINED_ROTATE : 0;
	if (yg_confine_process(YG_CONFINED_COURIER | sockets(&courier.config) | spool | rotates))
		return YG_EXIT_BAD_SETUP;
	if (rotates) // its thread is under the filter, too
		yg_rotate_begin(&courier.rotate);
	status = yg_courier_run(&courier, &stop_asked);
	for (unsigned i = YG_SPOOL_SINKS; i-- > 0;) // a lane of the streams lies in the memory of the first
		if (courier.sinks[i])
			courier.sinks[i]->ops->destroy(courier.sinks[i]);
	yg_rotate_end(&courier.rotate);
	yg_redis_tls_destroy(courier.tls);
	yg_spool_close(courier.spool);
	if (courier.wal)
		yg_disk_close(&courier.disk);
	yg_config_close(&courier.config);
	return status;
}
