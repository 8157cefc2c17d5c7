/** Ids: rules for user ids, random ids that sort by time, and ids derived from other values. */
import { createHash, randomBytes } from 'node:crypto';
import { now } from '../process/clock.ts';

/** Returns whether a text is a valid user id: any subject of an identity provider with 1 to 255 Unicode characters. */
export function isUserId(text: string): boolean {
  const fits = text.length <= 255 || (text.length <= 510 && [...text].length <= 255);
  return text !== '' && fits && text.isWellFormed();
}

/** Returns a version 7 UUID; ids of a later millisecond sort after it. @param time milliseconds since 1970 */
export function timeOrderedId(time: number = now()): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(time, 0, 6);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** Returns 32 hexadecimal digits that are the same for the same parts, and different for different parts. */
export function derivedId(...parts: string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}
