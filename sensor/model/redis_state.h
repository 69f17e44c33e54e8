// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Where delivery to Redis stands, by name. The courier sets the state; statistics, metrics, summaries and health show it. The order
// never changes: the number is what lies in shared memory (counter `redis.state`).
//
// Each state but the first three is a fault. Its class says how soon it is worth another try, and its sentences say to a person what to
// do. Pure data; any thread.
#pragma once

#include <stdint.h>

// When to try again:
//   BACKOFF      0.1 s, doubling to 10 s, a fifth more or less
//   POLL         every second: it says itself that it will be over soon
//   CREDENTIALS  30 s: a ban list may be counting, and nothing but a person mends it
#define YG_REDIS_STATES(X)                                                                                                       \
	X(OFF, "off", BACKOFF, "no Redis is configured", "Redisは設定されていません")                                                 \
	X(CONNECTING, "connecting", BACKOFF, "the first contact is under way", "接続中です")                                          \
	X(READY, "ready", BACKOFF, "alerts are delivered", "配送しています")                                                          \
	X(AWAY, "away", BACKOFF, "start Redis, or correct the address in redis.url", "Redisを起動するか、redis.urlの接続先を確認してください") \
	X(SILENT, "silent", BACKOFF, "connected, but no answer: see the load of its machine, and the network on the way",              \
	  "接続後に応答がありません。Redisの負荷と経路のネットワークを確認してください")                                              \
	X(GARBAGE, "garbage", BACKOFF, "this is not the protocol of Redis: correct the port in redis.url, or what stands between",     \
	  "Redisのプロトコルではありません。redis.urlのポートと中継機器を確認してください")                                           \
	X(AUTH, "auth", CREDENTIALS, "correct user and password in redis.url, or the ACL file of Redis",                               \
	  "redis.urlのユーザー名とパスワード、またはRedisのACLファイルを確認してください")                                            \
	X(NOPERM, "noperm", CREDENTIALS, "give the user its rights: see users.acl, and ACL LOG in Redis",                              \
	  "ユーザーの権限が足りません。users.aclの例とRedisのACL LOGを確認してください")                                              \
	X(PROTECTED, "protected", CREDENTIALS, "Redis is in protected mode: give it users with passwords, or use its UNIX socket",     \
	  "Redisが保護モードです。パスワード付きのユーザーを設定するか、UNIXソケットで接続してください")                              \
	X(READONLY, "readonly", BACKOFF, "it is a replica: name the primary in redis.url, or use sentinel://",                         \
	  "レプリカに接続しています。redis.urlにプライマリーを指定するか、sentinel://を使ってください")                               \
	X(LOADING, "loading", POLL, "it is reading its data from disk: wait", "データを読み込んでいます。完了を待ってください")        \
	X(OOM, "oom", BACKOFF, "its memory is full: raise maxmemory, or lower redis.maxlen and redis.maxage",                          \
	  "メモリーの上限です。maxmemoryを増やすか、redis.maxlenとredis.maxageを減らしてください")                                    \
	X(MISCONF, "misconf", BACKOFF, "it cannot save to its disk: see the room there and the log of Redis",                          \
	  "ディスクに保存できません。空き容量とRedisのログを確認してください")                                                        \
	X(BUSY, "busy", POLL, "a script holds it up: wait, or SCRIPT KILL", "スクリプトの実行中です。完了を待つか、SCRIPT KILLで止めてください") \
	X(MASTERDOWN, "masterdown", BACKOFF, "it is a replica that has lost its primary: start the primary again",                     \
	  "プライマリーを失ったレプリカです。プライマリーを復旧してください")                                                         \
	X(NOREPLICAS, "noreplicas", BACKOFF, "too few replicas have the data: start them, or lower min-replicas-to-write and redis.replicas", \
	  "レプリカが足りません。レプリカを復旧するか、min-replicas-to-writeとredis.replicasを見直してください")                      \
	X(EXECABORT, "execabort", BACKOFF, "it refused a batch without a reason: see the log of Redis",                                \
	  "理由なく拒否されました。Redisのログを確認してください")                                                                    \
	X(WRONGTYPE, "wrongtype", BACKOFF, "the key holds something that is no stream: rename or delete it",                           \
	  "キーの型がストリームではありません。キーの名前を変えるか、削除してください")                                               \
	X(CLUSTER, "cluster", BACKOFF, "its cluster is not whole, or the slot is on its way to another node: wait, and see CLUSTER INFO", \
	  "クラスターが不完全か、スロットの移動中です。完了を待ち、CLUSTER INFOを確認してください")                                   \
	X(CLIENTS, "clients", BACKOFF, "it has as many clients as it takes: raise maxclients", "接続数の上限です。maxclientsを増やしてください") \
	X(NO_PRIMARY, "no_primary", BACKOFF, "no Sentinel knows the primary: see its name in redis.url, and SENTINEL MASTERS",         \
	  "Sentinelにプライマリーの情報がありません。redis.urlの名前とSENTINEL MASTERSを確認してください")                            \
	X(EXHAUSTED, "exhausted", CREDENTIALS, "the stream has reached the highest generation: rename or delete its key",              \
	  "ストリームの世代番号が上限です。キーの名前を変えるか、削除してください")                                                   \
	X(REFUSED, "refused", BACKOFF, "it refused a command: see what it said, and the log of Redis",                                 \
	  "コマンドが拒否されました。応答の内容とRedisのログを確認してください")                                                       \
	X(TLS_FAILED, "tls", BACKOFF, "TLS was not agreed upon: see the certificate of Redis and the name in it, redis.ca and redis.certificate", \
	  "TLS接続に失敗しました。Redisの証明書とその名前、redis.ca、redis.certificateを確認してください")

enum yg_redis_state {
#define X(id, name, class, en, ja) YG_REDIS_##id,
	YG_REDIS_STATES(X)
#undef X
	YG_REDIS_STATE_COUNT,
};

enum yg_redis_class { YG_REDIS_BACKOFF, YG_REDIS_POLL, YG_REDIS_CREDENTIALS };

struct yg_redis_state_row {
	const char *name; // in metrics and JSON
	enum yg_redis_class class;
	const char *en, *ja; // what to do, without a full stop
};

// The row of a state. A number from shared memory that names none has the row of REFUSED.
const struct yg_redis_state_row *yg_redis_state_row(uint64_t state);
