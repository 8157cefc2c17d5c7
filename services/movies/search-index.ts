/** The full-text indices of movies and the vocabulary of their titles. */
import { and, eq, lte, sql } from 'drizzle-orm';
import { words } from '../../shared/operations/text.ts';
import type { Database } from '../../shared/views/database.ts';
import { insertNew } from '../../shared/views/prepared.ts';
import type { MovieFields } from './contract.ts';
import { titleWordGrams, titleWords } from './schema.ts';

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

/** Trigrams of a word with its edges marked: "alien" → _al, ali, lie, ien, en_. */
export function trigrams(word: string): string[] {
  const marked = `_${word}_`;
  const grams = new Set<string>();
  for (let i = 0; i + 3 <= marked.length; i++) grams.add(marked.slice(i, i + 3));
  return [...grams];
}

/** A text with its words as the search has them, so that the tokenizer has nothing to decide. */
function indexed(text: string): string {
  return words(text).join(' ');
}

type GramRow = typeof titleWordGrams.$inferSelect;

/** `known` where the row may be in the index already. */
type Change = { row: number; fields: MovieFields | null; known: boolean };

/** Collects the changes of a transaction and writes them in row order: FTS5 writes a segment for each step back. */
export class SearchIndex {
  readonly #changes = new Map<number, Change>();
  readonly #insertNames;
  readonly #insertTexts;
  readonly #deleteNames;
  readonly #deleteTexts;
  readonly #useWord;
  readonly #addWord;
  readonly #addGram;
  readonly #dropWord;
  readonly #dropGram;
  #words = new Map<string, number>();

  constructor(db: Database) {
    this.#insertNames = db.$client.prepare('INSERT INTO movie_names (rowid, title, people) VALUES (?, ?, ?)');
    this.#insertTexts = db.$client.prepare('INSERT INTO movie_texts (rowid, words) VALUES (?, ?)');
    this.#deleteNames = db.$client.prepare('DELETE FROM movie_names WHERE rowid = ?');
    this.#deleteTexts = db.$client.prepare('DELETE FROM movie_texts WHERE rowid = ?');
    const asked = sql.placeholder;
    const { word, uses } = titleWords;
    const moreUses = { uses: sql`${uses} + ${asked('step')}` };
    const ofWord = eq(word, asked('word'));
    this.#useWord = db.update(titleWords).set(moreUses).where(ofWord).prepare();
    this.#addWord = insertNew(db, titleWords).prepare();
    this.#addGram = insertNew(db, titleWordGrams).prepare();
    this.#dropWord = db
      .delete(titleWords)
      .where(and(ofWord, lte(uses, 0)))
      .prepare();
    const { gram, length } = titleWordGrams;
    this.#dropGram = db
      .delete(titleWordGrams)
      .where(and(eq(gram, asked('gram')), eq(length, asked('length')), eq(titleWordGrams.word, asked('word'))))
      .prepare();
  }

  add(movieId: number, fields: MovieFields): void {
    const row = searchRow(movieId, fields.votes ?? 0);
    this.#changes.set(row, { row, fields, known: this.#changes.get(row)?.known ?? false });
    this.#count(fields.title, 1);
  }

  remove(movieId: number, fields: MovieFields): void {
    const row = searchRow(movieId, fields.votes ?? 0);
    // A row that this transaction added is not there yet, but one that it replaces is.
    this.#changes.set(row, { row, fields: null, known: this.#changes.get(row)?.known ?? true });
    this.#count(fields.title, -1);
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
      const title = indexed(fields.title);
      const people = indexed(`${fields.director} ${fields.actors.join(' ')}`);
      this.#insertNames.run(row, title, people);
      this.#insertTexts.run(row, `${title} ${people} ${indexed(fields.description)}`);
    }
    for (const [word, uses] of this.#words) this.#useOf(word, uses);
    this.#words.clear();
  }

  /** Forgets what was collected, when its transaction failed. */
  clear(): void {
    this.#changes.clear();
    this.#words.clear();
  }

  #count(title: string, step: number): void {
    for (const word of new Set(words(title))) this.#words.set(word, (this.#words.get(word) ?? 0) + step);
  }

  #useOf(word: string, step: number): void {
    if (step === 0) return;
    // Not one upsert with RETURNING: that makes a table for its one row, which costs more than all of this.
    const grams = () => trigrams(word).map((gram): GramRow => ({ gram, length: word.length, word }));
    if (this.#useWord.run({ step, word }).changes === 0) {
      this.#addWord.run({ word, uses: step });
      for (const gram of grams()) this.#addGram.run({ ...gram });
    } else if (step < 0 && this.#dropWord.run({ word }).changes > 0) {
      for (const gram of grams()) this.#dropGram.run({ ...gram });
    }
  }
}
