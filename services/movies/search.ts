/** Keyword search: what is typed becomes a few index queries, from the best kind of match to the weakest. */
import { distance } from 'fastest-levenshtein';
import { type CursorKey, decodeCursor, notACursor, paginate } from '../../shared/cursor.ts';
import type { Database } from '../../shared/database.ts';
import { fold, words } from '../../shared/text.ts';
import { trigrams } from './search-index.ts';

const maxWords = 16;
/** The exact title, the six steps of `tiers`, and the corrected words. */
const lastTier = 7;

interface Hit {
  tier: number;
  row: number;
  document: string;
}

/**
 * The tiers of a search, each an FTS5 expression that leaves out what the tiers before it found. Within a tier the
 * index gives the most popular first, so no search has to rank all that it matches.
 */
export function tiers(query: string[]): string[] {
  const whole = query.map((word) => `"${word}"`).join(' AND ');
  const prefix = query.map((word) => `"${word}"*`).join(' AND ');
  const scopes = ['{title} : ', '{title people} : ', ''];
  const steps = scopes.flatMap((scope) => [`${scope}(${whole})`, `${scope}(${prefix})`]);
  return steps.map((step, index) => {
    // Whole words are among the prefixes, and a narrow scope is within the wide one: two of the steps before cover all.
    const before = steps.slice(Math.max(0, index - 2), index);
    return before.length === 0 ? step : `(${step}) NOT (${before.map((earlier) => `(${earlier})`).join(' OR ')})`;
  });
}

/** Searches one view. */
export class Search {
  readonly #matches;
  readonly #exact;
  readonly #knownPrefix;
  readonly #similar;

  constructor(db: Database) {
    this.#matches = db.prepare<[string, string, number, number], { row: number; document: string }>(
      `SELECT s.rowid AS row, m.document FROM movie_search s
       JOIN movies m ON m.movie_id = (s.rowid & 2147483647)
       WHERE movie_search MATCH ? AND m.title_key <> ? AND s.rowid > ? ORDER BY s.rowid LIMIT ?`,
    );
    this.#exact = db.prepare<[string, number, number], { row: number; document: string }>(
      `SELECT movie_id AS row, document FROM movies
       WHERE title_key = ? AND movie_id > ? ORDER BY movie_id LIMIT ?`,
    );
    this.#knownPrefix = db.prepare<[string, string], { word: string }>(
      'SELECT word FROM title_words WHERE word >= ? AND word < ? LIMIT 1',
    );
    this.#similar = db.prepare<[string], { word: string; uses: number }>(
      `SELECT word, uses FROM (
         SELECT word, count(*) AS shared FROM title_word_grams
         WHERE gram IN (SELECT value FROM json_each(?)) GROUP BY word ORDER BY shared DESC LIMIT 80
       ) JOIN title_words USING (word)`,
    );
  }

  /** Documents of the movies found, best first, and the cursor of the next page. Any text is a search. */
  find(text: string, limit: number, cursor: string | undefined): { documents: string[]; next: string | null } {
    const query = [...new Set(words(text))].slice(0, maxWords);
    if (query.length === 0) return { documents: [], next: null };
    const scope = `search ${query.join(' ')}`;
    const [tier, row] = cursor === undefined ? [0, -1] : position(scope, cursor);
    const hits = this.#collect(query, fold(text).trim(), tier, row, limit + 1);
    const { items, next } = paginate(hits, limit, scope, (hit): CursorKey => [hit.tier, hit.row]);
    return { documents: items.map((hit) => hit.document), next };
  }

  #collect(query: string[], title: string, fromTier: number, fromRow: number, wanted: number): Hit[] {
    const hits: Hit[] = [];
    const steps = tiers(query);
    for (let tier = fromTier; tier <= lastTier && hits.length < wanted; tier++) {
      const after = tier === fromTier ? fromRow : -1;
      const missing = wanted - hits.length;
      const found = this.#step(tier, steps, { query, title, after, limit: missing });
      for (const hit of found) hits.push({ tier, ...hit });
    }
    return hits;
  }

  #step(tier: number, steps: string[], at: { query: string[]; title: string; after: number; limit: number }) {
    if (tier === 0) return this.#exact.all(at.title, at.after, at.limit);
    const expression = tier <= steps.length ? steps[tier - 1] : this.#corrected(at.query, at.title);
    return expression ? this.#matches.all(expression, at.title, at.after, at.limit) : [];
  }

  /** The query with words that no title has replaced by similar ones, when nothing has all of the words as typed. */
  #corrected(query: string[], title: string): string | undefined {
    const typed = query.map((word) => `"${word}"*`).join(' AND ');
    if (this.#matches.get(`{title people} : (${typed})`, title, -1, 1)) return undefined;
    let changed = false;
    const parts = query.map((word) => {
      const similar = this.#knownPrefix.get(word, `${word}\u{10ffff}`) ? [] : this.#corrections(word);
      changed ||= similar.length > 0;
      return `(${[word, ...similar].map((candidate) => `"${candidate}"*`).join(' OR ')})`;
    });
    return changed ? `({title people} : (${parts.join(' AND ')})) NOT (${typed})` : undefined;
  }

  /** Up to three title words within one or two typing errors, nearest and most used first. */
  #corrections(word: string): string[] {
    const allowed = word.length < 4 ? 0 : word.length < 6 ? 1 : 2;
    if (allowed === 0) return [];
    return this.#similar
      .all(JSON.stringify(trigrams(word)))
      .map((candidate) => ({ ...candidate, distance: distance(word, candidate.word) }))
      .filter((candidate) => candidate.distance <= allowed)
      .sort((a, b) => a.distance - b.distance || b.uses - a.uses)
      .slice(0, 3)
      .map((candidate) => candidate.word);
  }
}

/** Tier and row of a cursor. One made by hand must not send the search through tiers that there are not. */
function position(scope: string, cursor: string): [number, number] {
  const key = decodeCursor(scope, cursor, 2);
  const [tier, row] = key;
  if (!Number.isSafeInteger(tier) || !Number.isSafeInteger(row) || Number(tier) < 0 || Number(tier) > lastTier) {
    throw notACursor();
  }
  return key as [number, number];
}
