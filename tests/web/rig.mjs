// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What the dashboard's tests stand on: a real redis-server (UNIX socket, a folder of its own), the example prefecture of seed.py in it, the
// real yagura-web, the real chromium. Nothing here is a double. Everything started is ended by its pid when the process ends.
//
//   const rig = await start({ fill: { alerts: 100000 } });     // or fill: null for an empty Redis
//   const { page } = await rig.open('lead', { lang: 'ja', theme: 'dark' });
//   const api = await rig.api('analyst');  await api.get('/groups?state=inbox');
//
// Users: one a role, named like it, `other` (org_viewer of the second body) and `body` (org_viewer of the third); see USERS.
import { spawn, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const build = process.env.YAGURA_BUILD ?? path.join(root, 'build');
const web = path.join(root, 'dashboards/web');
const require = createRequire(path.join(web, 'package.json'));
const CHROMIUM = process.env.YAGURA_CHROMIUM ?? '/usr/bin/chromium';

/** name -> [role, bodies]; the password of each is PASSWORD. */
export const USERS = {
  viewer: ['viewer', 'all'], analyst: ['analyst', 'all'], analyst2: ['analyst', 'all'], lead: ['lead', 'all'], auditor: ['auditor', 'all'],
  admin: ['admin', 'all'], other: ['org_viewer', 'kirisegoe'], body: ['org_viewer', 'shiosegoe'],
};
export const PASSWORD = 'mado-no-akari 4 ban 窓の灯';

/** Ends the process as skipped where what is needed is not there. */
export function need(...what) {
  const missing = {
    chromium: () => fs.existsSync(CHROMIUM), playwright: () => resolves('playwright-core'), axe: () => resolves('axe-core'),
    redis: () => onPath('redis-server'), web: () => fs.existsSync(path.join(build, 'yagura-web')), sensor: () => fs.existsSync(path.join(build, 'yagura')),
  };
  const gone = what.filter((name) => !missing[name]());
  if (gone.length === 0) return;
  console.log(`skip - ${path.basename(process.argv[1])}: not here: ${gone.join(', ')}`);
  process.exit(77);
}

function resolves(name) {
  try { return Boolean(require.resolve(name)); } catch { return false; }
}

function onPath(name) {
  return process.env.PATH.split(':').some((folder) => fs.existsSync(path.join(folder, name)));
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Calls until it answers something true; throws after `ms`. */
export async function until(what, ms = 10000, why = 'did not come true') {
  for (const end = Date.now() + ms; ;) {
    const answer = await what();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`${why} within ${ms} ms`);
    await sleep(20);
  }
}

const children = new Set();
function begin(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  child.said = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (data) => { child.said = (child.said + data).slice(-65536); });
  children.add(child);
  child.ended = new Promise((resolve) => child.on('exit', (code, signal) => { children.delete(child); resolve(signal ?? code); }));
  child.on('error', () => {});
  return child;
}
process.on('exit', () => { for (const child of children) try { process.kill(child.pid, 'SIGKILL'); } catch { /* it is gone */ } });
for (const name of ['SIGINT', 'SIGTERM']) process.on(name, () => process.exit(143));

/** fetch that does not mind the rate of a session, which tests reach and people do not. */
async function patient(url, options) {
  for (;;) {
    const answer = await fetch(url, options);
    if (answer.status !== 429 || (await answer.clone().json()).code !== 'rate') return answer;
    await sleep(200);
  }
}

export function freePort() {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.listen(0, '127.0.0.1', () => { const { port } = server.address(); server.close(() => resolve(port)); });
  });
}

// The user that yagura-web is everywhere in these tests: the very line of configs/redis/users.acl. What it may not do, no test can do.
const SECRET = 'of-the-user-web';
function users() {
  const line = fs.readFileSync(path.join(root, 'configs/redis/users.acl'), 'utf8').split('\n').find((one) => one.startsWith('user web '));
  return 'user default on nopass ~* &* +@all\n' + line.replace('WEB-SHA256', createHash('sha256').update(SECRET).digest('hex')) + '\n';
}

export class Redis {
  constructor(folder, options = []) {
    Object.assign(this, { folder, options, socket: path.join(folder, 'redis.sock') });
  }

  async start() {
    fs.writeFileSync(path.join(this.folder, 'users.acl'), users());
    this.child = begin('redis-server', ['--port', '0', '--aclfile', path.join(this.folder, 'users.acl'), '--unixsocket', this.socket, '--save', '', '--dir', this.folder, '--daemonize', 'no', ...this.options],
      { env: { ...process.env, LC_ALL: 'C' } });
    await until(() => this.cli('ping').trim() === 'PONG', 15000, 'redis-server does not answer: ' + this.child.said);
    return this;
  }

  /** What redis-cli prints; '' when there is no server. Arguments as they are, without a shell. */
  cli(...args) {
    try {
      return execFileSync('redis-cli', ['-s', this.socket, '--raw', ...args.map(String)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 28 });
    } catch {
      return '';
    }
  }

  async kill(signal = 'SIGKILL') { this.child.kill(signal); if (signal !== 'SIGSTOP' && signal !== 'SIGCONT') await this.child.ended; }
}

// The prefecture, filled once an hour for all tests and kept as a dump in the build folder.
async function dump(fill, age) {
  const wanted = { bodies: 40, alerts: 3000, groups: 400, flows: 2000, ...fill };
  const sources = ['seed.py', 'seed_kinds.py', 'seed_bodies.py'].map((name) => fs.readFileSync(path.join(web, name)));
  const key = createHash('sha256').update(JSON.stringify(wanted)).update(Buffer.concat(sources)).digest('hex').slice(0, 16);
  const folder = path.join(build, 'web-seeds', key);
  const done = path.join(folder, 'done.json');
  const fresh = () => fs.existsSync(done) && Date.now() - fs.statSync(done).mtimeMs < age;
  for (let tries = 0; !fresh(); tries++) {
    fs.mkdirSync(path.dirname(folder), { recursive: true });
    const lock = folder + '.lock';
    try { fs.mkdirSync(lock); } catch {
      if (tries > 6000 || Date.now() - (fs.statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()) > 300000) fs.rmSync(lock, { recursive: true, force: true });
      await sleep(50);
      continue;
    }
    try {
      if (fresh()) break;
      fs.rmSync(folder, { recursive: true, force: true });
      fs.mkdirSync(folder, { recursive: true });
      const short = fs.mkdtempSync(path.join(os.tmpdir(), 'yg-seed-')); // a socket's path is short
      const redis = await new Redis(short).start();
      const args = Object.entries(wanted).flatMap(([name, value]) => (value === true ? ['--' + name] : ['--' + name, String(value)]));
      const told = execFileSync('/usr/bin/python3', [path.join(web, 'seed.py'), 'fill', '--redis', redis.socket, '--config', path.join(folder, 'config'), ...args], { encoding: 'utf8' });
      redis.cli('config', 'set', 'dbfilename', 'dump.rdb');
      redis.cli('save');
      await redis.kill();
      fs.copyFileSync(path.join(short, 'dump.rdb'), path.join(folder, 'dump.rdb'));
      fs.rmSync(short, { recursive: true, force: true });
      fs.writeFileSync(done, told);
    } finally {
      fs.rmSync(lock, { recursive: true, force: true });
    }
  }
  return { folder, told: JSON.parse(fs.readFileSync(done, 'utf8')) };
}

/**
 * @param {object} options fill: arguments of seed.py fill, null: none; age: how old a fill may be, ms; users: whether to make USERS; redis: arguments of redis-server;
 *   web: more arguments of yagura-web; orgs: bodies' files even without fill; start: false to start yagura-web later
 */
export async function start({ fill = {}, age = 3600000, users = true, redis: redisOptions = [], web: webOptions = [], begin: now = true } = {}) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'yg-web-'));
  process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));
  const seeded = fill ? await dump(fill, age) : null;
  if (seeded) fs.copyFileSync(path.join(seeded.folder, 'dump.rdb'), path.join(folder, 'dump.rdb'));
  const redis = await new Redis(folder, redisOptions).start();
  const rig = new Rig(folder, redis, seeded, webOptions);
  rig.port = await freePort();
  if (users) rig.makeUsers();
  if (now) await rig.startWeb();
  return rig;
}

class Rig {
  constructor(folder, redis, seeded, webOptions) {
    Object.assign(this, { folder, redis, seeded, webOptions, sessions: new Map() });
    this.told = seeded?.told;
    this.state = path.join(folder, 'state');
    fs.mkdirSync(this.state, { mode: 0o700 });
  }

  get origin() { return `http://127.0.0.1:${this.port}`; }

  get common() {
    const config = this.seeded ? ['--config', path.join(this.seeded.folder, 'config/yagura.yaml')] : [];
    return ['--redis', `unix://web:${SECRET}@${this.redis.socket}`, '--state', this.state, ...config];
  }

  /** `yagura-web user add`, as an administrator at the console would. */
  makeUsers(users = USERS) {
    for (const [name, [role, bodies]] of Object.entries(users))
      execFileSync(path.join(build, 'yagura-web'), ['user', 'add', name, '--role', role, '--bodies', bodies, '--password-stdin', ...this.common],
        { input: PASSWORD + '\n', encoding: 'utf8' });
  }

  async startWeb() {
    this.web = begin(path.join(build, 'yagura-web'), [...this.common, '--listen', `127.0.0.1:${this.port}`, ...this.webOptions]);
    await until(async () => {
      if (this.web.exitCode !== null) throw new Error('yagura-web ended: ' + this.web.said);
      return (await fetch(this.origin + '/readyz').catch(() => null))?.ok;
    }, 30000, 'yagura-web is not ready: ' + this.web.said);
  }

  async killWeb(signal = 'SIGKILL') { this.web.kill(signal); await this.web.ended; }

  /** A session of this user: { cookie, csrf, get, post, patch, put, delete }; each answers { status, headers, body }. */
  async api(name) {
    if (!this.sessions.has(name)) {
      const answer = await fetch(this.origin + '/api/v1/session', { method: 'POST', headers: this.headers(),
        body: JSON.stringify({ user: name, password: PASSWORD }) });
      if (!answer.ok) throw new Error(`login of ${name}: ${answer.status} ${await answer.text()}`);
      this.sessions.set(name, { cookie: answer.headers.get('set-cookie').split(';')[0], csrf: (await answer.json()).csrf });
    }
    const session = this.sessions.get(name);
    const call = async (method, where, body, more = {}) => {
      const answer = await patient(this.origin + (where.startsWith('/api') ? where : '/api/v1' + where), { method, redirect: 'manual',
        headers: { ...this.headers(session.csrf), cookie: session.cookie, ...more }, body: body === undefined ? undefined : JSON.stringify(body) });
      const text = await answer.text();
      return { status: answer.status, headers: answer.headers, text, body: /^application\/(problem\+)?json/.test(answer.headers.get('content-type') ?? '') && text ? JSON.parse(text) : text };
    };
    return { ...session, call, get: (where, more) => call('GET', where, undefined, more), post: (where, body, more) => call('POST', where, body, more),
      patch: (where, body, more) => call('PATCH', where, body, more), put: (where, body, more) => call('PUT', where, body, more),
      delete: (where, body, more) => call('DELETE', where, body, more) };
  }

  headers(csrf = '') {
    return { 'content-type': 'application/json', 'x-yagura-csrf': csrf, 'sec-fetch-site': 'same-origin', origin: this.origin };
  }

  /** One chromium for all pages of this rig. */
  async browser() {
    this.chromium ??= await require('playwright-core').chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu', '--force-color-profile=srgb'] });
    return this.chromium;
  }

  /**
   * A context of its own, logged in as `name` (null: nobody), in a language and theme, at `where`. Collects what must never happen:
   * `broken.csp` (violations), `broken.errors` (uncaught), `broken.foreign` (requests to elsewhere).
   */
  async open(name, { where = '/', lang = 'ja', theme = 'light', width = 1280, height = 800, zone = 'Asia/Tokyo', options = {} } = {}) {
    const context = await (await this.browser()).newContext({ viewport: { width, height }, locale: lang === 'ja' ? 'ja-JP' : 'en-GB', timezoneId: zone,
      colorScheme: theme, ...options });
    const broken = { csp: [], errors: [], foreign: [] };
    await context.exposeFunction('yaguraTestCsp', (text) => broken.csp.push(text));
    await context.addInitScript(() => document.addEventListener('securitypolicyviolation', (event) =>
      window.yaguraTestCsp(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`)));
    if (name) {
      const session = await this.api(name);
      const [key, value] = session.cookie.split(/=(.*)/s);
      await context.addCookies([{ name: key, value, domain: '127.0.0.1', path: '/', secure: true, httpOnly: true, sameSite: 'Strict' }]);
      await session.put('/preferences', { language: lang, theme, timezone: 'jst', keys: true });
    }
    const page = await context.newPage();
    page.on('pageerror', (error) => broken.errors.push(String(error.stack ?? error)));
    page.on('request', (request) => {
      if (!request.url().startsWith(this.origin) && !/^(data|blob|about):/.test(request.url())) broken.foreign.push(request.url());
    });
    await page.goto(this.origin + where);
    return { context, page, broken };
  }

  /** seed.py live: alerts at a rate, metrics, health. Ended by .kill('SIGTERM'); what it wrote stands in .told afterwards. */
  live({ rate = 50, seconds = 0, number = 0, bodies = 40, dark = false } = {}) {
    const child = begin('/usr/bin/python3', [path.join(web, 'seed.py'), 'live', '--redis', this.redis.socket, '--rate', String(rate), '--for', String(seconds),
      '--number', String(number), '--bodies', String(bodies), ...(dark ? ['--dark'] : [])]);
    child.told = child.ended.then(() => { try { return JSON.parse(child.said.trim().split('\n').at(-1)); } catch { throw new Error('seed.py live: ' + child.said); } });
    return child;
  }

  /** kB of the server: VmRSS, VmHWM. */
  memory(pid = this.web.pid) {
    const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
    return { rss: Number(/VmRSS:\s+(\d+)/.exec(status)[1]), peak: Number(/VmHWM:\s+(\d+)/.exec(status)[1]) };
  }

  /** Seconds of processor time that the server has used. */
  cpu(pid = this.web.pid) {
    const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  async stop() {
    await this.chromium?.close();
    const denied = this.redis.cli('acl', 'log');
    if (this.web?.exitCode === null && this.web.signalCode === null) await this.killWeb('SIGTERM');
    if (this.redis.child.exitCode === null && this.redis.child.signalCode === null) await this.redis.kill('SIGKILL');
    fs.rmSync(this.folder, { recursive: true, force: true });
    if (/^web$/m.test(denied)) throw new Error('configs/redis/users.acl does not let yagura-web do this:\n' + denied);
  }
}

export const quantile = (values, q) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))];
export { require };
