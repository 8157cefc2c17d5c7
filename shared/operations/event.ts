/** Events as data: publishers, projections and the documents all use the one object that the event's owner declares. */
import type { z } from 'zod';

export interface EventType<P extends z.ZodType = z.ZodType> {
  /** CloudEvents type: `marquee.<thing>.<past-tense fact>.v<version>`. */
  type: string;
  stream: string;
  /** Subject with `{name}` tokens, for example `catalogue.{site}.movie.{movieId}`. */
  subject: string;
  summary: string;
  payload: P;
  example: z.input<P>;
}

/**
 * Declares an event: a past-tense fact, owned by one service.
 * @example event({ type: 'marquee.movie.stated.v1', stream: 'CATALOGUE', subject: 'catalogue.{site}.movie.{movieId}', … })
 */
export function event<P extends z.ZodType>(spec: EventType<P>): EventType<P> {
  return spec;
}

/** Returns a subject with its `{name}` tokens filled in. @throws Error if a value is missing */
export function subjectOf(subject: string, tokens: Record<string, string | number>): string {
  return subject.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = tokens[name];
    if (value === undefined) throw new Error(`the subject ${subject} needs a value for ${name}`);
    return tokenOf(String(value));
  });
}

const plainToken = /^[\w-]+$/;

/**
 * Encodes a text as a subject token: letters, digits, _ and - stay, every other byte of its UTF-8 becomes `=XX`. The
 * longest possible user id takes 3,060 characters; the broker allows 4,096 per protocol line.
 * @example tokenOf('ann@example.org') // 'ann=40example=2Eorg'
 */
export function tokenOf(text: string): string {
  if (plainToken.test(text)) return text;
  const escaped = encodeURIComponent(text).replace(/[.!~*'()]/g, (sign) => `%${Buffer.from(sign).toString('hex')}`);
  return escaped.replace(/%../g, (byte) => `=${byte.slice(1).toUpperCase()}`);
}

/** Decodes a subject token; undefined for one that tokenOf does not produce: a text must have only one subject. */
export function textOfToken(token: string): string | undefined {
  if (plainToken.test(token)) return token;
  try {
    const text = decodeURIComponent(token.replaceAll('=', '%'));
    return tokenOf(text) === token ? text : undefined;
  } catch {
    return undefined;
  }
}

/** Returns the subject filter that matches every event of a type: `{token}` becomes `*`. */
export function filterOf(type: EventType): string {
  return type.subject.replace(/\{\w+\}/g, '*');
}
