/** Rows of CSV text that comes in parts, with line numbers, in constant memory. Nothing is read from a file here. */

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

/** A row longer than that, in characters, is a quote that was never closed. */
const maxRow = 1 << 20;

/**
 * How quotes inside of quotes are written: twice; behind a backslash; or as they are, which can only be told where the
 * row is one line with as many fields as the header.
 */
type Quotes = 'doubled' | 'backslash' | 'bare';

interface Parsed {
  fields: string[];
  /** Where the next row begins. */
  end: number;
}

/** The text ends inside of the row, or a quote is followed by what cannot be. */
type Failed = 'unfinished' | 'stray quote';

/**
 * Takes text and gives rows. The first row is the header, and tells how many fields the others have. A quote that is not
 * closed costs the line that it is on: the row behind it is found again.
 */
export class CsvReader {
  readonly form: CsvForm;
  #text = '';
  #at = 0;
  #line: number;
  #ended = false;
  /** Columns up to the last one with a name; 0 before the header. */
  #width = 0;

  /** @param line number of the first line of the text */
  constructor(form: CsvForm, line = 1) {
    this.form = form;
    this.#line = line;
  }

  add(text: string): void {
    this.#text = this.#text.slice(this.#at) + text;
    this.#at = 0;
  }

  /** There is no more text. */
  end(): void {
    this.#ended = true;
  }

  /** The next row that is not blank; undefined where that needs more text, or at the end. */
  next(): CsvRow | undefined {
    while (this.#at < this.#text.length) {
      const start = this.#at;
      const line = this.#line;
      const row = this.#row();
      if (!row) return undefined;
      this.#at = row.end;
      this.#line += lineFeeds(this.#text, start, row.end);
      if (row.fields.every((field) => field.trim() === '')) continue;
      if (this.#width === 0) this.#width = namedColumns(row.fields);
      const { fields, problem } = row;
      return problem ? { line, fields, problem } : { line, fields };
    }
    return undefined;
  }

  #row(): (Parsed & { problem?: string }) | undefined {
    const start = this.#at;
    const row = this.#parse(start, 'doubled');
    const unfinished = row === 'unfinished' && !this.#ended && this.#text.length - start < maxRow;
    if (unfinished) return undefined;
    if (typeof row === 'object' && this.#fits(row)) return row;
    const escaped = this.#parse(start, 'backslash');
    if (typeof escaped === 'object' && this.#fits(escaped)) return escaped;

    const lineEnd = this.#lineEnd(start);
    const severalLines = typeof row !== 'object' || row.end > lineEnd;
    const bare = this.#parse(start, 'bare');
    if (typeof bare === 'object' && bare.end === lineEnd && this.#fits(bare) && bare.fields.every(hasPairs))
      return bare;
    if (typeof row === 'object' && !(severalLines && this.#fitsAt(lineEnd))) {
      return { ...row, problem: this.#wrongWidth(row.fields.length) };
    }
    // Only this line is given up: what looked like the rest of a value are the next rows.
    const fields = this.#text
      .slice(start, lineEnd)
      .replace(/\r?\n$/, '')
      .split(this.form.delimiter);
    return { fields, end: lineEnd, problem: 'has a quote that is not closed, or one inside of a value' };
  }

  /** Whether a whole row begins there. */
  #fitsAt(start: number): boolean {
    const row = this.#parse(start, 'doubled');
    return typeof row === 'object' && this.#fits(row);
  }

  #fits({ fields }: Parsed): boolean {
    const width = this.#width;
    if (width === 0 || fields.length === width) return true;
    return fields.length > width && fields.slice(width).every((field) => field.trim() === '');
  }

  #wrongWidth(count: number): string {
    const { delimiter } = this.form;
    return (
      `has ${count} fields, the header ${this.#width}: ` +
      `is there ${delimiterName(delimiter)} or quote that is not quoted?`
    );
  }

  #lineEnd(start: number): number {
    const lineFeed = this.#text.indexOf('\n', start);
    return lineFeed < 0 ? this.#text.length : lineFeed + 1;
  }

  #parse(start: number, quotes: Quotes): Parsed | Failed {
    const text = this.#text;
    const { delimiter, quoted } = this.form;
    const fields: string[] = [];
    let at = start;
    let lineFeed = -1;
    for (;;) {
      const open = quoted ? openingQuote(text, at) : -1;
      if (open >= 0) {
        const close = closingQuote(text, open + 1, quotes, delimiter);
        if (close < 0) return 'unfinished';
        fields.push(unescaped(text.slice(open + 1, close), quotes));
        at = skipBlanks(text, close + 1);
        const next = text[at];
        if (next === undefined) return this.#ended ? { fields, end: at } : 'unfinished';
        if (next === '\n') return { fields, end: at + 1 };
        if (next !== delimiter) return 'stray quote';
        at++;
        continue;
      }
      if (lineFeed < at) {
        lineFeed = text.indexOf('\n', at);
        if (lineFeed < 0) {
          if (!this.#ended) return 'unfinished';
          lineFeed = text.length;
        }
      }
      const end = text.indexOf(delimiter, at);
      if (end >= 0 && end < lineFeed) {
        fields.push(text.slice(at, end));
        at = end + 1;
        continue;
      }
      // The carriage return before the line feed is no part of the value.
      const withReturn = lineFeed > at && text[lineFeed - 1] === '\r';
      fields.push(text.slice(at, withReturn ? lineFeed - 1 : lineFeed));
      return { fields, end: Math.min(lineFeed + 1, text.length) };
    }
  }
}

/** Where the quote is that a field begins with, behind blanks; -1 where it begins with something else. */
function openingQuote(text: string, at: number): number {
  let start = at;
  while (text[start] === ' ') start++;
  return text[start] === '"' ? start : -1;
}

/** Where the quote is that ends a value; -1 where there is none. */
function closingQuote(text: string, start: number, quotes: Quotes, delimiter: string): number {
  for (let from = start; ; ) {
    const quote = text.indexOf('"', from);
    if (quote < 0) return -1;
    if (quotes === 'backslash' && isEscaped(text, start, quote)) from = quote + 1;
    else if (quotes !== 'backslash' && text[quote + 1] === '"') from = quote + 2;
    else if (quotes === 'bare' && !endsField(text, quote + 1, delimiter)) from = quote + 1;
    else return quote;
  }
}

function isEscaped(text: string, start: number, quote: number): boolean {
  let at = quote;
  while (at > start && text[at - 1] === '\\') at--;
  return (quote - at) % 2 === 1;
}

function endsField(text: string, at: number, delimiter: string): boolean {
  const next = text[skipBlanks(text, at)];
  return next === undefined || next === '\n' || next === delimiter;
}

function skipBlanks(text: string, at: number): number {
  let end = at;
  while (text[end] === ' ' || text[end] === '\r') end++;
  return end;
}

function unescaped(value: string, quotes: Quotes): string {
  if (quotes === 'backslash') return value.replace(/\\(["\\])/g, '$1');
  return value.includes('"') ? value.replaceAll('""', '"') : value;
}

/** Whether the quotes inside of a value come in pairs. */
function hasPairs(value: string): boolean {
  return value.split('"').length % 2 === 1;
}

function lineFeeds(text: string, start: number, end: number): number {
  let count = 0;
  for (let at = text.indexOf('\n', start); at >= 0 && at < end; at = text.indexOf('\n', at + 1)) count++;
  return count;
}

function namedColumns(header: string[]): number {
  return header.findLastIndex((name) => name.trim() !== '') + 1;
}

/** A delimiter as it is said: "a comma". */
export function delimiterName(delimiter: string): string {
  const names: Record<string, string> = { ',': 'a comma', ';': 'a semicolon', '\t': 'a tab', '|': 'a |' };
  return names[delimiter] ?? `a ${delimiter}`;
}
