// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The quarantine folder. pcapng as in draft-ietf-opsawg-pcapng: one section header, one interface (raw IP,
// nanoseconds), one enhanced packet with a comment. Blocks are in this machine's byte order, as the format wants.
// Nothing is synced to disk: the dissector is down while this runs, and its return matters more than the file.
#include "dissector/quarantine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define NAME_START "yagura-"
#define NAME_END ".pcapng"
#define RECOUNT_NS INT64_C(60000000000) // a full folder is looked at again so often: someone may have emptied it

enum { COMMENT_MAX = 400, BLOCK_SECTION = 0x0a0d0d0a, BLOCK_INTERFACE = 1, BLOCK_PACKET = 6, LINK_RAW = 101 };
enum { OPTION_COMMENT = 1, OPTION_RESOLUTION = 9 };

static int64_t monotonic_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static bool is_ours(const char *name)
{
	size_t length = strlen(name);
	return length > strlen(NAME_START NAME_END) && strncmp(name, NAME_START, strlen(NAME_START)) == 0 &&
	       strcmp(name + length - strlen(NAME_END), NAME_END) == 0;
}

// getdents64 by hand: fdopendir would allocate, and dup the descriptor past the sandbox's rule for it.
static int count_files(int folder, uint32_t *ret_files)
{
	uint32_t files = 0;
	int listing = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (listing < 0)
		return -errno;
	_Alignas(8) char buffer[8192];
	long n;
	while ((n = syscall(SYS_getdents64, listing, buffer, sizeof buffer)) > 0) {
		for (long at = 0; at < n;) {
			const struct dirent64 *entry = (const struct dirent64 *)(buffer + at);
			files += is_ours(entry->d_name);
			at += entry->d_reclen;
		}
	}
	int error = n < 0 ? -errno : 0;
	close(listing);
	if (error == 0)
		*ret_files = files;
	return error;
}

static int recount(struct yg_quarantine *quarantine)
{
	quarantine->counted_ns = monotonic_ns();
	return count_files(quarantine->folder, &quarantine->files);
}

int yg_quarantine_open(struct yg_quarantine *quarantine, int folder, uint32_t limit)
{
	*quarantine = (struct yg_quarantine){.folder = folder, .limit = limit};
	return folder < 0 ? 0 : recount(quarantine);
}

struct head { // of all blocks up to the packet's bytes; every block's length stands at both its ends
	uint32_t section[7];
	uint32_t interface[8];
	uint32_t packet[7];
};

static void fill_head(struct head *head, uint32_t length, uint32_t block_length, int64_t time_ns)
{
	uint64_t stamp = time_ns > 0 ? (uint64_t)time_ns : 0;
	uint32_t resolution =
	    OPTION_RESOLUTION | 1u << 16; // code, length: two 16-bit fields on a little-endian machine
	_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "options are laid out for little endian");
	*head = (struct head){
	    .section = {BLOCK_SECTION, sizeof head->section, 0x1a2b3c4d, 1, UINT32_MAX, UINT32_MAX,
	                sizeof head->section},
	    .interface = {BLOCK_INTERFACE, sizeof head->interface, LINK_RAW, 0, resolution, 9, 0,
	                  sizeof head->interface},
	    .packet = {BLOCK_PACKET, block_length, 0, (uint32_t)(stamp >> 32), (uint32_t)stamp, length, length},
	};
}

static int write_blocks(int fd, const uint8_t *packet, uint32_t length, int64_t time_ns, const char *comment)
{
	static const uint8_t zeros[4];
	uint32_t comment_length = (uint32_t)strnlen(comment, COMMENT_MAX);
	uint32_t comment_padding = -comment_length & 3, packet_padding = -length & 3;
	uint32_t option = OPTION_COMMENT | comment_length << 16;
	uint32_t block_length =
	    (uint32_t)sizeof(uint32_t[7]) + length + packet_padding + 4 + comment_length + comment_padding + 8;
	uint32_t tail[2] = {0, block_length}; // end of options, length again
	struct head head;
	fill_head(&head, length, block_length, time_ns);
	struct iovec parts[] = {
	    {&head, sizeof head},     {(void *)packet, length},          {(void *)zeros, packet_padding},
	    {&option, sizeof option}, {(void *)comment, comment_length}, {(void *)zeros, comment_padding},
	    {tail, sizeof tail},
	};
	ssize_t all = (ssize_t)(sizeof head.section + sizeof head.interface + block_length);
	ssize_t written = writev(fd, parts, sizeof parts / sizeof parts[0]);
	if (written < 0)
		return -errno;
	return written == all ? 0 : -ENOSPC;
}

static void name_file(char name[YG_QUARANTINE_NAME], uint32_t count)
{
	struct timespec now;
	struct tm utc;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	char stamp[20];
	strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%S", &utc);
	snprintf(name, YG_QUARANTINE_NAME, NAME_START "%s.%09ldZ-%d-%u" NAME_END, stamp, now.tv_nsec, (int)getpid(),
	         count);
}

int yg_quarantine_write(struct yg_quarantine *quarantine, const uint8_t *packet, uint32_t length, int64_t time_ns,
                        const char *comment, char ret_name[YG_QUARANTINE_NAME])
{
	if (quarantine->folder < 0)
		return -ENOENT;
	if (quarantine->files >= quarantine->limit && monotonic_ns() - quarantine->counted_ns > RECOUNT_NS)
		recount(quarantine);
	if (quarantine->files >= quarantine->limit)
		return -ENOSPC;
	char name[YG_QUARANTINE_NAME];
	name_file(name, quarantine->written);
	int fd = openat(quarantine->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int error = write_blocks(fd, packet, length, time_ns, comment);
	close(fd);
	if (error) {
		unlinkat(quarantine->folder, name, 0);
		return error;
	}
	quarantine->files++;
	quarantine->written++;
	snprintf(ret_name, YG_QUARANTINE_NAME, "%s", name);
	return 0;
}
