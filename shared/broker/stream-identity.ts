/** Which stream of a name it is: one that was deleted and made again, or restored, has other messages under its sequences. */
import type { StreamInfo } from '@nats-io/jetstream';

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
