/** Parses numbers as people write them. */
import { Doubtful, shown, Unreadable } from './unreadable.ts';

export interface NumberStyle {
  /** Whether a comma may be the decimal separator: in files whose delimiter is a semicolon. */
  decimalComma: boolean;
  /** Whether the value must be whole, so that `1.234` can only mean 1234. */
  whole?: boolean;
}

const plain = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,2})?$/i;
const otherDigits = /[^\P{Nd}0-9]/u;
const blankGroups = /^[+-]?\d{1,3}(?:[ \u00a0\u2009\u202f'’]\d{3})+(?:[.,]\d+)?$/;
const commaGroups = /^[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?$/;
const dotGroups = /^[+-]?\d{1,3}(?:\.\d{3})+(?:,\d+)?$/;
const commaDecimal = /^[+-]?\d+,\d+$/;

const factors: [RegExp, number][] = [
  [/^(?:k|thousand)$/, 1e3],
  [/^(?:m|mm|mn|mio|mln|million|millions)$/, 1e6],
  [/^(?:b|bn|bln|billion|billions)$/, 1e9],
];

/** Highest plausible revenue, in millions of dollars: a higher value is in dollars. */
const maxMillions = 10_000;

/**
 * Reads `28,341,469`, `1 234`, `7.5`, `2.8e9`; with a decimal comma also `7,5` and `1.234,5`.
 * @throws Unreadable when the text is not a number, Doubtful when it could mean two numbers
 */
export function readNumber(text: string, { decimalComma, whole = false }: NumberStyle): number {
  if (plain.test(text) && !(decimalComma && whole && dotGroups.test(text))) return Number(text);
  if (otherDigits.test(text)) throw new Doubtful(`${shown(text)} has other digits than 0 to 9`);
  if (commaDecimal.test(text) && !(commaGroups.test(text) && (whole || !decimalComma))) {
    if (decimalComma) return Number(text.replace(',', '.'));
    const joined = text.replace(',', '');
    throw new Doubtful(`${shown(text)} could be ${text.replace(',', '.')} or ${joined}: use a decimal point`);
  }
  if (commaGroups.test(text)) return Number(text.replaceAll(',', ''));
  if (dotGroups.test(text)) return Number(text.replaceAll('.', '').replace(',', '.'));
  if (blankGroups.test(text)) return Number(text.replace(/[^\d.,+-]/g, '').replace(',', '.'));
  throw new Unreadable(`${shown(text)} is not a number`);
}

/** Reads a count, also abbreviated as in `1.2M` or `28K`. @throws as readNumber */
export function readCount(text: string, style: NumberStyle): number {
  const { rest, factor } = withoutFactor(text);
  if (factor) return Math.round(readNumber(rest, style) * factor);
  return readNumber(text, { ...style, whole: true });
}

/** Reads `8.1` or `8.1/10`; if `best` is 100, `80`, `80/100` or `80%`. @throws as readNumber */
export function readScore(text: string, best: 10 | 100, style: NumberStyle): number {
  const tail = best === 10 ? /\s*\/\s*10(?:\.0)?$/ : /(?:\s*\/\s*100|\s*%)$/;
  return readNumber(text.replace(tail, ''), style);
}

/**
 * Reads an amount of money, such as `$1.5M`, `$28,341,469` or `28341469`, and returns millions of dollars.
 * @param unit unit of a number that does not state its own
 * @throws as readNumber, and Unreadable for other currencies, Doubtful above 10,000 million
 */
export function readMillions(text: string, unit: 'dollars' | 'millions', style: NumberStyle): number {
  const amount = text.replace(/^(?:us\s?\$|usd|\$)\s*/i, '').replace(/\s*(?:us\s?\$|usd|dollars?|\$)$/i, '');
  if (/^(?:\p{Sc}|[a-z]{2,3}\s?[$\d])|\p{Sc}$/iu.test(amount)) {
    throw new Unreadable(`${shown(text)} is not in dollars`);
  }
  const { rest, factor } = withoutFactor(amount);
  const value = readNumber(rest, style);
  const millions = factor || unit === 'dollars' ? (value * (factor ?? 1)) / 1e6 : value;
  if (millions <= maxMillions) return millions;
  const hint = factor || unit === 'dollars' ? '' : ': if the column is in dollars, map revenueDollars=COLUMN';
  throw new Doubtful(`${shown(text)} is above 10,000 million dollars${hint}`);
}

/** Returns whether the number states its own unit, such as the M of `$1.5M`. */
export function hasFactor(text: string): boolean {
  return withoutFactor(text).factor !== undefined;
}

function withoutFactor(text: string): { rest: string; factor?: number } {
  const found = /^(.*\d)\s*([a-z]{1,8})\.?$/i.exec(text);
  const unit = found?.[2]?.toLowerCase() ?? '';
  const factor = factors.find(([pattern]) => pattern.test(unit))?.[1];
  return factor && found?.[1] ? { rest: found[1], factor } : { rest: text };
}
