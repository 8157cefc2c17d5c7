/** A whole run: load with faults, a quiet period, then the checks. */
import { checkAll } from './check.ts';
import { send } from './client.ts';
import { type Recovery, runFaults, terminate } from './faults.ts';
import { Injector } from './injector.ts';
import { type Actor, type Desk, Ledger } from './ledger.ts';
import { Library, remindersMs } from './library.ts';
import { Likes, likedMovies } from './likes.ts';
import { Movies } from './movies.ts';
import { Queries } from './queries.ts';
import { Random } from './random.ts';
import { type Fault, plan } from './schedule.ts';
import { ChaosSystem, onSmallDisk } from './system.ts';
import { Tickets } from './tickets.ts';

export interface RunOptions {
  seed: number;
  /** Length of the period with faults, in milliseconds. */
  lengthMs: number;
  /** Number of concurrent workers. */
  workers?: number;
  say?: (line: string) => void;
}

export interface RunResult {
  seed: number;
  faults: Fault[];
  ledger: Ledger;
  recoveries: Recovery[];
  /** Time from the end of the faults until every process was ready and every view complete, in milliseconds. */
  settledMs: number;
  skipped: string[];
  /** Output of the processes, by name. */
  logs: Record<string, string>;
}

const settleLimitMs = 90_000;

/** Runs chaos and returns its findings. @throws Error when the system cannot be started */
export async function runChaos({ seed, lengthMs, workers = 6, say = () => {} }: RunOptions): Promise<RunResult> {
  const random = new Random(seed ^ 0x5eed);
  const ledger = new Ledger();
  await using system = await ChaosSystem.start({ onSurprise: (what) => ledger.found(what) });
  say('the system is up');
  await addMovies(system);
  const desk = (worker: number): Desk<ChaosSystem> => ({ system, ledger, random: random.fork(), worker });
  const loads = Array.from({ length: workers }, (_, index) => load(desk(index + 1)));
  const byHand = { likes: new Likes(desk(98)), tickets: new Tickets(desk(99)) };
  const injector = new Injector(desk(97), byHand.likes, byHand.tickets);
  const faults = plan(
    seed,
    lengthMs,
    system.members.map(({ name }) => name),
    system.smallDisk ? onSmallDisk : undefined,
  );

  const running = { stopped: false };
  const working = Promise.all(loads.map((actors) => work(actors, running, random.fork())));
  const recoveries = await runFaults(faults, { system, injector, ledger });
  const endedAt = performance.now();
  say(`${faults.length} faults are over, ${ledger.total('acknowledged')} writes were acknowledged`);
  running.stopped = true;
  await working;
  const actors = [...loads.flat().map(({ actor }) => actor), byHand.likes, byHand.tickets];
  let settledMs = Number.POSITIVE_INFINITY;
  try {
    await system.allReady(settleLimitMs);
    settledMs = performance.now() - endedAt;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, endedAt + remindersMs - performance.now())));
    await quiet(system);
    await checkAll({ system, actors, injector, ledger });
    say('checks done; repeating them with every view reopened');
    await restartAll(system, ledger);
    await checkAll({ system, actors, injector, ledger });
  } catch (error) {
    ledger.found(`the checks failed: ${(error as Error).message}`);
  }
  const logs = Object.fromEntries(system.members.map(({ name, log }) => [name, log]));
  countSnapshots(Object.values(logs).join(''), ledger);
  const skipped = system.smallDisk ? [] : ['fillDisk: this user may not mount a file system'];
  return { seed, faults, ledger, recoveries, settledMs, skipped, logs };
}

const ofSnapshots: Record<string, string> = {
  stored: 'a snapshot of the view was stored',
  begun: 'the view begins with a snapshot',
  'not used': 'a snapshot of the view cannot be used',
};

function countSnapshots(log: string, ledger: Ledger): void {
  for (const [outcome, said] of Object.entries(ofSnapshots)) {
    for (let n = log.split(said).length - 1; n > 0; n--) ledger.count('snapshots', outcome);
  }
}

/** Damage to a file may remain unnoticed while all of it is cached in memory. */
async function restartAll(system: ChaosSystem, ledger: Ledger): Promise<void> {
  await Promise.all(
    system.members.map(async (member) => {
      await terminate(member, ledger);
      member.start();
    }),
  );
  await system.allReady(settleLimitMs);
}

async function addMovies(system: ChaosSystem): Promise<void> {
  for (const movieId of likedMovies) {
    const body = { movieId, title: `Classic ${movieId}`, genres: ['Drama'], rating: 5, votes: movieId };
    const { outcome } = await send('POST', `${system.gateway.url}/movies`, { body });
    if (outcome !== 'acknowledged') throw new Error(`movie ${movieId} cannot be added`);
  }
  await system.allReady(90_000);
}

interface Share {
  actor: Actor;
  weight: number;
}

function load(desk: Desk): Share[] {
  return [
    { actor: new Likes(desk), weight: 5 },
    { actor: new Library(desk), weight: 3 },
    { actor: new Tickets(desk), weight: 3 },
    { actor: new Movies(desk), weight: 3 },
    { actor: new Queries(desk), weight: 6 },
  ];
}

async function work(shares: Share[], running: { stopped: boolean }, random: Random): Promise<void> {
  const weighted = shares.flatMap(({ actor, weight }) => Array.from({ length: weight }, () => actor));
  while (!running.stopped) {
    await random.pick(weighted).step();
    await new Promise((resolve) => setTimeout(resolve, random.between(0, 40)));
  }
}

/** Waits until the streams stop growing and every view has applied all messages. */
async function quiet(system: ChaosSystem): Promise<void> {
  const deadline = Date.now() + settleLimitMs;
  let before = '';
  for (let same = 0; same < 10; ) {
    const ends = JSON.stringify([...(await system.ends())]);
    same = ends === before ? same + 1 : 0;
    before = ends;
    if (Date.now() > deadline) throw new Error('the streams do not come to rest');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await system.allReady(settleLimitMs);
}
