/** How far somebody has written or read: what the header Marquee-Position says. Clients send it back as it is. */
import { hash } from 'node:crypto';
import { invalid } from './errors.ts';

/** Name of the header, over HTTP and NATS. */
export const positionHeader = 'Marquee-Position';

/** A place in a stream. */
export interface Place {
  stream: string;
  sequence: number;
  /** Tells the stream from others of its name, such as one that was restored. */
  tag: string;
}

const place = String.raw`([\w-]{1,80}):(\d{1,15}):([\w-]{8})`;
const placePattern = new RegExp(`^${place}$`);
const maxPlaces = 64;
/** What it looks like, for the documents. */
export const positionPattern = `^ *${place} *(, *${place} *){0,${maxPlaces - 1}}$`;

/** The tag of a stream's identity. */
export function tagOf(identity: string): string {
  return hash('sha256', identity, 'base64url').slice(0, 8);
}

/** `VOTES:4711:mR3k2x9q, CATALOGUE:12:Zp0aQ8fd` */
export function encodePosition(places: Place[]): string {
  return places.map(({ stream, sequence, tag }) => `${stream}:${sequence}:${tag}`).join(', ');
}

/** At most one place in each stream; of several the last one counts. @throws AppError invalid, naming the header */
export function decodePosition(text: string): Place[] {
  const places = new Map<string, Place>();
  for (const part of text.split(',')) {
    const [, stream, sequence, tag] = placePattern.exec(part.trim()) ?? [];
    if (stream === undefined || tag === undefined || places.size === maxPlaces) {
      throw invalid({ field: positionHeader, message: 'must be what an answer had there' });
    }
    const place = { stream, sequence: Number(sequence), tag };
    const before = places.get(stream);
    if (!before || before.tag !== tag || before.sequence < place.sequence) places.set(stream, place);
  }
  return [...places.values()];
}
