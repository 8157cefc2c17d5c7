/** Seeds a second file of other films with the same ids into a catalogue of equal size, and then that file again. */
import { startSystem } from '../lib/catalogue.ts';
import { atLeast, atMost, type Job, type Outcome } from '../lib/job.ts';
import { moviesCsv } from '../lib/movies-data.ts';
import { cpuSeconds, memoryMb } from '../lib/process.ts';
import { round } from '../lib/stats.ts';

/** Rows of the repeated file: the time for a row does not depend on their number. */
const maxAgain = 200_000;

export const secondFile: Job = {
  name: 'second-file',
  title: 'A second file into a catalogue of as many films, and the same file again',
  async run(context): Promise<Outcome> {
    const films = context.quick ? 2000 : context.most;
    await using system = await startSystem(context, 'second-file');
    const movies = await system.services(['movies']);
    const services = [movies.process, system.broker];

    const seeded = async (name: string, csv: string, rows: number) => {
      const before = services.map(({ pid }) => cpuSeconds(pid));
      const startedAt = performance.now();
      const program = system.seed(csv, '--max', String(rows));
      let seedMb = 0;
      const sampler = setInterval(() => {
        if (program.child.exitCode === null) seedMb = Math.max(seedMb, memoryMb(program.pid).now);
      }, 500);
      const [summary] = await program.prints(/rows read.*\n/, 7_200_000);
      clearInterval(sampler);
      const perSecond = rows / ((performance.now() - startedAt) / 1000);
      // Some of a million random films differ only by id, and are refused if it is taken; that is not a failure.
      await program.ended;
      const cpu = services.map(({ pid }, i) => (1e6 * (cpuSeconds(pid) - (before[i] as number))) / rows);
      const mb = [...services.map(({ pid }) => memoryMb(pid).peak), seedMb];
      context.say(`  ${name}: ${Math.round(perSecond)} rows/s, ${mb.map(Math.round).join(', ')} MB; ${summary.trim()}`);
      return { name, perSecond, mb, row: [name, rows, ...[perSecond, ...cpu, ...mb].map(round)] };
    };

    const second = moviesCsv(context.dataFolder, films, films);
    const runs = [
      await seeded('into nothing', moviesCsv(context.dataFolder, films), films),
      await seeded('other films beside them', second, films),
      await seeded('the same again', second, Math.min(films, maxAgain)),
    ];
    const [empty, beside] = runs as [(typeof runs)[0], (typeof runs)[0]];
    return {
      tables: [
        {
          title: `${films.toLocaleString('en-US')} films in each file`,
          columns: [
            '',
            'rows',
            'rows/s',
            'movies: µs a row',
            'broker: µs a row',
            'movies: MB',
            'broker: MB',
            'seed: MB',
          ],
          rows: runs.map(({ row }) => row),
          note: 'Processor time; the most memory up to then.',
        },
      ],
      targets: [
        atLeast('a second file of as many films', 0.75, beside.perSecond / empty.perSecond, 'the first'),
        atMost('memory of every process', 350, Math.max(...runs.flatMap(({ mb }) => mb)), 'MB'),
      ],
      plots: [],
    };
  },
};
