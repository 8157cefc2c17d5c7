/** One user in the broker's configuration. */
import type { User } from './permissions.ts';
import { keyVariable } from './user-names.ts';

/** Requests that take longer than `expires` cannot be answered any more; a batch has at most `max` answers. */
const responses = '        allow_responses: { max: 5000, expires: "30s" }';

/**
 * One entry of `users`.
 * @param nkey public key, or the variable of the broker's environment that holds it
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
