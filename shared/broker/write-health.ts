/** Whether the broker stores what is published: by the last write to each stream, and by a probe after one that failed. */
import { AppError, type ErrorOptions, messageOf } from '../operations/errors.ts';
import { hub, type Sites } from '../process/sites.ts';
import type { Connection } from './connection.ts';
import type { OutgoingMessage } from './event-codec.ts';

/** The broker is connected and did not store a message. Another would not fare better: it is not for what it holds. */
export class NotStored extends AppError {
  constructor(detail: string, options: Omit<ErrorOptions, 'fields'> = {}) {
    super('unavailable', detail, options);
  }
}

type Store = (message: Pick<OutgoingMessage, 'subject' | 'data' | 'headers'>) => Promise<unknown>;

/** A stream whose last write the broker did not store. */
export interface FailingWrites {
  stream: string;
  /** ISO 8601 */
  since: string;
  reason: string;
  cure: string;
}

const cure =
  "The broker's log says why. Where its disk was full it needs space, and then a restart (npm start gives it one): " +
  'until then it stores nothing more in this stream.';
const probeEveryMs = 2000;

/** Where the probes of a stream are stored: every stream takes it; one of several sites takes only subjects of its site. */
export function probeSubject(stream: string, { site, sites }: Sites = { site: hub, sites: [hub] }): string {
  return `${stream.toLowerCase()}.${sites.length > 1 ? site : 'broker'}.storage.probe`;
}

/** The subjects of a stream's probes at whichever site. */
export function probeFilter(stream: string): string {
  return `${stream.toLowerCase()}.*.storage.probe`;
}

/** Whether a message is a probe, of whichever site: no event, views pass over it. */
export function isProbe(subject: string): boolean {
  return subject.endsWith('.storage.probe');
}

/**
 * A broker that could not write to its disk once answers no publish to that stream any more, and does all else as before.
 * Without other requests nobody would learn when it is well again: so a message is stored then that means nothing.
 */
export class WriteHealth implements Disposable {
  readonly #connection: Connection;
  readonly #store: Store;
  readonly #failing = new Map<string, FailingWrites>();
  readonly #timer: NodeJS.Timeout;

  /** @param store stores a message, and throws NotStored where the broker does not */
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

  /** Nobody has to wait for what will not be answered. @throws NotStored at once, until a probe has been stored */
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

  /** Stores what means nothing, to learn whether that can be done; it stays stored. Never rejects. */
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
