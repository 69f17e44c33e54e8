// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// An alert as other tools take it. The text goes into shells and tickets, and parts of it come from the network: what a shell reads is
// quoted whole, what people paste into a ticket or a mail is defanged, and nothing has a line break or control character of its own.

import {text} from './eve.js';

/** Without what moves a cursor, breaks a line or turns the direction of text. */
export function oneLine(value) {
  return text(String(value ?? '')).replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, ' ');
}

/** For a POSIX shell. */
export function shell(value) {
  return `'${oneLine(value).replace(/'/g, `'\\''`)}'`;
}

/** Nobody clicks or resolves it by mistake. */
export function defang(value) {
  return oneLine(value).replace(/^http/i, 'hxxp').replace(/\./g, '[.]').replace(/:/g, '[:]');
}

/** Every indicator once: ends and strongest sources outside, and names. @param {object} detail AlertDetail @param {object} context contextOf() */
export function indicators(detail, context) {
  const {alert, eve} = detail;
  const found = [];
  for (const end of [alert.source, alert.target])
    if (end?.ip && end.inside === false)
      found.push(end.ip);
  found.push(...context.why.top.map((one) => one.ip));
  for (const name of [eve?.dns?.query?.[0]?.rrname, eve?.tls?.sni, eve?.http?.hostname])
    if (text(name))
      found.push(text(name));
  return [...new Set(found.filter(Boolean))];
}

/** @param {object} detail @param {object} context */
export function defanged(detail, context) {
  return indicators(detail, context).map(defang).join('\n');
}

/** @param {string} origin of the dashboard @param {string} id */
export function curl(origin, id) {
  return `curl -sS --cookie "$YAGURA_COOKIE" ${shell(`${origin}/api/v1/alerts/${encodeURIComponent(id)}`)}`;
}

/** @param {string} sensor @param {string} entry "<generation>-<sequence>" */
export function redisCli(sensor, entry) {
  return `redis-cli XRANGE ${shell(`yagura:${sensor}:alerts`)} ${shell(entry)} ${shell(entry)}`;
}

const ADDRESS = /^[0-9a-fA-F.:]+(\/\d{1,3})?$/;
const PORTS = {TCP: 'tcp', UDP: 'udp', SCTP: 'sctp'};
const WITHOUT_PORT = {ICMP: 'icmp', 'IPV6-ICMP': 'icmpv6', ICMPV6: 'icmpv6', GRE: 'gre', ESP: 'esp'};

/** A display filter of Wireshark: ends, protocol, port and the time of the alert. Only what is an address or number gets in. */
export function tshark(detail) {
  const {alert} = detail;
  const parts = [];
  for (const end of [alert.source, alert.target])
    if (end?.ip && ADDRESS.test(end.ip))
      parts.push(`${end.ip.includes(':') ? 'ipv6' : 'ip'}.addr == ${end.ip}`);
  const proto = String(alert.proto ?? '').toUpperCase();
  const port = [alert.target?.port, alert.source?.port].find((p) => Number.isInteger(p) && p > 0);
  if (Object.hasOwn(PORTS, proto))
    parts.push(port ? `${PORTS[proto]}.port == ${port}` : PORTS[proto]);
  else if (Object.hasOwn(WITHOUT_PORT, proto))
    parts.push(WITHOUT_PORT[proto]);
  const time = (ms) => `"${new Date(ms).toISOString()}"`;
  if (Number.isFinite(alert.first_ms) && Number.isFinite(alert.last_ms))
    parts.push(`frame.time >= ${time(alert.first_ms - 30000)}`, `frame.time <= ${time(alert.last_ms + 30000)}`);
  return parts.join(' && ');
}

/**
 * A ticket for the body's or the prefecture's desk, which is in Japanese whatever the page is in. Addresses outside are defanged.
 * @param {object} detail @param {object} context @param {{time: (ms: number) => string, severity: string, url: string}} said in Japanese
 */
export function ticketJa(detail, context, said) {
  const {alert} = detail;
  const end = (e) => {
    if (!e?.ip)
      return e?.org?.name_ja ? oneLine(e.org.name_ja) : '特定できず（多数または詐称）';
    const ip = e.inside === false ? defang(e.ip) : oneLine(e.ip);
    return e.port ? `${ip}（ポート${e.port}）` : ip;
  };
  const lines = [
    `【日時】${said.time(alert.first_ms)}～${alert.state === 'open' ? '継続中' : said.time(alert.last_ms)}`,
    `【団体】${alert.org ? `${oneLine(alert.org.name_ja)}（${oneLine(alert.org.code)}）` : '該当なし'}`,
    `【重要度】${said.severity}`,
    `【送信元】${end(alert.source)}`,
    `【宛先】${end(alert.target)}`,
    `【事象】${oneLine(alert.kind_ja)}（${oneLine(alert.kind)}）`,
    `【根拠】${oneLine(alert.text_ja)}`,
  ];
  const steps = Array.isArray(detail.steps_ja) ? detail.steps_ja : [];
  if (steps.length)
    lines.push('【推奨対応】', ...steps.map((step, i) => `${i + 1}. ${oneLine(step)}`));
  if (detail.clause?.ja)
    lines.push(`【関係規程】${oneLine(detail.clause.ja)}`);
  lines.push(`【参照】${said.url}`, `【アラートID】${oneLine(alert.id)}`);
  return lines.join('\n');
}
