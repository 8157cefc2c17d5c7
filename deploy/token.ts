/** `npm run token`: a token for trials. */
import { messageOf } from '../shared/operations/errors.ts';
import { isUserId } from '../shared/operations/ids.ts';
import { readArguments } from '../shared/process/command-line.ts';
import { readConfig } from '../shared/process/config.ts';
import { createToken } from './create-token.ts';

const usage = `Usage: npm run token -- --user NAME [--role agent] [--role admin] [--expires 1h]

Prints a token for trials, signed with JWT_SECRET.`;

try {
  const { values } = readArguments({
    usage,
    options: {
      user: { type: 'string' },
      role: { type: 'string', multiple: true, default: [] },
      expires: { type: 'string', default: '1h' },
    },
  });
  if (!values.user || !isUserId(values.user)) throw new Error('--user must be 1 to 255 characters');
  const unknown = values.role.filter((role) => role !== 'agent' && role !== 'admin');
  if (unknown.length > 0) throw new Error(`--role must be agent or admin, not ${unknown.join(', ')}`);
  const claims = { userId: values.user, roles: values.role, expiresIn: values.expires };
  console.log(await createToken(readConfig(process.env), claims));
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 1;
}
