/** Schemas as rows that people read. */
import type { JsonSchema, OpenApiDocument } from './types.ts';
import { resolveReference } from './types.ts';

export interface SchemaRow {
  /** Path such as `items[].movieId`; empty for the value itself. */
  name: string;
  type: string;
  required: boolean;
  notes: string;
}

/** The name of the component that a schema refers to. */
function nameOf(schema: JsonSchema): string | undefined {
  return typeof schema.$ref === 'string' ? schema.$ref.split('/').at(-1) : undefined;
}

/** A schema field by field, parts and all. A type inside itself is named and not unfolded again. */
export function rowsOf(document: OpenApiDocument, schema: JsonSchema): SchemaRow[] {
  const rows: SchemaRow[] = [];
  walk(schema, '', true, []);
  return rows;

  function walk(part: JsonSchema, name: string, required: boolean, inside: string[]): void {
    const reference = nameOf(part);
    const full = { ...resolveReference<JsonSchema>(document, part), ...withoutReference(part) };
    const row = { name, type: typeOf(document, part), required, notes: notesOf(full) };
    if (name !== '' || full.type !== 'object') rows.push(row);
    if (reference && inside.includes(reference)) return;
    const within = reference ? [...inside, reference] : inside;
    unfold(full, name, within);
    for (const variant of variantsOf(full)) unfold(resolveReference<JsonSchema>(document, variant), name, within);
  }

  function unfold(full: JsonSchema, name: string, inside: string[]): void {
    for (const [key, property] of Object.entries(full.properties ?? {})) {
      const needed = full.required?.includes(key) ?? false;
      walk(property as JsonSchema, name === '' ? key : `${name}.${key}`, needed, inside);
    }
    if (typeof full.items === 'object' && !Array.isArray(full.items)) {
      const items = resolveReference<JsonSchema>(document, full.items as JsonSchema);
      if (items.type === 'object' || items.anyOf) unfold(items, `${name}[]`, inside);
    }
  }
}

function variantsOf(schema: JsonSchema): JsonSchema[] {
  return ((schema.anyOf ?? schema.oneOf ?? []) as JsonSchema[]).filter((variant) => typeof variant === 'object');
}

function withoutReference({ $ref: _, ...rest }: JsonSchema): JsonSchema {
  return rest;
}

/** `integer`, `string or null`, `array of Movie`, `"asc" | "desc"` */
export function typeOf(document: OpenApiDocument, schema: JsonSchema): string {
  const name = nameOf(schema);
  if (name) {
    const target = resolveReference<JsonSchema>(document, schema);
    return target.type === 'object' ? name : typeOf(document, target);
  }
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  const variants = variantsOf(schema);
  if (variants.length > 0) return [...new Set(variants.map((variant) => typeOf(document, variant)))].join(' or ');
  if (schema.type === 'array') return `array of ${typeOf(document, (schema.items ?? {}) as JsonSchema)}`;
  if (Array.isArray(schema.type)) return schema.type.join(' or ');
  return typeof schema.type === 'string' ? schema.type : 'anything';
}

/** Description, limits and default. */
export function notesOf(schema: JsonSchema): string {
  const limits = [schema, ...variantsOf(schema)].flatMap(limitsOf);
  const rest = schema.default === undefined ? limits : [...limits, `default ${JSON.stringify(schema.default)}`];
  return [schema.description, rest.join(', ')].filter(Boolean).join('. ');
}

function limitsOf(schema: JsonSchema): string[] {
  const { minimum, maximum, minLength, maxLength, minItems, maxItems, format, pattern } = schema;
  const range = (least: number | undefined, most: number | undefined, unit: string): string[] => {
    const from = least === undefined || least <= Number.MIN_SAFE_INTEGER ? undefined : least;
    const to = most === undefined || most >= Number.MAX_SAFE_INTEGER ? undefined : most;
    if (from === undefined && to === undefined) return [];
    if (to === undefined) return [`at least ${from}${unit}`];
    return [from === undefined ? `at most ${to}${unit}` : `${from} to ${to}${unit}`];
  };
  return [
    ...range(minimum, maximum, ''),
    ...range(minLength, maxLength, ' characters'),
    ...range(minItems, maxItems, ' entries'),
    ...(format ? [format] : []),
    // The patterns of times and of "not only blanks" say no more than the words do.
    ...(pattern && !format && pattern.length > 2 ? [`like ${pattern}`] : []),
  ];
}
