/** What the process that answers and the thread that keeps its views say to each other. All of it can be cloned. */

import type { StreamPosition } from '../broker/stream-identity.ts';
import type { Config } from '../process/config.ts';
import type { Applied } from './projection.ts';

/** A view to be kept. */
export interface OpenView {
  id: number;
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
  position: StreamPosition | undefined;
  /** Messages behind the last one applied. */
  lag: number;
  /** When the broker stored the last message applied. Milliseconds since 1970. */
  appliedUpTo: number;
}

/** A generation of the view: one file, from its opening to its end. */
export interface Served {
  generation: number;
  file: string;
  progress: StreamProgress[];
  /** Its committed version (cache.ts). */
  version: Int32Array<SharedArrayBuffer>;
}

export interface ViewState {
  /** Whether what is served has caught up with its streams once. */
  answers: boolean;
  /** Whether some stream has not been read to its end since the last trouble with it. */
  behind: boolean;
  rebuilds: number;
}

/** Rows have changed, or the position has moved. */
export interface Moved {
  generation: number;
  progress: StreamProgress;
  /** What it took, where a batch of events was applied. */
  applied?: Applied | undefined;
}

/** A generation cannot be read from. */
export interface Refused {
  generation: number;
  reason: string;
  /** The machine is to blame, and not the file. */
  environmental: boolean;
}

export type ToThread =
  | { kind: 'open'; view: OpenView }
  /** Nobody reads from a generation any more. */
  | { kind: 'released'; id: number; generation: number }
  | ({ kind: 'refused'; id: number } & Refused)
  /** What is served cannot be trusted. */
  | { kind: 'rebuild'; id: number; reason: string }
  | { kind: 'close'; id: number };

export type FromThread = { id: number } & (
  | { kind: 'state'; state: ViewState }
  /** To be read from now on, instead of whatever was before: null for nothing. */
  | { kind: 'serve'; served: Served | null; state: ViewState }
  | { kind: 'moved'; moved: Moved }
  | { kind: 'progress'; generation: number; progress: StreamProgress[] }
  /** It lives, and has a connection to the broker or not. Said every two seconds, and when one was made again. */
  | { kind: 'beat'; connected: boolean }
  /** Nothing can be kept. */
  | { kind: 'failed'; reason: string }
  /** Opening a file has been tried, whatever came of it. */
  | { kind: 'tried' }
  /** A message of the stream went to DEADLETTERS. */
  | { kind: 'deadLettered'; stream: string }
  | { kind: 'closed' }
);
