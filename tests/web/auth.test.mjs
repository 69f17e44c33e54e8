// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Logging in, login sessions, the audit log: over the real server, Redis and browser. SEC-03, SEC-07 to SEC-10, SEC-12.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { PASSWORD, build, freePort, need, sleep, start, until } from './rig.mjs';

need('redis', 'web');
const WEB_SESSION_CHECK_MS = 5000; // sessions.h: how old what is known of a session may be
let rig;
let admin;
let peers = 0;

before(async () => {
  rig = await start({ fill: null, web: ['--behind-proxy'] }); // so that each login can come from an address of its own
  rig.makeUsers({ sato: ['lead', 'all'], suzuki: ['viewer', 'all'], tanaka: ['analyst', 'all'] });
  admin = await rig.api('admin');
  await until(async () => (await admin.get('/users')).body.rows.some(({ name }) => name === 'tanaka'), 5000, 'a user made beside the server is not seen');
}, { timeout: 60000 });
after(() => rig?.stop());

const peer = () => `198.51.${(peers >> 8) & 255}.${peers++ & 255}`;

/** A login as anybody, from an address of its own unless told; the answer with its cookie. */
async function login(user, password = PASSWORD, from = peer(), on = rig) {
  const answer = await fetch(on.origin + '/api/v1/session', { method: 'POST', headers: { ...on.headers(), 'x-forwarded-for': from },
    body: JSON.stringify({ user, password }) });
  const cookie = answer.headers.get('set-cookie');
  const body = await answer.json();
  const headers = { ...on.headers(body.csrf ?? ''), cookie: cookie?.split(';')[0] ?? '', 'x-forwarded-for': from };
  const call = async (method, where, send) => {
    const got = await fetch(on.origin + '/api/v1' + where, { method, headers, body: send === undefined ? undefined : JSON.stringify(send) });
    const text = await got.text();
    const renewed = got.headers.get('set-cookie');
    if (renewed) headers.cookie = renewed.split(';')[0];
    return { status: got.status, headers: got.headers, body: text ? JSON.parse(text) : null };
  };
  return { status: answer.status, headers: answer.headers, body, cookie, sent: headers, call };
}
const who = async (session) => (await session.call('GET', '/session')).body.user?.name ?? null;
const log = () => fs.readFileSync(path.join(rig.state, 'audit.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
const middle = (values) => values.sort((a, b) => a - b)[values.length >> 1];

test('SEC-07: the cookie is __Host-, Secure, HttpOnly, Strict, of the browser session, and its token is nowhere in clear', async () => {
  const one = await login('sato');
  const two = await login('sato');
  assert.equal(one.status, 200);
  const [pair, ...attributes] = one.cookie.split('; ');
  const [name, token] = pair.split('=');
  assert.equal(name, '__Host-yagura');
  assert.match(token, /^[0-9a-f]{64}$/);
  assert.deepEqual(attributes.sort(), ['HttpOnly', 'Path=/', 'SameSite=Strict', 'Secure']);
  assert.notEqual(two.cookie, one.cookie);
  const keys = rig.redis.cli('keys', 'yagura:web:*');
  assert.ok(keys.includes('yagura:web:session:' + createHash('sha256').update(token).digest('hex')));
  const values = keys.trim().split('\n').map((key) => rig.redis.cli('dump', key)).join('');
  assert.ok(!keys.includes(token) && !values.includes(token));
  const out = await one.call('DELETE', '/session');
  assert.equal(out.status, 204);
  assert.match(out.headers.get('set-cookie'), /^__Host-yagura=;.*Max-Age=0/);
  one.sent.cookie = pair;
  assert.equal(await who(one), null);
  assert.equal(await who(two), 'sato');
  for (const cookie of ['', '__Host-yagura=', '__Host-yagura=' + '0'.repeat(64), '__Host-yagura=' + token.toUpperCase(), '__Host-yagura=../../x'])
    assert.equal((await fetch(rig.origin + '/api/v1/preferences', { headers: { cookie } })).status, 401, cookie);
});

test('SEC-08: what another page sends changes nothing', async () => {
  const base = { 'content-type': 'application/json', 'x-yagura-csrf': admin.csrf, 'sec-fetch-site': 'same-origin', origin: rig.origin, cookie: admin.cookie };
  const attempts = { 'another origin': { origin: 'http://127.0.0.1:1' }, 'another site': { 'sec-fetch-site': 'cross-site' }, 'the same site': { 'sec-fetch-site': 'same-site' },
    'a form': { 'content-type': 'application/x-www-form-urlencoded' }, 'plain text': { 'content-type': 'text/plain' }, 'no token': { 'x-yagura-csrf': undefined },
    'a token of nobody': { 'x-yagura-csrf': '0'.repeat(64) }, 'a short token': { 'x-yagura-csrf': admin.csrf.slice(0, 63) }, 'an origin of null': { origin: 'null' } };
  for (const [name, change] of Object.entries(attempts)) {
    const headers = Object.fromEntries(Object.entries({ ...base, ...change }).filter(([, value]) => value !== undefined));
    const status = await new Promise((resolve, reject) => { // not fetch(): it sets headers of its own
      const request = http.request(rig.origin + '/api/v1/users', { method: 'POST', headers }, (answer) => { answer.resume(); resolve(answer.statusCode); });
      request.on('error', reject);
      request.end(JSON.stringify({ name: 'evil', role: 'admin', scope: 'all' }));
    });
    assert.ok([403, 415].includes(status), `${name}: ${status}`);
  }
  assert.ok(!(await admin.get('/users')).body.rows.some((row) => row.name === 'evil'));
});

test('SEC-08: a page of another origin, in a browser that is logged in', { timeout: 30000 }, async () => {
  need('chromium', 'playwright');
  const { page, context } = await rig.open('admin', { where: '/settings' });
  const port = await freePort();
  const server = http.createServer((request, answer) => {
    answer.setHeader('content-type', 'text/html');
    answer.end(`<form method=post enctype=text/plain action="${rig.origin}/api/v1/users"><input name='{"name":"evil","role":"admin","scope":"all","x":"' value='"}'></form>`);
  }).listen(port, '127.0.0.1');
  try {
    const foreign = await context.newPage();
    await foreign.goto(`http://127.0.0.1:${port}/`);
    const told = await foreign.evaluate(async (origin) => {
      const body = JSON.stringify({ name: 'evil', role: 'admin', scope: 'all' });
      const tries = [{ mode: 'no-cors', headers: { 'content-type': 'text/plain' } }, { headers: { 'content-type': 'application/json' } },
        { headers: { 'content-type': 'application/json', 'x-yagura-csrf': 'x' } }];
      const results = [];
      for (const one of tries)
        results.push(await fetch(origin + '/api/v1/users', { method: 'POST', credentials: 'include', body, ...one }).then((a) => a.type + a.status, () => 'refused'));
      results.push(await fetch(origin + '/api/v1/session', { credentials: 'include' }).then((a) => a.text(), () => 'refused'));
      return results;
    }, rig.origin);
    assert.deepEqual(told, ['refused', 'refused', 'refused', 'refused']);
    await Promise.all([foreign.waitForNavigation(), foreign.evaluate(() => document.forms[0].submit())]);
    assert.ok(!(await admin.get('/users')).body.rows.some((row) => row.name === 'evil'));
    assert.equal(await page.evaluate(() => document.cookie), '');
  } finally {
    server.close();
    await context.close();
  }
});

test('SEC-09: passwords: how long, of what, and not those that are soon guessed; as typed', async () => {
  const made = await admin.post('/users', { name: 'kato', role: 'analyst', scope: 'all' });
  assert.equal(made.status, 201, made.text);
  const given = made.body.password;
  assert.match(given, /^[a-z2-9]{5}(-[a-z2-9]{5}){3}$/);
  const kato = await login('kato', given);
  assert.equal(kato.body.user.must_change_password, true);
  const refused = await kato.call('GET', '/groups');
  assert.deepEqual([refused.status, refused.body.code], [403, 'must_change_password']);
  const bad = { 'a1b2c3d4e5f': 'password_short', 'パスワードパスワード1': 'password_short', ['窓'.repeat(129)]: 'password_long', password1234: 'password_common',
    qwertyuiop1234: 'password_common', 'P@ssw0rd2026!!': 'password_common', 'パスワード１２３４５６７': 'password_common', '平成平成平成平成平成平成': 'password_common',
    'yagura2026!!': 'password_context', 'kato20261122': 'password_context', aaaaaaaaaaaaaaaa: 'password_common' };
  for (const [password, code] of Object.entries(bad)) {
    const answer = await kato.call('POST', '/session/password', { password });
    assert.deepEqual([answer.status, answer.body.code], [422, code], password);
    assert.match(answer.body.message_ja, /。$/);
  }
  assert.equal((await kato.call('POST', '/session/password', { password: given })).body.code, 'password_same');
  const own = ' ｆｕｌｌ 夕焼けの堤防を走る犬 ';
  assert.equal((await kato.call('POST', '/session/password', { password: own })).status, 204);
  assert.equal((await kato.call('GET', '/session')).body.user.must_change_password, false);
  assert.equal((await login('kato', own)).status, 200);
  for (const other of [own.trim(), own.normalize('NFKC'), own.toUpperCase(), own + ' ', given]) assert.equal((await login('kato', other)).status, 401, other);
  const longest = [...'窓の灯り'].join('').repeat(32);
  assert.equal((await kato.call('POST', '/session/password', { password: longest })).body.code, 'password_common'); // 128, all the same
  const most = Array.from({ length: 128 }, (_, i) => String.fromCodePoint(0x4e00 + (i * 7919) % 20000)).join('');
  assert.equal((await kato.call('POST', '/session/password', { password: most })).status, 204);
  assert.equal((await login('kato', most)).status, 200);
});

test('SEC-09: a name that exists and one that does not are told the same, in the same time', async () => {
  const known = [];
  const unknown = [];
  let first;
  for (let i = 0; i < 9; i++)
    for (const [user, times] of [['sato', known], [`nobody${i}`, unknown], ['suzuki', known], [`x y ${i}`, unknown]]) {
      const begun = performance.now();
      const { status, body } = await login(user, 'wrong but long enough');
      times.push(performance.now() - begun);
      first ??= body;
      assert.equal(status, 401);
      assert.deepEqual(body, first);
    }
  const ratio = middle(known) / middle(unknown);
  assert.ok(ratio > 0.6 && ratio < 1.6, `${middle(known)} ms against ${middle(unknown)} ms`);
  assert.ok(middle(known) > 5, 'a hash was made');
});

test('SEC-09: after five failures of a name at an address it waits, and longer each time; others do not', async () => {
  for (const user of ['tanaka', 'not-there']) {
    const from = peer();
    for (let i = 0; i < 5; i++) assert.equal((await login(user, 'wrong but long enough', from)).status, 401, `${user} ${i}`);
    const right = await login(user, PASSWORD, from);
    assert.deepEqual([right.status, right.body.code, right.headers.get('retry-after')], [429, 'login_wait', '1']);
    await sleep(1050);
    assert.equal((await login(user, 'wrong but long enough', from)).status, 401);
    assert.equal((await login(user, PASSWORD, from)).headers.get('retry-after'), '2');
  }
  assert.equal((await login('tanaka')).status, 200); // from elsewhere he comes in: nobody locks him out
});

test('SEC-09: more logins at once than there are places are told to come back', async () => {
  const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => login(`many${i}`, 'wrong but long enough')));
  const busy = answers.filter(({ status }) => status === 503);
  assert.ok(busy.length >= 1 && answers.filter(({ status }) => status === 401).length >= 16, `${busy.length} of 40`);
  for (const { headers, body } of busy) assert.deepEqual([headers.get('retry-after'), body.code], ['2', 'login_busy']);
  assert.equal((await login('sato')).status, 200);
});

test('SEC-09: no user to begin with: the link that the server printed, once', async () => {
  const empty = await start({ fill: null, users: false });
  try {
    const link = await until(() => /first-run#([0-9a-f]{64})/.exec(empty.web.said), 10000, 'no link');
    const post = async (token, user, password) => {
      const answer = await fetch(empty.origin + '/api/v1/first-run', { method: 'POST', headers: empty.headers(), body: JSON.stringify({ token, user, password }) });
      return { status: answer.status, body: await answer.json(), cookie: answer.headers.get('set-cookie') };
    };
    assert.equal((await (await fetch(empty.origin + '/api/v1/session')).json()).first_run, true);
    for (const [user, password] of [['admin', 'admin'], ['admin', ''], ['root', 'password'], ['yagura', 'yagura']])
      assert.equal((await login(user, password, undefined, empty)).status, 401);
    assert.equal((await post('0'.repeat(64), 'mori', PASSWORD)).status, 403);
    assert.equal((await post(link[1], 'mori', 'mori20261122')).body.code, 'password_context');
    assert.equal((await post(link[1], '<b>', PASSWORD)).body.code, 'bad_name');
    const both = await Promise.all([post(link[1], 'mori', PASSWORD), post(link[1], 'hayashi', PASSWORD)]);
    assert.equal(both.filter(({ status }) => status === 201).length, 1);
    assert.equal((await post(link[1], 'third', PASSWORD)).status, 404);
    const made = both.find(({ status }) => status === 201);
    assert.deepEqual([made.body.user.role, made.body.user.scope, made.body.first_run], ['admin', 'all', false]);
    assert.equal(empty.redis.cli('hlen', 'yagura:web:users').trim(), '1');
  } finally {
    await empty.stop();
  }
});

test('SEC-10: sessions are listed and ended; a new password ends the others; a change of role or scope ends all, with their streams', async () => {
  const [one, two, three] = [await login('sato'), await login('sato'), await login('sato')];
  const listed = (await admin.get('/users/sato/sessions')).body.rows;
  assert.ok(listed.length >= 3 && listed.every((row) => /^[0-9a-f]{12}$/.test(row.id) && row.peer && row.created_ms <= row.used_ms));
  const renewed = await one.call('POST', '/session/password', { password: 'another lamp in 8 windows 灯' });
  assert.equal(renewed.status, 204);
  assert.deepEqual([await who(one), await who(two), await who(three)], ['sato', null, null]);
  const stream = await fetch(rig.origin + '/api/v1/stream?topics=health', { headers: one.sent });
  assert.equal(stream.status, 200);
  const reader = stream.body.getReader();
  let text = '';
  const ended = (async () => {
    for (let part; !(part = await reader.read()).done;) text += new TextDecoder().decode(part.value);
    return performance.now();
  })();
  await until(() => text, 5000, 'the stream says nothing');
  const row = (await admin.get('/users')).body.rows.find(({ name }) => name === 'sato');
  const begun = performance.now();
  const changed = await admin.patch('/users/sato', { version: row.version, role: 'viewer' });
  assert.equal(changed.status, 200, changed.text);
  assert.equal(await who(one), null);
  assert.ok((await ended) - begun < 2000, 'the stream ends at once');
  assert.match(text, /event: session\n(id: .*\n)?data: .*"changed"/);
  const stale = await admin.patch('/users/sato', { version: row.version, role: 'lead' });
  assert.deepEqual([stale.status, stale.body.code, stale.body.current.role], [409, 'conflict', 'viewer']);
  const four = await login('sato', 'another lamp in 8 windows 灯');
  assert.equal((await admin.delete('/users/sato/sessions')).status, 204);
  assert.equal(await who(four), null);
  const five = await login('sato', 'another lamp in 8 windows 灯');
  const off = await admin.patch('/users/sato', { version: (await admin.get('/users')).body.rows.find(({ name }) => name === 'sato').version, off: true });
  assert.equal(off.status, 200);
  assert.equal(await who(five), null);
  assert.equal((await login('sato', 'another lamp in 8 windows 灯')).status, 401);
});

test('SEC-10: everybody sees his own sessions, ends one of them or all others, with his password; nobody those of another', { timeout: 30000 }, async () => {
  const [one, two, three] = [await login('tanaka'), await login('tanaka'), await login('tanaka')];
  const foreign = await login('suzuki');
  const rows = (await one.call('GET', '/sessions')).body.rows;
  const mine = await Promise.all([one, two, three].map(async (session) => (await session.call('GET', '/sessions')).body.rows.find(({ current }) => current).id));
  assert.equal(new Set(mine).size, 3);
  assert.deepEqual(rows.filter(({ current }) => current).map(({ id }) => id), [mine[0]]);
  assert.ok(mine.every((id) => rows.some((row) => row.id === id)));
  assert.deepEqual((await admin.get('/users/tanaka/sessions')).body.rows.map(({ id }) => id).sort(), rows.map(({ id }) => id).sort(), 'one list for both');
  const theirs = (await foreign.call('GET', '/sessions')).body.rows[0].id;
  for (const id of [theirs, 'ffffffffffff', 'x', '*', mine[1].toUpperCase() + '0'])
    assert.equal((await one.call('DELETE', `/sessions/${id}`)).status, 404, id);
  assert.equal(await who(foreign), 'suzuki');
  // without its CSRF token nothing of it
  const bare = await fetch(`${rig.origin}/api/v1/sessions/${mine[1]}`, { method: 'DELETE', headers: { ...one.sent, 'x-yagura-csrf': 'f'.repeat(64) } });
  assert.equal(bare.status, 403);
  assert.equal(await who(two), 'tanaka');
  // one that Redis alone knows is ended as well: the server was killed meanwhile
  await rig.killWeb();
  await rig.startWeb();
  const stream = await fetch(rig.origin + '/api/v1/stream?topics=health', { headers: two.sent });
  assert.equal(stream.status, 200);
  const told = stream.text();
  assert.equal((await one.call('DELETE', `/sessions/${mine[1]}`)).status, 204);
  assert.match(await told, /event: session\n(id: .*\n)?data: .*"changed"/, 'its stream ends');
  assert.equal(await who(two), null);
  assert.equal((await one.call('DELETE', `/sessions/${mine[2]}`)).status, 204); // not asked for anything since the restart
  assert.equal(await who(three), null);
  assert.equal((await one.call('DELETE', `/sessions/${mine[2]}`)).status, 404, 'ended once');
  const [four, five] = [await login('tanaka'), await login('tanaka')], before = one.sent.cookie;
  assert.equal((await one.call('DELETE', '/sessions')).status, 204);
  assert.notEqual(one.sent.cookie, before, 'under a new token');
  assert.deepEqual([await who(one), await who(four), await who(five), await who(foreign)], ['tanaka', null, null, 'suzuki']);
  assert.deepEqual((await one.call('GET', '/sessions')).body.rows.map(({ id, current }) => [id, current]), [[mine[0], true]]);
  // one's own by its id is a logout
  const gone = await one.call('DELETE', `/sessions/${mine[0]}`);
  assert.deepEqual([gone.status, /Max-Age=0/.test(gone.headers.get('set-cookie'))], [204, true]);
  assert.equal(await who(one), null);
  const lines = log().filter(({ action, user }) => action === 'sessions' && user === 'tanaka');
  for (const what of [`end session ${mine[1]}`, `end session ${mine[2]}`, 'end all other sessions', `end session ${mine[0]}`])
    assert.ok(lines.some((line) => line.what === what && line.result === 'ok'), `${what}: ${JSON.stringify(lines.at(-1))}`);
});

test('own sessions in the settings: in words, this one marked; one and all others are ended, asked for the password', { timeout: 60000 }, async () => {
  need('chromium', 'playwright');
  const name = 'analyst';
  const others = [await login(name), await login(name)];
  const { page, context, broken } = await rig.open(name, { where: '/settings' });
  try {
    const table = page.locator('section', { has: page.locator('h2', { hasText: 'ログイン中の端末' }) });
    const rows = table.locator('tbody tr');
    await until(async () => (await rows.count()) >= 3, 5000, 'they are listed');
    const here = table.locator('tr:has-text("この画面")');
    assert.equal(await here.count(), 1);
    assert.equal(await here.locator('button').count(), 0, 'this one is left by logging out');
    assert.equal(await rows.filter({ hasText: '不明' }).count() + await rows.filter({ hasText: 'node' }).count() >= 2, true);
    const count = await rows.count();
    const old = (await (await rig.api(name)).get('/sessions')).body.rows.filter(({ current }) => !current).map(({ id }) => id);
    // as after five minutes: the password is asked for before anything ends
    await page.evaluate(() => { const now = Date.now; Date.now = () => now() + 400000; });
    await table.locator(`tr[data-id="${old[0]}"] button`).click();
    await page.fill('dialog input[type=password]', PASSWORD);
    await page.click('dialog button[type=submit]');
    await until(async () => (await rows.count()) === count - 1, 5000, 'one has ended');
    await table.locator('button >> text=ほかをすべて終了').click();
    if (await page.locator('dialog input[type=password]').isVisible().catch(() => false)) {
      await page.fill('dialog input[type=password]', PASSWORD);
      await page.click('dialog button[type=submit]');
    }
    await until(async () => (await rows.count()) === 1, 5000, 'the others have ended');
    assert.deepEqual(await Promise.all(others.map(who)), [null, null]);
    await page.goto(rig.origin + '/inbox');
    await page.waitForSelector('h1');
    assert.equal(new URL(page.url()).pathname, '/inbox', 'this one goes on');
    assert.deepEqual(broken, { csp: [], errors: [], foreign: [] });
  } finally {
    rig.sessions.delete(name);
    await context.close();
  }
});

test('an administrator begins with the users, and is told nothing of alerts', { timeout: 30000 }, async () => {
  need('chromium', 'playwright');
  const { page, context, broken } = await rig.open('admin');
  const refused = [];
  page.on('response', (answer) => { if (answer.status() === 403) refused.push(answer.url()); });
  try {
    await page.waitForURL('**/users');
    await page.waitForFunction(() => document.documentElement.hasAttribute('data-ready'));
    await sleep(2500); // that the server does not answer is said after two seconds
    assert.equal(await page.locator('text=サーバーから応答がありません').count(), 0);
    assert.deepEqual([broken.errors, broken.csp, refused.filter((url) => url.includes('/stream'))], [[], [], []]);
  } finally {
    await context.close();
  }
});

test('SEC-10: the last administrator stays; roles and scopes that go together', async () => {
  const row = (await admin.get('/users')).body.rows.find(({ name }) => name === 'admin');
  for (const change of [{ off: true }, { role: 'viewer' }])
    assert.equal((await admin.patch('/users/admin', { version: row.version, ...change })).body.code, 'last_admin');
  for (const [body, code] of [[{ name: 'x', role: 'org_viewer', scope: 'all' }, 'scope_needs_bodies'], [{ name: 'x', role: 'org_viewer', scope: [] }, 'bad_scope'],
    [{ name: 'x', role: 'admin', scope: ['nowhere'] }, 'unknown_body'], [{ name: 'X Y', role: 'viewer', scope: 'all' }, 'bad_name'], [{ name: 'Yagura', role: 'viewer', scope: 'all' }, 'bad_name'],
    [{ name: 'x', role: 'root', scope: 'all' }, 'bad_role'], [{ name: 'x'.repeat(64), role: 'viewer', scope: 'all' }, 'bad_name']])
    assert.equal((await admin.post('/users', body)).body.code, code, JSON.stringify(body));
  assert.equal((await admin.post('/users', { name: 'Suzuki', role: 'viewer', scope: 'all' })).body.code, 'user_exists');
});

test('SEC-10: sessions live through kill -9 of the server, not beyond an idle hour nor twelve; step-up renews the token', { timeout: 30000 }, async () => {
  const old = await start({ fill: null });
  try {
    const names = ['viewer', 'analyst', 'lead', 'admin'];
    const sessions = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await login(name, PASSWORD, undefined, old)])));
    const key = (name) => 'yagura:web:session:' + createHash('sha256').update(sessions[name].sent.cookie.split('=')[1]).digest('hex');
    const age = (name, field, seconds) => {
      const row = old.redis.cli('get', key(name)).replace(new RegExp(`"${field}":(\\d+)`), (_, ns) => `"${field}":${BigInt(ns) - BigInt(seconds) * 1000000000n}`);
      old.redis.cli('set', key(name), row.trim(), 'ex', 3600);
    };
    await old.killWeb();
    age('viewer', 'used', 3601);
    age('analyst', 'created', 12 * 3600 + 1);
    age('admin', 'step_up', 301);
    await old.startWeb();
    assert.deepEqual(await Promise.all(names.map((name) => who(sessions[name]))), [null, null, 'lead', 'admin']);
    const { admin: chief } = sessions;
    const late = await chief.call('POST', '/users', { name: 'late', role: 'viewer', scope: 'all' });
    assert.deepEqual([late.status, late.body.code], [403, 'step_up']);
    assert.deepEqual((await chief.call('POST', '/session/step-up', { password: 'wrong but long enough' })).body.code, 'bad_password');
    const before = chief.sent.cookie;
    assert.equal((await chief.call('POST', '/session/step-up', { password: PASSWORD })).status, 204);
    assert.notEqual(chief.sent.cookie, before);
    assert.equal((await chief.call('POST', '/users', { name: 'late', role: 'viewer', scope: 'all' })).status, 201);
    await sleep(5200); // what was on its way with the old token has arrived by now
    assert.equal((await (await fetch(old.origin + '/api/v1/session', { headers: { cookie: before } })).json()).user, null);
    assert.equal(await who(chief), 'admin');
  } finally {
    await old.stop();
  }
});

test('SEC-10: twenty sessions of one user; one more ends his oldest', async () => {
  const first = await login('analyst2');
  assert.equal(await who(first), 'analyst2');
  for (let i = 0; i < 20; i++) assert.equal((await login('analyst2')).status, 200);
  await until(async () => (await who(first)) === null, 3000, 'the oldest is still there');
  assert.equal((await admin.get('/users/analyst2/sessions')).body.rows.length, 20);
});

test('SEC-10: two thousand users, and no more', async () => {
  const name = '"full" .. i';
  const before = Number(rig.redis.cli('hlen', 'yagura:web:users'));
  const row = rig.redis.cli('hget', 'yagura:web:users', 'viewer').trim();
  const each = (what) => rig.redis.cli('eval', `for i = 1, ${2000 - before} do ${what} end redis.call("incr", "yagura:web:users:change")`, 0, row);
  each(`redis.call("hset", "yagura:web:users", ${name}, ARGV[1])`);
  try {
    await until(async () => (await admin.get('/users')).body.rows.length === 2000, 8000, 'they are not all read');
    const refused = await admin.post('/users', { name: 'over', role: 'viewer', scope: 'all' });
    assert.deepEqual([refused.status, refused.body.code], [507, 'too_many_users']);
  } finally {
    each(`redis.call("hdel", "yagura:web:users", ${name})`);
  }
  await until(async () => (await admin.get('/users')).body.rows.length === before, 8000, 'they are still there');
});

test('SEC-10: while Redis is away who is in stays in, to read, and nobody comes in', { timeout: 20000 }, async () => {
  const in_ = await login('tanaka');
  await rig.redis.kill('SIGSTOP');
  try {
    await until(async () => (await in_.call('GET', '/session')).body.read_only, 4000, 'nobody says that Redis is away');
    await sleep(WEB_SESSION_CHECK_MS - 1000);
    assert.equal(await who(in_), 'tanaka');
    const refused = await login('tanaka');
    assert.deepEqual([refused.status, refused.body.code], [503, 'redis_away']);
    assert.equal((await in_.call('PUT', '/preferences', {})).status, 503);
  } finally {
    await rig.redis.kill('SIGCONT');
  }
  await until(async () => !(await in_.call('GET', '/session')).body.read_only, 10000, 'it does not come back');
  assert.equal(await who(in_), 'tanaka');
  assert.equal((await login('tanaka')).status, 200);
});

test('SEC-10: the memory of a hash is given back', async () => {
  const resident = () => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${rig.web.pid}/status`, 'utf8'))[1]);
  await login('tanaka');
  const before = resident();
  await Promise.all(Array.from({ length: 12 }, () => login('tanaka')));
  assert.ok(resident() - before < 8192, `${before} KiB, then ${resident()} KiB`); // one that is kept has 19 MiB
});

test('SEC-03, SEC-12: the audit log: who, what, from where, with offset; no secret; one line each; forwarded', async () => {
  const secret = 'Tr0ub4dor&3 しかし長い';
  await login('line\r\nbreak {"n":1}', secret);
  await login('suzuki', secret);
  const suzuki = await login('suzuki');
  assert.equal((await suzuki.call('GET', '/users')).status, 403);
  const rows = log();
  rows.forEach((row, i) => assert.equal(row.n, i + 1));
  const has = (want) => rows.find((row) => Object.entries(want).every(([key, value]) => row[key] === value));
  for (const row of rows) assert.match(row.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+0900$/);
  assert.ok(has({ action: 'login', result: '401', user: '(no name)' }));
  assert.ok(has({ action: 'login', result: '401', user: 'suzuki' }));
  assert.ok(has({ action: 'login', result: 'ok', user: 'suzuki' }));
  assert.ok(has({ action: 'denied', user: 'suzuki', result: '403' }));
  assert.ok(has({ action: 'user', user: 'admin' }));
  const everything = fs.readFileSync(path.join(rig.state, 'audit.jsonl'), 'utf8') + rig.web.said;
  for (const word of [secret, PASSWORD, suzuki.body.csrf, suzuki.sent.cookie.split('=')[1], admin.csrf]) assert.ok(!everything.includes(word));
  assert.match(rig.web.said, /^<5>audit \{"n":\d+,/m);
});

test('SEC-12: who hangs up before he is refused is in the log', async () => {
  const before = log().length;
  const body = JSON.stringify({ user: 'suzuki', password: 'wrong but long enough' });
  const socket = net.connect(rig.port, '127.0.0.1');
  socket.write(`POST /api/v1/session HTTP/1.1\r\nHost: 127.0.0.1:${rig.port}\r\nX-Forwarded-For: 203.0.113.77\r\nContent-Type: application/json\r\n` +
    `X-Yagura-CSRF: x\r\nSec-Fetch-Site: same-origin\r\nContent-Length: ${body.length}\r\n\r\n${body}`, () => socket.destroy());
  await until(() => log().slice(before).some((row) => row.peer === '203.0.113.77' && row.result === '401'), 5000, 'no record');
});

test('SEC-03: the page reads the log from its end, by what it is asked for, with exact totals', async () => {
  const auditor = await rig.api('auditor');
  const rows = log();
  const all = [];
  for (let cursor = ''; cursor !== null;) {
    const { status, body } = await auditor.get('/audit?limit=7' + (cursor && '&cursor=' + cursor));
    assert.equal(status, 200);
    assert.ok(body.total >= rows.length);
    all.push(...body.rows);
    cursor = body.cursor;
  }
  assert.deepEqual(all.filter(({ n }) => n <= rows.length).map(({ n }) => n), rows.map(({ n }) => n).reverse());
  const count = (test) => log().filter(test).length;
  const asks = { 'user:suzuki': (r) => r.user === 'suzuki', 'action:login result:ok': (r) => r.action === 'login' && r.result === 'ok',
    '-action:login': (r) => r.action !== 'login', 'ａｃｔｉｏｎ：ｕｓｅｒ': (r) => r.action === 'user', 'result:4*': (r) => r.result?.startsWith('4'),
    'KATO': (r) => JSON.stringify([r.user, r.action, r.result, r.peer, r.what]).includes('kato'), '"make kato"': (r) => r.what?.includes('make kato') };
  for (const [q, test] of Object.entries(asks)) {
    const { body } = await auditor.get('/audit?limit=3&q=' + encodeURIComponent(q));
    assert.equal(body.total, count(test), q);
    assert.ok(body.total > 0 && body.rows.length === Math.min(3, body.total) && body.rows.every(test), q);
    assert.equal(body.cursor === null, body.total <= 3, q);
  }
  assert.equal((await auditor.get('/audit?range=1h')).body.total, log().length);
  assert.equal((await auditor.get('/audit?range=2020-01-01T00:00:00Z/2020-01-02T00:00:00Z')).body.total, 0);
  for (const bad of ['q=%22open', 'limit=0', 'limit=x', 'cursor=x', 'cursor=-1', 'range=soon']) assert.equal((await auditor.get('/audit?' + bad)).status, 422, bad);
  for (const name of ['admin', 'lead', 'viewer']) assert.equal((await (await rig.api(name)).get('/audit')).status, 403, name);
});

test('SEC-03: the chain is whole; one byte changed, and it is not', async () => {
  const file = path.join(rig.state, 'audit.jsonl');
  const auditor = await rig.api('auditor');
  const verdict = (await auditor.post('/audit/verify', {})).body;
  assert.deepEqual([verdict.whole, verdict.first_bad, verdict.why], [true, null, null]);
  assert.ok(verdict.records > 20);
  const tool = (name) => spawnSync(path.join(build, 'yagura-web'), ['audit', 'verify', name], { encoding: 'utf8' });
  assert.equal(tool(file).status, 0);
  const copy = path.join(rig.folder, 'copy.jsonl');
  const bytes = fs.readFileSync(file);
  const at = bytes.indexOf('"user":"suzuki"') + 8;
  bytes[at] ^= 1;
  fs.writeFileSync(copy, bytes);
  const number = bytes.subarray(0, at).toString().split('\n').length;
  assert.equal(tool(copy).status, 1);
  assert.match(tool(copy).stdout, new RegExp(`record ${number} `));
  const open = fs.openSync(file, 'r+');
  fs.writeSync(open, bytes, at, 1, at);
  const broken = (await auditor.post('/audit/verify', {})).body;
  assert.deepEqual([broken.whole, broken.first_bad, broken.why], [false, number, 'changed']);
  bytes[at] ^= 1;
  fs.writeSync(open, bytes, at, 1, at);
  assert.equal((await auditor.post('/audit/verify', {})).body.whole, true);
  const size = fs.statSync(file).size; // the end cut off, behind a record: the file alone cannot tell, its writer can
  const text = fs.readFileSync(file);
  fs.ftruncateSync(open, text.lastIndexOf('\n', size - 2) + 1);
  assert.equal(tool(file).status, 0);
  const cut = (await auditor.post('/audit/verify', {})).body;
  assert.deepEqual([cut.whole, cut.why], [false, 'cut']);
  fs.closeSync(open);
});

test('views and preferences: fifty each, hostile names as text, seen by whom they are shared with', async () => {
  const mine = await login('tanaka');
  const view = (name, shared = 'me') => mine.call('POST', '/views', { name, page: 'inbox', query: 'q=sev:critical', shared });
  const hostile = '<img src=x onerror=alert(1)> \u202Eevil "\'';
  const made = await view(hostile, 'all');
  assert.deepEqual([made.status, made.body.name, made.body.mine], [201, hostile, true]);
  await view('role', 'role');
  await view('me');
  const names = async (user) => (await (await login(user)).call('GET', '/views')).body.rows.filter((row) => row.owner === 'tanaka').map((row) => row.name).sort();
  assert.deepEqual(await names('analyst2'), [hostile, 'role']);
  assert.deepEqual(await names('viewer'), [hostile]);
  assert.equal((await (await login('viewer')).call('DELETE', '/views/' + made.body.id)).status, 404);
  for (let i = 3; i < 50; i++) assert.equal((await view(`v${i}`)).status, 201);
  assert.equal((await view('one more')).body.code, 'too_many_views');
  assert.equal((await mine.call('DELETE', '/views/' + made.body.id)).status, 204);
  assert.equal((await view('one more')).status, 201);
  for (const bad of [{ name: '' }, { name: 'あ'.repeat(81) }, { page: 'users' }, { shared: 'world' }])
    assert.equal((await mine.call('POST', '/views', { name: 'x', page: 'inbox', query: '', shared: 'me', ...bad })).status, 422);
  assert.equal((await mine.call('PUT', '/preferences', { language: 'en', keymap: { next: 'KeyN' } })).status, 200);
  assert.deepEqual((await mine.call('GET', '/preferences')).body, { language: 'en', keymap: { next: 'KeyN' } });
  assert.equal((await mine.call('PUT', '/preferences', { language: 'xx' })).status, 422);
  assert.equal((await mine.call('PUT', '/preferences', { keymap: { next: 'x'.repeat(8192) } })).body.code, 'preferences_too_large');
});
