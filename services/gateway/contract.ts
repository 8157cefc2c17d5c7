/** The gateway's own operations, beside those that it forwards to the services. */
import { z } from 'zod';
import { movieId, timestamp } from '../../shared/operations/fields.ts';
import { operation, type ServiceContract } from '../../shared/operations/operation.ts';
import { movie } from '../movies/contract.ts';
import { reminderEntry } from '../reminder/contract.ts';
import { liveStreams } from './live-events.ts';

export const moviePage = z
  .object({
    movieId,
    movie: movie.nullable().meta({ description: 'Details; null when movies does not answer in time' }),
    likes: z.int().nullable(),
    liked: z.boolean().nullable().meta({ description: 'Whether the caller likes it; null for an anonymous caller' }),
    reminder: reminderEntry.nullable().meta({ description: "The caller's entry on the watch-later list" }),
    watched: z.boolean().nullable().meta({ description: 'Whether the caller has watched it' }),
    degraded: z.array(z.string()).meta({ description: 'Services that did not answer in time; their parts are null' }),
  })
  .meta({ id: 'MoviePage' });
export type MoviePage = z.output<typeof moviePage>;

export const gateway = {
  eventTicket: operation({
    subject: 'gateway.eventTicket',
    method: 'POST',
    path: '/events/ticket',
    kind: 'query',
    access: 'known',
    summary: 'Issues a ticket for GET /events?ticket=…, for clients such as EventSource that cannot send a token',
    input: z.object({}),
    output: z
      .object({
        ticket: z.string().meta({ description: 'For the URL of live events only' }),
        expiresAt: timestamp.meta({
          description: 'Expiry of the ticket, in a minute at most. Opened streams go on until the token expires',
        }),
      })
      .meta({ id: 'EventTicket' }),
    example: {},
  }),
  moviePage: operation({
    subject: 'gateway.moviePage',
    method: 'GET',
    path: '/pages/movie/:movieId',
    access: 'public',
    summary: 'Everything that a page about a movie shows, in one answer; parts that are unavailable are null',
    input: z.object({ movieId }),
    output: moviePage,
    errors: ['not_found'],
    example: { movieId: 1 },
  }),
};

/** The gateway as other services see it. */
export const gatewayContract = {
  name: 'gateway',
  description: 'Pages joined from several services, and live events',
  port: 8080,
  operations: gateway,
  events: [],
  overNats: false,
  asks: 'all',
  follows: liveStreams,
} satisfies ServiceContract;
