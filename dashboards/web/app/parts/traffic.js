// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Traffic of a body or of all, in both directions, with what is usual at this hour of the week.
import { html, useMemo, t, Chart, format } from '../ui.js';

const { bitrate } = format;

/** @param {{rate: {step_s: number, start_ms: number, in: number[], out: number[], usual_in: number|null, usual_out: number|null, known_days?: number}, name: string, titled?: boolean, height?: number}} props  titled: see Chart */
export function TrafficChart({ rate, name, titled = false, height = 160 }) {
  const shown = useMemo(() => {
    const n = Math.max(rate.in.length, rate.out.length);
    const pad = (values) => Array.from({ length: n }, (_, i) => values[i] ?? null);
    return {
      times: Array.from({ length: n }, (_, i) => rate.start_ms + i * rate.step_s * 1000),
      lines: [{ name: t('board.in'), values: pad(rate.in), tone: 'in' }, { name: t('board.out'), values: pad(rate.out), tone: 'out' }],
      marks: [rate.usual_in > 0 && { name: t('board.usual_in'), tone: 'in', value: rate.usual_in },
        rate.usual_out > 0 && { name: t('board.usual_out'), tone: 'out', value: rate.usual_out }].filter(Boolean),
    };
  }, [rate]);
  if (!shown.times.length)
    return html`<p class="muted">${t('board.no_traffic')}</p>`;
  return html`<${Chart} name=${name} titled=${titled} times=${shown.times} lines=${shown.lines} marks=${shown.marks} format=${bitrate} height=${height} />
    <p class="muted">${rate.usual_in > 0 || rate.usual_out > 0 ? t('board.habit', { in: bitrate(rate.usual_in), out: bitrate(rate.usual_out), days: rate.known_days ?? 0 }) : t('board.no_habit')}</p>`;
}
