/** What a process and its view worker say to each other about a view. All of it can be cloned. */

import type { StreamPosition } from '../broker/stream-identity.ts';
import { messageOf } from '../operations/errors.ts';
import type { Config } from '../process/config.ts';

/** A view to be opened. */
export interface OpenView {
  /** Name of the service. */
  name: string;
  /** Folder of its files. */
  folder: string;
  /** URL of the module that exports `projections`, its ViewProjections. */
  module: string;
  config: Config;
  /** The instance that its spans belong to. */
  instance: string;
}

/** Where a view is in one stream. */
export interface StreamProgress {
  stream: string;
  /** Whether it is the copy of what another site makes. */
  isCopy: boolean;
  position: StreamPosition | undefined;
  /** Messages behind the last one applied. */
  lag: number;
  /** When the broker stored the last message applied. Milliseconds since 1970. */
  appliedUpTo: number;
  /**
   * Since the last trouble with the stream it has been read to its end, or not yet; `unsure` before it is known to be the one
   * that the position belongs to.
   */
  state: 'unsure' | 'behind' | 'caughtUp';
  /** What an operator has to decide before the stream can be read on: it was lost. */
  problem: string | undefined;
}

/** The newest snapshot of a view that fits it, for operators. */
export interface SnapshotState {
  /** When it was stored, in milliseconds since 1970, and how many bytes it has; undefined where there is none. */
  madeAt: number | undefined;
  bytes: number | undefined;
  /** Messages that a replica without a file would have to read. */
  behind: number;
  /** Why there is none, or none so new. */
  problem: string | undefined;
}

/** All that is known of a view. Said every two seconds, and when something of it changes. */
export interface ViewState {
  /** What to answer from: it has caught up with its streams once; undefined for nothing. */
  file: string | undefined;
  streams: StreamProgress[];
  /** Whether some of its rows are still to be written (Projection.flush). */
  pending: boolean;
  /** Whether the worker's connection to the broker stands. */
  connected: boolean;
  /** What the broker refuses to it. */
  refused: string[];
  rebuilds: number;
  /** What is being done to a file that has read its streams once, before it serves. */
  finishing?: string | undefined;
  /** Undefined while it is not known. */
  snapshot?: SnapshotState | undefined;
}

/** There is nothing to answer from, and nothing is known. */
export const nothing: ViewState = {
  file: undefined,
  streams: [],
  pending: false,
  connected: false,
  refused: [],
  rebuilds: 0,
};

/** One batch of a stream: how long its transactions took, how many events it had, and how many were forged. */
export interface Applied {
  stream: string;
  seconds: number;
  events: number;
  forged: number;
}

export type ToWorker =
  | { kind: 'open'; view: OpenView }
  /** What is served from this file cannot be trusted, or cannot be read. */
  | { kind: 'rebuild'; file: string; reason: string }
  /** Somebody wants to read rows that may still have to be written: those that the answer to their request needs. */
  | { kind: 'flush'; ticket: number; request: unknown }
  | { kind: 'close' };

export type FromWorker =
  /** First when opening a file has been tried, whatever came of it. `applied`: a batch of a stream's events was. */
  | { kind: 'state'; state: ViewState; applied?: Applied | undefined }
  /** The view cannot be kept: for as long as the machine does not let it (`retry`), or with this code at all. */
  | { kind: 'failed'; reason: string; stack: string | undefined; retry: boolean }
  /** A new file was made: the queries must fit it. */
  | { kind: 'made'; file: string }
  /** The rows that somebody wants to read are there, or cannot be written now. */
  | { kind: 'flushed'; ticket: number; written: boolean }
  /** A message of the stream went to DEADLETTERS. */
  | { kind: 'deadLettered'; stream: string }
  | { kind: 'closed' };

/** With the id of the view that it is about. */
export type Addressed<Message> = Message & { id: number };

/** What is said of an error to another thread. */
export function describe(error: unknown): { reason: string; stack: string | undefined } {
  return { reason: messageOf(error), stack: error instanceof Error ? error.stack : undefined };
}
