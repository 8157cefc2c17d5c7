/** A minimal view of VOTES that lists voters. toy-rows.ts is its projection. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createLogger, type Logger } from '../shared/process/log.ts';
import { View } from '../shared/views/view.ts';
import type { System } from './harness.ts';

export interface Voters {
  voters(): string[];
}

export interface ToyOptions {
  version?: number;
  /** Migrations, one statement each. */
  statements?: string[];
  /** Table that voters are read from. */
  table?: string;
  /** Folder of its files. */
  folder?: string;
  /** Further URL parameters of toy-rows.ts. */
  rows?: Record<string, string>;
  /** Called for each file that is opened for reading. */
  opened?(): void;
  log?: Logger;
  /** Further environment variables. */
  env?: Record<string, string>;
}

export const createTable = 'CREATE TABLE voters (sequence INTEGER PRIMARY KEY, voter TEXT NOT NULL)';

/** Opens the view of a system. */
export function openToyView(system: System, options: ToyOptions = {}): View<Voters> {
  const { version = 1, statements = [createTable], table = 'voters', rows = {} } = options;
  const { folder = join(system.folder, 'views'), log = createLogger('toy', 'silent') } = options;
  const module = new URL('./toy-rows.ts', import.meta.url);
  const migrations = writeMigrations(join(system.folder, `migrations-${version}`), statements);
  module.search = new URLSearchParams({ version: String(version), migrations: migrations.href, ...rows }).toString();
  return new View<Voters>({
    name: 'toy',
    folder,
    config: system.config(options.env),
    telemetry: system.connection.telemetry,
    log,
    definition: {
      module,
      open(db) {
        options.opened?.();
        const all = db.$client.prepare<[], string>(`SELECT voter FROM ${table} ORDER BY sequence`).pluck();
        return { voters: () => all.all() };
      },
    },
  });
}

/** Writes migrations as drizzle-kit does. */
function writeMigrations(folder: string, statements: string[]): URL {
  mkdirSync(join(folder, 'meta'), { recursive: true });
  const entries = statements.map((_, idx) => ({ idx, tag: `000${idx}`, when: idx + 1, breakpoints: true }));
  writeFileSync(join(folder, 'meta/_journal.json'), JSON.stringify({ entries }));
  for (const { idx, tag } of entries) writeFileSync(join(folder, `${tag}.sql`), statements[idx] as string);
  return pathToFileURL(`${folder}/`);
}
