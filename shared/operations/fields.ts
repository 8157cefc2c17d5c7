/** Fields that the inputs and outputs of operations and events have in common. */
import { z } from 'zod';
import '../process/validation-messages.ts';
import { isUserId } from './ids.ts';

const idPattern = /^[A-Za-z0-9_-]{1,64}$/;

/** An id of our own making, which becomes a subject token as it is. */
export const id = z.string().regex(idPattern, 'must be 1 to 64 letters, digits, _ or -');

const user = { minLength: 1, maxLength: 255, description: 'Id of a user: 1 to 255 characters of any kind' };

/** Who someone is: whatever the identity provider calls them. */
export const userText = z.string().refine(isUserId, 'must be 1 to 255 characters').meta(user);

/** The same, also accepted as a number, as clients of the replaced sample send it: the documents have a name for each form. */
export const userId = z
  .union([userText, z.int().min(0).transform(String)])
  .pipe(userText)
  .meta({ id: 'UserIdInput', outputId: 'UserId', description: user.description });

/** Whether something of a text can be seen: all but blanks, marks of no letter, and signs that are there to be ignored. */
function isVisible(text: string): boolean {
  // U+2800 is the pattern of Braille without a dot.
  return /[^\p{Z}\p{M}\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]/u.test(text);
}

/** Text that must be there, as it is stored. An empty one is refused once. */
export const someText = (max: number) => z.string().trim().min(1, { abort: true }).max(max);
/** The same as it is given: of what was stored before there was this rule events tell as ever. */
export const visibleText = (max: number) => someText(max).refine(isVisible, 'must have something that can be seen');

export const movieId = z
  .int()
  .min(1)
  .max(2_147_483_647)
  .meta({ id: 'MovieId', description: 'Id of a movie: a positive integer' });

export const timestamp = z.iso.datetime().meta({ description: 'ISO 8601 time in UTC' });

export const limit = z.int().min(1).max(500).default(50).meta({ description: 'Entries a page' });
const cursor = z
  .string()
  .max(6000)
  .optional()
  .meta({ description: 'The `next` of the page before; its other inputs must stay the same' });
/** What every list takes beside its filters. */
export const paging = { limit, cursor };

/** A page of `items`; `next` is the cursor of the following page, or null at the end. */
export function page<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), next: z.string().nullable() });
}

/** A key that makes a repeated command count once. With another request than before it is refused (idempotency_key_reused). */
export const idempotencyKey = z.string().min(1).max(200).optional().meta({
  description:
    'Makes a repeat count once; with another request than before it is refused. Also as the header Idempotency-Key',
});
