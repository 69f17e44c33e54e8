// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Suppressions made on the page: they hide at read time, stored alerts too; the sensor knows nothing of them until somebody carries the
// exported YAML to it. yagura:web:suppressions is a hash, id -> JSON; nothing is deleted, it ends.
// Mandatory: owner, reason, an end within 90 days. What is matched is what the sensor's own suppressions match (kind with a star at its end,
// org, source and target prefix, port), in the same words, so that the export says the same.
// Scope: a suppression names a body of its maker's scope; only who sees all may make one for all bodies.
//
// Bounded: WEB_SUPPRESSIONS in force. Thread: the loop's.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { WEB_SUPPRESSIONS = 512, WEB_SUPPRESSION_DAYS = 90 };

struct web_server;
struct web_suppress;
struct web_alert;

struct web_suppress *web_suppress_create(struct web_server *server);
void web_suppress_destroy(struct web_suppress *suppress);
// Number of the one in force that hides this alert, 0: none. What time it is counts, not when the alert came.
uint16_t web_suppressed(const struct web_suppress *suppress, const struct web_alert *alert);
const char *web_suppression_id(const struct web_suppress *suppress, uint16_t number);
// Grows with every change of what is in force (made, ended, expired): who keeps counts by suppression counts anew.
uint64_t web_suppress_generation(const struct web_suppress *suppress);
