// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Login sessions as a table: one's own in the settings, anybody's on the page of users.
import { Button, Time, html, t } from '../ui.js';
import { agentOf } from '../facts/agent.js';
import { List } from './list.js';

function Agent({ text }) {
  const known = agentOf(text ?? '');
  if (!known) return html`<span class="pb-text" translate="no">${text || t('sessions.no_agent')}</span>`;
  return html`<span title=${text}>${t(known.system ? 'sessions.on' : 'sessions.browser', known)}</span>`;
}

/** @param {{caption: string, rows: Array, onEnd?: (row: any) => void, busy?: boolean}} props onEnd: each but this one may be ended; busy: one is on its way */
export function SessionList({ caption, rows, onEnd, busy }) {
  const columns = [
    { name: 'since', label: t('sessions.since'), cell: (row) => html`<${Time} ms=${row.created_ms} as="short" />` }, { name: 'used', label: t('sessions.used'), cell: (row) => html`<${Time} ms=${row.used_ms} as="ago" />` },
    { name: 'peer', label: t('sessions.peer'), cell: (row) => html`<span class="address">${row.peer}</span>${row.current && html` <span class="pb-tag">${t('sessions.current')}</span>`}` },
    { name: 'agent', label: t('sessions.agent'), class: 'pb-wide', cell: (row) => html`<${Agent} text=${row.agent} />` },
    onEnd && { name: 'act', label: html`<span class="only-read">${t('sessions.end')}</span>`, cell: (row) => !row.current && html`<span class="pb-row-actions"><${Button} kind="quiet" changes busy=${busy} aria-label=${`${t('sessions.end')}: ${row.peer}`} onClick=${() => onEnd(row)}>${t('sessions.end')}<//></span>` },
  ].filter(Boolean);
  return html`<${List} caption=${caption} columns=${columns} rows=${rows} id=${(row) => row.id} />`;
}
