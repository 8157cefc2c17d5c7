/** Schemas of movies and search results. No I/O. Other services import them from contract.ts. */
import { z } from 'zod';
import { movieId, page, requiredText, visibleText } from '../../shared/operations/fields.ts';
import { fold } from './fold.ts';

const text = (max: number) => z.string().trim().max(max);
export const genreName = requiredText(40);

/** Removes duplicate texts, ignoring case and accents. */
export function distinct(texts: string[]): string[] {
  if (texts.length < 2) return texts;
  const seen = new Set<string>();
  return texts.filter((text) => {
    const key = fold(text);
    return !seen.has(key) && seen.add(key);
  });
}

/** Fields of a movie; `null` means unknown. */
const fieldsWith = (shown: typeof requiredText) =>
  z.object({
    title: shown(300).meta({ description: 'Title as shown' }),
    genres: z
      .array(shown(40))
      .max(12)
      .overwrite(distinct)
      .default([])
      .meta({ description: 'Genres, such as Drama; those that differ only in case or accents are merged' }),
    description: text(5000).default('').meta({ description: 'What it is about' }),
    director: text(500).default('').meta({ description: 'Director or directors, separated by commas' }),
    actors: z.array(shown(200)).max(100).default([]).meta({ description: 'Leading actors' }),
    year: z.int().min(1870).max(2200).nullable().default(null).meta({ description: 'Year of release' }),
    runtimeMinutes: z.int().min(1).max(100_000).nullable().default(null).meta({ description: 'Length in minutes' }),
    rating: z.number().min(0).max(10).nullable().default(null).meta({ description: 'Rating of the dataset, 0 to 10' }),
    votes: z.int().min(0).nullable().default(null).meta({ description: 'Number of votes behind the rating' }),
    revenueMillions: z.number().min(0).nullable().default(null).meta({ description: 'Revenue in millions of dollars' }),
    metascore: z.int().min(0).max(100).nullable().default(null).meta({ description: 'Metascore, 0 to 100' }),
    alternativeTitles: z
      .array(shown(300))
      .max(20)
      .default([])
      .meta({ description: 'Other titles of the movie: the original title, well-known short forms' }),
    posterUrl: z
      .url({ protocol: /^https?$/ })
      .max(2000)
      .nullable()
      .default(null)
      .meta({ description: 'URL of its poster, http or https' }),
    country: text(500).default('').meta({ description: 'Country or countries, separated by commas' }),
    language: text(500).default('').meta({ description: 'Language or languages, separated by commas' }),
  });
export const movieFields = fieldsWith(requiredText);
/** Fields as clients send them: texts must contain something visible. Events stored before that rule may break it. */
export const givenFields = fieldsWith(visibleText);
export type MovieFields = z.output<typeof movieFields>;

export const revision = z.int().meta({ description: 'Stream sequence of the last change; the ETag begins with it' });

export const movie = movieFields.extend({ movieId, revision }).meta({ id: 'Movie' });
export const movieWithLikes = movie
  .extend({ likes: z.int().nullable().meta({ description: 'Likes; null while ranking is unavailable' }) })
  .meta({ id: 'MovieWithLikes' });

/** Where a search found a movie, if not in its title. */
export const found = z
  .object({
    in: z.enum(['alternativeTitles', 'people', 'year', 'genres', 'description']),
    text: z.string().meta({ description: 'The matching title, name, year or genre; empty for the description' }),
  })
  .meta({ id: 'Found' });
export const foundMovie = movie
  .extend({
    found: found.optional().meta({ description: 'Where the search found the movie, if not in its title' }),
  })
  .meta({ id: 'FoundMovie' });

export const interpreted = z
  .object({
    q: z.string().meta({ description: 'The words as corrected to match the best movie' }),
    year: z.int().optional().meta({ description: 'The year that the words ask for' }),
    genres: z.array(z.string()).optional().meta({ description: 'The genres that the words ask for' }),
    ignored: z.array(z.string()).optional().meta({ description: 'Words that the best movie does not contain' }),
  })
  .meta({ id: 'Interpreted', description: 'How the search was understood, if not exactly as typed' });
export const foundPage = page(foundMovie).extend({ interpreted: interpreted.optional() });

export const suggestion = z
  .object({
    kind: z.enum(['title', 'person']),
    text: z.string().meta({ description: 'The title or name' }),
    movieId: movieId.optional().meta({ description: 'For a title: its movie' }),
    year: z.int().nullable().optional().meta({ description: 'For a title: the year of release' }),
  })
  .meta({ id: 'Suggestion' });
export type Suggestion = z.output<typeof suggestion>;
