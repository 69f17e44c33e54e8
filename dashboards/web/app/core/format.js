// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Numbers as the sensor's own sentences print them: 21.6 Mbit/s, 48,211, 3.2 %. A value that is not known is a dash, never a 0.
import { language } from './i18n.js';

const formats = new Map();
function format(value, options) {
  const key = language() + JSON.stringify(options);
  let made = formats.get(key);
  if (!made) formats.set(key, (made = new Intl.NumberFormat(language(), options)));
  return made.format(value);
}
const known = (value) => typeof value === 'number' && Number.isFinite(value);

/** 48,211 */
export const count = (value) => (known(value) ? format(value, { maximumFractionDigits: 0 }) : '–');
/** Short for narrow places: 12.3万, 123K. The whole number belongs into its tooltip. */
export const brief = (value) => (known(value) ? (Math.abs(value) < 10000 ? count(value)
  : format(value, { notation: 'compact', maximumFractionDigits: 1 })) : '–');
/** 3.2 % of a share between 0 and 1; Japanese sets no blank before the sign. `least` digits where numbers stand below each other. */
export const percent = (value, digits = 1, least = 0) => (known(value) ? `${format(value * 100, { maximumFractionDigits: digits, minimumFractionDigits: least })}${language() === 'ja' ? '' : '\u00a0'}%` : '–');
/** At most three digits that matter: 0.042, 1.23, 310 */
export const measure = (value) => (known(value) ? format(value, value >= 1000 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 }) : '–');

const PREFIXES = ['', 'k', 'M', 'G', 'T', 'P'];
// A number and its unit are one word to the breaking of lines.
function scaled(value, base, unit, digits = 1) {
  if (!known(value)) return '–';
  let step = 0;
  for (let size = Math.abs(value); size >= base * 0.9995 && step < PREFIXES.length - 1; size /= base) step++;
  const shown = value / base ** step;
  return `${format(shown, step === 0 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3, minimumSignificantDigits: digits })}\u00a0${PREFIXES[step]}${unit}`;
}
/** 21.6 Mbit/s */
export const bitrate = (bits) => scaled(bits, 1000, 'bit/s');
/** 3.21 GB; three digits always where numbers stand below each other */
export const bytes = (value, digits = 1) => scaled(value, 1000, 'B', digits);
/** 48.2 kpps */
export const packetrate = (value) => scaled(value, 1000, 'pps');
