// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
import { html, useEffect, useState } from '../core/dom.js';
import { ago, both, clock, iso, short, span, stamp, upTo } from '../core/time.js';
import { usePrefs } from '../core/prefs.js';

// one timer for all ages of a page
const ticking = new Set();
let timer = 0;
function useTick(on) {
  const [, tick] = useState(0);
  useEffect(() => {
    if (!on) return undefined;
    const f = () => tick((n) => n + 1);
    ticking.add(f);
    timer ||= setInterval(() => { if (!document.hidden) for (const each of ticking) each(); }, 5000);
    return () => {
      ticking.delete(f);
      if (ticking.size === 0) { clearInterval(timer); timer = 0; }
    };
  }, [on]);
}

const FORMS = { ago, stamp, short, minute: upTo, clock };
/**
 * A time; both zones in its tooltip. as: ago (grows older by itself), stamp, minute (with the year, without seconds), short, clock.
 * @param {{ms: number|null, as?: 'ago'|'stamp'|'minute'|'short'|'clock'}} props
 */
export function Time({ ms, as = 'stamp' }) {
  usePrefs();
  useTick(as === 'ago');
  return html`<time datetime=${iso(ms)} title=${both(ms)}>${FORMS[as](ms)}</time>`;
}

/** A length of time. @param {{ms: number|null}} props */
export const Span = ({ ms }) => html`<span class="number">${span(ms)}</span>`;
