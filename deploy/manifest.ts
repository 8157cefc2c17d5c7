/** The manifest of a backup folder, and the check of its files. */
import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { messageOf } from '../shared/operations/errors.ts';
import type { SnapshotInfo } from './snapshot.ts';

export const manifestName = 'manifest.json';
const chunkBytes = 128 * 1024;

const backedUp = z.object({
  name: z.string().regex(/^[A-Z]+(_[A-Za-z0-9_-]+)?$/),
  file: z.string().regex(/^[A-Z]+(_[A-Za-z0-9_-]+)?\.snapshot$/),
  bytes: z.int().min(0),
  sha256: z.string().length(64),
  /** At least this many: messages stored while the snapshot began are in it, too. */
  messages: z.int().min(0),
  lastSequence: z.int().min(0),
  snapshot: z.custom<SnapshotInfo>((value) => typeof value === 'object' && value !== null),
});
export type BackedUp = z.output<typeof backedUp>;

export const manifest = z.object({
  format: z.literal(1),
  madeAt: z.iso.datetime(),
  streams: z.array(backedUp).min(1),
});
export type Manifest = z.output<typeof manifest>;

/**
 * Reads a manifest and compares every file with its checksum.
 * @throws Error that names a missing or damaged file
 */
export function readBackup(folder: string): Manifest {
  const path = join(folder, manifestName);
  if (!existsSync(path))
    throw new Error(`${folder} has no ${manifestName}: name a folder that npm run backup has written`);
  let read: Manifest;
  try {
    read = manifest.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    throw new Error(`${path} is not the manifest of a backup: ${messageOf(error)}`);
  }
  for (const { file, bytes, sha256 } of read.streams) {
    const hash = createHash('sha256');
    let size = 0;
    for (const piece of piecesOf(join(folder, file))) {
      hash.update(piece);
      size += piece.length;
    }
    if (size !== bytes || hash.digest('hex') !== sha256) {
      throw new Error(`${join(folder, file)} is damaged: its checksum is wrong. Nothing was restored.`);
    }
  }
  return read;
}

/** Yields a file in chunks. @throws Error naming a file that cannot be read */
export function* piecesOf(path: string): Generator<Uint8Array> {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    throw new Error(`${path} cannot be read: ${messageOf(error)}`);
  }
  try {
    for (;;) {
      const buffer = new Uint8Array(chunkBytes);
      const length = readSync(file, buffer);
      if (length === 0) return;
      yield buffer.subarray(0, length);
    }
  } finally {
    closeSync(file);
  }
}
