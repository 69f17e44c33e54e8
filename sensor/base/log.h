// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Log lines to standard error, one write(2) each: "yagura-engine: warning: text". Never called per packet.
// errno is kept. Any thread.
#pragma once

enum yg_log_level { YG_LOG_DEBUG, YG_LOG_INFO, YG_LOG_WARN, YG_LOG_ERROR };

// Names the process in every line and sets the lowest level printed. The name must outlive the process.
void yg_log_init(const char *program, enum yg_log_level lowest);

void yg_log(enum yg_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define yg_debug(...) yg_log(YG_LOG_DEBUG, __VA_ARGS__)
#define yg_info(...) yg_log(YG_LOG_INFO, __VA_ARGS__)
#define yg_warn(...) yg_log(YG_LOG_WARN, __VA_ARGS__)
#define yg_error(...) yg_log(YG_LOG_ERROR, __VA_ARGS__)
