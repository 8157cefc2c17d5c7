/** Genre, year and rating as words of the full-text index, so that a search with filters reads what fits them only. Pure. */
import { fold } from '../../shared/operations/text.ts';
import { genreKey } from './understand.ts';

/** Begins no word of a text. */
const mark = '§';

export const genreFact = (genre: string): string => `${mark}${genreKey(genre)}`;
export const yearFact = (year: number): string => `${mark}${year}`;
export const ratingFact = (rating: number): string => `${mark}r${Math.floor(rating)}`;

interface Facts {
  genres: string[];
  year: number | null;
  rating: number | null;
}

/** The words that stand for the facts of a movie. */
export function factsOf({ genres, year, rating }: Facts): string[] {
  return [...genres.map(genreFact), yearFact(year ?? 0), ratingFact(rating ?? 0)];
}

export interface Filters {
  genre?: string | undefined;
  year?: number | undefined;
  minRating?: number | undefined;
}

/** What the words of a movie must have for it to pass; those with a rating between two whole ones pass a little more. */
export function filterExpression({ genre, year, minRating }: Filters): string {
  const parts: string[] = [];
  if (genre !== undefined) parts.push(`"${genreFact(genre)}"`);
  if (year !== undefined) parts.push(`"${yearFact(year)}"`);
  if (minRating !== undefined) {
    const steps = Array.from({ length: 11 - Math.floor(minRating) }, (_, i) => `"${ratingFact(minRating + i)}"`);
    parts.push(`(${steps.join(' OR ')})`);
  }
  return parts.join(' AND ');
}

/** Whether a movie passes. */
export function passes({ genre, year, minRating }: Filters, movie: Facts): boolean {
  return (
    (genre === undefined || movie.genres.some((own) => fold(own) === fold(genre))) &&
    (year === undefined || (movie.year ?? 0) === year) &&
    (minRating === undefined || (movie.rating ?? 0) >= minRating)
  );
}
