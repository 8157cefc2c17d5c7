/** Incremental CSV parser with line numbers and constant memory. It takes text and reads no files. */
import Papa from 'papaparse';
import { UnusableFile } from '../unusable-file.ts';

export interface CsvRow {
  /** Line of the file on which the row begins, from 1. */
  line: number;
  fields: string[];
  /** Why the row is not valid CSV. */
  problem?: string;
}

export interface CsvForm {
  delimiter: string;
  /** Whether fields may be quoted; if not, a quote is an ordinary character. */
  quoted: boolean;
}

/** Longest row, in characters. A longer row has an unclosed quote; a longer line is refused. */
const maxRow = 1 << 20;

/** How a quote inside a quoted field is escaped: doubled, or with a backslash. */
type Quotes = 'doubled' | 'backslash';

/** The rest of a quoted value with its closing quote. */
const restOfValue: Record<Quotes, RegExp> = {
  doubled: /[^"]*(?:""[^"]*)*"(?!")/y,
  backslash: /[^"\\]*(?:(?:""|\\.)[^"\\]*)*"(?!")/sy,
};

interface Parsed {
  fields: string[];
  /** `unfinished`: the text ends inside the row. `stray quote`: a closing quote is not followed by a delimiter. */
  wrong?: 'unfinished' | 'stray quote' | undefined;
}

interface Placed extends Parsed {
  /** Number of lines of the row. */
  lines: number;
  /** Position where the next row begins. */
  end: number;
}

/**
 * Takes text in chunks and returns rows. Papaparse splits a line into fields, and takes further lines while a quote is
 * open. The first row is the header and sets the number of fields. An unclosed quote costs only the line it is on:
 * parsing resumes at the next line.
 */
export class CsvReader {
  readonly #delimiter: string;
  /** Spaces between a delimiter and a quote. */
  readonly #blanks: RegExp;
  /** What may follow a closing quote. */
  readonly #behind: RegExp;
  #parser: Papa.Parser;
  #text = '';
  #at = 0;
  /** Position from which on no closing quote was found in the text. */
  #unclosed = { doubled: Number.POSITIVE_INFINITY, backslash: Number.POSITIVE_INFINITY };
  #line: number;
  #ended = false;
  /** Whether the text up to the next line end belongs to an overlong line that was refused. */
  #inLongLine = false;
  /** Number of columns up to the last one with a name; 0 before the header. */
  #width = 0;

  /** @param line number of the first line of the text */
  constructor(form: CsvForm, line = 1) {
    this.#delimiter = form.delimiter;
    const delimiter = `[${form.delimiter.replace(/[\\^\]-]/, '\\$&')}]`;
    this.#blanks = new RegExp(`(^|${delimiter}) +"`, 'gm');
    this.#behind = new RegExp(`\\s*(?:${delimiter}|\n|$)`, 'y');
    this.#parser = parserOf(form);
    this.#line = line;
  }

  /** Treats quotes in the following rows as ordinary characters. */
  withoutQuotes(): void {
    this.#parser = parserOf({ delimiter: this.#delimiter, quoted: false });
  }

  add(text: string): void {
    this.#text = this.#text.slice(this.#at) + text;
    this.#at = 0;
    this.#unclosed = { doubled: Number.POSITIVE_INFINITY, backslash: Number.POSITIVE_INFINITY };
  }

  /** Marks the end of the text. */
  end(): void {
    this.#ended = true;
  }

  /**
   * Returns the next row that is not blank; undefined if it needs more text, or at the end.
   * @throws UnusableFile when the header line is too long
   */
  next(): CsvRow | undefined {
    while (this.#at < this.#text.length) {
      const line = this.#line;
      if (this.#inLongLine) {
        this.#skipLongLine();
        continue;
      }
      const row = this.#row();
      if (!row) return undefined;
      this.#at = row.end;
      this.#line += row.lines;
      // An overlong line is reported even if the part that was looked at is blank.
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
      if (this.#width === 0) throw new UnusableFile(`line ${this.#line} is longer than ${maxRow} characters`);
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

    // Unescaped quotes inside a value can only be accepted if the single line has as many fields as the header.
    const single = row.lines === 1 && this.#fits(row) && row.fields.every(hasPairs);
    if (row.wrong === 'stray quote' && single) return row;
    const end = this.#lineEnd(start);
    if (!row.wrong) {
      const next = row.lines > 1 ? this.#parse(end, 'doubled') : row;
      if (!next) return undefined;
      if (next.wrong || !this.#fits(next)) return { ...row, problem: this.#wrongWidth(row.fields.length) };
    }
    // Refuse only this line: what looked like the rest of its value are the next rows.
    const fields = this.#text.slice(start, end).trimEnd().split(this.#delimiter);
    return { fields, lines: 1, end, problem: 'has an unclosed quote, or an unescaped quote inside a value' };
  }

  #skipLongLine(): void {
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
      `has ${count} fields but the header has ${this.#width}: ` +
      `check for ${delimiterName(this.#delimiter)} or quote that is not quoted`
    );
  }

  #lineEnd(start: number): number {
    const lineFeed = this.#text.indexOf('\n', start);
    return lineFeed < 0 ? this.#text.length : lineFeed + 1;
  }

  /** Parses the row that begins at `start`; undefined if it needs more text. */
  #parse(start: number, quotes: Quotes): Placed | undefined {
    const lineEnd = this.#lineEnd(start);
    if (!this.#ended && this.#text[lineEnd - 1] !== '\n') return undefined;
    const line = { ...this.#first(start, lineEnd, quotes), lines: 1, end: lineEnd };
    if (line.wrong !== 'unfinished') return line;
    const closing = this.#closing(lineEnd, quotes);
    if (closing === 'stray quote') return line;
    // Most rows end on the line where the value does.
    for (const last of closing ? [this.#lineEnd(closing), start + maxRow] : []) {
      const row = this.#first(start, last, quotes);
      if (row.wrong === 'unfinished') continue;
      const lines = row.fields.join().split('\n').length;
      let end = start;
      for (let i = 0; i < lines; i++) end = this.#lineEnd(end);
      return { ...row, lines, end };
    }
    return this.#ended || this.#text.length - start >= maxRow ? line : undefined;
  }

  /**
   * Returns where a quoted value closes that is open at `from`; undefined if nowhere in the text. A stray quote comes
   * first where rows with open quotes follow each other: without this check, each would be parsed to the end of the text.
   */
  #closing(from: number, quotes: Quotes): number | 'stray quote' | undefined {
    if (from >= this.#unclosed[quotes]) return undefined;
    const rest = restOfValue[quotes];
    rest.lastIndex = from;
    if (!rest.test(this.#text)) {
      this.#unclosed[quotes] = from;
      return undefined;
    }
    this.#behind.lastIndex = rest.lastIndex;
    return this.#behind.test(this.#text) ? rest.lastIndex : 'stray quote';
  }

  #first(start: number, end: number, quotes: Quotes): Parsed {
    let text = this.#text.slice(start, end);
    if (this.#ended && !text.endsWith('\n')) text += '\n';
    if (quotes === 'backslash') text = text.replace(/\\(["\\])/g, (_, is: string) => (is === '"' ? '""' : is));
    let row = parsed(this.#parser, text);
    if (row.fields.some((field) => /^ +"/.test(field))) row = parsed(this.#parser, text.replace(this.#blanks, '$1"'));
    return row;
  }
}

/** Creates the parser that all rows share: creating one takes longer than parsing a row. */
function parserOf({ delimiter, quoted }: CsvForm): Papa.Parser {
  return new Papa.Parser({ delimiter, newline: '\n', preview: 1, ...(quoted ? {} : { fastMode: true }) });
}

function parsed(parser: Papa.Parser, text: string): Parsed {
  const { data, errors, meta } = parser.parse(text, 0, false) as Papa.ParseResult<string[]>;
  const fields = data[0] ?? [];
  // Only the line feed is given as the line end, so that a carriage return before it is optional.
  const last = fields.at(-1);
  if (last?.endsWith('\r')) fields[fields.length - 1] = last.slice(0, -1);
  // Papaparse sets `truncated` when it stops after the first row; otherwise the row has no end.
  const wrong = !meta.truncated ? 'unfinished' : errors.length > 0 ? 'stray quote' : undefined;
  return { fields, wrong };
}

/** Returns whether a value contains an even number of quotes. */
function hasPairs(value: string): boolean {
  return value.split('"').length % 2 === 1;
}

function namedColumns(header: string[]): number {
  return header.findLastIndex((name) => name.trim() !== '') + 1;
}

/** Returns the delimiter's name for messages: "a comma". */
export function delimiterName(delimiter: string): string {
  const names: Record<string, string> = { ',': 'a comma', ';': 'a semicolon', '\t': 'a tab', '|': 'a |' };
  return names[delimiter] ?? `a ${delimiter}`;
}
