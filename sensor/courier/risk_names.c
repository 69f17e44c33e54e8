// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Names of the risks of nDPI 4.2, as the library itself prints them. A later nDPI has more; their bits are written as
// numbers with an unknown name, so that nothing is lost when a library is newer than this table. Pure; any thread.
#include "courier/risk_names.h"

const char *yg_risk_name(unsigned risk)
{
	static const char *const names[YG_RISKS_COUNT] = {
		"No Risk",
		"XSS Attack",
		"SQL Injection",
		"RCE Injection",
		"Binary Application Transfer",
		"Known Protocol on Non Standard Port",
		"Self-signed Certificate",
		"Obsolete TLS Version (1.1 or older)",
		"Weak TLS Cipher",
		"TLS Expired Certificate",
		"TLS Certificate Mismatch",
		"HTTP Suspicious User-Agent",
		"HTTP Numeric IP Address",
		"HTTP Suspicious URL",
		"HTTP Suspicious Header",
		"TLS (probably) Not Carrying HTTPS",
		"Suspicious DGA Domain name",
		"Malformed Packet",
		"SSH Obsolete Client Version/Cipher",
		"SSH Obsolete Server Version/Cipher",
		"SMB Insecure Version",
		"TLS Suspicious ESNI Usage",
		"Unsafe Protocol",
		"Suspicious DNS Traffic",
		"Missing SNI TLS Extension",
		"HTTP Suspicious Content",
		"Risky ASN",
		"Risky Domain Name",
		"Possibly Malicious JA3 Fingerprint",
		"Possibly Malicious SSL Cert. SHA1 Fingerprint",
		"Desktop/File Sharing Session",
		"Uncommon TLS ALPN",
		"TLS Certificate Validity Too Long",
		"TLS Suspicious Extension",
		"TLS Fatal Alert",
		"Suspicious Entropy",
		"Clear-Text Credentials",
		"DNS Packet Larger Than 512 bytes",
		"Fragmented DNS Message",
		"Text Contains Non-Printable Characters",
		"Possible Exploit Detected",
		"TLS Certificate About To Expire",
	};
	return risk < YG_RISKS_COUNT ? names[risk] : "Unknown Risk";
}
