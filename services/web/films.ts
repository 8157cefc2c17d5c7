/** Films as pages show them, joined from catalogue and rankings. */
import type { z } from 'zod';
import { isServiceFailure } from '../../shared/operations/errors.ts';
import { type movie, movies } from '../movies/contract.ts';
import { ranking } from '../ranking/contract.ts';
import { posterGenre } from './poster/poster.ts';
import type { Visit } from './visit.ts';

export type Movie = z.output<typeof movie>;

/** The fields that a film card shows. */
export interface Card {
  movieId: number;
  title: string;
  genres: string[];
  year: number | null;
  rating: number | null;
  posterUrl?: string | null;
  rank?: number;
  likes?: number | null;
}

/** Returns the path of a film's poster. It contains everything that is drawn, so the image never changes. */
export function posterPath({ title, genres, year }: Pick<Card, 'title' | 'genres' | 'year'>): string {
  const query = new URLSearchParams({ t: title.toWellFormed(), g: posterGenre(genres), y: String(year ?? '') });
  return `/poster.svg?${query}`;
}

/** Queries films by rank, with genres and years from the catalogue. Without the catalogue they have title and rank. */
export async function rankedCards(
  visit: Visit,
  input: {
    by: 'likes' | 'trending' | 'rating';
    limit: number;
    genre?: string | undefined;
    cursor?: string | undefined;
  },
): Promise<{ cards: Card[]; next: string | null } | null> {
  const { genre, ...rest } = input;
  const ranked =
    genre === undefined ? await visit.part(ranking.ranking, rest) : await visit.part(ranking.genre, { genre, ...rest });
  if (!ranked) return null;
  const details = await detailsOf(
    visit,
    ranked.items.map(({ movieId }) => movieId),
  );
  const cards = ranked.items.map((item, index) => ({ genres: [], year: null, ...details[index], ...item }));
  return { cards, next: ranked.next };
}

/** Details already requested by each visit, because a film may be on several shelves of a page. */
const requested = new WeakMap<Visit, Map<number, Promise<Movie | undefined>>>();

/** Queries details of films, in the given order and in one message. @returns undefined for each film without details */
export function detailsOf(visit: Visit, movieIds: number[]): Promise<(Movie | undefined)[]> {
  const known = requested.get(visit) ?? new Map<number, Promise<Movie | undefined>>();
  requested.set(visit, known);
  return Promise.all(
    movieIds.map((movieId) => {
      const details = known.get(movieId) ?? queryDetails(visit, movieId);
      known.set(movieId, details);
      return details;
    }),
  );
}

async function queryDetails(visit: Visit, movieId: number): Promise<Movie | undefined> {
  try {
    return await visit.ask(movies.details, { movieId });
  } catch (error) {
    if (isServiceFailure(error)) visit.missing.add('movies');
    return undefined;
  }
}

/** Searches for films by a person's name and keeps those that are really theirs, without the film `except`. */
export async function filmsOf(
  visit: Visit,
  person: string,
  isTheirs: (movie: Movie) => boolean,
  except: number,
): Promise<Card[]> {
  const found = await visit.part(movies.search, { q: person, limit: 9 });
  return (found?.items ?? []).filter((film) => film.movieId !== except && isTheirs(film));
}
