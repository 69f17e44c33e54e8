// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The latest state of each alert, for the words at the end of a replay: kept in the courier's counters, where the
// supervisor reads it. Past YG_SUMMARY_ALERTS alerts the rest is only counted. Thread: the courier's.
#pragma once

#include "model/stats.h"

void yg_summary_add(struct yg_courier_stats *stats, const struct yg_alert *alert);
