/** Large views for queries in this process, built by the services' projections and kept between runs. */
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { buildSync } from 'esbuild';
import { catalogueProjection as moviesProjection } from '../../services/movies/catalogue-projection.ts';
import { movieFields, movieStated } from '../../services/movies/contract.ts';
import { catalogueProjection as rankedProjection } from '../../services/ranking/catalogue-projection.ts';
import { voteGiven } from '../../services/ranking/contract.ts';
import { votesProjection } from '../../services/ranking/votes-projection.ts';
import type { StoredEvent } from '../../shared/broker/event-codec.ts';
import { type Database, migrate, openDatabase, removeDatabase } from '../../shared/views/database.ts';
import type { Projection } from '../../shared/views/projection.ts';
import { syntheticMovies } from './movies-data.ts';
import { syntheticVotes } from './votes-data.ts';

const root = resolve(import.meta.dirname, '../..');
const startedAt = Date.UTC(2026, 0, 1);

function* movieEvents(count: number): Generator<StoredEvent> {
  for (const { movieId, ...fields } of syntheticMovies(count)) {
    const common = {
      type: movieStated.type,
      subject: '',
      site: 'hub',
      time: startedAt,
      sequence: movieId,
    };
    yield { ...common, tokens: { site: 'hub', movieId: `${movieId}` }, data: movieFields.parse(fields) };
  }
}

function* voteEvents(count: number, movies: number): Generator<StoredEvent> {
  let sequence = 0;
  for (const { movieId, ...data } of syntheticVotes(count, movies)) {
    const tokens = { site: 'hub', movieId: `${movieId}` };
    const time = startedAt + sequence;
    yield {
      type: voteGiven.type,
      subject: '',
      site: 'hub',
      time,
      sequence: ++sequence,
      tokens,
      data,
    };
  }
}

const eventsAtOnce = 5000;
/** SQLite cache while a file is built, in MB; measurements use the normal cache. */
const fillingCacheMb = 4096;

/** Applies events in one transaction, so that each page stays in memory and is written only once. */
function apply(db: Database, projection: Projection, events: Generator<StoredEvent>): void {
  db.$client.transaction(() => {
    let count = 0;
    for (const event of events) {
      projection.apply(event);
      if (++count % eventsAtOnce === 0) projection.finish?.();
    }
    projection.finish?.();
  })();
  while (db.$client.transaction(() => projection.complete?.())());
}

/** Returns the movies view of synthetic movies. */
export function moviesView(folder: string, movies: number): Database {
  return kept(folder, 'movies', `${movies}`, (db) => apply(db, moviesProjection(db), movieEvents(movies)));
}

/** Returns the ranking view of synthetic movies and votes. */
export function rankingView(folder: string, movies: number, votes: number): Database {
  return kept(folder, 'ranking', `${movies}-${votes}`, (db) => {
    apply(db, rankedProjection(db), movieEvents(movies));
    apply(db, votesProjection(db), voteEvents(votes, movies));
  });
}

/** Returns a kept file or builds it. Its name contains a digest of the code, data and schema that make it. */
function kept(folder: string, service: string, size: string, fill: (db: Database) => void): Database {
  const hash = createHash('sha256');
  // Bundled, so that no imported file is missed; minified, so that comments do not count.
  const { outputFiles } = buildSync({
    absWorkingDir: root,
    entryPoints: [`services/${service}/projections.ts`, ...globSync('bench/lib/*-data.ts', { cwd: root })],
    bundle: true,
    packages: 'external',
    format: 'esm',
    minify: true,
    write: false,
    outdir: '.',
  });
  for (const { contents } of outputFiles) hash.update(contents);
  const migrations = globSync(`services/${service}/migrations/*.sql`, { cwd: root }).sort();
  for (const file of migrations) hash.update(readFileSync(join(root, file)));
  const file = join(folder, `${service}-${size}-${hash.digest('hex').slice(0, 12)}.sqlite`);
  if (existsSync(file)) return openDatabase(file);
  mkdirSync(folder, { recursive: true });
  const part = `${file}.part`;
  removeDatabase(part);
  const db = openDatabase(part);
  migrate(db, new URL(`../../services/${service}/migrations/`, import.meta.url));
  db.$client.pragma(`cache_size = -${fillingCacheMb * 1024}`);
  fill(db);
  db.$client.close();
  renameSync(part, file);
  return openDatabase(file);
}
