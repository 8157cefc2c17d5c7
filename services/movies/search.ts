/** Keyword search: what is typed becomes a few index queries, from the best kind of match to the weakest. */
import { and, eq, gt, gte, lt, sql } from 'drizzle-orm';
import { distance } from 'fastest-levenshtein';
import { decodeCursor, encodeCursor, notACursor } from '../../shared/operations/cursor.ts';
import { fold, words } from '../../shared/operations/text.ts';
import type { Database } from '../../shared/views/database.ts';
import { movies, titleWords } from './schema.ts';
import { trigrams } from './search-index.ts';
import { correctedTier, gradeOf, type Searched, type Tier, tiers } from './search-tiers.ts';

const maxWords = 16;
/**
 * Most movies that one search looks at. A page that would need more ends early, and its cursor goes on from there: a
 * search never holds up the process for long.
 */
const maxExamined = 1000;
/** Letters of the longest word that is taken for a mistyped one. */
const longestCorrected = 40;

interface Row {
  row: number;
  document: string;
}

/** What is searched for, and where to go on. */
interface Walk {
  query: string[];
  /** The folded text as a title. */
  title: string;
  tier: number;
  row: number;
  wanted: number;
  examined: number;
}

/**
 * Searches one view. Within a tier the index gives the most popular first, so no search has to rank all that it
 * matches. A movie that a better tier has is left out by a look at its document: an index query with NOT would
 * have to find all of them again.
 */
export class Search {
  readonly #matches;
  readonly #exact;
  readonly #knownPrefix;
  readonly #known;
  readonly #similar;

  constructor(db: Database) {
    const matches = (table: string) =>
      db.$client.prepare<[string, string, number, number], Row>(
        `SELECT s.rowid AS row, m.document FROM ${table} s
         JOIN movies m ON m.movie_id = (s.rowid & 2147483647)
         WHERE ${table} MATCH ? AND m.title_key <> ? AND s.rowid > ? ORDER BY s.rowid LIMIT ?`,
      );
    this.#matches = { names: matches('movie_names'), texts: matches('movie_texts') };
    const { movieId, titleKey, document } = movies;
    const asked = sql.placeholder;
    this.#exact = db
      .select({ row: movieId, document })
      .from(movies)
      .where(and(eq(titleKey, asked('title')), gt(movieId, asked('row'))))
      .orderBy(movieId)
      .limit(asked('limit'))
      .prepare();
    const { word } = titleWords;
    this.#knownPrefix = db
      .select({ word })
      .from(titleWords)
      .where(and(gte(word, asked('from')), lt(word, asked('before'))))
      .limit(1)
      .prepare();
    this.#known = db.$client.prepare<[string], { word: string; uses: number }>(
      'SELECT word, uses FROM title_words WHERE word IN (SELECT value FROM json_each(?))',
    );
    this.#similar = db.$client.prepare<[string, number, number], { word: string; uses: number }>(
      `SELECT word, uses FROM (
         SELECT g.word AS word, count(*) AS shared FROM json_each(?) wanted
         CROSS JOIN title_word_grams g ON g.gram = wanted.value AND g.length BETWEEN ? AND ?
         GROUP BY g.word ORDER BY shared DESC LIMIT 80
       ) JOIN title_words USING (word)`,
    );
  }

  /** Documents of the movies found, best first, and the cursor of the next page. Any text is a search. */
  find(text: string, limit: number, cursor: string | undefined): { documents: string[]; next: string | null } {
    const query = [...new Set(words(text))].slice(0, maxWords);
    if (query.length === 0) return { documents: [], next: null };
    const scope = `search ${query.join(' ')}`;
    const [tier, row] = cursor === undefined ? [0, -1] : position(scope, cursor);
    const walk: Walk = { query, title: fold(text).trim(), tier, row, wanted: limit, examined: 0 };
    const documents: string[] = [];
    const more = this.#collect(walk, documents);
    return { documents, next: more ? encodeCursor(scope, [walk.tier, walk.row]) : null };
  }

  /** Fills a page and moves the walk behind its last movie. Gives whether there may be more. */
  #collect(walk: Walk, documents: string[]): boolean {
    const steps = tiers(walk.query);
    for (; walk.tier <= correctedTier; walk.tier++, walk.row = -1) {
      const step = walk.tier === correctedTier ? this.#corrected(walk) : steps[walk.tier - 1];
      for (let more = 1; ; more *= 4) {
        // One more than is missing, to know whether there is a next page. Where few of a tier belong to it, each query finds
        // few, and costs as much as one that finds many.
        const asked = Math.min((walk.wanted - documents.length + 1) * more, maxExamined + 1);
        const rows = this.#rows(step, walk, asked);
        for (const { row, document } of rows) {
          if (documents.length === walk.wanted || walk.examined >= maxExamined) return true;
          walk.examined++;
          walk.row = row;
          if (this.#belongs(walk, document)) documents.push(document);
        }
        if (rows.length < asked) break;
      }
    }
    return false;
  }

  #rows(step: Tier | undefined, { tier, title, row }: Walk, limit: number): Row[] {
    if (tier === 0) return this.#exact.all({ title, row, limit });
    return step ? this.#matches[step.index].all(step.expression, title, row, limit) : [];
  }

  /** Whether no better tier has the movie. */
  #belongs({ tier, query }: Walk, document: string): boolean {
    return tier < 2 || gradeOf(query, JSON.parse(document) as Searched) === tier;
  }

  /** The query with words that no title has replaced by similar ones, when no names have all of the words as typed. */
  #corrected({ query, title }: Walk): Tier | undefined {
    const typed = query.map((word) => `"${word}"*`).join(' AND ');
    if (this.#matches.names.get(typed, title, -1, 1)) return undefined;
    let changed = false;
    const parts = query.map((word) => {
      const similar = this.#knownPrefix.get({ from: word, before: `${word}\u{10ffff}` }) ? [] : this.#corrections(word);
      changed ||= similar.length > 0;
      return `(${[word, ...similar].map((candidate) => `"${candidate}"*`).join(' OR ')})`;
    });
    return changed ? { index: 'names', expression: parts.join(' AND ') } : undefined;
  }

  /** Up to three title words within one or two typing errors (two letters in the wrong order are one), nearest first. */
  #corrections(word: string): string[] {
    const allowed = word.length < 4 ? 0 : word.length < 6 ? 1 : 2;
    // Nobody mistypes so long a word and finds it, and each letter costs a copy of it.
    if (allowed === 0 || word.length > longestCorrected) return [];
    const swapped = swaps(word);
    // Few trigrams survive a swap in a short word, so those words are looked up as they are.
    const candidates = [
      ...this.#known.all(JSON.stringify(swapped)),
      ...this.#similar
        .all(JSON.stringify(trigrams(word)), word.length - allowed, word.length + allowed)
        .filter((candidate) => !swapped.includes(candidate.word)),
    ];
    return candidates
      .map((candidate) => ({
        ...candidate,
        distance: swapped.includes(candidate.word) ? 1 : distance(word, candidate.word),
      }))
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
  if (!Number.isSafeInteger(tier) || !Number.isSafeInteger(row) || Number(tier) < 0 || Number(tier) > correctedTier) {
    throw notACursor();
  }
  return key as [number, number];
}

/** A word with each two neighbours in the other order: "alien" → laien, ailen, alein, aline. */
function swaps(word: string): string[] {
  const letters = [...word];
  return letters
    .slice(1)
    .map((letter, i) => [...letters.slice(0, i), letter, letters[i], ...letters.slice(i + 2)].join(''));
}
