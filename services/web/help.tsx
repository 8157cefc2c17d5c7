/** The help pages: opening a ticket and following its progress. */
import type { FC } from 'hono/jsx';
import { toAppError } from '../../shared/operations/errors.ts';
import { support } from '../support/contract.ts';
import type { Ticket } from '../tickets/contract.ts';
import { Act, Pager, Problem, useVisit } from './components.tsx';
import { ignore } from './form.ts';
import type { PageContext } from './visit.ts';
import { readable } from './zone.ts';

const steps = ['open', 'acknowledged', 'assigned', 'resolved'] as const;
/** Most characters of a message or an answer. */
export const maxCharacters = 5000;

interface Draft {
  message: string;
  problem: string;
}

export async function help(c: PageContext, draft?: Draft): Promise<Response> {
  const { visit } = c.var;
  const { texts, userId } = visit;
  const cursor = c.req.query('cursor') || undefined;
  const tickets = userId === undefined ? null : await visit.part(support.list, { userId, limit: 20, cursor });
  if (draft) c.status(400);
  return c.render(
    <>
      <h1>{texts.help.title}</h1>
      <p class="lead">{userId === undefined ? texts.help.signIn : texts.help.intro}</p>
      {userId === undefined ? (
        <a class="button strong" href="/sign-in?next=/help">
          {texts.signIn.title}
        </a>
      ) : (
        <TicketForm draft={draft} />
      )}
      {tickets === null ? null : (
        <section id="tickets" data-on="ticket">
          <h2>{texts.help.yours}</h2>
          {tickets.items.length === 0 ? <p class="quiet">{texts.help.none}</p> : null}
          <ul class="tickets">
            {tickets.items.map((ticket) => (
              <TicketRow ticket={ticket} />
            ))}
          </ul>
          <Pager path="/help" query={{ cursor }} next={tickets.next} />
        </section>
      )}
    </>,
    { title: texts.help.title },
  );
}

const TicketForm: FC<{ draft: Draft | undefined }> = ({ draft }) => {
  const { texts } = useVisit();
  return (
    <form class="sheet" method="post" action="/help">
      <Problem text={draft?.problem} />
      <label>
        <span>{texts.help.message}</span>
        <textarea name="message" rows={5} required maxlength={maxCharacters} placeholder={texts.help.placeholder}>
          {draft?.message}
        </textarea>
      </label>
      {/* Idempotency key, so that a double click does not open a second ticket. */}
      <input type="hidden" name="key" value={crypto.randomUUID()} />
      <button type="submit" class="button strong">
        {texts.help.send}
      </button>
    </form>
  );
};

const TicketRow: FC<{ ticket: Ticket }> = ({ ticket }) => {
  const visit = useVisit();
  const { texts } = visit;
  return (
    <li>
      <a href={`/help/${ticket.ticketId}`} dir="auto">
        {ticket.message}
      </a>
      <span class={`state ${ticket.state}`}>{texts.help.states[ticket.state]}</span>
      <span class="quiet">{texts.help.opened(readable(ticket.openedAt, visit))}</span>
    </li>
  );
};

/** POST /help: opens a ticket. */
export async function openTicket(c: PageContext): Promise<Response> {
  const { visit } = c.var;
  const userId = visit.user;
  const { message = '', key } = visit.form;
  try {
    const { ticketId } = await visit.ask(support.open, { userId, message, idempotencyKey: key });
    return c.redirect(`/help/${ticketId}`, 303);
  } catch (error) {
    const { code } = toAppError(error);
    if (code === 'invalid') return help(c, { message, problem: visit.texts.help.empty });
    // The browser went back to a form that was sent: the new form has another key.
    if (code === 'idempotency_key_reused') return help(c, { message, problem: visit.texts.help.sentBefore });
    throw error;
  }
}

/** GET /help/:ticketId */
export async function ticketPage(c: PageContext): Promise<Response> {
  const { visit } = c.var;
  const { texts } = visit;
  const ticket = await visit.ask(support.get, { userId: visit.user, ticketId: ticketIdOf(c) });
  return c.render(
    <>
      <p>
        <a href="/help">← {texts.help.yours}</a>
      </p>
      <article class="sheet" id="ticket" data-on="ticket">
        <h1>{texts.help.ticket}</h1>
        <p class="quiet">{texts.help.opened(readable(ticket.openedAt, visit))}</p>
        <blockquote dir="auto">{ticket.message}</blockquote>
        <Steps ticket={ticket} />
        <TooLate history={ticket.history} />
        {ticket.assignee ? <p>{texts.help.assignedTo(ticket.assignee)}</p> : null}
        {ticket.resolution ? (
          <>
            <h2>{texts.help.answer}</h2>
            <blockquote class="answer" dir="auto">
              {ticket.resolution}
            </blockquote>
          </>
        ) : null}
        {ticket.state === 'resolved' || ticket.state === 'cancelled' ? null : (
          <Act to={`/help/${ticket.ticketId}/cancel`} swap="#ticket">
            {texts.help.cancel}
          </Act>
        )}
      </article>
    </>,
    { title: texts.help.ticket },
  );
}

/** POST /help/:ticketId/cancel. If the ticket has already ended, the page shows how. */
export async function cancelTicket(c: PageContext): Promise<Response> {
  const { visit } = c.var;
  const ticketId = ticketIdOf(c);
  await visit.ask(support.cancel, { userId: visit.user, ticketId }).catch(ignore('conflict'));
  return c.redirect(`/help/${ticketId}`, 303);
}

const ticketIdOf = (c: PageContext): string => c.req.param('ticketId') as string;

/** Events from another site that arrived after the ticket had ended. They have no effect but are shown. */
export const TooLate: FC<{ history: Ticket['history'] }> = ({ history = [] }) => {
  const visit = useVisit();
  const { help } = visit.texts;
  return (
    <>
      {history.map(({ fact, site, at }) => (
        <p class="quiet">
          {help.tooLate(help.states[fact === 'opened' ? 'open' : fact] as string, site, readable(at, visit))}
        </p>
      ))}
    </>
  );
};

/** The progress of a ticket. */
const Steps: FC<{ ticket: Ticket }> = ({ ticket }) => {
  const { texts } = useVisit();
  const { state } = ticket;
  const shown = state === 'cancelled' ? (['open', 'cancelled'] as const) : steps;
  const at = (shown as readonly string[]).indexOf(state);
  return (
    <ol class="steps">
      {shown.map((step, index) => (
        <li class={index <= at ? 'done' : ''} aria-current={index === at ? 'step' : undefined}>
          {texts.help.states[step]}
        </li>
      ))}
    </ol>
  );
};
