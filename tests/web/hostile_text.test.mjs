// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// SEC-06: text from outside is text. What a sensor writes (it copies names off the wire), what an attacker can make it write, what people and
// addresses of pages say: markup, addresses of scripts, marks that turn the direction of text or cannot be seen, bytes that are no UTF-8,
// NUL, names of 8 KiB and of ten thousand accents, names of JavaScript's own, formulas of spreadsheets. They stand in the real Redis, and
// every page is walked with them: nothing runs, everything can be read, nothing is shifted, the server lives and its JSON is JSON.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { PASSWORD, need, start, until } from './rig.mjs';
import { openAs, routes, settled } from './pages.mjs';
import { visible } from '../../dashboards/web/app/core/visible.js';

need('redis', 'web', 'chromium', 'playwright');

// BAD stands for a byte that is no UTF-8, and is put in where the text becomes bytes; LONE for half of a pair, as JSON can say it.
const BAD = '\ue000', LONE = '\ue001';
const HOSTILE = {
  script: '<script>pwned()</script>"\'><img src=x onerror=pwned()>',
  close: '</textarea></title></style><svg/onload=pwned()>',
  url: 'javascript:pwned()//%0Apwned()',
  turned: 'turned\u202egnp.exe\u2066\u2069\u200f',
  hebrew: 'אבג דהו 12',
  unseen: 'un\u200bse\u2060en\ufeff\u00ad\u{e0041}',
  bytes: `by${BAD}te${BAD}s`,
  lone: `lo${LONE}ne`,
  nul: 'nu\u0000l\u0007\u001b[31m\u0085\u2028x',
  long: 'L0ng'.repeat(2048),
  piled: `pi${'\u0301'.repeat(10000)}led`,
  proto: '__proto__',
  own: 'constructor',
  formula: '=HYPERLINK("http://evil.example/","x")',
};
const NAMES = Object.keys(HOSTILE);
/** What of it can be read on a page, wherever it stands whole. */
const SHOWN = { script: '<script>pwned()</script>"\'><img src=x onerror=pwned()>', close: '</textarea></title></style><svg/onload=pwned()>', url: 'javascript:pwned()', turned: 'turned[U+202E]gnp.exe[U+2066][U+2069][U+200F]',
  hebrew: '\u2068אבג דהו\u2069 12', unseen: 'un[U+200B]se[U+2060]en[U+FEFF][U+00AD][U+E0041]', bytes: 'by\ufffdte\ufffds', lone: 'lo\ufffdne', nul: 'nu\ufffdl[U+0007][U+001B][31m[U+0085][U+2028]x',
  long: 'L0ngL0ngL0ng', piled: 'pi\u0301\u0301\u0301\u0301[+', proto: '__proto__', own: 'constructor', formula: '=HYPERLINK(' };
const cut = (text, bytes) => { let n = 0, out = ''; for (const sign of text) { n += Buffer.byteLength(sign); if (n > bytes) break; out += sign; } return out; };

let rig, made;

/** Text as bytes on the wire: JSON where it is an object. */
function bytesOf(value) {
  const text = typeof value === 'string' ? value : JSON.stringify(value).replaceAll(LONE, '\\ud800');
  const parts = text.split(BAD).flatMap((part, at) => (at ? [Buffer.from([0xff]), Buffer.from(part)] : [Buffer.from(part)]));
  return Buffer.concat(parts);
}
const redis = (args, last) => execFileSync('redis-cli', ['-s', rig.redis.socket, '-x', ...args], { input: last, encoding: 'utf8' }).trim();

const stamp = (ms) => new Date(ms + 9 * 3600000).toISOString().replace('Z', '000+0900');

/** An alert whose every text is `whole`; of long ones two, or the record would be longer than a sensor writes. */
function alertOf(nr, whole, name) {
  const text = cut(whole, 300);
  const time = stamp(Date.now() - 60000 - nr * 1000), org = { code: 'shiosegoe', name_ja: cut(text, 400), name_en: cut(text, 400) };
  return { timestamp: time, event_type: 'alert', host: text, src_ip: `203.0.113.${100 + nr}`, src_port: 4000 + nr, dest_ip: '100.64.32.48', dest_port: 443, proto: 'TCP', app_proto: text,
    community_id: text, tls: { sni: whole, ja4: text, [name]: text }, http: { hostname: text, url: text, http_user_agent: text }, dns: { query: [{ rrname: text }] }, [text]: text, constructor: { prototype: text },
    alert: { action: 'allowed', gid: 1, signature_id: 1, rev: 1, signature: text, category: text, severity: 3, metadata: { mitre_technique_id: [text], [text]: [text] },
      context: { id: (0xbad0000 + nr).toString(16).padStart(16, '0'), kind: text, kind_ja: text, detector: text, state: 'open', score: 80, severity: 'critical', confidence: 0.9, mode: 'alert', sla_minutes: 15,
        first_seen: time, last_seen: time, count: 3, reopened: 0, org, orgs: ['shiosegoe', text], zone: 'internet', target: '100.64.32.48', vector: `${text}/${text}`, vectors: [{ name: text, share: 0.5 }, { name: '__proto__', share: 0.5 }],
        affected: [{ code: text, name_ja: text, name_en: text }], affected_count: 1, campaign: nr % 2 ? text : undefined, pulse: 1, impact: { state: text, success: 0.5, usual: 0.9 }, runbook: text, learning: text,
        why: { observed: 5, threshold: 2, baseline: 1, unit: text, window_s: 60, text_ja: `始め「${whole}」終わり`, text_en: `begin “${text}” end`, top: [{ ip: text, share: 0.5 }, { org: text, share: 0.5 }], sources_at_least: 1,
          series: { start: time, step_s: 1, values: [1, 2, 3], low: 0, high: 1 } } } } };
}

/** A flow whose every text is `whole`, its name in full length. */
const flowOf = (nr, whole, text = cut(whole, 300)) => ({ timestamp: stamp(Date.now() - 1000), event_type: 'flow', host: text, flow_id: 77000 + nr, src_ip: `203.0.113.${100 + nr}`, src_port: 4000 + nr, dest_ip: '100.64.32.48', dest_port: 443, proto: 'TCP',
  app_proto: text, community_id: text, flow: { pkts_toserver: 9, pkts_toclient: 9, bytes_toserver: 9e9, bytes_toclient: 9e9, start: stamp(Date.now() - 90000), end: stamp(Date.now() - 1000), age: 9, state: text, reason: text, alerted: true },
  ndpi: { proto: text, category: text, confidence: text, risks: [text], hostname: whole, org: { src: text, dest: 'shiosegoe' }, zone: { src: text, dest: text }, end: text, rank: text } });

/** A body whose names say this, where the sensor's compiler takes such a name. */
const bodyOf = (nr, text) => `code: evil-${nr}\nname: {ja: ${JSON.stringify(text)}, kana: ${JSON.stringify(text)}, en: ${JSON.stringify(text)}}\nkind: town\nmodel: alpha\nline: 1G\ncontact: ${JSON.stringify(text)}\nprefixes:\n  internet: [100.72.${nr}.0/24]\n`;

function config() {
  // the configuration of the seeds, and beside it bodies of bad names
  const folder = path.join(rig.folder, 'named');
  fs.cpSync(path.join(rig.seeded.folder, 'config'), path.join(folder, 'config'), { recursive: true });
  for (const [nr, name] of ['script', 'close', 'url', 'turned', 'hebrew', 'unseen', 'long', 'piled', 'formula'].entries())
    fs.writeFileSync(path.join(folder, `config/organisations/evil-${nr}.yaml`), bodyOf(nr, cut(HOSTILE[name], 95)));
  rig.seeded = { ...rig.seeded, folder };
}

/** The sensor goes on to report. */
const report = () => rig.redis.cli('hset', 'yagura:egress-1:health', 'time', Math.floor(Date.now() / 1000));

function fill() {
  rig.redis.cli('persist', 'yagura:egress-1:health');
  for (const [nr, name] of NAMES.entries()) {
    const text = HOSTILE[name];
    redis(['XADD', 'yagura:egress-1:alerts', '3-*', 'eve'], bytesOf(alertOf(nr, text, name)));
    redis(['XADD', 'yagura:egress-1:flows', '3-*', 'eve'], bytesOf(flowOf(nr, text)));
    const metrics = JSON.parse(rig.redis.cli('xrevrange', 'yagura:egress-1:metrics', '+', '-', 'count', '1').split('\n')[2]);
    redis(['XADD', 'yagura:egress-1:metrics', '3-*', 'eve'], bytesOf({ ...metrics, timestamp: stamp(Date.now() - 9000 + nr * 500), host: text, sensor: { ...metrics.sensor, [text]: 5 }, orgs: { ...metrics.orgs, [text]: [1, 2, 3, 4, 5, 6] }, [text]: 1 }));
    for (const key of ['why', `books.${text}`, `process.${text}.up`, `port.${nr}.name`, `port.${nr}.link`, `spool.${text}`, `redis.${text}`, text]) // a key cannot hold a NUL here; its value can
      redis(['HSET', 'yagura:egress-1:health', key.replaceAll('\u0000', '').replaceAll(BAD, '\ufffd').replaceAll(LONE, '').slice(0, 9000)], bytesOf(text.replaceAll(LONE, '')));
    // sensors with such names: a stream and a health hash each
    const sensor = text.replaceAll('\u0000', '').replaceAll(BAD, '').replaceAll(LONE, '').slice(0, 200);
    redis(['XADD', `yagura:${sensor}:alerts`, '*', 'eve'], bytesOf(alertOf(40 + nr, 'of a sensor', name)));
    redis(['HSET', `yagura:${sensor}:health`, 'state'], bytesOf(text.replaceAll(LONE, '')));
  }
  redis(['HSET', 'yagura:egress-1:health', 'version'], bytesOf(HOSTILE.script + HOSTILE.turned));
  redis(['HSET', 'yagura:egress-1:health', 'config'], bytesOf(HOSTILE.turned));
  for (const [key, value] of Object.entries({ state: 'ok', packets: 5, lost: 0, silent_s: 0, uptime_s: 9 })) rig.redis.cli('hset', 'yagura:egress-1:health', key, value);
  report();
}

/** What people can say. */
async function say() {
  const lead = await rig.api('lead'), clean = (text, most) => [...text.replaceAll(BAD, '').replaceAll(LONE, '')].slice(0, most).join('');
  const { rows } = (await lead.get('/groups?q=sev:critical&state=all&range=1h&limit=100')).body;
  const target = rows.find((row) => row.source?.ip === '203.0.113.100');
  const answers = [];
  for (const name of NAMES) {
    const text = clean(HOSTILE[name], 2000), short = clean(HOSTILE[name], 80);
    answers.push(await lead.post('/groups/actions', { action: 'comment', ids: [target.id], comment: text }));
    answers.push(await lead.post('/groups/actions', { action: 'assign', ids: [target.id], assignee: clean(HOSTILE[name], 63) }));
    answers.push(await lead.post('/views', { name: short, page: 'inbox', query: `q=${encodeURIComponent(short)}`, shared: 'all' }));
    answers.push(await lead.post('/suppressions', { kind: 'dos.*', org: 'shiosegoe', source: '192.0.2.1', reason: clean(HOSTILE[name], 400), expires_ms: Date.now() + 864e5 }));
    await lead.post('/suppressions', { kind: text, org: text, source: text, target: text, reason: 'x', expires_ms: Date.now() + 864e5 });
    await fetch(rig.origin + '/api/v1/session', { method: 'POST', headers: { ...rig.headers(), 'user-agent': text.replace(/[^\x20-\x7e]/g, '') }, body: JSON.stringify({ user: text, password: 'x' }) });
  }
  answers.push(await lead.post('/groups/actions', { action: 'archive', ids: [target.id], verdict: 'benign', reason: clean(HOSTILE.script + HOSTILE.turned, 500), comment: 'x' }));
  answers.push(await lead.post('/groups/actions', { action: 'reopen', ids: [target.id] }));
  // a browser that calls itself so: the list of a user's login sessions tells it
  await fetch(rig.origin + '/api/v1/session', { method: 'POST', headers: { ...rig.headers(), 'user-agent': `${HOSTILE.script} ${'L0ng'.repeat(100)}` }, body: JSON.stringify({ user: 'viewer', password: PASSWORD }) });
  return { target, refused: answers.filter((answer) => answer.status >= 500).map((answer) => answer.text), said: answers.filter((answer) => answer.status < 300).length };
}

before(async () => {
  rig = await start({ fill: { alerts: 3000 }, begin: false });
  fill();
  config();
  await rig.startWeb();
  const lead = await rig.api('lead');
  await until(async () => !(await lead.get('/session')).body.read_only, 10000, 'it reads for ever');
  made = await say();
}, { timeout: 90000 });
after(() => rig?.stop());

const E = encodeURIComponent;
/** What may break a narrow page otherwise than a wide one: by its length, its height, its direction, its signs. */
const NARROW = ['script', 'turned', 'hebrew', 'nul', 'long', 'piled', 'formula'];
/** Pages, as the router has them, with what is in Redis; name -> [user, addresses]. names: of HOSTILE, those that alerts, groups and sheets are walked of. */
async function walks(names) {
  const lead = await rig.api('lead');
  const groups = (await lead.get('/groups?q=sev:critical&state=all&range=1h&limit=100')).body.rows, alerts = (await lead.get('/alerts?q=sev:critical&range=1h&limit=100')).body.rows;
  const all = alerts.filter((row) => row.source?.ip?.startsWith('203.0.113.')), of = (row) => names.includes(NAMES[row.source?.ip?.split('.')[3] - 100]), ours = all.filter(of), q = (text) => E(text.replaceAll(BAD, '').replaceAll(LONE, '').slice(0, 900));
  const bad = ['script', 'close', 'turned', 'long', 'piled', 'proto', 'own'].filter((name) => name === 'close' || name === 'own' || names.includes(name)).map((name) => q(HOSTILE[name].slice(0, 300)));
  assert.ok(all.length >= NAMES.length && ours.length >= names.length, `${all.length} alerts of ${NAMES.length} were read, ${ours.length} of ${names.length}`);
  return {
    overview: ['lead', ['/', ...bad.slice(0, 3).map((text) => `/?find=${text}&sort=${text}&range=1h`)]],
    inbox: ['lead', ['/inbox?state=all&range=1h&q=sev%3Acritical', ...bad.map((text) => `/inbox?q=${text}&state=${text}&range=1h`), '/inbox?q=constructor%3Ax', `/inbox?range=${bad[0]}`, `/inbox?q=kind%3A${bad[2]}`]],
    group: ['lead', groups.filter((group) => !group.source || of(group)).map((group) => `/groups/${E(group.id)}`)],
    alerts: ['lead', ['/alerts?range=1h&q=sev%3Acritical&cols=severity,kind,text,org,app,vector,technique,sensor,source', '/alerts?range=1h&cols=__proto__,constructor,text', ...bad.map((text) => `/alerts?q=${text}&cols=${text}&range=1h`)]],
    alert: ['lead', ours.map((row) => `/alerts/${E(row.id)}`)],
    handover: ['lead', ours.map((row) => `/alerts/${E(row.id)}/handover?sheet=__proto__`)],
    timeline: ['lead', ['/timeline?range=1h', '/timeline?range=1h&as=table', `/timeline?as=${bad[0]}`]],
    tail: ['lead', ['/tail', ...bad.map((text) => `/tail?q=${text}%3A${text}`)]],
    traffic: ['lead', ['/traffic?range=1h', '/traffic?metric=constructor&org=__proto__', ...bad.slice(0, 4).map((text) => `/traffic?org=${text}`), `/traffic?sensor=${bad[3]}`]],
    sensors: ['lead', ['/sensors', `/sensors?sensor=${bad[0]}#${bad[0]}`]],
    body: ['lead', ['/bodies/shiosegoe', ...Array.from({ length: 9 }, (one, nr) => `/bodies/evil-${nr}`)]],
    host: ['lead', ['/hosts/100.64.32.48', '/hosts/203.0.113.100']],
    detectors: ['lead', ['/detectors', ...bad.slice(0, 4).map((text) => `/detectors?name=${text}&sort=${text}`)]],
    suppressions: ['lead', ['/suppressions?show=all', ...bad.map((text) => `/suppressions?kind=${text}&org=${text}&source=${text}&target=${text}&port=${text}`)]],
    audit: ['auditor', ['/audit', ...bad.slice(0, 5).map((text) => `/audit?user=${text.slice(0, 60)}&action=${text.slice(0, 60)}&text=${text.slice(0, 60)}`)]],
    users: ['admin', ['/users', `/users?name=${bad[0]}&sort=__proto__`]],
    settings: ['lead', ['/settings']], help: ['lead', ['/help']], accessibility: ['lead', ['/accessibility']],
    login: [null, ['/login?next=javascript:pwned()', `/login?next=${bad[0]}`]], first_run: [null, [`/first-run#${bad[0]}`]],
  };
}
/** What is no page of ours, or no such thing: said as such. */
const NOWHERE = ['/groups/%3Cscript%3E', '/alerts/%00', '/alerts/x%E2%80%AEy', '/bodies/__proto__', '/bodies/%3Cimg%20src%3Dx%3E', '/hosts/%3Cscript%3Epwned()', '/hosts/%ff', '/constructor', `/bodies/${'a'.repeat(1500)}`];

/** What is wrong with what is on the screen. */
const look = (page) => page.evaluate(() => {
  const out = [];
  const control = /(?![\t\n\r])[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2067\ufeff\ud800-\udfff]/; // no u: halves of pairs are looked at below
  const lone = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;
  const odd = (text) => {
    const plain = text.replace(/[\ud800-\udbff][\udc00-\udfff]/g, '');
    if (control.test(plain) || lone.test(text)) return `unseen: ${JSON.stringify(text.slice(0, 80))}`;
    let depth = 0;
    for (const sign of text) { if (sign === '\u2068') depth++; else if (sign === '\u2069' && --depth < 0) return 'an isolate that closes nothing'; }
    if (depth) return 'an isolate that stays open';
    return /\p{M}{5}/u.test(text) ? `piled: ${JSON.stringify(text.slice(0, 40))}` : null;
  };
  const texts = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node; node = texts.nextNode()) { const why = !node.parentElement.closest('textarea') && odd(node.data); if (why) out.push(why); }
  for (const one of document.querySelectorAll('[title], [aria-label], [placeholder], [aria-valuetext]'))
    for (const name of ['title', 'aria-label', 'placeholder', 'aria-valuetext']) { const why = odd(one.getAttribute(name) ?? ''); if (why) out.push(`${name}: ${why}`); }
  for (const one of document.querySelectorAll('a[href], form[action], iframe, object, embed, script:not([src]), img')) {
    const to = one.getAttribute('href') ?? '';
    if (one.tagName !== 'A' || /^\s*(javascript|data|vbscript):/i.test(to)) out.push(`${one.tagName} ${to.slice(0, 60)}`);
  }
  if (window.ran) out.push(`a script ran ${window.ran} times`);
  if (document.scrollingElement.scrollWidth > innerWidth + 1) out.push(`the page is ${document.scrollingElement.scrollWidth} wide of ${innerWidth}`);
  const main = document.querySelector('main');
  if (main && main.scrollWidth > main.clientWidth + 1) {
    const right = main.getBoundingClientRect().right;
    const boxed = (one) => { for (let at = one.parentElement; at && at !== main; at = at.parentElement) if (getComputedStyle(at).overflowX !== 'visible') return true; return false; };
    out.push(`main is ${main.scrollWidth} of ${main.clientWidth}: ${[...main.querySelectorAll('*')].filter((one) => one.getBoundingClientRect().right > right + 1 && !boxed(one)).slice(-3).map((one) => `${one.tagName}.${one.className} (${one.textContent.slice(0, 30)})`).join(', ')}`);
  }
  // what stands beside a table that scrolls must not be covered, nor a row grow by the height of a name
  for (const one of document.querySelectorAll('.grid-row')) if (one.scrollHeight > one.clientHeight + 24) out.push(`a row is ${one.scrollHeight} of ${one.clientHeight}`);
  if (document.querySelector('main .empty-bad')) out.push(`broken: ${document.querySelector('main .empty-bad').innerText.slice(0, 200)}`);
  return out;
});

async function tabFor(user, lang, width) {
  const tab = await openAs(rig, user, { lang, theme: 'light', width, height: 800 });
  await tab.context.addInitScript(() => { window.ran = 0; window.pwned = () => { window.ran++; }; });
  await tab.page.evaluate(() => { window.ran = 0; window.pwned = () => { window.ran++; }; });
  return tab;
}
const goTo = (page, where) => page.evaluate((to) => { const a = document.createElement('a'); a.href = to; document.body.append(a); a.click(); a.remove(); }, where);

test('SEC-06 what cannot be seen is written out, and nothing else is changed', () => {
  for (const [text, shown] of [
    ['汐瀬江村の46台（22）–…', '汐瀬江村の46台（22）–…'], ['naïve café ×', 'naïve café ×'], ['line\n\ttab', 'line\n\ttab'], ['👨\u200d👩\u200d👧 ❤\ufe0f', '👨\u200d👩\u200d👧 ❤\ufe0f'], ['辻\u{e0100}葛', '辻\u{e0100}葛'],
    ['か\u3099'.repeat(9), 'か\u3099'.repeat(9)], ['a\u202eb', 'a[U+202E]b'], ['\u202e\u202e\u200b', '[U+202E×2][U+200B]'], ['a\0\0\0', 'a[U+0000×3]'], ['admin\u200d', 'admin[U+200D]'], ['x\ud800y', 'x\ufffdy'], ['\u3164', '[U+3164]'],
    ['e' + '\u0301'.repeat(10000) + 'f', 'e' + '\u0301'.repeat(4) + '[+9996]f'], ['\u2068a\u2069', '[U+2068]a[U+2069]'], ['שלום 3 件', '\u2068שלום\u2069 3 件'], ['12 مرحبا بك 34', '12 \u2068مرحبا بك\u2069 34'],
    ['\u{e0041}\u{e007f}', '[U+E0041][U+E007F]'], ['admin\ufe0f', 'admin[U+FE0F]'], ['admin\u{e0100}', 'admin[U+E0100]'], ['辻\ufe00 1\ufe0f\u20e3 ☂\ufe0e 👩🏽\u200d⚖\ufe0f', '辻\ufe00 1\ufe0f\u20e3 ☂\ufe0e 👩🏽\u200d⚖\ufe0f'],
    ['1\ufe0f', '1[U+FE0F]'], ['辻\ufe00\ufe00', '辻\ufe00[U+FE00]'], ['a\u2065b\u2800', 'a[U+2065]b[U+2800]'], ['\u180b\u{e0fff}', '[U+180B][U+E0FFF]']])
    assert.equal(visible(text), shown);
  const began = performance.now();
  visible('\u202e\u0301'.repeat(100000));
  visible('א '.repeat(100000));
  assert.ok(performance.now() - began < 2000, 'the time grows with the text, and no faster');
});

test('SEC-06 a name turns nothing around it: what stands behind it stands behind it', async () => {
  const { page, context } = await tabFor('lead', 'ja', 1280);
  for (const name of ['turned', 'hebrew']) {
    await goTo(page, `/alerts/${E(`egress-1:${(0xbad0000 + NAMES.indexOf(name)).toString(16).padStart(16, '0')}`)}`);
    await settled(page);
    // in the evidence, where nothing was taken out on the way; and in the sentence
    for (const [selector, from, to] of [['.headline', '始め「', '」終わり'], ['details.raw pre', '"sni": "', '",']]) {
      await page.evaluate(() => { document.querySelector('details.raw').open = true; });
      const places = await page.evaluate(([selector, from, to]) => {
        const node = [...document.querySelector(selector).childNodes].find((one) => one.nodeType === 3 && one.data.includes(from)), start = node.data.indexOf(from), end = node.data.indexOf(to, start + from.length);
        const at = (i) => { const range = document.createRange(); range.setStart(node, i); range.setEnd(node, i + 1); const box = range.getBoundingClientRect(); return { x: box.left, y: box.top }; };
        return { first: at(start), last: at(start + from.length - 1), behind: at(end), text: node.data.slice(start, end + to.length) };
      }, [selector, from, to]);
      assert.equal(Math.round(places.first.y), Math.round(places.behind.y), `${places.text} is one line`);
      assert.ok(places.first.x < places.last.x && places.last.x < places.behind.x, `${name}, ${selector}: ${JSON.stringify(places)}`);
    }
  }
  await context.close();
});

test('SEC-06 every answer is JSON, in UTF-8, and a table of a spreadsheet holds no formula', async () => {
  const lead = await rig.api('lead');
  const raw = async (where) => {
    const answer = await until(async () => { // more in a second than a session may ask
      const one = await fetch(rig.origin + '/api/v1' + where, { headers: { cookie: lead.cookie } });
      return one.status !== 429 && one;
    }, 10000, where);
    assert.equal(answer.status, 200, where);
    return new TextDecoder('utf-8', { fatal: true }).decode(await answer.arrayBuffer()); // throws where a byte is none
  };
  const critical = 'q=sev%3Acritical&range=1h', ids = (await lead.get(`/alerts?${critical}&limit=100`)).body.rows.map((row) => row.id);
  for (const where of ['/overview?range=1h', '/bodies?range=1h', `/groups?state=all&${critical}`, `/alerts?${critical}`, '/sensors', '/timeline?range=1h', '/detectors?range=30d', '/suppressions', '/views', '/hosts/100.64.32.48',
    ...['application', 'body', 'sensor', 'host'].map((dim) => `/top?dim=${dim}&range=1h`), ...ids.flatMap((id) => [`/alerts/${E(id)}`, `/alerts/${E(id)}/flows`, `/alerts/${E(id)}/related`, `/alerts/${E(id)}/handover`])])
    JSON.parse(await raw(where));
  const lines = (await raw(`/export?format=jsonl&${critical}`)).trim().split('\n').map((line) => JSON.parse(line));
  assert.ok(lines.length >= NAMES.length, `${lines.length} lines`);
  const csv = await raw(`/export?format=csv&${critical}`);
  const cells = [...csv.matchAll(/"((?:[^"]|"")*)"/g)].map((cell) => cell[1]);
  assert.ok(cells.some((cell) => cell.startsWith("'=HYPERLINK(")), 'the formula is there, as text');
  assert.deepEqual(cells.filter((cell) => /^[=+@\t\r-]/.test(cell)), []);
  assert.equal(csv.replace(/"(?:[^"]|"")*"/g, '').replace(/[,\r\n\ufeff]/g, ''), '', 'nothing stands outside of cells');
  const yaml = await raw('/suppressions/export');
  assert.ok(yaml.includes('pwned()') && !/^\s*=|^<script/m.test(yaml));
});

for (const [lang, width] of [['ja', 1280], ['en', 390]]) {
  test(`SEC-06 every page with hostile text in every field, ${width} px, ${lang}`, { timeout: 120000 }, async (t) => {
    assert.deepEqual(made.refused, [], 'no answer of 500');
    const names = width < 760 ? NARROW : NAMES, all = await walks(names), bad = [], read = new Map();
    assert.deepEqual(Object.keys(all).sort(), routes().map((route) => route.name).sort(), 'every page of the router is walked');
    let steps = 0;
    for (const user of ['lead', 'auditor', 'admin', null]) {
      const { page, context, broken } = await tabFor(user, lang, width);
      const said = [];
      page.on('console', (message) => { if (message.type() === 'error' && !/status of 4\d\d/.test(message.text())) said.push(message.text().slice(0, 200)); });
      for (const [name, [who, wheres]] of Object.entries(all)) {
        if (who !== user) continue;
        for (const where of wheres) {
          steps++;
          if (name === 'sensors') report();
          await goTo(page, where);
          await settled(page).catch((error) => bad.push(`${name} ${where.slice(0, 120)}: ${error.message.slice(0, 200)}`));
          await page.evaluate(() => { for (const one of document.querySelectorAll('main details')) one.open = true; });
          for (const why of await look(page)) bad.push(`${name} ${where.slice(0, 120)}: ${why}`);
          read.set(name, (read.get(name) ?? '') + await page.evaluate(() => document.querySelector('main')?.textContent));
          if (await page.locator('dialog[open]').count()) await page.keyboard.press('Escape');
        }
      }
      if (user === 'lead')
        for (const where of NOWHERE) {
          await goTo(page, where);
          await until(() => page.evaluate(() => document.querySelector('main .empty-title') && !document.querySelector('main .loading')), 5000, where).catch((error) => bad.push(error.message));
          for (const why of await look(page)) if (!/^broken/.test(why)) bad.push(`${where.slice(0, 60)}: ${why}`);
        }
      for (const why of said) bad.push(`console: ${why}`);
      for (const [kind, list] of Object.entries(broken)) for (const one of list) bad.push(`${kind}: ${one.slice(0, 300)}`);
      await context.close();
    }
    // there it is, as text
    for (const [name, texts] of Object.entries({ alert: names.map((name) => SHOWN[name]), group: [SHOWN.script, SHOWN.turned, SHOWN.hebrew, SHOWN.formula], inbox: [SHOWN.script.slice(0, 30), 'turned[U+202E]gnp'], sensors: [SHOWN.script, SHOWN.hebrew, 'turned?gnp.exe???', '__proto__', 'constructor', 'by?te?s'],
      suppressions: [SHOWN.script, SHOWN.close], audit: ['__proto__', 'constructor'], handover: ['<script>pwned()'] }))
      for (const text of texts) if (!read.get(name).includes(text)) bad.push(`${name} does not show ${JSON.stringify(text.slice(0, 60))}`);
    assert.equal([...new Set(bad)].join('\n'), '');
    t.diagnostic(`${steps} pages`);
  });
}
