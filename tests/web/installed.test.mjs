// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// As it is installed: the unit's environment and confinement (unit.py), the environment file, the list of bodies, the configuration of nginx
// and the user of Redis that are shipped, with nothing changed but paths, ports and certificates. A browser comes in by nginx over
// HTTP/2; a stream through it loses nothing; the address of who asks is in the audit log, and nobody can set another.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { build, freePort, need, PASSWORD, require, root, sleep, start, until } from './rig.mjs';

need('redis', 'web');
const NGINX = ['/usr/sbin/nginx', '/usr/bin/nginx'].find((one) => fs.existsSync(one));
for (const [name, there] of [['nginx', NGINX], ['openssl', spawnSync('openssl', ['version']).status === 0], ['systemd-analyze', spawnSync('systemd-analyze', ['--version']).status === 0]])
  if (!there) { console.log(`skip - installed.test.mjs: not here: ${name}`); process.exit(77); }

const NAME = 'yagura.example.lg.jp';
const NOBODY = process.getuid() === 0 ? 65534 : null;
const shipped = (where) => fs.readFileSync(path.join(root, 'configs', where), 'utf8');
/** The text with each of these replaced, all of which have to be there. */
const replace = (text, pairs) => pairs.reduce((done, [from, to]) => {
  assert.ok(done.includes(from), `${from} is in what is shipped`);
  return done.replaceAll(from, to);
}, text);

let rig, port, plain, unit, nginx;
const at = (name) => path.join(rig.folder, name);

function startUnit() {
  unit = spawn('/usr/bin/python3', [path.join(root, 'tests/web/unit.py'), path.join(root, 'configs/systemd/yagura-web.service'), at('yagura-web.env'),
    at('yagura-web'), ...(NOBODY ? [String(NOBODY)] : [])], { stdio: ['ignore', 'pipe', 'pipe'] });
  unit.said = '';
  for (const stream of [unit.stdout, unit.stderr]) stream.on('data', (data) => { unit.said += data; });
}

async function startNginx() {
  [port, plain] = [await freePort(), await freePort()];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', `/CN=${NAME}`,
    '-keyout', at('key.pem'), '-out', at('certificate.pem')], { stdio: 'ignore' });
  fs.writeFileSync(at('site.conf'), replace(shipped('web/nginx.conf'), [
    ['listen 80;', `listen 127.0.0.1:${plain};`], ['listen [::]:80;', ''], ['listen 443 ssl', `listen 127.0.0.1:${port} ssl`], ['listen [::]:443 ssl http2;', ''],
    ['/etc/ssl/yagura/certificate.pem', at('certificate.pem')], ['/etc/ssl/private/yagura.key', at('key.pem')], ['/run/yagura-web/web.sock', at('web.sock')]]));
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${at(name)};`).join('\n');
  fs.writeFileSync(at('nginx.conf'), `${NOBODY ? 'user nobody nogroup;\n' : ''}daemon off;\npid ${at('nginx.pid')};\nevents {}\n`
    + `http {\naccess_log off;\n${folders}\ninclude ${at('site.conf')};\n}\n`);
  const checked = spawnSync(NGINX, ['-t', '-c', at('nginx.conf'), '-e', at('nginx.log')], { encoding: 'utf8' });
  assert.equal(checked.status, 0, checked.stderr);
  nginx = spawn(NGINX, ['-c', at('nginx.conf'), '-e', at('nginx.log')], { stdio: 'ignore' });
}

/** Whether it says so itself: not through nginx, which keeps that to the machine. */
const ready = () => new Promise((resolve) => {
  http.get({ socketPath: at('web.sock'), path: '/readyz' }, (answer) => { answer.resume(); resolve(answer.statusCode === 200); }).on('error', () => resolve(false));
});

/** A request to nginx; the answer, or with `stream` its socket as it comes. */
function ask(method, where, { body, headers = {}, stream, host = NAME } = {}) {
  return new Promise((resolve, reject) => {
    const request = https.request({ host: '127.0.0.1', port, servername: NAME, rejectUnauthorized: false, method, path: where, agent: false,
      headers: { host, origin: `https://${NAME}`, 'sec-fetch-site': 'same-origin', ...(body ? { 'content-type': 'application/json', 'x-yagura-csrf': '' } : {}), ...headers } }, (answer) => {
      if (stream) { resolve(answer); return; }
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (piece) => { text += piece; });
      answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, text }));
      answer.on('error', reject);
    });
    request.on('error', reject);
    request.end(body && JSON.stringify(body));
  });
}
const login = (password = PASSWORD, headers = {}, user = 'analyst') => ask('POST', '/api/v1/session', { body: { user, password }, headers });
const audit = () => fs.readFileSync(path.join(rig.state, 'audit.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line));

before(async () => {
  rig = await start({ begin: false, redis: ['--unixsocketperm', '777'] });
  fs.cpSync(path.join(rig.seeded.folder, 'config'), at('config'), { recursive: true });
  fs.copyFileSync(path.join(build, 'yagura-web'), at('yagura-web')); // the build may lie where another user does not come
  const secret = /web:([^@]+)@/.exec(rig.common.join(' '))[1];
  fs.writeFileSync(at('redis.password'), secret + '\n');
  fs.writeFileSync(at('bodies.yaml'), replace(shipped('web/bodies.yaml'), [['/etc/yagura/organisations', at('config/organisations')]]));
  fs.writeFileSync(at('yagura-web.env'), replace(shipped('web/yagura-web.env'), [['web@/run/redis/yagura.sock', 'web@' + rig.redis.socket],
    ['/etc/yagura-web/redis.password', at('redis.password')], ['/etc/yagura-web/bodies.yaml', at('bodies.yaml')], ['unix:/run/yagura-web', 'unix:' + rig.folder],
    ['=/var/lib/yagura-web', '=' + rig.state]]));
  fs.chmodSync(rig.folder, 0o711);
  if (NOBODY) {
    execFileSync('chown', ['-R', `${NOBODY}:${NOBODY}`, rig.state, at('redis.password'), at('bodies.yaml'), at('config')]);
    fs.chownSync(rig.folder, NOBODY, NOBODY); // where its socket is made
  }
  fs.chmodSync(at('redis.password'), 0o400);
  startUnit();
  await until(() => { assert.equal(unit.exitCode, null, unit.said); return ready(); }, 15000, 'not ready: ' + unit.said);
  await startNginx();
  await until(async () => (await ask('GET', '/').catch(() => null))?.status === 200, 15000, 'nginx answers');
}, { timeout: 90000 });
after(async () => {
  nginx?.kill('SIGTERM');
  unit?.kill('SIGTERM');
  await rig?.stop();
});

test('the unit: no network, no capability, two filters of system calls, no port', () => {
  const status = fs.readFileSync(`/proc/${unit.pid}/status`, 'utf8');
  const field = (name) => new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(status)[1];
  assert.equal(field('Name'), 'yagura-web');
  assert.deepEqual([field('CapEff'), field('CapPrm'), field('CapInh'), field('CapAmb'), field('NoNewPrivs'), field('Seccomp')],
    ['0000000000000000', '0000000000000000', '0000000000000000', '0000000000000000', '1', '2']);
  assert.ok(Number(field('Seccomp_filters')) >= 2);
  assert.equal((fs.statSync(at('web.sock')).mode & 0o777).toString(8), '660', 'the group of nginx reaches it, and nobody else');
  assert.equal(fs.statSync(path.join(rig.state, 'audit.jsonl')).mode & 0o077, 0);
});

test('nginx: HTTP/2, to https from http, headers of security once, nothing of the machine', async () => {
  const session = http2.connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false, servername: NAME });
  const headers = await new Promise((resolve, reject) => {
    session.on('error', reject);
    session.request({ ':path': '/', ':authority': NAME }).on('response', resolve).on('error', reject).resume();
  });
  session.destroy();
  assert.equal(headers[':status'], 200);
  assert.equal(headers['strict-transport-security'], 'max-age=31536000');
  assert.match(headers['content-security-policy'], /^default-src 'none'/);
  for (const where of ['/metrics', '/healthz', '/readyz']) assert.equal((await ask('GET', where)).status, 404, where);
  const moved = await fetch(`http://127.0.0.1:${plain}/inbox`, { redirect: 'manual', headers: { host: NAME } });
  assert.equal(moved.status, 301);
  assert.equal((await ask('GET', '/api/v1/session', { host: 'other.example' })).status, 421, 'a name that is not ours');
});

test('the audit log has the address of who asks, and what he says of himself is not believed', async () => {
  const wrong = await login('not the password of anybody', { 'x-forwarded-for': '203.0.113.9', forwarded: 'for=203.0.113.9' });
  assert.equal(wrong.status, 401);
  const last = audit().at(-1);
  assert.ok(JSON.stringify(last).includes('127.0.0.1'), JSON.stringify(last));
  assert.ok(!JSON.stringify(last).includes('203.0.113.9'), JSON.stringify(last));
  const right = await login();
  assert.equal(right.status, 200, right.text);
  assert.match(right.headers['set-cookie'][0], /^__Host-[^;]+; .*Secure/);
  for (const part of ['HttpOnly', 'SameSite=Strict', 'Path=/']) assert.ok(right.headers['set-cookie'][0].includes(part), part);
});

test('the stream through nginx: at once, and what came while it was cut is told when it is back, nothing twice', { timeout: 60000 }, async () => {
  const cookie = (await login()).headers['set-cookie'][0].split(';')[0];
  const told = new Map();
  let last = '', resets = 0, delay = 0;
  const listen = async (ms) => {
    const answer = await ask('GET', '/api/v1/stream', { stream: true, headers: { cookie, accept: 'text/event-stream', ...(last ? { 'last-event-id': last } : {}) } });
    assert.equal(answer.statusCode, 200);
    let rest = '';
    answer.setEncoding('utf8');
    answer.on('error', () => {});
    answer.on('data', (piece) => {
      rest += piece;
      for (let end; (end = rest.indexOf('\n\n')) >= 0; rest = rest.slice(end + 2)) {
        const field = (name) => rest.slice(0, end).split('\n').find((line) => line.startsWith(name + ': '))?.slice(name.length + 2);
        if (field('event') === 'reset') resets++;
        if (field('event') === 'alerts')
          for (const row of JSON.parse(field('data')).rows) {
            const record = `${row.id} ${row.time_ms} ${row.state} ${row.count}`;
            told.set(record, (told.get(record) ?? 0) + 1);
            delay = Math.max(delay, last ? 0 : Date.now() - row.time_ms);
          }
        if (field('id')) last = field('id');
      }
    });
    await sleep(ms);
    answer.destroy();
  };
  const live = rig.live({ rate: 50, seconds: 6 });
  for (let round = 0; round < 5; round++) {
    await listen(700);
    await sleep(500);
  }
  const { alerts } = await live.told;
  await listen(1500);
  assert.equal(resets, 0);
  assert.deepEqual([...told].filter(([, n]) => n > 1), []);
  const wanted = rig.redis.cli('xrevrange', 'yagura:egress-1:alerts', '+', '-', 'count', alerts).match(/"id":"[0-9a-f-]+"/g) ?? [];
  assert.equal(told.size, alerts, `${alerts} were written, ${told.size} told (${new Set(wanted).size} ids)`);
});

test('a browser logs in by the form, over TLS, and the cookie stays', { timeout: 60000 }, async (t) => {
  const chromium = process.env.YAGURA_CHROMIUM ?? '/usr/bin/chromium';
  if (!fs.existsSync(chromium)) { t.skip('chromium is not there'); return; }
  const browser = await require('playwright-core').chromium.launch({ executablePath: chromium,
    args: ['--no-sandbox', '--disable-gpu', `--host-resolver-rules=MAP ${NAME} 127.0.0.1:${port}`] });
  try {
    const page = await (await browser.newContext({ ignoreHTTPSErrors: true, locale: 'ja-JP' })).newPage();
    const refused = [];
    page.on('response', (answer) => { if (answer.status() >= 400 && answer.status() !== 401) refused.push(`${answer.status()} ${answer.url()}`); });
    await page.goto(`https://${NAME}/inbox`);
    await page.fill('input[name=user]', 'lead');
    await page.fill('input[name=password]', PASSWORD);
    await page.keyboard.press('Enter');
    await page.waitForSelector('main [data-id]', { timeout: 15000 });
    await page.reload();
    await page.waitForSelector('main [data-id]', { timeout: 15000 });
    assert.deepEqual(refused, []);
  } finally {
    await browser.close();
  }
});

test('the next one comes up on the socket that a killed one left, and prints the link as a browser needs it; SIGTERM ends it', { timeout: 30000 }, async () => {
  const ended = new Promise((resolve) => unit.on('exit', (code, signal) => resolve(signal ?? code)));
  unit.kill('SIGKILL');
  await ended;
  rig.redis.cli('del', 'yagura:web:users');
  startUnit();
  await until(ready, 15000, 'not ready: ' + unit.said);
  await until(() => /https:\/\/yagura\.example\.lg\.jp\/first-run#[0-9a-f]{64}\n/.test(unit.said), 5000, 'the link: ' + unit.said);
  assert.equal((await ask('GET', '/api/v1/session')).status, 200);
  const over = new Promise((resolve) => unit.on('exit', (code, signal) => resolve(signal ?? code)));
  unit.kill('SIGTERM');
  assert.equal(await over, 0, unit.said);
});
