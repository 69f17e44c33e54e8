// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What the health hash of a sensor says, in the shape of its page. Pure: no markup, no clock, so that node tests it.
//
// The one rule above all: never green when blind. A sensor is shown as sound only when the server calls it so, what it says is fresh, no
// alert of its own says that it is blind, and this page has heard from the server lately.

/** A report of the sensor comes each five seconds and lives fifteen; older than this it says nothing about now. */
export const REPORT_MS = 15000;
/** The page asks each five seconds; when nothing came for so long, what it shows is history. */
export const ANSWER_MS = 20000;

const BLIND_KINDS = ['sensor.silent', 'sensor.blind'];
const RANK = { sound: 0, degraded: 1, blind: 2, away: 3 };

/**
 * The state to show.
 * @param {{strip: {state: string, last_ms: number|null}, mirror?: {kind: string, state: string}[]}} row of /sensors
 * @param {number} now by the server's clock
 * @param {number} answered when the answer came, by the same clock
 * @returns {'sound'|'degraded'|'blind'|'away'}
 */
export function stateOf(row, now, answered) {
  let state = /** @type {'sound'|'degraded'|'blind'|'away'} */ (RANK[row.strip.state] === undefined ? 'away' : row.strip.state);
  const worsen = (to) => { if (RANK[to] > RANK[state]) state = to; };
  if (now - answered > ANSWER_MS) worsen('away');
  // the last packet that it saw, not its last report: who reports and sees nothing is blind, and is not said to be away
  if (row.strip.last_ms === null || row.strip.last_ms === undefined) worsen('away');
  else if (now - row.strip.last_ms > REPORT_MS + (now - answered)) worsen('blind');
  for (const alert of row.mirror ?? []) {
    if (alert.state !== 'open') continue;
    worsen(BLIND_KINDS.includes(alert.kind) ? 'blind' : 'degraded');
  }
  return state;
}

/** The worst of several, for the sentence at the head of the page. */
export const worst = (states) => states.reduce((a, b) => (RANK[b] > RANK[a] ? b : a), 'sound');

const whole = (text) => (/^-?\d{1,19}$/.test(text ?? '') ? Number(text) : null);

/** A number of the hash; null: not told, or not a number. Never 0 for what is not known. */
export const numberOf = (health, key) => whole(health[key]);

/** @returns {{index: number, name: string, link: 'up'|'down'|'unknown', packets: number|null, missed: number|null}[]} */
export function portsOf(health) {
  const ports = new Map();
  for (const [key, value] of Object.entries(health)) {
    const found = /^port\.(\d{1,4})\.(name|link|packets|missed)$/.exec(key);
    if (!found) continue;
    const index = Number(found[1]);
    if (!ports.has(index)) ports.set(index, { index, name: '', link: 'unknown', packets: null, missed: null });
    const port = ports.get(index);
    if (found[2] === 'name') port.name = value;
    else if (found[2] === 'link') port.link = ['up', '1'].includes(value) ? 'up' : ['down', '0'].includes(value) ? 'down' : 'unknown';
    else port[found[2]] = whole(value);
  }
  return [...ports.values()].sort((a, b) => a.index - b.index);
}

/** @returns {{name: string, up: boolean|null, restarts: number|null}[]} */
export function processesOf(health) {
  const found = new Map();
  for (const [key, value] of Object.entries(health)) {
    const hit = /^process\.(.{1,64})\.(up|restarts)$/.exec(key);
    if (!hit) continue;
    if (!found.has(hit[1])) found.set(hit[1], { name: hit[1], up: null, restarts: null });
    if (hit[2] === 'up') found.get(hit[1]).up = value === '1' ? true : value === '0' ? false : null;
    else found.get(hit[1]).restarts = whole(value);
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** All pairs that begin with `prefix.`, in order, for a plain list. */
export const pairsOf = (health, prefix) => Object.entries(health).filter(([key]) => key.startsWith(`${prefix}.`))
  .map(([key, value]) => ({ key: key.slice(prefix.length + 1), value })).sort((a, b) => (a.key < b.key ? -1 : 1));

/** How far the sensor's clock is from the server's, in ms; the age of the report (at most `REPORT_MS`) is not a difference. */
export function clockOf(health, answered) {
  const told = numberOf(health, 'time');
  if (told === null) return null;
  const ahead = told * 1000 - answered;
  if (ahead > 0) return ahead;
  return ahead < -REPORT_MS ? ahead : 0;
}
