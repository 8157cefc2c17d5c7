/** Memory and disk of the broker from 100,000 to 5,000,000 votes, without a target. */
import { join } from 'node:path';
import { startSystem } from '../lib/catalogue.ts';
import { fillVotes } from '../lib/fill.ts';
import type { Job, Outcome } from '../lib/job.ts';
import { folderMb, memoryMb } from '../lib/process.ts';
import { round } from '../lib/stats.ts';

const movies = 100_000;

export const broker: Job = {
  name: 'broker',
  title: 'Memory and disk of the broker by number of votes',
  async run(context) {
    const outcome: Outcome = { tables: [], targets: [], plots: [] };
    const all = context.quick ? [5000, 10_000] : [100_000, 500_000, 1_000_000, 5_000_000];
    const sizes = all.filter((votes) => votes <= 5 * context.most);
    const lines: { label: string; points: [number, number][] }[] = [];
    for (const perMessage of [1, 200]) {
      const rows: (string | number)[][] = [];
      const points: [number, number][] = [];
      for (const votes of sizes) {
        await using system = await startSystem(context, `broker-${perMessage}-${votes}`, 'default');
        const before = memoryMb(system.broker.pid).now;
        await fillVotes(system, votes, movies, { perMessage });
        const mb = memoryMb(system.broker.pid).now;
        const disk = folderMb(join(system.folder, 'nats'));
        context.say(
          `  ${votes} votes, ${perMessage} a message: ${Math.round(mb)} MB, ${Math.round((disk * 2 ** 20) / votes)} bytes a vote`,
        );
        rows.push([
          votes.toLocaleString('en-US'),
          round(before),
          round(mb),
          round(disk),
          round((disk * 2 ** 20) / votes),
        ]);
        points.push([votes, disk]);
      }
      const form = perMessage === 1 ? 'a message for each vote' : `${perMessage} votes a message`;
      outcome.tables.push({
        title: `Votes over ${movies.toLocaleString('en-US')} movies, ${form}`,
        columns: ['votes', 'MB of memory before', 'MB of memory with them', 'MB on disk', 'bytes on disk a vote'],
        rows,
      });
      lines.push({ label: form, points });
    }
    outcome.plots.push({
      kind: 'lines',
      name: 'broker',
      title: 'Votes on the disk of the broker',
      x: 'votes',
      y: 'MB',
      lines,
    });
    return outcome;
  },
};
