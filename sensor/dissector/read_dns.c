// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The DNS reader: header, first question, every record's frame, EDNS. RFC 1035 4.1, 2671/6891, multicast DNS (6762) and
// LLMNR (4795), which share the format.
//
// Anything may be sent to port 53, so a message has to earn the name DNS: a header that a resolver could have sent, and
// a first name that parses. After that every fault is a finding (`malformed`), not a reason to look away: a tunnel that
// breaks the format on purpose must not become invisible by it. The owner names of records are stepped over, so the
// work is linear whatever the message says.
#include "dissector/readers.h"

#include <string.h>

#include "base/bytes.h"
#include "dissector/read_text.h"

enum {
	HEADER = 12,
	QUESTION_MIN = 5,  // root name, type, class
	RECORDS_MAX = 512, // records walked in one message
	NAME_BYTES_MAX = 255,
	TYPE_OPT = 41,
	OPCODE_DSO = 6, // highest opcode in use (RFC 8490)
};

#define FLAG_RESPONSE 0x8000
#define FLAG_AUTHORITATIVE 0x0400
#define FLAG_TRUNCATED 0x0200
#define FLAG_RECURSION_DESIRED 0x0100
#define FLAG_RECURSION_AVAILABLE 0x0080
#define FLAG_RESERVED 0x0040

// Moves *offset behind the name there; decodes it into `ret_name` (when not NULL). A pointer ends a name and must lead
// to a place before it and behind the header (RFC 1035 4.1.4: "a prior occurrence"). So the first name of a message
// cannot hold one, and as it alone is decoded, no pointer is ever followed: there is no chain to count and no loop to
// fear.
static bool read_name(const uint8_t *data, size_t len, size_t *offset, struct yg_text *ret_name)
{
	size_t at = *offset, bytes = 1;
	for (;;) {
		if (at >= len)
			return false;
		uint8_t label = data[at];
		if ((label & 0xc0) == 0xc0) {
			if (len - at < 2)
				return false;
			size_t target = yg_load16(data + at) & 0x3fffu;
			if (target < HEADER || target >= *offset)
				return false;
			*offset = at + 2;
			return true;
		}
		if (label & 0xc0)
			return false; // 01 and 10 were never given a meaning that lasted (RFC 6891 5)
		if (label == 0) {
			*offset = at + 1;
			return true;
		}
		bytes += label + 1u;
		if (bytes > NAME_BYTES_MAX || label > len - at - 1)
			return false;
		if (ret_name) {
			if (ret_name->length)
				yg_text_add_char(ret_name, '.');
			yg_text_add(ret_name, data + at + 1, label, YG_TEXT_LABEL);
		}
		at += label + 1u;
	}
}

static void read_flags(const uint8_t *data, struct yg_dns *dns)
{
	uint16_t flags = yg_load16(data + 2);
	dns->id = yg_load16(data);
	dns->response = (flags & FLAG_RESPONSE) != 0;
	dns->opcode = flags >> 11 & 0xf;
	dns->authoritative = (flags & FLAG_AUTHORITATIVE) != 0;
	dns->truncated = (flags & FLAG_TRUNCATED) != 0;
	dns->recursion_desired = (flags & FLAG_RECURSION_DESIRED) != 0;
	dns->recursion_available = (flags & FLAG_RECURSION_AVAILABLE) != 0;
	dns->rcode = flags & 0xf;
	dns->answers = yg_load16(data + 6);
	dns->authorities = yg_load16(data + 8);
	dns->additionals = yg_load16(data + 10);
}

// Whether a resolver, a server or a responder could have sent this header.
static bool header_plausible(const uint8_t *data, const struct yg_dns *dns)
{
	if ((yg_load16(data + 2) & FLAG_RESERVED) || dns->opcode > OPCODE_DSO || dns->opcode == 3)
		return false;
	return dns->response || dns->rcode == 0;
}

// Reads one resource record. False at the first fault. `section` 0: answers, 1: authority, 2: additional.
static bool read_record(const uint8_t *data, size_t len, size_t *offset, int section, struct yg_dns *dns)
{
	size_t at = *offset;
	if (!read_name(data, len, &at, NULL) || len - at < 10)
		return false;
	uint16_t type = yg_load16(data + at), class = yg_load16(data + at + 2), length = yg_load16(data + at + 8);
	uint32_t ttl = yg_load32(data + at + 4);
	at += 10;
	if (length > len - at)
		return false;
	if (section == 0) {
		if (dns->answers_read == 0 || ttl < dns->ttl_min)
			dns->ttl_min = ttl;
		dns->answers_read++;
	} else if (section == 2 && type == TYPE_OPT) {
		unsigned rcode = (ttl >> 24) << 4 | dns->rcode; // RFC 6891 6.1.3
		dns->edns_size = class;
		dns->rcode = rcode > UINT8_MAX ? UINT8_MAX : (uint8_t)rcode;
	}
	*offset = at + length;
	return true;
}

static bool read_records(const uint8_t *data, size_t len, size_t *offset, struct yg_dns *dns)
{
	const uint16_t counts[3] = {dns->answers, dns->authorities, dns->additionals};
	unsigned walked = 0;
	for (int section = 0; section < 3; section++)
		for (unsigned i = 0; i < counts[section]; i++) {
			if (walked++ == RECORDS_MAX) {
				*offset = len; // the rest is left unread: answers_read says so
				return true;
			}
			if (!read_record(data, len, offset, section, dns))
				return false;
		}
	return true;
}

static bool read_question(const uint8_t *data, size_t len, size_t *offset, struct yg_dns *dns)
{
	struct yg_text name;
	yg_text_init(&name, dns->qname, sizeof dns->qname);
	bool ok = read_name(data, len, offset, &name);
	dns->name_len = (uint8_t)name.length;
	if (!ok || len - *offset < 4)
		return false;
	dns->qtype = yg_load16(data + *offset);
	dns->qclass = yg_load16(data + *offset + 2);
	*offset += 4;
	return true;
}

// The questions behind the first one: multicast DNS asks several in one message.
static bool skip_questions(const uint8_t *data, size_t len, size_t *offset, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (i == RECORDS_MAX || !read_name(data, len, offset, NULL) || len - *offset < 4)
			return false;
		*offset += 4;
	}
	return true;
}

// A message without a question (multicast answers, some errors): its name and type are those of its first record.
static bool read_name_of_record(const uint8_t *data, size_t len, struct yg_dns *dns)
{
	size_t offset = HEADER, at = HEADER;
	struct yg_dns scratch = *dns;
	return read_question(data, len, &at, dns) && read_record(data, len, &offset, 1, &scratch);
}

enum yg_read yg_read_dns(const uint8_t *data, size_t len, struct yg_dns *ret_dns)
{
	if (len < HEADER || len > UINT16_MAX)
		return YG_READ_NO;
	struct yg_dns dns = {.size = (uint16_t)len};
	read_flags(data, &dns);
	if (!header_plausible(data, &dns))
		return YG_READ_NO;
	unsigned questions = yg_load16(data + 4), records = (unsigned)dns.answers + dns.authorities + dns.additionals;
	size_t offset = HEADER;
	bool whole;
	if (questions == 0) {
		// An error may be a bare header. Everything else without a question must show a record.
		if (records == 0 ? !dns.response || len > HEADER : !read_name_of_record(data, len, &dns))
			return YG_READ_NO;
		whole = true;
	} else {
		whole = read_question(data, len, &offset, &dns);
		// One question is what all the world sends: then even a broken name is DNS. Noise has any number.
		if (!whole && (questions != 1 || len < HEADER + QUESTION_MIN))
			return YG_READ_NO;
		whole = whole && skip_questions(data, len, &offset, questions - 1);
	}
	whole = whole && read_records(data, len, &offset, &dns) && offset == len;
	dns.malformed = !whole;
	*ret_dns = dns;
	return whole ? YG_READ_OK : YG_READ_BROKEN;
}

enum yg_read yg_read_dns_tcp(const uint8_t *data, size_t len, struct yg_dns *ret_dns, size_t *ret_need,
                             size_t *ret_used)
{
	if (len >= 2 && yg_load16(data) < HEADER)
		return YG_READ_NO;
	if (len >= 2 + HEADER) {
		struct yg_dns header = {0};
		read_flags(data + 2, &header);
		if (!header_plausible(data + 2, &header))
			return YG_READ_NO; // not worth waiting for the rest
	}
	if (len < 2 + HEADER) {
		*ret_need = 2 + HEADER; // the least that can be judged
		return YG_READ_MORE;
	}
	size_t whole = 2u + yg_load16(data);
	if (len < whole) {
		*ret_need = whole;
		return YG_READ_MORE;
	}
	enum yg_read read = yg_read_dns(data + 2, whole - 2, ret_dns);
	if (read != YG_READ_NO)
		*ret_used = whole; // the frame holds, whatever was in it
	return read;
}
