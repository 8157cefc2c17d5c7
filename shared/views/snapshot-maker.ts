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

const lookEveryMs = 10_000;
const tryAgainMs = 60_000;
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
  #nextLook = 0;
  #working: Promise<void> | undefined;
  /** What was known at the last look of the newest that fits the view; undefined before it. */
  state: SnapshotState | undefined;

  constructor(view: KeptView, bucket: SnapshotBucket, current: () => Generation | undefined) {
    this.#view = view;
    this.#bucket = bucket;
    this.#current = current;
  }

  /** To be called every few seconds: makes one where it is time to. */
  look(): void {
    if (this.#working || performance.now() < this.#nextLook || !this.#current()) return;
    this.#nextLook = performance.now() + lookEveryMs;
    this.#working = this.#look()
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#working = undefined;
      });
  }

  /**
   * Makes one now, and gives its name; undefined while another replica makes one, or the view is not up to date.
   * @param isDue says of all that are stored whether it is to be made
   * @throws Error when it cannot be made or stored: then nothing of it is left
   */
  async make(isDue: (all: Snapshot[]) => boolean = () => true): Promise<string | undefined> {
    const { name, folder, log, definition, config } = this.#view;
    const { version } = definition;
    const group = definition.group?.(config);
    const bucket = this.#bucket;
    const current = this.#current();
    await using claim = current && (await bucket.claim());
    if (!current || !claim) return undefined;
    const all = (await bucket.list()) ?? [];
    if (!isDue(all)) return undefined;
    const last = all.find((one) => isFor(this.#view, one));
    // Replicas of a newer version may run already; what an older one would need is not kept.
    const kept = all.filter((one) => one === last || one.version > version || one.group !== group);
    await bucket.tidy(kept, all);
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
    const all = await this.#bucket.list();
    if (!this.#isDue(all ?? [])) return;
    if (!all) throw new Error('there is no object store for snapshots: "npm run streams" makes it');
    // Another replica may have made one since.
    await this.make((now) => this.#isDue(now));
    this.#isDue((await this.#bucket.list()) ?? []);
  }

  /** Whether one has to be made, as the newest that fits lacks too many messages of the view. Notes what is known of that one. */
  #isDue(all: Snapshot[]): boolean {
    const positions = new Map(this.#current()?.streams.map(({ stream, position }) => [stream, position]));
    const newest = all.find((one) => isFor(this.#view, one) && isOf(one, positions));
    const taken = new Map(newest?.checkpoints.map(({ stream, sequence }) => [stream, sequence]));
    let behind = 0;
    for (const [stream, position] of positions) {
      behind += Math.max(0, position.sequence - (taken.get(stream) ?? 0));
    }
    const { snapshotEvery: every } = this.#view.config;
    const wanted = every > 0 && behind >= every;
    const problem = wanted && !newest ? 'no snapshot fits the view' : undefined;
    this.state = { madeAt: newest?.madeAt, bytes: newest?.bytes, behind, problem };
    return wanted && now() >= (newest ? newest.madeAt + newest.fileBytes / pace : 0);
  }

  #fail(error: unknown): void {
    this.#nextLook = performance.now() + tryAgainMs;
    if (this.#disposed.signal.aborted) return;
    const problem = messageOf(error);
    if (this.state) this.state = { ...this.state, problem };
    this.#view.log.warn({ reason: problem }, 'no snapshot of the view can be made');
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
