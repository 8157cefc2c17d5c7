/** Changing a ticket: decide on what the view shows, publish, and decide again when something else was first. */

import { type EventOrigin, encodeEvent, type OutgoingMessage } from '../../shared/broker/event-codec.ts';
import type { EventType } from '../../shared/operations/event.ts';
import type { ServiceContext } from '../../shared/service.ts';
import { type Ticket, ticketEvents } from './contract.ts';
import { changed, requireTransition, type TicketChange } from './ticket.ts';

/** A ticket that a command is about, and how this replica's view shows it. */
export interface Target {
  commands: ServiceContext<unknown>['commands'];
  ticketId: string;
  find(): Ticket | undefined;
}

/** The ticket behind a command. */
export interface Changed {
  ticket: Ticket;
  /** Whether this replica's view shows it already. */
  visible: boolean;
  /** False when nothing had to change. */
  published: boolean;
}

/**
 * Publishes what `decide` gives, to be stored only if nothing else happened to the ticket, at whichever site.
 * `decide` throws to refuse, or gives null when the ticket is as it should be.
 * @throws AppError what `decide` refuses with, or unavailable.
 */
export async function executeChange(
  { commands, ticketId, find }: Target,
  { origin, deadline }: { origin: EventOrigin; deadline: number },
  decide: (known: Ticket | undefined) => TicketChange | null,
): Promise<Changed> {
  let decided: { known: Ticket | undefined; change: TicketChange | null; message?: OutgoingMessage } | undefined;
  const done = await commands.execute(
    () => {
      const known = find();
      const change = decide(known);
      decided = { known, change };
      if (!change) return null;
      const type: EventType = ticketEvents[change.fact];
      const data = known ? { ...change.data, userId: known.userId } : change.data;
      decided.message = encodeEvent(type, { ticketId }, data, origin, {
        expect: { lastSubjectSequence: known?.revision ?? 0, subject: `support.*.${ticketId}.*` },
      });
      return decided.message;
    },
    { stream: ticketEvents.opened.stream, deadline, refusalsAreFinal: true },
  );
  const { known, change, message } = decided as NonNullable<typeof decided>;
  if (!done || !change || !message) return { ticket: known as Ticket, visible: true, published: false };
  const time = Date.parse(message.headers['ce-time'] as string);
  const moment = { ticketId, time, revision: done.published.sequence };
  const ticket = changed(known, change, requireTransition(known, change.fact), moment);
  return { ticket, visible: done.visible, published: true };
}
