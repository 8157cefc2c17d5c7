/** Tracks for each stream whether the broker stores messages: by the last write, and after a failed one by probes. */
import { AppError, type ErrorOptions, messageOf } from '../operations/errors.ts';
import { hub, type Sites } from '../process/sites.ts';
import type { Connection } from './connection.ts';
import type { OutgoingMessage } from './event-codec.ts';

/** The connected broker did not store a message, for a reason that concerns the stream and not this message. */
export class NotStored extends AppError {
  constructor(detail: string, options: Omit<ErrorOptions, 'fields'> = {}) {
    super('unavailable', detail, options);
  }
}

type Store = (message: Pick<OutgoingMessage, 'subject' | 'data' | 'headers'>) => Promise<unknown>;

/** A stream whose last write failed. */
export interface FailingWrites {
  stream: string;
  /** Time of the first failure, ISO 8601. */
  since: string;
  reason: string;
  cure: string;
}

const cure =
  "See the broker's log for the cause. If its disk was full, free some space and restart it (npm start does that by " +
  'itself): until then it stores nothing more in this stream.';
const probeEveryMs = 2000;

/** Returns the subject of a stream's probes. With several sites it names the site, as its streams take no others. */
export function probeSubject(stream: string, { site, sites }: Sites = { site: hub, sites: [hub] }): string {
  return `${stream.toLowerCase()}.${sites.length > 1 ? site : 'broker'}.storage.probe`;
}

/** Returns a filter for a stream's probes of all sites. */
export function probeFilter(stream: string): string {
  return `${stream.toLowerCase()}.*.storage.probe`;
}

/** Returns whether a message is a probe of any site. Views skip probes. */
export function isProbe(subject: string): boolean {
  return subject.endsWith('.storage.probe');
}

/**
 * Once a broker has failed to write to its disk, it answers no publish to that stream any more, while all else works.
 * Writes to the stream are then refused at once, and probes, which are messages without meaning, find out when it
 * stores again.
 */
export class WriteHealth implements Disposable {
  readonly #connection: Connection;
  readonly #store: Store;
  readonly #failing = new Map<string, FailingWrites>();
  readonly #timer: NodeJS.Timeout;

  /** @param store stores a message; throws NotStored when the broker does not store it */
  constructor(connection: Connection, store: Store) {
    this.#connection = connection;
    this.#store = store;
    this.#timer = setInterval(() => {
      for (const stream of this.#failing.keys()) void this.probe(stream);
    }, probeEveryMs).unref();
  }

  get failing(): FailingWrites[] {
    return [...this.#failing.values()];
  }

  /** Refuses a write that would only time out. @throws NotStored from a failed write until a probe has been stored */
  requireStoring(stream: string): void {
    const failing = this.#failing.get(stream);
    if (failing) throw new NotStored('The broker cannot store at the moment.', { cause: new Error(failing.reason) });
  }

  stored(stream: string): void {
    if (this.#failing.delete(stream)) this.#connection.log.warn({ stream }, 'the broker stores messages again');
  }

  failed(stream: string, error: NotStored): void {
    const reason = messageOf(error.cause ?? error);
    const known = this.#failing.get(stream);
    this.#failing.set(stream, { stream, since: known?.since ?? new Date().toISOString(), reason, cure });
    if (!known) this.#connection.log.error({ stream, reason, cure }, 'the broker does not store messages');
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  /** Publishes a probe, which stays in the stream. Never rejects. */
  async probe(stream: string): Promise<void> {
    try {
      const subject = probeSubject(stream, this.#connection.sites);
      await this.#store({ subject, data: '', headers: {} });
      this.stored(stream);
    } catch (error) {
      if (error instanceof NotStored) this.failed(stream, error);
    }
  }
}
