// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Which driver of DPDK takes which PCI device: the PMD_INFO_STRING records of the drivers of DPDK 22.11 (Debian 12), vendor and
// device alone. A table and not the drivers' own files, because the doctor has to name the driver that is not installed.
// `stays`: the driver works beside the kernel's, through ib_uverbs, and must not be bound to vfio-pci.
#include "cli/doctor.h"

#include <string.h>

enum { STEP = 5 }; // four digits and a blank

static const struct {
	uint16_t vendor;
	bool stays;
	const char *pmd;
	const char *devices;
} rows[] = {
	{0x1d6c, false, "net_ark",
	 "100d 100e 100f 1010 1017 1018 1019 101a 101b 101c 101e 101f"},
	{0x1d6a, false, "net_atlantic",
	 "0001 00b1 07b1 08b1 09b1 11b1 12b1 51b1 52b1 80b1 87b1 88b1 89b1 91b1 92b1 d100 d107 d108 d109"},
	{0x1af4, false, "net_avp",
	 "1110"},
	{0x1022, false, "net_axgbe",
	 "1458 1459"},
	{0x1077, false, "net_bnx2x",
	 "16a1 16ad"},
	{0x14e4, false, "net_bnx2x",
	 "163d 163f 164f 168a 168d 168e 16a1 16a2 16a9 16ad 16af"},
	{0x14e4, false, "net_bnxt",
	 "1606 1609 1614 16c1 16cb 16cc 16cd 16d3 16d6 16d7 16d8 16d9 16dc 16de 16e0 16e1 16e2 16e3 16e4 16ea 16ec 16ee 16f0 1750 "
	 "1751 1752 1800 1801 1802 1803 1804 1805 1806 1807 d800 d802 d804 d812 d814 d818 d82e"},
	{0x177d, false, "net_cnxk",
	 "a063 a064 a0f7 a0f8"},
	{0x1425, false, "net_cxgbe",
	 "5400 5401 5402 5403 5404 5405 5406 5407 5408 5409 540a 540d 540e 5410 5411 5412 5413 5414 5415 5416 5417 5418 5419 541a "
	 "541b 5480 5481 5482 5483 5484 5485 5486 5487 5488 5489 5490 5491 5492 5493 5494 5495 5496 5497 5498 5499 549a 549b 549c "
	 "549d 549e 549f 54a0 54a1 54a2 54a3 54a4 54a5 54a6 54a7 54a8 54a9 54aa 54ab 54ac 54ad 54ae 54af 54b0 5800 5801 5802 5803 "
	 "5804 5805 5806 5807 5808 5809 580a 580d 580e 5810 5811 5812 5813 5814 5815 5816 5817 5818 5819 581a 581b 5880 5881 5882 "
	 "5883 5884 5885 5886 5887 5888 5889 5890 5891 5892 5893 5894 5895 5896 5897 5898 5899 589a 589b 589c 589d 589e 589f 58a0 "
	 "58a1 58a2 58a3 58a4 58a5 58a6 58a7 58a8 58a9 58aa 58ab 58ac 58ad 58ae 58af 58b0 6401 6402 6403 6404 6405 6406 6407 6408 "
	 "6409 640d 6411 6414 6415 6480 6481 6482 6483 6484 6485 6486 6487 6488 6489 648a 648b 6801 6802 6803 6804 6805 6806 6807 "
	 "6808 6809 680d 6811 6814 6815 6880 6881 6882 6883 6884 6885 6886 6887 6888 6889 688a 688b"},
	{0x8086, false, "net_e1000",
	 "0438 043a 043c 0440 100e 100f 1010 1011 1012 101d 105e 105f 1060 107d 107e 107f 109a 10a4 10a5 10a7 10a9 10b9 10bc 10c9 "
	 "10ca 10d3 10d5 10d6 10d9 10da 10e6 10e7 10e8 10f6 1502 150a 150c 150d 150e 150f 1510 1511 1516 1518 1520 1521 1522 1523 "
	 "1524 1526 1527 152d 152f 1533 1534 1535 1536 1537 1538 1539 153a 153b 1546 1559 155a 156f 1570 157b 157c 15a0 15a1 15a2 "
	 "15a3 15b7 15b8 15b9 15bb 15bc 15bd 15be 15d6 15d7 15d8 15e3 1f40 1f41 1f45"},
	{0x1d0f, false, "net_ena",
	 "ec20 ec21"},
	{0x1957, false, "net_enetc",
	 "e100 ef00"},
	{0x1137, false, "net_enic",
	 "0043 0071 02b7"},
	{0x8086, false, "net_fm10k",
	 "15a4 15a5 15d0"},
	{0x1ae0, false, "net_gve",
	 "0042"},
	{0x19e5, false, "net_hinic",
	 "0200 0205 0206 0210 1822 375e 379e"},
	{0x19e5, false, "net_hns3",
	 "a220 a221 a222 a224 a226 a228 a22e a22f"},
	{0x8086, false, "net_i40e",
	 "0cf8 0d58 101f 104e 104f 1572 1574 1580 1581 1583 1584 1585 1586 1587 1588 1589 158a 158b 15ff 374c 37ce 37cf 37d0 37d1 "
	 "37d2 37d3"},
	{0x8086, false, "net_iavf",
	 "154c 1571 1889 374d 37cd"},
	{0x8086, false, "net_ice",
	 "0dbd 0dcd 124c 124d 124e 124f 151d 1591 1592 1593 1599 159a 159b 1888 188a 188b 188c 188d 188e 1890 1891 1892 1893 1894 "
	 "1897 1898 1899 189a 579c 579d 579e 579f"},
	{0x8086, false, "net_idpf",
	 "1452"},
	{0x8086, false, "net_igc",
	 "0d9f 125b 125c 125d 125f 15f2 15f3 15f8 3100 3102 5503"},
	{0x1dd8, false, "net_ionic",
	 "1002 1003 1004"},
	{0x8086, false, "net_ixgbe",
	 "10b6 10c6 10c7 10c8 10db 10dd 10e1 10ec 10ed 10f1 10f4 10f7 10f8 10f9 10fb 10fc 1507 1508 150b 1514 1515 1517 151c 1528 "
	 "1529 152a 152e 1530 154a 154d 1557 1558 155d 1560 1563 1564 1565 15a8 15a9 15aa 15ab 15ac 15ad 15ae 15b0 15b4 15c2 15c3 "
	 "15c4 15c5 15c6 15c7 15c8 15ca 15cc 15ce 15d1 15e4 15e5"},
	{0x177d, false, "net_liquidio",
	 "9712"},
	{0x15b3, true, "net_mlx4",
	 "1003 1004 1007"},
	{0x15b3, true, "net_mlx5",
	 "1013 1014 1015 1016 1017 1018 1019 101a 101b 101c 101d 101e 101f 1021 a2d2 a2d3 a2d6 a2dc"},
	{0x19ee, false, "net_nfp",
	 "3800 3803 4000 6000 6003"},
	{0x1da8, false, "net_nfp",
	 "3800 3803 4000 6000 6003"},
	{0x8088, false, "net_ngbe",
	 "0100 0101 0102 0103 0104 0105 0106 0107 0108 0109 010a 010b"},
	{0x177d, false, "net_octeon_ep",
	 "a303 b103 b203 b903"},
	{0x1077, false, "net_qede",
	 "1629 1630 1634 1644 1654 1656 1664 8070 8071 8072 8073 8090"},
	{0x10ee, false, "net_sfc",
	 "0100 1100"},
	{0x1924, false, "net_sfc",
	 "0903 0923 0a03 0b03 1903 1923 1a03 1b03"},
	{0x177d, false, "net_thunderx",
	 "0011 a034"},
	{0x8088, false, "net_txgbe",
	 "1000 1001 2000 2001"},
	{0x1af4, false, "net_virtio",
	 "1000 1041"},
	{0x15ad, false, "net_vmxnet3",
	 "07b0"},
};

const char *yg_doctor_pmd(unsigned vendor, unsigned device, bool *ret_stays)
{
	char digits[16];
	snprintf(digits, sizeof digits, "%04x", device);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (rows[i].vendor != vendor || device > 0xffff)
			continue;
		size_t length = strlen(rows[i].devices);
		for (size_t at = 0; at < length; at += STEP) {
			if (memcmp(rows[i].devices + at, digits, STEP - 1) != 0)
				continue;
			*ret_stays = rows[i].stays;
			return rows[i].pmd;
		}
	}
	return NULL;
}
