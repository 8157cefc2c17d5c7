/** Encodes messages as a segment of the archive, which shared/broker/archive.ts reads. */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Segment } from '../shared/broker/archive.ts';
import { type StoredMessage, textOf } from '../shared/broker/event-codec.ts';

const compress = promisify(gzip);
/** Headers that matter only while a message is new. Being random, they would make up most of a compressed segment. */
const dropped = new Set(['nats-msg-id', 'ce-id', 'traceparent']);

/** Encodes a message as a line of a segment. */
export function encodeLine({ sequence, storedAt, subject, headers, data }: StoredMessage): string {
  const kept = Object.entries(headers).filter(([name]) => !dropped.has(name.toLowerCase()));
  const body = textOf(data) ?? { base64: Buffer.from(data).toString('base64') };
  return JSON.stringify([sequence, storedAt, subject, Object.fromEntries(kept), body]);
}

/** Compresses lines to the body of a segment. */
export function packLines(lines: string[]): Promise<Uint8Array> {
  return compress(lines.join('\n'));
}

export function segmentHeaders({ first, last }: Pick<Segment, 'first' | 'last'>): Record<string, string> {
  return { 'Marquee-First': String(first), 'Marquee-Last': String(last) };
}
