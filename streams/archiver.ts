/** Moves old messages of a stream into the archive. */
import { type Archive, archiveOf, linesOf, type Segment, segmentAt, segmentsFrom } from '../shared/broker/archive.ts';
import type { Link } from '../shared/broker/connection.ts';
import { consume, createEphemeralConsumer } from '../shared/broker/consumers.ts';
import { type StoredMessage, storedMessage } from '../shared/broker/event-codec.ts';
import { publishOne, WrongLastSequence } from '../shared/broker/publisher.ts';
import { maxLastTaken } from '../shared/broker/stream-identity.ts';
import type { Sites } from '../shared/process/sites.ts';
import { encodeLine, packLines, segmentHeaders } from './segment.ts';
import { siteProblems, siteStates } from './site-links.ts';

interface ArchiveOptions {
  /** Name of this site's own stream. */
  stream: string;
  at: Sites;
  /** Messages that the broker stored before this time are archived. Milliseconds since 1970. */
  before: number;
}

export interface Archived {
  /** Number of messages removed from the stream. */
  messages: number;
  /** Size of the segments that contain them now. */
  bytes: number;
}

/** Size limits of a segment: of its messages, and compressed to about an eighth, below the broker's maximum payload. */
const maxSourceBytes = 6_000_000;
const maxSegmentBytes = 900_000;

/**
 * Packs old messages into segments, and then removes them from the stream. A run that was interrupted is finished by
 * the next one, and concurrent runs share the work, because the broker stores a segment only after the one that was
 * last. The last few messages stay in the stream, because readers identify the stream by them.
 * @throws Error when archive and stream differ, or another site lacks messages; then nothing is removed
 */
export async function archiveOld(link: Link, { stream, at, before }: ArchiveOptions): Promise<Archived> {
  const { jsm } = link;
  const archive = archiveOf(stream);
  const archived: Archived = { messages: 0, bytes: 0 };
  for (;;) {
    const { first_seq: first, last_seq: lastSequence } = (await jsm.streams.info(stream)).state;
    const last = await segmentAt(jsm, archive, 'last');
    if (last && last.last > lastSequence) throw mismatch(stream, last);
    // The stream may still hold messages of the last segment after an interruption, of several after a restore.
    const { value: segment } = last && last.last >= first ? await segmentsFrom(jsm, archive, first).next() : {};
    if (segment) {
      await requireCopies(link, stream, at, segment.last);
      archived.messages += await removeArchived(link, { stream, from: first, segment });
      archived.bytes += segment.body.length;
      continue;
    }
    const old: StoredMessage[] = [];
    let bytes = 0;
    for await (const message of read(link, stream, { from: first, until: lastSequence - maxLastTaken })) {
      if (message.storedAt >= before) break;
      old.push(message);
      bytes += message.data.length + 200;
      if (bytes > maxSourceBytes) break;
    }
    if (old.length === 0) return archived;
    await requireCopies(link, stream, at, 0);
    await store(link, { archive, site: at.site, after: last?.sequence ?? 0, segment: await packSegment(old) });
  }
}

interface NewSegment {
  archive: Archive;
  site: string;
  /** Sequence of the segment before it; 0 for the first segment. */
  after: number;
  segment: Omit<Segment, 'sequence'>;
}

/** Stores a segment, unless another run has stored one first. */
async function store(link: Link, { archive: { subject }, site, after, segment }: NewSegment): Promise<void> {
  try {
    await publishOne(link, {
      subject: subject.replace('*', site),
      data: segment.body,
      headers: segmentHeaders(segment),
      expect: { lastSubjectSequence: after, subject },
    });
  } catch (error) {
    if (!(error instanceof WrongLastSequence)) throw error;
  }
}

/**
 * Checks the copies of a stream at other sites. A copy that lacks a removed message would have a gap: readers would
 * find the message in the archive, but the stream could not be recovered from that copy. (One that is recreated after
 * this check may have a gap nevertheless.) If a copy has more messages than this site, they must be recovered before
 * others get their sequences.
 * @param last the last sequence that the copies must have
 * @throws Error when another site does not answer, lacks messages up to `last`, or has more than this site
 */
async function requireCopies({ nc }: Link, kind: string, at: Sites, last: number): Promise<void> {
  const { answers, copies } = await siteStates(nc, at);
  const away = Object.keys(answers).find((site) => !answers[site]);
  const ofThis = copies.filter((copy) => copy.home === at.site);
  const [problem] = siteProblems({ clocks: {}, copies: ofThis });
  const behind = ofThis.find((copy) => copy.kind === kind && (copy.copySequence ?? 0) < last);
  if (problem) throw new Error(`${problem}. Nothing was removed.`);
  if (away) throw new Error(`${away} does not answer, and may not have copied all messages yet. Nothing was removed.`);
  if (behind) throw new Error(`${behind.at} has not copied all old messages of ${kind} yet. Nothing was removed.`);
}

function mismatch(stream: string, { sequence }: Segment, message?: number): Error {
  const { stream: archive } = archiveOf(stream);
  const what =
    message === undefined ? `${stream} ends before the messages in` : `Message ${message} of ${stream} differs from`;
  return new Error(
    `${what} message ${sequence} of ${archive}, which may be from an earlier ${stream}. Nothing was removed.`,
  );
}

/** Packs as many of the messages as fit into a segment, by halving their number until they do. */
async function packSegment(messages: StoredMessage[]): Promise<Omit<Segment, 'sequence'>> {
  for (let count = messages.length; count > 0; count = Math.floor(count / 2)) {
    const packed = messages.slice(0, count);
    const body = await packLines(packed.map(encodeLine));
    const [first, last] = [packed[0], packed.at(-1)] as [StoredMessage, StoredMessage];
    if (body.length <= maxSegmentBytes) return { first: first.sequence, last: last.sequence, body };
  }
  throw new Error(`Message ${messages[0]?.sequence} is too large for the archive.`);
}

interface Stored {
  stream: string;
  /** First sequence that the stream still holds. */
  from: number;
  segment: Segment;
}

/** Removes the messages of a segment from the stream, after comparing each of them. Returns the number of messages. */
async function removeArchived(link: Link, { stream, from, segment }: Stored): Promise<number> {
  const lines = new Map((await linesOf(segment)).map((line) => [JSON.parse(line)[0] as number, line]));
  for await (const message of read(link, stream, { from, until: segment.last })) {
    const { sequence } = message;
    if (lines.get(sequence) !== encodeLine(message)) throw mismatch(stream, segment, sequence);
  }
  const { purged } = await link.jsm.streams.purge(stream, { seq: segment.last + 1 });
  return purged;
}

/** Yields the messages of a stream within a range of sequences. @throws Error when the broker does not deliver all */
async function* read(
  link: Link,
  stream: string,
  { from, until }: { from: number; until: number },
): AsyncGenerator<StoredMessage> {
  if (from > until) return;
  const consumer = await createEphemeralConsumer(link, stream, { from, name: 'archive' });
  if (consumer.num_pending === 0) return;
  const messages = await consume(link, consumer, 500);
  let delivered = 0;
  try {
    for await (const message of messages) {
      if (message.info.deliverySequence !== ++delivered) throw new Error('A message was not delivered: try again.');
      if (message.seq > until) return;
      yield storedMessage(message);
      if (message.seq === until || message.info.pending === 0) return;
    }
    throw new Error('The broker stopped delivering: try again.');
  } finally {
    messages.stop();
  }
}
