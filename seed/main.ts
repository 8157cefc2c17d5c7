/** `npm run seed`: the command-line program. */
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

/** How long `--if-empty` waits for the broker, in milliseconds: it runs while the system is still starting. */
const startupTimeoutMs = 60_000;

const sink = {
  isTerminal: process.stdout.isTTY === true,
  columns: process.stdout.columns ?? 80,
  write: (text: string) => void process.stdout.write(text),
};

/** Runs the seed and returns its exit status; the caller turns an exception into status 2. */
async function main(): Promise<number> {
  const { csv, map, encoding, max, ids, fill, ...values } = readOptions();
  if (values.columns) {
    const source = sourceOf(csv);
    const films = await openFilms(source, { map, encoding });
    for (const line of await describeColumns(source.name, films)) console.log(line);
    return 0;
  }
  const env = { ...process.env, ...(values.nats ? { NATS_URL: values.nats } : {}) };
  const config = readConfig(env, { LOG_LEVEL: 'fatal' });
  const ifEmpty = values['if-empty'];
  if (ifEmpty && config.seedCsv === 'none') {
    console.log('SEED_CSV=none: nothing to seed');
    return 0;
  }
  const rejectsFile = values.rejects ?? rejectsFileFor(csv, config.dataDir);
  // Check the files before connecting, so that their errors appear even without a broker.
  const source = sourceOf(csv);
  checkRejectsFile(csv, rejectsFile);
  if (source.size !== undefined) await (await openFilms(source, { map, encoding })).table.close();

  await using connection = new Connection(config, 'seed', createLogger('seed', config.logLevel));
  await connection.within(ifEmpty ? startupTimeoutMs : undefined);
  const abort = new AbortController();
  const stop = (): void => {
    abort.abort();
    // No further rows may arrive for a long time.
    if (csv === '-') process.stdin.push(null);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
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
  if (summary.kept) console.log('the catalogue already has movies: nothing was changed');
  else for (const line of describe(summary)) console.log(line);
  const status = statusOf(summary);
  // With --if-empty, refused rows must not stop the system from starting with the accepted ones.
  return status === 1 && ifEmpty ? 0 : status;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (error instanceof SeedStopped) for (const line of describe(error.summary)) console.log(line);
  console.error(`seed: ${messageOf(error)}`);
  process.exitCode = 2;
}
// Exits explicitly, as runProgram does; runProgram itself has no status 2.
process.exit(process.exitCode);
