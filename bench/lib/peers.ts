/** Installs, on demand, and runs the frameworks that Marquee is compared with, on the same movies. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { syntheticMovies } from './movies-data.ts';
import type { Measured } from './process.ts';
import type { BenchSystem } from './system.ts';

const folder = join(import.meta.dirname, '../peers');

export type Peer = 'nest' | 'moleculer';

/** Installs the peers if they are missing. */
export function installPeers(say: (line: string) => void): void {
  if (existsSync(join(folder, 'node_modules/.package-lock.json'))) return;
  say('installing the peers (npm ci in bench/peers)');
  execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder, stdio: 'inherit' });
}

/** Writes the database that the peers read. */
export function peerDatabase(target: string, count: number): string {
  const file = join(target, 'peers.sqlite');
  const db = new BetterSqlite3(file);
  db.exec(`CREATE TABLE movies (movie_id INTEGER PRIMARY KEY, title TEXT, genres TEXT, description TEXT, director TEXT,
    actors TEXT, year INTEGER, runtime INTEGER, rating REAL, votes INTEGER, revenue REAL, metascore INTEGER,
    revision INTEGER, likes INTEGER)`);
  const insert = db.prepare(`INSERT INTO movies VALUES (${Array(14).fill('?').join(', ')})`);
  db.transaction(() => {
    for (const m of syntheticMovies(count)) {
      const texts = [m.title, JSON.stringify(m.genres), m.description, m.director, JSON.stringify(m.actors)];
      const numbers = [m.year, m.runtimeMinutes, m.rating, m.votes, m.revenueMillions, m.metascore, m.movieId, 0];
      insert.run(m.movieId, ...texts, ...numbers);
    }
  })();
  db.close();
  return file;
}

/** Starts a program of a peer and waits until it listens. */
export async function startPeer(
  system: BenchSystem,
  peer: Peer,
  role: string,
  { database, equipment = [] }: { database: string; equipment?: string[] | undefined },
): Promise<{ process: Measured; url: string }> {
  const env = { PEER_DB: database, NODE_ENV: 'production' };
  const started = system.program(`${peer} ${role}`, [join(folder, `${peer}.js`), role, ...equipment], env, folder);
  const [, url] = await started.prints(/listening(?: on (\S+))?/);
  return { process: started, url: url ?? '' };
}
