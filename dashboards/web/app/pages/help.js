// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// ヘルプ: keys as the user has them, the search grammar with examples that are links, severity and modes, states, roles, glossary.
import { COMMANDS, Head, Key, Loading, Section, Severity, SEVERITIES, StateChip, href, html, keyOf, t, useApi, usePrefs, useState } from '../ui.js';
import { useProse } from './prose.js';

const SEARCHES = [['kumo', 'q_word'], ['"UDP flood"', 'q_phrase'], ['kind:dos.*', 'q_kind'], ['sev:>=high', 'q_sev'], ['sev:critical,high', 'q_sevs'], ['state:escalated', 'q_state'], ['is:open', 'q_is'],
  ['org:131016', 'q_org'], ['ip:192.0.2.0/24', 'q_ip'], ['@198.51.100.7', 'q_at'], ['src:198.51.100.7', 'q_src'], ['dst:192.0.2.10 port:443', 'q_dst'], ['score:80..100', 'q_score'], ['count:>=100', 'q_count'],
  ['zone:lgwan', 'q_zone'], ['app:dns', 'q_app'], ['attck:T1498', 'q_attck'], ['sensor:egress-1', 'q_sensor'], ['assignee:sato', 'q_assignee'], ['community:1:LQU9qZlK+B5F3KDmev6m5PMibrg=', 'q_community'], ['kind:scan.* -is:shadow', 'q_not']];
const MODES = ['page', 'alert', 'digest', 'shadow'];
const STATES = ['new', 'acknowledged', 'escalated', 'archived'];
const ROLES = ['viewer', 'org_viewer', 'analyst', 'lead', 'auditor', 'admin'];
const CONTENTS = ['keys', 'search', 'severity', 'modes', 'states', 'roles', 'glossary'];

const Table = ({ caption, head, children }) => html`<div class="pb-scroll" role="region" tabIndex="0" aria-label=${caption}><table class="pb-table pb-prose"><caption class="only-read">${caption}</caption>
  <thead><tr>${head.map((label) => html`<th scope="col">${label}</th>`)}</tr></thead><tbody>${children}</tbody></table></div>`;

function Shortcuts({ p }) {
  const prefs = usePrefs();
  return html`<p>${prefs.keys ? p('keys_lead') : p('keys_off')} <a href="/settings">${p('keys_settings')}</a></p>
    <${Table} caption=${p('keys')} head=${[p('keys_key'), p('keys_action')]}>${COMMANDS.map(({ name }) => html`<tr key=${name}><th scope="row"><${Key} name=${keyOf(name)} /><span class="only-read">${keyOf(name)}</span></th><td>${t(`key.${name}`)}</td></tr>`)}<//>`;
}

function Glossary({ p, other, otherLanguage, keys }) {
  const [words, setWords] = useState('');
  const wanted = words.normalize('NFKC').toLowerCase();
  const terms = keys.filter((key) => key.startsWith('help.g_')).map((key) => key.slice('help.g_'.length))
    .filter((term) => !wanted || [p(`g_${term}`), other(`g_${term}`), p(`gm_${term}`)].some((text) => text.normalize('NFKC').toLowerCase().includes(wanted)));
  return html`<p>${p('glossary_lead')}</p><input class="input" type="search" value=${words} aria-label=${p('glossary_filter')} placeholder=${p('glossary_filter')} onInput=${(event) => setWords(event.target.value)} />
    ${terms.length === 0 ? html`<p>${p('glossary_none')}</p>` : html`<${Table} caption=${p('glossary')} head=${[p('term'), p('other'), p('meaning')]}>${terms.map((term) => html`<tr key=${term}><th scope="row">${p(`g_${term}`)}</th>
      <td lang=${otherLanguage}>${other(`g_${term}`)}</td><td>${p(`gm_${term}`)}</td></tr>`)}<//>`}`;
}

export default function Page() {
  const prose = useProse('help'), version = useApi('/version');
  if (!prose) return html`<${Loading} />`;
  const { p } = prose;
  const parts = {
    keys: html`<${Shortcuts} p=${p} />`,
    search: html`<p>${p('search_lead')}</p><${Table} caption=${p('search')} head=${[p('search_write'), p('search_finds')]}>${SEARCHES.map(([text, key]) => html`<tr key=${key}><th scope="row"><a href=${href('/alerts', { q: text, range: '30d' })}><code translate="no">${text.split(' ').map((term, at) => html`${at > 0 && ' '}<span class="number">${term}</span>`)}</code></a></th><td>${p(key)}</td></tr>`)}<//><p class="pb-how">${p('search_error')}</p>`,
    severity: html`<p>${p('severity_lead')}</p><dl class="pb-terms">${SEVERITIES.map((name) => html`<div key=${name}><dt><${Severity} severity=${name} /></dt><dd>${p(`s_${name}`)}</dd></div>`)}</dl>`,
    modes: html`<p>${p('modes_lead')}</p><dl class="pb-terms">${MODES.map((name) => html`<div key=${name}><dt>${p(`m_${name}`)}</dt><dd>${p(`m_${name}_means`)}</dd></div>`)}</dl>`,
    states: html`<dl class="pb-terms">${STATES.map((name) => html`<div key=${name}><dt><${StateChip} state=${name} /></dt><dd>${p(`st_${name}_means`)}</dd></div>`)}</dl>`,
    roles: html`<p>${p('roles_lead')}</p><dl class="pb-terms">${ROLES.map((name) => html`<div key=${name}><dt>${t(`role.${name}`)}</dt><dd>${t(`users.can_${name}`)}</dd></div>`)}</dl>`,
    glossary: html`<${Glossary} ...${prose} />`,
  };
  return html`<${Head} title=${p('title')} sub=${p('lead')} />
    <div class="pb-book"><nav class="pb-contents" aria-label=${p('contents')}><ul>${CONTENTS.map((name) => html`<li key=${name}><a href=${`#${name}`}>${p(name)}</a></li>`)}<li><a href="/accessibility">${p('about_accessibility')}</a></li></ul></nav>
      <div class="pb-pages-of-book">${CONTENTS.map((name) => html`<div key=${name} id=${name} tabIndex="-1"><${Section} title=${p(name)}>${parts[name]}<//></div>`)}
        <${Section} title=${p('about')}><p>Yagura <span translate="no">${version.data?.version ?? '–'}</span></p><//></div></div>`;
}
