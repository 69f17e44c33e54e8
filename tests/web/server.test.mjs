// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The server by itself, without a browser: headers of every answer, where it listens, limits (each of them filled), files, what it takes of
// the machine while nobody asks, and a Redis that stands still.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, before, test } from 'node:test';
import tls from 'node:tls';
import { build, freePort, need, root, sleep, start, until } from './rig.mjs';

need('redis', 'web');
const WEB = path.join(build, 'yagura-web');
let rig;
before(async () => { rig = await start({ fill: null }); }, { timeout: 60000 });
after(() => rig?.stop());

/** What comes back for these bytes: every answer until the other side closes, or `ms` without a byte. */
function raw(bytes, { port = rig.port, ms = 700 } = {}) {
  return new Promise((resolve) => {
    let said = '';
    const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes));
    const end = () => { socket.destroy(); resolve(said); };
    socket.setTimeout(ms, end);
    socket.on('data', (data) => { said += data.toString('latin1'); });
    socket.on('close', end);
    socket.on('error', end);
  });
}
const get = (target, more = '') => raw(`GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n${more}\r\n`);
const status = (answer) => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 0);
const counters = async () => (await (await rig.api('viewer')).get('/sensors')).body.web ?? {};

const SECURE = {
  'content-security-policy': "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; "
    + "worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'; "
    + "require-trusted-types-for 'script'; trusted-types yagura",
  'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};
function secure(headers, where, hsts = false) {
  for (const [name, value] of Object.entries(SECURE)) assert.equal(headers.get(name), value, `${where}: ${name}`);
  assert.match(headers.get('permissions-policy') ?? '', /geolocation=\(\)/, where);
  assert.equal(headers.get('strict-transport-security'), hsts ? 'max-age=31536000' : null, where);
}
const headersOf = (answer) => new Headers(answer.split('\r\n\r\n')[0].split('\r\n').slice(1).map((line) => line.split(/:\s*(.*)/s).slice(0, 2)));

test('SEC-04: every answer has the headers, of every route, of files, of every refusal', async () => {
  const paths = [...fs.readFileSync(path.join(root, 'dashboards/web/openapi.yaml'), 'utf8').matchAll(/^ {2}(\/\S+):$/gm)].map((m) => m[1]);
  assert.ok(paths.length > 35);
  const api = await rig.api('viewer');
  for (const where of paths.filter((p) => p !== '/stream').map((p) => p.replaceAll(/\{\w+\}/g, '1'))) {
    const answer = await api.get(where);
    secure(answer.headers, where);
    assert.equal(answer.headers.get('cache-control'), 'no-store', where);
    await sleep(20); // sixty a second
  }
  for (const where of ['/', '/inbox', '/groups/1f', '/nowhere', '/readyz']) secure((await fetch(rig.origin + where)).headers, where);
  const index = await (await fetch(rig.origin + '/')).text();
  for (const [, where] of index.matchAll(/"(\/assets\/[^"]+)"/g)) {
    const answer = await fetch(rig.origin + where);
    secure(answer.headers, where);
    assert.match(answer.headers.get('cache-control'), /immutable/);
    assert.equal(answer.headers.get('content-encoding') !== null, Number(answer.headers.get('content-length')) > 256 || answer.headers.has('content-encoding'));
  }
  const refused = {
    400: 'GET /%zz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', 404: 'GET /api/v1/none HTTP/1.1\r\nHost: localhost\r\n\r\n',
    405: 'PUT /inbox HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n', 421: 'GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n',
    401: 'GET /api/v1/groups HTTP/1.1\r\nHost: localhost\r\n\r\n', 415: 'POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n',
    414: `GET /${'a'.repeat(8300)} HTTP/1.1\r\nHost: localhost\r\n\r\n`, 431: `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'a'.repeat(9000)}\r\n\r\n`,
  };
  for (const [code, bytes] of Object.entries(refused)) {
    const answer = await raw(bytes);
    assert.equal(status(answer), Number(code), bytes.slice(0, 60));
    secure(headersOf(answer), code);
    assert.match(answer, /application\/problem\+json/);
    const problem = JSON.parse(Buffer.from(answer.split('\r\n\r\n')[1], 'latin1').toString());
    assert.ok(problem.code && problem.message_ja && problem.message_en);
  }
});

test('SEC-08: another page cannot do anything: no type, no header, another origin', async () => {
  const body = JSON.stringify({ user: 'viewer', password: 'x' });
  const post = (headers) => fetch(rig.origin + '/api/v1/session', { method: 'POST', headers, body });
  const good = rig.headers('1');
  assert.equal((await post(good)).status, 401);
  for (const [without, code] of [['content-type', 415], ['x-yagura-csrf', 403]]) {
    const headers = { ...good, 'content-type': without === 'content-type' ? 'text/plain' : good['content-type'] };
    if (without !== 'content-type') delete headers[without];
    assert.equal((await post(headers)).status, code, without);
  }
  assert.equal((await post({ ...good, origin: 'https://evil.example' })).status, 403);
  assert.equal((await post({ ...good, 'sec-fetch-site': 'cross-site' })).status, 403);
  assert.equal((await post({ ...good, 'sec-fetch-site': 'same-site' })).status, 403);
  const api = await rig.api('lead');
  assert.equal((await api.put('/preferences', {}, { 'x-yagura-csrf': '0'.repeat(64) })).status, 403);
  assert.equal((await api.put('/preferences', { theme: 'dark' })).status, 200);
});

const run = (args, options = {}) => spawnSync(WEB, [...rig.common, ...args], { encoding: 'utf8', timeout: 5000, ...options });

test('SEC-11: beyond this host with TLS alone, 1.2 and 1.3 alone', async (t) => {
  const port = await freePort();
  const refused = run(['--listen', `0.0.0.0:${port}`]);
  assert.equal(refused.status, 78, refused.stderr);
  assert.match(refused.stderr, /not without TLS/);
  if (spawnSync('openssl', ['version']).status !== 0) { t.skip('openssl is not there'); return; }
  const [key, certificate] = ['key.pem', 'certificate.pem'].map((name) => path.join(rig.folder, name));
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=localhost',
    '-keyout', key, '-out', certificate], { stdio: 'ignore' });
  const other = await start({ fill: null, users: false, begin: false });
  try {
    other.webOptions = ['--certificate', certificate, '--key', key];
    other.startWeb().catch(() => {}); // it asks readyz over http, which there is none of, until the server is ended
    const speak = (options) => new Promise((resolve) => {
      const socket = tls.connect({ host: '127.0.0.1', port: other.port, rejectUnauthorized: false, ciphers: 'DEFAULT:@SECLEVEL=0', ...options }, () => {
        let said = '';
        socket.on('data', (data) => { said += data; });
        socket.on('close', () => resolve({ protocol: socket.getProtocol() ?? options.maxVersion, said }));
        socket.end('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
      });
      socket.on('error', () => resolve({ protocol: null, said: '' }));
    });
    await until(async () => (await speak({})).said, 5000, 'no TLS: ' + other.web.said);
    for (const version of ['TLSv1.2', 'TLSv1.3']) {
      const { said } = await speak({ minVersion: version, maxVersion: version });
      assert.equal(status(said), 200, version);
      secure(headersOf(said), version, true);
    }
    for (const version of ['TLSv1', 'TLSv1.1']) assert.equal((await speak({ minVersion: version, maxVersion: version })).said, '', version);
  } finally {
    await other.stop();
  }
});

test('SEC-13: limits of a request: body, line, headers, depth, time', { timeout: 30000 }, async () => {
  const api = await rig.api('analyst');
  const filled = (size) => '"' + 'x'.repeat(size - 2) + '"';
  const put = (text) => fetch(rig.origin + '/api/v1/preferences', { method: 'PUT', headers: { ...rig.headers(api.csrf), cookie: api.cookie }, body: text });
  assert.equal((await put(filled(65536))).status, 400); // it is read, and is no object
  assert.equal((await put(filled(65537))).status, 413);
  const chunked = `PUT /api/v1/preferences HTTP/1.1\r\nHost: 127.0.0.1:${rig.port}\r\nContent-Type: application/json\r\nX-Yagura-CSRF: ${api.csrf}\r\n`
    + `Sec-Fetch-Site: same-origin\r\nCookie: ${api.cookie}\r\nTransfer-Encoding: chunked\r\n\r\n`;
  assert.equal(status(await raw(chunked + `${(70000).toString(16)}\r\n${'x'.repeat(70000)}\r\n0\r\n\r\n`)), 413);
  assert.equal((await put('{"a":'.repeat(16) + '1' + '}'.repeat(16))).status === 413, false);
  const deep = await put('{"a":'.repeat(17) + '1' + '}'.repeat(17));
  assert.equal(deep.status, 400);
  assert.equal((await deep.json()).code, 'bad_json');
  assert.equal((await put('{"theme":"dark","theme":"light"}')).status, 400);
  assert.equal(status(await get('/' + '?a=' + 'b'.repeat(8180))), 200);
  assert.equal(status(await get('/' + '?a=' + 'b'.repeat(8192))), 414);
  const began = Date.now();
  const drip = await new Promise((resolve) => {
    const socket = net.connect(rig.port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nX: '));
    const more = setInterval(() => socket.write('a'), 500); // never silent, never done
    socket.on('close', () => { clearInterval(more); resolve(Date.now() - began); });
    socket.on('error', () => {});
    socket.resume();
  });
  assert.ok(drip > 9000 && drip < 13500, `${drip} ms`);
});

test('SEC-13: sixty requests a second and session, 256 connections, and others go on', { timeout: 20000 }, async () => {
  const [busy, calm] = [await rig.api('auditor'), await rig.api('lead')];
  await sleep(1200); // the bucket is full again
  const one = `GET /api/v1/preferences HTTP/1.1\r\nHost: localhost\r\nCookie: ${busy.cookie}\r\n`;
  const began = Date.now();
  const answer = await raw((one + '\r\n').repeat(399) + one + 'Connection: close\r\n\r\n', { ms: 5000 });
  const most = 60 + 60 * (Date.now() - began) / 1000;
  const [taken, refused] = [200, 429].map((code) => answer.split(`HTTP/1.1 ${code} `).length - 1);
  assert.equal(taken + refused, 400);
  assert.ok(taken >= 60 && taken <= most + 1, `${taken} of at most ${most}`);
  assert.match(answer, /Retry-After: 1\r\n/);
  assert.equal((await calm.get('/preferences')).status, 200);
  const sockets = Array.from({ length: 300 }, () => net.connect(rig.port, '127.0.0.1').on('error', () => {}).on('data', () => {}));
  await sleep(500);
  const descriptors = fs.readdirSync(`/proc/${rig.web.pid}/fd`).length;
  assert.ok(descriptors <= 256 + 24, `${descriptors} descriptors`);
  for (const socket of sockets) socket.destroy();
  await until(async () => (await fetch(rig.origin + '/readyz').catch(() => null))?.ok, 5000);
});

test('SEC-14: three thousand ways out of the folder lead nowhere', { timeout: 30000 }, async (t) => {
  let answered = 0;
  const parts = ['..', '%2e%2e', '.%2e', '%252e%252e', '..%2f', '..%5c', '..\\', '....//', '%c0%ae%c0%ae', '%00', '/', '//', 'etc', 'passwd', 'proc', 'self', 'environ',
    'assets', 'index.html', 'api', 'v1', '%2fetc%2fpasswd', 'C:', 'file:', '~root', '.git', 'config', ';', '%3b', '\u3042', '\xff'];
  let seed = 20261122;
  const next = (n) => { seed = (Math.imul(seed, 1103515245) + 12345) >>> 0; return (seed >>> 8) % n; };
  const known = /^\/(assets\/[^/]+|index\.html|api\/.*)?$/;
  for (let batch = 0; batch < 30; batch++) {
    let bytes = '';
    const asked = [];
    for (let i = 0; i < 100; i++) {
      const target = '/' + Array.from({ length: 2 + next(5) }, () => parts[next(parts.length)]).join(next(3) ? '/' : '');
      asked.push(target);
      bytes += `GET ${encodeURI(target).replaceAll('%25', '%')} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
    }
    const answer = await raw(bytes + 'GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n', { ms: 3000 });
    assert.doesNotMatch(answer, /root:x:|\[core\]|PATH=/);
    const found = [...answer.matchAll(/HTTP\/1\.1 (\d+) [A-Z]/g)].map((m) => Number(m[1]));
    assert.ok(found.length > 0, asked[0]);
    if (found.length === 101) found.pop(); // all of them and readyz
    answered += found.length;
    found.forEach((code, i) => {
      if (code === 200) assert.match(asked[i], known, asked[i]);
      else assert.ok([400, 401, 404, 405].includes(code), `${asked[i]}: ${code}`);
    });
  }
  t.diagnostic(`${answered} answers`);
  assert.ok(answered > 2500, `${answered} answers`);
  assert.equal((await fetch(rig.origin + '/readyz')).status, 200);
});

test('files: compressed as the browser takes them, kept by their ETag', async () => {
  const index = await (await fetch(rig.origin + '/')).text();
  const where = /"(\/assets\/main-[^"]+)"/.exec(index)[1];
  const sizes = {};
  for (const coding of ['br', 'gzip', 'identity']) {
    const answer = await raw(`GET ${where} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: ${coding}\r\nConnection: close\r\n\r\n`);
    const headers = headersOf(answer);
    assert.equal(headers.get('content-encoding'), coding === 'identity' ? null : coding);
    sizes[coding] = Number(headers.get('content-length'));
    assert.equal(headers.get('vary'), 'Accept-Encoding');
    assert.equal(status(await get(where, `If-None-Match: ${headers.get('etag')}\r\n`)), 304);
  }
  assert.ok(sizes.br < sizes.gzip && sizes.gzip < sizes.identity, JSON.stringify(sizes));
  assert.equal(status(await get(where + '.map')), 404);
});

test('idle: at most 16 MB and 1 % of a core', { timeout: 30000 }, async (t) => {
  const other = await start({ fill: null, users: false });
  try {
    await sleep(1500);
    const [cpu, { rss }] = [other.cpu(), other.memory()];
    await sleep(5000);
    const used = (other.cpu() - cpu) / 5;
    t.diagnostic(`${rss} kB, ${(used * 100).toFixed(1)} %`);
    assert.ok(rss <= 16384, `${rss} kB`);
    assert.ok(used <= 0.012, `${used}`); // a tick of the clock is 0.2 %
  } finally {
    await other.stop();
  }
});

test('UI-18: a Redis that stands still is away within a second, and back by itself', { timeout: 20000 }, async () => {
  const other = await start({ fill: null, users: false });
  const ready = async () => (await fetch(other.origin + '/readyz')).ok;
  try {
    await other.redis.kill('SIGSTOP');
    const began = Date.now();
    await until(async () => !(await ready()), 3000, 'not seen');
    assert.ok(Date.now() - began <= 1300, `${Date.now() - began} ms`);
    await sleep(4000); // beyond what the connection is given up after
    await other.redis.kill('SIGCONT');
    await until(ready, 3000, 'not back');
    await other.redis.kill();
    await until(async () => !(await ready()), 1500, 'its end is not seen');
    await other.redis.start();
    await until(ready, 7000, 'not back after a new start');
  } finally {
    await other.stop();
  }
});

test('SIGTERM ends it cleanly, SIGHUP does not', async () => {
  const other = await start({ fill: null, users: false });
  other.web.kill('SIGHUP');
  await sleep(500);
  assert.equal((await fetch(other.origin + '/readyz')).status, 200);
  other.web.kill('SIGTERM');
  assert.equal(await other.web.ended, 0, other.web.said);
  await other.stop();
});

test('options: usage is 64, a wrong address of Redis 78, a folder that is not there 73', () => {
  assert.equal(spawnSync(WEB, ['--nonsense']).status, 64);
  assert.equal(spawnSync(WEB, ['frobnicate']).status, 64);
  assert.equal(spawnSync(WEB, ['--redis', 'http://x']).status, 78);
  assert.equal(spawnSync(WEB, ['--certificate', 'x']).status, 64);
  assert.equal(run(['--state', '/nonexistent/folder']).status, 73);
  assert.equal(spawnSync(WEB, ['--help'], { encoding: 'utf8' }).stdout.split('\n').every((line) => line.length <= 80), true);
  assert.match(spawnSync(WEB, ['version'], { encoding: 'utf8' }).stdout, /^yagura-web \d/);
  assert.equal(run(['--check']).status, 0);
  // a name that no sensor can have would be one that nobody ever finds
  for (const names of ['egress-1, egress-2', ',', 'a,,b', 'センサー', 'a'.repeat(64)]) assert.equal(run(['--sensors', names, '--check']).status, 64, names);
  assert.equal(run(['--sensors', 'egress-1,egress_2.b', '--check']).status, 0);
  const emptied = Object.fromEntries(['SENSORS', 'METRICS', 'AUDIT_SIZE', 'TIMEZONE', 'REDIS_PASSWORD_FILE'].map((name) => ['YAGURA_WEB_' + name, '']));
  assert.equal(run(['--check'], { env: { ...process.env, ...emptied } }).status, 0, 'a line of its environment that was emptied is not there');
});

test('every code that the server answers with has a sentence in both languages', () => {
  const folder = path.join(root, 'dashboards/web/server');
  const text = (name) => fs.readFileSync(path.join(folder, name), 'utf8');
  const known = new Set([...text('messages.c').matchAll(/^\s*\{"([a-z_]+)",/gm)].map((m) => m[1]));
  assert.ok(known.size > 30);
  const missing = [];
  for (const name of fs.readdirSync(folder).filter((n) => n.endsWith('.c') && n !== 'messages.c'))
    for (const [, call] of text(name).matchAll(/\b(?:web_answer_problem|web_gate_problem|web_problem|refuse)\(([^;]*)\);/g))
      for (const [, code] of call.matchAll(/"([a-z_]+)"/g)) if (!known.has(code)) missing.push(`${name}: ${code}`);
  assert.deepEqual(missing, []);
});
