// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Telling somebody who does not look: number in the title, and, for those who asked for it, a sound and a notice of the system. For alerts of
// high and critical that opened just now, and in one tab of a browser.
import { pick, t } from './i18n.js';
import { on } from './live.js';
import { prefs } from './prefs.js';
import { navigate, where } from './router.js';
import { setBadge } from './title.js';
import { now } from './time.js';
import { visible } from './visible.js';

const FRESH_MS = 120000, QUIET_MS = 3000, TOLD_MAX = 500;
const told = new Set();
let leads = false, unseen = 0, last = 0, audio = null;

/** Two short tones, made here: there is no file to load. Browsers allow it once the page was used. */
export function sound() {
  try {
    audio ??= new AudioContext();
    const begin = audio.currentTime;
    for (const [at, pitch] of [[0, 880], [0.16, 1175]]) {
      const tone = audio.createOscillator(), loud = audio.createGain();
      tone.frequency.value = pitch;
      loud.gain.setValueAtTime(0.0001, begin + at);
      loud.gain.exponentialRampToValueAtTime(0.2, begin + at + 0.02);
      loud.gain.exponentialRampToValueAtTime(0.0001, begin + at + 0.14);
      tone.connect(loud).connect(audio.destination);
      tone.start(begin + at);
      tone.stop(begin + at + 0.15);
    }
  } catch {
    // no sound device: the notice and the number remain
  }
}

function notice(alert, more) {
  if (!('Notification' in self) || Notification.permission !== 'granted') return;
  const shown = new Notification(`${t(`severity.${alert.severity}`)}: ${visible(pick(alert, 'kind'))}`,
    { body: visible(pick(alert, 'text').slice(0, 200)) + (more > 0 ? `\n${t('notify.more', { n: more })}` : ''), tag: `yagura-${alert.group}` });
  shown.onclick = () => { focus(); navigate(`/alerts/${encodeURIComponent(alert.id)}`); shown.close(); };
}

function take({ rows = [] }) {
  const grave = rows.filter((alert) => ['critical', 'high'].includes(alert.severity) && alert.state === 'open' && alert.mode !== 'shadow' && !alert.suppressed
    && now() - alert.first_ms < FRESH_MS && !told.has(alert.id));
  if (!grave.length) return;
  for (const alert of grave) told.add(alert.id);
  while (told.size > TOLD_MAX) told.delete(told.values().next().value);
  if (document.hidden && where.get().route?.page !== 'inbox') setBadge((unseen += grave.length));
  const time = Date.now();
  if (!leads || time - last < QUIET_MS) return; // a storm rings once
  last = time;
  if (prefs.get().sound) sound();
  if (prefs.get().desktop && document.hidden) notice(grave[0], grave.length - 1);
}

export function startNotices() {
  on('grave', take);
  document.addEventListener('visibilitychange', () => {
    if (document.hidden || !unseen) return;
    unseen = 0;
    if (where.get().route?.page !== 'inbox') setBadge(0);
  });
  if (navigator.locks) navigator.locks.request('yagura-notices', () => { leads = true; return new Promise(() => {}); });
  else leads = true;
}
