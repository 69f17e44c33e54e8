// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// kill -9 of yagura-web and of Redis in turn, under 50 alerts a second, with two browsers open that nobody touches: what they show in the
// end is what there is, nothing lost, nothing doubled. YAGURA_LONG: ten kills each.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { need, sleep, start, until } from './rig.mjs';

need('redis', 'web', 'chromium', 'playwright');
const KILLS = process.env.YAGURA_LONG ? 10 : 2;
let rig;

before(async () => {
  // an append-only file, as docs/redis.md asks for; what is in the dump of the prefecture is not wanted here
  rig = await start({ fill: null, redis: ['--appendonly', 'yes', '--appendfsync', 'always'] });
}, { timeout: 60000 });
after(() => rig?.stop());

const shown = (page) => page.evaluate(() => [...document.querySelectorAll('main [data-id]')].map((row) => row.dataset.id));

test('must-show 5: nothing lost, nothing doubled, pages recover by themselves', { timeout: 600000 }, async (t) => {
  const tail = await rig.open('lead', { where: '/tail' });
  const inbox = await rig.open('analyst', { where: '/inbox?range=1h', theme: 'dark' });
  for (const { page } of [tail, inbox]) await page.waitForSelector('html[data-ready]');
  // every record that the tail is told, and whether a row ever stood twice; a list that draws what is in sight alone shows a row again and again
  await tail.context.addInitScript(() => {
    window.told = new Map();
    const Real = window.SharedWorker;
    window.SharedWorker = class extends Real {
      constructor(...args) {
        super(...args);
        this.port.addEventListener('message', ({ data }) => {
          if (data.name !== 'alerts') return;
          for (const row of JSON.parse(data.data).rows) {
            const record = `${row.id} ${row.time_ms} ${row.state}`;
            window.told.set(record, (window.told.get(record) ?? 0) + 1);
          }
        });
      }
    };
  });
  await tail.page.reload();
  await tail.page.waitForSelector('html[data-ready]');
  await tail.page.evaluate(() => new MutationObserver(() => {
    const ids = [...document.querySelectorAll('main [data-id]')].map((row) => row.dataset.id);
    if (new Set(ids).size < ids.length) window.twice = ids.length - new Set(ids).size;
  }).observe(document.querySelector('main'), { subtree: true, childList: true, attributes: true }));
  const live = rig.live({ rate: 50, seconds: 6 + KILLS * 6 });
  const back = [];
  for (let i = 0; i < KILLS; i++) {
    await sleep(2000);
    await rig.killWeb();
    await sleep(1000);
    await rig.startWeb();
    await sleep(1000);
    await rig.redis.kill();
    await sleep(1500); // long enough for the banner
    const began = Date.now();
    await rig.redis.start();
    await until(async () => (await fetch(rig.origin + '/readyz').catch(() => null))?.ok, 15000, 'ready again');
    back.push(Date.now() - began);
  }
  const { alerts } = await live.told;
  const lead = await rig.api('lead');
  const total = async () => (await lead.get('/alerts?range=1h&limit=1')).body?.total;
  await until(async () => await total() === alerts, 15000, `the server knows all ${alerts}`);
  // the tail: what its window holds is the newest (of the same millisecond any may stand first), each once; nothing that it should have shown was skipped
  const page1 = (await lead.get('/alerts?range=1h&limit=100')).body.rows;
  const newest = new Set(page1.filter((row) => row.time_ms >= page1[19].time_ms).map((row) => row.id));
  let missed = [];
  const isNewest = async () => { const rows = await shown(tail.page); missed = rows.slice(0, 20).filter((id) => !newest.has(id)); return rows.length > 20 && missed.length === 0; };
  await until(isNewest, 15000, 'the tail shows the newest').catch(async (error) => {
    throw new Error(`${error.message}; ${missed.length} of its first 20 are not: ${missed} of ${[...newest]}; ${await tail.page.evaluate(() => document.body.innerText.slice(0, 400))}`);
  });
  const { told, twice } = await tail.page.evaluate(() => ({ told: [...window.told], twice: window.twice ?? 0 }));
  assert.equal(twice, 0, 'no row stands twice');
  assert.deepEqual(told.filter(([, n]) => n > 1), [], 'nothing is told twice');
  // the inbox: the groups that the server has
  const groups = (await lead.get('/groups?state=inbox&range=1h&limit=500')).body;
  const pill = inbox.page.locator('[data-new]');
  await until(async () => {
    if (await pill.count() && await pill.first().isVisible()) await pill.first().click();
    const rows = await shown(inbox.page);
    return rows.length > 0 && rows.slice(0, 10).every((id) => groups.rows.some((g) => g.id === id));
  }, 15000, 'the inbox shows what there is');
  t.diagnostic(`${alerts} alerts, ${KILLS} kills of each: lost 0, doubled 0; the tail was told ${told.length} records; ready ${back.join(', ')} ms after Redis was back`);
  for (const { broken } of [tail, inbox]) assert.deepEqual({ csp: broken.csp, errors: broken.errors }, { csp: [], errors: [] });
});

test('a server that comes back before Redis does not send its users away', { timeout: 120000 }, async () => {
  const { page, broken } = await rig.open('lead', { where: '/tail' });
  await page.waitForSelector('html[data-ready]');
  await rig.live({ rate: 20, seconds: 1 }).told;
  await until(async () => (await shown(page)).length, 15000, 'the tail begins'); // from here on it knows where it was
  await rig.redis.kill();
  await rig.killWeb();
  const starting = rig.startWeb();
  starting.catch(() => {}); // said where it is waited for
  await until(async () => (await fetch(rig.origin + '/readyz').catch(() => null))?.status === 503, 20000, 'it is there, without Redis');
  await sleep(5000); // the stream is asked for every two seconds and refused, and who is there cannot be told either
  assert.equal(new URL(page.url()).pathname, '/tail', 'nobody can know whether his session is over');
  await rig.redis.start();
  await starting;
  const before = (await shown(page))[0];
  await rig.live({ rate: 20, seconds: 1, number: 100000 }).told;
  await until(async () => { const rows = await shown(page); return rows.length && rows[0] !== before; }, 30000, 'the tail goes on');
  assert.equal(new URL(page.url()).pathname, '/tail');
  assert.deepEqual({ csp: broken.csp, errors: broken.errors }, { csp: [], errors: [] });
});
