/**
 * Indices that a view has none of until its end: made at once of sorted rows they cost far less than row by row, where each
 * event is written to pages of its own.
 */
import { type Database, setCache } from './database.ts';

/** What each is on, by its name, in the order in which they are made. */
export type LateIndices = Record<string, string>;

/** Those that are still to be made. */
export function missingIndices({ $client: client }: Database, indices: LateIndices): string[] {
  const has = client.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?');
  return Object.keys(indices).filter((name) => !has.get(name));
}

/** Makes the next one. SQLite sorts in temporary files: for a million movies it would be more than all that a service holds. */
export function addIndex(db: Database, indices: LateIndices): string | undefined {
  const [name] = missingIndices(db, indices);
  if (name === undefined) return undefined;
  setCache(db, 'small');
  try {
    db.$client.exec(`CREATE INDEX ${name} ON ${indices[name]}`);
  } finally {
    setCache(db, 'normal');
  }
  return `the index ${name} is made`;
}
