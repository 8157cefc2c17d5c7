/** Options of the gateway's API documents, which cover the whole system. */
import type { ZodOpenApiPathItemObject } from 'zod-openapi';
import type { DocumentOptions } from '../../shared/docs/openapi.ts';
import { problemResponses } from '../../shared/docs/problems.ts';
import type { ServiceContract } from '../../shared/operations/operation.ts';
import { streams } from '../../streams/index.ts';

const userParameter = {
  name: 'userId',
  in: 'query',
  description: 'Whose tickets and reminders to send: the same as X-User-Id, for clients that cannot set headers',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
} as const;

const liveEvents = (open: boolean): ZodOpenApiPathItemObject => ({
  get: {
    operationId: 'gateway.events',
    tags: ['gateway'],
    summary: 'Live events: likes of movies, and the tickets and due reminders of the caller (Server-Sent Events)',
    description:
      'Events are `likes` ({movieId, likes}), `ticket` ({userId, ticketId, change, at}), `reminder` ({userId, movieId, ' +
      'dueAt}), and `reset` when missed events can no longer be sent: fetch everything again. Each has an id to resume from.',
    parameters: [
      {
        name: 'movies',
        in: 'query',
        description: 'Only the likes of these movies: up to 200 ids, separated by commas',
        schema: { type: 'string', pattern: '^[1-9][0-9]{0,9}(,[1-9][0-9]{0,9}){0,199}$' },
        example: '1,2',
      },
      {
        name: 'Last-Event-ID',
        in: 'header',
        description: 'Id of the last event received: later events are sent first',
        schema: { type: 'string' },
      },
      {
        name: 'lastEventId',
        in: 'query',
        description: 'The same as Last-Event-ID, for clients that cannot set headers',
        schema: { type: 'string' },
      },
      {
        name: 'ticket',
        in: 'query',
        description:
          'Identifies the caller instead of a header: a ticket that POST /events/ticket issued in the last minute',
        schema: { type: 'string' },
      },
      ...(open ? [userParameter] : []),
    ],
    responses: {
      200: {
        description: 'Events, and a comment every 15 seconds, until the client disconnects',
        content: { 'text/event-stream': { schema: { type: 'string' } } },
      },
      400: problemResponses.invalid,
      401: problemResponses.unauthenticated,
      500: problemResponses.internal,
      503: problemResponses.unavailable,
    },
    'x-access': 'public',
  },
});

/** Returns the document options. @param open whether callers need no token */
export const documentsFor = (services: readonly ServiceContract[], open: boolean): DocumentOptions => ({
  title: 'Marquee',
  description: 'A movie-service backend: every operation of every service at one address.',
  services,
  streams: streams.map(({ name, description = '', subjects }) => ({
    name,
    description,
    subjects,
  })),
  paths: { '/events': liveEvents(open) },
  open,
});
