/** GET /events: live events as Server-Sent Events. */
import type { Hono } from 'hono';
import { problem } from '../../shared/http/reply.ts';
import { integerOf, queryOf, RequestHeaders } from '../../shared/http/request.ts';
import type { Identity } from '../../shared/operations/access.ts';
import { AppError, invalid, toAppError } from '../../shared/operations/errors.ts';
import { movieId } from '../../shared/operations/fields.ts';
import type { Sites } from '../../shared/process/sites.ts';
import { within } from '../../shared/process/within.ts';
import type { EventTickets, ListeningCaller } from './event-tickets.ts';
import { decodePositions, encodePositions, type LiveEvent, type Positions } from './live-events.ts';
import type { LiveHub } from './live-hub.ts';

const keepAliveMs = 15_000;
/** A gateway that has just started is waited for. */
const patienceMs = 3000;
/** A client that is so many bytes behind is cut off; it comes back with Last-Event-ID. */
const maxQueued = 64_000;
const maxMovies = 200;
const maxListeners = 2000;
const eventStream = { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' };

interface LiveParts {
  hub: LiveHub;
  identity: Identity;
  tickets: EventTickets;
}

/**
 * Adds the route. `movies=1,2` limits the likes to those movies; tickets and due reminders are those of the caller.
 * Each event has an id to resume from: the header Last-Event-ID, or `lastEventId` for clients that cannot set it.
 */
export function addLiveEvents(app: Hono, { hub, identity, tickets }: LiveParts): void {
  app.get('/events', async (c) => {
    try {
      if (!identity.open) refuseTokens(c.req.query());
      const query = queryOf(c, ['movies', 'lastEventId', 'ticket', ...(identity.open ? ['userId'] : [])]);
      const headers = new RequestHeaders(c, false);
      const { userId, expiresAt } = await listenerOf(headers, query, { identity, tickets });
      if (hub.listeners >= maxListeners) throw new AppError('unavailable', 'Too many clients listen to live events.');
      const since = sinceOf(headers, query.lastEventId, hub.sites);
      const wanted = { userId, movies: moviesOf(query.movies), since, expiresAt };
      // Nobody would read what is made for it, and nobody would say that it is over.
      if (c.req.method === 'HEAD') return new Response(null, { headers: eventStream });
      const ready = hub.ready.then(() => true);
      if (!(await within(ready, patienceMs))) {
        throw new AppError('unavailable', 'The streams of live events have not been read to their ends yet.');
      }
      return stream(hub, wanted);
    } catch (error) {
      return problem(toAppError(error));
    }
  });
}

/** The caller by a header, or for browsers' EventSource, which can set none, by the URL: with a ticket, in open mode by name. */
function listenerOf(
  headers: RequestHeaders,
  { ticket, userId }: Record<string, string>,
  { identity, tickets }: Omit<LiveParts, 'hub'>,
): ListeningCaller | Promise<ListeningCaller> {
  if (ticket === undefined && userId === undefined) return identity.of(headers);
  if (headers.token !== undefined || headers.user !== undefined || (ticket !== undefined && userId !== undefined)) {
    const field = ticket === undefined ? 'userId' : 'ticket';
    throw invalid({ field, message: 'says who calls, and something else says so, too' });
  }
  return ticket === undefined ? identity.of({ user: userId }) : tickets.callerOf(ticket);
}

/** Whoever put their token into the URL must not wait for events of theirs in vain. @throws AppError unauthenticated */
function refuseTokens(query: Record<string, string>): void {
  const misplaced = Object.keys(query).find(
    (name) => /^(access_?token|auth(orization)?|bearer|(id_?)?token|jwt)$/i.test(name) || isToken(query[name] ?? ''),
  );
  if (misplaced === undefined) return;
  const detail = `A token is not taken from the URL (${misplaced}): send it as a header, or POST /events/ticket for a ticket.`;
  throw new AppError('unauthenticated', detail);
}

const isToken = (text: string): boolean => /^(bearer\s+)?[\w-]+\.[\w-]+\.[\w-]+$/i.test(text);

function moviesOf(text: string | undefined): Set<number> | undefined {
  if (text === undefined) return undefined;
  const movies = text.split(',').map(integerOf);
  if (movies.length > maxMovies || !movies.every((movie) => movieId.safeParse(movie).success)) {
    throw invalid({ field: 'movies', message: `must be up to ${maxMovies} movie ids, separated by commas` });
  }
  return new Set(movies as number[]);
}

function sinceOf(headers: RequestHeaders, fromQuery: string | undefined, sites: Sites): Positions | undefined {
  const text = headers.get('last-event-id') ?? fromQuery;
  return text === undefined || text === '' ? undefined : decodePositions(text, sites);
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
        write(`retry: 1000\nid: ${encodePositions(own, hub.sites)}\n\n`);
        const remove = hub.listen(
          {
            send: (events) => {
              for (const [index, sequence] of events.at(-1)?.reached ?? []) own[index] = sequence;
              const wanted = events.filter(wants);
              // The id stands with the last one: whoever does not get that far gets all of them again.
              const last = wanted.pop();
              const others = wanted.map((event) => message(event)).join('');
              if (last) write(others + message(last, encodePositions(own, hub.sites)));
            },
            reset: () => {
              hub.positions.forEach((position, index) => {
                own[index] = position;
              });
              write(`event: reset\nid: ${encodePositions(own, hub.sites)}\ndata: {}\n\n`);
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
    new ByteLengthQueuingStrategy({ highWaterMark: maxQueued }),
  );
  return new Response(body, { headers: eventStream });
}

function message(event: LiveEvent, id?: string): string {
  return `event: ${event.kind}\n${id === undefined ? '' : `id: ${id}\n`}data: ${dataOf(event)}\n\n`;
}

const encoded = new WeakMap<LiveEvent, string>();

/** Made once for all who listen. */
function dataOf(event: LiveEvent): string {
  let text = encoded.get(event);
  if (text === undefined) {
    const { kind: _, reached: __, ...data } = event;
    text = JSON.stringify(data);
    encoded.set(event, text);
  }
  return text;
}
