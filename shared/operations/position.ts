/** The header Marquee-Position: how far a client has written or read. Clients send it back unchanged. */
import { hash } from 'node:crypto';
import { invalid } from './errors.ts';

/** Name of the header, over HTTP and NATS. */
export const positionHeader = 'Marquee-Position';

/** A place in a stream. */
export interface Place {
  stream: string;
  sequence: number;
  /** Distinguishes the stream from earlier ones of the same name, for example before a restore. */
  tag: string;
}

const place = String.raw`([\w-]{1,80}):(\d{1,15}):([\w-]{8})`;
const placePattern = new RegExp(`^${place}$`);
const maxPlaces = 64;
/** Pattern of the header's value, for the documents. */
export const positionPattern = `^ *${place} *(, *${place} *){0,${maxPlaces - 1}}$`;

/** Returns the tag of a stream's identity. */
export function tagOf(identity: string): string {
  return hash('sha256', identity, 'base64url').slice(0, 8);
}

/** Returns a position such as `VOTES:4711:mR3k2x9q, CATALOGUE:12:Zp0aQ8fd`, of at most the last 64 places. */
export function encodePosition(places: Place[]): string {
  const kept = places.slice(-maxPlaces);
  return kept.map(({ stream, sequence, tag }) => `${stream}:${sequence}:${tag}`).join(', ');
}

/** Parses a position. Of several places in a stream, the furthest of the last tag counts. @throws AppError invalid */
export function decodePosition(text: string): Place[] {
  const places = new Map<string, Place>();
  for (const part of text.split(',')) {
    const [, stream, sequence, tag] = placePattern.exec(part.trim()) ?? [];
    if (stream === undefined || tag === undefined || places.size === maxPlaces) {
      throw invalid({ field: positionHeader, message: 'must be the unchanged value of an earlier response' });
    }
    const place = { stream, sequence: Number(sequence), tag };
    const before = places.get(stream);
    if (!before || before.tag !== tag || before.sequence < place.sequence) places.set(stream, place);
  }
  return [...places.values()];
}
