/** Reads and validates the input of operations, the same way for HTTP and NATS. */
import { AppError, invalid, messageOf, requireKnown } from './errors.ts';
import type { Operation } from './operation.ts';

/** Limit of an HTTP body or single NATS request. The longest valid input has 27,000 characters of at most six bytes. */
export const maxInputBytes = 262_144;
/** More than any operation has. Without a limit, thousands of unknown fields would be copied and compared. */
const maxFields = 100;

/** Also skips a byte order mark, which some editors put at the beginning of a file. */
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Parses the body of a request. An empty body is an empty object. @throws AppError invalid */
export function parseBody(bytes: Uint8Array): unknown {
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
 * Returns the fields of parsed input, with legacy names translated.
 * @throws AppError invalid for anything but an object, and for unknown fields; too_large for too many fields
 */
export function inputFields({ legacy, input: { shape } }: Operation, raw: unknown): Fields {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    throw new AppError('invalid', 'The input must be a JSON object.');
  }
  const given = raw as Fields;
  let count = 0;
  for (const _ in given)
    if (++count > maxFields) throw new AppError('too_large', `The input may have at most ${maxFields} fields.`);
  const fields = legacy ? legacy(given) : given;
  requireKnown(fields, Object.keys(shape), 'is not a field of this operation');
  return fields;
}

/** Adds a field from the path or a header. @throws AppError invalid if the body or query has another value */
export function addField(input: Fields, field: string, value: unknown, where: 'path' | 'header'): void {
  const other = input[field];
  if (field in input && (other === null || typeof other === 'object' || String(other) !== String(value))) {
    throw invalid({ field, message: `differs from the value in the ${where}` });
  }
  input[field] = value;
}

/** Adds the fields that are sent as headers. @throws AppError as addField */
export function addHeaders({ headers }: Operation, input: Fields, header: (name: string) => string | undefined): void {
  for (const name in headers) {
    const value = header(name);
    if (value !== undefined) addField(input, headers[name] as string, value, 'header');
  }
}

/** Validates input against the operation's schema. @throws AppError invalid, naming every invalid field */
export function parseInput(operation: Operation, raw: unknown): Fields {
  const parsed = operation.input.safeParse(raw);
  if (!parsed.success) {
    const issues = parsed.error.issues.slice(0, 20);
    throw invalid(...issues.map((issue) => ({ field: issue.path.join('.') || 'input', message: issue.message })));
  }
  const paths = loneSurrogates(parsed.data);
  if (paths.length === 0) return parsed.data as Fields;
  const message = 'has a lone surrogate (half of a UTF-16 pair)';
  throw invalid(...paths.map((path) => ({ field: path.join('.'), message })));
}

const none: string[][] = [];

/** Returns the paths of texts with a lone surrogate, which JSON can express, but which UTF-8 replaces. */
function loneSurrogates(value: unknown): string[][] {
  if (typeof value === 'string') return value.isWellFormed() ? none : [[]];
  if (typeof value !== 'object' || value === null) return none;
  let found = none;
  for (const name in value) {
    const inside = loneSurrogates((value as Fields)[name]);
    if (inside !== none) found = [...found, ...inside.map((path) => [name, ...path])];
  }
  return found;
}
