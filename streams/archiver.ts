/** Moves the old messages of a stream into the archive. */
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
  /** The kind of the stream: this site's own. */
  stream: string;
  at: Sites;
  /** What the broker stored before then is old. Milliseconds since 1970. */
  before: number;
}

export interface Archived {
  /** Messages taken out of the stream. */
  messages: number;
  /** Bytes of the segments that have them now. */
  bytes: number;
}

/** So much becomes one segment, which is an eighth of it: the broker takes messages of up to a million bytes. */
const mostCharacters = 6_000_000;
const mostBytes = 900_000;

/**
 * Packs old messages into segments, and takes out of the stream what a segment has. A run that was cut short is finished by the
 * next, and two at once do each other's work: the broker stores a segment only behind the one that was the last.
 * The last few messages stay, because readers tell the stream by them.
 * @throws Error where the archive does not say what the stream says: nothing is removed then.
 */
export async function archiveOld(link: Link, { stream, at, before }: ArchiveOptions): Promise<Archived> {
  const { jsm } = link;
  const archive = archiveOf(stream);
  const done: Archived = { messages: 0, bytes: 0 };
  for (;;) {
    const { first_seq: first, last_seq: lastSequence } = (await jsm.streams.info(stream)).state;
    const last = await segmentAt(jsm, archive, 'last');
    if (last && last.last > lastSequence) throw differs(stream, last);
    // A stream that was brought back may have again what several segments have.
    const { value: segment } = last && last.last >= first ? await segmentsFrom(jsm, archive, first).next() : {};
    if (segment) {
      await requireCopies(link, stream, at, segment.last);
      done.messages += await takeOut(link, { stream, from: first, segment });
      done.bytes += segment.body.length;
      continue;
    }
    const old: StoredMessage[] = [];
    let characters = 0;
    for await (const message of read(link, stream, { from: first, until: lastSequence - maxLastTaken })) {
      if (message.storedAt >= before) break;
      old.push(message);
      characters += message.data.length + 200;
      if (characters > mostCharacters) break;
    }
    if (old.length === 0) return done;
    await requireCopies(link, stream, at, 0);
    await store(link, { archive, site: at.site, behind: last?.sequence ?? 0, segment: await packed(old) });
  }
}

interface NewSegment {
  archive: Archive;
  site: string;
  /** Sequence of the segment before; 0 where it is the first. */
  behind: number;
  segment: Omit<Segment, 'sequence'>;
}

/** Stores a segment, unless another run was first. */
async function store(link: Link, { archive: { subject }, site, behind, segment }: NewSegment): Promise<void> {
  try {
    await publishOne(link, {
      subject: subject.replace('*', site),
      data: segment.body,
      headers: segmentHeaders(segment),
      expect: { lastSubjectSequence: behind, subject },
    });
  } catch (error) {
    if (!(error instanceof WrongLastSequence)) throw error;
  }
}

/**
 * A copy of the stream that had not got a message when it is removed would have a gap: readers get it from the archive, but nobody
 * can bring the stream back from there. (One that is made anew after the answer may have one all the same.) And where copies have
 * more than this site, it was put back to an older state: what it lacks must come back before others are packed in its place.
 * @throws Error where another site does not answer, lacks some up to `last`, or has more
 */
async function requireCopies({ nc }: Link, kind: string, at: Sites, last: number): Promise<void> {
  const { answers, copies } = await siteStates(nc, at);
  const away = Object.keys(answers).find((site) => !answers[site]);
  const ofThis = copies.filter((copy) => copy.home === at.site);
  const [problem] = siteProblems({ clocks: {}, copies: ofThis });
  const behind = ofThis.find((copy) => copy.kind === kind && (copy.copySequence ?? 0) < last);
  if (problem) throw new Error(`${problem}. Nothing was removed.`);
  if (away) throw new Error(`${away} does not answer: what it has not copied must stay. Nothing was removed.`);
  if (behind) throw new Error(`${behind.at} has not copied all old messages of ${kind} yet. Nothing was removed.`);
}

function differs(stream: string, { sequence }: Segment, message?: number): Error {
  const { stream: archive } = archiveOf(stream);
  const what = message === undefined ? `${stream} ends before` : `Message ${message} of ${stream} is not the same in`;
  return new Error(
    `${what} message ${sequence} of ${archive}, which may be of an older ${stream}. Nothing was removed.`,
  );
}

/** As many of the messages as fit into a segment. */
async function packed(messages: StoredMessage[]): Promise<Omit<Segment, 'sequence'>> {
  for (let take = messages.length; take > 0; take = Math.floor(take / 2)) {
    const some = messages.slice(0, take);
    const body = await packLines(some.map(encodeLine));
    const [first, last] = [some[0], some.at(-1)] as [StoredMessage, StoredMessage];
    if (body.length <= mostBytes) return { first: first.sequence, last: last.sequence, body };
  }
  throw new Error(`Message ${messages[0]?.sequence} is too large for the archive.`);
}

interface Stored {
  stream: string;
  /** The first that the stream still has. */
  from: number;
  segment: Segment;
}

/**
 * Removes from the stream what a segment has, having compared all of it.
 * @returns how many messages
 */
async function takeOut(link: Link, { stream, from, segment }: Stored): Promise<number> {
  const lines = new Map((await linesOf(segment)).map((line) => [JSON.parse(line)[0] as number, line]));
  for await (const message of read(link, stream, { from, until: segment.last })) {
    const { sequence } = message;
    if (lines.get(sequence) !== encodeLine(message)) throw differs(stream, segment, sequence);
  }
  const { purged } = await link.jsm.streams.purge(stream, { seq: segment.last + 1 });
  return purged;
}

/** The messages of a stream, as far as it has them. @throws Error when the broker does not deliver all */
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
      if (message.info.deliverySequence !== ++delivered) throw new Error('A message was lost on the way: try again.');
      if (message.seq > until) return;
      yield storedMessage(message);
      if (message.seq === until || message.info.pending === 0) return;
    }
    throw new Error('The broker stopped delivering: try again.');
  } finally {
    messages.stop();
  }
}
