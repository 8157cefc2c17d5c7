/** The same system with secrets: users on the broker, tokens at the entrance. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { nkeyAuthenticator } from '@nats-io/nats-core';
import { connect } from '@nats-io/transport-node';
import { readConfig } from '../../shared/config.ts';
import { createToken } from '../../shared/token.ts';
import { get, until } from '../harness.ts';
import type { Round, Step } from './round.ts';

const file = 'secured.env';

function variables(round: Round): Record<string, string> {
  const lines = readFileSync(join(round.folder, file), 'utf8').split('\n');
  return Object.fromEntries(lines.filter((line) => /^\w+=/.test(line)).map((line) => line.split(/=(.*)/s).slice(0, 2)));
}

async function introduce(round: Round): Promise<undefined> {
  await round.project.program(process.execPath, 'deploy/init.ts', '--file', join(round.folder, file));
  assert.equal(statSync(join(round.folder, file)).mode & 0o777, 0o600, 'only its owner can read the secrets');
  await assert.rejects(round.project.program(process.execPath, 'deploy/init.ts', '--file', join(round.folder, file)));
  round.project = round.projectWith(file);
  await round.project.compose('--profile', 'ports', 'up', '--detach', '--wait');
}

async function tokens(round: Round): Promise<undefined> {
  assert.equal((await round.post('/movies', { movieId: 900_002, title: 'Nobody may' })).status, 401);
  const { JWT_SECRET = '' } = variables(round);
  const config = readConfig({ JWT_SECRET });
  const token = await createToken(config, { userId: 'alice', roles: ['admin', 'agent'], expiresIn: '10m' });
  round.headers = { authorization: `Bearer ${token}` };
  await round.assertState();
  assert.equal((await round.post('/votes/1/like', { voterId: 'bob' })).status, 200);
  round.likes++;
}

async function broker(round: Round): Promise<undefined> {
  const servers = `nats://127.0.0.1:${round.brokerPort}`;
  await assert.rejects(connect({ servers, reconnect: false }), /authorization violation/i);
  const seeds = variables(round);
  const as = (user: string) => {
    const seed = seeds[`NKEY_${user.toUpperCase()}_SEED`];
    const authenticator = nkeyAuthenticator(new TextEncoder().encode(seed));
    return connect({ servers, authenticator, inboxPrefix: `_INBOX.${user}`, timeout: 2000 });
  };
  const movies = await as('movies');
  const jsm = await jetstreamManager(movies, { checkAPI: false });
  await assert.rejects(jsm.streams.delete('VOTES'));
  await assert.rejects(jsm.streams.purge('CATALOGUE'));
  await movies.close();
  const operator = await as('operator');
  const streams = await jetstreamManager(operator);
  assert.ok((await streams.streams.info('VOTES')).state.messages > 0, 'nothing was deleted');
  await operator.close();
}

async function ownPorts(): Promise<undefined> {
  for (const port of [8081, 8082, 8083, 8084, 8085]) {
    assert.equal((await get(`http://127.0.0.1:${port}/readyz`)).status, 200, String(port));
  }
}

/** From a backup everything comes back into a broker that has lost all, with the services running. */
async function backedUp(round: Round): Promise<string> {
  const folder = join(round.folder, 'backups');
  mkdirSync(folder);
  chmodSync(folder, 0o777);
  await round.project.compose('run', '--rm', '-T', 'backup', '/backups/one');
  await round.project.compose('rm', '--stop', '--force', '--volumes', 'broker');
  await round.project.program('docker', 'volume', 'rm', `${round.project.name}_broker`);
  await round.project.compose('--profile', 'ports', 'up', '--detach', '--wait', 'broker');
  const said = await round.project.compose('run', '--rm', '-T', 'restore', '/backups/one');
  await until(async () => {
    await round.assertState();
    return true;
  }, 'the state to be there again');
  return said.trim().split('\n').at(-1) ?? '';
}

async function refusesOpenAccess(round: Round): Promise<undefined> {
  const project = round.projectWith('trial.env', { PUBLISH_ADDRESS: '0.0.0.0' });
  await assert.rejects(project.compose('run', '--rm', '--no-deps', '-T', 'movies'), /would let everyone/);
}

async function encrypted(round: Round): Promise<undefined> {
  const certificates = join(round.folder, 'certificates');
  await round.project.program('deploy/tls/certificates.sh', certificates);
  round.files.push('deploy/tls/compose.yml');
  round.project = round.projectWith(file, { NATS_CONFIG: 'secure-tls', TLS_DIR: certificates });
  await round.project.compose('--profile', 'ports', 'up', '--detach', '--wait');
  await round.assertState();
  const seed = new TextEncoder().encode(variables(round).NKEY_OPERATOR_SEED);
  const options = { servers: `tls://127.0.0.1:${round.brokerPort}`, authenticator: nkeyAuthenticator(seed) };
  await assert.rejects(connect({ ...options, reconnect: false }), 'the authority is not known to everyone');
  const ca = readFileSync(join(certificates, 'ca.crt'), 'utf8');
  const operator = await connect({ ...options, tls: { ca } });
  assert.ok((await (await jetstreamManager(operator)).streams.info('VOTES')).state.messages > 0);
  await operator.close();
}

export const securedSteps: Step[] = [
  { title: 'secrets are introduced, and the state is there', run: introduce },
  { title: 'callers need a token', run: tokens },
  { title: 'each user of the broker can do its own only', run: broker },
  { title: 'the profile `ports` publishes the services', run: ownPorts },
  { title: 'a broker that lost all gets it back from a backup', run: backedUp },
  { title: 'without secrets it does not publish itself to the network', run: refusesOpenAccess },
  { title: 'the broker speaks TLS, and the state is there', run: encrypted },
];
