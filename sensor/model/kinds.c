// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The table of kinds. The kind is the stable name and the signature id never changes its meaning: rows are appended,
// none is reused. Pure data; a linear search is enough, for it runs once an alert.
#include "model/kinds.h"

#include <string.h>

#include "yagura/plugin.h"

const struct yg_kind yg_kinds[] = {
	{"dos.volume", 8050001, YG_SEV_HIGH, "T1498.001", "Traffic far above normal towards one target",
	 "通信量の異常な集中", "Denial of Service"},
	{"dos.syn_flood", 8050002, YG_SEV_HIGH, "T1499.001", "SYN flood", "SYNフラッド攻撃", "Denial of Service"},
	{"dos.udp_flood", 8050003, YG_SEV_HIGH, "T1498.001", "UDP flood", "UDPフラッド攻撃", "Denial of Service"},
	{"dos.icmp_flood", 8050004, YG_SEV_HIGH, "T1498.001", "ICMP flood", "ICMPフラッド攻撃", "Denial of Service"},
	{"dos.ack_flood", 8050005, YG_SEV_HIGH, "T1499.001", "ACK, RST, FIN or SYN-ACK packets without a connection",
	 "接続のないACK等のフラッド攻撃", "Denial of Service"},
	{"dos.fragment_flood", 8050006, YG_SEV_HIGH, "T1498.001", "IP fragment flood", "IPフラグメントフラッド攻撃",
	 "Denial of Service"},
	{"dos.other_flood", 8050007, YG_SEV_HIGH, "T1498.001", "Flood of another protocol or of malformed packets",
	 "その他プロトコルのフラッド攻撃", "Denial of Service"},
	{"dos.amplification", 8050010, YG_SEV_HIGH, "T1498.002", "Reflection and amplification",
	 "リフレクション（増幅）攻撃", "Denial of Service"},
	{"dos.dns_flood", 8050011, YG_SEV_HIGH, "T1499.002",
	 "DNS query flood or random subdomains against a declared DNS server", "DNSサーバーへの大量問い合わせ",
	 "Denial of Service"},
	{"dos.http_flood", 8050012, YG_SEV_HIGH, "T1499.002", "HTTP(S) connection flood", "HTTPフラッド攻撃",
	 "Denial of Service"},
	{"dos.slow_http", 8050013, YG_SEV_HIGH, "T1499.002", "Slow HTTP", "低速HTTP攻撃", "Denial of Service"},
	{"dos.carpet", 8050014, YG_SEV_HIGH, "T1498.001", "Carpet bombing of a prefix", "じゅうたん爆撃型DDoS",
	 "Denial of Service"},
	{"dos.outbound", 8050015, YG_SEV_HIGH, "T1498", "An internal host takes part in an attack", "内部端末からのDoS通信",
	 "Denial of Service"},
	{"dos.open_service", 8050016, YG_SEV_MEDIUM, "T1498.002", "An internal host answers as an open reflector",
	 "踏み台になり得る公開サービス", "Denial of Service"},
	{"dos.campaign", 8050017, YG_SEV_HIGH, "T1498", "Pulses of attack that belong together",
	 "断続的な攻撃（キャンペーン）", "Denial of Service"},
	{"link.saturation", 8050018, YG_SEV_HIGH, "T1498.001", "A line is saturated", "回線の飽和", "Denial of Service"},
	{"scan.port", 8050101, YG_SEV_LOW, "T1046", "Many ports of one host", "ポートスキャン", "Network Scan"},
	{"scan.host", 8050102, YG_SEV_LOW, "T1595.001", "One port of many hosts", "ホストスキャン", "Network Scan"},
	{"scan.success", 8050103, YG_SEV_HIGH, "T1190", "A scanner came back and was served", "スキャン後の侵入の疑い",
	 "Network Scan"},
	{"brute.force", 8050110, YG_SEV_HIGH, "T1110", "Password guessing", "総当たりログイン試行", "Password Guessing"},
	{"beacon", 8050201, YG_SEV_HIGH, "T1071", "Periodic contact with an outside host", "定期通信（ビーコン）",
	 "Command and Control"},
	{"dns.tunnel", 8050202, YG_SEV_HIGH, "T1071.004", "Data carried in DNS names", "DNSトンネリング",
	 "Command and Control"},
	{"dns.dga", 8050203, YG_SEV_MEDIUM, "T1568.002", "Generated domain names", "自動生成ドメインへの問い合わせ",
	 "Command and Control"},
	{"exfil.upload", 8050204, YG_SEV_HIGH, "T1041", "Upload far above the own baseline", "情報持ち出しの疑い",
	 "Data Exfiltration"},
	{"indicator", 8050205, YG_SEV_HIGH, "T1071", "Contact with a listed indicator", "脅威情報（IoC）との一致",
	 "Known Threat"},
	{"risk.host", 8050206, YG_SEV_MEDIUM, "", "Risks of several kinds gather on one host", "リスクの集中",
	 "Suspicious Host"},
	{"exploit.web", 8050207, YG_SEV_HIGH, "T1190", "Exploit attempt in clear-text HTTP", "Webへの攻撃の試み",
	 "Exploit Attempt"},
	{"zone.mynumber", 8050301, YG_SEV_CRITICAL, "", "A My Number address seen at the egress",
	 "マイナンバー系アドレスの外部通信", "Zone Violation"},
	{"zone.lgwan", 8050302, YG_SEV_HIGH, "", "LGWAN and Internet zones meet outside the sanitising path",
	 "LGWAN系とインターネット系の経路逸脱", "Zone Violation"},
	{"policy.bypass", 8050303, YG_SEV_MEDIUM, "T1572", "DNS, NTP, mail or web not by way of the cloud",
	 "集約経路の迂回", "Policy Violation"},
	{"policy.service", 8050304, YG_SEV_LOW, "T1567.002", "Use of a service without approval", "未承認サービスの利用",
	 "Policy Violation"},
	{"policy.software", 8050305, YG_SEV_MEDIUM, "T1219", "P2P, remote control, VPN, Tor or mining software",
	 "無許可ソフトウェアの利用", "Policy Violation"},
	{"policy.contractor", 8050306, YG_SEV_MEDIUM, "T1199", "Contractor session outside the agreed window",
	 "委託業者の時間外接続", "Policy Violation"},
	{"policy.exposure", 8050307, YG_SEV_HIGH, "T1133", "A service reachable from the Internet that nobody declared",
	 "未申告サービスの公開", "Policy Violation"},
	{"hygiene.cleartext", 8050308, YG_SEV_LOW, "T1040", "Password in clear text", "平文での認証", "Security Hygiene"},
	{"hygiene.tls", 8050309, YG_SEV_LOW, "", "Expired certificate or obsolete TLS on an own server", "TLS設定の不備",
	 "Security Hygiene"},
	{"address.bogon", 8050310, YG_SEV_LOW, "", "Addresses that should not be on this line", "不正なアドレスの通信",
	 "Bogus Address"},
	{"org.dark", 8050401, YG_SEV_HIGH, "", "A body has fallen silent", "団体の通信途絶", "Traffic Anomaly"},
	{"org.baseline", 8050402, YG_SEV_MEDIUM, "", "Traffic of a body far from its habit", "平常値からの乖離",
	 "Traffic Anomaly"},
	{"sensor.mirror", 8050501, YG_SEV_HIGH, "", "The mirror loses, duplicates or shows one direction only",
	 "ミラーの異常", "Sensor Health"},
	{"sensor.silent", 8050502, YG_SEV_CRITICAL, "", "No packets", "受信なし", "Sensor Health"},
	{"sensor.shed", 8050503, YG_SEV_HIGH, "", "The sensor sheds load", "センサーの負荷制限", "Sensor Health"},
	{"sensor.dissector", 8050504, YG_SEV_HIGH, "", "A packet killed or hung the dissector", "解析プロセスの異常終了",
	 "Sensor Health"},
	{"sensor.blind", 8050505, YG_SEV_HIGH, "", "The sensor was blind for a while", "監視の空白", "Sensor Health"},
	{"sensor.spool", 8050506, YG_SEV_HIGH, "", "Spool nearly full, or an error on disk", "スプールの異常",
	 "Sensor Health"},
};

const uint32_t yg_kinds_count = sizeof yg_kinds / sizeof yg_kinds[0];

const struct yg_kind *yg_kind_find(const char *kind)
{
	for (uint32_t i = 0; i < yg_kinds_count; i++)
		if (strcmp(yg_kinds[i].kind, kind) == 0)
			return &yg_kinds[i];
	return NULL;
}

unsigned yg_severity_eve(unsigned severity)
{
	static const uint8_t numbers[YG_SEV_COUNT] = {4, 3, 2, 1, 1};
	return severity < YG_SEV_COUNT ? numbers[severity] : 4;
}

const char *yg_severity_signature(unsigned severity)
{
	static const char *const words[YG_SEV_COUNT] = {
	    "Informational", "Informational", "Minor", "Major", "Critical",
	};
	return severity < YG_SEV_COUNT ? words[severity] : words[0];
}
