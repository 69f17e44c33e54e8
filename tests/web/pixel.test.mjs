// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// From packet to pixel: attacks are generated, replayed through the real sensor (engine, dissector, courier, spool) into Redis, and stand in
// the inbox of a real browser within a second of their entry there, with the sentence that the sensor wrote; then one of them is taken,
// looked at and closed by keyboard alone.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { build, need, root, start, until } from './rig.mjs';

need('redis', 'web', 'chromium', 'playwright', 'sensor');
const DEMO = path.join(root, 'configs/demo.yaml');
const KEY = 'yagura:nadami-demo:alerts';
let rig, capture;

before(async () => {
  rig = await start({ fill: null, users: false, begin: false, web: ['--config', DEMO] });
  rig.makeUsers({ analyst: ['analyst', 'all'] });
  await rig.startWeb();
  capture = path.join(rig.folder, 'attacks.pcap');
  execFileSync(path.join(build, 'tests/yagura-generate'), ['--seconds', '100', '--start', String(Math.floor(Date.now() / 1000) - 120), '--attack', 'syn_flood,at=40,for=8',
    '--attack', 'scan_vertical,at=60,for=20', '--output', capture, 'day'], { stdio: 'ignore' });
}, { timeout: 60000 });
after(() => rig?.stop());

/** [{ line, at }]: what comes to the stream, and when: a reader of our own, blocked in XREAD beside the dashboard's. */
function watch(socket) {
  const seen = [], client = net.connect(socket);
  let text = '', last = '0-0';
  const ask = () => client.write(['XREAD', 'BLOCK', '0', 'STREAMS', KEY, last].reduce((all, w) => `${all}$${w.length}\r\n${w}\r\n`, '*6\r\n'));
  client.on('data', (data) => {
    text += data.toString('latin1');
    const at = Date.now(), ids = [...text.matchAll(/\r\n(\d+-\d+)\r\n\*2\r\n\$3\r\neve\r\n\$(\d+)\r\n/g)];
    const end = ids.at(-1) && ids.at(-1).index + ids.at(-1)[0].length + Number(ids.at(-1)[2]) + 2;
    if (!end || text.length < end) return;
    for (const m of ids) seen.push({ at, line: JSON.parse(Buffer.from(text.substr(m.index + m[0].length, Number(m[2])), 'latin1').toString('utf8')) });
    last = ids.at(-1)[1];
    text = '';
    ask();
  });
  ask();
  return { seen, end: () => client.destroy() };
}

test('must-show 1: a generated attack stands in the inbox within 1 s of its entry in Redis, in Japanese', { timeout: 90000 }, async (t) => {
  const { page, broken } = await rig.open('analyst', { where: '/inbox?range=1h' });
  await page.waitForSelector('html[data-ready]');
  await page.evaluate(() => {
    window.first = new Map();
    const look = () => {
      for (const row of document.querySelectorAll('main [data-id]'))
        for (const word of ['SYNフラッド攻撃の疑い', 'のポートを走査'])
          if (row.textContent.includes(word) && !window.first.has(word)) window.first.set(word, { at: Date.now(), text: row.textContent });
    };
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
  });
  const watcher = watch(rig.redis.socket);
  fs.mkdirSync(path.join(rig.folder, 'spool'), { mode: 0o700 });
  const replay = spawn(path.join(build, 'yagura'), ['replay', '-c', DEMO, '--redis', 'unix://' + rig.redis.socket, '--set', `spool.folder=${rig.folder}/spool`,
    '--set', 'alerts.update=10min', capture], { stdio: 'ignore' });
  const code = await new Promise((resolve) => replay.on('exit', resolve));
  assert.equal(code, 0);
  const first = await until(async () => {
    const found = await page.evaluate(() => Object.fromEntries(window.first));
    return Object.keys(found).length === 2 && found;
  }, 5000, 'both attacks stand in the inbox');
  watcher.end();
  for (const [word, { at, text }] of Object.entries(first)) {
    const entry = watcher.seen.find(({ line }) => line.alert.context.why.text_ja.includes(word));
    assert.ok(entry, word);
    t.diagnostic(`${word}: ${at - entry.at} ms after its entry`);
    assert.ok(at - entry.at <= 1000, `${at - entry.at} ms`);
    const newest = watcher.seen.filter(({ line }) => line.alert.context.id === entry.line.alert.context.id).map(({ line }) => line.alert.context.why.text_ja);
    assert.ok(newest.some((sentence) => text.includes(sentence)), `${text} holds one of ${newest}`);
  }
  assert.deepEqual(broken, { csp: [], errors: [], foreign: [] });
  await page.context().close();
});

test('must-show 1: triaged to closed by keyboard alone', { timeout: 60000 }, async () => {
  const { page } = await rig.open('analyst', { where: '/inbox?range=1h' });
  await page.addInitScript(() => addEventListener('pointerdown', () => { window.pointed = true; }, true));
  await page.reload();
  await page.waitForSelector('main [data-id]');
  const rows = async () => page.locator('main [data-id]').allTextContents();
  const many = (await rows()).length;
  await page.keyboard.press('g');
  await page.keyboard.press('i');
  for (let i = 0; i < many; i++) { // until the SYN flood has the cursor
    await page.keyboard.press(i ? 'j' : 'Home');
    if (/SYNフラッド/.test(await page.locator('main [data-id][aria-current="true"], main [data-id][aria-selected="true"], main [data-id]:focus').first().textContent({ timeout: 300 }).catch(() => ''))) break;
  }
  const id = await page.locator('main [data-id][aria-current="true"], main [data-id][aria-selected="true"], main [data-id]:focus').first().getAttribute('data-id');
  const state = async () => (await (await rig.api('analyst')).get(`/groups/${id}`)).body.group;
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/(alerts|groups)\//);
  await page.waitForSelector('html[data-ready]');
  await page.keyboard.press('a');
  await until(async () => (await state()).assignee === 'analyst', 5000, 'assigned to me');
  await page.keyboard.press('e');
  await page.waitForSelector('dialog[open]');
  await page.keyboard.press('1'); // the first verdict
  await page.keyboard.press('Control+Enter');
  await until(async () => (await state()).state === 'archived', 5000, 'closed');
  const { history, group } = (await (await rig.api('analyst')).get(`/groups/${id}`)).body;
  assert.equal(group.verdict, 'threat');
  assert.deepEqual(history.map((e) => [e.actor, e.action]).filter(([, a]) => a !== 'acknowledge'), [['analyst', 'assign'], ['analyst', 'archive']]);
  assert.equal(await page.evaluate(() => Boolean(window.pointed)), false);
});
