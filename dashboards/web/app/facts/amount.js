// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What a sensor measured, in words. The units are those of `why.unit`; one that this page does not know is shown as the sensor wrote it,
// so that a newer sensor is read rather than hidden.

/** @typedef {{t: (key: string, params?: object) => string, lang: string}} Words */

const KNOWN = {
  'packets/s': 'packets_s', 'flows/s': 'flows_s', 'queries/s': 'queries_s', 'connections/s': 'connections_s',
  'incomplete SYNs/s': 'syns_s', 'handshakes/s': 'handshakes_s', ports: 'ports', hosts: 'hosts', probes: 'probes',
  connections: 'connections', clients: 'clients', packets: 'packets', bodies: 'bodies', alerts: 'alerts', pulses: 'pulses',
  records: 'records', events: 'events', times: 'times', s: 's', step: 'step', links: 'links', '%': 'percent', flows: 'flows', names: 'names', contacts: 'contacts', attempts: 'attempts', requests: 'requests', logins: 'logins',
};

const SCALES = /** @type {Array<[number, string]>} */ ([[1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1e3, 'k'], [1, '']]);

/** As much of a number as says something: a decimal below a hundred, none above. */
export function rounded(value) {
  return Math.abs(value) >= 100 ? Math.round(value) : Math.round(value * 10) / 10;
}

// Units that are scaled to k, M, G.
const SCALED = { 'bits/s': 'bits_s', 'bit/s': 'bits_s', bytes: 'bytes' };
const isScaled = (unit) => Object.hasOwn(SCALED, unit ?? '');

/** The prefix in which the greatest of these reads best, so that an axis has one unit. @returns {[number, string]} */
export function scaleOf(greatest) {
  return SCALES.find(([factor]) => greatest >= factor) ?? SCALES[SCALES.length - 1];
}

/**
 * "毎秒21.6Mbit", "21.6 Mbit/s".
 * @param {number} value @param {string} unit @param {Words} words @param {boolean} [again] what is counted has been said: the number is enough
 */
export function amount(value, unit, words, again = false) {
  if (!Number.isFinite(value))
    return words.t('fact.unit.unknown');
  if (isScaled(unit)) {
    const [factor, prefix] = scaleOf(Math.abs(value));
    const scaled = value / factor;
    const n = new Intl.NumberFormat(words.lang === 'ja' ? 'ja-JP' : 'en-GB', {
      minimumFractionDigits: prefix ? 1 : 0, maximumFractionDigits: prefix ? 1 : 0,
    }).format(scaled);
    return words.t(`fact.unit.${SCALED[unit]}`, {n, p: prefix});
  }
  const known = Object.hasOwn(KNOWN, unit ?? '') ? KNOWN[unit] : null;
  return known ? words.t(again && known === 'syns_s' ? 'fact.unit.syns_s_again' : `fact.unit.${known}`, {n: rounded(value)}) : words.t('fact.unit.other', {n: rounded(value), unit: unit ?? ''}).trim();
}

/** The unit alone, for the axis of a chart. */
export function unitName(unit, words, prefix = '') {
  if (isScaled(unit))
    return words.t(`fact.unit.axis.${SCALED[unit]}`, {p: prefix});
  return Object.hasOwn(KNOWN, unit ?? '') ? words.t(`fact.unit.axis.${KNOWN[unit]}`) : unit ?? '';
}

/** For an axis: the numbers, and the unit that stands once beside its name. @param {number} greatest of what is shown */
export function axisOf(greatest, unit, words) {
  const [factor, prefix] = isScaled(unit) ? scaleOf(greatest) : [1, ''];
  const numbers = new Intl.NumberFormat(words.lang === 'ja' ? 'ja-JP' : 'en-GB', { maximumSignificantDigits: 3 });
  return { format: (value) => numbers.format(value / factor), unit: unitName(unit, words, prefix) };
}

/** "2時間5分", "2 h 5 min": two units at most, as one says it. @param {number} ms */
export function duration(ms, words) {
  const s = Math.max(0, Math.round(ms / 1000));
  const [d, h, m] = [Math.floor(s / 86400), Math.floor(s / 3600), Math.floor(s / 60)];
  if (s < 60)
    return words.t('fact.unit.span.s', {s});
  if (m < 60)
    return s % 60 && m < 10 ? words.t('fact.unit.span.ms', {m, s: s % 60}) : words.t('fact.unit.span.m', {m});
  if (h < 48)
    return m % 60 ? words.t('fact.unit.span.hm', {h, m: m % 60}) : words.t('fact.unit.span.h', {h});
  return h % 24 ? words.t('fact.unit.span.dh', {d, h: h % 24}) : words.t('fact.unit.span.d', {d});
}

/** "1.4倍", "0.3 times"; null where there is nothing to divide by. */
export function ratio(observed, against) {
  return Number.isFinite(observed) && Number.isFinite(against) && against > 0 ? observed / against : null;
}
