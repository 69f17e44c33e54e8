// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The sheet for the body: a page of A4 with the text that the server made from the alert's numbers, for print, clipboard or mail. The body
// reads Japanese whatever the operator's screen is in, so the language of the sheet is chosen here.
import { html, cx, useEffect, setQuery, t, useApi, Button, Head, Icon, Loaded, copy, orgName } from '../ui.js';
import { alertAddress } from '../kit.js';
import { mailto } from '../facts/mailto.js';

// a line that goes on below begins there where its text began
const indent = (line) => (/^ +\(\d+\) /.test(line) ? 'sheet-item' : line.startsWith(' ') && 'sheet-in');

// The sheet has its subject as its title; the text names it once more, for where that is all there is.
const lines = (text, subject) => text.split(/(?<=\n)/).filter((line, at) => at > 0 || !line.trimEnd().endsWith(subject));

export default function Handover({ params, query }) {
  const { id } = params;
  const language = query.sheet === 'en' ? 'en' : 'ja';
  const sheet = useApi(`/alerts/${encodeURIComponent(id)}/handover`);
  useEffect(() => {
    document.documentElement.dataset.print = 'sheet';
    return () => delete document.documentElement.dataset.print;
  }, []);
  return html`<${Loaded} whole=${true} of=${sheet} rows=${8}>${(data) => {
    const subject = data[`subject_${language}`], text = data[`text_${language}`];
    const mail = mailto(data.contact, subject, text, location.origin + alertAddress(id));
    return html`<div class="handover">
      <${Head} title=${t('handover.title')} sub=${data.org ? t('handover.to', { name: orgName(data.org) }) : t('handover.to_nobody')}>
        <a class="button button-plain" href=${alertAddress(id)}>${t('handover.back')}</a>
        <div class="segments" role="group" aria-label=${t('handover.language')}>${['ja', 'en'].map((one) => html`<button type="button" class=${cx('segment', one === language && 'is-on')} aria-pressed=${one === language} onClick=${() => setQuery({ sheet: one === 'ja' ? null : one })}>${t(`handover.in_${one}`)}</button>`)}</div>
        <${Button} icon="copy" onClick=${() => copy(text, t('handover.title'))}>${t('shell.copy')}<//>
        <a class="button button-plain" href=${mail.href}><${Icon} name="mail" /><span>${t('handover.mail')}</span></a>
        <${Button} kind="primary" icon="print" onClick=${() => print()}>${t('handover.print')}<//>
      <//>
      ${mail.cut && html`<p class="section-note no-print">${t('handover.cut')}</p>`}
      <article class="sheet" lang=${language} aria-label=${subject}>
        <h2>${subject}</h2>
        ${data.contact && html`<p class="sheet-contact">${data.contact}</p>`}
        <div class="sheet-text">${lines(text, subject).map((line) => html`<span class=${cx('sheet-line', indent(line))}>${line}</span>`)}</div>
      </article></div>`;
  }}<//>`;
}
