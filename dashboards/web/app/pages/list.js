// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What the pages of administration share beyond ui.js: a table with sorting for some hundred rows, fields of forms, a share as a bar. The
// lists that may be long (inbox, search, tail) have the virtualised table of parts/.
import { Facts, Icon, StepUp, cx, html, now, session, setQuery, t, useMemo, useState } from '../ui.js';

/** Names and values; the third of a row is the tone of its value: bad, warn, good. @param {{rows: Array<[any, any, string?]|false>}} props */
export const Toned = ({ rows }) => html`<${Facts} rows=${/** @type {Array<[any, any, string?]>} */ (rows.filter(Boolean)).map(([name, value, tone]) => [name, tone ? html`<span class=${`pb-${tone}`}>${value}</span>` : value])} />`;

const plain = (a, b) => (a === b ? 0 : a === null || a === undefined ? 1 : b === null || b === undefined ? -1 : a < b ? -1 : 1);

/**
 * @param {{caption: string, columns: Array<{name: string, label: string, number?: boolean, sort?: (row: any) => any, how?: string,
 *   cell: (row: any) => any, class?: string}>, rows: Array, id: (row: any) => string, sort?: string, sorted?: string, row?: (row: any) => object}} props
 *   sort: column and direction where the address says none ('hits-' is descending); sorted: what the address says (?sort=)
 *   On a narrow screen a row is a block of names and values; the roles say that it is a table all the same, which display: block takes away.
 */
export function List({ caption, columns, rows, id, sort = '', sorted, row: more = () => ({}) }) {
  const by = sorted || sort;
  const column = columns.find((one) => one.sort && one.name === by.replace(/-$/, ''));
  const down = by.endsWith('-');
  const shown = useMemo(() => {
    if (!column) return rows;
    const keyed = rows.map((row) => [column.sort(row), row]);
    // what is not known stands at the end whichever way the rest goes
    keyed.sort(([a], [b]) => (a === null || a === undefined || b === null || b === undefined || !down ? plain(a, b) : plain(b, a)));
    return keyed.map(([, row]) => row);
  }, [rows, by, columns]);
  const turn = (one) => setQuery({ sort: by === `${one.name}-` ? one.name : by === one.name ? `${one.name}-` : one.number ? `${one.name}-` : one.name });
  return html`<div class="pb-scroll" role="region" aria-label=${caption} tabIndex="0"><table class="pb-table pb-rows" role="table"><caption class="only-read">${caption}</caption>
    <thead role="rowgroup"><tr role="row">${columns.map((one) => html`<th scope="col" role="columnheader" class=${cx(one.number && 'pb-number', one.class)} title=${one.how}
      aria-sort=${one.sort ? (column === one ? (down ? 'descending' : 'ascending') : 'none') : undefined}>${one.sort
    ? html`<button type="button" class="pb-sort" onClick=${() => turn(one)}>${one.label}${column === one && html`<${Icon} name=${down ? 'down' : 'up'} size=${12} />`}</button>`
    : one.label}</th>`)}</tr></thead>
    <tbody role="rowgroup">${shown.map((row) => html`<tr role="row" key=${id(row)} data-id=${id(row)} ...${more(row)}>${columns.map((one, at) => html`<${at === 0 ? 'th' : 'td'}
      scope=${at === 0 ? 'row' : undefined} role=${at === 0 ? 'rowheader' : 'cell'} class=${cx(one.number && 'pb-number', one.class)}><span class="pb-name" aria-hidden="true">${one.label}</span><div class="pb-cell">${one.cell(row)}</div><//>`)}</tr>`)}</tbody></table></div>`;
}

/** A share as a bar with its number. @param {{share: number, text: string}} props */
export const Bar = ({ share, text }) => html`<span class="pb-bar"><span class="pb-bar-track" aria-hidden="true"><span class="pb-bar-fill"
  style=${{ width: `${Math.round(Math.max(0, Math.min(1, share)) * 1000) / 10}%` }}></span></span><span class="pb-bar-text">${text}</span></span>`;

/**
 * A field of a form: label, control, how to fill it, what is wrong with it.
 * @param {{id: string, label: string, how?: string, error?: string|null, children: (props: object) => any}} props
 */
export function Field({ id, label, how, error, children }) {
  const described = [how && `${id}-how`, error && `${id}-bad`].filter(Boolean).join(' ') || undefined;
  return html`<div class=${cx('pb-field', error && 'pb-field-bad')}><label for=${id}>${label}</label>
    ${children({ id, 'aria-describedby': described, 'aria-invalid': error ? 'true' : undefined })}
    ${how && html`<p class="pb-how" id=${`${id}-how`}>${how}</p>`}
    ${error && html`<p class="pb-bad pb-field-error" id=${`${id}-bad`} role="alert">${error}</p>`}</div>`;
}

/** One of a few: radio buttons that look like one control. @param {{name: string, label: string, value: string, options: Array<[string, string]>, onChange: (value: string) => void}} props */
export const Choice = ({ name, label, value, options, onChange }) => html`<fieldset class="pb-choice"><legend>${label}</legend><div class="pb-choice-row">
  ${options.map(([of, text]) => html`<label class=${cx('pb-choice-one', value === of && 'pb-on')}><input type="radio" name=${name} value=${of} checked=${value === of}
    onChange=${() => onChange(of)} /><span>${text}</span></label>`)}</div></fieldset>`;

/** On or off. @param {{label: string, how?: string, checked: boolean, disabled?: boolean, onChange: (on: boolean) => void}} props */
export const Switch = ({ label, how, checked, disabled, onChange }) => html`<label class="pb-switch"><input type="checkbox" role="switch" checked=${checked}
  disabled=${disabled} onChange=${(event) => onChange(event.target.checked)} /><span class="pb-switch-track" aria-hidden="true"></span><span><span class="pb-switch-text">${label}</span>
  ${how && html`<span class="pb-how">${how}</span>`}</span></label>`;

/**
 * Runs what needs step-up: at once when the password was given lately, else after it is given.
 * @returns {[(what: () => Promise<void>) => Promise<void>, any]} the function, and the dialog to render
 */
export function useGrave() {
  const [waiting, setWaiting] = useState(null);
  const run = async (what) => {
    if (session.get().stepUpUntil - 5000 < now()) return new Promise((resolve, reject) => setWaiting({ what, resolve, reject }));
    try {
      return await what();
    } catch (problem) {
      if (!/step.?up/.test(problem.code ?? '')) throw problem;
      return new Promise((resolve, reject) => setWaiting({ what, resolve, reject }));
    }
  };
  const done = () => { const { what, resolve, reject } = waiting; setWaiting(null); what().then(resolve, reject); };
  const close = () => { waiting.resolve(false); setWaiting(null); };
  return [run, waiting && html`<${StepUp} onDone=${done} onClose=${close} />`];
}

/** What the server said, beside the form that it was about. */
export const said = (error) => error?.text ?? t('shell.error_broken');
