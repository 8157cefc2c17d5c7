/** Finds changes of a JSON schema that would break clients. */
import { type JsonSchema, resolveReference } from './openapi-types.ts';

/** `input`: clients send it, so no accepted value may become invalid. `output`: they receive it, so nothing may be removed. */
export type Direction = 'input' | 'output';

export interface Side {
  /** The document in which references are resolved. */
  document: object;
  schema: JsonSchema;
}

/** One alternative of a schema, with references and unions resolved. */
type Variant = JsonSchema & { any?: true };

interface Context {
  before: object;
  after: object;
  direction: Direction;
  /** Pairs of named types whose comparison is in progress, because a type may contain itself. */
  open: Set<string>;
}

/** Returns the breaking changes, a line each, such as `items[].likes: removed`. */
export function compareSchemas(before: Side, after: Side, direction: Direction): string[] {
  const context = { before: before.document, after: after.document, direction, open: new Set<string>() };
  return compare(before.schema, after.schema, '', context);
}

/** Returns whether a change adds an error code, which breaks nothing: clients must handle any error. */
export function isNewRefusal(change: string): boolean {
  return /(^|: )code: value "\w+" added$/.test(change);
}

function compare(before: JsonSchema, after: JsonSchema, path: string, context: Context): string[] {
  const pair = `${before.$ref ?? ''} ${after.$ref ?? ''}`;
  if (pair !== ' ' && context.open.has(pair)) return [];
  const within = pair === ' ' ? context : { ...context, open: new Set([...context.open, pair]) };
  const old = variantsOf(context.before, before);
  const now = variantsOf(context.after, after);
  const kinds = (variants: Variant[]): string => [...new Set(variants.map(kindOf))].join(' or ');
  const mismatch = line(path, `type changed from ${kinds(old)} to ${kinds(now)}`);
  const changed = defaultChange(context, before, after);
  return [
    ...(changed ? [line(path, changed)] : []),
    ...(context.direction === 'input'
      ? old.flatMap((variant) => best(variant, now, mismatch, (other) => compareVariant(variant, other, path, within)))
      : now.flatMap((variant) =>
          best(variant, old, mismatch, (other) => compareVariant(other, variant, path, within)),
        )),
  ];
}

/** Reports a changed default, because it changes the meaning of requests without the field. */
function defaultChange(context: Context, before: JsonSchema, after: JsonSchema): string | undefined {
  if (context.direction === 'output') return undefined;
  const [old, now] = [resolved(context.before, before).default, resolved(context.after, after).default];
  const same = old === undefined || JSON.stringify(old) === JSON.stringify(now);
  return same ? undefined : `default changed from ${JSON.stringify(old)} to ${JSON.stringify(now) ?? 'none'}`;
}

/** Returns the changes against the most similar one of `others`; `mismatch` if none has the same type. */
function best(variant: Variant, others: Variant[], mismatch: string, check: (other: Variant) => string[]): string[] {
  const results = others.map((other) => ({ problems: check(other), alike: kindOf(other) === kindOf(variant) }));
  if (results.some(({ problems }) => problems.length === 0)) return [];
  const alike = results.filter((result) => result.alike);
  const [closest] = alike.sort((a, b) => a.problems.length - b.problems.length);
  return closest?.problems ?? [mismatch];
}

function compareVariant(before: Variant, after: Variant, path: string, context: Context): string[] {
  const input = context.direction === 'input';
  const [wide, narrow] = input ? [after, before] : [before, after];
  if (wide.any) return [];
  const sameType = wide.type === narrow.type || (wide.type === 'number' && narrow.type === 'integer');
  if (narrow.any || !sameType) return [line(path, `type changed from ${kindOf(before)} to ${kindOf(after)}`)];
  const problems = [...valueChanges(wide, narrow, input), ...(input ? limitChanges(before, after) : [])];
  if (before.format !== after.format && (input ? after.format : before.format)) {
    problems.push(`format changed from ${before.format ?? 'none'} to ${after.format ?? 'none'}`);
  }
  return [
    ...problems.map((problem) => line(path, problem)),
    ...(before.type === 'object' ? objectChanges(before, after, path, context) : []),
    ...(before.type === 'array'
      ? compare((before.items ?? {}) as JsonSchema, (after.items ?? {}) as JsonSchema, `${path}[]`, context)
      : []),
  ];
}

function valueChanges(wide: Variant, narrow: Variant, input: boolean): string[] {
  if (!wide.enum) return [];
  if (!narrow.enum) return [input ? 'only some values are taken now' : 'can be any value now'];
  const missing = narrow.enum.filter((value) => !wide.enum?.includes(value));
  return missing.map((value) => `value ${JSON.stringify(value)} ${input ? 'removed' : 'added'}`);
}

const least = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties'] as const;
const most = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties'] as const;

/** Returns the limits on input that became stricter. */
function limitChanges(before: Variant, after: Variant): string[] {
  const number = (variant: Variant, key: string): number | undefined => {
    const value = variant[key] ?? lengthsOf(variant.pattern)[key];
    return typeof value === 'number' ? value : undefined;
  };
  const raised = least.filter((key) => (number(after, key) ?? -Infinity) > (number(before, key) ?? -Infinity));
  const lowered = most.filter((key) => (number(after, key) ?? Infinity) < (number(before, key) ?? Infinity));
  const pattern = after.pattern !== undefined && after.pattern !== before.pattern;
  return [
    ...raised.map((key) => `${key} raised to ${after[key]}`),
    ...lowered.map((key) => `${key} lowered to ${after[key]}`),
    ...(pattern ? [`pattern changed to ${after.pattern}`] : []),
  ];
}

/** Returns the lengths that a pattern such as `^[a-z]{1,64}$` allows. */
function lengthsOf(pattern: unknown): Record<string, number> {
  const [, least, most] = /^\^\[[^\]]*\]\{(\d+),(\d+)\}\$$/.exec(String(pattern)) ?? [];
  return least === undefined ? {} : { minLength: Number(least), maxLength: Number(most) };
}

function objectChanges(before: Variant, after: Variant, path: string, context: Context): string[] {
  const input = context.direction === 'input';
  const problems: string[] = [];
  const old = (before.properties ?? {}) as Record<string, JsonSchema>;
  const now = (after.properties ?? {}) as Record<string, JsonSchema>;
  for (const [name, schema] of Object.entries(old)) {
    const inside = path === '' ? name : `${path}.${name}`;
    const next = now[name];
    if (next === undefined) {
      problems.push(line(inside, 'removed'));
      continue;
    }
    if (!input && before.required?.includes(name) && !after.required?.includes(name)) {
      problems.push(line(inside, 'may be missing now'));
    }
    problems.push(...compare(schema, next, inside, context));
  }
  if (!input) return [...problems, ...restChanges(before, after, path, context)];
  for (const name of after.required ?? []) {
    if (before.required?.includes(name)) continue;
    problems.push(line(path === '' ? name : `${path}.${name}`, 'required now'));
  }
  if (before.additionalProperties !== false && after.additionalProperties === false) {
    problems.push(line(path, 'unknown fields are refused now'));
  }
  return [...problems, ...restChanges(before, after, path, context)];
}

/** Returns the schema of a map's values. */
function restChanges(before: Variant, after: Variant, path: string, context: Context): string[] {
  const [old, now] = [before.additionalProperties, after.additionalProperties];
  if (typeof old !== 'object' || typeof now !== 'object') return [];
  return compare(old as JsonSchema, now as JsonSchema, `${path}{}`, context);
}

function resolved(document: object, schema: JsonSchema): JsonSchema {
  return resolveReference<JsonSchema>(document, schema);
}

function variantsOf(document: object, given: JsonSchema): Variant[] {
  const schema = resolved(document, given);
  const union = (schema.anyOf ?? schema.oneOf) as JsonSchema[] | undefined;
  if (union) return union.flatMap((part) => variantsOf(document, part));
  const [only, ...more] = (schema.allOf ?? []) as JsonSchema[];
  // References may have a description beside them.
  if (only && more.length === 0 && !schema.properties) return variantsOf(document, only);
  if (only) return [merged(document, schema)];
  if (Array.isArray(schema.type)) return schema.type.map((type) => ({ ...schema, type }) as Variant);
  if (schema.const !== undefined)
    return [{ ...schema, type: schema.type ?? typeof schema.const, enum: [schema.const] } as Variant];
  if (schema.enum && schema.type === undefined) return [{ ...schema, type: typeof schema.enum[0] } as Variant];
  return [schema.type === undefined && !schema.properties ? { ...schema, any: true } : schema];
}

/** Merges the parts of an `allOf` into one object schema. */
function merged(document: object, schema: JsonSchema): Variant {
  const parts = [schema, ...(schema.allOf as JsonSchema[]).map((part) => resolved(document, part))];
  return {
    type: 'object',
    properties: Object.assign({}, ...parts.map((part) => part.properties ?? {})),
    required: parts.flatMap((part) => part.required ?? []),
  };
}

function kindOf(variant: Variant): string {
  return variant.any ? 'anything' : String(variant.type);
}

function line(path: string, problem: string): string {
  return path === '' ? problem : `${path}: ${problem}`;
}
