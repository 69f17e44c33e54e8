// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A11Y-01, A11Y-04: what lies over a page, and what a page shows when it is not at its best: each dialog, menu, toast, banner, error and empty
// state, in both languages and themes, without a violation that axe-core knows. All is opened by keyboard; the focus goes in, stays in, and
// comes back to what opened it; Escape closes. Dialogs and menus are listed by the key of their name: one in the source that is not in the
// list below fails the first test.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { need, require, root, start, until } from './rig.mjs';
import { inTheme, openAs, pagesOf, settled, walk } from './pages.mjs';

need('redis', 'web', 'chromium', 'playwright', 'axe');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
let rig, pages, made = 0;

const press = async (page, ...names) => { for (const name of names) await page.keyboard.press(name); };
const shown = (page, selector) => page.waitForSelector(selector, { timeout: 8000 });
/** Enter on what has the focus, or on what the selector means. */
const enter = async (page, selector, nr = 0) => { await shown(page, selector); await page.locator(selector).nth(nr).focus(); await remember(page); await press(page, 'Enter'); };
/** What has the focus now is what opens. */
const remember = (page) => page.evaluate(() => { for (const one of document.querySelectorAll('[data-test-opener]')) delete one.dataset.testOpener; document.activeElement.dataset.testOpener = '1'; });
const menu = (page) => shown(page, '.menu [role^=menuitem]');
const choose = async (page, nr) => { await menu(page); await press(page, nr < 0 ? 'End' : 'Home'); for (let i = 0; i < nr; i++) await press(page, 'ArrowDown'); await press(page, 'Enter'); };
const row = async (page) => { await shown(page, 'main [data-id]'); await page.locator('.grid').focus(); await press(page, 'j'); await shown(page, '[data-id][aria-current=true]'); await remember(page); };
const byText = (of) => ({ ja: of[0], en: of[1] });
const named = (name) => async (page, lang) => { await page.getByRole('button', { name: byText(name)[lang] }).first().focus(); await remember(page); await press(page, 'Enter'); };
const inbox = (keys) => ({ user: 'lead', where: '/inbox?range=30d&state=all', open: async (page) => { await row(page); await press(page, ...keys); } });

const SUPPRESS = '/suppressions?show=all', USERS = '/users';
const userButton = (nr) => async (page) => enter(page, '[data-id=viewer] .pb-row-actions button', nr);
const fillNew = async (page, bad) => {
  await enter(page, '.page-tools .button-primary');
  await shown(page, 'dialog #u-name');
  await page.fill('#u-name', bad ? 'Bad Name!' : `made-${++made}`);
  await press(page, 'Enter');
};

/** Over the page: key of the name -> how it is opened. Several ways to show one are several rows of the same key. */
const DIALOGS = [
  ['strip.shortcuts', inbox(['?'])],
  ['triage.archive_title', inbox(['e'])],
  ['triage.archive_title', { ...inbox(['e']), more: async (page) => { await press(page, 'Control+Enter'); await shown(page, 'dialog [role=alert]'); } }],
  ['triage.escalate_archive_title', inbox(['Shift+S'])],
  ['triage.comment_title', inbox(['c'])],
  ['triage.assign_title', { user: 'lead', where: '/inbox?range=30d&state=all', open: async (page) => { await row(page); await press(page, '.'); await choose(page, 2); } }],
  ['triage.conflict_title', { user: 'lead', where: '/inbox?range=30d&state=all', open: async (page, lang) => {
    await shown(page, 'main [data-id]');
    if (await page.evaluate(() => document.querySelector('.pulse-button').ariaPressed !== 'true')) await press(page, 'Space');
    await row(page);
    const id = await page.locator('[aria-current=true][data-id]').getAttribute('data-id'), other = await rig.api('analyst');
    const { version } = (await other.get(`/groups/${id}`)).body.group;
    await other.post('/groups/actions', { action: 'assign', assignee: lang === 'ja' ? 'analyst' : 'analyst2', ids: [id], versions: { [id]: version } });
    await page.evaluate(() => document.querySelector('.grid').focus());
    await press(page, 'w');
  }, after: (page) => press(page, 'Space') }],
  ['range.custom', { user: 'lead', where: '/inbox?range=30d', open: async (page) => { await enter(page, '.range-button'); await choose(page, -1); } }],
  ['range.custom', { user: 'lead', where: '/traffic', open: async (page) => { await enter(page, '.range-button'); await choose(page, -1); }, more: async (page) => {
    await shown(page, 'dialog input');
    await page.locator('dialog input').first().fill('2030-01-01T00:00');
    await press(page, 'Enter');
    await shown(page, 'dialog [role=alert]');
  } }],
  ['views.save', { user: 'lead', where: '/inbox?range=30d', open: async (page) => { await openViews(page); await menu(page); await press(page, 'End'); const last = await page.evaluate(() => document.activeElement.textContent); if (!/保存|Save/.test(last)) await press(page, 'ArrowUp'); await press(page, 'Enter'); } }],
  ['views.manage', { user: 'lead', where: '/inbox?range=30d', open: async (page) => { await openViews(page); await choose(page, -1); } }],
  ['alerts.columns', { user: 'lead', where: '/alerts?range=30d', open: (page, lang) => named(['列', 'Columns'])(page, lang) }],
  ['suppressions.new', { user: 'lead', where: SUPPRESS, open: (page) => enter(page, '.page-tools .button-primary') }],
  ['suppressions.new', { user: 'lead', where: SUPPRESS, open: (page) => enter(page, '.page-tools .button-primary'), more: async (page) => {
    await shown(page, 'dialog #s-kind');
    await page.fill('#s-kind', 'dos.*');
    await page.locator('.dialog-foot .button').nth(1).focus();
    await press(page, 'Enter');
    await shown(page, '.pb-preview .pb-alerts li');
  } }],
  ['suppressions.new', { user: 'lead', where: SUPPRESS, open: (page) => enter(page, '.page-tools .button-primary'), more: async (page) => {
    await shown(page, 'dialog #s-kind');
    await page.fill('#s-kind', '(');
    await page.fill('#s-source', 'no address');
    await page.locator('.dialog-foot .button').nth(1).focus();
    await press(page, 'Enter');
    await shown(page, 'dialog [role=alert]');
  } }],
  ['suppressions.edit', { user: 'lead', where: SUPPRESS, open: (page) => enter(page, '.pb-row-actions button', 0) }],
  ['suppressions.end_title', { user: 'lead', where: SUPPRESS, open: (page) => enter(page, '.pb-row-actions button', 1) }],
  ['users.new', { user: 'admin', where: USERS, open: (page) => enter(page, '.page-tools .button-primary') }],
  ['users.new', { user: 'admin', where: USERS, open: (page) => fillNew(page, true), more: (page) => shown(page, 'dialog [role=alert]') }],
  ['users.edit', { user: 'admin', where: USERS, open: userButton(0) }],
  ['users.edit', { user: 'admin', where: USERS, open: async (page) => enter(page, '[data-id=other] .pb-row-actions button', 0) }],
  ['users.reset_ask', { user: 'admin', where: USERS, open: userButton(1) }],
  ['users.off_ask', { user: 'admin', where: USERS, open: userButton(2) }],
  ['users.on_ask', { user: 'admin', where: USERS, open: async (page) => enter(page, '[data-id=gone] .pb-row-actions button', 2) }],
  ['users.sessions_of', { user: 'admin', where: USERS, open: async (page) => enter(page, '[data-id=admin] .pb-link'), more: (page) => shown(page, 'dialog table') }],
  ['users.password_title', { user: 'admin', where: USERS, open: (page) => fillNew(page, false), more: (page) => shown(page, 'dialog [data-password]') }],
  // as when somebody has sat there for six minutes: the password that he gave is no longer fresh
  ['shell.step_up', { user: 'admin', where: USERS, open: async (page) => {
    await page.evaluate(() => { const real = Date.now.bind(Date); Date.now = () => real() + 360000; });
    await enter(page, '[data-id=viewer] .pb-row-actions button', 1);
    await shown(page, 'dialog[open] form');
    await page.locator('dialog .dialog-foot [type=submit]').focus();
    await remember(page);
    await press(page, 'Enter');
    await until(() => page.evaluate(() => document.querySelectorAll('dialog[open]').length === 2), 5000, 'a second dialog');
  }, after: (page) => press(page, 'Escape') }],
];

const openViews = (page) => enter(page, '.inbox-line:last-child [aria-haspopup=menu]:has-text("View"), .inbox-line:last-child [aria-haspopup=menu]:has-text("表示条件")');

const MENUS = [
  ['strip.theme', { user: 'lead', where: '/help', open: (page) => enter(page, '.strip-theme') }],
  ['strip.user', { user: 'lead', where: '/help', open: (page) => enter(page, '.strip-user') }],
  ['alert.copy', { user: 'lead', where: 'alert', open: (page) => enter(page, '.page-tools [aria-haspopup=menu]') }],
  ['alerts.export', { user: 'lead', where: '/alerts?range=30d', open: (page) => enter(page, '.page-tools [aria-haspopup=menu]', 1) }],
  ['key.menu', inbox(['.'])],
  ['triage.more', { user: 'lead', where: '/inbox?range=30d&state=all', open: async (page) => { await row(page); await press(page, 'x'); await enter(page, '.bulk [aria-haspopup=menu]'); } }],
  ['range.label', { user: 'lead', where: '/inbox?range=30d', open: (page) => enter(page, '.range-button') }],
  ['sort.label', { user: 'lead', where: '/inbox?range=30d', open: (page) => enter(page, '.sort-button') }],
  ['views.title', { user: 'lead', where: '/inbox?range=30d', open: openViews }],
  ['value', { user: 'lead', where: 'alert', open: (page) => enter(page, 'main .value') }],
];

/** Of the page itself: [name, user, address, what is done, what is then there]. */
const STATES = [
  ['bulk bar', 'lead', '/inbox?range=30d&state=all', async (page) => { await row(page); await press(page, 'x', 'j', 'x'); }, '.bulk'],
  ['undo', 'lead', '/inbox?range=30d&state=all', async (page) => { await row(page); await press(page, 'w'); }, '.toast'],
  ['a refusal', 'lead', '/inbox?range=30d', async (page) => { await shown(page, 'main [data-id]'); await page.locator('.grid').focus(); await press(page, 'e'); }, '.toast-warn'],
  ['suggestions', 'lead', '/inbox?range=30d', async (page) => { await shown(page, 'main [data-id]'); await page.fill('.query-field', 'sev:'); await press(page, 'ArrowDown'); }, '.query-chosen'],
  ['a mistake in the search', 'lead', '/inbox?range=30d&q=sev:%3E%3Dterrible', null, '.query-error'],
  ['a mistake in the search for alerts', 'lead', '/alerts?range=30d&q=sev:%3E%3Dterrible', null, '.query-error'],
  ['nothing found', 'lead', '/inbox?range=30d&q=ip:192.0.2.254+kind:dns.tunnel', null, '.empty'],
  ['no alerts', 'lead', '/alerts?range=30d&q=ip:192.0.2.254+kind:dns.tunnel', null, '.empty'],
  ['no attacks', 'lead', '/timeline?range=2001-01-01T00:00:00Z/2001-01-01T01:00:00Z', null, '.empty'],
  ['the tail before anything came', 'lead', '/tail', null, '.empty'],
  ['no host', 'lead', '/hosts/192.0.2.254', null, '.empty'],
  ['no rule', 'lead', '/detectors?name=there-is-none', null, '.empty'],
  ['no suppression', 'lead', '/suppressions?kind_is=there.is.none', null, '.empty'],
  ['no record', 'auditor', '/audit?user=there-is-none', null, '.empty'],
  ['the chain is whole', 'auditor', '/audit', async (page) => { await enter(page, '.page-tools .button'); }, '[data-verdict=whole]'],
  ['no user', 'admin', '/users?name=there-is-none', null, '.empty'],
  ['not found', 'lead', '/alerts/there-is-none', null, '.empty h1'],
  ['no such page', 'lead', '/there-is-none', null, '.empty h1'],
  ['a key is waited for', 'lead', '/settings', async (page) => enter(page, '[data-command=next] button'), '.pb-catch'],
  ['a key is taken', 'lead', '/settings', async (page) => { await enter(page, '[data-command=next] button'); await shown(page, '.pb-catch'); await press(page, 'e'); }, '.pb-keys [role=alert]'],
  ['a new password that will not do', 'lead', '/settings', async (page) => { await page.fill('#p-old', 'x'); await page.fill('#p-next', 'short'); await page.fill('#p-again', 'other'); await press(page, 'Enter'); }, '.pb-password-form [role=alert]'],
  ['a chart as a table', 'lead', '/traffic?range=24h', async (page) => enter(page, '.chart-head button'), '.chart-table table'],
  ['the timeline as a table', 'lead', '/timeline?range=7d&as=table', null, 'table.plain'],
  ['a span of the timeline', 'lead', '/timeline?range=7d', async (page) => { await page.locator('.lanes-plot').focus(); await press(page, 'ArrowRight', 'ArrowRight'); }, '.lanes-now a'],
  ['bars as a table', 'lead', '/alerts?range=30d', async (page) => enter(page, '.histogram-toggle'), '.histogram table'],
  ['the whole record', 'lead', 'alert', async (page) => enter(page, 'details.raw summary'), 'details.raw[open] pre'],
  ['everything that a sensor reports', 'lead', '/sensors', async (page) => enter(page, 'details.pb-raw summary'), 'details.pb-raw[open] table'],
  ['paused', 'lead', '/tail', async (page) => { await page.locator('#main').focus(); await press(page, 'Space'); }, '.pulse-button[aria-pressed=true]', async (page) => press(page, 'Space')],
  ['a wrong password', null, '/login', async (page) => { await page.fill('input[name=user]', 'nobody-at-all'); await page.fill('input[name=password]', 'not this one'); await press(page, 'Enter'); }, '[role=alert]'],
];

/** In both themes: all rules in the first, those of colour in the second; in English in one, for colours know no language. */
async function violations(page, name, selector) {
  await page.evaluate((source) => { if (!window.axe) (0, eval)(source); }, axe).catch(() => page.evaluate(axe));
  await page.waitForFunction(() => document.getAnimations().every((one) => one.playState !== 'running' || one.effect.getComputedTiming().iterations === Infinity), null, { timeout: 3000 }).catch(() => {});
  const out = [], [first, ...more] = await page.evaluate(() => document.documentElement.lang) === 'ja' ? ['dark', 'light'] : ['light'];
  for (const theme of [first, ...more]) {
    await inTheme(page, theme);
    const found = await page.evaluate(async ([tags, where, first]) => {
      const result = await window.axe.run(where ? [...document.querySelectorAll(where)].at(-1) : document, { runOnly: first ? { type: 'tag', values: tags } : { type: 'rule', values: ['color-contrast'] }, resultTypes: ['violations'] });
      return result.violations.map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => `${node.target.join(' ')} (${node.failureSummary.split('\n').slice(1, 3).join('; ').trim()})`).join(' | ')}`);
    }, [TAGS, selector, theme === first]);
    for (const text of found) out.push(`${name}, ${theme}: ${text}`);
  }
  return out;
}

const where = (of) => (of === 'alert' ? pages.alert[1] : of);
const inside = (page, selector) => page.evaluate((of) => { const box = [...document.querySelectorAll(of)].at(-1), one = document.activeElement; return one === document.body ? null : box?.contains(one) ?? false; }, selector);
const openerHasFocus = (page) => page.evaluate(() => document.activeElement.dataset.testOpener === '1');
const whatHasFocus = (page) => page.evaluate(() => `${document.activeElement.tagName}.${document.activeElement.className} ${document.activeElement.textContent.slice(0, 30)}`);

/** A tab a user; a tab that something went wrong in is given up. */
async function eachOf(lang, rows, user, bad, work) {
  let tab = null;
  for (const one of rows.filter((of) => user(of) !== undefined)) {
    const who = user(one);
    if (tab && tab.who !== who) { await tab.context.close(); tab = null; }
    tab ??= { who, ...(await openAs(rig, who, { lang, theme: 'dark' })) };
    try {
      await work(tab.page, one);
    } catch (error) {
      bad.push(`${one[0]}: ${String(error.message ?? error).slice(0, 300)}`);
      await tab.context.close();
      tab = null;
    }
  }
  await tab?.context.close();
}
const sorted = (rows, user) => [...rows].sort((a, b) => String(user(a)).localeCompare(String(user(b))));

before(async () => {
  rig = await start({ fill: { alerts: 3000 } });
  const live = rig.live({ rate: 1, seconds: 5 }); // health as of now
  pages = await pagesOf(rig);
  const lead = await rig.api('lead'), admin = await rig.api('admin');
  for (const kind of ['scan.*', 'org.baseline']) await lead.post('/suppressions', { kind, org: 'kirisegoe', reason: '試験のため', expires_ms: Date.now() + 5 * 864e5 });
  await lead.post('/views', { name: '夜間', page: 'inbox', query: 'range=24h', shared: 'me' });
  const gone = (await admin.post('/users', { name: 'gone', role: 'viewer', scope: 'all' })).body.user;
  const off = await admin.patch('/users/gone', { version: gone.version, off: true });
  assert.equal(off.status, 200, off.text);
  await live.ended;
}, { timeout: 60000 });
after(() => rig?.stop());

test('A11Y-01 every dialog and menu of the source is in the list', () => {
  const app = path.join(root, 'dashboards/web/app'), dialogs = new Set(), menus = new Set();
  const skip = new Set(['parts/menu.js', 'parts/dialog.js']);
  for (const file of fs.readdirSync(app, { recursive: true }).filter((name) => name.endsWith('.js') && !skip.has(name))) {
    const source = fs.readFileSync(path.join(app, file), 'utf8');
    for (const [into, names, attribute, end] of [[dialogs, 'Dialog|Ask', 'title=', / (?:onClose|onSubmit|text|wide)=?/], [menus, 'MenuButton|MenuList', 'label=', / (?:onClose|class|icon)=/]])
      for (const tag of source.matchAll(new RegExp(`<\\$\\{(?:${names})\\}`, 'g'))) {
        const rest = source.slice(tag.index, tag.index + 900), from = rest.indexOf(attribute);
        const said = rest.slice(from, from + 200).split(end)[0];
        const keys = [...said.matchAll(/'(\w+\.\w+)'/g)].map((key) => key[1]);
        assert.ok(keys.length > 0 || /title=\$\{title\}|label=\$\{String\(value\)/.test(said), `${file}: a ${names.split('|')[0].toLowerCase()} without a name: ${said}`);
        if (/label=\$\{String\(value\)/.test(said)) into.add('value');
        for (const key of keys) into.add(key);
      }
    // nothing else makes one
    if (/<dialog|showModal\(|role="(?:alert)?dialog"|role="menu"|popover/.test(source.replace(/^\s*(\/\/|\*).*$/gm, ''))) assert.fail(`${file} makes a dialog or a menu of its own`);
  }
  assert.deepEqual([...dialogs].sort(), [...new Set(DIALOGS.map(([key]) => key))].sort());
  assert.deepEqual([...menus].sort(), [...new Set(MENUS.map(([key]) => key))].sort());
});

for (const lang of ['ja', 'en']) {
  test(`A11Y-01 A11Y-04 dialogs, ${lang}: axe finds nothing; the focus goes in, stays, and comes back; Escape closes`, { timeout: 240000 }, async () => {
    const bad = [], user = ([, one]) => one.user;
    await eachOf(lang, sorted(DIALOGS, user), user, bad, async (page, [key, { where: to, open, more, after: then }]) => {
      await walk(page, '/accessibility');
      await walk(page, where(to));
      await open(page, lang);
      await shown(page, 'dialog[open]');
      await more?.(page);
      if (await inside(page, 'dialog[open]') !== true) bad.push(`${key}: the focus is not in it but on ${await whatHasFocus(page)}`);
      bad.push(...await violations(page, key, 'dialog[open]'));
      const stops = await page.evaluate(() => [...document.querySelectorAll('dialog[open]')].at(-1).querySelectorAll('a[href], button:not(:disabled), input, select, textarea, [tabindex="0"]').length);
      for (let step = 0; lang === 'ja' && step < Math.min(stops + 2, 25); step++) { // which knows no language either
        await press(page, step % 5 === 4 ? 'Shift+Tab' : 'Tab');
        if (await inside(page, 'dialog[open]') === false) { bad.push(`${key}: the focus has left it for ${await whatHasFocus(page)}`); break; }
      }
      const before = await page.locator('dialog[open]').count();
      // as who is within it: the focus is in the dialog, not in the browser's own bars
      await page.evaluate(() => { const box = [...document.querySelectorAll('dialog[open]')].at(-1); if (!box.contains(document.activeElement)) box.querySelector('button').focus(); });
      await press(page, 'Escape');
      await until(async () => await page.locator('dialog[open]').count() < before, 3000, 'Escape does not close it');
      if (key !== 'users.password_title' && !await openerHasFocus(page)) bad.push(`${key}: the focus comes back to ${await whatHasFocus(page)}`);
      if (await page.evaluate(() => document.activeElement === document.body)) bad.push(`${key}: the focus is nowhere`);
      await then?.(page);
    });
    assert.equal(bad.join('\n'), '');
  });

  test(`A11Y-01 A11Y-04 menus, ${lang}: axe finds nothing; arrows walk, Escape and Tab close, the focus comes back`, { timeout: 150000 }, async () => {
    const bad = [], user = ([, one]) => one.user;
    await eachOf(lang, MENUS, user, bad, async (page, [key, { where: to, open }]) => {
      await walk(page, '/accessibility');
      await walk(page, where(to));
      for (const way of lang === 'ja' ? ['Escape', 'Tab'] : ['Escape']) {
        await open(page, lang);
        await menu(page);
        if (await inside(page, '.menu') !== true) bad.push(`${key}: the focus is on ${await whatHasFocus(page)}`);
        if (way === 'Escape') {
          bad.push(...await violations(page, key, '.menu'));
          const first = await whatHasFocus(page);
          await press(page, 'ArrowDown');
          if (await page.locator('.menu [role^=menuitem]').count() > 1 && await whatHasFocus(page) === first) bad.push(`${key}: an arrow does not walk`);
          await press(page, 'Home', 'ArrowUp');
          if (await inside(page, '.menu') !== true) bad.push(`${key}: an arrow leaves it`);
        }
        await press(page, way);
        await page.waitForSelector('.menu', { state: 'detached', timeout: 3000 });
        if (!await openerHasFocus(page)) bad.push(`${key}: after ${way} the focus is on ${await whatHasFocus(page)}`);
        if (key === 'key.menu') await press(page, 'k'); // the row that it was of
      }
    });
    assert.equal(bad.join('\n'), '');
  });

  test(`A11Y-01 what a page shows when it is not at its best, ${lang}: axe finds nothing`, { timeout: 240000 }, async () => {
    const bad = [], user = ([, who]) => who;
    await eachOf(lang, sorted(STATES, user), user, bad, async (page, [name, who, to, does, there, then]) => {
      if (who) await walk(page, '/accessibility');
      await page.evaluate((at) => { const a = document.createElement('a'); a.href = at; document.body.append(a); a.click(); a.remove(); }, where(to));
      await settled(page);
      await does?.(page);
      await shown(page, there);
      // an empty page as a whole; of a full one, which a11y.test.mjs has seen, what is new
      bad.push(...await violations(page, name, there.startsWith('.empty') ? undefined : there));
      await then?.(page);
    });
    assert.equal(bad.join('\n'), '');
  });
}

test('A11Y-04 the list of pages as a drawer at 390 px: opened by key, closed by Escape', async () => {
  const { page, context } = await openAs(rig, 'lead', { lang: 'ja', theme: 'dark', width: 390, height: 780 });
  const seen = () => page.evaluate(() => document.querySelector('.rail').checkVisibility({ visibilityProperty: true }));
  assert.equal(await seen(), false);
  await enter(page, '.strip-menu');
  await until(seen, 3000, 'the drawer opens');
  assert.equal((await violations(page, 'drawer')).join('\n'), '');
  assert.equal(await inside(page, '.rail'), true, `the focus goes in: ${await whatHasFocus(page)}`);
  for (let step = 0; step < 20; step++) {
    await press(page, 'Tab');
    assert.notEqual(await inside(page, '.rail'), false, `the focus is behind the drawer: ${await whatHasFocus(page)}`);
  }
  await page.locator('.rail a').first().focus();
  await press(page, 'Escape');
  await until(async () => !await seen(), 3000, 'Escape closes it');
  assert.ok(await openerHasFocus(page), await whatHasFocus(page));
  await walk(page, '/help');
  await enter(page, '.strip-menu');
  await until(seen, 3000, 'the drawer opens');
  await page.locator('.rail a[aria-current=page]').press('Enter');
  await until(async () => !await seen(), 3000, 'the place that is shown already leaves it open');
  await context.close();
});

test('A11Y-01 a temporary password must be changed, and a session is over: axe finds nothing', async () => {
  rig.sessions.delete('admin'); // a login of its own: its password is fresh
  const admin = await rig.api('admin');
  for (const lang of ['ja', 'en']) {
    const newcomer = (await admin.post('/users', { name: `newcomer-${lang}`, role: 'viewer', scope: 'all' })).body;
    const { page, context } = await openAs(rig, null, { lang, theme: 'dark' });
    await page.fill('input[name=user]', newcomer.user.name);
    await page.fill('input[name=password]', newcomer.password);
    await press(page, 'Enter');
    await shown(page, 'input[name=new]');
    assert.equal((await violations(page, 'must change')).join('\n'), '');
    await page.fill('input[name=new]', 'あたらしい合言葉はとても長い 2026');
    await page.fill('input[name=again]', 'と違うもの');
    await press(page, 'Enter');
    await shown(page, '[role=alert]');
    assert.equal((await violations(page, 'passwords that differ')).join('\n'), '');
    await context.close();

    rig.sessions.delete('body');
    const other = await openAs(rig, 'body', { lang, theme: 'dark' });
    await walk(other.page, '/inbox?range=30d');
    await (await rig.api('body')).delete('/session');
    rig.sessions.delete('body');
    await shown(other.page, '.alone-note');
    assert.equal((await violations(other.page, 'session over')).join('\n'), '');
    assert.equal(await other.page.evaluate(() => document.activeElement.name), 'user', 'one can write at once');
    await other.context.close();
  }
});

// The last: Redis goes, and then the server.
test('A11Y-01 Redis away, the server away, and what cannot be shown then: axe finds nothing', { timeout: 150000 }, async () => {
  const tabs = [];
  for (const lang of ['ja', 'en']) {
    const tab = await openAs(rig, 'analyst', { lang, theme: 'dark' });
    await walk(tab.page, '/inbox?range=30d');
    tabs.push(tab.page);
  }
  await rig.redis.kill('SIGSTOP');
  for (const page of tabs) {
    await shown(page, '.banner-bad');
    assert.equal((await violations(page, 'Redis away')).join('\n'), '');
    await page.locator('.grid').focus();
    await press(page, 'j', 'w');
    await shown(page, '.toast-warn');
    assert.equal((await violations(page, 'read-only', '.toast')).join('\n'), '');
  }
  rig.redis.child.kill('SIGCONT');
  const other = [];
  for (const page of tabs) {
    await page.waitForSelector('.banner-bad', { state: 'detached', timeout: 15000 });
    await walk(page, '/inbox?range=30d&state=all');
    const ids = await page.locator('main [data-id]').evaluateAll((all) => all.map((one) => one.dataset.id));
    await walk(page, `/groups/${ids[0]}`);
    other.push(ids[1]);
  }
  await rig.killWeb();
  for (const [nr, page] of tabs.entries()) {
    const go = (to) => page.evaluate((at) => { const a = document.createElement('a'); a.href = at; document.body.append(a); a.click(); a.remove(); }, to);
    await go('/timeline?range=7d'); // whose part of the page was never loaded
    await shown(page, '.empty-bad');
    await until(() => page.evaluate(() => document.querySelector('.banner-bad')), 8000, 'no banner');
    assert.equal((await violations(page, 'server away')).join('\n'), '');
    await go(`/groups/${other[nr]}`); // whose data is not to be had
    await shown(page, '.empty-bad');
    assert.equal((await violations(page, 'a group, server away')).join('\n'), '');
    await page.context().close();
  }
});
