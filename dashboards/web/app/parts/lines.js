// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Short lists of alerts and groups, a line each: for pages on which they stand beside other things.
import { html, pick, t, StateChip, Severity, Time, format } from '../ui.js';
import { orgName, stateName } from '../facts/words.js';
import { words } from '../facts/page.js';
import { alertAddress, groupAddress } from '../facts/query.js';

const { count } = format;

/** @param {{rows: Array, empty: string, org?: boolean}} props of GroupRow; org: whether its body is said */
export function GroupLines({ rows, empty, org = true }) {
  if (!rows.length)
    return html`<p class="muted">${empty}</p>`;
  return html`<ul class="lines">${rows.map((row) => html`<li key=${row.id}><a href=${groupAddress(row.id)}>
      <${Severity} severity=${row.severity} /> <span class="lines-text">${pick(row, 'text') || pick(row, 'kind')}</span></a>
    <span class="lines-side muted">${org && html`<span>${orgName(row.org, words())}</span>`}<${StateChip} state=${row.state} /><span class="number">${t('lines.alerts', { n: row.alerts })}</span><${Time} ms=${row.last_ms} as="ago" /></span></li>`)}</ul>`;
}

/** @param {{rows: Array, empty: string, except?: string}} props of AlertRow; except: the id of the one whose page it is */
export function AlertLines({ rows, empty, except }) {
  const shown = rows.filter((row) => row.id !== except);
  if (!shown.length)
    return html`<p class="muted">${empty}</p>`;
  return html`<ul class="lines">${shown.map((row) => html`<li key=${row.id + row.first_ms}><a href=${alertAddress(row.id)}>
      <${Severity} severity=${row.severity} /> <span class="lines-text">${pick(row, 'text') || pick(row, 'kind')}</span></a>
    <span class="lines-side muted"><span>${orgName(row.org, words())}</span><span>${stateName(row.state, words())}</span>${row.count > 1 && html`<span class="number">${t('lines.times', { n: row.count })}</span>`}<${Time} ms=${row.first_ms} as="short" /></span></li>`)}</ul>`;
}
