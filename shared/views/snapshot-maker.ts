/**
 * Makes a snapshot of a view whenever so many messages have come since the last that all replicas together would take for
 * long to read. One of them makes it: who gets the claim from the broker.
 */
import { createReadStream, statfsSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { addAbortSignal, pipeline, Readable } from 'node:stream';
import { setTimeout as rest } from 'node:timers/promises';
import { createZstdCompress } from 'node:zlib';
import type { Snapshot, SnapshotBucket } from '../broker/snapshot-bucket.ts';
import { messageOf } from '../operations/errors.ts';
import { now } from '../process/clock.ts';
import { within } from '../process/within.ts';
import { removeDatabase } from './database.ts';
import type { Generation } from './generation.ts';
import { isFor, isOf } from './snapshot-taker.ts';
import { newFile, prepareSnapshot } from './view-file.ts';
import type { KeptView, SnapshotState } from './view-thread.ts';

const lookEveryMs = 60_000;
const tryAgainMs = 10_000;
const mostEndMs = 2000;
/** Large files are copied less often: over time, at most so many bytes of a file go into snapshots in a millisecond. */
const pace = 4_000;
/** So much of it is packed at once. */
const pieceBytes = 256 * 1024;

export class SnapshotMaker implements AsyncDisposable {
  readonly #view: KeptView;
  readonly #bucket: SnapshotBucket;
  /** What can be copied: of this version, and up to date. */
  readonly #current: () => Generation | undefined;
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

  constructor(view: KeptView, bucket: SnapshotBucket, current: () => Generation | undefined) {
    this.#view = view;
    this.#bucket = bucket;
    this.#current = current;
  }

  /** To be called every few seconds: makes one where it is time to. */
  look(): void {
    const { newest, behind = 0, wanted } = this.#fitting() ?? {};
    const problem = this.#failure ?? (wanted && !newest ? 'no snapshot fits the view' : undefined);
    this.state = wanted === undefined ? undefined : { madeAt: newest?.madeAt, bytes: newest?.bytes, behind, problem };
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
    const { group, name, folder, log, definition } = this.#view;
    const { version } = definition;
    const bucket = this.#bucket;
    const current = this.#current();
    await using claim = current && (await bucket.claim());
    if (!current || !claim) return undefined;
    const all = (await bucket.list()) ?? [];
    const last = all.find((one) => isFor(this.#view, one));
    // Replicas of a newer version may run already; what an older one would need is not kept.
    await bucket.tidy(
      all.filter((one) => one === last || one.version > version || one.group !== group),
      all,
    );
    const signal = AbortSignal.any([claim.lost, this.#disposed.signal]);
    const file = newFile(folder, name, version);
    const copy = `${file}.copy`;
    try {
      requireRoom(current.file);
      await current.copyTo(copy, signal);
      const about = prepareSnapshot(copy, version, group);
      const packed = pipeline(unhurried(copy), createZstdCompress(), () => {});
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
    if (performance.now() < this.#notBefore || !this.#current()) return;
    if (this.#fitting()?.isDue || performance.now() - this.#lookedAt > lookEveryMs) await this.#list();
    if (this.#fitting()?.isDue) {
      if (!this.#stored) throw new Error('there is no object store for snapshots: "npm run streams" makes it');
      if ((await this.make()) === undefined) this.#notBefore = performance.now() + tryAgainMs;
      await this.#list();
    }
    this.#failure = undefined;
  }

  async #list(): Promise<void> {
    this.#stored = await this.#bucket.list();
    this.#lookedAt = performance.now();
  }

  /** The newest that fits, and how many messages of the view are not in it; undefined before that is known. */
  #fitting() {
    const current = this.#current();
    if (!current || this.#lookedAt < 0) return undefined;
    const positions = new Map(current.streams.map(({ stream, position }) => [stream, position]));
    const newest = this.#stored?.find((one) => isFor(this.#view, one) && isOf(one, positions));
    const taken = new Map(newest?.checkpoints.map(({ stream, sequence }) => [stream, sequence]));
    let behind = 0;
    for (const [stream, position] of positions) {
      behind += Math.max(0, (position?.sequence ?? 0) - (taken.get(stream) ?? 0));
    }
    const { snapshotEvery: every } = this.#view.config;
    const wanted = every > 0 && behind >= every;
    const pausedUntil = newest ? newest.madeAt + newest.fileBytes / pace : 0;
    return { newest, behind, wanted, isDue: wanted && now() >= pausedUntil };
  }

  #fail(error: unknown): void {
    this.#notBefore = performance.now() + lookEveryMs;
    if (this.#disposed.signal.aborted) return;
    this.#failure = messageOf(error);
    this.#view.log.warn({ reason: this.#failure }, 'no snapshot of the view can be made');
  }
}

/** Reads a file for packing. Requests come first: behind each piece twice the time that it took is theirs. */
async function* unhurried(file: string): AsyncGenerator<Buffer> {
  for await (const piece of createReadStream(file, { highWaterMark: pieceBytes })) {
    const startedAt = performance.now();
    yield piece;
    await rest(2 * (performance.now() - startedAt));
  }
}

/** A copy beside a file must not take the room that the view itself needs. @throws Error where it would */
function requireRoom(file: string): void {
  const bytes = statSync(file).size;
  const { bavail, bsize } = statfsSync(dirname(file));
  if (bavail * bsize < 2 * bytes) throw new Error(`the disk has too little room for a copy of ${bytes} bytes`);
}
