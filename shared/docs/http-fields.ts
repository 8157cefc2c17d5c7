/** Where each field of an operation's input travels over HTTP: the same rules as the routes in http.ts. */
import type { Operation } from '../operations/operation.ts';
import type { SchemaBook } from './schemas.ts';
import type { JsonSchema, MediaType, Parameter } from './types.ts';

export interface HttpInput {
  parameters: Parameter[];
  body: { required: boolean; content: Record<string, MediaType> } | undefined;
}

/** The input of an operation as parameters and body. */
export function httpInput(operation: Operation, book: SchemaBook): HttpInput {
  const schema = book.resolve(book.of(operation.input, 'input'));
  const properties = (schema.properties ?? {}) as Record<string, JsonSchema>;
  const required = new Set(schema.required);
  const example = operation.example as Record<string, unknown>;
  const inPath = new Set([...operation.path.matchAll(/:(\w+)/g)].map(([, name = '']) => name));
  const headerOf = new Map(Object.entries(operation.headers ?? {}).map(([header, field]) => [field, header]));
  const takesBody = operation.method === 'POST' || operation.method === 'PUT';

  const parameters: Parameter[] = [];
  const inBody: string[] = [];
  for (const [name, property] of Object.entries(properties)) {
    const header = headerOf.get(name);
    if (!inPath.has(name) && header === undefined && takesBody) {
      inBody.push(name);
      continue;
    }
    const { description, ...rest } = asText(property, book);
    parameters.push({
      name: header ? titleCase(header) : name,
      in: inPath.has(name) ? 'path' : header ? 'header' : 'query',
      ...(required.has(name) ? { required: true } : {}),
      ...(description ? { description } : {}),
      schema: rest,
      ...(name in example ? { example: example[name] } : {}),
    });
  }
  return { parameters, body: inBody.length > 0 ? bodyOf(inBody) : undefined };

  function bodyOf(names: string[]): HttpInput['body'] {
    const needed = names.filter((name) => required.has(name));
    return {
      required: needed.length > 0,
      content: {
        'application/json': {
          schema: {
            type: 'object',
            properties: Object.fromEntries(names.map((name) => [name, properties[name] ?? {}])),
            ...(needed.length > 0 ? { required: needed } : {}),
          },
          example: Object.fromEntries(names.filter((name) => name in example).map((name) => [name, example[name]])),
        },
      },
    };
  }
}

/** A field in a URL or header is text: of a type that takes text or a number only the text can arrive. */
function asText(property: JsonSchema, book: SchemaBook): JsonSchema {
  const named = book.resolve(property);
  const text = named.anyOf?.find((variant) => (variant as JsonSchema).type === 'string') as JsonSchema | undefined;
  if (!text) return named === property ? property : { ...property, ...pickDescription(named) };
  return { ...text, ...pickDescription(named), ...pickDescription(property) };
}

function pickDescription({ description }: JsonSchema): Pick<JsonSchema, 'description'> {
  return description === undefined ? {} : { description };
}

/** `if-match` → `If-Match` */
function titleCase(header: string): string {
  return header.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
}
