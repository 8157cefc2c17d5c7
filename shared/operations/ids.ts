/** Ids: who a user is, random ids that sort by time, and ones that follow from what they stand for. */
import { createHash, randomBytes } from 'node:crypto';
import { now } from '../process/clock.ts';

/** Whether a text can name a user: any subject of an identity provider, of 1 to 255 characters of Unicode. */
export function isUserId(text: string): boolean {
  const fits = text.length <= 255 || (text.length <= 510 && [...text].length <= 255);
  return text !== '' && fits && text.isWellFormed();
}

/** A UUID of version 7: an id made in a later millisecond sorts behind. `time` is milliseconds since 1970. */
export function timeOrderedId(time: number = now()): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(time, 0, 6);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** The same 32 hexadecimal digits for the same parts, and others for others. */
export function derivedId(...parts: string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}
