// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The sensor's configuration, read by the sensor's own compiler, in a child that ends: libyaml never shares an address space with sessions
// and passwords, its memory is gone with it, and what comes back is checked like any foreign bytes. The same way as the sensor's command
// line takes (sensor/cli/compile_child.c), but for its plugins: `plugins` of the file concerns no dashboard.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "bodies_parts.h"
#include "config/compile.h"

enum { CPU_SECONDS_MAX = 20 };

static _Noreturn void compile_and_exit(const char *path, int fd)
{
	const struct rlimit cpu = {CPU_SECONDS_MAX, CPU_SECONDS_MAX}, none = {0, 0};
	setrlimit(RLIMIT_CPU, &cpu);
	setrlimit(RLIMIT_CORE, &none);
	const struct yg_compile_input input = {.path = path, .without_plugins = true};
	int errors = yg_compile(&input, fd, stderr);
	fflush(stderr);
	_exit(errors ? EX_CONFIG : EX_OK); // not exit: what the parent had buffered is the parent's to write
}

static int wait_for(pid_t child)
{
	int status;
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int compile_in_child(const char *path, int fd)
{
	fflush(NULL);
	pid_t child = fork();
	if (child == 0)
		compile_and_exit(path, fd);
	if (child < 0) {
		int error = errno;
		yg_error("the configuration compiler cannot start: %s", strerror(error));
		return -error;
	}
	int status = wait_for(child);
	if (status == EX_OK)
		return 0;
	if (status != EX_CONFIG)
		yg_error("the configuration compiler died; look at %s with `yagura check`", path);
	return -EINVAL;
}

int web_config_load(const char *path, struct yg_config *ret_config)
{
	int fd = memfd_create("yagura-web-config", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0) {
		int error = errno;
		yg_error("no memory for the configuration: %s", strerror(error));
		return -error;
	}
	int result = compile_in_child(path, fd);
	if (result == 0) {
		result = yg_config_open(fd, ret_config);
		if (result)
			yg_error("the compiled configuration is damaged: %s", strerror(-result));
	}
	close(fd);
	return result;
}
