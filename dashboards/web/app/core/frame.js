// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What stands around every page: the rail with its places, the strip that says whether we see at all, banners, toasts, help overlay.
import { html, cx, useEffect, useLayoutEffect, useRef, useState } from './dom.js';
import { language, t, useLanguage } from './i18n.js';
import { COMMANDS, keyOf, reachable, useKeys } from './keys.js';
import { liveState, setPaused, useLive } from './live.js';
import { setPrefs, usePrefs } from './prefs.js';
import { navigate, useRoute } from './router.js';
import { logOut, useSession } from './session.js';
import { ago, both, clock, day, now, zoneName } from './time.js';
import { Button, IconButton, Key } from '../parts/button.js';
import { Dialog } from '../parts/dialog.js';
import { Icon } from '../parts/icon.js';
import { MenuButton } from '../parts/menu.js';
import { Banner } from '../parts/states.js';
import { Toasts } from '../parts/toast.js';

const PLACES = [
  { page: 'overview', path: '/', icon: 'overview', needs: 'viewer' },
  { page: 'inbox', path: '/inbox', icon: 'inbox', needs: 'viewer' },
  { page: 'alerts', path: '/alerts', icon: 'search', needs: 'viewer', also: ['alert', 'group', 'handover', 'host'] },
  { page: 'timeline', path: '/timeline', icon: 'timeline', needs: 'viewer' },
  { page: 'tail', path: '/tail', icon: 'tail', needs: 'viewer' },
  { page: 'traffic', path: '/traffic', icon: 'traffic', needs: 'viewer' },
  { page: 'sensors', path: '/sensors', icon: 'sensor', needs: 'viewer' },
  { page: 'detectors', path: '/detectors', icon: 'detector', needs: 'viewer', apart: true },
  { page: 'suppressions', path: '/suppressions', icon: 'suppress', needs: 'viewer' },
  { page: 'audit', path: '/audit', icon: 'audit', needs: 'audit' },
  { page: 'users', path: '/users', icon: 'users', needs: 'users' },
  { page: 'settings', path: '/settings', icon: 'settings', apart: true },
  { page: 'help', path: '/help', icon: 'help' },
];

function Rail({ narrow, onToggle, onGo }) {
  const { route } = useRoute(), { user } = useSession();
  const places = PLACES.filter(({ needs }) => !needs || user.permissions.includes(needs));
  return html`<nav class="rail" aria-label=${t('shell.navigation')} onClick=${(event) => event.target.closest('a') && onGo()}>
    <a class="brand" href="/" aria-label=${`Yagura: ${t('shell.home')}`}><svg viewBox="0 0 32 32" width="24" height="24" aria-hidden="true"><path d="M5 12 16 6l11 6v2H5zM8 15h16l1.500 3h-19zM10 19h3v7h-3zm9 0h3v7h-3zm-4.500 0h3v7h-3z" /></svg><span class="rail-word brand-word">Yagura</span></a>
    <ul>${places.map((place) => html`<li class=${place.apart ? 'rail-apart' : undefined}><a href=${place.path} title=${narrow ? t(`nav.${place.page}`) : undefined}
      aria-current=${route?.page === place.page ? 'page' : place.also?.includes(route?.page) || (place.page === 'overview' && route?.page === 'body') ? 'true' : undefined}><${Icon} name=${place.icon} size=${18} /><span class="rail-word">${t(`nav.${place.page}`)}</span></a></li>`)}</ul>
    <button type="button" class="rail-fold" onClick=${onToggle} aria-pressed=${narrow} aria-label=${t(narrow ? 'shell.rail_wide' : 'shell.rail_narrow')} title=${t(narrow ? 'shell.rail_wide' : 'shell.rail_narrow')}><${Icon} name=${narrow ? 'right' : 'left'} /><span class="rail-word">${t('shell.rail_narrow')}</span></button>
  </nav>`;
}

const STATES = ['sound', 'degraded', 'blind', 'away'];
const TONES = { sound: 'good', degraded: 'warn', blind: 'bad', away: 'bad', unknown: 'warn' };
const MARKS = { good: 'check', warn: 'warn', bad: 'close' };

/** One word for all sensors: the worst. Never good while nothing was heard. */
function Pulse() {
  const { sensors, redis, state } = useLive();
  const heard = sensors?.length ? sensors.map((sensor) => (STATES.includes(sensor.state) ? sensor.state : 'unknown')) : [];
  const worst = redis === false || state === 'away' || !heard.length ? 'unknown' : heard.includes('unknown') ? 'unknown' : STATES.findLast((one) => heard.includes(one));
  const tone = TONES[worst];
  const bad = (sensors ?? []).filter((sensor) => sensor.state !== 'sound').map((sensor) => `${sensor.name}: ${(sensor.reasons ?? []).map((reason) => reason[language()]).join(', ') || t(`sensor.${STATES.includes(sensor.state) ? sensor.state : 'unknown'}`)}`);
  return html`<a class=${cx('pulse', `pulse-${tone}`)} href="/sensors" title=${bad.join('\n') || undefined}><span class="pulse-mark"><${Icon} name=${MARKS[tone]} size=${12} /></span>
    <span class="pulse-name">${t('strip.sensor')}</span><b>${t(`sensor.${worst}`)}</b></a>`;
}

function Link() {
  const { state, redis, heard } = useLive();
  const what = redis === false ? 'redis_away' : state;
  const tone = what === 'live' ? 'good' : what === 'polling' ? 'warn' : 'bad';
  return html`<span class=${cx('pulse', `pulse-${tone}`)} title=${heard ? t('strip.heard', { ago: ago(heard) }) : undefined}><span class="pulse-mark"><${Icon} name=${MARKS[tone]} size=${12} /></span>
    <span class="pulse-name">${t('strip.live')}</span><b>${t(what === 'live' ? 'strip.live_on' : `strip.${what}`)}</b></span>`;
}

function Clock() {
  const prefs = usePrefs(), [, tick] = useState(0);
  useEffect(() => {
    let timer = 0;
    const next = () => { tick((n) => n + 1); timer = setTimeout(next, 1000 - (now() % 1000) + 5); };
    next();
    return () => clearTimeout(timer);
  }, []);
  const ms = now();
  return html`<button type="button" class="clock" title=${both(ms)} onClick=${() => setPrefs({ timezone: prefs.timezone === 'utc' ? 'jst' : 'utc' })}>
    <span class="clock-day">${day(ms)}</span> <span class="clock-time">${clock(ms)}</span> <b>${zoneName()}</b><span class="only-read">${t('strip.zone', { zone: zoneName() })}</span></button>`;
}

const THEME_ICONS = { dark: 'moon', light: 'sun', system: 'system' };

function Strip({ onMenu, onHelp }) {
  const prefs = usePrefs(), { user } = useSession(), paused = useLive((live) => live.paused);
  const other = prefs.language === 'ja' ? 'en' : 'ja';
  return html`<header class="strip">
    <${IconButton} icon="menu" class="strip-menu" label=${t('shell.navigation')} onClick=${onMenu} />
    ${user.permissions.includes('viewer') && html`<${Pulse} /><${Link} />
    <button type="button" class=${cx('pulse', 'pulse-button', paused && 'pulse-warn')} aria-pressed=${paused} onClick=${() => setPaused(!paused)} title=${t(paused ? 'strip.resume' : 'strip.pause')}><${Icon} name=${paused ? 'play' : 'pause'} size=${14} /><span class="pulse-name">${t(paused ? 'strip.resume' : 'strip.pause')}</span></button>`}
    <span class="strip-gap"></span>
    <${Clock} />
    <button type="button" class="button button-quiet strip-language" lang=${other} onClick=${() => setPrefs({ language: other })}>${other === 'en' ? 'English' : '日本語'}</button>
    <${MenuButton} label=${t('strip.theme')} class="strip-theme" icon=${THEME_ICONS[prefs.theme]} items=${() => ['dark', 'light', 'system'].map((theme) => ({ label: t(`theme.${theme}`), icon: THEME_ICONS[theme], checked: prefs.theme === theme, onChoose: () => setPrefs({ theme }) }))} />
    <${MenuButton} label=${t('strip.user', { name: user.name })} class="strip-user" items=${() => [
      { heading: `${user.name} · ${t(`role.${user.role}`)}` },
      { label: t('nav.settings'), icon: 'settings', href: '/settings' }, { label: t('strip.shortcuts'), icon: 'keyboard', command: 'help', onChoose: onHelp },
      { label: t('nav.accessibility'), icon: 'help', href: '/accessibility' }, { separator: true },
      { label: t('strip.log_out'), icon: 'logout', onChoose: logOut }]}><${Icon} name="user" /><span class="strip-name">${user.name}</span><//>
  </header>`;
}

/** What is wrong with everything: no answer of the server, no Redis. Said within 3 s, and gone by itself. */
function Banners() {
  const { state, answers, redis, readOnly, since } = useLive(), session = useSession();
  const [late, setLate] = useState(false);
  useEffect(() => {
    // a stream that comes back within two seconds is no news
    if (state !== 'away') { setLate(false); return undefined; }
    const timer = setTimeout(() => setLate(true), Math.max(0, since + 2000 - Date.now()));
    return () => clearTimeout(timer);
  }, [state, since]);
  const unheard = late && state === 'away' && session.user?.permissions.includes('viewer');
  if (unheard && !answers) return html`<${Banner} tone="bad">${t('shell.server_away')}<//>`;
  if (redis === false || (redis === null && session.readOnly)) return html`<${Banner} tone="bad">${t('shell.redis_away')}<//>`;
  if (readOnly) return html`<${Banner} tone="warn">${t('shell.read_only')}<//>`;
  if (unheard) return html`<${Banner} tone="warn">${t('shell.stream_away')}<//>`;
  if (state === 'polling') return html`<${Banner}>${t('shell.polling')}<//>`;
  return null;
}

function HelpOverlay({ onClose }) {
  const here = reachable(), groups = [...new Set(COMMANDS.map((command) => command.group))];
  return html`<${Dialog} title=${t('strip.shortcuts')} wide onClose=${onClose} footer=${html`<a class="button button-quiet" href="/settings#keys" onClick=${onClose}>${t('keys.change')}</a>`}>
    <div class="keys-groups">${groups.map((group) => html`<section><h3>${t(`keys.${group}`)}</h3><dl>${COMMANDS.filter((command) => command.group === group && keyOf(command.name)).map((command) => html`
      <div class=${cx('keys-row', !here.has(command.name) && 'keys-off')}><dt>${t(`key.${command.name}`)}</dt><dd><${Key} name=${keyOf(command.name)} /></dd></div>`)}</dl></section>`)}</div>
    <p class="muted">${t('keys.ime')}</p>
  <//>`;
}

const NARROW = 'yagura.rail';
function keptNarrow() {
  try { return (localStorage.getItem(NARROW) ?? (innerWidth < 1440 ? 'narrow' : 'wide')) === 'narrow'; } catch { return innerWidth < 1440; }
}

/** @param {{children: any}} props */
export function Frame({ children }) {
  useLanguage();
  usePrefs();
  const [narrow, setNarrow] = useState(keptNarrow), [drawn, setDrawn] = useState(false), [help, setHelp] = useState(false), main = useRef(null);
  const { path } = useRoute();
  useEffect(() => setDrawn(false), [path]);
  const toggle = () => {
    setNarrow(!narrow);
    try { localStorage.setItem(NARROW, narrow ? 'wide' : 'narrow'); } catch { /* it is only a habit */ }
  };
  const go = (to) => () => navigate(to);
  useKeys({ help: () => setHelp(true), pause: () => setPaused(!liveState.get().paused), go_overview: go('/'), go_inbox: go('/inbox'), go_alerts: go('/alerts'),
    go_timeline: go('/timeline'), go_traffic: go('/traffic'), go_tail: go('/tail'), go_sensors: go('/sensors') });
  useKeys({ close: () => setDrawn(false) }, { when: drawn });
  // the drawer of narrow windows: the focus goes in, cannot leave it for what it covers, and comes back
  useLayoutEffect(() => {
    if (!drawn) return undefined;
    const back = document.activeElement, wide = matchMedia('(min-width: 761px)'), shut = () => setDrawn(false);
    /** @type {HTMLElement|null} */ (document.querySelector('.rail li a'))?.focus();
    wide.addEventListener('change', shut);
    return () => {
      wide.removeEventListener('change', shut);
      if (back instanceof HTMLElement) back.focus();
    };
  }, [drawn]);
  return html`<div class=${cx('frame', narrow && 'frame-narrow', drawn && 'frame-drawn')}>
    <a class="skip" href="#main" inert=${drawn} onClick=${(event) => { event.preventDefault(); main.current.focus(); }}>${t('shell.skip')}</a>
    <${Rail} narrow=${narrow} onToggle=${toggle} onGo=${() => setDrawn(false)} />
    ${drawn && html`<div class="shade" onClick=${() => setDrawn(false)}></div>`}
    <div class="column" inert=${drawn}><${Strip} onMenu=${() => setDrawn(!drawn)} onHelp=${() => setHelp(true)} /><${Banners} />
      <main id="main" ref=${main} class="main" tabIndex="-1">${children}</main></div>
    <${Toasts} />
    ${help && html`<${HelpOverlay} onClose=${() => setHelp(false)} />`}
  </div>`;
}
