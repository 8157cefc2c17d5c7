/** The languages of the pages. To add one, add a file here and an entry in `languages`. */
import type { Context } from 'hono';
import { accepts } from 'hono/accepts';
import { de } from './de.ts';
import { en, type Texts } from './en.ts';

const languages = { en, de } satisfies Record<string, Texts>;
export type Language = keyof typeof languages;

/** Returns the supported language that the browser prefers, or English. */
export function languageOf(c: Context): Language {
  return accepts(c, {
    header: 'Accept-Language',
    supports: Object.keys(languages),
    default: 'en',
    match: (preferred, { supports, default: fallback }) => {
      const wanted = preferred.filter(({ q }) => q > 0).sort((a, b) => b.q - a.q);
      const known = wanted.map(({ type }) => type.split('-')[0]?.toLowerCase() ?? '');
      return known.find((language) => supports.includes(language)) ?? fallback;
    },
  }) as Language;
}

export const textsOf = (language: Language): Texts => languages[language];
