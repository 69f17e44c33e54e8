// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// 監査ログ: who did what, newest first, by pages; and whether the chain is whole, said in words. Filters stand in the address.
import { Banner, Button, Empty, Head, Loaded, RangePicker, Time, format, has, href, html, send, setQuery, t, time, useApi, useEffect, useState } from '../ui.js';
import { told } from './audit-model.js';
import { Field, List, said } from './list.js';

const { count } = format;
const ROWS = 100;
const ACTIONS = ['login', 'logout', 'step-up', 'password', 'sessions', 'first-run', 'triage', 'undo', 'handover', 'suppress', 'export', 'user', 'verify'];

const quoted = (text) => (/[\s":]/.test(text) ? `"${text.replaceAll('"', '')}"` : text);

/** The query of the three fields. */
export function queryOf({ user, action, text }) {
  return [user && `user:${quoted(user)}`, action && `action:${quoted(action)}`, text && quoted(text)].filter(Boolean).join(' ');
}

const actionName = (action) => (has(`audit.a_${action}`) ? t(`audit.a_${action}`) : action);

const words = { text: (key, values) => t(`audit.${key}`, values), role: (name) => (has(`role.${name}`) ? t(`role.${name}`) : name), verdict: (name) => t(`verdict.${name}`) };

// The record as it stands in the file is its tooltip, for it is what is hashed and searched.
function What({ what }) {
  const text = told(what, words);
  return html`<span class="pb-text" translate="no" title=${text === null ? undefined : what}>${text ?? what ?? ''}</span>`;
}

function Result({ result }) {
  if (result === 'mended') return html`<span class="pb-warn">${t('audit.mended')}</span>`;
  const ok = result === 'ok' || /^2\d\d$/.test(result ?? '');
  return html`<span class=${ok ? undefined : 'pb-warn'}>${ok ? t('audit.ok') : t('audit.refused', { code: result ?? '–' })}</span>`;
}

const columns = () => [
  { name: 'n', label: t('audit.n'), number: true, cell: (row) => count(row.n) },
  { name: 'time', label: t('audit.time'), cell: (row) => html`<${Time} ms=${row.time_ms ?? Date.parse(row.time)} />` },
  { name: 'user', label: t('audit.user'), cell: (row) => (row.user === '(no name)' ? html`<span class="muted">${t('audit.no_name')}</span>` : row.user ? html`<span translate="no">${row.user}</span>` : html`<span class="muted">${t('audit.nobody')}</span>`) },
  { name: 'action', label: t('audit.action'), class: 'pb-still', cell: (row) => actionName(row.action) },
  { name: 'result', label: t('audit.result'), class: 'pb-still', cell: (row) => html`<${Result} result=${row.result} />` },
  { name: 'what', label: t('audit.what'), class: 'pb-wide', cell: (row) => row.what && html`<${What} what=${row.what} />` },
  { name: 'peer', label: t('audit.peer'), cell: (row) => html`<span class="address">${row.peer ?? '–'}</span>` },
  { name: 'hash', label: t('audit.hash'), cell: (row) => (row.hash ? html`<code title=${row.hash}>${row.hash.slice(0, 12)}</code>` : '–') },
];

function Verdict({ verdict }) {
  const checked = html`<span class="pb-small">${t('audit.checked', { time: time.stamp(verdict.checked_ms ?? Date.now()) })}</span>`;
  if (verdict.whole) return html`<div data-verdict="whole"><${Banner} tone="good" icon="check">${t('audit.whole', { n: verdict.records })} ${verdict.begins > 1 && t('audit.begins', { n: verdict.begins })} ${checked}<//></div>`;
  return html`<div data-verdict="broken"><${Banner} tone="bad"><strong>${t('audit.broken', { at: verdict.first_bad })}</strong> ${verdict.why && t(`audit.why_${verdict.why}`)} ${t('audit.broken_do')} ${checked}<//></div>`;
}

function Filter({ query }) {
  const [typed, setTyped] = useState({ user: query.user ?? '', action: query.action ?? '', text: query.text ?? '' });
  useEffect(() => setTyped({ user: query.user ?? '', action: query.action ?? '', text: query.text ?? '' }), [query.user, query.action, query.text]);
  const set = (name) => (event) => setTyped((old) => ({ ...old, [name]: event.target.value }));
  const submit = (event) => { event.preventDefault(); setQuery({ ...typed, cursor: null }, { replace: false }); };
  return html`<form class="pb-filter" role="search" aria-label=${t('audit.filter')} onSubmit=${submit}>
    <${Field} id="a-user" label=${t('audit.filter_user')}>${(props) => html`<input ...${props} class="input" autocomplete="off" spellcheck=${false} value=${typed.user} onInput=${set('user')} />`}<//>
    <${Field} id="a-action" label=${t('audit.filter_action')}>${(props) => html`<select ...${props} class="input" value=${typed.action} onChange=${set('action')}><option value="">${t('audit.any_action')}</option>
      ${ACTIONS.map((action) => html`<option value=${action}>${actionName(action)}</option>`)}</select>`}<//>
    <${Field} id="a-text" label=${t('audit.filter_text')}>${(props) => html`<input ...${props} class="input" type="search" placeholder=${t('audit.filter_text_like')} title=${t('audit.filter_text_how')} value=${typed.text} onInput=${set('text')} />`}<//>
    <${Button} type="submit" icon="filter">${t('audit.apply')}<//>
    ${(query.user || query.action || query.text) && html`<${Button} kind="quiet" onClick=${() => setQuery({ user: null, action: null, text: null, cursor: null }, { replace: false })}>${t('audit.clear')}<//>`}
  </form>`;
}

export default function Page({ query }) {
  const range = query.range ?? '30d';
  const of = useApi(href('/audit', { q: queryOf(query), range, cursor: query.cursor, limit: ROWS }));
  const [verdict, setVerdict] = useState(null), [busy, setBusy] = useState(false), [error, setError] = useState(null);
  const verify = async () => {
    setBusy(true);
    setError(null);
    try {
      setVerdict(await send('POST', '/audit/verify', {}));
      of.reload();
    } catch (problem) {
      setError(problem);
    }
    setBusy(false);
  };
  return html`<${Head} title=${t('audit.title')} sub=${t('audit.lead')}><${Button} icon="detector" busy=${busy} onClick=${verify}>${busy ? t('audit.verifying') : t('audit.verify')}<//><${RangePicker} value=${range} /><//>
    <div aria-live="polite">${verdict && html`<${Verdict} verdict=${verdict} />`}${error && html`<${Banner} tone="bad">${said(error)}<//>`}</div>
    <${Filter} query=${query} />
    <${Loaded} of=${of}>${(page) => (page.rows.length === 0 ? html`<${Empty} icon="audit" title=${t('audit.none')}>${query.text && t('audit.filter_text_how')}<//>`
    : html`<p class="pb-summary">${t('audit.total', { n: page.total })}</p><${List} caption=${t('audit.title')} columns=${columns()} rows=${page.rows} id=${(row) => String(row.n)} />
      <nav class="pb-pages" aria-label=${t('audit.pages')}>${query.cursor && html`<${Button} icon="left" onClick=${() => history.back()}>${t('audit.newer')}<//>`}
        ${page.cursor && html`<${Button} onClick=${() => setQuery({ cursor: page.cursor }, { replace: false })}>${t('audit.older')}<//>`}</nav>`)}<//>`;
}
