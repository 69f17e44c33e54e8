// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What a page looks like in the midst of work: dialogs, menus, states, the view of another role. For screenshots.mjs; each is a page to go to,
// who goes there, and what he does then.
import { sleep, until } from './rig.mjs';

const dialog = (page) => page.waitForSelector('dialog[open]', { timeout: 8000 });
const menu = (page) => page.waitForSelector('.menu', { timeout: 8000 });
const keys = async (page, ...names) => { for (const name of names) { await page.keyboard.press(name); await sleep(60); } };
const row = async (page) => { await page.waitForSelector('main [data-id]', { timeout: 8000 }); await keys(page, 'j'); };
const inbox = { user: 'lead', where: '/inbox?range=30d' };

/** name, user, where (pages: the addresses of pagesOf), does: what is done there; tall: false for what lies over the page. */
export const scenesOf = (pages) => {
  const alert = { user: 'lead', where: pages.alert_waiting[1] };
  return [
    { name: 'inbox+row', ...inbox, does: row },
    { name: 'inbox+close', ...inbox, does: async (page) => { await row(page); await keys(page, 'e'); await dialog(page); } },
    { name: 'inbox+close-escalate', ...inbox, does: async (page) => { await row(page); await keys(page, 'Shift+S'); await dialog(page); } },
    { name: 'inbox+comment', ...inbox, does: async (page) => { await row(page); await keys(page, 'c'); await dialog(page); } },
    { name: 'inbox+assign', ...inbox, does: async (page) => { await row(page); await keys(page, '.'); await menu(page); await page.locator('.menu [role^=menuitem]').nth(2).click(); await dialog(page); } },
    { name: 'inbox+menu', ...inbox, does: async (page) => { await row(page); await keys(page, '.'); await menu(page); } },
    { name: 'inbox+bulk', ...inbox, does: async (page) => { await row(page); await keys(page, 'x', 'j', 'x', 'j', 'x'); await page.waitForSelector('.bulk'); } },
    { name: 'inbox+bulk-all', ...inbox, where: '/inbox?range=30d&state=all', does: async (page) => { await row(page); await keys(page, '*', 'a'); await page.waitForSelector('.bulk'); } },
    { name: 'inbox+bulk-more', ...inbox, does: async (page) => { await row(page); await keys(page, 'x', 'j', 'x'); await page.locator('.bulk [aria-haspopup=menu]').click(); await menu(page); } },
    { name: 'inbox+undo', ...inbox, does: async (page) => { await row(page); await keys(page, 'a'); await page.waitForSelector('.toast'); } },
    { name: 'inbox+conflict', ...inbox, does: async (page, rig) => {
      await page.waitForSelector('main [data-id]');
      await keys(page, 'Space', 'j');
      const id = await page.locator('[aria-current=true][data-id]').getAttribute('data-id');
      const { version } = (await (await rig.api('analyst')).get(`/groups/${id}`)).body.group;
      await (await rig.api('analyst')).post('/groups/actions', { action: 'assign', assignee: 'analyst', ids: [id], versions: { [id]: version } });
      await keys(page, 'a');
      await dialog(page);
    }, after: (page) => keys(page, 'Escape', 'Space') },
    { name: 'inbox+range', ...inbox, does: async (page) => { await row(page); await keys(page, 't'); await menu(page); } },
    { name: 'inbox+range-custom', ...inbox, does: async (page) => { await row(page); await keys(page, 't'); await menu(page); await page.locator('.menu [role^=menuitem]').last().click(); await dialog(page); } },
    { name: 'inbox+value', ...inbox, does: async (page) => { await page.waitForSelector('main [data-id]'); await page.locator('main [data-id] .value').first().click(); await menu(page); } },
    { name: 'inbox+user', ...inbox, does: async (page) => { await page.click('.strip-user'); await menu(page); } },
    { name: 'inbox+help', ...inbox, does: async (page) => { await row(page); await keys(page, '?'); await dialog(page); } },
    { name: 'inbox+query', ...inbox, does: async (page) => { await page.waitForSelector('main [data-id]'); await page.fill('.query-field', 'sev:'); await page.waitForSelector('.query-option'); } },
    { name: 'inbox+query-wrong', ...inbox, where: '/inbox?range=30d&q=sev:%3E%3Dterrible+org:kirisegoe' },
    { name: 'inbox+none-found', ...inbox, where: '/inbox?range=30d&q=ip:192.0.2.254+kind:dns.tunnel' },
    { name: 'inbox+archived', ...inbox, where: '/inbox?range=30d&state=archived', does: row },
    { name: 'inbox+shadow', ...inbox, where: '/inbox?range=30d&state=shadow' },
    { name: 'inbox+views', ...inbox, does: async (page) => { await page.waitForSelector('main [data-id]'); await page.locator('.inbox-line:last-child [aria-haspopup=menu]').last().click(); await menu(page); } },
    { name: 'inbox-org_viewer', user: 'other', where: '/inbox?range=30d', does: row },
    { name: 'overview-org_viewer', user: 'other', where: '/' },
    { name: 'alerts-org_viewer', user: 'other', where: '/alerts?range=30d' },
    { name: 'alert-org_viewer', user: 'other', where: '/alerts?range=30d', does: async (page) => { await page.waitForSelector('main [data-id]'); await keys(page, 'j', 'o'); await page.waitForSelector('.alert-page'); await sleep(400); } },
    { name: 'overview-auditor', user: 'auditor', where: '/' },
    { name: 'inbox-auditor', user: 'auditor', where: '/inbox?range=30d', does: row },
    { name: 'alert-auditor', user: 'auditor', where: pages.alert[1] },
    { name: 'overview-admin', user: 'admin', where: '/' },
    { name: 'alert+close', ...alert, does: async (page) => { await keys(page, 'e'); await dialog(page); } },
    { name: 'alert+waiting', ...alert, tall: true },
    { name: 'alert+more', ...alert, does: async (page) => { await page.locator('.actions [aria-haspopup=menu]').click(); await menu(page); } },
    { name: 'alert+comment', ...alert, does: async (page) => { await keys(page, 'c'); await dialog(page); } },
    { name: 'alert+copy', ...alert, does: async (page) => { await page.locator('.page-tools [aria-haspopup=menu]').first().click(); await menu(page); } },
    { name: 'alert+value', ...alert, does: async (page) => { await page.locator('.side-column .value').first().scrollIntoViewIfNeeded(); await page.locator('.side-column .value').first().click(); await menu(page); } },
    { name: 'alert+flow', ...alert, tall: true, where: pages.alert_flow?.[1] ?? pages.alert[1] },
    { name: 'alert+ddos', user: 'lead', tall: true, where: pages.alert_ddos?.[1] ?? pages.alert[1] },
    { name: 'handover+ddos', user: 'lead', tall: true, where: `${pages.alert_ddos?.[1] ?? pages.alert[1]}/handover` },
    { name: 'handover+print', user: 'lead', where: `${pages.alert_ddos?.[1] ?? pages.alert[1]}/handover`, print: true },
    { name: 'timeline+24h', user: 'lead', where: '/timeline?range=24h' },
    { name: 'timeline+table', user: 'lead', where: '/timeline?range=7d&as=table' },
    { name: 'timeline+now', user: 'lead', where: '/timeline?range=7d', does: async (page) => { await page.locator('.lanes-plot').focus(); await keys(page, 'ArrowRight', 'ArrowRight', 'ArrowDown'); } },
    { name: 'tail+rows', user: 'lead', where: '/tail', does: async (page) => { await page.waitForSelector('main [data-id]', { timeout: 15000 }); await sleep(4000); } },
    { name: 'tail+paused', user: 'lead', where: '/tail', does: async (page) => { await page.waitForSelector('main [data-id]', { timeout: 15000 }); await keys(page, 'Space'); await sleep(2500); }, after: (page) => keys(page, 'Space') },
    { name: 'alerts+found', user: 'lead', tall: true, where: '/alerts?range=30d&q=sev:%3E%3Dhigh+is:open' },
    { name: 'alerts+none', user: 'lead', where: '/alerts?range=24h&q=ip:192.0.2.254' },
    { name: 'alerts+columns', user: 'lead', where: '/alerts?range=30d', does: async (page) => { await page.locator('.page-tools .button:not([aria-haspopup]):not(.pill)').click(); await dialog(page); } },
    { name: 'alerts+export', user: 'lead', where: '/alerts?range=30d', does: async (page) => { await page.locator('.page-tools [aria-haspopup]').last().click(); await menu(page); } },
    { name: 'overview+chart-table', user: 'lead', tall: true, where: '/?range=30d' },
    { name: 'missing', user: 'lead', where: '/alerts/there-is-none' },
    { name: 'login+wrong', user: null, where: '/login', does: async (page) => {
      await page.fill('input[name=user]', 'nobody-of-that-name');
      await page.fill('input[name=password]', 'not this one');
      await page.keyboard.press('Enter');
      await page.waitForSelector('[role=alert]');
    } },
  ];
};

/** Of these pages, opened before Redis goes: the banner, and nothing that could be done. */
export const AWAY = { overview: ['lead', '/'], inbox: ['analyst', '/inbox?range=30d'], alert: ['analyst2', null] }; // a session has two streams
export const bannered = (page) => until(() => page.evaluate(() => Boolean(document.querySelector('.banner-bad'))), 8000, 'no banner');
