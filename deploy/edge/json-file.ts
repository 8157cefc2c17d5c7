/** Reads and writes small JSON settings files. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';

/** Reads a file; undefined if it does not exist. @throws Error naming the file and the invalid field */
export function readJson<S extends z.ZodType>(file: string, shape: S): z.output<S> | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return shape.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    throw new Error(`${file} is invalid: ${error instanceof z.ZodError ? z.prettifyError(error) : error}`);
  }
}

/** Writes a file atomically, by renaming, so that a crash leaves the old file. @param mode permissions of the file */
export function writeJson(file: string, value: object, mode = 0o666): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.part`, `${JSON.stringify(value, null, 2)}\n`, { mode, flush: true });
  renameSync(`${file}.part`, file);
}
