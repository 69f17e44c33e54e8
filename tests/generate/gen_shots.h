// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What one shot of each attack is: a packet or a conversation, and what becomes of it. Thread: one.
#pragma once

#include "gen_apps.h"

enum { GEN_SWEEP_MAX = 1000 };

struct gen_attack {
	struct gen_rng rng;
	struct gen_addr source, target; // source: af 0 when each packet has one of its own
	uint16_t port;                  // 0: the shot chooses
	bool inside;                    // the source is an inside host, the targets are outside
	bool answered;                  // whoever is hit says what he would say
	double pps;                     // shots a second
	uint32_t fired;                 // shots before this one, in all pulses
	int64_t end;                    // of this pulse
	uint16_t order[GEN_SWEEP_MAX];  // ports of a vertical scan, shuffled
};

typedef void gen_shot_fn(struct gen *gen, struct gen_attack *attack);

// gen_shots.c: floods of single packets from forged sources, and scans
gen_shot_fn gen_shot_syn, gen_shot_udp, gen_shot_icmp, gen_shot_ack, gen_shot_rst, gen_shot_fin, gen_shot_synack, gen_shot_null,
    gen_shot_fragment, gen_shot_other, gen_shot_mixed, gen_shot_carpet, gen_shot_syn_out, gen_shot_udp_out, gen_shot_port_scan,
    gen_shot_port_scan_silent, gen_shot_host_scan, gen_shot_host_scan_inside;
// gen_reflect.c: what reflectors send to a victim, and inside hosts that are such reflectors
gen_shot_fn gen_shot_amp_dns, gen_shot_amp_dns_fragmented, gen_shot_amp_ntp, gen_shot_amp_ssdp, gen_shot_amp_snmp, gen_shot_amp_cldap,
    gen_shot_amp_memcached, gen_shot_amp_chargen, gen_shot_synack_reflection, gen_shot_open_dns, gen_shot_open_ntp, gen_shot_open_ssdp,
    gen_shot_open_snmp, gen_shot_open_cldap, gen_shot_open_memcached, gen_shot_open_chargen;
// gen_storm.c: against DNS servers
gen_shot_fn gen_shot_water_torture, gen_shot_dns_queries, gen_shot_dns_any;
// gen_web.c: against web servers
gen_shot_fn gen_shot_tls, gen_shot_http, gen_shot_quic, gen_shot_slowloris, gen_shot_slow_post, gen_shot_slow_read;
// gen_quiet.c: a line that is full, a body that is dark, a mirror that is cut; and traffic that is innocent
gen_shot_fn gen_shot_full_line, gen_shot_dark, gen_shot_cut, gen_shot_crowd, gen_shot_surge, gen_shot_download, gen_shot_download_quic,
    gen_shot_speed_test, gen_shot_backup, gen_shot_zone_transfer, gen_shot_crawl, gen_shot_resolver, gen_shot_video, gen_shot_monitor,
    gen_shot_update, gen_shot_idle_web, gen_shot_idle_imap;

// Shared by them.
// A packet towards the target from a forged source.
struct gen_packet gen_towards(struct gen_attack *attack, uint8_t proto);
// The way back: ends and direction swapped, numbers of TCP as they follow from `flags`.
struct gen_packet gen_back(const struct gen_packet *to, uint8_t flags);
// Sends it `delay` later; what it points to is copied.
void gen_send_later(struct gen *gen, const struct gen_packet *packet, int64_t delay);
