// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See kind_texts.h.
#include "kind_texts.h"

#include <stddef.h>
#include <string.h>

#define AVAILABILITY "情報セキュリティポリシー 対象とする脅威（サービス不能攻撃等）／技術的セキュリティ（不正アクセス対策）", \
	"Information security policy: threats covered (denial of service); technical security (measures against attacks)"
#define ACCESS "情報セキュリティポリシー 技術的セキュリティ（アクセス制御、不正アクセス対策）", \
	"Information security policy: technical security (access control, measures against attacks)"
#define MALWARE "情報セキュリティポリシー 技術的セキュリティ（不正プログラム対策）／運用（侵害時の対応）", \
	"Information security policy: technical security (malware); operation (response to incidents)"
#define LEAK "情報セキュリティポリシー 対象とする脅威（情報資産の無断持ち出し）／運用（情報システムの監視）", \
	"Information security policy: threats covered (removal of information); operation (monitoring of systems)"
#define ZONES "情報セキュリティポリシー 情報システム全体の強靭性の向上（三層の対策）", \
	"Information security policy: resilience of the whole (separation into three layers)"
#define CLOUD "情報セキュリティポリシー 業務委託と外部サービス（クラウドサービス）の利用", \
	"Information security policy: contractors and external (cloud) services"
#define SOFTWARE "情報セキュリティポリシー 対象とする脅威（無許可ソフトウェアの使用）／人的セキュリティ（遵守事項）", \
	"Information security policy: threats covered (software without permission); people (what is to be observed)"
#define WATCH "情報セキュリティポリシー 運用（情報システムの監視）", "Information security policy: operation (monitoring of systems)"

// clang-format off
const struct web_kind_text web_kind_texts[] = {
	{"dos.volume", "1つの宛先への通信量が、平常値を大きく超えています。攻撃のほか、配信や更新の集中でも起こります。",
	 "Traffic towards one target is far above its habit: an attack, or a rush for a download.", AVAILABILITY},
	{"dos.syn_flood", "接続を始めるだけで完了させない要求を大量に送り、サーバーやファイアウォールの接続数を使い切らせる攻撃です。",
	 "Requests for connections that are never completed, to use up what servers and firewalls keep for them.", AVAILABILITY},
	{"dos.udp_flood", "UDPパケットを大量に送り、回線や機器を飽和させる攻撃です。", "UDP packets in such numbers that line or equipment give way.", AVAILABILITY},
	{"dos.icmp_flood", "ICMPパケットを大量に送り、回線や機器の処理を妨げる攻撃です。", "ICMP packets in such numbers that line or equipment give way.", AVAILABILITY},
	{"dos.ack_flood", "接続のないACKやRSTなどを大量に送り、機器の処理能力を奪う攻撃です。偽装された攻撃の跳ね返りでも見られます。",
	 "Packets that belong to no connection, in numbers; also what comes back from attacks with a forged address.", AVAILABILITY},
	{"dos.fragment_flood", "分割されたIPパケットを大量に送り、組み立てる機器の記憶域を使い切らせる攻撃です。",
	 "Fragments that never become whole, to use up the memory of what puts them together.", AVAILABILITY},
	{"dos.other_flood", "TCP・UDP・ICMP以外のプロトコルや壊れたパケットを大量に送る攻撃です。", "Another protocol, or malformed packets, in numbers.", AVAILABILITY},
	{"dos.amplification", "外部の公開サーバーに偽の問い合わせを送り、大きくなった応答を対象に向けさせる攻撃です。",
	 "Answers of public servers to questions that somebody asked in the target's name.", AVAILABILITY},
	{"dos.dns_flood", "DNSサーバーに大量の問い合わせを送り、名前解決を妨げる攻撃です。", "Queries in such numbers that a DNS server cannot answer.", AVAILABILITY},
	{"dos.http_flood", "Webサーバーに大量の接続を行い、閲覧できなくする攻撃です。利用者の集中でも起こります。",
	 "Connections to a web server in such numbers that it cannot serve; a rush of people looks alike.", AVAILABILITY},
	{"dos.slow_http", "要求をわざとゆっくり送り、少ない通信量でWebサーバーの同時接続数を使い切らせる攻撃です。",
	 "Requests that are sent so slowly that they use up a web server's connections.", AVAILABILITY},
	{"dos.carpet", "1台ではなくアドレス範囲全体に少しずつ送り、個別のしきい値を避けて回線を飽和させる攻撃です。",
	 "A whole prefix is flooded a little at each address, below the threshold of any one.", AVAILABILITY},
	{"dos.outbound", "庁内端末が、外部への攻撃に加わっている疑いがあります。乗っ取られている可能性があります。",
	 "An internal host seems to take part in an attack on others; it may have been taken over.", MALWARE},
	{"dos.open_service", "庁内の機器が外部からの問い合わせに誰にでも応答しており、攻撃の踏み台に使われるおそれがあります。",
	 "An internal host answers anybody, and can be used to reflect attacks on others.", ACCESS},
	{"dos.campaign", "同じ対象への似た攻撃が、間をおいて繰り返されています。", "Attacks on one target that come again and again, in pulses.", AVAILABILITY},
	{"link.saturation", "回線の使用率が上限に近く、その回線を使うすべての通信に影響します。", "A line is nearly full; everybody behind it feels it.", AVAILABILITY},
	{"scan.port", "1台の機器の多数のポートを調べる動きです。侵入の下調べとして行われます。", "Many ports of one host are tried: how a way in is looked for.", ACCESS},
	{"scan.host", "多数の機器の同じポートを調べる動きです。弱点のある機器を探しています。", "One port of many hosts is tried: somebody looks for what is weak.", ACCESS},
	{"scan.success", "スキャンを行った送信元が再び接続し、通信が成立しました。侵入の疑いがあります。", "Who had scanned came back and was served: perhaps a way in.", ACCESS},
	{"brute.force", "パスワードを変えながらログインを繰り返し試みています。", "Logins are tried over and over with other passwords.", ACCESS},
	{"beacon", "庁内端末が外部ホストへ一定の間隔で通信しています。遠隔操作を受けている可能性があります。",
	 "An internal host calls an outside one at even intervals, as what is controlled from there does.", MALWARE},
	{"dns.tunnel", "DNSの名前に別のデータを載せて外部とやり取りしている疑いがあります。", "Data seems to be carried out or in by DNS names.", LEAK},
	{"dns.dga", "機械的に作られた名前への問い合わせです。不正プログラムが接続先を探すときに見られます。", "Names made by a program, as malware asks for to find its master.", MALWARE},
	{"exfil.upload", "庁内端末から外部への送信量が、その端末の平常値を大きく超えています。", "A host sends far more to the outside than is its habit.", LEAK},
	{"indicator", "脅威情報（IoC）に登録された宛先や名前との通信です。", "Contact with an address or name that is listed as harmful.", MALWARE},
	{"risk.host", "1台の端末に、種類の異なる危険の兆しが集まっています。", "Signs of several kinds gather on one host.", WATCH},
	{"exploit.web", "暗号化されていないWeb通信の中に、弱点を突く要求が見つかりました。", "A request in clear-text HTTP that tries to use a weakness.", ACCESS},
	{"zone.mynumber", "インターネットとの境界に、マイナンバー利用事務系のアドレスが現れました。分離されているはずの通信です。",
	 "An address of the My Number zone was seen at the egress, where it must never be.", ZONES},
	{"zone.lgwan", "LGWAN接続系とインターネット接続系の通信が、無害化の経路を通らずに出会っています。", "LGWAN and Internet zones meet outside the sanitising path.", ZONES},
	{"policy.bypass", "DNS・NTP・メール・Webの通信が、集約された経路を通っていません。", "DNS, NTP, mail or web that does not take the common way out.", ZONES},
	{"policy.service", "承認されていない外部サービスが利用されています。", "An outside service is used that nobody approved.", CLOUD},
	{"policy.software", "許可されていないソフトウェア（P2P、遠隔操作、VPNなど）の通信です。", "Traffic of software without permission: P2P, remote control, VPN.", SOFTWARE},
	{"policy.contractor", "委託業者の接続が、取り決めた時間外に行われました。", "A contractor's session outside the agreed window.", CLOUD},
	{"policy.exposure", "申告のないサービスに、インターネットから接続できます。", "A service can be reached from the Internet that nobody declared.", ACCESS},
	{"hygiene.cleartext", "パスワードが暗号化されずに送られています。", "A password goes over the line in clear text.", ACCESS},
	{"hygiene.tls", "公開サーバーの証明書の期限切れ、または古いTLSの利用です。", "An expired certificate or obsolete TLS on an own server.", ACCESS},
	{"address.bogon", "この回線に現れないはずのアドレスの通信です。設定の誤りか、送信元の偽装が考えられます。", "Addresses that do not belong on this line: a mistake, or forged.", WATCH},
	{"org.dark", "団体の通信が途絶えています。回線や機器の障害、または監視の異常が考えられます。", "A body has fallen silent: its line, its equipment, or what shows it to us.", WATCH},
	{"org.baseline", "団体の通信量が、その曜日・時刻の平常値から大きく外れています。", "A body's traffic is far from what is usual at this hour.", WATCH},
	{"sensor.mirror", "センサーに届く通信の写しに、欠けや重複などの異常があります。検知の確度が下がります。", "The mirror loses or doubles what it shows; alerts are less certain.", WATCH},
	{"sensor.silent", "センサーにパケットが届いていません。監視できない状態です。", "No packets reach the sensor: it sees nothing.", WATCH},
	{"sensor.shed", "処理が追いつかず、センサーが負荷を制限しています。", "The sensor cannot keep up and gives up what matters least.", WATCH},
	{"sensor.dissector", "通信の解析プロセスが異常終了しました。監視は続いています。", "A packet ended a reader of payloads; the sensor goes on.", WATCH},
	{"sensor.blind", "センサーが通信を見られない時間がありました。", "For a while the sensor saw nothing.", WATCH},
	{"sensor.spool", "アラートを保存するディスクに異常があるか、空きが少なくなっています。", "The disk that keeps alerts is nearly full or fails.", WATCH},
	{NULL, NULL, NULL, NULL, NULL},
};
// clang-format on

const struct web_kind_text *web_kind_text(const char *kind)
{
	for (const struct web_kind_text *t = web_kind_texts; t->kind; t++)
		if (strcmp(t->kind, kind) == 0)
			return t;
	return NULL;
}
