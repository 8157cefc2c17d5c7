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
/** How long a request waits for a gateway that has just started. */
const readyTimeoutMs = 3000;
/** Most bytes queued for a client. A slower one is disconnected, and resumes with Last-Event-ID. */
const maxQueuedBytes = 64_000;
const maxMovies = 200;
const maxListeners = 2000;
const eventStream = { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' };

interface LiveParts {
  hub: LiveHub;
  identity: Identity;
  tickets: EventTickets;
}

/**
 * Adds the route. `movies=1,2` limits likes to those movies; only the caller's own tickets and due reminders are sent.
 * A client resumes by sending the id of the last event as the header Last-Event-ID, or as `lastEventId` in the query.
 */
export function addLiveEvents(app: Hono, { hub, identity, tickets }: LiveParts): void {
  app.get('/events', async (c) => {
    try {
      if (!identity.open) refuseTokensInUrl(c.req.query());
      const query = queryOf(c, ['movies', 'lastEventId', 'ticket', ...(identity.open ? ['userId'] : [])]);
      const headers = new RequestHeaders(c, false);
      const { userId, expiresAt } = await listenerOf(headers, query, { identity, tickets });
      const since = sinceOf(headers, query.lastEventId, hub.sites);
      const subscription = { userId, movies: moviesOf(query.movies), since, expiresAt };
      const ready = hub.ready.then(() => true);
      if (!(await within(ready, readyTimeoutMs))) {
        throw new AppError('unavailable', 'Live events are still being loaded. Try again in a moment.');
      }
      // Checked after the wait, because other clients are added during it.
      if (hub.listeners >= maxListeners) throw new AppError('unavailable', 'Too many live clients. Try again later.');
      // A stream made for HEAD would never be read and never be cancelled.
      if (c.req.method === 'HEAD') return new Response(null, { headers: eventStream });
      return stream(hub, subscription);
    } catch (error) {
      return problem(toAppError(error));
    }
  });
}

/** Returns the caller by the headers, or, as EventSource sets none, by the URL: by ticket, or in open mode by name. */
function listenerOf(
  headers: RequestHeaders,
  { ticket, userId }: Record<string, string>,
  { identity, tickets }: Omit<LiveParts, 'hub'>,
): ListeningCaller | Promise<ListeningCaller> {
  if (ticket === undefined && userId === undefined) return identity.of(headers);
  if (headers.token !== undefined || headers.user !== undefined || (ticket !== undefined && userId !== undefined)) {
    const field = ticket === undefined ? 'userId' : 'ticket';
    throw invalid({ field, message: 'must be the only parameter or header that identifies the caller' });
  }
  return ticket === undefined ? identity.of({ user: userId }) : tickets.callerOf(ticket);
}

/** Refuses a token in the URL, whose sender would otherwise listen anonymously. @throws AppError unauthenticated */
function refuseTokensInUrl(query: Record<string, string>): void {
  const misplaced = Object.keys(query).find(
    (name) => /^(access_?token|auth(orization)?|bearer|(id_?)?token|jwt)$/i.test(name) || isToken(query[name] ?? ''),
  );
  if (misplaced === undefined) return;
  const detail = `Tokens are not accepted in the URL (${misplaced}). Send the token in the Authorization header, or get a ticket from POST /events/ticket.`;
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

interface Subscription {
  userId: string | undefined;
  movies: Set<number> | undefined;
  since: Positions | undefined;
  /** When the client's token expires (milliseconds since 1970). The connection ends then. */
  expiresAt: number | undefined;
}

function stream(hub: LiveHub, { userId, movies, since, expiresAt }: Subscription): Response {
  const encoder = new TextEncoder();
  // Each client has positions of its own, because it resumes from another id and receives other events.
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
              // Only the last event has the id: a client cut off before it receives all of them again.
              const last = wanted.pop();
              const others = wanted.map((event) => sseMessage(event)).join('');
              if (last) write(others + sseMessage(last, encodePositions(own, hub.sites)));
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
        // The missed events may have exceeded the queue already.
        if (work.disposed) remove();
        else work.defer(remove);
      },
      cancel: () => work.dispose(),
    },
    new ByteLengthQueuingStrategy({ highWaterMark: maxQueuedBytes }),
  );
  return new Response(body, { headers: eventStream });
}

function sseMessage(event: LiveEvent, id?: string): string {
  return `event: ${event.kind}\n${id === undefined ? '' : `id: ${id}\n`}data: ${dataOf(event)}\n\n`;
}

const encoded = new WeakMap<LiveEvent, string>();

/** Returns an event's JSON, which is encoded once for all listeners. */
function dataOf(event: LiveEvent): string {
  let text = encoded.get(event);
  if (text === undefined) {
    const { kind: _, reached: __, ...data } = event;
    text = JSON.stringify(data);
    encoded.set(event, text);
  }
  return text;
}
