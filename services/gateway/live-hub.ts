/** Live events: keeps the latest events of the streams in memory and delivers them to listeners. */
import type { Connection } from '../../shared/broker/connection.ts';
import { EventReader, type StoredMessage, UnreadableEvent } from '../../shared/broker/event-codec.ts';
import { streamIdentity } from '../../shared/broker/stream-identity.ts';
import { StreamReader } from '../../shared/broker/stream-reader.ts';
import { AppError, messageOf } from '../../shared/operations/errors.ts';
import type { Logger } from '../../shared/process/log.ts';
import { type SiteStream, type Sites, siteStream } from '../../shared/process/sites.ts';
import { TurnQueue } from '../../shared/process/turn-queue.ts';
import type { ServiceCaller } from '../../shared/rpc/caller.ts';
import { ranking, voteGiven } from '../ranking/contract.ts';
import { type LiveEvent, type LiveStream, liveStreams, type Positions } from './live-events.ts';

/** Events of each stream that are kept for listeners that resume. */
const keptEvents = 2000;
const coalesceMs = 300;
/** Movies in one request to ranking; the others wait for the next one. */
const likesBatchSize = 200;

export interface Listener {
  /** Sends events. The `reached` of the last one holds for all of them. */
  send(events: LiveEvent[]): void;
  /** Called when missed events can no longer be sent: the client has to fetch everything again. */
  reset(): void;
  end(): void;
}

/** The latest events of one stream. */
interface Tail {
  /** Whether the stream is the copy of another site's. */
  isCopy: boolean;
  /** Events with their sequences in the stream. */
  events: { sequence: number; event: LiveEvent }[];
  /** `events` has every event after this sequence. */
  completeAfter: number;
  lastSequence: number;
  /** Resolves when the stream has been read to its end for the first time. */
  caughtUp: PromiseWithResolvers<void>;
}

/** Reads each stream of live events once, for all listeners. */
export class LiveHub implements AsyncDisposable {
  readonly #caller: ServiceCaller;
  readonly #log: Logger;
  /** In the order of `Positions`. */
  readonly #tails: Tail[];
  readonly #readers: StreamReader[] = [];
  readonly sites: Sites;
  readonly #listeners = new Set<Listener>();
  /** Movies whose new likes have not been sent yet. */
  readonly #changedMovies = new Set<number>();
  /** Spreads delivery to many listeners over several turns of the event loop. */
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

  /** Resolves when all streams are read to their ends. Before, missed events are unknown, and old ones seem new. */
  get ready(): Promise<unknown> {
    return Promise.all(this.#tails.map(({ caughtUp }) => caughtUp.promise));
  }

  /** The last sequence read from each stream. */
  get positions(): Positions {
    return this.#tails.map((tail) => tail.lastSequence);
  }

  /** Number of listeners. */
  get listeners(): number {
    return this.#listeners.size;
  }

  /** Adds a listener, after sending it the events since `since`. @returns a function that removes the listener */
  listen(listener: Listener, since: Positions | undefined): () => void {
    // A position is lost if it is older than the kept events, or beyond the stream's end because the stream was made
    // again. Beyond the end of a copy it is valid: the client listened at the home site, which is ahead of its copies.
    const isLost = (position: number, { completeAfter, lastSequence, isCopy }: Tail): boolean =>
      position < completeAfter || (position > lastSequence && !isCopy);
    if (since && this.#tails.some((tail, index) => isLost(since[index] as number, tail))) listener.reset();
    else if (since) this.#deliverSince(since, listener);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    for (const listener of [...this.#listeners]) listener.end();
    await Promise.all(this.#readers.map((reader) => reader[Symbol.asyncDispose]()));
  }

  #follow(index: number, live: LiveStream, source: SiteStream, connection: Connection): Tail {
    const eventReader = new EventReader(live.events, source);
    const memory = new Map<string, string>();
    const toLive = (message: StoredMessage): LiveEvent[] =>
      live.toLive(eventReader.read(message), memory).map((fact) => ({ ...fact, reached: [[index, message.sequence]] }));
    /** Identity of the stream being read. */
    let created: string | undefined;
    const tail: Tail = {
      isCopy: source.home !== this.sites.site,
      events: [],
      completeAfter: 0,
      lastSequence: 0,
      caughtUp: Promise.withResolvers<void>(),
    };
    const reader = new StreamReader({
      stream: source.stream,
      filter: live.filter,
      connection,
      log: this.#log,
      target: {
        position: (info) => {
          if (created === undefined) {
            created = streamIdentity(info);
            tail.completeAfter = Math.max(0, info.state.last_seq - keptEvents);
            tail.lastSequence = tail.completeAfter;
          }
          return { sequence: tail.lastSequence, created };
        },
        apply: (messages) => {
          for (const message of messages) this.#onMessage(tail, message, toLive);
        },
        caughtUp: (_, lastSequence) => {
          tail.lastSequence = Math.max(tail.lastSequence, lastSequence);
          tail.caughtUp.resolve();
        },
        replaced: () => {
          created = undefined;
          tail.events = [];
          memory.clear();
          for (const listener of this.#listeners) listener.reset();
        },
      },
    });
    this.#readers.push(reader);
    return tail;
  }

  #onMessage(tail: Tail, message: StoredMessage, toLive: (message: StoredMessage) => LiveEvent[]): void {
    tail.lastSequence = message.sequence;
    let events: LiveEvent[];
    try {
      events = toLive(message);
    } catch (error) {
      // Skipped here: the service that owns the event sends it to DEADLETTERS.
      if (error instanceof UnreadableEvent || error instanceof AppError) return;
      throw error;
    }
    tail.events.push(...events.map((event) => ({ sequence: message.sequence, event })));
    if (tail.events.length > keptEvents * 1.5) {
      const dropped = tail.events.splice(0, tail.events.length - keptEvents);
      tail.completeAfter = dropped.at(-1)?.sequence ?? tail.completeAfter;
    }
    for (const event of events) this.#deliver(event, this.#listeners);
  }

  #deliverSince(since: Positions, listener: Listener): void {
    for (const [index, { events }] of this.#tails.entries()) {
      const position = since[index] as number;
      for (const { sequence, event } of events) if (sequence > position) this.#deliver(event, [listener]);
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

  /** Sends the current likes of the changed movies, so that many votes for a movie become one event. */
  async #sendLikes(): Promise<void> {
    const movieIds = [...this.#changedMovies].slice(0, likesBatchSize);
    for (const movieId of movieIds) this.#changedMovies.delete(movieId);
    // While other movies wait, clients have not received everything up to the ends of the VOTES streams.
    const sendsAll = this.#changedMovies.size === 0;
    const reached = this.#tails.flatMap(({ lastSequence }, index): LiveEvent['reached'] => {
      const isVotes = liveStreams[index % liveStreams.length]?.stream === voteGiven.stream;
      return sendsAll && isVotes ? [[index, lastSequence]] : [];
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
      // Retried as long as there are listeners.
      if (this.#listeners.size > 0) for (const movieId of movieIds) this.#changedMovies.add(movieId);
    }
    this.#timer = this.#changedMovies.size > 0 ? setTimeout(() => void this.#sendLikes(), coalesceMs) : undefined;
  }
}
