// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// SEC-04, SEC-05: over every page, in both languages and themes, with what opens on it (menus, dialogs, help, charts as tables), while alerts
// come: no violation of the content security policy, no request to anywhere but the server, no uncaught error.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { need, sleep, start } from './rig.mjs';
import { openAs, pagesOf, walk } from './pages.mjs';

need('redis', 'web', 'chromium', 'playwright');
let rig, pages, live;

before(async () => {
  rig = await start();
  pages = await pagesOf(rig);
  live = rig.live({ rate: 5 });
}, { timeout: 60000 });
after(async () => {
  live?.kill('SIGTERM');
  await rig?.stop();
});

/** Opens what stands closed on a page: what has a popup and what is folded, of each kind in each place one, and the help. */
async function stir(page) {
  const kinds = await page.evaluate(() => {
    const kinds = new Set();
    for (const one of document.querySelectorAll('main [aria-haspopup], header [aria-haspopup], main summary')) {
      const cell = one.closest('td, th, dd, li, [role=gridcell]');
      const kind = [one.tagName, one.className, one.parentElement.className, cell?.tagName, cell && [...cell.parentElement.children].indexOf(cell) % 16].join();
      if (!one.checkVisibility({ visibilityProperty: true }) || kinds.has(kind)) continue;
      kinds.add(kind);
      one.dataset.testStir = kinds.size;
    }
    return kinds.size;
  });
  for (let kind = 1; kind <= kinds; kind++) {
    await page.locator(`[data-test-stir="${kind}"]`).click({ timeout: 1000 }).catch(() => {});
    await page.keyboard.press('Escape');
  }
  await page.keyboard.press('?');
  await sleep(60);
  await page.keyboard.press('Escape');
}

for (const [lang, theme] of [['ja', 'dark'], ['en', 'light']]) {
  test(`SEC-04 SEC-05 every page keeps its policy and asks nobody else, ${lang}, ${theme}`, { timeout: 180000 }, async (t) => {
    let visited = 0;
    for (const user of [...new Set(Object.values(pages).map(([name]) => name))]) {
      const { context, page, broken } = await openAs(rig, user, { lang, theme });
      for (const [, [who, where]] of Object.entries(pages)) {
        if (who !== user) continue;
        await walk(page, where);
        await stir(page);
        visited++;
      }
      assert.deepEqual(broken, { csp: [], errors: [], foreign: [] });
      await context.close();
    }
    assert.equal(visited, Object.keys(pages).length);
    t.diagnostic(`${visited} pages`);
  });
}

test('SEC-04 the policy is in force: a script and a style of another kind are refused', async () => {
  const { context, page, broken } = await rig.open('lead', { where: '/help' });
  await page.waitForSelector('html[data-ready]');
  const ran = await page.evaluate(async () => {
    const script = document.createElement('script');
    let trusted = false;
    try { script.textContent = 'window.ran = 1'; document.head.append(script); } catch { trusted = true; }
    const frame = document.createElement('img');
    frame.src = 'http://127.0.0.2:1/x.png';
    document.body.append(frame);
    await new Promise((done) => setTimeout(done, 200));
    return { ran: window.ran, trusted };
  });
  assert.equal(ran.ran, undefined);
  assert.ok(ran.trusted && broken.csp.some((text) => text.startsWith('img-src')), JSON.stringify({ ran, broken }));
  await context.close();
});
