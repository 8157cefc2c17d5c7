/** JSON Schemas of zod types, made by zod-openapi: those named with `.meta({ id })` become components. */
import type { CreateDocumentOptions } from 'zod-openapi';

/** What zod's own translation says too much or too little of. */
export const schemaOptions: CreateDocumentOptions = {
  override({ zodSchema: { _zod }, jsonSchema, io }) {
    const { def } = _zod;
    if (io === 'output') {
      // An answer may get new fields later: clients must not be told that there are no others.
      if (def.type === 'object' && !def.catchall) delete jsonSchema.additionalProperties;
      // What holds for every whole number and time anyway. Of inputs it is kept: what does not fit is refused.
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (jsonSchema.format === 'date-time') delete jsonSchema.pattern;
    }
    // Blanks are trimmed before the length counts, so that text of nothing else is refused.
    const trimmed = def.checks?.some((check) => check._zod.def.check === 'overwrite');
    const text = jsonSchema.type === 'string' && jsonSchema.minLength !== undefined;
    if (trimmed && text && !jsonSchema.pattern) jsonSchema.pattern = '\\S';
  },
};
