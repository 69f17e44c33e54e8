// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What somebody types to make a suppression: whether it can be one, and what is sent. Pure. The server judges again; this is to tell early,
// beside the field, in words.

export const DAYS_MAX = 90;
/** Bytes of UTF-8, as the sensor takes it: 53 Japanese letters. */
export const REASON_MAX = 159;
const DAY_MS = 86400000;

/** Full-width letters, digits and signs as a Japanese keyboard gives them. */
export const fold = (text) => (text ?? '').normalize('NFKC').trim();

function bytes4(text) {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)) return null;
  return parts.map(Number);
}

function groups6(text) {
  let tail = text;
  const dotted = /^(.*:)([\d.]+)$/.exec(text);
  if (dotted && dotted[2].includes('.')) {
    const four = bytes4(dotted[2]);
    if (!four) return null;
    tail = `${dotted[1]}${((four[0] << 8) | four[1]).toString(16)}:${((four[2] << 8) | four[3]).toString(16)}`;
  }
  const halves = tail.split('::');
  if (halves.length > 2) return null;
  const read = (half) => (half === '' ? [] : half.split(':'));
  const head = read(halves[0]);
  const end = halves.length === 2 ? read(halves[1]) : [];
  if (![...head, ...end].every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return null;
  const count = head.length + end.length;
  if (halves.length === 2 ? count > 7 : count !== 8) return null;
  return [...head, ...Array(8 - count).fill('0'), ...end].map((group) => parseInt(group, 16));
}

/** An address or prefix as it is sent, or null. '' stands for any. */
export function prefix(text) {
  const typed = fold(text);
  if (typed === '') return '';
  const found = /^([0-9a-fA-F.:]{2,45})(?:\/(\d{1,3}))?$/.exec(typed);
  if (!found) return null;
  const four = found[1].includes(':') ? null : bytes4(found[1]);
  const six = four || !found[1].includes(':') ? null : groups6(found[1]);
  if (!four && !six) return null;
  const length = found[2] === undefined ? null : Number(found[2]);
  if (length !== null && (length === 0 || length > (four ? 32 : 128))) return null;
  // as the sensor: a prefix has nothing behind its length
  const words = four ?? six, bits = four ? 8 : 16;
  if (length !== null && words.some((word, at) => word & ((1 << Math.max(0, Math.min(bits, (at + 1) * bits - length))) - 1))) return null;
  return length === null ? found[1].toLowerCase() : `${found[1].toLowerCase()}/${length}`;
}

/** A kind, a group of them with a star at its end, or '*', which nothing stands for too. */
export function kind(text) {
  const typed = fold(text).toLowerCase() || '*';
  return typed === '*' || (/^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*(\.\*)?$/.test(typed) && typed.length <= 63) ? typed : null;
}

/**
 * @param {{kind: string, org: string, source: string, target: string, port: string, reason: string, expires: number}} typed
 * @param {number} now
 * @param {boolean} all whether he may make one for all bodies
 * @returns {{errors: Object<string, string>, conditions: Object, body: Object}} errors: field to key of its text
 */
export function check(typed, now, all) {
  const errors = /** @type {Object<string, string>} */ ({});
  const of = { kind: kind(typed.kind), source: prefix(typed.source), target: prefix(typed.target) };
  if (of.kind === null) errors.kind = fold(typed.kind) === '' ? 'need_kind' : 'bad_kind';
  if (of.source === null) errors.source = 'bad_prefix';
  if (of.target === null) errors.target = 'bad_prefix';
  const port = fold(typed.port);
  if (port !== '' && !(/^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65535)) errors.port = 'bad_port';
  if (!typed.org && !all) errors.org = 'wide';
  if (of.kind === '*' && !typed.org && !of.source && !of.target && port === '') errors.kind = 'wide';
  const reason = (typed.reason ?? '').trim();
  if (reason === '') errors.reason = 'need_reason';
  else if (new TextEncoder().encode(reason).length > REASON_MAX) errors.reason = 'long_reason';
  if (!(typed.expires > now && typed.expires <= now + DAYS_MAX * DAY_MS)) errors.expires = 'need_expiry';
  const conditions = { kind: of.kind, org: typed.org || null, source: of.source || null, target: of.target || null, port: port === '' ? null : Number(port) };
  return { errors, conditions, body: { ...conditions, reason, expires_ms: typed.expires } };
}

/** Days and hours that are left, for the list. */
export function left(expires, now) {
  const ms = expires - now;
  return ms >= DAY_MS ? { key: 'left', n: Math.floor(ms / DAY_MS) } : { key: 'left_hours', n: Math.max(0, Math.floor(ms / 3600000)) };
}

/** on, expiring, expired, ended: which of them a suppression is. */
export const statusOf = (row, now) => (row.ended_ms ? 'ended' : row.expires_ms <= now ? 'expired' : row.expiring ? 'expiring' : 'on');
