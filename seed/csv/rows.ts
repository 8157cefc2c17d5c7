/** Rows of CSV text that comes in parts, with line numbers, in constant memory. Nothing is read from a file here. */
import Papa from 'papaparse';
import { UnusableFile } from '../unusable-file.ts';

export interface CsvRow {
  /** Line of the file on which the row begins, from 1. */
  line: number;
  fields: string[];
  /** What is wrong with the row as CSV. */
  problem?: string;
}

export interface CsvForm {
  delimiter: string;
  /** Whether fields may stand in quotes; without, a quote is a character as any other. */
  quoted: boolean;
}

/** A row longer than that, in characters, is a quote that was never closed; a line that is, is given up. */
const maxRow = 1 << 20;

/** How quotes inside of quotes are written: twice, or behind a backslash. */
type Quotes = 'doubled' | 'backslash';

interface Parsed {
  fields: string[];
  /** The text ends inside of the row, or a quote is followed by what cannot be. */
  wrong?: 'unfinished' | 'stray quote' | undefined;
}

interface Placed extends Parsed {
  /** Lines that it takes, and where the next row begins. */
  lines: number;
  end: number;
}

/**
 * Takes text and gives rows. Papaparse parts a line into fields, and more lines where a quote is open at its end. The first
 * row is the header, and tells how many fields the others have. A quote that is not closed costs the line that it is on: the
 * row behind it is found again.
 */
export class CsvReader {
  readonly #delimiter: string;
  /** Blanks between a delimiter and a quote. */
  readonly #blanks: RegExp;
  #parser: Papa.Parser;
  #text = '';
  #at = 0;
  #line: number;
  #ended = false;
  /** Whether what comes up to the next line end belongs to a line that was given up. */
  #inLongLine = false;
  /** Columns up to the last one with a name; 0 before the header. */
  #width = 0;

  /** @param line number of the first line of the text */
  constructor(form: CsvForm, line = 1) {
    this.#delimiter = form.delimiter;
    this.#blanks = new RegExp(`(^|[${form.delimiter.replace(/[\\^\]-]/, '\\$&')}]) +"`, 'gm');
    this.#parser = parserOf(form);
    this.#line = line;
  }

  /** From here on quotes are characters as any other. */
  withoutQuotes(): void {
    this.#parser = parserOf({ delimiter: this.#delimiter, quoted: false });
  }

  add(text: string): void {
    this.#text = this.#text.slice(this.#at) + text;
    this.#at = 0;
  }

  /** There is no more text. */
  end(): void {
    this.#ended = true;
  }

  /**
   * The next row that is not blank; undefined where that needs more text, or at the end.
   * @throws UnusableFile for a header without an end
   */
  next(): CsvRow | undefined {
    while (this.#at < this.#text.length) {
      const line = this.#line;
      if (this.#inLongLine) {
        this.#passLongLine();
        continue;
      }
      const row = this.#row();
      if (!row) return undefined;
      this.#at = row.end;
      this.#line += row.lines;
      // A line that is given up may have blanks at its beginning only.
      if (!this.#inLongLine && row.fields.every((field) => field.trim() === '')) continue;
      if (this.#width === 0) this.#width = namedColumns(row.fields);
      const { fields, problem } = row;
      return problem ? { line, fields, problem } : { line, fields };
    }
    return undefined;
  }

  #row(): (Placed & { problem?: string }) | undefined {
    const start = this.#at;
    const longest = start + maxRow;
    if (this.#lineEnd(start) > longest) {
      if (this.#width === 0) throw new UnusableFile(`line ${this.#line} has no end within ${maxRow} characters`);
      this.#inLongLine = true;
      const fields = this.#text.slice(start, start + 200).split(this.#delimiter);
      return { fields, lines: 0, end: longest, problem: `has a line of more than ${maxRow} characters` };
    }
    const row = this.#parse(start, 'doubled');
    if (!row) return undefined;
    if (!row.wrong && this.#fits(row)) return row;
    const escaped = this.#parse(start, 'backslash');
    if (!escaped) return undefined;
    if (!escaped.wrong && this.#fits(escaped)) return escaped;

    // Quotes that stand as they are in a value can only be told where one line has as many fields as the header.
    const single = row.lines === 1 && this.#fits(row) && row.fields.every(hasPairs);
    if (row.wrong === 'stray quote' && single) return row;
    const end = this.#lineEnd(start);
    if (!row.wrong) {
      const next = row.lines > 1 ? this.#parse(end, 'doubled') : row;
      if (!next) return undefined;
      if (next.wrong || !this.#fits(next)) return { ...row, problem: this.#wrongWidth(row.fields.length) };
    }
    // Only this line is given up: what looked like the rest of a value are the next rows.
    const fields = this.#text.slice(start, end).trimEnd().split(this.#delimiter);
    return { fields, lines: 1, end, problem: 'has a quote that is not closed, or one inside of a value' };
  }

  #passLongLine(): void {
    this.#at = this.#lineEnd(this.#at);
    this.#inLongLine = this.#text[this.#at - 1] !== '\n';
    if (!this.#inLongLine) this.#line++;
  }

  #fits({ fields }: Parsed): boolean {
    const width = this.#width;
    if (width === 0 || fields.length === width) return true;
    return fields.length > width && fields.slice(width).every((field) => field.trim() === '');
  }

  #wrongWidth(count: number): string {
    return (
      `has ${count} fields, the header ${this.#width}: ` +
      `is there ${delimiterName(this.#delimiter)} or quote that is not quoted?`
    );
  }

  #lineEnd(start: number): number {
    const lineFeed = this.#text.indexOf('\n', start);
    return lineFeed < 0 ? this.#text.length : lineFeed + 1;
  }

  /** The row that begins there; undefined where that needs more text. */
  #parse(start: number, quotes: Quotes): Placed | undefined {
    const lineEnd = this.#lineEnd(start);
    if (!this.#ended && this.#text[lineEnd - 1] !== '\n') return undefined;
    const line = { ...this.#first(start, lineEnd, quotes), lines: 1, end: lineEnd };
    if (line.wrong !== 'unfinished') return line;
    const row = this.#first(start, start + maxRow, quotes);
    if (row.wrong === 'unfinished') return this.#ended || this.#text.length - start >= maxRow ? line : undefined;
    const lines = row.fields.join().split('\n').length;
    let end = start;
    for (let i = 0; i < lines; i++) end = this.#lineEnd(end);
    return { ...row, lines, end };
  }

  /** The first row of a part of the text. */
  #first(start: number, end: number, quotes: Quotes): Parsed {
    let text = this.#text.slice(start, end);
    if (this.#ended && !text.endsWith('\n')) text += '\n';
    if (quotes === 'backslash') text = text.replace(/\\(["\\])/g, (_, is: string) => (is === '"' ? '""' : is));
    let row = parsed(this.#parser, text);
    if (row.fields.some((field) => /^ +"/.test(field))) row = parsed(this.#parser, text.replace(this.#blanks, '$1"'));
    return row;
  }
}

/** One for all rows: to make it takes longer than a row does. */
function parserOf({ delimiter, quoted }: CsvForm): Papa.Parser {
  return new Papa.Parser({ delimiter, newline: '\n', preview: 1, ...(quoted ? {} : { fastMode: true }) });
}

function parsed(parser: Papa.Parser, text: string): Parsed {
  const { data, errors, meta } = parser.parse(text, 0, false) as Papa.ParseResult<string[]>;
  const fields = data[0] ?? [];
  // A line feed ends the row, with or without a carriage return before it.
  const last = fields.at(-1);
  if (last?.endsWith('\r')) fields[fields.length - 1] = last.slice(0, -1);
  // Something behind the row was left, or its line end was not found.
  const wrong = !meta.truncated ? 'unfinished' : errors.length > 0 ? 'stray quote' : undefined;
  return { fields, wrong };
}

/** Whether the quotes inside of a value come in pairs. */
function hasPairs(value: string): boolean {
  return value.split('"').length % 2 === 1;
}

function namedColumns(header: string[]): number {
  return header.findLastIndex((name) => name.trim() !== '') + 1;
}

/** A delimiter as it is said: "a comma". */
export function delimiterName(delimiter: string): string {
  const names: Record<string, string> = { ',': 'a comma', ';': 'a semicolon', '\t': 'a tab', '|': 'a |' };
  return names[delimiter] ?? `a ${delimiter}`;
}
