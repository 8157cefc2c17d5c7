/** A view of VOTES that shows who voted: the least that there can be. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { voteGiven } from '../services/ranking/contract.ts';
import { createLogger } from '../shared/log.ts';
import { View } from '../shared/view.ts';
import type { System } from './harness.ts';

export interface Voters {
  voters(): string[];
}

/** Opens the view, in memory. `take` sees each voter first, and may throw. */
export function openToyView({ folder, connection }: System, take: (voterId: string) => void = () => {}): View<Voters> {
  const migrations = join(folder, 'toy-migrations');
  mkdirSync(join(migrations, 'meta'), { recursive: true });
  writeFileSync(join(migrations, 'meta/_journal.json'), JSON.stringify({ entries: [{ idx: 0, tag: '0000' }] }));
  writeFileSync(join(migrations, '0000.sql'), 'CREATE TABLE voters (sequence INTEGER PRIMARY KEY, voter TEXT)');
  return new View<Voters>({
    name: 'toy',
    folder: null,
    checkpointPages: 10,
    connection,
    log: createLogger('toy', 'silent'),
    definition: {
      version: 1,
      migrations: pathToFileURL(`${migrations}/`),
      open(db) {
        const put = db.prepare('INSERT OR REPLACE INTO voters (sequence, voter) VALUES (?, ?)');
        const all = db.prepare<[], string>('SELECT voter FROM voters ORDER BY sequence').pluck();
        const apply = ({ sequence, data }: { sequence: number; data: unknown }): void => {
          const { voterId } = data as { voterId: string };
          take(voterId);
          put.run(sequence, voterId);
        };
        return {
          queries: { voters: () => all.all() },
          projections: [{ stream: voteGiven.stream, filter: 'votes.>', events: [voteGiven], apply }],
        };
      },
    },
  });
}
