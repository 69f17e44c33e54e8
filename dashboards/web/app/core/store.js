// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A value that several parts watch. Small on purpose: state of the page stands in the URL, state of the work on the server.
import { useEffect, useState } from './dom.js';

/**
 * @template T
 * @param {T} value
 * @returns {{get: () => T, set: (patch: Partial<T> | ((old: T) => T)) => void, watch: (f: (value: T) => void) => () => void}}
 */
export function createStore(value) {
  const watchers = new Set();
  return {
    get: () => value,
    set(patch) {
      const next = typeof patch === 'function' ? patch(value) : { ...value, ...patch };
      if (next === value) return;
      value = next;
      for (const watcher of [...watchers]) watcher(value);
    },
    watch(watcher) {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
  };
}

/** What `select` finds in the store; renders again when that changes. */
export function useStore(store, select = (value) => value) {
  const [chosen, setChosen] = useState(() => select(store.get()));
  useEffect(() => {
    const look = () => setChosen(() => select(store.get()));
    look();
    return store.watch(look);
  }, [store]);
  return chosen;
}
