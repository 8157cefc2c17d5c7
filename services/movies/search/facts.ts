/** Genre, year and rating as words of the full-text index, so that filtered searches read only matches. Pure. */
import { fold } from '../fold.ts';
import { genreKey } from './understand.ts';

/** Prefix of these words. No word of a text starts with it. */
const mark = '§';

export const genreFact = (genre: string): string => `${mark}${genreKey(genre)}`;
export const yearFact = (year: number): string => `${mark}${year}`;

/** Returns the word for a rating, rounded down. Combined with a genre or year, it finds only movies of both. */
const ratingFact = (rating: number, of = ''): string => `${of || mark}r${Math.floor(rating)}`;
const genreYearFact = (genre: string, year: number): string => `${genreFact(genre)}y${year}`;

interface Facts {
  genres: string[];
  year: number | null;
  rating: number | null;
}

/** Returns the words under which genres, year and rating of a movie are indexed. */
export function factsOf({ genres, year, rating }: Facts): string[] {
  const [ownYear, ownRating] = [year ?? 0, rating ?? 0];
  return [
    ...genres.flatMap((genre) => [
      genreFact(genre),
      genreYearFact(genre, ownYear),
      ratingFact(ownRating, genreFact(genre)),
    ]),
    yearFact(ownYear),
    ratingFact(ownRating, yearFact(ownYear)),
    ratingFact(ownRating),
  ];
}

export interface Filters {
  genre?: string | undefined;
  year?: number | undefined;
  minRating?: number | undefined;
}

/** Returns expressions that all matching movies satisfy, and with a fractional `minRating` some below it, too. */
export function filterExpressions({ genre, year, minRating }: Filters): string[] {
  const parts: string[] = [];
  if (genre !== undefined && year !== undefined) parts.push(`"${genreYearFact(genre, year)}"`);
  else if (minRating === undefined && genre !== undefined) parts.push(`"${genreFact(genre)}"`);
  else if (minRating === undefined && year !== undefined) parts.push(`"${yearFact(year)}"`);
  if (minRating !== undefined) {
    // A year has fewer movies than a genre.
    const of = year !== undefined ? yearFact(year) : genre !== undefined ? genreFact(genre) : '';
    const steps = Array.from({ length: 11 - Math.floor(minRating) }, (_, i) => `"${ratingFact(minRating + i, of)}"`);
    parts.push(`(${steps.join(' OR ')})`);
  }
  return parts;
}

/** Whether a movie matches the filters. */
export function passes({ genre, year, minRating }: Filters, movie: Facts): boolean {
  return (
    (genre === undefined || movie.genres.some((own) => fold(own) === fold(genre))) &&
    (year === undefined || (movie.year ?? 0) === year) &&
    (minRating === undefined || (movie.rating ?? 0) >= minRating)
  );
}
