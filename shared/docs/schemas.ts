/** Settings for the JSON Schemas that zod-openapi creates. Types with `.meta({ id })` become components. */
import type { CreateDocumentOptions } from 'zod-openapi';

/** Corrects constraints that zod's own conversion adds or omits. */
export const schemaOptions: CreateDocumentOptions = {
  override({ zodSchema: { _zod }, jsonSchema, io }) {
    const { def } = _zod;
    if (io === 'output') {
      // Responses may get new fields later, so the schema must not rule them out.
      if (def.type === 'object' && !def.catchall) delete jsonSchema.additionalProperties;
      // These hold for every integer and time. Input schemas keep them, because other values are refused.
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (jsonSchema.format === 'date-time') delete jsonSchema.pattern;
    }
    // The text is trimmed before its length is checked, so that blank text is refused.
    const trimmed = def.checks?.some((check) => check._zod.def.check === 'overwrite');
    const text = jsonSchema.type === 'string' && jsonSchema.minLength !== undefined;
    if (trimmed && text && !jsonSchema.pattern) jsonSchema.pattern = '\\S';
  },
};
