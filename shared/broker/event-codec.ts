/** The wire format of events: what a message of a stream means, whoever published it. */
import { isUtf8 } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import type { JsMsg } from '@nats-io/jetstream';
import { headers, type MsgHdrs } from '@nats-io/nats-core';
import { z } from 'zod';
import { type EventType, subjectOf, textOfToken } from '../operations/event.ts';
import { now } from '../process/clock.ts';
import type { SiteStream } from '../process/sites.ts';
import { currentOrigin } from '../process/trace-context.ts';

/** A stored message as read from its stream. Times are milliseconds since 1970. */
export interface StoredMessage {
  stream: string;
  subject: string;
  sequence: number;
  /** When the broker stored it. */
  storedAt: number;
  /** The first value of each. */
  headers: Record<string, string>;
  data: Uint8Array;
}

/** A message understood as an event. */
export interface StoredEvent<P = unknown> {
  type: string;
  data: P;
  subject: string;
  /** What the tokens of the subject stand for, by name: `{site: 'hub', userId: 'ann@example.org'}`. */
  tokens: Record<string, string>;
  site: string;
  /**
   * When it happened: the producer's `ce-time`, never later than the broker stored it; behind all that the producer says it
   * had seen of the same thing, whatever its clock says. Milliseconds since 1970.
   */
  time: number;
  /** Sequence in the stream of its home, also in copies. */
  sequence: number;
  /** The site in whose stream it is: before there were edges, the hub's took the events of all. Left out: that of the event. */
  home?: string | undefined;
}

/** What a message cannot be taken for, and why. It goes to DEADLETTERS: a repeat would fail the same way. */
export class UnreadableEvent extends Error {
  override readonly name = 'UnreadableEvent';
}

/** An event in the copy of a site's stream that says it is of another: whoever broke in there may have made it. */
export class ForgedEvent extends UnreadableEvent {}

const decoder = new TextDecoder('utf-8', { fatal: true });

/** Reads the messages of one stream as events of the given types. */
export class EventReader {
  /** The names are those of the tokens that the pattern captures, in order. */
  readonly #types: { type: EventType; pattern: RegExp; names: string[] }[];
  readonly #source: SiteStream | undefined;

  /** @param source which of the streams of a kind it is, where that matters */
  constructor(types: EventType[], source?: SiteStream) {
    this.#source = source;
    this.#types = types.map((type) => ({
      type,
      pattern: patternOf(type.subject.replace(/\{\w+\}/g, '(*)')),
      names: (type.subject.match(/\{\w+\}/g) ?? []).map((token) => token.slice(1, -1)),
    }));
  }

  /**
   * Understands a message. Headers are optional: what an event published by hand lacks is taken from the message.
   * @throws UnreadableEvent with the reason, naming the field where there is one; ForgedEvent
   */
  read(message: StoredMessage): StoredEvent {
    const { subject, sequence, data, headers } = message;
    // Whoever may read a message can have it sent to any subject: it would be an event of somebody else.
    if (headers['Nats-Stream']) throw new UnreadableEvent(`an answer of the broker about ${headers['Nats-Stream']}`);
    const declared = headers['ce-type'];
    for (const { type, pattern, names } of this.#types) {
      const found = !declared || declared === type.type ? pattern.exec(subject) : null;
      if (!found) continue;
      const tokens = tokensOf(names, found);
      const { site = '' } = tokens;
      const { onlyFrom, home = site } = this.#source ?? {};
      if (onlyFrom !== undefined && site !== onlyFrom) {
        throw new ForgedEvent(`${subject} is no subject of the site ${onlyFrom}`);
      }
      const payload = parsePayload(type.payload, data);
      return { type: type.type, data: payload, subject, tokens, site, time: timeOf(message), sequence, home };
    }
    throw new UnreadableEvent(declared ? `unknown event type ${declared}` : `no event has the subject ${subject}`);
  }
}

function tokensOf(names: string[], [, ...found]: string[]): Record<string, string> {
  const tokens: Record<string, string> = {};
  for (const [index, name] of names.entries()) {
    const text = textOfToken(found[index] as string);
    if (text === undefined) throw new UnreadableEvent(`the subject's ${name} ${found[index]} is not encoded as =XX`);
    tokens[name] = text;
  }
  return tokens;
}

/** Matches what a filter of subjects stands for: `*` is one token, `>` at its end one or more. */
export function patternOf(filter: string): RegExp {
  return new RegExp(`^${filter.replaceAll('.', '\\.').replaceAll('*', '[^.]+').replace(/>$/, '.+')}$`);
}

/** Whether a filter of whole tokens matches a subject. Making an expression would cost four times the rest of an event. */
function covers(filter: string, subject: string): boolean {
  const tokens = subject.split('.');
  const wanted = filter.split('.');
  return wanted.length === tokens.length && wanted.every((token, at) => token === '*' || token === tokens[at]);
}

function parsePayload(payload: z.ZodType, data: Uint8Array): unknown {
  let json: unknown;
  try {
    json = JSON.parse(decoder.decode(data));
  } catch (error) {
    throw new UnreadableEvent(`the payload is not JSON in UTF-8: ${(error as Error).message}`);
  }
  const parsed = payload.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new UnreadableEvent(`the payload does not fit: ${reasonsOf(parsed.error.issues)}`);
}

/** What is wrong, field by field; where one may have one of several shapes, for each of them. */
function reasonsOf(issues: z.core.$ZodIssue[], within: PropertyKey[] = []): string {
  const reasons = issues.map((issue) => {
    const path = [...within, ...issue.path];
    if (issue.code !== 'invalid_union' || issue.errors.length === 0)
      return `${path.join('.') || 'payload'}: ${issue.message}`;
    return [...new Set(issue.errors.map((errors) => reasonsOf(errors, path)))].join(', or ');
  });
  return reasons.join('; ');
}

/** RFC 3339 with a zone, as CloudEvents want it. Without one it would be another time at a replica in another zone. */
const rfc3339 = z.regexes.datetime({ offset: true });

/**
 * When an event happened. A producer whose clock runs ahead must not win over later events: the broker's time is the
 * bound. It also counts where the time is missing or no such date.
 */
function timeOf({ headers, storedAt }: StoredMessage): number {
  const text = (headers['ce-time'] ?? '').toUpperCase();
  const given = rfc3339.test(text) ? Date.parse(text) : Number.NaN;
  const time = given < storedAt ? given : storedAt;
  const after = /^\d{1,15}$/.test(headers[afterHeader] ?? '')
    ? Math.min(Number(headers[afterHeader]), storedAt + mostAheadMs)
    : 0;
  return after >= time ? after + 1 : time;
}

/**
 * Header of the greatest time that the producer had seen of the same thing from other sites: a clock that is behind theirs must
 * not make what was decided last into what is overruled.
 */
const afterHeader = 'marquee-after';
/** No clock of a site is believed to be further ahead. */
const mostAheadMs = 86_400_000;

/** A message delivered by a consumer, as stored. Holds nothing of the client's objects but the body. */
export function storedMessage(message: JsMsg): StoredMessage {
  const { info } = message;
  return {
    stream: info.stream,
    subject: message.subject,
    sequence: info.streamSequence,
    storedAt: Math.floor(info.timestampNanos / 1e6),
    headers: plainHeaders(message.headers),
    data: message.data,
  };
}

/** Conditions under which the broker stores a message. */
export interface Expectation {
  /** The sequence that the last message on `subject` (default: the message's own) must have; 0: none. */
  lastSubjectSequence: number;
  subject?: string;
}

export interface OutgoingMessage {
  stream: string;
  subject: string;
  data: string;
  headers: Record<string, string>;
  expect?: Expectation;
  /** Stored in one transaction directly behind this message, or not at all. */
  with?: OutgoingMessage;
  /** traceparents of other requests than the message's own that it was made for. */
  links?: string[];
}

/** Where events say they come from, and the trace that they belong to. */
interface EventOrigin {
  site: string;
  /** Name of the service that publishes. */
  source: string;
  /** Left out, it is the one of the command or event that is being worked on. */
  traceparent?: string | undefined;
}

type EncodeOptions = Pick<OutgoingMessage, 'expect' | 'with' | 'links'> & {
  id?: string;
  headers?: Record<string, string>;
  /** The greatest time of what other sites are seen to have said of the same thing; the event comes behind it. */
  after?: number | undefined;
};

/**
 * An event as a message with CloudEvents headers (binary mode of the CloudEvents NATS binding).
 * `id` must be the same when the same fact is published again: the broker stores it once. Where the expectation is about
 * the message's own subject that sees to it, and the broker is spared remembering the id.
 */
export function encodeEvent<P extends z.ZodType>(
  type: EventType<P>,
  tokens: Record<string, string | number>,
  data: z.input<P>,
  origin: EventOrigin,
  options: EncodeOptions = {},
): OutgoingMessage {
  const traceparent = origin.traceparent ?? currentOrigin.getStore()?.traceparent;
  const subject = subjectOf(type.subject, { site: origin.site, ...tokens });
  const { id = randomUUID(), headers, after, ...rest } = options;
  const { expect } = rest;
  const storedOnce = expect && (!expect.subject || covers(expect.subject, subject));
  return {
    stream: type.stream,
    subject,
    data: JSON.stringify(data),
    headers: {
      'ce-specversion': '1.0',
      'ce-id': id,
      'ce-type': type.type,
      'ce-source': `/marquee/${origin.site}/${origin.source}`,
      'ce-time': new Date(now()).toISOString(),
      ...(storedOnce ? {} : { 'Nats-Msg-Id': id }),
      ...(traceparent ? { traceparent } : {}),
      ...(after === undefined ? {} : { [afterHeader]: String(after) }),
      ...headers,
    },
    ...rest,
  };
}

/** The text that a body is, to the byte; undefined where it is none. */
export function textOf(data: Uint8Array): string | undefined {
  return isUtf8(data) ? Buffer.from(data).toString() : undefined;
}

/** The first value of each header. */
export function plainHeaders(given: Iterable<[string, string[]]> | undefined): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const [name, values] of given ?? []) plain[name] = values[0] ?? '';
  return plain;
}

export function toHeaders(record: Record<string, string>): MsgHdrs {
  const result = headers();
  // Not `set`, which looks through all names twice more; those of a record differ.
  for (const [name, value] of Object.entries(record)) result.append(name, value);
  return result;
}
