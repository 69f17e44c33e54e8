// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// 設定: what follows a user to every desk (language, theme, zone, keys, sound), and his own password. Each change holds at once.
import { Button, COMMANDS, Head, Key, Loaded, Section, StepUp, changePassword, clashes, html, keyOf, nameOf, now, send, session, setKey, setPrefs, t, toast, useApi, useEffect, useFocusWithin, useLayoutEffect, usePrefs, useSession, useState } from '../ui.js';
import { Choice, Field, Switch, said, useGrave } from './list.js';
import { SessionList } from './sessions-list.js';

const PASSWORD_MIN = 12, PASSWORD_MAX = 128;
const MODIFIERS = ['Shift', 'Control', 'Alt', 'Meta', 'CapsLock', 'Process', 'Unidentified', 'Dead'];

function Display() {
  const prefs = usePrefs();
  return html`<${Section} title=${t('settings.display')}><div class="pb-settings">
    <${Choice} name="language" label=${t('settings.language')} value=${prefs.language} options=${[['ja', html`<span lang="ja">${t('settings.ja')}</span>`], ['en', html`<span lang="en">${t('settings.en')}</span>`]]} onChange=${(language) => setPrefs({ language })} />
    <${Choice} name="theme" label=${t('settings.theme')} value=${prefs.theme} options=${['system', 'dark', 'light'].map((theme) => [theme, t(`settings.theme_${theme}`)])} onChange=${(theme) => setPrefs({ theme })} />
    <${Choice} name="timezone" label=${t('settings.timezone')} value=${prefs.timezone} options=${['jst', 'utc'].map((timezone) => [timezone, t(`settings.${timezone}`)])} onChange=${(timezone) => setPrefs({ timezone })} />
  </div><//>`;
}

function Notify() {
  const prefs = usePrefs();
  const [denied, setDenied] = useState(typeof Notification !== 'undefined' && Notification.permission === 'denied');
  const desktop = async (on) => {
    if (!on) { setPrefs({ desktop: false }); return; }
    const answer = typeof Notification === 'undefined' ? 'denied' : await Notification.requestPermission();
    setDenied(answer !== 'granted');
    setPrefs({ desktop: answer === 'granted' });
  };
  return html`<${Section} title=${t('settings.notify')}><p class="pb-how">${t('settings.notify_how')}</p><div class="pb-settings">
    <${Switch} label=${t('settings.sound')} checked=${prefs.sound} onChange=${(sound) => setPrefs({ sound })} />
    <${Switch} label=${t('settings.desktop')} checked=${prefs.desktop} onChange=${desktop} how=${denied ? t('settings.desktop_denied') : undefined} />
  </div><//>`;
}

/** Waits for a key: two within a second and a half are a sequence ("g i"). */
function Catch({ command, onDone }) {
  const [held, setHeld] = useState('');
  useEffect(() => {
    if (!held) return undefined;
    const timer = setTimeout(() => onDone(held), 1500);
    return () => clearTimeout(timer);
  }, [held]);
  // at once, not after the next frame: who has just clicked may press already
  useLayoutEffect(() => {
    const take = (event) => {
      if (MODIFIERS.includes(event.key) && !event.code) return;
      event.preventDefault();
      event.stopPropagation();
      if (event.key === 'Escape') { onDone(null); return; }
      const name = nameOf(event);
      if (!name || ['Tab', 'Enter'].includes(name)) return;
      setHeld((old) => { if (old) { onDone(`${old} ${name}`); return ''; } return name; });
    };
    addEventListener('keydown', take, true);
    return () => removeEventListener('keydown', take, true);
  }, []);
  return html`<span class="pb-catch" role="status" data-catch=${command}>${held ? html`<${Key} name=${held} /> …` : t('settings.key_press')}</span>`;
}

function Keys() {
  const prefs = usePrefs();
  const [waits, setWaits] = useState(null), [taken, setTaken] = useState(null);
  const done = (command) => (key) => {
    setWaits(null);
    if (key === null) return;
    const [other] = clashes(command, key);
    setTaken(other ? { command, other } : null);
    if (!other) setKey(command, key);
  };
  return html`<${Section} title=${t('settings.keys')} tools=${Object.keys(prefs.keymap).length > 0 && html`<${Button} kind="quiet" icon="undo" onClick=${() => setPrefs({ keymap: {} })}>${t('settings.key_reset')}<//>`}>
    <${Switch} label=${t('settings.keys_on')} how=${t('settings.keys_how')} checked=${prefs.keys} onChange=${(keys) => setPrefs({ keys })} />
    <div class="pb-scroll" role="region" tabIndex="0" aria-label=${t('settings.keys')}><table class="pb-table pb-keys"><caption class="only-read">${t('settings.keys')}</caption>
      <thead><tr><th scope="col">${t('settings.key_action')}</th><th scope="col">${t('settings.key_now')}</th><th scope="col"><span class="only-read">${t('settings.key_change')}</span></th></tr></thead>
      <tbody>${COMMANDS.map(({ name }) => html`<tr key=${name} data-command=${name}><th scope="row">${t(`key.${name}`)}</th>
        <td>${waits === name ? html`<${Catch} command=${name} onDone=${done(name)} />` : html`<${Key} name=${keyOf(name)} /><span class="only-read">${keyOf(name)}</span>`}
          ${taken?.command === name && html`<p class="field-error" role="alert">${t('settings.key_taken', { action: t(`key.${taken.other}`) })}</p>`}</td>
        <td><span class="pb-row-actions"><${Button} kind="quiet" disabled=${!prefs.keys || waits !== null || name === 'close'} aria-label=${`${t('settings.key_change')}: ${t(`key.${name}`)}`} onClick=${() => { setTaken(null); setWaits(name); }}>${t('settings.key_change')}<//>
          ${prefs.keymap[name] !== undefined && html`<${Button} kind="quiet" aria-label=${`${t('settings.key_default')}: ${t(`key.${name}`)}`} onClick=${() => setKey(name, null)}>${t('settings.key_default')}<//>`}</span></td></tr>`)}</tbody></table></div><//>`;
}

function Password() {
  const [typed, setTyped] = useState({ old: '', next: '', again: '' }), [show, setShow] = useState(false), [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false), [error, setError] = useState(null), [grave, setGrave] = useState(false);
  // counted as people count letters, not as UTF-16 does
  const length = [...typed.next].length;
  const bad = length < PASSWORD_MIN ? 'password_short' : length > PASSWORD_MAX ? 'password_long' : null;
  const differ = typed.next !== typed.again;
  const change = async () => {
    setBusy(true);
    setError(null);
    try {
      await changePassword(typed.old, typed.next);
      setTyped({ old: '', next: '', again: '' });
      setTried(false);
      toast(t('settings.password_done'), { tone: 'good' });
    } catch (problem) {
      if (/step.?up/.test(problem.code ?? '')) setGrave(true);
      else setError(problem);
    }
    setBusy(false);
  };
  const submit = (event) => {
    event.preventDefault();
    setTried(true);
    if (bad || differ || !typed.old) return;
    if (session.get().stepUpUntil - 5000 < now()) setGrave(true);
    else change();
  };
  const field = (name, label, more) => html`<${Field} id=${`p-${name}`} label=${t(`settings.${label}`)} ...${more}>${(props) => html`<input ...${props} class="input" type=${show ? 'text' : 'password'} autocomplete=${name === 'old' ? 'current-password' : 'new-password'} required
    value=${typed[name]} onInput=${(event) => setTyped({ ...typed, [name]: event.target.value })} />`}<//>`;
  return html`<form class="pb-password-form" onSubmit=${submit}><h3>${t('settings.password')}</h3>
    ${field('old', 'password_old', {})}
    ${field('next', 'password_new', { how: t('settings.password_how'), error: tried && bad ? t(`settings.${bad}`) : null })}
    ${field('again', 'password_again', { error: tried && differ ? t('settings.password_differ') : null })}
    <label class="pb-check"><input type="checkbox" checked=${show} onChange=${(event) => setShow(event.target.checked)} /><span>${t('settings.password_show')}</span></label>
    ${error && html`<p class="field-error" role="alert">${said(error)}</p>`}
    <${Button} kind="primary" type="submit" changes busy=${busy}>${t('settings.password_save')}<//>
    ${grave && html`<${StepUp} onClose=${() => setGrave(false)} onDone=${() => { setGrave(false); change(); }} />`}</form>`;
}

function Account() {
  const { user } = useSession();
  if (!user) return null;
  const bodies = user.scope === 'all' ? t('settings.account_all') : user.scope.map((org) => org[`name_${document.documentElement.lang}`] || org.name_ja).join(t('settings.list_comma'));
  return html`<${Section} title=${t('settings.account')}><p><strong translate="no">${user.name}</strong> – ${t(`role.${user.role}`)}</p><p class="pb-how">${t('settings.account_scope_of', { bodies })}</p><${Password} /><//>`;
}

/** Where one is logged in. To end any of it the password is wanted: whoever found an open screen shall not throw its owner out. */
function Sessions() {
  const of = useApi('/sessions', { every: 30000 }), [grave, dialog] = useGrave();
  const [busy, setBusy] = useState(false), [error, setError] = useState(null), box = useFocusWithin();
  const end = async (where, done) => {
    setBusy(true);
    setError(null);
    try {
      await grave(async () => { await send('DELETE', where); toast(t(done), { tone: 'good' }); });
    } catch (problem) {
      setError(problem);
    }
    setBusy(false);
    of.reload();
  };
  const others = of.data?.rows.filter((row) => !row.current).length ?? 0;
  return html`<${Section} title=${t('sessions.title')} tools=${html`<${Button} kind="danger" changes busy=${busy} disabled=${others === 0} onClick=${() => end('/sessions', 'sessions.others_ended')}>${t('sessions.end_others')}<//>`}>
    <p class="pb-how">${t('sessions.how')}</p>
    <div ref=${box}><${Loaded} of=${of} rows=${2}>${(data) => html`<${SessionList} caption=${t('sessions.title')} rows=${data.rows} busy=${busy} onEnd=${(row) => end(`/sessions/${row.id}`, 'sessions.ended')} />`}<//></div>
    ${error && html`<p class="field-error" role="alert">${said(error)}</p>`}${dialog}<//>`;
}

export default function Page() {
  return html`<${Head} title=${t('settings.title')} sub=${t('settings.lead')} /><div class="pb-narrow"><${Display} /><${Notify} /><${Keys} /><${Account} /><${Sessions} /></div>`;
}
