/**
 * Which stream of a name it is: one that was deleted and made again, or restored, has other messages under its sequences. And
 * what is said to whoever can help of one that is not there, or not the one that was read.
 */
import { JetStreamApiError, type StreamInfo } from '@nats-io/jetstream';

export interface StreamPosition {
  /** Last sequence applied; 0 before the first. */
  sequence: number;
  /** Which stream of that name the sequence belongs to: when it was created, and when restored. */
  created: string;
}

export interface Checkpoint extends StreamPosition {
  /** The last messages taken, in order: they tell the stream from one that was put back to an older state and written on. */
  lastTaken?: { sequence: number; storedAt: number }[];
}

/** So many are kept: more than are ever removed together, where a stream keeps only the last messages of a subject. */
export const mostLastTaken = 10;

/** Metadata of a stream that was brought back from a backup: when. */
export const restoredKey = 'marquee-restored';
/** And when it was created at first: brokers name another time of one that was restored, or changed. */
export const createdKey = 'marquee-created';

/** Metadata of a stream that an operator has accepted in the place of one that was lost, empty as it was: when. */
export const acceptedKey = 'marquee-accepted';

/** Whether an operator has said that a stream takes the place of others of its name: by a restore, or by accepting it. */
export function mayReplace({ config: { metadata = {} } }: Pick<StreamInfo, 'config'>): boolean {
  return restoredKey in metadata || acceptedKey in metadata;
}

/** When a stream was created, whichever broker leads it and however often it was restored. */
export function createdAt({ created, config }: Pick<StreamInfo, 'created' | 'config'>): string {
  return config.metadata?.[createdKey] ?? created;
}

/**
 * Tells a stream apart from others of its name. A restore keeps the time of creation, but what was stored behind the
 * backup is gone, and its sequences will be given to other messages.
 */
export function streamIdentity(info: Pick<StreamInfo, 'created' | 'config'>): string {
  const restored = info.config.metadata?.[restoredKey];
  return restored === undefined ? createdAt(info) : `${createdAt(info)} ${restored}`;
}

/** There is none of its name, or another one, which nobody has accepted in its place. */
export type Loss = 'missing' | 'replaced';

export class LostStream extends Error {
  readonly loss: Loss;

  constructor(loss: Loss) {
    super(`the stream is ${loss}`);
    this.loss = loss;
  }
}

const streamNotFound = 10059;

/** What an error says of the stream; undefined where it is another trouble. */
export function lossOf(error: unknown): Loss | undefined {
  if (error instanceof LostStream) return error.loss;
  return error instanceof JetStreamApiError && error.code === streamNotFound ? 'missing' : undefined;
}

/** For an operator. `taken` is the sequence up to which the stream that was lost had been read. */
export function explainLoss(stream: string, loss: Loss, taken: number): string {
  if (taken === 0) return `The broker has no stream ${stream}: "npm run streams" makes it.`;
  const what = loss === 'missing' ? `lost the stream ${stream}` : `another stream ${stream} than the one`;
  return (
    `The broker has ${what}, which was read up to message ${taken}. "npm run restore -- DIR" brings back a backup; ` +
    '"npm run streams -- --new" accepts empty streams instead, and what was lost is shown no more.'
  );
}
