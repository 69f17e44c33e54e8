// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Severity: always colour, shape and word. The shapes differ in outline, so they are told apart without any colour.
import { html, cx } from '../core/dom.js';
import { has, t } from '../core/i18n.js';

export const SEVERITIES = ['critical', 'high', 'medium', 'low', 'info'];
/** 0 is the worst. */
export const severityRank = (severity) => { const at = SEVERITIES.indexOf(severity); return at < 0 ? SEVERITIES.length : at; };

const SHAPES = {
  critical: 'M6.500 2h7L18 6.500v7L13.500 18h-7L2 13.500v-7z', // octagon
  high: 'M10 2.500L18.500 17.500h-17z',
  medium: 'M10 2l8 8-8 8-8-8z',
  low: 'M10 3.500a6.500 6.500 0 1 0 .01 0z',
  info: 'M4 4h12v12H4z',
};

/** @param {{severity: string, short?: boolean}} props short: the shape alone, its word in the tooltip and for screen readers */
export function Severity({ severity, short = false }) {
  const known = SHAPES[severity] ? severity : 'info';
  const word = has(`severity.${severity}`) ? t(`severity.${severity}`) : severity;
  return html`<span class=${cx('severity', `severity-${known}`, short && 'severity-short')} title=${short ? word : undefined}>
    <svg viewBox="0 0 20 20" width="14" height="14" aria-hidden="true" focusable="false"><path d=${SHAPES[known]} /></svg>
    <span class=${short ? 'only-read' : 'severity-word'}>${word}</span>
  </span>`;
}
