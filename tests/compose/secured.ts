/** The system with secrets: users on the broker, tokens for callers. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { type NatsConnection, nkeyAuthenticator } from '@nats-io/nats-core';
import { connect } from '@nats-io/transport-node';
import { backingServices } from '../../services/index.ts';
import { createToken } from '../../shared/operations/create-token.ts';
import { readConfig } from '../../shared/process/config.ts';
import { get, until } from '../harness.ts';
import type { Round, Step } from './round.ts';

export const securedFile = 'secured.env';

function variables(round: Round): Record<string, string> {
  const lines = readFileSync(join(round.folder, securedFile), 'utf8').split('\n');
  return Object.fromEntries(lines.filter((line) => /^\w+=/.test(line)).map((line) => line.split(/=(.*)/s).slice(0, 2)));
}

/** Connects as one of the broker's users. @param ca authority of the broker's certificate, if it uses TLS */
export function connectAs(round: Round, user: string, ca?: string): Promise<NatsConnection> {
  const seed = variables(round)[`NKEY_${user.toUpperCase()}_SEED`];
  return connect({
    servers: `${ca ? 'tls' : 'nats'}://127.0.0.1:${round.brokerPort}`,
    authenticator: nkeyAuthenticator(new TextEncoder().encode(seed)),
    inboxPrefix: `_INBOX.${user}`,
    timeout: 2000,
    ...(ca ? { tls: { ca } } : {}),
  });
}

export async function introduce(round: Round): Promise<undefined> {
  await round.project.program(process.execPath, 'deploy/init.ts', '--file', join(round.folder, securedFile));
  assert.equal(statSync(join(round.folder, securedFile)).mode & 0o777, 0o600, 'only its owner can read the secrets');
  const made = readFileSync(join(round.folder, securedFile));
  await round.project.program(process.execPath, 'deploy/init.ts', '--file', join(round.folder, securedFile));
  assert.deepEqual(readFileSync(join(round.folder, securedFile)), made, 'no secret is made twice');
  round.project = round.projectWith(securedFile);
  await round.project.compose('--profile', 'ports', 'up', '--detach', '--wait');
}

export async function tokens(round: Round): Promise<undefined> {
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
  const movies = await connectAs(round, 'movies');
  const jsm = await jetstreamManager(movies, { checkAPI: false });
  await assert.rejects(jsm.streams.delete('VOTES'));
  await assert.rejects(jsm.streams.purge('CATALOGUE'));
  await movies.close();
  const operator = await connectAs(round, 'operator');
  const streams = await jetstreamManager(operator);
  assert.ok((await streams.streams.info('VOTES')).state.messages > 0, 'nothing was deleted');
  await operator.close();
}

async function ownPorts(): Promise<undefined> {
  for (const { port } of backingServices) {
    assert.equal((await get(`http://127.0.0.1:${port}/readyz`)).status, 200, String(port));
  }
}

/** Makes a backup into the folder that compose mounts. */
export async function backUp(round: Round, name: string): Promise<void> {
  const folder = join(round.folder, 'backups');
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o777);
  await round.project.compose('run', '--rm', '-T', 'backup', `/backups/${name}`);
}

/** Restores a backup into a broker that lost everything, while the services run. */
async function backedUp(round: Round): Promise<string> {
  await backUp(round, 'one');
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

/** @param files compose files that mount the certificates */
export async function encrypted(round: Round, files = ['deploy/tls/compose.yml']): Promise<string> {
  const certificates = join(round.folder, 'certificates');
  await round.project.program('deploy/tls/certificates.sh', certificates);
  round.files.push(...files);
  const ca = readFileSync(join(certificates, 'ca.crt'), 'utf8');
  const variables = { NATS_CONFIG: 'secure-tls', TLS_DIR: certificates, NATS_TLS_CA: ca };
  round.project = round.projectWith(securedFile, variables);
  await round.project.compose('--profile', 'ports', 'up', '--detach', '--wait');
  await round.assertState();
  const servers = `tls://127.0.0.1:${round.brokerPort}`;
  await assert.rejects(connect({ servers, reconnect: false }), 'the authority is not known to everyone');
  const operator = await connectAs(round, 'operator', ca);
  assert.ok((await (await jetstreamManager(operator)).streams.info('VOTES')).state.messages > 0);
  await operator.close();
  return ca;
}

export const securedSteps: Step[] = [
  { title: 'introducing secrets keeps the state', run: introduce },
  { title: 'callers need a token', run: tokens },
  { title: 'each user of the broker has only its own permissions', run: broker },
  { title: 'the profile `ports` publishes the services', run: ownPorts },
  { title: 'a broker that lost everything is restored from a backup', run: backedUp },
  { title: 'without secrets the system refuses to be published to the network', run: refusesOpenAccess },
  {
    title: 'turning on TLS at the broker keeps the state',
    async run(round) {
      await encrypted(round);
      return undefined;
    },
  },
];
