/** One inbox for all the replies that a caller waits for. */
import { createInbox, type Msg } from '@nats-io/nats-core';
import type { Connection } from '../broker/connection.ts';

/** Why no reply came: nobody listens, the deadline passed, or the connection was lost on the way. */
export type NoReply = 'no_responders' | 'timeout' | 'disconnected';

interface Expected {
  /** Called with each reply until it returns false, or once with the reason why there is none. */
  onReply: (failure: NoReply | null, message: Msg | null) => boolean;
  timer: NodeJS.Timeout;
}

export class ReplyInbox {
  readonly #prefix: string;
  readonly #expected = new Map<string, Expected>();
  #next = 0;

  /** @throws AppError unavailable while there is no connection */
  constructor(connection: Pick<Connection, 'link' | 'name' | 'onChange'>) {
    const { nc } = connection.link;
    this.#prefix = `${createInbox(`_INBOX.${connection.name}`)}.`;
    nc.subscribe(`${this.#prefix}*`, { callback: (error, message) => this.#receive(error, message) });
    // Inboxes do not outlive a connection.
    connection.onChange(() => this.#failAll());
  }

  /** Gives the subject for the replies to a request. */
  expect(timeoutMs: number, onReply: Expected['onReply']): string {
    const key = (this.#next++).toString(36);
    // After a pause of our own its reply may lie unread: by the end of the turn it has been read.
    const timer = setTimeout(() => setImmediate(() => this.#fail(key, 'timeout')), timeoutMs);
    this.#expected.set(key, { onReply, timer });
    return this.#prefix + key;
  }

  #receive(error: Error | null, message: Msg): void {
    if (error) {
      this.#failAll();
      return;
    }
    const key = message.subject.slice(this.#prefix.length);
    // The broker answers an unheard request with an empty message of status 503.
    if (message.data.length === 0 && message.headers?.code === 503) this.#fail(key, 'no_responders');
    else if (this.#expected.get(key)?.onReply(null, message) === false) this.#forget(key);
  }

  #failAll(): void {
    for (const key of [...this.#expected.keys()]) this.#fail(key, 'disconnected');
  }

  #fail(key: string, failure: NoReply): void {
    this.#forget(key)?.onReply(failure, null);
  }

  #forget(key: string): Expected | undefined {
    const expected = this.#expected.get(key);
    clearTimeout(expected?.timer);
    this.#expected.delete(key);
    return expected;
  }
}
