// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Limits that take tens of thousands of groups, or a client that does not read: SEC-13. The others: limits.test.mjs.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { build, need, sleep, start, until } from './rig.mjs';

need('redis', 'web');
const MOST = 50000, ROWS = 200, HELD = 1 << 20;
const WATCHERS = ['viewer', 'analyst', 'analyst2', 'lead', 'auditor'];
let rig, lead, server;

before(async () => {
  rig = await start({ fill: { alerts: 500, groups: 50 } });
  lead = await rig.api('lead');
  for (const name of WATCHERS) await rig.api(name);
}, { timeout: 120000 });
after(async () => {
  server?.kill('SIGKILL');
  await rig?.stop();
});

/** Alerts number `from` to `to` - 1 in one step, so that no reader sees a part of them; N is the number, A.B its bytes in an address. */
function add(sensor, from, to, line) {
  rig.redis.cli('eval', `for n = tonumber(ARGV[2]), tonumber(ARGV[3]) - 1 do
    local line = ARGV[1]:gsub('@ID', string.format('%016x', n + 1)):gsub('@AB', math.floor(n / 256) .. '.' .. n % 256)
    redis.call('xadd', KEYS[1], '*', 'eve', line) end`, 1, `yagura:${sensor}:alerts`, JSON.stringify(line), from, to);
}

function line(more) {
  const now = new Date().toISOString().replace('Z', '000+0000');
  return { timestamp: now, event_type: 'alert', src_ip: '198.18.@AB', dest_ip: '192.0.2.14', proto: 'TCP',
    alert: { context: { id: '@ID', kind: 'scan.port', state: 'close', severity: 'medium', mode: 'alert', score: 50, confidence: 0.5, first_seen: now, last_seen: now, count: 1,
      org: { code: 'kirisegoe' }, target: '192.0.2.14', why: { text_ja: 'a', text_en: 'a' }, ...more } } };
}

test('SEC-13: an action on 50,000 groups; on one more it is refused, and nothing is done', { timeout: 120000 }, async () => {
  for (let from = 0; from <= MOST; from += 5000) add('many-1', from, Math.min(from + 5000, MOST + 1), line());
  const total = async (q) => (await lead.get('/groups?state=all&range=30d&limit=1&q=' + encodeURIComponent(q))).body.total;
  await until(async () => (await total('sensor:many-1')) === MOST + 1, 60000, 'they are not there');
  const act = (q) => lead.post('/groups/actions', { action: 'archive', verdict: 'benign', reason: 'many', q, state: 'all', range: '30d' });
  const archived = async () => (await lead.get('/groups?state=archived&range=30d&limit=1&q=sensor:many-1')).body.total;
  const refused = await act('sensor:many-1');
  assert.deepEqual([refused.status, refused.body.code], [422, 'too_many']);
  assert.equal((await lead.get('/sensors')).body.web['refused.too_many'], 1);
  assert.equal(await archived(), 0);
  const done = await act(`sensor:many-1 -src:198.18.${Math.floor(MOST / 256)}.${MOST % 256}`);
  assert.equal(done.status, 200, done.text);
  assert.deepEqual([done.body.matched, done.body.succeeded, done.body.failed_count], [MOST, MOST, 0]);
  assert.equal(await archived(), MOST);
  const undone = await lead.post('/groups/undo', { undo: done.body.undo });
  assert.deepEqual([undone.status, undone.body.succeeded], [200, MOST]);
  assert.equal(await archived(), 0);
});

// Over a UNIX socket, which holds little between the two: over TCP on one machine the kernel may hold megabytes for a client.
const slowSocket = () => path.join(rig.folder, 'slow.sock');
const get = (where, { cookie } = lead) => new Promise((resolve) => {
  http.get({ socketPath: slowSocket(), path: where, headers: { host: 'localhost', cookie }, agent: false }, (answer) => {
    let text = '';
    answer.setEncoding('utf8').on('data', (data) => { text += data; }).on('end', () => resolve({ status: answer.statusCode, text }));
  }).on('error', () => resolve({ status: 0 }));
});
const counters = async () => JSON.parse((await get('/api/v1/sensors')).text).web;
function listen(more = '', { cookie } = lead) {
  const socket = net.connect(slowSocket(), () => socket.write(`GET /api/v1/stream?topics=alerts,health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: ${cookie}\r\n${more}\r\n`));
  const stream = { socket, text: '' };
  socket.setEncoding('utf8').on('data', (data) => { stream.text += data; }).on('close', () => { stream.closed = true; }).on('error', () => {});
  return stream;
}
/** Ids of the alerts that whole frames told; the last frame's place. */
function read({ text }) {
  const whole = text.slice(0, text.lastIndexOf('\n\n')).replace(/\r\n[0-9a-f]+\r\n/g, '');
  return { ids: [...whole.matchAll(/"id":"slow-1:([0-9a-f]{16})"/g)].map(([, id]) => id), since: [...whole.matchAll(/^id: (.+)$/gm)].at(-1)?.[1] };
}
/** Alerts of a sensor in one frame, each with so many bodies and the longest texts. */
function addLong(from, to, bodies) {
  const orgs = Array.from({ length: bodies }, (_, i) => `a-long-code-${i}`.slice(0, 15)), text = '"'.repeat(1000);
  add('slow-1', from, to, line({ orgs: ['kirisegoe', ...orgs], why: { text_ja: text, text_en: text } }));
}

test('SEC-13: a stream whose client does not read is let go at 1 MiB, and misses nothing when he is back', { timeout: 90000 }, async () => {
  await rig.killWeb('SIGTERM');
  add('slow-1', ROWS, ROWS + 1, line()); // with so many keys a new sensor is found after a while
  server = spawn(path.join(build, 'yagura-web'), [...rig.common, '--listen', 'unix:' + slowSocket()], { stdio: 'ignore' });
  await until(async () => (await get('/readyz')).status === 200, 30000, 'it is not ready');
  const slow = listen();
  await until(() => read(slow).since, 5000, 'it begins');
  slow.socket.pause();
  addLong(0, ROWS, 220);
  await until(async () => (await counters())['streams.dropped'] === 1, 25000, 'it is not let go'); // silence alone takes 30 s
  slow.socket.resume();
  await until(() => slow.closed, 5000, 'it has ended');
  assert.ok(slow.text.length < ROWS * 3000, `${slow.text.length} bytes came`);
  const { ids, since } = read(slow);
  assert.equal(ids.length, 0, 'a frame that is not whole');
  // he reads slowly: while he is at the first of it more than 1 MiB of the one frame waits
  const back = listen(`Last-Event-ID: ${since}\r\n`);
  back.socket.on('data', () => { back.socket.pause(); setTimeout(() => back.socket.resume(), 100); });
  await until(async () => { await sleep(200); return read(back).ids.length >= ROWS; }, 30000, 'he is told all of it');
  assert.ok(back.text.length > HELD);
  assert.equal(new Set(read(back).ids).size, ROWS);
  assert.equal(read(back).ids.length, ROWS);
  assert.equal((await counters())['streams.dropped'], 1, 'who reads is not let go');
  back.socket.destroy();
});

test('SEC-13: while 8 MiB wait for all streams, who has more than 1 MiB of it is let go at once', { timeout: 60000 }, async () => {
  const before = (await counters())['streams.dropped'], streams = [];
  for (const name of WATCHERS) {
    const session = await rig.api(name);
    for (let i = 0; i < 2; i++) streams.push(listen('', session));
  }
  await until(() => streams.every((stream) => read(stream).since), 15000, 'they begin');
  for (const { socket } of streams) socket.pause();
  addLong(1000, 1000 + ROWS, 220);
  await until(async () => (await counters())['streams.dropped'] > before, 8000, 'nobody is let go'); // 10 s takes who has 1 MiB alone
  const gone = (await counters())['streams.dropped'] - before;
  assert.ok(gone < streams.length, `${gone} are let go: no more than need be`);
  for (const { socket } of streams) socket.destroy();
});
