/** Replies on their way back, as many in one message as are ready and fit. */
import type { ServiceMsg } from '@nats-io/services';
import { AppError, toProblem } from '../operations/errors.ts';
import { encodeReplies, type ReplyEntry } from './wire-format.ts';

/** Below what the broker takes in one message (1 MiB), with room for the index and headers. */
export const maxReplyBytes = 900_000;

/** Bytes of a text as it is sent. Three a code unit is the most that UTF-8 takes: a small text is not measured. */
export function sizeOf(text: string): number {
  const most = text.length * 3;
  return most < maxReplyBytes / 4 ? most : Buffer.byteLength(text);
}

/** Replies to one pack. What is ready at once goes out together; what takes longer goes out when it is ready. */
export class ReplyBatch {
  readonly #message: ServiceMsg;
  readonly #replica: string;
  #frames: ReplyEntry[] = [];
  #bytes = 0;
  #scheduled = false;
  #collecting = true;

  constructor(message: ServiceMsg, replica: string) {
    this.#message = message;
    this.#replica = replica;
  }

  /** The pack of requests. */
  get asked(): string {
    return this.#message.string();
  }

  sendNothing(): void {
    this.#message.respond(encodeReplies([], this.#replica));
  }

  add(frame: ReplyEntry): void {
    let added = frame;
    if (sizeOf(frame.body) > maxReplyBytes) {
      const tooLarge = new AppError('too_large', 'The answer does not fit in a message: use a lower limit.');
      added = { ...frame, status: tooLarge.status, body: JSON.stringify(toProblem(tooLarge)) };
    }
    const bytes = sizeOf(added.body);
    if (this.#bytes + bytes > maxReplyBytes) this.#send();
    this.#frames.push(added);
    this.#bytes += bytes;
    if (!this.#collecting && !this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => this.flush());
    }
  }

  /** Sends what is ready; from then on, what becomes ready is sent at the end of its turn. */
  flush(): void {
    this.#scheduled = false;
    this.#collecting = false;
    this.#send();
  }

  #send(): void {
    if (this.#frames.length === 0) return;
    this.#message.respond(encodeReplies(this.#frames, this.#replica));
    this.#frames = [];
    this.#bytes = 0;
  }
}
