// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Small charts without axes, in SVG: bars (counts) and a line (rates). What they say stands in `label`, for those who do not see them.
import { html, useMemo } from '../core/dom.js';

/** @param {{values: number[], label: string, width?: number, height?: number}} props */
export function SparkBars({ values, label, width = 96, height = 20 }) {
  const path = useMemo(() => {
    const most = Math.max(1, ...values), step = width / Math.max(1, values.length), bar = Math.max(1, step - 1);
    return values.map((value, at) => {
      if (!value) return '';
      const tall = Math.max(2, (value / most) * height);
      return `M${(at * step).toFixed(1)} ${height}v${-tall.toFixed(1)}h${bar.toFixed(1)}v${tall.toFixed(1)}z`;
    }).join('');
  }, [values, width, height]);
  return html`<svg class="spark" role="img" aria-label=${label} width=${width} height=${height} viewBox=${`0 0 ${width} ${height}`}>
    <path class="spark-floor" d=${`M0 ${height - 0.5}H${width}`} /><path class="spark-bars" d=${path} /></svg>`;
}

/** A line; `low` and `high` draw the band of what is usual. null is a hole. @param {{values: Array<number|null>, label: string, low?: number, high?: number, width?: number, height?: number}} props */
export function SparkLine({ values, label, low, high, width = 96, height = 24 }) {
  const { line, area, band } = useMemo(() => {
    const most = Math.max(1e-9, high ?? 0, ...values.map((value) => value ?? 0)), y = (value) => (height - 1 - (value / most) * (height - 2)).toFixed(1);
    const x = (at) => ((at / Math.max(1, values.length - 1)) * width).toFixed(1);
    let path = '', fill = '', begun = -1;
    values.forEach((value, at) => {
      if (value === null || value === undefined) {
        if (begun >= 0) fill += `L${x(at - 1)} ${height}L${x(begun)} ${height}z`;
        begun = -1;
        return;
      }
      path += `${begun < 0 ? 'M' : 'L'}${x(at)} ${y(value)}`;
      fill += `${begun < 0 ? 'M' : 'L'}${x(at)} ${y(value)}`;
      if (begun < 0) begun = at;
    });
    if (begun >= 0) fill += `L${x(values.length - 1)} ${height}L${x(begun)} ${height}z`;
    return { line: path, area: fill, band: high === undefined || high === null ? '' : `M0 ${y(high)}H${width}V${y(low ?? 0)}H0z` };
  }, [values, low, high, width, height]);
  return html`<svg class="spark" role="img" aria-label=${label} width=${width} height=${height} viewBox=${`0 0 ${width} ${height}`} preserveAspectRatio="none">
    ${band && html`<path class="spark-band" d=${band} />`}<path class="spark-area" d=${area} /><path class="spark-line" d=${line} /></svg>`;
}

/** Shares of a whole as one bar with legend by text beside it. parts: {value, tone: severity or accent, label} @param {{parts: Array, label: string}} props */
export const Shares = ({ parts, label }) => {
  const whole = parts.reduce((sum, part) => sum + part.value, 0) || 1;
  return html`<span class="shares" role="img" aria-label=${label}>${parts.filter((part) => part.value > 0).map((part) => html`<span class=${`share share-${part.tone}`} style=${{ flexGrow: part.value / whole }} title=${part.label}></span>`)}</span>`;
};
