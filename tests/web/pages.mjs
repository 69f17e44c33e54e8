// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Every page of the dashboard, with addresses that exist in the example prefecture, and who may see it. What the tests of accessibility and
// language, and the screenshots, walk through: a page that is not here fails the first of them (they ask the router for its routes).
import fs from 'node:fs';
import path from 'node:path';
import { root, until } from './rig.mjs';

const ROUTES = path.join(root, 'dashboards/web/app/routes.js');

/** The paths of routes.js. */
export const routes = () => [...fs.readFileSync(ROUTES, 'utf8').matchAll(/\{ path: '([^']+)', page: '(\w+)'/g)].map(([, where, name]) => ({ where, name }));

/** name -> [user, address]; user null: nobody is logged in. */
export async function pagesOf(rig) {
  const lead = await rig.api('lead');
  const group = (await lead.get('/groups?state=all&range=30d&limit=1')).body.rows[0];
  const alert = encodeURIComponent(group.latest), code = group.org?.code ?? (await lead.get('/bodies')).body.rows[0].org.code;
  const ip = [group.target, group.source].map((end) => end?.ip).find((text) => text && !text.includes('/')) ?? '192.0.2.1';
  return {
    overview: ['lead', '/'], inbox: ['lead', '/inbox?range=30d'], group: ['lead', `/groups/${encodeURIComponent(group.id)}`], alerts: ['lead', '/alerts?range=30d'],
    alert: ['lead', `/alerts/${alert}`], handover: ['lead', `/alerts/${alert}/handover`], timeline: ['lead', '/timeline?range=7d'], tail: ['lead', '/tail'],
    traffic: ['lead', '/traffic'], sensors: ['lead', '/sensors'], body: ['lead', `/bodies/${encodeURIComponent(code)}`], host: ['lead', `/hosts/${encodeURIComponent(ip)}`],
    detectors: ['lead', '/detectors'], suppressions: ['lead', '/suppressions?show=all'], audit: ['auditor', '/audit'], users: ['admin', '/users'],
    settings: ['lead', '/settings'], help: ['lead', '/help'], accessibility: ['lead', '/accessibility'], login: [null, '/login'], first_run: [null, '/first-run'],
  };
}

/** What a page has said that it must not: texts without a key. */
export function listen(page, into = []) {
  page.on('console', (message) => { if (message.type() === 'error' && /^i18n:/.test(message.text())) into.push(message.text()); });
  return into;
}

/** Waits until the page shows its data, or that there is none. */
export async function settled(page, ms = 10000) {
  await until(() => page.evaluate(() => Boolean(document.querySelector('main h1, main .empty-title, main form')) && !document.querySelector('main .loading') && !document.querySelector('[aria-busy=true]')),
    ms, `${page.url()} does not settle`).catch(async (error) => { throw new Error(`${error.message}: ${await page.evaluate(() => document.querySelector('main')?.innerText.slice(0, 200))}`); });
  const broken = await page.evaluate(() => document.querySelector('main .empty-bad')?.innerText);
  if (broken) throw new Error(`${page.url()} shows that it is broken: ${broken}`);
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
}

/** The page in another theme, drawn. */
export const inTheme = (page, theme) => page.evaluate((to) => { document.documentElement.dataset.theme = to; return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))); }, theme);

/** A tab for this user, or for nobody (whose language stands in the browser alone). */
export async function openAs(rig, user, options) {
  const tab = await rig.open(user, { ...options, where: user ? '/accessibility' : '/login' });
  if (!user) {
    await settled(tab.page);
    await tab.page.evaluate((kept) => localStorage.setItem('yagura.preferences', JSON.stringify(kept)), { language: options.lang ?? 'ja', theme: options.theme ?? 'light' });
    await tab.page.reload();
  }
  await settled(tab.page);
  return tab;
}

/** Another page of the same browser tab, as a click on a link does it: nothing is loaded twice. */
export async function walk(page, where) {
  await page.evaluate((to) => { const a = document.createElement('a'); a.href = to; document.body.append(a); a.click(); a.remove(); }, where);
  await settled(page);
}
