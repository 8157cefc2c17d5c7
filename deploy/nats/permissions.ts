/**
 * Permissions on the broker: one user for each service and program, with exactly the subjects that it needs. They are
 * derived from the contracts and projections of services; `npm run deploy:write` writes the configuration.
 *
 * In a NATS permission, `*` stands for a whole token, so that permission for consumers with a name prefix cannot be
 * granted. Therefore nobody may delete a consumer (readers' consumers expire), the names of readers' consumers cannot
 * be guessed, and workers' consumers, whose names are known, are denied to everyone else.
 *
 * The requester chooses the reply subject, and the broker does not check it against the requester's permissions.
 * Services only reply to inboxes. A JetStream reply that is sent to a subject of a stream is stored there, but does not
 * pass for an event: API replies have another shape, copies of single messages are marked, and messages of a consumer
 * keep their original subject. All of these go to DEADLETTERS. One hole remains: a user who may read a stream can have
 * an old message of the same stream stored again.
 */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { backingServices, type Service, services } from '../../services/index.ts';
import { archivedKinds, archiveOf } from '../../shared/broker/archive.ts';
import { deadLetterStream } from '../../shared/broker/dead-letters.ts';
import { bucketOf, bucketStream, claimSubject } from '../../shared/broker/snapshot-bucket.ts';
import { probeFilter } from '../../shared/broker/write-health.ts';
import { filterOf } from '../../shared/operations/event.ts';
import { hub, streamFrom } from '../../shared/process/sites.ts';
import { batchSubject, pingSubject, replicaSubject } from '../../shared/rpc/wire-format.ts';
import { migrate, openDatabase } from '../../shared/views/database.ts';
import type { Projection, ViewProjections } from '../../shared/views/projection.ts';
import { derived, streams } from '../../streams/all.ts';

export { keyVariable, systemUser, userNames } from './user-names.ts';

/** A stream that a service reads; the filter `>` selects all of it. */
export interface Reading {
  stream: string;
  filter: string;
  /** Whether the stream's archived messages are read as well. */
  archived?: boolean;
}

/** Permissions of a user, as NATS configures them. An entry of `subscribe` may be `subject queue`. */
export interface User {
  publish: { allow: string[]; deny?: string[] };
  subscribe: { allow: string[] };
  /** Whether the user may reply to requests, at any reply subject. */
  responds: boolean;
}

type Worked = NonNullable<Service['workers']>[number];

const servicesFolder = join(import.meta.dirname, '../../services');
const everyWorker: Worked[] = services.flatMap(({ workers = [] }) => workers);

/** Returns the streams that a service reads: those of its projections, and those that it follows without a view. */
export async function readingsOf({ name, follows = [] }: Service): Promise<Reading[]> {
  const ofView = (await projectionsOf(name)).map(({ stream, filter }) => {
    return { stream, filter, archived: archivedKinds.includes(stream) };
  });
  return [...ofView, ...follows];
}

async function projectionsOf(name: string): Promise<Projection[]> {
  const module = join(servicesFolder, name, 'projections.ts');
  if (!existsSync(module)) return [];
  const { projections } = (await import(module)) as { projections: ViewProjections };
  const db = openDatabase(':memory:');
  try {
    migrate(db, projections.migrations);
    return projections.prepare(db);
  } finally {
    db.$client.close();
  }
}

/** Returns the subjects for reading a stream: its info, creating a consumer, and fetching messages. */
function reading({ stream, filter, archived }: Reading): string[] {
  return [
    `$JS.API.STREAM.INFO.${stream}`,
    `$JS.API.CONSUMER.CREATE.${stream}.*${filter === '>' ? '' : `.${filter}`}`,
    ...['MSG.NEXT', 'INFO'].map((verb) => `$JS.API.CONSUMER.${verb}.${stream}.*`),
    ...(archived ? [`$JS.API.STREAM.MSG.GET.${archiveOf(stream).stream}`] : []),
  ];
}

function working({ durable, event }: Worked): string[] {
  const { stream } = event;
  return [
    `$JS.API.CONSUMER.CREATE.${stream}.${durable}.${filterOf(event)}`,
    `$JS.API.CONSUMER.INFO.${stream}.${durable}`,
    `$JS.API.CONSUMER.MSG.NEXT.${stream}.${durable}`,
    `$JS.ACK.${stream}.${durable}.>`,
  ];
}

/** Returns the consumers of other services' workers, to be denied: permission to read a stream would include them. */
function othersWorkers({ workers = [] }: Service, readings: Reading[]): string[] {
  const others = everyWorker.filter((worker) => !workers.includes(worker));
  return others
    .filter(({ event }) => readings.some(({ stream }) => stream === event.stream))
    .flatMap(({ durable, event: { stream } }) => [
      `$JS.API.CONSUMER.CREATE.${stream}.${durable}`,
      `$JS.API.CONSUMER.CREATE.${stream}.${durable}.>`,
      ...['MSG.NEXT', 'INFO'].map((verb) => `$JS.API.CONSUMER.${verb}.${stream}.${durable}`),
    ]);
}

/** Returns the subjects for finding, storing and removing snapshots of a service's own view. */
function snapshotsOf(name: string): string[] {
  const stream = bucketStream(name);
  return [
    ...['STREAM.INFO', 'STREAM.MSG.GET', 'STREAM.PURGE', 'DIRECT.GET'].map((verb) => `$JS.API.${verb}.${stream}`),
    ...['C', 'M'].map((kind) => `$O.${bucketOf(name)}.${kind}.>`),
    claimSubject(name),
  ];
}

/** Returns the subjects for asking services about problems that an operator must resolve. */
function statsOf(names: readonly string[]): string[] {
  return names.map((name) => `$SRV.STATS.${name}`);
}

function asking(names: readonly string[]): string[] {
  return names.flatMap((name) => [batchSubject(name), replicaSubject(name, '*'), pingSubject(name, '*')]);
}

async function serviceUser(service: Service): Promise<User> {
  const { name, events, publishes = events, asks = [], workers = [], overNats = true } = service;
  const readings = await readingsOf(service);
  const deny = othersWorkers(service, readings);
  // Permission to read the last message of a subject, to decide again after another writer won.
  const looksUp = readings.filter(({ stream }) => publishes.some((event) => event.stream === stream));
  const allow = [
    ...publishes.map(filterOf),
    ...publishes.map(({ stream }) => probeFilter(stream)),
    ...asking(asks === 'all' ? backingServices.map((asked) => asked.name) : asks),
    ...(asks === 'all' ? statsOf(backingServices.map((asked) => asked.name)) : []),
    ...readings.flatMap(reading),
    ...looksUp.map(({ stream, filter }) => `$JS.API.DIRECT.GET.${stream}.${filter}`),
    ...workers.flatMap(working),
    ...(readings.length > 0 ? [`$JS.API.STREAM.INFO.${deadLetterStream}`] : []),
    ...(readings.length > 0 && overNats ? [`deadletters.*.${name}.*.failed`, ...snapshotsOf(name)] : []),
  ];
  return {
    publish: { allow: [...new Set(allow)], ...(deny.length > 0 ? { deny } : {}) },
    subscribe: { allow: [`_INBOX.${name}.>`, ...(overNats ? answering(name) : [])] },
    responds: overNats,
  };
}

function answering(name: string): string[] {
  return [
    // Only in the queue group of its name, so that a replica cannot read the requests of other replicas.
    `${name}.> ${name}`,
    ...['PING', 'INFO', 'STATS'].flatMap((verb) => [`$SRV.${verb}`, `$SRV.${verb}.${name}`, `$SRV.${verb}.${name}.*`]),
  ];
}

const seed: User = {
  publish: { allow: asking(['movies']) },
  subscribe: { allow: ['_INBOX.seed.>'] },
  responds: false,
};

/** The job that creates and updates streams. It may not delete streams or read messages. */
const streamsJob: User = {
  publish: {
    allow: [
      '$JS.API.INFO',
      // Tells whether it runs at an edge.
      `$JS.API.STREAM.INFO.${streamFrom('CATALOGUE', hub, { site: '' })}`,
      ...statsOf(backingServices.map(({ name }) => name)),
      ...[...streams, ...derived].flatMap(({ name }) =>
        ['INFO', 'CREATE', 'UPDATE'].map((verb) => `$JS.API.STREAM.${verb}.${name}`),
      ),
    ],
  },
  subscribe: { allow: ['_INBOX.streams.>'] },
  responds: false,
};

/** The user for the `nats` command line, backups, and everything that a service may not do. */
const operator: User = { publish: { allow: ['>'] }, subscribe: { allow: ['>'] }, responds: false };

/** Returns the permissions of each user. Loads the projections of every service. */
export async function brokerUsers(): Promise<Record<string, User>> {
  const own = await Promise.all(
    services.map(async (service): Promise<[string, User]> => [service.name, await serviceUser(service)]),
  );
  return { ...Object.fromEntries(own), seed, streams: streamsJob, operator };
}
