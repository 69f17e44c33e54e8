// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Pictures of every page, in both languages and themes, from the example prefecture: for looking at, and for the guides.
//
//   YAGURA_BUILD=build node tests/web/screenshots.mjs [--pages | --all FOLDER] [--only PATTERN]
//
// Without an option: the few that docs/dashboard*.md show, into docs/dashboard/, each at most 60 KB (a larger one is an error). --pages: every
// page in both languages and themes, into docs/dashboard/pages/, and docs/dashboard-pages.md, which shows them. --all: into
// FOLDER all of them, NAME-LANG-THEME-WIDTH.png: every page, and what scenes.mjs does on it; 1280x800 and 1920x1080 in both languages and
// themes, 390x844 in Japanese dark and English light; a page longer than its window is shown at its length, in parts of PART pixels.
// --only: those whose name matches, '^(users|audit)-ja'. What could not be taken is said at the end, and the rest is there.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { need, PASSWORD, root, sleep, start } from './rig.mjs';
import { openAs, pagesOf, routes, settled, walk } from './pages.mjs';
import { AWAY, bannered, scenesOf } from './scenes.mjs';

need('redis', 'web', 'chromium', 'playwright');
const MAX_BYTES = 60 * 1024;
const GUIDE = { ja: ['overview', 'inbox', 'alert', 'timeline', 'sensors', 'suppressions'], en: ['overview', 'inbox', 'alert', 'sensors'] };
const LOOKS = [['ja', 'dark'], ['ja', 'light'], ['en', 'dark'], ['en', 'light']];
const SIZES = { 1280: 800, 1920: 1080, 390: 844 };
const PART = 2000; // of a page that is longer: what a reader can still make out
const PARTS = 3;
const TITLES = { overview: '概況 · Overview', inbox: '受信箱 · Inbox', group: 'アラートグループ · Alert group', alerts: 'アラート検索 · Alert search', alert: 'アラート詳細 · Alert',
  handover: '連絡票 · Handover sheet', timeline: 'タイムライン · Timeline', tail: 'ライブ · Live tail', traffic: '通信量 · Traffic', sensors: 'センサー · Sensors', body: '団体 · Body', host: 'ホスト · Host',
  detectors: '検知ルール · Detectors', suppressions: '抑止 · Suppressions', audit: '監査ログ · Audit log', users: '利用者 · Users', settings: '設定 · Settings', help: 'ヘルプ · Help',
  accessibility: 'ウェブアクセシビリティ方針 · Accessibility', login: 'ログイン · Login', first_run: '初回設定 · First run' };

const argument = (name) => (process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : null);
const all = argument('--all'), only = new RegExp(argument('--only') ?? ''), every = process.argv.includes('--pages');
const folder = all ?? path.join(root, every ? 'docs/dashboard/pages' : 'docs/dashboard');
fs.mkdirSync(folder, { recursive: true });
const failed = [];
let taken = 0;
const missed = (name) => (error) => { failed.push(`${name}: ${String(error.message ?? error).split('\n')[0].slice(0, 300)}`); };

/** Everything drawn: fonts, charts, and what moves at rest. */
async function still(page) {
  await page.evaluate(() => Promise.race([document.fonts.ready, new Promise((done) => setTimeout(done, 2000))]));
  await page.waitForFunction(() => [...document.querySelectorAll('.chart-plot')].every((box) => box.querySelector('canvas'))
    && document.getAnimations().every((one) => one.playState !== 'running' || one.effect.getComputedTiming().iterations === Infinity), null, { timeout: 5000 }).catch(() => {});
  await sleep(all ? 150 : 600);
}

/** The picture; of a long page its whole length. */
async function take(page, name, { tall = true, height } = {}) {
  await still(page);
  const file = path.join(folder, `${name}.png`), width = page.viewportSize().width;
  const rest = () => page.evaluate(() => { const box = document.querySelector('#main') ?? document.documentElement; return box.scrollHeight - box.clientHeight; });
  let more = tall ? await rest() : 0;
  if (more > 0) {
    await page.setViewportSize({ width, height: Math.min(height + more, PART) });
    await still(page);
    more = await rest();
  }
  await page.screenshot({ path: file });
  taken++;
  for (let part = 2; tall && more > 0 && part <= PARTS; part++, more -= PART - 100) {
    await page.evaluate((by) => (document.querySelector('#main') ?? document.documentElement).scrollBy(0, by), PART - 100);
    await still(page);
    await page.screenshot({ path: file.replace(/\.png$/, `-${part}.png`) });
    taken++;
  }
  await page.setViewportSize({ width, height });
}

/** WebP by the browser itself; less quality where a page has much on it. */
async function guide(page, name) {
  await still(page);
  const session = await page.context().newCDPSession(page), file = path.join(folder, `${name}.webp`);
  for (const quality of [80, 60, 45, 30]) {
    const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality });
    const bytes = Buffer.from(data, 'base64');
    if (bytes.length > MAX_BYTES && quality > 30) continue;
    fs.writeFileSync(file, bytes);
    taken++;
    if (bytes.length > MAX_BYTES) failed.push(`${file}: ${bytes.length} bytes, more than ${MAX_BYTES}`);
    break;
  }
}

/** Each of `shots` ({name, user, where, does?, after?, print?, tall?}) in one look and width; a tab for each user, which walks as people do. */
async function series(rig, shots, lang, theme, width) {
  const wanted = shots.map((shot) => ({ ...shot, file: `${shot.name}-${lang}-${theme}-${width}` })).filter((shot) => only.test(shot.file)), height = SIZES[width];
  for (const user of [...new Set(wanted.map((shot) => shot.user))]) {
    let tab = null;
    for (const shot of wanted.filter((one) => one.user === user)) {
      try {
        tab ??= await openAs(rig, user, { lang, theme, width, height });
        // by another page first: a dialog or a choice of the scene before is gone
        if (shot.does) await walk(tab.page, user ? '/accessibility' : '/login');
        await walk(tab.page, shot.where);
        await shot.does?.(tab.page, rig);
        if (shot.print) await tab.page.emulateMedia({ media: 'print' });
        await take(tab.page, shot.file, { height, tall: shot.tall ?? !shot.does });
        await shot.after?.(tab.page, rig);
      } catch (error) {
        missed(shot.file)(error);
        await tab?.context.close().catch(() => {});
        tab = null;
        continue;
      }
      if (shot.print || shot.does) { // nothing of it stays for the next
        if (shot.print) await tab.page.emulateMedia({ media: null });
        if (await tab.page.evaluate(() => Boolean(document.querySelector('dialog[open], .menu')))) { await tab.context.close(); tab = null; }
      }
    }
    await tab?.context.close();
  }
}

/** The example prefecture as it is on a working day: people work in its inbox, its sensor lives. */
async function prefecture() {
  const rig = await start({ fill: { alerts: 20000, groups: 800 }, age: 120000 }); // there is no traffic between the filling and now
  execFileSync('/usr/bin/python3', [path.join(root, 'dashboards/web/seed_triage.py'), rig.origin, PASSWORD, rig.redis.socket]);
  const live = rig.live({ rate: 0.2 }); // health and metrics as of now
  const lead = await rig.api('lead');
  for (const [kind, reason, days] of [['scan.port', '委託先による脆弱性診断。契約期間中のみ。', 5], ['org.baseline', '庁舎移転に伴う通信量の変化。', 45]])
    await lead.post('/suppressions', { kind, org: 'kirisegoe', source: null, target: null, port: null, reason, expires_ms: Date.now() + days * 86400000 });
  await sleep(3000);
  const pages = await pagesOf(rig);
  pages.alert_waiting = ['lead', `/alerts/${encodeURIComponent((await lead.get('/groups?state=acknowledged&range=30d&limit=1')).body.rows[0].latest)}`];
  for (const [name, kind] of [['alert_ddos', 'dos.syn_flood'], ['alert_flow', 'beacon']]) {
    const row = (await lead.get(`/alerts?q=kind:${kind}&range=4h&limit=1`)).body.rows?.[0];
    if (row) pages[name] = ['lead', `/alerts/${encodeURIComponent(row.id)}`];
  }
  return { rig, pages, end: async () => { live.kill('SIGTERM'); await rig.stop(); } };
}

async function everything() {
  const { rig, pages, end } = await prefecture();
  const shots = Object.entries(pages).filter(([name]) => !name.includes('alert_') && name !== 'first_run').map(([name, [user, where]]) => ({ name, user, where }));
  const scenes = scenesOf(pages);
  for (const [lang, theme] of LOOKS) {
    for (const width of [1280, 1920]) await series(rig, shots, lang, theme, width);
    if ((lang === 'ja') !== (theme === 'dark')) continue;
    await series(rig, shots, lang, theme, 390);
    await series(rig, scenes, lang, theme, 1280);
  }
  await series(rig, scenes.filter(({ name }) => /^inbox\+(row|close|conflict|bulk|help|menu|undo)$|^alert\+(ddos|close)$|^handover\+ddos$|^timeline/.test(name)), 'ja', 'dark', 390);
  if (only.test('redis_away')) { // the last thing of this Redis
    const tabs = [];
    for (const [lang, theme] of [['ja', 'dark'], ['en', 'light']]) {
      for (const [name, [user, where]] of Object.entries(AWAY)) {
        const tab = await openAs(rig, user, { lang, theme });
        await walk(tab.page, where ?? pages.alert_waiting[1]);
        tabs.push({ ...tab, name: `redis_away-${name}-${lang}-${theme}-1280` });
      }
    }
    await rig.redis.kill();
    for (const { page, name } of tabs) await bannered(page).then(() => take(page, name, { tall: false, height: 800 })).catch(missed(name));
  }
  await end();

  const others = [
    { options: { fill: { alerts: 3000, groups: 400, bodies: 300, dark: true } }, shots: [{ name: 'overview-300', user: 'lead', where: '/' }], live: true },
    { options: { fill: { alerts: 0, groups: 1, bodies: 40 } }, live: true, calm: true,
      shots: [['inbox-empty', '/inbox'], ['overview-quiet', '/'], ['alerts-empty', '/alerts'], ['timeline-empty', '/timeline'], ['tail-empty', '/tail']].map(([name, where]) => ({ name, user: 'lead', where })) },
    { options: { fill: null }, shots: [['overview-nothing', '/'], ['inbox-nothing', '/inbox']].map(([name, where]) => ({ name, user: 'lead', where })) },
  ];
  for (const { options, shots: theirs, live, calm } of others) {
    if (!theirs.some(({ name }) => LOOKS.some(([lang, theme]) => Object.keys(SIZES).some((width) => only.test(`${name}-${lang}-${theme}-${width}`))))) continue;
    const other = await start({ ...options, age: 120000 }), beat = live && other.live({ rate: calm ? 0 : 0.2, bodies: options.fill?.bodies, dark: options.fill?.dark });
    if (live) await sleep(2500);
    for (const [lang, theme] of LOOKS) for (const width of calm || live ? [1280, 1920] : [1280]) await series(other, theirs, lang, theme, width);
    beat?.kill?.('SIGTERM');
    await other.stop();
  }

  const fresh = await start({ fill: null, users: false }), token = /first-run#(\S+)/.exec(fresh.web.said)?.[1];
  for (const [lang, theme] of LOOKS) {
    for (const width of Object.keys(SIZES)) {
      const name = `first_run-${lang}-${theme}-${width}`;
      if (!only.test(name)) continue;
      const tab = await openAs(fresh, null, { lang, theme, width: Number(width), height: SIZES[width] });
      await tab.page.goto(`${fresh.origin}/first-run#${token}`).then(() => settled(tab.page)).then(() => take(tab.page, name, { height: SIZES[width] })).catch(missed(name));
      await tab.context.close();
    }
  }
  await fresh.stop();
}

async function guides() {
  const { rig, pages, end } = await prefecture();
  for (const lang of ['ja', 'en']) {
    const { page, context } = await openAs(rig, 'lead', { lang, theme: 'dark' });
    for (const name of GUIDE[lang].filter((one) => only.test(`${one}-${lang}`))) await walk(page, pages[name][1]).then(() => guide(page, `${name}-${lang}`)).catch(missed(`${name}-${lang}`));
    await context.close();
  }
  await end();
}

/** Every page in both languages and themes, and the text that shows them. */
async function gallery() {
  const { rig, pages, end } = await prefecture();
  const missing = Object.keys(TITLES).filter((name) => !pages[name]).concat(routes().map(({ name }) => name).filter((name) => !TITLES[name.replace('-', '_')]));
  if (missing.length) failed.push(`pages without a picture: ${missing}`);
  const fresh = await start({ fill: null, users: false }), token = /first-run#(\S+)/.exec(fresh.web.said)?.[1];
  for (const [lang, theme] of LOOKS) {
    const tabs = {};
    for (const name of Object.keys(TITLES).filter((one) => only.test(`${one}-${lang}-${theme}`))) {
      const file = `${name}-${lang}-${theme}`, first = name === 'first_run', [user, where] = pages[name], who = first ? 'first' : String(user);
      try {
        tabs[who] ??= await openAs(first ? fresh : rig, user, { lang, theme });
        const { page } = tabs[who];
        await (first ? page.goto(`${fresh.origin}/first-run#${token}`).then(() => settled(page)) : walk(page, where));
        if (name === 'tail') await page.waitForSelector('main .empty-title', { state: 'detached', timeout: 20000 }); // an alert has come
        await guide(page, file);
      } catch (error) {
        missed(file)(error);
      }
    }
    for (const tab of Object.values(tabs)) await tab.context.close();
  }
  await fresh.stop();
  await end();
  const picture = (name, lang, theme) => `![${TITLES[name]}, ${lang}, ${theme}](dashboard/pages/${name}-${lang}-${theme}.webp)`;
  fs.writeFileSync(path.join(root, 'docs/dashboard-pages.md'), ['# 画面一覧 · Every page of the dashboard', '',
    '架空の県を表示した画面です（`tests/web/screenshots.mjs --pages` で作成）。説明は [dashboard.ja.md](dashboard.ja.md) にあります。',
    'An invented prefecture, made by `tests/web/screenshots.mjs --pages`; [dashboard.md](dashboard.md) explains the pages.', '',
    ...Object.entries(TITLES).flatMap(([name, title]) => [`## ${title}`, '', '| ダーク · dark | ライト · light |', '|---|---|',
      ...['ja', 'en'].map((lang) => `| ${picture(name, lang, 'dark')} | ${picture(name, lang, 'light')} |`), ''])].join('\n'));
}

const begun = Date.now();
await (all ? everything() : every ? gallery() : guides());
console.log(`${taken} pictures in ${Math.round((Date.now() - begun) / 1000)} s, ${failed.length} failed`);
for (const line of failed) console.error(line);
process.exit(failed.length ? 1 : 0);
