/** The broker's configuration of users, from permissions.ts. */
import { join } from 'node:path';
import { brokerUsers, type User } from './permissions.ts';
import { keyVariable, systemUser } from './user-names.ts';

export const usersFile = join(import.meta.dirname, 'users.conf');

/** Requests that take longer than `expires` cannot be answered any more; a batch has at most `max` answers. */
const responses = '        allow_responses: { max: 5000, expires: "30s" }';

const written = `# Written by \`npm run deploy:write\` from permissions.ts; changes here are lost.\n`;

/** The configuration of all users. Keys come from the environment of the broker: the file holds no secret. */
export async function usersConfiguration(): Promise<string> {
  return `${written}# Users are in the global account, as without users: streams stay where they are when users are introduced.
authorization {
  timeout: 5
  users: [
${await userBlocks()}
  ]
}
accounts {
  $SYS: { users: [ { nkey: $${keyVariable(systemUser)} } ] }
}
`;
}

/** The same users in an account of their own, for a broker that others use, too. */
export async function accountConfiguration(): Promise<string> {
  return `${written}accounts {
  MARQUEE: {
    jetstream: enabled
    users: [
${await userBlocks()}
    ]
  }
  $SYS: { users: [ { nkey: $${keyVariable(systemUser)} } ] }
}
`;
}

async function userBlocks(): Promise<string> {
  return Object.entries(await brokerUsers())
    .map(([name, user]) => userBlock(name, user))
    .join('\n');
}

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
