/**
 * Reads archived messages. Old messages of a stream are packed by the thousand into segments, the messages of the
 * stream ARCHIVE. Readers that start before the stream's first message get them from there, as they were. A segment is
 * gzipped JSON lines, one for each message: sequence, time, subject, headers, body. A binary body is in base64.
 * streams/segment.ts writes it.
 */
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { JetStreamManager, StreamSourceInfo } from '@nats-io/jetstream';
import { nanos } from '@nats-io/nats-core';
import { plainHeaders, type StoredMessage } from './event-codec.ts';
import { lossOf } from './lost-stream.ts';

export const archiveKind = 'ARCHIVE';
/** Streams whose old messages are archived. */
export const archivedKinds: readonly string[] = ['VOTES'];

/** The place of a stream's archived messages. */
export interface Archive {
  /** ARCHIVE, or the copy of another site's ARCHIVE. */
  stream: string;
  /** Subject filter of the segments. */
  subject: string;
}

/** One message of an archive, which contains the messages `first` to `last` of the archived stream. */
export interface Segment {
  first: number;
  last: number;
  /** Sequence of the segment in the archive. */
  sequence: number;
  body: Uint8Array;
}

/** Returns the archive of a stream (`VOTES_edge1`) whose kind (`VOTES`) is archived. */
export function archiveOf(kind: string, stream = kind): Archive {
  return { stream: archiveKind + stream.slice(kind.length), subject: `archive.*.${kind.toLowerCase()}` };
}

/** Returns whether a mirror has received nothing from its source for 3 seconds; a heartbeat is due every second. */
export function isCutOff({ active }: Pick<StreamSourceInfo, 'active'>): boolean {
  return active < 0 || active > nanos(3000);
}

const decompress = promisify(gunzip);
/** Returns the lines of a segment. @throws Error when its body is damaged */
export async function linesOf({ body }: Segment): Promise<string[]> {
  return (await decompress(body)).toString('utf8').split('\n');
}

/** Decodes the messages of a segment, which belong to `stream`. @throws Error when the segment is damaged */
export async function messagesOf(segment: Segment, stream: string): Promise<StoredMessage[]> {
  return (await linesOf(segment)).map((line) => {
    const [sequence, storedAt, subject, headers, body] = JSON.parse(line);
    const data = Buffer.from(body.base64 ?? body, body.base64 === undefined ? 'utf8' : 'base64');
    return { stream, sequence, storedAt, subject, headers, data };
  });
}

/**
 * Returns the first segment from a sequence of the archive on, or the last of all; undefined when there is none. Asks
 * the stream's leader, because another replica might not have the segment yet.
 */
export async function segmentAt(
  jsm: JetStreamManager,
  { stream, subject }: Archive,
  at: number | 'last',
): Promise<Segment | undefined> {
  const query = at === 'last' ? { last_by_subj: subject } : { seq: at, next_by_subj: subject };
  const message = await jsm.streams.getMessage(stream, query).catch((error: unknown) => {
    // As a plain error: the loss is the archive's, and must not be reported as one of the archived stream.
    throw lossOf(error) ? new Error(`the broker has no stream ${stream}, which holds the older messages`) : error;
  });
  if (!message) return undefined;
  const headers = plainHeaders(message.header);
  return {
    first: Number(headers['Marquee-First']),
    last: Number(headers['Marquee-Last']),
    sequence: message.seq,
    body: message.data,
  };
}

/** When a copy was first seen idle at its last segment, by performance.now(). There are few entries: one for each gap. */
const idleSince = new Map<string, number>();
const idleMs = 5000;

/**
 * Returns whether a copy was idle and connected whenever it was looked at in the last 5 seconds or more. Once is not
 * enough, because a mirror reports no lag just after connecting although it has received nothing.
 * @param state identifies the copy and what it holds
 */
export function hasBeenIdle(state: string, mirror: Pick<StreamSourceInfo, 'lag' | 'active'>): boolean {
  if (mirror.lag > 0 || isCutOff(mirror)) {
    idleSince.delete(state);
    return false;
  }
  const since = idleSince.get(state) ?? performance.now();
  idleSince.set(state, since);
  return performance.now() - since > idleMs;
}

/**
 * Checks that an archive is complete up to a sequence, so that a reader may skip messages that are in no segment.
 * @throws Error when an archive is a copy that may lack messages before the sequence
 */
export async function requireCurrent(jsm: JetStreamManager, archive: Archive, before: number): Promise<void> {
  const last = await segmentAt(jsm, archive, 'last');
  if (last && last.last >= before - 1) return;
  const { mirror } = await jsm.streams.info(archive.stream);
  if (mirror && !hasBeenIdle([archive.stream, before, last?.last].join(' '), mirror)) {
    throw new Error(`${archive.stream} has not received the messages before ${before} yet`);
  }
}

/** Yields the segments with messages from the sequence `from` on, in order. The first one is found by binary search. */
export async function* segmentsFrom(jsm: JetStreamManager, archive: Archive, from: number): AsyncGenerator<Segment> {
  let low = 1;
  let high = from > 1 ? ((await segmentAt(jsm, archive, 'last'))?.sequence ?? 0) : 0;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const segment = await segmentAt(jsm, archive, middle);
    if (!segment || segment.last >= from) high = middle;
    else low = segment.sequence + 1;
  }
  for (let at = low; ; ) {
    const segment = await segmentAt(jsm, archive, at);
    if (!segment) return;
    yield segment;
    at = segment.sequence + 1;
  }
}
