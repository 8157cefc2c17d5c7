/** Small files of settings as JSON. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';

/** Undefined where there is no such file. @throws Error naming the file and the field that does not fit */
export function readJson<S extends z.ZodType>(file: string, shape: S): z.output<S> | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return shape.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    throw new Error(`${file} does not fit: ${error instanceof z.ZodError ? z.prettifyError(error) : error}`);
  }
}

/** Written by rename: whoever is killed meanwhile leaves the file as it was. @param mode who may read it, if not everyone */
export function writeJson(file: string, value: object, mode = 0o666): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.part`, `${JSON.stringify(value, null, 2)}\n`, { mode, flush: true });
  renameSync(`${file}.part`, file);
}
