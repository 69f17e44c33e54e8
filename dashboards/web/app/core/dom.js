// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Preact with htm: markup in tagged templates, no compiler, no HTML from strings (htm makes nodes, text stays text).
import { h, render, options, Fragment, createContext } from 'preact';
import htm from 'htm';
import { lookAt } from './visible.js';

// not in h: a text among others has no h of its own
options.vnode = lookAt;

export { h, render, Fragment, createContext };
export { useState, useEffect, useLayoutEffect, useRef, useMemo, useCallback, useContext, useReducer, useErrorBoundary, useId } from 'preact/hooks';
export const html = htm.bind(h);

/** Class names of what holds: cx('a', cond && 'b'). */
export const cx = (...names) => names.filter(Boolean).join(' ');
