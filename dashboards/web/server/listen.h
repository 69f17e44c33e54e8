// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The socket that the server listens on. Thread: main, before and after the loop.
#pragma once

#include <stdbool.h>

// 127.0.0.1:8480, [::1]:8480, unix:/path. A descriptor, or -1: said on stderr. A UNIX socket's file stays when the process ends, which may
// remove nothing any more; the next one takes it away.
int web_listen(const char *where);

// The socket that the service manager has opened for us (LISTEN_FDS, LISTEN_PID: sd_listen_fds(3)), made non-blocking; -1: it has not.
int web_listen_inherited(void);

// Whether nobody from another host can reach it: a loopback address or a UNIX socket.
bool web_listen_is_local(int socket);

// The whole of a text file of at most 256 KiB; NULL and errno. free() it.
char *web_read_file(const char *path);
