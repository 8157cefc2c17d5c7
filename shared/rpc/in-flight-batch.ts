/** Requests in one message on its way to a service. */
import type { Msg } from '@nats-io/nats-core';
import type { PendingRequest } from './request-batch.ts';
import { decodeReplies } from './wire-format.ts';

export class InFlightBatch {
  /** By performance.now(). */
  readonly sentAt = performance.now();
  /** The only replica that it was sent to, if it was. */
  readonly replica: string | undefined;
  /** By their place in it; undefined where it was answered. */
  readonly #requests: (PendingRequest | undefined)[];
  #open: number;

  constructor(requests: PendingRequest[], replica: string | undefined) {
    this.#requests = requests.slice();
    this.#open = requests.length;
    this.replica = replica;
  }

  get done(): boolean {
    return this.#open === 0;
  }

  /** The requests that this message has not brought a reply to. */
  get open(): PendingRequest[] {
    return this.#requests.filter((request) => request !== undefined);
  }

  /** Hands replies to those who wait. Gives the replica that responded; undefined where the message is no reply of ours. */
  receive(message: Msg): string | undefined {
    let decoded: ReturnType<typeof decodeReplies>;
    try {
      decoded = decodeReplies(message.string());
    } catch {
      // Thrown, it would end the connection's reader.
      return undefined;
    }
    for (const reply of decoded.entries) {
      const request = this.#requests[reply.id];
      if (!request) continue;
      this.#requests[reply.id] = undefined;
      this.#open--;
      request.resolve(reply);
    }
    return decoded.replica;
  }
}
