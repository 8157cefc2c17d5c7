/**
 * Makes a snapshot of a view whenever the newest one lacks SNAPSHOT_EVERY messages of it. Of all replicas only the one
 * that obtains the claim from the broker makes it.
 */
import { createReadStream, statfsSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { addAbortSignal, pipeline, Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { createZstdCompress } from 'node:zlib';
import type { Snapshot, SnapshotBucket } from '../broker/snapshot-bucket.ts';
import { messageOf } from '../operations/errors.ts';
import { now } from '../process/clock.ts';
import { within } from '../process/within.ts';
import { removeDatabase } from './database.ts';
import type { Generation } from './generation.ts';
import { matchesStreams, matchesView } from './snapshot-loader.ts';
import type { SnapshotState, ViewContext } from './view-client.ts';
import { newFile, prepareSnapshot } from './view-file.ts';

const checkIntervalMs = 10_000;
const retryMs = 60_000;
const closeTimeoutMs = 2000;
/** Average rate at which a view may be copied into snapshots, so that large files are copied less often. */
const maxBytesPerMs = 4_000;
/** Bytes compressed at a time. */
const chunkBytes = 256 * 1024;

export class SnapshotMaker implements AsyncDisposable {
  readonly #view: ViewContext;
  readonly #bucket: SnapshotBucket;
  /** Returns the generation to copy: of the current version, and up to date. */
  readonly #current: () => Generation | undefined;
  readonly #disposed = new AbortController();
  #nextCheck = 0;
  #working: Promise<void> | undefined;
  /** The newest fitting snapshot as of the last check; undefined before the first. */
  state: SnapshotState | undefined;

  constructor(view: ViewContext, bucket: SnapshotBucket, current: () => Generation | undefined) {
    this.#view = view;
    this.#bucket = bucket;
    this.#current = current;
  }

  /** Makes a snapshot if one is due. To be called every few seconds. */
  makeIfDue(): void {
    if (this.#working || performance.now() < this.#nextCheck || !this.#current()) return;
    this.#nextCheck = performance.now() + checkIntervalMs;
    this.#working = this.#makeIfDue()
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#working = undefined;
      });
  }

  /**
   * Makes a snapshot now.
   * @param isDue whether to make one, given all stored snapshots; called once the claim is held
   * @returns its name; undefined if none is due, another replica is making one, or the view is not up to date
   * @throws Error if it cannot be made or stored; the next snapshot removes what is left of it
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
    const last = all.find((one) => matchesView(this.#view, one));
    // Snapshots of newer versions are kept, because replicas of those may already run. Older ones are removed.
    const removed = all.filter((one) => one !== last && one.version <= version && one.group === group);
    await bucket.prune(removed, claim);
    const signal = AbortSignal.any([claim.lost, this.#disposed.signal]);
    const file = newFile(folder, name, version);
    const copy = `${file}.copy`;
    try {
      requireSpaceForCopy(current.file);
      await current.copyTo(copy, signal);
      const about = prepareSnapshot(copy, version, group);
      const compressed = pipeline(throttledRead(copy), createZstdCompress(), () => {});
      const stored = `${basename(file)}.zst`;
      await bucket.put(stored, about, Readable.toWeb(addAbortSignal(signal, compressed)) as ReadableStream<Uint8Array>);
      log.info({ snapshot: stored, bytes: about.fileBytes }, 'a snapshot of the view was stored');
      return stored;
    } finally {
      removeDatabase(copy);
    }
  }

  /** Aborts a snapshot in progress, and waits for its end only a short time in case the broker does not answer. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed.abort(new Error('the view was closed'));
    await within(this.#working ?? Promise.resolve(), closeTimeoutMs);
  }

  async #makeIfDue(): Promise<void> {
    const all = await this.#bucket.list();
    if (!this.#isDue(all ?? [])) return;
    if (!all) throw new Error('there is no object store for snapshots: run "npm run streams" to create it');
    // Checked again with the claim held, because another replica may have made one since.
    await this.make((stored) => this.#isDue(stored));
    this.#isDue((await this.#bucket.list()) ?? []);
  }

  /** Returns whether the newest fitting snapshot lacks too many messages of the view. Also updates `state`. */
  #isDue(all: Snapshot[]): boolean {
    const positions = new Map(this.#current()?.streams.map(({ stream, position }) => [stream, position]));
    const newest = all.find((one) => matchesView(this.#view, one) && matchesStreams(one, positions));
    const taken = new Map(newest?.checkpoints.map(({ stream, sequence }) => [stream, sequence]));
    let behind = 0;
    for (const [stream, position] of positions) {
      behind += Math.max(0, position.sequence - (taken.get(stream) ?? 0));
    }
    const { snapshotEvery: every } = this.#view.config;
    const wanted = every > 0 && behind >= every;
    const problem = wanted && !newest ? 'no snapshot fits the view' : undefined;
    this.state = { madeAt: newest?.madeAt, bytes: newest?.bytes, behind, problem };
    return wanted && now() >= (newest ? newest.madeAt + newest.fileBytes / maxBytesPerMs : 0);
  }

  #fail(error: unknown): void {
    this.#nextCheck = performance.now() + retryMs;
    if (this.#disposed.signal.aborted) return;
    const problem = messageOf(error);
    if (this.state) this.state = { ...this.state, problem };
    this.#view.log.warn({ reason: problem }, 'making a snapshot of the view failed; retrying');
  }
}

/** Reads a file for compression. Pauses twice as long as each chunk took, to leave processor time for requests. */
async function* throttledRead(file: string): AsyncGenerator<Buffer> {
  for await (const chunk of createReadStream(file, { highWaterMark: chunkBytes })) {
    const startedAt = performance.now();
    yield chunk;
    await pause(2 * (performance.now() - startedAt));
  }
}

/** @throws Error if a copy of the file would leave too little disk space for the view itself */
function requireSpaceForCopy(file: string): void {
  const bytes = statSync(file).size;
  const { bavail, bsize } = statfsSync(dirname(file));
  if (bavail * bsize < 2 * bytes) throw new Error(`too little disk space for a snapshot of ${bytes} bytes`);
}
