/** The file of refused rows: the same columns, with the line, column and reason in front. */
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import Papa from 'papaparse';
import type { Problem } from './columns.ts';

/** Writes refused rows to a file, made at the first one. A file of an earlier run is removed. */
export class Rejects {
  readonly file: string;
  count = 0;
  readonly #header: string[];

  constructor(file: string, header: string[]) {
    this.file = file;
    this.#header = header;
    rmSync(file, { force: true });
  }

  add(line: number, problems: Problem[], fields: string[]): void {
    if (this.count++ === 0) {
      mkdirSync(dirname(this.file), { recursive: true });
      writeFileSync(this.file, csvLine(['Line', 'Column', 'Reason', ...this.#header]));
    }
    const column = problems.map((problem) => problem.column).join('; ');
    const reason = problems.map((problem) => problem.reason).join('; ');
    appendFileSync(this.file, csvLine([String(line), column, reason, ...fields]));
  }
}

function csvLine(fields: string[]): string {
  return `${Papa.unparse([fields], { newline: '\n' })}\n`;
}
