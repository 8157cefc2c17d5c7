/** What the seed is told on its command line. */
import { join } from 'node:path';
import { readArguments } from '../shared/process/command-line.ts';
import { checkEncoding } from './file/encoding.ts';
import { readMap } from './layout/header.ts';

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

/**
 * Reads the options of the seed.
 * @throws Error that says what is not understood, or cannot both be meant
 */
export function readOptions(args = process.argv.slice(2)) {
  const { values } = readArguments({
    usage,
    args,
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
  const { SEED_CSV = 'none' } = process.env;
  return {
    ...values,
    max,
    csv: values.csv ?? (SEED_CSV === 'none' || SEED_CSV === '' ? seedFile : SEED_CSV),
    map: values.map && readMap(values.map),
    encoding: values.encoding && checkEncoding(values.encoding),
    ids: values.replace ? ('replace' as const) : values['keep-ids'] ? ('keep' as const) : ('free' as const),
  };
}
