// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// "Lightweight" as numbers: what the server and the page may cost with 100,000 alerts in Redis. Each test says what it measured. With
// YAGURA_LONG the ten minutes of the heap and the live rate are ten minutes, else one.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { build, need, quantile, sleep, start, until } from './rig.mjs';

need('redis', 'web', 'chromium', 'playwright');
const MIB = 1024, LONG = Boolean(process.env.YAGURA_LONG);
const long = { timeout: LONG ? 1500000 : 240000 };
let rig;

/** Milliseconds of `n` questions, one after the other. A session may ask 60 times a second, so four take turns. */
async function asked(of, where, n) {
  const turns = await Promise.all(['lead', 'analyst', 'analyst2', 'viewer'].map((name) => of.api(name))), took = [];
  let answer;
  for (let i = 0; i < n; i++) {
    const began = performance.now();
    answer = await turns[i % turns.length].get(where);
    took.push(performance.now() - began);
    assert.equal(answer.status, 200, answer.text);
    await sleep(Math.max(0, 4.5 - took[i]));
  }
  return { took, answer };
}

before(async () => { rig = await start({ fill: { alerts: 100000, groups: 1900, flows: 20000 } }); }, long);
after(() => rig?.stop());

test('API p95 with 100,000 alerts: list 50 ms, overview 80 ms, search 300 ms', long, async (t) => {
  const routes = { list: ['/groups?state=inbox&range=30d&limit=50', 50], overview: ['/overview?range=24h', 80], bodies: ['/bodies?range=24h', 80],
    search: ['/alerts?range=30d&limit=50&q=' + encodeURIComponent('sev:>=medium -kind:policy.* org:shiosegoe,kirisegoe'), 300] };
  for (const sort of ['severity', 'newest', 'oldest', 'count', 'body', 'change']) routes[`list by ${sort}`] = [`/groups?state=inbox&range=30d&limit=50&sort=${sort}`, 50];
  for (const sort of ['newest', 'oldest', 'severity', 'count', 'body']) routes[`alerts by ${sort}`] = [`/alerts?range=30d&limit=50&sort=${sort}`, 50];
  for (const [name, [where, budget]] of Object.entries(routes)) {
    const { took } = await asked(rig, where, LONG ? 1000 : 200);
    t.diagnostic(`${name}: median ${quantile(took, 0.5).toFixed(1)} ms, p95 ${quantile(took, 0.95).toFixed(1)} ms (${budget})`);
    assert.ok(quantile(took, 0.95) <= budget, `${name}: p95 ${quantile(took, 0.95)} ms`);
  }
});

test('API p95 with 300 bodies and 100,000 alerts: the board 80 ms, the overview 80 ms', long, async (t) => {
  const wide = await start({ fill: { bodies: 300, alerts: 100000, groups: 1900, flows: 2000 } });
  try {
    for (const where of ['/bodies?range=24h', '/overview?range=24h']) {
      const { took, answer } = await asked(wide, where, 200);
      t.diagnostic(`${where}: ${answer.text.length} bytes, median ${quantile(took, 0.5).toFixed(1)} ms, p95 ${quantile(took, 0.95).toFixed(1)} ms (80)`);
      assert.ok(quantile(took, 0.95) <= 80, `${where}: p95 ${quantile(took, 0.95)} ms`);
    }
  } finally {
    await wide.stop();
  }
});

test('server: at most 48 MB and 10 % of a core with 20 streams at 200 alerts a second', long, async (t) => {
  const lead = await rig.api('lead');
  // the server's memory without what a login took for a moment
  await sleep(500);
  t.diagnostic(`loaded, no client: ${(rig.memory().rss / MIB).toFixed(1)} MB`);
  const cpu = rig.cpu(), began = performance.now();
  await sleep(5000);
  const idle = (rig.cpu() - cpu) / ((performance.now() - began) / 1000);
  t.diagnostic(`idle: ${(idle * 100).toFixed(1)} % of a core`);
  assert.ok(idle <= 0.01, `idle ${idle}`);
  const control = new AbortController();
  const got = new Array(20).fill(0);
  const sessions = [];
  for (let i = 0; i < 10; i++) { // two streams a session
    rig.sessions.delete('viewer');
    sessions.push(await rig.api('viewer'));
  }
  const streams = got.map(async (_, i) => {
    const answer = await fetch(rig.origin + '/api/v1/stream?topics=alerts', { headers: { cookie: sessions[i >> 1].cookie }, signal: control.signal });
    assert.equal(answer.status, 200);
    let rest = '';
    try {
      for await (const piece of answer.body) {
        const lines = (rest + Buffer.from(piece).toString()).split('\n');
        rest = lines.pop();
        for (const line of lines) if (line.startsWith('data: {"rows"')) got[i] += JSON.parse(line.slice(6)).rows.length;
      }
    } catch { /* ended below */ }
  });
  const live = rig.live({ rate: 200, seconds: LONG ? 60 : 12 });
  await sleep(1000);
  const before = rig.cpu(), from = performance.now();
  const { alerts } = await live.told;
  const share = (rig.cpu() - before) / ((performance.now() - from) / 1000);
  await until(() => got.every((n) => n >= alerts), 10000, `each stream got all: ${alerts}, ${got}`);
  const { rss } = rig.memory();
  control.abort();
  await Promise.all(streams);
  t.diagnostic(`20 streams, ${alerts} alerts: ${(share * 100).toFixed(1)} % of a core, ${(rss / MIB).toFixed(1)} MB, each stream got ${Math.min(...got)}`);
  assert.ok(share <= 0.10, `${share} of a core`);
  assert.ok(rss <= 48 * MIB, `${rss} kB`);
  assert.equal((await lead.get('/version')).status, 200);
});

test('Redis: at most 1 GB for thirty days', (t) => {
  const used = Number(/used_memory:(\d+)/.exec(rig.redis.cli('info', 'memory'))[1]);
  t.diagnostic(`${(used / 1048576).toFixed(0)} MB`);
  assert.ok(used <= 1 << 30);
});

test('on disk: at most 3 MB, at most six direct libraries', (t) => {
  const file = path.join(build, 'yagura-web');
  const stripped = path.join(rig.folder, 'stripped');
  execFileSync('strip', ['-o', stripped, file]);
  const needed = [...execFileSync('readelf', ['-d', file], { encoding: 'utf8' }).matchAll(/NEEDED.*\[(.*)\]/g)].map((m) => m[1]);
  t.diagnostic(`${fs.statSync(stripped).size} bytes, ${needed.join(' ')}`);
  assert.ok(fs.statSync(stripped).size <= 3 << 20);
  assert.ok(needed.length <= 6, needed.join(' '));
});

async function firstLoad(throttle, where) {
  const { context, page } = await rig.open('lead', { where: '/login', options: { serviceWorkers: 'block' } });
  await page.close();
  const fresh = await context.newPage();
  // when the frame with the first of each was drawn, by the page's own clock: this side hears of it later, the more so of a slow page
  await fresh.addInitScript(() => {
    const wanted = new Map([['firstMain', 'main'], ['firstRow', 'main [data-id]']]);
    const watch = new MutationObserver(() => {
      for (const [name, where] of wanted) {
        if (!document.querySelector(where)) continue;
        wanted.delete(name);
        requestAnimationFrame(() => setTimeout(() => { window[name] = performance.now(); }));
      }
      if (wanted.size === 0) watch.disconnect();
    });
    watch.observe(document, { subtree: true, childList: true });
  });
  await sleep(1000); // the browser starts a tab's processes, and a spare one, for as long: they are not the page's
  const cdp = await context.newCDPSession(fresh);
  await cdp.send('Network.enable');
  await cdp.send('Network.setCacheDisabled', { cacheDisabled: true });
  await cdp.send('Emulation.setCPUThrottlingRate', { rate: throttle });
  const files = new Map();
  cdp.on('Network.responseReceived', ({ requestId, response }) => files.set(requestId, { url: response.url, bytes: 0 }));
  cdp.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => { if (files.has(requestId)) files.get(requestId).bytes = encodedDataLength; });
  await fresh.goto(rig.origin + where);
  const paint = await until(() => fresh.evaluate(() => performance.getEntriesByType('paint').find((p) => p.name === 'first-contentful-paint')?.startTime), 10000);
  await fresh.waitForSelector('main [data-id]');
  const [main, interactive] = await until(() => fresh.evaluate(() => window.firstMain && window.firstRow && [window.firstMain, window.firstRow]), 10000);
  const page_ = [...files.values()].filter((f) => !f.url.includes('/api/'));
  return { context, page: fresh, cdp, paint, main, interactive, files: page_ };
}

test('first load: at most 120 KB compressed, 12 requests', long, async (t) => {
  const { context, page, files } = await firstLoad(1, '/inbox');
  assert.equal(await page.locator('.begin').count(), 0, 'what index.html shows at first is gone');
  const bytes = files.reduce((n, f) => n + f.bytes, 0);
  t.diagnostic(`${files.length} requests, ${bytes} bytes: ` + files.map((f) => `${new URL(f.url).pathname} ${f.bytes}`).join(', '));
  await context.close();
  assert.ok(bytes <= 120 * 1024, `${bytes} bytes`);
  assert.ok(files.length <= 12, `${files.length} requests`);
});

test('first paint, of index.html and of the page itself, at most 0.4 s, 0.8 s on a processor a quarter as fast; the inbox 1.5 s', long, async (t) => {
  const best = { paint: Infinity, main: Infinity, slowPaint: Infinity, slowMain: Infinity, interactive: Infinity };
  const better = (what, ms) => { best[what] = Math.min(best[what], ms); };
  for (let i = 0; i < 5; i++) { // the machine has other work: the best of five is the page's own
    const fast = await firstLoad(1, '/inbox');
    await fast.context.close();
    const slow = await firstLoad(4, '/inbox?range=30d');
    await slow.context.close();
    better('paint', fast.paint);
    better('main', fast.main);
    better('slowPaint', slow.paint);
    better('slowMain', slow.main);
    better('interactive', slow.interactive);
  }
  t.diagnostic(`first paint ${best.paint.toFixed(0)} ms, of the page itself ${best.main.toFixed(0)} ms; throttled ${best.slowPaint.toFixed(0)} and ${best.slowMain.toFixed(0)} ms; ` +
    `inbox of ~1,900 groups throttled ${best.interactive.toFixed(0)} ms`);
  assert.ok(best.paint <= 400 && best.main <= 400 && best.slowPaint <= 800 && best.slowMain <= 800 && best.interactive <= 1500, JSON.stringify(best));
});

test('heap and nodes: at most 60 MB and 5,000 with 100,000 alerts; 40 MB after ten minutes at 50 a second', long, async (t) => {
  const heap = async (cdp) => {
    await cdp.send('HeapProfiler.collectGarbage');
    const { metrics } = await cdp.send('Performance.getMetrics');
    return Object.fromEntries(metrics.map((m) => [m.name, m.value]));
  };
  const { context, page, cdp } = await firstLoad(1, '/alerts?range=30d');
  await cdp.send('Performance.enable');
  for (let i = 0; i < 40; i++) { await page.keyboard.press('PageDown'); await sleep(40); }
  const many = await heap(cdp);
  t.diagnostic(`100,000 alerts, 40 pages on: ${(many.JSHeapUsedSize / 1048576).toFixed(1)} MB, ${many.Nodes} nodes`);
  assert.ok(many.JSHeapUsedSize <= 60 << 20 && many.Nodes <= 5000, JSON.stringify(many));
  await page.goto(rig.origin + '/tail');
  await rig.live({ rate: 300, seconds: 10, number: 100000 }).ended; // what the page keeps is full from here on
  const seconds = LONG ? 600 : 40;
  const live = rig.live({ rate: 50, seconds });
  await sleep(seconds * 500);
  const half = await heap(cdp);
  await live.ended;
  const end = await heap(cdp);
  await context.close();
  const growth = (end.JSHeapUsedSize - half.JSHeapUsedSize) / 1048576;
  t.diagnostic(`${seconds} s at 50 a second: ${(end.JSHeapUsedSize / 1048576).toFixed(1)} MB, grew by ${growth.toFixed(2)} MB in the second half, ${end.Nodes} nodes`);
  assert.ok(end.JSHeapUsedSize <= 40 << 20 && end.Nodes <= 5000);
  assert.ok(growth < 1, `grew by ${growth} MB`);
});

test('from the alert to the pixel: p95 at most 1.0 s, p99 at most 2.0 s at 50 a second', long, async (t) => {
  const { context, page } = await rig.open('lead', { where: '/tail' });
  await page.waitForSelector('main');
  await page.evaluate(() => {
    const seen = new Set();
    window.late = [];
    const look = () => {
      for (const row of document.querySelectorAll('main [data-id][data-time]'))
        if (!seen.has(row.dataset.id)) { seen.add(row.dataset.id); window.late.push(Date.now() - Number(row.dataset.time)); }
    };
    new MutationObserver(look).observe(document.querySelector('main'), { subtree: true, childList: true, attributes: true });
    look();
    window.late.length = 0;
  });
  const live = rig.live({ rate: 50, seconds: LONG ? 120 : 15 });
  const { alerts } = await live.told;
  await sleep(1500);
  const late = await page.evaluate(() => window.late);
  await context.close();
  t.diagnostic(`${late.length} of ${alerts} seen; median ${quantile(late, 0.5)} ms, p95 ${quantile(late, 0.95)} ms, p99 ${quantile(late, 0.99)} ms`);
  assert.ok(late.length >= alerts * 0.95, `${late.length} of ${alerts}`);
  assert.ok(quantile(late, 0.95) <= 1000 && quantile(late, 0.99) <= 2000);
});
