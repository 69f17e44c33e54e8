// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The index and the stream over a real Redis, without a browser: UI-01 against a count of the streams' own lines, the stream through a
// kill -9 of the server, exports. YAGURA_LONG=1: 100,000 alerts, and what 20 clients at 200 alerts a second cost.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { need, quantile, sleep, start, until } from './rig.mjs';

need('redis', 'web');
const LONG = process.env.YAGURA_LONG === '1';
let rig, lines;

/** Newest record of each alert, as the sensor wrote it: key -> EVE line. */
function read() {
  const newest = new Map();
  for (const text of rig.redis.cli('xrange', 'yagura:egress-1:alerts', '-', '+').split('\n').filter((one) => one.startsWith('{'))) {
    const eve = JSON.parse(text), context = eve.alert.context;
    newest.set(`${context.id} ${context.first_seen}`, eve);
  }
  return [...newest.values()];
}

const groupKey = ({ src_ip: source, dest_ip: target, alert: { context } }) =>
  JSON.stringify([context.org.code, context.kind, /^(0\.0\.0\.0|::)$/.test(source) ? '' : source, context.target || (/^(0\.0\.0\.0|::)$/.test(target) ? '' : target)]);

before(async () => {
  rig = await start({ fill: LONG ? { alerts: 100000, groups: 1900, flows: 2000 } : {} });
  lines = read();
});
after(() => rig?.stop());

async function allGroups(api, query) {
  const rows = [];
  for (let cursor = ''; cursor !== null;) {
    const { status, body } = await api.get(`/groups?limit=500&${query}&cursor=${encodeURIComponent(cursor)}`);
    assert.equal(status, 200, JSON.stringify(body));
    rows.push(...body.rows);
    cursor = body.cursor;
    assert.ok(rows.length <= body.total);
    if (cursor === null) assert.equal(rows.length, body.total);
  }
  return rows;
}

for (const [user, body] of [['lead', null], ['other', 'kirisegoe']]) {
  test(`UI-01 groups and their sums are those of the streams: ${user}`, async () => {
    const wanted = new Map();
    for (const eve of lines) {
      const context = eve.alert.context;
      if (body && !context.orgs.includes(body) && context.org.code !== body) continue;
      const key = groupKey(eve);
      if (!wanted.has(key)) wanted.set(key, { counted: 0, count: 0, open: 0, newest: 0, text: '' });
      const group = wanted.get(key);
      if (context.mode === 'shadow') continue;
      group.counted++;
      group.count += context.count;
      group.open += context.state !== 'close';
      const time = Date.parse(eve.timestamp.replace(/\+0900$/, '+09:00'));
      if (time >= group.newest) Object.assign(group, { newest: time, text: context.why.text_en, id: context.id });
    }
    const api = await rig.api(user);
    const rows = await allGroups(api, 'state=all');
    assert.equal(rows.length, wanted.size);
    const counted = [...wanted.values()].filter((group) => group.counted);
    const { body: page } = await api.get('/groups?state=inbox&limit=1');
    assert.equal(page.counts.all, wanted.size);
    assert.equal(page.counts.inbox + page.counts.archived, counted.length);
    assert.equal(page.counts.new + page.counts.acknowledged + page.counts.escalated, page.counts.inbox);
    assert.equal(page.counts.shadow, wanted.size - counted.length);
    const sum = (list, key) => list.reduce((n, one) => n + one[key], 0);
    const shown = rows.filter((row) => row.mode !== 'shadow');
    assert.equal(sum(shown, 'alerts'), sum(counted, 'counted'));
    assert.equal(sum(shown, 'count'), sum(counted, 'count'));
    assert.equal(sum(shown, 'open'), sum(counted, 'open'));
    if (LONG) assert.ok(rows.length <= 2000);
    // the sentence is that of the newest alert
    const byId = new Map(counted.map((group) => [group.id, group]));
    let checked = 0;
    for (const row of shown.slice(0, 200)) {
      const group = byId.get(row.latest.split(':')[1]);
      if (!group || body) continue;
      assert.equal(row.text_en, group.text);
      assert.equal(row.last_ms, group.newest);
      checked++;
    }
    assert.ok(body || checked > 50);
    // every alert that counts is in the search, newest first, once
    const found = new Set();
    let last = Infinity;
    for (let cursor = ''; cursor !== null;) {
      const { body: alerts } = await api.get(`/alerts?limit=500&cursor=${encodeURIComponent(cursor)}`);
      assert.equal(alerts.total, sum(counted, 'counted'));
      assert.equal(alerts.histogram.values.reduce((a, b) => a + b, 0), alerts.total);
      for (const row of alerts.rows) {
        assert.ok(row.time_ms <= last);
        last = row.time_ms;
        found.add(`${row.id} ${row.first_ms}`);
      }
      cursor = alerts.cursor;
      if (LONG) await sleep(20); // 60 requests a second
    }
    assert.equal(found.size, sum(counted, 'counted'));
  });
}

test('what may not be seen is not there', async () => {
  const [lead, other] = [await rig.api('lead'), await rig.api('other')];
  const theirs = ({ alert: { context } }) => context.org.code === 'kirisegoe' || context.orgs.includes('kirisegoe');
  const shared = new Set(lines.filter(theirs).map(groupKey)); // of an attack on several bodies they see their part
  const foreign = lines.find((eve) => eve.alert.context.kind.startsWith('dos.') && !shared.has(groupKey(eve)));
  const id = `egress-1:${foreign.alert.context.id}`;
  const { body: mine } = await lead.get(`/alerts/${id}`);
  assert.equal(mine.eve.alert.context.id, foreign.alert.context.id);
  assert.ok(mine.steps_ja.length > 2 && mine.means_ja && mine.clause?.ja);
  for (const where of [`/alerts/${id}`, `/alerts/${id}/related`, `/alerts/${id}/flows`, `/groups/${mine.alert.group}`, `/alerts/nothing:0`, '/groups/0', '/hosts/nothing', '/campaigns/x'])
    assert.equal((await other.get(where)).status, 404, where);
  for (const [where, code] of [['/groups?q=kin:a', 'bad_query'], ['/groups?range=tomorrow', 'bad_range'], ['/alerts?limit=501', 'bad_parameter'],
    ['/alerts?cursor=zzz', 'bad_cursor'], ['/groups?state=odd', 'bad_parameter'], [`/alerts?q=${'a'.repeat(1025)}`, 'bad_query'], ['/export?format=xls', 'bad_parameter']]) {
    const { status, body } = await lead.get(where);
    assert.deepEqual([status, body.code], [422, code], where);
  }
  assert.equal((await lead.get('/groups?q=flood%20kin:a')).body.at, 6);
});

test('alerts are found by the Community ID of their flow, by who may know both ends', async () => {
  const lead = await rig.api('lead'), officer = await rig.api('other');
  const like = lines.find(({ alert: { context } }) => context.org.code === 'kirisegoe' && context.mode !== 'shadow');
  const eve = structuredClone(like), ids = ['1:LQU9qZlK+B5F3KDmev6m5PMibrg=', '1:d/FP5EW3wiY1vCndhwleRRKHowQ='];
  const add = (nr) => {
    Object.assign(eve, { community_id: ids[nr] });
    Object.assign(eve.alert.context, { id: `feed00000000000${nr}`, sequence: undefined, run: undefined });
    const [last] = rig.redis.cli('xrevrange', 'yagura:egress-1:alerts', '+', '-', 'count', '1').split('-'); // ids of a sensor are no clock's
    rig.redis.cli('xadd', 'yagura:egress-1:alerts', `${last}-*`, 'eve', JSON.stringify(eve));
    return `egress-1:${eve.alert.context.id}`;
  };
  const wanted = [add(0), add(1)];
  const found = async (api, q) => (await api.get(`/alerts?limit=100&q=${encodeURIComponent(q)}`)).body.rows.map((row) => row.id);
  await until(async () => (await found(lead, `id:${wanted[1]}`)).length === 1, 5000);
  for (const nr of [0, 1]) assert.deepEqual(await found(lead, `community:${ids[nr]}`), [wanted[nr]]);
  assert.deepEqual((await found(lead, `community:${ids.join(',')}`)).sort(), wanted);
  assert.deepEqual(await found(officer, `id:${wanted[0]}`), [wanted[0]], 'it is the alert of a body of his');
  assert.deepEqual(await found(officer, `community:${ids[0]}`), [], 'who is shown an end masked is not told of a hash of it');
});

test('an export is whole, and no spreadsheet takes a cell for a formula', async () => {
  const api = await rig.api('analyst');
  const total = (await api.get('/alerts?q=kind:dos.*&limit=1')).body.total;
  const csv = (await fetch(`${rig.origin}/api/v1/export?format=csv&q=kind:dos.*`, { headers: { cookie: api.cookie, 'sec-fetch-site': 'same-origin' } }));
  assert.equal(csv.status, 200);
  assert.match(csv.headers.get('content-disposition'), /attachment; filename="yagura-alerts.csv"/);
  const bytes = Buffer.from(await csv.arrayBuffer());
  assert.deepEqual([...bytes.subarray(0, 3)], [0xef, 0xbb, 0xbf]);
  const rows = bytes.toString('utf8').split('\r\n').slice(1, -1);
  assert.equal(rows.length, total);
  for (const row of rows) {
    assert.equal(row.match(/"(?:[^"]|"")*"/g).length, 31);
    assert.doesNotMatch(row, /(^|,)"[=+@-]/);
  }
  const text = await (await fetch(`${rig.origin}/api/v1/export?format=jsonl&q=kind:dos.*`, { headers: { cookie: api.cookie, 'sec-fetch-site': 'same-origin' } })).text();
  const eves = text.trim().split('\n').map((line) => JSON.parse(line));
  assert.equal(eves.length, total);
  assert.ok(eves.every((eve) => eve.alert.context.kind.startsWith('dos.')));
  assert.equal((await (await rig.api('viewer')).get('/export?format=csv')).status, 403);
});

/** Reads a stream until it is told to stop; goes on from where it was when it breaks. */
function follow(api, id = '') {
  const told = { rows: [], frames: new Map(), resets: 0, id, opens: 0, stop: false, groups: new Set(), held: 0 };
  told.ended = (async () => {
    while (!told.stop) {
      const abort = new AbortController();
      told.abort = abort;
      try {
        const answer = await fetch(`${rig.origin}/api/v1/stream`, { signal: abort.signal,
          headers: { cookie: api.cookie, 'sec-fetch-site': 'same-origin', ...(told.id ? { 'last-event-id': told.id } : {}) } });
        if (answer.status !== 200) throw new Error(String(answer.status));
        told.opens++;
        let rest = '';
        const decoder = new TextDecoder();
        for await (const piece of answer.body) {
          rest += decoder.decode(piece, { stream: true });
          for (let end; (end = rest.indexOf('\n\n')) >= 0; rest = rest.slice(end + 2)) {
            const field = (name) => rest.slice(0, end).split('\n').find((line) => line.startsWith(name + ': '))?.slice(name.length + 2);
            const event = field('event');
            if (!event) continue;
            told.frames.set(event, (told.frames.get(event) ?? 0) + 1);
            if (event === 'alerts') {
              const { rows, held } = JSON.parse(field('data'));
              told.rows.push(...rows);
              told.held = held;
            }
            if (event === 'groups') for (const one of JSON.parse(field('data')).ids) told.groups.add(one);
            if (event === 'reset') told.resets++;
            if (field('id')) told.id = field('id');
          }
        }
      } catch { /* it is away: again */ }
      await sleep(100);
    }
  })();
  told.end = async () => { told.stop = true; told.abort?.abort(); await told.ended; };
  return told;
}

test('the stream loses nothing and doubles nothing through a kill -9 of the server', async () => {
  const known = new Set(read().map((eve) => eve.timestamp + eve.alert.context.id));
  const apis = [await rig.api('lead'), await rig.api('other')];
  const streams = apis.map((api) => follow(api));
  await until(() => streams.every((one) => one.id), 5000, 'no first frame');
  const live = rig.live({ rate: 50, seconds: 5 });
  await sleep(1500);
  await rig.killWeb();
  await sleep(700);
  await rig.startWeb();
  await live.ended;
  const fresh = read().filter((eve) => !known.has(eve.timestamp + eve.alert.context.id));
  const mine = (one) => ({ alert: { context } }) => one === streams[0] || context.orgs.includes('kirisegoe') || context.org.code === 'kirisegoe';
  for (const one of streams) {
    const wanted = new Set(fresh.filter(mine(one)).map(({ timestamp, alert: { context } }) => `egress-1:${context.id} ${Date.parse(timestamp.replace(/\+0900$/, '+09:00'))}`));
    const got = () => one.rows.map((row) => `${row.id} ${row.time_ms}`);
    await until(() => { const have = new Set(got()); return [...wanted].every((key) => have.has(key)); }, 8000, 'alerts are missing').catch((error) => {
      const have = new Set(got());
      throw new Error(`${error.message}: ${[...wanted].filter((key) => !have.has(key)).length} of ${wanted.size}, ${one.opens} opens, ${one.resets} resets`);
    });
    assert.equal(new Set(got()).size, got().length, 'a record came twice');
    assert.equal(one.resets, 0);
    assert.ok(one.opens >= 2 && one.rows.every((row) => row.text_ja));
    assert.ok(one === streams[1] || wanted.size > 150, `${wanted.size}`);
  }
  await Promise.all(streams.map((one) => one.end()));
});

test('a third stream of a session is refused, and a place that is not there any more is a reset', async () => {
  const api = await rig.api('auditor');
  const open = () => fetch(`${rig.origin}/api/v1/stream`, { headers: { cookie: api.cookie, 'sec-fetch-site': 'same-origin' } });
  const two = [await open(), await open()];
  const third = await open();
  assert.equal(third.status, 429);
  assert.equal((await third.json()).code, 'too_many_streams');
  await Promise.all(two.map((one) => one.body.cancel()));
  const polled = await until(async () => {
    const answer = await api.get(`/stream?poll=1&since=${encodeURIComponent('egress-1=999999-1;c=0')}`);
    return answer.status === 200 && answer.text;
  });
  assert.match(polled, /event: reset\n/);
  for (const since of ['nonsense', 'egress-9=1-1;c=0', 'egress-1=1-1', 'egress-1=1-1;c=99999999', '=;=', ';c=']) {
    const { text } = await api.get(`/stream?poll=1&since=${encodeURIComponent(since)}`);
    assert.match(text, /event: reset\n/, since);
  }
  const id = /id: (.*)\n/.exec((await api.get('/stream?poll=1')).text)[1];
  assert.doesNotMatch((await api.get(`/stream?poll=1&since=${encodeURIComponent(id)}`)).text, /event: (reset|alerts)/);
});

test('what comes while a stream is told what it missed is told as a group, too', async () => {
  const api = await rig.api('lead');
  const since = /id: (.*)\n/.exec((await api.get('/stream?poll=1')).text)[1];
  const plain = read().find(({ alert: { context } }) => context.mode === 'page');
  const made = (id, target) => {
    const eve = structuredClone(plain);
    Object.assign(eve, { src_ip: '0.0.0.0', dest_ip: target });
    Object.assign(eve.alert.context, { id, target, state: 'open' });
    return JSON.stringify(eve);
  };
  const total = async () => (await api.get('/alerts?range=all&limit=1')).body.total, before = await total(), missed = 4000;
  rig.redis.cli('eval', `for i = 1, ${missed} do redis.call('xadd', KEYS[1], '*', 'eve', (string.gsub(ARGV[1], 'eeeeeeeeeeeeeeee', string.format('%016x', 983040 + i)))) end`,
    1, 'yagura:egress-1:alerts', made('e'.repeat(16), '192.0.2.201'));
  await until(async () => await total() === before + missed);
  const one = follow(api, since);
  await until(() => one.held > 0, 5000, 'it is told what it missed');
  rig.redis.cli('xadd', 'yagura:egress-1:alerts', '*', 'eve', made('d'.repeat(16), '192.0.2.202'));
  const row = await until(() => one.rows.find(({ id }) => id.endsWith('d'.repeat(16))), 20000, 'the alert is told');
  await until(() => one.groups.has(row.group), 3000, 'its group is told');
  assert.equal(one.resets, 0);
  await one.end();
}, { timeout: 60000 });

test('no list is answered before it is known what people did', async () => {
  const api = await rig.api('lead');
  const [group] = (await api.get('/groups?range=all&state=inbox&limit=1')).body.rows;
  assert.equal((await api.post('/groups/actions', { ids: [group.id], action: 'archive', verdict: 'drill' })).body.succeeded, 1);
  await rig.killWeb();
  const many = (what) => rig.redis.cli('eval', `for i = 1, 150000 do ${what} end`, 1, 'yagura:web:groups');
  many(`redis.call('hset', KEYS[1], string.format('%016x', i), '{"state":"new","version":1,"change":1}')`);
  const started = rig.startWeb();
  const answer = await until(async () => {
    const got = await api.get('/groups/' + group.id).catch(() => null);
    return got?.status === 200 && got;
  }, 30000, 'it is answered');
  assert.equal(answer.body.group.state, 'archived');
  await started;
  many(`redis.call('hdel', KEYS[1], string.format('%016x', i))`);
}, { timeout: 60000 });

test('20 clients at 200 alerts a second cost at most a tenth of a core', { skip: !LONG }, async () => {
  const names = ['lead', 'analyst', 'analyst2', 'viewer', 'auditor'];
  const streams = [];
  for (let i = 0; i < 20; i++) {
    rig.sessions.delete(names[i % 5]); // two streams a session
    streams.push(follow(await rig.api(names[i % 5])));
  }
  await until(() => streams.every((one) => one.id), 10000);
  const live = rig.live({ rate: 200, seconds: 12 });
  await sleep(2000);
  const [cpu, at] = [rig.cpu(), performance.now()];
  await sleep(8000);
  const share = (rig.cpu() - cpu) / ((performance.now() - at) / 1000);
  await live.ended;
  await sleep(500);
  console.log(`# ${(share * 100).toFixed(1)} % of a core, RSS ${rig.memory().rss} kB, peak ${rig.memory().peak} kB, rows ${quantile(streams.map((one) => one.rows.length), 0)}`);
  assert.ok(streams.every((one) => one.rows.length === streams[0].rows.length && one.rows.length > 1500));
  assert.ok(share <= 0.1, `${share}`);
  await Promise.all(streams.map((one) => one.end()));
});

test('pages read anew when Redis came back with another secret', async () => {
  const one = follow(await rig.api('lead'));
  await until(() => one.id, 5000, 'no first frame');
  rig.redis.cli('set', 'yagura:web:secret', 'ab'.repeat(32));
  rig.redis.cli('client', 'kill', 'type', 'normal');
  await until(() => one.resets === 1, 10000, 'it is told');
  await one.end();
  assert.equal(one.opens, 1);
});
