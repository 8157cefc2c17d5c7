/** User-facing error messages of all Zod schemas. Importing this file installs them. */
import { z } from 'zod';

const kinds: Record<string, string> = {
  string: 'text',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a JSON object',
};

const formats: Record<string, string> = {
  datetime: 'must be a UTC time such as 2026-01-31T20:00:00Z',
  url: 'must be a URL such as https://example.org',
};

const units: Record<string, string> = { string: ' characters', array: ' entries' };

/** Returns the message for an issue if the schema has none. It is read after the field's name: `movieId is missing`. */
function messageFor(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.input === undefined && issue.code.startsWith('invalid_')) return 'is missing';
  switch (issue.code) {
    case 'invalid_type':
      // For a string in place of an integer, Zod only says that it expected a number.
      if (issue.inst instanceof z.ZodNumber && issue.inst.isInt) return 'must be a whole number';
      return `must be ${kinds[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `must be ${issue.values.length === 1 ? '' : 'one of '}${issue.values.join(', ')}`;
    case 'invalid_format':
      return formats[issue.format];
    case 'too_small':
      return boundMessage(issue.origin, issue.inclusive === false ? 'more than' : 'at least', issue.minimum);
    case 'too_big':
      return boundMessage(issue.origin, issue.inclusive === false ? 'less than' : 'at most', issue.maximum);
    case 'invalid_union':
      return 'matches none of the accepted forms';
    default:
      return undefined;
  }
}

function boundMessage(origin: string, which: string, limit: number | bigint): string {
  const unit = units[origin];
  if (unit !== undefined && which === 'at least' && limit === 1) return 'must not be empty';
  return unit === undefined ? `must be ${which} ${limit}` : `must have ${which} ${limit}${unit}`;
}

z.config({ customError: messageFor });
