/** Films as pages show them, joined from the catalogue and the rankings. */
import type { z } from 'zod';
import { isAway } from '../../shared/operations/errors.ts';
import { type movie, movies } from '../movies/contract.ts';
import { ranking } from '../ranking/contract.ts';
import { posterGenre } from './poster/poster.ts';
import type { Visit } from './visit.ts';

export type Movie = z.output<typeof movie>;

/** What a card of a film shows. */
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

/** Path of a film's poster. It says all that is drawn, so it can be kept for ever. */
export function posterPath({ title, genres, year }: Pick<Card, 'title' | 'genres' | 'year'>): string {
  const query = new URLSearchParams({ t: title.toWellFormed(), g: posterGenre(genres), y: String(year ?? '') });
  return `/poster.svg?${query}`;
}

/** Films by rank: genres and years come from the catalogue; without it title and rank remain. */
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

/** What a visit has asked for already: a film may be on several shelves of a page. */
const asked = new WeakMap<Visit, Map<number, Promise<Movie | undefined>>>();

/** Details of films in the order asked: the requests go out as one message. Undefined where there are none. */
export function detailsOf(visit: Visit, movieIds: number[]): Promise<(Movie | undefined)[]> {
  const known = asked.get(visit) ?? new Map<number, Promise<Movie | undefined>>();
  asked.set(visit, known);
  return Promise.all(
    movieIds.map((movieId) => {
      const details = known.get(movieId) ?? oneOf(visit, movieId);
      known.set(movieId, details);
      return details;
    }),
  );
}

async function oneOf(visit: Visit, movieId: number): Promise<Movie | undefined> {
  try {
    return await visit.ask(movies.details, { movieId });
  } catch (error) {
    if (isAway(error)) visit.missing.add('movies');
    return undefined;
  }
}

/** Films found by the words of a person's name that are really theirs, without the one that the page is about. */
export async function filmsOf(
  visit: Visit,
  person: string,
  isTheirs: (movie: Movie) => boolean,
  except: number,
): Promise<Card[]> {
  const found = await visit.part(movies.search, { q: person, limit: 9 });
  return (found?.items ?? []).filter((film) => film.movieId !== except && isTheirs(film));
}
