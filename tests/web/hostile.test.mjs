// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// SEC-06, SEC-13: a live server among the ill-meaning. Requests at random by every role and by nobody, connections that break off, records at
// random in the sensors' streams, Redis killed and started again; and the end of the server in the midst of it. It must live, answer what it
// promises, tell no officer another body's address, and end by itself, with nothing wrong (with a build for AddressSanitizer that is much).
//   YAGURA_LONG=300 node tests/web/hostile.test.mjs     for 300 seconds; YAGURA_SEED=n the same requests again
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { need, sleep, start, until, USERS } from './rig.mjs';
import { operations } from './contract.mjs';

need('redis', 'web');
const seconds = Number(process.env.YAGURA_LONG ?? 0) > 1 ? Number(process.env.YAGURA_LONG) : 8;
let seed = Number(process.env.YAGURA_SEED ?? Date.now() % 1e6);
const said = `YAGURA_SEED=${seed}`;
let rig, ids, fallen = false, still = false; // still: Redis is stopped, and who waits for it waits here

// xorshift: the same seed, the same requests
function random(n) {
  seed ^= seed << 13; seed ^= seed >>> 17; seed ^= seed << 5;
  return (seed >>> 0) % n;
}
const one = (list) => list[random(list.length)];

const TEXTS = ['', 'a', '*', '-', '@10.0.0.5', 'ip:10.0.0.0/8', 'port:1..65535', 'is:suppressed', 'is:shadow -is:open', 'kind:dos.*', 'org:kirisegoe', '"', '１０．１．２．３',
  'count:>=2', 'assignee:*', 'id:egress-1:*', 'state:new,archived', '\u0000', '\ud83d\ude00', '\u202e<script>', 'x'.repeat(1500), 'a '.repeat(60), '0', '-1', '1e999',
  '9999999999999999999', 'NaN', '../../etc/passwd', '%00', 'all', 'fy', '1h', '30d', '2026-01-01T00:00:00Z/2026-12-31T00:00:00Z',
  '1970-01-01T00:00:00+23:59/2261-12-31T23:59:60-23:59', '4.1795000000000000000.ffffffffffffffff', '0.-9223372036854775808.0', 'egress-1=1-1;c=0', 'severity', 'time',
  'bits', 'packets', 'alerts', 'host', 'application', 'body', 'csv', 'jsonl', '500', 'kirisegoe', 'shiosegoe', 'egress-1', '::ffff:100.64.0.1', '100.64.17.5', '203.0.113.9'];
const NAMES = ['q', 'range', 'state', 'sort', 'cursor', 'limit', 'metric', 'dim', 'org', 'sensor', 'format', 'topics', 'since', 'poll', 'x'];

function value(depth = 0) {
  const kind = random(depth > 3 ? 6 : 8);
  if (kind < 3) return one(TEXTS);
  if (kind === 3) return one([0, -1, 1e308, 2 ** 53, 0.5, 90]);
  if (kind === 4) return one([true, false, null]);
  if (kind === 5) return one([ids.group, ids.alert, 'ffffffffffffffff']);
  if (kind === 6) return Array.from({ length: random(4) }, () => value(depth + 1));
  return Object.fromEntries(Array.from({ length: random(4) }, () => [one(TEXTS), value(depth + 1)]));
}

const FIELDS = ['action', 'ids', 'q', 'state', 'range', 'versions', 'comment', 'reason', 'verdict', 'assignee', 'undo', 'kind', 'org', 'source', 'target', 'port',
  'expires_ms', 'version', 'on', 'name', 'page', 'query', 'shared', 'language', 'theme', 'user', 'password'];
const GOOD = { action: ['acknowledge', 'archive', 'escalate', 'comment', 'assign', 'reopen'], verdict: ['benign', 'threat'], ids: [[]], kind: ['scan.port', 'dos.*'],
  page: ['inbox'], shared: ['all', 'role', 'me'], language: ['ja'], assignee: ['lead', 'analyst'], expires_ms: [Date.now() + 864e5] };

function body() {
  const o = {};
  for (let n = random(8); n > 0; n--) {
    const name = one(FIELDS);
    o[name] = GOOD[name] && random(4) ? one(GOOD[name]) : value();
  }
  if (o.ids && Array.isArray(o.ids) && random(2)) o.ids = [ids.group];
  return JSON.stringify(o);
}

// What would put an end to the users that the rest needs.
const LEFT_OUT = new Set(['user_change', 'user_create', 'user_sessions_end', 'session_password', 'session_delete', 'sessions_end_others', 'first_run', 'session_create', 'session_step_up']);
const asked = operations.filter((o) => !LEFT_OUT.has(o.name));
const seen = new Map(), bad = [];
const inside = /\b100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.\d+\.\d+/g, own = /^100\.64\.(?:1[6-9]|2\d|3[01])\./;

async function request(sessions) {
  const o = one(asked), user = one(Object.keys(sessions)), session = random(12) ? sessions[user] : null;
  const part = () => encodeURIComponent(random(3) ? one([ids.group, ids.alert, ids.code, ids.ip]) : [...one(TEXTS)].slice(0, 900).join('') || 'x');
  const query = Array.from({ length: random(5) }, () => `${one(NAMES)}=${encodeURIComponent(one(TEXTS))}`).join('&');
  const where = '/api/v1' + o.path.replace(/\{\w+\}/g, part) + (query && '?' + query);
  const control = new AbortController();
  const timer = setTimeout(() => control.abort(), o.name === 'stream' || !random(6) ? random(300) : 20000);
  // node 18 now and then forgets who may abort a body: it is waited for here as well
  const gone = new Promise((_, reject) => control.signal.addEventListener('abort', () => reject(control.signal.reason)));
  gone.catch(() => {});
  try {
    const answer = await fetch(rig.origin + where, { method: o.method, signal: control.signal, body: o.method === 'GET' || o.method === 'DELETE' ? undefined : body(),
      headers: { ...rig.headers(session?.csrf), ...(session && { cookie: session.cookie }) } });
    seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1);
    const text = await Promise.race([answer.text(), gone]);
    if (answer.status >= 500 && answer.status !== 503) bad.push(`${o.name} ${where}: ${answer.status} ${text.slice(0, 200)}`);
    if (!session && answer.ok && o.role !== 'none') bad.push(`${o.name}: nobody got ${answer.status}`);
    if (session && user === 'other' && o.path !== '/hosts/{ip}')
      for (const [address] of text.matchAll(inside)) if (!own.test(address) && !where.includes(address) && !TEXTS.some((t) => t.includes(address))) bad.push(`${o.name} ${where}: tells ${address}`);
  } catch (error) {
    if (control.signal.aborted) return;
    seen.set('broken off', (seen.get('broken off') ?? 0) + 1);
  } finally { clearTimeout(timer); }
}

// Bytes that are no request, or half of one, and away.
const RAW = ['GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n', 'POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab',
  'GET /api/v1/groups HTTP/1.1\r\nHost: a\r\nHost: localhost\r\n\r\n', 'GET http://evil/ HTTP/1.1\r\nHost: localhost\r\n\r\n', '\x16\x03\x01\x02\x00', 'GET /\x00 HTTP/1.1\r\n\r\n',
  'POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nX-Yagura-CSRF: x\r\nSec-Fetch-Site: none\r\nContent-Length: 99999999999999999999\r\n\r\n{',
  'POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nX-Yagura-CSRF: x\r\nSec-Fetch-Site: none\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{',
  'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /api/v1/session HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'GET /' + 'a/'.repeat(5000) + ' HTTP/1.1\r\nHost: localhost\r\n\r\n', 'GET / HTTP/1.1\r\nHost: localhost\r\n' + 'X: y\r\n'.repeat(3000) + '\r\n',
  'HEAD /api/v1/session HTTP/1.1\r\nHost: localhost\r\n\r\n', 'OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n'];
function raw() {
  return new Promise((resolve) => {
    const socket = net.connect(rig.port, '127.0.0.1', () => {
      socket.write(one(RAW), 'latin1');
      setTimeout(() => (random(2) ? socket.resetAndDestroy() : socket.destroy(), resolve()), random(60));
    });
    socket.on('error', resolve).on('data', () => {});
  });
}

// ---- who may write into a stream ----

const KEYS = ['yagura:egress-9:alerts', 'yagura:egress-9:alerts', 'yagura:egress-9:metrics', 'yagura:egress-9:flows', 'yagura:x-y:alerts', 'yagura:a:b:alerts', 'yagura:<b>:metrics', 'yagura:web:alerts'];
function record() {
  const id = random(3) ? '00000000000000aa' : random(2 ** 31).toString(16).padStart(16, '0');
  const time = one(['2026-11-22T05:00:00.000000+0900', '1970-01-01T00:00:00.0+2359', '2261-12-31T23:59:60.9-2359', new Date().toISOString().replace('Z', '000+0000')]);
  const line = { timestamp: time, event_type: one(['alert', 'alert', 'alert', 'flow', 'stats']), src_ip: one(['10.0.0.5', '::1', '::ffff:100.64.0.1', 'x', '0.0.0.0']), src_port: one([80, -1, 1e300, 'a']),
    dest_ip: one(['100.64.17.5', '2001:db8::1', '']), dest_port: one([443, 2.5, 70000]), proto: one(['TCP', '255', '999', '\u0000']), app_proto: one(TEXTS),
    flow_id: 1e300, flow: { start: time, end: time, bytes_toserver: one([1, -5, 1e308]) },
    alert: { context: { id, kind: one(['scan.port', 'k' + random(1e6), '']), state: one(['open', 'update', 'close']), severity: one(['low', 'high', 'critical']), mode: one(['alert', 'page', 'shadow']), first_seen: time,
      last_seen: time, count: one([1, -1, 1e30]), org: { code: one(['kirisegoe', 'shiosegoe', 'o' + random(1e6)]), name_ja: '\u202e' + random(9) }, orgs: one([[], ['kirisegoe', 'shiosegoe'], Array.from({ length: 60 }, () => 'o' + random(1e5))]),
      target: one(['10.0.0.0/8', '0.0.0.0/0', '::/0', '100.64.17.5', '/', 'a/b']), why: { text_ja: one(['100.64.1.2 ', '']) + 'あ'.repeat(random(900)), text_en: '100.64.1.2\u0000100.64.1.3' } } } };
  const text = JSON.stringify(line);
  return one([text, text, text, text.slice(0, random(text.length)), '[' .repeat(5000), text.replaceAll('2', '\ufffd'), '{"a":"' + 'b'.repeat(1 << 20) + '"}', '{"a":1e99999}', '']);
}
function write() {
  for (let i = 0; i < 20 && !still; i++) rig.redis.cli('xadd', one(KEYS), '*', random(9) ? 'eve' : 'other', record());
}

before(async () => {
  rig = await start({ redis: ['--appendonly', 'no', '--save', ''] });
  const lead = await rig.api('lead');
  const group = (await lead.get('/groups?range=30d&state=all&limit=1&q=org:kirisegoe')).body.rows[0];
  ids = { group: group.id, alert: group.latest, code: 'kirisegoe', ip: '100.64.17.5' };
});
after(() => rig?.stop());

const alive = () => assert.equal(rig.web.exitCode ?? rig.web.signalCode, null, `${said}: it ended: ${rig.web.said.slice(-6000)}`);

test(`SEC-13 a server among the ill-meaning for ${seconds} s`, async () => {
  const sessions = {};
  for (const name of Object.keys(USERS)) sessions[name] = await rig.api(name);
  const end = Date.now() + seconds * 1000;
  const live = rig.live({ rate: 50, seconds });
  live.told.catch(() => {}); // it has no more patience with Redis than it needs elsewhere
  const worker = async (work, pause) => { while (Date.now() < end && !fallen) { await work(); await sleep(random(pause)); alive(); } };
  const killer = async () => {
    for (let n = 0; Date.now() < end - 3000; n++) {
      await sleep(Math.min(4000 + random(6000), Math.max(0, end - 3000 - Date.now())));
      rig.redis.cli('config', 'set', 'dir', rig.folder);
      if (n % 3 !== 2) rig.redis.cli('save'); // else it comes back with what it knew some time ago
      if (n % 2) {
        still = true;
        await rig.redis.kill('SIGSTOP');
        await sleep(random(1500));
        rig.redis.child.kill('SIGCONT');
        still = false;
      } else {
        await rig.redis.kill();
        await sleep(random(800));
        await rig.redis.start();
      }
      rig.redis.cli('del', 'yagura:egress-9:alerts'); // and a stream begins anew
    }
  };
  await Promise.all([...Array.from({ length: 8 }, () => worker(() => request(sessions), 30)), worker(raw, 80), worker(async () => write(), 400), killer()]).finally(() => { fallen = true; });
  await live.ended;
  assert.deepEqual([...new Set(bad)].slice(0, 20), [], said);
  assert.ok((seen.get(200) ?? 0) > seconds, `${said}: ${JSON.stringify([...seen])}`);
  await until(async () => (await fetch(rig.origin + '/readyz').catch(() => null))?.ok, 15000, 'it is not ready again');
  console.log(`# ${said}: ${JSON.stringify(Object.fromEntries(seen))}, ${JSON.stringify(rig.memory())}`);
});

test('SEC-13 it ends by itself while much is under way', async () => {
  const sessions = {};
  for (const name of ['lead', 'analyst', 'other']) sessions[name] = await rig.api(name);
  await rig.redis.kill('SIGSTOP'); // what is asked of it now is unanswered when the server ends
  const gone = [];
  const ask = (where) => fetch(rig.origin + '/api/v1' + where, { headers: { cookie: sessions.lead.cookie } }).then((answer) => answer.text()).catch(() => '');
  for (const where of [`/groups/${ids.group}`, `/alerts/${encodeURIComponent(ids.alert)}`, `/alerts/${encodeURIComponent(ids.alert)}/flows`, `/hosts/${ids.ip}`,
    '/export?format=jsonl', '/export?format=csv', '/alerts?limit=500&range=all', '/views', '/stream?topics=alerts']) gone.push(ask(where));
  for (let i = 0; i < 30; i++) gone.push(request(sessions));
  await sleep(150);
  rig.web.kill('SIGTERM');
  const code = await Promise.race([rig.web.ended, sleep(20000).then(() => 'it does not end')]);
  rig.redis.child.kill('SIGCONT');
  assert.equal(code, 0, `${said}: ${code} ${rig.web.said.slice(-8000)}`);
  await Promise.all(gone);
});
