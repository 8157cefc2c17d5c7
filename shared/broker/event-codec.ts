/** The wire format of events: converts stored messages to events, and events to messages that can be published. */
import { isUtf8 } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import type { JsMsg } from '@nats-io/jetstream';
import { headers, type MsgHdrs } from '@nats-io/nats-core';
import { z } from 'zod';
import { type EventType, subjectOf, textOfToken } from '../operations/event.ts';
import { now } from '../process/clock.ts';
import type { SiteStream } from '../process/sites.ts';
import { currentOrigin } from '../process/trace-context.ts';

/** A message as read from its stream. */
export interface StoredMessage {
  stream: string;
  subject: string;
  sequence: number;
  /** When the broker stored the message. Milliseconds since 1970. */
  storedAt: number;
  /** The first value of each header. */
  headers: Record<string, string>;
  data: Uint8Array;
}

/** An event, decoded from a stored message. */
export interface StoredEvent<P = unknown> {
  type: string;
  data: P;
  subject: string;
  /** The decoded tokens of the subject by name: `{site: 'hub', userId: 'ann@example.org'}`. */
  tokens: Record<string, string>;
  site: string;
  /**
   * When the event happened, in milliseconds since 1970: the producer's `ce-time`, but not later than the broker stored
   * it. If the producer had seen a later time of the same thing, the event counts as after that.
   */
  time: number;
  /** Sequence in the stream of the home site, also when read from a copy. */
  sequence: number;
  /** The site whose stream has the event; default `site`. Before there were edges, all events were in the hub's. */
  home?: string | undefined;
}

/** A message is not a valid event, for the given reason. It goes to DEADLETTERS: a retry would fail the same way. */
export class UnreadableEvent extends Error {
  override readonly name = 'UnreadableEvent';
}

/** An event in the copy of a site's stream claims to be from another site: an intruder at the site may have made it. */
export class ForgedEvent extends UnreadableEvent {}

const decoder = new TextDecoder('utf-8', { fatal: true });

/** Decodes the messages of one stream as events of the given types. */
export class EventReader {
  /** `names` are the names of the tokens that `pattern` captures, in order. */
  readonly #types: { type: EventType; pattern: RegExp; names: string[] }[];
  readonly #source: SiteStream | undefined;

  /** @param source the site stream that is read, when the system has several sites */
  constructor(types: EventType[], source?: SiteStream) {
    this.#source = source;
    this.#types = types.map((type) => ({
      type,
      pattern: patternOf(type.subject.replace(/\{\w+\}/g, '(*)')),
      names: (type.subject.match(/\{\w+\}/g) ?? []).map((token) => token.slice(1, -1)),
    }));
  }

  /**
   * Decodes a message. CloudEvents headers are optional: for an event published by hand, the message supplies their
   * values.
   * @throws UnreadableEvent with the reason, and the field if there is one; ForgedEvent
   */
  read(message: StoredMessage): StoredEvent {
    const { subject, sequence, data, headers } = message;
    // A user who may only read can make the broker send a message to any subject, and so publish it as an event.
    if (headers['Nats-Stream'])
      throw new UnreadableEvent(`a copy of a message of ${headers['Nats-Stream']}, not an event`);
    const declared = headers['ce-type'];
    for (const { type, pattern, names } of this.#types) {
      const found = !declared || declared === type.type ? pattern.exec(subject) : null;
      if (!found) continue;
      const tokens = tokensOf(names, found);
      const { site = '' } = tokens;
      const { onlyFrom, home = site } = this.#source ?? {};
      if (onlyFrom !== undefined && site !== onlyFrom) {
        throw new ForgedEvent(`${subject} is not a subject of the site ${onlyFrom}`);
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

/** Converts a subject filter to an expression: `*` matches one token, `>` at the end matches one or more. */
export function patternOf(filter: string): RegExp {
  return new RegExp(`^${filter.replaceAll('.', '\\.').replaceAll('*', '[^.]+').replace(/>$/, '.+')}$`);
}

/** Returns whether a filter without `>` matches a subject. An expression would cost four times the rest of an event. */
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
  throw new UnreadableEvent(`the payload is invalid: ${reasonsOf(parsed.error.issues)}`);
}

/** Describes validation issues field by field; for a union, the issues of each of its members. */
function reasonsOf(issues: z.core.$ZodIssue[], within: PropertyKey[] = []): string {
  const reasons = issues.map((issue) => {
    const path = [...within, ...issue.path];
    if (issue.code !== 'invalid_union' || issue.errors.length === 0)
      return `${path.join('.') || 'payload'}: ${issue.message}`;
    return [...new Set(issue.errors.map((errors) => reasonsOf(errors, path)))].join(', or ');
  });
  return reasons.join('; ');
}

/** RFC 3339 with a time zone, as in CloudEvents. Without one, replicas in different zones would disagree. */
const rfc3339 = z.regexes.datetime({ offset: true });

/**
 * Returns when an event happened. A producer whose clock runs ahead must not win over later events, so the time at
 * which the broker stored the message is the upper bound. It is also used when the given time is missing or invalid.
 */
function timeOf({ headers, storedAt }: StoredMessage): number {
  const text = (headers['ce-time'] ?? '').toUpperCase();
  const given = rfc3339.test(text) ? Date.parse(text) : Number.NaN;
  const time = given < storedAt ? given : storedAt;
  const after = /^\d{1,15}$/.test(headers[afterHeader] ?? '')
    ? Math.min(Number(headers[afterHeader]), storedAt + maxAheadMs)
    : 0;
  return after >= time ? after + 1 : time;
}

/** Header: the latest time that the producer had seen of the same thing, so that a slow clock does not make it lose. */
const afterHeader = 'marquee-after';
/** `marquee-after` may be later than the storage time by this much: no clock is trusted to be further ahead. */
const maxAheadMs = 86_400_000;

/** Converts a message that a consumer delivered. The result references none of the client's objects except the body. */
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

/** The condition under which the broker stores a message. */
export interface Expectation {
  /** Required sequence of the last message on `subject` (default: the message's own subject); 0 means none. */
  lastSubjectSequence: number;
  subject?: string;
}

export interface OutgoingMessage {
  stream: string;
  subject: string;
  data: string;
  headers: Record<string, string>;
  expect?: Expectation;
  /** A second message, which is stored directly after this one in the same transaction. */
  with?: OutgoingMessage;
  /** traceparents of further requests that this message was made for. */
  links?: string[];
}

/** The origin of an event, and the trace that it belongs to. */
interface EventOrigin {
  site: string;
  /** Name of the publishing service. */
  source: string;
  /** Default: the traceparent of the command or event that is being processed. */
  traceparent?: string | undefined;
}

type EncodeOptions = Pick<OutgoingMessage, 'expect' | 'with' | 'links'> & {
  id?: string;
  headers?: Record<string, string>;
  /** The latest time seen in other sites' events about the same thing; the event is ordered after it. */
  after?: number | undefined;
};

/**
 * Encodes an event as a message with CloudEvents headers (binary mode of the CloudEvents NATS binding). `id` must be
 * the same when the same fact is published again, so that the broker stores it once. An expectation that covers the
 * message's own subject prevents duplicates by itself, so the broker is then not given an id to remember.
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

/** Decodes a body as text; undefined when the text would not encode to the same bytes. */
export function textOf(data: Uint8Array): string | undefined {
  return isUtf8(data) ? Buffer.from(data).toString() : undefined;
}

/** Returns the first value of each header. */
export function plainHeaders(given: Iterable<[string, string[]]> | undefined): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const [name, values] of given ?? []) plain[name] = values[0] ?? '';
  return plain;
}

export function toHeaders(record: Record<string, string>): MsgHdrs {
  const result = headers();
  // Unlike `set`, `append` does not search for existing values; the names of a record are distinct anyway.
  for (const [name, value] of Object.entries(record)) result.append(name, value);
  return result;
}
