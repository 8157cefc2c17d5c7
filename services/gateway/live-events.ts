/** Which events are live, and what a listener gets of them. */

import type { StoredEvent } from '../../shared/broker/event-codec.ts';
import { invalid } from '../../shared/operations/errors.ts';
import type { EventType } from '../../shared/operations/event.ts';
import { movieIdOf } from '../movies/contract.ts';
import { voteEvents, votesIn } from '../ranking/contract.ts';
import { reminderDue } from '../reminder/contract.ts';
import { ticketEvents } from '../tickets/contract.ts';

/** `sequence` is that of the stream which the event's kind comes from. */
export type LiveEvent =
  | { kind: 'likes'; sequence: number; movieId: number; likes?: number }
  | { kind: 'ticket'; sequence: number; userId: string; ticketId: string; change: string; at: string }
  | { kind: 'reminder'; sequence: number; userId: string; movieId: number; dueAt: string };

interface LiveStream {
  stream: string;
  filter: string;
  events: EventType[];
  toLive(event: StoredEvent, memory: Map<string, string>): LiveEvent[];
}

/** Index of each kind's stream in `liveStreams` and in positions. */
export const streamOfKind: Record<LiveEvent['kind'], number> = { likes: 0, ticket: 1, reminder: 2 };

/** The streams that are followed. `memory` holds the user of each ticket, for later events published by hand without. */
export const liveStreams: LiveStream[] = [
  {
    stream: 'VOTES',
    filter: 'votes.>',
    events: voteEvents,
    toLive(event) {
      const movieIds = new Set(votesIn(event).map(({ movieId }) => movieId));
      return [...movieIds].map((movieId) => ({ kind: 'likes', sequence: event.sequence, movieId }));
    },
  },
  {
    stream: 'SUPPORT',
    filter: 'support.>',
    events: Object.values(ticketEvents),
    toLive: ({ type, data, tokens, sequence, time }, memory) => {
      const { ticketId = '' } = tokens;
      if (type === ticketEvents.opened.type) memory.set(ticketId, (data as { userId: string }).userId);
      const userId = (data as { userId?: string }).userId ?? memory.get(ticketId);
      if (userId === undefined) return [];
      const change = type.split('.').at(-2) ?? '';
      if (change === 'resolved' || change === 'cancelled') memory.delete(ticketId);
      return [{ kind: 'ticket', sequence, userId, ticketId, change, at: new Date(time).toISOString() }];
    },
  },
  {
    stream: 'LIBRARY',
    filter: 'reminders.due.>',
    events: [reminderDue],
    toLive(event) {
      const { tokens, sequence, time } = event;
      const { userId = '' } = tokens;
      const dueAt = new Date(time).toISOString();
      return [{ kind: 'reminder', sequence, userId, movieId: movieIdOf(event), dueAt }];
    },
  },
];

/** Where a listener is in each of the streams, as in `liveStreams`. */
export type Positions = [number, number, number];

/** An event id of Server-Sent Events: the three sequences. */
export function encodePositions(positions: Positions): string {
  return positions.join('-');
}

/** @throws AppError invalid for what is not such an id. */
export function decodePositions(text: string): Positions {
  const parts = /^(\d{1,15})-(\d{1,15})-(\d{1,15})$/.exec(text)?.slice(1).map(Number);
  if (parts) return parts as Positions;
  throw invalid({ field: 'Last-Event-ID', message: 'is not an event id of this service' });
}
