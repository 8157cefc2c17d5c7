/** Rows that count each movie as often as `version` in the URL says: another version gives other rows. */
import { movieStated } from '../../services/movies/contract.ts';
import type { ViewProjections } from '../../shared/views/projection.ts';

const version = Number(new URL(import.meta.url).searchParams.get('version'));

export const projections: ViewProjections = {
  version,
  migrations: new URL('./', import.meta.url),
  prepare(db) {
    const count = db.$client.prepare('UPDATE counters SET count = count + ?, version = ?');
    const apply = (): void => void count.run(version, version);
    return [{ stream: 'CATALOGUE', filter: 'catalogue.>', events: [movieStated], apply }];
  },
};
