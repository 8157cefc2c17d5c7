/** The API documents in the repository: created from the code, stored, and compared with those of the last release. */
import { readFileSync, writeFileSync } from 'node:fs';
import { documentsFor } from '../../services/gateway/documents.ts';
import { services } from '../../services/index.ts';
import { createAsyncApi } from '../../shared/docs/asyncapi.ts';
import type { DocumentOptions } from '../../shared/docs/openapi.ts';
import { createOpenApi } from '../../shared/docs/openapi.ts';
import type { AsyncApiDocument } from './asyncapi-types.ts';
import { compareAsyncApi } from './compare-asyncapi.ts';
import { compareOpenApi } from './compare-openapi.ts';
import type { OpenApiDocument } from './openapi-types.ts';

export interface Documents {
  openapi: OpenApiDocument;
  asyncapi: AsyncApiDocument;
}

const folder = new URL('./', import.meta.url);

/** Folders of the documents of the current code, and of those of the last release. */
export const current = folder;
export const released = new URL('released/', folder);

/** Creates both documents of services, typed like the stored ones. */
export function documentsOf(given: DocumentOptions): Documents {
  const made: object = { openapi: createOpenApi(given), asyncapi: createAsyncApi(given) };
  return made as Documents;
}

/** Creates the documents of the current code. */
export function makeDocuments(): Documents {
  return documentsOf(documentsFor(services, false));
}

/** Reads the stored documents in a folder. @throws Error when a file is missing */
export function readDocuments(from: URL): Documents {
  const read = (name: string): unknown => JSON.parse(readFileSync(new URL(name, from), 'utf8'));
  return { openapi: read('openapi.json') as OpenApiDocument, asyncapi: read('asyncapi.json') as AsyncApiDocument };
}

export function writeDocuments(to: URL, { openapi, asyncapi }: Documents): void {
  writeJson(new URL('openapi.json', to), openapi);
  writeJson(new URL('asyncapi.json', to), asyncapi);
}

function writeJson(file: URL, value: unknown): void {
  writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
}

/** Returns all changes that would break a client. */
export function breakingChanges(before: Documents, after: Documents): string[] {
  return [...compareOpenApi(before.openapi, after.openapi), ...compareAsyncApi(before.asyncapi, after.asyncapi)];
}

/** An intended breaking change: the line that `npm run api-check` prints for it, and the reason. */
export interface Intended {
  change: string;
  reason: string;
}

const intendedFile = new URL('breaking-changes.json', folder);

/** Reads the intended changes. @throws Error for an entry without a change or reason */
export function readIntended(): Intended[] {
  const entries = JSON.parse(readFileSync(intendedFile, 'utf8')) as Intended[];
  const bare = entries.find(({ change, reason }) => !change?.trim() || !reason?.trim());
  if (bare) throw new Error(`breaking-changes.json: an entry needs a change and a reason: ${JSON.stringify(bare)}`);
  return entries;
}

export function writeIntended(entries: Intended[]): void {
  writeJson(intendedFile, entries);
}

/** Returns the changes that are not declared, and the declared changes that were not made. */
export function checkChanges(changes: string[], intended: Intended[]): { undeclared: string[]; stale: string[] } {
  const declared = new Set(intended.map(({ change }) => change));
  return {
    undeclared: changes.filter((change) => !declared.has(change)),
    stale: [...declared].filter((change) => !changes.includes(change)),
  };
}
