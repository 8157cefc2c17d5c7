/** GET /events: live events as Server-Sent Events. */
import type { Hono } from 'hono';
import { integerOf, queryOf } from '../../shared/http/input.ts';
import { problem } from '../../shared/http/reply.ts';
import { RequestHeaders } from '../../shared/http/request-headers.ts';
import type { Identity } from '../../shared/operations/access.ts';
import { AppError, invalid, toAppError } from '../../shared/operations/errors.ts';
import { movieId } from '../../shared/operations/fields.ts';
import { decodePositions, encodePositions, type LiveEvent, type Positions, streamOfKind } from './live-events.ts';
import type { LiveHub } from './live-hub.ts';

const keepAliveMs = 15_000;
/** A client that is further behind than this is cut off; it comes back with Last-Event-ID. */
const maxQueued = 500;
const maxMovies = 200;
/** Each event is written to each of them, in one turn. */
const maxListeners = 2000;
const eventStream = { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' };

/**
 * Adds the route. `movies=1,2` limits the likes to those movies; tickets and due reminders are those of the caller.
 * Each event has an id to resume from: the header Last-Event-ID, or `lastEventId` for clients that cannot set it.
 */
export function addLiveEvents(app: Hono, hub: LiveHub, identity: Identity): void {
  app.get('/events', async (c) => {
    try {
      const query = queryOf(c, ['movies', 'lastEventId', ...(identity.open ? ['userId'] : [])]);
      const headers = new RequestHeaders(c, false);
      // Browsers' EventSource cannot set headers; in open mode the user may be named in the URL.
      const named = identity.open && headers.user === null ? { token: null, user: query.userId ?? null } : headers;
      const { userId, expiresAt } = await identity.of(named);
      if (hub.listeners >= maxListeners) throw new AppError('unavailable', 'Too many clients listen to live events.');
      // Nobody would read what is made for it, and nobody would say that it is over.
      if (c.req.method === 'HEAD') return new Response(null, { headers: eventStream });
      return stream(hub, {
        userId,
        movies: moviesOf(query.movies),
        since: sinceOf(headers, query.lastEventId),
        expiresAt,
      });
    } catch (error) {
      return problem(toAppError(error));
    }
  });
}

function moviesOf(text: string | undefined): Set<number> | undefined {
  if (text === undefined) return undefined;
  const movies = text.split(',').map(integerOf);
  if (movies.length > maxMovies || !movies.every((movie) => movieId.safeParse(movie).success)) {
    throw invalid({ field: 'movies', message: `must be up to ${maxMovies} movie ids, separated by commas` });
  }
  return new Set(movies as number[]);
}

function sinceOf(headers: RequestHeaders, fromQuery: string | undefined): Positions | undefined {
  const text = headers.get('last-event-id') ?? fromQuery;
  return text === undefined || text === '' ? undefined : decodePositions(text);
}

interface Wanted {
  userId: string | undefined;
  movies: Set<number> | undefined;
  since: Positions | undefined;
  /** The token is valid until then (milliseconds since 1970): the client has to come back with another. */
  expiresAt: number | undefined;
}

function stream(hub: LiveHub, { userId, movies, since, expiresAt }: Wanted): Response {
  const encoder = new TextEncoder();
  // Each client is somewhere else in the streams: its ids say where.
  const own: Positions = [...(since ?? hub.positions)];
  const work = new DisposableStack();
  const wants = (event: LiveEvent): boolean =>
    event.kind === 'likes' ? !movies || movies.has(event.movieId) : userId !== undefined && event.userId === userId;

  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const end = (): void => {
          if (work.disposed) return;
          work.dispose();
          controller.close();
        };
        const write = (text: string): void => {
          if (work.disposed) return;
          if ((controller.desiredSize ?? 0) <= 0 || Date.now() >= (expiresAt ?? Number.POSITIVE_INFINITY)) end();
          else controller.enqueue(encoder.encode(text));
        };
        const keepAlive = setInterval(() => write(': still here\n\n'), keepAliveMs);
        work.defer(() => clearInterval(keepAlive));
        write(`retry: 1000\nid: ${encodePositions(own)}\n\n`);
        const remove = hub.listen(
          {
            send: (event) => {
              own[streamOfKind[event.kind]] = event.sequence;
              if (wants(event)) write(message(event, own));
            },
            reset: () => {
              hub.positions.forEach((position, index) => {
                own[index] = position;
              });
              write(`event: reset\nid: ${encodePositions(own)}\ndata: {}\n\n`);
            },
            end,
          },
          since,
        );
        // What it missed may have been too much already.
        if (work.disposed) remove();
        else work.defer(remove);
      },
      cancel: () => work.dispose(),
    },
    { highWaterMark: maxQueued },
  );
  return new Response(body, { headers: eventStream });
}

function message(event: LiveEvent, positions: Positions): string {
  return `event: ${event.kind}\nid: ${encodePositions(positions)}\ndata: ${dataOf(event)}\n\n`;
}

const encoded = new WeakMap<LiveEvent, string>();

/** Made once for all who listen. */
function dataOf(event: LiveEvent): string {
  let text = encoded.get(event);
  if (text === undefined) {
    const { kind: _, sequence: __, ...data } = event;
    text = JSON.stringify(data);
    encoded.set(event, text);
  }
  return text;
}
