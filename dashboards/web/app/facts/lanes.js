// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Where the spans of the timeline stand: lanes below one another, spans that overlap in rows of their lane, and the order in which the
// arrow keys walk them. Pure: the same function serves the drawing, the keyboard and the tests.

export const ROWS_MAX = 4;        // rows in a lane; what finds none is drawn in the last one, over others
export const SPAN_WIDTH_MIN = 6;  // pixels: a span of a second in a week is still to be seen and hit

/**
 * @param {Array} lanes of Timeline @param {{from: number, to: number}} window what is shown @param {number} width pixels
 * @returns {Array<{lane: object, rows: number, spans: Array<{span: object, x: number, width: number, row: number}>}>}
 */
export function layOut(lanes, window, width) {
  const scale = width / Math.max(1, window.to - window.from);
  const placed = [];
  for (const lane of lanes) {
    const spans = lane.spans.filter((s) => s.to_ms >= window.from && s.from_ms <= window.to).sort((a, b) => a.from_ms - b.from_ms);
    if (!spans.length)
      continue;
    const ends = [];
    const shown = spans.map((span) => {
      const x = Math.max(0, (span.from_ms - window.from) * scale);
      const end = Math.min(width, (span.to_ms - window.from) * scale);
      const w = Math.max(SPAN_WIDTH_MIN, end - x);
      let row = ends.findIndex((free) => free <= x);
      if (row < 0)
        row = Math.min(ends.length, ROWS_MAX - 1);
      ends[row] = Math.max(ends[row] ?? 0, x + w + 1);
      return {span, x: Math.min(x, width - SPAN_WIDTH_MIN), width: w, row};
    });
    placed.push({lane, rows: Math.max(1, ends.length), spans: shown});
  }
  return placed;
}

/** The window after a zoom about `at` (0 to 1), kept within the whole and never below a minute. */
export function zoom(window, whole, factor, at = 0.5) {
  const length = Math.min(whole.to - whole.from, Math.max(60000, (window.to - window.from) / factor));
  const centre = window.from + (window.to - window.from) * at;
  return within({from: centre - length * at, to: centre + length * (1 - at)}, whole);
}

/** The window moved by a share of its length. */
export function pan(window, whole, share) {
  const by = (window.to - window.from) * share;
  return within({from: window.from + by, to: window.to + by}, whole);
}

function within(window, whole) {
  const length = Math.min(window.to - window.from, whole.to - whole.from);
  const from = Math.min(Math.max(window.from, whole.from), whole.to - length);
  return {from: Math.round(from), to: Math.round(from + length)};
}

/** Which one the cursor goes to. @param {Array} placed of layOut @param {{lane: number, span: number}} at @param {string} key */
export function step(placed, at, key) {
  if (!placed.length)
    return null;
  const lane = Math.min(at?.lane ?? 0, placed.length - 1);
  const span = Math.min(at?.span ?? 0, placed[lane].spans.length - 1);
  if (!at)
    return {lane: 0, span: 0};
  if (key === 'ArrowRight')
    return {lane, span: Math.min(span + 1, placed[lane].spans.length - 1)};
  if (key === 'ArrowLeft')
    return {lane, span: Math.max(span - 1, 0)};
  const next = key === 'ArrowDown' ? Math.min(lane + 1, placed.length - 1) : key === 'ArrowUp' ? Math.max(lane - 1, 0) : lane;
  if (next === lane)
    return {lane, span};
  const x = placed[lane].spans[span].x; // the nearest in time, so that the eye need not jump
  const near = placed[next].spans.map((s, i) => [Math.abs(s.x - x), i]).sort((a, b) => a[0] - b[0])[0][1];
  return {lane: next, span: near};
}

/** Round times for an axis of about `count` marks. @returns {number[]} @param {number} offset of the zone, ms */
export function marks(window, count, offset) {
  const steps = [60e3, 300e3, 600e3, 900e3, 1800e3, 3600e3, 7200e3, 14400e3, 21600e3, 43200e3, 86400e3, 172800e3, 604800e3];
  const want = (window.to - window.from) / Math.max(1, count);
  const by = steps.find((s) => s >= want) ?? steps[steps.length - 1];
  const found = [];
  for (let at = Math.ceil((window.from + offset) / by) * by - offset; at <= window.to; at += by)
    found.push(at);
  return found;
}
