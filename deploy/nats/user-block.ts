/** Formats a user for the broker's configuration. */
import type { User } from './permissions.ts';
import { keyVariable } from './user-names.ts';

/** A reply is allowed until `expires` after its request; a batch of requests has at most `max` replies. */
const responses = '        allow_responses: { max: 5000, expires: "30s" }';

/**
 * Returns an entry of `users`.
 * @param nkey public key, or the environment variable that holds it
 * @param more further lines of the entry
 */
export function userBlock(
  name: string,
  { publish, subscribe, responds }: User,
  nkey = `$${keyVariable(name)}`,
  more: string[] = [],
): string {
  const lines = (subjects: string[]): string =>
    subjects.map((subject) => `            ${JSON.stringify(subject)}`).join('\n');
  const rules = (allow: string[], deny: string[] = []): string[] => [
    '          allow: [',
    lines(allow),
    '          ]',
    ...(deny.length > 0 ? ['          deny: [', lines(deny), '          ]'] : []),
  ];
  return [
    `    # ${name}`,
    '    {',
    `      nkey: ${nkey}`,
    ...more.map((line) => `      ${line}`),
    '      permissions: {',
    '        publish: {',
    ...rules(publish.allow, publish.deny),
    '        }',
    '        subscribe: {',
    ...rules(subscribe.allow),
    '        }',
    ...(responds ? [responses] : []),
    '      }',
    '    }',
  ].join('\n');
}
