/** Parses lists and objects in JSON or Python notation: `[{'id': 16, 'name': "Child's Play", 'adult': False}]`. */

const escapes: Record<string, string> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f' };
const words: Record<string, unknown> = { true: true, false: false, null: null, none: null, nan: null };

/** Parses a JSON or Python literal; undefined if the text is neither. */
export function readLiteral(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const reader = new LiteralReader(text);
    const value = reader.value(0);
    return reader.atEnd() ? value : undefined;
  }
}

/** Deepest nesting that is parsed, to protect the call stack; lists of names are flatter. */
const maxDepth = 20;

/** Parses Python's repr of lists, tuples, dictionaries, strings, numbers and constants. */
class LiteralReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  atEnd(): boolean {
    this.#blanks();
    return this.#at === this.#text.length;
  }

  /** Parses the value at the current position; undefined if there is none. */
  value(depth: number): unknown {
    this.#blanks();
    const first = this.#text[this.#at] ?? '';
    if (depth > maxDepth) return undefined;
    if (first === '[' || first === '(') return this.#items(first === '[' ? ']' : ')', () => this.value(depth + 1));
    if (first === '{') {
      const entries = this.#items('}', () => this.#entry(depth + 1));
      return entries && Object.fromEntries(entries);
    }
    // Python 2 writes u'Action'.
    const quote = /[ub]?(['"])/iy;
    quote.lastIndex = this.#at;
    const quoted = quote.exec(this.#text);
    if (quoted) {
      this.#at = quote.lastIndex - 1;
      return this.#quoted(quoted[1] as string);
    }
    const word = /[\w.+-]+/y;
    word.lastIndex = this.#at;
    const found = word.exec(this.#text)?.[0];
    if (!found) return undefined;
    this.#at += found.length;
    if (found.toLowerCase() in words) return words[found.toLowerCase()];
    // Any other word is not a literal: [REC] is a title.
    return Number.isNaN(Number(found)) ? undefined : Number(found);
  }

  #entry(depth: number): [string, unknown] | undefined {
    const key = this.value(depth);
    if (key === undefined || !this.#takes(':')) return undefined;
    const value = this.value(depth);
    return value === undefined ? undefined : [String(key), value];
  }

  #items<T>(end: string, read: () => T | undefined): T[] | undefined {
    this.#at++;
    const items: T[] = [];
    while (!this.#takes(end)) {
      if (items.length > 0 && !this.#takes(',')) return undefined;
      if (this.#takes(end)) break;
      const item = read();
      if (item === undefined) return undefined;
      items.push(item);
    }
    return items;
  }

  #quoted(quote: string): string | undefined {
    let value = '';
    for (this.#at++; this.#at < this.#text.length; this.#at++) {
      const character = this.#text[this.#at] as string;
      if (character === quote) {
        this.#at++;
        return value;
      }
      value += character === '\\' ? this.#escaped() : character;
    }
    return undefined;
  }

  #escaped(): string {
    const letter = this.#text[++this.#at] ?? '';
    const digits = { x: 2, u: 4, U: 8 }[letter];
    const code = digits && this.#text.slice(this.#at + 1, this.#at + 1 + digits);
    if (!digits || !code || !/^[\da-f]+$/i.test(code)) return escapes[letter] ?? letter;
    this.#at += digits;
    const point = Number.parseInt(code, 16);
    return point <= 0x10ffff ? String.fromCodePoint(point) : '';
  }

  #takes(character: string): boolean {
    this.#blanks();
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #blanks(): void {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at++;
  }
}
