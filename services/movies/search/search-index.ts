/** The full-text indices of movies, and the words that they have. */
import type { Database } from '../../../shared/views/database.ts';
import type { MovieFields } from '../contract.ts';
import { factsOf } from './facts.ts';
import { indexWords, splitWords } from './terms.ts';
import { traces } from './typing-errors.ts';

/** Movie ids take the lower 31 bits of a row id. */
const idSpan = 2 ** 31;
const lastBucket = 2047;

/**
 * Row id in the search index: popular movies first, so that a search can stop after the first matches instead of
 * ranking them all. Votes count by their logarithm, in steps of about 1.5 %.
 */
export function searchRow(movieId: number, votes: number): number {
  const bucket = Math.min(Math.floor(64 * Math.log2(votes + 1)), lastBucket);
  return (lastBucket - bucket) * idSpan + movieId;
}

/** What is indexed of a movie, with its words as the search has them: the tokenizer has nothing to decide. */
export function indexedWords(fields: MovieFields): { titles: string[]; people: string[]; others: string[] } {
  const { title, alternativeTitles, director, actors, description } = fields;
  return {
    titles: [title, ...alternativeTitles].flatMap(indexWords),
    people: indexWords(`${director} , ${actors.join(' , ')}`),
    others: [...splitWords(description), ...factsOf(fields)],
  };
}

/** `known` where the row may be in the index already. */
type Change = { row: number; fields: MovieFields | null; known: boolean };

/** Words that are in the table for certain are not looked up again; as many take some megabytes. */
const mostRemembered = 100_000;

/** Words whose variants are written in one transaction when a view has been built: a fraction of a second. */
const wordsAtOnce = 10_000;

/** Collects the changes of a transaction and writes them in row order: FTS5 writes a segment for each step back. */
export class SearchIndex {
  readonly #changes = new Map<number, Change>();
  readonly #insertNames;
  readonly #insertTexts;
  readonly #deleteNames;
  readonly #deleteTexts;
  readonly #addWord;
  readonly #addVariant;
  readonly #dropWord;
  readonly #dropVariant;
  readonly #named;
  readonly #remembered = new Set<string>();
  /** Words of names that went, which others may still have. */
  #dropped = new Set<string>();
  /** Whether variants are written as words come, and not once for all, in order, when the view has been built. */
  #follows: boolean;
  /** When it has been built: the last word whose variants are written; undefined when all are. */
  #variantsTo: string | undefined;
  readonly #wordsBehind;

  constructor(db: Database, isBuilt: boolean) {
    this.#follows = isBuilt;
    this.#variantsTo = isBuilt ? undefined : '';
    // Plain SQL: drizzle does not know FTS5, and there are dozens of words to a movie.
    const client = db.$client;
    this.#insertNames = client.prepare('INSERT INTO movie_names (rowid, title, people) VALUES (?, ?, ?)');
    this.#insertTexts = client.prepare('INSERT INTO movie_texts (rowid, words) VALUES (?, ?)');
    this.#deleteNames = client.prepare('DELETE FROM movie_names WHERE rowid = ?');
    this.#deleteTexts = client.prepare('DELETE FROM movie_texts WHERE rowid = ?');
    this.#addWord = client.prepare('INSERT OR IGNORE INTO words (word) VALUES (?)');
    this.#addVariant = client.prepare('INSERT OR IGNORE INTO word_variants (variant, word) VALUES (?, ?)');
    this.#dropWord = client.prepare('DELETE FROM words WHERE word = ?');
    this.#dropVariant = client.prepare('DELETE FROM word_variants WHERE variant = ? AND word = ?');
    this.#wordsBehind = client
      .prepare<[string, number], string>('SELECT word FROM words WHERE word > ? ORDER BY word LIMIT ?')
      .pluck();
    this.#named = client.prepare<[string]>('SELECT 1 FROM movie_names WHERE movie_names MATCH ? LIMIT 1');
  }

  add(movieId: number, fields: MovieFields): void {
    const row = searchRow(movieId, fields.votes ?? 0);
    this.#changes.set(row, { row, fields, known: this.#changes.get(row)?.known ?? false });
  }

  remove(movieId: number, fields: MovieFields): void {
    const row = searchRow(movieId, fields.votes ?? 0);
    // A row that this transaction added is not there yet, but one that it replaces is.
    this.#changes.set(row, { row, fields: null, known: this.#changes.get(row)?.known ?? true });
    const { titles, people } = indexedWords(fields);
    for (const word of [...titles, ...people]) this.#dropped.add(word);
  }

  /** Writes what was collected. */
  flush(): void {
    const changes = [...this.#changes.values()].sort((a, b) => a.row - b.row);
    this.#changes.clear();
    for (const { row, fields, known } of changes) {
      if (known) {
        this.#deleteNames.run(row);
        this.#deleteTexts.run(row);
      }
      if (!fields) continue;
      const { titles, people, others } = indexedWords(fields);
      const [title, names] = [titles.join(' '), people.join(' ')];
      this.#insertNames.run(row, title, names);
      this.#insertTexts.run(row, `${title} ${names} ${others.join(' ')}`);
      for (const word of titles) this.#remember(word);
      for (const word of people) this.#remember(word);
    }
    for (const word of this.#dropped) this.#forget(word);
    this.#dropped.clear();
  }

  /** Writes the variants of some words that came before they were written with them. @returns whether there were any */
  writeVariants(): boolean {
    if (this.#variantsTo === undefined) return false;
    this.#follows = true;
    const words = this.#wordsBehind.all(this.#variantsTo, wordsAtOnce);
    this.#variantsTo = words.at(-1);
    const rows = words.flatMap((word) => traces(word).map((variant) => ({ variant, word })));
    rows.sort((a, b) => (a.variant < b.variant ? -1 : 1));
    for (const { variant, word } of rows) this.#addVariant.run(variant, word);
    return words.length > 0;
  }

  /** Forgets what was collected, when its transaction failed. */
  clear(): void {
    this.#changes.clear();
    this.#dropped.clear();
    this.#remembered.clear();
    if (this.#variantsTo !== undefined) this.#variantsTo = '';
  }

  #remember(word: string): void {
    this.#dropped.delete(word);
    if (this.#remembered.has(word)) return;
    if (this.#remembered.size >= mostRemembered) this.#remembered.clear();
    this.#remembered.add(word);
    if (this.#addWord.run(word).changes === 0 || !this.#follows) return;
    for (const variant of traces(word)) this.#addVariant.run(variant, word);
  }

  #forget(word: string): void {
    if (this.#named.get(`"${word}"`)) return;
    this.#remembered.delete(word);
    if (this.#dropWord.run(word).changes === 0) return;
    for (const variant of traces(word)) this.#dropVariant.run(variant, word);
  }
}
