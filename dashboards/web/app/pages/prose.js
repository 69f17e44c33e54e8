// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Long texts (help, accessibility policy) in files of their own, fetched with their page: they have no place in what every page loads first.
import { useEffect, useLanguage, useState } from '../ui.js';

const FILES = {
  help: { ja: () => import('../text/help.ja.json'), en: () => import('../text/help.en.json') },
  accessibility: { ja: () => import('../text/accessibility.ja.json'), en: () => import('../text/accessibility.en.json') },
};

/**
 * The texts of an area in the language shown and in the other one; null while they come.
 * @returns {{p: (key: string) => string, other: (key: string) => string, otherLanguage: 'ja'|'en', keys: string[]}|null}
 */
export function useProse(area) {
  const language = useLanguage(), [texts, setTexts] = useState(null), [error, setError] = useState(null);
  useEffect(() => {
    let gone = false;
    Promise.all([FILES[area].ja(), FILES[area].en()]).then(([ja, en]) => { if (!gone) setTexts({ ja: ja.default, en: en.default }); }, (problem) => { if (!gone) setError(problem); });
    return () => { gone = true; };
  }, [area]);
  if (error) throw error;
  if (!texts || !language) return null;
  const of = (table) => (key) => { const text = table[`${area}.${key}`]; if (text === undefined) console.error(`i18n: no text for ${area}.${key}`); return text ?? `[${area}.${key}]`; };
  return { p: of(texts[language]), other: of(texts[language === 'ja' ? 'en' : 'ja']), otherLanguage: language === 'ja' ? 'en' : 'ja', keys: Object.keys(texts[language]) };
}
