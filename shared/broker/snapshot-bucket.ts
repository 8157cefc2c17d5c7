/**
 * Stores snapshots of a service's view in an object store of the broker (`nats object ls views-ranking` lists them).
 * NATS' client writes them, but does not read them: its reader keeps everything that arrives in memory, and waits
 * without end when the broker is killed meanwhile.
 */
import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { jetstream, type StoredMsg } from '@nats-io/jetstream';
import { Objm, setSha256Backend } from '@nats-io/obj';
import { z } from 'zod';
import type { Connection } from './connection.ts';
import { findStream } from './lost-stream.ts';
import { publishOne, WrongLastSequence } from './publisher.ts';

/** Names of a service's object store and of its stream. */
export const bucketOf = (service: string): string => `views-${service}`;
export const bucketStream = (service: string): string => `OBJ_${bucketOf(service)}`;
/** Subject prefixes within that stream: metadata of objects, and their chunks. */
const metadataOf = (service: string): string => `$O.${bucketOf(service)}.M`;
const chunksOf = (service: string): string => `$O.${bucketOf(service)}.C`;
/** Subject of claims to make a snapshot. It is in a stream of its own, which cannot be full. */
export const claimSubject = (service: string): string => `claims.snapshot.${service}`;

const snapshotInfo = z.object({
  version: z.int(),
  group: z.string().optional(),
  checkpoints: z.array(z.object({ stream: z.string(), sequence: z.int(), created: z.string() })),
  fileBytes: z.int(),
});
const object = z
  .object({
    name: z.string(),
    nuid: z.string(),
    chunks: z.int(),
    size: z.int(),
    digest: z.string(),
    metadata: z.object({ view: z.string().transform((text) => snapshotInfo.parse(JSON.parse(text))) }),
  })
  .transform(({ nuid: id, size: bytes, metadata, ...rest }) => ({ ...rest, id, bytes, ...metadata.view }));

/** Describes the file in a snapshot: version and replica group of the view, position in each stream, and size. */
export type SnapshotInfo = z.infer<typeof snapshotInfo>;

/**
 * A stored snapshot: `bytes` of compressed data in `chunks`, with `digest` as their SHA-256 (`SHA-256=<base64url>`).
 * `id` is part of the chunks' subject.
 */
export type Snapshot = z.infer<typeof object> & {
  /** Subject of the metadata message. */
  subject: string;
  /** When the snapshot was stored, by the broker's clock. Milliseconds since 1970. */
  madeAt: number;
};

/** The right to make a snapshot, which one replica has at a time. */
export interface Claim extends AsyncDisposable {
  /** Aborted when the claim was lost, because it could not be renewed in time. */
  lost: AbortSignal;
  /** Makes sure that this replica still has the claim. @throws Error if it was lost */
  renew(): Promise<void>;
}

/** TTL of a claim unless it is renewed, and of a claim that is given up: the shortest possible. Seconds. */
const claimS = 15;
const releasedS = 1;
/** Number of chunks that are requested at once: 4 MB. */
const chunksPerRequest = 32;
const pauseMs = 200;
const maxFailures = 25;

// The default in plain JavaScript makes storing an object take four times as long.
setSha256Backend('native');

export class SnapshotBucket {
  readonly #service: string;
  readonly #stream: string;
  readonly #connection: Connection;

  constructor(service: string, connection: Connection) {
    this.#service = service;
    this.#stream = bucketStream(service);
    this.#connection = connection;
  }

  /** Lists all snapshots, newest first; undefined when there is no bucket. @throws Error when the broker is away */
  async list(): Promise<Snapshot[] | undefined> {
    const { jsm } = this.#connection.link;
    if (!(await findStream(jsm, this.#stream))) return undefined;
    const snapshots: Snapshot[] = [];
    const last = await jsm.direct.getLastMessagesFor(this.#stream, { multi_last: [`${metadataOf(this.#service)}.>`] });
    for await (const message of last) {
      const snapshot = snapshotOf(message);
      if (snapshot) snapshots.push(snapshot);
    }
    return snapshots.sort((a, b) => b.madeAt - a.madeAt);
  }

  /**
   * Reads a snapshot, some megabytes at a time. Resumes after the broker was away.
   * @throws Error when chunks are missing, or, after the last one, when the digest does not match
   */
  async *read({ id, chunks, digest }: Snapshot, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const hash = createHash('sha256');
    let from = 1;
    for (let left = chunks; left > 0; ) {
      const messages = await this.#chunks(id, from, signal);
      left -= messages.length;
      from = (messages.at(-1)?.seq ?? 0) + 1;
      const data = Buffer.concat(messages.map((message) => message.data));
      hash.update(data);
      yield data;
    }
    const found = `SHA-256=${hash.digest('base64url')}`;
    if (found !== digest.replace(/=+$/, '')) throw new Error('it was altered: its digest does not match');
  }

  /** Reads some chunks, at least one. */
  async #chunks(id: string, seq: number, signal: AbortSignal): Promise<StoredMsg[]> {
    const next_by_subj = `${chunksOf(this.#service)}.${id}`;
    for (let failures = 0; ; ) {
      signal.throwIfAborted();
      const messages: StoredMsg[] = [];
      try {
        const { direct } = this.#connection.link.jsm;
        for await (const chunk of await direct.getBatch(this.#stream, { seq, next_by_subj, batch: chunksPerRequest })) {
          messages.push(chunk);
        }
        if (messages.length === 0) throw new Error('chunks of it are missing');
      } catch (error) {
        // Waits without limit while the broker is away: a replay instead may take hours.
        if (messages.length === 0 && this.#connection.connected && ++failures === maxFailures) throw error;
      }
      if (messages.length > 0) return messages;
      await pause(pauseMs, undefined, { signal });
    }
  }

  /** Stores a snapshot. @throws Error when the broker does not store it; `prune` removes what may be left of it */
  async put(name: string, view: SnapshotInfo, data: ReadableStream<Uint8Array>): Promise<void> {
    const objects = new Objm(jetstream(this.#connection.link.nc, { checkAPI: false }));
    const bucket = await objects.open(bucketOf(this.#service), false);
    await bucket.put({ name, metadata: { view: JSON.stringify(view) } }, data);
  }

  /** Removes snapshots, and chunks of incomplete ones. @throws Error if the claim was lost: then nothing is removed */
  async prune(removed: Snapshot[], claim: Claim): Promise<void> {
    const { streams } = this.#connection.link.jsm;
    const chunks = chunksOf(this.#service);
    const remove = (filter: string) => streams.purge(this.#stream, { filter });
    const { subjects = {} } = (await streams.info(this.#stream, { subjects_filter: `${chunks}.>` })).state;
    const stored = (await this.list()) ?? [];
    // If this process stood still, another replica may have stored these chunks, and not yet all of its snapshot.
    await claim.renew();
    for (const { subject } of removed) await remove(subject);
    const removedIds = new Set(removed.map(({ id }) => id));
    const known = new Set(stored.flatMap(({ id }) => (removedIds.has(id) ? [] : `${chunks}.${id}`)));
    for (const subject of Object.keys(subjects)) if (!known.has(subject)) await remove(subject);
  }

  /** Claims the right to make a snapshot until disposed or the process ends; undefined while another replica has it. */
  async claim(): Promise<Claim | undefined> {
    const lost = new AbortController();
    let claimed = this.#publishClaim(0, claimS);
    if ((await claimed) === undefined) return undefined;
    const renew = async (seconds: number): Promise<void> => {
      // After any renewal that is in progress, as its sequence is the one to expect.
      claimed = claimed.then((sequence) => sequence && this.#publishClaim(sequence, seconds)).catch(() => undefined);
      if ((await claimed) === undefined) lost.abort(new Error('the right to make a snapshot was lost'));
    };
    const timer = setInterval(() => renew(claimS), (claimS * 1000) / 3);
    return {
      lost: lost.signal,
      async renew() {
        await renew(claimS);
        lost.signal.throwIfAborted();
      },
      [Symbol.asyncDispose]: () => {
        clearInterval(timer);
        return renew(releasedS);
      },
    };
  }

  /** Publishes a claim after the given one (0: none). Returns its sequence; undefined when another one was first. */
  async #publishClaim(lastSubjectSequence: number, seconds: number): Promise<number | undefined> {
    const expect = { lastSubjectSequence };
    const message = { subject: claimSubject(this.#service), data: '', headers: { 'Nats-TTL': `${seconds}s` }, expect };
    try {
      return (await publishOne(this.#connection.link, message)).seq;
    } catch (error) {
      if (error instanceof WrongLastSequence) return undefined;
      throw error;
    }
  }
}

/** Decodes the metadata of a snapshot; undefined when the object is not one of ours. */
function snapshotOf(message: StoredMsg): Snapshot | undefined {
  try {
    return { ...object.parse(message.json()), subject: message.subject, madeAt: message.time.getTime() };
  } catch {
    return undefined;
  }
}
