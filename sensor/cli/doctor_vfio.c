// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// IOMMU and VFIO: what lets an unprivileged process drive a NIC without giving the NIC all memory. The no-IOMMU mode is a
// fault and not a way out: the engine asks EAL for virtual addresses only, and a card that may write anywhere undoes every
// sandbox of ours.
#include "cli/doctor.h"

#include <string.h>

enum { GROUPS_LOOKED = 1024 };

// What capture.ports names decides; without it, every NIC that is not the machine's own. Without any NIC it is wanted.
static bool is_needed(const struct yg_doctor *d)
{
	unsigned others = 0;
	for (unsigned i = 0; i < d->nics_count; i++) {
		const struct yg_doctor_nic *nic = &d->nics[i];
		if (d->needs.ports[0] ? !nic->named : nic->own)
			continue;
		if (!nic->stays && !nic->by_kernel)
			return true;
		others++;
	}
	return !others && !d->needs.ports[0];
}

static void groups(struct yg_doctor *d)
{
	static char names[GROUPS_LOOKED][YG_DOCTOR_NAME];
	const char *mend;
	int count = yg_tree_list(&d->tree, names, GROUPS_LOOKED, "sys/kernel/iommu_groups");
	if (count > 0) {
		yg_doctor_find(d, YG_DOCTOR_OK, "iommu.groups", "", "", "groups: %d", "グループ: %d", count);
		return;
	}
	if (count < 0 && !yg_tree_has(&d->tree, "sys/kernel")) {
		yg_doctor_find(d, YG_DOCTOR_UNKNOWN, "iommu.groups", "", "", "IOMMU groups could not be read", "IOMMUグループを確認できません");
		return;
	}
	bool amd = strcmp(d->cpu_vendor, "AuthenticAMD") == 0;
	if (yg_doctor_on_cmdline(d, amd ? "amd_iommu=on" : "intel_iommu=on")) {
		yg_doctor_find(d, YG_DOCTOR_BAD, "iommu.groups", "",
		               d->hypervisor ? "qemu -device intel-iommu,intremap=on,caching-mode=on   # on the host"
		                             : "systemctl reboot --firmware-setup   # enable VT-d or AMD-Vi",
		               "none, though the kernel was asked to use an IOMMU", "なし（カーネルには指定済み）");
		return;
	}
	mend = amd ? "sed -i 's/^GRUB_CMDLINE_LINUX=\"/&amd_iommu=on iommu=pt /' /etc/default/grub && update-grub   # then reboot"
	           : "sed -i 's/^GRUB_CMDLINE_LINUX=\"/&intel_iommu=on iommu=pt /' /etc/default/grub && update-grub   # then reboot";
	yg_doctor_find(d, YG_DOCTOR_BAD, "iommu.groups", "", mend, "none: no IOMMU is in use%s", "なし: IOMMUが使われていません%s",
	               d->hypervisor ? " (VM)" : "");
}

static void module(struct yg_doctor *d)
{
	char word[16];
	if (!yg_tree_has(&d->tree, "sys/module"))
		yg_doctor_find(d, YG_DOCTOR_UNKNOWN, "vfio.module", "", "", "kernel modules could not be read", "カーネルモジュールを確認できません");
	else if (yg_tree_has(&d->tree, "sys/module/vfio_pci"))
		yg_doctor_find(d, YG_DOCTOR_OK, "vfio.module", "", "", "vfio-pci is loaded", "vfio-pci を読み込み済み");
	else
		yg_doctor_find(d, YG_DOCTOR_BAD, "vfio.module", "", "modprobe vfio-pci && echo vfio-pci > /etc/modules-load.d/yagura.conf",
		               "vfio-pci is not loaded", "vfio-pci が読み込まれていません");
	bool loaded = yg_tree_has(&d->tree, "sys/module/vfio");
	if (yg_tree_word(&d->tree, word, sizeof word, "sys/module/vfio/parameters/enable_unsafe_noiommu_mode") < 0)
		yg_doctor_find(d, loaded ? YG_DOCTOR_OK : YG_DOCTOR_UNKNOWN, "vfio.noiommu", "", "",
		               loaded ? "this kernel has no such mode" : "VFIO is not loaded",
		               loaded ? "このカーネルにはありません" : "VFIOが読み込まれていません");
	else if (word[0] == 'N' || word[0] == '0')
		yg_doctor_find(d, YG_DOCTOR_OK, "vfio.noiommu", "", "", "off", "オフ");
	else
		yg_doctor_find(d, YG_DOCTOR_BAD, "vfio.noiommu", "", "echo N > /sys/module/vfio/parameters/enable_unsafe_noiommu_mode",
		               "VFIO may run without an IOMMU: a card could write anywhere in memory",
		               "IOMMUなしのVFIOが許可されています。NICが全メモリーに書き込めます");
}

static void device(struct yg_doctor *d, const char *path)
{
	struct stat st;
	if (yg_tree_stat(&d->tree, &st, "%s", path + 1) < 0)
		yg_doctor_find(d, yg_tree_has(&d->tree, "dev") ? YG_DOCTOR_BAD : YG_DOCTOR_UNKNOWN, "vfio.device", path, "modprobe vfio-pci",
		               "is not there", "ありません");
	else if (S_ISDIR(st.st_mode))
		yg_doctor_find(d, YG_DOCTOR_UNKNOWN, "vfio.device", path, "", "is a folder", "フォルダーです");
	else if (yg_tree_writable(&d->tree, "%s", path + 1))
		yg_doctor_find(d, YG_DOCTOR_OK, "vfio.device", path, "", "mode %04o, may be used", "モード %04o、利用可",
		               (unsigned)st.st_mode & 07777);
	else
		yg_doctor_find(d, YG_DOCTOR_BAD, "vfio.device", path,
		               "printf 'SUBSYSTEM==\"vfio\", GROUP=\"yagura\", MODE=\"0660\"\\n' > /etc/udev/rules.d/80-yagura-vfio.rules"
		               " && udevadm control --reload && udevadm trigger --subsystem-match=vfio",
		               "mode %04o: this user may not use it", "モード %04o: このユーザーは使用できません", (unsigned)st.st_mode & 07777);
}

void yg_doctor_vfio(struct yg_doctor *d)
{
	char path[YG_DOCTOR_NAME + 16];
	if (!is_needed(d)) {
		yg_doctor_find(d, YG_DOCTOR_OK, "vfio.needed", "", "", "no: every port works with the kernel's driver",
		               "不要（カーネルのドライバーで動くポートだけです）");
		return;
	}
	groups(d);
	module(d);
	device(d, "/dev/vfio/vfio");
	for (unsigned i = 0; i < d->nics_count; i++) {
		const struct yg_doctor_nic *nic = &d->nics[i];
		bool again = false;
		for (unsigned k = 0; k < i; k++)
			again = again || strcmp(d->nics[k].group, nic->group) == 0;
		if (!nic->ready || nic->stays || !nic->group[0] || again || !yg_doctor_plain(nic->group))
			continue;
		snprintf(path, sizeof path, "/dev/vfio/%s", nic->group);
		device(d, path);
	}
}
