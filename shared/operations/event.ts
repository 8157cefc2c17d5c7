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

/** The subject of an event with its tokens filled in. */
export function subjectOf(type: EventType, tokens: Record<string, string | number>): string {
  return type.subject.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = tokens[name];
    if (value === undefined) throw new Error(`subject ${type.subject} needs ${name}`);
    return String(value);
  });
}

/** The subject filter that matches every event of a type: `{token}` becomes `*`. */
export function filterOf(type: EventType): string {
  return type.subject.replace(/\{\w+\}/g, '*');
}
