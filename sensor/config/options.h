// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The option table: the single source of truth. From these rows come the parser, the defaults, `yagura config
// dump-default`, `yagura config schema`, the reference page and the typed getters of config.h. Plugins add rows of
// their own (struct yg_option in yagura/plugin.h) below `plugins.<name>.`.
//
// X(ID, path, type, unit, min, max, default, enum values, help in English, help in Japanese)
#pragma once

// clang-format off
#define YG_OPTIONS(X) \
	X(SENSOR_NAME, "sensor.name", STRING, NULL, 0, 63, "", NULL, \
	  "Name of this sensor in alerts and Redis keys; empty: the host's name.", "センサー名。空ならホスト名。") \
	X(SENSOR_TIMEZONE, "sensor.timezone", STRING, NULL, 1, 63, "Asia/Tokyo", NULL, \
	  "Time zone in which times are printed, whatever the host's.", "時刻表示のタイムゾーン。") \
	X(SENSOR_LANGUAGE, "sensor.language", ENUM, NULL, 0, 0, "auto", "auto|ja|en", \
	  "Language of the terminal; auto follows the locale.", "端末表示の言語。auto はロケールに従う。") \
	X(SENSOR_USER, "sensor.user", STRING, NULL, 0, 31, "yagura", NULL, \
	  "User to whom a live run that root starts changes once its ports can be opened; empty: none, as in a replay.", \
	  "rootで起動したライブ監視の権限放棄後の実行ユーザー。空なら変更しない（再生時も変更しない）。") \
	X(ENGINE_WORKERS, "engine.workers", INT, "threads", 1, 16, "1", NULL, \
	  "Worker threads that decode and keep flows.", "復号とフロー管理を行うワーカー数。") \
	X(CAPTURE_PORTS, "capture.ports", STRING, NULL, 0, 1023, "", NULL, \
	  "Ports of a live run, with blanks between: an interface, a PCI address or a vdev in DPDK's words.", "ライブ監視のポート（空白区切り）。インターフェース名、PCIアドレス、またはDPDKのvdev。") \
	X(CAPTURE_CORES, "capture.cores", STRING, NULL, 0, 255, "", NULL, \
	  "Cores of the workers (2-5,8), one each; empty: wherever the kernel puts them.", "ワーカーを固定するCPUコア（例: 2-5,8）。空なら固定しない。") \
	X(CAPTURE_DESCRIPTORS, "capture.descriptors", INT, "frames", 64, 32768, "4096", NULL, \
	  "Frames that a queue of a port holds before it drops.", "ポートの受信キューの大きさ（フレーム数）。") \
	X(CAPTURE_PROMISCUOUS, "capture.promiscuous", BOOL, NULL, 0, 0, "true", NULL, \
	  "Receive frames for any address, as a mirror port must.", "全宛先のフレームを受信する（ミラーポートでは必須）。") \
	X(CAPTURE_JUMBO, "capture.jumbo", BOOL, NULL, 0, 0, "false", NULL, \
	  "Receive frames of up to 9,000 bytes.", "9,000バイトまでのフレームを受信する。") \
	X(CAPTURE_HUGEPAGES, "capture.hugepages", ENUM, NULL, 0, 0, "auto", "auto|always|never", \
	  "Huge pages: auto goes without where too few are free, always refuses to start.", "ヒュージページの利用。auto は不足時に使わず、always は起動しない。") \
	X(CAPTURE_MEMORY, "capture.memory", BYTES, "bytes", 67108864, 274877906944, "512MiB", NULL, \
	  "Memory of DPDK: packet buffers, descriptors and rings.", "DPDKが使うメモリー。") \
	X(CAPTURE_BUFFERS, "capture.buffers", INT, "frames", 0, 16777216, "0", NULL, \
	  "Packet buffers of all ports; 0: as many as descriptors and workers need.", "パケットバッファーの総数。0 は自動。") \
	X(CAPTURE_BUFFER_SIZE, "capture.buffer_size", INT, "bytes", 64, 16384, "2048", NULL, \
	  "Bytes of a frame that a packet buffer takes; a longer frame takes several where the port can.", "バッファー1個のバイト数。") \
	X(CAPTURE_SPREAD, "capture.spread", ENUM, NULL, 0, 0, "auto", "auto|software", \
	  "How frames come to several workers: by the card where it can, or by ourselves (a mirror that encapsulates).", "複数ワーカーへの振り分け。カプセル化されたミラーでは software。") \
	X(EGRESS_LINE, "egress.line", BPS, "bit/s", 0, 4e11, "0", NULL, \
	  "Capacity of the egress that is mirrored; 0: not declared.", "ミラー対象の出口回線の帯域。0 は未設定。") \
	X(EGRESS_MIRROR, "egress.mirror", ENUM, NULL, 0, 0, "both", "both|one_way", \
	  "Whether the mirror shows both directions.", "ミラーが双方向か片方向か。") \
	X(DECODE_CHECKSUM, "decode.ipv4_checksum", BOOL, NULL, 0, 0, "false", NULL, \
	  "End packets with a wrong IPv4 header checksum (off: mirrors with offloads show wrong ones).", "IPv4ヘッダーのチェックサムを検査する。") \
	X(DECODE_DOMAIN, "decode.domain", ENUM, NULL, 0, 0, "none", "none|vlan", \
	  "What keeps overlapping address spaces apart in flow keys.", "重複するアドレス空間を分ける単位。") \
	X(FLOW_TABLE, "flow.table", INT, "flows", 1024, 67108864, "1048576", NULL, \
	  "Places in the flow table of all workers together; rounded up to a power of two.", "フローテーブルの大きさ（2の累乗に切り上げ）。") \
	X(FLOW_IDLE_EMBRYONIC, "flow.idle.embryonic", DURATION, "s", 1, 3600, "5s", NULL, \
	  "Idle time after which an attempt without an answer ends.", "応答のない試行の無通信タイムアウト。") \
	X(FLOW_IDLE_TALKING, "flow.idle.talking", DURATION, "s", 1, 3600, "60s", NULL, \
	  "Idle time of a flow in which one side has sent payload.", "片方向のフローの無通信タイムアウト。") \
	X(FLOW_IDLE_ANSWERED, "flow.idle.answered", DURATION, "s", 1, 3600, "120s", NULL, \
	  "Idle time of a flow with payload from both sides.", "双方向のフローの無通信タイムアウト。") \
	X(FLOW_IDLE_ESTABLISHED, "flow.idle.established", DURATION, "s", 1, 7200, "300s", NULL, \
	  "Idle time of an established TCP connection.", "確立したTCP接続の無通信タイムアウト。") \
	X(FLOW_UPDATE, "flow.update", DURATION, "s", 0, 86400, "60s", NULL, \
	  "Interval of the update records of a long flow; 0: none.", "長いフローの途中記録の間隔。0 は記録しない。") \
	X(FLOW_ADMISSION, "flow.admission", INT, "flows/s", 0, 16777216, "16384", NULL, \
	  "Live: flows with payload from one side alone that a body gets records for in a second; " \
	  "above it a flow waits for its eighth packet. 0: any number.", \
	  "実運用時、一つの団体に1秒間に認める片方向フローの数。超過分は8個目のパケットまで待つ。0 は無制限。") \
	X(REASSEMBLY_TRACKERS, "reassembly.trackers", INT, "datagrams", 16, 65536, "4096", NULL, \
	  "Datagrams in reassembly at a time.", "同時に再構成するデータグラム数。") \
	X(REASSEMBLY_FRAGMENTS, "reassembly.fragments", INT, "fragments", 2, 1024, "64", NULL, \
	  "Fragments of one datagram.", "一つのデータグラムの断片数の上限。") \
	X(REASSEMBLY_BYTES, "reassembly.bytes", BYTES, "bytes", 65536, 1073741824, "16MiB", NULL, \
	  "Memory of all datagrams in reassembly.", "再構成に使うメモリーの上限。") \
	X(REASSEMBLY_TIME, "reassembly.time", DURATION, "s", 1, 120, "15s", NULL, \
	  "Time within which a datagram must be whole.", "再構成の制限時間。") \
	X(RATES_HOSTS, "rates.hosts", INT, "hosts", 1024, 4194304, "262144", NULL, \
	  "Hosts counted in one second by one worker; the rest counts to its prefix.", "1秒間に個別に数えるホスト数。") \
	X(RATES_KEEP, "rates.keep", INT, "hosts", 1024, 4194304, "1048576", NULL, \
	  "Hosts whose rates are remembered; the quietest goes.", "速度を記憶するホスト数。") \
	X(RATES_BASELINES, "rates.baselines", INT, "hosts", 1024, 4194304, "262144", NULL, \
	  "Hosts whose usual rates of the last seven days are learned; what comes later has floors alone.", \
	  "過去7日間の平常値を学習するホスト数。これを超えたホストには下限値だけを適用する。") \
	X(STATE_FOLDER, "state.folder", STRING, NULL, 0, 4000, "auto", NULL, \
	  "Folder of the snapshot of what was learned, so that a restart need not learn it again. auto: with `yagura run`, `state` below " \
	  "$STATE_DIRECTORY (systemd); without that, or empty: none on disk. A replay has none unless --set names one.", \
	  "学習結果のスナップショットを保存するフォルダー。再起動後に学習し直さずに済む。autoはsystemdの$STATE_DIRECTORYの下のstate。空なら保存しない。" \
	  "再生では--setで指定した場合だけ使う。") \
	X(DISSECTOR_WORKERS, "dissector.workers", INT, "processes", 1, 16, "1", NULL, \
	  "Dissector processes of a live run; a replay always has one.", "解析プロセス数（再生時は常に1）。") \
	X(DISSECTOR_PACKETS, "dissector.packets", INT, "packets", 1, 80, "16", NULL, \
	  "Packets with payload of one flow that are read.", "一つのフローで解析するパケット数。") \
	X(DISSECTOR_BYTES, "dissector.bytes", BYTES, "bytes", 2048, 65536, "24KiB", NULL, \
	  "Payload of one flow that is read.", "一つのフローで解析するバイト数。") \
	X(DISSECTOR_RING, "dissector.ring", INT, "slots", 64, 65536, "4096", NULL, \
	  "Slots of the ring towards a dissector.", "解析プロセスへのリングの大きさ。") \
	X(DISSECTOR_OFF, "dissector.off", STRING, NULL, 0, 255, "DTLS,Kerberos,TINC,PPStream,IRC,Florensia", NULL, \
	  "nDPI dissectors that are left out, by nDPI's names, with commas; the default are those known to be defective in 4.2.", "使用しないnDPI解析器（既定は4.2で欠陥が知られるもの）。") \
	X(DISSECTOR_WATCHDOG, "dissector.watchdog", INT, "ms", 20, 10000, "100", NULL, \
	  "Time without progress after which a dissector is killed and forked anew.", "解析が進まない場合に再起動するまでの時間。") \
	X(DISSECTOR_MEMORY, "dissector.memory", BYTES, "bytes", 67108864, 4294967296, "512MiB", NULL, \
	  "Data memory of one dissector process.", "解析プロセスのメモリー上限。") \
	X(DISSECTOR_STREAMS, "dissector.streams", INT, "buffers", 16, 65536, "4096", NULL, \
	  "Messages that are put together from several segments at a time, 8 KiB each.", "同時に組み立てるメッセージ数（各8KiB）。") \
	X(QUARANTINE_DIR, "quarantine.directory", STRING, NULL, 0, 255, "", NULL, \
	  "Folder for packets that killed a dissector; empty: none are kept.", "解析プロセスを停止させたパケットの保存先。空なら保存しない。") \
	X(QUARANTINE_FILES, "quarantine.files", INT, "files", 0, 10000, "100", NULL, \
	  "Files kept there; when it is full no more are written, and counted.", "保存するファイル数の上限。") \
	X(ALERTS_UPDATE, "alerts.update", DURATION, "s", 5, 3600, "60s", NULL, \
	  "Interval of the updates of an open alert.", "継続中のアラートの更新間隔。") \
	X(ALERTS_OPEN, "alerts.open", INT, "alerts", 16, 65536, "4096", NULL, \
	  "Alerts open at a time; past it they are summarised.", "同時に継続できるアラート数。") \
	X(ALERTS_PER_MINUTE, "alerts.per_minute", INT, "alerts", 1, 100000, "200", NULL, \
	  "Alerts opened in a minute; past it low and medium ones are summarised with exact counts.", "1分間に発報する数。超えた分は集約する。") \
	X(ALERTS_SHADOW_DAYS, "alerts.shadow_days", INT, "days", 0, 365, "14", NULL, \
	  "Live: days from the first run of a detector with a body in which its alerts about that body go out as shadow; 0: none.", \
	  "実運用時、検知プラグインと団体の組み合わせごとに、初回稼働からアラートを試行扱い（shadow）とする日数。0 は試行期間なし。") \
	X(ALERTS_ID_KEY_FILE, "alerts.id_key_file", STRING, NULL, 1, 4000, "auto", NULL, \
	  "File of 16 random bytes under which the ids of alerts are made, so that nobody can try out which address an id is of. auto: with " \
	  "`yagura run`, `id.key` in state.folder, made at the first start; without that folder a key of this run alone. Sensors that see the " \
	  "same traffic share one. A replay without a named file takes a key that everybody knows.", \
	  "アラートIDの計算に使う鍵（16バイトの乱数）のファイル。IDからアドレスを割り出せないようにする。autoはstate.folderの下のid.key（初回起動時に作成）。" \
	  "state.folderがなければその実行だけの鍵。同じ通信を見るセンサーには同じ鍵を置く。再生ではファイルを指定しない限り公開の固定鍵を使う。") \
	X(REDIS_URL, "redis.url", STRING, NULL, 0, 255, "", NULL, \
	  "redis://[user:password@]host:port[/db], unix://[user:password@]/path or sentinel://[user:password@]host:port,…/name[/db]; " \
	  "rediss:// is redis:// over TLS, where hiredis is 1.0 or newer; empty: no Redis.", "Redisの接続先。空なら使わない。") \
	X(REDIS_CA, "redis.ca", STRING, NULL, 0, 4000, "/etc/ssl/certs/ca-certificates.crt", NULL, \
	  "With rediss://: file of certificates of which one must have signed that of Redis.", "rediss://でRedisの証明書を検証するCA証明書のファイル。") \
	X(REDIS_CERTIFICATE, "redis.certificate", STRING, NULL, 0, 4000, "", NULL, \
	  "With rediss://: file of the certificate that is shown to Redis (tls-auth-clients); empty: none.", \
	  "rediss://でRedisに提示するクライアント証明書のファイル。空なら提示しない。") \
	X(REDIS_KEY, "redis.key", STRING, NULL, 0, 4000, "", NULL, \
	  "Private key of that certificate, without a passphrase.", "クライアント証明書の秘密鍵のファイル（パスフレーズなし）。") \
	X(REDIS_MAXLEN, "redis.maxlen", INT, "entries", 1000, 1000000000, "500000", NULL, \
	  "Entries that the alert stream keeps, about.", "ストリームに残すおよその件数。") \
	X(REDIS_MAXAGE, "redis.maxage", DURATION, "s", 0, 315360000, "30d", NULL, \
	  "Age from which entries of the alert stream are given up, to about an hour and while the sensor runs; 0: by count alone.", \
	  "ストリームに残すおよその期間。0なら件数のみで制限する。") \
	X(REDIS_METRICS, "redis.metrics", BOOL, NULL, 0, 0, "true", NULL, \
	  "Whether points of each second, minute and hour go to Redis, of the sensor and of each body. They need a spool on disk.", \
	  "秒・分・時ごとの計測値（センサー全体と団体別）をRedisへ送るか。spool.folderが必要。") \
	X(REDIS_REPLICAS, "redis.replicas", INT, "replicas", 0, 8, "0", NULL, \
	  "Replicas that must have an alert before it counts as delivered (WAIT).", "配送済みとみなすまでに複製を待つレプリカ数。") \
	X(REDIS_TIMEOUT, "redis.timeout", DURATION, "s", 0.1, 60, "2s", NULL, \
	  "Time to answer a command, and to connect (1 s at most).", "応答と接続（最長1秒）の制限時間。") \
	X(REDIS_FLOWS, "redis.flows", BOOL, NULL, 0, 0, "false", NULL, \
	  "Send flow records to Redis too (stream flows, list and channel). They go through the spool, which must be on disk: " \
	  "a busy link fills it.", \
	  "フロー記録もRedisへ送る。ディスク上のスプールが必要で、回線が速いと容量を使う。") \
	X(REDIS_FLOWS_MAXLEN, "redis.flows_maxlen", INT, "entries", 1000, 1000000000, "100000", NULL, \
	  "Entries that the stream of flow records keeps, about.", "フロー記録のストリームに残すおよその件数。") \
	X(REDIS_SECONDS, "redis.seconds", INT, "entries", 60, 10000000, "3600", NULL, \
	  "Points of metrics of one second that their stream keeps, about.", "1秒ごとの計測値を残すおよその件数。") \
	X(REDIS_MINUTES, "redis.minutes", INT, "entries", 60, 10000000, "10080", NULL, \
	  "Points of one minute.", "1分ごとの計測値を残すおよその件数。") \
	X(REDIS_HOURS, "redis.hours", INT, "entries", 24, 10000000, "9600", NULL, \
	  "Points of one hour.", "1時間ごとの計測値を残すおよその件数。") \
	X(REDIS_LIST_KEY, "redis.list.key", STRING, NULL, 0, 200, "", NULL, \
	  "Key of a list that gets the same lines, for readers that take from one (Logstash, Vector, FEVER); empty: none.", \
	  "同じ行を追加するリストのキー（Logstash、Vector、FEVERなど向け）。空なら使わない。") \
	X(REDIS_LIST_PUSH, "redis.list.push", ENUM, NULL, 0, 0, "rpush", "lpush|rpush", \
	  "On which end: rpush for readers that take from the left (BLPOP: Logstash, Vector), lpush for those that take from the right (FEVER).", \
	  "追加する側。左から取り出す読み手（Logstash、Vector）はrpush、右から取り出す読み手（FEVER）はlpush。") \
	X(REDIS_LIST_MAXLEN, "redis.list.maxlen", INT, "lines", 1, 100000000, "100000", NULL, \
	  "Lines that the list keeps; the oldest beyond are cut off, and counted.", "リストに残す行数。超えた古い行は削除し、件数を記録する。") \
	X(REDIS_CHANNEL, "redis.channel", STRING, NULL, 0, 200, "", NULL, \
	  "Channel on which the same lines are published, for readers that listen; empty: none.", "同じ行を発行するチャンネル。空なら使わない。") \
	X(REDIS_DRAIN, "redis.drain", DURATION, "s", 0, 3600, "10s", NULL, \
	  "How long the end of a replay keeps trying to deliver.", "終了時に配送を試みる時間。") \
	X(SPOOL_FOLDER, "spool.folder", STRING, NULL, 0, 4000, "auto", NULL, \
	  "Folder of the spool, where alerts are kept until every sink has them. auto: with `yagura run`, `spool` below $STATE_DIRECTORY " \
	  "(systemd); without that, or empty: none, alerts wait in memory. A replay has none unless --set names one.", \
	  "全出力先に届くまでアラートを保存するフォルダー。autoはsystemdの$STATE_DIRECTORYの下のspool。空なら保存せずメモリー上で待つ。") \
	X(SPOOL_SIZE, "spool.size", BYTES, "bytes", 1048576, 1099511627776, "4GiB", NULL, \
	  "Most that the spool takes on disk; when what is undelivered comes near, low severities are refused first, and counted.", \
	  "スプールの最大容量。未配送分が近づくと低い重要度から受け入れを止め、件数を記録する。") \
	X(SPOOL_RETENTION, "spool.retention", DURATION, "s", 0, 31536000, "7d", NULL, \
	  "How long alerts that every sink has are kept all the same, to mend a Redis that has forgotten them.", \
	  "配送済みのアラートも保存しておく期間（Redisが失った場合に再送する）。") \
	X(EVE_FILE, "eve.file", STRING, NULL, 0, 4095, "", NULL, \
	  "File for EVE JSON lines; empty: none.", "EVE JSONの出力ファイル。空なら出力しない。") \
	X(EVE_FLOWS, "eve.flows", BOOL, NULL, 0, 0, "true", NULL, \
	  "Write flow records to the EVE file.", "フロー記録もEVEに出力する。") \
	X(EVE_ROTATE_SIZE, "eve.rotate_size", BYTES, "bytes", 0, 1099511627776, "0", NULL, \
	  "Size at which the EVE file is set aside and another one begun; 0: never.", "EVEファイルを切り替えるサイズ。0なら切り替えない。") \
	X(EVE_ROTATE_TIME, "eve.rotate_time", DURATION, "s", 0, 31536000, "0s", NULL, \
	  "Time after which it is set aside, counted from midnight in sensor.timezone: 1d, 1h, 10m; 0: never.", \
	  "EVEファイルを切り替える間隔。sensor.timezoneの0時を起点とする（1d、1h、10mなど）。0なら切り替えない。") \
	X(EVE_KEEP, "eve.keep", INT, "files", 0, 10000, "30", NULL, \
	  "Files set aside that are kept, the oldest goes first; 0: all.", "切り替え後に残す旧ファイル数（古いものから削除）。0ならすべて残す。") \
	X(EVE_COMPRESS, "eve.compress", BOOL, NULL, 0, 0, "false", NULL, \
	  "Compress files that were set aside (gzip).", "切り替え後の旧ファイルをgzipで圧縮する。") \
	X(EVE_SOCKET, "eve.socket", STRING, NULL, 0, 127, "", NULL, \
	  "UNIX socket that gets every alert as an EVE line too, such as EveBox reads: unix_stream:/path or unix_dgram:/path; empty: none.", \
	  "アラートのEVE行を送るUNIXソケット（EveBoxなど）。unix_stream:/path または unix_dgram:/path。空なら送らない。") \
	X(SYSLOG_URL, "syslog.url", STRING, NULL, 0, 300, "", NULL, \
	  "Collector that gets every alert by syslog (RFC 5424): udp://host[:514] or tcp://host[:601]; empty: none.", \
	  "アラートをsyslog（RFC 5424）で送る先。udp://host[:514] または tcp://host[:601]。空なら送らない。") \
	X(SYSLOG_FORMAT, "syslog.format", ENUM, NULL, 0, 0, "cef", "cef|json", \
	  "What stands in the message: CEF, or the EVE line.", "メッセージの形式。cef（CEF）または json（EVE行）。") \
	X(SYSLOG_FACILITY, "syslog.facility", ENUM, NULL, 0, 0, "local0", \
	  "kern|user|mail|daemon|auth|syslog|lpr|news|uucp|cron|authpriv|ftp|ntp|audit|alert|clock|" \
	  "local0|local1|local2|local3|local4|local5|local6|local7", \
	  "Facility of the messages.", "メッセージのファシリティ。") \
	X(CAPTURE_DEDUPLICATE, "capture.deduplicate", BOOL, NULL, 0, 0, "false", NULL, \
	  "Leave out the second of two equal packets within 50 ms: for a mirror that shows every packet twice.", "50ミリ秒以内に二重に届いたパケットを除く（双方向SPAN向け）。") \
	X(SHED_ENABLED, "shed.enabled", BOOL, NULL, 0, 0, "true", NULL, \
	  "Shed load in announced steps when a worker cannot keep up; rates stay exact.", "処理が追いつかない場合に段階的に負荷を制限する（計数は正確なまま）。") \
	X(SHED_QUEUE, "shed.queue", INT, "%", 10, 95, "75", NULL, \
	  "Fill of a worker's receive queue at which shedding begins; the next steps come at half and a fifth of the room left.", "負荷制限を始める受信キューの使用率。") \
	X(SHED_BUSY, "shed.busy", INT, "%", 50, 100, "98", NULL, \
	  "Share of a worker's time spent on packets that counts as overload while its queue fills or cannot be read.", "過負荷とみなすワーカーの稼働率。") \
	X(SHED_CALM, "shed.calm", DURATION, "s", 0.1, 600, "5s", NULL, \
	  "Time of calm before shedding goes one step down.", "負荷制限を一段階緩めるまでの平穏な時間。") \
	X(MIRROR_SILENCE, "mirror.silence", DURATION, "s", 0, 86400, "30s", NULL, \
	  "Time without a packet on a port after which sensor.silent is raised; 0: never.", "受信なしと判断するまでの時間。0 は無効。") \
	X(MIRROR_DROPS, "mirror.drops", FLOAT, "%", 0, 100, "0.1", NULL, \
	  "Share of frames lost before they could be read (port, kernel, handing over) that is a fault of the mirror; 0: never.", "異常とみなす受信前のフレーム損失率。0 は無効。") \
	X(MIRROR_ERRORS, "mirror.errors", FLOAT, "%", 0, 100, "0.1", NULL, \
	  "Share of damaged frames; 0: never.", "異常とみなす破損フレームの割合。0 は無効。") \
	X(MIRROR_GAPS, "mirror.gaps", FLOAT, "%", 0, 100, "1", NULL, \
	  "Share of acknowledged bytes that the mirror never showed; 0: never.", "異常とみなす、確認応答済みで見えなかったデータの割合。0 は無効。") \
	X(MIRROR_DUPLICATES, "mirror.duplicates", FLOAT, "%", 0, 100, "5", NULL, \
	  "Share of packets that are second copies, while capture.deduplicate is off; 0: never.", "異常とみなす重複パケットの割合。0 は無効。") \
	X(MIRROR_ONE_WAY, "mirror.one_way", FLOAT, "%", 0, 100, "50", NULL, \
	  "Share of TCP connections of which one direction was seen, where egress.mirror is both; 0: never.", "異常とみなす片方向の接続の割合。0 は無効。") \
	X(MIRROR_REORDERING, "mirror.reordering", FLOAT, "%", 0, 100, "5", NULL, \
	  "Share of TCP segments that came out of order; 0: never.", "異常とみなす順序の入れ替わりの割合。0 は無効。") \
	X(MIRROR_ASYMMETRY, "mirror.asymmetry", FLOAT, "%", 0, 100, "0.1", NULL, \
	  "Share of flows that two workers have; 0: never.", "異常とみなす、複数ワーカーに分かれたフローの割合。0 は無効。") \
	X(MIRROR_IMBALANCE, "mirror.imbalance", FLOAT, "times", 0, 64, "4", NULL, \
	  "Packets of the fullest worker over the mean of all; 0: never.", "異常とみなす、最多ワーカーと平均の比。0 は無効。") \
	X(MIRROR_UTILISATION, "mirror.utilisation", FLOAT, "%", 0, 400, "90", NULL, \
	  "Mirrored traffic, both directions together, over egress.line: a mirror port of that speed shows no more; 0: never.", "egress.line に対する異常とみなす使用率（双方向の合計）。0 は無効。") \
	X(CAPTURE_TELEMETRY, "capture.telemetry", BOOL, NULL, 0, 0, "false", NULL, \
	  "Answer DPDK's telemetry clients (/yagura/stats, /yagura/flows, /yagura/detectors).", "DPDKのテレメトリークライアントに応答する。") \
	X(METRICS_LISTEN, "metrics.listen", STRING, NULL, 0, 107, "/run/yagura/metrics.sock", NULL, \
	  "Where Prometheus may read /metrics: a UNIX socket, or a port of this host alone (127.0.0.1:9598, [::1]:9598); empty: nowhere.", \
	  "Prometheus形式の /metrics を提供する場所。UNIXソケット、または自ホスト内のみのアドレスとポート。空なら提供しない。") \
	X(CONTROL_SOCKET, "control.socket", STRING, NULL, 0, 107, "/run/yagura/control.sock", NULL, \
	  "UNIX socket on which `yagura stats` asks a live run; empty: none.", "稼働中のセンサーに `yagura stats` などが問い合わせるUNIXソケット。空なら作成しない。")
// clang-format on

enum yg_option_id {
#define X(id, ...) YG_O_##id,
	YG_OPTIONS(X)
#undef X
	YG_O_COUNT,
};
