/** The input of an operation: read and validated. The same for HTTP and NATS. */
import { AppError, invalid, messageOf, requireKnown } from './errors.ts';
import type { Operation } from './operation.ts';

/** Of one operation over HTTP, and by hand over NATS: the longest has 27,000 characters, of six bytes each at most. */
export const maxInputBytes = 262_144;
/** More than any operation has: without it a thousand times as many unknown ones would be copied and compared. */
const maxFields = 100;

/** Leaves out a byte order mark, with which some editors begin a file. */
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** What the body of a request says; an empty object where it says nothing. @throws AppError invalid */
export function inputIn(bytes: Uint8Array): unknown {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    throw new AppError('invalid', 'The input is not UTF-8.');
  }
  try {
    return text.trim() === '' ? {} : JSON.parse(text);
  } catch (error) {
    throw new AppError('invalid', `The input is not JSON: ${messageOf(error)}`);
  }
}

export type Fields = Record<string, unknown>;

/**
 * The fields that a client has written, with the names of today.
 * @throws AppError invalid for what is no object, and for fields that are none of the operation's; too_large for very many
 */
export function fieldsIn({ legacy, input: { shape } }: Operation, raw: unknown): Fields {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    throw new AppError('invalid', 'The input must be a JSON object.');
  }
  const given = raw as Fields;
  let count = 0;
  for (const _ in given)
    if (++count > maxFields) throw new AppError('too_large', `The input may have ${maxFields} fields.`);
  const fields = legacy ? legacy(given) : given;
  requireKnown(fields, Object.keys(shape), 'is no field of this operation');
  return fields;
}

/** Adds a field of the path or a header. @throws AppError invalid where the body or query says something else */
export function addField(input: Fields, field: string, value: unknown, where: 'path' | 'header'): void {
  const other = input[field];
  if (field in input && (other === null || typeof other === 'object' || String(other) !== String(value))) {
    throw invalid({ field, message: `is another one in the ${where}` });
  }
  input[field] = value;
}

/** Adds the fields that headers fill. @throws AppError as addField */
export function addHeaders({ headers }: Operation, input: Fields, header: (name: string) => string | undefined): void {
  for (const name in headers) {
    const value = header(name);
    if (value !== undefined) addField(input, headers[name] as string, value, 'header');
  }
}

/** Validates input. @throws AppError invalid, naming every field that does not fit. */
export function parseInput(operation: Operation, raw: unknown): Fields {
  const parsed = operation.input.safeParse(raw);
  if (!parsed.success) {
    const issues = parsed.error.issues.slice(0, 20);
    throw invalid(...issues.map((issue) => ({ field: issue.path.join('.') || 'input', message: issue.message })));
  }
  const halves = halfCharacters(parsed.data);
  if (halves.length === 0) return parsed.data as Fields;
  const message = 'has half of a character (a lone surrogate)';
  throw invalid(...halves.map((path) => ({ field: path.join('.'), message })));
}

const none: string[][] = [];

/** Where there is half of a surrogate pair, which JSON can hold and UTF-8 cannot: each reader would see another sign instead. */
function halfCharacters(value: unknown): string[][] {
  if (typeof value === 'string') return value.isWellFormed() ? none : [[]];
  if (typeof value !== 'object' || value === null) return none;
  let found = none;
  for (const name in value) {
    const inside = halfCharacters((value as Fields)[name]);
    if (inside !== none) found = [...found, ...inside.map((path) => [name, ...path])];
  }
  return found;
}
