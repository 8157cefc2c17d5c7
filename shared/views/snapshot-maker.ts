/**
 * Makes a snapshot of a view whenever so many messages have come since the last that all replicas together would take for
 * long to read. One of them makes it: who gets the claim from the broker.
 */
import { createReadStream, statfsSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { addAbortSignal, pipeline, Readable } from 'node:stream';
import { createZstdCompress } from 'node:zlib';
import type { Snapshot, SnapshotBucket } from '../broker/snapshot-bucket.ts';
import type { StreamPosition } from '../broker/stream-identity.ts';
import { messageOf } from '../operations/errors.ts';
import { now } from '../process/clock.ts';
import type { Logger } from '../process/log.ts';
import { within } from '../process/within.ts';
import { removeDatabase } from './database.ts';
import type { Generation } from './generation.ts';
import type { SnapshotState } from './messages.ts';
import { isFor, isOf } from './snapshot-taker.ts';
import { newFile, prepareSnapshot } from './view-file.ts';

interface MakerOptions {
  bucket: SnapshotBucket;
  /** Of the view. */
  name: string;
  version: number;
  /** Of the replica, where not all are alike. */
  group: string | undefined;
  /** Folder of its files. */
  folder: string;
  /** Messages behind the newest snapshot that call for another; 0: only by hand. */
  every: number;
  /** What can be copied: of this version, and up to date. */
  current(): Generation | undefined;
  log: Logger;
}

const lookEveryMs = 60_000;
const tryAgainMs = 10_000;
const mostEndMs = 2000;
/** Large files are copied less often: over time, at most so many bytes of a file go into snapshots in a millisecond. */
const pace = 4_000;

export class SnapshotMaker implements AsyncDisposable {
  readonly #options: MakerOptions;
  readonly #disposed = new AbortController();
  /** Those that are stored, as of the last look; undefined before it, or where there is no bucket. */
  #stored: Snapshot[] | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #notBefore = 0;
  #working: Promise<void> | undefined;
  /** Why the last could not be made. */
  #failure: string | undefined;
  /** What was known at the last look of the newest that fits the view; undefined where nothing was. */
  state: SnapshotState | undefined;

  constructor(options: MakerOptions) {
    this.#options = options;
  }

  /** To be called every few seconds: makes one where it is time to. */
  look(): void {
    this.state = this.#known();
    this.#working ??= this.#look()
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#working = undefined;
      });
  }

  /**
   * Makes one now, and gives its name; undefined while another replica makes one, or the view is not up to date.
   * @throws Error when it cannot be made or stored: then nothing of it is left
   */
  async make(): Promise<string | undefined> {
    const { bucket, version, group, name, folder, current, log } = this.#options;
    const view = current();
    await using claim = view && (await bucket.claim());
    if (!view || !claim) return undefined;
    const all = (await bucket.list()) ?? [];
    const last = all.find((one) => isFor(this.#options, one));
    // Replicas of a newer version may run already; what an older one would need is not kept.
    await bucket.tidy(
      all.filter((one) => one === last || one.version > version || one.group !== group),
      all,
    );
    const signal = AbortSignal.any([claim.lost, this.#disposed.signal]);
    const file = newFile(folder, name, version);
    const copy = `${file}.copy`;
    try {
      requireRoom(copy, view.bytes);
      await view.copyTo(copy, signal);
      const about = prepareSnapshot(copy, version, group);
      const packed = pipeline(createReadStream(copy), createZstdCompress(), () => {});
      const stored = `${basename(file)}.zst`;
      await bucket.put(stored, about, Readable.toWeb(addAbortSignal(signal, packed)) as ReadableStream<Uint8Array>);
      log.info({ snapshot: stored, bytes: about.fileBytes }, 'a snapshot of the view was stored');
      return stored;
    } finally {
      removeDatabase(copy);
    }
  }

  /** What is under way ends soon; a broker that does not answer is not waited for. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed.abort(new Error('the view was closed'));
    await within(this.#working ?? Promise.resolve(), mostEndMs);
  }

  async #look(): Promise<void> {
    if (performance.now() < this.#notBefore || !this.#options.current()) return;
    if (this.#isDue() || performance.now() - this.#lookedAt > lookEveryMs) await this.#list();
    if (!this.#isDue()) {
      this.#failure = undefined;
      return;
    }
    if (!this.#stored) throw new Error('there is no object store for snapshots: "npm run streams" makes it');
    const made = await this.make();
    if (made === undefined) this.#notBefore = performance.now() + tryAgainMs;
    this.#failure = undefined;
    await this.#list();
  }

  #known(): SnapshotState | undefined {
    const fitting = this.#fitting();
    if (!fitting) return undefined;
    const { newest, behind } = fitting;
    const { every } = this.#options;
    const missing = every > 0 && behind >= every && !newest ? 'no snapshot fits the view' : undefined;
    return { madeAt: newest?.madeAt, bytes: newest?.bytes, behind, problem: this.#failure ?? missing };
  }

  async #list(): Promise<void> {
    this.#stored = await this.#options.bucket.list();
    this.#lookedAt = performance.now();
  }

  #isDue(): boolean {
    const { every } = this.#options;
    const { newest, behind = 0 } = this.#fitting() ?? {};
    const pausedUntil = newest ? newest.madeAt + newest.fileBytes / pace : 0;
    return every > 0 && behind >= every && now() >= pausedUntil;
  }

  /** The newest that fits, and how many messages of the view are not in it; undefined before that is known. */
  #fitting(): { newest: Snapshot | undefined; behind: number } | undefined {
    const { current } = this.#options;
    const view = current();
    if (!view || this.#lookedAt < 0) return undefined;
    const positions = new Map(view.streams.map(({ stream, position }) => [stream, position]));
    const newest = this.#stored?.find((one) => isFor(this.#options, one) && isOf(one, positions));
    const taken = new Map(newest?.checkpoints.map(({ stream, sequence }) => [stream, sequence]));
    const behind = ([stream, position]: [string, StreamPosition | undefined]): number =>
      Math.max(0, (position?.sequence ?? 0) - (taken.get(stream) ?? 0));
    return { newest, behind: [...positions].map(behind).reduce((a, b) => a + b, 0) };
  }

  #fail(error: unknown): void {
    this.#notBefore = performance.now() + lookEveryMs;
    if (this.#disposed.signal.aborted) return;
    this.#failure = messageOf(error);
    this.#options.log.warn({ reason: this.#failure }, 'no snapshot of the view can be made');
  }
}

/** A copy must not take the room that the view itself needs. @throws Error where it would */
function requireRoom(copy: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(dirname(copy));
  if (bavail * bsize < 2 * bytes) throw new Error(`the disk has too little room for a copy of ${bytes} bytes`);
}
