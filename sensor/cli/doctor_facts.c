// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What no file below /proc or /sys tells: offloads of an interface, whether the clock is kept, room on a disk. System calls
// answer for the machine we run on, so below a root that is another machine's the file yagura-doctor.facts answers, or nobody:
//
//   offload eth1 gro=on lro=off
//   clock synchronised
//   disk /var/log/yagura free_mib=20480 write=yes
//   redis ok
#include "cli/doctor.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#define FACTS_FILE "yagura-doctor.facts"

void yg_facts_load(struct yg_doctor *d)
{
	d->facts[0] = '\0';
	if (d->tree.foreign && yg_tree_read(&d->tree, d->facts, sizeof d->facts, FACTS_FILE) < 0)
		d->facts[0] = '\0';
}

// The rest of the line that begins with `what subject`, NULL when there is none. `ret_line` has room for it.
static const char *fact(const struct yg_doctor *d, const char *what, const char *subject, char ret_line[256])
{
	char wanted[320];
	int n = snprintf(wanted, sizeof wanted, "%s%s%s ", what, subject[0] ? " " : "", subject);
	if (n < 0 || (size_t)n >= sizeof wanted)
		return NULL;
	for (const char *line = d->facts; *line;) {
		size_t length = strcspn(line, "\n");
		if (strncmp(line, wanted, (size_t)n) == 0 && length < 256) {
			memcpy(ret_line, line, length);
			ret_line[length] = '\0';
			return ret_line + n;
		}
		line += length + (line[length] == '\n');
	}
	return NULL;
}

static int ask_interface(int fd, const char *interface, uint32_t command, uint32_t *ret_value)
{
	struct ethtool_value value = {.cmd = command};
	struct ifreq request = {.ifr_data = (void *)&value};
	if (strlen(interface) >= sizeof request.ifr_name)
		return -1;
	memcpy(request.ifr_name, interface, strlen(interface) + 1);
	if (ioctl(fd, SIOCETHTOOL, &request) < 0)
		return -1;
	*ret_value = value.data;
	return 0;
}

int yg_fact_offloads(const struct yg_doctor *d, const char *interface, bool *ret_gro, bool *ret_lro)
{
	char line[256];
	if (d->tree.foreign) {
		const char *said = fact(d, "offload", interface, line);
		if (!said || !strstr(said, "gro=") || !strstr(said, "lro="))
			return -1;
		*ret_gro = strstr(said, "gro=on") != NULL;
		*ret_lro = strstr(said, "lro=on") != NULL;
		return 0;
	}
	uint32_t gro, flags;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	int error = ask_interface(fd, interface, ETHTOOL_GGRO, &gro);
	if (!error)
		error = ask_interface(fd, interface, ETHTOOL_GFLAGS, &flags);
	close(fd);
	if (error)
		return -1;
	*ret_gro = gro != 0;
	*ret_lro = (flags & ETH_FLAG_LRO) != 0;
	return 0;
}

int yg_fact_clock_synchronised(const struct yg_doctor *d)
{
	char line[256];
	if (d->tree.foreign) {
		const char *said = fact(d, "clock", "", line);
		return !said ? -1 : strcmp(said, "synchronised") == 0;
	}
	if (d->needs.confined)
		return -1;
	struct timex timex = {.modes = 0}; // asks, sets nothing
	int state = adjtimex(&timex);
	return state < 0 ? -1 : state != TIME_ERROR && !(timex.status & STA_UNSYNC);
}

int yg_fact_disk(const struct yg_doctor *d, const char *folder, int64_t *ret_free_mib, bool *ret_write)
{
	char line[256];
	if (d->tree.foreign) {
		const char *said = fact(d, "disk", folder, line), *room = said ? strstr(said, "free_mib=") : NULL;
		if (said && strcmp(said, "absent") == 0)
			return -2;
		if (!room)
			return -1;
		*ret_free_mib = strtoll(room + strlen("free_mib="), NULL, 10);
		*ret_write = strstr(said, "write=yes") != NULL;
		return 0;
	}
	struct statvfs fs;
	if (statvfs(folder, &fs) < 0)
		return errno == ENOENT || errno == ENOTDIR ? -2 : -1;
	*ret_free_mib = (int64_t)((uint64_t)fs.f_bavail * fs.f_frsize >> 20);
	*ret_write = eaccess(folder, W_OK | X_OK) == 0;
	return 0;
}

static void look_at_folder(struct yg_doctor *d, const char *id, const char *folder)
{
	enum { FREE_MIN_MIB = 1024 }; // ten minutes of EVE at a gigabit of small flows
	char mend[640] = "";
	int64_t room = 0;
	bool write = false, plain = yg_doctor_plain(folder);
	char shown[YG_DOCTOR_NAME];
	snprintf(shown, sizeof shown, "%s", plain ? folder : "?");
	int state = yg_fact_disk(d, folder, &room, &write);
	if (state == -1) {
		yg_doctor_find(d, YG_DOCTOR_UNKNOWN, id, shown, "", "could not be looked at", "確認できません");
	} else if (state == -2 || !write) {
		if (plain)
			snprintf(mend, sizeof mend, "install -d -o yagura -g yagura -m 0750 %s", folder);
		yg_doctor_find(d, YG_DOCTOR_BAD, id, shown, mend, state == -2 ? "is no folder" : "may not be written to",
		               state == -2 ? "フォルダーがありません" : "書き込む権限がありません");
	} else if (room < FREE_MIN_MIB) {
		if (plain)
			snprintf(mend, sizeof mend, "du -xh --max-depth=1 %s | sort -h   # shows what to remove", folder);
		yg_doctor_find(d, YG_DOCTOR_BAD, id, shown, mend, "only %" PRId64 " MiB are free; %d are wanted",
		               "空きが %" PRId64 " MiB です（%d 以上が必要）", room, FREE_MIN_MIB);
	} else {
		yg_doctor_find(d, YG_DOCTOR_OK, id, shown, "", "%" PRId64 " MiB free, may be written to", "空き %" PRId64 " MiB、書き込み可",
		               room);
	}
}

// An EVE file that is there already: one of another user, or none on a disk. True when that is the whole answer.
static bool judge_existing(struct yg_doctor *d, const char *eve)
{
	struct stat st;
	char mend[640] = "", shown[YG_DOCTOR_NAME];
	if (eve[0] != '/' || yg_tree_stat(&d->tree, &st, "%s", eve + 1) < 0)
		return false;
	bool plain = yg_doctor_plain(eve);
	snprintf(shown, sizeof shown, "%s", plain ? eve : "?");
	if (S_ISDIR(st.st_mode)) {
		yg_doctor_find(d, YG_DOCTOR_BAD, "disk.eve", shown, "", "is a folder; eve.file names a file in it",
		               "フォルダーです。eve.file にはファイル名が必要です");
	} else if (!S_ISREG(st.st_mode)) {
		yg_doctor_find(d, YG_DOCTOR_OK, "disk.eve", shown, "", "is no file on a disk", "ディスク上のファイルではありません");
	} else if (!yg_tree_writable(&d->tree, "%s", eve + 1)) {
		if (plain)
			snprintf(mend, sizeof mend, "chown yagura: %s && chmod 0640 %s", eve, eve);
		yg_doctor_find(d, YG_DOCTOR_BAD, "disk.eve", shown, mend, "is there, and may not be written to", "書き込む権限がありません");
	} else {
		return false;
	}
	return true;
}

void yg_doctor_disk(struct yg_doctor *d)
{
	char folder[4096];
	const char *eve = d->needs.eve_file;
	if (!eve[0]) {
		yg_doctor_find(d, YG_DOCTOR_OK, "disk.eve", "", "", "no EVE file is configured", "EVEファイルは設定されていません");
	} else if (!judge_existing(d, eve)) {
		snprintf(folder, sizeof folder, "%s", eve);
		char *slash = strrchr(folder, '/');
		if (slash)
			slash[slash == folder] = '\0';
		look_at_folder(d, "disk.eve", slash ? folder : ".");
	}
	if (d->needs.quarantine[0])
		look_at_folder(d, "disk.quarantine", d->needs.quarantine);
	else
		yg_doctor_find(d, YG_DOCTOR_OK, "disk.quarantine", "", "", "no quarantine folder is configured",
		               "隔離フォルダーは設定されていません");
}
