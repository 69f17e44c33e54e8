// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The search: one field in the grammar of the server, its terms as chips below, and what is wrong with it where it is wrong.
import { html, useEffect, useId, useMemo, useRef, useState } from '../core/dom.js';
import { has, t } from '../core/i18n.js';
import { useKeys } from '../core/keys.js';
import { setQuery } from '../core/router.js';
import { Chip } from './chip.js';
import { Icon } from './icon.js';
import { IconButton } from './button.js';

export const FIELDS = ['org', 'kind', 'sev', 'state', 'is', 'src', 'dst', 'ip', 'port', 'proto', 'app', 'attck', 'sensor', 'zone', 'vector', 'score', 'count', 'assignee', 'id', 'community'];
const WORDS = { sev: ['critical', 'high', 'medium', 'low', 'info'], is: ['open', 'closed', 'new', 'mine', 'escalated', 'archived', 'shadow'],
  state: ['new', 'acknowledged', 'escalated', 'archived'], proto: ['tcp', 'udp', 'icmp'] };

// of its own: `constructor:` is no field, and somebody may type it
const listOf = (lists, name) => (Object.hasOwn(lists, name) ? lists[name] : []);

/** Terms of a query, as they were typed; blanks within quotes belong to the term. */
export const terms = (text) => text.match(/-?(?:[^\s"]+)?"[^"]*"?|\S+/g) ?? [];

/** Where in a text (of characters) a byte of its UTF-8 is. */
export function characterOf(text, byte) {
  let seen = 0, at = 0;
  for (const sign of text) {
    if (seen >= byte) break;
    seen += new TextEncoder().encode(sign).length;
    at += sign.length;
  }
  return at;
}

/**
 * @param {{value: string, onSearch?: (text: string) => void, error?: import('../core/api.js').ApiError|null, label?: string, suggest?: Object<string, string[]>}} props
 *   onSearch: if not given, ?q= of the address; error: the 422 of this very text; suggest: values by field, beside those known here
 */
export function QueryBox({ value, onSearch = (q) => setQuery({ q }, { replace: false }), error, label = t('search.label'), suggest = {} }) {
  const [text, setText] = useState(value), [open, setOpen] = useState(false), [chosen, setChosen] = useState(-1);
  const field = useRef(null), id = useId();
  useEffect(() => setText(value), [value]);
  useKeys({ search: () => { field.current.focus(); field.current.select(); } });

  const bad = error?.status === 422 && text === value ? error : null;
  const at = bad && Number.isInteger(bad.at) ? characterOf(value, bad.at) : -1;

  const code = bad?.problem.detail, hint = bad?.problem.hint;
  // of a value that a field has not, the server tells the field; what it has says more
  const known = code === 'bad_value' ? listOf(WORDS, hint).join(', ') : hint;
  const why = bad && (has(`search.why_${code}`) ? t(`search.why_${code}`) : bad.text) + (known ? t('search.hint', { hint: known }) : '');

  const word = text.slice(0, field.current?.selectionStart ?? text.length).match(/\S*$/)[0];
  const options = useMemo(() => {
    const plain = word.replace(/^-/, ''), [name, part] = plain.includes(':') ? plain.split(/:(.*)/s) : [plain, null];
    if (part !== null) return [...listOf(WORDS, name), ...listOf(suggest, name)].filter((one) => one.startsWith(part) && one !== part).slice(0, 8).map((one) => `${name}:${one}`);
    return plain ? FIELDS.filter((one) => one.startsWith(plain.toLowerCase())).map((one) => `${one}:`) : [];
  }, [word, suggest]);
  const listed = open && options.length > 0;

  const search = (to) => { setOpen(false); if (to.trim() !== value) onSearch(to.trim()); };
  const take = (option) => {
    const end = field.current.selectionStart ?? text.length, before = text.slice(0, end - word.length) + (word.startsWith('-') ? '-' : '') + option;
    setText(before + (option.endsWith(':') ? '' : ' ') + text.slice(end));
    setChosen(-1);
    field.current.focus();
  };
  const onKeyDown = (event) => {
    if (event.isComposing) return;
    if (listed && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) {
      event.preventDefault();
      setChosen((now) => (now + (event.key === 'ArrowDown' ? 1 : -1) + options.length + 1) % (options.length + 1));
    } else if (event.key === 'Tab' && listed && chosen >= 0) {
      event.preventDefault();
      take(options[chosen]);
    } else if (event.key === 'Enter') {
      event.preventDefault();
      if (listed && chosen >= 0 && chosen < options.length) take(options[chosen]);
      else search(text);
    } else if (event.key === 'Escape') {
      event.stopPropagation();
      if (listed) setOpen(false);
      else { setText(value); field.current.blur(); }
    }
  };
  const chips = terms(value);
  return html`<div class="query" role="search">
    <div class="query-line">
      <${Icon} name="search" />
      <input ref=${field} class="query-field" type="text" value=${text} role="combobox" aria-label=${label} placeholder=${t('search.placeholder')} spellcheck=${false} autocomplete="off" maxLength="1024"
        aria-expanded=${listed ? 'true' : 'false'} aria-controls=${`${id}l`} aria-autocomplete="list" aria-activedescendant=${listed && chosen >= 0 && chosen < options.length ? `${id}o${chosen}` : undefined} aria-invalid=${bad ? 'true' : undefined}
        aria-describedby=${bad ? `${id}e` : undefined} enterkeyhint="search"
        onInput=${(event) => { setText(event.target.value); setOpen(true); setChosen(-1); }} onFocus=${() => setOpen(true)} onBlur=${() => setTimeout(() => setOpen(false), 150)} onKeyDown=${onKeyDown} />
      ${text && html`<${IconButton} icon="close" label=${t('search.clear')} onClick=${() => { setText(''); search(''); field.current.focus(); }} />`}
      <ul id=${`${id}l`} class="query-list" role="listbox" aria-label=${t('search.suggestions')} hidden=${!listed}>
        ${options.map((option, nr) => html`<li id=${`${id}o${nr}`} role="option" aria-selected=${nr === chosen ? 'true' : 'false'} class=${nr === chosen ? 'query-option query-chosen' : 'query-option'}
          onMouseDown=${(event) => { event.preventDefault(); take(option); }}><code>${option}</code>${option.endsWith(':') && html`<span class="muted">${t(`search.field_${option.slice(0, -1)}`)}</span>`}</li>`)}
      </ul>
    </div>
    ${bad && html`<div class="query-error" id=${`${id}e`} role="alert">
      ${at >= 0 && html`<code class="query-where" aria-hidden="true">${value.slice(0, at)}<mark>${value.slice(at).match(/^\S*/)[0] || ' '}</mark>${value.slice(at).replace(/^\S*/, '')}</code>`}
      <span>${at >= 0 ? t('search.error_at', { why, at: [...value.slice(0, at)].length + 1 }) : why}</span></div>`}
    ${chips.length > 0 && html`<div class="query-chips">${chips.map((one, nr) => html`<${Chip} key=${one + nr} tone=${one.startsWith('-') ? 'warn' : 'accent'} removeLabel=${t('search.remove', { term: one })}
      onRemove=${() => search(chips.filter((other, index) => index !== nr).join(' '))}>${one.startsWith('-') ? t('search.not', { term: one.slice(1) }) : one}<//>`)}</div>`}
  </div>`;
}
