/**
 * Old messages of a stream, packed by the thousand into messages of the stream ARCHIVE: its segments. Whoever reads the stream
 * from before its first message is given them as they were. A segment is gzipped, with a line of JSON for each message:
 * sequence, time, subject, headers, body; the body in base64 where it is no text (streams/segment.ts writes it).
 */
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { JetStreamManager } from '@nats-io/jetstream';
import { nanos } from '@nats-io/nats-core';
import { plainHeaders, type StoredMessage } from './event-codec.ts';
import { lossOf } from './lost-stream.ts';

export const archiveKind = 'ARCHIVE';

/** Where the old messages of a stream are. */
export interface Archive {
  /** ARCHIVE, or a copy of another site's. */
  stream: string;
  /** Of the segments. */
  subject: string;
}

/** A message of an archive: the messages `first` to `last` of a stream. */
export interface Segment {
  first: number;
  last: number;
  /** Its own sequence in the archive. */
  sequence: number;
  body: Uint8Array;
}

/** The archive of a stream (`VOTES_edge1`) of a kind (`VOTES`) that is archived. */
export function archiveOf(kind: string, stream = kind): Archive {
  return { stream: archiveKind + stream.slice(kind.length), subject: `archive.*.${kind.toLowerCase()}` };
}

/** A copy that has heard nothing for so long is cut off. */
const silentMs = 3000;

const decompress = promisify(gunzip);
/** @throws Error where the body is damaged */
export async function linesOf({ body }: Segment): Promise<string[]> {
  return (await decompress(body)).toString('utf8').split('\n');
}

/** The messages of a stream that a segment has. @throws Error where it is damaged */
export async function messagesOf(segment: Segment, stream: string): Promise<StoredMessage[]> {
  return (await linesOf(segment)).map((line) => {
    const [sequence, storedAt, subject, headers, body] = JSON.parse(line);
    const data = Buffer.from(body.base64 ?? body, body.base64 === undefined ? 'utf8' : 'base64');
    return { stream, sequence, storedAt, subject, headers, data };
  });
}

/**
 * The first segment from a sequence of the archive on, or the last of all; undefined where there is none. The broker's leader is
 * asked: another might not have it yet.
 */
export async function segmentAt(
  jsm: JetStreamManager,
  { stream, subject }: Archive,
  at: number | 'last',
): Promise<Segment | undefined> {
  const query = at === 'last' ? { last_by_subj: subject } : { seq: at, next_by_subj: subject };
  const message = await jsm.streams.getMessage(stream, query).catch((error: unknown) => {
    // Not of the stream that is archived: that is there.
    throw lossOf(error) ? new Error(`the broker has no stream ${stream}, where older messages are`) : error;
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

/** @throws Error where a copy may lack messages before a sequence: its home has more, or is not heard, as it is each second */
export async function requireCurrent(jsm: JetStreamManager, archive: Archive, before: number): Promise<void> {
  const last = await segmentAt(jsm, archive, 'last');
  if (last && last.last >= before - 1) return;
  const { mirror } = await jsm.streams.info(archive.stream);
  if (mirror && (mirror.lag > 0 || mirror.active < 0 || mirror.active > nanos(silentMs))) {
    throw new Error(`the messages before ${before} have not come in ${archive.stream} yet`);
  }
}

/** The segments that have messages of the sequence `from` and later, in order. */
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
