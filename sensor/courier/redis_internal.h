// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Shared by redis.c (a connection), redis_greet.c (how it begins), redis_sentinel.c (where the primary is), redis_cluster.c (which node has
// a key), redis_refusal.c (what a refusal means); by redis_stream.c and redis_lane.c (what is said on the connection of the streams),
// redis_trim.c (entries that are too old), redis_health.c (the hash); and by redis_list.c and redis_channel.c (what is said on theirs).
#pragma once

#include <hiredis/hiredis.h>

#include "courier/redis.h"
#include "courier/resolve.h"
#include "model/redis_state.h"

// What the connection is doing; enum yg_redis_state says how delivery stands.
enum redis_phase {
	REDIS_RESTING, // until retry_ns
	REDIS_RESOLVING,
	REDIS_CONNECTING,
	REDIS_SECURING, // the handshake of TLS
	REDIS_GREETING, // AUTH, SELECT, ROLE and what the role asks, one after the other
	REDIS_IDLE,
	REDIS_SENDING,    // a batch is out
	REDIS_CONFIRMING, // the replicas are asked for
	REDIS_TRIMMING,   // old entries are given up
	REDIS_TELLING,    // the hash of health is written
	REDIS_ASKING,     // a Sentinel
};

enum redis_greeting { GREET_AUTH, GREET_SELECT, GREET_ROLE, GREET_OWN };
enum redis_trimming { TRIM_MARK, TRIM_LOOK, TRIM_CUT, TRIM_DROP };

enum {
	REDIS_TEXT = 160,          // of what Redis said, for a person
	REDIS_REGREETS_MAX = 3,    // refused ids in a row without an entry taken: then it is no misunderstanding
	REDIS_REDIRECTS_MAX = 5,   // nodes of a cluster that point at another in a row, before it is rested
	REDIS_ANSWER_MAX = 1 << 20, // bytes of one answer; ours have a few KB
	REDIS_ELEMENTS_MAX = 4096, // of one array; ours have 512
	REDIS_DEPTH_MAX = 7,       // arrays in each other; ours have 3
	REDIS_MARKS = 16384,       // hours of which the marks are kept: near two years
	REDIS_TRIM_ROUNDS = 64,    // marks that are used up at a time; the rest an hour later
	REDIS_WORDS = 16,
	REDIS_LANES = 3,
	REDIS_KEYS = 3,            // of a lane
	REDIS_LOOK = 65536,        // positions that hold nothing for a lane, passed over at a time
};

// An id of a stream.
struct redis_id {
	uint64_t generation, sequence;
};

// Where the primary is, by word of a Sentinel.
struct redis_sentinel {
	bool known;                  // address below is to be tried
	bool logged_in;              // this Sentinel has been given the password
	unsigned next;               // which is asked
	unsigned tried;              // in vain, since somebody last answered
	struct yg_redis_node primary; // port 0: never heard of one
};

struct yg_redis;

// What is said on a connection, once it stands. Every function but `left` answers false when the connection is of no use (it has failed).
struct redis_role {
	const char *name; // in what is said to a person
	// Asks what has to be known before anything is sent (phase GREETING), or says that nothing has (phase IDLE).
	bool (*greet)(struct yg_redis *redis, uint64_t now_ns);
	bool (*take)(struct yg_redis *redis, const redisReply *reply, uint64_t now_ns); // an answer in GREET_OWN, or in a phase of its own
	bool (*go_on)(struct yg_redis *redis, uint64_t now_ns); // IDLE. True when something was done
	void (*left)(struct yg_redis *redis);                   // the connection is gone, and a batch was out
	enum yg_courier_counter connects, errors, state;        // state: of enum yg_redis_state, or 1 while it is READY (`up`)
	bool up;
};

enum { REDIS_PUBLISH = 64 }; // lines that are out to a channel at a time

// What one sink of the spool has on its way.
struct redis_lane {
	struct yg_sink sink; // first: they are one to the courier
	struct yg_redis *redis;
	unsigned keys;
	struct {
		const char *suffix; // of the key: "alerts"
		char name[192], maxlen[24];
	} key[REDIS_KEYS];
	enum yg_courier_counter taken; // entries that Redis has confirmed
	bool asked;           // its last ids are being asked for
	bool greeted;         // they have been seen once
	uint64_t rest_ns;     // until then nothing is sent: Redis refuses this lane, and not the others. 0: it does not
	bool gave_way;        // since it rests; said once
	uint64_t doubt;       // highest sequence that was sent on a connection which died before it answered, or by a courier that did
	uint64_t position;    // before it everything is in Redis
	uint64_t safe;        // before it the replicas have it too
	uint64_t last;        // highest sequence of our generation that Redis has confirmed to us
	bool mending;         // Redis has less than it had confirmed, and has not yet taken anything since
	uint64_t mend_to;     // up to this sequence entries are sent again
	uint64_t gone;        // positions of these that the spool holds no more
	uint64_t resent;
	bool exact;           // `last` is an entry's own, and not only where a cursor stood
	struct redis_id top;  // last id of its streams, as far as we know
};

struct yg_redis {
	struct redis_lane lane[REDIS_LANES]; // first: the first lane's sink stands for all
	unsigned lanes;
	const struct redis_role *role;
	struct yg_redis_url url;
	char sensor[64];
	char marks[192], mark[192]; // of hours, of what is written for the replicas alone
	uint64_t timeout_ns, maxage_ns, replicas;
	struct yg_spool *spool;         // not owned
	struct yg_courier_stats *stats; // not owned
	char error[160];                // what Redis said last; empty while all is well

	enum yg_redis_state state;
	enum redis_phase phase;
	enum redis_greeting greeting;
	unsigned greet_lane, greet_key; // GREET_OWN
	redisContext *context;
	struct yg_redis_tls *tls; // not owned; NULL: none
	struct ssl_st *ssl;       // SECURING: of this context
	short ssl_events;         // what it waits for
	struct yg_resolve *resolve;
	uint64_t deadline_ns; // of the present phase
	uint64_t retry_ns;    // RESTING
	uint64_t backoff_ns;
	uint32_t attempts;   // chooses among the addresses of a host
	uint32_t random;     // of the jitter
	uint32_t regreets;   // see REDIS_REGREETS_MAX
	bool output_left;    // hiredis could not write everything yet
	bool new_generation; // somebody else writes into ours: leave it

	struct redis_lane *out; // whose batch is out
	unsigned out_key;       // in which of its keys
	uint64_t batch_end;     // position behind the batch that is out
	uint32_t batch_count;   // entries in it
	uint32_t batch_queued;  // answers before that of EXEC
	uint64_t refused_sequence; // the first of them that Redis refused
	struct {
		uint64_t position, sequence;
	} batch[YG_REDIS_BATCH]; // each of them
	uint32_t replies;       // answers to it so far

	struct redis_sentinel sentinel;
	struct yg_redis_node node; // where the URL or a cluster says; with Sentinels nothing
	bool clustered;            // a node of a cluster has been met
	uint32_t redirects;        // see REDIS_REDIRECTS_MAX
	enum redis_trimming trimming;
	uint64_t trim_ns; // when old entries are looked for
	uint32_t trim_rounds;
	bool trim_refused;       // said once
	struct redis_id old_mark; // the oldest mark that there is
	uint64_t confirm_ns;     // when the replicas are asked for again; 0: an answer is awaited

	struct {
		const struct yg_board *board; // not owned; NULL: none
		char key[192];
		uint64_t due_ns;
		uint64_t seen, seen_ns; // the board's sequence, and when it was another one
		bool refused; // said once
	} health;

	// redis_list.c; redis_channel.c
	char name[256], marker[512]; // of the list or channel; of what tells how far the list has come
	bool list_left, list_distrusted;
	bool list_overtaken; // the batch that is out was not carried out: another one has moved the mark
	uint64_t list_maxlen;

	// The first refusal of the batch that is out; READY: none.
	enum yg_redis_state refusal;
	char refusal_text[REDIS_TEXT];
};

// Drops the connection and rests, as long as the state asks for. `text`: what happened, for a person.
void yg_redis_fail(struct yg_redis *redis, uint64_t now_ns, enum yg_redis_state state, const char *text);
// Drops the connection; what was out on it is in doubt. Rests until retry_ns.
void yg_redis_leave(struct yg_redis *redis);
// Where to connect to.
const struct yg_redis_node *yg_redis_target(const struct yg_redis *redis);
// yg_redis_fail, without dropping the connection.
void yg_redis_fault(struct yg_redis *redis, enum yg_redis_state state, const char *text);
// Everything is well: the state is READY and the next fault is tried again soon.
void yg_redis_well(struct yg_redis *redis);

// redis_refusal.c: the state that an error answer means.
enum yg_redis_state yg_redis_refusal(const char *text);
// The state that a failure of hiredis on this connection means.
enum yg_redis_state yg_redis_broken(const redisContext *context);
// Makes the reader of a new connection refuse arrays of more than REDIS_ELEMENTS_MAX, which hiredis would allocate on a peer's
// word, and more than REDIS_DEPTH_MAX of them in each other.
void yg_redis_bound_reader(redisContext *context);

// redis.c: a connection with one lane; NULL and errno. The caller adds to it what its role needs.
struct yg_redis *yg_redis_begin(const struct yg_redis_options *options, const struct redis_role *role, enum yg_spool_sink which,
                                enum yg_courier_counter taken, struct yg_spool *spool, struct yg_courier_stats *stats);
struct redis_lane *yg_redis_add_lane(struct yg_redis *redis, enum yg_spool_sink which, enum yg_courier_counter taken);

// redis_greet.c. Each answers true, or false when the connection is of no use (it has been failed).
bool yg_redis_greet(struct yg_redis *redis, uint64_t now_ns);
bool yg_redis_take_greeting(struct yg_redis *redis, const redisReply *reply, uint64_t now_ns);
bool yg_redis_impossible(struct yg_redis *redis, uint64_t now_ns);
// An error answer: where it points to, or a rest.
bool yg_redis_refused(struct yg_redis *redis, enum yg_redis_state state, const char *text, uint64_t now_ns);
// +OK and +QUEUED of what goes before EXEC; remembers the first refusal.
bool yg_redis_take_queued(struct yg_redis *redis, const redisReply *reply, uint64_t now_ns);
// Queues one command; and starts to send what is queued. `complete`: nothing was left out for want of memory.
bool yg_redis_say(struct yg_redis *redis, int count, const char **words, const size_t *lengths);
bool yg_redis_say_words(struct yg_redis *redis, int count, const char **words); // texts; REDIS_WORDS at most
bool yg_redis_send(struct yg_redis *redis, bool complete, uint64_t now_ns);
bool yg_redis_say_auth(struct yg_redis *redis);
// "12-345". False when it is none.
bool yg_redis_parse_id(const redisReply *reply, struct redis_id *ret_id);

// redis_lane.c: positions and generations.
// Steps over positions that hold nothing to the next entry, over REDIS_LOOK at most. False when there is none, or the disk cannot say now.
bool yg_lane_next(const struct redis_lane *lane, uint64_t *position, struct yg_spool_entry *ret_entry);
// Everything up to `position` holds nothing for it.
void yg_lane_pass(struct redis_lane *lane, uint64_t position);
// A lane that Redis refuses for itself: where the log is held for it, and its class is refused there already, what waits for it is given
// up; or the classes above would pay for it with records of theirs. True when it moved.
bool yg_lane_give_way(struct redis_lane *lane);
// The entry before `position` is in Redis.
void yg_lane_delivered(struct redis_lane *lane, uint64_t position, uint64_t sequence);
// The last ids of the lanes that were asked stand in `top`: ours or not, and where to go on.
bool yg_lane_choose_generation(struct yg_redis *redis, uint64_t now_ns);
// Says, once Redis has taken something again, what it had lost.
void yg_lane_count_missing(struct redis_lane *lane);

// redis_stream.c: asks whether the replicas have what was written. `write`: writes something first, because WAIT is about this
// connection's writes.
bool yg_redis_confirm(struct yg_redis *redis, bool write, uint64_t now_ns);

// redis_health.c
bool yg_health_due(const struct yg_redis *redis, uint64_t now_ns);
bool yg_health_tell(struct yg_redis *redis, uint64_t now_ns);
bool yg_health_take(struct yg_redis *redis, const redisReply *reply, uint64_t now_ns);

// redis_trim.c
bool yg_redis_trim_due(const struct yg_redis *redis, uint64_t now_ns);
bool yg_redis_trim(struct yg_redis *redis, uint64_t now_ns);
bool yg_redis_trim_take(struct yg_redis *redis, const redisReply *reply, uint64_t now_ns);

// redis_sentinel.c. Where to connect to next; then the question, and its answer.
const struct yg_redis_node *yg_sentinel_target(const struct yg_redis *redis);
bool yg_sentinel_ask(struct yg_redis *redis, uint64_t now_ns);
bool yg_sentinel_take(struct yg_redis *redis, const redisReply *reply, uint64_t now_ns);
// A failure: the primary is looked for again. True when another Sentinel is worth asking at once.
bool yg_sentinel_failed(struct yg_redis *redis);

// redis_cluster.c. The names of the keys besides the stream; that this is a cluster; and to where a refusal points: true when it does, and
// the way there has begun.
void yg_cluster_name_keys(struct yg_redis *redis);
void yg_cluster_found(struct yg_redis *redis);
bool yg_cluster_follow(struct yg_redis *redis, const char *text, uint64_t now_ns);
