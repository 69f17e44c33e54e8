// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Stable names that sensors write, in the reader's words. A name that is not in a table is a newer sensor's: it is shown as it is.

const MODES = ['page', 'alert', 'digest', 'shadow'];
const IMPACTS = ['absorbed', 'degraded', 'down', 'unknown'];
const LEARNINGS = ['floor', 'short', 'full'];
const ZONES = ['internet', 'lgwan', 'mynumber'];
const STATES = ['open', 'closed', 'update', 'close'];
const CONFIDENCE = /** @type {Array<[number, string]>} */ ([[0.8, 'high'], [0.5, 'medium'], [0, 'low']]);

// Names of protocols and services are the same in both languages.
const NAMES = {
  udp: 'UDP', tcp: 'TCP', icmp: 'ICMP', tcp_flow: 'TCP', syn: 'SYN', synack: 'SYN-ACK', syn_ack: 'SYN-ACK', ack: 'ACK', rst: 'RST', fin: 'FIN',
  qotd: 'QOTD', chargen: 'CHARGEN', dns: 'DNS', tftp: 'TFTP', portmap: 'portmapper', ntp: 'NTP', netbios: 'NetBIOS', snmp: 'SNMP',
  cldap: 'CLDAP', slp: 'SLP', isakmp: 'ISAKMP', rip: 'RIP', mssql: 'MS SQL', ssdp: 'SSDP', ard: 'ARD', rdp: 'RDP', wsd: 'WS-Discovery',
  sip: 'SIP', mdns: 'mDNS', coap: 'CoAP', ubiquiti: 'Ubiquiti', memcached: 'memcached', steam: 'Steam', dvr: 'DHDiscover', tls: 'TLS',
  http: 'HTTP', quic: 'QUIC', ssh: 'SSH', smtp: 'SMTP', imap: 'IMAP', pop3: 'POP3', ftp: 'FTP', smb: 'SMB', ldap: 'LDAP', telnet: 'Telnet',
};

const VECTORS = [
  'null_xmas', 'fragment', 'other', 'malformed', 'download', 'mixed', 'random_subdomain', 'plain', 'amplifier_abuse', 'unread', 'request',
  'horizontal', 'vertical', 'up', 'down', 'in', 'out', 'summary', 'shadow', 'gaps', 'duplicates', 'drops', 'kernel_drops', 'handover', 'errors',
  'one_way', 'reordering', 'rss_asymmetric', 'imbalance', 'utilisation', 'link_down', 'bodies_dark', 'all_dark', 'worker', 'pressure',
  'io_error', 'segment_retired', 'damaged_record', 'missing_segment', 'unreadable_segment', 'meta_lost', 'reserve_used', 'lost',
];

const TECHNIQUES = [
  'T1498', 'T1498.001', 'T1498.002', 'T1499.001', 'T1499.002', 'T1046', 'T1595.001', 'T1190', 'T1110', 'T1071', 'T1071.004', 'T1568.002',
  'T1041', 'T1572', 'T1567.002', 'T1219', 'T1199', 'T1133', 'T1040',
];

const of = (area, known) => (name, words) => known.includes(name) ? words.t(`fact.${area}.${name}`) : name ?? '';

export const modeName = of('mode', MODES);
export const modeMeaning = of('mode.meaning', MODES);
export const impactName = of('impact', IMPACTS);
export const impactMeaning = of('impact.meaning', IMPACTS);
export const learningMeaning = of('learning', LEARNINGS);
export const zoneName = of('zone', ZONES);
export const stateName = of('alertstate', STATES);

/** @param {number} confidence 0 to 1 */
export function confidenceName(confidence, words) {
  const [, name] = CONFIDENCE.find(([least]) => confidence >= least) ?? CONFIDENCE[2];
  return words.t(`fact.confidence.${name}`);
}

/** "drops/eth1" is what, and where. */
export function vectorName(vector, words) {
  const slash = (vector ?? '').indexOf('/');
  const [what, where] = slash < 0 ? [vector ?? '', ''] : [vector.slice(0, slash), vector.slice(slash + 1)];
  const name = VECTORS.includes(what) ? words.t(`fact.vector.${what}`) : Object.hasOwn(NAMES, what) ? NAMES[what] : what;
  return where ? words.t('fact.vector.where', {name, where}) : name;
}

/** "DNS", "TLS"; a name that is not known keeps its letters. EVE writes "failed" where nothing was recognised. */
export function appName(app, words) {
  if (!app || app === 'failed')
    return words.t('fact.app_unknown');
  return Object.hasOwn(NAMES, app.toLowerCase()) ? NAMES[app.toLowerCase()] : app;
}

/** @returns {string} what the technique is called, or '' */
export function techniqueName(id, words) {
  return TECHNIQUES.includes(id) ? words.t(`fact.attck.${id}`) : '';
}

/** Which way of the body is meant: the same words for all pages. @param {{name_ja: string, name_en: string, code: string}|null} org */
export function orgName(org, words) {
  if (!org)
    return words.t('fact.no_org');
  return (words.lang === 'ja' ? org.name_ja : org.name_en) || org.name_ja || org.code;
}

/** Of anything that has both languages: text_ja, kind_en, … */
export function both(row, name, words) {
  return row?.[`${name}_${words.lang}`] ?? '';
}
