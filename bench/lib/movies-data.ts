/** Generates synthetic movies from a fixed seed, with words and names distributed as in real catalogues. */
import { closeSync, existsSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { randomFrom, zipf } from './random.ts';

export interface SyntheticMovie {
  movieId: number;
  title: string;
  genres: string[];
  description: string;
  director: string;
  actors: string[];
  year: number;
  runtimeMinutes: number;
  rating: number;
  votes: number;
  revenueMillions: number | null;
  metascore: number | null;
}

const genreNames = (
  'Drama,Comedy,Action,Romance,Thriller,Crime,Horror,Adventure,Family,Fantasy,Mystery,Sci-Fi,Animation,Biography,' +
  'History,Music,War,Musical,Western,Sport,Documentary,Film-Noir'
).split(',');

/** The commonest words, most frequent first, so that some searches match most of the catalogue. */
const commonest = (
  'the a of and to in his her is with for on an who from by their he she that as at into when but be one life man new ' +
  'young love world family story find must war woman night day girl time father home city town two after mother son'
).split(' ');

const onsets = 'b c d f g h l m n p r s t v w br ch cl cr dr fl fr gr pr sh st th tr'.split(' ');
const vowels = 'a e i o u ai ea ee ie oo ou'.split(' ');
const codas = ['', '', '', 'n', 'r', 's', 't', 'l', 'm', 'nd', 'ng', 'st', 'ck'];
const vocabularySize = 60_000;

/** The vocabulary by rank: the commonest English words, then invented ones. */
export const vocabulary: readonly string[] = makeWords(1, vocabularySize, commonest);
const firstNames = makeWords(2, 1500, []).map(capitalized);
const lastNames = makeWords(3, 30_000, []).map(capitalized);

function makeWords(seed: number, count: number, start: string[]): string[] {
  const random = randomFrom(seed);
  const pick = (list: string[]): string => list[Math.floor(random() * list.length)] as string;
  const words = new Set(start);
  while (words.size < count) {
    const syllables = 1 + Math.floor(random() * 3);
    let word = '';
    for (let i = 0; i < syllables; i++) word += pick(onsets) + pick(vowels);
    word += pick(codas);
    if (word.length > 2) words.add(word);
  }
  return [...words];
}

function capitalized(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

/** Yields movies 1 to `count`; a larger count begins with the same movies. */
export function* syntheticMovies(count: number): Generator<SyntheticMovie> {
  const random = randomFrom(42);
  const word = zipf(vocabularySize, 1, random);
  const genre = zipf(genreNames.length, 0.8, random);
  const first = zipf(firstNames.length, 0.7, random);
  const last = zipf(lastNames.length, 0.6, random);
  const between = (low: number, high: number): number => low + Math.floor(random() * (high - low + 1));
  const words = (n: number): string[] => Array.from({ length: n }, () => vocabulary[word()] as string);
  const name = (): string => `${firstNames[first()]} ${lastNames[last()]}`;
  for (let movieId = 1; movieId <= count; movieId++) {
    const genres = new Set(Array.from({ length: between(1, 3) }, () => genreNames[genre()] as string));
    yield {
      movieId,
      title: words(between(1, 4)).map(capitalized).join(' '),
      genres: [...genres],
      description: `${capitalized(words(between(18, 45)).join(' '))}.`,
      director: name(),
      actors: Array.from({ length: 4 }, name),
      year: 2026 - Math.floor(random() ** 2 * 110),
      runtimeMinutes: between(70, 180),
      rating: Math.round(10 * (3 + 3 * random() + 3 * random())) / 10,
      // From a handful to millions, mostly few.
      votes: Math.floor(Math.exp(2 + 12 * random() ** 2.5)),
      revenueMillions: random() < 0.3 ? between(0, 900) : null,
      metascore: random() < 0.4 ? between(10, 100) : null,
    };
  }
}

/** Returns a CSV file of `count` movies after the first `behind` ones, with ids from 1. Writes it if it is missing. */
export function moviesCsv(folder: string, count: number, behind = 0): string {
  const file = join(folder, `movies-${behind > 0 ? `${behind}-` : ''}${count}.csv`);
  if (existsSync(file)) return file;
  mkdirSync(folder, { recursive: true });
  const descriptor = openSync(`${file}.part`, 'w');
  let lines =
    'Rank,Title,Genre,Description,Director,Actors,Year,Runtime (Minutes),Rating,Votes,Revenue (Millions),Metascore\n';
  for (const movie of syntheticMovies(behind + count)) {
    const movieId = movie.movieId - behind;
    if (movieId < 1) continue;
    const { title, genres, description, director, actors, year, runtimeMinutes, rating, votes } = movie;
    lines += `${movieId},${title},"${genres.join(',')}","${description}",${director},"${actors.join(', ')}",${year},`;
    lines += `${runtimeMinutes},${rating},${votes},${movie.revenueMillions ?? ''},${movie.metascore ?? ''}\n`;
    if (lines.length < 1_000_000) continue;
    writeSync(descriptor, lines);
    lines = '';
  }
  writeSync(descriptor, lines);
  closeSync(descriptor);
  renameSync(`${file}.part`, file);
  return file;
}
