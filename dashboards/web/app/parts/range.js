// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The range of time a page looks at: ?range= of its address. Picker with the usual lengths, the fiscal year, and two times of one's own.
import { html, useRef, useState } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { useKeys } from '../core/keys.js';
import { setQuery } from '../core/router.js';
import { RANGES, fromLocal, rangeOf, rangeText, short, toLocal, zoneName } from '../core/time.js';
import { Button } from './button.js';
import { Dialog } from './dialog.js';
import { Icon } from './icon.js';
import { MenuList, below } from './menu.js';

export const rangeLabel = (range) => {
  if (range === 'all' || RANGES.includes(range)) return t(`range.${range}`);
  const times = rangeOf(range);
  return times ? `${short(times.from)} – ${short(times.to)}` : t('range.custom');
};

function Custom({ range, onChoose, onClose }) {
  const times = rangeOf(range) ?? rangeOf('24h');
  const [from, setFrom] = useState(toLocal(times.from)), [to, setTo] = useState(toLocal(times.to));
  const [bad, setBad] = useState(false);
  const submit = () => {
    const a = fromLocal(from), b = fromLocal(to);
    if (Number.isFinite(a) && Number.isFinite(b) && a < b) onChoose(rangeText(a, b));
    else setBad(true);
  };
  return html`<${Dialog} title=${t('range.custom')} onClose=${onClose} onSubmit=${submit}
      footer=${html`<${Button} onClick=${onClose}>${t('shell.cancel')}<//><${Button} kind="primary" type="submit">${t('range.apply')}<//>`}>
    <label class="field"><span>${t('range.from', { zone: zoneName() })}</span><input data-focus type="datetime-local" value=${from} onInput=${(event) => setFrom(event.target.value)} /></label>
    <label class="field"><span>${t('range.to', { zone: zoneName() })}</span><input type="datetime-local" value=${to} onInput=${(event) => setTo(event.target.value)} /></label>
    ${bad && html`<p class="field-error" role="alert">${t('range.bad')}</p>`}
  <//>`;
}

/**
 * @param {{value: string, onChange?: (range: string) => void, ranges?: string[]}} props onChange: if not given, ?range= of the address
 */
export function RangePicker({ value, onChange = (range) => setQuery({ range }, { replace: false }), ranges = RANGES }) {
  const [at, setAt] = useState(null), [custom, setCustom] = useState(false), button = useRef(null);
  const open = () => setAt(at ? null : below(button.current));
  useKeys({ range: open });
  const items = () => [...ranges.map((range) => ({ label: t(`range.${range}`), checked: range === value, onChoose: () => onChange(range) })),
    { separator: true }, { label: t('range.custom_more'), checked: !ranges.includes(value), onChoose: () => setCustom(true) }];
  return html`<button ref=${button} type="button" class="button button-plain range-button" aria-haspopup="menu" aria-expanded=${at ? 'true' : 'false'}
      aria-label=${`${t('range.label')}: ${rangeLabel(value)}`} onClick=${open}><${Icon} name="clock" /><span>${rangeLabel(value)}</span><${Icon} name="down" size=${12} /></button>
    ${at && html`<${MenuList} items=${items()} at=${at} label=${t('range.label')} onClose=${() => { setAt(null); button.current?.focus(); }} />`}
    ${custom && html`<${Custom} range=${value} onClose=${() => setCustom(false)} onChoose=${(range) => { setCustom(false); onChange(range); }} />`}`;
}
