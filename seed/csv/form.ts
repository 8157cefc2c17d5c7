/** Detects the format of CSV text from its beginning. */
import { CsvReader } from './rows.ts';

export interface TextForm {
  delimiter: string;
  /** Characters before the header: a line `sep=;`, which spreadsheets write and pad with delimiters. */
  skip: number;
  /** Line on which the text after `skip` begins, from 1. */
  line: number;
  /** Whether lines end with a carriage return alone, as on old Macs. */
  returnsOnly: boolean;
}

/** Delimiters that are detected without a `sep=` line. */
export const delimiters = [',', ';', '\t', '|'];

/** Detects the form of a text from its first lines. The delimiter is the one that splits the header most. */
export function findForm(beginning: string): TextForm {
  const returnsOnly = beginning.includes('\r') && !beginning.includes('\n');
  const text = returnsOnly ? beginning.replaceAll('\r', '\n') : beginning;
  const sepLine = /^"?sep=([^\r\n"])"?\1*\r?\n/i.exec(text);
  if (sepLine?.[1]) return { delimiter: sepLine[1], skip: sepLine[0].length, line: 2, returnsOnly };
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
