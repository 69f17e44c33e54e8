// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Texts by key, `<area>.<name>`, from i18n/<area>.ja.json and <area>.en.json, which the build merges into one file a language (those of
// i18n/more/ into a second one). No fallback
// from one language to the other: a key without text is shown as the key, in brackets, and told to the console, where the tests look.
//
// In a text: {name} takes a parameter (numbers are printed by Intl), {n, plural, one {# alert} other {# alerts}} chooses by number.
import { prefs } from './prefs.js';
import { createStore, useStore } from './store.js';

const tables = createStore({ language: null, texts: {} });
const loaders = { ja: () => import('@i18n/ja'), en: () => import('@i18n/en') };
// of i18n/more/: what the pages of administration say, which the first screens do not load
const moreLoaders = { ja: () => import('@i18n/more-ja'), en: () => import('@i18n/more-en') };
const loaded = {}, loadedMore = {};
let more = false;

/** Loads the texts of a language, then shows them. */
export async function loadLanguage(language) {
  const [texts, rest] = await Promise.all([loaded[language] ?? loaders[language](), more ? loadedMore[language] ?? moreLoaders[language]() : null]);
  loaded[language] = texts;
  if (rest) loadedMore[language] = rest;
  if (prefs.get().language === language) tables.set({ language, texts: rest ? { ...texts.default, ...rest.default } : texts.default });
}

/** A page with `more` in its route: its texts are there when this has come true. */
export async function loadMore() {
  if (more) return;
  more = true;
  try {
    await loadLanguage(prefs.get().language);
  } catch (error) {
    more = false;
    throw error;
  }
}

prefs.watch(({ language }) => {
  if (language !== tables.get().language) loadLanguage(language);
});

export const language = () => tables.get().language ?? prefs.get().language;
export const useLanguage = () => useStore(tables, (value) => value.language);

const numbers = {};
const number = (value) => (numbers[language()] ??= new Intl.NumberFormat(language())).format(value);
const plurals = {};
const plural = (value) => (plurals[language()] ??= new Intl.PluralRules(language())).select(value);

const PLURAL = /\{(\w+), plural,((?:\s*(?:=\d+|\w+) \{[^{}]*\})+)\s*\}/g;

/** The text of a key in the language shown. */
export function t(key, values = {}) {
  const text = tables.get().texts[key];
  if (text === undefined) {
    console.error(`i18n: no text for ${key} in ${language()}`);
    return `[${key}]`;
  }
  if (!text.includes('{')) return text;
  const say = (value) => (typeof value === 'number' ? number(value) : String(value ?? ''));
  return text
    .replace(PLURAL, (whole, name, forms) => {
      const of = Object.fromEntries([...forms.matchAll(/(=\d+|\w+) \{([^{}]*)\}/g)].map((form) => [form[1], form[2]]));
      const chosen = of[`=${values[name]}`] ?? of[plural(values[name])] ?? of.other ?? '';
      return chosen.replaceAll('#', say(values[name]));
    })
    .replace(/\{(\w+)\}/g, (whole, name) => say(values[name]));
}

/** Whether there is a text: for words of the server that may be newer than this page. */
export const has = (key) => key in tables.get().texts;

/** The field of a row in the language shown: pick(alert, 'text') is alert.text_ja or alert.text_en. */
export const pick = (row, field) => row?.[`${field}_${language()}`] ?? '';

/** Sentences one after the other: Japanese sets no blank behind its full stop. */
export const sentences = (list) => list.join(language() === 'ja' ? '' : ' ');

/** Texts for comparing, as a Japanese or an English reader sorts. */
const collators = {};
export const collate = (a, b) => (collators[language()] ??= new Intl.Collator(language(), { numeric: true })).compare(a, b);
