/** The broker's configuration of users, from permissions.ts. */
import { join } from 'node:path';
import { brokerUsers } from './permissions.ts';
import { userBlock } from './user-block.ts';
import { keyVariable, systemUser } from './user-names.ts';

export const usersFile = join(import.meta.dirname, 'users.conf');

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
