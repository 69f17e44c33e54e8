// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// UI-07, UI-08, UI-09, UI-15, UI-19, UI-20: addresses, live updates, races, many tabs, no JavaScript.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { need, sleep, start, until } from './rig.mjs';

need('redis', 'web', 'chromium', 'playwright');
const LONG = Boolean(process.env.YAGURA_LONG);
let rig;
before(async () => { rig = await start({ fill: { alerts: 3000 } }); }, { timeout: 60000 });
after(() => rig?.stop());

const limits = { timeout: LONG ? 180000 : 60000 };
const ids = (page) => page.locator('main [data-id]').evaluateAll((rows) => rows.map((row) => row.dataset.id));
const shown = (page) => page.waitForSelector('html[data-ready]');

test('UI-07: the address is the view: copied to another browser it shows the same; saved views are shared by role', limits, async () => {
  const where = '/inbox?' + new URLSearchParams({ q: 'sev:>=medium', state: 'all', range: '30d' });
  const { page } = await rig.open('analyst', { where });
  await shown(page);
  await page.waitForSelector('main [data-id]');
  const mine = await ids(page);
  await page.click('.tabs a[href*="state=new"]');
  await page.waitForURL(/state=new/);
  assert.match(page.url(), /q=sev/);
  await page.goBack();
  await page.waitForURL(/state=all/);
  const other = await rig.open('lead', { where: page.url().slice(rig.origin.length) });
  await shown(other.page);
  await other.page.waitForSelector('main [data-id]');
  assert.deepEqual(await ids(other.page), mine);
  assert.equal(await other.page.inputValue('.query-field'), 'sev:>=medium');

  await page.click('text=保存した表示条件');
  await page.click('text=現在の条件を保存');
  await page.fill('dialog input[type=text]', '夜勤の一覧');
  await page.check('dialog input[type=radio] >> nth=1');
  await page.click('dialog button[type=submit]');
  await page.waitForSelector('dialog', { state: 'detached' });
  const colleague = await rig.open('analyst2', { where: '/inbox' });
  await shown(colleague.page);
  await colleague.page.click('text=保存した表示条件');
  await colleague.page.click('[role=menu] >> text=夜勤の一覧');
  await colleague.page.waitForURL(/sev/);
  assert.deepEqual(Object.fromEntries(new URL(colleague.page.url()).searchParams), { q: 'sev:>=medium', state: 'all', range: '30d' });
  await other.page.click('text=保存した表示条件');
  await other.page.waitForSelector('[role=menu]');
  assert.equal(await other.page.locator('[role=menu] >> text=夜勤の一覧').count(), 0, 'a lead is no analyst');
  for (const { page: one } of [{ page }, other, colleague]) await one.context().close();
});

test('UI-06: a query that is wrong says so below the field, and where', limits, async () => {
  const { page } = await rig.open('analyst', { where: '/inbox?' + new URLSearchParams({ q: '重要 nosuch:1', range: '30d' }) });
  await page.waitForSelector('.query-error');
  assert.equal(await page.textContent('.query-where mark'), 'nosuch:1');
  assert.equal(await page.getAttribute('.query-field', 'aria-invalid'), 'true');
  await page.context().close();
});

/** Alerts that come as a sensor writes them, at a rate; what is told holds how many. */
const feed = (rate, seconds) => rig.live({ rate, seconds }).told;

test('UI-08: the server is away for five seconds at 50 alerts a second: no gap, no duplicate, and the row under the cursor does not move', limits, async () => {
  const { page, broken } = await rig.open('analyst', { where: '/inbox?range=24h&state=all' });
  await shown(page);
  await page.waitForSelector('main [data-id]');
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  const row = page.locator('main [data-id][aria-current=true]');
  const id = await row.getAttribute('data-id'), place = (await row.boundingBox()).y;
  const tail = await rig.open('lead', { where: '/tail' });
  await tail.context.addInitScript(() => {
    // what the worker hands on to this page, before the page looks at it
    window.seen = [];
    window.resets = 0;
    const Real = window.SharedWorker;
    window.SharedWorker = class extends Real {
      constructor(...args) {
        super(...args);
        this.port.addEventListener('message', ({ data }) => {
          if (data.name === 'alerts') for (const one of JSON.parse(data.data).rows) window.seen.push(`${one.id} ${one.time_ms} ${one.state}`);
          if (data.name === 'reset') window.resets++;
        });
      }
    };
  });
  await tail.page.reload();
  await tail.page.waitForSelector('.pulse-good >> text=ライブ');
  const seconds = LONG ? 60 : 10, told = feed(50, seconds);
  await sleep(2000);
  await rig.killWeb();
  await sleep(5000);
  await rig.startWeb();
  const { alerts } = await told;
  const seen = await until(async () => {
    const all = await tail.page.evaluate(() => window.seen);
    return all.length >= alerts && all;
  }, 15000, `all of ${alerts} are told`);
  assert.equal(new Set(seen).size, seen.length, 'nothing is told twice');
  assert.equal(seen.length, alerts);
  assert.equal(await tail.page.evaluate(() => window.resets), 0);
  assert.equal(await row.getAttribute('data-id'), id);
  assert.ok(Math.abs((await row.boundingBox()).y - place) < 1, 'it has not moved');
  const waiting = Number(await page.getAttribute('[data-new]', 'data-new'));
  assert.ok(waiting > 0, 'what is new waits behind its number');
  await page.click('[data-new]');
  await page.waitForSelector('[data-new]', { state: 'detached' });
  assert.deepEqual(broken, { csp: [], errors: [], foreign: [] });
  for (const one of [page, tail.page]) await one.context().close();
});

test('UI-09: 1,000 alerts a second for ten seconds: no task above 200 ms, at most 5,000 nodes', limits, async (t) => {
  const { page } = await rig.open('analyst', { where: '/inbox?range=24h' });
  await shown(page);
  await page.evaluate(() => {
    window.tasks = [];
    new PerformanceObserver((list) => { for (const entry of list.getEntries()) window.tasks.push(Math.round(entry.duration)); }).observe({ type: 'longtask' });
  });
  // the machine has other work: of three times the best is the page's own
  let longest = Infinity;
  for (let turn = 0; turn < 3 && longest > 200; turn++) {
    await page.evaluate(() => { window.tasks = []; });
    const { alerts } = await feed(1000, 10);
    await sleep(1500);
    const tasks = await page.evaluate(() => window.tasks), nodes = await page.evaluate(() => document.querySelectorAll('*').length);
    longest = Math.min(longest, Math.max(0, ...tasks));
    t.diagnostic(`${alerts} alerts, ${tasks.length} long tasks, the longest ${Math.max(0, ...tasks)} ms, ${nodes} elements`);
    assert.ok(alerts >= 5000, `${alerts} came`);
    assert.ok(nodes <= 5000);
  }
  assert.ok(longest <= 200, `${longest} ms`);
  const { body } = await (await rig.api('analyst')).get('/groups?state=inbox&range=24h&limit=1');
  await until(async () => (await page.textContent('.tabs a[aria-current] .tab-count')).replace(/\D/g, '') === String(body.total), 5000, 'the page has caught up');
  await page.context().close();
});

test('UI-15: two browsers on one group: the second sees both versions, and nothing of the first is lost', limits, async () => {
  const where = '/inbox?range=30d&state=all';
  const one = await rig.open('analyst', { where }), two = await rig.open('lead', { where });
  for (const { page } of [one, two]) {
    await page.waitForSelector('main [data-id]');
    // both have seen the same version: live updates are held back in the second
    await page.keyboard.press('Space');
    await page.keyboard.press('j');
  }
  const id = await one.page.locator('[aria-current=true][data-id]').getAttribute('data-id');
  assert.equal(await two.page.locator('[aria-current=true][data-id]').getAttribute('data-id'), id);
  const state = async () => (await (await rig.api('viewer')).get(`/groups/${id}`)).body;
  await one.page.keyboard.press('a');
  await until(async () => (await state()).group.assignee === 'analyst', 3000, 'the first has it');
  await two.page.keyboard.press('a');
  await two.page.waitForSelector('dialog[open]');
  const text = await two.page.textContent('dialog[open]');
  assert.match(text, /ほかの担当者が先に変更/);
  assert.ok(text.includes('analyst') && text.includes('lead'), text);
  assert.equal((await state()).group.assignee, 'analyst', 'nothing is overwritten unasked');
  await two.page.keyboard.press('Escape');
  await two.page.waitForSelector('dialog[open]', { state: 'detached' });
  const { history } = await state();
  assert.deepEqual(history.map((event) => event.actor), ['analyst']);
  for (const { page } of [one, two]) await page.context().close();
});

test('UI-19: eight tabs are all live on one stream', limits, async () => {
  const { page, context } = await rig.open('viewer', { where: '/tail' }).then((opened) => ({ ...opened, context: opened.page.context() }));
  await shown(page);
  const tabs = [page];
  for (let i = 1; i < 8; i++) {
    const tab = await context.newPage();
    await tab.goto(rig.origin + '/tail');
    await shown(tab);
    tabs.push(tab);
  }
  for (const tab of tabs) await tab.waitForSelector('.pulse-good >> text=ライブ', { timeout: 8000 });
  // those of the tests before end when the server next writes to them, after 5 s, and learns that nobody is there
  await until(async () => await openStreams() === 1, 20000, 'eight tabs have one stream');
  const before = await Promise.all(tabs.map((tab) => tab.textContent('.tail-counts')));
  await feed(20, 2);
  for (const [at, tab] of tabs.entries()) {
    await tab.bringToFront();
    await until(async () => (await tab.textContent('.tail-counts')) !== before[at], 6000, `tab ${at} is live`);
  }
  await context.close();
});

/** Streams that the server has open now, as it counts them itself. */
async function openStreams() {
  const { body } = await (await rig.api('lead')).get('/sensors');
  return body.web['streams.now'];
}

test('UI-20: without JavaScript the page says in both languages what it needs', limits, async () => {
  const { page } = await rig.open(null, { where: '/', options: { javaScriptEnabled: false } });
  const text = await page.textContent('noscript');
  assert.match(text, /JavaScript を有効に/);
  assert.match(text, /needs JavaScript/);
  assert.equal(await page.locator('noscript [lang=ja]').count(), 1);
  assert.equal(await page.locator('noscript [lang=en]').count(), 1);
  await page.context().close();
});
