// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What a tile of the board of bodies says, and in which order tiles stand. Pure.

/** Worst first. A body about which nothing can be known is never called calm. */
export const ATTENTIONS = ['dark', 'zone', 'critical', 'overdue', 'high', 'saturated', 'some', 'unseen', 'calm'];

/** Whether any zone of it is breached. */
export const breached = (tile) => Object.values(tile.zones ?? {}).includes('breach');

/** What a body needs most, as one of ATTENTIONS. @param {object} tile @param {boolean} blind a sensor is blind: silence proves nothing */
export function attentionOf(tile, blind) {
  const open = tile.open ?? {};
  if (tile.dark)
    return 'dark';
  if (breached(tile))
    return 'zone';
  if (open.critical > 0)
    return 'critical';
  if (tile.overdue > 0)
    return 'overdue';
  if (open.high > 0)
    return 'high';
  if (tile.saturated)
    return 'saturated';
  if (open.medium > 0 || open.low > 0 || open.info > 0 || tile.inbox > 0)
    return 'some';
  return blind || tile.last_ms === null || tile.last_ms === undefined ? 'unseen' : 'calm';
}

const lastOf = (list) => list?.slice(-2).findLast((value) => value !== null) ?? null; // the last step's line may be a moment late

/** Traffic of the last step, or of the one before where that is not known yet, both directions, bit/s; null: none is known. */
export function trafficNow(tile) {
  const [into, out] = [lastOf(tile.traffic?.in), lastOf(tile.traffic?.out)];
  return into === null && out === null ? null : (into ?? 0) + (out ?? 0);
}

/** How far it is from its habit: 1 is as usual; null: no habit is known. */
export function againstHabit(tile) {
  const usual = (tile.traffic?.usual_in ?? 0) + (tile.traffic?.usual_out ?? 0);
  const seen = trafficNow(tile);
  return usual > 0 && seen !== null ? seen / usual : null;
}

export const SORTS = ['attention', 'name', 'open', 'traffic', 'habit'];

const openOf = (tile) => ['critical', 'high', 'medium', 'low', 'info'].reduce((n, severity) => n + (tile.open?.[severity] ?? 0), 0);
const distance = (tile) => { const r = againstHabit(tile); return r === null || r <= 0 ? (r === 0 ? Infinity : -1) : Math.abs(Math.log2(r)); };

/** A new list, ordered. @param {Array} tiles @param {string} by one of SORTS @param {(a: object, b: object) => number} byName */
export function ordered(tiles, by, byName, blind = false) {
  const rank = (tile) => ATTENTIONS.indexOf(attentionOf(tile, blind));
  const worst = (a, b) => rank(a) - rank(b) || (b.attention ?? 0) - (a.attention ?? 0) || openOf(b) - openOf(a) || byName(a, b);
  const order = {
    attention: worst,
    name: byName,
    open: (a, b) => openOf(b) - openOf(a) || worst(a, b),
    traffic: (a, b) => (trafficNow(b) ?? -1) - (trafficNow(a) ?? -1) || byName(a, b),
    habit: (a, b) => distance(b) - distance(a) || worst(a, b),
  }[by] ?? worst;
  return [...tiles].sort(order);
}

/** Those whose name, reading or code holds the text, and that need attention where only they are wanted. */
export function chosen(tiles, text, needy, blind = false) {
  const wanted = (text ?? '').normalize('NFKC').toLowerCase().trim();
  return tiles.filter((tile) => (!wanted || [tile.org.code, tile.org.name_ja, tile.org.name_en, tile.name_kana].some((name) =>
    (name ?? '').normalize('NFKC').toLowerCase().includes(wanted))) && (!needy || attentionOf(tile, blind) !== 'calm'));
}

/** Points of a spark of `width` by `height`, of the sum of both directions; '' where there is nothing. */
export function sparkPath(tile, width, height) {
  const into = tile.traffic?.in ?? [], out = tile.traffic?.out ?? [];
  const n = Math.max(into.length, out.length);
  if (n < 2)
    return { line: '', usual: null };
  const usual = (tile.traffic.usual_in ?? 0) + (tile.traffic.usual_out ?? 0);
  const known = (value) => typeof value === 'number';
  const values = Array.from({ length: n }, (_, i) => (known(into[i]) || known(out[i]) ? (into[i] ?? 0) + (out[i] ?? 0) : null));
  const most = Math.max(usual * 1.25, ...values.map((value) => value ?? 0)) || 1;
  const y = (value) => Math.round((height - 1 - (value / most) * (height - 2)) * 10) / 10;
  // what nobody measured is a hole: a line down to zero would say that a body has fallen silent
  const line = values.map((value, i) => (value === null ? '' : `${i && values[i - 1] !== null ? 'L' : 'M'}${Math.round((i / (n - 1)) * width * 10) / 10} ${y(value)}`)).join('');
  return { line, usual: usual > 0 ? y(usual) : null };
}
