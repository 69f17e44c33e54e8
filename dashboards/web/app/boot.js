// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Before the first paint: theme and language as they were last chosen in this browser, so that nothing flashes. A classic script, because
// a module would come too late.
(function () {
  var root = document.documentElement, kept = null;
  try {
    kept = JSON.parse(localStorage.getItem('yagura.preferences'));
  } catch (error) {
    kept = null; // storage is switched off, or holds what we did not write: defaults
  }
  if (kept && (kept.theme === 'dark' || kept.theme === 'light')) root.dataset.theme = kept.theme;
  if (kept && kept.language === 'en') root.lang = 'en';
})();
