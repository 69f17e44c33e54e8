// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The UDP services that are known as reflectors. DNS is not in the flow's part of this table: its messages say whether somebody was
// served. NTP, IKE and SIP answer everybody in kind; there only a reply well above the request gives the abuse away (NTP's modes 6 and 7,
// for one), with the others any reply that is larger than what it answers.
#include "openservice.h"

#include <string.h>

static const struct opens_service services[] = {
    {53, 1, "dns", "DNS", "再帰問い合わせに応じるDNS", "recursive DNS"},
    {17, 1, "qotd", NULL, "QOTD", "QOTD"},
    {19, 1, "chargen", NULL, "CHARGEN", "CHARGEN"},
    {69, 1, "tftp", "TFTP", "TFTP", "TFTP"},
    {111, 1, "portmap", "RPC", "ポートマッパー", "portmapper"},
    {123, 2, "ntp", "NTP", "NTPの制御・監視機能", "NTP control and monitoring"},
    {137, 1, "netbios", "NetBIOS", "NetBIOS", "NetBIOS"},
    {161, 1, "snmp", "SNMP", "SNMP", "SNMP"},
    {389, 1, "cldap", "LDAP", "CLDAP", "CLDAP"},
    {427, 1, "slp", "SLP", "SLP", "SLP"},
    {500, 2, "ike", "IPsec", "IKE", "IKE"},
    {520, 1, "rip", NULL, "RIP", "RIP"},
    {1434, 1, "mssql", "MsSQL", "SQL Server Browser", "SQL Server Browser"},
    {1900, 1, "ssdp", "SSDP", "SSDP", "SSDP"},
    {3283, 1, "ard", NULL, "Apple Remote Desktop", "Apple Remote Desktop"},
    {3389, 2, "rdp", "RDP", "RDP（UDP）", "RDP over UDP"},
    {3702, 1, "wsd", "WSD", "WS-Discovery", "WS-Discovery"},
    {5060, 2, "sip", "SIP", "SIP", "SIP"},
    {5353, 1, "mdns", "MDNS", "mDNS", "mDNS"},
    {5683, 1, "coap", "CoAP", "CoAP", "CoAP"},
    {10001, 1, "ubnt", "UBNTAC2", "機器の探索機能", "device discovery"},
    {11211, 1, "memcached", "Memcached", "memcached", "memcached"},
    {27015, 1, "a2s", "Steam", "ゲームサーバーの照会機能", "game server queries"},
    {37810, 1, "dhip", NULL, "録画機の探索機能", "recorder discovery"},
};

enum { SERVICES = sizeof services / sizeof services[0] };

const struct opens_service *opens_service_at(unsigned index)
{
	return &services[index < SERVICES ? index : 0];
}

int opens_service_of(uint16_t port)
{
	for (unsigned i = 0; i < SERVICES; i++)
		if (services[i].port == port)
			return (int)i;
	return -1;
}

bool opens_service_named(unsigned index, const char *proto_name)
{
	const char *name = opens_service_at(index)->ndpi;
	return !name || strstr(proto_name, name) || strncmp(proto_name, "Unknown", 7) == 0;
}
