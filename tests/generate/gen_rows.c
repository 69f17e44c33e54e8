// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Each row names what one shot is, how often it is fired, and whom it hits when nobody says otherwise. Default targets are
// mostly hosts of small bodies, whose floors are low, and hardly two attacks share one: what hits a host twice within
// hours is a campaign. New rows go to the end: a row's number is part of its seed. Thread: any, const.
#include "gen_rows.h"

#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))
#define KIRIHARA_WWW IP(203, 0, 113, 70), 0x10
#define KIRIHARA_NS IP(203, 0, 113, 72), 0x20
#define KANEGAOKA_WWW IP(198, 51, 100, 138), 0x10
#define KANEGAOKA_MAIL IP(198, 51, 100, 140), 0x30
#define KANEGAOKA_NET IP(198, 51, 100, 128), 0
#define KANEGAOKA_HOST(n) IP(198, 51, 100, 150 + (n)), 0x150 + (n)
#define YUKINOSAWA_WWW IP(203, 0, 113, 130), 0x10
#define YUKINOSAWA_HOST(n) IP(203, 0, 113, 131 + (n)), 0x8a + (n)
#define YUKINOSAWA_PC IP(203, 0, 113, 140), 0x8c0
#define KIRISASA_WWW IP(192, 0, 2, 10), 0x10
#define KIRISASA_MAIL IP(192, 0, 2, 14), 0x30
#define KIRISASA_HOST(n) IP(192, 0, 2, 15 + (n)), 0x40 + (n)
#define KIRISASA_PC IP(192, 0, 2, 25), 0x99
#define SASAURA_WWW IP(203, 0, 113, 100), 0x10
#define SASAURA_DARK IP(203, 0, 113, 98), 0x98
#define SHIOMI_FIRST IP(198, 51, 100, 1), 0x1
#define SHIOMI_PC IP(198, 51, 100, 60), 0x60
#define SHIOMI_WWW IP(198, 51, 100, 10), 0x10
#define SHIOMI_NS IP(198, 51, 100, 20), 0x20
#define SHIOMI_MAIL IP(198, 51, 100, 30), 0x30
#define NADAMI_WWW IP(203, 0, 113, 10), 0x10
#define NADAMI_NS1 IP(203, 0, 113, 20), 0x20
#define NADAMI_WATCH IP(203, 0, 113, 60), 0x60

// clang-format off
const struct gen_row gen_rows[] = {
	{"syn_flood", "dos.syn_flood", gen_shot_syn, 5000000, 30, 0, KIRIHARA_WWW, 443, 0, 0, 0,
	 "SYN from forged sources, unanswered"},
	{"syn_flood_answered", "dos.syn_flood", gen_shot_syn, 5000000, 30, 0, KANEGAOKA_WWW, 80, GEN_ROW_ANSWERED, 0, 0,
	 "each SYN answered by SYN-ACK, some RST"},
	{"syn_flood_small", "dos.syn_flood", gen_shot_syn, 420000, 60, 0, YUKINOSAWA_WWW, 80, 0, 0, 0,
	 "just above the new-flow floor of a 10 Mbit/s line (366/s)"},
	{"udp_flood", "dos.udp_flood", gen_shot_udp, 5000000, 30, 0, KIRISASA_MAIL, 0, 0, 0, 0,
	 "512 random bytes to random ports"},
	{"icmp_flood", "dos.icmp_flood", gen_shot_icmp, 5000000, 30, 0, YUKINOSAWA_WWW, 0, 0, 0, 0,
	 "echo requests of 512 bytes"},
	{"ack_flood", "dos.ack_flood", gen_shot_ack, 16000000, 20, 0, KIRISASA_WWW, 443, 0, 0, 0,
	 "ACK without a connection, forged sources"},
	{"rst_flood", "dos.ack_flood", gen_shot_rst, 16000000, 20, 0, YUKINOSAWA_WWW, 443, 0, 0, 0,
	 "RST without a connection"},
	{"fin_flood", "dos.ack_flood", gen_shot_fin, 16000000, 20, 0, KIRISASA_WWW, 80, 0, 0, 0,
	 "FIN without a connection"},
	{"synack_flood", "dos.ack_flood", gen_shot_synack, 16000000, 20, 0, YUKINOSAWA_WWW, 0, 0, 0, 0,
	 "SYN-ACK that nobody asked for"},
	{"null_flood", "dos.other_flood", gen_shot_null, 16000000, 20, 0, KIRISASA_MAIL, 25, 0, 0, 0,
	 "TCP without flags, or with FIN, PSH and URG"},
	{"fragment_flood", "dos.fragment_flood", gen_shot_fragment, 3000000, 30, 0, YUKINOSAWA_WWW, 0, 0, 0, 0,
	 "fragments that are not first ones"},
	{"other_flood", "dos.other_flood", gen_shot_other, 3000000, 30, 0, KIRISASA_WWW, 0, 0, 0, 0,
	 "ESP and GRE"},
	{"scan_vertical", "scan.port", gen_shot_port_scan, 40000, 0, 1000, KANEGAOKA_MAIL, 0, GEN_ROW_ONE_SOURCE, 0, 0,
	 "1,000 ports of one host: two open, the rest refuse"},
	{"scan_vertical_silent", "scan.port", gen_shot_port_scan_silent, 40000, 0, 1000, SASAURA_DARK, 0, GEN_ROW_ONE_SOURCE, 0, 0,
	 "1,000 ports of one host, all filtered"},
	{"scan_horizontal", "scan.host", gen_shot_host_scan, 25000, 0, 250, SHIOMI_FIRST, 22, GEN_ROW_ONE_SOURCE | GEN_ROW_NO_TARGET, 0, 0,
	 "one port of 250 inside hosts"},
	{"scan_horizontal_inside", "scan.host", gen_shot_host_scan_inside, 20000, 0, 200, SHIOMI_PC, 445, GEN_ROW_INSIDE | GEN_ROW_NO_TARGET, 0, 0,
	 "an inside host asks 200 outside ones, unanswered"},
	{"scan_slow", "scan.port", gen_shot_port_scan_silent, 250, 0, 100, SASAURA_DARK, 0, GEN_ROW_ONE_SOURCE, 0, 0,
	 "one port each 4 s"},
	{"multi_vector", "dos.volume", gen_shot_mixed, 4500000, 30, 0, KIRISASA_WWW, 0, 0, 0, 0,
	 "UDP, ICMP, ESP, GRE and ACK at once: none has half"},
	{"carpet", "dos.carpet", gen_shot_carpet, 24000000, 20, 0, KANEGAOKA_NET, 0, 0, 1, 64,
	 "UDP over all hosts of a prefix, each below what is watched"},
	{"amp_dns", "dos.amplification", gen_shot_amp_dns, 2500000, 20, 0, KIRISASA_HOST(1), 0, 0, 0, 0,
	 "reflection: answers to ANY, 1,200 bytes"},
	{"amp_dns_fragmented", "dos.amplification", gen_shot_amp_dns_fragmented, 800000, 20, 0, KIRISASA_HOST(2), 0, 0, 0, 0,
	 "reflection: answers of 3,900 bytes in three fragments"},
	{"amp_ntp", "dos.amplification", gen_shot_amp_ntp, 6000000, 20, 0, YUKINOSAWA_HOST(1), 0, 0, 0, 0,
	 "reflection: monlist"},
	{"amp_ssdp", "dos.amplification", gen_shot_amp_ssdp, 8500000, 20, 0, YUKINOSAWA_HOST(2), 0, 0, 0, 0,
	 "reflection: search answers of UPnP devices"},
	{"amp_snmp", "dos.amplification", gen_shot_amp_snmp, 2500000, 20, 0, KIRISASA_HOST(3), 0, 0, 0, 0,
	 "reflection: GetBulk answers"},
	{"amp_cldap", "dos.amplification", gen_shot_amp_cldap, 2500000, 20, 0, YUKINOSAWA_HOST(3), 0, 0, 0, 0,
	 "reflection: answers of directory servers"},
	{"amp_memcached", "dos.amplification", gen_shot_amp_memcached, 2500000, 20, 0, KIRISASA_HOST(4), 0, 0, 0, 0,
	 "reflection: values of memcached"},
	{"amp_chargen", "dos.amplification", gen_shot_amp_chargen, 2500000, 20, 0, YUKINOSAWA_HOST(4), 0, 0, 0, 0,
	 "reflection: character generator"},
	{"synack_reflection", "dos.amplification", gen_shot_synack_reflection, 18000000, 20, 0, YUKINOSAWA_HOST(5), 0, 0, 0, 0,
	 "reflection: SYN-ACK of 400 servers that were sent forged SYNs"},
	{"water_torture", "dos.dns_flood", gen_shot_water_torture, 400000, 30, 0, NADAMI_NS1, 53, GEN_ROW_ANSWERED, 0, 0,
	 "random names of a declared zone through 12 public resolvers"},
	{"dns_query_flood", "dos.dns_flood", gen_shot_dns_queries, 500000, 30, 0, KIRIHARA_NS, 53, GEN_ROW_ANSWERED, 0, 0,
	 "one name over and over from forged clients"},
	{"dns_amplifier_abuse", "dos.dns_flood", gen_shot_dns_any, 400000, 30, 0, SHIOMI_NS, 53, GEN_ROW_ANSWERED, 0, 0,
	 "ANY queries in the name of three victims"},
	{"tls_flood", "dos.http_flood", gen_shot_tls, 400000, 20, 0, SHIOMI_WWW, 443, GEN_ROW_ANSWERED, 0, 0,
	 "TLS connections of 3,000 bots with one hello, left at once"},
	{"http_flood", "dos.http_flood", gen_shot_http, 400000, 20, 0, KANEGAOKA_WWW, 80, GEN_ROW_ANSWERED, 0, 0,
	 "searches that no cache answers, from 3,000 bots"},
	{"quic_flood", "dos.http_flood", gen_shot_quic, 400000, 20, 0, NADAMI_WWW, 443, GEN_ROW_ANSWERED, 0, 0,
	 "QUIC hellos of 3,000 bots"},
	{"slowloris", "dos.slow_http", gen_shot_slowloris, 20000, 120, 200, KIRIHARA_WWW, 80, GEN_ROW_ANSWERED, 0, 0,
	 "200 requests whose headers never end"},
	{"slow_post", "dos.slow_http", gen_shot_slow_post, 20000, 120, 200, SASAURA_WWW, 80, GEN_ROW_ANSWERED, 0, 0,
	 "200 forms whose content comes a byte at a time (R-U-D-Y)"},
	{"slow_read", "dos.slow_http", gen_shot_slow_read, 20000, 120, 200, YUKINOSAWA_WWW, 80, GEN_ROW_ANSWERED, 0, 0,
	 "200 readers with a window that is shut"},
	{"outbound_syn", "dos.outbound", gen_shot_syn_out, 4000000, 20, 0, YUKINOSAWA_PC, 80, GEN_ROW_INSIDE | GEN_ROW_NO_TARGET, 0, 0,
	 "an inside host sends SYN to one outside host"},
	{"outbound_udp", "dos.outbound", gen_shot_udp_out, 3000000, 20, 0, KIRISASA_PC, 0, GEN_ROW_INSIDE | GEN_ROW_NO_TARGET, 0, 0,
	 "an inside host sends UDP to one outside host"},
	{"open_dns", "dos.open_service", gen_shot_open_dns, 2000, 30, 0, KANEGAOKA_HOST(1), 0, GEN_ROW_ANSWERED, 0, 0,
	 "an inside host answers DNS to 20 outside clients that asked"},
	{"open_ntp", "dos.open_service", gen_shot_open_ntp, 2000, 30, 0, KANEGAOKA_HOST(2), 0, GEN_ROW_ANSWERED, 0, 0,
	 "an inside host answers NTP to 20 outside clients that asked"},
	{"open_ssdp", "dos.open_service", gen_shot_open_ssdp, 2000, 30, 0, KANEGAOKA_HOST(3), 0, GEN_ROW_ANSWERED, 0, 0,
	 "an inside host answers SSDP to 20 outside clients that asked"},
	{"open_snmp", "dos.open_service", gen_shot_open_snmp, 2000, 30, 0, KANEGAOKA_HOST(4), 0, GEN_ROW_ANSWERED, 0, 0,
	 "an inside host answers SNMP to 20 outside clients that asked"},
	{"open_cldap", "dos.open_service", gen_shot_open_cldap, 2000, 30, 0, KANEGAOKA_HOST(5), 0, GEN_ROW_ANSWERED, 0, 0,
	 "an inside host answers CLDAP to 20 outside clients that asked"},
	{"open_memcached", "dos.open_service", gen_shot_open_memcached, 2000, 30, 0, KANEGAOKA_HOST(6), 0, GEN_ROW_ANSWERED, 0, 0,
	 "an inside host answers MEMCACHED to 20 outside clients that asked"},
	{"open_chargen", "dos.open_service", gen_shot_open_chargen, 2000, 30, 0, KANEGAOKA_HOST(7), 0, GEN_ROW_ANSWERED, 0, 0,
	 "an inside host answers CHARGEN to 20 outside clients that asked"},
	{"saturation", "link.saturation", gen_shot_full_line, 4100000, 30, 0, YUKINOSAWA_PC, 0, GEN_ROW_ONCE | GEN_ROW_NO_TARGET, 0, 0,
	 "downloads of a body fill its line; pps is packets of 1,514 bytes"},
	{"dark", "org.dark", gen_shot_dark, 1000, 600, 0, SASAURA_DARK, 0, GEN_ROW_NO_TARGET, 0, 0,
	 "nothing of a body is seen any more"},
	{"cut_mirror", "sensor.mirror", gen_shot_cut, 1000, 600, 0, NADAMI_NS1, 0, GEN_ROW_NO_TARGET, 0, 0,
	 "nothing of any body is seen any more"},
	{"crowd", "-", gen_shot_crowd, 300000, 30, 0, SHIOMI_WWW, 0, 0, 0, 0,
	 "innocent: flash crowd, each handshake complete and answered"},
	{"surge", "-", gen_shot_surge, 60000, 60, 0, NADAMI_NS1, 0, GEN_ROW_NO_TARGET, 0, 0,
	 "innocent: a disaster, visits to the pages of all bodies"},
	{"download", "-", gen_shot_download, 1700000, 20, 0, YUKINOSAWA_PC, 0, GEN_ROW_ONCE, 0, 0,
	 "innocent: a download begun inside, over TCP; pps is packets of 1,514 bytes"},
	{"download_quic", "-", gen_shot_download_quic, 1700000, 20, 0, YUKINOSAWA_PC, 0, GEN_ROW_ONCE, 0, 0,
	 "innocent: the same over QUIC"},
	{"speed_test", "-", gen_shot_speed_test, 2000000, 20, 0, KIRISASA_PC, 0, GEN_ROW_ONCE, 0, 0,
	 "innocent: first down, then up"},
	{"backup", "-", gen_shot_backup, 1700000, 30, 0, YUKINOSAWA_PC, 0, GEN_ROW_ONCE, 0, 0,
	 "innocent: the upload of the night"},
	{"zone_transfer", "-", gen_shot_zone_transfer, 1000, 20, 0, NADAMI_NS1, 53, 0, 0, 0,
	 "innocent: a secondary fetches the zone each second"},
	{"crawl", "-", gen_shot_crawl, 100000, 50, 5000, SHIOMI_NS, 53, 0, 0, 0,
	 "innocent: a crawler asks a resolver for 5,000 names"},
	{"resolver", "-", gen_shot_resolver, 700000, 30, 0, KIRIHARA_NS, 53, 0, 0, 0,
	 "innocent: a busy resolver gets long answers that it asked for"},
	{"video", "-", gen_shot_video, 1500000, 20, 0, YUKINOSAWA_PC, 0, GEN_ROW_ONCE, 0, 0,
	 "innocent: a film over QUIC"},
	{"monitor", "-", gen_shot_monitor, 40000, 60, 0, NADAMI_WATCH, 0, GEN_ROW_INSIDE | GEN_ROW_NO_TARGET, 0, 0,
	 "innocent: the monitoring station asks all servers"},
	{"update_day", "-", gen_shot_update, 2000, 30, 20, YUKINOSAWA_PC, 0, GEN_ROW_NO_TARGET, 0, 0,
	 "innocent: 20 downloads of an update, 1 Mbit/s each"},
	{"idle_web", "-", gen_shot_idle_web, 20000, 120, 200, SHIOMI_WWW, 443, 0, 0, 0,
	 "innocent: 200 WebSockets and connections kept for later"},
	{"idle_imap", "-", gen_shot_idle_imap, 20000, 120, 200, SHIOMI_MAIL, 993, 0, 0, 0,
	 "innocent: 200 mail programs that wait"},
};
// clang-format on

const unsigned gen_rows_count = sizeof(gen_rows) / sizeof(gen_rows[0]);
