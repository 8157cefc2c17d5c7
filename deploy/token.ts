/** `npm run token`: prints a token for trials, or a link that signs in with one. */
import { gatewayContract } from '../services/gateway/contract.ts';
import { createToken } from '../shared/operations/create-token.ts';
import { isUserId } from '../shared/operations/ids.ts';
import { readArguments, refuseArguments, runProgram } from '../shared/process/command-line.ts';
import { portOf, readConfig } from '../shared/process/config.ts';

const usage = `Usage: npm run token -- --user NAME [--role agent] [--role admin] [--expires 1h] [--login [--url URL]]

Prints a token for trials, signed with JWT_SECRET. With --login it prints a link that signs the user in to the web
pages; URL is their address if they are not on this machine.`;

await runProgram(async () => {
  const { values } = readArguments({
    usage,
    options: {
      user: { type: 'string' },
      role: { type: 'string', multiple: true, default: [] },
      expires: { type: 'string', default: '1h' },
      login: { type: 'boolean', default: false },
      url: { type: 'string' },
    },
  });
  if (values.user === undefined) refuseArguments('--user is missing', usage);
  if (!isUserId(values.user)) throw new Error('--user must be 1 to 255 characters');
  const unknown = values.role.filter((role) => role !== 'agent' && role !== 'admin');
  if (unknown.length > 0) throw new Error(`--role must be agent or admin, not ${unknown.join(', ')}`);
  const claims = { userId: values.user, roles: values.role, expiresIn: values.expires };
  if (values.url !== undefined && !values.login) throw new Error('--url is only used with --login');
  if (values.url !== undefined && !URL.canParse('/sign-in', values.url))
    throw new Error(`--url ${values.url}: must be a URL such as https://films.example.org`);
  const config = readConfig(process.env);
  const token = await createToken(config, claims).catch((error: unknown) => {
    throw error instanceof TypeError ? new Error(`--expires ${values.expires}: must be like 1h or 30d`) : error;
  });
  const site = values.url ?? `http://${config.host}:${portOf(config, 'gateway') ?? gatewayContract.port}`;
  console.log(values.login ? new URL(`/sign-in?token=${token}`, site).href : token);
});
