/** The broker's configuration of users, from permissions.ts. */
import { join } from 'node:path';
import { brokerUsers, type User } from './permissions.ts';
import { keyVariable, systemUser } from './user-names.ts';

export const usersFile = join(import.meta.dirname, 'users.conf');

/** Requests that take longer than `expires` cannot be answered any more; a batch has at most `max` answers. */
const responses = '        allow_responses: { max: 5000, expires: "30s" }';

/** The configuration of all users. Keys come from the environment of the broker: the file holds no secret. */
export async function usersConfiguration(): Promise<string> {
  const blocks = Object.entries(await brokerUsers()).map(([name, user]) => userBlock(name, user));
  return `# Written by \`npm run deploy:write\` from permissions.ts; changes here are lost.
# Users are in the global account, as without users: streams stay where they are when users are introduced.
authorization {
  timeout: 5
  users: [
${blocks.join('\n')}
  ]
}
accounts {
  $SYS: { users: [ { nkey: $${keyVariable(systemUser)} } ] }
}
`;
}

function userBlock(name: string, { publish, subscribe, responds }: User): string {
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
    `      nkey: $${keyVariable(name)}`,
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
