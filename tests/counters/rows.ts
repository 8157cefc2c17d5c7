/** Rows that count each movie as often as `version` in the URL says: another version gives other rows. */
import { movieStated } from '../../services/movies/contract.ts';
import type { KeptView } from '../../shared/views/messages.ts';

const version = Number(new URL(import.meta.url).searchParams.get('version'));

export const view: KeptView = {
  version,
  migrations: new URL('./', import.meta.url),
  projections(db) {
    const count = db.$client.prepare('UPDATE counters SET count = count + ?, version = ?');
    const apply = (): void => void count.run(version, version);
    return [{ stream: 'CATALOGUE', filter: 'catalogue.>', events: [movieStated], apply }];
  },
};
