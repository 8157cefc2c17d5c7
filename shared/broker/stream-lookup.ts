/** What commands ask the broker about streams. */
import type { JetStreamManager, StreamInfo } from '@nats-io/jetstream';
import { AppError } from '../operations/errors.ts';
import type { Connection } from './connection.ts';
import type { OutgoingMessage } from './event-codec.ts';

export class StreamLookup {
  readonly #connection: Connection;
  readonly #asked = new Map<string, Promise<StreamInfo>>();

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /**
   * What a stream holds: asked once for all who want to know in one turn of the event loop.
   * @throws AppError unavailable
   */
  info(stream: string): Promise<StreamInfo> {
    let asked = this.#asked.get(stream);
    if (!asked) {
      asked = this.#ask((jsm) => jsm.streams.info(stream));
      this.#asked.set(stream, asked);
      setImmediate(() => this.#asked.delete(stream));
    }
    return asked;
  }

  /** Sequence of the last message that an expectation is about; 0 where there is none. @throws AppError unavailable */
  async lastSequence({ stream, subject, expect }: OutgoingMessage): Promise<number> {
    const last = { last_by_subj: expect?.subject ?? subject };
    return (await this.#ask((jsm) => jsm.direct.getMessage(stream, last)))?.seq ?? 0;
  }

  async #ask<T>(ask: (jsm: JetStreamManager) => Promise<T>): Promise<T> {
    const { jsm } = this.#connection.link;
    try {
      return await ask(jsm);
    } catch (error) {
      throw new AppError('unavailable', 'The stream is not available at the moment.', { cause: error });
    }
  }
}
