// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The DNS reader on any bytes, as a datagram and as a TCP stream. Oracles: texts are well formed; a message is OK or
// malformed, never both; the TCP reader agrees with the other one; a cut of a whole message is never whole.
#include <stddef.h>

#include "dissector/readers.h"
#include "reader_oracle.h"

static void check(const struct yg_dns *dns, enum yg_read read, size_t len)
{
	must_be_text(dns->qname, sizeof dns->qname);
	must(dns->name_len == strlen(dns->qname));
	must(dns->malformed == (read == YG_READ_BROKEN));
	must(dns->answers_read <= dns->answers && dns->answers_read <= 512);
	must(dns->size == len);
	for (const char *p = dns->qname; *p; p++)
		must(*p < 'A' || *p > 'Z');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct yg_dns dns, again;
	size_t need = 0, used = 0;
	enum yg_read read = yg_read_dns(data, size, &dns);
	must(read != YG_READ_MORE);
	if (read != YG_READ_NO)
		check(&dns, read, size);
	if (read == YG_READ_OK && size > 12)
		must(yg_read_dns(data, size - 1, &again) != YG_READ_OK);
	enum yg_read tcp = yg_read_dns_tcp(data, size, &dns, &need, &used);
	if (tcp == YG_READ_MORE) {
		must(need > size);
	} else if (tcp != YG_READ_NO) {
		must(used <= size && used >= 14);
		check(&dns, tcp, used - 2);
		must(yg_read_dns(data + 2, used - 2, &again) == tcp);
		must(memcmp(&dns, &again, sizeof dns) == 0);
	}
	return 0;
}
