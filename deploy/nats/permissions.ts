/**
 * Who may say what on the broker: one user for each service and program, with exactly the subjects that it needs.
 * A new service needs a line in `services`; `npm run deploy:nats` writes the configuration.
 */

import { liveStreams } from '../../services/gateway/live-events.ts';
import { movieStated } from '../../services/movies/contract.ts';
import { voteGiven, votesGiven } from '../../services/ranking/contract.ts';
import { libraryChanged, reminderScheduled } from '../../services/reminder/contract.ts';
import { ticketEvents } from '../../services/tickets/contract.ts';
import { deadLetterStream } from '../../shared/broker/dead-letters.ts';
import { filterOf } from '../../shared/operations/event.ts';
import { batchSubject, pingSubject, replicaSubject } from '../../shared/rpc/wire-format.ts';
import { streams } from '../../streams/index.ts';

/** A stream that a service reads into its view. `>` is all of it. */
interface Reading {
  stream: string;
  filter: string;
}

interface ServiceTable {
  reads: Reading[];
  /** Subjects of its events. */
  publishes: string[];
  /** Services whose operations it calls. */
  asks: string[];
  /** Durable consumers of its workers: stream, name, and the subject that they take. */
  works?: { stream: string; durable: string; filter: string }[];
  /** Whether it has operations on NATS. */
  answers: boolean;
}

/** Users as NATS configures them. An entry of `subscribe` may be `subject queue`. */
export interface User {
  publish: { allow: string[]; deny?: string[] };
  subscribe: { allow: string[] };
  /** Whether it may answer requests, at whichever inbox they ask for. */
  responds: boolean;
}

const catalogue = { stream: 'CATALOGUE', filter: 'catalogue.>' };
const votes = { stream: 'VOTES', filter: 'votes.>' };
const tickets = { stream: 'SUPPORT', filter: 'support.>' };
const { opened, acknowledged, assigned, resolved, cancelled } = ticketEvents;
const behindTheGateway = ['movies', 'ranking', 'reminder', 'support', 'technical-support'];

const services: Record<string, ServiceTable> = {
  movies: { reads: [catalogue], publishes: [filterOf(movieStated)], asks: ['ranking'], answers: true },
  ranking: {
    reads: [catalogue, votes],
    publishes: [filterOf(voteGiven), filterOf(votesGiven)],
    asks: [],
    answers: true,
  },
  reminder: {
    reads: [catalogue, { stream: 'LIBRARY', filter: '>' }],
    // Of due reminders the broker makes the events; cancelling one before its time needs none.
    publishes: [filterOf(libraryChanged), filterOf(reminderScheduled)],
    asks: [],
    answers: true,
  },
  support: { reads: [tickets], publishes: [filterOf(opened), filterOf(cancelled)], asks: [], answers: true },
  'technical-support': {
    reads: [tickets],
    publishes: [acknowledged, assigned, resolved].map(filterOf),
    asks: [],
    works: [{ stream: 'SUPPORT', durable: 'technical-support-orders', filter: filterOf(opened) }],
    answers: true,
  },
  gateway: {
    reads: liveStreams,
    publishes: [],
    asks: behindTheGateway,
    answers: false,
  },
  seed: { reads: [], publishes: [], asks: ['movies'], answers: false },
};

const everyDurable = Object.values(services).flatMap(({ works = [] }) => works);

/** What the library does on a stream to read it: look, make a consumer of its own, take messages, give it back. */
function reading({ stream, filter }: Reading): string[] {
  return [
    `$JS.API.STREAM.INFO.${stream}`,
    // The last message of a subject, to decide again when another was first.
    `$JS.API.STREAM.MSG.GET.${stream}`,
    `$JS.API.CONSUMER.CREATE.${stream}.*${filter === '>' ? '' : `.${filter}`}`,
    ...['MSG.NEXT', 'INFO', 'DELETE'].map((verb) => `$JS.API.CONSUMER.${verb}.${stream}.*`),
  ];
}

function working({ stream, durable, filter }: NonNullable<ServiceTable['works']>[number]): string[] {
  return [
    `$JS.API.CONSUMER.CREATE.${stream}.${durable}.${filter}`,
    `$JS.API.CONSUMER.INFO.${stream}.${durable}`,
    `$JS.API.CONSUMER.MSG.NEXT.${stream}.${durable}`,
    `$JS.ACK.${stream}.${durable}.>`,
  ];
}

/** `$JS.API.CONSUMER.*.STREAM.*` of readers covers durable consumers too: those of others are taken out. */
function othersDurables(name: string): string[] {
  const own = new Set(services[name]?.works);
  return everyDurable
    .filter((work) => !own.has(work) && services[name]?.reads.some(({ stream }) => stream === work.stream))
    .flatMap(({ stream, durable }) => [
      `$JS.API.CONSUMER.CREATE.${stream}.${durable}.>`,
      ...['MSG.NEXT', 'INFO', 'DELETE'].map((verb) => `$JS.API.CONSUMER.${verb}.${stream}.${durable}`),
    ]);
}

function serviceUser(name: string, table: ServiceTable): User {
  const deadLetters = table.reads.length > 0 && table.answers ? [`deadletters.*.${name}.*.failed`] : [];
  const counts = table.reads.length > 0 ? [`$JS.API.STREAM.INFO.${deadLetterStream}`] : [];
  const deny = othersDurables(name);
  return {
    publish: {
      allow: [
        ...table.publishes,
        ...table.asks.flatMap((service) => [
          batchSubject(service),
          replicaSubject(service, '*'),
          pingSubject(service, '*'),
        ]),
        ...table.reads.flatMap(reading),
        ...(table.works ?? []).flatMap(working),
        ...deadLetters,
        ...counts,
      ],
      ...(deny.length > 0 ? { deny } : {}),
    },
    subscribe: {
      allow: [
        `_INBOX.${name}.>`,
        ...(table.answers
          ? [
              // Only in the queue group of its name: a replica cannot listen to what the others are asked.
              `${name}.> ${name}`,
              ...['PING', 'INFO', 'STATS'].flatMap((verb) => [
                `$SRV.${verb}`,
                `$SRV.${verb}.${name}`,
                `$SRV.${verb}.${name}.*`,
              ]),
            ]
          : []),
      ],
    },
    responds: table.answers,
  };
}

/** Only this job makes and changes streams. It deletes none, and reads no message. */
const streamsJob: User = {
  publish: {
    allow: [
      '$JS.API.INFO',
      ...streams.flatMap(({ name }) => ['INFO', 'CREATE', 'UPDATE'].map((verb) => `$JS.API.STREAM.${verb}.${name}`)),
    ],
  },
  subscribe: { allow: ['_INBOX.streams.>'] },
  responds: false,
};

/** The person at the `nats` command line, backups, and everything that a service must not do. */
const operator: User = { publish: { allow: ['>'] }, subscribe: { allow: ['>'] }, responds: false };

export const users: Record<string, User> = {
  ...Object.fromEntries(Object.entries(services).map(([name, table]) => [name, serviceUser(name, table)])),
  streams: streamsJob,
  operator,
};

/** A user of the broker's own account, for `nats server` and for leaving or moving in a cluster. */
export const systemUser = 'system';

/** Name of the environment variable with a user's public key; with `_SEED` behind it, its secret. */
export function keyVariable(user: string): string {
  return `NKEY_${user.toUpperCase().replaceAll('-', '_')}`;
}
