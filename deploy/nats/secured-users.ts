/** Test helper: a broker with users and streams, connections as each user, and the subjects it refuses to them. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { errors, type NatsConnection, nkeyAuthenticator } from '@nats-io/nats-core';
import { connect } from '@nats-io/transport-node';
import { services } from '../../services/index.ts';
import { Connection } from '../../shared/broker/connection.ts';
import type { EventType } from '../../shared/operations/event.ts';
import { type Config, portVariable, readConfig } from '../../shared/process/config.ts';
import { createLogger } from '../../shared/process/log.ts';
import { applyStreams } from '../../streams/apply.ts';
import { temporaryFolder } from '../../tests/folder.ts';
import { until } from '../../tests/until.ts';
import { type SecuredBroker, startSecuredBroker } from './secured-broker.ts';

/** A connection as one user. */
export interface UserConnection extends AsyncDisposable {
  nc: NatsConnection;
  /** Subjects that the broker refused, in order. */
  refused: string[];
}

/** Returns a subject of an event, as its owner publishes it. */
export function subjectOfExample({ subject }: EventType): string {
  return subject.replace('{site}', 'hub').replace(/\{\w+\}/g, '1');
}

/** A subject that only the operator may publish to. */
const refusedToAll = 'refused.to.all';

export class SecuredUsers implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  readonly #folder: string;
  readonly broker: SecuredBroker;

  private constructor(stack: AsyncDisposableStack, folder: string, broker: SecuredBroker) {
    this.#stack = stack;
    this.#folder = folder;
    this.broker = broker;
  }

  static async start(): Promise<SecuredUsers> {
    await using stack = new AsyncDisposableStack();
    const { path } = stack.use(temporaryFolder());
    const broker = stack.use(await startSecuredBroker(path));
    const users = new SecuredUsers(stack.move(), path, broker);
    await using connection = new Connection(users.configFor('streams'), 'streams', createLogger('streams', 'silent'));
    await applyStreams((await connection.first).nc, { streamReplicas: 1 });
    // The second run checks that the user may also inspect existing streams.
    await applyStreams((await connection.first).nc, { streamReplicas: 1 });
    return users;
  }

  configFor(user: string): Config {
    const ports = Object.fromEntries(services.map(({ name }) => [portVariable(name), '0']));
    const env = { ...ports, NATS_URL: this.broker.url, NATS_NKEY_SEED: this.broker.seedOf(user), LOG_LEVEL: 'silent' };
    return readConfig({ ...env, DATA_DIR: join(this.#folder, user) });
  }

  async connect(user: string): Promise<UserConnection> {
    const authenticator = nkeyAuthenticator(new TextEncoder().encode(this.broker.seedOf(user)));
    const servers = this.broker.url;
    const nc = await connect({ servers, authenticator, inboxPrefix: `_INBOX.${user}`, timeout: 3000 });
    const refused: string[] = [];
    void (async () => {
      for await (const status of nc.status()) {
        if (status.type !== 'error') continue;
        const { error } = status;
        refused.push(error instanceof errors.PermissionViolationError ? error.subject : error.message);
      }
    })();
    return { nc, refused, [Symbol.asyncDispose]: () => nc.close() };
  }

  /** Publishes to subjects as a user and returns those that the broker refuses. */
  async refusedOf(user: string, subjects: string[]): Promise<string[]> {
    await using client = await this.connect(user);
    for (const subject of subjects) client.nc.publish(subject, '{}', { reply: `_INBOX.${user}.x` });
    // Refusals arrive in order, so this one marks the end.
    client.nc.publish(refusedToAll);
    await until(() => client.refused.at(-1) === refusedToAll, `the refusals of ${user}`);
    return client.refused.slice(0, -1);
  }

  async assertRefused(user: string, subjects: string[]): Promise<void> {
    assert.deepEqual(await this.refusedOf(user, subjects), subjects, `what ${user} must not publish`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
