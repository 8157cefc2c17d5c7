/** Live events: the ends of the streams in memory, and what listeners want of them. */
import type { Connection } from '../../shared/broker/connection.ts';
import { EventReader, type StoredEvent, type StoredMessage, UnreadableEvent } from '../../shared/broker/event-codec.ts';
import { streamIdentity } from '../../shared/broker/stream-identity.ts';
import { StreamReader } from '../../shared/broker/stream-reader.ts';
import { AppError, messageOf } from '../../shared/operations/errors.ts';
import type { Logger } from '../../shared/process/log.ts';
import { type SiteStream, type Sites, siteStream } from '../../shared/process/sites.ts';
import { TurnQueue } from '../../shared/process/turn-queue.ts';
import type { ServiceCaller } from '../../shared/rpc/caller.ts';
import { ranking, voteGiven } from '../ranking/contract.ts';
import { type LiveEvent, type LiveStream, liveStreams, type Positions } from './live-events.ts';

/** How many messages of each stream are kept for listeners that come back. */
const kept = 2000;
const coalesceMs = 300;
/** Movies whose likes are asked for at once; the others wait for the next turn. */
const likesAtOnce = 200;

export interface Listener {
  /** The last of the events says how far all of them reach. */
  send(events: LiveEvent[]): void;
  /** Called when what was missed is no longer known: fetch everything anew. */
  reset(): void;
  end(): void;
}

interface Tail {
  reader: StreamReader;
  isCopy: boolean;
  /** With their sequences in the stream. */
  events: { sequence: number; event: LiveEvent }[];
  /** Sequence behind which `events` is complete. */
  from: number;
  last: number;
  /** Resolves when the stream was read to its end for the first time. */
  read: PromiseWithResolvers<void>;
}

/** Follows the streams that have something for live listeners, once for all of them. */
export class LiveHub implements AsyncDisposable {
  readonly #caller: ServiceCaller;
  readonly #log: Logger;
  /** As positions: the streams of each site. */
  readonly #tails: Tail[];
  readonly sites: Sites;
  readonly #listeners = new Set<Listener>();
  readonly #changedMovies = new Set<number>();
  /** What many listeners are told leaves turns to others. */
  readonly #turns = new TurnQueue();
  #timer: NodeJS.Timeout | undefined;

  constructor({ connection, caller, log }: { connection: Connection; caller: ServiceCaller; log: Logger }) {
    this.#caller = caller;
    this.#log = log;
    this.sites = connection.sites;
    const sources = this.sites.sites.flatMap((home) =>
      liveStreams.map((live) => ({ live, source: siteStream(live.stream, home, this.sites) })),
    );
    this.#tails = sources.map(({ live, source }, index) => this.#follow(index, live, source, connection));
  }

  /**
   * Resolves when the ends of the streams are known: before that nobody can be told what they have missed, and what is read
   * would seem to have happened now.
   */
  get ready(): Promise<unknown> {
    return Promise.all(this.#tails.map(({ read }) => read.promise));
  }

  /** Where the streams end as far as the hub knows. */
  get positions(): Positions {
    return this.#tails.map((tail) => tail.last);
  }

  /** Clients that listen now. */
  get listeners(): number {
    return this.#listeners.size;
  }

  /** Adds a listener; first it gets what came behind `since`. Returns the function that removes it. */
  listen(listener: Listener, since: Positions | undefined): () => void {
    // Older than what is kept, or of a stream that was made again. At the site of its own a listener may have been further.
    const isLost = (after: number, { from, last, isCopy }: Tail): boolean => after < from || (after > last && !isCopy);
    if (since && this.#tails.some((tail, index) => isLost(since[index] as number, tail))) listener.reset();
    else if (since) this.#deliverSince(since, listener);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    for (const listener of [...this.#listeners]) listener.end();
    await Promise.all(this.#tails.map(({ reader }) => reader[Symbol.asyncDispose]()));
  }

  #follow(index: number, live: LiveStream, source: SiteStream, connection: Connection): Tail {
    const eventReader = new EventReader(live.events, source);
    const memory = new Map<string, string>();
    const toLive = (event: StoredEvent): LiveEvent[] =>
      live.toLive(event, memory).map((fact) => ({ ...fact, reached: [[index, event.sequence]] }));
    let created: string | undefined;
    const read = Promise.withResolvers<void>();
    const tail = { events: [], isCopy: source.home !== this.sites.site, from: 0, last: 0, read } as unknown as Tail;
    tail.reader = new StreamReader({
      stream: source.stream,
      filter: live.filter,
      connection,
      log: this.#log,
      target: {
        position: (info) => {
          if (created === undefined) {
            created = streamIdentity(info);
            tail.from = Math.max(0, info.state.last_seq - kept);
            tail.last = tail.from;
          }
          return { sequence: tail.last, created };
        },
        apply: (messages) => {
          for (const message of messages) this.#take(tail, message, eventReader, toLive);
        },
        caughtUp: (_, lastSequence) => {
          tail.last = Math.max(tail.last, lastSequence);
          read.resolve();
        },
        replaced: () => {
          created = undefined;
          tail.events = [];
          memory.clear();
          for (const listener of this.#listeners) listener.reset();
        },
      },
    });
    return tail;
  }

  #take(tail: Tail, message: StoredMessage, reader: EventReader, toLive: (event: StoredEvent) => LiveEvent[]): void {
    tail.last = message.sequence;
    let events: LiveEvent[];
    try {
      events = toLive(reader.read(message));
    } catch (error) {
      // The service that owns the event puts it into DEADLETTERS; here is nobody to tell.
      if (error instanceof UnreadableEvent || error instanceof AppError) return;
      throw error;
    }
    tail.events.push(...events.map((event) => ({ sequence: message.sequence, event })));
    if (tail.events.length > kept * 1.5) {
      const dropped = tail.events.splice(0, tail.events.length - kept);
      tail.from = dropped.at(-1)?.sequence ?? tail.from;
    }
    for (const event of events) this.#deliver(event, this.#listeners);
  }

  #deliverSince(since: Positions, listener: Listener): void {
    for (const [index, { events }] of this.#tails.entries()) {
      const after = since[index] as number;
      for (const { sequence, event } of events) if (sequence > after) this.#deliver(event, [listener]);
    }
  }

  #deliver(event: LiveEvent, listeners: Iterable<Listener>): void {
    if (event.kind === 'likes') {
      if (listeners === this.#listeners && this.#listeners.size === 0) return;
      this.#changedMovies.add(event.movieId);
      this.#timer ??= setTimeout(() => void this.#sendLikes(), coalesceMs);
      return;
    }
    for (const listener of listeners) listener.send([event]);
  }

  /** A hundred votes for a movie in one turn are one event: the number that ranking has then. */
  async #sendLikes(): Promise<void> {
    const movieIds = [...this.#changedMovies].slice(0, likesAtOnce);
    for (const movieId of movieIds) this.#changedMovies.delete(movieId);
    const reached = this.#tails.flatMap(({ last }, index): LiveEvent['reached'] => {
      // While movies wait nobody has all up to there.
      const isAll = this.#changedMovies.size === 0;
      return isAll && liveStreams[index % liveStreams.length]?.stream === voteGiven.stream ? [[index, last]] : [];
    });
    try {
      const { likes } = await this.#caller.ask(ranking.likesOf, { movieIds }, { timeoutMs: 1000 });
      const events = movieIds.flatMap((movieId, index): LiveEvent[] => {
        const count = likes[index];
        return typeof count === 'number' ? [{ kind: 'likes', movieId, likes: count, reached }] : [];
      });
      for (const listener of this.#listeners) this.#turns.add(events, () => listener.send(events));
    } catch (error) {
      this.#log.debug({ reason: messageOf(error) }, 'likes for live events are unavailable');
      // They are asked for again, for as long as somebody listens.
      if (this.#listeners.size > 0) for (const movieId of movieIds) this.#changedMovies.add(movieId);
    }
    this.#timer = this.#changedMovies.size > 0 ? setTimeout(() => void this.#sendLikes(), coalesceMs) : undefined;
  }
}
