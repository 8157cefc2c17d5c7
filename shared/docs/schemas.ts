/** JSON Schemas of zod types, with the named ones (`.meta({ id })`) collected as components. */
import { z } from 'zod';
import type { JsonSchema } from './types.ts';

type Form = 'input' | 'output';
const prefix = '#/components/schemas/';

/**
 * Collects schemas for one document. What a client sends and what it gets can differ for one zod type (defaults,
 * transformations): where they do, `Name` is what it gets and `NameInput` what it sends. Which names do is known only
 * at the end, so references are provisional until `finish`.
 * @example
 * const book = new SchemaBook('draft-2020-12');
 * const paths = describe(book.of(movie, 'output'));
 * const { document, schemas } = book.finish(paths);
 */
export class SchemaBook {
  readonly #target: 'draft-2020-12' | 'draft-7';
  readonly #forms = new Map<string, Partial<Record<Form, JsonSchema>>>();

  constructor(target: 'draft-2020-12' | 'draft-7') {
    this.#target = target;
  }

  /**
   * The schema of a type, as it is sent to us (`input`) or comes from us (`output`).
   * @throws Error when two different types have the same name, or a recursive one has none.
   */
  of(type: z.ZodType, form: Form): JsonSchema {
    const made = z.toJSONSchema(type, {
      io: form,
      target: this.#target,
      unrepresentable: 'any',
      override: (context) => refine(context.zodSchema, context.jsonSchema, form),
    });
    const { $schema: _, $defs, definitions, ...schema } = made as JsonSchema;
    const named = (definitions ?? $defs ?? {}) as Record<string, JsonSchema>;
    for (const [name, part] of Object.entries(named)) this.#keep(name, form, part);
    return provisional(schema, form) as JsonSchema;
  }

  /** A part by its provisional reference; anything else as it is. */
  resolve(schema: JsonSchema): JsonSchema {
    const [form, name] = typeof schema.$ref === 'string' ? schema.$ref.split(':') : [];
    return this.#forms.get(name ?? '')?.[form as Form] ?? schema;
  }

  /** Gives everything its final references, and the components that they lead to, by name. */
  finish<T>(document: T): { document: T; schemas: Record<string, JsonSchema> } {
    const twofold = this.#twofold();
    const nameOf = (form: string, name: string): string =>
      form === 'input' && twofold.has(name) ? `${name}Input` : name;
    const final = (value: unknown): unknown =>
      mapReferences(value, (reference) => {
        const [form = '', name] = reference.split(':');
        return name === undefined ? reference : prefix + nameOf(form, name);
      });
    const schemas: Record<string, JsonSchema> = {};
    for (const [name, forms] of [...this.#forms].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (forms.output) schemas[name] = final(forms.output) as JsonSchema;
      if (forms.input) schemas[nameOf('input', name)] = final(forms.input) as JsonSchema;
    }
    return { document: final(document) as T, schemas };
  }

  #keep(name: string, form: Form, part: JsonSchema): void {
    if (name.startsWith('__')) throw new Error('a recursive type needs a name: .meta({ id })');
    const schema = provisional(part, form) as JsonSchema;
    const forms = this.#forms.get(name) ?? {};
    if (forms[form] && JSON.stringify(forms[form]) !== JSON.stringify(schema)) {
      throw new Error(`two different types have the name ${name}`);
    }
    this.#forms.set(name, { ...forms, [form]: schema });
  }

  /** Names whose two forms differ, themselves or in what they refer to. */
  #twofold(): Set<string> {
    const found = new Set<string>();
    const text = (schema: JsonSchema): string =>
      JSON.stringify(
        mapReferences(schema, (reference) => (found.has(reference.split(':')[1] ?? '') ? reference : 'same')),
      );
    for (let before = -1; before < found.size; ) {
      before = found.size;
      for (const [name, { input, output }] of this.#forms) {
        if (input && output && text(input) !== text(output)) found.add(name);
      }
    }
    return found;
  }
}

/** `#/$defs/Movie` → `output:Movie`. */
function provisional(value: unknown, form: Form): unknown {
  return mapReferences(value, (reference) => `${form}:${reference.split('/').at(-1)}`);
}

/** A copy with every `$ref` replaced. */
export function mapReferences(value: unknown, replace: (reference: string) => string): unknown {
  if (Array.isArray(value)) return value.map((entry) => mapReferences(entry, replace));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [
      key,
      key === '$ref' && typeof entry === 'string' ? replace(entry) : mapReferences(entry, replace),
    ]),
  );
}

/** What zod's own translation says too much or too little of. */
function refine(type: z.core.$ZodTypes, schema: JsonSchema, form: Form): void {
  const { def } = type._zod;
  // An answer may get new fields later: clients must not be told that there are no others.
  if (form === 'output' && def.type === 'object' && !def.catchall) delete schema.additionalProperties;
  if (form === 'output') trimNoise(schema);
  // Blanks are trimmed before the length counts, so that text of nothing else is refused.
  const trimmed = def.checks?.some((check) => check._zod.def.check === 'overwrite');
  if (schema.type === 'string' && trimmed && schema.minLength && !schema.pattern) schema.pattern = '\\S';
}

/** What holds for every whole number and time anyway. Of inputs it is kept: what does not fit is refused. */
function trimNoise(schema: JsonSchema): void {
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
  if (schema.format === 'date-time') delete schema.pattern;
}
