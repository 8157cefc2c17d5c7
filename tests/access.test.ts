/** Access of every kind of caller to every operation, at the service, at the gateway, and over NATS. */
import assert from 'node:assert/strict';
import { afterAll, beforeAll, test } from 'vitest';
import { operationsOf, serviceNames, services } from '../services/index.ts';
import { toHeaders } from '../shared/broker/event-codec.ts';
import { createToken } from '../shared/operations/create-token.ts';
import type { Access, Operation } from '../shared/operations/operation.ts';
import { type Replica, request, type System, startSystem } from './harness.ts';

const secret = 'a secret of at least thirty-two characters';
const self = 'alice';
const refused = new Set([401, 403]);

/** Kinds of callers, and for each access level whether they are allowed (true) or the status of the refusal. */
const callers: Record<string, { token?: () => Promise<string>; sees: Record<Access, true | 401 | 403> }> = {
  nobody: { sees: { public: true, known: 401, self: 401, agent: 401, admin: 401 } },
  'the user': { token: () => tokenOf(self), sees: { public: true, known: true, self: true, agent: 403, admin: 403 } },
  'another user': {
    token: () => tokenOf('mallory'),
    sees: { public: true, known: true, self: 403, agent: 403, admin: 403 },
  },
  'an agent': {
    token: () => tokenOf('robin', 'agent'),
    sees: { public: true, known: true, self: true, agent: true, admin: 403 },
  },
  'an administrator': {
    token: () => tokenOf('root', 'admin'),
    sees: { public: true, known: true, self: true, agent: true, admin: true },
  },
  'a forged token': {
    token: async () => `${(await tokenOf('root', 'admin')).slice(0, -4)}AAAA`,
    sees: { public: 401, known: 401, self: 401, agent: 401, admin: 401 },
  },
  'an expired token': {
    token: () => createToken(accessOf(secret), { userId: self, roles: ['admin'], expiresIn: '-1h' }),
    sees: { public: 401, known: 401, self: 401, agent: 401, admin: 401 },
  },
  'a token of another secret': {
    token: () => createToken(accessOf(`${secret} not`), { userId: self, roles: ['admin'], expiresIn: '1h' }),
    sees: { public: 401, known: 401, self: 401, agent: 401, admin: 401 },
  },
  'an unsigned token': {
    token: async () => `${part({ alg: 'none' })}.${part({ sub: 'root', roles: ['admin'], exp: 9_999_999_999 })}.`,
    sees: { public: 401, known: 401, self: 401, agent: 401, admin: 401 },
  },
};

let system: System;
const urls = new Map<string, string>();

beforeAll(async () => {
  system = await startSystem();
  const replicas: Replica[] = [];
  for (const name of serviceNames) {
    replicas.push(await system.startReplica(name, { JWT_SECRET: secret, WRITES_PER_MINUTE: '0' }));
  }
  await Promise.all(replicas.map(({ ready }) => ready));
  for (const { name, url } of replicas) urls.set(name, url);
});
afterAll(() => system[Symbol.asyncDispose]());

function accessOf(given: string) {
  return { access: { secret: given, jwksUrl: undefined, issuer: undefined, audience: undefined, clockToleranceS: 0 } };
}

function tokenOf(userId: string, ...roles: string[]): Promise<string> {
  return createToken(accessOf(secret), { userId, roles, expiresIn: '1h' });
}

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

const operations = operationsOf(services);

for (const [name, { token, sees }] of Object.entries(callers)) {
  for (const operation of operations) {
    const expected = sees[operation.access];
    const { voterId: _, ...example } = operation.example as Record<string, unknown>;
    const { shape } = operation.input;
    const input = {
      ...example,
      ...('userId' in shape ? { userId: self } : {}),
      ...('voterId' in shape && 'idempotencyKey' in shape ? { idempotencyKey: 'of this test' } : {}),
    };

    test(`${name} → ${operation.subject}: ${expected === true ? 'allowed' : expected}`, async () => {
      const bearer = await token?.();
      const service = operation.subject.slice(0, operation.subject.indexOf('.'));
      const statuses = operation.http ? [await overHttp(urls.get('gateway') ?? '', operation, input, bearer)] : [];
      if (service !== 'gateway') {
        if (operation.http) statuses.push(await overHttp(urls.get(service) ?? '', operation, input, bearer));
        statuses.push(await overNats(operation, input, bearer));
      }
      for (const status of statuses) {
        if (expected === true) assert.ok(!refused.has(status) && status < 500, `let in, not ${status}`);
        else assert.equal(status, expected);
      }
    });
  }
}

async function overHttp(
  base: string,
  operation: Operation,
  input: Record<string, unknown>,
  token?: string,
): Promise<number> {
  const rest = { ...input };
  const path = operation.path.replace(/:(\w+)/g, (_, name: string) => {
    const value = rest[name];
    delete rest[name];
    return encodeURIComponent(String(value));
  });
  const hasBody = operation.method === 'POST' || operation.method === 'PUT';
  const query = hasBody
    ? ''
    : `?${new URLSearchParams(Object.entries(rest).map(([key, value]) => [key, String(value)]))}`;
  const { status } = await request(operation.method, `${base}${path}${query}`, {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    ...(hasBody ? { body: rest } : {}),
  });
  return status;
}

async function overNats({ subject }: Operation, input: unknown, token?: string): Promise<number> {
  const headers = toHeaders(token === undefined ? {} : { Authorization: `Bearer ${token}` });
  const reply = await system.link.nc.request(subject, JSON.stringify(input), { headers, timeout: 10_000 });
  return Number(reply.headers?.get('Nats-Service-Error-Code') || 200);
}
