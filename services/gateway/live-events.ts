/** Which events are live, and what a listener gets of them. */

import type { StoredEvent } from '../../shared/broker/event-codec.ts';
import { invalid } from '../../shared/operations/errors.ts';
import type { EventType } from '../../shared/operations/event.ts';
import type { Sites } from '../../shared/process/sites.ts';
import { movieIdOf } from '../movies/contract.ts';
import { voteEvents, votesIn } from '../ranking/contract.ts';
import { reminderDue } from '../reminder/contract.ts';
import { ticketEvents } from '../tickets/contract.ts';

/** What listeners are told. */
export type LiveFact =
  | { kind: 'likes'; movieId: number; likes?: number }
  | { kind: 'ticket'; userId: string; ticketId: string; change: string; at: string }
  | { kind: 'reminder'; userId: string; movieId: number; dueAt: string };

/** The same with how far whoever has it is in the streams that it comes from: index in positions, and sequence. */
export type LiveEvent = LiveFact & { reached: [index: number, sequence: number][] };

export interface LiveStream {
  stream: string;
  filter: string;
  events: EventType[];
  toLive(event: StoredEvent, memory: Map<string, string>): LiveFact[];
}

/** The streams that are followed. `memory` holds the user of each ticket, for later events published by hand without. */
export const liveStreams: LiveStream[] = [
  {
    stream: 'VOTES',
    filter: 'votes.>',
    events: voteEvents,
    toLive(event) {
      const movieIds = new Set(votesIn(event).map(({ movieId }) => movieId));
      return [...movieIds].map((movieId) => ({ kind: 'likes', movieId }));
    },
  },
  {
    stream: 'SUPPORT',
    filter: 'support.>',
    events: Object.values(ticketEvents),
    toLive: ({ type, data, tokens, time }, memory) => {
      const { ticketId = '' } = tokens;
      if (type === ticketEvents.opened.type) memory.set(ticketId, (data as { userId: string }).userId);
      const userId = (data as { userId?: string }).userId ?? memory.get(ticketId);
      if (userId === undefined) return [];
      const change = type.split('.').at(-2) ?? '';
      if (change === 'resolved' || change === 'cancelled') memory.delete(ticketId);
      return [{ kind: 'ticket', userId, ticketId, change, at: new Date(time).toISOString() }];
    },
  },
  {
    stream: 'LIBRARY',
    filter: 'reminders.due.>',
    events: [reminderDue],
    toLive(event) {
      const { tokens, time } = event;
      const { userId = '' } = tokens;
      const dueAt = new Date(time).toISOString();
      return [{ kind: 'reminder', userId, movieId: movieIdOf(event), dueAt }];
    },
  },
];

/** Where a listener is in each of the streams: those of each site, in the order of `liveStreams`. */
export type Positions = number[];

/** The sequence of a stream that nothing is known of. */
const unknown = -1;

/** An event id of Server-Sent Events: the sequences of the streams; where there are several sites, of each: `hub:7-2-9,edge1:4-0-0`. */
export function encodePositions(positions: Positions, { sites }: Sites): string {
  const each = sites.map((site, index) => {
    const own = positions.slice(index * liveStreams.length, (index + 1) * liveStreams.length);
    return `${sites.length > 1 ? `${site}:` : ''}${own.join('-')}`;
  });
  return each.join();
}

/** @throws AppError invalid for what is not such an id. */
export function decodePositions(text: string, { site, sites }: Sites): Positions {
  const found = new Map<string, number[]>();
  for (const part of text.split(',')) {
    const [, named = site, ...sequences] = /^(?:([\w-]{1,64}):)?(\d{1,15})-(\d{1,15})-(\d{1,15})$/.exec(part) ?? [];
    if (sequences.length === 0)
      throw invalid({ field: 'Last-Event-ID', message: 'is not an event id of this service' });
    found.set(named, sequences.map(Number));
  }
  return sites.flatMap((one) => found.get(one) ?? liveStreams.map(() => unknown));
}
