/** Command-line options of the seed. */
import { join } from 'node:path';
import { readArguments } from '../shared/process/command-line.ts';
import { checkEncoding } from './file/encoding.ts';
import { readMap } from './layout/header.ts';

const usage = `Usage: npm run seed -- [--csv FILE] [OPTIONS]

Imports a file of films into the running system. Running it again changes nothing.

  --csv FILE       the file, plain, .gz or .zst; - reads standard input (default: SEED_CSV, else the shipped films)
  --columns        show how the columns are understood and three rows as they would be stored, without changing anything
  --map FIELD=COLUMN,…
                   name the columns that the header does not identify; FIELD= ignores a field, and
                   actors=Star1+Star2 combines several columns
  --encoding NAME  encoding of a file that is not UTF-8, such as latin1, windows-1251, shift_jis
  --fill           only fill in missing fields of films that are in the catalogue
  --keep-ids       refuse films that cannot have the id in the file
  --replace        match films by id only, and overwrite the movie with that id
  --max N          stop after N rows
  --rejects FILE   write refused rows to FILE (default: data/rejects/…)
  --if-empty       do nothing if the catalogue has movies or SEED_CSV is none; exit with 0 even if rows are refused
  --nats URL       address of the broker

A film matches one in the catalogue by title and year, and by director if several films share both. It then keeps
the id of the catalogue. Exit status: 0 every row was accepted, 1 some rows were refused, 2 the seed failed or stopped
early.`;

/** The catalogue that ships with the project. */
const seedFile = join(import.meta.dirname, 'movies.csv');

/**
 * Reads the options of the seed.
 * @throws Error naming the option that is invalid, or two options that exclude each other
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
    throw new Error(`--replace and ${values.fill ? '--fill' : '--keep-ids'} cannot be used together`);
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
