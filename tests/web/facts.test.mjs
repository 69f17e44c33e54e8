// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What the pages about alerts say, without a browser: amounts, reasons, copies for other tools, the timeline's layout, the tail's filter.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { agentOf } from '../../dashboards/web/app/facts/agent.js';
import { amount, axisOf, duration, ratio } from '../../dashboards/web/app/facts/amount.js';
import { attentionOf, chosen, ordered, sparkPath } from '../../dashboards/web/app/facts/board.js';
import { curl, defang, defanged, oneLine, redisCli, shell, ticketJa, tshark } from '../../dashboards/web/app/facts/copyas.js';
import { contextOf, instant } from '../../dashboards/web/app/facts/eve.js';
import { layOut, marks, pan, ROWS_MAX, SPAN_WIDTH_MIN, step, zoom } from '../../dashboards/web/app/facts/lanes.js';
import { mailto } from '../../dashboards/web/app/facts/mailto.js';
import { matcher, merge, TAIL_ROWS } from '../../dashboards/web/app/facts/match.js';
import { quoted, term } from '../../dashboards/web/app/facts/query.js';
import { STEPS_KEPT, tick, ticked } from '../../dashboards/web/app/facts/steps.js';
import { whyRows, whySentences } from '../../dashboards/web/app/facts/why.js';
import { vectorName } from '../../dashboards/web/app/facts/words.js';

const app = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../dashboards/web/app');

/** The texts of the page, filled as core/i18n.js fills them; a key without text is an error here. */
function words(lang) {
  const texts = {};
  for (const name of fs.readdirSync(path.join(app, 'i18n')))
    if (name.endsWith(`.${lang}.json`)) Object.assign(texts, JSON.parse(fs.readFileSync(path.join(app, 'i18n', name), 'utf8')));
  const say = (value) => (typeof value === 'number' ? new Intl.NumberFormat(lang).format(value) : String(value ?? ''));
  return { lang, t(key, values = {}) {
    assert.ok(Object.hasOwn(texts, key), `no text for ${key} in ${lang}`);
    return texts[key].replace(/\{(\w+), plural, one \{([^{}]*)\} other \{([^{}]*)\}\}/g, (_, name, one, other) => (values[name] === 1 ? one : other).replaceAll('#', say(values[name])))
      .replace(/\{(\w+)\}/g, (_, name) => { assert.ok(Object.hasOwn(values, name), `${key} wants ${name}`); return say(values[name]); });
  } };
}
const ja = words('ja'), en = words('en');

const alert = (more = {}) => ({ id: 'egress-1:84285800d70c7589', kind: 'dos.udp_flood', kind_ja: 'UDPフラッド攻撃', kind_en: 'UDP flood', sensor: 'egress-1', proto: 'UDP', state: 'open',
  severity: 'high', first_ms: 1781003220000, last_ms: 1781003222000, org: { code: 'kirisasa', name_ja: '霧笹広域事務組合', name_en: 'Kirisasa' }, text_ja: '疑い。', text_en: 'Suspected.',
  source: { ip: '198.51.100.7', port: 53, inside: false, org: null }, target: { ip: '192.0.2.14', inside: true, org: null }, ...more });

test('UI-12 amounts read as the sensor\'s own sentences', () => {
  assert.equal(amount(21595680, 'bits/s', ja), '毎秒21.6Mbit');
  assert.equal(amount(21595680, 'bits/s', en), '21.6 Mbit/s');
  assert.equal(amount(48211, 'packets/s', ja), '毎秒48,211パケット');
  assert.equal(amount(1, 'ports', en), '1 port');
  assert.equal(amount(21, 'ports', en), '21 ports');
  for (const [unit, said] of [['flows/s', '1 flow/s'], ['queries/s', '1 query/s'], ['incomplete SYNs/s', '1 incomplete request/s'], ['requests', '1 request'], ['times', '1 time'], ['s', '1 s']]) assert.equal(amount(1, unit, en), said);
  assert.equal(amount(5.25, '%', ja), '5.3%');
  assert.equal(amount(NaN, 'ports', ja), '不明');
  assert.equal(amount(3, 'novel/s', ja), '3 novel/s', 'a unit of a newer sensor is shown as it is');
  assert.equal(amount(7, 'constructor', en), '7 constructor', 'a unit is no key of Object');
  assert.equal(amount(500000000, 'bytes', en), '500.0 MB');
  assert.deepEqual([axisOf(40e6, 'bits/s', ja).unit, axisOf(40e6, 'bits/s', ja).format(20e6)], ['Mbit/秒', '20']);
  assert.equal(duration(7500000, ja), '2時間5分');
  assert.equal(duration(-5, en), '0 s');
  assert.equal(ratio(5, 0), null);
});

test('UI-12 every unit that a sensor writes has words in both languages', () => {
  const source = fs.readFileSync(path.join(app, '../../../sensor/explain/print.c'), 'utf8');
  const units = [...source.slice(source.indexOf('units[]'), source.indexOf('severities[]')).matchAll(/\{"([^"]+)", "[^"]+", "[^"]+"\}/g)].map((m) => m[1]);
  assert.ok(units.length > 15);
  for (const unit of [...units, 'bits/s', 'bit/s'])
    for (const lang of [ja, en]) {
      const said = amount(12, unit, lang);
      if (lang === ja && !['%'].includes(unit)) assert.match(said, /[ぁ-ヿ一-鿿]|bit|B$/, `${unit}: ${said}`);
      assert.ok(said.includes('12'), said);
    }
});

test('UI-12 reasons: above, below, without threshold, without anything', () => {
  const why = (more) => ({ observed: 60, threshold: 20, baseline: 6, unit: 'ports', window: 300, ...more });
  assert.deepEqual(whySentences(why({}), ja), ['直近5分で60ポートを観測しました。しきい値（20ポート）の3倍です。', '平常値（6ポート）の10倍です。']);
  assert.match(whySentences(why({ observed: 5 }), en)[0], /25 % of the threshold/);
  assert.equal(whySentences(why({ observed: 20, baseline: null }), ja)[0], '直近5分で20ポートを観測しました。しきい値（20ポート）に達しています。', 'and not: once the threshold');
  assert.equal(whySentences(why({ threshold: 0, baseline: null, window: null }), en)[0], 'Measured: 60 ports.');
  assert.deepEqual(whySentences(why({ observed: null }), ja), []);
  const rows = whyRows({ learning: 'floor', why: { ...why({}), peak: 80, sourcesAtLeast: 9994, sample: 10 } }, ja);
  assert.deepEqual(rows.map(([name]) => name), ['観測値', 'しきい値', '平常値', '最大値', '観測期間', 'しきい値との比', '送信元の数', '標本', 'しきい値の根拠']);
  assert.equal(vectorName('drops/eth1', ja), 'ポートでの破棄（eth1）');
  assert.equal(vectorName('__proto__', en), '__proto__');
});

test('SEC-06 an EVE line is read as text, finite numbers and short lists, whatever it holds', () => {
  for (const eve of [null, undefined, 7, 'x', [], {}, { alert: null }, { alert: { context: [] } }, { alert: { context: { why: { top: 'x', series: { values: {} } }, affected: 3, vectors: [null, 1, {}] } } }]) {
    const context = contextOf(eve);
    assert.deepEqual([context.why.top, context.affected, context.vectors, context.why.series], [[], [], [], null]);
  }
  const context = contextOf({ alert: { context: { kind: 'x', why: { observed: 'NaN', threshold: Infinity, top: Array(1000).fill({ ip: '198.51.100.1', share: 'x' }),
    series: { start: '2026-06-09T10:07:00.000000+0900', step_s: 1, values: [1, null, 'x', ...Array(500).fill(1)] } } } } });
  assert.equal(context.why.observed, null);
  assert.equal(context.why.top.length, 32);
  assert.equal(context.why.series.values.length, 120);
  assert.equal(context.why.series.start, Date.UTC(2026, 5, 9, 1, 7));
  assert.equal(instant('2026-06-09T10:07:00+0900'), Date.UTC(2026, 5, 9, 1, 7));
});

test('SEC-06 copies: a shell reads one argument, a ticket one line a field, and nothing outside is a link', () => {
  const nasty = "egress'; rm -rf $(x) `y`\n\u202eevil";
  const printed = execFileSync('/bin/sh', ['-c', `printf %s ${shell(nasty)}`], { encoding: 'utf8' });
  assert.equal(printed, "egress'; rm -rf $(x) `y`  evil");
  const command = redisCli(nasty, '3-1200');
  assert.equal(execFileSync('/bin/sh', ['-c', `set -- ${command.slice('redis-cli '.length)}; printf '%s|%s|%s' $# "$1" "$3"`], { encoding: 'utf8' }), '4|XRANGE|3-1200');
  assert.ok(!curl('https://soc.example', nasty).includes('\n'));
  assert.equal(defang('http://a.example:80/'), 'hxxp[:]//a[.]example[:]80/');
  assert.equal(oneLine('a\u0000b\u2067c\r\n'), 'a b c  ');
  const detail = { alert: alert({ text_ja: '一行目\n【重要度】低' }), eve: { tls: { sni: 'bad.example' } }, steps_ja: ['確認\nする'], clause: { ja: '第6条' } };
  const context = contextOf({ alert: { context: { why: { top: [{ ip: '203.0.113.9', share: 0.5 }] } } } });
  assert.equal(defanged(detail, context), '198[.]51[.]100[.]7\n203[.]0[.]113[.]9\nbad[.]example');
  const ticket = ticketJa(detail, context, { time: () => '2026-06-09 20:07:00', severity: '高', url: 'https://soc.example/alerts/x' });
  for (const name of ['日時', '団体', '重要度', '送信元', '宛先', '事象', '根拠', '推奨対応', '関係規程', '参照', 'アラートID'])
    assert.equal(ticket.split('\n').filter((line) => line.startsWith(`【${name}】`)).length, 1, name);
  assert.match(ticket, /【送信元】198\[\.\]51\[\.\]100\[\.\]7（ポート53）/);
  assert.match(ticket, /～継続中/);
});

test('UI-10 a display filter of tshark holds addresses and numbers alone', () => {
  const filter = tshark({ alert: alert() });
  assert.equal(filter, 'ip.addr == 198.51.100.7 && ip.addr == 192.0.2.14 && udp.port == 53 && frame.time >= "2026-06-09T11:06:30.000Z" && frame.time <= "2026-06-09T11:07:32.000Z"');
  assert.equal(tshark({ alert: alert({ source: { ip: '1.2.3.4 || 1==1' }, target: { ip: '2001:db8::/32' }, proto: 'TCP; x', first_ms: null }) }), 'ipv6.addr == 2001:db8::/32');
});

test('search terms quote what the grammar would read', () => {
  assert.equal(term('org', '072001'), 'org:072001');
  assert.equal(quoted('two words'), '"two words"');
  assert.equal(quoted('a,b'), '"a,b"');
  assert.equal(quoted('dos.*'), '"dos.*"');
  assert.equal(quoted('x" -kind:y'), '"x  -kind:y"');
  assert.equal(quoted(''), '""');
});

test('timeline: spans that overlap stand in rows, none is lost, and the keys reach each', () => {
  const span = (from, to) => ({ alert: `a${from}`, from_ms: from, to_ms: to, severity: 'high' });
  const lanes = [{ target: { ip: '192.0.2.1' }, spans: [span(0, 500), span(100, 600), span(700, 701)] }, { target: { ip: '192.0.2.2' }, spans: [span(650, 800)] },
    { target: { ip: '192.0.2.3' }, spans: [span(5000, 6000)] }];
  const placed = layOut(lanes, { from: 0, to: 1000 }, 1000);
  assert.equal(placed.length, 2, 'a lane without a span in the window is not drawn');
  assert.deepEqual(placed[0].spans.map((one) => one.row), [0, 1, 0]);
  assert.equal(placed[0].spans[2].width, SPAN_WIDTH_MIN);
  const crowd = layOut([{ spans: Array.from({ length: 50 }, (_, i) => span(i, 900)) }], { from: 0, to: 1000 }, 1000);
  assert.equal(crowd[0].spans.length, 50);
  assert.equal(crowd[0].rows, ROWS_MAX);
  let at = step(placed, null, 'ArrowRight');
  const seen = new Set();
  for (const key of ['', 'ArrowRight', 'ArrowRight', 'ArrowDown', 'ArrowUp']) { at = key ? step(placed, at, key) : at; seen.add(`${at.lane},${at.span}`); }
  assert.deepEqual([...seen], ['0,0', '0,1', '0,2', '1,0']);
  assert.equal(step([], null, 'ArrowDown'), null);
});

test('timeline: zoom and pan stay within the whole, and never below a minute', () => {
  const whole = { from: 0, to: 86400000 };
  let view = whole;
  for (let i = 0; i < 40; i++) view = zoom(view, whole, 2, 1);
  assert.equal(view.to - view.from, 60000);
  for (let i = 0; i < 40; i++) view = pan(view, whole, 1);
  assert.deepEqual(view, { from: 86400000 - 60000, to: 86400000 });
  for (let i = 0; i < 40; i++) view = zoom(view, whole, 0.5, 0);
  assert.deepEqual(view, whole);
  const jst = 9 * 3600000;
  assert.ok(marks({ from: 0, to: 7 * 86400000 }, 7, jst).every((ms) => (ms + jst) % 86400000 === 0), 'days begin at midnight of the site');
});

test('the tail filters what is here, and names what is not', () => {
  const row = { ...alert(), technique: 'T1498.001', app: 'dns', mode: 'page', zone: 'internet', vector: 'udp' };
  for (const [query, found] of [['', true], ['sev:>=high', true], ['sev:critical', false], ['sev:high,low', true], ['-sev:high', false], ['kind:dos.*', true], ['霧笹', true], ['"UDPフラッド"', true],
    ['@198.51.100.7', true], ['ip:203.0.113.1', false], ['１９８．５１．１００．７', true], ['src:192.0.2.14', false], ['is:open', true], ['is:closed', false], ['attck:T1498', true], ['-', false]])
    assert.equal(matcher(query).finds(row), found, query);
  assert.deepEqual(matcher('assignee:sato state:new high').unknown, ['assignee', 'state']);
});

test('the tail: newest first, an alert once, never more than TAIL_ROWS', () => {
  const row = (i, n = 0) => ({ id: `a${i}`, first_ms: i, n });
  let rows = merge([], Array.from({ length: 300 }, (_, i) => row(i)));
  assert.equal(rows[0].id, 'a299');
  rows = merge(rows, [row(5, 1), row(5, 2)]);
  assert.deepEqual([rows[0].id, rows[0].n, rows.length], ['a5', 2, 300]);
  for (let i = 0; i < 30; i++) rows = merge(rows, Array.from({ length: 200 }, (_, k) => row(1000 + i * 200 + k)));
  assert.equal(rows.length, TAIL_ROWS);
});

test('ticks of a runbook stay at the desk, and at most STEPS_KEPT alerts are remembered', () => {
  const store = new Map(), storage = { getItem: (key) => store.get(key) ?? null, setItem: (key, value) => store.set(key, value) };
  for (let i = 0; i < STEPS_KEPT + 20; i++) tick(storage, `a${i}`, 1, true);
  assert.deepEqual([...ticked(storage, `a${STEPS_KEPT + 19}`)], [1]);
  assert.equal(ticked(storage, 'a0').size, 0);
  tick(storage, 'a100', 1, false);
  assert.equal(ticked(storage, 'a100').size, 0);
  store.set('yagura.steps', '{"hostile": true');
  assert.equal(ticked(storage, 'a101').size, 0);
  assert.deepEqual([...tick({ getItem() { throw new Error('forbidden'); }, setItem() { throw new Error('forbidden'); } }, 'x', 2, true)], [2]);
});

test('board: worst first, and never calm when nobody looks', () => {
  const tile = (code, more) => ({ org: { code, name_ja: code, name_en: code }, open: {}, zones: {}, inbox: 0, overdue: 0, dark: false, saturated: false, last_ms: 1, traffic: { in: [1, 2], out: [1, 1] }, ...more });
  const calm = tile('calm');
  assert.equal(attentionOf(calm, false), 'calm');
  assert.equal(attentionOf(calm, true), 'unseen');
  assert.equal(attentionOf(tile('x', { last_ms: null }), false), 'unseen');
  const tiles = [calm, tile('low', { open: { low: 1 } }), tile('dark', { dark: true }), tile('high', { open: { high: 2 } }), tile('crit', { open: { critical: 1 } }), tile('zone', { zones: { lgwan: 'breach' } })];
  assert.deepEqual(ordered(tiles, 'attention', (a, b) => a.org.code.localeCompare(b.org.code)).map((one) => one.org.code), ['dark', 'zone', 'crit', 'high', 'low', 'calm']);
  assert.deepEqual(chosen(tiles, 'ＬＯＷ', false).map((one) => one.org.code), ['low']);
  assert.equal(chosen(tiles, '', true).length, 5);
  assert.ok(!/NaN|Infinity/.test(sparkPath(tile('z', { traffic: { in: [0, 0], out: [], usual_in: null } }), 120, 24).line));
  const holed = sparkPath(tile('z', { traffic: { in: [8, null, 8, 8], out: [1, null, null, 1], usual_in: 8, usual_out: 1 } }), 120, 24).line;
  assert.equal(holed.replace(/[\d. ]+/g, ''), 'MML', 'what is not known is a hole, and not a fall to zero');
});

test('a mail link holds what such links may hold, and no header of a stranger', () => {
  const long = mailto('情報政策課 024-000-0000 joho@example.lg.jp', '件名', 'あ'.repeat(3000), 'https://soc.example/alerts/x');
  assert.ok(long.cut && long.href.length <= 1900 && long.href.includes('soc.example'));
  assert.ok(long.href.startsWith('mailto:joho@example.lg.jp?'));
  const bad = mailto('a@b.example?bcc=c@d.example', 'x\r\nBcc: y', 'z&cc=q', '');
  assert.deepEqual(bad.href.match(/[?&](\w+)=/g), ['?subject=', '&body=']);
  assert.equal(mailto(null, 's', 't', '').href, 'mailto:?subject=s&body=t');
});

test('what a browser calls itself, as its user would; anything else is left as it came', () => {
  const of = (text) => { const found = agentOf(text); return found && `${found.browser} ${found.version} ${found.system}`; };
  const windows = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36';
  assert.equal(of(windows), 'Chrome 131 Windows');
  assert.equal(of(`${windows} Edg/131.0.2903.86`), 'Microsoft Edge 131 Windows');
  assert.equal(of('Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0'), 'Firefox 128 Linux');
  assert.equal(of('Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4.1 Safari/605.1.15'), 'Safari 17 macOS');
  assert.equal(of('Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1'), 'Safari 17 iOS');
  assert.equal(of('Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36'), 'Chrome 130 Android');
  assert.equal(of('curl/7.88.1'), 'curl 7 null');
  for (const text of ['', 'node', '<script>alert(1)</script>', 'Chrome/', 'Firefox/x', '?'.repeat(159)]) assert.equal(of(text), null, text);
  assert.equal(of(`Chrome/${'9'.repeat(120)}`), 'Chrome 9999 null');
});
