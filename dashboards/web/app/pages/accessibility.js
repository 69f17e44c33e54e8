// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// ウェブアクセシビリティ方針: what is aimed at, what is tested by machines, what nobody has tested, what is known not to work. Honest before
// complete: whoever reads it decides by it whether he can work here.
import { Head, Loading, Section, html } from '../ui.js';
import { useProse } from './prose.js';

export default function Page() {
  const prose = useProse('accessibility');
  if (!prose) return html`<${Loading} />`;
  const { p, keys } = prose;
  const listOf = (prefix) => html`<ul class="pb-list">${keys.filter((key) => key.startsWith(`accessibility.${prefix}_`)).map((key) => { const name = key.slice('accessibility.'.length); return html`<li key=${name}>${p(name)}</li>`; })}</ul>`;
  return html`<${Head} title=${p('title')} sub=${p('lead')} /><div class="pb-narrow pb-reading">
    <${Section} title=${p('target')}><p>${p('target_text')}</p><//>
    <${Section} title=${p('status')}><p>${p('status_text')}</p><//>
    <${Section} title=${p('done')}><p>${p('done_lead')}</p>${listOf('d')}<//>
    <${Section} title=${p('not')}>${listOf('n')}<//>
    <${Section} title=${p('known')}>${listOf('k')}<//>
    <${Section} title=${p('aids')}><ul class="pb-list">${['a_theme', 'a_keys', 'a_motion', 'a_zoom'].map((name) => html`<li key=${name}>${p(name)}</li>`)}</ul><p><a href="/settings">${p('a_open')}</a></p><//>
    <${Section} title=${p('contact')}><p>${p('contact_text')}</p><p class="pb-how">${p('revised')}</p><//></div>`;
}
