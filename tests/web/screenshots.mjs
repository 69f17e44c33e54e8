// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Pictures of every page, in both languages and themes, from the example prefecture: for looking at, and for the guides.
//
//   YAGURA_BUILD=build node tests/web/screenshots.mjs [--all FOLDER]
//
// Without --all: the few that docs/dashboard*.md show, into docs/dashboard/, each at most 60 KB (a larger one is an error). With it: all of
// them, at 1280x800, 1920x1080 and 390x844, into FOLDER.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { need, PASSWORD, root, sleep, start } from './rig.mjs';
import { openAs, pagesOf, walk } from './pages.mjs';

need('redis', 'web', 'chromium', 'playwright');
const MAX_BYTES = 60 * 1024;
const GUIDE = { ja: ['overview', 'inbox', 'alert', 'timeline', 'sensors', 'suppressions'], en: ['overview', 'inbox', 'alert', 'sensors'] };
const SIZES = [[1280, 800], [1920, 1080], [390, 844]];

const all = process.argv[2] === '--all' ? process.argv[3] : null;
const folder = all ?? path.join(root, 'docs/dashboard');
fs.mkdirSync(folder, { recursive: true });
const rig = await start({ fill: { alerts: 20000, groups: 800 } });
execFileSync('/usr/bin/python3', [path.join(root, 'dashboards/web/seed_triage.py'), rig.origin, PASSWORD]); // an inbox in which people work
const live = rig.live({ rate: 1 }); // health and metrics as of now
const pages = await pagesOf(rig);
const lead = await rig.api('lead');
for (const [kind, reason, days] of [['scan.port', '委託先による脆弱性診断。契約期間中のみ。', 5], ['org.baseline', '庁舎移転に伴う通信量の変化。', 45]])
  await lead.post('/suppressions', { kind, org: 'kirisegoe', source: null, target: null, port: null, reason, expires_ms: Date.now() + days * 86400000 });
await sleep(3000);
let bad = 0;

async function take(page, name, file) {
  await page.evaluate(() => document.fonts.ready);
  await sleep(600);
  if (all) {
    await page.screenshot({ path: `${file}.png` });
    return;
  }
  // WebP by the browser itself; less quality where a page has much on it
  const session = await page.context().newCDPSession(page);
  for (const quality of [80, 60, 45, 30]) {
    const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality });
    const bytes = Buffer.from(data, 'base64');
    if (bytes.length > MAX_BYTES && quality > 30) continue;
    fs.writeFileSync(`${file}.webp`, bytes);
    if (bytes.length > MAX_BYTES) { console.error(`${file}.webp: ${bytes.length} bytes, more than ${MAX_BYTES}`); bad = 1; }
    break;
  }
}

for (const lang of ['ja', 'en']) {
  for (const theme of all ? ['dark', 'light'] : ['dark']) {
    for (const [width, height] of all ? SIZES : SIZES.slice(0, 1)) {
      for (const user of [...new Set(Object.values(pages).map(([name]) => name))]) {
        const wanted = Object.entries(pages).filter(([name, [who]]) => who === user && (all || GUIDE[lang].includes(name)));
        if (wanted.length === 0) continue;
        const { page, context } = await openAs(rig, user, { lang, theme, width, height });
        for (const [name, [, where]] of wanted) {
          await walk(page, where).catch((error) => { console.error(`${name}: ${error.message}`); bad = 1; });
          await take(page, name, path.join(folder, all ? `${name}-${lang}-${theme}-${width}` : `${name}-${lang}`));
        }
        await context.close();
      }
    }
  }
}
live.kill('SIGTERM');
await rig.stop();
process.exit(bad);
