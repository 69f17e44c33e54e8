// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The ClientHello reader on any bytes. Oracles: texts are well formed; what is needed is more than what is there; a
// hello says the same whether it comes bare or in records of any size; a cut of a whole hello asks for more.
#include <stddef.h>

#include "dissector/readers.h"
#include "reader_oracle.h"

static void check(const struct yg_tls *tls)
{
	must_be_text(tls->server_name, sizeof tls->server_name);
	must_be_text(tls->alpn, sizeof tls->alpn);
	must(strlen(tls->ja3) == 0 || strlen(tls->ja3) == 32);
}

// Puts a hello into handshake records of `unit` bytes. Returns the length of the stream, 0 when it does not fit.
static size_t in_records(const uint8_t *hello, size_t len, size_t unit, uint8_t *ret, size_t room)
{
	size_t at = 0;
	for (size_t i = 0; i < len; i += unit) {
		size_t n = len - i < unit ? len - i : unit;
		if (room - at < n + 5)
			return 0;
		const uint8_t header[5] = {22, 3, 1, (uint8_t)(n >> 8), (uint8_t)n};
		memcpy(ret + at, header, sizeof header);
		memcpy(ret + at + 5, hello + i, n);
		at += n + 5;
	}
	return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t stream[8192];
	struct yg_tls tls, bare;
	size_t need = 0, other = 0;
	enum yg_read read = yg_read_tls(data, size, &tls, &need);
	if (read != YG_READ_NO)
		check(&tls);
	if (read == YG_READ_MORE)
		must(need > size);
	if (read == YG_READ_OK)
		must(yg_read_tls(data, size / 2, &tls, &need) != YG_READ_NO);
	if (size < 6)
		return 0;
	size_t unit = 1u + data[0];
	read = yg_read_client_hello(data + 1, size - 1, false, &bare, &other);
	if (read == YG_READ_NO)
		return 0;
	check(&bare);
	size_t len = in_records(data + 1, size - 1, unit, stream, sizeof stream);
	if (len == 0)
		return 0;
	must(yg_read_tls(stream, len, &tls, &need) == read);
	if (read == YG_READ_MORE)
		must(other > size - 1 && need > len);
	else
		must(memcmp(&tls, &bare, sizeof tls) == 0);
	return 0;
}
