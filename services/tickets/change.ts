/** Changes tickets: decides on the view's state, publishes, and decides again if another change was first. */
import { hash } from 'node:crypto';
import type { z } from 'zod';
import { encodeEvent, type OutgoingMessage } from '../../shared/broker/event-codec.ts';
import type { ServiceContext } from '../../shared/service.ts';
import { type Ticket, ticketEvents } from './contract.ts';
import { type KnownTicket, type StoredFact, type TicketChange, ticketOf } from './ticket.ts';

/** A service whose view shows tickets. */
interface TicketService extends Pick<ServiceContext<unknown>, 'config' | 'connection' | 'commands'> {
  view: { queries: { known(ticketId: string): KnownTicket } };
}

/**
 * Publishes the result of `decide`. The broker stores it only if nothing else has happened to the ticket at this site.
 * @param decide returns null if no change is needed; throws to refuse
 * @returns the ticket, whether this replica's view shows it already, and whether a change was published
 * @throws AppError the error of `decide`, or unavailable
 */
export async function executeChange(
  { config, connection, commands, view }: TicketService,
  ticketId: string,
  deadline: number,
  decide: (known: Ticket | undefined) => TicketChange | null,
) {
  const { site } = config;
  let known!: KnownTicket;
  let change!: TicketChange | null;
  let message!: OutgoingMessage | null;
  const done = await commands.execute(
    () => {
      known = view.queries.known(ticketId);
      change = decide(known.ticket);
      message = change && encodeChange(ticketId, known, change, { site, source: connection.name });
      return message;
    },
    { stream: ticketEvents.opened.stream, deadline },
  );
  if (!done || !change || !message) return { ticket: known.ticket as Ticket, visible: true, published: false };
  // The view may lag. The fact gets the time that readers will give it, unless this clock is ahead of the broker's.
  const published = Date.parse(message.headers['ce-time'] as string);
  const time = Math.max(published, (lastTimeElsewhere(known.facts, site) ?? 0) + 1);
  const fact: StoredFact = { ...change, home: site, site, time, sequence: done.published.sequence };
  const ticket = ticketOf(ticketId, [...known.facts, fact]) as Ticket;
  return { ticket, visible: done.visible, published: true };
}

function encodeChange(
  ticketId: string,
  { ticket, facts }: KnownTicket,
  { fact, data }: TicketChange,
  origin: { site: string; source: string },
): OutgoingMessage {
  const payload = ticket ? { ...data, userId: ticket.userId } : data;
  return encodeEvent<z.ZodType>(ticketEvents[fact], { ticketId }, payload, origin, {
    expect: { lastSubjectSequence: lastSequence(facts, origin.site), subject: `support.*.${ticketId}.*` },
    after: lastTimeElsewhere(facts, origin.site),
  });
}

/** Returns the ETag of a ticket. With several sites, sequences are ambiguous, so it is a digest of the whole ticket. */
export function etagOf(ticket: Ticket, { sites }: TicketService['config']): string | number {
  if (sites.length === 1 && !ticket.history) return ticket.revision;
  return hash('sha256', JSON.stringify(ticket), 'base64url').slice(0, 16);
}

/** Returns the sequence of the last fact in this site's stream; 0 without one. */
function lastSequence(facts: StoredFact[], site: string): number {
  return Math.max(0, ...facts.map(({ home, sequence }) => (home === site ? sequence : 0)));
}

function lastTimeElsewhere(facts: StoredFact[], site: string): number | undefined {
  const times = facts.flatMap(({ home, time }) => (home === site ? [] : [time]));
  return times.length === 0 ? undefined : Math.max(...times);
}
