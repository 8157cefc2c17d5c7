/** What the parts of an AsyncAPI document are made with. */
import type { z } from 'zod';

export type JsonSchema = z.core.JSONSchema.BaseSchema;

/** Gives the schema of a type, as it is sent to us (`input`) or comes from us (`output`). */
export type SchemaOf = (type: z.ZodType, io: 'input' | 'output') => unknown;

export interface AsyncParts {
  channels: Record<string, { messages: Record<string, object>; [field: string]: unknown }>;
  operations: Record<string, object>;
}
