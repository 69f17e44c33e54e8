// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
import { useLayoutEffect, useRef } from './dom.js';

/** A ref for a box that keeps the focus: when what had it goes (it has been done, its row is gone), the first control of the box gets it. */
export function useFocusWithin() {
  const box = useRef(/** @type {HTMLElement|null} */ (null)), had = box.current?.contains(document.activeElement) ?? false;
  useLayoutEffect(() => {
    if (had && document.activeElement === document.body)
      /** @type {HTMLElement|null} */ (box.current?.querySelector('button:not(:disabled), a[href], [tabindex="0"]'))?.focus();
  });
  return box;
}
