/** `npm run seed`: the command line of the seed. */
import { join } from 'node:path';
import { Connection } from '../shared/broker/connection.ts';
import { programToken } from '../shared/operations/create-token.ts';
import { messageOf } from '../shared/operations/errors.ts';
import { readArguments } from '../shared/process/command-line.ts';
import { readConfig } from '../shared/process/config.ts';
import { createLogger } from '../shared/process/log.ts';
import { describeColumns } from './columns.ts';
import { checkEncoding } from './file/encoding.ts';
import { sourceOf } from './file/source.ts';
import { openFilms } from './films.ts';
import { readMap } from './layout/header.ts';
import { Progress } from './progress.ts';
import { checkRejectsFile, rejectsFileFor } from './rejects.ts';
import { runSeed, SeedStopped } from './seed.ts';
import { describe } from './summary.ts';

const usage = `Usage: npm run seed -- [--csv FILE] [OPTIONS]

Brings a file of films into the running system. Running it again changes nothing.

  --csv FILE       the file, also packed as .gz or .zst; - is standard input. Without it that of SEED_CSV, or our own films
  --columns        say what is understood of the file, show three rows as they would be stored, change nothing
  --map FIELD=COLUMN,…
                   say which column is what, where the header does not; FIELD= leaves a field out, and
                   actors=Star1+Star2 takes several columns
  --encoding NAME  of a file that is not in UTF-8, such as latin1, windows-1251, shift_jis
  --fill           change only what is not known yet of films that are there
  --keep-ids       refuse films that cannot have the id that the file says
  --replace        the id says which movie is meant: it becomes what the file says, whatever it was
  --max N          stop after N rows
  --rejects FILE   where refused rows go (data/rejects/…)
  --if-empty       do nothing where there are movies already, or where SEED_CSV is none; refused rows do not fail
  --nats URL       the broker

A film that is there already is told by its title and year, and by its director where two have both. It keeps its
id. Exit status: 0 all is in, 1 some rows were refused, 2 it could not run or not to the end.`;

/** The catalogue that ships with the project. */
const seedFile = join(import.meta.dirname, 'movies.csv');
const connectWithinMs = 5000;
/** At the start of a system its broker and services may take longer. */
const startsWithinMs = 60_000;

const sink = {
  isTerminal: process.stdout.isTTY === true,
  columns: process.stdout.columns ?? 80,
  write: (text: string) => void process.stdout.write(text),
};

function readOptions() {
  const { values } = readArguments({
    usage,
    options: {
      csv: { type: 'string' },
      columns: { type: 'boolean', default: false },
      map: { type: 'string', multiple: true },
      encoding: { type: 'string' },
      fill: { type: 'boolean', default: false },
      'keep-ids': { type: 'boolean', default: false },
      replace: { type: 'boolean', default: false },
      max: { type: 'string' },
      rejects: { type: 'string' },
      'if-empty': { type: 'boolean', default: false },
      nats: { type: 'string' },
    },
  });
  const max = values.max === undefined ? undefined : Number(values.max);
  if (max !== undefined && !(Number.isInteger(max) && max >= 1)) throw new Error('--max must be 1 or more');
  if (values.replace && (values['keep-ids'] || values.fill)) {
    throw new Error(`--replace and ${values.fill ? '--fill' : '--keep-ids'} cannot both be meant`);
  }
  return {
    ...values,
    max,
    csv: values.csv ?? (process.env.SEED_CSV || seedFile),
    map: values.map && readMap(values.map),
    encoding: values.encoding && checkEncoding(values.encoding),
    ids: values.replace ? ('replace' as const) : values['keep-ids'] ? ('keep' as const) : ('free' as const),
  };
}

/** @returns the exit status: 0 all rows are in, 1 some were refused, 2 it could not run or not to the end. */
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
  if (source.size !== undefined) await (await openFilms(source, { map, encoding })).close();

  const abort = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => abort.abort());
  await using connection = new Connection(config, 'seed', createLogger('seed', config.logLevel));
  await connection.within(ifEmpty ? startsWithinMs : connectWithinMs);
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
  for (const line of describe(summary)) console.log(line);
  if (!summary.complete) return 2;
  // A system starts with the rows that fit.
  return summary.rejected > 0 && !ifEmpty ? 1 : 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (error instanceof SeedStopped) for (const line of describe(error.summary)) console.log(line);
  console.error(`seed: ${messageOf(error)}`);
  process.exitCode = 2;
}
