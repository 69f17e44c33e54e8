// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The keys of a sensor that has met a Redis Cluster (docs/redis.md): all but its stream of alerts carry that one as their hash tag. The same
// data under these names, on one server, shows the same traffic, flows, health and books.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { need, start, until } from './rig.mjs';

need('redis', 'web');
const limits = { timeout: 60000 }, SENSOR = 'egress-1';
const plain = (what) => `yagura:${SENSOR}:${what}`, tagged = (what) => `yagura:${SENSOR}:{yagura:${SENSOR}:alerts}:${what}`;
const WHATS = ['metrics', 'metrics:1m', 'metrics:1h', 'flows', 'health'];
let rig, lead, usual, alert;

/** What is told of the sensor, without what the clock moves. */
async function told() {
  const from = new Date(Date.now() - 20 * 86400000).toISOString(), to = new Date(Date.now() - 3600000).toISOString().replace(/\d\d\.\d+Z/, '00Z');
  const range = `${from.slice(0, 14)}00:00Z/${to.slice(0, 14)}00:00Z`;
  const { body: sensors } = await lead.get('/sensors'), [row] = sensors.rows;
  if (!row) return { health: [], streams: [] };
  const { body: series } = await lead.get(`/timeseries?metric=bits&range=${encodeURIComponent(range)}`);
  const { body: top } = await lead.get('/top?dim=application&range=30d');
  const { body: flows } = await lead.get(`/alerts/${encodeURIComponent(alert)}/flows?limit=100`);
  return { names: sensors.rows.map(({ strip }) => strip.name), health: Object.keys(row.health).sort(), streams: row.streams.map(({ name, entries }) => [name, entries]),
    known: series.lines[0].values.filter((value) => value !== null).length, values: series.lines[0].values, top: top.rows?.map(({ name, bytes }) => [name, bytes]).sort(), records: top.records,
    delivered: flows.delivered, flows: flows.rows.map(({ flow_id, start_ms }) => `${flow_id} ${start_ms}`).sort() };
}
const settled = () => until(async () => {
  const now = await told();
  const whole = now.health.length && now.streams.every(([, entries]) => entries >= 0) && now.records === usual?.records && now.known >= usual?.known;
  return (!usual || whole) && now;
}, 20000, 'all is read').catch(() => told());

before(async () => {
  rig = await start({ fill: { alerts: 2000, flows: 3000 } });
  rig.redis.cli('hset', plain('health'), 'time', Math.floor(Date.now() / 1000), 'state', 'ok', 'version', '9.9');
  lead = await rig.api('lead');
  // of an alert that has flows near
  for (const row of (await lead.get('/alerts?range=30d&limit=60')).body.rows) {
    const { body } = await lead.get(`/alerts/${encodeURIComponent(row.id)}/flows?limit=100`);
    alert = row.id;
    if (body.rows?.length) break;
  }
  let last = -1;
  await until(async () => { const { records, known, health, streams } = await told(), same = records + known === last && known > 0 && records > 0; last = records + known; return same && health.length > 2 && streams.every(([, entries]) => entries > 0); }, 30000);
  usual = await told();
}, limits);
after(() => rig?.stop());

async function again(change) {
  await rig.killWeb();
  change();
  await rig.startWeb();
  return settled();
}

test('under the names of a cluster all is as it was', limits, async () => {
  assert.ok(usual.known > 100 && usual.records > 100 && usual.delivered && usual.health.length > 2, JSON.stringify({ ...usual, values: 0 }));
  const now = await again(() => { for (const what of WHATS) rig.redis.cli('rename', plain(what), tagged(what)); });
  assert.deepEqual(now, usual);
});

test('what came before the sensor met the cluster lies under the other name, and is read with it', limits, async () => {
  const lengths = new Map();
  const now = await again(() => {
    for (const what of ['metrics:1m', 'metrics:1h', 'flows']) {
      // the older half under the plain name
      const lines = rig.redis.cli('xrange', tagged(what), '-', '+').split('\n'), ids = lines.filter((line) => /^\d+-\d+$/.test(line));
      const half = ids.slice(0, ids.length >> 1);
      rig.redis.cli('copy', tagged(what), plain(what));
      rig.redis.cli('xtrim', tagged(what), 'minid', ids[half.length]);
      for (let at = half.length; at < ids.length; at += 500) rig.redis.cli('xdel', plain(what), ...ids.slice(at, at + 500));
      lengths.set(what, ids.length);
    }
  });
  assert.deepEqual(now, usual);
  for (const [what, length] of lengths) assert.equal(now.streams.find(([name]) => name === what)[1], length, 'both are counted');
});

test('a sensor that moves while the page is open is followed, and a key that is none of them is no sensor', limits, async () => {
  const name = 'egress-7';
  for (const key of [`yagura:${name}:{yagura:egress-8:alerts}:metrics`, `yagura:x:y:{yagura:x:y:alerts}:metrics`, `yagura:web:{yagura:web:alerts}:health`, `yagura:{yagura::alerts}:metrics`,
    `yagura:a b\u0007:{yagura:a b\u0007:alerts}:metrics`, `yagura:${'n'.repeat(80)}:{yagura:${'n'.repeat(80)}:alerts}:metrics`, `yagura:${name}:{yagura:${name}:alerts}:list`, `yagura:${name}:{`])
    rig.redis.cli('xadd', key, '*', 'eve', '{}');
  rig.redis.cli('xadd', 'yagura:egress-6:{yagura:egress-6:alerts}:metrics', '*', 'eve', '{}'); // has raised nothing yet
  const names = await until(async () => { const all = (await lead.get('/sensors')).body.rows.map(({ strip }) => strip.name); return all.includes('egress-6') && all; }, 15000, 'it is found');
  assert.deepEqual(names.sort(), ['egress-1', 'egress-6']);
  // its health moves to the other name: the one with the tag is what it writes now, and goes when that is gone
  rig.redis.cli('hset', plain('health'), 'time', '1', 'version', '1.0');
  rig.redis.cli('hset', tagged('health'), 'time', Math.floor(Date.now() / 1000), 'version', '2.0');
  const version = async () => (await lead.get('/sensors')).body.rows.find(({ strip }) => strip.name === SENSOR).health.version;
  await until(async () => (await version()) === '2.0', 25000);
  rig.redis.cli('del', tagged('health'));
  await until(async () => (await version()) === '1.0', 25000);
  // and where it is no hash at all it hides nothing
  rig.redis.cli('set', tagged('health'), 'x');
  rig.redis.cli('hset', plain('health'), 'version', '3.0');
  await until(async () => (await version()) === '3.0', 15000);
});
