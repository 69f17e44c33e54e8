// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Times. The server says milliseconds since 1970; what is shown is the site's zone (Asia/Tokyo unless it is configured otherwise), whatever
// the browser's is, or UTC where the user switched. Ages go by the server's clock: a desk's clock may be wrong.
import { language, t } from './i18n.js';
import { prefs } from './prefs.js';
import { createStore } from './store.js';

export const site = createStore({ zone: 'Asia/Tokyo', ahead: 0 });

/** Of each answer of /session: the site's zone, and how far this desk's clock is behind. */
export function setSite(timezone, nowMs) {
  site.set({ zone: timezone || 'Asia/Tokyo', ahead: Number.isFinite(nowMs) ? nowMs - Date.now() : 0 });
}

/** Now, by the server's clock. */
export const now = () => Date.now() + site.get().ahead;

const siteName = () => (site.get().zone === 'Asia/Tokyo' ? 'JST' : site.get().zone);
export const zone = () => (prefs.get().timezone === 'utc' ? 'UTC' : site.get().zone);
export const zoneName = () => (prefs.get().timezone === 'utc' ? 'UTC' : siteName());

const formats = new Map();
// what a table asks for again and again: text of `zone ms`. Asking Intl is the dearest of drawing a row.
const stamps = new Map(), MOST_STAMPS = 4096;
function parts(ms, where) {
  let format = formats.get(where);
  if (!format) {
    // sv-SE prints ISO order; parts are taken by name all the same
    format = new Intl.DateTimeFormat('sv-SE', { timeZone: where, year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit',
      minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
    formats.set(where, format);
  }
  return Object.fromEntries(format.formatToParts(ms).map((part) => [part.type, part.value]));
}

const valid = (ms) => typeof ms === 'number' && Number.isFinite(ms);
/** 2026-11-22 04:18:03 */
export function stamp(ms, where = zone()) {
  if (!valid(ms)) return '–';
  const key = `${where} ${ms}`;
  let text = stamps.get(key);
  if (!text) {
    const p = parts(ms, where);
    text = `${p.year}-${p.month}-${p.day} ${p.hour}:${p.minute}:${p.second}`;
    if (stamps.size >= MOST_STAMPS) stamps.clear();
    stamps.set(key, text);
  }
  return text;
}
/** 2026-11-22 */
export const day = (ms, where = zone()) => (valid(ms) ? stamp(ms, where).split(' ')[0] : '–');
/** 04:18:03 */
export const clock = (ms, where = zone()) => (valid(ms) ? stamp(ms, where).split(' ')[1] : '–');
/** 04:18 */
export const minute = (ms, where = zone()) => clock(ms, where).slice(0, 5);
/** 11-22 04:18: in tables, where the year is plain */
export const short = (ms) => (valid(ms) ? stamp(ms).slice(5, 16) : '–');
/** 2026-11-22 04:18: of what may lie in another year */
export const upTo = (ms) => stamp(ms).slice(0, 16);
/** Both zones: what tooltips and exports say. */
export const both = (ms) => (valid(ms) ? `${stamp(ms, site.get().zone)} ${siteName()} / ${stamp(ms, 'UTC')} UTC` : '–');
/** For datetime attributes. */
export const iso = (ms) => (valid(ms) ? new Date(ms).toISOString() : undefined);

/** A length of time in its two largest units at most: 3 時間 12 分, 45 秒. */
export function span(ms) {
  if (!valid(ms)) return '–';
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return t('time.seconds', { n: seconds });
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return t('time.minutes', { n: minutes });
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 ? t('time.hours_minutes', { h: hours, m: minutes % 60 }) : t('time.hours', { n: hours });
  const days = Math.floor(hours / 24);
  return hours % 24 && days < 7 ? t('time.days_hours', { d: days, h: hours % 24 }) : t('time.days', { n: days });
}

/** How long ago: たった今, 45 秒前, 3 分前, 2 時間前, 5 日前. */
export function ago(ms) {
  if (!valid(ms)) return '–';
  const seconds = Math.round((now() - ms) / 1000);
  if (seconds < 1 && seconds > -5) return t('time.now');
  const relative = (formats.get(`ago ${language()}`) ?? formats.set(`ago ${language()}`, new Intl.RelativeTimeFormat(language(),
    { style: 'narrow' })).get(`ago ${language()}`));
  const size = Math.abs(seconds);
  if (size < 60) return relative.format(-seconds, 'second');
  if (size < 3600) return relative.format(-Math.trunc(seconds / 60), 'minute');
  if (size < 86400) return relative.format(-Math.trunc(seconds / 3600), 'hour');
  return relative.format(-Math.trunc(seconds / 86400), 'day');
}

export const RANGES = ['15m', '1h', '4h', '24h', '7d', '30d', 'fy'];
const LENGTHS = { '15m': 15, '1h': 60, '4h': 240, '24h': 1440, '7d': 10080, '30d': 43200 };

/** From and to of a range as the API reads it; null: no range of ours. The fiscal year begins on April 1st of the site's zone. */
export function rangeOf(text) {
  if (LENGTHS[text]) return { from: now() - LENGTHS[text] * 60000, to: now() };
  if (text === 'fy') {
    const today = parts(now(), site.get().zone);
    const year = Number(today.month) >= 4 ? Number(today.year) : Number(today.year) - 1;
    return { from: fromLocal(`${year}-04-01T00:00`, site.get().zone), to: now() };
  }
  const [from, to] = String(text).split('/').map((end) => Date.parse(end));
  return valid(from) && valid(to) && from < to ? { from, to } : null;
}
/** The API's text for two times. */
export const rangeText = (from, to) => `${new Date(from).toISOString()}/${new Date(to).toISOString()}`;

/** What a datetime-local field says ("2026-11-22T04:18"), read in the zone shown, in milliseconds since 1970. */
export function fromLocal(text, where = zone()) {
  const plain = Date.parse(`${text}Z`);
  if (!valid(plain)) return NaN;
  // the zone's offset there: once by guess, once more for a guess on the other side of a change of clocks
  const offset = (ms) => { const p = parts(ms, where); return Date.UTC(p.year, p.month - 1, p.day, p.hour, p.minute, p.second) - ms; };
  return plain - offset(plain - offset(plain));
}
/** For a datetime-local field. */
export const toLocal = (ms) => (valid(ms) ? stamp(ms).slice(0, 16).replace(' ', 'T') : '');
