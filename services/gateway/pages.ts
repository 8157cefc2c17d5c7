/** Composite answers for pages: several services are asked at the same time and their answers joined. */
import type { z } from 'zod';
import type { Call } from '../../shared/operations/endpoint.ts';
import { isServiceFailure } from '../../shared/operations/errors.ts';
import type { Operation } from '../../shared/operations/operation.ts';
import { movies } from '../movies/contract.ts';
import { ranking } from '../ranking/contract.ts';
import { reminder } from '../reminder/contract.ts';
import type { Send } from './breakers.ts';
import type { MoviePage } from './contract.ts';

/** Share of the request's remaining time that each part may take. A later part is null. */
const partTimeShare = 0.16;

/** Returns the page of a movie. @throws AppError not_found when movies does not know it */
export async function moviePageOf(movieId: number, call: Call, send: Send): Promise<MoviePage> {
  const degraded: string[] = [];
  const { userId } = call.caller;

  const part = async <O extends Operation>(
    operation: O,
    input: z.input<O['input']>,
  ): Promise<z.output<O['output']> | null> => {
    const timeoutMs = (call.deadline - Date.now()) * partTimeShare;
    try {
      const { body } = await send(operation, input, { call, timeoutMs });
      return JSON.parse(body) as z.output<O['output']>;
    } catch (error) {
      if (!isServiceFailure(error)) throw error;
      degraded.push(operation.service);
      return null;
    }
  };

  const [details, votes, own] = await Promise.all([
    part(movies.details, { movieId }),
    // Ranking's view may not have a movie yet that was just added. Whether the movie exists is for movies to say.
    part(ranking.likes, { movieId }).catch(() => ({ likes: 0, liked: userId === undefined ? null : false })),
    userId === undefined ? null : part(reminder.entry, { userId, movieId }),
  ]);
  return {
    movieId,
    movie: details,
    likes: votes?.likes ?? null,
    liked: votes?.liked ?? null,
    reminder: own?.reminder ?? null,
    watched: own?.watched ?? null,
    degraded,
  };
}
