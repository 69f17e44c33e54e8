// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// How pages are laid out: a head with the title and what acts on the whole page, sections below it, pairs of name and value.
import { html, cx, useState } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { stepUp } from '../core/session.js';
import { Button } from './button.js';
import { Dialog } from './dialog.js';

/** The title of a page (its <h1>) and its tools. @param {{title: any, sub?: any, children?: any}} props */
export const Head = ({ title, sub, children }) => html`<header class="page-head"><div class="page-title"><h1>${title}</h1>${sub && html`<p class="page-sub">${sub}</p>`}</div><div class="page-tools">${children}</div></header>`;

/** @param {{title: any, tools?: any, class?: string, children: any}} props */
export const Section = ({ title, tools, class: extra, children }) => html`<section class=${cx('section', extra)}><div class="section-head"><h2>${title}</h2>${tools && html`<div class="section-tools">${tools}</div>`}</div>${children}</section>`;

/** Names and values. @param {{rows: Array<[any, any]|false|null|undefined>}} props */
export const Facts = ({ rows }) => html`<dl class="facts">${/** @type {Array<[any, any]>} */ (rows.filter(Boolean)).map(([name, value]) => html`<div class="fact"><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;

/** A number that leads to the list that explains it. @param {{label: string, value: any, href?: string, tone?: string, note?: any}} props */
export const Stat = ({ label, value, href, tone, note }) => {
  const inside = html`<span class="stat-label">${label}</span><span class="stat-value">${value}</span>${note && html`<span class="stat-note">${note}</span>`}`;
  return href ? html`<a class=${cx('stat', tone && `stat-${tone}`)} href=${href}>${inside}</a>` : html`<div class=${cx('stat', tone && `stat-${tone}`)}>${inside}</div>`;
};

/** Asks for the password once more, then calls `onDone`. @param {{onDone: () => void, onClose: () => void}} props */
export function StepUp({ onDone, onClose }) {
  const [password, setPassword] = useState(''), [error, setError] = useState(null), [busy, setBusy] = useState(false);
  const submit = async () => {
    setBusy(true);
    try {
      await stepUp(password);
      onDone();
    } catch (problem) {
      setError(problem.text ?? problem.message);
      setPassword('');
    }
    setBusy(false);
  };
  return html`<${Dialog} title=${t('shell.step_up')} onClose=${onClose} onSubmit=${submit}
      footer=${html`<${Button} onClick=${onClose}>${t('shell.cancel')}<//><${Button} kind="primary" type="submit" busy=${busy}>${t('shell.confirm')}<//>`}>
    <p>${t('shell.step_up_text')}</p>
    <label class="field"><span>${t('login.password')}</span><input data-focus type="password" autocomplete="current-password" value=${password} onInput=${(event) => setPassword(event.target.value)} /></label>
    ${error && html`<p class="field-error" role="alert">${error}</p>`}
  <//>`;
}
