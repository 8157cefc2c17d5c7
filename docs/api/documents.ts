/** The API documents that are kept in the repository. */
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

/** Where the documents of the code are, and those of the last release, which changes are measured against. */
export const current = folder;
export const released = new URL('released/', folder);

/** Both documents of services, as they are read. */
export function documentsOf(given: DocumentOptions): Documents {
  const made: object = { openapi: createOpenApi(given), asyncapi: createAsyncApi(given) };
  return made as Documents;
}

/** The documents that the code makes. */
export function makeDocuments(): Documents {
  return documentsOf(documentsFor(services, false));
}

/** The documents as they are kept. @throws Error when a file is missing. */
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

/** All changes that would break a client. */
export function breakingChanges(before: Documents, after: Documents): string[] {
  return [...compareOpenApi(before.openapi, after.openapi), ...compareAsyncApi(before.asyncapi, after.asyncapi)];
}

/** A breaking change that is meant: the line that `npm run api-check` prints, and why. */
export interface Intended {
  change: string;
  reason: string;
}

const intendedFile = new URL('breaking-changes.json', folder);

/** @throws Error for an entry without a reason. */
export function readIntended(): Intended[] {
  const entries = JSON.parse(readFileSync(intendedFile, 'utf8')) as Intended[];
  const bare = entries.find(({ change, reason }) => !change?.trim() || !reason?.trim());
  if (bare) throw new Error(`breaking-changes.json: an entry needs a change and a reason: ${JSON.stringify(bare)}`);
  return entries;
}

export function writeIntended(entries: Intended[]): void {
  writeJson(intendedFile, entries);
}

/** What a check finds: changes that nobody declared, and declarations of changes that there are not. */
export function checkChanges(changes: string[], intended: Intended[]): { undeclared: string[]; stale: string[] } {
  const declared = new Set(intended.map(({ change }) => change));
  return {
    undeclared: changes.filter((change) => !declared.has(change)),
    stale: [...declared].filter((change) => !changes.includes(change)),
  };
}
