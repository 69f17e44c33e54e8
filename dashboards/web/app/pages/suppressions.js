// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// 抑止: the list with owner, reason, expiry and what each hides now; making one, which asks for a reason and an end and shows first what it
// would have hidden; ending and changing. ?kind=&org=&source=&target=&port= opens the dialog filled in, as from an alert.
import { Banner, Button, Chip, Dialog, Empty, Head, Icon, Loaded, Severity, Time, collate, format, href, html, navigate, now, orgName, pick, send, session, setQuery, t, time, toast, useApi,
  useEffect, useMay, useMemo, useRef, useState } from '../ui.js';
import { Choice, Field, List, said } from './list.js';
import { DAYS_MAX, check, left, statusOf } from './suppressions-form.js';

const { count } = format;
const DAY_MS = 86400000;
const TONES = { on: 'good', expiring: 'warn', expired: 'plain', ended: 'plain' };
const ICONS = { on: 'check', expiring: 'clock', expired: 'clock', ended: 'close' };
const PREFILLED = ['kind', 'org', 'source', 'target', 'port'];

const StatusChip = ({ row }) => { const status = statusOf(row, now()); return html`<${Chip} tone=${TONES[status]} icon=${ICONS[status]}>${t(`suppressions.${status}`)}<//>`; };

/** The bodies that he may name: his own, or all that the server tells of. */
function useBodies() {
  const { user } = session.get(), all = user?.scope === 'all';
  const of = useApi(all ? '/bodies' : null);
  const bodies = all ? (of.data?.rows ?? []).map((tile) => tile.org) : user?.scope ?? [];
  return { all, ready: !all || !!of.data || !!of.error, bodies: useMemo(() => [...bodies].sort((a, b) => collate(orgName(a), orgName(b))), [bodies.length]), names: new Map(bodies.map((org) => [org.code, org])) };
}

function What({ row, names, kinds }) {
  const org = row.org && (names.get(row.org) ? orgName(names.get(row.org)) : row.org);
  const ends = [['source', row.source], ['target', row.target], ['port', row.port]].filter(([, value]) => value);
  return html`<span class="pb-kind">${kinds.has(row.kind) && html`<span>${pick(kinds.get(row.kind), 'kind')}</span>`}<code>${row.kind}</code><span>${row.org ? html`<a href=${`/bodies/${encodeURIComponent(row.org)}`}>${org}</a>` : t('suppressions.org_all')}</span>
    ${ends.length > 0 && html`<span class="pb-small">${ends.map(([name, value], at) => html`${at > 0 && ' · '}${t(`suppressions.${name}`)} <span class="address">${value}</span>`)}</span>`}</span>`;
}

function Expiry({ row }) {
  const rest = left(row.expires_ms, now());
  return html`<${Time} ms=${row.expires_ms} as="minute" />${row.on && html`<br /><span class=${row.expiring ? 'pb-small pb-warn' : 'pb-small'}>${t(`suppressions.${rest.key}`, { n: rest.n })}</span>`}`;
}

function columns(may, names, kinds, act) {
  return [
    { name: 'what', label: t('suppressions.what'), sort: (row) => row.kind, cell: (row) => html`<${What} row=${row} names=${names} kinds=${kinds} />` },
    { name: 'status', label: t('suppressions.status'), sort: (row) => ['expiring', 'on', 'expired', 'ended'].indexOf(statusOf(row, now())), cell: (row) => html`<${StatusChip} row=${row} />
      ${row.ended_by && html`<br /><span class="pb-small">${t('suppressions.by', { name: row.ended_by })}</span>`}` },
    { name: 'reason', label: t('suppressions.reason'), class: 'pb-wide', cell: (row) => html`<span class="pb-text">${row.reason}</span>` },
    { name: 'owner', label: t('suppressions.owner'), sort: (row) => row.owner, cell: (row) => html`<span translate="no">${row.owner}</span>` },
    { name: 'created', label: t('suppressions.created'), sort: (row) => row.created_ms ?? null, cell: (row) => html`<${Time} ms=${row.created_ms ?? null} as="minute" />` },
    { name: 'expires', label: t('suppressions.expires'), sort: (row) => row.expires_ms, cell: (row) => html`<${Expiry} row=${row} />` },
    { name: 'hits', label: t('suppressions.hits'), number: true, sort: (row) => row.hits ?? 0, cell: (row) => (row.hits ? html`<a href=${href('/inbox', { state: 'suppressed', range: '30d', q: row.kind === '*' ? null : `kind:${row.kind}` })}>${count(row.hits)}</a>` : count(row.hits ?? 0)) },
    may && { name: 'act', label: html`<span class="only-read">${t('suppressions.change')}</span>`, cell: (row) => row.on && html`<span class="pb-row-actions"><${Button} kind="quiet" changes onClick=${() => act('change', row)}>${t('suppressions.change')}<//>
      <${Button} kind="quiet" changes onClick=${() => act('end', row)}>${t('suppressions.end')}<//></span>` },
  ].filter(Boolean);
}

function Preview({ shown, same }) {
  if (!shown) return html`<p class="pb-how">${t('suppressions.preview_first')}</p>`;
  if (!same) return html`<p class="pb-how">${t('suppressions.preview_stale')}</p>`;
  if (shown.alerts === 0) return html`<p>${t('suppressions.preview_none')}</p>`;
  return html`<p><strong>${t('suppressions.preview_text', { alerts: shown.alerts, groups: shown.groups })}</strong></p>
    ${shown.pages > 0 && html`<p class="pb-bad">${t('suppressions.preview_pages', { n: shown.pages })}</p>`}
    ${shown.worst && html`<p>${t('suppressions.preview_worst', { severity: '' })}<${Severity} severity=${shown.worst} /></p>`}
    <ul class="pb-alerts">${(shown.examples ?? []).map((row) => html`<li key=${row.id}><${Severity} severity=${row.severity} short=${true} /> <span>${pick(row, 'text')}</span> <${Time} ms=${row.last_ms} as="short" /></li>`)}</ul>`;
}

/** The last moment of a day in the zone shown: an expiry on the 3rd holds on the 3rd. */
const endOf = (day) => time.fromLocal(`${day}T23:59`);
const dayIn = (days) => time.day(now() + days * DAY_MS);

function useForm(start, all) {
  const [typed, setTyped] = useState(start);
  const [tried, setTried] = useState(/** @type {boolean|'look'} */ (false));
  const checked = check({ ...typed, expires: endOf(typed.day) }, now(), all);
  // the ninetieth day ends later than ninety days from now: then the last moment that is allowed is meant
  const limit = now() + DAYS_MAX * DAY_MS - 60000;
  const fixed = typed.day === dayIn(DAYS_MAX) ? check({ ...typed, expires: limit }, now(), all) : checked;
  const set = (name) => (event) => setTyped((old) => ({ ...old, [name]: event.target.value }));
  return { typed, set, setTyped, ...fixed, tried, setTried, wrong: (name) => (tried && !(tried === 'look' && ['reason', 'expires'].includes(name)) && fixed.errors[name] ? t(`suppressions.${fixed.errors[name]}`) : null) };
}

function ReasonAndExpiry({ form }) {
  return html`<${Field} id="s-day" label=${t('suppressions.expires')} how=${t('suppressions.expires_how')} error=${form.wrong('expires')}>${(props) => html`<span class="pb-day"><input ...${props} class="input" type="date" required min=${dayIn(1)} max=${dayIn(DAYS_MAX)} value=${form.typed.day} onInput=${form.set('day')} />
      ${[7, 30, DAYS_MAX].map((days) => html`<${Button} kind="quiet" onClick=${() => form.setTyped((old) => ({ ...old, day: dayIn(days) }))}>${t('suppressions.days', { n: days })}<//>`)}</span>`}<//>
    <${Field} id="s-reason" label=${t('suppressions.reason')} how=${t('suppressions.reason_how')} error=${form.wrong('reason')}>${(props) => html`<textarea ...${props} class="input" rows="3" required value=${form.typed.reason} onInput=${form.set('reason')}></textarea>`}<//>`;
}

function Create({ from, kinds, around, onDone, onClose }) {
  const { all, bodies } = around;
  const form = useForm({ kind: from.kind ?? '', org: from.org ?? (all ? '' : bodies[0]?.code ?? ''), source: from.source ?? '', target: from.target ?? '', port: from.port ?? '', reason: '', day: dayIn(30) }, all);
  const [seen, setSeen] = useState(null), [busy, setBusy] = useState(false), [error, setError] = useState(null), preview = useRef(null);
  useEffect(() => { if (seen) preview.current.scrollIntoView({ block: 'nearest' }); }, [seen]); // on a small screen it comes below what is seen
  const key = JSON.stringify(form.conditions), same = seen?.key === key;
  const conditionsBad = ['kind', 'org', 'source', 'target', 'port'].some((name) => form.errors[name]);
  const run = async (what) => {
    setBusy(true);
    setError(null);
    try { await what(); } catch (problem) { setError(problem); }
    setBusy(false);
  };
  const look = () => {
    form.setTried(form.tried || 'look'); // a reason is not asked for before it is needed
    if (!conditionsBad) run(async () => setSeen({ key, data: await send('POST', '/suppressions/preview', { ...form.conditions, reason: '-', expires_ms: form.body.expires_ms }) }));
  };
  const submit = () => {
    form.setTried(true);
    if (Object.keys(form.errors).length > 0) return;
    // nobody hides what he has not looked at
    if (!same) look();
    else run(async () => { await send('POST', '/suppressions', form.body); onDone(t('suppressions.made')); });
  };
  const prefixField = (name) => html`<${Field} id=${`s-${name}`} label=${t(`suppressions.${name}`)} how=${t('suppressions.prefix_how')} error=${form.wrong(name)}>${(props) => html`<input ...${props} class="input" autocomplete="off" spellcheck=${false} value=${form.typed[name]} onInput=${form.set(name)} />`}<//>`;
  return html`<${Dialog} wide=${true} title=${t('suppressions.new')} onClose=${onClose} onSubmit=${submit} footer=${html`<${Button} onClick=${onClose}>${t('suppressions.cancel')}<//>
      <${Button} icon="search" busy=${busy} onClick=${look}>${t('suppressions.preview_run')}<//>
      <${Button} kind="primary" type="submit" changes busy=${busy} disabled=${!same}>${t('suppressions.save_new')}<//>`}>
    <div class="pb-form">
      ${from.target || from.source ? html`<p class="pb-how">${t('suppressions.from_alert')}</p>` : null}
      <${Field} id="s-kind" label=${t('suppressions.kind')} how=${t('suppressions.kind_how')} error=${form.wrong('kind')}>${(props) => html`<input ...${props} data-focus="true" class="input" list="s-kinds" autocomplete="off" spellcheck=${false} value=${form.typed.kind} onInput=${form.set('kind')} />
        <datalist id="s-kinds">${kinds.map((row) => html`<option value=${row.kind}>${pick(row, 'kind')}</option>`)}</datalist>`}<//>
      <${Field} id="s-org" label=${t('suppressions.org')} error=${form.wrong('org')}>${(props) => html`<select ...${props} class="input" value=${form.typed.org} onChange=${form.set('org')}>
        ${all && html`<option value="">${t('suppressions.org_all')}</option>`}${bodies.map((org) => html`<option value=${org.code}>${orgName(org)}</option>`)}</select>`}<//>
      ${prefixField('source')}${prefixField('target')}
      <${Field} id="s-port" label=${t('suppressions.port')} how=${t('suppressions.port_how')} error=${form.wrong('port')}>${(props) => html`<input ...${props} class="input" inputmode="numeric" autocomplete="off" value=${form.typed.port} onInput=${form.set('port')} />`}<//>
      <${ReasonAndExpiry} form=${form} />
    </div>
    <section class="pb-preview" aria-live="polite" ref=${preview}><h3>${t('suppressions.preview')}</h3><${Preview} shown=${seen?.data} same=${same} /></section>
    ${error && html`<p class="field-error" role="alert">${said(error)}</p>`}
  <//>`;
}

function Change({ row, onDone, onConflict, onClose }) {
  const form = useForm({ kind: row.kind, org: row.org ?? '', source: row.source ?? '', target: row.target ?? '', port: row.port ? String(row.port) : '', reason: row.reason, day: time.day(row.expires_ms) }, true);
  const [busy, setBusy] = useState(false), [error, setError] = useState(null);
  const bad = form.errors.reason || form.errors.expires;
  const submit = async () => {
    form.setTried(true);
    if (bad) return;
    setBusy(true);
    try {
      await send('PATCH', `/suppressions/${encodeURIComponent(row.id)}`, { version: row.version, reason: form.body.reason, expires_ms: form.body.expires_ms });
      onDone(t('suppressions.changed'));
    } catch (problem) {
      if (problem.status === 409) onConflict();
      else setError(problem);
      setBusy(false);
    }
  };
  return html`<${Dialog} title=${t('suppressions.edit')} onClose=${onClose} onSubmit=${submit} footer=${html`<${Button} onClick=${onClose}>${t('suppressions.cancel')}<//><${Button} kind="primary" type="submit" changes busy=${busy}>${t('suppressions.save')}<//>`}>
    <div class="pb-form"><${ReasonAndExpiry} form=${form} /></div>${error && html`<p class="field-error" role="alert">${said(error)}</p>`}<//>`;
}

function End({ row, names, kinds, onDone, onConflict, onClose }) {
  const [busy, setBusy] = useState(false), [error, setError] = useState(null);
  const submit = async () => {
    setBusy(true);
    try {
      await send('PATCH', `/suppressions/${encodeURIComponent(row.id)}`, { version: row.version, on: false });
      onDone(t('suppressions.was_ended'));
    } catch (problem) {
      if (problem.status === 409) onConflict();
      else setError(problem);
      setBusy(false);
    }
  };
  return html`<${Dialog} title=${t('suppressions.end_title')} onClose=${onClose} onSubmit=${submit} footer=${html`<${Button} onClick=${onClose}>${t('suppressions.cancel')}<//><${Button} kind="danger" type="submit" changes busy=${busy}>${t('suppressions.end')}<//>`}>
    <p><${What} row=${row} names=${names} kinds=${kinds} /></p><p class="pb-end">${t('suppressions.end_text', { n: row.hits ?? 0 })}</p>${error && html`<p class="field-error" role="alert">${said(error)}</p>`}<//>`;
}

export default function Page({ query }) {
  const may = useMay('suppress'), of = useApi('/suppressions', { every: 30000 }), kinds = useApi('/detectors?range=30d'), around = useBodies();
  const [open, setOpen] = useState(null);
  const prefilled = may && PREFILLED.some((name) => query[name]);
  useEffect(() => { if (prefilled) setOpen({ what: 'new', from: Object.fromEntries(PREFILLED.map((name) => [name, query[name]])) }); }, [prefilled]);
  const close = () => { setOpen(null); if (prefilled) navigate('/suppressions', { replace: true }); };
  const done = (text) => { close(); toast(text, { tone: 'good' }); of.reload(); };
  const conflict = () => { close(); toast(t('suppressions.conflict'), { tone: 'warn' }); of.reload(); };
  const all = of.data?.rows ?? [];
  const rows = all.filter((row) => (query.show === 'all' || row.on) && (!query.kind_is || row.kind === query.kind_is || (row.kind.endsWith('*') && query.kind_is.startsWith(row.kind.slice(0, -1)))));
  const named = new Map((kinds.data?.rows ?? []).map((one) => [one.kind, one]));
  const beyond = of.data?.for_all ?? { on: 0, hits: 0 }; // for all bodies: made by somebody who sees more than we do
  const expiring = all.filter((row) => row.on && row.expiring).length;
  return html`<${Head} title=${t('suppressions.title')} sub=${t('suppressions.lead')}>
      <${Choice} name="show" label=${t('suppressions.show')} value=${query.show === 'all' ? 'all' : 'force'} options=${[['force', t('suppressions.show_force')], ['all', t('suppressions.show_all')]]} onChange=${(show) => setQuery({ show: show === 'all' ? 'all' : null })} />
      ${may && html`<a class="button button-plain" href="/api/v1/suppressions/export" download title=${t('suppressions.export_how')}><${Icon} name="download" /><span>${t('suppressions.export')}</span></a>
        <${Button} kind="primary" icon="plus" changes onClick=${() => setOpen({ what: 'new', from: {} })}>${t('suppressions.new')}<//>`}<//>
    ${expiring > 0 && html`<${Banner} tone="warn" icon="clock">${t('suppressions.warn', { n: expiring })}<//>`}
    ${beyond.on > 0 && html`<${Banner} tone="warn" icon="suppress">${t('suppressions.for_all', { n: beyond.on, hits: beyond.hits })} <a href=${href('/inbox', { state: 'suppressed', range: '30d' })}>${t('suppressions.for_all_show')}</a><//>`}
    <${Loaded} of=${of}>${() => (rows.length === 0 ? html`<${Empty} icon="suppress" title=${t('suppressions.none')}>${beyond.on > 0 ? null : t('suppressions.none_why')}<//>`
    : html`<${List} caption=${t('suppressions.title')} columns=${columns(may, around.names, named, (what, row) => setOpen({ what, row }))} rows=${rows} id=${(row) => row.id} sort="status" sorted=${query.sort} />`)}<//>
    ${!may && html`<p class="pb-how">${t('suppressions.only_lead')}</p>`}
    ${open?.what === 'new' && around.ready && html`<${Create} from=${open.from} kinds=${kinds.data?.rows ?? []} around=${around} onDone=${done} onClose=${close} />`}
    ${open?.what === 'change' && html`<${Change} row=${open.row} onDone=${done} onConflict=${conflict} onClose=${close} />`}
    ${open?.what === 'end' && html`<${End} row=${open.row} names=${around.names} kinds=${named} onDone=${done} onConflict=${conflict} onClose=${close} />`}`;
}
