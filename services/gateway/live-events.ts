/** Which stored events are sent to live listeners, in what form, and the ids that clients resume from. */
import type { StoredEvent } from '../../shared/broker/event-codec.ts';
import { invalid } from '../../shared/operations/errors.ts';
import type { EventType } from '../../shared/operations/event.ts';
import type { Sites } from '../../shared/process/sites.ts';
import { movieIdOf } from '../movies/contract.ts';
import { voteEvents, votesIn } from '../ranking/contract.ts';
import { reminderDue } from '../reminder/contract.ts';
import { ticketEvents } from '../tickets/contract.ts';

/** The content of a live event. `likes` is set when the event is sent, from ranking's current count. */
export type LiveFact =
  | { kind: 'likes'; movieId: number; likes?: number }
  | { kind: 'ticket'; userId: string; ticketId: string; change: string; at: string }
  | { kind: 'reminder'; userId: string; movieId: number; dueAt: string };

/** A live event with the positions that its receiver has reached: index in `Positions`, and sequence. */
export type LiveEvent = LiveFact & { reached: [index: number, sequence: number][] };

export interface LiveStream {
  stream: string;
  filter: string;
  events: EventType[];
  /** Returns the live events of a stored event. `memory` is kept between calls, one for each followed stream. */
  toLive(event: StoredEvent, memory: Map<string, string>): LiveFact[];
}

/** The streams that are followed. */
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
      // Events published by hand may lack the user: `memory` has the user who opened each ticket.
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

/** A listener's sequence in each stream: for each site, the streams in the order of `liveStreams`. */
export type Positions = number[];

/** The sequence of a stream that an event id says nothing about. */
const unknown = -1;

/** Returns positions as a Server-Sent Events id: `7-2-9`, or with several sites `hub:7-2-9,edge1:4-0-0`. */
export function encodePositions(positions: Positions, { sites }: Sites): string {
  const each = sites.map((site, index) => {
    const own = positions.slice(index * liveStreams.length, (index + 1) * liveStreams.length);
    return `${sites.length > 1 ? `${site}:` : ''}${own.join('-')}`;
  });
  return each.join();
}

/** Reads positions from an event id. @throws AppError invalid when the text is not an event id */
export function decodePositions(text: string, { site, sites }: Sites): Positions {
  const found = new Map<string, number[]>();
  for (const part of text.split(',')) {
    const [, named = site, ...sequences] = /^(?:([\w-]{1,64}):)?(\d{1,15})-(\d{1,15})-(\d{1,15})$/.exec(part) ?? [];
    if (sequences.length === 0)
      throw invalid({ field: 'Last-Event-ID', message: 'is not an event id of this service' });
    found.set(named, sequences.map(Number));
  }
  return sites.flatMap((name) => found.get(name) ?? liveStreams.map(() => unknown));
}
