// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// <html data-ready> says that a page shows its data, or that there is none: for tests, and for scripts of users. Every first request of a
// page holds it back; the next address takes it away.
let waiting = 0;
let mounted = false;
let frame = 0;

function look() {
  cancelAnimationFrame(frame);
  if (!mounted || waiting > 0) {
    delete document.documentElement.dataset.ready;
    return;
  }
  // what was answered is drawn by then, and a page that asks for more because of it has asked
  frame = requestAnimationFrame(() => { frame = requestAnimationFrame(() => { if (mounted && waiting === 0) document.documentElement.dataset.ready = ''; }); });
}

/** Something that the page cannot do without is asked for; what comes back says that it is there (or failed), once. */
export function awaiting() {
  let open = true;
  waiting++;
  look();
  return () => {
    if (!open) return;
    open = false;
    waiting--;
    look();
  };
}

/** main.js: whether the page of the address is on the screen. */
export function setMounted(on) {
  mounted = on;
  look();
}
