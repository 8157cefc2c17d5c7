/** Rebuild of ranking's view from votes, against only reading the stream and only applying events from memory. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { startSystem } from '../lib/catalogue.ts';
import { fillVotes } from '../lib/fill.ts';
import { atLeast, type Context, type Job, type Outcome } from '../lib/job.ts';
import { cpuSeconds, type Measured, memoryMb } from '../lib/process.ts';
import { median, round } from '../lib/stats.ts';
import type { BenchSystem } from '../lib/system.ts';

const movies = 10_000;
const names = ['reading only', 'applying only, from memory', "rebuild of ranking's view"] as const;

export const rebuild: Job = {
  name: 'rebuild',
  title: "Rebuild of ranking's view from its votes",
  async run(context) {
    const outcome: Outcome = { tables: [], targets: [], plots: [] };
    const votes = context.quick ? 20_000 : Math.min(2_000_000, 2 * context.most);
    await shape(context, outcome, { votes, perMessage: 1, target: true });
    await shape(context, outcome, { votes, perMessage: 200, target: false });
    return outcome;
  },
};

interface Shape {
  votes: number;
  perMessage: number;
  target: boolean;
}

async function shape(context: Context, outcome: Outcome, { votes, perMessage, target }: Shape): Promise<void> {
  await using system = await startSystem(context, `rebuild-${perMessage}`, 'default');
  await fillVotes(system, votes, movies, { perMessage });
  const rates: number[][] = [[], [], []];
  let about = '';
  // A round takes long enough that three are sufficient; reading and applying vary less than rebuilding.
  for (let i = 0; i < Math.min(context.rounds, 3); i++) {
    rates[0]?.push(votes / (await ended(system.program('reading', [server('read-nothing')]))));
    const file = join(system.folder, `memory-${i}.sqlite`);
    rates[1]?.push(
      votes /
        (await ended(
          system.program('applying', [server('apply-memory'), `${votes}`, `${movies}`, file, `${perMessage}`]),
        )),
    );
    for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true });
    const result = await rebuilt(system, i);
    rates[2]?.push(votes / result.seconds);
    about = result.about;
    context.say(`  ${rates.map((list) => Math.round(list.at(-1) ?? 0)).join(', ')} votes/s`);
  }
  const [reading = 0, applying = 0, whole = 0] = rates.map(median);
  const form = perMessage === 1 ? 'a message for each vote' : `messages of ${perMessage} votes, as they are under load`;
  outcome.tables.push({
    title: `${votes.toLocaleString('en-US')} votes, ${form}`,
    columns: ['', 'votes/s', 'ratio to the slower of reading and applying'],
    rows: [reading, applying, whole].map((rate, i) => [
      names[i] as string,
      round(rate),
      (rate / Math.min(reading, applying)).toFixed(2),
    ]),
    note: about,
  });
  if (target)
    outcome.targets.push(
      atLeast(
        'rebuild of ranking from votes',
        0.5,
        whole / Math.min(reading, applying),
        'the slower of reading and applying',
      ),
    );
}

const server = (name: string): string => join(import.meta.dirname, `../servers/${name}.ts`);

async function ended(program: Measured): Promise<number> {
  const [, json] = await program.prints(/(\{.*\})/, 1_200_000);
  await program.ended;
  return (JSON.parse(json as string) as { seconds: number }).seconds;
}

/** Measures a rebuild from listening to ready, without the start of the process. */
async function rebuilt(system: BenchSystem, round: number): Promise<{ seconds: number; about: string }> {
  const dataDir = join(system.folder, `rebuild-${round}`);
  const broker = cpuSeconds(system.broker.pid);
  const program = await system.listen(['ranking'], { dataDir });
  const startedAt = performance.now();
  await program.ready();
  const seconds = (performance.now() - startedAt) / 1000;
  const { pid } = program.process;
  const cpu = `ranking ${cpuSeconds(pid).toFixed(1)} s, broker ${(cpuSeconds(system.broker.pid) - broker).toFixed(1)} s`;
  const about = `Processor time of the last round: ${cpu}; peak memory of ranking ${Math.round(memoryMb(pid).peak)} MB.`;
  await program.process[Symbol.asyncDispose]();
  rmSync(dataDir, { recursive: true, force: true });
  return { seconds, about };
}
