/** Schemas of fields that operations and events share. */
import { z } from 'zod';
import '../process/validation-messages.ts';
import { isUserId } from './ids.ts';

const idPattern = /^[A-Za-z0-9_-]{1,64}$/;

/** An id that Marquee creates, and that becomes a subject token unchanged. */
export const id = z.string().regex(idPattern, 'must be 1 to 64 letters, digits, _ or -');

const user = { minLength: 1, maxLength: 255, description: 'Id of a user: 1 to 255 characters of any kind' };

/** A user's id: any subject of the identity provider. */
export const userText = z.string().refine(isUserId, 'must be 1 to 255 characters').meta(user);

/** A user's id in inputs. Legacy clients may send a number, so the documents name both forms. */
export const userId = z
  .union([userText, z.int().min(0).transform(String)])
  .pipe(userText)
  .meta({ id: 'UserIdInput', outputId: 'UserId', description: user.description });

/** Returns whether a text has a visible character, which excludes spaces, combining marks and ignorable characters. */
function isVisible(text: string): boolean {
  // U+2800 is the empty Braille pattern.
  return /[^\p{Z}\p{M}\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]/u.test(text);
}

/** Text that must not be empty, in stored events. An empty text is reported only once. */
export const requiredText = (max: number) => z.string().trim().min(1, { abort: true }).max(max);
/** Required text in inputs, with a visible character. Events lack this rule, which did not exist for older ones. */
export const visibleText = (max: number) => requiredText(max).refine(isVisible, 'must have a visible character');

export const movieId = z
  .int()
  .min(1)
  .max(2_147_483_647)
  .meta({ id: 'MovieId', description: 'Id of a movie: a positive integer' });

export const timestamp = z.iso.datetime().meta({ description: 'ISO 8601 time in UTC' });

export const limit = z.int().min(1).max(500).default(50).meta({ description: 'Entries per page' });
const cursor = z
  .string()
  .max(6000)
  .optional()
  .meta({ description: 'The `next` of the previous page; the other inputs must stay the same' });
/** Inputs of every list, besides its filters. */
export const paging = { limit, cursor };

/** Returns the schema of a page. `next` is the cursor of the next page, or null at the end. */
export function page<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), next: z.string().nullable() });
}

/** Key that makes a repeated command count once. Reusing it for another request is refused (idempotency_key_reused). */
export const idempotencyKey = z.string().min(1).max(200).optional().meta({
  description:
    'Makes a repeated request count once. Reusing a key for another request is refused. Also as the header Idempotency-Key',
});
