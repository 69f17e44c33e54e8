// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// kill -9 of Redis in the midst of bulk actions, and of yagura-web and Redis in turn under 50 alerts a second with two listeners of the
// event stream: what was answered holds, memory equals Redis, and the stream tells everything once. YAGURA_LONG: many more kills.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { after, test } from 'node:test';
import { need, root, sleep, start, until } from './rig.mjs';

need('redis', 'web');
const BULKS = process.env.YAGURA_LONG ? 300 : 15;
const KILLS = process.env.YAGURA_LONG ? 20 : 2;
const rigs = [];

after(async () => { for (const rig of rigs) await rig.stop(); });

/** From now on what is written outlives a kill: an append-only file, begun from what is there (with one from the start, Redis reads no dump). */
async function durable(redis) {
  redis.cli('config', 'set', 'appendonly', 'yes');
  await until(() => /aof_rewrite_in_progress:0\r?\n(.*\n)*aof_rewrite_scheduled:0/.test(redis.cli('info', 'persistence')) && /aof_enabled:1/.test(redis.cli('info', 'persistence')), 20000, 'the file is there');
  redis.options = ['--appendonly', 'yes'];
}

async function make(options) {
  const rig = await start(options);
  rigs.push(rig);
  await durable(rig.redis);
  return rig;
}

/** A Redis 7.0 that is killed while it writes a transaction leaves that open in its file, and carries it out at a later start (docs/redis.md). */
function mend(redis) {
  execFileSync('redis-check-aof', ['--fix', path.join(redis.folder, 'appendonlydir/appendonly.aof.manifest')], { input: 'y\ny\n', stdio: ['pipe', 'ignore', 'ignore'] });
}

/** The ids of groups as they stand in Redis, of those that are shown. */
function inside(redis, shown) {
  const said = execFileSync('/usr/bin/python3', ['-c', 'import json, sys; sys.path.insert(0, sys.argv[1]); import seed_triage; key = bytes.fromhex(sys.argv[2]); print(json.dumps([seed_triage.inside(one, key) for one in json.load(sys.stdin)]))',
    path.join(root, 'dashboards/web'), redis.cli('get', 'yagura:web:secret').trim()], { input: JSON.stringify(shown), encoding: 'utf8' });
  return new Map(JSON.parse(said).map((id, i) => [id, shown[i]]));
}

const held = (redis) => {
  const words = redis.cli('hgetall', 'yagura:web:groups').trim().split('\n');
  const states = new Map();
  for (let i = 0; i + 1 < words.length; i += 2) states.set(words[i], JSON.parse(words[i + 1]));
  return states;
};

async function known(api) {
  const states = new Map();
  for (let cursor = ''; ;) {
    const page = (await api.get(`/groups?state=all&limit=500&cursor=${encodeURIComponent(cursor)}`)).body;
    for (const { id, state, version, verdict, reason } of page.rows) states.set(id, { state, version, verdict, reason });
    if (!page.cursor) return states;
    cursor = page.cursor;
  }
}

test('Redis killed in the midst of bulk actions: what is known is what Redis holds, and what was answered was done', { timeout: 600000 }, async (t) => {
  const rig = await make({ fill: { alerts: 3000, groups: 1400, flows: 10 } });
  const analyst = await rig.api('analyst');
  const names = inside(rig.redis, [...(await known(analyst)).keys()]);
  const seen = { whole: 0, part: 0, refused: 0, unknown: 0 };
  let longest = 0;
  for (let i = 0; i < BULKS; i++) {
    const archive = i % 2 === 0;
    const before = held(rig.redis);
    const reason = `bulk ${i}`;
    const answered = analyst.post('/groups/actions', archive ? { action: 'archive', verdict: 'drill', reason, q: '', state: 'all' } :
      { action: 'reopen', q: '', state: 'archived' });
    await sleep((i * 7) % 45);
    await rig.redis.kill();
    mend(rig.redis);
    await rig.redis.start();
    const began = Date.now();
    const answer = await answered;
    longest = Math.max(longest, Date.now() - began);
    await until(async () => !(await analyst.get('/session')).body.read_only, 15000, 'it goes on by itself');
    await until(async () => (await analyst.post('/groups/actions', { action: 'acknowledge', ids: ['0'.repeat(16)] })).status === 200, 10000, 'and writes');
    const now = held(rig.redis);
    const changed = [...now].filter(([id, state]) => state.version !== (before.get(id)?.version ?? 0));
    for (const [id, state] of changed) assert.equal(state.version, (before.get(id)?.version ?? 0) + 1, `${id} was changed once`);
    if (answer.status === 200) {
      assert.equal(answer.body.succeeded, changed.length, JSON.stringify({ ...answer.body, failed: answer.body.failed.slice(0, 3), groups: undefined }));
      assert.equal(answer.body.matched, answer.body.succeeded + answer.body.failed_count);
      seen[answer.body.failed_count ? 'part' : 'whole']++;
    } else {
      assert.equal(answer.status, 503, answer.text);
      if (answer.body.code === 'read_only') assert.equal(changed.length, 0, 'refused, and yet done');
      seen[answer.body.code === 'read_only' ? 'refused' : 'unknown']++;
    }
    // every change stands once in the history of its group
    for (const [id, state] of changed.slice(0, 3)) assert.equal((await analyst.get('/groups/' + names.get(id))).body.history.length, state.version);
    if (i % 10 === 9 || i === BULKS - 1) {
      const memory = await known(analyst);
      for (const [id, state] of now)
        assert.deepEqual(memory.get(names.get(id)), { state: state.state, version: state.version, verdict: state.verdict ?? null, reason: state.reason ?? null }, id);
      assert.equal([...memory.values()].filter(({ version }) => version > 0).length, now.size);
    }
  }
  t.diagnostic(`${BULKS} kills: ${JSON.stringify(seen)}; longest answer after Redis was back ${longest} ms`);
  assert.ok(seen.whole + seen.part > 0);
});

/** A listener of the event stream as a browser is: resumes with the last id, and keeps what it was told. */
class Listener {
  constructor(rig, api) {
    Object.assign(this, { rig, api, alerts: new Map(), repeated: 0, resets: 0, connects: 0, last: null, on: true });
    this.done = this.run();
  }

  async run() {
    while (this.on) {
      this.abort = new AbortController();
      try {
        const headers = { cookie: this.api.cookie, ...(this.last ? { 'last-event-id': this.last } : {}) };
        const answer = await fetch(`${this.rig.origin}/api/v1/stream?topics=alerts,groups,health`, { headers, signal: this.abort.signal });
        if (!answer.ok) throw new Error(String(answer.status));
        this.connects++;
        let text = '';
        const decoder = new TextDecoder();
        for await (const piece of answer.body) {
          text += decoder.decode(piece, { stream: true });
          for (let end; (end = text.indexOf('\n\n')) >= 0; text = text.slice(end + 2)) this.take(text.slice(0, end));
        }
      } catch { /* it is gone: again */ }
      if (this.on) await sleep(100);
    }
  }

  take(frame) {
    const fields = Object.fromEntries(frame.split('\n').filter((line) => line && !line.startsWith(':')).map((line) => line.split(/: ?(.*)/s)));
    if (fields.event === 'reset') this.resets++;
    if (fields.event === 'alerts')
      for (const row of JSON.parse(fields.data).rows) {
        const told = `${row.time_ms} ${row.state} ${row.count}`;
        if (this.alerts.get(row.id)?.has(told)) this.repeated++;
        if (!this.alerts.has(row.id)) this.alerts.set(row.id, new Set());
        this.alerts.get(row.id).add(told);
      }
    if (fields.id) this.last = fields.id;
  }

  async stop() {
    this.on = false;
    this.abort.abort();
    await this.done;
  }
}

test('must-show 5: two listeners through kills of both: nothing lost, nothing doubled', { timeout: 600000 }, async (t) => {
  const rig = await make({ fill: null });
  const apis = await Promise.all(['lead', 'analyst'].map((name) => rig.api(name)));
  const listeners = apis.map((api) => new Listener(rig, api));
  await until(() => listeners.every(({ connects }) => connects > 0), 5000, 'they listen');
  const live = rig.live({ rate: 50, seconds: 4 + KILLS * 4 });
  for (let i = 0; i < KILLS; i++) {
    await sleep(1000);
    await rig.killWeb();
    await sleep(300);
    await rig.startWeb();
    await sleep(1000);
    await rig.redis.kill();
    await sleep(500);
    await rig.redis.start();
  }
  const { alerts } = await live.told;
  await until(async () => (await apis[0].get('/alerts?range=1h&limit=1')).body?.total === alerts, 15000, `the server knows all ${alerts}`);
  const ids = new Set();
  for (let cursor = ''; ;) {
    const page = (await apis[0].get(`/alerts?range=1h&limit=500&cursor=${encodeURIComponent(cursor)}`)).body;
    for (const row of page.rows) ids.add(row.id);
    if (!page.cursor) break;
    cursor = page.cursor;
  }
  assert.equal(ids.size, alerts);
  await until(() => listeners.every((one) => [...ids].every((id) => one.alerts.has(id))), 10000, 'each listener was told of each alert').catch((error) => {
    throw new Error(`${error.message}: lost ${listeners.map((one) => [...ids].filter((id) => !one.alerts.has(id)).length)}, resets ${listeners.map((one) => one.resets)}`);
  });
  await Promise.all(listeners.map((one) => one.stop()));
  for (const one of listeners) {
    assert.deepEqual([...one.alerts.keys()].filter((id) => !ids.has(id)), [], 'none that there is not');
    assert.equal(one.repeated, 0, 'none was told twice');
    assert.equal(one.resets, 0);
  }
  t.diagnostic(`${alerts} alerts, ${KILLS} kills of each; connects ${listeners.map((one) => one.connects)}; lost 0, doubled 0`);
});
