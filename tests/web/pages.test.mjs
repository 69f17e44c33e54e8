// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The pages about alerts and bodies, in a browser: numbers that lead to lists of that many, values that lead on, reasons in words for every
// kind, what was seen before, the site's time whatever the desk's zone is, Redis away and back, and hostile text as text.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { amount } from '../../dashboards/web/app/facts/amount.js';
import { need, root, sleep, start, until } from './rig.mjs';

need('redis', 'web', 'chromium', 'playwright');
const ALERTS = '/alerts?range=30d&limit=500';
let rig, api;

/** The page's texts, as facts.test.mjs fills them. */
function words(lang) {
  const folder = path.join(root, 'dashboards/web/app/i18n'), texts = {};
  for (const name of fs.readdirSync(folder)) if (name.endsWith(`.${lang}.json`)) Object.assign(texts, JSON.parse(fs.readFileSync(path.join(folder, name), 'utf8')));
  const say = (value) => (typeof value === 'number' ? new Intl.NumberFormat(lang).format(value) : String(value));
  return { lang, t: (key, values = {}) => texts[key].replace(/\{(\w+), plural, one \{([^{}]*)\} other \{([^{}]*)\}\}/g, (_, name, one, other) => (values[name] === 1 ? one : other).replaceAll('#', say(values[name])))
    .replace(/\{(\w+)\}/g, (_, name) => say(values[name])) };
}

const ready = (page) => page.waitForSelector('html[data-ready]', { timeout: 15000 });
/** Within the page, as a link of it would: without loading everything anew. */
async function go(page, where) {
  await page.evaluate((to) => { delete document.documentElement.dataset.ready; history.pushState(null, '', to); dispatchEvent(new PopStateEvent('popstate')); }, where);
  await ready(page);
}
const sound = ({ broken }) => assert.deepEqual(broken, { csp: [], errors: [], foreign: [] });

before(async () => {
  rig = await start({ fill: { alerts: 3000, groups: 400, bodies: 40 } });
  api = await rig.api('lead');
}, { timeout: 120000 });
after(() => rig?.stop());

test('every number of the overview leads to a list of that many', { timeout: 60000 }, async () => {
  const tab = await rig.open('lead', { where: '/?range=30d' });
  await ready(tab.page);
  const links = await tab.page.$$eval('.cards a, .section-tools a[href^="/alerts"], .ranked a', (all) => all.map((a) => ({ to: a.getAttribute('href'), n: Number(/[\d,]+/.exec((a.querySelector('b, .figure-value, .number') ?? a).textContent)?.[0].replaceAll(',', '')) })));
  assert.ok(links.length >= 9, `links: ${links.length}`);
  assert.ok(links.some((link) => link.n > 0));
  for (const { to, n } of links) {
    const url = new URL(to, rig.origin);
    const list = await api.get((url.pathname === '/inbox' ? '/groups' : '/alerts') + url.search.replace('range=all', 'limit=1'));
    assert.equal(list.status, 200, to);
    assert.equal(list.body.total, n, to);
  }
  sound(tab);
  await tab.context.close();
});

test('the board: a tile a body, worst first, walked by arrow keys, filtered by name; a tile opens its body', { timeout: 60000 }, async () => {
  const tab = await rig.open('lead', { where: '/?range=30d' }), { page } = tab;
  await page.waitForSelector('[data-tile]');
  const bodies = (await api.get('/bodies?range=30d')).body;
  assert.equal(await page.locator('[data-tile]').count(), bodies.total);
  const { ATTENTIONS } = await import('../../dashboards/web/app/facts/board.js');
  const ranks = await page.$$eval('[data-tile]', (tiles, order) => tiles.map((tile) => order.findIndex((name) => tile.classList.contains(`is-${name}`))), ATTENTIONS);
  assert.deepEqual(ranks, [...ranks].sort((a, b) => a - b));
  assert.equal(await page.locator('[data-tile][tabindex="0"]').count(), 1);
  await page.locator('[data-tile="0"]').focus();
  await page.keyboard.press('ArrowRight');
  assert.equal(await page.evaluate(() => document.activeElement.dataset.tile), '1');
  await page.keyboard.press('ArrowDown');
  assert.ok(Number(await page.evaluate(() => document.activeElement.dataset.tile)) > 2);
  await page.keyboard.press('End');
  assert.equal(await page.evaluate(() => document.activeElement.dataset.tile), String(bodies.total - 1));
  const one = bodies.rows[7].org;
  await page.locator('.board input[type=search]').fill(one.name_ja);
  await until(async () => await page.locator('[data-tile]').count() < bodies.total, 5000);
  assert.match(page.url(), /find=/);
  await page.locator('[data-tile]').first().click();
  await page.waitForURL('**/bodies/*');
  await ready(page);
  assert.match(await page.locator('h1').textContent(), new RegExp(one.name_ja.slice(0, 2)));
  sound(tab);
  await tab.context.close();
});

test('the board of 300 bodies stays below 5,000 nodes', { timeout: 60000 }, async (t) => {
  const many = await start({ fill: { alerts: 3000, groups: 400, bodies: 300 } });
  try {
    const { page } = await many.open('lead', { where: '/?range=7d' });
    await page.waitForSelector('[data-tile="299"]');
    const client = await page.context().newCDPSession(page);
    await client.send('Performance.enable');
    await client.send('HeapProfiler.collectGarbage');
    const nodes = (await client.send('Performance.getMetrics')).metrics.find((one) => one.name === 'Nodes').value;
    t.diagnostic(`${nodes} nodes`);
    assert.ok(nodes <= 5000, `${nodes} nodes`);
  } finally {
    await many.stop();
  }
});

test('UI-10 from the first screen to the flows of an alert in two steps; every value leads on', { timeout: 60000 }, async () => {
  const tab = await rig.open('lead', { where: '/?range=30d' }), { page } = tab;
  await ready(page);
  await page.locator('.ranked a').first().click(); // 1
  await page.waitForURL('**/alerts?*');
  await page.locator('.grid-row a').first().click(); // 2
  await page.waitForURL('**/alerts/*');
  await ready(page);
  await page.waitForSelector('.flows h2');
  const address = page.locator('.side-column .value', { has: page.locator('.address') }).first();
  const ip = (await address.textContent()).replace(/^\[?([^\]]+?)\]?(:\d+)?$/, (whole, only) => (whole.split(':').length > 2 && !whole.startsWith('[') ? whole : only));
  for (const value of await page.locator('.side-column .value').all()) {
    await value.click();
    const items = await page.locator('[role=menu] [role^=menuitem]').allTextContents();
    assert.ok(items.length >= 1 && items.some((item) => /コピー/.test(item)), `${await value.textContent()}: ${items}`);
    await page.keyboard.press('Escape');
  }
  await address.click();
  assert.deepEqual((await page.locator('[role=menu] [role^=menuitem]').allTextContents()).map((item) => item.trim()), ['ホストを表示', 'この値で絞り込み', 'この値を除外', 'コピー']);
  await page.getByRole('menuitem', { name: 'この値で絞り込み' }).click();
  await page.waitForURL('**/alerts?*');
  assert.equal(new URL(page.url()).searchParams.get('q'), `ip:${ip}`);
  await page.goBack();
  await ready(page);
  await address.click();
  await page.getByRole('menuitem', { name: 'ホストを表示' }).click();
  await page.waitForURL('**/hosts/*');
  await ready(page);
  assert.match(await page.locator('h1').textContent(), new RegExp(ip.replaceAll('.', '\\.')));
  sound(tab);
  await tab.context.close();
});

test('UI-10 an alert is copied as a ticket, indicators, curl, redis-cli and a filter', { timeout: 60000 }, async () => {
  const tab = await rig.open('lead', { where: '/', options: { permissions: ['clipboard-read', 'clipboard-write'] } }), { page } = tab;
  const alert = (await api.get(`${ALERTS}&q=kind:scan.port`)).body.rows[0];
  await page.goto(`${rig.origin}/alerts/${encodeURIComponent(alert.id)}`);
  await ready(page);
  const copied = {};
  for (const name of ['チケット用の文面（日本語）', '脅威情報（無害化した表記）', 'curl', 'redis-cli XRANGE', 'tsharkの表示フィルター']) {
    await page.getByRole('button', { name: '形式を選んでコピー' }).click();
    await page.getByRole('menuitem', { name }).click();
    copied[name] = await page.evaluate(() => navigator.clipboard.readText());
  }
  assert.ok(copied['チケット用の文面（日本語）'].includes(alert.text_ja.split('\n')[0]));
  assert.ok(copied['脅威情報（無害化した表記）'].includes(alert.source.ip.replaceAll('.', '[.]').replaceAll(':', '[:]')));
  assert.ok(copied.curl.includes(`${rig.origin}/api/v1/alerts/`));
  assert.ok(copied['tsharkの表示フィルター'].includes(`== ${alert.source.ip}`));
  const entry = /XRANGE '([^']+)' '([^']+)'/.exec(copied['redis-cli XRANGE']);
  const line = rig.redis.cli('XRANGE', entry[1], entry[2], entry[2]);
  assert.ok(line.includes(alert.id.split(':').at(-1)), 'the command finds the record in Redis');
  sound(tab);
  await tab.context.close();
});

for (const lang of ['ja', 'en'])
  test(`UI-12 reasons in words for every kind (${lang})`, { timeout: 120000 }, async (t) => {
    const found = new Map(); // kind -> its newest alert
    for (let cursor = ''; cursor !== null;) {
      const answer = (await api.get(`${ALERTS}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`)).body;
      for (const row of answer.rows) if (!found.has(row.kind)) found.set(row.kind, row);
      cursor = answer.cursor;
    }
    assert.ok(found.size >= 25, `kinds: ${found.size}`);
    const tab = await rig.open('lead', { where: '/help', lang }), { page } = tab;
    await ready(page);
    for (const [kind, row] of found) {
      const { eve } = (await api.get(`/alerts/${encodeURIComponent(row.id)}`)).body;
      await go(page, `/alerts/${encodeURIComponent(row.id)}`);
      await page.waitForSelector('.why-said');
      const main = await page.locator('main').innerText();
      const { why } = eve.alert.context;
      assert.ok((await page.locator('.why-said').innerText()).includes(amount(why.observed, why.unit, words(lang))), `${kind}: ${why.observed} ${why.unit}`);
      assert.ok(main.includes(row[`text_${lang}`]), `${kind}: its sentence`);
      assert.doesNotMatch(main, /\[[a-z_]+\.[\w.]+\]|undefined|NaN|\[object/, kind);
      if (lang === 'ja') assert.doesNotMatch(main, /\b(digest|shadow|floor|short|horizontal|vertical|internet|lgwan|mynumber|absorbed|degraded|packets\/s|bits\/s|flows\/s|incomplete|connections|contacts|logins|attempts|requests)\b/, kind);
    }
    t.diagnostic(`${found.size} kinds`);
    sound(tab);
    await tab.context.close();
  });

test('UI-13 seen before: first, last and count are those of all alerts of its kind and far end', { timeout: 60000 }, async () => {
  const all = [];
  for (let cursor = ''; cursor !== null;) {
    const page = (await api.get(`${ALERTS}&q=kind:brute.force${cursor && `&cursor=${encodeURIComponent(cursor)}`}`)).body;
    all.push(...page.rows);
    cursor = page.cursor;
  }
  const alert = all[0], same = all.filter((row) => row.source.ip === alert.source.ip && row.first_ms < alert.first_ms);
  const { before } = (await api.get(`/alerts/${encodeURIComponent(alert.id)}/related`)).body;
  assert.ok(same.length > 0, 'the seed has repetitions');
  assert.equal(before.count_30d, same.filter((row) => row.first_ms >= alert.first_ms - 30 * 86400000).length);
  assert.equal(before.first_ms, Math.min(...same.map((row) => row.first_ms)));
  const tab = await rig.open('lead', { where: `/alerts/${encodeURIComponent(alert.id)}` }), { page } = tab;
  await ready(page);
  const section = page.locator('section', { has: page.getByRole('heading', { name: '過去の発生' }) }).last();
  assert.match(await section.innerText(), new RegExp(`${before.count_30d}件`));
  for (const org of before.orgs) assert.ok((await section.innerText()).includes(org.name_ja), org.name_ja);
  sound(tab);
  await tab.context.close();
});

test('UI-16 a browser in New York shows the site\'s time, and UTC where that is asked for', { timeout: 60000 }, async () => {
  const tab = await rig.open('lead', { where: '/alerts?range=30d', zone: 'America/New_York' }), { page } = tab;
  await ready(page);
  const look = () => page.$$eval('.grid-row time', (times) => times.slice(0, 10).map((time) => ({ at: Date.parse(time.dateTime), text: time.textContent, title: time.title })));
  const print = (ms, hours) => new Date(ms + hours * 3600000).toISOString().slice(0, 19).replace('T', ' ');
  const jst = await look();
  assert.ok(jst.length > 5);
  for (const { at, text, title } of jst) {
    assert.equal(text, print(at, 9));
    assert.ok(title.includes(`${print(at, 9)} JST`) && title.includes(`${print(at, 0)} UTC`), title);
  }
  await page.locator('.clock').click();
  await until(async () => (await look())[0].text === print(jst[0].at, 0), 5000, 'UTC is not shown');
  // the histogram's foot and charts are of the same zone
  assert.equal((await page.locator('.histogram-foot span').first().getAttribute('title')).includes('JST'), true);
  sound(tab);
  await tab.context.close();
});

test('UI-18 Redis away: a banner within 3 s, reading goes on, nothing can be changed; back by itself', { timeout: 90000 }, async (t) => {
  const alert = (await api.get(ALERTS)).body.rows[0];
  const tab = await rig.open('analyst', { where: `/alerts/${encodeURIComponent(alert.id)}` }), { page } = tab;
  const board = await rig.open('viewer', { where: '/' });
  await ready(page);
  // a session has two streams: who comes third is told so, and asks
  await rig.open('analyst', { where: '/help' });
  const third = (await rig.open('analyst', { where: '/suppressions' })).page, rules = (await rig.open('lead', { where: '/suppressions' })).page;
  await until(async () => /ライブ更新/.test(await third.locator('.banner-warn').textContent({ timeout: 500 }).catch(() => '')), 10000, 'no stream, and it does not say so');
  assert.equal(await third.locator('.banner-bad').count(), 0);
  await board.page.waitForSelector('.tile');
  await page.evaluate(() => { window.same = true; });
  const acknowledge = page.locator('.actions button').first();
  assert.equal(await acknowledge.isEnabled(), true);
  rig.redis.cli('save');
  await rig.redis.kill();
  const gone = Date.now();
  await page.waitForSelector('.banner-bad', { timeout: 10000 });
  const took = Date.now() - gone;
  t.diagnostic(`banner after ${took} ms`);
  assert.ok(took <= 3000, `banner after ${took} ms`);
  assert.match(await page.locator('.banner-bad').textContent(), /Redis/);
  await until(async () => await acknowledge.isDisabled(), 3000, 'still to be acknowledged');
  assert.match(await acknowledge.getAttribute('title'), /読み取り専用/, 'and says why');
  await acknowledge.focus();
  assert.equal(await acknowledge.evaluate((one) => document.activeElement === one), true, 'a keyboard gets there, to hear it');
  const make = rules.locator('.page-tools .button-primary');
  await until(async () => await make.isDisabled(), 3000, 'a suppression can be made');
  await make.click({ force: true });
  assert.equal(await rules.locator('dialog').count(), 0);
  await until(async () => /Redis/.test(await third.locator('.banner-bad').textContent({ timeout: 500 }).catch(() => '')), 20000, 'the third tab does not say that it is Redis');
  assert.ok((await page.locator('main').innerText()).includes(alert.text_ja), 'what was there is there still');
  await until(async () => await board.page.locator('.watch-sound, .tile.is-calm').count() === 0, 3000, 'never green when blind: the overview goes on saying that all is well');
  assert.ok(await board.page.locator('.tile').count() > 0, 'and shows what it had');
  await board.context.close();
  await rig.redis.start();
  const back = Date.now();
  await page.waitForSelector('.banner-bad', { state: 'detached', timeout: 20000 });
  await until(async () => await acknowledge.isEnabled(), 5000, 'read-only for ever');
  assert.equal(await make.isEnabled(), true);
  await third.waitForSelector('.banner-bad', { state: 'detached', timeout: 20000 });
  // what has been done is not offered any more, and the focus goes to what is
  await acknowledge.focus();
  const done = await acknowledge.textContent();
  await page.keyboard.press('Enter');
  await until(async () => (await acknowledge.textContent()) !== done, 5000, 'acknowledged');
  assert.equal(await page.evaluate(() => Boolean(document.activeElement.closest('.actions'))), true, 'the focus is lost');
  t.diagnostic(`back after ${Date.now() - back} ms`);
  assert.equal(await page.evaluate(() => window.same), true, 'without being loaded anew');
  assert.deepEqual(tab.broken.csp, []);
  await tab.context.close();
});

test('SEC-06 hostile text in every field is text: on the alert, in lists, in the tail', { timeout: 90000 }, async () => {
  const last = rig.redis.cli('XREVRANGE', 'yagura:egress-1:alerts', '+', '-', 'COUNT', '1').split('\n');
  const [generation, sequence] = last[0].split('-').map(Number);
  const evil = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>\u202egnp.exe\u2066';
  const line = JSON.parse(last[2]), context = line.alert.context;
  Object.assign(line, { timestamp: new Date().toISOString().replace(/\.(\d+)Z$/, '.$1000+0000'), app_proto: evil.slice(0, 60), tls: { sni: `${'a'.repeat(8192)}.example` }, dns: { query: [{ rrname: evil }] }, community_id: evil });
  Object.assign(context, { id: 'feedfacefeedface', state: 'open', first_seen: line.timestamp, last_seen: line.timestamp, sequence: (context.sequence ?? 0) + 1, vector: evil.slice(0, 40),
    vectors: [{ name: evil, share: 2 }, { name: '__proto__', share: 'x' }], learning: 'constructor', impact: { state: evil, success: '1' }, org: { code: 'evil', name_ja: evil, name_en: evil } });
  Object.assign(context.why, { text_ja: `悪意${evil}`, text_en: `evil ${evil}`, unit: evil.slice(0, 19), top: [{ ip: 'javascript:alert(1)', share: 1 }, { ip: evil, share: -1 }] });
  const tail = await rig.open('lead', { where: '/tail' });
  await ready(tail.page);
  await sleep(500);
  const add = (n, data) => execFileSync('redis-cli', ['-s', rig.redis.socket, '-x', 'XADD', 'yagura:egress-1:alerts', `${generation}-${sequence + n}`, 'eve'], { input: data });
  add(1, Buffer.from(JSON.stringify(line)));
  // no UTF-8 at all within a string: the line is refused or cleaned, and nothing breaks
  const bytes = Buffer.from(JSON.stringify(line).replace('feedfacefeedface', 'feedfacefeedfacf').replaceAll('悪意', 'XX'), 'utf8');
  bytes[bytes.indexOf('XX')] = 0xff;
  add(2, bytes);
  await until(async () => (await api.get('/alerts/egress-1:feedfacefeedface')).status === 200, 10000, 'the hostile alert is not taken');
  await until(async () => (await tail.page.locator('main').textContent()).includes('悪意'), 10000, 'not in the tail');
  for (const where of ['/alerts/egress-1%3Afeedfacefeedface', '/alerts?range=1h&cols=severity,text,org,app,vector', '/', `/groups/${(await api.get('/alerts/egress-1:feedfacefeedface')).body.alert.group}`, '/alerts/egress-1%3Afeedfacefeedface/handover']) {
    const tab = await rig.open('lead', { where });
    await ready(tab.page);
    await sleep(200);
    assert.equal(await tab.page.evaluate(() => window.hacked), undefined, where);
    assert.equal(await tab.page.locator('main img, main script, main a[href^="javascript:"]').count(), 0, where);
    const scroll = await tab.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(scroll <= 0, `${where} is ${scroll} px too wide`);
    if (where.endsWith('feedface')) assert.ok((await tab.page.locator('main').textContent()).includes('<img src=x onerror='), 'shown as it is');
    sound(tab);
    await tab.context.close();
  }
  assert.equal(await tail.page.evaluate(() => window.hacked), undefined);
  sound(tail);
  await tail.context.close();
});

test('the live tail: pause keeps counting, filters, and draws 200 a second without losing count', { timeout: 60000 }, async (t) => {
  const tab = await rig.open('lead', { where: '/tail' }), { page } = tab;
  await ready(page);
  await page.mouse.move(5, 5);
  const number = async (pattern) => Number((pattern.exec(await page.locator('.tail-counts').textContent())?.[1] ?? '0').replaceAll(',', ''));
  await page.evaluate(() => { window.longest = 0; new PerformanceObserver((list) => { for (const one of list.getEntries()) window.longest = Math.max(window.longest, one.duration); }).observe({ entryTypes: ['longtask'] }); });
  const writer = rig.live({ rate: 200, seconds: 6 });
  await until(async () => await number(/受信([\d,]+)件/) > 100, 10000, 'nothing comes');
  await page.getByRole('button', { name: '一時停止' }).last().click();
  const still = await page.locator('.grid-row').first().getAttribute('data-id');
  assert.ok(still, 'a row has its id');
  const counted = await number(/受信([\d,]+)件/);
  await until(async () => await number(/受信([\d,]+)件/) > counted + 50, 8000, 'paused, it does not count');
  assert.equal(await page.locator('.grid-row').first().getAttribute('data-id'), still, 'the list stands still');
  await page.locator('[data-new]').click();
  await until(async () => await page.locator('.grid-row').first().getAttribute('data-id') !== still, 10000, 'the pill brings nothing');
  const { alerts } = await writer.told;
  await until(async () => await number(/受信([\d,]+)件/) >= alerts, 10000, `not all of ${alerts}`).catch(async (error) => { throw new Error(`${error.message}: ${await number(/受信([\d,]+)件/)}`); });
  const longest = await page.evaluate(() => window.longest);
  t.diagnostic(`${alerts} alerts, longest task ${Math.round(longest)} ms, ${await page.evaluate(() => document.querySelectorAll('*').length)} elements`);
  assert.ok(await page.evaluate(() => document.querySelectorAll('*').length) < 5000);
  sound(tab);
  await tab.context.close();
});

test('the timeline: by keys to a span, which is said and opened; the same spans as a table', { timeout: 60000 }, async () => {
  const tab = await rig.open('lead', { where: '/timeline?range=30d' }), { page } = tab;
  await ready(page);
  const { lanes } = (await api.get('/timeline?range=30d')).body;
  assert.ok(lanes.length > 3);
  await page.locator('.lanes-plot').focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowDown');
  const said = await page.locator('.lanes-now').innerText();
  const texts = new Set(lanes.flatMap((lane) => lane.spans.map((span) => span.kind_ja)));
  assert.ok([...texts].some((text) => said.includes(text)), said);
  const drawn = await page.$$eval('.lanes-plot path', (paths) => paths.length);
  assert.ok(drawn <= 8, `${drawn} paths`);
  const before = await page.locator('.lanes-ticks span').allTextContents();
  await page.keyboard.press('+');
  await until(async () => (await page.locator('.lanes-ticks span').allTextContents()).join() !== before.join(), 3000, 'no zoom');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/alerts/*');
  await go(page, '/timeline?range=30d&as=table');
  const rows = lanes.reduce((n, lane) => n + lane.spans.length, 0);
  assert.equal(await page.locator('main tbody tr').count(), Math.min(400, rows));
  sound(tab);
  await tab.context.close();
});

test('the search: a stretch of the histogram becomes the range, columns are chosen, an error stands where it is', { timeout: 60000 }, async () => {
  const tab = await rig.open('lead', { where: '/alerts?range=30d' }), { page } = tab;
  await ready(page);
  const total = (await api.get(`${ALERTS}`)).body.total;
  assert.match(await page.locator('.page-sub').textContent(), new RegExp(total.toLocaleString('ja')));
  await page.locator('.histogram-box').focus();
  for (const key of ['Home', 'PageDown', 'Shift+ArrowRight', 'Shift+ArrowRight', 'Enter']) await page.keyboard.press(key);
  await page.waitForURL(/range=20/);
  await ready(page);
  const range = new URL(page.url()).searchParams.get('range');
  assert.match(await page.locator('.page-sub').textContent(), new RegExp(`^${(await api.get(`/alerts?limit=1&range=${encodeURIComponent(range)}`)).body.total.toLocaleString('ja')}件`));
  await page.getByRole('button', { name: '表示する列' }).click();
  await page.getByRole('checkbox', { name: 'スコア' }).check();
  await page.getByRole('button', { name: '確定' }).click();
  await page.waitForURL(/cols=/);
  assert.ok((await page.locator('.grid-head').textContent()).includes('スコア'));
  await go(page, '/alerts?range=30d&q=sev%3Ahigh+nonsense%3A1');
  await page.waitForSelector('.query-error');
  assert.match(await page.locator('.query-error').textContent(), /nonsense/);
  assert.deepEqual([tab.broken.csp, tab.broken.foreign], [[], []]);
  await tab.context.close();
});

test('the handover sheet prints on A4, in Japanese whatever the screen is in', { timeout: 60000 }, async () => {
  const alert = (await api.get(`${ALERTS}&q=kind:dos.syn_flood`)).body.rows[0];
  const tab = await rig.open('lead', { where: `/alerts/${encodeURIComponent(alert.id)}/handover`, lang: 'en', theme: 'dark' }), { page } = tab;
  await ready(page);
  const sheet = (await api.get(`/alerts/${encodeURIComponent(alert.id)}/handover`)).body;
  assert.equal(await page.locator('.sheet').getAttribute('lang'), 'ja');
  assert.equal((await page.locator('.sheet h2').textContent()).trim(), sheet.subject_ja);
  const [subject, ...rest] = sheet.text_ja.trim().split('\n');
  assert.equal(subject, `件名: ${sheet.subject_ja}`);
  assert.equal((await page.locator('.sheet-text').textContent()).trim(), rest.join('\n'), 'the subject stands once, as the title');
  await page.emulateMedia({ media: 'print' });
  for (const hidden of ['.rail', '.page-head']) assert.equal(await page.locator(hidden).isVisible(), false, hidden);
  assert.equal(await page.locator('.sheet').evaluate((sheetNode) => getComputedStyle(sheetNode).color), 'rgb(17, 17, 17)');
  const pdf = await page.pdf({ format: 'A4' });
  assert.ok(pdf.toString('latin1').match(/\/Type\s*\/Page[^s]/g).length === 1, 'one page');
  sound(tab);
  await tab.context.close();
});
