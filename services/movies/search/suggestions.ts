/** Suggests titles and people while a search is typed. */
import type { Database } from '../../../shared/views/database.ts';
import type { Suggestion } from '../contract.ts';
import { titleKey } from '../film-identity.ts';
import { align } from './alignment.ts';
import { Candidates } from './candidates.ts';
import { groups, type Readings, together } from './expressions.ts';
import { match, type Searched, sure } from './match.ts';
import { termsOf } from './terms.ts';
import { understand } from './understand.ts';

const maxSuggestions = 10;
const maxRead = 40;

export class Suggestions {
  readonly #candidates: Candidates;

  constructor(db: Database) {
    this.#candidates = new Candidates(db);
  }

  /** Returns up to ten suggestions. Among equals, those of popular movies come first. */
  suggest(text: string): Suggestion[] {
    const asked = understand(text, this.#candidates.begins);
    const { terms } = asked;
    if (terms.length === 0) return [];
    const last = terms.at(-1)?.text ?? '';
    // Once the last term is long enough, articles only cost time.
    const least = last.length < 4 ? -1 : 0.2;
    const read = (readings: Readings, more: boolean) =>
      this.#candidates.found(
        'names',
        together(groups(terms, readings, { texts: false, split: more, corrected: more }, least)),
        maxRead,
      );
    let rows = read(this.#candidates.joined(terms), false);
    if (rows.length === 0) {
      const readings = this.#candidates.readings(terms);
      readings.corrections = this.#candidates.corrections(terms, readings);
      rows = read(readings, true);
    }
    const found = new Map<string, { suggestion: Suggestion; score: number }>();
    const add = (suggestion: Suggestion, score: number): void => {
      const name = `${suggestion.kind} ${suggestion.movieId ?? suggestion.text}`;
      const known = found.get(name);
      if (!known || known.score < score) found.set(name, { suggestion, score });
    };
    for (const { document } of rows) {
      const movie = JSON.parse(document) as Searched & { movieId: number };
      const { hits, score } = match(asked, movie);
      const names = new Set(hits.flatMap((hit) => (hit?.in === 'people' ? [hit.text] : [])));
      // A name is suggested if it has all terms, even if the title has some, too: "sally f" (Field, in Forrest Gump).
      const people = [...names].filter((name) => align(terms, termsOf(name), 'people', name).every(Boolean));
      for (const name of people) add({ kind: 'person', text: name }, score);
      const { title, movieId, year, alternativeTitles } = movie;
      const alone = (name: string): boolean => align(terms, termsOf(name), 'title', name).every(Boolean);
      if (people.length === 0 || [title, ...alternativeTitles].some(alone)) {
        // A title that starts with the whole text is likelier than one that has its words in other places.
        const asTyped = titleKey(title).startsWith(titleKey(text)) ? 1 : 0;
        const begins = termsOf(title)[0]?.text.startsWith(terms[0]?.text ?? '') ? 0.3 : 0;
        const weak = hits.some((hit) => (hit?.quality ?? 0) < sure) ? 0.1 : 0;
        add({ kind: 'title', text: title, movieId, year }, score + asTyped + begins - weak);
      }
    }
    return [...found.values()]
      .sort((a, b) => b.score - a.score)
      .slice(0, maxSuggestions)
      .map(({ suggestion }) => suggestion);
  }
}
