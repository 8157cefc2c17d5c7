/** `npm run seed -- [--csv FILE] [--max N] [--nats URL] [--rejects FILE] [--if-empty]` */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { programToken } from '../deploy/create-token.ts';
import { Connection } from '../shared/broker/connection.ts';
import { messageOf } from '../shared/operations/errors.ts';
import { readConfig } from '../shared/process/config.ts';
import { createLogger } from '../shared/process/log.ts';
import { checkFile } from './csv.ts';
import { Progress } from './progress.ts';
import { describe, rejectsFileFor, runSeed, SeedStopped } from './seed.ts';

const usage = 'Usage: npm run seed -- [--csv FILE] [--max N] [--nats URL] [--rejects FILE] [--if-empty]';
/** The catalogue that ships with the project. */
const seedFile = join(import.meta.dirname, 'movies.csv');
const connectWithinMs = 5000;

const sink = {
  isTerminal: process.stdout.isTTY === true,
  columns: process.stdout.columns ?? 80,
  write: (text: string) => void process.stdout.write(text),
};

/** @returns the exit status: 0 all rows are in, 1 some were refused, 2 it could not run or not to the end. */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      csv: { type: 'string' },
      max: { type: 'string' },
      nats: { type: 'string' },
      rejects: { type: 'string' },
      'if-empty': { type: 'boolean', default: false },
    },
  });
  const max = values.max === undefined ? undefined : Number(values.max);
  if (max !== undefined && !(Number.isInteger(max) && max >= 1)) throw new Error(`--max must be 1 or more\n${usage}`);
  const config = readConfig({ LOG_LEVEL: 'fatal', ...process.env, ...(values.nats ? { NATS_URL: values.nats } : {}) });
  const csv = values.csv ?? seedFile;
  // Said at once, also where there is no broker.
  checkFile(csv);

  const abort = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => abort.abort());
  await using connection = new Connection(config, 'seed', createLogger('seed', config.logLevel));
  await connection.within(connectWithinMs);
  const summary = await runSeed({
    csv,
    max: max ?? config.maxMovies,
    onlyIfEmpty: values['if-empty'],
    rejectsFile: values.rejects ?? rejectsFileFor(csv, config.dataDir),
    connection,
    token: await programToken(config),
    say: (line) => console.log(line),
    progress: (bytes) => new Progress(sink, bytes),
    signal: abort.signal,
  });
  for (const line of describe(summary)) console.log(line);
  if (!summary.complete) return 2;
  return summary.rejected > 0 ? 1 : 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (error instanceof SeedStopped) for (const line of describe(error.summary)) console.log(line);
  console.error(`seed: ${messageOf(error)}`);
  process.exitCode = 2;
}
