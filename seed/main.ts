/** `npm run seed`: the command line of the seed. */
import { Connection } from '../shared/broker/connection.ts';
import { programToken } from '../shared/operations/create-token.ts';
import { messageOf } from '../shared/operations/errors.ts';
import { readConfig } from '../shared/process/config.ts';
import { createLogger } from '../shared/process/log.ts';
import { describeColumns } from './columns.ts';
import { sourceOf } from './file/source.ts';
import { openFilms } from './films.ts';
import { readOptions } from './options.ts';
import { Progress } from './progress.ts';
import { checkRejectsFile, rejectsFileFor } from './rejects.ts';
import { runSeed, SeedStopped } from './seed.ts';
import { describe, statusOf } from './summary.ts';

/** At the start of a system its broker and services may take longer. */
const startsWithinMs = 60_000;

const sink = {
  isTerminal: process.stdout.isTTY === true,
  columns: process.stdout.columns ?? 80,
  write: (text: string) => void process.stdout.write(text),
};

/** @returns the exit status, which is 2 as well where it could not run. */
async function main(): Promise<number> {
  const { csv, map, encoding, max, ids, fill, ...values } = readOptions();
  if (values.columns) {
    const source = sourceOf(csv);
    const films = await openFilms(source, { map, encoding });
    for (const line of await describeColumns(source.name, films)) console.log(line);
    return 0;
  }
  const config = readConfig({ LOG_LEVEL: 'fatal', ...process.env, ...(values.nats ? { NATS_URL: values.nats } : {}) });
  const ifEmpty = values['if-empty'];
  if (ifEmpty && config.seedCsv === 'none') {
    console.log('SEED_CSV=none: the catalogue stays as it is');
    return 0;
  }
  const rejectsFile = values.rejects ?? rejectsFileFor(csv, config.dataDir);
  // Said at once, also where there is no broker.
  const source = sourceOf(csv);
  checkRejectsFile(csv, rejectsFile);
  if (source.size !== undefined) await (await openFilms(source, { map, encoding })).table.close();

  const abort = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => abort.abort());
  await using connection = new Connection(config, 'seed', createLogger('seed', config.logLevel));
  await connection.within(ifEmpty ? startsWithinMs : undefined);
  const summary = await runSeed({
    csv,
    map,
    encoding,
    rules: { ids, fill },
    max: max ?? config.maxMovies,
    onlyIfEmpty: ifEmpty,
    rejectsFile,
    connection,
    token: await programToken(config),
    say: (line) => console.log(line),
    progress: (bytes) => new Progress(sink, bytes),
    signal: abort.signal,
  });
  if (summary.kept) console.log('there are movies already: the catalogue stays as it is');
  else for (const line of describe(summary)) console.log(line);
  const status = statusOf(summary);
  // A system starts with the rows that fit.
  return status === 1 && ifEmpty ? 0 : status;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (error instanceof SeedStopped) for (const line of describe(error.summary)) console.log(line);
  console.error(`seed: ${messageOf(error)}`);
  process.exitCode = 2;
}
// As runProgram, which knows no numbers of ours.
process.exit(process.exitCode);
