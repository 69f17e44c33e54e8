// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The one stream of a browser: an EventSource, and asking every two seconds where a proxy swallows events. Runs in the SharedWorker, or in
// the tab that holds the lock; either hands on what it says:
//   {type: 'event', name, data, id}   a frame of the server; data is its JSON text, which only those who want it parse
// and, made of the frame alerts, an event `grave`: the critical and high ones among them; while no stream is to be had (too many are open, a
// proxy refuses it) an event `reached`, {server, redis?}: what the server says when it is asked who is there.
//   {type: 'state', state}            live, polling, away (no answer), ended (no session)
// Where it was is the id of the last frame: EventSource sends it by itself when it comes back; a new one gets it as ?since=.

const NAMES = ['alerts', 'groups', 'health', 'metrics', 'session', 'reset'];
const URL_BASE = '/api/v1/stream?topics=alerts,groups,health,metrics';
const SILENT_MS = 20000; // the server says something every 5 s
const POLL_MS = 2000;
const LATEST_MS = 10000;
const PATIENCE_MS = 10000;
const GRAVE = ['critical', 'high'], GRAVE_MOST = 20;

/** `from`: the id of the last frame that another tab has told, where this one takes over. */
export function createEngine(tell, from = '') {
  let source = null, since = from, state = 'away', wait = 500, timer = 0, heard = 0, failures = 0, running = false;
  let last = { health: null, reached: null };

  function become(next) {
    if (next === state) return;
    state = next;
    last = { ...last, reached: null };
    tell({ type: 'state', state });
  }

  function hear(name, data, id) {
    heard = Date.now();
    if (id) since = id;
    if (name === 'health') last = { ...last, health: data };
    tell({ type: 'event', name, data, id });
    if (name === 'alerts') grave(data);
    if (name === 'session') {
      stop();
      become('ended');
    }
  }

  // What rings, and no more: picked out here, so that a page which shows no single alerts need not read a thousand of them a second.
  function grave(data) {
    let rows;
    try {
      rows = JSON.parse(data).rows.filter((row) => GRAVE.includes(row.severity) && row.state === 'open').slice(-GRAVE_MOST);
    } catch {
      return; // no JSON of ours: those who read the frame itself pass over it as well
    }
    if (rows.length) tell({ type: 'event', name: 'grave', data: JSON.stringify({ rows }) });
  }

  function open() {
    close();
    source = new EventSource(since ? `${URL_BASE}&since=${encodeURIComponent(since)}` : URL_BASE);
    heard = Date.now();
    source.onopen = () => {
      heard = Date.now();
      wait = 500;
      become('live');
    };
    for (const name of NAMES) {
      source.addEventListener(name, (event) => {
        failures = 0;
        hear(name, event.data, event.lastEventId);
      });
    }
    source.onerror = () => {
      become('away');
      if (source?.readyState === EventSource.CLOSED) again(); // an answer that is no stream: EventSource gives up, we do not
    };
  }

  function close() {
    source?.close();
    source = null;
    clearTimeout(timer);
  }

  async function again() {
    close();
    if (!running) return;
    failures++;
    const { ok, answer } = await fetch('/api/v1/session', { cache: 'no-store', credentials: 'same-origin', signal: AbortSignal.timeout(PATIENCE_MS) })
      .then(async (got) => ({ ok: got.ok, answer: await got.json() })).catch(() => ({ ok: false, answer: null }));
    if (!running) return;
    // a problem tells that the server is there, and nothing of the session; of Redis only redis_away says something
    const redis = ok ? { redis: !answer?.read_only } : answer?.code === 'redis_away' ? { redis: false } : {};
    last = { ...last, reached: JSON.stringify({ server: Boolean(answer), ...redis }) };
    tell({ type: 'event', name: 'reached', data: last.reached });
    if (ok && answer && !answer.user) {
      stop();
      become('ended');
      return;
    }
    // the API answers and the stream does not, three times over: something between us swallows it
    timer = setTimeout(ok && failures >= 3 ? poll : open, wait);
    wait = Math.min(wait * 2, LATEST_MS);
  }

  // The same frames in a plain answer: the server ends it when it has told what there is.
  async function poll() {
    if (!running) return;
    try {
      const answer = await fetch(`${URL_BASE}&poll=1${since ? `&since=${encodeURIComponent(since)}` : ''}`, { cache: 'no-store', credentials: 'same-origin',
        signal: AbortSignal.timeout(PATIENCE_MS) });
      if (answer.status === 401) {
        stop();
        become('ended');
        return;
      }
      if (!answer.ok) throw new Error('no answer');
      for (const frame of (await answer.text()).split('\n\n')) {
        const of = (name) => frame.split('\n').filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2)).join('\n');
        if (NAMES.includes(of('event'))) hear(of('event'), of('data'), of('id'));
      }
      become('polling');
      failures++;
      wait = 500;
    } catch {
      become('away');
      again();
      return;
    }
    if (!running) return;
    // every minute one more try of the real thing
    timer = setTimeout(failures % 30 === 0 ? open : poll, POLL_MS);
  }

  function watch() {
    if (!running) return;
    // a connection that died without a word: nothing since the time in which something is said every 5 s
    if (source && Date.now() - heard > SILENT_MS) {
      become('away');
      again();
    }
    setTimeout(watch, 5000);
  }

  function start() {
    if (running) return;
    running = true;
    wait = 500;
    failures = 0;
    open();
    watch();
  }

  function stop() {
    running = false;
    close();
  }

  return {
    start, stop,
    /** After another login: from the beginning. */
    restart() { stop(); since = ''; last = { health: null, reached: null }; setTimeout(start, 0); },
    /** What somebody who comes later has missed. */
    greet: () => [{ type: 'state', state, greeting: true }, ...Object.entries(last).flatMap(([name, data]) => (data ? [{ type: 'event', name, data }] : []))],
    state: () => state,
  };
}
