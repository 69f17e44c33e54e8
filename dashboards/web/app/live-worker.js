// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The SharedWorker: one stream for all tabs of a browser. A tab says which frames it wants; what nobody wants is not handed on.
import { createEngine } from './core/live-engine.js';

const ports = new Map(); // port -> {topics, seen}
const ALWAYS = ['health', 'session', 'reset', 'grave', 'reached'];
const GONE_MS = 90000;   // a tab that was closed does not say so: who has not pinged is gone (background tabs ping once a minute at least)

function tell(message) {
  const now = Date.now();
  for (const [port, tab] of ports) {
    if (now - tab.seen > GONE_MS) ports.delete(port);
    else if (message.type === 'state' || tab.topics.has(message.name)) port.postMessage(message);
  }
  if (ports.size === 0) engine.stop();
}

const engine = createEngine(tell);

self.onconnect = ({ ports: [port] }) => {
  const tab = { topics: new Set(ALWAYS), seen: Date.now() };
  port.onmessage = ({ data }) => {
    tab.seen = Date.now();
    if (data.type === 'topics') tab.topics = new Set([...data.topics, ...ALWAYS]);
    else if (data.type === 'bye') ports.delete(port);
    else if (data.type === 'stop') engine.stop();
    else if (data.type === 'restart') engine.restart();
    if (data.type !== 'bye' && !ports.has(port)) ports.set(port, tab);
    if (data.type === 'hello') {
      for (const message of engine.greet()) port.postMessage(message);
      engine.start();
    }
    if (data.type === 'bye' && ports.size === 0) engine.stop();
  };
  ports.set(port, tab);
};
