/** The languages of the pages. Another one is a file beside these, and a line here. */
import type { Context } from 'hono';
import { accepts } from 'hono/accepts';
import { de } from './de.ts';
import { en, type Texts } from './en.ts';

const languages = { en, de } satisfies Record<string, Texts>;
export type Language = keyof typeof languages;

/** The language that the browser prefers of those there are. */
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
