// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// 利用者: roles, bodies, sessions. What is grave asks for one's own password first (step-up); a password that was made is shown once. There
// is no deleting: who has left is turned off, so that what the audit log says of him stays true.
import { Button, Chip, Dialog, Empty, Head, Loaded, Time, collate, copy, format, href, html, now, orgName, send, session, setQuery, t, toast, useApi, useMemo, useState } from '../ui.js';
import { Choice, Field, List, said, useGrave } from './list.js';
import { SessionList } from './sessions-list.js';

const { count } = format;
const ROLES = ['viewer', 'org_viewer', 'analyst', 'lead', 'auditor', 'admin'];
const DORMANT_MS = 90 * 86400000;
const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;

const roleName = (role) => t(`role.${role}`);
// one or two bodies by name: which, is what is asked
const scopeText = (scope, names) => (scope === 'all' ? t('users.scope_all') : scope.length > 2 ? t('users.scope_n', { n: scope.length })
  : scope.map((code) => (names.has(code) ? orgName(names.get(code)) : code)).join(t('users.list_comma')));

/** Up to some hundred bodies: a filter, boxes, and what to do with all that are shown. */
function Bodies({ bodies, chosen, onChange, error }) {
  const [words, setWords] = useState('');
  const wanted = words.normalize('NFKC').toLowerCase();
  const sorted = useMemo(() => [...bodies].sort((a, b) => collate(orgName(a), orgName(b))), [bodies]);
  const shown = sorted.filter((org) => !wanted || [org.code, org.name_ja, org.name_en].some((text) => text?.normalize('NFKC').toLowerCase().includes(wanted)));
  const set = (codes, on) => { const next = new Set(chosen); for (const code of codes) if (on) next.add(code); else next.delete(code); onChange(next); };
  return html`<fieldset class="pb-bodies"><legend>${t('users.scope')}</legend>
    <div class="pb-bodies-head"><input class="input" type="search" value=${words} aria-label=${t('users.scope_filter')} placeholder=${t('users.scope_filter')} onInput=${(event) => setWords(event.target.value)} />
      <${Button} kind="quiet" onClick=${() => set(shown.map((org) => org.code), true)}>${t('users.scope_shown')}<//><${Button} kind="quiet" onClick=${() => set(shown.map((org) => org.code), false)}>${t('users.scope_clear')}<//></div>
    <div class="pb-bodies-list" tabIndex="0" role="group" aria-label=${t('users.scope')}>${shown.map((org) => html`<label key=${org.code} class="pb-check"><input type="checkbox" checked=${chosen.has(org.code)} onChange=${(event) => set([org.code], event.target.checked)} />
      <span>${orgName(org)}</span><code>${org.code}</code></label>`)}</div>
    <p class="pb-how" aria-live="polite">${t('users.scope_chosen', { total: bodies.length, n: chosen.size })}</p>
    ${error && html`<p class="field-error" role="alert">${error}</p>`}</fieldset>`;
}

function Edit({ user, bodies, grave, onDone, onConflict, onClose }) {
  const [typed, setTyped] = useState({ name: user?.name ?? '', role: user?.role ?? 'viewer', some: user ? user.scope !== 'all' : false });
  const [chosen, setChosen] = useState(new Set(Array.isArray(user?.scope) ? user.scope : []));
  const [tried, setTried] = useState(false), [busy, setBusy] = useState(false), [error, setError] = useState(null);
  // who sees his own body alone has bodies, never all
  const some = typed.some || typed.role === 'org_viewer';
  const badName = !user && !NAME.test(typed.name), badScope = some && chosen.size === 0;
  const submit = async () => {
    setTried(true);
    if (badName || badScope) return;
    setBusy(true);
    setError(null);
    const scope = some ? [...chosen].sort() : 'all';
    try {
      await grave(async () => onDone(user ? await send('PATCH', `/users/${encodeURIComponent(user.name)}`, { version: user.version, role: typed.role, scope })
        : await send('POST', '/users', { name: typed.name, role: typed.role, scope })));
    } catch (problem) {
      if (user && problem.status === 409) onConflict();
      else setError(problem);
    }
    setBusy(false);
  };
  const own = user?.name === session.get().user?.name;
  return html`<${Dialog} wide=${true} title=${user ? t('users.edit', { name: user.name }) : t('users.new')} onClose=${onClose} onSubmit=${submit}
      footer=${html`<${Button} onClick=${onClose}>${t('users.cancel')}<//><${Button} kind="primary" type="submit" changes busy=${busy} disabled=${own}>${t(user ? 'users.save' : 'users.add')}<//>`}>
    ${own && html`<p class="pb-how">${t('users.own')}</p>`}
    ${!user && html`<${Field} id="u-name" label=${t('users.name')} how=${t('users.name_how')} error=${tried && badName ? t('users.bad_name') : null}>${(props) => html`<input ...${props} data-focus="true" class="input" autocomplete="off" autocapitalize="none" spellcheck=${false} required maxlength="63" value=${typed.name} onInput=${(event) => setTyped({ ...typed, name: event.target.value.normalize('NFKC') })} />`}<//>`}
    <fieldset class="pb-roles"><legend>${t('users.role')}</legend>${ROLES.map((role) => html`<label key=${role} class="pb-role"><input type="radio" name="role" value=${role} checked=${typed.role === role} disabled=${own} onChange=${() => setTyped({ ...typed, role })} />
      <span><strong>${roleName(role)}</strong><span class="pb-how">${t(`users.can_${role}`)}</span></span></label>`)}</fieldset>
    ${typed.role !== 'org_viewer' && html`<${Choice} name="scope" label=${t('users.scope')} value=${some ? 'some' : 'all'} options=${[['all', t('users.scope_all')], ['some', t('users.scope_some')]]} onChange=${(value) => setTyped({ ...typed, some: value === 'some' })} />`}
    ${some && html`<${Bodies} bodies=${bodies} chosen=${chosen} onChange=${setChosen} error=${tried && badScope ? t('users.scope_none') : null} />`}
    ${error && html`<p class="field-error" role="alert">${said(error)}</p>`}
  <//>`;
}

/** A password that nobody sees again. It can only be closed on purpose. */
function Once({ made, onClose }) {
  return html`<${Dialog} title=${t('users.password_title')} onClose=${onClose} footer=${html`<${Button} kind="primary" onClick=${onClose}>${t('users.close')}<//>`}>
    <p>${t('users.password_once', { name: made.user.name })}</p>
    <p class="pb-once"><code class="pb-password" data-password="true" translate="no">${made.password}</code><${Button} icon="copy" onClick=${() => copy(made.password, t('users.password_title'))}>${t('users.copy')}<//></p>
    <p class="pb-how">${t('users.password_change')}</p><//>`;
}

function Sessions({ user, onDone, onClose }) {
  const of = useApi(`/users/${encodeURIComponent(user.name)}/sessions`, { every: 10000 });
  const [busy, setBusy] = useState(false), [error, setError] = useState(null);
  const end = async () => {
    setBusy(true);
    try {
      await send('DELETE', `/users/${encodeURIComponent(user.name)}/sessions`);
      onDone(t('users.sessions_ended', { name: user.name }));
    } catch (problem) {
      setError(problem);
    }
    setBusy(false);
  };
  return html`<${Dialog} wide=${true} title=${t('users.sessions_of', { name: user.name })} onClose=${onClose} footer=${html`<${Button} onClick=${onClose}>${t('shell.close')}<//>
      <${Button} kind="danger" changes busy=${busy} disabled=${!of.data?.rows.length} onClick=${end}>${t('users.end_sessions')}<//>`}>
    <${Loaded} of=${of} rows=${2}>${(data) => (data.rows.length === 0 ? html`<p>${t('users.sessions_none')}</p>` : html`<${SessionList} caption=${t('users.sessions_of', { name: user.name })} rows=${data.rows} />`)}<//>
    ${error && html`<p class="field-error" role="alert">${said(error)}</p>`}<//>`;
}

function Ask({ title, text, word, danger, run, onClose }) {
  const [busy, setBusy] = useState(false), [error, setError] = useState(null);
  const submit = async () => {
    setBusy(true);
    try { await run(); } catch (problem) { setError(problem); }
    setBusy(false);
  };
  return html`<${Dialog} title=${title} onClose=${onClose} onSubmit=${submit} footer=${html`<${Button} onClick=${onClose}>${t('users.cancel')}<//><${Button} kind=${danger ? 'danger' : 'primary'} type="submit" changes busy=${busy}>${word}<//>`}>
    <p>${text}</p>${error && html`<p class="field-error" role="alert">${said(error)}</p>`}<//>`;
}

function State({ user }) {
  if (user.off) return html`<${Chip} icon="close">${t('users.off')}<//>`;
  const last = user.login_ms ?? user.created_ms;
  const dormant = last && now() - last > DORMANT_MS;
  return html`<${Chip} tone=${dormant ? 'warn' : 'good'} icon=${dormant ? 'clock' : 'check'}>${t(dormant ? 'users.dormant' : 'users.active')}<//>`;
}

function columns(names, act) {
  const me = session.get().user?.name;
  return [
    { name: 'name', label: t('users.name'), sort: (user) => user.name, cell: (user) => html`<span translate="no">${user.name}</span>` },
    { name: 'role', label: t('users.role'), sort: (user) => ROLES.indexOf(user.role), cell: (user) => roleName(user.role) },
    { name: 'scope', label: t('users.scope'), cell: (user) => scopeText(user.scope, names) },
    { name: 'state', label: t('users.state'), sort: (user) => Number(user.off), cell: (user) => html`<${State} user=${user} />` },
    { name: 'login', label: t('users.login'), sort: (user) => user.login_ms, cell: (user) => (user.login_ms ? html`<${Time} ms=${user.login_ms} as="ago" />` : html`<span class="muted">${t('users.never')}</span>`) },
    { name: 'sessions', label: t('users.sessions'), number: true, sort: (user) => user.sessions ?? 0, cell: (user) => html`<button type="button" class="pb-link" onClick=${() => act('sessions', user)} aria-label=${`${t('users.sessions_of', { name: user.name })}: ${count(user.sessions ?? 0)}`}>${count(user.sessions ?? 0)}</button>` },
    { name: 'act', label: t('users.actions'), cell: (user) => html`<span class="pb-row-actions"><${Button} kind="quiet" changes onClick=${() => act('edit', user)}>${t('users.change')}<//>
      <${Button} kind="quiet" changes disabled=${user.name === me} onClick=${() => act('reset', user)}>${t('users.reset')}<//>
      <${Button} kind="quiet" changes disabled=${user.name === me} onClick=${() => act('off', user)}>${t(user.off ? 'users.turn_on' : 'users.turn_off')}<//></span>` },
  ];
}

export default function Page({ query }) {
  const of = useApi('/users', { every: 60000 });
  const [open, setOpen] = useState(null), [grave, dialog] = useGrave();
  const close = () => setOpen(null);
  const done = (made) => {
    of.reload();
    if (made?.password) setOpen({ what: 'once', made });
    else { close(); if (made?.user) toast(t('users.saved', { name: made.user.name }), { tone: 'good' }); }
  };
  const conflict = () => { close(); toast(t('users.conflict'), { tone: 'warn' }); of.reload(); };
  const change = (user, patch) => grave(async () => done(await send('PATCH', `/users/${encodeURIComponent(user.name)}`, { version: user.version, ...patch }))).catch((problem) => { if (problem.status === 409) conflict(); else throw problem; });
  const words = (query.name ?? '').normalize('NFKC').toLowerCase();
  const rows = (of.data?.rows ?? []).filter((user) => !words || user.name.toLowerCase().includes(words));
  const user = open?.user, names = new Map((of.data?.bodies ?? []).map((org) => [org.code, org]));
  return html`<${Head} title=${t('users.title')} sub=${t('users.lead')}>
      <input class="input" type="search" value=${query.name ?? ''} aria-label=${t('users.filter')} placeholder=${t('users.filter')} onInput=${(event) => setQuery({ name: event.target.value })} />
      <a class="button button-plain" href=${href('/audit', { action: 'user' })} hidden=${!session.get().user?.permissions?.includes('audit')}>${t('users.history')}</a>
      <${Button} kind="primary" icon="plus" changes onClick=${() => setOpen({ what: 'edit' })}>${t('users.new')}<//><//>
    <${Loaded} of=${of}>${() => (rows.length === 0 ? html`<${Empty} icon="users" title=${t('users.none')} />`
    : html`<${List} caption=${t('users.title')} columns=${columns(names, (what, one) => setOpen({ what, user: one }))} rows=${rows} id=${(one) => one.name} sort="name" sorted=${query.sort} />`)}<//>
    ${open?.what === 'edit' && html`<${Edit} user=${user} bodies=${of.data?.bodies ?? []} grave=${grave} onDone=${done} onConflict=${conflict} onClose=${close} />`}
    ${open?.what === 'reset' && html`<${Ask} title=${t('users.reset_ask', { name: user.name })} text=${t('users.reset_text')} word=${t('users.reset')} danger=${true} run=${() => change(user, { reset: true })} onClose=${close} />`}
    ${open?.what === 'off' && (user.off
    ? html`<${Ask} title=${t('users.on_ask', { name: user.name })} text=${t('users.on_text')} word=${t('users.turn_on')} run=${() => change(user, { off: false })} onClose=${close} />`
    : html`<${Ask} title=${t('users.off_ask', { name: user.name })} text=${t('users.off_text')} word=${t('users.turn_off')} danger=${true} run=${() => change(user, { off: true })} onClose=${close} />`)}
    ${open?.what === 'sessions' && html`<${Sessions} user=${user} onDone=${(text) => { close(); of.reload(); toast(text, { tone: 'good' }); }} onClose=${close} />`}
    ${open?.what === 'once' && html`<${Once} made=${open.made} onClose=${close} />`}
    ${dialog}`;
}
