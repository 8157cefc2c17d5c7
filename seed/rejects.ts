/** The file of refused rows: the same columns, with the line, column and reason in front. */
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

/** Writes refused rows to a file, made at the first one, in the form of the source. A file of an earlier run is removed. */
export class Rejects {
  readonly file: string;
  count = 0;
  readonly #header: string[];
  readonly #form: CsvForm;

  constructor(file: string, header: string[], form: CsvForm) {
    this.file = file;
    this.#header = header;
    this.#form = form;
    // Not /dev/null, nor what a link leads to before there is a row: /dev/stdout may lead to a file that others write to.
    if (lstatSync(file, { throwIfNoEntry: false })?.isFile()) rmSync(file);
  }

  add(line: number, problems: Problem[], fields: string[]): void {
    if (this.count++ === 0) {
      const folder = mkdirSync(dirname(this.file), { recursive: true });
      const { delimiter } = this.#form;
      const said = delimiters.includes(delimiter) ? '' : `sep=${delimiter}\n`;
      // A mark of UTF-8, whatever the source was in: also those who say `--encoding` again, and spreadsheets, read it as it is.
      writeFileSync(this.file, `\ufeff${said}${csvLine(['Line', 'Column', 'Reason', ...this.#header], this.#form)}`);
      giveToOwner(this.file, folder ?? this.file);
    }
    const column = problems.map((problem) => problem.column).join('; ');
    const reason = problems.map((problem) => problem.reason).join('; ');
    appendFileSync(this.file, csvLine([String(line), column, reason, ...fields], this.#form));
  }
}

/** In a container this is root, and what it writes is for whom the folder belongs to: `first` and all in it down to `file`. */
function giveToOwner(file: string, first: string): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = statSync(dirname(first));
  for (let path = file; path.length >= first.length; path = dirname(path)) lchownSync(path, uid, gid);
}

function csvLine(fields: string[], { delimiter, quoted }: CsvForm): string {
  // Without quotes a value cannot hold what parts them: a reason may, a value of the file does not.
  if (!quoted) return `${fields.map((field) => field.replaceAll(delimiter, ' ')).join(delimiter)}\n`;
  return `${Papa.unparse([fields], { delimiter, newline: '\n' })}\n`;
}

/** Where the refused rows of a file go when nothing else is said. */
export function rejectsFileFor(csv: string, dataDir: string): string {
  const name = csv === '-' ? 'stdin' : basename(csv).replace(/(\.(csv|tsv|txt))?(\.(gz|zst))?$/i, '');
  return join(dataDir, 'rejects', `${name}.rejects.csv`);
}

/**
 * Makes sure that refused rows can be written, and do not go where the rows come from.
 * @param stdin the descriptor that `-` is read from
 * @throws UnusableFile where they cannot, and when both are one file, also by a link.
 */
export function checkRejectsFile(csv: string, rejects: string, stdin = 0): void {
  const target = statSync(rejects, { throwIfNoEntry: false });
  if (target?.isDirectory()) throw new UnusableFile(`the refused rows cannot go to ${rejects}: it is a folder`);
  let there = resolve(rejects);
  while (!existsSync(there)) there = dirname(there);
  try {
    if (!target && !statSync(there).isDirectory()) throw new Error(`${there} is no folder`);
    accessSync(there, constants.W_OK);
  } catch (error) {
    throw new UnusableFile(`the refused rows cannot be written to ${rejects}: ${messageOf(error)}`);
  }
  const source = csv === '-' ? fstatSync(stdin) : statSync(csv, { throwIfNoEntry: false });
  // A terminal may be both.
  if (!source?.isFile() || target?.dev !== source.dev || target.ino !== source.ino) return;
  const name = csv === '-' ? 'the file of standard input' : csv;
  throw new UnusableFile(`the refused rows would overwrite ${name}: name another file with --rejects`);
}
