/** Identifies the incarnation of a stream: after a restore or new creation, sequences belong to other messages. */
import type { StreamInfo } from '@nats-io/jetstream';

export interface StreamPosition {
  /** Sequence of the last applied message; 0 before the first. */
  sequence: number;
  /** Identity of the stream incarnation that the sequence belongs to (`streamIdentity`). */
  created: string;
}

export interface Checkpoint extends StreamPosition {
  /** The last applied messages, in order. The stream has others if it was returned to an older state and written to. */
  lastTaken?: { sequence: number; storedAt: number }[];
}

/** Maximum length of `lastTaken`: more than a stream with a limit of messages per subject ever removes at once. */
export const maxLastTaken = 10;

/** Metadata key: when the stream was restored from a backup. */
export const restoredKey = 'marquee-restored';
/** Metadata key: when the stream was first created. Brokers report another time after a restore or an update. */
export const createdKey = 'marquee-created';

/** Metadata key: when an operator accepted the stream, empty as it was, in place of a lost one. */
export const acceptedKey = 'marquee-accepted';

/** Returns whether an operator has put the stream in the place of an earlier one, by restoring or accepting it. */
export function mayReplace({ config: { metadata = {} } }: Pick<StreamInfo, 'config'>): boolean {
  return restoredKey in metadata || acceptedKey in metadata;
}

/** Returns when a stream was first created, whichever broker leads it and however often it was restored. */
export function createdAt({ created, config }: Pick<StreamInfo, 'created' | 'config'>): string {
  return config.metadata?.[createdKey] ?? created;
}

/** Returns the identity of a stream incarnation. A restore changes it, as sequences after the backup are reused. */
export function streamIdentity(info: Pick<StreamInfo, 'created' | 'config'>): string {
  const restored = info.config.metadata?.[restoredKey];
  return restored === undefined ? createdAt(info) : `${createdAt(info)} ${restored}`;
}
