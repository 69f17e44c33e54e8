// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Limits of the server that take a whole server to fill: each is filled, one more is refused or put away, its counter says so, and what is
// there goes on. Those of one part stand in its unit test; of a request in server.test.mjs; of logins, users and a user's views in auth.test.mjs.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { PASSWORD, build, need, root, sleep, start, until } from './rig.mjs';

need('redis', 'web');
const DAY = 86400000;
let rig, lead;

before(async () => {
  rig = await start({ fill: { alerts: 20000 } });
  lead = await rig.api('lead');
}, { timeout: 120000 });
after(() => rig?.stop());

const counters = async () => (await lead.get('/sensors')).body.web;

/** As many rows of a hash as are wanted, written at once. */
function fill(hash, count, row) {
  for (let from = 0; from < count; from += 1000) {
    const rows = Array.from({ length: Math.min(1000, count - from) }, (_, i) => [`fill-${from + i}`, JSON.stringify(row(from + i))]).flat();
    rig.redis.cli('hset', hash, ...rows);
  }
}
const unfill = (hash) => rig.redis.cli('eval', 'for _, id in ipairs(redis.call("hkeys", KEYS[1])) do if id:sub(1, 5) == "fill-" then redis.call("hdel", KEYS[1], id) end end', 1, hash);

/** Sessions of the viewer, as that many logins would leave them; each a cookie. */
async function sessions(count) {
  const { cookie } = await rig.api('viewer');
  const key = (token) => 'yagura:web:session:' + createHash('sha256').update(token).digest('hex');
  const row = JSON.parse(rig.redis.cli('get', key(cookie.split('=')[1])));
  const tokens = Array.from({ length: count }, () => randomBytes(32).toString('hex'));
  rig.redis.cli('mset', ...tokens.flatMap((token, i) => [key(token), JSON.stringify({ ...row, id: (0x100000000000 + i).toString(16) })]));
  return tokens.map((token) => `${cookie.split('=')[0]}=${token}`);
}
const who = async (cookie) => (await (await fetch(rig.origin + '/api/v1/session', { headers: { cookie } })).json()).user?.name ?? null;

test('SEC-13: 1,024 sessions in memory: the stillest make room, are counted, and are found again', { timeout: 60000 }, async () => {
  const cookies = await sessions(1100);
  for (let i = 0; i < cookies.length; i += 50) assert.deepEqual(await Promise.all(cookies.slice(i, i + 50).map(who)), Array(50).fill('viewer'));
  assert.ok((await counters())['auth.sessions_full'] >= 76);
  assert.equal(await who(cookies[0]), 'viewer', 'Redis still has it');
});

test('SEC-13: 128 streams, and others go on', { timeout: 30000 }, async () => {
  const cookies = await sessions(65);
  const open = (cookie) => fetch(rig.origin + '/api/v1/stream?topics=health', { headers: { cookie } });
  const answers = await Promise.all(cookies.slice(0, 64).flatMap((cookie) => [open(cookie), open(cookie)]));
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
  const refused = await open(cookies[64]);
  assert.deepEqual([refused.status, (await refused.json()).code], [429, 'too_many_streams']);
  const told = await counters();
  assert.equal(told['streams.now'], 128);
  assert.ok(told['streams.refused'] >= 1 && told['refused.too_many_streams'] >= 1);
  await Promise.all(answers.map(({ body }) => body.cancel()));
  await until(async () => (await counters())['streams.now'] === 0, 5000, 'their places are free');
});

test('SEC-13: two exports of one user at once', { timeout: 30000 }, async () => {
  const { cookie } = await rig.api('analyst');
  const slow = () => new Promise((resolve) => { // takes its first bytes, and no more
    const socket = net.connect(rig.port, '127.0.0.1', () => socket.write(`GET /api/v1/export?format=jsonl HTTP/1.1\r\nHost: localhost\r\nCookie: ${cookie}\r\n\r\n`));
    socket.once('data', (data) => { socket.pause(); resolve({ socket, status: Number(/^HTTP\/1\.1 (\d+)/.exec(data)?.[1]) }); });
  });
  const two = [await slow(), await slow()];
  assert.deepEqual(two.map(({ status }) => status), [200, 200]);
  const third = await (await rig.api('analyst')).get('/export?format=csv');
  assert.deepEqual([third.status, third.body.code], [429, 'too_many_exports']);
  assert.equal((await counters())['refused.too_many_exports'], 1);
  assert.equal((await lead.get('/export?format=csv&q=kind:scan.port')).status, 200, 'somebody else\'s');
  for (const { socket } of two) socket.destroy();
  await until(async () => (await (await rig.api('analyst')).get('/export?format=csv&q=kind:scan.port')).status === 200, 5000, 'the places are free again');
});

/** A download that takes its first bytes and then waits: what it got is read to its end by rest(). */
async function halfway(cookie, format) {
  const socket = net.connect(rig.port, '127.0.0.1', () => socket.write(`GET /api/v1/export?format=${format} HTTP/1.1\r\nHost: localhost\r\nCookie: ${cookie}\r\nConnection: close\r\n\r\n`));
  const pieces = [];
  const ended = new Promise((resolve) => socket.on('close', resolve));
  await new Promise((resolve) => socket.once('data', (data) => { pieces.push(data); socket.pause(); resolve(); }));
  return { rest: async () => { socket.on('data', (data) => pieces.push(data)); socket.resume(); await ended; return Buffer.concat(pieces).toString('utf8'); } };
}

test('SEC-10: an export ends with its login session, and does not look whole', { timeout: 150000 }, async () => {
  const login = async (user) => {
    const answer = await fetch(rig.origin + '/api/v1/session', { method: 'POST', headers: rig.headers(), body: JSON.stringify({ user, password: PASSWORD }) });
    return { cookie: answer.headers.get('set-cookie').split(';')[0], csrf: (await answer.json()).csrf };
  };
  const whole = (await lead.get('/export?format=jsonl')).text.length, before = (await counters())['export.cut_short'];
  const mine = await login('analyst2'), his = await login('analyst2');
  const over = await halfway(mine.cookie, 'jsonl'), goes_on = await halfway(his.cookie, 'jsonl');
  const bye = await fetch(rig.origin + '/api/v1/session', { method: 'DELETE', headers: { ...rig.headers(mine.csrf), cookie: mine.cookie } });
  assert.equal(bye.status, 204);
  const told = await over.rest();
  assert.ok(told.length < whole / 2, `${told.length} of ${whole} bytes after the logout`);
  assert.match(told, /\n\{"error":"incomplete"\}\n/);
  const other = await goes_on.rest();
  assert.ok(other.length >= whole && !other.includes('"error":"incomplete"'), 'another session of the same user goes on');
  const csv = await halfway((await login('analyst2')).cookie, 'csv');
  const user = (await (await rig.api('admin')).get('/users')).body.rows.find(({ name }) => name === 'analyst2');
  assert.equal((await (await rig.api('admin')).patch('/users/analyst2', { version: user.version, off: true })).status, 200);
  assert.match(await csv.rest(), /ログインセッションが終了しました/);
  assert.equal((await (await rig.api('admin')).patch('/users/analyst2', { version: user.version + 1, off: false })).status, 200);
  rig.sessions.delete('analyst2');
  assert.equal((await counters())['export.cut_short'], before + 2);
});

test('5,000 saved views in all', { timeout: 30000 }, async () => {
  fill('yagura:web:views', 5000, (i) => ({ name: `v${i}`, page: 'inbox', query: '', owner: 'somebody', role: 'lead', shared: 'me', created_ms: 1 }));
  const refused = await lead.post('/views', { name: 'x', page: 'inbox', query: '', shared: 'me' });
  assert.deepEqual([refused.status, refused.body.code], [409, 'too_many_views_all']);
  assert.equal((await counters())['refused.too_many_views_all'], 1);
  assert.equal((await lead.get('/views')).status, 200);
  unfill('yagura:web:views');
  assert.equal((await lead.post('/views', { name: 'x', page: 'inbox', query: '', shared: 'me' })).status, 201);
});

test('512 suppressions in force, 4,096 with those that ended', { timeout: 30000 }, async () => {
  const now = Date.now() * 1e6;
  const row = (i) => ({ kind: 'scan.port', source: `192.0.2.${i % 256}/32`, owner: 'lead', reason: 'filled', created_ns: now - 100 * DAY * 1e6, expires_ns: now + (i < 512 ? 30 : -30) * DAY * 1e6, ended_ns: 0, version: 1 });
  fill('yagura:web:suppressions', 4200, row);
  rig.redis.cli('client', 'kill', 'type', 'normal', 'skipme', 'yes'); // a new connection: everything is read again
  const listed = await until(async () => {
    const answer = await lead.get('/suppressions');
    return answer.status === 200 && answer.body.rows.length >= 4096 && answer.body.rows;
  }, 15000, 'they are not read');
  assert.equal(listed.length, 4096);
  assert.equal(listed.filter((one) => one.on).length, 512, 'what is in force is never put away');
  const make = () => lead.post('/suppressions', { kind: 'scan.port', org: 'kirisegoe', reason: 'one more', expires_ms: Date.now() + DAY });
  const refused = await until(async () => { const answer = await make(); return answer.status !== 503 && answer; }, 10000);
  assert.deepEqual([refused.status, refused.body.code], [422, 'suppressions_full']);
  const told = await counters();
  assert.ok(told['suppress.kept_full'] >= 104 && told['suppress.full'] >= 1, JSON.stringify(told));
  const one = listed.find(({ on }) => on);
  assert.equal((await lead.patch('/suppressions/' + one.id, { version: 1, on: false })).status, 200);
  assert.equal((await make()).status, 201);
});

test('more changes than may wait are told that the server is busy, and none is lost', { timeout: 30000 }, async () => {
  const ids = (await lead.get('/groups?state=all&range=30d&limit=100')).body.rows.map((row) => row.id);
  const cookies = await Promise.all(['lead', 'analyst', 'analyst2'].map((name) => rig.api(name)));
  await sleep(1200); // the rate of a session is full again
  rig.redis.cli('client', 'pause', '450', 'write'); // so that they wait; after 600 ms without an answer Redis would be away
  const answers = await Promise.all(Array.from({ length: 120 }, (_, i) => cookies[i % 3].post('/groups/actions', { action: 'comment', ids: [ids[i % ids.length]], comment: `c${i}` })));
  const done = answers.filter(({ status }) => status === 200), busy = answers.filter(({ body }) => body.code === 'busy');
  const late = answers.filter(({ body }) => body.code === 'read_only'); // a Redis that says nothing for 0.6 s counts as away: a busy machine's last
  assert.equal(done.length + busy.length + late.length, 120);
  assert.ok(done.length >= 64 && busy.length > 0, `${done.length} done, ${busy.length} refused, ${late.length} too late`);
  assert.deepEqual([...new Set(busy.map(({ status }) => status))], [503]);
  assert.ok(done.every(({ body }) => body.succeeded === 1));
  assert.equal((await counters())['state.waiting_full'], busy.length);
});

// ---- the audit log ----

const logged = (name = 'audit.jsonl') => fs.readFileSync(path.join(rig.state, name), 'utf8').trim().split('\n').map((line) => JSON.parse(line));

test('SEC-03: refusals by the second are two records a minute', { timeout: 60000 }, async () => {
  const viewer = await rig.api('viewer');
  const mine = () => logged().filter((row) => row.action === 'denied' && row.user === 'viewer');
  const before = mine().length, told = (await counters())['http.denied_counted'];
  for (let i = 0; i < 40; i++) assert.equal((await viewer.get('/audit')).status, 403);
  for (let i = 0; i < 20; i++) assert.equal((await viewer.get('/users')).status, 403);
  assert.deepEqual(mine().slice(before).map(({ what }) => what), ['GET /api/v1/audit', 'GET /api/v1/users']);
  assert.equal((await counters())['http.denied_counted'], told + 58);
  await rig.killWeb('SIGTERM'); // its end writes down what was counted
  assert.deepEqual(mine().slice(before + 2).map(({ what, result }) => [what, result]).sort(),
    [['GET /api/v1/audit, 39 more within 60 s', '403'], ['GET /api/v1/users, 19 more within 60 s', '403']]);
  await rig.startWeb();
});

test('SEC-03: the log goes on in another file; the page reads and verifies across files; what was put away is told', { timeout: 90000 }, async () => {
  await rig.killWeb('SIGTERM');
  fs.readdirSync(rig.state).forEach((name) => fs.rmSync(path.join(rig.state, name)));
  // a log of nearly 1 MiB, as the server would have written it
  const lines = [];
  let prev = '0'.repeat(64), size = 0;
  for (let n = 1; size < (1 << 20) - 17000; n++) {
    const bare = JSON.stringify({ n, time: '2026-11-01T10:00:00.000000+0900', user: 'sato', peer: '192.0.2.1', action: 'login', result: 'ok', what: `older ${n}`, prev });
    prev = createHash('sha256').update(bare).digest('hex');
    lines.push(bare.slice(0, -1) + `,"hash":"${prev}"}`);
    size += lines.at(-1).length + 1;
  }
  fs.writeFileSync(path.join(rig.state, 'audit.jsonl'), lines.join('\n') + '\n', { mode: 0o600 });
  rig.webOptions.push('--audit-size', '1');
  await rig.startWeb();
  rig.sessions.clear();
  const auditor = await rig.api('auditor');
  while (!fs.existsSync(path.join(rig.state, 'audit-00001.jsonl'))) await auditor.post('/audit/verify', {});
  const first = logged()[0], older = logged('audit-00001.jsonl');
  assert.deepEqual([first.n, first.file, first.prev], [older.length + 1, 2, older.at(-1).hash]);
  assert.ok(fs.statSync(path.join(rig.state, 'audit-00001.jsonl')).size <= 1 << 20);
  // the page: every record once, in its order, across the files
  const seen = [];
  for (let cursor = ''; cursor !== null;) {
    const { body } = await auditor.get('/audit?limit=500' + (cursor && `&cursor=${cursor}`));
    seen.push(...body.rows.map(({ n }) => n));
    assert.equal(body.total, older.length + logged().length);
    cursor = body.cursor;
  }
  assert.deepEqual(seen, seen.map((_, i) => seen.length - i));
  assert.equal((await auditor.get('/audit?limit=500&q=%22older 17%22')).body.rows.at(-1).what, 'older 17');
  const across = (await auditor.get(`/audit?limit=10&q=user:sato`)).body;
  assert.equal(across.total, lines.length);
  assert.deepEqual((await auditor.get(`/audit?limit=3&q=user:sato&cursor=${across.cursor}`)).body.rows.map(({ what }) => what), [10, 11, 12].map((i) => `older ${lines.length - i}`));
  const whole = (await auditor.post('/audit/verify', {})).body;
  assert.deepEqual([whole.whole, whole.begins, whole.files, whole.records >= seen.length], [true, 1, 2, true]);
  // a byte of the older one, and back
  const name = path.join(rig.state, 'audit-00001.jsonl'), bytes = fs.readFileSync(name), at = bytes.indexOf('older 1000') + 6;
  bytes[at] ^= 1;
  fs.writeFileSync(name, bytes);
  const changed = (await auditor.post('/audit/verify', {})).body;
  assert.deepEqual([changed.first_bad, changed.why], [1000, 'changed']);
  bytes[at] ^= 1;
  fs.writeFileSync(name, bytes);
  // killed, and started again
  await rig.killWeb('SIGKILL');
  await rig.startWeb();
  assert.equal((await auditor.post('/audit/verify', {})).body.whole, true);
  // put away while it runs
  fs.renameSync(name, path.join(rig.folder, 'put-away.jsonl'));
  const rest = (await auditor.post('/audit/verify', {})).body;
  assert.deepEqual([rest.whole, rest.begins, rest.files], [true, first.n, 1]);
  const shown = (await auditor.get('/audit')).body;
  assert.deepEqual([shown.total, shown.cursor, shown.rows.at(-1).n], [logged().length, null, first.n]);
  const tool = (where) => spawnSync(path.join(build, 'yagura-web'), ['audit', 'verify', where], { encoding: 'utf8' });
  assert.match(tool(rig.state).stdout, new RegExp(`whole; it begins with record ${first.n}: older files are not here`));
  assert.equal((await counters())['audit.rotations'], 0, 'since it was started');
  fs.renameSync(path.join(rig.folder, 'put-away.jsonl'), name);
  assert.match(tool(rig.state).stdout, new RegExp(`${logged().length + older.length} records, whole`));
});

test('SEC-13: four searches of the audit log at once; the next are told to come back, and counted', { timeout: 60000 }, async () => {
  const { cookie } = await rig.api('auditor');
  const older = path.join(rig.state, 'audit-00001.jsonl'), bytes = fs.readFileSync(older);
  await rig.killWeb('SIGTERM');
  fs.writeFileSync(older, Buffer.concat(Array(20).fill(bytes))); // long enough to be still on when the next one asks; searches follow no chain
  fs.appendFileSync(older, bytes.subarray(bytes.lastIndexOf('\n', bytes.length - 2) + 1)); // from which the newest follows
  await rig.startWeb();
  const search = async () => {
    const answer = await fetch(rig.origin + '/api/v1/audit?q=nobody-wrote-this', { headers: { cookie } });
    return { status: answer.status, retry: answer.headers.get('retry-after'), body: await answer.json() };
  };
  const answers = await Promise.all(Array.from({ length: 16 }, search));
  const done = answers.filter(({ status }) => status === 200), busy = answers.filter(({ status }) => status === 503);
  assert.equal(done.length + busy.length, 16);
  assert.ok(done.length >= 4 && busy.length > 0, `${done.length} done, ${busy.length} refused`);
  assert.ok(busy.every(({ retry, body }) => retry === '1' && body.code === 'busy') && done.every(({ body }) => body.total === 0));
  assert.equal((await counters())['audit.reads_full'], busy.length);
  assert.equal((await search()).status, 200, 'the places are free again');
  // who does not wait any longer keeps no place
  const given_up = new AbortController();
  const ask = () => fetch(rig.origin + '/api/v1/audit?q=nobody-wrote-this', { headers: { cookie }, signal: given_up.signal }).catch(() => null);
  const four = Array.from({ length: 4 }, async () => { while (!given_up.signal.aborted) { await ask(); await sleep(50); } });
  await until(async () => (await search()).status === 503, 20000, 'all places are taken');
  const gone = (await counters())['http.gone'];
  given_up.abort();
  await Promise.all(four);
  await until(async () => (await counters())['http.gone'] > gone, 5000, 'they go on for nobody');
  assert.equal((await search()).status, 200);
  fs.writeFileSync(older, bytes);
});

// ---- GET /metrics ----

/** Status, type and text that a UNIX socket answers. */
const scrape = (socket, where = '/metrics', options = {}) => new Promise((resolve, reject) => {
  const request = http.request({ socketPath: socket, path: where, headers: { host: 'localhost' }, agent: false, ...options }, (answer) => {
    let text = '';
    answer.setEncoding('utf8').on('data', (data) => { text += data; }).on('end', () => resolve({ status: answer.statusCode, type: answer.headers['content-type'], text }));
  });
  request.on('error', reject).end();
});

test('GET /metrics: every counter, in the format of Prometheus, on a socket of this host alone', { timeout: 60000 }, async () => {
  const socket = path.join(rig.folder, 'metrics.sock');
  await rig.killWeb('SIGTERM');
  rig.webOptions.push('--metrics', 'unix:' + socket);
  await rig.startWeb();
  lead = await rig.api('lead');
  await lead.get('/users'); // refused
  const { status, type, text } = await scrape(socket), told = await counters();
  assert.deepEqual([status, type], [200, 'text/plain; version=0.0.4; charset=utf-8']);
  const types = new Map(), values = new Map(), helped = new Set();
  let family;
  for (const line of text.trimEnd().split('\n')) {
    const [, kind, name, rest] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (kind === 'HELP') { assert.ok(!helped.has(name), name); helped.add(name); continue; }
    if (kind === 'TYPE') { assert.ok(helped.has(name) && !types.has(name)); types.set(name, rest); family = name; continue; }
    const sample = /^([a-z_]+)(?:\{([a-z_]+)="([^"\\]*)"\})? (\d+)$/.exec(line);
    assert.ok(sample, line);
    assert.equal(sample[1], family, 'samples of a metric together');
    assert.ok(!values.has(`${sample[1]}{${sample[3] ?? ''}}`), line);
    values.set(`${sample[1]}{${sample[3] ?? ''}}`, Number(sample[4]));
    assert.equal(types.get(family), family.endsWith('_total') ? 'counter' : 'gauge');
  }
  // what the page has, and no less: the table names every counter
  const rows = [...fs.readFileSync(path.join(root, 'dashboards/web/server/counters.c'), 'utf8').matchAll(/^\t\{"([a-z0-9_.]+)", "(\w+)", (?:NULL|"\w+=\\"(\w+)\\"")/gm)];
  const table = new Map(rows.map(([, name, metric, label]) => [name, `${metric}{${label ?? ''}}`]));
  assert.ok(table.size > 90);
  for (const name of Object.keys(told)) assert.ok(table.has(name) || name.startsWith('refused.'), `${name} stands in no row`);
  for (const [name, metric] of table) assert.ok(name === 'refused.' || (name in told && values.has(metric)), `${name} is not counted`);
  for (const name of ['http.denied', 'auth.logins', 'bodies', 'audit.files', 'measure.sensors']) assert.equal(values.get(table.get(name)), told[name], name);
  assert.equal(values.get('yagura_web_refused_total{forbidden}'), told['refused.forbidden']);
  assert.equal(values.get('yagura_web_redis_up{}'), 1);
  // and nothing else is there
  assert.equal((await scrape(socket, '/')).status, 404);
  assert.equal((await scrape(socket, '/metrics', { method: 'POST' })).status, 405);
  assert.equal((await scrape(socket, '/metrics', { headers: { host: 'evil.example' } })).status, 421);
  assert.equal((await fetch(rig.origin + '/metrics')).status, 404, 'not on the page\'s own socket');
  const open = await Promise.all(Array.from({ length: 8 }, () => new Promise((resolve) => { const one = net.connect(socket, () => resolve(one)); one.on('error', () => {}); })));
  const drip = setInterval(() => { for (const one of open) one.write('x'); }, 500);
  const begun = Date.now();
  assert.equal((await Promise.all(Array.from({ length: 8 }, () => scrape(socket)))).length, 8);
  assert.ok(Date.now() - begun > 1000, 'the ninth waits until those are let go who send a byte now and then');
  clearInterval(drip);
  for (const one of open) one.destroy();
  const endless = net.connect(socket, () => endless.write('POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n'));
  endless.on('error', () => {});
  await until(() => { endless.write('x'.repeat(65536)); return endless.destroyed || endless.closed; }, 4000, 'a body is not waited for');
  const beyond = spawnSync(path.join(build, 'yagura-web'), [...rig.common, '--listen', 'unix:' + path.join(rig.folder, 'other.sock'), '--metrics', '0.0.0.0:0'], { encoding: 'utf8', timeout: 20000 });
  assert.equal(beyond.status, 78);
  assert.match(beyond.stderr, /--metrics 0\.0\.0\.0:0/);
});

test('bogus sensors in Redis keep no real one out where --sensors names them; without it 64 are followed, the rest counted', { timeout: 90000 }, async () => {
  const names = async () => (await lead.get('/sensors')).body.rows.map(({ strip }) => strip.name);
  const real = await names();
  assert.ok(real.length > 0);
  const [key, entry] = [`yagura:${real[0]}:alerts`, JSON.parse(rig.redis.cli('eval', 'return cjson.encode(redis.call("XREVRANGE", KEYS[1], "+", "-", "COUNT", "1")[1][2])', 1, `yagura:${real[0]}:alerts`))];
  assert.ok(entry.length >= 2, key);
  for (let i = 0; i < 100; i++) rig.redis.cli('xadd', `yagura:bogus-${i}:alerts`, '*', 'eve', 'x');
  await rig.killWeb('SIGTERM');
  await rig.startWeb();
  await until(async () => (await names()).length === 64, 30000, 'no 64 sensors');
  const full = await until(async () => { const told = await counters(); return told['measure.sensors_full'] > 0 && told['index.sensors_full'] > 0 && told; }, 20000);
  assert.deepEqual([full['measure.sensors'], full['index.sensors_foreign'], full['measure.sensors_foreign']], [64, 0, 0]);
  rig.webOptions.push('--sensors', [...real, 'late-1'].join(','));
  await rig.killWeb('SIGTERM');
  await rig.startWeb();
  const late = async () => (await lead.get('/sensors')).body.rows.find(({ strip }) => strip.name === 'late-1')?.strip;
  const away = await until(async () => { const strip = await late(); return strip?.reasons.some(({ code }) => code === 'no_health') && strip; }, 15000, 'who is named is not left out');
  assert.equal(away.state, 'away');
  rig.redis.cli('xadd', 'yagura:late-1:alerts', '*', ...entry);
  await until(async () => (await counters())['index.sensors_foreign'] >= 100, 10000);
  const told = await counters();
  assert.deepEqual([told['index.sensors_full'], told['measure.sensors_full']], [0, 0]);
  assert.ok(told['measure.sensors_foreign'] >= 100);
  assert.deepEqual((await names()).sort(), [...real, 'late-1'].sort());
  await until(async () => (await lead.get('/alerts?range=30d&limit=1&q=sensor:late-1')).body.total === 1, 10000, 'its alert is there');
});
