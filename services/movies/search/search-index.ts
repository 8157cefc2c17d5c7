/** Writes the full-text indices of movies, and the tables of their words. */
import type { Database } from '../../../shared/views/database.ts';
import type { MovieFields } from '../contract.ts';
import { factsOf } from './facts.ts';
import { indexWords, splitWords } from './terms.ts';
import { traces } from './typing-errors.ts';

/** Movie ids take the lower 31 bits of a row id. */
const idSpan = 2 ** 31;
const lastBucket = 2047;

/**
 * Returns the row id of a movie in the search indices. Popular movies come first, so that a search can stop after the
 * first matches instead of ranking them all. Votes count by their logarithm, in steps of about 1 %.
 */
export function searchRow(movieId: number, votes: number): number {
  const bucket = Math.min(Math.floor(64 * Math.log2(votes + 1)), lastBucket);
  return (lastBucket - bucket) * idSpan + movieId;
}

/** Returns the words that index a movie, split as searches are, so that nothing depends on FTS5's tokenizer. */
export function indexedWords(fields: MovieFields): { titles: string[]; people: string[]; others: string[] } {
  const { title, alternativeTitles, director, actors, description } = fields;
  return {
    titles: [title, ...alternativeTitles].flatMap(indexWords),
    people: indexWords(`${director} , ${actors.join(' , ')}`),
    others: [...splitWords(description), ...factsOf(fields)],
  };
}

/** New state of a row; `known` if the row may be in the index already. */
type Change = { row: number; fields: MovieFields | null; known: boolean };

/** Most words remembered to be in the table, which need not be inserted again. They take some megabytes. */
const maxRemembered = 100_000;

/** Words whose variants are written in one transaction at the end of a build, which takes a fraction of a second. */
const batchSize = 10_000;

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
  /** Words of removed names, which other names may still have. */
  #dropped = new Set<string>();
  /** Whether variants are written with each word. */
  #writesEach: boolean;
  /** The last word whose variants have been written in batches; undefined when all are written. */
  #writtenTo: string | undefined;
  readonly #wordsAfter;

  constructor(db: Database, isBuilt: boolean) {
    this.#writesEach = isBuilt;
    this.#writtenTo = isBuilt ? undefined : '';
    // Plain SQL, because drizzle does not support FTS5, and a movie has dozens of words.
    const client = db.$client;
    this.#insertNames = client.prepare('INSERT INTO movie_names (rowid, title, people) VALUES (?, ?, ?)');
    this.#insertTexts = client.prepare('INSERT INTO movie_texts (rowid, words) VALUES (?, ?)');
    this.#deleteNames = client.prepare('DELETE FROM movie_names WHERE rowid = ?');
    this.#deleteTexts = client.prepare('DELETE FROM movie_texts WHERE rowid = ?');
    this.#addWord = client.prepare('INSERT OR IGNORE INTO words (word) VALUES (?)');
    this.#addVariant = client.prepare('INSERT OR IGNORE INTO word_variants (variant, word) VALUES (?, ?)');
    this.#dropWord = client.prepare('DELETE FROM words WHERE word = ?');
    this.#dropVariant = client.prepare('DELETE FROM word_variants WHERE variant = ? AND word = ?');
    this.#wordsAfter = client
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
    // A row added in this transaction is not in the index yet, unless it replaced one.
    this.#changes.set(row, { row, fields: null, known: this.#changes.get(row)?.known ?? true });
    const { titles, people } = indexedWords(fields);
    for (const word of [...titles, ...people]) this.#dropped.add(word);
  }

  /** Writes the collected changes. */
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

  /** Writes the next batch of variants left out during the build. @returns whether there was any word left */
  writeVariants(): boolean {
    if (this.#writtenTo === undefined) return false;
    this.#writesEach = true;
    const words = this.#wordsAfter.all(this.#writtenTo, batchSize);
    this.#writtenTo = words.at(-1);
    const rows = words.flatMap((word) => traces(word).map((variant) => ({ variant, word })));
    rows.sort((a, b) => (a.variant < b.variant ? -1 : 1));
    for (const { variant, word } of rows) this.#addVariant.run(variant, word);
    return words.length > 0;
  }

  /** Discards collected changes when their transaction failed. */
  clear(): void {
    this.#changes.clear();
    this.#dropped.clear();
    this.#remembered.clear();
    if (this.#writtenTo !== undefined) this.#writtenTo = '';
  }

  #remember(word: string): void {
    this.#dropped.delete(word);
    if (this.#remembered.has(word)) return;
    if (this.#remembered.size >= maxRemembered) this.#remembered.clear();
    this.#remembered.add(word);
    if (this.#addWord.run(word).changes === 0 || !this.#writesEach) return;
    for (const variant of traces(word)) this.#addVariant.run(variant, word);
  }

  #forget(word: string): void {
    if (this.#named.get(`"${word}"`)) return;
    this.#remembered.delete(word);
    if (this.#dropWord.run(word).changes === 0) return;
    for (const variant of traces(word)) this.#dropVariant.run(variant, word);
  }
}
