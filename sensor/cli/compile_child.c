// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Compiles the configuration in a process that does nothing else and ends: libyaml never shares an address space with
// whatever runs on. The parent keeps a descriptor of the sealed block, and checks what comes back like any foreign
// bytes.
//
// The memfd is made here and not by yg_shm_create: its size is known when the child has compiled, and only then sealed.
#include "cli/commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "config/config.h"

enum { CPU_SECONDS_MAX = 20 };

static _Noreturn void compile_and_exit(const struct yg_compile_input *input, int fd)
{
	// Far above what the largest files need (a second); a parser that runs in circles shall not hang the start.
	const struct rlimit cpu = {CPU_SECONDS_MAX, CPU_SECONDS_MAX}, none = {0, 0};
	setrlimit(RLIMIT_CPU, &cpu);
	setrlimit(RLIMIT_CORE, &none);
	int errors = yg_compile(input, fd, stderr);
	fflush(stderr);
	// Not exit: what the parent had buffered is the parent's to write.
	_exit(errors ? EX_CONFIG : EX_OK);
}

// The child's exit status, or -1 when it was killed.
static int wait_for(pid_t child)
{
	int status;
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int yg_compile_in_child(const struct yg_compile_input *input)
{
	struct yg_config config;
	int fd = memfd_create("yagura-config", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0) {
		yg_error("no memory for the configuration: %s", strerror(errno));
		return -1;
	}
	fflush(NULL);
	pid_t child = fork();
	if (child == 0)
		compile_and_exit(input, fd);
	if (child < 0) {
		yg_error("the configuration compiler cannot start: %s", strerror(errno));
		goto failed;
	}
	int status = wait_for(child);
	if (status != EX_OK) {
		if (status != EX_CONFIG)
			yg_error("the configuration compiler died; look at the file with another YAML tool");
		goto failed;
	}
	int error = yg_config_open(fd, &config);
	if (error) {
		yg_error("the compiled configuration is damaged: %s", strerror(-error));
		goto failed;
	}
	yg_config_close(&config);
	return fd;
failed:
	close(fd);
	return -1;
}
