// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// One line, one write(2): lines of several processes on one terminal never mix. See log.h.
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static const char *program_name = "yagura";
static enum yg_log_level lowest_level = YG_LOG_INFO;

void yg_log_init(const char *program, enum yg_log_level lowest)
{
	program_name = program;
	lowest_level = lowest;
}

void yg_log(enum yg_log_level level, const char *format, ...)
{
	static const char *const words[] = {"debug: ", "", "warning: ", "error: "};
	if (level < lowest_level)
		return;
	int saved = errno;
	char line[1024];
	int n = snprintf(line, sizeof line - 1, "%s: %s", program_name, words[level]);
	va_list arguments;
	va_start(arguments, format);
	int m = vsnprintf(line + n, sizeof line - 1 - (size_t)n, format, arguments);
	va_end(arguments);
	size_t length = (size_t)n + (m > 0 ? (size_t)m : 0);
	if (length > sizeof line - 2)
		length = sizeof line - 2;
	line[length++] = '\n';
	ssize_t written = write(STDERR_FILENO, line, length);
	(void)written; // nowhere left to complain to
	errno = saved;
}
