// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What runs, for who reports a fault.
#include <microhttpd.h>
#include <sodium.h>
#include <stdio.h>

#include "server.h"

void web_op_version(struct web_request *request, struct web_server *server)
{
	char hiredis[32];
	snprintf(hiredis, sizeof hiredis, "%d.%d.%d", HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH);
	web_answer(request, 200,
	           json_pack("{s:s, s:s, s:{s:s, s:s, s:s, s:s}}", "version", server->version, "api", "1", "libraries", "libmicrohttpd",
	                     MHD_get_version(), "libsodium", sodium_version_string(), "jansson", JANSSON_VERSION, "hiredis", hiredis),
	           0);
}
