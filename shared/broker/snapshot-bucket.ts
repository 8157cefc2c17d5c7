/**
 * Snapshots of the views of a service, in an object store of the broker: its clients (`nats object ls views-ranking`) show
 * them. What is put there is written by NATS' client. It is not read by it: its reader holds all that comes in memory, and
 * waits for ever where the broker was killed meanwhile.
 */
import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { jetstream, type StoredMsg } from '@nats-io/jetstream';
import { Objm, setSha256Backend } from '@nats-io/obj';
import { z } from 'zod';
import type { Connection } from './connection.ts';
import { findStream } from './lost-stream.ts';
import { publishOne, WrongLastSequence } from './publisher.ts';

/** Name of the object store of a service, and of the stream below it. */
export const bucketOf = (service: string): string => `views-${service}`;
export const bucketStream = (service: string): string => `OBJ_${bucketOf(service)}`;
/** Subjects of that stream: what is said of each object, and their pieces. */
const metasOf = (service: string): string => `$O.${bucketOf(service)}.M`;
const chunksOf = (service: string): string => `$O.${bucketOf(service)}.C`;
/** Where the right to make a snapshot is taken: in a stream of its own, which is never full. */
export const claimSubject = (service: string): string => `claims.snapshot.${service}`;

const about = z.object({
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
    metadata: z.object({ view: z.string().transform((text) => about.parse(JSON.parse(text))) }),
  })
  .transform(({ nuid: id, size: bytes, metadata, ...rest }) => ({ ...rest, id, bytes, ...metadata.view }));

/** What a snapshot says of the file in it: the version of the view and the group of replicas that it is of, and how far it had read each stream. */
export type AboutSnapshot = z.infer<typeof about>;

/**
 * One that is stored: `chunks` pieces with `bytes` in all, compressed, whose SHA-256 is `digest` (`SHA-256=<base64url>`). `id`
 * tells its pieces from those of others.
 */
export type Snapshot = z.infer<typeof object> & {
  /** Of the message that says all this. */
  subject: string;
  /** When it was stored, by the broker's clock. Milliseconds since 1970. */
  madeAt: number;
};

/** The right to make a snapshot: one replica has it at a time. */
export interface Claim extends AsyncDisposable {
  /** Aborted when it is over, as the broker could not be told in time that it is still needed. */
  lost: AbortSignal;
}

/** The broker forgets a claim after so long, unless it is told again; and after the shortest time there is where it is over. */
const claimS = 15;
const overS = 1;
/** Pieces that are asked for together: 4 MB. */
const atOnce = 32;
const pauseMs = 200;
const mostFailures = 25;

// In plain JavaScript it takes four times as long to store an object.
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

  /** All that are stored, the newest first; undefined where there is no bucket. @throws Error when the broker does not say. */
  async list(): Promise<Snapshot[] | undefined> {
    const { jsm } = this.#connection.link;
    if (!(await findStream(jsm, this.#stream))) return undefined;
    const snapshots: Snapshot[] = [];
    const last = await jsm.direct.getLastMessagesFor(this.#stream, { multi_last: [`${metasOf(this.#service)}.>`] });
    for await (const message of last) {
      const snapshot = snapshotOf(message);
      if (snapshot) snapshots.push(snapshot);
    }
    return snapshots.sort((a, b) => b.madeAt - a.madeAt);
  }

  /**
   * A snapshot, some megabytes at a time; goes on where the broker was away meanwhile.
   * @throws Error when something of it is missing, and at its end when it is not what was stored
   */
  async *read({ id, chunks, digest }: Snapshot, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const hash = createHash('sha256');
    let from = 1;
    for (let left = chunks; left > 0; ) {
      const pieces = await this.#pieces(id, from, signal);
      left -= pieces.length;
      from = (pieces.at(-1)?.seq ?? 0) + 1;
      const some = Buffer.concat(pieces.map(({ data }) => data));
      hash.update(some);
      yield some;
    }
    const found = `SHA-256=${hash.digest('base64url')}`;
    if (found !== digest.replace(/=+$/, '')) throw new Error('it was altered: its digest is another');
  }

  async #pieces(id: string, seq: number, signal: AbortSignal): Promise<StoredMsg[]> {
    const next_by_subj = `${chunksOf(this.#service)}.${id}`;
    for (let failures = 0; ; ) {
      signal.throwIfAborted();
      const pieces: StoredMsg[] = [];
      try {
        const { direct } = this.#connection.link.jsm;
        for await (const piece of await direct.getBatch(this.#stream, { seq, next_by_subj, batch: atOnce })) {
          pieces.push(piece);
        }
        if (pieces.length === 0) throw new Error('pieces of it are missing');
      } catch (error) {
        // A broker that is away is waited for: to read streams of years instead takes hours.
        if (pieces.length === 0 && this.#connection.connected && ++failures === mostFailures) throw error;
      }
      if (pieces.length > 0) return pieces;
      await pause(pauseMs, undefined, { signal });
    }
  }

  /** Stores one. @throws Error when the broker does not take it: then nothing of it is left, or `tidy` removes it. */
  async put(name: string, view: AboutSnapshot, data: ReadableStream<Uint8Array>): Promise<void> {
    const objects = new Objm(jetstream(this.#connection.link.nc, { checkAPI: false }));
    const bucket = await objects.open(bucketOf(this.#service), false);
    await bucket.put({ name, metadata: { view: JSON.stringify(view) } }, data);
  }

  /** Removes all but these, and what is left of some that were not stored to the end. For who has the claim. */
  async tidy(kept: Snapshot[], all: Snapshot[]): Promise<void> {
    const { streams } = this.#connection.link.jsm;
    const chunks = chunksOf(this.#service);
    const remove = (filter: string) => streams.purge(this.#stream, { filter });
    for (const { subject } of all.filter((one) => !kept.includes(one))) await remove(subject);
    const { subjects = {} } = (await streams.info(this.#stream, { subjects_filter: `${chunks}.>` })).state;
    const known = new Set(kept.map(({ id }) => `${chunks}.${id}`));
    for (const subject of Object.keys(subjects)) if (!known.has(subject)) await remove(subject);
  }

  /** Takes the right to make one, until it is given back or its holder is gone; undefined while another has it. */
  async claim(): Promise<Claim | undefined> {
    const lost = new AbortController();
    let sequence = await this.#claim(0, claimS);
    if (sequence === undefined) return undefined;
    const renew = async (seconds: number): Promise<void> => {
      if (sequence !== undefined) sequence = await this.#claim(sequence, seconds).catch(() => undefined);
      if (sequence === undefined) lost.abort(new Error('the right to make a snapshot was lost'));
    };
    const timer = setInterval(() => renew(claimS), (claimS * 1000) / 3);
    return {
      lost: lost.signal,
      [Symbol.asyncDispose]: () => {
        clearInterval(timer);
        return renew(overS);
      },
    };
  }

  /** The broker takes it only behind the one that is expected. Gives its sequence. */
  async #claim(lastSubjectSequence: number, seconds: number): Promise<number | undefined> {
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

/** Undefined for what somebody else has put there. */
function snapshotOf(message: StoredMsg): Snapshot | undefined {
  try {
    return { ...object.parse(message.json()), subject: message.subject, madeAt: message.time.getTime() };
  } catch {
    return undefined;
  }
}
