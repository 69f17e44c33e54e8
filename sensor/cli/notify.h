// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Tells the service manager how things stand: the protocol of sd_notify(3), which is one datagram to the socket that $NOTIFY_SOCKET names,
// a path or (with @) an abstract name. Without that variable every call does nothing. No call ever waits: a manager that does not read
// loses the message.
//
// Thread: the supervisor's only one.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct yg_notify {
	int fd;               // 0: nobody wants to hear
	int64_t watchdog_ms;  // how often at least yg_notify_alive must be called, already halved; 0: no watchdog
};

// Reads $NOTIFY_SOCKET, $WATCHDOG_USEC and $WATCHDOG_PID and takes them out of the environment: what this process starts is not asked.
// 0, also without a manager; a negative errno when the variable names nothing that can be: then nobody is told anything.
int yg_notify_open(struct yg_notify *ret_notify);
void yg_notify_close(struct yg_notify *notify);

// The service is up. `status`: what `systemctl status` shows; NULL: nothing new.
int yg_notify_ready(struct yg_notify *notify, const char *status);
int yg_notify_status(struct yg_notify *notify, const char *status);
// A new configuration is being looked at; yg_notify_ready ends that, whatever came of it.
int yg_notify_reloading(struct yg_notify *notify);
int yg_notify_alive(struct yg_notify *notify);
int yg_notify_stopping(struct yg_notify *notify, const char *status);
