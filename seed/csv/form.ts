/** How a CSV text is written, found out from its beginning. */
import { CsvReader } from './rows.ts';

export interface TextForm {
  delimiter: string;
  /** Characters before the header: a line `sep=;`, as spreadsheets write it, and fill up to as many columns as others have. */
  skip: number;
  /** Line on which the text behind them begins, from 1. */
  line: number;
  /** Whether lines end in a carriage return alone, as on old Macs. */
  returnsOnly: boolean;
}

/** Those that are found without being said. */
export const delimiters = [',', ';', '\t', '|'];

/** Finds the form of a text from its first lines: the delimiter is the one that makes most columns of the header. */
export function findForm(beginning: string): TextForm {
  const returnsOnly = beginning.includes('\r') && !beginning.includes('\n');
  const text = returnsOnly ? beginning.replaceAll('\r', '\n') : beginning;
  const said = /^"?sep=([^\r\n"])"?\1*\r?\n/i.exec(text);
  if (said?.[1]) return { delimiter: said[1], skip: said[0].length, line: 2, returnsOnly };
  const counts = delimiters.map((delimiter) => columns(text, delimiter));
  const best = counts.indexOf(Math.max(...counts));
  return { delimiter: delimiters[best] ?? ',', skip: 0, line: 1, returnsOnly };
}

function columns(text: string, delimiter: string): number {
  const reader = new CsvReader({ delimiter, quoted: true });
  reader.add(text);
  reader.end();
  const header = reader.next();
  return header && !header.problem ? header.fields.length : 0;
}
