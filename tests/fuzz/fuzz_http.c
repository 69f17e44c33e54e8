// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The HTTP head reader on any bytes. Oracles: texts are well formed; a head that is whole is the same without what
// follows it, and asks for more when anything is cut from it; what is refused is not taken when more of it comes.
#include <stddef.h>

#include "dissector/readers.h"
#include "reader_oracle.h"

static void check(const struct yg_http *http)
{
	must_be_text(http->method, sizeof http->method);
	must_be_text(http->target, sizeof http->target);
	must_be_text(http->host, sizeof http->host);
	must_be_text(http->user_agent, sizeof http->user_agent);
	must_be_text(http->forwarded_for, sizeof http->forwarded_for);
	must(http->response ? http->status < 1000 && !http->method[0] : http->status == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct yg_http http, again;
	size_t need = 0, used = 0, used_again = 0;
	enum yg_read read = yg_read_http(data, size, &http, &need, &used);
	if (read != YG_READ_NO)
		check(&http);
	if (read == YG_READ_MORE)
		must(need > size && size < 8192);
	if (read == YG_READ_BROKEN)
		must(size >= 8192);
	if (read == YG_READ_OK) {
		must(used <= size && used <= 8192);
		must(yg_read_http(data, used, &again, &need, &used_again) == YG_READ_OK && used_again == used);
		must(memcmp(&http, &again, sizeof http) == 0);
		must(yg_read_http(data, used - 1 - data[0] % used, &again, &need, &used_again) == YG_READ_MORE);
		yg_http_content_length(data, used);
	}
	if (size > 1 && size < 8192 && yg_read_http(data, size / 2, &again, &need, &used) == YG_READ_NO)
		must(read == YG_READ_NO);
	return 0;
}
