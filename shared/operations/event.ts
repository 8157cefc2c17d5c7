/** Events as data: publishers, projections and the documents are made from the one object that its owner declares. */
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

/** A subject, such as that of an event, with its tokens filled in. */
export function subjectOf(subject: string, tokens: Record<string, string | number>): string {
  return subject.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = tokens[name];
    if (value === undefined) throw new Error(`subject ${subject} needs ${name}`);
    return tokenOf(String(value));
  });
}

const plainToken = /^[\w-]+$/;

/**
 * A text as a token of a subject: letters, digits, _ and - stay, of all else each byte of its UTF-8 becomes `=XX`. Of a
 * user's longest possible id these are 3,060 characters; the broker takes 4,096 in a line.
 * @example tokenOf('ann@example.org') // 'ann=40example=2Eorg'
 */
export function tokenOf(text: string): string {
  if (plainToken.test(text)) return text;
  const escaped = encodeURIComponent(text).replace(/[.!~*'()]/g, (sign) => `%${Buffer.from(sign).toString('hex')}`);
  return escaped.replace(/%../g, (byte) => `=${byte.slice(1).toUpperCase()}`);
}

/** The text of a token; undefined for one that tokenOf does not make: it would be a second subject for the same text. */
export function textOfToken(token: string): string | undefined {
  if (plainToken.test(token)) return token;
  try {
    const text = decodeURIComponent(token.replaceAll('=', '%'));
    return tokenOf(text) === token ? text : undefined;
  } catch {
    return undefined;
  }
}

/** The subject filter that matches every event of a type: `{token}` becomes `*`. */
export function filterOf(type: EventType): string {
  return type.subject.replace(/\{\w+\}/g, '*');
}
