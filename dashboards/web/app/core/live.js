// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Live updates, for pages: live.on('alerts', f). However many tabs there are, the browser has one stream: in a SharedWorker; where there is
// none, in the tab that holds the lock "yagura-live", which tells the others over a BroadcastChannel.
import { useEffect, useRef } from './dom.js';
import { createEngine } from './live-engine.js';
import { session } from './session.js';
import { createStore, useStore } from './store.js';

/**
 * state: live, polling, away, ended. redis and sensors as the last health frame said; null: nothing said yet. answers: no stream is to be had, but
 * the server is there. paused: pages hold back.
 */
export const liveState = createStore({ state: 'away', answers: false, redis: null, readOnly: false, sensors: null, paused: false, heard: 0, since: 0 });
export const useLive = (select) => useStore(liveState, select);

const listeners = new Map(); // name -> Set
let transport = null;

function parse(data) {
  try {
    return JSON.parse(data || '{}');
  } catch {
    return null; // a frame that is no JSON is passed over; the next one comes
  }
}

function take(message) {
  if (message.type === 'state') {
    const before = liveState.get().state;
    liveState.set({ state: message.state, since: Date.now(), answers: false });
    // what changed between a page's first answer and the stream's beginning is told by neither
    if (before === 'away' && ['live', 'polling'].includes(message.state) && !message.greeting) emit('resumed', {});
    if (message.state === 'ended') emit('session', { ends: 'expired' });
    return;
  }
  const data = parse(message.data);
  if (!data) return;
  if (message.name === 'health') liveState.set({ redis: data.redis !== false, readOnly: !!data.read_only, sensors: data.sensors ?? [], heard: Date.now() });
  if (message.name === 'reached') {
    const known = data.server && data.redis !== undefined;
    liveState.set({ answers: !!data.server, ...(known ? { redis: data.redis, readOnly: !data.redis } : {}) });
    if (data.server && data.redis) emit('resumed', {}); // nothing tells what has changed: pages ask
  }
  emit(message.name, data);
}

function emit(name, data) {
  for (const f of [...(listeners.get(name) ?? [])]) f(data);
}

const wanted = () => ['alerts', 'groups', 'metrics'].filter((name) => listeners.get(name)?.size);

const policy = self.trustedTypes?.createPolicy('yagura', {
  // the one script that is loaded by its address: the worker that the page itself names
  createScriptURL: (url) => {
    if (url !== workerUrl()) throw new TypeError('not a script of ours');
    return url;
  },
});
const workerUrl = () => /** @type {HTMLLinkElement} */ (document.querySelector('link[rel=yagura-live]')).href;

function sharedWorker() {
  const worker = new SharedWorker(policy ? policy.createScriptURL(workerUrl()) : workerUrl(), { type: 'module', name: 'yagura-live' });
  worker.port.onmessage = ({ data }) => take(data);
  worker.port.start();
  const post = (message) => worker.port.postMessage(message);
  post({ type: 'hello' });
  setInterval(() => post({ type: 'ping' }), 20000);
  addEventListener('pagehide', () => post({ type: 'bye' }));
  addEventListener('pageshow', (event) => { if (event.persisted) { post({ type: 'hello' }); post({ type: 'topics', topics: wanted() }); } });
  return { topics: () => post({ type: 'topics', topics: wanted() }), stop: () => post({ type: 'stop' }), restart: () => post({ type: 'restart' }) };
}

function lockedTab() {
  const channel = new BroadcastChannel('yagura-live');
  let engine = null, last = '';
  const tell = (message) => { take(message); channel.postMessage(message); };
  channel.onmessage = ({ data }) => {
    if (data.id) last = data.id;
    if (data.type === 'state' || data.type === 'event') take(data);
    else if (data.type === 'hello' && engine) for (const message of engine.greet()) channel.postMessage(message);
    else if (data.type === 'restart') engine?.restart();
    else if (data.type === 'stop') engine?.stop();
  };
  channel.postMessage({ type: 'hello' });
  const lead = () => { engine = createEngine(tell, last); engine.start(); return new Promise(() => {}); }; // held until the tab goes
  if (navigator.locks) navigator.locks.request('yagura-live', lead);
  else lead();
  return {
    topics() {},
    stop() { engine?.stop(); channel.postMessage({ type: 'stop' }); },
    restart() { if (engine) engine.restart(); else channel.postMessage({ type: 'restart' }); },
  };
}

/** Begins, once somebody is logged in. */
export function startLive() {
  if (transport) transport.restart();
  else {
    try {
      transport = self.SharedWorker ? sharedWorker() : lockedTab();
    } catch {
      transport = lockedTab(); // a SharedWorker may be forbidden by policy though it is there
    }
    transport.topics();
  }
}
export const stopLive = () => transport?.stop();

/** Listens; what comes back ends it. Names: alerts, groups, health, metrics, session, reset. */
export function on(name, f) {
  if (!listeners.has(name)) listeners.set(name, new Set());
  listeners.get(name).add(f);
  transport?.topics();
  return () => {
    listeners.get(name).delete(f);
    transport?.topics();
  };
}

/** Listens while a part is on the page. The newest `f` is called, so it may close over state. */
export function useFrames(name, f) {
  const newest = useRef(f);
  newest.current = f;
  useEffect(() => on(name, (data) => newest.current(data)), [name]);
}

/**
 * Calls `f` soon after something of `names` came, at most once in `gap` ms, and not while the page is hidden or live is paused (then once
 * when it is looked at again). What a page uses to read its list again.
 */
export function useRefresh(names, f, gap = 500) {
  const newest = useRef(f);
  newest.current = f;
  useEffect(() => {
    let timer = 0, last = 0, owed = false;
    const go = () => { timer = 0; last = performance.now(); owed = false; newest.current(); };
    const soon = () => {
      if (document.hidden || liveState.get().paused) owed = true;
      else if (!timer) timer = setTimeout(go, Math.max(0, last + gap - performance.now()));
    };
    const back = () => { if (owed) soon(); };
    const ends = [...names, 'reset', 'resumed'].map((name) => on(name, soon));
    ends.push(liveState.watch(back));
    document.addEventListener('visibilitychange', back);
    return () => {
      clearTimeout(timer);
      for (const end of ends) end();
      document.removeEventListener('visibilitychange', back);
    };
  }, [names.join(), gap]);
}

/** Whether nothing can be changed now. The server refuses it; what would change something says so before. */
export const useReadOnly = () => {
  const told = useLive(({ redis, readOnly }) => (redis === null ? null : readOnly || !redis)), asked = useStore(session, (value) => value.readOnly);
  return told ?? asked; // who has no stream was told when he came
};

export const setPaused = (paused) => liveState.set({ paused });
