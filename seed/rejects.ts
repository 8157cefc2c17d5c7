/** The file of refused rows: the columns of the source, preceded by line, column and reason. */
import {
  accessSync,
  appendFileSync,
  constants,
  existsSync,
  fstatSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import Papa from 'papaparse';
import { messageOf } from '../shared/operations/errors.ts';
import { delimiters } from './csv/form.ts';
import type { CsvForm } from './csv/rows.ts';
import type { Problem } from './layout/row.ts';
import { UnusableFile } from './unusable-file.ts';

/** Writes refused rows in the format of the source. Removes an earlier file, and creates one at the first row. */
export class Rejects {
  readonly file: string;
  count = 0;
  readonly #header: string[];
  readonly #form: CsvForm;

  constructor(file: string, header: string[], form: CsvForm) {
    this.file = file;
    this.#header = header;
    this.#form = form;
    // Only a regular file: /dev/null must stay, and a link such as /dev/stdout may lead to a file that others write to.
    if (lstatSync(file, { throwIfNoEntry: false })?.isFile()) rmSync(file);
  }

  add(line: number, problems: Problem[], fields: string[]): void {
    if (this.count++ === 0) {
      const folder = mkdirSync(dirname(this.file), { recursive: true });
      const { delimiter } = this.#form;
      const sepLine = delimiters.includes(delimiter) ? '' : `sep=${delimiter}\n`;
      // The mark makes spreadsheets, and a second run with the `--encoding` of the source, read the file as UTF-8.
      writeFileSync(this.file, `\ufeff${sepLine}${csvLine(['Line', 'Column', 'Reason', ...this.#header], this.#form)}`);
      giveToOwner(this.file, folder ?? this.file);
    }
    const column = problems.map((problem) => problem.column).join('; ');
    const reason = problems.map((problem) => problem.reason).join('; ');
    appendFileSync(this.file, csvLine([String(line), column, reason, ...fields], this.#form));
  }
}

/** Gives a file created by root in a container, and its new folders from `first` on, to the owner of their folder. */
function giveToOwner(file: string, first: string): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = statSync(dirname(first));
  for (let path = file; path.length >= first.length; path = dirname(path)) lchownSync(path, uid, gid);
}

function csvLine(fields: string[], { delimiter, quoted }: CsvForm): string {
  // Unquoted values cannot hold the delimiter. Values of the file never do; a reason may.
  if (!quoted) return `${fields.map((field) => field.replaceAll(delimiter, ' ')).join(delimiter)}\n`;
  return `${Papa.unparse([fields], { delimiter, newline: '\n' })}\n`;
}

/** Returns the default path for the refused rows of a file. */
export function rejectsFileFor(csv: string, dataDir: string): string {
  const name = csv === '-' ? 'stdin' : basename(csv).replace(/(\.(csv|tsv|txt))?(\.(gz|zst))?$/i, '');
  return join(dataDir, 'rejects', `${name}.rejects.csv`);
}

/**
 * Checks that refused rows can be written and would not overwrite the source.
 * @param stdin file descriptor that `-` stands for
 * @throws UnusableFile when the file cannot be written, or both paths lead to the same file
 */
export function checkRejectsFile(csv: string, rejects: string, stdin = 0): void {
  const target = statSync(rejects, { throwIfNoEntry: false });
  if (target?.isDirectory()) throw new UnusableFile(`cannot write refused rows to ${rejects}: it is a folder`);
  let existing = resolve(rejects);
  while (!existsSync(existing)) existing = dirname(existing);
  try {
    if (!target && !statSync(existing).isDirectory()) throw new Error(`${existing} is not a folder`);
    accessSync(existing, constants.W_OK);
  } catch (error) {
    throw new UnusableFile(`cannot write refused rows to ${rejects}: ${messageOf(error)}`);
  }
  const source = csv === '-' ? fstatSync(stdin) : statSync(csv, { throwIfNoEntry: false });
  // A terminal may be both source and target, so only regular files are compared.
  if (!source?.isFile() || target?.dev !== source.dev || target.ino !== source.ino) return;
  const name = csv === '-' ? 'the file on standard input' : csv;
  throw new UnusableFile(`the refused rows would overwrite ${name}: name another file with --rejects`);
}
