// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// `yagura reload`, SIGHUP: a new configuration for a run that goes on. It is compiled and checked whole before anything changes, then
// compared with the one in force; what differs says who takes it how:
//
//   capture.*, engine.workers, sockets and user of the sensor   refused: they want a new start of the sensor
//   options of detectors, alerts.*, dissector.packets …         taken by the running engine between two bursts (engine/reload.h)
//   modes, shared services, suppressions                         likewise
//   sensor.*, redis.*, syslog.*, eve.*                           a new courier goes on where the old one stopped; nothing is lost
//   dissector.*, quarantine.*                                    a new dissector; flows that are being read become unknown
//   bodies, prefixes, services, sizes of tables, egress.*       the engine writes its flows out and another one starts: seconds are
//                                                                not seen, and a sensor.blind says so
//
// Thread: the supervisor's only one.
#pragma once

#include "cli/supervisor.h"

// Takes over `config_fd`. 0, or -EINVAL when the configuration is refused, or another negative errno; why is logged, and the old one is
// still in force.
int yg_supervisor_reload(struct yg_supervisor *s, int config_fd);
